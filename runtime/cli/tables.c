/* `graphrun help operators`, `help data`, `help outputs`: rows of the program's tables, and what its own
 * rules make of the samples that its tests run on. */
#include "cli/help.h"

#include "base/str.h"
#include "build.h"
#include "parser/keys.h"
#include "parser/value.h"

#include <string.h>

/* ---- keys ---- */

static const char *choice_list(Arena *a, const char *choices) {
    Str s = {.arena = a};
    for (const char *p = choices; *p;) {
        size_t n = strcspn(p, "|");
        str_printf(&s, "%s%.*s", p == choices ? "" : !p[n] ? " or " : ", ", (int)n, p);
        p += n + (p[n] == '|');
    }
    return s.text ? s.text : "";
}

/* Where the documentation explains each choice they need no list. */
static bool names_all(Arena *a, const Field *f) {
    for (const char *p = f->choices; *p && f->doc;) {
        size_t n = strcspn(p, "|");
        if (!strstr(f->doc, arena_strndup(a, p, n))) return false;
        p += n + (p[n] == '|');
    }
    return f->doc != NULL;
}

static bool has_range(const Field *f) { return (f->type == F_INT || f->type == F_FLOAT) && f->min < f->max; }

static char *range_text(Arena *a, const Field *f) {
    if (f->max > 1e5) return arena_printf(a, "from %g", f->min);
    return arena_printf(a, "%g to %g", f->min, f->max);
}

static const char *key_text(Arena *a, const Field *f) {
    Str s = {.arena = a};
    str_add(&s, f->doc ? f->doc : "");
    if (f->choices && f->type != F_FORM && !names_all(a, f))
        str_printf(&s, ": %s", choice_list(a, f->choices));
    bool range = has_range(f);
    if (!f->dflt)
        str_printf(&s, " (must be given%s%s)", range ? "; " : "", range ? range_text(a, f) : "");
    else if (*f->dflt)
        str_printf(&s, " (%s%s%s)", range ? range_text(a, f) : "", range ? "; " : "",
                   arena_printf(a, "default: %s", f->dflt));
    else if (range)
        str_printf(&s, " (%s)", range_text(a, f));
    return s.text ? s.text : "";
}

void help_keys(int indent, const Field *table, const Field *more) {
    const Field *const both[] = {table, more};
    Arena *a = arena_new();
    int column = 0;
    if (!a) return;
    for (int i = 0; i < 2; i++)
        for (const Field *f = both[i]; f && f->name; f++)
            if (text_width(f->name) > column) column = text_width(f->name);
    for (int i = 0; i < 2; i++)
        for (const Field *f = both[i]; f && f->name; f++)
            text_row(indent, indent + column + 2, f->name, key_text(a, f));
    arena_free(a);
}

/* ---- operators ---- */

static void add_type(Str *s, const Tensor *t, bool shapes) {
    str_add(s, dtype_name(t->dtype));
    if (shapes) str_printf(s, " %s", shape_show(&t->shape, s->arena));
}

/* "stride=2" where it is not what is meant without; NULL: no call can say it. */
static const char *attribute_text(Arena *a, const Op *op, const Field *f, const void *attr) {
    char *value = field_show(f, attr, a);
    bool nothing = !f->dflt || !strcmp(value, "[]") || !strcmp(value, "0") || !strcmp(value, "false");
    size_t n = strlen(value);
    if (n > 2 && *value == '[' && !strchr(value, ',')) value[n - 1] = 0, value++;
    if (nothing || !strcmp(value, f->dflt)) return "";
    return strstr(op->call, f->name) ? arena_printf(a, ", %s=%s", f->name, value) : NULL;
}

/* "float [4, 5], int [4, 1] -> float [4, 1]": what the operator's own rules say of a sample. NULL: no call is
 * like it. */
