/* Calls: arguments meet parameters; paths, modes and networks change hands here. */
#include "parser/value.h"

#include "build.h"

#include <string.h>

enum { DEEPEST_CALL = 150 };

/* ---- arguments --------------------------------------------------------------------------------------------------- */

bool reserved_argument(const char *name) { return field_find(call_keys, name) != NULL; }

static char *head_show(Eval *e, const Head *h) {
    char *s = arena_printf(e->arena, "%s(", h->name);
    for (int i = 0; i < h->n; i++) s = arena_printf(e->arena, "%s%s%s%s", s, i ? ", " : "", h->arg[i], h->dflt[i] ? "=" : "");
    return arena_printf(e->arena, "%s)", s);
}

static const char *call_key_names(Eval *e) {
    const char *all = "";
    for (const Field *f = call_keys; f->name; f++)
        all = arena_printf(e->arena, "%s%s%s", all, f == call_keys ? "" : f[1].name ? ", " : " and ", f->name);
    return all;
}

void note_head(Eval *e, const Head *h) {
    if (h->loc.file != e->prelude->scope.globals->defs.at[0]->entry->loc.file) diag_note(e->diags, h->loc, "it is defined here");
}

void refuse_argument(Eval *e, const Head *h, bool of_network, const char *name, Loc loc) {
    Nearest near = nearest_to(name);
    for (int i = 0; i < h->n; i++) nearest_add(&near, h->arg[i]);
    field_nearest(call_keys, &near);
    const char *hint = nearest_hint(e->arena, &near);
    if (!near.best && of_network) hint = arena_printf(e->arena, "; beside its arguments every call takes %s", call_key_names(e));
    diag_error(e->diags, loc, "%s has no argument '%s'%s", head_show(e, h), name, hint);
    note_head(e, h);
}

/* `padding=same` in a head, where the argument is handed on to one that declares choices. */
static bool is_choice_default(Eval *e, const Function *f, int i) {
    const Expr *x = f->head->dflt[i];
    return x->kind == EX_NAME && is_choice_name(f->scope, x, choices_of(e, f, i, 0));
}

/* `conv: [1, 3]`: what is missing stands in a list, which is one argument. */
static const char *list_hint(Eval *e, const Head *h, const Call *call, int missing) {
    const Value *list = call->n == 2 ? call->arg[1] : NULL;
    if (!list || list->kind != V_LIST || missing > list->n || call->nnamed) return "";
    const char *all = "";
    for (int i = 0; i < list->n && i + 1 < h->n; i++)
        all = arena_printf(e->arena, "%s%s%s: %s", all, i ? ", " : "", h->arg[i + 1],
                           list->item[i]->kind == V_NODE ? "..." : value_show(e, list->item[i]));
    return arena_printf(e->arena, "; the list is one argument, '%s': write {%s}", h->arg[1], all);
}

/* What the call gives argument i of the head: value[i] at loc[i]; NULL where it gives none. *unknown: a name is no argument. */
static bool match_arguments(Eval *e, const Function *f, const Call *call, Value **value, Loc *loc, bool *unknown) {
    const Head *h = f->head;
    bool ok = true;
    *unknown = false;
    if (call->n > h->n) {
        diag_error(e->diags, call->n ? call->arg_loc[h->n] : call->loc, "%s takes %d argument%s, this call gives %d",
                   head_show(e, h), h->n, h->n == 1 ? "" : "s", call->n);
        note_head(e, h);
        ok = false;
    }
    for (int i = 0; i < h->n; i++) value[i] = i < call->n ? call->arg[i] : NULL, loc[i] = i < call->n ? call->arg_loc[i] : call->loc;
    for (int k = 0; k < call->nnamed; k++) {
        int i = head_position(h, call->name[k]);
        if (i >= 0 && value[i]) {
            diag_error(e->diags, call->name_loc[k], "'%s' is given twice", h->arg[i]);
            ok = false;
        }
        if (i >= 0) value[i] = call->named[k], loc[i] = call->name_loc[k];
        if (i >= 0 || reserved_argument(call->name[k])) continue;
        refuse_argument(e, h, f->def->kind == DEF_NETWORK, call->name[k], call->name_loc[k]);
        *unknown = true;
    }
    return ok && !*unknown;
}

