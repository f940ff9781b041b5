/* images: files of every kind give the pixels that were drawn; folders are classes, names decide the order; what cannot be
 * read is named, left out where that is wished, and refused while a run goes on. */
#include "image_files.h"
#include "datasets/image.h"
#include "train/machine.h"
#include "world.h"

static void begin_images(Case *c, const char *path) {
    begin(c, "images");
    set(c, "path", path), set(c, "batch", "1"), set(c, "order", "sequential");
}

static void set_sides(Case *c, int n, int64_t a, int64_t b) {
    *(Ints *)(void *)((char *)(uintptr_t)c->source.options + field_find(c->source.kind->options, "size")->offset) =
        (Ints){.n = n, .at = {a, b}};
}

static Shape image_shape(const Case *c) { return c->source.field[0].sample.shape; }

/* Loose files have no labels. */
static bool open_pixels(Case *c) {
    return source_open(&c->source) && source_want(&c->source, 0, c->source.loc) && source_want(&c->source, 2, c->source.loc) &&
           source_load(&c->source);
}

static void load_pixels(Case *c) {
    bool ok = open_pixels(c);
    if (!ok) diags_print(c->source.diags, stderr, false);
    assert_true(ok);
}

static bool has_shape(const Case *c, int64_t height, int64_t width, int64_t channels) {
    Shape want = SHAPE(height, width, channels), got = image_shape(c);
    return shape_equal(&got, &want);
}

/* Pixels, label and number of the sample at a place, in bytes. */
typedef struct { float at[64 * 64 * 4]; int32_t label, file; } Seen;

static Seen *see(const Case *c, int64_t place) {
    static Seen s;
    assert_true(shape_count(&c->source.field[0].sample.shape) <= 64 * 64 * 4);
    assert_int_equal(source_batch(&c->source, 0, place, (void *[]){s.at, &s.label, &s.file}), 1);
    return &s;
}

static void assert_pixels(const float *got, const unsigned char *want, int n, int most) {
    for (int i = 0; i < n; i++)
        if (fabs((double)got[i] * 255 - want[i]) > most + 1e-3) fail_msg("number %d: %g, not %d", i, (double)got[i] * 255, want[i]);
}

/* Every value from 0 to 255 somewhere, no two rows alike; alpha is full where it exists. */
static Drawn ramp(int width, int height, int channels) {
    Drawn d = {width, height, channels, {0}};
    for (int i = 0; i < width * height; i++)
        for (int k = 0; k < channels; k++)
            d.at[i * channels + k] = (unsigned char)(channels % 2 == 0 && k == channels - 1 ? 255 : i * 37 + k * 83);
    return d;
}

/* The sanitizer's malloc gives NULL for too much, as the system's does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }

/* ---- formats ---- */

static void every_kind_of_png_gives_its_pixels(void **state) {
    (void)state;
    for (int channels = 1; channels <= 4; channels++)
        for (int k = 0; k < 4; k++) {
            Drawn d = ramp(7, 5, channels);
            put_png(file_in("a.png"), &d, (PngKind){.depth = k & 1 ? 16 : 8, .interlaced = k & 2});
            Case c;
            begin_images(&c, folder);
            load_pixels(&c);
            int color = channels < 3 ? 1 : 3;
            assert_true(has_shape(&c, 5, 7, color));
            unsigned char want[5 * 7 * 3];
            for (int i = 0; i < 35 * color; i++) want[i] = d.at[i / color * channels + i % color];
            assert_pixels(see(&c, 0)->at, want, 35 * color, 0);
            end(&c);
        }
}

static void a_palette_is_looked_up(void **state) {
    (void)state;
    Drawn d = ramp(9, 4, 1);
    put_png(file_in("a.PNG"), &d, (PngKind){.palette = true});
    Case c;
    begin_images(&c, file_in("a.PNG"));               /* a file alone */
    load_pixels(&c);
    const float *got = see(&c, 0)->at;
    for (int i = 0; i < 36; i++) assert_pixels(got + 3 * i, COLOR(d.at[i], (unsigned char)(255 - d.at[i]), 7), 3, 0);
    end(&c);
}

