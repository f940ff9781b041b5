/* The prelude against numbers known from elsewhere: tests/known.yaml. A row's expression is a network's whole text, so
 * that layers have parameters; a rule's row is a player that makes five steps. */
#include "world.h"

#include "base/vec.h"

#include <stdio.h>

/* The same numbers as `wave` of tests/known.py. */
static const char *const world =
    "functions:\n"
    "  wave(a, b=[], c=[], d=[]):\n"
    "    s: shape(zeros(a, b, c, d))\n"
    "    return: reshape(sin(0.7*range(product(s)) + 0.3*product(s)), s, keep=0)\n"
    "  matrix_of(w):\n"
    "    m: reshape(w, [-1, last(shape(w))], keep=0)\n"
    "    return: transpose(m) @ m\n";

static const char *text_of(const Doc *row, const char *key) {
    const Doc *v = doc_get(row, key);
    return v ? v->text : NULL;
}

static void add_quoted(Str *s, const char *text) {
    str_add(s, "\"");
    for (const char *p = text; *p; p++) str_printf(s, "%s%c", *p == '"' || *p == '\\' ? "\\" : "", *p);
    str_add(s, "\"\n");
}

/* One spec of all rows: networks n0, n1, ...; an iteration value v0, v1, ... of each expression; a player of each rule. */
static World *open_rows(const Doc *rows) {
    Arena *a = arena_new();
    Str networks = {.arena = a}, players = {.arena = a}, values = {.arena = a}, each = {.arena = a};
    for (int i = 0; i < rows->n; i++) {
        const char *rule = text_of(rows->item[i], "rule");
        str_printf(&networks, "  n%d(): ", i);
        add_quoted(&networks, rule ? "parameter([3], [1.0, -2.0, 0.5], name='p')" : text_of(rows->item[i], "spec"));
        if (rule) {
            str_printf(&players, "  n%d:\n    minimize: sum(n%d()^4)/4\n    optimizer: ", i, i);
            add_quoted(&players, rule);
            str_printf(&each, "  - n%d\n", i);
        } else {
            str_printf(&values, "  v%d: n%d()\n", i, i);
        }
    }
    World *w = open_text(arena_printf(a, "%snetworks:\n%splayers:\n%siteration:\n%sschedule:\n  steps: 5\n  each:\n%s", world,
                                      networks.text, players.text, values.text, each.text));
    arena_free(a);
    return w;
}

static bool agrees(const World *w, int i, const Doc *row) {
    const char *rule = text_of(row, "rule"), *within = text_of(row, "within");
    int at = slot_at(w, arena_printf(w->a, rule ? "n%d/p" : "@iteration/v%d", i));
    const Doc *value = doc_get(row, "value");
    int64_t n = shape_count(&w->t->slots->all.at[at].type.shape);
    double tolerance = within ? atof(within) : 1e-6;
    for (int64_t k = 0; k < n && k < value->n; k++) {
        double x = w->slot[at][k], expected = atof(value->item[k]->text);
        if (fabs(x - expected) <= tolerance * (within ? fabs(expected) : 1 + fabs(expected))) continue;
        print_error("%s: number %d is %.9g, not %.9g\n  %s\n", rule ? rule : text_of(row, "spec"), (int)k, x, expected,
                    text_of(row, "python"));
        return false;
    }
    if (n == value->n && n > 0) return true;
    print_error("%s: %d numbers, not %d\n", rule ? rule : text_of(row, "spec"), (int)n, value->n);
    return false;
}

static void prelude_agrees(void **state) {
    (void)state;
    Arena *a = arena_new();
    const Doc *rows = doc_read(SOURCE_DIR "/tests/known.yaml", diags_new(a));
    assert_non_null(rows);
    World *w = open_rows(rows);
    for (int i = 0; i < w->t->niteration; i++) run_unit(w, &w->t->iteration[i].unit, NULL);
    for (int s = 0; s < 5; s++, step(w))
        for (int k = 0; k < w->t->stage[0].nentry; k++) turn(w, k, false);
    int wrong = 0;
    for (int i = 0; i < rows->n; i++) wrong += !agrees(w, i, rows->item[i]);
    close_world(w);
    arena_free(a);
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(prelude_agrees)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
