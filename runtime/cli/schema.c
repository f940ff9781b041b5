/* `graphrun schema`: JSON Schema of a spec, from the tables that the parser reads: what an editor's
 * completion and its red lines are made of. What is right is never refused, but for a variable that stands
 * for a choice (`order: mine`); what no schema can see (names, shapes, unused keys) is left to `graphrun
 * check`.
 */
#include "cli/help.h"

#include "parser/expr.h"
#include "parser/keys.h"
#include "parser/value.h"

#include <jansson.h>
#include <string.h>

/* ---- pieces ---- */

static json_t *parsed(const char *text) { return json_loads(text, 0, NULL); }

static json_t *ref(const char *form) { return json_pack("{s:o}", "$ref", json_sprintf("#/$defs/%s", form)); }

static json_t *one_of_words(const char *choices) {
    json_t *all = json_array();
    for (const char *p = choices; *p;) {
        size_t n = strcspn(p, "|");
        json_array_append_new(all, json_stringn(p, n));
        p += n + (p[n] == '|');
    }
    return json_pack("{s:o}", "enum", all);
}

static json_t *any_of(json_t *a, json_t *b) { return json_pack("{s:[o,o]}", "anyOf", a, b); }

/* Words that are no choice are refused; anything else is an expression. */
static json_t *words_or_expression(const char *choices) {
    return any_of(one_of_words(choices),
                  json_pack("{s:s, s:s}", "type", "string", "pattern", "[^A-Za-z0-9_]"));
}

static json_t *number(const Field *f, const char *type) {
    json_t *t = json_pack("{s:s}", "type", type);
    if (f->min < f->max) {
        json_object_set_new(t, "minimum", json_real(f->min));
        json_object_set_new(t, "maximum", json_real(f->max));
    }
    return any_of(t, json_pack("{s:s}", "type", "string"));
}

static json_t *value_of(const Field *f) {
    switch (f->type) {
    case F_INT: return number(f, "integer");
    case F_FLOAT: return number(f, "number");
    case F_BOOL: return parsed("{\"type\": [\"boolean\", \"string\"]}");
    case F_TEXT: return ref("text");
    case F_PATHS: return any_of(ref("text"), json_pack("{s:s, s:o}", "type", "array", "items", ref("text")));
    case F_CHOICE: return words_or_expression(f->choices);
    case F_EVERY: return ref("every");
    case F_FORM: return ref(f->choices);
    case F_EXPRS: return any_of(ref("expression"), ref("values"));
    case F_INTS:
    case F_FLOATS:
    case F_EXPR:
    case F_NAMES:
    case F_LOGGED: return ref("expression");
    }
    return json_object();
}

/* In draft 7 a $ref takes no neighbours, so it stands in an allOf. */
static json_t *described(json_t *schema, const char *doc) {
    if (json_object_get(schema, "$ref")) schema = json_pack("{s:[o]}", "allOf", schema);
    if (doc && *doc) json_object_set_new(schema, "description", json_string(doc));
    return schema;
}

/* A default as an editor would write it: a number, true, false, or one word; NULL where it is something else, such as "at the
 * end". Quotes of a text within an expression go. */
static json_t *literal(const char *dflt) {
    size_t n = strlen(dflt), letters = strspn(dflt, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    json_t *value = json_loadb(dflt, n, JSON_DECODE_ANY, NULL);
    if (value || !n) return value;
    if (letters == n) return json_string(dflt);
    bool quoted = n > 2 && dflt[0] == '\'' && strcspn(dflt + 1, "'") == n - 2;
    return quoted ? json_stringn(dflt + 1, n - 2) : NULL;
}

static json_t *with_default(json_t *schema, const char *dflt) {
    json_t *value = dflt ? literal(dflt) : NULL;
    if (value) json_object_set_new(schema, "default", value);
    return schema;
}

static json_t *property(const Field *f) {
    char doc[600];
    bool dflt = f->dflt && *f->dflt;
    snprintf(doc, sizeof doc, "%s%s%s", f->doc ? f->doc : "", dflt ? "; default: " : "", dflt ? f->dflt : "");
    return with_default(described(value_of(f), doc), f->dflt);
}

static void add_properties(json_t *to, const Field *keys) {
    for (const Field *f = keys; f && f->name; f++) json_object_set_new(to, f->name, property(f));
}

static json_t *required(const Field *keys) {
    json_t *all = json_array();
    for (const Field *f = keys; f && f->name; f++)
        if (!f->dflt) json_array_append_new(all, json_string(f->name));
    return all;
}

/* ---- a form ---- */

static json_t *mapping(const Form *f) {
    json_t *properties = json_object(), *also = f->also ? parsed(f->also) : NULL;
    add_properties(properties, f->keys);
    json_t *m = json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required",
                          required(f->keys));
    json_object_set_new(m, "additionalProperties",
                        f->others ? described(ref(f->others), form_named(f->others)->doc) : json_false());
    if (also) json_object_update(m, also);
    json_decref(also);
    return m;
}

