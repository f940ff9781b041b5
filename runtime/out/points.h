/* Sets of points as a scatter draws them: two or three coordinates each, whatever they were made of. */
#pragma once
#include "out/canvas.h"
#include "out/span.h"

typedef struct {
    int64_t n;
    int axes;                                         /* 2 or 3 */
    const OutValue *value;                            /* [n, width] */
    int64_t width, axis[3];
} Points;

/* Widens the span by all coordinates but the outermost `part` of them at either end. False: out of memory. */
bool points_span(const Points *p, double part, Span *span);

typedef struct {                                      /* one number a point: int labels, or amounts as floats */
    const OutValue *value;                            /* NULL: all have one colour */
    Span span;
} Tint;

Tint tint_of(const OutValue *value);

typedef struct {                                      /* what they are drawn in; all axes have the range of `scale` */
    int axes;                                         /* 2: a rectangle in the plane; 3: a cube, seen from above at an angle */
    double x, y, side;                                /* the square it fills */
    Scale scale;
    const char *name[3];
} View;

void view_draw(cairo_t *c, const View *v);
/* Those far away first; gives how many lie outside the axes or nowhere, -1: out of memory. */
int64_t view_points(cairo_t *c, const View *v, const Points *p, const Tint *tint, Color plain, double alpha);
void view_modes(cairo_t *c, const View *v, const Points *modes);

/* space.c: the cube; depth grows towards the eye, -1 to 1. */
void cube_draw(cairo_t *c, const View *cube);
void cube_place(const View *cube, const double at[3], double *x, double *y, double *depth);
