/* Outputs: runs an output's unit and hands tensors, series and names to its kind. */
#include "train/evaluate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What draws read: the step for the first batch, for the k-th a number that no step is. */
static int64_t tick_of(int64_t step, int64_t k) {
    if (!k) return step;
    uint64_t h = ((uint64_t)step * 0x9e3779b97f4a7c15u ^ (uint64_t)k) * 0xd6e8feb86659fd93u;
    return -1 - (int64_t)(h >> 33);
}

static size_t row_bytes(const Tensor *t) {
    int64_t n = 1;
    for (int i = 1; i < t->shape.rank; i++) n *= t->shape.dim[i];
    return (size_t)n * dtype_size(t->dtype);
}

static int64_t rows_of(const Tensor *t) { return t->shape.rank ? t->shape.dim[0] : 1; }

/* Takes the results of a run: rows of the stacked ones after those that are there, the others once. */
static bool take(Machine *m, const OutputUse *use, OutValue *value, int64_t filled, int64_t rows, int64_t want) {
    const Unit *u = &use->unit;
    for (int i = 0; i < u->nresult; i++) {
        Tensor type = u->program->result[i].at.type;
        bool stacked = use->stacked[i];
        if (value[i].data && !stacked) continue;
        int64_t n = stacked ? rows : rows_of(&type);
        char *data = value[i].data ? (char *)value[i].data : malloc((size_t)(stacked ? want : n) * row_bytes(&type) + 1);
        if (!data) return false;
        memcpy(data + (size_t)(stacked ? filled : 0) * row_bytes(&type), exec_result(m->exec, u->program, i),
               (size_t)n * row_bytes(&type));
        if (stacked) type.shape.dim[0] = filled + n;
        value[i] = (OutValue){type, data};
    }
    return true;
}

/* The k-th run: of the source's k-th batch, or of every source's; *rows: how many rows it gives, 0 after the last. */
static bool feed(Machine *m, const OutputUse *use, int64_t k, int64_t *rows, Fault *f) {
    const Unit *u = &use->unit;
    if (use->over >= 0) return feed_through(m, u, use->over, k, rows, f);
    if (!use->count) {
        *rows = k == 0;
        return k > 0 || feed_first(m, u, f);
    }
    if (!feed_each(m, u, k, rows, f)) return false;
    if (!unit_ready(m, (Unit *)u, f)) return false;
    for (int i = 0; i < u->nresult; i++) {
        int64_t n = rows_of(&u->program->result[i].at.type);
        if (use->stacked[i] && (*rows < 0 || n < *rows)) *rows = n;
    }
    return true;
}

static bool values_make(Machine *m, OutputUse *use, OutValue *value, Fault *f) {
    Unit *u = &use->unit;
    if (!u->graph) return true;
    int64_t step = get_int(m, m->t->total_step_slot), rows = 1;
    int64_t want = use->count;
    if (use->over >= 0 && (!want || want > m->feed[use->over].through.count)) want = m->feed[use->over].through.count;
    bool ok = true;
    for (int64_t k = 0, filled = 0; ok && (!want || filled < want); k++, filled += rows) {
        set_int(m, use->tick_slot, tick_of(step, k));
        ok = feed(m, use, k, &rows, f);
        if (!ok || !rows) {
            if (ok && want && filled < want)
                ok = fault(f, CODE_FAILED, "output '%s': wants %" PRId64 " rows, its data have %" PRId64, use->name, want, filled);
            break;
        }
        if (want && rows > want - filled) rows = want - filled;
        ok = unit_run(m, u, f);
        if (ok && !take(m, use, value, filled, rows, want)) ok = fault_memory(f);
    }
    set_int(m, use->tick_slot, 0);                    /* a checkpoint does not show which outputs were made */
    return ok;
}

static bool series_take(OutputJob *job, const Log *log) {
    if (!log) return true;
    int64_t numbers = 0;
    const Series *all = log_series(log, &job->nseries);
    for (int i = 0; i < job->nseries; i++) numbers += 2 * all[i].n;
    size_t head = (size_t)job->nseries * sizeof *job->series;
    Series *series = malloc(head + (size_t)numbers * sizeof(double) + 1);
    job->series = series;
    if (!series) return false;
    double *at = (double *)(series + job->nseries);
    for (int i = 0; i < job->nseries; i++) {
        size_t bytes = (size_t)all[i].n * sizeof(double);
        series[i] = (Series){all[i].name, all[i].n, at, at + all[i].n};
        if (bytes) memcpy(at, all[i].step, bytes), memcpy(at + all[i].n, all[i].value, bytes);
        at += 2 * all[i].n;
    }
    return true;
}

static bool job_fill(Machine *m, OutputUse *use, const OutputPlace *place, OutputJob *job, Fault *f) {
    *job = (OutputJob){.kind = use->kind,
                       .options = use->options,
                       .name = use->name,
                       .samples = place->samples,
                       .plots = place->plots,
                       .step = place->step,
                       .at_end = place->at_end,
                       .nvalue = use->unit.nresult};
    bool kept = use->range_slot >= 0;
    for (int i = 0; kept && i < 2; i++) job->range[i] = store_at(m->store, use->range_slot, i);
    job->value = calloc((size_t)use->unit.nresult + 1, sizeof *job->value);
    if (!job->value || !series_take(job, place->log)) return fault_memory(f);
    if (!values_make(m, use, job->value, f)) return false;
    if (use->kind->prepare && !use->kind->prepare(job, use->options))
        return fault(f, CODE_FAILED, "output '%s': %s", use->name, job->why);
    for (int i = 0; kept && i < 2; i++) {             /* what a checkpoint will give back */
        double was = store_at(m->store, use->range_slot, i);
        store_put(m->store, use->range_slot, i, job->range[i]);
        job->range[i] = store_at(m->store, use->range_slot, i);
        job->moved = job->moved || job->range[i] != was;
    }
    return true;
}

OutputJob *output_job(Machine *m, int index, const OutputPlace *place, Fault *f) {
    OutputJob *job = calloc(1, sizeof *job);
    if (!job) return fault_memory(f), NULL;
    if (job_fill(m, &m->t->output[index], place, job, f)) return job;
    job_free(job);
    return NULL;
}

bool output_done(const OutputJob *job, Fault *f) {
    return job->done || fault(f, CODE_WRITE, "output '%s': %s", job->name, job->why);
}
