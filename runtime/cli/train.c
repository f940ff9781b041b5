/* `graphrun train SPEC`: a new run, or one that goes on. Everything is checked before a folder is made. */
#include "cli/cli.h"

#include "kern/kern.h"
#include "train/runfolder.h"
#include "train/signals.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    const Options *o;
    const char *spec; /* as given; of a resumed run: its resolved.yaml */
    char spec_path[600];
    char resume[512];      /* the run folder to go on in; "" for a new run */
    char checkpoint[1024]; /* "" where there is none yet */
    CheckpointInfo info;
    Spec s;
    Machine *machine;
    RunFolder folder;
    Progress *progress;
    TrainReport report;
} Job;

static bool exists(const char *path) {
    struct stat st;
    return !stat(path, &st);
}

/* ---- what to go on from ---- */

static void look_for_checkpoint(Job *j) {
    char checkpoints[600];
    snprintf(checkpoints, sizeof checkpoints, "%s/checkpoints", j->resume);
    if (!checkpoint_newest(checkpoints, j->checkpoint, sizeof j->checkpoint)) j->checkpoint[0] = 0;
}

/* `auto`: the --out folder, else the newest unfinished run of this spec; "" where there is none. */
static void resume_auto(Job *j) {
    char name[256];
    const char *base = strrchr(j->spec, '/');
    snprintf(name, sizeof name, "%.*s", (int)strcspn(base ? base + 1 : j->spec, "."),
             base ? base + 1 : j->spec);
    if (j->o->out)
        snprintf(j->resume, sizeof j->resume, "%s", exists(j->o->out) ? j->o->out : "");
    else if (!runfolder_unfinished(name, j->resume, sizeof j->resume))
        j->resume[0] = 0;
}

static bool resume_find(Job *j, Fault *f) {
    const Options *o = j->o;
    if (!o->resume) return true;
    if (!strcmp(o->resume, "auto")) {
        if (!j->spec) return fault(f, CODE_USAGE, "train: --resume auto wants the spec too");
        resume_auto(j);
        if (j->resume[0]) look_for_checkpoint(j);
        return true;
    }
    if (o->out && strcmp(o->out, o->resume))
        return fault(f, CODE_USAGE, "train: --resume goes on in its own folder; leave out --out");
    snprintf(j->resume, sizeof j->resume, "%s", o->resume);
    look_for_checkpoint(j);
    if (!exists(o->resume)) return fault(f, CODE_DATA, "%s: there is no such run folder", o->resume);
    if (!j->checkpoint[0]) return fault(f, CODE_DATA, "%s: has no checkpoint to go on from", o->resume);
    return true;
}

static bool choose_spec(Job *j, Fault *f) {
    if (j->spec) return true;
    if (!j->resume[0]) return fault(f, CODE_USAGE, "train: wants SPEC; see 'graphrun train --help'");
    snprintf(j->spec_path, sizeof j->spec_path, "%s/resolved.yaml", j->resume);
    j->spec = j->spec_path;
    return true;
}

/* The lines in which two texts differ, their common beginning and end left out. */
static void show_change(const char *was, const char *is) {
    enum { MOST = 6 };
    size_t same = 0, line = 0, n = strlen(was), m = strlen(is), end = 0;
    for (; was[same] && was[same] == is[same]; same++)
        if (was[same] == '\n') line = same + 1;
    while (end < n - line && end < m - line && was[n - 1 - end] == is[m - 1 - end]) end++;
    const char *from[] = {was + line, is + line}, *to[] = {was + n - end, is + m - end},
               *word[] = {"was", "is "};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < MOST && (from[i] < to[i] || !k); k++) {
            size_t length = strcspn(from[i], "\n");
            fprintf(stderr, "  %s: %.*s\n", word[i], (int)length, from[i]);
            from[i] += length + (from[i][length] == '\n');
        }
}

