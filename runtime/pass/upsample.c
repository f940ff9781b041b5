/* Nearest enlargement next to a convolution of stride 1 is one transposed convolution of stride f. With U repeating each
 * pixel f times a side, S summing blocks of f x f (U's transpose) and B(w) the kernel w summed over all shifts within a
 * block, [k + f - 1]:
 *
 *   convolve_x(U z, w)  =  convolve_x(z, B w, stride f)      S convolve(g, w)   =  convolve(g, B w, stride f)
 *   convolve_w(g, U z)  =  B' convolve_w(g, z, stride f)     B' is B's transpose
 *
 * since U is itself the transposed convolution of stride f with a kernel of ones. (k + f - 1)^2 products a pixel take
 * the place of (k f)^2: 16 of 36 for a kernel of 3 and a factor of 2. A plain convolution of stride 1 is a transposed
 * one with the kernel turned, and its padding k - 1 less the old one. (Shi et al. 2016 call the forward rule sub-pixel
 * convolution.)
 */
#include "pass/rules.h"

#include <string.h>

typedef struct { Node *low; int64_t f; } Enlarged;

static Node *through_reshape(Node *n) { return n->op == &op_reshape ? n->src[0] : n; }

/* U z, spelt reshape(broadcast([n, h, 1, w, 1, c] to [n, h, f, w, f, c])). */
static bool is_enlarged(Node *n, Enlarged *out) {
    if (n->op != &op_reshape || n->type.shape.rank != 4) return false;
    const Node *wide = n->src[0];
    if (wide->op != &op_broadcast || wide->type.shape.rank != 6) return false;
    const int64_t *to = wide->type.shape.dim, *from = wide->src[0]->type.shape.dim, *d = n->type.shape.dim;
    bool form = wide->src[0]->type.shape.rank == 6 && from[2] == 1 && from[4] == 1 && to[2] == to[4] && to[2] > 1 &&
                from[0] == to[0] && from[1] == to[1] && from[3] == to[3] && from[5] == to[5] && d[0] == to[0] &&
                d[1] == to[1] * to[2] && d[2] == to[3] * to[4] && d[3] == to[5];
    if (!form) return false;
    Shape low = SHAPE(from[0], from[1], from[3], from[5]);
    Node *z = through_reshape(wide->src[0]);
    *out = (Enlarged){shape_equal(&z->type.shape, &low) ? z : g_reshape(wide->src[0], &low), to[2]};
    return true;
}

static bool simple(const ConvolveAttr *a) {
    return a->stride.at[0] == 1 && a->stride.at[1] == 1 && a->dilation.at[0] == 1 && a->dilation.at[1] == 1 && a->groups == 1;
}

/* The kernel is square, the product pays, and a turned kernel has padding to turn. */
static bool pays(const ConvolveAttr *a, int64_t kh, int64_t kw, int64_t f) {
    bool turns = a->padding.at[0] < kh && a->padding.at[1] < kh && a->padding.at[2] < kw && a->padding.at[3] < kw;
    return simple(a) && turns && (kh + f - 1) * (kw + f - 1) < kh * kw * f * f;
}

/* One axis of B: the sum of f shifted copies. */
static Node *box_axis(Node *w, int axis, int64_t f) {
    Node *sum = NULL;
    for (int64_t r = 0; r < f; r++) {
        Ints before = {.n = 4}, after = {.n = 4};
        before.at[axis] = r;
        after.at[axis] = f - 1 - r;
        Node *shifted = g_pad(w, &before, &after);
        sum = sum ? g_add(sum, shifted) : shifted;
    }
    return sum;
}

static Node *box(Node *w, int64_t f) { return box_axis(box_axis(w, 0, f), 1, f); }

/* One axis of B': the sum of f windows. */
static Node *unbox_axis(Node *w, int axis, int64_t f) {
    Node *sum = NULL;
    for (int64_t r = 0; r < f; r++) {
        Ints start = {.n = 4}, step = {.n = 4, .at = {1, 1, 1, 1}}, size = ints_of_shape(&w->type.shape);
        start.at[axis] = r;
        size.at[axis] -= f - 1;
        Node *window = g_slice(w, &start, &step, &size);
        sum = sum ? g_add(sum, window) : window;
    }
    return sum;
}

static Node *unbox(Node *w, int64_t f) { return unbox_axis(unbox_axis(w, 0, f), 1, f); }

