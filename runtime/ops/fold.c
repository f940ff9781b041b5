/* The kernels of the reductions: how blocks are folded and partial results merged. Knows no node.
 *
 * A block [rows, inner] is cut into columns of at most TILE; where inner is small, several rows are taken as
 * one, so that there are enough lanes for the vector units, and the lanes are folded at the end. The order of
 * additions is a function of rows and inner alone. variance and log_sum_exp go over a block twice (mean, then
 * squares; maximum, then exponentials) while it is in L1, and merge by Chan's formula and by rescaling to the
 * larger maximum. */
#include "ops/fold.h"
#include "kern/kern.h"
#include "kern/vecmath.h"

enum { TILE = 256, LANES = 32 };

/* Accumulators of ints live in the engine's floats. */
typedef int32_t __attribute__((may_alias)) AccInt;

typedef struct {
    int64_t rows, stride, width, rest; /* `rest` elements of a last row that is not whole */
} Cut;

/* NaN if one is. Two plain choices in a row turn into blends; one of a combined condition stays a branch. */
#define EXTREME(name, T, sign)     \
    INLINE T name(T a, T b) {      \
        T best = a sign b ? a : b; \
        return a != a ? a : best;  \
    }
EXTREME(larger_float, float, >)
EXTREME(smaller_float, float, <)
INLINE int32_t larger_int(int32_t a, int32_t b) { return a > b ? a : b; }
INLINE int32_t smaller_int(int32_t a, int32_t b) { return a < b ? a : b; }

INLINE float exp_below(float x, float top) { /* exp(x - top), 1 where both are the same infinity */
    float e = vec_exp(x - top);
    return x == top ? 1.0f : e;
}

#define ADD(a, b) ((a) + (b))
#define LARGER(a, b) _Generic((a), float : larger_float, default : larger_int)(a, b)
#define SMALLER(a, b) _Generic((a), float : smaller_float, default : smaller_int)(a, b)
#define SAME(x, s) (x)
#define SQUARE(x, s) (((x) - (s)) * ((x) - (s)))
#define EXPONENTIAL(x, s) exp_below(x, s)

/* t[j] = fold over rows of each(x[j], shift[j]) */
#define PASS(ISA, fn, T, A, FOLD, EACH)                                                                     \
    TARGET_##ISA static void fn##_##ISA(const void *from, const Cut *c, const A *shift, A *t) {             \
        const T *x = from;                                                                                  \
        int64_t r = 0, d = c->stride;                                                                       \
        for (; r + 4 <= c->rows; r += 4, x += 4 * d) {                                                      \
            SIMD for (int64_t j = 0; j < c->width; j++) {                                                   \
                A s = shift[j], old = t[j], a = (A)x[j], b = (A)x[d + j], p = (A)x[2 * d + j],              \
                  q = (A)x[3 * d + j];                                                                      \
                A ab = FOLD(EACH(a, s), EACH(b, s)), pq = FOLD(EACH(p, s), EACH(q, s)), all = FOLD(ab, pq); \
                t[j] = FOLD(old, all);                                                                      \
                (void)s;                                                                                    \
            }                                                                                               \
        }                                                                                                   \
        for (; r <= c->rows; r++, x += d) {                                                                 \
            int64_t width = r < c->rows ? c->width : c->rest;                                               \
            SIMD for (int64_t j = 0; j < width; j++) {                                                      \
                A s = shift[j], old = t[j], a = EACH((A)x[j], s);                                           \
                t[j] = FOLD(old, a);                                                                        \
                (void)s;                                                                                    \
            }                                                                                               \
        }                                                                                                   \
    }

