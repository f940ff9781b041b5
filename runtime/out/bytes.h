/* A growing buffer of bytes, for files that are made whole in memory before any of them is written. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *at;
    size_t n, cap;
    bool full;                                        /* out of memory: what came later is missing */
} Bytes;

void bytes_add(Bytes *b, const void *data, size_t n);
void bytes_big32(Bytes *b, uint32_t value);           /* most significant byte first */
void bytes_free(Bytes *b);
bool bytes_read_file(Bytes *b, const char *path);     /* the whole file; false with errno set */
