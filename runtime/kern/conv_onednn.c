/* Convolutions by oneDNN. All objects are made in start; run sets pointers and executes. Memory that oneDNN wants
 * comes from the caller's scratch. Invariant: weights are never handed over as plain HWIO, for which oneDNN only has
 * slow code: it says what layout it wants, and a reorder stands before or behind the convolution. */
#include "kern/conv.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>
#include <string.h>

enum { X, W, Y, SIDES };

typedef struct {
    dnnl_memory_desc_t plain, inner;                  /* the caller's layout and oneDNN's */
    dnnl_memory_t user, own;                          /* own == user where the layouts are equal */
    dnnl_primitive_t reorder;                         /* NULL where they are equal */
    size_t offset;                                    /* of `own` in the scratch */
    int arg;
} Side;

typedef struct {
    Side side[SIDES];                                 /* X, W, Y of the trilinear form */
    int in[2], out;                                   /* which of them a, b and out are */
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t conv;
    dnnl_memory_t pad;                                /* oneDNN's scratchpads: one after the other, never two at once */
    dnnl_memory_t reorder_pad[SIDES];
    size_t pad_offset;
} OneDnn;

static dnnl_engine_t engine(void) {
    static dnnl_engine_t e;
    if (!e && dnnl_engine_create(&e, dnnl_cpu, 0) != dnnl_success) return NULL;
    return e;
}

static dnnl_stream_t stream(void) {
    static dnnl_stream_t st;
    if (!st && dnnl_stream_create(&st, engine(), dnnl_stream_default_flags) != dnnl_success) return NULL;
    return st;
}

#define TRY(call) do { if ((call) != dnnl_success) return false; } while (0)

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

static dnnl_memory_desc_t any_layout(const dnnl_memory_desc_t *plain) {
    dnnl_memory_desc_t any;
    dnnl_memory_desc_init_by_tag(&any, plain->ndims, plain->dims, dnnl_f32, dnnl_format_tag_any);
    return any;
}

/* Padding behind the end such that exactly `out` outputs fit: oneDNN checks it. */
static int64_t end_padding(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t before,
                           int64_t after) {
    const int64_t room = in + before - ((kernel - 1) * dilation + 1);
    return room + after >= 0 && (room + after) / stride + 1 == out ? after : (out - 1) * stride - room;
}

static bool describe(OneDnn *o, const Conv *c, bool blocked, dnnl_primitive_attr_t attr) {
    const ConvShape *s = &c->s;
    const dnnl_alg_kind_t alg = dnnl_convolution_direct;
    const dnnl_dims_t stride = {s->sh, s->sw}, dilation = {s->dh - 1, s->dw - 1}, before = {s->top, s->left};
    const dnnl_dims_t after = {end_padding(s->H, s->P, s->KH, s->sh, s->dh, s->top, s->bottom),
                               end_padding(s->W, s->Q, s->KW, s->sw, s->dw, s->left, s->right)};
    dnnl_memory_desc_t x = o->side[X].plain, y = o->side[Y].plain, w = any_layout(&o->side[W].plain);
    if (blocked) x = any_layout(&x), y = any_layout(&y);
    dnnl_convolution_desc_t d, hint;
    dnnl_primitive_desc_t forward = NULL;
    TRY(dnnl_dilated_convolution_forward_desc_init(&hint, dnnl_forward_training, alg, &x, &w, NULL, &y, stride, dilation,
                                                   before, after));
    if (c->which == CONV_Y) return dnnl_primitive_desc_create(&o->desc, &hint, attr, engine(), NULL) == dnnl_success;
    if (c->which == CONV_X)
        TRY(dnnl_dilated_convolution_backward_data_desc_init(&d, alg, &x, &w, &y, stride, dilation, before, after));
    else
        TRY(dnnl_dilated_convolution_backward_weights_desc_init(&d, alg, &x, &w, NULL, &y, stride, dilation, before, after));
    TRY(dnnl_primitive_desc_create(&forward, &hint, attr, engine(), NULL));
    dnnl_status_t status = dnnl_primitive_desc_create(&o->desc, &d, attr, engine(), forward);
    dnnl_primitive_desc_destroy(forward);
    return status == dnnl_success;
}

static const dnnl_memory_desc_t *layout_of(const OneDnn *o, dnnl_query_t what) {
    return dnnl_primitive_desc_query_md(o->desc, what, 0);
}

static bool scratchpad(dnnl_memory_t *pad, const_dnnl_primitive_desc_t desc, size_t *most) {
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
    size_t size = dnnl_memory_desc_get_size(md);
    if (size > *most) *most = size;
    return dnnl_memory_create(pad, md, engine(), DNNL_MEMORY_NONE) == dnnl_success;
}

