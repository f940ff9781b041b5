/* Images to pixels: ranges, palettes, contours, tiles. */
#include "out/look.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "out/contour.h"

enum { PIXELS_MAX = 1 << 26, SIDE_MAX = 1 << 16, FIELD_SIDE = 160 };

static bool is_images(const Shape *s) {
    return s->rank == 4 && (s->dim[3] == 1 || s->dim[3] == 3) && shape_count(s) > 0;
}

int image_suits(int n, const Tensor *value) {
    int images = 0;
    for (int i = 0; i < n; i++) images += is_images(&value[i].shape);
    return images;
}

bool look_check(const char *who, const Look *look, int n, const Tensor *value, Diags *d, Loc loc) {
    for (int i = 0; i < n; i++) {
        const Shape *s = &value[i].shape;
        if (!is_images(s)) {
            diag_error(d, loc, "%s: images must be [n, height, width, 1 or 3], not %s", who,
                       shape_show(s, d->arena));
            return false;
        }
        if (s->dim[3] == 3 && (look->palette == PALETTE_VIRIDIS || look->contours)) {
            diag_error(d, loc, "%s: %s is for images of one channel, these have 3", who,
                       look->contours ? "contours" : "palette: viridis");
            return false;
        }
    }
    if (!look->range.n || (look->range.n == 2 && look->range.at[0] < look->range.at[1])) return true;
    diag_error(d, loc, "%s: range is [black, white], the lower number first", who);
    return false;
}

bool look_color(const Look *look, int n, const OutValue *value) {
    bool color = look->palette == PALETTE_VIRIDIS;
    for (int i = 0; i < n; i++) color = color || value[i].type.shape.dim[3] == 3;
    return color;
}

/* [0, 1] until a value below 0 was seen, [-1, 1] from then on. */
void look_prepare(OutputJob *job, const Look *look, const OutValue *images) {
    if (look->range.n) {
        job->range[0] = look->range.at[0], job->range[1] = look->range.at[1];
        return;
    }
    bool below = job->range[0] < 0;
    int64_t count = shape_count(&images->type.shape);
    for (int64_t i = 0; i < count && !below; i++) below = out_number(images, i) < 0;
    job->range[0] = below ? -1 : 0, job->range[1] = 1;
}

int64_t look_scale(const Look *look, const Shape *s) {
    int64_t larger = s->dim[1] > s->dim[2] ? s->dim[1] : s->dim[2];
    if (look->scale) return look->scale;
    return look->contours && larger < FIELD_SIDE ? (FIELD_SIDE + larger / 2) / larger : 1;
}

static int64_t across(int64_t n, int64_t side, int64_t spacing) { return n * (side + spacing) + spacing; }

bool tiles_fit(const char *who, const Look *look, const Shape *s, int64_t columns, int64_t rows,
               int64_t spacing, Diags *d, Loc loc) {
    bool small =
        columns < SIDE_MAX && rows < SIDE_MAX && s->dim[1] < SIDE_MAX && s->dim[2] < SIDE_MAX; /* 64 bits do */
    int64_t scale = small ? look_scale(look, s) : 1;
    int64_t width = small ? across(columns, s->dim[2] * scale, spacing) : SIDE_MAX;
    int64_t height = small ? across(rows, s->dim[1] * scale, spacing) : SIDE_MAX;
    if (width < SIDE_MAX && height < SIDE_MAX && width * height <= PIXELS_MAX) return true;
    diag_error(d, loc, "%s: a picture of %s is too large; show fewer images ([0:64]) or set scale: 1", who,
               shape_show(s, d->arena));
    return false;
}

static uint8_t level(double t) { return (uint8_t)lround(255 * (t > 0 ? t < 1 ? t : 1 : 0)); } /* NaN: 0 */

/* One image, each pixel `scale` times in both directions, at (x, y) of the picture. */
static void draw_pixels(const Shape *s, int64_t scale, const float *unit, bool viridis, Picture *p, int64_t x,
                        int64_t y) {
    int64_t channels = s->dim[3];
    for (int64_t row = 0; row < s->dim[1] * scale; row++) {
        uint8_t *to = p->pixel + ((y + row) * p->width + x) * p->channels;
        for (int64_t column = 0; column < s->dim[2] * scale; column++) {
            const float *from = unit + (row / scale * s->dim[2] + column / scale) * channels;
            Color c = {level((double)from[0]), 0, 0};
            if (viridis)
                c = color_viridis((double)from[0]);
            else if (channels == 3)
                c.g = level((double)from[1]), c.b = level((double)from[2]);
            else
                c.g = c.b = c.r;
            *to++ = c.r;
            if (p->channels == 3) *to++ = c.g, *to++ = c.b;
        }
    }
}

static bool draw_tile(Picture *p, const Look *look, const Tile *t, const double range[2], float *unit, int64_t x,
                      int64_t y) {
    const Shape *s = &t->images->type.shape;
    int64_t size = s->dim[1] * s->dim[2] * s->dim[3], scale = look_scale(look, s);
    bool viridis = look->palette == PALETTE_VIRIDIS;
    for (int64_t k = 0; k < size; k++)
        unit[k] = (float)((out_number(t->images, t->index * size + k) - range[0]) / (range[1] - range[0]));
    if (look->contours)
        return contour_draw(unit, (int)s->dim[2], (int)s->dim[1], (int)scale, viridis, p, (int)x, (int)y);
    draw_pixels(s, scale, unit, viridis, p, x, y);
    return true;
}

bool tiles_draw(Picture *p, const Look *look, const Shape *s, bool color, const double range[2], int64_t columns,
                int64_t rows, int64_t spacing, const Tile *tile) {
    int64_t scale = look_scale(look, s), w = s->dim[2] * scale, h = s->dim[1] * scale;
    float *unit = malloc((size_t)(s->dim[1] * s->dim[2] * 3) * sizeof *unit);
    bool ok = unit && picture_new(p, (int)across(columns, w, spacing), (int)across(rows, h, spacing), color ? 3 : 1);
    if (ok && look->palette == PALETTE_VIRIDIS)       /* its darkest colour is near black: white lines separate */
        memset(p->pixel, 255, (size_t)p->width * (size_t)p->height * 3);
    for (int64_t i = 0; ok && i < columns * rows; i++) {
        int64_t x = across(i % columns, w, spacing), y = across(i / columns, h, spacing);
        if (tile[i].index >= 0) ok = draw_tile(p, look, &tile[i], range, unit, x, y);
    }
    free(unit);
    return ok;
}
