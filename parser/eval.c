/* Expressions: trees to values. */
#include "parser/value.h"

#include "build.h"

#include <string.h>

const Doc *map_get(const Doc *map, const char *key) { return doc_get(map, key); }

const Expr *doc_expr(Eval *e, const Doc *d) {
    if (!d->expr) ((Doc *)d)->expr = expr_parse(d, e->loud, e->arena);
    return d->expr;
}

void choose(const Expr *x, int sides) { ((Expr *)x)->sides |= (unsigned char)sides; }

static const Op *binary_op(const char *sign) {
    static const struct { const char *sign; const Op *op; } table[] = {
        {"+", &op_add}, {"-", &op_sub}, {"*", &op_mul}, {"/", &op_div}, {"%", &op_mod}, {"^", &op_pow},
        {"@", &op_matmul}, {"==", &op_eq}, {"!=", &op_ne}, {"<", &op_lt}, {"<=", &op_le}, {">", &op_gt},
        {">=", &op_ge}, {"and", &op_and}, {"or", &op_or}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].sign, sign)) return table[i].op;
    return NULL;
}

/* `and` and `or` on what is known at compile time evaluate the right side only where it matters. */
static Value *eval_binary(const Ctx *c, Scope *s, const Expr *x) {
    Value *left = eval_expr(c, s, x->callee);
    bool decided = left->kind == V_BOOL && ((!strcmp(x->text, "and") && left->number == 0) || (!strcmp(x->text, "or") && left->number != 0));
    choose(x, decided ? FIRST_SIDE : FIRST_SIDE | OTHER_SIDE);
    if (decided) return left;
    Value *right = eval_expr(c, s, x->right);
    if (value_is_poison(left) || value_is_poison(right)) return value_poison(c->e);
    bool same = !strcmp(x->text, "==");
    bool texts = left->kind == V_TEXT && right->kind == V_TEXT, text = left->kind == V_TEXT || right->kind == V_TEXT;
    bool tensor = left->kind == V_NODE || right->kind == V_NODE;      /* a number or a list is no text */
    if (text && !tensor && (same || !strcmp(x->text, "!=")))
        return value_bool(c->e, (texts && strcmp(left->text, right->text) == 0) == same);
    return apply_nodes(c, binary_op(x->text), 2, (Value *[]){left, right}, NULL, x->loc);
}

static Value *eval_unary(const Ctx *c, Scope *s, const Expr *x) {
    Value *v = eval_expr(c, s, x->callee);
    return apply_nodes(c, !strcmp(x->text, "not") ? &op_not : &op_neg, 1, &v, NULL, x->loc);
}

static Value *eval_list(const Ctx *c, Scope *s, const Expr *x) {
    Value **item = ARENA_ARRAY(c->e->arena, Value *, x->n + 1);
    for (int i = 0; i < x->n; i++) item[i] = eval_expr(c, s, x->args[i]);
    return value_list(c->e, x->n, item);
}

int metric_named(Eval *e, const char *name, Loc loc) {
    Nearest near = nearest_to(name);
    for (int i = 0; i < e->t->nmetric; i++) {
        if (!strcmp(e->t->metric[i].name, name)) return i;
        nearest_add(&near, e->t->metric[i].name);
    }
    diag_error(e->diags, loc, "there is no metric '%s'%s", name, nearest_hint(e->arena, &near));
    return -1;
}

/* `metrics.accuracy`: the newest value of a metric. */
static Value *metric_value(const Ctx *c, const char *name, Loc loc) {
    Eval *e = c->e;
    int at = metric_named(e, name, loc);
    return at >= 0 && c->graph ? value_node(e, slot_node(c, e->t->metric[at].value_slot)) : value_poison(e);
}

/* `critic.distance`: a bare name that is no local name may mean a player or a source. */
static Value *member_owner(const Ctx *c, Scope *s, const Expr *x) {
    bool hidden = false;
    if (x->kind == EX_NAME && !scope_find(s, x->text, &hidden)) {
        Def *d = def_find(s->globals, x->text, 1u << DEF_PLAYER);
        if (d) {
            Value *v = value_none(c->e);
            v->kind = V_PLAYER;
            v->def = d;
            return v;
        }
    }
    return eval_expr(c, s, x);
}

static Value *eval_member(const Ctx *c, Scope *s, const Expr *x) {
    Eval *e = c->e;
    bool hidden = false;
    if (x->callee->kind == EX_NAME && !strcmp(x->callee->text, "metrics") && !scope_find(s, "metrics", &hidden))
        return metric_value(c, x->text, x->loc);
    Value *v = member_owner(c, s, x->callee);
    if (v->kind == V_POISON) return v;
    if (v->kind == V_SOURCE) return data_member(c, v->def, x->text, x->loc);
    if (v->kind == V_PLAYER) return player_member(c, v->def, x->text, x->loc);
    if (v->kind != V_RECORD) {
        const char *hint = v->kind == V_FUNCTION ? ": call it first" : "";
        diag_error(e->diags, x->loc, "'.%s' is asked of %s, which has no named parts%s", x->text, value_show(e, v), hint);
        return value_poison(e);
    }
    Value *part = value_member(v, x->text);
    if (part) return part;
    Nearest near = nearest_to(x->text);
    for (int i = 0; i < v->n; i++) nearest_add(&near, v->name[i]);
    diag_error(e->diags, x->loc, "there is no part '%s' in this record%s", x->text, nearest_hint(e->arena, &near));
    return value_poison(e);
}

