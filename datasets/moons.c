/* Two half circles that reach into each other (scikit-learn, make_moons): the upper one around (0, 0), the lower one
 * around (1, 0.5), both of radius 1. Sample i is made from (seed, i) when it is asked for. */
#include "datasets/kind.h"

#include <math.h>

enum { ROUND_CHOICE, ROUND_PLACE, ROUND_NOISE };

typedef struct {
    double noise;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"noise", F_FLOAT, AT(noise), "0.05", 0, 1e6, NULL, "standard deviation of what is added to each coordinate"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
static const FieldRow fields[] = {
    {"point", F32, "[2]", "the place"},
    {"label", I32, "", "0: the upper half circle, 1: the lower"},
    {NULL, 0, NULL, NULL},
};
/* clang-format on */

/* t uniform in 0..pi; (cos t, sin t) or (1 - cos t, 0.5 - sin t). */
static void sample(const DataSource *s, int64_t index, void *const *out) {
    const Options *o = s->options;
    Stream noise = source_draws(s, index, ROUND_NOISE);
    int32_t lower = (int32_t)rng_below(source_draws(s, index, ROUND_CHOICE), 0, 2);
    double t = acos(-1) * rng_unit(rng_word(source_draws(s, index, ROUND_PLACE), 0));
    float *point = out[0];
    int32_t *label = out[1];
    if (point) {
        point[0] = (float)((lower ? 1 - cos(t) : cos(t)) + o->noise * rng_normal(noise, 0));
        point[1] = (float)((lower ? 0.5 - sin(t) : sin(t)) + o->noise * rng_normal(noise, 1));
    }
    if (label) *label = lower;
}

DATASET(moons, .doc = "two half circles that reach into each other, made here",
        .example = "{source: moons, noise: 0.1, batch: 256}", .options_size = sizeof(Options), .options = options,
        .fields = fields, .open = source_open_points, .sample = sample)
