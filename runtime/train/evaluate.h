/* Metrics and outputs: eval units run on their own. They never move what players see: no cursor, no parameter. */
#pragma once
#include "train/log.h"
#include "train/machine.h"

bool metric_run(Machine *m, int metric, double *value, Fault *f);       /* also sets its value slot */

Log *log_of(const Machine *m);                        /* new, with the names of all that is logged; NULL = out of memory */

typedef struct {
    const char *samples, *plots;                      /* folders that exist */
    const Log *log;                                   /* for series; may be NULL */
    int64_t step;
    bool at_end;                                      /* no step in the file's name */
    char made[1024];                                  /* the file that was written last */
} OutputPlace;

bool output_run(Machine *m, int output, OutputPlace *place, Fault *f);
