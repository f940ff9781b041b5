/* Panels, single images, histograms, matrices, tables, arrays, projections: pixels and bytes against what they are made of. */
#include "outcase.h"

#include <zip.h>

#include "base/rng.h"
#include "out/project.h"

static void name_items(Case *c, const char *key, const char *const *name) {
    Exprs *all = option(c, key);
    ExprItem *item = arena_copy(c->arena, all->at, sizeof *item * (size_t)all->n);
    for (int i = 0; i < all->n; i++) item[i].name = item[i].set_name = name[i];
    all->at = item;
}

/* The draws of one stream: normal numbers by the rule of Box and Muller. */
static double gauss(int64_t i) {
    Stream s = rng_stream(5, 7, 0, 0);
    double u = (rng_word(s, (uint64_t)(2 * i)) + 0.5) * 0x1p-32, v = rng_word(s, (uint64_t)(2 * i + 1)) * 0x1p-32;
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* ---- panels and images ---- */

static void panels_show_a_batch_a_row(void **state) {
    Case *c = *state;
    use(c, "panel");
    float a[3][2][2][1], b[2][2][2][1];
    for (int i = 0; i < 12; i++) ((float *)a)[i] = (float)(i + 1) / 40;
    for (int i = 0; i < 8; i++) ((float *)b)[i] = (float)(i + 21) / 40;
    OutValue v[] = {VALUE(a, F32, 3, 2, 2, 1), VALUE(b, F32, 2, 2, 2, 1)};
    c->job.value = v, c->job.nvalue = 2;
    give(c, "panel", 2, 0);
    write_well(c);
    Picture p = read_back(c, false);
    assert_int_equal(p.width, 3 * 4 + 2), assert_int_equal(p.height, 2 * 4 + 2);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 4; k++) {
            int x = 2 + 4 * i + k % 2, y = 2 + k / 2;
            assert_int_equal(at(&p, x, y, 0), lround(255 * (double)a[i][k / 2][k % 2][0]));
            assert_int_equal(at(&p, x, y + 4, 0), i < 2 ? lround(255 * (double)b[i][k / 2][k % 2][0]) : 0);
        }
    picture_free(&p);

    *(int64_t *)option(c, "columns") = 2;             /* the batches' third images come below both rows of two */
    write_well(c);
    p = read_back(c, false);
    assert_int_equal(p.width, 2 * 4 + 2), assert_int_equal(p.height, 4 * 4 + 2);
    assert_int_equal(at(&p, 2, 2 + 8, 0), lround(255 * (double)a[2][0][0][0]));
    assert_int_equal(at(&p, 6, 2 + 4, 0), lround(255 * (double)b[1][0][0][0]));
    assert_int_equal(at(&p, 6, 2 + 8, 0), 0);
    picture_free(&p);
}

static void panels_of_grey_and_colored_images_are_rgb(void **state) {
    Case *c = *state;
    use(c, "panel");
    OutValue v[] = {VALUE(((float[]){-0.5f}), F32, 1, 1, 1, 1), VALUE(((float[]){1, 0, -1}), F32, 1, 1, 1, 3)};
    c->job.value = v, c->job.nvalue = 2;
    give(c, "panel", 2, 0);
    write_well(c);
    assert_true(c->job.range[0] == -1 && c->job.range[1] == 1);    /* of all rows together */
    Picture p = read_back(c, true);
    for (int k = 0; k < 3; k++) assert_int_equal(at(&p, 2, 2, k), 64);
    for (int k = 0; k < 3; k++) assert_int_equal(at(&p, 2, 5, k), ((int[]){255, 128, 0})[k]);
    picture_free(&p);
}

