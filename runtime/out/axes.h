/* Axes, ticks, legends and curves on any cairo surface, in points. Knows no files. */
#pragma once
#include "out/picture.h"

typedef struct { double low, high; bool log, whole; } Scale;               /* whole: ticks at whole numbers only */
typedef struct { double x, y, width, height; Scale across, up; } Axes;     /* the rectangle the curves lie in */
typedef struct {
    const char *name;
    Color color;
    bool mode;                                        /* a cross, no colour */
    bool bar;                                         /* viridis from low to high, no name */
    double low, high;
} LegendEntry;

enum { TICKS_MAX = 24 };
typedef struct { int n; double at[TICKS_MAX]; char text[TICKS_MAX][24]; } Ticks;

double tick_step(double span, int about);             /* 1, 2 or 5 times a power of ten; span/about or a little more */
void ticks_make(const Scale *s, int about, Ticks *out);
double axes_x(const Axes *a, double value);           /* in points; NaN where a log scale has no place for it */
double axes_y(const Axes *a, double value);

/* align: 0 = text begins at x, 0.5 = middle, 1 = ends there; y: half the height of a digit below its middle. */
void text_draw(cairo_t *c, double x, double y, double align, double size, bool bold, const char *text);
void text_paint(cairo_t *c, double x, double y, double align, double size, Color color, const char *text);
void text_upright(cairo_t *c, double x, double y, bool bold, const char *text);   /* bottom to top, its middle at (x, y) */
double text_extent(cairo_t *c, double size, bool bold, const char *text);
void axes_draw(cairo_t *c, const Axes *a, const char *title, const char *below, const char *beside);   /* NULL or "": none */
double legend_draw(cairo_t *c, double x, double y, double width, int n, const LegendEntry *entry);   /* its height */
double legend_height(cairo_t *c, double width, int n, const LegendEntry *entry);
void axes_clip(cairo_t *c, const Axes *a);            /* until cairo_reset_clip */
void mode_mark(cairo_t *c, double x, double y);

/* A curve through all finite points, with gaps at the others; thinned out to first, lowest, highest and last of each
 * column of `column` points' width, which looks the same. */
void curve_draw(cairo_t *c, const Axes *a, int64_t n, const double *x, const double *y, double column);
