/* The matrix product on the last two axes, alone or in a batch, each side stored plain or transposed. */
#include "kern/kern.h"
#include "ops/ops.h"

#include <string.h>

static const Field matmul_fields[] = {
    FIELD(MatmulAttr, ta, F_BOOL, "false", "the left side is stored transposed"),
    FIELD(MatmulAttr, tb, F_BOOL, "false", "the right side is"),
    {0},
};

typedef struct {
    int64_t batch, m, n, k;
} Sizes; /* batch times [m, k] @ [k, n] */

static Sizes sizes_of(const Shape *a, const Shape *b, const MatmulAttr *t) {
    Sizes s = {.batch = 1};
    for (int i = 0; i < a->rank - 2; i++) s.batch *= a->dim[i];
    s.m = a->dim[a->rank - (t->ta ? 1 : 2)];
    s.k = a->dim[a->rank - (t->ta ? 2 : 1)];
    s.n = b->dim[b->rank - (t->tb ? 2 : 1)];
    return s;
}

static bool matmul_infer(const Node *n, Tensor *out) {
    const MatmulAttr *t = n->attr;
    const Tensor *a = &n->src[0]->type, *b = &n->src[1]->type;
    if (a->dtype != F32 || b->dtype != F32)
        return reject(n, "not for %s @ %s", dtype_name(a->dtype), dtype_name(b->dtype));
    bool fits = a->shape.rank >= 2 && a->shape.rank == b->shape.rank;
    for (int i = 0; i < a->shape.rank - 2 && fits; i++) fits = a->shape.dim[i] == b->shape.dim[i];
    if (!fits) return reject(n, "%s @ %s do not fit together", show(n, 0), show(n, 1));
    Sizes s = sizes_of(&a->shape, &b->shape, t);
    if (b->shape.dim[b->shape.rank - (t->tb ? 1 : 2)] != s.k)
        return reject(n, "inner sizes differ: %s%s @ %s%s", show(n, 0), t->ta ? " transposed" : "",
                      show(n, 1), t->tb ? " transposed" : "");
    *out = tensor_of(F32, a->shape);
    out->shape.dim[a->shape.rank - 2] = s.m;
    out->shape.dim[a->shape.rank - 1] = s.n;
    return true;
}

static Shape with_last(const Shape *lead, int keep, int64_t a, int64_t b) {
    Shape s = {.rank = keep};
    for (int i = 0; i < keep; i++) s.dim[i] = lead->dim[i];
    if (a) s.dim[s.rank++] = a;
    if (b) s.dim[s.rank++] = b;
    return s;
}

/* A vector becomes a matrix of one row or column, and its axis goes in the end; where one side has no leading
 * axes and the other's matrices can be stacked, they are; else leading axes are stretched. */
static Node *matmul_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    const MatmulAttr *t = attr;
    Node *a = level_type(src[0], F32), *b = level_type(src[1], F32);
    (void)nsrc;
    if (t->ta || t->tb) return emit(g, &op_matmul, 2, NODES(a, b), attr);
    int rank_a = a->type.shape.rank, rank_b = b->type.shape.rank;
    if (!rank_a || !rank_b)
        return refuse(g, &op_matmul, a->type, "%s @ %s: a scalar is no matrix, multiply with *", show_of(a),
                      show_of(b));
    int64_t inner_a = a->type.shape.dim[rank_a - 1], inner_b = b->type.shape.dim[rank_b > 1 ? rank_b - 2 : 0];
    if (inner_a != inner_b) {
        Node *wrong = refuse(g, &op_matmul, a->type, "inner sizes differ: %s @ %s", show_of(a), show_of(b));
        note_size(g->diags, a, rank_a - 1);
        note_size(g->diags, b, rank_b > 1 ? rank_b - 2 : 0);
        return wrong;
    }
    Shape row = SHAPE(1, inner_a), column = SHAPE(inner_b, 1);
    if (rank_a == 1) a = g_reshape(a, &row);
    if (rank_b == 1) b = g_reshape(b, &column);
    const Shape *sa = &a->type.shape, *sb = &b->type.shape;
    int64_t m = sa->dim[sa->rank - 2], n = sb->dim[sb->rank - 1];
    Shape lead_a = with_last(sa, sa->rank - 2, 0, 0), lead_b = with_last(sb, sb->rank - 2, 0, 0), lead;
    if (!shape_broadcast(&lead_a, &lead_b, &lead))
        return refuse(g, &op_matmul, a->type, "%s @ %s: the leading axes do not fit together", show_of(a),
                      show_of(b));
    Node *y;
    if (sb->rank == 2 && sa->rank > 2) {
        Shape flat = SHAPE(NODE_COUNT(a) / inner_a, inner_a);
        y = emit(g, &op_matmul, 2, NODES(g_reshape(a, &flat), b), attr);
    } else {
        Shape to_a = with_last(&lead, lead.rank, m, inner_a), to_b = with_last(&lead, lead.rank, inner_b, n);
        y = emit(g, &op_matmul, 2, NODES(g_broadcast(a, &to_a), g_broadcast(b, &to_b)), attr);
    }
    Shape to = with_last(&lead, lead.rank, rank_a == 1 ? 0 : m, rank_b == 1 ? 0 : n);
    return g_reshape(y, &to);
}

static Node *product(Node *a, bool ta, Node *b, bool tb) {
    return emit(a->graph, &op_matmul, 2, NODES(a, b), &(MatmulAttr){ta, tb});
}

