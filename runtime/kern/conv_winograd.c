/* Convolutions by Winograd's short ones (winograd_tile.h): 1.8 to 4 times fewer products for wide layers.
 *
 * A stride is taken apart into phases: with i = a + sh*i' and h = (p + i')*sh + a - top, each phase (a, b) is a
 * convolution of stride 1 with r = ceil(KH/sh) taps over every sh-th row, and phases are just more channels. So with
 * CC = phases*C, on each of the n*n frequencies t the work is one matrix product:
 *
 *   Y[t] = X[t] W[t]        X[t] = Y[t] W[t]'        W[t] += X[t]' Y[t]       X [tiles, CC], W [CC, K], Y [tiles, K]
 *
 * Work goes block by block of whole samples; each step of a block runs on all threads, each product on one. What is
 * cut where depends on the shape alone: the same bits for any number of threads. */
#include "kern/conv.h"
#include "kern/gemm.h"
#include "kern/winograd_tile.h"

#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 1 << 20,                                  /* floats of X and Y in hand at a time: stays in a large cache */
    LEAST = 256, CHUNK = 256,                         /* tiles in a block at least; rows of one product */
    WEIGHT_ROWS = 8,                                  /* rows of w that one task transforms */
    SKEW = 16,                                        /* floats: keeps the frequencies out of the same cache sets */
};

typedef struct {
    const Tile *tile;
    int64_t ah, aw, CC;                               /* phases of the axes */
    int64_t th, tw, samples;                          /* tiles of a sample; samples of a block */
    int64_t x_step, w_step, y_step;                   /* floats from one frequency to the next */
} Winograd;

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t step(int64_t floats) { return (floats + 15) / 16 * 16 + SKEW; }

/* Products for a pair of channels of one sample. */
static int64_t products(const ConvShape *s, const Tile *t) {
    return min64(s->sh, s->KH) * min64(s->sw, s->KW) * ceil_div(s->P, t->m) * ceil_div(s->Q, t->m) * t->n * t->n;
}

/* The tile with the fewest products; NULL: the method cannot do the shape. */
static const Tile *choose(const ConvShape *s) {
    if (s->groups != 1 || s->dh != 1 || s->dw != 1 || s->C % 8 || s->K % 8) return NULL;
    const int64_t taps = max64(ceil_div(s->KH, s->sh), ceil_div(s->KW, s->sw));
    const Tile *best = NULL;
    for (int i = 0; i < TILES; i++) {
        const Tile *t = tile_at(i);
        if (t->r == taps && (!best || products(s, t) < products(s, best))) best = t;
    }
    return best;
}

double conv_winograd_saving(const ConvShape *s) {
    const Tile *t = choose(s);
    return t ? (double)(s->P * s->Q * s->KH * s->KW) / (double)products(s, t) : 0;
}

static bool start(Conv *c) {
    const ConvShape *s = &c->s;
    const Tile *tile = choose(s);
    if (!tile) return false;
    Winograd *g = c->state = calloc(1, sizeof *g);
    if (!g) return false;
    g->tile = tile;
    g->ah = min64(s->sh, s->KH), g->aw = min64(s->sw, s->KW), g->CC = g->ah * g->aw * s->C;
    g->th = ceil_div(s->P, tile->m), g->tw = ceil_div(s->Q, tile->m);
    const int64_t frequencies = tile->n * tile->n, tiles = g->th * g->tw;
    g->samples = max64(1, min64(s->N, max64(BLOCK / (frequencies * (g->CC + s->K)), LEAST) / tiles));
    g->x_step = step(g->samples * tiles * g->CC), g->y_step = step(g->samples * tiles * s->K), g->w_step = step(g->CC * s->K);
    c->scratch = conv_align((size_t)(frequencies * (g->x_step + g->y_step + g->w_step)) * sizeof(float));
    gemm_ld_prepare();
    return true;
}

static void stop(Conv *c) { free(c->state); }

typedef struct {
    const Winograd *g;
    const ConvShape *s;
    const float *x, *w, *y;                           /* the two that are read */
    float *out;
    float *X, *W, *Y;                                 /* transformed: [frequency][row][channel] */
    int64_t n0, samples;                              /* the block */
    int64_t parity;                                   /* CONV_X: even or odd rows of tiles, which do not overlap */
    ConvWhich which;
} Run;

