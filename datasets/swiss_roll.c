/* A rolled-up sheet (Marsland 2009, "Machine learning: an algorithmic perspective"; scikit-learn, make_swiss_roll), over
 * 4.5 pi, so that the outermost radius is 1. Sample i is made from (seed, i) when it is asked for. */
#include "datasets/kind.h"

#include <math.h>

enum { DEFAULT_COUNT = 20000 };
enum { ROUND_PLACE, ROUND_NOISE };

typedef struct {
    int64_t dimensions;
    double noise;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"dimensions", F_INT, AT(dimensions), "2", 2, 3, NULL, "2: the roll from its side; 3: the sheet, its height in the middle"},
    {"noise", F_FLOAT, AT(noise), "0.05", 0, 1e6, NULL, "standard deviation of what is added to each coordinate"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
static const FieldRow fields[] = {
    {"point", F32, "[dimensions]", "the place"},
    {"label", I32, "", "quarter of the roll, 0 the innermost"},
    {NULL, 0, NULL, NULL},
};
/* clang-format on */

static bool open(DataSource *s) {
    const Options *o = s->options;
    s->total = s->common.count ? s->common.count : DEFAULT_COUNT;
    source_field(s, "point", SHAPE(o->dimensions));
    source_field(s, "label", (Shape){.rank = 0});
    return true;
}

/* t = 1.5 pi (1 + 2u), u and v uniform in 0..1: (t cos t, 21 v, t sin t), over 4.5 pi. */
static void sample(const DataSource *s, int64_t index, void *const *out) {
    const Options *o = s->options;
    Stream noise = source_draws(s, index, ROUND_NOISE), place = source_draws(s, index, ROUND_PLACE);
    double pi = acos(-1), u = rng_unit(rng_word(place, 0)), t = 1.5 * pi * (1 + 2 * u), scale = 1 / (4.5 * pi);
    double at[] = {t * cos(t), 21 * rng_unit(rng_word(place, 1)), t * sin(t)};
    float *point = out[0];
    int32_t *label = out[1];
    if (o->dimensions == 2) at[1] = at[2];
    for (int64_t i = 0; point && i < o->dimensions; i++)
        point[i] = (float)(scale * at[i] + o->noise * rng_normal(noise, (uint64_t)i));
    if (label) *label = (int32_t)(4 * u);
}

DATASET(swiss_roll, .doc = "a rolled-up sheet, in the plane or in space, made here",
        .example = "{source: swiss_roll, dimensions: 3, batch: 256}", .options_size = sizeof(Options), .options = options,
        .fields = fields, .open = open, .sample = sample)
