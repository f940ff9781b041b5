/* Data in a spec: sources, their keys, and their fields as values. A source is opened when something reads it. */
#include "parser/value.h"

#include "build.h"

#include <string.h>

static Loc key_loc(const void *spec_node, const char *key) {
    const DocEntry *k = doc_entry(spec_node, key);
    return k ? k->value->loc : (Loc){0};
}

static const Dataset *kind_of(Eval *e, const Doc *d, Loc loc) {
    const Doc *kind = doc_get(d, "source");
    if (!kind || kind->kind != DOC_SCALAR) {
        diag_error(e->diags, kind ? kind->loc : loc, "a data source names its kind: `source: polynomials`");
        return NULL;
    }
    const Dataset *set = dataset_named(kind->text);
    if (set) return set;
    Nearest near = nearest_to(kind->text);
    for (const Dataset *const *k = dataset_table; *k; k++) nearest_add(&near, (*k)->name);
    diag_error(e->diags, kind->loc, "there is no kind of source '%s'%s", kind->text,
               near.best ? nearest_hint(e->arena, &near) : "; 'graphrun help data' lists them");
    return NULL;
}

static bool option_from_doc(const Ctx *c, Scope *s, const Field *f, void *into, const Doc *d, const char *who) {
    bool text = f->type == F_TEXT && d->kind == DOC_SCALAR;
    bool word = f->type == F_CHOICE && is_choice_word(c, s, d, f->choices);
    if (d->kind == DOC_SCALAR && !d->length && d->style == DOC_PLAIN) {
        diag_error(c->e->diags, d->loc, "'%s' has no value", f->name);
        return false;
    }
    Value *v = text || word ? value_text(c->e, d->text) : eval_doc(c, s, d);
    return field_from_value(c, f, into, v, d->loc, who);
}

/* Fields are known once the source is open; they are reworked by lists. */
static bool might_be_field(const DocEntry *k) {
    return k->value->kind == DOC_LIST || field_find(source_keys, k->key);
}

static bool misspelt_option(Eval *e, const Dataset *kind, const DocEntry *k) {
    Nearest near = nearest_to(k->key);
    field_nearest(kind->options, &near);
    field_nearest(source_options, &near);
    if (!near.best) return false;
    diag_error(e->diags, k->loc, "unknown key '%s' of a source of kind %s, did you mean '%s'?", k->key, kind->name, near.best);
    return true;
}

static bool options_from_doc(const Ctx *c, const Dataset *kind, DataSource *src, void *options, const Doc *d) {
    Eval *e = c->e;
    bool ok = true;
    for (int i = 0; i < d->n; i++) {
        const DocEntry *k = &d->entry[i];
        const Field *own = field_find(kind->options, k->key), *common = field_find(source_options, k->key);
        if (own) ok = option_from_doc(c, &e->spec->scope, own, options, k->value, src->name) && ok;
        else if (common) ok = option_from_doc(c, &e->spec->scope, common, &src->common, k->value, src->name) && ok;
        else if (!might_be_field(k)) ok = !misspelt_option(e, kind, k) && ok;
    }
    return ok;
}

/* Once for each source; earlier than its turn where a constant needs it. */
void data_define(Eval *e, Def *def) {
    const Doc *d = def->entry->value;
    SourceUse *use = &e->t->source[def->index];
    if (use->name) return;
    *use = (SourceUse){.name = def->name, .loc = def->entry->loc};
    for (int i = 0; i < DATA_FIELDS; i++) use->field_slot[i] = -1;
    use->cursor_slot = counter_slot(e, arena_printf(e->arena, "@cursor/%s", def->name), I32);
    if (d->kind != DOC_MAP) {
        diag_error(e->diags, d->loc, "a data source is a mapping: {source: polynomials, batch: 64}");
        return;
    }
    const Dataset *kind = kind_of(e, d, def->entry->loc);
    if (!kind) return;
    DataSource *src = ARENA_NEW(e->arena, DataSource);
    void *options = arena_alloc(e->arena, kind->options_size + 1);
    *src = (DataSource){.kind = kind, .name = def->name, .arena = e->arena, .diags = e->diags, .loc = def->entry->loc,
                        .loc_of = key_loc, .spec_node = d, .options = options};
    field_defaults(kind->options, options, e->arena);
    field_defaults(source_options, &src->common, e->arena);
    Ctx c = {.e = e, .text = def, .draw = "data", .constant = true, .tick = -1};
    def->running = true;
    if (options_from_doc(&c, kind, src, options, d)) use->source = src;
    def->running = false;
}

/* Keys that are neither options nor fields: only known once the source is open. That happens once, perhaps in the pass
 * that shapes networks in silence, so it speaks through the source, as opening does. */
