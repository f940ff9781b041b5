/* Items -> groups: fusion as a partition. Every item joins the groups it reads from where that is legal, or
 * one that reads the same numbers, or opens its own; cheap items that another group needs are computed again
 * there.
 *
 * Invariant, after every step: `order` holds all groups so that each runs after those it reads. A join that
 * would break it tries to move groups inside the window between the two (sort_marked), and is given up where
 * there is a path from one to the other through a third.
 */
#include "plan/parts.h"

enum { ITEMS_MOST = 96, WINDOW = 4096, SHARERS = 4, CHEAP_DEPTH = 4 };

static void place(Plan *p, int from, int to) {
    for (int k = from; k <= to; k++) p->group.at[p->order.at[k]].at = k;
}

int group_new(Plan *p, int item) {
    Item *it = &p->item.at[item];
    Group g = {.kernel = it->kind == ITEM_KERNEL, .count = it->count, .task = it->task, .at = p->order.n};
    vec_push(p->scratch, &g.items, item);
    vec_push(p->scratch, &p->group, g);
    it->group = p->group.n - 1;
    vec_push(p->scratch, &p->order, it->group);
    return it->group;
}

static bool marked(const Plan *p, int g) { return p->mark.at[g] == p->stamp; }

static bool needs(const Plan *p, int item, int g, int but) {
    int from = p->item.at[item].group;
    return from >= 0 && from != g && from != but && marked(p, from);
}

/* Does `g` need anything of a marked group other than `but`? */
static bool needs_marked(const Plan *p, int g, int but) {
    const Group *whole = &p->group.at[g];
    for (int k = -1; k < whole->segments.n; k++) { /* the group itself, then its segments */
        const Group *part = k < 0 ? whole : &p->group.at[whole->segments.at[k]];
        for (int i = 0; i < part->items.n; i++) {
            const Item *it = &p->item.at[part->items.at[i]];
            for (int s = 0; s < it->nsrc; s++)
                if (needs(p, it->src[s].item, g, but)) return true;
        }
        for (int i = 0; i < part->behind.n; i++)
            if (needs(p, part->behind.at[i], g, but)) return true;
    }
    return false;
}

/* Marks g and what depends on it, in the window up to and without `end`. */
static void mark_users(Plan *p, int g, int end) {
    while (p->mark.n < p->group.n) vec_push(p->scratch, &p->mark, 0);
    p->stamp++;
    p->mark.at[g] = p->stamp;
    for (int k = p->group.at[g].at + 1; k < end; k++)
        if (needs_marked(p, p->order.at[k], -1)) p->mark.at[p->order.at[k]] = p->stamp;
}

/* Reorders the places from .. to: the unmarked first, then the marked, each in their old order. */
static void sort_marked(Plan *p, int from, int to) {
    int *late = ARENA_ARRAY(p->scratch, int, to - from + 1), nlate = 0, put = from;
    for (int k = from; k <= to; k++) {
        int g = p->order.at[k];
        if (marked(p, g))
            late[nlate++] = g;
        else
            p->order.at[put++] = g;
    }
    for (int k = 0; k < nlate; k++) p->order.at[put++] = late[k];
    place(p, from, to);
}

bool group_behind(Plan *p, int g, const Indices *before) {
    int from = p->group.at[g].at, to = from;
    for (int i = 0; i < before->n; i++) {
        int other = p->item.at[before->at[i]].group;
        if (other >= 0 && other != g && p->group.at[other].at > to) to = p->group.at[other].at;
    }
    if (to == from) return true;
    if (to - from > WINDOW) return false;
    mark_users(p, g, to + 1);
    for (int i = 0; i < before->n; i++)
        if (needs(p, before->at[i], g, -1)) return false;
    sort_marked(p, from, to);
    return true;
}

/* An edge that stays inside a region: element i of a map's result. */
static bool fusable(const Plan *p, const Read *r, int64_t count) {
    const Item *from = &p->item.at[r->item];
    return from->kind == ITEM_MAP && from->count == count && read_same(r);
}

static bool edges_fuse(const Plan *p, int a, int b) { /* all that b reads of a could stay inside */
    const Group *gb = &p->group.at[b];
    for (int i = 0; i < gb->items.n; i++) {
        const Item *it = &p->item.at[gb->items.at[i]];
        for (int s = 0; s < it->nsrc; s++)
            if (p->item.at[it->src[s].item].group == a && !fusable(p, &it->src[s], gb->count)) return false;
    }
    return true;
}

static bool agree(const Group *a, const Group *b) {
    return !a->kernel && !b->kernel && a->count == b->count && (!a->task || !b->task || a->task == b->task) &&
           a->items.n + b->items.n <= ITEMS_MOST;
}

static void append(Arena *a, Indices *to, const Indices *from) {
    for (int i = 0; i < from->n; i++) vec_push(a, to, from->at[i]);
}

static void move_items(Plan *p, int from, int to) {
    const Group *g = &p->group.at[from];
    for (int i = 0; i < g->items.n; i++) p->item.at[g->items.at[i]].group = to;
    for (int k = 0; k < g->segments.n; k++) {
        const Group *s = &p->group.at[g->segments.at[k]];
        for (int i = 0; i < s->items.n; i++) p->item.at[s->items.at[i]].group = to;
    }
}

