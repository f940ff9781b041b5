/* Diagnostics: collected in the order they are found, printed sorted by file and line. Columns count characters
 * (UTF-8 code points); so does the caret. */
#include "base/diag.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

Diags *diags_new(Arena *a) {
    Diags *d = ARENA_NEW(a, Diags);
    d->arena = a;
    d->last = &d->first;
    return d;
}

uint32_t diags_source(Diags *d, const char *name, const char *text, size_t length) {
    if (d->nsource == d->cap) {
        uint32_t cap = d->cap ? 2 * d->cap : 8;
        Source *grown = ARENA_ARRAY(d->arena, Source, cap);
        if (d->nsource) memcpy(grown, d->sources, d->nsource * sizeof *grown);
        d->sources = grown;
        d->cap = cap;
    }
    d->sources[d->nsource] = (Source){arena_strdup(d->arena, name), text, length};
    return d->nsource++;
}

static bool said_before(const Diags *d, Loc loc, const char *text) {
    for (const Diag *e = d->first; e; e = e->next)
        if (e->level != DIAG_NOTE && loc_same(e->loc, loc) && !strcmp(e->text, text))
            return true;
    return false;
}

/* The calls that led here, as one number; 0 where none did. */
static uint64_t calls_of(const Diags *d) {
    uint64_t h = 0;
    for (const Caller *c = d->caller; c; c = c->outer)
        h = (h ^ ((uint64_t)c->loc.file << 48 | (uint64_t)c->loc.line << 16 | c->loc.col))*1099511628211u + 1;
    return h;
}

/* The same complaint, of the same text, which another call led to: only the numbers in it differ. */
static Diag *of_another_call(const Diags *d, const char *site, Loc loc) {
    uint64_t calls = calls_of(d);
    for (Diag *e = d->first; e && calls; e = e->next)
        if (e->level != DIAG_NOTE && !strcmp(e->site, site) && e->calls && e->calls != calls && loc_same(e->loc, loc))
            return e;
    return NULL;
}

/* Tests count the places that can complain, and do so: what is dropped does not count. */
static void log_site(const char *site, const char *text) {
    const char *path = getenv("GRAPHRUN_DIAG_SITES");
    FILE *f = path ? fopen(path, "a") : NULL;
    if (!f) return;
    fprintf(f, "%s\t%s\n", site, text);
    fclose(f);
}

/* The call by which the reader came to a place in a foreign text; NULL where the text is the reader's own. */
static const Caller *blamed(const Diags *d, Loc loc) {
    const Caller *c = loc.line ? d->caller : NULL;
    while (c && !(c->foreign && c->file == loc.file && c->loc.file != loc.file)) c = c->outer;
    return c;
}

Loc diags_reader(const Diags *d, Loc loc) {
    const Caller *c = blamed(d, loc);
    return c ? c->loc : loc;
}

void diag_add(Diags *d, const char *site, DiagLevel level, Loc loc, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *text = arena_vprintf(d->arena, fmt, ap);
    va_end(ap);
    const Caller *blame = level == DIAG_NOTE ? NULL : blamed(d, loc);
    Loc inside = loc;
    if (blame) {
        text = arena_printf(d->arena, "%s: %s", blame->who, text);
        loc = blame->loc;
    }
    if (level != DIAG_NOTE) {
        d->dropped = said_before(d, loc, text);
        Diag *other = d->dropped ? NULL : of_another_call(d, site, loc);
        if (other) other->more++, d->dropped = true;
        if (level <= DIAG_DATA && !d->dropped) d->dropped = d->errors++ >= DIAG_MAX_ERRORS;
    }
    if (d->dropped || (level == DIAG_NOTE && !d->first)) return;
    log_site(site, text);
    if (level == DIAG_WARNING) d->warnings++;
    Diag *e = ARENA_NEW(d->arena, Diag);
    if (level != DIAG_NOTE) d->newest = e;
    *e = (Diag){.level = level, .loc = loc, .text = text, .site = site, .calls = level == DIAG_NOTE ? 0 : calls_of(d), .caller = level == DIAG_NOTE ? NULL : d->caller};
    *d->last = e;
    d->last = &e->next;
    if (blame) diag_add(d, site, DIAG_NOTE, inside, "here, in '%s'", blame->who);
}

