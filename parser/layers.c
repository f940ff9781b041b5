/* Layer lists, bodies and records: what the value of a function, a network, a local name or `return` may be.
 * A value goes in at the top of a layer list, each item is a function of it, the last result comes out.
 */
#include "parser/value.h"

#include "base/str.h"

#include <string.h>

/* ---- repeat, for, when ------------------------------------------------------------------------------------------- */

static const DocEntry *item_key(const Ctx *c, const Doc *item, const char *key, const char *of) {
    const DocEntry *k = doc_entry(item, key);
    if (!k) diag_error(c->e->diags, item->loc, "'%s' wants '%s:' beside it", of, key);
    return k;
}

bool block_keys_hold(Eval *e, const Doc *item, const Field *keys) {
    for (int i = 0; i < item->n; i++) {
        const char *key = item->entry[i].key;
        if (field_find(keys, key)) continue;
        Nearest near = nearest_to(key);
        field_nearest(keys + 1, &near);
        diag_error(e->diags, item->entry[i].loc, "unknown key '%s' beside '%s'%s", key, keys->name,
                   nearest_hint(e->arena, &near));
        return false;
    }
    return true;
}

static const Doc *layers_of(const Ctx *c, const Doc *item, const char *key, const char *of) {
    const DocEntry *k = item_key(c, item, key, of);
    if (!k) return NULL;
    if (k->value->kind == DOC_LIST) return k->value;
    diag_error(c->e->diags, k->value->loc, "'%s' holds a list of layers", key);
    return NULL;
}

static Value *run_repeat(const Ctx *c, Scope *s, const Doc *item, Value *piped) {
    const Doc *layers = block_keys_hold(c->e, item, repeat_keys) ? layers_of(c, item, "layers", "repeat") : NULL;
    if (!layers) return value_poison(c->e);
    const Doc *count = doc_get(item, "repeat");
    Value *v = eval_doc(c, s, count);
    int64_t n;
    if (v->kind == V_POISON) return v;
    if (!value_whole(v, &n) || n < 0 || n > 10000) {
        diag_error(c->e->diags, count->loc, "'repeat' wants a whole number from 0 to 10000 known before the run, not %s",
                   value_show(c->e, v));
        return value_poison(c->e);
    }
    if (!n) ((Doc *)item)->item_state = ITEM_EMPTY;
    for (int64_t i = 0; i < n; i++) {
        Ctx copy = copy_ctx(c, (int)i + 1);
        piped = eval_layers(&copy, s, layers, piped);
        if (piped->kind == V_POISON) break;           /* one copy says it */
    }
    return piped;
}

static Value *run_for(const Ctx *c, Scope *s, const Doc *item, Value *piped) {
    Eval *e = c->e;
    const Doc *layers = block_keys_hold(c->e, item, for_keys) ? layers_of(c, item, "layers", "for") : NULL;
    Binding head;
    if (!layers) return value_poison(e);
    if (!binding_parse(doc_get(item, "for"), &head, e->diags, e->arena)) return value_poison(e);
    Value *list = eval_expr(c, s, head.in);
    if (list->kind == V_POISON) return list;
    if (list->kind != V_LIST) {
        diag_error(e->diags, head.in->start, "'for' goes through a list, this is %s", value_show(e, list));
        return value_poison(e);
    }
    if (!list->n) ((Doc *)item)->item_state = ITEM_EMPTY;
    for (int i = 0; i < list->n; i++) {
        Scope *inner = scope_new(e, s);
        const Value *v = list->item[i];
        if (head.n > 1 && (v->kind != V_LIST || v->n != head.n)) {
            diag_error(e->diags, head.in->start, "'for' names %d values, the list holds %s", head.n, value_show(e, v));
            return value_poison(e);
        }
        for (int k = 0; k < head.n; k++)
            bind_value(e, inner, head.name[k], head.name_loc[k], head.n > 1 ? v->item[k] : (Value *)v)->argument = true;
        Ctx copy = copy_ctx(c, i + 1);
        piped = eval_layers(&copy, inner, layers, piped);
        if (piped->kind == V_POISON) break;
    }
    return piped;
}

static Value *run_when(const Ctx *c, Scope *s, const Doc *item, Value *piped) {
    const Doc *layers = block_keys_hold(c->e, item, when_keys) ? layers_of(c, item, "layers", "when") : NULL;
    const Doc *otherwise = doc_get(item, "otherwise");
    if (!layers) return value_poison(c->e);
    const Doc *condition = doc_get(item, "when");
    Value *v = eval_doc(c, s, condition);
    if (v->kind == V_POISON) return v;
    if (v->kind != V_BOOL) {
        diag_error(c->e->diags, condition->loc, "'when' in a layer list wants true or false known before the run, not %s",
                   value_show(c->e, v));
        return value_poison(c->e);
    }
    choose(doc_expr(c->e, condition), v->number != 0 ? FIRST_SIDE : OTHER_SIDE);
    if (v->number != 0) return eval_layers(c, s, layers, piped);
    return otherwise ? eval_layers(c, s, otherwise, piped) : piped;
}

