/* The schedule: stages, entries, counts. What it leaves behind is plain data (train/training.h). */
#include "parser/value.h"

#include "build.h"
#include "ops/attrs.h"

#include <string.h>

/* A scalar that the host reads between turns: a count, a condition, a value to compare. */
static Unit *scalar_unit(Eval *e, const Doc *d, const char *name, const char *who, bool whole_ok, bool bool_ok, bool float_ok) {
    Unit *u = ARENA_NEW(e->arena, Unit);
    Build b = build_new(e, u, name, d->loc);
    Ctx c = ctx_new(e, &b, name, NULL, false, e->t->total_step_slot);
    Value *v = eval_doc(&c, &e->spec->scope, d);
    if (v->kind == V_NUMBER && v->number < 0 && whole_ok)
        diag_error(e->diags, d->loc, "a count is 0 or more, this is %.9g", v->number);
    Node *n = value_to_node(&c, v, d->loc);
    if (!n) return NULL;
    bool fits = n->type.shape.rank == 0 && ((n->type.dtype == I32 && whole_ok) || (n->type.dtype == U8 && bool_ok) ||
                                            (float_ok && n->type.dtype != U8));
    if (!fits) {
        diag_error(e->diags, d->loc, "%s is %s, this is %s %s", who,
                   float_ok ? "one number" : whole_ok ? "a whole number (so many turns) or a condition" : "a condition",
                   dtype_name(n->type.dtype), shape_show(&n->type.shape, e->arena));
        return NULL;
    }
    const char *result = name;
    build_done(e, &b, 1, &n, &result);
    return u;
}

static Def *player_named(Eval *e, const char *name, Loc loc) {
    Def *d = def_find(e->spec, name, 1u << DEF_PLAYER);
    if (d) {
        d->scheduled = true;
        return d;
    }
    Nearest near = nearest_to(name);
    for (int i = 0; i < e->spec->defs.n; i++)
        if (e->spec->defs.at[i]->kind == DEF_PLAYER) nearest_add(&near, e->spec->defs.at[i]->name);
    diag_error(e->diags, loc, "there is no player '%s'%s", name, nearest_hint(e->arena, &near));
    return NULL;
}

typedef struct { const char *key; Turn *turn; } Made;
typedef VEC(Made) MadeTurns;

/* One turn for each set of players and of frozen slots: an entry that names it again uses the same graph. */
static Turn *turn_for(Eval *e, MadeTurns *made, int n, Def **d, Loc loc) {
    const char *key = d[0]->name;
    for (int i = 1; i < n; i++) key = arena_printf(e->arena, "%s+%s", key, d[i]->name);
    for (int i = 0; i < e->frozen.n; i++) key = arena_printf(e->arena, "%s %d", key, e->frozen.at[i]);
    for (int i = 0; i < made->n; i++)
        if (!strcmp(made->at[i].key, key)) return made->at[i].turn;
    Made m = {key, turn_make(e, n, d, loc)};
    vec_push(e->arena, made, m);
    return m.turn;
}

static bool entry_from_doc(Eval *e, MadeTurns *made, const Doc *item, Entry *out) {
    *out = (Entry){.loc = item->loc};
    Def *one;
    if (item->kind == DOC_SCALAR) {
        one = player_named(e, item->text, item->loc);
        if (one) out->turn = turn_for(e, made, 1, &one, item->loc);
        return one != NULL;
    }
    if (item->kind != DOC_MAP || item->n != 1) {
        diag_error(e->diags, item->loc, "'each' holds players, `player: count` and `together: [players]`");
        return false;
    }
    const DocEntry *k = &item->entry[0];
    if (!strcmp(k->key, "together")) {
        int n = k->value->kind == DOC_LIST ? k->value->n : 0;
        Def **d = ARENA_ARRAY(e->arena, Def *, n + 1);
        bool ok = n > 0;
        if (!n) diag_error(e->diags, k->value->loc, "'together' is a list of players");
        for (int i = 0; i < n; i++) {
            const Doc *p = k->value->item[i];
            d[i] = p->kind == DOC_SCALAR ? player_named(e, p->text, p->loc) : NULL;
            if (p->kind != DOC_SCALAR) diag_error(e->diags, p->loc, "'together' is a list of players");
            ok = ok && d[i];
        }
        if (ok) out->turn = turn_for(e, made, n, d, k->loc);
        return ok;
    }
    one = player_named(e, k->key, k->loc);
    if (!one) return false;
    out->turn = turn_for(e, made, 1, &one, k->loc);
    out->text = k->value->kind == DOC_SCALAR ? k->value->text : NULL;
    out->count = scalar_unit(e, k->value, arena_printf(e->arena, "count %s", k->key),
                             arena_printf(e->arena, "the count of '%s'", k->key), true, true, false);
    return out->count != NULL;
}

