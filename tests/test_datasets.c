/* Data sources: what a batch holds, in which order, and what is said of wrong parameters. */
#include "source.h"

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

static void replacement_fills_batches_larger_than_the_source(void **state) {
    (void)state;
    static const char *const lasts[] = {"drop", "keep"};
    for (int i = 0; i < 2; i++) {
        Case c;
        begin(&c, "gaussians");
        set(&c, "count", "3"), set(&c, "batch", "8"), set(&c, "order", "replacement"), set(&c, "last", lasts[i]);
        load(&c);
        assert_true(source_epoch(&c.source, 4) == 4);
        float x[2 * 8];
        int64_t n;
        points_of(&c, 0, 4, x, &n);
        assert_int_equal(n, 8);
        end(&c);
    }
}

static void samples_that_are_made_are_kept_where_all_fit(void **state) {
    (void)state;
    Case c;
    begin(&c, "gaussians");
    set(&c, "count", "50"), set(&c, "batch", "5"), set(&c, "deviation", "1"), set(&c, "labelled", "16");
    assert_true(source_open(&c.source));
    for (int k = 0; k < c.source.nfield; k++) assert_true(source_want(&c.source, k, (Loc){0}));
    assert_true(source_load(&c.source));
    assert_int_equal(c.source.bytes, 50 * (8 + 4 + 1));
    assert_non_null(c.source.have);
    for (int again = 0; again < 3; again++)
        for (int64_t i = 0; i < 50; i++) {
            float x[2], y[2];
            int32_t label = -1, other;
            uint8_t marked = 7;
            c.source.kind->sample(&c.source, i, (void *[]){x, &other});
            assert_true(source_sample(&c.source, i, (void *[]){y, i % 2 ? &label : NULL, &marked}, NULL));
            assert_memory_equal(x, y, sizeof x);
            if (i % 2) assert_int_equal(label, other);
            assert_int_equal(marked, c.source.marked[i]);
            assert_int_equal(c.source.have[i], 1);
        }
    end(&c);
    begin(&c, "gaussians");
    set(&c, "count", "2000000"), set(&c, "batch", "5");
    load(&c);
    assert_null(c.source.have);                       /* 26 MB */
    assert_int_equal(c.source.bytes, 0);
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
    {"polynomials", {"size", "batch", "count"}, {"8", "65", "64"}, 11, "toy: a batch of 65 is more than the 64 samples there are; `order: replacement` would draw them again"},
    {"polynomials", {"count"}, {"1"}, 10, "toy: a batch of 64 is more than the 1 sample there are; `order: replacement` would draw them again"},
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
    {"gaussians", {"classes"}, {"0 0.5"}, 10, "toy: classes are whole numbers, 0.5 is none"},
    {"gaussians", {"classes"}, {"0 1 0"}, 10, "toy: classes has 0 twice"},
    {"gaussians", {"classes"}, {"0 8"}, 10, "toy: of the 100000 samples none has the label 8"},
    {"gaussians", {"relabel"}, {"true"}, 10, "toy: relabel numbers the labels by their place in `classes`: give these"},
    {"gaussians", {"only"}, {"rest"}, 10, "toy: `only` goes by `labelled`: say how many samples are"},
    {"polynomials", {"classes"}, {"0 1"}, 10, "toy: classes goes by the field 'label', one int a sample, and there is none"},
    {"polynomials", {"labelled"}, {"10"}, 10, "toy: labelled goes by the field 'label', one int a sample, and there is none"},
    {"moons", {"labelled", "only", "count"}, {"200", "rest", "200"}, 10,
     "toy: labelled: 200 of 2 classes are 100 of the class 0, and only 97 samples have that label"},
    {"moons", {"labelled", "only", "count"}, {"1", "rest", "1"}, 11, "toy: all 1 samples are labelled: there is no rest"},
    {"circles", {"factor"}, {"1.5"}, 10, "toy: factor must be from 0 to 1, not 1.5"},
    {"swiss_roll", {"dimensions"}, {"4"}, 10, "toy: dimensions must be from 2 to 3, not 4"},
    {"spiral", {"arms"}, {"0"}, 10, "toy: arms must be from 1 to 1000, not 0"},
    {"moons", {"noise"}, {"-1"}, 10, "toy: noise must be from 0 to 1000000, not -1"},
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

/* ---- which samples ---- */

/* All labels of one pass, in the order of the source; *n of them. */
static int64_t labels_of(Case *c, int32_t *label, uint8_t *marked) {
    set(c, "order", "sequential"), set(c, "batch", "1"), set(c, "last", "keep");
    load(c);
    for (int64_t k = 0; k < c->source.count; k++)
        assert_int_equal(source_batch(&c->source, 0, k, (void *[]){NULL, label + k, marked ? marked + k : NULL}), 1);
    return c->source.count;
}

static void classes_keep_their_samples_and_relabel_counts_them(void **state) {
    (void)state;
    int32_t all[1000], some[1000];
    Case c;
    begin(&c, "gaussians"), set(&c, "count", "1000");
    labels_of(&c, all, NULL);
    end(&c);
    int times = 0;
    for (int i = 0; i < 1000; i++) times += all[i] == 2 || all[i] == 5;
    for (int again = 0; again < 2; again++) {
        begin(&c, "gaussians"), set(&c, "count", "1000"), set(&c, "classes", "5 2");
        if (again) set(&c, "relabel", "true");
        int64_t n = labels_of(&c, some, NULL);
        assert_int_equal(n, times);
        for (int64_t i = 0, k = 0; i < 1000; i++)
            if (all[i] == 2 || all[i] == 5) assert_int_equal(some[k++], again ? all[i] == 2 : all[i]);
        end(&c);
    }
}

static void a_fraction_is_of_the_classes(void **state) {
    (void)state;
    int32_t whole[1000], first[1000], rest[1000];
    static const char *const part[] = {"0 1", "0 0.25", "0.25 1"};
    int32_t *into[] = {whole, first, rest};
    int64_t n[3];
    for (int k = 0; k < 3; k++) {
        Case c;
        begin(&c, "gaussians"), set(&c, "count", "1000"), set(&c, "classes", "1 3 4"), set(&c, "fraction", part[k]);
        n[k] = labels_of(&c, into[k], NULL);
        end(&c);
    }
    assert_int_equal(n[1] + n[2], n[0]);
    assert_int_equal(n[1], (n[0] + 2) / 4);
    assert_memory_equal(whole, first, (size_t)n[1] * 4);
    assert_memory_equal(whole + n[1], rest, (size_t)n[2] * 4);
}

static void labelled_samples_are_balanced_and_the_rest_is_the_rest(void **state) {
    (void)state;
    static int32_t label[3][2000];
    static uint8_t marked[3][2000];
    static const char *const only[] = {"all", "labelled", "rest"};
    int64_t n[3];
    for (int k = 0; k < 3; k++) {
        Case c;
        begin(&c, "gaussians"), set(&c, "count", "2000"), set(&c, "labelled", "100"), set(&c, "only", only[k]);
        n[k] = labels_of(&c, label[k], marked[k]);
        assert_string_equal(c.source.field[2].name, "labelled");
        end(&c);
    }
    assert_int_equal(n[0], 2000), assert_int_equal(n[1], 100), assert_int_equal(n[2], 1900);
    int times[8] = {0}, at[3] = {0};
    for (int i = 0; i < 2000; i++) {                  /* the two parts together are the whole, in its order */
        int k = marked[0][i] ? 1 : 2;
        assert_int_equal(label[0][i], label[k][at[k]]);
        assert_int_equal(marked[k][at[k]++], marked[0][i]);
        if (marked[0][i]) times[label[0][i]]++;
    }
    for (int k = 0; k < 8; k++) assert_int_equal(times[k], k < 4 ? 13 : 12);
}

static void the_source_s_seed_chooses_who_is_labelled(void **state) {
    (void)state;
    static uint8_t marked[3][2000];
    static const char *const names[] = {"toy", "other", "toy"};
    for (int k = 0; k < 3; k++) {
        static int32_t label[2000];
        Case c;
        begin(&c, "moons"), set(&c, "count", "2000"), set(&c, "labelled", "100");
        c.source.name = names[k];
        if (k == 2) set(&c, "seed", "1");
        labels_of(&c, label, marked[k]);
        end(&c);
    }
    assert_memory_equal(marked[0], marked[1], 2000);
    assert_memory_not_equal(marked[0], marked[2], 2000);
}

/* ---- the plane ---- */

static void read_points(Case *c, const char *kind, float (*point)[2], int32_t *label) {
    begin(c, kind);
    set(c, "batch", "20000"), set(c, "order", "sequential");
    if (strcmp(kind, "gaussians")) set(c, "noise", "0");
    load(c);
    assert_int_equal(source_batch(&c->source, 0, 0, (void *[]){point, label}), 20000);
}

/* How far a point without noise is from the curve of its class, by its equation, not by the kind's formula. */
static double off_moons(const float *p, int32_t label) {
    double x = label ? 1 - p[0] : p[0], y = label ? 0.5 - p[1] : p[1];
    return y < -1e-6 ? 1 : fabs(hypot(x, y) - 1);
}
static double off_circles(const float *p, int32_t label) { return fabs(hypot(p[0], p[1]) - (label ? 0.5 : 1)); }
static double off_spiral(const float *p, int32_t label) {
    double r = hypot(p[0], p[1]), turn = atan2(p[1], p[0]) / (2 * acos(-1)) - r - label / 2.0;
    return r > 1 + 1e-6 ? 1 : r * fabs(turn - round(turn));
}
static double off_swiss_roll(const float *p, int32_t label) {
    double r = hypot(p[0], p[1]), turn = atan2(p[1], p[0]) / (2 * acos(-1)) - 2.25 * r;
    double along = (r * 3 - 1) / 2;                   /* t runs from 1.5 pi to 4.5 pi: radius 1/3 to 1 */
    return along < label / 4.0 - 1e-5 || along > (label + 1) / 4.0 + 1e-5 ? 1 : fabs(turn - round(turn));
}

static void points_lie_on_their_curves(void **state) {
    (void)state;
    static const struct { const char *kind; int classes; double (*off)(const float *, int32_t); } curves[] = {
        {"moons", 2, off_moons}, {"circles", 2, off_circles}, {"spiral", 2, off_spiral}, {"swiss_roll", 4, off_swiss_roll}};
    for (int k = 0; k < 4; k++) {
        static float point[20000][2];
        static int32_t label[20000];
        int times[4] = {0};
        Case c;
        read_points(&c, curves[k].kind, point, label);
        for (int i = 0; i < 20000; i++) {
            assert_in_range(label[i], 0, curves[k].classes - 1);
            times[label[i]]++;
            assert_true(curves[k].off(point[i], label[i]) < 1e-5);
        }
        for (int i = 0; i < curves[k].classes; i++)
            assert_in_range(times[i], 19000 / curves[k].classes, 21000 / curves[k].classes);
        end(&c);
    }
}

static void noise_has_the_stated_deviation(void **state) {
    (void)state;
    static const char *const kinds[] = {"moons", "circles", "spiral", "swiss_roll"};
    for (int k = 0; k < 4; k++) {
        static float plain[20000][2], noisy[20000][2];
        static int32_t label[20000];
        Case c;
        read_points(&c, kinds[k], plain, label);
        end(&c);
        begin(&c, kinds[k]);
        set(&c, "batch", "20000"), set(&c, "order", "sequential"), set(&c, "noise", "0.1");
        load(&c);
        source_batch(&c.source, 0, 0, (void *[]){noisy, NULL});
        double sum = 0, square = 0;
        for (int i = 0; i < 40000; i++) {
            double d = (double)noisy[i / 2][i % 2] - (double)plain[i / 2][i % 2];
            sum += d, square += d * d;
        }
        assert_true(fabs(sum / 40000) < 0.1 * 4 / 200);
        assert_true(fabs(sqrt(square / 40000) - 0.1) < 0.1 * 0.02);
        end(&c);
    }
}

static void the_roll_in_space_is_the_roll_in_the_plane_with_a_height(void **state) {
    (void)state;
    float plane[64][2], space[64][3];
    Case c;
    begin(&c, "swiss_roll"), set(&c, "noise", "0");
    load(&c);
    source_batch(&c.source, 0, 0, (void *[]){plane, NULL});
    end(&c);
    begin(&c, "swiss_roll"), set(&c, "noise", "0"), set(&c, "dimensions", "3");
    load(&c);
    source_batch(&c.source, 0, 0, (void *[]){space, NULL});
    double low = 9, high = 0;
    for (int i = 0; i < 64; i++) {
        assert_true(space[i][0] == plane[i][0] && space[i][2] == plane[i][1]);
        low = fmin(low, space[i][1]), high = fmax(high, space[i][1]);
    }
    assert_true(low >= 0 && low < 0.3 && high > 1.2 && high < 21 / (4.5 * acos(-1)));
    end(&c);
}

/* ---- the tables ---- */

static void every_row_says_what_it_is(void **state) {
    (void)state;
    for (const Dataset *const *d = dataset_table; *d; d++) {
        assert_non_null((*d)->doc);
        assert_non_null((*d)->example);
        char *source = test_malloc(100);
        snprintf(source, 100, "{source: %s,", (*d)->name);
        assert_int_equal(strncmp((*d)->example, source, strlen(source)), 0);
        test_free(source);
        assert_non_null((*d)->fields);
        const FieldRow *tables[] = {(*d)->fields, (*d)->constants, source_fields};
        for (int t = 0; t < 3; t++)
            for (const FieldRow *r = tables[t]; r && r->name; r++) assert_true(r->shape && r->doc && *r->doc);
        const Field *keys[] = {(*d)->options, source_options};
        for (int t = 0; t < 2; t++)
            for (const Field *f = keys[t]; f && f->name; f++) assert_true(f->doc && *f->doc);
        for (const Field *f = (*d)->options; f && f->name; f++) assert_null(field_find(source_options, f->name));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_covers_each_sample_exactly_once),
        cmocka_unit_test(a_dropped_last_batch_is_not_delivered),
        cmocka_unit_test(a_batch_depends_on_seed_name_and_cursor_alone),
        cmocka_unit_test(replacement_draws_evenly_and_fills_every_batch),
        cmocka_unit_test(replacement_fills_batches_larger_than_the_source),
        cmocka_unit_test(samples_that_are_made_are_kept_where_all_fit),
        cmocka_unit_test(fractions_split_the_samples),
        cmocka_unit_test(polynomials_are_scaled_by_row_or_by_image),
        cmocka_unit_test(polynomial_degrees_are_uniform),
        cmocka_unit_test(polynomial_values_follow_the_formula),
        cmocka_unit_test(gaussians_lie_around_their_modes),
        cmocka_unit_test(made_data_depend_on_their_own_seed),
        cmocka_unit_test(classes_keep_their_samples_and_relabel_counts_them),
        cmocka_unit_test(a_fraction_is_of_the_classes),
        cmocka_unit_test(labelled_samples_are_balanced_and_the_rest_is_the_rest),
        cmocka_unit_test(the_source_s_seed_chooses_who_is_labelled),
        cmocka_unit_test(points_lie_on_their_curves),
        cmocka_unit_test(noise_has_the_stated_deviation),
        cmocka_unit_test(the_roll_in_space_is_the_roll_in_the_plane_with_a_height),
        cmocka_unit_test(every_row_says_what_it_is),
        cmocka_unit_test(wrong_parameters_are_refused_at_their_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
