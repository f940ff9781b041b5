/* Data sources: what a batch holds, in which order, and what is said of wrong parameters. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "datasets/dataset.h"

typedef struct { /* a spec's source: the keys it gives, each at a line of its own */
    const char *key[8];
    Arena *arena;
    DataSource source;
} Case;

static Loc loc_of(const void *node, const char *key) {
    const Case *c = node;
    for (uint32_t i = 0; i < 8 && c->key[i]; i++)
        if (!strcmp(c->key[i], key)) return (Loc){0, 10 + i, 1};
    return (Loc){0};
}

static void begin(Case *c, const char *kind) {
    *c = (Case){.arena = arena_new()};
    const Dataset *d = dataset_named(kind);
    assert_non_null(d);
    void *options = arena_alloc(c->arena, d->options_size);
    field_defaults(d->options, options, c->arena);
    c->source = (DataSource){.kind = d,
                             .name = "toy",
                             .options = options,
                             .arena = c->arena,
                             .diags = diags_new(c->arena),
                             .loc = {0, 1, 1},
                             .loc_of = loc_of,
                             .spec_node = c};
    field_defaults(source_options, &c->source.common, c->arena);
}

static void end(Case *c) {
    source_close(&c->source);
    arena_free(c->arena);
}

/* Sets a key as a spec would; `value` as in the row's default, a float list as numbers with blanks between.
 */
static void set(Case *c, const char *key, const char *value) {
    const Field *table = field_find(source_options, key) ? source_options : c->source.kind->options;
    char *into = table == source_options ? (char *)&c->source.common : (char *)(uintptr_t)c->source.options;
    const Field *f = field_find(table, key);
    assert_non_null(f);
    int at = 0;
    while (c->key[at]) at++;
    c->key[at] = key;
    if (f->type == F_FLOATS) {
        Floats *list = (Floats *)(void *)(into + f->offset);
        for (char *p = (char *)(uintptr_t)value, *next; list->at[list->n] = strtod(p, &next), next > p;
             p = next)
            list->n++;
        return;
    }
    Field rows[2] = {*f, {0}};
    rows[0].dflt = value;
    field_defaults(rows, into, c->arena);
}

static void load(Case *c) {
    bool ok = source_open(&c->source) && source_load(&c->source);
    if (!ok) diags_print(c->source.diags, stderr, false);
    assert_true(ok);
}

static void refused(Case *c, uint32_t line, const char *text) {
    bool ok = source_open(&c->source) && source_load(&c->source);
    assert_false(ok);
    const Diag *e = c->source.diags->first;
    assert_non_null(e);
    assert_string_equal(e->text, text);
    assert_int_equal(e->loc.line, line);
    FILE *nowhere = fopen("/dev/null", "w");
    assert_non_null(nowhere);
    diags_print(c->source.diags, nowhere, false); /* notes the place that complained */
    fclose(nowhere);
    end(c);
}

/* Labels identify nothing, so the order is seen through points: with deviation 1 all differ. */
static void points_of(Case *c, uint64_t seed, int64_t cursor, float *out, int64_t *n) {
    *n = source_batch(&c->source, seed, cursor, (void *[]){out, NULL});
}

static int by_first(const void *a, const void *b) {
    float x = *(const float *)a, z = *(const float *)b;
    return (x > z) - (x < z);
}

static void distinct_points(float *point, int64_t n, int64_t *distinct) {
    qsort(point, (size_t)n, 2 * sizeof *point, by_first);
    *distinct = n > 0;
    for (int64_t i = 1; i < n; i++) *distinct += point[2 * i] != point[2 * i - 2];
}

static void an_epoch_covers_each_sample_exactly_once(void **state) {
    (void)state;
    static const char *const orders[] = {"shuffle", "sequential"};
    for (int o = 0; o < 2; o++) {
        Case c;
        begin(&c, "gaussians");
        set(&c, "count", "103"), set(&c, "batch", "10"), set(&c, "last", "keep"), set(&c, "deviation", "1");
        set(&c, "order", orders[o]);
        load(&c);
        assert_int_equal(source_batches(&c.source), 11);
        float seen[2 * 110], again[2 * 110];
        for (int epoch = 0; epoch < 3; epoch++) {
            int64_t total = 0, n, distinct;
            for (int64_t b = 0; b < 11; b++) {
                points_of(&c, 5, 11 * epoch + b, seen + 2 * total, &n);
                assert_int_equal(n, b < 10 ? 10 : 3);
                total += n;
            }
            assert_int_equal(total, 103);
            if (epoch) assert_int_equal(o == 1, !memcmp(seen, again, 2 * 103 * sizeof *seen));
            memcpy(again, seen, 2 * 103 * sizeof *seen);
            distinct_points(seen, total, &distinct);
            assert_int_equal(distinct, 103);
        }
        end(&c);
    }
}

