/* Assignments. A value goes straight into its slot where every reader of the old value comes earlier, or
 * reads element i of it in the same region no later than the step that makes element i of the new one; else
 * it is copied at the end. Invariant: a group that writes a slot stands behind all readers of the old value,
 * and says so (`behind`), so that no later move of groups can forget it. */
#include "plan/parts.h"

static int position(const Group *g, int item) {
    for (int k = 0; k < g->items.n; k++)
        if (g->items.at[k] == item) return k;
    return -1;
}

/* Adds item i to the readers of each slot that it reads; `readers` is by slot. */
static void add_reader(Plan *p, int i, Indices *readers) {
    const Item *it = &p->item.at[i];
    for (int s = 0; s < it->nsrc; s++) {
        int slot = p->item.at[it->src[s].item].slot;
        Indices *of = slot >= 0 ? &readers[slot] : NULL;
        if (of && (!of->n || of->at[of->n - 1] != i)) vec_push(p->scratch, of, i);
    }
}

static Indices *find_readers(Plan *p) {
    int slots = 0;
    for (int i = 0; i < p->item.n; i++)
        if (p->item.at[i].slot >= slots) slots = p->item.at[i].slot + 1;
    for (int k = 0; k < p->write.n; k++)
        if (p->write.at[k].slot >= slots) slots = p->write.at[k].slot + 1;
    Indices *readers = ARENA_ARRAY(p->scratch, Indices, slots + 1);
    for (int i = 0; i < p->item.n; i++)
        if (p->item.at[i].used) add_reader(p, i, readers);
    return readers;
}

/* A reader in the writer's own region: element i only, before element i is replaced. */
static bool harmless(const Plan *p, int reader, int writer, int slot) {
    const Item *r = &p->item.at[reader], *w = &p->item.at[writer];
    const Group *g = &p->group.at[w->group];
    if (w->kind != ITEM_MAP || position(g, reader) > position(g, writer)) return false;
    for (int s = 0; s < r->nsrc; s++)
        if (p->item.at[r->src[s].item].slot == slot &&
            (!read_same(&r->src[s]) || shape_count(&r->src[s].type.shape) != w->count))
            return false;
    return true;
}

static bool all_harmless(const Plan *p, const Indices *readers, int writer, int slot) {
    for (int i = 0; i < readers->n; i++)
        if (p->item.at[readers->at[i]].group == p->item.at[writer].group &&
            !harmless(p, readers->at[i], writer, slot))
            return false;
    return true;
}

/* Makes item v the last of its group, unless others there read it, or it reads a slot that the group writes.
 */
static bool make_last(Plan *p, int v) {
    const Item *it = &p->item.at[v];
    Indices *items = &p->group.at[it->group].items;
    for (int k = 0; k < items->n; k++) {
        const Item *other = &p->item.at[items->at[k]];
        for (int s = 0; s < other->nsrc; s++)
            if (other->src[s].item == v) return false;
        for (int s = 0; s < it->nsrc && other->at.place == IN_SLOT; s++)
            if (p->item.at[it->src[s].item].slot == other->at.slot) return false;
    }
    int k = position(&p->group.at[it->group], v);
    for (; k + 1 < items->n; k++) items->at[k] = items->at[k + 1];
    items->at[k] = v;
    return true;
}

static bool straight(Plan *p, const Write *w, const Indices *readers) {
    int v = w->value.item;
    if (!p->options.reuse || p->item.at[v].at.place == IN_SLOT) return false;
    if (!all_harmless(p, readers, v, w->slot) && !(make_last(p, v) && all_harmless(p, readers, v, w->slot)))
        return false;
    return order_behind(p, p->item.at[v].group, readers, -1);
}

void slots_assign(Plan *p) {
    Indices *all = find_readers(p);
    for (int k = 0; k < p->write.n; k++) {
        Write *w = &p->write.at[k];
        const Indices readers = all[w->slot];
        int v = w->value.item;
        if (!straight(p, w, &readers)) {
            Item copy = {.kind = ITEM_MAP,
                         .node = w->node,
                         .type = w->value.type,
                         .space = w->value.type.shape,
                         .count = shape_count(&w->value.type.shape),
                         .nsrc = 1,
                         .slot = -1,
                         .buffer = -1,
                         .used = true,
                         .stored = true,
                         .src = arena_copy(p->scratch, &w->value, sizeof w->value)};
            vec_push(p->scratch, &p->item, copy);
            v = p->item.n - 1;
            group_new(p, v);
            item_needs(p, v, w->value.item);
            add_reader(p, v, all);
        }
        p->item.at[v].at = (Operand){.place = IN_SLOT, .slot = w->slot};
        Group *g = &p->group.at[p->item.at[v].group];
        for (int i = 0; i < readers.n; i++)
            if (p->item.at[readers.at[i]].group != p->item.at[v].group) {
                vec_push(p->scratch, &g->behind, readers.at[i]);
                item_needs(p, v, readers.at[i]);
            }
    }
}
