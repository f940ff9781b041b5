/* pairs: the halves of one file, or files of two folders that bear one name; what does not match is named. */
#include "image_files.h"
#include "world.h"

static void begin_pairs(Case *c, int n, const char *const *path) {
    begin(c, "pairs");
    set(c, "batch", "1"), set(c, "order", "sequential");
    *(Names *)(void *)((char *)(uintptr_t)c->source.options + field_find(c->source.kind->options, "path")->offset) = (Names){n, path};
    c->key[2] = "path";
}

static void set_side(Case *c, int64_t side) {
    *(Ints *)(void *)((char *)(uintptr_t)c->source.options + field_find(c->source.kind->options, "size")->offset) =
        (Ints){.n = 1, .at = {side}};
}

/* The first pixel of either side, in bytes: a*1000 + b. */
static int colors(const Case *c, int64_t place) {
    static float a[64 * 64 * 3], b[64 * 64 * 3];
    assert_int_equal(source_batch(&c->source, 0, place, (void *[]){a, b}), 1);
    return (int)lround((double)a[0] * 255) * 1000 + (int)lround((double)b[0] * 255);
}

static void put_halves(const char *name, int width, int height, unsigned char left, unsigned char right, bool jpeg) {
    Drawn d = {width, height, 3, {0}};
    for (int i = 0; i < width * height * 3; i++) d.at[i] = i / 3 % width < width / 2 ? left : right;
    if (jpeg) put_jpeg(file_in(name), &d, false);
    else put_png(file_in(name), &d, (PngKind){0});
}

static void a_file_has_two_halves(void **state) {
    (void)state;
    put_folder("deep");
    put_halves("b.png", 12, 6, 10, 200, false), put_halves("a.jpg", 12, 6, 30, 60, true), put_halves("deep/c.png", 12, 6, 7, 9, false);
    for (int k = 0; k < 3; k++) {
        Case c;
        begin_pairs(&c, 1, (const char *const[]){folder});
        if (k) set_side(&c, k == 1 ? 6 : 3);
        load(&c);
        assert_int_equal(c.source.count, 3);
        assert_int_equal(c.source.nfield, 2);
        for (int side = 0; side < 2; side++) {
            Shape want = k == 2 ? SHAPE(3, 3, 3) : SHAPE(6, 6, 3);
            assert_true(shape_equal(&c.source.field[side].sample.shape, &want));
        }
        int jpeg = colors(&c, 0);
        assert_true(abs(jpeg / 1000 - 30) <= 6 && abs(jpeg % 1000 - 60) <= 6);
        assert_int_equal(colors(&c, 1), 10200);
        assert_int_equal(colors(&c, 2), 7009);
        end(&c);
    }
}

static const char *two[2];

static void make_two(void) {
    static char path[2][160];
    put_folder("A"), put_folder("A/x"), put_folder("B"), put_folder("B/x");
    for (int k = 0; k < 2; k++) two[k] = strcpy(path[k], file_in(k ? "B" : "A"));
    put_plain("A/2.png", 4, 4, 2, 0, 0), put_plain("A/1 a.png", 4, 4, 1, 0, 0), put_plain("A/x/2.png", 4, 4, 3, 0, 0);
    put_plain("B/1 a.PNG", 4, 4, 101, 0, 0), put_plain("B/2.jpeg", 4, 4, 102, 0, 0);
    Drawn grey = plain(4, 4, 1, COLOR(103));
    put_png(file_in("B/x/2.png"), &grey, (PngKind){0});
}

static void files_of_one_name_are_a_pair(void **state) {
    (void)state;
    make_two();
    Case c;
    begin_pairs(&c, 2, two);
    load(&c);
    assert_int_equal(c.source.count, 3);
    for (int side = 0; side < 2; side++) assert_int_equal(c.source.field[side].sample.shape.dim[2], 3);
    for (int i = 0; i < 3; i++) assert_int_equal(colors(&c, i), 1000 * (i + 1) + 101 + i);
    char both[400];
    snprintf(both, sizeof both, "%s, %s", two[0], two[1]);
    assert_string_equal(c.source.path, both);
    end(&c);
}

static char *said(const char *name, const char *fmt, const char *more) {
    static char text[900];
    int n = snprintf(text, sizeof text, "toy: %s/%s: ", folder, name);
    snprintf(text + n, sizeof text - (size_t)n, fmt, more);
    return text;
}

