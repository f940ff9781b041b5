/* Whole files, for tests, ended by a 0. */
#pragma once
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* In an arena; a test that cannot read it fails. size NULL: not asked for. */
static inline char *read_all(Arena *a, const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    if (!f) print_error("cannot read %s\n", path);
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    size_t n = (size_t)ftell(f);
    rewind(f);
    char *text = arena_alloc(a, n + 1);
    assert_int_equal(fread(text, 1, n, f), n);
    fclose(f);
    if (size) *size = n;
    return text;
}

/* What of a file goes into `into`; nothing where there is none. */
static inline void slurp(const char *path, char *into, size_t size) {
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(into, 1, size - 1, f) : 0;
    into[n] = 0;
    if (f) fclose(f);
}

/* Two runs made the same file: `name` in both folders. */
static inline void assert_same_file(const char *folder, const char *other, const char *name) {
    Arena *a = arena_new();
    size_t n, m;
    const char *x = read_all(a, arena_printf(a, "%s/%s", folder, name), &n);
    const char *z = read_all(a, arena_printf(a, "%s/%s", other, name), &m);
    if (n != m || memcmp(x, z, n)) fail_msg("%s differs between %s and %s", name, folder, other);
    arena_free(a);
}
