/* Stages: which is at hand, its epochs, its end, and what the next one begins with. The end of each stage stays in the
 * folder of checkpoints, since a later one may load it. */
#include "train/parts.h"

#include <math.h>
#include <stdio.h>

const Stage *stage_now(const Trainer *tr) { return &tr->m->t->stage[get_int(tr->m, tr->m->t->stage_slot)]; }

static double epochs_since_start(const Trainer *tr, int64_t cursor) {
    int of = stage_now(tr)->of;
    if (of < 0) return 0;
    const DataSource *s = tr->m->t->source[of].source;
    return source_epoch(s, cursor) - source_epoch(s, get_int(tr->m, tr->m->own.epoch_start));
}

int64_t epoch_cursor(const Trainer *tr) {
    int of = stage_now(tr)->of;
    return of < 0 ? 0 : get_int(tr->m, tr->m->t->source[of].cursor_slot);
}

double epoch_now(const Trainer *tr) { return epochs_since_start(tr, epoch_cursor(tr)); }
double epoch_before(const Trainer *tr) {
    return epochs_since_start(tr, get_int(tr->m, tr->m->own.epoch_before));
}

void epoch_show(Trainer *tr) {
    int slot = tr->m->t->epoch_slot;
    double epoch = epoch_now(tr);
    if (slot >= 0)
        store_set(tr->m->store, slot,
                  tr->m->t->slots->all.at[slot].type.dtype == F32 ? epoch : floor(epoch + 1e-9));
}

bool between_iterations(const Trainer *tr) {
    const Machine *m = tr->m;
    return !get_int(m, m->t->entry_slot) && !get_int(m, m->own.turns) && get_int(m, m->own.count) < 0;
}

bool stage_done(Trainer *tr, bool *done) {
    Machine *m = tr->m;
    const Stage *stage = stage_now(tr);
    int64_t step = get_int(m, m->t->step_slot);
    *done = false;
    if (!between_iterations(tr)) return true;
    *done = stage->steps > 0 ? step >= stage->steps : epoch_now(tr) >= stage->epochs - 1e-9;
    if (*done || !stage->stop || !step) return true;
    double stop = 0;
    epoch_show(tr);
    TimeOf before = clock_to(&m->clock, TIME_METRICS);
    bool known = feed_first(m, stage->stop, tr->fault) && unit_number(m, stage->stop, &stop, tr->fault);
    clock_to(&m->clock, before);
    if (!known) return false;
    *done = stop != 0;
    return true;
}

void stage_advance(Trainer *tr) {
    Machine *m = tr->m;
    int64_t next = get_int(m, m->t->stage_slot) + 1;
    set_int(m, m->t->stage_slot, next);
    set_int(m, m->t->step_slot, 0);
    for (int i = 0; i < m->t->nplayer; i++) set_int(m, m->t->player[i].turn_slot, 0);
    int of = m->t->stage[next].of;
    set_int(m, m->own.epoch_start, of < 0 ? 0 : get_int(m, m->t->source[of].cursor_slot));
    set_int(m, m->own.best_known, 0);
    epoch_show(tr);
    still_begin(tr);
}

static void stage_path(const Trainer *tr, const Stage *s, char *out, size_t size) {
    snprintf(out, size, "%s/stage-%.250s.safetensors", tr->checkpoints, s->name);
}

bool save_stage(Trainer *tr) {
    if (tr->m->t->nstage < 2) return true;
    char path[sizeof tr->checkpoints + 300];
    stage_path(tr, stage_now(tr), path, sizeof path);
    return save_to(tr, path, 0);
}

static bool take(Trainer *tr, const Load *l) {
    Machine *m = tr->m;
    char end[sizeof tr->checkpoints + 300];
    if (l->stage >= 0) {
        stage_path(tr, &m->t->stage[l->stage], end, sizeof end);
        return checkpoint_take(end, m->store, l->nslot, l->slot, tr->fault);
    }
    int n = 0; /* the optimisers' values stand last */
    while (n < l->nslot && m->t->slots->all.at[l->slot[n]].kind != SLOT_OPTIMIZER) n++;
    for (int i = n; i < l->nslot; i++) store_reset(m->store, l->slot[i]);
    return checkpoint_take(l->path, m->store, n, l->slot, tr->fault);
}

bool stage_load(Trainer *tr) {
    const Stage *s = stage_now(tr);
    if (s->nload && !files_made(tr)) return false;    /* the end of a stage may still be on its way */
    for (int i = 0; i < s->nload; i++)
        if (!take(tr, &s->load[i])) return false;
    return true;
}
