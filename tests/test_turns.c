/* The rules of turns, by values: running values, draws, gates, what happens after a step, optimisers,
 * penalties. Turns are run in a made-up order and the slots compared with numbers worked out by hand. */
#include "world.h"

/* ---- running values ---- */

/* Two calls in one turn: both read what was there at its start; then the values move in the order of the
 * text, each from what the one before left. Networks that the player does not move stand still, and calls
 * with update=false. */
static void running_values(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
                         "  net(x): [average, {dense: {units: 1, init: 1}}]\n"
                         "  own(x): [{dense: 1}]\n"
                         "functions:\n"
                         "  average(x):\n"
                         "    state: {m: 0, calls: 0}\n"
                         "    return: x + m\n"
                         "    after: {m: \"0.5*m + 0.5*mean(x, axes=[0])\", calls: calls + 1}\n"
                         "  tick(x):\n"
                         "    state: {n: 0}\n"
                         "    return: x + n\n"
                         "    after: {n: n + x}\n"
                         "players:\n"
                         "  net:\n"
                         "    last: \"net(3*ones(2, 2))\"\n"
                         "    first: \"net(ones(2, 2))\"\n"
                         "    still: \"net(9*ones(2, 2), update=false)\"\n"
                         "    state: {a: 1, b: 2}\n"
                         "    minimize: mean(first + last + still)\n"
                         "    optimizer: sgd(0)\n"
                         "    after: {a: b, b: a}\n"
                         "    log: {one: tick(1), two: tick(10), a: a, first: mean(first)}\n"
                         "  other:\n"
                         "    minimize: \"mean(net(100*ones(2, 2))) + mean(own(ones(1, 1)))\"\n"
                         "    moves: own\n"
                         "    optimizer: sgd(0)\n"
                         "    log: {seen: net.a}\n"
                         "schedule: {steps: 1, each: [net, other]}\n");
    int m = slot_at(w, "net/average_1/m");
    assert_int_equal(w->t->slots->all.at[m].type.shape.rank, 1); /* stretched to its next value's shape */
    assert_int_equal(w->t->slots->all.at[slot_at(w, "net/average_1/calls")].type.dtype, I32);
    turn(w, 0, true);
    near(logged("net.a"), 1);
    near(logged("net.one"), 1);
    near(logged("net.two"), 10);
    near(logged("net.first"), 2);
    near(w->slot[m][1], 0.5 * (0.5 * 3) + 0.5 * 1); /* `last` stands first in the text */
    near(slot(w, "net/average_1/calls")[0], 2);
    turn(w, 1, true);
    near(logged("other.seen"), 2); /* assignments are simultaneous: a is b's old value */
    near(w->slot[m][1], 1.25);
    turn(w, 0, true);
    near(logged("net.one"), 2); /* outside networks each call has a value of its own */
    near(logged("net.two"), 20);
    near(logged("net.a"), 2);
    near(logged("net.first"), 2 + 2 * 1.25);
    near(slot(w, "net/b")[0], 2);
    close_world(w);
}

static void batch_norm_twice(void **state) {
    (void)state;
    World *w = open_text("networks:\n  net(x): [{batch_norm: {momentum: 0.75}}, {dense: 1}]\n"
                         "iteration:\n  seen: \"net([[5.0], [7.0]])\"\n"
                         "players:\n"
                         "  net:\n"
                         "    one: \"net([[1.0], [3.0]])\"\n"
                         "    two: \"net([[10.0], [30.0]])\"\n"
                         "    minimize: mean(one) + mean(two) + 0*mean(seen)\n"
                         "    optimizer: sgd(0)\n"
                         "schedule: {steps: 1, each: [net]}\n");
    turn(w, 0, true);
    near(slot(w, "net/batch_norm_1/running_mean")[0], 0.75 * (0.25 * 2) + 0.25 * 20);
    near(slot(w, "net/batch_norm_1/running_var")[0], 0.75 * (0.75 + 0.25 * 1) + 0.25 * 100);
    close_world(w);
}

