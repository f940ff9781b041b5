/* The double-precision evaluator: a graph node by node by the operators' references. Shares nothing with planner and
 * kernels, so that the two can be compared. */
#include "exec/exec.h"
#include "base/rng.h"
#include "build.h"

#include <math.h>
#include <string.h>

/* Results that are chosen, not computed: a finite difference across a change of one means nothing. */
static bool is_choice(const Node *n) {
    return n->op->traits & STOPS_GRAD && !(n->op->traits & (LEAF | EFFECT | VIEW | RANDOM)) && n->nsrc > 0;
}

static uint64_t mix_values(uint64_t h, const double *values, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        h = (h ^ bits) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    return h;
}

static const double *slot_values(const Node *n, const double *const *slots, Arena *a) {
    const double *given = slots[((const SlotAttr *)n->attr)->slot];
    return given ? given : ARENA_ARRAY(a, double, NODE_COUNT(n));
}

/* Which side of their kinks the values of max, min and abs lie on. */
static uint64_t mix_sides(uint64_t h, const Node *n, const double *const *in) {
    int64_t count = NODE_COUNT(n);
    for (int64_t i = 0; i < count; i++) {
        bool side = n->nsrc == 2 ? in[0][i] > in[1][i] : in[0][i] > 0;
        h = (h ^ side) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    return h;
}

/* Where the largest and smallest lie: the elements equal to the result of their row. */
static uint64_t mix_extremes(uint64_t h, const Node *n, const double *x, const double *y) {
    const Shape *s = &n->src[0]->type.shape;
    bool ok;
    unsigned mask = axes_mask(&((const ReduceAttr *)n->attr)->axes, s->rank, &ok);
    int64_t count = shape_count(s);
    for (int64_t i = 0; i < count; i++) {
        int64_t rest = i, row = 0, step = 1;
        for (int d = s->rank - 1; d >= 0; d--) {
            int64_t at = rest % s->dim[d];
            rest /= s->dim[d];
            if (mask >> d & 1) continue;
            row += at * step;
            step *= s->dim[d];
        }
        h = (h ^ (x[i] == y[row])) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    return h;
}

static uint64_t mix_branch(uint64_t h, const Node *n, const double *const *in, const double *out) {
    if (is_choice(n)) return mix_values(h, out, NODE_COUNT(n));
    if (!(n->op->traits & PIECEWISE) || n->op->traits & STOPS_GRAD || n->type.dtype != F32) return h;
    if (n->op->traits & REDUCES) return mix_extremes(h, n, in[0], out);
    return n->op->traits & ELEMENTWISE && n->nsrc <= 2 ? mix_sides(h, n, in) : h;
}

/* Of what rounds while it adds up: a sum that is small by cancellation is as rough as its terms, of which the other sums of
 * the tensor tell the size. */
static double typical_size(const Node *n, const double *values) {
    int64_t count = NODE_COUNT(n);
    double squares = 0;
    if (!(n->op->flops || n->op->traits & REDUCES)) return 0;
    for (int64_t i = 0; i < count; i++) squares += values[i] * values[i];
    return sqrt(squares / (double)count);
}

/* Moves what float cannot hold by up to `ulps` of its last places. */
static void roughen(Stream s, double ulps, const Node *n, double *values) {
    double least = typical_size(n, values);
    for (int64_t i = 0, count = NODE_COUNT(n); i < count; i++)
        if ((double)(float)values[i] != values[i])
            values[i] += fmax(fabs(values[i]), least) * ulps * 0x1p-23 * (2 * rng_unit(rng_word(s, (uint64_t)i)) - 1);
}

typedef struct {
    double **slots_out;
    uint64_t *branch;
    double ulps;
    uint32_t sample;
} Run;

static void run(const Graph *g, uint64_t seed, const double *const *slots, double **values, Run r, Arena *a) {
    double seed_bits;                                 /* the last input of a draw's reference */
    memcpy(&seed_bits, &seed, sizeof seed_bits);
    if (r.branch) *r.branch = 0;
    for (int i = 0; i < g->node.n; i++) {
        const Node *n = g->node.at[i];
        int64_t count = NODE_COUNT(n);
        values[i] = ARENA_ARRAY(a, double, count);
        if (n->op == &op_slot) {
            memcpy(values[i], slot_values(n, slots, a), (size_t)count * sizeof(double));
            continue;
        }
        const double **in = ARENA_ARRAY(a, const double *, n->nsrc + 1);
        for (int k = 0; k < n->nsrc; k++) in[k] = values[n->src[k]->id];
        in[n->nsrc] = &seed_bits;
        n->op->ref(n, in, values[i]);
        if (r.ulps > 0 && n->type.dtype == F32 && !(n->op->traits & (VIEW | EFFECT)))
            roughen(rng_stream(seed, (uint64_t)i, 0, r.sample), r.ulps, n, values[i]);
        if (n->op == &op_assign && r.slots_out) {
            int64_t slot = ((const SlotAttr *)n->attr)->slot;
            if (!r.slots_out[slot]) r.slots_out[slot] = ARENA_ARRAY(a, double, count);
            memcpy(r.slots_out[slot], values[i], (size_t)count * sizeof(double));
        }
        if (r.branch) *r.branch = mix_branch(*r.branch, n, in, values[i]);
    }
}

void ref_run(const Graph *g, uint64_t seed, const double *const *slots, double **slots_out, double **values,
             uint64_t *branch, Arena *a) {
    run(g, seed, slots, values, (Run){.slots_out = slots_out, .branch = branch}, a);
}

void ref_run_rough(const Graph *g, uint64_t seed, const double *const *slots, double **slots_out, double **values,
                   double ulps, uint32_t sample, Arena *a) {
    run(g, seed, slots, values, (Run){.slots_out = slots_out, .ulps = ulps, .sample = sample}, a);
}
