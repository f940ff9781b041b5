/* Names in the text alone: every expression of the spec is looked through for names that mean nothing, called or not.
 * Evaluation finds those it meets, and says more of them; what is left here are functions and networks that nothing calls,
 * players that never play, small functions that never run. What does not exist is not read: the sides of `if` and `when`
 * that evaluation left out, or that the spec's variables leave out, and local names that only these mention.
 */
#include "parser/value.h"

#include <string.h>

typedef struct Known {                                /* a name that a text may say, behind those further in */
    const char *name;
    struct Known *outer;
    struct Body *body;                                /* of a local name; else NULL */
    const Doc *value;
    bool hidden;                                      /* in its own value a local name means the outer one */
    bool wanted;                                      /* something mentions it */
} Known;

typedef struct Body { VEC(Known *) wanted; } Body;    /* local names, in the order in which they are first mentioned */

typedef struct {
    Eval *e;
    const IntTable *said;                             /* lines of which evaluation has complained ... */
    bool sound;                                       /* ... or of none */
    Known *first;
} Text;

static void read_expr(Text t, const Expr *x);
static void read_layers(Text t, const Doc *list);
static void read_definition(Text t, const Doc *d);

static int line_key(Loc loc) { return (int)(loc.file*1000003u + loc.line); }

static bool is_said(const Text *t, Loc loc) { return int_find(t->said, line_key(loc)) != NULL; }

static Known *add_known(Text *t, const char *name) {
    Known *k = ARENA_NEW(t->e->arena, Known);
    *k = (Known){.name = name, .outer = t->first};
    return t->first = k;
}

static Known *find_known(const Text *t, const char *name) {
    for (Known *k = t->first; k; k = k->outer)
        if (!k->hidden && !strcmp(k->name, name)) return k;
    return NULL;
}

static void want(const Text *t, const char *name) {
    Known *k = find_known(t, name);
    if (!k || k->wanted || !k->body) return;
    k->wanted = true;
    vec_push(t->e->arena, &k->body->wanted, k);
}

static bool is_known(const Text *t, const char *name, bool called) {
    unsigned kinds = called ? 1u << DEF_FUNCTION | 1u << DEF_NETWORK | 1u << DEF_VAR : ~(1u << DEF_OPTIMIZER);
    return def_find(t->e->spec, name, kinds) || find_known(t, name) || field_find(ambient_keys, name) ||
           operator_value(t->e, name);
}

static void read_name(Text t, const char *name, Loc loc, bool called) {
    want(&t, name);
    if (is_known(&t, name, called) || is_said(&t, loc)) return;
    Nearest near = nearest_to(name);
    for (const Known *k = t.first; k; k = k->outer) nearest_add(&near, k->name);
    unknown_name(t.e, t.e->spec, &near, loc, called);
}

/* ---- calls --------------------------------------------------------------------------------------------------------------- */

/* What a name that is called stands for; NULL where only a run of the text shows it: an argument, a variable. */
static const Function *callee_of(const Text *t, const char *name) {
    if (find_known(t, name)) return NULL;
    Def *d = def_find(t->e->spec, name, 1u << DEF_FUNCTION | 1u << DEF_NETWORK | 1u << DEF_VAR);
    if (d) return d->kind == DEF_VAR ? NULL : &d->function;
    const Value *v = operator_value(t->e, name);
    return v ? v->function : NULL;
}

static bool takes(const Function *f, const char *name) {
    if (f->kind == FN_OPERATOR) {
        const Op *reduces = op_meant(f->op, 1);       /* max(x, axes=...) or max(x, y) */
        return !strcmp(name, "name") || call_takes(f->op->call, name) || call_takes(reduces->call, name);
    }
    if (f->kind == FN_BUILTIN) return call_takes(f->builtin->call, name);
    for (int i = 0; i < f->head->n; i++)
        if (!strcmp(f->head->arg[i], name)) return true;
    return reserved_argument(name);
}

static void read_argument_name(Text t, const Function *f, const char *name, Loc loc) {
    if (!f || !name || takes(f, name) || is_said(&t, loc)) return;
    if (f->kind == FN_TEXT) refuse_argument(t.e, f->head, f->def->kind == DEF_NETWORK, name, loc);
    else refuse_keyword(t.e, f->name, f->kind == FN_BUILTIN ? f->builtin->call : f->op->call, name, loc);
}

/* Whether some operator or function declares the word as a choice: of a function that is not known yet, it may be one. */
static bool chosen_somewhere(Eval *e, const char *word) {
    for (const Op *const *op = op_table; *op; op++)
        for (const Field *f = (*op)->attr; f && f->name; f++)
            if (f->choices && field_choice(f->choices, word) >= 0) return true;
    for (const Globals *g = e->spec; g; g = g->below)
        for (int i = 0; i < g->defs.n; i++)
            for (int a = 0; g->defs.at[i]->kind == DEF_FUNCTION && a < g->defs.at[i]->head.n; a++) {
                const char *choices = choices_of(e, &g->defs.at[i]->function, a, 0);
                if (choices && field_choice(choices, word) >= 0) return true;
            }
    return false;
}

