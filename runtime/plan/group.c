/* Items -> groups: fusion as a partition. Every item joins the groups it reads from where that is legal, or
 * one that reads the same numbers, or opens its own; cheap items that another group needs are computed again
 * there.
 *
 * Invariant, after every step: the order holds all groups so that each runs after those it reads. A join that
 * would break it tries to move groups that stand between the two (order.c), and is given up where there is a path
 * from one to the other through a third.
 */
#include "plan/parts.h"

enum { ITEMS_MOST = 96, SHARERS = 4, CHEAP_DEPTH = 4 };

int group_new(Plan *p, int item) {
    Item *it = &p->item.at[item];
    Group g = {.kernel = it->kind == ITEM_KERNEL, .count = it->count, .task = it->task};
    vec_push(p->scratch, &g.items, item);
    vec_push(p->scratch, &p->group, g);
    it->group = p->group.n - 1;
    order_append(p, it->group);
    return it->group;
}

void item_needs(Plan *p, int item, int other) { vec_push(p->scratch, &p->item.at[other].users, item); }

static void needs_sources(Plan *p, int item) {
    for (int s = 0; s < p->item.at[item].nsrc; s++) item_needs(p, item, p->item.at[item].src[s].item);
}

/* Reads `to` from now on, where it was the last to be said to need `from`. */
static void needs_instead(Plan *p, int item, int from, int to) {
    Indices *users = &p->item.at[from].users;
    int k = users->n - 1;
    while (users->at[k] != item) k--;
    for (users->n--; k < users->n; k++) users->at[k] = users->at[k + 1];
    item_needs(p, item, to);
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

/* All that the group, with its segments, needs of others: items, into p->needs. */
static void find_needs(Plan *p, int g) {
    const Group *whole = &p->group.at[g];
    p->needs.n = 0;
    for (int k = -1; k < whole->segments.n; k++) {
        const Group *part = k < 0 ? whole : &p->group.at[whole->segments.at[k]];
        for (int i = 0; i < part->items.n; i++) {
            const Item *it = &p->item.at[part->items.at[i]];
            for (int s = 0; s < it->nsrc; s++)
                if (p->item.at[it->src[s].item].group != g) vec_push(p->scratch, &p->needs, it->src[s].item);
        }
        append(p->scratch, &p->needs, &part->behind);
    }
}

static bool needs_group(const Plan *p, int g) {
    for (int i = 0; i < p->needs.n; i++)
        if (p->item.at[p->needs.at[i]].group == g) return true;
    return false;
}

Join groups_join(Plan *p, int a, int b, bool as_segment) {
    if (p->group.at[a].at > p->group.at[b].at) {
        int t = a;
        a = b;
        b = t;
    }
    if (a == b) return JOIN_NOT;
    if (!as_segment && (!agree(&p->group.at[a], &p->group.at[b]) || !edges_fuse(p, a, b))) return JOIN_NOT;
    find_needs(p, b);
    if ((as_segment && needs_group(p, a)) || !order_behind(p, a, &p->needs, b)) return JOIN_NEEDS;
    order_remove(p, b);
    Group *ga = &p->group.at[a], *gb = &p->group.at[b];
    move_items(p, b, a);
    if (as_segment) {
        vec_push(p->scratch, &ga->segments, b);
        append(p->scratch, &ga->segments, &gb->segments);
    } else {
        append(p->scratch, &ga->items, &gb->items);
        if (gb->task) ga->task = gb->task;
    }
    return JOIN_DONE;
}

/* Item i goes to the end of group g, behind which all else that it reads must stand. */
static bool item_join(Plan *p, int i, int g) {
    Item *it = &p->item.at[i];
    Group *to = &p->group.at[g];
    if (to->kernel || to->count != it->count || to->items.n >= ITEMS_MOST) return false;
    if (it->task && to->task && it->task != to->task) return false;
    p->needs.n = 0;
    for (int s = 0; s < it->nsrc; s++) {
        if (p->item.at[it->src[s].item].group == g && !fusable(p, &it->src[s], it->count)) return false;
        vec_push(p->scratch, &p->needs, it->src[s].item);
    }
    if (!order_behind(p, g, &p->needs, -1)) return false;
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
        const Indices *by = &from->users;
        if (shape_count(&from->type.shape) < it->count) continue; /* a broadcast number binds nobody */
        for (int k = 0, tried = 0; k < by->n && tried < SHARERS; k++) {
            int user = by->at[it->kind == ITEM_FOLD ? k : by->n - 1 - k];
            if (user == i || p->item.at[user].again) continue;
            if (item_join(p, i, p->item.at[user].group)) return true;
            tried++;
        }
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
    made.again = true;
    made.users = made.copies = (Indices){0};
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
    needs_sources(p, p->item.n - 1);
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
            cloneable(p, p->item.at[i].src[s].item, g, CHEAP_DEPTH)) {
            int was = p->item.at[i].src[s].item, made = clone(p, was, g);
            p->item.at[i].src[s].item = made;
            needs_instead(p, i, was, made);
        } else {
            from->stored = true;
        }
    }
    vec_push(p->scratch, &p->group.at[g].items, own);
}

void groups_make(Plan *p) {
    for (int k = 0; k < p->result.n; k++) p->item.at[p->result.at[k].item].stored = true;
    for (int k = 0; k < p->write.n; k++) p->item.at[p->write.at[k].value.item].stored = true;
    for (int i = 0, n = p->item.n; i < n; i++) {
        Item *it = &p->item.at[i];
        if (it->kind <= ITEM_CONSTANT) continue;
        needs_sources(p, i);
        if (p->options.fuse && it->kind != ITEM_KERNEL) {
            fuse(p, i);
        } else {
            group_new(p, i);
            for (int s = 0; s < it->nsrc; s++) p->item.at[it->src[s].item].stored = true;
        }
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

/* Items that nobody uses leave their groups, and groups that have none the order. */
static void drop_unused(Plan *p) {
    for (int g = p->first, next; g >= 0; g = next) {
        Indices *items = &p->group.at[g].items;
        int n = 0;
        next = p->group.at[g].next;
        for (int i = 0; i < items->n; i++)
            if (p->item.at[items->at[i]].used) items->at[n++] = items->at[i];
        items->n = n;
        if (!n) order_remove(p, g);
    }
    for (int i = 0; i < p->item.n; i++) p->item.at[i].users.n = 0;
    for (int i = 0; i < p->item.n; i++)
        if (p->item.at[i].used) needs_sources(p, i);
}

void groups_finish(Plan *p) {
    Indices stack = {0};
    for (int g = p->first; g >= 0; g = p->group.at[g].next) drop_twins(p, &p->group.at[g]);
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
    drop_unused(p);
}
