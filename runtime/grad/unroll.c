/* The gradient of a loop: its rounds side by side in a graph of their own, where the loop's sources are slots, so that a
 * source that depends on another is not counted twice. What comes out is made of operators and copied back, so that it
 * can be differentiated again.
 */
#include "grad/grad.h"
#include "build.h"

static Node *rounds_of(Graph *u, const LoopAttr *a, int nsrc) {
    Node *last = a->body->node.at[a->body->node.n - 1]->src[0];
    Node **slot = ARENA_ARRAY(u->arena, Node *, nsrc + LOOP_SLOTS);
    for (int k = 1; k < nsrc; k++) slot[k + 1] = g_slot(u, k + 1);
    slot[LOOP_CARRIED] = g_slot(u, LOOP_CARRIED);
    for (int64_t r = 0; r < a->rounds && !u->full; r++) {
        Node *next = last;
        slot[LOOP_ROUND] = g_int(u, r);
        graph_replay(u, a->body, slot, 1, &next);
        slot[LOOP_CARRIED] = next;
    }
    return slot[LOOP_CARRIED];
}

void gradient_of_loop(const Node *n, Node *gy, const bool *wanted, Node **gx) {
    const LoopAttr *a = n->attr;
    Graph *g = n->graph;
    Slots *slots = ARENA_NEW(g->arena, Slots);
    slots->arena = g->arena;
    for (int i = 0; i < a->body->slots->all.n; i++) slot_add(slots, a->body->slots->all.at[i]);
    int seed = slot_add(slots, (Slot){.name = "gradient", .type = gy->type, .kind = SLOT_BATCH});
    Graph *u = graph_new(g->arena, g->diags, slots, g->name);
    graph_at(u, n->loc, n->origin, n->role, n->path);
    Node **x = ARENA_ARRAY(g->arena, Node *, n->nsrc), **inner = ARENA_ARRAY(g->arena, Node *, n->nsrc);
    Node **outer = ARENA_ARRAY(g->arena, Node *, slots->all.n);
    int *which = ARENA_ARRAY(g->arena, int, n->nsrc), nx = 0, found = 0;
    for (int k = 0; k < n->nsrc; k++) {
        int slot = k ? k + 1 : LOOP_CARRIED;
        outer[slot] = n->src[k];
        if (wanted[k]) which[nx] = k, x[nx++] = g_slot(u, slot);
    }
    outer[seed] = gy;
    gradient(rounds_of(u, a, n->nsrc), g_slot(u, seed), nx, x, inner);
    for (int i = 0; i < nx; i++)
        if (inner[i]) which[found] = which[i], inner[found++] = inner[i];
    graph_replay(g, u, outer, found, inner);
    for (int i = 0; i < found; i++) gx[which[i]] = inner[i];
    g->full |= u->full;
}
