/* Where a run's time goes: a stopwatch that always counts one thing, and is told when another begins. */
#pragma once
#include <stdbool.h>

#include "base/measure.h"

typedef enum {
    TIME_TURNS,                                       /* the players' turns, and the iteration values they read */
    TIME_METRICS,                                     /* metrics, `best`, counts and conditions of the schedule */
    TIME_OUTPUTS,                                     /* the values of outputs: the networks run for them */
    TIME_DATA,                                        /* waiting for batches, copying them, making them where no thread could */
    TIME_FILES,                                       /* waiting until outputs' files are written */
    TIME_CHECKPOINTS,
    TIME_REST,                                        /* the log, progress, looking what is due */
    TIME_END,                                         /* after the last turn: checkpoint, last outputs, animations */
    TIMES
} TimeOf;

typedef struct {
    TimeOf now;
    bool ending;
    double since, seconds[TIMES];
} Clock;

extern const char *const time_names[TIMES];           /* "turns", "metrics", ... */

void clock_start(Clock *c);                           /* all at zero; counts TIME_REST */
TimeOf clock_to(Clock *c, TimeOf what);               /* counts `what` from now on; gives what it counted before */
void clock_end(Clock *c);                             /* counts TIME_END from now on, whatever comes */
