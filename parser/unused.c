/* What a body, a player, an output or a head names and never uses: misspelt keys more often than not. Read from the text
 * alone, before anything is evaluated.
 */
#include "parser/value.h"

#include <string.h>

/* What could not be read may mention everything that its text holds. */
static bool expr_mentions(const Expr *x, const char *name) {
    if (!x) return false;
    if (x->kind == EX_ERROR) return true;
    if (x->kind == EX_NAME && !strcmp(x->text, name)) return true;
    if (x->kind == EX_LAMBDA)
        for (int i = 0; i < x->n; i++)
            if (x->names && !strcmp(x->names[i], name)) return false;
    if (expr_mentions(x->callee, name) || expr_mentions(x->right, name)) return true;
    if (x->kind != EX_LAMBDA)
        for (int i = 0; i < x->n; i++)
            if (expr_mentions(x->args[i], name)) return true;
    return false;
}

static bool doc_mentions(Eval *e, const Doc *d, const char *name) {
    if (d->kind == DOC_SCALAR) return d->style != DOC_SINGLE && strstr(d->text, name) && expr_mentions(doc_expr(e, d), name);
    for (int i = 0; i < d->n; i++) {
        if (d->kind == DOC_LIST && doc_mentions(e, d->item[i], name)) return true;
        if (d->kind == DOC_MAP) {
            const DocEntry *k = &d->entry[i];
            if (strstr(k->key, name) && (!strcmp(k->key, name) || strchr(k->key, '('))) return true;
            if (is_binding_key(k->key)) {
                if (k->value->kind == DOC_SCALAR && strstr(k->value->text, name)) return true;
            } else if (strcmp(k->key, "doc") && doc_mentions(e, k->value, name)) {
                return true;
            }
        }
    }
    return false;
}

/* Keys of a mapping that is an item of a list are names of functions; other keys are not. */
static bool doc_names(Eval *e, const Doc *d, const char *name, bool item) {
    if (d->kind == DOC_SCALAR) return d->style != DOC_SINGLE && strstr(d->text, name) && expr_mentions(doc_expr(e, d), name);
    for (int i = 0; i < d->n; i++) {
        if (d->kind == DOC_LIST && doc_names(e, d->item[i], name, true)) return true;
        if (d->kind != DOC_MAP) continue;
        const DocEntry *k = &d->entry[i];
        if (strstr(k->key, name) && ((item && !strcmp(k->key, name)) || strchr(k->key, '('))) return true;
        if (is_binding_key(k->key) ? k->value->kind == DOC_SCALAR && strstr(k->value->text, name) : doc_names(e, k->value, name, false))
            return true;
    }
    return false;
}

/* ---- arguments ---------------------------------------------------------------------------------------------------- */

/* A layer list that does not begin with another input starts from the first argument. */
static bool is_piped(const Doc *d) { return d->kind == DOC_LIST && (!d->n || block_keys(d->item[0]) != input_keys); }

static bool starts_from_argument(const Doc *body) {
    if (!is_body(body)) return is_piped(body);
    for (int i = 0; i < body->n; i++)
        if ((!field_find(body_keys, body->entry[i].key) || !strcmp(body->entry[i].key, "return")) && is_piped(body->entry[i].value)) return true;
    return false;
}

void check_arguments(Eval *e, const Head *h, int from, const Doc *body, const Field *keys) {
    for (int a = from; a < h->n; a++) {
        const char *name = h->arg[a];
        bool used = *name == '_' || (a == 0 && starts_from_argument(body));
        for (int k = a + 1; k < h->n && !used; k++) used = h->dflt[k] && expr_mentions(h->dflt[k], name);
        for (int i = 0; keys && i < body->n && !used; i++)
            used = !(field_find(keys, body->entry[i].key) && is_text_key(body->entry[i].key)) &&
                   doc_names(e, body->entry[i].value, name, false);
        const Doc *ranges = keys ? doc_get(body, "ranges") : NULL;
        for (int i = 0; ranges && ranges->kind == DOC_MAP && i < ranges->n && !used; i++)
            used = strcmp(ranges->entry[i].key, name) && doc_names(e, ranges->entry[i].value, name, false);
        if (used || (!keys && doc_names(e, body, name, false))) continue;
        diag_warn(e->diags, h->arg_loc[a], "nothing in '%s' uses its argument '%s': remove it, or call it '_%s' where the caller "
                                           "gives it anyway", h->name, name, name);
    }
}

static bool listed(const char *const *list, const char *name) {
    for (; list && *list; list++)
        if (!strcmp(*list, name)) return true;
    return false;
}

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"

static const char *all_keys(Eval *e, const char *const *names, const Field *keys) {
    const char *all = "";
    for (; names && *names; names++) all = arena_printf(e->arena, "%s%s%s", all, *all ? ", " : "", *names);
    for (const Field *f = keys; f->name; f++) all = arena_printf(e->arena, "%s%s%s", all, *all ? ", " : "", f->name);
    return all;
}

/* A local name that nothing in its body mentions is a misspelt key more often than not. */
bool check_unused(Eval *e, const Doc *body, const char *const *skip, const Field *keys, const char *what) {
    bool ok = true;
    for (int i = 0; i < body->n; i++) {
        const DocEntry *k = &body->entry[i];
        if (listed(skip, k->key) || field_find(keys, k->key)) continue;
        bool used = false;
        for (int j = 0; j < body->n && !used; j++)
            if (j != i && !(field_find(keys, body->entry[j].key) && is_text_key(body->entry[j].key))) {
                const Doc *v = body->entry[j].value;
                bool names = !strcmp(body->entry[j].key, "log") && v->kind == DOC_LIST;
                used = doc_mentions(e, v, k->key) || (names && doc_mentions(e, v, k->key));
            }
        if (used) continue;
        ok = false;
        if (k->value->kind == DOC_SCALAR && !k->value->length && k->key[strspn(k->key, NAME_LETTERS)]) {
            diag_error(e->diags, k->loc, "'%s' is no name: an expression with a comma must be quoted", k->key);
            continue;
        }
        Nearest near = nearest_to(k->key);
        field_nearest(keys, &near);
        for (const char *const *s = skip; s && *s; s++) nearest_add(&near, *s);
        if (near.best)
            diag_error(e->diags, k->loc, "unknown key '%s' of %s, did you mean '%s'?", k->key, what, near.best);
        else if (keys == output_keys)
            diag_error(e->diags, k->loc, "unknown key '%s' of %s, whose keys are %s; and nothing uses it as a local name", k->key, what,
                       all_keys(e, skip, keys));
        else
            diag_error(e->diags, k->loc, "nothing uses the local name '%s' of %s: remove it, or log it to watch it", k->key,
                       what);
    }
    return ok;
}
