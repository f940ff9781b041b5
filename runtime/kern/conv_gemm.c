/* Convolutions as matrix products over patches (conv_patch.h): for few channels, where oneDNN's kernels run mostly
 * empty, and for whatever oneDNN refuses. With D = KH*KW*C/groups:
 *
 *   CONV_Y: y = U w        CONV_X: U = y w', added up into x        CONV_W: w = U' y
 *
 * Few channels in x make D small. Where y has few channels and the stride is 1, x and y change places, which turns
 * the kernel round: then U is as thin as K (a convolution to one channel becomes a product and shifted additions).
 *
 * Work is cut into units of whole samples by the shape alone, and each product runs on one thread, so that the bits
 * do not depend on the number of threads (except where the patches are x itself: one product by all threads). */
#include "kern/conv.h"
#include "kern/conv_patch.h"
#include "kern/gemm.h"

#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 64 * 1024,                                /* floats of U and y in hand at a time: half a megabyte of cache */
    LEAST = 96,                                       /* patches in a product, for its speed */
    SLOTS = 16, SLOT_FLOATS = 1 << 20,                /* partial sums of CONV_W: how many, and in all how large */
    STRIP = 128,                                      /* columns of a strip at least: each gathers the patches anew */
    PLANES = 4,                                       /* up to this many channels the patches lie in planes */
};

typedef struct {
    ConvWhich which;                                  /* after the change of places */
    ConvShape s;
    bool swapped, view, planes;
    int64_t D, Kg;                                    /* rows and columns of w for one group */
    int64_t samples, rows, units;                     /* samples a unit, output rows a block, units in all */
    int64_t slots, strips;                            /* CONV_W: partial sums; strips of columns of w, each on its own */
    int64_t tasks;
    size_t U, partial;                                /* where they start in the scratch, in floats; 0: turned weights */
    size_t U_each;
} Gemm;

static ConvShape swap(const ConvShape *s) {
    ConvShape t = *s;
    t.H = s->P, t.W = s->Q, t.P = s->H, t.Q = s->W, t.C = s->K, t.K = s->C;
    t.top = (s->KH - 1) * s->dh - s->top, t.left = (s->KW - 1) * s->dw - s->left;
    return t;
}

