/* The passes: each rule on the smallest graph that it fits; and each pass alone, and all together, on random
 * graphs: the IR stays well typed, the reference in double gives the same numbers, and an exact pass the same
 * float bits. */
#include "exec/exec.h"
#include "graphs.h"
#include "pass/pass.h"
#include "plan/plan.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { SLOTS_OF_TEST = 6, RESULTS = 4, SEED = 5 };

typedef struct {
    Arena *arena;
    Diags *diags;
    Slots slots;
    Graph *g;
    Node *x, *v, *s; /* [5, 4], [4] and a scalar */
    Node *z, *w;     /* [5, 4], [4, 4] */
} Small;

static int make_small(void **state) {
    Arena *a = arena_new();
    Small *t = ARENA_NEW(a, Small);
    *t = (Small){.arena = a, .diags = diags_new(a), .slots = {.arena = a}};
    slot_add(&t->slots, (Slot){.name = "x", .type = {F32, {2, {5, 4}}}});
    slot_add(&t->slots, (Slot){.name = "v", .type = {F32, {1, {4}}}});
    slot_add(&t->slots, (Slot){.name = "s", .type = {F32, {0}}});
    slot_add(&t->slots, (Slot){.name = "z", .type = {F32, {2, {5, 4}}}});
    slot_add(&t->slots, (Slot){.name = "w", .type = {F32, {2, {4, 4}}}});
    t->g = graph_new(a, t->diags, &t->slots, "small");
    t->x = g_slot(t->g, 0), t->v = g_slot(t->g, 1), t->s = g_slot(t->g, 2);
    t->z = g_slot(t->g, 3), t->w = g_slot(t->g, 4);
    *state = t;
    return 0;
}

static int free_small(void **state) {
    arena_free(((Small *)*state)->arena);
    return 0;
}

static char *text_of(const Graph *g) {
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    graph_dump(g, f);
    fclose(f);
    return text;
}

/* After all passes, `before` must be what `after` says as it stands. */
static void becomes(Small *t, Node *before, Node *after) {
    Node *keep[1] = {before}, *want[1] = {after};
    char *got = text_of(passes_run(t->g, passes_all(), 1, keep)),
         *expected = text_of(graph_only(t->g, 1, want));
    assert_string_equal(got, expected);
    free(got);
    free(expected);
}

static Node *num(Small *t, double value) { return g_number(t->g, value); }
static Node *wide(Small *t, Node *x) { return g_broadcast(x, &t->x->type.shape); }

static void one_is_no_factor(void **state) {
    Small *t = *state;
    becomes(t, g_mul(t->x, num(t, 1)), t->x);
    becomes(t, g_div(t->x, num(t, 1)), t->x);
    becomes(t, g_pow(t->x, num(t, 1)), t->x);
}

static void zero_adds_nothing(void **state) {
    Small *t = *state;
    becomes(t, g_add(t->x, num(t, 0)), t->x);
    becomes(t, g_sub(t->x, num(t, 0)), t->x);
    becomes(t, g_mulz(t->x, num(t, 0)), g_like(t->x, 0));
    becomes(t, g_mulz(t->x, g_tanh(t->x)), g_mul(t->x, g_tanh(t->x)));
    becomes(t, g_mulz(t->x, g_inv(t->x)), g_mulz(t->x, g_inv(t->x)));
}

static void zero_times_x_stays(void **state) {
    Small *t = *state;
    becomes(t, g_mul(t->x, num(t, 0)), g_mul(t->x, num(t, 0)));
}

static void signs_cancel(void **state) {
    Small *t = *state;
    becomes(t, g_neg(g_neg(t->x)), t->x);
    becomes(t, g_sub(t->x, g_neg(t->x)), g_add(t->x, t->x));
    becomes(t, g_square(g_neg(t->x)), g_square(t->x));
    becomes(t, g_mul(t->x, num(t, -1)), g_neg(t->x));
}

