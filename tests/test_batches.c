/* Layers of fields: what they give is what the reference computes, in every order of asking, whether kept or made anew. */
#include "source_files.h"
#include "train/batches.h"
#include "train/loader.h"
#include "train/machine.h"
#include "world.h"

typedef struct {
    World *w;
    Machine *m;
} Fed;

static const char spec[] = "data:\n"
                           "  a: {source: polynomials, size: 4, count: 37, batch: 5, last: keep, LAYERS}\n"
                           "networks: {net(x): [flatten, {dense: 1}]}\n"
                           "players:\n"
                           "  net: {minimize: mean(net(a.image)), optimizer: sgd(0.1)}\n"
                           "schedule: {steps: 1, each: [net]}\n";

static void start(Fed *c, const char *layers) {
    char text[1000];
    const char *at = strstr(spec, "LAYERS");
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - spec), spec, layers, at + 6);
    *c = (Fed){.w = open_text(text)};
    Fault f = {0};
    MachineOptions options = machine_defaults();
    options.threads = 2;
    c->m = machine_new(c->w->t, &options, &f);
    bool ok = c->m && machine_load(c->m, &f);
    if (!ok) print_error("%s\n", f.text);
    assert_true(ok);
}

static void stop(Fed *c) {
    machine_free(c->m);
    close_world(c->w);
}

static const DataSource *source_of(const Fed *c) { return c->w->t->source[0].source; }

static int64_t make(const Fed *c, FieldMode mode, int64_t cursor, float *image) {
    void *out[DATA_FIELDS] = {image};
    return batches_make(c->m->feed[0].batches, source_of(c), mode, cursor, out, &(Fault){0});
}

/* Samples as the kind gives them, in the batch's order. */
static int64_t raw(const Fed *c, int64_t cursor, float *image) {
    int64_t index[5], n = source_order(source_of(c), 0, cursor, index);
    for (int64_t i = 0; i < n; i++) source_sample(source_of(c), index[i], (void *[]){image + 16 * i}, NULL);
    return n;
}

static void layers_rework_every_batch(void **state) {
    (void)state;
    Fed c;
    start(&c, "image: [{rescale: [-1, 1]}, {pad: 1}]");
    for (int again = 0; again < 3; again++)           /* first made, then kept */
        for (int64_t k = 0; k < 20; k++) {
            float x[5][4][4], y[5][6][6];
            memset(y, 77, sizeof y);
            int64_t n = raw(&c, k, (float *)x);
            assert_int_equal(make(&c, k % 2 ? MODE_TRAIN : MODE_EVAL, k, (float *)y), n);
            assert_int_equal(n, k % 8 == 7 ? 2 : 5);
            for (int64_t i = 0; i < n; i++)
                for (int r = 0; r < 6; r++)
                    for (int col = 0; col < 6; col++) {
                        bool inside = r > 0 && r < 5 && col > 0 && col < 5;
                        assert_true(y[i][r][col] == (inside ? 2 * x[i][r - 1][col - 1] - 1 : 0));
                    }
        }
    stop(&c);
}

static void layers_that_mix_samples_see_their_batch(void **state) {
    (void)state;
    Fed c;
    start(&c, "image: [\"x -> x - mean(x)\"]");
    for (int again = 0; again < 2; again++)
        for (int64_t k = 0; k < 23; k++) {            /* three epochs, in which a sample meets others */
            if (k % 8 == 7) continue;                 /* not full: what is behind its samples is of no meaning */
            float x[80], y[80];
            double mean = 0;
            raw(&c, k, x);
            make(&c, MODE_EVAL, k, y);
            for (int i = 0; i < 80; i++) mean += (double)x[i] / 80;
            for (int i = 0; i < 80; i++) assert_true(fabs((double)y[i] - ((double)x[i] - mean)) < 1e-6);
        }
    stop(&c);
}

