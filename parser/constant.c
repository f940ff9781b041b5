/* Constants: values known when the spec is compiled. Numbers, and nested lists of numbers of one shape, are tensors that
 * need no graph; operators on them fold by their own double reference. One definition, two uses.
 */
#include "parser/value.h"

#include "build.h"

#include <string.h>

enum { MOST_IN_A_GRAPH = 4096, MOST = 1 << 20 };      /* numbers that are folded; in a graph, larger ones become nodes */

DType number_type(const Value *v) { return v->is_int && v->number >= INT32_MIN && v->number <= INT32_MAX ? I32 : F32; }

/* Whether nested lists of numbers have this shape; finds their common type. */
static bool list_fits(const Value *v, const Shape *shape, DType *type, int depth) {
    if (v->kind == V_NUMBER || v->kind == V_BOOL) {
        DType t = v->kind == V_BOOL ? U8 : number_type(v);
        if (*type == DTYPES || t == F32 || (t == I32 && *type == U8)) *type = t;
        return depth == shape->rank;
    }
    if (v->kind != V_LIST || depth >= shape->rank || shape->dim[depth] != v->n) return false;
    for (int i = 0; i < v->n; i++)
        if (!list_fits(v->item[i], shape, type, depth + 1)) return false;
    return true;
}

bool value_constant(const Value *v, Tensor *out) {
    Shape shape = {0};
    for (const Value *level = v; level->kind == V_LIST; level = level->item[0]) {
        if (shape.rank == RANK_MAX || !level->n) return false;
        shape.dim[shape.rank++] = level->n;
    }
    DType type = DTYPES;
    if (!list_fits(v, &shape, &type, 0)) return false;
    *out = (Tensor){type, shape};
    return true;
}

static void fill(const Value *v, double **at) {
    if (v->kind == V_LIST)
        for (int i = 0; i < v->n; i++) fill(v->item[i], at);
    else
        *(*at)++ = v->number;
}

double *constant_data(Eval *e, const Value *v, const Tensor *t) {
    double *data = ARENA_ARRAY(e->arena, double, shape_count(&t->shape)), *at = data;
    fill(v, &at);
    return data;
}

static Value *nested(Eval *e, const Tensor *t, int axis, const double **at) {
    if (axis == t->shape.rank) {
        double x = *(*at)++;
        return t->dtype == U8 ? value_bool(e, x != 0) : value_number(e, x, t->dtype == I32);
    }
    int n = (int)t->shape.dim[axis];
    Value **item = ARENA_ARRAY(e->arena, Value *, n);
    for (int i = 0; i < n; i++) item[i] = nested(e, t, axis + 1, at);
    return value_list(e, n, item);
}

Value *constant_value(Eval *e, const Tensor *t, const double *data) { return nested(e, t, 0, &data); }

/* The nodes of a graph up to y, in double; NULL where one of them is no constant or is too large. */
static double *evaluate(Eval *e, const Graph *g, const Node *y) {
    double **value = ARENA_ARRAY(e->arena, double *, y->id + 1);
    for (int id = 0; id <= y->id; id++) {
        const Node *n = g->node.at[id];
        if (!n->op->ref || n->poison || NODE_COUNT(n) > MOST) return NULL;
        const double **in = ARENA_ARRAY(e->arena, const double *, n->nsrc + 1);
        for (int k = 0; k < n->nsrc; k++) in[k] = value[n->src[k]->id];
        value[id] = ARENA_ARRAY(e->arena, double, NODE_COUNT(n));
        n->op->ref(n, in, value[id]);
    }
    return value[y->id];
}

static void start_over(Graph *g) {
    g->node.n = 0;
    memset(g->table, 0, sizeof *g->table * (size_t)g->table_size);
}

/* Applies the operator in a scratch graph. NULL: something is no constant, or too large for folding here. */
Value *constant_apply(const Ctx *c, const Op *op, int n, Value *const *src, const void *attr, Loc loc) {
    Eval *e = c->e;
    if (op->traits & (RANDOM | EFFECT) || n < 1) return NULL;
    int64_t total = 0, most = c->graph ? MOST_IN_A_GRAPH : MOST;
    for (int i = 0; i < n; i++) {
        Tensor t;
        if (!value_constant(src[i], &t)) return NULL;
        total += shape_count(&t.shape);
    }
    if (total > most) return NULL;
    Ctx scratch = *c;
    scratch.graph = e->fold;
    graph_at(e->fold, loc, NULL, NULL, c->path ? c->path : c->draw);
    Node **x = ARENA_ARRAY(e->arena, Node *, n);
    bool ok = true;
    for (int i = 0; i < n && ok; i++) ok = (x[i] = value_to_node(&scratch, src[i], loc)) != NULL;
    Node *y = ok ? op_apply(e->fold, op, n, x, attr) : NULL;
    Value *out = NULL;
    if (!y || y->poison) out = value_poison(e);       /* it was said */
    const double *data = out || NODE_COUNT(y) > most ? NULL : evaluate(e, e->fold, y);
    if (data) out = constant_value(e, &y->type, data);
    for (int i = 0; data && out->kind == V_NUMBER && i < n; i++)
        if (src[i]->kind == V_NUMBER && src[i]->sized) out->sized = src[i]->sized, out->axis = src[i]->axis;
    start_over(e->fold);
    if (out || c->graph) return out;
    diag_error(e->diags, loc, "%s: a constant of more than %d numbers, or one that only a run can make", op->name, MOST);
    return value_poison(e);
}
