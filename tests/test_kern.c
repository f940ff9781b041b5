/* The kernels against naive double loops: shapes are generated, odd ones included, and the allowed error follows from
 * the length of the sums. */
#include "base/measure.h"
#include "base/rng.h"
#include "kern/kern.h"
#include "ir/ir.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static float *numbers(int64_t n, uint64_t path) {
    float *x = aligned_alloc(64, ((size_t)n * sizeof *x + 63) / 64 * 64 + 64);
    assert_non_null(x);
    Stream s = rng_stream(1, path, 0, 0);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(2 * rng_unit(rng_word(s, (uint64_t)i)) - 1);
    return x;
}

/* |got - want| <= 2 eps sqrt(terms + 8) * norm, where norm^2 = sum of squares of the terms. */
static void check_close(const char *what, float got, double want, double squares, double terms) {
    double bound = 4 * 1.2e-7 * (sqrt(terms) + 2) * sqrt(squares) + 1e-30;
    if (!(fabs(got - want) <= bound)) fail_msg("%s: %.9g, should be %.9g, within %.2g", what, got, want, bound);
}

static void check_gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, bool accumulate) {
    float *A = numbers(m * k, 1), *B = numbers(k * n, 2), *C = numbers(m * n + 16, 3), *old = numbers(m * n + 16, 3);
    char what[80];
    snprintf(what, sizeof what, "gemm ta=%d tb=%d m=%d n=%d k=%d accumulate=%d", ta, tb, (int)m, (int)n, (int)k, accumulate);
    if (!accumulate)
        for (int64_t i = 0; i < m * n; i++) C[i] = NAN;   /* what was there must not matter */
    gemm(ta, tb, m, n, k, A, B, C, accumulate);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double want = accumulate ? old[i * n + j] : 0, squares = want * want;
            for (int64_t l = 0; l < k; l++) {
                double p = (double)(ta ? A[l * m + i] : A[i * k + l]) * (tb ? B[j * k + l] : B[l * n + j]);
                want += p, squares += p * p;
            }
            check_close(what, C[i * n + j], want, squares, (double)k + 1);
        }
    assert_memory_equal(C + m * n, old + m * n, 16 * sizeof *C);
    free(A), free(B), free(C), free(old);
}

static const int64_t sizes[] = {0, 1, 2, 3, 4, 5, 8, 17, 64, 129};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void gemm_matches(void **state) {
    (void)state;
    for (int i = 0; i < SIZES * SIZES * SIZES; i++)
        for (int tb = 0; tb < 2; tb++)
            gemm_prepare(tb, sizes[i % SIZES], sizes[i / SIZES % SIZES], sizes[i / SIZES / SIZES]);
    size_t code = kern_code();
    for (int i = 0; i < SIZES * SIZES * SIZES; i++)
        for (int f = 0; f < 8; f++)
            check_gemm(f & 1, f & 2, sizes[i % SIZES], sizes[i / SIZES % SIZES], sizes[i / SIZES / SIZES], f & 4);
    assert_true(kern_code() - code < 1 << 19);           /* a few kernels for few rows are still made where they first run */
    assert_int_equal(code > 1 << 20, isa_level() > ISA_BASE);
    for (int threads = 1; threads <= 3; threads++) {     /* each has rows of its own; the last fewer */
        par_threads(threads);
        for (int f = 0; f < 8; f++) check_gemm(f & 1, f & 2, 299, 201, 270, f & 4);
    }
    par_threads(par_cores());
    for (int f = 0; f < 8; f++) check_gemm(f & 1, f & 2, 4001, 5, 100, f & 4);   /* more than OpenBLAS's small kernels take */
}

static void gemm_batch_matches(void **state) {
    (void)state;
    for (int batch = 0; batch <= 5; batch++)
        for (int shared = 0; shared < 2; shared++)
            for (int f = 0; f < 4; f++) {
                int64_t m = 7, n = 5, k = 6;
                float *A = numbers(batch * m * k, 1), *B = numbers(batch * k * n, 2), *C = numbers(batch * m * n, 3), D[35];
                gemm_batch(batch, f & 1, f & 2, m, n, k, A, m * k, B, shared ? 0 : k * n, C);
                for (int b = 0; b < batch; b++) {
                    gemm(f & 1, f & 2, m, n, k, A + b * m * k, B + (shared ? 0 : b * k * n), D, false);
                    assert_memory_equal(C + b * m * n, D, sizeof D);
                }
                free(A), free(B), free(C);
            }
}

