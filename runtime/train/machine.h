/* The machine: a Training made ready to run. It owns the Store, the executor and the programs, feeds units with batches
 * and runs them. It knows no stages, no files and no clock: that is trainer.h. `sample`, `eval` and `bench` use it too.
 *
 * All that a run is lives in the Store's slots, the trainer's own counters included (Own): so a checkpoint of the Store
 * made after any turn is enough to go on bit for bit.
 */
#pragma once
#include "exec/exec.h"
#include "pass/pass.h"
#include "plan/plan.h"
#include "train/clock.h"
#include "train/fault.h"
#include "train/loader.h"
#include "train/training.h"

typedef struct {                                      /* slots that the machine adds: all int but `best` */
    int count;                                        /* turns that the entry at hand wants; -1: not asked yet */
    int turns;                                        /* turns made in this iteration */
    int best, best_known;                             /* the best value of Stage.best so far; whether there is one */
    int log_lines;                                    /* lines in log.jsonl */
    int epoch_start, epoch_before;                    /* batches of `of` given before this stage, before this iteration */
    int *computed;                                    /* by iteration value: was it computed in this iteration? */
    int *delivered;                                   /* by source: did `fresh: iteration` deliver its batch? */
    int *drawn;                                       /* by output: was it drawn since it stands still? */
    int *played;                                      /* by turn: was it played in this iteration? */
    int **logged;                                     /* by turn and result: its newest value; -1 where it has no name */
} Own;

typedef enum { FEED_PLAYERS, FEED_FIRST, FEED_THROUGH, FEED_NONE } FeedKind;

typedef struct {                                      /* one source, and what is in its batch slots now */
    DataSource through;                               /* a copy that goes once through, in order, to its last sample */
    Batches *batches;                                 /* NULL before sources are read */
    void *out[DATA_FIELDS];                           /* the slots of its fields; NULL where no unit reads one */
    FeedKind kind;
    int64_t cursor, rows;
} Feed;

typedef struct {
    uint64_t seed;
    int threads;                                      /* 0: all cores of this process */
    uint64_t passes;                                  /* passes_all() */
    PlanOptions plan;                                 /* less bf16, which is for the units that play */
    Precision precision;                              /* FP32: whatever the spec says */
} MachineOptions;

typedef struct {
    Training *t;
    MachineOptions options;
    Store *store;
    Exec *exec;
    Own own;
    int nturn;
    Turn **turn;                                      /* each once, in the order of the schedule */
    Feed *feed;                                       /* by source */
    Loader *loader;                                   /* makes players' batches ahead; NULL before sources are read */
    bool *wanted;                                     /* by source: scratch of feed.c */
    bool loaded;                                      /* sources were read */
    Watched *watched;                                 /* not NULL: every run watches for NaN and infinity */
    Clock clock;                                      /* where a run's time goes */
    const Unit *caught;                               /* the unit in which the watch found one */
} Machine;

MachineOptions machine_defaults(void);
Machine *machine_new(Training *t, const MachineOptions *options, Fault *f);             /* NULL with a fault */
void machine_free(Machine *m);                        /* accepts NULL; the programs too, not the Training */
bool machine_prepare(Machine *m, Fault *f);           /* every unit's program made and its workspace reserved */
void machine_plan(Machine *m, PlanOptions plan);      /* drops all programs; they are made again in this way */
bool machine_load(Machine *m, Fault *f);              /* reads the sources that are used; messages are in t->diags */
bool machine_start(Machine *m, Fault *f);             /* every slot to its initial value, then `init` and `fixed` */

size_t machine_compiled(const Machine *m);            /* bytes of the compiled spec: graphs, and programs made so far */
size_t machine_library(const Machine *m);             /* bytes that libraries hold for the programs, their code too */
bool machine_batches(Machine *m, double *bytes, Fault *f);              /* that batches take: made ahead, their layers, kept samples */

double memory_there_is(void);                         /* bytes that this process can have at most: the machine's, or less where limited */
/* Is there memory for so many bytes, for a unit, or (NULL) what is kept between turns? False with a fault that says how many there
 * are, and which tensor is the largest. fault_room: there was none. */
bool room_for(Fault *f, const Training *t, const Unit *u, double bytes);
bool fault_room(Fault *f, const Training *t, const Unit *u, double bytes);      /* false */

/* units.c: calls f for each unit of t, until it gives false. */
bool units_each(Training *t, bool (*f)(void *ctx, Unit *u), void *ctx);
Program *unit_program(Machine *m, const Unit *u, Fault *f);               /* of kernels, never in FP64; NULL: a fault */
bool unit_ready(Machine *m, Unit *u, Fault *f);       /* graph -> passes -> program, or in FP64 the graph as it is; once */
bool unit_run(Machine *m, Unit *u, Fault *f);         /* slots are as they are; false also where the watch found something */
bool unit_number(Machine *m, Unit *u, double *out, Fault *f);           /* runs it and reads result 0, a scalar */

/* indices.c: data as indices, where they come straight from a field: errors where one lies outside what it names places of.
 * As much as is known by now of what the fields hold; for the whole of them sources must be loaded. */
bool indices_fit(Training *t);

/* feed.c */
Unit *feed_turn(Machine *m, Turn *turn);             /* after feed_players: the turn for the batches that came */
bool feed_players(Machine *m, const Unit *u, Fault *f);                 /* the next batches, and missing iteration values */
void feed_skip(Machine *m, const Unit *u);            /* only counts the batches that feed_players would give */
bool feed_first(Machine *m, const Unit *u, Fault *f);                   /* first batches, and missing iteration values */
/* As feed_first, but source `over` gives its k-th batch in order; *rows: samples in it, 0 after the last. */
bool feed_through(Machine *m, const Unit *u, int over, int64_t k, int64_t *rows, Fault *f);
/* Every source that u reads gives its k-th batch in order; *rows: the least of them, -1 where it reads none. */
bool feed_each(Machine *m, const Unit *u, int64_t k, int64_t *rows, Fault *f);
size_t feed_ahead(Machine *m);                        /* bytes of players' batches that are made ahead, at most */
void feed_forget(Machine *m);                         /* batch slots were overwritten: read again when next needed */

int64_t get_int(const Machine *m, int slot);
void set_int(Machine *m, int slot, int64_t value);
