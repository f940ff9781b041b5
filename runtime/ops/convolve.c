/* Convolution of images, channels last. Convolution and its two transposes are one trilinear form (kern.h),
 * summed over all but one argument: so each one's gradient is another of the three, and every order is there.
 *
 *   convolve    x, w -> y        convolve_x  y, w -> x        convolve_w  x, y -> w
 *
 * All three carry the geometry of the forward convolution, completed: stride [2], padding [top, bottom, left,
 * right], dilation [2]; the transposes also the size of their result, which the forward one's does not
 * determine. */
#include "kern/kern.h"
#include "ops/ops.h"

#include <string.h>

static const Field convolve_fields[] = {
    {.name = "stride",
     .type = F_INTS,
     .offset = offsetof(ConvolveAttr, stride),
     .dflt = "1",
     .min = 1,
     .max = 1 << 20,
     .doc = "a number, or [down, right]"},
    {.name = "padding",
     .type = F_INTS,
     .offset = offsetof(ConvolveAttr, padding),
     .dflt = "same",
     .choices = "same|valid",
     .min = 0,
     .max = 1 << 20,
     .doc = "zeros around: same, valid, a number, or "
            "[top, bottom, left, right]; same: the odd one at bottom and right"},
    {.name = "dilation",
     .type = F_INTS,
     .offset = offsetof(ConvolveAttr, dilation),
     .dflt = "1",
     .min = 1,
     .max = 1 << 20,
     .doc = "distance of the kernel's points"},
    {.name = "groups",
     .type = F_INT,
     .offset = offsetof(ConvolveAttr, groups),
     .dflt = "1",
     .min = 1,
     .max = 1 << 20,
     .doc = "channels are cut into so many groups, each convolved alone"},
    FIELD(ConvolveAttr, size, F_INTS, "", "of the transposes' result"),
    {0},
};

enum { PADDING_SAME = -1, PADDING_VALID = -2 }; /* Ints.n of the words */

/* The whole form from the attributes and two of its three shapes; the third is NULL. */
static ConvShape form(const ConvolveAttr *a, const Shape *x, const Shape *w, const Shape *y) {
    ConvShape s = {.sh = a->stride.at[0],
                   .sw = a->stride.at[1],
                   .dh = a->dilation.at[0],
                   .dw = a->dilation.at[1],
                   .top = a->padding.at[0],
                   .bottom = a->padding.at[1],
                   .left = a->padding.at[2],
                   .right = a->padding.at[3],
                   .groups = a->groups};
    s.N = x ? x->dim[0] : y->dim[0];
    s.H = x ? x->dim[1] : a->size.at[0];
    s.W = x ? x->dim[2] : a->size.at[1];
    s.C = x ? x->dim[3] : w->dim[2] * a->groups;
    s.K = w ? w->dim[3] : y->dim[3];
    s.KH = w ? w->dim[0] : a->size.at[0];
    s.KW = w ? w->dim[1] : a->size.at[1];
    s.P = (s.H + s.top + s.bottom - (s.KH - 1) * s.dh - 1) / s.sh + 1;
    s.Q = (s.W + s.left + s.right - (s.KW - 1) * s.dw - 1) / s.sw + 1;
    return s;
}

static bool complete(const ConvolveAttr *a, bool sized) {
    return a->stride.n == 2 && a->padding.n == 4 && a->dilation.n == 2 && a->groups >= 1 &&
           a->size.n == (sized ? 2 : 0);
}

static bool four_axes(const Node *n) {
    for (int k = 0; k < 2; k++)
        if (n->src[k]->type.shape.rank != 4 || n->src[k]->type.dtype != F32)
            return reject(
                n,
                "%s and %s: float [batch, height, width, channels] and [height, width, in, out] are wanted",
                show(n, 0), show(n, 1));
    return true;
}

