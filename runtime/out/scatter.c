/* scatter: points in the plane or in space, axes of equal scale. Of several sets the first is the backdrop (the data,
 * light grey) and the others lie over it; `color` belongs to the last set. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "out/points.h"
#include "out/project.h"

enum { SIZE = 600, LABELS_MAX = 16, ENTRIES_MAX = 40, TSNE_MAX = 2000, TSNE_NUMBERS = 50 };
static const double left = 48, top = 42, right = 18, bottom = 34;
static const Color backdrop = {208, 208, 208};

typedef struct {
    Exprs scatter;
    int color, modes, method;
    Names labels;
    Ints axes;
    Floats range;
    double perplexity;
    int64_t scale;
} Options;

enum { METHOD_NONE, METHOD_PCA, METHOD_TSNE };

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"scatter", F_EXPRS, AT(scatter), NULL, 0, 0, NULL,
     "points [n, 2] or [n, 3]; or several: a list, the data first and samples over it, or named ones"},
    {"color", F_EXPR, AT(color), "", 0, 0, NULL, "one number for each point of the last set: int labels or float amounts"},
    {"labels", F_NAMES, AT(labels), "", 0, 0, NULL, "what the labels 0, 1, ... are called"},
    {"modes", F_EXPR, AT(modes), "", 0, 0, NULL, "places [k, 2] to mark"},
    {"axes", F_INTS, AT(axes), "", 0, 4095, NULL,
     "which two or three of the points' numbers, or components, to draw; left out: the first two, all of [n, 3]"},
    {"method", F_CHOICE, AT(method), "none", 0, 0, "none|pca|tsne",
     "points of many numbers by their principal components, or by t-SNE of at most 2000 of them"},
    {"perplexity", F_FLOAT, AT(perplexity), "30", 2, 500, NULL, "of t-SNE: about how many neighbours a point has"},
    {"range", F_FLOATS, AT(range), "", 0, 0, NULL, "[low, high] of all axes; left out: all that matters fits"},
    {"scale", F_INT, AT(scale), "1", 1, 8, NULL, "enlarges the picture of 600 pixels so many times"},
    {0},
};
/* clang-format on */

static int64_t width_of(const Shape *s) {
    int64_t width = 1;
    for (int i = 1; i < s->rank; i++) width *= s->dim[i];
    return width;
}

/* How many axes are drawn, and which. */
static int axes_of(const Options *o, const Shape *points, int64_t axis[3]) {
    bool space = !o->axes.n && o->method == METHOD_NONE && width_of(points) == 3;
    int n = o->axes.n ? o->axes.n : space ? 3 : 2;
    for (int i = 0; i < n && i < 3; i++) axis[i] = o->axes.n ? o->axes.at[i] : i;
    return n;
}

static int64_t widest(const int64_t *axis, int n) {
    int64_t most = 0;
    for (int i = 0; i < n; i++) most = axis[i] > most ? axis[i] : most;
    return most + 1;
}

static bool points_fit(const Options *o, const Tensor *t, int64_t wide, const char *what, Diags *d, Loc loc) {
    const Shape *s = &t->shape;
    bool many = o->method != METHOD_NONE;
    if (s->rank >= 2 && (many || s->rank == 2) && s->dim[0] > 0 && width_of(s) >= wide) return true;
    diag_error(d, loc, "scatter: %s must be [n, %lld] or wider, not %s", what, (long long)wide, shape_show(s, d->arena));
    return false;
}

static bool projection_fits(const Options *o, const Tensor *value, Diags *d, Loc loc) {
    int64_t n = 0, wide = width_of(&value[o->scatter.at[0].value].shape);
    for (int i = 0; i < o->scatter.n; i++) {
        const Shape *s = &value[o->scatter.at[i].value].shape;
        n += s->dim[0];
        if (width_of(s) == wide) continue;
        diag_error(d, loc, "scatter: points to be projected together have as many numbers each, these have %lld and %lld",
                   (long long)wide, (long long)width_of(s));
        return false;
    }
    if (o->modes >= 0) {
        diag_error(d, loc, "scatter: 'modes' have no place in a projection; leave out 'modes' or 'method'");
        return false;
    }
    if (o->method == METHOD_TSNE && n > TSNE_MAX) n = TSNE_MAX;
    if (n >= 4 && (n <= PCA_MAX || wide <= PCA_MAX)) return true;
    diag_error(d, loc, "scatter: a projection takes 4 points or more, and at most %d points or %d numbers a point; "
                       "these are %lld of %lld (give 'count')",
               PCA_MAX, PCA_MAX, (long long)n, (long long)wide);
    return false;
}

