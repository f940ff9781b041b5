/* `graphrun sample RUN OUTPUT`: one of the spec's outputs, or any expression, from a run's newest checkpoint. */
#include "cli/cli.h"

#include <string.h>
#include <sys/stat.h>

static int output_named_in(const Training *t, const char *name) {
    for (int i = 0; i < t->noutput; i++)
        if (!strcmp(t->output[i].name, name)) return i;
    return -1;
}

static int unknown_output(const Training *t, const char *name) {
    Nearest nearest = nearest_to(name);
    for (int i = 0; i < t->noutput; i++) nearest_add(&nearest, t->output[i].name);
    complain("no output is named '%s'%s", name, nearest_hint(t->arena, &nearest));
    for (int i = 0; i < t->noutput; i++) fprintf(stderr, "  %s\n", t->output[i].name);
    return CODE_USAGE;
}

static bool write_one(Run *r, const char *folder, int output, const Options *o, Fault *f) {
    char samples[900], plots[900];
    snprintf(samples, sizeof samples, o->out ? "%s" : "%s/samples", o->out ? o->out : folder);
    snprintf(plots, sizeof plots, o->out ? "%s" : "%s/plots", o->out ? o->out : folder);
    mkdir(samples, 0777);
    mkdir(plots, 0777);
    Log *log = log_of(r->machine);
    if (!log) return fault_memory(f);
    OutputPlace place = {.samples = samples, .plots = plots, .log = log, .step = r->info.step};
    int64_t lines = get_int(r->machine, r->machine->own.log_lines);
    OutputJob *job = log_load(log, folder, lines, f) ? output_job(r->machine, output, &place, f) : NULL;
    if (job) job->done = job->kind->write(job, job->options);
    bool done = job && output_done(job, f);
    if (done) puts(job->made);
    job_free(job);
    log_free(log);
    return done;
}

static int run(const Options *o, int n, char **operand) {
    if ((n == 2) == (o->expression != NULL)) {
        complain("sample: wants the name of an output, or -e EXPRESSION");
        return CODE_USAGE;
    }
    Run r;
    Fault f = {0};
    int code = run_open(&r, operand[0], o);
    if (code) return code;
    const char *name = n == 2 ? operand[1] : "expression";
    int output = output_named_in(r.spec.t, name);
    if (output < 0)
        code = unknown_output(r.spec.t, name);
    else if (!write_one(&r, operand[0], output, o, &f))
        code = spec_fault(&r.spec, &f);
    run_close(&r);
    return code;
}

static const char *const examples[] = {
    "graphrun sample runs/wgan_poly-20270131-094205 samples",
    "graphrun sample RUN -e 'generator(normal(64, latent))' -o /tmp",
    "graphrun sample RUN -e 'generator(normal(1000, latent))' --kind scatter", NULL};
static const Option options[] = {
    {"expression", 'e', O_TEXT, OPT(expression), "EXPR",
     "an expression of the spec's language instead of an output"},
    {"kind", 0, O_TEXT, OPT(kind), "KIND",
     "what to make of it: grid, scatter, ...; chosen by its shape where left out"},
    {"out", 'o', O_TEXT, OPT(out), "DIR", "where the files go; the run's own folders where left out"},
    {"checkpoint", 0, O_TEXT, OPT(checkpoint), "FILE", "this one instead of the newest"},
    OPTION_QUIET("no messages"),
    OPTION_SEED,
    OPTION_THREADS,
    OPTIONS_END};
const Verb verb_sample = {"sample",
                          "RUN [OUTPUT]",
                          "runs one output, or any expression, from a run's newest checkpoint",
                          examples,
                          options,
                          1,
                          2,
                          run};
