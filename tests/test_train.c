/* A Training made by hand, trained: a critic and a generator on points of a ring, with a counted entry, a
 * gate-free condition, an `iteration` value, a metric and two outputs. What must hold: the same bytes again,
 * the same bytes after stopping at any turn, a log and plots that do not show where a run was interrupted. */
#include "build.h"
#include "grad/grad.h"
#include "kern/kern.h"
#include "readall.h"
#include "train/trainer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { BATCH = 12, STEPS = 5 };

typedef struct {
    Training t;
    Arena *arena;
    DataSource source;
    SourceUse use;
    Player player[2];
    IterationValue noise;
    Stage stage;
    Entry entry[2];
    Turn turn[2];
    Move move[2];
    int moved[2];
    Unit count;
    Metric metric;
    OutputUse output[1];
    Names *plotted;
    double bad_step; /* the step at which the generator's loss becomes 0/0; below 0: never */
    Every checkpoint;
} Case;

static int counter(Case *c, const char *name) {
    return slot_add(c->t.slots, (Slot){.name = name, .type = {.dtype = I32}, .kind = SLOT_COUNTER});
}

static int slot(Case *c, const char *name, SlotKind kind, Shape shape, double fill) {
    return slot_add(c->t.slots, (Slot){.name = name, .type = {F32, shape}, .kind = kind, .fill = fill});
}

static Graph *graph(Case *c, const char *name) { return graph_new(c->arena, c->t.diags, c->t.slots, name); }
static Node *named(Graph *g, const char *name) { return g_slot(g, slot_find(g->slots, name)); }
static Node *mean(Node *x) { return g_div(g_sum_all(x), g_number(x->graph, (double)NODE_COUNT(x))); }

static Node *draw(Graph *g, const char *path, const char *tick, Shape shape) {
    DrawAttr a = {.path = path, .shape = ints_of_shape(&shape)};
    return op_apply(g, &op_normal, 2, NODES(named(g, tick), g_int(g, 0)), &a);
}

static Unit unit(Case *c, const char *name, Graph *g, Node *result, const char *result_name) {
    Unit u = {.name = name, .graph = g, .nresult = result != NULL};
    u.result = arena_copy(c->arena, &result, sizeof result);
    if (result_name) u.result_name = arena_copy(c->arena, &result_name, sizeof result_name);
    return u;
}

static Node *score(Graph *g, Node *points) {
    return g_matmul(g_tanh(g_matmul(points, named(g, "critic/a"))), named(g, "critic/b"));
}

static Node *fake(Graph *g) {
    return g_add(g_mul(named(g, "@iteration/noise"), named(g, "generator/scale")),
                 named(g, "generator/shift"));
}

static Node *loss(Case *c, Graph *g, int player) {
    Node *fooled = mean(score(g, fake(g)));
    if (player == 0) {
        Node *jitter = g_mul(draw(g, "critic/normal_1", "@total/critic", SHAPE(BATCH, 2)), g_number(g, 0.1));
        Node *real = mean(score(g, g_add(named(g, "@data/ring/point"), jitter)));
        return g_add(g_sub(fooled, real), mean(g_square(named(g, "critic/b"))));
    }
    if (c->bad_step < 0) return g_neg(fooled);
    Node *zero = g_to_float(g_ne(named(g, "@step"), g_int(g, (int64_t)c->bad_step)));
    return g_neg(g_div(g_mul(fooled, zero), zero));
}

static void make_turn(Case *c, int player, const char *name, const char *result_name, int moved) {
    Graph *g = graph(c, name);
    Node *y = loss(c, g, player), *p = g_slot(g, moved), *gradient_of;
    gradient(y, NULL, 1, &p, &gradient_of);
    g_assign(g, moved, g_sub(p, g_mul(gradient_of, g_number(g, 0.05))));
    c->moved[player] = moved;
    c->move[player] =
        (Move){.player = player, .loss = y, .nmoved = 1, .moved = &c->moved[player], .gate = -1};
    c->turn[player] = (Turn){.unit = unit(c, name, g, y, result_name), .nmove = 1, .move = &c->move[player]};
    Unit *u = &c->turn[player].unit;
    static int first = 0;
    u->niteration = 1, u->iteration = &first;
    if (player == 0) u->nsource = 1, u->source = &first;
}

