/* plan_make: the parts of the planner in their order, and what happens when memory runs out. The scratch
 * arena dies here; the Program's lives on with it. */
#include "plan/parts.h"

#include <stddef.h>
#include <string.h>

#define SWITCH(member, doc) {#member, doc, offsetof(PlanOptions, member)}
const PlanSwitch plan_switches[] = {
    SWITCH(fuse, "chains of elementwise operators, with the reductions at their ends, go once over memory"),
    SWITCH(reuse, "values that do not live at the same time share memory; a result takes the place of what dies "
                  "there, an update its slot"),
    SWITCH(recompute, "cheap values, masks of dropout among them, are computed again where they are read"),
    SWITCH(segments, "one chain over many tensors is one instruction: optimisers, clipping, averages"),
    {0},
};

PlanOptions plan_some(unsigned on) {
    PlanOptions o = {0};
    for (int k = 0; plan_switches[k].name; k++) *(bool *)((char *)&o + plan_switches[k].offset) = on >> k & 1;
    return o;
}

PlanOptions plan_all(void) { return plan_some(~0u); }

static bool make(Plan *p, int n, Node *const *results, const char *const *names) {
    for (int k = 0; k < n; k++)
        p->program->result[k].name = names && names[k] ? arena_strdup(p->arena, names[k]) : NULL;
    if (!views_make(p, n, results)) return false;
    groups_make(p);
    groups_finish(p);
    slots_assign(p);
    segments_merge(p);
    if (!program_build(p)) return false;
    memory_plan(p);
    return true;
}

Program *plan_make(const Graph *g, int n, Node *const *results, const char *const *names,
                   PlanOptions options) {
    Arena *scratch = arena_new(), *arena = arena_new();
    Program *volatile made = NULL;
    volatile bool done = false;
    jmp_buf escape;
    if (scratch && arena && !setjmp(escape)) {
        arena_escape(scratch, &escape);
        arena_escape(arena, &escape);
        Program *q = ARENA_NEW(arena, Program);
        *q = (Program){.arena = arena,
                       .name = arena_strdup(arena, g->name ? g->name : ""),
                       .nresult = n,
                       .result = ARENA_ARRAY(arena, Result, n + 1)};
        made = q;
        Plan p = {.graph = g, .options = options, .scratch = scratch, .arena = arena, .program = q, .first = -1, .last = -1};
        done = make(&p, n, results, names);
    }
    arena_free(scratch);
    if (arena) arena_escape(arena, NULL);
    if (done) return made;
    if (made)
        program_free(made);
    else
        arena_free(arena);
    return NULL;
}

void program_free(Program *p) {
    if (!p) return;
    for (int k = 0; k < p->ninstr; k++) {
        if (p->instr[k].op && p->instr[k].op->release) p->instr[k].op->release(&p->instr[k]);
        program_free(p->instr[k].body);
    }
    arena_free(p->arena);
}
