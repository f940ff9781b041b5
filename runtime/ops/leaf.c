/* Where values come from and go to: constants, counting, slots, assignments. */
#include "base/rng.h"
#include "ops/ops.h"

#include <string.h>

/* constant */
static const Field constant_fields[] = {
    FIELD(ConstantAttr, fill, F_FLOAT, "0", "the value of a scalar"),
    FIELD(ConstantAttr, count, F_INT, "0", "how many values there are besides"),
    FIELD(ConstantAttr, hash, F_INT, "0", "of these values"),
    {.name = "dtype",
     .type = F_CHOICE,
     .offset = offsetof(ConstantAttr, dtype),
     .dflt = "float",
     .choices = "float|int|bool",
     .doc = "element type"},
    FIELD(ConstantAttr, shape, F_INTS, "", "shape"),
    {0},
};

static bool constant_infer(const Node *n, Tensor *out) {
    const ConstantAttr *a = n->attr;
    *out = tensor_of((DType)a->dtype, shape_of_ints(&a->shape));
    return true;
}

static void constant_ref(const Node *n, const double *const *in, double *out) {
    const ConstantAttr *a = n->attr;
    (void)in;
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = a->data ? a->data[i] : a->fill;
}

static const Sample constant_samples[] = {{"number", 0, {{0}}, &(ConstantAttr){.fill = 2.5}, 0, 0}, {0}};

OP(constant, .doc = "a number, or a tensor of numbers", .arity = 0, .traits = LEAF | STOPS_GRAD | CHEAP,
   .attr_size = sizeof(ConstantAttr), .attr = constant_fields, .infer = constant_infer, .ref = constant_ref,
   .samples = constant_samples)

static Node *scalar(Graph *g, DType t, double value) {
    return emit(g, &op_constant, 0, NULL, &(ConstantAttr){.fill = value, .dtype = (int)t});
}

Node *g_number(Graph *g, double value) { return scalar(g, F32, value); }
Node *g_int(Graph *g, int64_t value) { return scalar(g, I32, (double)value); }
Node *g_bool(Graph *g, bool value) { return scalar(g, U8, value); }
Node *g_full(Graph *g, Tensor type, double value) {
    return g_broadcast(scalar(g, type.dtype, value), &type.shape);
}
Node *g_like(const Node *x, double value) { return g_full(x->graph, x->type, value); }
Node *g_tensor(Graph *g, Tensor type, const double *values) {
    int64_t n = shape_count(&type.shape);
    uint64_t hash = 14695981039346656037u;
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        hash = (hash ^ bits) * 1099511628211u;
        hash ^= hash >> 29;
    }
    ConstantAttr a = {.data = arena_copy(g->arena, values, (size_t)n * sizeof *values),
                      .count = n,
                      .hash = (int64_t)hash,
                      .dtype = (int)type.dtype,
                      .shape = ints_of_shape(&type.shape)};
    return emit(g, &op_constant, 0, NULL, &a);
}

bool node_number(const Node *n, double *value) {
    while (n->op == &op_broadcast) n = n->src[0];
    if (n->op != &op_constant) return false;
    const ConstantAttr *a = n->attr;
    if (a->data) return false;
    *value = a->fill;
    return true;
}

/* range */
static const Field range_fields[] = {FIELD(CountAttr, count, F_INT, NULL, "how many"), {0}};

static bool range_infer(const Node *n, Tensor *out) {
    int64_t count = ((const CountAttr *)n->attr)->count;
    if (count < 1 || count > INT32_MAX)
        return reject(n, "a count of at least 1 is wanted, not %lld", (long long)count);
    *out = tensor_of(I32, SHAPE(count));
    return true;
}

static void range_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    int32_t *y = out[0];
    (void)in, (void)scratch;
    for (int64_t k = 0; k < i->out[0].type.shape.dim[0]; k++) y[k] = (int32_t)k;
}

static void range_ref(const Node *n, const double *const *in, double *out) {
    (void)in;
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = (double)i;
}

static const Sample range_samples[] = {{"seven", 0, {{0}}, &(CountAttr){7}, 0, 0}, {0}};

static const Sample range_large = {"2^22", 0, {{0}}, &(CountAttr){1 << 22}, 0, 0};

