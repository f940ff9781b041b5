/* The kernels against naive double loops: shapes are generated, odd ones included, and the allowed error follows from
 * the length of the sums. */
#include "base/rng.h"
#include "kern/kern.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static float *numbers(int64_t n, uint64_t path) {
    float *x = aligned_alloc(64, ((size_t)n * sizeof *x + 63) / 64 * 64 + 64);
    assert_non_null(x);
    Stream s = rng_stream(1, path, 0, 0);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(2 * rng_unit(rng_word(s, (uint64_t)i)) - 1);
    return x;
}

/* |got - want| <= 2 eps sqrt(terms + 8) * norm, where norm^2 = sum of squares of the terms. */
static void check_close(const char *what, float got, double want, double squares, double terms) {
    double bound = 4 * 1.2e-7 * (sqrt(terms) + 2) * sqrt(squares) + 1e-30;
    if (!(fabs(got - want) <= bound)) fail_msg("%s: %.9g, should be %.9g, within %.2g", what, got, want, bound);
}

static void check_gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, bool accumulate) {
    float *A = numbers(m * k, 1), *B = numbers(k * n, 2), *C = numbers(m * n + 16, 3), *old = numbers(m * n + 16, 3);
    char what[80];
    snprintf(what, sizeof what, "gemm ta=%d tb=%d m=%d n=%d k=%d accumulate=%d", ta, tb, (int)m, (int)n, (int)k, accumulate);
    if (!accumulate)
        for (int64_t i = 0; i < m * n; i++) C[i] = NAN;   /* what was there must not matter */
    gemm(ta, tb, m, n, k, A, B, C, accumulate);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double want = accumulate ? old[i * n + j] : 0, squares = want * want;
            for (int64_t l = 0; l < k; l++) {
                double p = (double)(ta ? A[l * m + i] : A[i * k + l]) * (tb ? B[j * k + l] : B[l * n + j]);
                want += p, squares += p * p;
            }
            check_close(what, C[i * n + j], want, squares, (double)k + 1);
        }
    assert_memory_equal(C + m * n, old + m * n, 16 * sizeof *C);
    free(A), free(B), free(C), free(old);
}

static const int64_t sizes[] = {0, 1, 2, 3, 4, 5, 8, 17, 64, 129};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void gemm_matches(void **state) {
    (void)state;
    for (int i = 0; i < SIZES * SIZES * SIZES; i++)
        for (int f = 0; f < 8; f++)
            check_gemm(f & 1, f & 2, sizes[i % SIZES], sizes[i / SIZES % SIZES], sizes[i / SIZES / SIZES], f & 4);
    check_gemm(false, false, 300, 200, 700, true);
    check_gemm(true, true, 300, 200, 700, false);
}

static void gemm_batch_matches(void **state) {
    (void)state;
    for (int batch = 0; batch <= 5; batch++)
        for (int shared = 0; shared < 2; shared++)
            for (int f = 0; f < 4; f++) {
                int64_t m = 7, n = 5, k = 6;
                float *A = numbers(batch * m * k, 1), *B = numbers(batch * k * n, 2), *C = numbers(batch * m * n, 3), D[35];
                gemm_batch(batch, f & 1, f & 2, m, n, k, A, m * k, B, shared ? 0 : k * n, C);
                for (int b = 0; b < batch; b++) {
                    gemm(f & 1, f & 2, m, n, k, A + b * m * k, B + (shared ? 0 : b * k * n), D, false);
                    assert_memory_equal(C + b * m * n, D, sizeof D);
                }
                free(A), free(B), free(C);
            }
}

static void eigen_matches(void **state) {
    (void)state;
    for (int64_t n = 0; n <= 20; n++) {
        size_t count = eigen_scratch(n);
        float *A = numbers(n * n, 1), *values = numbers(n, 2), *vectors = numbers(n * n, 3), *scratch = numbers((int64_t)count + 16, 4),
              *canary = numbers((int64_t)count + 16, 4);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < i; j++) A[j * n + i] = A[i * n + j];
        assert_true(eigen_symmetric(n, A, values, vectors, scratch, count));
        assert_memory_equal(scratch + count, canary + count, 16 * sizeof *scratch);
        for (int64_t e = 0; e < n; e++) {
            double norm = 0;
            if (e) assert_true(values[e - 1] <= values[e]);
            for (int64_t i = 0; i < n; i++) {
                double got = 0, v = vectors[e * n + i];
                for (int64_t j = 0; j < n; j++) got += (double)A[i * n + j] * vectors[e * n + j];
                if (!(fabs(got - values[e] * v) < 1e-5)) fail_msg("eigen n=%d: pair %d is off", (int)n, (int)e);
                norm += v * v;
            }
            assert_true(fabs(norm - 1) < 1e-5);
        }
        free(A), free(values), free(vectors), free(scratch), free(canary);
    }
}

static void count_one(void *ctx, int64_t i) { ((int *)ctx)[i]++; }

static void parallel_for_covers(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        par_threads(threads);
        assert_int_equal(par_count(), threads);
        for (int n = 0; n <= 70; n++) {
            int seen[71] = {0};
            parallel_for(n, count_one, seen);
            for (int i = 0; i <= 70; i++) assert_int_equal(seen[i], i < n);
        }
    }
    par_threads(par_cores());
    assert_in_range(par_cores(), 1, 1 << 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm_matches),
        cmocka_unit_test(gemm_batch_matches),
        cmocka_unit_test(eigen_matches),
        cmocka_unit_test(parallel_for_covers),
    };
    return cmocka_run_group_tests_name("kern", tests, NULL, NULL);
}
