/* The macros behind the rows of elementwise.c. One row makes a builder, kernels for each instruction set
 * and type, a reference in double, a gradient rule and samples.
 *
 * A row's class says which types it takes and gives:
 *   FLOAT    float -> float                 int and bool are converted
 *   NUMBER   float -> float, int -> int     bool counts as int
 *   ORDER    float or int -> bool           bool counts as int
 *   EQUAL    any -> bool
 *   LOGIC    bool -> bool
 *   AS_FLOAT, AS_INT, AS_BOOL               conversions
 *
 * The value column is compiled as each of these types: its literals are whole numbers, or a float kernel
 * would compute in double; its functions are the capitals below. */
/* clang-format off */
#pragma once
#include "kern/vecmath.h"
#include "ops/ops.h"

/* ---- functions of the value column, by type ---- */

INLINE float floor_float(float x) { return floorf(x); }
INLINE float round_float(float x) { return rintf(x); }
INLINE int32_t same_int(int32_t x) { return x; }
INLINE float sqrt_float(float x) { return sqrtf(x); }

#define FLOOR(x) _Generic((x), double: floor, float: floor_float, int32_t: same_int)(x)
#define ROUND(x) _Generic((x), double: rint, float: round_float, int32_t: same_int)(x)
#define SQRT(x) _Generic((x), double: sqrt, float: sqrt_float)(x)
#define EXP(x) _Generic((x), double: exp, float: vec_exp)(x)
#define LOG(x) _Generic((x), double: log, float: vec_log)(x)
#define SIN(x) _Generic((x), double: sin, float: vec_sin)(x)
#define COS(x) _Generic((x), double: cos, float: vec_cos)(x)
#define TANH(x) _Generic((x), double: tanh, float: vec_tanh)(x)
#define SIGMOID(x) _Generic((x), double: sigmoid_double, float: vec_sigmoid)(x)
#define SOFTPLUS(x) _Generic((x), double: softplus_double, float: vec_softplus)(x)
#define POW(x, z) _Generic((x), double: pow, float: vec_pow)(x, z)
#define MOD(x, z) _Generic((x), double: mod_double, float: mod_float, int32_t: mod_int)(x, z)
#define CUT(x) _Generic((x), double: cut_double, float: cut_float, uint8_t: cut_bool)(x)

INLINE double sigmoid_double(double x) { return 1 / (1 + exp(-x)); }
INLINE double softplus_double(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }

/* x - z floor(x/z), with the sign of z even where x/z is rounded up to a whole number. */
INLINE float mod_float(float x, float z) {
    float r = x - z * floorf(x / z);
    return (r < 0) != (z < 0) && r != 0 ? r + z : r;
}
INLINE double mod_double(double x, double z) {
    double r = fmod(x, z);
    return (r < 0) != (z < 0) && r != 0 ? r + z : r;
}
INLINE int32_t mod_int(int32_t x, int32_t z) {        /* 0 for z = 0: a kernel must not trap */
    if (z == 0 || z == -1) return 0;
    int32_t r = x % z;
    return r != 0 && (r < 0) != (z < 0) ? r + z : r;
}

/* Toward zero, into the range of int; NaN gives 0. */
INLINE int32_t cut_float(float x) {
    float low = x > -0x1p31f ? x : -0x1p31f, both = low < 0x1.fffffep30f ? low : 0x1.fffffep30f;
    return x == x ? (int32_t)both : 0;
}
INLINE int32_t cut_double(double x) {
    double low = x > -0x1p31 ? x : -0x1p31, both = low < 0x1.fffffep30 ? low : 0x1.fffffep30;
    return x == x ? (int32_t)both : 0;
}
INLINE int32_t cut_bool(uint8_t x) { return x; }

/* ---- kernels ---- */

#define KERNEL1(ISA, fn, T, R, value)                                                               \
    TARGET_##ISA static void fn##_##ISA(int64_t n, const void *const *in, void *out, const MapEnv *e) { \
        const T *px = in[0];                                                                        \
        R *py = out;                                                                                \
        if (e->numbers) {                                                                           \
            const T x = px[0];                                                                      \
            const R y = (R)(value);                                                                 \
            SIMD for (int64_t i = 0; i < n; i++) py[i] = y;                                         \
        } else {                                                                                    \
            SIMD for (int64_t i = 0; i < n; i++) {                                                  \
                T x = px[i];                                                                        \
                py[i] = (R)(value);                                                                 \
            }                                                                                       \
        }                                                                                           \
    }
