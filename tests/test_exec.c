/* The executor and the Store: slots and their initial values, single numbers, watching, profiles; reductions
 * over every set of axes and index maps of every kind, across blocks and tasks; nothing written outside its
 * place. */
#include "build.h"
#include "exec/exec.h"
#include "ops/attrs.h"
#include "plan/plan.h"
#include "plan/region.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

enum { SEED = 3 };

typedef struct {
    Arena *arena;
    Diags *diags;
    Slots slots;
    Graph *g;
} Bench;

static int bench_make(void **state) {
    Arena *a = arena_new();
    Bench *b = ARENA_NEW(a, Bench);
    *b = (Bench){.arena = a, .diags = diags_new(a), .slots = {.arena = a}};
    b->g = graph_new(a, b->diags, &b->slots, "bench");
    *state = b;
    return 0;
}

static int bench_free(void **state) {
    arena_free(((Bench *)*state)->arena);
    return 0;
}

static Node *slot_of(Bench *b, const char *name, DType t, Shape s, double fill) {
    return g_slot(
        b->g, slot_add(&b->slots, (Slot){.name = name, .type = {t, s}, .fill = fill, .kind = SLOT_PARAM}));
}

static Program *plan(Bench *b, int n, Node **results) {
    Program *p = plan_make(b->g, n, results, NULL, plan_all());
    if (!p) diags_print(b->diags, stderr, false);
    assert_non_null(p);
    return p;
}

static void fill_slot(Store *s, int slot) {
    float *x = s->data[slot];
    for (int64_t i = 0, n = shape_count(&s->slots->all.at[slot].type.shape); i < n; i++)
        x[i] = (float)((double)((uint64_t)(i + 7 * slot + 1) * 2654435761u % 1009) / 504.5 - 1);
}

/* ---- the Store ---- */

static void slots_start_as_declared(void **state) {
    Bench *b = *state;
    static const double init[3] = {1, -2, .5};
    slot_add(&b->slots, (Slot){.name = "a", .type = {F32, {1, {3}}}, .init = init});
    slot_add(&b->slots, (Slot){.name = "b", .type = {I32, {0}}, .fill = 7, .kind = SLOT_COUNTER});
    slot_add(&b->slots, (Slot){.name = "c", .type = {U8, {1, {5}}}, .fill = 1});
    Store *s = store_new(&b->slots, F32);
    assert_true(((float *)s->data[0])[1] == -2);
    assert_int_equal(((int32_t *)s->data[1])[0], 7);
    assert_int_equal(((uint8_t *)s->data[2])[4], 1);
    for (int k = 0; k < 3; k++) assert_int_equal((uintptr_t)s->data[k] % 64, 0);
    store_set(s, 1, 12);
    assert_true(store_number(s, 1) == 12);
    store_reset(s, 1);
    assert_true(store_number(s, 1) == 7);
    store_free(s);
}

static void the_store_finds_what_is_not_finite(void **state) {
    Bench *b = *state;
    slot_of(b, "a", F32, (Shape){1, {100}}, 1);
    slot_of(b, "b", F32, (Shape){1, {100}}, 1);
    Store *s = store_new(&b->slots, F32);
    int which = -1;
    assert_true(store_finite(s, SLOT_PARAM, &which));
    ((float *)s->data[1])[99] = NAN;
    assert_false(store_finite(s, SLOT_PARAM, &which));
    assert_int_equal(which, 1);
    assert_true(store_finite(s, SLOT_STATE, &which));
    store_free(s);
}