/* The caller's layout and oneDNN's: where they differ, room in the scratch and a reorder into it or out of it. */
static bool make_side(Side *side, bool is_out, dnnl_primitive_attr_t attr, size_t *scratch, dnnl_memory_t *pad, size_t *most) {
    TRY(dnnl_memory_create(&side->user, &side->plain, engine(), DNNL_MEMORY_NONE));
    side->own = side->user;
    if (dnnl_memory_desc_equal(&side->plain, &side->inner)) return true;
    side->own = NULL;
    TRY(dnnl_memory_create(&side->own, &side->inner, engine(), DNNL_MEMORY_NONE));
    side->offset = *scratch;
    *scratch += conv_align(dnnl_memory_desc_get_size(&side->inner));
    const dnnl_memory_desc_t *from = is_out ? &side->inner : &side->plain, *to = is_out ? &side->plain : &side->inner;
    dnnl_primitive_desc_t desc;
    TRY(dnnl_reorder_primitive_desc_create(&desc, from, engine(), to, engine(), attr));
    bool ok = scratchpad(pad, desc, most) && dnnl_primitive_create(&side->reorder, desc) == dnnl_success;
    dnnl_primitive_desc_destroy(desc);
    return ok;
}

static bool make(OneDnn *o, Conv *c, bool blocked, dnnl_primitive_attr_t attr) {
    static const int roles[3][SIDES] = {[CONV_Y] = {X, W, Y}, [CONV_X] = {Y, W, X}, [CONV_W] = {X, Y, W}};
    const int *role = roles[c->which];
    o->in[0] = role[0], o->in[1] = role[1], o->out = role[2];
    if (!engine() || !stream() || !plain_layouts(o, &c->s) || !describe(o, c, blocked, attr)) return false;
    const bool back_x = c->which == CONV_X, back_w = c->which == CONV_W;
    o->side[X].inner = *layout_of(o, back_x ? dnnl_query_diff_src_md : dnnl_query_src_md);
    o->side[W].inner = *layout_of(o, back_w ? dnnl_query_diff_weights_md : dnnl_query_weights_md);
    o->side[Y].inner = *layout_of(o, back_x || back_w ? dnnl_query_diff_dst_md : dnnl_query_dst_md);
    o->side[X].arg = back_x ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC;
    o->side[W].arg = back_w ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS;
    o->side[Y].arg = back_x || back_w ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST;
    size_t most = 0;
    for (int i = 0; i < SIDES; i++)
        if (!make_side(&o->side[i], i == o->out, attr, &c->scratch, &o->reorder_pad[i], &most)) return false;
    if (!scratchpad(&o->pad, o->desc, &most)) return false;
    o->pad_offset = c->scratch;
    c->scratch += conv_align(most);
    return dnnl_primitive_create(&o->conv, o->desc) == dnnl_success;
}

static bool start(Conv *c, bool blocked) {
    dnnl_primitive_attr_t attr;
    OneDnn *o = c->state = calloc(1, sizeof *o);
    if (!o || dnnl_primitive_attr_create(&attr) != dnnl_success) return false;
    bool ok = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) == dnnl_success &&
              make(o, c, blocked, attr);
    dnnl_primitive_attr_destroy(attr);
    return ok;
}

static bool start_direct(Conv *c) { return start(c, false); }
static bool start_blocked(Conv *c) { return start(c, true); }

static void stop(Conv *c) {
    OneDnn *o = c->state;
    if (!o) return;
    for (int i = 0; i < SIDES; i++) {
        Side *side = &o->side[i];
        if (side->own != side->user) dnnl_memory_destroy(side->own);
        dnnl_memory_destroy(side->user);
        dnnl_memory_destroy(o->reorder_pad[i]);
        dnnl_primitive_destroy(side->reorder);
    }
    dnnl_memory_destroy(o->pad);
    dnnl_primitive_destroy(o->conv);
    dnnl_primitive_desc_destroy(o->desc);
    free(o);
}

static void reorder(const Side *side, bool out, dnnl_memory_t pad) {
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, out ? side->own : side->user}, {DNNL_ARG_TO, out ? side->user : side->own},
                              {DNNL_ARG_SCRATCHPAD, pad}};
    dnnl_primitive_execute(side->reorder, stream(), 3, args);
}

static void run(const Conv *c, const float *a, const float *b, float *out, char *scratch) {
    const OneDnn *o = c->state;
    void *user[SIDES];
    user[o->in[0]] = (void *)(uintptr_t)a, user[o->in[1]] = (void *)(uintptr_t)b, user[o->out] = out;
    dnnl_memory_set_data_handle(o->pad, scratch + o->pad_offset);
    dnnl_exec_arg_t args[SIDES + 1] = {{DNNL_ARG_SCRATCHPAD, o->pad}};
    for (int i = 0; i < SIDES; i++) {
        const Side *side = &o->side[i];
        dnnl_memory_set_data_handle(side->user, user[i]);
        if (side->reorder) {
            dnnl_memory_set_data_handle(side->own, scratch + side->offset);
            dnnl_memory_set_data_handle(o->reorder_pad[i], scratch + o->pad_offset);
            if (i != o->out) reorder(side, false, o->reorder_pad[i]);
        }
        args[i + 1] = (dnnl_exec_arg_t){side->arg, side->own};
    }
    dnnl_primitive_execute(o->conv, stream(), SIDES + 1, args);
    if (o->side[o->out].reorder) reorder(&o->side[o->out], true, o->reorder_pad[o->out]);
}

const ConvMethod conv_direct = {"direct", start_direct, run, stop};
const ConvMethod conv_blocked = {"blocked", start_blocked, run, stop};