static bool window_fits(const Node *n, const ConvShape *s) {
    int64_t high = (s->KH - 1) * s->dh + 1, wide = (s->KW - 1) * s->dw + 1;
    if (s->H + s->top + s->bottom >= high && s->W + s->left + s->right >= wide) return true;
    int short_axis = s->H + s->top + s->bottom >= high ? 2 : 1;
    reject(n, "a window of %lldx%lld does not fit into %lldx%lld with padding [%lld, %lld, %lld, %lld]",
           (long long)high, (long long)wide, (long long)s->H, (long long)s->W, (long long)s->top,
           (long long)s->bottom, (long long)s->left, (long long)s->right);
    note_size(n->graph->diags, n->src[0], short_axis);
    return false;
}

static bool convolve_infer(const Node *n, Tensor *out) {
    const ConvolveAttr *a = n->attr;
    if (!four_axes(n)) return false;
    const Shape *x = &n->src[0]->type.shape, *w = &n->src[1]->type.shape;
    if (!complete(a, false)) return reject(n, "its geometry is not complete");
    if (x->dim[3] != w->dim[2] * a->groups || w->dim[3] % a->groups) {
        reject(n, "%s has %lld channels, the kernel %s with %lld group%s takes %lld", show(n, 0), (long long)x->dim[3],
               show(n, 1), (long long)a->groups, a->groups == 1 ? "" : "s", (long long)(w->dim[2] * a->groups));
        note_size(n->graph->diags, n->src[0], 3);
        note_size(n->graph->diags, n->src[1], 2);
        return false;
    }
    ConvShape s = form(a, x, w, NULL);
    if (!window_fits(n, &s)) return false;
    *out = tensor_of(F32, SHAPE(s.N, s.P, s.Q, s.K));
    return true;
}

static bool convolve_x_infer(const Node *n, Tensor *out) {
    const ConvolveAttr *a = n->attr;
    if (!four_axes(n)) return false;
    const Shape *y = &n->src[0]->type.shape, *w = &n->src[1]->type.shape;
    if (!complete(a, true)) return reject(n, "its geometry is not complete");
    ConvShape s = form(a, NULL, w, y);
    if (y->dim[3] != s.K || s.K % s.groups)
        return reject(n, "%s has %lld channels, the kernel %s gives %lld", show(n, 0), (long long)y->dim[3],
                      show(n, 1), (long long)s.K);
    if (s.H < 1 || s.W < 1 || !window_fits(n, &s))
        return s.H < 1 || s.W < 1 ? reject(n, "nothing is left") : false;
    if (s.P != y->dim[1] || s.Q != y->dim[2])
        return reject(n, "%lldx%lld convolves to %lldx%lld, not %lldx%lld", (long long)s.H, (long long)s.W,
                      (long long)s.P, (long long)s.Q, (long long)y->dim[1], (long long)y->dim[2]);
    *out = tensor_of(F32, SHAPE(s.N, s.H, s.W, s.C));
    return true;
}

static bool convolve_w_infer(const Node *n, Tensor *out) {
    const ConvolveAttr *a = n->attr;
    if (!four_axes(n)) return false;
    const Shape *x = &n->src[0]->type.shape, *y = &n->src[1]->type.shape;
    if (!complete(a, true)) return reject(n, "its geometry is not complete");
    ConvShape s = form(a, x, NULL, y);
    if (s.P != y->dim[1] || s.Q != y->dim[2] || s.N != y->dim[0] || s.C % s.groups || s.K % s.groups)
        return reject(n, "%s does not convolve to %s", show(n, 0), show(n, 1));
    *out = tensor_of(F32, SHAPE(s.KH, s.KW, s.C / s.groups, s.K));
    return true;
}

/* ---- completing what the language gives ---- */

static bool two(Ints *v) {
    if (v->n == 1) v->at[1] = v->at[0], v->n = 2;
    return v->n == 2 && v->at[0] >= 1 && v->at[1] >= 1;
}

/* Keras's "same": as many outputs as strides begin inside; the odd zero at the end. */
static void same_padding(int64_t size, int64_t stride, int64_t window, int64_t *before, int64_t *after) {
    int64_t count = (size + stride - 1) / stride, total = (count - 1) * stride + window - size;
    if (total < 0) total = 0;
    *before = total / 2;
    *after = total - total / 2;
}

