/* gradient() on small functions with known derivatives, of several orders, evaluated in double. */
#include "build.h"
#include "exec/exec.h"
#include "grad/grad.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

typedef struct {
    Arena *arena;
    Graph *g;
    Node *x; /* [3] */
    double value[3];
} World;

static int world_new(void **state) {
    World *w = calloc(1, sizeof *w);
    w->arena = arena_new();
    Slots *slots = ARENA_NEW(w->arena, Slots);
    slots->arena = w->arena;
    w->g = graph_new(w->arena, diags_new(w->arena), slots, "test");
    slot_add(slots, (Slot){.name = "x", .type = {F32, SHAPE(3)}});
    w->x = g_slot(w->g, 0);
    w->value[0] = .5, w->value[1] = -1.5, w->value[2] = 2;
    *state = w;
    return 0;
}

static int world_free(void **state) {
    World *w = *state;
    assert_int_equal(w->g->diags->errors, 0);
    arena_free(w->arena);
    free(w);
    return 0;
}

static Node *grad1(Node *y, Node *x) {
    Node *gx;
    gradient(y, NULL, 1, &x, &gx);
    return gx;
}

static const double *value(const World *w, const Node *y) {
    double **values = ARENA_ARRAY(w->arena, double *, w->g->node.n);
    const double *slots[] = {w->value};
    ref_run(w->g, 0, slots, NULL, values, NULL, w->arena);
    return values[y->id];
}

static void expect(const World *w, const Node *y, double (*f)(double)) {
    assert_non_null(y);
    const double *got = value(w, y);
    for (int i = 0; i < 3; i++)
        if (!(fabs(got[i] - f(w->value[i])) <= 1e-12 * (1 + fabs(got[i]))))
            fail_msg("at %g: %.15g, not %.15g", w->value[i], got[i], f(w->value[i]));
}

static double chain_rule(double x) { return cos(exp(x)) * exp(x); }
static void the_chain_rule(void **state) {
    World *w = *state;
    expect(w, grad1(g_sin(g_exp(w->x)), w->x), chain_rule);
}

static double diamond(double x) { return exp(x) * cos(x) - exp(x) * sin(x); }
static void a_diamond_adds_its_paths(void **state) {
    World *w = *state;
    expect(w, grad1(g_mul(g_exp(w->x), g_cos(w->x)), w->x), diamond);
}

static double twice(double x) { return 2 * x; }
static void a_repeated_source_counts_twice(void **state) {
    World *w = *state;
    expect(w, grad1(g_mul(w->x, w->x), w->x), twice);
}

static void what_is_not_reached_has_none(void **state) {
    World *w = *state;
    Node *other = g_number(w->g, 3);
    assert_null(grad1(g_exp(w->x), other));
    assert_null(grad1(g_stop_gradient(w->x), w->x));
    assert_null(grad1(g_to_float(g_gt(w->x, g_like(w->x, 0))), w->x));
    assert_null(grad1(w->x, g_exp(w->x)));
}

static double ones(double x) { return x * 0 + 1; }
static void a_value_is_its_own_gradient(void **state) {
    World *w = *state;
    expect(w, grad1(w->x, w->x), ones);
}

static double in_between(double x) { return 2 * exp(x); }
static void x_may_be_in_the_middle(void **state) {
    World *w = *state;
    Node *e = g_exp(w->x);
    expect(w, grad1(g_mul(e, e), e), in_between);
}

static double third(double x) { return 24 * x; }
static void the_third_order_of_x_to_the_4th(void **state) {
    World *w = *state;
    Node *y = g_square(g_square(w->x));
    for (int i = 0; i < 3; i++) y = grad1(y, w->x);
    expect(w, y, third);
}

static double third_of_tanh(double x) {
    double t = tanh(x), s = 1 - t * t;
    return -2 * s * s + 4 * t * t * s;
}
static void the_third_order_of_tanh(void **state) {
    World *w = *state;
    Node *y = g_tanh(w->x);
    for (int i = 0; i < 3; i++) y = grad1(y, w->x);
    expect(w, y, third_of_tanh);
}

/* (|grad f| - 1)^2 with f = sum(x^2): grad f = 2x, so the penalty is (2|x| - 1)^2 and its gradient
 * 4 (2|x| - 1) x/|x|. */
static void a_gradient_penalty_has_its_closed_form(void **state) {
    World *w = *state;
    Node *slope = grad1(g_sum_all(g_square(w->x)), w->x), *norm = g_sqrt(g_sum_all(g_square(slope)));
    Node *g = grad1(g_square(g_sub(norm, g_number(w->g, 1))), w->x);
    const double *got = value(w, g), *x = w->value;
    double size = sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]);
    for (int i = 0; i < 3; i++) assert_true(fabs(got[i] - 4 * (2 * size - 1) * x[i] / size) < 1e-12);
}

