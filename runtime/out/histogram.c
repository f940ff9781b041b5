/* histogram: how the numbers of tensors are spread. All tensors of a collection are one set of numbers; several sets are
 * drawn over each other, as densities, so that sets of different sizes compare. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "out/canvas.h"
#include "out/span.h"

enum { WIDTH = 720, HEIGHT = 440, SHARPNESS = 2, SETS_MAX = 16 };

typedef struct {
    Exprs histogram;
    int64_t bins;
    Floats range;
    bool log;
    const char *title;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"histogram", F_EXPRS, AT(histogram), NULL, 0, 0, NULL, "numbers of a tensor or a collection; or several: a list, or named ones"},
    {"bins", F_INT, AT(bins), "50", 2, 1000, NULL, "bars across the range"},
    {"range", F_FLOATS, AT(range), "", 0, 0, NULL, "[low, high]; left out: all numbers fit, over the whole run"},
    {"log", F_BOOL, AT(log), "false", 0, 0, NULL, "logarithmic upwards"},
    {"title", F_TEXT, AT(title), "", 0, 0, NULL, "the output's name and the step where left out"},
    {0},
};
/* clang-format on */

static bool check(const void *options_, int nvalue, const Tensor *value, Diags *d, Loc loc) {
    const Options *o = options_;
    (void)nvalue;
    int64_t n = 0;
    for (int i = 0; i < o->histogram.n; i++) n += shape_count(&value[o->histogram.at[i].value].shape);
    if (o->range.n && (o->range.n != 2 || !(o->range.at[0] < o->range.at[1]))) {
        diag_error(d, loc, "histogram: range is [low, high], the lower number first");
        return false;
    }
    if (n && o->histogram.nset <= SETS_MAX) return true;
    if (n)
        diag_error(d, loc, "histogram: at most %d sets of numbers fit into a picture, these are %d", SETS_MAX, o->histogram.nset);
    else
        diag_error(d, loc, "histogram: there are no numbers");
    return false;
}

typedef struct { int64_t count, bad, outside; int64_t *bin; } Set;
typedef struct {
    const char *title;
    const Options *o;
    int nset;
    Set set[SETS_MAX];
    double low, high;
} Histogram;

static double number(const OutputJob *job, const Options *o, int item, int64_t i) {
    return out_number(&job->value[o->histogram.at[item].value], i);
}

static int64_t item_count(const OutputJob *job, const Options *o, int item) {
    return shape_count(&job->value[o->histogram.at[item].value].type.shape);
}

/* All numbers, and all that were seen in the run before: the frames of an animation have the same axis. */
static bool prepare(OutputJob *job, const void *options_) {
    const Options *o = options_;
    Span all = SPAN_NONE;
    for (int k = 0; k < o->histogram.n; k++)
        for (int64_t i = 0; i < item_count(job, o, k); i++) span_add(&all, number(job, o, k, i));
    if (!(all.low <= all.high)) all = (Span){0, 0};
    span_keep(all, all.low == all.high ? 0.5 + 0.1 * fabs(all.low) : 0, 20, job->range);
    if (o->range.n) job->range[0] = o->range.at[0], job->range[1] = o->range.at[1];
    return true;
}

static void count(Histogram *h, const OutputJob *job) {
    const Options *o = h->o;
    for (int k = 0; k < o->histogram.n; k++) {
        Set *s = &h->set[o->histogram.at[k].set];
        for (int64_t i = 0; i < item_count(job, o, k); i++) {
            double v = number(job, o, k, i), at = (v - h->low) / (h->high - h->low) * (double)o->bins;
            s->count++;
            if (!isfinite(v))
                s->bad++;
            else if (at < 0 || v > h->high)
                s->outside++;
            else
                s->bin[at < (double)o->bins ? (int64_t)at : o->bins - 1]++;
        }
    }
}

static double height(const Histogram *h, int set, int64_t bin) {
    double n = (double)h->set[set].bin[bin];
    if (h->nset == 1) return n;
    double width = (h->high - h->low) / (double)h->o->bins, all = (double)h->set[set].count;
    return all > 0 ? n / all / width : 0;
}

