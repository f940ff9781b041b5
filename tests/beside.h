/* For tests that compile changed copies of shipped specs: a folder where the others stand beside the copy, so that it can
 * include them; and which functions a spec calls by default. */
#pragma once
#include "base/str.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char beside[] = "/tmp/beside-XXXXXX";

static void beside_make(const char *models) {
    struct dirent **entry;
    char from[1000], to[1000];
    if (!mkdtemp(beside)) abort();
    int n = scandir(models, &entry, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        snprintf(from, sizeof from, "%s/%s", models, entry[i]->d_name);
        snprintf(to, sizeof to, "%s/%s", beside, entry[i]->d_name);
        if (strstr(entry[i]->d_name, ".yaml") && symlink(from, to)) abort();
        free(entry[i]);
    }
    if (n >= 0) free(entry);
}

static void beside_drop(void) {
    char command[1000];
    snprintf(command, sizeof command, "rm -r %s", beside);
    if (system(command)) abort();
}

/* Whether the line stands in a definition `  name(...):` whose name stands nowhere else in the text, comments aside: one of
 * several that a user may choose from, which nothing reads by default. */
static bool unread(const char *text, unsigned line) {
    char name[100] = "";
    unsigned at = 1, found = 0;
    for (const char *p = text; *p && at <= line; p += strcspn(p, "\n"), p += *p == '\n', at++) {
        if (*p == '#' || *p == '\n' || !strncmp(p, "   ", 3)) continue;
        size_t n = strspn(p + 2, "abcdefghijklmnopqrstuvwxyz_0123456789");
        bool head = !strncmp(p, "  ", 2) && n && n < sizeof name && p[2 + n] == '(';
        snprintf(name, sizeof name, "%.*s", head ? (int)n : 0, p + 2);
    }
    for (const char *p = text; *name && *p; p++) {
        if (*p == '#' && (p == text || p[-1] == ' ' || p[-1] == '\n')) p += strcspn(p, "\n");
        bool begins = p == text || !strchr("abcdefghijklmnopqrstuvwxyz_0123456789", p[-1]);
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz_0123456789");
        found += begins && n == strlen(name) && !strncmp(p, name, n);
        if (!*p) break;
    }
    return found == 1;
}
