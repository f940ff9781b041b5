/* Runs in stages: what goes on from one to the next, what is loaded and frozen, and that a run stopped after any turn of
 * any stage ends with the same bytes. Whole specs, compiled and trained into folders of their own. */
#include "parser/compile.h"
#include "readall.h"
#include "train/trainer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#define SCENE                                                                                 \
    "data:\n"                                                                                 \
    "  ring: {source: gaussians, layout: ring, batch: 16, count: 160}\n"                      \
    "  dots: {source: gaussians, layout: grid, batch: 16, count: 160}\n"                      \
    "networks:\n"                                                                             \
    "  encoder(x): [{dense: 5}, batch_norm, relu]\n"                                          \
    "  head(x): [{dense: 3}, relu, {dense: 2}]\n"                                             \
    "  generator(z): [{dense: 2}]\n"                                                          \
    "players:\n"                                                                              \
    "  encoder:\n"                                                                            \
    "    minimize: mean((head(encoder(ring.point)) - ring.point)^2)\n"                        \
    "    moves: [encoder, head]\n"                                                            \
    "    optimizer: adam(1e-2)\n"                                                             \
    "    after: clip_weights(encoder, 0.9)\n"                                                 \
    "    log: {turn: turn, step: step, total: total_step, epoch: epoch}\n"                    \
    "  generator:\n"                                                                          \
    "    minimize: mean((generator(normal(16, 2)) - dots.point)^2)\n"                         \
    "    optimizer: adam(1e-2)\n"

#define STAGES                                                                                \
    "schedule:\n"                                                                             \
    "  - {stage: pretrain, steps: 6, each: [encoder]}\n"                                      \
    "  - {stage: play, epochs: 0.5, of: dots, each: [generator, encoder], freeze: encoder}\n" \
    "  - stage: back\n"                                                                       \
    "    steps: 4\n"                                                                          \
    "    load: {encoder: pretrain, 'head/dense_1/*': 'pretrain'}\n"                           \
    "    freeze: ['head/dense_2/*', 'encoder/batch_norm_1/running_var']\n"                    \
    "    each: [{encoder: 1 + step % 2}, generator]\n"                                        \
    "  - {stage: still, steps: 1, each: [generator]}\n"                                       \
    "outputs: {mid: {scatter: \"generator(fixed(normal(9, 2)))\", stage: play}}\n"

/* ---- a run ---- */

typedef struct {
    Arena *a;
    Diags *d;
    Training *t;
    Machine *m;
} Run;

static Run open_run(const char *folder, const char *text) {
    char path[300];
    snprintf(path, sizeof path, "test_stages.out/%s.yaml", folder);
    mkdir("test_stages.out", 0777);
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
    Run r = {.a = arena_new()};
    r.d = diags_new(r.a);
    CompileOptions c = {.steps = 0};
    r.t = compile(path, &c, r.a, r.d);
    Fault fault = {0};
    MachineOptions options = machine_defaults();
    options.threads = 1;
    options.seed = 5;
    if (r.t) r.m = machine_new(r.t, &options, &fault);
    return r;
}

static void close_run(Run *r) {
    machine_free(r->m);
    if (r->t) compile_close(r->t);
    arena_free(r->a);
}

static const char *make_folder(const char *name) {
    static char path[200];
    char command[1000];
    snprintf(path, sizeof path, "test_stages.out/%s", name);
    snprintf(command, sizeof command, "rm -rf %s && mkdir -p %s/samples %s/plots %s/checkpoints", path, path, path, path);
    assert_int_equal(system(command), 0);
    return path;
}

static char said[1400]; /* how the last run failed; "" where it did not */

static Ended go(const char *folder, const char *text, TrainOptions o, TrainReport *report) {
    Run r = open_run(folder, text);
    if (!r.t) diags_print(r.d, stderr, false);
    assert_non_null(r.t);
    char path[300];
    snprintf(path, sizeof path, "test_stages.out/%s", folder);
    o.folder = path;
    o.version = "test";
    Fault f = {0};
    assert_true(machine_prepare(r.m, &f) && machine_load(r.m, &f));
    Ended how = train(r.m, &o, report, &f);
    snprintf(said, sizeof said, "%s", f.text);
    close_run(&r);
    return how;
}

/* ---- what is in a checkpoint ---- */

