/* Every operator, from the table: for each sample its float kernel against the double reference, its gradient
 * and its gradient's gradient against central differences in double; golden values; and the laws that the
 * table must obey. No operator has a test of its own here: adding one adds its tests. */
#include "build.h"
#include "exec/exec.h"
#include "grad/grad.h"
#include "base/rng.h"
#include "kern/kern.h"
#include "kern/vecmath.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { SRC_MOST = 4, BYTES_BEHIND = 64 };

/* ---- a sample as a graph: its sources are slots ---- */

typedef struct {
    const Op *op;
    const Sample *sample;
} Case;

typedef struct {
    Arena *arena;
    Graph *g;
    Node *x[SRC_MOST], *y;
    int nsrc;
    double *value[SRC_MOST]; /* the slots' values */
} Bench;

static uint64_t dice;
static double chance(void) { return rng_unit(rng_word(rng_stream(7, 7, 0, 0), dice++)); }

/* Over many orders of magnitude each comes as often as the next: evenly drawn, all but a few numbers are of the highest. */
static void fill(double *v, const Tensor *t, double low, double high) {
    bool orders = low > 0 && high > 1e4 * low;
    for (int64_t i = 0; i < shape_count(&t->shape); i++) {
        double u = chance(), x = orders ? low * pow(high / low, u) : low + (high - low) * u;
        v[i] = t->dtype == F32 ? (double)(float)x : t->dtype == I32 ? rint(x) : (double)(chance() < .5);
    }
}

static Bench bench_new(const Op *op, const Sample *s) {
    Bench b = {.arena = arena_new(), .nsrc = s->nsrc};
    Slots *slots = ARENA_NEW(b.arena, Slots);
    slots->arena = b.arena;
    b.g = graph_new(b.arena, diags_new(b.arena), slots, "test");
    dice = 0;
    for (int k = 0; k < s->nsrc; k++) {
        slot_add(slots, (Slot){.name = arena_printf(b.arena, "x%d", k), .type = s->src[k]});
        b.x[k] = g_slot(b.g, k);
        b.value[k] = ARENA_ARRAY(b.arena, double, NODE_COUNT(b.x[k]));
        fill(b.value[k], &s->src[k], s->low, s->high);
    }
    b.y = op_apply(b.g, op, s->nsrc, b.x, s->attr);
    if (b.g->diags->errors) diags_print(b.g->diags, stderr, false);
    assert_int_equal(b.g->diags->errors, 0);
    char why[200];
    if (!graph_verify(b.g, why, sizeof why)) fail_msg("%s", why);
    return b;
}

static const double **evaluate(const Bench *b, uint64_t *branch) {
    double **values = ARENA_ARRAY(b->arena, double *, b->g->node.n);
    ref_run(b->g, 99, (const double *const *)b->value, NULL, values, branch, b->arena);
    return (const double **)values;
}

/* ---- kernels ---- */

typedef struct {
    unsigned char *block, *data;
    size_t size;
} Buffer;

/* `shift` bytes off alignment, with a pattern behind and before that must survive. */
static Buffer buffer_new(size_t size, size_t shift) {
    Buffer b = {.size = size};
    b.block = aligned_alloc(64, (size + shift + 2 * BYTES_BEHIND + 63) / 64 * 64);
    assert_non_null(b.block);
    memset(b.block, 0xA5, size + shift + 2 * BYTES_BEHIND);
    b.data = b.block + BYTES_BEHIND + shift;
    return b;
}

static void buffer_check(const Buffer *b) {
    for (size_t i = 0; i < BYTES_BEHIND; i++) {
        assert_int_equal(b->data[b->size + i], 0xA5);
        assert_int_equal(b->data[-1 - (ptrdiff_t)i], 0xA5);
    }
}

static void store(void *to, DType t, int64_t n, const double *from) {
    for (int64_t i = 0; i < n; i++) {
        if (t == F32)
            ((float *)to)[i] = (float)from[i];
        else if (t == I32)
            ((int32_t *)to)[i] = (int32_t)from[i];
        else
            ((uint8_t *)to)[i] = from[i] != 0;
    }
}

static double load(const void *from, DType t, int64_t i) {
    return t == F32   ? (double)((const float *)from)[i]
           : t == I32 ? ((const int32_t *)from)[i]
                      : ((const uint8_t *)from)[i];
}