static char *read_text(const char *path) {
    FILE *f = fopen(path, "re");
    char *text = NULL;
    size_t size = 0;
    if (!f) return NULL;
    if (getdelim(&text, &size, 0, f) < 0) text = NULL;
    fclose(f);
    return text;
}

static bool same_graph(Job *j, Fault *f) {
    if (!j->checkpoint[0]) return true;
    if (!checkpoint_info(j->checkpoint, &j->info, f)) return false;
    if (j->o->seed_given && (uint64_t)j->o->seed != j->info.seed)
        return fault(f, CODE_USAGE, "--seed: this run has seed %" PRIu64 "; a run cannot change it",
                     j->info.seed);
    if (j->info.hash == j->s.t->hash || j->o->allow_change) return true;
    char path[600];
    snprintf(path, sizeof path, "%s/resolved.yaml", j->resume);
    char *was = read_text(path);
    complain("%s: the spec's turns are not those of this run", j->resume);
    if (was && strcmp(was, j->s.t->resolved)) show_change(was, j->s.t->resolved);
    else complain("%s is another spec's, or another build's", j->checkpoint);
    free(was);
    return fault(f, CODE_DATA, "--allow-change takes from its checkpoint what fits");
}

/* Other data give another order of samples: the run would go on, but not as one that was never stopped. */
static bool same_data(Job *j, Fault *f) {
    bool same = true;
    for (int i = 0; j->checkpoint[0] && i < j->s.t->nsource; i++) {
        const SourceUse *u = &j->s.t->source[i];
        char key[300], was[IDENTITY_SIZE], is[IDENTITY_SIZE];
        if (!u->used) continue;
        snprintf(key, sizeof key, "samples.%s", u->name);
        runfolder_fact(j->resume, key, was, sizeof was);
        source_identity(u->source, is, sizeof is);
        if (!*was || !strcmp(was, is)) continue;
        complain("%s: the data '%s' are not those of this run: they were %s; they are %s", j->resume, u->name, was, is);
        same = false;
    }
    return same || j->o->allow_change ||
           fault(f, CODE_DATA, "their batches would be others than in a run that was not stopped; --allow-change goes on with them");
}

/* ---- the machine and the folder ---- */

static bool make_machine(Job *j, Fault *f) {
    Options mine = *j->o;
    if (j->checkpoint[0]) {
        if (!mine.seed_given) mine.seed = (int64_t)j->info.seed;
        if (!mine.threads) mine.threads = j->info.threads;
        if (mine.threads != j->info.threads && j->s.t->precision != FP64)
            say(j->o, "note: this run had %d threads; with %lld its last bits may differ", j->info.threads,
                (long long)mine.threads);
    }
    j->machine = spec_machine(&j->s, &mine, true, f);
    return j->machine != NULL;
}

static RunFacts facts(const Job *j, const char *status) {
    return (RunFacts){.version = program_version(),
                      .revision = program_revision(),
                      .isa = isa_name(),
                      .libraries = kern_libraries(),
                      .status = status,
                      .spec = j->spec,
                      .training = j->s.t,
                      .threads = j->machine->options.threads,
                      .argc = program_argc,
                      .argv = program_argv,
                      .seed = j->machine->options.seed,
                      .hash = j->s.t->hash,
                      .step = j->report.step};
}

static bool make_folder(Job *j, Fault *f) {
    const Options *o = j->o;
    if (j->checkpoint[0]) {
        if (!runfolder_open(&j->folder, j->resume, f)) return false;
    } else {
        const char *out = j->resume[0] ? j->resume : o->out; /* a run that died before its first checkpoint */
        if (!runfolder_make(&j->folder, out, j->s.t->name, o->force || j->resume[0], f)) return false;
    }
    return (j->spec == j->spec_path || runfolder_text(&j->folder, "spec.yaml", j->s.t->given, f)) &&
           runfolder_text(&j->folder, "resolved.yaml", j->s.t->resolved, f);
}

/* ---- the run ---- */