static void what_has_no_partner_is_named(void **state) {
    (void)state;
    make_two();
    put_plain("A/0.png", 4, 4, 9, 0, 0), put_plain("B/3.png", 4, 4, 9, 0, 0);
    Case c;
    begin_pairs(&c, 2, two);
    refused(&c, 12, said("A/0.png", "has no partner in %s; so it is with 2 files; `skip_bad: true` leaves them out", two[1]));
    unlink(file_in("A/0.png"));
    begin_pairs(&c, 2, two);
    refused(&c, 12, said("B/3.png", "has no partner in %s; so it is with 1 file; `skip_bad: true` leaves them out", two[0]));
    begin_pairs(&c, 2, two);
    set(&c, "skip_bad", "true");
    load(&c);
    assert_int_equal(c.source.count, 3);
    char text[300];
    snprintf(text, sizeof text, "toy: 1 file without a partner is left out; the first: %s/B/3.png", folder);
    assert_string_equal(c.source.diags->first->text, text);
    diags_print(c.source.diags, stderr, false);
    end(&c);
    put_plain("B/2.png", 4, 4, 9, 0, 0);
    begin_pairs(&c, 2, two);
    bool ok = open_all(&c);
    assert_false(ok);
    assert_non_null(strstr(c.source.diags->first->text, "bears the same name as "));
    diags_print(c.source.diags, stderr, false);
    end(&c);
    const char *apart[] = {two[0], strcat(strcpy((char[200]){0}, two[1]), "/x")};
    unlink(file_in("A/2.png"));
    begin_pairs(&c, 2, apart);
    refused(&c, 12, said("A/1 a.png", "has no partner in %s, nor has any other file: files are matched by their names", apart[1]));
}

static void halves_and_sizes_must_fit(void **state) {
    (void)state;
    Case c;
    put_halves("a.png", 12, 6, 10, 200, false), put_halves("b.png", 13, 6, 10, 200, false);
    begin_pairs(&c, 1, (const char *const[]){folder});
    refused(&c, 12, said("b.png", "is 13 pixels wide, an odd number: it is no two images side by side", ""));
    begin_pairs(&c, 1, (const char *const[]){folder});
    set(&c, "skip_bad", "true");
    load(&c);
    assert_int_equal(c.source.count, 1);
    assert_non_null(strstr(c.source.diags->first->text, "toy: 1 of 2 pairs cannot be read and are left out; the first: "));
    end(&c);
    unlink(file_in("a.png")), unlink(file_in("b.png"));
    make_two();
    put_plain("B/2.jpeg", 5, 4, 0, 0, 0);
    begin_pairs(&c, 2, two);
    refused_about(&c, "/B/2.jpeg: is 5x4 pixels, and ");
    begin_pairs(&c, 2, two);
    set_side(&c, 4);
    load(&c);
    end(&c);
    begin_pairs(&c, 3, (const char *const[]){folder, folder, folder});
    refused(&c, 12, "toy: path is a folder of files side by side, or two folders [A, B], not 3");
    begin_pairs(&c, 2, (const char *const[]){folder, file_in("none")});
    refused_about(&c, "/none: there is no such file or folder");
    unlink(file_in("A/2.png"));
    write_file("A/2.png", "\x89PNG\r\n\x1a\n", 8);
    begin_pairs(&c, 2, two);
    set_side(&c, 4), set(&c, "skip_bad", "true");
    load(&c);
    assert_int_equal(c.source.count, 2);
    assert_int_equal(colors(&c, 1), 3103);
    end(&c);
}

/* As a spec says it: paths in any quoting, and both sides through the layers of `all`. */
static void a_spec_names_one_folder_or_two(void **state) {
    (void)state;
    make_two();
    put_folder("in one");
    put_halves("in one/a.png", 8, 4, 10, 200, false);
    char path[3][420];
    snprintf(path[0], sizeof path[0], "[%s, '%s']", two[0], two[1]);
    snprintf(path[1], sizeof path[1], "%s/in one", folder);
    snprintf(path[2], sizeof path[2], "[\"%s/in one\"]", folder);
    for (int k = 0; k < 3; k++) {
        char spec[2000];
        snprintf(spec, sizeof spec,
                 "data: {p: {source: pairs, path: %s, batch: 1, all: [{rescale: [-1, 1]}]}}\n"
                 "networks: {net(x): [flatten, {dense: 1}]}\n"
                 "players: {net: {minimize: mean(net(p.a)) + mean(p.b), optimizer: sgd(0.1)}}\n"
                 "schedule: {steps: 3, each: [net]}\n",
                 path[k]);
        World *w = open_text(spec);
        assert_int_equal(w->t->source[0].source->count, k ? 1 : 3);
        close_world(w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, empty_folder)
        TEST(a_file_has_two_halves),
        TEST(files_of_one_name_are_a_pair),
        TEST(what_has_no_partner_is_named),
        TEST(halves_and_sizes_must_fit),
        TEST(a_spec_names_one_folder_or_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
