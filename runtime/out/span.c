#include "out/span.h"

#include <math.h>

#include "out/axes.h"

void span_add(Span *s, double v) {
    if (isfinite(v)) s->low = fmin(s->low, v), s->high = fmax(s->high, v);
}

void span_add_sorted(Span *s, int64_t n, const double *sorted, int64_t outside) {
    if (n) span_add(s, sorted[outside]), span_add(s, sorted[n - 1 - outside]);
}

double span_unit(Span s, double v) { return s.high > s.low ? (v - s.low) / (s.high - s.low) : 0.5; }

void span_keep(Span s, double margin, int about, double kept[2]) {
    double step = tick_step(s.high - s.low + 2 * margin, about);
    double low = floor((s.low - margin) / step) * step, high = ceil((s.high + margin) / step) * step;
    if (kept[0] < kept[1]) low = fmin(low, kept[0]), high = fmax(high, kept[1]);
    kept[0] = low, kept[1] = high;
}
