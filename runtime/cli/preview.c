/* Previews of sources: samples at even distances over all of them, drawn by the kind of output that shows them best. Only what
 * can be looked at: images, and points of two or three numbers. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { IMAGES_MOST = 64, POINTS_MOST = 2000, PIXELS_MOST = 1 << 24 };

struct Preview {
    char *name;
    Arena *arena;
    Tensor type;                                      /* of what is kept, [want, ...] */
    int64_t n, want, seen, kept;                      /* samples: all, to keep, so far, of these kept */
    size_t row;
    OutputJob *job;                                   /* owns what is kept */
};

static int64_t samples_of(const Tensor *sample) {
    const Shape *s = &sample->shape;
    int64_t most = s->rank == 3 ? PIXELS_MOST / (s->dim[0] * s->dim[1]) : POINTS_MOST;
    bool seen = sample->dtype == F32 && (s->rank == 3 || (s->rank == 1 && s->dim[0] >= 2 && s->dim[0] <= 3));
    return !seen ? 0 : s->rank == 3 && most > IMAGES_MOST ? IMAGES_MOST : most < 1 ? 1 : most;
}

Preview *preview_new(const char *name, const Tensor *sample, int64_t n) {
    int64_t want = samples_of(sample);
    Tensor type = {sample->dtype, {.rank = sample->shape.rank + 1}};
    type.shape.dim[0] = want < n ? want : n;
    memcpy(type.shape.dim + 1, sample->shape.dim, sizeof(int64_t) * (size_t)sample->shape.rank);
    const Output *kind = want ? output_suiting(1, &type, false) : NULL;
    if (!kind) return NULL;
    Preview *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    *p = (Preview){.name = strdup(name), .arena = arena_new(), .type = type, .n = n, .want = type.shape.dim[0]};
    p->row = (size_t)shape_count(&sample->shape) * dtype_size(sample->dtype);
    p->job = calloc(1, sizeof *p->job);
    OutValue *value = calloc(1, sizeof *value);
    void *data = malloc((size_t)p->want * p->row);
    if (p->name && p->arena && p->job && value && data) {
        *value = (OutValue){type, data};
        *p->job = (OutputJob){.kind = kind, .name = p->name, .at_end = true, .nvalue = 1, .value = value};
        return p;
    }
    free(value);
    free(data);
    preview_free(p);
    return NULL;
}

/* Sample k of those that are kept is number k*n/want of all. */
void preview_add(Preview *p, int64_t rows, const void *batch) {
    if (!p) return;
    for (int64_t i = 0; i < rows; i++, p->seen++) {
        if (p->kept == p->want || p->seen < p->kept * p->n / p->want) continue;
        memcpy((char *)(uintptr_t)p->job->value->data + (size_t)p->kept++ * p->row, (const char *)batch + (size_t)i * p->row, p->row);
    }
}

/* The options of a kind, by default but for its values: the one that is here. */
static const void *options_of(const Preview *p) {
    const Output *kind = p->job->kind;
    char *o = arena_alloc(p->arena, kind->options_size);
    field_defaults(kind->options, o, p->arena);
    const Field *values = kind->options;              /* the first key of an output names its kind */
    ExprItem *item = ARENA_NEW(p->arena, ExprItem);
    *item = (ExprItem){.name = p->name, .set_name = p->name};
    if (values->type == F_EXPR) *(int *)(void *)(o + values->offset) = 0;
    else *(Exprs *)(void *)(o + values->offset) = (Exprs){1, 1, item};
    return o;
}

const char *preview_write(Preview *p, const char *folder, Fault *f) {
    OutputJob *job = p->job;
    if (mkdir(folder, 0777) && errno != EEXIST) return fault(f, CODE_WRITE, "%s: %s", folder, strerror(errno)), NULL;
    job->samples = job->plots = folder;
    job->options = options_of(p);
    if (job->kind->prepare && !job->kind->prepare(job, job->options)) return fault(f, CODE_FAILED, "%s: %s", p->name, job->why), NULL;
    job->done = job->kind->write(job, job->options);
    return output_done(job, f) ? job->made : NULL;
}

void preview_free(Preview *p) {
    if (!p) return;
    job_free(p->job);
    if (p->arena) arena_free(p->arena);
    free(p->name);
    free(p);
}
