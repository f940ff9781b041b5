/* Call sites: each call in the text of a definition has a number among those of its written name (for the names of
 * parameters) and a place among all (for the order in which running values move). Found once a definition, from the
 * text alone: branches not taken count, so nothing is renamed when a condition changes. Outer calls come before inner.
 */
#include "parser/value.h"

#include <string.h>

static void add_site(Eval *e, Def *d, const void *site, const char *written, Loc loc) {
    int number = 1;
    for (int i = 0; i < d->sites.n; i++) number += !strcmp(d->sites.at[i].written, written);
    Site s = {site, written, loc, number, d->sites.n + 1};
    vec_push(e->arena, &d->sites, s);
}

static void walk_expr(Eval *e, Def *d, const Expr *x) {
    if (!x) return;
    if (x->kind == EX_CALL) add_site(e, d, x, x->callee->kind == EX_NAME ? x->callee->text : "call", x->callee->loc);
    walk_expr(e, d, x->callee);
    walk_expr(e, d, x->right);
    if (x->kind != EX_LAMBDA)
        for (int i = 0; i < x->n; i++) walk_expr(e, d, x->args[i]);
}

static void walk_values(Eval *e, Def *d, const Doc *v) {
    if (v->kind == DOC_SCALAR) {
        if (v->style != DOC_SINGLE) walk_expr(e, d, doc_expr(e, v));
        return;
    }
    for (int i = 0; i < v->n; i++) walk_values(e, d, v->kind == DOC_LIST ? v->item[i] : v->entry[i].value);
}

static bool is_word(const char *key, const char *const *words) {
    for (; *words; words++)
        if (!strcmp(key, *words)) return true;
    return false;
}

static void walk_layers(Eval *e, Def *d, const Doc *list) {
    static const char *const blocks[] = {"repeat", "for", "when", "loop", "input", "layers", "otherwise", NULL};
    for (int i = 0; i < list->n; i++) {
        const Doc *item = list->item[i];
        if (item->kind == DOC_SCALAR) {
            const Expr *x = item->style == DOC_SINGLE ? NULL : doc_expr(e, item);
            if (x) add_site(e, d, item, x->kind == EX_NAME ? x->text : "call", item->loc);
            walk_expr(e, d, x);
        } else if (item->kind == DOC_MAP && item->n && is_word(item->entry[0].key, blocks)) {
            for (int k = 0; k < item->n; k++) {
                const DocEntry *b = &item->entry[k];
                if (b->value->kind == DOC_LIST && (!strcmp(b->key, "layers") || !strcmp(b->key, "otherwise")))
                    walk_layers(e, d, b->value);
                else if (!is_binding_key(b->key))
                    walk_values(e, d, b->value);
            }
        } else if (item->kind == DOC_MAP && item->n == 1) {
            add_site(e, d, item, item->entry[0].key, item->entry[0].loc);
            walk_values(e, d, item->entry[0].value);
        }
    }
}

/* The value of a function, network, local name or `return`: lists in it are layer lists. */
static void walk_definition(Eval *e, Def *d, const Doc *v, bool layers) {
    static const char *const values[] = {"state", "after", "log", "moves", "optimizer", "minimize", "maximize", "clip", NULL};
    static const char *const texts[] = {"name", "source", "path", "stage", "every", NULL};
    if (v->kind == DOC_LIST && layers) walk_layers(e, d, v);
    else if (v->kind != DOC_MAP) walk_values(e, d, v);
    else
        for (int i = 0; i < v->n; i++) {
            const DocEntry *k = &v->entry[i];
            if (is_word(k->key, texts) || is_text_key(k->key)) continue;
            walk_definition(e, d, k->value, layers && !is_word(k->key, values) && (k->value->kind != DOC_MAP || map_get(k->value, "return")));
        }
}

static const Site none = {.written = "call", .number = 1, .ordinal = 1};

const Site *site_of(Eval *e, Def *text, const void *site) {
    if (!text) return &none;
    if (!text->sites_done) {
        text->sites_done = true;
        bool layers = text->kind == DEF_FUNCTION || text->kind == DEF_NETWORK || text->kind == DEF_PLAYER;
        for (int i = 0; i < text->head.n; i++) walk_expr(e, text, text->head.dflt[i]);
        walk_definition(e, text, text->entry->value, layers);
    }
    for (int i = 0; i < text->sites.n; i++)
        if (text->sites.at[i].site == site) return &text->sites.at[i];
    return &none;
}

const Site *site_here(const Ctx *c) {
    int ordinal = c->chain ? c->chain->ordinal : 0;
    return c->text && ordinal >= 1 && ordinal <= c->text->sites.n ? &c->text->sites.at[ordinal - 1] : &none;
}

/* ---- recursion --------------------------------------------------------------------------------------------------- */

static bool is_argument(const Head *h, const char *name) {
    for (int i = 0; i < h->n; i++)
        if (!strcmp(h->arg[i], name)) return true;
    return false;
}

void refuse_circle(Eval *e, const Def *d, Loc loc) {
    diag_error(e->diags, loc, "'%s' calls itself, directly or through others: recursion is refused", d->name);
}

/* A function whose text leads back to itself by names that are no arguments or local names. */
void refuse_recursion(Eval *e, Def *d) {
    site_of(e, d, NULL);
    d->walked = OPEN;
    for (int i = 0; i < d->sites.n; i++) {
        const Site *s = &d->sites.at[i];
        const Doc *body = d->entry->value;
        if (is_argument(&d->head, s->written) || (body->kind == DOC_MAP && doc_entry(body, s->written))) continue;
        Def *callee = def_find(d->globals, s->written, 1u << DEF_FUNCTION | 1u << DEF_NETWORK);
        if (!callee || callee->walked == DONE) continue;
        if (callee->walked == UNSEEN) {
            refuse_recursion(e, callee);
        } else {
            callee->recursive = d->recursive = true;
            refuse_circle(e, callee, s->loc);
        }
    }
    d->walked = DONE;
}
