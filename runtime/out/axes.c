/* Axes, ticks, legends and curves. Invariant: what is drawn depends on the numbers given alone. */
#include "out/axes.h"

#include <math.h>
#include <string.h>

#ifdef GRAPHRUN_ARENA_EACH /* sanitizer builds: fontconfig loses a pattern now and then */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfontconfig\n"; }
#endif

static const Color ink = {51, 51, 51}, faint = {228, 228, 228}, line = {120, 120, 120};
static const double text_size = 11, entry_gap = 16, entry_mark = 18, entry_height = 16;
enum { bar_width = 120 };

double tick_step(double span, int about) {
    double raw = span / about, power = pow(10, floor(log10(raw))), digit = raw / power;
    return (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10) * power;
}

static void tick_add(Ticks *t, double at, const char *format, int digits) {
    if (t->n == TICKS_MAX) return;
    t->at[t->n] = at;
    snprintf(t->text[t->n++], sizeof t->text[0], format, digits, at);
}

static void linear_ticks(const Scale *s, int about, Ticks *t) {
    double step = tick_step(s->high - s->low, about), most = fmax(fabs(s->low), fabs(s->high));
    if (s->whole && step < 1) step = 1;
    int digits = (int)fmax(0, ceil(-log10(step) - 1e-9));
    bool scientific = most >= 1e6 || step < 1e-5;
    if (scientific) digits = (int)fmax(0, floor(log10(most) + 1e-9) - floor(log10(step) + 1e-9));
    for (double k = ceil(s->low / step - 1e-6); k <= s->high / step + 1e-6; k++)
        tick_add(t, k == 0 ? 0 : k * step, scientific && k != 0 ? "%.*e" : "%.*f",
                 scientific && k == 0 ? 0 : digits);
}

/* Powers of ten; with less than two of them in sight also 2 and 5 times those; with many only each second,
 * third... */
static void log_ticks(const Scale *s, int about, Ticks *t) {
    int from = (int)floor(log10(s->low)), to = (int)ceil(log10(s->high));
    int each = (to - from) / about + 1, digits = log10(s->high / s->low) < 2 ? 3 : 1;
    static const double digit[] = {1, 2, 5};
    for (int power = from; power <= to; power += each)
        for (int k = 0; k < digits; k++) {
            double at = digit[k] * pow(10, power);
            if (at >= s->low * (1 - 1e-9) && at <= s->high * (1 + 1e-9)) tick_add(t, at, "%.*g", 6);
        }
}

void ticks_make(const Scale *s, int about, Ticks *out) {
    *out = (Ticks){0};
    if (!(s->high > s->low)) return;
    if (s->log) log_ticks(s, about, out);
    if (out->n < 2) out->n = 0, linear_ticks(s, about, out);
}

static double place(const Scale *s, double value) {
    if (!s->log) return (value - s->low) / (s->high - s->low);
    return value > 0 ? log(value / s->low) / log(s->high / s->low) : NAN;
}

double axes_x(const Axes *a, double value) { return a->x + a->width * place(&a->across, value); }
double axes_y(const Axes *a, double value) { return a->y + a->height * (1 - place(&a->up, value)); }

double text_extent(cairo_t *c, double size, bool bold, const char *text) {
    cairo_text_extents_t e;
    cairo_select_font_face(c, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c, size);
    cairo_text_extents(c, text, &e);
    return e.x_advance;
}

static void text_put(cairo_t *c, double x, double y, double align, double size, bool bold, Color color, const char *text) {
    double width = text_extent(c, size, bold, text);
    color_use(c, color, 1);
    cairo_move_to(c, x - align * width, y);
    cairo_show_text(c, text);
    cairo_new_path(c);
}

void text_draw(cairo_t *c, double x, double y, double align, double size, bool bold, const char *text) {
    text_put(c, x, y, align, size, bold, ink, text);
}

void text_paint(cairo_t *c, double x, double y, double align, double size, Color color, const char *text) {
    text_put(c, x, y, align, size, false, color, text);
}

static void stroke_line(cairo_t *c, double x0, double y0, double x1, double y1, double width, Color color) {
    cairo_new_path(c);
    cairo_move_to(c, x0, y0);
    cairo_line_to(c, x1, y1);
    cairo_set_line_width(c, width);
    color_use(c, color, 1);
    cairo_stroke(c);
}

void text_upright(cairo_t *c, double x, double y, bool bold, const char *text) {
    cairo_save(c);
    cairo_translate(c, x, y);
    cairo_rotate(c, -1.5707963267948966);
    text_draw(c, 0, 0, 0.5, text_size, bold, text);
    cairo_restore(c);
}

void axes_draw(cairo_t *c, const Axes *a, const char *title, const char *below, const char *beside) {
    Ticks across, up;
    double bottom = a->y + a->height;
    ticks_make(&a->across, (int)fmax(2, a->width / 75), &across);
    ticks_make(&a->up, (int)fmax(2, a->height / 45), &up);
    for (int i = 0; i < across.n; i++) {
        double x = axes_x(a, across.at[i]);
        stroke_line(c, x, a->y, x, bottom, 1, faint);
        text_draw(c, x, bottom + text_size + 6, 0.5, text_size, false, across.text[i]);
    }
    for (int i = 0; i < up.n; i++) {
        double y = axes_y(a, up.at[i]);
        stroke_line(c, a->x, y, a->x + a->width, y, 1, !a->up.log && up.at[i] == 0 ? line : faint);
        text_draw(c, a->x - 7, y + 0.36 * text_size, 1, text_size, false, up.text[i]);
    }
    stroke_line(c, a->x, bottom, a->x + a->width, bottom, 1, line);
    stroke_line(c, a->x, a->y, a->x, bottom, 1, line);
    if (title) text_draw(c, a->x, 24, 0, 15, true, title);
    if (below && *below) text_draw(c, a->x + 0.5 * a->width, bottom + 2 * text_size + 12, 0.5, text_size, false, below);
    if (beside && *beside) text_upright(c, 14, a->y + 0.5 * a->height, false, beside);
}

