/* The verb gradcheck: brings a spec to where its turns can be checked, checks every one, prints the tables. */
#include "train/gradcheck.h"

#include <jansson.h>
#include <math.h>

/* What the trainer does between turns, less schedule and files: next batches, iteration values, counters. */
static bool next_turn(Machine *m, const Turn *turn, Fault *f) {
    for (int i = 0; i < m->t->niteration; i++) set_int(m, m->own.computed[i], 0);
    for (int i = 0; i < m->t->nsource; i++) set_int(m, m->own.delivered[i], 0);
    return feed_players(m, &turn->unit, f);
}

static void turn_made(Machine *m, const Turn *turn) {
    for (int k = 0; k < turn->nmove; k++) {
        const Player *p = &m->t->player[turn->move[k].player];
        set_int(m, p->turn_slot, get_int(m, p->turn_slot) + 1);
        set_int(m, p->total_slot, get_int(m, p->total_slot) + 1);
    }
}

static bool play_some(Machine *m, Fault *f) {
    enum { TURNS = 3 };
    for (int round = 0; round < TURNS; round++)
        for (int i = 0; i < m->nturn; i++) {
            Turn *turn = m->turn[i];
            if (!next_turn(m, turn, f) || !unit_run(m, &turn->unit, f)) return false;
            turn_made(m, turn);
        }
    return true;
}

static bool check_all(Machine *m, Arena *a, GradReport *out, Fault *f) {
    if (!machine_load(m, f) || !machine_start(m, f) || !play_some(m, f)) return false;
    for (int i = 0; i < m->nturn; i++) {
        Turn *turn = m->turn[i];
        if (!next_turn(m, turn, f)) return false;
        Arena *scratch = arena_new();
        if (!scratch) return fault_memory(f);
        gradcheck_turn(m, turn, scratch, a, out);
        arena_free(scratch);
        if (!turncheck(m, turn, a, out, f)) return false;
        turn_made(m, turn);
    }
    return true;
}

bool gradcheck(Training *t, uint64_t seed, Arena *a, GradReport *out, Fault *f) {
    *out = (GradReport){.agrees = true};
    MachineOptions options = machine_defaults();
    options.seed = seed;
    Machine *m = machine_new(t, &options, f);
    bool done = m && check_all(m, a, out, f);
    machine_free(m);
    return done;
}

static void print_table(const GradReport *r, FILE *to) {
    fprintf(to, "%-16s %-48s %12s %12s %8s\n", "player", "parameter", "first order", "second", "redrawn");
    const char *turn = "";
    for (int i = 0; i < r->grad.n; i++) {
        const GradRow *row = &r->grad.at[i];
        if (row->turn != turn) fprintf(to, "%s\n", turn = row->turn);
        fprintf(to, "%-16s %-48s %12.1e %12.1e %8d%s\n", row->player, row->parameter, row->first, row->second,
                row->redrawn, row->held ? ", choices held" : "");
    }
    fprintf(to, "\nfloat program against the double reference, one whole turn: largest difference\n");
    fprintf(to, "%-65s %12s %12s\n", "value", "difference", "allowed");
    for (int i = 0; i < r->turn.n; i++) {
        const TurnRow *row = &r->turn.at[i];
        if (row->turn != turn) fprintf(to, "%s\n", turn = row->turn);
        fprintf(to, "%-65s %12.1e %12.1e%s\n", row->what, row->error, row->bound,
                row->error <= row->bound ? "" : "  DIFFERS");
    }
    fprintf(to, "\nworst relative error of a gradient %.1e (allowed %.0e); the float program %s\n", r->worst,
            gradcheck_tolerance, r->agrees ? "agrees" : "DIFFERS");
}

/* JSON knows no infinity. */
static json_t *number(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static bool print_json(const GradReport *r, FILE *to) {
    json_t *all = json_object(), *rows = json_array(), *turns = json_array();
    for (int i = 0; i < r->grad.n; i++) {
        const GradRow *row = &r->grad.at[i];
        json_array_append_new(rows, json_pack("{sssssssososisb}", "turn", row->turn, "player", row->player, "parameter",
                                              row->parameter, "first", number(row->first), "second",
                                              number(row->second), "redrawn", row->redrawn, "held", row->held));
    }
    for (int i = 0; i < r->turn.n; i++) {
        const TurnRow *row = &r->turn.at[i];
        json_array_append_new(turns, json_pack("{sssssososb}", "turn", row->turn, row->is_slot ? "slot" : "value",
                                               row->what, "difference", number(row->error), "allowed",
                                               number(row->bound), "agrees", row->error <= row->bound));
    }
    json_object_set_new(all, "worst", number(r->worst));
    json_object_set_new(all, "agrees", json_boolean(r->agrees));
    json_object_set_new(all, "gradients", rows);
    json_object_set_new(all, "turns", turns);
    bool done = json_dumpf(all, to, JSON_INDENT(1)) == 0 && fputc('\n', to) != EOF;
    json_decref(all);
    return done;
}

int gradcheck_run(Training *t, uint64_t seed, FILE *to, bool json, Fault *f) {
    Arena *a = arena_new();
    if (!a) return fault_memory(f), f->code;
    GradReport report;
    int code = f->code;
    if (!gradcheck(t, seed, a, &report, f)) {
        code = f->code;
    } else {
        if (!json) print_table(&report, to);
        else if (!print_json(&report, to)) fault(f, CODE_WRITE, "the report could not be written");
        bool good = report.worst < gradcheck_tolerance && report.agrees;
        code = f->code ? f->code : good ? CODE_DONE : CODE_FAILED;
    }
    arena_free(a);
    return code;
}
