/* panel: several batches of images, one under the other: originals over reconstructions, both ways of a translation.
 * With more images than columns the rows of all batches come again with the next images. */
#include <stdlib.h>

#include "out/look.h"

typedef struct {
    Exprs panel;
    int64_t columns, spacing;
    Look look;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"panel", F_EXPRS, AT(panel), NULL, 0, 0, NULL, "a list of batches of images of one size, one a row"},
    {"columns", F_INT, AT(columns), "", 1, 4096, NULL, "images a row, then the batches' next ones below; all where left out"},
    {"spacing", F_INT, AT(spacing), "2", 0, 64, NULL, "pixels between images and around them"},
    LOOK_FIELDS(AT(look)),
    {0},
};
/* clang-format on */

typedef struct { int64_t columns, blocks, rows; } Layout;     /* blocks of one row a batch */

static Layout layout_of(const Options *o, const Shape *const *shape) {
    int64_t most = 1;
    for (int i = 0; i < o->panel.n; i++) most = shape[i]->dim[0] > most ? shape[i]->dim[0] : most;
    int64_t columns = o->columns && o->columns < most ? o->columns : most, blocks = (most + columns - 1) / columns;
    return (Layout){columns, blocks, blocks * o->panel.n};
}

static bool check(const void *options_, int nvalue, const Tensor *value, Diags *d, Loc loc) {
    const Options *o = options_;
    (void)nvalue;
    const Shape **shape = ARENA_ARRAY(d->arena, const Shape *, o->panel.n + 1);
    for (int i = 0; i < o->panel.n; i++) {
        const Tensor *t = &value[o->panel.at[i].value];
        shape[i] = &t->shape;
        if (!look_check("panel", &o->look, 1, t, d, loc)) return false;
        if (shape[i]->dim[1] == shape[0]->dim[1] && shape[i]->dim[2] == shape[0]->dim[2]) continue;
        diag_error(d, loc, "panel: images must be of one size, these are %s and %s; `upsample` the smaller ones",
                   shape_show(shape[0], d->arena), shape_show(shape[i], d->arena));
        return false;
    }
    if (!o->panel.n) {
        diag_error(d, loc, "panel: wants a list of batches of images");
        return false;
    }
    Layout l = layout_of(o, shape);
    return tiles_fit("panel", &o->look, shape[0], l.columns, l.rows, o->spacing, d, loc);
}

static Tile *tiles_of(const Options *o, const OutValue *batch, const Layout *l) {
    Tile *tile = malloc((size_t)(l->columns * l->rows) * sizeof *tile);
    for (int64_t row = 0; tile && row < l->rows; row++)
        for (int64_t column = 0; column < l->columns; column++) {
            const OutValue *images = &batch[row % o->panel.n];
            int64_t i = row / o->panel.n * l->columns + column;
            tile[row * l->columns + column] = (Tile){images, i < images->type.shape.dim[0] ? i : -1};
        }
    return tile;
}

static bool prepare(OutputJob *job, const void *options_) {
    const Options *o = options_;
    for (int i = 0; i < o->panel.n; i++) look_prepare(job, &o->look, &job->value[o->panel.at[i].value]);
    return true;
}

static bool write(OutputJob *job, const void *options_) {
    const Options *o = options_;
    int n = o->panel.n;
    OutValue *batch = malloc((size_t)n * sizeof *batch);
    const Shape **shape = malloc((size_t)n * sizeof *shape);
    Tile *tile = NULL;
    Picture p = {0};
    for (int i = 0; batch && shape && i < n; i++)
        batch[i] = job->value[o->panel.at[i].value], shape[i] = &batch[i].type.shape;
    bool drawn = false;
    if (batch && shape) {
        Layout l = layout_of(o, shape);
        tile = tiles_of(o, batch, &l);
        drawn = tile && tiles_draw(&p, &o->look, shape[0], look_color(&o->look, n, batch), job->range, l.columns, l.rows,
                                   o->spacing, tile);
    }
    bool ok = drawn ? out_picture(job, &p) : out_fail(job, job->name, "no memory for the picture");
    free(batch);
    free(shape);
    free(tile);
    picture_free(&p);
    return ok;
}

static int suits(int n, const Tensor *value, bool named) {
    (void)named;
    for (int i = 1; i < n; i++)
        if (image_suits(1, &value[i]) && (value[i].shape.dim[1] != value[0].shape.dim[1] ||
                                          value[i].shape.dim[2] != value[0].shape.dim[2]))
            return 0;
    return n && image_suits(n, value) == n ? 2 : 0;
}

OUTPUT(panel, .doc = "batches of images, one a row",
       .example = "{panel: \"[digits.image[0:8], decoder(encoder(digits.image))[0:8]]\", every: 1 epoch}",
       .options_size = sizeof(Options), .options = options,
       .animates = true, .suits = suits, .check = check, .prepare = prepare, .write = write)