static void images_are_files_of_their_own(void **state) {
    Case *c = *state;
    use(c, "images");
    OutValue v = VALUE(((float[]){0, 0.2f, 0.4f, 1}), F32, 4, 1, 1, 1);
    c->job.value = &v, c->job.nvalue = 1;
    *(int *)option(c, "images") = 0;
    write_well(c);
    assert_string_equal(c->job.made, in_folder(c, "shown-000050"));
    for (int i = 0; i < 4; i++) {
        const char *path = in_folder(c, arena_printf(c->arena, "shown-000050/%05d.png", i));
        Picture p;
        assert_true(picture_read(&p, path, false));
        assert_int_equal(p.width * p.height, 1);
        assert_int_equal(p.pixel[0], ((int[]){0, 51, 102, 255})[i]);
        picture_free(&p);
        unlink(path);
    }
    rmdir(in_folder(c, "shown-000050"));
    c->job.samples = "/nonexistent";
    assert_false(c->kind->write(&c->job, c->options));
    assert_string_equal(c->job.why, "/nonexistent/shown-000050: No such file or directory");
}

static void wrong_panels_and_images_are_refused(void **state) {
    Case *c = *state;
    Tensor value[] = {{F32, SHAPE(4, 8, 8, 1)}, {F32, SHAPE(4, 16, 16, 1)}, {F32, SHAPE(16, 2)}};
    use(c, "panel");
    refused(c, 0, value, "panel: wants a list of batches of images");
    give(c, "panel", 2, 0);
    refused(c, 2, value, "panel: images must be of one size, these are [4, 8, 8, 1] and [4, 16, 16, 1]; `upsample` the smaller ones");
    give(c, "panel", 1, 2);
    refused(c, 3, value, "panel: images must be [n, height, width, 1 or 3], not [16, 2]");
    use(c, "images");
    *(int *)option(c, "images") = 2;
    refused(c, 3, value, "images: images must be [n, height, width, 1 or 3], not [16, 2]");
}

/* ---- histograms ---- */

/* The lowest row of blue in a column of the picture, and the highest: how tall the bar is. */
static int bar(const Picture *p, int x) {
    int n = 0;
    for (int y = 0; y < p->height; y++) n += at(p, x, y, 2) - at(p, x, y, 0) > 60;
    return n;
}

static void histograms_have_bars_of_the_counts(void **state) {
    Case *c = *state;
    use(c, "histogram");
    float number[100];                                /* 10 in the first quarter of 0..4, 20, 30, 40 */
    for (int i = 0; i < 100; i++) number[i] = i < 10 ? 0.5f : i < 30 ? 1.5f : i < 60 ? 2.5f : 3.5f;
    OutValue v = VALUE(number, F32, 100);
    c->job.value = &v, c->job.nvalue = 1;
    give(c, "histogram", 1, 0);
    *(int64_t *)option(c, "bins") = 4;
    *(Floats *)option(c, "range") = (Floats){2, {0, 4}};
    write_well(c);
    Picture p = read_back(c, true);
    double one = bar(&p, 144 + (1440 - 144 - 44) / 8) / 10.0;      /* the axes lie from 72 to 698 points, twice as many pixels */
    for (int k = 0; k < 4; k++) {
        int tall = bar(&p, 144 + (1440 - 144 - 44) * (2 * k + 1) / 8);
        assert_true(fabs(tall - 10 * (k + 1) * one) < 6);
        assert_true(tall > 100);
    }
    picture_free(&p);
}

static void histograms_keep_their_range_and_say_what_is_missing(void **state) {
    Case *c = *state;
    use(c, "histogram");
    float number[4] = {-1, 1, NAN, INFINITY};
    OutValue v[] = {VALUE(number, F32, 4), VALUE(number, F32, 2)};
    c->job.value = v, c->job.nvalue = 2;
    give(c, "histogram", 2, 0);
    name_items(c, "histogram", (const char *const[]){"one", "two"});
    write_well(c);
    assert_true(c->job.range[0] == -1 && c->job.range[1] == 1);
    number[0] = 0, number[1] = 3;
    *(bool *)option(c, "log") = true;
    write_well(c);
    assert_true(c->job.range[0] == -1 && c->job.range[1] == 3);
    for (int i = 0; i < 4; i++) number[i] = NAN;
    c->job.range[0] = c->job.range[1] = 0;
    write_well(c);                                    /* nothing to see, and no harm */
    number[0] = number[1] = number[2] = number[3] = 7;
    c->job.range[0] = c->job.range[1] = 0;
    write_well(c);
    assert_true(c->job.range[0] < 7 && c->job.range[1] > 7);
}

