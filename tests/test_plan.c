/* The planner, on random graphs: planned in all four ways (fused or not, memory shared or not), checked by
 * program_check, run with one and two threads: the same bits everywhere, and near the reference in double. */
#include "exec/exec.h"
#include "graphs.h"
#include "kern/kern.h"
#include "plan/plan.h"
#include "plan/region.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { SLOTS_OF_TEST = 6, RESULTS = 4, SEED = 11 };

typedef struct {
    Arena *arena;
    Diags *diags;
    Slots slots;
    Graph *graph;
    Node *results[RESULTS];
    int nresult;
} Case;

static Case case_make(uint64_t seed, int steps, bool smooth) {
    Case c = {.arena = arena_new()};
    c.diags = diags_new(c.arena);
    c.graph = random_graph(c.arena, c.diags, seed, steps, smooth, SLOTS_OF_TEST, &c.slots, c.results, &c.nresult);
    if (c.diags->errors) diags_print(c.diags, stderr, false);
    assert_int_equal(c.diags->errors, 0);
    return c;
}

static void fill_store(Store *s) {
    for (int k = 1; k < s->slots->all.n; k++) {
        float *x = s->data[k];
        for (int64_t i = 0, n = shape_count(&s->slots->all.at[k].type.shape); i < n; i++)
            x[i] = (float)((double)((uint64_t)(i + 31 * k) * 2654435761u % 10007) / 5003.5 - 1);
    }
}

typedef struct { Store *store; float *results[RESULTS]; } Outcome;

static Outcome run(const Case *c, PlanOptions options, int threads) {
    const char *names[RESULTS] = {"a", "b", "c", "d"};
    Program *p = plan_make(c->graph, c->nresult, c->results, names, options);
    assert_non_null(p);
    char why[256] = "";
    if (!program_check(p, why, sizeof why)) {
        program_dump(p, &c->slots, stderr);
        fail_msg("%s", why);
    }
    Outcome o = {.store = store_new(&c->slots)};
    fill_store(o.store);
    Exec *e = exec_new(o.store, SEED, threads);
    assert_true(exec_reserve(e, p));
    assert_true(exec_run(e, p, NULL));
    for (int k = 0; k < c->nresult; k++) {
        int64_t n = NODE_COUNT(c->results[k]);
        o.results[k] = malloc((size_t)n * sizeof(float));
        memcpy(o.results[k], exec_result(e, p, k), (size_t)n * sizeof(float));
    }
    exec_free(e);
    program_free(p);
    return o;
}

static void outcome_free(const Case *c, Outcome *o) {
    store_free(o->store);
    for (int k = 0; k < c->nresult; k++) free(o->results[k]);
}

static void same_bits(const void *a, const void *b, int64_t n, const char *what, int k, uint64_t seed) {
    const uint32_t *x = a, *y = b;
    for (int64_t i = 0; i < n; i++)
        if (x[i] != y[i]) {
            float fx, fy;
            memcpy(&fx, &x[i], 4);
            memcpy(&fy, &y[i], 4);
            fail_msg("seed %d: %s %d differs at %d of %d: %.9g, %.9g", (int)seed, what, k, (int)i, (int)n, (double)fx, (double)fy);
        }
}

static void same(const Case *c, const Outcome *a, const Outcome *b, uint64_t seed) {
    for (int k = 0; k < c->nresult; k++) same_bits(a->results[k], b->results[k], NODE_COUNT(c->results[k]), "result", k, seed);
    for (int k = 0; k < c->slots.all.n; k++)
        same_bits(a->store->data[k], b->store->data[k], shape_count(&c->slots.all.at[k].type.shape), "slot", k, seed);
}

static void all_ways_agree(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 150; seed++) {
        Case c = case_make(seed, 5 + (int)seed / 2, false);
        Outcome plain = run(&c, (PlanOptions){false, false}, 1);
        for (int way = 1; way < 8; way++) {
            Outcome o = run(&c, (PlanOptions){way & 1, way >> 1 & 1}, 1 + (way >> 2));
            same(&c, &plain, &o, seed);
            outcome_free(&c, &o);
        }
        outcome_free(&c, &plain);
        arena_free(c.arena);
    }
}

static double worst(const float *x, const double *y, int64_t n) {
    double most = 0, scale = 1;
    for (int64_t i = 0; i < n; i++) scale = fmax(scale, fabs(y[i]));
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs((double)x[i] - y[i]));
    return most / scale;
}

static void near_the_reference(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        Case c = case_make(seed, 20, true);
        Outcome o = run(&c, (PlanOptions){true, true}, 2);
        Store *start = store_new(&c.slots);
        fill_store(start);
        const double *in[SLOTS_OF_TEST + 1];
        double *out[SLOTS_OF_TEST + 1] = {0}, **values = ARENA_ARRAY(c.arena, double *, c.graph->node.n);
        for (int k = 0; k < c.slots.all.n; k++) {
            int64_t n = shape_count(&c.slots.all.at[k].type.shape);
            double *x = ARENA_ARRAY(c.arena, double, n);
            for (int64_t i = 0; i < n; i++) x[i] = k ? (double)((float *)start->data[k])[i] : ((int32_t *)start->data[k])[i];
            in[k] = x;
        }
        ref_run(c.graph, SEED, in, out, values, NULL, c.arena);
        for (int k = 0; k < c.nresult; k++) {
            double e = worst(o.results[k], values[c.results[k]->id], NODE_COUNT(c.results[k]));
            if (!(e < 1e-3)) fail_msg("seed %d: result %d is off by %g", (int)seed, k, e);
        }
        for (int k = 1; k < c.slots.all.n; k++) {
            double e = out[k] ? worst(o.store->data[k], out[k], shape_count(&c.slots.all.at[k].type.shape)) : 0;
            if (!(e < 1e-3)) fail_msg("seed %d: slot %d is off by %g", (int)seed, k, e);
        }
        store_free(start);
        outcome_free(&c, &o);
        arena_free(c.arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ways_agree),
        cmocka_unit_test(near_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