static bool check(const void *options_, int nvalue, const Tensor *value, Diags *d, Loc loc) {
    const Options *o = options_;
    (void)nvalue;
    bool ok = true, apart = o->axes.n == 0 || ((o->axes.n == 2 || o->axes.n == 3) && o->axes.at[0] != o->axes.at[1]);
    for (int i = 0; i < o->axes.n && apart; i++) apart = o->axes.at[i] >= 0;
    if (!apart) {
        diag_error(d, loc, "scatter: axes are two or three numbers from 0, such as [0, 1]");
        return false;
    }
    if (o->range.n && (o->range.n != 2 || !(o->range.at[0] < o->range.at[1]))) {
        diag_error(d, loc, "scatter: range is [low, high], the lower number first");
        return false;
    }
    if (!o->scatter.n) {
        diag_error(d, loc, "scatter: wants points");
        return false;
    }
    int64_t axis[3], wide = widest(axis, axes_of(o, &value[o->scatter.at[0].value].shape, axis));
    for (int i = 0; i < o->scatter.n; i++)
        ok = points_fit(o, &value[o->scatter.at[i].value], wide, "points", d, loc) && ok;
    if (ok && o->method != METHOD_NONE) ok = projection_fits(o, value, d, loc);
    if (ok && o->modes >= 0) ok = points_fit(o, &value[o->modes], wide, "modes", d, loc);
    if (o->color < 0 || !ok) return ok;
    const Shape *color = &value[o->color].shape, *points = &value[o->scatter.at[o->scatter.n - 1].value].shape;
    if (color->rank == 1 && color->dim[0] == points->dim[0]) return true;
    diag_error(d, loc, "scatter: color must be one number for each of the %lld points, not %s",
               (long long)points->dim[0], shape_show(color, d->arena));
    return false;
}

/* ---- projections ---- */

typedef struct { double share[3]; int64_t used, of; } Projected;     /* parts of the variance; points drawn, points given */

/* Keeps `keep` of the n rows of v, evenly. */
static bool thin(OutValue *v, int64_t keep) {
    int64_t n = v->type.shape.dim[0];
    size_t row = (size_t)width_of(&v->type.shape) * dtype_size(v->type.dtype);
    char *data = malloc((size_t)keep * row + 1);
    if (!data) return false;
    for (int64_t i = 0; i < keep; i++) memcpy(data + (size_t)i * row, (const char *)v->data + (size_t)(i * n / keep) * row, row);
    free((void *)v->data);
    v->data = data;
    v->type.shape.dim[0] = keep;
    return true;
}

static bool thin_all(OutputJob *job, const Options *o, int64_t all) {
    for (int i = 0; i < o->scatter.n; i++) {
        OutValue *v = &job->value[o->scatter.at[i].value];
        int64_t keep = v->type.shape.dim[0] * TSNE_MAX / all;
        if (!thin(v, keep ? keep : 1)) return false;
        if (i == o->scatter.n - 1 && o->color >= 0 && !thin(&job->value[o->color], keep ? keep : 1)) return false;
    }
    return true;
}

/* All sets as one [n, d]; a point that is not finite is put in the middle and marked. */
static void gather(const OutputJob *job, const Options *o, int64_t d, float *x, bool *bad) {
    for (int i = 0; i < o->scatter.n; i++) {
        const OutValue *v = &job->value[o->scatter.at[i].value];
        for (int64_t row = 0; row < v->type.shape.dim[0]; row++, x += d, bad++) {
            for (int64_t k = 0; k < d; k++) *bad |= !isfinite(x[k] = (float)out_number(v, row * d + k));
            for (int64_t k = 0; *bad && k < d; k++) x[k] = 0;
        }
    }
}

