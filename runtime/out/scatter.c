/* scatter: points in the plane or in space, axes of equal scale. Of several sets the first is the backdrop (the data,
 * light grey) and the others lie over it; `color` belongs to the last set. */
#include <math.h>
#include <stdlib.h>

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

/* How many axes are drawn, and which. */
static int axes_of(const Options *o, const Shape *points, int64_t axis[3]) {
    bool space = !o->axes.n && o->method == METHOD_NONE && point_width(points) == 3;
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
    if (s->rank >= 2 && (many || s->rank == 2) && s->dim[0] > 0 && point_width(s) >= wide) return true;
    diag_error(d, loc, "scatter: %s must be [n, %lld] or wider, not %s", what, (long long)wide, shape_show(s, d->arena));
    return false;
}

static bool projection_fits(const Options *o, const Tensor *value, Diags *d, Loc loc) {
    int64_t n = 0, wide = point_width(&value[o->scatter.at[0].value].shape);
    for (int i = 0; i < o->scatter.n; i++) {
        const Shape *s = &value[o->scatter.at[i].value].shape;
        n += s->dim[0];
        if (point_width(s) == wide) continue;
        diag_error(d, loc, "scatter: points to be projected together have as many numbers each, these have %lld and %lld",
                   (long long)wide, (long long)point_width(s));
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

/* ---- what is drawn ---- */

typedef struct { double share[3]; int64_t used, of; } Projected;     /* parts of the variance; points drawn, points given */

typedef struct {
    const OutputJob *job;
    const Options *o;
    int axes;
    int64_t axis[3];
} Scatter;

static Scatter scatter_of(const OutputJob *job, const Options *o) {
    Scatter s = {.job = job, .o = o};
    s.axes = axes_of(o, &job->value[o->scatter.at[0].value].type.shape, s.axis);
    return s;
}

static Points points_of(const Scatter *s, int value) {
    const OutValue *v = &s->job->value[value];
    return (Points){v->type.shape.dim[0], s->axes, v, v->type.shape.dim[1], {s->axis[0], s->axis[1], s->axis[2]}};
}

static Points set_of(const Scatter *s, int i) { return points_of(s, s->o->scatter.at[i].value); }

static Points modes_of(const Scatter *s) { return s->o->modes >= 0 ? points_of(s, s->o->modes) : (Points){0}; }

static bool thin_all(OutputJob *job, const Options *o, int64_t all) {
    for (int i = 0; i < o->scatter.n; i++) {
        OutValue *v = &job->value[o->scatter.at[i].value];
        int64_t keep = v->type.shape.dim[0] * TSNE_MAX / all;
        if (!points_thin(v, keep ? keep : 1)) return false;
        if (i == o->scatter.n - 1 && o->color >= 0 && !points_thin(&job->value[o->color], keep ? keep : 1)) return false;
    }
    return true;
}

/* Puts components for the points: as many as the axes want; for t-SNE, which write() runs, the first fifty. */
static bool project(OutputJob *job, const Options *o) {
    Scatter s = scatter_of(job, o);
    Sets sets = {job->value, &o->scatter};
    int64_t d = point_width(&job->value[o->scatter.at[0].value].type.shape), k = d < TSNE_NUMBERS ? d : TSNE_NUMBERS;
    if (o->method == METHOD_PCA) k = widest(s.axis, s.axes);
    Projected *p = job->prepared = calloc(1, sizeof *p);
    double *share = calloc((size_t)k, sizeof *share);
    bool ok = p && share;
    if (ok) p->of = sets_count(sets);
    if (ok && o->method == METHOD_TSNE && p->of > TSNE_MAX) ok = thin_all(job, o, p->of);
    if (ok) p->used = sets_count(sets);
    ok = ok && sets_pca(sets, k, share);
    for (int i = 0; ok && o->method == METHOD_PCA && i < s.axes; i++) p->share[i] = share[s.axis[i]];
    free(share);
    return ok || out_fail(job, job->name, "no memory for a projection");
}

/* The modes and the backdrop say what must be seen; then samples that fly about do not change the axes.
 * Points alone set them themselves. Of a projection everything is shown: its sets were placed together. */
static bool find_range(const Scatter *s, double kept[2]) {
    const Options *o = s->o;
    if (o->range.n) {
        kept[0] = o->range.at[0], kept[1] = o->range.at[1];
        return true;
    }
    Points modes = modes_of(s);
    bool projected = o->method != METHOD_NONE, fixed = !projected && (modes.n || o->scatter.n > 1);
    if (fixed && kept[0] < kept[1]) return true;
    int shown = projected ? o->scatter.n : modes.n && o->scatter.n == 1 ? 0 : 1;
    double part = projected ? 0 : 0.005;
    Span all = SPAN_NONE;
    if (modes.n && !points_span(&modes, part, &all)) return false;
    for (int i = 0; i < shown; i++) {
        Points p = set_of(s, i);
        if (!points_span(&p, part, &all)) return false;
    }
    if (!(all.low <= all.high)) all = (Span){-1, 1};
    double span = all.high - all.low;
    span_keep(all, (projected ? 0.05 : 0.15) * span + (span == 0), 40, kept);
    return true;
}

/* The places that t-SNE gives mean nothing but their distances: they are the writer's to find, and their range too. */
static bool prepare(OutputJob *job, const void *options_) {
    const Options *o = options_;
    if (o->method != METHOD_NONE && !project(job, o)) return false;
    if (o->method == METHOD_TSNE) return true;
    Scatter s = scatter_of(job, o);
    return find_range(&s, job->range) || out_fail(job, job->name, "no memory for the picture");
}

/* ---- colours and their legend ---- */

static Color set_color(int i, int nsets) { return nsets == 1 ? color_of(0) : i ? color_of(i - 1) : backdrop; }

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

static void legend_of(Legend *l, const Options *o, const Tint *tint) {
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
    bool labels = tint->value && !dtype_float(tint->value->type.dtype) && tint->span.low >= 0 && tint->span.high < LABELS_MAX;
    for (long long k = 0; labels && k <= (long long)tint->span.high; k++)
        legend_add(l, (LegendEntry){.color = color_of(k)}, k < o->labels.n ? o->labels.at[k] : "", k < o->labels.n ? -1 : k);
    if (tint->value && dtype_float(tint->value->type.dtype) && tint->span.low <= tint->span.high)
        legend_add(l, (LegendEntry){.low = tint->span.low, .high = tint->span.high, .bar = true}, "", -1);
    if (o->modes >= 0) legend_add(l, (LegendEntry){.mode = true}, "modes", -1);
}

/* ---- drawing ---- */

typedef struct { Scatter s; Scale scale; bool failed; } Drawing;

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

static void draw(cairo_t *c, void *drawing) {
    Drawing *g = drawing;
    const Scatter *s = &g->s;
    const Options *o = s->o;
    Tint tint = tint_of(o->color >= 0 ? &s->job->value[o->color] : NULL);
    Points modes = modes_of(s);
    Legend legend;
    char title[256], name[3][48];
    legend_of(&legend, o, &tint);
    double entries = legend_height(c, SIZE - left - right, legend.n, legend.entry);
    double below = bottom + (o->method == METHOD_PCA ? 18 : 0), side = SIZE - fmax(top + entries + below, left + right);
    double x = s->axes == 3 ? left : left + 0.5 * (SIZE - left - right - side);
    axis_names(s, name);
    View view = {s->axes, x, top + entries, side, g->scale, {name[0], name[1], name[2]}};
    if (s->axes == 3) view.side += 28, view.x = 0.5 * (SIZE - side) - 14;     /* its numbers stand inside of the square */
    snprintf(title, sizeof title, "%s, step %lld", s->job->name, (long long)s->job->step);
    text_draw(c, x, 24, 0, 15, true, title);
    view_draw(c, &view);
    int64_t outside = 0;
    for (int i = 0; i < o->scatter.n && outside >= 0; i++) {
        Points p = set_of(s, i);
        bool last = i == o->scatter.n - 1;
        outside = view_points(c, &view, &p, last ? &tint : &(Tint){0}, set_color(i, o->scatter.n), !last || p.n <= 300 ? 0.9 : 0.55);
    }
    view_modes(c, &view, &modes);
    legend_draw(c, x, top, SIZE - left - right, legend.n, legend.entry);
    draw_note(c, s, outside);
    g->failed = g->failed || outside < 0;
}

static bool write(OutputJob *job, const void *options_) {
    const Options *o = options_;
    double range[2] = {job->range[0], job->range[1]};
    Drawing g = {.s = scatter_of(job, o)};
    bool ok = true;
    if (o->method == METHOD_TSNE) {
        range[0] = range[1] = 0;
        for (int k = 0; k < 3; k++) g.s.axis[k] = k;
        ok = sets_tsne((Sets){job->value, &o->scatter}, g.s.axes, o->perplexity) && find_range(&g.s, range);
    }
    g.scale = (Scale){.low = range[0], .high = range[1]};
    if (!ok) return out_fail(job, job->name, "no memory for the picture");
    if (!canvas_png(job, &(Canvas){SIZE, SIZE, (double)o->scale, false, draw, &g})) return false;
    return !g.failed || out_fail(job, job->name, "no memory for the picture");
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
