/* Expressions: the tree of each form, the words of each refusal, and the law that expr_show reads back to the same
 * tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "messages.h"
#include "parser/expr.h"

/* The text as an expression: in a block scalar, so that YAML takes nothing away. Column 2 is its first. */
static Expr *parse(Case *c, const char *text) {
    char *yaml = arena_printf(c->arena, "|1-\n %s", text);
    Doc *d = doc_parse("t.yaml", yaml, strlen(yaml), c->d);
    assert_non_null(d);
    assert_string_equal(d->text, text);
    return expr_parse(d, c->d, c->arena);
}

/* Fully bracketed, head first: an account of the tree that shares nothing with expr_show. */
static void tree(Str *s, const Expr *e) {
    static const char *const word[] = {
        [EX_ERROR] = "error", [EX_LIST] = "list", [EX_CALL] = "call", [EX_INDEX] = "index", [EX_SLICE] = "slice",
        [EX_NEW] = "new", [EX_LAMBDA] = "lambda", [EX_MEMBER] = "member",
    };
    if (!e) str_add(s, "_");
    else if (e->kind == EX_NUMBER) str_printf(s, e->is_int ? "%.0f" : "%.17gf", e->number);
    else if (e->kind == EX_BOOL) str_add(s, e->truth ? "T" : "F");
    else if (e->kind == EX_TEXT) str_printf(s, "'%s'", e->text);
    else if (e->kind == EX_NAME) str_add(s, e->text);
    if (!e || e->kind == EX_NUMBER || e->kind == EX_BOOL || e->kind == EX_TEXT || e->kind == EX_NAME) return;
    bool op = e->kind == EX_UNARY || e->kind == EX_BINARY;
    str_printf(s, "(%s", op ? e->text : word[e->kind]);
    if (e->kind == EX_MEMBER) str_printf(s, " %s", e->text);
    for (int i = 0; e->kind == EX_LAMBDA && i < e->n; i++) str_printf(s, " %s", e->names[i]);
    if (e->callee) str_add(s, " "), tree(s, e->callee);
    if (e->right) str_add(s, " "), tree(s, e->right);
    for (int i = 0; e->args && i < e->n; i++) {
        str_add(s, " ");
        if (e->names && e->names[i]) str_printf(s, "%s=", e->names[i]);
        tree(s, e->args[i]);
    }
    str_add(s, ")");
}

static const char *tree_of(Case *c, const Expr *e) {
    Str s = {.arena = c->arena};
    tree(&s, e);
    return s.text;
}

/* ---- forms ---- */

