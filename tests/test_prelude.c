/* The prelude is text, and nothing but text: no layer, loss or optimiser is known to the program by name.
 * Renamed from end to end, it compiles the models to the same graphs and the same programs. */
#include "parser/compile.h"
#include "readall.h"
#include "parser/keys.h"
#include "base/str.h"
#include "base/vec.h"
#include "pass/pass.h"
#include "plan/plan.h"

#include <ctype.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define SUFFIX "_qx" /* in no name of the program */

typedef VEC(const char *) Words;

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

static bool has(const Words *words, const char *text, size_t n) {
    for (int i = 0; i < words->n; i++)
        if (strlen(words->at[i]) == n && !strncmp(words->at[i], text, n)) return true;
    return false;
}

static Doc *prelude(Arena *a) {
    size_t size;
    const char *text = prelude_source(&size);
    Doc *d = doc_parse("prelude", text, size, diags_new(a));
    assert_non_null(d);
    return d;
}

static Words names_of(Arena *a) {
    static const char *const sections[] = {"functions", "optimizers", NULL};
    Words out = {0};
    for (const char *const *s = sections; *s; s++) {
        const Doc *section = doc_get(prelude(a), *s);
        for (int i = 0; i < section->n; i++) {
            const char *key = section->entry[i].key;
            vec_push(a, &out, (const char *)arena_strndup(a, key, strcspn(key, "(")));
        }
    }
    return out;
}

/* ---- renamed from end to end ---- */

/* `{mean: error}` of a metric: a key of the language that happens to be a function too; so a member or a key of that
 * name stays as it is. */
static bool is_key(const char *text, const char *word, size_t n) {
    bool key = word[n] == ':' || (word > text && word[-1] == '.');
    for (const Field *f = metric_keys; key && f->name; f++)
        if (strlen(f->name) == n && !strncmp(f->name, word, n)) return true;
    return false;
}

/* Every word that is a name of the prelude, wherever it stands. */
static char *renamed(Arena *a, const char *text, const Words *names) {
    Str out = {.arena = a};
    for (const char *p = text; *p;) {
        size_t n = 0;
        while (is_word(p[n])) n++;
        bool name = n && has(names, p, n) && !is_key(text, p, n);
        if (!n) n = 1;
        str_printf(&out, "%.*s%s", (int)n, p, name ? SUFFIX : "");
        p += n;
    }
    return out.text;
}

/* The graph as written, as the passes leave it, and the program that the trainer would run. */
static void dump_unit(const Unit *u, const Slots *slots, FILE *to) {
    if (!u || !u->graph) return;
    fprintf(to, "== %s\n", u->name);
    graph_dump(u->graph, to);
    Node **keep = ARENA_ARRAY(u->graph->arena, Node *, u->nresult + 1);
    for (int i = 0; i < u->nresult; i++) keep[i] = u->result[i];
    const Graph *g = passes_run(u->graph, passes_all(), u->nresult, keep);
    graph_dump(g, to);
    Program *p = plan_make(g, u->nresult, keep, u->result_name, plan_all());
    assert_non_null(p);
    program_dump(p, slots, to);
    program_free(p);
}

static void dump_all(const Training *t, FILE *to) {
    const Slots *s = t->slots;
    for (int i = 0; i < s->all.n; i++) fprintf(to, "%s %.9g\n", s->all.at[i].name, s->all.at[i].fill);
    dump_unit(&t->init, s, to);
    for (int i = 0; i < t->nfixed; i++) dump_unit(&t->fixed[i], s, to);
    for (int i = 0; i < t->niteration; i++) dump_unit(&t->iteration[i].unit, s, to);
    for (int i = 0; i < t->nstage; i++)
        for (int k = 0; k < t->stage[i].nentry; k++) {
            dump_unit(&t->stage[i].entry[k].turn->unit, s, to);
            dump_unit(t->stage[i].entry[k].count, s, to);
        }
    for (int i = 0; i < t->nmetric; i++)
        dump_unit(&t->metric[i].unit, s, to), dump_unit(t->metric[i].value, s, to);
    for (int i = 0; i < t->noutput; i++)
        dump_unit(&t->output[i].unit, s, to), dump_unit(t->output[i].when, s, to);
}

/* Less the suffix, and less what is made of a name: the number of a stream of draws. */
static void strip(char *text) {
    static const char stream[] = " stream=";
    char *to = text;
    for (const char *p = text; *p;) {
        if (!strncmp(p, SUFFIX, strlen(SUFFIX))) {
            p += strlen(SUFFIX);
        } else if (!strncmp(p, stream, strlen(stream))) {
            p += strlen(stream);
            p += strspn(p, "-0123456789");
        } else {
            *to++ = *p++;
        }
    }
    *to = 0;
}

static char *everything_compiled(Arena *a, const char *path, const char *other_prelude) {
    Diags *d = diags_new(a);
    Training *t = compile(path, &(CompileOptions){.changes = {.npreset = 1, .preset = (const char *const[]){"tiny"}}, .prelude = other_prelude}, a, d);
    diags_print(d, stderr, false);
    assert_non_null(t);
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    dump_all(t, f);
    fclose(f);
    compile_close(t);
    char *copy = arena_strndup(a, text, size);
    free(text);
    strip(copy);
    assert_true(strlen(copy) > 10000);
    return copy;
}

