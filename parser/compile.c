/* compile(): from a file to a Training. The spec is evaluated twice: first quietly, which finds the shapes of all
 * networks and who reads whose values; then for good.
 */
#include "parser/compile.h"

#include "build.h"
#include "parser/trace.h"
#include "parser/value.h"

#include <stdlib.h>
#include <string.h>

extern const char prelude_text[];
extern const size_t prelude_text_size;

const char *prelude_source(size_t *size) {
    *size = prelude_text_size;
    return prelude_text;
}

/* ---- units ------------------------------------------------------------------------------------------------------------- */

Build build_new(Eval *e, Unit *u, const char *name, Loc loc) {
    *u = (Unit){.name = name, .loc = loc};
    u->graph = graph_new(e->arena, e->diags, e->t->slots, name);
    graph_at(u->graph, loc, NULL, NULL, NULL);
    return (Build){.unit = u, .graph = u->graph, .player = -1};
}

Ctx ctx_new(Eval *e, Build *b, const char *draw, Def *text, bool training, int tick) {
    return (Ctx){.e = e, .build = b, .graph = b->graph, .draw = draw, .text = text, .training = training, .tick = tick};
}

void build_done(Eval *e, Build *b, int nresult, Node **result, const char **names) {
    Unit *u = b->unit;
    u->nresult = nresult;
    u->result = ARENA_ARRAY(e->arena, Node *, nresult + 1);
    u->result_name = ARENA_ARRAY(e->arena, const char *, nresult + 1);
    for (int i = 0; i < nresult; i++) u->result[i] = result[i], u->result_name[i] = names ? names[i] : u->name;
    u->nsource = b->sources.n;
    u->source = b->sources.at;
    slopes_check(e, b);
    u->niteration = b->iterations.n;
    u->iteration = b->iterations.at;
    if (u->graph->full && !e->shaping)
        diag_error(e->diags, u->loc, "the graph of '%s' has more than %d nodes: something in it repeats too often; `loop` runs a list "
                                         "many times without a copy for each round (but not under grad)", u->name, GRAPH_LIMIT);
}

int counter_slot(Eval *e, const char *name, DType t) {
    int at = slot_find(e->t->slots, name);
    if (at >= 0) return at;
    Tensor type = {t, {0}};
    if (t == F32) type.shape = SHAPE(2);
    return slot_add(e->t->slots, (Slot){.name = name, .type = type, .kind = SLOT_COUNTER});
}

/* ---- the whole ----------------------------------------------------------------------------------------------------------- */

static void make_counters(Eval *e) {
    Training *t = e->t;
    t->step_slot = counter_slot(e, "@step", I32);
    t->total_step_slot = counter_slot(e, "@total_step", I32);
    t->epoch_slot = counter_slot(e, "@epoch", I32);
    t->stage_slot = counter_slot(e, "@stage", I32);
    t->entry_slot = counter_slot(e, "@entry", I32);
    t->repeat_slot = counter_slot(e, "@repeat", I32);
    for (int i = 0; i < e->spec->defs.n; i++) {
        const Def *d = e->spec->defs.at[i];
        if (d->kind != DEF_PLAYER) continue;
        t->player[d->index] = (Player){.name = d->name, .loc = d->entry->loc};
        t->player[d->index].turn_slot = counter_slot(e, arena_printf(e->arena, "@turn/%s", d->name), I32);
        t->player[d->index].total_slot = counter_slot(e, arena_printf(e->arena, "@total_turns/%s", d->name), I32);
    }
}

static int map_size(Eval *e, const Doc *spec, const char *key) {
    const Doc *d = doc_get(spec, key);
    if (d && d->kind != DOC_MAP) diag_error(e->diags, d->loc, "'%s' is a mapping from names to what they mean", key);
    return d && d->kind == DOC_MAP ? d->n : 0;
}