static void a_dropped_last_batch_is_not_delivered(void **state) {
    (void)state;
    Case c;
    begin(&c, "gaussians");
    set(&c, "count", "103"), set(&c, "batch", "10"), set(&c, "deviation", "1");
    load(&c);
    assert_int_equal(source_batches(&c.source), 10);
    float seen[2 * 100];
    int64_t n, distinct;
    for (int64_t b = 0; b < 10; b++) points_of(&c, 0, b, seen + 20 * b, &n), assert_int_equal(n, 10);
    distinct_points(seen, 100, &distinct);
    assert_int_equal(distinct, 100);
    assert_true(source_epoch(&c.source, 10) == 1);
    assert_true(source_epoch(&c.source, 25) == 2.5);
    end(&c);
}

static void a_batch_depends_on_seed_name_and_cursor_alone(void **state) {
    (void)state;
    static const char *const orders[] = {"shuffle", "replacement", "sequential"};
    for (int o = 0; o < 3; o++) {
        Case a, b;
        begin(&a, "gaussians"), begin(&b, "gaussians");
        Case *both[] = {&a, &b};
        for (int i = 0; i < 2; i++)
            set(both[i], "count", "50"), set(both[i], "batch", "7"), set(both[i], "deviation", "1"),
                set(both[i], "order", orders[o]);
        load(&a), load(&b);
        float forward[30][14], x[14];
        int64_t n;
        for (int64_t k = 0; k < 30; k++) points_of(&a, 3, k, forward[k], &n);
        for (int64_t k = 29; k >= 0; k--) {
            points_of(&b, 3, k, x, &n);
            assert_memory_equal(x, forward[k], sizeof x);
        }
        points_of(&b, 4, 0, x, &n);
        assert_int_equal(o == 2, !memcmp(x, forward[0], sizeof x));
        b.source.name = "other";
        points_of(&b, 3, 0, x, &n);
        assert_int_equal(o == 2, !memcmp(x, forward[0], sizeof x));
        end(&a), end(&b);
    }
}

static void replacement_draws_evenly_and_fills_every_batch(void **state) {
    (void)state;
    Case c;
    begin(&c, "gaussians");
    set(&c, "count", "8"), set(&c, "batch", "5"), set(&c, "order", "replacement"), set(&c, "deviation", "1");
    load(&c);
    float all[2 * 8], x[2 * 5];
    for (int64_t i = 0; i < 8; i++) c.source.kind->sample(&c.source, i, (void *[]){all + 2 * i, NULL});
    int times[8] = {0};
    for (int64_t k = 0; k < 2000; k++) {
        int64_t n;
        points_of(&c, 0, k, x, &n);
        assert_int_equal(n, 5);
        for (int i = 0; i < 5; i++)
            for (int j = 0; j < 8; j++) times[j] += x[2 * i] == all[2 * j];
    }
    for (int j = 0; j < 8; j++) assert_in_range(times[j], 1250 - 150, 1250 + 150); /* deviation 33 */
    end(&c);
}

static void fractions_split_the_samples(void **state) {
    (void)state;
    static const char *const part[] = {"0.7", "0.7 1"};
    float seen[2 * 10];
    int64_t total = 0;
    for (int p = 0; p < 2; p++) {
        Case c;
        begin(&c, "gaussians");
        set(&c, "count", "10"), set(&c, "batch", "1"), set(&c, "deviation", "1"),
            set(&c, "fraction", part[p]);
        load(&c);
        assert_int_equal(c.source.count, p ? 3 : 7);
        for (int64_t n, k = 0; k < c.source.count; k++, total++) points_of(&c, 0, k, seen + 2 * total, &n);
        end(&c);
    }
    int64_t distinct;
    distinct_points(seen, total, &distinct);
    assert_int_equal(distinct, 10);
}

