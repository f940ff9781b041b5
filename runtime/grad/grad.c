/* Reverse-mode differentiation over a graph: one walk forwards to see which nodes lead from x to y, one
 * backwards to build the gradients with the operators' own rules. Knows no operator; works on its own
 * results, to any order.
 *
 * Invariant: gradients have the shape of what they are gradients of; they flow through floats only. */
#include "grad/grad.h"
#include "build.h"

/* The rule of v: what flows on from gy to its sources, added to what they have. */
static void flow(Node *v, Node *gy, const bool *leads, Node **acc) {
    Graph *g = v->graph;
    Node **gx = ARENA_ARRAY(g->arena, Node *, v->nsrc + 1);
    if (v->op->traits & REPEATS)
        gradient_of_loop(v, gy, leads, gx);
    else
        v->op->grad(v, gy, gx);
    for (int k = 0; k < v->nsrc; k++) {
        int id = v->src[k]->id;
        if (gx[k] && leads[id]) acc[id] = acc[id] ? g_add(acc[id], gx[k]) : gx[k];
    }
}

static bool differentiable(const Node *v) {
    return v->type.dtype == F32 && (v->op->grad || v->op->traits & REPEATS);
}

void gradient(Node *y, Node *gy, int n, Node *const *x, Node **gx) {
    Graph *g = y->graph;
    for (int i = 0; i < n; i++) gx[i] = NULL;
    if (y->poison || (gy && gy->poison) || y->type.dtype != F32) return;
    bool *leads = ARENA_ARRAY(g->arena, bool, y->id + 1), *wanted = ARENA_ARRAY(g->arena, bool, y->id + 1);
    Node **acc = ARENA_ARRAY(g->arena, Node *, y->id + 1);
    for (int i = 0; i < n; i++)
        if (x[i]->id <= y->id) leads[x[i]->id] = wanted[x[i]->id] = true;
    for (int i = 0; i <= y->id; i++) {
        const Node *v = g->node.at[i];
        for (int k = 0; k < v->nsrc && differentiable(v); k++)
            leads[i] |= leads[v->src[k]->id];
    }
    Provenance old = graph_at(g, y->loc, y, "gradient", y->path);
    acc[y->id] = gy ? gy : g_like(y, 1);
    for (int i = y->id; i >= 0; i--) {
        Node *v = g->node.at[i];
        if (!acc[i] || !leads[i] || !differentiable(v)) continue;
        graph_at(g, v->loc, v, "gradient", v->path);
        flow(v, acc[i], leads, acc);
    }
    graph_back(g, old);
    for (int i = 0; i < n; i++)
        if (x[i]->id <= y->id && x[i]->type.dtype == F32) gx[i] = acc[x[i]->id];
}
