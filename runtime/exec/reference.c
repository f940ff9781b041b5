/* A program in fp64: the graph as it is, node by node by the operators' double references. No pass, no plan, no kernel has a
 * part in it, so what it comes to tells their mistakes and their rounding apart. It is slow.
 *
 * Every node's numbers have a place of their own in the workspace from the node to its last reader, as doubles whatever
 * their type; an assignment has its source's. */
#include "exec/exec.h"
#include "exec/run.h"
#include "build.h"

#include <math.h>
#include <string.h>

struct Reference {
    const Graph *graph;
    Node **result;
    int *last;                                        /* by node: the last one to read it; for good: the number of nodes */
    size_t *offset;                                   /* by node: of its doubles in the workspace */
    const double **value;                             /* by node, of the run at hand */
    const double **in;                                /* of one node: its sources and the seed */
};

enum { LINE = 64 };

static size_t line_up(size_t bytes) { return (bytes + LINE - 1) & ~(size_t)(LINE - 1); }

static size_t bytes_of(const Node *n) { return line_up((size_t)NODE_COUNT(n) * sizeof(double) + 1); }

/* ---- making ---- */

static void find_last(Reference *r, int nresult) {
    int n = r->graph->node.n;
    for (int i = 0; i < n; i++) {
        const Node *node = r->graph->node.at[i];
        r->last[i] = i;
        for (int k = 0; k < node->nsrc; k++) {
            int *last = &r->last[node->src[k]->id];
            if (*last < n) *last = node->op == &op_assign ? n : i;
        }
    }
    for (int k = 0; k < nresult; k++) r->last[r->result[k]->id] = n;
}

/* The first gap among the values that live; `live` is in the order of offsets. */
static size_t place(const Reference *r, const Node *n, int *live, int *nlive, size_t low) {
    size_t at = low;
    int k = 0;
    for (; k < *nlive && r->offset[live[k]] < at + bytes_of(n); k++)
        at = r->offset[live[k]] + bytes_of(r->graph->node.at[live[k]]);
    memmove(live + k + 1, live + k, (size_t)(*nlive - k) * sizeof *live);
    live[k] = n->id;
    ++*nlive;
    return at;
}

static void bury(const Reference *r, int now, int *live, int *nlive) {
    int kept = 0;
    for (int k = 0; k < *nlive; k++)
        if (r->last[live[k]] > now) live[kept++] = live[k];
    *nlive = kept;
}

static void place_all(Program *p, Reference *r, int *live) {
    size_t low = p->workspace;                        /* results lie below */
    for (int i = 0, nlive = 0; i < r->graph->node.n; i++) {
        const Node *n = r->graph->node.at[i];
        if (n->op == &op_assign) continue;
        r->offset[i] = place(r, n, live, &nlive, low);
        if (r->offset[i] + bytes_of(n) > p->workspace) p->workspace = r->offset[i] + bytes_of(n);
        bury(r, i, live, &nlive);
    }
}

static void make(Program *p, const Graph *g, Node *const *results) {
    int n = g->node.n, most = 0;
    Reference *r = p->reference = ARENA_NEW(p->arena, Reference);
    *r = (Reference){.graph = g, .result = arena_copy(p->arena, results, (size_t)p->nresult * sizeof *results)};
    r->last = ARENA_ARRAY(p->arena, int, n + 1);
    r->offset = ARENA_ARRAY(p->arena, size_t, n + 1);
    r->value = ARENA_ARRAY(p->arena, const double *, n + 1);
    for (int i = 0; i < n; i++) {
        const Node *node = g->node.at[i];
        if (node->nsrc > most) most = node->nsrc;
        p->flops += node->op->flops ? node->op->flops(node) : node->op->traits & (VIEW | LEAF | EFFECT) ? 0 : (double)NODE_COUNT(node);
    }
    r->in = ARENA_ARRAY(p->arena, const double *, most + 1);
    find_last(r, p->nresult);
    for (int k = 0; k < p->nresult; k++) {
        Tensor type = results[k]->type;
        if (type.dtype == F32) type.dtype = F64;
        p->result[k].at = (Operand){.place = IN_WORKSPACE, .offset = p->workspace, .type = type};
        p->workspace += bytes_of(results[k]);
    }
    place_all(p, r, ARENA_ARRAY(p->arena, int, n + 1));
}

Program *reference_make(const Graph *g, int n, Node *const *results) {
    Arena *a = arena_new();
    jmp_buf escape;
    if (!a || setjmp(escape)) return arena_free(a), NULL;
    arena_escape(a, &escape);
    Program *p = ARENA_NEW(a, Program);
    *p = (Program){.arena = a, .name = g->name, .nresult = n, .result = ARENA_ARRAY(a, Result, n + 1)};
    make(p, g, results);
    arena_escape(a, NULL);
    return p;
}

/* ---- running ---- */

static void read_slot(const Store *s, const Node *n, double *to) {
    int slot = ((const SlotAttr *)n->attr)->slot;
    for (int64_t i = 0, count = NODE_COUNT(n); i < count; i++) to[i] = store_at(s, slot, i);
}

static bool is_finite(const Reference *r, const Node *n, Watched *w) {
    const double *x = r->value[n->id];
    if (n->type.dtype != F32 || n->op->traits & (LEAF | EFFECT)) return true;
    for (int64_t i = 0, count = NODE_COUNT(n); i < count; i++) {
        if (isfinite(x[i])) continue;
        *w = (Watched){.loc = n->loc, .op = n->op->name, .label = n->path, .role = n->role, .shape = n->type.shape, .element = i, .value = x[i]};
        Numbers in[EXPLAINED];
        for (int k = 0; n->op->explain && k < n->nsrc; k++) in[k] = (Numbers){{F64, n->src[k]->type.shape}, r->in[k]};
        if (n->op->explain) n->op->explain(in, i, w->why, sizeof w->why);
        return false;
    }
    return true;
}

/* What the host reads, before slots change; then all slots at once. */
static void deliver(const Program *p, Store *s, unsigned char *workspace) {
    const Reference *r = p->reference;
    for (int k = 0; k < p->nresult; k++) {
        const Operand *at = &p->result[k].at;
        for (int64_t i = 0, n = shape_count(&at->type.shape); i < n; i++)
            number_put(workspace + at->offset, at->type.dtype, i, r->value[r->result[k]->id][i]);
    }
    for (int i = 0; i < r->graph->node.n; i++) {
        const Node *n = r->graph->node.at[i];
        if (n->op != &op_assign) continue;
        int slot = ((const SlotAttr *)n->attr)->slot;
        for (int64_t k = 0, count = NODE_COUNT(n); k < count; k++) store_put(s, slot, k, r->value[i][k]);
    }
}

bool reference_run(const Program *p, Store *s, uint64_t seed, unsigned char *workspace, Watched *watched) {
    const Reference *r = p->reference;
    double seed_bits;                                 /* the last input of a draw's reference */
    memcpy(&seed_bits, &seed, sizeof seed_bits);
    for (int i = 0; i < r->graph->node.n; i++) {
        const Node *n = r->graph->node.at[i];
        double *to = (double *)(void *)(workspace + r->offset[i]);
        for (int k = 0; k < n->nsrc; k++) r->in[k] = r->value[n->src[k]->id];
        r->in[n->nsrc] = &seed_bits;
        r->value[i] = n->op == &op_assign ? r->in[0] : to;
        if (n->op == &op_slot) read_slot(s, n, to);
        else if (n->op != &op_assign) n->op->ref(n, r->in, to);
        if (watched && !is_finite(r, n, watched)) return false;
    }
    deliver(p, s, workspace);
    return true;
}
