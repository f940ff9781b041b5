/* `graphrun help`: verbs and topics. */
#include "cli/help.h"

#include "parser/keys.h"

#include <string.h>

static void put_verbs(FILE *to) {
    for (const Verb *const *v = verbs; *v; v++)
        fprintf(to, "  %-10s %-14s %s\n", (*v)->name, (*v)->operands, (*v)->doc);
}

void help_short(FILE *to) {
    fputs("graphrun models/wgan_poly.yaml            trains it; the run folder's path is printed\n"
          "graphrun check models/*.yaml              finds mistakes before anything runs\n"
          "graphrun show models/wgan_poly.yaml       layers, shapes, parameters, memory\n\n",
          to);
    put_verbs(to);
    fputs("\n  graphrun help language                how a spec is written: start here\n"
          "  graphrun help operators|data|outputs  what it is made of; also: graphrun show function\n"
          "  graphrun VERB --help                  a verb's options\n",
          to);
}

void help_verb(const Verb *v, FILE *to) {
    for (const char *const *e = v->examples; *e; e++) fprintf(to, "  %s\n", *e);
    fprintf(to, "\ngraphrun %s %s [options]\n  %s\n\n", v->name, v->operands, v->doc);
    for (const Option *o = v->options; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "%s%c%s--%s%s%s", o->letter ? "-" : " ", o->letter ? o->letter : ' ',
                 o->letter ? ", " : "  ", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        fprintf(to, "  %-30s %s\n", left, o->doc);
    }
}

static const struct {
    const char *name;
    int (*print)(const char *part);
} topics[] = {{"language", help_language},
              {"operators", help_operators},
              {"data", help_data},
              {"outputs", help_outputs}};
enum { TOPICS = sizeof topics / sizeof *topics };

/* A bare name: a function of the prelude, an operator, a source, an output, a key. */
static bool help_name(const char *name, Nearest *nearest, Arena *a) {
    for (const Dataset *const *k = dataset_table; *k; k++) {
        nearest_add(nearest, (*k)->name);
        if (!strcmp((*k)->name, name)) return help_data(name) == CODE_DONE;
    }
    for (const Output *const *k = output_table; *k; k++) {
        nearest_add(nearest, (*k)->name);
        if (!strcmp((*k)->name, name)) return help_outputs(name) == CODE_DONE;
    }
    Definitions prelude = definitions_of_prelude(diags_new(a));
    const Definition *function = definition_named(&prelude, name, nearest);
    if (function) definition_show(function);
    bool found = function || help_operator(name) || help_builtin(name);
    for (const Form *f = form_table; f->name; f++) {
        const Field *key = field_find(f->keys, name);
        if (f->keys) field_nearest(f->keys, nearest);
        if (!key || key->type != F_FORM) continue;
        printf("%s%s, a key of '%s': %s\n", found ? "\n" : "", key->name, f->name, key->doc);
        found = true;
    }
    return found;
}

static int run(const Options *o, int n, char **operand) {
    (void)o;
    if (!n) {
        help_short(stdout);
        return CODE_DONE;
    }
    Nearest nearest = nearest_to(operand[0]);
    for (int i = 0; i < TOPICS; i++) {
        nearest_add(&nearest, topics[i].name);
        if (!strcmp(topics[i].name, operand[0])) return topics[i].print(n > 1 ? operand[1] : NULL);
    }
    if (verb_named(operand[0])) {
        help_verb(verb_named(operand[0]), stdout);
        return CODE_DONE;
    }
    for (const Verb *const *v = verbs; *v; v++) nearest_add(&nearest, (*v)->name);
    Arena *a = arena_new();
    if (!a) return CODE_FAILED;
    bool found = n == 1 && help_name(operand[0], &nearest, a);
    if (!found && nearest.best)
        complain("help: nothing is known of '%s', did you mean '%s'?", operand[0], nearest.best);
    else if (!found)
        complain("help: nothing is known of '%s'", operand[0]);
    arena_free(a);
    return found ? CODE_DONE : CODE_USAGE;
}

static const char *const examples[] = {"graphrun help language              how a spec is written",
                                       "graphrun help language players      one topic of it",
                                       "graphrun help operators convolve    one operator, source or output",
                                       NULL};
static const Option options[] = {OPTIONS_END};
const Verb verb_help = {
    "help", "[TOPIC]", "a verb, language, operators, data, outputs, or the name of a function, key, ...", examples, options, 0, 2, run};
