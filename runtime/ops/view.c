/* The same numbers in another order or shape: broadcast, reshape, permute, slice. None moves a number; each
 * says by which strides its source is read. */
#include "ops/ops.h"

#include <string.h>

/* broadcast: from a shape whose axes, aligned at the end, are equal or 1 */
static const Field broadcast_fields[] = {FIELD(ShapeAttr, shape, F_INTS, NULL, "the shape wanted"), {0}};

static bool broadcast_infer(const Node *n, Tensor *out) {
    Shape to = shape_of_ints(&((const ShapeAttr *)n->attr)->shape), from = n->src[0]->type.shape;
    int lead = to.rank - from.rank;
    bool fits = lead >= 0;
    int odd = 0;
    while (odd < from.rank && fits && (from.dim[odd] == to.dim[lead + odd] || from.dim[odd] == 1)) odd++;
    if (!fits || odd < from.rank) {
        reject(n, "%s does not stretch to %s", show(n, 0), shape_show(&to, n->graph->arena));
        note_size(n->graph->diags, n->src[0], odd);
        return false;
    }
    *out = tensor_of(n->src[0]->type.dtype, to);
    return true;
}

static Node *broadcast_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    Shape to = shape_of_ints(&((const ShapeAttr *)attr)->shape);
    return shape_equal(&to, &src[0]->type.shape) ? src[0] : emit(g, &op_broadcast, nsrc, src, attr);
}

static void broadcast_grad(const Node *n, Node *gy, Node **gx) {
    gx[0] = g_sum_to(gy, &n->src[0]->type.shape);
}

static bool broadcast_view(const Node *n, const Strides *in, Strides *out) {
    const Shape *from = &n->src[0]->type.shape, *to = &n->type.shape;
    Strides s = {.offset = in->offset};
    for (int i = 0, lead = to->rank - from->rank; i < from->rank; i++)
        s.stride[lead + i] = from->dim[i] == 1 ? 0 : in->stride[i];
    *out = s;
    return true;
}

/* Every view's reference: read the source by the strides that it gives. */
static void view_ref(const Node *n, const double *const *in, double *out) {
    Strides from = dense(&n->src[0]->type.shape), s;
    if (!n->op->view(n, &from, &s)) return;
    int64_t index[RANK_MAX] = {0}, i = 0;
    do out[i++] = in[0][index_offset(&s, n->type.shape.rank, index)];
    while (next_index(&n->type.shape, index));
}

static const Sample broadcast_samples[] = {
    {"leading", 1, {{F32, {2, {1, 5}}}}, &(ShapeAttr){{3, {4, 3, 5}}}, -1, 1},
    {"scalar", 1, {{F32, {0, {0}}}}, &(ShapeAttr){{2, {3, 5}}}, -1, 1},
    {"inner", 1, {{F32, {3, {2, 1, 3}}}}, &(ShapeAttr){{3, {2, 4, 3}}}, -1, 1},
    {0},
};

OP(broadcast, .doc = "x repeated along axes of size 1 and new leading ones", .call = "x, shape", .arity = 1,
   .traits = VIEW | LINEAR | CHEAP, .attr_size = sizeof(ShapeAttr), .attr = broadcast_fields,
   .build = broadcast_build, .infer = broadcast_infer, .grad = broadcast_grad, .view = broadcast_view,
   .ref = view_ref, .samples = broadcast_samples)

Node *g_broadcast(Node *x, const Shape *to) {
    return op_apply(x->graph, &op_broadcast, 1, &x, &(ShapeAttr){ints_of_shape(to)});
}

/* The adjoint of broadcast: sums over what it repeated. */
Node *g_sum_to(Node *x, const Shape *to) {
    const Shape *from = &x->type.shape;
    Ints axes = {0};
    for (int i = 0, lead = from->rank - to->rank; i < from->rank; i++)
        if (i < lead || (to->dim[i - lead] == 1 && from->dim[i] != 1)) axes.at[axes.n++] = i;
    return g_reshape(axes.n ? g_sum(x, &axes) : x, to);
}

