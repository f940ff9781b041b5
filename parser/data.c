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

/* Paths: a text or a list of texts, whatever their quoting; NULL: neither. */
static Value *texts_from_doc(Eval *e, const Doc *d) {
    if (d->kind == DOC_SCALAR) return value_text(e, d->text);
    Value **item = ARENA_ARRAY(e->arena, Value *, d->n + 1);
    for (int i = 0; i < d->n; i++) {
        if (d->kind != DOC_LIST || d->item[i]->kind != DOC_SCALAR) return NULL;
        item[i] = value_text(e, d->item[i]->text);
    }
    return value_list(e, d->n, item);
}

static bool option_from_doc(const Ctx *c, Scope *s, const Field *f, void *into, const Doc *d, const char *who) {
    bool text = f->type == F_TEXT && d->kind == DOC_SCALAR;
    Value *paths = f->type == F_PATHS ? texts_from_doc(c->e, d) : NULL;
    bool word = f->type == F_CHOICE && is_choice_word(c, s, d, f->choices);
    if (d->kind == DOC_SCALAR && !d->length && d->style == DOC_PLAIN) {
        diag_error(c->e->diags, d->loc, "'%s' has no value", f->name);
        return false;
    }
    Value *v = paths ? paths : text || word ? value_text(c->e, d->text) : eval_doc(c, s, d);
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
    for (const Field *f = kind->options; ok && f && f->name; f++)
        if (!f->dflt && !doc_entry(d, f->name)) {
            diag_error(e->diags, src->loc, "'%s' is missing: a source of kind %s has no default for it, as in %s", f->name, kind->name,
                       kind->example);
            ok = false;
        }
    return ok;
}

