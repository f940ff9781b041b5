/* Graph -> items. Live nodes only. A view is no item: its readers read the item under it through composed
 * strides. Where strides cannot say it, or an own kernel needs dense numbers, an identity copy is made, one
 * for all who need the same. Invariant: an item's reads point at earlier items. */
#include "plan/parts.h"

#include <string.h>

static Strides dense_strides(const Shape *s) {
    Strides d = {0};
    int64_t step = 1;
    for (int k = s->rank - 1; k >= 0; k--) d.stride[k] = step, step *= s->dim[k];
    return d;
}

static bool in_line(const Read *r) {
    int64_t step = 1;
    for (int k = r->type.shape.rank - 1; k >= 0; k--) {
        if (r->type.shape.dim[k] != 1 && r->at.stride[k] != step) return false;
        step *= r->type.shape.dim[k];
    }
    return true;
}

bool read_dense(const Read *r) { return in_line(r); }

bool read_same(const Read *r) { return r->at.offset == 0 && in_line(r); }

static int item_add(Plan *p, Item it) {
    it.group = -1;
    it.buffer = -1;
    vec_push(p->scratch, &p->item, it);
    return p->item.n - 1;
}

static Read read_all(const Plan *p, int item) {
    const Tensor *t = &p->item.at[item].type;
    return (Read){item, *t, dense_strides(&t->shape)};
}

int item_copy(Plan *p, const Read *r) {
    const Indices *copies = &p->item.at[r->item].copies;
    for (int i = 0; i < copies->n; i++) {
        const Read *s = &p->item.at[copies->at[i]].src[0];
        if (tensor_equal(&s->type, &r->type) && s->at.offset == r->at.offset &&
            !memcmp(s->at.stride, r->at.stride, (size_t)r->type.shape.rank * sizeof(int64_t)))
            return copies->at[i];
    }
    Item copy = {.kind = ITEM_MAP,
                 .node = p->item.at[r->item].node,
                 .type = r->type,
                 .space = r->type.shape,
                 .count = shape_count(&r->type.shape),
                 .nsrc = 1,
                 .slot = -1,
                 .src = arena_copy(p->scratch, r, sizeof *r)};
    int made = item_add(p, copy);
    vec_push(p->scratch, &p->item.at[r->item].copies, made);
    return made;
}

/* The source as an own kernel takes it: dense, and on a 64-byte boundary. */
static Read read_aligned(Plan *p, Read r) {
    bool whole = read_dense(&r) && (size_t)r.at.offset * dtype_size(r.type.dtype) % 64 == 0;
    return whole ? r : read_all(p, item_copy(p, &r));
}

static Read view_of(Plan *p, const Node *n) {
    Read from = p->node[n->src[0]->id], to = {from.item, n->type, {0}};
    if (n->op->view(n, &from.at, &to.at)) return to;
    int copy = item_copy(p, &from);
    from = read_all(p, copy);
    to.item = copy;
    if (!n->op->view(n, &from.at, &to.at)) reject(n, "no view of a dense tensor");
    return to;
}

static ItemKind kind_of(const Node *n) {
    DType t = n->nsrc ? n->src[n->nsrc - 1]->type.dtype : n->type.dtype;
    if (n->op->traits & (ELEMENTWISE | RANDOM) && n->op->map[ISA_BASE][t] && n->nsrc <= STEP_SOURCES)
        return ITEM_MAP;
    if (n->op->traits & REDUCES && n->op->reduce[t]) return ITEM_FOLD;
    return ITEM_KERNEL;
}