#define PASSES(fn, T, A, FOLD, EACH)                                                    \
    EACH_ISA(PASS, fn, T, A, FOLD, EACH)                                                \
    static void fn(const void *x, const Cut *c, const A *shift, A *t) {                 \
        static void (*const variants[ISAS])(const void *, const Cut *, const A *,       \
                                            A *) = {fn##_BASE, fn##_AVX2, fn##_AVX512}; \
        variants[isa_level()](x, c, shift, t);                                          \
    }

PASSES(pass_sum, float, float, ADD, SAME)
PASSES(pass_max, float, float, LARGER, SAME)
PASSES(pass_min, float, float, SMALLER, SAME)
PASSES(pass_squares, float, float, ADD, SQUARE)
PASSES(pass_exp, float, float, ADD, EXPONENTIAL)
PASSES(pass_sum_i32, int32_t, AccInt, ADD, SAME)
PASSES(pass_sum_u8, uint8_t, AccInt, ADD, SAME)
PASSES(pass_max_i32, int32_t, AccInt, LARGER, SAME)
PASSES(pass_min_i32, int32_t, AccInt, SMALLER, SAME)

/* The number of rows taken as one, a power of two. */
static int64_t rows_at_once(int64_t rows, int64_t inner) {
    int64_t m = 1;
    while (m * inner < LANES && 2 * m <= rows) m *= 2;
    return m;
}

static Cut cut_of(int64_t rows, int64_t inner, int64_t m) {
    return (Cut){rows / m, m * inner, m * inner, rows % m * inner};
}

#define FOLD_LANES(t, m, inner, FOLD)        \
    for (int64_t h = (m) / 2; h > 0; h /= 2) \
        for (int64_t j = 0; j < h * (inner); j++) (t)[j] = FOLD((t)[j], (t)[h * (inner) + j])

/* A reduction of one plane that is its own merge. */
#define SIMPLE(name, pass, T, A, FOLD, START)                                                     \
    static void name##_start(float *acc, int64_t n) {                                             \
        A *a = (A *)acc;                                                                          \
        for (int64_t j = 0; j < n; j++) a[j] = START;                                             \
    }                                                                                             \
    static void name##_merge(float *acc, const float *later, int64_t n) {                         \
        A *a = (A *)acc;                                                                          \
        const A *b = (const A *)later;                                                            \
        for (int64_t j = 0; j < n; j++) a[j] = FOLD(a[j], b[j]);                                  \
    }                                                                                             \
    static void name##_block(float *acc, int64_t n, const void *x, int64_t rows, int64_t inner) { \
        A *a = (A *)acc, t[TILE];                                                                 \
        (void)n;                                                                                  \
        if (inner >= LANES) {                                                                     \
            for (int64_t j = 0; j < inner; j += TILE) {                                           \
                Cut c = {rows, inner, inner - j < TILE ? inner - j : TILE, 0};                    \
                pass((const T *)x + j, &c, a + j, a + j);                                         \
            }                                                                                     \
            return;                                                                               \
        }                                                                                         \
        int64_t m = rows_at_once(rows, inner);                                                    \
        Cut c = cut_of(rows, inner, m);                                                           \
        for (int64_t j = 0; j < c.width; j++) t[j] = START;                                       \
        pass(x, &c, t, t);                                                                        \
        FOLD_LANES(t, m, inner, FOLD);                                                            \
        for (int64_t j = 0; j < inner; j++) a[j] = FOLD(a[j], t[j]);                              \
    }                                                                                             \
    static void name##_finish(const float *acc, void *out, int64_t n, int64_t count) {            \
        (void)count;                                                                              \
        memcpy(out, acc, (size_t)n * sizeof *acc);                                                \
    }                                                                                             \
    const Reduce name = {1, name##_start, name##_block, name##_merge, name##_finish};

SIMPLE(fold_sum, pass_sum, float, float, ADD, 0)
SIMPLE(fold_max, pass_max, float, float, LARGER, -INFINITY)
SIMPLE(fold_min, pass_min, float, float, SMALLER, INFINITY)
SIMPLE(fold_sum_int, pass_sum_i32, int32_t, AccInt, ADD, 0)
SIMPLE(fold_sum_bool, pass_sum_u8, uint8_t, AccInt, ADD, 0)
SIMPLE(fold_max_int, pass_max_i32, int32_t, AccInt, LARGER, INT32_MIN)
SIMPLE(fold_min_int, pass_min_i32, int32_t, AccInt, SMALLER, INT32_MAX)

/* Columns that need two passes: first[j] (a mean or a maximum), then second[j] with it as the shift. */
typedef void Fold(float *first, float *second, const float *x, const Cut *c, int64_t m, int64_t inner,
                  int64_t rows);

static void mean_and_squares(float *first, float *second, const float *x, const Cut *c, int64_t m,
                             int64_t inner, int64_t rows) {
    for (int64_t j = 0; j < c->width; j++) first[j] = second[j] = 0;
    pass_sum(x, c, first, first);
    FOLD_LANES(first, m, inner, ADD);
    for (int64_t j = 0; j < inner; j++) first[j] /= (float)rows;
    for (int64_t j = inner; j < c->width; j++) first[j] = first[j - inner];
    pass_squares(x, c, first, second);
    FOLD_LANES(second, m, inner, ADD);
}

static void max_and_exponentials(float *first, float *second, const float *x, const Cut *c, int64_t m,
                                 int64_t inner, int64_t rows) {
    (void)rows;
    for (int64_t j = 0; j < c->width; j++) first[j] = -INFINITY, second[j] = 0;
    pass_max(x, c, first, first);
    FOLD_LANES(first, m, inner, LARGER);
    for (int64_t j = inner; j < c->width; j++) first[j] = first[j - inner];
    pass_exp(x, c, first, second);
    FOLD_LANES(second, m, inner, ADD);
}

/* Merges results a of n_a values with b of n_b: acc + j, planes `stride` apart. `count` has a value each, or one for
 * all where step is 0. */
#define VARIANCE_ADD(ISA, fn)                                                                        \
    TARGET_##ISA static void fn##_##ISA(float *acc, int64_t stride, int64_t n, const float *count,   \
                                        int64_t step, const float *mean, const float *squares) {     \
        SIMD for (int64_t j = 0; j < n; j++) {                                                       \
            float a = acc[j], b = count[j * step], all = a + b;                                      \
            float delta = mean[j] - acc[stride + j], part = all > 0 ? b / all : 0;                   \
            acc[j] = all;                                                                            \
            acc[stride + j] += delta * part;                                                         \
            acc[2 * stride + j] += squares[j] + delta * delta * a * part;                            \
        }                                                                                            \
    }