/* In slots longer than what one thread takes at a time, at both ends of each piece. */
static void a_long_slot_is_looked_at_and_copied_whole(void **state) {
    Bench *b = *state;
    enum { PIECE = 1 << 18, N = 2 * PIECE + 5 };
    slot_of(b, "a", F32, (Shape){1, {N}}, 1);
    slot_of(b, "b", F32, (Shape){1, {3}}, 2);
    Store *s = store_new(&b->slots, F32), *copy = store_some(&b->slots, F32, 1, (int[]){0});
    float *x = s->data[0];
    static const float good[] = {FLT_MAX, -FLT_MAX, FLT_MIN, -0.0f, 1e-40f};
    static const float wrong[] = {NAN, INFINITY, -INFINITY, -NAN};
    static const int at[] = {0, PIECE - 1, PIECE, 2 * PIECE - 1, 2 * PIECE, N - 1};
    int which = -1;
    for (int i = 0; i < 6; i++) x[at[i]] = good[i % 5];
    assert_true(store_finite(s, SLOT_PARAM, &which));
    store_copy(copy, s);
    assert_memory_equal(copy->data[0], x, N * sizeof *x);
    assert_null(copy->data[1]);
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < 4; k++) {
            float was = x[at[i]];
            x[at[i]] = wrong[k];
            assert_false(store_finite(s, SLOT_PARAM, &which));
            x[at[i]] = was;
        }
    store_free(s), store_free(copy);
}

/* ---- running ---- */

static void numbers_of_every_type_are_read(void **state) {
    Bench *b = *state;
    Node *x = slot_of(b, "x", F32, (Shape){0}, 2.5), *k = slot_of(b, "k", I32, (Shape){0}, -3);
    Node *results[4] = {g_mul(x, x), g_add(k, k), g_lt(x, g_to_float(k)), g_number(b->g, 9)};
    Program *p = plan(b, 4, results);
    Store *s = store_new(&b->slots, F32);
    Exec *e = exec_new(s, SEED, 1);
    assert_true(exec_reserve(e, p) && exec_run(e, p, NULL));
    assert_true(exec_number(e, p, 0) == 6.25);
    assert_true(exec_number(e, p, 1) == -6);
    assert_true(exec_number(e, p, 2) == 0);
    assert_true(exec_number(e, p, 3) == 9);
    exec_free(e);
    store_free(s);
    program_free(p);
}

/* Though read again later, what is assigned is there when slots are written. */
static void in_fp64_slots_are_written_at_the_end(void **state) {
    Bench *b = *state;
    Node *x = slot_of(b, "x", F32, (Shape){1, {100}}, 3), *y = g_mul(x, g_like(x, 0.1));
    g_assign(b->g, 0, y);
    Node *z = g_exp(g_log(g_add(g_exp(y), x)));
    Node *results[2] = {g_sum_all(g_sub(z, g_exp(y))), g_le(z, x)};
    Program *p = reference_make(b->g, 2, results);
    Store *s = store_new(&b->slots, F64);
    Exec *e = exec_new(s, SEED, 1);
    assert_true(exec_reserve(e, p) && exec_run(e, p, NULL));
    for (int i = 0; i < 100; i++) assert_true(store_at(s, 0, i) == 3 * 0.1);
    assert_true(fabs(exec_number(e, p, 0) - 300) < 1e-9);
    assert_int_equal(p->result[0].at.type.dtype, F64);
    assert_int_equal(p->result[1].at.type.dtype, U8);
    assert_int_equal(((const uint8_t *)exec_result(e, p, 1))[99], 0);
    exec_free(e);
    store_free(s);
    program_free(p);
}

static void watch_names_the_first_that_is_not_finite(void **state) {
    Bench *b = *state;
    Node *x = slot_of(b, "x", F32, (Shape){1, {3000}}, 1);
    graph_at(b->g, (Loc){0, 4, 2}, NULL, NULL, "critic/log");
    Node *bad = g_log(x);
    graph_at(b->g, (Loc){0, 9, 1}, NULL, NULL, "after");
    Node *results[2] = {bad, g_sum_all(bad)};
    Program *p = plan(b, 2, results);
    Store *s = store_new(&b->slots, F32);
    Exec *e = exec_new(s, SEED, 1);
    Watched w = {0};
    assert_true(exec_reserve(e, p) && exec_run(e, p, &w));
    ((float *)s->data[0])[2500] = 0;
    assert_false(exec_run(e, p, &w));
    assert_int_equal(w.element, 2500);
    assert_true(isinf(w.value));
    assert_true(exec_run(e, p, NULL));
    exec_free(e);
    store_free(s);
    program_free(p);
}

