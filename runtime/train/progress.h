/* Progress: what a person sees while a run goes on. One line on a terminal, redrawn at most ten times a second; a plain
 * line every few seconds elsewhere. The only part of the trainer that writes to a stream of the user's. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef enum { PROGRESS_QUIET, PROGRESS_USUAL, PROGRESS_VERBOSE } Verbosity;
typedef struct Progress Progress;

typedef struct { const char *name; double value; } Shown;

Progress *progress_new(FILE *to, bool terminal, Verbosity verbosity);   /* NULL = out of memory */
void progress_free(Progress *p);                      /* ends the line; accepts NULL, as all of these do */
/* `share` is the part of the run that is done, 0..1; below 0: nobody knows. */
void progress_step(Progress *p, int64_t step, double share, int n, const Shown *values);
bool progress_due(const Progress *p);                 /* whether progress_step would draw now */
void progress_say(Progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));     /* one line, not when quiet */
void progress_detail(Progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));  /* one line, when verbose */