/* Binds arguments and defaults in s. Defaults are evaluated where the function stands and may use earlier arguments. */
static bool bind_arguments(const Ctx *inner, const Function *f, const Call *call, Scope *s) {
    Eval *e = inner->e;
    const Head *h = f->head;
    Value **value = ARENA_ARRAY(e->arena, Value *, h->n + 1);
    Loc *loc = ARENA_ARRAY(e->arena, Loc, h->n + 1);
    bool unknown, ok = match_arguments(e, f, call, value, loc, &unknown);
    for (int i = 0; i < h->n; i++) {
        Local *b = bind_value(e, s, h->arg[i], h->arg_loc ? h->arg_loc[i] : h->loc, value[i]);
        b->argument = true;
        if (value[i]) continue;
        if (!h->dflt[i]) {                            /* a misspelt argument is what is missing */
            if (!unknown) {
                diag_error(e->diags, call->loc, "%s: '%s' is missing%s", head_show(e, h), h->arg[i], list_hint(e, h, call, i));
                note_head(e, h);
            }
            b->value = value_poison(e);
            ok = false;
        } else if (is_choice_default(e, f, i)) {
            b->value = value_text(e, h->dflt[i]->text);
        } else {
            b->expr = h->dflt[i];
            b->ctx = arena_copy(e->arena, inner, sizeof *inner);
        }
    }
    const Doc *ranges = is_body(f->body) ? doc_get(f->body, "ranges") : NULL;
    return ok && (!ranges || ranges_hold(inner, h, f->scope, ranges, value, loc));
}

static Value *named_argument(const Call *call, const char *name, Loc *loc) {
    for (int k = 0; k < call->nnamed; k++)
        if (!strcmp(call->name[k], name)) {
            *loc = call->name_loc[k];
            return call->named[k];
        }
    return NULL;
}

/* ---- the call itself ---------------------------------------------------------------------------------------------- */

/* `training=` or `update=` into *out; false with a message where it is neither true nor false. */
static bool take_switch(Eval *e, const Call *call, const char *name, const Value **out) {
    Loc loc;
    const Value *v = *out = named_argument(call, name, &loc);
    if (!v || v->kind == V_BOOL) return true;
    if (v->kind != V_POISON)
        diag_error(e->diags, loc, "'%s' is true or false, known before the run, not %s", name, value_show(e, v));
    return false;
}

/* training=, update=, parameters=: what every call of a function with a text takes besides its arguments. */
static bool take_modes(Ctx *inner, const Function *f, const Call *call) {
    Eval *e = inner->e;
    Loc loc;
    const Value *training, *update, *v = named_argument(call, "parameters", &loc);
    if (e->shaping && f->def->kind == DEF_NETWORK && !f->def->shaped) v = NULL;       /* its first call makes its own */
    if (v && (v->kind != V_RECORD || f->def->kind != DEF_NETWORK)) {
        if (v->kind != V_POISON)
            diag_error(e->diags, loc, "'parameters' takes a collection of the network's form, in a call of a network; this is %s",
                       value_show(e, v));
        return false;
    }
    if (v && value_is_poison(v)) return false;
    if (v && !parameters_fit(inner, f->def, v, loc)) return false;
    if (v) inner->parameters = v, inner->update = UPDATE_NEVER;
    if (!take_switch(e, call, "training", &training) || !take_switch(e, call, "update", &update)) return false;
    if (training) inner->training = training->number != 0;
    if (update && update->number != 0 && inner->round) {
        diag_error(e->diags, call->loc, "running values do not move in a loop: leave 'update=true' out");
        return false;
    }
    if (update) inner->update = update->number != 0 ? UPDATE_ALWAYS : UPDATE_NEVER;
    return true;
}

