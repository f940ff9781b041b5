/* t-SNE (van der Maaten and Hinton, JMLR 9, 2008), all pairs, without randomness.
 *
 * Affinities p_ij: a Gaussian around each point whose width gives the wished perplexity (entropy, found by bisection),
 * made symmetric: (p_j|i + p_i|j)/2n. In the plane q_ij is Student's t with one degree of freedom, 1/(1 + |y_i - y_j|^2),
 * divided by the sum over all pairs. The gradient of KL(p || q) is 4 sum_j (p_ij - q_ij) (y_i - y_j)/(1 + |y_i - y_j|^2).
 * Descent with momentum and gains, p enlarged 12 times in the first quarter (as in scikit-learn); step n/48 (Belkina et al.
 * 2019), at least 50. Sums run in the order of the points, so the result depends on nothing but the numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "out/project.h"

enum { ROUNDS = 750, EARLY = 250, BISECTIONS = 60 };
static const double exaggeration = 12, least_gain = 0.01;

/* One row of affinities, given squared distances; its own place is 0. */
static void affinities(int64_t n, int64_t own, const float *distance, double entropy, float *p) {
    double low = 0, high = INFINITY, beta = 1, nearest = INFINITY;
    for (int64_t j = 0; j < n; j++)
        if (j != own) nearest = fmin(nearest, (double)distance[j]);
    double sum = 0;
    for (int round = 0; round < BISECTIONS; round++) {
        double weighted = 0;
        sum = 0;
        for (int64_t j = 0; j < n; j++) {
            double away = (double)distance[j] - nearest, e = j == own ? 0 : exp(-beta * away);
            p[j] = (float)e;
            sum += e;
            weighted += e * away;
        }
        double found = log(sum) + beta * weighted / sum;
        if (fabs(found - entropy) < 1e-5) break;
        if (found > entropy)
            low = beta, beta = isinf(high) ? 2 * beta : 0.5 * (beta + high);
        else
            high = beta, beta = 0.5 * (beta + low);
    }
    for (int64_t j = 0; j < n; j++) p[j] /= (float)sum;
}

static void distances_from(int64_t n, int64_t d, const float *x, int64_t i, float *out) {
    for (int64_t j = 0; j < n; j++) {
        double sum = 0;
        for (int64_t k = 0; k < d; k++) {
            double away = (double)x[i * d + k] - (double)x[j * d + k];
            sum += away * away;
        }
        out[j] = (float)sum;
    }
}

static bool joint(int64_t n, int64_t d, const float *x, double perplexity, float *p) {
    float *distance = malloc((size_t)n * sizeof *distance);
    if (!distance) return false;
    double entropy = log(fmin(perplexity, (double)(n - 1) / 3 + 1));
    for (int64_t i = 0; i < n; i++) {
        distances_from(n, d, x, i, distance);
        affinities(n, i, distance, entropy, p + i * n);
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            float both = (p[i * n + j] + p[j * n + i]) / (float)(2 * n);
            p[i * n + j] = p[j * n + i] = both > 1e-20f ? both : 0;     /* below that arithmetic is slow and pulls nobody */
        }
    free(distance);
    return true;
}

/* y is stored coordinate by coordinate: [3, n], so that the inner loops run over points. */
typedef struct { int64_t n; float *p, *y, *pull, *push, *near; } Plane;

/* Forces on point i: sum p_ij k (y_i - y_j) and sum k^2 (y_i - y_j), k = 1/(1 + |y_i - y_j|^2); gives sum k. */
static float forces(const Plane *s, int64_t i) {
    const float *restrict a = s->y, *restrict b = a + s->n, *restrict c = b + s->n, *restrict p = s->p + i * s->n;
    float *restrict near = s->near, sum = 0, pull[3] = {0}, push[3] = {0};
    for (int64_t j = 0; j < s->n; j++) {
        float x = a[i] - a[j], y = b[i] - b[j], z = c[i] - c[j];
        near[j] = 1 / (1 + x * x + y * y + z * z);
    }
#pragma omp simd reduction(+ : pull[:3], push[:3], sum)
    for (int64_t j = 0; j < s->n; j++) {
        float k = near[j], u = p[j] * k, v = k * k, x = a[i] - a[j], y = b[i] - b[j], z = c[i] - c[j];
        pull[0] += u * x, pull[1] += u * y, pull[2] += u * z;
        push[0] += v * x, push[1] += v * y, push[2] += v * z;
        sum += k;
    }
    for (int k = 0; k < 3; k++) s->pull[k * s->n + i] = pull[k], s->push[k * s->n + i] = push[k];
    return sum - 1;
}

static void descend(const Plane *s, int dims, double *step, double *gain) {
    double rate = fmax((double)s->n / exaggeration / 4, 50);
    for (int round = 0; round < ROUNDS; round++) {
        double all = 0, more = round < EARLY ? exaggeration : 1, momentum = round < EARLY ? 0.5 : 0.8;
        for (int64_t i = 0; i < s->n; i++) all += (double)forces(s, i);
        for (int64_t k = 0; k < dims * s->n; k++) {
            double g = 4 * (more * (double)s->pull[k] - (double)s->push[k] / all);
            gain[k] = fmax(least_gain, (g > 0) != (step[k] > 0) ? gain[k] + 0.2 : 0.8 * gain[k]);
            step[k] = momentum * step[k] - rate * gain[k] * g;
            s->y[k] += (float)step[k];
        }
        for (int k = 0; k < dims; k++) {              /* the middle stays in the middle */
            double mean = 0;
            for (int64_t i = 0; i < s->n; i++) mean += (double)s->y[k * s->n + i] / (double)s->n;
            for (int64_t i = 0; i < s->n; i++) s->y[k * s->n + i] -= (float)mean;
        }
    }
}

/* The first columns of x, which are its first components, made small: a deviation of 1e-4 across. */
static void start(int64_t n, int64_t d, const float *x, int dims, float *y) {
    double square = 0;
    for (int64_t i = 0; i < n; i++) square += (double)x[i * d] * (double)x[i * d] / (double)n;
    double scale = square > 0 ? 1e-4 / sqrt(square) : 0;
    for (int k = 0; k < dims; k++)
        for (int64_t i = 0; i < n; i++) y[k * n + i] = k < d ? (float)(scale * (double)x[i * d + k]) : 0;
}

bool tsne(int64_t n, int64_t d, const float *x, double perplexity, int dims, double *out) {
    float *room = calloc((size_t)(n * n + 10 * n), sizeof *room);
    double *moves = calloc((size_t)(6 * n), sizeof *moves);
    bool ok = room && moves;
    if (ok) {
        Plane s = {n, room, room + n * n, room + n * n + 3 * n, room + n * n + 6 * n, room + n * n + 9 * n};
        for (int64_t k = 0; k < 3 * n; k++) moves[3 * n + k] = 1;
        ok = joint(n, d, x, perplexity, s.p);
        start(n, d, x, dims, s.y);
        if (ok) descend(&s, dims, moves, moves + 3 * n);
        for (int64_t i = 0; ok && i < n; i++)
            for (int k = 0; k < dims; k++) out[i * dims + k] = (double)s.y[k * n + i];
    }
    free(room);
    free(moves);
    return ok;
}
