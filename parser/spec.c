/* One tree from many: included files merged under the one that says so, then the preset, then --set. Knows the names
 * of the sections and what is a definition's name, nothing of what definitions hold.
 */
#include "base/vec.h"
#include "parser/change.h"
#include "parser/expr.h"
#include "parser/keys.h"

#include <stdlib.h>

enum { MOST_FILES = 100 };

typedef struct Open { const char *real; const struct Open *from; } Open;   /* the files being read, innermost first */

typedef struct { Diags *d; Arena *a; int files; } Reader;

static bool same_name(const char *x, const char *y) {
    size_t n = bare_length(x);
    return n == bare_length(y) && !strncmp(x, y, n);
}

static bool has_name(const Doc *section, const char *name) {
    for (int i = 0; section && section->kind == DOC_MAP && i < section->n; i++)
        if (same_name(section->entry[i].key, name)) return true;
    return false;
}

/* Whether `over` defines the name anew, in this section or in another of the same namespace. */
static bool replaced(const Doc *over, const Section *section, const char *name) {
    if (has_name(doc_get(over, section->name), name)) return true;
    for (const Section *s = sections; s->name && section->global; s++)
        if (s->global && has_name(doc_get(over, s->name), name)) return true;
    return false;
}

static bool is_nothing(const Doc *d) { return d->kind == DOC_SCALAR && d->style == DOC_PLAIN && !d->length; }

/* A section of the files below, less what `over` defines anew, and then over's own. */
static Doc *merge_section(Arena *a, const Doc *below, const Doc *over, const Section *section) {
    const Doc *own = doc_get(over, section->name);
    bool both = own && own->kind == DOC_MAP;
    Doc *merged = map_copy(a, below, both ? own->n : 0);
    merged->n = 0;
    for (int i = 0; i < below->n; i++)
        if (!replaced(over, section, below->entry[i].key)) merged->entry[merged->n++] = below->entry[i];
    for (int i = 0; both && i < own->n; i++) merged->entry[merged->n++] = own->entry[i];
    merged->flow = false;
    return merged;
}

static Doc *merge(Arena *a, const Doc *below, const Doc *over) {
    Doc *all = map_copy(a, over, below->n);
    for (int i = 0; i < below->n; i++) {
        const DocEntry *b = &below->entry[i];
        const Section *s = section_find(b->key);
        DocEntry *own = doc_entry(all, b->key);
        bool mergeable = s && s->named && b->value->kind == DOC_MAP &&
                         (!own || own->value->kind == DOC_MAP || is_nothing(own->value));
        if (!own) {
            own = &all->entry[all->n++];
            *own = *b;
        }
        if (mergeable) own->value = merge_section(a, b->value, over, s);
    }
    return all;
}

static Doc *without(Arena *a, const Doc *map, const char *key) {
    Doc *rest = map_copy(a, map, 0);
    rest->n = 0;
    for (int i = 0; i < map->n; i++)
        if (strcmp(map->entry[i].key, key)) rest->entry[rest->n++] = map->entry[i];
    return rest;
}

static const char *beside(Arena *a, const char *file, const char *path) {
    const char *slash = strrchr(file, '/');
    if (path[0] == '/' || !slash) return path;
    return arena_printf(a, "%.*s/%s", (int)(slash - file), file, path);
}

/* The file's identity, to see a circle; the path itself where it does not exist. */
static const char *real_path(Arena *a, const char *path) {
    char *found = realpath(path, NULL);
    if (!found) return path;
    jmp_buf here, *old = arena_escape(a, &here);
    if (setjmp(here)) {
        free(found);
        arena_escape(a, old);
        arena_fail(a);
    }
    const char *kept = arena_strdup(a, found);
    arena_escape(a, old);
    free(found);
    return kept;
}

static Doc *read_file(Reader *r, const char *path, Loc asked, const Open *from);

static Doc *read_included(Reader *r, const Doc *what, const char *path, const Open *from) {
    if (what->kind == DOC_SCALAR && what->length) return read_file(r, beside(r->a, path, what->text), what->loc, from);
    diag_error(r->d, what->loc, "include: a file or a list of files is expected");
    return NULL;
}