static float *tensor(const char *folder, const char *checkpoint, const char *name) {
    static float at[16][64];
    static int next = 0;
    char path[300];
    Run r = open_run("look", SCENE STAGES);
    Fault f = {0};
    snprintf(path, sizeof path, "test_stages.out/%s/checkpoints/%s.safetensors", folder, checkpoint);
    int slot = slot_find(r.t->slots, name);
    assert_true(slot >= 0);
    if (!checkpoint_take(path, r.m->store, 1, &slot, &f)) fail_msg("%s", f.text);
    float *out = at[next++ % 16];
    memset(out, 0, sizeof *at);
    memcpy(out, r.m->store->data[slot], (size_t)shape_count(&r.t->slots->all.at[slot].type.shape) * sizeof(float));
    close_run(&r);
    return out;
}

static bool same(const char *folder, const char *a, const char *b, const char *name) {
    return !memcmp(tensor(folder, a, name), tensor(folder, b, name), 64 * sizeof(float));
}

static const char *const encoder_names[] = {
    "encoder/dense_1/weight", "encoder/batch_norm_1/scale", "encoder/batch_norm_1/running_mean",
    "@optimizer/encoder/encoder/dense_1/weight/m", "@optimizer/encoder/encoder/dense_1/weight/d"};

/* ---- tests ---- */

static void frozen_networks_stand_still(void **state) {
    (void)state;
    TrainReport report;
    make_folder("whole");
    assert_int_equal(go("whole", SCENE STAGES, (TrainOptions){0}, &report), ENDED_DONE);
    assert_int_equal(report.step, 6 + 5 + 4 + 1);
    for (int i = 0; i < 5; i++) assert_true(same("whole", "stage-pretrain", "stage-play", encoder_names[i]));
    assert_false(same("whole", "stage-pretrain", "stage-play", "head/dense_2/weight"));
    assert_false(same("whole", "stage-pretrain", "stage-play", "generator/dense_1/weight"));
    assert_true(same("whole", "stage-play", "stage-back", "head/dense_2/weight")); /* a pattern ... */
    assert_true(same("whole", "stage-play", "stage-back", "encoder/batch_norm_1/running_var"));
    assert_false(same("whole", "stage-play", "stage-back", "head/dense_1/weight")); /* ... is not the whole */
    assert_false(same("whole", "stage-play", "stage-back", "encoder/batch_norm_1/running_mean"));
    assert_true(same("whole", "stage-back", "stage-still", "head/dense_1/weight")); /* nobody's turn */
}

/* At the first turn of `back` the encoder and half of the head are again what they were, their optimisers' values too. */
static void load_goes_back_to_a_stages_end(void **state) {
    (void)state;
    TrainReport report;
    make_folder("back");
    assert_int_equal(go("back", SCENE "schedule:\n"
                                      "  - {stage: pretrain, steps: 3, each: [encoder]}\n"
                                      "  - {stage: on, steps: 3, each: [encoder, generator]}\n"
                                      "  - {stage: back, steps: 1, each: [generator], "
                                      "load: {encoder: pretrain, 'head/dense_1/*': pretrain}}\n"
                                      "outputs: {mid: {scatter: \"generator(fixed(normal(9, 2)))\"}}\n",
                        (TrainOptions){0}, &report),
                     ENDED_DONE);
    for (int i = 0; i < 5; i++) {
        assert_false(same("back", "stage-pretrain", "stage-on", encoder_names[i]));
        assert_true(same("back", "stage-pretrain", "stage-back", encoder_names[i]));
    }
    assert_true(same("back", "stage-pretrain", "stage-back", "head/dense_1/weight"));
    assert_true(same("back", "stage-on", "stage-back", "head/dense_2/weight"));
    assert_true(same("back", "stage-on", "stage-back", "@optimizer/encoder/head/dense_2/weight/v"));
    assert_false(same("back", "stage-on", "stage-back", "generator/dense_1/weight"));
}

static void counters_start_again(void **state) {
    (void)state;
    Arena *a = arena_new();
    char *log = read_all(a, "test_stages.out/whole/log.jsonl", NULL), *play = strstr(log, "{\"step\": 7,"), *back = strstr(log, "{\"step\": 12,");
    assert_true(play && back);
    assert_true(!strncmp(play, "{\"step\": 7, \"epoch\": 0.1, \"stage\": \"play\"", 41));
    assert_non_null(strstr(play, "\"encoder.turn\": 0, \"encoder.step\": 0, \"encoder.total\": 6, \"encoder.epoch\": 0"));
    assert_non_null(strstr(back, "\"encoder.turn\": 0, \"encoder.step\": 0, \"encoder.total\": 11"));
    assert_non_null(strstr(back, "\"encoder.turn\": 2, \"encoder.step\": 1, \"encoder.total\": 12")); /* two turns in step 1 */
    arena_free(a);
}

