/* `ranges:` of a function or an update rule: what its arguments may be, checked at every call. Under an argument's name
 * stands a condition, an expression of the arguments, alone or with advice for who breaks it (`holds`, `advice`), or a list
 * of the values that it may have; texts of such a list are the choices that a bare word may name. What changes during the run is not checked, its shape is.
 */
#include "parser/value.h"

#include "build.h"

#include <string.h>

void ranges_read(Eval *e, const Head *h, const Doc *ranges) {
    if (ranges->kind != DOC_MAP) {
        diag_error(e->diags, ranges->loc, "'ranges' is a mapping from arguments to conditions, or to lists of values");
        return;
    }
    for (int i = 0; i < ranges->n; i++) {
        const DocEntry *r = &ranges->entry[i];
        Nearest near = nearest_to(r->key);
        bool known = false;
        for (int a = 0; a < h->n; a++) known = known || !strcmp(h->arg[a], r->key), nearest_add(&near, h->arg[a]);
        if (!known)
            diag_error(e->diags, r->loc, "'%s' is no argument of '%s'%s", r->key, h->name, nearest_hint(e->arena, &near));
        if (r->value->kind != DOC_MAP) {
            doc_expr(e, r->value);
            continue;
        }
        key_check(e, r->value, "a range", advised_keys, false);
        if (!doc_entry(r->value, "holds"))
            diag_error(e->diags, r->loc, "the range of '%s' has no condition: {holds: ..., advice: '...'}", r->key);
    }
}

static bool is_word(const Doc *d) { return d->kind == DOC_SCALAR && d->style == DOC_SINGLE; }

const char *ranges_choices(Eval *e, const Doc *ranges, const char *argument) {
    const Doc *list = ranges->kind == DOC_MAP ? doc_get(ranges, argument) : NULL;
    const char *all = NULL;
    for (int i = 0; list && list->kind == DOC_LIST && i < list->n; i++)
        if (is_word(list->item[i]))
            all = all ? arena_printf(e->arena, "%s|%s", all, list->item[i]->text) : list->item[i]->text;
    return all;
}

static Value *stand_in(void *ctx, const Value *v) {
    const Ctx *c = ctx;
    return v->kind == V_NODE ? value_node(c->e, g_full(c->graph, v->node->type, 0)) : (Value *)v;
}

/* The argument has one of the values of the list, or one of the conditions there holds, or may hold during the run. */
static bool is_one_of(const Ctx *c, Scope *s, const Value *v, const Doc *list) {
    bool one = false;
    for (int i = 0; i < list->n && !one; i++) {
        const Doc *d = list->item[i];
        if (is_word(d) || v->kind == V_TEXT) {
            one = is_word(d) && v->kind == V_TEXT && !strcmp(d->text, v->text);
            continue;
        }
        const Value *x = eval_doc(c, s, d);
        one = x->kind == V_POISON || x->kind == V_NODE || (x->kind == V_BOOL && x->number != 0) ||
              (x->kind == V_NUMBER && v->kind == V_NUMBER && x->number == v->number);
    }
    return one;
}

static void refuse_choice(Eval *e, const Head *h, const char *argument, const Value *v, const Doc *list, Loc loc) {
    Nearest near = nearest_to(v->kind == V_TEXT ? v->text : "");
    const char *all = "";
    for (int i = 0; i < list->n; i++) {
        all = arena_printf(e->arena, "%s%s%s", all, i ? ", " : "", expr_show(doc_expr(e, list->item[i]), e->arena));
        if (is_word(list->item[i])) nearest_add(&near, list->item[i]->text);
    }
    diag_error(e->diags, loc, "%s: '%s' is one of %s, not %s%s", h->name, argument, all, value_show(e, v),
               v->kind == V_TEXT ? nearest_hint(e->arena, &near) : "");
}

typedef enum { HOLDS, BROKEN, NO_CONDITION } Truth;

/* Of a list all must hold; what only the run knows does. */
static Truth truth_of(const Value *v) {
    Truth all = HOLDS;
    for (int i = 0; v->kind == V_LIST && i < v->n && all == HOLDS; i++) all = truth_of(v->item[i]);
    if (v->kind == V_BOOL) return v->number != 0 ? HOLDS : BROKEN;
    return v->kind == V_LIST || v->kind == V_NODE || v->kind == V_POISON ? all : NO_CONDITION;
}

bool ranges_hold(const Ctx *c, const Head *h, Scope *text, const Doc *ranges, Value *const *value, const Loc *loc) {
    Eval *e = c->e;
    if (ranges->kind != DOC_MAP) return true;         /* ranges_read has said it */
    Graph *scratch = graph_new(e->arena, e->diags, e->t->slots, "ranges");      /* the turn's own gets no nodes */
    Ctx trial = {.e = e, .graph = scratch, .draw = "ranges", .tick = -1, .training = c->training};
    Scope *s = scope_new(e, text);
    for (int i = 0; i < h->n; i++) {
        Local *b = bind_value(e, s, h->arg[i], loc[i], value[i] ? value_map(e, value[i], stand_in, &trial) : NULL);
        if (!value[i]) b->expr = h->dflt[i], b->ctx = &trial;
    }
    bool ok = true;
    for (int i = 0; i < h->n; i++) {
        const Doc *d = value[i] && !value_is_poison(value[i]) ? doc_get(ranges, h->arg[i]) : NULL;
        const Doc *advice = d && d->kind == DOC_MAP ? doc_get(d, "advice") : NULL;
        if (d && d->kind == DOC_MAP) d = doc_get(d, "holds");
        if (!d) continue;
        bool list = d->kind == DOC_LIST;
        const Value *v = list ? value_bool(e, is_one_of(&trial, s, value[i], d)) : eval_doc(&trial, s, d);
        Truth truth = truth_of(v);
        if (truth == NO_CONDITION)
            diag_error(e->diags, d->loc, "the range of '%s' is a condition, or a list of values, not %s", h->arg[i], value_show(e, v));
        if (truth != BROKEN) continue;
        ok = false;
        if (list) refuse_choice(e, h, h->arg[i], value[i], d, loc[i]);
        else diag_error(e->diags, loc[i], "%s: '%s' is %s, it must hold that %s%s%s", h->name, h->arg[i], value_show(e, value[i]),
                        expr_show(doc_expr(e, d), e->arena), advice ? "; " : "", advice && advice->kind == DOC_SCALAR ? advice->text : "");
        diag_calls(e->diags);
        if (value[i]->kind == V_NODE) note_shape(e->diags, value[i]->node);
    }
    return ok;
}