/* Floats agree within `ulps` of the larger of the value and `scale`; all else exactly. */
static void compare(const void *got, DType t, int64_t n, const double *want, double ulps, double scale) {
    for (int64_t i = 0; i < n; i++) {
        double g = load(got, t, i), bound = t == F32 ? ulps * 0x1p-23 * fmax(fabs(want[i]), scale) : 0;
        if (isnan(g) && isnan(want[i])) continue;
        if (!(fabs(g - want[i]) <= bound)) fail_msg("element %ld: %.9g, reference %.9g", (long)i, g, want[i]);
    }
}

static Buffer dense_buffer(DType t, int64_t n, const double *values, size_t shift) {
    Buffer b = buffer_new((size_t)n * dtype_size(t), shift * dtype_size(t));
    if (values) store(b.data, t, n, values);
    return b;
}

/* The operator on longer sources: what a map kernel is run on. */
static Bench bench_long(const Op *op, const Sample *s, int64_t n, double low, double high) {
    Sample t = *s;
    DrawAttr draw;
    if (op->traits & RANDOM) {
        draw = *(const DrawAttr *)s->attr;
        draw.shape = (Ints){1, {n}};
        t.attr = &draw;
    } else {
        for (int k = 0; k < t.nsrc; k++) t.src[k].shape = SHAPE(n);
    }
    t.low = low;
    t.high = high;
    return bench_new(op, &t);
}

enum { APART = -1 };

/* Runs a map kernel on the first n elements, `block` at a time, each block copied to its own place `shift` elements
 * off alignment. over: the source whose place the result takes, as the planner may do it; or APART. */
static void run_map(const Bench *b, const double **values, Map *map, int64_t n, int64_t block, size_t shift, int over,
                    void *out) {
    const Node *y = b->y;
    DType t = y->type.dtype;
    bool draw = y->op->traits & RANDOM;
    Buffer src[SRC_MOST], apart = dense_buffer(t, block, NULL, shift);
    for (int k = 0; k < y->nsrc; k++) src[k] = dense_buffer(y->src[k]->type.dtype, draw ? 1 : block, NULL, shift);
    for (int64_t at = 0; at < n; at += block) {
        int64_t m = n - at < block ? n - at : block;
        const void *in[SRC_MOST];
        for (int k = 0; k < y->nsrc; k++) {
            store(src[k].data, y->src[k]->type.dtype, draw ? 1 : m, values[y->src[k]->id] + (draw ? 0 : at));
            in[k] = src[k].data;
        }
        Buffer to = over == APART ? apart : src[over];
        to.size = (size_t)m * dtype_size(t);
        if (m < block) memset(to.data + to.size, 0xA5, BYTES_BEHIND);
        map(m, in, to.data, &(MapEnv){y->attr, 99, at, 0});
        buffer_check(&to);
        memcpy((char *)out + (size_t)at * dtype_size(t), to.data, to.size);
    }
    for (int k = 0; k < y->nsrc; k++) free(src[k].block);
    free(apart.block);
}

/* A source that is one number gives the bits of that number repeated, whichever sources are numbers. */
static void check_numbers(const Bench *b, const double **values, Map *map) {
    enum { N = 101 };
    for (unsigned numbers = 1; numbers < 1u << b->y->nsrc; numbers++) {
        DType t = b->y->type.dtype;
        Buffer many[SRC_MOST], to = dense_buffer(t, N, NULL, 0), all = dense_buffer(t, N, NULL, 0);
        const void *in[SRC_MOST];
        for (int k = 0; k < b->y->nsrc; k++) {
            double repeated[N];
            const double *x = values[b->y->src[k]->id];
            for (int i = 0; i < N; i++) repeated[i] = numbers >> k & 1 ? x[0] : x[i];
            many[k] = dense_buffer(b->y->src[k]->type.dtype, N, repeated, 0);
            in[k] = many[k].data;
        }
        map(N, in, all.data, &(MapEnv){.attr = b->y->attr});
        for (int k = 0; k < b->y->nsrc; k++) {
            size_t one = dtype_size(b->y->src[k]->type.dtype);
            if (numbers >> k & 1) memset(many[k].data + one, 1, (N - 1) * one); /* must not matter */
        }
        map(N, in, to.data, &(MapEnv){.attr = b->y->attr, .numbers = numbers});
        assert_memory_equal(to.data, all.data, N * dtype_size(t));
        buffer_check(&to);
        free(to.block), free(all.block);
        for (int k = 0; k < b->y->nsrc; k++) free(many[k].block);
    }
}

/* Every variant that this CPU runs, against the reference; and the same bits in blocks of any length, at any place, and
 * where the result takes the place of a source. */
