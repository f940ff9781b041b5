/* The trainer's side of the writer: files are given to it, taken back when they are there, and waited for where something
 * needs them. */
#include "train/parts.h"

/* *any: there was one. False: it could not be made, as the fault says. */
static bool take(Trainer *tr, bool wait, bool *any) {
    Task *t = writer_next(tr->writer, wait);
    *any = t != NULL;
    return !t || t->taken(t, tr);
}

bool files_look(Trainer *tr) {
    bool done = true;
    for (bool any = true; any;) done = take(tr, false, &any) && done;
    return done;
}

bool files_made(Trainer *tr) {
    bool done = true;
    TimeOf before = clock_to(&tr->m->clock, TIME_FILES);
    for (bool any = true; any;) done = take(tr, true, &any) && done;
    clock_to(&tr->m->clock, before);
    return done;
}

bool files_give(Trainer *tr, Task *t) {
    bool done = true, any;
    TimeOf before = clock_to(&tr->m->clock, TIME_FILES);
    while (writer_full(tr->writer)) done = take(tr, true, &any) && done;
    clock_to(&tr->m->clock, before);
    writer_give(tr->writer, t);
    return done;
}

bool files_next(Trainer *tr) {
    bool any;
    return take(tr, true, &any) && any;
}
