/* Operators that copy numbers to other places: place, pad, concat. One copy, cut into tasks, serves them all;
 * the references go element by element. */
#include "kern/kern.h"
#include "ops/ops.h"

#include <string.h>

/* A copy of a dense tensor into another one at strides, in tasks of many rows. A row is a run of the last
 * axis, as long as axes that follow on each other in both tensors make it. */
typedef struct {
    const char *x;
    char *y;
    Shape outer; /* the axes over the rows */
    Strides at;
    int64_t inner, step, size, rows, each; /* of a row: elements, their distance; bytes of an element; rows
                                              in all and in a task */
} Copy;

enum { TASK_BYTES = 1 << 17 };

static Copy copy_new(const Shape *from, const void *x, const Strides *at, void *y, size_t size) {
    Copy c = {.x = x, .y = y, .at = {.offset = at->offset}, .size = (int64_t)size};
    int64_t dim[RANK_MAX + 1] = {1}, stride[RANK_MAX + 1] = {1};
    int n = 0; /* axes from the inside out, merged where they follow on */
    for (int i = from->rank - 1; i >= 0; i--) {
        if (from->dim[i] == 1) continue;
        bool first = dim[n] == 1;
        if (!first && at->stride[i] == stride[n] * dim[n]) {
            dim[n] *= from->dim[i];
            continue;
        }
        if (!first) n++;
        dim[n] = from->dim[i];
        stride[n] = at->stride[i];
    }
    c.inner = dim[0];
    c.step = stride[0];
    c.outer.rank = n;
    for (int i = 0; i < n; i++) c.outer.dim[i] = dim[n - i], c.at.stride[i] = stride[n - i];
    c.rows = shape_count(&c.outer);
    c.each = TASK_BYTES / (c.inner * c.size) + 1;
    return c;
}

static void copy_row(const Copy *c, const char *x, char *y) {
    if (c->step == 1) {
        memcpy(y, x, (size_t)(c->inner * c->size));
    } else if (c->size == 4) {
        for (int64_t i = 0; i < c->inner; i++) memcpy(y + i * c->step * 4, x + i * 4, 4);
    } else {
        for (int64_t i = 0; i < c->inner; i++)
            memcpy(y + i * c->step * c->size, x + i * c->size, (size_t)c->size);
    }
}

static void copy_task(void *ctx, int64_t task) {
    const Copy *c = ctx;
    int64_t row = task * c->each, end = row + c->each < c->rows ? row + c->each : c->rows;
    int64_t index[RANK_MAX] = {0};
    for (int64_t i = c->outer.rank - 1, rest = row; i >= 0; rest /= c->outer.dim[i--])
        index[i] = rest % c->outer.dim[i];
    for (; row < end; row++) {
        int64_t at = index_offset(&c->at, c->outer.rank, index);
        copy_row(c, c->x + row * c->inner * c->size, c->y + at * c->size);
        next_index(&c->outer, index);
    }
}

static void copy_block(const Shape *from, const void *x, const Strides *at, void *y, size_t size) {
    Copy c = copy_new(from, x, at, y, size);
    parallel_for((c.rows + c.each - 1) / c.each, copy_task, &c);
}

typedef struct {
    char *y;
    size_t bytes;
} Zeros;

static void zero_task(void *ctx, int64_t task) {
    const Zeros *z = ctx;
    size_t from = (size_t)task * TASK_BYTES;
    memset(z->y + from, 0, z->bytes - from < TASK_BYTES ? z->bytes - from : TASK_BYTES);
}

static void zero(void *y, size_t bytes) {
    parallel_for((int64_t)((bytes + TASK_BYTES - 1) / TASK_BYTES), zero_task, &(Zeros){y, bytes});
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
    zero(out[0], (size_t)shape_count(&to->shape) * size);
    copy_block(&i->in[0].type.shape, in[0], &at, out[0], size);
}

static void place_ref(const Node *n, const double *const *in, double *out) {
    const PlaceAttr *a = n->attr;
    Strides at = placed(&n->type.shape, &a->start, &a->step);
    int64_t index[RANK_MAX] = {0}, e = 0;
    memset(out, 0, (size_t)NODE_COUNT(n) * sizeof *out);
    do out[index_offset(&at, n->type.shape.rank, index)] = in[0][e++];
    while (next_index(&n->src[0]->type.shape, index));
}

static const Sample place_samples[] = {
    {"border",
     1,
     {{F32, {4, {2, 3, 4, 2}}}},
     &(PlaceAttr){.start = {4, {0, 1, 2, 0}}, .step = {4, {1, 1, 1, 1}}, .shape = {4, {2, 5, 6, 2}}},
     -1,
     1},
    {"many rows",
     1,
     {{F32, {3, {40, 30, 64}}}},
     &(PlaceAttr){.start = {3, {0, 1, 0}}, .step = {3, {1, 2, 1}}, .shape = {3, {40, 61, 64}}},
     -1,
     1},
    {"steps",
     1,
     {{F32, {2, {2, 3}}}},
     &(PlaceAttr){.start = {2, {1, 7}}, .step = {2, {2, -3}}, .shape = {2, {5, 8}}},
     -1,
     1},
    {0},
};