static void make_slots(Case *c) {
    Training *t = &c->t;
    slot(c, "critic/a", SLOT_PARAM, SHAPE(2, 3), 0);
    slot(c, "critic/b", SLOT_PARAM, SHAPE(3, 1), 0.25);
    slot(c, "generator/scale", SLOT_PARAM, SHAPE(2), 1);
    slot(c, "generator/shift", SLOT_PARAM, SHAPE(2), 0.5);
    slot(c, "@iteration/noise", SLOT_ITERATION, SHAPE(BATCH, 2), 0);
    t->step_slot = counter(c, "@step"), t->total_step_slot = counter(c, "@total_step"),
    t->epoch_slot = counter(c, "@epoch");
    t->stage_slot = counter(c, "@stage"), t->entry_slot = counter(c, "@entry"),
    t->repeat_slot = counter(c, "@repeat");
    c->player[0] = (Player){"critic", {0}, counter(c, "@turn/critic"), counter(c, "@total/critic")};
    c->player[1] = (Player){"generator", {0}, counter(c, "@turn/generator"), counter(c, "@total/generator")};
    c->use = (SourceUse){
        .source = &c->source, .name = "ring", .cursor_slot = counter(c, "@cursor/ring"), .used = true};
    c->use.field_slot[0] = slot(c, "@data/ring/point", SLOT_BATCH, SHAPE(BATCH, 2), 0);
    for (int i = 1; i < DATA_FIELDS; i++) c->use.field_slot[i] = -1;
}

static void make_source(Case *c) {
    const Dataset *kind = dataset_named("gaussians");
    void *options = arena_alloc(c->arena, kind->options_size);
    field_defaults(kind->options, options, c->arena);
    c->source = (DataSource){
        .kind = kind, .name = "ring", .options = options, .arena = c->arena, .diags = c->t.diags};
    field_defaults(source_options, &c->source.common, c->arena);
    c->source.common.batch = BATCH;
    c->source.common.count = 50;
    assert_true(source_open(&c->source));
}

/* critic: 2 turns, one more every third step; then the generator. */
static void make_schedule(Case *c) {
    Graph *g = graph(c, "count critic");
    Node *third = g_eq(g_mod(named(g, "@step"), g_int(g, 3)), g_int(g, 0));
    c->count = unit(c, "count critic", g, g_add(g_int(g, 2), g_to_int(third)), NULL);
    c->entry[0] = (Entry){.turn = &c->turn[0], .count = &c->count, .text = "2 + (step % 3 == 0)"};
    c->entry[1] = (Entry){.turn = &c->turn[1]};
    c->stage = (Stage){.name = "", .steps = STEPS, .of = 0, .nentry = 2, .entry = c->entry, .keep = 100, .checkpoint = c->checkpoint};
}

static void make_reports(Case *c) {
    static int ring = 0;
    Graph *g = graph(c, "metric distance");
    c->metric = (Metric){.name = "radius",
                         .every = {EVERY_STEPS, 2},
                         .stage = -1,
                         .over = 0,
                         .tick_slot = counter(c, "@metric/tick"),
                         .value_slot = slot(c, "@metric/radius", SLOT_LATEST, (Shape){0}, 0)};
    c->metric.unit = unit(c, "metric radius", g,
                          g_sum(g_square(named(g, "@data/ring/point")), &(Ints){.n = 1, .at = {1}}), NULL);
    c->metric.unit.nsource = 1, c->metric.unit.source = &ring;
    const Output *plot = output_named("plot");
    static const char *const names[] = {"critic.minimize", "generator.minimize", "metrics.radius"};
    void *options = arena_alloc(c->arena, plot->options_size);
    field_defaults(plot->options, options, c->arena);
    *(Names *)((char *)options + plot->options[0].offset) = (Names){3, names};
    c->output[0] = (OutputUse){.name = "losses",
                               .kind = plot,
                               .options = options,
                               .every = {EVERY_STEPS, 2},
                               .stage = -1,
                               .over = -1,
                               .range_slot = -1};
}

