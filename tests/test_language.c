/* The rules of the language, by values: what expressions, functions, layer lists, gradients and names come
 * to. A spec's iteration values are what is looked at. */
#include "world.h"

/* ---- expressions ---- */

/* What is written, and what it is. Numbers alone would be lists on the right: adding 0 makes tensors of both.
 */
static const struct {
    const char *written, *is;
} equal[] = {
    /* from loose to tight */
    {"-2^2", "-4.0"},
    {"2^-1", "0.5"},
    {"2^3^2", "512.0"},
    {"2 + 3*4", "14"},
    {"(2 + 3)*4", "20"},
    {"10 - 3 - 2", "5"},
    {"-3 % 5", "2"},
    {"5 % -3", "-1"},
    {"7/2", "3.5"},
    {"8/4", "2.0"},
    {"1e-4*1.0e4", "1.0"},
    {"pi > 3.14", "true"},
    {"if(not 1 > 2 and 2 >= 2, 1, 0)", "1"},
    {"if(1 == 2 or 3 != 3, 1, 0)", "0"},
    /* only the side that is taken exists */
    {"if(true, 1, nowhere)", "1"},
    {"if(1 > 2, nowhere(3), 4)", "4"},
    {"if(true or nowhere, 1, 2)", "1"},
    {"if(false and nowhere, 1, 2)", "2"},
    {"if([1, 2] > 1, [10, 20], 0)", "[0, 20]"},
    /* broadcasting */
    {"[[1, 2], [3, 4]]*[10, 100]", "[[10, 200], [30, 400]]"},
    {"[1, 2, 3][:, new]*[1, 10][new]", "[[1, 10], [2, 20], [3, 30]]"},
    {"zeros(2, 1) + [[1, 2]]", "[[1.0, 2.0], [1.0, 2.0]]"},
    {"[1, 2]*0.5", "[0.5, 1.0]"},
    {"(3 > 2) + 1", "2"},
    /* matrices */
    {"[1.0, 2.0] @ [[1, 2], [3, 4]]", "[7.0, 10.0]"},
    {"[[1.0, 2.0], [3.0, 4.0]] @ [1, 2]", "[5.0, 11.0]"},
    {"transpose([[1, 2], [3, 4]])", "[[1, 3], [2, 4]]"},
    {"shape(ones(5, 2, 3) @ ones(3, 4))", "[5, 2, 4]"},
    /* reductions */
    {"sum([[1, 2], [3, 4]], axes=[0])", "[4, 6]"},
    {"mean([[1, 2], [3, 4]], axes=[1], keep=true)", "[[1.5], [3.5]]"},
    {"sum([[1, 2], [3, 4]])", "10"},
    {"mean([1, 2])", "1.5"},
    {"variance([1, 3])", "1.0"},
    {"std([1, 5])", "2.0"},
    {"max([1, 5, 3])", "5"},
    {"max(2, [1, 5, 3])", "[2, 5, 3]"},
    {"min([[1, 5], [7, 2]], axes=[-1])", "[1, 2]"},
    {"argmax([[1, 5], [7, 2]])", "[1, 0]"},
    {"softmax([1, 1])", "[0.5, 0.5]"},
    {"sum([1, 2, 3] > 1)", "2"},
    {"sum(ones(2, 3, 4), axes=but_first)", "[12.0, 12.0]"},
    {"sum(ones(2, 3, 4), axes=but_last)", "6*ones(4)"},
    {"norm([3, 4])", "5.0"},
    {"sort([3, 1, 2])", "[1, 2, 3]"},
    {"one_hot([1, 0], 2)", "[[0.0, 1.0], [1.0, 0.0]]"},
    /* elements, slices, lists */
    {"[[1, 2], [3, 4]][0]", "[1, 2]"},
    {"[[1, 2], [3, 4]][:, 1]", "[2, 4]"},
    {"[1, 2, 3][-1]", "3"},
    {"[1, 2, 3][0:2]", "[1, 2]"},
    {"(1.0*[1, 2, 3])[[2, 0]]", "[3.0, 1.0]"},
    {"(1*[1, 2, 3, 4])[1:]", "[2, 3, 4]"},
    {"shape(zeros(2, [3, 4]))", "[2, 3, 4]"},
    {"zeros(2, shape(ones(7, 3))[1:])", "zeros(2, 3)"},
    {"last([1, 2, 3])", "3"},
    {"rows(zeros(4, 2))", "4"},
    {"length([1, 2])", "2"},
    {"append([1], 2)", "[1, 2]"},
    {"reverse([1, 2, 3])", "[3, 2, 1]"},
    {"map([1, 2], x -> x*10)", "[10, 20]"},
    {"range(3)", "[0, 1, 2]"},
    {"concat([1, 2], [[3]], axis=0)", "[1, 2, 3]"},
    {"concat(ones(2, 1), [zeros(2, 1)])", "[[1.0, 0.0], [1.0, 0.0]]"},
    {"shape(reshape(zeros(4, 6), [2, -1]))", "[4, 2, 3]"},
    {"reshape(1*[1, 2, 3, 4], [2, 2], keep=0)", "[[1, 2], [3, 4]]"},
    {"scatter(zeros(3), [1, 1], [5.0, 7.0])", "[0.0, 7.0, 0.0]"},
    {"ones(2, 3)[:, 0:2]", "ones(2, 2)"},
    {"size(zeros(2, 3))", "6"},
    {"sum([[1, 2], [3, 4]] + 0, axes=[-2])", "[4, 6]"},
    {"product([2, 3])", "6"},
    {"range(2)[:, new]*[1, 2][new]", "[[0, 0], [1, 2]]"},
    /* functions */
    {"map([x -> x + 1, x -> x*2], f -> f(3))", "[4, 6]"},
    {"given(2)", "6"},
    {"given(2, b=1)", "3"},
    {"averaged([1, 3])", "2.0"},
    {"shadowed()", "4"},
    {"both(3).double", "6"},
    {"both(3).half.of", "1.5"},
    {"apply(x -> x^2, 3)", "9.0"},
    {"apply(averaged, [1, 2])", "1.5"},
    {"outer(2)", "12"},
    {"listed(1*[1, 2])", "[43.0, 83.0]"},
    {"counted(0)", "6"},
    {"chosen(1, true)", "2"},
    {"chosen(1, false)", "11"},
    {"started()", "5"},
    {"joined(ones(2, 1))", "[[1.0, 2.0], [1.0, 2.0]]"},
    {"pairs(1)", "13"},
    {"lazy(3)", "3"},
    {"unrolled(4)", "[4, 5, 6]"},
    /* gradients */
    {"slope(x -> x^3, 2*ones(1))", "[12.0]"},
    {"slope(x -> slope(y -> y^3, x), 2*ones(1))", "[12.0]"},
    {"slope(x -> slope(y -> slope(z -> z^4, y), x), 2*ones(1))", "[48.0]"},
    {"slope(abs, zeros(1))", "[0.0]"},
    {"slope(sqrt, zeros(1))", "[0.0]"},
    {"slope(norm, zeros(2))", "[0.0, 0.0]"},
    {"slope(relu, [-1, 0, 1]*ones(3))", "[0.0, 0.0, 1.0]"},
    {"slope(x -> max(x, 0), zeros(1))", "[1.0]"},
    {"slope(x -> max(x), [2, 2]*ones(2))", "[1.0, 0.0]"},
    {"slope(x -> clamp(x, 0, 1), [-1, 0, 1, 2]*ones(4))", "[0.0, 1.0, 1.0, 0.0]"},
    {"slope(x -> if(x > 0, log(x), 0), [0, 2]*ones(2))", "[0.0, 0.5]"},
    {"slope(x -> floor(x) + sign(x), 0.3*ones(1))", "[0.0]"},
    {"slope(x -> slope(y -> if(y > 0, sqrt(y), 0), x), [0, 4]*ones(2))", "[0.0, -0.03125]"},
    {"slope(x -> stop_gradient(x)*x, 3*ones(1))", "[3.0]"},
    {"slope(x -> softmax(x)[0], zeros(2))", "[0.25, -0.25]"},
    {"slope(x -> x[[0, 0]], [1, 2]*ones(2))", "[2.0, 0.0]"},
    {"slope(x -> sort(x)*[1, 10], [5, 3]*ones(2))", "[10.0, 1.0]"},
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
    "  counted(x):\n    - repeat: 3\n      layers: [x -> x + 1]\n    - for: n in [1, 2]\n      layers: [x -> "
    "x + n]\n"
    "  chosen(x, first):\n    - when: first\n      layers: [x -> 2*x]\n      otherwise: [x -> x + 10]\n"
    "  started(): [{input: 2 + 2}, x -> x + 1]\n"
    "  joined(x):\n    skip: 2*x\n    return: [x -> x, {concat: [skip]}]\n"
    "  pairs(x):\n    - for: (a, b) in [[1, 2], [3, 4]]\n      layers: [\"x -> x*a + b\"]\n"
    "  lazy(x):\n    never: nowhere(x)\n    return: if(true, x, never)\n"
    "  unrolled(x): \"map(range(3), i -> x + i)\"\n"
    "  slope(f, x): grad(f(x), x)\n"
    "vars: {width: 3}\n";

static const char player[] = "networks:\n  net(x): [{dense: 1}]\n"
                             "players:\n  net: {minimize: \"mean(net(ones(1, 1)))\", optimizer: sgd(0.1)}\n"
                             "schedule: {steps: 1, each: [net]}\n";

static void expressions(void **state) {
    (void)state;
    int n = (int)(sizeof equal / sizeof *equal);
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    fprintf(f, "%s%siteration:\n", functions, player);
    for (int i = 0; i < n; i++)
        fprintf(f, "  w%d: \"(%s) + 0\"\n  i%d: \"(%s) + 0\"\n", i, equal[i].written, i, equal[i].is);
    fclose(f);
    World *w = open_text(text);
    free(text);
    for (int i = 0; i < w->t->niteration; i++) run_unit(w, &w->t->iteration[i].unit, NULL);
    int wrong = 0;
    for (int i = 0; i < n; i++) {
        int x = slot_at(w, arena_printf(w->a, "@iteration/w%d", i)),
            z = slot_at(w, arena_printf(w->a, "@iteration/i%d", i));
        const Tensor *type = &w->t->slots->all.at[x].type, *other = &w->t->slots->all.at[z].type;
        bool same = tensor_equal(type, other);
        for (int64_t k = 0; same && k < shape_count(&type->shape); k++)
            same = fabs(w->slot[x][k] - w->slot[z][k]) <= 1e-6 * (1 + fabs(w->slot[z][k]));
        if (same) continue;
        wrong++;
        print_error("%s is %s %s %.9g, not %s\n", equal[i].written, dtype_name(type->dtype),
                    shape_show(&type->shape, w->a), w->slot[x][0], equal[i].is);
    }
    close_world(w);
    assert_int_equal(wrong, 0);
}

/* ---- parameters and their names ---- */

static void names_of_parameters(void **state) {
    (void)state;
    World *w = open_text(
        "networks:\n"
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
        "  net: {minimize: \"mean(net(ones(1, 4, 4, 1)))\", optimizer: sgd(0.1), log: {n: "
        "\"size(parameters(net, kind='scale'))\",\n"
        "        heads: \"size(parameters(net, 'head/*'))\", one: \"size(parameters(net, 'head/bias'))\"}}\n"
        "schedule: {steps: 1, each: [net]}\n");
    static const char *const names[] = {"net/conv_1/weight",
                                        "net/conv_1/bias",
                                        "net/conv_2/weight",
                                        "net/1/dense_2/weight",
                                        "net/2/dense_2/bias",
                                        "net/1/block_1/dense_1/weight",
                                        "net/2/block_1/dense_2/weight",
                                        "net/head/weight",
                                        "net/owner_1/gain",
                                        "net/owner_1/offset",
                                        "net/owner_1/added_1/parameter_1",
                                        NULL};
    for (const char *const *n = names; *n; n++) slot_at(w, *n);
    assert_false(is_slot(w, "net/dense_1/weight")); /* the branch is not taken, but its call is counted */
    turn(w, 0, true);
    near(logged("net.n"), 2);
    near(logged("net.heads"), 3 * 2 + 2);
    near(logged("net.one"), 2);
    close_world(w);
}

static void shapes_of_layers(void **state) {
    (void)state;
    static const struct {
        const char *layer;
        int64_t shape[4];
    } layers[] = {{"conv: {filters: 2, kernel: 3}", {1, 5, 5, 2}},
                  {"conv: {filters: 2, kernel: 3, stride: 2}", {1, 3, 3, 2}},
                  {"conv: {filters: 2, kernel: 3, padding: valid}", {1, 3, 3, 2}},
                  {"conv: {filters: 2, kernel: 3, padding: 2}", {1, 7, 7, 2}},
                  {"conv: {filters: 2, kernel: 2, padding: [1, 0, 2, 0]}", {1, 5, 6, 2}},
                  {"conv_transpose: {filters: 2, kernel: 3, stride: 2}", {1, 10, 10, 2}},
                  {"conv_transpose: {filters: 2, kernel: 3, stride: 2, padding: valid}", {1, 11, 11, 2}},
                  {"conv_transpose: {filters: 2, kernel: 3, stride: 2, padding: 1}", {1, 9, 9, 2}},
                  {"pad: {size: 1, left: 3}", {1, 7, 9, 3}},
                  {"upsample: 2", {1, 10, 10, 3}},
                  {"dense: 4", {1, 5, 5, 4}},
                  {"batch_norm", {1, 5, 5, 3}},
                  {"layer_norm", {1, 5, 5, 3}},
                  {"instance_norm", {1, 5, 5, 3}},
                  {"dropout: 0.5", {1, 5, 5, 3}},
                  {"flatten", {1, 75, 0, 0}},
                  {"reshape: [15, -1]", {1, 15, 5, 0}}};
    int n = (int)(sizeof layers / sizeof *layers);
    size_t size = 0;
    char *spec = NULL;
    FILE *f = open_memstream(&spec, &size);
    fprintf(f, "networks:\n  net(x): [{dense: 1}]\n");
    for (int i = 0; i < n; i++) {
        bool call = strchr(layers[i].layer, ':');
        fprintf(f, "  layer_%d(x): [%s%s%s]\n", i, call ? "{" : "", layers[i].layer, call ? "}" : "");
    }
    fprintf(f, "iteration:\n");
    for (int i = 0; i < n; i++) fprintf(f, "  y%d: \"layer_%d(ones(1, 5, 5, 3))\"\n", i, i);
    fputs(strstr(player, "players:"), f);
    fclose(f);
    World *w = open_text(spec);
    free(spec);
    for (int i = 0; i < n; i++) {
        const Shape *s = &w->t->slots->all.at[slot_at(w, arena_printf(w->a, "@iteration/y%d", i))].type.shape;
        for (int k = 0; k < 4; k++)
            if ((k < s->rank ? s->dim[k] : 0) != layers[i].shape[k]) {
                print_error("%s gives %s\n", layers[i].layer, shape_show(s, w->a));
                fail();
            }
    }
    close_world(w);
}

/* One padding pixel more at the bottom and at the right; zeros around; the nearest; what is held at its mean.
 */
static void values_of_layers(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
                         "  net(x): [{dense: 1}]\n"
                         "  corner(x): [{conv: {filters: 1, kernel: 2, init: 1}}]\n"
                         "  normed(x): [layer_norm]\n"
                         "functions:\n  square(): \"reshape(1.0*range(4), [1, 2, 2, 1], keep=0)\"\n"
                         "iteration:\n"
                         "  edge: corner(square())\n"
                         "  up: \"upsample(square(), 2)[0, 1, :, 0]\"\n"
                         "  padded: \"sum(pad(square(), top=1)[0, 0])\"\n"
                         "  normal: \"mean(normed(square())^2)\"\n"
                         "  entropy: \"cross_entropy([[0, 0], [0, 0]] + 0.0, 1)\"\n"
                         "  logits: \"bce(zeros(2), [0, 1])\"\n"
                         "  kept: \"mean(dropout(ones(1000), 0.5)) > 0.8\"\n"
                         "players:\n  net: {minimize: \"mean(net(ones(1, 1)))\", optimizer: sgd(0.1)}\n"
                         "schedule: {steps: 1, each: [net]}\n");
    for (int i = 0; i < w->t->niteration; i++) run_unit(w, &w->t->iteration[i].unit, NULL);
    static const double edge[] = {6, 4, 5, 3}, up[] = {0, 0, 1, 1};
    for (int i = 0; i < 4; i++)
        near(slot(w, "@iteration/edge")[i], edge[i]), near(slot(w, "@iteration/up")[i], up[i]);
    near(slot(w, "@iteration/padded")[0], 0);
    assert_true(fabs(slot(w, "@iteration/normal")[0] - 1) < 1e-4);
    near(slot(w, "@iteration/entropy")[1], log(2));
    near(slot(w, "@iteration/logits")[1], log(2));
    near(slot(w, "@iteration/kept")[0], 1);
    close_world(w);
}

