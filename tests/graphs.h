/* Random graphs for the tests of planner, executor and passes: views, broadcasts, reductions, own kernels,
 * draws and assignments, over a few shapes with common counts, so that nodes can meet. Same seed, same graph.
 */
#pragma once
#include "build.h"
#include "exec/exec.h"
#include "ops/attrs.h"

#include <stdlib.h>

typedef struct {
    Graph *g;
    uint64_t state;
    bool smooth;      /* nothing that jumps: floats can be compared with doubles */
    VEC(Node *) pool; /* floats */
} Random;

static inline uint32_t random_word(Random *r) {
    r->state = r->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(r->state >> 33);
}

static inline int random_below(Random *r, int n) { return (int)(random_word(r) % (uint32_t)n); }

static inline Node *random_node(Random *r) { return r->pool.at[random_below(r, r->pool.n)]; }

static inline Shape random_shape(Random *r) {
    static const Shape shapes[] = {
        {0, {0}},         {1, {24}},        {2, {6, 24}},      {3, {6, 4, 6}}, {3, {6, 1, 6}},
        {2, {144, 1}},    {3, {7, 24, 24}}, {2, {168, 24}},    {1, {4032}},    {4, {2, 21, 4, 24}},
        {3, {24, 7, 24}}, {2, {1000, 24}},  {3, {1000, 4, 6}}, {1, {24000}},   {4, {10, 10, 10, 24}}};
    return shapes[random_below(r, (int)(sizeof shapes / sizeof *shapes))];
}

static inline Node *add_to_pool(Random *r, Node *x) {
    if (x && !x->poison && x->type.dtype == F32 && NODE_COUNT(x) > 0 && NODE_COUNT(x) <= 50000)
        vec_push(r->g->arena, &r->pool, x);
    return x;
}

/* x in shape `to`, by whatever works. */
static inline Node *fit(Node *x, const Shape *to) {
    Shape joint;
    if (shape_equal(&x->type.shape, to)) return x;
    if (NODE_COUNT(x) == shape_count(to)) return g_reshape(x, to);
    if (shape_broadcast(&x->type.shape, to, &joint) && shape_equal(&joint, to)) return g_broadcast(x, to);
    Node *mean = g_mul(g_sum_all(x), g_number(x->graph, 1.0 / (double)NODE_COUNT(x)));
    return g_broadcast(mean, to);
}

static inline Node *random_view(Random *r, Node *x) {
    Ints order = {.n = x->type.shape.rank}, start = order, step = order, size = order;
    for (int k = 0; k < order.n; k++) {
        int64_t dim = x->type.shape.dim[k], first = random_below(r, (int)dim), left = dim - first;
        order.at[k] = k;
        start.at[k] = first;
        step.at[k] = 1 + random_below(r, 2);
        size.at[k] = 1 + (left - 1) / step.at[k];
    }
    for (int k = order.n - 1; k > 0; k--) {
        int j = random_below(r, k + 1);
        int64_t t = order.at[k];
        order.at[k] = order.at[j];
        order.at[j] = t;
    }
    switch (random_below(r, 4)) {
    case 0: return order.n ? g_permute(x, &order) : x;
    case 1: return order.n ? g_slice(x, &start, &step, &size) : x;
    case 2: return order.n ? op_apply(r->g, &op_flip, 1, &x, &(AxisAttr){random_below(r, order.n)}) : x;
    default: {
        Shape s = random_shape(r);
        return fit(x, &s);
    }
    }
}

static inline Node *random_reduction(Random *r, Node *x) {
    static const Op *const ops[] = {&op_sum, &op_variance, &op_reduce_max, &op_log_sum_exp, &op_reduce_min};
    ReduceAttr a = {.keep = random_below(r, 2)};
    for (int k = 0; k < x->type.shape.rank; k++)
        if (random_below(r, 2)) a.axes.at[a.axes.n++] = k;
    if (a.axes.n == 0) a.axes.n = -1;
    const Op *op = ops[random_below(r, 5)];
    Node *y = op_apply(r->g, op, 1, &x, &a);
    return op == &op_sum ? g_mul(y, g_number(r->g, 1 / (1 + (double)NODE_COUNT(x) / (double)NODE_COUNT(y))))
                         : y;
}

static inline Node *random_unary(Random *r, Node *x) {
    Node *(*const smooth[])(Node *) = {g_neg, g_tanh, g_sigmoid, g_softplus, g_abs, g_sin, g_square};
    Node *(*const rough[])(Node *) = {g_sign, g_floor, g_round};
    if (!r->smooth && random_below(r, 6) == 0) return rough[random_below(r, 3)](x);
    return smooth[random_below(r, 7)](x);
}

