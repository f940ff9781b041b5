/* Every shipped model and padded.yaml, small, with each pass off and with each of the planner's switches off. A turn of
 * its program is set beside the double reference of the graph as it was built; what rounding may do to each value there
 * (turncheck.c) bounds what the program without a switch may differ by. Without one of the planner's, the bits stay. */
#include "parser/compile.h"
#include "train/gradcheck.h"

#include <glob.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { ROUNDS = 2, SWITCHES_MOST = 80 }; /* turns before the compared one: at the start some gradients are exactly 0 */

typedef struct {
    const char *path, *turn, *without;
    Machine *m;
    Unit *unit;
    GradReport report;                  /* of the turn with everything on: what is compared, and the bounds */
    void **before;                      /* slots as the turn found them */
    double **whole, *results;           /* slots and results with everything on */
    char *text;                         /* the program with everything on */
    int switches;                       /* compared so far */
} Game;

static int changed_by[SWITCHES_MOST]; /* turns whose program a switch changes: passes, then the planner's */

static size_t slot_bytes(const Slot *s) { return (size_t)shape_count(&s->type.shape) * dtype_size(s->type.dtype); }

static void copy_slots(const Store *s, void **kept, bool back) {
    for (int i = 0; i < s->slots->all.n; i++) {
        size_t n = slot_bytes(&s->slots->all.at[i]);
        memcpy(back ? s->data[i] : kept[i], back ? kept[i] : s->data[i], n);
    }
}

static char *text_of(const Program *p, const Slots *slots) {
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    program_dump(p, slots, to);
    fclose(to);
    return text;
}

static void must(bool done, const Game *g, const Fault *f) {
    if (!done) fail_msg("%s: %s", g->path, f->text);
}

static double bound_of(const Game *g, const char *what, bool is_slot) {
    for (int k = 0; k < g->report.turn.n; k++)
        if (g->report.turn.at[k].is_slot == is_slot && !strcmp(g->report.turn.at[k].what, what))
            return g->report.turn.at[k].bound;
    return 0; /* a slot that the turn does not write */
}

static void within(const Game *g, const char *what, bool is_slot, bool exact, int64_t n, const double *x, const double *z) {
    double bound = exact ? 0 : 2 * bound_of(g, what, is_slot);
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(x[i] - z[i]) <= bound))
            fail_msg("%s without %s, %s: %s at %d: %.9g, with it %.9g, bound %g", g->path, g->without, g->turn, what, (int)i,
                     z[i], x[i], bound);
}

static void compare(Game *g, bool exact) {
    Arena *a = arena_new();
    const Slots *slots = g->m->t->slots;
    double **now = slots_as_doubles(g->m->store, a);
    for (int i = 0; i < slots->all.n; i++)
        within(g, slots->all.at[i].name, true, exact, shape_count(&slots->all.at[i].type.shape), g->whole[i], now[i]);
    for (int i = 0; i < g->unit->nresult; i++) {
        const char *name = g->unit->result_name ? g->unit->result_name[i] : NULL;
        if (!name || NODE_COUNT(g->unit->result[i]) != 1) continue;
        double made = exec_number(g->m->exec, g->unit->program, i);
        within(g, name, false, exact, 1, &g->results[i], &made);
    }
    arena_free(a);
}

/* The turn once more, from the same slots, without a switch. */
static void without(Game *g, const char *name, uint64_t on, PlanOptions plan, bool exact) {
    Fault f = {0};
    Program *whole = g->unit->program;
    g->without = name;
    g->m->options.passes = on;
    g->m->options.plan = plan;
    Program *p = unit_program(g->m, g->unit, &f);
    must(p != NULL, g, &f);
    char *text = text_of(p, g->m->t->slots);
    if (strcmp(text, g->text)) {
        changed_by[g->switches]++;
        copy_slots(g->m->store, g->before, true);
        g->unit->program = p;
        must(unit_run(g->m, g->unit, &f), g, &f);
        compare(g, exact);
        g->unit->program = whole;
    }
    g->switches++;
    free(text);
    program_free(p);
}

