/* Changes by presets and --set. A key must be there already, except where the mapping is open: what a definition holds
 * may get keys that it left to their defaults, and so may the schedule. Whether such a key means anything is for the
 * syntax check to say, at the key's position in the preset or in the argument.
 */
#include "parser/change.h"

#include "base/str.h"
#include "base/vec.h"
#include "parser/place.h"

#include <stdlib.h>

const Section sections[] = {
    {"vars", true, true},         {"data", true, true},         {"functions", true, true}, {"networks", true, true},
    {"iteration", true, true},    {"optimizers", true, false},  {"players", true, false},  {"metrics", true, false},
    {"outputs", true, false},     {"presets", true, false},     {"schedule", false, false}, {"include", false, false},
    {"precision", false, false},
    {NULL, false, false},
};

const Section *section_find(const char *name) {
    for (const Section *s = sections; s->name; s++)
        if (!strcmp(s->name, name)) return s;
    return NULL;
}

size_t bare_length(const char *key) {
    size_t n = strcspn(key, "(");
    while (n && key[n - 1] == ' ') n--;
    return n;
}

Doc *map_copy(Arena *a, const Doc *map, int room) {
    Doc *copy = arena_copy(a, map, sizeof *map);
    copy->entry = ARENA_ARRAY(a, DocEntry, map->n + room);
    if (map->n) memcpy(copy->entry, map->entry, (size_t)map->n * sizeof *map->entry);
    return copy;
}

typedef struct {
    Diags *d;
    Arena *a;
    const Section *section;                           /* of the key being changed */
    bool failed;
} Change;

/* Two words for one setting: giving one takes the other away. */
static const char *twin(const Change *c, const char *key) {
    static const char *const pairs[][3] = {{"schedule", "steps", "epochs"}, {"players", "minimize", "maximize"}};
    for (int i = 0; i < 2; i++)
        for (int k = 1; k <= 2; k++)
            if (!strcmp(c->section->name, pairs[i][0]) && !strcmp(key, pairs[i][k])) return pairs[i][3 - k];
    return NULL;
}

/* Level 0 is the spec, 1 a section, 2 a definition. */
static bool is_open(const Change *c, int level) {
    if (level == 0) return c->section && !c->section->named;
    return strcmp(c->section->name, "vars") != 0 && (level > 1 || !c->section->named);
}

/* `vars.width` for somebody who wrote `width`; NULL if no section has it. */
static const char *full_path(Change *c, const Doc *spec, const char *key) {
    for (int i = 0; i < spec->n; i++) {
        const DocEntry *e = &spec->entry[i];
        if (section_find(e->key) && doc_entry(e->value, key)) return arena_printf(c->a, "%s.%s", e->key, key);
    }
    return NULL;
}

static void unknown_key(Change *c, const Doc *in, const char *path, int level, const char *key, Loc loc) {
    Nearest near = nearest_to(key);
    for (int i = 0; i < in->n; i++)
        nearest_add(&near, arena_strndup(c->a, in->entry[i].key, bare_length(in->entry[i].key)));
    for (const Section *s = sections; s->name && !level; s++) nearest_add(&near, s->name);
    const char *full = level ? NULL : full_path(c, in, key);
    const char *hint = full ? arena_printf(c->a, ", did you mean '%s'?", full) : nearest_hint(c->a, &near);
    if (level) diag_error(c->d, loc, "there is no '%s' in '%s'%s", key, path, hint);
    else if (c->section) diag_error(c->d, loc, "the spec has no section '%s' to change%s", key, hint);
    else diag_error(c->d, loc, "a spec has no section '%s'%s", key, hint);
    const DocEntry *meant = near.best ? doc_entry(in, near.best) : NULL;
    if (meant) diag_note(c->d, meant->loc, "'%s' stands here", meant->key);
    c->failed = true;
}

/* The entry for a key in a map that was copied with room for one more; NULL after a message. */
static DocEntry *entry_for(Change *c, Doc *map, const char *path, int level, const DocEntry *want) {
    const char *key = want->key;
    if (level == 0) c->section = section_find(key);
    if (level == 0 && c->section && (!strcmp(key, "include") || !strcmp(key, "presets"))) {
        diag_error(c->d, want->loc, "'%s' cannot be changed by a preset or --set", key);
        c->failed = true;
        return NULL;
    }
    DocEntry *found = doc_entry(map, key);
    for (int i = 0; i < map->n && !found && level == 1; i++) {
        const char *other = map->entry[i].key;
        if (strlen(key) == bare_length(other) && !strncmp(key, other, strlen(key))) found = &map->entry[i];
    }
    if (found) return found;
    if (!is_open(c, level)) {
        unknown_key(c, map, path, level, key, want->loc);
        return NULL;
    }
    const char *other = level ? twin(c, key) : NULL;
    found = other ? doc_entry(map, other) : NULL;
    if (!found) found = &map->entry[map->n++];
    *found = *want;
    found->value = NULL;
    return found;
}

static const char *joined(Change *c, const char *path, const char *key) {
    return *path ? arena_printf(c->a, "%s.%s", path, key) : key;
}

/* ---- presets: a mapping laid over another ---- */

static Doc *overlay(Change *c, const Doc *old, const Doc *with, const char *path, int level) {
    Doc *map = map_copy(c->a, old, with->n);
    for (int i = 0; i < with->n; i++) {
        const DocEntry *want = &with->entry[i];
        DocEntry *e = entry_for(c, map, path, level, want);
        if (!e) continue;
        bool both = e->value && e->value->kind == DOC_MAP && want->value->kind == DOC_MAP;
        e->value = both ? overlay(c, e->value, want->value, joined(c, path, want->key), level + 1) : want->value;
    }
    return map;
}

