/* Shapes and types: equality, counting, printing, and the two rules that all operators share, broadcasting
 * and axes. Knows no node. */
#include "base/str.h"
#include "ir/ir.h"

#include <assert.h>

Shape shape_of(int rank, const int64_t *dim) {
    assert(rank >= 0 && rank <= RANK_MAX);
    Shape s = {.rank = rank};
    for (int i = 0; i < rank; i++) s.dim[i] = dim[i];
    return s;
}

bool shape_equal(const Shape *a, const Shape *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

bool tensor_equal(const Tensor *a, const Tensor *b) {
    return a->dtype == b->dtype && shape_equal(&a->shape, &b->shape);
}

bool shape_bounded(const Shape *s) {
    int64_t count = 1;
    for (int i = 0; i < s->rank; i++) {
        if (s->dim[i] > ((int64_t)1 << 40) / count) return false;
        count *= s->dim[i];
    }
    return true;
}

int64_t shape_count(const Shape *s) {
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++) n *= s->dim[i];
    return n;
}

char *shape_show(const Shape *s, Arena *a) {
    Str text = {.arena = a};
    str_add(&text, "[");
    for (int i = 0; i < s->rank; i++) str_printf(&text, "%s%lld", i ? ", " : "", (long long)s->dim[i]);
    str_add(&text, "]");
    return text.text;
}

bool shape_broadcast(const Shape *a, const Shape *b, Shape *out) {
    const Shape *high = a->rank >= b->rank ? a : b, *low = high == a ? b : a;
    Shape s = *high;
    int lead = high->rank - low->rank;
    for (int i = 0; i < low->rank; i++) {
        int64_t h = high->dim[lead + i], l = low->dim[i];
        if (h != l && l != 1 && (h != 1 || lead > 0)) return false;
        s.dim[lead + i] = l == 1 ? h : l;
    }
    *out = s;
    return true;
}

/* The words of an `axes` field, in the order of its choices. */
enum { AXES_ALL = -1, AXES_BUT_LAST = -2, AXES_BUT_FIRST = -3 };

unsigned axes_mask(const Ints *axes, int rank, bool *ok) {
    unsigned all = (1u << rank) - 1, mask = 0;
    *ok = true;
    if (axes->n == 0 || axes->n == AXES_ALL) return all;
    if (axes->n == AXES_BUT_LAST) return all & ~(rank ? 1u << (rank - 1) : 0);
    if (axes->n == AXES_BUT_FIRST) return all & ~1u;
    for (int i = 0; i < axes->n; i++) {
        int64_t axis = axes->at[i] < 0 ? axes->at[i] + rank : axes->at[i];
        if (axis < 0 || axis >= rank || (mask >> axis & 1)) {
            *ok = false;
            return 0;
        }
        mask |= 1u << axis;
    }
    return mask;
}

size_t dtype_size(DType t) { return t == U8 ? 1 : t == F64 ? 8 : 4; }

const char *dtype_name(DType t) { return (const char *const[]){[F32] = "float", [I32] = "int", [U8] = "bool", [F64] = "float"}[t]; }

bool dtype_float(DType t) { return t == F32 || t == F64; }

int dtype_digits(DType t) { return t == F64 ? 17 : 9; }

double number_get(const void *data, DType t, int64_t i) {
    switch (t) {
    case F32: return ((const float *)data)[i];
    case I32: return ((const int32_t *)data)[i];
    case F64: return ((const double *)data)[i];
    default: return ((const uint8_t *)data)[i];
    }
}

void number_put(void *data, DType t, int64_t i, double value) {
    switch (t) {
    case F32: ((float *)data)[i] = (float)value; break;
    case I32: ((int32_t *)data)[i] = (int32_t)value; break;
    case F64: ((double *)data)[i] = value; break;
    default: ((uint8_t *)data)[i] = value != 0;
    }
}