/* One colour in every block, which quality 100 keeps to a few steps. */
static void every_kind_of_jpeg_gives_its_pixels(void **state) {
    (void)state;
    static const struct { int channels; unsigned char drawn[4], want[3]; } kinds[] = {
        {1, {77}, {77}}, {3, {200, 30, 90}, {200, 30, 90}}, {4, {255, 128, 64, 200}, {200, 100, 50}}};
    for (int k = 0; k < 3; k++)
        for (int progressive = 0; progressive < 2; progressive++) {
            Drawn d = plain(19, 11, kinds[k].channels, kinds[k].drawn);
            put_jpeg(file_in("a.jpeg"), &d, progressive);
            Case c;
            begin_images(&c, folder);
            load_pixels(&c);
            int color = kinds[k].channels == 1 ? 1 : 3;
            assert_true(has_shape(&c, 11, 19, color));
            for (int i = 0; i < 19 * 11; i++) assert_pixels(see(&c, 0)->at + i * color, kinds[k].want, color, 3);
            end(&c);
        }
}

static size_t bytes_of(const char *name, unsigned char *out, size_t most) {
    FILE *f = fopen(file_in(name), "rb");
    assert_non_null(f);
    size_t n = fread(out, 1, most, f);
    fclose(f);
    assert_true(n < most);
    return n;
}

/* An APP1 segment, less its length, of a directory that has an orientation between two other entries; gives its bytes. */
static size_t exif_segment(unsigned char *to, bool little, int orientation) {
    static const unsigned char entries[3][8] = {{1, 0x0f, 0, 2, 0, 0, 0, 1}, {1, 0x12, 0, 3, 0, 0, 0, 1}, {1, 0x1a, 0, 5, 0, 0, 0, 1}};
    unsigned char *t = to + 6;
    memcpy(to, "Exif\0\0MM\0*\0\0\0\x08\0\x03", 16);
    memset(t + 10, 0, 40);
    for (int i = 0; i < 3; i++) memcpy(t + 10 + 12 * i, entries[i], 8);
    t[10 + 12 + 9] = (unsigned char)orientation;
    if (!little) return 56;
    static const struct { int at, n; } numbers[] = {{2, 2}, {4, 4}, {8, 2}};
    memcpy(t, "II", 2);
#define REVERSE(at, n) for (int k = 0; k < (n) / 2; k++) { unsigned char c = t[(at) + k]; t[(at) + k] = t[(at) + (n) - 1 - k]; t[(at) + (n) - 1 - k] = c; }
    for (int i = 0; i < 3; i++) REVERSE(numbers[i].at, numbers[i].n)
    for (int i = 0; i < 3; i++) {
        int at = 10 + 12 * i;
        REVERSE(at, 2) REVERSE(at + 2, 2) REVERSE(at + 4, 4) REVERSE(at + 8, 2)
    }
    return 56;
}

static void put_turned(const char *name, const Drawn *d, const unsigned char *segment, size_t n) {
    unsigned char bytes[8000], out[8200] = {0xff, 0xd8, 0xff, 0xe1, 0, (unsigned char)(n + 2)};
    put_jpeg(file_in(name), d, false);
    size_t size = bytes_of(name, bytes, sizeof bytes);
    memcpy(out + 6, segment, n);
    memcpy(out + 6 + n, bytes + 2, size - 2);
    write_file(name, out, size + n + 4);
}

/* Corners of a picture of 48 by 32, each in its colour: where they lie as they are seen, for each of EXIF's eight orientations
 * (CIPA DC-008, 4.6.4: 6 has row 0 on the right side and column 0 at the top). */
