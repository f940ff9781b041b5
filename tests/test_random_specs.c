/* Random small specs, valid by construction: dense and convolutional networks of odd sizes, norms, dropout,
 * pooling, losses, penalties, optimisers, schedules. Each compiles; a turn of its float program agrees with
 * the double reference; fused and planned programs give the bits of plain ones, and two threads those of one,
 * where no operator says that its bits vary; a run that was stopped and resumed equals one that was not, byte
 * for byte.
 *
 *   test_random_specs [COUNT [FIRST]]        so many specs, from this seed on */
#include "base/rng.h"
#include "readall.h"
#include "base/str.h"
#include "parser/compile.h"
#include "train/gradcheck.h"
#include "train/trainer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { USUAL = 200, ROUNDS = 3 };

/* ---- a spec ---- */

typedef struct {
    Arena *a;
    Str text;
    Stream stream;
    uint64_t drawn;
    int64_t size, channels; /* of the image that is piped, in a list of image layers */
} Writer;

static int64_t pick(Writer *w, int64_t n) { return (int64_t)rng_below(w->stream, w->drawn++, (uint64_t)n); }
static int64_t from_to(Writer *w, int64_t low, int64_t high) { return low + pick(w, high - low + 1); }
static bool chance(Writer *w, int64_t percent) { return pick(w, 100) < percent; }
#define ONE_OF(w, ...) \
    ((const char *const[]){__VA_ARGS__})[pick(w, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))]
#define SAY(w, ...) str_printf(&(w)->text, __VA_ARGS__)

static const char *activation(Writer *w) {
    return ONE_OF(w, "relu", "leaky_relu: 0.2", "tanh", "elu", "softplus", "sigmoid", "swish", "prelu",
                  "x -> x*0.5 + 0.1");
}

static void row(Writer *w, const char *layer) { SAY(w, "    - %s\n", layer); }

static void dense_layers(Writer *w, bool noisy) {
    for (int64_t n = from_to(w, 1, 3); n; n--) {
        int64_t units = from_to(w, 1, 41);
        if (chance(w, 20)) {
            SAY(w, "    - repeat: %d\n      layers: [{dense: %d}, tanh]\n", (int)from_to(w, 0, 2),
                (int)units);
            continue;
        }
        SAY(w, "    - dense: {units: %d, bias: %s, init: %s}\n", (int)units, ONE_OF(w, "true", "false"),
            ONE_OF(w, "glorot_uniform", "he_normal", "torch_uniform"));
        if (chance(w, 30))
            row(w, ONE_OF(w, "layer_norm", "batch_norm", "batch_norm: {momentum: 0.5, affine: false}"));
        row(w, activation(w));
        if (noisy && chance(w, 30)) row(w, ONE_OF(w, "dropout: 0.25", "dropout: 0.3", "random_noise: 0.1"));
        if (chance(w, 15)) row(w, "x -> concat(x, [x^2], axis=-1)");
    }
}

static void image_layer(Writer *w) {
    int64_t kernel = from_to(w, 1, w->size < 4 ? w->size : 4), stride = from_to(w, 1, 2);
    bool valid = chance(w, 40);
    switch (pick(w, 6)) {
    case 0:
        if (w->size < 2) return;
        SAY(w, "    - %s: 2\n", ONE_OF(w, "max_pool", "mean_pool"));
        w->size /= 2;
        return;
    case 1:
        if (w->size > 8) return;
        row(w, "upsample: 2");
        w->size *= 2;
        return;
    case 2:
        if (w->size * stride > 16) return;
        w->channels = from_to(w, 1, 7);
        SAY(w, "    - conv_transpose: {filters: %d, kernel: %d, stride: %d}\n", (int)w->channels, (int)kernel,
            (int)stride);
        w->size *= stride;
        return;
    default:
        w->channels = from_to(w, 1, 9);
        SAY(w, "    - conv: {filters: %d, kernel: %d, stride: %d, padding: %s, bias: %s}\n", (int)w->channels,
            (int)kernel, (int)stride, valid ? "valid" : "same", ONE_OF(w, "true", "false"));
        w->size = valid ? (w->size - kernel) / stride + 1 : (w->size + stride - 1) / stride;
    }
}

