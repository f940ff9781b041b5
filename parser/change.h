/* Presets and --set: changes to single keys of a spec. Trees are not written to, since aliases share them; a change
 * gives a new tree that shares what it leaves alone.
 */
#pragma once
#include "parser/doc.h"

/* The sections of a spec. Named ones hold definitions; those in one namespace hide each other across files. */
typedef struct { const char *name; bool named, global; } Section;
extern const Section sections[];                      /* ends with a NULL name */
const Section *section_find(const char *name);        /* NULL if there is none */
size_t bare_length(const char *key);                  /* of `down` in `down(x, filters)` */

Doc *map_copy(Arena *a, const Doc *map, int room);    /* the same entries, and room for more behind them */

Doc *change_preset(const Doc *spec, const DocEntry *preset, Diags *d);  /* NULL after a message */
/* With a message for each that is wrong, which changes nothing. */
Doc *change_set(const Doc *spec, const SpecChanges *changes, Diags *d);