static Value *run_loop_item(const Ctx *c, Scope *s, const Doc *item, Value *piped) {
    const Doc *layers = block_keys_hold(c->e, item, loop_keys) ? layers_of(c, item, "layers", "loop") : NULL;
    return layers ? run_loop(c, s, item, layers, piped) : value_poison(c->e);
}

/* ---- one item ---------------------------------------------------------------------------------------------------- */

static Value *no_function(const Ctx *c, Loc loc, const char *text, const Value *v) {
    diag_error(c->e->diags, loc, "a layer is a function, '%s' is %s (an expression with a comma or a bracket must be quoted)",
               text, value_show(c->e, v));
    return value_poison(c->e);
}

static Value *piped_call(const Ctx *c, const Value *f, Call *call, Value *piped) {
    if (!piped) {
        diag_error(c->e->diags, call->loc, "nothing is piped into this layer list: start it with 'input:'");
        return value_poison(c->e);
    }
    call->arg[0] = piped;
    call->arg_loc[0] = call->loc;
    return call_function(c, f->function, call);
}

/* `leaky_relu: 0.2`, `conv: {filters: 64}`, `concat: [skip]` */
static Value *run_mapping(const Ctx *c, Scope *s, const Doc *item, Value *piped) {
    Eval *e = c->e;
    const DocEntry *k = &item->entry[0];
    Value *f = scope_get(c, s, k->key, k->loc, true);
    if (f->kind == V_POISON) return f;
    if (f->kind != V_FUNCTION) return no_function(c, k->loc, k->key, f);
    const Doc *v = k->value;
    int n = v->kind == DOC_MAP ? v->n : 1;
    Call call = {.site = item, .written = k->key, .loc = k->loc, .scope = s};
    call.arg = ARENA_ARRAY(e->arena, Value *, 2);
    call.arg_loc = ARENA_ARRAY(e->arena, Loc, 2);
    call.named = ARENA_ARRAY(e->arena, Value *, n);
    call.name = ARENA_ARRAY(e->arena, const char *, n);
    call.name_loc = ARENA_ARRAY(e->arena, Loc, n);
    call.n = 1;
    const Function *fn = f->function;
    for (int i = 0; i < n; i++) {
        const Doc *d = v->kind == DOC_MAP ? v->entry[i].value : v;
        const char *name = v->kind == DOC_MAP ? v->entry[i].key : NULL;
        bool word = is_choice_word(c, s, d, argument_choices(e, fn, 1, 1, name));
        bool plain_name = d->kind == DOC_SCALAR && name && !strcmp(name, "name");
        Value *x = word || plain_name ? value_text(e, d->text) : eval_doc(c, s, d);
        if (name) {
            call.name[call.nnamed] = name;
            call.name_loc[call.nnamed] = v->entry[i].loc;
            call.named[call.nnamed++] = x;
        } else {
            call.arg[call.n] = x;
            call.arg_loc[call.n++] = d->loc;
        }
    }
    return piped_call(c, f, &call, piped);
}

static Value *run_scalar(const Ctx *c, Scope *s, const Doc *item, Value *piped) {
    Eval *e = c->e;
    const Expr *x = doc_expr(e, item);
    if (x->kind == EX_ERROR) return value_poison(e);
    Value *f = x->kind == EX_NAME ? scope_get(c, s, x->text, x->loc, true) : eval_expr(c, s, x);
    if (f->kind == V_POISON) return f;
    if (f->kind != V_FUNCTION) return no_function(c, item->loc, item->text, f);
    Call call = {.site = item, .written = x->kind == EX_NAME ? x->text : "call", .loc = item->loc, .n = 1, .scope = s};
    call.arg = ARENA_ARRAY(e->arena, Value *, 1);
    call.arg_loc = ARENA_ARRAY(e->arena, Loc, 1);
    return piped_call(c, f, &call, piped);
}

static char *item_text(Eval *e, const Doc *d) {
    if (d->kind == DOC_SCALAR) return arena_strdup(e->arena, d->text);
    Str s = {.arena = e->arena};
    str_add(&s, d->kind == DOC_LIST ? "[" : "{");
    for (int i = 0; i < d->n; i++) {
        if (i) str_add(&s, ", ");
        if (d->kind == DOC_MAP) str_printf(&s, "%s: ", d->entry[i].key);
        str_add(&s, item_text(e, d->kind == DOC_MAP ? d->entry[i].value : d->item[i]));
    }
    str_add(&s, d->kind == DOC_LIST ? "]" : "}");
    return s.text;
}

