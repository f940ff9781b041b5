/* Elementwise operators, a row each (rows.h): name, doc, class, traits, value, gradient, domain of the
 * samples, and a golden case from a table, so that a wrong formula cannot pass both kernel and reference.
 *
 * In the gradient columns x, z, y, gy are nodes. Where a rule divides, mulz keeps a gradient of 0 at 0
 * whatever the other factor is, so that nothing leaks from the side of a choice that was not taken. At a tie
 * max and min pass the gradient to the first; they compare it with y, not z: what a relu was made of need not
 * be kept beside what it made, which the next layer's gradient reads anyway. */
#include "ops/rows.h"

static bool fixed_power(const Node *z) {
    double power;
    return node_number(z, &power);
}

static Node *less_one(Node *z) {
    double power;
    return node_number(z, &power) ? g_like(z, power - 1) : g_sub(z, g_like(z, 1));
}

/* clang-format off */
#define STEP (STOPS_GRAD | PIECEWISE)
#define ZERO NULL

UNARY(neg, "-x", NUMBER, LINEAR | CHEAP, -x, g_neg(gy), -2, 2, 3, -3)
UNARY(abs, "|x|", NUMBER, PIECEWISE | CHEAP, x < 0 ? -x : x, g_mul(gy, g_sign(x)), -2, 2, -3, 3)
UNARY(sign, "-1, 0 or 1", NUMBER, STEP | CHEAP, x > 0 ? 1 : x < 0 ? -1 : x, ZERO, -2, 2, -3, -1)
UNARY(square, "x^2", NUMBER, CHEAP, x * x, g_mulz(gy, g_add(x, x)), -2, 2, -3, 9)
UNARY(sqrt, "x^(1/2); its gradient is 0 at 0", FLOAT, 0, SQRT(x), g_mulz(gy, g_inv_or_zero(g_add(y, y))), .3, 3, 2, 1.4142135623730951)
UNARY(inv, "1/x", FLOAT, 0, 1 / x, g_neg(g_mulz(gy, g_square(y))), .5, 2, 4, .25)
UNARY(inv_or_zero, "1/x, 0 at 0", FLOAT, 0, x == 0 ? x : 1 / x, g_neg(g_mulz(gy, g_square(y))), .5, 2, 4, .25)
UNARY(exp, "e^x", FLOAT, 0, EXP(x), g_mulz(gy, y), -2, 2, 1, 2.718281828459045)
UNARY(log, "natural logarithm", FLOAT, 0, LOG(x), g_mulz(gy, g_inv(x)), .3, 3, 2, .6931471805599453)
UNARY(sin, "sine", FLOAT, 0, SIN(x), g_mul(gy, g_cos(x)), -3, 3, 1, .8414709848078965)
UNARY(cos, "cosine", FLOAT, 0, COS(x), g_neg(g_mul(gy, g_sin(x))), -3, 3, 1, .5403023058681398)
UNARY(tanh, "hyperbolic tangent", FLOAT, 0, TANH(x), g_mul(gy, g_sub(g_like(y, 1), g_square(y))), -2, 2, 1, .7615941559557649)
UNARY(sigmoid, "1/(1 + e^-x)", FLOAT, 0, SIGMOID(x), g_mul(gy, g_mul(y, g_sub(g_like(y, 1), y))), -3, 3, 1, .7310585786300049)
UNARY(softplus, "log(1 + e^x)", FLOAT, 0, SOFTPLUS(x), g_mul(gy, g_sigmoid(x)), -3, 3, 1, 1.3132616875182228)
UNARY(floor, "the next whole number below", NUMBER, STEP | CHEAP, FLOOR(x), ZERO, -3, 3, -1.5, -2)
UNARY(round, "the nearest whole number, an even one from between two", NUMBER, STEP | CHEAP, ROUND(x), ZERO, -3, 3, 2.5, 2)
UNARY(to_float, "x as float", AS_FLOAT, STEP | CHEAP, x, ZERO, -3, 3, 2, 2)
UNARY(to_int, "x as int, toward zero", AS_INT, STEP | CHEAP, CUT(x), ZERO, -3, 3, -2.7, -2)
UNARY(to_bool, "x != 0", AS_BOOL, STEP | CHEAP, x != 0, ZERO, -3, 3, -2, 1)
UNARY(not, "true where x is false", LOGIC, STEP | CHEAP, x == 0, ZERO, 0, 1, 1, 0)

