/* The prelude's definitions as data: what `help language prelude`, `show function` and the schema say of
 * them. */
#include "cli/help.h"

#include "base/str.h"

#include <string.h>

/* "  # ---- layers -----" names the group of what follows. */
static const char *group_of(Arena *a, const char *line) {
    line += strspn(line, " ");
    if (strncmp(line, "# ----", 6)) return NULL;
    line += strspn(line, "# -");
    size_t n = strcspn(line, "-\n");
    while (n && line[n - 1] == ' ') n--;
    return arena_strndup(a, line, n);
}

static void add_section(Arena *a, Definitions *out, const Doc *all, const char *section,
                        const char *const *groups) {
    const Doc *map = doc_get(all, section);
    for (int i = 0; map && map->kind == DOC_MAP && i < map->n; i++) {
        const DocEntry *k = &map->entry[i];
        size_t n = strcspn(k->key, "( ");
        out->at[out->n++] = (Definition){groups[k->loc.line] ? groups[k->loc.line] : section,
                                         section,
                                         k->key,
                                         arena_strndup(a, k->key, n),
                                         k->value,
                                         k->loc};
    }
}

Definitions definitions_read(const char *name, const char *text, size_t size, Diags *d) {
    Definitions out = {.arena = d->arena};
    const Doc *all = doc_parse(name, text, size, d);
    if (!all || all->kind != DOC_MAP) return out;
    static const char *const sections[] = {"functions", "networks", "optimizers", NULL};
    int lines = 2, most = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++) lines++;
    const char **groups = ARENA_ARRAY(d->arena, const char *, lines + 1), *now = NULL;
    const char *line = text;
    for (int i = 1; i < lines; i++) {
        const char *found = group_of(d->arena, line);
        if (found || (*line && !strchr(" #\n", *line))) now = found; /* a new section has no group yet */
        groups[i] = now;
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    for (const char *const *s = sections; *s; s++) {
        const Doc *map = doc_get(all, *s);
        if (map && map->kind == DOC_MAP) most += map->n;
    }
    out.at = ARENA_ARRAY(d->arena, Definition, most + 1);
    for (const char *const *s = sections; *s; s++) add_section(d->arena, &out, all, *s, groups);
    return out;
}

/* One row a group. */
void help_prelude(int indent) {
    size_t size;
    const char *text = prelude_source(&size);
    Arena *a = arena_new();
    if (!a) return;
    Definitions all = definitions_read("prelude", text, size, diags_new(a));
    for (int i = 0, k; i < all.n; i = k) {
        Str names = {.arena = a};
        for (k = i; k < all.n && !strcmp(all.at[k].group, all.at[i].group); k++)
            str_printf(&names, "%s%s", k > i ? ", " : "", all.at[k].name);
        text_wrap(arena_printf(a, "%s: %s", all.at[i].group, names.text), indent, indent + 4);
    }
    arena_free(a);
}
