/* Outputs: geometry and pixels of grids, ranges, plots, scatters, animations, and files that cannot be
 * written. */
#include "outcase.h"

#include <gif_lib.h>
#include <zlib.h>

/* ---- grid ---- */

static void grids_have_the_expected_sizes(void **state) {
    static const struct {
        int n, size, columns, scale, width, height;
    } sizes[] = {
        {100, 32, 10, 0, 342, 342}, {100, 28, 10, 0, 302, 302}, {25, 64, 0, 0, 332, 332},
        {400, 28, 20, 0, 602, 602}, {121, 32, 0, 0, 376, 376},  {16, 40, 8, 2, 658, 166},
        {7, 5, 0, 0, 23, 23},       {5, 5, 2, 3, 36, 53},
    };
    Case *c = *state;
    use(c, "grid");
    static float image[400 * 64 * 64];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        OutValue v = VALUE(image, F32, sizes[i].n, sizes[i].size, sizes[i].size, 1);
        c->job.value = &v;
        *(int64_t *)option(c, "columns") = sizes[i].columns;
        *(int64_t *)option(c, "scale") = sizes[i].scale;
        *(int *)option(c, "grid") = 0;
        write_well(c);
        Picture p = read_back(c, false);
        assert_int_equal(p.width, sizes[i].width);
        assert_int_equal(p.height, sizes[i].height);
        picture_free(&p);
    }
}

static void grid_pixels_are_the_images(void **state) {
    Case *c = *state;
    use(c, "grid");
    *(int *)option(c, "grid") = 0;
    float image[3][2][4];
    for (int i = 0; i < 24; i++) ((float *)image)[i] = (float)(i + 1) / 25;
    OutValue v = VALUE(image, F32, 3, 2, 4, 1);
    c->job.value = &v;
    write_well(c);
    assert_string_equal(c->job.made, in_folder(c, "shown-000050.png"));
    Picture p = read_back(c, false);
    assert_int_equal(p.width, 2 * 6 + 2);
    assert_int_equal(p.height, 2 * 4 + 2);
    int inside = 0;
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < 2; y++)
            for (int x = 0; x<4; x++, inside += at(&p, 2 + i % 2 * 6 + x - 1, 2 + i / 2 * 4 + y, 0)> 0)
                assert_int_equal(at(&p, 2 + i % 2 * 6 + x, 2 + i / 2 * 4 + y, 0),
                                 lround(255 * (double)image[i][y][x]));
    int lit = 0;
    for (int i = 0; i < p.width * p.height; i++) lit += p.pixel[i] > 0;
    assert_int_equal(inside, 24);
    assert_int_equal(lit, 24); /* separators and the empty place are black */
    picture_free(&p);
}

static void the_range_turns_to_minus_one_once_and_stays(void **state) {
    Case *c = *state;
    use(c, "grid");
    *(int *)option(c, "grid") = 0;
    *(int64_t *)option(c, "spacing") = 0;
    static const struct {
        float pixel[3];
        int seen[3];
    } runs[] = {{{0, 0.5f, 2}, {0, 128, 255}}, {{-1, 0, 1}, {0, 128, 255}}, {{0, 0.5f, NAN}, {128, 191, 0}}};
    for (int i = 0; i < 3; i++) {
        OutValue v = VALUE(runs[i].pixel, F32, 1, 1, 3, 1);
        c->job.value = &v;
        write_well(c);
        Picture p = read_back(c, false);
        for (int x = 0; x < 3; x++) assert_int_equal(at(&p, x, 0, 0), runs[i].seen[x]);
        picture_free(&p);
        assert_true(c->job.range[0] == (i ? -1 : 0) && c->job.range[1] == 1);
    }
    *(Floats *)option(c, "range") = (Floats){2, {0, 4}};
    OutValue v = VALUE(((float[]){1, 2, 3}), F32, 1, 1, 3, 1);
    c->job.value = &v;
    write_well(c);
    Picture p = read_back(c, false);
    assert_int_equal(at(&p, 1, 0, 0), 128);
    picture_free(&p);
}