static bool give_back(OutputJob *job, const Options *o, int64_t k, const float *out, const bool *bad) {
    for (int i = 0; i < o->scatter.n; i++) {
        OutValue *v = &job->value[o->scatter.at[i].value];
        int64_t n = v->type.shape.dim[0];
        float *data = malloc((size_t)(n * k) * sizeof *data);
        if (!data) return false;
        for (int64_t j = 0; j < n * k; j++) data[j] = bad[j / k] ? NAN : out[j];
        free((void *)v->data);
        *v = (OutValue){{F32, SHAPE(n, k)}, data};
        out += n * k, bad += n;
    }
    return true;
}

static int64_t points_given(const OutputJob *job, const Options *o) {
    int64_t n = 0;
    for (int i = 0; i < o->scatter.n; i++) n += job->value[o->scatter.at[i].value].type.shape.dim[0];
    return n;
}

/* Puts places in the plane for the components; gives our own memory, or NULL. */
static float *embed(const OutputJob *job, const Options *o, int dims, OutValue *value) {
    int64_t n = points_given(job, o), d = job->value[o->scatter.at[0].value].type.shape.dim[1], at = 0;
    float *x = malloc((size_t)(n * (d + dims)) * sizeof *x), *places = x ? x + n * d : NULL;
    double *out = malloc((size_t)(n * dims) * sizeof *out);
    bool *bad = calloc((size_t)n, sizeof *bad), ok = x && out && bad;
    if (ok) gather(job, o, d, x, bad);
    ok = ok && tsne(n, d, x, o->perplexity, dims, out);
    for (int64_t i = 0; ok && i < n * dims; i++) places[i] = bad[i / dims] ? NAN : (float)out[i];
    for (int i = 0; ok && i < o->scatter.n; i++) {
        OutValue *v = &value[o->scatter.at[i].value];
        int64_t rows = v->type.shape.dim[0];
        *v = (OutValue){{F32, SHAPE(rows, dims)}, places + at * dims};
        at += rows;
    }
    free(out);
    free(bad);
    if (ok) return x;
    free(x);
    return NULL;
}

/* Puts components for the points: as many as the axes want; for t-SNE, which write() runs, the first fifty. */
static bool project(OutputJob *job, const Options *o) {
    int64_t axis[3], d = width_of(&job->value[o->scatter.at[0].value].type.shape), k = TSNE_NUMBERS;
    Projected *p = calloc(1, sizeof *p);
    job->prepared = p;
    if (!p) return out_fail(job, job->name, "no memory for a projection");
    p->of = p->used = points_given(job, o);
    if (o->method == METHOD_PCA) k = widest(axis, axes_of(o, &job->value[o->scatter.at[0].value].type.shape, axis));
    if (o->method == METHOD_TSNE && k > d) k = d;
    bool ok = o->method == METHOD_PCA || p->of <= TSNE_MAX || thin_all(job, o, p->of);
    int64_t n = p->used = points_given(job, o);
    float *x = malloc((size_t)(n * d) * sizeof *x), *out = malloc((size_t)(n * k) * sizeof *out);
    double *share = calloc((size_t)k, sizeof *share);
    bool *bad = calloc((size_t)n, sizeof *bad);
    ok = ok && x && out && share && bad;
    if (ok) gather(job, o, d, x, bad);
    ok = ok && pca(n, d, x, k, out, share) && give_back(job, o, k, out, bad);
    for (int i = 0; ok && o->method == METHOD_PCA && i < axes_of(o, &(Shape){2, {n, d}}, axis); i++)
        p->share[i] = share[axis[i]];
    free(x);
    free(out);
    free(share);
    free(bad);
    return ok || out_fail(job, job->name, "no memory for a projection");
}

/* ---- points and their range ---- */

double points_at(const Points *p, int64_t i, int axis) { return out_number(p->value, i * p->width + p->axis[axis]); }

double point_radius(int64_t n) { return n <= 300 ? 2.6 : n <= 3000 ? 1.9 : 1.3; }

typedef struct {
    const OutputJob *job;
    const Options *o;
    const OutValue *value;
    int axes;
    int64_t axis[3];
    Scale scale;
    bool failed;
} Scatter;

static Points points_of(const Scatter *s, int value) {
    const OutValue *v = &s->value[value];
    return (Points){v->type.shape.dim[0], s->axes, v, v->type.shape.dim[1], {s->axis[0], s->axis[1], s->axis[2]}};
}

static Points set_of(const Scatter *s, int i) { return points_of(s, s->o->scatter.at[i].value); }