void diag_note_behind(Diags *d, Diag *behind, Loc loc, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    Diag *e = ARENA_NEW(d->arena, Diag);
    *e = (Diag){.level = DIAG_NOTE, .loc = loc, .text = arena_vprintf(d->arena, fmt, ap), .site = behind->site, .next = behind->next};
    va_end(ap);
    behind->next = e;
    if (d->last == &behind->next) d->last = &e->next;
}

void diag_also(Diags *d, Diag *of, Loc loc, const char *fmt, ...) {
    Further **end = &of->also;
    int n = 0;
    for (; *end; end = &(*end)->next) n++;
    if (n == DIAG_MOST_ALSO) return;
    va_list ap;
    va_start(ap, fmt);
    *end = ARENA_NEW(d->arena, Further);
    **end = (Further){.loc = loc, .text = arena_vprintf(d->arena, fmt, ap)};
    va_end(ap);
}

int diag_notes(const Diag *of) {
    int n = 0;
    for (const Diag *e = of->next; e && e->level == DIAG_NOTE; e = e->next) n++;
    return n;
}

bool diag_noted(const Diag *of, Loc loc) {
    bool found = false;
    for (const Diag *e = of->next; e && e->level == DIAG_NOTE; e = e->next)
        found = found || loc_same_line(e->loc, loc);
    for (const Further *p = of->also; p; p = p->next) found = found || loc_same_line(p->loc, loc);
    return found;
}

bool caller_in_foreign_text(const Caller *c) {
    return c->outer && c->outer->foreign && c->outer->file == c->loc.file;
}

void diag_calls(Diags *d) {
    enum { MOST = 4 };
    int n = 0;
    for (const Caller *c = d->caller; c && n < MOST; c = c->outer)
        if (!caller_in_foreign_text(c) && !(d->newest && loc_same(c->loc, d->newest->loc)))
            diag_note(d, c->loc, "in this call of '%s'", c->who), n++;
}