Doc *change_preset(const Doc *spec, const DocEntry *preset, Diags *d) {
    Change c = {.d = d, .a = d->arena};
    if (preset->value->kind != DOC_MAP) {
        diag_error(d, preset->value->loc, "preset '%s': a mapping of changes is expected", preset->key);
        return NULL;
    }
    Doc *changed = overlay(&c, spec, preset->value, "", 0);
    return c.failed ? NULL : changed;
}

/* ---- --set: one value at the end of a path ---- */

typedef struct { VEC(DocEntry) part; Doc *value; } Setting;

static Doc *set_in(Change *c, const Doc *old, const Setting *s, const char *path, int level);

static Doc *set_element(Change *c, const Doc *list, const Setting *s, const char *path, int level) {
    const DocEntry *want = &s->part.at[level];
    size_t digits = strspn(want->key, "0123456789");
    long at = digits && !want->key[digits] && digits < 9 ? atol(want->key) : -1;
    if (at < 0 || at >= list->n) {
        diag_error(c->d, want->loc, "'%s' is a list of %d, counted from 0; it has no '%s'", path, list->n, want->key);
        c->failed = true;
        return NULL;
    }
    Doc *copy = arena_copy(c->a, list, sizeof *list);
    copy->item = arena_copy(c->a, list->item, (size_t)list->n * sizeof *list->item);
    copy->item[at] = set_in(c, list->item[at], s, joined(c, path, want->key), level + 1);
    return copy;
}

/* What stands at `path` with the setting made; `old` is NULL where the path is new. */
static Doc *set_in(Change *c, const Doc *old, const Setting *s, const char *path, int level) {
    if (level == s->part.n) return s->value;
    const DocEntry *want = &s->part.at[level];
    if (old && old->kind == DOC_LIST) return set_element(c, old, s, path, level);
    if (old && old->kind == DOC_SCALAR && old->length) {
        diag_error(c->d, want->loc, "'%s' is one value; it has no '%s'", path, want->key);
        c->failed = true;
        return NULL;
    }
    static const Doc none = {.kind = DOC_MAP};
    Doc *map = map_copy(c->a, old && old->kind == DOC_MAP ? old : &none, 1);
    if (!map->loc.line) map->loc = want->loc;
    DocEntry *e = entry_for(c, map, path, level, want);
    if (e) e->value = set_in(c, e->value, s, joined(c, path, want->key), level + 1);
    return map;
}

static Doc *key_scalar(Arena *a, const char *text, size_t n, Loc loc) {
    Doc *d = ARENA_NEW(a, Doc);
    uint32_t *line = ARENA_ARRAY(a, uint32_t, n + 1), *col = ARENA_ARRAY(a, uint32_t, n + 1);
    for (size_t i = 0; i <= n; i++) line[i] = loc.line, col[i] = loc.col + (uint32_t)i;
    *d = (Doc){.kind = DOC_SCALAR, .loc = loc, .text = arena_strndup(a, text, n), .length = n, .line = line, .col = col};
    return d;
}

/* KEY.PATH=VALUE; dots and equal signs inside brackets belong to a key. NULL or what is wrong, and where. */
static const char *split(Setting *s, Arena *a, const char *text, Loc loc, size_t *at) {
    int depth = 0;
    size_t from = 0;
    for (*at = 0;; ++*at) {
        char c = text[*at];
        if ((unsigned char)c > 0x7F) return "names in a path are made of ASCII letters, digits and '_'";
        if (c == '(' || c == '[') depth++;
        if (c == ')' || c == ']') depth--;
        if (c && (depth > 0 || (c != '.' && c != '='))) continue;
        if (!c || *at == from) return "KEY.PATH=VALUE is expected, as in vars.width=64";
        if (s->part.n == DOC_DEPTH) return "the path is too long";
        Loc start = {loc.file, loc.line, loc.col + (uint32_t)from};
        Doc *key = key_scalar(a, text + from, *at - from, start);
        vec_push(a, &s->part, ((DocEntry){key->text, start, key, NULL}));
        from = *at + 1;
        if (c == '=') break;
    }
    bool empty = !text[from + strspn(text + from, " ")];
    *at = from;
    return empty ? "a value is missing after '='" : NULL;
}

static bool read_setting(Diags *d, const char *text, Loc loc, Setting *out) {
    size_t at = 0;
    while ((unsigned char)text[at] >= 0x20 && text[at] != 0x7F) at++;
    const char *wrong = text[at] ? "one line without control characters is expected"
                                 : split(out, d->arena, text, loc, &at);
    loc.col += (uint32_t)at;
    if (wrong) diag_error(d, loc, "%s", wrong);
    else out->value = doc_parse_within(d, loc, text + at, strlen(text + at));
    return out->value != NULL;
}

Doc *change_set(const Doc *spec, const SpecChanges *changes, Diags *d) {
    Change c = {.d = d, .a = d->arena};
    Str all = {.arena = d->arena};
    for (int i = 0; i < changes->nset; i++) str_printf(&all, "%s\n", changes->set[i]);
    uint32_t file = diags_source(d, "--set", all.text, all.n);
    Doc *changed = map_copy(d->arena, spec, 0);
    for (int i = 0; i < changes->nset; i++) {         /* a failed one is left out, so that the others are checked */
        Setting s = {0};
        c.failed = !read_setting(d, changes->set[i], (Loc){file, (uint32_t)i + 1, 1}, &s);
        Doc *one = c.failed ? NULL : set_in(&c, changed, &s, "", 0);
        if (!c.failed) changed = one;
    }
    return changed;
}