/* ---- rows for `show` --------------------------------------------------------------------------------------------- */

bool traces(const Ctx *c) { return c->tracing && c->network && c->text->globals == c->e->spec; }

int trace_begin(const Ctx *c, const char *path, const char *layer, bool called, Loc loc) {
    LayerRow row = {.network = c->network->name, .layer = layer, .path = path, .depth = -1, .called = called, .loc = loc,
                    .type = {.shape = {.rank = -1}}};
    for (const char *p = row.path; *p; p++) row.depth += *p == '/';
    vec_push(c->e->arena, &c->e->rows, row);
    return c->e->rows.n - 1;
}

static int trace_item(const Ctx *c, const Doc *item) {
    Eval *e = c->e;
    const Site *site = site_of(e, c->text, item);
    const Doc *args = item->kind == DOC_MAP ? item->entry[0].value : NULL;
    const Doc *name = args && args->kind == DOC_MAP ? doc_get(args, "name") : NULL;
    const char *path = name && name->kind == DOC_SCALAR ? path_join(e, c->path, name->text)
                                                        : arena_printf(e->arena, "%s/%s_%d", c->path, site->written, site->number);
    const char *layer = item->kind == DOC_MAP && item->n == 1
                            ? arena_printf(e->arena, "%s: %s", item->entry[0].key, item_text(e, item->entry[0].value))
                            : item_text(e, item);
    return trace_begin(c, path, layer, false, item->loc);
}

void trace_end(const Ctx *c, int row, int first_node, const Value *v) {
    LayerRow *r = &c->e->rows.at[row];
    if (v->kind == V_NODE) r->type = v->node->type;
    for (int i = first_node; i < c->graph->node.n; i++) {
        const Node *n = c->graph->node.at[i];
        r->flops += n->op->flops ? n->op->flops(n) : n->op->traits & (VIEW | LEAF) ? 0 : (double)NODE_COUNT(n);
    }
}

typedef Value *RunItem(const Ctx *c, Scope *s, const Doc *item, Value *piped);

static Value *run_input(const Ctx *c, Scope *s, const Doc *item, Value *piped) {
    (void)piped;
    return block_keys_hold(c->e, item, input_keys) ? eval_doc(c, s, doc_get(item, "input")) : value_poison(c->e);
}

/* Items that are no layers: known by the first key of their table. */
static const struct { const Field *keys; RunItem *run; } blocks[] = {
    {repeat_keys, run_repeat}, {for_keys, run_for}, {when_keys, run_when}, {loop_keys, run_loop_item}, {input_keys, run_input}};
enum { BLOCKS = sizeof blocks / sizeof *blocks };

const Field *block_keys(const Doc *item) {
    for (int b = 0; item->kind == DOC_MAP && b < BLOCKS; b++)
        if (doc_entry(item, blocks[b].keys->name)) return blocks[b].keys;
    return NULL;
}

/* Which kind of item this is; NULL where it is none. `layer`: one that `show` lists. */
static RunItem *kind_of_item(const Doc *item, bool *layer) {
    *layer = item->kind == DOC_SCALAR;
    if (item->kind == DOC_SCALAR) return run_scalar;
    for (int b = 0; item->kind == DOC_MAP && b < BLOCKS; b++)
        if (doc_entry(item, blocks[b].keys->name)) return blocks[b].run;
    if (item->kind != DOC_MAP || item->n != 1) return NULL;
    *layer = true;
    return run_mapping;
}

/* `{upsample: 4, method: bilinear}` as it was meant; NULL where the other keys are no arguments of the first one. */
static const char *one_layer(Eval *e, const Doc *item) {
    const DocEntry *first = &item->entry[0];
    const Def *d = def_find(e->spec, first->key, 1u << DEF_FUNCTION | 1u << DEF_NETWORK);
    if (!d || d->head.n < 2) return NULL;
    for (int i = 1; i < item->n; i++)
        if (head_position(&d->head, item->entry[i].key) < 0 && !reserved_argument(item->entry[i].key)) return NULL;
    Str s = {.arena = e->arena};
    str_printf(&s, "%s: {", first->key);
    if (first->value->kind != DOC_MAP) str_printf(&s, "%s: %s", d->head.arg[1], item_text(e, first->value));
    else
        for (int i = 0; i < first->value->n; i++)
            str_printf(&s, "%s%s: %s", i ? ", " : "", first->value->entry[i].key, item_text(e, first->value->entry[i].value));
    for (int i = 1; i < item->n; i++) str_printf(&s, ", %s: %s", item->entry[i].key, item_text(e, item->entry[i].value));
    str_add(&s, "}");
    return s.text;
}