static void polynomials_are_scaled_by_row_or_by_image(void **state) {
    (void)state;
    static const char *const scale[] = {"row", "image"};
    for (int k = 0; k < 2; k++) {
        Case c;
        begin(&c, "polynomials");
        set(&c, "scale", scale[k]), set(&c, "batch", "100"), set(&c, "size", "13");
        load(&c);
        assert_int_equal(c.source.total, 20000);
        static float image[100][13][13];
        source_batch(&c.source, 0, 0, (void *[]){image});
        for (int i = 0; i < 100; i++) {
            float most = 0;
            for (int row = 0; row < 13; row++) {
                double square = 0;
                for (int x = 0; x < 13; x++) {
                    square += (double)image[i][row][x] * image[i][row][x];
                    most = fmaxf(most, fabsf(image[i][row][x]));
                }
                if (k == 0) assert_true(fabs(square - 1) < 1e-5);
            }
            if (k == 1) assert_true(most == 1);
        }
        end(&c);
    }
}

/* Degrees are uniform in 0..4: a fifth of the images is constant. An image of degree d has vanishing
 * differences of order d + 1 along a row; dividing by a number leaves that so. */
static void polynomial_degrees_are_uniform(void **state) {
    (void)state;
    Case c;
    begin(&c, "polynomials");
    set(&c, "scale", "image"), set(&c, "batch", "2000"), set(&c, "size", "8"), set(&c, "order", "sequential");
    load(&c);
    static float image[2000][8][8];
    source_batch(&c.source, 0, 0, (void *[]){image});
    int times[6] = {0};
    for (int i = 0; i < 2000; i++) {
        double d[8];
        int degree = 5;
        for (int x = 0; x < 8; x++) d[x] = image[i][7][x];
        for (int order = 0; order < 5; order++) {
            double most = 0;
            for (int x = 0; x < 7 - order; x++) d[x] = d[x + 1] - d[x], most = fmax(most, fabs(d[x]));
            if (most < 5e-6 && degree == 5) degree = order;
        }
        times[degree]++;
    }
    assert_int_equal(times[5], 0);
    for (int degree = 0; degree < 5; degree++) assert_in_range(times[degree], 400 - 90, 400 + 90);
    end(&c);
}

static void polynomial_values_follow_the_formula(void **state) {
    (void)state;
    Case c;
    begin(&c, "polynomials");
    set(&c, "max_degree", "0"), set(&c, "batch", "1"), set(&c, "size", "40");
    load(&c);
    static float image[1600];
    for (int64_t k = 0; k < 20; k++) {
        source_batch(&c.source, 0, k, (void *[]){image});
        for (int i = 0; i < 1600; i++) assert_true(fabs(fabs((double)image[i]) - 1 / sqrt(40)) < 1e-6);
    }
    end(&c);
}

static void check_mixture(const char *layout, int modes, double (*centre)(int mode, int axis)) {
    Case c;
    begin(&c, "gaussians");
    set(&c, "layout", layout), set(&c, "batch", "20000"), set(&c, "order", "sequential");
    load(&c);
    static float point[20000][2];
    static int32_t label[20000];
    assert_int_equal(source_batch(&c.source, 0, 0, (void *[]){point, label}), 20000);
    assert_string_equal(c.source.constant[0].name, "centres");
    assert_int_equal(c.source.constant[0].type.shape.dim[0], modes);
    double sum = 0, square = 0;
    int times[25] = {0};
    for (int i = 0; i < 20000; i++) {
        assert_in_range(label[i], 0, modes - 1);
        times[label[i]]++;
        for (int axis = 0; axis < 2; axis++) {
            double off = point[i][axis] - centre(label[i], axis);
            assert_true(fabs(c.source.constant[0].value[2 * label[i] + axis] - centre(label[i], axis)) <
                        1e-12);
            sum += off, square += off * off;
        }
    }
    for (int k = 0; k < modes; k++)
        assert_in_range(times[k], 20000 / modes * 8 / 10, 20000 / modes * 12 / 10);
    assert_true(fabs(sum / 40000) < 0.02 * 4 / 200);
    assert_true(fabs(sqrt(square / 40000) - 0.02) < 0.02 * 0.02);
    end(&c);
}

static double on_ring(int mode, int axis) {
    double angle = 2 * acos(-1) * mode / 8;
    return 2 * (axis ? sin(angle) : cos(angle));
}
static double on_grid(int mode, int axis) { return 2 * (axis ? mode / 5 : mode % 5) - 4; }

static void gaussians_lie_around_their_modes(void **state) {
    (void)state;
    check_mixture("ring", 8, on_ring);
    check_mixture("grid", 25, on_grid);
}