/* reshape */
static const Field reshape_fields[] = {
    FIELD(ReshapeAttr, shape, F_INTS, NULL, "sizes; one may be -1: what is left"),
    {.name = "keep",
     .type = F_INT,
     .offset = offsetof(ReshapeAttr, keep),
     .dflt = "1",
     .min = 0,
     .max = RANK_MAX,
     .doc = "how many leading axes stay as they are"},
    {0},
};

static bool reshape_infer(const Node *n, Tensor *out) {
    const ReshapeAttr *a = n->attr;
    Shape to = shape_of_ints(&a->shape);
    if (a->keep != 0 || shape_count(&to) != NODE_COUNT(n->src[0]))
        return reject(n, "%s has %lld elements, %s has %lld", show(n, 0), (long long)NODE_COUNT(n->src[0]),
                      shape_show(&to, n->graph->arena), (long long)shape_count(&to));
    *out = tensor_of(n->src[0]->type.dtype, to);
    return true;
}

/* Sizes that do not fit. Who gave those of the whole tensor did not know that the first axes stay. */
static Node *refuse_sizes(Graph *g, const Node *x, const ReshapeAttr *a, int64_t rest) {
    const char *wanted = field_show(&reshape_fields[0], a, g->arena);
    int64_t all = 1;
    for (int i = 0; i < a->shape.n; i++) all *= a->shape.at[i];
    if (a->keep == 1 && a->shape.n > 1 && all == NODE_COUNT(x))
        return refuse(g, &op_reshape, x->type, "%s for %s: reshape leaves axis 0 alone, so the sizes are those after it, "
                                               "%lld numbers in all, as in shape(x)[1:]", wanted, show_of(x), (long long)rest);
    Node *wrong = a->keep ? refuse(g, &op_reshape, x->type, "%s after the first %s of %s, where %lld numbers are, not %lld", wanted,
                                   a->keep == 1 ? "axis" : "axes", show_of(x), (long long)rest, (long long)all)
                          : refuse(g, &op_reshape, x->type, "%s has %lld numbers, %s has %lld", show_of(x), (long long)rest, wanted,
                                   (long long)all);
    note_sizes(g->diags, x, (int)a->keep);
    return wrong;
}

/* Elsewhere a -1 in front stands for the batch. Here the batch stays by itself, and the -1 becomes an axis of size 1. */
static void warn_of_batch(Graph *g, const Node *x, const ReshapeAttr *a, int64_t first) {
    if (!g->diags || a->keep != 1 || a->shape.n < 2 || a->shape.at[0] != -1 || first != 1) return;
    ReshapeAttr less = {.shape.n = a->shape.n - 1};
    memcpy(less.shape.at, a->shape.at + 1, sizeof *less.shape.at * (size_t)less.shape.n);
    diag_warn(g->diags, g->loc, "reshape: the -1 makes an axis of size 1 behind axis 0 of %s, which reshape leaves alone: for the batch "
                                "leave it out, %s; where an axis of size 1 is meant, write 1", show_of(x),
              field_show(&reshape_fields[0], &less, g->arena));
}