static void exif_turns_a_jpeg(void **state) {
    (void)state;
    static const unsigned char colors[4][3] = {{250, 10, 10}, {10, 250, 10}, {10, 10, 250}, {240, 240, 10}};
    static const char *const seen[] = {"", "abcd", "badc", "dcba", "cdab", "acbd", "cadb", "dbca", "bdac"};
    Drawn d = plain(48, 32, 3, COLOR(100, 100, 100));
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 48; x++)
            if (x / 16 != 1) memcpy(d.at + 3 * (48 * y + x), colors[2 * (y / 16) + x / 32], 3);
    for (int orientation = 0; orientation <= 9; orientation++)
        for (int little = 0; little < 2; little++)
            for (int small = 0; small < 2; small++) {
                unsigned char segment[64];
                put_turned("a.jpg", &d, segment, exif_segment(segment, little, orientation));
                Case c;
                begin_images(&c, folder);
                bool swaps = orientation >= 5 && orientation <= 8;
                int height = swaps ? 48 : 32, width = swaps ? 32 : 48;
                if (small) height /= 4, width /= 4, set(&c, "size", swaps ? "12 8" : "8 12");
                load_pixels(&c);
                assert_true(has_shape(&c, height, width, 3));
                const char *want = seen[orientation >= 1 && orientation <= 8 ? orientation : 1];
                for (int k = 0; k < 4; k++) {
                    int y = k / 2 ? height - 2 : 1, x = k % 2 ? width - 2 : 1;
                    assert_pixels(see(&c, 0)->at + 3 * (y * width + x), colors[want[k] - 'a'], 3, 12);
                }
                end(&c);
            }
}

/* Cut off anywhere, and with any bytes changed, in memory of just its size: the sanitizers see a step outside. */
static void broken_exif_turns_nothing(void **state) {
    (void)state;
    unsigned char segment[64];
    uint64_t draw = 1;
    for (int little = 0; little < 2; little++) {
        size_t n = exif_segment(segment, little, 6);
        for (size_t cut = 0; cut <= n; cut++) {
            unsigned char *exact = malloc(cut + !cut);
            memcpy(exact, segment, cut);
            assert_int_equal(exif_orientation(exact, cut), cut >= 40 ? 6 : 1);
            for (int i = 0; i < 200 && cut; i++) {
                memcpy(exact, segment, cut);
                for (int k = 0; k < 3; k++) {
                    draw = draw * 6364136223846793005u + 1442695040888963407u;
                    exact[(draw >> 33) % cut] = (unsigned char)(draw >> 56 & 1 ? draw >> 40 : 0xff);
                }
                assert_in_range(exif_orientation(exact, cut), 1, 8);
            }
            free(exact);
        }
    }
}

/* Written by Adobe's programs, the inks are inverted; without their mark they are not. */
static void inks_without_adobes_mark_are_not_inverted(void **state) {
    (void)state;
    Drawn d = plain(8, 8, 4, COLOR(55, 155, 205, 0));
    put_jpeg(file_in("a.jpg"), &d, false);
    unsigned char bytes[4000];
    FILE *f = fopen(file_in("a.jpg"), "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    unsigned char *mark = memmem(bytes, n, "\xff\xee", 2);
    assert_non_null(mark);
    memmove(mark, mark + 16, n - (size_t)(mark + 16 - bytes));
    write_file("a.jpg", bytes, n - 16);
    Case c;
    begin_images(&c, folder);
    load_pixels(&c);
    assert_pixels(see(&c, 0)->at, COLOR(200, 100, 50), 3, 3);
    end(&c);
}

static void channels_are_what_is_asked_for(void **state) {
    (void)state;
    Drawn half = plain(4, 4, 4, COLOR(200, 100, 50, 51));     /* a fifth opaque */
    put_png(file_in("a.png"), &half, (PngKind){0});
    static const struct { const char *channels, *background; unsigned char want[4]; } kinds[] = {
        {"3", NULL, {244, 224, 214}}, {"3", "0", {40, 20, 10}}, {"3", "0 0.2 1", {40, 61, 214}},
        {"1", "0", {25}}, {"4", NULL, {200, 100, 50, 51}}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        Case c;
        begin_images(&c, folder);
        set(&c, "channels", kinds[k].channels);
        if (kinds[k].background) set(&c, "background", kinds[k].background);
        load_pixels(&c);
        int n = kinds[k].channels[0] - '0';
        assert_int_equal(image_shape(&c).dim[2], n);
        for (int i = 0; i < 16; i++) assert_pixels(see(&c, 0)->at + i * n, kinds[k].want, n, 0);
        end(&c);
    }
}

/* ---- sizes ---- */

/* Left half 40, right half 240; or top and bottom. */
static Drawn halves(int width, int height, bool upright) {
    Drawn d = {width, height, 1, {0}};
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) d.at[y * width + x] = (upright ? 2 * y < height : 2 * x < width) ? 40 : 240;
    return d;
}

