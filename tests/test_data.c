/* `graphrun data`: what is printed and drawn of the sources of a spec, and of a source that stands alone. */
#include <jansson.h>

#include "command.h"
#include "image_files.h"

static void says(int code, const char *in_out, const char *in_err, const char *line) {
    int got = sh("%s", line);
    if (got != code || !strstr(out, in_out) || !strstr(err, in_err))
        fail_msg("%s: ends with %d\n%s%s\nnot with %d, '%s', '%s'", line, got, out, err, code, in_out, in_err);
}

/* Of a PNG that was written. */
static void assert_size(const char *name, int width, int height) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_file(&image, file_in(name))) fail_msg("%s: %s", name, image.message);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    png_image_free(&image);
}

static const char spec[] = "data:\n"
                           "  some: {source: images, path: pictures, batch: 4, image: [{rescale: [-1, 1]}]}\n"
                           "  other: {source: images, path: nowhere, batch: 4}\n"
                           "networks: {net(x): [flatten, {dense: 1}]}\n"
                           "players: {net: {minimize: \"mean(net(some.image)) + mean(some.label)\", optimizer: sgd(0.1)}}\n"
                           "schedule: {steps: 3, each: [net]}\n";

static int make_pictures(void **state) {
    int made = make_folder(state);
    put_folder("pictures"), put_folder("pictures/a"), put_folder("pictures/b");
    for (int i = 0; i < 100; i++) {
        char name[40];
        snprintf(name, sizeof name, "pictures/%c/%02d.png", i % 2 ? 'b' : 'a', i);
        put_plain(name, 6, 4, 255, 2 * i, 0);
    }
    write_file("spec.yaml", spec, sizeof spec - 1);
    return made || chdir(folder);
}

static void fields_of_a_spec_are_listed_and_drawn(void **state) {
    (void)state;
    says(0, "some.image          4 of 100  float  [4, 4, 6, 3]     -1", "", "data spec.yaml");
    assert_non_null(strstr(out, "\nsome.label          4 of 100  int    [4]               0         0.5     1\n"));
    assert_non_null(strstr(out, "\nruns/spec-data/some.image.png\n"));
    assert_null(strstr(out, "other"));
    assert_size("runs/spec-data/some.image.png", 8 * (6 + 2) + 2, 8 * (4 + 2) + 2);         /* 64 of the 100 */
    says(0, "made/some.image.png\n", "", "data spec.yaml -o made --set data.some.classes=[1] --set data.some.fraction=0.2");
    assert_size("made/some.image.png", 4 * (6 + 2) + 2, 3 * (4 + 2) + 2);
}

/* Evenly over all samples: the first row of pixels in the middle of each image has its green. */
static void previews_are_spread_over_the_samples(void **state) {
    (void)state;
    says(0, "images.file", "", "data images path=pictures count=80 -o spread");
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_file(&image, file_in("spread/images.image.png")));
    static unsigned char rgb[50 * 66 * 3];
    image.format = PNG_FORMAT_RGB;
    assert_int_equal(PNG_IMAGE_SIZE(image), sizeof rgb);
    assert_true(png_image_finish_read(&image, NULL, rgb, 0, NULL));
    for (int k = 0; k < 64; k++) {
        int sample = k * 80 / 64, number = sample < 50 ? 2 * sample : 2 * (sample - 50) + 1;
        const unsigned char *p = rgb + ((k / 8 * 6 + 4) * 66 + k % 8 * 8 + 4) * 3;
        if (p[0] != 255 || p[1] != 2 * number) fail_msg("image %d: %d %d, not number %d", k, p[0], p[1], number);
    }
}

static void every_kind_that_is_made_stands_alone(void **state) {
    (void)state;
    int drawn = 0;
    for (const Dataset *const *d = dataset_table; *d; d++) {
        if (field_find((*d)->options, "path")) continue;
        char line[200], name[90];
        snprintf(line, sizeof line, "data %s count=30", (*d)->name);
        snprintf(name, sizeof name, "%s.%s", (*d)->name, (*d)->fields->name);
        says(0, name, "", line);
        assert_non_null(strstr(out, "1 of 30"));
        snprintf(name, sizeof name, "runs/%s-data/%s.%s.png", (*d)->name, (*d)->name, (*d)->fields->name);
        assert_non_null(strstr(out, name));
        assert_int_equal(access(file_in(name), F_OK), 0);
        drawn++;
    }
    assert_true(drawn >= 6);
    write_file("t.csv", "x,y\n1,2\n3,5\n", 12);
    says(0, "csv.y            1 of 2  float  [1]        2   3.5     5", "", "data csv path=t.csv");
    assert_null(strstr(out, ".png"));
}

static void json_holds_the_same(void **state) {
    (void)state;
    assert_int_equal(sh("data images path=pictures size=8 batch=10 --json"), 0);
    json_t *all = json_loads(out, 0, NULL);
    assert_int_equal(json_array_size(all), 3);
    const char *field, *picture;
    json_int_t samples, batch, height, width, channels;
    double least;
    assert_int_equal(json_unpack(json_array_get(all, 0), "{s:s, s:I, s:I, s:[I,I,I], s:f, s:s}", "field", &field, "samples", &samples, "batch",
                                 &batch, "shape", &height, &width, &channels, "least", &least, "picture", &picture), 0);
    assert_string_equal(field, "images.image");
    assert_string_equal(picture, "runs/images-data/images.image.png");
    assert_true(samples == 100 && batch == 10 && height == 8 && width == 8 && channels == 3 && least == 0);
    assert_true(json_is_null(json_object_get(json_array_get(all, 1), "picture")));
    json_decref(all);
}

static void what_is_wrong_is_said(void **state) {
    (void)state;
    says(2, "", "'moon' is no kind of source, did you mean 'moons'; the name of a spec ends in .yaml or has a '/'", "data moon");
    says(2, "", "'zzzzzzzz' is no kind of source; the name", "data zzzzzzzz");
    says(2, "", "'noise' is no key=value", "data moons noise");
    says(2, "", "a source alone takes key=value", "data moons --set data.moons.noise=1");
    says(2, "", "keys of a spec are changed with --set data.NAME.KEY=VALUE", "data spec.yaml batch=2");
    says(2, "", "wants SPEC|SOURCE", "data");
    says(3, "", "moons:4:5: error: unknown key 'nois' of a source of kind moons, did you mean 'noise'?", "data moons nois=1");
    says(4, "", "images:4:11: error: images: nowhere: there is no such file or folder", "data images path=nowhere");
    says(6, "", "graphrun: spec.yaml/in: Not a directory", "data moons count=5 -o spec.yaml/in");
    write_file("pictures/a/00.png", "\x89PNG\r\n\x1a\n", 8);
    says(4, "", "pictures/a/00.png: cannot be read as PNG", "data images path=pictures");
    says(0, "1 of 99", "1 of 100 files cannot be read and are left out", "data images path=pictures skip_bad=true");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_a_spec_are_listed_and_drawn),
        cmocka_unit_test(previews_are_spread_over_the_samples),
        cmocka_unit_test(every_kind_that_is_made_stands_alone),
        cmocka_unit_test(json_holds_the_same),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, make_pictures, empty_folder);
}
