/* libyaml's events -> a tree in the arena. Our own composer, because libyaml's accepts what a spec must not have:
 * duplicate keys, unknown aliases, aliases inside their own anchor, expansion without end. Knows no key's meaning.
 * No libyaml object outlives compose_all, also when the arena runs out: it chains the arena's escape.
 */
#include "parser/doc.h"

#include "base/str.h"
#include "base/vec.h"
#include "parser/indent.h"
#include "parser/place.h"

#include <errno.h>
#include <stdlib.h>
#include <yaml.h>

enum {
    MOST_BYTES = 4 << 20,
    MOST_ANCHORS = 1000,
    MOST_KEY = 500                                    /* libyaml's simple keys end at 1024 characters, escapes included */
};

typedef struct {
    const char *name;
    Doc *doc;                                         /* NULL while it is being composed */
    int nodes, height;                                /* of the tree below */
    Loc loc;
} Anchor;

typedef struct {
    yaml_parser_t parser;
    yaml_event_t event;                               /* the next event, not yet used up */
    Diags *d;
    Arena *a;
    Cursor at;
    uint32_t file;
    VEC(Anchor) anchors;
    int nodes;
    bool stopped;                                     /* an error after which nothing makes sense */
} Composer;

/* ---- what libyaml would read otherwise than an editor shows it ---- */

static int utf8_size_at(const unsigned char *s, size_t left) {
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    int n = s[0] < 0x80 ? 1 : s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (n == 1) return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4 || (size_t)n > left) return 0;
    unsigned code = s[0] & (0x7Fu >> n);
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        code = code << 6 | (s[i] & 0x3Fu);
    }
    return code < least[n] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? 0 : n;
}

/* NULL if the character may stand in a spec. Line breaks other than '\n' and "\r\n" would shift line numbers. */
static const char *bad_character(Arena *a, const unsigned char *s, size_t left) {
    int n = utf8_size_at(s, left);
    if (!n) return arena_printf(a, "byte 0x%02X is not UTF-8 text", s[0]);
    if (s[0] == 0) return "a NUL byte: this is no text file";
    if (s[0] == '\r' && (left < 2 || s[1] != '\n')) return "a carriage return without a line feed";
    if (n == 1) {
        bool fine = (s[0] >= 0x20 && s[0] < 0x7F) || s[0] == '\t' || s[0] == '\n' || s[0] == '\r';
        return fine ? NULL : arena_printf(a, "control character U+%04X is not allowed", s[0]);
    }
    unsigned code = s[0] & (0x7Fu >> n);
    for (int i = 1; i < n; i++) code = code << 6 | (s[i] & 0x3Fu);
    bool bad = code < 0xA0 || code == 0x2028 || code == 0x2029 || code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
    return bad ? arena_printf(a, "control character U+%04X is not allowed", code) : NULL;
}

static bool check_text(Diags *d, Loc start, const char *text, size_t length) {
    if (length > MOST_BYTES) {
        diag_error(d, start, "the text is larger than %d MiB", MOST_BYTES >> 20);
        return false;
    }
    if (length >= 2 && (!memcmp(text, "\xFF\xFE", 2) || !memcmp(text, "\xFE\xFF", 2))) {
        diag_error(d, start, "the text is UTF-16; save it as UTF-8");
        return false;
    }
    for (Cursor c = cursor_start(text, length, start); c.byte < length; cursor_step(&c)) {
        const char *why = bad_character(d->arena, (const unsigned char *)text + c.byte, length - c.byte);
        if (!why) continue;
        diag_error(d, ((Loc){start.file, c.line, c.col}), "%s", why);
        return false;
    }
    return true;
}

/* ---- events ---- */

static Loc loc_of(Composer *c, yaml_mark_t mark) {
    cursor_seek(&c->at, mark.index);
    return (Loc){c->file, c->at.line, c->at.col};
}

static const char *hint_for(Composer *c, const char *problem) {
    if (c->at.byte < c->at.length && c->at.text[c->at.byte] == '\t') return "; indent with spaces, not with tabs";
    bool cut = strstr(problem, "did not find expected") || strstr(problem, "mapping values are not allowed") ||
               strstr(problem, "cannot start any token") || strstr(problem, "found unexpected ':'");
    return cut ? QUOTE_HINT : "";
}

