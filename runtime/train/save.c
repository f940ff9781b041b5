/* When checkpoints are made, and which are kept. A checkpoint never changes the Store. */
#include "train/parts.h"

#include <math.h>
#include <string.h>

static CheckpointInfo info_now(const Trainer *tr) {
    const Machine *m = tr->m;
    CheckpointInfo info = {.seed = m->options.seed,
                           .hash = m->t->hash,
                           .step = get_int(m, m->t->total_step_slot),
                           .threads = m->options.threads};
    snprintf(info.version, sizeof info.version, "%s", tr->options->version);
    return info;
}

bool save_to(Trainer *tr, const char *path) {
    CheckpointInfo info = info_now(tr);
    TimeOf before = clock_to(&tr->m->clock, TIME_CHECKPOINTS);
    bool done = outputs_written(tr) && log_flush(tr->log, tr->fault) &&
                checkpoint_write(path, tr->m->store, &info, tr->fault);
    clock_to(&tr->m->clock, before);
    return done;
}

bool save_now(Trainer *tr) {
    const Machine *m = tr->m;
    int64_t step = get_int(m, m->t->total_step_slot), turns = get_int(m, m->own.turns),
            keep = stage_now(tr)->keep;
    if (step == tr->saved_step && turns == tr->saved_turns) return true;
    char path[sizeof tr->report->checkpoint];
    checkpoint_name(path, sizeof path, tr->checkpoints, step, turns);
    if (!save_to(tr, path)) return false;
    strcpy(tr->report->checkpoint, path);
    tr->saved_step = step;
    tr->saved_turns = turns;
    tr->saved_at = seconds_now();
    checkpoint_prune(tr->checkpoints, keep > 0 ? keep : 3);
    progress_detail(tr->options->progress, "checkpoint %s", path);
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
    return save_to(tr, path);
}
