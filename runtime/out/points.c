/* Points, their colours and where they are drawn. */
#include "out/points.h"

#include <math.h>
#include <stdlib.h>

#include "base/measure.h"

static double coordinate(const Points *p, int64_t i, int axis) {
    return out_number(p->value, i * p->width + p->axis[axis]);
}

bool points_span(const Points *p, double part, Span *span) {
    double *all = malloc((size_t)(p->axes * p->n + 1) * sizeof *all);
    if (!all) return false;
    int64_t m = 0;
    for (int64_t i = 0; i < p->axes * p->n; i++) {
        double v = coordinate(p, i / p->axes, (int)(i % p->axes));
        if (isfinite(v)) all[m++] = v;
    }
    numbers_sort(m, all);
    span_add_sorted(span, m, all, (int64_t)(part * (double)m));
    free(all);
    return true;
}

Tint tint_of(const OutValue *value) {
    Tint t = {value, SPAN_NONE};
    for (int64_t i = 0; value && i < value->type.shape.dim[0]; i++) span_add(&t.span, out_number(value, i));
    return t;
}

static Color tint_at(const Tint *t, int64_t i, Color plain) {
    if (!t->value) return plain;
    double v = out_number(t->value, i);
    return t->value->type.dtype == F32 ? color_viridis(span_unit(t->span, v)) : color_of((int64_t)v);
}

/* ---- views ---- */

static Axes plane_of(const View *v) { return (Axes){v->x, v->y, v->side, v->side, v->scale, v->scale}; }

void view_draw(cairo_t *c, const View *v) {
    Axes plane = plane_of(v);
    if (v->axes == 3)
        cube_draw(c, v);
    else
        axes_draw(c, &plane, NULL, v->name[0], v->name[1]);
}

typedef struct {
    double x, y, depth;                               /* in the plane all are as near */
    int64_t index;
} Place;

/* Where a point is drawn; false: outside, or nowhere. */
static bool place_of(const View *v, const Points *p, int64_t i, Place *out) {
    double at[3] = {0};
    bool in = true;
    for (int k = 0; k < v->axes; k++) {
        at[k] = coordinate(p, i, k);
        in = in && at[k] >= v->scale.low && at[k] <= v->scale.high;
    }
    Axes plane = plane_of(v);
    *out = (Place){axes_x(&plane, at[0]), axes_y(&plane, at[1]), 0, i};
    if (v->axes == 3) cube_place(v, at, &out->x, &out->y, &out->depth);
    return in;
}

static int far_first(const void *a, const void *b) {
    const Place *x = a, *z = b;
    if (x->depth != z->depth) return (x->depth > z->depth) - (x->depth < z->depth);
    return (x->index > z->index) - (x->index < z->index);
}

static double radius_of(int64_t n) { return n <= 300 ? 2.6 : n <= 3000 ? 1.9 : 1.3; }

int64_t view_points(cairo_t *c, const View *v, const Points *p, const Tint *tint, Color plain, double alpha) {
    Place *place = malloc((size_t)(p->n + 1) * sizeof *place);
    int64_t n = 0;
    if (!place) return -1;
    for (int64_t i = 0; i < p->n; i++) n += place_of(v, p, i, &place[n]);
    qsort(place, (size_t)n, sizeof *place, far_first);
    for (int64_t k = 0; k < n; k++) {
        color_use(c, tint_at(tint, place[k].index, plain), alpha);
        cairo_new_path(c);
        cairo_arc(c, place[k].x, place[k].y, radius_of(p->n) * (1 + 0.3 * place[k].depth), 0, 6.283185307179586);
        cairo_fill(c);
    }
    free(place);
    return p->n - n;
}

void view_modes(cairo_t *c, const View *v, const Points *modes) {
    Axes plane = plane_of(v);
    if (v->axes == 2) axes_clip(c, &plane);
    for (int64_t i = 0; i < modes->n; i++) {
        Place at;
        place_of(v, modes, i, &at);
        mode_mark(c, at.x, at.y);
    }
    if (v->axes == 2) cairo_reset_clip(c);
}