static void numbers_are_computed(void **state) {
    Small *t = *state;
    becomes(t, g_mul(t->x, g_sub(num(t, 1), num(t, .75))), g_mul(t->x, num(t, .25)));
    becomes(t, g_to_float(g_int(t->g, 3)), num(t, 3));
    becomes(t, g_mul(g_mul(t->x, num(t, 2)), num(t, 3)), g_mul(t->x, num(t, 6)));
    becomes(t, g_div(t->x, num(t, 4)), g_mul(t->x, num(t, .25)));
}

static void powers_are_products(void **state) {
    Small *t = *state;
    becomes(t, g_pow(t->x, num(t, .5)), g_sqrt(t->x));
    becomes(t, g_pow(t->x, num(t, 3)), g_mul(g_square(t->x), t->x));
}

static void a_choice_between_equals_is_none(void **state) {
    Small *t = *state;
    becomes(t, g_select(g_lt(t->x, num(t, 0)), t->v, t->v), wide(t, t->v));
    becomes(t, g_select(wide(t, g_bool(t->g, true)), t->x, g_neg(t->x)), t->x);
}

static void halves_of_a_choice_are_one_choice(void **state) {
    Small *t = *state;
    Node *c = g_gt(t->x, num(t, 0)), *x = g_tanh(t->x), *zero = num(t, 0), *two = num(t, 2);
    becomes(t, g_add(g_select(c, x, zero), g_mul(g_select(c, zero, x), two)), g_select(c, x, g_mul(x, two)));
    becomes(t, g_add(g_mul(g_select(c, zero, x), two), g_select(c, x, zero)), g_select(c, x, g_mul(x, two)));
}

static void views_of_views_are_one(void **state) {
    Small *t = *state;
    Ints swap = {2, {1, 0}}, start = {2, {4, 1}}, step = {2, {-2, 1}}, size = {2, {3, 3}}, one = {2, {1, 1}},
         two = {2, {2, 2}};
    becomes(t, g_permute(g_permute(t->x, &swap), &swap), t->x);
    becomes(t, g_stop_gradient(t->x), t->x);
    becomes(t, g_slice(g_slice(t->x, &start, &step, &size), &one, &one, &two),
            g_slice(t->x, &(Ints){2, {2, 2}}, &step, &two));
}

static void repeated_numbers_are_computed_once(void **state) {
    Small *t = *state;
    becomes(t, g_mul(wide(t, t->v), wide(t, t->s)), wide(t, g_mul(t->v, t->s)));
    becomes(t, g_tanh(wide(t, t->s)), wide(t, g_tanh(t->s)));
    becomes(t, g_div(t->x, t->v), g_mul(t->x, wide(t, g_inv(t->v))));
}

static void repeated_factors_meet(void **state) {
    Small *t = *state;
    becomes(t, g_mul(t->s, g_mul(t->x, t->v)), g_mul(t->x, wide(t, g_mul(t->s, t->v))));
}

static void common_factors_leave_a_sum(void **state) {
    Small *t = *state;
    Ints rows = {1, {0}};
    Node *inverse = g_inv(t->v);
    becomes(t, g_sum(g_mulz(t->x, inverse), &rows), g_mulz(g_sum(t->x, &rows), inverse));
    becomes(t, g_sum(g_mul(t->x, t->v), &rows), g_mul(g_sum(t->x, &rows), t->v));
    becomes(t, g_sum(wide(t, t->v), &rows), g_mul(t->v, num(t, 5)));
    becomes(t, g_sum_all(g_neg(t->x)), g_neg(g_sum_all(t->x)));
    becomes(t, g_sum_all(g_mul(t->x, t->v)), g_sum_all(g_mul(t->x, t->v)));
    becomes(t, g_sum(g_mul(g_mul(t->x, t->v), g_tanh(t->x)), &rows),
            g_mul(g_sum(g_mul(t->x, g_tanh(t->x)), &rows), t->v));
}

static void a_transposed_matrix_is_read_as_it_lies(void **state) {
    Small *t = *state;
    Node *ab[2] = {g_transpose(t->x), t->x}, *aa[2] = {t->x, t->x};
    becomes(t, op_apply(t->g, &op_matmul, 2, ab, &(MatmulAttr){0}),
            op_apply(t->g, &op_matmul, 2, aa, &(MatmulAttr){.ta = true}));
}

