/* Reductions over named axes: sum, max, min, variance, log_sum_exp. The axes go; `keep` is a reshape.
 *
 * A block [rows, inner] is cut into columns of at most TILE; where inner is small, several rows are taken as
 * one, so that there are enough lanes for the vector units, and the lanes are folded at the end. The order of
 * additions is a function of rows and inner alone. variance and log_sum_exp go over a block twice (mean, then
 * squares; maximum, then exponentials) while it is in L1, and merge by Chan's formula and by rescaling to the
 * larger maximum. */
#include "kern/kern.h"
#include "kern/vecmath.h"
#include "ops/ops.h"

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
EXTREME(larger_double, double, >)
EXTREME(smaller_double, double, <)
INLINE int32_t larger_int(int32_t a, int32_t b) { return a > b ? a : b; }
INLINE int32_t smaller_int(int32_t a, int32_t b) { return a < b ? a : b; }

INLINE float exp_below(float x, float top) { /* exp(x - top), 1 where both are the same infinity */
    float e = vec_exp(x - top);
    return x == top ? 1.0f : e;
}

#define ADD(a, b) ((a) + (b))
#define LARGER(a, b) _Generic((a), float : larger_float, double : larger_double, default : larger_int)(a, b)
#define SMALLER(a, b) \
    _Generic((a), float : smaller_float, double : smaller_double, default : smaller_int)(a, b)
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
#define SIMPLE(fn, T, A, FOLD, START)                                                           \
    static void fn##_start(float *acc, int64_t n) {                                             \
        A *a = (A *)acc;                                                                        \
        for (int64_t j = 0; j < n; j++) a[j] = START;                                           \
    }                                                                                           \
    static void fn##_merge(float *acc, const float *later, int64_t n) {                         \
        A *a = (A *)acc;                                                                        \
        const A *b = (const A *)later;                                                          \
        for (int64_t j = 0; j < n; j++) a[j] = FOLD(a[j], b[j]);                                \
    }                                                                                           \
    static void fn##_block(float *acc, int64_t n, const void *x, int64_t rows, int64_t inner) { \
        A *a = (A *)acc, t[TILE];                                                               \
        (void)n;                                                                                \
        if (inner >= LANES) {                                                                   \
            for (int64_t j = 0; j < inner; j += TILE) {                                         \
                Cut c = {rows, inner, inner - j < TILE ? inner - j : TILE, 0};                  \
                fn((const T *)x + j, &c, a + j, a + j);                                         \
            }                                                                                   \
            return;                                                                             \
        }                                                                                       \
        int64_t m = rows_at_once(rows, inner);                                                  \
        Cut c = cut_of(rows, inner, m);                                                         \
        for (int64_t j = 0; j < c.width; j++) t[j] = START;                                     \
        fn(x, &c, t, t);                                                                        \
        FOLD_LANES(t, m, inner, FOLD);                                                          \
        for (int64_t j = 0; j < inner; j++) a[j] = FOLD(a[j], t[j]);                            \
    }                                                                                           \
    static void fn##_finish(const float *acc, void *out, int64_t n, int64_t count) {            \
        (void)count;                                                                            \
        memcpy(out, acc, (size_t)n * sizeof *acc);                                              \
    }                                                                                           \
    static const Reduce fn##_reduce = {1, fn##_start, fn##_block, fn##_merge, fn##_finish};

SIMPLE(pass_sum, float, float, ADD, 0)
SIMPLE(pass_max, float, float, LARGER, -INFINITY)
SIMPLE(pass_min, float, float, SMALLER, INFINITY)
SIMPLE(pass_sum_i32, int32_t, AccInt, ADD, 0)
SIMPLE(pass_sum_u8, uint8_t, AccInt, ADD, 0)
SIMPLE(pass_max_i32, int32_t, AccInt, LARGER, INT32_MIN)
SIMPLE(pass_min_i32, int32_t, AccInt, SMALLER, INT32_MAX)

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

