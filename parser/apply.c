/* Operators on values: arguments are sorted by the operator's own call signature, numbers fold, collections map part
 * by part, everything else emits a node. Knows operators by their rows only.
 */
#include "parser/value.h"

#include "build.h"
#include "ops/attrs.h"

#include <math.h>
#include <string.h>

/* ---- attributes ---------------------------------------------------------------------------------------------- */

static bool wrong(const Ctx *c, const Field *f, const Value *v, Loc loc, const char *who, const char *wanted) {
    if (v->kind == V_POISON) return false;
    diag_error(c->e->diags, loc, "%s: '%s' wants %s, this is %s", who, f->name, wanted, value_show(c->e, v));
    diag_calls(c->e->diags);
    note_value(c->e, v);
    return false;
}

static bool out_of_range(const Ctx *c, const Field *f, double x, const Value *v, Loc loc, const char *who) {
    diag_error(c->e->diags, loc, "%s: '%s' is %.9g, it must be between %.9g and %.9g", who, f->name, x, f->min, f->max);
    diag_calls(c->e->diags);
    note_value(c->e, v);
    return false;
}

static bool word_from_value(const Ctx *c, const Field *f, const Value *v, Loc loc, const char *who, int *out) {
    *out = field_choice(f->choices, v->text);
    if (*out >= 0) return true;
    Nearest near = nearest_to(v->text);
    field_choices_nearest(f->choices, &near, c->e->arena);
    diag_error(c->e->diags, loc, "%s: '%s' is one of %s, not '%s'%s", who, f->name, f->choices, v->text,
               nearest_hint(c->e->arena, &near));
    return false;
}

static bool ints_from_value(const Ctx *c, const Field *f, Ints *out, const Value *v, Loc loc, const char *who) {
    if (v->kind == V_TEXT && f->choices) {
        int word;
        if (!word_from_value(c, f, v, loc, who, &word)) return false;
        *out = (Ints){.n = -1 - word};
        return true;
    }
    if (!value_wholes(v, out))
        return wrong(c, f, v, loc, who, f->choices ? arena_printf(c->e->arena, "at most %d whole numbers or one of %s", INTS_MAX, f->choices)
                                                   : arena_printf(c->e->arena, "a whole number or a list of at most %d", INTS_MAX));
    for (int i = 0; i < out->n; i++)
        if (!field_in_range(f, (double)out->at[i])) return out_of_range(c, f, (double)out->at[i], v, loc, who);
    return true;
}

static bool floats_from_value(const Ctx *c, const Field *f, Floats *out, const Value *v, Loc loc, const char *who) {
    Floats x = {0};
    int n = v->kind == V_LIST ? v->n : 1;
    if (n > FLOATS_MAX) return wrong(c, f, v, loc, who, "at most 256 numbers");
    for (int i = 0; i < n; i++) {
        const Value *item = v->kind == V_LIST ? v->item[i] : v;
        if (item->kind != V_NUMBER) return wrong(c, f, v, loc, who, "a number or a list of numbers");
        x.at[x.n++] = item->number;
        if (!field_in_range(f, item->number)) return out_of_range(c, f, item->number, item, loc, who);
    }
    *out = x;
    return true;
}

static bool names_from_value(const Ctx *c, const Field *f, Names *out, const Value *v, Loc loc, const char *who) {
    int n = v->kind == V_LIST ? v->n : 1;
    const char **name = ARENA_ARRAY(c->e->arena, const char *, n + 1);
    for (int i = 0; i < n; i++) {
        const Value *item = v->kind == V_LIST ? v->item[i] : v;
        if (item->kind != V_TEXT) return wrong(c, f, v, loc, who, "text in single quotes, or a list of such");
        name[i] = item->text;
    }
    *out = (Names){n, name};
    return true;
}

bool field_from_value(const Ctx *c, const Field *f, void *into, const Value *v, Loc loc, const char *who) {
    void *at = (char *)into + f->offset;
    int64_t whole;
    if (value_is_poison(v)) return false;
    switch (f->type) {
    case F_INT:
        if (!value_whole(v, &whole)) return wrong(c, f, v, loc, who, "a whole number known before the run");
        if (!field_in_range(f, (double)whole)) return out_of_range(c, f, (double)whole, v, loc, who);
        *(int64_t *)at = whole;
        return true;
    case F_FLOAT:
        if (v->kind != V_NUMBER) return wrong(c, f, v, loc, who, "a number known before the run");
        if (!field_in_range(f, v->number)) return out_of_range(c, f, v->number, v, loc, who);
        *(double *)at = v->number;
        return true;
    case F_BOOL:
        if (v->kind != V_BOOL) return wrong(c, f, v, loc, who, "true or false");
        *(bool *)at = v->number != 0;
        return true;
    case F_TEXT:
        if (v->kind != V_TEXT) return wrong(c, f, v, loc, who, "text in single quotes");
        *(const char **)at = v->text;
        return true;
    case F_CHOICE:
        if (v->kind != V_TEXT) return wrong(c, f, v, loc, who, arena_printf(c->e->arena, "one of %s", f->choices));
        return word_from_value(c, f, v, loc, who, at);
    case F_INTS: return ints_from_value(c, f, at, v, loc, who);
    case F_FLOATS: return floats_from_value(c, f, at, v, loc, who);
    case F_NAMES:
    case F_PATHS: return names_from_value(c, f, at, v, loc, who);
    default: return wrong(c, f, v, loc, who, "something else");
    }
}