static Node *reshape_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    const ReshapeAttr *a = attr;
    const Tensor *t = &src[0]->type;
    int64_t rest = NODE_COUNT(src[0]), known = 1;
    int keep = (int)a->keep, open = -1;
    if (keep > t->shape.rank)
        return refuse(g, &op_reshape, *t, "keep=%d: %s has fewer axes", keep, show_of(src[0]));
    ReshapeAttr to = {.shape.n = keep};
    for (int i = 0; i < keep; i++) rest /= to.shape.at[i] = t->shape.dim[i];
    if (keep + a->shape.n > RANK_MAX) return refuse(g, &op_reshape, *t, "more than %d axes", RANK_MAX);
    for (int i = 0; i < a->shape.n; i++) {
        int64_t d = a->shape.at[i];
        if (d < -1 || d == 0) return refuse(g, &op_reshape, *t, "an axis of size %lld", (long long)d);
        if (d == -1 && open >= 0) return refuse(g, &op_reshape, *t, "only one size may be -1");
        if (d == -1)
            open = to.shape.n;
        else if (d > INT64_MAX / known)
            return refuse(g, &op_reshape, *t, "%s is too large", field_show(&reshape_fields[0], a, g->arena));
        else
            known *= d;
        to.shape.at[to.shape.n++] = d;
    }
    if (open < 0 && known != rest) return refuse_sizes(g, src[0], a, rest);
    if (open >= 0 && rest % known) {
        Node *wrong = refuse(g, &op_reshape, *t, "%s: what is left, %lld, is no multiple of %lld", show_of(src[0]),
                             (long long)rest, (long long)known);
        note_sizes(g->diags, src[0], keep);
        return wrong;
    }
    if (open >= 0) to.shape.at[open] = rest / known;
    if (open == keep) warn_of_batch(g, src[0], a, rest / known);
    while (src[0]->op == &op_reshape) src = src[0]->src;
    Shape s = shape_of_ints(&to.shape);
    return shape_equal(&s, &src[0]->type.shape) ? src[0] : emit(g, &op_reshape, nsrc, src, &to);
}

static void reshape_grad(const Node *n, Node *gy, Node **gx) {
    gx[0] = g_reshape(gy, &n->src[0]->type.shape);
}

/* Strides for `to`, if each of its axes lies inside a run of axes of `from` that is evenly spaced: both are
 * walked from the end in groups of equal products. */
static bool reshape_view(const Node *n, const Strides *in, Strides *out) {
    const Shape *from = &n->src[0]->type.shape, *to = &n->type.shape;
    Strides s = {.offset = in->offset};
    int i = from->rank - 1, j = to->rank - 1;
    while (i >= 0 || j >= 0) {
        int64_t have = i >= 0 ? from->dim[i] : 1, want = j >= 0 ? to->dim[j] : 1;
        int64_t step = i >= 0 ? in->stride[i] : 1;
        for (; i > 0 && have == 1; i--) have = from->dim[i - 1], step = in->stride[i - 1];
        if (j >= 0) s.stride[j] = step;
        int64_t next = step * want;
        while (have != want) {
            if (have < want) {
                if (in->stride[i - 1] != step * have && from->dim[i - 1] != 1) return false;
                have *= from->dim[--i];
            } else {
                s.stride[--j] = next;
                next *= to->dim[j];
                want *= to->dim[j];
            }
        }
        i--, j--;
    }
    *out = s;
    return true;
}

static const Sample reshape_samples[] = {
    {"flatten", 1, {{F32, {3, {2, 3, 4}}}}, &(ReshapeAttr){{1, {-1}}, 1}, -1, 1},
    {"split", 1, {{F32, {2, {2, 12}}}}, &(ReshapeAttr){{3, {3, 2, 2}}, 1}, -1, 1},
    {"mixed", 1, {{F32, {3, {4, 1, 6}}}}, &(ReshapeAttr){{3, {2, -1, 1}}, 0}, -1, 1},
    {0},
};

OP(reshape, .doc = "x with other sizes; the first `keep` axes stay", .call = "x, shape, *, keep=1", .arity = 1,
   .traits = VIEW | LINEAR | CHEAP, .attr_size = sizeof(ReshapeAttr), .attr = reshape_fields,
   .build = reshape_build, .infer = reshape_infer, .grad = reshape_grad, .view = reshape_view,
   .ref = view_ref, .samples = reshape_samples)

Node *g_reshape(Node *x, const Shape *to) {
    return op_apply(x->graph, &op_reshape, 1, &x, &(ReshapeAttr){ints_of_shape(to), 0});
}

/* permute */
static const Field permute_fields[] = {
    FIELD(PermuteAttr, order, F_INTS, NULL, "which axis comes at each place"), {0}};

