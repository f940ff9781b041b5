/* A table from whole numbers to pointers that are not NULL: open addressing, in an arena. */
#pragma once
#include "base/arena.h"

typedef struct {
    struct IntEntry { int key; void *value; } *entry;
    int n, size;                                      /* size: a power of two, more than half of it empty */
} IntTable;

void *int_find(const IntTable *t, int key);           /* NULL if it is not there */
void int_set(Arena *a, IntTable *t, int key, void *value);
