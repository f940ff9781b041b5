/* Eigenvalues and eigenvectors of a symmetric matrix x (of (x + x^T)/2: the builders make it symmetric).
 *
 *   x = sum over i of values[i] * vectors[i] vectors[i]^T, values ascending, vectors the rows of an
 * orthogonal matrix,
 *
 * each with its largest component positive, so that it is the same one whoever computes it. */
#include "kern/kern.h"
#include "ops/ops.h"

#include <math.h>
#include <string.h>

static Node *symmetric(Node *x) {
    Node *sum = g_add(x, g_transpose(x));
    return g_mul(sum, g_like(sum, .5));
}

static Node *eigen_build(Graph *g, const Op *op, Node *x) {
    const Shape *s = &x->type.shape;
    x = level_type(x, F32);
    if (s->rank != 2 || s->dim[0] != s->dim[1])
        return refuse(g, op, x->type, "a square matrix is wanted, not %s", show_of(x));
    x = symmetric(x);
    return emit(g, op, 1, &x, NULL);
}

static Node *values_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    (void)nsrc, (void)attr;
    return eigen_build(g, &op_eigen_values, src[0]);
}
static Node *vectors_build(Graph *g, int nsrc, Node *const *src, const void *attr) {
    (void)nsrc, (void)attr;
    return eigen_build(g, &op_eigen_vectors, src[0]);
}

static bool values_infer(const Node *n, Tensor *out) {
    *out = tensor_of(F32, SHAPE(n->src[0]->type.shape.dim[0]));
    return true;
}
static bool vectors_infer(const Node *n, Tensor *out) {
    *out = n->src[0]->type;
    return true;
}

/* V^T a V: from the vectors' own axes back to x's. */
static Node *back(Node *V, Node *a) { return g_matmul(g_transpose(V), g_matmul(a, V)); }

static Node *column(Node *v) {
    Shape s = SHAPE(v->type.shape.dim[0], 1);
    return g_reshape(v, &s);
}

/* d values[i] = vectors[i]^T dx vectors[i] */
static void values_grad(const Node *n, Node *gy, Node **gx) {
    Node *V = emit(n->graph, &op_eigen_vectors, 1, n->src, NULL);
    gx[0] = g_matmul(g_transpose(V), g_mul(column(gy), V));
}

/* d vectors[i] = sum over j != i of vectors[j] (vectors[j]^T dx vectors[i])/(values[i] - values[j]); vectors
 * of equal values are not defined, and get 0. */
static void vectors_grad(const Node *n, Node *gy, Node **gx) {
    Node *V = n->graph->node.at[n->id], *values = emit(n->graph, &op_eigen_values, 1, n->src, NULL);
    Node *apart = g_inv_or_zero(g_sub(g_broadcast(column(values), &V->type.shape), values));
    gx[0] = symmetric(back(V, g_mul(g_matmul(gy, g_transpose(V)), apart)));
}

/* ---- running: LAPACK ---- */

#define POINT_UP(name, T, size)                             \
    static void name(int64_t n, T *vectors) {               \
        for (T *v = vectors; v < vectors + n * n; v += n) { \
            int64_t top = 0;                                \
            for (int64_t k = 1; k < n; k++)                 \
                if (size(v[k]) > size(v[top])) top = k;     \
            T turn = v[top] < 0 ? -1 : 1;                   \
            for (int64_t k = 0; k < n; k++) v[k] *= turn;   \
        }                                                   \
    }
POINT_UP(point_up, float, fabsf)
POINT_UP(point_up_double, double, fabs)

static bool eigen_prepare(Instr *i) {
    size_t n = (size_t)i->in[0].type.shape.dim[0];
    i->scratch_size = (n + n * n + eigen_scratch((int64_t)n)) * sizeof(float);
    return true;
}