static bool permute_infer(const Node *n, Tensor *out) {
    const Ints *order = &((const PermuteAttr *)n->attr)->order;
    Tensor t = n->src[0]->type;
    unsigned seen = 0;
    for (int i = 0; i < order->n; i++)
        if (order->at[i] >= 0 && order->at[i] < t.shape.rank) seen |= 1u << order->at[i];
    if (order->n != t.shape.rank || seen != (1u << t.shape.rank) - 1)
        return reject(n, "%s does not name each axis of %s once",
                      field_show(permute_fields, n->attr, n->graph->arena), show(n, 0));
    for (int i = 0; i < order->n; i++) t.shape.dim[i] = n->src[0]->type.shape.dim[order->at[i]];
    *out = t;
    return true;
}

static Node *permute_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    PermuteAttr a = *(const PermuteAttr *)attr;
    bool as_is = true;
    for (int i = 0; i < a.order.n; i++) {
        if (a.order.at[i] < 0) a.order.at[i] += src[0]->type.shape.rank;
        as_is &= a.order.at[i] == i;
    }
    return as_is && a.order.n == src[0]->type.shape.rank ? src[0] : emit(g, &op_permute, nsrc, src, &a);
}

static void permute_grad(const Node *n, Node *gy, Node **gx) {
    const Ints *order = &((const PermuteAttr *)n->attr)->order;
    Ints back = {.n = order->n};
    for (int i = 0; i < order->n; i++) back.at[order->at[i]] = i;
    gx[0] = g_permute(gy, &back);
}

static bool permute_view(const Node *n, const Strides *in, Strides *out) {
    const Ints *order = &((const PermuteAttr *)n->attr)->order;
    Strides s = {.offset = in->offset};
    for (int i = 0; i < order->n; i++) s.stride[i] = in->stride[order->at[i]];
    *out = s;
    return true;
}

static const Sample permute_samples[] = {
    {"three", 1, {{F32, {3, {2, 3, 4}}}}, &(PermuteAttr){{3, {2, 0, 1}}}, -1, 1},
    {0},
};

OP(permute, .doc = "x with its axes in another order", .call = "x, order", .arity = 1,
   .traits = VIEW | LINEAR | CHEAP, .attr_size = sizeof(PermuteAttr), .attr = permute_fields,
   .build = permute_build, .infer = permute_infer, .grad = permute_grad, .view = permute_view,
   .ref = view_ref, .samples = permute_samples)

Node *g_permute(Node *x, const Ints *order) {
    return op_apply(x->graph, &op_permute, 1, &x, &(PermuteAttr){*order});
}

/* transpose */
static Node *transpose_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    int rank = src[0]->type.shape.rank;
    (void)nsrc, (void)attr;
    if (rank < 2)
        return refuse(g, &op_transpose, src[0]->type, "at least two axes are wanted, not %s",
                      show_of(src[0]));
    Ints order = {.n = rank};
    for (int i = 0; i < rank; i++) order.at[i] = i;
    order.at[rank - 1] = rank - 2;
    order.at[rank - 2] = rank - 1;
    return g_permute(src[0], &order);
}

static const Sample transpose_samples[] = {{"three", 1, {{F32, {3, {2, 3, 4}}}}, NULL, -1, 1}, {0}};

OP(transpose, .doc = "x with its last two axes swapped", .call = "x", .arity = 1, .traits = LINEAR,
   .build = transpose_build, .samples = transpose_samples)

Node *g_transpose(Node *x) { return op_apply(x->graph, &op_transpose, 1, &x, NULL); }

/* slice */
static const Field slice_fields[] = {
    FIELD(SliceAttr, start, F_INTS, NULL, "first index of each axis"),
    FIELD(SliceAttr, step, F_INTS, NULL, "distance to the next; negative: backwards"),
    FIELD(SliceAttr, size, F_INTS, NULL, "how many"),
    {0},
};

