/* What the programs that measure kernels share (bench/conv_rule.c, bench/gemm_rule.c). */
#pragma once
#include "base/measure.h"
#include "ir/ir.h"
#include "kern/kern.h"

#include <stdlib.h>
#include <unistd.h>

/* Seconds; with one thread of processor time, not the clock's, so that other work on the machine disturbs it less. */
static double now(void) { return seconds_on(par_count() == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC); }

/* n numbers to compute with, between -0.5 and 0.5. */
static float *numbers(int64_t n) {
    float *x = aligned_alloc(64, ((size_t)n * sizeof *x + 63) / 64 * 64);
    if (!x) exit(1);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(i % 17) / 16 - 0.5f;
    return x;
}

/* As graphrun does: OpenBLAS takes very old kernels for a CPU newer than itself. */
static void start_with_better_core(char **argv) {
    const char *core = blas_core_isa(blas_core()) == ISA_BASE ? blas_core_for(isa_level()) : NULL;
    if (core && !getenv("OPENBLAS_CORETYPE") && !setenv("OPENBLAS_CORETYPE", core, 1)) execv("/proc/self/exe", argv);
}
