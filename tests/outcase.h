/* A kind of output, its options and a job, in a folder of its own: what tests of outputs share. */
#pragma once
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "out/axes.h"
#include "out/bytes.h"
#include "out/picture.h"

typedef struct { /* a run folder of its own and a job in it */
    char folder[64];
    Arena *arena;
    OutputJob job;
    const Output *kind;
    void *options;
} Case;

static inline int begin(void **state) {
    Case *c = calloc(1, sizeof *c);
    strcpy(c->folder, "/tmp/graphrun-out-XXXXXX");
    if (!mkdtemp(c->folder)) return 1;
    c->arena = arena_new();
    c->job = (OutputJob){.name = "shown", .samples = c->folder, .plots = c->folder, .step = 50};
    *state = c;
    return 0;
}

static inline int end(void **state) {
    Case *c = *state;
    DIR *d = opendir(c->folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", c->folder, e->d_name);
        unlink(path);
    }
    if (d) closedir(d);
    rmdir(c->folder);
    arena_free(c->arena);
    free(c);
    return 0;
}

static inline const char *in_folder(Case *c, const char *file) {
    return arena_printf(c->arena, "%s/%s", c->folder, file);
}

static inline void use(Case *c, const char *kind) {
    c->kind = output_named(kind);
    assert_non_null(c->kind);
    c->options = arena_alloc(c->arena, c->kind->options_size);
    field_defaults(c->kind->options, c->options, c->arena);
}

static inline void *option(Case *c, const char *key) {
    const Field *f = field_find(c->kind->options, key);
    assert_non_null(f);
    return (char *)c->options + f->offset;
}

/* Gives an F_EXPRS option the values from..from+n-1, a set each. */
static inline void give(Case *c, const char *key, int n, int from) {
    ExprItem *item = ARENA_ARRAY(c->arena, ExprItem, n);
    for (int i = 0; i < n; i++) item[i] = (ExprItem){.value = from + i, .set = i};
    *(Exprs *)option(c, key) = (Exprs){n, n, item};
}

static inline void write_well(Case *c) {
    bool ok = (!c->kind->prepare || c->kind->prepare(&c->job, c->options)) && c->kind->write(&c->job, c->options);
    if (!ok) print_error("%s\n", c->job.why);
    assert_true(ok);
}

static inline Picture read_back(Case *c, bool color) {
    Picture p;
    bool is;
    assert_true(picture_is_color(c->job.made, &is));
    assert_int_equal(is, color);
    assert_true(picture_read(&p, c->job.made, color));
    return p;
}

static inline int at(const Picture *p, int x, int y, int channel) {
    return p->pixel[(y * p->width + x) * p->channels + channel];
}

static inline OutValue value_of(const void *data, DType type, int rank, const int64_t *dim) {
    return (OutValue){{type, shape_of(rank, dim)}, data};
}
#define VALUE(data, type, ...) \
    value_of(data, type, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

static inline void refused(Case *c, int n, const Tensor *value, const char *text) {
    Diags *d = diags_new(c->arena);
    assert_false(c->kind->check(c->options, n, value, d, (Loc){0, 7, 3}));
    assert_non_null(d->first);
    assert_string_equal(d->first->text, text);
    assert_int_equal(d->first->loc.line, 7);
    FILE *nowhere = fopen("/dev/null", "w");
    assert_non_null(nowhere);
    diags_print(d, nowhere, false); /* notes the place that complained */
    fclose(nowhere);
}

static inline int count_color(const Picture *p, int r, int g, int b, int off) {
    int n = 0;
    for (int i = 0; i < p->width * p->height; i++) {
        const uint8_t *at_ = p->pixel + 3 * i;
        n += abs(at_[0] - r) + abs(at_[1] - g) + abs(at_[2] - b) < off;
    }
    return n;
}

static inline Bytes whole(Case *c, const char *file) {
    Bytes b = {0};
    assert_true(bytes_read_file(&b, in_folder(c, file)));
    bytes_add(&b, "", 1);
    return b;
}