/* H, W: the forward input's size; it matters for `same` only. NULL when done, else the refusal. */
static const char *fill_geometry(ConvolveAttr *a, int64_t H, int64_t W, const Shape *w) {
    if (!two(&a->stride)) return "a stride is a number of at least 1, or two";
    if (!two(&a->dilation)) return "a dilation is a number of at least 1, or two";
    Ints *p = &a->padding;
    if (p->n == PADDING_SAME) {
        *p = (Ints){.n = 4};
        same_padding(H, a->stride.at[0], (w->dim[0] - 1) * a->dilation.at[0] + 1, &p->at[0], &p->at[1]);
        same_padding(W, a->stride.at[1], (w->dim[1] - 1) * a->dilation.at[1] + 1, &p->at[2], &p->at[3]);
    } else if (p->n == PADDING_VALID) {
        *p = (Ints){.n = 4};
    } else if (p->n == 1) {
        *p = (Ints){4, {p->at[0], p->at[0], p->at[0], p->at[0]}};
    }
    for (int i = 0; i < 4; i++)
        if (p->n != 4 || p->at[i] < 0)
            return "padding is same, valid, a number, or [top, bottom, left, right]";
    return NULL;
}

static Node *convolve_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    Node *x = level_type(src[0], F32), *w = level_type(src[1], F32);
    ConvolveAttr a = *(const ConvolveAttr *)attr;
    (void)nsrc;
    if (x->type.shape.rank != 4 || w->type.shape.rank != 4)
        return refuse(g, &op_convolve, x->type,
                      "%s and %s: an image [batch, height, width, channels] and a kernel "
                      "[height, width, in, out] are wanted",
                      show_of(x), show_of(w));
    const char *wrong = fill_geometry(&a, x->type.shape.dim[1], x->type.shape.dim[2], &w->type.shape);
    if (wrong) return refuse(g, &op_convolve, x->type, "%s", wrong);
    return emit(g, &op_convolve, 2, NODES(x, w), &a);
}

/* The language's transpose: w is [height, width, in, out] with in the channels of what comes in, so the
 * form's kernel is w with these two swapped. `same` gives size times stride; else (n - 1)*stride - padding +
 * window. */
static Node *convolve_transpose_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    Node *y = level_type(src[0], F32), *w = level_type(src[1], F32);
    ConvolveAttr a = *(const ConvolveAttr *)attr;
    (void)nsrc;
    if (y->type.shape.rank != 4 || w->type.shape.rank != 4)
        return refuse(g, &op_convolve_transpose, y->type,
                      "%s and %s: an image [batch, height, width, channels] and a "
                      "kernel [height, width, in, out] are wanted",
                      show_of(y), show_of(w));
    const Shape *s = &y->type.shape;
    if (s->dim[3] != w->type.shape.dim[2])
        return refuse(g, &op_convolve_transpose, y->type, "%s has %lld channels, the kernel %s takes %lld",
                      show_of(y), (long long)s->dim[3], show_of(w), (long long)w->type.shape.dim[2]);
    bool same = a.padding.n == PADDING_SAME;
    if (!two(&a.stride))
        return refuse(g, &op_convolve_transpose, y->type, "a stride is a number of at least 1, or two");
    const char *wrong =
        fill_geometry(&a, s->dim[1] * a.stride.at[0], s->dim[2] * a.stride.at[1], &w->type.shape);
    if (wrong) return refuse(g, &op_convolve_transpose, y->type, "%s", wrong);
    a.size.n = 2;
    for (int i = 0; i < 2; i++)
        a.size.at[i] = same ? s->dim[1 + i] * a.stride.at[i]
                            : (s->dim[1 + i] - 1) * a.stride.at[i] - a.padding.at[2 * i] -
                                  a.padding.at[2 * i + 1] + (w->type.shape.dim[i] - 1) * a.dilation.at[i] + 1;
    return emit(g, &op_convolve_x, 2, NODES(y, g_transpose(w)), &a);
}

