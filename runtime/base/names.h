/* A table from names to numbers: open addressing, in an arena. Names are kept by reference; the first number given to
 * a name stays. */
#pragma once
#include "base/arena.h"

typedef struct {
    struct NameEntry { const char *name; int value; } *entry;
    int n, size;                                      /* size: a power of two, more than half of it empty */
} NameTable;

int names_find(const NameTable *t, const char *name); /* -1 if it is not there */
void names_add(Arena *a, NameTable *t, const char *name, int value);
