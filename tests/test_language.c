/* The rules of the language, by values: small specs are compiled and their units run in double by the operators'
 * references, so that nothing here depends on planner, kernels or the trainer. A spec's iteration values are what is
 * looked at; turns are run in a made-up order and the slots compared with numbers worked out by hand. */
#include "parser/compile.h"
#include "exec/exec.h"
#include "base/str.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct {
    Arena *a;
    Training *t;
    double **slot;
} World;

/* ---- a spec, compiled and started -------------------------------------------------------------------------------------- */

static void run_unit(World *w, const Unit *u, double *results) {
    const Graph *g = u->graph;
    int n = w->t->slots->all.n;
    double **out = ARENA_ARRAY(w->a, double *, n), **value = ARENA_ARRAY(w->a, double *, g->node.n + 1);
    for (int i = 0; i < n; i++) out[i] = ARENA_ARRAY(w->a, double, shape_count(&w->t->slots->all.at[i].type.shape) + 1);
    for (int i = 0; i < n; i++) {
        size_t bytes = (size_t)shape_count(&w->t->slots->all.at[i].type.shape) * sizeof(double);
        memcpy(out[i], w->slot[i], bytes);
    }
    ref_run(g, 7, (const double *const *)w->slot, out, value, NULL, w->a);
    for (int i = 0; results && i < u->nresult; i++) results[i] = value[u->result[i]->id][0];
    w->slot = out;
}

static World *open_text(const char *text) {
    Arena *a = arena_new();
    char path[] = "/tmp/language-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    fputs(text, f);
    fclose(f);
    Diags *d = diags_new(a);
    World *w = ARENA_NEW(a, World);
    CompileOptions options = {.steps = 0};
    *w = (World){.a = a, .t = compile(path, &options, a, d)};
    if (!w->t) diags_print(d, stderr, false);
    unlink(path);
    assert_non_null(w->t);
    int n = w->t->slots->all.n;
    w->slot = ARENA_ARRAY(a, double *, n);
    for (int i = 0; i < n; i++) {
        const Slot *s = &w->t->slots->all.at[i];
        int64_t count = shape_count(&s->type.shape);
        w->slot[i] = ARENA_ARRAY(a, double, count + 1);
        for (int64_t k = 0; k < count; k++) w->slot[i][k] = s->init ? s->init[k] : s->fill;
    }
    run_unit(w, &w->t->init, NULL);
    for (int i = 0; i < w->t->nfixed; i++) run_unit(w, &w->t->fixed[i], NULL);
    return w;
}

static void close_world(World *w) {
    compile_close(w->t);
    arena_free(w->a);
}

static int slot_at(const World *w, const char *name) {
    int at = slot_find(w->t->slots, name);
    if (at < 0) print_error("there is no slot '%s'\n", name);
    assert_true(at >= 0);
    return at;
}

static const double *slot(const World *w, const char *name) { return w->slot[slot_at(w, name)]; }

static bool is_slot(const World *w, const char *name) { return slot_find(w->t->slots, name) >= 0; }

static void near(double x, double expected) {
    if (fabs(x - expected) <= 1e-6*(1 + fabs(expected))) return;
    print_error("%.9g, not %.9g\n", x, expected);
    fail();
}

/* ---- turns ---------------------------------------------------------------------------------------------------------------- */

static double results[64];                            /* of the newest turn */
static const Turn *last;

/* Entry `i` of the schedule, once; iteration values that it needs are made where `fresh` says so. */
static void turn(World *w, int i, bool fresh) {
    last = w->t->stage[0].entry[i].turn;
    for (int k = 0; fresh && k < last->unit.niteration; k++) run_unit(w, &w->t->iteration[last->unit.iteration[k]].unit, NULL);
    run_unit(w, &last->unit, results);
    for (int k = 0; k < last->nmove; k++) {
        const Player *p = &w->t->player[last->move[k].player];
        w->slot[p->turn_slot][0]++;
        w->slot[p->total_slot][0]++;
    }
}

static void step(World *w) {
    w->slot[w->t->step_slot][0]++;
    w->slot[w->t->total_step_slot][0]++;
}

