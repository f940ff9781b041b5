/* Outputs: evaluated in eval mode, in graphs of their own. Kinds of outputs and their keys are the rows of
 * runtime/out; nothing here knows one by name.
 */
#include "parser/measure.h"

#include "build.h"

#include <string.h>

/* ---- names of logged values --------------------------------------------------------------------------------------- */

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
    const Doc *state = player ? doc_get(player->entry->value, "state") : NULL;
    if (state && state->kind == DOC_MAP && doc_entry(state, dot + 1))
        diag_error(e->diags, loc, "'%s' is a running value of many numbers: log one, as in log: {%s: mean(%s)}", name, dot + 1, dot + 1);
    else if (player && doc_entry(player->entry->value, dot + 1))
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

/* ---- values --------------------------------------------------------------------------------------------------------- */

static int add_value(Eval *e, Frame *f, const Value *v, Loc loc) {
    Node *n = value_to_node(&f->c, v, loc);
    if (!n) return -1;
    vec_push(e->arena, &f->result, n);
    return f->result.n - 1;
}

typedef struct { Frame *f; Loc loc; VEC(ExprItem) item; int nset; } Items;

/* Lists of numbers are tensors; lists of anything else are taken apart. */
static bool has_parts(const Value *v) {
    if (v->kind == V_RECORD) return true;
    for (int i = 0; v->kind == V_LIST && i < v->n; i++)
        if (v->item[i]->kind == V_NODE || v->item[i]->kind == V_LIST || v->item[i]->kind == V_RECORD) return true;
    return false;
}

/* All tensors of v as parts of one set. */
static bool items_add(Eval *e, Items *to, const Value *v, const char *name, const char *set_name) {
    if (v->kind != V_RECORD) {
        int at = add_value(e, to->f, v, to->loc);
        if (at < 0) return false;
        vec_push(e->arena, &to->item, ((ExprItem){at, name, to->nset, set_name}));
        return true;
    }
    for (int i = 0; i < v->n; i++) {
        const char *part = name ? path_join(e, name, v->name[i]) : v->name[i];
        if (!items_add(e, to, v->item[i], part, set_name)) return false;
    }
    return true;
}

/* One value, a list of them, or named ones: a set each. A collection is one set. */
static bool exprs_option(Eval *e, Frame *f, const Doc *d, Exprs *out) {
    Value *v = d->kind == DOC_MAP ? eval_definition(&f->c, f->s, d, NULL) : eval_doc(&f->c, f->s, d);
    Items items = {.f = f, .loc = d->loc};
    if (value_is_poison(v)) return false;
    bool many = has_parts(v) && !v->collection;
    for (int i = 0; i < (many ? v->n : 1); i++, items.nset++) {
        const char *name = many && v->name ? v->name[i] : NULL;
        if (!items_add(e, &items, many ? v->item[i] : v, name, name)) return false;
    }
    *out = (Exprs){items.item.n, items.nset, items.item.at};
    return true;
}

static bool option_set(Eval *e, Frame *f, const Field *field, void *options, const Doc *d, const char *who) {
    void *at = (char *)options + field->offset;
    if (field->type == F_LOGGED) return names_option(e, d, at);
    if (field->type == F_EXPR) return (*(int *)at = add_value(e, f, eval_doc(&f->c, f->s, d), d->loc)) >= 0;
    if (field->type == F_EXPRS) return exprs_option(e, f, d, at);
    bool word = is_choice_word(&f->c, f->s, d, field->choices);
    Value *v = word || (field->type == F_TEXT && d->kind == DOC_SCALAR) ? value_text(e, d->text) : eval_doc(&f->c, f->s, d);
    return field_from_value(&f->c, field, options, v, d->loc, who);
}

/* ---- over, count ---------------------------------------------------------------------------------------------------- */

/* Marks the results whose rows are collected; with `over` these must have a row for each sample. */
static bool mark_stacked(Eval *e, const Frame *f, OutputUse *out, Tensor *types, Loc loc) {
    bool any = false;
    const DataSource *over = out->over >= 0 ? e->t->source[out->over].source : NULL;
    out->stacked = ARENA_ARRAY(e->arena, bool, f->result.n + 1);
    for (int i = 0; i < f->result.n; i++) {
        Shape *s = &types[i].shape;
        if ((!over && !out->count) || !node_changes(e, f->result.at[i], out->over)) continue;
        if (over && (!s->rank || s->dim[0] != over->common.batch)) {
            diag_error(e->diags, loc, "'over' collects rows: one a sample of '%s', [%lld, ...], not %s",
                       e->t->source[out->over].name, (long long)over->common.batch, shape_show(s, e->arena));
            return false;
        }
        if (!s->rank) {
            diag_error(e->diags, loc, "'count' collects rows, this is one number");
            return false;
        }
        any = out->stacked[i] = true;
        s->dim[0] = !over ? out->count : out->count && out->count < over->count ? out->count : over->count;
    }
    if (any || (!over && !out->count)) return true;
    if (over)
        diag_error(e->diags, loc, "this output reads nothing of '%s', the source that it goes through by 'over'",
                   e->t->source[out->over].name);
    else
        diag_error(e->diags, loc, "'count' collects the rows of draws and batches: here is neither");
    return false;
}

