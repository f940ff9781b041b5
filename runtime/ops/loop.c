/* Loops at run time: a body that is compiled once and run many times. `carried` stands, while the body is being built
 * among other nodes, for what changes from round to round; g_loop then lifts everything that depends on it into a graph of
 * its own (ir.h: LoopAttr). What does not depend on it is computed once, before the loop.
 */
#include "base/rng.h"
#include "ops/ops.h"

#include <stdlib.h>
#include <string.h>

/* carried */
typedef struct { int64_t number; int dtype; Ints shape; } CarriedAttr;

static const Field carried_fields[] = {
    FIELD(CarriedAttr, number, F_INT, "0", "which one it is in its graph"),
    {.name = "dtype", .type = F_CHOICE, .offset = offsetof(CarriedAttr, dtype), .dflt = "float", .choices = "float|int|bool",
     .doc = "element type"},
    FIELD(CarriedAttr, shape, F_INTS, "", "shape"),
    {0},
};

static bool carried_infer(const Node *n, Tensor *out) {
    const CarriedAttr *a = n->attr;
    *out = tensor_of((DType)a->dtype, shape_of_ints(&a->shape));
    return true;
}

static void carried_ref(const Node *n, const double *const *in, double *out) {
    (void)in;
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = 0;
}

OP(carried, .doc = "stands for a value of a loop's round while the loop is built; never run", .arity = 0,
   .traits = LEAF | STOPS_GRAD, .attr_size = sizeof(CarriedAttr), .attr = carried_fields, .infer = carried_infer,
   .ref = carried_ref)

Node *g_carried(Graph *g, const Tensor *type) {
    CarriedAttr a = {g->node.n, (int)type->dtype, ints_of_shape(&type->shape)};
    return emit(g, &op_carried, 0, NULL, &a);
}

/* loop */
static const Field loop_fields[] = {FIELD(LoopAttr, rounds, F_INT, NULL, "how many"),
                                    FIELD(LoopAttr, hash, F_INT, "0", "of its body"), {0}};

static bool loop_infer(const Node *n, Tensor *out) {
    *out = n->src[0]->type;
    return true;
}

static const Node *body_result(const Graph *body) {
    const Node *n = body->node.at[body->node.n - 1];
    return n->src[0];
}

/* The body, node by node, round after round. The last input is the seed, which draws read as theirs. */
static void loop_ref(const Node *n, const double *const *in, double *out) {
    const LoopAttr *a = n->attr;
    const Graph *body = a->body;
    Arena *scratch = scratch_for(n);
    double **value = ARENA_ARRAY(scratch, double *, body->node.n), round = 0;
    for (int i = 0; i < body->node.n; i++) value[i] = ARENA_ARRAY(scratch, double, NODE_COUNT(body->node.at[i]));
    memcpy(out, in[0], (size_t)NODE_COUNT(n) * sizeof *out);
    for (int64_t r = 0; r < a->rounds; r++, round++) {
        for (int i = 0; i < body->node.n; i++) {
            const Node *v = body->node.at[i];
            const double **src = ARENA_ARRAY(scratch, const double *, v->nsrc + 1);
            int slot = v->op == &op_slot ? ((const SlotAttr *)v->attr)->slot : -1;
            for (int k = 0; k < v->nsrc; k++) src[k] = value[v->src[k]->id];
            src[v->nsrc] = in[n->nsrc];
            if (slot < 0)
                v->op->ref(v, src, value[i]);
            else
                memcpy(value[i], slot == LOOP_CARRIED ? out : slot == LOOP_ROUND ? &round : in[slot - 1],
                       (size_t)NODE_COUNT(v) * sizeof(double));
        }
        memcpy(out, value[body_result(body)->id], (size_t)NODE_COUNT(n) * sizeof *out);
    }
    arena_free(scratch);
}

static double loop_flops(const Node *n) {
    const LoopAttr *a = n->attr;
    double one = 0;
    for (int i = 0; i < a->body->node.n; i++) {
        const Node *v = a->body->node.at[i];
        one += v->op->flops ? v->op->flops(v) : v->op->traits & (VIEW | LEAF | EFFECT) ? 0 : (double)NODE_COUNT(v);
    }
    return one * (double)a->rounds;
}

