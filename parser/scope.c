/* Scopes: names and their thunks. The nearest name wins; in its own value a local name means the outer one; a name
 * followed by '(' also skips arguments and local names whose value is no function. Behind all local names stand the
 * definitions of the spec, then those of the prelude, then operators and builtins.
 */
#include "parser/value.h"

#include <math.h>
#include <string.h>

Scope *scope_new(Eval *e, Scope *parent) {
    Scope *s = ARENA_NEW(e->arena, Scope);
    s->parent = parent;
    if (parent) s->globals = parent->globals, s->piped = parent->piped;
    return s;
}

static Local *bind(Eval *e, Scope *s, const char *name, Loc loc) {
    Local *b = ARENA_NEW(e->arena, Local);
    b->name = name;
    b->loc = loc;
    b->scope = s;
    b->next = s->first;
    s->first = b;
    return b;
}

Local *bind_value(Eval *e, Scope *s, const char *name, Loc loc, Value *v) {
    Local *b = bind(e, s, name, loc);
    b->value = v;
    return b;
}

Local *bind_doc(Eval *e, Scope *s, const DocEntry *entry, const Ctx *c) {
    Local *b = bind(e, s, entry->key, entry->loc);
    b->doc = entry->value;
    b->ctx = arena_copy(e->arena, c, sizeof *c);
    return b;
}

Def *def_find(const Globals *g, const char *name, unsigned kinds) {
    for (; g; g = g->below) {
        int at = names_find(&g->names, name);
        for (Def *d = at < 0 ? NULL : g->defs.at[at]; d; d = d->same)
            if (kinds >> d->kind & 1) return d;
    }
    return NULL;
}

/* The names between, from the one that closes the circle back. */
static void circle(Eval *e, const Local *b) {
    enum { MOST = 6 };
    diag_error(e->diags, b->loc, "'%s' needs its own value, directly or through others", b->name);
    const Local *by = e->forcing;
    for (int n = 0; by && by != b && n < MOST; by = by->asker, n++)
        diag_note(e->diags, by->loc, "'%s' stands between", by->name);
}

/* Evaluates the thunk in the context of the body it belongs to, not of whoever asks first. */
Value *binding_force(const Ctx *c, Local *b) {
    Eval *e = c->e;
    b->used = true;
    if (b->value) return b->value;
    if (b->running) {
        circle(e, b);
        return value_poison(e);
    }
    b->running = true;
    b->asker = e->forcing;
    e->forcing = b;
    Scope *s = scope_new(e, b->scope);
    s->hidden = b;
    Ctx mine = *b->ctx;
    Value *v;
    if (b->doc) {
        if (b->doc->kind == DOC_SCALAR) {
            mine.whole = doc_expr(e, b->doc);
            mine.whole_name = b->name;
        }
        v = eval_definition(&mine, s, b->doc, b->scope->piped);
    } else {
        v = eval_expr(&mine, s, b->expr);
    }
    b->running = false;
    e->forcing = b->asker;
    return b->value = v;
}

/* What was meant as a function and went wrong hides no other one: nothing more is said of it. */
static bool is_callable(const Value *v) { return v->kind == V_FUNCTION || v->kind == V_POISON; }

/* The nearest binding of that name. `called`: only one whose value is a function; one that is being evaluated is
 * passed over too, since a function needs no other name to be known. */
static Local *find(const Ctx *c, Scope *s, const char *name, bool called) {
    const Local *hidden[64];
    int nhidden = 0;
    for (; s; s = s->parent) {
        if (s->hidden && nhidden < 64) hidden[nhidden++] = s->hidden;
        for (Local *b = s->first; b; b = b->next) {
            if (strcmp(b->name, name)) continue;
            bool skip = false;
            for (int i = 0; i < nhidden; i++) skip = skip || hidden[i] == b;
            if (skip || (called && b->running)) continue;
            if (called && !is_callable(binding_force(c, b))) continue;
            return b;
        }
    }
    return NULL;
}

Local *scope_find(Scope *s, const char *name, bool *hidden) {
    for (; s; s = s->parent) {
        if (s->hidden && !strcmp(s->hidden->name, name)) *hidden = true;
        for (Local *b = s->first; b; b = b->next)
            if (!strcmp(b->name, name)) return b;
    }
    return NULL;
}

Value *operator_value(Eval *e, const char *name) {
    for (const Builtin *b = builtin_table; b->name; b++)
        if (!strcmp(b->name, name)) {
            Function *f = ARENA_NEW(e->arena, Function);
            *f = (Function){.kind = FN_BUILTIN, .name = b->name, .builtin = b};
            return value_function(e, f);
        }
    const Op *op = op_named(name);
    if (!op || !op->call) return NULL;
    Function *f = ARENA_NEW(e->arena, Function);
    *f = (Function){.kind = FN_OPERATOR, .name = op->name, .op = op};
    return value_function(e, f);
}