static void prepare(Eval *e, const Doc *spec) {
    Training *t = e->t;
    t->nsource = e->spec->count[DEF_SOURCE];
    t->source = ARENA_ARRAY(e->arena, SourceUse, t->nsource + 1);
    t->nplayer = e->spec->count[DEF_PLAYER];
    t->player = ARENA_ARRAY(e->arena, Player, t->nplayer + 1);
    t->niteration = e->spec->count[DEF_ITERATION];
    t->iteration = ARENA_ARRAY(e->arena, IterationValue, t->niteration + 1);
    t->nmetric = map_size(e, spec, "metrics");
    t->metric = ARENA_ARRAY(e->arena, Metric, t->nmetric + 1);
    t->noutput = map_size(e, spec, "outputs");
    t->output = ARENA_ARRAY(e->arena, OutputUse, t->noutput + 1);
    make_counters(e);
    for (int i = 0; i < t->nmetric; i++) {
        t->metric[i].name = doc_get(spec, "metrics")->entry[i].key;
        t->metric[i].tick_slot = counter_slot(e, "@metric_batch", I32);
        const char *name = arena_printf(e->arena, "@metric/%s", t->metric[i].name);
        t->metric[i].value_slot = slot_add(t->slots, (Slot){.name = name, .type = {F32, {0}}, .kind = SLOT_LATEST});
    }
    for (int i = 0; i < t->noutput; i++)
        t->output[i].range_slot =
            counter_slot(e, arena_printf(e->arena, "@range/%s", doc_get(spec, "outputs")->entry[i].key), F32);
    for (int i = 0; i < e->spec->defs.n; i++) {
        Def *d = e->spec->defs.at[i];
        if (d->kind == DEF_SOURCE) data_define(e, d);
        if (d->kind == DEF_ITERATION) t->iteration[d->index] = (IterationValue){.name = d->name, .loc = d->entry->loc};
    }
    for (int i = 0; i < e->spec->defs.n; i++) {
        const Def *d = e->spec->defs.at[i];
        Ctx c = {.e = e, .draw = "vars", .constant = true, .tick = -1};
        if (d->kind == DEF_VAR) scope_get(&c, &e->spec->scope, d->name, d->entry->loc, false);
    }
}

static void everything(Eval *e, const Doc *spec, int64_t steps) {
    const Doc *schedule = doc_get(spec, "schedule"), *metrics = doc_get(spec, "metrics"), *outputs = doc_get(spec, "outputs");
    if (schedule) schedule_define(e, schedule, steps);
    if (metrics && metrics->kind == DOC_MAP) metrics_define(e, metrics);
    if (outputs && outputs->kind == DOC_MAP) outputs_define(e, outputs);
    for (int i = 0; i < e->spec->defs.n; i++) {       /* iteration values that nothing reads are still checked */
        Def *d = e->spec->defs.at[i];
        Unit u = {0};
        if (d->kind != DEF_ITERATION || d->value) continue;
        Build b = build_new(e, &u, d->name, d->entry->loc);
        Ctx c = ctx_new(e, &b, d->name, d, true, e->t->total_step_slot);
        iteration_value(&c, d, d->entry->loc);
    }
}

/* Every field of every source, as if something read it. */
static void every_field(Eval *e) {
    Unit *unit = ARENA_NEW(e->arena, Unit);
    Build b = build_new(e, unit, "data", (Loc){0});
    for (int i = 0; i < e->spec->defs.n; i++) {
        Def *d = e->spec->defs.at[i];
        if (d->kind != DEF_SOURCE || !data_open(e, d)) continue;
        const DataSource *s = e->t->source[d->index].source;
        Ctx c = ctx_new(e, &b, "data", d, false, e->t->total_step_slot);
        for (int k = 0; k < s->nfield; k++)
            if (!s->field[k].unusable) data_member(&c, d, s->field[k].name, d->entry->loc);
    }
}

/* What the second pass must not find: the first one's half-made things. Slots, initial values and shapes stay. */
static void shape_networks(Eval *e, const Doc *spec, int64_t steps) {
    Diags *loud = e->diags;
    Diags *quiet = diags_new(e->arena);
    quiet->sources = loud->sources;
    quiet->nsource = loud->nsource;
    e->diags = quiet;
    e->shaping = true;
    e->fold->diags = e->init.graph->diags = quiet;
    everything(e, spec, steps);
    e->shaping = false;
    e->diags = loud;
    e->fold->diags = e->init.graph->diags = loud;
    for (int i = 0; i < e->t->nsource; i++)
        if (e->t->source[i].source) e->t->source[i].source->diags = loud, e->t->source[i].rework = NULL;
    for (int i = 0; i < e->spec->defs.n; i++)          /* evaluated anew, so that what is wrong of them is heard */
        if (e->spec->defs.at[i]->kind == DEF_ITERATION) e->spec->defs.at[i]->value = NULL;
}

