/* scatter: points in the plane, axes of equal scale. Of several sets the first is the backdrop (the data,
 * light grey) and the others lie over it; `color` belongs to the last set. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "out/axes.h"

enum { SIZE = 600, SETS_MAX = INTS_MAX, LABELS_MAX = 16 };
static const double left = 48, top = 42, right = 18, bottom = 34;
static const Color backdrop = {208, 208, 208};

typedef struct {
    Ints scatter;
    int color, modes;
    Ints axes;
    Floats range;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"scatter", F_EXPRS, AT(scatter), NULL, 0, 0, NULL, "points [n, 2], or a list: the data first, samples over it"},
    {"color", F_EXPR, AT(color), "", 0, 0, NULL, "one number a point: int labels or float amounts"},
    {"modes", F_EXPR, AT(modes), "", 0, 0, NULL, "places [k, 2] to mark"},
    {"axes", F_INTS, AT(axes), "0 1", 0, 4095, NULL, "which two of the points' numbers to draw"},
    {"range", F_FLOATS, AT(range), "", 0, 0, NULL, "[low, high] of both axes; left out: all that matters fits"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

static bool points_fit(const Options *o, const Tensor *t, const char *what, Diags *d, Loc loc) {
    const Shape *s = &t->shape;
    bool ok = s->rank == 2 && s->dim[0] > 0 && o->axes.at[0] < s->dim[1] && o->axes.at[1] < s->dim[1];
    if (!ok)
        diag_error(d, loc, "scatter: %s must be [n, %lld] or wider, not %s", what,
                   (long long)(o->axes.at[0] > o->axes.at[1] ? o->axes.at[0] : o->axes.at[1]) + 1,
                   shape_show(s, d->arena));
    return ok;
}

static bool check(const void *options_, int nvalue, const Tensor *value, Diags *d, Loc loc) {
    const Options *o = options_;
    (void)nvalue;
    if (o->axes.n != 2 || o->axes.at[0] < 0 || o->axes.at[1] < 0) {
        diag_error(d, loc, "scatter: axes are two numbers from 0, such as [0, 1]");
        return false;
    }
    if (o->range.n && (o->range.n != 2 || !(o->range.at[0] < o->range.at[1]))) {
        diag_error(d, loc, "scatter: range is [low, high], the lower number first");
        return false;
    }
    bool ok = true;
    for (int i = 0; i < o->scatter.n; i++)
        ok = points_fit(o, &value[o->scatter.at[i]], "points", d, loc) && ok;
    if (o->modes >= 0) ok = points_fit(o, &value[o->modes], "modes", d, loc) && ok;
    if (o->color < 0 || !ok) return ok;
    const Shape *color = &value[o->color].shape, *points = &value[o->scatter.at[o->scatter.n - 1]].shape;
    if (color->rank == 1 && color->dim[0] == points->dim[0]) return true;
    diag_error(d, loc, "scatter: color must be one number for each of the %lld points, not %s",
               (long long)points->dim[0], shape_show(color, d->arena));
    return false;
}

typedef struct {
    int64_t n, width;
    const OutValue *value;
    const double *given;
    const Ints *axes;
} Points;

static double coordinate(const Points *p, int64_t i, int axis) {
    if (p->given) return p->given[2 * i + axis];
    return out_number(p->value, i * p->width + p->axes->at[axis]);
}

static Points points_of(const OutputJob *job, const Options *o, int64_t value) {
    const OutValue *v = &job->value[value];
    return (Points){v->type.shape.dim[0], v->type.shape.dim[1], v, NULL, &o->axes};
}

static Points modes_of(const OutputJob *job, const Options *o) {
    if (o->modes >= 0) return points_of(job, o, o->modes);
    return (Points){job->modes ? job->nmodes : 0, 2, NULL, job->modes, &o->axes};
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, z = *(const double *)b;
    return (x > z) - (x < z);
}

/* Widens the range so that it holds all but the outermost half per cent of the coordinates at either end. */
static bool widen(const Points *p, double *low, double *high) {
    double *all = malloc((size_t)(2 * p->n + 1) * sizeof *all);
    if (!all) return false;
    int64_t m = 0;
    for (int64_t i = 0; i < 2 * p->n; i++) {
        double v = coordinate(p, i / 2, (int)(i % 2));
        if (isfinite(v)) all[m++] = v;
    }
    qsort(all, (size_t)m, sizeof *all, by_value);
    int64_t outside = m / 200;
    if (m) *low = fmin(*low, all[outside]), *high = fmax(*high, all[m - 1 - outside]);
    free(all);
    return true;
}

