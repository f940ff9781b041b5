/* The entries of a mapping while it is read. */
#pragma once
#include "base/vec.h"
#include "parser/doc.h"

typedef struct { DocEntry entry; int rank, order; } Ranked;      /* own ones have rank 0, those of the k-th merged mapping k */
typedef struct {
    Diags *d;
    VEC(Ranked) all;
    int merged;
} Entries;

void entries_add(Entries *all, Doc *key, Doc *value);            /* `<<` merges the value; a wrong key is reported, and left out */
void entries_settle(Entries *all, Doc *map);                     /* gives them to the map, in order, each key once */
