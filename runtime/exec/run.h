/* The executor's own page. exec.c calls region.c, which calls gather.c and fold.c; and reference.c, of programs in fp64. */
#pragma once
#include "exec/exec.h"
#include "plan/region.h"

typedef struct {
    const Region *region;
    const unsigned char *const *in; /* nsegment * nin: where the operands start */
    unsigned char *const *out;      /* nsegment * nout */
    unsigned char *scratch;         /* sums of the reductions */
    unsigned char *thread;          /* region_thread_bytes for each worker, thread_bytes apart */
    size_t thread_bytes;
    int workers;
    uint64_t seed;
} RegionRun;

void region_run(const RegionRun *run);

bool reference_run(const Program *p, Store *s, uint64_t seed, unsigned char *workspace, Watched *watched);

/* gather.c: n elements of `size` bytes from element `start` of the space, through the index map. Gives `to`,
 * or a place inside the operand where they lie in line there. */
const void *gather(const Access *a, const void *from, size_t size, int64_t start, int64_t n, void *to);
void fill(void *to, const void *number, size_t size, int64_t n);
void fill_period(const Access *a, const void *from, size_t size, int64_t n,
                 void *to); /* one period, then n more */

/* fold.c: the sums of one task, and of all. `low` is the first result that acc holds, `stride` its plane
 * stride. */
void fold_block(const Fold *f, const Reduce *r, float *acc, int64_t stride, int64_t low, const void *x,
                size_t size, int64_t start, int64_t n);
float *fold_part(const Fold *f, const Reduce *r, unsigned char *scratch, int64_t task);
void fold_merge(const Fold *f, const Reduce *r, unsigned char *scratch, const Segment *s, void *out);
