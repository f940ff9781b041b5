/* What the kernels by oneDNN share: a primitive of two sources and a result, with a reorder before or behind it where
 * oneDNN wants another layout or another type than the caller's plain fp32. Everything is made once; run sets pointers
 * and executes. Memory that oneDNN wants comes from the caller's scratch. */
#pragma once
#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>
#include <stddef.h>

enum { ONEDNN_SIDES = 3 };

typedef struct {
    dnnl_memory_desc_t plain, inner;                  /* the caller's layout and oneDNN's */
    dnnl_memory_t user, own;                          /* own == user where the layouts are equal */
    dnnl_primitive_t reorder;                         /* NULL where they are equal */
    dnnl_memory_t pad;                                /* the reorder's scratchpad */
    size_t offset;                                    /* of `own` in the scratch */
    int arg;                                          /* DNNL_ARG_... */
} Side;

typedef struct {
    Side side[ONEDNN_SIDES];
    int in[2], out;                                   /* which of them a, b and out are */
    dnnl_stream_t stream;                             /* its own: several may run at once */
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    dnnl_memory_t pad;                                /* oneDNN's scratchpads: one after the other, never two at once */
    size_t pad_offset;
} OneDnn;

#define TRY(call) do { if ((call) != dnnl_success) return false; } while (0)

dnnl_engine_t onednn_engine(void);                    /* NULL: out of memory */
/* Fills o from its own description: `describe` sets `plain` and `arg` of each side, in, out, desc, and `inner`. Adds
 * what it takes to *scratch. False: oneDNN cannot, or out of memory; onednn_free takes what is there. */
bool onednn_make(OneDnn *o, bool (*describe)(OneDnn *o, const void *what, dnnl_primitive_attr_t attr), const void *what,
                 size_t *scratch);
void onednn_run(const OneDnn *o, const float *a, const float *b, float *out, char *scratch);
void onednn_free(OneDnn *o);                          /* accepts NULL and what was half made */
