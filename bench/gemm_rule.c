/* Measures matrix products of the models' sizes by OpenBLAS, by oneDNN, and as runtime/kern/gemm.c does them, so that its
 * rule can be made from numbers: one line a shape, microseconds and GFLOP/s, '*' at the fastest.
 *
 *   gemm_rule [--threads N]      without it first with one thread, then with all cores
 *
 * With one thread it counts processor time, not the clock's, so that other work on the machine disturbs it less.
 */
#include "measuring.h"

#include <cblas.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    bool ta, tb;
    int64_t m, n, k;
} Case;

/* A layer's forward product, its weight gradient, its input gradient. */
#define LAYER(batch, in, out) {false, false, batch, out, in}, {true, false, in, out, batch}, {false, true, batch, in, out}

static const Case cases[] = {
    LAYER(256, 784, 128), LAYER(256, 128, 64),  LAYER(256, 64, 2),      LAYER(256, 2, 64),     LAYER(256, 128, 784),
    LAYER(256, 2, 128),   LAYER(256, 128, 128), LAYER(256, 128, 1),     LAYER(256, 512, 512),  LAYER(256, 512, 1),
    LAYER(256, 512, 3),   LAYER(256, 512, 4),   LAYER(256, 512, 5),     LAYER(256, 512, 8),    LAYER(256, 512, 16),
    LAYER(256, 1, 512),   LAYER(256, 4, 512),   LAYER(4, 512, 512),     LAYER(1, 512, 512),
    LAYER(64, 16, 16),    LAYER(64, 32, 32),    LAYER(64, 64, 64),      LAYER(128, 6400, 128), LAYER(1024, 1024, 1024),
};

enum { CASES = sizeof cases / sizeof *cases };
typedef enum { BLAS, ONEDNN, OURS, WAYS } Way;

static void run(Way way, const Case *c, const float *A, const float *B, float *C) {
    int64_t lda = c->ta ? c->m : c->k, ldb = c->tb ? c->k : c->n;
    if (way == BLAS)
        cblas_sgemm(CblasRowMajor, c->ta ? CblasTrans : CblasNoTrans, c->tb ? CblasTrans : CblasNoTrans, (int)c->m,
                    (int)c->n, (int)c->k, 1, A, (int)lda, B, (int)ldb, 0, C, (int)c->n);
    else if (way == ONEDNN)
        dnnl_sgemm(c->ta ? 'T' : 'N', c->tb ? 'T' : 'N', c->m, c->n, c->k, 1, A, lda, B, ldb, 0, C, c->n);
    else
        gemm(c->ta, c->tb, c->m, c->n, c->k, A, B, C, false);
}

/* The best of many runs of each, in turn; a quarter of a second a shape. */
static void line(const Case *c) {
    float *A = numbers(c->m * c->k), *B = numbers(c->k * c->n), *C = numbers(c->m * c->n);
    double best[WAYS] = {1e9, 1e9, 1e9}, spent = 0, flops = 2.0 * (double)c->m * (double)c->n * (double)c->k;
    for (int i = 0; i < 3000 && (i < 4 || spent < 0.25); i++)
        for (int way = 0; way < WAYS; way++) {
            double t = now();
            run((Way)way, c, A, B, C);
            t = now() - t, spent += t;
            if (i > 0 && t < best[way]) best[way] = t;
        }
    printf("%c%c %5d %5d %5d", c->ta ? 'T' : 'N', c->tb ? 'T' : 'N', (int)c->m, (int)c->n, (int)c->k);
    for (int way = 0; way < WAYS; way++) {
        bool least = true;
        for (int other = 0; other < WAYS; other++) least &= best[way] <= best[other];
        printf("  %9.1f (%5.1f)%c", 1e6 * best[way], flops / best[way] * 1e-9, least ? '*' : ' ');
    }
    printf("\n");
    fflush(stdout);
    free(A), free(B), free(C);
}

static void table(int threads) {
    par_threads(threads);
    printf("%s, threads: %d; microseconds (GFLOP/s); * fastest\n%20s  %17s  %17s  %17s\n", kern_libraries(), par_count(),
           "m     n     k", "OpenBLAS", "oneDNN", "gemm.c");
    for (int i = 0; i < CASES; i++) line(&cases[i]);
}

int main(int argc, char **argv) {
    int threads = argc == 3 && !strcmp(argv[1], "--threads") ? atoi(argv[2]) : 0;
    if (argc > 1 && threads < 1) return fprintf(stderr, "gemm_rule [--threads N]\n"), 2;
    start_with_better_core(argv);
    table(threads ? threads : 1);
    if (!threads && par_cores() > 1) printf("\n"), table(par_cores());
}