static void colored_and_palette_grids_are_rgb(void **state) {
    Case *c = *state;
    use(c, "grid");
    *(int *)option(c, "grid") = 0;
    OutValue rgb = VALUE(((float[]){1, 0.2f, 0, 0, 0.4f, 1}), F32, 1, 1, 2, 3);
    c->job.value = &rgb;
    c->job.at_end = true;
    write_well(c);
    assert_string_equal(c->job.made, in_folder(c, "shown.png"));
    Picture p = read_back(c, true);
    assert_int_equal(at(&p, 2, 2, 0), 255), assert_int_equal(at(&p, 2, 2, 1), 51),
        assert_int_equal(at(&p, 2, 2, 2), 0);
    assert_int_equal(at(&p, 3, 2, 0), 0), assert_int_equal(at(&p, 3, 2, 1), 102),
        assert_int_equal(at(&p, 3, 2, 2), 255);
    assert_int_equal(at(&p, 0, 0, 0), 0);
    picture_free(&p);

    *(int *)option(c, "palette") = 1;
    OutValue mask = VALUE(((uint8_t[]){0, 1}), U8, 1, 1, 2, 1);
    c->job.value = &mask;
    write_well(c);
    p = read_back(c, true);
    assert_int_equal(at(&p, 2, 2, 0), 68), assert_int_equal(at(&p, 2, 2, 1), 1),
        assert_int_equal(at(&p, 2, 2, 2), 84);
    assert_int_equal(at(&p, 3, 2, 0), 253), assert_int_equal(at(&p, 3, 2, 1), 231),
        assert_int_equal(at(&p, 3, 2, 2), 37);
    assert_int_equal(at(&p, 0, 0, 0), 255);
    picture_free(&p);
}

/* A ramp from black to white across 10 pixels has its nine inner levels as straight upright lines. */
static void contours_are_drawn_at_the_levels(void **state) {
    Case *c = *state;
    use(c, "grid");
    *(int *)option(c, "grid") = 0;
    *(int64_t *)option(c, "spacing") = 0;
    *(int64_t *)option(c, "scale") = 16;
    float ramp[10][10];
    for (int i = 0; i < 100; i++) ramp[i / 10][i % 10] = ((float)(i % 10) + 0.5f) / 10;
    OutValue v = VALUE(ramp, F32, 1, 10, 10, 1);
    c->job.value = &v;
    Picture lines[2];
    for (int k = 0; k < 2; k++) {
        *(bool *)option(c, "contours") = k;
        c->job.name = k ? "with" : "without";
        write_well(c);
        lines[k] = read_back(c, false);
        assert_int_equal(lines[k].width, 160);
    }
    for (int x = 0; x < 160; x++) {
        int smooth = (int)lround(255 * (x + 0.5) / 160);
        bool on_line = x > 8 && x < 152 && (x % 16 == 0 || x % 16 == 15);
        for (int y = 0; y < 160; y += 53)
            assert_int_equal(abs(at(&lines[1], x, y, 0) - smooth) > 12, on_line);
    }
    picture_free(&lines[0]), picture_free(&lines[1]);
}

/* ---- what a spec may ask for ---- */