static double logged(const char *name) {
    for (int i = 0; i < last->unit.nresult; i++)
        if (!strcmp(last->unit.result_name[i], name)) return results[i];
    print_error("'%s' is not logged\n", name);
    fail();
    return 0;
}

/* ---- expressions ------------------------------------------------------------------------------------------------------------ */

/* What is written, and what it is. Numbers alone would be lists on the right: adding 0 makes tensors of both. */
static const struct { const char *written, *is; } equal[] = {
    /* from loose to tight */
    {"-2^2", "-4.0"}, {"2^-1", "0.5"}, {"2^3^2", "512.0"}, {"2 + 3*4", "14"}, {"(2 + 3)*4", "20"}, {"10 - 3 - 2", "5"},
    {"-3 % 5", "2"}, {"5 % -3", "-1"}, {"7/2", "3.5"}, {"8/4", "2.0"}, {"1e-4*1.0e4", "1.0"}, {"pi > 3.14", "true"},
    {"if(not 1 > 2 and 2 >= 2, 1, 0)", "1"}, {"if(1 == 2 or 3 != 3, 1, 0)", "0"},
    /* only the side that is taken exists */
    {"if(true, 1, nowhere)", "1"}, {"if(1 > 2, nowhere(3), 4)", "4"}, {"if(true or nowhere, 1, 2)", "1"},
    {"if(false and nowhere, 1, 2)", "2"}, {"if([1, 2] > 1, [10, 20], 0)", "[0, 20]"},
    /* broadcasting */
    {"[[1, 2], [3, 4]]*[10, 100]", "[[10, 200], [30, 400]]"}, {"[1, 2, 3][:, new]*[1, 10][new]", "[[1, 10], [2, 20], [3, 30]]"},
    {"zeros(2, 1) + [[1, 2]]", "[[1.0, 2.0], [1.0, 2.0]]"}, {"[1, 2]*0.5", "[0.5, 1.0]"}, {"(3 > 2) + 1", "2"},
    /* matrices */
    {"[1.0, 2.0] @ [[1, 2], [3, 4]]", "[7.0, 10.0]"}, {"[[1.0, 2.0], [3.0, 4.0]] @ [1, 2]", "[5.0, 11.0]"},
    {"transpose([[1, 2], [3, 4]])", "[[1, 3], [2, 4]]"}, {"shape(ones(5, 2, 3) @ ones(3, 4))", "[5, 2, 4]"},
    /* reductions */
    {"sum([[1, 2], [3, 4]], axes=[0])", "[4, 6]"}, {"mean([[1, 2], [3, 4]], axes=[1], keep=true)", "[[1.5], [3.5]]"},
    {"sum([[1, 2], [3, 4]])", "10"}, {"mean([1, 2])", "1.5"}, {"variance([1, 3])", "1.0"}, {"std([1, 5])", "2.0"},
    {"max([1, 5, 3])", "5"}, {"max(2, [1, 5, 3])", "[2, 5, 3]"}, {"min([[1, 5], [7, 2]], axes=[-1])", "[1, 2]"},
    {"argmax([[1, 5], [7, 2]])", "[1, 0]"}, {"softmax([1, 1])", "[0.5, 0.5]"}, {"sum([1, 2, 3] > 1)", "2"},
    {"sum(ones(2, 3, 4), axes=but_first)", "[12.0, 12.0]"}, {"sum(ones(2, 3, 4), axes=but_last)", "6*ones(4)"},
    {"norm([3, 4])", "5.0"}, {"sort([3, 1, 2])", "[1, 2, 3]"}, {"one_hot([1, 0], 2)", "[[0.0, 1.0], [1.0, 0.0]]"},
    /* elements, slices, lists */
    {"[[1, 2], [3, 4]][0]", "[1, 2]"}, {"[[1, 2], [3, 4]][:, 1]", "[2, 4]"}, {"[1, 2, 3][-1]", "3"}, {"[1, 2, 3][0:2]", "[1, 2]"},
    {"(1.0*[1, 2, 3])[[2, 0]]", "[3.0, 1.0]"}, {"(1*[1, 2, 3, 4])[1:]", "[2, 3, 4]"}, {"shape(zeros(2, [3, 4]))", "[2, 3, 4]"},
    {"zeros(2, shape(ones(7, 3))[1:])", "zeros(2, 3)"}, {"last([1, 2, 3])", "3"}, {"rows(zeros(4, 2))", "4"}, {"length([1, 2])", "2"},
    {"append([1], 2)", "[1, 2]"}, {"reverse([1, 2, 3])", "[3, 2, 1]"}, {"map([1, 2], x -> x*10)", "[10, 20]"}, {"range(3)", "[0, 1, 2]"},
    {"concat([1, 2], [[3]], axis=0)", "[1, 2, 3]"}, {"concat(ones(2, 1), [zeros(2, 1)])", "[[1.0, 0.0], [1.0, 0.0]]"},
    {"shape(reshape(zeros(4, 6), [2, -1]))", "[4, 2, 3]"}, {"reshape(1*[1, 2, 3, 4], [2, 2], keep=0)", "[[1, 2], [3, 4]]"},
    {"scatter(zeros(3), [1, 1], [5.0, 7.0])", "[0.0, 7.0, 0.0]"}, {"ones(2, 3)[:, 0:2]", "ones(2, 2)"}, {"size(zeros(2, 3))", "6"},
    {"sum([[1, 2], [3, 4]] + 0, axes=[-2])", "[4, 6]"}, {"product([2, 3])", "6"}, {"range(2)[:, new]*[1, 2][new]", "[[0, 0], [1, 2]]"},
    /* functions */
    {"map([x -> x + 1, x -> x*2], f -> f(3))", "[4, 6]"}, {"given(2)", "6"}, {"given(2, b=1)", "3"}, {"averaged([1, 3])", "2.0"},
    {"shadowed()", "4"}, {"both(3).double", "6"}, {"both(3).half.of", "1.5"}, {"apply(x -> x^2, 3)", "9.0"}, {"apply(averaged, [1, 2])", "1.5"},
    {"outer(2)", "12"}, {"listed(1*[1, 2])", "[43.0, 83.0]"}, {"counted(0)", "6"}, {"chosen(1, true)", "2"}, {"chosen(1, false)", "11"},
    {"started()", "5"}, {"joined(ones(2, 1))", "[[1.0, 2.0], [1.0, 2.0]]"}, {"pairs(1)", "13"}, {"lazy(3)", "3"}, {"unrolled(4)", "[4, 5, 6]"},
    /* gradients */
    {"slope(x -> x^3, 2*ones(1))", "[12.0]"}, {"slope(x -> slope(y -> y^3, x), 2*ones(1))", "[12.0]"},
    {"slope(x -> slope(y -> slope(z -> z^4, y), x), 2*ones(1))", "[48.0]"},
    {"slope(abs, zeros(1))", "[0.0]"}, {"slope(sqrt, zeros(1))", "[0.0]"}, {"slope(norm, zeros(2))", "[0.0, 0.0]"},
    {"slope(relu, [-1, 0, 1]*ones(3))", "[0.0, 0.0, 1.0]"}, {"slope(x -> max(x, 0), zeros(1))", "[1.0]"},
    {"slope(x -> max(x), [2, 2]*ones(2))", "[1.0, 0.0]"}, {"slope(x -> clamp(x, 0, 1), [-1, 0, 1, 2]*ones(4))", "[0.0, 1.0, 1.0, 0.0]"},
    {"slope(x -> if(x > 0, log(x), 0), [0, 2]*ones(2))", "[0.0, 0.5]"}, {"slope(x -> floor(x) + sign(x), 0.3*ones(1))", "[0.0]"},
    {"slope(x -> slope(y -> if(y > 0, sqrt(y), 0), x), [0, 4]*ones(2))", "[0.0, -0.03125]"},
    {"slope(x -> stop_gradient(x)*x, 3*ones(1))", "[3.0]"}, {"slope(x -> softmax(x)[0], zeros(2))", "[0.25, -0.25]"},
    {"slope(x -> x[[0, 0]], [1, 2]*ones(2))", "[2.0, 0.0]"}, {"slope(x -> sort(x)*[1, 10], [5, 3]*ones(2))", "[10.0, 1.0]"},
};

