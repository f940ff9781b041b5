/* Metrics and outputs: evaluated in eval mode, in graphs of their own. Kinds of outputs and their keys are the rows of
 * runtime/out; nothing here knows one by name.
 */
#include "parser/value.h"

#include "build.h"

#include <string.h>

typedef struct { Build b; Ctx c; Scope *s; VEC(Node *) result; } Frame;

/* A scope with the mapping's local names, in eval mode. */
static void frame_open(Eval *e, Frame *f, Unit *u, const char *kind, const DocEntry *entry, const Field *a, const Field *b,
                       const char *own, int tick) {
    const char *name = arena_printf(e->arena, "%s %s", kind, entry->key);
    Def *text = ARENA_NEW(e->arena, Def);
    *text = (Def){.kind = DEF_VAR, .name = entry->key, .entry = entry, .globals = e->spec};
    f->b = build_new(e, u, name, entry->loc);
    f->c = ctx_new(e, &f->b, arena_printf(e->arena, "%s/%s", kind, entry->key), text, false, tick);
    f->c.update = UPDATE_NEVER;
    f->s = scope_new(e, &e->spec->scope);
    const Doc *d = entry->value;
    for (int i = 0; i < d->n; i++) {
        const char *key = d->entry[i].key;
        if (field_find(a, key) || field_find(b, key) || (own && !strcmp(own, key))) continue;
        bind_doc(e, f->s, &d->entry[i], &f->c);
    }
}

static int stage_named(Eval *e, const Doc *d) {
    for (int i = 0; i < e->t->nstage; i++)
        if (d->kind == DOC_SCALAR && !strcmp(e->t->stage[i].name, d->text)) return i;
    Nearest near = nearest_to(d->kind == DOC_SCALAR ? d->text : "");
    for (int i = 0; i < e->t->nstage; i++) nearest_add(&near, e->t->stage[i].name);
    diag_error(e->diags, d->loc, "there is no stage '%s'%s", d->kind == DOC_SCALAR ? d->text : "",
               nearest_hint(e->arena, &near));
    return -1;
}

static int over_source(Eval *e, const Doc *d) {
    Def *def = d->kind == DOC_SCALAR ? def_find(e->spec, d->text, 1u << DEF_SOURCE) : NULL;
    if (def && data_open(e, def)) return def->index;
    Nearest near = nearest_to(d->kind == DOC_SCALAR ? d->text : "");
    for (int i = 0; i < e->spec->defs.n; i++)
        if (e->spec->defs.at[i]->kind == DEF_SOURCE) nearest_add(&near, e->spec->defs.at[i]->name);
    if (!def) diag_error(e->diags, d->loc, "'over' names a source%s", nearest_hint(e->arena, &near));
    return -1;
}

static bool one_number(Eval *e, const Node *n, Loc loc, const char *what) {
    if (shape_count(&n->type.shape) == 1) return true;
    diag_error(e->diags, loc, "%s is one number, this is %s", what, shape_show(&n->type.shape, e->arena));
    return false;
}

/* ---- metrics --------------------------------------------------------------------------------------------------------- */

static void metric_mean(Eval *e, Metric *m, const DocEntry *entry, const Doc *mean) {
    Frame f = {0};
    frame_open(e, &f, &m->unit, "metric", entry, metric_keys, metric_keys, NULL, m->tick_slot);
    Node *n = value_to_node(&f.c, eval_doc(&f.c, f.s, mean), mean->loc);
    if (!n) return;
    if (n->type.dtype != F32) n = g_to_float(n);
    if (m->over < 0) {
        if (!doc_entry(entry->value, "over")) diag_error(e->diags, entry->loc, "'mean' wants 'over', the source that it averages over");
    } else if (n->type.shape.rank < 1 || n->type.shape.dim[0] != e->t->source[m->over].source->common.batch) {
        diag_error(e->diags, mean->loc, "'mean' wants one value a sample of '%s', [%lld], this is %s",
                   e->t->source[m->over].name, (long long)e->t->source[m->over].source->common.batch,
                   shape_show(&n->type.shape, e->arena));
    }
    build_done(e, &f.b, 1, &n, NULL);
}

