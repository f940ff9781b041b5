/* draw_pictures FOLDER: the folders of pictures that models read, as small as will do. faces64: PNGs with alpha in class
 * folders, no two alike. facades: outlines and filled shapes, side by side. The same bytes each time. */
#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { SIDE = 64, FACES = 160, FACADES = 48 };

static void folder(const char *path) {
    if (!mkdir(path, 0777) || errno == EEXIST) return;
    perror(path);
    exit(1);
}

static void keep(cairo_surface_t *s, const char *path) {
    cairo_status_t status = cairo_surface_write_to_png(s, path);
    cairo_surface_destroy(s);
    if (!status) return;
    fprintf(stderr, "%s: %s\n", path, cairo_status_to_string(status));
    exit(1);
}

/* A share in 0..1 that differs from picture to picture. */
static double share(int i, int k) {
    double x = sin(i * 12.9898 + k * 78.233) * 43758.5453;
    return x - floor(x);
}

static void disc(cairo_t *c, double x, double y, double radius, double red, double green, double blue) {
    cairo_set_source_rgb(c, red, green, blue);
    cairo_arc(c, x, y, radius, 0, 2 * acos(-1));
    cairo_fill(c);
}

static void face(int i, double smile, const char *path) {
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, SIDE, SIDE);
    cairo_t *c = cairo_create(s);
    double x = 32 + 6 * (share(i, 1) - 0.5), y = 32 + 6 * (share(i, 2) - 0.5), tone = 0.5 + 0.45 * share(i, 3);
    disc(c, x, y, 22 + 4 * share(i, 4), tone, 0.8 * tone, 0.6 * tone);
    for (int eye = -1; eye < 2; eye += 2) disc(c, x + 9 * eye, y - 6, 3, 0.1, 0.1, share(i, 5));
    cairo_set_line_width(c, 2);
    cairo_move_to(c, x - 9, y + 9);
    cairo_curve_to(c, x - 4, y + 9 + smile, x + 4, y + 9 + smile, x + 9, y + 9);
    cairo_stroke(c);
    cairo_destroy(c);
    keep(s, path);
}

static void facade(int i, const char *path) {
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 2 * SIDE, SIDE);
    cairo_t *c = cairo_create(s);
    cairo_set_source_rgb(c, 1, 1, 1);
    cairo_paint(c);
    for (int half = 0; half < 2; half++)
        for (int k = 0; k < 3; k++) {
            cairo_rectangle(c, SIDE * half + 4 + 30 * share(i, k), 4 + 30 * share(i, k + 3), 8 + 18 * share(i, k + 6), 22);
            cairo_set_source_rgb(c, half * share(i, k), half * 0.4, half * 0.3 * k);
            if (half) cairo_fill(c);
            else cairo_stroke(c);
        }
    cairo_destroy(c);
    keep(s, path);
}

int main(int n, char **arg) {
    static const char *const moods[] = {"calm", "glad", "sad", "shouting"};
    char path[4096];
    if (n != 2) return 2;
    folder(arg[1]);
    snprintf(path, sizeof path, "%s/faces64", arg[1]), folder(path);
    snprintf(path, sizeof path, "%s/facades", arg[1]), folder(path);
    for (int mood = 0; mood < 4; mood++) snprintf(path, sizeof path, "%s/faces64/%s", arg[1], moods[mood]), folder(path);
    for (int i = 0; i < FACES; i++) {
        snprintf(path, sizeof path, "%s/faces64/%s/%03d.png", arg[1], moods[i % 4], i);
        face(i, 8 * (i % 4) - 8, path);
    }
    for (int i = 0; i < FACADES; i++) {
        snprintf(path, sizeof path, "%s/facades/%02d.png", arg[1], i);
        facade(i, path);
    }
    return 0;
}
