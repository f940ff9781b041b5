/* Reductions over named axes as operators: sum, max, min, variance, log_sum_exp. The axes go; `keep` is a
 * reshape. The kernels are fold.c's. */
#include "ops/fold.h"
#include "ops/ops.h"

#include <math.h>
#include <string.h>

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
    if (!ok || (mask == 0 && !alone && x->type.shape.rank))
        return refuse(g, op, x->type, "%s has no axes %s", show_of(x),
                      field_show(&axes_fields[0], a, g->arena));
    Shape kept = shape_keeping(&x->type.shape, mask), gone = shape_without(&x->type.shape, mask);
    const Shape *to = a->keep ? &kept : &gone;
    if (mask == 0 && x->type.shape.rank == 0) { /* a scalar: as a vector of one */
        Shape one = SHAPE(1);
        x = g_reshape(x, &one);
        mask = 1;
    }
    if (mask == 0) return x;
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
    bool ok;
    const Shape *s = &src[0]->type.shape;
    unsigned mask = axes_mask(&((const ReduceAttr *)attr)->axes, s->rank, &ok);
    Shape rest = shape_without(s, mask);
    if (ok && g->diags && shape_count(s) == shape_count(&rest))
        diag_warn(g->diags, g->loc, "the variance of one number is 0 (of %s): what is normalised by it says nothing; batch "
                                    "statistics need a batch", show_of(src[0]));
    return reduce_build(g, &op_variance, level_type(src[0], F32), attr, false);
}
/* exp(x - log_sum_exp(x)): what is normalised already. */
static bool is_softmax(const Node *x) {
    if (x->op != &op_exp || x->src[0]->op != &op_sub) return false;
    const Node *total = x->src[0]->src[1];
    while (total->op->traits & VIEW) total = total->src[0];
    return total->op == &op_log_sum_exp && total->src[0] == x->src[0]->src[0];
}

static Node *log_sum_exp_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    (void)nsrc;
    if (g->diags && is_softmax(src[0]))
        diag_warn(g->diags, g->loc, "these are the probabilities of a softmax, and logits are wanted: leave the softmax out");
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

static double larger(double a, double b) { return b > a || isnan(b) ? b : a; }
static double smaller(double a, double b) { return b < a || isnan(b) ? b : a; }

