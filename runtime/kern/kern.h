/* Kernels behind plain functions. No other folder sees OpenBLAS, oneDNN or OpenMP. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* par.c: one thread pool (OpenMP). parallel_for calls body(ctx, i) for i in 0..n-1, each exactly once. Never call it
 * from a thread that is not the main one: libgomp makes a pool for each. */
void par_threads(int n);                              /* sets the pool, OpenBLAS and oneDNN alike; subnormal results are 0 */
int par_count(void);
double par_seconds(void);                             /* processor time of the pool's threads, waiting for others awake included */
void par_alone(void);                                 /* this thread opens no parallel region from now on */
void parallel_for(int64_t n, void (*body)(void *ctx, int64_t i), void *ctx);
int par_cores(void);                                  /* cores this process may use: affinity and cgroup limit */

/* isa.c: which of the compiled variants this CPU runs; GRAPHRUN_ISA=base|avx2|avx512 caps it (valgrind, tests). */
int isa_level(void);                                  /* ISA_BASE, ISA_AVX2, ISA_AVX512 of ir.h */
const char *isa_name(void);
bool isa_known(const char *name);                     /* is there a variant of that name? */
char *kern_libraries(void);                           /* "OpenBLAS 0.3.21 ..., oneDNN 2.6.3 ..."; static */
size_t kern_code(void);                               /* onednn.c: bytes of code that libraries have generated so far */

/* OpenBLAS's kernels: the core it chose them for, and the instructions these use (an isa_level). */
const char *blas_core(void);
int blas_core_isa(const char *core);
const char *blas_core_for(int isa);                   /* a core, as OPENBLAS_CORETYPE takes it, that uses these; or NULL */

/* peak.c: what this machine does at most with the threads set, measured in a fifth of a second: the roofline. */
typedef struct { double flops, bytes; } Peak;         /* a second: fp32 arithmetic of a product; read and written bytes */
bool peak_measure(Peak *out);                         /* false when out of memory */

/* gemm.c: C[m,n] = A[m,k] @ B[k,n] (+ C where accumulate), row major; ta: A is stored [k,m]; tb: B is stored [n,k]. */
void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float *A, const float *B, float *C, bool accumulate);
void gemm_batch(int64_t batch, bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float *A, int64_t stride_a,
                const float *B, int64_t stride_b, float *C);
void gemm_prepare(bool tb, int64_t m, int64_t n, int64_t k);            /* has the code made that such a product needs */
/* Eigenvalues (ascending) and eigenvectors (rows of `vectors`) of a symmetric [n, n]; false if LAPACK gives up. */
bool eigen_symmetric(int64_t n, const float *A, float *values, float *vectors, float *scratch, size_t nscratch);
size_t eigen_scratch(int64_t n);                      /* floats */

/* bf16: the upper half of an fp32 number, 8 bits of significand, the same range. Sources are rounded to it, to nearest
 * even; sums and results are fp32. */
typedef enum { BF16_NONE, BF16_VECTORS, BF16_TILES } Bf16;              /* AVX512_BF16; AMX */
Bf16 bf16_here(void);                                 /* isa.c: what of this CPU oneDNN uses; ONEDNN_MAX_CPU_ISA caps it */
enum { BF16_LEAST = 16 };                             /* in every direction: smaller ones stay fp32 */

/* gemm_bf16.c: gemm_batch with rounded sources; all matrices dense. NULL: too small, or oneDNN cannot. */
typedef struct Product Product;
Product *product_new(int64_t batch, bool ta, bool tb, int64_t m, int64_t n, int64_t k);
void product_free(Product *p);                        /* accepts NULL */
size_t product_scratch(const Product *p);             /* bytes; 64-byte aligned */
void product_run(const Product *p, const float *A, const float *B, float *C, void *scratch);

/* conv.c: the trilinear form of convolution. x [N, H, W, C], w [KH, KW, C/groups, K], y [N, P, Q, K]; NHWC, HWIO.
 *   y[n,p,q,k] = sum over i, j, c of x[n, p*sh + i*dh - top, q*sw + j*dw - left, c] * w[i,j,c,k]
 * CONV_Y: x, w -> y;  CONV_X: y, w -> x (its transpose);  CONV_W: x, y -> w. */
typedef enum { CONV_Y, CONV_X, CONV_W } ConvWhich;
typedef struct {
    int64_t N, H, W, C, K, KH, KW, P, Q;
    int64_t sh, sw, dh, dw, top, left, bottom, right, groups;
} ConvShape;
typedef struct Conv Conv;
/* Picks the algorithm by a fixed rule of the shape. bf16: with one group, BF16_LEAST channels on both sides
 * and no tap that lies in padding only, the sources are rounded. NULL = OOM. */
Conv *conv_new(ConvWhich which, const ConvShape *s, bool bf16);
void conv_free(Conv *c);
size_t conv_scratch(const Conv *c);                   /* bytes of caller's scratch; 64-byte aligned */
bool conv_known(const char *name);                    /* is there an algorithm of that name, as GRAPHRUN_CONV takes it? */
const char *conv_algorithm(const Conv *c);            /* "direct", "winograd", "gemm" ..., for profiles */
void conv_run(const Conv *c, const float *a, const float *b, float *out, void *scratch);
