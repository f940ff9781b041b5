/* Image files as the tests of data write them: PNG of any kind, JPEG of any kind. */
#pragma once
#include <stddef.h>
#include <stdio.h>
#include <jpeglib.h>
#include <png.h>
#include <sys/stat.h>

#include "source_files.h"

/* A picture in memory: rows of `channels` bytes a pixel. */
typedef struct {
    int width, height, channels;                      /* 1 grey, 2 with alpha, 3 colour, 4 with alpha (JPEG: inks) */
    unsigned char at[64 * 64 * 4];
} Drawn;

typedef struct { int depth; bool interlaced, palette; } PngKind;        /* depth 16: the byte twice */

static inline void put_png(const char *path, const Drawn *d, PngKind kind) {
    static const int types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, f);
    int depth = kind.depth ? kind.depth : 8;
    png_set_IHDR(png, info, (unsigned)d->width, (unsigned)d->height, depth, kind.palette ? PNG_COLOR_TYPE_PALETTE : types[d->channels],
                 kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
    png_color colors[256];
    for (int i = 0; i < 256; i++) colors[i] = (png_color){(png_byte)i, (png_byte)(255 - i), 7};
    if (kind.palette) png_set_PLTE(png, info, colors, 256);
    png_write_info(png, info);
    png_byte wide[64 * 4 * 2], *row[64], all[64 * 64 * 8];
    size_t bytes = (size_t)(d->width * d->channels);
    for (int y = 0; y < d->height; y++) {
        const unsigned char *from = d->at + (size_t)y * bytes;
        for (size_t i = 0; i < bytes; i++) wide[2 * i] = wide[2 * i + 1] = from[i];
        row[y] = memcpy(all + (size_t)y * 512, depth == 16 ? wide : from, depth == 16 ? 2 * bytes : bytes);
    }
    png_write_image(png, row);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(f);
}

static inline void put_jpeg(const char *path, const Drawn *d, bool progressive) {
    static const J_COLOR_SPACE spaces[] = {0, JCS_GRAYSCALE, 0, JCS_RGB, JCS_CMYK};
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_stdio_dest(&c, f);
    c.image_width = (unsigned)d->width, c.image_height = (unsigned)d->height;
    c.input_components = d->channels, c.in_color_space = spaces[d->channels];
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 100, TRUE);
    if (progressive) jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    for (int y = 0; y < d->height; y++) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(d->at + (size_t)(y * d->width * d->channels));
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    fclose(f);
}

/* One colour all over. */
static inline Drawn plain(int width, int height, int channels, const unsigned char *color) {
    Drawn d = {width, height, channels, {0}};
    for (int i = 0; i < width * height * channels; i++) d.at[i] = color[i % channels];
    return d;
}
#define COLOR(...) ((const unsigned char[]){__VA_ARGS__})

static inline void put_plain(const char *name, int width, int height, int r, int g, int b) {
    Drawn d = plain(width, height, 3, COLOR((unsigned char)r, (unsigned char)g, (unsigned char)b));
    put_png(file_in(name), &d, (PngKind){0});
}

static inline void put_folder(const char *name) { assert_int_equal(mkdir(file_in(name), 0777), 0); }

/* Everything in the tests' folder. */
static inline int empty_folder(void **state) {
    (void)state;
    char command[200];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}
