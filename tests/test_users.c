/* What a user writes on top of a spec that is there: tests/specs/NAME.yaml, a loss, a penalty, an optimiser or a layer in
 * at most twelve lines (comments not counted) beyond what it includes. Each is differentiated, trained, stopped and gone
 * on with, and says in comments what must come of it:
 *
 *   # expect step 2 generator.moved from 0.0002999 to 0.0003001      the value logged at that step
 *   # expect end metrics.modes from 5 to 8                           the last value logged
 */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/arena.h"
#include "readall.h"

enum { LINES_MOST = 12, PARTED = 40, STOPPED = 17 };

static char folder[] = "/tmp/graphrun-users-XXXXXX";

/* Runs graphrun in the folder; what it said is shown where it fails. */
static void graphrun(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void graphrun(const char *fmt, ...) {
    char words[1000], command[2000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    snprintf(command, sizeof command, "cd %s && %s %s >said 2>&1 || { cat said; false; }", folder, BINARY, words);
    if (system(command)) print_error("%s\n", words), fail();
}

static void same(const char *file) {
    char command[1000];
    snprintf(command, sizeof command, "cd %s && cmp whole/%s parted/%s", folder, file, file);
    assert_int_equal(system(command), 0);
}

static int lines_of_code(const char *text) {
    int n = 0;
    for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
        char first = p[strspn(p, " ")];
        n += first != '\n' && first != '#' && first;
    }
    return n;
}

/* The value of `name` in the line of that step, or the last there is (step < 0); NaN where there is none. */
static double logged(const char *log, const char *name, long step) {
    char key[210], begin[60];
    double value = NAN;
    snprintf(key, sizeof key, "\"%s\": ", name);
    snprintf(begin, sizeof begin, "{\"step\": %ld,", step);
    for (const char *p = log; *p; p += strcspn(p, "\n"), p += *p == '\n') {
        const char *at = strstr(p, key);
        bool here = at && at < p + strcspn(p, "\n") && (step < 0 || !strncmp(p, begin, strlen(begin)));
        if (here) value = strtod(at + strlen(key), NULL);
    }
    return value;
}

static bool holds(const char *line, const char *log) {
    char name[200];
    long step = -1;
    double low, high;
    const char *rest = line + strlen("# expect ");
    bool read = sscanf(rest, "step %ld %199s from %lf to %lf", &step, name, &low, &high) == 4 ||
                sscanf(rest, "end %199s from %lf to %lf", name, &low, &high) == 3;
    if (!read) print_error("not understood: ");
    double value = read ? logged(log, name, step) : NAN;
    bool good = value >= low && value <= high;
    if (!good) print_error("%.*s, but it is %g\n", (int)strcspn(line, "\n"), line, value);
    return good;
}

static void check_outcome(const char *text, const char *log) {
    int expected = 0, held = 0;
    for (const char *p = strstr(text, "# expect "); p; p = strstr(p + 1, "# expect ")) {
        expected++;
        held += holds(p, log);
    }
    assert_true(expected > 0);
    assert_int_equal(held, expected);
}

static void a_spec_of_a_user(void **state) {
    const char *path = *state;
    Arena *a = arena_new();
    const char *text = read_all(a, path, NULL);
    if (strstr(text, "include: ")) assert_in_range(lines_of_code(text), 1, LINES_MOST);
    graphrun("gradcheck %s --preset tiny", path);

    graphrun("%s --threads 1 -q --force --out outcome", path);
    check_outcome(text, read_all(a, arena_printf(a, "%s/outcome/log.jsonl", folder), NULL));

    graphrun("%s --threads 1 -q --force --out whole --steps %d", path, PARTED);
    graphrun("%s --threads 1 -q --force --out parted --steps %d", path, STOPPED);
    graphrun("train --resume parted -q --steps %d", PARTED);
    same(arena_printf(a, "checkpoints/step-%06d.safetensors", PARTED));
    same("log.jsonl");
    arena_free(a);
}

static int make_folder(void **state) {
    (void)state;
    return !mkdtemp(folder);
}

static int drop_folder(void **state) {
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void) {
    enum { MOST = 64 };
    Arena *a = arena_new();
    struct CMUnitTest *test = ARENA_ARRAY(a, struct CMUnitTest, MOST);
    struct dirent **entry;
    int n = 0, found = scandir(SOURCE_DIR "/tests/specs", &entry, NULL, alphasort);
    for (int i = 0; i < found; i++) {
        const char *name = entry[i]->d_name;
        size_t length = strlen(name);
        if (length > 5 && !strcmp(name + length - 5, ".yaml") && n < MOST)
            test[n++] = (struct CMUnitTest){arena_strdup(a, name), a_spec_of_a_user, NULL, NULL,
                                            arena_printf(a, SOURCE_DIR "/tests/specs/%s", name)};
        free(entry[i]);
    }
    if (found >= 0) free(entry);
    int failed = n ? _cmocka_run_group_tests("users", test, (size_t)n, make_folder, drop_folder) : 1;
    arena_free(a);
    return failed;
}
