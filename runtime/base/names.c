#include "base/names.h"

#include "base/rng.h"

#include <string.h>

static struct NameEntry *entry_for(const NameTable *t, const char *name) {
    size_t mask = (size_t)t->size - 1, at = (size_t)rng_hash(name) & mask;
    while (t->entry[at].name && strcmp(t->entry[at].name, name)) at = (at + 1) & mask;
    return &t->entry[at];
}

int names_find(const NameTable *t, const char *name) {
    const struct NameEntry *e = t->size ? entry_for(t, name) : NULL;
    return e && e->name ? e->value : -1;
}

static void grow(Arena *a, NameTable *t) {
    NameTable old = *t;
    t->size = old.size ? 2 * old.size : 64;
    t->entry = ARENA_ARRAY(a, struct NameEntry, t->size);
    for (int i = 0; i < old.size; i++)
        if (old.entry[i].name) *entry_for(t, old.entry[i].name) = old.entry[i];
}

void names_add(Arena *a, NameTable *t, const char *name, int value) {
    if (2 * (t->n + 1) > t->size) grow(a, t);
    struct NameEntry *e = entry_for(t, name);
    if (e->name) return;
    *e = (struct NameEntry){name, value};
    t->n++;
}