static void eigen_matches(void **state) {
    (void)state;
    for (int64_t n = 0; n <= 20; n++) {
        size_t count = eigen_scratch(n);
        float *A = numbers(n * n, 1), *values = numbers(n, 2), *vectors = numbers(n * n, 3), *scratch = numbers((int64_t)count + 16, 4),
              *canary = numbers((int64_t)count + 16, 4);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < i; j++) A[j * n + i] = A[i * n + j];
        assert_true(eigen_symmetric(n, A, values, vectors, scratch, count));
        assert_memory_equal(scratch + count, canary + count, 16 * sizeof *scratch);
        for (int64_t e = 0; e < n; e++) {
            double norm = 0;
            if (e) assert_true(values[e - 1] <= values[e]);
            for (int64_t i = 0; i < n; i++) {
                double got = 0, v = vectors[e * n + i];
                for (int64_t j = 0; j < n; j++) got += (double)A[i * n + j] * vectors[e * n + j];
                if (!(fabs(got - values[e] * v) < 1e-5)) fail_msg("eigen n=%d: pair %d is off", (int)n, (int)e);
                norm += v * v;
            }
            assert_true(fabs(norm - 1) < 1e-5);
        }
        free(A), free(values), free(vectors), free(scratch), free(canary);
    }
}

static void count_one(void *ctx, int64_t i) { ((int *)ctx)[i]++; }

static void parallel_for_covers(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        par_threads(threads);
        assert_int_equal(par_count(), threads);
        for (int n = 0; n <= 70; n++) {
            int seen[71] = {0};
            parallel_for(n, count_one, seen);
            for (int i = 0; i <= 70; i++) assert_int_equal(seen[i], i < n);
        }
    }
    par_threads(par_cores());
    assert_in_range(par_cores(), 1, 1 << 20);
}

/* Without a call of the system, at which a thread's time would be brought up to date. */
static void work_a_little(void *ctx, int64_t i) {
    (void)ctx, (void)i;
    for (volatile int k = 0; k < 100000;) k++;
}

static double time_of_work(int threads) {
    par_threads(threads);
    double before = par_seconds();
    parallel_for(threads, work_a_little, NULL);
    return par_seconds() - before;
}

/* What every thread did counts at once. Half of the rounds may say less: what a hypervisor takes from a core is subtracted
 * from whatever runs there next. */
static void processor_time_is_of_all_threads(void **state) {
    (void)state;
    for (int threads = 2; threads <= 3; threads++) {
        double alone[20], together[40];
        for (int k = 0; k < 20; k++) alone[k] = time_of_work(1);
        for (int k = 0; k < 40; k++) together[k] = time_of_work(threads);
        numbers_sort(20, alone), numbers_sort(40, together);
        double spent = numbers_median(40, together), least = .8 * threads * alone[0];
        if (!(spent >= least)) fail_msg("%d threads: %g s, should be at least %g", threads, spent, least);
    }
    par_threads(par_cores());
}

static void multiply_small(void *ctx, int64_t i) {
    volatile float small = 1e-20f;
    ((float *)ctx)[i] = small * small;
}

/* What a dead unit's moments come to: nothing, on every thread, however many there were before. */
static void subnormal_results_are_zero(void **state) {
    (void)state;
#ifndef __SSE__
    skip();
#endif
    for (int threads = 1; threads <= 4; threads++) {
        par_threads(threads);
        float small[8];
        parallel_for(8, multiply_small, small);
        for (int i = 0; i < 8; i++) assert_true(small[i] == 0);
    }
    par_threads(par_cores());
}

/* The three directions of the trilinear form, term by term in double. */
typedef struct { double sum, squares, terms; } Sum;