static void wrong_grids_are_refused(void **state) {
    Case *c = *state;
    Tensor flat = {F32, SHAPE(16, 2)}, four = {F32, SHAPE(16, 8, 8, 4)}, rgb = {F32, SHAPE(16, 8, 8, 3)};
    Tensor huge = {F32, SHAPE(100000, 64, 64, 1)}, endless = {F32, SHAPE((int64_t)1 << 40, 64, 64, 1)};
    Tensor grey = {F32, SHAPE(16, 8, 8, 1)};
    use(c, "grid");
    *(int *)option(c, "grid") = 0;
    refused(c, 1, &flat, "grid: images must be [n, height, width, 1 or 3], not [16, 2]");
    refused(c, 1, &four, "grid: images must be [n, height, width, 1 or 3], not [16, 8, 8, 4]");
    refused(
        c, 1, &huge,
        "grid: a picture of [100000, 64, 64, 1] is too large; show fewer images ([0:64]) or set scale: 1");
    refused(c, 1, &endless,
            "grid: a picture of [1099511627776, 64, 64, 1] is too large; show fewer images ([0:64]) or set "
            "scale: 1");
    *(int *)option(c, "palette") = 1;
    refused(c, 1, &rgb, "grid: palette: viridis is for images of one channel, these have 3");
    *(bool *)option(c, "contours") = true;
    refused(c, 1, &rgb, "grid: contours is for images of one channel, these have 3");
    *(Floats *)option(c, "range") = (Floats){2, {1, 0}};
    refused(c, 1, &grey, "grid: range is [black, white], the lower number first");
    *(Floats *)option(c, "range") = (Floats){0};
    assert_true(c->kind->check(c->options, 1, &grey, diags_new(c->arena), (Loc){0}));
}

static void wrong_scatters_are_refused(void **state) {
    Case *c = *state;
    Tensor value[] = {{F32, SHAPE(16, 2)}, {I32, SHAPE(15)}, {F32, SHAPE(16)}, {I32, SHAPE(16)}};
    use(c, "scatter");
    give(c, "scatter", 1, 0);
    assert_true(c->kind->check(c->options, 4, value, diags_new(c->arena), (Loc){0}));
    *(int *)option(c, "color") = 3;
    assert_true(c->kind->check(c->options, 4, value, diags_new(c->arena), (Loc){0}));
    *(int *)option(c, "color") = 1;
    refused(c, 4, value, "scatter: color must be one number for each of the 16 points, not [15]");
    *(int *)option(c, "modes") = 2;
    refused(c, 4, value, "scatter: modes must be [n, 2] or wider, not [16]");
    *(Ints *)option(c, "axes") = (Ints){2, {0, 2}};
    refused(c, 4, value, "scatter: points must be [n, 3] or wider, not [16, 2]");
    *(Ints *)option(c, "axes") = (Ints){1, {0}};
    refused(c, 4, value, "scatter: axes are two or three numbers from 0, such as [0, 1]");
    *(Ints *)option(c, "axes") = (Ints){2, {0, 1}};
    *(Floats *)option(c, "range") = (Floats){1, {3}};
    refused(c, 4, value, "scatter: range is [low, high], the lower number first");
}

/* ---- scatter ---- */

static void scatters_show_samples_over_data_with_modes(void **state) {
    Case *c = *state;
    use(c, "scatter");
    float data[400][2], samples[400][2];
    for (int i = 0; i < 400; i++) {
        data[i][0] = (float)(i % 20) / 10 - 1, data[i][1] = (float)(i / 20) / 10 - 1;
        samples[i][0] = 0.02f * (float)(i % 7), samples[i][1] = 1e9f * (float)(i % 2);
    }
    static const float modes[] = {0.5f, 0.5f, -0.5f, 0.5f};
    OutValue v[] = {VALUE(data, F32, 400, 2), VALUE(samples, F32, 400, 2), VALUE(NULL, I32, 400),
                    VALUE(modes, F32, 2, 2)};
    int32_t label[400];
    for (int i = 0; i < 400; i++) label[i] = 1;
    v[2].data = label;
    c->job.value = v, c->job.nvalue = 4;
    *(int *)option(c, "modes") = 3;
    give(c, "scatter", 2, 0);
    write_well(c);
    Picture p = read_back(c, true);
    assert_int_equal(p.width, 600), assert_int_equal(p.height, 600);
    assert_true(count_color(&p, 208, 208, 208, 12) > 500); /* Okabe and Ito's blue over light grey */
    assert_true(count_color(&p, 0, 114, 178, 12) > 20);
    assert_true(count_color(&p, 0, 0, 0, 100) > 20);
    assert_true(count_color(&p, 213, 94, 0, 12) < 5);
    picture_free(&p);
    assert_true(c->job.range[0] > -2 && c->job.range[0] < -1 && c->job.range[1] > 0.9 && c->job.range[1] < 2);

    double kept[2] = {c->job.range[0], c->job.range[1]};
    for (int i = 0; i < 400; i++) data[i][0] *= 30;
    *(int *)option(c, "color") = 2;
    write_well(c);
    assert_true(c->job.range[0] == kept[0] && c->job.range[1] == kept[1]);
    p = read_back(c, true);
    assert_true(count_color(&p, 213, 94, 0, 12) > 20);
    picture_free(&p);
}