static void wrong_histograms_are_refused(void **state) {
    Case *c = *state;
    Tensor value[20];
    for (int i = 0; i < 20; i++) value[i] = (Tensor){F32, SHAPE(3)};
    use(c, "histogram");
    give(c, "histogram", 0, 0);
    refused(c, 0, value, "histogram: there are no numbers");
    give(c, "histogram", 17, 0);
    refused(c, 20, value, "histogram: at most 16 sets of numbers fit into a picture, these are 17");
    give(c, "histogram", 1, 0);
    *(Floats *)option(c, "range") = (Floats){2, {1, 1}};
    refused(c, 1, value, "histogram: range is [low, high], the lower number first");
}

/* ---- matrices ---- */

static void confusions_are_counted(void **state) {
    Case *c = *state;
    use(c, "matrix");
    int32_t seen[] = {0, 1, 1, 2, 2, 2, 0, 1, 5, -1}, truth[] = {0, 1, 2, 2, 2, 2, 1, 1, 0, 0};
    OutValue v[] = {VALUE(seen, I32, 10), VALUE(truth, I32, 10)};
    c->job.value = v, c->job.nvalue = 2;
    *(int *)option(c, "matrix") = 0, *(int *)option(c, "truth") = 1;
    *(int64_t *)option(c, "classes") = 3;
    write_well(c);
    Bytes csv = whole(c, "shown-000050.csv");
    assert_string_equal((char *)csv.at, "1,0,0\n1,2,0\n0,1,3\n");
    bytes_free(&csv);
    Picture p = read_back(c, true);
    int dark = count_color(&p, 8, 48, 107, 3);        /* one row is all right: a cell of 88 pixels, less its number */
    assert_in_range(dark, 6000, 88 * 88);
    picture_free(&p);

    *(int64_t *)option(c, "classes") = 0;             /* up to the largest one seen */
    static const char *const labels[] = {"a long name of a class", "b"};
    *(Names *)option(c, "labels") = (Names){2, labels};
    write_well(c);
    csv = whole(c, "shown-000050.csv");
    assert_string_equal((char *)csv.at, "1,0,0,0,0,1\n1,2,0,0,0,0\n0,1,3,0,0,0\n0,0,0,0,0,0\n0,0,0,0,0,0\n0,0,0,0,0,0\n");
    bytes_free(&csv);
    for (int i = 0; i < 10; i++) seen[i] = truth[i];
    write_well(c);
    p = read_back(c, true);
    assert_true(count_color(&p, 8, 48, 107, 3) > 2 * dark);        /* now three are */
    picture_free(&p);
}

static void any_matrix_is_shown(void **state) {
    Case *c = *state;
    use(c, "matrix");
    float number[] = {0, 0.5f, 1, 0.25f, NAN, 0.75f};
    OutValue v = VALUE(number, F32, 2, 3);
    c->job.value = &v, c->job.nvalue = 1;
    *(int *)option(c, "matrix") = 0;
    write_well(c);
    Bytes csv = whole(c, "shown-000050.csv");
    assert_string_equal((char *)csv.at, "0,0.5,1\n0.25,nan,0.75\n");
    bytes_free(&csv);
    Picture p = read_back(c, true);
    assert_true(count_color(&p, 68, 1, 84, 3) > 3000 && count_color(&p, 253, 231, 37, 3) > 3000);    /* viridis's ends */
    picture_free(&p);
}

