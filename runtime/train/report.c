/* What a step, a stage and the run leave behind: metrics, log lines, outputs, animations, progress. */
#include "train/parts.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool every_due(const Trainer *tr, Every every) {
    int64_t step = get_int(tr->m, tr->m->t->total_step_slot);
    switch (every.kind) {
    case EVERY_STEPS: return every.n > 0 && step % every.n == 0;
    case EVERY_EPOCHS:
        return every.n > 0 && floor((epoch_now(tr) + 1e-9) / (double)every.n) >
                                  floor((epoch_before(tr) + 1e-9) / (double)every.n);
    case EVERY_NEVER:
    case EVERY_END: break;
    }
    return false;
}

static bool in_stage(const Trainer *tr, int stage) {
    return stage < 0 || stage == get_int(tr->m, tr->m->t->stage_slot);
}

/* ---- the log's names ---- */

static char *metric_name(const Machine *m, int i) {
    return arena_printf(m->t->arena, "metrics.%s", m->t->metric[i].name);
}

Log *log_of(const Machine *m) {
    int n = 0, most = m->t->nmetric;
    for (int i = 0; i < m->nturn; i++) most += m->turn[i]->unit.nresult;
    const char **name = ARENA_ARRAY(m->t->arena, const char *, most + 1);
    for (int i = 0; i < m->nturn; i++)
        for (int k = 0; k < m->turn[i]->unit.nresult; k++) {
            if (m->own.logged[i][k] < 0) continue;
            const char *one = m->turn[i]->unit.result_name[k];
            int at = 0;
            while (at < n && strcmp(name[at], one)) at++;
            if (at == n) name[n++] = one;
        }
    for (int i = 0; i < m->t->nmetric; i++) name[n++] = metric_name(m, i);
    return log_new(n, name, dtype_digits(m->store->floats));
}

/* ---- a step ---- */

static void log_turns(Trainer *tr) {
    const Machine *m = tr->m;
    for (int i = 0; i < m->nturn; i++)
        for (int k = 0; get_int(m, m->own.played[i]) && k < m->turn[i]->unit.nresult; k++)
            if (m->own.logged[i][k] >= 0)
                log_value(tr->log, m->turn[i]->unit.result_name[k],
                          store_number(m->store, m->own.logged[i][k]));
}

static void line_begin(Trainer *tr) {
    const Training *t = tr->m->t;
    log_begin(tr->log, get_int(tr->m, t->total_step_slot), epoch_now(tr),
              t->nstage > 1 ? stage_now(tr)->name : NULL);
}

static bool line_end(Trainer *tr) {
    set_int(tr->m, tr->m->own.log_lines, get_int(tr->m, tr->m->own.log_lines) + 1);
    return log_end(tr->log, tr->fault);
}

static bool metric_log(Trainer *tr, int i, bool log) {
    double value;
    TimeOf before = clock_to(&tr->m->clock, TIME_METRICS);
    bool known = metric_run(tr->m, i, &value, tr->fault);
    clock_to(&tr->m->clock, before);
    if (!known) return false;
    if (log) log_value(tr->log, metric_name(tr->m, i), value);
    return true;
}

static double share_done(const Trainer *tr) {
    const Training *t = tr->m->t;
    int64_t total = 0, step = get_int(tr->m, t->total_step_slot);
    for (int s = 0; s < t->nstage; s++) {
        if (!t->stage[s].steps && t->nstage == 1) return epoch_now(tr) / t->stage[s].epochs;
        if (!t->stage[s].steps) return -1;
        total += t->stage[s].steps;
    }
    if (tr->options->steps > 0 && tr->options->steps < total) total = tr->options->steps;
    return total ? (double)step / (double)total : -1;
}

