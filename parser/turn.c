/* Turns: one player, or several together, as one graph: losses, gradients, optimisers, and what happens after. All
 * gradients are of the same values; then all parameters move; then `after` and the running values, which see the new
 * parameters in `parameters(...)` and in calls, and the turn's values under every other name.
 */
#include "parser/playing.h"

#include "build.h"
#include "ops/attrs.h"

#include <string.h>

/* ---- what moves --------------------------------------------------------------------------------------------------- */

static void add_moved(Eval *e, Playing *p, int slot) {
    if (mark(e->arena, &p->named, slot)) return;
    vec_push(e->arena, &p->moved, ((Moved){.slot = slot, .frozen = is_frozen(e, slot)}));
    if (is_frozen(e, slot)) return;
    mark(e->arena, &p->moves, slot);
    mark(e->arena, &e->moved, slot);
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
    for (int i = 0; i < v->n; i++) {
        int slot = slot_find(e->t->slots, v->name[i]);
        if (v->item[i]->kind != V_NODE || v->item[i]->node != g_slot(p->ctx.graph, slot)) {
            diag_error(e->diags, loc, "'moves' names networks or parameters(...) themselves, not values made of them");
            return false;
        }
        add_moved(e, p, slot);
    }
    return true;
}

static void find_moved(Playing *p) {
    Eval *e = p->ctx.e;
    const DocEntry *moves = doc_entry(p->def->entry->value, "moves");
    if (moves) {
        if (add_selection(p, eval_doc(&p->ctx, p->scope, moves->value), moves->value->loc) && !p->moved.n)
            diag_error(e->diags, moves->value->loc, "the player '%s' moves nothing: 'moves' names networks or parameters(...)",
                       p->def->name);
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

/* What `freeze` leaves of a player's parameters may not be nothing. */
static void check_frozen(Eval *e, const Playing *p, Loc loc) {
    if (p->moved.n && !p->moves.n)
        diag_error(e->diags, loc, "this stage freezes all that '%s' moves: leave the player out of its 'each'", p->def->name);
}

/* ---- the turn ---------------------------------------------------------------------------------------------------------- */

typedef struct { VEC(Node *) node; VEC(const char *) name; } Results;

static void add_result(Eval *e, Results *r, const Playing *p, const char *name, Value *v, Loc loc) {
    Node *n = value_to_node(&p->ctx, v, loc);
    if (!n) return;
    if (shape_count(&n->type.shape) != 1) {
        diag_error(e->diags, loc, "'%s' of '%s' is logged, so it is one number, not %s", name, p->def->name,
                   shape_show(&n->type.shape, e->arena));
        note_shape(e->diags, n);
        return;
    }
    vec_push(e->arena, &r->node, n);
    vec_push(e->arena, &r->name, (const char *)arena_printf(e->arena, "%s.%s", p->def->name, name));
}

/* Running values that are numbers are logged as the losses are, unless `log` has given the name to something else. */
static void add_states(Eval *e, Playing *p, Results *r, const Doc *log) {
    const Doc *state = doc_get(p->def->entry->value, "state");
    for (int i = 0; state && state->kind == DOC_MAP && i < state->n; i++) {
        const DocEntry *one = &state->entry[i];
        bool given = log && log->kind == DOC_MAP && doc_entry(log, one->key);
        for (int k = 0; log && log->kind == DOC_LIST && k < log->n; k++)
            given = given || (log->item[k]->kind == DOC_SCALAR && !strcmp(log->item[k]->text, one->key));
        Value *v = given ? value_none(e) : scope_get(&p->ctx, p->scope, one->key, one->loc, false);
        if (v->kind == V_NODE && shape_count(&v->node->type.shape) == 1) add_result(e, r, p, one->key, v, one->loc);
    }
}

static void add_logs(Eval *e, Playing *p, Results *r) {
    const Doc *log = doc_get(p->def->entry->value, "log");
    if (p->loss) add_result(e, r, p, p->goal->key, p->loss, p->goal->value->loc);
    add_states(e, p, r, log);
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
    Marks taken = {0};
    for (int a = 0; a < n; a++)
        for (int i = 0; i < p[a].moved.n; i++) {
            int slot = p[a].moved.at[i].slot, other = 0;
            if (p[a].moved.at[i].frozen || !mark(e->arena, &taken, slot)) continue;
            while (!is_marked(&p[other].moves, slot)) other++;
            diag_error(e->diags, loc, "'%s' is moved by '%s' and '%s' in one turn: give them turns of their own, or other "
                                      "parameters with 'moves'",
                       e->t->slots->all.at[slot].name, p[other].def->name, p[a].def->name);
            return;
        }
}

/* What player i's `after` assigns, no other player of the turn may move or assign. `given`: assigned by those before it. */
static void refuse_others(Eval *e, const Build *b, int n, const Playing *p, int i, Loc loc, Marks *given) {
    for (int a = 0; a < b->assigned_slots.n; a++) {
        int slot = b->assigned_slots.at[a];
        bool twice = mark(e->arena, given, slot);
        for (int k = 0; k < n; k++) twice = twice || (k != i && is_marked(&p[k].named, slot));
        if (!twice) continue;
        diag_error(e->diags, loc, "'after' of '%s' assigns '%s', which another player of this turn moves or assigns: give them "
                                  "turns of their own", p[i].def->name, e->t->slots->all.at[slot].name);
        return;
    }
}

static void finish_player(Eval *e, Build *b, Playing *p, Results *r) {
    const Ctx *c = &p->ctx;
    b->player = p->def->index;
    const Doc *optimizer = doc_get(p->def->entry->value, "optimizer");
    if (optimizer) optimizer_run(c, p->scope, p->def, optimizer, p->moved.n, p->moved.at, p->gate);
    else if (!is_misspelt(p->def, "optimizer")) diag_error(e->diags, p->def->entry->loc, "the player '%s' has no 'optimizer'", p->def->name);
    add_logs(e, p, r);
}

static void assign_one(const Playing *p, int slot, Node *v) {
    Graph *g = p->ctx.graph;
    g_assign(g, slot, p->gate ? g_select(p->gate, v, g_slot(g, slot)) : v);
}

/* This player's parameters get what `after` assigns, else what the optimiser made of them. */
static void assign_parameters(const Build *b, const Playing *p) {
    for (int i = 0; i < p->moved.n; i++) {
        int slot = p->moved.at[i].slot;
        Node *v = int_find(&b->assigned, slot) ? NULL : int_find(&b->now, slot);
        if (v) assign_one(p, slot, v);
    }
    for (int i = 0; i < b->assigned_slots.n; i++)
        assign_one(p, b->assigned_slots.at[i], int_find(&b->assigned, b->assigned_slots.at[i]));
}

/* The values that others read as PLAYER.name. */
static void keep_asked(Eval *e, const Playing *p) {
    const Def *d = p->def;
    const Doc *log = doc_get(d->entry->value, "log");
    for (int k = 0; k < d->asked.n; k++) {
        Local *own = own_binding(p->scope, d->asked.at[k]);
        const Doc *logged = log && log->kind == DOC_MAP ? doc_get(log, d->asked.at[k]) : NULL;
        Value *v = own ? binding_force(&p->ctx, own) : logged ? eval_doc(&p->ctx, p->scope, logged) : value_poison(e);
        template_store(&p->ctx, d->asked_type.at[k], v, NULL, d->entry->loc);
    }
}

static void end_player(Eval *e, Build *b, int n, Playing *all, int i, Loc loc, Marks *given) {
    Playing *p = &all[i];
    b->player = p->def->index;
    b->assigned = (IntTable){0};
    b->assigned_slots.n = 0;
    run_after(p);
    refuse_others(e, b, n, all, i, loc, given);
    run_pending(&p->ctx, b, p);
    assign_parameters(b, p);
    keep_asked(e, p);
}

static int add_gate(Eval *e, Results *r, const Playing *p) {
    vec_push(e->arena, &r->node, p->gate);
    vec_push(e->arena, &r->name, (const char *)arena_printf(e->arena, "@when/%s", p->def->name));
    return r->node.n - 1;
}

/* The players' turn as one graph in `unit`; `partial`: sources that give their last batch. */
static void turn_build(Eval *e, Turn *turn, Unit *unit, int npartial, const int *partial, int n, Def **players, Loc loc) {
    const char *name = arena_printf(e->arena, "turn %s", players[0]->name);
    for (int i = 1; i < n; i++) name = arena_printf(e->arena, "%s + %s", name, players[i]->name);
    Build b = build_new(e, unit, name, loc);
    b.turn = true;
    unit->plays = true;
    for (int i = 0; i < npartial; i++) vec_push(e->arena, &b.partial, partial[i]);
    turn->nmove = n;
    turn->move = ARENA_ARRAY(e->arena, Move, n);
    Playing *p = ARENA_ARRAY(e->arena, Playing, n);
    Node **loss = ARENA_ARRAY(e->arena, Node *, n);
    Results r = {0};
    Marks given = {0};
    for (int i = 0; i < n; i++) {
        p[i] = open_player(e, &b, players[i]);
        loss[i] = loss_node(&p[i]);
        find_moved(&p[i]);
        check_frozen(e, &p[i], loc);
        find_gate(&p[i]);
    }
    refuse_double(e, n, p, loc);
    for (int i = 0; i < n; i++) {
        b.player = players[i]->index;
        if (loss[i]) differentiate(&p[i], loss[i], &turn->move[i]), clip_gradients(&p[i]);
    }
    for (int i = 0; i < n; i++) finish_player(e, &b, &p[i], &r);
    for (int i = 0; i < n; i++) {
        end_player(e, &b, n, p, i, loc, &given);
        if (p[i].gate) turn->move[i].gate = add_gate(e, &r, &p[i]);
    }
    build_done(e, &b, r.node.n, r.node.at, r.name.at);
}

static void find_partial(Eval *e, Turn *turn) {
    for (int i = 0; i < turn->unit.nsource; i++) {
        const SourceUse *use = &e->t->source[turn->unit.source[i]];
        if (!source_rest(use->source)) continue;
        if (turn->npartial < PARTIAL_MOST) turn->partial[turn->npartial++] = turn->unit.source[i];
        else diag_error(e->diags, use->loc, "the turn reads more than %d sources that keep a last batch which is not full: "
                                            "`last: drop` for one of them", PARTIAL_MOST);
    }
}

/* What goes wrong only here does so for its number of samples. */
static void explain_partial(Eval *e, int n, const int *partial) {
    for (int i = 0; i < n; i++) {
        const SourceUse *use = &e->t->source[partial[i]];
        diag_note(e->diags, use->loc, "with the last batch of '%s', %lld samples of %lld: rows(%s.%s) is their number; `last: drop` "
                                      "leaves it out", use->name, (long long)source_rest(use->source), (long long)use->source->common.batch, use->name, use->source->field[0].name);
    }
}

Turn *turn_make(Eval *e, int n, Def **players, Loc loc) {
    Turn *turn = ARENA_NEW(e->arena, Turn);
    turn_build(e, turn, &turn->unit, 0, NULL, n, players, loc);
    if (e->shaping || e->diags->errors) return turn;
    find_partial(e, turn);
    for (int mask = 1; mask < 1 << turn->npartial; mask++) {
        Turn scratch = {.nmove = n};
        int partial[PARTIAL_MOST], some = 0, errors = e->diags->errors;
        for (int i = 0; i < turn->npartial; i++)
            if (mask >> i & 1) partial[some++] = turn->partial[i];
        turn_build(e, &scratch, &turn->last[mask], some, partial, n, players, loc);
        if (e->diags->errors > errors) explain_partial(e, some, partial);
    }
    return turn;
}