/* ---- randomness, iteration values, fixed values ---- */

static void draws(void **state) {
    (void)state;
    World *w = open_text(
        "networks:\n  net(x): [{dense: 1}]\n"
        "iteration: {z: \"normal(3)\", kept: \"fixed(normal(3))\"}\n"
        "functions:\n  noise(): normal(3)\n"
        "  copies(): [{input: \"[]\"}, {repeat: 2, layers: [\"l -> append(l, sum(normal(3)))\"]},\n"
        "             {for: \"i in [5, 5]\", layers: [\"l -> append(l, sum(normal(3)))\"]}]\n"
        "players:\n"
        "  net: &player\n"
        "    own: normal(3)\n"
        "    c: copies()\n"
        "    m: \"map([1, 1], i -> sum(normal(3)))\"\n"
        "    minimize: \"mean(net(ones(1, 1)))\"\n"
        "    moves: net\n"
        "    optimizer: sgd(0)\n"
        "    log: {shared: sum(z), kept: sum(kept), own: sum(own), again: sum(own), other: sum(normal(3)),\n"
        "          one: sum(noise()), two: sum(noise()), c0: \"c[0]\", c1: \"c[1]\", c2: \"c[2]\", c3: \"c[3]\",\n"
        "          m0: \"m[0]\", m1: \"m[1]\"}\n"
        "  twin: *player\n"
        "schedule: {steps: 1, each: [net, twin]}\n");
    turn(w, 0, true);
    double shared = logged("net.shared"), kept = logged("net.kept"), own = logged("net.own"),
           one = logged("net.one");
    near(logged("net.again"), own);                                      /* a local name is one draw */
    assert_true(logged("net.other") != own && logged("net.two") != one); /* each written draw is its own */
    static const char *const copies[] = {"net.c0", "net.c1", "net.c2", "net.c3", "net.m0", "net.m1"};
    for (int i = 0; i < 6; i++) /* so does each copy that repeat, for and map make */
        for (int k = 0; k < i; k++) assert_true(logged(copies[i]) != logged(copies[k]));
    turn(w, 1, false);
    near(logged("twin.shared"), shared); /* an iteration's values are the same for all its turns */
    assert_true(logged("twin.own") != own);
    turn(w, 0, false);
    assert_true(logged("net.own") != own); /* new each turn */
    step(w);
    turn(w, 0, true);
    assert_true(logged("net.shared") != shared);
    near(logged("net.kept"), kept);
    close_world(w);
}

/* ---- turns: gates, together, latest values, what happens after ---- */

#define GAME                                                                                      \
    "networks:\n"                                                                                 \
    "  left(): {w: \"parameter([], 1)\", return: w}\n"                                            \
    "  right(): {w: \"parameter([], 2)\", return: w}\n"                                           \
    "players:\n"                                                                                  \
    "  left: {minimize: left()*right(), optimizer: sgd(0.1)}\n"                                   \
    "  right: {maximize: left()*right(), optimizer: sgd(0.1), when: step > 0, ten: right()*10,\n" \
    "          log: {seen: left.minimize, turn: turn}}\n"                                         \
    "  look: {minimize: left(), moves: left, optimizer: sgd(0), log: {ten: right.ten}}\n"

static void one_after_the_other(void **state) {
    (void)state;
    World *w = open_text(GAME "schedule: {steps: 1, each: [left, right, look]}\n");
    step(w);
    turn(w, 2, true);
    near(logged("look.ten"), 0); /* before its first turn */
    turn(w, 0, true);
    near(slot(w, "left/w")[0], 1 - 0.1 * 2);
    turn(w, 1, true);
    near(slot(w, "right/w")[0], 2 + 0.1 * 0.8);
    near(logged("right.seen"), 2);
    turn(w, 2, true);
    near(logged("look.ten"), 20); /* the value of that turn, not what it would be now */
    close_world(w);
}