void mode_mark(cairo_t *c, double x, double y) {
    static const double size = 5;
    for (int halo = 1; halo >= 0; halo--) {
        cairo_new_path(c);
        cairo_move_to(c, x - size, y);
        cairo_line_to(c, x + size, y);
        cairo_move_to(c, x, y - size);
        cairo_line_to(c, x, y + size);
        cairo_set_line_cap(c, CAIRO_LINE_CAP_ROUND);
        cairo_set_line_width(c, halo ? 3.2 : 1.3);
        color_use(c, halo ? (Color){255, 255, 255} : (Color){0, 0, 0}, halo ? 0.85 : 1);
        cairo_stroke(c);
    }
}

static double entry_width(cairo_t *c, const LegendEntry *e) {
    char text[2][24];
    if (!e->bar) return entry_mark + text_extent(c, text_size, false, e->name);
    snprintf(text[0], sizeof text[0], "%.3g", e->low);
    snprintf(text[1], sizeof text[1], "%.3g", e->high);
    return bar_width + 12 + text_extent(c, text_size, false, text[0]) + text_extent(c, text_size, false, text[1]);
}

static void bar_draw(cairo_t *c, double x, double y, const LegendEntry *e) {
    char text[24];
    snprintf(text, sizeof text, "%.3g", e->low);
    text_draw(c, x, y, 0, text_size, false, text);
    x += text_extent(c, text_size, false, text) + 6;
    for (int i = 0; i < bar_width; i++) {
        cairo_new_path(c);
        cairo_rectangle(c, x + i, y - 8, 1, 8);
        color_use(c, color_viridis((i + 0.5) / bar_width), 1);
        cairo_fill(c);
    }
    snprintf(text, sizeof text, "%.3g", e->high);
    text_draw(c, x + bar_width + 6, y, 0, text_size, false, text);
}

static void entry_draw(cairo_t *c, double x, double y, const LegendEntry *e) {
    if (e->bar) {
        bar_draw(c, x, y, e);
        return;
    }
    if (e->mode) {
        mode_mark(c, x + 6, y - 4);
    } else {
        cairo_new_path(c);
        cairo_rectangle(c, x, y - 8, 12, 8);
        color_use(c, e->color, 1);
        cairo_fill(c);
    }
    text_draw(c, x + entry_mark, y, 0, text_size, false, e->name);
}

/* Lays the entries out in lines, and draws them where `draw` says so; gives the height of all lines. */
static double legend(cairo_t *c, double x, double y, double width, int n, const LegendEntry *entry, bool draw) {
    double at = x, top = y;
    for (int i = 0; i < n; i++) {
        double wide = entry_width(c, &entry[i]);
        if (at > x && at + wide > x + width) at = x, y += entry_height;
        if (draw) entry_draw(c, at, y, &entry[i]);
        at += wide + entry_gap;
    }
    return n ? y + entry_height - top : 0;
}

double legend_draw(cairo_t *c, double x, double y, double width, int n, const LegendEntry *entry) {
    return legend(c, x, y, width, n, entry, true);
}

double legend_height(cairo_t *c, double width, int n, const LegendEntry *entry) {
    return legend(c, 0, 0, width, n, entry, false);
}

void axes_clip(cairo_t *c, const Axes *a) {
    cairo_new_path(c);
    cairo_rectangle(c, a->x, a->y, a->width, a->height);
    cairo_clip(c);
}

typedef struct {
    int64_t column;
    double x[4], y[4];
    int n;
} Column; /* first, lowest, highest, last */

/* Lines far outside the axes are bent to just outside: cairo's coordinates end at about 8 million points. */
static void flush(cairo_t *c, const Axes *a, Column *k, bool *drawing) {
    if (!k->n) return;
    double above = a->y - 1e4, below = a->y + a->height + 1e4;
    int order[4] = {0, 1, 2, 3};
    if (k->x[1] > k->x[2]) order[1] = 2, order[2] = 1;
    for (int i = 0; i < 4; i++) {
        double x = k->x[order[i]], y = fmin(fmax(k->y[order[i]], above), below);
        if (*drawing)
            cairo_line_to(c, x, y);
        else
            cairo_move_to(c, x, y), cairo_line_to(c, x, y);
        *drawing = true;
        if (k->n == 1) break;
    }
    k->n = 0;
}

void curve_draw(cairo_t *c, const Axes *a, int64_t n, const double *x, const double *y, double column) {
    Column k = {0};
    bool drawing = false;
    cairo_new_path(c);
    cairo_set_line_join(c, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(c, CAIRO_LINE_CAP_ROUND);
    for (int64_t i = 0; i < n; i++) {
        double px = axes_x(a, x[i]), py = axes_y(a, y[i]);
        if (!isfinite(px) || !isfinite(py)) {
            flush(c, a, &k, &drawing);
            drawing = false;
            continue;
        }
        int64_t in = (int64_t)floor(fmin(fmax((px - a->x) / column, -1), 1e9));
        if (k.n && k.column != in) flush(c, a, &k, &drawing);
        if (!k.n) {
            k.column = in;
            for (int j = 0; j < 4; j++) k.x[j] = px, k.y[j] = py;
        }
        k.n++;
        if (py > k.y[1]) k.x[1] = px, k.y[1] = py;
        if (py < k.y[2]) k.x[2] = px, k.y[2] = py;
        k.x[3] = px, k.y[3] = py;
    }
    flush(c, a, &k, &drawing);
    cairo_stroke(c);
}