static Points modes_of(const Scatter *s) { return s->o->modes >= 0 ? points_of(s, s->o->modes) : (Points){0}; }

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, z = *(const double *)b;
    return (x > z) - (x < z);
}

/* Widens the range so that it holds the coordinates but for the outermost `part` of them at either end. */
static bool widen(const Points *p, double part, double *low, double *high) {
    double *all = malloc((size_t)(p->axes * p->n + 1) * sizeof *all);
    if (!all) return false;
    int64_t m = 0;
    for (int64_t i = 0; i < p->axes * p->n; i++) {
        double v = points_at(p, i / p->axes, (int)(i % p->axes));
        if (isfinite(v)) all[m++] = v;
    }
    qsort(all, (size_t)m, sizeof *all, by_value);
    int64_t outside = (int64_t)(part * (double)m);
    if (m) *low = fmin(*low, all[outside]), *high = fmax(*high, all[m - 1 - outside]);
    free(all);
    return true;
}

/* The modes and the backdrop say what must be seen; then samples that fly about do not change the axes.
 * Points alone set them themselves, and the range only grows over the run, so that the frames of an animation
 * stay comparable. Of a projection everything is shown: its sets were placed together. */
static bool find_range(const Scatter *s, double kept[2]) {
    const Options *o = s->o;
    Points modes = modes_of(s), first = set_of(s, 0);
    if (o->range.n) {
        kept[0] = o->range.at[0], kept[1] = o->range.at[1];
        return true;
    }
    bool fixed = o->method == METHOD_NONE && (modes.n || o->scatter.n > 1), known = kept[0] < kept[1];
    double low = INFINITY, high = -INFINITY, part = s->o->method == METHOD_NONE ? 0.005 : 0;
    if (!fixed || !known) {
        if (modes.n && !widen(&modes, part, &low, &high)) return false;
        if ((!modes.n || o->scatter.n > 1) && !widen(&first, part, &low, &high)) return false;
        if (!(low <= high)) low = -1, high = 1;
        for (int i = 1; s->o->method != METHOD_NONE && i < o->scatter.n; i++) {
            Points more = set_of(s, i);
            if (!widen(&more, part, &low, &high)) return false;
        }
        double margin = (part > 0 ? 0.15 : 0.05) * (high - low) + (high == low), step = tick_step(high - low + 2 * margin, 40);
        low = floor((low - margin) / step) * step;
        high = ceil((high + margin) / step) * step;
    }
    if (known) low = fmin(low, kept[0]), high = fmax(high, kept[1]);
    kept[0] = low, kept[1] = high;
    return true;
}

static Scatter scatter_of(const OutputJob *job, const Options *o, const OutValue *value) {
    Scatter s = {.job = job, .o = o, .value = value};
    s.axes = axes_of(o, &job->value[o->scatter.at[0].value].type.shape, s.axis);
    for (int k = 0; o->method == METHOD_TSNE && k < 3; k++) s.axis[k] = k;
    return s;
}

/* The places that t-SNE gives mean nothing but their distances: they are the writer's to find, and their range too. */
static bool prepare(OutputJob *job, const void *options_) {
    const Options *o = options_;
    if (o->method != METHOD_NONE && !project(job, o)) return false;
    if (o->method == METHOD_TSNE) return true;
    Scatter s = scatter_of(job, o, job->value);
    return find_range(&s, job->range) || out_fail(job, job->name, "no memory for the picture");
}

/* ---- colours ---- */

static Color set_color(int i, int nsets) { return nsets == 1 ? color_of(0) : i ? color_of(i - 1) : backdrop; }

static Tint tint_of(const Scatter *s, int64_t n) {
    Tint t = {s->o->color >= 0 ? &s->value[s->o->color] : NULL, INFINITY, -INFINITY};
    for (int64_t i = 0; t.value && i < n; i++) {
        double v = out_number(t.value, i);
        if (isfinite(v)) t.low = fmin(t.low, v), t.high = fmax(t.high, v);
    }
    return t;
}

Color tint_at(const Tint *t, int64_t i, Color plain) {
    if (!t->value) return plain;
    double v = out_number(t->value, i);
    if (t->value->type.dtype != F32) return color_of((int64_t)v);
    return color_viridis(t->high > t->low ? (v - t->low) / (t->high - t->low) : 0.5);
}