/* A limit of time that is over at once stops a run after its next turn: from every turn of every stage. */
static void a_run_stopped_after_every_turn_ends_the_same(void **state) {
    (void)state;
    TrainReport report = {0};
    char resume[1200] = "";
    make_folder("pieces");
    int turns = 0;
    for (Ended how = ENDED_LIMIT; how == ENDED_LIMIT && turns < 60; turns++) {
        how = go("pieces", SCENE STAGES, (TrainOptions){.resume = turns ? resume : NULL, .seconds = 1e-9}, &report);
        snprintf(resume, sizeof resume, "%s", report.checkpoint);
    }
    assert_int_equal(turns, 6 + 5 * 2 + (1 + 2 + 1 + 2) + 4 + 1 + 1);
    static const char *const names[] = {"stage-pretrain", "stage-play", "stage-back", "stage-still", "step-000016"};
    for (int i = 0; i < 5; i++) {
        char name[100];
        snprintf(name, sizeof name, "checkpoints/%s.safetensors", names[i]);
        assert_same_file("test_stages.out/whole", "test_stages.out/pieces", name);
    }
    assert_same_file("test_stages.out/whole", "test_stages.out/pieces", "log.jsonl");
    assert_same_file("test_stages.out/whole", "test_stages.out/pieces", "samples/mid.png");
}

/* Parameters and running values come from the file; the optimiser starts afresh: its momentum was of other values. */
static void load_takes_a_file(void **state) {
    (void)state;
    TrainReport report;
    make_folder("file");
    const char *text = SCENE "schedule: {steps: 1, each: [generator], load: {encoder: "
                             "test_stages.out/whole/checkpoints/stage-play.safetensors}}\n"
                             "outputs: {mid: {scatter: \"encoder(ring.point)[:, 0:2] + head(encoder(ring.point))\"}}\n";
    Run r = open_run("file", text);
    assert_non_null(r.t);
    int warnings = 0; /* a file gives the encoder its values: only the head stays as it starts */
    for (const Diag *d = r.d->first; d; d = d->next) {
        warnings += strstr(d->text, "no player moves the network") != NULL;
        assert_null(strstr(d->text, "network 'encoder'"));
    }
    assert_int_equal(warnings, 1);
    close_run(&r);
    assert_int_equal(go("file", text, (TrainOptions){0}, &report), ENDED_DONE);
    for (int i = 0; i < 3; i++)
        assert_memory_equal(tensor("file", "step-000001", encoder_names[i]), tensor("whole", "stage-play", encoder_names[i]), 64 * sizeof(float));
    make_folder("fresh");
    text = SCENE "schedule: {steps: 1, each: [encoder], load: {encoder: "
                 "test_stages.out/whole/checkpoints/stage-play.safetensors}}\n";
    assert_int_equal(go("fresh", text, (TrainOptions){0}, &report), ENDED_DONE);
    float seen = *tensor("fresh", "step-000001", encoder_names[4]); /* the weight of one turn, 1 - b2: not the file's */
    assert_true(seen > 0.0009F && seen < 0.0011F);
}

static void what_a_file_lacks_is_said(void **state) {
    (void)state;
    static const struct { const char *network, *message; } cases[] = {
        {"head(x): [{dense: 4}, relu, {dense: 2}]",
         "stage-play.safetensors: 'head/dense_1/weight' is F32 [5,3], the spec wants float [5,4]"},
        {"head(x): [{dense: 3}, relu, {dense: 2}, {dense: 2}]", "stage-play.safetensors: 'head/dense_3/weight' is missing"},
        {"other(x): [{dense: 2}]", "stage-play.safetensors: nothing in it is called 'other/dense_1/weight' or the like; it has "
                                   "'encoder', 'generator', 'head'"},
    };
    for (int i = 0; i < 3; i++) {
        char text[2000], name[10] = "";
        sscanf(cases[i].network, "%9[a-z]", name);
        snprintf(text, sizeof text,
                 "networks:\n  %s\nplayers:\n  p: {minimize: \"mean(%s(normal(3, 5)))\", moves: %s, optimizer: sgd(1)}\n"
                 "schedule: {steps: 1, each: [p], load: {%s: test_stages.out/whole/checkpoints/stage-play.safetensors}}\n",
                 cases[i].network, name, name, name);
        Run r = open_run("wrong", text);
        assert_null(r.t);
        if (!r.d->first || !strstr(r.d->first->text, cases[i].message)) diags_print(r.d, stderr, false);
        assert_int_equal(r.d->errors, 1);
        assert_true(strstr(r.d->first->text, cases[i].message) && r.d->first->loc.line == 5);
        close_run(&r);
    }
}

