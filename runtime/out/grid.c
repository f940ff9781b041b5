/* grid: a batch of images as one picture, separated by lines of `spacing` pixels on every side:
 * width = columns*(w + spacing) + spacing. Images may be enlarged; with contours they are drawn as fields. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "out/contour.h"
#include "out/picture.h"

enum { PALETTE_GREY, PALETTE_VIRIDIS };
enum { PIXELS_MAX = 1 << 26, FIELD_SIDE = 160 };

typedef struct {
    int grid;
    int64_t columns;
    Floats range;
    int palette;
    bool contours;
    int64_t spacing, scale;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"grid", F_EXPR, AT(grid), NULL, 0, 0, NULL, "images [n, height, width, 1 or 3]"},
    {"columns", F_INT, AT(columns), "", 1, 4096, NULL, "images a row; the square root of their number where left out"},
    {"range", F_FLOATS, AT(range), "", 0, 0, NULL,
     "[black, white]; left out: [0, 1], or [-1, 1] once a value below 0 was seen"},
    {"palette", F_CHOICE, AT(palette), "grey", 0, 0, "grey|viridis", "colours of images with one channel"},
    {"contours", F_BOOL, AT(contours), "false", 0, 0, NULL, "draws images as smooth fields with level lines"},
    {"spacing", F_INT, AT(spacing), "2", 0, 64, NULL, "pixels between images and around them"},
    {"scale", F_INT, AT(scale), "", 1, 64, NULL, "enlarges so many times; 1, with contours to about 160 pixels"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

typedef struct { /* sizes in pixels of the picture */
    int64_t n, h, w, channels, columns, rows, scale, spacing, width, height;
} Layout;

static Layout layout_of(const Options *o, const Shape *s) {
    Layout l = {.n = s->dim[0], .h = s->dim[1], .w = s->dim[2], .channels = s->dim[3], .spacing = o->spacing};
    int64_t larger = l.h > l.w ? l.h : l.w;
    l.columns = o->columns ? o->columns : (int64_t)ceil(sqrt((double)l.n));
    l.rows = (l.n + l.columns - 1) / l.columns;
    l.scale = o->scale                             ? o->scale
              : o->contours && larger < FIELD_SIDE ? (FIELD_SIDE + larger / 2) / larger
                                                   : 1;
    l.width = l.columns * (l.w * l.scale + l.spacing) + l.spacing;
    l.height = l.rows * (l.h * l.scale + l.spacing) + l.spacing;
    return l;
}

static bool check(const void *options_, int nvalue, const Tensor *value, Diags *d, Loc loc) {
    const Options *o = options_;
    (void)nvalue;
    const Shape *s = &value[o->grid].shape;
    if (s->rank != 4 || (s->dim[3] != 1 && s->dim[3] != 3) || shape_count(s) == 0) {
        diag_error(d, loc, "grid: images must be [n, height, width, 1 or 3], not %s",
                   shape_show(s, d->arena));
        return false;
    }
    if (s->dim[3] == 3 && (o->palette == PALETTE_VIRIDIS || o->contours)) {
        diag_error(d, loc, "grid: %s is for images of one channel, these have 3",
                   o->contours ? "contours" : "palette: viridis");
        return false;
    }
    if (o->range.n && (o->range.n != 2 || !(o->range.at[0] < o->range.at[1]))) {
        diag_error(d, loc, "grid: range is [black, white], the lower number first");
        return false;
    }
    int64_t side = 1 << 20; /* products of sizes below this fit into 64 bits */
    Layout l =
        s->dim[0] < side && s->dim[1] < side && s->dim[2] < side ? layout_of(o, s) : (Layout){.width = side};
    if (l.width >= 1 << 16 || l.height >= 1 << 16 || l.width * l.height > PIXELS_MAX) {
        diag_error(d, loc, "grid: a picture of %s is too large; show fewer images ([0:64]) or set scale: 1",
                   shape_show(s, d->arena));
        return false;
    }
    return true;
}

/* [0, 1] until a value below 0 was seen, [-1, 1] from then on, kept in the job's range over the run. */
static void find_range(const OutputJob *job, const Options *o, const OutValue *images, double *low,
                       double *high) {
    *low = o->range.n ? o->range.at[0] : 0;
    *high = o->range.n ? o->range.at[1] : 1;
    if (o->range.n) return;
    int64_t count = shape_count(&images->type.shape);
    bool below = job->range && job->range[0] < 0;
    for (int64_t i = 0; i < count && !below; i++) below = out_number(images, i) < 0;
    if (below) *low = -1;
    if (job->range) job->range[0] = *low, job->range[1] = *high;
}

static uint8_t level(double t) { return (uint8_t)lround(255 * (t > 0 ? t < 1 ? t : 1 : 0)); } /* NaN: 0 */

/* One image, each pixel `scale` times in both directions, at (x, y) of the picture. */
static void draw_pixels(const Layout *l, const float *unit, bool viridis, Picture *p, int64_t x, int64_t y) {
    for (int64_t row = 0; row < l->h * l->scale; row++) {
        uint8_t *to = p->pixel + ((y + row) * p->width + x) * p->channels;
        for (int64_t column = 0; column < l->w * l->scale; column++) {
            const float *from = unit + (row / l->scale * l->w + column / l->scale) * l->channels;
            Color c = viridis ? color_viridis((double)from[0]) : (Color){level((double)from[0]), 0, 0};
            if (l->channels == 3) c.g = level((double)from[1]), c.b = level((double)from[2]);
            *to++ = c.r;
            if (p->channels == 3) *to++ = c.g, *to++ = c.b;
        }
    }
}

static bool draw_all(const OutputJob *job, const Options *o, const Layout *l, float *unit, Picture *p) {
    const OutValue *images = &job->value[o->grid];
    bool viridis = o->palette == PALETTE_VIRIDIS;
    int64_t size = l->h * l->w * l->channels;
    double low, high;
    find_range(job, o, images, &low, &high);
    if (viridis) memset(p->pixel, 255, (size_t)p->width * (size_t)p->height * 3);
    for (int64_t i = 0; i < l->n; i++) {
        int64_t x = l->spacing + i % l->columns * (l->w * l->scale + l->spacing);
        int64_t y = l->spacing + i / l->columns * (l->h * l->scale + l->spacing);
        for (int64_t k = 0; k < size; k++)
            unit[k] = (float)((out_number(images, i * size + k) - low) / (high - low));
        if (!o->contours)
            draw_pixels(l, unit, viridis, p, x, y);
        else if (!contour_draw(unit, (int)l->w, (int)l->h, (int)l->scale, viridis, p, (int)x, (int)y))
            return false;
    }
    return true;
}

static bool write(const OutputJob *job, const void *options_) {
    const Options *o = options_;
    Layout l = layout_of(o, &job->value[o->grid].type.shape);
    Picture p = {0};
    float *unit = malloc((size_t)(l.h * l.w * l.channels) * sizeof *unit);
    bool color = o->palette == PALETTE_VIRIDIS || l.channels == 3;
    bool drawn =
        unit && picture_new(&p, (int)l.width, (int)l.height, color ? 3 : 1) && draw_all(job, o, &l, unit, &p);
    bool ok = drawn ? out_picture(job, &p) : out_fail(job, job->name, "no memory for the picture");
    free(unit);
    picture_free(&p);
    return ok;
}

OUTPUT(grid, .doc = "a batch of images as one picture", .options_size = sizeof(Options), .options = options,
       .check = check, .write = write)