static void a_column_by_a_row_is_elementwise(void **state) {
    Small *t = *state;
    Shape column = {2, {4, 1}}, row = {2, {1, 4}}, both = {2, {4, 4}};
    Node *ab[2] = {g_reshape(t->v, &column), g_reshape(t->v, &row)};
    Node *want = g_mul(g_broadcast(ab[0], &both), g_broadcast(ab[1], &both));
    becomes(t, op_apply(t->g, &op_matmul, 2, ab, &(MatmulAttr){0}), want);
}

static Node *half(Node *y, int64_t from) {
    return g_slice(y, &(Ints){2, {from, 0}}, &(Ints){2, {1, 1}}, &(Ints){2, {5, 4}});
}

static void products_with_the_same_weights_are_one(void **state) {
    Small *t = *state;
    Node *a = g_sin(g_matmul(t->x, t->w)), *b = g_cos(g_matmul(t->z, t->w));
    Node *y = g_matmul(g_concat(t->g, 2, NODES(t->x, t->z), 0), t->w), *p = half(y, 0), *q = half(y, 5);
    Node *sin_p = g_sin(p), *cos_q = g_cos(q);
    becomes(t, g_sub(a, b), g_sub(sin_p, cos_q));
}

static void what_is_between_products_is_done_to_all_samples(void **state) {
    Small *t = *state;
    Node *before[2], *from[2] = {t->x, t->z};
    for (int k = 0; k < 2; k++) before[k] = g_matmul(g_tanh(g_add(g_matmul(from[k], t->w), t->v)), t->w);
    Node *y = g_matmul(g_concat(t->g, 2, from, 0), t->w);
    Node *bias = g_broadcast(t->v, &y->type.shape);
    Node *both = g_matmul(g_tanh(g_add(y, bias)), t->w), *p = half(both, 0), *q = half(both, 5);
    becomes(t, g_sub(before[0], before[1]), g_sub(p, q));
}

static void products_that_need_each_other_stay(void **state) {
    Small *t = *state;
    Node *y = g_matmul(g_matmul(t->x, t->w), t->w);
    becomes(t, y, y);
}

static void weights_few_beside_the_samples_do_not_pay(void **state) {
    Small *t = *state;
    Shape column = {2, {4, 1}};
    Node *w = g_reshape(t->v, &column), *y = g_sub(g_matmul(t->x, w), g_matmul(t->z, w));
    becomes(t, y, y);
}

static void sums_over_parts_of_the_samples_are_one(void **state) {
    Small *t = *state;
    Node *p = g_matmul(t->x, t->w), *q = g_matmul(t->z, t->w);
    Node *squares[2];
    for (int k = 0; k < 2; k++)
        squares[k] = op_apply(t->g, &op_matmul, 2, NODES(k ? q : p, k ? q : p), &(MatmulAttr){.ta = true});
    Node *y = g_matmul(g_concat(t->g, 2, NODES(t->x, t->z), 0), t->w);
    becomes(t, g_add(squares[0], squares[1]), op_apply(t->g, &op_matmul, 2, NODES(y, y), &(MatmulAttr){.ta = true}));
}

/* [1, 5, 4, 1] and a kernel of 2x2, stride 1; `size` of the transposes' result. */
static Node *convolved(const Op *op, Node *a, Node *b, Ints padding, Ints size) {
    ConvolveAttr attr;
    memset(&attr, 0, sizeof attr);
    attr.stride = attr.dilation = (Ints){2, {1, 1}};
    attr.padding = padding, attr.groups = 1, attr.size = size;
    return op_apply(a->graph, op, 2, NODES(a, b), &attr);
}