/* Both places: for an unclosed bracket or quote the problem is far below, and the context is where to look. */
static void syntax_error(Composer *c) {
    const yaml_parser_t *p = &c->parser;
    c->stopped = true;
    if (p->error == YAML_MEMORY_ERROR) arena_fail(c->a);
    Loc at = loc_of(c, p->problem_mark);
    size_t first;
    if (!strncmp(p->problem, "did not find expected", 21) && !c->parser.flow_level &&
        indent_differs(c->at.text, c->at.length, c->at.byte, &first)) {
        diag_error(c->d, at, "YAML: this line begins in column %u, those beside it do not", at.col);
        while (c->at.byte > first) cursor_seek(&c->at, c->at.index - 1);
        Loc beside = {c->file, c->at.line, c->at.col};
        diag_note(c->d, beside, "from here on they begin in column %u", beside.col);
        return;
    }
    diag_error(c->d, at, "YAML: %s%s", p->problem, hint_for(c, p->problem));
    if (!p->context || p->context_mark.index == p->problem_mark.index) return;
    Loc from = loc_of(c, p->context_mark);
    diag_note(c->d, from, "%s that starts here", p->context);
}

static bool next(Composer *c) {
    yaml_event_delete(&c->event);
    if (c->stopped) return false;
    if (!yaml_parser_parse(&c->parser, &c->event)) syntax_error(c);
    return !c->stopped;
}

/* An event's start includes its anchor; this goes on to the value itself. */
static Cursor value_start(Composer *c) {
    loc_of(c, c->event.start_mark);
    Cursor at = c->at;
    size_t end = c->event.end_mark.index;
    while (at.index < end && (at.text[at.byte] == '&' || at.text[at.byte] == '!')) {
        while (at.index < end && !strchr(" \t\r\n", at.text[at.byte])) cursor_step(&at);
        while (at.index < end && strchr(" \t\r\n#", at.text[at.byte])) {
            bool comment = at.text[at.byte] == '#';
            while (comment && at.index < end && at.text[at.byte] != '\n') cursor_step(&at);
            if (!comment) cursor_step(&at);
        }
    }
    return at;
}

static bool stop(Composer *c) {
    c->stopped = true;
    return false;
}

static bool count_nodes(Composer *c, Loc loc, int n) {
    if (n <= DOC_NODES - c->nodes) {
        c->nodes += n;
        return true;
    }
    diag_error(c->d, loc, "more than %d values, with aliases expanded", DOC_NODES);
    return stop(c);
}

static bool check_depth(Composer *c, Loc loc, int depth) {
    if (depth <= DOC_DEPTH) return true;
    diag_error(c->d, loc, "more than %d levels of nesting", DOC_DEPTH);
    return stop(c);
}

/* ---- nodes ---- */

static Doc *empty_scalar(Composer *c, Loc loc) {
    Doc *d = ARENA_NEW(c->a, Doc);
    *d = (Doc){.kind = DOC_SCALAR, .loc = loc, .text = ""};
    uint32_t *line = ARENA_NEW(c->a, uint32_t), *col = ARENA_NEW(c->a, uint32_t);
    *line = loc.line;
    *col = loc.col;
    d->line = line;
    d->col = col;
    return d;
}

static Doc *compose_alias(Composer *c, int depth, int *height) {
    Loc loc = loc_of(c, c->event.start_mark);
    const char *name = arena_strdup(c->a, (const char *)c->event.data.alias.anchor);
    const Anchor *found = NULL;
    for (int i = 0; i < c->anchors.n; i++)            /* an anchor may be set anew; the last one counts */
        if (!strcmp(c->anchors.at[i].name, name)) found = &c->anchors.at[i];
    if (!found) {
        Nearest near = nearest_to(name);
        for (int i = 0; i < c->anchors.n; i++) nearest_add(&near, c->anchors.at[i].name);
        const char *hint = near.best ? nearest_hint(c->a, &near) : QUOTE_HINT;
        diag_error(c->d, loc, "alias '*%s': there is no anchor '&%s' above%s", name, name, hint);
    } else if (!found->doc) {
        diag_error(c->d, loc, "alias '*%s' stands inside its own anchor", name);
        diag_note(c->d, found->loc, "'&%s' is here", name);
        found = NULL;
    } else {
        *height = found->height;
        if (!count_nodes(c, loc, found->nodes) || !check_depth(c, loc, depth + found->height)) return NULL;
    }
    return found ? found->doc : empty_scalar(c, loc);
}