static void made_data_depend_on_their_own_seed(void **state) {
    (void)state;
    static float x[3][64][16];
    static const char *const seeds[] = {"0", "0", "1"};
    for (int k = 0; k < 3; k++) {
        Case c;
        begin(&c, "polynomials");
        set(&c, "size", "4"), set(&c, "seed", seeds[k]);
        load(&c);
        source_batch(&c.source, 9, 2, (void *[]){x[k]});
        end(&c);
    }
    assert_memory_equal(x[0], x[1], sizeof x[0]);
    assert_memory_not_equal(x[0], x[2], sizeof x[0]);
}

typedef struct {
    const char *kind, *key[3], *value[3];
    uint32_t line;
    const char *text;
} Wrong;

/* clang-format off */
static const Wrong wrong[] = {
    {"polynomials", {"batch"}, {"0"}, 10, "toy: batch must be from 1 to 16777216, not 0"},
    {"polynomials", {"count"}, {"0"}, 10, "toy: count must be from 1 to 4294967295, not 0"},
    {"polynomials", {"count"}, {"-3"}, 10, "toy: count must be from 1 to 4294967295, not -3"},
    {"polynomials", {"seed"}, {"-1"}, 10, "toy: seed must be from 0 to 9007199254740992, not -1"},
    {"polynomials", {"size"}, {"0"}, 10, "toy: size must be from 1 to 1024, not 0"},
    {"polynomials", {"max_degree"}, {"17"}, 10, "toy: max_degree must be from 0 to 16, not 17"},
    {"polynomials", {"size", "batch", "count"}, {"8", "65", "64"}, 11, "toy: a batch of 65 is more than the 64 samples there are"},
    {"polynomials", {"count"}, {"1"}, 10, "toy: a batch of 64 is more than the 1 sample there are"},
    {"polynomials", {"fraction"}, {"1.5"}, 10, "toy: fraction must lie in 0 to 1, not in 0 to 1.5"},
    {"polynomials", {"fraction"}, {"-0.5 1"}, 10, "toy: fraction must lie in 0 to 1, not in -0.5 to 1"},
    {"polynomials", {"fraction"}, {"nan"}, 10, "toy: fraction must lie in 0 to 1, not in 0 to nan"},
    {"polynomials", {"fraction"}, {"0"}, 10, "toy: fraction from 0 to 0 holds no samples"},
    {"polynomials", {"fraction"}, {"0.9 0.1"}, 10, "toy: fraction from 0.9 to 0.1 holds no samples"},
    {"polynomials", {"fraction"}, {"0 0.5 1"}, 10, "toy: fraction is one number or [from, to], not a list of 3"},
    {"polynomials", {"batch", "count", "fraction"}, {"1", "10", "0.01"}, 12, "toy: fraction from 0 to 0.01 of 10 samples holds none"},
    {"gaussians", {"layout", "modes"}, {"grid", "24"}, 11, "toy: modes of a grid must be a square number, not 24; near are 16 and 25"},
    {"gaussians", {"modes"}, {"0"}, 10, "toy: modes must be from 1 to 10000, not 0"},
    {"gaussians", {"layout", "radius"}, {"grid", "3"}, 11, "toy: radius is for layout: ring"},
    {"gaussians", {"spacing"}, {"3"}, 10, "toy: spacing is for layout: grid"},
    {"gaussians", {"deviation"}, {"-1"}, 10, "toy: deviation must be from 0 to 1000000, not -1"},
};
/* clang-format on */

static void wrong_parameters_are_refused_at_their_key(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        Case c;
        begin(&c, wrong[i].kind);
        for (int k = 0; k < 3 && wrong[i].key[k]; k++) set(&c, wrong[i].key[k], wrong[i].value[k]);
        refused(&c, wrong[i].line, wrong[i].text);
    }
}

/* ---- idx files ---- */

static char folder[64];

static char *file_in(const char *name) {
    static char path[4][160];
    static int turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

/* Writes an IDX file of `rank` sizes; the bytes count up; `extra` bytes more or less than the header states.
 */
static void write_idx(const char *name, bool packed, int rank, const int *size, int extra) {
    int total = extra;
    uint8_t head[16] = {0, 0, 8, (uint8_t)rank}, all[4096];
    for (int i = 0; i < rank; i++)
        head[4 + 4 * i + 3] = (uint8_t)size[i], head[4 + 4 * i + 2] = (uint8_t)(size[i] >> 8);
    total += rank == 1 ? size[0] : size[0] * size[1] * size[2];
    for (int i = 0; i < total; i++) all[i] = (uint8_t)i;
    gzFile f = gzopen(file_in(name), packed ? "wb" : "wbT");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, head, 4 + 4 * (unsigned)rank), 4 + 4 * rank);
    assert_int_equal(gzwrite(f, all, (unsigned)total), total);
    gzclose(f);
}

