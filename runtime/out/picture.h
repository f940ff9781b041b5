/* Pictures in memory, 8 bits a channel, grey or RGB, rows from the top; colours; and what all outputs say on failure. */
#pragma once
#include <cairo.h>

#include "out/bytes.h"
#include "out/out.h"

typedef struct {
    int width, height, channels;                      /* channels: 1 or 3 */
    uint8_t *pixel;                                   /* [height, width, channels] */
} Picture;

bool picture_new(Picture *p, int width, int height, int channels);         /* black; false: out of memory */
bool picture_of(Picture *p, cairo_surface_t *image);  /* a copy of an ARGB32 surface without transparency */
void picture_free(Picture *p);
bool picture_write(const Picture *p, const char *path);                    /* as PNG; false with errno set */
bool picture_read(Picture *p, const char *path, bool as_color);            /* false with errno set (EILSEQ: no PNG) */
bool picture_is_color(const char *path, bool *out);

typedef struct { uint8_t r, g, b; } Color;
Color color_viridis(double t);                        /* t in 0..1 */
Color color_of(int64_t k);                            /* the k-th of Okabe and Ito's, then darker ones */
void color_use(cairo_t *c, Color color, double alpha);

double out_number(const OutValue *v, int64_t i);      /* element i, whatever its type */
bool out_fail(OutputJob *job, const char *path, const char *reason); /* writes job->why; false */
bool out_path(OutputJob *job, bool in_plots, const char *ending, char *path, size_t size);
bool out_picture(OutputJob *job, const Picture *p);                  /* writes samples/NAME-STEP.png, sets made */
bool out_file(OutputJob *job, const char *path, const Bytes *file, bool main);   /* main: sets made */