static void together(void **state) {
    (void)state;
    World *w = open_text(GAME "schedule: {steps: 1, each: [{together: [left, right]}, look]}\n");
    turn(w, 0, true); /* step 0: the right one stands still, its turn counts */
    near(slot(w, "left/w")[0], 0.8);
    near(slot(w, "right/w")[0], 2);
    near(logged("right.maximize"), 2);
    near(logged("right.turn"), 0);
    near(logged("right.seen"), 0); /* a partner's value is that of the turn before */
    step(w);
    turn(w, 0, true); /* both gradients are of the same values */
    near(slot(w, "left/w")[0], 0.8 - 0.1 * 2);
    near(slot(w, "right/w")[0], 2 + 0.1 * 0.8);
    near(logged("right.turn"), 1);
    near(logged("right.seen"), 2);
    close_world(w);
}

static void parameters_after_a_step(void **state) {
    (void)state;
    World *w =
        open_text("networks:\n"
                  "  net(): {w: \"parameter([3], [0, 1, 2])\", return: w}\n"
                  "  copy(): {w: \"parameter([3], [5, 5, 5])\", return: w}\n"
                  "players:\n"
                  "  net:\n"
                  "    before: sum(net())\n"
                  "    minimize: sum(net())\n"
                  "    optimizer: sgd(1)\n"
                  "    state: {old: 0, new: 0}\n"
                  "    after:\n"
                  "      - follow(copy, net)\n"
                  "      - {old: before, new: sum(net())}\n"
                  "      - {parameters(net): \"clamp(parameters(net), -0.5, 0.5)\"}\n"
                  "    log: {copied: sum(copy())}\n"
                  "functions:\n"
                  "  follow(to, from): {after: {parameters(to): 0.5*parameters(to) + 0.5*parameters(from)}}\n"
                  "schedule: {steps: 1, each: [net]}\n");
    turn(w, 0, true);
    static const double clipped[] = {-0.5, 0, 0.5}, followed[] = {2, 2.5, 3};
    for (int i = 0; i < 3; i++)
        near(slot(w, "net/w")[i], clipped[i]), near(slot(w, "copy/w")[i], followed[i]);
    near(slot(w, "net/old")[0], 3); /* a local name has the turn's value ... */
    near(slot(w, "net/new")[0], 0); /* ... a call written in `after` the new parameters */
    close_world(w);
}

static void modes_of_a_call(void **state) {
    (void)state;
    World *w =
        open_text("networks:\n"
                  "  net(x): {w: \"parameter([1], 3)\", return: \"if(training, w*x, 100*w*x)\"}\n"
                  "  other(x): {w: \"parameter([1], 7)\", return: w*x}\n"
                  "iteration: {train: net(ones(1)), used: other(ones(1))}\n"
                  "players:\n"
                  "  net:\n"
                  "    minimize: sum(net(ones(1)))\n"
                  "    optimizer: sgd(0)\n"
                  "    log: {eval: \"sum(net(ones(1), training=false))\", iteration: sum(train + 0*used),\n"
                  "          borrowed: \"sum(net(ones(1), parameters=parameters(other)))\",\n"
                  "          step: \"sum(net(ones(1), parameters=parameters(net) - 1))\",\n"
                  "          through: \"norm(grad(sum(net(ones(1), parameters=2*parameters(net))), "
                  "parameters(net)))\"}\n"
                  "metrics: {eval: {value: sum(net(ones(1)))}}\n"
                  "schedule: {steps: 1, each: [net]}\n");
    turn(w, 0, true);
    near(logged("net.minimize"), 3);
    near(logged("net.eval"), 300);
    near(logged("net.iteration"), 3);
    near(logged("net.borrowed"), 7);
    near(logged("net.step"), 2);
    near(logged("net.through"), 2);
    double value = 0;
    run_unit(w, &w->t->metric[0].unit, &value);
    near(value, 300);
    close_world(w);
}

/* ---- optimisers ---- */

