/* bench/ops: every operator's kernel on the case of its table that has a model's size; elementwise operators and draws on
 * 2^22 numbers, more than caches hold. Says GFLOP/s, GB/s read and written once each, and the share of the time that the
 * measured roofline (runtime/kern/peak.c) would need; the largest shares last. */
#include "base/measure.h"
#include "base/rng.h"
#include "build.h"
#include "exec/exec.h"
#include "kern/kern.h"
#include "ops/attrs.h"
#include "plan/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG = 1 << 22, RUNS_LEAST = 5, RUNS_MOST = 200, SRC_MOST = 4 };

typedef struct {
    char name[80];
    const char *kernel;
    double ms, flops, bytes, share;
} Row;

static bool has_kernel(const Op *op) {
    return op->samples && !(op->traits & (VIEW | LEAF | EFFECT | REPEATS)) && (op->eval || op->map[0][F32] || op->reduce[F32] ||
                                                                               op->traits & (ELEMENTWISE | RANDOM));
}

/* The case to be timed; `draw` holds the attributes of a longer draw. */
static Sample case_of(const Op *op, DrawAttr *draw) {
    if (op->large) return *op->large;
    Sample s = op->samples[0];
    if (op->traits & RANDOM) {
        *draw = *(const DrawAttr *)s.attr;
        draw->shape = (Ints){1, {LONG}};
        s.attr = draw;
    }
    for (int k = 0; k < s.nsrc && !(op->traits & RANDOM); k++) s.src[k].shape = SHAPE(LONG);
    s.name = "2^22";
    return s;
}

static void fill(void *to, const Tensor *t, double low, double high, uint64_t key) {
    for (int64_t i = 0, n = shape_count(&t->shape); i < n; i++) {
        double x = rng_unit(rng_word(rng_stream(key, 7, 0, 0), (uint64_t)i));
        if (t->dtype == F32) ((float *)to)[i] = (float)(low + (high - low) * x);
        else if (t->dtype == I32) ((int32_t *)to)[i] = (int32_t)(low + (high - low + 1) * x);
        else ((uint8_t *)to)[i] = x < .5;
    }
}

static double tensor_bytes(const Tensor *t) { return (double)shape_count(&t->shape) * (double)dtype_size(t->dtype); }

static double median_run(Exec *e, const Program *p, double seconds) {
    double ms[RUNS_MOST], spent = 0;
    int n = 0;
    for (int i = -1; i < RUNS_MOST && (i < RUNS_LEAST || spent < seconds); i++) { /* run -1 warms */
        double start = seconds_now();
        exec_run(e, p, NULL);
        if (i < 0) continue;
        ms[n] = 1e3 * (seconds_now() - start);
        spent += ms[n++] / 1e3;
    }
    numbers_sort(n, ms);
    return numbers_median(n, ms);
}

static bool time_case(const Op *op, const Sample *s, double seconds, int threads, Row *out) {
    Arena *a = arena_new();
    Slots slots = {.arena = a};
    Diags *d = diags_new(a);
    Graph *g = graph_new(a, d, &slots, op->name);
    Node *x[SRC_MOST];
    for (int k = 0; k < s->nsrc; k++)
        x[k] = g_slot(g, slot_add(&slots, (Slot){.name = arena_printf(a, "x%d", k), .type = s->src[k]}));
    Node *y = op_apply(g, op, s->nsrc, x, s->attr);
    Program *p = d->errors ? NULL : plan_make(g, 1, &y, NULL, plan_all());
    Store *store = p ? store_new(&slots, F32) : NULL;
    Exec *e = store ? exec_new(store, 1, threads) : NULL;
    bool done = e && exec_reserve(e, p);
    if (done) {
        *out = (Row){.flops = p->flops, .bytes = tensor_bytes(&y->type)};
        for (int k = 0; k < s->nsrc; k++) {
            fill(store->data[k], &s->src[k], s->low, s->high, (uint64_t)k);
            out->bytes += tensor_bytes(&s->src[k]);
        }
        out->ms = median_run(e, p, seconds);
        out->kernel = p->instr[0].kernel && p->ninstr == 1 ? p->instr[0].kernel : "";
        snprintf(out->name, sizeof out->name, "%s, %s%s%s", op->name, s->name, *out->kernel ? ": " : "", out->kernel);
    }
    if (d->errors) diags_print(d, stderr, false);
    exec_free(e);
    if (store) store_free(store);
    program_free(p);
    arena_free(a);
    return done;
}

static int lowest_first(const void *a, const void *b) {
    double x = ((const Row *)a)->share, z = ((const Row *)b)->share;
    return (x > z) - (x < z);
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 0.2;
    int threads = par_cores(), n = 0;
    Row row[200];
    Peak peak;
    par_threads(threads);
    for (const Op *const *op = op_table; *op && n < 200; op++) {
        DrawAttr draw;
        if (!has_kernel(*op)) continue;
        Sample s = case_of(*op, &draw);
        if (time_case(*op, &s, seconds, threads, &row[n])) n++;
        else fprintf(stderr, "%s: cannot run\n", (*op)->name);
    }
    if (!peak_measure(&peak)) return 1;
    for (int k = 0; k < n; k++)
        row[k].share = 1e3 * fmax(row[k].flops / peak.flops, row[k].bytes / peak.bytes) / row[k].ms;
    qsort(row, (size_t)n, sizeof *row, lowest_first);
    printf("%d threads, %s; a product reaches %.4g GFLOP/s, memory %.4g GB/s\n\n", threads, isa_name(), peak.flops / 1e9,
           peak.bytes / 1e9);
    printf("| operator | ms | GFLOP/s | GB/s | of the roofline |\n|---|---|---|---|---|\n");
    for (int k = 0; k < n; k++)
        printf("| %s | %.3f | %.3g | %.3g | %.0f %% |\n", row[k].name, row[k].ms, row[k].flops / row[k].ms / 1e6,
               row[k].bytes / row[k].ms / 1e6, 100 * row[k].share);
    return 0;
}