OP(loop, .doc = "a body run `rounds` times, each round on what the one before left", .arity = -1,
   .traits = REPEATS, .attr_size = sizeof(LoopAttr), .attr = loop_fields, .infer = loop_infer,
   .ref = loop_ref, .flops = loop_flops)

/* ---- building one ---- */

typedef struct {
    Graph *from, *body;
    Slots *slots;
    bool *inside;                                     /* by id: depends on what is carried */
    Node **copy;
    int nsrc;
    Node **src;                                       /* of the loop */
} Lift;

/* A value from outside: a number is copied, all else becomes a source. */
static Node *captured(Lift *l, Node *v) {
    double number;
    if (node_number(v, &number)) return g_full(l->body, v->type, number);
    for (int k = 1; k < l->nsrc; k++)
        if (l->src[k] == v) return g_slot(l->body, k + 1);
    l->src[l->nsrc] = v;
    Slot slot = {.name = arena_printf(l->from->arena, "outside/%d", l->nsrc), .type = v->type, .kind = SLOT_BATCH};
    slot_add(l->slots, slot);
    return g_slot(l->body, ++l->nsrc);
}

static Node *lift(Lift *l, Node *carried, Node *round, Node *result) {
    Graph *g = l->from;
    bool *live = ARENA_ARRAY(g->arena, bool, g->node.n + 1);
    live[result->id] = true;
    for (int i = result->id; i >= 0; i--)
        for (int k = 0; live[i] && l->inside[i] && k < g->node.at[i]->nsrc; k++) live[g->node.at[i]->src[k]->id] = true;
    for (int i = 0; i <= result->id; i++) {
        Node *v = g->node.at[i];
        if (!live[i]) continue;
        graph_at(l->body, v->loc, v->origin, v->role, v->path);
        if (v == carried || v == round) {
            l->copy[i] = g_slot(l->body, v == carried ? LOOP_CARRIED : LOOP_ROUND);
        } else if (!l->inside[i]) {
            l->copy[i] = captured(l, v);
        } else {
            Node **src = ARENA_ARRAY(g->arena, Node *, v->nsrc + 1);
            for (int k = 0; k < v->nsrc; k++) src[k] = l->copy[v->src[k]->id];
            l->copy[i] = emit(l->body, v->op, v->nsrc, src, v->attr);
        }
    }
    return l->copy[result->id];
}

/* The value that `rounds` rounds leave of `start`, where `result` is what one round makes of `carried` in the round
 * `round`, both made by g_carried. All types are start's. */
Node *g_loop(Node *start, Node *carried, Node *round, Node *result, int64_t rounds) {
    Graph *g = start->graph;
    if (start->poison || result->poison) return start->poison ? start : result;
    Slots *slots = ARENA_NEW(g->arena, Slots);
    slots->arena = g->arena;
    Lift l = {.from = g, .slots = slots, .nsrc = 1};
    l.body = graph_new(g->arena, g->diags, slots, g->name);
    l.inside = ARENA_ARRAY(g->arena, bool, g->node.n + 1);
    l.copy = ARENA_ARRAY(g->arena, Node *, g->node.n + 1);
    l.src = ARENA_ARRAY(g->arena, Node *, g->node.n + 2);
    l.src[0] = start;
    slot_add(slots, (Slot){.name = "carried", .type = start->type, .kind = SLOT_STATE});
    slot_add(slots, (Slot){.name = "round", .type = round->type, .kind = SLOT_COUNTER});
    for (int i = 0; i <= result->id; i++) {
        const Node *v = g->node.at[i];
        l.inside[i] = v == carried || v == round;
        for (int k = 0; k < v->nsrc; k++) l.inside[i] |= l.inside[v->src[k]->id];
    }
    g_assign(l.body, LOOP_CARRIED, lift(&l, carried, round, result));
    LoopAttr a = {rounds, (int64_t)graph_hash(l.body), l.body};
    return emit(g, &op_loop, l.nsrc, l.src, &a);
}