Join groups_join(Plan *p, int a, int b, bool as_segment) {
    if (p->group.at[a].at > p->group.at[b].at) {
        int t = a;
        a = b;
        b = t;
    }
    int from = p->group.at[a].at, to = p->group.at[b].at;
    if (a == b || to - from > WINDOW) return JOIN_NOT;
    if (!as_segment && (!agree(&p->group.at[a], &p->group.at[b]) || !edges_fuse(p, a, b))) return JOIN_NOT;
    mark_users(p, a, to);
    if (needs_marked(p, b, as_segment ? -1 : a)) return JOIN_NEEDS;
    p->mark.at[b] = p->stamp;
    sort_marked(p, from, to); /* others; a; its users; b. b then goes to where a is */
    for (int k = to; k < p->order.n - 1; k++) p->order.at[k] = p->order.at[k + 1];
    p->order.n--;
    place(p, to, p->order.n - 1);
    Group *ga = &p->group.at[a], *gb = &p->group.at[b];
    move_items(p, b, a);
    if (as_segment) {
        vec_push(p->scratch, &ga->segments, b);
        append(p->scratch, &ga->segments, &gb->segments);
    } else {
        append(p->scratch, &ga->items, &gb->items);
        if (gb->task) ga->task = gb->task;
    }
    gb->gone = true;
    return JOIN_DONE;
}

/* Item i goes to the end of group g, behind which all else that it reads must stand. */
static bool item_join(Plan *p, int i, int g) {
    Item *it = &p->item.at[i];
    Group *to = &p->group.at[g];
    if (to->kernel || to->count != it->count || to->items.n >= ITEMS_MOST) return false;
    if (it->task && to->task && it->task != to->task) return false;
    Indices sources = {0};
    for (int s = 0; s < it->nsrc; s++) {
        if (p->item.at[it->src[s].item].group == g && !fusable(p, &it->src[s], it->count)) return false;
        vec_push(p->scratch, &sources, it->src[s].item);
    }
    if (!group_behind(p, g, &sources)) return false;
    vec_push(p->scratch, &to->items, i);
    if (it->task) to->task = it->task;
    it->group = g;
    return true;
}

/* Joins a group that it reads from: the last in order that will have it. */
static bool join_source(Plan *p, int i) {
    const Item *it = &p->item.at[i];
    bool tried[STEP_SOURCES] = {0};
    for (int n = 0; n < it->nsrc; n++) {
        int best = -1;
        for (int s = 0; s < it->nsrc; s++) {
            int g = p->item.at[it->src[s].item].group;
            if (tried[s] || g < 0 || !fusable(p, &it->src[s], it->count)) continue;
            if (best < 0 || p->group.at[g].at > p->group.at[p->item.at[it->src[best].item].group].at)
                best = s;
        }
        if (best < 0) return false;
        tried[best] = true;
        if (item_join(p, i, p->item.at[it->src[best].item].group)) return true;
    }
    return false;
}

/* Joins a group that reads the same numbers: a map the latest, a reduction the earliest, because others wait
 * for it. */
static bool join_sharer(Plan *p, int i) {
    const Item *it = &p->item.at[i];
    for (int s = 0; s < it->nsrc; s++) {
        const Item *from = &p->item.at[it->src[s].item];
        const Indices *by = &from->readers;
        if (shape_count(&from->type.shape) < it->count) continue; /* a broadcast number binds nobody */
        for (int k = 0; k < by->n && k < SHARERS; k++)
            if (item_join(p, i, p->item.at[by->at[it->kind == ITEM_FOLD ? k : by->n - 1 - k]].group))
                return true;
    }
    return false;
}

/* Can item s be computed again in group g from what is stored anyway, from leaves, and from g itself? */
static bool cloneable(const Plan *p, int s, int g, int depth) {
    const Item *it = &p->item.at[s];
    if (it->kind != ITEM_MAP || !it->op || !(it->op->traits & CHEAP) || depth == 0) return false;
    for (int k = 0; k < it->nsrc; k++) {
        const Item *from = &p->item.at[it->src[k].item];
        bool inside = fusable(p, &it->src[k], it->count);
        if (from->group == g && from->group >= 0 && !inside) return false;
        if (from->group == g || from->kind != ITEM_MAP || from->stored || !inside) continue;
        if (!cloneable(p, it->src[k].item, g, depth - 1)) return false;
    }
    return true;
}

