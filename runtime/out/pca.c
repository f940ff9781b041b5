/* Principal components, from the smaller one of the matrices x^T x [d, d] and x x^T [n, n]: they have the same
 * eigenvalues l above 0; with eigenvectors v of the first the components are x v, with u of the second sqrt(l) u. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kern/kern.h"
#include "out/project.h"

static void centre(int64_t n, int64_t d, float *x, double *mean) {
    memset(mean, 0, (size_t)d * sizeof *mean);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < d; j++) mean[j] += (double)x[i * d + j] / (double)n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < d; j++) x[i * d + j] -= (float)mean[j];
}

static void turn(int64_t n, int64_t k, float *out) {
    for (int64_t c = 0; c < k; c++) {
        float most = 0;
        for (int64_t i = 0; i < n; i++)
            if (fabsf(out[i * k + c]) > fabsf(most)) most = out[i * k + c];
        for (int64_t i = 0; most < 0 && i < n; i++) out[i * k + c] = -out[i * k + c];
    }
}

bool pca(int64_t n, int64_t d, float *x, int64_t k, float *out, double *share) {
    bool wide = d > n;
    int64_t m = wide ? n : d;
    size_t scratch = eigen_scratch(m);
    float *matrix = malloc((size_t)(2 * m * m + m) * sizeof *matrix), *work = malloc(scratch * sizeof *work);
    double *mean = malloc((size_t)d * sizeof *mean);
    bool ok = matrix && work && mean;
    if (ok) {
        float *vectors = matrix + m * m, *values = vectors + m * m;
        double all = 0;
        centre(n, d, x, mean);
        gemm(!wide, wide, m, m, wide ? d : n, x, x, matrix, false);
        ok = eigen_symmetric(m, matrix, values, vectors, work, scratch);
        for (int64_t i = 0; ok && i < m; i++) all += fmax(0, (double)values[i]);
        memset(out, 0, (size_t)(n * k) * sizeof *out);
        for (int64_t c = 0; ok && c < k; c++) {
            const float *v = vectors + (m - 1 - c) * m;
            double value = c < m ? fmax(0, (double)values[m - 1 - c]) : 0;
            if (share) share[c] = all > 0 ? value / all : 0;
            for (int64_t i = 0; c < m && i < n; i++) {
                double sum = wide ? sqrt(value) * (double)v[i] : 0;
                for (int64_t j = 0; !wide && j < d; j++) sum += (double)x[i * d + j] * (double)v[j];
                out[i * k + c] = (float)sum;
            }
        }
        turn(n, k, out);
    }
    free(matrix);
    free(work);
    free(mean);
    return ok;
}
