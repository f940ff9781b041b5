/* Operators that copy numbers to other places: place, pad, concat. */
#include "ops/ops.h"

#include <string.h>

/* Copies a dense block into a dense tensor at strides, one innermost row at a time. Elements have `size`
 * bytes. */
static void scatter_block(const Shape *from, const void *x, const Strides *at, void *y, size_t size) {
    int64_t index[RANK_MAX] = {0};
    Shape outer = *from;
    int64_t inner = 1, step = 1;
    if (from->rank) {
        inner = from->dim[from->rank - 1];
        step = at->stride[from->rank - 1];
        outer.rank--;
    }
    const char *in = x;
    char *out = y;
    do {
        int64_t base = index_offset(at, outer.rank, index);
        if (step == 1) {
            memcpy(out + base * (int64_t)size, in, (size_t)inner * size);
        } else if (size == 4) {
            for (int64_t i = 0; i < inner; i++) memcpy(out + (base + i * step) * 4, in + i * 4, 4);
        } else {
            for (int64_t i = 0; i < inner; i++)
                memcpy(out + (base + i * step) * (int64_t)size, in + i * (int64_t)size, size);
        }
        in += inner * (int64_t)size;
    } while (next_index(&outer, index));
}

static Strides placed(const Shape *to, const Ints *start, const Ints *step) {
    Strides d = dense(to), s = {0};
    for (int i = 0; i < to->rank; i++) {
        s.offset += start->at[i] * d.stride[i];
        s.stride[i] = step->at[i] * d.stride[i];
    }
    return s;
}

/* place: the adjoint of slice. start and step are the slice's, shape is that of what was sliced. */
static const Field place_fields[] = {
    FIELD(PlaceAttr, start, F_INTS, NULL, "where the first element goes, along each axis"),
    FIELD(PlaceAttr, step, F_INTS, NULL, "distance to the next"),
    FIELD(PlaceAttr, shape, F_INTS, NULL, "shape of the result"),
    {0},
};

static bool place_infer(const Node *n, Tensor *out) {
    const PlaceAttr *a = n->attr;
    const Shape *s = &n->src[0]->type.shape;
    bool fits = a->shape.n == s->rank && a->start.n == s->rank && a->step.n == s->rank;
    for (int i = 0; i < s->rank && fits; i++) {
        int64_t last = a->start.at[i] + (s->dim[i] - 1) * a->step.at[i];
        fits = a->start.at[i] >= 0 && a->start.at[i] < a->shape.at[i] && last >= 0 && last < a->shape.at[i] &&
               a->step.at[i] != 0;
    }
    if (!fits)
        return reject(n, "%s does not fit into %s", show(n, 0),
                      field_show(&place_fields[2], a, n->graph->arena));
    *out = tensor_of(n->src[0]->type.dtype, shape_of_ints(&a->shape));
    return true;
}

static void place_grad(const Node *n, Node *gy, Node **gx) {
    const PlaceAttr *a = n->attr;
    Ints size = ints_of_shape(&n->src[0]->type.shape);
    gx[0] = g_slice(gy, &a->start, &a->step, &size);
}

static void place_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    const PlaceAttr *a = i->attr;
    const Tensor *to = &i->out[0].type;
    size_t size = dtype_size(to->dtype);
    Strides at = placed(&to->shape, &a->start, &a->step);
    (void)scratch;
    memset(out[0], 0, (size_t)shape_count(&to->shape) * size);
    scatter_block(&i->in[0].type.shape, in[0], &at, out[0], size);
}

static void place_ref(const Node *n, const double *const *in, double *out) {
    const PlaceAttr *a = n->attr;
    Strides at = placed(&n->type.shape, &a->start, &a->step);
    memset(out, 0, (size_t)NODE_COUNT(n) * sizeof *out);
    scatter_block(&n->src[0]->type.shape, in[0], &at, out, sizeof *out);
}

static const Sample place_samples[] = {
    {"steps",
     1,
     {{F32, {2, {2, 3}}}},
     &(PlaceAttr){.start = {2, {1, 7}}, .step = {2, {2, -3}}, .shape = {2, {5, 8}}},
     -1,
     1},
    {0},
};

OP(place, .doc = "zeros, with x at every step-th place from start", .arity = 1, .traits = LINEAR,
   .attr_size = sizeof(PlaceAttr), .attr = place_fields, .infer = place_infer, .grad = place_grad,
   .eval = place_eval, .ref = place_ref, .samples = place_samples)

Node *g_place(Node *x, const Ints *start, const Ints *step, const Shape *shape) {
    PlaceAttr a = {.start = *start, .step = *step, .shape = ints_of_shape(shape)};
    return emit(x->graph, &op_place, 1, &x, &a);
}

/* pad: zeros around; a place with steps of 1 */
static const Field pad_fields[] = {
    FIELD(PadAttr, before, F_INTS, NULL, "zeros before, along each axis"),
    FIELD(PadAttr, after, F_INTS, NULL, "zeros after"),
    {0},
};

static Node *pad_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    const PadAttr *a = attr;
    Shape to = src[0]->type.shape;
    bool none = true;
    (void)nsrc;
    if (a->before.n != to.rank || a->after.n != to.rank)
        return refuse(g, &op_pad_axes, src[0]->type, "%s wants as many sizes before and after as it has axes",
                      show_of(src[0]));
    Ints step = {.n = to.rank};
    for (int i = 0; i < to.rank; i++) {
        if (a->before.at[i] < 0 || a->after.at[i] < 0)
            return refuse(g, &op_pad_axes, src[0]->type, "a size below 0: %lld, %lld",
                          (long long)a->before.at[i], (long long)a->after.at[i]);
        none &= a->before.at[i] == 0 && a->after.at[i] == 0;
        to.dim[i] += a->before.at[i] + a->after.at[i];
        step.at[i] = 1;
    }
    return none ? src[0] : g_place(src[0], &a->before, &step, &to);
}

