/* Gradients against finite differences, in double, by the operators' references.
 *
 * Order 1: for each parameter tensor x and a random direction d of length 1, <gradient, d> against
 * (f(x + h d) - f(x - h d)) / 2h, f the loss. Order 2: the same with f = sum over the parameters p of <gradient_p, r_p>,
 * r random, whose gradient is made by gradient() once more. Draws are the same in every evaluation.
 *
 * The error is |a - b| / max(|a|, |b|, 1e-3 of the whole gradient's norm). A difference across a kink (the hash of all
 * comparisons, signs, argmax and floor changes) says nothing: another direction is drawn. Where a network has so many
 * kinks that no direction is free of them at a step that rounding spares, the choices are held: f continues smoothly
 * beyond its kinks, which leaves its gradient at the point as it is. What stop_gradient holds back always stays. */
#include "train/gradcheck.h"

#include "base/rng.h"
#include "build.h"
#include "grad/grad.h"
#include "kern/kern.h"

#include <float.h>
#include <math.h>
#include <string.h>

const double gradcheck_tolerance = 1e-6;

/* A copy of what `keep` needs, without effects; keep[i] are replaced. */
static Graph *copy_needed(const Graph *g, int n, Node **keep, Arena *a) {
    Graph *to = graph_new(a, g->diags, g->slots, g->name);
    bool *live = ARENA_ARRAY(a, bool, g->node.n + 1);
    Node **copy = ARENA_ARRAY(a, Node *, g->node.n + 1);
    for (int i = 0; i < n; i++) live[keep[i]->id] = true;
    for (int i = g->node.n - 1; i >= 0; i--)
        for (int k = 0; live[i] && k < g->node.at[i]->nsrc; k++) live[g->node.at[i]->src[k]->id] = true;
    for (int i = 0; i < g->node.n; i++) {
        const Node *v = g->node.at[i];
        if (!live[i]) continue;
        Node **src = ARENA_ARRAY(a, Node *, v->nsrc + 1);
        for (int k = 0; k < v->nsrc; k++) src[k] = copy[v->src[k]->id];
        graph_at(to, v->loc, v->origin, v->role, v->path);
        copy[i] = emit(to, v->op, v->nsrc, src, v->attr);
    }
    for (int i = 0; i < n; i++) keep[i] = copy[keep[i]->id];
    return to;
}

static Node *slot_node(const Graph *g, int slot) {
    for (int i = 0; i < g->node.n; i++) {
        Node *n = g->node.at[i];
        if (n->op == &op_slot && ((const SlotAttr *)n->attr)->slot == slot) return n;
    }
    return NULL;
}

/* The value y of a graph as a function of one slot; all else has the numbers it has at the point. */
typedef struct {
    const Graph *graph;                               /* what depends on the slot; the rest is constants */
    int node, slot, nslot;
    uint64_t seed;
    const double *point;
    double value;                                     /* at the point */
    uint64_t branch;
} Function;

static double evaluate(const Function *f, const double *x, uint64_t *branch) {
    Arena *a = arena_new();
    if (!a) return NAN;
    const double **slots = ARENA_ARRAY(a, const double *, f->nslot + 1);
    slots[f->slot] = x;
    double **value = ARENA_ARRAY(a, double *, f->graph->node.n + 1);
    ref_run(f->graph, f->seed, slots, NULL, value, branch, a);
    double y = value[f->node][0];
    arena_free(a);
    return y;
}

/* Results that are chosen, not computed. */
static bool is_choice(const Node *n) {
    return n->op->traits & STOPS_GRAD && !(n->op->traits & (LEAF | EFFECT | VIEW | RANDOM)) && n->nsrc > 0;
}

/* What moves when the slot's node x does. What the loss holds back by stop_gradient stays; the gradient rules, which
 * come later in the graph, may hold back nothing. With `hold` choices stay, too. */
static bool *moving_with(const Node *x, const Node *loss, bool hold, Arena *a) {
    const Graph *g = x->graph;
    bool *moves = ARENA_ARRAY(a, bool, g->node.n);
    for (int i = 0; i < g->node.n; i++) {
        const Node *v = g->node.at[i];
        moves[i] = v == x;
        for (int k = 0; k < v->nsrc; k++) moves[i] |= moves[v->src[k]->id];
        if (v->op == &op_stop_gradient ? i < loss->id : hold && is_choice(v)) moves[i] = false;
    }
    return moves;
}

