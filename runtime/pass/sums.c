/* Rules about sums: what is the same for all terms leaves the sum, so that it is done once a result and not
 * once a term. They round otherwise. */
#include "pass/rules.h"

static unsigned axes_of(const Node *sum) {
    bool ok;
    return axes_mask(&((const ReduceAttr *)sum->attr)->axes, sum->src[0]->type.shape.rank, &ok);
}

/* x without its `mask`ed axes, if it repeats the same along them; NULL otherwise. */
static Node *without(Node *x, unsigned mask) {
    if (x->op != &op_broadcast) return NULL;
    const Shape *to = &x->type.shape, *from = &x->src[0]->type.shape;
    Shape rest = {0}, kept = {0}; /* of the result; of what is read, its other axes */
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

typedef struct {
    unsigned mask; /* the axes of the sum */
    Node *factor;  /* what leaves the sum, in the result's shape; or NULL */
    bool guarded;  /* some of it was under a mulz: 0 times anything is 0 */
    bool negative;
    int made; /* products that were not there before */
} Factors;

static void take(Factors *f, Node *rest, bool guarded) {
    f->guarded |= guarded;
    f->factor = !f->factor ? rest : f->guarded ? g_mulz(f->factor, rest) : g_mul(f->factor, rest);
}

/* The product x without the factors that are the same for all terms of the sum. */
static Node *stripped(Node *x, Factors *f, bool guarded, int depth) {
    Node *rest;
    if (depth == 0) return x;
    if (x->op == &op_neg) {
        f->negative = !f->negative;
        return stripped(x->src[0], f, guarded, depth - 1);
    }
    if (x->op != &op_mul && x->op != &op_mulz) return x;
    guarded |= x->op == &op_mulz;
    for (int k = 0; k < 2; k++)
        if ((rest = without(x->src[k], f->mask))) {
            take(f, rest, guarded);
            return stripped(x->src[1 - k], f, guarded, depth - 1);
        }
    Node *a = stripped(x->src[0], f, guarded, depth - 1), *b = stripped(x->src[1], f, guarded, depth - 1);
    if (a == x->src[0] && b == x->src[1]) return x;
    f->made++;
    return x->op == &op_mulz ? g_mulz(a, b) : g_mul(a, b);
}

/* sum(x*a) -> a*sum(x), sum(-x) -> -sum(x), sum((x*a)*z) -> a*sum(x*z), sum(broadcast(x)) -> count*x. A
 * product that others read anyway is left, unless what is summed instead is there already. */
Node *rule_sums(Graph *g, const Node *old, Node *const *src) {
    enum { DEPTH = 5 };
    if (old->op != &op_sum || old->type.dtype != F32 || src[0]->type.dtype != F32) return NULL;
    Node *x = src[0], *rest = without(x, axes_of(old));
    if (rest) return g_mul(rest, g_like(rest, (double)NODE_COUNT(x) / (double)NODE_COUNT(old)));
    Factors f = {.mask = axes_of(old)};
    Node *y = stripped(x, &f, false, DEPTH);
    if (y == x || (f.made && node_readers(old->src[0]) != 1)) return NULL;
    Node *sum = emit(g, &op_sum, 1, &y, old->attr);
    if (f.factor) sum = f.guarded ? g_mulz(sum, f.factor) : g_mul(sum, f.factor);
    return f.negative ? g_neg(sum) : sum;
}
