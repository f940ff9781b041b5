/* Convolutions by oneDNN, in fp32, or with sources rounded to bf16 and an fp32 result. Invariant: weights are never
 * handed over as plain HWIO, for which oneDNN only has slow code: it says what layout it wants, and a reorder stands
 * before or behind the convolution.
 *
 * oneDNN cuts the sum of a weight gradient by the number of threads. The one in bf16 is made in strips of y's channels
 * instead, by the shape alone and one thread each, so that its bits are the same for any number of threads. */
#include "kern/conv.h"
#include "kern/onednn.h"

#include <stdlib.h>
#include <string.h>

enum { X, W, Y, SIDES };

typedef struct {
    const Conv *conv;
    bool blocked;                                     /* activations too in the layout that oneDNN wants */
    dnnl_data_type_t type;                            /* of the two sources */
    int64_t channels;                                 /* of y: a strip of K, or all; of a strip there is one group */
} What;

enum { STRIPS = 16, STRIP = 32, UNIT = 16 };          /* at most; channels of one; channels that oneDNN takes at a time */

typedef struct {
    int n;
    OneDnn *part[STRIPS];
    int64_t from[STRIPS];                             /* its first channel of y */
} Strips;

static bool plain_layouts(OneDnn *o, const ConvShape *s, int64_t K) {
    const int64_t G = s->groups, ci = s->C / G, ko = s->K / G;
    TRY(dnnl_memory_desc_init_by_tag(&o->side[X].plain, 4, (dnnl_dims_t){s->N, s->C, s->H, s->W}, dnnl_f32, dnnl_nhwc));
    TRY(dnnl_memory_desc_init_by_strides(&o->side[Y].plain, 4, (dnnl_dims_t){s->N, K, s->P, s->Q}, dnnl_f32,
                                         (dnnl_dims_t){s->P * s->Q * s->K, 1, s->Q * s->K, s->K}));
    if (G == 1)
        TRY(dnnl_memory_desc_init_by_strides(&o->side[W].plain, 4, (dnnl_dims_t){K, s->C, s->KH, s->KW}, dnnl_f32,
                                             (dnnl_dims_t){1, s->K, s->KW * s->C * s->K, s->C * s->K}));
    else
        TRY(dnnl_memory_desc_init_by_strides(&o->side[W].plain, 5, (dnnl_dims_t){G, ko, ci, s->KH, s->KW}, dnnl_f32,
                                             (dnnl_dims_t){ko, 1, s->K, s->KW * ci * s->K, ci * s->K}));
    return true;
}

/* A side as oneDNN gets it: of this type, channels last (and dense, which a strip of the caller's is not) or in any
 * layout. */
static dnnl_memory_desc_t given(const Side *side, dnnl_data_type_t type, bool any) {
    dnnl_memory_desc_t d;
    dnnl_memory_desc_init_by_tag(&d, side->plain.ndims, side->plain.dims, type, any ? dnnl_format_tag_any : dnnl_nhwc);
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

/* oneDNN's own reference code does everything, a hundred times slower. */
static bool is_fast(const OneDnn *o) {
    const char *name;
    TRY(dnnl_primitive_desc_query(o->desc, dnnl_query_impl_info_str, 0, &name));
    return strncmp(name, "ref", 3) != 0;
}

static dnnl_memory_desc_t layout_of(const OneDnn *o, dnnl_query_t what) {
    return *dnnl_primitive_desc_query_md(o->desc, what, 0);
}

static bool describe(OneDnn *o, const void *of, dnnl_primitive_attr_t attr) {
    const What *what = of;
    const ConvWhich which = what->conv->which;
    static const int roles[3][SIDES] = {[CONV_Y] = {X, W, Y}, [CONV_X] = {Y, W, X}, [CONV_W] = {X, Y, W}};
    o->in[0] = roles[which][0], o->in[1] = roles[which][1], o->out = roles[which][2];
    if (!plain_layouts(o, &what->conv->s, what->channels) || !primitive(o, what, attr)) return false;
    if (what->type == dnnl_bf16 && !is_fast(o)) return false;
    const bool back_x = which == CONV_X, back_w = which == CONV_W;
    o->side[X].inner = layout_of(o, back_x ? dnnl_query_diff_src_md : dnnl_query_src_md);
    o->side[W].inner = layout_of(o, back_w ? dnnl_query_diff_weights_md : dnnl_query_weights_md);
    o->side[Y].inner = layout_of(o, back_x || back_w ? dnnl_query_diff_dst_md : dnnl_query_dst_md);
    o->side[X].arg = back_x ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC;
    o->side[W].arg = back_w ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS;
    o->side[Y].arg = back_x || back_w ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST;
    return true;
}

static bool start(Conv *c, bool blocked, dnnl_data_type_t type, int strips) {
    const int64_t K = c->s.K, units = K / UNIT;
    Strips *s = c->state = calloc(1, sizeof *s);
    if (!s) return false;
    for (int64_t i = 0; i < strips; i++) {
        const int64_t from = units * i / strips * UNIT, to = i + 1 < strips ? units * (i + 1) / strips * UNIT : K;
        OneDnn *o = s->part[i] = calloc(1, sizeof *o);
        s->from[i] = from, s->n++;
        if (!o || !onednn_make(o, describe, &(What){c, blocked, type, to - from}, &c->scratch)) return false;
    }
    return true;
}

static bool start_direct(Conv *c) { return start(c, false, dnnl_f32, 1); }
static bool start_blocked(Conv *c) { return start(c, true, dnnl_f32, 1); }

static int strips_of(int64_t K) {
    const int64_t wide = K / STRIP, narrow = K / UNIT < 2 ? K / UNIT : 2, n = wide > narrow ? wide : narrow;
    return (int)(n < 1 ? 1 : n > STRIPS ? STRIPS : n);
}

/* oneDNN takes the number of threads when a primitive is made. */
static bool start_bf16(Conv *c) {
    if (c->which != CONV_W) return start(c, false, dnnl_bf16, 1);
    const int threads = par_count();
    par_threads(1);
    bool ok = start(c, false, dnnl_bf16, strips_of(c->s.K));
    par_threads(threads);
    return ok;
}

static void stop(Conv *c) {
    Strips *s = c->state;
    for (int i = 0; s && i < s->n; i++) onednn_free(s->part[i]);
    free(s);
}

typedef struct {
    const Strips *strips;
    const float *a, *b;
    float *out;
    char *scratch;
} Run;

static void run_strip(void *ctx, int64_t i) {
    const Run *r = ctx;
    const int64_t from = r->strips->from[i];          /* 0 but in CONV_W, where b is y and out is w */
    onednn_run(r->strips->part[i], r->a, r->b + from, r->out + from, r->scratch);
}

static void run(const Conv *c, const float *a, const float *b, float *out, char *scratch) {
    const Strips *s = c->state;
    parallel_for(s->n, run_strip, &(Run){s, a, b, out, scratch});
}

const ConvMethod conv_direct = {"direct", start_direct, run, stop};
const ConvMethod conv_blocked = {"blocked", start_blocked, run, stop};
const ConvMethod conv_bf16 = {"bf16", start_bf16, run, stop};
