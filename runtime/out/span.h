/* The range of numbers seen. */
#pragma once
#include <stdint.h>

typedef struct { double low, high; } Span;            /* of nothing seen: low > high */
#define SPAN_NONE ((Span){INFINITY, -INFINITY})

void span_add(Span *s, double v);                     /* what is not finite is passed over */
/* Widens the span by n numbers, the smallest first, but for the `outside` outermost at either end. */
void span_add_sorted(Span *s, int64_t n, const double *sorted, int64_t outside);
double span_unit(Span s, double v);                   /* the place of v in it, 0 to 1; 0.5 where it is one number */
/* Widens a range that only grows over a run, so that the frames of an animation stay comparable: by the span, with
 * `margin` at either end, rounded outwards to ticks of about so many over it. kept: low, high; both 0: not yet known. */
void span_keep(Span s, double margin, int about, double kept[2]);
