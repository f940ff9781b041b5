/* Fields with level lines. Between pixels the field is Catmull and Rom's cubic; a line is drawn where a
 * pixel's distance to its level, estimated as |value - level| / |gradient|, is below half the line's width.
 * Estimating in every pixel needs no tracing of curves and gives smooth edges. */
#include "out/contour.h"

#include <math.h>
#include <stdlib.h>

static const double line_width = 1.3, line_strength = 0.55;

static int clamp(int i, int n) { return i < 0 ? 0 : i < n ? i : n - 1; }

static void cubic_weights(double t, double out[4]) {
    out[0] = 0.5 * t * (-1 + t * (2 - t));
    out[1] = 1 + 0.5 * t * t * (-5 + 3 * t);
    out[2] = 0.5 * t * (1 + t * (4 - 3 * t));
    out[3] = 0.5 * t * t * (-1 + t);
}

/* Beyond its edges a line goes on straight: v[-1] = 2 v[0] - v[1]. */
static double along(const float *v, ptrdiff_t step, int n, int i) {
    if (n == 1) return (double)v[0];
    if (i < 0) return 2 * (double)v[0] - (double)v[clamp(-i, n) * step];
    if (i >= n) return 2 * (double)v[(n - 1) * step] - (double)v[clamp(2 * n - 2 - i, n) * step];
    return (double)v[i * step];
}

static double reach(const float *v, int w, int h, int column, int row) {
    if (h == 1 || (row >= 0 && row < h)) return along(v + (ptrdiff_t)clamp(row, h) * w, 1, w, column);
    int edge = row < 0 ? 0 : h - 1, inner = clamp(2 * edge - row, h);
    return 2 * along(v + (ptrdiff_t)edge * w, 1, w, column) - along(v + (ptrdiff_t)inner * w, 1, w, column);
}

/* Enlarges [h, w] to [h*scale, w*scale]: each pixel of `from` lies in the middle of a square of scale*scale. */
static void enlarge(const float *from, int w, int h, int scale, double *to) {
    for (int row = 0; row < h * scale; row++)
        for (int column = 0; column < w * scale; column++) {
            double y = (row + 0.5) / scale - 0.5, x = (column + 0.5) / scale - 0.5, wy[4], wx[4], sum = 0;
            int top = (int)floor(y), left = (int)floor(x);
            cubic_weights(y - top, wy);
            cubic_weights(x - left, wx);
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++)
                    sum += wy[i] * wx[j] * reach(from, w, h, left + j - 1, top + i - 1);
            *to++ = sum;
        }
}

/* How much of the pixel the nearest level line covers. */
static double coverage(const double *v, int w, int h, int column, int row) {
    int left = clamp(column - 1, w), right = clamp(column + 1, w), above = clamp(row - 1, h),
        below = clamp(row + 1, h);
    double here = v[row * w + column], nearest = round(here * LEVELS) / LEVELS;
    double dx = right > left ? (v[row * w + right] - v[row * w + left]) / (right - left) : 0;
    double dy = below > above ? (v[below * w + column] - v[above * w + column]) / (below - above) : 0;
    double slope = hypot(dx, dy);
    if (!(nearest > 0.5 / LEVELS && nearest < 1 - 0.5 / LEVELS) || !(slope > 1e-5)) return 0;
    double inside = 0.5 * line_width + 0.5 - fabs(here - nearest) / slope;
    return inside > 0 ? inside < 1 ? inside : 1 : 0;
}

static uint8_t blend(double under, double over, double part) {
    return (uint8_t)lround(under + (over - under) * part);
}

bool contour_draw(const float *unit, int w, int h, int scale, bool viridis, Picture *p, int x, int y) {
    int width = w * scale, height = h * scale;
    double *v = malloc((size_t)width * (size_t)height * sizeof *v);
    if (!v) return false;
    enlarge(unit, w, h, scale, v);
    for (int row = 0; row < height; row++) {
        uint8_t *to = p->pixel + ((ptrdiff_t)(y + row) * p->width + x) * p->channels;
        for (int column = 0; column < width; column++) {
            double t = v[row * width + column], unit_t = t > 0 ? t < 1 ? t : 1 : 0;
            double part = line_strength * coverage(v, width, height, column, row),
                   ink = unit_t < 0.65 ? 255 : 0;
            Color c = color_viridis(unit_t);
            if (!viridis) c.r = (uint8_t)lround(255 * unit_t);
            *to++ = blend(c.r, ink, part);
            if (p->channels == 3) *to++ = blend(c.g, ink, part), *to++ = blend(c.b, ink, part);
        }
    }
    free(v);
    return true;
}