static void warn_networks(Eval *e) {
    for (int i = 0; i < e->spec->defs.n; i++) {
        const Def *d = e->spec->defs.at[i];
        if (d->kind != DEF_NETWORK) continue;
        bool moved = false;
        for (int k = 0; k < d->slots.n; k++) moved = moved || is_marked(&e->moved, d->slots.at[k]);
        if (!d->shaped) diag_warn(e->diags, d->entry->loc, "the network '%s' is called nowhere", d->name);
        else if (d->slots.n && !moved && !d->loaded)
            diag_warn(e->diags, d->entry->loc, "no player moves the network '%s' and no file is loaded into it", d->name);
        else if (d->states.n && !d->updated && !d->loaded)
            diag_warn(e->diags, d->entry->loc, "no turn moves the running values of the network '%s': they stay as they start", d->name);
    }
}

/* Adds it to the layer that made it and to those around that one. */
static void count_parameter(Eval *e, const NameTable *rows, const Slot *s) {
    char *path = arena_strdup(e->arena, s->name);
    for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
        *slash = 0;
        int row = names_find(rows, path);
        if (row >= 0) e->rows.at[row].parameters += shape_count(&s->type.shape);
    }
}

static void network_rows(Eval *e) {
    Training *t = e->t;
    t->nnetwork = 0;
    t->network = ARENA_ARRAY(e->arena, NetworkRow, e->spec->count[DEF_NETWORK] + 1);
    for (int i = 0; i < e->spec->defs.n; i++) {
        const Def *d = e->spec->defs.at[i];
        if (d->kind != DEF_NETWORK) continue;
        NetworkRow row = {.name = d->name, .head = d->entry->key, .loc = d->entry->loc};
        for (int k = 0; k < d->slots.n; k++) row.parameters += shape_count(&t->slots->all.at[d->slots.at[k]].type.shape);
        t->network[t->nnetwork++] = row;
    }
    NameTable rows = {0};
    for (int i = 0; i < e->rows.n; i++) names_add(e->arena, &rows, e->rows.at[i].path, i);
    for (int i = 0; i < t->slots->all.n; i++)
        if (t->slots->all.at[i].kind == SLOT_PARAM) count_parameter(e, &rows, &t->slots->all.at[i]);
    t->layer = e->rows.at;
    for (int i = 0; i < e->rows.n; i++)
        if (!e->rows.at[i].called || e->rows.at[i].parameters) t->layer[t->nlayer++] = e->rows.at[i];
}

static uint64_t schedule_hash(const Training *t) {
    uint64_t h = 1469598103934665603u + t->precision;
    for (int i = 0; i < t->nsource; i++)
        if (t->source[i].rework) h = (h ^ graph_hash(t->source[i].rework->unit[MODE_TRAIN].graph)) * 1099511628211u;
    for (int s = 0; s < t->nstage; s++)
        for (int i = 0; i < t->stage[s].nentry; i++) {
            const Entry *k = &t->stage[s].entry[i];
            h = (h ^ graph_hash(k->turn->unit.graph)) * 1099511628211u;
            if (k->count) h = (h ^ graph_hash(k->count->graph)) * 1099511628211u;
        }
    return h;
}

static char *spec_name(Arena *a, const char *path) {
    const char *slash = strrchr(path, '/');
    char *name = arena_strdup(a, !strcmp(path, "-") ? "spec" : slash ? slash + 1 : path);
    size_t n = strlen(name);
    if (n > 5 && !strcmp(name + n - 5, ".yaml")) name[n - 5] = 0;
    return name;
}

static char *printed(Arena *a, const Doc *d) {
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f) arena_fail(a);
    doc_print(d, f);
    if (fclose(f)) arena_fail(a);
    char *copy = arena_strndup(a, text, n);
    free(text);
    return copy;
}

static void check_spec(Eval *e, const Doc *spec) {
    key_check(e, spec, "a spec", spec_keys, false);
    if (!doc_entry(spec, "schedule")) diag_error(e->diags, spec->loc, "the spec has no 'schedule'");
    if (!doc_entry(spec, "players")) diag_error(e->diags, spec->loc, "the spec has no 'players'");
}

