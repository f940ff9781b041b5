/* `loop: t in range(n)` in a layer list: the list is evaluated once, on stand-ins for what is carried from round to round
 * and for the round; ops/loop.c makes one operator of it. What is piped may be a tensor, a record, a collection or a list:
 * several tensors are carried as one row of numbers.
 */
#include "parser/value.h"

#include "build.h"

typedef VEC(Node *) Leaves;

/* The tensors of a value, in order; false: reported. */
static bool leaves_of(const Ctx *c, const Value *v, Leaves *out, Loc loc) {
    Eval *e = c->e;
    if (v->kind == V_LIST || v->kind == V_RECORD) {
        for (int i = 0; i < v->n; i++)
            if (!leaves_of(c, v->item[i], out, loc)) return false;
        return true;
    }
    Node *n = value_to_node(c, v, loc);
    if (n && v->kind == V_NUMBER) n = g_to_float(n);
    if (n && n->type.dtype != F32) {
        diag_error(e->diags, loc, "a loop carries floats from round to round, this is %s", value_show(e, v));
        return false;
    }
    if (n) vec_push(e->arena, out, n);
    return n != NULL;
}

/* All of them as one tensor: a single one as it is. */
static Node *pack(const Ctx *c, const Leaves *l) {
    if (l->n == 1) return l->at[0];
    Node **flat = ARENA_ARRAY(c->e->arena, Node *, l->n);
    for (int i = 0; i < l->n; i++) {
        Shape line = SHAPE(NODE_COUNT(l->at[i]));
        flat[i] = g_reshape(l->at[i], &line);
    }
    return g_concat(c->graph, l->n, flat, 0);
}

typedef struct { const Ctx *c; const Leaves *like; Node *packed; int at; int64_t from; } Unpacking;

static Value *unpack_leaf(void *ctx, const Value *leaf) {
    (void)leaf;
    Unpacking *u = ctx;
    if (u->like->n == 1) return value_node(u->c->e, u->packed);
    const Node *n = u->like->at[u->at++];
    int64_t count = NODE_COUNT(n);
    Node *part = g_slice(u->packed, &(Ints){1, {u->from}}, &(Ints){1, {1}}, &(Ints){1, {count}});
    u->from += count;
    return value_node(u->c->e, g_reshape(part, &n->type.shape));
}

static Value *unpack(const Ctx *c, const Value *form, const Leaves *like, Node *packed) {
    return value_map(c->e, form, unpack_leaf, &(Unpacking){c, like, packed, 0, 0});
}

/* What a name of `loop: (a, b) in ...` is in a round: of 0, 1, 2 ... the round itself, else a row of a table. */
static Value *in_round(const Ctx *c, const Value *list, int part, Node *round, Loc loc) {
    Value **item = ARENA_ARRAY(c->e->arena, Value *, list->n);
    bool counts = true;
    for (int i = 0; i < list->n; i++) {
        item[i] = part < 0 ? list->item[i] : list->item[i]->item[part];
        counts = counts && item[i]->kind == V_NUMBER && item[i]->is_int && item[i]->number == i;
    }
    if (counts) return value_node(c->e, round);
    Tensor type;
    Value *table = value_list(c->e, list->n, item);
    if (!value_constant(table, &type)) {
        diag_error(c->e->diags, loc, "a loop goes through numbers known before the run, or lists of them in one shape, not %s",
                   value_show(c->e, list));
        return value_poison(c->e);
    }
    return apply_nodes(c, &op_gather, 2, (Value *[]){table, value_node(c->e, round)}, NULL, loc);
}

static bool bind_round(const Ctx *c, Scope *s, const Binding *head, const Value *list, Node *round) {
    Eval *e = c->e;
    for (int i = 0; i < list->n && head->n > 1; i++)
        if (list->item[i]->kind != V_LIST || list->item[i]->n != head->n) {
            diag_error(e->diags, head->in->start, "'loop' names %d values, the list holds %s", head->n, value_show(e, list->item[i]));
            return false;
        }
    for (int k = 0; k < head->n; k++) {
        Value *v = in_round(c, list, head->n > 1 ? k : -1, round, head->in->start);
        if (value_is_poison(v)) return false;
        bind_value(e, s, head->name[k], head->name_loc[k], v)->argument = true;
    }
    return true;
}

/* One round's result is the next one's start: of the same form and shapes. */
static bool check_round(const Ctx *c, const Leaves *start, const Leaves *end, Loc loc) {
    Eval *e = c->e;
    if (start->n != end->n) {
        diag_error(e->diags, loc, "a round of this loop is given %d tensor%s and leaves %d: the next one cannot go on", start->n,
                   start->n == 1 ? "" : "s", end->n);
        return false;
    }
    for (int i = 0; i < end->n; i++) {
        if (shape_equal(&start->at[i]->type.shape, &end->at[i]->type.shape)) continue;
        diag_error(e->diags, loc, "a round of this loop is given %s and leaves %s: the next one cannot go on",
                   shape_show(&start->at[i]->type.shape, e->arena), shape_show(&end->at[i]->type.shape, e->arena));
        return false;
    }
    return true;
}

static Value *loop_over(const Ctx *c, Scope *s, const Doc *item, const Doc *layers, const Binding *head, const Value *list,
                        Value *piped) {
    Eval *e = c->e;
    Graph *g = c->graph;
    Leaves start = {0}, end = {0};
    if (!leaves_of(c, piped, &start, item->loc)) return value_poison(e);
    Node *first = pack(c, &start), *carried = g_carried(g, &first->type), *round = g_carried(g, &(Tensor){I32, {0}});
    Ctx inner = *c;
    inner.round = c->round ? g_add(g_mul(c->round, g_int(g, list->n)), round) : round;
    inner.loop_network = c->network;
    inner.update = UPDATE_NEVER;
    Scope *scope = scope_new(e, s);
    if (!bind_round(c, scope, head, list, round)) return value_poison(e);
    Value *v = eval_layers(&inner, scope, layers, unpack(c, piped, &start, carried));
    if (value_is_poison(v) || !leaves_of(c, v, &end, item->loc) || !check_round(c, &start, &end, item->loc)) return value_poison(e);
    return unpack(c, piped, &start, g_loop(first, carried, round, pack(c, &end), list->n));
}

Value *run_loop(const Ctx *c, Scope *s, const Doc *item, const Doc *layers, Value *piped) {
    Eval *e = c->e;
    Binding head;
    if (!binding_parse(doc_get(item, "loop"), &head, e->diags, e->arena)) return value_poison(e);
    Value *list = eval_expr(c, s, head.in);
    if (list->kind == V_POISON) return list;
    if (list->kind != V_LIST) {
        diag_error(e->diags, head.in->start, "'loop' goes through a list, as range(500) is, this is %s", value_show(e, list));
        return value_poison(e);
    }
    if (!piped || !c->graph) {
        diag_error(e->diags, item->loc, piped ? "a loop runs with tensors: only constants may stand here"
                                              : "nothing is piped into this loop: put 'input:' before it");
        return value_poison(e);
    }
    if (value_is_poison(piped)) return value_poison(e);
    if (!list->n) return piped;
    Provenance old = graph_at(c->graph, item->loc, NULL, c->graph->role, c->path ? c->path : c->draw);
    Value *v = loop_over(c, s, item, layers, &head, list, piped);
    graph_back(c->graph, old);
    return v;
}
