/* Metrics and outputs: eval units run on their own. They never move what players see: no cursor, no parameter. */
#pragma once
#include "train/log.h"
#include "train/machine.h"

bool metric_run(Machine *m, int metric, double *value, Fault *f);       /* also sets its value slot */

Log *log_of(const Machine *m);                        /* new, with the names of all that is logged; NULL = out of memory */

typedef struct {
    const char *samples, *plots;                      /* folders that exist as long as the job */
    const Log *log;                                   /* for series, whose names a job borrows; may be NULL */
    int64_t step;
    bool at_end;                                      /* no step in the file's name */
} OutputPlace;

/* All that an output's files are made of, for its kind's write() (job->kind), on this thread or a Writer's; NULL with a
 * fault. job_free() it. */
OutputJob *output_job(Machine *m, int output, const OutputPlace *place, Fault *f);
bool output_done(const OutputJob *job, Fault *f);     /* whether write() was; else with a fault */
