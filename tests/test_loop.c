/* `loop` in layer lists: what it computes, that its program has the size of one round, what a draw is in it, and that
 * gradients flow through it as through the same rounds written out. */
#include "world.h"

#include "build.h"
#include "train/machine.h"

/* ---- values, in double by the references ---- */

/* One player whose log holds the expressions; a turn is run. */
static World *logging(const char *functions, const char *log) {
    Arena *a = arena_new();
    World *w = open_text(arena_printf(a,
                                      "networks:\n"
                                      "  net(): {w: \"parameter([3], [0.3, 0.5, 0.7])\", return: w}\n"
                                      "  cell(x): {k: \"parameter([3, 3], s -> 0.1*ones(s))\", return: tanh(x @ k + 0.5*x)}\n"
                                      "  scale(x): [batch_norm]\n"
                                      "functions:\n%s"
                                      "players:\n  net:\n    w: net()\n    minimize: sum(w) + 0*sum(cell(ones(1, 3)))\n"
                                      "    moves: [net, cell]\n    optimizer: sgd(0)\n    log: {%s}\n"
                                      "schedule: {steps: 1, each: [net]}\n",
                                      functions, log));
    arena_free(a);
    turn(w, 0, true);
    return w;
}

static void a_loop_is_its_rounds_written_out(void **state) {
    (void)state;
    World *w = logging("  run(x): [{loop: t in range(5), layers: [x -> sin(x) + 0.1*t, cell]}]\n"
                       "  out(x): [{for: \"t in [0, 1, 2, 3, 4]\", layers: [x -> sin(x) + 0.1*t, cell]}]\n"
                       "  back(x): [{loop: t in reverse(range(3)), layers: [x -> 10*x + t]}]\n"
                       "  pairs(x): [{loop: \"(a, b) in [[1, 0.5], [2, 0.25]]\", layers: [x -> x*a + b]}]\n"
                       "  rows_of(x): [{loop: \"p in [[1, 2, 3], [4, 5, 6]]\", layers: [\"x -> x + p*[1, 10, 100]\"]}]\n"
                       "  grid(x): [{loop: i in range(2), layers: [x -> 2*x, {loop: j in range(3), layers: [x -> x + 10*i + j]}]}]\n"
                       "  none(x): [{loop: t in range(0), layers: [x -> 2*x]}]\n"
                       "  fixed_point(x): [{loop: t in range(40), layers: [x -> cos(x)]}]\n",
                       "same: \"norm(run(w[new]) - out(w[new]))\", run: \"sum(run(w[new]))\", out: \"sum(out(w[new]))\","
                       "back: \"sum(back(0*w))/3\", pairs: \"sum(pairs(w[:1]))\", rows: \"sum(rows_of(0*w)[2:])\","
                       "grid: \"sum(grid(0*w[:1]))\", none: sum(none(w)), number: fixed_point(1)");
    near(logged("net.run"), logged("net.out"));
    near(logged("net.same"), 0);
    near(logged("net.back"), 210);
    near(logged("net.pairs"), 2 * (0.3 + 0.5) + 0.25);
    near(logged("net.rows"), 900);
    near(logged("net.grid"), 2 * (0 + 1 + 2) + 10 + 11 + 12);
    near(logged("net.none"), 1.5);
    near(logged("net.number"), 0.739085133);
    close_world(w);
}

/* Momentum: two tensors of different shapes go round in a record, a list in it. */
static void records_are_carried(void **state) {
    (void)state;
    World *w = logging("  heavy(x):\n"
                       "    start: {x: x, rest: \"[0*x, 1]\"}\n"
                       "    end:\n"
                       "      - input: start\n"
                       "      - loop: t in range(3)\n"
                       "        layers: [step]\n"
                       "    return: end\n"
                       "  step(s):\n"
                       "    v: 0.5*s.rest[0] + s.x\n"
                       "    return: {x: s.x - 0.1*v, rest: \"[v, 2*s.rest[1]]\"}\n",
                       "x: \"sum(heavy(w[:1]).x)\", v: \"sum(heavy(w[:1]).rest[0])\", n: \"heavy(w).rest[1]\"");
    double x = 0.3, v = 0;
    for (int t = 0; t < 3; t++) v = 0.5 * v + x, x -= 0.1 * v;
    near(logged("net.x"), x);
    near(logged("net.v"), v);
    near(logged("net.n"), 8);
    close_world(w);
}

