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
    c.graph =
        random_graph(c.arena, c.diags, seed, steps, smooth, SLOTS_OF_TEST, &c.slots, c.results, &c.nresult);
    if (c.diags->errors) diags_print(c.diags, stderr, false);
    assert_int_equal(c.diags->errors, 0);
    return c;
}

typedef struct {
    Store *store;
    float *results[RESULTS];
} Outcome;

static Outcome run(const Case *c, PlanOptions options, int threads) {
    const char *names[RESULTS] = {"a", "b", "c", "d"};
    Program *p = plan_make(c->graph, c->nresult, c->results, names, options);
    assert_non_null(p);
    char why[256] = "";
    if (!program_check(p, why, sizeof why)) {
        program_dump(p, &c->slots, stderr);
        fail_msg("%s", why);
    }
    Outcome o = {.store = store_new(&c->slots, F32)};
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
            fail_msg("seed %d: %s %d differs at %d of %d: %.9g, %.9g", (int)seed, what, k, (int)i, (int)n,
                     (double)fx, (double)fy);
        }
}

static void same(const Case *c, const Outcome *a, const Outcome *b, uint64_t seed) {
    for (int k = 0; k < c->nresult; k++)
        same_bits(a->results[k], b->results[k], NODE_COUNT(c->results[k]), "result", k, seed);
    for (int k = 0; k < c->slots.all.n; k++)
        same_bits(a->store->data[k], b->store->data[k], shape_count(&c->slots.all.at[k].type.shape), "slot",
                  k, seed);
}

static void all_ways_agree(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 150; seed++) {
        Case c = case_make(seed, 5 + (int)seed / 2, false);
        Outcome plain = run(&c, plan_some(0), 1);
        for (unsigned on = 1; on < 16; on++) {
            Outcome o = run(&c, plan_some(on), 1 + (int)(seed & 1));
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
        Outcome o = run(&c, plan_all(), 2);
        Store *start = store_new(&c.slots, F32);
        fill_store(start);
        const double *in[SLOTS_OF_TEST + 1];
        double *out[SLOTS_OF_TEST + 1] = {0}, **values = ARENA_ARRAY(c.arena, double *, c.graph->node.n);
        for (int k = 0; k < c.slots.all.n; k++) {
            int64_t n = shape_count(&c.slots.all.at[k].type.shape);
            double *x = ARENA_ARRAY(c.arena, double, n);
            for (int64_t i = 0; i < n; i++)
                x[i] = k ? (double)((float *)start->data[k])[i] : ((int32_t *)start->data[k])[i];
            in[k] = x;
        }
        ref_run(c.graph, SEED, in, out, values, NULL, c.arena);
        for (int k = 0; k < c.nresult; k++) {
            double e = worst(o.results[k], values[c.results[k]->id], NODE_COUNT(c.results[k]));
            if (!(e < 1e-3)) fail_msg("seed %d: result %d is off by %g", (int)seed, k, e);
        }
        for (int k = 1; k < c.slots.all.n; k++) {
            double e =
                out[k] ? worst(o.store->data[k], out[k], shape_count(&c.slots.all.at[k].type.shape)) : 0;
            if (!(e < 1e-3)) fail_msg("seed %d: slot %d is off by %g", (int)seed, k, e);
        }
        store_free(start);
        outcome_free(&c, &o);
        arena_free(c.arena);
    }
}

/* Small programs whose plan is known. */

typedef struct {
    Case c;
    Node *x, *y, *w;
} Three; /* three float slots of [3, 700] */

static Three three_make(void) {
    Three t = {.c = {.arena = arena_new()}};
    t.c.diags = diags_new(t.c.arena);
    return t;
}

static void three_fill(Three *t) { /* once t has its final address */
    static const char *const names[] = {"x", "y", "w"};
    Node **node[] = {&t->x, &t->y, &t->w};
    t->c.slots = (Slots){.arena = t->c.arena};
    t->c.graph = graph_new(t->c.arena, t->c.diags, &t->c.slots, "three");
    for (int k = 0; k < 3; k++) {
        slot_add(&t->c.slots, (Slot){.name = names[k], .type = {F32, {2, {3, 700}}}, .fill = k + 1});
        *node[k] = g_slot(t->c.graph, k);
    }
}

