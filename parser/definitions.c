/* Definitions: the sections of a spec, or of the prelude, as Globals. Nothing is evaluated here; every expression is read, used
 * or not.
 */
#include "parser/value.h"

#include <ctype.h>
#include <string.h>

static const char *const section_name[] = {"vars", "functions", "networks", "optimizers", "data", "iteration", "players"};

static void refuse_twice(Eval *e, const Globals *g, DefKind kind, const Head *h) {
    unsigned shared = 1u << DEF_VAR | 1u << DEF_FUNCTION | 1u << DEF_NETWORK | 1u << DEF_SOURCE | 1u << DEF_ITERATION;
    unsigned kinds = kind == DEF_PLAYER ? 1u << DEF_PLAYER | 1u << DEF_SOURCE : shared & 1u << kind ? shared : 1u << kind;
    int first = names_find(&g->names, h->name);
    const Def *d = first < 0 ? NULL : g->defs.at[first];
    while (d && !(kinds >> d->kind & 1)) d = d->same;
    if (!d) return;
    diag_error(e->diags, h->loc, "'%s' is defined twice: also under '%s'", h->name, section_name[d->kind]);
    diag_note(e->diags, d->entry->loc, "here");
}

/* A body whose `return` is misspelt would be taken for a record, and blamed wherever that is used. */
static void check_record(Eval *e, const Doc *v) {
    for (int i = 0; i < v->n; i++) {
        Nearest near = nearest_to(v->entry[i].key);
        nearest_add(&near, "return");
        nearest_add(&near, "after");
        if (near.best)
            diag_error(e->diags, v->entry[i].loc, "a part named '%s': did you mean '%s'? A mapping without `return` is a record",
                       v->entry[i].key, near.best);
    }
}

static void check_body(Eval *e, const Def *d) {
    const Doc *v = d->entry->value;
    if (v->kind == DOC_MAP && !is_body(v) && (d->kind == DEF_FUNCTION || d->kind == DEF_NETWORK)) check_record(e, v);
    const Doc *ranges = is_body(v) || d->kind == DEF_OPTIMIZER ? doc_get(v, "ranges") : NULL;
    if (ranges) ranges_read(e, &d->head, ranges);
    if (is_body(v)) check_unused(e, v, NULL, body_keys, arena_printf(e->arena, "'%s'", d->name));
    const Field *keys = d->kind == DEF_OPTIMIZER ? optimizer_keys : is_body(v) ? body_keys : NULL;
    check_arguments(e, &d->head, d->kind == DEF_OPTIMIZER ? 2 : 0, v, keys);
}

static void add_definition(Eval *e, Globals *g, Def *d) {
    int first = names_find(&g->names, d->name);
    if (first < 0) names_add(e->arena, &g->names, d->name, g->defs.n);
    Def **last = first < 0 ? NULL : &g->defs.at[first]->same;
    while (last && *last) last = &(*last)->same;
    if (last) *last = d;
    d->number = g->defs.n;
    d->index = g->count[d->kind]++;
    vec_push(e->arena, &g->defs, d);
}