static const struct { const char *text, *tree, *shown; } forms[] = {
    {"x", "x", "x"},
    {"12", "12", "12"},
    {"1e-4", "0.0001f", "0.0001"},
    {"1.0e-4", "0.0001f", "0.0001"},
    {"2.", "2f", "2.0"},
    {".5", "0.5f", "0.5"},
    {"1e3", "1000f", "1000.0"},
    {"1E+22", "1e+22f", "1e+22"},
    {"0.1", "0.10000000000000001f", "0.1"},
    {"9007199254740991", "9007199254740991", "9007199254740991"},
    {"true", "T", "true"},
    {"false", "F", "false"},
    {"'head/*'", "'head/*'", "'head/*'"},
    {"'it''s'", "'it's'", "'it''s'"},
    {"''", "''", "''"},
    {"yes + on + null", "(+ (+ yes on) null)", "yes + on + null"},
    {"in(new)", "(call in new)", "in(new)"},
    {"[]", "(list)", "[]"},
    {"[a, [1, 2]]", "(list a (list 1 2))", "[a, [1, 2]]"},
    {"f()", "(call f)", "f()"},
    {"f(a, b, name=c)", "(call f a b name=c)", "f(a, b, name=c)"},
    {"f(a == b)", "(call f (== a b))", "f(a == b)"},
    {"f(g(x)(y))", "(call f (call (call g x) y))", "f(g(x)(y))"},
    {"critic(x).features", "(member features (call critic x))", "critic(x).features"},
    {"a.b.c", "(member c (member b a))", "a.b.c"},
    {"(1).b", "(member b 1)", "(1).b"},
    {"x[i]", "(index x i)", "x[i]"},
    {"x[:, 0:3]", "(index x (slice _ _ _) (slice 0 3 _))", "x[:, 0:3]"},
    {"x[:, new]", "(index x (slice _ _ _) (new))", "x[:, new]"},
    {"x[::2, 1:, :-1, 1:9:2]", "(index x (slice _ _ 2) (slice 1 _ _) (slice _ (- 1) _) (slice 1 9 2))",
     "x[::2, 1:, :-1, 1:9:2]"},
    {"x[new+1]", "(index x (+ new 1))", "x[new + 1]"},
    {"generator(z)[0:8]", "(index (call generator z) (slice 0 8 _))", "generator(z)[0:8]"},
    {"[1, 2][0]", "(index (list 1 2) 0)", "[1, 2][0]"},
    {"x -> x*2", "(lambda x (* x 2))", "x -> x*2"},
    {"(x) -> x", "(lambda x x)", "x -> x"},
    {"(x, i) -> x*i", "(lambda x i (* x i))", "(x, i) -> x*i"},
    {"x -> y -> x or y", "(lambda x (lambda y (or x y)))", "x -> y -> x or y"},
    {"map(l, x -> x + 1)", "(call map l (lambda x (+ x 1)))", "map(l, x -> x + 1)"},
    {"(x -> x)(2)", "(call (lambda x x) 2)", "(x -> x)(2)"},
    {"a + b - c", "(- (+ a b) c)", "a + b - c"},
    {"a - (b - c)", "(- a (- b c))", "a - (b - c)"},
    {"a*b/c%d@e", "(@ (% (/ (* a b) c) d) e)", "a*b/c % d @ e"},
    {"a/(b*c)", "(/ a (* b c))", "a/(b*c)"},
    {"a + b*c^d", "(+ a (* b (^ c d)))", "a + b*c^d"},
    {"(a + b)*c", "(* (+ a b) c)", "(a + b)*c"},
    {"a^b^c", "(^ a (^ b c))", "a^b^c"},
    {"(a^b)^c", "(^ (^ a b) c)", "(a^b)^c"},
    {"-x^2", "(- (^ x 2))", "-x^2"},
    {"(-x)^2", "(^ (- x) 2)", "(-x)^2"},
    {"2^-x", "(^ 2 (- x))", "2^-x"},
    {"2^-x^2", "(^ 2 (- (^ x 2)))", "2^-x^2"},
    {"2^(-x)*y", "(* (^ 2 (- x)) y)", "2^-x*y"},
    {"-x*y", "(* (- x) y)", "-x*y"},
    {"a*-b", "(* a (- b))", "a*-b"},
    {"a - -b", "(- a (- b))", "a - -b"},
    {"--x", "(- (- x))", "--x"},
    {"-(a + b)", "(- (+ a b))", "-(a + b)"},
    {"-x.y[0](1)", "(- (call (index (member y x) 0) 1))", "-x.y[0](1)"},
    {"(-x).y", "(member y (- x))", "(-x).y"},
    {"not a == b", "(not (== a b))", "not a == b"},
    {"(not a) == b", "(== (not a) b)", "(not a) == b"},
    {"not not a", "(not (not a))", "not not a"},
    {"a or b and not c or d", "(or (or a (and b (not c))) d)", "a or b and not c or d"},
    {"(a or b) and c", "(and (or a b) c)", "(a or b) and c"},
    {"a and (b and c)", "(and a (and b c))", "a and (b and c)"},
    {"a + 1 < b and c >= d", "(and (< (+ a 1) b) (>= c d))", "a + 1 < b and c >= d"},
    {"(a < b) == (c < d)", "(== (< a b) (< c d))", "(a < b) == (c < d)"},
    {"a != b", "(!= a b)", "a != b"},
    {"a<-b", "(< a (- b))", "a < -b"},
    {"step < 25 or step % 500 == 0", "(or (< step 25) (== (% step 500) 0))", "step < 25 or step % 500 == 0"},
    {"x @ weight + offset", "(+ (@ x weight) offset)", "x @ weight + offset"},
    {"mean(max(0, 1 - sign*score))", "(call mean (call max 0 (- 1 (* sign score))))", "mean(max(0, 1 - sign*score))"},
    {" ( ( a ) ) ", "a", "a"},
};

