/* Parameters, running values and fixed values: what a spec keeps from turn to turn. Each has a name that follows from
 * the text alone, and a slot; a value that is a record or a collection has a slot for each part.
 *
 * A "template" is a value whose leaves are numbers: the slots.
 */
#include "parser/value.h"

#include "build.h"

#include <fnmatch.h>
#include <string.h>

/* ---- slots and templates ----------------------------------------------------------------------------------------- */

bool is_marked(const Marks *m, int i) { return int_find(m, i) != NULL; }

bool mark(Arena *a, Marks *m, int i) {
    if (is_marked(m, i)) return true;
    int_set(a, m, i, m);
    return false;
}

Value *kept_find(Eval *e, const char *name) {
    int at = names_find(&e->kept_names, name);
    return at < 0 ? NULL : e->kept.at[at];
}

void kept_add(Eval *e, const char *name, Value *template) {
    names_add(e->arena, &e->kept_names, name, e->kept.n);
    vec_push(e->arena, &e->kept, template);
}

Node *slot_node(const Ctx *c, int slot) {
    Node *now = c->after ? int_find(&c->build->now, slot) : NULL;
    return now ? now : g_slot(c->graph, slot);
}

static const char *leaf_name(Eval *e, const char *prefix, const char *part) {
    return part ? arena_printf(e->arena, "%s/%s", prefix, part) : prefix;
}

/* Slots of the types of v's leaves: tensors, and numbers or lists of numbers as the tensors they stand for. */
Value *slot_template(const Ctx *c, const char *prefix, const Value *v, SlotKind kind, Loc loc) {
    Eval *e = c->e;
    Tensor type;
    bool constant = value_constant(v, &type);
    if (!constant && (v->kind == V_RECORD || v->kind == V_LIST)) {
        Value *out = ARENA_NEW(e->arena, Value);
        *out = *v;
        out->item = ARENA_ARRAY(e->arena, Value *, v->n + 1);
        for (int i = 0; i < v->n; i++) {
            const char *part = v->kind == V_RECORD ? v->name[i] : arena_printf(e->arena, "%d", i + 1);
            out->item[i] = slot_template(c, leaf_name(e, prefix, part), v->item[i], kind, loc);
            if (out->item[i]->kind == V_POISON) return out->item[i];
        }
        return out;
    }
    if (!constant && v->kind != V_NODE) {
        if (v->kind != V_POISON)
            diag_error(e->diags, loc, "a tensor, a record or a collection can be kept, this is %s", value_show(e, v));
        return value_poison(e);
    }
    if (!constant) type = v->node->type;
    int at = slot_find(e->t->slots, prefix);
    if (at < 0) at = slot_add(e->t->slots, (Slot){.name = prefix, .type = type, .kind = kind, .loc = loc, .maker = constant ? NULL : v->node});
    const Slot *s = &e->t->slots->all.at[at];
    if (s->kind != kind || !tensor_equal(&s->type, &type)) {
        diag_error(e->diags, loc, "'%s' is the name of two things, %s %s here and %s %s elsewhere: rename one", prefix,
                   dtype_name(type.dtype), shape_show(&type.shape, e->arena), dtype_name(s->type.dtype),
                   shape_show(&s->type.shape, e->arena));
        return value_poison(e);
    }
    return value_number(e, at, true);
}

static Value *load_leaf(void *ctx, const Value *leaf) {
    const Ctx *c = ctx;
    return leaf->kind == V_NUMBER ? value_node(c->e, slot_node(c, (int)leaf->number)) : value_poison(c->e);
}

Value *template_load(const Ctx *c, const Value *template) { return value_map(c->e, template, load_leaf, (void *)c); }

Node *stretched(const Ctx *c, Node *n, const Tensor *to, Loc loc, const char *name) {
    Eval *e = c->e;
    if (n->type.dtype == I32 && to->dtype == F32) n = g_to_float(n);
    Shape common;
    bool fits = shape_broadcast(&n->type.shape, &to->shape, &common) && shape_equal(&common, &to->shape);
    if (!fits || n->type.dtype != to->dtype) {
        diag_error(e->diags, loc, "'%s' is %s %s, this value is %s %s", name, dtype_name(to->dtype),
                   shape_show(&to->shape, e->arena), dtype_name(n->type.dtype), shape_show(&n->type.shape, e->arena));
        return NULL;
    }
    return shape_equal(&n->type.shape, &to->shape) ? n : g_broadcast(n, &to->shape);
}

