/* Float functions without branches, tables or calls, so that loops over them vectorise: a few units in the
 * last place over the whole range, with the limits, infinities and NaN of libm (tests/test_ops.c measures
 * each). Arguments are reduced as in Cephes (Moshier) and the polynomials are its own, where no other source
 * is named.
 *
 * Selections stand as `condition ? a : b` on values that are computed anyway; compilers turn them into
 * blends. */
#pragma once
#include "kern/simd.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

INLINE uint32_t bits_of(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

INLINE float float_of(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

INLINE uint64_t bits_of_double(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

INLINE double double_of(uint64_t u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* exp: x = k ln 2 + r, |r| <= ln 2 / 2. 2^k is applied in two factors, so that k reaches the subnormal
 * numbers and one beyond the largest. Adding ROUND rounds to a whole number and leaves it in the low bits. */
INLINE float vec_exp(float x) {
    const float ROUND = 0x1.8p23f;
    float c = x > 89.0f ? 89.0f : x;
    c = c < -104.0f ? -104.0f : c;
    float t = c * 1.44269504088896341f + ROUND, k = t - ROUND;
    float r = c - k * 0.693359375f;
    r = r - k * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    int32_t whole = (int32_t)(bits_of(t) - bits_of(ROUND)), half = whole >> 1;
    return p * float_of((uint32_t)(half + 127) << 23) * float_of((uint32_t)(whole - half + 127) << 23);
}

/* log: x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt(2). Subnormal numbers are scaled up first. */
INLINE float vec_log(float x) {
    float scaled = x < 0x1p-126f ? x * 0x1p23f : x;
    float shift = x < 0x1p-126f ? -23.0f : 0.0f;
    uint32_t u = bits_of(scaled) - 0x3f3504f3u;
    float e = (float)((int32_t)u >> 23) + shift;
    float f = float_of((u & 0x007fffffu) + 0x3f3504f3u) - 1.0f, z = f * f;
    float p = 7.0376836292e-2f;
    p = p * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    float y = f * z * p + e * -2.12194440e-4f;
    y = f + (y - 0.5f * z) + e * 0.693359375f;
    y = x > 3.402823466e38f ? x : y; /* infinity */
    y = x == 0.0f ? -INFINITY : y;
    return x >= 0.0f ? y : NAN;
}

/* tanh: an odd polynomial near 0, else 1 - 2/(exp(2|x|) + 1). */
INLINE float vec_tanh(float x) {
    float a = fabsf(x), z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    float near = x + x * z * p;
    float far = 1.0f - 2.0f / (vec_exp(a + a) + 1.0f);
    far = x < 0.0f ? -far : far;
    return a < 0.625f ? near : far;
}

INLINE float vec_sigmoid(float x) { return 1.0f / (1.0f + vec_exp(-x)); }

/* softplus: max(x, 0) + log(1 + t), t = exp(-|x|); what rounding 1 + t loses comes back to first order. */
INLINE float vec_softplus(float x) {
    float t = vec_exp(-fabsf(x)), u = 1.0f + t;
    return (x > 0.0f ? x : x != x ? x : 0.0f) + (vec_log(u) + (t - (u - 1.0f)) / u);
}

/* cos of r for an even turn, sin of r for an odd one, its sign changing every second turn: |r| <= pi/4. */
INLINE float vec_quarter(float r, uint32_t turn) {
    float z = r * r;
    float s = -1.9515295891e-4f;
    s = s * z + 8.3321608736e-3f;
    s = s * z - 1.6666654611e-1f;
    s = s * z * r + r;
    float c = 2.443315711809948e-5f;
    c = c * z - 1.388731625493765e-3f;
    c = c * z + 4.166664568298827e-2f;
    c = c * z * z - 0.5f * z + 1.0f;
    float y = turn & 1 ? s : c;
    return (turn + 1) & 2 ? -y : y;
}

/* sin and cos: the argument less whole quarter turns, in double, which is exact enough up to 2^28; beyond,
 * the result is some number in [-1, 1]. */
INLINE float vec_turned(float x, uint32_t quarter) {
    const double ROUND = 0x1.8p52;
    double t = (double)x * 0.63661977236758134308 + ROUND, k = t - ROUND;
    double d = ((double)x - k * 0x1.921fb54400000p0) - k * 0x1.0b4611a626331p-34;
    float r = (float)(d > 1.0 ? 1.0 : d < -1.0 ? -1.0 : d);
    return vec_quarter(r, (uint32_t)bits_of_double(t) + quarter);
}

INLINE float vec_cos(float x) { return vec_turned(x, 0); }
INLINE float vec_sin(float x) { return vec_turned(x, 3); }

/* cos(2 pi x), 0 <= x <= 1: the quarter turns are taken off without rounding. */
INLINE float vec_cos_turns(float x) {
    const float ROUND = 0x1.8p23f;
    float t = x * 4.0f + ROUND, k = t - ROUND;
    return vec_quarter((x - k * 0.25f) * 6.28318530717958648f, bits_of(t));
}

/* pow: 2^(z log2 |x|) in double, whose spare digits cover the product; the sign of a negative x comes back
 * where z is odd. log2 m = 2/ln 2 * atanh s, s = (m - 1)/(m + 1), |s| < 0.172. */
INLINE float vec_pow(float x, float z) {
    const double ROUND = 0x1.8p52;
    double a = fabs((double)x);
    uint64_t u = bits_of_double(a) - 0x3fe6a09e667f3bcdu;
    double e = (double)((int32_t)(u >> 32) >> 20);
    double m = double_of((u & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu), s = (m - 1.0) / (m + 1.0),
           q = s * s;
    double p = 1.0 / 15;
    p = p * q + 1.0 / 13;
    p = p * q + 1.0 / 11;
    p = p * q + 1.0 / 9;
    p = p * q + 1.0 / 7;
    p = p * q + 1.0 / 5;
    p = p * q + 1.0 / 3;
    p = p * q + 1.0;
    double log2 = e + s * p * 2.88539008177792681472;
    log2 = a == 0.0 ? (double)-INFINITY : a > 3.5e38 ? (double)INFINITY : log2;
    double t = log2 == 0.0 ? 0.0 : log2 * (double)z;
    t = t > 200.0 ? 200.0 : t;
    t = t < -200.0 ? -200.0 : t;
    double shifted = t + ROUND, k = shifted - ROUND, f = (t - k) * 0.69314718055994530942;
    double y = 1.0 / 3628800;
    y = y * f + 1.0 / 362880;
    y = y * f + 1.0 / 40320;
    y = y * f + 1.0 / 5040;
    y = y * f + 1.0 / 720;
    y = y * f + 1.0 / 120;
    y = y * f + 1.0 / 24;
    y = y * f + 1.0 / 6;
    y = y * f + 0.5;
    y = y * f * f + f + 1.0;
    y = y * double_of((bits_of_double(shifted) + 1023) << 52);
    float half = z * 0.5f;
    int whole = rintf(z) == z, odd = whole & (rintf(half) != half);
    float out = (float)y;
    out = ((x < 0.0f) & odd) ? -out : out;
    out = ((x < 0.0f) & (a < 3.5e38) & !whole) ? NAN : out;
    out = ((x != x) | (z != z)) ? x + z : out;
    return ((x == 1.0f) | (z == 0.0f)) ? 1.0f : out;
}
