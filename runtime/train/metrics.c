/* Metrics: an exact mean over a source, a value of what was collected, or a plain value. */
#include "train/evaluate.h"

#include <inttypes.h>
#include <string.h>

static const Tensor *result_type(const Unit *u, int i) { return &u->program->result[i].at.type; }

/* One value a sample of each batch of `over`, averaged in double: every sample counts once. */
static bool mean_over(Machine *m, Metric *metric, double *value, Fault *f) {
    double sum = 0;
    int64_t n = 0;
    for (int64_t k = 0;; k++) {
        int64_t rows;
        if (!feed_through(m, &metric->unit, metric->over, k, &rows, f)) return false;
        if (!rows) break;
        if (metric->tick_slot >= 0) set_int(m, metric->tick_slot, k);
        if (!unit_run(m, &metric->unit, f)) return false;
        const Tensor *type = result_type(&metric->unit, 0);
        const void *data = exec_result(m->exec, metric->unit.program, 0);
        int64_t all = shape_count(&type->shape), each = type->shape.rank ? all / type->shape.dim[0] : 1;
        if (!type->shape.rank) rows = 1;
        for (int64_t i = 0; i < rows * each; i++) sum += number_get(data, type->dtype, i);
        n += rows * each;
    }
    *value = sum / (double)n;
    return true;
}

static bool collect(Machine *m, Metric *metric, Fault *f) {
    for (int64_t k = 0, filled = 0; filled < metric->count; k++) {
        int64_t rows;
        if (!feed_each(m, &metric->unit, k, &rows, f)) return false;
        if (!rows)
            return fault(f, CODE_FAILED, "metric '%s': wants %" PRId64 " rows, its data have %" PRId64,
                         metric->name, metric->count, filled);
        if (metric->tick_slot >= 0) set_int(m, metric->tick_slot, k);
        if (!unit_run(m, &metric->unit, f)) return false;
        for (int i = 0; i < metric->ncollect; i++) {
            const Tensor *type = result_type(&metric->unit, i);
            if (rows < 0 || rows > type->shape.dim[0]) rows = type->shape.dim[0];
        }
        if (rows > metric->count - filled) rows = metric->count - filled;
        for (int i = 0; i < metric->ncollect; i++) {
            const Tensor *type = result_type(&metric->unit, i);
            size_t row = (size_t)(shape_count(&type->shape) / type->shape.dim[0]) * dtype_size(type->dtype);
            memcpy((char *)m->store->data[metric->collect_slot[i]] + (size_t)filled * row,
                   exec_result(m->exec, metric->unit.program, i), (size_t)rows * row);
        }
        filled += rows;
    }
    return true;
}

bool metric_run(Machine *m, int index, double *value, Fault *f) {
    Metric *metric = &m->t->metric[index];
    bool done;
    if (metric->count) {
        done = collect(m, metric, f) && feed_first(m, metric->value, f) &&
               unit_number(m, metric->value, value, f);
    } else if (metric->over >= 0) {
        done = mean_over(m, metric, value, f);
    } else {
        if (metric->tick_slot >= 0) set_int(m, metric->tick_slot, 0);
        done = feed_first(m, &metric->unit, f) && unit_number(m, &metric->unit, value, f);
    }
    if (done && metric->value_slot >= 0) store_set(m->store, metric->value_slot, *value);
    return done;
}