/* First and second derivatives, by what goes in, by what is used inside, and where one of these depends on the other. */
static void gradients_are_those_of_the_rounds(void **state) {
    (void)state;
    World *w = logging("  run(x, a): [{loop: t in range(4), layers: [x -> sin(x)*a + 0.1*t, cell]}]\n"
                       "  out(x, a): [{for: \"t in [0, 1, 2, 3]\", layers: [x -> sin(x)*a + 0.1*t, cell]}]\n"
                       "  square(x, a): [{loop: t in range(2), layers: [{loop: s in range(2), layers: [x -> x*a]}]}]\n"
                       "  first(f, x): {b: x^2, y: \"sum(f(x[new], b))\", return: \"grad(y, x)\"}\n"
                       "  second(f, x): {g: \"first(f, x)\", return: \"grad(sum(g*[1, 2, 3]), x)\"}\n"
                       "  inner(f, x): {y: \"sum(f(x[new], x))\", return: \"grad(y, parameters(cell))\"}\n"
                       "  langevin(x): [{loop: t in range(6), layers: [down]}]\n"
                       "  down(x): {y: \"sum((x - 2)^4)\", return: \"x - 0.02*grad(y, x)\"}\n",
                       "first: \"norm(first(run, w) - first(out, w))\", size: \"norm(first(out, w))\","
                       "second: \"norm(second(run, w) - second(out, w))\", size2: \"norm(second(out, w))\","
                       "inner: \"norm(inner(run, w) - inner(out, w))\", size3: \"norm(inner(out, w))\","
                       "nested: \"sum(first(square, w[:1]))\", walk: \"max(langevin(w))\"");
    near(logged("net.first"), 0);
    near(logged("net.second"), 0);
    near(logged("net.inner"), 0);
    assert_true(logged("net.size") > 0.01 && logged("net.size2") > 0.01 && logged("net.size3") > 0.01);
    near(logged("net.nested"), 9 * pow(0.3, 8)); /* x (x^2)^4 */
    double x = 0.7;
    for (int t = 0; t < 6; t++) x -= 0.02 * 4 * pow(x - 2, 3);
    near(logged("net.walk"), x);
    close_world(w);
}

/* A draw is new in each round, of outer and inner loops: here each is pushed into a row of four. A local name outside is
 * one draw for all rounds; a new turn has new ones. */
static void draws_are_new_in_each_round(void **state) {
    (void)state;
    World *w = open_text("networks:\n  net(): {w: \"parameter([3], 0)\", return: w}\n"
                         "functions:\n"
                         "  push(x): \"concat(x[1:], [uniform(1)], axis=0)\"\n"
                         "  four(x): [{loop: t in range(2), layers: [{loop: s in range(2), layers: [push]}]}]\n"
                         "  both(x, e): [{loop: t in range(2), layers: [x -> (t + 1)*e - x]}]\n"
                         "players:\n  net:\n    d: four(zeros(4))\n    e: uniform(1)\n"
                         "    minimize: sum(net())\n    optimizer: sgd(0)\n"
                         "    log: {d0: \"d[0]\", d1: \"d[1]\", d2: \"d[2]\", d3: \"d[3]\", e: sum(e), both: \"sum(both(zeros(1), e))\"}\n"
                         "schedule: {steps: 1, each: [net]}\n");
    double seen[8];
    for (int i = 0; i < 8; i++) {
        if (i % 4 == 0) turn(w, 0, true);
        near(logged("net.both"), logged("net.e"));
        seen[i] = logged(arena_printf(w->a, "net.d%d", i % 4));
        assert_true(seen[i] > 0 && seen[i] < 1);
        for (int k = 0; k < i; k++) assert_true(seen[i] != seen[k]);
    }
    close_world(w);
}

static void running_values_stand_still(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
                         "  net(x): [{dense: {units: 2, init: 1}}, {batch_norm: {momentum: 0.5}}]\n"
                         "functions:\n"
                         "  many(x): [{loop: t in range(3), layers: [net]}]\n"
                         "players:\n"
                         "  net: {minimize: \"sum(many(normal(5, 2))^2) + 0*sum(net([[1.0, 2.0], [3.0, 4.0]]))\", optimizer: sgd(0)}\n"
                         "schedule: {steps: 1, each: [net]}\n");
    turn(w, 0, true);
    near(slot(w, "net/batch_norm_1/running_mean")[0], 0.5 * 5); /* of the call outside alone */
    close_world(w);
}

/* ---- the program ---- */

typedef struct {
    Arena *a;
    Training *t;
    Machine *m;
} Float;

#define WALK                                                                                                   \
    "networks:\n  score(x, t): [{input: \"concat(x, [t*ones(rows(x), 1)/8], axis=1)\"}, {dense: 7}, relu, {dense: 2}]\n" \
    "functions:\n  walk(x): [{%s: t in %s, layers: [\"x -> x - 0.1*score(x, t)%s\"]}]\n"                       \
    "players:\n  score: {minimize: \"mean(score(normal(8, 2), 1)^2)\", optimizer: sgd(0.1)}\n"                 \
    "schedule: {steps: 1, each: [score]}\n"                                                                    \
    "outputs: {walk: {scatter: \"walk(fixed(normal(5, 2)))\"}}\n"

static Float open_float(const char *loop, const char *list, const char *more, PlanOptions plan) {
    Float f = {.a = arena_new()};
    FILE *to = fopen("test_loop.yaml", "w");
    fprintf(to, WALK, loop, list, more);
    fclose(to);
    Diags *d = diags_new(f.a);
    CompileOptions options = {.steps = 0};
    f.t = compile("test_loop.yaml", &options, f.a, d);
    if (!f.t) diags_print(d, stderr, false);
    assert_non_null(f.t);
    MachineOptions o = machine_defaults();
    o.threads = 2;
    o.seed = 3;
    o.plan = plan;
    Fault fault = {0};
    f.m = machine_new(f.t, &o, &fault);
    assert_true(f.m && machine_prepare(f.m, &fault) && machine_load(f.m, &fault) && machine_start(f.m, &fault));
    assert_true(feed_first(f.m, &f.t->output[0].unit, &fault) && unit_run(f.m, &f.t->output[0].unit, &fault));
    char why[300];
    if (!program_check(f.t->output[0].unit.program, why, sizeof why)) fail_msg("%s", why);
    return f;
}