static void collections(void **state) {
    (void)state;
    World *w =
        open_text("networks:\n"
                  "  net(x): [{dense: {units: 1, init: 2, bias_init: 5}}, inner]\n"
                  "  twin(x): [{dense: {units: 1, init: 3, bias_init: 7}}, inner]\n"
                  "  inner(x): {w: \"parameter([2], [3, 4])\", return: \"x*w[new]\"}\n"
                  "functions:\n  add(a, b): a + b\n"
                  "players:\n"
                  "  net:\n"
                  "    all: parameters(net)\n"
                  "    both: \"parameters([net, twin])\"\n"
                  "    y: \"mean(net(ones(1, 1))) + mean(twin(ones(1, 1)))\"\n"
                  "    slope: grad(y, all)\n"
                  "    minimize: y\n"
                  "    optimizer: sgd(0)\n"
                  "    log: {sum: sum(all), mean: mean(all), max: max(all), norm: norm(all), size: "
                  "size(all), union: size(both),\n"
                  "          twice: sum(2*all + all), square: sum(all^2), weights: \"sum(parameters(net, "
                  "kind='weight'))\",\n"
                  "          added: \"sum(add(parameters(net, 'dense_*'), parameters(twin, 'dense_*')))\",\n"
                  "          slope: sum(slope), one: \"sum(parameters(net, 'dense_1/bias'))\"}\n"
                  "schedule: {steps: 1, each: [net]}\n");
    turn(w, 0, true);
    near(logged("net.sum"), 2 + 5 + 3 + 4);
    near(logged("net.mean"), 14 / 4.0);
    near(logged("net.max"), 5);
    near(logged("net.norm"), sqrt(4 + 25 + 9 + 16));
    near(logged("net.size"), 4);
    near(logged("net.union"), 6); /* the network that both call, once */
    near(logged("net.twice"), 42);
    near(logged("net.square"), 54);
    near(logged("net.weights"), 2 + 3 + 4);
    near(logged("net.added"), 2 + 5 + 3 + 7);
    near(logged("net.one"), 5);
    near(logged("net.slope"), 3.5 + 3.5 + (7 + 10) / 2.0 * 2);
    close_world(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(expressions), cmocka_unit_test(names_of_parameters),
                                       cmocka_unit_test(shapes_of_layers), cmocka_unit_test(values_of_layers),
                                       cmocka_unit_test(collections)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
