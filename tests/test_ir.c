/* The graph: sharing, order, refusals, views, verification, text and hash. */
#include "build.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

typedef struct {
    Arena *arena;
    Graph *g;
    Slots *slots;
} World;

static int world_new(void **state) {
    World *w = calloc(1, sizeof *w);
    w->arena = arena_new();
    w->slots = ARENA_NEW(w->arena, Slots);
    w->slots->arena = w->arena;
    w->g = graph_new(w->arena, diags_new(w->arena), w->slots, "test");
    *state = w;
    return 0;
}

static int world_free(void **state) {
    World *w = *state;
    arena_free(w->arena);
    free(w);
    return 0;
}

static Node *slot_of(World *w, const char *name, DType t, Shape s) {
    return g_slot(w->g, slot_add(w->slots, (Slot){.name = name, .type = {t, s}}));
}

static const char *first_error(const World *w) { return w->g->diags->first ? w->g->diags->first->text : ""; }

static void equal_nodes_are_one_node(void **state) {
    World *w = *state;
    Node *x = slot_of(w, "x", F32, SHAPE(3)), *z = slot_of(w, "z", F32, SHAPE(3));
    assert_ptr_equal(g_mul(x, z), g_mul(x, z));
    assert_ptr_equal(g_mul(x, z), g_mul(z, x));
    assert_ptr_not_equal(g_sub(x, z), g_sub(z, x));
    assert_ptr_equal(g_number(w->g, 2), g_number(w->g, 2));
    assert_ptr_not_equal(g_number(w->g, 2), g_number(w->g, 3));
    assert_ptr_not_equal(g_number(w->g, 2), g_int(w->g, 2));
}

static void draws_of_one_path_are_one_node(void **state) {
    World *w = *state;
    char first[] = "a/noise", second[] = "a/noise";
    Node *tick = g_int(w->g, 0);
    Node *a = g_normal(tick, tick, &(DrawAttr){.path = first, .shape = {1, {4}}});
    assert_ptr_equal(a, g_normal(tick, tick, &(DrawAttr){.path = second, .shape = {1, {4}}}));
    assert_ptr_not_equal(a, g_normal(tick, tick, &(DrawAttr){.path = "b/noise", .shape = {1, {4}}}));
}

static void assignments_are_never_shared(void **state) {
    World *w = *state;
    Node *x = slot_of(w, "x", F32, SHAPE(3));
    assert_ptr_not_equal(g_assign(w->g, 0, x), g_assign(w->g, 0, x));
}

static void builders_level_types_and_shapes(void **state) {
    World *w = *state;
    Node *x = slot_of(w, "x", F32, SHAPE(4, 3)), *i = slot_of(w, "i", I32, SHAPE(3)),
         *b = slot_of(w, "b", U8, SHAPE(3));
    Tensor wide = {F32, SHAPE(4, 3)}, whole = {I32, SHAPE(3)}, truth = {U8, SHAPE(3)};
    assert_true(tensor_equal(&g_add(x, i)->type, &wide));
    assert_true(tensor_equal(&g_add(b, b)->type, &whole));
    assert_true(tensor_equal(&g_eq(b, b)->type, &truth));
    assert_true(g_div(i, i)->type.dtype == F32);
    assert_true(g_pow(i, i)->type.dtype == F32);
    assert_true(g_sum_all(b)->type.dtype == I32);
    assert_true(g_pow(x, g_number(w->g, 2))->op == &op_square);
    assert_int_equal(w->g->diags->errors, 0);
}

static void a_lower_rank_may_not_stretch_an_axis(void **state) {
    World *w = *state;
    Node *x = slot_of(w, "x", F32, SHAPE(64, 1)), *z = slot_of(w, "z", F32, SHAPE(64));
    assert_true(g_sub(x, z)->poison);
    assert_string_equal(first_error(w),
                        "sub: shapes [64, 1] and [64]: [64] has fewer axes and may not stretch an axis of "
                        "the other; say which axis is meant with an axis of size 1, as in x[:, new]");
}

static void poison_is_silent(void **state) {
    World *w = *state;
    Node *x = slot_of(w, "x", F32, SHAPE(2, 3)), *z = slot_of(w, "z", F32, SHAPE(4, 3));
    Node *bad = g_matmul(x, z);
    assert_true(bad->poison);
    assert_string_equal(first_error(w), "matmul: inner sizes differ: [2, 3] @ [4, 3]");
    assert_true(g_exp(g_add(bad, x))->poison);
    assert_int_equal(w->g->diags->errors, 1);
}