static void other_proportions_are_cropped_stretched_or_padded(void **state) {
    (void)state;
    static const char *const fits[] = {"crop", "stretch", "pad"};
    for (int format = 0; format < 2; format++)
        for (int upright = 0; upright < 2; upright++)
            for (int k = 0; k < 3; k++) {
                Drawn d = halves(upright ? 32 : 64, upright ? 64 : 32, upright);
                if (format) put_jpeg(file_in("a.png"), &d, false);      /* whatever it is called */
                else put_png(file_in("a.png"), &d, (PngKind){0});
                Case c;
                begin_images(&c, folder);
                set(&c, "fit", fits[k]), set(&c, "background", "1");
                set_sides(&c, 1, 16, 0);
                load_pixels(&c);
                assert_true(has_shape(&c, 16, 16, 1));
                const float *got = see(&c, 0)->at;
                for (int y = 0; y < 16; y++)
                    for (int x = 0; x < 16; x++) {
                        int along = upright ? y : x, across = upright ? x : y;
                        bool padded = k == 2 && (across < 4 || across > 11), near = along >= 6 && along < 10;
                        bool rim = k == 2 && (across == 4 || across == 11);
                        unsigned char want = padded ? 255 : along < 8 ? 40 : 240;
                        if (!near && !rim) assert_pixels(got + 16 * y + x, &want, 1, 3);
                    }
                end(&c);
            }
}

static void a_smaller_picture_is_averaged_not_sampled(void **state) {
    (void)state;
    Drawn d = {64, 64, 1, {0}};
    for (int i = 0; i < 64 * 64; i++) d.at[i] = (i / 64 + i) % 2 ? 255 : 0;          /* a chequered board */
    put_png(file_in("a.png"), &d, (PngKind){0});
    Case c;
    begin_images(&c, folder);
    set_sides(&c, 2, 8, 16);
    set(&c, "fit", "stretch");
    load_pixels(&c);
    assert_true(has_shape(&c, 8, 16, 1));
    const unsigned char half_the_light = 188;         /* of sRGB; half of 255 would be 128 */
    for (int i = 0; i < 8 * 16; i++) assert_pixels(see(&c, 0)->at + i, &half_the_light, 1, 6);
    end(&c);
}

/* ---- folders ---- */

static void folders_are_classes_and_names_the_order(void **state) {
    (void)state;
    put_folder("b cl\xC3\xA4ss"), put_folder("B"), put_folder("b cl\xC3\xA4ss/deep"), put_folder(".hidden"), put_folder("C");
    put_plain("b cl\xC3\xA4ss/10.png", 2, 2, 1, 0, 0), put_plain("b cl\xC3\xA4ss/9 \xE2\x82\xAC.png", 2, 2, 2, 0, 0);
    put_plain("b cl\xC3\xA4ss/deep/x.png", 2, 2, 3, 0, 0), put_plain("B/a.png", 2, 2, 4, 0, 0), put_plain(".hidden/a.png", 2, 2, 5, 0, 0);
    put_plain("B/.a.png", 2, 2, 6, 0, 0);
    assert_int_equal(symlink("../B/a.png", file_in("C/link.png")), 0);
    assert_int_equal(symlink("b cl\xC3\xA4ss", file_in("d")), 0);
    write_file("B/notes.txt", "no image", 8);
    static const int red[] = {4, 4, 1, 2, 3, 1, 2, 3}, label[] = {0, 1, 2, 2, 2, 3, 3, 3};
    Case c;
    begin_images(&c, file_in(""));                    /* ends in a slash */
    load(&c);
    assert_int_equal(c.source.count, 8);
    for (int i = 0; i < 8; i++) {
        Seen *s = see(&c, i);
        assert_pixels(s->at, COLOR((unsigned char)red[i]), 1, 0);
        assert_int_equal(s->label, label[i]);
        assert_int_equal(s->file, i);
    }
    end(&c);
    begin_images(&c, folder);
    set(&c, "classes", "3 0"), set(&c, "relabel", "true"), set(&c, "fraction", "0.5 1");
    load(&c);
    assert_int_equal(c.source.count, 2);
    for (int i = 0; i < 2; i++) {
        Seen *s = see(&c, i);
        assert_int_equal(s->file, 6 + i);
        assert_int_equal(s->label, 0);
    }
    end(&c);
    begin_images(&c, folder);
    set(&c, "count", "3");
    load(&c);
    assert_int_equal(c.source.count, 3);
    end(&c);
}

