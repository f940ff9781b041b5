/* Optimisers: a call of an update rule, less p and g, applied to one parameter tensor at a time. The rule's lines run
 * top to bottom: a line sees the new value where a line for it stands above, else the old one, as papers print it.
 */
#include "parser/value.h"

#include "build.h"

#include <string.h>

typedef struct {
    Def *rule;
    const char *owner;                                /* the player whose running values these are */
    int n;
    const char **name;                                /* arguments after p and g, and their values */
    Value **value;
    Loc loc;
} Rule;

Def *rule_named(Eval *e, const Expr *x, Scope *s) {
    if (x->kind != EX_CALL || x->callee->kind != EX_NAME) {
        diag_error(e->diags, x->start, "an optimiser is a call of an update rule: adam(2e-4)");
        return NULL;
    }
    Def *d = def_find(s->globals, x->callee->text, 1u << DEF_OPTIMIZER);
    if (d) return d;
    Nearest near = nearest_to(x->callee->text);
    for (const Globals *g = s->globals; g; g = g->below)
        for (int i = 0; i < g->defs.n; i++)
            if (g->defs.at[i]->kind == DEF_OPTIMIZER) nearest_add(&near, g->defs.at[i]->name);
    diag_error(e->diags, x->callee->loc, "there is no optimiser '%s'%s", x->callee->text, nearest_hint(e->arena, &near));
    return NULL;
}

/* The head as a player writes it, less p and g: "adam(lr=, b1=)". */
static char *rule_head(Eval *e, const Head *h) {
    char *s = arena_printf(e->arena, "%s(", h->name);
    for (int i = 2; i < h->n; i++)
        s = arena_printf(e->arena, "%s%s%s%s", s, i > 2 ? ", " : "", h->arg[i], h->dflt[i] ? "=" : "");
    return arena_printf(e->arena, "%s)", s);
}

/* The call's arguments against the rule's head, of which p and g are the first two. */
static bool read_rule(const Ctx *c, Scope *s, const Expr *x, Rule *out) {
    Eval *e = c->e;
    Def *d = rule_named(e, x, s);
    if (!d) return false;
    const Head *h = &d->head;
    int extra = h->n - 2;
    *out = (Rule){.rule = d, .n = extra, .loc = x->callee->loc};
    out->name = ARENA_ARRAY(e->arena, const char *, extra + 1);
    Value **value = ARENA_ARRAY(e->arena, Value *, h->n);
    Loc *loc = ARENA_ARRAY(e->arena, Loc, h->n);
    out->value = value + 2;
    for (int i = 0; i < extra; i++) out->name[i] = h->arg[i + 2];
    int at = 0;
    for (int i = 0; i < x->n; i++) {
        const char *name = x->names[i];
        int to = name ? -1 : at++;
        for (int k = 0; name && k < extra; k++)
            if (!strcmp(out->name[k], name)) to = k;
        if (to < 0 || to >= extra) {
            Nearest near = nearest_to(name ? name : "");
            for (int k = 0; k < extra; k++) nearest_add(&near, out->name[k]);
            if (name) diag_error(e->diags, x->name_locs[i], "the optimiser %s has no argument '%s'%s", rule_head(e, h), name,
                                 nearest_hint(e->arena, &near));
            else diag_error(e->diags, x->args[i]->start, "the optimiser %s takes %d argument%s here", rule_head(e, h), extra,
                            extra == 1 ? "" : "s");
            return false;
        }
        if (out->value[to]) {
            diag_error(e->diags, x->name_locs[i], "the optimiser %s: '%s' is given twice", rule_head(e, h), name);
            return false;
        }
        out->value[to] = eval_expr(c, s, x->args[i]);
        loc[to + 2] = x->args[i]->start;
    }
    for (int k = 0; k < extra; k++) {
        if (out->value[k] || h->dflt[k + 2]) continue;
        diag_error(e->diags, out->loc, "the optimiser %s: '%s' is missing", rule_head(e, h), out->name[k]);
        return false;
    }
    const Doc *ranges = doc_get(d->entry->value, "ranges");
    return !ranges || ranges_hold(c, h, &d->globals->scope, ranges, value, loc);
}

static bool is_line(const char *key) { return !field_find(optimizer_keys, key); }

