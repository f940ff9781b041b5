/* The header is a Python dict as text, {'descr': '<f4', 'fortran_order': False, 'shape': (10, 3), }, padded with blanks:
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. It is read strictly, sizes bounded. */
#include "datasets/npy.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the header ---- */

typedef struct { const char *at, *end; } Text;

static void blanks(Text *t) {
    while (t->at < t->end && isspace((unsigned char)*t->at)) t->at++;
}

static bool sign(Text *t, char c) {
    blanks(t);
    if (t->at == t->end || *t->at != c) return false;
    t->at++;
    return true;
}

static bool word(Text *t, const char *w) {
    blanks(t);
    size_t n = strlen(w);
    if ((size_t)(t->end - t->at) < n || strncmp(t->at, w, n)) return false;
    t->at += n;
    return true;
}

static bool quoted(Text *t, char *out, size_t size) {
    blanks(t);
    if (t->at == t->end || (*t->at != '\'' && *t->at != '"')) return false;
    char quote = *t->at++;
    size_t n = 0;
    while (t->at < t->end && *t->at != quote && n + 1 < size) out[n++] = *t->at++;
    out[n] = 0;
    return t->at < t->end && *t->at++ == quote;
}

static bool shape(Text *t, Shape *out) {
    if (!sign(t, '(')) return false;
    for (out->rank = 0; !sign(t, ')');) {
        if (out->rank == RANK_MAX || t->at == t->end || !isdigit((unsigned char)*t->at)) return false;
        int64_t n = 0;
        for (; t->at < t->end && isdigit((unsigned char)*t->at); t->at++)
            if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *t->at - '0', &n)) return false;
        out->dim[out->rank++] = n;
        bool comma = sign(t, ',');
        if (!comma && !(t->at < t->end && *t->at == ')')) return false;
    }
    return true;
}

/* '<f4': order of bytes, kind, width. What is no number leaves the reason in a->unusable. */
static bool element(Npy *a, Arena *arena, const char *descr) {
    char order = *descr, kind = order ? descr[1] : 0;
    char *end = NULL;
    long width = kind ? strtol(descr + 2, &end, 10) : 0;
    if (!kind || *end || width < 0 || !strchr("<>|=", order)) return false;
    a->kind = kind;
    a->width = (int)width;
    a->swapped = order == '>' && width > 1;
    bool number = (kind == 'f' && (width == 2 || width == 4 || width == 8)) || (kind == 'b' && width == 1) ||
                  ((kind == 'i' || kind == 'u') && (width == 1 || width == 2 || width == 4 || width == 8));
    if (!number)
        a->unusable = kind == 'O' ? "it holds Python objects: save numbers"
                                  : arena_printf(arena, "its type %s is none of f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1: convert it with astype",
                                                 descr);
    return true;
}

static bool dict(Npy *a, Text t, Arena *arena) {
    char key[32], descr[64];
    bool has_descr = false, has_order = false, has_shape = false;
    if (!sign(&t, '{')) return false;
    while (!sign(&t, '}')) {
        if (!quoted(&t, key, sizeof key) || !sign(&t, ':')) return false;
        if (!strcmp(key, "descr")) {
            if (sign(&t, '[')) {                      /* a record type: the rest is not read */
                a->unusable = "it holds records: save each of their fields as an array of its own";
                return true;
            }
            if (!quoted(&t, descr, sizeof descr) || !element(a, arena, descr)) return false;
            has_descr = true;
        } else if (!strcmp(key, "fortran_order")) {
            a->fortran = word(&t, "True");
            if (!a->fortran && !word(&t, "False")) return false;
            has_order = true;
        } else if (!strcmp(key, "shape")) {
            if (!shape(&t, &a->shape)) return false;
            has_shape = true;
        } else return false;
        if (!sign(&t, ',')) return has_descr && has_order && has_shape && sign(&t, '}');
    }
    return has_descr && has_order && has_shape;
}

bool npy_header(Npy *a, const unsigned char *from, size_t n, Arena *arena, const char **why) {
    static const unsigned char magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    if (n < 10 || memcmp(from, magic, sizeof magic))
        return *why = "is no .npy file: it does not begin with \\x93NUMPY", false;
    int version = from[6];
    if (version < 1 || version > 3) return *why = arena_printf(arena, "is a .npy file of the unknown version %d", version), false;
    size_t start = version == 1 ? 10 : 12, length = (size_t)from[8] | (size_t)from[9] << 8;
    if (version > 1 && n >= start) length |= (size_t)from[10] << 16 | (size_t)from[11] << 24;
    if (start + length > n) return *why = "ends within its header: it is cut off or damaged", false;
    if (!dict(a, (Text){(const char *)from + start, (const char *)from + start + length}, arena))
        return *why = "has a .npy header that cannot be read: it is damaged", false;
    a->offset = (int64_t)(start + length);
    a->bytes = a->unusable ? 0 : a->width;
    for (int i = 0; i < a->shape.rank; i++)
        if (__builtin_mul_overflow(a->bytes, a->shape.dim[i], &a->bytes))
            return *why = "states sizes in its header that no file can have: it is damaged", false;
    return true;
}

