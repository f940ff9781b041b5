/* `graphrun profile SPEC`: where the time of each player's turn goes: by instruction, by layer or by line of
 * the spec. No run is touched. Instructions are timed one by one, so a turn takes a little longer here than
 * in `bench`. */
#include "cli/cli.h"
#include "ir/ir.h"
#include "kern/kern.h"
#include "plan/region.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { WARM = 2, RUNS_LEAST = 3, RUNS_MOST = 10000, NAMED_MOST = 6 };

typedef struct { /* a row: one instruction, or several under one name */
    const char *where, *what, *role;
    double seconds, cpu, span, flops, bytes;
    int instructions;
} Row;

typedef struct {
    Row *at;
    int n;
} Rows;

/* How many cores it kept busy, on average. A thread that waits for another sleeps after a tenth of a millisecond or so, and
 * counts as busy until then. */
static double cores_of(const Row *r) { return r->span > 0 ? r->cpu / r->span : 1; }

/* ---- what an instruction is ---- */

static double bytes_moved(const Instr *i) {
    double bytes = 0;
    for (int k = 0; k < i->nin; k++)
        bytes += (double)shape_count(&i->in[k].type.shape) * (double)dtype_size(i->in[k].type.dtype);
    for (int k = 0; k < i->nout; k++)
        bytes += (double)shape_count(&i->out[k].type.shape) * (double)dtype_size(i->out[k].type.dtype);
    return bytes;
}

/* "convolve (winograd)"; of a region "9 fused: mul add max ...". */
static const char *what_of(Arena *a, const Instr *i) {
    if (i->op) return i->kernel ? arena_printf(a, "%s (%s)", i->op->name, i->kernel) : i->op->name;
    const Region *r = i->state;
    char text[200] = "";
    int named = 0;
    for (int k = 0; k < r->nstep && named < NAMED_MOST; k++) {
        const char *name = r->step[k].op ? r->step[k].op->name : "copy";
        if (k && r->step[k - 1].op == r->step[k].op) continue;
        snprintf(text + strlen(text), sizeof text - strlen(text), " %s", name);
        named++;
    }
    const char *tensors = r->nsegment > 1 ? arena_printf(a, " over %d tensors", r->nsegment) : "";
    return r->nstep == 1 ? arena_printf(a, "%s%s", text + 1, tensors)
                         : arena_printf(a, "%d fused%s:%s%s", r->nstep, tensors, text,
                                        named == NAMED_MOST ? " ..." : "");
}

static const char *line_of(Arena *a, const Diags *d, Loc loc) {
    return loc.line ? arena_printf(a, "%s:%u", d->sources[loc.file].name, loc.line) : "-";
}

/* ---- the rows ---- */

typedef enum { BY_INSTRUCTION, BY_LAYER, BY_LINE } By;

static Row *row_for(Rows *rows, By by, const char *where, const char *role) {
    for (int k = 0; k < rows->n && by != BY_INSTRUCTION; k++) {
        Row *r = &rows->at[k];
        if (!strcmp(r->where, where) && (by == BY_LINE || !strcmp(r->role, role))) return r;
    }
    Row *r = &rows->at[rows->n++];
    *r = (Row){.where = where, .role = role, .what = ""};
    return r;
}

static int slowest_first(const void *a, const void *b) {
    const Row *x = a, *z = b;
    return (x->seconds < z->seconds) - (x->seconds > z->seconds);
}

static void collect(Arena *a, const Diags *d, const Program *p, const InstrTime *times, By by, Rows *rows) {
    rows->at = ARENA_ARRAY(a, Row, p->ninstr + 1);
    rows->n = 0;
    for (int k = 0; k < p->ninstr; k++) {
        const Instr *i = &p->instr[k];
        const char *layer = i->label ? i->label : "-", *line = line_of(a, d, i->loc);
        Row *r = row_for(rows, by, by == BY_LINE ? line : layer, i->role ? i->role : "forward");
        if (by == BY_INSTRUCTION) r->what = what_of(a, i);
        r->seconds += times[k].seconds / (double)times[k].calls;
        r->cpu += times[k].cpu / (double)times[k].calls;
        r->span += times[k].span / (double)times[k].calls;
        r->flops += i->flops;
        r->bytes += bytes_moved(i);
        r->instructions++;
    }
    qsort(rows->at, (size_t)rows->n, sizeof *rows->at, slowest_first);
}

/* The share of the time that the roofline would need: below 1 for what neither arithmetic nor memory bounds.
 */
static double roofline(const Row *r, const Peak *peak) {
    double arithmetic = r->flops / peak->flops, memory = r->bytes / peak->bytes;
    return r->seconds > 0 ? (arithmetic > memory ? arithmetic : memory) / r->seconds : 0;
}

/* ---- timing ---- */

static bool time_instructions(Machine *m, Turn *turn, double seconds, InstrTime *times, Fault *f) {
    const Program *p = NULL;
    double end = 0;
    for (int i = 0; i < WARM; i++) {
        if (!feed_players(m, &turn->unit, f) || !unit_run(m, &turn->unit, f)) return false;
        p = turn->unit.program;
    }
    end = seconds_now() + seconds;
    for (int i = 0; i < RUNS_MOST && (i < RUNS_LEAST || seconds_now() < end); i++)
        exec_profile(m->exec, p, times);
    return true;
}

/* ---- printing ---- */

