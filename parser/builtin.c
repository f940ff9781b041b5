/* Builtins: the language's functions of structure (lists, shapes, names, draws, grad). One row each: name, signature,
 * one line of documentation, the function. Arithmetic is the operators'; everything else is the prelude's.
 */
#include "parser/value.h"

#include "base/rng.h"
#include "build.h"
#include "ops/attrs.h"

#include <math.h>
#include <string.h>

static Value *refuse_value(const Ctx *c, Loc loc, const char *who, const char *wanted, const Value *v) {
    if (v->kind == V_POISON) return value_poison(c->e);
    diag_error(c->e->diags, loc, "%s: %s is wanted, this is %s", who, wanted, value_show(c->e, v));
    diag_calls(c->e->diags);
    note_value(c->e, v);
    return value_poison(c->e);
}

/* ---- choice ------------------------------------------------------------------------------------------------------ */

/* Lazy builtins get the scope in place of arguments and the call itself. */
static Value *do_if(const Ctx *c, int n, Value **scope, Loc loc, const Expr *x) {
    (void)n;
    Scope *s = (Scope *)scope;
    Eval *e = c->e;
    bool named = false;
    for (int i = 0; i < x->n; i++) named = named || x->names[i];
    if (x->n != 3 || named) {
        diag_error(e->diags, loc, "if(condition, value, otherwise) takes three values, this call gives %d", x->n);
        return value_poison(e);
    }
    Value *condition = eval_expr(c, s, x->args[0]);
    bool first = condition->kind == V_BOOL && condition->number != 0;
    choose(x, condition->kind != V_BOOL ? FIRST_SIDE | OTHER_SIDE : first ? FIRST_SIDE : OTHER_SIDE);
    if (condition->kind == V_BOOL) return eval_expr(c, s, x->args[first ? 1 : 2]);
    if (condition->kind == V_POISON) return condition;
    Tensor t = {.dtype = DTYPES};
    if (condition->kind == V_NODE) t = condition->node->type;
    else if (condition->kind == V_LIST) value_constant(condition, &t);
    if (t.dtype != U8 && !(condition->kind == V_RECORD && condition->collection))
        return refuse_value(c, x->args[0]->start, "if", "a condition (true, false or a comparison)", condition);
    Value *a = eval_expr(c, s, x->args[1]), *b = eval_expr(c, s, x->args[2]);
    return apply_nodes(c, &op_select, 3, (Value *[]){condition, a, b}, NULL, loc);
}

static Value *do_fixed(const Ctx *c, int n, Value **scope, Loc loc, const Expr *x) {
    (void)n, (void)loc;
    return make_fixed(c, (Scope *)scope, x);
}

/* ---- networks ------------------------------------------------------------------------------------------------------ */

static Value *do_parameter(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n;
    Eval *e = c->e;
    const char *kind = "weight", *name = c->whole_name;
    if (arg[2] && arg[2]->kind != V_TEXT) return refuse_value(c, loc, "parameter", "'kind' as text", arg[2]);
    if (arg[3] && arg[3]->kind != V_TEXT) return refuse_value(c, loc, "parameter", "'name' as text", arg[3]);
    if (arg[2]) kind = arg[2]->text;
    if (arg[3]) name = arg[3]->text;
    if (!name) name = arena_printf(e->arena, "parameter_%d", site_of(e, c->text, x)->number);
    return make_parameter(c, arg[0], arg[1], kind, name, loc);
}

static Value *do_parameters(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    if (arg[1] && arg[1]->kind != V_TEXT) return refuse_value(c, loc, "parameters", "a pattern in single quotes", arg[1]);
    if (arg[2] && arg[2]->kind != V_TEXT) return refuse_value(c, loc, "parameters", "'kind' as text", arg[2]);
    return network_parameters(c, arg[0], arg[1] ? arg[1]->text : NULL, arg[2] ? arg[2]->text : NULL, loc);
}

/* ---- shapes and lists ----------------------------------------------------------------------------------------------- */

/* A size of v, which knows that it is one. */
static Value *size_value(Eval *e, double size, const Value *v, int axis) {
    Value *out = value_number(e, size, true);
    out->sized = v->kind == V_NODE ? v->node : NULL;
    out->axis = axis;
    return out;
}

