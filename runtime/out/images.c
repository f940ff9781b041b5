/* images: each image of a batch as a PNG file of its own, in a folder: what programs that score samples read. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "out/look.h"

typedef struct {
    int images;
    Look look;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"images", F_EXPR, AT(images), NULL, 0, 0, NULL, "images [n, height, width, 1 or 3], each for a file of its own"},
    LOOK_FIELDS(AT(look)),
    {0},
};
/* clang-format on */

static bool check(const void *options_, int nvalue, const Tensor *value, Diags *d, Loc loc) {
    const Options *o = options_;
    (void)nvalue;
    return look_check("images", &o->look, 1, &value[o->images], d, loc) &&
           tiles_fit("images", &o->look, &value[o->images].shape, 1, 1, 0, d, loc);
}

static bool write_one(OutputJob *job, const Options *o, const char *folder, int64_t i) {
    const OutValue *images = &job->value[o->images];
    char path[OUT_PATH];
    Picture p = {0};
    int length = snprintf(path, sizeof path, "%s/%05lld.png", folder, (long long)i);
    if (length < 0 || (size_t)length >= sizeof path) return out_fail(job, folder, strerror(ENAMETOOLONG));
    bool drawn = tiles_draw(&p, &o->look, &images->type.shape, look_color(&o->look, 1, images), job->range, 1, 1, 0,
                            &(Tile){images, i});
    bool ok = drawn ? picture_write(&p, path) || out_fail(job, path, strerror(errno))
                    : out_fail(job, path, "no memory for the picture");
    picture_free(&p);
    return ok;
}

static bool prepare(OutputJob *job, const void *options_) {
    const Options *o = options_;
    look_prepare(job, &o->look, &job->value[o->images]);
    return true;
}

static bool write(OutputJob *job, const void *options_) {
    const Options *o = options_;
    const OutValue *images = &job->value[o->images];
    char folder[OUT_PATH - 20];
    if (!out_path(job, false, "", folder, sizeof folder)) return false;
    if (mkdir(folder, 0777) && errno != EEXIST) return out_fail(job, folder, strerror(errno));
    for (int64_t i = 0; i < images->type.shape.dim[0]; i++)
        if (!write_one(job, o, folder, i)) return false;
    snprintf(job->made, sizeof job->made, "%s", folder);
    return true;
}

OUTPUT(images, .doc = "single PNG files, in a folder",
       .example = "{images: \"generator(fixed(normal(20, latent)))\"}",
       .options_size = sizeof(Options), .options = options,
       .check = check, .prepare = prepare, .write = write)