typedef struct {
    int n;
    LegendEntry entry[ENTRIES_MAX];
    char text[ENTRIES_MAX][48];
} Legend;

static void legend_add(Legend *l, LegendEntry entry, const char *word, long long number) {
    if (l->n == ENTRIES_MAX) return;
    char *text = l->text[l->n];
    snprintf(text, sizeof l->text[0], number < 0 ? "%s" : *word ? "%s %lld" : "%s%lld", word, number);
    entry.name = text;
    l->entry[l->n++] = entry;
}

static void legend_of(Legend *l, const Options *o, const Tint *tint, bool modes) {
    int nsets = o->scatter.n;
    l->n = 0;
    for (int i = 0; i < nsets - (tint->value != NULL); i++) {
        const char *name = o->scatter.at[i].name;
        LegendEntry entry = {.color = set_color(i, nsets)};
        if (name)
            legend_add(l, entry, name, -1);
        else if (nsets > 1)
            legend_add(l, entry, i ? "samples" : "data", i && nsets > 2 ? i : -1);
    }
    bool labels = tint->value && tint->value->type.dtype != F32 && tint->low >= 0 && tint->high < LABELS_MAX;
    for (long long k = 0; labels && k <= (long long)tint->high; k++)
        legend_add(l, (LegendEntry){.color = color_of(k)}, k < o->labels.n ? o->labels.at[k] : "", k < o->labels.n ? -1 : k);
    if (tint->value && tint->value->type.dtype == F32 && tint->low <= tint->high)
        legend_add(l, (LegendEntry){.low = tint->low, .high = tint->high, .bar = true}, "", -1);
    if (modes) legend_add(l, (LegendEntry){.mode = true}, "modes", -1);
}

/* ---- drawing ---- */

/* Draws one set in the plane; gives how many of its points lie outside the axes or nowhere. */
static int64_t draw_set(cairo_t *c, const Axes *a, const Points *p, const Tint *tint, Color plain, double alpha) {
    int64_t outside = 0;
    for (int64_t i = 0; i < p->n; i++) {
        double x = axes_x(a, points_at(p, i, 0)), y = axes_y(a, points_at(p, i, 1));
        if (!(x >= a->x && x <= a->x + a->width && y >= a->y && y <= a->y + a->height)) {
            outside++;
            continue;
        }
        color_use(c, tint_at(tint, i, plain), alpha);
        cairo_new_path(c);
        cairo_arc(c, x, y, point_radius(p->n), 0, 6.283185307179586);
        cairo_fill(c);
    }
    return outside;
}

static void axis_names(const Scatter *s, char name[3][48]) {
    const Projected *p = s->job->prepared;
    for (int k = 0; k < 3; k++)
        if (s->o->method == METHOD_PCA)
            snprintf(name[k], sizeof name[k], "component %lld (%.3g %%)", (long long)s->axis[k] + 1, 100 * p->share[k]);
        else if (s->o->method == METHOD_TSNE || (s->axes == 2 && !s->axis[0] && s->axis[1] == 1))
            name[k][0] = 0;
        else
            snprintf(name[k], sizeof name[k], "%lld", (long long)s->axis[k]);
}

/* Of the last set: how many points are not to be seen; of t-SNE: how many there were. */
static void draw_note(cairo_t *c, const Scatter *s, int64_t outside) {
    const Projected *p = s->job->prepared;
    char note[96] = "";
    if (outside)
        snprintf(note, sizeof note, "%lld of %lld outside", (long long)outside, (long long)set_of(s, s->o->scatter.n - 1).n);
    else if (p && p->used < p->of)
        snprintf(note, sizeof note, "%lld of %lld points", (long long)p->used, (long long)p->of);
    if (*note) text_draw(c, SIZE - right, 24, 1, 11, false, note);
}

static double alpha_of(const Points *p, bool last) { return !last || p->n <= 300 ? 0.9 : 0.55; }

static int64_t draw_plane(cairo_t *c, Scatter *s, const Axes *a, const Tint *tint, const char *title) {
    char name[3][48];
    int last = s->o->scatter.n - 1;
    int64_t outside = 0;
    Points modes = modes_of(s);
    axis_names(s, name);
    axes_draw(c, a, title, name[0], name[1]);
    for (int i = 0; i <= last; i++) {
        Points p = set_of(s, i);
        outside = draw_set(c, a, &p, i == last ? tint : &(Tint){0}, set_color(i, last + 1), alpha_of(&p, i == last));
    }
    axes_clip(c, a);
    for (int64_t i = 0; i < modes.n; i++)
        mode_mark(c, axes_x(a, points_at(&modes, i, 0)), axes_y(a, points_at(&modes, i, 1)));
    cairo_reset_clip(c);
    return outside;
}