static Value *eval_lambda(const Ctx *c, Scope *s, const Expr *x) {
    Eval *e = c->e;
    Function *f = ARENA_NEW(e->arena, Function);
    Head *head = ARENA_NEW(e->arena, Head);
    *head = (Head){.name = "the small function", .n = x->n, .arg = x->names, .loc = x->loc, .called = true};
    head->dflt = ARENA_ARRAY(e->arena, Expr *, x->n + 1);
    head->arg_loc = x->name_locs;
    *f = (Function){.kind = FN_LAMBDA, .name = head->name, .head = head, .lambda = x->callee, .scope = s};
    f->place = arena_copy(e->arena, c, sizeof *c);
    return value_function(e, f);
}

/* A bare word among the declared choices of an argument is that text. */
static Value *eval_argument(const Ctx *c, Scope *s, const Expr *x, const char *choices) {
    if (is_choice_name(s, x, choices)) return value_text(c->e, x->text);
    return eval_expr(c, s, x);
}

int head_position(const Head *h, const char *name) {
    for (int i = 0; h && i < h->n; i++)
        if (!strcmp(h->arg[i], name)) return i;
    return -1;
}

const char *argument_choices(Eval *e, const Function *f, int npos, int position, const char *name) {
    if (f->kind == FN_OPERATOR) {
        const Field *field = name ? field_find(op_meant(f->op, npos)->attr, name) : NULL;
        return field ? field->choices : NULL;
    }
    if (f->kind != FN_TEXT) return NULL;
    return choices_of(e, f, name ? head_position(f->head, name) : position, 0);
}

static Value *eval_call(const Ctx *c, Scope *s, const Expr *x) {
    Eval *e = c->e;
    Value *callee = x->callee->kind == EX_NAME ? scope_get(c, s, x->callee->text, x->callee->loc, true)
                                               : eval_expr(c, s, x->callee);
    if (callee->kind == V_POISON) return callee;
    if (callee->kind != V_FUNCTION) {
        diag_error(e->diags, x->callee->loc, "this is %s, it cannot be called", value_show(e, callee));
        return value_poison(e);
    }
    const Function *f = callee->function;
    Call call = {.site = x, .written = x->callee->kind == EX_NAME ? x->callee->text : "call", .loc = x->callee->loc,
                 .expr = x, .scope = s};
    if (f->kind == FN_BUILTIN && f->builtin->lazy) return call_function(c, f, &call);
    call.arg = ARENA_ARRAY(e->arena, Value *, x->n + 1);
    call.named = ARENA_ARRAY(e->arena, Value *, x->n + 1);
    call.name = ARENA_ARRAY(e->arena, const char *, x->n + 1);
    call.arg_loc = ARENA_ARRAY(e->arena, Loc, x->n + 1);
    call.name_loc = ARENA_ARRAY(e->arena, Loc, x->n + 1);
    Ctx inner = *c;
    inner.whole = NULL;
    if (f->kind == FN_BUILTIN && c->whole == x) inner.whole_name = c->whole_name;
    int npos = 0;
    for (int i = 0; i < x->n; i++) npos += !(x->names && x->names[i]);
    for (int i = 0; i < x->n; i++) {
        const char *name = x->names ? x->names[i] : NULL;
        Value *v = eval_argument(&inner, s, x->args[i], argument_choices(e, f, npos, i, name));
        if (name) {
            call.name[call.nnamed] = name;
            call.name_loc[call.nnamed] = x->name_locs[i];
            call.named[call.nnamed++] = v;
        } else {
            call.arg_loc[call.n] = x->args[i]->start;
            call.arg[call.n++] = v;
        }
    }
    return call_function(c, f, &call);
}

Value *eval_expr(const Ctx *c, Scope *s, const Expr *x) {
    Eval *e = c->e;
    switch (x->kind) {
    case EX_ERROR: return value_poison(e);
    case EX_NUMBER: return value_number(e, x->number, x->is_int);
    case EX_BOOL: return value_bool(e, x->truth);
    case EX_TEXT: return value_text(e, x->text);
    case EX_NAME: return scope_get(c, s, x->text, x->loc, false);
    case EX_LIST: return eval_list(c, s, x);
    case EX_CALL: return eval_call(c, s, x);
    case EX_MEMBER: return eval_member(c, s, x);
    case EX_INDEX: return apply_index(c, eval_expr(c, s, x->callee), x, s);
    case EX_LAMBDA: return eval_lambda(c, s, x);
    case EX_UNARY: return eval_unary(c, s, x);
    case EX_BINARY: return eval_binary(c, s, x);
    case EX_SLICE: case EX_NEW: break;
    }
    return value_poison(e);                           /* the parser makes these inside [ ] only */
}

Value *eval_doc(const Ctx *c, Scope *s, const Doc *d) {
    Eval *e = c->e;
    if (d->kind == DOC_LIST) {
        Value **item = ARENA_ARRAY(e->arena, Value *, d->n + 1);
        for (int i = 0; i < d->n; i++) item[i] = eval_doc(c, s, d->item[i]);
        return value_list(e, d->n, item);
    }
    if (d->kind == DOC_MAP) {
        const char **name = ARENA_ARRAY(e->arena, const char *, d->n + 1);
        Value **item = ARENA_ARRAY(e->arena, Value *, d->n + 1);
        for (int i = 0; i < d->n; i++) name[i] = d->entry[i].key, item[i] = eval_doc(c, s, d->entry[i].value);
        return value_record(e, d->n, name, item, false);
    }
    return eval_expr(c, s, doc_expr(e, d));
}