static Sum *conv_reference(ConvWhich which, const ConvShape *s, const float *x, const float *w, const float *y) {
    const int64_t ci = s->C / s->groups, ko = s->K / s->groups;
    const int64_t count = which == CONV_Y ? s->N * s->P * s->Q * s->K : which == CONV_X ? s->N * s->H * s->W * s->C : s->KH * s->KW * ci * s->K;
    Sum *out = calloc((size_t)count + 1, sizeof *out);
    assert_non_null(out);
    for (int64_t n = 0; n < s->N; n++)
        for (int64_t p = 0; p < s->P; p++)
            for (int64_t q = 0; q < s->Q; q++)
                for (int64_t i = 0; i < s->KH; i++)
                    for (int64_t j = 0; j < s->KW; j++) {
                        int64_t h = p * s->sh + i * s->dh - s->top, v = q * s->sw + j * s->dw - s->left;
                        if (h < 0 || h >= s->H || v < 0 || v >= s->W) continue;
                        for (int64_t k = 0; k < s->K; k++)
                            for (int64_t c = 0; c < ci; c++) {
                                int64_t ix = ((n * s->H + h) * s->W + v) * s->C + k / ko * ci + c;
                                int64_t iw = ((i * s->KW + j) * ci + c) * s->K + k, iy = ((n * s->P + p) * s->Q + q) * s->K + k;
                                double t = which == CONV_Y ? (double)x[ix] * w[iw] : which == CONV_X ? (double)y[iy] * w[iw] : (double)x[ix] * y[iy];
                                Sum *o = &out[which == CONV_Y ? iy : which == CONV_X ? ix : iw];
                                o->sum += t, o->squares += t * t, o->terms++;
                            }
                    }
    return out;
}

/* To bf16, the nearest and of two the even one: what a kernel must multiply, in numbers that double takes as they are. */
static void round_all(int64_t n, float *x) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
        memcpy(&x[i], &bits, sizeof bits);
    }
}

static const char *shape_text(ConvWhich which, const ConvShape *s) {
    static char text[200];
    snprintf(text, sizeof text, "%s n%d %dx%dx%d -> %dx%dx%d kernel %dx%d stride %d,%d dilation %d,%d pad %d,%d,%d,%d groups %d",
             (const char *[]){"y", "x", "w"}[which], (int)s->N, (int)s->H, (int)s->W, (int)s->C, (int)s->P, (int)s->Q, (int)s->K,
             (int)s->KH, (int)s->KW, (int)s->sh, (int)s->sw, (int)s->dh, (int)s->dw, (int)s->top, (int)s->left, (int)s->bottom,
             (int)s->right, (int)s->groups);
    return text;
}

typedef enum { PLAIN, ROUNDED, STAYS } Way;           /* fp32; bf16, asked for and taken; asked for, and fp32 */