/* ---- an output ------------------------------------------------------------------------------------------------------ */

static const char *kind_names(Eval *e, Nearest *near) {
    const char *all = "";
    for (const Output *const *k = output_table; *k; k++) {
        nearest_add(near, (*k)->name);
        all = arena_printf(e->arena, "%s%s%s", all, *all ? ", " : "", (*k)->name);
    }
    return all;
}

static const Output *kind_of(Eval *e, const DocEntry *entry) {
    const Doc *d = entry->value;
    const Output *kind = NULL;
    for (int i = 0; d->kind == DOC_MAP && i < d->n; i++) {
        const Output *one = output_named(d->entry[i].key);
        if (one && kind) {
            diag_error(e->diags, d->entry[i].loc,
                       "an output is of one kind, this has '%s' and '%s'; a local name must be another one", kind->name,
                       one->name);
            return NULL;
        }
        if (one) kind = one;
    }
    if (kind) return kind;
    Nearest near = nearest_to(d->kind == DOC_MAP && d->n ? d->entry[0].key : "");
    const char *all = kind_names(e, &near);
    diag_error(e->diags, entry->loc, "an output has one of the keys %s%s", all, nearest_hint(e->arena, &near));
    return NULL;
}

static void check_output_keys(Eval *e, const Doc *d, const Output *kind) {
    VEC(const char *) names = {0};
    for (const Field *f = kind->options; f->name; f++) vec_push(e->arena, &names, f->name);
    vec_push(e->arena, &names, (const char *)NULL);
    check_unused(e, d, names.at, output_keys, arena_printf(e->arena, "an output of kind %s", kind->name));
}

/* A flag that joins the pictures made on the way into one file. */
static bool frames_flag(Eval *e, const Doc *d, const char *key, const OutputUse *out) {
    bool yes = d->kind == DOC_SCALAR && !strcmp(d->text, "true");
    if (!yes && (d->kind != DOC_SCALAR || strcmp(d->text, "false")))
        diag_error(e->diags, d->loc, "'%s' is true or false", key);
    if (yes && !out->kind->animates)
        diag_error(e->diags, d->loc, "'%s' joins pictures, and '%s' makes none of one size: leave it out", key, out->kind->name);
    return yes && out->kind->animates;
}

/* Local names mean here what they mean in the output: a draw is that of its first batch, whose tick is the step. */
static void set_when(Eval *e, const DocEntry *entry, const Doc *when, OutputUse *out) {
    out->when = ARENA_NEW(e->arena, Unit);
    Frame f = {0};
    frame_open(e, &f, out->when, "output", entry, out->kind->options, output_keys, e->t->total_step_slot);
    Node *n = value_to_node(&f.c, eval_doc(&f.c, f.s, when), when->loc);
    if (!n) return;
    if (n->type.dtype != U8 || n->type.shape.rank)
        diag_error(e->diags, when->loc, "'when' is one condition, this is %s %s", dtype_name(n->type.dtype),
                   shape_show(&n->type.shape, e->arena));
    build_done(e, &f.b, 1, &n, NULL);
}

/* A file's name: no folder, nothing that a shell or another system could take for something else. */
static const char *file_name(Eval *e, const Doc *name) {
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. ";
    bool fits = name->kind == DOC_SCALAR && *name->text && *name->text != '.' && strlen(name->text) <= 100 &&
                !name->text[strspn(name->text, good)];
    if (fits) return name->text;
    diag_error(e->diags, name->loc, "'name' is a file's name of letters, digits, '_', '-', '.' and blanks, without a folder");
    return "";
}

/* The keys that outputs of all kinds share. */
static void shared_keys(Eval *e, const DocEntry *entry, OutputUse *out) {
    const Doc *d = entry->value;
    const Doc *every = doc_get(d, "every"), *when = doc_get(d, "when"), *stage = doc_get(d, "stage"), *over = doc_get(d, "over");
    const Doc *animate = doc_get(d, "animate"), *montage = doc_get(d, "montage"), *name = doc_get(d, "name"), *count = doc_get(d, "count");
    if (every) every_from_doc(e, every, &out->every);
    if (stage) out->stage = stage_named(e, stage);
    if (over) out->over = over_source(e, over);
    if (count) out->count = count_of_rows(e, count);
    if (animate) out->animate = frames_flag(e, animate, "animate", out);
    if (montage) out->montage = frames_flag(e, montage, "montage", out);
    if (name) out->name = file_name(e, name);
    if (when) set_when(e, entry, when, out);
}

