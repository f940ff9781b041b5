/* array: NumPy's arrays. Of an .npz every array is a field, of an .npy its one array is the field `value`; axis 0 counts
 * the samples. Opening reads the headers; loading reads the arrays that the spec uses. */
#include "datasets/npy.h"

#include <libgen.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

typedef struct {
    const char *path;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"path", F_TEXT, AT(path), NULL, 0, 0, NULL, "an .npy or .npz file (numpy.save, numpy.savez, numpy.savez_compressed)"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
static const FieldRow fields[] = {
    {"*", DTYPES, "as stored, less axis 0", "an .npz: each array by its name; an .npy: `value`. Floats are float, whole "
                                            "numbers int (which must fit 32 bits), bool is bool; all of equally many rows"},
    {NULL, 0, NULL, NULL},
};
/* clang-format on */

typedef struct {
    const char *path;
    zip_t *zip; /* open while the headers or the arrays are read; NULL: an .npy */
    FILE *file;
    int n;
    Npy array[DATA_FIELDS];           /* by field */
    zip_uint64_t entry[DATA_FIELDS];  /* of the zip */
} State;

static void shut(State *f) {
    if (f->zip) zip_discard(f->zip);
    if (f->file) fclose(f->file);
    f->zip = NULL;
    f->file = NULL;
}

/* Opens the file, as what it is by its first bytes; *size is its own. */
static bool open_either(const DataSource *s, State *f, int64_t *size) {
    unsigned char magic[2] = {0};
    f->file = source_open_file(s, f->path, size);
    if (!f->file) return false;
    if (fread(magic, 1, 2, f->file) == 2 && magic[0] == 'P' && magic[1] == 'K') {
        int code;
        fclose(f->file);
        f->file = NULL;
        f->zip = zip_open(f->path, ZIP_RDONLY | ZIP_CHECKCONS, &code);
        if (f->zip) return true;
        zip_error_t why;
        zip_error_init_with_code(&why, code);
        source_complain(s, f->path, "cannot be read as .npz: %s: it is cut off or damaged", zip_error_strerror(&why));
        zip_error_fini(&why);
        return false;
    }
    rewind(f->file);
    return true;
}

/* ---- opening ---- */

/* One array's header, from its first n bytes; `size`: of the whole .npy. */
static bool add_array(DataSource *s, State *f, const char *name, zip_uint64_t entry, const unsigned char *head, size_t n,
                      int64_t size) {
    if (f->n == DATA_FIELDS) return source_complain(s, f->path, "has more than %d arrays: save those you use", DATA_FIELDS);
    Npy *a = &f->array[f->n];
    const char *why = NULL;
    *a = (Npy){.name = name};
    const char *who = f->zip ? arena_printf(s->arena, "'%s' ", name) : "";
    if (!npy_header(a, head, n, s->arena, &why)) return source_complain(s, f->path, "%s%s", who, why);
    if (!a->unusable && a->offset + a->bytes != size)
        return source_complain(s, f->path, "%sstates %lld bytes in its header and has %lld: it is cut off or damaged", who,
                               (long long)(a->offset + a->bytes), (long long)size);
    f->entry[f->n] = entry;
    Tensor sample = {npy_dtype(a), {.rank = a->shape.rank - 1}};
    if (!a->unusable && !a->shape.rank) a->unusable = "it is a single number, not one a sample";
    if (!a->unusable && !a->bytes) a->unusable = "it is empty";
    if (a->unusable) sample = (Tensor){F32, {.rank = 0}};
    else memcpy(sample.shape.dim, a->shape.dim + 1, sizeof(int64_t) * (size_t)sample.shape.rank);
    source_own_field(s, name, sample)->unusable = a->unusable;
    f->n++;
    return true;
}

static bool open_npz(DataSource *s, State *f) {
    unsigned char *head = arena_alloc(s->arena, NPY_HEADER_MAX);
    bool ok = true;
    zip_int64_t n = zip_get_num_entries(f->zip, 0);
    for (zip_int64_t i = 0; ok && i < n; i++) {
        zip_stat_t at;
        bool known = !zip_stat_index(f->zip, (zip_uint64_t)i, 0, &at);
        size_t length = known ? strlen(at.name) : 0;
        if (length < 5 || strcmp(at.name + length - 4, ".npy")) continue;
        zip_file_t *e = zip_fopen_index(f->zip, (zip_uint64_t)i, 0);
        zip_int64_t got = e ? zip_fread(e, head, NPY_HEADER_MAX) : -1;
        if (e) zip_fclose(e);
        char *name = arena_strndup(s->arena, at.name, length - 4);
        ok = got < 0 ? source_complain(s, f->path, "'%s' cannot be unpacked: it is damaged", name)
                     : add_array(s, f, name, (zip_uint64_t)i, head, (size_t)got, (int64_t)at.size);
    }
    return ok && (f->n || source_complain(s, f->path, "holds no array: its entries are called NAME.npy"));
}

static bool open_npy(DataSource *s, State *f, int64_t size) {
    unsigned char *head = arena_alloc(s->arena, NPY_HEADER_MAX);
    return add_array(s, f, "value", 0, head, fread(head, 1, NPY_HEADER_MAX, f->file), size);
}

/* Axis 0 is the samples' in every array that is used: the first one that can be says how many there are. */
static bool count_rows(DataSource *s, State *f) {
    const Npy *first = NULL;
    for (int i = 0; i < f->n; i++) {
        const Npy *a = &f->array[i];
        if (a->unusable) continue;
        if (!first) first = a, s->total = a->shape.dim[0];
        if (a->shape.dim[0] == s->total) s->bytes += (size_t)a->bytes;
        else
            s->field[i].unusable = arena_printf(s->arena, "it has %lld rows, and '%s' has %lld", (long long)a->shape.dim[0],
                                                first->name, (long long)s->total);
    }
    if (!first) return source_complain(s, f->path, "'%s' cannot be read: %s", f->array[0].name, f->array[0].unusable);
    if (s->common.count && s->common.count < s->total) s->total = s->common.count;
    return true;
}

static bool open(DataSource *s) {
    const Options *o = s->options;
    State *f = ARENA_NEW(s->arena, State);
    int64_t size = 0;
    s->state = f;
    s->path = f->path = source_find(s, o->path, "");
    if (!f->path) return false;
    bool ok = open_either(s, f, &size) && (f->zip ? open_npz(s, f) : open_npy(s, f, size)) && count_rows(s, f);
    shut(f);
    source_saw_file(s, basename(arena_strdup(s->arena, f->path)), file_size(f->path));
    return ok;
}

/* ---- loading ---- */

static bool read_entry(State *f, int i, int64_t skip, int64_t size) {
    Npy *a = &f->array[i];
    zip_file_t *e = zip_fopen_index(f->zip, f->entry[i], 0);
    bool ok = e != NULL;
    unsigned char head[4096], more;
    for (int64_t k = 0; ok && k < skip;) {
        zip_int64_t n = zip_fread(e, head, (zip_uint64_t)(skip - k < 4096 ? skip - k : 4096));
        ok = n > 0, k += n;
    }
    for (int64_t k = 0; ok && k < size;) {
        zip_int64_t n = zip_fread(e, a->data + k, (zip_uint64_t)(size - k));
        ok = n > 0, k += n;
    }
    ok = ok && zip_fread(e, &more, 1) == 0;           /* at its end the sum is checked */
    if (e) zip_fclose(e);
    return ok;
}

static bool read_array(const DataSource *s, State *f, int i) {
    Npy *a = &f->array[i];
    if (a->data) return true;
    a->data = source_room(s, f->path, (size_t)a->bytes);
    if (!a->data) return false;
    bool ok = f->zip ? read_entry(f, i, a->offset, a->bytes)
                     : !fseek(f->file, (long)a->offset, SEEK_SET) &&
                           fread(a->data, 1, (size_t)a->bytes, f->file) == (size_t)a->bytes;
    return ok ? npy_settle(a, s, f->path) : source_complain(s, f->path, "'%s' cannot be read: it is cut off or damaged", a->name);
}

static bool load(DataSource *s) {
    State *f = s->state;
    int64_t size;
    bool ok = open_either(s, f, &size);
    for (int i = 0; ok && i < f->n; i++)
        if (s->field[i].wanted) ok = read_array(s, f, i);
    shut(f);
    return ok;
}

static bool labels(DataSource *s, int32_t *out) {
    State *f = s->state;
    int64_t size;
    bool ok = open_either(s, f, &size) && read_array(s, f, s->label);
    shut(f);
    for (int64_t i = 0; ok && i < s->total; i++) npy_row(&f->array[s->label], i, out + i);
    return ok;
}

static void sample(const DataSource *s, int64_t index, void *const *out) {
    const State *f = s->state;
    for (int i = 0; i < f->n; i++)
        if (out[i]) npy_row(&f->array[i], index, out[i]);
}

static void release(DataSource *s) {
    State *f = s->state;
    for (int i = 0; f && i < f->n; i++) free(f->array[i].data);
}

DATASET(array, .doc = "NumPy's arrays: the arrays of an .npz, or an .npy as `value`",
        .example = "{source: array, path: 'points.npz', batch: 64}", .options_size = sizeof(Options), .options = options,
        .fields = fields, .open = open, .load = load, .labels = labels, .sample = sample, .close = release)