static void odd_points_are_drawn_without_harm(void **state) {
    Case *c = *state;
    use(c, "scatter");
    float same[2][3] = {{1, 1, 1}, {1, 1, 1}}, nowhere[2][3] = {{NAN, INFINITY, 0}, {0, -INFINITY, 0}};
    float amount[2] = {NAN, 3};
    OutValue v[] = {VALUE(same, F32, 2, 3), VALUE(nowhere, F32, 2, 3), VALUE(amount, F32, 2)};
    c->job.value = v, c->job.nvalue = 3;
    for (int i = 0; i < 2; i++) {
        give(c, "scatter", 1, i);
        *(int *)option(c, "color") = i ? 2 : -1;
        c->job.range[0] = c->job.range[1] = 0;
        write_well(c);
        assert_true(c->job.range[0] < c->job.range[1]);
    }
}

/* ---- plots ---- */

/* Tags open and close in turn, attributes are quoted: as much of XML as cairo writes. */
static void assert_well_formed(const Bytes *svg) {
    const char *p = (const char *)svg->at;
    const char *open[64];
    size_t length[64];
    int depth = 0;
    assert_memory_equal(p, "<?xml", 5);
    for (p = strstr(p, "?>") + 2; (p = strchr(p, '<')); p++) {
        bool closes = p[1] == '/';
        const char *name = p + 1 + closes;
        size_t n = strcspn(name, " />\n");
        const char *stop = strchr(p, '>');
        assert_non_null(stop);
        int quotes = 0;
        for (const char *q = p; q < stop; q++) quotes += *q == '"';
        assert_int_equal(quotes % 2, 0);
        if (closes) {
            assert_true(depth-- > 0);
            assert_true(length[depth] == n && !strncmp(open[depth], name, n));
        } else if (stop[-1] != '/') {
            assert_true(depth < 64);
            open[depth] = name, length[depth++] = n;
        }
    }
    assert_int_equal(depth, 0);
}

enum { POINTS = 5000 };
static double steps[POINTS], wild[POINTS], constant[POINTS], nothing[POINTS], negative[POINTS];

static void plot(Case *c, const char *name, int n, const char *const *names) {
    for (int i = 0; i < POINTS; i++) {
        steps[i] = i;
        wild[i] = i % 911 == 3 ? 1e30 : i % 700 < 50 ? NAN : sin(i / 300.0) + 0.1 * ((i * 7919) % 100);
        constant[i] = 0.25, nothing[i] = NAN, negative[i] = -1;
    }
    static const Series series[] = {{"wild", POINTS, steps, wild},
                                    {"constant", POINTS, steps, constant},
                                    {"nothing", POINTS, steps, nothing},
                                    {"one", 1, steps, constant},
                                    {"none", 0, NULL, NULL},
                                    {"few", 12, steps, wild + 100},
                                    {"negative", 30, steps, negative}};
    use(c, "plot");
    c->job.name = name;
    c->job.series = series, c->job.nseries = 7;
    *(Names *)option(c, "plot") = (Names){n, names};
}

static void equal_plots_are_equal_files(void **state) {
    Case *c = *state;
    static const char *const names[] = {"wild", "constant", "few"};
    plot(c, "first", 3, names);
    write_well(c);
    assert_string_equal(c->job.made, in_folder(c, "first.png"));
    plot(c, "second", 3, names);
    *(const char **)option(c, "title") = "first";
    write_well(c);
    static const char *const ends[] = {"first.png", "second.png", "first.svg", "second.svg"};
    for (int i = 0; i < 4; i += 2) {
        Bytes a = whole(c, ends[i]), b = whole(c, ends[i + 1]);
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.at, b.at, a.n);
        if (i == 2) assert_well_formed(&a);
        assert_true(a.n < 400000); /* 5000 points are thinned out */
        bytes_free(&a), bytes_free(&b);
    }
}

