/* Which bytes are taken when: a binary tree over the instructions. A buffer's life is cut into whole subtrees; each of
 * them notes its bytes in `through`, and all above them in `any`. So what is taken at some time between two
 * instructions is `any` of the few subtrees that cover the time, and `through` of those above them. Both are lists of
 * spans that do not touch, and buffers lie close together: the lists stay short where there are thousands of buffers. */
#include "plan/parts.h"

#include <string.h>

typedef struct {
    size_t from, to; /* bytes; without the end */
} Span;
typedef VEC(Span) Spans; /* in order */
typedef struct {
    Spans through, any;
} Times;

struct Room {
    Arena *arena;
    int size;           /* a power of 2; of the node k the halves are 2k and 2k+1, instruction t is node size + t */
    Times *node;
    Spans taken, other; /* of the present search */
};

Room *room_new(Arena *a, int times) {
    Room *r = ARENA_NEW(a, Room);
    *r = (Room){.arena = a, .size = 1};
    while (r->size < times) r->size *= 2;
    r->node = ARENA_ARRAY(a, Times, 2 * r->size);
    return r;
}

static size_t least(size_t x, size_t y) { return x < y ? x : y; }
static size_t most(size_t x, size_t y) { return x > y ? x : y; }

static void add(Arena *a, Spans *to, Span s) {
    int first = 0, end = to->n;
    while (first < end) { /* the first that does not end before it */
        int middle = (first + end) / 2;
        if (to->at[middle].to < s.from)
            first = middle + 1;
        else
            end = middle;
    }
    for (; end < to->n && to->at[end].from <= s.to; end++)
        s = (Span){least(s.from, to->at[end].from), most(s.to, to->at[end].to)};
    int n = to->n;
    if (end == first) vec_push(a, to, s);
    memmove(&to->at[first + 1], &to->at[end], (size_t)(n - end) * sizeof s);
    to->at[first] = s;
    to->n = n + 1 - (end - first);
}

/* Adds a list to what is taken. */
static void meet(Room *r, const Spans *list) {
    const Spans old = r->taken;
    int i = 0, k = 0;
    if (!list->n) return;
    r->other.n = 0;
    while (i < old.n || k < list->n) {
        Span s = k == list->n || (i < old.n && old.at[i].from < list->at[k].from) ? old.at[i++] : list->at[k++];
        Span *last = r->other.n ? &r->other.at[r->other.n - 1] : NULL;
        if (last && s.from <= last->to)
            last->to = most(last->to, s.to);
        else
            vec_push(r->arena, &r->other, s);
    }
    r->taken = r->other;
    r->other = old;
}

/* Node k is the instructions low .. high-1. */
static void find(Room *r, int k, int low, int high, int from, int to) {
    if (to < low || from >= high) return;
    if (from <= low && high <= to + 1) {
        meet(r, &r->node[k].any);
        return;
    }
    meet(r, &r->node[k].through);
    find(r, 2 * k, low, (low + high) / 2, from, to);
    find(r, 2 * k + 1, (low + high) / 2, high, from, to);
}

static void take(Room *r, int k, int low, int high, int from, int to, Span s) {
    if (to < low || from >= high) return;
    add(r->arena, &r->node[k].any, s);
    if (from <= low && high <= to + 1) {
        add(r->arena, &r->node[k].through, s);
        return;
    }
    take(r, 2 * k, low, (low + high) / 2, from, to, s);
    take(r, 2 * k + 1, (low + high) / 2, high, from, to, s);
}

size_t room_take(Room *r, int from, int to, size_t size) {
    size_t end = 0, best = 0, best_size = SIZE_MAX;
    r->taken.n = 0;
    find(r, 1, 0, r->size, from, to);
    for (int k = 0; k < r->taken.n; k++) {
        Span s = r->taken.at[k];
        if (s.from - end >= size && s.from - end < best_size) best = end, best_size = s.from - end;
        end = s.to;
    }
    if (best_size == SIZE_MAX) best = end;
    take(r, 1, 0, r->size, from, to, (Span){best, best + size});
    return best;
}
