/* Running values by themselves: pools outside networks, types and shapes, gates, the order of what happens after. */
#include "world.h"

/* ---- a pool of earlier images (CycleGAN), written in the language ---- */

enum { POOL = 50, BATCH = 5, TURNS = 40 };

static const char pool_spec[] =
    "functions:\n"
    "  replay(x, size=50):\n"
    "    state: {pool: \"zeros(size, shape(x)[1:])\", seen: 0}\n"
    "    full: seen >= size\n"
    "    slots: if(full, permutation(size)[0:rows(x)], (seen + range(rows(x))) % size)\n"
    "    swap: full and bernoulli(0.5, [rows(x), 1, 1, 1])\n"
    "    return: if(swap, pool[slots], x)\n"
    "    after:\n"
    "      pool: scatter(pool, slots, if(swap or not full, x, pool[slots]))\n"
    "      seen: seen + rows(x)\n"
    "networks:\n  net(x): [{dense: {units: 1, init: 1}}]\n"
    "players:\n"
    "  net:\n"
    "    x: \"reshape(1.0*(turn*5 + range(5) + 1), [5, 1, 1, 1], keep=0)\"\n"
    "    old: replay(x)\n"
    "    minimize: mean(net(old))\n"
    "    optimizer: sgd(0)\n"
    "    log: {v0: \"old[0, 0, 0, 0]\", v1: \"old[1, 0, 0, 0]\", v2: \"old[2, 0, 0, 0]\", v3: \"old[3, 0, 0, 0]\",\n"
    "          v4: \"old[4, 0, 0, 0]\"}\n"
    "schedule: {steps: 1, each: [net]}\n";

/* While it fills, what goes in comes out. Then each that comes out is the new one, or one of the pool whose place the
 * new one takes: nothing is lost and nothing doubled. */
static void replay_pool(void **state) {
    (void)state;
    World *w = open_text(pool_spec);
    int pool = slot_at(w, "net/replay_1/pool"), swapped = 0;
    assert_int_equal(w->t->slots->all.at[pool].type.shape.dim[0], POOL);
    for (int t = 0; t < TURNS; t++) {
        double before[POOL];
        memcpy(before, w->slot[pool], sizeof before);
        turn(w, 0, true);
        for (int i = 0; i < BATCH; i++) {
            static const char *const names[] = {"net.v0", "net.v1", "net.v2", "net.v3", "net.v4"};
            double in = t*BATCH + i + 1, out = logged(names[i]);
            int old = -1, new = -1;
            for (int k = 0; k < POOL; k++) {
                if (before[k] == out) old = k;
                if (w->slot[pool][k] == in) new = k;
            }
            if (t*BATCH < POOL) {
                near(out, in);
                near(new, t*BATCH + i);
            } else if (out == in) {
                near(new, -1);                        /* it passed */
            } else {
                assert_true(old >= 0 && old == new);
                swapped++;
            }
        }
    }
    near(slot(w, "net/replay_1/seen")[0], TURNS*BATCH);
    int chances = (TURNS - POOL/BATCH)*BATCH;
    assert_true(swapped > chances/3 && swapped < 2*chances/3);
    close_world(w);
}

/* ---- types and shapes: those of the next value, to which the initial one is stretched ---- */