/* Kept in memory or decoded each time, first or again: the same. */
static void memory_changes_nothing(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        char name[20];
        snprintf(name, sizeof name, "%d.png", i);
        Drawn d = ramp(6, 6, 3);
        d.at[0] = (unsigned char)i;
        put_png(file_in(name), &d, (PngKind){0});
    }
    Case c[2];
    for (int k = 0; k < 2; k++) {
        begin_images(&c[k], folder);
        assert_true(source_open(&c[k].source) && source_want(&c[k].source, 0, c[k].source.loc));
        assert_int_equal(c[k].source.bytes, 5 * 108);
        if (k) c[k].source.bytes = 0;                 /* as for more than is kept */
        assert_true(source_load(&c[k].source));
    }
    for (int again = 0; again < 2; again++)
        for (int64_t i = 0; i < 5; i++) {
            float first = see(&c[0], i)->at[0];
            float all[108];
            memcpy(all, see(&c[0], i)->at, sizeof all);
            assert_memory_equal(see(&c[1], i)->at, all, sizeof all);
            assert_true(fabs((double)first * 255 - (double)i) < 1e-3);
        }
    for (int k = 0; k < 2; k++) end(&c[k]);
}

/* ---- what is wrong ---- */

static char *said(const char *name, const char *what) {
    static char text[2][700];
    static int turn;
    char *t = text[turn++ % 2];
    snprintf(t, sizeof text[0], "toy: %s%s%s: %s", folder, *name ? "/" : "", name, what);
    return t;
}

static void wrong_keys_are_refused_at_their_place(void **state) {
    (void)state;
    put_plain("a.png", 2, 2, 0, 0, 0);
    static const struct { const char *key, *value, *text; } wrong[] = {
        {"channels", "2", "toy: channels is 1 (grey), 3 (colour) or 4 (with alpha), not 2"},
        {"background", "0 1", "toy: background is a grey or [red, green, blue], in 0..1"},
        {"background", "1.5", "toy: background is a grey or [red, green, blue], in 0..1"}};
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        Case c;
        begin_images(&c, folder);
        set(&c, wrong[k].key, wrong[k].value);
        refused(&c, 13, wrong[k].text);
    }
    static const int64_t sides[3][3] = {{1, 0, 0}, {1, 8193, 0}, {3, 8, 8}};
    for (int k = 0; k < 3; k++) {
        Case c;
        begin_images(&c, folder);
        set_sides(&c, (int)sides[k][0], sides[k][1], sides[k][2]);
        refused(&c, 1, "toy: size is a side or [height, width], each from 1 to 8192");
    }
}

static void folders_without_images_are_named(void **state) {
    (void)state;
    Case c;
    begin_images(&c, file_in("none"));
    refused(&c, 10, said("none", "there is no such file or folder; name another: --set data.toy.path=FOLDER"));
    begin_images(&c, folder);
    refused(&c, 10, said("", "holds no .png, .jpg or .jpeg files"));
    write_file("a.webp", "x", 1), write_file("b.gif", "x", 1), write_file("list.txt", "x", 1);
    begin_images(&c, folder);
    char what[300];
    snprintf(what, sizeof what, "holds no .png, .jpg or .jpeg files (2 in other formats, such as %s/a.webp)", folder);
    refused(&c, 10, said("", what));
    put_plain("c.png", 2, 2, 0, 0, 0);
    put_folder("empty");
    begin_images(&c, folder);
    load_pixels(&c);
    assert_int_equal(c.source.diags->warnings, 2);
    diags_print(c.source.diags, stderr, false);
    const Diag *w = c.source.diags->first;
    snprintf(what, sizeof what, "toy: the folder %s/empty holds no images: it is no class, and those after it are numbered without it", folder);
    assert_string_equal(w->text, what);
    snprintf(what, sizeof what, "toy: %s holds images that are not read (2 in other formats, such as %s/a.webp): only PNG and JPEG are", folder, folder);
    assert_string_equal(w->next->text, what);
    end(&c);
    assert_int_equal(symlink("..", file_in("empty/up")), 0);
    begin_images(&c, folder);
    refused(&c, 10, said("empty/up", "a link leads back to a folder that it lies in"));
}