static void define(Eval *e, Globals *g, DefKind kind, const DocEntry *entry) {
    Def *d = ARENA_NEW(e->arena, Def);
    d->kind = kind;
    d->entry = entry;
    d->globals = g;
    if (!head_parse(entry, &d->head, e->diags, e->arena)) return;
    d->name = d->head.name;
    bool callable = kind == DEF_FUNCTION || kind == DEF_NETWORK || kind == DEF_OPTIMIZER;
    if (callable && !d->head.called)
        diag_error(e->diags, entry->loc, "a %s is written with its arguments: `%s(x): ...`",
                   kind == DEF_FUNCTION ? "function" : kind == DEF_NETWORK ? "network" : "optimiser", d->name);
    if (!callable && d->head.called)
        diag_error(e->diags, entry->loc, "'%s' takes no arguments here: functions stand under 'functions'", d->name);
    for (int i = 0; i < d->head.n; i++)
        if (reserved_argument(d->head.arg[i]))
            diag_error(e->diags, d->head.arg_loc[i], "an argument cannot be called '%s': every call takes one of that name", d->head.arg[i]);
    if (kind == DEF_OPTIMIZER && d->head.n < 2)
        diag_error(e->diags, entry->loc, "an optimiser's first arguments are the parameter and its gradient: %s(p, g, ...)", d->name);
    if ((kind == DEF_PLAYER || kind == DEF_OPTIMIZER) && entry->value->kind != DOC_MAP) {
        diag_error(e->diags, entry->loc, "'%s' is a mapping: its keys stand under it, indented", d->name);
        return;
    }
    const Doc *state = kind == DEF_OPTIMIZER ? doc_get(entry->value, "state") : NULL;
    if (state && state->kind != DOC_MAP) diag_error(e->diags, state->loc, "'state' is a mapping of names to initial values");
    refuse_twice(e, g, kind, &d->head);
    d->function = (Function){.kind = FN_TEXT, .name = d->name, .head = &d->head, .body = entry->value, .scope = &g->scope, .def = d};
    if (kind != DEF_SOURCE) site_of(e, d, NULL);      /* reads every expression of the text, used or not */
    if (callable) check_body(e, d);
    add_definition(e, g, d);
}

Globals *globals_from_doc(Eval *e, const Doc *spec, Globals *below) {
    Globals *g = ARENA_NEW(e->arena, Globals);
    g->below = below;
    g->scope.globals = g;
    static const DefKind kinds[] = {DEF_VAR, DEF_FUNCTION, DEF_NETWORK, DEF_OPTIMIZER, DEF_SOURCE, DEF_ITERATION, DEF_PLAYER};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const Doc *section = doc_get(spec, section_name[k]);
        if (!section || (section->kind == DOC_SCALAR && !section->length)) continue;      /* key_check has said it */
        if (section->kind != DOC_MAP) {
            diag_error(e->diags, section->loc, "'%s' is a mapping from names to what they mean", section_name[k]);
            continue;
        }
        g->section[kinds[k]] = doc_entry(spec, section_name[k])->loc;
        for (int i = 0; i < section->n; i++) define(e, g, kinds[k], &section->entry[i]);
    }
    return g;
}

static bool is_word_char(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* Every `a.b` that some text of the spec says. */
static void find_members(Eval *e, const Doc *d, NameTable *out) {
    for (int i = 0; d->kind != DOC_SCALAR && i < d->n; i++)
        find_members(e, d->kind == DOC_LIST ? d->item[i] : d->entry[i].value, out);
    if (d->kind != DOC_SCALAR) return;
    for (const char *dot = strchr(d->text, '.'); dot; dot = strchr(dot + 1, '.')) {
        const char *from = dot, *to = dot + 1;
        while (from > d->text && is_word_char(from[-1])) from--;
        while (is_word_char(*to)) to++;
        names_add(e->arena, out, arena_strndup(e->arena, from, (size_t)(to - from)), 1);
    }
}

/* A player's local names may be used from outside, as PLAYER.name. */
void check_players(Eval *e, const Doc *spec) {
    NameTable said = {0};
    find_members(e, spec, &said);
    for (int i = 0; i < e->spec->defs.n; i++) {
        Def *d = e->spec->defs.at[i];
        if (d->kind != DEF_PLAYER) continue;
        const Doc *body = d->entry->value;
        VEC(const char *) outside = {0};
        for (int k = 0; k < body->n; k++)
            if (names_find(&said, arena_printf(e->arena, "%s.%s", d->name, body->entry[k].key)) > 0)
                vec_push(e->arena, &outside, body->entry[k].key);
        vec_push(e->arena, &outside, (const char *)NULL);
        check_unused(e, body, outside.at, player_keys, arena_printf(e->arena, "the player '%s'", d->name));
    }
}
