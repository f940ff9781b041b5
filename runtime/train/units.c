/* Units: from graph to program on first use, and one run of it. Knows nothing of turns, batches or files. */
#include "train/machine.h"

#include "kern/kern.h"

#include <string.h>

static bool each(int n, Unit **unit, bool (*f)(void *ctx, Unit *u), void *ctx) {
    for (int i = 0; i < n; i++)
        if (unit[i] && !f(ctx, unit[i])) return false;
    return true;
}

#define EACH(...) \
    each((int)(sizeof((Unit *[]){__VA_ARGS__}) / sizeof(Unit *)), (Unit *[]){__VA_ARGS__}, f, ctx)

static bool last_each(Turn *turn, bool (*f)(void *ctx, Unit *u), void *ctx) {
    for (int mask = 1; mask < 1 << turn->npartial; mask++)
        if (!EACH(&turn->last[mask])) return false;
    return true;
}

bool units_each(Training *t, bool (*f)(void *ctx, Unit *u), void *ctx) {
    if (!EACH(&t->init)) return false;
    for (int i = 0; i < t->nfixed; i++)
        if (!EACH(&t->fixed[i])) return false;
    for (int i = 0; i < t->niteration; i++)
        if (!EACH(&t->iteration[i].unit)) return false;
    for (int s = 0; s < t->nstage; s++) {
        const Stage *stage = &t->stage[s];
        for (int i = 0; i < stage->nentry; i++)
            if (!EACH(stage->entry[i].count, &stage->entry[i].turn->unit) || !last_each(stage->entry[i].turn, f, ctx)) return false;
        if (!EACH(stage->stop, stage->best)) return false;
    }
    for (int i = 0; i < t->nmetric; i++)
        if (!EACH(&t->metric[i].unit, t->metric[i].value)) return false;
    for (int i = 0; i < t->noutput; i++)
        if (!EACH(t->output[i].when, &t->output[i].unit)) return false;
    return true;
}

/* A run in fp32 would be another one than the spec asks for. */
static bool can_round(const Machine *m, Fault *f) {
    if (bf16_here() != BF16_NONE) return true;
    diag_error(m->t->diags, m->t->precision_at, "bf16 wants a CPU with AVX512_BF16 or AMX, and %s finds neither: '" PRECISION_FP32
                                             "', or another machine", kern_libraries());
    return fault(f, CODE_FAILED, "this machine cannot run the spec in bf16");
}

Program *unit_program(Machine *m, const Unit *u, Fault *f) {
    Arena *a = u->graph->arena;
    Node **keep = arena_copy(a, u->result, (size_t)u->nresult * sizeof *keep);
    const char **name = ARENA_ARRAY(a, const char *, u->nresult + 1);
    for (int i = 0; i < u->nresult; i++) name[i] = u->result_name && u->result_name[i] ? u->result_name[i] : "";
    PlanOptions plan = m->options.plan;
    plan.bf16 = u->plays && m->options.precision == BF16;
    if (plan.bf16 && !can_round(m, f)) return NULL;
    const Graph *g = passes_run(u->graph, m->options.passes, u->nresult, keep);
    int errors = m->t->diags->errors;
    Program *p = plan_make(g, u->nresult, keep, name, plan);
    if (!p && m->t->diags->errors > errors) fault(f, CODE_SPEC, "%s: no kernel can run it", u->name);
    else if (!p) fault_memory(f);
    return p;
}

static Program *reference_program(const Unit *u, Fault *f) {
    Node **keep = arena_copy(u->graph->arena, u->result, (size_t)u->nresult * sizeof *keep);
    const Graph *g = graph_only(u->graph, u->nresult, keep);
    Program *p = reference_make(g, u->nresult, keep);
    if (!p) fault_memory(f);
    return p;
}

bool unit_ready(Machine *m, Unit *u, Fault *f) {
    if (!u->graph) return true;
    if (!u->program) u->program = m->options.precision == FP64 ? reference_program(u, f) : unit_program(m, u, f);
    if (!u->program) return false;
    double bytes = (double)u->program->workspace + (double)m->store->bytes;
    return room_for(f, m->t, u, bytes) && (exec_reserve(m->exec, u->program) || fault_room(f, m->t, u, bytes));
}

bool unit_run(Machine *m, Unit *u, Fault *f) {
    if (!u->graph) return true;
    if (!unit_ready(m, u, f)) return false;
    if (exec_run(m->exec, u->program, m->watched)) return true;
    if (!m->caught) m->caught = u;
    return fault(f, CODE_DIVERGED, "%s: not finite", u->name);
}

bool unit_number(Machine *m, Unit *u, double *out, Fault *f) {
    if (!unit_run(m, u, f)) return false;
    *out = exec_number(m->exec, u->program, 0);
    return true;
}