/* Merges results a of n_a values with b of n_b: acc + j, planes `stride` apart. */
static void variance_add(float *acc, int64_t stride, int64_t n, const float *count, int64_t step,
                         const float *mean, const float *squares) {
    for (int64_t j = 0; j < n; j++) {
        float a = acc[j], b = count[j * step], all = a + b;
        float delta = mean[j] - acc[stride + j], part = all > 0 ? b / all : 0;
        acc[j] = all;
        acc[stride + j] += delta * part;
        acc[2 * stride + j] += squares[j] + delta * delta * a * part;
    }
}

static void log_sum_exp_add(float *acc, int64_t stride, int64_t n, const float *max, const float *sum) {
    for (int64_t j = 0; j < n; j++) {
        float a = acc[j], b = max[j], top = LARGER(a, b);
        acc[j] = top;
        acc[stride + j] = acc[stride + j] * EXPONENTIAL(a, top) + sum[j] * EXPONENTIAL(b, top);
    }
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
    for (int64_t j = 0; j < inner; j += TILE) {
        Cut c = {rows, inner, inner - j < TILE ? inner - j : TILE, 0};
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

static const Reduce variance_reduce = {3, variance_start, variance_block, variance_merge, variance_finish};
static const Reduce log_sum_exp_reduce = {2, log_sum_exp_start, log_sum_exp_block, log_sum_exp_merge,
                                          log_sum_exp_finish};

/* ---- what all of them share as operators ---- */

static const Field axes_fields[] = {
    {.name = "axes",
     .type = F_INTS,
     .offset = offsetof(ReduceAttr, axes),
     .dflt = "all",
     .choices = "all|but_last|but_first",
     .doc = "which axes; negative ones count from the end"},
    FIELD(ReduceAttr, keep, F_BOOL, "false", "the axes stay, with size 1"),
    {0},
};

static unsigned mask_of(const Node *n) {
    bool ok;
    return axes_mask(&((const ReduceAttr *)n->attr)->axes, n->src[0]->type.shape.rank, &ok);
}

static Shape shape_without(const Shape *s, unsigned mask) {
    Shape out = {0};
    for (int i = 0; i < s->rank; i++)
        if (!(mask >> i & 1)) out.dim[out.rank++] = s->dim[i];
    return out;
}

static Shape shape_keeping(const Shape *s, unsigned mask) {
    Shape out = *s;
    for (int i = 0; i < s->rank; i++)
        if (mask >> i & 1) out.dim[i] = 1;
    return out;
}

Node *expand(Node *reduced, const Node *x, unsigned mask) {
    Shape keep = shape_keeping(&x->type.shape, mask);
    return g_broadcast(g_reshape(reduced, &keep), &x->type.shape);
}

static bool reduce_infer(const Node *n, Tensor *out) {
    const ReduceAttr *a = n->attr;
    const Tensor *t = &n->src[0]->type;
    bool ok;
    unsigned mask = axes_mask(&a->axes, t->shape.rank, &ok);
    if (!ok || a->axes.n < 1 || a->keep)
        return reject(n, "%s has no axes %s", show(n, 0), field_show(&axes_fields[0], a, n->graph->arena));
    if (!n->op->reduce[t->dtype]) return reject(n, "not for %s", dtype_name(t->dtype));
    *out = tensor_of(t->dtype == U8 ? I32 : t->dtype, shape_without(&t->shape, mask));
    return true;
}

/* Completes the axes; a reduction over axes of size 1 alone is a reshape where `alone` says that f(x) = x. */
static Node *reduce_build(Graph *g, const Op *op, Node *x, const ReduceAttr *a, bool alone) {
    bool ok;
    unsigned mask = axes_mask(&a->axes, x->type.shape.rank, &ok);
    if (!ok)
        return refuse(g, op, x->type, "%s has no axes %s", show_of(x),
                      field_show(&axes_fields[0], a, g->arena));
    Shape kept = shape_keeping(&x->type.shape, mask), gone = shape_without(&x->type.shape, mask);
    const Shape *to = a->keep ? &kept : &gone;
    if (mask == 0 && x->type.shape.rank == 0) { /* a scalar: as a vector of one */
        Shape one = SHAPE(1);
        x = g_reshape(x, &one);
        mask = 1;
    }
    if (mask == 0) return alone ? x : refuse(g, op, x->type, "%s: no axes are named", show_of(x));
    ReduceAttr full = {0};
    int64_t count = 1;
    for (int i = 0; i < x->type.shape.rank; i++)
        if (mask >> i & 1) full.axes.at[full.axes.n++] = i, count *= x->type.shape.dim[i];
    return g_reshape(alone && count == 1 ? x : emit(g, op, 1, &x, &full), to);
}

static Node *sum_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    (void)nsrc;
    Node *x = src[0]->type.dtype == U8 && NODE_COUNT(src[0]) == 1 ? g_to_int(src[0]) : src[0];
    return reduce_build(g, &op_sum, x, attr, x->type.dtype != U8);
}
static Node *max_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    (void)nsrc;
    return reduce_build(g, &op_reduce_max, level_type(src[0], level_common(1, src, I32)), attr, true);
}
static Node *min_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    (void)nsrc;
    return reduce_build(g, &op_reduce_min, level_type(src[0], level_common(1, src, I32)), attr, true);
}
static Node *variance_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    (void)nsrc;
    return reduce_build(g, &op_variance, level_type(src[0], F32), attr, false);
}
static Node *log_sum_exp_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    (void)nsrc;
    return reduce_build(g, &op_log_sum_exp, level_type(src[0], F32), attr, true);
}

