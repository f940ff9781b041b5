/* What a call of a network is: modes handed on to everything inside, whose running values move, results built whole, what
 * equal calls cost; and that the prelude sees nothing of a spec. */
#include "world.h"

#include "build.h"

/* `training=` reaches what is called inside, networks too; `update=true` moves the running values of a network that the
 * turn does not move, `parameters=` moves none unless it is said. */
static void modes_are_handed_on(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
                         "  outer(x): [inner, layer]\n"
                         "  inner(x): {w: \"parameter([1], 1)\", return: layer(x*w)}\n"
                         "  counted(x): {w: \"parameter([1], 1)\", state: {n: 0}, return: x*w, after: {n: n + 1}}\n"
                         "functions:\n"
                         "  layer(x): {return: \"if(training, x, 10*x)\"}\n"
                         "players:\n"
                         "  inner:\n"
                         "    minimize: sum(outer(ones(1)))\n"
                         "    optimizer: sgd(0)\n"
                         "    log: {eval: \"sum(outer(ones(1), training=false))\",\n"
                         "          still: sum(counted(ones(1))), moved: \"sum(counted(ones(1), update=true))\"}\n"
                         "  counted:\n"
                         "    minimize: sum(counted(ones(1)))\n"
                         "    optimizer: sgd(0)\n"
                         "    log: {lent: \"sum(counted(ones(1), parameters=2*parameters(counted)))\",\n"
                         "          still: \"sum(counted(ones(1), update=false))\"}\n"
                         "schedule: {steps: 1, each: [inner, counted]}\n");
    turn(w, 0, true);
    near(logged("inner.minimize"), 1);
    near(logged("inner.eval"), 100);
    near(slot(w, "counted/n")[0], 1);
    turn(w, 1, true);
    near(logged("counted.lent"), 2);
    near(slot(w, "counted/n")[0], 2);
    close_world(w);
}

/* A result that nobody uses has its parameters all the same; a network's collection holds those of the networks it calls,
 * each once, under their own names. */
static void results_are_built_whole(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
                         "  trunk(x): [{dense: 2}]\n"
                         "  net(x):\n"
                         "    h: trunk(x)\n"
                         "    return: {score: \"dense(h, 1, name='score')\", label: \"dense(h, 3, name='label')\"}\n"
                         "players:\n"
                         "  net:\n"
                         "    minimize: mean(net(ones(2, 2)).score)\n"
                         "    moves: \"[parameters([net, trunk], '*/weight'), parameters(net, 'score/bias')]\"\n"
                         "    optimizer: sgd(0)\n"
                         "    log: {all: size(parameters(net)), trunk: \"size(parameters(net, 'trunk/*'))\",\n"
                         "          both: \"size(parameters([net, trunk]))\"}\n"
                         "schedule: {steps: 1, each: [net]}\n");
    slot_at(w, "net/label/weight");
    turn(w, 0, true);
    near(logged("net.all"), (2*2 + 2) + (2*1 + 1) + (2*3 + 3));
    near(logged("net.trunk"), 2*2 + 2);
    near(logged("net.both"), logged("net.all"));
    close_world(w);
}

static int count_of(const Graph *g, const Op *op) {
    int n = 0;
    for (int i = 0; i < g->node.n; i++) n += g->node.at[i]->op == op;
    return n;
}

/* In a `together` equal calls without draws are computed once; a draw makes two of them. */
static void equal_calls_are_computed_once(void **state) {
    (void)state;
    static const char *const players[] = {"shared(z)", "shared(noisy(z))"};
    int products[2];
    for (int i = 0; i < 2; i++) {
        Arena *a = arena_new();
        World *w = open_text(arena_printf(a,
                                          "networks:\n  shared(x): {w: \"parameter([2, 2], 1)\", return: exp(x @ w)}\n"
                                          "  a(x): [{dense: 1}]\n  b(x): [{dense: 1}]\n"
                                          "functions:\n  noisy(x): x*uniform(2, 2)\n"
                                          "iteration: {z: \"ones(2, 2)\"}\n"
                                          "players:\n"
                                          "  a: {minimize: \"mean(a(%s))\", optimizer: sgd(1)}\n"
                                          "  b: {minimize: \"mean(b(%s))\", optimizer: sgd(1)}\n"
                                          "schedule: {steps: 1, each: [{together: [a, b]}]}\n", players[i], players[i]));
        products[i] = count_of(w->t->stage[0].entry[0].turn->unit.graph, &op_exp);
        close_world(w);
        arena_free(a);
    }
    assert_int_equal(products[0], 1);
    assert_int_equal(products[1], 2);
}

/* The prelude's functions see only the prelude: names of a spec change no layer. */
static void the_prelude_is_sealed(void **state) {
    (void)state;
    static const char *const own[] = {"", "functions: {mean(x): 7, variance(x): 7, relu(x): -x, sqrt(x): 0}\n"};
    double loss[2];
    for (int i = 0; i < 2; i++) {
        Arena *a = arena_new();
        World *w = open_text(arena_printf(a,
                                          "networks:\n  net(x): [batch_norm, gelu, {dense: {units: 1, init: 1}}]\n"
                                          "%s"
                                          "players:\n  net: {minimize: \"sum(net([[1.0, 2], [4, -3]])*[[1.0], [3]])\", optimizer: sgd(0)}\n"
                                          "schedule: {steps: 1, each: [net]}\n", own[i]));
        turn(w, 0, true);
        loss[i] = logged("net.minimize");
        close_world(w);
        arena_free(a);
    }
    assert_true(loss[0] == loss[1] && loss[0] != 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(modes_are_handed_on), cmocka_unit_test(results_are_built_whole),
                                       cmocka_unit_test(equal_calls_are_computed_once), cmocka_unit_test(the_prelude_is_sealed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