static Case *make_case(double bad_step, Every checkpoint) {
    Case *c = calloc(1, sizeof *c);
    c->checkpoint = checkpoint;
    c->arena = arena_new();
    Training *t = &c->t;
    *t = (Training){.name = "by_hand",
                    .arena = c->arena,
                    .diags = diags_new(c->arena),
                    .nsource = 1,
                    .source = &c->use,
                    .nplayer = 2,
                    .player = c->player,
                    .niteration = 1,
                    .iteration = &c->noise,
                    .nstage = 1,
                    .stage = &c->stage,
                    .nmetric = 1,
                    .metric = &c->metric,
                    .noutput = 1,
                    .output = c->output,
                    .hash = 42};
    t->slots = ARENA_NEW(c->arena, Slots);
    t->slots->arena = c->arena;
    c->bad_step = bad_step;
    make_slots(c);
    make_source(c);
    Graph *g = graph(c, "init");
    g_assign(g, slot_find(t->slots, "critic/a"), draw(g, "critic/a", "@stage", SHAPE(2, 3)));
    t->init = unit(c, "init", g, NULL, NULL);
    g = graph(c, "iteration noise");
    g_assign(g, slot_find(t->slots, "@iteration/noise"), draw(g, "noise", "@total_step", SHAPE(BATCH, 2)));
    c->noise = (IterationValue){.name = "noise", .unit = unit(c, "iteration noise", g, NULL, NULL)};
    make_turn(c, 0, "turn critic", "critic.minimize", slot_find(t->slots, "critic/b"));
    make_turn(c, 1, "turn generator", "generator.minimize", slot_find(t->slots, "generator/shift"));
    make_schedule(c);
    make_reports(c);
    assert_int_equal(t->diags->errors, 0);
    return c;
}

static void free_case(Case *c) {
    source_close(&c->source);
    arena_free(c->arena);
    free(c);
}

/* ---- running one ---- */

static const char *make_folder(const char *name) {
    static char path[200];
    char part[300];
    snprintf(path, sizeof path, "test_train.out");
    mkdir(path, 0777);
    snprintf(path, sizeof path, "test_train.out/%s", name);
    snprintf(part, sizeof part, "rm -rf %s", path);
    assert_int_equal(system(part), 0);
    const char *const sub[] = {"", "/samples", "/plots", "/checkpoints"};
    for (int i = 0; i < 4; i++) {
        snprintf(part, sizeof part, "%s%s", path, sub[i]);
        assert_int_equal(mkdir(part, 0777), 0);
    }
    return path;
}

typedef struct {
    Ended how;
    TrainReport report;
    Fault fault;
} Outcome;

static Outcome run_saving(Every checkpoint, double bad_step, int threads, TrainOptions o) {
    Case *c = make_case(bad_step, checkpoint);
    Outcome out = {0};
    MachineOptions options = machine_defaults();
    options.threads = threads;
    options.seed = 7;
    Machine *m = machine_new(&c->t, &options, &out.fault);
    assert_non_null(m);
    assert_true(machine_prepare(m, &out.fault) && machine_load(m, &out.fault));
    o.version = "test";
    out.how = train(m, &o, &out.report, &out.fault);
    machine_free(m);
    free_case(c);
    return out;
}

static Outcome run(double bad_step, int threads, TrainOptions o) {
    return run_saving((Every){EVERY_NEVER, 0}, bad_step, threads, o);
}

static const char *const results[] = {"checkpoints/step-000005.safetensors", "log.jsonl", "plots/losses.png",
                                      "plots/losses.svg"};

static void assert_same_run(const char *a, const char *b) {
    for (int i = 0; i < 4; i++) assert_same_file(a, b, results[i]);
}

/* ---- tests ---- */