static const char *sample_text(Arena *a, const Op *op, const Sample *sample, bool shapes) {
    Slots *slots = ARENA_NEW(a, Slots);
    slots->arena = a;
    Diags *d = diags_new(a);
    Graph *g = graph_new(a, d, slots, "help");
    Node **x = ARENA_ARRAY(a, Node *, sample->nsrc + 1);
    Str s = {.arena = a};
    for (int k = 0; k < sample->nsrc; k++) {
        slot_add(slots, (Slot){.name = arena_printf(a, "x%d", k), .type = sample->src[k]});
        x[k] = g_slot(g, k);
        if (k) str_add(&s, ", ");
        add_type(&s, &sample->src[k], shapes);
    }
    for (const Field *f = op->attr; sample->attr && f && f->name; f++) {
        const char *text = attribute_text(a, op, f, sample->attr);
        if (!text) return NULL;
        str_add(&s, text);
    }
    const Node *y = op_apply(g, op, sample->nsrc, x, sample->attr);
    if (d->errors) return NULL;
    str_add(&s, " -> ");
    add_type(&s, &y->type, shapes);
    return s.text;
}

static const char *gradient_text(const Op *op) {
    if (op->traits & STOPS_GRAD) return "; no gradient passes";
    if (op->traits & LINEAR) return "; linear";
    if (op->traits & PIECEWISE) return "; linear in pieces";
    return "";
}

/* "max(2, 3) = 3": the row's case from a table; nothing where it has none. */
static void add_golden(Str *s, const Op *op) {
    const double *v = op->golden;
    if (!(op->traits & ELEMENTWISE) || (!v[0] && !v[1])) return;
    if (op->arity == 1) str_printf(s, "%s(%.6g) = %.6g; ", op->name, v[0], v[1]);
    if (op->arity == 2) str_printf(s, "%s(%.6g, %.6g) = %.6g; ", op->name, v[0], v[1], v[2]);
}

/* Distinct ones; of elementwise operators, whose shapes say nothing, the types, else one a line with the
 * shapes. */
static void put_samples(Arena *a, const Op *op) {
    enum { MOST = 4 };
    bool shapes = !(op->traits & ELEMENTWISE);
    Str s = {.arena = a};
    const char *said[MOST];
    int n = 0;
    add_golden(&s, op);
    for (const Sample *k = op->samples; k && k->name && n < MOST; k++) {
        const char *text = sample_text(a, op, k, shapes);
        bool again = !text;
        for (int i = 0; i < n && text; i++) again = again || !strcmp(said[i], text);
        if (again) continue;
        said[n++] = text;
        if (shapes)
            text_wrap(text, 4, 8);
        else
            str_printf(&s, "%s%s", n > 1 ? "; " : "", text);
    }
    str_add(&s, gradient_text(op));
    if (op->traits & THREADS_VARY) str_add(&s, "; its last bits may differ between numbers of threads");
    if (s.text) text_wrap(s.text + (*s.text == ';' ? 2 : 0), 4, 4);
}

static void put_operator(const Op *op) {
    Arena *a = arena_new();
    if (!a) return;
    printf("%s(%s)\n", op->name, op->call);
    text_wrap(op->doc, 4, 4);
    for (const Field *f = op->attr; f && f->name; f++)
        if (strstr(op->call, f->name) && f->doc) text_row(8, 20, f->name, key_text(a, f));
    put_samples(a, op);
    arena_free(a);
}

bool help_operator(const char *name) {
    const Op *op = op_named(name);
    if (!op || !op->call) return false;
    put_operator(op);
    return true;
}

static void put_builtin(const Builtin *b, int indent) {
    char head[200];
    snprintf(head, sizeof head, "%s(%s)", b->name, b->call);
    text_row(indent, indent + 36, head, b->doc);
}

bool help_builtin(const char *name) {
    for (const Builtin *b = builtin_table; b->name; b++)
        if (!strcmp(b->name, name)) return put_builtin(b, 0), true;
    return false;
}

void help_builtins(int indent) {
    for (const Builtin *b = builtin_table; b->name; b++) put_builtin(b, indent);
}

static int kind_of(const Op *op) { return op->traits & ELEMENTWISE ? 0 : op->traits & REDUCES ? 1 : 2; }

