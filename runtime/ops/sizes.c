/* Where a tensor has its sizes from: for messages about shapes that do not fit. The mistake is seldom where the shapes
 * meet; it is at a layer, an index or a field further up. The graph is walked back along one axis, and each line of the
 * spec that made a size of it is noted. */
#include "ops/ops.h"

#include "base/vec.h"

#include <string.h>

/* ---- which axes a size depends on ---- */

typedef unsigned Axes(const Node *n, int axis, int k);         /* of source k, a bit an axis: those that size n's axis */

static const Shape *source(const Node *n, int k) { return &n->src[k]->type.shape; }
static unsigned bit(int axis) { return axis < 0 ? 0 : 1u << axis; }

static unsigned broadcast_axes(const Node *n, int axis, int k) {
    return bit(axis - (n->type.shape.rank - source(n, k)->rank));
}

/* The axes of both shapes in groups of equal products: an axis has its size from those of its group. */
static unsigned reshape_axes(const Node *n, int axis, int k) {
    const Shape *from = source(n, k), *to = &n->type.shape;
    for (int i = 0, j = 0; i < from->rank || j < to->rank;) {
        int first = i;
        int64_t have = i < from->rank ? from->dim[i++] : 1, want = j < to->rank ? to->dim[j++] : 1;
        while (have != want)
            if (have < want) have *= from->dim[i++];
            else want *= to->dim[j++];
        if (axis < j) return bit(i) - bit(first);
    }
    return 0;
}

static unsigned permute_axes(const Node *n, int axis, int k) {
    (void)k;
    return bit((int)((const PermuteAttr *)n->attr)->order.at[axis]);
}

static unsigned matmul_axes(const Node *n, int axis, int k) {
    const MatmulAttr *t = n->attr;
    int rank = n->type.shape.rank;
    if (axis < rank - 2) return bit(axis);
    if (axis == rank - 2) return k == 0 ? bit(t->ta ? rank - 1 : rank - 2) : 0;
    return k == 1 ? bit(t->tb ? rank - 2 : rank - 1) : 0;
}

static unsigned convolve_axes(const Node *n, int axis, int k) {      /* x, w -> y */
    (void)n;
    if (axis == 3) return k == 1 ? bit(3) : 0;
    return k == 0 ? bit(axis) : bit(axis - 1);
}

static unsigned convolve_x_axes(const Node *n, int axis, int k) {    /* y, w -> x */
    (void)n;
    if (axis == 3) return k == 1 ? bit(2) : 0;
    return k == 0 ? bit(axis) : bit(axis - 1);
}

static unsigned convolve_w_axes(const Node *n, int axis, int k) {    /* x, y -> w */
    (void)n;
    if (axis >= 2) return k == axis - 2 ? bit(3) : 0;
    return bit(axis + 1);
}

static unsigned reduced_axes(const Node *n, int axis, int k) {
    bool ok;
    unsigned gone = axes_mask(&((const ReduceAttr *)n->attr)->axes, source(n, k)->rank, &ok);
    for (int i = 0; i < source(n, k)->rank; i++)
        if (!(gone >> i & 1) && axis-- == 0) return bit(i);
    return 0;
}

static unsigned gather_axes(const Node *n, int axis, int k) {
    int named = source(n, 1)->rank;
    return k == 1 ? (axis < named ? bit(axis) : 0) : axis < named ? 0 : bit(axis - named + 1);
}

static unsigned scatter_add_axes(const Node *n, int axis, int k) {
    return k == 1 && axis > 0 ? bit(axis - 1 + source(n, 0)->rank) : 0;
}

static unsigned gather_last_axes(const Node *n, int axis, int k) {
    return k == 0 && axis == n->type.shape.rank - 1 ? 0 : bit(axis);
}

static unsigned scatter_add_last_axes(const Node *n, int axis, int k) {
    (void)k;
    return axis == n->type.shape.rank - 1 ? 0 : bit(axis);
}

static unsigned first_axes(const Node *n, int axis, int k) {         /* the other sources have other axes */
    (void)n;
    return k == 0 ? bit(axis) : 0;
}

/* All others: the same axis of each source. */
static const struct { const Op *op; Axes *axes; } rules[] = {
    {&op_broadcast, broadcast_axes}, {&op_reshape, reshape_axes}, {&op_permute, permute_axes}, {&op_matmul, matmul_axes},
    {&op_convolve, convolve_axes}, {&op_convolve_x, convolve_x_axes}, {&op_convolve_w, convolve_w_axes},
    {&op_gather, gather_axes}, {&op_gather_last, gather_last_axes}, {&op_scatter, first_axes},
    {&op_scatter_add, scatter_add_axes}, {&op_scatter_add_last, scatter_add_last_axes}, {&op_loop, first_axes},
    {&op_first_of, first_axes}};