/* The gradient is g in every turn; one parameter, from 1. */
static World *optimized(Arena *a, const char *optimizer, double g) {
    return open_text(arena_printf(a,
                                  "networks:\n  net(): {w: \"parameter([], 1)\", return: w}\n"
                                  "players:\n  net: {minimize: %.9g*net(), optimizer: \"%s\"}\n"
                                  "schedule: {steps: 1, each: [net]}\n",
                                  g, optimizer));
}

static void optimizers(void **state) {
    (void)state;
    const double g = 0.3;
    Arena *a = arena_new();
    World *w = optimized(a, "sgd(0.1)", g);
    turn(w, 0, true);
    near(slot(w, "net/w")[0], 1 - 0.1 * g);
    close_world(w);
    w = optimized(a, "sgd(0.1, momentum=0.5)", g);
    for (int i = 0; i < 3; i++) turn(w, 0, true);
    near(slot(w, "net/w")[0], 1 - 0.1 * g * (1 + 1.5 + 1.75));
    close_world(w);
    w = optimized(a, "sgd(0.1, momentum=0.5, nesterov=true)", g);
    for (int i = 0; i < 2; i++) turn(w, 0, true);
    near(slot(w, "net/w")[0], 1 - 0.1 * g * (1.5 + 1.75));
    close_world(w);
    w = optimized(a, "rmsprop(0.01, rho=0.9, eps=1e-3)", g);
    for (int i = 0; i < 2; i++) turn(w, 0, true);
    double v1 = 0.1 * g * g, v2 = 0.9 * v1 + 0.1 * g * g;
    near(slot(w, "net/w")[0], 1 - 0.01 * g / (sqrt(v1) + 1e-3) - 0.01 * g / (sqrt(v2) + 1e-3));
    close_world(w);
    w = optimized(a, "adam(0.01, b1=0.5, b2=0.9, eps=1e-3, decay=0.1)", g);
    double p = 1, m = 0, v = 0;
    for (int t = 1; t <= 3; t++) {
        double h = g + 0.1 * p;
        m = 0.5 * m + 0.5 * h;
        v = 0.9 * v + 0.1 * h * h;
        p -= 0.01 * m / (1 - pow(0.5, t)) / (sqrt(v / (1 - pow(0.9, t))) + 1e-3);
        turn(w, 0, true);
        near(slot(w, "net/w")[0], p);
    }
    close_world(w);
    arena_free(a);
}

/* A rule of one's own reads top to bottom; two groups; a clip of all gradients; another player's running
 * values. */
static void rules_of_ones_own(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
                         "  net(): {a: \"parameter([], 1)\", b: \"parameter([], 1)\", return: 3*a + 4*b}\n"
                         "optimizers:\n"
                         "  odd(p, g, lr):\n"
                         "    state: {s: 1}\n"
                         "    early: s\n"
                         "    s: s + 1\n"
                         "    p: p - lr*g*(10*early + s)\n"
                         "players:\n"
                         "  net: {minimize: net(), optimizer: {a: odd(1), '*': sgd(1)}}\n"
                         "  short: {minimize: net(), moves: net, clip: \"g -> g*min(1, 1/norm(g))\", "
                         "optimizer: \"sgd(10, momentum=1)\"}\n"
                         "  same: {minimize: net(), moves: net, optimizer: short.optimizer}\n"
                         "schedule: {steps: 1, each: [net, short, same]}\n");
    turn(w, 0, true);
    near(slot(w, "net/a")[0], 1 - 3 * (10 * 1 + 2));
    near(slot(w, "net/b")[0], 1 - 4);
    turn(w, 0, true);
    near(slot(w, "net/a")[0], 1 - 36 - 3 * (10 * 2 + 3));
    turn(w, 1, true);
    near(slot(w, "net/b")[0], 1 - 8 - 10 * 0.8);
    turn(w, 2, true);
    near(slot(w, "net/b")[0], 1 - 8 - 8 - 10 * (0.8 + 4));
    close_world(w);
}

/* ---- each sentence about players ---- */

/* A player that stands still moves nothing: parameters, optimiser, running values of network and player, numbers too, and
 * what its `after` assigns. Its loss and log are computed, and its turn counts. */
