/* Montages: the frames of an output side by side, each under its step: how a run went, in one picture. Of many frames some,
 * evenly chosen, the first and the last among them. Made from the files alone, as animations are. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "out/canvas.h"
#include "out/film.h"

enum { MOST = 25, GAP = 12, LINE = 22 };

typedef struct { int n, columns, rows, width, height; int frame[MOST]; } Layout;     /* width and height of a frame, in pixels */

static Layout layout_of(const Film *f, const Picture *first) {
    Layout l = {.n = f->n < MOST ? f->n : MOST, .width = first->width, .height = first->height};
    l.columns = (int)ceil(sqrt((double)l.n));
    l.rows = (l.n + l.columns - 1) / l.columns;
    for (int i = 0; i < l.n; i++) l.frame[i] = l.n > 1 ? (int)lround((double)i * (f->n - 1) / (l.n - 1)) : 0;
    return l;
}

static int left_of(const Layout *l, int i) { return GAP + i % l->columns * (l->width + GAP); }
static int top_of(const Layout *l, int i) { return LINE + i / l->columns * (l->height + GAP + LINE); }

/* White, with the steps written where the frames will be. */
static bool begin(Picture *p, const Film *f, const Layout *l) {
    int width = GAP + l->columns * (l->width + GAP), height = l->rows * (l->height + GAP + LINE);
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
    cairo_t *c = canvas_context(s);
    color_use(c, (Color){255, 255, 255}, 1);
    cairo_paint(c);
    for (int i = 0; i < l->n; i++) {
        char text[40];
        snprintf(text, sizeof text, "step %lld", f->frame[l->frame[i]].step);
        text_draw(c, left_of(l, i), top_of(l, i) - 7, 0, 12, false, text);
    }
    bool ok = cairo_status(c) == CAIRO_STATUS_SUCCESS && picture_of(p, s);
    cairo_destroy(c);
    cairo_surface_destroy(s);
    return ok;
}

static void paste(Picture *p, const Picture *frame, int left, int top) {
    for (int y = 0; y < frame->height; y++)
        memcpy(p->pixel + 3 * ((ptrdiff_t)(top + y) * p->width + left), frame->pixel + 3 * (ptrdiff_t)y * frame->width,
               3 * (size_t)frame->width);
}

static bool compose(Film *f, Picture *p, const char *folder, char *why, size_t size) {
    Picture frame;
    f->color = true;                                  /* whatever they are, they are read as RGB */
    if (!frame_read(f, 0, 0, 0, &frame, why, size)) return false;
    Layout l = layout_of(f, &frame);
    picture_free(&frame);
    if (!begin(p, f, &l)) return film_say(why, size, folder, "no memory for the montage");
    for (int i = 0; i < l.n; i++) {
        if (!frame_read(f, l.frame[i], l.width, l.height, &frame, why, size)) return false;
        paste(p, &frame, left_of(&l, i), top_of(&l, i));
        picture_free(&frame);
    }
    return true;
}

bool montage_make(const char *folder, const char *name, char *why, size_t size) {
    Film film = {0};
    Picture p = {0};
    char path[OUT_PATH];
    bool ok = film_find(&film, folder, name, why, size) && compose(&film, &p, folder, why, size);
    if (ok && snprintf(path, sizeof path, "%s/%s.montage.png", folder, name) >= (int)sizeof path)
        ok = film_say(why, size, folder, strerror(ENAMETOOLONG));
    if (ok && !picture_write(&p, path)) ok = film_say(why, size, path, strerror(errno));
    picture_free(&p);
    film_free(&film);
    return ok;
}