static void zeros_around_an_image_are_the_convolutions(void **state) {
    Small *t = *state;
    Node *x = g_reshape(t->x, &(Shape){4, {1, 5, 4, 1}}), *w = g_reshape(t->v, &(Shape){4, {2, 2, 1, 1}});
    Ints none = {4, {0}}, corner = {4, {1, 0, 0, 1}}, square = {2, {2, 2}}, whole = {2, {6, 5}}, part = {2, {5, 4}};
    Node *p = g_pad(x, &(Ints){4, {0, 1, 0, 0}}, &(Ints){4, {0, 0, 1, 0}}); /* [1, 6, 5, 1] */
    becomes(t, convolved(&op_convolve, p, w, none, (Ints){0}), convolved(&op_convolve, x, w, corner, (Ints){0}));
    becomes(t, convolved(&op_convolve_w, p, x, none, square), convolved(&op_convolve_w, x, x, corner, square));
    Node *y = convolved(&op_convolve_x, x, w, none, whole);
    Node *cut = g_slice(y, &(Ints){4, {0, 1, 0, 0}}, &(Ints){4, {1, 1, 1, 1}}, &(Ints){4, {1, 5, 4, 1}});
    Node *wide = g_pad(x, &(Ints){4, {0, 2, 0, 0}}, &none), *twice = convolved(&op_convolve, wide, w, none, (Ints){0});
    becomes(t, cut, convolved(&op_convolve_x, x, w, corner, part));
    becomes(t, twice, twice); /* a window that meets no pixel */
    Node *of_channels = g_pad(x, &none, &(Ints){4, {0, 0, 0, 1}}), *ww = g_pad(w, &none, &(Ints){4, {0, 0, 1, 0}});
    Node *stays = convolved(&op_convolve, of_channels, ww, none, (Ints){0});
    becomes(t, stays, stays);
}

static void what_others_read_is_not_cut(void **state) {
    Small *t = *state;
    Node *x = g_reshape(t->x, &(Shape){4, {1, 5, 4, 1}}), *w = g_reshape(t->v, &(Shape){4, {2, 2, 1, 1}});
    Node *y = convolved(&op_convolve_x, x, w, (Ints){4, {0}}, (Ints){2, {6, 5}});
    Node *cut = g_slice(y, &(Ints){4, {0, 1, 0, 0}}, &(Ints){4, {1, 1, 1, 1}}, &(Ints){4, {1, 5, 4, 1}});
    Node *both = g_add(g_sum_all(y), g_sum_all(cut));
    becomes(t, both, both);
}

static void unused_nodes_go(void **state) {
    Small *t = *state;
    g_tanh(t->v);
    becomes(t, g_neg(t->x), g_neg(t->x));
}

/* Random graphs. */

typedef struct {
    double **values, *out[SLOTS_OF_TEST + 1];
} Doubles;

static Doubles in_double(Arena *a, const Graph *g, const Slots *slots) {
    Doubles d = {.values = ARENA_ARRAY(a, double *, g->node.n)};
    const double *in[SLOTS_OF_TEST + 1];
    Store *s = store_new(slots, F32);
    fill_store(s);
    for (int k = 0; k < slots->all.n; k++) {
        int64_t n = shape_count(&slots->all.at[k].type.shape);
        double *x = ARENA_ARRAY(a, double, n);
        for (int64_t i = 0; i < n; i++)
            x[i] = k ? (double)((float *)s->data[k])[i] : ((int32_t *)s->data[k])[i];
        in[k] = x;
    }
    store_free(s);
    ref_run(g, SEED, in, d.out, d.values, NULL, a);
    return d;
}

static void near(const double *a, const double *b, int64_t n, const char *what, int seed) {
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(a[i] - b[i]) <= 1e-9 * (1 + fabs(a[i]))))
            fail_msg("seed %d: %s at %d: %.15g, %.15g", seed, what, (int)i, a[i], b[i]);
}

