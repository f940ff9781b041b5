/* libyaml's events -> a tree in the arena. Our own composer, because libyaml's accepts what a spec must not have:
 * duplicate keys, unknown aliases, aliases inside their own anchor, expansion without end. Knows no key's meaning.
 * No libyaml object outlives compose_all, also when the arena runs out: it chains the arena's escape.
 */
#include "parser/doc.h"

#include "base/str.h"
#include "base/vec.h"
#include "parser/entries.h"
#include "parser/indent.h"
#include "parser/place.h"
#include "parser/plaintext.h"

#include <errno.h>
#include <stdlib.h>
#include <yaml.h>

enum { MOST_ANCHORS = 1000 };

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
    const Doc *open;                                  /* the innermost { or [ that is not closed yet, or NULL */
    bool stopped;                                     /* an error after which nothing makes sense */
} Composer;

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
    if (p->context && p->context_mark.index != p->problem_mark.index) {
        Loc from = loc_of(c, p->context_mark);
        diag_note(c->d, from, "%s that starts here", p->context);
    } else if (c->open) {
        diag_note(c->d, c->open->loc, "inside of the %s that opens here", c->open->kind == DOC_MAP ? "{" : "[");
    } else if (strstr(p->problem, "mapping values") && line_goes_on(c->at.text, c->at.byte, &first)) {
        while (c->at.byte > first) cursor_seek(&c->at, c->at.index - 1);
        Loc start = {c->file, c->at.line, c->at.col};
        diag_note(c->d, start, "from here on YAML takes the lines for one text: an item begins with '- ', in the column of those beside it");
    }
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

static void compose_map(Composer *c, Doc *map, int depth, int *height) {
    Entries all = {.d = c->d};
    while (next(c) && c->event.type != YAML_MAPPING_END_EVENT) {
        int h = 0, ignored = 0;
        Doc *key = compose(c, depth + 1, &ignored);
        if (c->stopped || !next(c)) return;
        Doc *value = compose(c, depth + 1, &h);
        if (c->stopped) return;
        if (h + 1 > *height) *height = h + 1;
        entries_add(&all, key, value);
    }
    if (!c->stopped) entries_settle(&all, map);
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
        const Doc *outer = c->open;
        if (d->flow) c->open = d;
        if (map) compose_map(c, d, depth, height);
        else compose_list(c, d, depth, height);
        c->open = outer;
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
    if (!is_plain_text(d, start, text, length)) return NULL;
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
