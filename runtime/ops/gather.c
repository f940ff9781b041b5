/* Operators with int tensors as indices: gather, scatter, argmax, argsort. An index outside reads as NaN (0
 * for int and bool) and writes nothing: what a wrong label does is seen, and no memory is touched that is not
 * ours. */
#include "kern/kern.h"
#include "ops/ops.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool wants_int(const Node *n, int k) {
    return n->src[k]->type.dtype == I32 || reject(n, "indices are int, not %s %s: to_int(...) makes them so",
                                                  dtype_name(n->src[k]->type.dtype), show(n, k));
}

/* Rows are what is left of axis 0: [rows, width]. */
static int64_t width_of(const Shape *s) { return shape_count(s) / s->dim[0]; }

/* The indices are source 1 and name rows of source 0. */
static int64_t rows_of_first(const Node *n, int *indices) {
    *indices = 1;
    return n->src[0]->type.shape.dim[0];
}

/* The indices are source 0 and name rows of what is made. */
static int64_t rows_made(const Node *n, int *indices) {
    *indices = 0;
    return n->type.shape.dim[0];
}

/* gather: y[i...] = x[index[i...]] */
static bool gather_infer(const Node *n, Tensor *out) {
    const Tensor *x = &n->src[0]->type, *at = &n->src[1]->type;
    if (!wants_int(n, 1)) return false;
    if (x->shape.rank < 1 || x->shape.rank - 1 + at->shape.rank > RANK_MAX)
        return reject(n, "%s by %s: rows along axis 0 are wanted, at most %d axes in all", show(n, 0),
                      show(n, 1), RANK_MAX);
    Tensor t = {x->dtype, at->shape};
    for (int i = 1; i < x->shape.rank; i++) t.shape.dim[t.shape.rank++] = x->shape.dim[i];
    *out = t;
    return true;
}

static void gather_grad(const Node *n, Node *gy, Node **gx) {
    gx[0] = g_scatter_add(n->src[1], gy, n->src[0]->type.shape.dim[0]);
}

static void gather_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    const Tensor *x = &i->in[0].type;
    const int32_t *at = in[1];
    size_t row = (size_t)width_of(&x->shape) * dtype_size(x->dtype);
    char *y = out[0];
    (void)scratch;
    for (int64_t k = 0, count = shape_count(&i->in[1].type.shape); k < count; k++, y += row) {
        if (at[k] >= 0 && at[k] < x->shape.dim[0])
            memcpy(y, (const char *)in[0] + (size_t)at[k] * row, row);
        else
            memset(y, x->dtype == F32 ? 0xff : 0, row); /* all ones: a NaN */
    }
}

/* An index outside: the values of the table may be no numbers either. */
static void explain_index(int64_t at, int64_t rows, const char *of, char *to, size_t size) {
    if (at < 0 || at >= rows)
        snprintf(to, size, "the index %lld lies outside the %lld %s, 0 to %lld", (long long)at, (long long)rows, of, (long long)rows - 1);
}

static void gather_explain(const Numbers *in, int64_t element, char *to, size_t size) {
    const Shape *x = &in[0].type.shape;
    explain_index((int64_t)number_get(in[1].data, in[1].type.dtype, element / width_of(x)), x->dim[0], "rows", to, size);
}

static void gather_ref(const Node *n, const double *const *in, double *out) {
    int64_t rows = n->src[0]->type.shape.dim[0], width = width_of(&n->src[0]->type.shape);
    for (int64_t e = 0; e < NODE_COUNT(n); e++) {
        int64_t at = (int64_t)in[1][e / width];
        out[e] = at >= 0 && at < rows ? in[0][at * width + e % width] : n->type.dtype == F32 ? NAN : 0;
    }
}

static const Sample gather_samples[] = {
    {"rows", 2, {{F32, {2, {4, 3}}}, {I32, {1, {6}}}}, NULL, 0, 3},
    {"table", 2, {{F32, {1, {5}}}, {I32, {2, {2, 3}}}}, NULL, 0, 4},
    {0},
};

static const Sample gather_large = {"rows of 64", 2, {{F32, {2, {20000, 64}}}, {I32, {1, {20000}}}}, NULL, 0, 19999};

