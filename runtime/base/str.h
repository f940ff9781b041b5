/* A string builder in an arena. */
#pragma once
#include "base/arena.h"

typedef struct {
    Arena *arena;
    char *text;                                       /* always ends in 0 once anything was added */
    size_t n, cap;
} Str;

void str_add(Str *s, const char *text);
void str_addn(Str *s, const char *text, size_t n);
void str_printf(Str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
