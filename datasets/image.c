/* An image file into a tensor's form: opened, told by its first bytes, decoded, laid on a background, cropped, resized
 * (stb_image_resize: antialiased, in linear light). */
#include "datasets/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stb_image_resize.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool bad_image_at(const char *site, Why *why, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    why->site = site;
    vsnprintf(why->text, sizeof why->text, fmt, ap);
    va_end(ap);
    return false;
}

bool image_is_possible(int64_t height, int64_t width, int64_t size, int64_t most, Why *why) {
    if (height > IMAGE_SIDE_MAX || width > IMAGE_SIDE_MAX || height * width > IMAGE_PIXELS_MAX)
        return bad_image(why, "its header states %lldx%lld pixels; the most that is read is %d pixels, %d a side",
                         (long long)width, (long long)height, IMAGE_PIXELS_MAX, IMAGE_SIDE_MAX);
    if (height * width / most <= size) return true;
    return bad_image(why, "its header states %lldx%lld pixels, which its %lld bytes cannot hold: it is cut off or damaged",
                     (long long)width, (long long)height, (long long)size);
}

static bool no_room(int64_t height, int64_t width, Why *why) {
    return bad_image(why, "no memory for %lldx%lld pixels", (long long)width, (long long)height);
}

uint8_t *image_room(int64_t height, int64_t width, int64_t channels, Why *why) {
    uint8_t *room = malloc((size_t)(height * width * channels));
    if (!room) no_room(height, width, why);
    return room;
}

/* ---- opening ---- */

typedef enum { IS_PNG, IS_JPEG, IS_NEITHER } Format;

static Format format_of(const unsigned char *magic) {
    if (!memcmp(magic, "\x89PNG\r\n\x1a\n", 8)) return IS_PNG;
    return memcmp(magic, "\xff\xd8\xff", 3) ? IS_NEITHER : IS_JPEG;
}

/* A pipe in the folder must not hold the reader up, so a file is opened without waiting and looked at first. */
static FILE *open_image(const char *path, int64_t *size, Format *format, Why *why) {
    struct stat at;
    unsigned char magic[8] = {0};
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    FILE *f = fd >= 0 && !fstat(fd, &at) ? fdopen(fd, "rb") : NULL;
    if (!f) {
        bad_image(why, "%s", strerror(errno));
        if (fd >= 0) close(fd);
        return NULL;
    }
    *size = at.st_size;
    size_t n = S_ISREG(at.st_mode) ? fread(magic, 1, sizeof magic, f) : 0;
    *format = format_of(magic);
    if (!S_ISREG(at.st_mode)) bad_image(why, "is no regular file");
    else if (!at.st_size) bad_image(why, "is empty");
    else if (*format == IS_NEITHER)
        bad_image(why, "is neither PNG nor JPEG: it begins with %02x%02x%02x%02x", magic[0], magic[1], magic[2], magic[3]);
    else if (n) {
        rewind(f);
        return f;
    }
    fclose(f);
    return NULL;
}

bool image_head(const char *path, ImageHead *out, Why *why) {
    int64_t size;
    Format format;
    FILE *f = open_image(path, &size, &format, why);
    if (!f) return false;
    bool ok = format == IS_PNG ? png_head(f, size, out, why) : jpeg_head(f, size, out, why);
    fclose(f);
    return ok;
}

/* ---- into form ---- */

typedef struct { int64_t top, left, height, width; } Box;

/* The largest box of the proportion height:width in the middle of b. */
static void inscribe(Box *b, int64_t height, int64_t width) {
    int64_t h = b->height, w = b->width;
    if (w * height > h * width) b->width = (h * width + height / 2) / height;
    else b->height = (w * height + width / 2) / width;
    b->height += !b->height;
    b->width += !b->width;
    b->top = (h - b->height) / 2;
    b->left = (w - b->width) / 2;
}

/* What of a picture is used, and where it comes to lie in the form. */
static void place(int64_t height, int64_t width, const ImageForm *f, Box *from, Box *to) {
    *from = (Box){0, 0, height, width};
    *to = (Box){0, 0, f->height, f->width};
    if (f->fit == FIT_CROP) inscribe(from, f->height, f->width);
    if (f->fit == FIT_PAD) inscribe(to, height, width);
}

