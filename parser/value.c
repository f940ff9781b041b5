/* Values: made here, shown here, turned into nodes here. They are immutable and live in the compile's arena. */
#include "parser/value.h"

#include "base/str.h"
#include "build.h"
#include "ops/attrs.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static Value *make(Eval *e, ValueKind kind) {
    Value *v = ARENA_NEW(e->arena, Value);
    v->kind = kind;
    return v;
}

Value *value_poison(Eval *e) { return make(e, V_POISON); }

Value *value_none(Eval *e) { return make(e, V_NONE); }

Value *value_number(Eval *e, double x, bool is_int) {
    Value *v = make(e, V_NUMBER);
    v->number = x;
    v->is_int = is_int;
    return v;
}

Value *value_bool(Eval *e, bool x) {
    Value *v = make(e, V_BOOL);
    v->number = x;
    return v;
}

Value *value_text(Eval *e, const char *text) {
    Value *v = make(e, V_TEXT);
    v->text = text;
    return v;
}

Value *value_list(Eval *e, int n, Value **item) {
    Value *v = make(e, V_LIST);
    v->n = n;
    v->item = item;
    return v;
}

Value *value_record(Eval *e, int n, const char **name, Value **item, bool collection) {
    Value *v = make(e, V_RECORD);
    v->n = n;
    v->name = name;
    v->item = item;
    v->collection = collection;
    return v;
}

Value *value_function(Eval *e, const Function *f) {
    Value *v = make(e, V_FUNCTION);
    v->function = f;
    return v;
}

Value *value_node(Eval *e, Node *n) {
    if (!n || n->poison) return value_poison(e);
    Value *v = make(e, V_NODE);
    v->node = n;
    return v;
}

Value *value_member(const Value *record, const char *name) {
    for (int i = 0; i < record->n; i++)
        if (!strcmp(record->name[i], name)) return record->item[i];
    return NULL;
}

bool value_is_poison(const Value *v) {
    if (v->kind == V_POISON) return true;
    if (v->kind == V_LIST || v->kind == V_RECORD)
        for (int i = 0; i < v->n; i++)
            if (value_is_poison(v->item[i])) return true;
    return false;
}

Value *value_map(Eval *e, const Value *v, Value *(*f)(void *ctx, const Value *leaf), void *ctx) {
    if (v->kind != V_LIST && v->kind != V_RECORD) return f(ctx, v);
    Value *out = ARENA_NEW(e->arena, Value);
    *out = *v;
    out->item = ARENA_ARRAY(e->arena, Value *, v->n);
    for (int i = 0; i < v->n; i++) out->item[i] = value_map(e, v->item[i], f, ctx);
    return out;
}

const char *value_kind(const Value *v) {
    switch (v->kind) {
    case V_POISON: return "an error";
    case V_NONE: return "nothing";
    case V_NUMBER: return "a number";
    case V_BOOL: return "true or false";
    case V_TEXT: return "text";
    case V_LIST: return "a list";
    case V_RECORD: return v->collection ? "a collection" : "a record";
    case V_FUNCTION: return "a function";
    case V_NODE: return "a tensor";
    case V_SOURCE: return "a data source";
    case V_PLAYER: return "a player";
    }
    return "";
}

char *value_show(Eval *e, const Value *v) {
    Arena *a = e->arena;
    Str s = {.arena = a};
    switch (v->kind) {
    case V_NUMBER: return arena_printf(a, "%.9g", v->number);
    case V_BOOL: return arena_strdup(a, v->number != 0 ? "true" : "false");
    case V_TEXT: return arena_printf(a, "'%s'", v->text);
    case V_FUNCTION:
        if (v->function->kind == FN_LAMBDA) return arena_strdup(a, "a small function");
        return arena_printf(a, "the function '%s'", v->function->name);
    case V_NODE:
        return arena_printf(a, "a tensor of %s %s", dtype_name(v->node->type.dtype), shape_show(&v->node->type.shape, a));
    case V_LIST:
        str_add(&s, "[");
        for (int i = 0; i < v->n && i < 8; i++) str_printf(&s, "%s%s", i ? ", " : "", value_show(e, v->item[i]));
        str_add(&s, v->n > 8 ? ", ...]" : "]");
        return s.text;
    default: return arena_strdup(a, value_kind(v));
    }
}

bool value_whole(const Value *v, int64_t *out) {
    if (v->kind != V_NUMBER || v->number != floor(v->number) || fabs(v->number) > 9e15) return false;
    *out = (int64_t)v->number;
    return true;
}

