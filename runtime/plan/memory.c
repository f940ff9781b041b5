/* Lifetimes and offsets. A buffer lives from the instruction that makes its value to the last one that reads
 * it, both included; results of the program live to the end. A region's result takes the buffer of an input
 * that dies there and is read as element i only, no later than the step that makes element i. Buffers of the
 * largest size are placed first, each into the smallest gap that is free for its whole life. */
#include "plan/parts.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    size_t size, offset;
    int from, to;
    size_t *scratch_at;
} Buffer;
typedef struct {
    Plan *p;
    VEC(Buffer) buffer;
    int *last;  /* by item: the last instruction to read it; -1: none, or its place is given away */
    int *reads; /* by item: how often the present region reads it, in all its segments */
} Memory;

static size_t item_bytes(const Item *it) {
    size_t bytes = (size_t)shape_count(&it->type.shape) * dtype_size(it->type.dtype);
    return bytes ? (bytes + 63) & ~(size_t)63 : 64;
}

static void find_last(Memory *m) {
    Plan *p = m->p;
    m->last = ARENA_ARRAY(p->scratch, int, p->item.n + 1);
    for (int i = 0; i < p->item.n; i++) m->last[i] = -1;
    for (int t = 0; t < p->program->ninstr; t++)
        for (int s = 0; s < p->program->instr[t].nin; s++) m->last[p->reads[t][s].item] = t;
    for (int k = 0; k < p->result.n; k++) m->last[p->result.at[k].item] = p->program->ninstr;
}

static bool same_size(const Item *a, const Item *b) {
    return shape_count(&a->type.shape) * (int64_t)dtype_size(a->type.dtype) ==
           shape_count(&b->type.shape) * (int64_t)dtype_size(b->type.dtype);
}

/* Can the value that `step` makes in segment s take the place of operand `in`? Every reading of that item
 * must be as element i, in this segment, no later than the step. */
static bool replaceable(const Memory *m, int t, int s, int in, int step) {
    const Region *r = m->p->program->instr[t].state;
    const Read *reads = &m->p->reads[t][s * r->nin];
    int elsewhere = m->reads[reads[in].item];
    for (int k = 0; k < r->nin; k++) {
        if (reads[k].item != reads[in].item) continue;
        const Access *a = &r->segment[s].access[k];
        if (a->kind != ACCESS_SAME || a->offset || r->value[k].raw) return false;
        for (int j = step + 1; j < r->nstep; j++)
            for (int x = 0; x < r->step[j].nsrc; x++)
                if (r->step[j].src[x] == k) return false;
        elsewhere--;
    }
    return !elsewhere;
}

static int inherit(const Memory *m, int t, int s, int result) { /* a dying input's item, or -1 */
    Plan *p = m->p;
    const Region *r = p->program->instr[t].state;
    int step = 0, out = p->outs[t][s * r->nout + result];
    while (r->step[step].fold >= 0 || r->value[r->step[step].out].result != result)
        if (++step == r->nstep) return -1; /* a reduction's result: other size, other time */
    for (int k = 0; k < r->nin; k++) {
        int item = p->reads[t][s * r->nin + k].item;
        const Item *it = &p->item.at[item];
        if (it->buffer < 0 || m->last[item] != t || m->buffer.at[it->buffer].to != t) continue;
        if (same_size(it, &p->item.at[out]) && shape_count(&it->type.shape) == r->segment[s].count &&
            replaceable(m, t, s, k, step))
            return item;
    }
    return -1;
}

static int buffer_add(Memory *m, size_t size, int from, int to, size_t *scratch_at) {
    Buffer b = {.size = (size + 63) & ~(size_t)63, .from = from, .to = to, .scratch_at = scratch_at};
    vec_push(m->p->scratch, &m->buffer, b);
    return m->buffer.n - 1;
}