unsigned size_axes(const Node *n, int axis, int k) {
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].op == n->op) return rules[i].axes(n, axis, k);
    if (n->op->traits & REDUCES) return reduced_axes(n, axis, k);
    return axis < source(n, k)->rank ? bit(axis) : 0;
}

/* ---- the walk ---- */

enum { MOST_STEPS = 6, MOST_NOTES = 8, LEAST_NOTES = 3, MOST_FURTHER = 11, MOST_WALKED = 16, MOST_SEEN = 1000, MOST_KEPT = 8, KEPT_NOTES = 3 };

typedef VEC(Loc) Lines;

typedef struct {
    Diags *d;
    int most, steps, nseen, nkept;                    /* most: notes of the message, with those that it has */
    VEC(Further) further;                             /* places beyond these */
    Lines *lines;                                     /* not NULL: nothing is said, the lines are gathered here */
    const Lines *shared;                              /* or NULL: lines to say nothing of */
    const Node *kept[MOST_KEPT];                      /* made their size, and made it what it was */
    struct { const Node *node; int axis; } seen[MOST_SEEN];
} Walk;

/* The source that x is mainly made of: one of as many samples if there is one, then the one with the most numbers of its
 * own; not a weight, nor a constant or a bias that was repeated. */
static const Node *main_source(const Node *x) {
    const Node *best = NULL;
    double most = -1;
    for (int k = 0; k < x->nsrc; k++) {
        const Node *s = x->src[k], *own = s->op == &op_broadcast ? s->src[0] : s;
        bool samples = own->type.shape.rank && x->type.shape.rank && own->type.shape.dim[0] == x->type.shape.dim[0] &&
                       (x->nsrc == 1 || size_axes(x, 0, k) & 1);       /* a kernel may happen to be as high */
        double numbers = (double)NODE_COUNT(own) * (samples ? 1e12 : 1);
        if (numbers > most) most = numbers, best = s;
    }
    return best;
}

/* What went into the line that made x. */
static const Node *before(const Node *x) {
    const Node *from = x;
    while (from->nsrc && loc_same(from->loc, x->loc)) from = main_source(from);
    return from;
}

static bool leads_here(const Diags *d, Loc loc) {
    for (const Caller *c = d->caller; c; c = c->outer)
        if (loc_same(c->loc, loc)) return true;
    return false;
}

static bool among(const Lines *lines, Loc loc) {
    for (int i = 0; lines && i < lines->n; i++)
        if (loc_same(lines->at[i], loc)) return true;
    return false;
}

/* The first steps of a walk are notes, those beyond are only places. */
static void put(Walk *w, Loc loc, const char *text, const char *brief) {
    if (diag_noted(w->d->newest, loc)) return;
    if (w->steps < MOST_STEPS && diag_notes(w->d->newest) < w->most) {
        diag_note(w->d, loc, "%s", text);
        return;
    }
    for (int i = 0; i < w->further.n; i++)
        if (loc_same_line(w->further.at[i].loc, loc)) return;
    vec_push(w->d->arena, &w->further, ((Further){.loc = loc, .text = brief}));
}

/* Of a long way both ends: what is near, and where the size began. Names have room behind those of all walks. */
static void put_further(Walk *w) {
    int n = w->further.n, room = MOST_WALKED;
    for (const Further *p = w->d->newest->also; p; p = p->next) room--;
    if (room > MOST_FURTHER) room = MOST_FURTHER;
    for (int i = 0; i < n; i++)
        if (i < room / 2 || i >= n - (room - room / 2)) diag_also(w->d, w->d->newest, w->further.at[i].loc, "%s", w->further.at[i].text);
    w->further.n = 0;
}

/* The line, and the calls by which the spec came to a function of its own there. */
static void say(Walk *w, const Node *x, Loc loc, const char *text, const char *brief) {
    if (w->lines) vec_push(w->d->arena, w->lines, loc);
    if (!loc.line || w->lines || among(w->shared, loc)) return;
    bool first = !diag_noted(w->d->newest, loc);
    put(w, loc, text, brief);
    w->steps += first;
    for (const Caller *c = x->calls; c; c = c->outer) {
        if (c->foreign || c->network || loc_same(c->loc, loc) || leads_here(w->d, c->loc)) continue;
        put(w, c->loc, arena_printf(w->d->arena, "in this call of '%s'", c->who), arena_printf(w->d->arena, "'%s'", c->who));
    }
}