/* Once for each source; earlier than its turn where a constant needs it. */
void data_define(Eval *e, Def *def) {
    const Doc *d = def->entry->value;
    SourceUse *use = &e->t->source[def->index];
    if (use->name) return;
    *use = (SourceUse){.name = def->name, .loc = def->entry->loc};
    for (int i = 0; i < DATA_FIELDS; i++) use->field_slot[i] = use->last_slot[i] = -1;
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

/* The fields that keys may rework: those of the open source; of one that nothing reads, those that its kind has. NULL: the
 * file alone would say. */
static const char *const *field_names(Eval *e, const DataSource *s) {
    VEC(const char *) names = {0};
    for (int k = 0; k < s->nfield; k++) vec_push(e->arena, &names, s->field[k].name);
    const FieldRow *rows[] = {s->kind->fields, source_fields};
    for (int r = 0; r < 2 && !s->nfield; r++)
        for (const FieldRow *f = rows[r]; f && f->name; f++) {
            if (!strcmp(f->name, "*")) return NULL;
            vec_push(e->arena, &names, f->name);
        }
    vec_push(e->arena, &names, (const char *)NULL);
    return names.at;
}

/* Keys that are neither options nor fields. A source is opened once, perhaps in the pass that shapes networks in silence, so
 * this speaks through the source, as opening does. */
static bool check_keys(Eval *e, const DataSource *s, const Doc *d) {
    const char *const *fields = field_names(e, s);
    bool ok = true;
    if (!fields) return true;
    for (int i = 0; i < d->n; i++) {
        const char *key = d->entry[i].key;
        bool known = field_find(source_keys, key) || field_find(s->kind->options, key) || field_find(source_options, key);
        for (const char *const *f = fields; *f; f++) known = known || !strcmp(*f, key);
        if (known) continue;
        Nearest near = nearest_to(key);
        field_nearest(s->kind->options, &near);
        field_nearest(source_options, &near);
        field_nearest(source_keys, &near);
        for (const char *const *f = fields; *f; f++) nearest_add(&near, *f);
        diag_error(s->diags, d->entry[i].loc, "unknown key '%s' of a source of kind %s%s", key, s->kind->name,
                   nearest_hint(e->arena, &near));
        ok = false;
    }
    return ok;
}

void data_check_unread(Eval *e, const Def *def) {
    const SourceUse *use = &e->t->source[def->index];
    if (use->source && !use->used) check_keys(e, use->source, def->entry->value);
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

/* ---- fields --------------------------------------------------------------------------------------------------------------- */

static Tensor batch_type(const DataSource *s, int field) {
    const Tensor *one = &s->field[field].sample;
    Tensor type = {one->dtype, {.rank = one->shape.rank + 1}};
    type.shape.dim[0] = s->common.batch;
    memcpy(type.shape.dim + 1, one->shape.dim, sizeof(int64_t) * (size_t)one->shape.rank);
    return type;
}

static int batch_slot(Eval *e, const Def *def, const char *what, const char *field, Tensor type) {
    const char *name = field ? arena_printf(e->arena, "@%s/%s/%s", what, def->name, field)
                             : arena_printf(e->arena, "@%s/%s", what, def->name);
    int at = slot_find(e->t->slots, name);
    if (at >= 0) return at;
    return slot_add(e->t->slots, (Slot){.name = name, .type = type, .kind = SLOT_BATCH, .loc = def->entry->loc});
}

/* The layers of a field: those of `all`, for images, then its own. A field named like a key has none. */
static int layers_of(const Def *def, const DataSource *s, int field, const Doc **list) {
    const DataField *f = &s->field[field];
    bool is_key = field_find(s->kind->options, f->name) || field_find(source_options, f->name);
    bool image = f->sample.dtype == F32 && f->sample.shape.rank == 3;
    const Doc *all = image ? doc_get(def->entry->value, "all") : NULL, *own = is_key ? NULL : doc_get(def->entry->value, f->name);
    int n = 0;
    if (all) list[n++] = all;
    if (own) list[n++] = own;
    return n;
}

static Rework *rework_of(Eval *e, Def *def) {
    SourceUse *use = &e->t->source[def->index];
    if (use->rework) return use->rework;
    Rework *r = use->rework = ARENA_NEW(e->arena, Rework);
    for (int i = 0; i < DATA_FIELDS; i++) r->raw_slot[i] = -1;
    r->tick_slot = batch_slot(e, def, "batch_number", NULL, (Tensor){I32, {.rank = 0}});
    for (int mode = 0; mode < MODES; mode++) build_new(e, &r->unit[mode], arena_printf(e->arena, "layers of %s", def->name), def->entry->loc);
    return r;
}

/* Layers run before any turn, perhaps in another thread: what a run changes cannot stand in them. */
static bool reads_raw_only(Eval *e, const Rework *r, const Build *b, Loc loc) {
    const Graph *g = b->graph;
    for (int i = 0; i < g->node.n; i++) {
        const Node *n = g->node.at[i];
        bool slot = n->op == &op_slot, mine = false;
        int at = slot ? ((const SlotAttr *)n->attr)->slot : -1;
        for (int k = 0; k < DATA_FIELDS; k++) mine = mine || r->raw_slot[k] == at;
        if ((!slot || mine || at == r->tick_slot) && !(n->op->traits & EFFECT)) continue;
        const char *name = slot ? e->t->slots->all.at[at].name : n->op->name;
        diag_error(e->diags, loc, "layers of data use their field, numbers and draws; '%s' is none of these: batches are made "
                                  "ahead of the turns", name + (*name == '@'));
        return false;
    }
    return true;
}

static Node *rework_field(Eval *e, Def *def, Rework *r, int field, FieldMode mode, int n, const Doc *const *list) {
    const DataSource *s = e->t->source[def->index].source;
    Build b = {.unit = &r->unit[mode], .graph = r->unit[mode].graph, .player = -1};
    Value *v = value_node(e, g_slot(b.graph, r->raw_slot[field]));
    for (int i = 0; i < n; i++) {
        if (list[i]->kind != DOC_LIST) {
            diag_error(e->diags, list[i]->loc, "a field is reworked by a list of layers");
            return NULL;
        }
        bool all = list[i] == doc_get(def->entry->value, "all");
        const char *draw = arena_printf(e->arena, "data/%s/%s", def->name, all ? "all" : s->field[field].name);
        Ctx c = ctx_new(e, &b, draw, def, mode == MODE_TRAIN, r->tick_slot);
        v = eval_layers(&c, &e->spec->scope, list[i], v);
        if (value_is_poison(v)) return NULL;
        bool tensor = v->kind == V_NODE;
        if (!tensor || v->node->type.shape.rank < 1 || v->node->type.shape.dim[0] != s->common.batch) {
            diag_error(e->diags, list[i]->loc, "layers of a field give a tensor with the %lld samples of a batch on axis 0, not %s",
                       (long long)s->common.batch, tensor ? shape_show(&v->node->type.shape, e->arena) : value_kind(v));
            return NULL;
        }
        if (!reads_raw_only(e, r, &b, list[i]->loc)) return NULL;
    }
    return v->node;
}

static void add_result(Eval *e, Unit *u, int n, Node *node, const char *name) {
    if (!u->result) {
        u->result = ARENA_ARRAY(e->arena, Node *, DATA_FIELDS);
        u->result_name = ARENA_ARRAY(e->arena, const char *, DATA_FIELDS);
    }
    u->result[n] = node;
    u->result_name[n] = name;
    u->nresult = n + 1;
}

/* Gives the slot of the reworked field, -1 where something is wrong; once a field. */
static int reworked_slot(Eval *e, Def *def, int field, int n, const Doc *const *list) {
    const DataSource *s = e->t->source[def->index].source;
    Rework *r = rework_of(e, def);
    if (r->raw_slot[field] >= 0) return e->t->source[def->index].field_slot[field];
    r->raw_slot[field] = batch_slot(e, def, "raw", s->field[field].name, batch_type(s, field));
    Node *made[MODES];
    for (int mode = 0; mode < MODES; mode++)
        if (!(made[mode] = rework_field(e, def, r, field, mode, n, list))) return -1;
    const Tensor *train = &made[MODE_TRAIN]->type, *eval = &made[MODE_EVAL]->type;
    if (!tensor_equal(train, eval)) {
        diag_error(e->diags, list[n - 1]->loc, "'%s.%s' is %s %s where training is true, and %s %s where not: it must be the same",
                   def->name, s->field[field].name, dtype_name(train->dtype), shape_show(&train->shape, e->arena),
                   dtype_name(eval->dtype), shape_show(&eval->shape, e->arena));
        return -1;
    }
    for (int mode = 0; mode < MODES; mode++) add_result(e, &r->unit[mode], r->nfield, made[mode], s->field[field].name);
    r->field[r->nfield++] = field;
    int slot = batch_slot(e, def, "batch", s->field[field].name, *train);
    e->t->slots->all.at[slot].maker = made[MODE_TRAIN];
    return slot;
}

/* Of the last batch, where it is not full. */
static int *last_slot(Eval *e, Def *def, int field) {
    SourceUse *use = &e->t->source[def->index];
    Tensor type = e->t->slots->all.at[use->field_slot[field]].type;
    type.shape.dim[0] = source_rest(use->source);
    use->last_slot[field] = batch_slot(e, def, "last", use->source->field[field].name, type);
    return &use->last_slot[field];
}

static Value *field_value(const Ctx *c, Def *def, int field, Loc loc) {
    Eval *e = c->e;
    SourceUse *use = &e->t->source[def->index];
    const Doc *list[2];
    if (!source_want(use->source, field, loc)) return value_poison(e);
    int n = layers_of(def, use->source, field, list), *slot = &use->field_slot[field];
    if (n) *slot = reworked_slot(e, def, field, n, list);
    else if (*slot < 0) *slot = batch_slot(e, def, "batch", use->source->field[field].name, batch_type(use->source, field));
    if (*slot < 0) return value_poison(e);
    bool known = false;
    for (int i = 0; i < c->build->sources.n; i++) known = known || c->build->sources.at[i] == def->index;
    if (!known) vec_push(e->arena, &c->build->sources, def->index);
    for (int i = 0; i < c->build->partial.n; i++)
        if (c->build->partial.at[i] == def->index) slot = last_slot(e, def, field);
    return value_node(e, g_slot(c->graph, *slot));
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
