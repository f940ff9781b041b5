/* Draws: normal, uniform, bernoulli. A number is a function of seed, path, tick, round and element
 * (base/rng.h), so a block may start anywhere. The kernels make Philox words for many counters side by side
 * and turn them into numbers; the references take base/rng.c's scalar definition. */
#include "base/rng.h"
#include "kern/philox.h"
#include "kern/vecmath.h"
#include "ops/ops.h"

#include <math.h>

static const Field draw_fields[] = {
    FIELD(DrawAttr, path, F_TEXT, NULL, "the name of the stream"),
    FIELD(DrawAttr, stream, F_INT, "0", "its hash"),
    FIELD(DrawAttr, shape, F_INTS, NULL, "shape"),
    {.name = "p",
     .type = F_FLOAT,
     .offset = offsetof(DrawAttr, p),
     .dflt = "0",
     .min = 0,
     .max = 1,
     .doc = "chance of true"},
    {0},
};

static bool draw_infer(const Node *n, Tensor *out) {
    const DrawAttr *a = n->attr;
    for (int k = 0; k < 2; k++)
        if (n->src[k]->type.dtype != I32 || n->src[k]->type.shape.rank != 0)
            return reject(n, "tick and round are int scalars, not %s %s", dtype_name(n->src[k]->type.dtype),
                          show(n, k));
    for (int i = 0; i < a->shape.n; i++)
        if (a->shape.at[i] < 1) return reject(n, "an axis of size %lld", (long long)a->shape.at[i]);
    if (n->op == &op_bernoulli && !(a->p >= 0 && a->p <= 1))
        return reject(n, "a chance of %g is not in 0..1", a->p);
    *out = tensor_of(n->op == &op_bernoulli ? U8 : F32, shape_of_ints(&a->shape));
    return true;
}

static Node *draw_build(Graph *g, const Op *op, int nsrc, Node *const *src, const void *attr) {
    DrawAttr a = *(const DrawAttr *)attr;
    a.stream = (int64_t)rng_hash(a.path);
    return emit(g, op, nsrc, src, &a);
}

/* bernoulli compares one byte with 256p where that is whole, else 32 bits with 2^32 p. */
static bool whole_bytes(double p) { return p * 256 == floor(p * 256); }

static bool bernoulli_at(Stream s, double p, uint64_t element) {
    if (whole_bytes(p)) return (rng_word(s, element / 4) >> 8 * (element % 4) & 255) < p * 256;
    return rng_word(s, element) < p * 0x1p32;
}

/* References. The last input holds the seed's bits. */
static Stream stream_of(const Node *n, const double *const *in) {
    uint64_t seed;
    memcpy(&seed, in[2], sizeof seed);
    return rng_stream(seed, (uint64_t)((const DrawAttr *)n->attr)->stream, (uint32_t)(int32_t)in[0][0],
                      (uint32_t)(int32_t)in[1][0]);
}

static void normal_ref(const Node *n, const double *const *in, double *out) {
    Stream s = stream_of(n, in);
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = rng_normal(s, (uint64_t)i);
}
static void uniform_ref(const Node *n, const double *const *in, double *out) {
    Stream s = stream_of(n, in);
    for (int64_t i = 0; i < NODE_COUNT(n); i++) out[i] = rng_unit(rng_word(s, (uint64_t)i));
}
static void bernoulli_ref(const Node *n, const double *const *in, double *out) {
    Stream s = stream_of(n, in);
    for (int64_t i = 0; i < NODE_COUNT(n); i++)
        out[i] = bernoulli_at(s, ((const DrawAttr *)n->attr)->p, (uint64_t)i);
}

INLINE Stream kernel_stream(const MapEnv *e, const void *const *in) {
    return rng_stream(e->seed, (uint64_t)((const DrawAttr *)e->attr)->stream,
                      (uint32_t) * (const int32_t *)in[0], (uint32_t) * (const int32_t *)in[1]);
}

/* u in (0, 1], turn in [0, 1): sqrt(-2 log u) cos(2 pi turn). */
INLINE float normal_of(uint32_t first, uint32_t second) {
    float u = (float)(int32_t)((first >> 8) + 1) * 0x1p-24f, turn = (float)(int32_t)(second >> 8) * 0x1p-24f;
    return sqrtf(-2.0f * vec_log(u)) * vec_cos_turns(turn);
}
INLINE float uniform_of(uint32_t word) { return (float)(int32_t)(word >> 8) * 0x1p-24f; }

/* Kernels. A number is made of `each` units of type U, a word or a byte. Batches start with the group that
 * holds the block's first unit; v is where the block's own units begin in a batch, m how many numbers it
 * holds. */
