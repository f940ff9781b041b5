/* The rules of the language, by values: names, shapes and values of layers, collections. A spec's iteration
 * values are what is looked at. */
#include "world.h"

static const char player[] = "networks:\n  net(x): [{dense: 1}]\n"
                             "players:\n  net: {minimize: \"mean(net(ones(1, 1)))\", optimizer: sgd(0.1)}\n"
                             "schedule: {steps: 1, each: [net]}\n";

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

/* Copies have parameters and draws of their own, also where what is copied is a small function from outside, a name that is
 * handed on, or a function that an expression gives. */
static void places_of_copies(void **state) {
    (void)state;
    World *w = open_text("networks:\n"
                         "  net(x):\n"
                         "    grow: \"y -> concat(y, [dense(y, 1)])\"\n"
                         "    small: \"map([1, 2], n -> map([3, 4], m -> dense(dense(x, n), m)))\"\n"
                         "    named: \"[map([x, x], block), map([x, x], block)]\"\n"
                         "    chosen: [\"[block, other][0]\", \"[block, other][1]\"]\n"
                         "    grown: [{repeat: 2, layers: [grow]}]\n"
                         "    return: {all: \"[small, named, chosen, grown]\"}\n"
                         "functions:\n"
                         "  block(x): [{dense: 2}]\n"
                         "  other(x): [{dense: 3}]\n"
                         "  noise(n): sum(normal(n))\n"
                         "iteration:\n"
                         "  by_name: \"sum(map([9, 9], noise)) - sum(map([9, 9], noise))\"\n"
                         "  by_item: \"sum(map([9], normal)[0]) - sum(map([9], normal)[0])\"\n"
                         "players:\n"
                         "  net: {minimize: \"norm(parameters(net)) + 0*sum(net(ones(1, 2)).all[3])\", optimizer: sgd(0.1), log: "
                         "{by_name: by_name, by_item: by_item}}\n"
                         "schedule: {steps: 1, each: [net]}\n");
    static const char *const names[] = {"net/1/1/dense_2/bias", "net/2/2/dense_3/bias", "net/1/2/dense_3/bias",
                                        "net/1/map_3/dense_1/bias", "net/2/map_4/dense_1/bias",
                                        "net/call_1/dense_1/bias", "net/call_2/dense_1/bias",
                                        "net/1/dense_1/bias", "net/2/dense_1/bias", NULL};
    for (const char *const *n = names; *n; n++) slot_at(w, *n);
    turn(w, 0, true);
    assert_true(fabs(logged("net.by_name")) > 1e-3 && fabs(logged("net.by_item")) > 1e-3);
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
                  "    log: {sum: sum(all), variance: variance(all), spread: log_sum_exp(all), mean: mean(all), max: max(all), norm: norm(all), size: "
                  "size(all), union: size(both),\n"
                  "          twice: sum(2*all + all), square: sum(all^2), weights: \"sum(parameters(net, "
                  "kind='weight'))\",\n"
                  "          added: \"sum(add(parameters(net, 'dense_*'), parameters(twin, 'dense_*')))\",\n"
                  "          slope: sum(slope), one: \"sum(parameters(net, 'dense_1/bias'))\"}\n"
                  "schedule: {steps: 1, each: [net]}\n");
    turn(w, 0, true);
    near(logged("net.sum"), 2 + 5 + 3 + 4);
    near(logged("net.mean"), 14 / 4.0);
    near(logged("net.variance"), 1.25);
    near(logged("net.spread"), log(exp(2) + exp(5) + exp(3) + exp(4)));
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_of_parameters), cmocka_unit_test(places_of_copies),
                                       cmocka_unit_test(shapes_of_layers), cmocka_unit_test(values_of_layers),
                                       cmocka_unit_test(collections)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
