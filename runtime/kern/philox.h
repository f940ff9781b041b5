/* Philox4x32-10 (Salmon et al. 2011) for many counters at once: the same words as base/rng.c's, PHILOX_GROUPS
 * groups of four in a row.
 *
 * One counter is four numbers c0..c3 of 32 bits. A round multiplies c0 and c2 by constants and takes the high
 * words into c2 and c0, the low ones as c3 and c1. The vector form keeps each number in a lane of 64 bits and
 * lets the upper half hold rubbish: the product of two lower halves has both words in its lane, and nothing
 * else reads a lane's upper half before the end. */
#pragma once
#include "kern/simd.h"

#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { PHILOX_GROUPS = 64 };
#define PHILOX_M0 0xD2511F53u
#define PHILOX_M1 0xCD9E8D57u
#define PHILOX_W0 0x9E3779B9u
#define PHILOX_W1 0xBB67AE85u

static inline void philox_BASE(const uint32_t key[2], uint64_t group, uint32_t tick, uint32_t round,
                               uint32_t *words) {
    for (int j = 0; j < PHILOX_GROUPS; j++) {
        uint32_t c0 = (uint32_t)(group + (uint64_t)j), c1 = (uint32_t)((group + (uint64_t)j) >> 32),
                 c2 = tick, c3 = round;
        uint32_t k0 = key[0], k1 = key[1];
        for (int r = 0; r < 10; r++, k0 += PHILOX_W0, k1 += PHILOX_W1) {
            uint64_t p = (uint64_t)c0 * PHILOX_M0, q = (uint64_t)c2 * PHILOX_M1;
            c0 = (uint32_t)(q >> 32) ^ c1 ^ k0, c1 = (uint32_t)q;
            c2 = (uint32_t)(p >> 32) ^ c3 ^ k1, c3 = (uint32_t)p;
        }
        words[4 * j] = c0, words[4 * j + 1] = c1, words[4 * j + 2] = c2, words[4 * j + 3] = c3;
    }
}

#if defined(__x86_64__)
/* Eight counters in two sets of vectors, whose chains of multiplications overlap. Lanes hold groups 0, 2, 1,
 * 3, so that unpacking puts the words in order. */
#define PHILOX_VECTORS(ISA)                                                                            \
    TARGET_##ISA static inline void philox_##ISA(const uint32_t key[2], uint64_t group, uint32_t tick, \
                                                 uint32_t round, uint32_t *words) {                    \
        const __m256i m0 = _mm256_set1_epi64x(PHILOX_M0), m1 = _mm256_set1_epi64x(PHILOX_M1);          \
        const __m256i w0 = _mm256_set1_epi32((int)PHILOX_W0), w1 = _mm256_set1_epi32((int)PHILOX_W1);  \
        for (int j = 0; j < PHILOX_GROUPS; j += 8) {                                                   \
            __m256i c0[2], c1[2], c2[2], c3[2];                                                        \
            __m256i k0 = _mm256_set1_epi32((int)key[0]), k1 = _mm256_set1_epi32((int)key[1]);          \
            for (int u = 0; u < 2; u++) {                                                              \
                c0[u] = _mm256_add_epi64(_mm256_set1_epi64x((int64_t)group + j + 4 * u),               \
                                         _mm256_setr_epi64x(0, 2, 1, 3));                              \
                c1[u] = _mm256_srli_epi64(c0[u], 32);                                                  \
                c2[u] = _mm256_set1_epi64x(tick);                                                      \
                c3[u] = _mm256_set1_epi64x(round);                                                     \
            }                                                                                          \
            for (int r = 0; r < 10; r++) {                                                             \
                for (int u = 0; u < 2; u++) {                                                          \
                    __m256i p = _mm256_mul_epu32(c0[u], m0), q = _mm256_mul_epu32(c2[u], m1);          \
                    c0[u] = _mm256_xor_si256(_mm256_srli_epi64(q, 32), _mm256_xor_si256(c1[u], k0));   \
                    c2[u] = _mm256_xor_si256(_mm256_srli_epi64(p, 32), _mm256_xor_si256(c3[u], k1));   \
                    c1[u] = q;                                                                         \
                    c3[u] = p;                                                                         \
                }                                                                                      \
                k0 = _mm256_add_epi32(k0, w0);                                                         \
                k1 = _mm256_add_epi32(k1, w1);                                                         \
            }                                                                                          \
            for (int u = 0; u < 2; u++) {                                                              \
                __m256i a = _mm256_blend_epi32(c0[u], _mm256_slli_epi64(c1[u], 32), 0xAA);             \
                __m256i b = _mm256_blend_epi32(c2[u], _mm256_slli_epi64(c3[u], 32), 0xAA);             \
                __m256i *to = (__m256i *)(void *)(words + 4 * (j + 4 * u));                            \
                _mm256_storeu_si256(to, _mm256_unpacklo_epi64(a, b));                                  \
                _mm256_storeu_si256(to + 1, _mm256_unpackhi_epi64(a, b));                              \
            }                                                                                          \
        }                                                                                              \
    }
PHILOX_VECTORS(AVX2)
PHILOX_VECTORS(AVX512)
#else
#define philox_AVX2 philox_BASE
#define philox_AVX512 philox_BASE
#endif
