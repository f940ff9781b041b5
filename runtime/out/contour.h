/* An image of one channel drawn as a smooth field with level lines. */
#pragma once
#include "out/picture.h"

enum { LEVELS = 10 };                                 /* lines lie at 1/10, 2/10 ... of the range */

/* `unit` is [h, w] with the range at 0..1; draws [h*scale, w*scale] pixels at (x, y). False: out of memory. */
bool contour_draw(const float *unit, int w, int h, int scale, bool viridis, Picture *p, int x, int y);