EACH_ISA(VARIANCE_ADD, variance_add)

static void variance_add(float *acc, int64_t stride, int64_t n, const float *count, int64_t step,
                         const float *mean, const float *squares) {
    static void (*const variants[ISAS])(float *, int64_t, int64_t, const float *, int64_t, const float *,
                                        const float *) = {variance_add_BASE, variance_add_AVX2,
                                                          variance_add_AVX512};
    variants[isa_level()](acc, stride, n, count, step, mean, squares);
}

#define LOG_SUM_EXP_ADD(ISA, fn)                                                                       \
    TARGET_##ISA static void fn##_##ISA(float *acc, int64_t stride, int64_t n, const float *max,       \
                                        const float *sum) {                                            \
        SIMD for (int64_t j = 0; j < n; j++) {                                                         \
            float a = acc[j], b = max[j], top = LARGER(a, b), old = acc[stride + j], more = sum[j];    \
            acc[j] = top;                                                                              \
            acc[stride + j] = old * EXPONENTIAL(a, top) + more * EXPONENTIAL(b, top);                  \
        }                                                                                              \
    }
EACH_ISA(LOG_SUM_EXP_ADD, log_sum_exp_add)

static void log_sum_exp_add(float *acc, int64_t stride, int64_t n, const float *max, const float *sum) {
    static void (*const variants[ISAS])(float *, int64_t, int64_t, const float *, const float *) = {
        log_sum_exp_add_BASE, log_sum_exp_add_AVX2, log_sum_exp_add_AVX512};
    variants[isa_level()](acc, stride, n, max, sum);
}

static void variance_start(float *acc, int64_t n) {
    for (int64_t j = 0; j < 3 * n; j++) acc[j] = 0;
}

static void variance_block(float *acc, int64_t n, const void *x, int64_t rows, int64_t inner) {
    float mean[TILE], squares[TILE], count = (float)rows;
    int64_t m = rows_at_once(rows, inner);
    if (inner < LANES) {
        Cut c = cut_of(rows, inner, m);
        mean_and_squares(mean, squares, x, &c, m, inner, rows);
        variance_add(acc, n, inner, &count, 0, mean, squares);
        return;
    }
    static const float none[TILE];
    for (int64_t j = 0; j < inner; j += TILE) {
        Cut c = {rows, inner, inner - j < TILE ? inner - j : TILE, 0};
        if (rows == 1) { /* the row is its own mean */
            variance_add(acc + j, n, c.width, &count, 0, (const float *)x + j, none);
            continue;
        }
        mean_and_squares(mean, squares, (const float *)x + j, &c, 1, c.width, rows);
        variance_add(acc + j, n, c.width, &count, 0, mean, squares);
    }
}

static void variance_merge(float *acc, const float *later, int64_t n) {
    variance_add(acc, n, n, later, 1, later + n, later + 2 * n);
}

static void variance_finish(const float *acc, void *out, int64_t n, int64_t count) {
    float *y = out;
    for (int64_t j = 0; j < n; j++) y[j] = acc[2 * n + j] / (float)count;
}

static void log_sum_exp_start(float *acc, int64_t n) {
    for (int64_t j = 0; j < n; j++) acc[j] = -INFINITY, acc[n + j] = 0;
}

static void log_sum_exp_block(float *acc, int64_t n, const void *x, int64_t rows, int64_t inner) {
    float max[TILE], sum[TILE];
    int64_t m = rows_at_once(rows, inner);
    if (inner < LANES) {
        Cut c = cut_of(rows, inner, m);
        max_and_exponentials(max, sum, x, &c, m, inner, rows);
        log_sum_exp_add(acc, n, inner, max, sum);
        return;
    }
    for (int64_t j = 0; j < inner; j += TILE) {
        Cut c = {rows, inner, inner - j < TILE ? inner - j : TILE, 0};
        max_and_exponentials(max, sum, (const float *)x + j, &c, 1, c.width, rows);
        log_sum_exp_add(acc + j, n, c.width, max, sum);
    }
}

static void log_sum_exp_merge(float *acc, const float *later, int64_t n) {
    log_sum_exp_add(acc, n, n, later, later + n);
}

static void log_sum_exp_finish(const float *acc, void *out, int64_t n, int64_t count) {
    float *y = out;
    (void)count;
    for (int64_t j = 0; j < n; j++) y[j] = acc[j] + vec_log(acc[n + j]);
}

const Reduce fold_variance = {3, variance_start, variance_block, variance_merge, variance_finish};
const Reduce fold_log_sum_exp = {2, log_sum_exp_start, log_sum_exp_block, log_sum_exp_merge,
                                 log_sum_exp_finish};
