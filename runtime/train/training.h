/* Training: what a compiled spec is, as plain data. The compiler fills it, the trainer runs it; neither sees the
 * other. All of it lives in the compile's arena for as long as the run lasts.
 *
 * A Unit is one graph with the values the host reads from it. Everything that happens is a Unit: a turn (forward,
 * gradients, optimiser, running values), an iteration value, a count, a gate, a metric, an output, the initialisers.
 * Units read and write slots only; the trainer sets the counter and batch slots before it runs one.
 */
#pragma once
#include "datasets/dataset.h"
#include "ir/instr.h"
#include "ir/ir.h"
#include "out/out.h"

typedef struct {
    const char *name;                                 /* 'turn critic', 'count critic', 'output samples' */
    Loc loc;
    Graph *graph;                                     /* not yet optimised */
    int nresult;
    Node **result;
    const char **result_name;                         /* turns: what is logged, 'critic.minimize' */
    int nsource, *source;                             /* whose batch slots it reads */
    int niteration, *iteration;                       /* values that must have been computed in this iteration */
    bool plays;                                       /* of a turn or an iteration value: what BF16 is about */
    Program *program;                                 /* the trainer's: made on first use */
} Unit;

/* What `precision` may be, in the order of PRECISIONS; the first is what it is where left out. */
typedef enum { FP32, BF16, FP64 } Precision;
#define PRECISION_FP32 "fp32"
#define PRECISION_BF16 "bf16"
#define PRECISION_FP64 "fp64"
#define PRECISIONS PRECISION_FP32 "|" PRECISION_BF16 "|" PRECISION_FP64
#define PRECISIONS_OR PRECISION_FP32 ", " PRECISION_BF16 " or " PRECISION_FP64          /* in messages */
#define precision_name(t) ((const char *const[]){PRECISION_FP32, PRECISION_BF16, PRECISION_FP64}[(t)->precision])

typedef enum { MODE_EVAL, MODE_TRAIN, MODES } FieldMode;                /* players see MODE_TRAIN, all else MODE_EVAL */

typedef struct {                                      /* the layers that rework fields of a source */
    Unit unit[MODES];                                 /* reads raw_slot and tick_slot only; result k is field[k] */
    int nfield, field[DATA_FIELDS];
    int raw_slot[DATA_FIELDS];                        /* by field: SLOT_BATCH, as the kind gives it; -1: not reworked */
    int tick_slot;                                    /* the batch's number: the tick of its draws */
} Rework;

typedef struct {
    DataSource *source;
    const char *name;
    int field_slot[DATA_FIELDS];                      /* SLOT_BATCH [batch, ...]; -1 where no unit reads that field */
    int last_slot[DATA_FIELDS];                       /* of players' last batch that is not full: [count % batch, ...]; -1 */
    Rework *rework;                                   /* NULL: every field is as the kind gives it */
    int cursor_slot;                                  /* batches that the players have been given */
    bool used;                                        /* some unit or schedule reads it: open and load it */
    Loc loc;
} SourceUse;

typedef struct {
    const char *name;
    Loc loc;
    int turn_slot, total_slot;                        /* turns in this stage; in the whole run (the tick of its draws) */
} Player;

typedef struct {                                      /* what one player's turn differentiates: for gradcheck and show */
    int player;
    Node *loss;                                       /* scalar, as written (`maximize` negated) */
    int nmoved, *moved;                               /* slots of parameters */
    Node **gradient;                                  /* by moved; before `clip`; NULL where the loss does not reach it */
    int gate;                                         /* index of the `when` value among the unit's results, or -1 */
    const char *optimizer;                            /* as written, for show */
} Move;

enum { PARTIAL_MOST = 2 };
typedef struct {
    Unit unit;
    int npartial, partial[PARTIAL_MOST];              /* sources it reads whose last batch is kept and not full */
    Unit last[1 << PARTIAL_MOST];                     /* the same turn where those of bits i give their last batch; [0] unused */
    int nmove;                                        /* more than one: a `together` */
    Move *move;
} Turn;

typedef struct {
    Turn *turn;
    Unit *count;                                      /* scalar: a number of turns, or a condition; NULL = once */
    const char *text;                                 /* as written, for show schedule */
    Loc loc;
} Entry;

