/* The geometry of regions: index maps, reduction patterns, and how a space is cut into tasks. Pure functions
 * of shapes: they must know neither nodes nor thread counts. Invariant: the cut of a reduction depends on its
 * own source and axes only, never on what it is fused with. */
#include "plan/region.h"

Access access_make(const Shape *space, const Strides *at) {
    Access a = {.offset = at->offset};
    int64_t count = 1;
    for (int k = 0; k < space->rank; k++) { /* axes of one step are dropped, neighbours in line merged */
        int64_t dim = space->dim[k], stride = at->stride[k];
        count *= dim;
        if (dim == 1) continue;
        if (a.rank && a.stride[a.rank - 1] == stride * dim) {
            a.dim[a.rank - 1] *= dim;
            a.stride[a.rank - 1] = stride;
        } else {
            a.dim[a.rank] = dim;
            a.stride[a.rank++] = stride;
        }
    }
    if (count == 1 || (a.rank == 1 && a.stride[0] == 1))
        a.kind = ACCESS_SAME;
    else if (a.rank == 1 && a.stride[0] == 0)
        a.kind = ACCESS_SCALAR;
    else if (a.stride[0] == 0 && count / a.dim[0] <= PERIOD_MOST)
        a.kind = ACCESS_PERIOD, a.period = count / a.dim[0];
    else
        a.kind = ACCESS_GATHER;
    return a;
}

Fold fold_make(const Shape *space, unsigned axes) {
    Fold f = {.results = 1, .each = 1};
    bool folded[RANK_MAX] = {0};
    for (int k = 0; k < space->rank; k++) {
        bool fold = axes >> k & 1;
        *(fold ? &f.each : &f.results) *= space->dim[k];
        if (space->dim[k] == 1) continue;
        if (f.rank && folded[f.rank - 1] == fold) {
            f.dim[f.rank - 1] *= space->dim[k];
        } else {
            folded[f.rank] = fold;
            f.dim[f.rank++] = space->dim[k];
        }
    }
    int64_t stride = 1;
    for (int k = f.rank - 1; k >= 0; k--)
        if (!folded[k]) f.stride[k] = stride, stride *= f.dim[k];
    return f;
}

void fold_range(const Fold *f, int64_t start, int64_t end, int64_t *low, int64_t *high) {
    int64_t inner = f->results * f->each, results = f->results, base = 0;
    for (int k = 0; k < f->rank; k++) {
        inner /= f->dim[k];
        int64_t first = start / inner, last = (end - 1) / inner;
        if (f->stride[k]) results = f->stride[k]; /* results of one step along this axis */
        if (first != last) {
            *low = base + first * f->stride[k];
            *high = base + last * f->stride[k] + results;
            if (!f->stride[k]) *low = base, *high = base + results;
            return;
        }
        base += first * f->stride[k];
        start -= first * inner;
        end -= first * inner;
    }
    *low = base;
    *high = base + 1;
}

/* Sets the fold's width; says how many more results the tasks hold together than there are. */
static int64_t spare(Fold *f, int64_t count, int64_t task) {
    int64_t n = task_count(count, task), low, high;
    f->width = n > 1 ? 0 : f->results;
    for (int64_t t = 0; t < n && n > 1; t++) {
        fold_range(f, t * task, t + 1 < n ? (t + 1) * task : count, &low, &high);
        if (f->width < high - low) f->width = high - low;
    }
    return n * f->width - f->results;
}

/* At most TASKS_MOST tasks, and no more than make the partial sums an eighth of the numbers that are summed.
 */
int64_t task_size(int64_t count, int nfold, Fold *fold) {
    int64_t blocks = (count + (int64_t)TASKS_MOST * BLOCK - 1) / ((int64_t)TASKS_MOST * BLOCK);
    int64_t task = (blocks > TASK_BLOCKS ? blocks : TASK_BLOCKS) * BLOCK;
    for (int k = 0; k < nfold; k++)
        while (spare(&fold[k], count, task) > count / 8 && task < count) task *= 2;
    for (int k = 0; k < nfold; k++) spare(&fold[k], count, task);
    return task;
}
