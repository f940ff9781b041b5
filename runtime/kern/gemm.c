/* Matrix products by oneDNN and OpenBLAS, symmetric eigenvalues by its LAPACK. Row major, dense. The rule is made from
 * bench/gemm_rule.txt:
 *   oneDNN's sgemm is generated for AVX2 and AVX-512, packs no more than it must, and is the faster one from small sizes
 *   on; without these instructions it is a plain loop, and OpenBLAS takes its place;
 *   small products and those with few columns go to OpenBLAS, which has kernels that pack nothing, for AVX-512;
 *   without them, products with few rows or columns are matrix-vector products. */
#include "kern/kern.h"
#include "kern/gemm.h"
#include "ir/ir.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <oneapi/dnnl/dnnl.h>
#include <string.h>
#undef I                                              /* cblas.h brings in complex.h */

static void blas(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float *A, int64_t lda, const float *B,
                 int64_t ldb, float beta, float *C, int64_t ldc) {
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k,
                1.0f, A, (int)lda, B, (int)ldb, beta, C, (int)ldc);
}

void gemm_ld(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float *A, int64_t lda, const float *B,
             int64_t ldb, float *C, int64_t ldc, bool accumulate) {
    assert(m < INT_MAX && n < INT_MAX && k < INT_MAX);
    if (m == 0 || n == 0) return;
    if (k == 0) {
        for (int64_t i = 0; i < m && !accumulate; i++) memset(C + i * ldc, 0, (size_t)n * sizeof *C);
        return;
    }
    const float beta = accumulate ? 1.0f : 0.0f;
    if (isa_level() < ISA_AVX2 ||
        dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1.0f, A, lda, B, ldb, beta, C, ldc) != dnnl_success)
        blas(ta, tb, m, n, k, A, lda, B, ldb, beta, C, ldc);
}

void gemm_ld_prepare(void) {
    float ones[4] = {1, 1, 1, 1}, out[4];
    gemm_ld(false, false, 2, 2, 2, ones, 2, ones, 2, out, 2, false);
}

/* y = op(A) x for A stored [rows, cols]; neighbours in x and y lie incx and incy floats apart. */
static void gemv(bool transpose, int64_t rows, int64_t cols, const float *A, const float *x, int64_t incx, float *y,
                 int64_t incy, bool accumulate) {
    cblas_sgemv(CblasRowMajor, transpose ? CblasTrans : CblasNoTrans, (int)rows, (int)cols, 1.0f, A, (int)cols, x,
                (int)incx, accumulate ? 1.0f : 0.0f, y, (int)incy);
}

typedef struct {
    bool accumulate;
    int64_t n;
    const float *A, *B;
    float *C;
} Outer;

static void outer_row(void *ctx, int64_t i) {
    const Outer *o = ctx;
    const float a = o->A[i], *restrict b = o->B;
    float *restrict c = o->C + i * o->n;
    if (o->accumulate)
        for (int64_t j = 0; j < o->n; j++) c[j] += a * b[j];
    else
        for (int64_t j = 0; j < o->n; j++) c[j] = a * b[j];
}

enum { THIN = 4, OUTER_ROW = 64 };                    /* without small kernels: here sgemm is slower, by 2 to 8 times */
enum { NARROW = 5, SMALL = 1 << 18, SMALL_MOST = 1000000 };           /* columns; multiplications; the kernels' own limit */
enum { PART_ROWS = 64, PART_WORK = 1 << 19 };         /* what a thread must get of a product: rows, multiplications */

static bool small_kernels(void) {
    static _Atomic int known = -1;
    if (known < 0) known = isa_level() == ISA_AVX512 && blas_core_isa(blas_core()) == ISA_AVX512;
    return known;
}

typedef struct {
    bool ta, tb, accumulate;
    int64_t m, n, k, parts;
    const float *A, *B;
    float *C;
} Share;

/* Rows of one part: whole multiples of 8, which is what oneDNN's kernel takes at a time. */
static void share_part(void *ctx, int64_t part) {
    const Share *p = ctx;
    int64_t groups = (p->m + 7) / 8, from = groups * part / p->parts * 8, to = groups * (part + 1) / p->parts * 8;
    if (to > p->m) to = p->m;
    gemm_ld(p->ta, p->tb, to - from, p->n, p->k, p->ta ? p->A + from : p->A + from * p->k, p->ta ? p->m : p->k, p->B,
            p->tb ? p->k : p->n, p->C + from * p->n, p->n, p->accumulate);
}

/* Rows of one part: as many as the small kernels take. */
static int64_t small_rows(int64_t n, int64_t k) { return SMALL_MOST / (n * k); }

static bool small(bool tb, int64_t m, int64_t n, int64_t k) {
    if (!small_kernels()) return false;
    if (n <= NARROW) return n * k <= SMALL_MOST / 8;
    return m == 1 ? n * k <= SMALL_MOST : !tb && m * n * k <= SMALL;
}

static void small_part(void *ctx, int64_t part) {
    const Share *p = ctx;
    int64_t rows = small_rows(p->n, p->k), from = part * rows;
    if (from + rows > p->m) rows = p->m - from;
    blas(p->ta, p->tb, rows, p->n, p->k, p->ta ? p->A + from : p->A + from * p->k, p->ta ? p->m : p->k, p->B,
         p->tb ? p->k : p->n, p->accumulate ? 1.0f : 0.0f, p->C + from * p->n, p->n);
}