static void wrong_matrices_are_refused(void **state) {
    Case *c = *state;
    Tensor value[] = {{F32, SHAPE(4)}, {I32, SHAPE(4)}, {I32, SHAPE(5)}, {F32, SHAPE(201, 4)}};
    use(c, "matrix");
    *(int *)option(c, "matrix") = 1, *(int *)option(c, "truth") = -1;
    refused(c, 4, value, "matrix: a matrix is [rows, columns], at most 200 each, not [4]; for a confusion matrix give the true "
                         "classes by 'truth'");
    *(int *)option(c, "matrix") = 3;
    refused(c, 4, value, "matrix: a matrix is [rows, columns], at most 200 each, not [201, 4]; for a confusion matrix give the "
                         "true classes by 'truth'");
    *(int *)option(c, "matrix") = 0, *(int *)option(c, "truth") = 1;
    refused(c, 4, value, "matrix: with 'truth', classes are ints, one a sample (argmax(...)), not float [4] and int [4]");
    *(int *)option(c, "matrix") = 2;
    refused(c, 4, value, "matrix: [5] predicted classes for [4] true ones");
}

/* ---- tables and arrays ---- */

static void tables_of_numbers_and_of_columns(void **state) {
    Case *c = *state;
    use(c, "table");
    OutValue v[] = {VALUE(((float[]){0.1f, 2, 3, -4, 5, 1e9f}), F32, 3, 2), VALUE(((int32_t[]){7, 8, 9}), I32, 3),
                    {{F32, {0}}, (float[]){0.25f}}, {{U8, {0}}, (uint8_t[]){1}}};
    c->job.value = v, c->job.nvalue = 4;
    give(c, "table", 2, 0);
    name_items(c, "table", (const char *const[]){"code", "a,b"});
    write_well(c);
    Bytes file = whole(c, "shown-000050.csv");
    assert_string_equal((char *)file.at, "code_0,code_1,\"a,b\"\n0.100000001,2,7\n3,-4,8\n5,1e+09,9\n");
    bytes_free(&file);
    file = whole(c, "shown-000050.txt");
    assert_string_equal((char *)file.at, "     code_0  code_1  a,b\n0.100000001       2    7\n          3      -4    8\n"
                                         "          5   1e+09    9\n");
    bytes_free(&file);
    give(c, "table", 2, 2);
    name_items(c, "table", (const char *const[]){"loss", "right"});
    write_well(c);
    file = whole(c, "shown-000050.csv");
    assert_string_equal((char *)file.at, "name,value\nloss,0.25\nright,1\n");
    bytes_free(&file);
    file = whole(c, "shown-000050.txt");
    assert_string_equal((char *)file.at, "loss   0.25\nright  1\n");
    bytes_free(&file);
    Tensor types[] = {v[0].type, v[1].type, v[2].type};
    give(c, "table", 3, 0);
    refused(c, 3, types, "table: all values are single numbers, or have the same number of rows; these are [3, 2] and []");
}

static void npy_files_are_numpys(void **state) {
    Case *c = *state;
    use(c, "file");
    float number[] = {1, 2, 3, 4, 5, 6};
    OutValue v[] = {VALUE(number, F32, 2, 3), {{I32, {0}}, (int32_t[]){-7}}};
    c->job.value = v, c->job.nvalue = 2;
    give(c, "file", 1, 0);
    write_well(c);
    assert_string_equal(c->job.made, in_folder(c, "shown-000050.npy"));
    Bytes file = whole(c, "shown-000050.npy");
    assert_int_equal(file.n, 128 + sizeof number + 1);
    assert_memory_equal(file.at, "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3,), }", 67);
    assert_int_equal(file.at[127], '\n');
    assert_memory_equal(file.at + 128, number, sizeof number);
    bytes_free(&file);
    give(c, "file", 1, 1);
    write_well(c);
    file = whole(c, "shown-000050.npy");
    assert_non_null(strstr((char *)file.at + 10, "'<i4', 'fortran_order': False, 'shape': (), }"));
    assert_memory_equal(file.at + 128, (int32_t[]){-7}, 4);
    bytes_free(&file);
}