OP(gather, .doc = "the rows of x (along axis 0) that the indices name", .call = "x, indices", .arity = 2,
   .traits = LINEAR, .infer = gather_infer, .grad = gather_grad, .eval = gather_eval, .explain = gather_explain,
   .places = rows_of_first, .ref = gather_ref,
   .samples = gather_samples, .large = &gather_large)

Node *g_gather(Node *x, Node *indices) { return op_apply(x->graph, &op_gather, 2, NODES(x, indices), NULL); }

/* scatter_add: zeros [count, ...], with each row added where its index says */
static const Field count_fields[] = {FIELD(CountAttr, count, F_INT, NULL, "how many rows the result has"),
                                     {0}};

static bool scatter_add_infer(const Node *n, Tensor *out) {
    const Shape *at = &n->src[0]->type.shape, *rows = &n->src[1]->type.shape;
    int64_t count = ((const CountAttr *)n->attr)->count;
    if (!wants_int(n, 0)) return false;
    bool fits = n->src[1]->type.dtype == F32 && rows->rank >= at->rank && count >= 1;
    for (int i = 0; i < at->rank && fits; i++) fits = at->dim[i] == rows->dim[i];
    if (!fits || rows->rank - at->rank + 1 > RANK_MAX)
        return reject(n, "%s %s does not have a row for each of the indices %s",
                      dtype_name(n->src[1]->type.dtype), show(n, 1), show(n, 0));
    *out = tensor_of(F32, SHAPE(count));
    for (int i = at->rank; i < rows->rank; i++) out->shape.dim[out->shape.rank++] = rows->dim[i];
    return true;
}

static void scatter_add_grad(const Node *n, Node *gy, Node **gx) { gx[1] = g_gather(gy, n->src[0]); }

static void scatter_add_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    const Shape *to = &i->out[0].type.shape;
    const int32_t *at = in[0];
    const float *rows = in[1];
    float *y = out[0];
    int64_t width = width_of(to);
    (void)scratch;
    memset(y, 0, (size_t)shape_count(to) * sizeof *y);
    for (int64_t k = 0, count = shape_count(&i->in[0].type.shape); k < count; k++) {
        if (at[k] < 0 || at[k] >= to->dim[0]) continue;
        for (int64_t j = 0; j < width; j++) y[at[k] * width + j] += rows[k * width + j];
    }
}

static void scatter_add_ref(const Node *n, const double *const *in, double *out) {
    int64_t width = width_of(&n->type.shape);
    memset(out, 0, (size_t)NODE_COUNT(n) * sizeof *out);
    for (int64_t e = 0; e < NODE_COUNT(n->src[1]); e++) {
        int64_t at = (int64_t)in[0][e / width];
        if (at >= 0 && at < n->type.shape.dim[0]) out[at * width + e % width] += in[1][e];
    }
}

static const Sample scatter_add_samples[] = {
    {"rows", 2, {{I32, {1, {6}}}, {F32, {2, {6, 3}}}}, &(CountAttr){4}, 0, 3},
    {"scalars", 2, {{I32, {2, {2, 3}}}, {F32, {2, {2, 3}}}}, &(CountAttr){5}, 0, 4},
    {0},
};

static const Sample scatter_add_large = {"rows of 64", 2, {{I32, {1, {20000}}}, {F32, {2, {20000, 64}}}}, &(CountAttr){20000}, 0, 19999};

OP(scatter_add, .doc = "zeros, with each row added at the row its index names",
   .call = "indices, rows, count", .arity = 2, .traits = LINEAR, .attr_size = sizeof(CountAttr),
   .attr = count_fields, .infer = scatter_add_infer, .grad = scatter_add_grad, .eval = scatter_add_eval,
   .places = rows_made, .ref = scatter_add_ref, .samples = scatter_add_samples, .large = &scatter_add_large)

Node *g_scatter_add(Node *indices, Node *rows, int64_t count) {
    return op_apply(indices->graph, &op_scatter_add, 2, NODES(indices, rows), &(CountAttr){count});
}

/* last_write: which of the indices is the last that names its row */
static bool last_write_infer(const Node *n, Tensor *out) {
    if (!wants_int(n, 0)) return false;
    *out = tensor_of(U8, n->src[0]->type.shape);
    return true;
}