static void loose_files_have_no_classes(void **state) {
    (void)state;
    put_folder("cats");
    put_plain("cats/a.png", 2, 2, 0, 0, 0), put_plain("loose.png", 2, 2, 0, 0, 0);
    Case c;
    begin_images(&c, folder);
    char what[300];
    snprintf(what, sizeof what, "toy: the field 'label' cannot be read: %s/loose.png lies in no folder of its class", folder);
    refused(&c, 1, what);
    begin_images(&c, folder);
    set(&c, "classes", "0");
    snprintf(what, sizeof what, "its files have no classes: %s/loose.png lies in no folder of its class", folder);
    refused(&c, 10, said("", what));
    begin_images(&c, folder);                         /* the pixels may be read */
    load_pixels(&c);
    assert_int_equal(c.source.count, 2);
    end(&c);
}

static void sizes_that_differ_are_named(void **state) {
    (void)state;
    put_plain("a.png", 4, 4, 0, 0, 0), put_plain("b.png", 4, 4, 0, 0, 0), put_plain("c.png", 6, 4, 0, 0, 0);
    Case c;
    begin_images(&c, folder);
    char what[300];
    snprintf(what, sizeof what, "is 6x4 pixels, and %s/a.png is 4x4: bring them to one size with `size`", folder);
    refused(&c, 10, said("c.png", what));
    begin_images(&c, folder);
    set_sides(&c, 1, 4, 0);
    load_pixels(&c);
    end(&c);
    for (const char *n = "abc"; *n; n++) unlink(file_in((char[]){*n, '.', 'p', 'n', 'g', 0}));
    png_image big = {.version = PNG_IMAGE_VERSION, .width = 8200, .height = 1, .format = PNG_FORMAT_GRAY};
    static const unsigned char black[8200];
    assert_true(png_image_write_to_file(&big, file_in("a.png"), 0, black, 0, NULL));
    begin_images(&c, folder);
    refused(&c, 10, said("a.png", "is 8200x1 pixels, more than 8192 a side: bring it to less with `size`"));
}

/* The header's sizes of a PNG, with its sum. */
static void claim(const char *name, uint32_t width, uint32_t height) {
    unsigned char b[4000];
    size_t n = bytes_of(name, b, sizeof b);
    for (int i = 0; i < 4; i++) b[16 + i] = (unsigned char)(width >> (24 - 8 * i)), b[20 + i] = (unsigned char)(height >> (24 - 8 * i));
    uint32_t sum = 0xffffffff;
    for (int i = 12; i < 29; i++) {
        sum ^= b[i];
        for (int k = 0; k < 8; k++) sum = sum & 1 ? sum >> 1 ^ 0xedb88320 : sum >> 1;
    }
    for (int i = 0; i < 4; i++) b[29 + i] = (unsigned char)(~sum >> (24 - 8 * i));
    write_file(name, b, n);
}