/* ---- calls ---------------------------------------------------------------------------------------------------- */

static const Value *first_collection(int n, Value *const *src) {
    for (int i = 0; i < n; i++)
        if (src[i]->kind == V_RECORD && src[i]->collection) return src[i];
    return NULL;
}

/* The name inside its network: 'critic/conv_1/weight' -> 'conv_1/weight'. */
static const char *inner_name(const char *name) {
    const char *slash = strchr(name, '/');
    return slash ? slash + 1 : name;
}

static Value *part_of(const Value *v, const Value *form, int i) {
    if (v->kind != V_RECORD) return (Value *)v;
    for (int k = 0; k < v->n; k++)
        if (!strcmp(inner_name(v->name[k]), inner_name(form->name[i]))) {
            bool only = true;                         /* two networks may have the same inner names: then by order */
            for (int m = k + 1; m < v->n; m++) only = only && strcmp(inner_name(v->name[m]), inner_name(form->name[i]));
            return only ? v->item[k] : v->item[i];
        }
    return v->item[i];
}

static Value *map_parts(const Ctx *c, const Op *op, int n, Value *const *src, const void *attr, Loc loc,
                        const Value *form) {
    Eval *e = c->e;
    for (int k = 0; k < n; k++)
        if (src[k]->kind == V_RECORD && src[k]->n != form->n) {
            diag_error(e->diags, loc, "%s: collections of %d and %d tensors do not match", op->name, form->n, src[k]->n);
            return value_poison(e);
        }
    Value **out = ARENA_ARRAY(e->arena, Value *, form->n);
    for (int i = 0; i < form->n; i++) {
        Value *part[8];
        for (int k = 0; k < n && k < 8; k++) part[k] = part_of(src[k], form, i);
        out[i] = apply_nodes(c, op, n, part, attr, loc);
    }
    return value_record(e, form->n, form->name, out, true);
}

/* A reduction of a collection is one scalar over all its numbers. The sum of sums is the sum, the largest of the largest
 * is the largest; for other reductions the numbers are put in a row. */
static Value *reduce_parts(const Ctx *c, const Op *op, const Value *v, const void *attr, Loc loc) {
    Eval *e = c->e;
    const ReduceAttr *a = attr;
    if (a->axes.n > 0 || a->axes.n < -1 || a->keep) {
        diag_error(e->diags, loc, "%s: a collection is reduced over all its numbers: no 'axes', no 'keep'", op->name);
        return value_poison(e);
    }
    bool again = op->traits & (LINEAR | PIECEWISE);
    Value **part = ARENA_ARRAY(e->arena, Value *, v->n);
    ReshapeAttr row = {.shape = {.n = 1, .at = {-1}}};
    for (int i = 0; i < v->n; i++)
        part[i] = again ? apply_nodes(c, op, 1, &v->item[i], attr, loc) : apply_nodes(c, &op_reshape, 1, &v->item[i], &row, loc);
    Value *all = value_list(e, v->n, part);
    if (!again) all = apply_nodes(c, &op_concat, v->n, part, &(AxisAttr){0}, loc);
    return apply_nodes(c, op, 1, &all, attr, loc);
}

Value *apply_nodes(const Ctx *c, const Op *op, int n, Value *const *src, const void *attr, Loc loc) {
    Eval *e = c->e;
    for (int i = 0; i < n; i++)
        if (value_is_poison(src[i])) return value_poison(e);
    const Value *form = first_collection(n, src);
    if (form && form->n == 0) return (Value *)form;
    if (form && (op->traits & REDUCES)) return reduce_parts(c, op, form, attr, loc);
    if (form && (op->traits & (ELEMENTWISE | VIEW))) return map_parts(c, op, n, src, attr, loc, form);
    Value *known = constant_apply(c, op, n, src, attr, loc);
    if (known) return known;
    Node **x = ARENA_ARRAY(e->arena, Node *, n + 1);
    Provenance old = {0};
    if (c->graph) old = graph_at(c->graph, loc, NULL, c->graph->role, c->path ? c->path : c->draw);
    bool ok = true;
    for (int i = n - 1; i >= 0 && ok; i--) ok = (x[i] = value_to_node(c, src[i], loc)) != NULL;
    const Diag *said = e->diags->newest;
    Value *out = ok ? value_node(e, op_apply(c->graph, op, n, x, attr)) : value_poison(e);
    if (c->graph) graph_back(c->graph, old);
    bool refused = out->kind == V_POISON && e->diags->newest != said && !e->diags->newest->walked;
    for (int i = 0; refused && ok && i < n; i++)      /* the operator did not know which of the sizes is wrong */
        if (x[i]->type.shape.rank) note_sizes(e->diags, x[i], 0);
    return out;
}