static void npz_files_hold_arrays_by_name(void **state) {
    Case *c = *state;
    use(c, "file");
    float number[] = {1, 2, 3};
    OutValue v[] = {VALUE(number, F32, 3), VALUE(((uint8_t[]){1, 0}), U8, 2)};
    c->job.value = v, c->job.nvalue = 2;
    give(c, "file", 2, 0);
    name_items(c, "file", (const char *const[]){"critic/dense_1/weight", NULL});
    write_well(c);
    Bytes first = whole(c, "shown-000050.npz");
    write_well(c);
    Bytes again = whole(c, "shown-000050.npz");       /* no time of day goes into the file */
    assert_int_equal(first.n, again.n);
    assert_memory_equal(first.at, again.at, first.n);
    bytes_free(&first), bytes_free(&again);
    int error;
    zip_t *zip = zip_open(c->job.made, ZIP_RDONLY | ZIP_CHECKCONS, &error);
    assert_non_null(zip);
    assert_int_equal(zip_get_num_entries(zip, 0), 2);
    zip_file_t *entry = zip_fopen(zip, "critic/dense_1/weight.npy", 0);
    assert_non_null(entry);
    uint8_t bytes[200];
    assert_int_equal(zip_fread(entry, bytes, sizeof bytes), 128 + sizeof number);
    assert_memory_equal(bytes + 128, number, sizeof number);
    zip_fclose(entry);
    entry = zip_fopen(zip, "arr_1.npy", 0);
    assert_non_null(entry);
    assert_int_equal(zip_fread(entry, bytes, sizeof bytes), 130);
    assert_memory_equal(bytes + 128, ((uint8_t[]){1, 0}), 2);
    zip_fclose(entry);
    zip_close(zip);

    *(int *)option(c, "format") = 3;                  /* csv */
    give(c, "file", 1, 0);
    write_well(c);
    Bytes csv = whole(c, "shown-000050.csv");
    assert_string_equal((char *)csv.at, "value\n1\n2\n3\n");
    bytes_free(&csv);
    Tensor types[] = {v[0].type, v[1].type};
    give(c, "file", 2, 0);
    refused(c, 2, types, "file: all values are single numbers, or have the same number of rows; these are [3] and [2]");
    *(int *)option(c, "format") = 1;
    refused(c, 2, types, "file: an .npy file holds one tensor, these are 2; say format: npz");
}

/* ---- montages ---- */

static void frame(Case *c, int step, int size, uint8_t level) {
    Picture p;
    assert_true(picture_new(&p, size, size, 1));
    memset(p.pixel, level, (size_t)(size * size));
    assert_true(picture_write(&p, in_folder(c, arena_printf(c->arena, "shown-%06d.png", step))));
    picture_free(&p);
}

/* 29 frames: 25 of them, the first and the last among them, in five rows; 12 pixels apart, 22 for the words. */
static void montages_show_frames_evenly_chosen(void **state) {
    Case *c = *state;
    char why[500];
    for (int i = 0; i < 29; i++) frame(c, 10 * i, 40, (uint8_t)(100 + i));
    assert_true(montage_make(c->folder, "shown", why, sizeof why));
    Picture p;
    assert_true(picture_read(&p, in_folder(c, "shown.montage.png"), true));
    assert_int_equal(p.width, 12 + 5 * 52), assert_int_equal(p.height, 5 * 74);
    int last = -1;
    for (int i = 0; i < 25; i++) {
        int x = 12 + i % 5 * 52, y = 22 + i / 5 * 74, level = at(&p, x, y, 0) - 100;
        assert_int_equal(at(&p, x + 39, y + 39, 2) - 100, level);
        assert_int_equal(at(&p, x - 1, y, 0), 255);
        assert_true(level > last && level - last <= 2);
        last = level;
    }
    assert_int_equal(last, 28);
    picture_free(&p);
    frame(c, 5, 41, 0);
    for (int i = 1; i < 29; i++) unlink(in_folder(c, arena_printf(c->arena, "shown-%06d.png", 10 * i)));
    assert_false(montage_make(c->folder, "shown", why, sizeof why));
    assert_string_equal(why, in_folder(c, "shown-000005.png: has another size than the first frame"));
    assert_false(montage_make(c->folder, "nothing", why, sizeof why));
    assert_string_equal(why, arena_printf(c->arena, "%s: no frames", c->folder));
}

