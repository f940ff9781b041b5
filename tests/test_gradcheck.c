/* gradcheck accepts right gradients and a right program, and rejects planted mistakes of each kind. The Training is
 * made by hand: y = mean((tanh(x w + b) v - t)^2) and one step down its gradient. */
#include "base/rng.h"
#include "build.h"
#include "grad/grad.h"
#include "train/gradcheck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { W, B, V, PARAMETERS, BATCH = 7, IN = 3, HIDDEN = 5 };

typedef enum { NO_MISTAKE, FACTOR_IN_GRADIENT, MISSING_GRADIENT, SECOND_ORDER_LOST, KINKS } Mistake;

typedef struct {
    Training t;
    Arena *arena;
    Player player;
    Stage stage;
    Entry entry;
    Turn turn;
    Move move;
    Node *result;
    const char *result_name;
    int moved[PARAMETERS];
    Node *gradient[PARAMETERS];
} Case;

static int add_slot(Case *c, const char *name, SlotKind kind, Shape shape) {
    int64_t n = shape_count(&shape);
    double *init = ARENA_ARRAY(c->arena, double, n);
    for (int64_t i = 0; i < n; i++)
        init[i] = (float)(0.7 * rng_normal(rng_stream(3, rng_hash(name), 0, 0), (uint64_t)i));
    return slot_add(c->t.slots, (Slot){.name = name, .type = {F32, shape}, .kind = kind, .init = init});
}

static int add_counter(Case *c, const char *name) {
    return slot_add(c->t.slots, (Slot){.name = name, .type = {.dtype = I32}, .kind = SLOT_COUNTER});
}

static Node *mean(Node *x) { return g_div(g_sum_to(x, &(Shape){0}), g_number(x->graph, (double)NODE_COUNT(x))); }

static Node *loss_of(Graph *g, Mistake mistake) {
    Node *x = g_slot(g, slot_find(g->slots, "x")), *t = g_slot(g, slot_find(g->slots, "t"));
    Node *h = g_add(g_matmul(x, g_slot(g, W)), g_slot(g, B));
    h = mistake == KINKS ? g_max(h, g_mul(h, g_number(g, 0.2))) : g_tanh(h);
    return mean(g_square(g_sub(g_matmul(h, g_slot(g, V)), t)));
}

/* A gradient that is right as a number, but through which nothing flows. */
static Node *second_order_lost(Node *gradient) { return g_stop_gradient(gradient); }

static void plant(Case *c, Mistake mistake) {
    if (mistake == FACTOR_IN_GRADIENT)
        c->gradient[W] = g_mul(c->gradient[W], g_number(c->turn.unit.graph, 1.00001));
    if (mistake == MISSING_GRADIENT) c->gradient[B] = NULL;
    if (mistake == SECOND_ORDER_LOST) c->gradient[V] = second_order_lost(c->gradient[V]);
}

static Case *case_new(Mistake mistake) {
    Case *c = calloc(1, sizeof *c);
    c->arena = arena_new();
    Arena *a = c->arena;
    c->t.arena = a;
    c->t.diags = diags_new(a);
    c->t.slots = ARENA_NEW(a, Slots);
    c->t.slots->arena = a;
    c->moved[W] = add_slot(c, "w", SLOT_PARAM, SHAPE(IN, HIDDEN));
    c->moved[B] = add_slot(c, "b", SLOT_PARAM, SHAPE(HIDDEN));
    c->moved[V] = add_slot(c, "v", SLOT_PARAM, SHAPE(HIDDEN, 1));
    add_slot(c, "x", SLOT_FIXED, SHAPE(BATCH, IN));
    add_slot(c, "t", SLOT_FIXED, SHAPE(BATCH, 1));
    c->player = (Player){.name = "student", .turn_slot = add_counter(c, "@turn"), .total_slot = add_counter(c, "@total")};
    c->t.step_slot = add_counter(c, "@step");
    c->t.total_step_slot = add_counter(c, "@total_step");
    c->t.epoch_slot = slot_add(c->t.slots, (Slot){.name = "@epoch", .type = {.dtype = F32}, .kind = SLOT_COUNTER});
    c->t.stage_slot = add_counter(c, "@stage");
    c->t.entry_slot = add_counter(c, "@entry");
    c->t.repeat_slot = add_counter(c, "@repeat");

    Graph *g = graph_new(a, c->t.diags, c->t.slots, "turn student");
    Node *loss = c->result = loss_of(g, mistake), *x[PARAMETERS];
    for (int i = 0; i < PARAMETERS; i++) x[i] = g_slot(g, c->moved[i]);
    gradient(loss, NULL, PARAMETERS, x, c->gradient);
    for (int i = 0; i < PARAMETERS; i++)
        g_assign(g, c->moved[i], g_sub(x[i], g_mul(c->gradient[i], g_number(g, 0.01))));
    c->result_name = "student.minimize";
    c->turn.unit = (Unit){.name = "turn student", .graph = g, .nresult = 1, .result = &c->result,
                          .result_name = &c->result_name};
    plant(c, mistake);
    c->move = (Move){.loss = loss, .nmoved = PARAMETERS, .moved = c->moved, .gradient = c->gradient, .gate = -1};
    c->turn.nmove = 1;
    c->turn.move = &c->move;
    c->entry.turn = &c->turn;
    c->stage = (Stage){.name = "", .steps = 1, .of = -1, .nentry = 1, .entry = &c->entry};
    c->t.nplayer = 1;
    c->t.player = &c->player;
    c->t.nstage = 1;
    c->t.stage = &c->stage;
    return c;
}