static const char functions[] =
    "functions:\n"
    "  given(a, b=2*a): a + b\n"
    "  averaged(mean): mean(mean)\n"
    "  shadowed(): {width: width + 1, return: width}\n"
    "  both(x): {return: {double: 2*x, half: halved(x)}}\n"
    "  halved(x):\n    of: x/2\n    return: {of: of}\n"
    "  apply(f, x): f(x)\n"
    "  outer(x):\n    y: inner(2*x)\n    return: y + x\n"
    "  inner(y):\n    x: y + 1\n    return: x*2\n"
    "  listed(x): [x -> x*20, x -> x + 1, given: {b: 1}, \"x -> x*2.0 - 1\", x -> x]\n"
    "  counted(x):\n    - repeat: 3\n      layers: [x -> x + 1]\n    - for: n in [1, 2]\n      layers: [x -> x + n]\n"
    "  chosen(x, first):\n    - when: first\n      layers: [x -> 2*x]\n      otherwise: [x -> x + 10]\n"
    "  started(): [{input: 2 + 2}, x -> x + 1]\n"
    "  joined(x):\n    skip: 2*x\n    return: [x -> x, {concat: [skip]}]\n"
    "  pairs(x):\n    - for: (a, b) in [[1, 2], [3, 4]]\n      layers: [\"x -> x*a + b\"]\n"
    "  lazy(x):\n    never: nowhere(x)\n    return: if(true, x, never)\n"
    "  unrolled(x): \"map(range(3), i -> x + i)\"\n"
    "  slope(f, x): grad(f(x), x)\n"
    "vars: {width: 3}\n";

