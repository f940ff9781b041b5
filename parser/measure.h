/* Metrics and outputs share: a frame of local names in eval mode, and the keys that name stages and sources. */
#pragma once
#include "parser/value.h"

typedef struct { Build b; Ctx c; Scope *s; VEC(Node *) result; } Frame;

/* A scope with the mapping's local names: all keys but those of the tables a and b. */
void frame_open(Eval *e, Frame *f, Unit *u, const char *kind, const DocEntry *entry, const Field *a, const Field *b,
                int tick);
int stage_named(Eval *e, const Doc *d);               /* -1, reported, where there is none */
int over_source(Eval *e, const Doc *d);               /* the same, for a source; opens it */
int64_t count_of_rows(Eval *e, const Doc *count);     /* a whole number above 0, else reported and 0 */
/* Whether n changes from batch to batch: it is made of that source's fields; of any data or draws where source < 0. */
bool node_changes(const Eval *e, const Node *n, int source);