/* An item that is neither a name, nor one name with arguments, nor a block. */
static void no_layer(Eval *e, const Doc *item) {
    if (item->kind == DOC_MAP && doc_entry(item, "layers")) {
        const DocEntry *k = &item->entry[strcmp(item->entry[0].key, "layers") == 0 && item->n > 1];
        Nearest near = nearest_to(k->key);
        for (int i = 0; i < BLOCKS; i++)
            if (field_find(blocks[i].keys, "layers")) nearest_add(&near, blocks[i].keys->name);
        diag_error(e->diags, k->loc, "'layers' stands beside 'repeat', 'for', 'loop' or 'when', not '%s'%s", k->key,
                   nearest_hint(e->arena, &near));
        return;
    }
    const char *meant = item->kind == DOC_MAP && item->n > 1 ? one_layer(e, item) : NULL;
    if (meant) {
        diag_error(e->diags, item->loc, "a layer is one `name: arguments`: write %s", meant);
        return;
    }
    diag_error(e->diags, item->loc, "a layer is a name or one `name: arguments`; an expression with a comma or a bracket "
                                    "must be quoted");
}

/* For messages about sizes: a layer or block that did nothing may have been meant to do something. */
static void watch(const Doc *item, const Value *given, const Value *gave) {
    if (item->kind != DOC_MAP || item->item_state == ITEM_EMPTY || !given || given->kind != V_NODE || gave->kind == V_POISON) return;
    bool same = gave->kind == V_NODE && gave->node == given->node && item->item_state != ITEM_USED;
    ((Doc *)item)->item_state = same ? ITEM_IDLE : ITEM_USED;
}

Value *eval_layers(const Ctx *c, Scope *s, const Doc *list, Value *piped) {
    Eval *e = c->e;
    for (int i = 0; i < list->n; i++) {
        const Doc *item = list->item[i];
        bool layer;
        RunItem *run = kind_of_item(item, &layer);
        if (!run) {                                   /* the rest is looked at, with a value that nothing is said of */
            no_layer(e, item);
            piped = value_poison(e);
            continue;
        }
        bool tracing = layer && traces(c);
        int nodes = c->graph ? c->graph->node.n : 0, row = tracing ? trace_item(c, item) : -1;
        const Value *given = piped;
        piped = run(c, s, item, piped);
        watch(item, given, piped);
        if (tracing) trace_end(c, row, nodes, piped);
    }
    return piped ? piped : value_none(e);
}

/* ---- bodies and records ------------------------------------------------------------------------------------------ */

static Value *eval_body(const Ctx *c, Scope *outer, const Doc *d) {
    Eval *e = c->e;
    Scope *s = scope_new(e, outer);
    const Doc *state = doc_get(d, "state"), *after = doc_get(d, "after"), *result = doc_get(d, "return");
    for (int i = 0; i < d->n; i++) {
        const DocEntry *k = &d->entry[i];
        if (field_find(body_keys, k->key)) continue;
        bool hidden = false;
        Local *argument = scope_find(outer, k->key, &hidden);
        if (argument && argument->argument && argument->scope == outer)
            diag_error(e->diags, k->loc, "the local name '%s' is already an argument", k->key);
        bind_doc(e, s, k, c);
    }
    if (state || after) make_states(c, s, state, after);
    if (!result) return value_none(e);
    return eval_definition(c, s, result, s->piped);
}

static Value *eval_record(const Ctx *c, Scope *s, const Doc *d) {
    Eval *e = c->e;
    const char **name = ARENA_ARRAY(e->arena, const char *, d->n + 1);
    Value **item = ARENA_ARRAY(e->arena, Value *, d->n + 1);
    int n = 0;
    for (int i = 0; i < d->n; i++) {
        name[n] = d->entry[i].key;
        item[n++] = eval_doc(c, s, d->entry[i].value);
    }
    return value_record(e, n, name, item, false);
}

bool is_body(const Doc *d) { return d->kind == DOC_MAP && (doc_entry(d, "return") || doc_entry(d, "after")); }

Value *eval_definition(const Ctx *c, Scope *s, const Doc *d, Value *piped) {
    if (d->kind == DOC_LIST) return eval_layers(c, s, d, piped);
    if (d->kind == DOC_SCALAR) return eval_expr(c, s, doc_expr(c->e, d));
    if (is_body(d)) return eval_body(c, s, d);
    return eval_record(c, s, d);
}
