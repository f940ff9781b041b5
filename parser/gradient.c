/* grad(y, x): what x may be, the gradient in its form, and what is said where it means little. */
#include "grad/grad.h"

#include "build.h"
#include "ops/attrs.h"
#include "parser/value.h"

#include <string.h>

static bool has_name(const Expr *x) {
    if (x->kind == EX_NAME) return true;
    if (x->kind == EX_MEMBER) return x->callee->kind == EX_NAME || has_name(x->callee);
    if (x->kind == EX_INDEX) return has_name(x->callee);      /* of a list: an item; of a tensor: refused below */
    return x->kind == EX_CALL && x->callee->kind == EX_NAME && !strcmp(x->callee->text, "parameters");
}

typedef struct { Arena *arena; VEC(Node *) all; } NodeList;

static Value *add_leaf(void *ctx, const Value *v) {
    NodeList *list = ctx;
    if (v->kind == V_NODE) vec_push(list->arena, &list->all, v->node);
    return (Value *)v;
}

typedef struct { const Ctx *c; Node **gx; int at, missing; } GradFill;

static Value *grad_leaf(void *ctx, const Value *v) {
    GradFill *f = ctx;
    if (v->kind != V_NODE) return (Value *)v;
    Node *g = f->gx[f->at++];
    if (!g) f->missing++, g = g_full(f->c->graph, v->node->type, 0);
    return value_node(f->c->e, g);
}

/* A reduction over axis 0, on the way from x to y, of as many rows as both have; NULL if there is none. */
static const Node *mixes_rows(const Ctx *c, const Node *y, const Node *x) {
    const Graph *g = y->graph;
    const Shape *ys = &y->type.shape, *xs = &x->type.shape;
    if (ys->rank < 1 || xs->rank < 1 || ys->dim[0] != xs->dim[0] || ys->dim[0] < 2 || x->id > y->id) return NULL;
    bool *leads = ARENA_ARRAY(c->e->arena, bool, y->id + 1), *reaches = ARENA_ARRAY(c->e->arena, bool, y->id + 1);
    leads[x->id] = reaches[y->id] = true;
    for (int i = x->id + 1; i <= y->id; i++)
        for (int k = 0; k < g->node.at[i]->nsrc; k++) leads[i] |= leads[g->node.at[i]->src[k]->id];
    for (int i = y->id; i > x->id; i--)
        for (int k = 0; reaches[i] && k < g->node.at[i]->nsrc; k++) reaches[g->node.at[i]->src[k]->id] = true;
    for (int i = x->id + 1; i < y->id; i++) {
        const Node *v = g->node.at[i];
        if (!leads[i] || !reaches[i] || !(v->op->traits & REDUCES)) continue;
        const Shape *from = &v->src[0]->type.shape;
        bool ok;
        unsigned mask = axes_mask(&((const ReduceAttr *)v->attr)->axes, from->rank, &ok);
        if (mask & 1 && from->dim[0] == xs->dim[0]) return v;
    }
    return NULL;
}

static void warn_mixed(const Ctx *c, const Node *y, const NodeList *x, Loc loc) {
    const Node *v = NULL;
    for (int i = 0; i < x->all.n && !v; i++) v = mixes_rows(c, y, x->all.at[i]);
    if (!v) return;
    diag_warn(c->e->diags, loc, "grad: each row of the value depends on all rows, through '%s': the slope of one sample is not "
                                "its own there; normalise each sample by itself", v->path ? v->path : v->op->name);
    diag_note(c->e->diags, v->loc, "here");
}

/* Gradients by what has samples on axis 0: no parameter, more than one row and axis. */
static void note_slopes(const Ctx *c, const NodeList *x, Node *const *gx) {
    for (int i = 0; i < x->all.n; i++) {
        const Node *by = x->all.at[i];
        const Shape *s = &by->type.shape;
        bool slot = by->op == &op_slot;
        bool parameter = slot && c->e->t->slots->all.at[((const SlotAttr *)by->attr)->slot].kind == SLOT_PARAM;
        if (gx[i] && !parameter && s->rank >= 2 && s->dim[0] > 1) vec_push(c->e->arena, &c->build->slopes, gx[i]);
    }
}

/* sqrt(sum(slope^2)) over all axes: norm(grad(...)) with its axes forgotten is one number for the whole batch. */
void slopes_check(Eval *e, const Build *b) {
    const Graph *g = b->graph;
    for (int i = 0; b->slopes.n && i < g->node.n; i++) {
        const Node *n = g->node.at[i], *sum = n->op == &op_sqrt ? n->src[0] : NULL;
        if (!sum || sum->op != &op_sum || sum->type.shape.rank || !sum->src[0]->nsrc) continue;
        const Node *of = sum->src[0]->src[0];
        for (int k = 0; k < b->slopes.n; k++)
            if (of == b->slopes.at[k])
                diag_warn(e->diags, n->loc, "one norm of the slopes of all %lld samples: a penalty is of each sample's own, "
                                            "norm(..., axes=but_first)", (long long)of->type.shape.dim[0]);
    }
}

Value *do_grad(const Ctx *c, int n, Value **scope, Loc loc, const Expr *x) {
    (void)n;
    Scope *s = (Scope *)scope;
    Eval *e = c->e;
    if (x->n != 2 || x->names[0] || x->names[1]) {
        diag_error(e->diags, loc, "grad(y, x) takes a value and what it is differentiated by");
        return value_poison(e);
    }
    if (!has_name(x->args[1])) {
        diag_error(e->diags, x->args[1]->start, "grad differentiates by a value with a name: make a local name of this one "
                                                "and use that name in both places");
        return value_poison(e);
    }
    Value *by = eval_expr(c, s, x->args[1]), *of = eval_expr(c, s, x->args[0]);
    if (x->args[1]->kind == EX_INDEX && eval_expr(c, s, x->args[1]->callee)->kind == V_NODE) {
        diag_error(e->diags, x->args[1]->start, "grad differentiates by a whole tensor: take that part of the gradient");
        return value_poison(e);
    }
    Node *y = value_to_node(c, of, x->args[0]->start);
    if (!y || value_is_poison(by)) return value_poison(e);
    NodeList list = {.arena = e->arena};
    value_map(e, by, add_leaf, &list);
    if (!list.all.n || y->type.dtype != F32) {
        diag_error(e->diags, x->args[list.all.n ? 0 : 1]->start, "grad: a tensor of floats is wanted, this is %s",
                   value_show(e, list.all.n ? of : by));
        return value_poison(e);
    }
    Node **gx = ARENA_ARRAY(e->arena, Node *, list.all.n);
    Provenance old = graph_at(c->graph, loc, NULL, "gradient", c->path);
    gradient(y, NULL, list.all.n, list.all.at, gx);
    GradFill fill = {c, gx, 0, 0};
    Value *out = value_map(e, by, grad_leaf, &fill);
    graph_back(c->graph, old);
    if (!e->shaping && !c->probing) warn_mixed(c, y, &list, loc);
    if (!e->shaping && !c->probing) note_slopes(c, &list, gx);
    if (fill.missing == list.all.n && !e->shaping && !c->probing)
        diag_warn(e->diags, loc, "grad: the value does not depend on '%s': the gradient is zero",
                  expr_show(x->args[1], e->arena));
    return out;
}
