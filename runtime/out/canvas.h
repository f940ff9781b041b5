/* Drawings in points to files: one drawing function, PNG and SVG. */
#pragma once
#include "out/axes.h"

typedef struct {
    double width, height;                             /* points */
    double scale;                                     /* pixels of the PNG for a point */
    bool in_plots;                                    /* where the file goes */
    void (*draw)(cairo_t *c, void *ctx);              /* on white */
    void *ctx;
} Canvas;

cairo_t *canvas_context(cairo_surface_t *s);          /* all text is drawn and measured on such: no history in its letters */
bool canvas_png(OutputJob *job, const Canvas *canvas);   /* sets job->made; false: said in job->why */
bool canvas_svg(OutputJob *job, const Canvas *canvas);