static void image_layers(Writer *w, bool noisy) {
    for (int64_t n = from_to(w, 1, 4); n; n--) {
        image_layer(w);
        if (chance(w, 30))
            row(w, ONE_OF(w, "batch_norm", "instance_norm", "layer_norm"));
        else if (w->channels > 1 && chance(w, 15))
            row(w, "pixel_norm"); /* of one channel only its sign is left */
        row(w, activation(w));
        if (noisy && chance(w, 20)) row(w, "dropout: 0.25");
        if (chance(w, 15)) row(w, "pad: {bottom: 1, right: 1}"), w->size++;
    }
}

static void optimizer(Writer *w) {
    SAY(w, "    optimizer: %s\n",
        ONE_OF(w, "sgd(0.01)", "sgd(0.01, momentum=0.9)", "adam(1e-3, b1=0.5)", "rmsprop(5e-4)",
               "adam(1e-3*linear_decay(step, 2, 9))", "lion(1e-4)"));
    if (chance(w, 20)) SAY(w, "    clip: g -> g*min(1, 1/(norm(g) + 1e-6))\n");
}

/* A game between two networks over points or over images. */
static const char *write_spec(Arena *a, uint64_t seed) {
    Writer w = {.a = a, .text = {.arena = a}, .stream = rng_stream(seed, rng_hash("random specs"), 0, 0)};
    bool images = chance(&w, 50);
    int batch = (int)from_to(&w, 2, images ? 5 : 37), latent = (int)from_to(&w, 1, 5),
        size = (int)from_to(&w, 4, 11);
    const char *field = images ? "real.image" : "real.point";
    if (images)
        SAY(&w,
            "data:\n  real: {source: polynomials, count: 40, size: %d, max_degree: %d, batch: %d, order: "
            "%s}\n",
            size, (int)from_to(&w, 1, 4), batch, ONE_OF(&w, "shuffle", "replacement", "sequential"));
    else
        SAY(&w, "data:\n  real: {source: gaussians, modes: %d, count: 100, batch: %d, order: %s}\n",
            (int)from_to(&w, 1, 9), batch, ONE_OF(&w, "shuffle", "replacement", "sequential"));
    SAY(&w, "networks:\n  generator(z):\n");
    dense_layers(&w, false);
    if (images) {
        SAY(&w, "    - dense: %d\n    - reshape: [%d, %d, %d]\n", size * size * 3, size, size, 3);
        SAY(&w, "    - conv: {filters: %d, kernel: 3}\n", (int)from_to(&w, 1, 8));
        row(&w, activation(&w));
        SAY(&w, "    - conv_transpose: {filters: 1, kernel: %d}\n    - tanh\n", (int)from_to(&w, 1, 4));
    } else {
        SAY(&w, "    - dense: 2\n");
    }
    SAY(&w, "  critic(x):\n");
    w.size = size, w.channels = 1;
    if (images) image_layers(&w, true);
    if (images)
        row(&w, "flatten");
    else
        dense_layers(&w, true);
    SAY(&w, "    - dense: 1\n");
    const char *noise = arena_printf(a, chance(&w, 70) ? "normal(%d, %d)" : "uniform(%d, %d)", batch, latent);
    int loss = (int)pick(&w, 4);
    bool penalty = chance(&w, 35), shared = chance(&w, 25);
    SAY(&w, "players:\n  critic:\n    fake: generator(%s)\n", shared ? "z" : noise);
    static const char *const critics[] = {"mean(critic(fake)) - mean(critic(%s))",
                                          "mean(bce(critic(%s), 1)) + mean(bce(critic(fake), 0))",
                                          "mean((critic(%s) - 1)^2) + mean(critic(fake)^2)",
                                          "mean(hinge(critic(%s), 1)) + mean(hinge(critic(fake), -1))"};
    SAY(&w, "    distance: ");
    char line[200];
    snprintf(line, sizeof line, critics[loss], field);
    SAY(&w, "%s\n    minimize: distance%s\n", line,
        penalty          ? arena_printf(a, " + gradient_penalty(critic, %s, fake)", field)
        : chance(&w, 20) ? " + 1e-3*sum(parameters(critic)^2)"
                         : "");
    SAY(&w, "    log: [distance]\n");
    optimizer(&w);
    if (chance(&w, 20)) SAY(&w, "    after: clip_weights(critic, 0.05)\n");
    SAY(&w, "  generator:\n    minimize: %s\n",
        arena_printf(a,
                     loss == 1   ? "mean(bce(critic(generator(%s)), 1))"
                     : loss == 2 ? "mean((critic(generator(%s)) - 1)^2)"
                                 : "-mean(critic(generator(%s)))",
                     shared ? "z" : noise));
    optimizer(&w);
    if (shared) SAY(&w, "iteration:\n  z: %s\n", noise);
    SAY(&w, "schedule:\n  steps: %d\n", 2 * ROUNDS);
    if (chance(&w, 15))
        SAY(&w, "  each: [{together: [critic, generator]}]\n");
    else
        SAY(&w, "  each: [{critic: %s}, generator]\n",
            ONE_OF(&w, "1", "2", "\"if(step < 2, 2, 1)\"", "step % 2 == 0"));
    SAY(&w, "  checkpoint: {every: 1, keep: 9}\n");
    return w.text.text;
}