static void refusals_lead_back_to_their_origin(void **state) {
    World *w = *state;
    Node *x = slot_of(w, "x", F32, SHAPE(2, 3));
    graph_at(w->g, (Loc){0, 3, 9}, NULL, NULL, "critic/dense_1");
    Node *y = g_matmul(x, g_transpose(x));
    graph_at(w->g, (Loc){0, 5, 1}, y, "gradient", NULL);
    g_add(y, x);
    const Diag *d = w->g->diags->first;
    assert_int_equal(d->loc.line, 5);
    assert_non_null(d->next);
    assert_string_equal(d->next->text, "in the gradient of 'critic/dense_1' (matmul)");
    assert_int_equal(d->next->loc.line, 3);
}

static void beyond_the_limit_the_graph_is_full(void **state) {
    World *w = *state;
    w->g->limit = 10;
    Node *x = slot_of(w, "x", F32, SHAPE(2));
    for (int i = 0; i < 100; i++) x = g_exp(x);
    assert_true(w->g->full);
    assert_int_equal(w->g->node.n, 10);
    assert_true(x->poison);
}

static void graph_only_drops_what_nobody_needs(void **state) {
    World *w = *state;
    Node *x = slot_of(w, "x", F32, SHAPE(2)), *y = g_exp(x);
    g_sin(y);
    g_assign(w->g, 0, g_cos(x));
    Node *keep[] = {g_neg(y)};
    Graph *less = graph_only(w->g, 1, keep);
    assert_int_equal(less->node.n, 5);
    assert_ptr_equal(keep[0]->graph, less);
    assert_true(keep[0]->op == &op_neg);
    char why[100];
    assert_true(graph_verify(less, why, sizeof why));
}

static void verify_finds_a_planted_mistake(void **state) {
    World *w = *state;
    Node *x = slot_of(w, "x", F32, SHAPE(2)), *y = g_exp(x);
    char why[100];
    assert_true(graph_verify(w->g, why, sizeof why));
    y->type.shape.dim[0] = 3;
    assert_false(graph_verify(w->g, why, sizeof why));
    y->type.shape.dim[0] = 2;
    y->src[0] = y;
    assert_false(graph_verify(w->g, why, sizeof why));
}

static void the_hash_knows_structure_and_names_only(void **state) {
    World *w = *state;
    Graph *g[4];
    static const char *const name[] = {"p", "p", "q", "p"};
    for (int i = 0; i < 4; i++) {
        g[i] = graph_new(w->arena, w->g->diags, w->slots, "g");
        graph_at(g[i], (Loc){0, (uint32_t)i + 1, 1}, NULL, NULL, NULL);
        int slot = slot_add(w->slots, (Slot){.name = name[i], .type = {F32, SHAPE(4, 2)}});
        Ints axes = {1, {i == 3}};
        g_sum(g_slot(g[i], slot), &axes);
    }
    assert_true(graph_hash(g[0]) == graph_hash(g[1]));
    assert_true(graph_hash(g[0]) != graph_hash(g[2]));
    assert_true(graph_hash(g[0]) != graph_hash(g[3]));
}

static void a_dump_has_one_node_a_line(void **state) {
    World *w = *state;
    Node *x = slot_of(w, "x", F32, SHAPE(2, 3));
    g_assign(w->g, 0, g_exp(x));
    char *text;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    graph_dump(w->g, f);
    fclose(f);
    assert_string_equal(
        text,
        "%0 = slot() x : float [2, 3]\n%1 = exp(%0) : float [2, 3]\n%2 = assign(%1) x : float [2, 3]\n");
    free(text);
}

/* ---- views: the strides say where each element lies; `want` gives it by arithmetic of its own ---- */

static void expect_view(const Node *y, const Strides *from, const int64_t *want) {
    Strides s;
    assert_true(y->op->view(y, from, &s));
    const Shape *shape = &y->type.shape;
    for (int64_t e = 0; e < shape_count(shape); e++) {
        int64_t at = s.offset, rest = e;
        for (int d = shape->rank - 1; d >= 0; d--)
            at += rest % shape->dim[d] * s.stride[d], rest /= shape->dim[d];
        assert_int_equal(at, want[e]);
    }
}

static void views_read_what_they_say(void **state) {
    World *w = *state;
    Node *x = slot_of(w, "x", F32, SHAPE(2, 3)), *v = slot_of(w, "v", F32, SHAPE(2, 1));
    Strides rows = {0, {3, 1}}, one = {0, {1, 1}};
    Shape wide = SHAPE(2, 2, 3);
    expect_view(g_transpose(x), &rows, (int64_t[]){0, 3, 1, 4, 2, 5});
    expect_view(g_broadcast(v, &wide), &one, (int64_t[]){0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1});
    expect_view(g_slice(x, &(Ints){2, {1, 2}}, &(Ints){2, {1, -2}}, &(Ints){2, {1, 2}}), &rows,
                (int64_t[]){5, 3});
    expect_view(g_stop_gradient(x), &(Strides){7, {3, 1}}, (int64_t[]){7, 8, 9, 10, 11, 12});
}

/* Every reshape of 24 elements to three axes, of a dense, a transposed, a repeated and a spread source: where
 * a view is given, it is the right one; and a dense source always gives one. */
