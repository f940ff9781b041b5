/* Counter-based randomness: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
 * A number is a pure function of (seed, path of the draw, tick, round, element): no generator state to save, the
 * same numbers for any number of threads.
 *
 *   key     = 32 bits of seed mixed with path, 32 bits of path
 *   counter = (element low, element high, tick low 32 bits, round)   element: index of a group of 4 words
 */
#pragma once
#include <stdint.h>

typedef struct { uint32_t key[2], tick, round; } Stream;
typedef struct { uint32_t v[4]; } Words;

uint64_t rng_hash(const char *text);                  /* FNV-1a, for the path of a draw */
Stream rng_stream(uint64_t seed, uint64_t path, uint64_t tick, uint32_t round);
Words rng_words(Stream s, uint64_t group);            /* the group-th four words of the stream */

/* The element-th word of a stream, as the draws define it; scalar helpers for data sources and shuffles. */
uint32_t rng_word(Stream s, uint64_t element);
double rng_unit(uint32_t word);                       /* [0, 1), 24 bits: exact in float and double */
double rng_normal(Stream s, uint64_t element);        /* Box-Muller on words 2*element and 2*element + 1 */
uint64_t rng_below(Stream s, uint64_t element, uint64_t n);  /* 0 .. n-1, n <= 2^32, multiply-shift */
