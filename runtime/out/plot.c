/* plot: logged values over the steps, raw (faint) and smoothed (bold), as PNG and SVG from one drawing
 * function. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/measure.h"
#include "out/canvas.h"
#include "out/span.h"

enum { WIDTH = 720, HEIGHT = 440, SHARPNESS = 2, FEW = 40, SERIES_MAX = 64 };

typedef struct {
    Names plot;
    double smooth;
    bool log;
    const char *title;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"plot", F_LOGGED, AT(plot), NULL, 0, 0, NULL, "names of logged values, states and metrics"},
    {"smooth", F_FLOAT, AT(smooth), "0.9", 0, 0.99999, NULL, "weight of the past in the bold curve's average; 0: none"},
    {"log", F_BOOL, AT(log), "false", 0, 0, NULL, "logarithmic upwards; values of 0 and below are left out"},
    {"title", F_TEXT, AT(title), "", 0, 0, NULL, "the output's name where left out"},
    {0},
};
/* clang-format on */

typedef struct {
    Series raw;
    double *smooth; /* NULL: few points, or no smoothing wished */
    Color color;
} Curve;

typedef struct {
    const char *title;
    bool log;
    int n;
    Curve curve[SERIES_MAX];
    Scale across, up;
} Plot;

static bool drawable(double v, bool log) { return isfinite(v) && (!log || v > 0); }

/* Exponential average with bias correction: sum of s^(n-i) v_i over sum of s^(n-i). Gaps stay gaps and weigh
 * nothing. */
static void average(const Series *s, double weight, bool log, double *out) {
    double sum = 0, total = 0;
    for (int64_t i = 0; i < s->n; i++) {
        out[i] = NAN;
        if (!drawable(s->value[i], log)) continue;
        sum = weight * sum + (1 - weight) * s->value[i];
        total = weight * total + (1 - weight);
        out[i] = sum / total;
    }
}

/* Widens `all` by the values, `most` by all but the outermost hundredth at either end. `spare` has room for
 * all. */
static void take_in(const double *value, int64_t n, bool log_scale, double *spare, Span *all, Span *most) {
    int64_t m = 0;
    for (int64_t i = 0; i < n; i++)
        if (drawable(value[i], log_scale)) spare[m++] = log_scale ? log10(value[i]) : value[i];
    numbers_sort(m, spare);
    span_add_sorted(all, m, spare, 0);
    span_add_sorted(most, m, spare, m / 100);
}

/* A few wild values shall not flatten the rest: they are followed by at most half the height that the others
 * take. */
static Scale scale_upwards(const Plot *p, double *spare) {
    Span all = SPAN_NONE, most = SPAN_NONE;
    for (int i = 0; i < p->n; i++) {
        const Curve *k = &p->curve[i];
        take_in(k->raw.value, k->raw.n, p->log, spare, &all, &most);
        if (k->smooth)
            take_in(k->smooth + k->raw.n - 1, 1, p->log, spare, &all, &most); /* where it stands now */
    }
    if (!(all.low <= all.high)) return p->log ? (Scale){1, 10, true, false} : (Scale){0, 1, false, false};
    double room = 0.5 * (most.high - most.low), low = fmax(all.low, most.low - room),
           high = fmin(all.high, most.high + room);
    double least = p->log ? 0.1 : 1e-9 * fmax(fabs(low), fabs(high)), margin = 0.05 * (high - low);
    if (high - low <= least) margin = p->log ? 0.5 : low == 0 ? 1 : 0.5 * fabs(low);
    low -= margin, high += margin;
    return p->log ? (Scale){pow(10, low), pow(10, high), true, false} : (Scale){low, high, false, false};
}

static Scale scale_across(const Plot *p) {
    Span all = SPAN_NONE;
    for (int i = 0; i < p->n; i++) span_add_sorted(&all, p->curve[i].raw.n, p->curve[i].raw.step, 0);
    double low = all.low, high = all.high;
    if (!(low <= high)) low = 0, high = 1;
    if (low == high) low -= 1, high += 1;
    double step = tick_step(high - low, 8), round_end = ceil(high / step) * step;
    if (round_end - high < 0.02 * (high - low)) high = round_end; /* 1000 steps end at 999: show the 1000 */
    return (Scale){low, high, false, true};
}