/* ---- gradients: the other two of the three ---- */

static Node *other(const Op *op, const Node *n, Node *a, Node *b, const Node *sized) {
    ConvolveAttr attr = *(const ConvolveAttr *)n->attr;
    const int64_t *dim = sized ? &sized->type.shape.dim[op == &op_convolve_x] : NULL;
    attr.size = sized ? (Ints){2, {dim[0], dim[1]}} : (Ints){0};
    return emit(n->graph, op, 2, NODES(a, b), &attr);
}

static void convolve_grad(const Node *n, Node *gy, Node **gx) {
    Node *x = n->src[0], *w = n->src[1];
    gx[0] = other(&op_convolve_x, n, gy, w, x);
    gx[1] = other(&op_convolve_w, n, x, gy, w);
}
static void convolve_x_grad(const Node *n, Node *gy, Node **gx) {
    Node *y = n->src[0], *w = n->src[1];
    gx[0] = other(&op_convolve, n, gy, w, NULL);
    gx[1] = other(&op_convolve_w, n, gy, y, w);
}
static void convolve_w_grad(const Node *n, Node *gy, Node **gx) {
    Node *x = n->src[0], *y = n->src[1];
    gx[0] = other(&op_convolve_x, n, y, gy, x);
    gx[1] = other(&op_convolve, n, x, gy, NULL);
}

/* ---- running ---- */

static ConvShape form_of(const Op *op, const void *attr, const Shape *a, const Shape *b) {
    return op == &op_convolve     ? form(attr, a, b, NULL)
           : op == &op_convolve_x ? form(attr, NULL, b, a)
                                  : form(attr, a, NULL, b);
}

static ConvWhich which(const Op *op) {
    return op == &op_convolve ? CONV_Y : op == &op_convolve_x ? CONV_X : CONV_W;
}

static bool convolve_prepare(Instr *i) {
    ConvShape s = form_of(i->op, i->attr, &i->in[0].type.shape, &i->in[1].type.shape);
    Conv *c = conv_new(which(i->op), &s, i->bf16);
    if (!c) return false;
    i->state = c;
    i->scratch_size = conv_scratch(c);
    i->kernel = conv_algorithm(c);
    return true;
}

static void convolve_release(Instr *i) { conv_free(i->state); }

static void convolve_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    conv_run(i->state, in[0], in[1], out[0], scratch);
}

static double convolve_flops(const Node *n) {
    ConvShape s = form_of(n->op, n->attr, &n->src[0]->type.shape, &n->src[1]->type.shape);
    return 2.0 * (double)(s.N * s.P * s.Q) * (double)(s.KH * s.KW) * (double)(s.C / s.groups) * (double)s.K;
}

/* Where the pixel of x begins that tap (i, j) of this pixel of y meets; -1: outside. */
static int64_t met_by(const ConvShape *s, int64_t pixel, int64_t i, int64_t j) {
    int64_t q = pixel % s->Q, p = pixel / s->Q % s->P, n = pixel / (s->Q * s->P);
    int64_t h = p * s->sh + i * s->dh - s->top, v = q * s->sw + j * s->dw - s->left;
    return h < 0 || h >= s->H || v < 0 || v >= s->W ? -1 : ((n * s->H + h) * s->W + v) * s->C;
}

enum { REF_BLOCK = 64 }; /* pixels that one row of w meets in turn, so that memory is not what the time goes to */