typedef struct {                                      /* what a stage takes from elsewhere when it begins */
    const char *name;                                 /* network or pattern, as written */
    int stage;                                        /* whose end: an earlier one; -1: a file */
    const char *path;                                 /* the file, a safetensors */
    int nslot, *slot;                                 /* parameters and running values; optimiser values of these
                                                         parameters: from a stage's end as they were there, with a file
                                                         back to their start */
    Loc loc;
} Load;

typedef struct {
    const char *name;                                 /* "" where the schedule has no stages */
    Loc loc;
    int64_t steps;                                    /* 0: by epochs */
    double epochs;
    int of;                                           /* source that `epoch` counts, or -1 */
    int nentry;
    Entry *entry;                                     /* their turns leave alone what this stage freezes */
    int nload;
    Load *load;
    int nfreeze;                                      /* networks and patterns, as written */
    const char **freeze;
    Unit *stop;                                       /* scalar bool, or NULL */
    Every checkpoint;                                 /* kind EVERY_NEVER: every five minutes */
    int64_t keep;                                     /* newest checkpoints kept */
    Unit *best;                                       /* scalar: highest is kept; or NULL */
    int nbest, *best_metric;                          /* the metrics that it reads: it is looked at when one is new */
} Stage;

typedef struct {
    const char *name;
    Loc loc;
    Unit unit;                                        /* one assign to its slot */
} IterationValue;

typedef struct {
    const char *name;
    Loc loc;
    Every every;
    int stage;                                        /* index, -1 = all */
    Unit unit;                                        /* `mean`: result 0, one value a sample of `over`'s batch;
                                                         `collect`: its parts, stacked until `count` rows; else the value */
    int over;                                         /* source it goes once through, in order; -1: reads first batches */
    int64_t count;                                    /* rows to collect; 0: no collect */
    int ncollect, *collect_slot;                      /* SLOT_COLLECTED [count, ...] */
    Unit *value;                                      /* of what was collected: scalar result 0 */
    int tick_slot;                                    /* batch number, read by its draws */
    int value_slot;                                   /* SLOT_LATEST: the newest value */
} Metric;

typedef struct {
    const char *name;
    Loc loc;
    const Output *kind;
    const void *options;                              /* kind->options_size bytes */
    Every every;                                      /* EVERY_END where not given */
    bool animate, montage;
    int stage;
    Unit *when;
    Unit unit;                                        /* its results are OutputJob.value, in order */
    int over;                                         /* source to go once through; -1 */
    int64_t count;                                    /* rows to collect; 0: all of `over`, or what one run gives */
    bool *stacked;                                    /* by result: with over or count, its rows are collected */
    int tick_slot;                                    /* read by its draws: the total step, another number for each batch */
    int range_slot;                                   /* SLOT_COUNTER float [2], kept over the run */
} OutputUse;

typedef struct {                                      /* one line of `show`: a layer inside a network */
    const char *network, *layer;                      /* "critic"; "conv: {filters: width, kernel: 3}" as written */
    const char *path;                                 /* 'critic/conv_2' */
    int depth;
    Tensor type;                                      /* of the result; rank -1 where it is no tensor */
    int64_t parameters;
    double flops;
    bool called;                                      /* in an expression, not in a list */
    Loc loc;
} LayerRow;

typedef struct {                                      /* one line of `show` for a network as a whole */
    const char *name, *head;                          /* "critic(image)" */
    int64_t parameters;
    Loc loc;
} NetworkRow;

typedef struct {
    const char *name;                                 /* the file's name without folder and .yaml */
    const char *given;                                /* the spec's text as read */
    const char *resolved;                             /* includes, presets and --set applied; gives the same bytes */
    Arena *arena;
    Diags *diags;
    Slots *slots;
    Precision precision;
    Loc precision_at;                                 /* where it stands */

    int nsource;
    SourceUse *source;
    int nplayer;
    Player *player;
    int niteration;
    IterationValue *iteration;
    int nstage;
    Stage *stage;
    int nmetric;
    Metric *metric;
    int noutput;
    OutputUse *output;

    Unit init;                                        /* parameters and running values, from draws; run once */
    int nfixed;
    Unit *fixed;                                      /* in order, after init, on first batches */

    int step_slot, total_step_slot, epoch_slot;       /* int scalars */
    int stage_slot, entry_slot, repeat_slot;          /* position in the schedule: stage, index in `each`, turns done there */

    int nlayer;
    LayerRow *layer;
    int nnetwork;
    NetworkRow *network;
    uint64_t hash;                                    /* of the turn graphs and `each`: what a checkpoint must match */
} Training;
