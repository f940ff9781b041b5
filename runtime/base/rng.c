/* Counter-based randomness on Random123's Philox4x32-10. */
#include "base/rng.h"

#include <Random123/philox.h>
#include <math.h>

uint64_t rng_hash(const char *text) {
    uint64_t h = 14695981039346656037u;
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

static uint64_t mix(uint64_t x) {                     /* splitmix64's finaliser: every bit of x moves every bit */
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

Stream rng_stream(uint64_t seed, uint64_t path, uint64_t tick, uint32_t round) {
    uint64_t k = mix(path ^ mix(seed + 0x9e3779b97f4a7c15u)) + (tick >> 32);
    return (Stream){{(uint32_t)k, (uint32_t)(k >> 32)}, (uint32_t)tick, round};
}

Words rng_words(Stream s, uint64_t group) {
    philox4x32_ctr_t c = {{(uint32_t)group, (uint32_t)(group >> 32), s.tick, s.round}};
    philox4x32_key_t k = {{s.key[0], s.key[1]}};
    philox4x32_ctr_t r = philox4x32(c, k);
    return (Words){{r.v[0], r.v[1], r.v[2], r.v[3]}};
}

uint32_t rng_word(Stream s, uint64_t element) { return rng_words(s, element / 4).v[element % 4]; }

double rng_unit(uint32_t word) { return (double)(word >> 8) * 0x1p-24; }

double rng_normal(Stream s, uint64_t element) {
    Words w = rng_words(s, element / 2);
    int at = (int)(element % 2) * 2;
    double u = ((double)(w.v[at] >> 8) + 1) * 0x1p-24, angle = rng_unit(w.v[at + 1]) * 6.283185307179586;
    return sqrt(-2 * log(u)) * cos(angle);
}

uint64_t rng_below(Stream s, uint64_t element, uint64_t n) { return ((uint64_t)rng_word(s, element) * n) >> 32; }