static void broken_headers_are_named_when_opened(void **state) {
    (void)state;
    Case c;
    Drawn d = ramp(8, 8, 3);
    unsigned char b[4000];
    put_png(file_in("a.png"), &d, (PngKind){0});
    claim("a.png", 20000, 20000);
    begin_images(&c, folder);
    refused(&c, 10, said("a.png", "its header states 20000x20000 pixels; the most that is read is 67108864 pixels, 32768 a side"));
    claim("a.png", 4000, 4000);
    begin_images(&c, folder);
    refused_about(&c, "its header states 4000x4000 pixels, which its ");
    size_t n = bytes_of("a.png", b, sizeof b);
    write_file("a.png", b, 20);
    begin_images(&c, folder);
    refused(&c, 10, said("a.png", "cannot be read as PNG (cut off or damaged?): Read Error"));
    write_file("a.png", b + 1, n - 1);
    begin_images(&c, folder);
    refused(&c, 10, said("a.png", "is neither PNG nor JPEG: it begins with 504e470d"));
    write_file("a.png", "", 0);
    begin_images(&c, folder);
    refused(&c, 10, said("a.png", "is empty"));
    unlink(file_in("a.png"));
    put_jpeg(file_in("a.jpg"), &d, false);
    n = bytes_of("a.jpg", b, sizeof b);
    write_file("a.jpg", b, 30);
    begin_images(&c, folder);
    refused(&c, 10, said("a.jpg", "cannot be read as JPEG (cut off or damaged?): Premature end of JPEG file"));
    unsigned char *frame = memmem(b, n, "\xff\xc0", 2);
    assert_non_null(frame);
    memcpy(frame + 5, "\x1f\x40\x1f\x40", 4);         /* 8000x8000 */
    write_file("a.jpg", b, n);
    begin_images(&c, folder);
    refused_about(&c, "its header states 8000x8000 pixels, which its ");
    unlink(file_in("a.jpg"));
    assert_int_equal(symlink("nowhere", file_in("b.jpg")), 0), assert_int_equal(symlink("c.jpg", file_in("c.jpg")), 0);
    assert_int_equal(mkfifo(file_in("d.jpg"), 0600), 0);
    begin_images(&c, folder);
    assert_false(source_open(&c.source));
    const char *text[] = {said("b.jpg", "No such file or directory"), NULL};
    const Diag *e = c.source.diags->first;
    assert_string_equal(e->text, text[0]);
    assert_string_equal((e = e->next)->text, said("c.jpg", "Too many levels of symbolic links"));
    assert_string_equal((e = e->next)->text, said("d.jpg", "is no regular file"));
    assert_string_equal((e = e->next)->text, "3 files cannot be read; `skip_bad: true` leaves such files out");
    assert_null(e->next);
    diags_print(c.source.diags, stderr, false);
    end(&c);
}

/* Pixels that are cut off or changed are found when they are read; with skip_bad at once. */
static void broken_pixels_are_named_when_read(void **state) {
    (void)state;
    Drawn d = ramp(60, 60, 3);
    static unsigned char b[40000];
    static const char *const text[] = {"cannot be read as PNG (cut off or damaged?): ", "cannot be read as JPEG (cut off or damaged?): ",
                                       "cannot be read as JPEG (cut off or damaged?): "};
    put_plain("whole.png", 60, 60, 9, 9, 9);
    for (int kind = 0; kind < 3; kind++) {
        const char *name = kind ? "a.jpg" : "a.png";
        if (kind) put_jpeg(file_in(name), &d, kind == 2);
        else put_png(file_in(name), &d, (PngKind){0});
        size_t n = bytes_of(name, b, sizeof b);
        for (int cut = 0; cut < 2; cut++) {
            if (!cut) memset(b + n / 2, 0x5a, 100);
            write_file(name, b, cut ? n * 3 / 4 : n);
            Case c;
            begin_images(&c, folder);
            assert_true(open_pixels(&c));
            Why why;
            Seen *s = test_calloc(1, sizeof *s);
            void *out[] = {s->at, NULL, &s->file};
            bool ok = source_sample(&c.source, 0, out, &why);
            if (ok) fail_msg("%s is read, %s", name, cut ? "though cut off" : "though damaged");
            char start[300];
            snprintf(start, sizeof start, "%s/%s: %s", folder, name, text[kind]);
            assert_int_equal(strncmp(why.text, start, strlen(start)), 0);
            assert_true(source_sample(&c.source, 1, out, &why));
            assert_false(source_sample(&c.source, 0, out, &why));       /* it is not kept half read */
            end(&c);
            begin_images(&c, folder);
            set(&c, "skip_bad", "true");
            load_pixels(&c);
            assert_int_equal(c.source.count, 1);
            assert_int_equal(see(&c, 0)->file, 1);
            snprintf(start, sizeof start, "toy: 1 of 2 files cannot be read and are left out; the first: %s/%s: ", folder, name);
            assert_int_equal(strncmp(c.source.diags->first->text, start, strlen(start)), 0);
            diags_print(c.source.diags, stderr, false);
            test_free(s);
            end(&c);
        }
        unlink(file_in(name));
    }
}