bool template_store(const Ctx *c, const Value *template, const Value *v, Node *gate, Loc loc) {
    Eval *e = c->e;
    if (value_is_poison(v) || value_is_poison(template)) return false;
    if (template->kind == V_NUMBER) {
        int slot = (int)template->number;
        const Slot *s = &e->t->slots->all.at[slot];
        Node *n = value_to_node(c, v, loc);
        if (n) n = stretched(c, n, &s->type, loc, s->name);
        if (n) g_assign(c->graph, slot, gate ? g_select(gate, n, g_slot(c->graph, slot)) : n);
        return n != NULL;
    }
    bool parts = v->kind == template->kind && v->n == template->n, ok = true;
    for (int i = 0; i < template->n; i++) ok = template_store(c, template->item[i], parts ? v->item[i] : v, gate, loc) && ok;
    return ok;
}

Unit *initial_unit(Eval *e) {
    Unit u = {0};
    vec_push(e->arena, &e->fixed, u);
    return &e->fixed.at[e->fixed.n - 1];
}

/* ---- parameters --------------------------------------------------------------------------------------------------- */

static bool shape_from_value(const Ctx *c, const Value *v, Shape *out, Loc loc) {
    if (value_sizes(v, 1, out)) return true;
    if (value_is_poison(v)) return false;
    diag_error(c->e->diags, loc, "a shape is a list of at most %d whole numbers above 0, not %s", RANK_MAX, value_show(c->e, v));
    diag_calls(c->e->diags);
    return false;
}

static Value *shape_value(Eval *e, const Shape *s) {
    Value **item = ARENA_ARRAY(e->arena, Value *, s->rank + 1);
    for (int i = 0; i < s->rank; i++) item[i] = value_number(e, (double)s->dim[i], true);
    return value_list(e, s->rank, item);
}

/* The initial value: a number, a list, or a function of the shape, whose draws have the parameter's name as path. */
static void initialise(const Ctx *c, int slot, Value *init, Loc loc) {
    Eval *e = c->e;
    if (is_marked(&e->initialised, slot)) return;
    Slot *s = &e->t->slots->all.at[slot];
    if (init->kind == V_NUMBER) {
        s->fill = init->number;
    } else {
        Ctx ic = ctx_new(e, &e->init, arena_printf(e->arena, "init/%s", s->name), NULL, false, -1);
        Provenance old = graph_at(ic.graph, loc, NULL, "initialiser", s->name);
        Tensor type = s->type;
        const char *name = s->name;
        Value *v = init;
        if (init->kind == V_FUNCTION) v = call_value(&ic, NULL, init, 1, (Value *[]){shape_value(e, &type.shape)}, loc);
        Node *n = v->kind == V_POISON ? NULL : value_to_node(&ic, v, loc);
        if (n) n = stretched(&ic, n, &type, loc, name);
        if (n) g_assign(ic.graph, slot, n);
        graph_back(ic.graph, old);
        const Def *maker = init->kind == V_FUNCTION ? init->function->def : NULL;
        if (!n && maker) diag_note(e->diags, maker->entry->loc, "'%s' gives the initial value", maker->name);
        if (!n) return;
    }
    mark(e->arena, &e->initialised, slot);
}

/* The part of a collection that stands for this parameter: of its name, or of its name inside the network. */
static Value *given_part(const Value *given, const Slot *slot) {
    Value *v = value_member(given, slot->name);
    const char *inner = strchr(slot->name, '/');
    for (int i = 0; i < given->n && !v && inner; i++) {
        const char *its = strchr(given->name[i], '/');
        if (its && !strcmp(its, inner)) v = given->item[i];
    }
    return v && v->kind == V_NODE && shape_equal(&v->node->type.shape, &slot->type.shape) ? v : NULL;
}

/* The call of a network that is being evaluated. */
static Loc call_of(const Eval *e, const Def *network) {
    for (const Caller *c = e->diags->caller; c; c = c->outer)
        if (!c->foreign && !strcmp(c->who, network->name)) return c->loc;
    return (Loc){0};
}

/* Where the sizes come from that the two shapes of one parameter have where they differ. */
static void note_odd_sizes(Diags *d, const Value *now, const Value *first) {
    for (int i = 0; now->kind == V_LIST && first->kind == V_LIST && i < now->n && i < first->n; i++) {
        const Value *x = now->item[i], *z = first->item[i];
        if (x->kind != V_NUMBER || z->kind != V_NUMBER || x->number == z->number) continue;
        if (x->sized && z->sized) note_apart(d, (const Node *const[]){x->sized, z->sized}, (const int[]){x->axis, z->axis});
    }
}

