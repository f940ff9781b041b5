/* Messages as they are printed: the excerpt, the caret, the order, the limits, and the nearest name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/diag.h"

static void check_printed(const Diags *d, const char *want) {
    char *text;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    diags_print(d, f, false);
    fclose(f);
    assert_string_equal(text, want);
    free(text);
}

static void check_excerpt(const char *source, Loc loc, const char *want) {
    Arena *a = arena_new();
    Diags *d = diags_new(a);
    loc.file = diags_source(d, "s", source, strlen(source));
    diag_error(d, loc, "x");
    check_printed(d, arena_printf(a, "s:%u:%u: error: x\n%s", loc.line, loc.col, want));
    arena_free(a);
}

static void the_caret_stands_under_the_column(void **state) {
    (void)state;
    check_excerpt("a\nbcd\ne", (Loc){0, 2, 3}, "    2 | bcd\n      |   ^\n");
    check_excerpt("a: \xC3\xA9\xE2\x82\xACx", (Loc){0, 1, 6}, "    1 | a: \xC3\xA9\xE2\x82\xACx\n      |      ^\n");
    check_excerpt("\ta", (Loc){0, 1, 2}, "    1 | \ta\n      | \t^\n");
    check_excerpt("ab\r\nc", (Loc){0, 1, 3}, "    1 | ab\n      |   ^\n");
    check_excerpt("a\x1B[31mb", (Loc){0, 1, 2}, "    1 | a?[31mb\n      |  ^\n");
    check_excerpt("a", (Loc){0, 2, 1}, "");
}

static void a_long_line_is_shown_around_the_column(void **state) {
    (void)state;
    Arena *a = arena_new();
    char *line = arena_alloc(a, 401), *want = arena_alloc(a, 600);
    memset(line, 'x', 400);
    line[299] = 'Y';
    snprintf(want, 600, "    1 | ...%.*sY%.*s...\n      |    %80s^\n", 80, line, 39, line, "");
    check_excerpt(line, (Loc){0, 1, 300}, want);
    snprintf(want, 600, "    1 | %.*s...\n      | ^\n", 120, line);
    check_excerpt(line, (Loc){0, 1, 1}, want);
    arena_free(a);
}

static void messages_come_in_the_order_of_the_text(void **state) {
    (void)state;
    Arena *a = arena_new();
    Diags *d = diags_new(a);
    Loc second = {diags_source(d, "s", "one\ntwo\n", 8), 2, 1}, first = {0, 1, 2};
    diag_error(d, second, "late");
    diag_note(d, first, "because");
    diag_warn(d, first, "early");
    diag_error(d, second, "late");                    /* said before: dropped with its notes */
    diag_note(d, first, "because");
    diag_error(d, ((Loc){0}), "nowhere");
    assert_int_equal(d->errors, 2);
    assert_int_equal(d->warnings, 1);
    check_printed(d, "error: nowhere\ns:1:2: warning: early\n    1 | one\n      |  ^\n"
                     "s:2:1: error: late\n    2 | two\n      | ^\n  s:1:2: note: because\n");
    arena_free(a);
}

static void one_text_that_several_calls_reach_is_one_message(void **state) {
    (void)state;
    static const int sizes[] = {32, 32, 100, 64, 100};
    Arena *a = arena_new();
    Diags *d = diags_new(a);
    Loc place = {diags_source(d, "s", "f: g\nx\ny\n", 8), 1, 1};
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        Caller caller = {{0, i + 2, 1}, "f", 0, false, false, NULL};
        d->caller = &caller;
        diag_error(d, place, "%d rows", sizes[i]);
        diag_note(d, place, "row %u", i);
    }
    Caller again = {{0, 2, 1}, "f", 0, false, false, NULL};
    d->caller = &again;
    for (int i = 0; i < 2; i++) diag_error(d, ((Loc){0, 1, 3}), "'%c' is missing", 'a' + i);      /* one call: two complaints */
    assert_int_equal(d->errors, 3);
    check_printed(d, "s:1:1: error: 32 rows\n    1 | f: g\n      | ^\n  s:1:1: note: row 0\n  and in 3 more calls\n"
                     "s:1:3: error: 'a' is missing\n    1 | f: g\n      |   ^\n"
                     "s:1:3: error: 'b' is missing\n    1 | f: g\n      |   ^\n");
    arena_free(a);
}

static void places_on_the_way_are_one_line(void **state) {
    (void)state;
    Arena *a = arena_new();
    Diags *d = diags_new(a);
    uint32_t base = diags_source(d, "base", "x\n", 2);
    diag_error(d, ((Loc){diags_source(d, "s", "f\n", 2), 1, 1}), "odd");
    diag_note(d, ((Loc){1, 2, 3}), "here");
    for (uint32_t line = 41; line < 44; line++) diag_also(d, d->newest, (Loc){1, line, 9}, "%d as before", 4);
    diag_also(d, d->newest, (Loc){base, 7, 1}, "width is 2");
    check_printed(d, "s:1:1: error: odd\n    1 | f\n      | ^\n  s:2:3: note: here\n"
                     "  further on the way: 41:9, 42:9, 43:9 4 as before; base:7:1 width is 2\n");
    assert_int_equal(diag_notes(d->newest), 1);
    assert_true(diag_noted(d->newest, (Loc){base, 7, 5}) && diag_noted(d->newest, (Loc){1, 2, 1}));
    assert_false(diag_noted(d->newest, (Loc){1, 1, 1}));
    for (int i = 0; i < 2 * DIAG_MOST_ALSO; i++) diag_also(d, d->newest, (Loc){1, 50, 1}, "one of many");
    int n = 0;
    for (const Further *p = d->newest->also; p; p = p->next) n++;
    assert_int_equal(n, DIAG_MOST_ALSO);
    arena_free(a);
}

static void errors_stop_at_twenty(void **state) {
    (void)state;
    Arena *a = arena_new();
    Diags *d = diags_new(a);
    for (int i = 0; i < 23; i++) diag_error(d, ((Loc){0}), "e%d", i);
    diag_note(d, ((Loc){0}), "lost with what it belongs to");
    int n = 0;
    for (const Diag *e = d->first; e; e = e->next) n++;
    assert_int_equal(n, DIAG_MAX_ERRORS);
    assert_int_equal(d->errors, 23);
    arena_free(a);
}

static void the_nearest_name_is_suggested(void **state) {
    (void)state;
    static const struct { const char *word, *best; } rows[] = {
        {"untis", "units"}, {"unit", "units"}, {"kernal", "kernel"}, {"xyz", NULL}, {"units", NULL}, {"ab", NULL}, {"Units", "units"},
        {"KERNEL_", "kernel"}, {"kernel_size", "kernel"}, {"out_features", "units"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Nearest near = nearest_to(rows[i].word);
        nearest_add(&near, "units");
        nearest_add(&near, "kernel");
        if (rows[i].best) assert_string_equal(near.best, rows[i].best);
        else assert_null(near.best);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_caret_stands_under_the_column),
        cmocka_unit_test(a_long_line_is_shown_around_the_column),
        cmocka_unit_test(messages_come_in_the_order_of_the_text),
        cmocka_unit_test(one_text_that_several_calls_reach_is_one_message),
        cmocka_unit_test(places_on_the_way_are_one_line),
        cmocka_unit_test(errors_stop_at_twenty),
        cmocka_unit_test(the_nearest_name_is_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