static void turn_agrees(Game *g, Turn *turn, Arena *a) {
    Fault f = {0};
    const Slots *slots = g->m->t->slots;
    g->turn = turn->unit.name;
    g->unit = &turn->unit;
    g->report = (GradReport){.agrees = true};
    g->switches = 0;
    must(feed_players(g->m, g->unit, &f), g, &f);
    for (int i = 0; i < slots->all.n; i++) g->before[i] = arena_alloc(a, slot_bytes(&slots->all.at[i]) + 1);
    copy_slots(g->m->store, g->before, false);
    must(turncheck(g->m, turn, a, &g->report, &f), g, &f);
    assert_true(g->report.agrees);
    g->whole = slots_as_doubles(g->m->store, a);
    g->results = ARENA_ARRAY(a, double, g->unit->nresult + 1);
    for (int i = 0; i < g->unit->nresult; i++)
        if (NODE_COUNT(g->unit->result[i]) == 1) g->results[i] = exec_number(g->m->exec, g->unit->program, i);
    g->text = text_of(g->unit->program, slots);
    for (int k = 0; passes[k].name; k++)
        without(g, passes[k].name, passes_all() & ~((uint64_t)1 << k), plan_all(), false);
    for (int k = 0; plan_switches[k].name; k++)
        without(g, plan_switches[k].name, passes_all(), plan_some(~(1u << k)), true);
    g->m->options.passes = passes_all();
    g->m->options.plan = plan_all();
    free(g->text);
}

static void agrees_with_itself(void **state) {
    Arena *a = arena_new();
    Diags *d = diags_new(a);
    Fault f = {0};
    Game g = {.path = *state};
    Training *t = compile(g.path, &(CompileOptions){.changes = {.npreset = 1, .preset = (const char *const[]){"tiny"}}}, a, d);
    if (!t) diags_print(d, stderr, false);
    assert_non_null(t);
    MachineOptions options = machine_defaults();
    options.threads = 1;
    g.m = machine_new(t, &options, &f);
    must(g.m && machine_load(g.m, &f) && machine_start(g.m, &f), &g, &f);
    g.before = ARENA_ARRAY(a, void *, t->slots->all.n + 1);
    for (int k = 0; k < ROUNDS * g.m->nturn; k++) {
        Unit *u = &g.m->turn[k % g.m->nturn]->unit;
        must(feed_players(g.m, u, &f) && unit_run(g.m, u, &f), &g, &f);
    }
    for (int i = 0; i < g.m->nturn; i++) turn_agrees(&g, g.m->turn[i], a);
    machine_free(g.m);
    compile_close(t);
    arena_free(a);
}

static void every_switch_changes_some_program(void **state) {
    (void)state;
    int n = 0;
    for (int k = 0; passes[k].name; k++)
        if (!changed_by[n++]) fail_msg("no program changes without '%s'", passes[k].name);
    for (int k = 0; plan_switches[k].name; k++)
        if (!changed_by[n++]) fail_msg("no program changes without '%s'", plan_switches[k].name);
}

int main(void) {
    glob_t files;
    if (glob(SOURCE_DIR "/models/*.yaml", 0, NULL, &files)) return 1;
    if (glob(SOURCE_DIR "/tests/padded.yaml", GLOB_APPEND, NULL, &files)) return 1;
    struct CMUnitTest *tests = calloc(files.gl_pathc + 1, sizeof *tests);
    for (size_t k = 0; k < files.gl_pathc; k++)
        tests[k] = (struct CMUnitTest){strrchr(files.gl_pathv[k], '/') + 1, agrees_with_itself, NULL, NULL, files.gl_pathv[k]};
    tests[files.gl_pathc] = (struct CMUnitTest)cmocka_unit_test(every_switch_changes_some_program);
    int failed = _cmocka_run_group_tests("rewrites", tests, files.gl_pathc + 1, NULL, NULL);
    free(tests);
    globfree(&files);
    return failed;
}