#define DRAW(ISA, fn, T, U, each, value)                                                                \
    TARGET_##ISA static void fn##_##ISA(int64_t n, const void *const *in, void *out, const MapEnv *e) { \
        enum { IN_GROUP = 16 / sizeof(U), IN_BATCH = PHILOX_GROUPS * IN_GROUP };                        \
        Stream s = kernel_stream(e, in);                                                                \
        double p = ((const DrawAttr *)e->attr)->p;                                                      \
        T *y = out;                                                                                     \
        int64_t at = e->start * (each) % IN_GROUP;                                                      \
        uint64_t group = (uint64_t)(e->start * (each) / IN_GROUP);                                      \
        (void)p;                                                                                        \
        for (int64_t done = 0; done < n; group += PHILOX_GROUPS, at = 0) {                              \
            uint32_t words[4 * PHILOX_GROUPS];                                                          \
            philox_##ISA(s.key, group, s.tick, s.round, words);                                         \
            int64_t have = (IN_BATCH - at) / (each), m = have < n - done ? have : n - done;             \
            const U *v = (const U *)words + at;                                                         \
            SIMD for (int64_t i = 0; i < m; i++) y[done + i] = (value);                                 \
            done += m;                                                                                  \
        }                                                                                               \
    }
EACH_ISA(DRAW, normal_draw, float, uint32_t, 2, normal_of(v[2 * i], v[2 * i + 1]))
EACH_ISA(DRAW, uniform_draw, float, uint32_t, 1, uniform_of(v[i]))
EACH_ISA(DRAW, byte_draw, uint8_t, uint8_t, 1, (v[i] <= (uint8_t)(p * 256 - 1)) & (p > 0))
EACH_ISA(DRAW, word_draw, uint8_t, uint32_t, 1, v[i] <= (uint32_t)(ceil(p * 0x1p32) - 1))

#define EITHER(ISA, fn)                                                                    \
    static void fn##_##ISA(int64_t n, const void *const *in, void *out, const MapEnv *e) { \
        bool bytes = whole_bytes(((const DrawAttr *)e->attr)->p);                          \
        (bytes ? byte_draw_##ISA : word_draw_##ISA)(n, in, out, e);                        \
    }
EACH_ISA(EITHER, bernoulli_draw)

#define BUILD(id)                                                                     \
    static Node *id##_build(Graph *g, int nsrc, Node *const *src, const void *attr) { \
        return draw_build(g, &op_##id, nsrc, src, attr);                              \
    }
BUILD(normal)
BUILD(uniform)
BUILD(bernoulli)

/* clang-format off */
#define TICKS {I32, {0, {0}}}, {I32, {0, {0}}}
/* clang-format on */
static const Sample real_samples[] = {
    {"odd", 2, {TICKS}, &(DrawAttr){.path = "test", .shape = {2, {7, 19}}}, 0, 9},
    {0},
};
static const Sample bool_samples[] = {
    {"bytes", 2, {TICKS}, &(DrawAttr){.path = "test", .shape = {2, {7, 19}}, .p = .25}, 0, 9},
    {"words", 2, {TICKS}, &(DrawAttr){.path = "test", .shape = {2, {7, 19}}, .p = .3}, 0, 9},
    {0},
};

OP(normal, .doc = "a draw from the normal distribution, mean 0 and variance 1", .arity = 2,
   .traits = RANDOM | STOPS_GRAD, .attr_size = sizeof(DrawAttr), .attr = draw_fields, .build = normal_build,
   .infer = draw_infer, .map = {MAPS(normal_draw, I32)}, .ref = normal_ref, .samples = real_samples)

OP(uniform, .doc = "a draw from [0, 1)", .arity = 2, .traits = RANDOM | STOPS_GRAD | CHEAP,
   .attr_size = sizeof(DrawAttr), .attr = draw_fields, .build = uniform_build, .infer = draw_infer,
   .map = {MAPS(uniform_draw, I32)}, .ref = uniform_ref, .samples = real_samples)

OP(bernoulli, .doc = "true with chance p", .arity = 2, .traits = RANDOM | STOPS_GRAD | CHEAP,
   .attr_size = sizeof(DrawAttr), .attr = draw_fields, .build = bernoulli_build, .infer = draw_infer,
   .map = {MAPS(bernoulli_draw, I32)}, .ref = bernoulli_ref, .samples = bool_samples)

Node *g_normal(Node *tick, Node *round, const DrawAttr *a) {
    return op_apply(tick->graph, &op_normal, 2, NODES(tick, round), a);
}
Node *g_uniform(Node *tick, Node *round, const DrawAttr *a) {
    return op_apply(tick->graph, &op_uniform, 2, NODES(tick, round), a);
}
Node *g_bernoulli(Node *tick, Node *round, const DrawAttr *a) {
    return op_apply(tick->graph, &op_bernoulli, 2, NODES(tick, round), a);
}