static bool add_wholes(const Value *v, Ints *out) {
    for (int i = 0; v->kind == V_LIST && i < v->n; i++)
        if (!add_wholes(v->item[i], out)) return false;
    return v->kind == V_LIST || (out->n < INTS_MAX && value_whole(v, &out->at[out->n++]));
}

bool value_wholes(const Value *v, Ints *out) {
    *out = (Ints){0};
    return add_wholes(v, out);
}

bool value_sizes(const Value *v, int64_t least, Shape *out) {
    Ints whole;
    static_assert((int)RANK_MAX <= (int)INTS_MAX, "Ints hold a shape");
    if (!value_wholes(v, &whole) || whole.n > RANK_MAX) return false;
    *out = (Shape){.rank = whole.n};
    for (int i = 0; i < whole.n; i++) {
        if (whole.at[i] < least) return false;
        out->dim[i] = whole.at[i];
    }
    return true;
}

static Node *stack(const Ctx *c, const Value *v, Loc loc) {
    Eval *e = c->e;
    Tensor t;
    if (value_constant(v, &t)) {
        Node *made = g_tensor(c->graph, t, constant_data(e, v, &t));
        if (!v->sized || v->axis < 0 || made->sizes) return made;
        SizeOf *sizes = ARENA_ARRAY(e->arena, SizeOf, RANK_MAX);
        sizes[0] = (SizeOf){v->sized, v->axis};
        made->sizes = sizes;
        return made;
    }
    Node **part = ARENA_ARRAY(e->arena, Node *, v->n + 1);
    for (int i = 0; i < v->n; i++) {
        Node *x = value_to_node(c, v->item[i], loc);
        if (!x) return NULL;
        const Shape *s = &x->type.shape, *first = i ? &part[0]->type.shape : s;
        if (s->rank == RANK_MAX) {
            diag_error(e->diags, loc, "a list of tensors of %d axes: %d are the most", s->rank, RANK_MAX - 1);
            return NULL;
        }
        Shape row = {.rank = s->rank + 1, .dim = {1}};
        memcpy(row.dim + 1, s->dim, sizeof(int64_t) * (size_t)s->rank);
        if (i && !shape_equal(&row, first)) {
            Shape other = shape_of(first->rank - 1, first->dim + 1);
            diag_error(e->diags, loc, "a list becomes a tensor where its items have one shape; these have %s and %s",
                       shape_show(&other, e->arena), shape_show(s, e->arena));
            return NULL;
        }
        part[i] = g_reshape(x, &row);
    }
    if (v->n) return g_concat(c->graph, v->n, part, 0);
    diag_error(e->diags, loc, "a list without items is no tensor");
    return NULL;
}

Node *value_to_node(const Ctx *c, const Value *v, Loc loc) {
    Eval *e = c->e;
    if (value_is_poison(v)) return NULL;
    bool number = v->kind == V_NODE || v->kind == V_NUMBER || v->kind == V_BOOL || v->kind == V_LIST;
    if (!c->graph && number) {
        diag_error(e->diags, loc, "a tensor where only constants may stand: %s", value_show(e, v));
        return NULL;
    }
    switch (v->kind) {
    case V_NODE:
        if (v->node->graph != c->graph) {
            diag_error(e->diags, loc, "this value belongs to a turn: here only globals, constants and own draws may stand");
            return NULL;
        }
        return v->node;
    case V_NUMBER:
        if (number_type(v) == F32 && c->graph != e->fold) return g_number(c->graph, v->number);
        return v->is_int ? g_int(c->graph, (int64_t)v->number) : g_number(c->graph, v->number);
    case V_BOOL: return g_bool(c->graph, v->number != 0);
    case V_LIST: return stack(c, v, loc);
    default: diag_error(e->diags, loc, "a tensor or a number is wanted, this is %s", value_show(e, v)); return NULL;
    }
}

char *path_join(Eval *e, const char *path, const char *part) {
    return path ? arena_printf(e->arena, "%s/%s", path, part) : arena_strdup(e->arena, part);
}

void note_value(Eval *e, const Value *v) {
    if (v->kind == V_NODE && v->node->type.shape.rank) note_shape(e->diags, v->node);
    if (v->kind == V_NUMBER && v->sized && v->axis >= 0) note_size(e->diags, v->sized, v->axis);
    if (v->kind == V_NUMBER && v->sized && v->axis < 0) note_sizes(e->diags, v->sized, 0);
    for (int i = 0; v->kind == V_LIST && i < v->n; i++) note_value(e, v->item[i]);
}