static void a_profile_counts_calls(void **state) {
    Bench *b = *state;
    Node *x = slot_of(b, "x", F32, (Shape){1, {3000}}, 1), *results[1] = {g_sum_all(g_tanh(x))};
    Program *p = plan(b, 1, results);
    Store *s = store_new(&b->slots, F32);
    Exec *e = exec_new(s, SEED, 1);
    InstrTime times[8] = {0};
    assert_true(exec_reserve(e, p));
    exec_profile(e, p, times);
    exec_profile(e, p, times);
    assert_int_equal(times[0].calls, 2);
    assert_true(times[0].seconds > 0);
    exec_free(e);
    store_free(s);
    program_free(p);
}

static void programs_share_one_workspace(void **state) {
    Bench *b = *state;
    Node *x = slot_of(b, "x", F32, (Shape){1, {30000}}, 1);
    Node *small[1] = {g_neg(g_slice(x, &(Ints){1, {0}}, &(Ints){1, {1}}, &(Ints){1, {10}}))},
         *large[1] = {g_neg(x)};
    Program *p = plan(b, 1, small), *q = plan(b, 1, large);
    Store *s = store_new(&b->slots, F32);
    Exec *e = exec_new(s, SEED, 2);
    assert_true(exec_reserve(e, p));
    size_t first = exec_workspace(e);
    assert_true(exec_reserve(e, q));
    size_t both = exec_workspace(e);
    assert_true(both > first && exec_reserve(e, p) && exec_workspace(e) == both);
    assert_true(exec_run(e, p, NULL) && exec_run(e, q, NULL));
    exec_free(e);
    store_free(s);
    program_free(p);
    program_free(q);
}

/* ---- against the reference ---- */

/* Runs the results with one and two threads: the same bits; near the reference in double. */
static void agrees(Bench *b, int n, Node **results, double tolerance, const char *what) {
    Program *p = plan(b, n, results);
    Store *s = store_new(&b->slots, F32);
    const double **in = ARENA_ARRAY(b->arena, const double *, b->slots.all.n);
    double **values = ARENA_ARRAY(b->arena, double *, b->g->node.n);
    for (int k = 0; k < b->slots.all.n; k++) {
        fill_slot(s, k);
        int64_t count = shape_count(&b->slots.all.at[k].type.shape);
        double *x = ARENA_ARRAY(b->arena, double, count);
        for (int64_t i = 0; i < count; i++) x[i] = (double)((float *)s->data[k])[i];
        in[k] = x;
    }
    ref_run(b->g, SEED, in, NULL, values, NULL, b->arena);
    float **first = ARENA_ARRAY(b->arena, float *, n);
    for (int threads = 1; threads <= 2; threads++) {
        Exec *e = exec_new(s, SEED, threads);
        assert_true(exec_reserve(e, p) && exec_run(e, p, NULL));
        for (int k = 0; k < n; k++) {
            int64_t count = NODE_COUNT(results[k]);
            const float *y = exec_result(e, p, k);
            for (int64_t i = 0; i < count; i++) {
                double want = values[results[k]->id][i];
                if (!(fabs((double)y[i] - want) <= tolerance * (1 + fabs(want))))
                    fail_msg("%s, result %d, element %d: %.9g, not %.9g", what, k, (int)i, (double)y[i],
                             want);
            }
            if (threads == 1)
                first[k] = arena_copy(b->arena, y, (size_t)count * sizeof *y);
            else
                assert_memory_equal(first[k], y, (size_t)count * sizeof *y);
        }
        exec_free(e);
    }
    store_free(s);
    program_free(p);
}

/* Every set of axes of shapes that cross blocks and tasks at odd places: all, leading, trailing, middle,
 * alternating. */