static void draw(cairo_t *c, void *plot) {
    const Plot *p = plot;
    LegendEntry entry[SERIES_MAX] = {0};
    int64_t values = 0;
    for (int i = 0; i < p->n; i++) {
        entry[i] = (LegendEntry){.name = p->curve[i].raw.name, .color = p->curve[i].color};
        values += p->curve[i].raw.n;
    }
    double left = 64, right = 22, top = 46, bottom = 50;
    double legend = legend_height(c, WIDTH - left - right, p->n, entry);
    Axes a = {left, top + legend, WIDTH - left - right, HEIGHT - top - legend - bottom, p->across, p->up};
    axes_draw(c, &a, p->title, "step", NULL);
    legend_draw(c, left, top, a.width, p->n, entry);
    if (!values) text_draw(c, a.x + 0.5 * a.width, a.y + 0.5 * a.height, 0.5, 13, false, "no values yet");

    axes_clip(c, &a);
    for (int bold = 0; bold < 2; bold++)
        for (int i = 0; i < p->n; i++) {
            const Curve *k = &p->curve[i];
            if (bold && !k->smooth) continue;
            bool alone = !k->smooth; /* no bold curve will come over it */
            color_use(c, k->color, bold || alone ? 1 : 0.28);
            cairo_set_line_width(c, bold ? 2 : alone ? 1.6 : 1);
            curve_draw(c, &a, k->raw.n, k->raw.step, bold ? k->smooth : k->raw.value, 1);
            for (int64_t j = 0; alone && k->raw.n <= FEW && j < k->raw.n; j++) {
                double x = axes_x(&a, k->raw.step[j]), y = axes_y(&a, k->raw.value[j]);
                if (!isfinite(x) || !isfinite(y) || fabs(y) > 1e5) continue;
                cairo_new_path(c);
                cairo_arc(c, x, y, 2.6, 0, 6.283185307179586);
                cairo_fill(c);
            }
        }
    cairo_reset_clip(c);
}

static const Series *series_named(const OutputJob *job, const char *name) {
    for (int i = 0; i < job->nseries; i++)
        if (!strcmp(job->series[i].name, name)) return &job->series[i];
    return NULL;
}

static bool write(OutputJob *job, const void *options_) {
    const Options *o = options_;
    Plot p = {.title = o->title && *o->title ? o->title : job->name, .log = o->log};
    int64_t room = 1, longest = 1;
    for (int i = 0; i < o->plot.n && p.n < SERIES_MAX; i++) {
        const Series *s = series_named(job, o->plot.at[i]);
        p.curve[p.n] = (Curve){s ? *s : (Series){.name = o->plot.at[i]}, NULL, color_of(p.n)};
        int64_t n = p.curve[p.n++].raw.n;
        room += n;
        longest = n > longest ? n : longest;
    }
    double *smooth = malloc((size_t)(room + longest) * sizeof *smooth),
           *spare = smooth ? smooth + room : NULL;
    if (!smooth) return out_fail(job, job->name, "no memory for the plot");
    double *next = smooth;
    for (int i = 0; i < p.n; i++) {
        Curve *k = &p.curve[i];
        if (o->smooth == 0 || k->raw.n <= FEW) continue;
        k->smooth = next;
        next += k->raw.n;
        average(&k->raw, o->smooth, p.log, k->smooth);
    }
    p.across = scale_across(&p);
    p.up = scale_upwards(&p, spare);
    Canvas canvas = {WIDTH, HEIGHT, SHARPNESS, true, draw, &p};
    bool ok = canvas_svg(job, &canvas) && canvas_png(job, &canvas);
    free(smooth);
    return ok;
}

OUTPUT(plot, .doc = "logged values over the steps, raw and smoothed, as PNG and SVG",
       .example = "{plot: [critic.minimize, generator.minimize], smooth: 0.98}",
       .options_size = sizeof(Options), .options = options, .in_plots = true, .write = write)
