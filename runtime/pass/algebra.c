/* Rules of elementwise algebra. Those of rule_identities keep every bit; the others may round otherwise, or
 * lose the sign of a zero. No rule says that x*0 is 0: x may be infinite. */
#include "pass/rules.h"

static Node *negated(const Node *x) { return x->op == &op_neg ? x->src[0] : NULL; }

static Node *chosen(Node *const *src) {
    if (src[1] == src[2]) return src[1]; /* select(c, x, x) -> x */
    if (is_number(src[0], 1)) return src[1];
    if (is_number(src[0], 0)) return src[2];
    return NULL;
}

Node *rule_identities(Graph *g, const Node *old, Node *const *src) {
    Node *x = src[0], *z = old->nsrc > 1 ? src[1] : NULL;
    (void)g;
    if (old->op == &op_neg) return negated(x); /* --x -> x */
    if (old->op == &op_square && negated(x)) return g_square(negated(x));
    if (old->op == &op_abs && negated(x)) return g_abs(negated(x));
    if (old->op == &op_abs && (x->op == &op_abs || x->op == &op_square)) return x;
    if (old->op == &op_mul && is_number(x, 1)) return z;
    if (old->op == &op_mul && is_number(z, 1)) return x;
    if (old->op == &op_mul && negated(x) && negated(z)) return g_mul(negated(x), negated(z));
    if (old->op == &op_mulz && (is_number(x, 0) || is_number(z, 0))) return g_like(x, 0);
    if (old->op == &op_div && is_number(z, 1)) return x;
    if (old->op == &op_sub && is_number(z, 0)) return x;
    if (old->op == &op_sub && negated(z)) return g_add(x, negated(z)); /* x - -z -> x + z */
    if (old->op == &op_add && negated(z)) return g_sub(x, negated(z)); /* x + -z -> x - z */
    if (old->op == &op_add && negated(x)) return g_sub(z, negated(x));
    if ((old->op == &op_max || old->op == &op_min) && x == z) return x;
    if (old->op == &op_select) return chosen(src);
    return NULL;
}

/* The node's value where all its sources are numbers: by its reference, on scalars. */
static Node *folded(Graph *g, const Node *old, Node *const *src) {
    double value[4], result;
    const double *in[4];
    Node *part[4];
    if (old->nsrc == 0 || old->nsrc > 4) return NULL;
    for (int k = 0; k < old->nsrc; k++) {
        if (!node_number(src[k], &value[k])) return NULL;
        in[k] = &value[k];
        part[k] = g_full(g, (Tensor){src[k]->type.dtype, {0}}, value[k]);
    }
    const Node *scalar = emit(g, old->op, old->nsrc, part, old->attr);
    old->op->ref(scalar, in, &result);
    return g_full(g, old->type, result);
}

static Node *power(Node *x, double z) {
    if (z == 1) return x;
    if (z == 0.5) return g_sqrt(x);
    if (z == 2) return g_square(x);
    if (z == 3) return g_mul(g_square(x), x);
    if (z == 4) return g_square(g_square(x));
    if (z == -1) return g_inv(x);
    if (z == -2) return g_inv(g_square(x));
    if (z == -0.5) return g_inv(g_sqrt(x));
    return NULL;
}

/* select(c, x, 0) as x, select(c, 0, z) as z: `side` says which. NULL for anything else. */
static Node *half(const Node *n, const Node *c, int side) {
    bool fits = n->op == &op_select && n->src[0] == c && is_number(n->src[2 - side], 0);
    return fits ? n->src[1 + side] : NULL;
}

/* number * select(c, x, 0) -> select(c, number*x, 0);  select(c, x, 0) + select(c, 0, z) -> select(c, x, z):
 * what the gradient of a choice between multiples of x comes to. */
Node *rule_choices(Graph *g, const Node *old, Node *const *src) {
    double number;
    for (int k = 0; k < 2 && old->nsrc == 2; k++) {
        Node *a = src[k], *b = src[1 - k];
        if (a->op != &op_select) continue;
        for (int side = 0; side < 2; side++) {
            Node *x = half(a, a->src[0], side),
                 *z = x && old->op == &op_add ? half(b, a->src[0], 1 - side) : NULL;
            if (x && old->op == &op_mul && node_number(b, &number)) {
                Node *zero = g_like(x, 0), *y = g_mul(x, b);
                return g_select(a->src[0], side ? zero : y, side ? y : zero);
            }
            if (z) return g_select(a->src[0], side ? z : x, side ? x : z);
        }
    }
    (void)g;
    return NULL;
}

