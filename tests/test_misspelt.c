/* Every key of every shipped spec, misspelt one at a time, is refused: with an error at the key's line, or one that
 * quotes the key as it is or as it was. Names that the user makes up (of sources, metrics, outputs, ...) may be
 * anything, so those need not fail; they must not crash. */
#include "parser/compile.h"
#include "base/str.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct { const char *word; Loc loc; bool made_up; } Key;
typedef VEC(Key) Keys;

/* Mappings whose keys are names that the user makes up. */
static bool open_mapping(const char *key) {
    static const char *const open[] = {"vars", "presets", "data", "functions", "networks", "optimizers", "players",
                                       "iteration", "metrics", "outputs", "log", NULL};
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
        Key key = {arena_strndup(a, e->key, length), e->loc, open_mapping(above)};
        if (length > 1) vec_push(a, out, key);        /* the keys of a loop over short names are not words */
        /* Only the preset that is chosen is looked into. */
        if (strcmp(above, "presets") || !strcmp(e->key, "tiny")) keys_of(a, e->value, e->key, out);
    }
}

static char *read_all(Arena *a, const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    char *text = arena_alloc(a, *size + 1);
    assert_int_equal(fread(text, 1, *size, f), *size);
    fclose(f);
    return text;
}

static size_t offset_of(const char *text, Loc loc) {
    const char *p = text;
    for (uint32_t line = 1; line < loc.line; line++) p = strchr(p, '\n') + 1;
    return (size_t)(p - text) + loc.col - 1;          /* shipped specs have no wide characters before a key */
}

static bool blames(const Diags *d, const Key *key, const char *misspelt) {
    for (const Diag *e = d->first; e; e = e->next)
        if (e->level == DIAG_ERROR &&
            (e->loc.line == key->loc.line || strstr(e->text, misspelt) || strstr(e->text, key->word)))
            return true;
    return false;
}

static bool refused(const char *text, size_t size, const Key *key) {
    Arena *a = arena_new();
    char name[] = "/tmp/misspelt-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    size_t at = offset_of(text, key->loc) + 1;
    FILE *f = fdopen(fd, "w");
    fprintf(f, "%.*sq%.*s", (int)at, text, (int)(size - at), text + at);
    fclose(f);
    const char *misspelt = arena_printf(a, "%cq%s", key->word[0], key->word + 1);
    Diags *d = diags_new(a);
    bool presets = !strcmp(key->word, "presets");     /* there would be none to choose */
    Training *t = compile(name, &(CompileOptions){.changes.preset = presets ? NULL : "tiny"}, a, d);
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
    int wrong = 0;
    for (int i = 0; i < keys.n; i++) wrong += !refused(text, size, &keys.at[i]);
    arena_free(a);
    assert_int_equal(wrong, 0);
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
    int failed = n ? _cmocka_run_group_tests("misspelt", test, (size_t)n, NULL, NULL) : 1;
    arena_free(a);
    return failed;
}