static bool is_there(const char *folder, const char *name) {
    char path[300];
    struct stat st;
    snprintf(path, sizeof path, "test_stages.out/%s/%s", folder, name);
    return !stat(path, &st);
}

/* The metric is highest after step 6 and low enough to stop after step 12; one epoch is two steps of five turns. */
static void frequencies_best_and_stop(void **state) {
    (void)state;
    TrainReport report;
    make_folder("often");
    const char *text = SCENE "schedule:\n"
                             "  epochs: 100\n"
                             "  of: ring\n"
                             "  each: [{encoder: 5}, generator]\n"
                             "  checkpoint: {every: 3, keep: 2, best: metrics.peak}\n"
                             "  stop: metrics.peak < -30\n"
                             "metrics: {peak: {value: -(total_step - 6.0)^2, every: 2}}\n"
                             "outputs:\n"
                             "  steps: {scatter: \"generator(fixed(normal(9, 2)))\", every: 5}\n"
                             "  epochs: {scatter: \"generator(fixed(normal(9, 2)))\", every: 2 epochs}\n"
                             "  end: {scatter: \"generator(fixed(normal(9, 2)))\", every: end}\n"
                             "  never: {scatter: \"generator(fixed(normal(9, 2)))\", when: total_step < 12}\n";
    assert_int_equal(go("often", text, (TrainOptions){0}, &report), ENDED_DONE);
    assert_int_equal(report.step, 12);
    static const struct { const char *name; bool there; } files[] = {
        {"checkpoints/step-000012.safetensors", true}, {"checkpoints/step-000009.safetensors", true},
        {"checkpoints/step-000006.safetensors", false}, {"checkpoints/best.safetensors", true},
        {"samples/steps-000005.png", true}, {"samples/steps-000010.png", true}, {"samples/steps-000004.png", false},
        {"samples/epochs-000004.png", true}, {"samples/epochs-000008.png", true}, {"samples/epochs-000012.png", true},
        {"samples/epochs-000006.png", false}, {"samples/end.png", true}, {"samples/never.png", false}};
    for (int i = 0; i < 13; i++)
        if (is_there("often", files[i].name) != files[i].there) fail_msg("%s: %d", files[i].name, !files[i].there);
    CheckpointInfo info;
    Fault f = {0};
    assert_true(checkpoint_info("test_stages.out/often/checkpoints/best.safetensors", &info, &f));
    assert_int_equal(info.step, 6);
}

