/* The planner: graph -> Program. Groups nodes into regions, orders instructions, finds lifetimes, gives
 * offsets, reuses memory in place, and writes straight into the Store where every reader of the old value
 * comes earlier.
 */
#pragma once
#include "ir/instr.h"

typedef struct {
    bool fuse;  /* regions of many nodes; off: one node each */
    bool reuse; /* share memory, work in place; off: every value its own */
    bool bf16;  /* convolutions and products round their sources to bf16, where kern.h says */
} PlanOptions;

/* results[i] are read by the host after a run. NULL with a message in g->diags if some kernel cannot run;
 * NULL without one when out of memory. The Program is in an arena of its own. */
Program *plan_make(const Graph *g, int n, Node *const *results, const char *const *names,
                   PlanOptions options);
void program_free(Program *p);
void program_dump(const Program *p, const Slots *slots, FILE *to); /* one instruction a line, with offsets */
/* Independent of the planner's own reasoning: no value is overwritten before its last reader, no slot is
 * written before the last reader of its old value. For tests and debug builds. */
bool program_check(const Program *p, char *why, size_t size);