static void every_form_has_its_tree(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        Case c = begin();
        Expr *e = parse(&c, forms[i].text);
        if (c.d->errors) fail_msg("%s: %s", forms[i].text, c.d->first->text);
        assert_string_equal(tree_of(&c, e), forms[i].tree);
        assert_string_equal(expr_show(e, c.arena), forms[i].shown);
        Expr *again = parse(&c, forms[i].shown);
        assert_string_equal(tree_of(&c, again), forms[i].tree);
        end(&c);
    }
}

/* Every pair of operators, both ways of bracketing: brackets are shown where the bare text would mean the other. */
static void precedence_is_the_table(void **state) {
    (void)state;
    static const char *const ops[] = {"or", "and", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "@", "^"};
    static const int level[] = {1, 2, 3, 3, 3, 3, 3, 3, 4, 4, 5, 5, 5, 5, 6};
    for (int i = 0; i < 15; i++)
        for (int j = 0; j < 15; j++) {
            Case c = begin();
            const char *left = arena_printf(c.arena, "(a %s b) %s c", ops[i], ops[j]);
            const char *right = arena_printf(c.arena, "a %s (b %s c)", ops[i], ops[j]);
            const char *bare = arena_printf(c.arena, "a %s b %s c", ops[i], ops[j]);
            Expr *l = parse(&c, left), *r = parse(&c, right);
            assert_string_equal(tree_of(&c, l), arena_printf(c.arena, "(%s (%s a b) c)", ops[j], ops[i]));
            assert_string_equal(tree_of(&c, r), arena_printf(c.arena, "(%s a (%s b c))", ops[i], ops[j]));
            assert_string_equal(tree_of(&c, parse(&c, expr_show(l, c.arena))), tree_of(&c, l));
            assert_string_equal(tree_of(&c, parse(&c, expr_show(r, c.arena))), tree_of(&c, r));
            assert_int_equal(c.d->errors, 0);
            Expr *b = parse(&c, bare);
            if (level[i] == 3 && level[j] == 3) assert_int_equal(b->kind, EX_ERROR);
            else assert_string_equal(tree_of(&c, b), tree_of(&c, level[i] > level[j] || (level[i] == level[j] && i != 14) ? l : r));
            end(&c);
        }
}

/* ---- positions ---- */

static void check_loc(Loc loc, uint32_t line, uint32_t col) {
    assert_int_equal(loc.line, line);
    assert_int_equal(loc.col, col);
}

static void nodes_have_positions(void **state) {
    (void)state;
    Case c = begin();
    Expr *e = parse(&c, "ab + f(x, k=y.z)[1, 2:3]*(u - w)");       /* starts at column 2 of line 2 */
    check_loc(e->loc, 2, 5);
    check_loc(e->start, 2, 2);
    Expr *product = e->right, *index = product->callee, *call = index->callee;
    check_loc(product->loc, 2, 26);
    check_loc(product->start, 2, 7);
    check_loc(index->loc, 2, 18);
    check_loc(call->loc, 2, 7);
    check_loc(call->name_locs[1], 2, 12);
    check_loc(call->args[1]->loc, 2, 16);
    check_loc(call->args[1]->start, 2, 14);
    check_loc(index->args[1]->loc, 2, 23);
    check_loc(index->args[1]->start, 2, 22);
    check_loc(product->right->loc, 2, 30);
    check_loc(product->right->start, 2, 27);
    end(&c);
}

static void positions_survive_quoting(void **state) {
    (void)state;
    static const struct { const char *yaml; uint32_t line, col; } rows[] = {
        {"k: a + $", 1, 8},
        {"k: a +\n  $", 2, 3},
        {"k: \"a + \\x24\"", 1, 9},
        {"k: \"\\u0061 + $\"", 1, 14},
        {"k: >\n  a +\n   $\n", 3, 4},
        {"k: |\n  a +\n  $\n", 3, 3},
        {"k: [1, \"b\", \"a + $\"]", 1, 18},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Case c = begin();
        Doc *d = doc_parse("t.yaml", rows[i].yaml, strlen(rows[i].yaml), c.d);
        expr_parse(doc_get(d, "k"), c.d, c.arena);
        assert_int_equal(c.d->errors, 1);
        check_loc(c.d->first->loc, rows[i].line, rows[i].col);
        end(&c);
    }
}