/* Turned in both axes of the image, channels exchanged: its own inverse. */
static Node *turned(Node *w) {
    Ints start = {.n = 4}, step = {.n = 4, .at = {-1, -1, 1, 1}}, size = ints_of_shape(&w->type.shape);
    start.at[0] = size.at[0] - 1;
    start.at[1] = size.at[1] - 1;
    return g_permute(g_slice(w, &start, &step, &size), &(Ints){.n = 4, .at = {0, 1, 3, 2}});
}

/* The geometry of stride f for a kernel of kh x kw before B; `turn`: of a plain convolution. */
static ConvolveAttr coarse(const ConvolveAttr *a, int64_t kh, int64_t kw, int64_t f, bool turn) {
    ConvolveAttr out;
    memset(&out, 0, sizeof out);
    out.stride = (Ints){.n = 2, .at = {f, f}};
    out.dilation = (Ints){.n = 2, .at = {1, 1}};
    out.padding = a->padding;
    out.groups = 1;
    for (int i = 0; turn && i < 4; i++) out.padding.at[i] = (i < 2 ? kh : kw) - 1 - a->padding.at[i];
    return out;
}

/* convolve_x(U z, w) and convolve(U z, w) */
static Node *forward(Graph *g, const Node *old, Node *const *src) {
    bool plain = old->op == &op_convolve;
    const ConvolveAttr *a = old->attr;
    const int64_t *k = src[1]->type.shape.dim;
    Enlarged u;
    if (!simple(a) || !is_enlarged(src[0], &u) || !pays(a, k[0], k[1], u.f)) return NULL;
    ConvolveAttr c = coarse(a, k[0], k[1], u.f, plain);
    c.size = (Ints){.n = 2, .at = {old->type.shape.dim[1], old->type.shape.dim[2]}};
    return emit(g, &op_convolve_x, 2, NODES(u.low, box(plain ? turned(src[1]) : src[1], u.f)), &c);
}

/* S convolve(g, w) and S convolve_x(g, w), where S is sum(reshape(...), axes 2 and 4). */
static Node *backward(Graph *g, const Node *old, Node *const *src) {
    const ReduceAttr *sum = old->attr;
    const Node *blocks = src[0];
    if (sum->axes.n != 2 || sum->axes.at[0] != 2 || sum->axes.at[1] != 4 || sum->keep) return NULL;
    if (blocks->op != &op_reshape || blocks->type.shape.rank != 6) return NULL;
    const Node *conv = blocks->src[0];
    bool turn = conv->op == &op_convolve_x;
    const int64_t *b = blocks->type.shape.dim, *d = conv->type.shape.dim;
    if ((conv->op != &op_convolve && !turn) || b[2] != b[4] || d[0] != b[0] || d[1] != b[1] * b[2] ||
        d[2] != b[3] * b[4] || d[3] != b[5])
        return NULL;
    const ConvolveAttr *a = conv->attr;
    Node *w = conv->src[1];
    const int64_t *k = w->type.shape.dim;
    if (!pays(a, k[0], k[1], b[2])) return NULL;
    ConvolveAttr c = coarse(a, k[0], k[1], b[2], turn);
    return emit(g, &op_convolve, 2, NODES(conv->src[0], box(turn ? turned(w) : w, b[2])), &c);
}

/* convolve_w(g, U z) and convolve_w(U z, g) */
static Node *weights(Graph *g, const Node *old, Node *const *src) {
    const ConvolveAttr *a = old->attr;
    const int64_t *k = old->type.shape.dim;
    Enlarged u;
    bool plain = false;
    if (!simple(a)) return NULL;
    if (!is_enlarged(src[1], &u)) {
        plain = true;
        if (!is_enlarged(src[0], &u)) return NULL;
    }
    if (!pays(a, k[0], k[1], u.f)) return NULL;
    ConvolveAttr c = coarse(a, k[0], k[1], u.f, plain);
    c.size = (Ints){.n = 2, .at = {k[0] + u.f - 1, k[1] + u.f - 1}};
    Node *gw = unbox(emit(g, &op_convolve_w, 2, NODES(plain ? src[1] : src[0], u.low), &c), u.f);
    return plain ? turned(gw) : gw;
}

Node *rule_upsample(Graph *g, const Node *old, Node *const *src) {
    if (old->op == &op_convolve || old->op == &op_convolve_x) return forward(g, old, src);
    if (old->op == &op_convolve_w) return weights(g, old, src);
    return old->op == &op_sum ? backward(g, old, src) : NULL;
}
