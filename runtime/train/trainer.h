/* The trainer: runs the schedule of a Training on a machine, writes log, checkpoints and outputs into a run folder.
 *
 * Where it is in the schedule stands in the Store's slots: stage, entry, turns made there. After any turn a checkpoint
 * can be made, and a run that goes on from it equals one that was never interrupted, bit for bit.
 */
#pragma once
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/progress.h"

typedef struct {
    const char *folder;                               /* the run folder, with its subfolders */
    const char *version;                              /* of the program; kept in checkpoints */
    const char *resume;                               /* a checkpoint to go on from; NULL: from the start */
    bool loose;                                       /* take from it what fits (`--allow-change`) */
    bool limited;                                     /* stop after so many steps in total; false: as the schedule says */
    int64_t steps;
    double seconds;                                   /* stop after so long; 0: never */
    bool watch;                                       /* run node by node and look for NaN and infinity after each */
    Progress *progress;                               /* NULL: silent */
} TrainOptions;

typedef enum { ENDED_DONE, ENDED_LIMIT, ENDED_SIGNAL, ENDED_FAULT } Ended;

typedef struct {
    Ended how;
    int signal;
    int64_t step;                                     /* total steps made */
    char checkpoint[1024];                            /* the newest; "" where there is none */
    double seconds[TIMES];                            /* where the time went, from the first turn on */
} TrainReport;

Ended train(Machine *m, const TrainOptions *options, TrainReport *report, Fault *f);

/* How many turns an entry plays at this point, from the slots as they are. */
bool entry_count(Machine *m, const Entry *e, int64_t *count, Fault *f);

/* Goes through the first `steps` iterations without a turn being computed: what depends on step, epoch and turn is as in
 * training, values of players and metrics stay as they start. `each` is called for every entry, and with e = NULL at the
 * end of each iteration. For `show`. */
typedef void Played(void *ctx, const Stage *stage, int64_t total_step, const Entry *e, int64_t count);
bool schedule_play(Machine *m, int64_t steps, Played *each, void *ctx, Fault *f);