static void a_gate_holds_everything(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
                         "  net(x): [{dense: {units: 1, init: 1}}, {batch_norm: {momentum: 0.5}}]\n"
                         "  copy(): {w: \"parameter([], 5)\", return: w}\n"
                         "players:\n"
                         "  net:\n"
                         "    state: {k: 1, pair: \"[2, 3.0]\", on: false, m: 0}\n"
                         "    when: step > 0\n"
                         "    minimize: \"mean(net([[1.0], [3.0]])) + sum(net([[2.0], [4.0]]))\"\n"
                         "    optimizer: \"sgd(0.5, momentum=0.9)\"\n"
                         "    after: [{k: 7, pair: \"[8, 9.0]\", on: true, m: 0.5*m + 2}, {parameters(copy): 6}]\n"
                         "    log: {turn: turn, seen: net.k, copy: copy()}\n"
                         "schedule: {steps: 1, each: [net]}\n");
    for (int open = 0; open < 2; open++) {
        turn(w, 0, true);
        near(slot(w, "net/k")[0], open ? 7 : 1);
        near(slot(w, "net/pair")[1], open ? 9 : 3);
        near(slot(w, "net/on")[0], open);
        near(slot(w, "net/m")[0], 2 * open);
        near(slot(w, "copy/w")[0], 5 + open);
        near(slot(w, "net/batch_norm_1/running_mean")[0], open ? 0.5 * (0.5 * 2) + 0.5 * 3 : 0);
        assert_int_equal(slot(w, "net/batch_norm_1/shift")[0] != 0, open);
        assert_int_equal(slot(w, "@optimizer/net/net/batch_norm_1/shift/m")[0] != 0, open);
        near(logged("net.turn"), open);
        near(logged("net.seen"), 1); /* in its own turn: the value at its start */
        step(w);
    }
    close_world(w);
}

/* In a `together` each player's calls move the running values of the networks that it moves, no others; both see the same
 * iteration value; a player reads its partner's states of before. */
static void together_moves_what_is_ones_own(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
                         "  one(x): [{batch_norm: {momentum: 0}}, {dense: 1}]\n"
                         "  two(x): [{batch_norm: {momentum: 0}}, {dense: 1}]\n"
                         "iteration: {z: \"normal(4, 1)\"}\n"
                         "players:\n"
                         "  one:\n"
                         "    minimize: \"mean(one([[1.0], [3.0]])) + mean(two([[10.0], [30.0]])) + 0*sum(z)\"\n"
                         "    optimizer: sgd(0.1)\n"
                         "    state: {n: 3}\n"
                         "    after: {n: n + 1}\n"
                         "    log: {z: sum(z)}\n"
                         "  two:\n"
                         "    minimize: \"mean(one([[5.0], [7.0]])) + mean(two([[50.0], [70.0]]))\"\n"
                         "    optimizer: sgd(0.1)\n"
                         "    log: {z: sum(z), n: one.n}\n"
                         "schedule: {steps: 1, each: [{together: [one, two]}]}\n");
    turn(w, 0, true);
    near(slot(w, "one/batch_norm_1/running_mean")[0], 2);
    near(slot(w, "two/batch_norm_1/running_mean")[0], 60);
    near(logged("one.z"), logged("two.z"));
    near(logged("two.n"), 3);
    turn(w, 0, true);
    near(logged("two.n"), 4);
    close_world(w);
}