/* One name of a call signature: "x", "axes=" (an attribute), "keep=false"; what follows "*" is given by name alone.
 * Moves *p on; false at the end. */
static bool next_parameter(const char **p, char *name, size_t size, bool *has_default) {
    *p += strspn(*p, ", ");
    size_t n = strcspn(*p, ",=");
    if (!n || n >= size) return false;
    memcpy(name, *p, n);
    name[n] = 0;
    *p += n;
    *has_default = **p == '=';
    *p += strcspn(*p, ",");
    return true;
}

bool call_takes(const char *call, const char *name) {
    char word[64];
    bool dflt;
    for (const char *p = call; next_parameter(&p, word, sizeof word, &dflt);)
        if (!strcmp(word, name)) return true;
    return false;
}

void refuse_keyword(Eval *e, const char *who, const char *call, const char *name, Loc loc) {
    Nearest near = nearest_to(name);
    char word[64];
    bool dflt;
    for (const char *p = call; next_parameter(&p, word, sizeof word, &dflt);) if (*word != '*') nearest_add(&near, arena_strdup(e->arena, word));
    diag_error(e->diags, loc, "%s(%s) has no argument '%s'%s", who, call, name, nearest_hint(e->arena, &near));
}

static const char *arena_name(const char *prefix, const char *name) {
    static _Thread_local char text[80];
    snprintf(text, sizeof text, "%s%s", prefix, name);
    return text;
}

/* `max(x, z)` is elementwise, `max(x, axes=[1])` reduces: the operator's twin is named so in its file. */
const Op *op_meant(const Op *op, int n) {
    const Op *twin = n == 1 && op->arity == 2 ? op_named(arena_name("reduce_", op->name)) : NULL;
    return twin ? twin : op;
}

Value *apply_op(const Ctx *c, const Op *op, int n, Value *const *pos, int nnamed, const char *const *names,
                Value *const *named, Loc loc) {
    Eval *e = c->e;
    VEC(Value *) src = {0};
    unsigned char *attr = op->attr_size ? arena_alloc(e->arena, op->attr_size) : NULL;
    if (attr) field_defaults(op->attr, attr, e->arena);
    bool *taken = ARENA_ARRAY(e->arena, bool, nnamed + 1);
    int at = 0;
    char word[64];
    bool dflt, ok = true, by_name = false;
    for (const char *p = op->call; next_parameter(&p, word, sizeof word, &dflt);) {
        if (*word == '*') {
            by_name = true;
            continue;
        }
        const Value *v = at < n && !by_name ? pos[at++] : NULL;
        for (int i = 0; i < nnamed; i++)
            if (!strcmp(names[i], word)) {
                if (v) diag_error(e->diags, loc, "%s: '%s' is given twice", op->name, word), ok = false;
                v = named[i];
                taken[i] = true;
            }
        const Field *f = attr ? field_find(op->attr, word) : NULL;
        if (!v && !dflt) {
            diag_error(e->diags, loc, "%s(%s): '%s' is missing", op->name, op->call, word);
            ok = false;
        } else if (v && f) {
            ok = field_from_value(c, f, attr, v, loc, op->name) && ok;
        } else if (v && v->kind == V_LIST && op->arity < 0 && src.n > 0) {
            for (int i = 0; i < v->n; i++) vec_push(e->arena, &src, v->item[i]);
        } else if (v) {
            vec_push(e->arena, &src, (Value *)v);
        }
    }
    if (at < n) {
        diag_error(e->diags, loc, "%s(%s) was given %d arguments%s", op->name, op->call, n,
                   by_name ? "; several sizes stand in one list, as in [28, 28, 1], and what follows * is given by name" : "");
        ok = false;
    }
    for (int i = 0; i < nnamed; i++)                  /* `name` is for layers that hold parameters, and harmless here */
        if (!taken[i] && strcmp(names[i], "name")) refuse_keyword(e, op->name, op->call, names[i], loc), ok = false;
    return ok ? apply_nodes(c, op, src.n, src.at, attr, loc) : value_poison(e);
}
