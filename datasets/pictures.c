/* Sets of image files: what their headers must have in common, what is left out, and pixels when they are asked for. */
#include "datasets/pictures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- keys ---- */

static bool size_is_valid(const DataSource *s, const Ints *size) {
    const Field *f = field_find(s->kind->options, "size");
    bool ok = size->n <= 2;
    for (int i = 0; ok && i < size->n; i++) ok = field_in_range(f, (double)size->at[i]);
    if (ok) return true;
    diag_error(s->diags, source_loc(s, "size"), "%s: size is a side or [height, width], each from %.16g to %.16g", s->name, f->min, f->max);
    return false;
}

static bool keys_are_valid(const DataSource *s, const PictureKeys *k) {
    if (!size_is_valid(s, &k->size)) return false;
    bool channels = k->channels != 2, background = k->background.n <= 1 || k->background.n == 3;
    for (int i = 0; i < k->background.n; i++) background = background && k->background.at[i] >= 0 && k->background.at[i] <= 1;
    if (!channels)
        diag_error(s->diags, source_loc(s, "channels"), "%s: channels is 1 (grey), 3 (colour) or 4 (with alpha), not 2", s->name);
    if (!background)
        diag_error(s->diags, source_loc(s, "background"), "%s: background is a grey or [red, green, blue], in 0..1", s->name);
    return channels && background;
}

static void background_of(const Floats *given, uint8_t out[4]) {
    for (int c = 0; c < 4; c++) {
        double level = c == 3 || !given->n ? 1 : given->at[given->n == 3 ? c : 0];
        out[c] = (uint8_t)lround(255 * level);
    }
}

/* ---- files ---- */

static int64_t width_of(const Picture *p) { return p->part == PART_WHOLE ? p->head.width : p->head.width / 2; }

static bool head_of(Picture *p, Why *why) {
    if (!image_head(p->path, &p->head, why)) return false;
    if (p->part == PART_WHOLE || p->head.width % 2 == 0) return true;
    return bad_image(why, "is %lld pixels wide, an odd number: it is no two images side by side", (long long)p->head.width);
}

typedef struct {
    int64_t bad;
    Why why;                                          /* of the first one */
    const char *path;
} Bad;

static void leave_out(Bad *b, const char *path, const Why *why) {
    if (b->bad++) return;
    b->why = *why;
    b->path = path;
}

/* Keeps the samples for which `good` holds, in their order, `most` of them at most. */
static void keep_good(const DataSource *s, Pictures *p, bool (*good)(Pictures *, int64_t, int, Why *), int64_t most, bool skip, Bad *bad) {
    int64_t n = 0;
    for (int64_t i = 0; i < p->n && n < most; i++) {
        bool ok = true;
        for (int side = 0; ok && side < p->sides; side++) {
            Why why;
            Picture *one = &p->at[i * p->sides + side];
            if ((ok = good(p, i, side, &why))) continue;
            leave_out(bad, one->path, &why);
            if (!skip) source_complain_at(why.site, s, one->path, "%s", why.text);
        }
        if (!ok && skip) continue;
        memmove(&p->at[n * p->sides], &p->at[i * p->sides], sizeof *p->at * (size_t)p->sides);
        p->number[n++] = p->number[i];
    }
    p->n = n;
}

static bool has_head(Pictures *p, int64_t i, int side, Why *why) { return head_of(&p->at[i * p->sides + side], why); }

static bool has_pixels(Pictures *p, int64_t i, int side, Why *why) {
    const Picture *one = &p->at[i * p->sides + side];
    return image_read(one->path, &one->head, one->part, &p->form, p->buffer, why);
}

/* ---- the form ---- */

