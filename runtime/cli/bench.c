/* `graphrun bench SPEC`: times each player's turn. No run is touched. All timed turns see one batch, made
 * before the clock starts. With --dump the turns are played once and written down instead. */
#include "cli/cli.h"
#include "ir/ir.h"
#include "kern/kern.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MOST = 100000, RUNS_LEAST = 5, WARM = 2 }; /* WARM: turns before the clock starts */

typedef struct {
    double median, best;
    int n;
} Times;

static bool time_turn(Machine *m, Turn *turn, double seconds, Times *out, Fault *f) {
    double *ms = malloc(RUNS_MOST * sizeof *ms), spent = 0;
    if (!ms) return fault_memory(f);
    bool done = true;
    int n = 0;
    for (int i = 0; done && n < RUNS_MOST && (n < RUNS_LEAST || spent < seconds); i++) {
        if (i < WARM) done = feed_players(m, &turn->unit, f);
        double start = seconds_now();
        done = done && unit_run(m, &turn->unit, f);
        if (i < WARM) continue;
        ms[n] = 1e3 * (seconds_now() - start);
        spent += ms[n++] / 1e3;
    }
    if (done) {
        numbers_sort(n, ms);
        *out = (Times){numbers_median(n, ms), ms[0], n};
    }
    free(ms);
    return done;
}

static Table *times_table(void) {
    Table *t = table_new(7, "lrrrrrr");
    table_add(t, "player\tmedian ms\tbest ms\tGFLOP\tGFLOP/s\tpeak MB\truns");
    return t;
}

/* Every chosen player's turn once; when that was done, in milliseconds since 1970: for whoever started the process. */
static bool first_step(Machine *m, const Options *o, int64_t *done, Fault *f) {
    for (int i = 0; i < m->nturn; i++)
        if (plays(m->t, m->turn[i], o->player) && (!feed_players(m, &m->turn[i]->unit, f) || !unit_run(m, &m->turn[i]->unit, f)))
            return false;
    *done = (int64_t)(1e3 * seconds_on(CLOCK_REALTIME));
    return true;
}

static bool dump(Machine *m, const Options *o, Fault *f) {
    int n = 0;
    for (int i = 0; i < m->nturn; i++) {
        if (!plays(m->t, m->turn[i], o->player)) continue;
        if (!turn_dump(m, m->turn[i], o->out, f)) return false;
        n++;
    }
    if (n) puts(o->out);
    return n || no_such_player(o, f);
}

static bool measure(Machine *m, const Options *o, Table *table, json_t *all, Fault *f) {
    int64_t first;
    if (!first_step(m, o, &first, f)) return false;
    for (int i = 0; i < m->nturn; i++) {
        Times t = {0};
        double seconds = o->seconds > 0 ? o->seconds : 2;
        if (!plays(m->t, m->turn[i], o->player)) continue;
        if (o->worth && !worth_turn(m, m->turn[i], seconds, table, all, f)) return false;
        if (o->worth) continue;
        if (!time_turn(m, m->turn[i], seconds, &t, f)) return false;
        const Program *p = m->turn[i]->unit.program;
        double flop = p->flops, peak = (double)(p->workspace + p->library + m->store->bytes);
        const char *name = turn_player(m->t, m->turn[i]);
        table_add(table, "%s\t%.4g\t%.4g\t%.4g\t%.4g\t%.4g\t%d", name, t.median, t.best, flop / 1e9,
                  flop / t.median / 1e6, peak / 1e6, t.n);
        json_array_append_new(all,
                              json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:i, s:I}", "player", name, "median_ms",
                                        t.median, "best_ms", t.best, "gflop", flop / 1e9, "gflop_s",
                                        flop / t.median / 1e6, "peak_bytes", peak, "runs", t.n, "first_step_unix_ms",
                                        (json_int_t)first));
    }
    return json_array_size(all) > 0 || no_such_player(o, f);
}

static int run(const Options *o, int n, char **operand) {
    (void)n;
    Spec s;
    Fault f = {0};
    int code = spec_open(&s, operand[0], o);
    if (code) return code;
    if (blas_core_isa(blas_core()) < isa_level())
        say(o, "note: OpenBLAS runs its %s kernels on a CPU with %s; OPENBLAS_CORETYPE=%s would be faster", blas_core(),
            isa_name(), blas_core_for(isa_level()));
    if (o->worth && s.t->precision == FP64)
        fault(&f, CODE_USAGE, "bench --worth: in fp64 nothing is rewritten; --precision fp32 shows what would be");
    Machine *m = f.code ? NULL : spec_machine(&s, o, true, &f);
    Table *table = o->worth ? worth_table() : times_table();
    json_t *all = json_array();
    bool done = m && machine_start(m, &f) && (o->out ? dump(m, o, &f) : measure(m, o, table, all, &f));
    bool timed = done && !o->out;
    if (timed && o->json)
        json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)), putchar('\n');
    else if (timed)
        table_print(table, stdout, "");
    if (!done) code = spec_fault(&s, &f);
    json_decref(all);
    table_free(table);
    machine_free(m);
    spec_close(&s);
    return code;
}

static const char *const examples[] = {"graphrun bench models/wgan_poly.yaml",
                                       "graphrun bench --player critic --seconds 5 --json SPEC",
                                       "graphrun bench --dump numbers models/vae.yaml", NULL};
static const Option options[] = {
    OPTIONS_TIMED,
    {"worth", 0, O_FLAG, OPT(worth), NULL, "what each rewrite is worth: turns without it, times as long"},
    {"dump", 0, O_TEXT, OPT(out), "DIR", "times nothing; writes DIR/PLAYER.npz: what one turn reads, draws and comes to"},
    OPTIONS_TURNS,
    OPTIONS_END};
const Verb verb_bench = {"bench", "SPEC", "times each player's turn", examples, options, 1, 1, run};