/* A bare word that an argument declares as a choice, or that means nothing else, is no name. */
static bool is_choice(const Text *t, const char *choices, const Expr *x) {
    if (!choices || x->kind != EX_NAME || find_known(t, x->text)) return false;
    if (field_choice(choices, x->text) >= 0) return true;
    if (is_known(t, x->text, false)) return false;
    if (t->sound) {                                   /* else it may have been said of where the word is handed on */
        Nearest near = nearest_to(x->text);
        field_choices_nearest(choices, &near, t->e->arena);
        diag_error(t->e->diags, x->loc, "a choice is one of %s, not '%s'%s", choices, x->text, nearest_hint(t->e->arena, &near));
    }
    return true;
}

static bool is_word(const Text *t, const Function *f, const Expr *x, int npos, int position, const char *name) {
    if (f) return is_choice(t, argument_choices(t->e, f, npos, position, name), x);
    return x->kind == EX_NAME && !is_known(t, x->text, false) && chosen_somewhere(t->e, x->text);
}

/* ---- expressions --------------------------------------------------------------------------------------------------------- */

/* Whether an expression of the spec's variables alone; then its truth can be known here. */
static bool of_variables(const Text *t, const Expr *x) {
    switch (x->kind) {
    case EX_NUMBER: case EX_BOOL: case EX_TEXT: return true;
    case EX_NAME: return !find_known(t, x->text) && def_find(t->e->spec, x->text, 1u << DEF_VAR);
    case EX_UNARY: return of_variables(t, x->callee);
    case EX_BINARY: return of_variables(t, x->callee) && of_variables(t, x->right);
    default: return false;
    }
}

/* The sides that exist of a choice: `choice` bears what evaluation took of it. */
static int sides_of(const Text *t, const Expr *choice, const Expr *condition) {
    if (choice->sides) return choice->sides;
    if (!of_variables(t, condition)) return FIRST_SIDE | OTHER_SIDE;
    Ctx c = {.e = t->e, .draw = "vars", .constant = true, .tick = -1};
    const Value *v = eval_expr(&c, &t->e->spec->scope, condition);
    return v->kind != V_BOOL ? FIRST_SIDE | OTHER_SIDE : v->number != 0 ? FIRST_SIDE : OTHER_SIDE;
}

static void read_if(Text t, const Expr *x) {
    int sides = sides_of(&t, x, x->args[0]);
    read_expr(t, x->args[0]);
    if (sides & FIRST_SIDE) read_expr(t, x->args[1]);
    if (sides & OTHER_SIDE) read_expr(t, x->args[2]);
}

static void read_call(Text t, const Expr *x) {
    const Function *f = NULL;
    if (x->callee->kind == EX_NAME) {
        read_name(t, x->callee->text, x->callee->loc, true);
        f = callee_of(&t, x->callee->text);
    } else {
        read_expr(t, x->callee);
    }
    if (f && f->kind == FN_BUILTIN && !strcmp(f->name, "if") && x->n == 3) {
        read_if(t, x);
        return;
    }
    int npos = 0;
    for (int i = 0; i < x->n; i++) npos += !x->names[i];
    for (int i = 0; i < x->n; i++) {
        if (x->names[i]) read_argument_name(t, f, x->names[i], x->name_locs[i]);
        if (!is_word(&t, f, x->args[i], npos, i, x->names[i])) read_expr(t, x->args[i]);
    }
}

/* `critic.distance`, `metrics.accuracy`; a field of a source is known once the source is open. */
static void read_member(Text t, const Expr *x) {
    const Expr *owner = x->callee;
    bool outer = owner->kind == EX_NAME && !find_known(&t, owner->text);
    if (outer && !strcmp(owner->text, "metrics")) {
        if (!is_said(&t, x->loc)) metric_named(t.e, x->text, x->loc);
        return;
    }
    const Def *player = outer ? def_find(t.e->spec, owner->text, 1u << DEF_PLAYER) : NULL;
    if (!player) read_expr(t, owner);
    else if (strcmp(x->text, "optimizer") && !is_said(&t, x->loc)) player_has(t.e, player, x->text, x->loc);
}

static void read_binary(Text t, const Expr *x) {
    bool either = !strcmp(x->text, "or"), choice = either || !strcmp(x->text, "and");
    int right = x->sides || either ? OTHER_SIDE : FIRST_SIDE;      /* not met: `or` goes on where its left side is false */
    read_expr(t, x->callee);
    if (!choice || sides_of(&t, x, x->callee) & right) read_expr(t, x->right);
}

