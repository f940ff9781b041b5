/* The writer: a thread that makes files while training goes on: those of outputs, and checkpoints. It is handed tasks whose
 * values are their own, and calls nothing that starts threads. Tasks are made in the order in which they are given; what
 * comes after one that failed is left, so that no checkpoint counts before the files that were to be there. */
#pragma once
#include <stdbool.h>

typedef enum { TASK_LEFT, TASK_MADE, TASK_FAILED } TaskEnd;

typedef struct Task {                                 /* the first member of what it works on */
    bool (*make)(struct Task *t);                     /* on the writer's thread; false: it failed, and keeps the reason */
    bool (*taken)(struct Task *t, void *ctx);         /* by who takes it back: tells and frees; false: it failed */
    TaskEnd end;                                      /* set by the writer */
} Task;

typedef struct Writer Writer;

Writer *writer_new(void);                             /* NULL: no memory. Without a thread, tasks are made when given */
void writer_free(Writer *w);                          /* all tasks were taken back; accepts NULL */
bool writer_full(Writer *w);                          /* writer_next must be called before writer_give */
void writer_give(Writer *w, Task *t);                 /* it comes back by writer_next */
/* The next task that is made or left, or NULL. `wait`: NULL only where none was given. */
Task *writer_next(Writer *w, bool wait);
