/* Running values and fixed values. The type of a running value is that of its next value evaluated with the initial
 * one in its place; evaluating once more must change nothing.
 */
#include "parser/value.h"

#include "build.h"

#include <string.h>

/* ---- fixed(expression) --------------------------------------------------------------------------------------------- */

bool is_fixed(const Expr *x) { return x->kind == EX_CALL && x->callee->kind == EX_NAME && !strcmp(x->callee->text, "fixed"); }

Value *make_fixed(const Ctx *c, Scope *s, const Expr *call) {
    Eval *e = c->e;
    if (call->n != 1 || call->names[0]) {
        diag_error(e->diags, call->loc, "fixed(expression) takes one expression");
        return value_poison(e);
    }
    const char *place = c->path ? c->path : c->draw;
    const char *name = arena_printf(e->arena, "@fixed/%s/%d", place, site_of(e, c->text, call)->number);
    Value *template = kept_find(e, name);
    if (!template) {
        Unit u = {0};
        Build b = build_new(e, &u, name, call->loc);
        Ctx fc = ctx_new(e, &b, name, c->text, false, -1);
        Value *v = eval_expr(&fc, s, call->args[0]);
        if (value_is_poison(v)) return value_poison(e);
        template = slot_template(&fc, name, v, SLOT_FIXED, call->loc);
        if (value_is_poison(template)) return template;
        if (!template_store(&fc, template, v, NULL, call->loc)) return value_poison(e);
        build_done(e, &b, 0, NULL, NULL);
        *initial_unit(e) = u;
        kept_add(e, name, template);
    }
    if (!c->graph) return value_poison(e);
    return template_load(c, template);
}

/* ---- running values ------------------------------------------------------------------------------------------------ */

static Value *initial_value(const Ctx *c, Scope *s, const Doc *d, const char *name, Build *b) {
    Ctx ic = ctx_new(c->e, b, arena_printf(c->e->arena, "init/%s", name), c->text, false, -1);
    ic.probing = true;
    return eval_doc(&ic, s, d);
}

/* A value of the same form, of constants: what is looked at is its type. */
static Value *stand_in(const Ctx *c, const Value *v) {
    Tensor t;
    if (value_constant(v, &t)) return value_node(c->e, g_full(c->graph, t, t.shape.rank ? 0 : v->number));
    if (v->kind == V_NODE) return value_node(c->e, g_full(c->graph, v->node->type, 0));
    Value *out = arena_copy(c->e->arena, v, sizeof *v);
    if (v->kind != V_LIST && v->kind != V_RECORD) return out;
    out->item = ARENA_ARRAY(c->e->arena, Value *, v->n + 1);
    for (int i = 0; i < v->n; i++) out->item[i] = stand_in(c, v->item[i]);
    return out;
}

static bool same_types(const Value *a, const Value *b) {
    if (a->kind == V_LIST || a->kind == V_RECORD) {
        if (b->kind != a->kind || b->n != a->n) return false;
        for (int i = 0; i < a->n; i++)
            if (!same_types(a->item[i], b->item[i])) return false;
        return true;
    }
    if (a->kind != V_NODE || b->kind != V_NODE) return a->kind == b->kind && a->is_int == b->is_int;
    return tensor_equal(&a->node->type, &b->node->type);
}

/* A fresh copy of the body's local names, with the running values standing in: what the next values are made of. */
static Scope *probe_scope(const Ctx *pc, Scope *s, int n, const DocEntry *state, Value *const *stand) {
    Eval *e = pc->e;
    Scope *p = scope_new(e, s->parent);
    p->piped = s->piped;
    for (Local *b = s->first; b; b = b->next) {
        if (!b->doc && !b->expr) continue;
        Local *copy = bind_value(e, p, b->name, b->loc, NULL);
        copy->doc = b->doc;
        copy->expr = b->expr;
        copy->ctx = pc;
    }
    for (int i = 0; i < n; i++) bind_value(e, p, state[i].key, state[i].loc, stand[i]);
    return p;
}

/* The values of the states' types after the rule above, or false with a message. */
static bool find_types(const Ctx *c, Scope *s, int n, const DocEntry *state, const Doc *after, Value **type) {
    Eval *e = c->e;
    Ctx *pc = arena_copy(e->arena, c, sizeof *c);
    pc->probing = true;
    pc->tracing = false;
    pc->training = true;
    Value **stand = ARENA_ARRAY(e->arena, Value *, n);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < n; i++) stand[i] = stand_in(pc, type[i]);
        Scope *p = probe_scope(pc, s, n, state, stand);
        bool same = true;
        for (int i = 0; i < n; i++) {
            const Doc *next = after ? doc_get(after, state[i].key) : NULL;
            if (!next) continue;
            Value *v = eval_doc(pc, p, next);
            if (value_is_poison(v)) return false;
            v = stand_in(pc, v);
            same = same && same_types(v, stand[i]);
            type[i] = v;
        }
        if (same) return true;
    }
    diag_error(e->diags, state[0].loc, "the shape of the running value '%s' changes with every turn", state[0].key);
    return false;
}