static void the_same_run_twice_gives_the_same_bytes(void **state) {
    (void)state;
    char a[200];
    strcpy(a, make_folder("one"));
    Outcome first = run(-1, 1, (TrainOptions){.folder = a});
    if (first.fault.code) fail_msg("%s", first.fault.text);
    assert_int_equal(first.how, ENDED_DONE);
    assert_int_equal(first.report.step, STEPS);
    const char *b = make_folder("two");
    run(-1, 1, (TrainOptions){.folder = b});
    assert_same_run(a, b);
}

/* The count of turns is 3 + 1 in steps 0 and 3, else 2 + 1: 17 in all. A limit of time that is over at once
 * stops a run after its next turn, so this goes on 17 times, from every place in the schedule. */
static void a_run_stopped_after_every_turn_ends_the_same(void **state) {
    (void)state;
    char a[200], resume[1200] = "";
    strcpy(a, make_folder("whole"));
    run(-1, 2, (TrainOptions){.folder = a});
    const char *b = make_folder("pieces");
    int turns = 0;
    for (Ended how = ENDED_LIMIT; how == ENDED_LIMIT && turns < 40; turns++) {
        Outcome o = run(-1, 2, (TrainOptions){.folder = b, .resume = turns ? resume : NULL, .seconds = 1e-9});
        if (o.fault.code) fail_msg("%s", o.fault.text);
        snprintf(resume, sizeof resume, "%s", o.report.checkpoint);
        how = o.how;
    }
    assert_int_equal(turns, 18);
    assert_same_run(a, b);
}

static void more_steps_continue_a_shorter_run(void **state) {
    (void)state;
    char a[200], resume[1200];
    strcpy(a, make_folder("long"));
    run(-1, 1, (TrainOptions){.folder = a});
    const char *b = make_folder("short");
    Outcome o = run(-1, 1, (TrainOptions){.folder = b, .limited = true, .steps = 3});
    assert_int_equal(o.how, ENDED_LIMIT);
    assert_int_equal(o.report.step, 3);
    snprintf(resume, sizeof resume, "%s", o.report.checkpoint);
    o = run(-1, 1, (TrainOptions){.folder = b, .resume = resume});
    assert_int_equal(o.how, ENDED_DONE);
    assert_same_run(a, b);
}

/* Written while the next turns run, and yet of the step that it is named by. */
static void a_checkpoint_on_the_way_is_that_of_a_run_that_ends_there(void **state) {
    (void)state;
    char a[200], name[60];
    strcpy(a, make_folder("often"));
    Outcome o = run_saving((Every){EVERY_STEPS, 1}, -1, 2, (TrainOptions){.folder = a});
    assert_int_equal(o.how, ENDED_DONE);
    const char *b = make_folder("ended");
    for (int step = 1; step <= STEPS; step++) {
        make_folder("ended");
        run(-1, 2, (TrainOptions){.folder = b, .limited = true, .steps = step});
        snprintf(name, sizeof name, "checkpoints/step-%06d.safetensors", step);
        assert_same_file(a, b, name);
    }
}

/* What cannot be written ends the run at the next checkpoint at the latest. */
static void a_checkpoint_that_fails_on_the_way_ends_the_run(void **state) {
    (void)state;
    const char *a = make_folder("blocked");
    char path[300];
    snprintf(path, sizeof path, "%s/checkpoints/step-000002.safetensors.tmp", a);
    assert_int_equal(mkdir(path, 0777), 0);
    Outcome o = run_saving((Every){EVERY_STEPS, 1}, -1, 1, (TrainOptions){.folder = a});
    assert_int_equal(o.how, ENDED_FAULT);
    assert_int_equal(o.fault.code, CODE_WRITE);
    assert_non_null(strstr(o.fault.text, "step-000002.safetensors: cannot write the checkpoint: Is a directory"));
    assert_non_null(strstr(o.report.checkpoint, "step-000001"));
    assert_true(o.report.step == 2 || o.report.step == 3);
    for (int step = 1; step <= STEPS; step++) {
        snprintf(path, sizeof path, "%s/checkpoints/step-%06d.safetensors", a, step);
        assert_int_equal(!access(path, F_OK), step == 1);
    }
}