/* Each thread has rows of its own where there are enough: they stay in its cache from one product, or fused region, to
 * the next, and nobody waits inside the product. Else oneDNN shares it out. */
static void shared(const Share *p, int64_t threads) {
    Share whole = *p;
    whole.parts = threads;
    if (threads == 1 || p->m / threads < PART_ROWS || p->m * p->n / threads * p->k < PART_WORK) whole.parts = 1;
    if (whole.parts == 1)
        share_part(&whole, 0);
    else
        parallel_for(whole.parts, share_part, &whole);
}

typedef enum { BY_OUTER, BY_SMALL, BY_COLUMNS, BY_ROWS, BY_SGEMM } Way;

static Way way_of(bool tb, int64_t m, int64_t n, int64_t k) {
    if (k == 1 && n >= OUTER_ROW) return BY_OUTER;
    if (k > 0 && small(tb, m, n, k)) return BY_SMALL;
    if (k > 0 && n <= THIN && n <= m) return BY_COLUMNS;
    if (k > 0 && m <= (small_kernels() ? 1 : THIN)) return BY_ROWS;
    return BY_SGEMM;
}

static void gemm_on(int64_t threads, bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float *A, const float *B,
                    float *C, bool accumulate) {
    if (m == 0 || n == 0) return;
    Share p = {ta, tb, accumulate, m, n, k, 1, A, B, C};
    Outer o = {accumulate, n, A, B, C};
    switch (way_of(tb, m, n, k)) {
    case BY_OUTER: parallel_for(m, outer_row, &o); break;
    case BY_SMALL: parallel_for((m + small_rows(n, k) - 1) / small_rows(n, k), small_part, &p); break;
    case BY_COLUMNS:
        for (int64_t j = 0; j < n; j++)
            gemv(ta, ta ? k : m, ta ? m : k, A, tb ? B + j * k : B + j, tb ? 1 : n, C + j, n, accumulate);
        break;
    case BY_ROWS:
        for (int64_t i = 0; i < m; i++)
            gemv(!tb, tb ? n : k, tb ? k : n, B, ta ? A + i : A + i * k, ta ? m : 1, C + i * n, 1, accumulate);
        break;
    case BY_SGEMM: shared(&p, threads);
    }
}

void gemm_prepare(bool tb, int64_t m, int64_t n, int64_t k) {
    if (m && n && way_of(tb, m, n, k) == BY_SGEMM) gemm_ld_prepare();
}

void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float *A, const float *B, float *C, bool accumulate) {
    gemm_on(par_count(), ta, tb, m, n, k, A, B, C, accumulate);
}

typedef struct {
    bool ta, tb;
    int64_t threads, m, n, k, stride_a, stride_b;     /* threads: for each product */
    const float *A, *B;
    float *C;
} Batch;

static void batch_item(void *ctx, int64_t i) {
    const Batch *b = ctx;
    gemm_on(b->threads, b->ta, b->tb, b->m, b->n, b->k, b->A + i * b->stride_a, b->B + i * b->stride_b, b->C + i * b->m * b->n,
            false);
}

/* One product a thread, unless there are fewer products than threads: then each is split. */
void gemm_batch(int64_t batch, bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float *A, int64_t stride_a,
                const float *B, int64_t stride_b, float *C) {
    Batch b = {ta, tb, 1, m, n, k, stride_a, stride_b, A, B, C};
    if (batch < par_count()) b.threads = par_count();
    if (b.threads == 1)
        parallel_for(batch, batch_item, &b);
    else
        for (int64_t i = 0; i < batch; i++) batch_item(&b, i);
}

/* LAPACK, with gfortran's hidden lengths of the two texts. */
void ssyevd_(const char *jobz, const char *uplo, const int *n, float *a, const int *lda, float *w, float *work,
             const int *lwork, int *iwork, const int *liwork, int *info, size_t, size_t);

enum { EIGEN_MAX = 30000 };                           /* LAPACK counts its work space in 32 bits */

static size_t eigen_floats(int64_t n) { return (size_t)(1 + 6 * n + 2 * n * n); }
static size_t eigen_ints(int64_t n) { return (size_t)(3 + 5 * n); }

size_t eigen_scratch(int64_t n) { return eigen_floats(n) + eigen_ints(n); }

bool eigen_symmetric(int64_t n, const float *A, float *values, float *vectors, float *scratch, size_t nscratch) {
    if (n == 0) return true;
    if (n > EIGEN_MAX || nscratch < eigen_scratch(n)) return false;
    _Static_assert(sizeof(int) == sizeof(float), "integers share the scratch");
    int order = (int)n, floats = (int)eigen_floats(n), ints = (int)eigen_ints(n), info;
    memcpy(vectors, A, (size_t)(n * n) * sizeof *A);
    /* Column major: its columns, the eigenvectors, are our rows. */
    ssyevd_("V", "L", &order, vectors, &order, values, scratch, &floats, (int *)(scratch + floats), &ints, &info, 1, 1);
    return info == 0;
}
