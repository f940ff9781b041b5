/* `graphrun bench --worth`: each turn with everything on, and without each pass and each of the planner's switches.
 * The programs are run by turns, one after another, round after round, so that whatever else the machine does
 * meets all of them alike. A switch that leaves the program as it was is not timed. */
#include "cli/cli.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MOST = 1000, ROUNDS_LEAST = 5, VARIANTS_MOST = 80 };

typedef struct {
    const char *name; /* what is off; NULL: nothing */
    Program *program; /* NULL: the same as with everything on */
    double ms[ROUNDS_MOST];
} Variant;

typedef struct {
    Machine *m;
    Unit *unit;
    int n, rounds;
    Variant *at[VARIANTS_MOST]; /* at[0]: everything on */
} Worth;

static char *text_of(const Program *p, const Slots *slots) {
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to) return NULL;
    program_dump(p, slots, to);
    fclose(to);
    return text;
}

static bool add(Worth *w, const char *name, uint64_t on, PlanOptions plan, Fault *f) {
    Variant *v = w->n < VARIANTS_MOST ? calloc(1, sizeof *v) : NULL;
    if (!v) return fault_memory(f);
    v->name = name;
    w->at[w->n++] = v;
    w->m->options.passes = on;
    plan.bf16 = w->m->options.plan.bf16;
    w->m->options.plan = plan;
    v->program = unit_program(w->m, w->unit, f);
    if (!v->program) return false;
    char *text = text_of(v->program, w->m->t->slots), *all = text_of(w->at[0]->program, w->m->t->slots);
    bool same = name && text && all && !strcmp(text, all), done = text && all;
    free(text);
    free(all);
    if (!done) return fault_memory(f);
    if (same) program_free(v->program), v->program = NULL;
    return same || exec_reserve(w->m->exec, v->program) || fault_memory(f);
}

static bool add_all(Worth *w, Fault *f) {
    bool done = add(w, NULL, passes_all(), plan_all(), f);
    for (int k = 0; done && passes[k].name; k++)
        done = add(w, passes[k].name, passes_all() & ~((uint64_t)1 << k), plan_all(), f);
    for (int k = 0; done && plan_switches[k].name; k++)
        done = add(w, plan_switches[k].name, passes_all(), plan_some(~(1u << k)), f);
    return done;
}

static bool play(Worth *w, double seconds, Fault *f) {
    double spent = 0;
    if (!feed_players(w->m, w->unit, f)) return false;
    for (int r = -1; r < ROUNDS_MOST && (r < ROUNDS_LEAST || spent < 1e3 * seconds); r++) { /* round -1 warms */
        for (int k = 0; k < w->n; k++) {
            Variant *v = w->at[k];
            if (!v->program) continue;
            w->unit->program = v->program;
            double start = seconds_now();
            bool done = unit_run(w->m, w->unit, f);
            if (!done) return false;
            if (r >= 0) v->ms[r] = 1e3 * (seconds_now() - start);
        }
        if (r >= 0) spent += w->at[0]->ms[r], w->rounds = r + 1;
    }
    return true;
}

static double median(int n, const double *x) {
    double sorted[ROUNDS_MOST];
    memcpy(sorted, x, (size_t)n * sizeof *x);
    numbers_sort(n, sorted);
    return numbers_median(n, sorted);
}

Table *worth_table(void) {
    Table *t = table_new(6, "llrrrr");
    table_add(t, "player\twithout\tmedian ms\ttimes\tinstructions\tworkspace MB");
    return t;
}

static void report(const Worth *w, const char *player, Table *table, json_t *all) {
    const Variant *on = w->at[0];
    double whole = median(w->rounds, on->ms), ratio[ROUNDS_MOST];
    for (int k = 0; k < w->n; k++) {
        const Variant *v = w->at[k];
        const Program *p = v->program ? v->program : on->program;
        const char *name = v->name ? v->name : "-";
        for (int r = 0; r < w->rounds; r++) ratio[r] = v->program ? v->ms[r] / on->ms[r] : 1;
        double times = median(w->rounds, ratio), mb = (double)p->workspace / 1e6;
        if (v->program)
            table_add(table, "%s\t%s\t%.4g\t%.3f\t%d\t%.4g", player, name, median(w->rounds, v->ms), times, p->ninstr, mb);
        json_array_append_new(all, json_pack("{s:s, s:s, s:b, s:f, s:f, s:i, s:f, s:i}", "player", player, "without", name,
                                             "changes", v->program != NULL, "median_ms", times * whole, "times", times,
                                             "instructions", p->ninstr, "workspace_bytes", (double)p->workspace, "runs",
                                             w->rounds));
    }
}

bool worth_turn(Machine *m, Turn *turn, double seconds, Table *table, json_t *all, Fault *f) {
    Worth w = {.m = m, .unit = &turn->unit};
    Program *own = turn->unit.program;
    MachineOptions options = m->options;
    bool done = add_all(&w, f) && play(&w, seconds, f);
    if (done) report(&w, turn_player(m->t, turn), table, all);
    turn->unit.program = own;
    m->options = options;
    for (int k = 0; k < w.n; k++) {
        program_free(w.at[k]->program);
        free(w.at[k]);
    }
    return done;
}

