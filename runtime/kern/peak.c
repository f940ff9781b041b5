/* The machine's roofline: the best rate of a large product, and of adding two arrays that no cache holds. */
#include "base/measure.h"
#include "kern/kern.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 1024, NUMBERS = 1 << 24, PARTS = 64, ROUNDS = 8 };

typedef struct {
    float *a;
    const float *b;
} Arrays;

static void add_part(void *ctx, int64_t part) {
    const Arrays *x = ctx;
    int64_t n = NUMBERS / PARTS;
    float *restrict a = x->a + part * n;
    const float *restrict b = x->b + part * n;
    for (int64_t i = 0; i < n; i++) a[i] += b[i];
}

bool peak_measure(Peak *out) {
    size_t size = NUMBERS * sizeof(float);
    float *a = aligned_alloc(64, size), *b = aligned_alloc(64, size);
    bool done = a && b;
    *out = (Peak){0};
    if (done) memset(a, 0, size), memset(b, 0, size);
    for (int i = 0; done && i < ROUNDS; i++) {
        double start = seconds_now();
        gemm(false, false, SIDE, SIDE, SIDE, a, b, a + SIDE * SIDE, false);
        double rate = 2.0 * SIDE * SIDE * SIDE / (seconds_now() - start);
        if (rate > out->flops) out->flops = rate;
        start = seconds_now();
        parallel_for(PARTS, add_part, &(Arrays){a, b});
        rate = 3.0 * (double)size / (seconds_now() - start);
        if (rate > out->bytes) out->bytes = rate;
    }
    free(a);
    free(b);
    return done;
}