static const char *status_of(Ended how, int code) {
    if (how == ENDED_DONE) return "finished";
    if (how != ENDED_FAULT) return "stopped";
    return code == CODE_DIVERGED ? "diverged" : "failed";
}

static void tell_end(const Job *j) {
    const Options *o = j->o;
    const TrainReport *r = &j->report;
    const char *path = j->folder.path;
    if (r->how == ENDED_SIGNAL && o->steps_given)
        say(o, "stopped after step %" PRId64 "; go on with: graphrun train --resume %s --steps %" PRId64, r->step, path, o->steps);
    else if (r->how == ENDED_SIGNAL)
        say(o, "stopped after step %" PRId64 "; go on with: graphrun train --resume %s", r->step, path);
    else if (r->how == ENDED_LIMIT)
        say(o,
            "stopped at step %" PRId64
            ", as asked; see %s/samples and %s/plots; go on with: graphrun train %s --resume %s",
            r->step, path, path, j->spec, path);
    else if (r->how == ENDED_DONE)
        say(o, "done, %" PRId64 " steps; see %s/samples and %s/plots; next: graphrun sample %s OUTPUT",
            r->step, path, path, path);
    else if (r->checkpoint[0])
        say(o, "the last good checkpoint is %s", r->checkpoint);
}

static void print_json(const Job *j, const char *status) {
    const TrainReport *r = &j->report;
    json_t *seconds = json_object();
    for (int i = 0; i < TIMES; i++) json_object_set_new(seconds, time_names[i], json_real(r->seconds[i]));
    json_t *o = json_pack("{s:s, s:s, s:I, s:s, s:o}", "run", j->folder.path, "status", status, "step",
                          (json_int_t)r->step, "checkpoint", r->checkpoint, "seconds", seconds);
    json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(o);
}

/* "41.3 s: turns 97.2 %, data 0.1 %, ..." */
static void tell_times(const Job *j) {
    char text[300] = "";
    double all = 0;
    for (int i = 0; i < TIMES; i++) all += j->report.seconds[i];
    for (int i = 0; all > 0 && i < TIMES; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s %.1f %%", i ? ", " : "", time_names[i],
                 100 * j->report.seconds[i] / all);
    if (all > 0) progress_detail(j->progress, "%.1f s: %s", all, text);
}

static bool train_in(Job *j, Fault *f) {
    RunFacts begun = facts(j, "running");
    if (!runfolder_facts(&j->folder, &begun, f)) return false;
    const Options *o = j->o;
    if (!o->json) printf("%s\n", j->folder.path), fflush(stdout);
    TrainOptions t = {.folder = j->folder.path,
                      .version = program_version(),
                      .resume = j->checkpoint[0] ? j->checkpoint : NULL,
                      .loose = o->allow_change,
                      .limited = o->steps_given,
                      .steps = o->steps,
                      .seconds = o->seconds,
                      .watch = o->watch,
                      .progress = j->progress};
    if (t.resume) progress_say(j->progress, "going on from %s", t.resume);
    train(j->machine, &t, &j->report, f);
    tell_times(j);
    progress_free(j->progress);
    j->progress = NULL;
    Fault unheard = {0};
    const char *status = status_of(j->report.how, f->code);
    RunFacts ended = facts(j, status);
    if (!runfolder_facts(&j->folder, &ended, &unheard) && !f->code) *f = unheard;
    tell_end(j);
    if (o->json) print_json(j, status);
    return f->code == CODE_DONE;
}

/* Which files are read, since a path may lead here today and there tomorrow. */
static void tell_data(const Job *j) {
    for (int i = 0; i < j->s.t->nsource; i++) {
        const SourceUse *u = &j->s.t->source[i];
        char key[300], was[600] = "";
        if (!u->used || !u->source->path) continue;
        progress_say(j->progress, "%s: %" PRId64 " samples of %s", u->name, u->source->count, u->source->path);
        snprintf(key, sizeof key, "data.%s", u->name);
        if (j->checkpoint[0]) runfolder_fact(j->resume, key, was, sizeof was);
        if (*was && strcmp(was, u->source->path)) say(j->o, "note: until now this run read '%s' from %s", u->name, was);
    }
}

