/* Outputs: one Output row a kind (out/NAME.c). A row sees tensors, series and names; no graph, no spec.
 *
 * In a spec an output is a mapping of which one key names the kind: `samples: {grid: EXPR, columns: 5, every: 50}`.
 * The kind's option table starts with that key (type F_EXPR, F_EXPRS or F_LOGGED). Values of F_EXPR and F_EXPRS members
 * are indices into OutputJob.value, given in eval mode by the trainer.
 * Files are written to a temporary name in the same folder and renamed.
 */
#pragma once
#include "base/field.h"
#include "ir/ir.h"

typedef Numbers OutValue;

typedef struct {                                      /* a logged value over the steps so far */
    const char *name;                                 /* 'critic.minimize', 'metrics.modes' */
    int64_t n;
    const double *step, *value;                       /* NaN where it was not finite */
} Series;

enum { OUT_PATH = 4096 };                             /* bytes of the longest path */

struct Output;
typedef struct {                                      /* one making of an output; its values are its own (malloc) */
    const struct Output *kind;
    const void *options;
    const char *name;                                 /* the output's name in the spec */
    const char *samples, *plots;                      /* folders that exist */
    int64_t step;
    bool at_end;                                      /* of an output that is made only at the end: no step in the name */
    int nvalue;
    OutValue *value;
    int nseries;
    const Series *series;                             /* all of them; F_LOGGED members choose by name */
    double range[2];                                  /* low, high, kept over the run (Store); both 0 = not yet known */
    bool moved;                                       /* by prepare(): the range is another one now */
    void *prepared;                                   /* what prepare() leaves for write() */
    bool done;                                        /* write() gave true: `made` is the path of the main file */
    char made[OUT_PATH], why[OUT_PATH + 200];         /* else `why` is the reason, with the path */
} OutputJob;

void job_free(OutputJob *job);                        /* and its values; accepts NULL */

typedef struct Output {
    const char *name, *doc;
    const char *example;                              /* an output of this kind as a spec says it: the tests run it */
    size_t options_size;
    const Field *options;
    bool in_plots;                                    /* the file goes to plots/, without a step in its name */
    bool animates;                                    /* writes samples/NAME-STEP.png: frames of an animation */
    int (*suits)(int n, const Tensor *value, bool named);   /* how well it shows these; 0, or NULL: not at all */
    bool (*check)(const void *options, int nvalue, const Tensor *value, Diags *d, Loc loc);    /* shapes; may be NULL */
    bool (*prepare)(OutputJob *job, const void *options);   /* before write(), on the main thread: moves job->range,
                                                         calls parallel code, puts new values for old ones; may be NULL */
    bool (*write)(OutputJob *job, const void *options);   /* on any thread: draws what is there and makes the files */
} Output;

/* One in a file, the row's name in column 0: OUTPUT(grid, .doc = "...", ...) */
#define OUTPUT(name_, ...) const Output output_kind_##name_ = {.name = #name_, __VA_ARGS__};
extern const Output *const output_table[];            /* generated; ends with NULL */
const Output *output_named(const char *name);
const Output *output_suiting(int n, const Tensor *value, bool named);     /* what shows these values best */

/* Puts the frames samples/NAME-*.png, in order of their step, into one animation: samples/NAME.gif when all frames are
 * grey, else samples/NAME.apng.png. Made from the files, so that a resumed run makes the same one. */
bool animation_make(const char *folder, const char *name, char *why, size_t size);

/* The same frames, at most 25 of them, side by side in samples/NAME.montage.png, each under its step. */
bool montage_make(const char *folder, const char *name, char *why, size_t size);

/* Writes a whole file under a temporary name, flushes it, renames it and flushes the folder; false with errno set. */
bool file_write_whole(const char *path, const void *data, size_t size);
