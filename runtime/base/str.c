/* A string builder in an arena: doubles, never frees. */
#include "base/str.h"

#include <string.h>

void str_addn(Str *s, const char *text, size_t n) {
    if (s->n + n + 1 > s->cap) {
        size_t cap = 2 * (s->n + n + 1) + 64;
        char *grown = arena_alloc(s->arena, cap);
        if (s->n) memcpy(grown, s->text, s->n);
        s->text = grown;
        s->cap = cap;
    }
    memcpy(s->text + s->n, text, n);
    s->n += n;
    s->text[s->n] = 0;
}

void str_add(Str *s, const char *text) { str_addn(s, text, strlen(text)); }

void str_printf(Str *s, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    str_add(s, arena_vprintf(s->arena, fmt, ap));
    va_end(ap);
}