static void read_expr(Text t, const Expr *x) {
    if (!x) return;
    switch (x->kind) {
    case EX_NAME: read_name(t, x->text, x->loc, false); return;
    case EX_CALL: read_call(t, x); return;
    case EX_MEMBER: read_member(t, x); return;
    case EX_BINARY: read_binary(t, x); return;
    case EX_LAMBDA:
        for (int i = 0; i < x->n; i++) add_known(&t, x->names[i]);
        read_expr(t, x->callee);
        return;
    default: break;
    }
    read_expr(t, x->callee);
    for (int i = 0; i < x->n; i++) read_expr(t, x->args[i]);
}

/* ---- layer lists, bodies, records ------------------------------------------------------------------------------------------ */

static void read_values(Text t, const Doc *d) {
    if (d->kind == DOC_SCALAR) read_expr(t, doc_expr(t.e, d));
    for (int i = 0; i < d->n; i++) read_values(t, d->kind == DOC_LIST ? d->item[i] : d->entry[i].value);
}

static void read_argument(Text t, const Function *f, const Doc *d, const char *name) {
    if (name && !strcmp(name, "name")) return;        /* text in any quoting */
    if (d->kind == DOC_SCALAR && is_word(&t, f, doc_expr(t.e, d), 1, 1, name)) return;
    read_values(t, d);
}

static void read_layer(Text t, const DocEntry *k) {
    read_name(t, k->key, k->loc, true);
    const Function *f = callee_of(&t, k->key);
    const Doc *v = k->value;
    if (v->kind != DOC_MAP) read_argument(t, f, v, NULL);
    for (int i = 0; v->kind == DOC_MAP && i < v->n; i++) {
        read_argument_name(t, f, v->entry[i].key, v->entry[i].loc);
        read_argument(t, f, v->entry[i].value, v->entry[i].key);
    }
}

/* `for: (a, b) in pairs`, `loop: t in range(n)`: the names that its layers see. */
static bool read_binding(Text *t, const Doc *d) {
    Binding b;
    if (!binding_parse(d, &b, t->e->diags, t->e->arena)) return false;
    read_expr(*t, b.in);
    for (int i = 0; i < b.n; i++) add_known(t, b.name[i]);
    return true;
}

static void read_block(Text t, const Doc *item, const Field *keys) {
    int sides = FIRST_SIDE | OTHER_SIDE;
    const char *key = keys->name;
    const Doc *head = doc_get(item, key), *layers = doc_get(item, "layers"), *otherwise = doc_get(item, "otherwise");
    if (!is_said(&t, item->loc)) block_keys_hold(t.e, item, keys);
    if (is_binding_key(key)) {
        if (!read_binding(&t, head)) return;
    } else {
        read_values(t, head);
        if (keys == when_keys && head->kind == DOC_SCALAR) sides = sides_of(&t, doc_expr(t.e, head), doc_expr(t.e, head));
    }
    if (layers && layers->kind == DOC_LIST && (sides & FIRST_SIDE)) read_layers(t, layers);
    if (otherwise && otherwise->kind == DOC_LIST && (sides & OTHER_SIDE)) read_layers(t, otherwise);
}

static void read_layers(Text t, const Doc *list) {
    for (int i = 0; i < list->n; i++) {
        const Doc *item = list->item[i];
        const Field *block = block_keys(item);
        if (block) {
            read_block(t, item, block);
        } else if (item->kind == DOC_SCALAR) {
            const Expr *x = doc_expr(t.e, item);
            if (x->kind == EX_NAME) read_name(t, x->text, x->loc, true);
            else read_expr(t, x);
        } else if (item->kind == DOC_MAP && item->n == 1) {
            read_layer(t, &item->entry[0]);
        }
    }
}

static void add_keys(Text *t, const Doc *map) {
    for (int i = 0; map && map->kind == DOC_MAP && i < map->n; i++) add_known(t, map->entry[i].key);
}

/* Local names of a mapping: those that `keys` does not know. */
static void add_locals(Text *t, Body *body, const Doc *d, const Field *keys) {
    for (int i = 0; i < d->n; i++) {
        const DocEntry *k = &d->entry[i];
        if (field_find(keys, k->key)) continue;
        Known *own = add_known(t, k->key);
        own->body = body;
        own->value = k->value;
    }
    add_keys(t, doc_get(d, "state"));
}

static void read_wanted(Text t, Body *body) {
    for (int i = 0; i < body->wanted.n; i++) {
        Known *k = body->wanted.at[i];
        k->hidden = true;
        read_definition(t, k->value);
        k->hidden = false;
    }
}

