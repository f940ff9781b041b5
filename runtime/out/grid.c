/* grid: a batch of images as one picture, separated by lines of `spacing` pixels on every side:
 * width = columns*(w + spacing) + spacing. Images may be enlarged; with contours they are drawn as fields. */
#include <math.h>
#include <stdlib.h>

#include "out/look.h"

typedef struct {
    int grid;
    int64_t columns, spacing;
    Look look;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"grid", F_EXPR, AT(grid), NULL, 0, 0, NULL, "images [n, height, width, 1 or 3]"},
    {"columns", F_INT, AT(columns), "", 1, 4096, NULL, "images a row; the square root of their number where left out"},
    {"spacing", F_INT, AT(spacing), "2", 0, 64, NULL, "pixels between images and around them"},
    LOOK_FIELDS(AT(look)),
    {0},
};
/* clang-format on */

static int64_t columns_of(const Options *o, int64_t n) {
    return o->columns ? o->columns : (int64_t)ceil(sqrt((double)n));
}

static int64_t rows_of(const Options *o, int64_t n) { return (n + columns_of(o, n) - 1) / columns_of(o, n); }

static bool check(const void *options_, int nvalue, const Tensor *value, Diags *d, Loc loc) {
    const Options *o = options_;
    const Shape *s = &value[o->grid].shape;
    (void)nvalue;
    return look_check("grid", &o->look, 1, &value[o->grid], d, loc) &&
           tiles_fit("grid", &o->look, s, columns_of(o, s->dim[0]), rows_of(o, s->dim[0]), o->spacing, d, loc);
}

static bool prepare(OutputJob *job, const void *options_) {
    const Options *o = options_;
    look_prepare(job, &o->look, &job->value[o->grid]);
    return true;
}

static bool write(OutputJob *job, const void *options_) {
    const Options *o = options_;
    const OutValue *images = &job->value[o->grid];
    const Shape *s = &images->type.shape;
    int64_t n = s->dim[0], columns = columns_of(o, n), rows = rows_of(o, n);
    Tile *tile = malloc((size_t)(columns * rows) * sizeof *tile);
    Picture p = {0};
    for (int64_t i = 0; tile && i < columns * rows; i++) tile[i] = (Tile){images, i < n ? i : -1};
    bool drawn = tile && tiles_draw(&p, &o->look, s, look_color(&o->look, 1, images), job->range, columns, rows,
                                    o->spacing, tile);
    bool ok = drawn ? out_picture(job, &p) : out_fail(job, job->name, "no memory for the picture");
    free(tile);
    picture_free(&p);
    return ok;
}

static int suits(int n, const Tensor *value, bool named) { return !named && n == 1 && image_suits(n, value) ? 3 : 0; }

OUTPUT(grid, .doc = "a batch of images as one picture",
       .example = "{grid: \"generator(fixed(normal(64, latent)))\", columns: 8, every: 500, animate: true}",
       .options_size = sizeof(Options), .options = options,
       .animates = true, .suits = suits, .check = check, .prepare = prepare, .write = write)
