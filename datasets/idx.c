/* idx: the format of MNIST and its relatives, plain or gzip: a magic number, big-endian sizes, bytes. Images
 * become floats in 0..1 when a batch asks for them; in memory they stay bytes. Opening reads the two headers
 * only. */
#include "datasets/dataset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum { SPLIT_TRAIN, SPLIT_TEST };
enum { UBYTE = 8, SIDE_MAX = 1 << 14 };
static const char default_path[] = "/usr/share/datasets/fashion-mnist";

typedef struct {
    const char *path;
    int split;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"path", F_TEXT, AT(path), "", 0, 0, NULL, "folder, or the file of images; left out: Debian's Fashion-MNIST"},
    {"split", F_CHOICE, AT(split), "train", 0, 0, "train|test", "which part: the files called train- or t10k-"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

typedef struct {
    const char *images, *labels; /* paths */
    int64_t pixels;              /* an image */
    uint8_t *image, *label;      /* after loading: [total, pixels], [total] */
} State;

static bool complain(const DataSource *s, const char *path, const char *what) {
    diag_error(s->diags, source_loc(s, "path"), "%s: %s: %s", s->name, path, what);
    return false;
}

/* ---- finding the files ---- */

static bool exists(const char *path) {
    struct stat at;
    return !stat(path, &at);
}

static bool is_folder(const char *path) {
    struct stat at;
    return !stat(path, &at) && S_ISDIR(at.st_mode);
}

/* A relative path is looked for in the working directory, then in GRAPHRUN_DATA. */
static const char *find(const DataSource *s, const char *path) {
    const char *data = getenv("GRAPHRUN_DATA");
    if (exists(path)) return path;
    if (*path != '/' && data) {
        const char *there = arena_printf(s->arena, "%s/%s", data, path);
        if (exists(there)) return there;
    }
    return NULL;
}

static const char *in_folder(const DataSource *s, const char *folder, const char *file) {
    const char *plain = arena_printf(s->arena, "%s/%s", folder, file),
               *packed = arena_printf(s->arena, "%s.gz", plain);
    if (exists(plain)) return plain;
    if (exists(packed)) return packed;
    complain(s, folder, arena_printf(s->arena, "holds neither %s nor %s.gz", file, file));
    return NULL;
}

/* The labels beside a file of images: the same name with `labels` for `images` and `idx1` for `idx3`. */
static const char *labels_beside(const DataSource *s, const char *images) {
    const char *slash = strrchr(images, '/'), *file = slash ? slash + 1 : images,
               *word = strstr(file, "images");
    if (!word) {
        complain(s, images, "is no folder, and its name has no 'images' in it to find the labels by");
        return NULL;
    }
    char *path =
        arena_printf(s->arena, "%.*slabels%s", (int)(word - images), images, word + strlen("images"));
    char *kind = strstr(path + (word - images), "idx3");
    if (kind) kind[3] = '1';
    if (exists(path)) return path;
    complain(s, images, arena_printf(s->arena, "there is no %s beside it", path));
    return NULL;
}

static bool find_files(DataSource *s, State *files) {
    const Options *o = s->options;
    const char *path = o->path && *o->path ? o->path : default_path, *found = find(s, path);
    if (!found) {
        const char *data = getenv("GRAPHRUN_DATA");
        const char *where = path == default_path ? "; install Debian's dataset-fashion-mnist, or give a path"
                            : *path == '/'       ? ""
                            : data ? arena_printf(s->arena, " here or in %s (GRAPHRUN_DATA)", data)
                                   : " here, and GRAPHRUN_DATA is not set";
        return complain(s, path, arena_printf(s->arena, "there is no such file or folder%s", where));
    }
    s->path = found;
    if (is_folder(found)) {
        const char *part = o->split == SPLIT_TRAIN ? "train" : "t10k";
        files->images = in_folder(s, found, arena_printf(s->arena, "%s-images-idx3-ubyte", part));
        files->labels =
            files->images ? in_folder(s, found, arena_printf(s->arena, "%s-labels-idx1-ubyte", part)) : NULL;
    } else {
        files->images = found;
        files->labels = labels_beside(s, found);
    }
    return files->images && files->labels;
}

/* ---- reading them ---- */

static const char *reason(gzFile f) {
    int code;
    gzerror(f, &code);
    return code == Z_ERRNO       ? strerror(errno)
           : code == Z_MEM_ERROR ? "no memory to read it"
                                 : "its gzip data are corrupt";
}

static bool read_exactly(const DataSource *s, gzFile f, const char *path, void *to, size_t size) {
    for (size_t done = 0; done < size;) {
        unsigned part = size - done > 1 << 30 ? 1u << 30 : (unsigned)(size - done);
        int n = gzread(f, (char *)to + done, part);
        if (n <= 0) return complain(s, path, n == 0 ? "ends too early" : reason(f));
        done += (size_t)n;
    }
    return true;
}

static gzFile open_file(const DataSource *s, const char *path) {
    errno = 0;
    gzFile f = gzopen(path, "rb");
    if (!f) complain(s, path, errno ? strerror(errno) : "no memory to read it");
    return f;
}

/* The header: two zero bytes, the type of the numbers, how many sizes follow, the sizes. */
static bool read_header(const DataSource *s, gzFile f, const char *path, int rank, int64_t *size) {
    uint8_t magic[4], raw[16];
    if (!read_exactly(s, f, path, magic, sizeof magic)) return false;
    if (magic[0] || magic[1] || magic[2] != UBYTE || magic[3] != rank)
        return complain(s, path,
                        arena_printf(s->arena,
                                     "is no IDX file of %s: it begins with %02x%02x%02x%02x, not 000008%02x",
                                     rank == 1 ? "labels" : "images", magic[0], magic[1], magic[2], magic[3],
                                     (unsigned)rank));
    if (!read_exactly(s, f, path, raw, (size_t)rank * 4)) return false;
    for (int i = 0; i < rank; i++) {
        size[i] = (int64_t)raw[4 * i] << 24 | raw[4 * i + 1] << 16 | raw[4 * i + 2] << 8 | raw[4 * i + 3];
        if (size[i] < 1 || (i && size[i] >= SIDE_MAX))
            return complain(s, path,
                            arena_printf(s->arena, "its header states a size of %lld", (long long)size[i]));
    }
    return true;
}

static bool header_of(const DataSource *s, const char *path, int rank, int64_t *size) {
    gzFile f = open_file(s, path);
    if (!f) return false;
    bool ok = read_header(s, f, path, rank, size);
    gzclose(f);
    return ok;
}

/* All numbers of a file that are wanted, `count` of the first size; a file that is read whole must end there. */
static uint8_t *read_numbers(const DataSource *s, const char *path, int rank, int64_t count, int64_t each) {
    gzFile f = open_file(s, path);
    if (!f) return NULL;
    int64_t size[3];
    uint8_t *all = NULL, more;
    bool ok = read_header(s, f, path, rank, size);
    if (ok && !(all = malloc((size_t)(count * each))))
        ok = complain(s, path,
                      arena_printf(s->arena, "no memory for its %lld bytes", (long long)(count * each)));
    ok = ok && read_exactly(s, f, path, all, (size_t)(count * each));
    if (ok && count == size[0]) {
        int n = gzread(f, &more, 1); /* checks the sum at the end of a gzip file, too */
        if (n) ok = complain(s, path, n > 0 ? "goes on after the end that its header states" : reason(f));
    }
    gzclose(f);
    if (ok) return all;
    free(all);
    return NULL;
}

static bool open(DataSource *s) {
    State *files = ARENA_NEW(s->arena, State);
    int64_t image[3], label[1];
    if (!find_files(s, files) || !header_of(s, files->images, 3, image) ||
        !header_of(s, files->labels, 1, label))
        return false;
    if (image[0] != label[0])
        return complain(s, files->images,
                        arena_printf(s->arena, "has %lld images, but %s has %lld labels", (long long)image[0],
                                     files->labels, (long long)label[0]));
    files->pixels = image[1] * image[2];
    s->state = files;
    s->total = s->common.count && s->common.count < image[0] ? s->common.count : image[0];
    s->bytes = (size_t)(s->total * (files->pixels + 1));
    s->nfield = 2;
    s->field[0] = (DataField){"image", {F32, SHAPE(image[1], image[2], 1)}};
    s->field[1] = (DataField){"label", {I32, {.rank = 0}}};
    return true;
}

static bool load(DataSource *s) {
    State *files = s->state;
    files->image = read_numbers(s, files->images, 3, s->total, files->pixels);
    files->label = files->image ? read_numbers(s, files->labels, 1, s->total, 1) : NULL;
    return files->label != NULL;
}

static void sample(const DataSource *s, int64_t index, void *const *out) {
    const State *files = s->state;
    const uint8_t *from = files->image + index * files->pixels;
    float *image = out[0];
    int32_t *label = out[1];
    for (int64_t i = 0; image && i < files->pixels; i++) image[i] = (float)from[i] / 255;
    if (label) *label = files->label[index];
}

static void release(DataSource *s) {
    State *files = s->state;
    if (!files) return;
    free(files->image);
    free(files->label);
    files->image = files->label = NULL;
}

DATASET(idx, .doc = "images and labels in MNIST's format, plain or gzip", .options_size = sizeof(Options),
        .options = options, .open = open, .load = load, .sample = sample, .close = release)
