/* What other tools call things: each row suggests a name that exists, and is written as names are compared. */
#include "parser/compile.h"
#include "parser/doc.h"
#include "parser/value.h"
#include "datasets/dataset.h"
#include "out/out.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* Whether the head `f(a, b=1)` or the signature `x, axes=` says the name. */
static bool says(const char *head, const char *name) {
    size_t n = strlen(name);
    for (const char *p = strstr(head, name); p; p = strstr(p + 1, name))
        if ((p == head || !is_word(p[-1])) && !is_word(p[n])) return true;
    return false;
}

static bool in_prelude(Arena *a, const char *name) {
    size_t size;
    const char *text = prelude_source(&size);
    const Doc *d = doc_parse("prelude", text, size, diags_new(a));
    for (int i = 0; i < d->n; i++)
        for (int k = 0; k < d->entry[i].value->n; k++)
            if (says(d->entry[i].value->entry[k].key, name)) return true;
    return false;
}

static bool is_builtin(const char *name) {
    for (const Builtin *b = builtin_table; b->name; b++)
        if (!strcmp(b->name, name) || says(b->call, name)) return true;
    for (const Op *const *op = op_table; *op; op++)
        if ((*op)->call && (!strcmp((*op)->name, name) || says((*op)->call, name))) return true;
    return false;
}

static bool is_key(const char *name) {
    for (const Form *f = form_table; f->name; f++)
        if (field_find(f->keys, name)) return true;
    for (const Output *const *o = output_table; *o; o++)
        if (!strcmp((*o)->name, name) || field_find((*o)->options, name)) return true;
    return field_find(call_keys, name) || field_find(source_options, name) || dataset_named(name);
}

static void each_row_suggests_a_name_that_exists(void **state) {
    (void)state;
    Arena *a = arena_new();
    int rows = 0;
    for (const Synonym *s = synonym_table; s->said; s++, rows++) {
        for (const char *p = s->said; *p; p++)
            if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p)) fail_msg("'%s' is never compared", s->said);
        if (!in_prelude(a, s->meant) && !is_builtin(s->meant) && !is_key(s->meant))
            fail_msg("'%s' suggests '%s', which does not exist", s->said, s->meant);
        Nearest near = nearest_to(s->said);
        nearest_add(&near, s->meant);
        assert_string_equal(near.best, s->meant);
    }
    assert_true(rows > 40);
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row_suggests_a_name_that_exists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