static json_t *form_schema(const Form *f) {
    json_t *m = f->keys || f->others ? mapping(f) : NULL, *else_ = f->schema ? parsed(f->schema) : NULL;
    return described(m && else_ ? any_of(m, else_) : m ? m : else_, f->doc);
}

/* ---- sources and outputs: further keys, by kind ---- */

/* Where the condition holds, these keys are known; others: what other keys hold, NULL: anything. */
static json_t *kind_rule(json_t *condition, json_t *properties, json_t *others) {
    json_t *then = json_pack("{s:o}", "properties", properties);
    if (others) json_object_set_new(then, "additionalProperties", others);
    return json_pack("{s:o, s:o}", "if", condition, "then", then);
}

static json_t *source_schema(const Form *f) {
    json_t *m = mapping(f), *kinds = json_array(), *rules = json_array();
    for (const Dataset *const *d = dataset_table; *d; d++) {
        json_t *keys = json_object();
        add_properties(keys, f->keys);
        add_properties(keys, source_options);
        add_properties(keys, (*d)->options);
        bool open = false; /* its fields are those of the file */
        for (const FieldRow *r = (*d)->fields; r && r->name; r++) {
            if (!strcmp(r->name, "*"))
                open = true;
            else
                json_object_set_new(keys, r->name, described(ref("layers"), r->doc));
        }
        json_array_append_new(kinds, json_string((*d)->name));
        json_array_append_new(rules, kind_rule(json_pack("{s:{s:{s:s}}, s:[s]}", "properties", "source",
                                                         "const", (*d)->name, "required", "source"),
                                               keys, open ? ref("layers") : json_false()));
    }
    json_object_set_new(json_object_get(m, "properties"), "source",
                        described(json_pack("{s:o}", "enum", kinds), "the kind of source"));
    json_object_set_new(m, "allOf", rules);
    json_object_del(m, "additionalProperties");
    return described(m, f->doc);
}

static json_t *output_schema(const Form *f) {
    json_t *m = mapping(f), *kinds = json_array(), *rules = json_array();
    for (const Output *const *o = output_table; *o; o++) {
        json_t *keys = json_object();
        add_properties(keys, (*o)->options);
        json_array_append_new(kinds, json_pack("{s:[s]}", "required", (*o)->name));
        json_array_append_new(rules, kind_rule(json_pack("{s:[s]}", "required", (*o)->name), keys, NULL));
        json_object_set_new(json_object_get(m, "properties"), (*o)->name, property((*o)->options));
    }
    json_object_set_new(m, "anyOf", kinds);
    json_object_set_new(m, "allOf", rules);
    return described(m, f->doc);
}

/* ---- layer lists: every function of the prelude and every operator, with its arguments ---- */

static json_t *call_schema(const Definition *d, Diags *diags) {
    Head h;
    json_t *arguments = json_object();
    if (!head_parse(d->entry, &h, diags, diags->arena)) return ref("anything");
    for (int i = 1; i < h.n; i++) {
        char doc[200];
        const char *dflt = h.dflt[i] ? expr_show(h.dflt[i], diags->arena) : NULL;
        snprintf(doc, sizeof doc, "%s%s", dflt ? "default: " : "must be given", dflt ? dflt : "");
        json_object_set_new(arguments, h.arg[i], with_default(described(ref("expression"), doc), dflt));
    }
    json_object_set_new(arguments, "name", property(field_find(call_keys, "name")));
    json_t *map = json_pack("{s:s, s:o, s:o}", "type", "object", "properties", arguments,
                            "additionalProperties", ref("expression"));
    char doc[600];
    snprintf(doc, sizeof doc, "%s  %s", d->head, definition_doc(d));
    return described(any_of(map, ref("expression")), doc);
}

