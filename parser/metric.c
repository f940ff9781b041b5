/* Metrics: evaluated in eval mode, in graphs of their own. And what they share with outputs. */
#include "parser/measure.h"

#include "build.h"

#include <string.h>

void frame_open(Eval *e, Frame *f, Unit *u, const char *kind, const DocEntry *entry, const Field *a, const Field *b,
                int tick) {
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
        if (field_find(a, key) || field_find(b, key)) continue;
        bind_doc(e, f->s, &d->entry[i], &f->c);
    }
}

int stage_named(Eval *e, const Doc *d) {
    for (int i = 0; i < e->t->nstage; i++)
        if (d->kind == DOC_SCALAR && !strcmp(e->t->stage[i].name, d->text)) return i;
    Nearest near = nearest_to(d->kind == DOC_SCALAR ? d->text : "");
    for (int i = 0; i < e->t->nstage; i++) nearest_add(&near, e->t->stage[i].name);
    diag_error(e->diags, d->loc, "there is no stage '%s'%s", d->kind == DOC_SCALAR ? d->text : "",
               nearest_hint(e->arena, &near));
    return -1;
}

int over_source(Eval *e, const Doc *d) {
    Def *def = d->kind == DOC_SCALAR ? def_find(e->spec, d->text, 1u << DEF_SOURCE) : NULL;
    if (def && data_open(e, def)) return def->index;
    Nearest near = nearest_to(d->kind == DOC_SCALAR ? d->text : "");
    for (int i = 0; i < e->spec->defs.n; i++)
        if (e->spec->defs.at[i]->kind == DEF_SOURCE) nearest_add(&near, e->spec->defs.at[i]->name);
    if (!def) diag_error(e->diags, d->loc, "'over' names a source%s", nearest_hint(e->arena, &near));
    return -1;
}

bool node_changes(const Eval *e, const Node *n, int source) {
    Graph *g = n->graph;
    bool *seen = ARENA_ARRAY(g->arena, bool, n->id + 1);
    seen[n->id] = true;
    for (int id = n->id; id >= 0; id--) {
        const Node *at = g->node.at[id];
        if (!seen[id]) continue;
        if (source < 0 && at->op->traits & RANDOM) return true;
        for (int i = 0; at->op == &op_slot && i < e->t->nsource; i++)
            for (int k = 0; (source < 0 || i == source) && e->t->source[i].source && k < e->t->source[i].source->nfield; k++)
                if (e->t->source[i].field_slot[k] == ((const SlotAttr *)at->attr)->slot) return true;
        for (int k = 0; k < at->nsrc; k++) seen[at->src[k]->id] = true;
    }
    return false;
}

int64_t count_of_rows(Eval *e, const Doc *count) {
    Ctx c = {.e = e, .draw = "count", .constant = true, .tick = -1};
    Value *v = eval_doc(&c, &e->spec->scope, count);
    int64_t n = 0;
    if (value_is_poison(v) || (value_whole(v, &n) && n > 0)) return n;
    diag_error(e->diags, count->loc, "'count' is a whole number of rows above 0, not %s", value_show(e, v));
    return 0;
}

static bool one_number(Eval *e, const Node *n, Loc loc, const char *what) {
    if (shape_count(&n->type.shape) == 1) return true;
    diag_error(e->diags, loc, "%s is one number, this is %s", what, shape_show(&n->type.shape, e->arena));
    return false;
}

/* ---- metrics --------------------------------------------------------------------------------------------------------- */

static void metric_mean(Eval *e, Metric *m, const DocEntry *entry, const Doc *mean) {
    Frame f = {0};
    frame_open(e, &f, &m->unit, "metric", entry, metric_keys, metric_keys, m->tick_slot);
    Node *n = value_to_node(&f.c, eval_doc(&f.c, f.s, mean), mean->loc);
    if (!n) return;
    if (n->type.dtype != F32) n = g_to_float(n);
    if (m->over < 0) {
        if (!doc_entry(entry->value, "over")) diag_error(e->diags, entry->loc, "'mean' wants 'over', the source that it averages over");
    } else if (!node_changes(e, n, m->over)) {
        diag_error(e->diags, mean->loc, "this 'mean' reads nothing of '%s', the source that it goes through by 'over'",
                   e->t->source[m->over].name);
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
    frame_open(e, &f, &m->unit, "metric", entry, metric_keys, metric_keys, m->tick_slot);
    m->value = ARENA_NEW(e->arena, Unit);
    frame_open(e, &g, m->value, "value of", entry, metric_keys, metric_keys, m->tick_slot);
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
        if (slot < 0) slot = slot_add(e->t->slots, (Slot){.name = name, .type = all, .kind = SLOT_COLLECTED, .loc = k->loc, .maker = n});
        m->collect_slot[m->ncollect++] = slot;
        if (doc_entry(entry->value, k->key))
            diag_error(e->diags, k->loc, "'%s' is collected and is a local name, too: rename one", k->key);
        bind_value(e, g.s, k->key, k->loc, value_node(e, g_slot(g.c.graph, slot)));
    }
    build_done(e, &f.b, f.result.n, f.result.at, NULL);
    Node *v = value_to_node(&g.c, eval_doc(&g.c, g.s, value), value->loc);
    if (!v || !one_number(e, v, value->loc, "'value'")) return;
    build_done(e, &g.b, 1, &v, NULL);
}

static void metric_value(Eval *e, Metric *m, const DocEntry *entry, const Doc *value) {
    Frame f = {0};
    frame_open(e, &f, &m->unit, "metric", entry, metric_keys, metric_keys, m->tick_slot);
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
    if (count && !collect) diag_error(e->diags, count->loc, "'count' belongs to 'collect': how many rows it gathers");
    if (collect && count) m->count = count_of_rows(e, count);
    if (collect && !count && m->over >= 0) m->count = e->t->source[m->over].source->count;
    if (collect && !count && m->over < 0)
        diag_error(e->diags, collect->loc, "'collect' wants 'count', a number of rows, or 'over', a source to go through");
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