OP(range, .doc = "0, 1, ... count - 1 as int", .arity = 0, .traits = STOPS_GRAD | CHEAP,
   .attr_size = sizeof(CountAttr), .attr = range_fields, .infer = range_infer, .eval = range_eval,
   .ref = range_ref, .samples = range_samples, .large = &range_large)

Node *g_range(Graph *g, int64_t count) { return emit(g, &op_range, 0, NULL, &(CountAttr){count}); }

/* slot */
static const Field slot_fields[] = {FIELD(SlotAttr, slot, F_EXPR, NULL, "its index in Slots"), {0}};

static bool slot_infer(const Node *n, Tensor *out) {
    *out = n->graph->slots->all.at[((const SlotAttr *)n->attr)->slot].type;
    return true;
}

OP(slot, .doc = "a value that outlives the program, as it was at its start", .arity = 0,
   .traits = LEAF | STOPS_GRAD, .attr_size = sizeof(SlotAttr), .attr = slot_fields, .infer = slot_infer)

Node *g_slot(Graph *g, int slot) { return emit(g, &op_slot, 0, NULL, &(SlotAttr){slot}); }

/* assign */
static bool assign_infer(const Node *n, Tensor *out) {
    const Slot *s = &n->graph->slots->all.at[((const SlotAttr *)n->attr)->slot];
    const Tensor *t = &n->src[0]->type;
    if (!tensor_equal(t, &s->type))
        return reject(n, "'%s' is %s %s, the value is %s %s", s->name, dtype_name(s->type.dtype),
                      shape_show(&s->type.shape, n->graph->arena), dtype_name(t->dtype), show(n, 0));
    *out = *t;
    return true;
}

static Node *assign_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    DType want = g->slots->all.at[((const SlotAttr *)attr)->slot].type.dtype;
    Node *x = src[0]->type.dtype > want ? level_type(src[0], want) : src[0];
    return emit(g, &op_assign, nsrc, &x, attr);
}

static void assign_ref(const Node *n, const double *const *in, double *out) {
    memcpy(out, in[0], (size_t)NODE_COUNT(n) * sizeof *out);
}

OP(assign, .doc = "makes x the slot's value once the program is done", .arity = 1,
   .traits = EFFECT | STOPS_GRAD, .attr_size = sizeof(SlotAttr), .attr = slot_fields, .build = assign_build,
   .infer = assign_infer, .ref = assign_ref)

Node *g_assign(Graph *g, int slot, Node *value) {
    return op_apply(g, &op_assign, 1, &value, &(SlotAttr){slot});
}

/* stop_gradient */
static bool stop_infer(const Node *n, Tensor *out) {
    *out = n->src[0]->type;
    return true;
}

static bool stop_view(const Node *n, const Strides *in, Strides *out) {
    (void)n;
    *out = *in;
    return true;
}

static const Sample stop_samples[] = {{"matrix", 1, {{F32, {2, {3, 5}}}}, NULL, -1, 1}, {0}};

OP(stop_gradient, .doc = "x, as a constant for every gradient", .call = "x", .arity = 1,
   .traits = VIEW | STOPS_GRAD | CHEAP, .infer = stop_infer, .view = stop_view, .ref = assign_ref,
   .samples = stop_samples)

Node *g_stop_gradient(Node *x) { return emit(x->graph, &op_stop_gradient, 1, &x, NULL); }

/* own */
static const Field own_fields[] = {FIELD(OwnAttr, path, F_TEXT, NULL, "where it was written"), {0}};

static void own_grad(const Node *n, Node *gy, Node **gx) {
    (void)n;
    gx[0] = gy;
}

static const Sample own_samples[] = {{"matrix", 1, {{F32, {2, {3, 5}}}}, &(OwnAttr){"here"}, -1, 1}, {0}};

OP(own, .doc = "x, a value of its own among equal ones, so that a gradient can be taken by it", .arity = 1,
   .traits = VIEW | LINEAR | CHEAP, .attr_size = sizeof(OwnAttr), .attr = own_fields, .infer = stop_infer,
   .grad = own_grad, .view = stop_view, .ref = assign_ref, .samples = own_samples)

Node *g_own(Node *x, const char *path) { return emit(x->graph, &op_own, 1, &x, &(OwnAttr){path}); }
