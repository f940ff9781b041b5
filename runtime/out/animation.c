/* Animations: the frames of an output in order of their steps. Grey frames become a GIF, whose palette holds them exactly;
 * coloured ones an animated PNG, because a GIF's 256 colours flicker. Made from the files alone. */
#include <errno.h>
#include <gif_lib.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "out/film.h"

enum { FRAME_MS = 200, LAST_FRAME_MS = 1000 };

static int frame_ms(const Film *f, int i) { return i == f->n - 1 ? LAST_FRAME_MS : FRAME_MS; }

/* ---- APNG: a PNG whose further pictures lie in chunks of their own, each with a frame control before it
 * ---- */

static void chunk(Bytes *out, const char *kind, const Bytes *data) {
    size_t start = out->n + 4;
    bytes_big32(out, (uint32_t)data->n);
    bytes_add(out, kind, 4);
    bytes_add(out, data->at, data->n);
    if (!out->full) bytes_big32(out, (uint32_t)crc32(0, out->at + start, (uInt)(data->n + 4)));
}

static void small_chunk(Bytes *out, const char *kind, const uint32_t *word, int words, const uint8_t *tail,
                        size_t tails) {
    Bytes data = {0};
    for (int i = 0; i < words; i++) bytes_big32(&data, word[i]);
    bytes_add(&data, tail, tails);
    out->full |= data.full;
    if (!data.full) chunk(out, kind, &data);
    bytes_free(&data);
}

/* Appends the deflated picture, each row as differences to the one above (PNG's filter 2). */
static bool deflate_picture(Bytes *out, const Picture *p) {
    size_t row = (size_t)p->width * 3, raw_size = (row + 1) * (size_t)p->height;
    uLongf packed_size = compressBound((uLong)raw_size);
    uint8_t *raw = malloc(raw_size), *packed = malloc(packed_size);
    if (raw && packed) {
        for (int y = 0; y < p->height; y++) {
            const uint8_t *from = p->pixel + (size_t)y * row;
            uint8_t *to = raw + (size_t)y * (row + 1);
            *to++ = y ? 2 : 0;
            for (size_t x = 0; x < row; x++) to[x] = (uint8_t)(from[x] - (y ? (from - row)[x] : 0));
        }
        if (compress2(packed, &packed_size, raw, (uLong)raw_size, 9) == Z_OK)
            bytes_add(out, packed, packed_size);
        else
            out->full = true;
    } else {
        out->full = true;
    }
    free(raw);
    free(packed);
    return !out->full;
}

static bool apng_make(const Film *f, Bytes *out, char *why, size_t size) {
    int width = 0, height = 0;
    uint32_t sequence = 0;
    for (int i = 0; i < f->n; i++) {
        Picture p = {0};
        if (!frame_read(f, i, width, height, &p, why, size)) return false;
        width = p.width, height = p.height;
        if (i == 0) {
            bytes_add(out, "\x89PNG\r\n\x1a\n", 8);
            small_chunk(out, "IHDR", (uint32_t[]){(uint32_t)width, (uint32_t)height}, 2,
                        (uint8_t[]){8, 2, 0, 0, 0}, 5);
            small_chunk(out, "acTL", (uint32_t[]){(uint32_t)f->n, 0}, 2, NULL, 0);
        }
        uint32_t control[] = {sequence++, (uint32_t)width, (uint32_t)height, 0, 0};
        int ms = frame_ms(f, i);
        small_chunk(out, "fcTL", control, 5,
                    (uint8_t[]){(uint8_t)(ms >> 8), (uint8_t)ms, 1000 >> 8, 1000 & 255, 0, 0}, 6);
        Bytes data = {0};
        if (i) bytes_big32(&data, sequence++);
        if (deflate_picture(&data, &p))
            chunk(out, i ? "fdAT" : "IDAT", &data);
        else
            out->full = true;
        bytes_free(&data);
        picture_free(&p);
    }
    small_chunk(out, "IEND", NULL, 0, NULL, 0);
    return true;
}

/* ---- GIF ---- */

static int collect(GifFileType *gif, const GifByteType *data, int n) {
    Bytes *out = gif->UserData;
    bytes_add(out, data, (size_t)n);
    return out->full ? 0 : n;
}

static bool put_frame(GifFileType *gif, const Picture *p, int ms) {
    GraphicsControlBlock control = {DISPOSE_DO_NOT, false, ms / 10, NO_TRANSPARENT_COLOR};
    GifByteType packed[4];
    EGifGCBToExtension(&control, packed);
    if (EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, sizeof packed, packed) == GIF_ERROR) return false;
    if (EGifPutImageDesc(gif, 0, 0, p->width, p->height, false, NULL) == GIF_ERROR) return false;
    for (int row = 0; row < p->height; row++)
        if (EGifPutLine(gif, p->pixel + (ptrdiff_t)row * p->width, p->width) == GIF_ERROR) return false;
    return true;
}

static bool put_start(GifFileType *gif, const Picture *p) {
    GifColorType grey[256];
    for (int i = 0; i < 256; i++) grey[i] = (GifColorType){(GifByteType)i, (GifByteType)i, (GifByteType)i};
    ColorMapObject *map = GifMakeMapObject(256, grey);
    EGifSetGifVersion(gif, true);
    bool ok = map && EGifPutScreenDesc(gif, p->width, p->height, 8, 0, map) == GIF_OK;
    GifFreeMapObject(map);
    return ok && EGifPutExtensionLeader(gif, APPLICATION_EXT_FUNC_CODE) == GIF_OK &&
           EGifPutExtensionBlock(gif, 11, "NETSCAPE2.0") == GIF_OK &&
           EGifPutExtensionBlock(gif, 3, (GifByteType[]){1, 0, 0}) == GIF_OK && /* for ever */
           EGifPutExtensionTrailer(gif) == GIF_OK;
}

static bool gif_make(const Film *f, Bytes *out, char *why, size_t size) {
    int error = 0, width = 0, height = 0;
    GifFileType *gif = EGifOpen(out, collect, &error);
    if (!gif) return film_say(why, size, f->frame[0].path, "no memory for the animation");
    bool ok = true;
    for (int i = 0; i < f->n && ok; i++) {
        Picture p = {0};
        ok = frame_read(f, i, width, height, &p, why, size);
        if (!ok) break;
        width = p.width, height = p.height;
        ok = (i || put_start(gif, &p)) && put_frame(gif, &p, frame_ms(f, i));
        if (!ok) {
            const char *reason = GifErrorString(gif->Error);
            film_say(why, size, f->frame[i].path, reason ? reason : "cannot be animated");
        }
        picture_free(&p);
    }
    EGifCloseFile(gif, &error);
    return ok;
}

bool animation_make(const char *folder, const char *name, char *why, size_t size) {
    Film film = {0};
    Bytes file = {0};
    char *path = NULL;
    bool ok = film_find(&film, folder, name, why, size);
    if (ok && asprintf(&path, "%s/%s%s", folder, name, film.color ? ".apng.png" : ".gif") < 0)
        ok = film_say(why, size, folder, "no memory for the animation"), path = NULL;
    ok = ok && (film.color ? apng_make(&film, &file, why, size) : gif_make(&film, &file, why, size));
    if (ok && file.full) ok = film_say(why, size, path, "no memory for the animation");
    if (ok && !file_write_whole(path, file.at, file.n)) ok = film_say(why, size, path, strerror(errno));
    free(path);
    bytes_free(&file);
    film_free(&film);
    return ok;
}
