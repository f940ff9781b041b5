#include "base/inttable.h"

#include <stdint.h>

static struct IntEntry *entry_for(const IntTable *t, int key) {
    size_t mask = (size_t)t->size - 1, at = ((uint32_t)key * 2654435769u >> 7) & mask;
    while (t->entry[at].value && t->entry[at].key != key) at = (at + 1) & mask;
    return &t->entry[at];
}

void *int_find(const IntTable *t, int key) { return t->size ? entry_for(t, key)->value : NULL; }

static void grow(Arena *a, IntTable *t) {
    IntTable old = *t;
    t->size = old.size ? 2 * old.size : 16;
    t->entry = ARENA_ARRAY(a, struct IntEntry, t->size);
    for (int i = 0; i < old.size; i++)
        if (old.entry[i].value) *entry_for(t, old.entry[i].key) = old.entry[i];
}

void int_set(Arena *a, IntTable *t, int key, void *value) {
    if (2 * (t->n + 1) > t->size) grow(a, t);
    struct IntEntry *e = entry_for(t, key);
    t->n += !e->value;
    *e = (struct IntEntry){key, value};
}