/* ---- refusals: the column counts from 1 in the expression ---- */

static const struct { const char *text, *error; uint32_t col; const char *note; uint32_t note_col; } refusals[] = {
    {"", "a value is missing here" QUOTE_HINT, 0, NULL, 0},
    {"f(x", "'(' is not closed" QUOTE_HINT, 2, NULL, 0},
    {"[a, (b]", "')' is expected, not ']'", 7, "the '(' is here", 5},
    {"f(x[1)", "']' is expected, not ')'", 6, "the '[' is here", 4},
    {"f(x))", "')' closes nothing" QUOTE_HINT, 5, NULL, 0},
    {"a]", "']' closes nothing" QUOTE_HINT, 2, NULL, 0},
    {"a, b", "',' stands outside of brackets; a list is written [a, b]", 2, NULL, 0},
    {"(a, b)", "a list is written [a, b]; (a, b) is only for the arguments of '->'", 3, NULL, 0},
    {"a = b", "'=' names an argument inside a call; to compare write '=='", 3, NULL, 0},
    {"f((a = b))", "'=' names an argument inside a call; to compare write '=='", 6, NULL, 0},
    {"a : b", "':' stands only inside an index, as in x[0:3]" QUOTE_HINT, 3, NULL, 0},
    {"x[1:2:3:4]", "a slice has at most three parts: from:to:step", 8, NULL, 0},
    {"a b", "an operator is missing before 'b'", 3, NULL, 0},
    {"a 'b'", "an operator is missing before text 'b'", 3, NULL, 0},
    {"5 epochs", "an operator is missing before 'epochs'", 3, NULL, 0},
    {"[a b]", "an operator is missing before 'b'", 4, NULL, 0},
    {"a if b else c", "a choice is written if(condition, a, b)", 3, NULL, 0},
    {"a +", "a value is missing after '+'" QUOTE_HINT, 3, NULL, 0},
    {"f(a,)", "a value is missing before ')'" QUOTE_HINT, 5, NULL, 0},
    {"[1,]", "a value is missing before ']'" QUOTE_HINT, 4, NULL, 0},
    {"* a", "a value is expected before '*'", 1, NULL, 0},
    {"a * / b", "a value is expected before '/'", 5, NULL, 0},
    {"a + +b", "a value cannot start with '+'; leave it out", 5, NULL, 0},
    {"()", "an expression is missing inside '()'", 1, NULL, 0},
    {"x[]", "an index is missing inside '[]'", 2, NULL, 0},
    {"x.", "a name is expected after '.', not the end", 2, NULL, 0},
    {"x.(y)", "a name is expected after '.', not '('", 2, NULL, 0},
    {"2(x)", "'2' is no function; a product is written 2*(x)", 2, NULL, 0},
    {"a < b < c", "comparisons do not chain; write a < b and b < c", 7, NULL, 0},
    {"0 <= x+1 != y", "comparisons do not chain; write 0 <= x + 1 and x + 1 != y", 10, NULL, 0},
    {"a == not b", "'not' binds looser than the operator before it; write (not ...)", 6, NULL, 0},
    {"f(x=1, 2)", "an argument without a name stands after 'x='; name it or put it first", 8, NULL, 0},
    {"f(x=1, x=2)", "'x' stands here twice", 8, NULL, 0},
    {"a + x -> x", "a small function inside an operation stands in brackets: (x -> ...)", 5, NULL, 0},
    {"(x, x) -> x", "'x' stands here twice", 5, NULL, 0},
    {"-> x", "argument names stand before '->': x -> x*2, (x, i) -> x*i", 1, NULL, 0},
    {"f(x) -> x", "argument names stand before '->': x -> x*2, (x, i) -> x*i", 6, NULL, 0},
    {"a ** b", "'**' means nothing here: a power is written '^'", 3, NULL, 0},
    {"a && b", "'&&' means nothing here: write 'and'", 3, NULL, 0},
    {"a || b", "'||' means nothing here: write 'or'", 3, NULL, 0},
    {"a | b", "'|' means nothing here: write 'or'", 3, NULL, 0},
    {"!a", "'!' means nothing here: write 'not'", 1, NULL, 0},
    {"a === b", "'===' means nothing here: write '=='", 3, NULL, 0},
    {"a => b", "'=>' means nothing here: write '>=' to compare, '->' for a small function", 3, NULL, 0},
    {"a // b", "'//' means nothing here: write floor(a/b)", 3, NULL, 0},
    {"a ? b : c", "'?' means nothing here: a choice is written if(condition, a, b)", 3, NULL, 0},
    {"{a: 1}", "'{' means nothing here: a record is written as a YAML mapping", 1, NULL, 0},
    {"f(\"a\")", "'\"' means nothing here: text stands in single quotes: 'same'", 3, NULL, 0},
    {"a \xE2\x88\x92 b", "'\xE2\x88\x92' means nothing here: the minus sign is '-'", 3, NULL, 0},
    {"a + \xC3\xA9", "unknown character '\xC3\xA9': names are made of letters a to z, digits and '_'", 5, NULL, 0},
    {"a #b", "unknown character '#': a comment needs a space before its '#', and cannot stand inside quotes", 3, NULL, 0},
    {"f('a", "this text has no closing quote" QUOTE_HINT, 3, NULL, 0},
    {"'a''", "this text has no closing quote" QUOTE_HINT, 1, NULL, 0},
    {"1_000", "'1_000' is no number and no name: numbers have no '_'", 1, NULL, 0},
    {"2x", "'2x' is no number and no name: write 2*x for a product, 1e-4 for a power of ten", 1, NULL, 0},
    {"1e", "'1e' is no number and no name: write 2*x for a product, 1e-4 for a power of ten", 1, NULL, 0},
    {"1.2.3", "'1.2.': a number has one decimal point", 1, NULL, 0},
    {"1e999", "number 1e999 is too large", 1, NULL, 0},
    {"9007199254740993", "whole number 9007199254740993 is not below 2^53; write it with a decimal point", 1, NULL, 0},
};