static const Sample pad_samples[] = {
    {"uneven", 1, {{F32, {2, {2, 3}}}}, &(PadAttr){{2, {1, 0}}, {2, {2, 1}}}, -1, 1},
    {0},
};

OP(pad_axes, .doc = "zeros before and after x along each axis", .call = "x, before, after", .arity = 1,
   .traits = LINEAR, .attr_size = sizeof(PadAttr), .attr = pad_fields, .build = pad_build,
   .samples = pad_samples)

Node *g_pad(Node *x, const Ints *before, const Ints *after) {
    return op_apply(x->graph, &op_pad_axes, 1, &x, &(PadAttr){*before, *after});
}

/* concat */
enum { CONCAT_MOST = 4096 };

static const Field concat_fields[] = {
    FIELD(AxisAttr, axis, F_INT, "-1", "along which; negative: from the end"),
    {0},
};

static bool concat_infer(const Node *n, Tensor *out) {
    int64_t axis = ((const AxisAttr *)n->attr)->axis;
    Tensor t = n->src[0]->type;
    if (n->nsrc > CONCAT_MOST) return reject(n, "%d tensors: at most %d at once", n->nsrc, CONCAT_MOST);
    if (axis < 0 || axis >= t.shape.rank)
        return reject(n, "%s has no axis %lld", show(n, 0), (long long)axis);
    for (int k = 1; k < n->nsrc; k++) {
        Tensor s = n->src[k]->type;
        int64_t more = s.shape.rank == t.shape.rank ? s.shape.dim[axis] : 0;
        s.shape.dim[axis] = t.shape.dim[axis];
        if (!tensor_equal(&s, &t))
            return reject(n, "%s %s and %s %s differ not only in axis %lld", dtype_name(t.dtype), show(n, 0),
                          dtype_name(s.dtype), show(n, k), (long long)axis);
        t.shape.dim[axis] += more;
    }
    *out = t;
    return true;
}

static Node *concat_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    AxisAttr a = *(const AxisAttr *)attr;
    if (a.axis < 0) a.axis += src[0]->type.shape.rank;
    if (nsrc == 1 && a.axis >= 0 && a.axis < src[0]->type.shape.rank) return src[0];
    Node **arg = ARENA_ARRAY(g->arena, Node *, nsrc);
    DType to = level_common(nsrc, src, U8);
    for (int k = 0; k < nsrc; k++) arg[k] = level_type(src[k], to);
    return emit(g, &op_concat, nsrc, arg, &a);
}

static void concat_grad(const Node *n, Node *gy, Node **gx) {
    int64_t axis = ((const AxisAttr *)n->attr)->axis;
    int rank = n->type.shape.rank;
    Ints start = {.n = rank}, step = {.n = rank};
    for (int i = 0; i < rank; i++) step.at[i] = 1;
    for (int k = 0; k < n->nsrc; k++) {
        Ints size = ints_of_shape(&n->src[k]->type.shape);
        gx[k] = g_slice(gy, &start, &step, &size);
        start.at[axis] += size.at[axis];
    }
}

/* Each source is `outer` blocks of its own width, laid side by side. */
static void concat_copy(int n, const Shape *const *from, const void *const *in, int64_t axis, size_t size,
                        void *out) {
    int64_t outer = 1, inner = (int64_t)size, whole = 0;
    for (int64_t i = 0; i < axis; i++) outer *= from[0]->dim[i];
    for (int i = (int)axis + 1; i < from[0]->rank; i++) inner *= from[0]->dim[i];
    for (int k = 0; k < n; k++) whole += from[k]->dim[axis] * inner;
    char *y = out;
    for (int k = 0; k < n; k++) {
        int64_t width = from[k]->dim[axis] * inner;
        const char *x = in[k];
        for (int64_t o = 0; o < outer; o++) memcpy(y + o * whole, x + o * width, (size_t)width);
        y += width;
    }
}

static void concat_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    const Shape *from[CONCAT_MOST];
    (void)scratch;
    for (int k = 0; k < i->nin; k++) from[k] = &i->in[k].type.shape;
    concat_copy(i->nin, from, in, ((const AxisAttr *)i->attr)->axis, dtype_size(i->out[0].type.dtype),
                out[0]);
}

static void concat_ref(const Node *n, const double *const *in, double *out) {
    const Shape *from[CONCAT_MOST];
    const void *data[CONCAT_MOST];
    for (int k = 0; k < n->nsrc; k++) from[k] = &n->src[k]->type.shape, data[k] = in[k];
    concat_copy(n->nsrc, from, data, ((const AxisAttr *)n->attr)->axis, sizeof(double), out);
}

static const Sample concat_samples[] = {
    {"last", 3, {{F32, {2, {2, 3}}}, {F32, {2, {2, 1}}}, {F32, {2, {2, 4}}}}, &(AxisAttr){-1}, -1, 1},
    {"first", 2, {{F32, {2, {2, 3}}}, {F32, {2, {4, 3}}}}, &(AxisAttr){0}, -1, 1},
    {0},
};

OP(concat, .doc = "tensors side by side along an axis", .call = "x, others, axis=-1", .arity = -1,
   .traits = LINEAR, .attr_size = sizeof(AxisAttr), .attr = concat_fields, .build = concat_build,
   .infer = concat_infer, .grad = concat_grad, .eval = concat_eval, .ref = concat_ref,
   .samples = concat_samples)

Node *g_concat(Graph *g, int n, Node *const *x, int64_t axis) {
    return op_apply(g, &op_concat, n, x, &(AxisAttr){axis});
}