static uint8_t grey_of(const uint8_t *p) { return (uint8_t)((299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000); }

/* One pixel of RGBA into the form's channels (grey: ITU-R BT.601's luma). */
static void settle(const uint8_t *p, const ImageForm *f, uint8_t *out) {
    uint8_t flat[4] = {p[0], p[1], p[2], p[3]};
    for (int c = 0; c < 3 && f->channels != 4; c++)
        flat[c] = (uint8_t)((p[c] * p[3] + f->background[c] * (255 - p[3]) + 127) / 255);
    if (f->channels == 1) *out = grey_of(flat);
    else memcpy(out, flat, (size_t)f->channels);
}

static void fill(const ImageForm *f, uint8_t *out) {
    for (int64_t i = 0; i < f->height * f->width; i++) settle(f->background, f, out + i * f->channels);
}

/* rgba[height, width]: the part's first pixel, `row` pixels from row to row. */
static bool form_of(const uint8_t *rgba, int64_t height, int64_t width, int64_t row, const ImageForm *f, uint8_t *out, Why *why) {
    Box from, to;
    place(height, width, f, &from, &to);
    int c = f->channels;
    uint8_t *flat = image_room(from.height, from.width, c, why);
    if (!flat) return false;
    for (int64_t y = 0; y < from.height; y++)
        for (int64_t x = 0; x < from.width; x++)
            settle(rgba + ((from.top + y) * row + from.left + x) * 4, f, flat + (y * from.width + x) * c);
    if (f->fit == FIT_PAD) fill(f, out);
    bool same = from.height == to.height && from.width == to.width, ok = true;
    int stride = (int)f->width * c;
    uint8_t *into = out + (to.top * f->width + to.left) * c;
    for (int64_t y = 0; same && y < to.height; y++) memcpy(into + y * stride, flat + y * to.width * c, (size_t)(to.width * c));
    if (!same)
        ok = stbir_resize_uint8_generic(flat, (int)from.width, (int)from.height, 0, into, (int)to.width, (int)to.height, stride, c,
                                        c == 4 ? 3 : STBIR_ALPHA_CHANNEL_NONE, 0, STBIR_EDGE_CLAMP, STBIR_FILTER_DEFAULT,
                                        STBIR_COLORSPACE_SRGB, NULL);
    free(flat);
    return ok || no_room(to.height, to.width, why);
}

/* The size at which no side that is used falls below the form's. Halves must part between two pixels: they stay as large. */
static void least_of(const ImageHead *head, int part, const ImageForm *form, int64_t *height, int64_t *width) {
    Box from, to;
    place(head->height, head->width, form, &from, &to);
    *height = part == PART_WHOLE ? (to.height * head->height + from.height - 1) / from.height : head->height;
    *width = part == PART_WHOLE ? (to.width * head->width + from.width - 1) / from.width : head->width;
}

bool image_read(const char *path, const ImageHead *seen, int part, const ImageForm *form, uint8_t *out, Why *why) {
    int64_t size, least_height, least_width;
    Format format;
    FILE *f = open_image(path, &size, &format, why);
    if (!f) return false;
    ImageHead head;
    int parts = part == PART_WHOLE ? 1 : 2;
    bool ok = format == IS_PNG ? png_head(f, size, &head, why) : jpeg_head(f, size, &head, why);
    if (ok && (head.height != seen->height || head.width != seen->width))
        ok = bad_image(why, "has %lldx%lld pixels now, and had %lldx%lld when the run began", (long long)head.width,
                       (long long)head.height, (long long)seen->width, (long long)seen->height);
    uint8_t *rgba = NULL;
    if (ok) {
        rewind(f);
        least_of(&head, part, form, &least_height, &least_width);
        rgba = format == IS_PNG ? png_pixels(f, size, &head, why) : jpeg_pixels(f, size, least_height, least_width, &head, why);
    }
    fclose(f);
    int64_t width = head.width / parts;
    ok = rgba && form_of(rgba + (part == PART_RIGHT ? head.width - width : 0) * 4, head.height, width, head.width, form, out, why);
    free(rgba);
    return ok;
}
