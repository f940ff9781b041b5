/* The schedule: iterations, entries and their counts. Everything it must remember stands in slots. */
#include "train/parts.h"

#include "train/signals.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool entry_count(Machine *m, const Entry *e, int64_t *count, Fault *f) {
    *count = 1;
    if (!e->count) return true;
    double wanted = 0;
    TimeOf before = clock_to(&m->clock, TIME_METRICS);
    bool known = feed_first(m, e->count, f) && unit_number(m, e->count, &wanted, f);
    clock_to(&m->clock, before);
    if (!known) return false;
    if (!(wanted >= 0 && wanted <= INT32_MAX) || wanted != floor(wanted))
        return fault(f, CODE_FAILED, "%s: a number of turns must be whole and 0 or more, not %g",
                     e->count->name, wanted);
    *count = (int64_t)wanted;
    return true;
}

static double elapsed(const Trainer *tr) { return seconds_now() - tr->started; }

/* After each turn: what may end the run in the middle of an iteration. */
static bool after_turn(Trainer *tr, Ended *ended) {
    if (tr->replaying) return true;
    int signal = signals_stop();
    if (signal) {
        tr->report->signal = signal;
        *ended = ENDED_SIGNAL;
    } else if (tr->options->seconds > 0 && elapsed(tr) >= tr->options->seconds) {
        *ended = ENDED_LIMIT;
    }
    return *ended != ENDED_DONE || save_if_late(tr);
}

static void move_on(Trainer *tr, int64_t entry) {
    Machine *m = tr->m;
    set_int(m, m->t->entry_slot, entry);
    set_int(m, m->t->repeat_slot, 0);
    set_int(m, m->own.count, -1);
}

/* The turns of one entry that are still to be played. */
static bool entry_run(Trainer *tr, const Entry *e, Ended *ended) {
    Machine *m = tr->m;
    int64_t count = get_int(m, m->own.count), done = get_int(m, m->t->repeat_slot);
    if (count < 0) {
        epoch_show(tr);
        if (!entry_count(m, e, &count, tr->fault)) return false;
        set_int(m, m->own.count, count);
    }
    while (done < count) {
        if (!turn_play(tr, e)) return false;
        set_int(m, m->t->repeat_slot, ++done);
        set_int(m, m->own.turns, get_int(m, m->own.turns) + 1);
        if (!after_turn(tr, ended)) return false;
        if (*ended != ENDED_DONE) return true;
    }
    return true;
}

static bool iteration_end(Trainer *tr) {
    Machine *m = tr->m;
    set_int(m, m->t->step_slot, get_int(m, m->t->step_slot) + 1);
    set_int(m, m->t->total_step_slot, get_int(m, m->t->total_step_slot) + 1);
    set_int(m, m->own.turns, 0);
    move_on(tr, 0);
    epoch_show(tr);
    if (!step_report(tr)) return false;
    if (tr->replaying) return true;
    if (!files_look(tr) || !step_outputs(tr) || !save_if_best(tr) || !save_if_due(tr)) return false;
    return !signals_sample() || (save_now(tr) && sample_now(tr));
}

bool iteration_run(Trainer *tr, Ended *ended) {
    Machine *m = tr->m;
    const Stage *stage = stage_now(tr);
    bool fresh = !get_int(m, m->t->entry_slot) && !get_int(m, m->own.turns) && get_int(m, m->own.count) < 0;
    if (fresh) iteration_begin(tr);
    for (int64_t i = get_int(m, m->t->entry_slot); i < stage->nentry; i++) {
        if (!entry_run(tr, &stage->entry[i], ended)) return false;
        if (*ended != ENDED_DONE) return true;
        move_on(tr, i + 1);
    }
    return iteration_end(tr);
}

static bool limit_reached(const Trainer *tr) {
    return tr->options->limited && get_int(tr->m, tr->m->t->total_step_slot) >= tr->options->steps;
}

static bool next_stage(Trainer *tr) {
    stage_advance(tr);
    return stage_load(tr);
}

bool iteration_replay(Trainer *tr) {
    Ended ended = ENDED_DONE;
    bool done;
    return stage_done(tr, &done) && (!done || next_stage(tr)) && iteration_run(tr, &ended);
}

bool run_start(Trainer *tr) { return machine_start(tr->m, tr->fault) && stage_load(tr); }

static bool schedule_run(Trainer *tr, Ended *ended) {
    Machine *m = tr->m;
    for (;;) {
        bool done;
        if (!stage_done(tr, &done)) return false;
        bool last = get_int(m, m->t->stage_slot) == m->t->nstage - 1,
             limit = limit_reached(tr) && between_iterations(tr);
        if ((done && last) || limit) clock_end(&m->clock);
        if (done || limit) {
            if (!save_now(tr) || (done && !save_stage(tr)) || !stage_report(tr, last || limit)) return false;
            if (last || limit) {
                *ended = last && done ? ENDED_DONE : ENDED_LIMIT;
                return true;
            }
            if (!next_stage(tr)) return false;
        }
        int signal = signals_stop();
        if (signal) { /* one that came before the first turn, or while files were made */
            tr->report->signal = signal;
            *ended = ENDED_SIGNAL;
        } else if (!iteration_run(tr, ended)) {
            return false;
        }
        if (*ended != ENDED_DONE) clock_end(&m->clock);
        if (*ended == ENDED_SIGNAL) return save_now(tr);
        if (*ended == ENDED_LIMIT) return save_now(tr) && stage_report(tr, true);
    }
}