/* Stages of 4 steps: the generator moves in the first, stands still in two, and goes back in the last one. */
static void what_cannot_have_changed_is_not_drawn_again(void **state) {
    (void)state;
    TrainReport report = {0};
    const char *text = SCENE "schedule:\n"
                             "  - {stage: a, steps: 4, each: [generator]}\n"
                             "  - {stage: b, steps: 4, each: [encoder]}\n"
                             "  - {stage: c, steps: 4, each: [encoder]}\n"
                             "  - {stage: d, steps: 4, each: [encoder], load: {generator: a}}\n"
                             "metrics: {size: {value: norm(parameters(generator)), every: 2}}\n"
                             "outputs:\n"
                             "  still: {scatter: \"generator(fixed(normal(9, 2)))\", every: 1}\n"
                             "  draws: {scatter: \"generator(normal(9, 2))\", every: 4}\n"
                             "  data: {scatter: ring.point, every: 2}\n"
                             "  moved: {scatter: \"head(encoder(ring.point))\", every: 4}\n"
                             "  gated: {scatter: \"generator(fixed(normal(9, 2)))\", every: 2, when: step >= 3}\n"
                             "  measured: {scatter: \"zeros(3, 2) + metrics.size\", every: 4}\n";
    static const struct { const char *name; int step[10]; } drawn[] = {
        {"still", {1, 2, 3, 4, 5, 13}}, {"draws", {4, 8, 12, 16}}, {"data", {2, 14}}, {"moved", {4, 8, 12, 16}},
        {"gated", {4, 8, 16}}, {"measured", {4, 8, 12, 16}}};
    make_folder("still");
    assert_int_equal(go("still", text, (TrainOptions){0}, &report), ENDED_DONE);
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++)
        for (int step = 1, k = 0; step <= 16; step++) {
            char name[100];
            snprintf(name, sizeof name, "samples/%s-%06d.png", drawn[i].name, step);
            bool expected = drawn[i].step[k] == step;
            if (is_there("still", name) != expected) fail_msg("%s: %d", name, !expected);
            k += expected;
        }
    make_folder("still_pieces");                      /* and the same where the run is stopped after every turn */
    char resume[1200] = "";
    for (Ended how = ENDED_LIMIT; how == ENDED_LIMIT;) {
        how = go("still_pieces", text, (TrainOptions){.resume = *resume ? resume : NULL, .seconds = 1e-9}, &report);
        snprintf(resume, sizeof resume, "%s", report.checkpoint);
    }
    assert_same_file("test_stages.out/still", "test_stages.out/still_pieces", "checkpoints/step-000016.safetensors");
    assert_int_equal(system("ls test_stages.out/still/samples > test_stages.out/a; ls test_stages.out/still_pieces/samples | "
                            "cmp - test_stages.out/a"), 0);
}

/* Found again on the way from the last checkpoint through the end of a stage. */
static void a_divergence_behind_a_stages_end_is_found(void **state) {
    (void)state;
    TrainReport report;
    make_folder("diverged");
    Ended how = go("diverged",
                   "networks:\n  net(x): [{dense: 1}]\n"
                   "players:\n"
                   "  net: {minimize: \"mean(net(normal(4, 2))^2)\", optimizer: sgd(0.1)}\n"
                   "  bad: {minimize: \"mean(net(normal(4, 2)))*log(if(step == 2, 0.0, 1.0))\", moves: net, optimizer: sgd(0.1)}\n"
                   "schedule:\n"
                   "  - {stage: one, steps: 4, each: [net], checkpoint: {every: 4}}\n"
                   "  - {stage: two, steps: 9, each: [bad], checkpoint: {every: 100}}\n",
                   (TrainOptions){0}, &report);
    assert_int_equal(how, ENDED_FAULT);
    assert_string_equal(said, "diverged at step 7, in 'turn bad'");
    assert_non_null(strstr(report.checkpoint, "step-000004"));
}

/* Without computing anything: the same turns as the run that was trained. */
typedef struct { int entries, turns, epoch_turns; const Training *t; } Seen;

static void see(void *ctx, const Stage *stage, int64_t total_step, const Entry *e, int64_t count) {
    Seen *s = ctx;
    if (!e) return;
    s->entries++;
    s->turns += (int)count;
    if (!strcmp(stage->name, "play")) s->epoch_turns += (int)count, assert_in_range(total_step, 6, 10);
}

static void a_schedule_is_played_out(void **state) {
    (void)state;
    Run r = open_run("out", SCENE STAGES);
    Seen seen = {.t = r.t};
    Fault f = {0};
    assert_true(schedule_play(r.m, 100, see, &seen, &f));
    assert_int_equal(seen.entries, 6 + 10 + 8 + 1);
    assert_int_equal(seen.turns, 6 + 10 + 6 + 4 + 1);
    assert_int_equal(seen.epoch_turns, 10);
    close_run(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frozen_networks_stand_still),
        cmocka_unit_test(load_goes_back_to_a_stages_end),
        cmocka_unit_test(counters_start_again),
        cmocka_unit_test(a_run_stopped_after_every_turn_ends_the_same),
        cmocka_unit_test(load_takes_a_file),
        cmocka_unit_test(what_a_file_lacks_is_said),
        cmocka_unit_test(frequencies_best_and_stop),
        cmocka_unit_test(what_cannot_have_changed_is_not_drawn_again),
        cmocka_unit_test(a_divergence_behind_a_stages_end_is_found),
        cmocka_unit_test(a_schedule_is_played_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