static Doc *read_file(Reader *r, const char *path, Loc asked, const Open *from) {
    Open self = {real_path(r->a, path), from};
    for (const Open *o = from; o; o = o->from)
        if (!strcmp(o->real, self.real)) {
            diag_error(r->d, asked, "include: '%s' includes itself, directly or through others", path);
            return NULL;
        }
    if (++r->files > MOST_FILES) {
        diag_error(r->d, asked, "include: more than %d files", MOST_FILES);
        return NULL;
    }
    Doc *own = doc_read_at(path, asked, r->d);
    if (!own) return NULL;
    if (own->kind != DOC_MAP) {
        diag_error(r->d, own->loc, "a spec is a mapping of sections such as 'networks:' and 'players:'");
        return NULL;
    }
    const Doc *include = doc_get(own, "include");
    if (!include) return own;
    bool list = include->kind == DOC_LIST;
    Doc *all = NULL;
    for (int i = 0; i < (list ? include->n : 1); i++) {
        Doc *one = read_included(r, list ? include->item[i] : include, path, &self);
        if (one) all = all ? merge(r->a, all, one) : one;
    }
    own = without(r->a, own, "include");
    return all ? merge(r->a, all, own) : own;
}

/* One that is wrong changes nothing, so that the rest of the spec is checked. */
static Doc *apply_preset(Diags *d, Doc *spec, const DocEntry *presets, const char *chosen) {
    const Doc *sets = presets && !is_nothing(presets->value) ? presets->value : NULL;
    Nearest near = nearest_to(chosen);
    for (int i = 0; sets && i < sets->n; i++) {
        if (!strcmp(sets->entry[i].key, chosen)) {
            Doc *changed = change_preset(spec, &sets->entry[i], d);
            return changed ? changed : spec;
        }
        nearest_add(&near, sets->entry[i].key);
    }
    if (sets) diag_error(d, presets->loc, "there is no preset '%s'%s", chosen, nearest_hint(d->arena, &near));
    else diag_error(d, presets ? presets->loc : (Loc){0}, "there is no preset '%s': the spec has none", chosen);
    return spec;
}

static void check_expressions(Diags *d, const Doc *v) {
    if (v->kind == DOC_SCALAR && v->length && v->style != DOC_SINGLE) expr_parse(v, d, d->arena);
    for (int i = 0; v->kind != DOC_SCALAR && i < v->n; i++) {
        const char *key = v->kind == DOC_MAP ? v->entry[i].key : "";
        bool text = is_text_key(key) || is_binding_key(key) || !strcmp(key, "name");
        if (!text) check_expressions(d, v->kind == DOC_MAP ? v->entry[i].value : v->item[i]);
    }
}

/* Of sections in which every scalar is an expression. */
static void check_preset(Diags *d, const Doc *changes) {
    static const char *const said[] = {"vars", "functions", "networks", "optimizers", "players", "iteration", NULL};
    for (const char *const *one = said; *one && changes->kind == DOC_MAP; one++)
        if (doc_get(changes, *one)) check_expressions(d, doc_get(changes, *one));
}

/* All presets are tried, so that a mistake in one shows before it is used; then those chosen, in their order. */
static Doc *apply_presets(Diags *d, Doc *spec, const SpecChanges *changes) {
    const DocEntry *presets = doc_entry(spec, "presets");
    const Doc *sets = presets && !is_nothing(presets->value) ? presets->value : NULL;
    spec = without(d->arena, spec, "presets");
    if (sets && sets->kind != DOC_MAP) {
        diag_error(d, sets->loc, "presets: a mapping from names to changes is expected");
        return spec;
    }
    for (int i = 0; sets && i < sets->n; i++) {
        change_preset(spec, &sets->entry[i], d);
        check_preset(d, sets->entry[i].value);
    }
    for (int i = 0; changes && i < changes->npreset; i++) spec = apply_preset(d, spec, presets, changes->preset[i]);
    return spec;
}

/* Merging and --set can make a tree that no single file could hold. */
static bool is_sane(const Doc *d, int depth, int *nodes) {
    if (depth > DOC_DEPTH || ++*nodes > DOC_NODES) return false;
    for (int i = 0; d->kind != DOC_SCALAR && i < d->n; i++) {
        if (d->kind == DOC_MAP) ++*nodes;
        if (!is_sane(d->kind == DOC_MAP ? d->entry[i].value : d->item[i], depth + 1, nodes)) return false;
    }
    return true;
}

Doc *spec_read(const char *path, const SpecChanges *changes, Diags *d) {
    int errors = d->errors, nodes = 0;
    Reader r = {.d = d, .a = d->arena};
    Doc *spec = read_file(&r, path, (Loc){0}, NULL);
    if (!spec || d->errors != errors) return NULL;
    spec = apply_presets(d, spec, changes);
    if (changes && changes->nset) spec = change_set(spec, changes, d);
    if (is_sane(spec, 1, &nodes)) return spec;
    diag_error(d, spec->loc, "the whole spec has more than %d values or %d levels", DOC_NODES, DOC_DEPTH);
    return NULL;
}
