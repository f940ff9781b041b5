/* The schedule played out: who has a turn when, without computing any. */
#include "train/parts.h"

static bool play_iteration(Trainer *tr, Played *each, void *ctx) {
    Machine *m = tr->m;
    const Stage *stage = stage_now(tr);
    int64_t total = get_int(m, m->t->total_step_slot), count;
    iteration_begin(tr);
    for (int i = 0; i < stage->nentry; i++) {
        const Entry *e = &stage->entry[i];
        epoch_show(tr);
        if (!entry_count(m, e, &count, tr->fault)) return false;
        for (int64_t k = 0; k < count; k++) {
            feed_skip(m, &e->turn->unit);
            count_turns(m, e->turn);
        }
        each(ctx, stage, total, e, count);
    }
    each(ctx, stage, total, NULL, 0);
    set_int(m, m->t->step_slot, get_int(m, m->t->step_slot) + 1);
    set_int(m, m->t->total_step_slot, total + 1);
    return true;
}

bool schedule_play(Machine *m, int64_t steps, Played *each, void *ctx, Fault *f) {
    Trainer tr = {.m = m, .options = &(TrainOptions){0}, .fault = f, .replaying = true};
    while (get_int(m, m->t->total_step_slot) < steps) {
        bool done;
        if (!stage_done(&tr, &done)) return false;
        if (done && stage_now(&tr) == &m->t->stage[m->t->nstage - 1]) return true;
        if (done) stage_advance(&tr);
        else if (!play_iteration(&tr, each, ctx)) return false;
    }
    return true;
}
