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

static bool hand_over(Machine *m, const OutputUse *use, OutValue *value, OutputPlace *place, Fault *f) {
    char why[512] = "";
    double range[2] = {0, 0};
    float *kept = use->range_slot >= 0 ? m->store->data[use->range_slot] : NULL;
    if (kept) range[0] = kept[0], range[1] = kept[1];
    OutputJob job = {.name = use->name,
                     .samples = place->samples,
                     .plots = place->plots,
                     .step = place->step,
                     .at_end = place->at_end,
                     .nvalue = use->unit.nresult,
                     .value = value,
                     .range = range,
                     .made = place->made,
                     .path_size = sizeof place->made,
                     .why = why,
                     .why_size = sizeof why};
    if (place->log) job.series = log_series(place->log, &job.nseries);
    bool done = (!use->kind->prepare || use->kind->prepare(&job, use->options)) && use->kind->write(&job, use->options);
    free(job.prepared);
    if (!done) return fault(f, CODE_WRITE, "output '%s': %s", use->name, why);
    if (kept) kept[0] = (float)range[0], kept[1] = (float)range[1];
    return true;
}

bool output_run(Machine *m, int index, OutputPlace *place, Fault *f) {
    OutputUse *use = &m->t->output[index];
    place->made[0] = 0;
    OutValue *value = calloc((size_t)use->unit.nresult + 1, sizeof *value);
    if (!value) return fault_memory(f);
    bool done = values_make(m, use, value, f) && hand_over(m, use, value, place, f);
    for (int i = 0; i < use->unit.nresult; i++) free((void *)value[i].data);
    free(value);
    return done;
}