/* Rates are expressions of step, epoch, turn and running values; a count reads them too. */
static void rates_and_counts_are_expressions(void **state) {
    (void)state;
    World *w = open_text("networks:\n  net(): {w: \"parameter([], 1)\", return: w}\n"
                         "players:\n"
                         "  net:\n    k: net.n\n    state: {n: 2, rate: 0.5}\n    minimize: net()\n"
                         "    optimizer: sgd(rate*(1 + step + 10*turn + 100*epoch))\n"
                         "    after: {n: n + 1, rate: 0.25}\n    log: [k, rate]\n"
                         "schedule: {steps: 1, each: [{net: \"net.n + step\"}, {net: net.n > 2}]}\n");
    double count;
    run_unit(w, w->t->stage[0].entry[0].count, &count);
    near(count, 2); /* a state's initial value, before the first turn */
    run_unit(w, w->t->stage[0].entry[1].count, &count);
    near(count, 0);
    turn(w, 0, true);
    near(slot(w, "net/w")[0], 1 - 0.5);
    near(logged("net.k"), 2);
    near(logged("net.rate"), 0.5);
    step(w);
    turn(w, 0, true);
    near(slot(w, "net/w")[0], 0.5 - 0.25 * 12);
    run_unit(w, w->t->stage[0].entry[0].count, &count);
    near(count, 4 + 1);
    run_unit(w, w->t->stage[0].entry[1].count, &count);
    near(count, 1);
    close_world(w);
}

/* OTHER.optimizer takes groups too, and that of one who shares it himself; in a group as well. A parameter that the loss
 * does not reach stands still, its optimiser's values too: no step of stale momentum. */
static void optimisers_are_shared_and_rest(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
                         "  net(): {a: \"parameter([], 1)\", b: \"parameter([], 1)\", return: {both: a + b, one: a}}\n"
                         "  more(): {c: \"parameter([], 1)\", return: c}\n"
                         "players:\n"
                         "  net: {minimize: net().both, optimizer: {a: \"sgd(1, momentum=1)\", '*': \"sgd(2, momentum=1)\"}}\n"
                         "  same: {minimize: net().one, moves: net, optimizer: net.optimizer}\n"
                         "  again: {minimize: net().both, moves: \"parameters(net, 'b')\", optimizer: same.optimizer}\n"
                         "  mixed: {minimize: net().both + more(), moves: [net, more], optimizer: {net: plain.optimizer, 'm*': sgd(3)}}\n"
                         "  plain: {minimize: net().both, moves: net, optimizer: \"sgd(1, momentum=1)\"}\n"
                         "schedule: {steps: 1, each: [net, same, again, mixed, plain]}\n");
    turn(w, 0, true); /* m = 1 each */
    near(slot(w, "net/a")[0], 0);
    near(slot(w, "net/b")[0], -1);
    turn(w, 1, true); /* a's m = 2; b is not reached */
    near(slot(w, "net/a")[0], -2);
    near(slot(w, "net/b")[0], -1);
    near(slot(w, "@optimizer/net/net/b/m")[0], 1);
    turn(w, 2, true); /* b's m = 2, at net's rate */
    near(slot(w, "net/a")[0], -2);
    near(slot(w, "net/b")[0], -1 - 2 * 2);
    turn(w, 3, true);
    turn(w, 4, true); /* plain's running values, moved by `mixed` before */
    near(slot(w, "net/a")[0], -2 - 1 - 2);
    near(slot(w, "more/c")[0], 1 - 3);
    close_world(w);
}

/* ---- pitfalls (recipes.md 11.1) that cannot happen ---- */

/* Clipping touches parameters, never running statistics; a turn moves nothing of a network that it only uses; what two
 * networks share moves once a turn; an average is no network that nobody moves. */
static void pitfalls_do_not_happen(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
                         "  trunk(): {w: \"parameter([], 1)\", return: w}\n"
                         "  left(x): {v: \"parameter([], 1)\", return: x*v*trunk()}\n"
                         "  right(x): {v: \"parameter([], 1)\", return: x*v*trunk()}\n"
                         "  critic(x): [{batch_norm: {momentum: 0}}, {dense: {units: 1, init: 5}}]\n"
                         "  average(): {w: \"parameter([], 0)\", return: w}\n"
                         "players:\n"
                         "  both: {minimize: left(1) + right(1), moves: [left, right, trunk], optimizer: \"sgd(0.5, momentum=1)\",\n"
                         "         after: {parameters(average): parameters(trunk)}, log: {average: average()}}\n"
                         "  critic:\n"
                         "    minimize: \"mean(critic([[10.0], [30.0]]))*left(1)\"\n"
                         "    optimizer: sgd(0)\n"
                         "    after: clip_weights(critic, 0.5)\n"
                         "schedule: {steps: 1, each: [both, critic]}\n");
    assert_int_equal(w->t->diags->warnings, 0);
    turn(w, 0, true);
    near(slot(w, "trunk/w")[0], 1 - 0.5 * 2); /* one step along the whole gradient */
    near(slot(w, "@optimizer/both/trunk/w/m")[0], 2);
    near(slot(w, "average/w")[0], 0);
    double left = slot(w, "left/v")[0];
    turn(w, 1, true);
    near(slot(w, "critic/dense_1/weight")[0], 0.5);
    near(slot(w, "critic/batch_norm_1/running_mean")[0], 20);
    near(slot(w, "left/v")[0], left);
    close_world(w);
}

