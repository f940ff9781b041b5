/* Tables on stdout: cells kept as text, columns as wide as their widest cell (counted in characters). */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 12 };

struct Table {
    int columns, n, cap;
    char right[COLUMNS];
    char **row; /* cells separated by tabs */
};

Table *table_new(int columns, const char *right) {
    Table *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->columns = columns;
    memcpy(t->right, right, (size_t)columns);
    return t;
}

void table_free(Table *t) {
    if (!t) return;
    for (int i = 0; i < t->n; i++) free(t->row[i]);
    free(t->row);
    free(t);
}

void table_add(Table *t, const char *fmt, ...) {
    if (!t) return;
    if (t->n == t->cap) {
        char **grown = realloc(t->row, (size_t)(t->cap + 64) * sizeof *grown);
        if (!grown) return;
        t->row = grown;
        t->cap += 64;
    }
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&t->row[t->n], fmt, ap) >= 0) t->n++;
    va_end(ap);
}

static int width(const char *text, size_t n) {
    int w = 0;
    for (size_t i = 0; i < n; i++) w += ((unsigned char)text[i] & 0xC0) != 0x80;
    return w;
}

static void put(FILE *to, const char *text, size_t n, int wide, bool right, bool last) {
    int space = wide - width(text, n);
    if (right) fprintf(to, "%*s", space, "");
    fwrite(text, 1, n, to);
    if (!right && !last) fprintf(to, "%*s", space, "");
    if (!last) fputs("  ", to);
}

void table_print(const Table *t, FILE *to, const char *indent) {
    int wide[COLUMNS] = {0};
    if (!t) return;
    for (int i = 0; i < t->n; i++) {
        const char *p = t->row[i];
        for (int c = 0; c < t->columns; c++) {
            size_t n = strcspn(p, "\t");
            if (width(p, n) > wide[c]) wide[c] = width(p, n);
            p += n + (p[n] == '\t');
        }
    }
    for (int i = 0; i < t->n; i++) {
        const char *p = t->row[i];
        fputs(indent, to);
        for (int c = 0; c < t->columns && *p; c++) {
            size_t n = strcspn(p, "\t");
            put(to, p, n, wide[c], t->right[c] == 'r', !p[n]);
            p += n + (p[n] == '\t');
        }
        fputc('\n', to);
    }
}