/* References: each result's elements in order, two visits where a mean or maximum comes first. */
typedef struct {
    int64_t result, element;
} Visit;

static bool visit_next(const Node *n, const Strides *to, int64_t *index, Visit *v) {
    v->element++;
    if (!next_index(&n->src[0]->type.shape, index)) return false;
    v->result = index_offset(to, n->src[0]->type.shape.rank, index);
    return true;
}

/* Strides that lead from an index of the source to its result: 0 along axes that go. */
static Strides result_strides(const Shape *s, unsigned mask) {
    Strides to = {0};
    int64_t step = 1;
    for (int i = s->rank - 1; i >= 0; i--)
        if (!(mask >> i & 1)) to.stride[i] = step, step *= s->dim[i];
    return to;
}

#define VISIT(n, v, ...)                                                    \
    do {                                                                    \
        Strides to_ = result_strides(&(n)->src[0]->type.shape, mask_of(n)); \
        int64_t index_[RANK_MAX] = {0};                                     \
        Visit v = {0, 0};                                                   \
        do { __VA_ARGS__; } while (visit_next(n, &to_, index_, &v));        \
    } while (0)

static void sum_ref(const Node *n, const double *const *in, double *out) {
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = 0;
    VISIT(n, v, out[v.result] += in[0][v.element]);
}
static void max_ref(const Node *n, const double *const *in, double *out) {
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = -INFINITY;
    VISIT(n, v, out[v.result] = LARGER(out[v.result], in[0][v.element]));
}
static void min_ref(const Node *n, const double *const *in, double *out) {
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = INFINITY;
    VISIT(n, v, out[v.result] = SMALLER(out[v.result], in[0][v.element]));
}
static void variance_ref(const Node *n, const double *const *in, double *out) {
    double count = (double)(NODE_COUNT(n->src[0]) / NODE_COUNT(n));
    double *mean = ARENA_ARRAY(n->graph->arena, double, NODE_COUNT(n));
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = 0;
    VISIT(n, v, mean[v.result] += in[0][v.element] / count);
    VISIT(n, v, double d = in[0][v.element] - mean[v.result]; out[v.result] += d * d / count);
}
static void log_sum_exp_ref(const Node *n, const double *const *in, double *out) {
    double *max = ARENA_ARRAY(n->graph->arena, double, NODE_COUNT(n));
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = 0, max[i] = -INFINITY;
    VISIT(n, v, max[v.result] = LARGER(max[v.result], in[0][v.element]));
    VISIT(n, v, double x = in[0][v.element], m = max[v.result]; out[v.result] += x == m ? 1 : exp(x - m));
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = max[i] + log(out[i]);
}

