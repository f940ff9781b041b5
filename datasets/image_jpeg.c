/* JPEG, by libjpeg-turbo: baseline and progressive, grey, YCbCr, CMYK. Decoded at the smallest scale that is enough, which
 * the discrete cosine transform gives for free, and turned as EXIF says. What libjpeg only warns of, but invents pixels for,
 * is an error here. */
#include "datasets/image.h"

#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>
#include <stdlib.h>

enum { PIXELS_A_BYTE = 8 * 64, SCALES = 8 };          /* a block of 64 takes a bit at least; scales are eighths */

typedef struct {
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr errors;
    jmp_buf out;                                      /* libjpeg's way to fail; only jpeg_run catches it */
    char text[JMSG_LENGTH_MAX];
    int64_t size, least_height, least_width;
    ImageHead *head;
    uint8_t *rgba;                                    /* NULL: only the header is wanted, or it is not possible */
    bool pixels;
    int orientation;                                  /* EXIF's, 1 to 8 */
    Why *why;
} Jpeg;

static void leave(j_common_ptr c) {
    Jpeg *j = c->client_data;
    c->err->format_message(c, j->text);
    longjmp(j->out, 1);
}

/* Level -1 is a warning; these three are harmless. */
static void hear(j_common_ptr c, int level) {
    int code = c->err->msg_code;
    if (level >= 0 || code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM || code == JWRN_TOO_MUCH_DATA) return;
    leave(c);
}

static void choose_scale(Jpeg *j) {
    j->d.scale_denom = SCALES;
    for (j->d.scale_num = 1; j->d.scale_num < SCALES; j->d.scale_num++) {
        jpeg_calc_output_dimensions(&j->d);
        if (j->d.output_height >= j->least_height && j->d.output_width >= j->least_width) return;
    }
}

/* Inks, in place: Adobe's programs store them inverted, which others do not. */
static void paint(uint8_t *row, int64_t width, bool inverted) {
    for (int64_t x = 0; x < width; x++) {
        uint8_t *p = row + 4 * x;
        for (int c = 0; c < 4 && !inverted; c++) p[c] = (uint8_t)(255 - p[c]);
        for (int c = 0; c < 3; c++) p[c] = (uint8_t)((p[c] * p[3] + 127) / 255);
        p[3] = 255;
    }
}

static int orientation_of(const Jpeg *j) {
    enum { EXIF = JPEG_APP0 + 1 };
    for (const struct jpeg_marker_struct *m = j->d.marker_list; m; m = m->next) {
        int found = m->marker == EXIF ? exif_orientation(m->data, m->data_length) : 1;
        if (found > 1) return found;
    }
    return 1;
}

static void swap(int64_t *a, int64_t *b) {
    int64_t old = *a;
    *a = *b, *b = old;
}

static bool turn(Jpeg *j) {
    if (j->orientation == 1) return true;
    uint8_t *turned = image_room(j->head->height, j->head->width, 4, j->why);
    if (turned) exif_turn(j->rgba, j->head->height, j->head->width, j->orientation, turned);
    free(j->rgba);
    j->rgba = turned;
    if (exif_swaps(j->orientation)) swap(&j->head->height, &j->head->width);
    return turned != NULL;
}

static bool decode(Jpeg *j) {
    bool inks = j->d.jpeg_color_space == JCS_CMYK || j->d.jpeg_color_space == JCS_YCCK;
    j->d.out_color_space = inks ? JCS_CMYK : JCS_EXT_RGBA;
    choose_scale(j);
    jpeg_start_decompress(&j->d);
    j->head->height = j->d.output_height;
    j->head->width = j->d.output_width;
    j->rgba = image_room(j->head->height, j->head->width, 4, j->why);
    if (!j->rgba) return false;
    while (j->d.output_scanline < j->d.output_height) {
        uint8_t *row = j->rgba + (int64_t)j->d.output_scanline * j->head->width * 4;
        jpeg_read_scanlines(&j->d, &row, 1);
        if (inks) paint(row, j->head->width, j->d.saw_Adobe_marker);
    }
    jpeg_finish_decompress(&j->d);
    return turn(j);
}

static bool run(Jpeg *j, FILE *f) {
    if (setjmp(j->out)) return bad_image(j->why, "cannot be read as JPEG (cut off or damaged?): %s", j->text);
    jpeg_create_decompress(&j->d);
    jpeg_stdio_src(&j->d, f);
    jpeg_save_markers(&j->d, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&j->d, TRUE);
    *j->head = (ImageHead){j->d.image_height, j->d.image_width, j->d.num_components > 1};
    j->orientation = orientation_of(j);
    if (exif_swaps(j->orientation)) swap(&j->head->height, &j->head->width), swap(&j->least_height, &j->least_width);
    return image_is_possible(j->head->height, j->head->width, j->size, PIXELS_A_BYTE, j->why) && (!j->pixels || decode(j));
}

static bool read_jpeg(Jpeg *j, FILE *f) {
    j->d.err = jpeg_std_error(&j->errors);
    j->d.client_data = j;
    j->errors.error_exit = leave;
    j->errors.emit_message = hear;
    bool ok = run(j, f);
    jpeg_destroy_decompress(&j->d);
    return ok;
}

bool jpeg_head(FILE *f, int64_t size, ImageHead *out, Why *why) {
    Jpeg j = {.size = size, .head = out, .why = why};
    return read_jpeg(&j, f);
}

uint8_t *jpeg_pixels(FILE *f, int64_t size, int64_t least_height, int64_t least_width, ImageHead *head, Why *why) {
    Jpeg j = {.size = size, .least_height = least_height, .least_width = least_width, .head = head, .pixels = true, .why = why};
    if (read_jpeg(&j, f)) return j.rgba;
    free(j.rgba);
    return NULL;
}
