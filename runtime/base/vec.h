/* Typed growable arrays in an arena: VEC(int) v = {0}; vec_push(arena, &v, 3); v.at[0]; v.n. */
#pragma once
#include "base/arena.h"
#include <string.h>

#define VEC(Type) struct { Type *at; int n, cap; }
#define vec_push(arena, v, item) (vec_room((arena), (v)), (v)->at[(v)->n++] = (item))
#define vec_room(arena, v) \
    ((v)->n < (v)->cap ? (void)0 \
                       : (void)((v)->at = vec_grow((arena), (v)->at, (v)->n, &(v)->cap, sizeof *(v)->at)))

static inline void *vec_grow(Arena *a, const void *old, int n, int *cap, size_t item) {
    *cap = *cap ? 2 * *cap : 8;
    void *grown = arena_alloc(a, arena_mul(a, (size_t)*cap, item));
    if (n) memcpy(grown, old, (size_t)n * item);
    return grown;
}