static void every_series_can_be_plotted(void **state) {
    Case *c = *state;
    static const char *const names[] = {"wild", "constant", "nothing",  "one",
                                        "none", "few",      "negative", "no such"};
    for (int i = 0; i < 8; i++)
        for (int log_scale = 0; log_scale < 2; log_scale++) {
            plot(c, "p", 1, names + i);
            *(bool *)option(c, "log") = log_scale;
            *(double *)option(c, "smooth") = i % 2 ? 0 : 0.9;
            write_well(c);
            Bytes svg = whole(c, "p.svg");
            assert_well_formed(&svg);
            assert_null(strstr((char *)svg.at, "nan"));
            assert_null(strstr((char *)svg.at, "inf"));
            bytes_free(&svg);
        }
    plot(c, "p", 8, names);
    write_well(c);
    plot(c, "p", 0, NULL);
    write_well(c);
}

static void curves_have_their_colors_and_gaps(void **state) {
    Case *c = *state;
    static const char *const names[] = {"constant"};
    plot(c, "line", 1, names);
    *(double *)option(c, "smooth") = 0;
    write_well(c);
    Picture p = read_back(c, true);
    assert_int_equal(p.width, 1440), assert_int_equal(p.height, 880);
    int row = 0, blue = 0;
    for (int y = 0; y < p.height; y++)
        if (at(&p, 800, y, 2) == 178 && at(&p, 800, y, 0) == 0) row = y;
    assert_true(row > 200 && row < 780); /* a constant lies in the middle, not on the rim */
    for (int x = 0; x < p.width; x++) blue += at(&p, x, row, 2) == 178 && at(&p, x, row, 0) == 0;
    assert_in_range(blue, 1200, 1300);
    picture_free(&p);
    for (int i = 1500; i < 3500; i++) constant[i] = NAN;
    write_well(c);
    p = read_back(c, true);
    blue = 0;
    for (int x = 0; x < p.width; x++) blue += at(&p, x, row, 2) == 178 && at(&p, x, row, 0) == 0;
    assert_in_range(blue, 720, 800);
    picture_free(&p);
}

