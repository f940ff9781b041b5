/* After the optimisers: assignments of `after`, and running values in the order of the player's text. Here `parameters(...)`
 * and calls have the new parameters, every other name its value of the turn.
 */
#include "parser/playing.h"

#include "build.h"

#include <string.h>

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
        if (is_frozen(e, slot)) continue;
        Node *n = value_to_node(c, v->kind == V_RECORD ? v->item[i] : v, entry->value->loc);
        if (!n) return;
        Tensor want = e->t->slots->all.at[slot].type;
        if (n->type.dtype == I32) n = g_to_float(n);
        if (!n->type.shape.rank) n = g_broadcast(n, &want.shape);      /* one number for all elements */
        if (!tensor_equal(&n->type, &want)) {
            diag_error(e->diags, entry->value->loc, "'%s' has the shape %s, its new value %s", target->name[i],
                       shape_show(&want.shape, e->arena), shape_show(&n->type.shape, e->arena));
            return;
        }
        if (int_find(&c->build->assigned, slot)) {
            diag_error(e->diags, entry->loc, "'%s' is assigned twice in one turn", target->name[i]);
            return;
        }
        int_set(e->arena, &c->build->assigned, slot, n);
        vec_push(e->arena, &c->build->assigned_slots, slot);
        mark(e->arena, &e->moved, slot);
    }
}

static bool has_state(const Doc *state, const char *key) { return state && doc_entry(state, key); }

void run_after(Playing *p) {
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

bool moves_network(const Playing *p, const Def *net) {
    for (int i = 0; i < net->slots.n; i++)
        if (is_marked(&p->moves, net->slots.at[i])) return true;
    for (int i = 0; i < net->nested.n; i++)
        if (moves_network(p, net->nested.at[i])) return true;
    return false;
}

static bool template_frozen(const Eval *e, const Value *template) {
    while (template->kind != V_NUMBER && template->n) template = template->item[0];
    return template->kind == V_NUMBER && is_frozen(e, (int)template->number);
}

/* Running values in the order of the player's text: each sees under its own name what the one before left. */
void run_pending(const Ctx *c, Build *b, Playing *p) {
    Eval *e = c->e;
    int n = 0;
    Pending *mine = ARENA_ARRAY(e->arena, Pending, b->pending.n + 1);
    for (int i = 0; i < b->pending.n; i++) {
        Pending q = b->pending.at[i];
        if (q.player != p->def->index) continue;
        if (q.network && q.ctx->update != UPDATE_ALWAYS && !moves_network(p, q.network)) continue;
        if (template_frozen(e, q.state)) continue;
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
    for (int i = 0; i < last.n; i++) template_store(c, last.at[i].state, value.at[i], p->gate, last.at[i].next->loc);
}
