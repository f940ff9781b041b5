/* The planner: graph -> Program. Groups nodes into regions, orders instructions, finds lifetimes, gives
 * offsets, reuses memory in place, and writes straight into the Store where every reader of the old value
 * comes earlier.
 */
#pragma once
#include "ir/instr.h"

typedef struct {
    bool fuse;      /* regions of many nodes; off: one node each */
    bool reuse;     /* share memory, work in place; off: every value its own */
    bool recompute; /* cheap values are made again in each region that reads them; off: made once and stored */
    bool segments;  /* regions of one micro-program run as one instruction; off: one each. Both only with fuse */
    bool bf16;      /* convolutions and products round their sources to bf16, where kern.h says; no switch of
                       plan_switches: it changes the numbers */
} PlanOptions;

typedef struct {
    const char *name, *doc;
    size_t offset; /* of the member of PlanOptions: a bool */
} PlanSwitch;

extern const PlanSwitch plan_switches[]; /* ends with name NULL */
PlanOptions plan_some(unsigned on);      /* one bit a switch */
PlanOptions plan_all(void);

/* results[i] are read by the host after a run. NULL with a message in g->diags if some kernel cannot run;
 * NULL without one when out of memory. The Program is in an arena of its own. */
Program *plan_make(const Graph *g, int n, Node *const *results, const char *const *names,
                   PlanOptions options);
void program_free(Program *p);
void program_dump(const Program *p, const Slots *slots, FILE *to); /* one instruction a line, with offsets */
/* Independent of the planner's own reasoning: no value is overwritten before its last reader, no slot is
 * written before the last reader of its old value. For tests and debug builds. */
bool program_check(const Program *p, char *why, size_t size);
