/* Groups of one micro-program that do not need each other run as segments of one instruction: an optimiser
 * over all parameters is one launch. Only where one of them is small: for large ones a launch costs nothing,
 * and apart they find their numbers in the cache. */
#include "plan/parts.h"

#include <string.h>

enum { SMALL = 1 << 16 }; /* elements */

static bool step_equal(const Step *a, const Step *b) {
    if (a->op != b->op || a->type != b->type || a->nsrc != b->nsrc || a->out != b->out || a->fold != b->fold)
        return false;
    if (memcmp(a->src, b->src, (size_t)a->nsrc * sizeof a->src[0])) return false;
    return !a->op || a->fold >= 0 || !a->op->attr_size || !memcmp(a->attr, b->attr, a->op->attr_size);
}

static bool draft_equal(const Draft *a, const Draft *b) {
    if (a->nin != b->nin || a->nout != b->nout || a->nvalue != b->nvalue || a->nstep != b->nstep)
        return false;
    for (int k = 0; k < a->nvalue; k++)
        if (a->value[k].type != b->value[k].type || a->value[k].result != b->value[k].result ||
            a->value[k].raw != b->value[k].raw)
            return false;
    for (int k = 0; k < a->nstep; k++)
        if (!step_equal(&a->step[k], &b->step[k])) return false;
    return true;
}

void segments_merge(Plan *p) {
    for (int k = 0; k < p->order.n; k++) {
        Group *g = &p->group.at[p->order.at[k]];
        if (!g->kernel) g->draft = draft_make(p, g);
    }
    if (!p->options.fuse || !p->options.segments) return;
    Indices all = {0};
    for (int k = 0; k < p->order.n; k++) vec_push(p->scratch, &all, p->order.at[k]);
    for (int k = 0; k < all.n; k++) {
        const Group *b = &p->group.at[all.at[k]];
        for (int j = k - 1; j >= 0 && b->draft; j--) {
            const Group *a = &p->group.at[all.at[j]];
            if (!a->draft || a->gone || (a->count > SMALL && b->count > SMALL) ||
                !draft_equal(a->draft, b->draft))
                continue;
            if (groups_join(p, all.at[j], all.at[k], true)) break;
        }
    }
}