/* by: what reads x. A parameter is its layer's; where the graph has it from first may be an optimiser. */
static void say_leaf(Walk *w, const Node *x, const Node *by) {
    Arena *a = w->d->arena;
    const Slot *s = x->op == &op_slot ? &x->graph->slots->all.at[((const SlotAttr *)x->attr)->slot] : NULL;
    if (s && s->kind == SLOT_PARAM && by == x) return;
    if (s && s->kind == SLOT_PARAM) say(w, by, by->loc, arena_printf(a, "the parameter '%s' is %s", s->name, show_of(x)), show_of(x));
    else if (s && s->kind == SLOT_BATCH) say(w, x, s->loc, arena_printf(a, "%s is read here", show_of(x)), show_of(x));
    else say(w, x, x->loc, arena_printf(a, "%s is made here", show_of(x)), show_of(x));
}

static bool was_seen(Walk *w, const Node *x, int axis) {
    for (int i = 0; i < w->nseen; i++)
        if (w->seen[i].node == x && w->seen[i].axis == axis) return true;
    if (w->nseen == MOST_SEEN) return true;
    w->seen[w->nseen].node = x;
    w->seen[w->nseen++].axis = axis;
    return false;
}

/* A value that was stretched to a size has it from elsewhere. */
static bool stretched(const Node *x, int axis) {
    int own = x->op == &op_broadcast ? axis - (x->type.shape.rank - source(x, 0)->rank) : axis;
    return x->op == &op_broadcast && (own < 0 || source(x, 0)->dim[own] != x->type.shape.dim[axis]);
}

/* The source that hands on the size of the axis as it is, and its axis there; NULL: the size is made here, of several or of
 * another one. A convolution's window may happen to be as wide as its result: what the image has counts. */
static const Node *handed_on(const Node *x, int axis, int *its) {
    const Node *best = NULL, *first = main_source(x);
    if (x->op == &op_own) return x->src[0];
    for (int k = 0; k < x->nsrc; k++) {
        unsigned axes = size_axes(x, axis, k);
        int at = 0;
        if (!axes || axes & (axes - 1)) continue;
        while (!(axes >> at & 1)) at++;
        if (at >= source(x, k)->rank || stretched(x->src[k], at)) continue;
        bool same = source(x, k)->dim[at] == x->type.shape.dim[axis];
        if (!same && x->src[k] == first) return NULL;
        if (same && (!best || x->src[k] == first)) best = x->src[k], *its = at;
    }
    return best;
}

static const Node *maker_of(const Node *x) {
    const Node *maker = x->op == &op_slot ? x->graph->slots->all.at[((const SlotAttr *)x->attr)->slot].maker : NULL;
    return maker && maker->type.shape.rank == x->type.shape.rank ? maker : NULL;
}

/* The tensor from which x has its size on an axis without a change, and the axis there. */
static const Node *next_back(const Node *x, int axis, int *its) {
    *its = axis;
    if (x->sizes && x->sizes[axis].of) {
        *its = x->sizes[axis].axis;
        return x->sizes[axis].of;
    }
    const Node *maker = maker_of(x);                  /* where rows are collected it has fewer */
    return maker && maker->type.shape.dim[axis] == x->type.shape.dim[axis] ? maker : handed_on(x, axis, its);
}

/* A convolution may hand a size on as it is, with another stride it would not; a reshape may write it anew. */
static bool computes(const Node *x, int axis) {
    bool convolves = x->op == &op_convolve || x->op == &op_convolve_x;
    return convolves ? axis == 1 || axis == 2 : x->op == &op_reshape && axis > 0;
}

static void keep(Walk *w, const Node *x) {
    for (int i = 0; i < w->nkept; i++)
        if (w->kept[i]->loc.line == x->loc.line) return;
    if (w->nkept < MOST_KEPT) w->kept[w->nkept++] = x;
}

/* Last: what could have changed the size. A place of its own is kept for each. */
static void say_kept(Walk *w) {
    put_further(w);
    w->steps = MOST_STEPS - KEPT_NOTES;
    for (int i = 0; i < w->nkept; i++)
        say(w, w->kept[i], w->kept[i]->loc, arena_printf(w->d->arena, "its size stays what it was here: %s", show_of(w->kept[i])),
            arena_printf(w->d->arena, "%s as before", show_of(w->kept[i])));
    put_further(w);
}