static const char player[] =
    "networks:\n  net(x): [{dense: 1}]\n"
    "players:\n  net: {minimize: \"mean(net(ones(1, 1)))\", optimizer: sgd(0.1)}\n"
    "schedule: {steps: 1, each: [net]}\n";

static void expressions(void **state) {
    (void)state;
    int n = (int)(sizeof equal / sizeof *equal);
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    fprintf(f, "%s%siteration:\n", functions, player);
    for (int i = 0; i < n; i++) fprintf(f, "  w%d: \"(%s) + 0\"\n  i%d: \"(%s) + 0\"\n", i, equal[i].written, i, equal[i].is);
    fclose(f);
    World *w = open_text(text);
    free(text);
    for (int i = 0; i < w->t->niteration; i++) run_unit(w, &w->t->iteration[i].unit, NULL);
    int wrong = 0;
    for (int i = 0; i < n; i++) {
        int x = slot_at(w, arena_printf(w->a, "@iteration/w%d", i)), z = slot_at(w, arena_printf(w->a, "@iteration/i%d", i));
        const Tensor *type = &w->t->slots->all.at[x].type, *other = &w->t->slots->all.at[z].type;
        bool same = tensor_equal(type, other);
        for (int64_t k = 0; same && k < shape_count(&type->shape); k++)
            same = fabs(w->slot[x][k] - w->slot[z][k]) <= 1e-6*(1 + fabs(w->slot[z][k]));
        if (same) continue;
        wrong++;
        print_error("%s is %s %s %.9g, not %s\n", equal[i].written, dtype_name(type->dtype), shape_show(&type->shape, w->a),
                    w->slot[x][0], equal[i].is);
    }
    close_world(w);
    assert_int_equal(wrong, 0);
}

/* ---- parameters and their names ------------------------------------------------------------------------------------------ */

