/* Turns: one player, or several together, as one graph: losses, gradients, optimisers, and what happens after. All
 * gradients are of the same values; then all parameters move; then `after` and the running values, which see the new
 * parameters in `parameters(...)` and in calls, and the turn's values under every other name.
 */
#include "parser/value.h"

#include "build.h"
#include "grad/grad.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    Def *def;
    Ctx ctx;
    Scope *scope;
    const DocEntry *goal;                             /* minimize or maximize */
    Value *loss;
    Node *gate;
    int nmoved;
    Moved *moved;
    const Doc **after;                                /* expressions and mappings of `after`, in order */
    int nafter;
} Playing;

/* ---- a player's names -------------------------------------------------------------------------------------------- */

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
static Playing open_player(Eval *e, Build *b, Def *d) {
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

static Local *own_binding(Scope *s, const char *name) {
    for (Local *b = s->first; b; b = b->next)
        if (!strcmp(b->name, name)) return b;
    return NULL;
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
    if (!v) {
        Nearest near = nearest_to(name);
        for (Local *k = p.scope->first; k; k = k->next) nearest_add(&near, k->name);
        for (int i = 0; log && log->kind == DOC_MAP && i < log->n; i++) nearest_add(&near, log->entry[i].key);
        diag_error(e->diags, loc, "the player '%s' has no value '%s'%s", d->name, name, nearest_hint(e->arena, &near));
        return value_poison(e);
    }
    if (value_is_poison(v)) return value_poison(e);
    template = slot_template(&p.ctx, full, v, SLOT_LATEST, loc);
    if (!value_is_poison(template)) kept_add(e, full, template);
    return template;
}

Value *player_member(const Ctx *c, Def *d, const char *name, Loc loc) {
    Eval *e = c->e;
    const Doc *state = doc_get(d->entry->value, "state");
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

/* ---- what moves --------------------------------------------------------------------------------------------------- */

static void add_moved(Eval *e, Playing *p, int slot) {
    for (int i = 0; i < p->nmoved; i++)
        if (p->moved[i].slot == slot) return;
    Moved *grown = ARENA_ARRAY(e->arena, Moved, p->nmoved + 1);
    if (p->nmoved) memcpy(grown, p->moved, sizeof *grown * (size_t)p->nmoved);
    grown[p->nmoved++] = (Moved){.slot = slot};
    p->moved = grown;
}

static bool add_selection(Playing *p, const Value *v, Loc loc) {
    Eval *e = p->ctx.e;
    if (v->kind == V_POISON) return false;
    if (v->kind == V_LIST) {
        bool ok = true;
        for (int i = 0; i < v->n; i++) ok = add_selection(p, v->item[i], loc) && ok;
        return ok;
    }
    if (v->kind == V_NODE) {                          /* parameters(net, 'one/weight') */
        for (int s = 0; s < e->t->slots->all.n; s++)
            if (e->t->slots->all.at[s].kind == SLOT_PARAM && g_slot(p->ctx.graph, s) == v->node) return add_moved(e, p, s), true;
    }
    if (v->kind == V_FUNCTION && v->function->def && v->function->def->kind == DEF_NETWORK)
        v = network_parameters(&p->ctx, (Value *)v, NULL, NULL, loc);
    if (v->kind == V_POISON) return false;
    if (v->kind != V_RECORD || !v->collection) {
        diag_error(e->diags, loc, "'moves' names networks or parameters(...), this is %s", value_show(e, v));
        return false;
    }
    for (int i = 0; i < v->n; i++) add_moved(e, p, slot_find(e->t->slots, v->name[i]));
    return true;
}

static void find_moved(Playing *p) {
    Eval *e = p->ctx.e;
    const DocEntry *moves = doc_entry(p->def->entry->value, "moves");
    if (moves) {
        add_selection(p, eval_doc(&p->ctx, p->scope, moves->value), moves->value->loc);
        return;
    }
    Def *net = def_find(p->def->globals, p->def->name, 1u << DEF_NETWORK);
    if (net) {
        add_selection(p, value_function(e, &net->function), p->def->entry->loc);
        return;
    }
    Nearest near = nearest_to(p->def->name);
    for (int i = 0; i < e->spec->defs.n; i++)
        if (e->spec->defs.at[i]->kind == DEF_NETWORK) nearest_add(&near, e->spec->defs.at[i]->name);
    diag_error(e->diags, p->def->entry->loc, "there is no network '%s': say with 'moves' what this player moves%s", p->def->name,
               nearest_hint(e->arena, &near));
}

static void mark_moved(Eval *e, const Playing *p) {
    for (int i = 0; i < e->spec->defs.n; i++) {
        Def *d = e->spec->defs.at[i];
        for (int k = 0; d->kind == DEF_NETWORK && k < d->slots.n; k++)
            for (int m = 0; m < p->nmoved; m++) d->moved = d->moved || d->slots.at[k] == p->moved[m].slot;
    }
}

/* ---- loss and gradient ---------------------------------------------------------------------------------------------- */

static Node *loss_node(Playing *p) {
    Eval *e = p->ctx.e;
    const Doc *body = p->def->entry->value;
    const DocEntry *min = doc_entry(body, "minimize"), *max = doc_entry(body, "maximize");
    if (min && max) {
        diag_error(e->diags, max->loc, "the player '%s' has both 'minimize' and 'maximize': keep one", p->def->name);
        return NULL;
    }
    if (!p->goal) {
        if (!p->def->flawed)
            diag_error(e->diags, p->def->entry->loc, "the player '%s' has neither 'minimize' nor 'maximize'", p->def->name);
        return NULL;
    }
    p->loss = binding_force(&p->ctx, own_binding(p->scope, p->goal->key));
    Node *y = value_to_node(&p->ctx, p->loss, p->goal->value->loc);
    if (!y) return NULL;
    if (y->type.shape.rank != 0 || y->type.dtype != F32) {
        diag_error(e->diags, p->goal->value->loc, "'%s' of '%s' is %s %s: a loss is one number, take mean(...) or sum(...)",
                   p->goal->key, p->def->name, dtype_name(y->type.dtype), shape_show(&y->type.shape, e->arena));
        p->loss = NULL;
        return NULL;
    }
    if (strcmp(p->goal->key, "maximize")) return y;
    Provenance old = graph_at(p->ctx.graph, p->goal->loc, NULL, NULL, p->def->name);
    y = g_neg(y);
    graph_back(p->ctx.graph, old);
    return y;
}

/* A network of which the loss reaches nothing is an error, a single parameter a warning. */
static void check_reach(const Playing *p) {
    Eval *e = p->ctx.e;
    for (int i = 0; i < p->nmoved; i++) {
        const char *name = e->t->slots->all.at[p->moved[i].slot].name;
        size_t net = strcspn(name, "/");
        bool first = true, any = false;
        for (int k = 0; k < p->nmoved; k++) {
            const char *other = e->t->slots->all.at[p->moved[k].slot].name;
            if (strncmp(other, name, net + 1)) continue;
            first = first && k >= i;
            any = any || p->moved[k].gradient;
        }
        if (!any && first)
            diag_error(e->diags, p->goal->value->loc, "the loss of '%s' reaches nothing of the network '%.*s' that it moves",
                       p->def->name, (int)net, name);
        else if (any && !p->moved[i].gradient)
            diag_warn(e->diags, p->goal->value->loc, "the loss of '%s' does not reach '%s': it stands still", p->def->name, name);
    }
}

static void differentiate(Playing *p, Node *loss, Move *move) {
    Eval *e = p->ctx.e;
    Node **x = ARENA_ARRAY(e->arena, Node *, p->nmoved + 1), **gx = ARENA_ARRAY(e->arena, Node *, p->nmoved + 1);
    for (int i = 0; i < p->nmoved; i++) x[i] = g_slot(p->ctx.graph, p->moved[i].slot);
    Provenance old = graph_at(p->ctx.graph, p->goal->loc, NULL, "gradient", p->def->name);
    gradient(loss, NULL, p->nmoved, x, gx);
    graph_back(p->ctx.graph, old);
    *move = (Move){.player = p->def->index, .loss = loss, .nmoved = p->nmoved, .gradient = gx, .gate = -1};
    move->moved = ARENA_ARRAY(e->arena, int, p->nmoved + 1);
    for (int i = 0; i < p->nmoved; i++) move->moved[i] = p->moved[i].slot, p->moved[i].gradient = gx[i];
    const Doc *optimizer = doc_get(p->def->entry->value, "optimizer");
    move->optimizer = optimizer && optimizer->kind == DOC_SCALAR ? optimizer->text : "groups";
    if (!e->shaping) check_reach(p);
}

/* `clip`: a function of the whole gradient collection. */
static void clip_gradients(Playing *p) {
    Eval *e = p->ctx.e;
    const Doc *clip = doc_get(p->def->entry->value, "clip");
    if (!clip) return;
    int n = 0;
    const char **name = ARENA_ARRAY(e->arena, const char *, p->nmoved + 1);
    Value **item = ARENA_ARRAY(e->arena, Value *, p->nmoved + 1);
    for (int i = 0; i < p->nmoved; i++)
        if (p->moved[i].gradient) {
            name[n] = e->t->slots->all.at[p->moved[i].slot].name;
            item[n++] = value_node(e, p->moved[i].gradient);
        }
    Value *all = value_record(e, n, name, item, true), *f = eval_doc(&p->ctx, p->scope, clip);
    Value *out = call_value(&p->ctx, f, 1, &all, clip->loc);
    if (value_is_poison(out)) return;
    if (out->kind != V_RECORD || out->n != n) {
        diag_error(e->diags, clip->loc, "'clip' gives a collection of the gradients' form, this is %s", value_show(e, out));
        return;
    }
    for (int i = 0, k = 0; i < p->nmoved; i++)
        if (p->moved[i].gradient) {
            Node *g = value_to_node(&p->ctx, out->item[k++], clip->loc);
            if (g) p->moved[i].gradient = g;
        }
}

/* ---- after ------------------------------------------------------------------------------------------------------------ */

/* The key of an assignment, `parameters(critic)`, as an expression at its own place in the file. */
static const Expr *key_expr(Eval *e, const DocEntry *entry) {
    size_t n = strlen(entry->key);
    Doc *d = ARENA_NEW(e->arena, Doc);
    uint32_t *line = ARENA_ARRAY(e->arena, uint32_t, n + 1), *col = ARENA_ARRAY(e->arena, uint32_t, n + 1);
    for (size_t i = 0; i <= n; i++) line[i] = entry->loc.line, col[i] = entry->loc.col + (uint32_t)i;
    *d = (Doc){.kind = DOC_SCALAR, .loc = entry->loc, .text = entry->key, .length = n, .line = line, .col = col};
    return doc_expr(e, d);
}

void after_entry(const Ctx *c, Scope *s, const DocEntry *entry) {
    Eval *e = c->e;
    if (!strchr(entry->key, '(')) {
        diag_error(e->diags, entry->loc, "'%s' is no running value of this player: 'after' assigns running values and "
                                         "parameters(...)", entry->key);
        return;
    }
    Value *target = eval_expr(c, s, key_expr(e, entry)), *v = eval_doc(c, s, entry->value);
    if (value_is_poison(target) || value_is_poison(v)) return;
    if (target->kind != V_RECORD || !target->collection) {
        diag_error(e->diags, entry->loc, "parameters(...) is assigned in 'after', this is %s", value_show(e, target));
        return;
    }
    if (v->kind == V_RECORD && v->n != target->n) {
        diag_error(e->diags, entry->value->loc, "%d parameters are given %d values", target->n, v->n);
        return;
    }
    for (int i = 0; i < target->n; i++) {
        int slot = slot_find(e->t->slots, target->name[i]);
        Node *n = value_to_node(c, v->kind == V_RECORD ? v->item[i] : v, entry->value->loc);
        if (!n) return;
        Tensor want = e->t->slots->all.at[slot].type;
        if (!tensor_equal(&n->type, &want)) {
            diag_error(e->diags, entry->value->loc, "'%s' has the shape %s, its new value %s", target->name[i],
                       shape_show(&want.shape, e->arena), shape_show(&n->type.shape, e->arena));
            return;
        }
        for (int k = 0; k < c->build->assigned.n; k++)
            if (c->build->assigned.at[k].slot == slot) {
                diag_error(e->diags, entry->loc, "'%s' is assigned twice in one turn", target->name[i]);
                return;
            }
        Now now = {slot, n};
        vec_push(e->arena, &c->build->assigned, now);
    }
}

static bool has_state(const Doc *state, const char *key) { return state && doc_entry(state, key); }

static void run_after(Playing *p) {
    Ctx after = p->ctx;
    after.after = true;
    const Doc *state = doc_get(p->def->entry->value, "state");
    for (int i = 0; i < p->nafter; i++) {
        const Doc *d = p->after[i];
        if (d->kind == DOC_MAP) {
            for (int k = 0; k < d->n; k++)
                if (!has_state(state, d->entry[k].key)) after_entry(&after, p->scope, &d->entry[k]);
        } else {
            Value *v = eval_doc(&after, p->scope, d);
            if (v->kind != V_NONE && v->kind != V_POISON)
                diag_error(p->ctx.e->diags, d->loc, "'after' takes assignments and calls of functions that hold such; this is %s",
                           value_show(p->ctx.e, v));
        }
    }
}

static int chain_order(const Chain *a, const Chain *b) {
    const Chain *pa[256], *pb[256];
    int na = 0, nb = 0;
    for (; a && na < 256; a = a->outer) pa[na++] = a;
    for (; b && nb < 256; b = b->outer) pb[nb++] = b;
    for (int i = 1; i <= na && i <= nb; i++) {
        const Chain *x = pa[na - i], *y = pb[nb - i];
        if (x->ordinal != y->ordinal) return x->ordinal < y->ordinal ? -1 : 1;
        if (x->copy != y->copy) return x->copy < y->copy ? -1 : 1;
    }
    return (na > nb) - (na < nb);
}

static bool moves_network(Eval *e, const Playing *p, const Def *net, int depth) {
    for (int i = 0; i < net->slots.n; i++)
        for (int m = 0; m < p->nmoved; m++)
            if (net->slots.at[i] == p->moved[m].slot) return true;
    for (int i = 0; depth < 32 && i < net->nested.n; i++)
        if (moves_network(e, p, net->nested.at[i], depth + 1)) return true;
    return false;
}

static Value *select_leaf(const Ctx *c, Node *gate, const Value *now, const Value *old, Loc loc) {
    Eval *e = c->e;
    if (now->kind == V_RECORD || now->kind == V_LIST) {
        Value *out = ARENA_NEW(e->arena, Value);
        *out = *now;
        out->item = ARENA_ARRAY(e->arena, Value *, now->n);
        for (int i = 0; i < now->n; i++) out->item[i] = select_leaf(c, gate, now->item[i], old->item[i], loc);
        return out;
    }
    Node *n = value_to_node(c, now, loc);
    return n ? value_node(e, g_select(gate, n, old->node)) : value_poison(e);
}

/* Running values in the order of the player's text: each sees under its own name what the one before left. */
static void run_pending(const Ctx *c, Build *b, Playing *p) {
    Eval *e = c->e;
    int n = 0;
    Pending *mine = ARENA_ARRAY(e->arena, Pending, b->pending.n + 1);
    for (int i = 0; i < b->pending.n; i++) {
        Pending q = b->pending.at[i];
        if (q.player != p->def->index) continue;
        if (q.network && q.ctx->update != UPDATE_ALWAYS && !moves_network(e, p, q.network, 0)) continue;
        if (q.network) q.network->updated = true;
        int at = n++;
        while (at > 0 && chain_order(q.chain, mine[at - 1].chain) < 0) mine[at] = mine[at - 1], at--;
        mine[at] = q;
    }
    VEC(Pending) last = {0};
    VEC(Value *) value = {0};
    for (int i = 0; i < n; i++) {
        int at = 0;
        while (at < last.n && last.at[at].state != mine[i].state) at++;
        if (at == last.n) {
            vec_push(e->arena, &last, mine[i]);
            vec_push(e->arena, &value, template_load(c, mine[i].state));
        }
        Ctx inner = *mine[i].ctx;
        inner.after = true;
        Scope *s = scope_new(e, mine[i].scope);
        bind_value(e, s, mine[i].name, mine[i].next->loc, value.at[at]);
        Value *v = eval_doc(&inner, s, mine[i].next);
        if (value_is_poison(v)) return;
        value.at[at] = v;
    }
    for (int i = 0; i < last.n; i++) {
        Value *v = value.at[i];
        bool same_form = v->kind != V_NUMBER && v->kind != V_BOOL;
        if (p->gate && same_form) v = select_leaf(c, p->gate, v, template_load(c, last.at[i].state), last.at[i].next->loc);
        template_store(c, last.at[i].state, v, last.at[i].next->loc);
    }
}

/* ---- the turn ---------------------------------------------------------------------------------------------------------- */

typedef struct { VEC(Node *) node; VEC(const char *) name; } Results;

static void add_result(Eval *e, Results *r, const Playing *p, const char *name, Value *v, Loc loc) {
    Node *n = value_to_node(&p->ctx, v, loc);
    if (!n) return;
    if (shape_count(&n->type.shape) != 1) {
        diag_error(e->diags, loc, "'%s' of '%s' is logged, so it is one number, not %s", name, p->def->name,
                   shape_show(&n->type.shape, e->arena));
        return;
    }
    vec_push(e->arena, &r->node, n);
    vec_push(e->arena, &r->name, (const char *)arena_printf(e->arena, "%s.%s", p->def->name, name));
}

static void add_logs(Eval *e, Playing *p, Results *r) {
    const Doc *log = doc_get(p->def->entry->value, "log");
    if (p->loss) add_result(e, r, p, p->goal->key, p->loss, p->goal->value->loc);
    if (!log) return;
    if (log->kind == DOC_SCALAR)
        diag_error(e->diags, log->loc, "'log' is a mapping of names to values, or a list of local names");
    for (int i = 0; i < log->n && log->kind != DOC_SCALAR; i++) {
        bool list = log->kind == DOC_LIST;
        const Doc *d = list ? log->item[i] : log->entry[i].value;
        if (list && (d->kind != DOC_SCALAR || doc_expr(e, d)->kind != EX_NAME)) {
            diag_error(e->diags, d->loc, "a list in 'log' holds local names; other values are logged as `log: {name: value}`");
            continue;
        }
        add_result(e, r, p, list ? d->text : log->entry[i].key, eval_doc(&p->ctx, p->scope, d), d->loc);
    }
}

static void find_gate(Playing *p) {
    Eval *e = p->ctx.e;
    const Doc *when = doc_get(p->def->entry->value, "when");
    if (!when) return;
    Node *n = value_to_node(&p->ctx, eval_doc(&p->ctx, p->scope, when), when->loc);
    if (!n) return;
    if (n->type.dtype != U8 || n->type.shape.rank) {
        diag_error(e->diags, when->loc, "'when' is one condition, this is %s %s", dtype_name(n->type.dtype),
                   shape_show(&n->type.shape, e->arena));
        return;
    }
    p->gate = n;
}

static void refuse_double(Eval *e, int n, const Playing *p, Loc loc) {
    for (int a = 0; a < n; a++)
        for (int b = a + 1; b < n; b++)
            for (int i = 0; i < p[a].nmoved; i++)
                for (int k = 0; k < p[b].nmoved; k++)
                    if (p[a].moved[i].slot == p[b].moved[k].slot) {
                        diag_error(e->diags, loc, "'%s' is moved by '%s' and '%s' in one turn: give them turns of their own, "
                                                  "or other parameters with 'moves'",
                                   e->t->slots->all.at[p[a].moved[i].slot].name, p[a].def->name, p[b].def->name);
                        return;
                    }
}

static void finish_player(Eval *e, Build *b, Playing *p, Results *r) {
    const Ctx *c = &p->ctx;
    b->player = p->def->index;
    const Doc *optimizer = doc_get(p->def->entry->value, "optimizer");
    if (optimizer) optimizer_run(c, p->scope, p->def, optimizer, p->nmoved, p->moved, p->gate);
    else if (!p->def->flawed) diag_error(e->diags, p->def->entry->loc, "the player '%s' has no 'optimizer'", p->def->name);
    add_logs(e, p, r);
}

Turn *turn_make(Eval *e, int n, Def **players, Loc loc) {
    Turn *turn = ARENA_NEW(e->arena, Turn);
    const char *name = arena_printf(e->arena, "turn %s", players[0]->name);
    for (int i = 1; i < n; i++) name = arena_printf(e->arena, "%s + %s", name, players[i]->name);
    Build b = build_new(e, &turn->unit, name, loc);
    b.turn = true;
    turn->nmove = n;
    turn->move = ARENA_ARRAY(e->arena, Move, n);
    Playing *p = ARENA_ARRAY(e->arena, Playing, n);
    Node **loss = ARENA_ARRAY(e->arena, Node *, n);
    Results r = {0};
    for (int i = 0; i < n; i++) {
        p[i] = open_player(e, &b, players[i]);
        loss[i] = loss_node(&p[i]);
        find_moved(&p[i]);
        find_gate(&p[i]);
    }
    refuse_double(e, n, p, loc);
    for (int i = 0; i < n; i++) {
        b.player = players[i]->index;
        if (loss[i]) differentiate(&p[i], loss[i], &turn->move[i]), clip_gradients(&p[i]);
        mark_moved(e, &p[i]);
    }
    for (int i = 0; i < n; i++) finish_player(e, &b, &p[i], &r);
    for (int i = 0; i < n; i++) {
        const Ctx *c = &p[i].ctx;
        b.player = players[i]->index;
        b.assigned.n = 0;
        run_after(&p[i]);
        run_pending(c, &b, &p[i]);
        for (int k = 0; k < b.now.n; k++) {           /* this player's parameters: assigned by `after`, else by the optimiser */
            int slot = b.now.at[k].slot;
            bool own = false;
            for (int m = 0; m < p[i].nmoved; m++) own = own || p[i].moved[m].slot == slot;
            if (!own) continue;
            Node *v = b.now.at[k].node;
            for (int a = 0; a < b.assigned.n; a++)
                if (b.assigned.at[a].slot == slot) v = b.assigned.at[a].node, b.assigned.at[a].slot = -1;
            g_assign(c->graph, slot, p[i].gate ? g_select(p[i].gate, v, g_slot(c->graph, slot)) : v);
        }
        for (int a = 0; a < b.assigned.n; a++)
            if (b.assigned.at[a].slot >= 0) g_assign(c->graph, b.assigned.at[a].slot, b.assigned.at[a].node);
        Def *d = players[i];
        for (int k = 0; k < d->asked.n; k++) {
            Local *own = own_binding(p[i].scope, d->asked.at[k]);
            const Doc *log = doc_get(d->entry->value, "log");
            const Doc *logged = log && log->kind == DOC_MAP ? doc_get(log, d->asked.at[k]) : NULL;
            Value *v = own ? binding_force(c, own) : logged ? eval_doc(c, p[i].scope, logged) : value_poison(e);
            template_store(c, d->asked_type.at[k], v, d->entry->loc);
        }
        if (p[i].gate) {
            turn->move[i].gate = r.node.n;
            vec_push(e->arena, &r.node, p[i].gate);
            vec_push(e->arena, &r.name, (const char *)arena_printf(e->arena, "@when/%s", d->name));
        }
    }
    build_done(e, &b, r.node.n, r.node.at, r.name.at);
    return turn;
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
        Ctx ic = ctx_new(e, &b, arena_printf(e->arena, "iteration/%s", d->name), d, true, e->t->total_step_slot);
        ic.update = UPDATE_NEVER;
        Value *v, *template;
        if (alias) {                                  /* the fixed value itself: nothing to compute in an iteration */
            v = make_fixed(&ic, &d->globals->scope, doc_expr(e, body));
            template = kept_find(e, arena_printf(e->arena, "@fixed/iteration/%s/%d", d->name, 1));
        } else {
            v = eval_definition(&ic, &d->globals->scope, body, NULL);
            template = value_is_poison(v) ? NULL : slot_template(&ic, name, v, SLOT_ITERATION, d->entry->loc);
            if (template && !template_store(&ic, template, v, d->entry->loc)) template = NULL;
        }
        d->running = false;
        build_done(e, &b, 0, NULL, NULL);
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
