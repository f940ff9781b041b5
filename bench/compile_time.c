/* Where the time from a spec to programs goes, for bench/growth: one JSON object on one line, milliseconds.
 *
 *   compile_time SPEC [KEY.PATH=VALUE ...]
 *
 * parse: files read, YAML, changes; build: definitions, values, nodes, updates; gradient; passes; kernels: what libraries
 * and our convolutions prepare; plan: all else of the planner. The linker leads the calls of these functions through here
 * (--wrap), so the program itself carries no clock for it. It counts processor time, so that other work disturbs it less.
 */
#include "base/measure.h"
#include "kern/kern.h"
#include "parser/compile.h"
#include "train/machine.h"

#include <stdio.h>
#include <stdlib.h>

typedef enum { BUILD, PARSE, GRADIENT, PASSES, PLAN, KERNELS, REST, PARTS } Part;
static const char *const part_names[PARTS] = {"build", "parse", "gradient", "passes", "plan", "kernels", "rest"};
static double spent[PARTS], since;
static Part part = REST;
static long nodes, kept;

static Part switch_to(Part to) {
    double now = 1e3 * seconds_on(CLOCK_PROCESS_CPUTIME_ID);
    Part was = part;
    spent[was] += now - since;
    since = now;
    part = to;
    return was;
}

/* --wrap=F: calls of F come to __wrap_F, and __real_F is F. */
Doc *__real_spec_read(const char *path, const SpecChanges *changes, Diags *d);
Doc *__wrap_spec_read(const char *path, const SpecChanges *changes, Diags *d);
void __real_gradient(Node *y, Node *gy, int n, Node *const *x, Node **gx);
void __wrap_gradient(Node *y, Node *gy, int n, Node *const *x, Node **gx);
Graph *__real_passes_run(const Graph *g, uint64_t on, int n, Node **keep);
Graph *__wrap_passes_run(const Graph *g, uint64_t on, int n, Node **keep);
Program *__real_plan_make(const Graph *g, int n, Node *const *results, const char *const *names, PlanOptions options);
Program *__wrap_plan_make(const Graph *g, int n, Node *const *results, const char *const *names, PlanOptions options);
Conv *__real_conv_new(ConvWhich which, const ConvShape *s, bool bf16);
Conv *__wrap_conv_new(ConvWhich which, const ConvShape *s, bool bf16);

Doc *__wrap_spec_read(const char *path, const SpecChanges *changes, Diags *d) {
    Part was = switch_to(PARSE);
    Doc *made = __real_spec_read(path, changes, d);
    switch_to(was);
    return made;
}

void __wrap_gradient(Node *y, Node *gy, int n, Node *const *x, Node **gx) {
    Part was = switch_to(GRADIENT);
    __real_gradient(y, gy, n, x, gx);
    switch_to(was);
}

Graph *__wrap_passes_run(const Graph *g, uint64_t on, int n, Node **keep) {
    Part was = switch_to(PASSES);
    Graph *made = __real_passes_run(g, on, n, keep);
    switch_to(was);
    nodes += g->node.n;
    kept += made->node.n;
    return made;
}

Program *__wrap_plan_make(const Graph *g, int n, Node *const *results, const char *const *names, PlanOptions options) {
    Part was = switch_to(PLAN);
    Program *made = __real_plan_make(g, n, results, names, options);
    switch_to(was);
    return made;
}

Conv *__wrap_conv_new(ConvWhich which, const ConvShape *s, bool bf16) {
    Part was = switch_to(KERNELS);
    Conv *made = __real_conv_new(which, s, bf16);
    switch_to(was);
    return made;
}

static bool add_instructions(void *ctx, Unit *u) {
    if (u->program) *(long *)ctx += u->program->ninstr;
    return true;
}

static void print(Machine *m) {
    long instructions = 0;
    double all = 0;
    units_each(m->t, add_instructions, &instructions);
    printf("{\"nodes\": %ld, \"kept\": %ld, \"instructions\": %ld", nodes, kept, instructions);
    for (int i = 0; i < PARTS; i++) all += spent[i], printf(", \"%s\": %.3f", part_names[i], spent[i]);
    printf(", \"all\": %.3f}\n", all);
}

int main(int argc, char **argv) {
    if (argc < 2) return fprintf(stderr, "compile_time SPEC [KEY.PATH=VALUE ...]\n"), 2;
    Arena *a = arena_new();
    Diags *d = diags_new(a);
    CompileOptions options = {.changes = {.nset = argc - 2, .set = (const char *const *)argv + 2}};
    MachineOptions usual = machine_defaults();
    Fault f = {0};
    switch_to(BUILD);
    Training *t = compile(argv[1], &options, a, d);
    switch_to(REST);
    Machine *m = t ? machine_new(t, &usual, &f) : NULL;
    bool done = m && machine_prepare(m, &f);
    switch_to(REST);
    if (done) print(m);
    else diags_print(d, stderr, false), fprintf(stderr, "%s\n", f.text);
    machine_free(m);
    if (t) compile_close(t);
    arena_free(a);
    return done ? 0 : 1;
}