/* Bytes of a source never reach the terminal as control characters. */
static void print_safely(const char *p, const char *end, FILE *to) {
    for (; p < end; p++) fputc(((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7F ? '?' : *p, to);
}

static bool continues(const char *c) { return ((unsigned char)*c & 0xC0) == 0x80; }

/* The line and a caret under its column. Of a long line only what is around the column is shown. */
static void print_excerpt(const Source *s, Loc loc, FILE *to) {
    enum { BEFORE = 80, WIDEST = 120 };
    const char *p = s->text, *end = s->text + s->length;
    for (uint32_t line = 1; p < end && line < loc.line; p++) line += *p == '\n';
    if (p >= end) return;
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    if (!stop) stop = end;
    if (stop > p && stop[-1] == '\r') stop--;
    uint32_t col = 1;
    bool cut = false;
    for (; p < stop && loc.col - col > BEFORE && loc.col > col; col++, cut = true)
        do p++;
        while (p < stop && continues(p));
    const char *last = stop - p > WIDEST ? p + WIDEST : stop;
    while (last < stop && continues(last)) last++;
    const char *dots = cut ? "..." : "";
    fprintf(to, "%5u | %s", loc.line, dots);
    print_safely(p, last, to);
    fprintf(to, "%s\n      | %*s", last < stop ? "..." : "", (int)strlen(dots), "");
    for (const char *c = p; col < loc.col && c < last; c++) {
        if (continues(c)) continue;
        fputc(*c == '\t' ? '\t' : ' ', to);
        col++;
    }
    fputs("^\n", to);
}

static void print_one(const Diags *d, const Diag *e, FILE *to, bool color) {
    static const char *const word[] = {"error", "error", "warning", "note"};
    static const char *const tint[] = {"\033[1;31m", "\033[1;31m", "\033[1;35m", "\033[1;36m"};
    const Source *s = e->loc.line && e->loc.file < d->nsource ? &d->sources[e->loc.file] : NULL;
    if (e->level == DIAG_NOTE) fputs("  ", to);
    if (s) fprintf(to, "%s:%u:%u: ", s->name, e->loc.line, e->loc.col);
    fprintf(to, "%s%s:%s %s\n", color ? tint[e->level] : "", word[e->level], color ? "\033[0m" : "", e->text);
    if (s && e->level != DIAG_NOTE) print_excerpt(s, e->loc, to);
}

/* On one line, a text once for all its places that follow one another; the file's name where it is not the message's. */
static void print_also(const Diags *d, const Diag *of, FILE *to) {
    for (const Further *p = of->also; p; p = p->next) {
        fputs(p == of->also ? "  further on the way: " : "", to);
        if (p->loc.file != of->loc.file && p->loc.file < d->nsource) fprintf(to, "%s:", d->sources[p->loc.file].name);
        fprintf(to, "%u:%u", p->loc.line, p->loc.col);
        if (p->next && !strcmp(p->next->text, p->text)) fputs(", ", to);
        else fprintf(to, " %s%s", p->text, p->next ? "; " : "\n");
    }
}

static bool comes_before(const Diag *a, const Diag *b) {
    if (a->loc.file != b->loc.file) return a->loc.file < b->loc.file;
    if (a->loc.line != b->loc.line) return a->loc.line < b->loc.line;
    return a->loc.col < b->loc.col;
}

void diags_print(const Diags *d, FILE *to, bool color) {
    int n = 0;
    for (const Diag *e = d->first; e; e = e->next) n += e->level != DIAG_NOTE;
    const Diag **heads = calloc((size_t)n + 1, sizeof *heads);
    if (!heads) return;
    n = 0;
    for (const Diag *e = d->first; e; e = e->next) {
        if (e->level == DIAG_NOTE) continue;
        int at = n++;
        while (at > 0 && comes_before(e, heads[at - 1])) heads[at] = heads[at - 1], at--;
        heads[at] = e;
    }
    for (int i = 0; i < n; i++) {
        print_one(d, heads[i], to, color);
        for (const Diag *e = heads[i]->next; e && e->level == DIAG_NOTE; e = e->next) print_one(d, e, to, color);
        print_also(d, heads[i], to);
        if (heads[i]->more) fprintf(to, "  and in %d more call%s\n", heads[i]->more, heads[i]->more == 1 ? "" : "s");
    }
    if (d->errors > DIAG_MAX_ERRORS) fprintf(to, "and %d more errors\n", d->errors - DIAG_MAX_ERRORS);
    free(heads);
}

enum { FOLDED = 80 };

/* Optimal string alignment distance, rows kept short: names longer than 63 characters are never near. */
static int distance(const char *a, const char *b) {
    enum { MOST = 64 };
    size_t n = strlen(a), m = strlen(b);
    if (n >= MOST || m >= MOST) return MOST;
    int row[3][MOST];
    for (size_t j = 0; j <= m; j++) row[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *now = row[i % 3], *up = row[(i - 1) % 3], *up2 = row[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = up[j - 1] + (a[i - 1] != b[j - 1]);
            if (up[j] + 1 < best) best = up[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && up2[j - 2] + 1 < best)
                best = up2[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[n % 3][m];
}

static void fold(const char *word, char *to, size_t size) {
    size_t n = 0;
    for (; *word && n + 1 < size; word++)
        if (*word != '_') to[n++] = (char)tolower((unsigned char)*word);
    to[n] = 0;
}

static bool is_synonym(const char *said, const char *meant) {
    for (const Synonym *s = synonym_table; s->said; s++)
        if (!strcmp(s->said, said) && !strcmp(s->meant, meant)) return true;
    return false;
}

Nearest nearest_to(const char *word) {
    int most = (int)strlen(word) / 3;
    return (Nearest){word, NULL, most < 1 ? 2 : most + 1};
}

void nearest_add(Nearest *n, const char *candidate) {
    char word[FOLDED], other[FOLDED];
    if (!strcmp(n->word, candidate)) return;
    fold(n->word, word, sizeof word);
    fold(candidate, other, sizeof other);
    int d = is_synonym(word, candidate) ? 0 : distance(word, other);
    if (d < n->distance && d < (int)strlen(other)) n->distance = d, n->best = candidate;
}

const char *nearest_hint(Arena *a, const Nearest *n) {
    return n->best ? arena_printf(a, ", did you mean '%s'?", n->best) : "";
}