static void case_free(Case *c) {
    arena_free(c->arena);
    free(c);
}

static const GradRow *row_of(const GradReport *r, const char *parameter) {
    for (int i = 0; i < r->grad.n; i++)
        if (!strcmp(r->grad.at[i].parameter, parameter)) return &r->grad.at[i];
    return NULL;
}

static GradReport report_of(Case *c) {
    GradReport r;
    Fault f = {0};
    assert_true(gradcheck(&c->t, 1, c->arena, &r, &f));
    assert_int_equal(r.grad.n, PARAMETERS);
    assert_int_equal(r.turn.n, 1 + PARAMETERS);       /* the loss, and every slot written */
    return r;
}

static void right_gradients_pass(void **state) {
    (void)state;
    Case *c = case_new(NO_MISTAKE);
    GradReport r = report_of(c);
    assert_true(r.worst < 1e-7);
    assert_true(r.agrees);
    case_free(c);
}

static void kinks_are_avoided(void **state) {
    (void)state;
    Case *c = case_new(KINKS);
    GradReport r = report_of(c);
    assert_true(r.worst < gradcheck_tolerance);
    assert_true(r.agrees);
    case_free(c);
}

static void a_factor_of_one_in_a_hundred_thousand_is_found(void **state) {
    (void)state;
    Case *c = case_new(FACTOR_IN_GRADIENT);
    GradReport r = report_of(c);
    assert_true(row_of(&r, "w")->first > 5e-6);
    assert_true(row_of(&r, "v")->first < 1e-7);
    case_free(c);
}

static void a_gradient_that_is_missing_is_found(void **state) {
    (void)state;
    Case *c = case_new(MISSING_GRADIENT);
    GradReport r = report_of(c);
    assert_true(row_of(&r, "b")->first > 0.5);
    case_free(c);
}

static void a_gradient_that_holds_back_the_second_order_is_found(void **state) {
    (void)state;
    Case *c = case_new(SECOND_ORDER_LOST);
    GradReport r = report_of(c);
    for (int i = 0; i < r.grad.n; i++) assert_true(r.grad.at[i].first < 1e-7);
    assert_true(row_of(&r, "w")->second > 1e-3);
    case_free(c);
}

/* The program computes another loss than the graph that the reference runs: it was made from a changed graph. */
static void a_program_that_computes_something_else_is_found(void **state) {
    (void)state;
    Case *c = case_new(NO_MISTAKE), *other = case_new(KINKS);
    GradReport r = {.agrees = true};
    Fault f = {0};
    MachineOptions options = machine_defaults();
    Machine *m = machine_new(&c->t, &options, &f);
    assert_non_null(m);
    assert_true(machine_load(m, &f) && machine_start(m, &f));
    Unit right = c->turn.unit;
    c->turn.unit = other->turn.unit;
    assert_true(unit_ready(m, &c->turn.unit, &f));
    Program *wrong = c->turn.unit.program;
    c->turn.unit = right;
    c->turn.unit.program = wrong;
    assert_true(turncheck(m, &c->turn, c->arena, &r, &f));
    assert_false(r.agrees);
    machine_free(m);
    case_free(c);
    case_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_gradients_pass),
        cmocka_unit_test(kinks_are_avoided),
        cmocka_unit_test(a_factor_of_one_in_a_hundred_thousand_is_found),
        cmocka_unit_test(a_gradient_that_is_missing_is_found),
        cmocka_unit_test(a_gradient_that_holds_back_the_second_order_is_found),
        cmocka_unit_test(a_program_that_computes_something_else_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