/* `collect`: parts stacked batch after batch; `value` then sees them under their names. */
static void metric_collect(Eval *e, Metric *m, const DocEntry *entry, const Doc *parts, const Doc *value) {
    Frame f = {0}, g = {0};
    frame_open(e, &f, &m->unit, "metric", entry, metric_keys, metric_keys, NULL, m->tick_slot);
    m->value = ARENA_NEW(e->arena, Unit);
    frame_open(e, &g, m->value, "value of", entry, metric_keys, metric_keys, NULL, m->tick_slot);
    m->collect_slot = ARENA_ARRAY(e->arena, int, parts->n + 1);
    for (int i = 0; i < parts->n; i++) {
        const DocEntry *k = &parts->entry[i];
        Node *n = value_to_node(&f.c, eval_doc(&f.c, f.s, k->value), k->value->loc);
        if (!n) return;
        if (n->type.shape.rank < 1) {
            diag_error(e->diags, k->value->loc, "'collect' stacks rows, this is one number");
            return;
        }
        vec_push(e->arena, &f.result, n);
        Tensor all = n->type;
        all.shape.dim[0] = m->count;
        const char *name = arena_printf(e->arena, "@collect/%s/%s", entry->key, k->key);
        int slot = slot_find(e->t->slots, name);
        if (slot < 0) slot = slot_add(e->t->slots, (Slot){.name = name, .type = all, .kind = SLOT_BATCH, .loc = k->loc});
        m->collect_slot[m->ncollect++] = slot;
        bind_value(e, g.s, k->key, k->loc, value_node(e, g_slot(g.c.graph, slot)));
    }
    build_done(e, &f.b, f.result.n, f.result.at, NULL);
    Node *v = value_to_node(&g.c, eval_doc(&g.c, g.s, value), value->loc);
    if (!v || !one_number(e, v, value->loc, "'value'")) return;
    build_done(e, &g.b, 1, &v, NULL);
}

static void metric_value(Eval *e, Metric *m, const DocEntry *entry, const Doc *value) {
    Frame f = {0};
    frame_open(e, &f, &m->unit, "metric", entry, metric_keys, metric_keys, NULL, m->tick_slot);
    Node *n = value_to_node(&f.c, eval_doc(&f.c, f.s, value), value->loc);
    if (n && one_number(e, n, value->loc, "'value'")) build_done(e, &f.b, 1, &n, NULL);
}

static void metric_define(Eval *e, const DocEntry *entry, Metric *m) {
    const Doc *d = entry->value;
    *m = (Metric){.name = entry->key, .loc = entry->loc, .stage = -1, .over = -1, .every = {EVERY_END, 0},
                  .tick_slot = m->tick_slot, .value_slot = m->value_slot};
    const Doc *mean = doc_get(d, "mean"), *collect = doc_get(d, "collect"), *value = doc_get(d, "value");
    const Doc *every = doc_get(d, "every"), *over = doc_get(d, "over"), *stage = doc_get(d, "stage"), *count = doc_get(d, "count");
    bool known = e->shaping || check_unused(e, d, NULL, metric_keys, "this metric");
    if (every) every_from_doc(e, every, &m->every);
    if (over) m->over = over_source(e, over);
    if (stage) m->stage = stage_named(e, stage);
    if (collect && collect->kind != DOC_MAP) diag_error(e->diags, collect->loc, "'collect' is a mapping of names to tensors");
    if (collect) {
        Ctx c = {.e = e, .draw = "metric", .constant = true, .tick = -1};
        int64_t n = 0;
        Value *v = count ? eval_doc(&c, &e->spec->scope, count) : value_none(e);
        if (!value_whole(v, &n) || n < 1) diag_error(e->diags, count ? count->loc : collect->loc, "'collect' wants 'count', a whole number above 0");
        m->count = n;
    }
    int ways = (mean != NULL) + (collect != NULL || value != NULL);
    if (!known && ways == 0) return;                  /* a misspelt key is what is missing */
    if (ways != 1 || (collect && !value))
        diag_error(e->diags, entry->loc, "a metric has 'mean', or 'value', or 'collect' and 'value'");
    else if (mean) metric_mean(e, m, entry, mean);
    else if (collect && m->count > 0 && collect->kind == DOC_MAP) metric_collect(e, m, entry, collect, value);
    else if (!collect) metric_value(e, m, entry, value);
}

void metrics_define(Eval *e, const Doc *metrics) {
    for (int i = 0; i < metrics->n; i++) {
        if (metrics->entry[i].value->kind != DOC_MAP)
            diag_error(e->diags, metrics->entry[i].loc, "a metric is a mapping: {mean: ..., over: ...}");
        else metric_define(e, &metrics->entry[i], &e->t->metric[i]);
    }
}

/* ---- outputs --------------------------------------------------------------------------------------------------------- */

