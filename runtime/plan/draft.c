/* A group as a micro-program: its inputs numbered in the order of their first reading, its steps, its
 * results. Two groups whose drafts differ only in sizes and index maps are segments of one instruction. */
#include "plan/parts.h"

#include <string.h>

typedef struct {
    Plan *p;
    const Group *g;
    Draft *d;
    int *value_of;
} Drafter; /* value_of: by place in the group */

static bool scalar_read(const Read *r) {
    for (int k = 0; k < r->type.shape.rank; k++)
        if (r->type.shape.dim[k] != 1 && r->at.stride[k]) return false;
    return true;
}

static bool access_equal(const Access *a, const Access *b) {
    return a->kind == b->kind && a->rank == b->rank && a->offset == b->offset &&
           !memcmp(a->dim, b->dim, sizeof a->dim) && !memcmp(a->stride, b->stride, sizeof a->stride);
}

/* A draw reads its tick and round as single numbers, however many it makes. */
static bool raw_for(const Drafter *w, const Item *it) {
    return it->op && it->op->traits & RANDOM && w->g->count > 1;
}

static int input_of(Drafter *w, const Read *r, bool raw) {
    Draft *d = w->d;
    Access a = access_make(&r->type.shape, &r->at);
    if (raw || (scalar_read(r) && w->g->count > 1))
        a = (Access){.kind = ACCESS_SCALAR, .offset = r->at.offset};
    for (int k = 0; k < d->nin; k++)
        if (d->in[k].item == r->item && d->value[k].raw == raw && access_equal(&d->access[k], &a)) return k;
    d->in[d->nin] = *r;
    d->access[d->nin] = a;
    d->value[d->nin] = (Value){r->type.dtype, -1, -1, raw, false};
    return d->nin++;
}

static int value_of(const Drafter *w, int item) { /* -1: not made in this group */
    for (int k = 0; k < w->g->items.n; k++)
        if (w->g->items.at[k] == item) return w->value_of[k];
    return -1;
}

/* Which source of a commuting operator comes first must not depend on node numbers, or equal programs would
 * differ: values before inputs, inputs by how they are read. */
static bool swapped(const Drafter *w, const Item *it) {
    if (!it->op || !(it->op->traits & COMMUTES) || it->nsrc != 2) return false;
    int x = value_of(w, it->src[0].item), z = value_of(w, it->src[1].item);
    if (x >= 0 || z >= 0) return x < 0 || (z >= 0 && z < x);
    Access a = access_make(&it->src[0].type.shape, &it->src[0].at),
           b = access_make(&it->src[1].type.shape, &it->src[1].at);
    return a.kind > b.kind;
}

/* First all inputs, so that they are values 0 .. nin-1; then the steps. */
static void find_inputs(Drafter *w) {
    for (int k = 0; k < w->g->items.n; k++) w->value_of[k] = k;
    for (int k = 0; k < w->g->items.n; k++) {
        const Item *it = &w->p->item.at[w->g->items.at[k]];
        bool turn = swapped(w, it);
        for (int s = 0; s < it->nsrc; s++) {
            const Read *r = &it->src[turn ? 1 - s : s];
            if (value_of(w, r->item) < 0) input_of(w, r, raw_for(w, it));
        }
    }
    w->d->nvalue = w->d->nin;
}

static void add_step(Drafter *w, int k) {
    Draft *d = w->d;
    int i = w->g->items.at[k];
    const Item *it = &w->p->item.at[i];
    Step step = {.op = it->op,
                 .attr = it->op ? it->node->attr : NULL,
                 .nsrc = it->nsrc,
                 .fold = -1,
                 .type = it->nsrc ? it->src[it->nsrc - 1].type.dtype : it->type.dtype,
                 .path = it->node->path};
    bool turn = swapped(w, it);
    for (int s = 0; s < it->nsrc; s++) {
        const Read *r = &it->src[turn ? 1 - s : s];
        int inside = value_of(w, r->item);
        step.src[s] = inside >= 0 ? inside : input_of(w, r, raw_for(w, it));
    }
    int result = it->stored ? d->nout : -1;
    if (it->stored) d->out[d->nout++] = i;
    if (it->kind == ITEM_FOLD) {
        bool ok;
        unsigned axes = axes_mask(&((const ReduceAttr *)it->node->attr)->axes, it->space.rank, &ok);
        d->fold[d->nfold] = fold_make(&it->space, axes);
        step.fold = d->nfold++;
        step.out = result;
    } else {
        step.out = w->value_of[k] = d->nvalue;
        d->value[d->nvalue++] = (Value){it->type.dtype, result, -1, false, false};
    }
    d->step[d->nstep++] = step;
}

Draft *draft_make(Plan *p, const Group *g) {
    int n = g->items.n, most = n;
    for (int k = 0; k < n; k++) most += p->item.at[g->items.at[k]].nsrc;
    Draft *d = ARENA_NEW(p->scratch, Draft);
    *d = (Draft){.value = ARENA_ARRAY(p->scratch, Value, most),
                 .step = ARENA_ARRAY(p->scratch, Step, n),
                 .in = ARENA_ARRAY(p->scratch, Read, most),
                 .out = ARENA_ARRAY(p->scratch, int, n),
                 .access = ARENA_ARRAY(p->scratch, Access, most),
                 .fold = ARENA_ARRAY(p->scratch, Fold, n)};
    Drafter w = {p, g, d, ARENA_ARRAY(p->scratch, int, n)};
    find_inputs(&w);
    for (int k = 0; k < n; k++) w.value_of[k] = -1;
    for (int k = 0; k < n; k++) add_step(&w, k);
    return d;
}