/* max, min and abs with the side held that each element lies on at the point, where x (and z) are its sources' numbers. */
static Node *hold_side(const Node *v, Node *const *src, const double *x, const double *z, Arena *a) {
    Tensor bools = {U8, v->type.shape};
    int64_t n = NODE_COUNT(v);
    double *side = ARENA_ARRAY(a, double, n);
    for (int64_t i = 0; i < n; i++)
        side[i] = v->op == &op_abs ? x[i] >= 0 : v->op == &op_max ? x[i] >= z[i] : x[i] <= z[i];
    return g_select(g_tensor(src[0]->graph, bools, side), src[0], v->op == &op_abs ? g_neg(src[0]) : src[1]);
}

static Node *copy_moving(const Node *v, Node *const *src, double *const *value, bool hold, Arena *a) {
    bool sided = v->op == &op_max || v->op == &op_min || v->op == &op_abs;
    if (!hold || !sided) return emit(src[0]->graph, v->op, v->nsrc, src, v->attr);
    return hold_side(v, src, value[v->src[0]->id], value[v->src[v->nsrc - 1]->id], a);
}

/* y as a function of the slot of node x. `value`: the numbers of all nodes at the point. */
static Function function_of(const Node *y, const Node *x, const Node *loss, double *const *value, uint64_t seed,
                            const double *point, bool hold, Arena *a) {
    const Graph *g = y->graph;
    const bool *moves = moving_with(x, loss, hold, a);
    Graph *to = graph_new(a, g->diags, g->slots, g->name);
    Node **copy = ARENA_ARRAY(a, Node *, g->node.n);
    int slot = ((const SlotAttr *)x->attr)->slot;
    copy[x->id] = g_slot(to, slot);
    for (int i = 0; i <= y->id; i++) {
        const Node *v = g->node.at[i];
        if (!moves[i] || v == x) continue;
        Node **src = ARENA_ARRAY(a, Node *, v->nsrc + 1);
        for (int k = 0; k < v->nsrc; k++) {
            int id = v->src[k]->id;
            if (!copy[id]) copy[id] = g_tensor(to, v->src[k]->type, value[id]);
            src[k] = copy[id];
        }
        copy[i] = copy_moving(v, src, value, hold, a);
    }
    if (!copy[y->id]) copy[y->id] = g_tensor(to, y->type, value[y->id]);
    Node *keep = copy[y->id];
    Function f = {.graph = copy_needed(to, 1, &keep, a), .slot = slot, .nslot = g->slots->all.n, .seed = seed,
                  .point = point};
    f.node = keep->id;
    f.value = evaluate(&f, point, &f.branch);
    return f;
}

/* f at x + step * d, for steps +h and -h; false where a kink lies between. */
static bool both_sides(const Function *f, int64_t n, const double *d, double h, double *x, double out[2]) {
    for (int side = 0; side < 2; side++) {
        double step = side ? -h : h;
        for (int64_t i = 0; i < n; i++) x[i] = f->point[i] + step * d[i];
        uint64_t branch = 0;
        out[side] = evaluate(f, x, &branch);
        if (branch != f->branch) return false;
    }
    return true;
}

static double norm(int64_t n, const double *x) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * x[i];
    return sqrt(sum);
}

static void draw_direction(Stream s, int64_t n, double *d) {
    for (int64_t i = 0; i < n; i++) d[i] = rng_normal(s, (uint64_t)i);
    double length = norm(n, d);
    for (int64_t i = 0; i < n; i++) d[i] /= length;
}

static const double good = 1e-7;                      /* not worth a more careful difference */

/* The slope of f along d: differences over h and 2h, put together to fourth order in h, for smaller and smaller h until
 * two such slopes agree, or rounding parts them again; of several the one closest to its neighbour, whatever the gradient
 * says. False where every h meets a kink. */