static void show_progress(Trainer *tr) {
    enum { MOST = 8 };
    const Machine *m = tr->m;
    if (!progress_due(tr->options->progress)) return;
    Shown shown[MOST];
    int n = 0;
    for (int i = 0; i < m->nturn; i++)
        for (int k = 0; k < m->turn[i]->unit.nresult; k++)
            if (n < MOST && m->own.logged[i][k] >= 0 && get_int(m, m->own.played[i]))
                shown[n++] =
                    (Shown){m->turn[i]->unit.result_name[k], store_number(m->store, m->own.logged[i][k])};
    progress_step(tr->options->progress, get_int(m, m->t->total_step_slot), share_done(tr), n, shown);
}

bool step_report(Trainer *tr) {
    Machine *m = tr->m;
    if (!tr->replaying) line_begin(tr), log_turns(tr);
    for (int i = 0; i < m->t->nmetric; i++)
        if (in_stage(tr, m->t->metric[i].stage) && every_due(tr, m->t->metric[i].every) &&
            !metric_log(tr, i, !tr->replaying))
            return false;
    if (tr->replaying) return true;
    double now = seconds_now();
    if (!line_end(tr) ||
        !log_seconds(tr->log, get_int(m, m->t->total_step_slot), now - tr->step_started, tr->fault))
        return false;
    tr->step_started = now;
    show_progress(tr);
    return true;
}

/* ---- outputs ---- */

typedef struct {
    Task task;
    OutputJob *job;
    bool frame;                                       /* it may be one of an animation */
} OutputTask;

static bool make(Task *t) {
    OutputJob *job = ((OutputTask *)t)->job;
    return job->done = job->kind->write(job, job->options);
}

static bool taken(Task *t, void *ctx) {
    Trainer *tr = ctx;
    OutputJob *job = ((OutputTask *)t)->job;
    tr->frames -= ((OutputTask *)t)->frame;
    bool done = t->end == TASK_LEFT || output_done(job, tr->fault);
    if (job->done) progress_detail(tr->options->progress, "%s", job->made);
    job_free(job);
    free(t);
    return done;
}

static bool write_output(Trainer *tr, int i, bool at_end) {
    OutputPlace place = {.samples = tr->samples,
                         .plots = tr->plots,
                         .log = tr->log,
                         .at_end = at_end,
                         .step = get_int(tr->m, tr->m->t->total_step_slot)};
    TimeOf before = clock_to(&tr->m->clock, TIME_OUTPUTS);
    OutputJob *job = output_job(tr->m, i, &place, tr->fault);
    clock_to(&tr->m->clock, before);
    if (!job) return false;
    if (job->moved)
        progress_detail(tr->options->progress, "%s: range [%.6g, %.6g]", job->name, job->range[0], job->range[1]);
    OutputTask *t = malloc(sizeof *t);
    if (!t) return job_free(job), fault_memory(tr->fault);
    *t = (OutputTask){{.make = make, .taken = taken}, job, !at_end};
    tr->frames += t->frame;
    return files_give(tr, &t->task);
}

static bool output_wanted(Trainer *tr, const OutputUse *use, bool *wanted) {
    double yes = 1;
    TimeOf before = clock_to(&tr->m->clock, TIME_METRICS);
    bool known = !use->when || (feed_first(tr->m, use->when, tr->fault) && unit_number(tr->m, use->when, &yes, tr->fault));
    clock_to(&tr->m->clock, before);
    *wanted = yes != 0;
    return known;
}

bool step_outputs(Trainer *tr) {
    const Training *t = tr->m->t;
    for (int i = 0; i < t->noutput; i++) {
        OutputUse *use = &t->output[i];
        bool wanted;
        if (!in_stage(tr, use->stage) || !every_due(tr, use->every) || still_drawn(tr, i)) continue;
        if (!output_wanted(tr, use, &wanted) || (wanted && !write_output(tr, i, false))) return false;
        if (wanted) still_note(tr, i);
    }
    return true;
}