static void reductions_over_every_set_of_axes(void **state) {
    static const Shape shapes[] = {{1, {70000}},         {2, {3, 20011}},    {2, {20011, 3}},
                                   {3, {7, 700, 5}},     {3, {300, 1, 130}}, {4, {5, 40, 6, 33}},
                                   {5, {3, 4, 5, 6, 7}}, {2, {33, 4099}},    {5, {2, 9, 20, 9, 11}}};
    static const Op *const ops[] = {&op_sum, &op_variance, &op_reduce_max, &op_log_sum_exp};
    (void)state;
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
        for (unsigned mask = 1; mask < 1u << shapes[k].rank; mask++) {
            void *made;
            bench_make(&made);
            Bench *b = made;
            Node *x = slot_of(b, "x", F32, shapes[k], 0), *results[4];
            ReduceAttr a = {.keep = mask & 1};
            for (int axis = 0; axis < shapes[k].rank; axis++)
                if (mask >> axis & 1) a.axes.at[a.axes.n++] = axis;
            for (int op = 0; op < 4; op++) results[op] = op_apply(b->g, ops[op], 1, &x, &a);
            agrees(b, 4, results, 1e-3, shape_show(&shapes[k], b->arena));
            bench_free(&made);
        }
}

/* Inputs read in place, as one number, by periods, by runs, backwards, across axes; and each from an offset.
 */
static void index_maps_of_every_kind(void **state) {
    Bench *b = *state;
    Shape s = {3, {30, 90, 8}}, plane = {2, {90, 8}}, back = {3, {8, 90, 30}}, half = {3, {15, 90, 8}};
    Node *x = slot_of(b, "x", F32, s, 0), *z = slot_of(b, "z", F32, back, 0),
         *row = slot_of(b, "row", F32, (Shape){1, {8}}, 0);
    Node *column = slot_of(b, "column", F32, (Shape){3, {30, 1, 1}}, 0),
         *middle = slot_of(b, "middle", F32, (Shape){2, {90, 1}}, 0);
    Node *one = slot_of(b, "one", F32, (Shape){0}, 0), *face = slot_of(b, "face", F32, plane, 0);
    Ints from = {3, {29, 89, 7}}, down = {3, {-1, -1, -1}}, all = {3, {30, 90, 8}};
    Node *turned = g_permute(z, &(Ints){3, {2, 1, 0}}), *flipped = g_slice(x, &from, &down, &all);
    Node *later = g_slice(x, &(Ints){3, {15, 0, 0}}, &(Ints){3, {1, 1, 1}}, &(Ints){3, {15, 90, 8}});
    Node *odd = g_slice(x, &(Ints){3, {1, 0, 0}}, &(Ints){3, {2, 1, 1}}, &(Ints){3, {15, 90, 8}});
    Node *wide =
        g_broadcast(g_slice(face, &(Ints){2, {3, 0}}, &(Ints){2, {1, 1}}, &(Ints){2, {1, 8}}), &half);
    Node *results[4] = {
        g_add(g_mul(x, row), g_mul(turned, g_broadcast(column, &s))),
        g_add(g_mul(flipped, one), g_add(g_broadcast(face, &s), g_broadcast(middle, &s))),
        g_mul(g_sub(later, odd), wide),
        g_concat(b->g, 2, NODES(turned, g_broadcast(face, &s)), 2),
    };
    agrees(b, 4, results, 1e-5, "maps");
}

static void bools_and_ints_move_through_regions(void **state) {
    Bench *b = *state;
    Node *x = slot_of(b, "x", F32, (Shape){2, {70, 40}}, 0), *z = slot_of(b, "z", F32, (Shape){1, {40}}, 0);
    Node *less = g_lt(x, z), *turned = g_transpose(less), *count = g_sum(g_to_int(less), &(Ints){1, {0}});
    Node *results[3] = {g_to_float(turned), g_mul(g_to_float(count), z),
                        g_to_float(g_concat(b->g, 2, NODES(less, g_not(less)), 0))};
    agrees(b, 3, results, 1e-6, "bools");
}

