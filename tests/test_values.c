/* What expressions, functions, layer lists and gradients come to: each row is an expression and another that must be
 * the same tensor, of the same type. */
#include "world.h"

/* What is written, and what it is. */
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
    /* types */
    {"true + 0", "1"},
    {"(1 < 2) + (2 < 3)", "2"},
    {"-true", "-1"},
    {"mean([true, false])", "0.5"},
    {"mean([1, 2, 3])", "2.0"},
    {"1 == 1.0", "true"},
    {"not [true, false]", "[false, true]"},
    {"[1, 2.5]", "[1.0, 2.5]"},
    {"range(2) + 0.5", "[0.5, 1.5]"},
    {"5.5 % -2", "-0.5"},
    {"-5.5 % 2", "0.5"},
    {"3 - 5 % 3", "1"},
    {"-x_of(2)^2", "-4.0"},
    {"if('hinge' == loss, 1, 2)", "1"},
    {"if(loss != 'hinge', nowhere, 2)", "2"},
    {"if(3 == 'hinge' or widths == 'hinge', nowhere, 2)", "2"},
    {"to_float(3) + 0", "3.0"},
    {"3000000000 - range(2)", "[3.0e9, 3.0e9]"},      /* ints have 32 bits */
    {"[3000000000, 1] + gather(range(3), [0, 0])", "[3.0e9, 1.0]"},
    {"2147483647 - gather(range(2), [0, 1])", "[2147483647, 2147483646]"},
    /* known before the run */
    {"zeros(sum([1, 2]))", "zeros(3)"},
    {"zeros(max(widths), widths[-1])", "zeros(4, 3)"},
    {"zeros(8/4)", "zeros(2)"},
    {"total", "9"},
    {"doubled", "[4, 8, 6]"},
    {"second", "4"},
    {"blank", "[0.0, 0.0]"},
    {"act([-1.0, 2])", "[0.0, 2.0]"},
    {"double(3)", "6"},
    {"all[1](3)", "4"},
    {"map(all, f -> f(2.0))", "[2.0, 3.0]"},
    {"if(length(widths) == 3, 1, nowhere)", "1"},
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
    {"ones(2, 3, 4)*[1, 2, 3, 4]*0 + 1", "ones(2, 3, 4)"},
    {"[1, 2]*[[1, 2], [3, 4]]", "[[1, 4], [3, 8]]"},
    {"ones(2, 1)*ones(1, 3)", "ones(2, 3)"},
    {"ones(1)*ones(2, 3)", "ones(2, 3)"},
    /* matrices */
    {"[1.0, 2.0] @ [[1, 2], [3, 4]]", "[7.0, 10.0]"},
    {"[[1.0, 2.0], [3.0, 4.0]] @ [1, 2]", "[5.0, 11.0]"},
    {"transpose([[1, 2], [3, 4]])", "[[1, 3], [2, 4]]"},
    {"shape(ones(5, 2, 3) @ ones(3, 4))", "[5, 2, 4]"},
    {"shape(ones(2, 3) @ ones(5, 3, 4))", "[5, 2, 4]"},
    {"shape(ones(5, 2, 3) @ ones(3))", "[5, 2]"},
    {"shape(ones(2) @ ones(5, 2, 3))", "[5, 3]"},
    {"shape(ones(7, 5, 2, 3) @ ones(5, 3, 4))", "[7, 5, 2, 4]"},
    {"[1, 2.0] @ [3, 4]", "11.0"},
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
    {"[1, 2, 3, 4, 5][::2]", "[1, 3, 5]"},
    {"[1, 2, 3][::-1]", "[3, 2, 1]"},
    {"[1, 2, 3, 4][-2:]", "[3, 4]"},
    {"[1, 2, 3, 4][3:0:-2]", "[4, 2]"},
    {"length([1, 2][2:])", "0"},
    {"(ones(3)*range(3))[::-1]", "[2.0, 1.0, 0.0]"},
    {"(ones(5)*range(5))[4:0:-3]", "[4.0, 1.0]"},
    {"ones(4, 6)[1:, ::4]", "ones(3, 2)"},
    {"ones(4, 6)[0, new, :, new]", "ones(1, 6, 1)"},
    {"[ones(2), zeros(2)][1]", "zeros(2)"},
    {"[ones(2), zeros(2)][:, 0]", "[1.0, 0.0]"},
    {"[ones(2), [3, 4]] + 0", "[[1.0, 1.0], [3.0, 4.0]]"},
    {"[ones(2), 2*ones(2)][new]", "[[[1.0, 1.0], [2.0, 2.0]]]"},
    {"x_of([5, 6, 7])[1:]", "[6, 7]"},
    {"both(3).parts[1]", "3"},
    {"(1*[1, 2, 3, 4])[1:]", "[2, 3, 4]"},
    {"shape(zeros(2, [3, 4]))", "[2, 3, 4]"},
    {"zeros(2, shape(ones(7, 3))[1:])", "zeros(2, 3)"},
    {"last([1, 2, 3])", "3"},
    {"rows(zeros(4, 2))", "4"},
    {"length([1, 2])", "2"},
    {"append([1], 2)", "[1, 2]"},
    {"reverse([1, 2, 3])", "[3, 2, 1]"},
    {"map([1, 2], x -> x*10)", "[10, 20]"},
    {"map([[1, 2], [3, 4]], p -> p[0]*p[1])", "[2, 12]"},
    {"append(append([], 1), 2)", "[1, 2]"},
    {"reverse([ones(1), zeros(1)])[0]", "zeros(1)"},
    {"last(map(range(3), i -> i*i))", "4"},
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
    {"adder(2)(3)", "5"},
    {"map([1, 2], adder(10))", "[11, 12]"},
    {"combine((x, i) -> x*i, 3, 4)", "12"},
    {"combine(given, 3, 4)", "7"},
    {"piped(2)", "5"},
    {"records(2)", "7"},
    {"collected(2)", "[2, 4, 6]"},
    {"chooser([1.0, 2])", "[3.0]"},
    {"own(1)", "6"},
    {"skipped([3, 4])", "5.0"},
    {"deep(1)", "1"},
    {"nested(1).inner.deep", "2"},
    {"convolve(ones(1, 2, 2, 1), ones(1, 1, 1, 1), padding=same)", "ones(1, 2, 2, 1)"},
    {"framed(ones(1, 3, 3, 1), valid)", "ones(1, 2, 2, 1)*4"},
    {"framed(ones(1, 3, 3, 1), 'valid')", "ones(1, 2, 2, 1)*4"},
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
    {"slope(x -> min(x), [2, 2]*ones(2))", "[1.0, 0.0]"},
    {"slope(x -> min(x, 0), zeros(1))", "[1.0]"},
    {"slope(x -> min(0, x), zeros(1))", "[0.0]"},
    {"slope(x -> max(x, x), ones(1))", "[1.0]"},
    {"slope(x -> round(3*x), ones(1))", "[0.0]"},
    {"slope(x -> slope(abs, x), ones(2))", "[0.0, 0.0]"},
    {"of_equals(ones(2), ones(2))", "[1.0, 1.0]"},
    {"added(zeros(2))", "[0.0, 0.0]"},
    {"slope(x -> slope(norm, x), zeros(2))", "[0.0, 0.0]"},
    {"slope(x -> if(x > 0, 1/x, 0), [0, 2]*ones(2))", "[0.0, -0.25]"},
    {"slope(x -> if(x > 0, x^0.5, 0), [0, 4]*ones(2))", "[0.0, 0.25]"},
    {"slope(x -> if(x < 9, exp(x), 0), [99, 0]*ones(2))", "[0.0, 1.0]"},
    {"slope(x -> slope(y -> if(y > 0, log(y), 0), x), [0, 2]*ones(2))", "[0.0, -0.25]"},
    {"slope(x -> slope(y -> if(y > 0, 1/y, 0), x), [0, 2]*ones(2))", "[0.0, 0.25]"},
    {"slope(x -> slope(y -> slope(z -> if(z > 0, z^0.5, 0), y), x), [0, 4]*ones(2))", "[0.0, 0.01171875]"},
    {"slope(x -> slope(y -> slope(z -> if(z > 0, log(z), 0), y), x), [0, 2]*ones(2))", "[0.0, 0.25]"},
    {"slope(x -> x^3, zeros(1))", "[0.0]"},
    {"slope(x -> x^0, zeros(1))", "[0.0]"},
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
    "  both(x): {return: {double: 2*x, half: halved(x), parts: \"[1, 3]\"}}\n"
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
    "  x_of(x): x\n"
    "  of_equals(a, b): \"grad(a*b, a)\"\n"
    "  added(x):\n    delta: zeros(2)\n    return: grad(max(0, x + delta - 1)^2, delta)\n"
    "  adder(a): b -> a + b\n"
    "  combine(f, x, y): \"f(x, y)\"\n"
    "  piped(x): [\"x -> [x, x + 1]\", \"pair -> pair[0] + pair[1]\"]\n"
    "  records(x): [both, r -> r.double + last(r.parts)]\n"
    "  collected(x):\n    - \"x -> [x]\"\n    - for: n in [2, 3]\n      layers: [\"list -> append(list, x*n)\"]\n"
    "  chooser(x): [{sum: {axes: [0], keep: true}}]\n"
    "  own(x):\n    y: {y: y_of(x), return: y + 1}\n    return: y\n"
    "  y_of(y): {return: 5*y}\n"
    "  skipped(norm):\n    length: 3\n    return: norm(norm) + 0*length(widths) + 0*length\n"
    "  deep(x): [{repeat: 3, layers: [{repeat: 2, layers: [{when: true, layers: [x_of]}]}]}]\n"
    "  nested(x): {return: {inner: tower(x)}}\n"
    "  tower(x): {return: {deep: 2*x}}\n"
    "  framed(x, padding): convolve(x, ones(2, 2, 1, 1), padding=padding)\n"
    "vars:\n"
    "  width: 3\n"
    "  widths: [2, 4, 3]\n"
    "  total: sum(widths)\n"
    "  doubled: 2*widths\n"
    "  second: widths[1]\n"
    "  blank: zeros(2)\n"
    "  loss: 'hinge'\n"
    "  act: relu\n"
    "  double: x -> 2*x\n"
    "  all: [relu, x -> x + 1]\n";

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
        fprintf(f, "  w%d: \"%s\"\n  i%d: \"%s\"\n", i, equal[i].written, i, equal[i].is);
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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(expressions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
