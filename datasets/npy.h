/* .npy: the header and the numbers of one array, as NumPy writes it (format versions 1 to 3). Knows no file and no zip. */
#pragma once
#include "datasets/kind.h"

typedef struct {
    const char *name;
    char kind;                                        /* 'f', 'i', 'u', 'b' */
    int width;                                        /* bytes a number */
    bool swapped, fortran;
    Shape shape;
    int64_t offset, bytes;                            /* of the numbers in the file */
    const char *unusable;                             /* a header that is right, of what is no numbers; or NULL */
    unsigned char *data;                              /* after npy_settle: this machine's order of bytes, C order; owned */
} Npy;

enum { NPY_HEADER_MAX = 65536 };
/* Reads a header from the file's first n bytes. False: *why says what is wrong with the file. */
bool npy_header(Npy *a, const unsigned char *from, size_t n, Arena *arena, const char **why);
DType npy_dtype(const Npy *a);
/* After `data` was read as it is in the file. False, reported: no memory, a number that float or int cannot hold. */
bool npy_settle(Npy *a, const DataSource *s, const char *file);
void npy_row(const Npy *a, int64_t row, void *out);   /* one sample as npy_dtype */