/* Of these axes the first to look at: where one has a size of 1, others matter more; -1 of none. */
static int next_axis(const Shape *s, unsigned axes) {
    int one = -1;
    for (int i = 0; i < s->rank; i++) {
        if (axes >> i & 1 && s->dim[i] != 1) return i;
        if (axes >> i & 1 && one < 0) one = i;
    }
    return one;
}

/* by: what reads x; top: the last node that the line of x made, on this way. */
static void walk(Walk *w, const Node *x, int axis, const Node *by, const Node *top) {
    for (;;) {
        int its;
        if (axis >= x->type.shape.rank || was_seen(w, x, axis)) return;
        const Node *from = next_back(x, axis, &its);
        if (!from) break;
        if (!loc_same(from->loc, x->loc)) top = from;
        if (computes(x, axis)) keep(w, x);
        by = x;
        x = from;
        axis = its;
    }
    unsigned any = 0;
    for (int k = 0; k < x->nsrc; k++) any |= size_axes(x, axis, k);
    if (!any || stretched(x, axis)) {
        say_leaf(w, x, by);
        return;
    }
    const Node *from = before(x);
    if (!shape_equal(&from->type.shape, &top->type.shape))
        say(w, x, x->loc, arena_printf(w->d->arena, "%s becomes %s here", show_of(from), show_of(top)), show_of(top));
    if (x->op == &op_reshape && x->type.shape.dim[axis] == 1) return;      /* an axis of its own, which was written there */
    for (int k = 0; k < x->nsrc; k++) {
        unsigned axes = size_axes(x, axis, k);
        for (int i; (i = next_axis(source(x, k), axes)) >= 0; axes &= ~bit(i))
            walk(w, x->src[k], i, x, loc_same(x->src[k]->loc, x->loc) ? top : x->src[k]);
    }
}

/* Two walks for one message: the second one has room, too. */
static bool begin(Walk *w, Diags *d, const Node *x) {
    if (!d || !d->newest || d->dropped || x->poison) return false;
    d->newest->walked = true;
    *w = (Walk){.d = d, .most = diag_notes(d->newest) + LEAST_NOTES};
    if (w->most < MOST_NOTES) w->most = MOST_NOTES;
    return true;
}

static void walk_axes(Walk *w, const Node *x, int first, int last) {
    for (int axis = last; axis >= first; axis--) walk(w, x, axis, x, x);
    say_kept(w);
}

void note_sizes(Diags *d, const Node *x, int first) {
    Walk w;
    if (begin(&w, d, x)) walk_axes(&w, x, first, x->type.shape.rank - 1);
}

void note_size(Diags *d, const Node *x, int axis) {
    Walk w;
    if (axis >= 0 && begin(&w, d, x)) walk_axes(&w, x, axis, axis);
}

void note_apart(Diags *d, const Node *const x[2], const int axis[2]) {
    Lines lines[2] = {{0}};
    for (int i = 0; i < 4; i++) {                     /* gathers the lines of each, then says those of one alone */
        int k = i % 2, last = axis[k] < 0 ? x[k]->type.shape.rank - 1 : axis[k];
        Walk w;
        if (!begin(&w, d, x[k])) return;
        if (i < 2) w.lines = &lines[k];
        else w.shared = &lines[1 - k];
        walk_axes(&w, x[k], axis[k] < 0 ? 1 : axis[k], last);
    }
}

void note_shape(Diags *d, const Node *x) {
    Walk w;
    if (!begin(&w, d, x)) return;
    const Node *by = x, *last = x;
    for (int n = 0; n < MOST_SEEN; n++) {
        const Node *from = maker_of(x) ? maker_of(x) : before(x);
        if (from == x) break;
        if (x == last && from->nsrc && from->loc.line != x->loc.line && shape_equal(&from->type.shape, &x->type.shape))
            say(&w, from, from->loc, arena_printf(w.d->arena, "%s is what this gives", show_of(from)), show_of(from));
        if (!shape_equal(&from->type.shape, &x->type.shape))
            say(&w, x, x->loc, arena_printf(w.d->arena, "%s becomes %s here", show_of(from), show_of(x)), show_of(x));
        by = x;
        x = from;
    }
    if (!x->nsrc) say_leaf(&w, x, by);
    put_further(&w);
}