static const Sample place_large = {"border of 1", 1, {{F32, {4, {64, 32, 32, 64}}}},
                                   &(PlaceAttr){.start = {4, {0, 1, 1, 0}}, .step = {4, {1, 1, 1, 1}}, .shape = {4, {64, 34, 34, 64}}}, -1, 1};

OP(place, .doc = "zeros, with x at every step-th place from start", .arity = 1, .traits = LINEAR,
   .attr_size = sizeof(PlaceAttr), .attr = place_fields, .infer = place_infer, .grad = place_grad,
   .eval = place_eval, .ref = place_ref, .samples = place_samples, .large = &place_large)

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
static const Field concat_fields[] = {
    FIELD(AxisAttr, axis, F_INT, "-1", "along which; negative: from the end"),
    {0},
};

static bool concat_infer(const Node *n, Tensor *out) {
    int64_t axis = ((const AxisAttr *)n->attr)->axis;
    Tensor t = n->src[0]->type;
    if (axis < 0 || axis >= t.shape.rank)
        return reject(n, "%s has no axis %lld", show(n, 0), (long long)axis);
    for (int k = 1; k < n->nsrc; k++) {
        Tensor s = n->src[k]->type;
        int64_t more = s.shape.rank == t.shape.rank ? s.shape.dim[axis] : 0;
        s.shape.dim[axis] = t.shape.dim[axis];
        if (!tensor_equal(&s, &t)) {
            int odd = 0;
            while (odd < t.shape.rank && s.shape.dim[odd] == t.shape.dim[odd]) odd++;
            reject(n, "%s %s and %s %s differ not only in axis %lld", dtype_name(t.dtype), show(n, 0),
                   dtype_name(s.dtype), show(n, k), (long long)axis);
            for (int i = 0; i <= k && odd < t.shape.rank; i += k) note_size(n->graph->diags, n->src[i], odd);
            return false;
        }
        t.shape.dim[axis] += more;
    }
    *out = t;
    return true;
}

static Node *concat_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    AxisAttr a = *(const AxisAttr *)attr;
    if (a.axis < 0) a.axis += src[0]->type.shape.rank;
    if (nsrc == 1 && a.axis >= 0 && a.axis < src[0]->type.shape.rank) return src[0];
    for (int k = 1; k < nsrc; k++)
        if (src[k]->type.shape.rank != src[0]->type.shape.rank)
            return refuse(g, &op_concat, src[0]->type, "%s %s and %s %s have %d and %d axes%s", dtype_name(src[0]->type.dtype),
                          show_of(src[0]), dtype_name(src[k]->type.dtype), show_of(src[k]), src[0]->type.shape.rank, src[k]->type.shape.rank,
                          src[k]->type.dtype == I32 ? ": labels become features by one_hot(label, n) or embedding(label, n, size)"
                                                    : "; x[:, new] has one more");
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

static void concat_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    int64_t axis = ((const AxisAttr *)i->attr)->axis;
    Strides at = dense(&i->out[0].type.shape);
    (void)scratch;
    for (int k = 0; k < i->nin; k++) {
        copy_block(&i->in[k].type.shape, in[k], &at, out[0], dtype_size(i->out[0].type.dtype));
        at.offset += i->in[k].type.shape.dim[axis] * at.stride[axis];
    }
}

static void concat_ref(const Node *n, const double *const *in, double *out) {
    int64_t axis = ((const AxisAttr *)n->attr)->axis, before = 0;
    Strides at = dense(&n->type.shape);
    for (int k = 0; k < n->nsrc; before += n->src[k++]->type.shape.dim[axis]) {
        int64_t index[RANK_MAX] = {0}, e = 0;
        do out[index_offset(&at, n->type.shape.rank, index) + before * at.stride[axis]] = in[k][e++];
        while (next_index(&n->src[k]->type.shape, index));
    }
}

static const Sample concat_samples[] = {
    {"last", 3, {{F32, {2, {2, 3}}}, {F32, {2, {2, 1}}}, {F32, {2, {2, 4}}}}, &(AxisAttr){-1}, -1, 1},
    {"first", 2, {{F32, {2, {2, 3}}}, {F32, {2, {4, 3}}}}, &(AxisAttr){0}, -1, 1},
    {0},
};

static const Sample concat_large = {"channels", 2, {{F32, {2, {65536, 32}}}, {F32, {2, {65536, 32}}}}, &(AxisAttr){-1}, -1, 1};

OP(concat, .doc = "tensors side by side along an axis", .call = "x, others, axis=-1", .arity = -1,
   .traits = LINEAR, .attr_size = sizeof(AxisAttr), .attr = concat_fields, .build = concat_build,
   .infer = concat_infer, .grad = concat_grad, .eval = concat_eval, .ref = concat_ref,
   .samples = concat_samples, .large = &concat_large)

Node *g_concat(Graph *g, int n, Node *const *x, int64_t axis) {
    return op_apply(g, &op_concat, n, x, &(AxisAttr){axis});
}
