/* Golden specs: each tests/golden/NAME.yaml says in comments what the compiler must say of it, and nothing else.
 *
 *   # expect error 12:9: unknown key 'unit', did you mean 'units'?
 *   # expect warning 4:3: ...          # expect note 4:3: ...     (notes count only where some note is expected)
 *   # expect further 12:9: ...        a place behind the notes, likewise
 *   # expect error --set 1:6: ...      a source other than the spec itself has its name before the position
 *   # expect error: ...                a message without a position
 *   # expect note prelude: ...         at some line of the prelude
 *   # set vars.x=3                     as `--set vars.x=3`; repeatable, in order
 *   # preset tiny                      as `--preset tiny`
 *
 * A spec that expects nothing must compile. Where the list differs, the right comments are printed, ready to be read
 * and pasted. Every spec of models/ is here too, and must compile without a word. */
#include "parser/compile.h"
#include "readall.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef struct {
    int n;
    const char *at[128];
} Lines;

static void add(Lines *l, const char *text) {
    assert_true(l->n < 128);
    l->at[l->n++] = text;
}

/* The rest of each line of `text` that starts with `start`. */
static Lines lines_after(Arena *a, const char *text, const char *start) {
    Lines out = {0};
    for (const char *p = text, *end; *p; p = *end ? end + 1 : end) {
        end = p + strcspn(p, "\n");
        if (!strncmp(p, start, strlen(start)))
            add(&out, arena_strndup(a, p + strlen(start), (size_t)(end - p) - strlen(start)));
    }
    return out;
}

static const char *show(Arena *a, const Diags *d, const char *path, const char *level, Loc loc, const char *text) {
    if (!loc.line || loc.file >= d->nsource) return arena_printf(a, "%s: %s", level, text);
    const char *name = d->sources[loc.file].name;
    const char *slash = strrchr(name, '/');
    bool itself = !strcmp(name, path);
    if (!strcmp(name, "prelude")) return arena_printf(a, "%s prelude: %s", level, text);
    return arena_printf(a, "%s %s%s%u:%u: %s", level, itself ? "" : slash ? slash + 1 : name, itself ? "" : " ", loc.line, loc.col, text);
}

static int compare(const void *x, const void *z) { return strcmp(*(const char *const *)x, *(const char *const *)z); }

/* What was expected against what was said, in any order: one spec's messages come from several phases. */
static void check(const char *path, Lines *expected, Lines *said) {
    qsort(expected->at, (size_t)expected->n, sizeof *expected->at, compare);
    qsort(said->at, (size_t)said->n, sizeof *said->at, compare);
    bool same = expected->n == said->n;
    for (int i = 0; same && i < said->n; i++) same = !strcmp(expected->at[i], said->at[i]);
    if (same) return;
    print_error("%s says:\n", path);
    for (int i = 0; i < said->n; i++) print_error("# expect %s\n", said->at[i]);
    print_error("and was expected to say:\n");
    for (int i = 0; i < expected->n; i++) print_error("# expect %s\n", expected->at[i]);
    fail();
}

static void golden(void **state) {
    const char *path = *state;
    Arena *a = arena_new();
    assert_non_null(a);
    const char *text = read_all(a, path, NULL);
    Lines expected = lines_after(a, text, "# expect "), set = lines_after(a, text, "# set ");
    Lines preset = lines_after(a, text, "# preset ");
    Diags *d = diags_new(a);
    CompileOptions options = {.changes = {.npreset = preset.n, .preset = preset.at, .nset = set.n, .set = set.at}};
    Training *t = compile(path, &options, a, d);
    assert_int_equal(t == NULL, d->errors > 0);
    bool notes = false;
    for (int i = 0; i < expected.n; i++) notes |= !strncmp(expected.at[i], "note", 4);
    Lines said = {0};
    static const char *const level[] = {"error", "error", "warning", "note"};
    for (const Diag *e = d->first; e; e = e->next) {
        if (e->level != DIAG_NOTE || notes) add(&said, show(a, d, path, level[e->level], e->loc, e->text));
        for (const Further *p = e->also; notes && p; p = p->next) add(&said, show(a, d, path, "further", p->loc, p->text));
    }
    check(path, &expected, &said);
    if (t) compile_close(t);
    arena_free(a);
}

static int find(Arena *a, const char *folder, struct CMUnitTest *into, int n, int most) {
    struct dirent **entry;
    int found = scandir(folder, &entry, NULL, alphasort);
    for (int i = 0; i < found; i++) {
        size_t length = strlen(entry[i]->d_name);
        if (length > 5 && !strcmp(entry[i]->d_name + length - 5, ".yaml") && n < most)
            into[n++] = (struct CMUnitTest){arena_strdup(a, entry[i]->d_name), golden, NULL, NULL,
                                            arena_printf(a, "%s/%s", folder, entry[i]->d_name)};
        free(entry[i]);
    }
    if (found >= 0) free(entry);
    return n;
}

int main(void) {
    enum { MOST = 1000 };
    Arena *a = arena_new();
    struct CMUnitTest *test = ARENA_ARRAY(a, struct CMUnitTest, MOST);
    int n = find(a, SOURCE_DIR "/tests/golden", test, 0, MOST);
    n = find(a, SOURCE_DIR "/models", test, n, MOST);
    int failed = _cmocka_run_group_tests("golden", test, (size_t)n, NULL, NULL);
    arena_free(a);
    return failed;
}