/* What a checkpoint keeps of a number. volatile: gcc 12 drops two roundings (double)(float) side by side. */
static double as_float(double v) {
    volatile float kept = (float)v;
    return (double)kept;
}

/* The modes and the backdrop say what must be seen; then samples that fly about do not change the axes.
 * Points alone set them themselves, and the range only grows over the run, so that the frames of an animation
 * stay comparable. */
static bool find_range(const OutputJob *job, const Options *o, const Points *modes, Scale *out) {
    if (o->range.n) {
        *out = (Scale){o->range.at[0], o->range.at[1], false, false};
        return true;
    }
    bool fixed = modes->n || o->scatter.n > 1, known = job->range && job->range[0] < job->range[1];
    double low = INFINITY, high = -INFINITY;
    Points first = points_of(job, o, o->scatter.at[0]);
    if (!fixed || !known) {
        if (!widen(modes, &low, &high) || ((!modes->n || o->scatter.n > 1) && !widen(&first, &low, &high)))
            return false;
        if (!(low <= high)) low = -1, high = 1;
        double margin = 0.15 * (high - low) + (high == low), step = tick_step(high - low + 2 * margin, 40);
        low = floor((low - margin) / step) * step;
        high = ceil((high + margin) / step) * step;
    }
    if (known) low = fmin(low, job->range[0]), high = fmax(high, job->range[1]);
    low = as_float(low), high = as_float(high);
    if (job->range) job->range[0] = low, job->range[1] = high;
    *out = (Scale){low, high, false, false};
    return true;
}

typedef struct {
    const OutValue *value;
    double low, high;
} Tint; /* of floats: viridis from low to high */

static Tint tint_of(const OutputJob *job, const Options *o, int64_t n) {
    Tint t = {o->color >= 0 ? &job->value[o->color] : NULL, INFINITY, -INFINITY};
    for (int64_t i = 0; t.value && i < n; i++) {
        double v = out_number(t.value, i);
        if (isfinite(v)) t.low = fmin(t.low, v), t.high = fmax(t.high, v);
    }
    return t;
}

static Color color_at(const Tint *t, int64_t i, Color plain) {
    if (!t->value) return plain;
    double v = out_number(t->value, i);
    if (t->value->type.dtype != F32) return color_of((int64_t)v);
    return color_viridis(t->high > t->low ? (v - t->low) / (t->high - t->low) : 0.5);
}

/* Draws one set; gives how many of its points lie outside the axes or nowhere. */
static int64_t draw_set(cairo_t *c, const Axes *a, const Points *p, const Tint *tint, Color plain,
                        double alpha) {
    double radius = p->n <= 300 ? 2.6 : p->n <= 3000 ? 1.9 : 1.3;
    int64_t outside = 0;
    for (int64_t i = 0; i < p->n; i++) {
        double x = axes_x(a, coordinate(p, i, 0)), y = axes_y(a, coordinate(p, i, 1));
        if (!(x >= a->x && x <= a->x + a->width && y >= a->y && y <= a->y + a->height)) {
            outside++;
            continue;
        }
        color_use(c, color_at(tint, i, plain), alpha);
        cairo_new_path(c);
        cairo_arc(c, x, y, radius, 0, 6.283185307179586);
        cairo_fill(c);
    }
    return outside;
}

