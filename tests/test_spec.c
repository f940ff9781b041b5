/* Specs: includes, presets, --set, and the words of what is refused. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "parser/doc.h"

enum { MOST_FILES = 128 };

/* A folder of its own for each test. */
typedef struct {
    Arena *arena;
    Diags *d;
    char folder[32];
    const char *file[MOST_FILES];
    int n;
} Case;

static Case begin(void) {
    Case c = {.arena = arena_new(), .folder = "/tmp/graphrun-spec-XXXXXX"};
    assert_non_null(c.arena);
    assert_non_null(mkdtemp(c.folder));
    c.d = diags_new(c.arena);
    return c;
}

static const char *path_of(Case *c, const char *name) { return arena_printf(c->arena, "%s/%s", c->folder, name); }

static void put(Case *c, const char *name, const char *text) {
    const char *path = path_of(c, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_true(c->n < MOST_FILES);
    c->file[c->n++] = path;
}

static void end(Case *c) {
    FILE *nowhere = fopen("/dev/null", "w");
    diags_print(c->d, nowhere, false);
    fclose(nowhere);
    while (c->n) remove(c->file[--c->n]);
    rmdir(c->folder);
    arena_free(c->arena);
}

static Doc *read_with(Case *c, const char *preset, const char *const *set) {
    SpecChanges changes = {.npreset = preset != NULL, .preset = &preset, .set = set};
    while (set && set[changes.nset]) changes.nset++;
    return spec_read(path_of(c, "main.yaml"), &changes, c->d);
}

static void check_refused(Case *c, const char *preset, const char *const *set) {
    int errors = c->d->errors;
    read_with(c, preset, set);
    assert_true(c->d->errors > errors);
}

/* The spec is what the text says; both are printed where they differ. */
static void check_spec(Case *c, const Doc *spec, const char *text) {
    if (!spec) fail_msg("%s", c->d->first->text);
    Doc *want = doc_parse("wanted", text, strlen(text), c->d);
    assert_non_null(want);
    if (doc_equal(spec, want)) return;
    doc_print(spec, stderr);
    fail_msg("wanted:\n%s", text);
}

static void check_error(const Diag *m, const char *text, uint32_t line, uint32_t col) {
    if (!m) fail_msg("no message, not: %s", text);
    else if (strcmp(m->text, text) || m->loc.line != line || m->loc.col != col)
        fail_msg("%u:%u: %s", m->loc.line, m->loc.col, m->text);
}

/* ---- include ---- */

static void the_last_definition_replaces_the_whole_earlier_one(void **state) {
    (void)state;
    Case c = begin();
    put(&c, "main.yaml", "include: [a.yaml, b.yaml]\nvars: {x: 3}\nplayers:\n  p: {minimize: 1}\n"
                         "functions:\n  f(x, y): x\n  net: 3\nschedule: {steps: 3}\n");
    put(&c, "a.yaml", "vars: {x: 1, y: 1, z: 1}\nplayers:\n  p: {minimize: 0, log: [q]}\n  q: {minimize: 2}\n"
                      "functions: {f(x): 1, g(x): 1}\nnetworks: {net(z): [relu], other(z): [tanh]}\n"
                      "schedule: {steps: 1, each: [p]}\n");
    put(&c, "b.yaml", "vars: {y: 2}\nmetrics: {f: {mean: 1}}\noptimizers:\n  g(p, g): {p: g}\n");
    Doc *spec = read_with(&c, NULL, NULL);
    check_spec(&c, spec, "vars: {z: 1, y: 2, x: 3}\nplayers: {p: {minimize: 1}, q: {minimize: 2}}\n"
                         "functions: {g(x): 1, \"f(x, y)\": x, net: 3}\nnetworks: {other(z): [tanh]}\n"
                         "metrics: {f: {mean: 1}}\noptimizers: {\"g(p, g)\": {p: g}}\nschedule: {steps: 3}\n");
    assert_string_equal(c.d->sources[doc_entry(doc_get(spec, "vars"), "z")->loc.file].name, path_of(&c, "a.yaml"));
    end(&c);
}

static void an_empty_section_takes_nothing_away(void **state) {
    (void)state;
    Case c = begin();
    put(&c, "main.yaml", "include: a.yaml\nvars:\noutputs: [wrong]\n");
    put(&c, "a.yaml", "vars: {x: 1}\noutputs: {y: 1}\n");
    check_spec(&c, read_with(&c, NULL, NULL), "vars: {x: 1}\noutputs: [wrong]\n");
    end(&c);
}

static void includes_are_relative_to_their_file(void **state) {
    (void)state;
    Case c = begin();
    mkdir(path_of(&c, "sub"), 0700);
    put(&c, "main.yaml", "include: sub/a.yaml\nvars: {x: 1}\n");
    put(&c, "sub/a.yaml", "include: 'b.yaml'\nvars: {y: 1}\n");
    put(&c, "sub/b.yaml", "vars: {z: 1}\n");
    check_spec(&c, read_with(&c, NULL, NULL), "vars: {x: 1, y: 1, z: 1}");
    c.n = 1;
    remove(path_of(&c, "sub/a.yaml"));
    remove(path_of(&c, "sub/b.yaml"));
    rmdir(path_of(&c, "sub"));
    end(&c);
}

static void wrong_includes_are_refused(void **state) {
    (void)state;
    Case c = begin();
    put(&c, "main.yaml", "include: [a.yaml, none.yaml, [x], main.yaml]\n");
    put(&c, "a.yaml", "include: b.yaml\n");
    put(&c, "b.yaml", "include: ./a.yaml\n");
    check_refused(&c, NULL, NULL);
    const Diag *m = c.d->first;
    check_error(m, arena_printf(c.arena, "include: '%s' includes itself, directly or through others",
                                path_of(&c, "./a.yaml")), 1, 10);
    check_error(m->next, arena_printf(c.arena, "cannot read '%s': No such file or directory", path_of(&c, "none.yaml")), 1, 19);
    check_error(m->next->next, "include: a file or a list of files is expected", 1, 30);
    check_error(m->next->next->next, arena_printf(c.arena, "include: '%s' includes itself, directly or through others",
                                                  path_of(&c, "main.yaml")), 1, 35);
    end(&c);
}

static void includes_are_limited(void **state) {
    (void)state;
    Case c = begin();
    put(&c, "main.yaml", "include: [l1.yaml, l1.yaml]");
    for (int i = 1; i < 9; i++)
        put(&c, arena_printf(c.arena, "l%d.yaml", i), arena_printf(c.arena, "include: [l%d.yaml, l%d.yaml]", i + 1, i + 1));
    put(&c, "l9.yaml", "vars: {x: 1}");
    check_refused(&c, NULL, NULL);
    assert_string_equal(c.d->first->text, "include: more than 100 files");
    end(&c);
}

static void a_spec_is_a_mapping(void **state) {
    (void)state;
    Case c = begin();
    put(&c, "main.yaml", "- a\n");
    check_refused(&c, NULL, NULL);
    check_error(c.d->first, "a spec is a mapping of sections such as 'networks:' and 'players:'", 1, 1);
    end(&c);
}

/* ---- presets ---- */

static const char base[] =
    "vars: {width: 64, batch: 8, list: [1, 2, 3]}\n"
    "presets:\n"
    "  tiny: {vars: {width: 4}, schedule: {steps: 10}, data: {d: {count: 5}}, players: {p: {maximize: x}}}\n"
    "  other: {vars: {list: [4]}, networks: {net: [relu], \"wide(x, y)\": tanh}}\n"
    "data:\n  d: &d {source: idx, batch: batch}\n  e: *d\n"
    "networks:\n  net(z): [{dense: {units: 3, bias: true}}, relu]\n  wide(x, y): x\n"
    "players:\n  p: {minimize: net, log: {a: 1}}\n"
    "schedule:\n  epochs: 3\n  each: [p]\n";

static void presets_change_single_keys(void **state) {
    (void)state;
    Case c = begin();
    put(&c, "main.yaml", base);
    check_spec(&c, read_with(&c, "tiny", NULL),
               "vars: {width: 4, batch: 8, list: [1, 2, 3]}\n"
               "data: {d: {source: idx, batch: batch, count: 5}, e: {source: idx, batch: batch}}\n"
               "networks: {net(z): [{dense: {units: 3, bias: true}}, relu], \"wide(x, y)\": x}\n"
               "players: {p: {maximize: x, log: {a: 1}}}\nschedule: {steps: 10, each: [p]}\n");
    check_spec(&c, read_with(&c, "other", NULL),
               "vars: {width: 64, batch: 8, list: [4]}\n"
               "data: {d: {source: idx, batch: batch}, e: {source: idx, batch: batch}}\n"
               "networks: {net(z): [relu], \"wide(x, y)\": tanh}\n"
               "players: {p: {minimize: net, log: {a: 1}}}\nschedule: {epochs: 3, each: [p]}\n");
    end(&c);
}

/* Each is laid over what the one before left; a list is replaced whole. */
static void presets_are_taken_in_their_order(void **state) {
    (void)state;
    static const char *const orders[][2] = {{"a", "b"}, {"b", "a"}};
    static const char *const gives[] = {"vars: {x: 3, y: 2, list: [5]}\nschedule: {epochs: 7}\n",
                                        "vars: {x: 2, y: 2, list: [4, 4]}\nschedule: {steps: 9}\n"};
    for (int i = 0; i < 2; i++) {
        Case c = begin();
        put(&c, "main.yaml", "vars: {x: 1, y: 1, list: [1, 2, 3]}\nschedule: {epochs: 1}\n"
                             "presets:\n  a: {vars: {x: 2, y: 2, list: [4, 4]}, schedule: {steps: 9}}\n"
                             "  b: {vars: {x: 3, list: [5]}, schedule: {epochs: 7}}\n");
        SpecChanges changes = {.npreset = 2, .preset = orders[i]};
        check_spec(&c, spec_read(path_of(&c, "main.yaml"), &changes, c.d), gives[i]);
        end(&c);
    }
}

static void unknown_presets_are_refused(void **state) {
    (void)state;
    Case c = begin();
    put(&c, "main.yaml", base);
    check_refused(&c, "tny", NULL);
    check_error(c.d->first, "there is no preset 'tny', did you mean 'tiny'?", 2, 1);
    end(&c);
    c = begin();
    put(&c, "main.yaml", "vars: {x: 1}");
    check_refused(&c, "tiny", NULL);
    check_error(c.d->first, "there is no preset 'tiny': the spec has none", 0, 0);
    end(&c);
}

static void every_preset_is_checked(void **state) {
    (void)state;
    Case c = begin();
    put(&c, "main.yaml", "vars: {width: 1}\nplayers: {p: {minimize: x}}\npresets:\n  a: {vars: {widht: 2}}\n  b: 3\n"
                         "  c: {playrs: {}}\n  d: {include: x}\n  e: {metrics: {m: 1}}\n  f: {players: {q: {minimize: 1}}}\n");
    check_refused(&c, NULL, NULL);
    const Diag *m = c.d->first;
    check_error(m, "there is no 'widht' in 'vars', did you mean 'width'?", 4, 14);
    check_error(m = m->next, "'width' stands here", 1, 8);
    check_error(m = m->next, "preset 'b': a mapping of changes is expected", 5, 6);
    check_error(m = m->next, "a spec has no section 'playrs', did you mean 'players'?", 6, 7);
    check_error(m = m->next, "'players' stands here", 2, 1);
    check_error(m = m->next, "'include' cannot be changed by a preset or --set", 7, 7);
    check_error(m = m->next, "the spec has no section 'metrics' to change", 8, 7);
    check_error(m = m->next, "there is no 'q' in 'players'", 9, 17);
    end(&c);
    c = begin();
    put(&c, "main.yaml", "presets: [a]");
    check_refused(&c, NULL, NULL);
    check_error(c.d->first, "presets: a mapping from names to changes is expected", 1, 10);
    end(&c);
}

/* ---- --set ---- */

static void settings_change_one_value(void **state) {
    (void)state;
    Case c = begin();
    put(&c, "main.yaml", base);
    const char *set[] = {"vars.width=128", "vars.width=2*vars.width", "vars.list=[7]", "networks.net.0.dense.units=5",
                         "networks.wide='text'", "schedule.steps=9", "schedule.checkpoint.every=2", "data.d.path=a=b.c",
                         "players.p.log={b: 2}", "players.p.parameters(a.b=c)=1", "vars.list.0=\"f(1, 2)\"", NULL};
    Doc *spec = read_with(&c, "tiny", set);
    check_spec(&c, spec,
               "vars: {width: 2*vars.width, batch: 8, list: [\"f(1, 2)\"]}\n"
               "data: {d: {source: idx, batch: batch, count: 5, path: a=b.c}, e: {source: idx, batch: batch}}\n"
               "networks: {net(z): [{dense: {units: 5, bias: true}}, relu], \"wide(x, y)\": 'text'}\n"
               "players: {p: {maximize: x, log: {b: 2}, parameters(a.b=c): 1}}\n"
               "schedule: {steps: 9, each: [p], checkpoint: {every: 2}}\n");
    Doc *width = doc_get(doc_get(spec, "vars"), "width");
    Loc at = doc_loc_at(width, 2);
    assert_string_equal(c.d->sources[at.file].name, "--set");
    assert_int_equal(at.line, 2);
    assert_int_equal(at.col, 14);
    end(&c);
}

static void wrong_settings_are_refused(void **state) {
    (void)state;
    static const struct { const char *set, *error; uint32_t col; } rows[] = {
        {"vars.widht=3", "there is no 'widht' in 'vars', did you mean 'width'?", 6},
        {"width=3", "a spec has no section 'width', did you mean 'vars.width'?", 1},
        {"metrisc.x=3", "a spec has no section 'metrisc', did you mean 'metrics'?", 1},
        {"metrics.x=3", "the spec has no section 'metrics' to change", 1},
        {"presets.tiny=3", "'presets' cannot be changed by a preset or --set", 1},
        {"vars.width.x=3", "'vars.width' is one value; it has no 'x'", 12},
        {"networks.net.7=relu", "'networks.net' is a list of 2, counted from 0; it has no '7'", 14},
        {"networks.net.dense=3", "'networks.net' is a list of 2, counted from 0; it has no 'dense'", 14},
        {"vars.width", "KEY.PATH=VALUE is expected, as in vars.width=64", 11},
        {"vars..width=3", "KEY.PATH=VALUE is expected, as in vars.width=64", 6},
        {"=3", "KEY.PATH=VALUE is expected, as in vars.width=64", 1},
        {"", "KEY.PATH=VALUE is expected, as in vars.width=64", 1},
        {"vars.width=  ", "a value is missing after '='", 12},
        {"vars.width\n=3", "one line without control characters is expected", 11},
        {"vars.width=3\n", "one line without control characters is expected", 13},
        {"vars.\xC3\xA9=3", "names in a path are made of ASCII letters, digits and '_'", 6},
        {"vars.width=[1", "YAML: did not find expected ',' or ']'" QUOTE_HINT, 14},
        {"vars.width=\xFF", "byte 0xFF is not UTF-8 text", 12},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Case c = begin();
        put(&c, "main.yaml", base);
        const char *set[] = {"vars.batch=1", rows[i].set, "vars.batch=2", NULL};
        check_refused(&c, NULL, set);
        check_error(c.d->first, rows[i].error, 2, rows[i].col);
        assert_int_equal(c.d->errors, 1);
        end(&c);
    }
}

static void the_whole_spec_is_limited(void **state) {
    (void)state;
    Case c = begin();
    put(&c, "main.yaml", base);
    Str path = {.arena = c.arena}, deep = {.arena = c.arena}, set = {.arena = c.arena};
    str_add(&path, "schedule");
    for (int i = 0; i < 40; i++) str_add(&path, ".a"), str_add(&deep, "[");
    for (int i = 0; i < 40; i++) str_add(&deep, "]");
    str_printf(&set, "%s=%s", path.text, deep.text);
    const char *one[] = {set.text, NULL};
    check_refused(&c, NULL, one);
    assert_string_equal(c.d->first->text, "the whole spec has more than 100000 values or 64 levels");
    for (int i = 0; i < 40; i++) str_add(&path, ".a");
    const char *two[] = {arena_printf(c.arena, "%s=1", path.text), NULL};
    check_refused(&c, NULL, two);
    assert_string_equal(c.d->first->next->text, "the path is too long");
    end(&c);
}

/* ---- the models of the project ---- */

static void models_print_and_read_back(void **state) {
    (void)state;
    struct dirent **entry;
    int n = scandir(SOURCE_DIR "/models", &entry, NULL, alphasort), seen = 0;
    for (int i = 0; i < n; i++) {
        const char *name = entry[i]->d_name;
        size_t length = strlen(name);
        if (length > 5 && !strcmp(name + length - 5, ".yaml")) {
            Case c = begin();
            Doc *spec = spec_read(arena_printf(c.arena, SOURCE_DIR "/models/%s", name), NULL, c.d);
            if (!spec) fail_msg("%s: %s", name, c.d->first->text);
            FILE *f = fopen(path_of(&c, "main.yaml"), "w");
            doc_print(spec, f);
            fclose(f);
            c.file[c.n++] = path_of(&c, "main.yaml");
            Doc *again = read_with(&c, NULL, NULL);
            if (!again || !doc_equal(spec, again)) fail_msg("%s: prints as another spec", name);
            end(&c);
            seen++;
        }
        free(entry[i]);
    }
    if (n >= 0) free(entry);
    print_message("%d models\n", seen);
    if (!seen) skip();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_definition_replaces_the_whole_earlier_one),
        cmocka_unit_test(an_empty_section_takes_nothing_away),
        cmocka_unit_test(includes_are_relative_to_their_file),
        cmocka_unit_test(wrong_includes_are_refused),
        cmocka_unit_test(includes_are_limited),
        cmocka_unit_test(a_spec_is_a_mapping),
        cmocka_unit_test(presets_change_single_keys),
        cmocka_unit_test(presets_are_taken_in_their_order),
        cmocka_unit_test(unknown_presets_are_refused),
        cmocka_unit_test(every_preset_is_checked),
        cmocka_unit_test(settings_change_one_value),
        cmocka_unit_test(wrong_settings_are_refused),
        cmocka_unit_test(the_whole_spec_is_limited),
        cmocka_unit_test(models_print_and_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