/* ---- which kind suits a value ---- */

static void values_find_the_kind_that_shows_them(void **state) {
    (void)state;
    static const struct {
        int n;
        bool named;
        Tensor value[2];
        const char *kind;
    } cases[] = {
        {1, false, {{F32, {4, {16, 8, 8, 1}}}}, "grid"},
        {1, false, {{F32, {4, {16, 8, 8, 3}}}}, "grid"},
        {1, false, {{F32, {4, {16, 8, 8, 4}}}}, "file"},
        {2, false, {{F32, {4, {16, 8, 8, 1}}}, {F32, {4, {4, 8, 8, 3}}}}, "panel"},
        {2, true, {{F32, {4, {16, 8, 8, 1}}}, {F32, {4, {4, 8, 8, 3}}}}, "panel"},
        {2, true, {{F32, {4, {16, 8, 8, 1}}}, {F32, {4, {4, 9, 8, 3}}}}, "file"},
        {1, false, {{F32, {2, {16, 2}}}}, "scatter"},
        {1, false, {{F32, {2, {16, 3}}}}, "scatter"},
        {2, false, {{F32, {2, {16, 2}}}, {F32, {2, {40, 2}}}}, "scatter"},
        {1, false, {{F32, {2, {16, 10}}}}, "file"},
        {1, false, {{I32, {2, {16, 2}}}}, "file"},
        {1, false, {{F32, {0}}}, "table"},
        {2, true, {{F32, {0}}, {I32, {0}}}, "table"},
        {2, true, {{F32, {2, {16, 10}}}, {I32, {1, {16}}}}, "table"},
        {2, true, {{F32, {2, {16, 10}}}, {I32, {1, {10}}}}, "file"},
        {1, false, {{F32, {1, {16}}}}, "file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Output *kind = output_suiting(cases[i].n, cases[i].value, cases[i].named);
        assert_non_null(kind);
        assert_string_equal(kind->name, cases[i].kind);
    }
    assert_null(output_suiting(0, NULL, false));
}

/* ---- projections ---- */

/* Points on an ellipse with half axes 3 and 1, turned by 30 degrees, far from the middle: its components are known. */
static void components_are_those_of_an_ellipse(void **state) {
    (void)state;
    enum { N = 360 };
    for (int wide = 0; wide < 2; wide++) {            /* wide: more numbers than points, so by the other matrix */
        int64_t d = wide ? 500 : 3;
        float *x = calloc(N * (size_t)d, sizeof *x), out[N][2];
        double share[2], turn = acos(-1) / 6;
        for (int i = 0; i < N; i++) {
            double a = i * acos(-1) / 180, u = 3 * cos(a), v = sin(a);
            x[i * d] = (float)(100 + cos(turn) * u - sin(turn) * v);
            x[i * d + d - 1] = (float)(-50 + sin(turn) * u + cos(turn) * v);
        }
        assert_true(pca(N, d, x, 2, (float *)out, share));
        assert_true(fabs(share[0] - 0.9) < 1e-4 && fabs(share[1] - 0.1) < 1e-4);
        double side[2] = {out[0][0] > 0 ? 1 : -1, out[90][1] > 0 ? 1 : -1};
        for (int i = 0; i < N; i++) {
            double a = i * acos(-1) / 180;
            assert_true(fabs(side[0] * (double)out[i][0] - 3 * cos(a)) < 2e-3);
            assert_true(fabs(side[1] * (double)out[i][1] - sin(a)) < 2e-3);
        }
        free(x);
    }
}

static void tsne_parts_two_clusters_and_repeats_itself(void **state) {
    (void)state;
    enum { N = 200, D = 10 };
    static float x[N][D];
    static double out[2][N][2];
    for (int i = 0; i < N; i++)
        for (int k = 0; k < D; k++) x[i][k] = (float)(gauss(i * D + k) + (k == 0 ? i % 2 ? 8 : -8 : 0));
    for (int round = 0; round < 2; round++) assert_true(tsne(N, D, (float *)x, 30, 2, (double *)out[round]));
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    double middle[2][2] = {{0}}, apart, farthest = 0;
    for (int i = 0; i < N; i++)
        for (int k = 0; k < 2; k++) middle[i % 2][k] += out[0][i][k] / (N / 2);
    for (int i = 0; i < N; i++)
        farthest = fmax(farthest, hypot(out[0][i][0] - middle[i % 2][0], out[0][i][1] - middle[i % 2][1]));
    apart = hypot(middle[0][0] - middle[1][0], middle[0][1] - middle[1][1]);
    assert_true(apart > 2 * farthest);                /* no point is nearer to the other cluster's middle */
    assert_true(farthest > 0.05 * apart);             /* nor did a cluster fall into a point */
}

static OutValue copied(OutValue v) {
    size_t bytes = (size_t)shape_count(&v.type.shape) * dtype_size(v.type.dtype);
    void *data = malloc(bytes + 1);
    memcpy(data, v.data, bytes);
    return (OutValue){v.type, data};
}

static void scatters_of_projections(void **state) {
    Case *c = *state;
    enum { N = 2100, D = 5 };
    static float x[N][D];
    static int32_t label[N];
    for (int i = 0; i < N; i++) {
        label[i] = i % 3;
        for (int k = 0; k < D; k++) x[i][k] = (float)(gauss(i * D + k) + 6 * (k == label[i]));
    }
    static const int okabe[3][3] = {{0, 114, 178}, {213, 94, 0}, {0, 158, 115}};
    x[7][2] = NAN;
    for (int method = 1; method < 3; method++)
        for (int axes = 2; axes < 4 - (method == 2); axes++) {
            use(c, "scatter");
            int n = method == 2 ? 240 : 90;
            OutValue v[] = {copied(VALUE(x, F32, n, D)), copied(VALUE(label, I32, n))};
            c->job.value = v, c->job.nvalue = 2, c->job.prepared = NULL;
            c->job.range[0] = c->job.range[1] = 0;
            give(c, "scatter", 1, 0);
            *(int *)option(c, "color") = 1, *(int *)option(c, "method") = method;
            *(Ints *)option(c, "axes") = (Ints){axes, {0, 1, 2}};
            Tensor types[] = {v[0].type, v[1].type};
            assert_true(c->kind->check(c->options, 2, types, diags_new(c->arena), (Loc){0}));
            write_well(c);
            Picture p = read_back(c, true);
            assert_int_equal(p.width, 600);
            for (int k = 0; k < 3; k++)
                assert_true(count_color(&p, okabe[k][0], okabe[k][1], okabe[k][2], 40) > 60);
            picture_free(&p);
            free((void *)v[0].data), free((void *)v[1].data), free(c->job.prepared);
        }
    OutValue v[] = {copied(VALUE(x, F32, N, D)), copied(VALUE(label, I32, N))};
    c->job.value = v, c->job.prepared = NULL;
    assert_true(c->kind->prepare(&c->job, c->options));
    for (int k = 0; k < 2; k++) assert_int_equal(v[k].type.shape.dim[0], 2000);    /* the stated limit of t-SNE */
    for (int i = 0; i < 2000; i++) assert_int_equal(((const int32_t *)v[1].data)[i], (int64_t)i * N / 2000 % 3);
    free((void *)v[0].data), free((void *)v[1].data), free(c->job.prepared);
}

static void points_in_space_stand_where_they_belong(void **state) {
    Case *c = *state;
    use(c, "scatter");
    float x[4][3] = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    float amount[4] = {0, 0, 0, 1};
    OutValue v[] = {VALUE(x, F32, 4, 3), VALUE(amount, F32, 4)};
    c->job.value = v, c->job.nvalue = 2;
    give(c, "scatter", 1, 0);
    *(int *)option(c, "color") = 1;
    *(Floats *)option(c, "range") = (Floats){2, {-0.5, 1.5}};
    *(int64_t *)option(c, "scale") = 2;
    write_well(c);
    Picture p = read_back(c, true);
    assert_int_equal(p.width, 1200);
    int top = p.height, low = 0;                      /* the yellow point lies above the three violet ones */
    for (int y = 120; y < p.height; y++)
        for (int x_ = 0; x_ < p.width; x_++) {
            if (abs(at(&p, x_, y, 0) - 253) + abs(at(&p, x_, y, 1) - 231) + abs(at(&p, x_, y, 2) - 37) < 75) low = y;
            if (abs(at(&p, x_, y, 0) - 68) + abs(at(&p, x_, y, 1) - 1) + abs(at(&p, x_, y, 2) - 84) < 75 && y < top) top = y;
        }
    assert_true(low > 120 && low < top);
    picture_free(&p);
}

static void wrong_projections_are_refused(void **state) {
    Case *c = *state;
    Tensor value[] = {{F32, SHAPE(16, 8)}, {F32, SHAPE(16, 9)}, {F32, SHAPE(3, 8)}, {F32, SHAPE(9000, 100, 100)}, {F32, SHAPE(5, 2)}};
    use(c, "scatter");
    *(int *)option(c, "method") = 1, *(int *)option(c, "color") = *(int *)option(c, "modes") = -1;
    give(c, "scatter", 0, 0);
    refused(c, 0, value, "scatter: wants points");
    give(c, "scatter", 2, 0);
    refused(c, 5, value, "scatter: points to be projected together have as many numbers each, these have 8 and 9");
    give(c, "scatter", 1, 2);
    refused(c, 5, value, "scatter: a projection takes 4 points or more, and at most 4096 points or 4096 numbers a point; "
                         "these are 3 of 8 (give 'count')");
    give(c, "scatter", 1, 3);
    refused(c, 5, value, "scatter: a projection takes 4 points or more, and at most 4096 points or 4096 numbers a point; "
                         "these are 9000 of 10000 (give 'count')");
    *(int *)option(c, "method") = 2;
    assert_true(c->kind->check(c->options, 5, value, diags_new(c->arena), (Loc){0}));
    give(c, "scatter", 1, 0);
    *(int *)option(c, "modes") = 4;
    refused(c, 5, value, "scatter: 'modes' have no place in a projection; leave out 'modes' or 'method'");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(panels_show_a_batch_a_row),
        TEST(panels_of_grey_and_colored_images_are_rgb),
        TEST(images_are_files_of_their_own),
        TEST(wrong_panels_and_images_are_refused),
        TEST(histograms_have_bars_of_the_counts),
        TEST(histograms_keep_their_range_and_say_what_is_missing),
        TEST(wrong_histograms_are_refused),
        TEST(confusions_are_counted),
        TEST(any_matrix_is_shown),
        TEST(wrong_matrices_are_refused),
        TEST(tables_of_numbers_and_of_columns),
        TEST(npy_files_are_numpys),
        TEST(npz_files_hold_arrays_by_name),
        TEST(montages_show_frames_evenly_chosen),
        TEST(values_find_the_kind_that_shows_them),
        TEST(components_are_those_of_an_ellipse),
        TEST(tsne_parts_two_clusters_and_repeats_itself),
        TEST(scatters_of_projections),
        TEST(points_in_space_stand_where_they_belong),
        TEST(wrong_projections_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
