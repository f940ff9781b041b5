/* The order in which groups run: a list whose groups bear labels that grow along it, so that "earlier" is one comparison
 * and a move costs what is moved, however long the list. Invariant: each group stands behind all it needs.
 *
 * A group g that must go behind others can do so unless one of them needs g. Two searches look for that at the same time:
 * from g to what needs it, and from the others back to what they need, both in the window between. Where they meet,
 * there is a way. Where the first ends, what it found moves with g behind the others; where the second ends, what it
 * found moves before g. So the cost is twice that of the smaller side (Bender, Fineman, Gilbert and Tarjan 2016). */
#include "plan/parts.h"

#include <stdlib.h>

enum { GAP = 1 << 20, WORK_MOST = 1 << 15, LATE_WORK = 500 }; /* between new labels; work: sources and users looked at */

static Group *at(const Plan *p, int g) { return &p->group.at[g]; }

static void link_behind(Plan *p, int before, int g) { /* before -1: first of all */
    int after = before < 0 ? p->first : at(p, before)->next;
    at(p, g)->prev = before;
    at(p, g)->next = after;
    *(before < 0 ? &p->first : &at(p, before)->next) = g;
    *(after < 0 ? &p->last : &at(p, after)->prev) = g;
}

static void unlink_group(Plan *p, int g) {
    int before = at(p, g)->prev, after = at(p, g)->next;
    *(before < 0 ? &p->first : &at(p, before)->next) = after;
    *(after < 0 ? &p->last : &at(p, after)->prev) = before;
}

/* Labels for the n groups behind `before`. Where there is no room, those that follow get new ones too, as few as
 * leave gaps as wide as they are many (Dietz and Sleator 1987). */
static void label(Plan *p, int before, int n) {
    int64_t low = before < 0 ? 0 : at(p, before)->at;
    int first = before < 0 ? p->first : at(p, before)->next, end = first;
    for (int k = 0; k < n; k++) end = at(p, end)->next;
    for (; end >= 0 && at(p, end)->at - low <= (int64_t)(n + 1) * (n + 1); n++) end = at(p, end)->next;
    int64_t step = end < 0 ? GAP : (at(p, end)->at - low) / (n + 1);
    for (int g = first; g != end; g = at(p, g)->next) at(p, g)->at = low += step;
}

void order_append(Plan *p, int g) {
    link_behind(p, p->last, g);
    label(p, at(p, g)->prev, 1);
    p->running++;
    vec_push(p->scratch, &p->mark, 0);
}

void order_remove(Plan *p, int g) {
    unlink_group(p, g);
    at(p, g)->gone = true;
    p->running--;
}

static int earlier(const void *a, const void *b, void *plan) {
    int64_t x = at(plan, *(const int *)a)->at, y = at(plan, *(const int *)b)->at;
    return (x > y) - (x < y);
}

/* Puts these groups, in the order that they have among themselves, behind `before`. */
static void move_behind(Plan *p, Indices *groups, int before) {
    qsort_r(groups->at, (size_t)groups->n, sizeof *groups->at, earlier, p);
    for (int k = 0; k < groups->n; k++) unlink_group(p, groups->at[k]);
    for (int k = 0; k < groups->n; k++) link_behind(p, k ? groups->at[k - 1] : before, groups->at[k]);
    label(p, before, groups->n);
}

typedef struct {
    Indices *found; /* groups; from `next` on not yet followed */
    int next, stamp;
    int64_t work;
} Front;

typedef struct {
    Plan *p;
    Front users, needs;
    int64_t low, high; /* labels of the window: nothing outside of it can be on a way between */
    bool met;
} Search;

static void reach(Search *s, Front *from, const Front *other, int item) {
    int g = s->p->item.at[item].group;
    from->work++;
    if (g < 0 || at(s->p, g)->at < s->low || at(s->p, g)->at > s->high) return;
    s->met |= s->p->mark.at[g] == other->stamp;
    if (s->p->mark.at[g] == from->stamp) return;
    s->p->mark.at[g] = from->stamp;
    vec_push(s->p->scratch, from->found, g);
}

static void follow_users(Search *s, const Group *part) {
    for (int i = 0; i < part->items.n; i++) {
        const Indices *users = &s->p->item.at[part->items.at[i]].users;
        for (int k = 0; k < users->n; k++) reach(s, &s->users, &s->needs, users->at[k]);
    }
}

static void follow_needs(Search *s, const Group *part) {
    for (int i = 0; i < part->items.n; i++) {
        const Item *it = &s->p->item.at[part->items.at[i]];
        for (int k = 0; k < it->nsrc; k++) reach(s, &s->needs, &s->users, it->src[k].item);
    }
    for (int i = 0; i < part->behind.n; i++) reach(s, &s->needs, &s->users, part->behind.at[i]);
}

static void follow(Search *s, Front *f, void (*part)(Search *s, const Group *part)) {
    int g = f->found->at[f->next++];
    part(s, at(s->p, g));
    for (int k = 0; k < at(s->p, g)->segments.n; k++) part(s, at(s->p, at(s->p, g)->segments.at[k]));
}

/* What to follow it costs about, seen before. */
static int64_t cost(const Search *s, const Front *f) {
    const Group *g = at(s->p, f->found->at[f->next]);
    return f->work + g->items.n + g->segments.n;
}

static bool ended(const Front *f) { return f->next == f->found->n; }

/* false: one of those in s->needs needs g, or it would take too long to tell. Else one of the two fronts has ended: that
 * of users if it is not large, since what is made late is kept for a shorter time. */
static bool can_move(Search *s) {
    while (!s->met && !ended(&s->users) && (!ended(&s->needs) || s->users.work < LATE_WORK)) {
        if (s->users.work + s->needs.work > WORK_MOST) return false;
        if (ended(&s->needs) || cost(s, &s->users) <= cost(s, &s->needs))
            follow(s, &s->users, follow_users);
        else
            follow(s, &s->needs, follow_needs);
    }
    return !s->met;
}

/* What must stand before g and does not: the front `needs`. The last of it in the order; g where there is nothing. */
static int find_needs(Search *s, int g, const Indices *items) {
    int last = g;
    for (int k = 0; k < items->n; k++) {
        int other = s->p->item.at[items->at[k]].group;
        if (other == g) continue;
        reach(s, &s->needs, &s->users, items->at[k]);
        if (other >= 0 && at(s->p, other)->at > at(s->p, last)->at) last = other;
    }
    return last;
}

bool order_behind(Plan *p, int g, const Indices *items, int place) {
    Search s = {.p = p,
                .users = {.found = &p->found[0], .stamp = ++p->stamp},
                .needs = {.found = &p->found[1], .stamp = ++p->stamp},
                .low = at(p, g)->at + 1,
                .high = INT64_MAX};
    p->found[0].n = p->found[1].n = 0;
    int last = find_needs(&s, g, items);
    if (place >= 0) last = place;
    if (last == g) return true;
    s.low = at(p, g)->at;
    s.high = at(p, last)->at - (place >= 0);
    p->mark.at[g] = s.users.stamp;
    vec_push(p->scratch, s.users.found, g);
    if (!can_move(&s)) return false;
    if (ended(&s.users))
        move_behind(p, s.users.found, last);
    else if (s.needs.found->n)
        move_behind(p, s.needs.found, at(p, g)->prev);
    return true;
}