static void find_buffers(Memory *m) {
    Plan *p = m->p;
    m->reads = ARENA_ARRAY(p->scratch, int, p->item.n + 1);
    for (int t = 0; t < p->program->ninstr; t++) {
        Instr *i = &p->program->instr[t];
        for (int k = 0; k < i->nin; k++) m->reads[p->reads[t][k].item]++;
        for (int k = 0; k < i->nout; k++) {
            int item = p->outs[t][k];
            Item *it = &p->item.at[item];
            if (it->at.place == IN_SLOT) continue;
            int to = m->last[item] > t ? m->last[item] : t;
            int from = -1;
            if (!i->op && p->options.reuse) {
                const Region *r = i->state;
                from = inherit(m, t, k / r->nout, k % r->nout);
            }
            if (from >= 0) {
                it->buffer = p->item.at[from].buffer;
                m->buffer.at[it->buffer].to = to;
                m->last[from] = -1; /* given away */
            } else {
                it->buffer = buffer_add(m, item_bytes(it), t, to, NULL);
            }
        }
        if (i->scratch_size) buffer_add(m, i->scratch_size, t, t, &i->scratch);
        for (int k = 0; k < i->nin; k++) m->reads[p->reads[t][k].item] = 0;
    }
}

static int larger_first(const void *a, const void *b, void *buffers) {
    const Buffer *x = (const Buffer *)buffers + *(const int *)a,
                 *y = (const Buffer *)buffers + *(const int *)b;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    return *(const int *)a - *(const int *)b;
}

static void place_buffers(Memory *m) {
    Plan *p = m->p;
    int n = m->buffer.n, *order = ARENA_ARRAY(p->scratch, int, n + 1);
    Room *room = room_new(p->scratch, p->program->ninstr + 1);
    for (int k = 0; k < n; k++) order[k] = k;
    if (p->options.reuse) qsort_r(order, (size_t)n, sizeof *order, larger_first, m->buffer.at);
    for (int k = 0; k < n; k++) {
        Buffer *b = &m->buffer.at[order[k]];
        b->offset = p->options.reuse ? room_take(room, b->from, b->to, b->size) : p->program->workspace;
        if (b->offset + b->size > p->program->workspace) p->program->workspace = b->offset + b->size;
        if (b->scratch_at) *b->scratch_at = b->offset;
    }
}

static void place_constants(Plan *p) {
    Program *q = p->program;
    for (int pass = 0; pass < 2; pass++) { /* sizes, then numbers */
        if (pass) {
            unsigned char *raw = arena_alloc(p->arena, q->nconstants + 64);
            q->constants = q->nconstants ? raw + (64 - (uintptr_t)raw % 64) % 64 : NULL;
        }
        for (int k = 0; k < p->item.n; k++) {
            Item *it = &p->item.at[k];
            if (it->kind != ITEM_CONSTANT || !it->used) continue;
            if (!pass) {
                it->at = (Operand){.place = IN_CONSTANTS, .offset = q->nconstants};
                q->nconstants += item_bytes(it);
                continue;
            }
            int64_t n = shape_count(&it->type.shape);
            double *numbers = ARENA_ARRAY(p->scratch, double, n + 1);
            it->op->ref(it->node, NULL, numbers);
            for (int64_t i = 0; i < n; i++)
                number_put(q->constants + it->at.offset, it->type.dtype, i, numbers[i]);
        }
    }
}

static Operand operand(const Plan *p, const Read *r,
                       bool view) { /* view: an own kernel's; regions read through strides */
    const Item *it = &p->item.at[r->item];
    Operand o = it->at;
    o.type = view ? r->type : it->type;
    o.value = r->item;
    if (view) o.offset += (size_t)r->at.offset * dtype_size(it->type.dtype);
    return o;
}

void memory_plan(Plan *p) {
    Memory m = {.p = p};
    Program *q = p->program;
    find_last(&m);
    find_buffers(&m);
    place_buffers(&m);
    place_constants(p);
    for (int k = 0; k < p->item.n; k++) {
        Item *it = &p->item.at[k];
        if (it->kind == ITEM_SLOT) it->at = (Operand){.place = IN_SLOT, .slot = it->slot};
        if (it->buffer >= 0)
            it->at = (Operand){.place = IN_WORKSPACE, .offset = m.buffer.at[it->buffer].offset};
    }
    for (int t = 0; t < q->ninstr; t++) {
        for (int k = 0; k < q->instr[t].nin; k++)
            q->instr[t].in[k] = operand(p, &p->reads[t][k], q->instr[t].op != NULL);
        for (int k = 0; k < q->instr[t].nout; k++) {
            Read r = {.item = p->outs[t][k]};
            q->instr[t].out[k] = operand(p, &r, false);
        }
    }
    for (int k = 0; k < p->result.n; k++) q->result[k].at = operand(p, &p->result.at[k], true);
}