static const Chain *chain_on(const Ctx *c, int ordinal, int copy) {
    return arena_copy(c->e->arena, &(Chain){c->chain, ordinal, copy, c->chain ? c->chain->depth + 1 : 1}, sizeof(Chain));
}

static bool leads_to(const Def *from, const Def *to) {
    bool leads = from == to;
    for (int i = 0; i < from->nested.n && !leads; i++) leads = leads_to(from->nested.at[i], to);
    return leads;
}

/* Notes that a network calls this one; not where that would make a circle, also one through an argument, which the text
 * alone does not show. */
static bool nest(Eval *e, Def *outer, Def *d, Loc loc) {
    for (int i = 0; outer && i < outer->nested.n; i++)
        if (outer->nested.at[i] == d) return true;
    if (outer && leads_to(d, outer)) {
        refuse_circle(e, d, loc);
        return false;
    }
    if (outer) vec_push(e->arena, &outer->nested, d);
    return true;
}

/* A network that is given images of one size here and of another there works where it is fully convolutional or pools;
 * more often it is a slip that nothing else shows. Axis 0 may differ. */
static void compare_shapes(const Ctx *c, const Def *network, const Scope *arguments, Loc loc) {
    Eval *e = c->e;
    for (const Local *a = arguments->first; a; a = a->next) {
        if (!a->value || a->value->kind != V_NODE) continue;
        Given now = {network, a->name, a->value->node->type.shape, diags_reader(e->diags, loc), false}, *other = NULL;
        for (int i = 0; i < c->build->given.n && !other; i++)
            if (c->build->given.at[i].network == network && !strcmp(c->build->given.at[i].argument, a->name)) other = &c->build->given.at[i];
        if (!other) {
            vec_push(e->arena, &c->build->given, now);
            continue;
        }
        Shape s = now.shape;
        if (s.rank && other->shape.rank) s.dim[0] = other->shape.dim[0];
        if (other->said || shape_equal(&s, &other->shape)) continue;
        other->said = true;
        diag_warn(e->diags, loc, "'%s' of '%s' is %s here and %s in another call of this turn: is that meant?", a->name, network->name,
                  shape_show(&now.shape, e->arena), shape_show(&other->shape, e->arena));
        diag_note(e->diags, other->loc, "the other call is here");
    }
}