static bool logged_name(Eval *e, const char *name) {
    for (int i = 0; i < e->t->nmetric; i++)
        if (!strncmp(name, "metrics.", 8) && !strcmp(e->t->metric[i].name, name + 8)) return true;
    for (int s = 0; s < e->t->nstage; s++)
        for (int k = 0; k < e->t->stage[s].nentry; k++) {
            const Unit *u = &e->t->stage[s].entry[k].turn->unit;
            for (int r = 0; r < u->nresult; r++)
                if (!strcmp(u->result_name[r], name)) return true;
        }
    return false;
}

static void suggest_logged(Eval *e, const char *name, Loc loc) {
    Nearest near = nearest_to(name);
    for (int i = 0; i < e->t->nmetric; i++) nearest_add(&near, arena_printf(e->arena, "metrics.%s", e->t->metric[i].name));
    for (int s = 0; s < e->t->nstage; s++)
        for (int k = 0; k < e->t->stage[s].nentry; k++) {
            const Unit *u = &e->t->stage[s].entry[k].turn->unit;
            for (int r = 0; r < u->nresult; r++) nearest_add(&near, u->result_name[r]);
        }
    const char *dot = strchr(name, '.');
    Def *player = dot ? def_find(e->spec, arena_strndup(e->arena, name, (size_t)(dot - name)), 1u << DEF_PLAYER) : NULL;
    if (player && doc_entry(player->entry->value, dot + 1))
        diag_error(e->diags, loc, "'%s' is not logged: add '%s' to 'log' of the player '%s'", name, dot + 1, player->name);
    else
        diag_error(e->diags, loc, "nothing is logged under the name '%s'%s", name, nearest_hint(e->arena, &near));
}

static bool names_option(Eval *e, const Doc *d, Names *out) {
    int n = d->kind == DOC_LIST ? d->n : 1;
    const char **name = ARENA_ARRAY(e->arena, const char *, n);
    bool ok = true;
    for (int i = 0; i < n; i++) {
        const Doc *item = d->kind == DOC_LIST ? d->item[i] : d;
        name[i] = item->kind == DOC_SCALAR ? item->text : "";
        if (!e->shaping && e->logs_known && !logged_name(e, name[i])) suggest_logged(e, name[i], item->loc), ok = false;
    }
    *out = (Names){n, name};
    return ok;
}

static int add_value(Eval *e, Frame *f, Value *v, Loc loc) {
    Node *n = value_to_node(&f->c, v, loc);
    if (!n) return -1;
    vec_push(e->arena, &f->result, n);
    return f->result.n - 1;
}

static bool option_set(Eval *e, Frame *f, const Field *field, void *options, const Doc *d, const char *who) {
    void *at = (char *)options + field->offset;
    if (field->type == F_NAMES) return names_option(e, d, at);
    if (field->type == F_EXPR) return (*(int *)at = add_value(e, f, eval_doc(&f->c, f->s, d), d->loc)) >= 0;
    if (field->type == F_EXPRS) {
        Ints *ints = at;
        Value *v = eval_doc(&f->c, f->s, d);
        bool list = v->kind == V_LIST && v->n && (v->item[0]->kind == V_NODE || v->item[0]->kind == V_LIST);
        if (value_is_poison(v)) return false;
        if (list && v->n > INTS_MAX) {
            diag_error(e->diags, d->loc, "'%s' takes at most %d tensors, this is %d", field->name, INTS_MAX, v->n);
            return false;
        }
        for (int i = 0; i < (list ? v->n : 1); i++)
            if ((ints->at[ints->n++] = add_value(e, f, list ? v->item[i] : v, d->loc)) < 0) return false;
        return true;
    }
    bool word = is_choice_word(&f->c, f->s, d, field->choices);
    Value *v = word || (field->type == F_TEXT && d->kind == DOC_SCALAR) ? value_text(e, d->text) : eval_doc(&f->c, f->s, d);
    return field_from_value(&f->c, field, options, v, d->loc, who);
}

static const Output *kind_of(Eval *e, const DocEntry *entry) {
    const Doc *d = entry->value;
    for (int i = 0; d->kind == DOC_MAP && i < d->n; i++)
        if (output_named(d->entry[i].key)) return output_named(d->entry[i].key);
    Nearest near = nearest_to(d->kind == DOC_MAP && d->n ? d->entry[0].key : "");
    const char *all = "";
    for (const Output *const *k = output_table; *k; k++) {
        nearest_add(&near, (*k)->name);
        all = arena_printf(e->arena, "%s%s%s", all, *all ? ", " : "", (*k)->name);
    }
    diag_error(e->diags, entry->loc, "an output has one of the keys %s%s", all, nearest_hint(e->arena, &near));
    return NULL;
}