static void check_conv(ConvWhich which, const ConvShape *s, Way way) {
    const int64_t nx = s->N * s->H * s->W * s->C, nw = s->KH * s->KW * (s->C / s->groups) * s->K, ny = s->N * s->P * s->Q * s->K;
    float *x = numbers(nx, 1), *w = numbers(nw, 2), *y = numbers(ny, 3);
    const int64_t nout = which == CONV_Y ? ny : which == CONV_X ? nx : nw;
    float *out = numbers(nout + 16, 4), *again = numbers(nout + 16, 4), *canary = numbers(nout + 16, 4);
    for (int64_t i = 0; i < nout; i++) out[i] = NAN, again[i] = -1;
    Conv *c = conv_new(which, s, way != PLAIN);
    assert_non_null(c);
    const int64_t room = (int64_t)(conv_scratch(c) + sizeof *x - 1) / (int64_t)sizeof *x;
    float *scratch = numbers(room + 16, 5), *after = numbers(room + 16, 5);
    const float *a = which == CONV_X ? y : x, *b = which == CONV_W ? y : w;
    conv_run(c, a, b, out, scratch);
    memset(scratch, 0xff, (size_t)room * sizeof *scratch);    /* NaN: nothing may be kept there between runs */
    conv_run(c, a, b, again, scratch);
    char what[300];
    snprintf(what, sizeof what, "%s, %s", shape_text(which, s), conv_algorithm(c));
    if ((way == ROUNDED) != !strcmp(conv_algorithm(c), "bf16")) fail_msg("%s: must%s be rounded", what, way == ROUNDED ? "" : " not");
    if (way == ROUNDED) round_all(nx, x), round_all(nw, w), round_all(ny, y);
    Sum *want = conv_reference(which, s, x, w, y);
    /* Short convolutions mix neighbouring outputs: the largest sum of squares bounds the error of all, eight times over. */
    double largest = 0;
    for (int64_t i = 0; i < nout; i++) largest = fmax(largest, 64 * want[i].squares);
    for (int64_t i = 0; i < nout && !strcmp(conv_algorithm(c), "winograd"); i++) want[i].squares = largest;
    for (int64_t i = 0; i < nout; i++) check_close(what, out[i], want[i].sum, want[i].squares, want[i].terms);
    if (memcmp(out, again, (size_t)nout * sizeof *out)) fail_msg("%s: other bits the second time", what);
    if (memcmp(out + nout, canary + nout, 16 * sizeof *out)) fail_msg("%s: wrote behind the result", what);
    if (memcmp(scratch + room, after + room, 16 * sizeof *scratch)) fail_msg("%s: wrote behind the scratch", what);
    conv_free(c);
    free(x), free(w), free(y), free(out), free(again), free(canary), free(scratch), free(after), free(want);
}

/* Outputs of one axis, as the operators count them; 0 when nothing fits. */
static int64_t outputs(int64_t in, int64_t before, int64_t after, int64_t kernel, int64_t stride, int64_t dilation) {
    int64_t room = in + before + after - (kernel - 1) * dilation - 1;
    return room < 0 ? 0 : room / stride + 1;
}

static uint64_t dice;
static int64_t one_of(int n, const int64_t *from) { return from[rng_below(rng_stream(7, 1, 0, 0), dice++, (uint64_t)n)]; }
#define ONE_OF(...) one_of(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

static ConvShape some_shape(void) {
    ConvShape s = {.N = ONE_OF(1, 2, 3, 5), .H = ONE_OF(1, 2, 3, 5, 8, 9), .W = ONE_OF(1, 2, 4, 7, 8, 13), .KH = ONE_OF(1, 2, 3, 4, 5),
                   .KW = ONE_OF(1, 2, 3, 4, 5), .sh = ONE_OF(1, 1, 2, 3, 6), .sw = ONE_OF(1, 1, 2, 3), .dh = ONE_OF(1, 1, 1, 2, 3),
                   .dw = ONE_OF(1, 1, 1, 2), .top = ONE_OF(0, 0, 1, 2, 4), .left = ONE_OF(0, 0, 1, 2, 3), .bottom = ONE_OF(0, 0, 1, 2, 4),
                   .right = ONE_OF(0, 0, 1, 2, 5), .groups = ONE_OF(1, 1, 1, 1, 2, 3)};
    if (ONE_OF(0, 1)) s.sw = s.sh = s.dh = s.dw = 1;
    s.C = s.groups * ONE_OF(1, 1, 2, 3, 4, 8, 13, 16), s.K = s.groups * ONE_OF(1, 1, 2, 3, 5, 8, 16, 24);
    s.P = outputs(s.H, s.top, s.bottom, s.KH, s.sh, s.dh), s.Q = outputs(s.W, s.left, s.right, s.KW, s.sw, s.dw);
    return s;
}

