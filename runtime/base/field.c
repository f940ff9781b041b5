/* Field rows: defaults, ranges, choices and text forms. Values of a spec get in by parser/apply.c. */
#include "base/field.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

const Field *field_find(const Field *table, const char *name) {
    for (const Field *f = table; f && f->name; f++)
        if (!strcmp(f->name, name)) return f;
    return NULL;
}

int field_choice(const char *choices, const char *word) {
    size_t n = strlen(word);
    int index = 0;
    for (const char *p = choices; p && *p; index++) {
        size_t m = strcspn(p, "|");
        if (m == n && !strncmp(p, word, n)) return index;
        p += m + (p[m] == '|');
    }
    return -1;
}

void field_choices_nearest(const char *choices, Nearest *n, Arena *a) {
    char *all = arena_strdup(a, choices), *save = NULL;
    for (char *w = strtok_r(all, "|", &save); w; w = strtok_r(NULL, "|", &save)) nearest_add(n, w);
}

static char *choice_name(const char *choices, int index, Arena *a) {
    for (; index > 0; index--) choices = strchr(choices, '|') + 1;
    return arena_strndup(a, choices, strcspn(choices, "|"));
}

bool field_in_range(const Field *f, double value) {
    return (f->min == 0 && f->max == 0) || (value >= f->min && value <= f->max);
}

static Ints default_ints(const Field *f) {
    int word = f->choices ? field_choice(f->choices, f->dflt) : -1;
    if (word >= 0) return (Ints){.n = -1 - word};
    Ints v = {0};
    for (const char *p = f->dflt; *p && v.n < INTS_MAX; p += *p == ' ') {
        char *end;
        v.at[v.n++] = strtoll(p, &end, 10);
        p = end;
    }
    return v;
}

static Every default_every(const char *text) {
    if (!strcmp(text, "end")) return (Every){EVERY_END, 0};
    char *end;
    int64_t n = strtoll(text, &end, 10);
    return (Every){strstr(end, "epoch") ? EVERY_EPOCHS : EVERY_STEPS, n};
}

static void set_default(const Field *f, void *at, Arena *a) {
    switch (f->type) {
    case F_INT: *(int64_t *)at = strtoll(f->dflt, NULL, 10); break;
    case F_FLOAT: *(double *)at = strtod(f->dflt, NULL); break;
    case F_BOOL: *(bool *)at = !strcmp(f->dflt, "true"); break;
    case F_TEXT: *(const char **)at = arena_strdup(a, f->dflt); break;
    case F_CHOICE: *(int *)at = field_choice(f->choices, f->dflt); break;
    case F_INTS: *(Ints *)at = default_ints(f); break;
    case F_EVERY: *(Every *)at = default_every(f->dflt); break;
    case F_EXPR: *(int *)at = -1; break;
    case F_FLOATS: case F_EXPRS: case F_NAMES: case F_PATHS: case F_LOGGED: case F_FORM: break;
    }
}

void field_defaults(const Field *table, void *into, Arena *a) {
    for (const Field *f = table; f && f->name; f++) {
        char *at = (char *)into + f->offset;
        if (f->dflt && (*f->dflt || f->type == F_EXPR)) set_default(f, at, a);
    }
}

char *field_show(const Field *f, const void *from, Arena *a) {
    const char *at = (const char *)from + f->offset;
    Str s = {.arena = a};
    switch (f->type) {
    case F_INT: return arena_printf(a, "%lld", (long long)*(const int64_t *)at);
    case F_FLOAT: return arena_printf(a, "%.17g", *(const double *)at);
    case F_BOOL: return arena_strdup(a, *(const bool *)at ? "true" : "false");
    case F_TEXT: return arena_strdup(a, *(const char *const *)at ? *(const char *const *)at : "");
    case F_CHOICE: return choice_name(f->choices, *(const int *)at, a);
    case F_EXPR: return arena_printf(a, "%d", *(const int *)at);
    case F_INTS: {
        const Ints *v = (const Ints *)at;
        if (v->n < 0) return choice_name(f->choices, -1 - v->n, a);
        str_add(&s, "[");
        for (int i = 0; i < v->n; i++) str_printf(&s, "%s%lld", i ? ", " : "", (long long)v->at[i]);
        str_add(&s, "]");
        return s.text;
    }
    case F_FLOATS: {
        const Floats *v = (const Floats *)at;
        str_add(&s, "[");
        for (int i = 0; i < v->n; i++) str_printf(&s, "%s%.17g", i ? ", " : "", v->at[i]);
        str_add(&s, "]");
        return s.text;
    }
    case F_EXPRS: return arena_printf(a, "%d", ((const Exprs *)at)->n);
    case F_NAMES: case F_PATHS: case F_LOGGED: {
        const Names *v = (const Names *)at;
        str_add(&s, "[");
        for (int i = 0; i < v->n; i++) str_printf(&s, "%s%s", i ? ", " : "", v->at[i]);
        str_add(&s, "]");
        return s.text;
    }
    case F_EVERY: {
        const Every *v = (const Every *)at;
        if (v->kind == EVERY_END) return arena_strdup(a, "end");
        return arena_printf(a, "%lld%s", (long long)v->n, v->kind == EVERY_EPOCHS ? " epochs" : "");
    }
    case F_FORM: break;
    }
    return arena_strdup(a, "");
}

void field_nearest(const Field *table, Nearest *n) {
    for (const Field *f = table; f && f->name; f++) nearest_add(n, f->name);
}
