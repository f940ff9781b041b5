/* Copying between images and patches (im2col and its transpose, col2im). Knows no threads: callers give each thread
 * its own samples. Places outside the image read as zero and are not written. */
#include "kern/conv_patch.h"

#include <string.h>

/* The outputs q in [*from, *to) for which q*stride + shift lies inside [0, size). */
static void inside(int64_t size, int64_t outputs, int64_t stride, int64_t shift, int64_t *from, int64_t *to) {
    int64_t a = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
    int64_t b = shift >= size ? 0 : (size - 1 - shift) / stride + 1;
    if (b > outputs) b = outputs;
    if (a > b) a = b;
    *from = a, *to = b;
}

typedef struct {                                      /* one row of outputs, one row of taps */
    const ConvShape *s;
    int64_t channels, pixel;                          /* channels of a group; floats from one pixel of x to the next */
    int64_t image;                                    /* where the row of x starts; -1: outside */
} Line;

static Line line_at(const ConvShape *s, int64_t group, int64_t r, int64_t i) {
    int64_t channels = s->C / s->groups, h = r % s->P * s->sh + i * s->dh - s->top;
    bool out = h < 0 || h >= s->H;
    return (Line){s, channels, s->C, out ? -1 : (r / s->P * s->H + h) * s->W * s->C + group * channels};
}

static void copy(float *restrict to, const float *restrict from, int64_t n) {
    for (int64_t i = 0; i < n; i++) to[i] = from[i];
}

static void add(float *restrict to, const float *restrict from, int64_t n) {
    for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

static void gather_planes(Line l, int64_t i, int64_t M, int64_t at, const float *x, float *U) {
    const ConvShape *s = l.s;
    for (int64_t j = 0; j < s->KW; j++) {
        int64_t shift = j * s->dw - s->left, q0 = 0, q1 = 0, step = s->sw * l.pixel;
        if (l.image >= 0) inside(s->W, s->Q, s->sw, shift, &q0, &q1);
        for (int64_t c = 0; c < l.channels; c++) {
            float *restrict u = U + ((i * s->KW + j) * l.channels + c) * M + at;
            const float *restrict from = x + l.image + shift * l.pixel + c;
            for (int64_t q = 0; q < q0; q++) u[q] = 0;
            if (step == 1)
                copy(u + q0, from + q0, q1 - q0);
            else
                for (int64_t q = q0; q < q1; q++) u[q] = from[q * step];
            for (int64_t q = q1; q < s->Q; q++) u[q] = 0;
        }
    }
}

static void scatter_planes(Line l, int64_t i, int64_t M, int64_t at, const float *U, float *x) {
    const ConvShape *s = l.s;
    for (int64_t j = 0; l.image >= 0 && j < s->KW; j++) {
        int64_t shift = j * s->dw - s->left, q0, q1, step = s->sw * l.pixel;
        inside(s->W, s->Q, s->sw, shift, &q0, &q1);
        for (int64_t c = 0; c < l.channels; c++) {
            const float *restrict u = U + ((i * s->KW + j) * l.channels + c) * M + at;
            float *restrict to = x + l.image + shift * l.pixel + c;
            if (step == 1)
                add(to + q0, u + q0, q1 - q0);
            else
                for (int64_t q = q0; q < q1; q++) to[q * step] += u[q];
        }
    }
}

/* The taps of output q that lie inside form runs of floats that are neighbours in x and in the patch: one run where
 * neighbouring taps are neighbouring pixels and the group is the whole pixel, else one a tap. */
static void gather_row(Line l, int64_t i, int64_t D, const float *x, float *U) {
    const ConvShape *s = l.s;
    const int64_t taps = s->KW * l.channels;
    const bool one_run = s->dw == 1 && s->groups == 1;
    for (int64_t q = 0; q < s->Q; q++) {
        float *u = U + q * D + i * taps;
        int64_t j0 = 0, j1 = 0, shift = q * s->sw - s->left;
        if (l.image >= 0) inside(s->W, s->KW, s->dw, shift, &j0, &j1);
        memset(u, 0, (size_t)(j0 * l.channels) * sizeof *u);
        if (one_run)
            copy(u + j0 * l.channels, x + l.image + (j0 + shift) * l.pixel, (j1 - j0) * l.channels);
        else
            for (int64_t j = j0; j < j1; j++)
                copy(u + j * l.channels, x + l.image + (j * s->dw + shift) * l.pixel, l.channels);
        memset(u + j1 * l.channels, 0, (size_t)((s->KW - j1) * l.channels) * sizeof *u);
    }
}

static void scatter_row(Line l, int64_t i, int64_t D, const float *U, float *x) {
    const ConvShape *s = l.s;
    const int64_t taps = s->KW * l.channels;
    const bool one_run = s->dw == 1 && s->groups == 1;
    for (int64_t q = 0; l.image >= 0 && q < s->Q; q++) {
        const float *u = U + q * D + i * taps;
        int64_t j0, j1, shift = q * s->sw - s->left;
        inside(s->W, s->KW, s->dw, shift, &j0, &j1);
        if (one_run)
            add(x + l.image + (j0 + shift) * l.pixel, u + j0 * l.channels, (j1 - j0) * l.channels);
        else
            for (int64_t j = j0; j < j1; j++)
                add(x + l.image + (j * s->dw + shift) * l.pixel, u + j * l.channels, l.channels);
    }
}

void patch_gather(const ConvShape *s, bool planes, int64_t group, int64_t r0, int64_t rows, const float *x, float *U) {
    const int64_t D = s->KH * s->KW * (s->C / s->groups), M = rows * s->Q;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < s->KH; i++) {
            Line l = line_at(s, group, r0 + r, i);
            if (planes) gather_planes(l, i, M, r * s->Q, x, U);
            else gather_row(l, i, D, x, U + r * s->Q * D);
        }
}

void patch_scatter_add(const ConvShape *s, bool planes, int64_t group, int64_t r0, int64_t rows, const float *U, float *x) {
    const int64_t D = s->KH * s->KW * (s->C / s->groups), M = rows * s->Q;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < s->KH; i++) {
            Line l = line_at(s, group, r0 + r, i);
            if (planes) scatter_planes(l, i, M, r * s->Q, U, x);
            else scatter_row(l, i, D, U + r * s->Q * D, x);
        }
}