/* Enough work for several blocks a sample, several blocks of samples, several partial sums, several strips of columns. */
static const ConvShape large[] = {
    {.N = 300, .H = 2, .W = 2, .C = 128, .K = 128, .KH = 3, .KW = 3, .P = 1, .Q = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1, .top = 1, .left = 1, .groups = 1},
    {.N = 2, .H = 30, .W = 31, .C = 8, .K = 8, .KH = 3, .KW = 3, .P = 30, .Q = 31, .sh = 1, .sw = 1, .dh = 1, .dw = 1, .top = 1, .left = 1, .bottom = 1, .right = 1, .groups = 1},
    {.N = 3, .H = 4, .W = 4, .C = 8, .K = 264, .KH = 3, .KW = 3, .P = 4, .Q = 4, .sh = 1, .sw = 1, .dh = 1, .dw = 1, .top = 1, .left = 1, .bottom = 1, .right = 1, .groups = 1},
    {.N = 2, .H = 41, .W = 40, .C = 3, .K = 33, .KH = 4, .KW = 4, .P = 20, .Q = 20, .sh = 2, .sw = 2, .dh = 1, .dw = 1, .top = 1, .left = 1, .bottom = 1, .right = 1, .groups = 1},
    {.N = 37, .H = 7, .W = 7, .C = 16, .K = 8, .KH = 3, .KW = 3, .P = 7, .Q = 7, .sh = 1, .sw = 1, .dh = 1, .dw = 1, .top = 1, .left = 1, .bottom = 1, .right = 1, .groups = 1},
    {.N = 5, .H = 40, .W = 40, .C = 12, .K = 1, .KH = 3, .KW = 3, .P = 40, .Q = 40, .sh = 1, .sw = 1, .dh = 1, .dw = 1, .top = 1, .left = 1, .bottom = 1, .right = 1, .groups = 1},
};
enum { LARGE = sizeof large / sizeof *large };

static void conv_matches(const char *method, int shapes) {
    if (method) setenv("GRAPHRUN_CONV", method, 1);
    else unsetenv("GRAPHRUN_CONV");
    dice = 0;
    for (int i = 0; i < shapes;) {
        ConvShape s = some_shape();
        if (!s.P || !s.Q) continue;                   /* the operators refuse these */
        par_threads(i % 8 ? 1 : 2);
        for (int which = CONV_Y; which <= CONV_W; which++) check_conv((ConvWhich)which, &s, PLAIN);
        i++;
    }
    for (int i = 0; shapes >= 300 && i < LARGE; i++)
        for (int which = CONV_Y; which <= CONV_W; which++) check_conv((ConvWhich)which, &large[i], PLAIN);
    unsetenv("GRAPHRUN_CONV");
}

static void conv_chosen(void **state) { (void)state; conv_matches(NULL, 300); }
static void conv_direct(void **state) { (void)state; conv_matches("direct", 200); }
static void conv_gemm(void **state) { (void)state; conv_matches("gemm", 300); }
static void conv_swapped(void **state) { (void)state; conv_matches("swapped", 300); }
static void conv_winograd(void **state) { (void)state; conv_matches("winograd", 800); }
static void conv_blocked(void **state) { (void)state; conv_matches("blocked", 100); }

/* Does each tap of an axis lie over data for some output? */
static bool taps_meet(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t before) {
    int64_t met = 0;
    for (int64_t tap = 0; tap < kernel; tap++)
        for (int64_t o = 0, found = 0; o < out && !found; o++) {
            int64_t at = o * stride + tap * dilation - before;
            if (at >= 0 && at < in) found = 1, met++;
        }
    return met == kernel;
}

/* Sources rounded, everything else as exact as in fp32: so the reference rounds too, and its bound is that of fp32. */
static void conv_rounds(void **state) {
    (void)state;
    if (bf16_here() == BF16_NONE) {
        print_message("no bf16 on this CPU\n");
        skip();
    }
    dice = 0;
    for (int i = 0; i < 150;) {
        ConvShape s = some_shape();
        s.groups = 1, s.C = ONE_OF(16, 17, 24, 32, 48), s.K = ONE_OF(16, 19, 24, 32, 64);
        if (!s.P || !s.Q) continue;
        bool whole = taps_meet(s.H, s.P, s.KH, s.sh, s.dh, s.top) && taps_meet(s.W, s.Q, s.KW, s.sw, s.dw, s.left);
        par_threads(i % 8 ? 1 : 2);
        for (int which = CONV_Y; which <= CONV_W; which++) check_conv((ConvWhich)which, &s, whole ? ROUNDED : STAYS);
        i++;
    }
    ConvShape narrow = {.N = 2, .H = 4, .W = 4, .C = BF16_LEAST - 1, .K = 32, .KH = 1, .KW = 1, .P = 4, .Q = 4, .sh = 1,
                              .sw = 1, .dh = 1, .dw = 1, .groups = 1};
    check_conv(CONV_Y, &narrow, STAYS);
    narrow.C = 32, narrow.groups = 2;
    check_conv(CONV_W, &narrow, STAYS);
}

