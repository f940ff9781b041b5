/* PNG, by libpng: any depth, palette, grey, alpha, interlaced. Of 16 bits the nearest 8 stay; gAMA is not followed. Not its
 * simplified interface: that gives wrong pixels for interlaced files of 16 bits (1.6.39 with Debian's fix of CVE-2025-65018). */
#include "datasets/image.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>

enum { INFLATES_TO = 1032 * 8 };                      /* bits, of a byte: the most that deflate packs into it */

typedef struct {
    png_structp png;
    png_infop info;
    jmp_buf out;                                      /* libpng's way to fail; only `run` catches it */
    char text[200];
    int64_t size;
    ImageHead *head;
    uint8_t *rgba, **row;                             /* where pixels are wanted */
    bool pixels;
    Why *why;
} Png;

static void give_up(Png *p, const char *text) {
    snprintf(p->text, sizeof p->text, "%s", text);
    longjmp(p->out, 1);
}

static void leave(png_structp png, png_const_charp text) { give_up(png_get_error_ptr(png), text); }

static void stay(png_structp png, png_const_charp text) { (void)png, (void)text; }

static bool decode(Png *p) {
    png_set_expand(p->png);
    png_set_scale_16(p->png);
    png_set_gray_to_rgb(p->png);
    png_set_add_alpha(p->png, 255, PNG_FILLER_AFTER);
    png_set_interlace_handling(p->png);
    png_read_update_info(p->png, p->info);
    p->rgba = image_room(p->head->height, p->head->width, 4, p->why);
    p->row = p->rgba ? (uint8_t **)(void *)image_room(p->head->height, 1, sizeof *p->row, p->why) : NULL;
    if (!p->row) return false;
    for (int64_t y = 0; y < p->head->height; y++) p->row[y] = p->rgba + y * p->head->width * 4;
    png_read_image(p->png, p->row);
    png_read_end(p->png, NULL);                       /* the sums of what was read, and whether all is there */
    return true;
}

static bool run(Png *p, FILE *f) {
    if (setjmp(p->out)) return bad_image(p->why, "cannot be read as PNG (cut off or damaged?): %s", p->text);
    p->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, p, leave, stay);
    p->info = p->png ? png_create_info_struct(p->png) : NULL;
    if (!p->info) give_up(p, "out of memory");
    png_init_io(p->png, f);
    png_read_info(p->png, p->info);
    int type = png_get_color_type(p->png, p->info), bits = png_get_channels(p->png, p->info) * png_get_bit_depth(p->png, p->info);
    *p->head = (ImageHead){png_get_image_height(p->png, p->info), png_get_image_width(p->png, p->info), type & PNG_COLOR_MASK_COLOR};
    return image_is_possible(p->head->height, p->head->width, p->size, INFLATES_TO / bits, p->why) && (!p->pixels || decode(p));
}

static bool read_png(Png *p, FILE *f) {
    bool ok = run(p, f);
    png_destroy_read_struct(&p->png, &p->info, NULL);
    free(p->row);
    return ok;
}

bool png_head(FILE *f, int64_t size, ImageHead *out, Why *why) {
    Png p = {.size = size, .head = out, .why = why};
    return read_png(&p, f);
}

uint8_t *png_pixels(FILE *f, int64_t size, ImageHead *head, Why *why) {
    Png p = {.size = size, .head = head, .pixels = true, .why = why};
    if (read_png(&p, f)) return p.rgba;
    free(p.rgba);
    return NULL;
}