/* A network's calls give one of its parameters two shapes: one here, another in the call that was first. */
static void note_two_shapes(const Ctx *c, int slot, const Value *shape) {
    const Eval *e = c->e;
    for (int i = 0; i < e->shaped.n; i++) {
        const Shaped *first = &e->shaped.at[i];
        if (first->slot != slot) continue;
        if (first->call.line) diag_note(e->diags, first->call, "the other call is here");
        note_odd_sizes(e->diags, shape, first->shape);
    }
}

/* The function of the spec by which a turn came here: meant as a network, it stands in the wrong section. */
static void note_function(const Eval *e) {
    const Def *f = NULL;
    for (const Caller *c = e->diags->caller; c; c = c->outer)
        if (!c->foreign) f = def_find(e->spec, c->who, 1u << DEF_FUNCTION);
    const Loc *section = f && f->globals == e->spec ? &e->spec->section[DEF_FUNCTION] : NULL;
    if (section) diag_note(e->diags, *section, "'%s' stands in 'functions'; what makes parameters of its own stands in 'networks'", f->name);
}

static bool same_calls(const Origin *a, const Chain *from, const Chain *to) {
    const Chain *x = a->from, *y = from;
    for (; x != a->to && y != to; x = x->outer, y = y->outer)
        if (x->ordinal != y->ordinal || x->copy != y->copy) return false;
    return x == a->to && y == to;
}

bool made_once(const Ctx *c, int slot, const char *what, Loc loc) {
    Eval *e = c->e;
    Loc reader = diags_reader(e->diags, loc);
    const Origin *first = int_find(&e->origin, slot);
    if (!first) {
        int_set(e->arena, &e->origin, slot, arena_copy(e->arena, &(Origin){c->chain, c->entered, reader}, sizeof(Origin)));
        return true;
    }
    if (same_calls(first, c->chain, c->entered)) return true;
    diag_error(e->diags, loc, "two calls make %s '%s', by one 'name' or through one small function: name them apart, or write a "
                              "function; what both should share is a network", what, e->t->slots->all.at[slot].name);
    if (first->loc.line != reader.line || first->loc.col != reader.col) diag_note(e->diags, first->loc, "the other call is here");
    else diag_calls(e->diags);
    return false;
}

Value *make_parameter(const Ctx *c, Value *shape, Value *init, const char *kind, const char *name, Loc loc) {
    Eval *e = c->e;
    Shape s;
    if (!c->network) {
        diag_error(e->diags, loc, "a parameter belongs to a network: call this function inside one");
        diag_calls(e->diags);
        note_function(e);
        return value_poison(e);
    }
    if (c->round && c->network == c->loop_network) {
        diag_error(e->diags, loc, "a loop makes no parameters: make them before it, or call a network in it");
        return value_poison(e);
    }
    if (!shape_from_value(c, shape, &s, loc)) return value_poison(e);
    const char *full = arena_printf(e->arena, "%s/%s", c->path, name);
    if (!shape_bounded(&s)) {
        diag_error(e->diags, loc, "the parameter '%s' would have more than 2^40 numbers: %s", full, shape_show(&s, e->arena));
        diag_calls(e->diags);
        return value_poison(e);
    }
    Tensor type = {F32, s};
    int slot = slot_find(e->t->slots, full);
    if (slot < 0) {
        slot = slot_add(e->t->slots, (Slot){.name = full, .type = type, .kind = SLOT_PARAM, .tag = kind, .loc = loc});
        vec_push(e->arena, &e->shaped, ((Shaped){slot, call_of(e, c->network), shape}));
        vec_push(e->arena, &c->network->slots, slot);
    } else if (e->t->slots->all.at[slot].kind != SLOT_PARAM) {
        diag_error(e->diags, loc, "'%s' is also the name of a running value: rename one", full);
        return value_poison(e);
    } else if (!tensor_equal(&e->t->slots->all.at[slot].type, &type)) {
        Shape was = e->t->slots->all.at[slot].type.shape;
        diag_error(e->diags, loc, "the parameter '%s' is %s in this call and %s in another: a network's calls share their "
                                  "parameters", full, shape_show(&s, e->arena), shape_show(&was, e->arena));
        diag_calls(e->diags);
        note_two_shapes(c, slot, shape);
        return value_poison(e);
    }
    if (!made_once(c, slot, "the parameter", loc)) return value_poison(e);
    initialise(c, slot, init, loc);
    if (c->parameters) {
        Value *given = given_part(c->parameters, &e->t->slots->all.at[slot]);
        return given ? given : value_poison(e);       /* parameters_fit has said it */
    }
    return value_node(e, slot_node(c, slot));
}