/* Gradients. */
static void sum_grad(const Node *n, Node *gy, Node **gx) { gx[0] = expand(gy, n->src[0], mask_of(n)); }

static void extreme_grad(const Node *n, Node *gy, Node **gx) {
    Node *first = emit(n->graph, &op_first_of, 2, NODES(n->src[0], n->graph->node.at[n->id]), n->attr);
    Node *wide = expand(gy, n->src[0], mask_of(n));
    gx[0] = g_select(first, wide, g_like(wide, 0));
}

static void variance_grad(const Node *n, Node *gy, Node **gx) { /* 2/count * (x - mean) * gy */
    unsigned mask = mask_of(n);
    Node *x = n->src[0];
    double count = (double)(NODE_COUNT(x) / NODE_COUNT(n));
    Node *total = g_sum(x, &((const ReduceAttr *)n->attr)->axes);
    Node *mean = g_mul(total, g_like(total, 1 / count));
    gx[0] = g_mul(g_sub(x, expand(mean, x, mask)), expand(g_mul(gy, g_like(gy, 2 / count)), x, mask));
}

static void log_sum_exp_grad(const Node *n, Node *gy, Node **gx) {
    unsigned mask = mask_of(n);
    Node *x = n->src[0], *y = n->graph->node.at[n->id];
    gx[0] = g_mulz(expand(gy, x, mask), g_exp(g_sub(x, expand(y, x, mask))));
}

#define SAMPLES(D, low, high)                                                                  \
    {"all", 1, {{D, {3, {3, 5, 4}}}}, &(ReduceAttr){{-1, {0}}, false}, low, high},             \
        {"outer", 1, {{D, {2, {37, 3}}}}, &(ReduceAttr){{1, {0}}, false}, low, high},          \
        {"inner", 1, {{D, {2, {4, 41}}}}, &(ReduceAttr){{1, {-1}}, true}, low, high},          \
        {"middle", 1, {{D, {4, {3, 4, 2, 3}}}}, &(ReduceAttr){{2, {1, 2}}, false}, low, high}, \
        {"ends", 1, {{D, {3, {3, 4, 5}}}}, &(ReduceAttr){{2, {0, 2}}, false}, low, high},
static const Sample float_samples[] = {SAMPLES(F32, -2, 2){0}};
static const Sample number_samples[] = {SAMPLES(F32, -2, 2) SAMPLES(I32, -9, 9){0}};
static const Sample any_samples[] = {SAMPLES(F32, -2, 2) SAMPLES(I32, -9, 9) SAMPLES(U8, 0, 1){0}};

OP(sum, .doc = "the sum over axes", .call = "x, axes=all, keep=false", .arity = 1, .traits = REDUCES | LINEAR,
   .attr_size = sizeof(ReduceAttr), .attr = axes_fields, .build = sum_build, .infer = reduce_infer,
   .grad = sum_grad,
   .reduce = {[F32] = &pass_sum_reduce, [I32] = &pass_sum_i32_reduce, [U8] = &pass_sum_u8_reduce},
   .ref = sum_ref, .samples = any_samples)

OP(reduce_max, .doc = "the largest over axes", .call = "x, axes=all, keep=false", .arity = 1,
   .traits = REDUCES | PIECEWISE, .attr_size = sizeof(ReduceAttr), .attr = axes_fields, .build = max_build,
   .infer = reduce_infer, .grad = extreme_grad,
   .reduce = {[F32] = &pass_max_reduce, [I32] = &pass_max_i32_reduce}, .ref = max_ref,
   .samples = number_samples)

OP(reduce_min, .doc = "the smallest over axes", .call = "x, axes=all, keep=false", .arity = 1,
   .traits = REDUCES | PIECEWISE, .attr_size = sizeof(ReduceAttr), .attr = axes_fields, .build = min_build,
   .infer = reduce_infer, .grad = extreme_grad,
   .reduce = {[F32] = &pass_min_reduce, [I32] = &pass_min_i32_reduce}, .ref = min_ref,
   .samples = number_samples)

