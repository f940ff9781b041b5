/* A text under test, and what was said of it. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/diag.h"

typedef struct { Arena *arena; Diags *d; } Case;

static inline Case begin(void) {
    Arena *a = arena_new();
    assert_non_null(a);
    return (Case){a, diags_new(a)};
}

/* Prints the messages too: the printer must survive them all, and notes down which places complained. */
static inline void end(Case *c) {
    FILE *nowhere = fopen("/dev/null", "w");
    assert_non_null(nowhere);
    diags_print(c->d, nowhere, true);
    fclose(nowhere);
    arena_free(c->arena);
}