BINARY(add, "x + z", NUMBER, LINEAR | COMMUTES | CHEAP, x + z, gy, gy, -2, 2, 2, 3, 5)
BINARY(sub, "x - z", NUMBER, LINEAR | CHEAP, x - z, gy, g_neg(gy), -2, 2, 2, 3, -1)
BINARY(mul, "x*z", NUMBER, COMMUTES | CHEAP, x * z, g_mul(gy, z), g_mul(gy, x), -2, 2, 2, 3, 6)
BINARY(mulz, "x*z, 0 where one of them is 0", FLOAT, COMMUTES | CHEAP, ((x == 0) | (z == 0)) ? 0 : x * z, g_mulz(gy, z), g_mulz(gy, x), -2, 2, 2, 3, 6)
BINARY(div, "x/z", FLOAT, 0, x / z, g_mulz(gy, g_inv(z)), g_neg(g_mulz(gy, g_div(y, z))), 1, 3, 3, 2, 1.5)
BINARY(pow, "x^z", FLOAT, 0, POW(x, z), g_mulz(gy, g_mulz(z, g_pow(x, less_one(z)))), fixed_power(z) ? NULL : g_mulz(gy, g_mulz(y, g_log(x))), .5, 2, 2, 10, 1024)
BINARY(mod, "x less whole z's: the rest has the sign of z", NUMBER, PIECEWISE, MOD(x, z), gy, g_neg(g_mul(gy, g_floor(g_div(x, z)))), 1, 3, -7, 3, 2)
BINARY(max, "the larger", NUMBER, PIECEWISE | CHEAP, ((z <= x) | (x != x)) ? x : z, g_select(g_ge(x, y), gy, g_like(gy, 0)), g_select(g_ge(x, y), g_like(gy, 0), gy), -2, 2, 2, 3, 3)
BINARY(min, "the smaller", NUMBER, PIECEWISE | CHEAP, ((x <= z) | (x != x)) ? x : z, g_select(g_le(x, y), gy, g_like(gy, 0)), g_select(g_le(x, y), g_like(gy, 0), gy), -2, 2, 2, 3, 2)
BINARY(eq, "x == z", EQUAL, STEP | COMMUTES | CHEAP, x == z, ZERO, ZERO, -2, 2, 2, 3, 0)
BINARY(ne, "x != z", EQUAL, STEP | COMMUTES | CHEAP, x != z, ZERO, ZERO, -2, 2, 2, 3, 1)
BINARY(lt, "x < z", ORDER, STEP | CHEAP, x < z, ZERO, ZERO, -2, 2, 2, 3, 1)
BINARY(le, "x <= z", ORDER, STEP | CHEAP, x <= z, ZERO, ZERO, -2, 2, 3, 3, 1)
BINARY(gt, "x > z", ORDER, STEP | CHEAP, x > z, ZERO, ZERO, -2, 2, 2, 3, 0)
BINARY(ge, "x >= z", ORDER, STEP | CHEAP, x >= z, ZERO, ZERO, -2, 2, 2, 3, 0)
BINARY(and, "both", LOGIC, STEP | COMMUTES | CHEAP, (x != 0) & (z != 0), ZERO, ZERO, 0, 1, 1, 0, 0)
BINARY(or, "one or both", LOGIC, STEP | COMMUTES | CHEAP, (x != 0) | (z != 0), ZERO, ZERO, 0, 1, 1, 0, 1)
/* clang-format on */

/* What the classes do with types. */

static bool taken(unsigned takes, DType t) { return takes >> t & 1; }

bool rows_infer(const Node *n, Tensor *out, unsigned takes, int gives) {
    Tensor t = n->src[0]->type;
    for (int k = 0; k < n->nsrc; k++) {
        if (!taken(takes, n->src[k]->type.dtype))
            return reject(n, "not for %s", dtype_name(n->src[k]->type.dtype));
        if (!tensor_equal(&n->src[k]->type, &t))
            return reject(n, "%s %s and %s %s are not alike", dtype_name(t.dtype), show(n, 0),
                          dtype_name(n->src[k]->type.dtype), show(n, k));
    }
    *out = tensor_of(gives == GIVES_SAME ? t.dtype : (DType)gives, t.shape);
    return true;
}

Node *rows_build(Graph *g, const Op *op, int nsrc, Node *const *src, unsigned takes) {
    Node *arg[2] = {src[0], src[nsrc - 1]};
    if (takes == TAKES_LOGIC)
        for (int k = 0; k < nsrc; k++)
            if (src[k]->type.dtype != U8)
                return refuse(g, op, tensor_of(U8, src[0]->type.shape), "bool is wanted, not %s %s",
                              dtype_name(src[k]->type.dtype), show_of(src[k]));
    if (nsrc == 1 && !taken(takes, src[0]->type.dtype) && takes != TAKES_FLOAT && takes != TAKES_NUMBER)
        return src[0]; /* a conversion to the type it has */
    DType to = level_common(nsrc, src, takes == TAKES_FLOAT ? F32 : takes == TAKES_NUMBER ? I32 : U8);
    for (int k = 0; k < nsrc && taken(takes, to); k++) arg[k] = level_type(src[k], to);
    if (nsrc > 1 && !level_shapes(g, op, nsrc, arg, arg)) return arg[0];
    double power;
    if (op == &op_pow && node_number(arg[1], &power) && power == 2) return g_square(arg[0]);
    return emit(g, op, nsrc, arg, NULL);
}