static bool shape_of_value(const Ctx *c, const Value *v, Shape *out, Loc loc) {
    if (v->kind == V_NODE) return *out = v->node->type.shape, true;
    Tensor t;
    if (value_constant(v, &t)) return *out = t.shape, true;
    Node *n = value_to_node(c, v, loc);
    if (n) *out = n->type.shape;
    return n != NULL;
}

static Value *do_shape(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    Shape s;
    if (!shape_of_value(c, arg[0], &s, loc)) return value_poison(c->e);
    Value **item = ARENA_ARRAY(c->e->arena, Value *, s.rank + 1);
    for (int i = 0; i < s.rank; i++) item[i] = size_value(c->e, (double)s.dim[i], arg[0], i);
    return value_list(c->e, s.rank, item);
}

static Value *do_rows(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    Shape s;
    if (!shape_of_value(c, arg[0], &s, loc)) return value_poison(c->e);
    if (s.rank == 0) return refuse_value(c, loc, "rows", "a tensor with axes", arg[0]);
    return size_value(c->e, (double)s.dim[0], arg[0], 0);
}

static Value *do_size(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    double total = 0;
    Shape s;
    if (arg[0]->kind == V_RECORD) {
        for (int i = 0; i < arg[0]->n; i++) {
            if (!shape_of_value(c, arg[0]->item[i], &s, loc)) return value_poison(c->e);
            total += (double)shape_count(&s);
        }
    } else {
        if (!shape_of_value(c, arg[0], &s, loc)) return value_poison(c->e);
        total = (double)shape_count(&s);
    }
    return size_value(c->e, total, arg[0], -1);
}

static Value *do_length(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    if (arg[0]->kind != V_LIST) return refuse_value(c, loc, "length", "a list", arg[0]);
    return value_number(c->e, arg[0]->n, true);
}

static Value *do_last(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    if (arg[0]->kind != V_LIST || !arg[0]->n) return refuse_value(c, loc, "last", "a list that is not empty", arg[0]);
    return arg[0]->item[arg[0]->n - 1];
}

static Value *do_range(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    int64_t count;
    if (!value_whole(arg[0], &count) || count < 0 || count > 1000000)
        return refuse_value(c, loc, "range", "a whole number from 0 to 1000000", arg[0]);
    Value **item = ARENA_ARRAY(c->e->arena, Value *, count + 1);
    for (int64_t i = 0; i < count; i++) item[i] = value_number(c->e, (double)i, true);
    Value *out = value_list(c->e, (int)count, item);
    out->sized = arg[0]->sized, out->axis = arg[0]->axis;
    return out;
}

static Value *do_product(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    if (arg[0]->kind != V_LIST) return refuse_value(c, loc, "product", "a list of numbers", arg[0]);
    double p = 1;
    bool ints = true;
    const Value *sized = NULL;
    for (int i = 0; i < arg[0]->n; i++) {
        const Value *v = arg[0]->item[i];
        if (v->sized) sized = v;
        if (v->kind != V_NUMBER) return refuse_value(c, loc, "product", "a list of numbers", arg[0]);
        p *= v->number;
        ints = ints && v->is_int;
    }
    Value *out = value_number(c->e, p, ints);
    if (sized) out->sized = sized->sized, out->axis = -1;
    return out;
}

/* Of a list, or of the parts of a record or collection, whose form stays. */
static Value *do_map(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    Eval *e = c->e;
    const Value *v = arg[0];
    if (v->kind != V_LIST && v->kind != V_RECORD) return refuse_value(c, loc, "map", "a list or a collection", v);
    Value **item = ARENA_ARRAY(e->arena, Value *, v->n + 1);
    for (int i = 0; i < v->n; i++) {
        Ctx copy = copy_ctx(c, i + 1);
        item[i] = call_value(&copy, site_here(c), arg[1], 1, &arg[0]->item[i], loc);
        if (item[i]->kind == V_POISON) return item[i];
    }
    return v->kind == V_LIST ? value_list(e, v->n, item) : value_record(e, v->n, v->name, item, v->collection);
}