static void names_of_parameters(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
                         "  net(x):\n"
                         "    - conv: {filters: 2, kernel: 3}\n"
                         "    - when: false\n"
                         "      layers: [{dense: 3}]\n"
                         "    - conv: {filters: 2, kernel: 1}\n"
                         "    - repeat: 2\n"
                         "      layers: [{dense: 4}, block]\n"
                         "    - dense: {units: 2, name: head}\n"
                         "    - owner\n"
                         "functions:\n"
                         "  block(x): [{dense: 2}, {dense: 3}]\n"
                         "  owner(x):\n"
                         "    gain: parameter([2], 1, kind='scale')\n"
                         "    return: x*gain + parameter([2], 0, name='offset') + added(x)\n"
                         "  added(x): x*parameter([2], s -> 1)\n"
                         "players:\n"
                         "  net: {minimize: \"mean(net(ones(1, 4, 4, 1)))\", optimizer: sgd(0.1), log: {n: \"size(parameters(net, kind='scale'))\",\n"
                         "        heads: \"size(parameters(net, 'head/*'))\", one: \"size(parameters(net, 'head/bias'))\"}}\n"
                         "schedule: {steps: 1, each: [net]}\n");
    static const char *const names[] = {"net/conv_1/weight", "net/conv_1/bias", "net/conv_2/weight", "net/1/dense_2/weight",
                                        "net/2/dense_2/bias", "net/1/block_1/dense_1/weight", "net/2/block_1/dense_2/weight",
                                        "net/head/weight", "net/owner_1/gain", "net/owner_1/offset",
                                        "net/owner_1/added_1/parameter_1", NULL};
    for (const char *const *n = names; *n; n++) slot_at(w, *n);
    assert_false(is_slot(w, "net/dense_1/weight"));   /* the branch is not taken, but its call is counted */
    turn(w, 0, true);
    near(logged("net.n"), 2);
    near(logged("net.heads"), 3*2 + 2);
    near(logged("net.one"), 2);
    close_world(w);
}

/* ---- running values ----------------------------------------------------------------------------------------------------------- */

/* Two calls in one turn: both read what was there at its start; then the values move in the order of the text, each from
 * what the one before left. Networks that the player does not move stand still, and calls with update=false. */
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
    assert_int_equal(w->t->slots->all.at[m].type.shape.rank, 1);      /* stretched to its next value's shape */
    assert_int_equal(w->t->slots->all.at[slot_at(w, "net/average_1/calls")].type.dtype, I32);
    turn(w, 0, true);
    near(logged("net.a"), 1);
    near(logged("net.one"), 1);
    near(logged("net.two"), 10);
    near(logged("net.first"), 2);
    near(w->slot[m][1], 0.5*(0.5*3) + 0.5*1);         /* `last` stands first in the text */
    near(slot(w, "net/average_1/calls")[0], 2);
    turn(w, 1, true);
    near(logged("other.seen"), 2);                    /* assignments are simultaneous: a is b's old value */
    near(w->slot[m][1], 1.25);
    turn(w, 0, true);
    near(logged("net.one"), 2);                       /* outside networks each call has a value of its own */
    near(logged("net.two"), 20);
    near(logged("net.a"), 2);
    near(logged("net.first"), 2 + 2*1.25);
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
    near(slot(w, "net/batch_norm_1/running_mean")[0], 0.75*(0.25*2) + 0.25*20);
    near(slot(w, "net/batch_norm_1/running_var")[0], 0.75*(0.75 + 0.25*1) + 0.25*100);
    close_world(w);
}

/* ---- randomness, iteration values, fixed values ------------------------------------------------------------------------------ */

static void draws(void **state) {
    (void)state;
    World *w = open_text("networks:\n  net(x): [{dense: 1}]\n"
                         "iteration: {z: \"normal(3)\", kept: \"fixed(normal(3))\"}\n"
                         "functions:\n  noise(): normal(3)\n"
                         "players:\n"
                         "  net: &player\n"
                         "    own: normal(3)\n"
                         "    minimize: \"mean(net(ones(1, 1)))\"\n"
                         "    moves: net\n"
                         "    optimizer: sgd(0)\n"
                         "    log: {shared: sum(z), kept: sum(kept), own: sum(own), again: sum(own), other: sum(normal(3)),\n"
                         "          one: sum(noise()), two: sum(noise())}\n"
                         "  twin: *player\n"
                         "schedule: {steps: 1, each: [net, twin]}\n");
    turn(w, 0, true);
    double shared = logged("net.shared"), kept = logged("net.kept"), own = logged("net.own"), one = logged("net.one");
    near(logged("net.again"), own);                   /* a local name is one draw */
    assert_true(logged("net.other") != own && logged("net.two") != one);        /* each written draw is its own */
    turn(w, 1, false);
    near(logged("twin.shared"), shared);              /* an iteration's values are the same for all its turns */
    assert_true(logged("twin.own") != own);
    turn(w, 0, false);
    assert_true(logged("net.own") != own);            /* new each turn */
    step(w);
    turn(w, 0, true);
    assert_true(logged("net.shared") != shared);
    near(logged("net.kept"), kept);
    close_world(w);
}

