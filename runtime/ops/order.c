/* Operators that compare along the last axis: argmax, argsort. Both give indices; NaN counts as the largest,
 * so that it shows. */
#include "ops/ops.h"

#include <math.h>

static const char *const axis_wanted = "a last axis is wanted, not a scalar";

/* Elements as doubles: float and int both fit. */
static double element(const void *x, DType t, int64_t i) {
    return t == F32   ? (double)((const float *)x)[i]
           : t == I32 ? ((const int32_t *)x)[i]
                      : ((const uint8_t *)x)[i];
}

static bool above(double a, double b) { return a > b || (isnan(a) && !isnan(b)); }

/* argmax */
static bool argmax_infer(const Node *n, Tensor *out) {
    Shape s = n->src[0]->type.shape;
    if (s.rank < 1) return reject(n, "%s", axis_wanted);
    s.dim[--s.rank] = 0;
    *out = tensor_of(I32, s);
    return true;
}

static void argmax_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    const Tensor *x = &i->in[0].type;
    int32_t *y = out[0];
    int64_t width = x->shape.dim[x->shape.rank - 1];
    (void)scratch;
    for (int64_t r = 0, rows = shape_count(&x->shape) / width; r < rows; r++) {
        int64_t best = r * width;
        for (int64_t k = best + 1; k < (r + 1) * width; k++)
            if (above(element(in[0], x->dtype, k), element(in[0], x->dtype, best))) best = k;
        y[r] = (int32_t)(best - r * width);
    }
}

static void argmax_ref(const Node *n, const double *const *in, double *out) {
    int64_t width = NODE_COUNT(n->src[0]) / NODE_COUNT(n);
    for (int64_t r = 0; r < NODE_COUNT(n); r++) {
        out[r] = 0;
        for (int64_t k = 1; k < width; k++)
            if (above(in[0][r * width + k], in[0][r * width + (int64_t)out[r]])) out[r] = (double)k;
    }
}

static const Sample order_samples[] = {
    {"float", 1, {{F32, {2, {5, 7}}}}, NULL, -2, 2},
    {"int", 1, {{I32, {2, {5, 7}}}}, NULL, -2, 2},
    {0},
};

static const Sample order_large = {"rows of 1024", 1, {{F32, {2, {1024, 1024}}}}, NULL, -2, 2};

OP(argmax, .doc = "the index of the largest along the last axis, the first of equals", .call = "x",
   .arity = 1, .traits = STOPS_GRAD | PIECEWISE, .infer = argmax_infer, .eval = argmax_eval,
   .ref = argmax_ref, .samples = order_samples, .large = &order_large)

/* argsort: merge sort on (value, index), bottom up, in scratch */
static bool argsort_infer(const Node *n, Tensor *out) {
    Shape s = n->src[0]->type.shape;
    if (s.rank < 1) return reject(n, "%s", axis_wanted);
    *out = tensor_of(I32, s);
    return true;
}

typedef struct {
    double value;
    int32_t index;
} Item;

static void merge(const Item *from, Item *to, int64_t low, int64_t middle, int64_t high) {
    int64_t a = low, b = middle;
    for (int64_t k = low; k < high; k++) {
        bool second = b < high && (a >= middle || above(from[a].value, from[b].value));
        to[k] = from[second ? b++ : a++];
    }
}

static const Item *sorted(Item *items, Item *spare, int64_t n) {
    for (int64_t run = 1; run < n; run *= 2) {
        for (int64_t low = 0; low < n; low += 2 * run)
            merge(items, spare, low, low + run < n ? low + run : n, low + 2 * run < n ? low + 2 * run : n);
        Item *swap = items;
        items = spare;
        spare = swap;
    }
    return items;
}

static bool argsort_prepare(Instr *i) {
    const Shape *s = &i->in[0].type.shape;
    i->scratch_size = 2 * (size_t)s->dim[s->rank - 1] * sizeof(Item);
    return true;
}

static void argsort_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    const Tensor *x = &i->in[0].type;
    int32_t *y = out[0];
    int64_t width = x->shape.dim[x->shape.rank - 1];
    Item *items = scratch;
    for (int64_t r = 0, rows = shape_count(&x->shape) / width; r < rows; r++) {
        for (int64_t k = 0; k < width; k++)
            items[k] = (Item){element(in[0], x->dtype, r * width + k), (int32_t)k};
        const Item *done = sorted(items, items + width, width);
        for (int64_t k = 0; k < width; k++) y[r * width + k] = done[k].index;
    }
}

static void argsort_ref(const Node *n, const double *const *in, double *out) { /* each one's rank, counted */
    int64_t width = n->type.shape.dim[n->type.shape.rank - 1];
    for (int64_t e = 0; e < NODE_COUNT(n); e++) {
        int64_t row = e / width * width, rank = 0;
        for (int64_t k = row; k < row + width; k++)
            rank += above(in[0][e], in[0][k]) || (!above(in[0][k], in[0][e]) && k < e);
        out[row + rank] = (double)(e - row);
    }
}

OP(argsort, .doc = "the indices that sort the last axis, ascending; equals stay in order", .call = "x",
   .arity = 1, .traits = STOPS_GRAD | PIECEWISE, .infer = argsort_infer, .prepare = argsort_prepare,
   .eval = argsort_eval, .ref = argsort_ref, .samples = order_samples, .large = &order_large)