static void wrong_expressions_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        Case c = begin();
        Expr *e = parse(&c, refusals[i].text);
        const Diag *m = c.d->first;
        if (!m) fail_msg("%s: no message", refusals[i].text);
        if (e->kind != EX_ERROR || c.d->errors != 1 || strcmp(m->text, refusals[i].error) ||
            (refusals[i].col && m->loc.col != refusals[i].col + 1))
            fail_msg("%s: column %u: %s", refusals[i].text, m->loc.col - 1, m->text);
        if (refusals[i].note) {
            assert_string_equal(m->next->text, refusals[i].note);
            assert_int_equal(m->next->loc.col, refusals[i].note_col + 1);
        }
        end(&c);
    }
}

static void mappings_and_absent_values_get_the_hint(void **state) {
    (void)state;
    Case c = begin();
    const char *yaml = "a: {bias: false, 3}\nb:\nc: {x: f(1, 2)}\n";
    Doc *d = doc_parse("t.yaml", yaml, strlen(yaml), c.d);
    assert_int_equal(expr_parse(doc_get(d, "a"), c.d, c.arena)->kind, EX_ERROR);
    assert_int_equal(expr_parse(doc_get(d, "b"), c.d, c.arena)->kind, EX_ERROR);
    assert_int_equal(expr_parse(doc_get(doc_get(d, "c"), "x"), c.d, c.arena)->kind, EX_ERROR);
    const Diag *m = c.d->first;
    assert_string_equal(m->text, "a mapping stands where an expression is expected" QUOTE_HINT);
    assert_string_equal(m->next->text, "a value is missing here" QUOTE_HINT);
    assert_string_equal(m->next->next->text, "'(' is not closed" QUOTE_HINT);
    end(&c);
}

static void single_quotes_are_text(void **state) {
    (void)state;
    Case c = begin();
    const char *yaml = "[a, 'a', \"a\", [1, 'b + c']]";
    Expr *e = expr_parse(doc_parse("t.yaml", yaml, strlen(yaml), c.d), c.d, c.arena);
    assert_string_equal(tree_of(&c, e), "(list a 'a' a (list 1 'b + c'))");
    end(&c);
}

