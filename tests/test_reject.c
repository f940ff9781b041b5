/* What specs cannot reach, since the builders level their arguments first: the operators' own rules of shape
 * and type, and the planner's refusals. Nodes are emitted here without a builder; operators that no kernel
 * can run are made up. */
#include "build.h"
#include "ops/attrs.h"
#include "plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef struct {
    Arena *arena;
    Graph *g;
    Node *vector, *other, *matrix, *whole, *flag; /* float [3], float [4], float [3, 4], int [3], bool [3] */
} World;

static Node *slot_of(Graph *g, const char *name, DType t, Shape s) {
    return g_slot(g, slot_add(g->slots, (Slot){.name = name, .type = {t, s}}));
}

static int world_new(void **state) {
    World *w = calloc(1, sizeof *w);
    w->arena = arena_new();
    Slots *slots = ARENA_NEW(w->arena, Slots);
    slots->arena = w->arena;
    w->g = graph_new(w->arena, diags_new(w->arena), slots, "test");
    w->vector = slot_of(w->g, "vector", F32, SHAPE(3));
    w->other = slot_of(w->g, "other", F32, SHAPE(4));
    w->matrix = slot_of(w->g, "matrix", F32, SHAPE(3, 4));
    w->whole = slot_of(w->g, "whole", I32, SHAPE(3));
    w->flag = slot_of(w->g, "flag", U8, SHAPE(3));
    *state = w;
    return 0;
}

static int world_free(void **state) {
    World *w = *state;
    arena_free(w->arena);
    free(w);
    return 0;
}

static void refused(World *w, const Node *n, const char *text) {
    assert_true(n->poison);
    assert_non_null(w->g->diags->first);
    assert_string_equal(w->g->diags->first->text, text);
}

static void number_of_sources(void **state) {
    World *w = *state;
    refused(w, op_apply(w->g, &op_tanh, 2, NODES(w->vector, w->vector), NULL), "tanh: takes 1 tensor, not 2");
}

static void no_sources(void **state) {
    World *w = *state;
    refused(w, op_apply(w->g, &op_concat, 0, NULL, NULL), "concat: takes at least one tensor");
}

static void sizes_of_another_number(void **state) {
    World *w = *state;
    refused(w, emit(w->g, &op_reshape, 1, NODES(w->matrix), &(ReshapeAttr){{2, {5, 2}}, 0}), "reshape: [3, 4] has 12 elements, [5, 2] has 10");
}

static void types_of_elements(void **state) {
    World *w = *state;
    refused(w, emit(w->g, &op_tanh, 1, NODES(w->whole), NULL), "tanh: not for int");
}

static void unlike_shapes(void **state) {
    World *w = *state;
    refused(w, emit(w->g, &op_add, 2, NODES(w->vector, w->other), NULL),
            "add: float [3] and float [4] are not alike");
}

static void choice_of_unlike(void **state) {
    World *w = *state;
    refused(w, emit(w->g, &op_select, 3, NODES(w->flag, w->vector, w->other), NULL),
            "select: bool [3], float [3], float [4] are not alike");
}

static void assignment_of_another_type(void **state) {
    World *w = *state;
    refused(w, g_assign(w->g, slot_find(w->g->slots, "vector"), w->other),
            "assign: 'vector' is float [3], the value is float [4]");
}

static void matrices_of_whole_numbers(void **state) {
    World *w = *state;
    refused(w, emit(w->g, &op_matmul, 2, NODES(w->whole, w->matrix), &(MatmulAttr){0}),
            "matmul: not for int @ float");
}

static void matrices_of_unlike_ranks(void **state) {
    World *w = *state;
    refused(w, emit(w->g, &op_matmul, 2, NODES(w->vector, w->matrix), &(MatmulAttr){0}),
            "matmul: [3] @ [3, 4] do not fit together");
}

static void reduction_over_no_axis(void **state) {
    World *w = *state;
    refused(w, emit(w->g, &op_sum, 1, NODES(w->vector), &(ReduceAttr){.axes = {1, {4}}}),
            "sum: [3] has no axes [4]");
}

static void reduction_of_another_type(void **state) {
    World *w = *state;
    refused(w, emit(w->g, &op_log_sum_exp, 1, NODES(w->whole), &(ReduceAttr){.axes = {1, {0}}}),
            "log_sum_exp: not for int");
}

/* ---- plans ---- */

static bool as_source(const Node *n, Tensor *out) {
    *out = n->src[0]->type;
    return true;
}

static bool never_view(const Node *n, const Strides *in, Strides *out) {
    (void)n, (void)in, (void)out;
    return false;
}

static bool never_ready(Instr *i) {
    (void)i;
    return false;
}

static void never_run(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    (void)i, (void)in, (void)out, (void)scratch;
}

static void no_plan(World *w, const Op *op, const char *text) {
    Node *n = emit(w->g, op, 1, NODES(w->vector), NULL);
    const char *name = "result";
    assert_null(plan_make(w->g, 1, &n, &name, plan_all()));
    assert_non_null(w->g->diags->first);
    assert_string_equal(w->g->diags->first->text, text);
}

static void a_view_that_is_none(void **state) {
    static const Op op = {
        .name = "slant", .arity = 1, .traits = VIEW, .infer = as_source, .view = never_view};
    no_plan(*state, &op, "slant: no view of a dense tensor");
}

static void an_operator_without_kernel(void **state) {
    static const Op op = {.name = "wish", .arity = 1, .infer = as_source};
    no_plan(*state, &op, "wish: no kernel for float");
}

static void a_kernel_that_is_never_ready(void **state) {
    static const Op op = {
        .name = "late", .arity = 1, .infer = as_source, .prepare = never_ready, .eval = never_run};
    no_plan(*state, &op, "late: no kernel can run these shapes");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(number_of_sources),
                                       TEST(no_sources),
                                       TEST(sizes_of_another_number),
                                       TEST(types_of_elements),
                                       TEST(unlike_shapes),
                                       TEST(choice_of_unlike),
                                       TEST(assignment_of_another_type),
                                       TEST(matrices_of_whole_numbers),
                                       TEST(matrices_of_unlike_ranks),
                                       TEST(reduction_over_no_axis),
                                       TEST(reduction_of_another_type),
                                       TEST(a_view_that_is_none),
                                       TEST(an_operator_without_kernel),
                                       TEST(a_kernel_that_is_never_ready)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