static bool compute(Plan *p, const Node *n) {
    Item it = {.kind = kind_of(n), .op = n->op, .node = n, .type = n->type, .nsrc = n->nsrc, .slot = -1};
    if (it.kind == ITEM_KERNEL && !n->op->eval && !(n->op->traits & REPEATS))
        return reject(n, "no kernel for %s",
                      dtype_name(n->nsrc ? n->src[n->nsrc - 1]->type.dtype : n->type.dtype));
    it.src = ARENA_ARRAY(p->scratch, Read, n->nsrc + 1);
    for (int k = 0; k < n->nsrc; k++) {
        Read r = p->node[n->src[k]->id];
        it.src[k] = it.kind == ITEM_KERNEL ? read_aligned(p, r) : r;
    }
    it.space = it.kind == ITEM_FOLD ? n->src[0]->type.shape : n->type.shape;
    it.count = shape_count(&it.space);
    if (it.kind == ITEM_FOLD) {
        bool ok = true;
        Fold f = fold_make(&it.space, axes_mask(&((const ReduceAttr *)n->attr)->axes, it.space.rank, &ok));
        it.task = task_size(it.count, 1, &f);
    }
    int made = item_add(p, it);
    p->node[n->id] = read_all(p, made);
    return true;
}

static void leaf(Plan *p, const Node *n) {
    bool constant = n->op->ref != NULL; /* a slot's value is not in the graph: it has no reference */
    Item it = {.kind = constant ? ITEM_CONSTANT : ITEM_SLOT,
               .op = n->op,
               .node = n,
               .type = n->type,
               .slot = constant ? -1 : ((const SlotAttr *)n->attr)->slot};
    int made = item_add(p, it);
    p->node[n->id] = read_all(p, made);
}

static bool *find_live(const Plan *p, int n, Node *const *results) {
    bool *live = ARENA_ARRAY(p->scratch, bool, p->graph->node.n + 1);
    for (int k = 0; k < n; k++) live[results[k]->id] = true;
    for (int i = p->graph->node.n - 1; i >= 0; i--) {
        const Node *at = p->graph->node.at[i];
        live[i] |= (at->op->traits & EFFECT) != 0;
        for (int k = 0; k < at->nsrc && live[i]; k++) live[at->src[k]->id] = true;
    }
    return live;
}

static bool has_slot(const Node *n) { return n->op->traits & EFFECT || (n->op->traits & LEAF && !n->op->ref); }

static int slots_most(const Graph *g) {
    int most = 0;
    for (int i = 0; i < g->node.n; i++) {
        int slot = has_slot(g->node.at[i]) ? ((const SlotAttr *)g->node.at[i]->attr)->slot : -1;
        if (slot >= most) most = slot + 1;
    }
    return most;
}

static bool assigned(const Plan *p, int slot) { return p->write_of[slot] > 0; }

static void assign(Plan *p, Write w) { /* of two assignments to a slot the later counts */
    int *of = &p->write_of[w.slot];
    if (*of)
        p->write.at[*of - 1] = w;
    else
        vec_push(p->scratch, &p->write, w), *of = p->write.n;
}

bool views_make(Plan *p, int n, Node *const *results) {
    const Graph *g = p->graph;
    const bool *live = find_live(p, n, results);
    int errors = g->diags->errors;
    p->node = ARENA_ARRAY(p->scratch, Read, g->node.n + 1);
    p->write_of = ARENA_ARRAY(p->scratch, int, slots_most(g));
    for (int i = 0; i < g->node.n; i++) {
        const Node *at = g->node.at[i];
        if (!live[i]) continue;
        if (at->op->traits & EFFECT) {
            p->node[i] = p->node[at->src[at->nsrc - 1]->id];
            assign(p, (Write){((const SlotAttr *)at->attr)->slot, p->node[i], at});
        } else if (at->op->traits & LEAF) {
            leaf(p, at);
        } else if (at->op->traits & VIEW) {
            p->node[i] = view_of(p, at);
        } else if (!compute(p, at)) {
            return false;
        }
    }
    for (int i = 0; i < p->write.n; i++) { /* what is computed can go straight to the slot, else a copy */
        Write *w = &p->write.at[i];
        if (p->item.at[w->value.item].kind <= ITEM_CONSTANT || !read_same(&w->value))
            w->value = read_all(p, item_copy(p, &w->value));
    }
    for (int k = 0; k < n; k++) { /* the host sees old values of slots, densely */
        Read r = p->node[results[k]->id];
        const Item *it = &p->item.at[r.item];
        if (!read_dense(&r) || (it->kind == ITEM_SLOT && assigned(p, it->slot)))
            r = read_all(p, item_copy(p, &r));
        vec_push(p->scratch, &p->result, r);
    }
    return g->diags->errors == errors;
}