/* All three: each product x*w*y of the form, added where the result's index is. */
static void convolve_ref(const Node *node, const double *const *in, double *out) {
    ConvShape s = form_of(node->op, node->attr, &node->src[0]->type.shape, &node->src[1]->type.shape);
    ConvWhich to = which(node->op);
    int64_t cg = s.C / s.groups, kg = s.K / s.groups, pixels = s.N * s.P * s.Q, met[REF_BLOCK];
    memset(out, 0, (size_t)NODE_COUNT(node) * sizeof *out);
    for (int64_t e = 0; e < s.KH * s.KW * pixels; e++) { /* every tap of every pixel of y */
        int64_t tap = e / pixels, pixel = e % pixels, b = pixel % REF_BLOCK;
        met[b] = met_by(&s, pixel, tap / s.KW, tap % s.KW);
        if (b < REF_BLOCK - 1 && pixel < pixels - 1) continue;
        for (int64_t c = 0; c < s.C; c++) {
            int64_t first = c / cg * kg, w = (tap * cg + c % cg) * s.K + first;
            for (int64_t k = 0; k <= b; k++) {
                int64_t x = met[k] + c, y = (pixel - b + k) * s.K + first;
                if (met[k] < 0) continue;
                if (to == CONV_Y)
                    add_times_ref(kg, out + y, in[0][x], in[1] + w);
                else if (to == CONV_W)
                    add_times_ref(kg, out + w, in[0][x], in[1] + y);
                else
                    out[x] += dot_ref(kg, in[0] + y, in[1] + w);
            }
        }
    }
}

/* clang-format off */
#define G(by, top, bottom, left, right, apart, parts, ...)                                          \
    &(ConvolveAttr){{2, {by, by}}, {4, {top, bottom, left, right}}, {2, {apart, apart}}, parts, {__VA_ARGS__}}
#define GIVEN(by, apart, parts, ...)                                                                \
    &(ConvolveAttr){.stride = {1, {by}}, .dilation = {1, {apart}}, .groups = parts, .padding = {__VA_ARGS__}}
#define IMAGE(n, h, w, c) {F32, {4, {n, h, w, c}}}
/* clang-format on */

static const Sample convolve_samples[] = {
    {"same", 2, {IMAGE(2, 5, 4, 3), IMAGE(3, 3, 3, 2)}, GIVEN(1, 1, 1, PADDING_SAME, {0}), -1, 1},
    {"stride", 2, {IMAGE(2, 6, 7, 2), IMAGE(4, 3, 2, 3)}, GIVEN(2, 1, 1, PADDING_SAME, {0}), -1, 1},
    {"valid", 2, {IMAGE(1, 5, 5, 2), IMAGE(2, 2, 2, 3)}, GIVEN(2, 1, 1, PADDING_VALID, {0}), -1, 1},
    {"dilated", 2, {IMAGE(1, 7, 6, 2), IMAGE(3, 2, 2, 2)}, GIVEN(1, 2, 1, 1, {1}), -1, 1},
    {"uneven", 2, {IMAGE(1, 5, 6, 2), IMAGE(3, 3, 2, 2)}, GIVEN(2, 1, 1, 4, {0, 2, 1, 0}), -1, 1},
    {"groups", 2, {IMAGE(2, 4, 4, 4), IMAGE(3, 3, 2, 6)}, GIVEN(1, 1, 2, PADDING_SAME, {0}), -1, 1},
    {"depthwise", 2, {IMAGE(1, 4, 5, 3), IMAGE(3, 3, 1, 3)}, GIVEN(1, 1, 3, PADDING_SAME, {0}), -1, 1},
    {"point", 2, {IMAGE(2, 3, 4, 5), IMAGE(1, 1, 5, 4)}, GIVEN(1, 1, 1, PADDING_SAME, {0}), -1, 1},
    {0},
};
static const Sample convolve_x_samples[] = {
    {"same", 2, {IMAGE(2, 5, 4, 2), IMAGE(3, 3, 3, 2)}, G(1, 1, 1, 1, 1, 1, 1, 2, {5, 4}), -1, 1},
    {"stride", 2, {IMAGE(2, 3, 4, 3), IMAGE(4, 3, 2, 3)}, G(2, 1, 1, 1, 1, 1, 1, 2, {6, 7}), -1, 1},
    {"groups", 2, {IMAGE(2, 4, 4, 6), IMAGE(3, 3, 2, 6)}, G(1, 1, 1, 1, 1, 1, 2, 2, {4, 4}), -1, 1},
    {0},
};
static const Sample convolve_w_samples[] = {
    {"same", 2, {IMAGE(2, 5, 4, 3), IMAGE(2, 5, 4, 2)}, G(1, 1, 1, 1, 1, 1, 1, 2, {3, 3}), -1, 1},
    {"stride", 2, {IMAGE(2, 6, 7, 2), IMAGE(2, 3, 4, 3)}, G(2, 1, 1, 1, 1, 1, 1, 2, {4, 3}), -1, 1},
    {"groups", 2, {IMAGE(2, 4, 4, 4), IMAGE(2, 4, 4, 6)}, G(1, 1, 1, 1, 1, 1, 2, 2, {3, 3}), -1, 1},
    {0},
};
static const Sample convolve_transpose_samples[] = {
    {"same", 2, {IMAGE(2, 3, 4, 2), IMAGE(4, 3, 2, 3)}, GIVEN(2, 1, 1, PADDING_SAME, {0}), -1, 1},
    {"number", 2, {IMAGE(1, 3, 4, 2), IMAGE(4, 4, 2, 3)}, GIVEN(2, 1, 1, 1, {1}), -1, 1},
    {"wide", 2, {IMAGE(1, 3, 3, 2), IMAGE(2, 2, 2, 1)}, GIVEN(3, 1, 1, PADDING_SAME, {0}), -1, 1},
    {0},
};