/* Whether something that says `stage` and `every` is due when the stage at hand ends. */
static bool due_at_end(const Trainer *tr, int stage, Every every, bool last) {
    if (every.kind != EVERY_END && every.kind != EVERY_NEVER) return false;
    return stage < 0 ? last : in_stage(tr, stage);
}

/* What is made on the way is made once more at the end, of the run or of its own stage, under a name without a step: plots up
 * to date, and the newest pictures where the run was too short for any. Never a frame of an animation: a run may go on from
 * here. Nor what has a condition: where that does not hold at the end of a run that went on, the file would stay. */
static bool wanted_newest(const Trainer *tr, const OutputUse *use, bool last) {
    if (use->every.kind == EVERY_END || use->when) return false;
    return use->stage < 0 ? last : in_stage(tr, use->stage);
}

bool stage_report(Trainer *tr, bool last) {
    const Training *t = tr->m->t;
    bool begun = false;
    for (int i = 0; i < t->nmetric; i++) {
        if (!due_at_end(tr, t->metric[i].stage, t->metric[i].every, last)) continue;
        if (!begun) line_begin(tr), log_mark(tr->log, "end");
        begun = true;
        if (!metric_log(tr, i, true)) return false;
    }
    if (begun && !line_end(tr)) return false;
    for (int i = 0; i < t->noutput; i++) {
        OutputUse *use = &t->output[i];
        bool wanted;
        if (!due_at_end(tr, use->stage, use->every, last) && !wanted_newest(tr, use, last)) continue;
        if (!output_wanted(tr, use, &wanted) || (wanted && !write_output(tr, i, true))) return false;
    }
    return true;
}

static bool has_frames(const char *folder, const char *name) {
    DIR *dir = opendir(folder);
    size_t n = strlen(name);
    bool found = false;
    for (struct dirent *e; dir && !found && (e = readdir(dir));) {
        const char *rest = e->d_name + n + 1;
        found = !strncmp(e->d_name, name, n) && e->d_name[n] == '-' &&
                !strcmp(rest + strspn(rest, "0123456789"), ".png");
    }
    if (dir) closedir(dir);
    return found;
}

bool animate_all(Trainer *tr) {
    const Training *t = tr->m->t;
    char why[512] = "";
    clock_to(&tr->m->clock, TIME_FILES);
    while (tr->frames)
        if (!files_next(tr)) return false;
    for (int i = 0; i < t->noutput; i++) {
        const OutputUse *use = &t->output[i];
        if ((!use->animate && !use->montage) || !has_frames(tr->samples, use->name)) continue;
        if (use->animate && !animation_make(tr->samples, use->name, why, sizeof why))
            return fault(tr->fault, CODE_WRITE, "animation of '%s': %s", use->name, why);
        if (use->montage && !montage_make(tr->samples, use->name, why, sizeof why))
            return fault(tr->fault, CODE_WRITE, "montage of '%s': %s", use->name, why);
    }
    return true;
}

/* ---- on request ---- */

static bool may_move(const Slot *s) {
    return s->kind == SLOT_ITERATION || s->kind == SLOT_COUNTER || s->kind == SLOT_LATEST;
}

bool sample_now(Trainer *tr) {
    Store *s = tr->m->store;
    int n = s->slots->all.n;
    void **saved = calloc((size_t)n + 1, sizeof *saved);
    bool whole = saved != NULL;
    for (int i = 0; whole && i < n; i++) {
        if (!may_move(&s->slots->all.at[i])) continue;
        whole = (saved[i] = malloc(store_dense(s, i) + 1)) != NULL;
        if (whole) memcpy(saved[i], s->data[i], store_dense(s, i));
    }
    if (!whole) fault_memory(tr->fault);
    for (int i = 0; whole && i < tr->m->t->noutput; i++) whole = write_output(tr, i, false);
    for (int i = 0; saved && i < n; i++) {
        if (saved[i]) memcpy(s->data[i], saved[i], store_dense(s, i));
        free(saved[i]);
    }
    free(saved);
    return whole;
}