/* What is said of a sample while a run goes on; the place that says so is noted, as printing notes it. */
static void assert_unread(Case *c, const Why *why, const char *text) {
    assert_string_equal(why->text, text);
    diag_add(c->source.diags, why->site, DIAG_DATA, c->source.loc, "%s", why->text);
    diags_print(c->source.diags, stderr, false);
}

static void what_vanishes_or_changes_is_named(void **state) {
    (void)state;
    put_plain("a.png", 4, 4, 0, 0, 0), put_plain("b.png", 4, 4, 0, 0, 0);
    Case c;
    begin_images(&c, folder);
    load_pixels(&c);
    float x[48];
    Why why;
    void *out[] = {x, NULL, NULL};
    assert_true(source_sample(&c.source, 0, out, &why));
    unlink(file_in("a.png")), unlink(file_in("b.png"));
    assert_true(source_sample(&c.source, 0, out, &why));      /* it was kept */
    assert_false(source_sample(&c.source, 1, out, &why));
    assert_unread(&c, &why, said("b.png", "No such file or directory") + strlen("toy: "));
    put_plain("b.png", 5, 4, 0, 0, 0);
    assert_false(source_sample(&c.source, 1, out, &why));
    assert_unread(&c, &why, said("b.png", "has 5x4 pixels now, and had 4x4 when the run began") + strlen("toy: "));
    assert_null(image_room(INT64_MAX / 8, 2, 4, &why));
    assert_unread(&c, &why, "no memory for 2x1152921504606846975 pixels");
    end(&c);
    begin_images(&c, folder);
    set(&c, "skip_bad", "true");
    write_file("b.png", "none", 4);
    refused(&c, 10, said("b.png", "is neither PNG nor JPEG: it begins with 6e6f6e65; and of 1 files none can be read"));
}

static void a_run_ends_where_a_file_vanishes(void **state) {
    (void)state;
    static const char *const layers[] = {"", ", image: [{rescale: [-1, 1]}]", ", image: [random_flip]"};
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < 6; i++) put_plain(((char[]){(char)('0' + i), '.', 'p', 'n', 'g', 0}), 4, 4, 40 * i, 0, 0);
        char spec[600];
        snprintf(spec, sizeof spec,
                 "data: {a: {source: images, path: %s, batch: 2, order: sequential%s}}\n"
                 "networks: {net(x): [flatten, {dense: 1}]}\n"
                 "players: {net: {minimize: mean(net(a.image)), optimizer: sgd(0.1)}}\n"
                 "schedule: {steps: 3, each: [net]}\n",
                 folder, layers[k]);
        World *w = open_text(spec);
        Fault f = {0};
        MachineOptions options = machine_defaults();
        Machine *m = machine_new(w->t, &options, &f);
        assert_true(m && machine_load(m, &f));
        unlink(file_in("3.png"));
        const Unit *u = &m->turn[0]->unit;
        assert_true(feed_players(m, u, &f));
        assert_false(feed_players(m, u, &f));
        assert_int_equal(f.code, CODE_DATA);
        char text[300];
        snprintf(text, sizeof text, "a: %s", said("3.png", "No such file or directory") + strlen("toy: "));
        assert_string_equal(f.text, text);
        machine_free(m);
        close_world(w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, empty_folder)
        TEST(every_kind_of_png_gives_its_pixels),
        TEST(a_palette_is_looked_up),
        TEST(every_kind_of_jpeg_gives_its_pixels),
        TEST(exif_turns_a_jpeg),
        TEST(broken_exif_turns_nothing),
        TEST(inks_without_adobes_mark_are_not_inverted),
        TEST(channels_are_what_is_asked_for),
        TEST(other_proportions_are_cropped_stretched_or_padded),
        TEST(a_smaller_picture_is_averaged_not_sampled),
        TEST(folders_are_classes_and_names_the_order),
        TEST(memory_changes_nothing),
        TEST(wrong_keys_are_refused_at_their_place),
        TEST(folders_without_images_are_named),
        TEST(loose_files_have_no_classes),
        TEST(sizes_that_differ_are_named),
        TEST(broken_headers_are_named_when_opened),
        TEST(broken_pixels_are_named_when_read),
        TEST(what_vanishes_or_changes_is_named),
        TEST(a_run_ends_where_a_file_vanishes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