/* ---- turns: gates, together, latest values, what happens after ----------------------------------------------------------------- */

#define GAME                                                                                                             \
    "networks:\n"                                                                                                        \
    "  left(): {w: \"parameter([], 1)\", return: w}\n"                                                                   \
    "  right(): {w: \"parameter([], 2)\", return: w}\n"                                                                  \
    "players:\n"                                                                                                         \
    "  left: {minimize: left()*right(), optimizer: sgd(0.1)}\n"                                                          \
    "  right: {maximize: left()*right(), optimizer: sgd(0.1), when: step > 0, ten: right()*10,\n"                        \
    "          log: {seen: left.minimize, turn: turn}}\n"                                                                \
    "  look: {minimize: left(), moves: left, optimizer: sgd(0), log: {ten: right.ten}}\n"

static void one_after_the_other(void **state) {
    (void)state;
    World *w = open_text(GAME "schedule: {steps: 1, each: [left, right, look]}\n");
    step(w);
    turn(w, 2, true);
    near(logged("look.ten"), 0);                      /* before its first turn */
    turn(w, 0, true);
    near(slot(w, "left/w")[0], 1 - 0.1*2);
    turn(w, 1, true);
    near(slot(w, "right/w")[0], 2 + 0.1*0.8);
    near(logged("right.seen"), 2);
    turn(w, 2, true);
    near(logged("look.ten"), 20);                     /* the value of that turn, not what it would be now */
    close_world(w);
}

static void together(void **state) {
    (void)state;
    World *w = open_text(GAME "schedule: {steps: 1, each: [{together: [left, right]}, look]}\n");
    turn(w, 0, true);                                 /* step 0: the right one stands still, its turn counts */
    near(slot(w, "left/w")[0], 0.8);
    near(slot(w, "right/w")[0], 2);
    near(logged("right.maximize"), 2);
    near(logged("right.turn"), 0);
    near(logged("right.seen"), 0);                    /* a partner's value is that of the turn before */
    step(w);
    turn(w, 0, true);                                 /* both gradients are of the same values */
    near(slot(w, "left/w")[0], 0.8 - 0.1*2);
    near(slot(w, "right/w")[0], 2 + 0.1*0.8);
    near(logged("right.turn"), 1);
    near(logged("right.seen"), 2);
    close_world(w);
}

static void parameters_after_a_step(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
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
    for (int i = 0; i < 3; i++) near(slot(w, "net/w")[i], clipped[i]), near(slot(w, "copy/w")[i], followed[i]);
    near(slot(w, "net/old")[0], 3);                   /* a local name has the turn's value ... */
    near(slot(w, "net/new")[0], 0);                   /* ... a call written in `after` the new parameters */
    close_world(w);
}

