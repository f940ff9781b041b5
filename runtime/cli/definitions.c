/* Definitions as data: functions, networks and update rules of the prelude or of a spec, for `show function`,
 * `help language` and the schema. */
#include "cli/help.h"

#include "base/str.h"
#include "parser/keys.h"

#include <stdlib.h>
#include <string.h>

/* "  # ---- layers -----" names the group of what follows, up to the next section. */
static const char *group_at(Arena *a, const Source *s, Loc loc, const char *otherwise) {
    const char *group = otherwise, *line = s->text;
    for (uint32_t i = 1; i < loc.line && line; i++) {
        size_t indent = strspn(line, " ");
        if (!indent && !strchr("#\n", *line)) group = otherwise;
        if (!strncmp(line + indent, "# ----", 6)) {
            const char *title = line + indent + strspn(line + indent, "# -");
            size_t n = strcspn(title, "-\n");
            while (n && title[n - 1] == ' ') n--;
            group = arena_strndup(a, title, n);
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return group;
}

Definitions definitions_of(const Doc *all, const Diags *d) {
    static const char *const sections[] = {"functions", "networks", "optimizers", NULL};
    Definitions out = {.arena = d->arena};
    int most = 0;
    for (const char *const *s = sections; *s; s++) {
        const Doc *map = doc_get(all, *s);
        if (map && map->kind == DOC_MAP) most += map->n;
    }
    out.at = ARENA_ARRAY(d->arena, Definition, most + 1);
    for (const char *const *s = sections; *s; s++) {
        const Doc *map = doc_get(all, *s);
        for (int i = 0; map && map->kind == DOC_MAP && i < map->n; i++) {
            const DocEntry *k = &map->entry[i];
            const Source *source = &d->sources[k->loc.file];
            out.at[out.n++] = (Definition){.group = group_at(d->arena, source, k->loc, *s),
                                           .section = *s,
                                           .head = k->key,
                                           .name = arena_strndup(d->arena, k->key, strcspn(k->key, "( ")),
                                           .entry = k,
                                           .source = source};
        }
    }
    return out;
}

Definitions definitions_of_prelude(Diags *d) {
    size_t size;
    const char *text = prelude_source(&size);
    const Doc *all = doc_parse("prelude", text, size, d);
    return all ? definitions_of(all, d) : (Definitions){.arena = d->arena};
}

const Definition *definition_named(const Definitions *all, const char *name, Nearest *near) {
    for (int i = 0; i < all->n; i++) {
        nearest_add(near, all->at[i].name);
        if (!strcmp(all->at[i].name, name)) return &all->at[i];
    }
    return NULL;
}

const char *definition_doc(const Definition *d) {
    const Doc *doc = d->entry->value->kind == DOC_MAP ? doc_get(d->entry->value, "doc") : NULL;
    return doc && doc->kind == DOC_SCALAR ? doc->text : "";
}

/* ---- lists ---- */

void help_prelude(int indent) {
    Arena *a = arena_new();
    if (!a) return;
    Definitions all = definitions_of_prelude(diags_new(a));
    for (int i = 0, k; i < all.n; i = k) {
        Str names = {.arena = a};
        for (k = i; k < all.n && !strcmp(all.at[k].group, all.at[i].group); k++)
            str_printf(&names, "%s%s", k > i ? ", " : "", all.at[k].head);
        text_wrap(arena_printf(a, "%s: %s", all.at[i].group, names.text), indent, indent + 4);
    }
    arena_free(a);
}

void definitions_list(const Definitions *all) {
    for (int i = 0; i < all->n; i++) {
        const Definition *d = &all->at[i];
        if (!i || strcmp(d->group, all->at[i - 1].group)) printf("%s# %s\n\n", i ? "\n" : "", d->group);
        text_wrap(d->head, 0, 8);
        if (*definition_doc(d)) text_wrap(definition_doc(d), 4, 4);
    }
}

/* ---- one ---- */

/* The value of a key as one line of YAML; NULL: it is not there. */
static char *line_of(Arena *a, const Doc *body, const char *key) {
    const Doc *d = body->kind == DOC_MAP ? doc_get(body, key) : NULL;
    if (!d) return NULL;
    if (d->kind == DOC_SCALAR) return arena_strdup(a, d->text);
    if (d->kind == DOC_MAP) {
        Str s = {.arena = a};
        for (int i = 0; i < d->n; i++) {
            const DocEntry *k = &d->entry[i];
            const char *quote = k->value->kind == DOC_SCALAR && k->value->style == DOC_SINGLE ? "'" : "";
            str_printf(&s, "%s%s: %s%s%s", i ? ", " : "{", k->key, quote, line_of(a, d, k->key), quote);
        }
        str_add(&s, "}");
        return s.text;
    }
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f) return NULL;
    doc_print(d, f);
    fclose(f);
    char *copy = arena_strndup(a, text, n && text[n - 1] == '\n' ? n - 1 : n);
    free(text);
    return copy;
}

/* The lines of the text: from its own to the next of the same or a smaller indent. */
char *definition_text(const Definition *d) {
    const char *line = d->source->text, *end = NULL;
    for (uint32_t i = 1; i < d->entry->loc.line; i++) line = strchr(line, '\n') + 1;
    size_t indent = strspn(line, " ");
    for (const char *p = line; *p;) { /* without the blank lines and comments behind it */
        size_t space = strspn(p, " ");
        if (p != line && space <= indent && p[space] != '\n') break;
        if (p[space] != '\n') end = p + strcspn(p, "\n");
        p += strcspn(p, "\n");
        p += *p == '\n';
    }
    return strndup(line, (size_t)(end - line));
}

void definition_show(const Definition *d) {
    Arena *a = d->source ? arena_new() : NULL;
    if (!a) return;
    bool rule = !strcmp(d->section, "optimizers");
    const Field *keys = rule ? optimizer_keys : body_keys;
    static const char *const own[] = {"doc", "state", "after", "return", NULL}; /* part of the text below */
    text_wrap(d->head, 0, 8);
    if (*definition_doc(d)) text_wrap(definition_doc(d), 4, 4);
    for (const Field *f = keys; f->name; f++) {
        bool skip = false;
        for (const char *const *o = own; *o; o++) skip = skip || !strcmp(*o, f->name);
        const Doc *v = d->entry->value;
        const Doc *part = v->kind == DOC_MAP ? doc_get(v, f->name) : NULL;
        if (skip || !part) continue;
        for (int i = 0; part->kind == DOC_MAP && i < part->n; i++)
            text_row(4, 16, i ? "" : f->name,
                     arena_printf(a, "%s: %s", part->entry[i].key, line_of(a, part, part->entry[i].key)));
        if (part->kind != DOC_MAP) text_row(4, 16, f->name, line_of(a, v, f->name));
    }
    char *text = definition_text(d);
    printf("\n%s\n", text ? text : "");
    free(text);
    arena_free(a);
}
