/* plot: logged values over the steps, raw (faint) and smoothed (bold), as PNG and SVG from one drawing
 * function. */
#include <cairo-svg.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "out/axes.h"

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
    {"plot", F_NAMES, AT(plot), NULL, 0, 0, NULL, "names of logged values, states and metrics"},
    {"smooth", F_FLOAT, AT(smooth), "0.9", 0, 0.99999, NULL, "weight of the past in the bold curve's average; 0: none"},
    {"log", F_BOOL, AT(log), "false", 0, 0, NULL, "logarithmic upwards; values of 0 and below are left out"},
    {"title", F_TEXT, AT(title), "", 0, 0, NULL, "the output's name where left out"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
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

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, z = *(const double *)b;
    return (x > z) - (x < z);
}

typedef struct {
    double low, high;
} Span;

static void widen(Span *s, double v) { s->low = fmin(s->low, v), s->high = fmax(s->high, v); }

/* Widens `all` by the values, `most` by all but the outermost hundredth at either end. `spare` has room for
 * all. */
static void take_in(const double *value, int64_t n, bool log_scale, double *spare, Span *all, Span *most) {
    int64_t m = 0;
    for (int64_t i = 0; i < n; i++)
        if (drawable(value[i], log_scale)) spare[m++] = log_scale ? log10(value[i]) : value[i];
    if (!m) return;
    qsort(spare, (size_t)m, sizeof *spare, by_value);
    widen(all, spare[0]), widen(all, spare[m - 1]);
    widen(most, spare[m / 100]), widen(most, spare[m - 1 - m / 100]);
}

/* A few wild values shall not flatten the rest: they are followed by at most half the height that the others
 * take. */
static Scale scale_upwards(const Plot *p, double *spare) {
    Span all = {INFINITY, -INFINITY}, most = all;
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
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < p->n; i++) {
        const Series *s = &p->curve[i].raw;
        if (s->n) low = fmin(low, s->step[0]), high = fmax(high, s->step[s->n - 1]);
    }
    if (!(low <= high)) low = 0, high = 1;
    if (low == high) low -= 1, high += 1;
    double step = tick_step(high - low, 8), round_end = ceil(high / step) * step;
    if (round_end - high < 0.02 * (high - low)) high = round_end; /* 1000 steps end at 999: show the 1000 */
    return (Scale){low, high, false, true};
}

static void draw(cairo_t *c, const Plot *p) {
    LegendEntry entry[SERIES_MAX];
    int64_t values = 0;
    for (int i = 0; i < p->n; i++) {
        entry[i] = (LegendEntry){p->curve[i].raw.name, p->curve[i].color, false};
        values += p->curve[i].raw.n;
    }
    color_use(c, (Color){255, 255, 255}, 1);
    cairo_paint(c);
    double left = 64, right = 22, top = 46, bottom = 50;
    double legend = legend_height(c, WIDTH - left - right, p->n, entry);
    Axes a = {left, top + legend, WIDTH - left - right, HEIGHT - top - legend - bottom, p->across, p->up};
    axes_draw(c, &a, p->title, "step");
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

static bool write_png(const OutputJob *job, const Plot *p) {
    char path[4096];
    if (!out_path(job, true, ".png", path, sizeof path)) return false;
    cairo_surface_t *s =
        cairo_image_surface_create(CAIRO_FORMAT_ARGB32, WIDTH * SHARPNESS, HEIGHT * SHARPNESS);
    cairo_t *c = cairo_create(s);
    cairo_scale(c, SHARPNESS, SHARPNESS);
    draw(c, p);
    Picture picture = {0};
    bool drawn = cairo_status(c) == CAIRO_STATUS_SUCCESS && picture_of(&picture, s);
    if (!drawn) errno = ENOMEM;
    bool ok = drawn && picture_write(&picture, path);
    int error = errno;
    cairo_destroy(c);
    cairo_surface_destroy(s);
    picture_free(&picture);
    if (!ok) return out_fail(job, path, strerror(error));
    if (job->path_size) snprintf(job->made, job->path_size, "%s", path);
    return true;
}

static cairo_status_t collect(void *bytes, const unsigned char *data, unsigned n) {
    bytes_add(bytes, data, n);
    return ((Bytes *)bytes)->full ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

/* cairo numbers its surfaces over the whole process and writes the number into the file: id="surface7". Equal
 * plots are to be equal files, so the number goes. */
static void drop_surface_number(Bytes *svg) {
    static const char mark[] = "id=\"surface";
    uint8_t *at = memmem(svg->at, svg->n, mark, strlen(mark));
    if (!at) return;
    uint8_t *from = at + strlen(mark), *to = from, *end = svg->at + svg->n;
    while (from < end && *from >= '0' && *from <= '9') from++;
    memmove(to, from, (size_t)(end - from));
    svg->n -= (size_t)(from - to);
}

static bool write_svg(const OutputJob *job, const Plot *p) {
    char path[4096];
    if (!out_path(job, true, ".svg", path, sizeof path)) return false;
    Bytes svg = {0};
    cairo_surface_t *s = cairo_svg_surface_create_for_stream(collect, &svg, WIDTH, HEIGHT);
    cairo_t *c = cairo_create(s);
    draw(c, p);
    cairo_status_t status = cairo_status(c);
    cairo_destroy(c);
    cairo_surface_finish(s);
    if (!status) status = cairo_surface_status(s);
    cairo_surface_destroy(s);
    drop_surface_number(&svg);
    bool ok = !status && file_write_whole(path, svg.at, svg.n);
    if (!ok) out_fail(job, path, status ? cairo_status_to_string(status) : strerror(errno));
    bytes_free(&svg);
    return ok;
}

static const Series *series_named(const OutputJob *job, const char *name) {
    for (int i = 0; i < job->nseries; i++)
        if (!strcmp(job->series[i].name, name)) return &job->series[i];
    return NULL;
}

static bool write(const OutputJob *job, const void *options_) {
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
    bool ok = write_svg(job, &p) && write_png(job, &p);
    free(smooth);
    return ok;
}

OUTPUT(plot, .doc = "logged values over the steps, raw and smoothed, as PNG and SVG",
       .options_size = sizeof(Options), .options = options, .in_plots = true, .write = write)
