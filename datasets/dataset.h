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

typedef struct {                                      /* what the spec reads of a source: for checks, help and schema */
    const char *name;                                 /* "*": as the file names them; NULL: the last row */
    DType dtype;                                      /* of a "*": DTYPES where the file decides */
    const char *shape, *doc;                          /* of one sample, in the words of the keys: "[size, size, 1]" */
} FieldRow;

typedef struct { const char *site; char text[1000]; } Why;             /* why a sample cannot be read: the place that says so,
                                                         and what; by value, as any thread may read one */

typedef struct Dataset {
    const char *name, *doc;
    const char *example;                              /* a source of this kind as a spec says it: the tests run it */
    size_t options_size;
    const Field *options;                             /* keys of this kind only; the common ones are source_options */
    const FieldRow *fields;                           /* "label", an int for each sample, is what `classes` etc. go by */
    const FieldRow *constants;                        /* `ring.centres`; NULL = none */
    bool (*open)(DataSource *s);                      /* sets total, bytes; fields by source_field; false: message in s->diags */
    bool (*load)(DataSource *s);                      /* reads the fields that are wanted; false: message. NULL = nothing */
    bool (*labels)(DataSource *s, int32_t *out);      /* before load: out[total]; NULL = `sample` needs no load */
    void (*sample)(const DataSource *s, int64_t index, void *const *out);      /* index in 0..total-1, field by field;
                                                         out[field] NULL: not wanted */
    bool (*read)(const DataSource *s, int64_t index, void *const *out, Why *why);      /* in its place where samples are
                                                         fetched from files one by one, which may fail */
    void (*close)(DataSource *s);                     /* frees s->state; NULL = nothing */
} Dataset;

/* One in a file, the row's name in column 0: DATASET(moons, .doc = "...", ...) */
#define DATASET(name_, ...) const Dataset dataset_##name_ = {.name = #name_, __VA_ARGS__};
extern const Dataset *const dataset_table[];          /* generated; ends with NULL */

typedef struct {
    const char *name;
    Tensor sample;                                    /* shape of one sample, without the batch axis */
    const char *unusable;                             /* why the file's field cannot be read; NULL: it can */
    bool wanted;                                      /* something reads it: load it */
    bool early;                                       /* its values are known as soon as the source is open */
} DataField;
typedef struct { const char *name; Tensor type; const double *value; } DataConstant;   /* `ring.centres` */

typedef enum { ORDER_SHUFFLE, ORDER_REPLACEMENT, ORDER_SEQUENTIAL } DataOrder;
typedef enum { LAST_DROP, LAST_KEEP } DataLast;
typedef enum { FRESH_TURN, FRESH_ITERATION } DataFresh;
typedef enum { ONLY_ALL, ONLY_LABELLED, ONLY_REST } DataOnly;

typedef struct {                                      /* the keys every source takes */
    int64_t batch;
    int64_t count;                                    /* at most so many samples; 0 = all there are (or the kind's own default) */
    int order, last, fresh;
    Floats classes;                                   /* only samples of these labels; n = 0: all */
    bool relabel;
    Floats fraction;                                  /* [from, to], or one number: [0, to] */
    int64_t labelled;                                 /* 0: no field `labelled` */
    int only;
    int64_t seed;                                     /* of generated data; not the run's seed: the data stay the same */
} SourceOptions;
extern const Field source_options[];
extern const FieldRow source_fields[];                /* fields that common keys add: `labelled` */

enum { DATA_FIELDS = 64 };
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
    int64_t total;                                    /* samples of the kind */
    int64_t count;                                    /* samples that batches are drawn from */
    int64_t first;                                    /* index of the first of them, where pick is NULL */
    uint32_t *pick;                                   /* [count]: their indices; NULL: first, first + 1, ... */
    uint8_t *marked;                                  /* [total]: the field `labelled`; NULL where there is none */
    int nfield, nconstant;
    int label, labelled;                              /* index of these fields, -1 */
    DataField field[DATA_FIELDS];
    DataConstant constant[DATA_FIELDS];
    void *state;                                      /* the kind's own */
    size_t bytes;                                     /* of memory that `load` and samples fill; set by open */
    uint8_t *have;                                    /* [total]: samples that were made and are kept; NULL: none are */
    unsigned char *made[DATA_FIELDS];                 /* [total] of wanted fields */
    const char *path;                                 /* where its files were found; NULL for made data */
    int64_t files, file_bytes;                        /* how many were found there, and what they take */
    uint64_t file_hash;                               /* of their names and sizes, in order */
    bool loaded;
};

const Dataset *dataset_named(const char *name);
/* `s` has kind, name, options, common, arena, diags, loc set. Checks ranges (batch against count too). */
bool source_open(DataSource *s);
bool source_want(DataSource *s, int field, Loc loc);  /* something at loc reads it; false: it is unusable, reported */
bool source_load(DataSource *s);
void source_close(DataSource *s);                     /* accepts half-opened ones */

/* What the samples and their order hang on besides the run's seed, in words and a hash: how many there are; names and sizes
 * of files; the keys of the source. Two sources with other words differ; contents of files of one size are not looked at. */
enum { IDENTITY_SIZE = 160 };
void source_identity(const DataSource *s, char *out, size_t size);
/* Least and most of an int field over the samples that batches are drawn from; where these are very many, of the first ones.
 * False: they cannot be known yet. */
bool source_range(const DataSource *s, int field, int32_t *least, int32_t *most);
int64_t source_batches(const DataSource *s);          /* batches an epoch: count/batch, rounded down (drop) or up (keep), 1 at least */
int64_t source_rest(const DataSource *s);             /* samples of a kept last batch that is not full; 0: there is none */
double source_epoch(const DataSource *s, int64_t cursor);               /* passes delivered after `cursor` batches */
/* The samples of batch number `cursor` in index[batch]; gives their number (batch, less for a kept last one). */
int64_t source_order(const DataSource *s, uint64_t seed, int64_t cursor, int64_t *index);
/* out[field]; NULL: not wanted. False, with the reason in why: a file could not be read. One thread at a time. */
bool source_sample(const DataSource *s, int64_t index, void *const *out, Why *why);