static int64_t draw_space(cairo_t *c, Scatter *s, const Axes *a, const Tint *tint, const char *title) {
    char name[3][48];
    int last = s->o->scatter.n - 1;
    int64_t outside = 0;
    Points modes = modes_of(s);
    axis_names(s, name);
    Cube cube = {0.5 * SIZE - 0.5 * a->height - 14, a->y, a->height + 28, s->scale, {name[0], name[1], name[2]}};
    text_draw(c, left, 24, 0, 15, true, title);
    cube_draw(c, &cube);
    for (int i = 0; i <= last; i++) {
        Points p = set_of(s, i);
        const Tint none = {0};
        if (!cube_points(c, &cube, &p, i == last ? tint : &none, set_color(i, last + 1), alpha_of(&p, i == last), &outside))
            s->failed = true;
    }
    for (int64_t i = 0; i < modes.n; i++) {
        double x, y, depth;
        cube_place(&cube, (double[]){points_at(&modes, i, 0), points_at(&modes, i, 1), points_at(&modes, i, 2)}, &x, &y, &depth);
        mode_mark(c, x, y);
    }
    return outside;
}

static void draw(cairo_t *c, void *scatter) {
    Scatter *s = scatter;
    Tint tint = tint_of(s, set_of(s, s->o->scatter.n - 1).n);
    Legend legend;
    char title[256];
    legend_of(&legend, s->o, &tint, s->o->modes >= 0);
    double entries = legend_height(c, SIZE - left - right, legend.n, legend.entry);
    double below = bottom + (s->o->method == METHOD_PCA ? 18 : 0), side = SIZE - fmax(top + entries + below, left + right);
    Axes a = {left + 0.5 * (SIZE - left - right - side), top + entries, side, side, s->scale, s->scale};
    snprintf(title, sizeof title, "%s, step %lld", s->job->name, (long long)s->job->step);
    int64_t outside = (s->axes == 3 ? draw_space : draw_plane)(c, s, &a, &tint, title);
    legend_draw(c, s->axes == 3 ? left : a.x, top, SIZE - left - right, legend.n, legend.entry);
    draw_note(c, s, outside);
}

static bool write(OutputJob *job, const void *options_) {
    const Options *o = options_;
    double range[2] = {job->range[0], job->range[1]};
    Scatter s = scatter_of(job, o, job->value);
    OutValue *embedded = NULL;
    float *places = NULL;
    bool ok = true;
    if (o->method == METHOD_TSNE) {
        range[0] = range[1] = 0;
        s.value = embedded = malloc((size_t)job->nvalue * sizeof *embedded);
        if (embedded) memcpy(embedded, job->value, (size_t)job->nvalue * sizeof *embedded);
        places = embedded ? embed(job, o, s.axes, embedded) : NULL;
        ok = places && find_range(&s, range);
    }
    s.scale = (Scale){range[0], range[1], false, false};
    Canvas canvas = {SIZE, SIZE, (double)o->scale, false, draw, &s};
    ok = ok ? canvas_png(job, &canvas) : out_fail(job, job->name, "no memory for the picture");
    if (ok && s.failed) ok = out_fail(job, job->name, "no memory for the picture");
    free(places);
    free(embedded);
    return ok;
}

static int suits(int n, const Tensor *value, bool named) {
    (void)named;
    for (int i = 0; i < n; i++)
        if (value[i].dtype != F32 || value[i].shape.rank != 2 || value[i].shape.dim[0] < 2 || value[i].shape.dim[1] < 2 ||
            value[i].shape.dim[1] > 3)
            return 0;
    return n ? 3 : 0;
}

OUTPUT(scatter, .doc = "points in the plane or in space, over the data, with modes marked",
       .example = "{scatter: encoder(digits.image), color: digits.label, over: digits}",
       .options_size = sizeof(Options),
       .options = options, .animates = true, .suits = suits, .check = check, .prepare = prepare, .write = write)