static void layers_that_do_the_same_in_both_modes_are_kept_once(void **state) {
    (void)state;
    static const struct {
        const char *layers;
        float train, eval;
    } cases[] = {{"image: [\"x -> 2*x\"]", 2, 2},
                 {"image: [\"x -> x*if(training, 2, 3)\"]", 2, 3},
                 {"image: [\"x -> [2*x, 3*x][if(training, 0, 1)]\"]", 2, 3}};
    double bytes[3];
    for (int i = 0; i < 3; i++) {
        Fed c;
        float x[80], y[80], z[80];
        start(&c, cases[i].layers);
        raw(&c, 3, x), make(&c, MODE_TRAIN, 3, y), make(&c, MODE_EVAL, 3, z);
        for (int k = 0; k < 80; k++) assert_true(y[k] == cases[i].train * x[k] && z[k] == cases[i].eval * x[k]);
        const Unit *unit = c.w->t->source[0].rework->unit;
        assert_int_equal(unit[MODE_TRAIN].program != NULL, i > 0);
        bytes[i] = batches_memory(c.m->feed[0].batches);
        stop(&c);
    }
    assert_true(bytes[1] - bytes[0] == 37 * (16 * sizeof(float) + 1)); /* and a byte that says whether it is there */
}

static void draws_come_with_the_batch_number_and_only_in_training(void **state) {
    (void)state;
    Fed c, d;
    start(&c, "image: [\"x -> x + if(training, normal(shape(x)), 0)\"]");
    start(&d, "image: [\"x -> x + if(training, normal(shape(x)), 0)\"]");
    float x[6][80], y[6][80], plain[80];
    for (int64_t k = 0; k < 6; k++) make(&c, MODE_TRAIN, k, x[k]);
    for (int64_t k = 5; k >= 0; k--) {
        make(&d, MODE_TRAIN, k, y[k]);
        assert_memory_equal(x[k], y[k], sizeof x[k]);
        raw(&c, k, plain);
        for (int i = 0; i < k; i++) {
            float z[80];
            raw(&c, i, z);
            assert_true(fabs((double)((x[k][0] - plain[0]) - (x[i][0] - z[0]))) > 1e-6);
        }
        make(&c, MODE_EVAL, k, x[k]);
        assert_memory_equal(x[k], plain, sizeof plain);
    }
    stop(&c), stop(&d);
}

/* An .npz of 8 samples: a is [1, 2], b ten times that, as images of one row. */
static void write_pairs(const char *path) {
    float a[16], b[16];
    for (int i = 0; i < 16; i++) a[i] = 1 + (float)(i % 2), b[i] = 10 * a[i];
    NpyFile files[] = {npy_of(1, "<f4", false, "(8, 1, 2, 1)", a, sizeof a), npy_of(1, "<f4", false, "(8, 1, 2, 1)", b, sizeof b)};
    int code;
    zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    for (int i = 0; i < 2; i++)
        assert_true(zip_file_add(z, i ? "b.npy" : "a.npy", zip_source_buffer(z, files[i].bytes, files[i].n, 0), 0) >= 0);
    assert_int_equal(zip_close(z), 0);
}

static const char pair[] = "data:\n"
                           "  p: {source: array, path: 'PATH', batch: 8, all: [random_flip]}\n"
                           "networks: {net(x): [flatten, {dense: 1}]}\n"
                           "players:\n"
                           "  net: {minimize: mean(net(p.a)) + mean(net(p.b)), optimizer: sgd(0.1)}\n"
                           "schedule: {steps: 1, each: [net]}\n";