/* Each output sees exactly its own pixel, or the only output of a sample sees all of it: x is the patches. */
static bool patches_are_x(const ConvShape *s) {
    if (s->groups != 1 || s->top || s->left) return false;
    return (s->KH == 1 && s->KW == 1 && s->sh == 1 && s->sw == 1 && s->P == s->H && s->Q == s->W) ||
           (s->P == 1 && s->Q == 1 && s->KH == s->H && s->KW == s->W && s->dh == 1 && s->dw == 1);
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static void cut(Gemm *g) {
    const ConvShape *s = &g->s;
    const int64_t pixels = s->P * s->Q, most = max64(BLOCK / (g->D + s->K), LEAST);
    if (pixels > most) {
        g->samples = 1;
        g->rows = ceil_div(s->P, ceil_div(pixels, most));
    } else {
        g->samples = min64(most / pixels, max64(1, ceil_div(s->N, SLOTS)));
        g->rows = g->samples * s->P;
    }
    g->units = ceil_div(s->N, g->samples);
    g->slots = min64(min64(SLOTS, g->units), max64(1, SLOT_FLOATS / (g->D * s->K)));
    g->strips = s->groups > 1 ? 1 : max64(1, min64(ceil_div(SLOTS, g->slots), g->Kg / STRIP));
}

static bool start(Conv *c, bool swapped) {
    const ConvShape *s = &c->s;
    if (swapped && (s->sh != 1 || s->sw != 1 || s->groups != 1)) return false;
    Gemm *g = c->state = calloc(1, sizeof *g);
    if (!g) return false;
    g->swapped = swapped;
    g->s = swapped ? swap(s) : *s;
    g->which = !swapped || c->which == CONV_W ? c->which : c->which == CONV_Y ? CONV_X : CONV_Y;
    g->view = patches_are_x(&g->s);
    g->D = g->s.KH * g->s.KW * (g->s.C / g->s.groups), g->Kg = g->s.K / g->s.groups;
    g->planes = g->s.C / g->s.groups <= PLANES;
    cut(g);
    g->tasks = min64(par_count(), g->which == CONV_W ? g->slots * g->strips : g->units);
    const size_t weights = (size_t)(g->D * g->s.K), rounded = (weights + 15) / 16 * 16;
    g->U = swapped ? rounded : 0;
    g->U_each = g->view ? 0 : ((size_t)(g->rows * g->s.Q * g->D) + 15) / 16 * 16;
    g->partial = g->U + (size_t)g->tasks * g->U_each;
    const size_t partials = g->which == CONV_W && !g->view && g->slots > 1 ? (size_t)g->slots * rounded : 0;
    c->scratch = conv_align((g->partial + partials) * sizeof(float));
    gemm_ld_prepare();
    return true;
}

static bool start_gemm(Conv *c) { return start(c, false); }
static bool start_swapped(Conv *c) { return start(c, true); }
static void stop(Conv *c) { free(c->state); }

/* to[KH-1-i, KW-1-j, k, c] = from[i, j, c, k] */
static void turn(int64_t taps, int64_t C, int64_t K, const float *restrict from, float *restrict to) {
    for (int64_t t = 0; t < taps; t++)
        for (int64_t k = 0; k < K; k++)
            for (int64_t c = 0; c < C; c++) to[((taps - 1 - t) * K + k) * C + c] = from[(t * C + c) * K + k];
}

typedef struct {
    const Gemm *g;
    const float *x, *w, *y;                           /* the two that are read */
    float *out, *scratch;
} Run;

typedef struct { float *sum; int64_t column, columns; bool first; } Partial;   /* of CONV_W; first: no sum yet */

/* One block of outputs, one group: M patches. */
static void block(const Run *run, int64_t group, int64_t r0, int64_t rows, float *U, Partial part) {
    const Gemm *g = run->g;
    const ConvShape *s = &g->s;
    const int64_t M = rows * s->Q, D = g->D, K = s->K, ldu = g->planes ? M : D, column = group * g->Kg, y0 = r0 * s->Q * K + column;
    if (g->which == CONV_X) {
        if (g->planes) gemm_ld(false, true, D, M, g->Kg, run->w + column, K, run->y + y0, K, U, ldu, false);
        else gemm_ld(false, true, M, D, g->Kg, run->y + y0, K, run->w + column, K, U, ldu, false);
        patch_scatter_add(s, g->planes, group, r0, rows, U, run->out);
        return;
    }
    patch_gather(s, g->planes, group, r0, rows, run->x, U);
    if (g->which == CONV_Y)
        gemm_ld(g->planes, false, M, g->Kg, D, U, ldu, run->w + column, K, run->out + y0, K, false);
    else
        gemm_ld(!g->planes, false, D, part.columns, M, U, ldu, run->y + y0 + part.column, K, part.sum + column + part.column,
                K, !part.first);
}

static void units(const Run *run, int64_t from, int64_t to, float *U, Partial part) {
    const Gemm *g = run->g;
    const ConvShape *s = &g->s;
    const int64_t image = s->H * s->W * s->C;
    for (int64_t u = from; u < to; u++) {
        const int64_t n0 = u * g->samples, n1 = min64(n0 + g->samples, s->N);
        if (g->which == CONV_X) memset(run->out + n0 * image, 0, (size_t)((n1 - n0) * image) * sizeof(float));
        for (int64_t r = n0 * s->P; r < n1 * s->P; r += g->rows)
            for (int64_t group = 0; group < s->groups; group++) {
                part.first = u == from && r == n0 * s->P;
                block(run, group, r, min64(g->rows, n1 * s->P - r), U, part);
            }
    }
}

static void task(void *ctx, int64_t t) {
    const Run *run = ctx;
    const Gemm *g = run->g;
    const int64_t rounded = (g->D * g->s.K + 15) / 16 * 16, jobs = g->slots * g->strips;
    float *U = run->scratch + g->U + (size_t)t * g->U_each;
    if (g->which != CONV_W) {
        units(run, g->units * t / g->tasks, g->units * (t + 1) / g->tasks, U, (Partial){0});
        return;
    }
    for (int64_t job = jobs * t / g->tasks; job < jobs * (t + 1) / g->tasks; job++) {
        const int64_t slot = job / g->strips, strip = job % g->strips, k0 = g->Kg * strip / g->strips;
        float *sum = g->slots == 1 ? run->out : run->scratch + g->partial + (size_t)(slot * rounded);
        units(run, g->units * slot / g->slots, g->units * (slot + 1) / g->slots, U,
              (Partial){sum, k0, g->Kg * (strip + 1) / g->strips - k0, true});
    }
}

static void sum_slots(const Gemm *g, const float *partial, float *restrict out) {
    const size_t n = (size_t)(g->D * g->s.K), rounded = (n + 15) / 16 * 16;
    memcpy(out, partial, n * sizeof *out);
    for (int64_t slot = 1; slot < g->slots; slot++) {
        const float *restrict p = partial + (size_t)slot * rounded;
        for (size_t i = 0; i < n; i++) out[i] += p[i];
    }
}

static void view(const Run *r) {
    const Gemm *g = r->g;
    const int64_t M = g->s.N * g->s.P * g->s.Q;
    if (g->which == CONV_Y) gemm(false, false, M, g->s.K, g->D, r->x, r->w, r->out, false);
    else if (g->which == CONV_X) gemm(false, true, M, g->D, g->s.K, r->y, r->w, r->out, false);
    else gemm(true, false, g->D, g->s.K, M, r->x, r->y, r->out, false);
}

static void run_gemm(const Conv *c, const float *a, const float *b, float *out, char *scratch) {
    const Gemm *g = c->state;
    const ConvShape *s = &c->s;
    float *floats = (float *)(void *)scratch;
    const bool turn_out = g->swapped && g->which == CONV_W;
    Run r = {.g = g, .out = turn_out ? floats : out, .scratch = floats};
    if (g->which == CONV_Y) r.x = a, r.w = b;
    else if (g->which == CONV_X) r.y = a, r.w = b;
    else r.x = g->swapped ? b : a, r.y = g->swapped ? a : b;
    if (g->swapped && g->which != CONV_W) {
        turn(s->KH * s->KW, s->C, s->K, b, floats);
        r.w = floats;
    }
    if (g->view) {
        view(&r);
    } else {
        parallel_for(g->tasks, task, &r);
        if (g->which == CONV_W && g->slots > 1) sum_slots(g, floats + g->partial, r.out);
    }
    if (turn_out) turn(s->KH * s->KW, s->K, s->C, floats, out);
}

const ConvMethod conv_gemm = {"gemm", start_gemm, run_gemm, stop};
const ConvMethod conv_swapped = {"swapped", start_swapped, run_gemm, stop};
