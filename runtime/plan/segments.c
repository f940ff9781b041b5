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

static uint64_t draft_hash(const Draft *d) {
    uint64_t h = 14695981039346656037u;
    const int shape[] = {d->nin, d->nout, d->nvalue, d->nstep};
    for (int k = 0; k < 4; k++) h = (h ^ (uint64_t)shape[k]) * 1099511628211u;
    for (int k = 0; k < d->nstep; k++) h = (h ^ (uint64_t)(uintptr_t)d->step[k].op) * 1099511628211u;
    return h ^ h >> 29;
}

/* Groups of equal drafts, in the order in which they run. */
typedef struct {
    Indices member;
    int tried;                                        /* how many of them have looked for a partner */
    uint64_t **needs;                                 /* by member: which earlier ones it is known to need, a bit each */
} Class;

typedef VEC(Class) Classes;

/* The classes, and of which one each group in `all` is (-1: none). */
static void classes_find(Plan *p, const Indices *all, Classes *classes, int *of) {
    int size = 16;
    while (size < 2 * all->n) size *= 2;
    int *table = ARENA_ARRAY(p->scratch, int, size);  /* class + 1 */
    for (int k = 0; k < all->n; k++) {
        const Draft *d = p->group.at[all->at[k]].draft;
        of[k] = -1;
        if (!d) continue;
        size_t at = draft_hash(d) & (size_t)(size - 1);
        for (; table[at]; at = (at + 1) & (size_t)(size - 1))
            if (draft_equal(p->group.at[classes->at[table[at] - 1].member.at[0]].draft, d)) break;
        if (!table[at]) vec_push(p->scratch, classes, (Class){0}), table[at] = classes->n;
        of[k] = table[at] - 1;
        vec_push(p->scratch, &classes->at[of[k]].member, all->at[k]);
    }
}

static bool knows(const uint64_t *set, int i) { return set[i / 64] >> (i % 64) & 1; }

/* Member t of class c joins the latest one before it that will have it. What it needs, it also needs through others:
 * so along a chain of needs only the last link is looked for, and the whole stays linear in practice. */
static void look_for_partner(Plan *p, Class *c, int t) {
    uint64_t *mine = ARENA_ARRAY(p->scratch, uint64_t, t / 64 + 1);
    int b = c->member.at[t];
    c->needs[t] = mine;
    for (int j = t - 1; j >= 0; j--) {
        int a = c->member.at[j];
        const Group *ga = &p->group.at[a], *gb = &p->group.at[b];
        if (knows(mine, j) || ga->gone || (ga->count > SMALL && gb->count > SMALL)) continue;
        bool before = ga->at < gb->at;
        Join join = groups_join(p, a, b, true);
        if (join == JOIN_DONE) return;
        if (join != JOIN_NEEDS || !before) continue;
        for (int w = 0; w <= j / 64; w++) mine[w] |= c->needs[j][w];
        mine[j / 64] |= (uint64_t)1 << (j % 64);
    }
}

void segments_merge(Plan *p) {
    for (int k = p->first; k >= 0; k = p->group.at[k].next) {
        Group *g = &p->group.at[k];
        if (!g->kernel) g->draft = draft_make(p, g);
    }
    if (!p->options.fuse || !p->options.segments) return;
    Indices all = {0};
    Classes classes = {0};
    for (int k = p->first; k >= 0; k = p->group.at[k].next) vec_push(p->scratch, &all, k);
    int *of = ARENA_ARRAY(p->scratch, int, all.n + 1);
    classes_find(p, &all, &classes, of);
    for (int i = 0; i < classes.n; i++)
        classes.at[i].needs = ARENA_ARRAY(p->scratch, uint64_t *, classes.at[i].member.n);
    for (int k = 0; k < all.n; k++)
        if (of[k] >= 0) look_for_partner(p, &classes.at[of[k]], classes.at[of[k]].tried++);
}
