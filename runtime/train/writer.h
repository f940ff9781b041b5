/* The writer: a thread that makes outputs' files while training goes on. It is handed jobs whose values are their own and
 * calls nothing that starts threads. Files are made in the order of the jobs; before a checkpoint counts, all are there. */
#pragma once
#include "out/out.h"

typedef struct Writer Writer;

Writer *writer_new(void);                             /* NULL: there is no thread to be had; write without one */
void writer_free(Writer *w);                          /* finishes and drops what was given; accepts NULL */
bool writer_full(const Writer *w);                    /* writer_next must be called before writer_give */
void writer_give(Writer *w, OutputJob *job);          /* a job is malloc's; it comes back by writer_next */
/* The next job that is done, or NULL. `wait`: NULL only where none is left. */
OutputJob *writer_next(Writer *w, bool wait);