static void types(void **state) {
    (void)state;
    World *w = open_text("functions:\n"
                         "  kept(x):\n"
                         "    state: {mean: 0, count: 0, flag: false, pair: \"[0, 0]\", both: {a: 1, b: 2}, last: zeros(2), ints: 7}\n"
                         "    return: x + mean\n"
                         "    after:\n"
                         "      mean: 0.9*mean + 0.1*x\n"
                         "      count: count + 1\n"
                         "      flag: not flag\n"
                         "      pair: pair + x[0, 0]\n"
                         "      both: {a: \"both.b\", b: both.a + 0.5}\n"
                         "      last: x[0]\n"
                         "networks:\n  net(x): [{dense: {units: 1, init: 1}}]\n"
                         "players:\n"
                         "  net: {minimize: \"mean(net(kept(3*ones(4, 2))))\", optimizer: sgd(0)}\n"
                         "schedule: {steps: 1, each: [net]}\n");
    static const struct {
        const char *name;
        DType dtype;
        int rank;
        double after[2];                              /* one turn and two */
    } slots[] = {{"mean", F32, 2, {0.3, 0.57}}, {"count", I32, 0, {1, 2}}, {"flag", U8, 0, {1, 0}}, {"pair", F32, 1, {3, 6}},
                 {"both/a", F32, 0, {2, 1.5}}, {"both/b", F32, 0, {1.5, 2.5}}, {"last", F32, 1, {3, 3}}, {"ints", I32, 0, {7, 7}}};
    for (int t = 0; t < 2; t++) {
        turn(w, 0, true);
        for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
            int at = slot_at(w, arena_printf(w->a, "net/kept_1/%s", slots[i].name));
            const Tensor *type = &w->t->slots->all.at[at].type;
            if (type->dtype != slots[i].dtype || type->shape.rank != slots[i].rank || fabs(w->slot[at][0] - slots[i].after[t]) > 1e-6)
                print_error("%s is %s %s %g\n", slots[i].name, dtype_name(type->dtype), shape_show(&type->shape, w->a), w->slot[at][0]);
            assert_int_equal(type->dtype, slots[i].dtype);
            assert_int_equal(type->shape.rank, slots[i].rank);
            near(w->slot[at][0], slots[i].after[t]);
        }
    }
    close_world(w);
}

/* ---- gates: a player that stands still moves nothing, whatever `after` says ---- */

static void gates(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
                         "  net(x): [{dense: {units: 1, init: 1, bias: false}}]\n"
                         "  other(x): [{dense: {units: 1, init: 5, bias: false}}]\n"
                         "functions:\n"
                         "  count(x):\n    state: {n: 0}\n    return: x\n    after: {n: n + 1}\n"
                         "players:\n"
                         "  net:\n"
                         "    state: {flag: 0, ema: parameters(net)}\n"
                         "    minimize: mean(count(net(ones(1, 1)) + other(ones(1, 1))))\n"
                         "    optimizer: sgd(1)\n"
                         "    when: turn == 1\n"
                         "    after:\n"
                         "      flag: 1\n"
                         "      ema: 0.5*ema + 0.5*parameters(net)\n"
                         "      parameters(other): 2*parameters(other)\n"
                         "schedule: {steps: 1, each: [net]}\n");
    static const double expected[3][5] = {{1, 0, 1, 5, 0}, {0, 1, 0.5, 10, 1}, {0, 1, 0.5, 10, 1}};
    for (int t = 0; t < 3; t++) {
        turn(w, 0, true);
        near(slot(w, "net/dense_1/weight")[0], expected[t][0]);
        near(slot(w, "net/flag")[0], expected[t][1]);
        near(slot(w, "net/ema/net/dense_1/weight")[0], expected[t][2]);
        near(slot(w, "other/dense_1/weight")[0], expected[t][3]);
        near(slot(w, "net/count_1/n")[0], expected[t][4]);
    }
    close_world(w);
}

/* ---- the order of the text, through repeated lists, `map` and small functions ---- */

static void order_of_copies(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
                         "  net(x): [digit, {dense: {units: 1, init: 1}}]\n"
                         "  digits(x): [digit, \"x -> x*parameter([1], 1)\"]\n"
                         "functions:\n"
                         "  digit(x):\n    state: {seen: 0}\n    return: x\n    after: {seen: 10*seen + max(x)}\n"
                         "  apply(f, x): {first: digits(x), return: f(x + 1) + first}\n"
                         "players:\n"
                         "  net:\n"
                         "    late: digits(9*ones(1, 1))\n"
                         "    all: \"map([1, 2], i -> digits(i*ones(1, 1)) + digits((i + 2)*ones(1, 1)))\"\n"
                         "    apart: apply(x -> digits(x), 5*ones(1, 1))\n"
                         "    minimize: mean(net(all[1] + all[0] + apart + late))\n"
                         "    moves: [net, digits]\n"
                         "    optimizer: sgd(0)\n"
                         "schedule: {steps: 1, each: [net]}\n");
    turn(w, 0, true);
    near(slot(w, "digits/digit_1/seen")[0], 9132456);  /* late, then both calls of each copy, then apply's */
    close_world(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(replay_pool), cmocka_unit_test(types), cmocka_unit_test(gates),
                                       cmocka_unit_test(order_of_copies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