typedef struct { SlotList slot; Marks nets; } Found;

/* The slots of a network and of those that it calls, each once. */
static void collect(Eval *e, const Def *d, Found *out) {
    if (mark(e->arena, &out->nets, d->number)) return;
    for (int i = 0; i < d->slots.n; i++) vec_push(e->arena, &out->slot, d->slots.at[i]);
    for (int i = 0; i < d->nested.n; i++) collect(e, d->nested.at[i], out);
}

bool parameters_fit(const Ctx *c, const Def *network, const Value *given, Loc loc) {
    Eval *e = c->e;
    Found all = {0};
    collect(e, network, &all);
    for (int i = 0; i < all.slot.n; i++) {
        const Slot *s = &e->t->slots->all.at[all.slot.at[i]];
        if (given_part(given, s)) continue;
        diag_error(e->diags, loc, "'parameters' has nothing for '%s' of shape %s", s->name, shape_show(&s->type.shape, e->arena));
        return false;
    }
    return true;
}

bool name_matches(const char *pattern, const char *name) { return fnmatch(pattern, name, 0) == 0; }

static bool fits(const Slot *s, const char *pattern, const char *kind) {
    const char *inner = strchr(s->name, '/');
    if (pattern && !name_matches(pattern, s->name) && !(inner && name_matches(pattern, inner + 1))) return false;
    return !kind || (s->tag && !strcmp(kind, s->tag));
}

/* The networks' slots, each once; false with a message if one is no network or was never called. */
static bool slots_of(const Ctx *c, const Value *nets, Found *out, Loc loc) {
    Eval *e = c->e;
    if (nets->kind == V_LIST) {
        for (int i = 0; i < nets->n; i++)
            if (!slots_of(c, nets->item[i], out, loc)) return false;
        return true;
    }
    if (nets->kind == V_POISON) return false;
    if (nets->kind != V_FUNCTION || !nets->function->def || nets->function->def->kind != DEF_NETWORK) {
        diag_error(e->diags, loc, "only networks have parameters, this is %s", value_show(e, nets));
        return false;
    }
    const Def *d = nets->function->def;
    if (!d->shaped && !e->shaping && !d->called && !e->diags->errors)      /* else a mistake hid the call */
        diag_error(e->diags, loc, "the network '%s' is called nowhere, so its parameters are not known", d->name);
    if (d->shaped) collect(e, d, out);
    return d->shaped;
}

static void nothing_fits(const Ctx *c, const Value *nets, const Found *all, const char *pattern, const char *kind, Loc loc) {
    Eval *e = c->e;
    Nearest near = nearest_to(pattern ? pattern : kind ? kind : "");
    for (int i = 0; i < all->slot.n; i++) {
        const Slot *s = &e->t->slots->all.at[all->slot.at[i]];
        const char *inner = strchr(s->name, '/');
        if (pattern || s->tag) nearest_add(&near, !pattern ? s->tag : inner ? inner + 1 : s->name);
    }
    while (nets->kind == V_LIST && nets->n) nets = nets->item[nets->n - 1];
    const char *of = nets->kind == V_FUNCTION ? nets->function->name : "[]";
    if (!pattern && !kind) diag_error(e->diags, loc, "'%s' has no parameters", of);
    else diag_error(e->diags, loc, "'%s' has no parameter %s'%s'%s", of, pattern ? "" : "of kind ", pattern ? pattern : kind,
                    nearest_hint(e->arena, &near));
    if (nets->kind == V_FUNCTION && nets->function->head) note_head(e, nets->function->head);
}

Value *network_parameters(const Ctx *c, Value *nets, const char *pattern, const char *kind, Loc loc) {
    Eval *e = c->e;
    Found all = {0};
    if (!slots_of(c, nets, &all, loc)) return value_poison(e);
    const char **name = ARENA_ARRAY(e->arena, const char *, all.slot.n + 1);
    Value **item = ARENA_ARRAY(e->arena, Value *, all.slot.n + 1);
    int n = 0;
    for (int i = 0; i < all.slot.n; i++) {
        int slot = all.slot.at[i];
        const Slot *s = &e->t->slots->all.at[slot];
        if (!fits(s, pattern, kind)) continue;
        name[n] = s->name;
        item[n++] = c->graph ? value_node(e, slot_node(c, slot)) : value_poison(e);
    }
    if (n && pattern && !strpbrk(pattern, "*?[") && n == 1) return item[0];
    if (n) return value_record(e, n, name, item, true);
    nothing_fits(c, nets, &all, pattern, kind, loc);
    return value_poison(e);
}
