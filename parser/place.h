/* Positions: a cursor over the source text, and the place in the file of every byte of a scalar, whatever its
 * quoting. libyaml gives the two ends of a scalar and its unescaped text; place_scalar walks the source between them.
 */
#pragma once
#include "parser/doc.h"

typedef struct {
    const char *text;
    size_t length;
    size_t byte, index;                               /* index: in code points, as libyaml's marks count */
    uint32_t line, col;                               /* lines end at '\n' only, as diag.c prints them */
    uint32_t first_col;                               /* of text[0] */
} Cursor;

Cursor cursor_start(const char *text, size_t length, Loc at);
void cursor_step(Cursor *c);                          /* one code point on; not at the end */
void cursor_seek(Cursor *c, size_t index);

/* Fills d->line, d->col and d->loc's line and column. `from` is at the first character of the scalar: its quote or
 * indicator where it has one. `end` is the byte after its last one. */
void place_scalar(Arena *a, Doc *d, Cursor from, size_t end, bool folded);
