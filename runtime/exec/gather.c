/* Index maps in action: inputs of a region that cannot be read in place are brought into a block buffer, run
 * by run along the innermost axis. Knows elements by their size only. */
#include "exec/run.h"

#include <string.h>

void fill(void *to, const void *number, size_t size, int64_t n) {
    if (size == 1) {
        memset(to, *(const uint8_t *)number, (size_t)n);
        return;
    }
    uint32_t *y = to, x;
    memcpy(&x, number, sizeof x);
    for (int64_t i = 0; i < n; i++) y[i] = x;
}

static void run4(uint32_t *y, const uint32_t *x, int64_t stride, int64_t n) {
    if (stride == 1 && n >= 16)
        memcpy(y, x, (size_t)n * sizeof *y);
    else if (stride == 0)
        for (int64_t i = 0; i < n; i++) y[i] = *x;
    else
        for (int64_t i = 0; i < n; i++) y[i] = x[i * stride];
}

static void run1(uint8_t *y, const uint8_t *x, int64_t stride, int64_t n) {
    if (stride == 1)
        memcpy(y, x, (size_t)n);
    else
        for (int64_t i = 0; i < n; i++) y[i] = x[i * stride];
}

const void *gather(const Access *a, const void *from, size_t size, int64_t start, int64_t n, void *to) {
    int last = a->rank - 1;
    int64_t at[RANK_MAX], rest = start, row = a->offset, stride = a->stride[last];
    for (int k = last; k >= 0; k--) {
        at[k] = rest % a->dim[k];
        rest /= a->dim[k];
        if (k < last) row += at[k] * a->stride[k];
    }
    if (stride == 1 && a->dim[last] - at[last] >= n)
        return (const char *)from + (row + at[last]) * (int64_t)size;
    for (int64_t done = 0; done < n;) {
        int64_t left = a->dim[last] - at[last], run = left < n - done ? left : n - done;
        int64_t offset = row + at[last] * stride;
        if (size == 4)
            run4((uint32_t *)to + done, (const uint32_t *)from + offset, stride, run);
        else
            run1((uint8_t *)to + done, (const uint8_t *)from + offset, stride, run);
        done += run;
        at[last] = 0;
        for (int k = last - 1; k >= 0; k--) { /* one on in the axes outside the innermost */
            row += a->stride[k];
            if (++at[k] < a->dim[k]) break;
            row -= a->dim[k] * a->stride[k];
            at[k] = 0;
        }
    }
    return to;
}

void fill_period(const Access *a, const void *from, size_t size, int64_t n, void *to) {
    const void *at = gather(a, from, size, 0, a->period, to);
    if (at != to) memcpy(to, at, (size_t)a->period * size);
    for (int64_t have = a->period, all = a->period + n;
         have < all;) { /* whole periods, twice as many each time */
        int64_t more = have < all - have ? have : all - have;
        memcpy((char *)to + (size_t)have * size, to, (size_t)more * size);
        have += more;
    }
}