static Value *state_template(const Ctx *c, const char *name, const DocEntry *state, Value *type, Value *initial, Unit *u,
                             Build *b) {
    Eval *e = c->e;
    Value *template = slot_template(c, name, type, SLOT_STATE, state->loc);
    if (value_is_poison(template)) return template;
    bool number = template->kind == V_NUMBER && (initial->kind == V_NUMBER || initial->kind == V_BOOL);
    DType to = number ? e->t->slots->all.at[(int)template->number].type.dtype : DTYPES;
    bool converts = initial->kind == V_BOOL || to == F32 || (to == I32 && initial->is_int);
    if (number && converts) {
        e->t->slots->all.at[(int)template->number].fill = initial->number;
    } else {
        Ctx ic = ctx_new(e, b, name, c->text, false, -1);
        if (!template_store(&ic, template, initial, NULL, state->loc)) return value_poison(e);
        build_done(e, b, 0, NULL, NULL);
        *initial_unit(e) = *u;
    }
    kept_add(e, name, template);
    return template;
}

static bool make_missing(const Ctx *c, Scope *s, const Doc *state, const Doc *after, const char *place, Value **template) {
    Eval *e = c->e;
    int n = state->n;
    Value **type = ARENA_ARRAY(e->arena, Value *, n), **initial = ARENA_ARRAY(e->arena, Value *, n);
    Unit *u = ARENA_ARRAY(e->arena, Unit, n);
    Build *b = ARENA_ARRAY(e->arena, Build, n);
    for (int i = 0; i < n; i++) {
        const char *name = arena_printf(e->arena, "%s/%s", place, state->entry[i].key);
        b[i] = build_new(e, &u[i], name, state->entry[i].loc);
        type[i] = initial[i] = initial_value(c, s, state->entry[i].value, name, &b[i]);
        if (value_is_poison(initial[i])) return false;
    }
    if (!find_types(c, s, n, state->entry, after, type)) return false;
    for (int i = 0; i < n; i++) {
        const char *name = arena_printf(e->arena, "%s/%s", place, state->entry[i].key);
        template[i] = state_template(c, name, &state->entry[i], type[i], initial[i], &u[i], &b[i]);
        if (value_is_poison(template[i])) return false;
    }
    return true;
}

static void add_states(Eval *e, Def *network, const Value *template) {
    for (int i = 0; template->kind != V_NUMBER && i < template->n; i++) add_states(e, network, template->item[i]);
    bool known = template->kind != V_NUMBER;
    for (int i = 0; i < network->states.n; i++) known = known || network->states.at[i] == (int)template->number;
    if (!known) vec_push(e->arena, &network->states, (int)template->number);
}

static int first_slot(const Value *template) {
    while (template->kind != V_NUMBER && template->n) template = template->item[0];
    return template->kind == V_NUMBER ? (int)template->number : -1;
}

static bool is_state(const Doc *state, const char *key) { return state && doc_entry(state, key); }

void make_states(const Ctx *c, Scope *s, const Doc *state, const Doc *after) {
    Eval *e = c->e;
    if (state && state->kind != DOC_MAP) {
        diag_error(e->diags, state->loc, "'state' is a mapping of names to initial values");
        return;
    }
    if (after && after->kind != DOC_MAP) {
        diag_error(e->diags, after->loc, "'after' of a function is a mapping: running values, or parameters(...), and what they become");
        after = NULL;
    }
    int n = state ? state->n : 0;
    const char *place = c->network ? c->path : c->draw;
    Value **template = ARENA_ARRAY(e->arena, Value *, n + 1);
    bool known = true, fixed = n && !c->graph;
    if (fixed) diag_error(e->diags, state->loc, "running values where only constants may stand");
    if (fixed) diag_calls(e->diags);
    for (int i = 0; i < n; i++) {
        template[i] = kept_find(e, arena_printf(e->arena, "%s/%s", place, state->entry[i].key));
        known = known && template[i];
    }
    bool ok = !fixed && (known || make_missing(c, s, state, after, place, template));
    for (int i = 0; c->network && ok && i < n; i++) {
        int slot = first_slot(template[i]);
        ok = slot < 0 || made_once(c, slot, "the running value", state->entry[i].loc);
        add_states(e, c->network, template[i]);
    }
    for (int i = 0; i < n; i++) {
        Value *v = ok ? template_load(c, template[i]) : value_poison(e);
        bind_value(e, s, state->entry[i].key, state->entry[i].loc, v);
    }
    for (int i = 0; after && i < after->n; i++) {
        const DocEntry *k = &after->entry[i];
        if (!is_state(state, k->key)) {
            if (c->after) after_entry(c, s, k);
            else if (!c->probing && !e->shaping)
                diag_error(e->diags, k->loc, "'%s' is no running value of this function: parameters are assigned only by "
                                             "functions that a player's 'after' calls", k->key);
            continue;
        }
        if (!ok || c->probing || !c->build->turn || c->update == UPDATE_NEVER) continue;
        int at = 0;
        while (strcmp(state->entry[at].key, k->key)) at++;
        Pending p = {template[at], c->build->player, c->chain, c->network, k->value, s,
                     arena_copy(e->arena, c, sizeof *c), k->key};
        vec_push(e->arena, &c->build->pending, p);
    }
}