static Doc *compose_scalar(Composer *c) {
    Doc *d = ARENA_NEW(c->a, Doc);
    const yaml_scalar_style_t style = c->event.data.scalar.style;
    size_t length = c->event.data.scalar.length;
    bool folded = style == YAML_FOLDED_SCALAR_STYLE;
    *d = (Doc){.kind = DOC_SCALAR, .length = length};
    d->text = arena_strndup(c->a, (const char *)c->event.data.scalar.value, length);
    d->style = style == YAML_SINGLE_QUOTED_SCALAR_STYLE         ? DOC_SINGLE
               : style == YAML_DOUBLE_QUOTED_SCALAR_STYLE       ? DOC_DOUBLE
               : folded || style == YAML_LITERAL_SCALAR_STYLE   ? DOC_BLOCK
                                                                : DOC_PLAIN;
    Cursor from = value_start(c);
    cursor_seek(&c->at, c->event.end_mark.index);
    place_scalar(c->a, d, from, c->at.byte, folded);
    d->loc.file = c->file;
    if (d->style == DOC_BLOCK && !length) d->loc.line = from.line, d->loc.col = from.col;
    size_t zero = strlen(d->text);
    if (zero < length) diag_error(c->d, doc_loc_at(d, zero), "text may not hold the character \\0");
    return d;
}

static Doc *compose(Composer *c, int depth, int *height);

static void compose_list(Composer *c, Doc *list, int depth, int *height) {
    VEC(Doc *) items = {0};
    while (next(c) && c->event.type != YAML_SEQUENCE_END_EVENT) {
        int h = 0;
        Doc *item = compose(c, depth + 1, &h);
        if (h + 1 > *height) *height = h + 1;
        if (!c->stopped) vec_push(c->a, &items, item);
    }
    list->n = items.n;
    list->item = items.at;
}

/* An entry that may be overridden: own ones have rank 0, those of the k-th merged mapping rank k. */
typedef struct { DocEntry entry; int rank, order; } Ranked;
typedef VEC(Ranked) RankedEntries;

static int by_key(const void *x, const void *y) {
    const Ranked *a = x, *b = y;
    int c = strcmp(a->entry.key, b->entry.key);
    if (!c) c = a->rank - b->rank;
    return c ? c : a->order - b->order;
}

static int by_order(const void *x, const void *y) { return ((const Ranked *)x)->order - ((const Ranked *)y)->order; }

static void add_merged(Composer *c, RankedEntries *all, const Doc *from, Loc loc, int *rank) {
    if (from->kind == DOC_LIST) {
        for (int i = 0; i < from->n; i++) {
            const Doc *one = from->item[i];
            if (one->kind == DOC_MAP) add_merged(c, all, one, loc, rank);
            else diag_error(c->d, one->loc, "'<<' merges mappings; this is none");
        }
    } else if (from->kind == DOC_MAP) {
        ++*rank;
        for (int i = 0; i < from->n; i++)
            vec_push(c->a, all, ((Ranked){from->entry[i], *rank, all->n}));
    } else {
        diag_error(c->d, loc, "'<<' merges mappings; it takes an alias such as *base, or a list of them");
    }
}

/* Lines that stand too far left or right make keys meet that stand apart otherwise: one between the two is left empty. */
static void note_empty(Composer *c, const RankedEntries *all, int done, int from, const Ranked *first, const Ranked *second) {
    for (int i = 0; i < all->n; i++) {
        const Ranked *one = &all->at[i];
        const Doc *v = one->entry.value;
        bool between = (i < done || i >= from) && !one->rank && one->order > first->order && one->order < second->order;
        if (between && v->kind == DOC_SCALAR && !v->length && v->style == DOC_PLAIN)
            diag_note(c->d, one->entry.loc, "nothing stands under '%s': are these lines indented as they should be?", one->entry.key);
    }
}

/* The first of each key stays; of two with rank 0 one is an error. */
static void settle_keys(Composer *c, Doc *map, RankedEntries *all) {
    if (all->n) qsort(all->at, (size_t)all->n, sizeof *all->at, by_key);
    int n = 0;
    for (int i = 0; i < all->n; i++) {
        const Ranked *kept = n ? &all->at[n - 1] : NULL, *one = &all->at[i];
        if (!kept || strcmp(kept->entry.key, one->entry.key)) {
            all->at[n++] = *one;
        } else if (!one->rank) {
            diag_error(c->d, one->entry.loc, "key '%s' stands twice in one mapping", one->entry.key);
            diag_note(c->d, kept->entry.loc, "the first is here");
            note_empty(c, all, n, i, kept, one);
        }
    }
    if (n) qsort(all->at, (size_t)n, sizeof *all->at, by_order);
    map->n = n;
    map->entry = ARENA_ARRAY(c->a, DocEntry, n);
    for (int i = 0; i < n; i++) map->entry[i] = all->at[i].entry;
}

