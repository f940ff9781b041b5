/* `precision: bf16` as a shell sees it: what it changes and what it leaves alone, how it is kept with a run, and where it
 * is refused. The kernels themselves are in test_kern.c. */
#include "kern/kern.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "command.h"

/* Convolutions and products of 16 and more, a product in a metric, and an iteration value. */
static const char spec[] =
    "data:\n"
    "  poly: {source: polynomials, count: 64, size: 8, batch: 16}\n"
    "networks:\n"
    "  net(x): [{conv: {filters: 16, kernel: 3}}, relu, {conv: {filters: 16, kernel: 3}}, relu, flatten, {dense: 32}, relu, {dense: 1}]\n"
    "iteration: {w: \"normal(16, 16)@normal(16, 16)\"}\n"
    "players:\n"
    "  net:\n"
    "    minimize: mean((net(poly.image) - mean(poly.image, axes=[1, 2]))^2)\n"
    "    optimizer: adam(1e-3)\n"
    "    log: {product: sum(w)}\n"
    "schedule: {steps: 12, each: [net], checkpoint: {every: 4}}\n"
    "metrics: {score: {value: \"sum(normal(32, 32)@normal(32, 32))\", every: 4}}\n";

/* `cap`: most that oneDNN may use; "" for all there is. */
#define expect(code, cap, ...)                                                                          \
    do {                                                                                                \
        if (*(cap)) setenv("ONEDNN_MAX_CPU_ISA", cap, 1);                                               \
        int ended = sh(__VA_ARGS__);                                                                    \
        unsetenv("ONEDNN_MAX_CPU_ISA");                                                                 \
        if (ended != (code)) fail_msg("line %d: ended with %d\n%s%s", __LINE__, ended, out, err);       \
    } while (0)

static void wants_bf16(void) {
    if (bf16_here() != BF16_NONE) return;
    print_message("no bf16 on this CPU\n");
    skip();
}

static double logged(const char *run, const char *key, int line) {
    static char text[1 << 16];
    char path[100];
    snprintf(path, sizeof path, "%s/log.jsonl", run);
    slurp(path, text, sizeof text);
    char *at = text;
    for (int i = 0; i < line && at; i++) at = strchr(at, '\n') + 1;
    at = strstr(at, key);
    assert_non_null(at);
    return strtod(strchr(at, ':') + 1, NULL);
}

/* The first loss is of the same parameters and samples: it differs by what rounding does, and by more than fp32's. */
static void turns_round_and_metrics_do_not(void **state) {
    (void)state;
    wants_bf16();
    expect(0, "", "net.yaml -q -o fp32");
    expect(0, "", "net.yaml -q -o bf16 --precision bf16");
    double a = logged("fp32", "net.minimize", 0), b = logged("bf16", "net.minimize", 0);
    if (!(fabs(a - b) > 1e-6 * fabs(a) && fabs(a - b) < 0.02 * fabs(a))) fail_msg("first losses %.9g and %.9g", a, b);
    a = logged("fp32", "net.product", 0), b = logged("bf16", "net.product", 0);
    if (a == b || fabs(a - b) > 1) fail_msg("iteration values %.9g and %.9g", a, b);
    for (int line = 3; line < 12; line += 4) assert_true(logged("fp32", "score", line) == logged("bf16", "score", line));
}

static void a_run_keeps_its_precision(void **state) {
    (void)state;
    wants_bf16();
    expect(0, "", "net.yaml -q -o whole --set precision=bf16");
    expect(0, "", "net.yaml -q -o parted --precision bf16 --steps 5");
    assert_int_equal(system("grep -q '\"precision\": \"bf16\"' parted/run.json && grep -q 'precision: bf16' parted/resolved.yaml"), 0);
    expect(4, "", "net.yaml --resume parted -q");
    assert_non_null(strstr(err, "was: precision: bf16"));
    expect(0, "", "--resume parted --steps 12 -q");
    assert_int_equal(system("cmp whole/log.jsonl parted/log.jsonl"), 0);
    assert_int_equal(system("cmp whole/checkpoints/step-000012.safetensors parted/checkpoints/step-000012.safetensors"), 0);
    expect(0, "AVX2", "eval --json whole");           /* no turn is played: any CPU will do */
    expect(1, "AVX2", "--resume whole --steps 20 -q");
}

static void other_machines_refuse(void **state) {
    (void)state;
    expect(1, "AVX2", "half.yaml -o never");
    assert_non_null(strstr(err, "half.yaml:1:12: error: bf16 wants a CPU with AVX512_BF16 or AMX, and "));
    assert_non_null(strstr(err, "graphrun: this machine cannot run the spec in bf16\n"));
    assert_int_not_equal(access("never", F_OK), 0);
    expect(1, "AVX2", "bench --seconds 0.01 half.yaml");
    expect(0, "AVX2", "bench --seconds 0.01 --precision fp32 half.yaml");
    expect(0, "AVX2", "show half.yaml");              /* but what it amounts to is known everywhere */
    assert_non_null(strstr(out, "precision bf16: "));
    expect(0, "AVX2", "show --json half.yaml");
    assert_non_null(strstr(out, "\"precision\": \"bf16\""));
    expect(0, "AVX2", "check half.yaml");
    expect(0, "AVX2", "gradcheck half.yaml --set data.poly.size=4");
    assert_non_null(strstr(err, "'precision: bf16' is left aside"));
    expect(2, "AVX2", "bench --precision half half.yaml");
    assert_non_null(strstr(err, "--precision: 'half' is not fp32, bf16 or fp64"));
}

static int prepare(void **state) {
    (void)state;
    if (into_folder("test_precision.out")) return -1;
    put("net.yaml", spec);
    put_both("half.yaml", "precision: bf16\n", spec);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_round_and_metrics_do_not),
        cmocka_unit_test(a_run_keeps_its_precision),
        cmocka_unit_test(other_machines_refuse),
    };
    return cmocka_run_group_tests_name("precision", tests, prepare, NULL);
}
