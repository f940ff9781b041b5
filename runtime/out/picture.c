/* Pictures as PNG files, both ways, through libpng's simplified interface. No times and no texts go into a
 * file, so equal pictures are equal files. */
#include "out/picture.h"

#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

bool picture_new(Picture *p, int width, int height, int channels) {
    uint8_t *pixel = calloc((size_t)width * (size_t)height, (size_t)channels);
    if (!pixel) return false;
    *p = (Picture){width, height, channels, pixel};
    return true;
}

bool picture_of(Picture *p, cairo_surface_t *image) {
    cairo_surface_flush(image);
    int stride = cairo_image_surface_get_stride(image);
    const uint8_t *from = cairo_image_surface_get_data(image);
    if (!from ||
        !picture_new(p, cairo_image_surface_get_width(image), cairo_image_surface_get_height(image), 3))
        return false;
    uint8_t *to = p->pixel;
    for (int row = 0; row < p->height; row++)
        for (int column = 0; column < p->width; column++) {
            uint32_t argb;
            memcpy(&argb, from + (ptrdiff_t)row * stride + 4 * column, sizeof argb);
            *to++ = (uint8_t)(argb >> 16), *to++ = (uint8_t)(argb >> 8), *to++ = (uint8_t)argb;
        }
    return true;
}

void picture_free(Picture *p) {
    free(p->pixel);
    *p = (Picture){0};
}

bool picture_write(const Picture *p, const char *path) {
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)p->width,
                       .height = (png_uint_32)p->height,
                       .format = p->channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    void *file = malloc(size);
    bool ok = file && png_image_write_to_memory(&image, file, &size, 0, p->pixel, 0, NULL);
    if (!ok) errno = ENOMEM;
    ok = ok && file_write_whole(path, file, size);
    int error = errno;
    png_image_free(&image);
    free(file);
    errno = error;
    return ok;
}

/* Reads the file and its header; what `image` and `file` hold is freed by the caller. */
static bool open_png(png_image *image, Bytes *file, const char *path) {
    *image = (png_image){.version = PNG_IMAGE_VERSION};
    if (!bytes_read_file(file, path)) return false;
    if (png_image_begin_read_from_memory(image, file->at, file->n)) return true;
    errno = EILSEQ;
    return false;
}

bool picture_is_color(const char *path, bool *out) {
    png_image image;
    Bytes file = {0};
    bool ok = open_png(&image, &file, path);
    int error = errno;
    if (ok) *out = (image.format & PNG_FORMAT_FLAG_COLOR) != 0;
    png_image_free(&image);
    bytes_free(&file);
    errno = error;
    return ok;
}

bool picture_read(Picture *p, const char *path, bool as_color) {
    png_image image;
    Bytes file = {0};
    Picture read = {0};
    bool ok = open_png(&image, &file, path);
    int error = errno;
    if (ok) {
        image.format = as_color ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
        ok = picture_new(&read, (int)image.width, (int)image.height, as_color ? 3 : 1);
        error = ENOMEM;
    }
    if (ok && !png_image_finish_read(&image, NULL, read.pixel, 0, NULL)) error = EILSEQ, ok = false;
    if (ok)
        *p = read;
    else
        picture_free(&read);
    png_image_free(&image);
    bytes_free(&file);
    errno = error;
    return ok;
}