static void sum_ref(const Node *n, const double *const *in, double *out) {
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = 0;
    VISIT(n, v, out[v.result] += in[0][v.element]);
}
static void max_ref(const Node *n, const double *const *in, double *out) {
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = -INFINITY;
    VISIT(n, v, out[v.result] = larger(out[v.result], in[0][v.element]));
}
static void min_ref(const Node *n, const double *const *in, double *out) {
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = INFINITY;
    VISIT(n, v, out[v.result] = smaller(out[v.result], in[0][v.element]));
}
static void variance_ref(const Node *n, const double *const *in, double *out) {
    double count = (double)(NODE_COUNT(n->src[0]) / NODE_COUNT(n));
    Arena *scratch = scratch_for(n);
    double *mean = ARENA_ARRAY(scratch, double, NODE_COUNT(n));
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = 0;
    VISIT(n, v, mean[v.result] += in[0][v.element] / count);
    VISIT(n, v, double d = in[0][v.element] - mean[v.result]; out[v.result] += d * d / count);
    arena_free(scratch);
}
static void log_sum_exp_ref(const Node *n, const double *const *in, double *out) {
    Arena *scratch = scratch_for(n);
    double *max = ARENA_ARRAY(scratch, double, NODE_COUNT(n));
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = 0, max[i] = -INFINITY;
    VISIT(n, v, max[v.result] = larger(max[v.result], in[0][v.element]));
    VISIT(n, v, double x = in[0][v.element], m = max[v.result]; out[v.result] += x == m ? 1 : exp(x - m));
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = max[i] + log(out[i]);
    arena_free(scratch);
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

static const Sample channels_large = {"channels", 1, {{F32, {2, {65536, 64}}}}, &(ReduceAttr){{1, {0}}, false}, -2, 2};

OP(sum, .doc = "the sum over axes", .call = "x, axes=all, keep=false", .arity = 1, .traits = REDUCES | LINEAR,
   .attr_size = sizeof(ReduceAttr), .attr = axes_fields, .build = sum_build, .infer = reduce_infer,
   .grad = sum_grad, .reduce = {[F32] = &fold_sum, [I32] = &fold_sum_int, [U8] = &fold_sum_bool},
   .ref = sum_ref, .samples = any_samples, .large = &channels_large)

OP(reduce_max, .doc = "the largest over axes", .call = "x, axes=all, keep=false", .arity = 1,
   .traits = REDUCES | PIECEWISE, .attr_size = sizeof(ReduceAttr), .attr = axes_fields, .build = max_build,
   .infer = reduce_infer, .grad = extreme_grad, .reduce = {[F32] = &fold_max, [I32] = &fold_max_int},
   .ref = max_ref, .samples = number_samples, .large = &channels_large)

OP(reduce_min, .doc = "the smallest over axes", .call = "x, axes=all, keep=false", .arity = 1,
   .traits = REDUCES | PIECEWISE, .attr_size = sizeof(ReduceAttr), .attr = axes_fields, .build = min_build,
   .infer = reduce_infer, .grad = extreme_grad, .reduce = {[F32] = &fold_min, [I32] = &fold_min_int},
   .ref = min_ref, .samples = number_samples, .large = &channels_large)

OP(variance, .doc = "the mean square distance from the mean over axes", .call = "x, axes=all, keep=false",
   .arity = 1, .traits = REDUCES, .attr_size = sizeof(ReduceAttr), .attr = axes_fields,
   .build = variance_build, .infer = reduce_infer, .grad = variance_grad, .reduce = {[F32] = &fold_variance},
   .ref = variance_ref, .samples = float_samples, .large = &channels_large)

OP(log_sum_exp, .doc = "log(sum(exp(x))) over axes, without overflow", .call = "x, axes=all, keep=false",
   .arity = 1, .traits = REDUCES, .attr_size = sizeof(ReduceAttr), .attr = axes_fields,
   .build = log_sum_exp_build, .infer = reduce_infer, .grad = log_sum_exp_grad,
   .reduce = {[F32] = &fold_log_sum_exp}, .ref = log_sum_exp_ref, .samples = float_samples, .large = &channels_large)

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
    Arena *scratch = scratch_for(n);
    bool *found = ARENA_ARRAY(scratch, bool, NODE_COUNT(n->src[1]));
    VISIT(n, v, double x = in[0][v.element], y = in[1][v.result]; bool same = x == y || (x != x && y != y);
          out[v.element] = same && !found[v.result]; found[v.result] |= same);
    arena_free(scratch);
}

static const Sample first_samples[] = {
    {"ends", 2, {{I32, {3, {3, 4, 5}}}, {I32, {1, {4}}}}, &(ReduceAttr){{2, {0, 2}}, false}, -2, 2},
    {"inner", 2, {{I32, {2, {3, 7}}}, {I32, {1, {3}}}}, &(ReduceAttr){{1, {1}}, false}, -2, 2},
    {0},
};

static const Sample first_large = {"rows", 2, {{F32, {2, {1024, 1024}}}, {F32, {1, {1024}}}}, &(ReduceAttr){{1, {1}}, false}, -2, 2};

OP(first_of, .doc = "true where x first equals y, y being an extreme of x over axes", .arity = 2,
   .traits = STOPS_GRAD | PIECEWISE, .attr_size = sizeof(ReduceAttr), .attr = axes_fields,
   .infer = first_infer, .prepare = first_prepare, .eval = first_eval, .ref = first_ref,
   .samples = first_samples, .large = &first_large)
