/* Indexing: x[i], x[:, 0:3], x[::-1], x[:, new], x[ids]. A list is indexed as a list where one place is named, else as
 * the tensor it stands for.
 */
#include "parser/value.h"

#include "build.h"
#include "ops/attrs.h"

typedef struct {
    int64_t start, step, size;
    bool slice;                                       /* else the axis goes */
    Value *gather;                                    /* an index that is no number known now */
} Index;

typedef struct { Ints start, step, size; Shape shape; } Picked;       /* axes of x so far, and the result's shape */

static Value *refused(const Ctx *c, Loc loc, const char *wanted, const Value *v) {
    if (!value_is_poison(v)) diag_error(c->e->diags, loc, "%s, this is %s", wanted, value_show(c->e, v));
    return value_poison(c->e);
}

static bool read_bound(const Ctx *c, Scope *s, const Expr *x, int64_t missing, int64_t *out) {
    *out = missing;
    if (!x) return true;
    const Value *v = eval_expr(c, s, x);
    if (v->kind == V_POISON || value_whole(v, out)) return v->kind != V_POISON;
    refused(c, x->start, "a slice wants whole numbers known before the run", v);
    diag_calls(c->e->diags);
    return false;
}

static int64_t held(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

/* from:to:step, as in Python: bounds count from the end where negative, and are held inside. */
static bool read_slice(const Ctx *c, Scope *s, const Expr *x, int64_t n, Index *out) {
    int64_t step, from, to;
    if (!read_bound(c, s, x->args[2], 1, &step)) return false;
    if (step == 0) {
        diag_error(c->e->diags, x->args[2]->start, "a slice's step is not 0");
        return false;
    }
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
    if (!read_bound(c, s, x->args[0], step > 0 ? 0 : INT64_MAX, &from)) return false;
    if (!read_bound(c, s, x->args[1], step > 0 ? INT64_MAX : INT64_MIN, &to)) return false;
    if (from < 0) from += n;
    if (to < 0 && to != INT64_MIN) to += n;
    from = held(from, low, high);
    to = held(to, low, high);
    int64_t room = step > 0 ? to - from : from - to, stride = step > 0 ? step : -step;
    *out = (Index){.start = from, .step = step, .size = room > 0 ? (room + stride - 1)/stride : 0, .slice = true};
    return true;
}

typedef struct { int64_t size; const Node *node; int axis; } Axis;    /* node: NULL of a list */

static bool outside(const Ctx *c, const Expr *x, int64_t i, const Axis *of) {
    diag_error(c->e->diags, x->start, "index %lld is outside 0..%lld", (long long)i, (long long)of->size - 1);
    diag_calls(c->e->diags);
    if (of->node) note_size(c->e->diags, of->node, of->axis);
    return false;
}

/* An index tensor known now is checked now; of others, a row outside reads as NaN. */
static bool check_gather(const Ctx *c, const Expr *x, const Value *v, const Axis *of) {
    Tensor t;
    if (!value_constant(v, &t) || t.dtype != I32) return true;
    const double *at = constant_data(c->e, v, &t);
    for (int64_t i = 0; i < shape_count(&t.shape); i++)
        if (at[i] < 0 || at[i] >= (double)of->size) return outside(c, x, (int64_t)at[i], of);
    return true;
}

static bool read_place(const Ctx *c, Scope *s, const Expr *x, const Axis *of, Index *out) {
    int64_t n = of->size;
    if (x->kind == EX_SLICE) return read_slice(c, s, x, n, out);
    Value *v = eval_expr(c, s, x);
    int64_t i;
    if (v->kind == V_POISON) return false;
    if (!value_whole(v, &i)) {
        *out = (Index){.gather = v};
        return check_gather(c, x, v, of);
    }
    if (i < -n || i >= n) return outside(c, x, i, of);
    *out = (Index){.start = i < 0 ? i + n : i, .step = 1, .size = 1};
    return true;
}

static void pick(Picked *p, const Index *at) {
    int axis = p->start.n++;
    p->step.n = p->size.n = p->start.n;
    p->start.at[axis] = at->size ? at->start : 0;
    p->step.at[axis] = at->step;
    p->size.at[axis] = at->size;
    if (at->slice) p->shape.dim[p->shape.rank++] = at->size;
}

static Value *pick_apply(const Ctx *c, Value *v, const Picked *p, Loc loc) {
    SliceAttr slice = {p->start, p->step, p->size};
    v = apply_nodes(c, &op_slice, 1, &v, &slice, loc);
    return apply_nodes(c, &op_reshape, 1, &v, &(ReshapeAttr){ints_of_shape(&p->shape), 0}, loc);
}

static Value *index_tensor(const Ctx *c, Value *v, const Expr *x, Scope *s, const Shape *of) {
    const Node *node = v->kind == V_NODE ? v->node : NULL;
    Eval *e = c->e;
    Picked p = {0};
    for (int i = 0; i < x->n; i++) {
        if (p.shape.rank + of->rank - p.start.n >= RANK_MAX && x->args[i]->kind == EX_NEW) {
            diag_error(e->diags, x->args[i]->loc, "more than %d axes", RANK_MAX);
            return value_poison(e);
        }
        if (x->args[i]->kind == EX_NEW) {
            p.shape.dim[p.shape.rank++] = 1;
            continue;
        }
        if (p.start.n == of->rank) {
            diag_error(e->diags, x->args[i]->start, "more indices than axes: this is a tensor of %s", shape_show(of, e->arena));
            diag_calls(e->diags);
            if (node) note_shape(c->e->diags, node);
            return value_poison(e);
        }
        Index at;
        if (!read_place(c, s, x->args[i], &(Axis){of->dim[p.start.n], node, p.start.n}, &at)) return value_poison(e);
        if (at.gather && x->n == 1) return apply_nodes(c, &op_gather, 2, (Value *[]){v, at.gather}, NULL, x->loc);
        if (at.gather) {
            diag_error(e->diags, x->args[i]->start, "a tensor as index stands alone: x[i], then slice");
            return value_poison(e);
        }
        pick(&p, &at);
    }
    while (p.start.n < of->rank) pick(&p, &(Index){.step = 1, .size = of->dim[p.start.n], .slice = true});
    return pick_apply(c, v, &p, x->loc);
}

/* One place of a list; NULL where the list is meant as a tensor. */
static Value *index_list(const Ctx *c, Value *v, const Expr *x, Scope *s) {
    Eval *e = c->e;
    if (x->n > 1 || x->args[0]->kind == EX_NEW) return NULL;
    Index at;
    if (!read_place(c, s, x->args[0], &(Axis){.size = v->n}, &at)) return value_poison(e);
    if (at.gather) return apply_nodes(c, &op_gather, 2, (Value *[]){v, at.gather}, NULL, x->loc);
    if (!at.slice) return v->item[at.start];
    Value **item = ARENA_ARRAY(e->arena, Value *, at.size + 1);
    for (int64_t i = 0; i < at.size; i++) item[i] = v->item[at.start + i*at.step];
    return value_list(e, (int)at.size, item);
}

Value *apply_index(const Ctx *c, Value *v, const Expr *x, Scope *s) {
    if (v->kind == V_POISON) return v;
    Value *of_list = v->kind == V_LIST ? index_list(c, v, x, s) : NULL;
    if (of_list) return of_list;
    Tensor t;
    if (value_is_poison(v)) return value_poison(c->e);
    if (v->kind == V_NODE) t = v->node->type;
    else if (v->kind != V_LIST) return refused(c, x->loc, "only lists and tensors have elements", v);
    else if (!value_constant(v, &t)) {
        v = value_node(c->e, value_to_node(c, v, x->loc));
        if (v->kind == V_POISON) return v;
        t = v->node->type;
    }
    return index_tensor(c, v, x, s, &t.shape);
}