/* ---- depth ---- */

static void refuse_built(Case *c, Str *s, const char *error) {
    assert_int_equal(parse(c, s->text)->kind, EX_ERROR);
    const Diag *last = c->d->first;
    while (last->next) last = last->next;
    assert_string_equal(last->text, error);
}

static void depth_is_limited(void **state) {
    (void)state;
    Case c = begin();
    Str nested = {.arena = c.arena}, chain = {.arena = c.arena}, minus = {.arena = c.arena}, members = {.arena = c.arena};
    for (int i = 0; i < 101; i++) str_add(&nested, "(");
    for (int i = 0; i < 400; i++) str_add(&chain, "a + ");
    for (int i = 0; i < 101; i++) str_add(&minus, "-");
    str_add(&members, "a");
    for (int i = 0; i < 400; i++) str_add(&members, ".b");
    str_add(&chain, "a");
    str_add(&minus, "a");
    refuse_built(&c, &nested, "more than 100 levels of nesting in an expression");
    refuse_built(&c, &minus, "more than 100 levels of nesting in an expression");
    refuse_built(&c, &chain, "the expression is too deep; give parts of it local names");
    refuse_built(&c, &members, "the expression is too deep; give parts of it local names");
    chain.text[chain.n - 4] = 0;                      /* as deep as may be, in a list */
    char *list = arena_printf(c.arena, "[%s]", chain.text);
    int before = c.d->errors;
    assert_int_equal(parse(&c, chain.text)->height, EX_HEIGHT);
    assert_int_equal(expr_parse(doc_parse("t.yaml", list, strlen(list), c.d), c.d, c.arena)->kind, EX_ERROR);
    assert_int_equal(c.d->errors, before + 1);
    end(&c);
}

/* ---- heads and bindings ---- */

static Doc *map_of(Case *c, const char *yaml) {
    Doc *d = doc_parse("t.yaml", yaml, strlen(yaml), c->d);
    assert_non_null(d);
    return d;
}

static void heads_are_read(void **state) {
    (void)state;
    Case c = begin();
    Doc *d = map_of(&c, "down(x, filters, norm=true, k=[1, 2]): 1\nf(): 2\ncircle: 3\n");
    Head h;
    assert_true(head_parse(&d->entry[0], &h, c.d, c.arena));
    assert_string_equal(h.name, "down");
    assert_int_equal(h.n, 4);
    assert_string_equal(h.arg[1], "filters");
    assert_null(h.dflt[1]);
    assert_string_equal(tree_of(&c, h.dflt[2]), "T");
    assert_string_equal(tree_of(&c, h.dflt[3]), "(list 1 2)");
    check_loc(h.loc, 1, 1);
    check_loc(h.arg_loc[1], 1, 9);
    check_loc(h.dflt[2]->loc, 1, 23);
    assert_true(head_parse(&d->entry[1], &h, c.d, c.arena));
    assert_true(h.called && h.n == 0);
    assert_true(head_parse(&d->entry[2], &h, c.d, c.arena));
    assert_true(!h.called && h.n == 0);
    end(&c);
}

static const struct { const char *key, *error; uint32_t col; } wrong_heads[] = {
    {"2(x)", "a definition starts with its name, not with '2'", 1},
    {"true(x)", "a definition starts with its name, not with 'true'", 1},
    {"''", "a definition starts with its name, not with the end", 2},
    {"f(x", "'(' is not closed" QUOTE_HINT, 2},
    {"f(x) y", "a definition's head is name or name(arguments); 'y' does not belong to it", 6},
    {"f.g", "a definition's head is name or name(arguments); '.' does not belong to it", 2},
    {"f(1)", "an argument's name is expected here, not '1'", 3},
    {"f(x,)", "an argument's name is expected here, not ')'", 5},
    {"f(x, x)", "'x' stands here twice", 6},
    {"f(x=)", "a value is missing before ')'" QUOTE_HINT, 5},
    {"f(x y)", "an operator is missing before 'y'", 5},
};