/* ---- playing it ---- */

typedef struct {
    Arena *a;
    Diags *d;
    Training *t;
    Machine *m;
} Game;

static bool game_open(Game *g, const char *path, int threads, PlanOptions plan) {
    g->a = arena_new();
    g->d = diags_new(g->a);
    g->t = compile(path, &(CompileOptions){.steps = 0}, g->a, g->d);
    if (!g->t) {
        diags_print(g->d, stderr, false);
        return false;
    }
    MachineOptions options = machine_defaults();
    options.threads = threads;
    options.plan = plan;
    Fault f = {0};
    g->m = machine_new(g->t, &options, &f);
    bool done = g->m && machine_prepare(g->m, &f) && machine_load(g->m, &f);
    if (!done) print_error("%s\n", f.text);
    return done;
}

static void game_close(Game *g) {
    machine_free(g->m);
    if (g->t) compile_close(g->t);
    arena_free(g->a);
}

/* The same turns as the schedule's, without a folder, and on where one diverged. */
static bool play(Game *g) {
    Fault f = {0};
    Machine *m = g->m;
    bool good = machine_start(m, &f);
    for (int step = 0; good && step < ROUNDS; step++) {
        for (int i = 0; good && i < g->t->stage[0].nentry; i++) {
            Turn *turn = g->t->stage[0].entry[i].turn;
            good = feed_players(m, &turn->unit, &f) && unit_run(m, &turn->unit, &f);
            for (int k = 0; k < turn->nmove; k++) {
                const Player *p = &g->t->player[turn->move[k].player];
                set_int(m, p->turn_slot, get_int(m, p->turn_slot) + 1);
                set_int(m, p->total_slot, get_int(m, p->total_slot) + 1);
            }
        }
        for (int i = 0; i < g->t->niteration; i++) set_int(m, m->own.computed[i], 0);
        set_int(m, g->t->step_slot, step + 1);
        set_int(m, g->t->total_step_slot, step + 1);
    }
    return good;
}

/* Bit for bit; but one NaN is as good as another: which operand's sign it has is the compiler's choice, and a vector's
 * loop and its tail may choose differently. */
static bool same_numbers(const void *x, const void *z, const Tensor *t) {
    if (!memcmp(x, z, (size_t)shape_count(&t->shape) * dtype_size(t->dtype))) return true;
    const float *a = x, *b = z;
    for (int64_t i = 0, n = shape_count(&t->shape); i < n; i++)
        if (t->dtype != F32 || (memcmp(&a[i], &b[i], sizeof *a) && !(isnan(a[i]) && isnan(b[i])))) return false;
    return true;
}

/* The first slot in which two games differ, or NULL. */
static const char *difference(const Game *x, const Game *z) {
    for (int i = 0; i < x->t->slots->all.n; i++) {
        const Slot *s = &x->t->slots->all.at[i];
        if (!same_numbers(x->m->store->data[i], z->m->store->data[i], &s->type)) return s->name;
    }
    return NULL;
}

static bool varies(void *ctx, Unit *u) {
    for (int i = 0; u->graph && i < u->graph->node.n; i++)
        if (u->graph->node.at[i]->op->traits & THREADS_VARY) *(bool *)ctx = true;
    return true;
}

/* ---- what must hold ---- */

static bool same_bits(const char *path, const Game *plain, const char *what, int threads, PlanOptions plan) {
    Game other = {0};
    bool good = game_open(&other, path, threads, plan) && play(&other);
    const char *slot = good ? difference(plain, &other) : "everything";
    if (slot) print_error("%s: '%s' is another\n", what, slot);
    game_close(&other);
    return !slot;
}

