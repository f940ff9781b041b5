/* Two circles around (0, 0) (scikit-learn, make_circles): one of radius 1, one inside it. Sample i is made from (seed, i)
 * when it is asked for. */
#include "datasets/kind.h"

#include <math.h>

enum { ROUND_CHOICE, ROUND_PLACE, ROUND_NOISE };

typedef struct {
    double factor, noise;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"factor", F_FLOAT, AT(factor), "0.5", 0, 1, NULL, "radius of the inner circle"},
    {"noise", F_FLOAT, AT(noise), "0.05", 0, 1e6, NULL, "standard deviation of what is added to each coordinate"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
static const FieldRow fields[] = {
    {"point", F32, "[2]", "the place"},
    {"label", I32, "", "0: the outer circle, 1: the inner"},
    {NULL, 0, NULL, NULL},
};
/* clang-format on */

static void sample(const DataSource *s, int64_t index, void *const *out) {
    const Options *o = s->options;
    Stream noise = source_draws(s, index, ROUND_NOISE);
    int32_t inner = (int32_t)rng_below(source_draws(s, index, ROUND_CHOICE), 0, 2);
    double angle = 2 * acos(-1) * rng_unit(rng_word(source_draws(s, index, ROUND_PLACE), 0));
    double radius = inner ? o->factor : 1;
    float *point = out[0];
    int32_t *label = out[1];
    if (point) {
        point[0] = (float)(radius * cos(angle) + o->noise * rng_normal(noise, 0));
        point[1] = (float)(radius * sin(angle) + o->noise * rng_normal(noise, 1));
    }
    if (label) *label = inner;
}

DATASET(circles, .doc = "a circle inside a circle, made here",
        .example = "{source: circles, factor: 0.5, batch: 256}", .options_size = sizeof(Options), .options = options,
        .fields = fields, .open = source_open_points, .sample = sample)
