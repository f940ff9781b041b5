/* Rules about sums: what is the same for all terms leaves the sum, so that it is done once a result and not once a
 * term. They round otherwise. */
#include "pass/rules.h"

static unsigned axes_of(const Node *sum) {
    bool ok;
    return axes_mask(&((const ReduceAttr *)sum->attr)->axes, sum->src[0]->type.shape.rank, &ok);
}

/* x without its `mask`ed axes, if it repeats the same along them; NULL otherwise. */
static Node *without(Node *x, unsigned mask) {
    if (x->op != &op_broadcast) return NULL;
    const Shape *to = &x->type.shape, *from = &x->src[0]->type.shape;
    Shape rest = {0}, kept = {0};                     /* of the result; of what is read, its other axes */
    for (int k = 0, lead = to->rank - from->rank; k < to->rank; k++) {
        bool once = k < lead || from->dim[k - lead] == 1;
        if (mask >> k & 1) {
            if (!once) return NULL;
            continue;
        }
        rest.dim[rest.rank++] = to->dim[k];
        kept.dim[kept.rank++] = once ? 1 : from->dim[k - lead];
    }
    return g_broadcast(g_reshape(x->src[0], &kept), &rest);
}

/* sum(x*a) -> a*sum(x), sum(-x) -> -sum(x), sum(broadcast(x)) -> count*x */
Node *rule_sums(Graph *g, const Node *old, Node *const *src) {
    if (old->op != &op_sum || old->type.dtype != F32 || src[0]->type.dtype != F32) return NULL;
    unsigned mask = axes_of(old);
    Node *x = src[0], *rest;
    if (x->op == &op_neg) return g_neg(emit(g, &op_sum, 1, &x->src[0], old->attr));
    for (int k = 0; k < 2 && x->op == &op_mul; k++)
        if ((rest = without(x->src[k], mask))) return g_mul(emit(g, &op_sum, 1, &x->src[1 - k], old->attr), rest);
    rest = without(x, mask);
    if (!rest) return NULL;
    return g_mul(rest, g_like(rest, (double)NODE_COUNT(x) / (double)NODE_COUNT(old)));
}