static inline Node *random_binary(Random *r, Node *x, Node *z) {
    Node *(*const ops[])(Node *, Node *) = {g_add, g_sub, g_mul, g_max, g_min};
    if (!r->smooth && random_below(r, 4) == 0)
        return g_select(g_lt(x, z), x, g_mul(z, g_to_float(g_gt(x, g_number(r->g, .25)))));
    return ops[random_below(r, 5)](x, z);
}

static inline Node *random_kernel(Random *r, Node *x) {
    int rank = x->type.shape.rank;
    if (rank == 0) return x;
    int axis = random_below(r, rank);
    if (random_below(r, 2)) return g_concat(r->g, 2, NODES(x, g_tanh(x)), axis);
    Ints before = {.n = rank}, after = {.n = rank};
    before.at[axis] = 1;
    after.at[axis] = 2;
    return g_pad(x, &before, &after);
}

/* A draw; for bernoulli, x or its mean by chance, as a dropout mask does. */
static inline Node *random_draw(Random *r, Node *x) {
    static const Op *const ops[] = {&op_normal, &op_uniform, &op_bernoulli};
    const Op *op = ops[random_below(r, 3)];
    DrawAttr a = {.path = arena_printf(r->g->arena, "draw %d", random_below(r, 1000)),
                  .shape = ints_of_shape(&x->type.shape),
                  .p = random_below(r, 2) ? .25 : .3};
    Node *y = op_apply(r->g, op, 2, NODES(g_slot(r->g, 0), g_int(r->g, random_below(r, 2))), &a);
    return op == &op_bernoulli ? g_mul(x, g_to_float(y)) : y;
}

static inline void random_step(Random *r) {
    Node *x = random_node(r), *z;
    Shape joint;
    switch (random_below(r, 10)) {
    case 0:
    case 1: add_to_pool(r, random_unary(r, x)); break;
    case 2: add_to_pool(r, random_view(r, x)); break;
    case 3: add_to_pool(r, random_reduction(r, x)); break;
    case 4: add_to_pool(r, random_below(r, 3) ? random_draw(r, x) : random_kernel(r, x)); break;
    default:
        z = random_node(r);
        if (!shape_broadcast(&x->type.shape, &z->type.shape, &joint)) z = fit(z, &x->type.shape);
        x = add_to_pool(r, random_binary(r, x, z));
        if (random_below(r, 2)) add_to_pool(r, g_tanh(x));
    }
}

/* A graph over nslot float slots and one int slot (the first), with assignments to some; results[0 ..
 * *nresult). */
static inline Graph *random_graph(Arena *a, Diags *d, uint64_t seed, int steps, bool smooth, int nslot,
                                  Slots *slots, Node **results, int *nresult) {
    Random r = {.state = seed * 7919 + 17, .smooth = smooth};
    *slots = (Slots){.arena = a};
    slot_add(slots, (Slot){.name = "@tick", .type = {I32, {0}}, .kind = SLOT_COUNTER, .fill = 3});
    for (int k = 0; k < nslot; k++)
        slot_add(
            slots,
            (Slot){.name = arena_printf(a, "p%d", k), .type = {F32, random_shape(&r)}, .kind = SLOT_PARAM});
    Graph *g = r.g = graph_new(a, d, slots, "random");
    for (int k = 1; k <= nslot; k++) add_to_pool(&r, g_slot(g, k));
    add_to_pool(&r, g_number(g, .5));
    add_to_pool(&r, g_mul(g_to_float(g_slot(g, 0)), g_number(g, .1)));
    for (int k = 0; k < steps; k++) random_step(&r);
    for (int k = 1; k <= nslot; k++)
        if (random_below(&r, 3)) g_assign(g, k, fit(random_node(&r), &slots->all.at[k].type.shape));
    for (*nresult = 0; *nresult < 4; ++*nresult) results[*nresult] = random_node(&r);
    if (random_below(&r, 2)) g_assign(g, 0, g_add(g_slot(g, 0), g_int(g, 1)));
    return g;
}

/* Numbers between -1 and 1 in every slot but the first, always the same. */
static inline void fill_store(Store *s) {
    for (int k = 1; k < s->slots->all.n; k++) {
        float *x = s->data[k];
        for (int64_t i = 0, n = shape_count(&s->slots->all.at[k].type.shape); i < n; i++)
            x[i] = (float)((double)((uint64_t)(i + 31 * k) * 2654435761u % 10007) / 5003.5 - 1);
    }
}
