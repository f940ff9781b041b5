/* Sets of points as a scatter draws them: two or three coordinates each, whatever they were made of. */
#pragma once
#include "out/canvas.h"

typedef struct {
    int64_t n;
    int axes;                                         /* 2 or 3 */
    const OutValue *value;                            /* [n, width] */
    int64_t width, axis[3];
} Points;

double points_at(const Points *p, int64_t i, int axis);

typedef struct {                                      /* one number a point: int labels, or amounts as floats */
    const OutValue *value;                            /* NULL: all have one colour */
    double low, high;
} Tint;

Color tint_at(const Tint *t, int64_t i, Color plain);
double point_radius(int64_t n);

/* space.c: points in space, seen from above at an angle, far ones first; all three axes have the range of `scale`. */
typedef struct { double x, y, side; Scale scale; const char *name[3]; } Cube;    /* the square it is drawn in */
void cube_draw(cairo_t *c, const Cube *cube);
void cube_place(const Cube *cube, const double at[3], double *x, double *y, double *depth);
bool cube_points(cairo_t *c, const Cube *cube, const Points *p, const Tint *tint, Color plain, double alpha,
                 int64_t *outside);                   /* false: out of memory */
