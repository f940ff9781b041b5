/* What the trainer's own files share; nobody else includes it. */
#pragma once
#include "train/trainer.h"
#include "train/writer.h"

typedef struct Saving Saving;                         /* save.c: the checkpoint that is being written */

typedef struct {
    Machine *m;
    const TrainOptions *options;
    TrainReport *report;
    Fault *fault;
    Log *log;
    Writer *writer;
    Saving *saving;
    int frames;                                       /* pictures of steps that the writer still has */
    bool replaying;                                   /* looking for the first bad node: no files, no signals */
    bool *still;                                      /* [stage][output]: nothing that it shows can move; still.c */
    int **loss;                                       /* by turn and move: index of the result `PLAYER.minimize`, or -1 */
    char samples[1024], plots[1024], checkpoints[1024];
    double started, step_started, saved_at;
    int64_t saved_step, saved_turns;                  /* of the newest checkpoint, written or given to the writer; -1: none */
} Trainer;

/* stage.c */
const Stage *stage_now(const Trainer *tr);
int64_t epoch_cursor(const Trainer *tr);              /* batches given by the source that the stage's epochs count */
double epoch_now(const Trainer *tr);                  /* passes of the stage's source since the stage began */
double epoch_before(const Trainer *tr);               /* when this iteration began */
void epoch_show(Trainer *tr);                         /* sets the slot that units read */
bool between_iterations(const Trainer *tr);
bool stage_done(Trainer *tr, bool *done);
void stage_advance(Trainer *tr);                      /* to step 0 of the next one */
bool stage_load(Trainer *tr);                         /* what the stage at hand begins with */
bool save_stage(Trainer *tr);                         /* a checkpoint of a stage's end */

/* still.c */
void still_find(Trainer *tr);
bool still_drawn(const Trainer *tr, int output);      /* it has been drawn since anything that it shows could last move */
void still_note(Trainer *tr, int output);             /* it is drawn now */
void still_begin(Trainer *tr);                        /* of a stage */

/* turn.c */
void iteration_begin(Trainer *tr);
void count_turns(Machine *m, const Turn *turn);        /* of each player that plays in it */
bool turn_play(Trainer *tr, const Entry *e);          /* one turn: batches, counters, run, losses */

/* files.c: false: a file could not be written */
bool files_give(Trainer *tr, Task *t);                /* to the writer; waits where it has too many */
bool files_look(Trainer *tr);                         /* takes back what is made */
bool files_next(Trainer *tr);                         /* waits for one */
bool files_made(Trainer *tr);                         /* waits for all that were given */

/* save.c: checkpoints are made in the background; files_made() waits for them */
Saving *saving_new(Trainer *tr);                      /* NULL: no memory */
void saving_free(Saving *s);                          /* accepts NULL */
bool save_now(Trainer *tr);                           /* a checkpoint here, unless there is one */
bool save_if_due(Trainer *tr);                        /* at a step's end */
bool save_if_late(Trainer *tr);                       /* after a turn: by the clock */
bool save_if_best(Trainer *tr);
bool save_to(Trainer *tr, const char *path, int64_t keep);              /* and prunes to `keep`; 0: it has a name of its own */

/* report.c: what happens at the end of a step, of a stage, on request */
bool every_due(const Trainer *tr, Every every);
bool step_report(Trainer *tr);                        /* metrics, log line, progress */
bool step_outputs(Trainer *tr);
bool stage_report(Trainer *tr, bool last);            /* what is due at the end */
bool sample_now(Trainer *tr);                         /* every output, leaving no trace in the Store */
bool animate_all(Trainer *tr);

/* schedule.c */
bool run_start(Trainer *tr);                          /* step 0 of the first stage */
bool iteration_run(Trainer *tr, Ended *ended);
bool iteration_replay(Trainer *tr);                   /* the next one, in the next stage where this one is done */

/* diverged.c */
void explain_divergence(Trainer *tr);                 /* names the first node that was not finite, in tr->fault */
