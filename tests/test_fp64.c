/* `precision: fp64` as a shell sees it: the same numbers as fp32 but for rounding, runs that go on bit for bit, what files
 * hold, how checkpoints of one precision serve the other, and what refuses. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "command.h"

/* Layers of a field, labels, draws of each kind, batch statistics, running values that trade places, a loop, iteration
 * values, metrics of each kind, outputs with a range, as files and as text; batches of which the last is not full. There is
 * no bias before batch norm: its gradient is nothing but rounding, of which Adam makes steps. */
static const char spec[] =
    "data:\n"
    "  poly: {source: polynomials, count: 60, size: 8, batch: 16, last: keep, image: [\"x -> 2*x - 1\"]}\n"
    "  ring: {source: gaussians, layout: ring, modes: 4, count: 64, batch: 16, last: drop}\n"
    "networks:\n"
    "  net(x): [{conv: {filters: 4, kernel: 3, stride: 2, bias: false}}, batch_norm, relu, flatten, {dense: 16}, relu, {dropout: 0.3}, {dense: 2}]\n"
    "  table(x): \"embedding(x, 4, 2)\"\n"
    "functions:\n"
    "  walked(x): [{loop: t in range(3), layers: [\"y -> 0.5*y + t*normal(shape(y))\"]}]\n"
    "iteration: {w: \"normal(2, 3)@uniform(3, 2)\"}\n"
    "players:\n"
    "  net:\n"
    "    moves: [net, table]\n"
    "    state: {a: 1, b: 2}\n"
    "    code: net(poly.image)\n"
    "    minimize: mean((code - mean(poly.image, axes=[1, 2]))^2) + mean((table(ring.label)@w)^2)\n"
    "    optimizer: adam(1e-2)\n"
    "    after: {a: b, b: a}\n"
    "    log: {a: a, walked: sum(walked(w))}\n"
    "schedule: {steps: 10, each: [net], checkpoint: {every: 5, keep: 9}}\n"
    "metrics:\n"
    "  spread: {collect: {code: net(poly.image)}, count: 32, value: \"sum(std(code, axes=[0]))\", every: 5}\n"
    "  size: {mean: \"sum(net(poly.image)^2, axes=[1])\", over: poly, every: 5}\n"
    "outputs:\n"
    "  codes: {file: {code: net(poly.image), label: ring.label}, every: 5}\n"
    "  text: {file: {first: \"net(poly.image)[:, 0]\"}, format: csv}\n"
    "  bars: {histogram: \"parameters(net, 'dense_2/weight')\", every: 5}\n"
    "  places: {scatter: ring.point, color: ring.label}\n";

#define expect(code, ...)                                                                               \
    do {                                                                                                \
        int ended = sh(__VA_ARGS__);                                                                    \
        if (ended != (code)) fail_msg("line %d: ended with %d\n%s%s", __LINE__, ended, out, err);       \
    } while (0)

#define expect_said(text) \
    do { if (!strstr(err, text)) fail_msg("line %d: '%s' is not in:\n%s", __LINE__, text, err); } while (0)

static void expect_same(const char *a, const char *b) {
    char command[500];
    snprintf(command, sizeof command, "cmp %s %s", a, b);
    assert_int_equal(system(command), 0);
}

static char *text_of(Arena *a, const char *run, const char *file) { return read_all(a, arena_printf(a, "%s/%s", run, file), NULL); }

/* Every number of two logs beside each other: of what a turn logs, and of all else where `all`. */
static int compare_logs(const char *one, const char *two, bool all) {
    Arena *a = arena_new();
    char *p = text_of(a, one, "log.jsonl"), *q = text_of(a, two, "log.jsonl");
    int n = 0;
    while ((p = strchr(p, '"')) && (q = strchr(q, '"'))) {
        size_t key = strcspn(p + 1, "\"") + 2;
        assert_memory_equal(p, q, key);
        bool counts = all || memmem(p, key, ".minimize", 9);
        double x = strtod(p + key + 1, &p), z = strtod(q + key + 1, &q);
        if (counts && !(fabs(x - z) <= 1e-4 * fabs(z) + 1e-6)) fail_msg("%s and %s: %.9g and %.17g in ...%.200s", one, two, x, z, p);
        n += counts;
    }
    arena_free(a);
    return n;
}

