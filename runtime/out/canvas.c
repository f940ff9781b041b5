/* Cairo's surfaces to files. Equal drawings are equal files: nothing of time or place goes into them. */
#include "out/canvas.h"

#include <cairo-svg.h>
#include <errno.h>
#include <string.h>

/* Letters without hinting: a hinted letter depends on what was drawn in the process before it (seen with FreeType's
 * autohinter), so that a resumed run's pictures would differ from an uninterrupted one's. */
cairo_t *canvas_context(cairo_surface_t *s) {
    cairo_t *c = cairo_create(s);
    cairo_font_options_t *plain = cairo_font_options_create();
    cairo_font_options_set_hint_style(plain, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(plain, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(plain, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(c, plain);
    cairo_font_options_destroy(plain);
    return c;
}

static cairo_status_t draw_on(cairo_surface_t *s, const Canvas *canvas, double scale) {
    cairo_t *c = canvas_context(s);
    cairo_scale(c, scale, scale);
    color_use(c, (Color){255, 255, 255}, 1);
    cairo_paint(c);
    canvas->draw(c, canvas->ctx);
    cairo_status_t status = cairo_status(c);
    cairo_destroy(c);
    return status;
}

bool canvas_png(OutputJob *job, const Canvas *canvas) {
    char path[OUT_PATH];
    if (!out_path(job, canvas->in_plots, ".png", path, sizeof path)) return false;
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, (int)(canvas->width * canvas->scale + 0.5),
                                                    (int)(canvas->height * canvas->scale + 0.5));
    Picture picture = {0};
    bool drawn = draw_on(s, canvas, canvas->scale) == CAIRO_STATUS_SUCCESS && picture_of(&picture, s);
    if (!drawn) errno = ENOMEM;
    bool ok = drawn && picture_write(&picture, path);
    int error = errno;
    cairo_surface_destroy(s);
    picture_free(&picture);
    if (!ok) return out_fail(job, path, strerror(error));
    snprintf(job->made, sizeof job->made, "%s", path);
    return true;
}

static cairo_status_t collect(void *bytes, const unsigned char *data, unsigned n) {
    bytes_add(bytes, data, n);
    return ((Bytes *)bytes)->full ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

/* cairo numbers its surfaces over the whole process and writes the number into the file: id="surface7". Equal
 * drawings are to be equal files, so the number goes. */
static void drop_surface_number(Bytes *svg) {
    static const char mark[] = "id=\"surface";
    uint8_t *at = memmem(svg->at, svg->n, mark, strlen(mark));
    if (!at) return;
    uint8_t *from = at + strlen(mark), *to = from, *end = svg->at + svg->n;
    while (from < end && *from >= '0' && *from <= '9') from++;
    memmove(to, from, (size_t)(end - from));
    svg->n -= (size_t)(from - to);
}

bool canvas_svg(OutputJob *job, const Canvas *canvas) {
    char path[OUT_PATH];
    if (!out_path(job, canvas->in_plots, ".svg", path, sizeof path)) return false;
    Bytes svg = {0};
    cairo_surface_t *s = cairo_svg_surface_create_for_stream(collect, &svg, canvas->width, canvas->height);
    cairo_status_t status = draw_on(s, canvas, 1);
    cairo_surface_finish(s);
    if (!status) status = cairo_surface_status(s);
    cairo_surface_destroy(s);
    drop_surface_number(&svg);
    bool ok = status ? out_fail(job, path, cairo_status_to_string(status)) : out_file(job, path, &svg, false);
    bytes_free(&svg);
    return ok;
}
