/* Outputs: runs an output's unit and hands tensors, series and names to its kind. */
#include "train/evaluate.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    OutValue *value;
    void **stacked; /* by result: our own memory, where results were stacked */
    double *modes;
} Values;

static void values_free(Values *v, int n) {
    for (int i = 0; v->stacked && i < n; i++) free(v->stacked[i]);
    free(v->stacked);
    free(v->value);
    free(v->modes);
}

static size_t row_bytes(const Tensor *t) {
    return (size_t)(shape_count(&t->shape) / t->shape.dim[0]) * dtype_size(t->dtype);
}

static bool take(Machine *m, const Unit *u, Values *v) {
    for (int i = 0; i < u->nresult; i++)
        v->value[i] = (OutValue){u->program->result[i].at.type, exec_result(m->exec, u->program, i)};
    return true;
}

/* Runs u on every batch of `over`; what has the batch as axis 0 is stacked, the rest is taken as it is. */
static bool stack(Machine *m, OutputUse *use, Values *v, Fault *f) {
    Unit *u = &use->unit;
    const DataSource *s = &m->feed[use->over].through;
    for (int64_t k = 0, filled = 0, rows;; k++, filled += rows) {
        if (!feed_through(m, u, use->over, k, &rows, f)) return false;
        if (!rows) return true;
        if (!unit_run(m, u, f)) return false;
        for (int i = 0; i < u->nresult; i++) {
            Tensor type = u->program->result[i].at.type;
            bool batched = i != use->modes && type.shape.rank && type.shape.dim[0] == s->common.batch;
            size_t row = type.shape.rank ? row_bytes(&type) : dtype_size(type.dtype);
            size_t want = (size_t)(batched ? s->count : type.shape.rank ? type.shape.dim[0] : 1);
            if (!v->stacked[i] && !(v->stacked[i] = malloc(want * row + 1))) return fault_memory(f);
            memcpy((char *)v->stacked[i] + (batched ? (size_t)filled * row : 0),
                   exec_result(m->exec, u->program, i), (batched ? (size_t)rows : want) * row);
            if (batched) type.shape.dim[0] = filled + rows;
            v->value[i] = (OutValue){type, v->stacked[i]};
        }
    }
}

static bool take_modes(const OutputUse *use, Values *v, int64_t *n, Fault *f) {
    if (use->modes < 0) return true;
    const OutValue *from = &v->value[use->modes];
    *n = from->type.shape.dim[0];
    v->modes = malloc((size_t)(2 * *n + 1) * sizeof *v->modes);
    if (!v->modes) return fault_memory(f);
    for (int64_t i = 0; i < 2 * *n; i++) v->modes[i] = ((const float *)from->data)[i];
    return true;
}

static bool values_make(Machine *m, OutputUse *use, Values *v, int64_t *nmodes, Fault *f) {
    Unit *u = &use->unit;
    v->value = calloc((size_t)u->nresult + 1, sizeof *v->value);
    v->stacked = calloc((size_t)u->nresult + 1, sizeof *v->stacked);
    if (!v->value || !v->stacked) return fault_memory(f);
    if (!u->graph) return true;
    bool done =
        use->over >= 0 ? stack(m, use, v, f) : feed_first(m, u, f) && unit_run(m, u, f) && take(m, u, v);
    return done && take_modes(use, v, nmodes, f);
}

static bool hand_over(Machine *m, const OutputUse *use, const Values *v, int64_t nmodes, OutputPlace *place,
                      Fault *f) {
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
                     .value = v->value,
                     .range = range,
                     .modes = v->modes,
                     .nmodes = nmodes,
                     .made = place->made,
                     .path_size = sizeof place->made,
                     .why = why,
                     .why_size = sizeof why};
    if (place->log) job.series = log_series(place->log, &job.nseries);
    if (!use->kind->write(&job, use->options)) return fault(f, CODE_WRITE, "output '%s': %s", use->name, why);
    if (kept) kept[0] = (float)range[0], kept[1] = (float)range[1];
    return true;
}

bool output_run(Machine *m, int index, OutputPlace *place, Fault *f) {
    OutputUse *use = &m->t->output[index];
    place->made[0] = 0;
    Values v = {0};
    int64_t nmodes = 0;
    bool done = values_make(m, use, &v, &nmodes, f) && hand_over(m, use, &v, nmodes, place, f);
    values_free(&v, use->unit.nresult);
    return done;
}