/* Finite wherever its inputs are: no division, logarithm, power or exponential on the way from a kernel, a
 * reduction or a slot. */
static bool tame(const Node *n, int depth) {
    static const Op *const known[] = {&op_mul,     &op_mulz,     &op_square, &op_tanh,
                                      &op_sigmoid, &op_softplus, &op_sqrt};
    if (n->type.dtype != F32 || !(n->op->traits & (ELEMENTWISE | VIEW))) return true;
    bool fine = n->op->traits & (LINEAR | PIECEWISE | VIEW);
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) fine |= n->op == known[k];
    for (int k = 0; k < n->nsrc && fine; k++) fine = depth > 0 && tame(n->src[k], depth - 1);
    return fine;
}

Node *rule_constants(Graph *g, const Node *old, Node *const *src) {
    enum { DEPTH = 6 };
    double number;
    if (!(old->op->traits & ELEMENTWISE)) return NULL;
    Node *value = folded(g, old, src), *x = src[0], *z = old->nsrc > 1 ? src[1] : NULL;
    if (value) return value;
    if (old->op == &op_add && is_number(x, 0)) return z;
    if (old->op == &op_add && is_number(z, 0)) return x;
    if (old->op == &op_sub && is_number(x, 0)) return g_neg(z);
    if (old->op == &op_mul && is_number(x, -1)) return g_neg(z);
    if (old->op == &op_mul && is_number(z, -1)) return g_neg(x);
    if (old->op == &op_mulz && node_number(x, &number)) return g_mul(x, z); /* number != 0: rule_identities */
    if (old->op == &op_mulz && node_number(z, &number)) return g_mul(x, z);
    if (old->op == &op_mulz && tame(x, DEPTH) && tame(z, DEPTH)) return g_mul(x, z);
    if (old->op == &op_pow && node_number(z, &number)) return power(x, number);
    if (old->op == &op_div && node_number(z, &number) && number != 0) return g_mul(x, g_like(x, 1 / number));
    if (old->op == &op_div && z->op == &op_broadcast && NODE_COUNT(z->src[0]) < NODE_COUNT(z))
        return g_mul(x, g_broadcast(g_inv(z->src[0]), &z->type.shape));
    return NULL;
}

/* x * number or x + number, whichever side the number is on. */
static bool split(const Node *n, const Op *op, Node **x, double *number) {
    if (n->op != op) return false;
    for (int k = 0; k < 2; k++)
        if (node_number(n->src[k], number)) {
            *x = n->src[1 - k];
            return true;
        }
    return false;
}

/* (x*a)*b -> x*(a*b) where a and b repeat their numbers along a common axis. Under a mulz the factors are
 * joined by one, so that 0 times infinity stays 0. */
static Node *gathered(Graph *g, const Op *op, Node *x, Node *b) {
    if (x->op != &op_mul) return NULL;
    for (int k = 0; k < 2; k++) {
        Node *factor = hoisted(g, op, 2, NODES(x->src[k], b), NULL);
        if (factor) return op_apply(g, op, 2, NODES(x->src[1 - k], factor), NULL);
    }
    return NULL;
}

Node *rule_scales(Graph *g, const Node *old, Node *const *src) {
    double a, b;
    Node *x;
    bool product = old->op == &op_mul || old->op == &op_mulz;
    if ((!product && old->op != &op_add) || old->type.dtype != F32) return NULL;
    for (int k = 0; k < 2; k++) {
        Node *y = product && repeated_axes(src[k]) ? gathered(g, old->op, src[1 - k], src[k]) : NULL;
        if (y) return y;
        if (old->op == &op_mulz || !node_number(src[k], &a)) continue;
        if (split(src[1 - k], old->op, &x, &b))
            return old->op == &op_mul ? g_mul(x, g_like(x, a * b)) : g_add(x, g_like(x, a + b));
        if (old->op == &op_mul && negated(src[1 - k])) return g_mul(negated(src[1 - k]), g_like(src[k], -a));
    }
    return NULL;
}
