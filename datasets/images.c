/* images: a folder of PNG and JPEG files, whose folders, where it has some, are classes. */
#include "datasets/pictures.h"

enum { FIELD_IMAGE, FIELD_LABEL, FIELD_FILE };

typedef struct {
    const char *path;
    PictureKeys picture;
} Options;

/* clang-format off */
static const Field options[] = {
    {"path", F_TEXT, offsetof(Options, path), NULL, 0, 0, NULL,
     "a folder: all .png, .jpg and .jpeg files in it and in its folders, sorted by name; or one file"},
    PICTURE_KEYS(Options, picture),
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
static const FieldRow fields[] = {
    [FIELD_IMAGE] = {"image", F32, "[height, width, channels]", "red, green, blue, or grey, in 0..1; a JPEG is turned as its EXIF says"},
    [FIELD_LABEL] = {"label", I32, "", "the class: its folder's place among the folders directly in `path`, from 0"},
    [FIELD_FILE] = {"file", I32, "", "the file's place among all files, from 0, in the order of their names"},
    {NULL, 0, NULL, NULL},
};
/* clang-format on */

typedef struct {
    Pictures pictures;
    Folder folder;
} State;

static bool open(DataSource *s) {
    const Options *o = s->options;
    State *t = ARENA_NEW(s->arena, State);
    s->state = t;
    s->path = source_find(s, o->path, arena_printf(s->arena, "; name another: --set data.%s.path=FOLDER", s->name));
    if (!s->path || !folder_list(s, s->path, &t->folder)) return false;
    Pictures *p = &t->pictures;
    *p = (Pictures){.sides = 1, .n = t->folder.file.n};
    p->at = ARENA_ARRAY(s->arena, Picture, p->n);
    p->number = ARENA_ARRAY(s->arena, int64_t, p->n);
    for (int64_t i = 0; i < p->n; i++) p->at[i].path = t->folder.file.at[i].path;
    if (!pictures_open(s, p, &o->picture, "files")) return false;
    source_field(s, "image", SHAPE(p->form.height, p->form.width, p->form.channels));
    source_field(s, "label", (Shape){.rank = 0});
    source_field(s, "file", (Shape){.rank = 0});
    s->field[FIELD_LABEL].early = s->field[FIELD_FILE].early = true;
    for (int64_t i = 0; i < p->n; i++)
        if (t->folder.file.at[p->number[i]].label < 0)
            s->field[FIELD_LABEL].unusable = arena_printf(s->arena, "%s lies in no folder of its class", p->at[i].path);
    return true;
}

static bool labels(DataSource *s, int32_t *out) {
    const State *t = s->state;
    if (s->field[FIELD_LABEL].unusable) return source_complain(s, s->path, "its files have no classes: %s", s->field[FIELD_LABEL].unusable);
    for (int64_t i = 0; i < s->total; i++) out[i] = t->folder.file.at[t->pictures.number[i]].label;
    return true;
}

static bool load(DataSource *s) {
    State *t = s->state;
    if (s->field[FIELD_IMAGE].wanted) pictures_load(s, &t->pictures);
    return true;
}

static bool read_sample(const DataSource *s, int64_t index, void *const *out, Why *why) {
    State *t = s->state;
    if (out[FIELD_IMAGE] && !pictures_read(&t->pictures, index, 0, out[FIELD_IMAGE], why)) return false;
    int64_t number = t->pictures.number[index];
    if (out[FIELD_LABEL]) *(int32_t *)out[FIELD_LABEL] = t->folder.file.at[number].label;
    if (out[FIELD_FILE]) *(int32_t *)out[FIELD_FILE] = (int32_t)number;
    return true;
}

static void release(DataSource *s) {
    State *t = s->state;
    if (t) pictures_close(&t->pictures);
}

DATASET(images, .doc = "a folder of PNG and JPEG files, or of one such folder for each class",
        .example = "{source: images, path: 'faces', size: 64, batch: 64}", .options_size = sizeof(Options), .options = options,
        .fields = fields, .open = open, .load = load, .labels = labels, .read = read_sample, .close = release)