static bool last_write_prepare(Instr *i) {
    i->scratch_size = (size_t)((const CountAttr *)i->attr)->count;
    return true;
}

static void last_write_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    const int32_t *at = in[0];
    uint8_t *written = scratch, *y = out[0];
    int64_t rows = ((const CountAttr *)i->attr)->count;
    memset(written, 0, (size_t)rows);
    for (int64_t k = shape_count(&i->in[0].type.shape) - 1; k >= 0; k--) {
        bool inside = at[k] >= 0 && at[k] < rows;
        y[k] = inside && !written[at[k]];
        if (inside) written[at[k]] = 1;
    }
}

static void last_write_ref(const Node *n, const double *const *in, double *out) {
    int64_t count = NODE_COUNT(n), rows = ((const CountAttr *)n->attr)->count;
    for (int64_t k = 0; k < count; k++) {
        out[k] = in[0][k] >= 0 && in[0][k] < (double)rows;
        for (int64_t later = k + 1; later < count; later++)
            if (in[0][later] == in[0][k]) out[k] = 0;
    }
}

static const Sample last_write_samples[] = {{"some", 1, {{I32, {1, {6}}}}, &(CountAttr){4}, 0, 3}, {0}};

static const Sample last_write_large = {"of as many", 1, {{I32, {1, {20000}}}}, &(CountAttr){20000}, 0, 19999};

OP(last_write, .doc = "true where an index is the last that names its row", .arity = 1,
   .traits = STOPS_GRAD | PIECEWISE, .attr_size = sizeof(CountAttr), .attr = count_fields,
   .infer = last_write_infer, .prepare = last_write_prepare, .eval = last_write_eval, .ref = last_write_ref,
   .samples = last_write_samples, .large = &last_write_large)

/* scatter: x with rows replaced, the last winning */
static bool scatter_infer(const Node *n, Tensor *out) {
    const Tensor *x = &n->src[0]->type, *rows = &n->src[2]->type;
    const Shape *at = &n->src[1]->type.shape;
    if (!wants_int(n, 1)) return false;
    bool fits =
        x->dtype == rows->dtype && x->shape.rank >= 1 && rows->shape.rank == at->rank + x->shape.rank - 1;
    for (int i = 0; i < at->rank && fits; i++) fits = rows->shape.dim[i] == at->dim[i];
    for (int i = 1; i < x->shape.rank && fits; i++)
        fits = rows->shape.dim[at->rank + i - 1] == x->shape.dim[i];
    if (!fits)
        return reject(n, "%s %s at the indices %s of %s %s: one row each is wanted", dtype_name(rows->dtype),
                      show(n, 2), show(n, 1), dtype_name(x->dtype), show(n, 0));
    *out = *x;
    return true;
}

static Node *scatter_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    DType to = level_common(1, src, level_common(1, src + 2, U8));
    (void)attr;
    return emit(g, &op_scatter, nsrc, NODES(level_type(src[0], to), src[1], level_type(src[2], to)), NULL);
}

static void scatter_grad(const Node *n, Node *gy, Node **gx) {
    Node *x = n->src[0], *at = n->src[1], *rows = n->src[2];
    Node *last = emit(n->graph, &op_last_write, 1, &at, &(CountAttr){x->type.shape.dim[0]});
    Shape column = at->type.shape;
    while (column.rank < rows->type.shape.rank) column.dim[column.rank++] = 1;
    last = g_broadcast(g_reshape(last, &column), &rows->type.shape);
    gx[0] = op_apply(n->graph, &op_scatter, 3, NODES(gy, at, g_like(rows, 0)), NULL);
    gx[2] = g_select(last, g_gather(gy, at), g_like(rows, 0));
}

static void replace_rows(const Shape *x, int64_t k, int64_t at, const char *rows, char *y, size_t size) {
    size_t row = (size_t)width_of(x) * size;
    if (at >= 0 && at < x->dim[0]) memcpy(y + (size_t)at * row, rows + (size_t)k * row, row);
}

static void scatter_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    const Tensor *x = &i->in[0].type;
    const int32_t *at = in[1];
    size_t size = dtype_size(x->dtype);
    (void)scratch;
    memcpy(out[0], in[0], (size_t)shape_count(&x->shape) * size);
    for (int64_t k = 0, count = shape_count(&i->in[1].type.shape); k < count; k++)
        replace_rows(&x->shape, k, at[k], in[2], out[0], size);
}