static bool check_key(Composer *c, const Doc *key) {
    if (key->kind != DOC_SCALAR) {
        diag_error(c->d, key->loc, "a key is a name or a head such as f(x), not a %s" QUOTE_HINT,
                   key->kind == DOC_LIST ? "list" : "mapping");
        return false;
    }
    if (key->style == DOC_PLAIN && key->length && key->text[key->length - 1] == ':')
        diag_error(c->d, doc_loc_at(key, key->length - 1), "one ':' ends a key");
    if (key->length > MOST_KEY) diag_error(c->d, key->loc, "a key of more than %d bytes", MOST_KEY);
    for (size_t i = 0; i < key->length; i++)
        if ((unsigned char)key->text[i] < 0x20 || key->text[i] == 0x7F) {
            diag_error(c->d, doc_loc_at(key, i), "a key may hold no line breaks or control characters");
            return false;
        }
    return true;
}

static void compose_map(Composer *c, Doc *map, int depth, int *height) {
    RankedEntries all = {0};
    int rank = 0;
    while (next(c) && c->event.type != YAML_MAPPING_END_EVENT) {
        int h = 0, ignored = 0;
        Doc *key = compose(c, depth + 1, &ignored);
        if (c->stopped || !next(c)) return;
        Doc *value = compose(c, depth + 1, &h);
        if (c->stopped) return;
        if (h + 1 > *height) *height = h + 1;
        if (!check_key(c, key)) continue;
        bool merge = key->style == DOC_PLAIN && !strcmp(key->text, "<<");
        if (merge) add_merged(c, &all, value, key->loc, &rank);
        else vec_push(c->a, &all, ((Ranked){{key->text, key->loc, key, value}, 0, all.n}));
    }
    if (!c->stopped) settle_keys(c, map, &all);
}

static void check_tag(Composer *c, const yaml_char_t *tag) {
    if (!tag) return;
    const char *text = (const char *)tag;
    Loc loc = loc_of(c, c->event.start_mark);
    if (!strncmp(text, "tag:yaml.org,2002:", 18)) text += 18;
    diag_error(c->d, loc, "tag '%s': there are no tags here, and negation is 'not'" QUOTE_HINT, text);
}

/* The node that starts with the current event; its last event is then the current one. NULL only when stopped. */
static Doc *compose(Composer *c, int depth, int *height) {
    yaml_event_t *e = &c->event;
    *height = 0;
    if (e->type == YAML_ALIAS_EVENT) return compose_alias(c, depth, height);
    bool map = e->type == YAML_MAPPING_START_EVENT, list = e->type == YAML_SEQUENCE_START_EVENT;
    const yaml_char_t *anchor = map    ? e->data.mapping_start.anchor
                                : list ? e->data.sequence_start.anchor
                                       : e->data.scalar.anchor;
    check_tag(c, map ? e->data.mapping_start.tag : list ? e->data.sequence_start.tag : e->data.scalar.tag);
    int nodes = c->nodes, slot = -1;
    Cursor start = value_start(c);
    Loc loc = {c->file, start.line, start.col};
    if (!count_nodes(c, loc, 1) || !check_depth(c, loc, depth)) return NULL;
    if (anchor) {
        slot = c->anchors.n;
        if (slot == MOST_ANCHORS) {
            diag_error(c->d, loc, "more than %d anchors", MOST_ANCHORS);
            stop(c);
            return NULL;
        }
        Anchor fresh = {.name = arena_strdup(c->a, (const char *)anchor), .loc = loc_of(c, e->start_mark)};
        vec_push(c->a, &c->anchors, fresh);
    }
    Doc *d;
    if (map || list) {
        d = ARENA_NEW(c->a, Doc);
        *d = (Doc){.kind = map ? DOC_MAP : DOC_LIST, .loc = loc};
        d->flow = map ? e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
                      : e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
        if (map) compose_map(c, d, depth, height);
        else compose_list(c, d, depth, height);
    } else {
        d = compose_scalar(c);
    }
    if (c->stopped) return NULL;
    if (slot >= 0) {
        Anchor *own = &c->anchors.at[slot];
        own->doc = d;
        own->nodes = c->nodes - nodes;
        own->height = *height;
    }
    return d;
}