static bool agrees_with_reference(const char *path) {
    Game g = {0};
    Fault f = {0};
    GradReport report = {.agrees = true};
    bool good = game_open(&g, path, 1, plan_all()) && machine_start(g.m, &f);
    for (int i = 0; good && i < g.t->stage[0].nentry; i++) {
        Turn *turn = g.t->stage[0].entry[i].turn;
        good = feed_players(g.m, &turn->unit, &f) && turncheck(g.m, turn, g.a, &report, &f);
    }
    for (int i = 0; i < report.turn.n; i++)
        if (!(report.turn.at[i].error <= report.turn.at[i].bound))
            print_error("%s: %s: error %g, bound %g\n", report.turn.at[i].turn, report.turn.at[i].what,
                        report.turn.at[i].error, report.turn.at[i].bound);
    game_close(&g);
    return good && report.agrees;
}

static void folder_make(const char *folder) {
    char path[300];
    mkdir(folder, 0777);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder,
                 ((const char *[]){"checkpoints", "samples", "plots"})[i]);
        mkdir(path, 0777);
    }
}

static int diverged; /* specs that leave the numbers of float, as a loss and a rate drawn by chance may */

static bool trained(const char *path, const char *folder, const char *resume, int64_t steps) {
    Game g = {0};
    Fault f = {0};
    TrainReport report;
    TrainOptions options = {.folder = folder, .version = "test", .resume = resume, .steps = steps};
    bool good = game_open(&g, path, 1, plan_all());
    if (good) train(g.m, &options, &report, &f);
    good = good && !f.code;
    diverged += f.code == CODE_DIVERGED;
    if (f.code && f.code != CODE_DIVERGED) print_error("%s\n", f.text);
    game_close(&g);
    return good;
}

static bool resumes_exactly(Arena *a, const char *path, const char *folder) {
    char whole[200], cut[200], from[300], last[2][300];
    snprintf(whole, sizeof whole, "%s/whole", folder);
    snprintf(cut, sizeof cut, "%s/cut", folder);
    folder_make(whole), folder_make(cut);
    snprintf(from, sizeof from, "%s/checkpoints/step-%06d.safetensors", cut, ROUNDS);
    snprintf(last[0], sizeof last[0], "%s/checkpoints/step-%06d.safetensors", whole, 2 * ROUNDS);
    snprintf(last[1], sizeof last[1], "%s/checkpoints/step-%06d.safetensors", cut, 2 * ROUNDS);
    int before = diverged;
    if (!trained(path, whole, NULL, 0)) return diverged > before;
    if (!trained(path, cut, NULL, ROUNDS) || !trained(path, cut, from, 0)) return false;
    size_t n[2];
    const char *text[2] = {read_all(a, last[0], &n[0]), read_all(a, last[1], &n[1])};
    return n[0] == n[1] && !memcmp(text[0], text[1], n[0]);
}

static bool holds(uint64_t seed, const char *folder) {
    Arena *a = arena_new();
    const char *text = write_spec(a, seed), *path = arena_printf(a, "%s/spec.yaml", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    Game plain = {0};
    bool vary = false, good = game_open(&plain, path, 1, (PlanOptions){0});
    if (good) {
        good = play(&plain);
        units_each(plain.t, varies, &vary);
        good = good && same_bits(path, &plain, "fused", 1, (PlanOptions){.fuse = true}) &&
               same_bits(path, &plain, "fused and planned", 1, plan_all()) &&
               (vary || same_bits(path, &plain, "two threads", 2, plan_all())) &&
               agrees_with_reference(path) && resumes_exactly(a, path, folder);
    }
    game_close(&plain);
    if (!good) fprintf(stderr, "spec %llu:\n%s\n", (unsigned long long)seed, text);
    arena_free(a);
    return good;
}

static int count = USUAL;
static uint64_t first = 1;

static void every_spec(void **state) {
    (void)state;
    char folder[] = "/tmp/random-specs-XXXXXX", command[100];
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    int failed = 0;
    for (int i = 0; i < count; i++) {
        failed += !holds(first + (uint64_t)i, folder);
        assert_int_equal(system(command), 0);
    }
    rmdir(folder);
    print_message("%d specs, %d failed, %d diverged\n", count, failed, diverged);
    assert_int_equal(failed, 0);
    assert_true(diverged <= 1 + count / 50);
}

int main(int argc, char **argv) {
    if (argc > 1) count = atoi(argv[1]);
    if (argc > 2) first = (uint64_t)atoll(argv[2]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_spec)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