static void passes_keep_the_numbers(void **state) {
    (void)state;
    int n = 0;
    while (passes[n].name) n++;
    for (int seed = 0; seed < 40; seed++)
        for (int k = 0; k <= n; k++) {
            Arena *a = arena_new();
            Diags *d = diags_new(a);
            Slots slots;
            Node *keep[RESULTS], *now[RESULTS];
            int nkeep;
            char why[256];
            Graph *g = random_graph(a, d, (uint64_t)seed, 25, true, SLOTS_OF_TEST, &slots, keep, &nkeep);
            memcpy(now, keep, sizeof now);
            Graph *h = passes_run(g, k < n ? (uint64_t)1 << k : passes_all(), nkeep, now);
            const char *name = k < n ? passes[k].name : "all";
            if (!graph_verify(h, why, sizeof why)) fail_msg("seed %d, %s: %s", seed, name, why);
            Doubles before = in_double(a, g, &slots), after = in_double(a, h, &slots);
            for (int r = 0; r < nkeep; r++)
                near(before.values[keep[r]->id], after.values[now[r]->id], NODE_COUNT(keep[r]), name, seed);
            for (int s = 0; s < slots.all.n; s++)
                if (before.out[s])
                    near(before.out[s], after.out[s], shape_count(&slots.all.at[s].type.shape), name, seed);
            arena_free(a);
        }
}

static Store *run(const Graph *g, const Slots *slots, int n, Node **results, float **out) {
    const char *names[RESULTS] = {0};
    Program *p = plan_make(g, n, results, names, plan_all());
    assert_non_null(p);
    Store *s = store_new(slots, F32);
    fill_store(s);
    Exec *e = exec_new(s, SEED, 1);
    assert_true(exec_reserve(e, p));
    assert_true(exec_run(e, p, NULL));
    for (int k = 0; k < n; k++) {
        size_t bytes = (size_t)NODE_COUNT(results[k]) * sizeof(float);
        out[k] = memcpy(malloc(bytes), exec_result(e, p, k), bytes);
    }
    exec_free(e);
    program_free(p);
    return s;
}

static void exact_passes_keep_the_bits(void **state) {
    (void)state;
    for (int seed = 0; seed < 60; seed++)
        for (int k = 0; passes[k].name; k++) {
            if (!passes[k].exact) continue;
            Arena *a = arena_new();
            Diags *d = diags_new(a);
            Slots slots;
            Node *keep[RESULTS], *now[RESULTS];
            int n;
            float *x[RESULTS], *y[RESULTS];
            Graph *g = random_graph(a, d, (uint64_t)seed, 40, false, SLOTS_OF_TEST, &slots, keep, &n);
            memcpy(now, keep, sizeof now);
            const Graph *h = passes_run(g, (uint64_t)1 << k, n, now);
            Store *s = run(g, &slots, n, keep, x), *t = run(h, &slots, n, now, y);
            for (int i = 0; i < slots.all.n; i++)
                assert_memory_equal(s->data[i], t->data[i],
                                    (size_t)shape_count(&slots.all.at[i].type.shape) * 4);
            for (int i = 0; i < n; i++) {
                assert_memory_equal(x[i], y[i], (size_t)NODE_COUNT(keep[i]) * sizeof(float));
                free(x[i]);
                free(y[i]);
            }
            store_free(s);
            store_free(t);
            arena_free(a);
        }
}

#define SMALL(test) cmocka_unit_test_setup_teardown(test, make_small, free_small)

int main(void) {
    const struct CMUnitTest tests[] = {
        SMALL(one_is_no_factor),
        SMALL(zero_adds_nothing),
        SMALL(zero_times_x_stays),
        SMALL(signs_cancel),
        SMALL(numbers_are_computed),
        SMALL(halves_of_a_choice_are_one_choice),
        SMALL(powers_are_products),
        SMALL(a_choice_between_equals_is_none),
        SMALL(views_of_views_are_one),
        SMALL(repeated_numbers_are_computed_once),
        SMALL(repeated_factors_meet),
        SMALL(common_factors_leave_a_sum),
        SMALL(a_transposed_matrix_is_read_as_it_lies),
        SMALL(a_column_by_a_row_is_elementwise),
        SMALL(products_with_the_same_weights_are_one),
        SMALL(what_is_between_products_is_done_to_all_samples),
        SMALL(products_that_need_each_other_stay),
        SMALL(weights_few_beside_the_samples_do_not_pay),
        SMALL(sums_over_parts_of_the_samples_are_one),
        SMALL(zeros_around_an_image_are_the_convolutions),
        SMALL(what_others_read_is_not_cut),
        SMALL(unused_nodes_go),
        cmocka_unit_test(passes_keep_the_numbers),
        cmocka_unit_test(exact_passes_keep_the_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
