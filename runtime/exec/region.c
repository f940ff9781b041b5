/* Runs a region: task by task on all threads, block by block in a task, step by step in a block. Every step
 * is a call of its operator's Map kernel on at most BLOCK contiguous numbers, which lie in place, in a buffer
 * of this thread that stays in its cache, or in their result's place. Nothing here depends on the number of
 * threads. */
#include "exec/run.h"
#include "kern/kern.h"

#include <stdatomic.h>
#include <string.h>

enum {
    WORTH_THREADS = 1 << 16, /* elements times steps: about 20 us on one thread */
    LINE = 64                /* elements: shares end where no two threads write to one cache line */
};

typedef struct { /* one task, as its thread sees it */
    const RegionRun *run;
    const Segment *segment;
    const unsigned char *const *in;
    unsigned char *const *out;
    unsigned char **value; /* by value: where this block of it lies */
    Ready *step;           /* by step */
    unsigned char *buffers;
    int64_t index, start, end; /* which task of the segment; its elements */
} Task;

static Map *map_of(const Step *s, int level) {
    Map *f = s->op->map[level][s->type];
    while (!f && level > ISA_BASE) f = s->op->map[--level][s->type];
    return f;
}

static bool is_number(const Task *t, int value) {
    const Region *r = t->run->region;
    return value < r->nin && t->segment->access[value].kind == ACCESS_SCALAR && !r->value[value].raw &&
           !r->value[value].spread;
}

/* Which kernel each step calls, and which of its sources are single numbers. */
static void open_steps(const Task *t) {
    const Region *r = t->run->region;
    int level = isa_level();
    for (int k = 0; k < r->nstep; k++) {
        const Step *s = &r->step[k];
        if (s->fold >= 0 || !s->op) continue;
        t->step[k] = (Ready){.map = map_of(s, level)};
        for (int j = 0; j < s->nsrc; j++) t->step[k].numbers |= (unsigned)is_number(t, s->src[j]) << j;
    }
}

static unsigned char *buffer_at(const Task *t, int buffer) {
    return t->buffers + (size_t)buffer * BUFFER_BYTES;
}

/* What stays the same over the task: numbers for all, and periods. */
static void open_inputs(const Task *t) {
    const Region *r = t->run->region;
    int64_t most = t->end - t->start < BLOCK ? t->end - t->start : BLOCK;
    for (int k = 0; k < r->nin; k++) {
        const Access *a = &t->segment->access[k];
        const Value *v = &r->value[k];
        size_t size = dtype_size(v->type);
        const unsigned char *from = t->in[k] + a->offset * (int64_t)size;
        if (v->raw || is_number(t, k)) {
            t->value[k] = (unsigned char *)from;
        } else if (a->kind == ACCESS_SCALAR) {
            t->value[k] = buffer_at(t, v->buffer);
            fill(t->value[k], from, size, most);
        } else if (a->kind == ACCESS_PERIOD) {
            fill_period(a, t->in[k], size, most, buffer_at(t, v->buffer));
        }
    }
}

static void move_inputs(const Task *t, int64_t start, int64_t n) {
    const Region *r = t->run->region;
    for (int k = 0; k < r->nin; k++) {
        const Access *a = &t->segment->access[k];
        const Value *v = &r->value[k];
        int64_t size = (int64_t)dtype_size(v->type);
        if (v->raw || a->kind == ACCESS_SCALAR) continue;
        if (a->kind == ACCESS_SAME)
            t->value[k] = (unsigned char *)t->in[k] + (a->offset + start) * size;
        else if (a->kind == ACCESS_PERIOD)
            t->value[k] = buffer_at(t, v->buffer) + start % a->period * size;
        else
            t->value[k] =
                (unsigned char *)gather(a, t->in[k], (size_t)size, start, n, buffer_at(t, v->buffer));
    }
    for (int k = r->nin; k < r->nvalue; k++) {
        const Value *v = &r->value[k];
        t->value[k] = v->result < 0 ? buffer_at(t, v->buffer)
                                    : t->out[v->result] + start * (int64_t)dtype_size(v->type);
    }
}

/* Where the task's sums of a reduction are; *low: their first result, *stride: how many there are. */
static float *sums_of(const Task *t, const Fold *f, const Reduce *r, int64_t *low, int64_t *stride) {
    if (task_count(t->segment->count, t->segment->task) == 1) {
        *low = 0;
        *stride = f->results;
        return (float *)(void *)(t->run->scratch + f->whole);
    }
    int64_t high;
    fold_range(f, t->start, t->end, low, &high);
    *stride = high - *low;
    return fold_part(f, r, t->run->scratch, t->index);
}

