/* Mixtures of Gaussians in the plane, on a ring or a square grid: the data on which lost modes can be
 * counted. Sample i is made from (seed, i) when it is asked for. */
#include "datasets/kind.h"

#include <math.h>

enum { DEFAULT_COUNT = 100000, MODES_MAX = 10000 };
enum { LAYOUT_RING, LAYOUT_GRID };
enum { ROUND_POINT, ROUND_MODE };

typedef struct {
    int layout;
    int64_t modes;
    double radius, spacing, deviation;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"layout", F_CHOICE, AT(layout), "ring", 0, 0, "ring|grid", "where the modes lie"},
    {"modes", F_INT, AT(modes), "", 1, MODES_MAX, NULL,
     "how many: 8 on a ring, mode k at the angle 2 pi k/modes; 25 on a grid, where it must be a square"},
    {"radius", F_FLOAT, AT(radius), "2", 0, 1e6, NULL, "of the ring"},
    {"spacing", F_FLOAT, AT(spacing), "2", 0, 1e6, NULL, "between neighbours of the grid, whose middle is 0"},
    {"deviation", F_FLOAT, AT(deviation), "0.02", 0, 1e6, NULL, "standard deviation of each mode in x and y"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
static const FieldRow fields[] = {
    {"point", F32, "[2]", "the place"},
    {"label", I32, "", "its mode, from 0; of a grid row by row"},
    {NULL, 0, NULL, NULL},
};
static const FieldRow constants[] = {
    {"centres", F32, "[modes, 2]", "the middle of each mode"},
    {NULL, 0, NULL, NULL},
};
/* clang-format on */

static bool keys_fit(const DataSource *s, const Options *o, int64_t side) {
    const char *stray = o->layout == LAYOUT_RING ? "spacing" : "radius";
    bool ok = true;
    if (source_given(s, stray)) {
        diag_error(s->diags, source_loc(s, stray), "%s: %s is for layout: %s", s->name, stray,
                   o->layout == LAYOUT_RING ? "grid" : "ring");
        ok = false;
    }
    if (o->layout == LAYOUT_GRID && side * side != o->modes && o->modes) {
        diag_error(s->diags, source_loc(s, "modes"),
                   "%s: modes of a grid must be a square number, not %lld; near are %lld and %lld", s->name,
                   (long long)o->modes, (long long)(side * side), (long long)((side + 1) * (side + 1)));
        ok = false;
    }
    return ok;
}

static bool open(DataSource *s) {
    const Options *o = s->options;
    int64_t modes = o->modes ? o->modes : o->layout == LAYOUT_RING ? 8 : 25;
    int64_t side = (int64_t)floor(sqrt((double)modes));
    if (!keys_fit(s, o, side)) return false;

    double *centre = ARENA_ARRAY(s->arena, double, 2 * modes);
    for (int64_t k = 0; k < modes; k++) {
        double angle = 6.283185307179586 * (double)k / (double)modes, middle = 0.5 * (double)(side - 1);
        bool ring = o->layout == LAYOUT_RING;
        centre[2 * k] = ring ? o->radius * cos(angle) : o->spacing * ((double)(k % side) - middle);
        centre[2 * k + 1] = ring ? o->radius * sin(angle) : o->spacing * ((double)(k / side) - middle);
    }
    s->total = s->common.count ? s->common.count : DEFAULT_COUNT;
    source_field(s, "point", SHAPE(2));
    source_field(s, "label", (Shape){.rank = 0});
    source_constant(s, "centres", (Tensor){F32, SHAPE(modes, 2)}, centre);
    return true;
}

static void sample(const DataSource *s, int64_t index, void *const *out) {
    const Options *o = s->options;
    Stream place = source_draws(s, index, ROUND_POINT), choice = source_draws(s, index, ROUND_MODE);
    const DataConstant *centres = &s->constant[0];
    uint64_t mode = rng_below(choice, 0, (uint64_t)centres->type.shape.dim[0]);
    float *point = out[0];
    int32_t *label = out[1];
    for (uint64_t axis = 0; point && axis < 2; axis++)
        point[axis] = (float)(centres->value[2 * mode + axis] + o->deviation * rng_normal(place, axis));
    if (label) *label = (int32_t)mode;
}

DATASET(gaussians, .doc = "points in the plane from Gaussians on a ring or a grid, made here",
        .example = "{source: gaussians, layout: ring, modes: 8, batch: 256}", .options_size = sizeof(Options),
        .options = options, .fields = fields, .constants = constants, .open = open, .sample = sample)