static bool slope_along(const Function *f, int64_t n, const double *d, double length, double least, double *x,
                        double *out) {
    static const double steps[] = {3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-5, 1e-6};       /* in units of length */
    enum { STEPS = sizeof steps / sizeof *steps };
    double best = INFINITY, before = NAN;
    *out = 0;
    for (int k = 0; k < STEPS; k++) {
        double h = steps[k] * length, near[2], far[2];
        if (!both_sides(f, n, d, h, x, near) || !both_sides(f, n, d, 2 * h, x, far)) continue;
        double slope = (4 * (near[0] - near[1]) / (2 * h) - (far[0] - far[1]) / (4 * h)) / 3;
        double apart = isnan(before) ? DBL_MAX : fabs(slope - before);
        if (apart < best) best = apart, *out = slope;
        if (apart <= good * fmax(fabs(slope), least) || apart > 10 * best) break;
        before = slope;
    }
    return !isinf(best);
}

/* The error along one direction, or infinity where there is no difference to compare with. Where the whole gradient is
 * zero, what is left is rounding, and is measured by the slope that would change f as much as x is changed. */
static double error_along(const Function *f, int64_t n, const double *gradient, const double *d, double whole,
                          double *x) {
    double length = fmax(norm(n, f->point), 0.1 * sqrt((double)n)), a = 0, b;
    double least = whole > 0 ? 1e-3 * whole : fabs(f->value) / length;
    for (int64_t i = 0; gradient && i < n; i++) a += gradient[i] * d[i];
    if (!slope_along(f, n, d, length, least, x, &b)) return INFINITY;
    double scale = fmax(fmax(fabs(a), fabs(b)), least);
    return scale > 0 ? fabs(a - b) / scale : 0;
}

/* One order for all parameters of a move, one parameter a thread. */
typedef struct {
    int order;
    const Move *move;
    const Node *y, *loss;
    Node *const *x;                                   /* by moved: the slots' nodes; NULL where y does not depend on it */
    double *const *gradient, *const *value, *const *slot;               /* by moved (NULL: zero); by node; by slot */
    double whole;
    uint64_t seed;
    GradRow *row;                                     /* by moved */
} Check;

enum { TRIES = 3 };                                   /* directions; the last with choices held */

static void check_parameter(void *ctx, int64_t i) {
    const Check *c = ctx;
    if (!c->x[i]) return;                             /* no dependence: both are zero */
    const Slot *s = &c->y->graph->slots->all.at[c->move->moved[i]];
    int64_t n = shape_count(&s->type.shape);
    double *error = c->order == 1 ? &c->row[i].first : &c->row[i].second;
    *error = INFINITY;
    Arena *a = arena_new();
    if (!a) return;
    double *d = ARENA_ARRAY(a, double, n), *x = ARENA_ARRAY(a, double, n);
    for (uint32_t try = 0; try < TRIES && *error > good; try++) {
        bool hold = try == TRIES - 1;
        Function f = function_of(c->y, c->x[i], c->loss, c->value, c->seed, c->slot[c->move->moved[i]], hold, a);
        draw_direction(rng_stream(c->seed, rng_hash(s->name), (uint64_t)c->order, try), n, d);
        *error = error_along(&f, n, c->gradient[i], d, c->whole, x);
        c->row[i].redrawn += *error > good && !hold;
        c->row[i].held |= hold;
    }
    arena_free(a);
}

static double whole_norm(const Graph *g, const Move *move, double *const *gradient) {
    double sum = 0;
    for (int i = 0; i < move->nmoved; i++) {
        if (!gradient[i]) continue;
        double one = norm(shape_count(&g->slots->all.at[move->moved[i]].type.shape), gradient[i]);
        sum += one * one;
    }
    return sqrt(sum);
}

/* Numbers of all nodes of g at the point. */
static double **values_of(const Graph *g, uint64_t seed, double *const *slot, Arena *a) {
    double **value = ARENA_ARRAY(a, double *, g->node.n + 1);
    const double **in = ARENA_ARRAY(a, const double *, g->slots->all.n + 1);
    for (int i = 0; i < g->slots->all.n; i++) in[i] = slot[i];
    ref_run(g, seed, in, NULL, value, NULL, a);
    return value;
}