static void nothing_leaks_from_the_side_not_chosen(void **state) {
    World *w = *state;
    static const double odd[] = {0, -1, 2};
    memcpy(w->value, odd, sizeof odd);
    Node *positive = g_gt(w->x, g_like(w->x, 0)), *zero = g_like(w->x, 0);
    Node *risky[] = {g_log(w->x), g_sqrt(w->x), g_div(g_like(w->x, 1), w->x), g_pow(w->x, g_like(w->x, -1.5)),
                     g_exp(g_div(g_like(w->x, 1), g_square(w->x)))};
    for (size_t k = 0; k < sizeof risky / sizeof *risky; k++) {
        Node *y = g_select(positive, risky[k], zero);
        for (int order = 1; order <= 3; order++) {
            y = grad1(y, w->x);
            const double *got = value(w, y);
            if (!(got[0] == 0 && got[1] == 0 && isfinite(got[2]) && got[2] != 0))
                fail_msg("function %zu, order %d: %g %g %g", k, order, got[0], got[1], got[2]);
        }
    }
}

static void ties_and_zeros_go_by_the_rules(void **state) {
    World *w = *state;
    static const double zeros[] = {0, 0, 0};
    memcpy(w->value, zeros, sizeof zeros);
    Node *zero = g_like(w->x, 0);
    assert_true(value(w, grad1(g_max(zero, w->x), w->x))[0] == 0);
    assert_true(value(w, grad1(g_max(w->x, zero), w->x))[0] == 1);
    assert_true(value(w, grad1(g_min(w->x, zero), w->x))[0] == 1);
    assert_true(value(w, grad1(g_abs(w->x), w->x))[0] == 0);
    assert_true(value(w, grad1(g_sqrt(w->x), w->x))[0] == 0);
    assert_true(value(w, grad1(g_sqrt(g_sum_all(g_square(w->x))), w->x))[1] == 0);
    const double *first = value(w, grad1(op_apply(w->g, &op_reduce_max, 1, &w->x, NULL), w->x));
    assert_true(first[0] == 1 && first[1] == 0 && first[2] == 0);
}

static bool needs(const Node *n, const Node *other, const Node *given) {
    if (n == given) return false;
    bool found = n == other;
    for (int k = 0; k < n->nsrc && !found; k++) found = needs(n->src[k], other, given);
    return found;
}

/* What a layer's activation is made of may be forgotten: its gradient asks the result, which the next layer keeps. */
static void max_and_min_keep_their_result_only(void **state) {
    World *w = *state;
    Node *zero = g_like(w->x, 0), *sum = g_add(w->x, g_like(w->x, 1));
    Node *const results[] = {g_max(zero, sum), g_max(sum, zero), g_min(zero, sum), g_min(sum, zero)};
    for (int k = 0; k < 4; k++) {
        const Node *slope = grad1(g_square(results[k]), w->x);
        assert_true(needs(slope, results[k], NULL) && needs(results[k], sum, NULL));
        assert_int_equal(needs(slope, sum, results[k]), k % 2);   /* where it is compared itself */
    }
}

static void its_nodes_say_where_they_come_from(void **state) {
    World *w = *state;
    Provenance old = graph_at(w->g, (Loc){0, 4, 2}, NULL, NULL, "net/layer");
    Node *y = g_exp(w->x);
    graph_back(w->g, old);
    Node *g = grad1(y, w->x);
    assert_string_equal(g->role, "gradient");
    assert_ptr_equal(g->origin, y);
    assert_int_equal(g->loc.line, 4);
    assert_null(w->g->role);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_chain_rule),
        TEST(a_diamond_adds_its_paths),
        TEST(a_repeated_source_counts_twice),
        TEST(what_is_not_reached_has_none),
        TEST(a_value_is_its_own_gradient),
        TEST(x_may_be_in_the_middle),
        TEST(the_third_order_of_x_to_the_4th),
        TEST(the_third_order_of_tanh),
        TEST(a_gradient_penalty_has_its_closed_form),
        TEST(nothing_leaks_from_the_side_not_chosen),
        TEST(ties_and_zeros_go_by_the_rules),
        TEST(max_and_min_keep_their_result_only),
        TEST(its_nodes_say_where_they_come_from),
    };
    return cmocka_run_group_tests_name("gradient", tests, NULL, NULL);
}
