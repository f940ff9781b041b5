/* The log: log.jsonl (one object a step), timing.jsonl, and the same values in memory as series for plots.
 *
 * A value is rounded once, to nine digits or to the 17 of fp64, so that a series read back from the file equals the one that
 * was in memory.
 * log.jsonl is a function of the run alone; everything that depends on the clock is in timing.jsonl.
 */
#pragma once
#include "out/out.h"
#include "train/fault.h"

typedef struct Log Log;

Log *log_new(int nname, const char *const *name, int digits);           /* names of all values, each once; NULL: no memory */
void log_free(Log *l);                                /* closes; accepts NULL */
/* Opens FOLDER/log.jsonl and timing.jsonl and keeps their first lines: so many of the log, `steps` of the timing. */
bool log_open(Log *l, const char *folder, int64_t lines, int64_t steps, Fault *f);
bool log_load(Log *l, const char *folder, int64_t lines, Fault *f);     /* only the series; the file is left alone */

void log_begin(Log *l, int64_t step, double epoch, const char *stage);  /* stage NULL: none */
void log_value(Log *l, const char *name, double value);                 /* one of the names; the newest of a step is kept */
void log_mark(Log *l, const char *key);               /* adds "key": true */
bool log_end(Log *l, Fault *f);                       /* writes the line and flushes it */
bool log_flush(Log *l, Fault *f);                     /* to disk: before a checkpoint that counts its lines */
bool log_seconds(Log *l, int64_t step, double seconds, Fault *f);

const Series *log_series(const Log *l, int *n);
const char *log_name(const Log *l, int i);