static void run_step(const Task *t, const Step *s, const Ready *ready, int64_t start, int64_t n) {
    const void *in[STEP_SOURCES] = {0};
    for (int k = 0; k < s->nsrc; k++) in[k] = t->value[s->src[k]];
    if (s->fold >= 0) {
        const Fold *f = &t->segment->fold[s->fold];
        const Reduce *r = s->op->reduce[s->type];
        int64_t low, stride;
        float *acc = sums_of(t, f, r, &low, &stride);
        if (start == t->start) r->start(acc, stride);
        fold_block(f, r, acc, stride, low, in[0], dtype_size(s->type), start, n);
    } else if (s->op) {
        MapEnv env = {s->attr, t->run->seed, start, ready->numbers};
        ready->map(n, in, t->value[s->out], &env);
    } else {
        memcpy(t->value[s->out], in[0], (size_t)n * dtype_size(s->type));
    }
}

static void finish_folds(const RegionRun *run, int segment) {
    const Region *r = run->region;
    const Segment *s = &r->segment[segment];
    for (int k = 0; k < r->nstep && r->nfold; k++) {
        const Step *step = &r->step[k];
        if (step->fold < 0) continue;
        fold_merge(&s->fold[step->fold], step->op->reduce[step->type], run->scratch, s,
                   run->out[segment * r->nout + step->out]);
    }
}

/* Elements start .. end of a segment; index: which task they are, where there are reductions. */
static void run_range(const RegionRun *run, int worker, int segment, int64_t index, int64_t start, int64_t end) {
    const Region *r = run->region;
    const Segment *s = &r->segment[segment];
    unsigned char *mine = run->thread + (size_t)worker * run->thread_bytes;
    Task t = {.run = run,
              .segment = s,
              .in = run->in + segment * r->nin,
              .out = run->out + segment * r->nout,
              .value = (unsigned char **)(void *)mine,
              .step = (Ready *)(void *)(mine + (size_t)r->nvalue * sizeof(void *)),
              .buffers = mine + region_head_bytes(r),
              .index = index,
              .start = start,
              .end = end};
    open_steps(&t);
    open_inputs(&t);
    for (int64_t at = t.start; at < t.end; at += BLOCK) {
        int64_t n = t.end - at < BLOCK ? t.end - at : BLOCK;
        move_inputs(&t, at, n);
        for (int k = 0; k < r->nstep; k++) run_step(&t, &r->step[k], &t.step[k], at, n);
    }
    if (r->nfold && s->count <= s->task) finish_folds(run, segment); /* its only task */
}

static int segment_of(const Region *r, int task) {
    int low = 0, high = r->nsegment - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (r->segment[middle].first_task <= task)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

typedef struct {
    const RegionRun *run;
    atomic_int next;
} Shared;

static void run_numbered(const RegionRun *run, int worker, int task) {
    int segment = segment_of(run->region, task);
    const Segment *s = &run->region->segment[segment];
    int64_t index = task - s->first_task, end = (index + 1) * s->task;
    run_range(run, worker, segment, index, index * s->task, end < s->count ? end : s->count);
}

/* Without reductions a segment may be cut anywhere: each thread has the same share, region after region and turn
 * after turn, and all are done at the same time. Small segments are not cut. */
static void work_evenly(const RegionRun *run, int worker) {
    const Region *r = run->region;
    for (int k = 0; k < r->nsegment; k++) {
        int64_t lines = (r->segment[k].count + LINE - 1) / LINE, n = run->workers;
        int64_t from = lines * worker / n * LINE, to = lines * (worker + 1) / n * LINE;
        if (r->segment[k].count < n * BLOCK) from = 0, to = k % n == worker ? r->segment[k].count : 0;
        if (to > r->segment[k].count) to = r->segment[k].count;
        if (from < to) run_range(run, worker, k, 0, from, to);
    }
}

/* One segment: tasks are equal, and a fixed share keeps each thread at its part of the data, region after
 * region. Several: sizes differ, so whoever is free takes the next. */
static void work(void *ctx, int64_t worker) {
    Shared *shared = ctx;
    const RegionRun *run = shared->run;
    int n = run->region->ntask, w = (int)worker;
    if (!run->region->nfold) {
        work_evenly(run, w);
    } else if (run->region->nsegment == 1) {
        int end = (int)((int64_t)n * (w + 1) / run->workers);
        for (int k = (int)((int64_t)n * w / run->workers); k < end; k++) run_numbered(run, w, k);
    } else {
        for (int k; (k = atomic_fetch_add(&shared->next, 1)) < n;) run_numbered(run, w, k);
    }
}

void region_run(const RegionRun *run) {
    const Region *r = run->region;
    Shared shared = {.run = run};
    if (r->ntask > 1 && run->workers > 1 && r->work >= WORTH_THREADS)
        parallel_for(run->workers, work, &shared);
    else
        for (int k = 0; k < r->ntask; k++) run_numbered(run, 0, k);
    for (int s = 0; s < r->nsegment && r->nfold; s++)
        if (r->segment[s].count > r->segment[s].task) finish_folds(run, s);
}