static void output_define(Eval *e, const DocEntry *entry, OutputUse *out, int range_slot) {
    const Doc *d = entry->value;
    const Output *kind = kind_of(e, entry);
    *out = (OutputUse){.name = entry->key, .loc = entry->loc, .kind = kind, .stage = -1, .over = -1,
                       .every = {EVERY_END, 0}, .range_slot = range_slot,
                       .tick_slot = counter_slot(e, "@output_tick", I32)};
    if (!kind) return;
    if (!e->shaping) check_output_keys(e, d, kind);
    shared_keys(e, entry, out);
    Frame f = {0};
    frame_open(e, &f, &out->unit, "output", entry, kind->options, output_keys, out->tick_slot);
    void *options = arena_alloc(e->arena, kind->options_size + 1);
    field_defaults(kind->options, options, e->arena);
    bool ok = true;
    for (const Field *k = kind->options; k->name; k++) {
        const Doc *given = doc_get(d, k->name);
        if (given) ok = option_set(e, &f, k, options, given, entry->key) && ok;
    }
    out->options = options;
    Tensor *types = ARENA_ARRAY(e->arena, Tensor, f.result.n + 1);
    for (int i = 0; i < f.result.n; i++) types[i] = f.result.at[i]->type;
    ok = ok && mark_stacked(e, &f, out, types, doc_get(d, kind->name)->loc);
    int errors = e->diags->errors;
    if (ok && kind->check) kind->check(options, f.result.n, types, e->diags, doc_get(d, kind->name)->loc);
    for (int i = 0; e->diags->errors > errors && i < f.result.n; i++) note_shape(e->diags, f.result.at[i]);
    build_done(e, &f.b, f.result.n, f.result.at, NULL);
}

/* Two outputs may not write one file. */
static void check_names(Eval *e) {
    const OutputUse *all = e->t->output;
    for (int i = 0; i < e->t->noutput; i++)
        for (int k = 0; k < i; k++)
            if (all[i].kind && all[k].kind && !strcmp(all[i].name, all[k].name))
                diag_error(e->diags, all[i].loc, "another output writes files of the name '%s', too", all[i].name);
}

void outputs_define(Eval *e, const Doc *outputs) {
    e->logs_known = !e->diags->errors;
    for (int i = 0; i < outputs->n; i++)
        output_define(e, &outputs->entry[i], &e->t->output[i], e->t->output[i].range_slot);
    check_names(e);
}

/* ---- `-e EXPR`: one more output, named 'expression' ------------------------------------------------------------------ */

static const Output *kind_suiting(Eval *e, const DocEntry *entry) {
    static const Field none[] = {{0}};
    Frame f = {0};
    Unit u = {0};
    Exprs of;
    frame_open(e, &f, &u, "output", entry, none, none, counter_slot(e, "@output_tick", I32));
    if (!exprs_option(e, &f, entry->value, &of)) return NULL;
    Tensor *types = ARENA_ARRAY(e->arena, Tensor, of.n + 1);
    for (int i = 0; i < of.n; i++) types[i] = f.result.at[of.at[i].value]->type;
    const Output *kind = output_suiting(of.n, types, of.n && of.at[0].name);
    if (!kind) diag_error(e->diags, entry->value->loc, "there is nothing to show of an empty list");
    return kind;
}

/* A mapping is YAML; all else is an expression as it stands, commas and all. */
static Doc *expression_doc(Eval *e, const char *text) {
    size_t n = strlen(text);
    if (*text == '{') return doc_parse("-e", text, n, e->diags);
    Doc *d = ARENA_NEW(e->arena, Doc);
    uint32_t *line = ARENA_ARRAY(e->arena, uint32_t, n + 1), *col = ARENA_ARRAY(e->arena, uint32_t, n + 1);
    for (size_t i = 0; i <= n; i++) line[i] = 1, col[i] = (uint32_t)i + 1;
    Loc start = {diags_source(e->diags, "-e", text, n), 1, 1};
    *d = (Doc){.kind = DOC_SCALAR, .style = DOC_DOUBLE, .loc = start, .text = text, .length = n, .line = line, .col = col};
    return d;
}

void output_expression(Eval *e, const char *text, const char *kind) {
    Doc *value = expression_doc(e, text);
    if (!value) return;
    if (kind && !output_named(kind)) {
        Nearest near = nearest_to(kind);
        const char *all = kind_names(e, &near);
        diag_error(e->diags, value->loc, "no kind of output is called '%s'%s; there are %s", kind, nearest_hint(e->arena, &near), all);
        return;
    }
    DocEntry *inner = ARENA_NEW(e->arena, DocEntry), *outer = ARENA_NEW(e->arena, DocEntry);
    *inner = (DocEntry){.key = kind, .value = value, .loc = value->loc};
    if (!kind) {
        const Output *suits = kind_suiting(e, inner);
        if (!suits) return;
        inner->key = suits->name;
    }
    Doc *map = ARENA_NEW(e->arena, Doc);
    *map = (Doc){.kind = DOC_MAP, .loc = value->loc, .n = 1, .entry = inner};
    *outer = (DocEntry){.key = "expression", .value = map, .loc = value->loc};
    Training *t = e->t;
    OutputUse *grown = ARENA_ARRAY(e->arena, OutputUse, t->noutput + 1);
    if (t->noutput) memcpy(grown, t->output, sizeof *grown * (size_t)t->noutput);
    t->output = grown;
    output_define(e, outer, &t->output[t->noutput++], counter_slot(e, "@range/expression", F32));
}