static bool ready(Job *j, Fault *f) {
    if (!make_machine(j, f)) return false;
    progress_detail(j->progress, "%d threads, seed %" PRIu64 ", workspace %.1f MB, store %.1f MB",
                    j->machine->options.threads, j->machine->options.seed,
                    (double)exec_workspace(j->machine->exec) / 1e6, (double)j->machine->store->bytes / 1e6);
    tell_data(j);
    return make_folder(j, f);
}

static int run(const Options *o, int n, char **operand) {
    Job j = {.o = o, .spec = n ? operand[0] : NULL, .folder = {.lock = -1}};
    Fault f = {0};
    signals_install();
    j.progress = progress_new(stderr, isatty(STDERR_FILENO),
                              o->quiet     ? PROGRESS_QUIET
                              : o->verbose ? PROGRESS_VERBOSE
                                           : PROGRESS_USUAL);
    bool going = resume_find(&j, &f) && choose_spec(&j, &f);
    int code = f.code;
    if (going) {
        progress_say(j.progress, "graphrun %s: %s", program_version(), j.spec);
        if (o->resume && !j.resume[0])
            say(o, "--resume auto: %s; a new run begins", o->out ? "its folder is not there" : "there is no unfinished run of this spec in runs/");
        code = spec_open(&j.s, j.spec, o);
        going = !code && same_graph(&j, &f) && same_data(&j, &f) && ready(&j, &f) && train_in(&j, &f);
    }
    progress_free(j.progress);
    if (f.code && j.s.t)
        code = spec_fault(&j.s, &f);
    else if (f.code)
        complain("%s", f.text), code = f.code;
    runfolder_close(&j.folder);
    machine_free(j.machine);
    spec_close(&j.s);
    if (going && j.report.how == ENDED_SIGNAL) {
        fflush(NULL);
        signals_die(j.report.signal);
    }
    return code;
}

static const char *const examples[] = {
    "graphrun models/wgan_poly.yaml",
    "graphrun train models/ring8.yaml --set vars.batch=64 --steps 500 --seed 3",
    "graphrun train models/ring8.yaml --resume auto", NULL};
static const Option options[] = {
    {"out", 'o', O_TEXT, OPT(out), "DIR", "the run folder; runs/NAME-DATE-TIME where left out"},
    {"force", 0, O_FLAG, OPT(force), NULL, "overwrite the run that is in DIR"},
    OPTIONS_SPEC,
    OPTION_PRECISION,
    OPTION_SEED,
    {"steps", 0, O_STEPS, OPT(steps), "N", "stop after N steps in total, resumed ones included; 0: the initial values only"},
    {"time", 0, O_SECONDS, OPT(seconds), "30m", "stop after so long, at a turn's end, with a checkpoint"},
    OPTION_THREADS,
    {"resume", 0, O_TEXT, OPT(resume), "RUN|auto",
     "go on with a run exactly; auto: the --out folder, else the newest unfinished one"},
    {"allow-change", 0, O_FLAG, OPT(allow_change), NULL,
     "resume although the spec's turns or its data differ; takes what fits"},
    {"watch", 0, O_FLAG, OPT(watch), NULL,
     "stop at the first node that makes a NaN or infinity, and name it (slower)"},
    {"json", 0, O_FLAG, OPT(json), NULL, "at the end, the run's folder, status, step, checkpoint and where its time went, as JSON"},
    OPTION_QUIET("no progress, no messages but errors"),
    {"verbose", 'v', O_FLAG, OPT(verbose), NULL, "also names each file that is written"},
    OPTIONS_END};
const Verb verb_train = {
    "train", "SPEC", "trains what the spec says; prints the run folder's path", examples, options, 0, 1, run};
