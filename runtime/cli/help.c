/* `graphrun help`: verbs, and the reference of operators, data and outputs from the tables that the program
 * runs on. */
#include "cli/cli.h"

#include <string.h>

static void put_default(const Field *f) {
    if (!f->dflt)
        printf("  (must be given)");
    else if (*f->dflt)
        printf("  (%s)", f->dflt);
}

static void put_fields(const Field *table) {
    for (const Field *f = table; f && f->name; f++) {
        printf("    %-12s %s", f->name, f->doc ? f->doc : "");
        if (f->choices) printf(": %s", f->choices);
        put_default(f);
        putchar('\n');
    }
}

static void help_operators(void) {
    for (const Op *const *o = op_table; *o; o++) {
        const Op *op = *o;
        if (!op->call) continue;
        printf("%s(%s)\n    %s\n", op->name, op->call, op->doc);
        if (op->traits & THREADS_VARY) puts("    its bits may differ between numbers of threads");
        if (op->traits & STOPS_GRAD) puts("    no gradient passes");
        if (op->traits & RANDOM) puts("    a draw: new each turn");
    }
}

static void help_data(void) {
    puts("every source takes");
    put_fields(source_options);
    for (const Dataset *const *d = dataset_table; *d; d++) {
        printf("\n%s: %s\n", (*d)->name, (*d)->doc);
        put_fields((*d)->options);
    }
}

static void help_outputs(void) {
    puts("every output takes every, when, stage, animate, name");
    for (const Output *const *o = output_table; *o; o++) {
        printf("\n%s: %s\n", (*o)->name, (*o)->doc);
        put_fields((*o)->options);
    }
}

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
    fputs("\n'graphrun VERB --help' for more; 'graphrun help operators', 'help data', 'help outputs' for the "
          "language's parts\n",
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
    void (*print)(void);
} topics[] = {{"operators", help_operators}, {"data", help_data}, {"outputs", help_outputs}, {NULL, NULL}};

static int run(const Options *o, int n, char **operand) {
    (void)o;
    if (!n) {
        help_short(stdout);
        return CODE_DONE;
    }
    Nearest nearest = nearest_to(operand[0]);
    for (int i = 0; topics[i].name; i++) {
        nearest_add(&nearest, topics[i].name);
        if (strcmp(topics[i].name, operand[0])) continue;
        topics[i].print();
        return CODE_DONE;
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

static const char *const examples[] = {"graphrun help train", "graphrun help operators", "graphrun help data",
                                       NULL};
static const Option options[] = {OPTIONS_END};
const Verb verb_help = {"help", "[TOPIC]", "a verb, or operators, data, outputs", examples, options, 0,
                        1,      run};
