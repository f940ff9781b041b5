/* The passes in order, and the copy that drives them: nodes in order of id, each with its sources already
 * rewritten. Dead nodes are not copied; equal ones become one in emit. Invariant: a rewritten node has the
 * old one's type and provenance. */
#include "pass/pass.h"
#include "pass/rules.h"

#include <assert.h>

const Pass passes[] = {
    {"views", "views of views become one; stop_gradient and names have done their work", true, rule_views, NULL},
    {"identities", "x*1, x/1, x - 0, --x, a choice between equals", true, rule_identities, NULL},
    {"hoist", "what all sources repeat is computed once and repeated after", true, rule_hoist, NULL},
    {"constants",
     "arithmetic of numbers, in double; x + 0; powers; division by a number or by what is repeated; mulz of "
     "what is finite wherever its inputs are",
     false, rule_constants, NULL},
    {"choices", "multiples and sums of halves of one choice are one choice", false, rule_choices, NULL},
    {"scales", "(x*a)*b is x*(a*b), (x + a) + b is x + (a + b), for numbers and what is repeated", false,
     rule_scales, NULL},
    {"sums", "factors that are the same for all terms leave a sum; a sum of repeated terms is a product",
     false, rule_sums, NULL},
    {"pad", "zeros around an image next to a convolution are its padding; pixels cut off are not computed", false, rule_pad,
     NULL},
    {"upsample", "enlargement next to a convolution is a transposed convolution of that stride", false,
     rule_upsample, NULL},
    {"matmul", "a transposed matrix is read as it lies; a column by a row is elementwise", false,
     rule_matmul, NULL},
    {"join", "products of different samples with the same large weights are one product", false, NULL, join_samples},
    {"terms", "sums over parts of the samples that are added are one sum", false, rule_terms, NULL},
    {0},
};

uint64_t passes_all(void) {
    int n = 0;
    while (passes[n].name) n++;
    return ((uint64_t)1 << n) - 1;
}

static bool *find_live(const Graph *g, Arena *a, int n, Node *const *keep) {
    bool *live = ARENA_ARRAY(a, bool, g->node.n + 1);
    for (int i = 0; i < n; i++) live[keep[i]->id] = true;
    for (int i = g->node.n - 1; i >= 0; i--) {
        const Node *v = g->node.at[i];
        live[i] |= (v->op->traits & EFFECT) != 0;
        for (int k = 0; live[i] && k < v->nsrc; k++) live[v->src[k]->id] = true;
    }
    return live;
}

/* A copy of g in `into`, rewritten by the pass, or as it is where there is none. */
static Graph *copy_through(const Graph *g, const Pass *pass, Arena *into, Arena *scratch, int n,
                           Node **keep) {
    Graph *to = graph_new(into, g->diags, g->slots, g->name);
    to->limit = g->limit;
    const bool *live = find_live(g, scratch, n, keep);
    Node **copy = ARENA_ARRAY(scratch, Node *, g->node.n + 1);
    if (pass && pass->whole) pass->whole(g, to, live, copy, scratch);
    for (int i = 0; i < g->node.n; i++) {
        const Node *v = g->node.at[i];
        if (!live[i] || copy[i]) continue;
        Node **src = ARENA_ARRAY(scratch, Node *, v->nsrc + 1);
        for (int k = 0; k < v->nsrc; k++) src[k] = copy[v->src[k]->id];
        graph_at(to, v->loc, v->origin, v->role, v->path);
        if (v->poison) {
            copy[i] = poison(to, v->type);
            continue;
        }
        copy[i] = pass ? pass->rewrite(to, v, src) : NULL;
        if (!copy[i]) copy[i] = emit(to, v->op, v->nsrc, src, v->attr);
        assert(copy[i]->poison || tensor_equal(&copy[i]->type, &v->type));
    }
    for (int i = 0; i < n; i++) keep[i] = copy[keep[i]->id];
    return to;
}

/* Each pass runs twice: what one leaves, an earlier one may take up. One of the whole graph runs once, on what the
 * others leave. The copies between live in two scratch arenas by turns: of all of them only two are there at a time. */
static const Graph *copies(const Graph *g, uint64_t on, Arena *const *scratch, int n, Node **keep) {
    int turn = 0;
    for (int round = 0; round < 2; round++)
        for (int k = 0; passes[k].name; k++) {
            if (!(on >> k & 1) || (!round && passes[k].whole)) continue;
            Arena *a = scratch[turn++ % 2];
            arena_reset(a);
            g = copy_through(g, &passes[k], a, a, n, keep);
        }
    return g;
}

Graph *passes_run(const Graph *g, uint64_t on, int n, Node **keep) {
    Arena *into = g->arena, *scratch[2] = {arena_new(), arena_new()};
    jmp_buf out_of_memory;
    jmp_buf *outer = arena_escape(into, &out_of_memory);
    if (setjmp(out_of_memory)) {
        arena_free(scratch[0]);
        arena_free(scratch[1]);
        arena_escape(into, outer);
        arena_fail(into);
    }
    if (!scratch[0] || !scratch[1]) arena_fail(into);
    arena_escape(scratch[0], &out_of_memory);
    arena_escape(scratch[1], &out_of_memory);
    const Graph *now = copies(g, on, scratch, n, keep);
    Graph *last = copy_through(now, NULL, into, scratch[0], n, keep);
    for (int i = 0; i < last->node.n; i++) {
        const Node *v = last->node.at[i];
        if (!(v->op->traits & REPEATS)) continue;
        LoopAttr *loop = (LoopAttr *)v->attr; /* this copy's own */
        loop->body = passes_run(loop->body, on, 0, NULL);
    }
    arena_escape(into, outer);
    arena_free(scratch[0]);
    arena_free(scratch[1]);
    return last;
}