static void same_lines(const char *path, const char *x, const char *z) {
    for (int line = 1; *x && *z; line++) {
        size_t n = strcspn(x, "\n"), m = strcspn(z, "\n");
        if (n != m || strncmp(x, z, n)) {
            print_error("%s: line %d of what it compiles to:\n%.*s\nrenamed:\n%.*s\n", path, line, (int)n, x,
                        (int)m, z);
            fail();
        }
        x += n + (x[n] == '\n');
        z += m + (z[m] == '\n');
    }
    assert_string_equal(x, z);
}

/* A folder of models/, each file renamed: a spec may include another. */
static const char *renamed_models(Arena *a, const Words *names) {
    char *folder = arena_strdup(a, "/tmp/renamed-XXXXXX");
    assert_non_null(mkdtemp(folder));
    struct dirent **entry;
    int n = scandir(SOURCE_DIR "/models", &entry, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const char *name = entry[i]->d_name;
        if (strstr(name, ".yaml")) {
            FILE *f = fopen(arena_printf(a, "%s/%s", folder, name), "w");
            assert_non_null(f);
            fputs(renamed(a, read_all(a, arena_printf(a, SOURCE_DIR "/models/%s", name), NULL), names), f);
            fclose(f);
        }
        free(entry[i]);
    }
    if (n >= 0) free(entry);
    return folder;
}

static void renaming_changes_nothing(void **state) {
    const char *path = *state;
    Arena *a = arena_new();
    Words names = names_of(a);
    size_t size;
    char *other = renamed(a, prelude_source(&size), &names);
    const char *folder = renamed_models(a, &names);
    same_lines(path, everything_compiled(a, path, NULL),
               everything_compiled(a, arena_printf(a, "%s%s", folder, strrchr(path, '/')), other));
    assert_int_equal(system(arena_printf(a, "rm -r %s", folder)), 0);
    arena_free(a);
}

/* ---- no name of the prelude stands in the program ---- */

/* Names of operators, and of keys and choices of a spec, may be those of functions too. */
static bool means_something_else(const char *line, const char *name) {
    return op_named(name) || field_find(spec_keys, name) || strstr(line, "KEY(") || strstr(line, "FIELD(") || strstr(line, "doc_get(") ||
           strstr(line, "{\"");
}

static int literals_in(Arena *a, const char *path, const Words *names) {
    int found = 0;
    char *rest = read_all(a, path, NULL);
    for (char *line; (line = strsep(&rest, "\n"));)
        for (char *p = strchr(line, '"'); p; p = strchr(p + 1, '"')) {
            size_t n = strcspn(p + 1, "\"");
            char *word = arena_strndup(a, p + 1, n);
            if (has(names, word, n) && !means_something_else(line, word)) {
                print_error("%s says \"%s\": %s\n", path, word, line);
                found++;
            }
            if (!p[1 + n]) break;
            p += 1 + n;
        }
    return found;
}

static int literals_under(Arena *a, const char *folder, const Words *names) {
    struct dirent **entry;
    int found = 0, n = scandir(folder, &entry, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const char *name = entry[i]->d_name, *path = arena_printf(a, "%s/%s", folder, name);
        size_t length = strlen(name);
        if (entry[i]->d_type == DT_DIR && name[0] != '.') found += literals_under(a, path, names);
        if (length > 2 && name[length - 2] == '.' && strchr("ch", name[length - 1]))
            found += literals_in(a, path, names);
        free(entry[i]);
    }
    if (n >= 0) free(entry);
    return found;
}

static void no_name_in_the_program(void **state) {
    (void)state;
    Arena *a = arena_new();
    Words names = names_of(a);
    assert_true(names.n > 30);
    int found = literals_under(a, SOURCE_DIR "/parser", &names) +
                literals_under(a, SOURCE_DIR "/runtime", &names) +
                literals_under(a, SOURCE_DIR "/datasets", &names);
    arena_free(a);
    assert_int_equal(found, 0);
}

int main(void) {
    enum { MOST = 64 };
    Arena *a = arena_new();
    struct CMUnitTest *test = ARENA_ARRAY(a, struct CMUnitTest, MOST);
    int n = 0;
    test[n++] = (struct CMUnitTest)cmocka_unit_test(no_name_in_the_program);
    struct dirent **entry;
    int found = scandir(SOURCE_DIR "/models", &entry, NULL, alphasort);
    for (int i = 0; i < found; i++) {
        const char *name = entry[i]->d_name;
        size_t length = strlen(name);
        if (length > 5 && !strcmp(name + length - 5, ".yaml") && n < MOST)
            test[n++] = (struct CMUnitTest){arena_strdup(a, name), renaming_changes_nothing, NULL, NULL,
                                            arena_printf(a, SOURCE_DIR "/models/%s", name)};
        free(entry[i]);
    }
    if (found >= 0) free(entry);
    int failed = _cmocka_run_group_tests("prelude", test, (size_t)n, NULL, NULL);
    arena_free(a);
    return failed;
}
