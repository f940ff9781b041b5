/* One data source as a spec would make it: what the tests of data share. */
#pragma once
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "datasets/dataset.h"

typedef struct { /* a spec's source: the keys it gives, each at a line of its own */
    const char *key[8];
    Arena *arena;
    DataSource source;
} Case;

static inline Loc loc_of(const void *node, const char *key) {
    const Case *c = node;
    for (uint32_t i = 0; i < 8 && c->key[i]; i++)
        if (!strcmp(c->key[i], key)) return (Loc){0, 10 + i, 1};
    return (Loc){0};
}

static inline void begin(Case *c, const char *kind) {
    *c = (Case){.arena = arena_new()};
    const Dataset *d = dataset_named(kind);
    assert_non_null(d);
    void *options = arena_alloc(c->arena, d->options_size);
    field_defaults(d->options, options, c->arena);
    c->source = (DataSource){.kind = d,
                             .name = "toy",
                             .options = options,
                             .arena = c->arena,
                             .diags = diags_new(c->arena),
                             .loc = {0, 1, 1},
                             .loc_of = loc_of,
                             .spec_node = c};
    field_defaults(source_options, &c->source.common, c->arena);
}

static inline void end(Case *c) {
    source_close(&c->source);
    arena_free(c->arena);
}

/* Sets a key as a spec would; `value` as in the row's default, a float list as numbers with blanks between.
 */
static inline void set(Case *c, const char *key, const char *value) {
    const Field *table = field_find(source_options, key) ? source_options : c->source.kind->options;
    char *into = table == source_options ? (char *)&c->source.common : (char *)(uintptr_t)c->source.options;
    const Field *f = field_find(table, key);
    assert_non_null(f);
    int at = 0;
    while (c->key[at]) at++;
    c->key[at] = key;
    if (f->type == F_FLOATS) {
        Floats *list = (Floats *)(void *)(into + f->offset);
        for (char *p = (char *)(uintptr_t)value, *next; list->at[list->n] = strtod(p, &next), next > p;
             p = next)
            list->n++;
        return;
    }
    Field rows[2] = {*f, {0}};
    rows[0].dflt = value;
    field_defaults(rows, into, c->arena);
}

static inline bool open_all(Case *c) {
    bool ok = source_open(&c->source);
    for (int i = 0; ok && i < c->source.nfield; i++) ok = source_want(&c->source, i, c->source.loc);
    return ok && source_load(&c->source);
}

/* A batch, field by field, as units read it; into[field] NULL: not wanted. Gives its samples. */
static inline int64_t source_batch(const DataSource *s, uint64_t seed, int64_t cursor, void *const *into) {
    int64_t *index = test_malloc(sizeof *index * (size_t)s->common.batch), n = source_order(s, seed, cursor, index);
    void *at[DATA_FIELDS] = {NULL};
    for (int64_t i = 0; i < n; i++) {
        for (int f = 0; f < s->nfield; f++) {
            const Tensor *type = &s->field[f].sample;
            size_t size = dtype_size(type->dtype) * (size_t)shape_count(&type->shape);
            at[f] = into[f] ? (char *)into[f] + (size_t)i * size : NULL;
        }
        Why why;
        if (!source_sample(s, index[i], at, &why)) fail_msg("%s", why.text);
    }
    test_free(index);
    return n;
}

static inline void load(Case *c) {
    bool ok = open_all(c);
    if (!ok) diags_print(c->source.diags, stderr, false);
    assert_true(ok);
}

/* Refused with a message in which `part` stands. */
static inline void refused_about(Case *c, const char *part) {
    bool ok = open_all(c);
    assert_false(ok);
    const Diag *e = c->source.diags->first;
    assert_non_null(e);
    if (!strstr(e->text, part)) assert_string_equal(e->text, part);
    end(c);
}

static inline void refused(Case *c, uint32_t line, const char *text) {
    bool ok = open_all(c);
    assert_false(ok);
    const Diag *e = c->source.diags->first;
    assert_non_null(e);
    assert_string_equal(e->text, text);
    assert_int_equal(e->loc.line, line);
    FILE *nowhere = fopen("/dev/null", "w");
    assert_non_null(nowhere);
    diags_print(c->source.diags, nowhere, false); /* notes the place that complained */
    fclose(nowhere);
    end(c);
}
