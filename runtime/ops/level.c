/* Levelling: what builders do to arguments of different types and shapes, so that operators meet equal ones
 * only; and index arithmetic that several operator files share. */
#include "ops/ops.h"

#include <string.h>

Tensor tensor_of(DType t, Shape s) { return (Tensor){t, s}; }
const char *show_of(const Node *x) { return shape_show(&x->type.shape, x->graph->arena); }
const char *show(const Node *n, int k) { return show_of(n->src[k]); }

Arena *scratch_for(const Node *n) {
    Arena *a = arena_new();
    if (!a) arena_fail(n->graph->arena);
    return a;
}

double dot_ref(int64_t n, const double *x, const double *z) {
    enum { LANES = 8 };
    double part[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) part[k] += x[i + k] * z[i + k];
    for (; i < n; i++) sum += x[i] * z[i];
    for (int k = 0; k < LANES; k++) sum += part[k];
    return sum;
}

void add_times_ref(int64_t n, double *y, double x, const double *z) {
    for (int64_t i = 0; i < n; i++) y[i] += x * z[i];
}

Node *level_type(Node *x, DType to) {
    if (x->type.dtype == to) return x;
    return to == F32 ? g_to_float(x) : to == I32 ? g_to_int(x) : g_to_bool(x);
}

DType level_common(int n, Node *const *src, DType least) {
    DType common = least;
    for (int k = 0; k < n; k++)
        if (src[k]->type.dtype < common) common = src[k]->type.dtype; /* F32 < I32 < U8 in the enum */
    return common;
}

/* NumPy would stretch it, the language does not. */
static bool stretches(const Shape *a, const Shape *b) {
    for (int i = 1; i <= a->rank && i <= b->rank; i++) {
        int64_t p = a->dim[a->rank - i], q = b->dim[b->rank - i];
        if (p != q && p != 1 && q != 1) return false;
    }
    return true;
}

/* The axis, counted from the last, on which two shapes do not meet; 0 where they do. */
static int odd_axis(const Shape *a, const Shape *b) {
    for (int i = 1; i <= a->rank && i <= b->rank; i++) {
        int64_t p = a->dim[a->rank - i], q = b->dim[b->rank - i];
        if (p != q && p != 1 && q != 1) return i;
    }
    return 0;
}

bool level_shapes(Graph *g, const Op *op, int n, Node *const *src, Node **out) {
    Shape all = src[0]->type.shape;
    for (int k = 1; k < n; k++) {
        const Shape *s = &src[k]->type.shape;
        Shape before = all;
        if (shape_broadcast(&before, s, &all)) continue;
        const char *a = shape_show(&before, g->arena), *b = shape_show(s, g->arena);
        const char *low = before.rank < s->rank ? a : b;
        Node *wrong = stretches(&before, s)
                          ? refuse(g, op, src[0]->type,
                                   "shapes %s and %s: %s has fewer axes and may not stretch an axis of "
                                   "the other; say which axis is meant with an axis of size 1, as in x[:, new]",
                                   a, b, low)
                          : refuse(g, op, src[0]->type, "shapes %s and %s do not fit together", a, b);
        int axis = odd_axis(&before, s);
        for (int i = 0; axis && i <= k; i++) note_size(g->diags, src[i], src[i]->type.shape.rank - axis);
        *out = wrong; /* out may be src */
        return false;
    }
    for (int k = 0; k < n; k++) out[k] = g_broadcast(src[k], &all);
    return true;
}

Ints ints_of_shape(const Shape *s) {
    Ints v = {.n = s->rank};
    for (int i = 0; i < s->rank; i++) v.at[i] = s->dim[i];
    return v;
}

Shape shape_of_ints(const Ints *v) { return shape_of(v->n, v->at); }

Strides dense(const Shape *s) {
    Strides d = {0};
    int64_t step = 1;
    for (int i = s->rank - 1; i >= 0; i--) d.stride[i] = step, step *= s->dim[i];
    return d;
}

bool next_index(const Shape *s, int64_t *index) {
    for (int i = s->rank - 1; i >= 0; i--) {
        if (++index[i] < s->dim[i]) return true;
        index[i] = 0;
    }
    return false;
}

int64_t index_offset(const Strides *s, int rank, const int64_t *index) {
    int64_t at = s->offset;
    for (int i = 0; i < rank; i++) at += s->stride[i] * index[i];
    return at;
}