/* select: the language's if(c, x, z) where c is not known when the spec is compiled. By masks of bits: a choice by
 * bytes between wider numbers takes twice as long. */
#define SELECT_KERNEL(ISA, fn, T)                                                                       \
    TARGET_##ISA static void fn##_##ISA(int64_t n, const void *const *in, void *out, const MapEnv *e) { \
        const uint8_t *c = in[0], c0 = c[0];                                                            \
        const T *x = in[1], *z = in[2], x0 = x[0], z0 = z[0];                                           \
        T *y = out;                                                                                     \
        switch (e->numbers) {                                                                           \
        case 0: SELECT_LOOP(T, c[i], x[i], z[i]) break;                                                 \
        case 1: SELECT_LOOP(T, c0, x[i], z[i]) break;                                                   \
        case 2: SELECT_LOOP(T, c[i], x0, z[i]) break;                                                   \
        case 3: SELECT_LOOP(T, c0, x0, z[i]) break;                                                     \
        case 4: SELECT_LOOP(T, c[i], x[i], z0) break;                                                   \
        case 5: SELECT_LOOP(T, c0, x[i], z0) break;                                                     \
        case 6: SELECT_LOOP(T, c[i], x0, z0) break;                                                     \
        default: SELECT_LOOP(T, c0, x0, z0)                                                             \
        }                                                                                               \
    }
#define SELECT_LOOP(T, C, X, Z)                                                                         \
    SIMD for (int64_t i = 0; i < n; i++) {                                                              \
        const T mask = (T)(0u - (T)(C));                                                                \
        y[i] = (T)(((X) & mask) | ((Z) & ~mask));                                                       \
    }
typedef uint32_t __attribute__((may_alias)) Bits32;
EACH_ISA(SELECT_KERNEL, select_32, Bits32)
EACH_ISA(SELECT_KERNEL, select_8, uint8_t)

static bool select_infer(const Node *n, Tensor *out) {
    const Tensor *c = &n->src[0]->type, *x = &n->src[1]->type, *z = &n->src[2]->type;
    if (c->dtype != U8 || !tensor_equal(x, z) || !shape_equal(&c->shape, &x->shape))
        return reject(n, "%s %s, %s %s, %s %s are not alike", dtype_name(c->dtype), show(n, 0),
                      dtype_name(x->dtype), show(n, 1), dtype_name(z->dtype), show(n, 2));
    *out = *x;
    return true;
}

static Node *select_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    (void)attr;
    if (src[0]->type.dtype != U8)
        return refuse(g, &op_select, src[1]->type, "the condition is %s %s, not bool",
                      dtype_name(src[0]->type.dtype), show_of(src[0]));
    DType to = level_common(2, src + 1, U8);
    Node *arg[3] = {src[0], level_type(src[1], to), level_type(src[2], to)};
    if (!level_shapes(g, &op_select, nsrc, arg, arg)) return arg[0];
    return emit(g, &op_select, nsrc, arg, NULL);
}

static void select_grad(const Node *n, Node *gy, Node **gx) {
    gx[1] = g_select(n->src[0], gy, g_like(gy, 0));
    gx[2] = g_select(n->src[0], g_like(gy, 0), gy);
}

static void select_ref(const Node *n, const double *const *in, double *out) {
    for (int64_t i = 0, count = NODE_COUNT(n); i < count; i++) out[i] = in[0][i] != 0 ? in[1][i] : in[2][i];
}

static const Sample select_samples[] = {
    {"float", 3, {{U8, SHAPE_3_7}, {F32, SHAPE_3_7}, {F32, SHAPE_3_7}}, NULL, -2, 2},
    {"int", 3, {{U8, SHAPE_3_7}, {I32, SHAPE_3_7}, {I32, SHAPE_3_7}}, NULL, -2, 2},
    {"bool", 3, {{U8, SHAPE_3_7}, {U8, SHAPE_3_7}, {U8, SHAPE_3_7}}, NULL, 0, 1},
    {0},
};

OP(select, .doc = "x where c is true, else z", .call = "c, x, z", .arity = 3,
   .traits = ELEMENTWISE | PIECEWISE | CHEAP, .build = select_build, .infer = select_infer,
   .grad = select_grad, .map = {MAPS(select_32, F32), MAPS(select_32, I32), MAPS(select_8, U8)},
   .ref = select_ref, .samples = select_samples)

Node *g_select(Node *c, Node *x, Node *z) { return op_apply(c->graph, &op_select, 3, NODES(c, x, z), NULL); }