static void check_product(int64_t batch, bool ta, bool tb, int64_t m, int64_t n, int64_t k) {
    float *A = numbers(batch * m * k, 1), *B = numbers(batch * k * n, 2), *C = numbers(batch * m * n + 16, 3), *old = numbers(batch * m * n + 16, 3);
    char what[80];
    snprintf(what, sizeof what, "product ta=%d tb=%d batch=%d m=%d n=%d k=%d", ta, tb, (int)batch, (int)m, (int)n, (int)k);
    Product *p = product_new(batch, ta, tb, m, n, k);
    if (!p) fail_msg("%s: is not rounded", what);
    for (int64_t i = 0; i < batch * m * n; i++) C[i] = NAN;
    float *scratch = numbers((int64_t)(product_scratch(p) / sizeof *scratch), 4);
    product_run(p, A, B, C, scratch);
    round_all(batch * m * k, A), round_all(batch * k * n, B);
    for (int64_t b = 0; b < batch; b++)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++) {
                double want = 0, squares = 0;
                for (int64_t l = 0; l < k; l++) {
                    double t = (double)A[b * m * k + (ta ? l * m + i : i * k + l)] * B[b * k * n + (tb ? j * k + l : l * n + j)];
                    want += t, squares += t * t;
                }
                check_close(what, C[(b * m + i) * n + j], want, squares, (double)k);
            }
    assert_memory_equal(C + batch * m * n, old + batch * m * n, 16 * sizeof *C);
    product_free(p);
    free(A), free(B), free(C), free(old), free(scratch);
}

static void gemm_rounds(void **state) {
    (void)state;
    if (bf16_here() == BF16_NONE) {
        print_message("no bf16 on this CPU\n");
        skip();
    }
    static const int64_t some[] = {16, 17, 33, 64, 130};
    for (int i = 0; i < 125; i++)
        for (int f = 0; f < 4; f++) {
            par_threads(1 + i % 2);
            check_product(1 + i % 3, f & 1, f & 2, some[i % 5], some[i / 5 % 5], some[i / 25]);
        }
    for (int i = 0; i < 3; i++) assert_null(product_new(1, false, false, i == 0 ? 15 : 64, i == 1 ? 15 : 64, i == 2 ? 15 : 64));
}

/* The same bits with one, two and three threads. `method` NULL: bf16. */
static void same_bits(const char *method, ConvWhich which, const ConvShape *s) {
    const int64_t nx = s->N * s->H * s->W * s->C, nw = s->KH * s->KW * s->C * s->K, ny = s->N * s->P * s->Q * s->K;
    const int64_t nout = which == CONV_Y ? ny : which == CONV_X ? nx : nw;
    float *a = numbers(which == CONV_X ? ny : nx, 1), *b = numbers(which == CONV_W ? ny : nw, 2), *out[3];
    if (method) setenv("GRAPHRUN_CONV", method, 1);
    for (int t = 0; t < 3; t++) {
        par_threads(t + 1);
        Conv *c = conv_new(which, s, !method);
        assert_non_null(c);
        float *scratch = numbers((int64_t)(conv_scratch(c) / sizeof *scratch), 3);
        out[t] = numbers(nout, 4);
        conv_run(c, a, b, out[t], scratch);
        if (!strcmp(conv_algorithm(c), method ? method : "bf16") && memcmp(out[0], out[t], (size_t)nout * sizeof *a))
            fail_msg("%s, %s: other bits with %d threads", shape_text(which, s), conv_algorithm(c), t + 1);
        conv_free(c);
        free(scratch);
    }
    free(a), free(b), free(out[0]), free(out[1]), free(out[2]);
    unsetenv("GRAPHRUN_CONV");
    par_threads(1);
}