static Value *def_value(const Ctx *c, Def *d, Loc loc) {
    Eval *e = c->e;
    d->used = true;
    switch (d->kind) {
    case DEF_FUNCTION: case DEF_NETWORK: return value_function(e, &d->function);
    case DEF_ITERATION: return iteration_value(c, d, loc);
    case DEF_SOURCE: case DEF_PLAYER: {
        Value *v = value_none(e);
        v->kind = d->kind == DEF_SOURCE ? V_SOURCE : V_PLAYER;
        v->def = d;
        return v;
    }
    case DEF_VAR:
        if (!d->value) {
            if (d->running) {
                diag_error(e->diags, d->entry->loc, "'%s' needs its own value, directly or through others", d->name);
                return value_poison(e);
            }
            d->running = true;
            Ctx mine = {.e = e, .text = d, .draw = "vars", .constant = true, .tick = -1};
            d->value = eval_doc(&mine, &d->globals->scope, d->entry->value);
            d->running = false;
        }
        return d->value;
    case DEF_OPTIMIZER: break;
    }
    return NULL;
}

/* A bare word where an argument declares choices: one of them, or a word that means nothing else, which is then refused
 * as a choice and not as a name. */
bool is_choice_name(Scope *s, const Expr *x, const char *choices) {
    bool hidden = false;
    if (!choices || x->kind != EX_NAME || scope_find(s, x->text, &hidden)) return false;
    return field_choice(choices, x->text) >= 0 || (!def_find(s->globals, x->text, ~0u) && !op_named(x->text));
}

bool is_choice_word(const Ctx *c, Scope *s, const Doc *d, const char *choices) {
    return choices && d->kind == DOC_SCALAR && d->style != DOC_SINGLE && d->length && is_choice_name(s, doc_expr(c->e, d), choices);
}

/* Values that are there everywhere. */
static Value *ambient(const Ctx *c, const char *name, Loc loc) {
    Eval *e = c->e;
    if (!strcmp(name, "pi")) return value_number(e, acos(-1), false);
    if (!strcmp(name, "training")) return value_bool(e, c->training);
    int slot = -1;
    if (!strcmp(name, "step")) slot = e->t->step_slot;
    if (!strcmp(name, "total_step")) slot = e->t->total_step_slot;
    if (!strcmp(name, "epoch")) slot = e->t->epoch_slot;
    if (!strcmp(name, "turn") && c->build && c->build->player >= 0) slot = e->t->player[c->build->player].turn_slot;
    if (slot < 0) return NULL;
    if (c->graph && c->tick >= 0) return value_node(e, slot_node(c, slot));
    diag_error(e->diags, loc, "'%s' changes during the run: only constants may stand here%s", name,
               !strcmp(c->draw, "vars") ? "; write it where it is used: in a function, in `iteration`, in an optimiser's argument" : "");
    return value_poison(e);
}

/* `ema` outside the player that has it: 'generator.ema'. */
static const char *value_of_player(Eval *e, const Globals *g, const char *name) {
    for (int i = 0; i < g->defs.n; i++) {
        const Def *d = g->defs.at[i];
        const Doc *state = d->kind == DEF_PLAYER ? doc_get(d->entry->value, "state") : NULL;
        bool own = d->kind == DEF_PLAYER && !field_find(player_keys, name) && doc_entry(d->entry->value, name);
        if (own || (state && state->kind == DOC_MAP && doc_entry(state, name)))
            return arena_printf(e->arena, "%s.%s", d->name, name);
    }
    return NULL;
}

void unknown_name(Eval *e, const Globals *globals, Nearest *near, Loc loc, bool called) {
    for (const Globals *g = globals; g; g = g->below)
        for (int i = 0; i < g->defs.n; i++)
            if (g->defs.at[i]->kind != DEF_OPTIMIZER) nearest_add(near, g->defs.at[i]->name);
    for (const Builtin *b = builtin_table; b->name; b++) nearest_add(near, b->name);
    for (const Op *const *op = op_table; *op; op++)
        if ((*op)->call) nearest_add(near, (*op)->name);
    field_nearest(ambient_keys, near);
    const char *name = near->word, *owned = near->best && !near->distance ? NULL : value_of_player(e, globals, name);
    if (owned) near->best = owned, near->distance = 0;
    const char *hint = near->best || !called ? nearest_hint(e->arena, near) : "; 'graphrun show function' lists what can be called";
    if (!strcmp(name, "turn")) diag_error(e->diags, loc, "'turn' counts a player's own turns: only players have it");
    else diag_error(e->diags, loc, "unknown name '%s'%s", name, hint);
}

Value *scope_get(const Ctx *c, Scope *s, const char *name, Loc loc, bool called) {
    Local *b = find(c, s, name, called);
    if (b) return binding_force(c, b);
    const Globals *g = s->globals;
    unsigned kinds = ~(1u << DEF_OPTIMIZER | 1u << DEF_PLAYER);
    if (called) kinds = 1u << DEF_FUNCTION | 1u << DEF_NETWORK | 1u << DEF_VAR;
    Def *d = def_find(g, name, kinds);
    Value *v = d ? def_value(c, d, loc) : NULL;
    if (!v) v = ambient(c, name, loc);
    if (!v && !called && (d = def_find(g, name, 1u << DEF_PLAYER))) v = def_value(c, d, loc);
    if (!v) v = operator_value(c->e, name);
    if (v) return v;
    Nearest near = nearest_to(name);
    for (Scope *k = s; k; k = k->parent)
        for (Local *l = k->first; l; l = l->next) nearest_add(&near, l->name);
    unknown_name(c->e, s->globals, &near, loc, called);
    return value_poison(c->e);
}