static Program *three_plan(Three *t, int n, Node **results) {
    Program *p = plan_make(t->c.graph, n, results, NULL, plan_all());
    assert_non_null(p);
    char why[256] = "";
    if (!program_check(p, why, sizeof why)) fail_msg("%s", why);
    return p;
}

static void three_free(Three *t, Program *p) {
    program_free(p);
    arena_free(t->c.arena);
}

static const float *slot_after(Three *t, const Program *p, int slot) { /* static: read before the next call */
    static float kept[2100];
    Store *s = store_new(&t->c.slots, F32);
    Exec *e = exec_new(s, SEED, 1);
    assert_true(exec_reserve(e, p));
    assert_true(exec_run(e, p, NULL));
    memcpy(kept, s->data[slot], sizeof kept);
    exec_free(e);
    store_free(s);
    return kept;
}

static void an_update_is_one_region_and_no_memory(void **state) {
    (void)state;
    Three t = three_make();
    three_fill(&t);
    g_assign(t.c.graph, 0, g_sub(t.x, g_mul(t.y, g_number(t.c.graph, .5))));
    g_assign(t.c.graph, 1, g_mul(t.y, t.x));
    Program *p = three_plan(&t, 0, NULL);
    assert_int_equal(p->ninstr, 1);
    assert_int_equal(p->workspace, 0);
    assert_true(slot_after(&t, p, 0)[5] == 0);
    assert_true(slot_after(&t, p, 1)[5] == 2);
    three_free(&t, p);
}

static void two_slots_swap(void **state) {
    (void)state;
    Three t = three_make();
    three_fill(&t);
    g_assign(t.c.graph, 0, t.y);
    g_assign(t.c.graph, 1, t.x);
    Program *p = three_plan(&t, 0, NULL);
    assert_true(slot_after(&t, p, 0)[2099] == 2);
    assert_true(slot_after(&t, p, 1)[2099] == 1);
    three_free(&t, p);
}

static void the_later_assignment_counts(void **state) {
    (void)state;
    Three t = three_make();
    three_fill(&t);
    g_assign(t.c.graph, 0, g_add(t.x, t.y));
    g_assign(t.c.graph, 0, g_mul(t.y, t.w));
    Program *p = three_plan(&t, 0, NULL);
    assert_true(slot_after(&t, p, 0)[7] == 6);
    three_free(&t, p);
}

static void a_backward_reader_sees_old_values(void **state) {
    (void)state;
    Three t = three_make();
    three_fill(&t);
    Node *back = g_slice(t.x, &(Ints){2, {2, 699}}, &(Ints){2, {-1, -1}}, &(Ints){2, {3, 700}});
    g_assign(t.c.graph, 0, g_mul(g_add(back, t.x), t.y));
    Program *p = three_plan(&t, 0, NULL);
    assert_true(slot_after(&t, p, 0)[0] == 4);
    assert_true(slot_after(&t, p, 0)[2099] == 4);
    three_free(&t, p);
}

static void results_see_old_values_of_slots(void **state) {
    (void)state;
    Three t = three_make();
    three_fill(&t);
    g_assign(t.c.graph, 0, g_add(t.x, t.y));
    Node *results[1] = {t.x};
    Program *p = three_plan(&t, 1, results);
    assert_true(p->result[0].at.place == IN_WORKSPACE);
    three_free(&t, p);
}

static void many_updates_are_one_instruction(void **state) {
    (void)state;
    Three t = three_make();
    three_fill(&t);
    for (int k = 0; k < 20; k++) {
        int slot = slot_add(&t.c.slots, (Slot){.name = "p", .type = {F32, {1, {10 + 1000 * k}}}});
        Node *x = g_slot(t.c.graph, slot);
        g_assign(t.c.graph, slot, g_sub(x, g_mul(g_tanh(x), g_number(t.c.graph, .1))));
    }
    Program *p = three_plan(&t, 0, NULL);
    assert_int_equal(p->ninstr, 1);
    three_free(&t, p);
}