static void read_precision(Eval *e, const Doc *spec) {
    const Doc *d = doc_get(spec, "precision");
    if (!d || (d->kind == DOC_SCALAR && !d->length)) return;               /* key_check has said it */
    int choice = d->kind == DOC_SCALAR ? field_choice(PRECISIONS, d->text) : -1;
    if (choice < 0)
        diag_error(e->diags, d->loc, "'precision' is " PRECISIONS_OR "%s%s",
                   d->kind == DOC_SCALAR ? ", not " : "", d->kind == DOC_SCALAR ? d->text : "");
    if (choice >= 0) e->t->precision = (Precision)choice;
    e->t->precision_at = d->loc;
}

static Training *compile_spec(Eval *e, Doc *spec, const CompileOptions *o) {
    size_t size;
    const char *text = prelude_source(&size);
    if (o->prelude) text = o->prelude, size = strlen(text);
    Doc *prelude = doc_parse("prelude", text, size, e->diags);
    if (!prelude) return NULL;
    doc_mend(spec, e->diags);
    if (!o->data) check_spec(e, spec);
    read_precision(e, spec);
    e->prelude = globals_from_doc(e, prelude, NULL);
    e->spec = globals_from_doc(e, spec, e->prelude);
    for (int i = 0; i < e->spec->defs.n; i++) {
        Def *d = e->spec->defs.at[i];
        if ((d->kind == DEF_FUNCTION || d->kind == DEF_NETWORK) && d->walked == UNSEEN) refuse_recursion(e, d);
    }
    if (!o->data) check_players(e, spec);
    e->init = build_new(e, &e->t->init, "init", spec->loc);
    Unit *scratch = ARENA_NEW(e->arena, Unit);
    e->fold = build_new(e, scratch, "constants", spec->loc).graph;
    prepare(e, spec);
    if (o->data) every_field(e);
    else {
        shape_networks(e, spec, o->steps);
        everything(e, spec, o->steps);
    }
    if (o->expression) output_expression(e, o->expression, o->expression_kind);
    names_check(e);
    build_done(e, &e->init, 0, NULL, NULL);
    if (e->diags->errors) return NULL;
    warn_networks(e);
    network_rows(e);
    e->t->nfixed = e->fixed.n;
    e->t->fixed = e->fixed.at;
    e->t->hash = schedule_hash(e->t);
    return e->t;
}

/* `made` is set as soon as there is something to close. */
static Training *compile_in(Arena *a, const char *path, const CompileOptions *o, Diags *d, Training *volatile *made) {
    Doc *spec = o->data ? doc_parse(path, o->data, strlen(o->data), d) : spec_read(path, &o->changes, d);
    if (!spec) return NULL;
    Eval *e = ARENA_NEW(a, Eval);
    Training *t = ARENA_NEW(a, Training);
    Slots *slots = ARENA_NEW(a, Slots);
    slots->arena = a;
    *e = (Eval){.arena = a, .diags = d, .loud = d, .t = t};
    *t = (Training){.name = spec_name(a, path), .arena = a, .diags = d, .slots = slots, .resolved = printed(a, spec)};
    for (uint32_t i = 0; i < d->nsource; i++)
        if (!strcmp(d->sources[i].name, path) || (!strcmp(path, "-") && i == 0)) t->given = d->sources[i].text;
    if (!t->given) t->given = t->resolved;
    *made = t;
    Training *whole = compile_spec(e, spec, o);
    if (!whole) trace_values(spec, d);
    return whole;
}

Training *compile(const char *path, const CompileOptions *o, Arena *a, Diags *d) {
    Training *volatile made = NULL, *volatile done = NULL;
    jmp_buf here, *old = arena_escape(a, &here);
    if (!setjmp(here)) done = compile_in(a, path, o, d, &made);
    arena_escape(a, old);
    d->caller = NULL;                                 /* it is on a stack that may have been left in a hurry */
    if (!done && made) compile_close(made);
    return done;
}

void compile_close(Training *t) {
    for (int i = 0; i < t->nsource; i++)
        if (t->source[i].source) source_close(t->source[i].source);
}