/* Runs the lines with the given old values of p, g and the states; new_p and new_state get the results. */
static bool run_lines(const Ctx *c, const Rule *r, Value *p, Value *g, const Doc *state, Value *const *old, Value **new_p,
                      Value **new_state) {
    Eval *e = c->e;
    const Doc *body = r->rule->entry->value;
    Scope *s = scope_new(e, &r->rule->globals->scope);
    bind_value(e, s, r->rule->head.arg[0], r->loc, p);
    bind_value(e, s, r->rule->head.arg[1], r->loc, g);
    for (int i = 0; i < r->n; i++) {
        Local *b = bind_value(e, s, r->name[i], r->loc, r->value[i]);
        if (!r->value[i]) b->expr = r->rule->head.dflt[i + 2], b->ctx = c;
    }
    int n = state ? state->n : 0;
    for (int i = 0; i < n; i++) bind_value(e, s, state->entry[i].key, state->entry[i].loc, old[i]), new_state[i] = old[i];
    *new_p = NULL;
    for (int i = 0; i < body->n; i++) {
        const DocEntry *k = &body->entry[i];
        if (!is_line(k->key)) continue;
        Value *v = eval_doc(c, s, k->value);
        if (v->kind == V_POISON) return false;
        s = scope_new(e, s);
        bind_value(e, s, k->key, k->loc, v);
        if (!strcmp(k->key, r->rule->head.arg[0])) *new_p = v;
        for (int j = 0; j < n; j++)
            if (!strcmp(state->entry[j].key, k->key)) new_state[j] = v;
    }
    if (*new_p) return true;
    diag_error(e->diags, r->rule->entry->loc, "the optimiser '%s' has no line for '%s', the new parameter", r->rule->name,
               r->rule->head.arg[0]);
    return false;
}

static Value *stand_in(const Ctx *c, const Value *v) {
    if (v->kind == V_NUMBER) return value_node(c->e, g_full(c->graph, (Tensor){v->is_int ? I32 : F32, {0}}, v->number));
    return value_node(c->e, g_full(c->graph, v->node->type, 0));
}

/* Slots of the running values: types as those of running values anywhere, by evaluating until nothing changes. */
static bool make_slots(const Ctx *c, const Rule *r, Value *p, Value *g, const Doc *state, const char *prefix, Value **template) {
    Eval *e = c->e;
    int n = state->n;
    Value **old = ARENA_ARRAY(e->arena, Value *, n), **next = ARENA_ARRAY(e->arena, Value *, n), *new_p;
    double *fill = ARENA_ARRAY(e->arena, double, n);
    for (int i = 0; i < n; i++) {
        Value *v = eval_doc(c, &r->rule->globals->scope, state->entry[i].value);
        if (v->kind != V_NUMBER) {
            if (v->kind != V_POISON)
                diag_error(e->diags, state->entry[i].value->loc, "an optimiser's running value starts as a number, not %s",
                           value_show(e, v));
            return false;
        }
        fill[i] = v->number;
        old[i] = stand_in(c, v);
    }
    for (int round = 0; round < 3; round++) {
        bool same = true;
        if (!run_lines(c, r, p, g, state, old, &new_p, next)) return false;
        for (int i = 0; i < n; i++) {
            Value *v = next[i]->kind == V_NODE || next[i]->kind == V_NUMBER ? stand_in(c, next[i]) : NULL;
            if (!v) return false;
            same = same && tensor_equal(&v->node->type, &old[i]->node->type);
            old[i] = v;
        }
        if (same) break;
    }
    for (int i = 0; i < n; i++) {
        template[i] = slot_template(c, arena_printf(e->arena, "%s/%s", prefix, state->entry[i].key), old[i], SLOT_OPTIMIZER,
                                    state->entry[i].loc);
        if (template[i]->kind == V_POISON) return false;
        e->t->slots->all.at[(int)template[i]->number].fill = fill[i];
    }
    return true;
}

static void update_one(const Ctx *c, const Rule *r, Moved *m, Node *gate) {
    Eval *e = c->e;
    const char *parameter = e->t->slots->all.at[m->slot].name;
    Provenance before = graph_at(c->graph, r->loc, NULL, "optimizer", parameter);
    Value *p = value_node(e, g_slot(c->graph, m->slot)), *g = value_node(e, m->gradient), *new_p = NULL;
    const Doc *state = doc_get(r->rule->entry->value, "state");
    if (state && state->kind != DOC_MAP) state = NULL;    /* has been reported */
    int n = state ? state->n : 0;
    Value **template = ARENA_ARRAY(e->arena, Value *, n + 1), **old = ARENA_ARRAY(e->arena, Value *, n + 1);
    Value **next = ARENA_ARRAY(e->arena, Value *, n + 1);
    const char *prefix = arena_printf(e->arena, "@optimizer/%s/%s", r->owner, parameter);
    Caller *caller = ARENA_NEW(e->arena, Caller);
    *caller = (Caller){r->loc, r->rule->name, r->rule->entry->loc.file, r->rule->globals == e->prelude, false, e->diags->caller};
    e->diags->caller = caller;
    bool ok = true;
    for (int i = 0; i < n && ok; i++) {
        int slot = slot_find(e->t->slots, arena_printf(e->arena, "%s/%s", prefix, state->entry[i].key));
        ok = slot >= 0;
        if (ok) template[i] = value_number(e, slot, true);
    }
    if (!ok) ok = make_slots(c, r, p, g, state, prefix, template);
    for (int i = 0; ok && i < n; i++) old[i] = template_load(c, template[i]);
    if (ok && run_lines(c, r, p, g, state, old, &new_p, next)) {
        Node *x = value_to_node(c, new_p, r->loc);
        Tensor want = e->t->slots->all.at[m->slot].type;
        if (x && !tensor_equal(&x->type, &want)) {
            diag_error(e->diags, r->loc, "the optimiser '%s' makes %s of the parameter '%s' of shape %s", r->rule->name,
                       shape_show(&x->type.shape, e->arena), parameter, shape_show(&want.shape, e->arena));
        } else if (x) {
            int_set(e->arena, &c->build->now, m->slot, x);
            for (int i = 0; i < n; i++) template_store(c, template[i], next[i], gate, r->loc);
        }
    }
    e->diags->caller = caller->outer;
    graph_back(c->graph, before);
}