static void check_map(const Op *op, const Sample *s, double low, double high, double ulps, double scale) {
    enum { LONG = 5003, SHORT = 701, LENGTHS = 70 };
    Bench b = bench_long(op, s, LONG, low, high);
    const double **values = evaluate(&b, NULL);
    if (b.y->op != op) { /* a conversion to the type it has */
        arena_free(b.arena);
        return;
    }
    size_t width = dtype_size(b.y->type.dtype);
    void *whole = malloc(LONG * width), *parts = malloc(LONG * width);
    for (int isa = 0; isa <= isa_level(); isa++) {
        Map *map = op->map[isa][b.y->src[b.y->nsrc - 1]->type.dtype];
        assert_non_null(map);
        run_map(&b, values, map, LONG, LONG, 0, APART, whole);
        compare(whole, b.y->type.dtype, LONG, values[b.y->id], ulps, scale);
        if (!(op->traits & RANDOM)) check_numbers(&b, values, map);
        for (int over = APART; over < (op->traits & RANDOM ? 0 : b.y->nsrc); over++) {
            if (over != APART && b.y->src[over]->type.dtype != b.y->type.dtype) continue;
            for (int64_t block = 1; block <= LENGTHS; block++) {
                run_map(&b, values, map, SHORT, block, (size_t)(block * 5 % 17), over, parts);
                if (memcmp(whole, parts, SHORT * width))
                    fail_msg("other bits in blocks of %ld, variant %d, over source %d", (long)block, isa, over);
            }
            for (int64_t block = 1000; block <= 2048; block += 1048) {
                run_map(&b, values, map, LONG, block, (size_t)(block % 17), over, parts);
                assert_memory_equal(whole, parts, LONG * width);
            }
        }
    }
    free(whole);
    free(parts);
    arena_free(b.arena);
}

/* Runs a reduction over the rows of [rows, inner] in blocks of `block` rows: each merged, or folded upon those before.
 * Source and sums lie `shift` elements off alignment. */
static void run_reduce(const Bench *b, const double *x, int64_t block, bool merged, size_t shift, void *out) {
    const Tensor *t = &b->x[0]->type;
    const Reduce *r = b->y->op->reduce[t->dtype];
    int64_t rows = t->shape.dim[0], inner = t->shape.dim[1];
    size_t planes = (size_t)r->planes * (size_t)inner * sizeof(float), width = dtype_size(t->dtype);
    Buffer from = dense_buffer(t->dtype, rows * inner, x, shift), to = dense_buffer(b->y->type.dtype, inner, NULL, shift);
    Buffer acc = buffer_new(planes, shift * sizeof(float)), later = buffer_new(planes, (shift + 1) * sizeof(float));
    float *sums = (float *)(void *)acc.data, *more = merged ? (float *)(void *)later.data : sums;
    r->start(sums, inner);
    for (int64_t row = 0; row < rows; row += block) {
        if (merged) r->start(more, inner);
        r->block(more, inner, from.data + (size_t)(row * inner) * width, rows - row < block ? rows - row : block, inner);
        if (merged) r->merge(sums, more, inner);
    }
    r->finish(sums, to.data, inner, rows);
    memcpy(out, to.data, to.size);
    const Buffer *const all[] = {&from, &to, &acc, &later};
    for (int k = 0; k < 4; k++) {
        buffer_check(all[k]);
        free(all[k]->block);
    }
}

/* In one block, in three that are merged, and block upon block: near the reference, and at any place the same bits. */
static void check_reduce(const Op *op, DType t, int64_t rows, int64_t inner, double low, double high) {
    Sample s = {"", 1, {{t, SHAPE(rows, inner)}}, &(ReduceAttr){{1, {0}}, false}, low, high};
    Bench b = bench_new(op, &s);
    const double **values = evaluate(&b, NULL), *x = values[b.x[0]->id];
    const struct {
        int64_t block;
        bool merged;
        int bounds;
    } way[] = {{rows, true, 1}, {(rows + 2) / 3, true, 1}, {5, false, 2}};
    double bound = op->traits & PIECEWISE ? 0 : 4 + sqrt((double)rows), scale = sqrt((double)rows) * high;
    size_t size = (size_t)inner * dtype_size(b.y->type.dtype);
    void *out = malloc(size), *again = malloc(size);
    for (size_t k = 0; k < sizeof way / sizeof *way; k++) {
        run_reduce(&b, x, way[k].block, way[k].merged, 0, out);
        compare(out, b.y->type.dtype, inner, values[b.y->id], way[k].bounds * bound, scale);
        for (size_t shift = 1; shift < 17; shift++) {
            run_reduce(&b, x, way[k].block, way[k].merged, shift, again);
            assert_memory_equal(out, again, size);
        }
    }
    free(out), free(again);
    arena_free(b.arena);
}