static void matmul_grad(const Node *n, Node *gy, Node **gx) {
    const MatmulAttr *t = n->attr;
    Node *a = n->src[0], *b = n->src[1];
    gx[0] = t->ta ? product(b, t->tb, gy, true) : product(gy, false, b, !t->tb);
    gx[1] = t->tb ? product(gy, true, a, t->ta) : product(a, !t->ta, gy, false);
}

static bool matmul_prepare(Instr *i) {
    const MatmulAttr *t = i->attr;
    Sizes s = sizes_of(&i->in[0].type.shape, &i->in[1].type.shape, t);
    Product *p = i->bf16 ? product_new(s.batch, t->ta, t->tb, s.m, s.n, s.k) : NULL;
    i->state = p;
    if (p) i->scratch_size = product_scratch(p), i->kernel = "bf16";
    else gemm_prepare(t->tb, s.m, s.n, s.k);
    return true;
}

static void matmul_release(Instr *i) { product_free(i->state); }

static void matmul_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    const MatmulAttr *t = i->attr;
    Sizes s = sizes_of(&i->in[0].type.shape, &i->in[1].type.shape, t);
    if (i->state)
        product_run(i->state, in[0], in[1], out[0], scratch);
    else if (s.batch == 1)
        gemm(t->ta, t->tb, s.m, s.n, s.k, in[0], in[1], out[0], false);
    else
        gemm_batch(s.batch, t->ta, t->tb, s.m, s.n, s.k, in[0], s.m * s.k, in[1], s.k * s.n, out[0]);
}

static void matmul_ref(const Node *node, const double *const *in, double *out) {
    const MatmulAttr *t = node->attr;
    Sizes s = sizes_of(&node->src[0]->type.shape, &node->src[1]->type.shape, t);
    Arena *scratch = scratch_for(node);
    double *row = ARENA_ARRAY(scratch, double, s.k);  /* of A, in line */
    memset(out, 0, (size_t)NODE_COUNT(node) * sizeof *out);
    for (int64_t e = 0; e < s.batch * s.m; e++) {
        int64_t b = e / s.m, r = e % s.m;
        const double *A = in[0] + b * s.m * s.k, *B = in[1] + b * s.k * s.n;
        double *y = out + e * s.n;
        for (int64_t k = 0; k < s.k; k++) row[k] = A[t->ta ? k * s.m + r : r * s.k + k];
        for (int64_t c = 0; t->tb && c < s.n; c++) y[c] = dot_ref(s.k, row, B + c * s.k);
        for (int64_t k = 0; !t->tb && k < s.k; k++) add_times_ref(s.n, y, row[k], B + k * s.n);
    }
    arena_free(scratch);
}

static double matmul_flops(const Node *n) {
    Sizes s = sizes_of(&n->src[0]->type.shape, &n->src[1]->type.shape, n->attr);
    return 2.0 * (double)s.batch * (double)s.m * (double)s.n * (double)s.k;
}

static const Sample matmul_samples[] = {
    {"plain", 2, {{F32, {2, {5, 7}}}, {F32, {2, {7, 3}}}}, &(MatmulAttr){0}, -1, 1},
    {"ta", 2, {{F32, {2, {7, 5}}}, {F32, {2, {7, 3}}}}, &(MatmulAttr){true, false}, -1, 1},
    {"tb", 2, {{F32, {2, {5, 7}}}, {F32, {2, {3, 7}}}}, &(MatmulAttr){false, true}, -1, 1},
    {"both", 2, {{F32, {2, {7, 5}}}, {F32, {2, {3, 7}}}}, &(MatmulAttr){true, true}, -1, 1},
    {"batch", 2, {{F32, {3, {2, 4, 3}}}, {F32, {3, {2, 3, 5}}}}, &(MatmulAttr){0}, -1, 1},
    {"repeated", 2, {{F32, {3, {2, 4, 3}}}, {F32, {2, {3, 5}}}}, &(MatmulAttr){0}, -1, 1},
    {"stretched", 2, {{F32, {2, {4, 3}}}, {F32, {3, {2, 3, 5}}}}, &(MatmulAttr){0}, -1, 1},
    {"row", 2, {{F32, {1, {3}}}, {F32, {2, {3, 5}}}}, &(MatmulAttr){0}, -1, 1},
    {"column", 2, {{F32, {3, {2, 4, 3}}}, {F32, {1, {3}}}}, &(MatmulAttr){0}, -1, 1},
    {"vectors", 2, {{F32, {1, {3}}}, {F32, {1, {3}}}}, &(MatmulAttr){0}, -1, 1},
    {0},
};

static const Sample matmul_large = {"512x512", 2, {{F32, {2, {512, 512}}}, {F32, {2, {512, 512}}}}, &(MatmulAttr){0}, -1, 1};

OP(matmul, .doc = "x @ z: the matrix product on the last two axes", .call = "x, z", .arity = 2,
   .traits = THREADS_VARY, .attr_size = sizeof(MatmulAttr), .attr = matmul_fields, .build = matmul_build,
   .infer = matmul_infer, .grad = matmul_grad, .prepare = matmul_prepare, .release = matmul_release,
   .eval = matmul_eval, .ref = matmul_ref, .flops = matmul_flops,
   .samples = matmul_samples, .large = &matmul_large)

Node *g_matmul(Node *x, Node *z) { return op_apply(x->graph, &op_matmul, 2, NODES(x, z), &(MatmulAttr){0}); }