static void it_is_fp32_but_for_rounding(void **state) {
    (void)state;
    expect(0, "net.yaml -q -o single");
    expect(0, "net.yaml -q -o double --precision fp64");
    assert_true(compare_logs("single", "double", true) > 50);
}

static void models_are_the_same_in_it(void **state) {
    (void)state;
    static const char *const models[] = {"ring8", "wgan_gp_poly", "wgan_poly", "cogan"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        const char *m = models[i];
        expect(0, SOURCE_DIR "/models/%s.yaml --preset tiny --steps 4 -q -o %s.single --force", m, m);
        expect(0, SOURCE_DIR "/models/%s.yaml --preset tiny --steps 4 -q -o %s.double --force --precision fp64", m, m);
        char a[60], b[60];
        snprintf(a, sizeof a, "%s.single", m), snprintf(b, sizeof b, "%s.double", m);
        assert_true(compare_logs(a, b, false) >= 4);
    }
}

static void a_run_goes_on_bit_for_bit(void **state) {
    (void)state;
    expect(0, "net.yaml -q -o whole --set precision=fp64 --threads 1");
    expect(0, "net.yaml -q -o parted --precision fp64 --steps 3 --threads 1");
    expect(0, "--resume parted -q --steps 10");
    expect_same("whole/log.jsonl", "parted/log.jsonl");
    expect_same("whole/checkpoints/step-000010.safetensors", "parted/checkpoints/step-000010.safetensors");
    expect_same("whole/samples/codes-000010.npz", "parted/samples/codes-000010.npz");
    expect_same("whole/samples/bars-000010.png", "parted/samples/bars-000010.png");
    expect(0, "net.yaml -q -o threads --precision fp64 --threads 2");
    expect_same("whole/log.jsonl", "threads/log.jsonl");
    expect_same("whole/samples/codes-000010.npz", "threads/samples/codes-000010.npz");
}

static void running_values_trade_places(void **state) {
    (void)state;
    Arena *a = arena_new();
    expect(0, "net.yaml -q -o traded --precision fp64 --steps 3");
    const char *line = text_of(a, "traded", "log.jsonl");
    for (int step = 0; step < 3; step++, line = strchr(line, '\n') + 1)
        assert_int_equal(strtol(strstr(line, "net.a\": ") + 8, NULL, 10), 1 + step % 2);
    arena_free(a);
}

static bool holds(const char *path, const char *text) {
    Arena *a = arena_new();
    size_t size;
    const char *all = read_all(a, path, &size);
    bool found = memmem(all, size, text, strlen(text)) != NULL;
    arena_free(a);
    return found;
}

static void files_hold_doubles(void **state) {
    (void)state;
    expect(0, "net.yaml -q -o files --precision fp64");
    assert_true(holds("files/checkpoints/step-000010.safetensors", "\"net/dense_1/weight\":{\"dtype\":\"F64\""));
    assert_false(holds("files/checkpoints/step-000010.safetensors", "\"F32\""));
    assert_true(holds("files/samples/codes-000010.npz", "<f8") && holds("files/samples/codes-000010.npz", "<i4"));
    assert_false(holds("files/samples/codes-000010.npz", "<f4"));
    assert_true(holds("files/run.json", "\"precision\": \"fp64\"") && holds("files/resolved.yaml", "precision: fp64"));
    Arena *a = arena_new();
    double x = strtod(strchr(text_of(a, "files", "samples/text.csv"), '\n') + 1, NULL);
    assert_true((double)(float)x != x);               /* more digits than float has */
    arena_free(a);
    expect(0, "sample files codes -o drawn");
    assert_true(holds("drawn/codes-000010.npz", "<f8"));
    expect(0, "sample files -e \"net(poly.image)\" --kind file -o drawn");
    expect(0, "eval --json files");
    assert_non_null(strstr(out, "\"spread\""));
}

