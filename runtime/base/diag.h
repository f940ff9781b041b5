/* Diagnostics: positions, messages, and the one printer. Library code never prints and never exits: it adds to a
 * Diags; runtime/cli prints. Texts: "who: what, with the values", one line, and how to mend it where that is known.
 */
#pragma once
#include "base/arena.h"
#include <stdbool.h>
#include <stdio.h>

typedef struct {
    uint32_t file, line, col;                         /* file: index into Diags.sources; 1-based; line 0 = nowhere */
} Loc;

typedef struct {
    const char *name, *text;                          /* what is printed before the line; the whole text, for excerpts */
    size_t length;
} Source;

typedef enum {
    DIAG_ERROR,
    DIAG_DATA,                                        /* an error too: a file of data is missing or wrong, not the spec */
    DIAG_WARNING, DIAG_NOTE
} DiagLevel;

typedef struct Further { Loc loc; const char *text; struct Further *next; } Further;

typedef struct Diag {
    DiagLevel level;
    Loc loc;
    const char *text;
    const char *site;                                 /* __FILE__:__LINE__ of the call: tests count them */
    uint64_t calls;                                   /* the calls that led here, as one number; 0: none */
    int more;                                         /* further calls that led to the same complaint */
    const struct Caller *caller;                      /* of an error: the calls themselves, innermost first, or NULL */
    bool walked;                                      /* its sizes were followed to where they come from */
    Further *also;                                    /* of a message: places on its way for which no note was left, nearest first */
    struct Diag *next;                                /* notes follow what they belong to */
} Diag;

/* The calls that led to where the evaluation stands, innermost first. What is wrong inside a text that the reader did
 * not write (`foreign`) is said of the call that led there, with a note of the place itself. */
typedef struct Caller {
    Loc loc;                                          /* of the call */
    const char *who;                                  /* what was called */
    uint32_t file;                                    /* where its text stands */
    bool foreign;
    bool network;                                     /* not a function */
    const struct Caller *outer;
} Caller;

static inline bool loc_same_line(Loc a, Loc b) { return a.file == b.file && a.line == b.line; }
static inline bool loc_same(Loc a, Loc b) { return loc_same_line(a, b) && a.col == b.col; }
bool caller_in_foreign_text(const Caller *c);         /* the call itself stands in a text that the reader did not write */

enum { DIAG_MAX_ERRORS = 20, DIAG_MOST_ALSO = 24 };

typedef struct {
    Arena *arena;
    Diag *first, **last;
    int errors, warnings;
    bool dropped;                                     /* the last error or warning was not kept: nor are its notes */
    Diag *newest;                                     /* the last one that was, or NULL */
    const Caller *caller;                             /* or NULL */
    Source *sources;
    uint32_t nsource, cap;
} Diags;

Diags *diags_new(Arena *a);
uint32_t diags_source(Diags *d, const char *name, const char *text, size_t length);   /* gives the file index */

/* Adds a message; after DIAG_MAX_ERRORS errors further ones are only counted. Two equal ones at one place are one.
 * One text that is
 * wrong in several calls is one message, which counts them. GRAPHRUN_DIAG_SITES=FILE appends each site to FILE (tests). */
void diag_add(Diags *d, const char *site, DiagLevel level, Loc loc, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
#define DIAG_STR2(x) #x
#define DIAG_STR(x) DIAG_STR2(x)
#define DIAG_SITE __FILE__ ":" DIAG_STR(__LINE__)
#define diag_error(d, loc, ...) diag_add((d), DIAG_SITE, DIAG_ERROR, (loc), __VA_ARGS__)
#define diag_data(d, loc, ...) diag_add((d), DIAG_SITE, DIAG_DATA, (loc), __VA_ARGS__)
#define diag_warn(d, loc, ...) diag_add((d), DIAG_SITE, DIAG_WARNING, (loc), __VA_ARGS__)
#define diag_note(d, loc, ...) diag_add((d), DIAG_SITE, DIAG_NOTE, (loc), __VA_ARGS__)

/* A note to a message that is already there: `behind` is the message or its last note so far. */
void diag_note_behind(Diags *d, Diag *behind, Loc loc, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* One more place on the way to a message that has enough notes: all of these are printed on one line behind the notes. */
void diag_also(Diags *d, Diag *of, Loc loc, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

int diag_notes(const Diag *of);                        /* how many it has */
bool diag_noted(const Diag *of, Loc loc);              /* whether a note or a further place of the message is on that line */

Loc diags_reader(const Diags *d, Loc loc);             /* loc, or the reader's own call that led to a foreign text */

/* Adds a note for each call that led here, of texts that the reader wrote: to messages about shapes. */
void diag_calls(Diags *d);

/* "file:line:col: error: text", the source line, a caret. */
void diags_print(const Diags *d, FILE *to, bool color);

/* The nearest of the candidates to `word`: in small letters without '_', at a Damerau-Levenshtein distance of at most a
 * third of its length (at least 1 edit allowed); or what another tool means by the word. */
typedef struct { const char *word, *best; int distance; } Nearest;
Nearest nearest_to(const char *word);
void nearest_add(Nearest *n, const char *candidate);
const char *nearest_hint(Arena *a, const Nearest *n);  /* ", did you mean 'x'?" or "" */

typedef struct { const char *said, *meant; } Synonym;
extern const Synonym synonym_table[];                  /* ends with said NULL */
