/* `graphrun help`: verbs and topics. */
#include "cli/help.h"

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
    if (nearest.best)
        complain("help: nothing is known of '%s', did you mean '%s'?", operand[0], nearest.best);
    else
        complain("help: nothing is known of '%s'", operand[0]);
    return CODE_USAGE;
}

static const char *const examples[] = {"graphrun help language              how a spec is written",
                                       "graphrun help language players      one topic of it",
                                       "graphrun help operators convolve    one operator, source or output",
                                       NULL};
static const Option options[] = {OPTIONS_END};
const Verb verb_help = {
    "help", "[TOPIC]", "a verb, or language, operators, data, outputs", examples, options, 0, 2, run};