static void read_key(Text t, const Doc *map, const char *key) {
    if (doc_get(map, key)) read_values(t, doc_get(map, key));
}

static void read_definition(Text t, const Doc *d) {
    if (d->kind == DOC_LIST) {
        read_layers(t, d);
    } else if (is_body(d)) {
        Body body = {0};
        add_locals(&t, &body, d, body_keys);
        read_key(t, d, "state");
        read_key(t, d, "after");
        if (doc_get(d, "return")) read_definition(t, doc_get(d, "return"));
        read_wanted(t, &body);
    } else {
        read_values(t, d);
    }
}

/* ---- definitions ----------------------------------------------------------------------------------------------------------- */

/* A rule's lines run from top to bottom: a local name is known below its line. */
static void read_rule(Text t, const Doc *body) {
    const Doc *state = doc_get(body, "state");
    if (state) read_values(t, state);
    add_keys(&t, state);
    for (int i = 0; i < body->n; i++) {
        const DocEntry *k = &body->entry[i];
        if (field_find(optimizer_keys, k->key)) continue;
        read_values(t, k->value);
        add_known(&t, k->key);
    }
}

static void read_optimizer(Text t, const Doc *d) {
    const Expr *x = d->kind == DOC_SCALAR ? doc_expr(t.e, d) : NULL;
    for (int i = 0; d->kind == DOC_MAP && i < d->n; i++) read_optimizer(t, d->entry[i].value);
    if (!x || x->kind != EX_CALL) return;
    if (!is_said(&t, x->callee->loc)) rule_named(t.e, x, &t.e->spec->scope);
    for (int i = 0; i < x->n; i++) read_expr(t, x->args[i]);
}

static void read_player(Text t, const Def *player) {
    static const char *const goals[] = {"minimize", "maximize", NULL}, *const values[] = {"moves", "clip", "when", "state", "after", NULL};
    const Doc *d = player->entry->value, *log = doc_get(d, "log");
    Body body = {0};
    for (const char *const *k = goals; *k; k++)
        if (doc_get(d, *k)) add_known(&t, *k);
    add_locals(&t, &body, d, player_keys);
    for (const char *const *k = goals; *k; k++)
        if (doc_get(d, *k)) read_definition(t, doc_get(d, *k));
    for (const char *const *k = values; *k; k++) read_key(t, d, *k);
    if (log && log->kind == DOC_MAP) read_values(t, log);
    for (int i = 0; log && log->kind == DOC_LIST && i < log->n; i++)
        if (log->item[i]->kind == DOC_SCALAR) want(&t, log->item[i]->text);
    for (int i = 0; i < player->asked.n; i++) want(&t, player->asked.at[i]);
    if (doc_get(d, "optimizer")) read_optimizer(t, doc_get(d, "optimizer"));
    read_wanted(t, &body);
}

/* Lists of a source that are no options rework a field, or all. */
static void read_source(Text t, const Doc *d) {
    const Doc *kind = d->kind == DOC_MAP ? doc_get(d, "source") : NULL;
    const Dataset *set = kind && kind->kind == DOC_SCALAR ? dataset_named(kind->text) : NULL;
    for (int i = 0; set && i < d->n; i++) {
        const DocEntry *k = &d->entry[i];
        bool option = field_find(set->options, k->key) || field_find(source_options, k->key);
        if (!option && k->value->kind == DOC_LIST) read_layers(t, k->value);
    }
}

static void read_text(Eval *e, const IntTable *said, Def *d) {
    Text t = {e, said, said->n == 0, NULL};
    const Doc *v = d->entry->value, *ranges = is_body(v) || d->kind == DEF_OPTIMIZER ? doc_get(v, "ranges") : NULL;
    for (int i = 0; i < d->head.n; i++) add_known(&t, d->head.arg[i]);
    for (int i = 0; i < d->head.n; i++)
        if (d->head.dflt[i] && !is_choice(&t, choices_of(e, &d->function, i, 0), d->head.dflt[i])) read_expr(t, d->head.dflt[i]);
    if (ranges) read_values(t, ranges);
    switch (d->kind) {
    case DEF_VAR: read_values(t, v); return;
    case DEF_FUNCTION: case DEF_NETWORK: case DEF_ITERATION: read_definition(t, v); return;
    case DEF_OPTIMIZER: read_rule(t, v); return;
    case DEF_PLAYER: read_player(t, d); return;
    case DEF_SOURCE: data_check_unread(e, d), read_source(t, v); return;
    }
}

void names_check(Eval *e) {
    IntTable said = {0};
    for (const Diag *d = e->diags->first; d; d = d->next)
        if (d->level <= DIAG_DATA) int_set(e->arena, &said, line_key(d->loc), &said);
    for (int i = 0; i < e->spec->defs.n; i++) read_text(e, &said, e->spec->defs.at[i]);
}