static int source_named(Eval *e, const Doc *d) {
    Def *def = d->kind == DOC_SCALAR ? def_find(e->spec, d->text, 1u << DEF_SOURCE) : NULL;
    if (def) return def->index;
    Nearest near = nearest_to(d->kind == DOC_SCALAR ? d->text : "");
    for (int i = 0; i < e->spec->defs.n; i++)
        if (e->spec->defs.at[i]->kind == DEF_SOURCE) nearest_add(&near, e->spec->defs.at[i]->name);
    diag_error(e->diags, d->loc, "there is no source '%s'%s", d->kind == DOC_SCALAR ? d->text : "",
               nearest_hint(e->arena, &near));
    return -1;
}

static bool number_from_doc(Eval *e, const Doc *d, const char *key, double *out, bool whole) {
    Ctx c = {.e = e, .draw = "schedule", .constant = true, .tick = -1};
    Value *v = eval_doc(&c, &e->spec->scope, d);
    int64_t n;
    if (v->kind == V_POISON) return false;
    if (v->kind != V_NUMBER || v->number <= 0 || (whole && !value_whole(v, &n))) {
        diag_error(e->diags, d->loc, "'%s' is a%s number above 0 known before the run, not %s", key, whole ? " whole" : "",
                   value_show(e, v));
        return false;
    }
    *out = v->number;
    return true;
}

/* The metrics that `best` reads. It is looked at when one of them is new; without any, where a checkpoint is due: at the end
 * alone there is nothing to choose from. (Metrics are read after the schedule: the first pass has found how often.) */
static void read_best(Eval *e, const Doc *best, Stage *s) {
    Training *t = e->t;
    s->best = scalar_unit(e, best, "'best'", "'best'", false, false, true);
    if (!s->best || e->shaping) return;
    s->best_metric = ARENA_ARRAY(e->arena, int, t->nmetric + 1);
    bool often = false;
    for (int i = 0; i < t->nmetric; i++) {
        bool read = false;
        const Graph *g = s->best->graph;
        for (int k = 0; k < g->node.n; k++)
            read = read || (g->node.at[k]->op == &op_slot && ((const SlotAttr *)g->node.at[k]->attr)->slot == t->metric[i].value_slot);
        if (!read) continue;
        s->best_metric[s->nbest++] = i;
        often = often || t->metric[i].every.kind != EVERY_END;
    }
    if (s->nbest && !often)
        diag_error(e->diags, best->loc, "'best' chooses among values of '%s', which is measured at the end alone: say how often, "
                                        "`every: 1 epoch`", t->metric[s->best_metric[0]].name);
    if (!s->nbest && s->checkpoint.kind != EVERY_STEPS && s->checkpoint.kind != EVERY_EPOCHS)
        diag_error(e->diags, best->loc, "'best' reads no metric, so it is looked at with each checkpoint, and these are made at the "
                                        "end alone: say how often, `every: 1 epoch`");
}

static void checkpoint_from_doc(Eval *e, const Doc *d, Stage *s) {
    s->keep = 3;
    if (!d) return;
    if (d->kind != DOC_MAP) {
        diag_error(e->diags, d->loc, "'checkpoint' is a mapping: {every: 500, keep: 3}");
        return;
    }
    key_check(e, d, "'checkpoint'", checkpoint_keys, false);
    const Doc *every = doc_get(d, "every"), *keep = doc_get(d, "keep"), *best = doc_get(d, "best");
    if (every) every_from_doc(e, every, &s->checkpoint);
    double n;
    if (keep && number_from_doc(e, keep, "keep", &n, true)) s->keep = (int64_t)n;
    if (best) read_best(e, best, s);
}

/* Whether a unit reads a source, by itself or through iteration values. */
static bool reads(const Training *t, const Unit *u, int source) {
    for (int i = 0; i < u->nsource; i++)
        if (u->source[i] == source) return true;
    for (int i = 0; i < u->niteration; i++)
        if (reads(t, &t->iteration[u->iteration[i]].unit, source)) return true;
    return false;
}

static bool stage_reads(const Training *t, const Stage *s, int source) {
    bool any = false;
    for (int i = 0; i < s->nentry; i++) any = any || reads(t, &s->entry[i].turn->unit, source);
    return any;
}

/* A source that could not be opened was reported: who reads it is not known. */
static bool unopened(const SourceUse *use) { return use->used && !use->source->count; }

/* The source that `epoch` counts: `of`, else the only one that the stage's players read. */
static int counted_source(Eval *e, const Stage *s, const Doc *of, Loc loc, bool wanted) {
    const Training *t = e->t;
    int found = of ? source_named(e, of) : -1;
    if (found >= 0 && wanted && !unopened(&t->source[found]) && !stage_reads(t, s, found))
        diag_error(e->diags, of->loc, "no player of this stage reads '%s': its epochs would never pass", t->source[found].name);
    for (int i = 0; i < t->nsource && !of; i++) {
        if (!stage_reads(t, s, i)) continue;
        if (found >= 0 && wanted)
            diag_error(e->diags, loc, "the players read '%s' and '%s': say with 'of' whose epochs count", t->source[found].name,
                       t->source[i].name);
        if (found >= 0) return found;
        found = i;
    }
    if (found < 0 && wanted && !of && !e->diags->errors)
        diag_error(e->diags, loc, "'epochs' counts passes through data, and no player reads any: say 'steps'");
    return found;
}