static void the_log_has_a_line_a_step(void **state) {
    (void)state;
    Arena *a = arena_new();
    size_t n;
    char *text = read_all(a, "test_train.out/whole/log.jsonl", &n);
    int lines = 0;
    for (size_t i = 0; i < n; i++) lines += text[i] == '\n';
    assert_int_equal(lines, STEPS);
    assert_non_null(strstr(text, "{\"step\": 1, \"epoch\": 0.75, \"critic.minimize\": "));
    char *second = strstr(text, "{\"step\": 2");
    assert_true(second && strstr(second, "\"metrics.radius\": 4.") &&
                strstr(second, "\"metrics.radius\": 4.") < strstr(text, "{\"step\": 3"));
    arena_free(a);
}

static void series_read_back_equal_those_in_memory(void **state) {
    (void)state;
    static const char *const names[] = {"a.minimize", "b.minimize"};
    const char *folder = make_folder("series");
    Log *l = log_new(2, names, 9), *again = log_new(2, names, 9);
    Fault f = {0};
    assert_true(log_open(l, folder, 0, 0, &f));
    for (int i = 1; i <= 200; i++) {
        log_begin(l, i, 0.5 * i, NULL);
        log_value(l, "a.minimize", (float)(1.0 / i));
        if (i % 3) log_value(l, "b.minimize", i % 7 ? (float)i * 1e30f * (float)i : (double)INFINITY);
        assert_true(log_end(l, &f));
    }
    assert_true(log_load(again, folder, 200, &f));
    int n;
    const Series *x = log_series(l, &n), *z = log_series(again, &n);
    for (int i = 0; i < n; i++) {
        assert_int_equal(x[i].n, z[i].n);
        assert_memory_equal(x[i].step, z[i].step, (size_t)x[i].n * sizeof(double));
        for (int64_t k = 0; k < x[i].n; k++)
            assert_true(x[i].value[k] == z[i].value[k] || (isnan(x[i].value[k]) && isnan(z[i].value[k])));
        for (int64_t k = 0; k < x[0].n; k++)
            assert_true((float)x[0].value[k] == (float)(1.0 / (double)(k + 1)));
    }
    Arena *a = arena_new();
    char *text = read_all(a, arena_printf(a, "%s/log.jsonl", folder), NULL);
    assert_non_null(strstr(text, "\"b.minimize\": null, \"nonfinite\": [\"b.minimize\"]}\n"));
    arena_free(a);
    log_free(l);
    log_free(again);
}

static void a_divergence_names_the_node_and_keeps_the_last_checkpoint(void **state) {
    (void)state;
    const char *a = make_folder("diverged");
    Outcome o = run(3, 1, (TrainOptions){.folder = a, .limited = true, .steps = 2});
    char resume[1200];
    snprintf(resume, sizeof resume, "%s", o.report.checkpoint);
    o = run(3, 1, (TrainOptions){.folder = a, .resume = resume});
    assert_int_equal(o.how, ENDED_FAULT);
    assert_int_equal(o.fault.code, CODE_DIVERGED);
    assert_non_null(strstr(o.fault.text, "step 4"));
    assert_non_null(strstr(o.fault.text, "'turn generator'"));
    assert_string_equal(o.report.checkpoint, resume);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_run_twice_gives_the_same_bytes),
        cmocka_unit_test(a_run_stopped_after_every_turn_ends_the_same),
        cmocka_unit_test(more_steps_continue_a_shorter_run),
        cmocka_unit_test(a_checkpoint_on_the_way_is_that_of_a_run_that_ends_there),
        cmocka_unit_test(a_checkpoint_that_fails_on_the_way_ends_the_run),
        cmocka_unit_test(the_log_has_a_line_a_step),
        cmocka_unit_test(series_read_back_equal_those_in_memory),
        cmocka_unit_test(a_divergence_names_the_node_and_keeps_the_last_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
