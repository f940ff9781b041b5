/* Rules about views: they change no number, only where one is found. */
#include "pass/rules.h"

/* permute(permute(x, p), q) -> permute(x, p[q]) */
static Node *permute_twice(Graph *g, const Node *old, Node *x) {
    if (x->op != &op_permute) return NULL;
    const Ints *p = &((const PermuteAttr *)x->attr)->order, *q = &((const PermuteAttr *)old->attr)->order;
    PermuteAttr a = {{.n = q->n}};
    for (int k = 0; k < q->n; k++) a.order.at[k] = p->at[q->at[k]];
    return op_apply(g, &op_permute, 1, &x->src[0], &a);
}

/* slice(slice(x)) -> slice(x) */
static Node *slice_twice(Graph *g, const Node *old, Node *x) {
    if (x->op != &op_slice) return NULL;
    const SliceAttr *p = x->attr, *q = old->attr;
    SliceAttr a = *q;
    for (int k = 0; k < a.start.n; k++) {
        a.start.at[k] = p->start.at[k] + q->start.at[k] * p->step.at[k];
        a.step.at[k] = p->step.at[k] * q->step.at[k];
    }
    return op_apply(g, &op_slice, 1, &x->src[0], &a);
}

Node *rule_views(Graph *g, const Node *old, Node *const *src) {
    (void)g;
    if (old->op == &op_stop_gradient || old->op == &op_own) return src[0];
    if (old->op == &op_reshape) return g_reshape(src[0], &old->type.shape); /* the builder skips reshapes */
    if (old->op == &op_broadcast && src[0]->op == &op_broadcast)
        return g_broadcast(src[0]->src[0], &old->type.shape);
    if (old->op == &op_broadcast) return g_broadcast(src[0], &old->type.shape);
    if (old->op == &op_permute) return permute_twice(g, old, src[0]);
    if (old->op == &op_slice) return slice_twice(g, old, src[0]);
    return NULL;
}

unsigned repeated_axes(const Node *x) {
    if (x->op != &op_broadcast) return 0;
    const Shape *to = &x->type.shape, *from = &x->src[0]->type.shape;
    unsigned mask = 0;
    for (int k = 0, lead = to->rank - from->rank; k < to->rank; k++)
        if (to->dim[k] != 1 && (k < lead || from->dim[k - lead] == 1)) mask |= 1u << k;
    return mask;
}

/* x with at most `rank` axes: leading ones of size 1 go. */
static Node *at_most(Node *x, int rank) {
    Shape s = {.rank = rank};
    if (x->type.shape.rank <= rank) return x;
    for (int k = 0; k < rank; k++) s.dim[k] = x->type.shape.dim[x->type.shape.rank - rank + k];
    return g_reshape(x, &s);
}

/* f(broadcast(a), broadcast(b)) -> broadcast(f(a, b)) along the axes that all sources repeat */
Node *hoisted(Graph *g, const Op *op, int nsrc, Node *const *src, const void *attr) {
    unsigned mask = nsrc ? ~0u : 0;
    for (int k = 0; k < nsrc; k++) mask &= repeated_axes(src[k]);
    if (!mask) return NULL;
    const Shape *whole = &src[0]->type.shape;
    Shape small = {0}; /* without leading axes that are repeated, others of size 1 */
    for (int k = 0; k < whole->rank; k++)
        if (small.rank || !(mask >> k & 1)) small.dim[small.rank++] = mask >> k & 1 ? 1 : whole->dim[k];
    Node **part = ARENA_ARRAY(g->arena, Node *, nsrc);
    for (int k = 0; k < nsrc; k++) part[k] = g_broadcast(at_most(src[k]->src[0], small.rank), &small);
    return g_broadcast(emit(g, op, nsrc, part, attr), whole);
}

Node *rule_hoist(Graph *g, const Node *old, Node *const *src) {
    return old->op->traits & ELEMENTWISE ? hoisted(g, old->op, old->nsrc, src, old->attr) : NULL;
}

/* The matrix behind a swap of the last two axes, or NULL. */
static Node *untransposed(Node *x) {
    if (x->op != &op_permute) return NULL;
    const Ints *p = &((const PermuteAttr *)x->attr)->order;
    for (int k = 0; k < p->n - 2; k++)
        if (p->at[k] != k) return NULL;
    return p->n >= 2 && p->at[p->n - 2] == p->n - 1 ? x->src[0] : NULL;
}

/* a column by a row: x[.., m, n] = a[.., m]*b[.., n], which a region does on the way. */
static Node *outer(const Node *old, Node *a, Node *b) {
    const MatmulAttr *t = old->attr;
    Shape column = old->type.shape, row = column;
    int last = column.rank - 1;
    if (a->type.shape.dim[t->ta ? last - 1 : last] != 1) return NULL;
    column.dim[last] = row.dim[last - 1] = 1;
    return g_mul(g_broadcast(g_reshape(a, &column), &old->type.shape),
                 g_broadcast(g_reshape(b, &row), &old->type.shape));
}

/* matmul(a^T, b) -> matmul(a, b, ta), and the like */
Node *rule_matmul(Graph *g, const Node *old, Node *const *src) {
    if (old->op != &op_matmul) return NULL;
    Node *a = untransposed(src[0]), *b = untransposed(src[1]), *product = outer(old, src[0], src[1]);
    if (product) return product;
    if (!a && !b) return NULL;
    MatmulAttr t = *(const MatmulAttr *)old->attr;
    return emit(g, &op_matmul, 2, NODES(a ? a : src[0], b ? b : src[1]),
                &(MatmulAttr){.ta = t.ta != (a != NULL), .tb = t.tb != (b != NULL)});
}