static bool slice_infer(const Node *n, Tensor *out) {
    const SliceAttr *a = n->attr;
    Tensor t = n->src[0]->type;
    if (a->start.n != t.shape.rank || a->step.n != t.shape.rank || a->size.n != t.shape.rank)
        return reject(n, "%d axes of %s are named", a->start.n, show(n, 0));
    for (int i = 0; i < t.shape.rank; i++) {
        int64_t first = a->start.at[i], count = a->size.at[i], last = first + (count - 1) * a->step.at[i];
        if (count < 1) {
            reject(n, "nothing is left of axis %d of %s", i, show(n, 0));
            note_size(n->graph->diags, n->src[0], i);
            return false;
        }
        if (first < 0 || first >= t.shape.dim[i] || last < 0 || last >= t.shape.dim[i] || a->step.at[i] == 0)
            return reject(n, "axis %d of %s has no indices from %lld to %lld", i, show(n, 0),
                          (long long)first, (long long)last);
        t.shape.dim[i] = count;
    }
    *out = t;
    return true;
}

static Node *slice_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    const SliceAttr *a = attr;
    bool whole = a->start.n == src[0]->type.shape.rank;
    for (int i = 0; i < a->start.n && whole; i++)
        whole = a->start.at[i] == 0 && a->step.at[i] == 1 && a->size.at[i] == src[0]->type.shape.dim[i];
    return whole ? src[0] : emit(g, &op_slice, nsrc, src, attr);
}

static void slice_grad(const Node *n, Node *gy, Node **gx) {
    const SliceAttr *a = n->attr;
    gx[0] = g_place(gy, &a->start, &a->step, &n->src[0]->type.shape);
}

static bool slice_view(const Node *n, const Strides *in, Strides *out) {
    const SliceAttr *a = n->attr;
    Strides s = {.offset = in->offset};
    for (int i = 0; i < a->start.n; i++) {
        s.offset += a->start.at[i] * in->stride[i];
        s.stride[i] = a->step.at[i] * in->stride[i];
    }
    *out = s;
    return true;
}

static const Sample slice_samples[] = {
    {"steps", 1, {{F32, {2, {5, 8}}}}, &(SliceAttr){{2, {1, 7}}, {2, {2, -3}}, {2, {2, 3}}}, -1, 1},
    {0},
};

OP(slice, .doc = "every step-th element from start, along each axis", .arity = 1,
   .traits = VIEW | LINEAR | CHEAP, .attr_size = sizeof(SliceAttr), .attr = slice_fields,
   .build = slice_build, .infer = slice_infer, .grad = slice_grad, .view = slice_view, .ref = view_ref,
   .samples = slice_samples)

Node *g_slice(Node *x, const Ints *start, const Ints *step, const Ints *size) {
    return op_apply(x->graph, &op_slice, 1, &x, &(SliceAttr){*start, *step, *size});
}

/* flip */
static const Field flip_fields[] = {FIELD(AxisAttr, axis, F_INT, NULL, "which; negative: from the end"), {0}};

static Node *flip_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    const Shape *s = &src[0]->type.shape;
    int64_t axis = ((const AxisAttr *)attr)->axis;
    (void)nsrc;
    if (axis < 0) axis += s->rank;
    if (axis < 0 || axis >= s->rank)
        return refuse(g, &op_flip, src[0]->type, "%s has no axis %lld", show_of(src[0]),
                      (long long)((const AxisAttr *)attr)->axis);
    SliceAttr a = {{s->rank, {0}}, {s->rank, {0}}, ints_of_shape(s)};
    for (int i = 0; i < s->rank; i++) a.step.at[i] = 1;
    a.start.at[axis] = s->dim[axis] - 1;
    a.step.at[axis] = -1;
    return g_slice(src[0], &a.start, &a.step, &a.size);
}

static const Sample flip_samples[] = {{"last", 1, {{F32, {2, {3, 4}}}}, &(AxisAttr){-1}, -1, 1}, {0}};

OP(flip, .doc = "x backwards along an axis", .call = "x, axis", .arity = 1, .traits = LINEAR,
   .attr_size = sizeof(AxisAttr), .attr = flip_fields, .build = flip_build, .samples = flip_samples)