static const float *walked(const Float *f) { return exec_result(f->m->exec, f->t->output[0].unit.program, 0); }

static void close_float(Float *f) {
    machine_free(f->m);
    compile_close(f->t);
    arena_free(f->a);
}

static int instructions(const Program *p) {
    int n = p->ninstr;
    for (int i = 0; i < p->ninstr; i++)
        if (p->instr[i].body) n += instructions(p->instr[i].body);
    return n;
}

static void a_loops_program_has_the_size_of_one_round(void **state) {
    (void)state;
    PlanOptions whole = plan_all();
    Float one = open_float("loop", "range(1)", " + 0.1*normal(shape(x))", whole),
          many = open_float("loop", "range(500)", " + 0.1*normal(shape(x))", whole),
          copies = open_float("for", "range(50)", " + 0.1*normal(shape(x))", whole);
    const Program *a = one.t->output[0].unit.program, *b = many.t->output[0].unit.program,
                  *c = copies.t->output[0].unit.program;
    assert_int_equal(instructions(a), instructions(b));
    assert_int_equal(a->workspace, b->workspace);
    assert_true(instructions(c) > 10 * instructions(b));
    assert_true(b->flops > 400 * a->flops);
    for (int i = 0; i < 10; i++) assert_true(isfinite(walked(&many)[i]) && walked(&many)[i] != walked(&one)[i]);
    close_float(&one);
    close_float(&many);
    close_float(&copies);
}

/* Without draws it gives the numbers of `for`; planned without fusing and reuse, the same bits. */
static void a_program_gives_the_numbers_of_for(void **state) {
    (void)state;
    PlanOptions whole = plan_all();
    Float loop = open_float("loop", "range(20)", "", whole), copies = open_float("for", "range(20)", "", whole),
          plain = open_float("loop", "range(20)", "", (PlanOptions){0});
    for (int i = 0; i < 10; i++) assert_true(fabsf(walked(&loop)[i] - walked(&copies)[i]) < 1e-6f);
    assert_memory_equal(walked(&loop), walked(&plain), 10 * sizeof(float));
    close_float(&loop);
    close_float(&copies);
    close_float(&plain);
}

/* With draws: the rounds written out by hand, round r's draws of round r. Program against program, bit for bit. */
static void draws_are_those_of_the_rounds(void **state) {
    (void)state;
    PlanOptions whole = plan_all();
    Float f = open_float("loop", "range(20)", " + 0.1*normal(shape(x))", whole);
    float expected[10];
    memcpy(expected, walked(&f), sizeof expected);
    Unit *u = &f.t->output[0].unit;
    const Graph *g = u->graph;
    Graph *out = graph_new(f.a, g->diags, g->slots, "written out");
    Node *loop = NULL;
    for (int i = 0; i < g->node.n; i++)
        if (g->node.at[i]->op->traits & REPEATS) loop = g->node.at[i];
    assert_non_null(loop);
    const LoopAttr *a = loop->attr;
    Node **slot = ARENA_ARRAY(f.a, Node *, loop->nsrc + LOOP_SLOTS), *mine[50] = {0};
    for (int i = 0; i < g->slots->all.n; i++) mine[i] = g_slot(out, i);
    for (int k = 0; k < loop->nsrc; k++) {
        Node *outside = loop->src[k];
        graph_replay(out, g, mine, 1, &outside);
        slot[k ? k + 1 : LOOP_CARRIED] = outside;
    }
    for (int64_t r = 0; r < a->rounds; r++) {
        Node *next = a->body->node.at[a->body->node.n - 1]->src[0];
        slot[LOOP_ROUND] = g_int(out, r);
        graph_replay(out, a->body, slot, 1, &next);
        slot[LOOP_CARRIED] = next;
    }
    Unit written = {.name = "written out", .graph = out, .nresult = 1, .result = &slot[LOOP_CARRIED]};
    Fault fault = {0};
    assert_true(unit_run(f.m, &written, &fault));
    const float *x = exec_result(f.m->exec, written.program, 0);
    for (int i = 0; i < 10; i++) assert_true(fabsf(x[i] - expected[i]) < 1e-6f);
    program_free(written.program);
    close_float(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_is_its_rounds_written_out),
        cmocka_unit_test(records_are_carried),
        cmocka_unit_test(gradients_are_those_of_the_rounds),
        cmocka_unit_test(draws_are_new_in_each_round),
        cmocka_unit_test(running_values_stand_still),
        cmocka_unit_test(a_loops_program_has_the_size_of_one_round),
        cmocka_unit_test(a_program_gives_the_numbers_of_for),
        cmocka_unit_test(draws_are_those_of_the_rounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
