/* Convolutions by oneDNN, in fp32, or with sources rounded to bf16 and an fp32 result. Invariant: weights are never
 * handed over as plain HWIO, for which oneDNN only has slow code: it says what layout it wants, and a reorder stands
 * before or behind the convolution. */
#include "kern/conv.h"
#include "kern/onednn.h"

#include <stdlib.h>

enum { X, W, Y, SIDES };

typedef struct {
    const Conv *conv;
    bool blocked;                                     /* activations too in the layout that oneDNN wants */
    dnnl_data_type_t type;                            /* of the two sources */
} What;

static bool plain_layouts(OneDnn *o, const ConvShape *s) {
    const int64_t G = s->groups, ci = s->C / G, ko = s->K / G;
    TRY(dnnl_memory_desc_init_by_tag(&o->side[X].plain, 4, (dnnl_dims_t){s->N, s->C, s->H, s->W}, dnnl_f32, dnnl_nhwc));
    TRY(dnnl_memory_desc_init_by_tag(&o->side[Y].plain, 4, (dnnl_dims_t){s->N, s->K, s->P, s->Q}, dnnl_f32, dnnl_nhwc));
    if (G == 1)
        TRY(dnnl_memory_desc_init_by_tag(&o->side[W].plain, 4, (dnnl_dims_t){s->K, s->C, s->KH, s->KW}, dnnl_f32, dnnl_hwio));
    else
        TRY(dnnl_memory_desc_init_by_strides(&o->side[W].plain, 5, (dnnl_dims_t){G, ko, ci, s->KH, s->KW}, dnnl_f32,
                                             (dnnl_dims_t){ko, 1, s->K, s->KW * ci * s->K, ci * s->K}));
    return true;
}

/* A side as oneDNN gets it: of this type, in the caller's layout or in any. */
static dnnl_memory_desc_t given(const Side *side, dnnl_data_type_t type, bool any) {
    dnnl_memory_desc_t d = side->plain;
    d.data_type = type;
    if (any) dnnl_memory_desc_init_by_tag(&d, side->plain.ndims, side->plain.dims, type, dnnl_format_tag_any);
    return d;
}

/* Padding behind the end such that exactly `out` outputs fit: oneDNN checks it. */
static int64_t end_padding(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t before,
                           int64_t after) {
    const int64_t room = in + before - ((kernel - 1) * dilation + 1);
    return room + after >= 0 && (room + after) / stride + 1 == out ? after : (out - 1) * stride - room;
}

/* The primitive. Its result is fp32; a backward one wants a forward one as a hint, all of whose sides are sources. */
static bool primitive(OneDnn *o, const What *what, dnnl_primitive_attr_t attr) {
    const ConvShape *s = &what->conv->s;
    const ConvWhich which = what->conv->which;
    const dnnl_alg_kind_t alg = dnnl_convolution_direct;
    const dnnl_dims_t stride = {s->sh, s->sw}, dilation = {s->dh - 1, s->dw - 1}, before = {s->top, s->left};
    const dnnl_dims_t after = {end_padding(s->H, s->P, s->KH, s->sh, s->dh, s->top, s->bottom),
                               end_padding(s->W, s->Q, s->KW, s->sw, s->dw, s->left, s->right)};
    dnnl_memory_desc_t side[SIDES], hint[SIDES];
    for (int i = 0; i < SIDES; i++) {
        side[i] = given(&o->side[i], i == o->out ? dnnl_f32 : what->type, i == W || what->blocked);
        hint[i] = given(&o->side[i], what->type, i == W || what->blocked);
    }
    const dnnl_memory_desc_t *f = which == CONV_Y ? side : hint;
    dnnl_convolution_desc_t d, forward;
    dnnl_primitive_desc_t made = NULL;
    TRY(dnnl_dilated_convolution_forward_desc_init(&forward, dnnl_forward_training, alg, &f[X], &f[W], NULL, &f[Y], stride,
                                                   dilation, before, after));
    if (which == CONV_Y) return dnnl_primitive_desc_create(&o->desc, &forward, attr, onednn_engine(), NULL) == dnnl_success;
    if (which == CONV_X)
        TRY(dnnl_dilated_convolution_backward_data_desc_init(&d, alg, &side[X], &side[W], &side[Y], stride, dilation, before,
                                                             after));
    else
        TRY(dnnl_dilated_convolution_backward_weights_desc_init(&d, alg, &side[X], &side[W], NULL, &side[Y], stride, dilation,
                                                                before, after));
    TRY(dnnl_primitive_desc_create(&made, &forward, attr, onednn_engine(), NULL));
    dnnl_status_t status = dnnl_primitive_desc_create(&o->desc, &d, attr, onednn_engine(), made);
    dnnl_primitive_desc_destroy(made);
    return status == dnnl_success;
}

static dnnl_memory_desc_t layout_of(const OneDnn *o, dnnl_query_t what) {
    return *dnnl_primitive_desc_query_md(o->desc, what, 0);
}

static bool describe(OneDnn *o, const void *of, dnnl_primitive_attr_t attr) {
    const What *what = of;
    const ConvWhich which = what->conv->which;
    static const int roles[3][SIDES] = {[CONV_Y] = {X, W, Y}, [CONV_X] = {Y, W, X}, [CONV_W] = {X, Y, W}};
    o->in[0] = roles[which][0], o->in[1] = roles[which][1], o->out = roles[which][2];
    if (!plain_layouts(o, &what->conv->s) || !primitive(o, what, attr)) return false;
    const bool back_x = which == CONV_X, back_w = which == CONV_W;
    o->side[X].inner = layout_of(o, back_x ? dnnl_query_diff_src_md : dnnl_query_src_md);
    o->side[W].inner = layout_of(o, back_w ? dnnl_query_diff_weights_md : dnnl_query_weights_md);
    o->side[Y].inner = layout_of(o, back_x || back_w ? dnnl_query_diff_dst_md : dnnl_query_dst_md);
    o->side[X].arg = back_x ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC;
    o->side[W].arg = back_w ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS;
    o->side[Y].arg = back_x || back_w ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST;
    return true;
}

static bool start(Conv *c, bool blocked, dnnl_data_type_t type) {
    OneDnn *o = c->state = calloc(1, sizeof *o);
    return o && onednn_make(o, describe, &(What){c, blocked, type}, &c->scratch);
}

static bool start_direct(Conv *c) { return start(c, false, dnnl_f32); }
static bool start_blocked(Conv *c) { return start(c, true, dnnl_f32); }
static bool start_bf16(Conv *c) { return start(c, false, dnnl_bf16); }

static void stop(Conv *c) { onednn_free(c->state); }

static void run(const Conv *c, const float *a, const float *b, float *out, char *scratch) {
    onednn_run(c->state, a, b, out, scratch);
}

const ConvMethod conv_direct = {"direct", start_direct, run, stop};
const ConvMethod conv_blocked = {"blocked", start_blocked, run, stop};
const ConvMethod conv_bf16 = {"bf16", start_bf16, run, stop};
