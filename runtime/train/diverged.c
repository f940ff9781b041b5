/* After a divergence: the run is played again from the last good checkpoint with the watch on, to name the first node
 * that was not finite. It costs at most the time since that checkpoint, and nothing while all goes well. */
#include "train/parts.h"

#include <inttypes.h>

static bool back_to_good(Trainer *tr, Fault *f) {
    if (!tr->report->checkpoint[0]) return machine_start(tr->m, f);
    CheckpointInfo info;
    feed_forget(tr->m);
    return checkpoint_read(tr->report->checkpoint, tr->m->store, false, &info, f);
}

static void name_node(const Trainer *tr, const Watched *w, int64_t step, Fault *out) {
    const Machine *m = tr->m;
    const Instr *i = w->instr;
    const Diags *d = m->t->diags;
    char place[300] = "";
    if (i->loc.line && i->loc.file < d->nsource)
        snprintf(place, sizeof place, "%s:%u:%u: ", d->sources[i->loc.file].name, i->loc.line, i->loc.col);
    *out = (Fault){0};
    fault(out, CODE_DIVERGED, "%sdiverged at step %" PRId64 ", in '%s': %s%s%s gave %g at element %" PRId64 " of %s%s%s", place, step,
          m->caught ? m->caught->name : "?", i->role ? i->role : "", i->role ? " " : "", i->op ? i->op->name : "a fused chain",
          w->value, w->element, i->label ? "'" : "", i->label ? i->label : "its result", i->label ? "'" : "");
}

void explain_divergence(Trainer *tr) {
    Machine *m = tr->m;
    int64_t failed = get_int(m, m->t->total_step_slot) + 1;
    if (m->watched && m->caught) {                    /* it was watched all along */
        name_node(tr, m->watched, failed, tr->fault);
        return;
    }
    Watched watched = {0};
    Fault inner = {0}, *outer = tr->fault;
    Ended ended = ENDED_DONE;
    progress_say(tr->options->progress, "%s; looking for the first node that was not finite", outer->text);
    m->watched = &watched;
    m->caught = NULL;
    tr->fault = &inner;
    tr->replaying = true;
    bool going = back_to_good(tr, &inner);
    while (going && get_int(m, m->t->total_step_slot) < failed) going = iteration_run(tr, &ended);
    m->watched = NULL;
    tr->fault = outer;
    if (m->caught) name_node(tr, &watched, get_int(m, m->t->total_step_slot) + 1, outer);
}