static bool sizes_agree(const DataSource *s, const Pictures *p) {
    const Picture *first = p->at;
    for (int64_t i = 1; i < p->n * p->sides; i++) {
        const Picture *one = &p->at[i];
        if (one->head.height == first->head.height && width_of(one) == width_of(first)) continue;
        return source_complain(s, one->path, "is %lldx%lld pixels, and %s is %lldx%lld: bring them to one size with `size`",
                               (long long)width_of(one), (long long)one->head.height, first->path, (long long)width_of(first),
                               (long long)first->head.height);
    }
    const Field *size = field_find(s->kind->options, "size");
    if (field_in_range(size, (double)first->head.height) && field_in_range(size, (double)width_of(first))) return true;
    return source_complain(s, first->path, "is %lldx%lld pixels, more than %.16g a side: bring it to less with `size`",
                           (long long)width_of(first), (long long)first->head.height, size->max);
}

static bool settle_form(const DataSource *s, Pictures *p, const PictureKeys *k) {
    if (!k->size.n && !sizes_agree(s, p)) return false;
    int channels = 1;
    for (int64_t i = 0; i < p->n * p->sides; i++)
        if (p->at[i].head.color) channels = 3;
    p->form = (ImageForm){.height = k->size.n ? k->size.at[0] : p->at->head.height,
                          .width = k->size.n ? k->size.at[k->size.n - 1] : width_of(p->at),
                          .channels = k->channels ? (int)k->channels : channels,
                          .fit = k->fit};
    background_of(&k->background, p->form.background);
    p->pixels = p->form.height * p->form.width * p->form.channels;
    return true;
}

bool pictures_open(DataSource *s, Pictures *p, const PictureKeys *k, const char *what) {
    if (!keys_are_valid(s, k)) return false;
    int64_t most = s->common.count ? s->common.count : p->n, given = p->n;
    Bad bad = {0};
    for (int64_t i = 0; i < p->n; i++) p->number[i] = i;
    keep_good(s, p, has_head, k->skip_bad ? p->n : most, k->skip_bad, &bad);
    if (bad.bad && !k->skip_bad) {
        if (bad.bad > 1)
            diag_note(s->diags, source_loc(s, "path"), "%lld files cannot be read; `skip_bad: true` leaves such files out", (long long)bad.bad);
        return false;
    }
    if (p->n && !settle_form(s, p, k)) return false;
    if (p->n) p->buffer = arena_alloc(s->arena, (size_t)p->pixels);
    if (k->skip_bad) keep_good(s, p, has_pixels, most, true, &bad);
    if (!p->n) return source_complain_at(bad.why.site, s, bad.path, "%s; and of %lld %s none can be read", bad.why.text, (long long)given, what);
    if (bad.bad)
        diag_add(s->diags, bad.why.site, DIAG_WARNING, source_loc(s, "path"), "%s: %lld of %lld %s cannot be read and are left out; the first: %s: %s",
                 s->name, (long long)bad.bad, (long long)given, what, bad.path, bad.why.text);
    s->total = p->n;
    int64_t all = p->n * p->sides * p->pixels;
    if (all <= PICTURES_KEPT) s->bytes = (size_t)all;
    return true;
}

/* ---- pixels ---- */

void pictures_load(const DataSource *s, Pictures *p) {
    if (!s->bytes || p->kept) return;
    p->kept = malloc(s->bytes);
    p->have = calloc((size_t)(p->n * p->sides), 1);
    if (p->kept && p->have) return;
    pictures_close(p);                                /* without memory to keep them they are decoded each time */
}

bool pictures_read(Pictures *p, int64_t sample, int side, float *out, Why *why) {
    int64_t i = sample * p->sides + side;
    const Picture *one = &p->at[i];
    uint8_t *pixel = p->kept ? p->kept + i * p->pixels : p->buffer;
    Why inner;
    if (!p->kept || !p->have[i]) {
        if (!image_read(one->path, &one->head, one->part, &p->form, pixel, &inner))
            return bad_image_at(inner.site, why, "%s: %s", one->path, inner.text);
        if (p->kept) p->have[i] = 1;
    }
    grey_values(out, pixel, p->pixels);
    return true;
}

void pictures_close(Pictures *p) {
    free(p->kept);
    free(p->have);
    p->kept = p->have = NULL;
}
