/* The document: libyaml's events composed into a tree in the arena. Every key and value has a position; duplicate
 * keys, unknown aliases, cycles, too deep or too large input are refused; merge keys (`<<`) are resolved.
 * Nothing here knows what keys mean.
 */
#pragma once
#include "base/diag.h"

enum { DOC_NODES = 100000, DOC_DEPTH = 64 };          /* most of a tree, aliases expanded: recursion over it is safe */

typedef enum { DOC_SCALAR, DOC_LIST, DOC_MAP } DocKind;
typedef enum { DOC_PLAIN, DOC_SINGLE, DOC_DOUBLE, DOC_BLOCK } DocStyle;

typedef struct Doc Doc;
typedef struct {
    const char *key;
    Loc loc;                                          /* first character of the key (inside the quotes) */
    Doc *scalar;                                      /* the key itself, with positions, for keys that are expressions */
    Doc *value;                                       /* never NULL (an absent one is a plain "") */
} DocEntry;

struct Doc {
    DocKind kind;
    DocStyle style;                                   /* of a scalar */
    bool flow;                                        /* a list or map written with [] or {}: doc_print keeps it */
    Loc loc;                                          /* first character of the value (inside the quotes for quoted) */
    const char *text;                                 /* scalar, unescaped, ends in 0 */
    size_t length;
    const uint32_t *line, *col;                       /* position in the file of each byte of text, and of its end:
                                                         length + 1 of them; exact in every quoting style */
    int n;
    Doc **item;                                       /* list */
    DocEntry *entry;                                  /* map, in the order of the file */
    const struct Expr *expr;                          /* the evaluator's: what the text was parsed to */
    enum { ITEM_UNSEEN, ITEM_IDLE, ITEM_USED, ITEM_EMPTY } item_state;   /* the evaluator's, of a layer list's item: it gave
                                                         what it was given, each time; not so; a loop through nothing */
};

/* NULL with messages in d. `name` is what messages print. Text must be UTF-8. */
Doc *doc_parse(const char *name, const char *text, size_t length, Diags *d);
Doc *doc_read(const char *path, Diags *d);            /* "-" is stdin; a file that cannot be read is an error */
Doc *doc_read_at(const char *path, Loc asked, Diags *d);   /* the same; that error points at `asked` */
Doc *doc_parse_within(Diags *d, Loc start, const char *text, size_t length);  /* a part of a known source */
void doc_mend(Doc *d, Diags *diags);                   /* cut.c: expressions that YAML cut at their commas: said, and whole again */
Doc *doc_get(const Doc *map, const char *key);        /* NULL if there is none */
DocEntry *doc_entry(const Doc *map, const char *key);
Loc doc_loc_at(const Doc *scalar, size_t byte);       /* file position of a byte of the text */
void doc_print(const Doc *d, FILE *to);               /* as YAML that doc_parse reads back to the same tree */
bool doc_equal(const Doc *a, const Doc *b);           /* positions and comments aside; order of keys aside */

/* What ends a message where YAML may have cut an expression into pieces. */
#define QUOTE_HINT "; quote the expression: \"...\""

/* ---- spec.c: one tree from many. Gives the resolved spec (includes merged, presets and --set applied); NULL with
 * messages where a file cannot be read; a change that is wrong has a message and is left out. A `--set` text is a source of its own named '--set', one line each, so that messages can point at
 * `--set 2:14`. Paths are keys joined by '.'; list elements by number; an unknown path is an error with a suggestion,
 * except that a new key is allowed where the mapping is open (vars' values may only replace what is there). Names in
 * the sections are found with or without their arguments. `steps` replaces `epochs`, and the like. */
typedef struct {
    int npreset, nset;
    const char *const *preset;                        /* names, each laid over what the one before left */
    const char *const *set;                           /* "KEY.PATH=VALUE" */
} SpecChanges;
Doc *spec_read(const char *path, const SpecChanges *changes, Diags *d);