static void add_layers(json_t *defs) {
    Arena *a = arena_new();
    json_t *names = json_array(), *calls = json_object(), *items = json_array();
    if (!a) return;
    Diags *diags = diags_new(a);
    Definitions all = definitions_of_prelude(diags);
    for (int i = 0; i < all.n; i++) {
        if (strcmp(all.at[i].section, "functions")) continue;
        json_array_append_new(names, json_string(all.at[i].name));
        json_object_set_new(calls, all.at[i].name, call_schema(&all.at[i], diags));
    }
    for (const Op *const *o = op_table; *o; o++) {
        if (!(*o)->call) continue;
        json_array_append_new(names, json_string((*o)->name));
        json_object_set_new(calls, (*o)->name, described(ref("anything"), (*o)->doc));
    }
    json_array_append_new(items, json_pack("{s:[{s:o}, {s:s}]}", "anyOf", "enum", names, "type", "string"));
    json_array_append_new(items, parsed("{\"type\": [\"number\", \"boolean\"]}"));
    for (const Form *f = form_table; f->name; f++)
        if (form_is_block(f)) json_array_append_new(items, ref(f->name));
    json_array_append_new(items, json_pack("{s:s, s:i, s:i, s:o, s:o}", "type", "object", "minProperties", 1,
                                           "maxProperties", 1, "properties", calls, "additionalProperties",
                                           ref("anything")));
    json_object_set_new(defs, "layer", json_pack("{s:o}", "anyOf", items));
    arena_free(a);
}

/* ---- the whole ---- */

/* The forms that stand under a description: {allOf: [{$ref: form}], description: ...}. */
static void add_described(json_t *forms, const json_t *at) {
    const json_t *form = json_array_get(json_object_get(at, "allOf"), 0);
    const char *path = json_string_value(json_object_get(form, "$ref")), *name = path ? strrchr(path, '/') : NULL;
    if (name && json_object_get(at, "description")) json_object_set_new(forms, name + 1, json_true());
    const char *key;
    json_t *value;
    size_t i;
    json_object_foreach((json_t *)at, key, value) add_described(forms, value);
    json_array_foreach(at, i, value) add_described(forms, value);
}

/* Editors show the innermost description: that of a form would hide those of the keys that hold it. */
static void leave_to_keys(json_t *defs) {
    json_t *forms = json_object(), *value;
    const char *name;
    add_described(forms, defs);
    json_object_foreach(forms, name, value) json_object_del(json_object_get(defs, name), "description");
    json_decref(forms);
}

static json_t *schema(void) {
    json_t *defs = json_object();
    for (const Form *f = form_table; f->name; f++)
        json_object_set_new(defs, f->name,
                            !strcmp(f->name, "source")   ? source_schema(f)
                            : !strcmp(f->name, "output") ? output_schema(f)
                                                         : form_schema(f));
    add_layers(defs);
    leave_to_keys(defs);
    return json_pack("{s:s, s:s, s:o, s:[o]}", "$schema", "http://json-schema.org/draft-07/schema#", "title",
                     "a spec of graphrun", "$defs", defs, "allOf", ref("spec"));
}

static int run(const Options *o, int n, char **operand) {
    (void)o, (void)n, (void)operand;
    json_t *s = schema();
    if (!s) {
        complain("schema: out of memory");
        return CODE_FAILED;
    }
    json_dumpf(s, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(s);
    return CODE_DONE;
}

static const char *const examples[] = {
    "graphrun schema >graphrun.schema.json",
    "# yaml-language-server: $schema=graphrun.schema.json    as the first line of a spec", NULL};
static const Option options[] = {OPTIONS_END};
const Verb verb_schema = {"schema", "",      "JSON Schema of a spec, for completion and checks in editors",
                          examples, options, 0,
                          0,        run};