typedef struct {
    int n;
    LegendEntry entry[LABELS_MAX + SETS_MAX + 1];
    char text[LABELS_MAX + SETS_MAX + 1][24];
} Legend;

static void legend_add(Legend *l, Color color, bool mode, const char *word, long long number) {
    char *text = l->text[l->n];
    snprintf(text, sizeof l->text[0], number < 0 ? "%s" : *word ? "%s %lld" : "%s%lld", word, number);
    l->entry[l->n++] = (LegendEntry){text, color, mode};
}

static void legend_of(Legend *l, int nsets, const Tint *tint, bool modes) {
    l->n = 0;
    if (nsets > 1) legend_add(l, backdrop, false, "data", -1);
    bool labels = tint->value && tint->value->type.dtype != F32 && tint->low >= 0 && tint->high < LABELS_MAX;
    for (int i = 1; i < nsets; i++)
        if (i < nsets - 1 || !tint->value)
            legend_add(l, color_of(i - 1), false, "samples", nsets > 2 ? i : -1);
    for (long long k = 0; labels && k <= (long long)tint->high; k++) legend_add(l, color_of(k), false, "", k);
    if (modes) legend_add(l, (Color){0, 0, 0}, true, "modes", -1);
}

static bool draw(cairo_t *c, const OutputJob *job, const Options *o) {
    Points modes = modes_of(job, o);
    int last = o->scatter.n - 1;
    Tint none = {0}, tint = tint_of(job, o, points_of(job, o, o->scatter.at[last]).n);
    Legend legend;
    Scale scale;
    char title[256], note[64];
    if (!find_range(job, o, &modes, &scale)) return false;

    color_use(c, (Color){255, 255, 255}, 1);
    cairo_paint(c);
    legend_of(&legend, o->scatter.n, &tint, modes.n > 0);
    double entries = legend_height(c, SIZE - left - right, legend.n, legend.entry);
    double side = SIZE - fmax(top + entries + bottom, left + right);
    Axes a = {left + 0.5 * (SIZE - left - right - side), top + entries, side, side, scale, scale};
    snprintf(title, sizeof title, "%s, step %lld", job->name, (long long)job->step);
    axes_draw(c, &a, title, NULL);
    legend_draw(c, a.x, top, SIZE - left - right, legend.n, legend.entry);

    int64_t outside = 0;
    for (int i = 0; i <= last; i++) {
        Points p = points_of(job, o, o->scatter.at[i]);
        Color plain = last == 0 ? color_of(0) : i == 0 ? backdrop : color_of(i - 1);
        outside = draw_set(c, &a, &p, i == last ? &tint : &none, plain, i < last || p.n <= 300 ? 0.9 : 0.55);
    }
    axes_clip(c, &a);
    for (int64_t i = 0; i < modes.n; i++)
        mode_mark(c, axes_x(&a, coordinate(&modes, i, 0)), axes_y(&a, coordinate(&modes, i, 1)));
    cairo_reset_clip(c);
    snprintf(note, sizeof note, "%lld of %lld outside", (long long)outside,
             (long long)points_of(job, o, o->scatter.at[last]).n);
    if (outside) text_draw(c, a.x + a.width, 24, 1, 11, false, note);
    return cairo_status(c) == CAIRO_STATUS_SUCCESS;
}

static bool write(const OutputJob *job, const void *options_) {
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, SIZE, SIZE);
    cairo_t *c = cairo_create(s);
    Picture picture = {0};
    bool drawn = draw(c, job, options_) && picture_of(&picture, s);
    cairo_destroy(c);
    cairo_surface_destroy(s);
    bool ok = drawn ? out_picture(job, &picture) : out_fail(job, job->name, "no memory for the picture");
    picture_free(&picture);
    return ok;
}

OUTPUT(scatter, .doc = "points in the plane, over the data, with modes marked",
       .options_size = sizeof(Options), .options = options, .check = check, .write = write)