#define KERNEL2(ISA, fn, T, R, value)                                                               \
    TARGET_##ISA static void fn##_##ISA(int64_t n, const void *const *in, void *out, const MapEnv *e) { \
        const T *px = in[0], *pz = in[1], x0 = px[0], z0 = pz[0];                                   \
        R *py = out;                                                                                \
        switch (e->numbers) {                                                                       \
        case 0: LOOP2(T, R, px[i], pz[i], value) break;                                             \
        case 1: LOOP2(T, R, x0, pz[i], value) break;                                                \
        case 2: LOOP2(T, R, px[i], z0, value) break;                                                \
        default: LOOP2(T, R, x0, z0, value)                                                         \
        }                                                                                           \
    }
#define LOOP2(T, R, X, Z, value)                                                                    \
    SIMD for (int64_t i = 0; i < n; i++) {                                                          \
        const T x = X, z = Z;                                                                       \
        py[i] = (R)(value);                                                                         \
    }
#define EACH1(fn, T, R, value) EACH_ISA(KERNEL1, fn, T, R, value)
#define EACH2(fn, T, R, value) EACH_ISA(KERNEL2, fn, T, R, value)

#define KERNELS_FLOAT(N, id, value) EACH##N(id##_f32, float, float, value)
#define KERNELS_NUMBER(N, id, value) \
    EACH##N(id##_f32, float, float, value) EACH##N(id##_i32, int32_t, int32_t, value)
#define KERNELS_ORDER(N, id, value) \
    EACH##N(id##_f32, float, uint8_t, value) EACH##N(id##_i32, int32_t, uint8_t, value)
#define KERNELS_EQUAL(N, id, value) KERNELS_ORDER(N, id, value) EACH##N(id##_u8, uint8_t, uint8_t, value)
#define KERNELS_LOGIC(N, id, value) EACH##N(id##_u8, uint8_t, uint8_t, value)
#define KERNELS_AS_FLOAT(N, id, value) \
    EACH##N(id##_i32, int32_t, float, value) EACH##N(id##_u8, uint8_t, float, value)
#define KERNELS_AS_INT(N, id, value) \
    EACH##N(id##_f32, float, int32_t, value) EACH##N(id##_u8, uint8_t, int32_t, value)
#define KERNELS_AS_BOOL(N, id, value) \
    EACH##N(id##_f32, float, uint8_t, value) EACH##N(id##_i32, int32_t, uint8_t, value)

#define MAPS_FLOAT(id) MAPS(id##_f32, F32)
#define MAPS_NUMBER(id) MAPS(id##_f32, F32), MAPS(id##_i32, I32)
#define MAPS_ORDER(id) MAPS_NUMBER(id)
#define MAPS_EQUAL(id) MAPS_NUMBER(id), MAPS(id##_u8, U8)
#define MAPS_LOGIC(id) MAPS(id##_u8, U8)
#define MAPS_AS_FLOAT(id) MAPS(id##_i32, I32), MAPS(id##_u8, U8)
#define MAPS_AS_INT(id) MAPS(id##_f32, F32), MAPS(id##_u8, U8)
#define MAPS_AS_BOOL(id) MAPS(id##_f32, F32), MAPS(id##_i32, I32)

/* ---- types ---- */

#define TAKES_FLOAT 1u
#define TAKES_NUMBER (1u | 2u)
#define TAKES_ORDER TAKES_NUMBER
#define TAKES_EQUAL (1u | 2u | 4u)
#define TAKES_LOGIC 4u
#define TAKES_AS_FLOAT (2u | 4u)
#define TAKES_AS_INT (1u | 4u)
#define TAKES_AS_BOOL (1u | 2u)
enum { GIVES_SAME = -1, GIVES_FLOAT = F32, GIVES_NUMBER = GIVES_SAME, GIVES_ORDER = U8, GIVES_EQUAL = U8,
       GIVES_LOGIC = U8, GIVES_AS_FLOAT = F32, GIVES_AS_INT = I32, GIVES_AS_BOOL = U8 };

bool rows_infer(const Node *n, Tensor *out, unsigned takes, int gives);           /* takes: a bit a DType */
Node *rows_build(Graph *g, const Op *op, int nsrc, Node *const *src, unsigned takes);

/* ---- samples: one of each type taken ---- */

