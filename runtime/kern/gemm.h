/* The matrix product with leading dimensions, for kern/ itself. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* C[m,n] = op(A) op(B) (+ C where accumulate); rows lie lda, ldb, ldc floats apart. Inside a parallel region it runs
 * on the calling thread alone. */
void gemm_ld(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float *A, int64_t lda, const float *B,
             int64_t ldb, float *C, int64_t ldc, bool accumulate);
void gemm_ld_prepare(void);                           /* oneDNN generates its code at the first call: 3.5 MB, 15 ms */
