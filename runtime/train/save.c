/* When checkpoints are made, and which are kept. A checkpoint never changes the Store: what it holds is copied, and the
 * writer makes the file of the copy while training goes on. Without memory for a copy training waits for the file. */
#include "train/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Saving {
    Task task;
    Store *copy;                                      /* of the slots that a checkpoint holds; NULL: no memory for it */
    const Store *from;                                /* what is written: the copy or the Store itself */
    bool busy;                                        /* given, and not taken back */
    char path[1400];
    const char *folder;
    int64_t keep;                                     /* newest checkpoints kept beside it; 0: it has a name of its own */
    CheckpointInfo info;
    Log *log;
    Fault fault;
};

/* What the log holds by now is on the disk before a checkpoint counts its lines. */
static bool make(Task *t) {
    Saving *s = (Saving *)t;
    if (!log_flush(s->log, &s->fault) || !checkpoint_write(s->path, s->from, &s->info, &s->fault)) return false;
    if (s->keep) checkpoint_prune(s->folder, s->keep);
    return true;
}

static bool taken(Task *t, void *ctx) {
    Saving *s = (Saving *)t;
    Trainer *tr = ctx;
    s->busy = false;
    if (t->end == TASK_FAILED) return fault(tr->fault, s->fault.code, "%s", s->fault.text);
    if (t->end == TASK_LEFT) return true;
    if (s->keep) strcpy(tr->report->checkpoint, s->path);
    progress_detail(tr->options->progress, "checkpoint %s", s->path);
    return true;
}

Saving *saving_new(Trainer *tr) {
    Saving *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->task = (Task){.make = make, .taken = taken};
    s->folder = tr->checkpoints;
    s->log = tr->log;
    double bytes = (double)exec_workspace(tr->m->exec) + (double)tr->m->store->bytes + (double)checkpoint_size(tr->m->t->slots, tr->m->store->floats);
    if (bytes <= memory_there_is()) s->copy = checkpoint_store(tr->m->t->slots, tr->m->store->floats);
    return s;
}

void saving_free(Saving *s) {
    if (!s) return;
    store_free(s->copy);
    free(s);
}

static CheckpointInfo info_now(const Trainer *tr) {
    const Machine *m = tr->m;
    CheckpointInfo info = {.seed = m->options.seed,
                           .hash = m->t->hash,
                           .step = get_int(m, m->t->total_step_slot),
                           .threads = m->options.threads};
    snprintf(info.version, sizeof info.version, "%s", tr->options->version);
    return info;
}

/* The one before must be written before its copy is another. */
static bool give(Trainer *tr, const char *path, int64_t keep) {
    Saving *s = tr->saving;
    while (s->busy)
        if (!files_next(tr)) return false;
    if (!checkpoint_sound(tr->m->store, tr->fault)) return false;
    if (s->copy) store_copy(s->copy, tr->m->store);
    s->from = s->copy ? s->copy : tr->m->store;
    s->keep = keep;
    s->info = info_now(tr);
    snprintf(s->path, sizeof s->path, "%s", path);
    s->busy = true;
    return files_give(tr, &s->task) && (s->copy || files_made(tr));
}

bool save_to(Trainer *tr, const char *path, int64_t keep) {
    TimeOf before = clock_to(&tr->m->clock, TIME_CHECKPOINTS);
    bool done = give(tr, path, keep);
    clock_to(&tr->m->clock, before);
    return done;
}

bool save_now(Trainer *tr) {
    const Machine *m = tr->m;
    int64_t step = get_int(m, m->t->total_step_slot), turns = get_int(m, m->own.turns), keep = stage_now(tr)->keep;
    if (step == tr->saved_step && turns == tr->saved_turns) return true;
    char path[sizeof tr->report->checkpoint];
    checkpoint_name(path, sizeof path, tr->checkpoints, step, turns);
    if (!save_to(tr, path, keep > 0 ? keep : 3)) return false;
    tr->saved_step = step;
    tr->saved_turns = turns;
    tr->saved_at = seconds_now();
    return true;
}

bool save_if_due(Trainer *tr) {
    return every_due(tr, stage_now(tr)->checkpoint) ? save_now(tr) : save_if_late(tr);
}

bool save_if_late(Trainer *tr) {
    enum { MINUTES = 5 };
    if (stage_now(tr)->checkpoint.kind != EVERY_NEVER || seconds_now() - tr->saved_at < MINUTES * 60)
        return true;
    return save_now(tr);
}

bool save_if_best(Trainer *tr) {
    Machine *m = tr->m;
    Unit *best = stage_now(tr)->best;
    if (!best) return true;
    const Stage *s = stage_now(tr);
    bool due = !s->nbest && every_due(tr, s->checkpoint);
    for (int i = 0; i < s->nbest; i++) due |= every_due(tr, m->t->metric[s->best_metric[i]].every);
    if (!due) return true;
    double value = 0;
    TimeOf before = clock_to(&m->clock, TIME_METRICS);
    bool known = feed_first(m, best, tr->fault) && unit_number(m, best, &value, tr->fault);
    clock_to(&m->clock, before);
    if (!known) return false;
    if (!isfinite(value) || (get_int(m, m->own.best_known) && value <= store_number(m->store, m->own.best)))
        return true;
    store_set(m->store, m->own.best, value);
    set_int(m, m->own.best_known, 1);
    char path[sizeof tr->checkpoints + 300];
    const char *stage = m->t->nstage > 1 ? stage_now(tr)->name : "";
    snprintf(path, sizeof path, "%s/best%s%.250s.safetensors", tr->checkpoints, *stage ? "-" : "", stage);
    progress_detail(tr->options->progress, "best so far: %.6g", value);
    return save_to(tr, path, 0);
}
