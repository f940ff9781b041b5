/* The words an argument may be: declared in `ranges`, or by an operator, or by a function that it is handed on to unchanged. */
#include "parser/value.h"

#include <string.h>

static const char *choices_in(Eval *e, const Function *f, const char *param, const Expr *x, int depth);

static const char *choices_of_callee(Eval *e, const Function *f, const Expr *callee, int position, const char *name, int depth) {
    if (callee->kind != EX_NAME) return NULL;
    Def *d = def_find(f->scope->globals, callee->text, 1u << DEF_FUNCTION | 1u << DEF_NETWORK);
    if (d) {
        int at = position;
        for (int i = 0; name && i < d->head.n; i++)
            if (!strcmp(d->head.arg[i], name)) at = i;
        return choices_of(e, &d->function, at, depth + 1);
    }
    const Op *op = op_named(callee->text);
    const Field *field = op && op->call && name ? field_find(op_meant(op, 1)->attr, name) : NULL;
    return field ? field->choices : NULL;
}

static const char *choices_in(Eval *e, const Function *f, const char *param, const Expr *x, int depth) {
    if (!x) return NULL;
    const char *found = NULL;
    if (x->kind == EX_CALL)
        for (int i = 0; i < x->n && !found; i++)
            if (x->args[i]->kind == EX_NAME && !strcmp(x->args[i]->text, param))
                found = choices_of_callee(e, f, x->callee, i, x->names ? x->names[i] : NULL, depth);
    if (!found) found = choices_in(e, f, param, x->callee, depth);
    if (!found) found = choices_in(e, f, param, x->right, depth);
    if (x->kind != EX_LAMBDA)
        for (int i = 0; i < x->n && !found; i++) found = choices_in(e, f, param, x->args[i], depth);
    return found;
}

static const char *choices_in_doc(Eval *e, const Function *f, const char *param, const Doc *d, int depth) {
    if (d->kind == DOC_SCALAR)
        return d->style == DOC_SINGLE || !strstr(d->text, param) ? NULL : choices_in(e, f, param, doc_expr(e, d), depth);
    const char *found = NULL;
    for (int i = 0; i < d->n && !found; i++) {
        const char *key = d->kind == DOC_MAP ? d->entry[i].key : "";
        if (is_text_key(key) || is_binding_key(key)) continue;
        const Doc *v = d->kind == DOC_LIST ? d->item[i] : d->entry[i].value;
        bool layer = d->kind == DOC_LIST && v->kind == DOC_MAP && v->n == 1 && v->entry[0].value->kind == DOC_MAP;
        for (int k = 0; layer && k < v->entry[0].value->n && !found; k++) {      /* - conv: {padding: padding} */
            const DocEntry *arg = &v->entry[0].value->entry[k];
            if (arg->value->kind == DOC_SCALAR && !strcmp(arg->value->text, param)) {
                Expr callee = {.kind = EX_NAME, .text = v->entry[0].key};
                found = choices_of_callee(e, f, &callee, -1, arg->key, depth);
            }
        }
        if (!found) found = choices_in_doc(e, f, param, v, depth);
    }
    return found;
}

const char *choices_of(Eval *e, const Function *f, int param, int depth) {
    if (depth > 8 || f->kind != FN_TEXT || param < 0 || param >= f->head->n) return NULL;
    const Doc *ranges = is_body(f->body) ? doc_get(f->body, "ranges") : NULL;
    const char *own = ranges ? ranges_choices(e, ranges, f->head->arg[param]) : NULL;
    return own ? own : choices_in_doc(e, f, f->head->arg[param], f->body, depth);
}