/* An operator with a kernel of its own, at each place where the sample's graph has it. */
static void check_eval(const Bench *b, const double **values, const Node *y) {
    Operand in[SRC_MOST] = {0}, out = {.type = y->type};
    Buffer src[SRC_MOST], to = dense_buffer(y->type.dtype, NODE_COUNT(y), NULL, 0);
    const void *from[SRC_MOST];
    double terms = y->op->flops ? y->op->flops(y) / (double)NODE_COUNT(y) : 1;
    Instr i = {.op = y->op, .attr = y->attr, .nin = y->nsrc, .nout = 1, .in = in, .out = &out};
    for (int k = 0; k < y->nsrc; k++) {
        in[k].type = y->src[k]->type;
        src[k] = dense_buffer(in[k].type.dtype, NODE_COUNT(y->src[k]), values[y->src[k]->id], 0);
        from[k] = src[k].data;
    }
    if (y->op->prepare) assert_true(y->op->prepare(&i));
    Buffer scratch = buffer_new(i.scratch_size, 0);
    y->op->eval(&i, from, (void *[]){to.data}, scratch.data);
    compare(to.data, y->type.dtype, NODE_COUNT(y), values[y->id], 4 + sqrt(terms), sqrt(terms));
    if (!(y->op->traits & THREADS_VARY)) { /* the same bits from one thread and from four */
        Buffer again = dense_buffer(y->type.dtype, NODE_COUNT(y), NULL, 0);
        par_threads(4);
        y->op->eval(&i, from, (void *[]){again.data}, scratch.data);
        par_threads(1);
        assert_memory_equal(to.data, again.data, to.size);
        free(again.block);
    }
    for (int k = 0; k < y->nsrc; k++) {
        Buffer same = dense_buffer(in[k].type.dtype, NODE_COUNT(y->src[k]), values[y->src[k]->id], 0);
        assert_memory_equal(same.data, src[k].data, same.size);
        free(same.block);
        free(src[k].block);
    }
    if (y->op->release) y->op->release(&i);
    buffer_check(&to);
    buffer_check(&scratch);
    free(to.block);
    free(scratch.block);
    (void)b;
}

static void test_kernel(void **state) {
    const Case *c = *state;
    const Op *op = c->op;
    if (op->traits & (ELEMENTWISE | RANDOM)) {
        check_map(op, c->sample, c->sample->low, c->sample->high, 4, 1e-3);
    } else if (op->traits & REDUCES) {
        static const int64_t cuts[][2] = {{1, 1},   {7, 1},    {1000, 1}, {37, 3},
                                          {5, 300}, {129, 31}, {3, 1000}, {130, 32}};
        for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++) {
            if (cuts[k][0] == 1) continue; /* the builder makes a reshape of it */
            check_reduce(op, c->sample->src[0].dtype, cuts[k][0], cuts[k][1], c->sample->low,
                         c->sample->high);
        }
    } else {
        Bench b = bench_new(op, c->sample);
        const double **values = evaluate(&b, NULL);
        for (int i = 0; i < b.g->node.n; i++)
            if (b.g->node.at[i]->op->eval) check_eval(&b, values, b.g->node.at[i]);
        arena_free(b.arena);
    }
}

/* ---- gradients, in double ---- */

static Node *random_tensor(Graph *g, const Tensor *t) {
    double *v = ARENA_ARRAY(g->arena, double, shape_count(&t->shape));
    fill(v, t, -1, 1);
    return g_tensor(g, *t, v);
}

/* sum of <x_i, r_i> over what is there. */
static Node *project(Graph *g, int n, Node *const *x) {
    Node *s = NULL;
    for (int k = 0; k < n; k++) {
        if (!x[k]) continue;
        Node *part = g_sum_all(g_mul(x[k], random_tensor(g, &x[k]->type)));
        s = s ? g_add(s, part) : part;
    }
    return s;
}