static void reshapes_are_right_or_refused(void **state) {
    World *w = *state;
    static const Strides sources[] = {
        {0, {12, 4, 1}}, {0, {1, 2, 6}}, {0, {0, 4, 1}}, {5, {24, 8, 2}}, {23, {-12, -4, -1}}};
    Node *x = slot_of(w, "x", F32, SHAPE(2, 3, 4));
    for (size_t k = 0; k < sizeof sources / sizeof *sources; k++) {
        int given = 0;
        for (int64_t a = 1; a <= 24; a++) {
            for (int64_t b = 1; b <= 24; b++) {
                if (24 % (a * b)) continue;
                Shape to = SHAPE(a, b, 24 / (a * b));
                Node *y = g_reshape(x, &to);
                Strides s;
                if (y == x || !y->op->view(y, &sources[k], &s)) continue;
                int64_t want[24];
                for (int64_t e = 0; e < 24; e++)
                    want[e] = sources[k].offset + e / 12 * sources[k].stride[0] +
                              e / 4 % 3 * sources[k].stride[1] + e % 4 * sources[k].stride[2];
                expect_view(y, &sources[k], want);
                given++;
            }
        }
        if (k == 0) assert_int_equal(given, 29);
        assert_true(given > 0 || k == 1); /* of [1, 2, 6] no two axes run together */
    }
}

static void axes_come_as_a_mask(void **state) {
    (void)state;
    bool ok;
    assert_int_equal(axes_mask(&(Ints){0}, 3, &ok), 7);
    assert_int_equal(axes_mask(&(Ints){.n = -2}, 3, &ok), 3);
    assert_int_equal(axes_mask(&(Ints){.n = -3}, 3, &ok), 6);
    assert_int_equal(axes_mask(&(Ints){2, {-1, 0}}, 3, &ok), 5);
    assert_true(ok);
    axes_mask(&(Ints){2, {-1, 2}}, 3, &ok);
    assert_false(ok);
    axes_mask(&(Ints){1, {3}}, 3, &ok);
    assert_false(ok);
}

static void shapes_broadcast_like_numpy_but_for_one_case(void **state) {
    (void)state;
    Shape out, want;
    Shape a = SHAPE(5, 1, 3), b = SHAPE(4, 3), c = SHAPE(1, 4, 1), d = SHAPE(3), scalar = {0};
    assert_false(shape_broadcast(&a, &b, &out));
    assert_true(shape_broadcast(&a, &c, &out));
    want = SHAPE(5, 4, 3);
    assert_true(shape_equal(&out, &want));
    assert_true(shape_broadcast(&d, &a, &out) && shape_equal(&out, &a));
    assert_true(shape_broadcast(&a, &scalar, &out) && shape_equal(&out, &a));
}

static void same_padding_is_that_of_keras(void **state) {
    World *w = *state;
    Node *x = slot_of(w, "x", F32, SHAPE(1, 5, 6, 2)), *k = slot_of(w, "k", F32, SHAPE(3, 3, 2, 4));
    ConvolveAttr a = {.stride = {1, {2}}, .padding = {.n = -1}, .dilation = {1, {1}}, .groups = 1};
    Node *y = op_apply(w->g, &op_convolve, 2, NODES(x, k), &a);
    Shape want = SHAPE(1, 3, 3, 4);
    assert_true(shape_equal(&y->type.shape, &want));
    const Ints *p = &((const ConvolveAttr *)y->attr)->padding;
    assert_true(p->at[0] == 1 && p->at[1] == 1 && p->at[2] == 0 && p->at[3] == 1);
    Node *back =
        op_apply(w->g, &op_convolve_transpose, 2, NODES(y, slot_of(w, "t", F32, SHAPE(3, 3, 4, 2))), &a);
    Shape twice = SHAPE(1, 6, 6, 2);
    assert_true(shape_equal(&back->type.shape, &twice));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(equal_nodes_are_one_node),
        TEST(draws_of_one_path_are_one_node),
        TEST(assignments_are_never_shared),
        TEST(builders_level_types_and_shapes),
        TEST(a_lower_rank_may_not_stretch_an_axis),
        TEST(poison_is_silent),
        TEST(refusals_lead_back_to_their_origin),
        TEST(beyond_the_limit_the_graph_is_full),
        TEST(graph_only_drops_what_nobody_needs),
        TEST(verify_finds_a_planted_mistake),
        TEST(the_hash_knows_structure_and_names_only),
        TEST(a_dump_has_one_node_a_line),
        TEST(views_read_what_they_say),
        TEST(reshapes_are_right_or_refused),
        TEST(axes_come_as_a_mask),
        TEST(shapes_broadcast_like_numpy_but_for_one_case),
        TEST(same_padding_is_that_of_keras),
    };
    return cmocka_run_group_tests_name("ir", tests, NULL, NULL);
}