static void check_order(int order, const Node *loss, const Node *y, Node *const *x, Node *const *slope,
                        const Move *move, uint64_t seed, double *const *slot, GradRow *row, Arena *a) {
    double **value = values_of(y->graph, seed, slot, a), **numbers = ARENA_ARRAY(a, double *, move->nmoved + 1);
    for (int i = 0; i < move->nmoved; i++) numbers[i] = slope[i] ? value[slope[i]->id] : NULL;
    Check check = {order, move, y, loss, x, numbers, value, slot, whole_norm(y->graph, move, numbers), seed, row};
    parallel_for(move->nmoved, check_parameter, &check);
}

/* The sum over the parameters of <gradient, r>, r random. NULL: no gradient at all. */
static Node *probe_of(Graph *g, Node *const *gradient, const Move *move, uint64_t seed, Arena *a) {
    Node *sum = NULL;
    for (int i = 0; i < move->nmoved; i++) {
        if (!gradient[i]) continue;
        const Slot *s = &g->slots->all.at[move->moved[i]];
        int64_t n = shape_count(&s->type.shape);
        double *r = ARENA_ARRAY(a, double, n);
        draw_direction(rng_stream(seed, rng_hash(s->name), 0, 0), n, r);
        Node *term = g_sum_to(g_mul(gradient[i], g_tensor(g, s->type, r)), &(Shape){0});
        sum = sum ? g_add(sum, term) : term;
    }
    return sum;
}

static void check_move(const Move *move, uint64_t seed, double *const *slot, GradRow *row, Arena *a) {
    int n = move->nmoved, nkeep = 1, nx = 0;
    Node **keep = ARENA_ARRAY(a, Node *, n + 1), **slope = ARENA_ARRAY(a, Node *, n + 1);
    Node **x = ARENA_ARRAY(a, Node *, n + 1), **leaf = ARENA_ARRAY(a, Node *, n + 1);
    keep[0] = move->loss;
    for (int i = 0; i < n; i++)
        if (move->gradient[i]) keep[nkeep++] = move->gradient[i];
    Graph *g = copy_needed(move->loss->graph, nkeep, keep, a);
    for (int i = 0, k = 1; i < n; i++) slope[i] = move->gradient[i] ? keep[k++] : NULL;
    for (int i = 0; i < n; i++) x[i] = slot_node(g, move->moved[i]);
    const Node *loss = keep[0];
    check_order(1, loss, loss, x, slope, move, seed, slot, row, a);

    Node *sum = probe_of(g, slope, move, seed, a);
    if (!sum) return;
    for (int i = 0; i < n; i++)
        if (x[i]) leaf[nx++] = x[i];
    gradient(sum, NULL, nx, leaf, keep);
    for (int i = 0, k = 0; i < n; i++) slope[i] = x[i] ? keep[k++] : NULL;
    check_order(2, loss, sum, x, slope, move, seed, slot, row, a);
}

double **slots_as_doubles(const Store *s, Arena *a) {
    double **out = ARENA_ARRAY(a, double *, s->slots->all.n + 1);
    for (int i = 0; i < s->slots->all.n; i++) {
        int64_t n = shape_count(&s->slots->all.at[i].type.shape);
        out[i] = ARENA_ARRAY(a, double, n + 1);
        for (int64_t k = 0; k < n; k++) out[i][k] = store_at(s, i, k);
    }
    return out;
}

void gradcheck_turn(const Machine *m, const Turn *turn, Arena *scratch, Arena *a, GradReport *out) {
    double **slot = slots_as_doubles(m->store, scratch);
    for (int k = 0; k < turn->nmove; k++) {
        const Move *move = &turn->move[k];
        GradRow *row = ARENA_ARRAY(scratch, GradRow, move->nmoved + 1);
        check_move(move, m->options.seed, slot, row, scratch);
        for (int i = 0; i < move->nmoved; i++) {
            row[i].turn = turn->unit.name;
            row[i].player = m->t->player[move->player].name;
            row[i].parameter = m->t->slots->all.at[move->moved[i]].name;
            vec_push(a, &out->grad, row[i]);
            out->worst = fmax(out->worst, fmax(row[i].first, row[i].second));
        }
    }
}