static void ticks_are_round_and_few(void **state) {
    (void)state;
    static const struct {
        Scale s;
        int n;
        const char *first, *last;
    } cases[] = {{{0, 1000, false, true}, 6, "0", "1000"},
                 {{-1, 1, false, false}, 5, "-1.0", "1.0"},
                 {{0, 3, false, true}, 4, "0", "3"},
                 {{0.001, 0.0042, false, false}, 4, "0.001", "0.004"},
                 {{1, 1000, true, false}, 4, "1", "1000"},
                 {{0.3, 8, true, false}, 4, "0.5", "5"},
                 {{2.1, 2.3, true, false}, 5, "2.10", "2.30"},
                 {{0, 4e7, false, false}, 5, "0", "4e+07"},
                 {{1e-9, 1e9, true, false}, 5, "1e-09", "1e+07"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Ticks t;
        ticks_make(&cases[i].s, 5, &t);
        assert_string_equal(t.text[0], cases[i].first);
        assert_string_equal(t.text[t.n - 1], cases[i].last);
        assert_int_equal(t.n, cases[i].n);
    }
}

/* ---- animations ---- */

static void frame(Case *c, int64_t step, int size, int channels, uint8_t level) {
    Picture p;
    assert_true(picture_new(&p, size, size + 1, channels));
    memset(p.pixel, level, (size_t)(size * (size + 1) * channels));
    p.pixel[1] = 7;
    assert_true(picture_write(&p, in_folder(c, arena_printf(c->arena, "shown-%06lld.png", (long long)step))));
    picture_free(&p);
}

static void grey_frames_become_a_gif_in_order_of_steps(void **state) {
    Case *c = *state;
    frame(c, 1000000, 8, 1, 200), frame(c, 50, 8, 1, 50),
        frame(c, 999999, 8, 1, 100); /* not in order of letters */
    assert_true(file_write_whole(in_folder(c, "shown-x.png"), "x", 1));
    assert_true(file_write_whole(in_folder(c, "shown-000060.png.tmp"), "x", 1));
    assert_true(file_write_whole(in_folder(c, "shown2-000060.png"), "x", 1));
    assert_true(animation_make(c->folder, "shown", c->job.why, sizeof c->job.why));

    struct stat mode;
    assert_int_equal(stat(in_folder(c, "shown.gif"), &mode), 0);
    mode_t mask = umask(022);
    umask(mask);
    assert_int_equal(mode.st_mode & 0777, 0666 & ~mask);
    int error;
    GifFileType *gif = DGifOpenFileName(in_folder(c, "shown.gif"), &error);
    assert_non_null(gif);
    assert_int_equal(DGifSlurp(gif), GIF_OK);
    assert_int_equal(gif->ImageCount, 3);
    for (int i = 0; i < 3; i++) {
        static const int level[] = {50, 100, 200};
        GraphicsControlBlock control;
        assert_int_equal(DGifSavedExtensionToGCB(gif, i, &control), GIF_OK);
        assert_int_equal(control.DelayTime, i == 2 ? 100 : 20);
        const GifByteType *raster = gif->SavedImages[i].RasterBits;
        for (int k = 0; k < 72; k++) {
            GifColorType seen = gif->SColorMap->Colors[raster[k]];
            assert_int_equal(seen.Red, k == 1 ? 7 : level[i]);
            assert_int_equal(seen.Blue, seen.Red);
        }
    }
    DGifCloseFile(gif, &error);
}

static uint32_t big32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Undoes the rows' filters 0 and 2. */
static void inflate_rows(const uint8_t *packed, size_t n, int width, int height, uint8_t *out) {
    uint8_t raw[4096];
    uLongf size = sizeof raw;
    size_t row = (size_t)width * 3;
    assert_int_equal(uncompress(raw, &size, packed, n), Z_OK);
    assert_int_equal(size, (row + 1) * (size_t)height);
    for (int y = 0; y < height; y++) {
        const uint8_t *from = raw + (size_t)y * (row + 1);
        assert_true(from[0] == 0 || from[0] == 2);
        for (size_t x = 0; x < row; x++)
            out[(size_t)y * row + x] =
                (uint8_t)(from[1 + x] + (from[0] ? out[(size_t)(y - 1) * row + x] : 0));
    }
}

static void colored_frames_become_an_animated_png(void **state) {
    Case *c = *state;
    frame(c, 0, 8, 1, 10), frame(c, 5, 8, 3, 20), frame(c, 20, 8, 3, 30);
    assert_true(animation_make(c->folder, "shown", c->job.why, sizeof c->job.why));
    Picture first;
    assert_true(picture_read(&first, in_folder(c, "shown.apng.png"), true));
    assert_int_equal(first.width, 8), assert_int_equal(first.height, 9);
    assert_int_equal(at(&first, 3, 3, 0), 10);
    picture_free(&first);

    Bytes file = whole(c, "shown.apng.png");
    int frames = 0, pictures = 0;
    uint32_t sequence = 0;
    for (uint8_t *p = file.at + 8; p < file.at + file.n - 1;) {
        uint32_t n = big32(p);
        assert_int_equal(big32(p + 8 + n), crc32(0, p + 4, n + 4));
        if (!memcmp(p + 4, "acTL", 4)) assert_int_equal(big32(p + 8), 3);
        if (!memcmp(p + 4, "fcTL", 4)) {
            assert_int_equal(big32(p + 8), sequence++);
            assert_int_equal(p[8 + 20] << 8 | p[8 + 21], frames++ == 2 ? 1000 : 200);
        }
        bool later = !memcmp(p + 4, "fdAT", 4);
        if (later) assert_int_equal(big32(p + 8), sequence++);
        if (later || !memcmp(p + 4, "IDAT", 4)) {
            uint8_t pixel[8 * 9 * 3];
            inflate_rows(p + 8 + 4 * later, n - 4 * later, 8, 9, pixel);
            for (int i = 6; i < 8 * 9 * 3; i++) assert_int_equal(pixel[i], 10 * (pictures + 1));
            pictures++;
        }
        p += 12 + n;
    }
    assert_int_equal(frames, 3), assert_int_equal(pictures, 3);
    bytes_free(&file);
}

static void bad_frames_are_named(void **state) {
    Case *c = *state;
    assert_false(animation_make(c->folder, "shown", c->job.why, sizeof c->job.why));
    assert_non_null(strstr(c->job.why, "no frames"));
    frame(c, 1, 8, 1, 0), frame(c, 2, 9, 1, 0);
    assert_false(animation_make(c->folder, "shown", c->job.why, sizeof c->job.why));
    assert_string_equal(
        c->job.why,
        arena_printf(c->arena, "%s/shown-000002.png: has another size than the first frame", c->folder));
    assert_true(file_write_whole(in_folder(c, "shown-000002.png"), "no picture", 10));
    assert_false(animation_make(c->folder, "shown", c->job.why, sizeof c->job.why));
    assert_string_equal(c->job.why, arena_printf(c->arena, "%s/shown-000002.png: not a PNG file", c->folder));
    assert_false(animation_make("/nonexistent", "shown", c->job.why, sizeof c->job.why));
    assert_string_equal(c->job.why, "/nonexistent: No such file or directory");
}

/* ---- files that cannot be written ---- */

static void a_missing_folder_is_said(void **state) {
    Case *c = *state;
    float black[4] = {0};
    OutValue v = VALUE(black, F32, 1, 2, 2, 1);
    c->job.value = &v;
    c->job.samples = c->job.plots = "/nonexistent/folder";
    use(c, "grid");
    *(int *)option(c, "grid") = 0;
    assert_false(c->kind->write(&c->job, c->options));
    assert_string_equal(c->job.why, "/nonexistent/folder/shown-000050.png: No such file or directory");
    static const char *const names[] = {"one"};
    plot(c, "p", 1, names);
    assert_false(c->kind->write(&c->job, c->options));
    assert_string_equal(c->job.why, "/nonexistent/folder/p.svg: No such file or directory");
}

static void a_full_disk_leaves_the_old_file(void **state) {
    Case *c = *state;
    const char *path = in_folder(c, "kept");
    static char large[100000];
    assert_true(file_write_whole(path, "before", 6));
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 5000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    errno = 0;
    bool written = file_write_whole(path, large, sizeof large);
    int error = errno;
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    assert_false(written);
    assert_int_equal(error, EFBIG);
    Bytes kept = whole(c, "kept");
    assert_string_equal((char *)kept.at, "before");
    bytes_free(&kept);
    assert_int_equal(access(in_folder(c, "kept.tmp"), F_OK), -1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(grids_have_the_expected_sizes),
        TEST(grid_pixels_are_the_images),
        TEST(the_range_turns_to_minus_one_once_and_stays),
        TEST(colored_and_palette_grids_are_rgb),
        TEST(contours_are_drawn_at_the_levels),
        TEST(wrong_grids_are_refused),
        TEST(wrong_scatters_are_refused),
        TEST(scatters_show_samples_over_data_with_modes),
        TEST(odd_points_are_drawn_without_harm),
        TEST(equal_plots_are_equal_files),
        TEST(every_series_can_be_plotted),
        TEST(curves_have_their_colors_and_gaps),
        TEST(ticks_are_round_and_few),
        TEST(grey_frames_become_a_gif_in_order_of_steps),
        TEST(colored_frames_become_an_animated_png),
        TEST(bad_frames_are_named),
        TEST(a_missing_folder_is_said),
        TEST(a_full_disk_leaves_the_old_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