static void check_output_keys(Eval *e, const Doc *d, const Output *kind) {
    VEC(const char *) names = {0};
    for (const Field *f = kind->options; f->name; f++) vec_push(e->arena, &names, f->name);
    vec_push(e->arena, &names, (const char *)NULL);
    check_unused(e, d, names.at, output_keys, arena_printf(e->arena, "an output of kind %s", kind->name));
}

static bool flag(Eval *e, const Doc *d, const char *key) {
    if (d->kind == DOC_SCALAR && !strcmp(d->text, "true")) return true;
    if (d->kind != DOC_SCALAR || strcmp(d->text, "false")) diag_error(e->diags, d->loc, "'%s' is true or false", key);
    return false;
}

static void output_define(Eval *e, const DocEntry *entry, OutputUse *out, int range_slot) {
    const Doc *d = entry->value;
    const Output *kind = kind_of(e, entry);
    *out = (OutputUse){.name = entry->key, .loc = entry->loc, .kind = kind, .stage = -1, .over = -1, .modes = -1,
                       .every = {EVERY_END, 0}, .range_slot = range_slot};
    if (!kind) return;
    if (!e->shaping) check_output_keys(e, d, kind);
    Frame f = {0};
    frame_open(e, &f, &out->unit, "output", entry, kind->options, output_keys, NULL, e->t->total_step_slot);
    void *options = arena_alloc(e->arena, kind->options_size + 1);
    field_defaults(kind->options, options, e->arena);
    bool ok = true;
    for (const Field *k = kind->options; k->name; k++) {
        const Doc *given = doc_get(d, k->name);
        if (given) ok = option_set(e, &f, k, options, given, entry->key) && ok;
    }
    out->options = options;
    const Doc *every = doc_get(d, "every"), *when = doc_get(d, "when"), *stage = doc_get(d, "stage"), *over = doc_get(d, "over");
    const Doc *animate = doc_get(d, "animate"), *name = doc_get(d, "name");
    if (every) every_from_doc(e, every, &out->every);
    if (stage) out->stage = stage_named(e, stage);
    if (over) out->over = over_source(e, over);
    if (animate) out->animate = flag(e, animate, "animate");
    if (name && name->kind == DOC_SCALAR) out->name = name->text;
    if (when) {
        out->when = ARENA_NEW(e->arena, Unit);
        Build b = build_new(e, out->when, "when", when->loc);
        Ctx c = ctx_new(e, &b, "when", NULL, false, e->t->total_step_slot);
        Node *n = value_to_node(&c, eval_doc(&c, &e->spec->scope, when), when->loc);
        if (n && (n->type.dtype != U8 || n->type.shape.rank)) diag_error(e->diags, when->loc, "'when' is one condition, this is %s %s", dtype_name(n->type.dtype),
                       shape_show(&n->type.shape, e->arena));
        if (n) build_done(e, &b, 1, &n, NULL);
    }
    Tensor *types = ARENA_ARRAY(e->arena, Tensor, f.result.n + 1);
    for (int i = 0; i < f.result.n; i++) types[i] = f.result.at[i]->type;
    if (ok && kind->check) kind->check(options, f.result.n, types, e->diags, entry->loc);
    build_done(e, &f.b, f.result.n, f.result.at, NULL);
}

void outputs_define(Eval *e, const Doc *outputs) {
    e->logs_known = !e->diags->errors;
    for (int i = 0; i < outputs->n; i++)
        output_define(e, &outputs->entry[i], &e->t->output[i], e->t->output[i].range_slot);
}

/* `-e EXPR`: one more output named 'expression', of the given kind. */
void output_expression(Eval *e, const char *text, const char *kind) {
    const char *spec = arena_printf(e->arena, "expression: {%s: \"", kind ? kind : "grid");
    for (const char *p = text; *p; p++)
        spec = arena_printf(e->arena, *p == '"' || *p == '\\' ? "%s\\%c" : "%s%c", spec, *p);
    spec = arena_printf(e->arena, "%s\"}\n", spec);
    Doc *d = doc_parse("-e", spec, strlen(spec), e->diags);
    if (!d) return;
    Training *t = e->t;
    OutputUse *grown = ARENA_ARRAY(e->arena, OutputUse, t->noutput + 1);
    if (t->noutput) memcpy(grown, t->output, sizeof *grown * (size_t)t->noutput);
    t->output = grown;
    output_define(e, &d->entry[0], &t->output[t->noutput++], counter_slot(e, "@range/expression", F32));
}
