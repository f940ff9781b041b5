/* Checks of a compiled spec: are its gradients right, and does the float program compute what the graph says?
 *
 * Gradients are compared with finite differences, both in double by the operators' references, so that a missing
 * factor shows and rounding does not. The float program of each whole turn is compared with the double reference
 * from the same slots: every logged value and every slot it writes.
 */
#pragma once
#include "train/machine.h"

typedef struct {
    const char *turn, *player, *parameter;
    double first, second;                             /* relative errors: see gradcheck.c; infinity: no smooth direction */
    int redrawn;                                      /* directions that met kinks, both orders together */
    bool held;                                        /* in the end with choices held: gradcheck.c */
} GradRow;

typedef struct {
    const char *turn, *what;                          /* a logged value or a slot */
    bool is_slot;
    double error, bound;                              /* norms of differences: see turncheck.c */
} TurnRow;

typedef struct {
    VEC(GradRow) grad;
    VEC(TurnRow) turn;
    double worst;                                     /* of grad, both orders */
    bool agrees;                                      /* every TurnRow is within its bound */
} GradReport;

extern const double gradcheck_tolerance;              /* `worst` must be below it: 1e-6 */

/* The two checks of one turn, whose sources, counters and iteration values are in the Store. Rows are added to out,
 * in `a`; graphs are made in `scratch`. The second also plays the turn. */
void gradcheck_turn(const Machine *m, const Turn *turn, Arena *scratch, Arena *a, GradReport *out);
bool turncheck(Machine *m, Turn *turn, Arena *a, GradReport *out, Fault *f);

/* Both, for every turn of the schedule, a few turns after the start: there nothing is exactly 0 as it is initially. */
bool gradcheck(Training *t, uint64_t seed, Arena *a, GradReport *out, Fault *f);

/* The verb: prints a table (or JSON) and gives the exit code, with f filled where it is neither 0 nor 1; messages about
 * data are in t->diags. */
int gradcheck_run(Training *t, uint64_t seed, FILE *to, bool json, Fault *f);

/* All slots as doubles, in `a`. */
double **slots_as_doubles(const Store *s, Arena *a);