static double value_along(const Bench *b, const Node *y, double *const *v, double h, uint64_t *branch) {
    double *held[SRC_MOST];
    Bench moved = *b;
    for (int k = 0; k < b->nsrc; k++) {
        held[k] = ARENA_ARRAY(b->arena, double, NODE_COUNT(b->x[k]));
        for (int64_t i = 0; i < NODE_COUNT(b->x[k]); i++) held[k][i] = b->value[k][i] + h * v[k][i];
        moved.value[k] = held[k];
    }
    return evaluate(&moved, branch)[y->id][0];
}

/* The gradient of the scalar y in one random direction against the fourth-order central difference; a
 * direction in which a choice changes is redrawn. */
static void check_direction(const Bench *b, Node *y, double allowed) {
    Node *gx[SRC_MOST];
    gradient(y, NULL, b->nsrc, b->x, gx);
    char why[200];
    if (!graph_verify(b->g, why, sizeof why)) fail_msg("%s", why);
    uint64_t here, there;
    const double **values = evaluate(b, &here);
    const double h = 1e-3;
    for (int attempt = 0; attempt < 20; attempt++) {
        double *v[SRC_MOST], a = 0, size = 0;
        for (int k = 0; k < b->nsrc; k++) {
            v[k] = ARENA_ARRAY(b->arena, double, NODE_COUNT(b->x[k]));
            if (b->x[k]->type.dtype != F32) continue;
            fill(v[k], &b->x[k]->type, -1, 1);
            for (int64_t i = 0; gx[k] && i < NODE_COUNT(b->x[k]); i++) {
                a += values[gx[k]->id][i] * v[k][i];
                size += values[gx[k]->id][i] * values[gx[k]->id][i];
            }
        }
        double f[4];
        bool same = true;
        for (int p = 0; p < 4; p++) {
            f[p] = value_along(b, y, v, (double[]){-2, -1, 1, 2}[p] * h, &there);
            same &= here == there;
        }
        if (!same) continue;
        double d = (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * h);
        double scale = fmax(fmax(fabs(a), fabs(d)), 1e-3 * sqrt(size));
        if (!(fabs(a - d) <= allowed * fmax(scale, 1e-3))) fail_msg("gradient %.12g, difference %.12g", a, d);
        return;
    }
    fail_msg("every direction crosses a choice");
}

static bool differentiable(const Bench *b) {
    for (int k = 0; k < b->nsrc; k++)
        if (b->x[k]->type.dtype == F32 && b->y->type.dtype == F32) return true;
    return false;
}

static void test_grad(void **state) {
    const Case *c = *state;
    Bench b = bench_new(c->op, c->sample);
    if (differentiable(&b)) check_direction(&b, project(b.g, 1, &b.y), 1e-7);
    arena_free(b.arena);
}

static void test_grad2(void **state) {
    const Case *c = *state;
    Bench b = bench_new(c->op, c->sample);
    Node *gx[SRC_MOST], *ggx[SRC_MOST];
    if (differentiable(&b)) {
        gradient(project(b.g, 1, &b.y), NULL, b.nsrc, b.x, gx);
        Node *s = project(b.g, b.nsrc, gx);
        assert_non_null(s);
        check_direction(&b, s, 1e-6);
        gradient(s, NULL, b.nsrc, b.x, ggx);
        const double **values = evaluate(&b, NULL);
        bool zero = true;
        for (int k = 0; k < b.nsrc; k++)
            for (int64_t i = 0; ggx[k] && i < NODE_COUNT(ggx[k]); i++) zero &= values[ggx[k]->id][i] == 0;
        assert_int_equal(zero, (c->op->traits & (LINEAR | PIECEWISE)) != 0);
        for (int i = 0; i < b.g->node.n; i++) { /* closure */
            const Op *op = b.g->node.at[i]->op;
            assert_true(op->grad || op->traits & (STOPS_GRAD | REPEATS));
        }
    }
    arena_free(b.arena);
}

/* f(x + z) = f(x) + f(z) for what says that it is linear. */
static void test_linear(void **state) {
    const Case *c = *state;
    Bench b = bench_new(c->op, c->sample);
    if (c->op->traits & LINEAR && differentiable(&b)) {
        Bench other = b, both = b;
        for (int k = 0; k < b.nsrc; k++) {
            if (b.x[k]->type.dtype != F32) continue;
            other.value[k] = ARENA_ARRAY(b.arena, double, NODE_COUNT(b.x[k]));
            both.value[k] = ARENA_ARRAY(b.arena, double, NODE_COUNT(b.x[k]));
            fill(other.value[k], &b.x[k]->type, -1, 1);
            for (int64_t i = 0; i < NODE_COUNT(b.x[k]); i++)
                both.value[k][i] = b.value[k][i] + other.value[k][i];
        }
        const double *f = evaluate(&b, NULL)[b.y->id], *h = evaluate(&other, NULL)[b.y->id];
        const double *sum = evaluate(&both, NULL)[b.y->id];
        for (int64_t i = 0; i < NODE_COUNT(b.y); i++) assert_true(fabs(f[i] + h[i] - sum[i]) < 1e-12);
    }
    arena_free(b.arena);
}

