/* Batches of one source: its samples, reworked by the layers of its fields. A batch is a function of the source, the mode
 * and its number. What layers without draws make of a sample is kept, within KEPT_MOST bytes, and made only once. */
#pragma once
#include "plan/plan.h"
#include "train/fault.h"
#include "train/training.h"

typedef struct Batches Batches;

/* Its programs are made: one for both modes where their layers do the same. NULL: a fault. */
Batches *batches_new(Training *t, int source, Program *const program[MODES], uint64_t seed, int threads, Fault *f);
void batches_free(Batches *b);                        /* accepts NULL; not the programs */
double batches_memory(const Batches *b);              /* bytes that it takes in the end, when all is kept that can be */
/* Whether a thread of its own may make them: nothing in the layers calls a library with threads of its own. */
bool batches_ahead(const Batches *b);
/* Fills out[field] (NULL: not wanted) with batch `cursor` of `view`, which is the source or a copy in another order. The
 * source is loaded. Gives its samples; what lies behind them in `out` is of no meaning. -1: a file could not be read, as f says. Any thread may
 * call it, one at a time gets through. */
int64_t batches_make(Batches *b, const DataSource *view, FieldMode mode, int64_t cursor, void *const *out, Fault *f);
size_t batches_row(const Batches *b, int field);      /* bytes a sample; 0: nobody reads the field */
size_t batches_bytes(const Batches *b, int field);    /* of a place for the field's full batch, as in the Store */
int64_t batches_size(const Batches *b);               /* samples of a full batch */