static json_t *row_json(const Row *r, const Peak *peak) {
    return json_pack("{s:s, s:s, s:s, s:i, s:f, s:f, s:f, s:f, s:f}", "where", r->where, "role", r->role,
                     "what", r->what, "instructions", r->instructions, "ms", 1e3 * r->seconds, "cores",
                     cores_of(r), "gflop_s", r->flops / r->seconds / 1e9, "gb_s", r->bytes / r->seconds / 1e9,
                     "roofline", roofline(r, peak));
}

static void print_rows(const Rows *rows, By by, const Peak *peak, double total) {
    static const char *const names[] = {"layer", "layer", "line"};
    Table *t = table_new(9, "rrrrrrlll");
    table_add(t, "ms\t%%\tcores\tGFLOP/s\tGB/s\troofline %%\t%s\t%s\t%s", names[by],
              by == BY_LINE ? "" : "part", by == BY_INSTRUCTION ? "what" : "instructions");
    for (int k = 0; k < rows->n; k++) {
        const Row *r = &rows->at[k];
        char count[16];
        snprintf(count, sizeof count, "%d", r->instructions);
        table_add(t, "%.3f\t%.1f\t%.1f\t%.3g\t%.3g\t%.0f\t%s\t%s\t%s", 1e3 * r->seconds,
                  100 * r->seconds / total, cores_of(r), r->flops / r->seconds / 1e9,
                  r->bytes / r->seconds / 1e9, 100 * roofline(r, peak), r->where,
                  by == BY_LINE ? "" : r->role, by == BY_INSTRUCTION ? r->what : count);
    }
    table_print(t, stdout, "  ");
    table_free(t);
}

static bool profile_turn(Machine *m, Turn *turn, const Options *o, By by, const Peak *peak, json_t *all,
                         Fault *f) {
    Arena *a = arena_new();
    Rows rows;
    InstrTime *times = NULL;
    bool done = a && unit_ready(m, &turn->unit, f);
    int n = done ? turn->unit.program->ninstr : 0;
    times = calloc((size_t)n + 1, sizeof *times);
    done = done && times && time_instructions(m, turn, o->seconds > 0 ? o->seconds : 2, times, f);
    if (done) {
        collect(a, m->t->diags, turn->unit.program, times, by, &rows);
        double total = 0;
        Row whole = {0};
        for (int k = 0; k < rows.n; k++) {
            total += rows.at[k].seconds;
            whole.cpu += rows.at[k].cpu, whole.span += rows.at[k].span;
        }
        json_t *list = json_array();
        for (int k = 0; k < rows.n; k++) json_array_append_new(list, row_json(&rows.at[k], peak));
        if (!o->json) {
            printf("%s: %.3f ms in %d instructions, %.2f cores busy, %.4g GFLOP, %.4g GFLOP/s\n",
                   turn_player(m->t, turn), 1e3 * total, n, cores_of(&whole), turn->unit.program->flops / 1e9,
                   turn->unit.program->flops / total / 1e9);
            print_rows(&rows, by, peak, total);
        }
        json_array_append_new(all,
                              json_pack("{s:s, s:f, s:i, s:f, s:o}", "player", turn_player(m->t, turn), "ms",
                                        1e3 * total, "instructions", n, "cores", cores_of(&whole), "rows", list));
    }
    free(times);
    if (a) arena_free(a);
    return done || f->code || fault_memory(f);
}

static bool profile_turns(Machine *m, const Options *o, By by, json_t *all, Fault *f) {
    Peak peak;
    if (!peak_measure(&peak)) return fault_memory(f);
    if (!o->json)
        printf("the machine, measured: %.4g GFLOP/s in a product, %.4g GB/s from memory; %d threads\n",
               peak.flops / 1e9, peak.bytes / 1e9, par_count());
    for (int i = 0; i < m->nturn; i++)
        if (plays(m->t, m->turn[i], o->player) && !profile_turn(m, m->turn[i], o, by, &peak, all, f))
            return false;
    return json_array_size(all) > 0 || no_such_player(o, f);
}

static bool by_named(const char *name, By *by) {
    static const char *const names[] = {"instruction", "layer", "line"};
    for (int k = 0; name && k < 3; k++)
        if (!strcmp(name, names[k])) return *by = (By)k, true;
    if (name) complain("--by: '%s' is none of instruction, layer, line", name);
    return !name;
}

static int run(const Options *o, int n, char **operand) {
    (void)n;
    Spec s;
    Fault f = {0};
    By by = BY_LAYER;
    if (!by_named(o->by, &by)) return CODE_USAGE;
    int code = spec_open(&s, operand[0], o);
    if (code) return code;
    if (s.t->precision == FP64) fault(&f, CODE_USAGE, "profile: in fp64 no kernel runs; --precision fp32 shows those that would");
    Machine *m = f.code ? NULL : spec_machine(&s, o, true, &f);
    json_t *all = json_array();
    bool done = m && machine_start(m, &f) && profile_turns(m, o, by, all, &f);
    if (done && o->json) json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)), putchar('\n');
    if (!done) code = spec_fault(&s, &f);
    json_decref(all);
    machine_free(m);
    spec_close(&s);
    return code;
}

static const char *const examples[] = {"graphrun profile models/wgan_poly.yaml --player critic",
                                       "graphrun profile models/wgan_poly.yaml --by instruction",
                                       "graphrun profile --by line --json SPEC", NULL};
static const Option options[] = {
    {"by", 0, O_TEXT, OPT(by), "WHAT", "instruction, layer (where left out) or line (of the spec)"},
    OPTIONS_TIMED,
    OPTIONS_TURNS,
    OPTIONS_END};
const Verb verb_profile = {"profile", "SPEC", "where a turn's time goes", examples, options, 1, 1, run};