static void modes_of_a_call(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
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
                         "          through: \"norm(grad(sum(net(ones(1), parameters=2*parameters(net))), parameters(net)))\"}\n"
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

/* ---- optimisers --------------------------------------------------------------------------------------------------------------- */

/* The gradient is g in every turn; one parameter, from 1. */
static World *optimized(Arena *a, const char *optimizer, double g) {
    return open_text(arena_printf(a, "networks:\n  net(): {w: \"parameter([], 1)\", return: w}\n"
                                     "players:\n  net: {minimize: %.9g*net(), optimizer: \"%s\"}\n"
                                     "schedule: {steps: 1, each: [net]}\n", g, optimizer));
}

static void optimizers(void **state) {
    (void)state;
    const double g = 0.3;
    Arena *a = arena_new();
    World *w = optimized(a, "sgd(0.1)", g);
    turn(w, 0, true);
    near(slot(w, "net/w")[0], 1 - 0.1*g);
    close_world(w);
    w = optimized(a, "sgd(0.1, momentum=0.5)", g);
    for (int i = 0; i < 3; i++) turn(w, 0, true);
    near(slot(w, "net/w")[0], 1 - 0.1*g*(1 + 1.5 + 1.75));
    close_world(w);
    w = optimized(a, "sgd(0.1, momentum=0.5, nesterov=true)", g);
    for (int i = 0; i < 2; i++) turn(w, 0, true);
    near(slot(w, "net/w")[0], 1 - 0.1*g*(1.5 + 1.75));
    close_world(w);
    w = optimized(a, "rmsprop(0.01, decay=0.9, eps=1e-3)", g);
    for (int i = 0; i < 2; i++) turn(w, 0, true);
    double v1 = 0.1*g*g, v2 = 0.9*v1 + 0.1*g*g;
    near(slot(w, "net/w")[0], 1 - 0.01*g/(sqrt(v1) + 1e-3) - 0.01*g/(sqrt(v2) + 1e-3));
    close_world(w);
    w = optimized(a, "adam(0.01, b1=0.5, b2=0.9, eps=1e-3, decay=0.1)", g);
    double p = 1, m = 0, v = 0;
    for (int t = 1; t <= 3; t++) {
        double h = g + 0.1*p;
        m = 0.5*m + 0.5*h;
        v = 0.9*v + 0.1*h*h;
        p -= 0.01*m/(1 - pow(0.5, t))/(sqrt(v/(1 - pow(0.9, t))) + 1e-3);
        turn(w, 0, true);
        near(slot(w, "net/w")[0], p);
    }
    close_world(w);
    arena_free(a);
}

/* A rule of one's own reads top to bottom; two groups; a clip of all gradients; another player's running values. */
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
                         "  short: {minimize: net(), moves: net, clip: \"g -> g*min(1, 1/norm(g))\", optimizer: \"sgd(10, momentum=1)\"}\n"
                         "  same: {minimize: net(), moves: net, optimizer: short.optimizer}\n"
                         "schedule: {steps: 1, each: [net, short, same]}\n");
    turn(w, 0, true);
    near(slot(w, "net/a")[0], 1 - 3*(10*1 + 2));
    near(slot(w, "net/b")[0], 1 - 4);
    turn(w, 0, true);
    near(slot(w, "net/a")[0], 1 - 36 - 3*(10*2 + 3));
    turn(w, 1, true);
    near(slot(w, "net/b")[0], 1 - 8 - 10*0.8);
    turn(w, 2, true);
    near(slot(w, "net/b")[0], 1 - 8 - 8 - 10*(0.8 + 4));
    close_world(w);
}

/* ---- the gradient penalty, as a user would write it ---------------------------------------------------------------------------- */

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
    double n = sqrt(8);                               /* the norm of the weights, whatever the points are */
    near(logged("linear.minimize"), (n - 1)*(n - 1));
    near(logged("linear.ours"), (n - 1)*(n - 1));
    near(slot(w, "linear/dense_1/weight")[0], 2 - 0.1*2*(n - 1)*2/n);
    turn(w, 1, true);
    double s[3] = {6, 16, 10}, sum = 0;               /* 2*(3*1, 0), 2*(0, 4*2), 2*(3, 4) */
    for (int i = 0; i < 3; i++) sum += (s[i] - 1)*(s[i] - 1)/3;
    near(logged("square.minimize"), sum);
    near(logged("square.ours"), sum);
    double by_a = 2.0/3*(5*2 + 0 + 9*(2*6/10.0));     /* d|2ax|/da = 4*a*x^2/|2ax| */
    near(slot(w, "square/a")[0], 3 - 0.001*by_a);
    close_world(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions), cmocka_unit_test(names_of_parameters), cmocka_unit_test(running_values),
        cmocka_unit_test(batch_norm_twice), cmocka_unit_test(draws), cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(together), cmocka_unit_test(parameters_after_a_step), cmocka_unit_test(modes_of_a_call),
        cmocka_unit_test(optimizers), cmocka_unit_test(rules_of_ones_own), cmocka_unit_test(gradient_penalties)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