static bool counts_epochs(const Doc *d) { return doc_entry(d, "epochs") != NULL; }

/* `- warm: {steps: 60, each: [...]}`: the name as a key. */
static bool is_under_name(const Doc *d) {
    return d->kind == DOC_MAP && d->n == 1 && d->entry[0].value->kind == DOC_MAP && !field_find(schedule_keys, d->entry[0].key);
}

/* The names of all stages, before what they hold: one may load another's end. They become names of files. */
static void name_from_doc(Eval *e, const Doc *d, bool wanted, int i) {
    Stage *s = &e->t->stage[i];
    *s = (Stage){.name = "", .loc = d->loc, .of = -1};
    const Doc *name = d->kind == DOC_MAP ? doc_get(d, "stage") : NULL;
    if (name && (name->kind != DOC_SCALAR || strspn(name->text, "./") || strchr(name->text, '/')))
        diag_error(e->diags, name->loc, "a stage's name becomes part of a file's: no '/' in it, no '.' before it");
    else if (name) s->name = name->text;
    else if (wanted && is_under_name(d)) {
        s->name = d->entry[0].key;
        diag_error(e->diags, d->loc, "a stage's name is a key of its own: `- stage: %s`, and the other keys beside it", s->name);
    } else if (wanted && d->kind == DOC_MAP) diag_error(e->diags, d->loc, "a stage of a list has a name: stage: NAME");
    for (int k = 0; k < i && *s->name; k++)
        if (!strcmp(e->t->stage[k].name, s->name))
            diag_error(e->diags, d->loc, "two stages are called '%s': name them with 'stage'", s->name);
}

static void stage_from_doc(Eval *e, const Doc *d, Stage *s, MadeTurns *made) {
    if (is_under_name(d)) d = d->entry[0].value;
    if (d->kind != DOC_MAP) {
        diag_error(e->diags, d->loc, "the schedule is a mapping with 'steps' or 'epochs' and 'each'");
        return;
    }
    key_check(e, d, "the schedule", schedule_keys, false);
    const Doc *steps = doc_get(d, "steps"), *epochs = doc_get(d, "epochs");
    const Doc *each = doc_get(d, "each"), *of = doc_get(d, "of"), *stop = doc_get(d, "stop");
    double n = 0;
    load_from_doc(e, doc_get(d, "load"), s);
    e->frozen = freeze_from_doc(e, doc_get(d, "freeze"), s);
    if (steps && number_from_doc(e, steps, "steps", &n, true)) s->steps = (int64_t)n;
    if (epochs) number_from_doc(e, epochs, "epochs", &s->epochs, false);
    if (steps && epochs) diag_error(e->diags, epochs->loc, "'steps' and 'epochs' both say how long: keep one");
    if (!steps && !epochs) diag_error(e->diags, d->loc, "the schedule has neither 'steps' nor 'epochs'");
    checkpoint_from_doc(e, doc_get(d, "checkpoint"), s);
    if (stop) s->stop = scalar_unit(e, stop, "'stop'", "'stop'", false, true, false);
    if (!each || each->kind != DOC_LIST || !each->n) {
        diag_error(e->diags, each ? each->loc : d->loc, "'each' is the list of players of one iteration: each: [critic, generator]");
        return;
    }
    s->entry = ARENA_ARRAY(e->arena, Entry, each->n);
    for (int i = 0; i < each->n; i++)
        if (entry_from_doc(e, made, each->item[i], &s->entry[s->nentry])) s->nentry++;
    s->of = counted_source(e, s, of, d->loc, counts_epochs(d));
    e->frozen = (SlotList){0};
}

void schedule_define(Eval *e, const Doc *d, int64_t steps) {
    MadeTurns made = {0};
    Training *t = e->t;
    bool stages = d->kind == DOC_LIST && d->n;        /* an empty list is no schedule */
    t->nstage = stages ? d->n : 1;
    t->stage = ARENA_ARRAY(e->arena, Stage, t->nstage + 1);
    for (int i = 0; i < t->nstage; i++) name_from_doc(e, stages ? d->item[i] : d, stages, i);
    for (int i = 0; i < t->nstage; i++) stage_from_doc(e, stages ? d->item[i] : d, &t->stage[i], &made);
    loads_finish(e);
    if (steps && t->nstage) t->stage[0].steps = steps, t->stage[0].epochs = 0;
    for (int i = 0; i < e->spec->defs.n && !e->shaping && !e->diags->errors; i++) {
        const Def *p = e->spec->defs.at[i];
        if (p->kind == DEF_PLAYER && !p->scheduled)
            diag_warn(e->diags, p->entry->loc, "the player '%s' stands nowhere in the schedule", p->name);
    }
}
