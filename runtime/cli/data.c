/* `graphrun data SPEC`: what the sources of a spec hold, read once through, as metrics and outputs see it. */
#include "cli/cli.h"

#include <math.h>
#include <stdlib.h>

typedef struct { double least, most, sum, n; } Range;

static double element(DType t, const void *data, int64_t i) {
    return t == F32 ? (double)((const float *)data)[i] : t == I32 ? ((const int32_t *)data)[i] : ((const uint8_t *)data)[i];
}

static void widen(Range *r, DType t, const void *data, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        double x = element(t, data, i);
        r->least = fmin(r->least, x);
        r->most = fmax(r->most, x);
        r->sum += x;
    }
    r->n += (double)n;
}

static bool add_source(const Machine *m, int source, Table *table, Fault *f) {
    const SourceUse *use = &m->t->source[source];
    const Feed *feed = &m->feed[source];
    Range range[DATA_FIELDS];
    for (int k = 0; k < DATA_FIELDS; k++) range[k] = (Range){INFINITY, -INFINITY, 0, 0};
    for (int64_t b = 0; b < source_batches(&feed->through); b++) {
        int64_t rows = batches_make(feed->batches, &feed->through, MODE_EVAL, b, feed->out, f);
        if (rows < 0) return false;
        for (int k = 0; k < use->source->nfield; k++) {
            if (!feed->out[k]) continue;
            const Tensor *type = &m->t->slots->all.at[use->field_slot[k]].type;
            widen(&range[k], type->dtype, feed->out[k], rows * (shape_count(&type->shape) / type->shape.dim[0]));
        }
    }
    for (int k = 0; k < use->source->nfield; k++) {
        if (!feed->out[k]) continue;
        const Tensor *type = &m->t->slots->all.at[use->field_slot[k]].type;
        table_add(table, "%s.%s\t%lld of %lld\t%s\t%s\t%.6g\t%.6g\t%.6g", use->name, use->source->field[k].name,
                  (long long)use->source->common.batch, (long long)use->source->count, dtype_name(type->dtype),
                  shape_show(&type->shape, m->t->arena), range[k].least, range[k].sum / range[k].n, range[k].most);
    }
    return true;
}

static int run(const Options *o, int n, char **operand) {
    (void)n;
    Spec s;
    Fault f = {0};
    int code = spec_open(&s, operand[0], o);
    if (code) return code;
    Machine *m = spec_machine(&s, o, false, &f);
    if (m) {
        Table *table = table_new(7, "lrllrrr");
        table_add(table, "field\tbatch of samples\ttype\tshape\tleast\tmean\tmost");
        bool ok = true;
        for (int i = 0; ok && i < m->t->nsource; i++)
            if (m->t->source[i].used) ok = add_source(m, i, table, &f);
        if (ok) table_print(table, stdout, "");
        else code = spec_fault(&s, &f);
        table_free(table);
    } else code = spec_fault(&s, &f);
    machine_free(m);
    spec_close(&s);
    return code;
}

static const char *const examples[] = {"graphrun data models/ring8.yaml", "graphrun data SPEC --set data.digits.batch=10", NULL};
static const Option options[] = {
    {"quiet", 'q', O_FLAG, OPT(quiet), NULL, "no warnings"}, OPTIONS_SPEC, OPTION_SEED, OPTION_THREADS, OPTIONS_END};
const Verb verb_data = {"data", "SPEC", "the fields that a spec reads: samples, shapes, ranges", examples, options, 1, 1, run};
