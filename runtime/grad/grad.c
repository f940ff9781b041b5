/* Reverse-mode differentiation over a graph: one walk forwards to see which nodes lead from x to y, one
 * backwards to build the gradients with the operators' own rules. Knows no operator; works on its own
 * results, to any order.
 *
 * Invariant: gradients have the shape of what they are gradients of; they flow through floats only. */
#include "grad/grad.h"
#include "build.h"

typedef struct {
    int low;                                          /* the first x: nothing before it leads from x to y */
    bool *leads;                                      /* by id - low: can it be reached from x? */
    Node **acc;                                       /* and what has come to it so far */
} Walk;

static bool leads(const Walk *w, const Node *v) { return v->id >= w->low && w->leads[v->id - w->low]; }

/* The rule of v: what flows on from gy to its sources, added to what they have. */
static void flow(const Walk *w, Node *v, Node *gy) {
    Graph *g = v->graph;
    Node **gx = ARENA_ARRAY(g->arena, Node *, v->nsrc + 1);
    bool *wanted = ARENA_ARRAY(g->arena, bool, v->nsrc + 1);
    for (int k = 0; k < v->nsrc; k++) wanted[k] = leads(w, v->src[k]);
    if (v->op->traits & REPEATS)
        gradient_of_loop(v, gy, wanted, gx);
    else
        v->op->grad(v, gy, gx);
    for (int k = 0; k < v->nsrc; k++) {
        if (!gx[k] || !wanted[k]) continue;
        Node **acc = &w->acc[v->src[k]->id - w->low];
        *acc = *acc ? g_add(*acc, gx[k]) : gx[k];
    }
}

static bool differentiable(const Node *v) {
    return v->type.dtype == F32 && (v->op->grad || v->op->traits & REPEATS);
}

void gradient(Node *y, Node *gy, int n, Node *const *x, Node **gx) {
    Graph *g = y->graph;
    Walk w = {.low = y->id + 1};
    for (int i = 0; i < n; i++) gx[i] = NULL;
    if (y->poison || (gy && gy->poison) || y->type.dtype != F32) return;
    for (int i = 0; i < n; i++)
        if (x[i]->id < w.low) w.low = x[i]->id;
    int count = y->id + 1 - w.low;
    w.leads = ARENA_ARRAY(g->arena, bool, count + 1);
    w.acc = ARENA_ARRAY(g->arena, Node *, count + 1);
    for (int i = 0; i < n; i++)
        if (x[i]->id <= y->id) w.leads[x[i]->id - w.low] = true;
    for (int i = 0; i < count; i++) {
        const Node *v = g->node.at[w.low + i];
        for (int k = 0; k < v->nsrc && differentiable(v); k++)
            w.leads[i] |= leads(&w, v->src[k]);
    }
    if (!leads(&w, y)) return;
    Provenance old = graph_at(g, y->loc, y, "gradient", y->path);
    w.acc[count - 1] = gy ? gy : g_like(y, 1);
    for (int i = count - 1; i >= 0; i--) {
        Node *v = g->node.at[w.low + i];
        if (!w.acc[i] || !w.leads[i] || !differentiable(v)) continue;
        graph_at(g, v->loc, v, "gradient", v->path);
        flow(&w, v, w.acc[i]);
    }
    graph_back(g, old);
    for (int i = 0; i < n; i++)
        if (x[i]->id <= y->id && x[i]->type.dtype == F32) gx[i] = w.acc[x[i]->id - w.low];
}