/* ---- golden values of the rows ---- */

static void test_golden(void **state) {
    const Case *c = *state;
    const Op *op = c->op;
    DType t = op->map[0][F32] ? F32 : op->map[0][I32] ? I32 : U8;
    Sample s = {"", op->arity, {{t, {0, {0}}}, {t, {0, {0}}}}, NULL, 0, 0};
    Bench b = bench_new(op, &s);
    for (int k = 0; k < op->arity; k++) b.value[k][0] = op->golden[k];
    assert_true(b.y->op == op);
    double want = op->golden[op->arity], got = evaluate(&b, NULL)[b.y->id][0];
    assert_true(fabs(got - want) <= 1e-14 * fabs(want));
    arena_free(b.arena);
}

/* ---- accuracy of the float functions over wide ranges ---- */

typedef struct {
    const char *op;
    double low, high, ulps;
} Range;
static const Range ranges[] = {
    {"exp", -87, 88.7, 2},      {"exp", -1, 1, 1.5},   {"log", 1.2e-38, 3e38, 2}, {"log", .99, 1.01, 2},
    {"log", .3, 3, 2},          {"tanh", -10, 10, 3},  {"tanh", -.01, .01, 3},  {"sigmoid", -80, 30, 3},
    {"softplus", -80, 30, 3},   {"sin", -1e6, 1e6, 3}, {"cos", -1e6, 1e6, 3},   {"sin", -.1, .1, 3},
    {"pow", .01, 20, 2},        {"sqrt", 0, 1e30, 1},  {"inv", 1e-30, 1e30, 1}, {"div", 1e-10, 1e10, 1},
    {"square", -1e10, 1e10, 1}, {"tanh", 1.2e-38, 8, 3}, {"sin", 1.2e-38, 1e6, 3}, {"softplus", 1e-30, 1e30, 3},
    {"exp", 1e-30, 88, 2},      {"sigmoid", 1e-30, 80, 3},
};

static void test_range(void **state) {
    const Range *r = *state;
    const Op *op = op_named(r->op);
    check_map(op, op->samples, r->low, r->high, r->ulps, 0x1p-126);
}

/* Infinities, NaN, zeros and the smallest numbers come out as in libm. */
static void test_limits(void **state) {
    const Op *op = ((const Case *)*state)->op;
    static const float odd[] = {0, INFINITY, -INFINITY, NAN,    0x1p-149f, 0x1.8p-130f, -0x1p-149f,
                                1, -1,       3e38f,     -3e38f, 200,       -200}; /* float: storing a double flushes */
    enum { N = sizeof odd / sizeof *odd };
    Bench b = bench_long(op, op->samples, N, 0, 1);
    bool real = b.y->type.dtype == F32;
    for (int i = 0; i < N; i++) b.value[0][i] = odd[i];
    const double **values = evaluate(&b, NULL);
    float y[N];
    for (int isa = 0; real && isa <= isa_level(); isa++) {
        op->map[isa][F32](N, (const void *[]){odd}, y, &(MapEnv){0});
        for (int i = 0; i < N; i++) {
            float want = (float)values[b.y->id][i];
            bool same = isnan(want)   ? isnan(y[i])
                        : isinf(want) ? y[i] == want
                                      : fabsf(y[i] - want) <= 4 * 0x1p-23f * fabsf(want) + 0x1p-140f;
            bool huge = (op == &op_sin || op == &op_cos) && fabs(odd[i]) > 1e30;
            if (huge ? isfinite(odd[i]) && !(fabsf(y[i]) <= 1) : !same)
                fail_msg("%s(%g) = %g, not %g", op->name, odd[i], (double)y[i], (double)want);
        }
    }
    arena_free(b.arena);
}

/* ---- laws of the table, and random numbers ---- */

