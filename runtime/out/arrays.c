/* file: tensors as files for other programs: .npy and .npz as NumPy reads them, .csv. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "out/columns.h"

typedef struct {
    Exprs file;
    int format;
} Options;

enum { FORMAT_AUTO, FORMAT_NPY, FORMAT_NPZ, FORMAT_CSV };

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"file", F_EXPRS, AT(file), NULL, 0, 0, NULL, "a tensor, or a mapping from names to tensors; a collection"},
    {"format", F_CHOICE, AT(format), "auto", 0, 0, "auto|npy|npz|csv", "left out: .npy for one tensor, .npz for named ones"},
    {0},
};
/* clang-format on */

static int format_of(const Options *o) {
    if (o->format != FORMAT_AUTO) return o->format;
    return o->file.n == 1 && !o->file.at[0].name ? FORMAT_NPY : FORMAT_NPZ;
}

static bool check(const void *options_, int nvalue, const Tensor *value, Diags *d, Loc loc) {
    const Options *o = options_;
    (void)nvalue;
    if (format_of(o) == FORMAT_NPY && o->file.n != 1) {
        diag_error(d, loc, "file: an .npy file holds one tensor, these are %d; say format: npz", o->file.n);
        return false;
    }
    return format_of(o) != FORMAT_CSV || columns_check("file", &o->file, value, d, loc);
}

/* NumPy's format 1.0: magic, version, length of the header, the header padded to a multiple of 64 bytes, the numbers. */
static void npy(Bytes *out, const OutValue *v) {
    static const char *const type[] = {[F32] = "<f4", [I32] = "<i4", [U8] = "|b1", [F64] = "<f8"};
    char shape[24 * RANK_MAX] = "", header[64 * RANK_MAX];
    int at = 0;
    for (int i = 0; i < v->type.shape.rank; i++)
        at += snprintf(shape + at, sizeof shape - (size_t)at, "%lld,%s", (long long)v->type.shape.dim[i],
                       i + 1 < v->type.shape.rank ? " " : "");
    int n = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                     type[v->type.dtype], shape);
    int whole = (10 + n + 1 + 63) / 64 * 64 - 10;     /* the header with its blanks and its end of line */
    bytes_add(out, "\x93NUMPY\x01", 7);
    bytes_add(out, (uint8_t[]){0, (uint8_t)(whole & 255), (uint8_t)(whole >> 8)}, 3);
    bytes_add(out, header, (size_t)n);
    for (; n < whole - 1; n++) bytes_add(out, " ", 1);
    bytes_add(out, "\n", 1);
    bytes_add(out, v->data, (size_t)shape_count(&v->type.shape) * dtype_size(v->type.dtype));
}

static bool entry_add(zip_t *zip, const Exprs *of, int i, const OutValue *value) {
    char name[512];
    Bytes entry = {0};
    npy(&entry, value);
    if (of->at[i].name)
        snprintf(name, sizeof name, "%.500s.npy", of->at[i].name);
    else
        snprintf(name, sizeof name, "arr_%d.npy", i);  /* as numpy.savez calls them */
    zip_source_t *source = entry.full ? NULL : zip_source_buffer(zip, entry.at, entry.n, 1);
    if (!source) {
        bytes_free(&entry);
        return false;
    }
    zip_int64_t index = zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
        zip_source_free(source);
        return false;
    }
    return !zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) &&
           !zip_file_set_dostime(zip, (zip_uint64_t)index, 0, 1 << 5 | 1, 0);    /* 1 January 1980: equal arrays are equal files */
}

static bool npz(Bytes *out, const Options *o, const OutValue *value) {
    zip_source_t *whole = zip_source_buffer_create(NULL, 0, 0, NULL);
    if (!whole) return false;
    zip_source_keep(whole);
    zip_t *zip = zip_open_from_source(whole, ZIP_TRUNCATE, NULL);
    bool ok = zip != NULL;
    for (int i = 0; ok && i < o->file.n; i++) ok = entry_add(zip, &o->file, i, &value[o->file.at[i].value]);
    if (zip && (!ok || zip_close(zip))) zip_discard(zip), ok = false;
    ok = ok && !zip_source_open(whole);
    uint8_t part[65536];
    for (zip_int64_t n = 1; ok && n > 0;) {
        n = zip_source_read(whole, part, sizeof part);
        ok = n >= 0;
        if (n > 0) bytes_add(out, part, (size_t)n);
    }
    if (ok) zip_source_close(whole);
    zip_source_free(whole);
    return ok && !out->full;
}

static bool csv(Bytes *out, const Options *o, const OutValue *value) {
    Columns c;
    if (!columns_of(&c, &o->file, value)) return false;
    columns_csv(&c, out);
    columns_free(&c);
    return !out->full;
}

static bool write(OutputJob *job, const void *options_) {
    static const char *const ending[] = {[FORMAT_NPY] = ".npy", [FORMAT_NPZ] = ".npz", [FORMAT_CSV] = ".csv"};
    const Options *o = options_;
    int format = format_of(o);
    char path[OUT_PATH];
    Bytes file = {0};
    if (!out_path(job, false, ending[format], path, sizeof path)) return false;
    bool made = true;
    if (format == FORMAT_NPY) npy(&file, &job->value[o->file.at[0].value]);
    if (format == FORMAT_NPZ) made = npz(&file, o, job->value);
    if (format == FORMAT_CSV) made = csv(&file, o, job->value);
    file.full = file.full || !made;
    bool ok = out_file(job, path, &file, true);
    bytes_free(&file);
    return ok;
}

static int suits(int n, const Tensor *value, bool named) {
    (void)value, (void)named;
    return n > 0;
}

OUTPUT(file, .doc = "tensors as .npy, .npz or .csv",
       .example = "{file: {codes: encoder(digits.image), label: digits.label}, over: digits, format: npz}",
       .options_size = sizeof(Options), .options = options,
       .suits = suits, .check = check, .write = write)