static void one_precision_goes_on_from_the_other(void **state) {
    (void)state;
    expect(0, "net.yaml -q -o other --steps 5");
    expect(4, "net.yaml --resume other -q --precision fp64 --steps 8");
    expect_said("the spec's turns are not those of this run");
    expect_said("is : precision: fp64");
    expect(0, "net.yaml --resume other -q --precision fp64 --steps 8 --allow-change");
    assert_true(holds("other/checkpoints/step-000008.safetensors", "\"F64\""));
    expect(0, "net.yaml --resume other -q --steps 10 --allow-change");
    assert_false(holds("other/checkpoints/step-000010.safetensors", "\"F64\""));
    expect(0, "net.yaml -q -o all --steps 10");
    assert_true(compare_logs("other", "all", false) == 10);
}

static void what_is_loaded_may_be_of_either(void **state) {
    (void)state;
    expect(0, "net.yaml -q -o wide --precision fp64 --steps 2");
    expect(0, "net.yaml -q -o narrow --steps 2");
    static const char *const files[] = {"wide", "narrow"}, *const in[] = {"fp32", "fp64"};
    for (int i = 0; i < 4; i++)
        expect(0, "net.yaml -q -o loaded --force --precision %s --steps 3 --set schedule.load=\"{net: "
                  "'%s/checkpoints/step-000002.safetensors'}\"", in[i % 2], files[i / 2]);
}

static void a_divergence_names_its_node(void **state) {
    (void)state;
    FILE *f = fopen("outside.yaml", "w");
    fputs("precision: fp64\n"
          "data: {ring: {source: gaussians, modes: 8, batch: 64, order: sequential}}\n"
          "networks:\n  net(x): \"dense(embedding(x, 8, 2), 1)\"\n"
          "players:\n  net: {minimize: mean(net(ring.label + 1)^2), optimizer: sgd(0.1)}\n"
          "schedule: {steps: 9, each: [net]}\n", f);
    fclose(f);
    for (int watch = 0; watch < 2; watch++) {
        expect(5, "outside.yaml -o outside --force %s", watch ? "--watch" : "");
        expect_said("turn net: gather: the index 8 lies outside the 8 rows, 0 to 7, at step 1");
        expect(5, "net.yaml --precision fp64 -o grown --force --set players.net.optimizer='sgd(1e300)' %s", watch ? "--watch" : "");
        expect_said(" is made here first, at step ");
    }
}

static void verbs_work_or_refuse(void **state) {
    (void)state;
    expect(0, "check wide.yaml");
    expect(0, "show wide.yaml");
    assert_true(strstr(out, "precision fp64: ") && strstr(out, "memory: workspace "));
    expect(0, "show schedule wide.yaml --steps 3");
    expect(0, "show --json wide.yaml");
    assert_non_null(strstr(out, "\"precision\": \"fp64\""));
    expect(0, "bench wide.yaml --seconds 0.01");
    expect(0, "bench wide.yaml --dump numbers");
    assert_true(holds("numbers/net.npz", "gradient/net/dense_1/weight") && holds("numbers/net.npz", "<f8"));
    expect(2, "bench wide.yaml --worth");
    expect_said("bench --worth: in fp64 nothing is rewritten; --precision fp32 shows what would be");
    expect(2, "profile wide.yaml");
    expect_said("profile: in fp64 no kernel runs; --precision fp32 shows those that would");
    expect(0, "gradcheck wide.yaml");
    expect_said("'precision: fp64' is left aside");
}

static int prepare(void **state) {
    (void)state;
    if (into_folder("test_fp64.out")) return -1;
    put("net.yaml", spec);
    put_both("wide.yaml", "precision: fp64\n", spec);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_fp32_but_for_rounding),
        cmocka_unit_test(models_are_the_same_in_it),
        cmocka_unit_test(a_run_goes_on_bit_for_bit),
        cmocka_unit_test(running_values_trade_places),
        cmocka_unit_test(files_hold_doubles),
        cmocka_unit_test(one_precision_goes_on_from_the_other),
        cmocka_unit_test(what_is_loaded_may_be_of_either),
        cmocka_unit_test(a_divergence_names_its_node),
        cmocka_unit_test(verbs_work_or_refuse),
    };
    return cmocka_run_group_tests_name("fp64", tests, prepare, NULL);
}
