/* After a divergence: the run is played again from the last good checkpoint with the watch on, to name the
 * first node that was not finite. It costs at most the time since that checkpoint, and nothing while all goes
 * well. Nodes run one by one there, which gives the same bits, so that a node of the spec is named and not a
 * chain of them. */
#include "train/parts.h"

#include <inttypes.h>
#include <stdio.h>

static bool back_to_good(Trainer *tr) {
    if (!tr->report->checkpoint[0]) return run_start(tr);
    CheckpointInfo info;
    feed_forget(tr->m);
    return checkpoint_read(tr->report->checkpoint, tr->m->store, false, &info, tr->fault);
}

/* The place is a message of its own, so that it is printed with its line of the spec. */
static void name_node(const Trainer *tr, const Watched *w, int64_t step, Fault *out) {
    const Machine *m = tr->m;
    Diags *d = m->t->diags;
    char *shape = shape_show(&w->shape, m->t->arena);
    char what[160];
    if (*w->why) snprintf(what, sizeof what, "%s: %s", w->op, w->why);
    else snprintf(what, sizeof what, "%g is made here first", w->value);
    diag_error(d, w->loc, "%s: %s, at step %" PRId64 ", element %" PRId64 " of %s%s%s%s%s", m->caught->name, what, step, w->element,
               shape, w->label ? ", in " : "", w->label ? w->label : "", w->role ? ", part of the " : "", w->role ? w->role : "");
    *out = (Fault){0};
    if (*w->why) fault(out, CODE_DIVERGED, "an index outside its table at step %" PRId64 ", in '%s'", step, m->caught->name);
    else fault(out, CODE_DIVERGED, "diverged at step %" PRId64 ", in '%s'", step, m->caught->name);
}

void explain_divergence(Trainer *tr) {
    Machine *m = tr->m;
    int64_t failed = get_int(m, m->t->total_step_slot) + 1;
    if (m->watched && m->caught) { /* it was watched all along */
        name_node(tr, m->watched, failed, tr->fault);
        return;
    }
    Watched watched = {0};
    Fault inner = {0}, *outer = tr->fault;
    progress_say(tr->options->progress, "%s; looking for the first node that was not finite", outer->text);
    machine_plan(m, (PlanOptions){0});
    m->watched = &watched;
    m->caught = NULL;
    tr->fault = &inner;
    tr->replaying = true;
    bool going = back_to_good(tr);
    while (going && get_int(m, m->t->total_step_slot) < failed) going = iteration_replay(tr);
    m->watched = NULL;
    tr->fault = outer;
    if (m->caught) name_node(tr, &watched, get_int(m, m->t->total_step_slot) + 1, outer);
}