static Scale scale_upwards(const Histogram *h) {
    double most = 0, least = INFINITY;
    for (int s = 0; s < h->nset; s++)
        for (int64_t i = 0; i < h->o->bins; i++) {
            double v = height(h, s, i);
            most = fmax(most, v);
            if (v > 0) least = fmin(least, v);
        }
    if (!(most > 0)) return h->o->log ? (Scale){.low = 0.1, .high = 1, .log = true} : (Scale){.low = 0, .high = 1};
    if (h->o->log) return (Scale){.low = least / 2, .high = most * 1.5, .log = true};
    return (Scale){.low = 0, .high = 1.05 * most, .whole = h->nset == 1};
}

/* The outline of the bars, filled thinly: sets over each other stay readable. */
static void draw_set(cairo_t *c, const Histogram *h, const Axes *a, int set) {
    double floor_y = a->y + a->height;
    cairo_new_path(c);
    cairo_move_to(c, axes_x(a, h->low), floor_y);
    for (int64_t i = 0; i < h->o->bins; i++) {
        double from = h->low + (h->high - h->low) * (double)i / (double)h->o->bins,
               to = h->low + (h->high - h->low) * (double)(i + 1) / (double)h->o->bins, y = axes_y(a, height(h, set, i));
        if (!isfinite(y)) y = floor_y;
        cairo_line_to(c, axes_x(a, from), y);
        cairo_line_to(c, axes_x(a, to), y);
    }
    cairo_line_to(c, axes_x(a, h->high), floor_y);
    color_use(c, color_of(set), h->nset == 1 ? 0.75 : 0.25);
    cairo_fill_preserve(c);
    color_use(c, color_of(set), 1);
    cairo_set_line_width(c, 1.4);
    cairo_set_line_join(c, CAIRO_LINE_JOIN_MITER);
    cairo_stroke(c);
}

static const char *set_name(const Options *o, int set) {
    for (int i = 0; i < o->histogram.n; i++)
        if (o->histogram.at[i].set == set) return o->histogram.at[i].set_name;
    return NULL;
}

static void draw(cairo_t *c, void *histogram) {
    const Histogram *h = histogram;
    LegendEntry entry[SETS_MAX];
    char text[SETS_MAX][64], note[96] = "";
    int64_t bad = 0, outside = 0;
    int entries = 0;
    for (int s = 0; s < h->nset; s++) {
        const char *name = set_name(h->o, s);
        bad += h->set[s].bad, outside += h->set[s].outside;
        snprintf(text[s], sizeof text[s], name ? "%.40s" : "set %.0s%d", name ? name : "", s + 1);
        if (name || h->nset > 1) entry[entries++] = (LegendEntry){.name = text[s], .color = color_of(s)};
    }
    double left = 72, right = 22, top = 46, bottom = 40, legend = legend_height(c, WIDTH - left - right, entries, entry);
    Axes a = {left, top + legend, WIDTH - left - right, HEIGHT - top - legend - bottom,
              {.low = h->low, .high = h->high}, scale_upwards(h)};
    axes_draw(c, &a, h->title, NULL, h->nset == 1 ? "numbers" : "density");
    legend_draw(c, left, top, a.width, entries, entry);
    for (int s = 0; s < h->nset; s++) draw_set(c, h, &a, s);
    if (bad || outside)
        snprintf(note, sizeof note, "%lld outside, %lld not finite", (long long)outside, (long long)bad);
    text_draw(c, WIDTH - right, 24, 1, 11, false, note);
}

static bool write(OutputJob *job, const void *options_) {
    const Options *o = options_;
    char title[256];
    Histogram h = {.title = title, .o = o, .nset = o->histogram.nset};
    snprintf(title, sizeof title, "%s, step %lld", job->name, (long long)job->step);
    if (o->title && *o->title) snprintf(title, sizeof title, "%s", o->title);
    int64_t *bins = calloc((size_t)(h.nset * o->bins), sizeof *bins);
    if (!bins) return out_fail(job, job->name, "no memory for the picture");
    for (int s = 0; s < h.nset; s++) h.set[s].bin = bins + s * o->bins;
    h.low = job->range[0], h.high = job->range[1];
    count(&h, job);
    bool ok = canvas_png(job, &(Canvas){WIDTH, HEIGHT, SHARPNESS, false, draw, &h});
    free(bins);
    return ok;
}

OUTPUT(histogram, .doc = "how the numbers of tensors or collections are spread",
       .example = "{histogram: {scores: critic(digits.image), weights: parameters(critic)}, every: 1 epoch}",
       .options_size = sizeof(Options),
       .options = options, .animates = true, .check = check, .prepare = prepare, .write = write)