/* OTHER.optimizer leads to that player's own; NULL: reported. *owner becomes the player whose running values are meant. */
static const Doc *shared_optimizer(const Ctx *c, Scope *s, const Doc *d, Def **owner) {
    Eval *e = c->e;
    for (int depth = 0; d->kind == DOC_SCALAR; depth++) {
        const Expr *x = doc_expr(e, d);
        if (x->kind == EX_ERROR) return NULL;
        if (x->kind != EX_MEMBER || x->callee->kind != EX_NAME || strcmp(x->text, "optimizer")) return d;
        Def *other = def_find(s->globals, x->callee->text, 1u << DEF_PLAYER);
        const Doc *theirs = other ? doc_get(other->entry->value, "optimizer") : NULL;
        if (!theirs || depth > e->t->nplayer) {
            diag_error(e->diags, x->loc, theirs ? "'%s.optimizer' leads back to itself" : "'%s' is no player with an optimiser to share",
                       x->callee->text);
            return NULL;
        }
        *owner = other;
        d = theirs;
    }
    return d;
}

static bool rule_of(const Ctx *c, Scope *s, Def *owner, const Doc *d, Rule *out) {
    d = shared_optimizer(c, s, d, &owner);
    if (d && d->kind != DOC_SCALAR) diag_error(c->e->diags, d->loc, "a group is moved by one call of an optimiser, not by groups");
    if (!d || d->kind != DOC_SCALAR || !read_rule(c, s, doc_expr(c->e, d), out)) return false;
    out->owner = owner->name;
    return true;
}

/* Groups: a mapping from networks or patterns to calls; the first that fits a parameter moves it. Of another player's
 * groups some may fit nothing. */
static void run_groups(const Ctx *c, Scope *s, Def *player, Def *owner, const Doc *groups, int n, Moved *moved, Node *gate) {
    Eval *e = c->e;
    bool *done = ARENA_ARRAY(e->arena, bool, n + 1);
    for (int i = 0; i < groups->n; i++) {
        const DocEntry *k = &groups->entry[i];
        Rule r;
        if (!rule_of(c, s, owner, k->value, &r)) return;
        Def *net = def_find(s->globals, k->key, 1u << DEF_NETWORK);
        Value *own = net ? network_parameters(c, value_function(e, &net->function), NULL, NULL, k->loc) : NULL;
        int fits = 0, errors = e->diags->errors;
        for (int m = 0; m < n && e->diags->errors == errors; m++) {
            const char *name = e->t->slots->all.at[moved[m].slot].name, *inner = strchr(name, '/');
            bool fit = own ? own->kind == V_RECORD && value_member(own, name) != NULL
                           : name_matches(k->key, name) || (inner && name_matches(k->key, inner + 1));
            fits += fit;
            if (!fit || done[m]) continue;
            done[m] = true;
            if (moved[m].gradient) update_one(c, &r, &moved[m], gate);
        }
        if (fits || e->shaping || owner != player) continue;
        diag_error(e->diags, k->loc, "'%s' is no network or pattern of a parameter that '%s' moves", k->key, player->name);
        return;
    }
    int left = 0, first = 0;
    for (int m = n - 1; m >= 0; m--)
        if (!done[m]) left++, first = m;
    if (!left || e->shaping) return;
    const char *more = left > 1 ? arena_printf(e->arena, " and %d more", left - 1) : "";
    diag_error(e->diags, groups->loc, "no group of this optimiser moves '%s'%s: add a last group '*'",
               e->t->slots->all.at[moved[first].slot].name, more);
}

void optimizer_run(const Ctx *c, Scope *s, Def *player, const Doc *optimizer, int n, Moved *moved, Node *gate) {
    Rule r;
    Def *owner = player;
    int errors = c->e->diags->errors;
    optimizer = shared_optimizer(c, s, optimizer, &owner);
    if (!optimizer) return;
    if (optimizer->kind == DOC_MAP) {
        run_groups(c, s, player, owner, optimizer, n, moved, gate);
    } else if (optimizer->kind == DOC_SCALAR && rule_of(c, s, owner, optimizer, &r)) {
        for (int m = 0; m < n && c->e->diags->errors == errors; m++)      /* one mistake is said of one parameter */
            if (moved[m].gradient) update_one(c, &r, &moved[m], gate);
    } else if (optimizer->kind == DOC_LIST) {
        diag_error(c->e->diags, optimizer->loc, "an optimiser is a call, adam(2e-4), or a mapping from patterns to calls");
    }
}
