/* Arena: blocks of doubling size in a list. In debug builds (GRAPHRUN_ARENA_EACH) every item is its own malloc,
 * so that ASan and valgrind see each one. */
#include "base/arena.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 16, FIRST_BLOCK = 64 * 1024, LARGEST_BLOCK = 4 * 1024 * 1024 };

typedef struct Block {
    struct Block *next;
    size_t size, used;
    _Alignas(ALIGN) unsigned char data[];
} Block;

struct Arena {
    Block *blocks, *spare;                            /* spare: empty, of before arena_reset */
    size_t next_size, total;
    jmp_buf *escape;
};

static long fail_after = -2;                          /* -2: environment not read yet; -1: never, or no longer */

long arena_fail_after(long n) {
    long left = fail_after;
    fail_after = n;
    return left;
}

static void *checked_malloc(size_t size) {
    if (fail_after == -2) {
        const char *text = getenv("GRAPHRUN_FAIL_ALLOC");
        fail_after = text ? atol(text) : -1;
    }
    if (fail_after >= 0 && fail_after-- == 0) return NULL;
    return malloc(size);
}

Arena *arena_new(void) {
    Arena *a = checked_malloc(sizeof *a);
    if (a) *a = (Arena){.next_size = FIRST_BLOCK};
    return a;
}

static void blocks_free(Block *b) {
    for (Block *next; b; b = next) next = b->next, free(b);
}

void arena_free(Arena *a) {
    if (!a) return;
    arena_reset(a);
    blocks_free(a->spare);
    free(a);
}

void arena_reset(Arena *a) {
#ifdef GRAPHRUN_ARENA_EACH
    blocks_free(a->blocks);
#else
    for (Block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        b->next = a->spare;
        a->spare = b;
    }
#endif
    a->blocks = NULL;
    a->total = 0;
}

jmp_buf *arena_escape(Arena *a, jmp_buf *to) {
    jmp_buf *old = a->escape;
    a->escape = to;
    return old;
}

_Noreturn void arena_fail(Arena *a) {
    if (a->escape) longjmp(*a->escape, 1);
    fputs("graphrun: out of memory\n", stderr);
    _Exit(EXIT_FAILURE);                              /* checkpoints are whole or not there: nothing is left to tidy */
}

size_t arena_mul(Arena *a, size_t x, size_t y) {
    size_t out;
    if (__builtin_mul_overflow(x, y, &out)) arena_fail(a);
    return out;
}

static Block *block_new(Arena *a, size_t size) {
    if (size > SIZE_MAX / 2) arena_fail(a);
    Block *b = checked_malloc(sizeof *b + size);
    if (!b) arena_fail(a);
    b->size = size;
    return b;
}

static Block *spare_take(Arena *a, size_t size) {
    for (Block **at = &a->spare; *at; at = &(*at)->next) {
        Block *b = *at;
        if (b->size < size) continue;
        *at = b->next;
        return b;
    }
    return NULL;
}

/* A block with room for `size`, a new one with room for `usual`. */
static Block *block_add(Arena *a, size_t size, size_t usual) {
    Block *b = spare_take(a, size);
    if (!b) b = block_new(a, usual > size ? usual : size);
    b->used = 0;
    b->next = a->blocks;
    a->blocks = b;
    return b;
}

void *arena_alloc(Arena *a, size_t size) {
    if (size > SIZE_MAX / 4) arena_fail(a);
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    Block *b = a->blocks;
#ifdef GRAPHRUN_ARENA_EACH
    b = block_add(a, size, size);
#else
    if (!b || b->size - b->used < size) {
        b = block_add(a, size, a->next_size);
        if (a->next_size < LARGEST_BLOCK) a->next_size *= 2;
    }
#endif
    void *p = b->data + b->used;
    b->used += size;
    a->total += size;
    return memset(p, 0, size);
}

size_t arena_used(const Arena *a) { return a->total; }

void *arena_copy(Arena *a, const void *from, size_t size) {
    void *p = arena_alloc(a, size);
    if (size) memcpy(p, from, size);
    return p;
}

char *arena_strndup(Arena *a, const char *text, size_t n) {
    char *s = arena_alloc(a, n + 1);
    memcpy(s, text, n);
    return s;
}

char *arena_strdup(Arena *a, const char *text) { return arena_strndup(a, text, strlen(text)); }

char *arena_vprintf(Arena *a, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    assert(n >= 0);
    char *s = arena_alloc(a, (size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

char *arena_printf(Arena *a, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}
