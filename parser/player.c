/* A player from inside and outside: its local names as a scope, and `PLAYER.name`, the latest value of one of them. Values
 * that are kept for an iteration are here too: they are read in the same way.
 */
#include "parser/playing.h"

#include "build.h"

#include <string.h>

/* The running values of `after`, whatever its form: a mapping, a call, or a list of both. */
static Doc *state_lines(Eval *e, const Doc *after, const Doc *state) {
    Doc *out = ARENA_NEW(e->arena, Doc);
    out->kind = DOC_MAP;
    int most = 0;
    for (int i = 0; after && i < (after->kind == DOC_LIST ? after->n : 1); i++)
        most += (after->kind == DOC_LIST ? after->item[i] : after)->n;
    out->entry = ARENA_ARRAY(e->arena, DocEntry, most + 1);
    for (int i = 0; after && i < (after->kind == DOC_LIST ? after->n : 1); i++) {
        const Doc *part = after->kind == DOC_LIST ? after->item[i] : after;
        for (int k = 0; part->kind == DOC_MAP && k < part->n; k++)
            if (state && doc_entry(state, part->entry[k].key)) out->entry[out->n++] = part->entry[k];
    }
    return out;
}

/* Binds a player's local names, its loss and its running values. */
Playing open_player(Eval *e, Build *b, Def *d) {
    Playing p = {.def = d};
    const Doc *body = d->entry->value;
    const Player *player = &e->t->player[d->index];
    b->player = d->index;
    p.ctx = ctx_new(e, b, d->name, d, true, player->total_slot);
    p.scope = scope_new(e, &d->globals->scope);
    p.scope->piped = NULL;
    for (int i = 0; i < body->n; i++) {
        const DocEntry *k = &body->entry[i];
        bool goal = !strcmp(k->key, "minimize") || !strcmp(k->key, "maximize");
        if (goal) p.goal = k;
        if (goal || !field_find(player_keys, k->key)) bind_doc(e, p.scope, k, &p.ctx);
    }
    const Doc *state = doc_get(body, "state"), *after = doc_get(body, "after");
    if (state) make_states(&p.ctx, p.scope, state, state_lines(e, after, state));
    p.after = ARENA_ARRAY(e->arena, const Doc *, after && after->kind == DOC_LIST ? after->n : 1);
    for (int i = 0; after && i < (after->kind == DOC_LIST ? after->n : 1); i++)
        p.after[p.nafter++] = after->kind == DOC_LIST ? after->item[i] : after;
    return p;
}

Local *own_binding(Scope *s, const char *name) {
    for (Local *b = s->first; b; b = b->next)
        if (!strcmp(b->name, name)) return b;
    return NULL;
}

bool player_has(Eval *e, const Def *player, const char *name, Loc loc) {
    const Doc *body = player->entry->value, *more[] = {doc_get(body, "state"), doc_get(body, "log")};
    Nearest near = nearest_to(name);
    for (int i = 0; i < body->n; i++) {
        const char *key = body->entry[i].key;
        bool goal = !strcmp(key, "minimize") || !strcmp(key, "maximize");
        if (!goal && field_find(player_keys, key)) continue;
        if (!strcmp(key, name)) return true;
        nearest_add(&near, key);
    }
    for (int m = 0; m < 2; m++)
        for (int i = 0; more[m] && more[m]->kind == DOC_MAP && i < more[m]->n; i++) {
            if (!strcmp(more[m]->entry[i].key, name)) return true;
            nearest_add(&near, more[m]->entry[i].key);
        }
    diag_error(e->diags, loc, "the player '%s' has no value '%s'%s", player->name, name, nearest_hint(e->arena, &near));
    return false;
}

/* PLAYER.name from outside: the latest value; its type is found by evaluating that player once, apart. */
static Value *latest_template(const Ctx *c, Def *d, const char *name, Loc loc) {
    Eval *e = c->e;
    const char *full = arena_printf(e->arena, "@latest/%s/%s", d->name, name);
    Value *template = kept_find(e, full);
    if (template) return template;
    if (d->running) {
        diag_error(e->diags, loc, "'%s.%s': these players need each other's shapes in a circle", d->name, name);
        return value_poison(e);
    }
    d->running = true;
    Unit u = {0};
    Build b = build_new(e, &u, full, loc);
    Playing p = open_player(e, &b, d);
    Local *own = own_binding(p.scope, name);
    const Doc *log = doc_get(d->entry->value, "log");
    const Doc *logged = log && log->kind == DOC_MAP ? doc_get(log, name) : NULL;
    Value *v = NULL;
    if (own) v = binding_force(&p.ctx, own);
    else if (logged) v = eval_doc(&p.ctx, p.scope, logged);
    d->running = false;
    if (!v || value_is_poison(v)) return value_poison(e);
    template = slot_template(&p.ctx, full, v, SLOT_LATEST, loc);
    if (!value_is_poison(template)) kept_add(e, full, template);
    return template;
}

