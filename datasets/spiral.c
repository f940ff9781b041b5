/* Arms that wind out from (0, 0) to radius 1 (Lang and Witbrock 1988, "Learning to tell two spirals apart": the radius
 * grows with the angle). Sample i is made from (seed, i) when it is asked for. */
#include "datasets/kind.h"

#include <math.h>

enum { ROUND_CHOICE, ROUND_PLACE, ROUND_NOISE };

typedef struct {
    int64_t arms;
    double turns, noise;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"arms", F_INT, AT(arms), "2", 1, 1000, NULL, "how many, at equal angles"},
    {"turns", F_FLOAT, AT(turns), "1", 0, 1000, NULL, "how often an arm goes round"},
    {"noise", F_FLOAT, AT(noise), "0.05", 0, 1e6, NULL, "standard deviation of what is added to each coordinate"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
static const FieldRow fields[] = {
    {"point", F32, "[2]", "the place"},
    {"label", I32, "", "its arm, from 0"},
    {NULL, 0, NULL, NULL},
};
/* clang-format on */

/* On arm k at radius r, uniform in 0..1: the angle 2 pi (turns r + k/arms). */
static void sample(const DataSource *s, int64_t index, void *const *out) {
    const Options *o = s->options;
    Stream noise = source_draws(s, index, ROUND_NOISE);
    int32_t arm = (int32_t)rng_below(source_draws(s, index, ROUND_CHOICE), 0, (uint64_t)o->arms);
    double radius = rng_unit(rng_word(source_draws(s, index, ROUND_PLACE), 0));
    double angle = 2 * acos(-1) * (o->turns * radius + (double)arm / (double)o->arms);
    float *point = out[0];
    int32_t *label = out[1];
    if (point) {
        point[0] = (float)(radius * cos(angle) + o->noise * rng_normal(noise, 0));
        point[1] = (float)(radius * sin(angle) + o->noise * rng_normal(noise, 1));
    }
    if (label) *label = arm;
}

DATASET(spiral, .doc = "spiral arms in the plane, made here",
        .example = "{source: spiral, arms: 3, turns: 1, batch: 256}", .options_size = sizeof(Options), .options = options,
        .fields = fields, .open = source_open_points, .sample = sample)
