/* idx: the format of MNIST and its relatives, plain or gzip: a magic number, big-endian sizes, bytes. Images become floats
 * in 0..1 when a batch asks for them; in memory they stay bytes. Opening reads the two headers only, and the labels
 * where the choice of samples needs them. */
#include "datasets/kind.h"

#include <libgen.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { SPLIT_TRAIN, SPLIT_TEST };
enum { FIELD_IMAGE, FIELD_LABEL };
enum { UBYTE = 8, SIDE_MAX = 1 << 14, DEFLATE_MOST = 1032 };            /* of deflate: bytes out for a byte in */
/* Where no path is given: MNIST where it is at hand, else Debian's Fashion-MNIST. */
static const char *const default_path[] = {"data/mnist", "mnist", "/usr/share/datasets/fashion-mnist", NULL};

typedef struct {
    const char *path, *labels;
    int split;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"path", F_TEXT, AT(path), "", 0, 0, NULL, "folder, or the file of images; left out: `data/mnist` or `mnist`, here or in GRAPHRUN_DATA, else Debian's Fashion-MNIST"},
    {"labels", F_TEXT, AT(labels), "", 0, 0, NULL,
     "the file of labels, with a path that is a file; left out: the one beside the images that is named alike"},
    {"split", F_CHOICE, AT(split), "train", 0, 0, "train|test", "which part of a folder: the files called train- or t10k-"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
static const FieldRow fields[] = {
    [FIELD_IMAGE] = {"image", F32, "[height, width, 1]", "grey values in 0..1"},
    [FIELD_LABEL] = {"label", I32, "", "the class, from 0"},
    {NULL, 0, NULL, NULL},
};
/* clang-format on */

typedef struct {
    const char *images, *labels; /* paths */
    int64_t pixels;              /* an image */
    uint8_t *image, *label;      /* after loading: [total, pixels], [total] */
} State;

/* ---- finding the files ---- */

static const char *in_folder(const DataSource *s, const char *folder, const char *file) {
    const char *plain = arena_printf(s->arena, "%s/%s", folder, file), *packed = arena_printf(s->arena, "%s.gz", plain);
    if (file_exists(plain)) return plain;
    if (file_exists(packed)) return packed;
    source_complain(s, folder, "holds neither %s nor %s.gz", file, file);
    return NULL;
}

/* The labels beside a file of images: the same name with `labels` for `images` and `idx1` for `idx3`. */
static const char *labels_beside(const DataSource *s, const char *images) {
    const char *slash = strrchr(images, '/'), *file = slash ? slash + 1 : images, *word = strstr(file, "images");
    if (!word) {
        source_complain(s, images, "is no folder, and its name has no 'images' in it to find the labels by: say `labels: FILE`");
        return NULL;
    }
    char *path = arena_printf(s->arena, "%.*slabels%s", (int)(word - images), images, word + strlen("images"));
    char *kind = strstr(path + (word - images), "idx3");
    if (kind) kind[3] = '1';
    if (file_exists(path)) return path;
    source_complain(s, images, "there is no %s beside it: say `labels: FILE`", path);
    return NULL;
}

static bool find_files(DataSource *s, State *files) {
    const Options *o = s->options;
    bool given = o->path && *o->path;
    const char *found = NULL;
    for (int i = 0; !given && default_path[i] && !found; i++) found = source_look(s, default_path[i]);
    if (!found) found = source_find(s, given ? o->path : default_path[0],
                                    given ? "" : "; install Debian's package dataset-fashion-mnist, or say `path: FOLDER`");
    if (!found) return false;
    s->path = found;
    if (!file_is_folder(found)) {
        files->images = found;
        files->labels = o->labels ? source_find(s, o->labels, "") : labels_beside(s, found);
        return files->labels != NULL;
    }
    const char *part = o->split == SPLIT_TRAIN ? "train" : "t10k";
    files->images = in_folder(s, found, arena_printf(s->arena, "%s-images-idx3-ubyte", part));
    files->labels = files->images ? in_folder(s, found, arena_printf(s->arena, "%s-labels-idx1-ubyte", part)) : NULL;
    return files->labels != NULL;
}

/* ---- reading them ---- */

typedef struct {
    const DataSource *s;
    const char *path;
    gzFile file;
    int64_t size; /* of the file itself */
} Reader;

static bool failed(const Reader *r) {
    int code;
    gzerror(r->file, &code);
    return source_complain(r->s, r->path, "%s", code == Z_ERRNO       ? strerror(errno)
                                                : code == Z_MEM_ERROR ? "no memory to read it"
                                                                      : "its gzip data are corrupt");
}

static bool reader_open(Reader *r, const DataSource *s, const char *path) {
    *r = (Reader){.s = s, .path = path};
    FILE *there = source_open_file(s, path, &r->size);
    if (!there) return false;
    fclose(there);
    r->file = gzopen(path, "rb");
    return r->file || source_unreadable(s, path);
}

static bool read_exactly(const Reader *r, void *to, size_t size) {
    for (size_t done = 0; done < size;) {
        unsigned part = size - done > 1 << 30 ? 1u << 30 : (unsigned)(size - done);
        int n = gzread(r->file, (char *)to + done, part);
        if (n < 0) return failed(r);
        if (n == 0) return source_complain(r->s, r->path, "ends too early: it is cut off; fetch it again");
        done += (size_t)n;
    }
    return true;
}

/* The header: two zero bytes, the type of the numbers, how many sizes follow, the sizes. */
static bool read_header(const Reader *r, int rank, int64_t *size) {
    uint8_t magic[4], raw[12];
    if (!read_exactly(r, magic, sizeof magic)) return false;
    if (magic[0] || magic[1] || magic[2] != UBYTE || magic[3] != rank)
        return source_complain(r->s, r->path, "is no IDX file of %s: it begins with %02x%02x%02x%02x, not 000008%02x",
                               rank == 1 ? "labels" : "images", magic[0], magic[1], magic[2], magic[3], (unsigned)rank);
    if (!read_exactly(r, raw, (size_t)rank * 4)) return false;
    int64_t bytes = 4 + 4 * rank, numbers = 1;
    for (int i = 0; i < rank; i++) {
        size[i] = (int64_t)raw[4 * i] << 24 | raw[4 * i + 1] << 16 | raw[4 * i + 2] << 8 | raw[4 * i + 3];
        if (size[i] < 1 || (i && size[i] >= SIDE_MAX))
            return source_complain(r->s, r->path, "its header states a size of %lld", (long long)size[i]);
        numbers *= size[i];
    }
    bool plain = gzdirect(r->file);
    if (plain && bytes + numbers == r->size) return true;
    if (!plain && bytes + numbers <= r->size * DEFLATE_MOST) return true;
    return source_complain(r->s, r->path, "its header states %lld bytes, and it %s %lld: it is cut off or damaged; fetch it again",
                           (long long)(bytes + numbers), plain ? "has" : "is packed into", (long long)r->size);
}

static bool header_of(const DataSource *s, const char *path, int rank, int64_t *size) {
    Reader r;
    if (!reader_open(&r, s, path)) return false;
    bool ok = read_header(&r, rank, size);
    gzclose(r.file);
    return ok;
}

/* The first `count` of the numbers, `each` at a time; a file that is read whole must end there. NULL: reported. */
static uint8_t *read_numbers(const DataSource *s, const char *path, int rank, int64_t count, int64_t each) {
    Reader r;
    if (!reader_open(&r, s, path)) return NULL;
    int64_t size[3];
    uint8_t *all = NULL, more;
    bool ok = read_header(&r, rank, size);
    if (ok) all = source_room(s, path, (size_t)(count * each));
    ok = all && read_exactly(&r, all, (size_t)(count * each));
    int n = ok && count == size[0] ? gzread(r.file, &more, 1) : 0;      /* checks the sum at the end of a gzip file, too */
    if (n < 0) ok = failed(&r);
    if (n > 0) ok = source_complain(s, path, "goes on after the end that its header states");
    gzclose(r.file);
    if (ok) return all;
    free(all);
    return NULL;
}

static bool open(DataSource *s) {
    State *files = ARENA_NEW(s->arena, State);
    int64_t image[3], label[1] = {0};
    if (!find_files(s, files) || !header_of(s, files->images, 3, image) || !header_of(s, files->labels, 1, label))
        return false;
    if (image[0] != label[0])
        return source_complain(s, files->images, "has %lld images, but %s has %lld labels", (long long)image[0],
                               files->labels, (long long)label[0]);
    files->pixels = image[1] * image[2];
    const char *const both[] = {files->images, files->labels};
    for (int i = 0; i < 2; i++) source_saw_file(s, basename(arena_strdup(s->arena, both[i])), file_size(both[i]));
    s->state = files;
    s->total = s->common.count && s->common.count < image[0] ? s->common.count : image[0];
    s->bytes = (size_t)(s->total * (files->pixels + 1));
    source_field(s, "image", SHAPE(image[1], image[2], 1));
    source_field(s, "label", (Shape){.rank = 0});
    return true;
}

static bool labels(DataSource *s, int32_t *out) {
    State *files = s->state;
    if (!files->label) files->label = read_numbers(s, files->labels, 1, s->total, 1);
    for (int64_t i = 0; files->label && i < s->total; i++) out[i] = files->label[i];
    return files->label != NULL;
}

static bool load(DataSource *s) {
    State *files = s->state;
    if (s->field[FIELD_IMAGE].wanted && !files->image)
        files->image = read_numbers(s, files->images, 3, s->total, files->pixels);
    if (s->field[FIELD_LABEL].wanted && !files->label) files->label = read_numbers(s, files->labels, 1, s->total, 1);
    return (files->image || !s->field[FIELD_IMAGE].wanted) && (files->label || !s->field[FIELD_LABEL].wanted);
}

static void sample(const DataSource *s, int64_t index, void *const *out) {
    const State *files = s->state;
    float *image = out[FIELD_IMAGE];
    int32_t *label = out[FIELD_LABEL];
    if (image) grey_values(image, files->image + index * files->pixels, files->pixels);
    if (label) *label = files->label[index];
}

static void release(DataSource *s) {
    State *files = s->state;
    if (!files) return;
    free(files->image);
    free(files->label);
}

DATASET(idx, .doc = "images and labels in MNIST's format, plain or gzip",
        .example = "{source: idx, split: train, classes: [0, 1], batch: 100}", .options_size = sizeof(Options),
        .options = options, .fields = fields, .open = open, .load = load, .labels = labels, .sample = sample,
        .close = release)