static void scatter_ref(const Node *n, const double *const *in, double *out) {
    memcpy(out, in[0], (size_t)NODE_COUNT(n) * sizeof *out);
    for (int64_t k = 0; k < NODE_COUNT(n->src[1]); k++)
        replace_rows(&n->type.shape, k, (int64_t)in[1][k], (const char *)in[2], (char *)out, sizeof *out);
}

static const Sample scatter_samples[] = {
    {"rows", 3, {{F32, {2, {5, 3}}}, {I32, {1, {4}}}, {F32, {2, {4, 3}}}}, NULL, 0, 4},
    {"numbers", 3, {{F32, {1, {5}}}, {I32, {1, {6}}}, {F32, {1, {6}}}}, NULL, 0, 4},
    {0},
};

static const Sample scatter_large = {"rows of 64", 3, {{F32, {2, {20000, 64}}}, {I32, {1, {128}}}, {F32, {2, {128, 64}}}}, NULL, 0, 19999};

OP(scatter, .doc = "x with the rows that the indices name replaced; the last one wins",
   .call = "x, indices, rows", .arity = 3, .traits = LINEAR, .build = scatter_build, .infer = scatter_infer,
   .grad = scatter_grad, .eval = scatter_eval, .places = rows_of_first, .ref = scatter_ref, .samples = scatter_samples, .large = &scatter_large)

/* gather_last: y[..., j] = x[..., index[..., j]] */
static bool same_lead(const Shape *a, const Shape *b) {
    bool same = a->rank == b->rank && a->rank >= 1;
    for (int i = 0; i < a->rank - 1 && same; i++) same = a->dim[i] == b->dim[i];
    return same;
}

static int64_t last_of(const Shape *s) { return s->dim[s->rank - 1]; }

static int64_t width_of_first(const Node *n, int *indices) {
    *indices = 1;
    return last_of(&n->src[0]->type.shape);
}

static int64_t width_made(const Node *n, int *indices) {
    *indices = 0;
    return last_of(&n->type.shape);
}

static bool gather_last_infer(const Node *n, Tensor *out) {
    if (!wants_int(n, 1)) return false;
    if (!same_lead(&n->src[0]->type.shape, &n->src[1]->type.shape))
        return reject(n, "%s by %s: they may differ in the last axis only", show(n, 0), show(n, 1));
    *out = tensor_of(n->src[0]->type.dtype, n->src[1]->type.shape);
    return true;
}

static void gather_last_grad(const Node *n, Node *gy, Node **gx) {
    gx[0] = g_scatter_add_last(n->src[1], gy, last_of(&n->src[0]->type.shape));
}

static void gather_last_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    const Shape *x = &i->in[0].type.shape, *s = &i->in[1].type.shape;
    const int32_t *at = in[1], *x4 = in[0];
    const uint8_t *x1 = in[0];
    int32_t *y4 = out[0], none = i->out[0].type.dtype == F32 ? -1 : 0; /* all ones: a NaN */
    uint8_t *y1 = out[0];
    int64_t width = last_of(x), taken = last_of(s);
    (void)scratch;
    for (int64_t k = 0, count = shape_count(s); k < count; k++) {
        bool inside = at[k] >= 0 && at[k] < width;
        int64_t from = k / taken * width + (inside ? at[k] : 0);
        if (i->out[0].type.dtype == U8)
            y1[k] = inside ? x1[from] : 0;
        else
            y4[k] = inside ? x4[from] : none;
    }
}

static void gather_last_explain(const Numbers *in, int64_t element, char *to, size_t size) {
    explain_index((int64_t)number_get(in[1].data, in[1].type.dtype, element), last_of(&in[0].type.shape), "elements", to, size);
}

static void gather_last_ref(const Node *n, const double *const *in, double *out) {
    int64_t width = last_of(&n->src[0]->type.shape), taken = last_of(&n->type.shape);
    for (int64_t k = 0; k < NODE_COUNT(n); k++) {
        int64_t at = (int64_t)in[1][k];
        out[k] = at >= 0 && at < width ? in[0][k / taken * width + at] : n->type.dtype == F32 ? NAN : 0;
    }
}