Value *player_member(const Ctx *c, Def *d, const char *name, Loc loc) {
    Eval *e = c->e;
    const Doc *state = doc_get(d->entry->value, "state");
    if (!player_has(e, d, name, loc)) return value_poison(e);
    if (!c->graph || c->tick < 0) {
        diag_error(e->diags, loc, "'%s.%s' changes during the run: only constants may stand here", d->name, name);
        return value_poison(e);
    }
    if (state && state->kind == DOC_MAP && doc_entry(state, name)) {
        const char *full = arena_printf(e->arena, "%s/%s", d->name, name);
        if (!kept_find(e, full)) {
            Unit u = {0};
            Build b = build_new(e, &u, full, loc);
            open_player(e, &b, d);
        }
        Value *template = kept_find(e, full);
        return template ? template_load(c, template) : value_poison(e);
    }
    Value *template = latest_template(c, d, name, loc);
    if (value_is_poison(template)) return value_poison(e);
    bool known = false;
    for (int i = 0; i < d->asked.n; i++) known = known || !strcmp(d->asked.at[i], name);
    if (!known) {
        vec_push(e->arena, &d->asked, name);
        vec_push(e->arena, &d->asked_type, template);
    }
    return template_load(c, template);
}

/* ---- iteration values ------------------------------------------------------------------------------------------------------ */

Value *iteration_value(const Ctx *c, Def *d, Loc loc) {
    Eval *e = c->e;
    const Doc *body = d->entry->value;
    const char *name = arena_printf(e->arena, "@iteration/%s", d->name);
    bool alias = body->kind == DOC_SCALAR && is_fixed(doc_expr(e, body));
    if (!d->value && d->running) {
        diag_error(e->diags, loc, "'%s' needs its own value, directly or through others", d->name);
        return value_poison(e);
    }
    if (!d->value) {
        d->running = true;
        IterationValue *it = &e->t->iteration[d->index];
        Build b = build_new(e, &it->unit, arena_printf(e->arena, "iteration %s", d->name), d->entry->loc);
        it->unit.plays = true;
        Ctx ic = ctx_new(e, &b, arena_printf(e->arena, "iteration/%s", d->name), d, true, e->t->total_step_slot);
        ic.update = UPDATE_NEVER;
        Value *v, *template;
        if (alias) {                                  /* the fixed value itself: nothing to compute in an iteration */
            v = make_fixed(&ic, &d->globals->scope, doc_expr(e, body));
            template = kept_find(e, arena_printf(e->arena, "@fixed/iteration/%s/%d", d->name, 1));
        } else {
            v = body->kind == DOC_LIST ? eval_doc(&ic, &d->globals->scope, body)
                                       : eval_definition(&ic, &d->globals->scope, body, NULL);
            template = value_is_poison(v) ? NULL : slot_template(&ic, name, v, SLOT_ITERATION, d->entry->loc);
            if (template && !template_store(&ic, template, v, NULL, d->entry->loc)) template = NULL;
        }
        d->running = false;
        build_done(e, &b, 0, NULL, NULL);
        for (int i = 0; i < b.sources.n && !alias; i++) {
            const SourceUse *use = &e->t->source[b.sources.at[i]];
            if (source_rest(use->source))
                diag_error(e->diags, d->entry->loc, "the iteration value '%s' has one shape in the whole run, and the last batch of '%s' is "
                                                    "not full: `last: drop`, or use the source in the players", d->name, use->name);
        }
        if (!template || value_is_poison(template)) return value_poison(e);
        d->value = template;
    }
    if (!c->graph || (c->tick < 0 && !alias)) {
        diag_error(e->diags, loc, "'%s' is computed in each iteration: only constants may stand here", d->name);
        return value_poison(e);
    }
    if (!alias) {
        bool known = false;
        for (int i = 0; i < c->build->iterations.n; i++) known = known || c->build->iterations.at[i] == d->index;
        if (!known) vec_push(e->arena, &c->build->iterations, d->index);
    }
    return template_load(c, d->value);
}
