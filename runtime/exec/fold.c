/* Reductions of a region. Each task folds its blocks into sums of its own; they are merged in the order of
 * the tasks, so the bits depend on the shape alone. A task holds only the results that it touches
 * (fold_range). */
#include "exec/run.h"

#include <string.h>

/* The first result under row `outer` of the axes outside the two innermost. */
static int64_t base_of(const Fold *f, int64_t outer) {
    int64_t base = 0;
    for (int k = f->rank - 3; k >= 0; k--) {
        base += outer % f->dim[k] * f->stride[k];
        outer /= f->dim[k];
    }
    return base;
}

/* Innermost axis folded: one result a row. */
static void fold_rows(const Fold *f, const Reduce *r, float *acc, int64_t stride, const char *x, size_t size,
                      int64_t start, int64_t n) {
    int64_t L = f->dim[f->rank - 1], M = f->rank > 1 ? f->dim[f->rank - 2] : 1;
    int64_t pos = start % L, row = start / L, outer = row / M, k = row % M, base = base_of(f, outer);
    while (n > 0) {
        int64_t run = L - pos < n ? L - pos : n;
        r->block(acc + base + k, stride, x, run, 1);
        x += (size_t)run * size;
        n -= run;
        pos = 0;
        if (++k == M) k = 0, base = base_of(f, ++outer);
    }
}

/* Innermost axis kept: rows are added to each other. */
static void fold_columns(const Fold *f, const Reduce *r, float *acc, int64_t stride, const char *x,
                         size_t size, int64_t start, int64_t n) {
    int64_t L = f->dim[f->rank - 1], M = f->rank > 1 ? f->dim[f->rank - 2] : 1;
    int64_t pos = start % L, row = start / L;
    while (n > 0) {
        float *to = acc + base_of(f, row / M);
        int64_t rows = 1, run = L;
        if (pos || n < L)
            run = L - pos < n ? L - pos : n;
        else
            rows = n / L < M - row % M ? n / L : M - row % M;
        r->block(to + pos, stride, x, rows, run);
        x += (size_t)(rows * run) * size;
        n -= rows * run;
        pos += run;
        if (pos == L) pos = 0, row += rows;
    }
}

void fold_block(const Fold *f, const Reduce *r, float *acc, int64_t stride, int64_t low, const void *x,
                size_t size, int64_t start, int64_t n) {
    if (f->rank == 0)
        r->block(acc, stride, x, 1, 1);
    else if (f->stride[f->rank - 1])
        fold_columns(f, r, acc - low, stride, x, size, start, n);
    else
        fold_rows(f, r, acc - low, stride, x, size, start, n);
}

static size_t part_bytes(const Fold *f, const Reduce *r) {
    return ((size_t)r->planes * (size_t)f->width * sizeof(float) + 63) & ~(size_t)63;
}

float *fold_part(const Fold *f, const Reduce *r, unsigned char *scratch, int64_t task) {
    return (float *)(void *)(scratch + f->parts + (size_t)task * part_bytes(f, r));
}

static void copy_planes(float *to, int64_t to_stride, const float *from, int64_t from_stride, int planes,
                        int64_t n) {
    for (int k = 0; k < planes; k++)
        memcpy(to + k * to_stride, from + k * from_stride, (size_t)n * sizeof *to);
}

void fold_merge(const Fold *f, const Reduce *r, unsigned char *scratch, const Segment *s, void *out) {
    float *whole = (float *)(void *)(scratch + f->whole);
    int64_t ntask = task_count(s->count, s->task), all = f->results;
    if (ntask != 1) r->start(whole, all);
    for (int64_t t = 0; t < ntask && ntask > 1; t++) {
        int64_t low, high, end = (t + 1) * s->task;
        fold_range(f, t * s->task, end < s->count ? end : s->count, &low, &high);
        const float *part = fold_part(f, r, scratch, t);
        int64_t n = high - low;
        if (n == all || r->planes == 1) {
            r->merge(whole + low, part, n);
        } else { /* a merge wants both with one plane stride */
            float *room = fold_part(f, r, scratch, ntask);
            copy_planes(room, n, whole + low, all, r->planes, n);
            r->merge(room, part, n);
            copy_planes(whole + low, all, room, n, r->planes, n);
        }
    }
    r->finish(whole, out, all, f->each);
}