/* The workspace between the values stays as it was. */
static void nothing_is_written_outside_its_place(void **state) {
    Bench *b = *state;
    Node *x = slot_of(b, "x", F32, (Shape){2, {101, 33}}, 0);
    Node *y = g_tanh(g_mul(x, g_sum(x, &(Ints){1, {0}}))),
         *results[2] = {g_to_float(g_lt(y, g_number(b->g, 0))), g_sum(g_neg(y), &(Ints){1, {1}})};
    Program *p = plan(b, 2, results);
    Store *s = store_new(&b->slots, F32);
    Exec *e = exec_new(s, SEED, 2);
    enum { CANARY = 0x5a, LINE = 64 };
    assert_true(exec_reserve(e, p));
    assert_true(exec_run(e, p, NULL));
    unsigned char *base = NULL;
    for (int k = 0; k < 2; k++)
        if (p->result[k].at.place == IN_WORKSPACE)
            base = (unsigned char *)(uintptr_t)exec_result(e, p, k) - p->result[k].at.offset;
    bool *used = calloc(p->workspace + 1, sizeof *used);
    for (int t = 0; t < p->ninstr; t++) {
        const Instr *i = &p->instr[t];
        for (size_t k = 0; k < i->scratch_size; k++) used[i->scratch + k] = true;
        for (int o = 0; o < i->nout; o++)
            for (size_t k = 0,
                        n = (size_t)shape_count(&i->out[o].type.shape) * dtype_size(i->out[o].type.dtype);
                 k < n; k++)
                used[i->out[o].offset + k] = true;
    }
    for (size_t k = 0; k < p->workspace; k++)
        if (!used[k]) base[k] = CANARY;
    assert_true(exec_run(e, p, NULL));
    for (size_t k = 0; k < p->workspace; k++)
        if (!used[k]) assert_int_equal(base[k], CANARY);
    free(used);
    exec_free(e);
    store_free(s);
    program_free(p);
}

/* ---- geometry ---- */

static void tasks_hold_the_results_they_touch(void **state) {
    (void)state;
    Shape s = {5, {4, 30, 7, 50, 6}};
    int64_t count = shape_count(&s);
    for (unsigned mask = 1; mask < 32; mask++) {
        Fold f = fold_make(&s, mask);
        int64_t task = task_size(count, 1, &f);
        for (int64_t start = 0; start < count; start += task) {
            int64_t end = start + task < count ? start + task : count, low, high;
            fold_range(&f, start, end, &low, &high);
            assert_true(low >= 0 && high <= f.results && high - low <= f.width);
            for (int64_t i = start; i < end; i += 13) {
                int64_t at = 0, rest = i;
                for (int k = f.rank - 1; k >= 0; k--) at += rest % f.dim[k] * f.stride[k], rest /= f.dim[k];
                assert_true(at >= low && at < high);
            }
        }
    }
}

#define BENCH(test) cmocka_unit_test_setup_teardown(test, bench_make, bench_free)

int main(void) {
    const struct CMUnitTest tests[] = {
        BENCH(slots_start_as_declared),
        BENCH(the_store_finds_what_is_not_finite),
        BENCH(a_long_slot_is_looked_at_and_copied_whole),
        BENCH(numbers_of_every_type_are_read),
        BENCH(watch_names_the_first_that_is_not_finite),
        BENCH(in_fp64_slots_are_written_at_the_end),
        BENCH(a_profile_counts_calls),
        BENCH(programs_share_one_workspace),
        cmocka_unit_test(reductions_over_every_set_of_axes),
        BENCH(index_maps_of_every_kind),
        BENCH(bools_and_ints_move_through_regions),
        BENCH(nothing_is_written_outside_its_place),
        cmocka_unit_test(tasks_hold_the_results_they_touch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
