/* Out of memory: the n-th allocation of a compile fails, n = 0, 1, 2, ... until one compile gets by with fewer. None
 * crashes or leaks (the sanitizer build watches), each gives NULL and no false diagnostics. Then the same through the
 * program: exit code 1 and one line that says so. */
#include "parser/compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

#define SPEC SOURCE_DIR "/models/wgan_gp_poly.yaml"

/* One by one at first, then in growing steps: a debug build allocates each item by itself. */
static long next(long n) { return n < 64 ? n + 1 : n + n / 8; }

/* True where the compile was over before its n-th allocation. */
static bool survives(long n) {
    Arena *a = arena_new();
    assert_non_null(a);
    Diags *d = diags_new(a);
    CompileOptions options = {.changes = {.npreset = 1, .preset = (const char *const[]){"tiny"}}};
    arena_fail_after(n);
    Training *t = compile(SPEC, &options, a, d);
    bool over = arena_fail_after(-1) >= 0;
    if (over) assert_non_null(t);
    else assert_null(t);
    assert_int_equal(d->errors, 0);
    if (t) compile_close(t);
    arena_free(a);
    return over;
}

static void every_allocation_of_a_compile_may_fail(void **state) {
    (void)state;
    int sweeps = 0;
    for (long n = 0; !survives(n); n = next(n)) sweeps++;
    assert_true(sweeps > 3);                          /* some did fail */
}

/* The exit code of `graphrun check` with its n-th allocation failing, and whether it said why. */
static int check_spec(long n, bool *said) {
    char command[512], line[512];
    snprintf(command, sizeof command, "GRAPHRUN_FAIL_ALLOC=%ld %s check %s --preset tiny 2>&1 >/dev/null", n, BINARY, SPEC);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    *said = false;
    while (fgets(line, sizeof line, p)) *said |= strstr(line, "out of memory") != NULL;
    int status = pclose(p);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* A run asks for memory beyond what its compile took: plans, logs, pictures. It ends with the same code and words. */
static void a_run_that_runs_out_ends_in_order(void **state) {
    (void)state;
    char command[600], line[512], folder[] = "/tmp/graphrun-oom-XXXXXX";
    assert_non_null(mkdtemp(folder));
    int failed = 0, status = 1;
    for (long n = 8; status && n < 1000000; n = next(n)) {
        snprintf(command, sizeof command, "GRAPHRUN_FAIL_ALLOC=%ld %s %s --preset tiny --steps 2 -q --force --threads 1 --out %s/run 2>&1 >/dev/null",
                 n, BINARY, SPEC, folder);
        FILE *p = popen(command, "r");
        assert_non_null(p);
        bool said = false;
        while (fgets(line, sizeof line, p)) said |= strstr(line, "out of memory") != NULL;
        status = pclose(p);
        assert_true(WIFEXITED(status));
        status = WEXITSTATUS(status);
        if (status) assert_int_equal(status, 1), assert_true(said), failed++;
    }
    assert_int_equal(status, 0);
    assert_true(failed > 3);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

static void the_program_says_that_memory_ran_out(void **state) {
    (void)state;
    bool said;
    for (long n = 0; n < 4; n++) {
        assert_int_equal(check_spec(n, &said), 1);
        assert_true(said);
    }
    assert_int_equal(check_spec(1000000000, &said), 0);
    assert_false(said);
}

/* Terabytes: refused before they are asked for, with the tensor to look at. */
static void too_large_a_run_says_what_is_large(void **state) {
    (void)state;
    char line[512] = "";
    FILE *p = popen(BINARY " " SPEC " --set vars.base=200000 --steps 1 -q --out /dev/null/none 2>&1 >/dev/null", "r");
    assert_non_null(p);
    while (!strstr(line, "of memory") && fgets(line, sizeof line, p)) {}
    int status = pclose(p);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_non_null(strstr(line, "; the largest tensor is 'generator/1/conv_transpose_1/weight', [3, 3, 200000, 200000]"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_a_compile_may_fail),
        cmocka_unit_test(the_program_says_that_memory_ran_out),
        cmocka_unit_test(a_run_that_runs_out_ends_in_order),
        cmocka_unit_test(too_large_a_run_says_what_is_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
