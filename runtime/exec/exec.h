/* The executor: runs a Program against a Store. Nothing is allocated while it runs. */
#pragma once
#include "exec/store.h"
#include "ir/instr.h"

typedef struct Exec Exec;

typedef struct {                                      /* filled by exec_run with watch on */
    Loc loc;
    const char *op, *label, *role;                    /* Instr's, or the node's; op may be NULL where `why` is "" */
    Shape shape;                                      /* of what it made */
    int64_t element;
    double value;
    char why[80];                                     /* what the operator says of it, or "" */
} Watched;

/* cpu: processor time of all threads, in `span`, which is `seconds` and what reading their clocks takes. */
typedef struct { double seconds, cpu, span; int64_t calls; } InstrTime;

Exec *exec_new(Store *store, uint64_t seed, int threads);               /* NULL when out of memory */
void exec_free(Exec *e);
bool exec_reserve(Exec *e, const Program *p);         /* grows the shared workspace; false when out of memory */
/* False with *watched filled if watch is on (not NULL) and an instruction made a NaN or infinity. */
bool exec_run(Exec *e, const Program *p, Watched *watched);
/* What the host reads; of a program in fp64 floats are F64. */
const void *exec_result(const Exec *e, const Program *p, int result);   /* valid until the next run of any program */
double exec_number(const Exec *e, const Program *p, int result);        /* a scalar result */
size_t exec_workspace(const Exec *e);
void exec_profile(Exec *e, const Program *p, InstrTime *times);         /* runs once, adds to times[ninstr]; not in fp64 */

/* reference.c: a program in fp64. The Store keeps F64. `g`, which holds nothing but what the results and assignments need, is
 * read as long as the Program lives. NULL when out of memory. */
Program *reference_make(const Graph *g, int n, Node *const *results);

/* refexec.c: a graph in double by the operators' references, node by node; independent of planner and kernels.
 * `slots` holds every slot as doubles (NULL where not loaded); effects are written to `slots_out` (may be NULL).
 * values[i] gets node i's numbers (in `a`). `branch`, where not NULL, is a hash over all comparisons, argmax, sort,
 * floor and sign results: a finite difference across a change of it is not to be trusted. */
void ref_run(const Graph *g, uint64_t seed, const double *const *slots, double **slots_out, double **values,
             uint64_t *branch, Arena *a);

/* As ref_run, but each float result that float cannot hold is moved by up to `ulps` units of its last place (sums: of the last
 * place of the tensor's root mean square, if that is more), another way for each `sample`: what rounding may do to the numbers. */
void ref_run_rough(const Graph *g, uint64_t seed, const double *const *slots, double **slots_out, double **values,
                   double ulps, uint32_t sample, Arena *a);
