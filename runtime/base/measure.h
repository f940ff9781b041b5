/* What measuring takes: clocks, numbers in order, their middle. */
#pragma once
#include <stdint.h>
#include <time.h>

double seconds_on(clockid_t clock);
double seconds_now(void);                             /* monotonic */

void numbers_sort(int64_t n, double *x);              /* the smallest first; no NaN among them */
double numbers_median(int64_t n, const double *sorted);                    /* n > 0 */
