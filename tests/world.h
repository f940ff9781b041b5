/* A small spec, compiled, and its units run in double by the operators' references: nothing here depends on
 * planner, kernels or the trainer. Turns are run in any order a test wants. */
#pragma once
#include "parser/compile.h"
#include "exec/exec.h"
#include "base/str.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct {
    Arena *a;
    Training *t;
    double **slot;
} World;

/* ---- a spec, compiled and started ---- */

static inline void run_unit(World *w, const Unit *u, double *results) {
    const Graph *g = u->graph;
    int n = w->t->slots->all.n;
    double **out = ARENA_ARRAY(w->a, double *, n), **value = ARENA_ARRAY(w->a, double *, g->node.n + 1);
    for (int i = 0; i < n; i++)
        out[i] = ARENA_ARRAY(w->a, double, shape_count(&w->t->slots->all.at[i].type.shape) + 1);
    for (int i = 0; i < n; i++) {
        size_t bytes = (size_t)shape_count(&w->t->slots->all.at[i].type.shape) * sizeof(double);
        memcpy(out[i], w->slot[i], bytes);
    }
    ref_run(g, 7, (const double *const *)w->slot, out, value, NULL, w->a);
    for (int i = 0; results && i < u->nresult; i++) results[i] = value[u->result[i]->id][0];
    w->slot = out;
}

/* NULL: it was said why. */
static inline Training *compile_text(const char *text, Arena *a) {
    char path[] = "/tmp/graphrun-text-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    fputs(text, f);
    fclose(f);
    Diags *d = diags_new(a);
    Training *t = compile(path, &(CompileOptions){.steps = 0}, a, d);
    if (!t) diags_print(d, stderr, false);
    unlink(path);
    return t;
}

static inline World *open_text(const char *text) {
    Arena *a = arena_new();
    World *w = ARENA_NEW(a, World);
    *w = (World){.a = a, .t = compile_text(text, a)};
    assert_non_null(w->t);
    int n = w->t->slots->all.n;
    w->slot = ARENA_ARRAY(a, double *, n);
    for (int i = 0; i < n; i++) {
        const Slot *s = &w->t->slots->all.at[i];
        int64_t count = shape_count(&s->type.shape);
        w->slot[i] = ARENA_ARRAY(a, double, count + 1);
        for (int64_t k = 0; k < count; k++) w->slot[i][k] = s->init ? s->init[k] : s->fill;
    }
    run_unit(w, &w->t->init, NULL);
    for (int i = 0; i < w->t->nfixed; i++) run_unit(w, &w->t->fixed[i], NULL);
    return w;
}

static inline void close_world(World *w) {
    compile_close(w->t);
    arena_free(w->a);
}

static inline int slot_at(const World *w, const char *name) {
    int at = slot_find(w->t->slots, name);
    if (at < 0) print_error("there is no slot '%s'\n", name);
    assert_true(at >= 0);
    return at;
}

static inline const double *slot(const World *w, const char *name) { return w->slot[slot_at(w, name)]; }

static inline bool is_slot(const World *w, const char *name) { return slot_find(w->t->slots, name) >= 0; }

static inline void near(double x, double expected) {
    if (fabs(x - expected) <= 1e-6 * (1 + fabs(expected))) return;
    print_error("%.9g, not %.9g\n", x, expected);
    fail();
}

/* ---- turns ---- */

static double results[64]; /* of the newest turn */
static const Turn *last;

/* Entry `i` of the schedule, once; iteration values that it needs are made where `fresh` says so. */
static inline void turn(World *w, int i, bool fresh) {
    last = w->t->stage[0].entry[i].turn;
    for (int k = 0; fresh && k < last->unit.niteration; k++)
        run_unit(w, &w->t->iteration[last->unit.iteration[k]].unit, NULL);
    run_unit(w, &last->unit, results);
    for (int k = 0; k < last->nmove; k++) {
        const Player *p = &w->t->player[last->move[k].player];
        w->slot[p->turn_slot][0]++;
        w->slot[p->total_slot][0]++;
    }
}

static inline void step(World *w) {
    w->slot[w->t->step_slot][0]++;
    w->slot[w->t->total_step_slot][0]++;
}

static inline double logged(const char *name) {
    for (int i = 0; i < last->unit.nresult; i++)
        if (!strcmp(last->unit.result_name[i], name)) return results[i];
    print_error("'%s' is not logged\n", name);
    fail();
    return 0;
}
