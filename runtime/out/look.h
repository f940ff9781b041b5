/* How batches of images become pixels: what the kinds grid, panel and images share. */
#pragma once
#include "out/picture.h"

typedef struct {
    Floats range;
    int palette;
    bool contours;
    int64_t scale;
} Look;

enum { PALETTE_GREY, PALETTE_VIRIDIS };

/* The rows of an option table for the Look at this offset. */
#define LOOK_FIELDS(at) \
    {"range", F_FLOATS, (at) + offsetof(Look, range), "", 0, 0, NULL, \
     "[black, white]; left out: [0, 1], or [-1, 1] once a value below 0 was seen"}, \
    {"palette", F_CHOICE, (at) + offsetof(Look, palette), "grey", 0, 0, "grey|viridis", \
     "colours of images with one channel"}, \
    {"contours", F_BOOL, (at) + offsetof(Look, contours), "false", 0, 0, NULL, \
     "draws images as smooth fields with level lines"}, \
    {"scale", F_INT, (at) + offsetof(Look, scale), "", 1, 64, NULL, \
     "enlarges so many times; 1, with contours to about 160 pixels"}

typedef struct {
    const OutValue *images;                           /* [n, height, width, 1 or 3] */
    int64_t index;                                    /* -1: the place stays empty */
} Tile;

/* Whether every value is a batch of images that this look can show; says what is wrong, for the kind `who`. */
bool look_check(const char *who, const Look *look, int n, const Tensor *value, Diags *d, Loc loc);
bool look_color(const Look *look, int n, const OutValue *value);         /* the picture has three channels */
void look_prepare(OutputJob *job, const Look *look, const OutValue *images);    /* sets job->range, for write() too */
int64_t look_scale(const Look *look, const Shape *s); /* pixels of the picture for one of the image */

/* Whether a picture of so many tiles of these images is within limits; says so if not. */
bool tiles_fit(const char *who, const Look *look, const Shape *s, int64_t columns, int64_t rows, int64_t spacing, Diags *d,
               Loc loc);
/* Draws tiles, columns to a row, all of the size of `s`, with `spacing` pixels between them and around them:
 * width = columns*(w*scale + spacing) + spacing. False: out of memory. */
bool tiles_draw(Picture *p, const Look *look, const Shape *s, bool color, const double range[2], int64_t columns,
                int64_t rows, int64_t spacing, const Tile *tile);
int image_suits(int n, const Tensor *value);          /* how many of the tensors are batches of images */