static void cut(const char *name, long keep, long flip) {
    FILE *f = fopen(file_in(name), "r+");
    assert_non_null(f);
    if (flip >= 0) {
        fseek(f, flip, SEEK_SET);
        int c = fgetc(f);
        fseek(f, flip, SEEK_SET);
        fputc(c ^ 0xFF, f);
    }
    fclose(f);
    if (keep >= 0) assert_int_equal(truncate(file_in(name), keep), 0);
}

#define IMAGES "train-images-idx3-ubyte"
#define LABELS "train-labels-idx1-ubyte"

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/graphrun-idx-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    write_idx(IMAGES, false, 3, (int[]){10, 3, 2}, 0);
    write_idx(LABELS, false, 1, (int[]){10}, 0);
    return 0;
}

static int drop_folder(void **state) {
    (void)state;
    static const char *const names[] = {
        IMAGES, LABELS, IMAGES ".gz", LABELS ".gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
        "words"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(file_in(names[i]));
    return rmdir(folder);
}

static void begin_idx(Case *c, const char *path) {
    begin(c, "idx");
    set(c, "path", path), set(c, "batch", "2"), set(c, "order", "sequential");
}

static void idx_files_are_read_plain_and_packed(void **state) {
    (void)state;
    write_idx("t10k-images-idx3-ubyte.gz", true, 3, (int[]){10, 3, 2}, 0);
    write_idx("t10k-labels-idx1-ubyte.gz", true, 1, (int[]){10}, 0);
    for (int k = 0; k < 3; k++) {
        Case c;
        begin_idx(&c, k == 2 ? file_in(IMAGES) : folder);
        if (k == 1) set(&c, "split", "test");
        load(&c);
        assert_int_equal(c.source.total, 10);
        Shape expected = SHAPE(3, 2, 1);
        assert_true(shape_equal(&c.source.field[0].sample.shape, &expected));
        float image[2][6];
        int32_t label[2];
        assert_int_equal(source_batch(&c.source, 0, 3, (void *[]){image, label}), 2);
        for (int i = 0; i < 12; i++) assert_true(image[i / 6][i % 6] == (float)(36 + i) / 255);
        assert_int_equal(label[0], 6), assert_int_equal(label[1], 7);
        end(&c);
    }
}

static void relative_paths_are_looked_for_in_the_data_folder(void **state) {
    (void)state;
    Case c;
    begin_idx(&c, strrchr(folder, '/') + 1);
    set(&c, "count", "4");
    setenv("GRAPHRUN_DATA", "/tmp", 1);
    load(&c);
    unsetenv("GRAPHRUN_DATA");
    assert_string_equal(c.source.path, folder);
    assert_int_equal(c.source.count, 4);
    end(&c);
    begin_idx(&c, "no/such");
    refused(&c, 10, "toy: no/such: there is no such file or folder here, and GRAPHRUN_DATA is not set");
    begin_idx(&c, "no/such");
    setenv("GRAPHRUN_DATA", "/tmp", 1);
    refused(&c, 10, "toy: no/such: there is no such file or folder here or in /tmp (GRAPHRUN_DATA)");
    unsetenv("GRAPHRUN_DATA");
    begin_idx(&c, "/no/such");
    refused(&c, 10, "toy: /no/such: there is no such file or folder");
}

static char *says(const char *file, const char *what) {
    static char text[400];
    snprintf(text, sizeof text, "toy: %s: %s", *file ? file_in(file) : folder, what);
    return text;
}

static void broken_idx_files_are_named(void **state) {
    (void)state;
    Case c;
    unlink(file_in(LABELS));
    begin_idx(&c, folder);
    refused(&c, 10, says("", "holds neither " LABELS " nor " LABELS ".gz"));
    begin_idx(&c, file_in(IMAGES));
    char text[300];
    snprintf(text, sizeof text, "there is no %s beside it", file_in(LABELS));
    refused(&c, 10, says(IMAGES, text));
    write_idx("words", false, 1, (int[]){3}, 0);
    begin_idx(&c, file_in("words"));
    refused(&c, 10, says("words", "is no folder, and its name has no 'images' in it to find the labels by"));

    write_idx(LABELS, false, 1, (int[]){9}, 0);
    begin_idx(&c, folder);
    snprintf(text, sizeof text, "has 10 images, but %s has 9 labels", file_in(LABELS));
    refused(&c, 10, says(IMAGES, text));
    write_idx(LABELS, false, 1, (int[]){0}, 0);
    begin_idx(&c, folder);
    refused(&c, 10, says(LABELS, "its header states a size of 0"));
    write_idx(LABELS, false, 1, (int[]){10}, -1);
    begin_idx(&c, folder);
    refused(&c, 10, says(LABELS, "ends too early"));
    write_idx(LABELS, false, 1, (int[]){10}, 1);
    begin_idx(&c, folder);
    refused(&c, 10, says(LABELS, "goes on after the end that its header states"));
    write_idx(LABELS, false, 1, (int[]){10}, 0);
    cut(LABELS, 3, -1);
    begin_idx(&c, folder);
    refused(&c, 10, says(LABELS, "ends too early"));
    write_idx(LABELS, false, 1, (int[]){10}, 0);
    cut(LABELS, -1, 3);
    begin_idx(&c, folder);
    refused(&c, 10, says(LABELS, "is no IDX file of labels: it begins with 000008fe, not 00000801"));

    unlink(file_in(LABELS));
    write_idx(LABELS ".gz", true, 1, (int[]){200}, 0);
    write_idx(IMAGES, false, 3, (int[]){200, 2, 2}, 0);
    cut(LABELS ".gz", 60, -1);
    begin_idx(&c, folder);
    refused(&c, 10, says(LABELS ".gz", "ends too early"));
    for (int flip = 0; flip < 2; flip++) { /* in the data; in the sum at the end */
        write_idx(LABELS ".gz", true, 1, (int[]){200}, 0);
        FILE *f = fopen(file_in(LABELS ".gz"), "r");
        assert_non_null(f);
        fseek(f, 0, SEEK_END);
        long size = ftell(f);
        fclose(f);
        cut(LABELS ".gz", -1, flip ? size - 6 : 10);
        begin_idx(&c, folder);
        refused(&c, 10, says(LABELS ".gz", "its gzip data are corrupt"));
    }
}

static void the_default_is_fashion_mnist_where_installed(void **state) {
    (void)state;
    Case c;
    begin(&c, "idx");
    set(&c, "batch", "1000"), set(&c, "split", "test");
    if (access("/usr/share/datasets/fashion-mnist", F_OK)) {
        refused(&c, 1,
                "toy: /usr/share/datasets/fashion-mnist: there is no such file or folder; "
                "install Debian's dataset-fashion-mnist, or give a path");
        return;
    }
    load(&c);
    static float image[1000][28][28];
    static int32_t label[1000];
    int times[10] = {0};
    double sum = 0;
    for (int64_t k = 0; k < 10; k++) {
        assert_int_equal(source_batch(&c.source, 0, k, (void *[]){image, label}), 1000);
        for (int i = 0; i < 1000; i++) times[label[i]]++;
        for (int i = 0; i < 784000; i++) sum += (double)((float *)image)[i];
    }
    for (int i = 0; i < 10; i++) assert_int_equal(times[i], 1000);
    assert_true(fabs(sum / 7840000 - 0.2868) < 0.0005); /* the test set's published mean */
    end(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_covers_each_sample_exactly_once),
        cmocka_unit_test(a_dropped_last_batch_is_not_delivered),
        cmocka_unit_test(a_batch_depends_on_seed_name_and_cursor_alone),
        cmocka_unit_test(replacement_draws_evenly_and_fills_every_batch),
        cmocka_unit_test(fractions_split_the_samples),
        cmocka_unit_test(polynomials_are_scaled_by_row_or_by_image),
        cmocka_unit_test(polynomial_degrees_are_uniform),
        cmocka_unit_test(polynomial_values_follow_the_formula),
        cmocka_unit_test(gaussians_lie_around_their_modes),
        cmocka_unit_test(made_data_depend_on_their_own_seed),
        cmocka_unit_test(wrong_parameters_are_refused_at_their_key),
        cmocka_unit_test_setup_teardown(idx_files_are_read_plain_and_packed, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(relative_paths_are_looked_for_in_the_data_folder, make_folder,
                                        drop_folder),
        cmocka_unit_test_setup_teardown(broken_idx_files_are_named, make_folder, drop_folder),
        cmocka_unit_test(the_default_is_fashion_mnist_where_installed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