/* ---- the gradient penalty, as a user would write it ---- */

static void gradient_penalties(void **state) {
    (void)state;
    World *w = open_text("functions:\n"
                         "  penalty(f, real, fake):\n"
                         "    e: uniform(rows(real), 1)\n"
                         "    mix: e*real + (1 - e)*fake\n"
                         "    slope: norm(grad(f(mix), mix), axes=but_first)\n"
                         "    return: mean((slope - 1)^2)\n"
                         "networks:\n"
                         "  linear(x): [{dense: {units: 1, init: s -> 2*ones(s)}}]\n"
                         "  square(x): {a: \"parameter([2], [3, 4])\", return: \"sum(a*x^2, axes=[1])\"}\n"
                         "players:\n"
                         "  linear:\n"
                         "    minimize: penalty(linear, normal(5, 2), normal(5, 2))\n"
                         "    optimizer: sgd(0.1)\n"
                         "    log: {ours: \"gradient_penalty(linear, normal(5, 2), normal(5, 2))\"}\n"
                         "  square:\n"
                         "    x: \"[[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]*1\"\n"
                         "    minimize: penalty(square, x, x)\n"
                         "    optimizer: sgd(0.001)\n"
                         "    log: {ours: \"gradient_penalty(square, x, x)\"}\n"
                         "schedule: {steps: 1, each: [linear, square]}\n");
    turn(w, 0, true);
    double n = sqrt(8); /* the norm of the weights, whatever the points are */
    near(logged("linear.minimize"), (n - 1) * (n - 1));
    near(logged("linear.ours"), (n - 1) * (n - 1));
    near(slot(w, "linear/dense_1/weight")[0], 2 - 0.1 * 2 * (n - 1) * 2 / n);
    turn(w, 1, true);
    double s[3] = {6, 16, 10}, sum = 0; /* 2*(3*1, 0), 2*(0, 4*2), 2*(3, 4) */
    for (int i = 0; i < 3; i++) sum += (s[i] - 1) * (s[i] - 1) / 3;
    near(logged("square.minimize"), sum);
    near(logged("square.ours"), sum);
    double by_a = 2.0 / 3 * (5 * 2 + 0 + 9 * (2 * 6 / 10.0)); /* d|2ax|/da = 4*a*x^2/|2ax| */
    near(slot(w, "square/a")[0], 3 - 0.001 * by_a);
    close_world(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(running_values),
                                       cmocka_unit_test(batch_norm_twice),
                                       cmocka_unit_test(draws),
                                       cmocka_unit_test(one_after_the_other),
                                       cmocka_unit_test(together),
                                       cmocka_unit_test(parameters_after_a_step),
                                       cmocka_unit_test(modes_of_a_call),
                                       cmocka_unit_test(optimizers),
                                       cmocka_unit_test(rules_of_ones_own),
                                       cmocka_unit_test(a_gate_holds_everything),
        cmocka_unit_test(together_moves_what_is_ones_own),
        cmocka_unit_test(rates_and_counts_are_expressions),
        cmocka_unit_test(optimisers_are_shared_and_rest),
        cmocka_unit_test(pitfalls_do_not_happen),
        cmocka_unit_test(gradient_penalties)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