/* A middle layer of a network on images of 64x64. */
static const Sample convolve_large = {"4x4 stride 2, 64 to 128", 2, {IMAGE(64, 32, 32, 64), IMAGE(4, 4, 64, 128)},
                                      GIVEN(2, 1, 1, PADDING_SAME, {0}), -1, 1};
static const Sample convolve_x_large = {"4x4 stride 2, 128 to 64", 2, {IMAGE(64, 16, 16, 128), IMAGE(4, 4, 64, 128)},
                                        G(2, 1, 1, 1, 1, 1, 1, 2, {32, 32}), -1, 1};
static const Sample convolve_w_large = {"4x4 stride 2, 64 and 128", 2, {IMAGE(64, 32, 32, 64), IMAGE(64, 16, 16, 128)},
                                        G(2, 1, 1, 1, 1, 1, 1, 2, {4, 4}), -1, 1};

#define RUNS                                                                                 \
    .attr_size = sizeof(ConvolveAttr), .attr = convolve_fields, .prepare = convolve_prepare, \
    .release = convolve_release, .eval = convolve_eval, .ref = convolve_ref, .flops = convolve_flops

OP(convolve, .doc = "x (NHWC) convolved with the kernel w (HWIO)",
   .call = "x, w, stride=1, padding='same', dilation=1, groups=1", .arity = 2, .traits = THREADS_VARY,
   .build = convolve_build, .infer = convolve_infer, .grad = convolve_grad, .samples = convolve_samples,
   .large = &convolve_large, RUNS)

OP(convolve_x, .doc = "the transpose of convolve in x: y, w -> x", .arity = 2, .traits = THREADS_VARY,
   .infer = convolve_x_infer, .grad = convolve_x_grad, .samples = convolve_x_samples,
   .large = &convolve_x_large, RUNS)

OP(convolve_w, .doc = "the transpose of convolve in w: x, y -> w", .arity = 2, .traits = THREADS_VARY,
   .infer = convolve_w_infer, .grad = convolve_w_grad, .samples = convolve_w_samples,
   .large = &convolve_w_large, RUNS)

OP(convolve_transpose, .doc = "convolution backwards: x spread by the kernel w [height, width, in, out]",
   .call = "x, w, stride=1, padding='same', dilation=1", .arity = 2, .traits = THREADS_VARY, .attr_size = sizeof(ConvolveAttr),
   .attr = convolve_fields, .build = convolve_transpose_build, .samples = convolve_transpose_samples)