static void wrong_heads_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong_heads / sizeof *wrong_heads; i++) {
        Case c = begin();
        Doc *d = map_of(&c, arena_printf(c.arena, "%s: 1", wrong_heads[i].key));
        Head h;
        assert_false(head_parse(&d->entry[0], &h, c.d, c.arena));
        assert_string_equal(c.d->first->text, wrong_heads[i].error);
        assert_int_equal(c.d->first->loc.col, wrong_heads[i].col);
        end(&c);
    }
}

static void bindings_are_read(void **state) {
    (void)state;
    Case c = begin();
    Doc *d = map_of(&c, "a: f in [64, 128]\nb: \"(a, b) in [[x, 0], [y, 1]]\"\n"
                        "c: f [1]\nd: [1]\ne: 2 in x\nf: x in y z\ng:\n");
    Binding b;
    assert_true(binding_parse(doc_get(d, "a"), &b, c.d, c.arena));
    assert_true(b.n == 1 && !strcmp(b.name[0], "f"));
    assert_string_equal(tree_of(&c, b.in), "(list 64 128)");
    assert_true(binding_parse(doc_get(d, "b"), &b, c.d, c.arena));
    assert_true(b.n == 2 && !strcmp(b.name[1], "b"));
    check_loc(b.name_loc[1], 2, 9);
    static const char *const errors[] = {
        "'in' is expected, as in: x in list, (x, y) in pairs", ("write: name in list" QUOTE_HINT),
        "a name is expected here, not '2'", "an operator is missing before 'z'", "write: name in list",
    };
    for (int i = 0; i < 5; i++) assert_false(binding_parse(d->entry[2 + i].value, &b, c.d, c.arena));
    const Diag *m = c.d->first;
    for (int i = 0; i < 5; i++, m = m->next) assert_string_equal(m->text, errors[i]);
    end(&c);
}

/* ---- mutations ---- */

static unsigned next_random(unsigned *state) { return *state = *state * 1664525u + 1013904223u, *state >> 8; }

static const char *const pieces[] = {"(", ")", "[", "]", ",", ":", "->", "=", "==", "<", " not ", " and ", "-", "^", "x", "1", ".", "'",
                                     "e5", "new", "\xC3\xA9", "!", " "};

/* Forms joined and cut at random: no crash, at most one message, and what is accepted shows and reads back. */
static void mutations_keep_the_law(void **state) {
    (void)state;
    unsigned r = 7;
    int accepted = 0;
    for (int i = 0; i < 4000; i++) {
        Case c = begin();
        Str s = {.arena = c.arena};
        for (unsigned k = 0, n = 1 + next_random(&r) % 3; k < n; k++) {
            const char *form = forms[next_random(&r) % (sizeof forms / sizeof *forms)].text;
            size_t length = strlen(form), cut = next_random(&r) % 3 ? length : next_random(&r) % (length + 1);
            str_addn(&s, form, cut);
            if (next_random(&r) % 2) str_add(&s, pieces[next_random(&r) % (sizeof pieces / sizeof *pieces)]);
        }
        const char *text = s.text + strspn(s.text, " ");
        Expr *e = parse(&c, *text ? text : "x");
        assert_true(c.d->errors <= 1 && (c.d->errors == 1) == (e->kind == EX_ERROR));
        if (e->kind != EX_ERROR) {
            accepted++;
            const char *shown = expr_show(e, c.arena);
            Expr *again = parse(&c, shown);
            assert_string_equal(tree_of(&c, again), tree_of(&c, e));
            assert_string_equal(expr_show(again, c.arena), shown);
        }
        end(&c);
    }
    assert_true(accepted > 400);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_has_its_tree),
        cmocka_unit_test(precedence_is_the_table),
        cmocka_unit_test(nodes_have_positions),
        cmocka_unit_test(positions_survive_quoting),
        cmocka_unit_test(wrong_expressions_are_refused),
        cmocka_unit_test(mappings_and_absent_values_get_the_hint),
        cmocka_unit_test(single_quotes_are_text),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(heads_are_read),
        cmocka_unit_test(wrong_heads_are_refused),
        cmocka_unit_test(bindings_are_read),
        cmocka_unit_test(mutations_keep_the_law),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
