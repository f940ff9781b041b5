/* A whole turn of the float program against the double reference of its graph, from the same slots: every logged
 * value, every slot that it writes. The program went through passes, planner and kernels; the reference through none.
 *
 * The bound comes from the arithmetic: the reference is run again, a few times, with every float result moved by up to
 * 1, 4 or 16 units of its last place, and the largest change of a value, in the maximum norm, is what rounding does to it.
 * Sums round more than once: the program may differ by 16 times the change of one unit, and by twice that of 16. So a
 * gradient that is nothing but rounding, such as that of a bias before batch normalisation, gets a wide bound from RMSprop,
 * and a loss a tight one.
 *
 * Why not one unit alone: a first step of Adam moves a weight by the sign of its gradient. Among millions of weights some
 * gradients are so near 0 that rounding alone turns their sign, and that is no small change that could be scaled up: it is
 * seen where the reference is moved as far as the program may be, or it is missed by chance. Why not 16 alone: the side of
 * a kink that the program takes may be one that large moves happen to miss. */
#include "train/gradcheck.h"

#include <math.h>

enum { SAMPLES = 6 };
static const struct { int ulps, times; } rounding[SAMPLES] = {{1, 16}, {1, 16}, {4, 4}, {4, 4}, {16, 2}, {16, 2}};

typedef struct { double **value, **slot; } Computed;  /* by node; by slot, NULL where not written */

static const double last_place = 0x1p-23;

static double distance(int64_t n, const double *x, const double *z) {
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = fabs(x[i] - z[i]);
        if (!(d <= most)) most = d;                   /* a NaN stays */
    }
    return most;
}

static double size(int64_t n, const double *x) {
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    return most;
}

static double bound_of(int64_t n, const double *exact, double *const rough[SAMPLES]) {
    double most = 0;
    for (int k = 0; k < SAMPLES; k++) most = fmax(most, rounding[k].times * distance(n, exact, rough[k]));
    return most + 2 * last_place * size(n, exact);
}

static void compare(GradReport *out, Arena *a, const Turn *turn, const char *what, bool is_slot, int64_t n,
                    const double *made, const double *exact, double *const rough[SAMPLES]) {
    TurnRow row = {.turn = turn->unit.name, .what = what, .is_slot = is_slot, .error = distance(n, made, exact),
                   .bound = bound_of(n, exact, rough)};
    if (!(row.error <= row.bound)) out->agrees = false;
    vec_push(a, &out->turn, row);
}

static Computed reference_new(const Graph *g, Arena *a) {
    return (Computed){ARENA_ARRAY(a, double *, g->node.n + 1), ARENA_ARRAY(a, double *, g->slots->all.n + 1)};
}

bool turncheck(Machine *m, Turn *turn, Arena *a, GradReport *out, Fault *f) {
    const Graph *g = turn->unit.graph;
    Arena *scratch = arena_new();
    if (!scratch) return fault_memory(f);
    double **before = slots_as_doubles(m->store, scratch);
    const double **in = ARENA_ARRAY(scratch, const double *, g->slots->all.n + 1);
    for (int i = 0; i < g->slots->all.n; i++) in[i] = before[i];
    Computed exact = reference_new(g, scratch), rough[SAMPLES];
    ref_run(g, m->options.seed, in, exact.slot, exact.value, NULL, scratch);
    for (int k = 0; k < SAMPLES; k++) {
        rough[k] = reference_new(g, scratch);
        ref_run_rough(g, m->options.seed, in, rough[k].slot, rough[k].value, rounding[k].ulps, (uint32_t)k, scratch);
    }
    bool ran = unit_run(m, &turn->unit, f);
    for (int i = 0; ran && i < turn->unit.nresult; i++) {
        const Node *n = turn->unit.result[i];
        const char *name = turn->unit.result_name ? turn->unit.result_name[i] : NULL;
        if (!name || NODE_COUNT(n) != 1) continue;
        double made = exec_number(m->exec, turn->unit.program, i), *of[SAMPLES];
        for (int k = 0; k < SAMPLES; k++) of[k] = rough[k].value[n->id];
        compare(out, a, turn, name, false, 1, &made, exact.value[n->id], of);
    }
    double **after = slots_as_doubles(m->store, scratch);
    for (int i = 0; ran && i < g->slots->all.n; i++) {
        if (!exact.slot[i]) continue;
        const Slot *s = &g->slots->all.at[i];
        double *of[SAMPLES];
        for (int k = 0; k < SAMPLES; k++) of[k] = rough[k].slot[i];
        compare(out, a, turn, s->name, true, shape_count(&s->type.shape), after[i], exact.slot[i], of);
    }
    arena_free(scratch);
    return ran;
}
