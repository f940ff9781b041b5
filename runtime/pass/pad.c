/* Zeros around an image next to a convolution are the convolution's own padding, and what is cut off around its transpose's
 * result is, too: no copy, no pixels computed for nothing. With P adding zeros and C cutting (P's transpose):
 *
 *   convolve(P x, w)    =  convolve(x, w, more padding)         C convolve_x(y, w)  =  convolve_x(y, w, more padding)
 *   convolve_w(P x, y)  =  convolve_w(x, y, more padding)
 */
#include "pass/rules.h"

typedef struct { int64_t around[4]; } Border;         /* top, bottom, left, right */

/* Is [n, h, w, c] the middle of `whole`, from `start` on with `step`? */
static bool is_border(const Shape *part, const Shape *whole, const Ints *start, const Ints *step, Border *out) {
    if (part->rank != 4 || part->dim[0] != whole->dim[0] || part->dim[3] != whole->dim[3]) return false;
    for (int i = 0; i < 4; i++)
        if (step->at[i] != 1) return false;
    for (int i = 0; i < 2; i++) {
        out->around[2 * i] = start->at[i + 1];
        out->around[2 * i + 1] = whole->dim[i + 1] - part->dim[i + 1] - start->at[i + 1];
    }
    return true;
}

/* P x */
static bool is_padded(const Node *n, Border *out) {
    if (n->op != &op_place) return false;
    const PlaceAttr *a = n->attr;
    return is_border(&n->src[0]->type.shape, &n->type.shape, &a->start, &a->step, out);
}

/* False where the padding would be as wide as the window: libraries have no fast code for windows that meet no pixel. */
static bool widen(ConvolveAttr *a, const Border *b, int64_t kh, int64_t kw) {
    for (int i = 0; i < 4; i++) {
        a->padding.at[i] += b->around[i];
        if (a->padding.at[i] > ((i < 2 ? kh : kw) - 1) * a->dilation.at[i / 2]) return false;
    }
    return true;
}

/* convolve(P x, w) and convolve_w(P x, y) */
static Node *padded(Graph *g, const Node *old, Node *const *src) {
    Border b;
    ConvolveAttr a = *(const ConvolveAttr *)old->attr;
    const int64_t *k = old->op == &op_convolve_w ? old->type.shape.dim : src[1]->type.shape.dim;
    if (!is_padded(src[0], &b) || !widen(&a, &b, k[0], k[1])) return NULL;
    return emit(g, old->op, 2, NODES(src[0]->src[0], src[1]), &a);
}

/* C convolve_x(y, w), where nothing else reads what is cut: that would be computed anyway. */
static Node *cut(Graph *g, const Node *old, const Node *x) {
    Border b;
    const SliceAttr *s = old->attr;
    if (x->op != &op_convolve_x || !is_border(&old->type.shape, &x->type.shape, &s->start, &s->step, &b)) return NULL;
    ConvolveAttr a = *(const ConvolveAttr *)x->attr;
    const int64_t *k = x->src[1]->type.shape.dim;
    if (!widen(&a, &b, k[0], k[1]) || node_readers(old->src[0]) != 1) return NULL;
    a.size = (Ints){.n = 2, .at = {old->type.shape.dim[1], old->type.shape.dim[2]}};
    return emit(g, &op_convolve_x, 2, NODES(x->src[0], x->src[1]), &a);
}

Node *rule_pad(Graph *g, const Node *old, Node *const *src) {
    if (old->op == &op_convolve || old->op == &op_convolve_w) return padded(g, old, src);
    return old->op == &op_slice ? cut(g, old, src[0]) : NULL;
}
