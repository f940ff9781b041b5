/* oneDNN's objects: engine, stream, memories, reorders, scratchpads. Knows no convolution and no product. */
#include "kern/onednn.h"

#include "kern/kern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t line_up(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

dnnl_engine_t onednn_engine(void) {
    static dnnl_engine_t e;
    if (!e && dnnl_engine_create(&e, dnnl_cpu, 0) != dnnl_success) return NULL;
    return e;
}

static bool scratchpad(dnnl_memory_t *pad, const_dnnl_primitive_desc_t desc, size_t *most) {
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
    size_t size = dnnl_memory_desc_get_size(md);
    if (size > *most) *most = size;
    return dnnl_memory_create(pad, md, onednn_engine(), DNNL_MEMORY_NONE) == dnnl_success;
}

/* The caller's layout and oneDNN's: where they differ, room in the scratch and a reorder into it or out of it. */
static bool make_side(Side *side, bool is_out, dnnl_primitive_attr_t attr, size_t *scratch, size_t *most) {
    TRY(dnnl_memory_create(&side->user, &side->plain, onednn_engine(), DNNL_MEMORY_NONE));
    side->own = side->user;
    if (dnnl_memory_desc_equal(&side->plain, &side->inner)) return true;
    side->own = NULL;
    TRY(dnnl_memory_create(&side->own, &side->inner, onednn_engine(), DNNL_MEMORY_NONE));
    side->offset = *scratch;
    *scratch += line_up(dnnl_memory_desc_get_size(&side->inner));
    const dnnl_memory_desc_t *from = is_out ? &side->inner : &side->plain, *to = is_out ? &side->plain : &side->inner;
    dnnl_primitive_desc_t desc;
    TRY(dnnl_reorder_primitive_desc_create(&desc, from, onednn_engine(), to, onednn_engine(), attr));
    bool ok = scratchpad(&side->pad, desc, most) && dnnl_primitive_create(&side->reorder, desc) == dnnl_success;
    dnnl_primitive_desc_destroy(desc);
    return ok;
}

static bool make_parts(OneDnn *o, dnnl_primitive_attr_t attr, size_t *scratch) {
    size_t most = 0;
    for (int i = 0; i < ONEDNN_SIDES; i++)
        if (!make_side(&o->side[i], i == o->out, attr, scratch, &most)) return false;
    if (!scratchpad(&o->pad, o->desc, &most)) return false;
    o->pad_offset = *scratch;
    *scratch += line_up(most);
    return dnnl_primitive_create(&o->primitive, o->desc) == dnnl_success;
}

bool onednn_make(OneDnn *o, bool (*describe)(OneDnn *o, const void *what, dnnl_primitive_attr_t attr), const void *what,
                 size_t *scratch) {
    dnnl_primitive_attr_t attr;
    if (!onednn_engine()) return false;
    TRY(dnnl_stream_create(&o->stream, onednn_engine(), dnnl_stream_default_flags));
    TRY(dnnl_primitive_attr_create(&attr));
    bool ok = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) == dnnl_success &&
              describe(o, what, attr) && make_parts(o, attr, scratch);
    dnnl_primitive_attr_destroy(attr);
    return ok;
}

static void reorder(const OneDnn *o, const Side *side, bool out) {
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, out ? side->own : side->user}, {DNNL_ARG_TO, out ? side->user : side->own},
                              {DNNL_ARG_SCRATCHPAD, side->pad}};
    dnnl_primitive_execute(side->reorder, o->stream, 3, args);
}

void onednn_run(const OneDnn *o, const float *a, const float *b, float *out, char *scratch) {
    void *user[ONEDNN_SIDES];
    user[o->in[0]] = (void *)(uintptr_t)a, user[o->in[1]] = (void *)(uintptr_t)b, user[o->out] = out;
    dnnl_memory_set_data_handle(o->pad, scratch + o->pad_offset);
    dnnl_exec_arg_t args[ONEDNN_SIDES + 1] = {{DNNL_ARG_SCRATCHPAD, o->pad}};
    for (int i = 0; i < ONEDNN_SIDES; i++) {
        const Side *side = &o->side[i];
        dnnl_memory_set_data_handle(side->user, user[i]);
        if (side->reorder) {
            dnnl_memory_set_data_handle(side->own, scratch + side->offset);
            dnnl_memory_set_data_handle(side->pad, scratch + o->pad_offset);
            if (i != o->out) reorder(o, side, false);
        }
        args[i + 1] = (dnnl_exec_arg_t){side->arg, side->own};
    }
    dnnl_primitive_execute(o->primitive, o->stream, ONEDNN_SIDES + 1, args);
    if (o->side[o->out].reorder) reorder(o, &o->side[o->out], true);
}

void onednn_free(OneDnn *o) {
    if (!o) return;
    for (int i = 0; i < ONEDNN_SIDES; i++) {
        Side *side = &o->side[i];
        if (side->own != side->user) dnnl_memory_destroy(side->own);
        dnnl_memory_destroy(side->user);
        dnnl_memory_destroy(side->pad);
        dnnl_primitive_destroy(side->reorder);
    }
    dnnl_memory_destroy(o->pad);
    dnnl_primitive_destroy(o->primitive);
    dnnl_primitive_desc_destroy(o->desc);
    dnnl_stream_destroy(o->stream);
    free(o);
}

/* Code that is in no file: what lies in executable places of this process that nothing but a library has asked for. */
size_t kern_code(void) {
    FILE *f = fopen("/proc/self/smaps", "re");
    size_t bytes = 0;
    bool code = false;
    char line[512], rights[5], of[2];
    unsigned long inode, kilobytes;
    while (f && fgets(line, sizeof line, f)) {
        int n = sscanf(line, "%*[0-9a-f]-%*[0-9a-f] %4s %*x %*s %lu %1s", rights, &inode, of);
        if (n >= 2) code = n == 2 && rights[2] == 'x' && !inode;        /* a third: a file's, or the kernel's */
        if (code && sscanf(line, "Anonymous: %lu kB", &kilobytes) == 1) bytes += kilobytes * 1024;
    }
    if (f) fclose(f);
    return bytes;
}