int help_operators(const char *name) {
    static const char *const kind[] = {"element by element", "over axes", "shapes, products, images, order"};
    if (name) {
        Nearest nearest = nearest_to(name);
        if (help_operator(name) || help_builtin(name)) return CODE_DONE;
        for (const Op *const *o = op_table; *o; o++)
            if ((*o)->call) nearest_add(&nearest, (*o)->name);
        if (nearest.best)
            complain("help operators: there is no operator '%s', did you mean '%s'?", name, nearest.best);
        else
            complain("help operators: there is no operator '%s'; 'graphrun help operators' lists them", name);
        return CODE_USAGE;
    }
    text_wrap("What the C core knows; layers, losses and optimisers are made of these (`graphrun show "
              "prelude`). Under each "
              "stand the types it takes and gives, with the shapes of some examples where they matter. All "
              "are differentiable to "
              "any order, unless it says that no gradient passes; where one is linear (in pieces) its second "
              "derivative is 0.",
              0, 0);
    for (int k = 0; k < 3; k++) {
        printf("\n## %s\n", kind[k]);
        for (const Op *const *o = op_table; *o; o++)
            if ((*o)->call && kind_of(*o) == k) putchar('\n'), put_operator(*o);
    }
    puts("\n## structure, known when the spec is compiled\n");
    help_builtins(0);
    return CODE_DONE;
}

/* ---- data and outputs ---- */

static int put_kinds(const char *what, const char *name, int n, const char *const *names, void (*put)(int)) {
    Nearest nearest = nearest_to(name);
    for (int i = 0; i < n; i++) {
        nearest_add(&nearest, names[i]);
        if (strcmp(names[i], name)) continue;
        put(i);
        return CODE_DONE;
    }
    if (nearest.best)
        complain("help %s: there is no '%s', did you mean '%s'?", what, name, nearest.best);
    else
        complain("help %s: there is no '%s'; 'graphrun help %s' lists them", what, name, what);
    return CODE_USAGE;
}

static void put_fields(const char *title, const FieldRow *rows) {
    Arena *a = arena_new();
    if (!a) return;
    if (rows && rows->name) text_wrap(title, 4, 4);
    for (const FieldRow *r = rows; r && r->name; r++) {
        const char *type = r->dtype < DTYPES ? dtype_name(r->dtype) : "as the file has it";
        text_row(8, 20, r->name,
                 arena_printf(a, "%s%s%s%s%s", type, *r->shape ? " " : "", r->shape, r->doc ? ": " : "",
                              r->doc ? r->doc : ""));
    }
    arena_free(a);
}

static void put_source(int i) {
    const Dataset *d = dataset_table[i];
    printf("source: %s\n", d->name);
    text_wrap(d->doc, 4, 4);
    text_wrap(d->example, 4, 8);
    if (d->options->name) text_wrap("keys", 4, 4);
    help_keys(8, d->options, NULL);
    put_fields("fields, of one sample", d->fields);
    put_fields("constants", d->constants);
}

int help_data(const char *name) {
    enum { MOST = 64 };
    const char *names[MOST];
    int n = 0;
    for (; dataset_table[n] && n < MOST; n++) names[n] = dataset_table[n]->name;
    if (name) return put_kinds("data", name, n, names, put_source);
    text_wrap("A source stands under `data:`, with its kind and its keys: `digits: {source: idx, batch: "
              "100}`. Its fields are "
              "batches, `digits.image`; `digits.count` is the number of samples. A key that is one of its "
              "fields holds layers "
              "that rework it: `image: [{rescale: [-1, 1]}]`.",
              0, 0);
    for (int i = 0; i < n; i++) putchar('\n'), put_source(i);
    puts("\nevery source");
    text_wrap("keys", 4, 4);
    help_keys(8, source_keys, source_options);
    put_fields("fields", source_fields);
    return CODE_DONE;
}

static void put_output(int i) {
    printf("%s\n", output_table[i]->name);
    text_wrap(output_table[i]->doc, 4, 4);
    text_wrap(output_table[i]->example, 4, 8);
    help_keys(8, output_table[i]->options, NULL);
}

int help_outputs(const char *name) {
    enum { MOST = 64 };
    const char *names[MOST];
    int n = 0;
    for (; output_table[n] && n < MOST; n++) names[n] = output_table[n]->name;
    if (name) return put_kinds("outputs", name, n, names, put_output);
    text_wrap("An output stands under `outputs:`, with the key of one kind: `samples: {grid: generator(z), "
              "every: 500}`. Its "
              "expressions are evaluated in eval mode; any other key is a local name.",
              0, 0);
    for (int i = 0; i < n; i++) putchar('\n'), put_output(i);
    puts("\nevery output takes");
    help_keys(8, output_keys, NULL);
    return CODE_DONE;
}
