/* Every place that can complain is reached by some test. The places are found in the sources: calls of diag_error,
 * diag_data, diag_warn, diag_note, reject, refuse, source_complain, wrong_cell, bad_image. What was reached is in the file that GRAPHRUN_DIAG_SITES names, to which
 * every test before this one has added. Those that no test reaches are listed. */
#include "base/arena.h"
#include "readall.h"
#include "base/vec.h"

#include <ctype.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct { const char *file; int first, last; } Site;             /* a call may span lines: any of them is reported */
typedef VEC(Site) Sites;
typedef struct { const char *file; int line; } Reached;
typedef VEC(Reached) Reports;

static const char *const callers[] = {"diag_error", "diag_data", "diag_warn", "diag_note", "reject", "refuse", "source_complain", "wrong_cell", "bad_image", NULL};

/* Overwrites comments, texts and preprocessor lines by blanks, so that only code is left. */
static void keep_code(char *p) {
    bool line_start = true;
    while (*p) {
        char *end = p + 1;
        if (p[0] == '/' && p[1] == '*') {
            end = strstr(p, "*/");
            end = end ? end + 2 : p + strlen(p);
        } else if (p[0] == '/' && p[1] == '/') {
            end = p + strcspn(p, "\n");
        } else if (*p == '"' || *p == '\'') {
            while (*end && *end != *p) end += *end == '\\' ? 2 : 1;
            end++;
        } else if (*p == '#' && line_start) {
            while (*end && (*end != '\n' || end[-1] == '\\')) end++;
        } else {
            line_start = *p == '\n' || (line_start && isspace((unsigned char)*p));
            p = end;
            continue;
        }
        for (; p < end; p++)
            if (*p != '\n') *p = ' ';
    }
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

static bool calls(const char *text, const char *p) {
    if (p > text && is_word(p[-1])) return false;
    for (const char *const *name = callers; *name; name++)
        if (!strncmp(p, *name, strlen(*name)) && p[strlen(*name)] == '(') return true;
    return false;
}

static void sites_of(Arena *a, const char *root, const char *file, Sites *out) {
    char *text = read_all(a, arena_printf(a, "%s/%s", root, file), NULL);
    keep_code(text);
    int line = 1;
    for (char *p = text; *p; p++) {
        line += *p == '\n';
        if (!calls(text, p)) continue;
        Site site = {file, line, line};
        int depth = 0;
        for (char *q = strchr(p, '('); *q; q++) {
            site.last += *q == '\n';
            depth += (*q == '(') - (*q == ')');
            if (!depth) break;
        }
        vec_push(a, out, site);
    }
}

static void scan(Arena *a, const char *root, const char *folder, Sites *out) {
    struct dirent **entry;
    int n = scandir(*folder ? arena_printf(a, "%s/%s", root, folder) : root, &entry, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const char *name = entry[i]->d_name;
        size_t length = strlen(name);
        if (entry[i]->d_type == DT_DIR && name[0] != '.') scan(a, root, arena_printf(a, "%s/%s", folder, name), out);
        if (length > 2 && !strcmp(name + length - 2, ".c")) sites_of(a, root, arena_printf(a, "%s/%s", folder, name), out);
        free(entry[i]);
    }
    if (n >= 0) free(entry);
}

static Reports reports_read(Arena *a, const char *path) {
    Reports out = {0};
    char *text = access(path, R_OK) ? NULL : read_all(a, path, NULL);      /* none: nothing was reported */
    for (char *p = text, *end; p && *p; p = end) {
        end = p + strcspn(p, "\n");
        if (*end) *end++ = 0;
        char *tab = strchr(p, '\t');
        if (!tab) continue;                           /* the rest of a text with line ends */
        *tab = 0;
        char *colon = strrchr(p, ':');
        if (!colon) continue;
        *colon = 0;
        Reached r = {p, atoi(colon + 1)};
        vec_push(a, &out, r);
    }
    return out;
}

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end) && (n == m || text[n - m - 1] == '/');
}

static bool reached(const Reports *reports, const Site *s) {
    for (int i = 0; i < reports->n; i++) {
        const Reached *r = &reports->at[i];
        if (r->line >= s->first && r->line <= s->last && ends_with(r->file, s->file)) return true;
    }
    return false;
}

static void every_site_is_reached(void **state) {
    (void)state;
    const char *path = getenv("GRAPHRUN_DIAG_SITES");
    if (!path) skip();                                /* run by hand: nobody has recorded */
    Arena *a = arena_new();
    Sites sites = {0};
    scan(a, SOURCE_DIR, "parser", &sites);
    scan(a, SOURCE_DIR, "runtime", &sites);
    scan(a, SOURCE_DIR, "datasets", &sites);
    Reports reports = reports_read(a, path);
    assert_true(sites.n > 50);                        /* the scan works */
    int missed = 0;
    for (int i = 0; i < sites.n; i++) {
        if (reached(&reports, &sites.at[i])) continue;
        print_error("not reached by any test: %s:%d\n", sites.at[i].file, sites.at[i].first);
        missed++;
    }
    print_message("%d of %d places that complain are reached\n", sites.n - missed, sites.n);
    arena_free(a);
    assert_int_equal(missed, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_site_is_reached)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
