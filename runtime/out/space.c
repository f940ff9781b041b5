/* Space: a cube seen from azimuth -60 and elevation 25 degrees, without perspective, its three far sides with
 * grid lines. */
#include <math.h>

#include "out/points.h"

static const double azimuth = -60 * 3.14159265358979 / 180, elevation = 25 * 3.14159265358979 / 180;
static const Color faint = {222, 222, 222}, edge = {120, 120, 120};

/* Unit coordinates, -0.5 to 0.5 on each axis, to the drawing; depth grows towards the eye. */
static void place(const View *cube, const double u[3], double *x, double *y, double *depth) {
    double across = -u[0] * sin(azimuth) + u[1] * cos(azimuth), away = u[0] * cos(azimuth) + u[1] * sin(azimuth);
    double up = u[2] * cos(elevation) - away * sin(elevation), size = 0.62 * cube->side;
    *x = cube->x + 0.5 * cube->side + size * across;
    *y = cube->y + 0.47 * cube->side - size * up;
    *depth = away * cos(elevation) + u[2] * sin(elevation);
}

void cube_place(const View *cube, const double at[3], double *x, double *y, double *depth) {
    double u[3];
    for (int k = 0; k < 3; k++) u[k] = (at[k] - cube->scale.low) / (cube->scale.high - cube->scale.low) - 0.5;
    place(cube, u, x, y, depth);
}

static void line(cairo_t *c, const View *cube, const double from[3], const double to[3], double width, Color color) {
    double x, y, depth;
    cairo_new_path(c);
    place(cube, from, &x, &y, &depth);
    cairo_move_to(c, x, y);
    place(cube, to, &x, &y, &depth);
    cairo_line_to(c, x, y);
    cairo_set_line_width(c, width);
    color_use(c, color, 1);
    cairo_stroke(c);
}

/* The far sides lie at -0.5 of each axis but y, which looks away from the eye at 0.5. */
static const double far[3] = {-0.5, 0.5, -0.5};

static void side_line(cairo_t *c, const View *cube, int axis, double at, int along, double width, Color color) {
    double from[3] = {far[0], far[1], far[2]}, to[3] = {far[0], far[1], far[2]};
    from[axis] = to[axis] = at;
    from[along] = -0.5, to[along] = 0.5;
    line(c, cube, from, to, width, color);
}

/* Where an axis's numbers stand: at the floor's near edges, and for z at the left edge. */
static void label_place(int axis, double at, double out, double u[3]) {
    static const double edge_at[3][3] = {{0, -0.5, -0.5}, {0.5, 0, -0.5}, {-0.5, -0.5, 0}};
    for (int k = 0; k < 3; k++) u[k] = edge_at[axis][k] * (k == axis ? 1 : edge_at[axis][k] == far[k] && axis != 2 ? 1 : out);
    u[axis] = at;
}

void cube_draw(cairo_t *c, const View *cube) {
    Ticks ticks;
    ticks_make(&cube->scale, 5, &ticks);
    for (int axis = 0; axis < 3; axis++) {
        double u[3], x, y, depth;
        for (int i = 0; i < ticks.n; i++) {
            double at = (ticks.at[i] - cube->scale.low) / (cube->scale.high - cube->scale.low) - 0.5;
            for (int along = 0; along < 3; along++)
                if (along != axis) side_line(c, cube, axis, at, along, 1, faint);
            label_place(axis, at, 1.1, u);
            place(cube, u, &x, &y, &depth);
            text_draw(c, x, y + 4, axis == 0 ? 0.7 : axis == 1 ? 0.2 : 1, 10, false, ticks.text[i]);
        }
        label_place(axis, 0, 1.4, u);
        place(cube, u, &x, &y, &depth);
        double width = text_extent(c, 11, true, cube->name[axis]), right = cube->x + cube->side;
        if (axis == 2)
            text_upright(c, cube->x - 4, y, true, cube->name[axis]);
        else
            text_draw(c, axis ? fmin(x, right - width) : x - 0.8 * width, axis ? y + 26 : y + 4, 0, 11, true, cube->name[axis]);
    }
    for (int axis = 0; axis < 3; axis++)
        for (int along = 0; along < 3; along++)
            for (double at = -0.5; along != axis && at < 1; at++) side_line(c, cube, axis, at, along, 1, edge);
}
