/* Every key of every shipped spec, and every word of every expression, misspelt one at a time, is refused:
 * with an error within two lines of it, or one that quotes it as it is or as it was; and mostly with the
 * right suggestion. Names that the user makes up (of sources, metrics, outputs, ...) may be anything, so
 * those need not fail; they must not crash. */
#include "parser/compile.h"
#include "readall.h"
#include "base/str.h"
#include "beside.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct {
    const char *word;
    Loc loc;
    bool made_up, key;
} Key;
typedef VEC(Key) Keys;

/* Mappings whose keys are names that the user makes up. */
static bool open_mapping(const char *key) {
    static const char *const open[] = {"vars",     "presets",    "data",    "functions",
                                       "networks", "optimizers", "players", "iteration",
                                       "metrics",  "outputs",    "log",     NULL};
    for (const char *const *o = open; *o; o++)
        if (!strcmp(key, *o)) return true;
    return false;
}

static void keys_of(Arena *a, const Doc *d, const char *above, Keys *out) {
    for (int i = 0; i < d->n; i++) {
        if (d->kind == DOC_LIST) keys_of(a, d->item[i], "", out);
        if (d->kind != DOC_MAP) continue;
        const DocEntry *e = &d->entry[i];
        size_t length = strcspn(e->key, "(");
        Key key = {arena_strndup(a, e->key, length), e->loc, open_mapping(above), true};
        if (length > 1) vec_push(a, out, key); /* the keys of a loop over short names are not words */
        /* Only the preset that is chosen is looked into. */
        if (strcmp(above, "presets") || !strcmp(e->key, "tiny")) keys_of(a, e->value, e->key, out);
    }
}

/* The words of expressions; texts, which may say anything, stand under a few keys or in single quotes. */
static void words_of(Arena *a, const Doc *d, const char *above, Keys *out) {
    static const char *const texts[] = {"doc", "name", "path", "stage", "presets", NULL};
    for (const char *const *t = texts; *t; t++)
        if (!strcmp(above, *t)) return;
    for (int i = 0; d->kind != DOC_SCALAR && i < d->n; i++)
        words_of(a, d->kind == DOC_LIST ? d->item[i] : d->entry[i].value,
                 d->kind == DOC_LIST ? above : d->entry[i].key, out);
    if (d->kind != DOC_SCALAR || d->style == DOC_SINGLE) return;
    for (size_t i = 0; i < d->length; i++) {
        size_t n = strspn(d->text + i, "abcdefghijklmnopqrstuvwxyz_0123456789");
        bool number = d->text[i] >= '0' && d->text[i] <= '9';
        Key key = {arena_strndup(a, d->text + i, n), {d->loc.file, d->line[i], d->col[i]}, false, false};
        if (n > 1 && !number) vec_push(a, out, key);
        if (d->text[i] == '\'') i += strcspn(d->text + i + 1, "'") + 1;
        if (n) i += n - 1;
    }
}

/* A letter too many, or one too few. */
static const char *misspell(Arena *a, const Key *key) {
    const char *w = key->word;
    size_t n = strlen(w), at = n / 2;
    if (key->key) return arena_printf(a, "%cq%s", w[0], w + 1);
    return n > 4 ? arena_printf(a, "%.*s%s", (int)at, w, w + at + 1)
                 : arena_printf(a, "%.*s%c%s", (int)at, w, w[at], w + at);
}

static size_t offset_of(const char *text, Loc loc) {
    const char *p = text;
    for (uint32_t line = 1; line < loc.line; line++) p = strchr(p, '\n') + 1;
    return (size_t)(p - text) + loc.col - 1; /* shipped specs have no wide characters before a key */
}

static bool blames(const Diags *d, const Key *key, const char *misspelt) {
    for (const Diag *e = d->first; e; e = e->next)
        if (e->level == DIAG_ERROR &&
            ((e->loc.line + 2 >= key->loc.line && e->loc.line <= key->loc.line + 2) ||
             strstr(e->text, misspelt) || strstr(e->text, key->word)))
            return true;
    return false;
}

static bool suggests(Arena *a, const Diags *d, const Key *key) {
    const char *hint = arena_printf(a, "did you mean '%s'?", key->word);
    for (const Diag *e = d->first; e; e = e->next)
        if (strstr(e->text, hint)) return true;
    return false;
}

static bool refused(const char *text, size_t size, const Key *key, int *suggested) {
    Arena *a = arena_new();
    const char *name = arena_printf(a, "%s/misspelt.yaml", beside);
    size_t at = offset_of(text, key->loc), n = strlen(key->word);
    const char *misspelt = misspell(a, key);
    assert_memory_equal(text + at, key->word, n);
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fprintf(f, "%.*s%s%.*s", (int)at, text, misspelt, (int)(size - at - n), text + at + n);
    fclose(f);
    Diags *d = diags_new(a);
    bool presets = !strcmp(key->word, "presets"); /* there would be none to choose */
    Training *t = compile(name, &(CompileOptions){.changes = {.npreset = !presets, .preset = (const char *const[]){"tiny"}}}, a, d);
    *suggested += suggests(a, d, key);
    bool good = key->made_up || (!t && blames(d, key, misspelt));
    if (!good) {
        print_error("%u:%u: '%s' instead of '%s' %s\n", key->loc.line, key->loc.col, misspelt, key->word,
                    t ? "compiles" : "is not blamed");
        diags_print(d, stderr, false);
    }
    if (t) compile_close(t);
    unlink(name);
    arena_free(a);
    return good;
}

static void every_key(void **state) {
    const char *path = *state;
    Arena *a = arena_new();
    size_t size;
    char *text = read_all(a, path, &size);
    Doc *doc = doc_parse(path, text, size, diags_new(a));
    assert_non_null(doc);
    Keys keys = {0};
    keys_of(a, doc, "", &keys);
    assert_true(keys.n > 10);
    words_of(a, doc, "", &keys);
    int wrong = 0, known = 0, suggested = 0;
    for (int i = 0; i < keys.n; i++) {
        if (unread(text, keys.at[i].loc.line)) continue;
        known += !keys.at[i].made_up;
        wrong += !refused(text, size, &keys.at[i], &suggested);
    }
    print_message("%d of %d misspelt words bring the right suggestion\n", suggested, known);
    arena_free(a);
    assert_int_equal(wrong, 0);
    assert_true(suggested * 10 >= known * 8);
}

int main(void) {
    enum { MOST = 64 };
    Arena *a = arena_new();
    struct CMUnitTest *test = ARENA_ARRAY(a, struct CMUnitTest, MOST);
    struct dirent **entry;
    int n = 0, found = scandir(SOURCE_DIR "/models", &entry, NULL, alphasort);
    for (int i = 0; i < found; i++) {
        size_t length = strlen(entry[i]->d_name);
        if (length > 5 && !strcmp(entry[i]->d_name + length - 5, ".yaml") && n < MOST)
            test[n++] = (struct CMUnitTest){arena_strdup(a, entry[i]->d_name), every_key, NULL, NULL,
                                            arena_printf(a, SOURCE_DIR "/models/%s", entry[i]->d_name)};
        free(entry[i]);
    }
    if (found >= 0) free(entry);
    beside_make(SOURCE_DIR "/models");
    int failed = n ? _cmocka_run_group_tests("misspelt", test, (size_t)n, NULL, NULL) : 1;
    beside_drop();
    arena_free(a);
    return failed;
}