static Value *call_text(const Ctx *c, const Function *f, const Call *call) {
    Eval *e = c->e;
    Def *d = f->def;
    if (d->recursive) return value_poison(e);
    if (c->depth >= DEEPEST_CALL) {
        diag_error(e->diags, call->loc, "calls nest more than %d deep here; if '%s' leads back to itself: recursion is refused",
                       DEEPEST_CALL, f->name);
        return value_poison(e);
    }
    const Site *site = site_of(e, c->text, call->site);
    Loc loc;
    Value *named = named_argument(call, "name", &loc);
    bool own_name = named && named->kind == V_TEXT;
    if (named && !own_name) {
        if (named->kind != V_POISON)
            diag_error(e->diags, loc, "'name' is text in single quotes, not %s", value_show(e, named));
        return value_poison(e);
    }
    const char *part = own_name ? named->text : arena_printf(e->arena, "%s_%d", call->written, site->number);
    Ctx inner = *c;
    inner.depth++;
    inner.whole = NULL;
    inner.text = d;
    inner.chain = chain_on(c, site->ordinal, 0);
    inner.draw = path_join(e, c->draw, part);
    if (!take_modes(&inner, f, call)) return value_poison(e);
    bool network = d->kind == DEF_NETWORK;
    if (network && !c->graph) {
        diag_error(e->diags, call->loc, "the network '%s' is called where only constants may stand", d->name);
        return value_poison(e);
    }
    if (network) {
        d->called = true;
        if (!nest(e, c->network, d, call->loc)) return value_poison(e);
        inner.network = d;
        inner.path = d->name;
        inner.entered = inner.chain;
    } else if (c->path) {
        inner.path = path_join(e, c->path, part);
    }
    Scope *s = scope_new(e, f->scope);
    if (!bind_arguments(&inner, f, call, s)) return value_poison(e);
    if (network && !c->network && !e->shaping && !c->probing && c->build && c->build->turn) compare_shapes(c, d, s, call->loc);
    s->piped = NULL;
    for (Local *b = s->first; b; b = b->next)
        if (!strcmp(b->name, f->head->arg[0])) s->piped = b->value;
    if (network && !d->traced && !e->shaping && !c->probing) inner.tracing = d->traced = true;
    else if (network) inner.tracing = false;
    Caller *caller = ARENA_NEW(e->arena, Caller);     /* nodes keep it */
    *caller = (Caller){call->loc, f->name, d->entry->loc.file, d->globals == e->prelude, network, e->diags->caller};
    bool row = call->expr && !network && traces(c);
    int at = row ? trace_begin(c, inner.path, expr_show(call->expr, e->arena), true, call->loc) : -1, nodes = row ? c->graph->node.n : 0;
    e->diags->caller = caller;
    Value *v = eval_definition(&inner, s, f->body, s->piped);
    e->diags->caller = caller->outer;
    if (row) trace_end(c, at, nodes, v);
    if (network && !value_is_poison(v)) d->shaped = true;
    return v;
}

Ctx copy_ctx(const Ctx *c, int number) {       /* each copy is a place of its own */
    Eval *e = c->e;
    const char *part = arena_printf(e->arena, "%d", number);
    Ctx inner = *c;
    inner.chain = chain_on(c, 0, number);
    inner.draw = path_join(e, c->draw, part);
    if (c->path) inner.path = path_join(e, c->path, part);
    return inner;
}

/* A small function's text stands where it was written; copies made of a list between there and its call are places of their
 * own, so their numbers follow. */
static const char *copied_path(Eval *e, const char *path, const Chain *written, const Chain *at) {
    const Chain *outer = written;
    while (outer && at && outer->depth > at->depth) outer = outer->outer;
    if (!at || outer == at) return path;
    path = copied_path(e, path, written, at->outer);
    return at->copy ? path_join(e, path, arena_printf(e->arena, "%d", at->copy)) : path;
}

static Value *call_lambda(const Ctx *c, const Function *f, const Call *call) {
    Eval *e = c->e;
    if (call->n != f->head->n || call->nnamed) {
        diag_error(e->diags, call->loc, "this small function takes %d argument%s, it is given %d", f->head->n,
                   f->head->n == 1 ? "" : "s", call->n + call->nnamed);
        return value_poison(e);
    }
    Scope *s = scope_new(e, f->scope);
    for (int i = 0; i < call->n; i++) bind_value(e, s, f->head->arg[i], call->loc, call->arg[i])->argument = true;
    Ctx inner = *c;                                   /* the caller's graph and mode, the text it was written in */
    inner.text = f->place->text;
    inner.network = f->place->network;
    inner.entered = f->place->entered;
    inner.path = f->place->path ? copied_path(e, f->place->path, f->place->chain, c->chain) : NULL;
    const Site *site = site_of(e, c->text, call->site);
    inner.draw = path_join(e, c->draw, arena_printf(e->arena, "%s_%d", call->written, site->number));
    inner.chain = chain_on(c, site->ordinal, 0);
    inner.depth++;
    inner.whole = NULL;
    if (inner.depth >= DEEPEST_CALL) {
        diag_error(e->diags, call->loc, "calls of small functions nest more than %d deep here", DEEPEST_CALL);
        return value_poison(e);
    }
    return eval_expr(&inner, s, f->lambda);
}