/* ---- the numbers ---- */

DType npy_dtype(const Npy *a) { return a->kind == 'f' ? F32 : a->kind == 'b' ? U8 : I32; }

static void swap(Npy *a) {
    for (unsigned char *p = a->data; a->swapped && p < a->data + a->bytes; p += a->width)
        for (int i = 0; i < a->width / 2; i++) {
            unsigned char first = p[i];
            p[i] = p[a->width - 1 - i];
            p[a->width - 1 - i] = first;
        }
}

/* Where element i, counted with the last axis fastest, lies where the first axis is fastest. */
static int64_t fortran_place(const Shape *s, int64_t i) {
    int64_t at = 0, before[RANK_MAX] = {1};
    for (int k = 1; k < s->rank; k++) before[k] = before[k - 1] * s->dim[k - 1];
    for (int k = s->rank - 1; k >= 0; k--) at += i % s->dim[k] * before[k], i /= s->dim[k];
    return at;
}

static bool reorder(Npy *a, const DataSource *s, const char *file) {
    if (!a->fortran || a->shape.rank < 2) return true;
    unsigned char *sorted = source_room(s, file, (size_t)a->bytes);
    if (!sorted) return false;
    size_t width = (size_t)a->width;
    for (int64_t i = 0; i < a->bytes / a->width; i++)
        memcpy(sorted + (size_t)i * width, a->data + (size_t)fortran_place(&a->shape, i) * width, width);
    free(a->data);
    a->data = sorted;
    return true;
}

/* IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
static double half(uint16_t h) {
    int exponent = h >> 10 & 31, fraction = h & 1023;
    double x = exponent == 31 ? (fraction ? NAN : INFINITY)
               : exponent     ? ldexp(1024 + fraction, exponent - 25)
                              : ldexp(fraction, -24);
    return h >> 15 ? -x : x;
}

static double number(const Npy *a, int64_t i) {
    const unsigned char *p = a->data + i * a->width;
    union { uint16_t u2; int16_t i2; uint32_t u4; int32_t i4; uint64_t u8; int64_t i8; float f4; double f8; } x;
    memcpy(&x, p, (size_t)a->width);
    switch (a->kind << 8 | a->width) {
    case 'f' << 8 | 2: return half(x.u2);
    case 'f' << 8 | 4: return x.f4;
    case 'f' << 8 | 8: return x.f8;
    case 'i' << 8 | 1: return (signed char)*p;
    case 'i' << 8 | 2: return x.i2;
    case 'i' << 8 | 4: return x.i4;
    case 'i' << 8 | 8: return (double)x.i8;
    case 'u' << 8 | 2: return x.u2;
    case 'u' << 8 | 4: return x.u4;
    case 'u' << 8 | 8: return (double)x.u8;
    default: return *p;
    }
}

static bool numbers_fit(const Npy *a, const DataSource *s, const char *file) {
    int64_t n = a->bytes / a->width, row = a->shape.dim[0] ? n / a->shape.dim[0] : 1;
    DType t = npy_dtype(a);
    for (int64_t i = 0; i < n && t != U8; i++) {
        double x = number(a, i);
        if (t == F32 ? isfinite((float)x) : x >= INT32_MIN && x <= INT32_MAX) continue;
        return source_complain(s, file, "'%s' is %.10g in row %lld, counted from 0: %s", a->name, x, (long long)(i / row),
                               t == F32 ? "floats are finite and below 3.4e38" : "ints lie in -2147483648 to 2147483647");
    }
    return true;
}

bool npy_settle(Npy *a, const DataSource *s, const char *file) {
    swap(a);
    return reorder(a, s, file) && numbers_fit(a, s, file);
}

void npy_row(const Npy *a, int64_t row, void *out) {
    int64_t n = a->bytes / a->width / a->shape.dim[0];
    for (int64_t i = 0; i < n; i++) {
        double x = number(a, row * n + i);
        if (a->kind == 'f') ((float *)out)[i] = (float)x;
        else if (a->kind == 'b') ((uint8_t *)out)[i] = x != 0;
        else ((int32_t *)out)[i] = (int32_t)x;
    }
}