static Value *do_append(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    if (arg[0]->kind != V_LIST) return refuse_value(c, loc, "append", "a list", arg[0]);
    Value **item = ARENA_ARRAY(c->e->arena, Value *, arg[0]->n + 1);
    if (arg[0]->n) memcpy(item, arg[0]->item, sizeof *item * (size_t)arg[0]->n);
    item[arg[0]->n] = arg[1];
    return value_list(c->e, arg[0]->n + 1, item);
}

static Value *do_reverse(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    if (arg[0]->kind != V_LIST) return refuse_value(c, loc, "reverse", "a list", arg[0]);
    Value **item = ARENA_ARRAY(c->e->arena, Value *, arg[0]->n + 1);
    for (int i = 0; i < arg[0]->n; i++) item[i] = arg[0]->item[arg[0]->n - 1 - i];
    return value_list(c->e, arg[0]->n, item);
}

/* ---- filled and drawn tensors ------------------------------------------------------------------------------------------ */

/* Sizes and lists of sizes in any mix. */
static bool sizes(const Ctx *c, const Value *list, Shape *out, Loc loc, const char *who) {
    if (value_sizes(list, 0, out)) return true;
    const Value *v = list->n == 1 ? list->item[0] : list;
    if (value_is_poison(list)) return false;
    diag_error(c->e->diags, loc, "%s: sizes are at most %d whole numbers, this is %s", who, RANK_MAX, value_show(c->e, v));
    diag_calls(c->e->diags);
    return false;
}

/* The name of what is made at one place of the text: a draw's stream, a tensor that a gradient can be taken by. */
static const char *place_path(const Ctx *c) {
    const Site *here = site_here(c);
    return arena_printf(c->e->arena, "%s/%s_%d", c->draw, here->written, here->number);
}

static void keep_sizes(const Value *v, SizeOf *out, int *n) {
    for (int i = 0; v->kind == V_LIST && i < v->n; i++) keep_sizes(v->item[i], out, n);
    if (v->kind == V_LIST || *n == RANK_MAX) return;
    if (v->axis >= 0) out[*n] = (SizeOf){v->sized, v->axis};
    ++*n;
}

/* A tensor made with sizes of others knows whose they are: for messages. */
static Node *sized(const Ctx *c, Node *made, const Value *list) {
    int n = 0;
    SizeOf *sizes = ARENA_ARRAY(c->e->arena, SizeOf, RANK_MAX);
    keep_sizes(list, sizes, &n);
    bool any = false;
    for (int i = 0; i < n; i++) any = any || sizes[i].of;
    if (any && n == made->type.shape.rank) made->sizes = sizes;
    return made;
}

static Value *filled(const Ctx *c, Value **arg, Loc loc, double value, const char *who) {
    Shape s;
    if (!sizes(c, arg[0], &s, loc, who)) return value_poison(c->e);
    if (c->graph) {
        Provenance old = graph_at(c->graph, loc, NULL, c->graph->role, c->path ? c->path : c->draw);
        Node *made = g_own(g_full(c->graph, (Tensor){F32, s}, value), place_path(c));
        graph_back(c->graph, old);
        return value_node(c->e, sized(c, made, arg[0]));
    }
    Value *number = value_number(c->e, value, false);
    return apply_nodes(c, &op_broadcast, 1, &number, &(ShapeAttr){ints_of_shape(&s)}, loc);
}

static Value *do_zeros(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    return filled(c, arg, loc, 0, "zeros");
}

static Value *do_ones(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    return filled(c, arg, loc, 1, "ones");
}

static Value *draw(const Ctx *c, const Op *op, const Value *sizes, const Shape *s, double p, Loc loc) {
    if (!c->graph) {
        diag_error(c->e->diags, loc, "%s: a draw where only constants may stand", op->name);
        return value_poison(c->e);
    }
    Provenance old = graph_at(c->graph, loc, NULL, c->graph->role, c->path ? c->path : c->draw);
    Node *tick = c->tick >= 0 ? g_slot(c->graph, c->tick) : g_int(c->graph, 0);
    const char *path = place_path(c);
    DrawAttr a;
    memset(&a, 0, sizeof a);                          /* padding too: equal draws compare equal, byte by byte */
    a.path = path;
    a.stream = (int64_t)rng_hash(path);
    a.shape = ints_of_shape(s);
    a.p = p;
    Node *n = emit(c->graph, op, 2, NODES(tick, c->round ? c->round : g_int(c->graph, 0)), &a);
    graph_back(c->graph, old);
    return value_node(c->e, sized(c, n, sizes));
}