static Doc *compose_document(Composer *c) {
    if (!next(c) || !next(c)) return NULL;            /* the stream's start, then the document's */
    if (c->event.type == YAML_STREAM_END_EVENT) {
        diag_error(c->d, loc_of(c, c->event.start_mark), "there is nothing here but space and comments");
        return NULL;
    }
    if (!next(c)) return NULL;
    int height = 0;
    Doc *root = compose(c, 1, &height);
    if (!root || !next(c) || !next(c)) return NULL;   /* the document's end, then the stream's */
    if (c->event.type == YAML_STREAM_END_EVENT) return root;
    diag_error(c->d, loc_of(c, c->event.start_mark), "a second document starts here; a spec is one document");
    return NULL;
}

static Doc *compose_all(Composer *c) {
    jmp_buf here, *old = arena_escape(c->a, &here);
    if (setjmp(here)) {
        yaml_event_delete(&c->event);
        yaml_parser_delete(&c->parser);
        arena_escape(c->a, old);
        arena_fail(c->a);
    }
    if (!yaml_parser_initialize(&c->parser)) arena_fail(c->a);
    yaml_parser_set_encoding(&c->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&c->parser, (const unsigned char *)c->at.text, c->at.length);
    Doc *root = compose_document(c);
    yaml_event_delete(&c->event);
    yaml_parser_delete(&c->parser);
    arena_escape(c->a, old);
    return root;
}

/* ---- what others call ---- */

Doc *doc_parse_within(Diags *d, Loc start, const char *text, size_t length) {
    int errors = d->errors;
    if (!check_text(d, start, text, length)) return NULL;
    Composer *c = ARENA_NEW(d->arena, Composer);
    c->d = d;
    c->a = d->arena;
    c->file = start.file;
    c->at = cursor_start(text, length, start);
    Doc *root = compose_all(c);
    return d->errors == errors ? root : NULL;
}

Doc *doc_parse(const char *name, const char *text, size_t length, Diags *d) {
    if (length >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) text += 3, length -= 3;
    uint32_t file = diags_source(d, name, text, length);
    return doc_parse_within(d, (Loc){file, 1, 1}, text, length);
}

Doc *doc_read_at(const char *path, Loc asked, Diags *d) {
    bool standard = !strcmp(path, "-");
    const char *name = standard ? "stdin" : path;
    FILE *f = standard ? stdin : fopen(path, "rb");
    if (!f) {
        diag_error(d, asked, "cannot read '%s': %s", name, strerror(errno));
        return NULL;
    }
    char *text = malloc(MOST_BYTES + 2);              /* one byte more than allowed shows that there is more */
    size_t length = text ? fread(text, 1, MOST_BYTES + 1, f) : 0;
    int error = !text ? ENOMEM : ferror(f) ? errno : 0;
    if (!standard) fclose(f);
    if (error) {
        free(text);
        diag_error(d, asked, "cannot read '%s': %s", name, strerror(error));
        return NULL;
    }
    jmp_buf here, *old = arena_escape(d->arena, &here);
    if (setjmp(here)) {
        free(text);
        arena_escape(d->arena, old);
        arena_fail(d->arena);
    }
    char *kept = arena_strndup(d->arena, text, length);
    arena_escape(d->arena, old);
    free(text);
    return doc_parse(name, kept, length, d);
}

Doc *doc_read(const char *path, Diags *d) { return doc_read_at(path, (Loc){0}, d); }

DocEntry *doc_entry(const Doc *map, const char *key) {
    if (map && map->kind == DOC_MAP)
        for (int i = 0; i < map->n; i++)
            if (!strcmp(map->entry[i].key, key)) return &map->entry[i];
    return NULL;
}

Doc *doc_get(const Doc *map, const char *key) {
    DocEntry *e = doc_entry(map, key);
    return e ? e->value : NULL;
}

Loc doc_loc_at(const Doc *scalar, size_t byte) {
    if (byte > scalar->length) byte = scalar->length;
    return (Loc){scalar->loc.file, scalar->line[byte], scalar->col[byte]};
}
