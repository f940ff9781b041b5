/* Data: one Dataset row a kind of source (datasets/NAME.c), one DataSource an opened source of a spec.
 *
 * A row knows its own keys and how to make sample i; everything common to all kinds (batches, shuffling, fractions,
 * cursors) is source.c's. Batch number `cursor` is a pure function of (seed, source name, cursor), so a run resumes
 * exactly from the cursor alone. Opening reads headers only: shapes and counts are known before data is read.
 */
#pragma once
#include "base/diag.h"
#include "base/field.h"
#include "ir/ir.h"

typedef struct DataSource DataSource;

typedef struct { const char *name; Tensor sample; } DataField;          /* shape of one sample, without the batch axis */
typedef struct { const char *name; Tensor type; const double *value; } DataConstant;   /* `ring.centres` */

typedef struct Dataset {
    const char *name, *doc;
    size_t options_size;
    const Field *options;                             /* keys of this kind only; the common ones are source_options */
    bool (*open)(DataSource *s);                      /* sets total, field[], constant[]; false: message in s->diags */
    bool (*load)(DataSource *s);                      /* reads or makes all samples; false: message. NULL = nothing */
    void (*sample)(const DataSource *s, int64_t index, void *const *out);      /* index in 0..total-1, field by field;
                                                         out[field] NULL: not wanted */
    void (*close)(DataSource *s);                     /* frees s->state; NULL = nothing */
} Dataset;

/* One in a file, the row's name in column 0: DATASET(moons, .doc = "...", ...) */
#define DATASET(name_, ...) const Dataset dataset_##name_ = {.name = #name_, __VA_ARGS__};
extern const Dataset *const dataset_table[];          /* generated; ends with NULL */

typedef enum { ORDER_SHUFFLE, ORDER_REPLACEMENT, ORDER_SEQUENTIAL } DataOrder;
typedef enum { LAST_DROP, LAST_KEEP } DataLast;
typedef enum { FRESH_TURN, FRESH_ITERATION } DataFresh;

typedef struct {                                      /* the keys every source takes */
    int64_t batch;
    int64_t count;                                    /* at most so many samples; 0 = all there are (or the kind's own default) */
    int order, last, fresh;
    Floats fraction;                                  /* [from, to], or one number: [0, to] */
    int64_t seed;                                     /* of generated data; not the run's seed: the data stay the same */
} SourceOptions;
extern const Field source_options[];

enum { DATA_FIELDS = 8 };
struct DataSource {
    const Dataset *kind;
    const char *name;                                 /* in the spec */
    const void *options;                              /* kind->options_size bytes */
    SourceOptions common;
    Arena *arena;
    Diags *diags;
    Loc loc;                                          /* of the source in the spec; loc_of for single keys */
    Loc (*loc_of)(const void *spec_node, const char *key);
    const void *spec_node;
    int64_t total;                                    /* samples of the kind, before fraction */
    int64_t count;                                    /* samples that batches are drawn from */
    int64_t first;                                    /* index of the first of them */
    int nfield, nconstant;
    DataField field[DATA_FIELDS];
    DataConstant constant[DATA_FIELDS];
    void *state;                                      /* the kind's own */
    size_t bytes;                                     /* of memory that `load` fills; set by open */
    const char *path;                                 /* where its files were found; NULL for made data */
    bool loaded;
};

const Dataset *dataset_named(const char *name);
/* `s` has kind, name, options, common, arena, diags, loc set. Checks ranges (batch against count too). */
bool source_open(DataSource *s);
bool source_load(DataSource *s);
void source_close(DataSource *s);                     /* accepts half-opened ones */
Loc source_loc(const DataSource *s, const char *key); /* of a key of the spec, else of the source */
bool source_given(const DataSource *s, const char *key);                /* the spec itself has this key */

int64_t source_batches(const DataSource *s);          /* batches an epoch: count/batch, rounded down (drop) or up (keep) */
double source_epoch(const DataSource *s, int64_t cursor);               /* passes delivered after `cursor` batches */
/* Fills out[field] (NULL: not wanted) with batch number `cursor`; gives the number of samples in it (batch, less for
 * a kept last one). */
int64_t source_batch(const DataSource *s, uint64_t seed, int64_t cursor, void *const *out);