static bool check_keys(Eval *e, const DataSource *s, const Doc *d) {
    bool ok = true;
    for (int i = 0; i < d->n; i++) {
        const char *key = d->entry[i].key;
        bool known = field_find(source_keys, key) || field_find(s->kind->options, key) || field_find(source_options, key);
        for (int k = 0; k < s->nfield; k++) known = known || !strcmp(s->field[k].name, key);
        if (known) continue;
        Nearest near = nearest_to(key);
        field_nearest(s->kind->options, &near);
        field_nearest(source_options, &near);
        field_nearest(source_keys, &near);
        for (int k = 0; k < s->nfield; k++) nearest_add(&near, s->field[k].name);
        diag_error(s->diags, d->entry[i].loc, "unknown key '%s' of a source of kind %s%s", key, s->kind->name,
                   nearest_hint(e->arena, &near));
        ok = false;
    }
    return ok;
}

bool data_open(Eval *e, Def *def) {
    SourceUse *use = &e->t->source[def->index];
    if (def->running) {
        diag_error(e->diags, def->entry->loc, "'%s' needs its own value, directly or through others", def->name);
        return false;
    }
    data_define(e, def);
    if (!use->source) return false;
    if (use->used) return use->source->count > 0;
    use->used = true;
    return source_open(use->source) && check_keys(e, use->source, def->entry->value);
}

static Value *raw_field(const Ctx *c, Def *def, int field, Loc loc) {
    Eval *e = c->e;
    SourceUse *use = &e->t->source[def->index];
    const DataField *f = &use->source->field[field];
    if (use->field_slot[field] < 0) {
        Tensor type = {f->sample.dtype, {.rank = f->sample.shape.rank + 1}};
        type.shape.dim[0] = use->source->common.batch;
        memcpy(type.shape.dim + 1, f->sample.shape.dim, sizeof(int64_t) * (size_t)f->sample.shape.rank);
        use->field_slot[field] = slot_add(e->t->slots, (Slot){.name = arena_printf(e->arena, "@batch/%s/%s", def->name, f->name),
                                                              .type = type, .kind = SLOT_BATCH, .loc = def->entry->loc});
    }
    if (!source_want(use->source, field, loc)) return value_poison(e);
    bool known = false;
    for (int i = 0; i < c->build->sources.n; i++) known = known || c->build->sources.at[i] == def->index;
    if (!known) vec_push(e->arena, &c->build->sources, def->index);
    return value_node(e, g_slot(c->graph, use->field_slot[field]));
}

static Value *field_value(const Ctx *c, Def *def, int field, Loc loc) {
    Eval *e = c->e;
    size_t at = (size_t)(def->index * DATA_FIELDS + field);
    while ((size_t)c->build->field_values.n <= at) vec_push(e->arena, &c->build->field_values, (Value *)NULL);
    if (c->build->field_values.at[at]) return c->build->field_values.at[at];
    const DataSource *s = e->t->source[def->index].source;
    Value *v = raw_field(c, def, field, loc);
    const char *name = s->field[field].name;
    bool is_key = field_find(s->kind->options, name) || field_find(source_options, name);
    const Doc *layers = is_key ? NULL : doc_get(def->entry->value, name), *all = doc_get(def->entry->value, "all");
    bool image = s->field[field].sample.dtype == F32 && s->field[field].sample.shape.rank == 3;
    for (int pass = 0; pass < 2; pass++) {
        const Doc *list = pass ? layers : image ? all : NULL;
        if (!list) continue;
        if (list->kind != DOC_LIST) {
            diag_error(e->diags, list->loc, "a field is reworked by a list of layers");
            return value_poison(e);
        }
        Ctx inner = *c;
        inner.network = NULL;
        inner.path = NULL;
        inner.text = def;
        inner.draw = arena_printf(e->arena, "data/%s/%s", def->name, pass ? s->field[field].name : "all");
        v = eval_layers(&inner, &e->spec->scope, list, v);
    }
    return c->build->field_values.at[at] = v;
}

Value *data_member(const Ctx *c, Def *def, const char *name, Loc loc) {
    Eval *e = c->e;
    if (!data_open(e, def)) return value_poison(e);
    const DataSource *s = e->t->source[def->index].source;
    if (!strcmp(name, "count")) return value_number(e, (double)s->count, true);
    for (int i = 0; i < s->nfield; i++)
        if (!strcmp(s->field[i].name, name)) {
            if (c->graph) return field_value(c, def, i, loc);
            diag_error(e->diags, loc, "'%s.%s' changes during the run: only constants may stand here", def->name, name);
            return value_poison(e);
        }
    for (int i = 0; i < s->nconstant; i++)
        if (!strcmp(s->constant[i].name, name) && c->graph)
            return value_node(e, g_tensor(c->graph, s->constant[i].type, s->constant[i].value));
    Nearest near = nearest_to(name);
    for (int i = 0; i < s->nfield; i++) nearest_add(&near, s->field[i].name);
    for (int i = 0; i < s->nconstant; i++) nearest_add(&near, s->constant[i].name);
    nearest_add(&near, "count");
    diag_error(e->diags, loc, "the source '%s' has no field '%s'%s", def->name, name, nearest_hint(e->arena, &near));
    return value_poison(e);
}
