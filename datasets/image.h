/* Image files: PNG and JPEG, told apart by their first bytes, as 8 bits a channel. Knows no source and no folder. What is
 * wrong with a file is said in a Why, as any thread may read one. */
#pragma once
#include "datasets/dataset.h"
#include <stdio.h>

/* Sides and pixels of what is read at all: a header that states more is refused before memory is asked for. */
enum { IMAGE_SIDE_MAX = 1 << 15, IMAGE_PIXELS_MAX = 1 << 26 };

#define bad_image(why, ...) bad_image_at(DIAG_SITE, (why), __VA_ARGS__)
bool bad_image_at(const char *site, Why *why, const char *fmt, ...) __attribute__((format(printf, 3, 4)));     /* gives false */

typedef struct {                                      /* what a file's header says */
    int64_t height, width;
    bool color;
} ImageHead;

typedef enum { FIT_CROP, FIT_STRETCH, FIT_PAD } Fit;
enum { PART_WHOLE, PART_LEFT, PART_RIGHT };           /* of a file that holds two images side by side */

typedef struct {                                      /* what is made of every file */
    int64_t height, width;
    int channels;                                     /* 1, 3, 4 */
    int fit;
    uint8_t background[4];                            /* under alpha (of 1 and 3 channels) and around `pad` */
} ImageForm;

bool image_head(const char *path, ImageHead *out, Why *why);
/* Decodes a file and brings a part of it into form, out[height, width, channels]; `seen`: what its header said before. */
bool image_read(const char *path, const ImageHead *seen, int part, const ImageForm *form, uint8_t *out, Why *why);

/* image_png.c, image_jpeg.c: `f` stands at the start of the file, `size` is its bytes. The pixels are RGBA,
 * out[height, width, 4], malloc'd; a JPEG may come at a smaller scale, not below [least_height, least_width]: *head is what
 * came. NULL: said in why. */
bool png_head(FILE *f, int64_t size, ImageHead *out, Why *why);
uint8_t *png_pixels(FILE *f, int64_t size, ImageHead *head, Why *why);
bool jpeg_head(FILE *f, int64_t size, ImageHead *out, Why *why);
uint8_t *jpeg_pixels(FILE *f, int64_t size, int64_t least_height, int64_t least_width, ImageHead *head, Why *why);
/* exif.c: how a JPEG is to be turned, 1 (not at all) to 8, by its APP1 segment, n bytes; 1 where that is no or broken EXIF.
 * From 5 on height and width change places. exif_turn: RGBA, from[height, width], `to` as large. */
int exif_orientation(const uint8_t *segment, size_t n);
bool exif_swaps(int orientation);
void exif_turn(const uint8_t *from, int64_t height, int64_t width, int orientation, uint8_t *to);
/* Whether memory may be asked for: the sides are within bounds, and a file of `size` bytes can hold so many pixels at
 * all, where a byte holds at most `most`. */
bool image_is_possible(int64_t height, int64_t width, int64_t size, int64_t most, Why *why);
uint8_t *image_room(int64_t height, int64_t width, int64_t channels, Why *why);        /* malloc; NULL: said in why */
