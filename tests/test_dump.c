/* What `bench --dump` writes: the loss and the gradient follow from the parameter, the draw and the value beside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <zip.h>

#include "command.h"

enum { N = 5 };

static const char spec[] = "networks:\n"
                           "  net(x): {w: \"parameter([1], 2)\", return: \"sum(w*x)\"}\n"
                           "players:\n"
                           "  net: {e: normal(5), minimize: net(e*c), optimizer: sgd(0.1)}\n"
                           "iteration:\n"
                           "  c: fixed(uniform(5))\n"
                           "schedule: {steps: 3, each: [net]}\n";

static void numbers(zip_t *zip, const char *name, int n, float *to) {
    char bytes[128];
    zip_file_t *entry = zip_fopen(zip, name, 0);
    if (!entry) fail_msg("no entry %s", name);
    assert_int_equal(zip_fread(entry, bytes, sizeof bytes), sizeof bytes);          /* the header of a short array */
    assert_int_equal(zip_fread(entry, to, (zip_uint64_t)n * sizeof *to), n * (int)sizeof *to);
    zip_fclose(entry);
}

static void a_turn_is_written_down_as_it_was(void **state) {
    (void)state;
    FILE *f = fopen("line.yaml", "w");
    fputs(spec, f);
    fclose(f);
    assert_int_equal(sh("bench line.yaml --dump numbers"), 0);
    int error;
    zip_t *zip = zip_open("numbers/net.npz", ZIP_RDONLY | ZIP_CHECKCONS, &error);
    assert_non_null(zip);
    float w, loss, gradient, e[N], c[N], sum = 0;
    numbers(zip, "parameter/net/w.npy", 1, &w);
    numbers(zip, "draw/net/normal_1.npy", N, e);
    numbers(zip, "read/@fixed/iteration/c/1.npy", N, c);
    numbers(zip, "loss/net.npy", 1, &loss);
    numbers(zip, "gradient/net/w.npy", 1, &gradient);
    zip_discard(zip);
    for (int i = 0; i < N; i++) sum += e[i] * c[i];
    assert_float_equal(w, 2, 0);                      /* as before the turn, which moves it */
    assert_true(sum > 0.01 || sum < -0.01);
    assert_float_equal(gradient, sum, 1e-5);
    assert_float_equal(loss, 2 * sum, 1e-5);
}

static void a_folder_that_cannot_be_made_is_an_error(void **state) {
    (void)state;
    assert_int_equal(sh("bench line.yaml --dump /proc/nowhere"), 6);
    assert_int_equal(sh("bench line.yaml --dump numbers --player nobody"), 2);
}

static int folder(void **state) {
    (void)state;
    return into_folder("test_dump.out");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_turn_is_written_down_as_it_was),
                                       cmocka_unit_test(a_folder_that_cannot_be_made_is_an_error)};
    return cmocka_run_group_tests(tests, folder, NULL);
}