/* Sorts named arguments into the order of the signature "x, shape, keep=". */
static Value *call_builtin(const Ctx *c, const Function *f, const Call *call) {
    Eval *e = c->e;
    const Builtin *b = f->builtin;
    if (b->lazy) {
        if (!call->expr) {
            diag_error(e->diags, call->loc, "'%s' is no layer: write it as an expression, x -> %s(...)", b->name, b->name);
            return value_poison(e);
        }
        return b->apply(c, 0, (Value **)call->scope, call->loc, call->expr);
    }
    Value *arg[8] = {0};
    int n = 0, at = 0;
    if (b->variadic) {
        arg[n++] = value_list(e, call->n, call->arg);
        at = call->n;
    }
    bool *taken = ARENA_ARRAY(e->arena, bool, call->nnamed + 1);
    const char *p = b->call;
    if (b->variadic) p += strcspn(p, ",");
    for (; *p; n++) {
        p += strspn(p, ", ");
        size_t len = strcspn(p, ",=");
        bool optional = p[len] == '=';
        Value *v = at < call->n ? call->arg[at++] : NULL;
        for (int k = 0; k < call->nnamed; k++)
            if (strlen(call->name[k]) == len && !strncmp(call->name[k], p, len)) {
                if (v) {
                    diag_error(e->diags, call->name_loc[k], "%s(%s): '%s' is given twice", b->name, b->call, call->name[k]);
                    return value_poison(e);
                }
                v = call->named[k], taken[k] = true;
            }
        if (!v && !optional) {
            diag_error(e->diags, call->loc, "%s(%s): '%.*s' is missing", b->name, b->call, (int)len, p);
            return value_poison(e);
        }
        if (n < 8) arg[n] = v;
        p += strcspn(p, ",");
    }
    for (int k = 0; k < call->nnamed; k++)
        if (!taken[k]) {
            refuse_keyword(e, b->name, b->call, call->name[k], call->name_loc[k]);
            return value_poison(e);
        }
    if (at < call->n) {
        diag_error(e->diags, call->loc, "%s(%s) was given %d arguments", b->name, b->call, call->n);
        return value_poison(e);
    }
    for (int i = 0; i < n && i < 8; i++)
        if (arg[i] && arg[i]->kind == V_POISON) return arg[i];
    Ctx inner = *c;
    if (c->whole != call->expr || !call->expr) inner.whole_name = NULL;
    inner.chain = chain_on(c, site_of(e, c->text, call->site)->ordinal, 0);
    return b->apply(&inner, n, arg, call->loc, call->expr);
}

Value *call_function(const Ctx *c, const Function *f, const Call *call) {
    switch (f->kind) {
    case FN_TEXT: return call_text(c, f, call);
    case FN_LAMBDA: return call_lambda(c, f, call);
    case FN_BUILTIN: return call_builtin(c, f, call);
    case FN_OPERATOR: return apply_op(c, op_meant(f->op, call->n), call->n, call->arg, call->nnamed, call->name, call->named, call->loc);
    }
    return value_poison(c->e);
}

Value *call_value(const Ctx *c, const Site *site, const Value *f, int n, Value **arg, Loc loc) {
    Eval *e = c->e;
    if (f->kind == V_POISON) return value_poison(e);
    if (f->kind != V_FUNCTION) {
        diag_error(e->diags, loc, "a function is wanted, this is %s", value_show(e, f));
        return value_poison(e);
    }
    Loc *locs = ARENA_ARRAY(e->arena, Loc, n + 1);
    for (int i = 0; i < n; i++) locs[i] = loc;
    Call call = {.written = f->function->name, .loc = loc, .n = n, .arg = arg, .arg_loc = locs};
    if (site) call.site = site->site, call.written = site->written;
    return call_function(c, f->function, &call);
}