/* Our own methods cut the work by the shape alone. oneDNN's weight gradient in fp32 does not keep its bits. */
static void conv_keeps_bits(void **state) {
    (void)state;
    const char *own[] = {"winograd", "gemm", "swapped"};
    for (int m = 0; m < 3; m++)
        for (int i = 0; i < LARGE; i++)
            for (int which = CONV_Y; which <= CONV_W; which++) same_bits(own[m], (ConvWhich)which, &large[i]);
}

#define SAME(n, size, c, k, kernel)                                                                                    \
    {.N = n, .H = size, .W = size, .C = c, .K = k, .KH = kernel, .KW = kernel, .P = size, .Q = size, .sh = 1, .sw = 1, \
     .dh = 1, .dw = 1, .top = kernel / 2, .left = kernel / 2, .bottom = kernel / 2, .right = kernel / 2, .groups = 1}

static void conv_rounded_keeps_bits(void **state) {
    (void)state;
    if (bf16_here() == BF16_NONE) {
        print_message("no bf16 on this CPU\n");
        skip();
    }
    static const ConvShape some[] = {SAME(6, 20, 32, 64, 3), SAME(16, 13, 16, 16, 3), SAME(5, 9, 48, 100, 5), SAME(7, 16, 64, 256, 1)};
    for (int i = 0; i < 4; i++)
        for (int which = CONV_Y; which <= CONV_W; which++) same_bits(NULL, (ConvWhich)which, &some[i]);
}

static void conv_of_nothing(void **state) {
    (void)state;
    const ConvShape s = {.N = 2, .H = 4, .W = 4, .C = 3, .K = 2, .KH = 3, .KW = 3, .P = 2, .Q = 2, .sh = 1, .sw = 1, .dh = 1, .dw = 1, .groups = 1};
    for (int which = CONV_Y; which <= CONV_W; which++) {
        ConvShape none = s;
        none.N = 0;
        check_conv((ConvWhich)which, &none, PLAIN);
        none = s, none.K = 0;
        check_conv((ConvWhich)which, &none, PLAIN);
        none = s, none.C = 0;
        check_conv((ConvWhich)which, &none, PLAIN);
    }
}

/* A core that we ask for uses the instructions that we asked for; one that we do not know counts as old. */
static void blas_cores(void **state) {
    (void)state;
    assert_null(blas_core_for(ISA_BASE));
    for (int isa = ISA_AVX2; isa < ISAS; isa++) assert_int_equal(blas_core_isa(blas_core_for(isa)), isa);
    assert_int_equal(blas_core_isa("Prescott"), ISA_BASE);
}

int main(int argc, char **argv) {
    (void)argc;
    const char *core = blas_core_isa(blas_core()) == ISA_BASE ? blas_core_for(isa_level()) : NULL;
    if (core && !getenv("OPENBLAS_CORETYPE") && !setenv("OPENBLAS_CORETYPE", core, 1))
        execv("/proc/self/exe", argv);                /* with the kernels that graphrun asks for */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blas_cores),
        cmocka_unit_test(processor_time_is_of_all_threads),
        cmocka_unit_test(gemm_matches),
        cmocka_unit_test(gemm_batch_matches),
        cmocka_unit_test(eigen_matches),
        cmocka_unit_test(parallel_for_covers),
        cmocka_unit_test(subnormal_results_are_zero),
        cmocka_unit_test(conv_keeps_bits),
        cmocka_unit_test(conv_rounds),
        cmocka_unit_test(conv_rounded_keeps_bits),
        cmocka_unit_test(gemm_rounds),
        cmocka_unit_test(conv_of_nothing),
        cmocka_unit_test(conv_chosen),
        cmocka_unit_test(conv_direct),
        cmocka_unit_test(conv_blocked),
        cmocka_unit_test(conv_gemm),
        cmocka_unit_test(conv_swapped),
        cmocka_unit_test(conv_winograd),
    };
    return cmocka_run_group_tests_name("kern", tests, NULL, NULL);
}