static int clone(Plan *p, int s, int g) {
    const Group *to = &p->group.at[g];
    for (int k = 0; k < to->items.n; k++) {
        const Item *is = &p->item.at[to->items.at[k]];
        if (is->op == p->item.at[s].op && is->node == p->item.at[s].node) return to->items.at[k];
    }
    Item made = p->item.at[s];
    made.src = arena_copy(p->scratch, made.src, (size_t)made.nsrc * sizeof *made.src);
    made.group = g;
    made.stored = false;
    made.readers = made.copies = (Indices){0};
    for (int k = 0; k < made.nsrc; k++) {
        Item *from = &p->item.at[made.src[k].item];
        if (from->group == g || from->kind != ITEM_MAP || from->stored) continue;
        if (fusable(p, &made.src[k], made.count))
            made.src[k].item = clone(p, made.src[k].item, g);
        else
            from->stored = true;
    }
    vec_push(p->scratch, &p->item, made);
    vec_push(p->scratch, &p->group.at[g].items, p->item.n - 1);
    return p->item.n - 1;
}

static void fuse(Plan *p, int i) {
    if (!join_source(p, i) && !join_sharer(p, i)) group_new(p, i);
    Item *it = &p->item.at[i];
    for (int s = 0; s < it->nsrc; s++) {
        int from = p->item.at[it->src[s].item].group;
        if (from >= 0 && from != it->group && fusable(p, &it->src[s], it->count))
            groups_join(p, from, it->group, false);
    }
    Indices *items = &p->group.at[it->group].items; /* clones go before i */
    int g = it->group, own = items->at[--items->n];
    for (int s = 0; s < p->item.at[i].nsrc; s++) {
        Item *from = &p->item.at[p->item.at[i].src[s].item];
        if (from->group < 0 || from->group == g) continue;
        if (p->options.recompute && !from->stored && fusable(p, &p->item.at[i].src[s], p->item.at[i].count) &&
            cloneable(p, p->item.at[i].src[s].item, g, CHEAP_DEPTH))
            p->item.at[i].src[s].item = clone(p, p->item.at[i].src[s].item, g);
        else
            from->stored = true;
    }
    vec_push(p->scratch, &p->group.at[g].items, own);
}

void groups_make(Plan *p) {
    for (int k = 0; k < p->result.n; k++) p->item.at[p->result.at[k].item].stored = true;
    for (int k = 0; k < p->write.n; k++) p->item.at[p->write.at[k].value.item].stored = true;
    for (int i = 0, n = p->item.n; i < n; i++) {
        Item *it = &p->item.at[i];
        if (it->kind <= ITEM_CONSTANT) continue;
        if (p->options.fuse && it->kind != ITEM_KERNEL) {
            fuse(p, i);
        } else {
            group_new(p, i);
            for (int s = 0; s < it->nsrc; s++) p->item.at[it->src[s].item].stored = true;
        }
        it = &p->item.at[i];
        for (int s = 0; s < it->nsrc; s++) vec_push(p->scratch, &p->item.at[it->src[s].item].readers, i);
    }
}

static bool same_item(const Item *a, const Item *b) {
    if (a->node != b->node || a->op != b->op || !a->op || a->nsrc != b->nsrc) return false;
    for (int s = 0; s < a->nsrc; s++)
        if (a->src[s].item != b->src[s].item) return false;
    return true;
}

/* Joined groups may each have made the same cheap item: the first serves all readers in the group. */
static void drop_twins(Plan *p, const Group *g) {
    for (int k = 0; k < g->items.n; k++)
        for (int j = 0; j < k; j++) {
            int twin = g->items.at[k], first = g->items.at[j];
            if (!same_item(&p->item.at[twin], &p->item.at[first])) continue;
            for (int i = k + 1; i < g->items.n; i++) {
                const Item *reader = &p->item.at[g->items.at[i]];
                for (int s = 0; s < reader->nsrc; s++)
                    if (reader->src[s].item == twin) reader->src[s].item = first;
            }
            break;
        }
}

static void use(Plan *p, Indices *stack, int item) {
    if (p->item.at[item].used) return;
    p->item.at[item].used = true;
    vec_push(p->scratch, stack, item);
}

void groups_finish(Plan *p) {
    Indices stack = {0};
    for (int k = 0; k < p->order.n; k++) drop_twins(p, &p->group.at[p->order.at[k]]);
    for (int i = 0; i < p->item.n; i++) p->item.at[i].stored = false;
    for (int k = 0; k < p->result.n; k++)
        use(p, &stack, p->result.at[k].item), p->item.at[p->result.at[k].item].stored = true;
    for (int k = 0; k < p->write.n; k++)
        use(p, &stack, p->write.at[k].value.item), p->item.at[p->write.at[k].value.item].stored = true;
    while (stack.n) {
        const Item *it = &p->item.at[stack.at[--stack.n]];
        for (int s = 0; s < it->nsrc; s++) {
            Item *from = &p->item.at[it->src[s].item];
            if (from->group != it->group) from->stored = true;
            use(p, &stack, it->src[s].item);
        }
    }
    int put = 0;
    for (int k = 0; k < p->order.n; k++) {
        Group *g = &p->group.at[p->order.at[k]];
        int n = 0;
        for (int i = 0; i < g->items.n; i++)
            if (p->item.at[g->items.at[i]].used) g->items.at[n++] = g->items.at[i];
        g->items.n = n;
        if (n)
            p->order.at[put++] = p->order.at[k];
        else
            g->gone = true;
    }
    p->order.n = put;
    place(p, 0, put - 1);
}