static void frequencies(const Winograd *g, const float *base, int64_t step_floats, float **to) {
    for (int t = 0; t < g->tile->n * g->tile->n; t++) to[t] = (float *)(uintptr_t)(base + t * step_floats);
}

/* Where tile (i, j) of sample n lies in x, for one phase; NULL outside. */
static void places_x(const Run *r, const float *x, int64_t n, int64_t i, int64_t j, int64_t a, int64_t b, float **to) {
    const ConvShape *s = r->s;
    const Tile *tile = r->g->tile;
    for (int u = 0; u < tile->n; u++)
        for (int v = 0; v < tile->n; v++) {
            const int64_t h = (i * tile->m + u) * s->sh + a - s->top, q = (j * tile->m + v) * s->sw + b - s->left;
            const bool in = h >= 0 && h < s->H && q >= 0 && q < s->W;
            *to++ = in ? (float *)(uintptr_t)x + ((n * s->H + h) * s->W + q) * s->C : NULL;
        }
}

static void places_y(const Run *r, const float *y, int64_t n, int64_t i, int64_t j, float **to) {
    const ConvShape *s = r->s;
    const int m = r->g->tile->m;
    for (int64_t p = i * m; p < (i + 1) * m; p++)
        for (int64_t q = j * m; q < (j + 1) * m; q++)
            *to++ = p < s->P && q < s->Q ? (float *)(uintptr_t)y + ((n * s->P + p) * s->Q + q) * s->K : NULL;
}

/* One row of tiles of the block. */
static int64_t first_tile(const Run *r, int64_t row) { return row * r->g->tw; }

static void x_to_tiles(void *ctx, int64_t row) {
    const Run *r = ctx;
    const Winograd *g = r->g;
    float *from[TILE_MAX], *to[TILE_MAX];
    for (int64_t j = 0; j < g->tw; j++)
        for (int64_t phase = 0; phase < g->ah * g->aw; phase++) {
            places_x(r, r->x, r->n0 + row / g->th, row % g->th, j, phase / g->aw, phase % g->aw, from);
            frequencies(g, r->X + (first_tile(r, row) + j) * g->CC + phase * r->s->C, g->x_step, to);
            g->tile->x_in((const float *const *)from, to, r->s->C);
        }
}

static void y_to_tiles(void *ctx, int64_t row) {
    const Run *r = ctx;
    const Winograd *g = r->g;
    float *from[TILE_MAX], *to[TILE_MAX];
    for (int64_t j = 0; j < g->tw; j++) {
        places_y(r, r->y, r->n0 + row / g->th, row % g->th, j, from);
        frequencies(g, r->Y + (first_tile(r, row) + j) * r->s->K, g->y_step, to);
        g->tile->y_in((const float *const *)from, to, r->s->K);
    }
}

static void tiles_to_y(void *ctx, int64_t row) {
    const Run *r = ctx;
    const Winograd *g = r->g;
    float *from[TILE_MAX], *to[TILE_MAX];
    for (int64_t j = 0; j < g->tw; j++) {
        frequencies(g, r->Y + (first_tile(r, row) + j) * r->s->K, g->y_step, from);
        places_y(r, r->out, r->n0 + row / g->th, row % g->th, j, to);
        g->tile->y_out((const float *const *)from, to, r->s->K);
    }
}

/* Neighbouring tiles of x overlap: rows of one parity at a time, so that no two threads add to one place. */
static void tiles_to_x(void *ctx, int64_t half_row) {
    const Run *r = ctx;
    const Winograd *g = r->g;
    const int64_t rows = (g->th + 1 - r->parity) / 2, sample = half_row / rows, i = half_row % rows * 2 + r->parity;
    float *from[TILE_MAX], *to[TILE_MAX];
    for (int64_t j = 0; j < g->tw; j++)
        for (int64_t phase = 0; phase < g->ah * g->aw; phase++) {
            frequencies(g, r->X + ((sample * g->th + i) * g->tw + j) * g->CC + phase * r->s->C, g->x_step, from);
            places_x(r, r->out, r->n0 + sample, i, j, phase / g->aw, phase % g->aw, to);
            g->tile->x_add((const float *const *)from, to, r->s->C);
        }
}

static void clear_sample(void *ctx, int64_t sample) {
    const Run *r = ctx;
    const int64_t image = r->s->H * r->s->W * r->s->C;
    memset(r->out + (r->n0 + sample) * image, 0, (size_t)image * sizeof(float));
}