/* What a size of the result depends on is what changes it: each size of each source is made larger in turn. */
static void test_sizes(void **state) {
    const Case *c = *state;
    Bench b = bench_new(c->op, c->sample);
    const Node *y = b.y;
    for (int k = 0; k < y->nsrc; k++)
        for (int i = 0; i < y->src[k]->type.shape.rank; i++) {
            Node *n = arena_alloc(b.arena, sizeof *n + (size_t)y->nsrc * sizeof(Node *)), larger = *y->src[k];
            memcpy(n, y, sizeof *n + (size_t)y->nsrc * sizeof(Node *));
            n->src[k] = &larger;
            larger.type.shape.dim[i]++;
            Tensor type;
            Diags *loud = b.g->diags;
            b.g->diags = NULL;
            bool still = y->op->infer(n, &type);
            b.g->diags = loud;
            for (int axis = 0; still && axis < type.shape.rank; axis++)
                if (type.shape.dim[axis] != y->type.shape.dim[axis] && !(size_axes(y, axis, k) >> i & 1))
                    fail_msg("axis %d depends on axis %d of source %d", axis, i, k);
        }
    arena_free(b.arena);
}

static void the_table_obeys_its_laws(void **state) {
    (void)state;
    for (const Op *const *at = op_table; *at; at++) {
        const Op *op = *at;
        bool composite = !op->infer, outside = op->traits & (LEAF | EFFECT | REPEATS);
        bool ok = op->name && op->doc && op_named(op->name) == op && !op->attr_size == !op->attr;
        ok = ok && (composite ? op->build && !op->ref && !op->grad : op->ref || op == &op_slot);
        ok = ok && (op->samples || outside) && (composite || !op->grad == !!(op->traits & (STOPS_GRAD | REPEATS)));
        ok = ok && !(op->traits & VIEW) == !op->view && !(op->traits & REDUCES) == !op->reduce[F32];
        int ways = !!(op->traits & (ELEMENTWISE | RANDOM)) + !!op->view + !!op->reduce[F32] + !!op->eval +
                   outside + composite;
        ok = ok && ways == 1 && (!op->release || op->prepare) && !op->large == !(op->eval || op->reduce[F32]);
        for (int isa = 0; isa < ISAS; isa++)
            for (int t = 0; t < DTYPES; t++) ok = ok && !op->map[isa][t] == !op->map[0][t];
        if (!ok) fail_msg("'%s' breaks a law", op->name);
    }
}

/* What bench/ops times is a legal use of the operator; its numbers are not looked at. */
static void test_large(void **state) {
    const Case *c = *state;
    Arena *a = arena_new();
    Slots slots = {.arena = a};
    Diags *d = diags_new(a);
    Graph *g = graph_new(a, d, &slots, "large");
    Node *x[SRC_MOST];
    for (int k = 0; k < c->sample->nsrc; k++) {
        slot_add(&slots, (Slot){.name = arena_printf(a, "x%d", k), .type = c->sample->src[k]});
        x[k] = g_slot(g, k);
    }
    Node *y = op_apply(g, c->op, c->sample->nsrc, x, c->sample->attr);
    if (d->errors) diags_print(d, stderr, false);
    assert_int_equal(d->errors, 0);
    assert_true(NODE_COUNT(y) >= 1);
    arena_free(a);
}

/* ---- attributes that make no sense: refused, or a sound node; never a crash ---- */

static int64_t odd_number(const Field *f) {
    static const int64_t odd[] = {-5,        -2,       -1, 0, 1, 2, 3, 4, 7, 40, 1 << 20, (int64_t)1 << 40,
                                  INT64_MAX, INT64_MIN};
    int64_t x = odd[(size_t)(chance() * (double)(sizeof odd / sizeof *odd))];
    return field_in_range(f, (double)x) ? x : 1; /* the parser holds them to their rows' ranges */
}

static void spoil(const Field *f, void *attr) {
    void *at = (char *)attr + f->offset;
    if (f->type == F_INT) *(int64_t *)at = odd_number(f);
    if (f->type == F_BOOL) *(bool *)at = chance() < .5;
    if (f->type == F_FLOAT) *(double *)at = 3 * chance() - 1;
    if (f->type != F_INTS) return;
    Ints *v = at;
    int words = f->choices ? 1 + (strchr(f->choices, '|') != NULL) : 0;
    v->n = (int)(chance() * (INTS_MAX + 1 + words)) - words;
    for (int i = 0; i < v->n; i++) v->at[i] = odd_number(f);
}

