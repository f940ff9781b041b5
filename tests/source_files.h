/* Files that the tests of data write: a folder of their own, .npy, .npz. */
#pragma once
#include <zip.h>

#include "source.h"

static char folder[64];

static inline int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/graphrun-data-XXXXXX");
    return mkdtemp(folder) ? 0 : 1;
}

static inline char *file_in(const char *name) {
    static char path[4][160];
    static int turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static inline void write_file(const char *name, const void *bytes, size_t n) {
    unlink(file_in(name));                            /* a file cut to nothing and written again waits for the disk */
    FILE *f = fopen(file_in(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static inline int drop_folder(void **state) {
    (void)state;
    static const char *const names[] = {"a.npy", "a.npz", "a.csv"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(file_in(names[i]));
    return rmdir(folder);
}

typedef struct { unsigned char bytes[4096]; size_t n; } NpyFile;

/* As numpy.save writes it: `shape` as Python shows a tuple. */
static inline NpyFile npy_of(int version, const char *descr, bool fortran, const char *shape, const void *data, size_t size) {
    NpyFile f = {.bytes = {0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)version}};
    char *head = (char *)f.bytes + (version == 1 ? 10 : 12);
    int n = sprintf(head, "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, fortran ? "True" : "False", shape);
    for (; (head + n + 1 - (char *)f.bytes) % 64; n++) head[n] = ' ';
    head[n++] = '\n';
    f.bytes[8] = (unsigned char)n, f.bytes[9] = (unsigned char)(n >> 8);
    memcpy(head + n, data, size);
    f.n = (size_t)(head + n - (char *)f.bytes) + size;
    return f;
}

static inline void write_npz(int n, const char *const *name, const NpyFile *file, bool deflated) {
    int code;
    zip_t *z = zip_open(file_in("a.npz"), ZIP_CREATE | ZIP_TRUNCATE, &code);
    assert_non_null(z);
    for (int i = 0; i < n; i++) {
        zip_int64_t at = zip_file_add(z, name[i], zip_source_buffer(z, file[i].bytes, file[i].n, 0), 0);
        assert_true(at >= 0);
        assert_int_equal(zip_set_file_compression(z, (zip_uint64_t)at, deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0), 0);
    }
    assert_int_equal(zip_close(z), 0);
}
