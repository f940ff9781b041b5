/* A region: a fused chain of elementwise operators with reductions at its ends, as data. The state of an
 * Instr whose op is NULL. Planner and executor share this page; nothing else reads it.
 *
 *   value    what a step reads or writes: a block of at most BLOCK numbers, few enough that all values of
 *            most regions stay in the first cache, or one number for all. Values 0 .. nin-1 are the inputs.
 *   step     one operator applied to values: its Map kernel, a copy (op NULL), or a reduction (fold not
 *            negative)
 *   segment  one iteration space under the steps: its size, and how each input is found in it. A region of
 *            several segments is one program over several tensors, as an optimiser is. Segment s reads the
 *            operands in[s*nin ..] and writes out[s*nout ..].
 *   task     a range of a segment that one thread sums up. Cut by shape alone, so that partial sums are the
 *            same for any number of threads, and the same in a region of one node as in a large one. Where
 *            nothing is summed, threads share a segment evenly instead.
 *
 * Element i of the space is element i of every value. The space has no shape: each input has its own index
 * map from i (Access), and each reduction its own pattern of kept and folded runs (Fold), so that a reshape
 * costs nothing.
 */
#pragma once
#include "ir/instr.h"

enum { BLOCK = 1024, PERIOD_MOST = 2048, TASK_BLOCKS = 16, TASKS_MOST = 64, STEP_SOURCES = 4 };

typedef enum {
    ACCESS_SAME,   /* element i of the operand, plus offset: read in place */
    ACCESS_SCALAR, /* one number for all */
    ACCESS_PERIOD, /* depends on i % period only; the period is at most PERIOD_MOST */
    ACCESS_GATHER, /* any strides */
} AccessKind;

typedef struct {
    AccessKind kind;
    int rank; /* after merging axes: 0 for one number */
    int64_t offset, period;
    int64_t dim[RANK_MAX], stride[RANK_MAX];
} Access;

typedef struct { /* runs from the outside: kept and folded ones alternate */
    int rank;
    int64_t dim[RANK_MAX], stride[RANK_MAX]; /* stride of the result's index; 0 where folded */
    int64_t results, each;                   /* how many results; numbers per result */
    int64_t width;                           /* most results that one task touches */
    size_t whole, parts;                     /* byte offsets in the scratch: the sums; the tasks' parts */
} Fold;

typedef struct {
    const Op *op; /* NULL: a copy */
    const void *attr;
    DType type;                  /* which kernel: the type of the last source */
    int nsrc, src[STEP_SOURCES]; /* values */
    int out;                     /* value; of a reduction: the result's index */
    int fold;                    /* which reduction of the region, or -1 */
    const char *path;            /* where its node was made, for dumps; or NULL */
} Step;

typedef struct {
    DType type;
    int result; /* which result of the segment it is stored as, or -1 */
    int buffer; /* which block buffer of the thread holds it, or -1 */
    bool raw;   /* an input that only draws read: a pointer to one number */
    bool spread; /* an input that a copy or a reduction reads: where it is one number, it fills a block for them */
} Value;

typedef struct {
    int64_t count, task; /* elements; elements of a task */
    int first_task;
    Access *access; /* nin */
    Fold *fold;     /* nfold */
} Segment;

typedef struct {
    int nin, nout, nvalue, nstep, nfold, nsegment, ntask;
    Value *value;
    Step *step;
    Segment *segment;
    int nbuffer; /* block buffers a thread needs */
    double work; /* elements times steps: too little is not worth two threads */
} Region;

enum {
    BUFFER_BYTES = (PERIOD_MOST + BLOCK) * (int)sizeof(float) + 64
}; /* a period and a block; 64 against equal low bits */

typedef struct { /* a step as a thread has it ready */
    Map *map;
    unsigned numbers; /* of MapEnv */
} Ready;

static inline size_t region_head_bytes(const Region *r) { /* places of values, then steps */
    return ((size_t)r->nvalue * sizeof(void *) + (size_t)r->nstep * sizeof(Ready) + 63) & ~(size_t)63;
}
static inline size_t region_thread_bytes(const Region *r) { /* what each thread needs while it runs r */
    return region_head_bytes(r) + (size_t)r->nbuffer * BUFFER_BYTES;
}

Access access_make(const Shape *space, const Strides *at);
Fold fold_make(const Shape *space, unsigned axes);
int64_t task_size(int64_t count, int nfold, Fold *fold); /* completes the folds' width */
void fold_range(const Fold *f, int64_t start, int64_t end, int64_t *low, int64_t *high); /* results touched */
static inline int64_t task_count(int64_t count, int64_t task) { return (count + task - 1) / task; }