static void all_shares_its_draws_between_fields(void **state) {
    (void)state;
    char path[] = "/tmp/graphrun-pair-XXXXXX", text[600];
    assert_true(mkstemp(path) >= 0);
    write_pairs(path);
    const char *at = strstr(pair, "PATH");
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - pair), pair, path, at + 4);
    Fed c = {.w = open_text(text)};
    Fault f = {0};
    MachineOptions options = machine_defaults();
    c.m = machine_new(c.w->t, &options, &f);
    assert_true(c.m && machine_load(c.m, &f));
    int flipped = 0;
    for (int64_t k = 0; k < 10; k++) {
        float a[8][2], b[8][2];
        batches_make(c.m->feed[0].batches, source_of(&c), MODE_TRAIN, k, (void *[]){a, b}, &(Fault){0});
        for (int i = 0; i < 8; i++) {
            assert_true(a[i][0] + a[i][1] == 3);
            assert_true(b[i][0] == 10 * a[i][0] && b[i][1] == 10 * a[i][1]);
            flipped += a[i][0] == 2;
        }
        batches_make(c.m->feed[0].batches, source_of(&c), MODE_EVAL, k, (void *[]){a, b}, &(Fault){0});
        for (int i = 0; i < 8; i++) assert_true(a[i][0] == 1 && b[i][1] == 20);
    }
    assert_in_range(flipped, 25, 55);                 /* of 80 */
    stop(&c);
    unlink(path);
}

/* What the loader makes ahead is what is made when asked for. */
static void the_loader_makes_the_same_batches(void **state) {
    (void)state;
    Fed c;
    start(&c, "image: [\"x -> exp(x) + if(training, normal(shape(x)), 0)\"]");
    Batches *b = c.m->feed[0].batches;
    assert_true(batches_ahead(b));
    Loader *l = loader_new(1);
    assert_non_null(l);
    float x[80], y[80];
    void *out[DATA_FIELDS] = {x};
    assert_in_range(batches_bytes(b, 0), sizeof x, sizeof x + 63);
    for (int64_t k = 0; k < 100; k++) {
        if (k == 0 || k == 60) loader_ask(l, 0, b, source_of(&c), k, out);       /* and those after it */
        make(&c, MODE_EVAL, 50 - k % 50, y);          /* at the same time */
        void *mine = out[0];
        int64_t n = loader_take(l, 0, k, out);
        assert_ptr_not_equal(out[0], mine);           /* no copy: the places are exchanged */
        assert_int_equal(make(&c, MODE_TRAIN, k, y), n);
        assert_memory_equal(out[0], y, (size_t)n * 16 * sizeof *y);
        if (k == 50) k = 59;                          /* others than it went on with */
    }
    assert_int_equal(loader_take(l, 0, 99, out), -1);
    assert_int_equal(loader_take(l, 0, 101, out), -1);
    loader_ask(l, 0, b, source_of(&c), 100, out);     /* it is there already */
    assert_int_equal(loader_take(l, 0, 100, out), make(&c, MODE_TRAIN, 100, y));
    loader_ask(l, 0, b, source_of(&c), 200, out);
    loader_free(l);                                   /* with a wish open */
    stop(&c);
}

static void small_batches_are_made_further_ahead(void **state) {
    (void)state;
    assert_int_equal(loader_ahead(0), loader_ahead(2048));
    assert_true(loader_ahead(2048) > loader_ahead(400000) && loader_ahead(400000) > loader_ahead(3000000));
    assert_int_equal(loader_ahead(3000000), loader_ahead(1000000000));
}

static void libraries_are_left_to_the_main_thread(void **state) {
    (void)state;
    Fed c;
    start(&c, "image: [\"x -> convolve(x, ones(3, 3, 1, 1)/9)\"]");
    assert_false(batches_ahead(c.m->feed[0].batches));
    float x[5][4][4], y[5][4][4];
    for (int64_t k = 0; k < 4; k++) {
        raw(&c, k, (float *)x), make(&c, MODE_TRAIN, k, (float *)y);
        double sum = 0;
        for (int i = 0; i < 9; i++) sum += (double)x[2][1 + i / 3][1 + i % 3] / 9;
        assert_true(fabs(sum - (double)y[2][2][2]) < 1e-6);
    }
    stop(&c);
}