static const Sample gather_last_samples[] = {
    {"labels", 2, {{F32, {2, {4, 5}}}, {I32, {2, {4, 1}}}}, NULL, 0, 4},
    {"many", 2, {{F32, {3, {2, 2, 4}}}, {I32, {3, {2, 2, 6}}}}, NULL, 0, 3},
    {0},
};

static const Sample gather_last_large = {"rows of 1024", 2, {{F32, {2, {1024, 1024}}}, {I32, {2, {1024, 1024}}}}, NULL, 0, 1023};

OP(gather_last, .doc = "the elements of the last axis that the indices name, row by row",
   .call = "x, indices", .arity = 2, .traits = LINEAR, .infer = gather_last_infer, .grad = gather_last_grad,
   .eval = gather_last_eval, .explain = gather_last_explain,
   .places = width_of_first, .ref = gather_last_ref, .samples = gather_last_samples, .large = &gather_last_large)

Node *g_gather_last(Node *x, Node *indices) {
    return op_apply(x->graph, &op_gather_last, 2, NODES(x, indices), NULL);
}

/* scatter_add_last: zeros [..., count], with each value added where its index says */
static bool scatter_add_last_infer(const Node *n, Tensor *out) {
    const Tensor *values = &n->src[1]->type;
    int64_t count = ((const CountAttr *)n->attr)->count;
    if (!wants_int(n, 0)) return false;
    if (!shape_equal(&values->shape, &n->src[0]->type.shape) || values->shape.rank < 1 ||
        values->dtype != F32 || count < 1)
        return reject(n, "%s %s does not have a value for each of the indices %s", dtype_name(values->dtype),
                      show(n, 1), show(n, 0));
    *out = *values;
    out->shape.dim[values->shape.rank - 1] = count;
    return true;
}

static void scatter_add_last_grad(const Node *n, Node *gy, Node **gx) {
    gx[1] = g_gather_last(gy, n->src[0]);
}

static void scatter_add_last_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    const Shape *s = &i->in[0].type.shape;
    const int32_t *at = in[0];
    const float *x = in[1];
    float *y = out[0];
    int64_t width = last_of(&i->out[0].type.shape), taken = last_of(s);
    (void)scratch;
    memset(y, 0, (size_t)shape_count(&i->out[0].type.shape) * sizeof *y);
    for (int64_t k = 0, count = shape_count(s); k < count; k++)
        if (at[k] >= 0 && at[k] < width) y[k / taken * width + at[k]] += x[k];
}

static void scatter_add_last_ref(const Node *n, const double *const *in, double *out) {
    int64_t width = last_of(&n->type.shape), taken = last_of(&n->src[0]->type.shape);
    memset(out, 0, (size_t)NODE_COUNT(n) * sizeof *out);
    for (int64_t k = 0; k < NODE_COUNT(n->src[0]); k++) {
        int64_t at = (int64_t)in[0][k];
        if (at >= 0 && at < width) out[k / taken * width + at] += in[1][k];
    }
}

static const Sample scatter_add_last_samples[] = {
    {"labels", 2, {{I32, {2, {4, 1}}}, {F32, {2, {4, 1}}}}, &(CountAttr){5}, 0, 4},
    {"many", 2, {{I32, {3, {2, 2, 6}}}, {F32, {3, {2, 2, 6}}}}, &(CountAttr){4}, 0, 3},
    {0},
};

static const Sample scatter_add_last_large = {"rows of 1024", 2, {{I32, {2, {1024, 1024}}}, {F32, {2, {1024, 1024}}}}, &(CountAttr){1024}, 0, 1023};

OP(scatter_add_last, .doc = "zeros, with each value added along the last axis where its index says",
   .call = "indices, values, count", .arity = 2, .traits = LINEAR, .attr_size = sizeof(CountAttr),
   .attr = count_fields, .infer = scatter_add_last_infer, .grad = scatter_add_last_grad,
   .eval = scatter_add_last_eval, .places = width_made, .ref = scatter_add_last_ref, .samples = scatter_add_last_samples, .large = &scatter_add_last_large)

Node *g_scatter_add_last(Node *indices, Node *values, int64_t count) {
    return op_apply(indices->graph, &op_scatter_add_last, 2, NODES(indices, values), &(CountAttr){count});
}