/* Both operators: values and vectors into scratch; what LAPACK gives up on is NaN. */
static void solve(const Instr *i, const void *x, float *scratch, float **values, float **vectors) {
    int64_t n = i->in[0].type.shape.dim[0];
    *values = scratch;
    *vectors = scratch + n;
    float *work = *vectors + n * n;
    if (!eigen_symmetric(n, x, *values, *vectors, work, eigen_scratch(n)))
        for (int64_t k = 0; k < n + n * n; k++) scratch[k] = NAN;
    point_up(n, *vectors);
}

static void values_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    float *values, *vectors;
    solve(i, in[0], scratch, &values, &vectors);
    memcpy(out[0], values, (size_t)i->in[0].type.shape.dim[0] * sizeof *values);
}

static void vectors_eval(const Instr *i, const void *const *in, void *const *out, void *scratch) {
    float *values, *vectors;
    int64_t n = i->in[0].type.shape.dim[0];
    solve(i, in[0], scratch, &values, &vectors);
    memcpy(out[0], vectors, (size_t)(n * n) * sizeof *vectors);
}

/* ---- reference: Jacobi's rotations ---- */

static void rotate(int64_t n, double *a, double *v, int64_t p, int64_t q) {
    if (a[p * n + q] == 0) return;
    double t = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
    t = (t < 0 ? -1 : 1) / (fabs(t) + sqrt(t * t + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    for (int64_t k = 0; k < n; k++) {
        double x = a[k * n + p], y = a[k * n + q];
        a[k * n + p] = c * x - s * y, a[k * n + q] = s * x + c * y;
    }
    for (int64_t k = 0; k < n; k++) {
        double x = a[p * n + k], y = a[q * n + k];
        a[p * n + k] = c * x - s * y, a[q * n + k] = s * x + c * y;
        x = v[p * n + k], y = v[q * n + k];
        v[p * n + k] = c * x - s * y, v[q * n + k] = s * x + c * y;
    }
}

static void jacobi(const Node *node, const double *x, double *values, double *vectors) {
    enum { SWEEPS = 30 };
    int64_t n = node->src[0]->type.shape.dim[0];
    Arena *scratch = scratch_for(node);
    double *a = arena_copy(scratch, x, (size_t)(n * n) * sizeof *a);
    double *v = ARENA_ARRAY(scratch, double, n * n);
    for (int64_t k = 0; k < n; k++) v[k * n + k] = 1;
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) rotate(n, a, v, p, q);
    point_up_double(n, v);
    for (int64_t i = 0; i < n; i++) {
        int64_t rank = 0;
        for (int64_t k = 0; k < n; k++)
            rank += a[k * n + k] < a[i * n + i] || (a[k * n + k] == a[i * n + i] && k < i);
        if (values) values[rank] = a[i * n + i];
        if (vectors) memcpy(vectors + rank * n, v + i * n, (size_t)n * sizeof *v);
    }
    arena_free(scratch);
}

static void values_ref(const Node *n, const double *const *in, double *out) { jacobi(n, in[0], out, NULL); }
static void vectors_ref(const Node *n, const double *const *in, double *out) { jacobi(n, in[0], NULL, out); }

static const Sample eigen_samples[] = {{"five", 1, {{F32, {2, {5, 5}}}}, NULL, -1, 1}, {0}};

static const Sample eigen_large = {"64", 1, {{F32, {2, {64, 64}}}}, NULL, -1, 1};

OP(eigen_values, .doc = "the eigenvalues of a symmetric matrix, ascending", .call = "x", .arity = 1,
   .traits = THREADS_VARY, .build = values_build, .infer = values_infer, .grad = values_grad,
   .prepare = eigen_prepare, .eval = values_eval, .ref = values_ref, .samples = eigen_samples, .large = &eigen_large)

OP(eigen_vectors, .doc = "the eigenvectors of a symmetric matrix, as rows, by ascending eigenvalue",
   .call = "x", .arity = 1, .traits = THREADS_VARY, .build = vectors_build, .infer = vectors_infer,
   .grad = vectors_grad, .prepare = eigen_prepare, .eval = vectors_eval, .ref = vectors_ref,
   .samples = eigen_samples, .large = &eigen_large)