/* Turns of a source that keeps its last batch: what the turn saw is what the source says, rows and all. */
static void a_last_batch_has_a_turn_of_its_own(void **state) {
    (void)state;
    Fed c = {.w = open_text("data:\n"
                            "  p: {source: gaussians, layout: ring, deviation: 1, count: 10, batch: 4, last: keep}\n"
                            "  q: {source: gaussians, layout: ring, deviation: 1, count: 9, batch: 5, last: keep, point: [\"x -> 2*x\"]}\n"
                            "networks: {net(x): [{dense: 1}]}\n"
                            "players:\n"
                            "  net:\n"
                            "    minimize: mean(net(p.point)) + mean(net(q.point))\n"
                            "    optimizer: sgd(0)\n"
                            "    log: {p: rows(p.point), q: rows(q.point), sp: sum(p.point), sq: sum(q.point)}\n"
                            "schedule: {steps: 1, each: [net]}\n")};
    Fault f = {0};
    MachineOptions options = machine_defaults();
    c.m = machine_new(c.w->t, &options, &f);
    assert_true(c.m && machine_load(c.m, &f) && machine_start(c.m, &f));
    Turn *turn = c.m->turn[0];
    assert_int_equal(turn->npartial, 2);
    int different = 0;
    for (int64_t k = 0; k < 14; k++) {
        assert_true(feed_players(c.m, &turn->unit, &f));
        Unit *u = feed_turn(c.m, turn);
        different += u != &turn->unit;
        assert_true(unit_run(c.m, u, &f));
        for (int s = 0; s < 2; s++) {
            const DataSource *from = c.w->t->source[s].source;
            int64_t index[5], n = source_order(from, 0, k, index);
            double sum = 0;
            for (int64_t i = 0; i < n; i++) {
                float x[2];
                source_sample(from, index[i], (void *[]){x, NULL}, NULL);
                sum += (s + 1.0) * ((double)x[0] + (double)x[1]);
            }
            assert_int_equal(n, s ? (k % 2 ? 4 : 5) : k % 3 == 2 ? 2 : 4);
            assert_int_equal((int64_t)exec_number(c.m->exec, u->program, 1 + s), n);
            assert_true(fabs(exec_number(c.m->exec, u->program, 3 + s) - sum) < 1e-5);
        }
    }
    assert_int_equal(different, 9);                   /* of 14: every third, every second, the sixth in both */
    stop(&c);
}

/* The verb `data` reads each used field once through, reworked. */
static void the_verb_data_shows_ranges(void **state) {
    (void)state;
    char path[] = "/tmp/graphrun-data-XXXXXX", pairs[] = "/tmp/graphrun-pair-XXXXXX", text[600], line[300];
    assert_true(mkstemp(pairs) >= 0);
    write_pairs(pairs);
    const char *at = strstr(pair, "PATH");
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - pair), pair, pairs, at + 4);
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    snprintf(text, sizeof text, "%s data %s", BINARY, path);
    FILE *f = popen(text, "r");
    assert_non_null(f);
    static const char *const expected[] = {"field", "p.a", "p.b"};
    double least, mean, most;
    for (int i = 0; i < 3; i++) {
        assert_non_null(fgets(line, sizeof line, f));
        assert_int_equal(strncmp(line, expected[i], strlen(expected[i])), 0);
        if (!i) continue;
        assert_non_null(strstr(line, "8 of 8"));
        assert_non_null(strstr(line, "float  [8, 1, 2, 1]"));
        assert_int_equal(sscanf(strchr(line, ']') + 1, "%lf %lf %lf", &least, &mean, &most), 3);
        double unit = i == 1 ? 1 : 10;
        assert_true(least == unit && mean == 1.5 * unit && most == 2 * unit);
    }
    assert_int_equal(pclose(f), 0);
    unlink(path), unlink(pairs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_rework_every_batch),
        cmocka_unit_test(layers_that_mix_samples_see_their_batch),
        cmocka_unit_test(layers_that_do_the_same_in_both_modes_are_kept_once),
        cmocka_unit_test(draws_come_with_the_batch_number_and_only_in_training),
        cmocka_unit_test(all_shares_its_draws_between_fields),
        cmocka_unit_test(the_loader_makes_the_same_batches),
        cmocka_unit_test(small_batches_are_made_further_ahead),
        cmocka_unit_test(a_last_batch_has_a_turn_of_its_own),
        cmocka_unit_test(the_verb_data_shows_ranges),
        cmocka_unit_test(libraries_are_left_to_the_main_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