/* Some rows of w, of one phase: in, or out for CONV_W. Taps beyond the kernel are zero. */
static void weights(void *ctx, int64_t i) {
    const Run *r = ctx;
    const Winograd *g = r->g;
    const ConvShape *s = r->s;
    const int64_t parts = ceil_div(s->C, WEIGHT_ROWS), phase = i / parts, c0 = i % parts * WEIGHT_ROWS;
    const int64_t count = min64(WEIGHT_ROWS, s->C - c0) * s->K;
    const float *w = r->which == CONV_W ? r->out : r->w;
    float *taps[TILE_MAX], *spectrum[TILE_MAX], **to = taps;
    for (int64_t u = phase / g->aw; u < phase / g->aw + s->sh * g->tile->r; u += s->sh)
        for (int64_t v = phase % g->aw; v < phase % g->aw + s->sw * g->tile->r; v += s->sw)
            *to++ = u < s->KH && v < s->KW ? (float *)(uintptr_t)w + ((u * s->KW + v) * s->C + c0) * s->K : NULL;
    frequencies(g, r->W + (phase * s->C + c0) * s->K, g->w_step, spectrum);
    if (r->which == CONV_W) g->tile->w_out((const float *const *)spectrum, taps, count);
    else g->tile->w_in((const float *const *)taps, spectrum, count);
}

static int64_t product_rows(const Run *r) { return r->which == CONV_W ? r->g->CC : r->samples * r->g->th * r->g->tw; }

/* One frequency, CHUNK rows of the result. */
static void product(void *ctx, int64_t i) {
    const Run *r = ctx;
    const Winograd *g = r->g;
    const int64_t chunks = ceil_div(product_rows(r), CHUNK), t = i / chunks, from = i % chunks * CHUNK, K = r->s->K;
    const int64_t rows = min64(CHUNK, product_rows(r) - from), tiles = r->samples * g->th * g->tw;
    float *X = r->X + t * g->x_step, *W = r->W + t * g->w_step, *Y = r->Y + t * g->y_step;
    if (r->which == CONV_Y)
        gemm_ld(false, false, rows, K, g->CC, X + from * g->CC, g->CC, W, K, Y + from * K, K, false);
    else if (r->which == CONV_X)
        gemm_ld(false, true, rows, g->CC, K, Y + from * K, K, W, K, X + from * g->CC, g->CC, false);
    else
        gemm_ld(true, false, rows, K, tiles, X + from, g->CC, Y, K, W + from * K, K, r->n0 > 0);
}

static void block(Run *r) {
    const Winograd *g = r->g;
    const int64_t rows = r->samples * g->th;
    if (r->which != CONV_X) parallel_for(rows, x_to_tiles, r);
    if (r->which != CONV_Y) parallel_for(rows, y_to_tiles, r);
    parallel_for(g->tile->n * g->tile->n * ceil_div(product_rows(r), CHUNK), product, r);
    if (r->which == CONV_Y) parallel_for(rows, tiles_to_y, r);
    if (r->which != CONV_X) return;
    parallel_for(r->samples, clear_sample, r);
    for (r->parity = 0; r->parity < 2; r->parity++)
        parallel_for(r->samples * ((g->th + 1 - r->parity) / 2), tiles_to_x, r);
}

static void run(const Conv *c, const float *a, const float *b, float *out, char *scratch) {
    const Winograd *g = c->state;
    const ConvShape *s = &c->s;
    const int64_t count = g->tile->n * g->tile->n, weight_tasks = g->ah * g->aw * ceil_div(s->C, WEIGHT_ROWS);
    Run r = {.g = g, .s = s, .out = out, .which = c->which, .X = (float *)(void *)scratch};
    r.x = a, r.w = b, r.y = c->which == CONV_X ? a : b;
    r.Y = r.X + count * g->x_step, r.W = r.Y + count * g->y_step;
    if (c->which != CONV_W) parallel_for(weight_tasks, weights, &r);
    for (r.n0 = 0; r.n0 < s->N; r.n0 += g->samples) {
        r.samples = min64(g->samples, s->N - r.n0);
        block(&r);
    }
    if (c->which == CONV_W) parallel_for(weight_tasks, weights, &r);
}

const ConvMethod conv_winograd = {"winograd", start, run, stop};
