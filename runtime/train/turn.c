/* One turn: batches and counters in, program, values out. */
#include "train/parts.h"

#include <inttypes.h>
#include <math.h>

void iteration_begin(Trainer *tr) {
    Machine *m = tr->m;
    for (int i = 0; i < m->t->niteration; i++) set_int(m, m->own.computed[i], 0);
    for (int i = 0; i < m->t->nsource; i++) set_int(m, m->own.delivered[i], 0);
    for (int i = 0; i < m->nturn; i++) set_int(m, m->own.played[i], 0);
    set_int(m, m->own.epoch_before, epoch_cursor(tr));
}

static int turn_index(const Machine *m, const Turn *turn) {
    int i = 0;
    while (m->turn[i] != turn) i++;
    return i;
}

static void keep_values(Machine *m, int index, const Unit *u) {
    for (int i = 0; i < u->nresult; i++)
        if (m->own.logged[index][i] >= 0)
            store_set(m->store, m->own.logged[index][i], exec_number(m->exec, u->program, i));
    set_int(m, m->own.played[index], 1);
}

void count_turns(Machine *m, const Turn *turn) {
    for (int i = 0; i < turn->nmove; i++) {
        const Player *p = &m->t->player[turn->move[i].player];
        set_int(m, p->turn_slot, get_int(m, p->turn_slot) + 1);
        set_int(m, p->total_slot, get_int(m, p->total_slot) + 1);
    }
}

static bool losses_finite(Trainer *tr, int index, const Unit *u) {
    Machine *m = tr->m;
    const Turn *turn = m->turn[index];
    for (int i = 0; i < turn->nmove; i++) {
        const Move *move = &turn->move[i];
        int loss = tr->loss[index][i];
        if (loss < 0 || (move->gate >= 0 && exec_number(m->exec, u->program, move->gate) == 0))
            continue;
        double value = exec_number(m->exec, u->program, loss);
        if (!isfinite(value))
            return fault(tr->fault, CODE_DIVERGED, "diverged at step %" PRId64 ": %s is %g",
                         get_int(m, m->t->total_step_slot) + 1, turn->unit.result_name[loss], value);
    }
    return true;
}

bool turn_play(Trainer *tr, const Entry *e) {
    Machine *m = tr->m;
    int index = turn_index(m, e->turn);
    epoch_show(tr);
    if (!feed_players(m, &e->turn->unit, tr->fault)) return false;
    Unit *u = feed_turn(m, e->turn);
    clock_to(&m->clock, TIME_TURNS);
    bool done = unit_run(m, u, tr->fault);
    clock_to(&m->clock, TIME_REST);
    if (!done) return false;
    keep_values(m, index, u);
    count_turns(m, e->turn);
    return losses_finite(tr, index, u);
}