static Tensor odd_tensor(const Sample *s, int k) {
    Tensor t = s->src[k];
    if (chance() < .3) t.dtype = (DType)(chance() * DTYPES);
    if (chance() < .3) t.shape.rank = (int)(chance() * (RANK_MAX + 1));
    for (int i = 0; i < t.shape.rank; i++)
        if (t.shape.dim[i] < 1 || chance() < .1) t.shape.dim[i] = 1 + (int64_t)(chance() * 4);
    return t;
}

static void test_nonsense(void **state) {
    const Case *c = *state;
    dice = 0;
    for (int trial = 0; trial < 200; trial++) {
        Arena *a = arena_new();
        Slots slots = {.arena = a};
        Graph *g = graph_new(a, diags_new(a), &slots, "nonsense");
        Node *x[SRC_MOST];
        for (int k = 0; k < c->sample->nsrc; k++)
            x[k] = g_slot(g, slot_add(&slots, (Slot){.name = "x", .type = odd_tensor(c->sample, k)}));
        void *attr = c->sample->attr ? arena_copy(a, c->sample->attr, c->op->attr_size) : NULL;
        for (const Field *f = attr ? c->op->attr : NULL; f && f->name; f++)
            if (chance() < .5) spoil(f, attr);
        Node *y = op_apply(g, c->op, c->sample->nsrc, x, attr), *gx[SRC_MOST];
        char why[200];
        if (y->poison)
            assert_true(g->diags->errors > 0);
        else if (!graph_verify(g, why, sizeof why))
            fail_msg("%s", why);
        gradient(y, NULL, c->sample->nsrc, x, gx);
        if (!y->poison) assert_int_equal(g->diags->errors, 0);
        arena_free(a);
    }
}

static void philox_gives_its_known_answer(void **state) {
    (void)state;
    Words w = rng_words((Stream){{0, 0}, 0, 0}, 0);
    static const uint32_t known[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    assert_memory_equal(w.v, known, sizeof known);
}

/* ---- the list ---- */

typedef struct {
    Arena *arena;
    VEC(struct CMUnitTest) all;
} List;

static void add(List *l, CMUnitTestFunction run, const void *what, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void add(List *l, CMUnitTestFunction run, const void *what, const char *fmt, ...) {
    char name[100];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    union {
        const void *from;
        void *to;
    } state = {what};
    struct CMUnitTest t = {arena_strdup(l->arena, name), run, NULL, NULL, state.to};
    vec_push(l->arena, &l->all, t);
}

static const Case *case_new(List *l, const Op *op, const Sample *s) {
    Case *c = ARENA_NEW(l->arena, Case);
    *c = (Case){op, s};
    return c;
}

int main(void) {
    List l = {.arena = arena_new()};
    par_threads(1);
    add(&l, the_table_obeys_its_laws, NULL, "the_table_obeys_its_laws");
    add(&l, philox_gives_its_known_answer, NULL, "philox_gives_its_known_answer");
    for (const Op *const *op = op_table; *op; op++) {
        for (const Sample *s = (*op)->samples; s && s->name; s++) {
            const Case *c = case_new(&l, *op, s);
            if ((*op)->infer) add(&l, test_kernel, c, "%s/%s/kernel", (*op)->name, s->name);
            if ((*op)->infer) add(&l, test_sizes, c, "%s/%s/sizes", (*op)->name, s->name);
            add(&l, test_nonsense, c, "%s/%s/nonsense", (*op)->name, s->name);
            if ((*op)->traits & STOPS_GRAD) continue;
            add(&l, test_grad, c, "%s/%s/grad", (*op)->name, s->name);
            add(&l, test_grad2, c, "%s/%s/grad2", (*op)->name, s->name);
            add(&l, test_linear, c, "%s/%s/linear", (*op)->name, s->name);
        }
        if ((*op)->large) add(&l, test_large, case_new(&l, *op, (*op)->large), "%s/large", (*op)->name);
        if ((*op)->traits & ELEMENTWISE && (*op)->arity <= 2)
            add(&l, test_golden, case_new(&l, *op, NULL), "%s/golden", (*op)->name);
        if ((*op)->traits & ELEMENTWISE && (*op)->arity == 1 && (*op)->map[0][F32])
            add(&l, test_limits, case_new(&l, *op, NULL), "%s/limits", (*op)->name);
    }
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        add(&l, test_range, &ranges[i], "%s/range %g to %g", ranges[i].op, ranges[i].low, ranges[i].high);
    int failed = _cmocka_run_group_tests("ops", l.all.at, (size_t)l.all.n, NULL, NULL);
    arena_free(l.arena);
    return failed;
}
