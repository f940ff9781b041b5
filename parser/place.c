/* Where each byte of a scalar stands in the file: the unescaping rules of YAML 1.1 as libyaml applies them, run
 * along the source for their positions only. Knows no libyaml. The source has passed doc.c's check: UTF-8, line
 * breaks are '\n' or "\r\n". A byte that comes from an escape or a fold has the position of the backslash or of the
 * line break.
 */
#include "parser/place.h"

#include <string.h>

static bool continues(char c) { return ((unsigned char)c & 0xC0) == 0x80; }

Cursor cursor_start(const char *text, size_t length, Loc at) {
    return (Cursor){.text = text, .length = length, .line = at.line, .col = at.col, .first_col = at.col};
}

void cursor_step(Cursor *c) {
    if (c->text[c->byte] == '\n') c->line++, c->col = 1;
    else c->col++;
    do c->byte++;
    while (c->byte < c->length && continues(c->text[c->byte]));
    c->index++;
}

static void step_back(Cursor *c) {
    do c->byte--;
    while (c->byte && continues(c->text[c->byte]));
    c->index--;
    if (c->text[c->byte] != '\n') {
        c->col--;
        return;
    }
    size_t start = c->byte;
    while (start && c->text[start - 1] != '\n') start--;
    c->line--;
    c->col = start ? 1 : c->first_col;
    for (size_t i = start; i < c->byte; i++) c->col += !continues(c->text[i]);
}

void cursor_seek(Cursor *c, size_t index) {
    while (c->index < index && c->byte < c->length) cursor_step(c);
    while (c->index > index) step_back(c);
}

typedef struct {
    Cursor at;
    size_t end, n;                                    /* n: bytes of the scalar placed so far */
    Doc *d;
    uint32_t *line, *col;
} Placer;

static bool more(const Placer *p) { return p->at.byte < p->end; }
static char here(const Placer *p) { return p->at.text[p->at.byte]; }

static void put(Placer *p, const Cursor *from, size_t bytes) {
    for (; bytes && p->n < p->d->length; bytes--, p->n++) p->line[p->n] = from->line, p->col[p->n] = from->col;
}

static void put_char(Placer *p) {
    Cursor from = p->at;
    cursor_step(&p->at);
    put(p, &from, p->at.byte - from.byte);
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* A run of white space in a plain or quoted scalar. Without a line break it stays. One break folds to a space, unless
 * a backslash stands before it; of more, all but the first stay. */
static void place_run(Placer *p, bool escaped) {
    Cursor run = p->at;
    int breaks = 0;
    for (; more(p) && is_space(here(p)); cursor_step(&p->at)) breaks += here(p) == '\n';
    int skipped = 0;
    for (; run.byte < p->at.byte; cursor_step(&run)) {
        bool is_break = run.text[run.byte] == '\n';
        if (!breaks || (is_break && (skipped++ || (breaks == 1 && !escaped)))) put(p, &run, 1);
    }
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 0;
}

static size_t utf8_size(uint32_t code) { return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4; }

static void place_escape(Placer *p) {
    Cursor from = p->at;
    cursor_step(&p->at);
    if (!more(p)) return;
    char c = here(p);
    if (c == '\n' || c == '\r') {
        place_run(p, true);
        return;
    }
    cursor_step(&p->at);
    uint32_t code = c == 'N' ? 0x85 : c == '_' ? 0xA0 : c == 'L' || c == 'P' ? 0x2028 : 0;
    int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    for (; digits && more(p); digits--, cursor_step(&p->at)) code = code << 4 | (uint32_t)hex_digit(here(p));
    put(p, &from, utf8_size(code));
}

static void place_flow(Placer *p) {
    DocStyle style = p->d->style;
    while (more(p)) {
        if (is_space(here(p))) {
            place_run(p, false);
        } else if (style == DOC_DOUBLE && here(p) == '\\') {
            place_escape(p);
        } else {
            bool doubled = style == DOC_SINGLE && here(p) == '\'';
            put_char(p);
            if (doubled && more(p)) cursor_step(&p->at);
        }
    }
}

static bool at_break(const Cursor *c) {
    return c->text[c->byte] == '\n' || (c->text[c->byte] == '\r' && c->text[c->byte + 1] == '\n');
}

static void next_line(Cursor *c, size_t end) {
    while (c->byte < end && c->text[c->byte] != '\n') cursor_step(c);
    if (c->byte < end) cursor_step(c);
}

static size_t skip_spaces(Cursor *c, size_t end, size_t most) {
    size_t n = 0;
    for (; n < most && c->byte < end && c->text[c->byte] == ' '; n++) cursor_step(c);
    return n;
}

/* The indentation that was taken away: the k line breaks that open the text are k blank lines, so line k is the first
 * with content; what it has more than the text shows was indentation. */
static size_t block_indent(const Placer *p) {
    const char *text = p->d->text;
    size_t k = strspn(text, "\n");
    if (k >= p->d->length) return SIZE_MAX;
    Cursor c = p->at;
    for (size_t i = 0; i < k; i++) next_line(&c, p->end);
    size_t wide = skip_spaces(&c, p->end, SIZE_MAX), kept = strspn(text + k, " ");
    return wide > kept ? wide - kept : 0;
}

static void put_breaks(Placer *p, Cursor from, size_t to) {
    for (; from.byte < to; cursor_step(&from))
        if (from.text[from.byte] == '\n') put(p, &from, 1);
}

/* Literal and folded text. `held` is the break that ended the last line with content; `gap` the start of the blank
 * lines after it. Whether the last breaks belong to the text (chomping) is known from its length: put() stops. */
static void place_block(Placer *p, bool folded) {
    next_line(&p->at, p->end);
    size_t indent = block_indent(p);
    Cursor gap = p->at, held = p->at;
    bool holds = false, last_blank = false;
    while (more(p)) {
        Cursor start = p->at;
        skip_spaces(&p->at, p->end, indent);
        if (!more(p)) break;
        if (at_break(&p->at)) {
            next_line(&p->at, p->end);
            continue;
        }
        bool blank = here(p) == ' ' || here(p) == '\t';
        bool folds = folded && holds && !last_blank && !blank;
        if (holds && (!folds || gap.byte == start.byte)) put(p, &held, 1);
        put_breaks(p, gap, start.byte);
        last_blank = blank;
        while (more(p) && !at_break(&p->at)) put_char(p);
        held = p->at;
        holds = more(p);
        next_line(&p->at, p->end);
        gap = p->at;
    }
    if (holds) put(p, &held, 1);
    put_breaks(p, gap, p->end);
}

void place_scalar(Arena *a, Doc *d, Cursor from, size_t end, bool folded) {
    uint32_t *line = ARENA_ARRAY(a, uint32_t, d->length + 1), *col = ARENA_ARRAY(a, uint32_t, d->length + 1);
    bool quoted = d->style == DOC_SINGLE || d->style == DOC_DOUBLE;
    if (quoted) cursor_step(&from), end--;
    Placer p = {.at = from, .end = end, .d = d, .line = line, .col = col};
    if (d->style == DOC_BLOCK) place_block(&p, folded);
    else place_flow(&p);
    Cursor last = d->length ? p.at : from;
    while (p.n <= d->length) line[p.n] = last.line, col[p.n] = last.col, p.n++;
    d->line = line;
    d->col = col;
    d->loc.line = line[0];
    d->loc.col = col[0];
}
