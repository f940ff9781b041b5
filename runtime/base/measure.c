#include "base/measure.h"

#include <stdlib.h>

double seconds_on(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double seconds_now(void) { return seconds_on(CLOCK_MONOTONIC); }

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, z = *(const double *)b;
    return (x > z) - (x < z);
}

void numbers_sort(int64_t n, double *x) {
    if (n) qsort(x, (size_t)n, sizeof *x, ascending);
}

double numbers_median(int64_t n, const double *sorted) { return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2; }