static void a_mask_is_computed_again_not_stored(void **state) {
    (void)state;
    Three t = three_make();
    three_fill(&t);
    Node *tick = g_int(t.c.graph, 1), *big = g_tanh(t.x);
    Node *mask = g_to_float(op_apply(t.c.graph, &op_bernoulli, 2, NODES(tick, tick),
                                     &(DrawAttr){.path = "mask", .shape = {2, {3, 700}}, .p = .5}));
    Node *total = g_sum_all(g_mul(big, mask));
    Node *results[1] = {g_mul(g_mul(t.y, mask), total)};
    Program *p = three_plan(&t, 1, results);
    assert_int_equal(p->ninstr, 2);
    for (int k = 0; k < p->ninstr; k++)
        for (int o = 0; o < p->instr[k].nout; o++)
            assert_true(p->instr[k].out[o].value == p->result[0].at.value ||
                        shape_count(&p->instr[k].out[o].type.shape) == 1);
    three_free(&t, p);
}

static void a_reshape_does_not_split_a_region(void **state) {
    (void)state;
    Three t = three_make();
    three_fill(&t);
    Node *flat = g_reshape(g_tanh(t.x), &(Shape){1, {2100}}),
         *high = g_reshape(g_neg(flat), &(Shape){3, {3, 10, 70}});
    Node *results[1] = {g_sum(high, &(Ints){1, {1}})};
    Program *p = three_plan(&t, 1, results);
    assert_int_equal(p->ninstr, 1);
    three_free(&t, p);
}

/* program_check sees what is planted. */

static void planted(Program *p, const char *what) {
    char why[256] = "";
    if (program_check(p, why, sizeof why)) fail_msg("%s goes unseen", what);
}

static void the_checker_sees_planted_mistakes(void **state) {
    (void)state;
    Three t = three_make();
    three_fill(&t);
    Node *a = g_tanh(t.x), *b = g_concat(t.c.graph, 2, NODES(a, t.y), 0),
         *c = g_concat(t.c.graph, 2, NODES(a, b), 0);
    g_assign(t.c.graph, 0, g_add(t.x, t.w));
    Node *results[1] = {c};
    Program *p = three_plan(&t, 1, results);
    for (int k = 0; k < p->ninstr; k++) {
        Instr *i = &p->instr[k], kept = *i;
        for (int o = 0; o < i->nout; o++) {
            Operand was = i->out[o];
            if (k + 1 < p->ninstr && was.place == IN_WORKSPACE) {
                i->out[o].offset += 64;
                planted(p, "a result that nobody finds");
                i->out[o] = was;
                i->out[o].place = IN_SLOT;
                i->out[o].slot = 0;
                planted(p, "a slot written early");
            }
            i->out[o] = was;
        }
        i->scratch = 0;
        i->scratch_size = p->workspace;
        planted(p, "scratch over everything");
        i->scratch_size = p->workspace + 64;
        planted(p, "scratch beyond the workspace");
        *i = kept;
    }
    size_t whole = p->workspace;
    p->workspace = 64;
    planted(p, "a workspace that is too small");
    p->workspace = whole;
    char why[256];
    assert_true(program_check(p, why, sizeof why));
    three_free(&t, p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ways_agree),
        cmocka_unit_test(near_the_reference),
        cmocka_unit_test(an_update_is_one_region_and_no_memory),
        cmocka_unit_test(two_slots_swap),
        cmocka_unit_test(the_later_assignment_counts),
        cmocka_unit_test(a_backward_reader_sees_old_values),
        cmocka_unit_test(results_see_old_values_of_slots),
        cmocka_unit_test(many_updates_are_one_instruction),
        cmocka_unit_test(a_mask_is_computed_again_not_stored),
        cmocka_unit_test(a_reshape_does_not_split_a_region),
        cmocka_unit_test(the_checker_sees_planted_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