OP(variance, .doc = "the mean square distance from the mean over axes", .call = "x, axes=all, keep=false",
   .arity = 1, .traits = REDUCES, .attr_size = sizeof(ReduceAttr), .attr = axes_fields,
   .build = variance_build, .infer = reduce_infer, .grad = variance_grad,
   .reduce = {[F32] = &variance_reduce}, .ref = variance_ref, .samples = float_samples)

OP(log_sum_exp, .doc = "log(sum(exp(x))) over axes, without overflow", .call = "x, axes=all, keep=false",
   .arity = 1, .traits = REDUCES, .attr_size = sizeof(ReduceAttr), .attr = axes_fields,
   .build = log_sum_exp_build, .infer = reduce_infer, .grad = log_sum_exp_grad,
   .reduce = {[F32] = &log_sum_exp_reduce}, .ref = log_sum_exp_ref, .samples = float_samples)

Node *g_sum(Node *x, const Ints *axes) {
    return op_apply(x->graph, &op_sum, 1, &x, &(ReduceAttr){.axes = *axes});
}
Node *g_sum_all(Node *x) { return g_sum(x, &(Ints){.n = -1}); }

/* first_of: where x equals its extreme y for the first time, in row-major order over the axes that went */
static bool first_infer(const Node *n, Tensor *out) {
    const ReduceAttr *a = n->attr;
    const Tensor *x = &n->src[0]->type, *y = &n->src[1]->type;
    bool ok;
    Shape less = shape_without(&x->shape, axes_mask(&a->axes, x->shape.rank, &ok));
    if (!ok || x->dtype != y->dtype || x->dtype == U8 || !shape_equal(&less, &y->shape))
        return reject(n, "%s is not %s less axes %s", show(n, 1), show(n, 0),
                      field_show(&axes_fields[0], a, n->graph->arena));
    *out = tensor_of(U8, x->shape);
    return true;
}

static bool first_prepare(Instr *i) {
    i->scratch_size = (size_t)shape_count(&i->in[1].type.shape);
    return true;
}

static void first_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    const Shape *s = &i->in[0].type.shape;
    const int32_t *xi = in[0], *yi = in[1];
    const float *xf = in[0], *yf = in[1];
    uint8_t *found = scratch, *y = out[0];
    bool ok, real = i->in[0].type.dtype == F32;
    Strides to = result_strides(s, axes_mask(&((const ReduceAttr *)i->attr)->axes, s->rank, &ok));
    int64_t index[RANK_MAX] = {0}, e = 0;
    memset(found, 0, i->scratch_size);
    do {
        int64_t r = index_offset(&to, s->rank, index);
        bool same = real ? xf[e] == yf[r] || (xf[e] != xf[e] && yf[r] != yf[r]) : xi[e] == yi[r];
        y[e++] = same && !found[r];
        found[r] |= same;
    } while (next_index(s, index));
}

static void first_ref(const Node *n, const double *const *in, double *out) {
    bool *found = ARENA_ARRAY(n->graph->arena, bool, NODE_COUNT(n->src[1]));
    VISIT(n, v, double x = in[0][v.element], y = in[1][v.result]; bool same = x == y || (x != x && y != y);
          out[v.element] = same && !found[v.result]; found[v.result] |= same);
}

static const Sample first_samples[] = {
    {"ends", 2, {{I32, {3, {3, 4, 5}}}, {I32, {1, {4}}}}, &(ReduceAttr){{2, {0, 2}}, false}, -2, 2},
    {"inner", 2, {{I32, {2, {3, 7}}}, {I32, {1, {3}}}}, &(ReduceAttr){{1, {1}}, false}, -2, 2},
    {0},
};

OP(first_of, .doc = "true where x first equals y, y being an extreme of x over axes", .arity = 2,
   .traits = STOPS_GRAD | PIECEWISE, .attr_size = sizeof(ReduceAttr), .attr = axes_fields,
   .infer = first_infer, .prepare = first_prepare, .eval = first_eval, .ref = first_ref,
   .samples = first_samples)
