/* `graphrun eval RUN`: the spec's metrics, from a run's newest checkpoint. */
#include "cli/cli.h"

#include <jansson.h>
#include <math.h>

static bool evaluate(Run *r, const Options *o, Fault *f) {
    const Training *t = r->spec.t;
    Table *table = table_new(2, "lr");
    json_t *all = json_object();
    bool done = true;
    for (int i = 0; done && i < t->nmetric; i++) {
        double value;
        done = metric_run(r->machine, i, &value, f);
        if (!done) break;
        table_add(table, "%s\t%.6g", t->metric[i].name, value);
        json_object_set_new(all, t->metric[i].name, isfinite(value) ? json_real(value) : json_null());
    }
    if (done && o->json) {
        json_t *out = json_pack("{s:s, s:I, s:o}", "checkpoint", r->checkpoint, "step",
                                (json_int_t)r->info.step, "metrics", json_incref(all));
        json_dumpf(out, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(dtype_digits(r->machine->store->floats)));
        putchar('\n');
        json_decref(out);
    } else if (done) {
        table_print(table, stdout, "");
    }
    json_decref(all);
    table_free(table);
    return done;
}

static int run(const Options *o, int n, char **operand) {
    (void)n;
    Run r;
    Fault f = {0};
    int code = run_open(&r, operand[0], o);
    if (code) return code;
    if (!r.spec.t->nmetric)
        say(o, "%s: the spec has no metrics", operand[0]);
    else
        say(o, "from %s", r.checkpoint);
    if (!evaluate(&r, o, &f)) code = spec_fault(&r.spec, &f);
    run_close(&r);
    return code;
}

static const char *const examples[] = {"graphrun eval runs/ring8-20270131-094205", "graphrun eval --json RUN",
                                       NULL};
static const Option options[] = {
    {"checkpoint", 0, O_TEXT, OPT(checkpoint), "FILE", "this one instead of the newest"},
    OPTION_QUIET("no messages"),
    OPTION_JSON,
    OPTION_SEED,
    OPTION_THREADS,
    OPTIONS_END};
const Verb verb_eval = {
    "eval", "RUN", "the spec's metrics, from a run's newest checkpoint", examples, options, 1, 1, run};
