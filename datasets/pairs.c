/* pairs: two images a sample, side by side in one file, or in two folders under one name. */
#include "datasets/pictures.h"

#include <stdlib.h>

enum { FIELD_A, FIELD_B };

typedef struct {
    Names path;
    PictureKeys picture;
} Options;

/* clang-format off */
static const Field options[] = {
    {"path", F_PATHS, offsetof(Options, path), NULL, 0, 0, NULL,
     "a folder of files that hold a on the left and b on the right; or [A, B], two folders whose files are matched by their "
     "names beneath them, less the ending"},
    PICTURE_KEYS(Options, picture),
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
static const FieldRow fields[] = {
    [FIELD_A] = {"a", F32, "[height, width, channels]", "the left image, or the one of the first folder, in 0..1"},
    [FIELD_B] = {"b", F32, "[height, width, channels]", "the right image, or the one of the second folder, in 0..1"},
    {NULL, 0, NULL, NULL},
};
/* clang-format on */

static void sides_of_one(DataSource *s, const Folder *folder, Pictures *p) {
    p->n = folder->file.n;
    p->at = ARENA_ARRAY(s->arena, Picture, 2 * p->n);
    for (int64_t i = 0; i < 2 * p->n; i++)
        p->at[i] = (Picture){.path = folder->file.at[i / 2].path, .part = i % 2 ? PART_RIGHT : PART_LEFT};
}

static int by_name(const void *a, const void *b) { return strcmp(((const FolderFile *)a)->name, ((const FolderFile *)b)->name); }

static bool names_differ(DataSource *s, Folder *folder) {
    qsort(folder->file.at, (size_t)folder->file.n, sizeof *folder->file.at, by_name);
    for (int i = 1; i < folder->file.n; i++) {
        const FolderFile *one = &folder->file.at[i - 1], *two = &folder->file.at[i];
        if (!strcmp(one->name, two->name)) return source_complain(s, two->path, "bears the same name as %s: which of the two is meant?", one->path);
    }
    return true;
}

/* Both are sorted by name; what has no partner is counted, the first such file kept. */
static bool match(DataSource *s, Folder both[2], const char *const path[2], bool skip, Pictures *p) {
    p->at = ARENA_ARRAY(s->arena, Picture, 2 * both[0].file.n);
    int64_t alone = 0;
    const char *one = NULL, *other = NULL;
    for (int i = 0, k = 0; i < both[0].file.n || k < both[1].file.n;) {
        const FolderFile *a = i < both[0].file.n ? &both[0].file.at[i] : NULL, *b = k < both[1].file.n ? &both[1].file.at[k] : NULL;
        int order = !a ? 1 : !b ? -1 : strcmp(a->name, b->name);
        i += order <= 0;
        k += order >= 0;
        if (!order) {
            p->at[2 * p->n] = (Picture){.path = a->path};
            p->at[2 * p->n++ + 1] = (Picture){.path = b->path};
        } else if (!alone++) {
            one = order < 0 ? a->path : b->path;
            other = path[order < 0];
        }
    }
    if (!p->n) return source_complain(s, one, "has no partner in %s, nor has any other file: files are matched by their names", other);
    if (!alone) return true;
    if (!skip)
        return source_complain(s, one, "has no partner in %s; so it is with %lld file%s; `skip_bad: true` leaves them out", other,
                               (long long)alone, alone == 1 ? "" : "s");
    diag_warn(s->diags, source_loc(s, "path"), "%s: %lld file%s without a partner %s left out; the first: %s", s->name, (long long)alone,
              alone == 1 ? "" : "s", alone == 1 ? "is" : "are", one);
    return true;
}

static bool sides_of_two(DataSource *s, const char *const path[2], Folder both[2], bool skip, Pictures *p) {
    for (int side = 0; side < 2; side++)
        if (!names_differ(s, &both[side])) return false;
    return match(s, both, path, skip, p);
}

static bool open(DataSource *s) {
    const Options *o = s->options;
    Pictures *p = ARENA_NEW(s->arena, Pictures);
    s->state = p;
    p->sides = 2;
    if (o->path.n < 1 || o->path.n > 2) {
        diag_error(s->diags, source_loc(s, "path"), "%s: path is a folder of files side by side, or two folders [A, B], not %d", s->name, o->path.n);
        return false;
    }
    const char *path[2], *advice = arena_printf(s->arena, "; name another: --set data.%s.path=FOLDER", s->name);
    Folder both[2];
    for (int side = 0; side < o->path.n; side++)
        if (!(path[side] = source_find(s, o->path.at[side], advice)) || !folder_list(s, path[side], &both[side])) return false;
    s->path = o->path.n == 1 ? path[0] : arena_printf(s->arena, "%s, %s", path[0], path[1]);
    if (o->path.n == 1) sides_of_one(s, both, p);
    else if (!sides_of_two(s, path, both, o->picture.skip_bad, p)) return false;
    p->number = ARENA_ARRAY(s->arena, int64_t, p->n);
    if (!pictures_open(s, p, &o->picture, "pairs")) return false;
    for (int side = 0; side < 2; side++) source_field(s, fields[side].name, SHAPE(p->form.height, p->form.width, p->form.channels));
    return true;
}

static bool load(DataSource *s) {
    pictures_load(s, s->state);
    return true;
}

static bool read_sample(const DataSource *s, int64_t index, void *const *out, Why *why) {
    for (int side = 0; side < 2; side++)
        if (out[side] && !pictures_read(s->state, index, side, out[side], why)) return false;
    return true;
}

static void release(DataSource *s) {
    if (s->state) pictures_close(s->state);
}

DATASET(pairs, .doc = "pairs of images, side by side in one file or in two folders under one name",
        .example = "{source: pairs, path: [edges, photos], size: 64, batch: 16}", .options_size = sizeof(Options),
        .options = options, .fields = fields, .open = open, .load = load, .read = read_sample, .close = release)