#define SHAPE_3_7 {2, {3, 7}}
#define SAMPLE1_(D, name, low, high) {name, 1, {{D, SHAPE_3_7}}, NULL, low, high},
#define SAMPLE2_(D, name, low, high) {name, 2, {{D, SHAPE_3_7}, {D, SHAPE_3_7}}, NULL, low, high},
#define SAMPLES_FLOAT(N, low, high) SAMPLE##N##_(F32, "float", low, high)
#define SAMPLES_NUMBER(N, low, high) SAMPLE##N##_(F32, "float", low, high) SAMPLE##N##_(I32, "int", low, high)
#define SAMPLES_ORDER(N, low, high) SAMPLES_NUMBER(N, low, high)
#define SAMPLES_EQUAL(N, low, high) SAMPLES_NUMBER(N, low, high) SAMPLE##N##_(U8, "bool", low, high)
#define SAMPLES_LOGIC(N, low, high) SAMPLE##N##_(U8, "bool", low, high)
#define SAMPLES_AS_FLOAT(N, low, high) \
    SAMPLE##N##_(I32, "int", low, high) SAMPLE##N##_(U8, "bool", low, high)
#define SAMPLES_AS_INT(N, low, high) \
    SAMPLE##N##_(F32, "float", low, high) SAMPLE##N##_(U8, "bool", low, high)
#define SAMPLES_AS_BOOL(N, low, high) \
    SAMPLE##N##_(F32, "float", low, high) SAMPLE##N##_(I32, "int", low, high)

/* ---- rows ---- */

#define ROW(N, NAME, doc_, call_, class, traits_, value, ...)                                       \
    KERNELS_##class(N, NAME, value)                                                                 \
    static bool NAME##_infer(const Node *n, Tensor *out) {                                          \
        return rows_infer(n, out, TAKES_##class, GIVES_##class);                                    \
    }                                                                                               \
    static Node *NAME##_build(Graph *g, int nsrc, Node *const *src, const void *attr) {             \
        (void)attr;                                                                                 \
        return rows_build(g, &op_##NAME, nsrc, src, TAKES_##class);                                 \
    }                                                                                               \
    const Op op_##NAME = {                                                                          \
        .name = #NAME, .doc = doc_, .call = call_, .arity = N, .traits = ELEMENTWISE | (traits_),   \
        .build = NAME##_build, .infer = NAME##_infer, .ref = NAME##_ref,                            \
        .grad = ((traits_) & STOPS_GRAD) ? NULL : NAME##_grad, .map = {MAPS_##class(NAME)},         \
        .samples = NAME##_samples, .golden = __VA_ARGS__};

#define UNARY(NAME, doc, class, traits, value, rule, low, high, X0, Y0)                             \
    static void NAME##_ref(const Node *n, const double *const *in, double *out) {                   \
        for (int64_t i = 0, count = NODE_COUNT(n); i < count; i++) {                                \
            double x = in[0][i];                                                                    \
            out[i] = (double)(value);                                                               \
        }                                                                                           \
    }                                                                                               \
    static void NAME##_grad(const Node *n, Node *gy, Node **gx) {                                   \
        Node *x = n->src[0], *y = n->graph->node.at[n->id];                                         \
        (void)x, (void)y, (void)gy;                                                                 \
        gx[0] = rule;                                                                               \
    }                                                                                               \
    static const Sample NAME##_samples[] = {SAMPLES_##class(1, low, high) {0}};                     \
    Node *g_##NAME(Node *x) { return op_apply(x->graph, &op_##NAME, 1, &x, NULL); }                 \
    ROW(1, NAME, doc, "x", class, traits, value, {X0, Y0})

#define BINARY(NAME, doc, class, traits, value, rule_x, rule_z, low, high, X0, Z0, Y0)              \
    static void NAME##_ref(const Node *n, const double *const *in, double *out) {                   \
        for (int64_t i = 0, count = NODE_COUNT(n); i < count; i++) {                                \
            double x = in[0][i], z = in[1][i];                                                      \
            out[i] = (double)(value);                                                               \
        }                                                                                           \
    }                                                                                               \
    static void NAME##_grad(const Node *n, Node *gy, Node **gx) {                                   \
        Node *x = n->src[0], *z = n->src[1], *y = n->graph->node.at[n->id];                         \
        (void)x, (void)z, (void)y, (void)gy;                                                        \
        gx[0] = rule_x;                                                                             \
        gx[1] = rule_z;                                                                             \
    }                                                                                               \
    static const Sample NAME##_samples[] = {SAMPLES_##class(2, low, high) {0}};                     \
    Node *g_##NAME(Node *x, Node *z) { return op_apply(x->graph, &op_##NAME, 2, NODES(x, z), NULL); } \
    ROW(2, NAME, doc, "x, z", class, traits, value, {X0, Z0, Y0})
