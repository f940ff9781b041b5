/* Files that were damaged at random: each is read or refused by its name, never followed into memory that is not there.
 * The sanitizer build sees the rest. */
#include <zlib.h>

#include "image_files.h"

enum { MUTATIONS = 400 };

typedef struct { unsigned char bytes[8192]; size_t n; } Bytes;

static Bytes read_bytes(const char *name) {
    Bytes b;
    FILE *f = fopen(file_in(name), "rb");
    assert_non_null(f);
    b.n = fread(b.bytes, 1, sizeof b.bytes, f);
    assert_true(b.n > 0 && b.n < sizeof b.bytes);
    fclose(f);
    return b;
}

static uint64_t below(Stream s, uint64_t *draw, uint64_t n) { return rng_below(s, (*draw)++, n); }

/* One of: bytes overwritten, the end cut off, a part doubled, a part dropped. Headers are hit as often as all the rest. */
static Bytes damaged(const Bytes *b, Stream s) {
    Bytes d = *b;
    uint64_t draw = 0, kind = below(s, &draw, 6), near = below(s, &draw, 2) && b->n > 160 ? 160 : b->n;
    size_t at = below(s, &draw, near), n = 1 + below(s, &draw, 16);
    if (n > d.n - at) n = d.n - at;
    if (kind < 3)
        for (size_t i = 0; i < (kind ? 1 : n); i++) d.bytes[at + i] = (unsigned char)below(s, &draw, 256);
    else if (kind == 3) d.n = at;
    else if (kind == 4) {
        memmove(d.bytes + at + n, d.bytes + at, d.n - at < sizeof d.bytes - at - n ? d.n - at : 0);
        d.n += n;
    } else {
        memmove(d.bytes + at, d.bytes + at + n, d.n - at - n);
        d.n -= n;
    }
    return d;
}

typedef void Begin(Case *c);

static void read_damaged(const char *file, Begin *start) {
    Bytes whole = read_bytes(file);
    static float room[DATA_FIELDS][4096];
    int refused_some = 0, read_some = 0;
    for (uint32_t i = 0; i < MUTATIONS; i++) {
        Bytes d = damaged(&whole, rng_stream(1, rng_hash(file), i, 0));
        write_file(file, d.bytes, d.n);
        Case c;
        start(&c);
        bool ok = open_all(&c);
        if (!ok) {
            assert_non_null(c.source.diags->first);
            assert_int_equal(c.source.diags->first->level, DIAG_DATA);
            refused_some++;
        }
        void *out[DATA_FIELDS];
        bool fits = ok;
        for (int k = 0; ok && k < c.source.nfield; k++) {
            out[k] = room[k];
            fits = fits && shape_count(&c.source.field[k].sample.shape) <= 4096;
        }
        for (int64_t k = 0; fits && ok && k < c.source.count && k < 100; k++) {
            Why why = {0};
            ok = source_sample(&c.source, k, out, &why);
            if (!ok) assert_non_null(strstr(why.text, file));
        }
        refused_some += fits && !ok;
        read_some += ok;
        end(&c);
    }
    write_file(file, whole.bytes, whole.n);
    assert_true(refused_some > MUTATIONS / 5 && read_some > 0);
}

static void begin_one(Case *c, const char *kind, const char *path) {
    begin(c, kind);
    set(c, "path", path), set(c, "batch", "1");
}
static void begin_npy(Case *c) { begin_one(c, "array", file_in("a.npy")); }
static void begin_npz(Case *c) { begin_one(c, "array", file_in("a.npz")); }
static void begin_csv(Case *c) { begin_one(c, "csv", file_in("a.csv")); }
static void begin_idx(Case *c) { begin_one(c, "idx", folder); }

static void damaged_arrays_are_read_or_refused(void **state) {
    (void)state;
    float x[60];
    for (int i = 0; i < 60; i++) x[i] = (float)i / 7;
    NpyFile one = npy_of(1, "<f4", true, "(10, 3, 2)", x, sizeof x), two = npy_of(2, ">i2", false, "(10,)", x, 20);
    write_file("a.npy", one.bytes, one.n);
    read_damaged("a.npy", begin_npy);
    for (int deflated = 0; deflated < 2; deflated++) {
        write_npz(2, (const char *const[]){"x.npy", "label.npy"}, (NpyFile[]){one, two}, deflated);
        read_damaged("a.npz", begin_npz);
    }
}

static void damaged_tables_are_read_or_refused(void **state) {
    (void)state;
    char text[2000] = "x,\"y \"\"2\"\"\",label\r\n", *p = text + strlen(text);
    for (int i = 0; i < 40; i++) p += sprintf(p, "%g,\"%d\",%s\r\n", i / 7.0, i, i % 3 ? "cat" : "\"d, og\"");
    write_file("a.csv", text, strlen(text));
    read_damaged("a.csv", begin_csv);
}

static const char *const idx_name[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"};

static void damaged_idx_files_are_read_or_refused(void **state) {
    (void)state;
    unsigned char images[16 + 40 * 12] = {0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 4, 0, 0, 0, 3}, labels[8 + 40] = {0, 0, 8, 1, 0, 0, 0, 40};
    for (size_t i = 16; i < sizeof images; i++) images[i] = (unsigned char)(i * i);
    for (size_t i = 8; i < sizeof labels; i++) labels[i] = (unsigned char)(i % 10);
    for (int packed = 0; packed < 2; packed++) {
        const void *bytes[] = {images, labels};
        size_t n[] = {sizeof images, sizeof labels};
        for (int k = 0; k < 2; k++) {
            gzFile f = gzopen(file_in(idx_name[k]), packed ? "wb" : "wbT");
            assert_non_null(f);
            assert_int_equal(gzwrite(f, bytes[k], (unsigned)n[k]), (int)n[k]);
            gzclose(f);
        }
        for (int k = 0; k < 2; k++) read_damaged(idx_name[k], begin_idx);
    }
}

static void begin_images(Case *c) { begin_one(c, "images", folder); }

static void damaged_pictures_are_read_or_refused(void **state) {
    (void)state;
    put_folder("class");
    Drawn d = {20, 17, 3, {0}};
    for (int i = 0; i < 20 * 17 * 3; i++) d.at[i] = (unsigned char)(i * i / 50);
    for (int kind = 0; kind < 5; kind++) {
        const char *name = kind < 3 ? "class/a.png" : "class/a.jpg";
        if (kind < 3) put_png(file_in(name), &d, (PngKind){.depth = kind == 1 ? 16 : 8, .interlaced = kind == 2});
        else put_jpeg(file_in(name), &d, kind == 4);
        read_damaged(name, begin_images);
        unlink(file_in(name));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_arrays_are_read_or_refused),
        cmocka_unit_test(damaged_tables_are_read_or_refused),
        cmocka_unit_test(damaged_idx_files_are_read_or_refused),
        cmocka_unit_test(damaged_pictures_are_read_or_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, empty_folder);
}