/* ---- beginning and end ---- */

static int result_named(const Unit *u, const char *player) {
    size_t n = strlen(player);
    for (int i = 0; i < u->nresult; i++) {
        const char *name = u->result_name ? u->result_name[i] : NULL;
        if (name && !strncmp(name, player, n) && !strcmp(name + n, ".minimize")) return i;
    }
    return -1;
}

static void losses_find(Trainer *tr) {
    const Training *t = tr->m->t;
    tr->loss = ARENA_ARRAY(t->arena, int *, tr->m->nturn + 1);
    for (int i = 0; i < tr->m->nturn; i++) {
        const Turn *turn = tr->m->turn[i];
        tr->loss[i] = ARENA_ARRAY(t->arena, int, turn->nmove + 1);
        for (int k = 0; k < turn->nmove; k++)
            tr->loss[i][k] = result_named(&turn->unit, t->player[turn->move[k].player].name);
    }
}

/* What was read leads to a place that this schedule has: it may be of another spec, or made by another tool. */
static bool place_is_known(Trainer *tr) {
    const Machine *m = tr->m;
    const Training *t = m->t;
    int64_t stage = get_int(m, t->stage_slot), entry = get_int(m, t->entry_slot);
    if (stage < 0 || stage >= t->nstage || entry < 0 || entry > t->stage[stage].nentry)
        return fault(tr->fault, CODE_DATA, "%s: stands in stage %" PRId64 ", turn %" PRId64 " of its list: the schedule has no such place",
                     tr->options->resume, stage + 1, entry + 1);
    const int counts[] = {t->step_slot, t->total_step_slot, t->repeat_slot, m->own.turns, m->own.log_lines};
    bool counted = true;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) counted = counted && get_int(m, counts[i]) >= 0;
    for (int i = 0; i < t->nsource; i++) counted = counted && get_int(m, t->source[i].cursor_slot) >= 0;
    return counted || fault(tr->fault, CODE_DATA, "%s: has a counter below 0: it is damaged", tr->options->resume);
}

static bool begin(Trainer *tr) {
    Machine *m = tr->m;
    const TrainOptions *o = tr->options;
    if (!o->resume) {
        if (!run_start(tr)) return false;
    } else {
        CheckpointInfo info;
        if (o->loose && !machine_start(m, tr->fault)) return false;
        if (!checkpoint_read(o->resume, m->store, o->loose, &info, tr->fault) || !place_is_known(tr)) return false;
        snprintf(tr->report->checkpoint, sizeof tr->report->checkpoint, "%s", o->resume);
        tr->saved_step = get_int(m, m->t->total_step_slot);
        tr->saved_turns = get_int(m, m->own.turns);
    }
    return log_open(tr->log, o->folder, get_int(m, m->own.log_lines), get_int(m, m->t->total_step_slot),
                    tr->fault);
}

static Ended trainer_run(Trainer *tr) {
    Ended ended = ENDED_DONE;
    Watched watched = {0};
    if (tr->options->watch) {
        machine_plan(tr->m, (PlanOptions){0});
        tr->m->watched = &watched;
    }
    bool whole = begin(tr);
    tr->started = tr->step_started = tr->saved_at = seconds_now();
    clock_start(&tr->m->clock);
    whole = whole && schedule_run(tr, &ended) && animate_all(tr);
    whole = files_made(tr) && whole;
    clock_end(&tr->m->clock);
    memcpy(tr->report->seconds, tr->m->clock.seconds, sizeof tr->report->seconds);
    if (!whole) ended = ENDED_FAULT;
    if (tr->fault->code == CODE_DIVERGED) explain_divergence(tr);
    tr->m->watched = NULL;
    tr->report->step = get_int(tr->m, tr->m->t->total_step_slot);
    return tr->report->how = ended;
}

Ended train(Machine *m, const TrainOptions *options, TrainReport *report, Fault *f) {
    *report = (TrainReport){.how = ENDED_FAULT};
    Trainer tr = {.m = m, .options = options, .report = report, .fault = f, .saved_step = -1};
    snprintf(tr.samples, sizeof tr.samples, "%s/samples", options->folder);
    snprintf(tr.plots, sizeof tr.plots, "%s/plots", options->folder);
    snprintf(tr.checkpoints, sizeof tr.checkpoints, "%s/checkpoints", options->folder);
    losses_find(&tr);
    still_find(&tr);
    tr.log = log_of(m);
    if (!tr.log) {
        fault_memory(f);
        return ENDED_FAULT;
    }
    tr.writer = writer_new();
    tr.saving = saving_new(&tr);
    Ended ended = ENDED_FAULT;
    if (tr.writer && tr.saving) ended = trainer_run(&tr);
    else fault_memory(f);
    writer_free(tr.writer);
    saving_free(tr.saving);
    log_free(tr.log);
    return ended;
}