static Value *do_normal(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    Shape s;
    if (!sizes(c, arg[0], &s, loc, "normal")) return value_poison(c->e);
    return draw(c, &op_normal, arg[0], &s, 0, loc);
}

static Value *do_uniform(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    Eval *e = c->e;
    Shape s;
    if (!sizes(c, arg[0], &s, loc, "uniform")) return value_poison(e);
    Value *u = draw(c, &op_uniform, arg[0], &s, 0, loc);
    Value *low = arg[1] ? arg[1] : value_number(e, 0, true), *high = arg[2] ? arg[2] : value_number(e, 1, true);
    Value *width = apply_nodes(c, &op_sub, 2, (Value *[]){high, low}, NULL, loc);
    if (width->kind != V_NUMBER || width->number != 1) u = apply_nodes(c, &op_mul, 2, (Value *[]){u, width}, NULL, loc);
    return low->kind == V_NUMBER && low->number == 0 ? u : apply_nodes(c, &op_add, 2, (Value *[]){u, low}, NULL, loc);
}

/* A chance known before the run compares bytes; a tensor of chances compares with a uniform draw. */
static Value *do_bernoulli(const Ctx *c, int n, Value **arg, Loc loc, const Expr *x) {
    (void)n, (void)x;
    Eval *e = c->e;
    Shape s;
    if (!sizes(c, value_list(e, 1, &arg[1]), &s, loc, "bernoulli")) return value_poison(e);
    if (arg[0]->kind != V_NUMBER) {
        Value *u = draw(c, &op_uniform, arg[1], &s, 0, loc);
        return apply_nodes(c, &op_lt, 2, (Value *[]){u, arg[0]}, NULL, loc);
    }
    if (arg[0]->number < 0 || arg[0]->number > 1) return refuse_value(c, loc, "bernoulli", "a chance from 0 to 1", arg[0]);
    return draw(c, &op_bernoulli, arg[1], &s, arg[0]->number, loc);
}

const Builtin builtin_table[] = {
    {"if", "condition, value, otherwise", "one of two values; known at compile time, the other does not exist", do_if, true, false},
    {"grad", "y, x", "the gradient of sum(y) with respect to x, in x's form; differentiable again", do_grad, true, false},
    {"fixed", "expression", "evaluated once, at the start of the run, in eval mode, and kept", do_fixed, true, false},
    {"parameter", "shape, init, kind=, name=", "a parameter of the network being called", do_parameter, false, false},
    {"parameters", "networks, pattern=, kind=", "parameters as one collection, by name or by what the layer declared", do_parameters, false, false},
    {"shape", "x", "the sizes of the axes, as a list", do_shape, false, false},
    {"rows", "x", "the size of the first axis", do_rows, false, false},
    {"size", "x", "how many numbers a tensor or collection holds", do_size, false, false},
    {"length", "list", "how many items a list has", do_length, false, false},
    {"last", "list", "the last item", do_last, false, false},
    {"range", "n", "the list [0, 1, ... n - 1]", do_range, false, false},
    {"product", "list", "the product of a list of numbers", do_product, false, false},
    {"map", "list, f", "f of each item of a list, or of each part of a collection, in its form", do_map, false, false},
    {"append", "list, x", "the list with one more item", do_append, false, false},
    {"reverse", "list", "the list from the end", do_reverse, false, false},
    {"zeros", "sizes", "a tensor of zeros; sizes and lists of sizes in any mix", do_zeros, false, true},
    {"ones", "sizes", "a tensor of ones", do_ones, false, true},
    {"normal", "sizes", "a draw from the standard normal distribution, new each turn", do_normal, false, true},
    {"uniform", "sizes, low=, high=", "a draw from low (0) up to high (1)", do_uniform, false, true},
    {"bernoulli", "p, shape", "true with chance p", do_bernoulli, false, false},
    {NULL, NULL, NULL, NULL, false, false}};
