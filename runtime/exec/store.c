/* The Store: one block of memory with a place for every slot, so that no two slots share a cache line. It knows
 * slots and their initial values; it must not know graphs or programs. Invariant: every place is as long as
 * its slot's type says, rounded up to whole cache lines, and the padding stays zero. */
#include "exec/store.h"

#include "kern/kern.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LINE = 64, HUGE = 1 << 21 };

void *block_new(size_t bytes) {
    const size_t unit = bytes >= HUGE ? HUGE : LINE;
    void *block = aligned_alloc(unit, (bytes + unit - 1) & ~(unit - 1));
    if (block && unit == HUGE) (void)madvise(block, bytes & ~(unit - 1), MADV_HUGEPAGE);
    return block;
}

static DType kept_as(const Slot *slot, DType floats) {
    return slot->type.dtype == F32 && slot->kind != SLOT_BATCH ? floats : slot->type.dtype;
}

static size_t dense_bytes(const Slot *slot, DType floats) {
    return (size_t)shape_count(&slot->type.shape) * dtype_size(kept_as(slot, floats));
}

DType store_type(const Store *s, int slot) { return kept_as(&s->slots->all.at[slot], s->floats); }

size_t store_dense(const Store *s, int slot) { return dense_bytes(&s->slots->all.at[slot], s->floats); }

size_t store_bytes(const Slot *slot, DType floats) {
    size_t bytes = dense_bytes(slot, floats);
    size_t whole = (bytes + LINE - 1) & ~(size_t)(LINE - 1);
    return whole ? whole : LINE;
}

void store_reset(Store *s, int slot) {
    const Slot *d = &s->slots->all.at[slot];
    int64_t n = shape_count(&d->type.shape);
    for (int64_t i = 0; i < n; i++) store_put(s, slot, i, d->init ? d->init[i] : d->fill);
}

double store_size(const Slots *slots, DType floats) {
    double bytes = 0;
    for (int i = 0; i < slots->all.n; i++) bytes += (double)store_bytes(&slots->all.at[i], floats);
    return bytes;
}

static Store *empty(const Slots *slots, DType floats) {
    Store *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->slots = slots;
    s->floats = floats;
    s->data = calloc((size_t)slots->all.n + 1, sizeof *s->data);
    if (s->data) return s;
    free(s);
    return NULL;
}

Store *store_some(const Slots *slots, DType floats, int n, const int *which) {
    Store *s = empty(slots, floats);
    for (int i = 0; s && i < n; i++) s->bytes += store_bytes(&slots->all.at[which[i]], floats);
    if (!s || !(s->block = block_new(s->bytes))) return store_free(s), NULL;
    memset(s->block, 0, s->bytes);
    unsigned char *at = s->block;
    for (int i = 0; i < n; at += store_bytes(&slots->all.at[which[i++]], floats)) s->data[which[i]] = at;
    return s;
}

Store *store_new(const Slots *slots, DType floats) {
    int n = slots->all.n, *all = calloc((size_t)n + 1, sizeof *all);
    for (int i = 0; all && i < n; i++) all[i] = i;
    Store *s = all ? store_some(slots, floats, n, all) : NULL;
    for (int i = 0; s && i < n; i++)
        if (slots->all.at[i].init || slots->all.at[i].fill != 0) store_reset(s, i);
    free(all);
    return s;
}

void store_free(Store *s) {
    if (!s) return;
    free(s->block);
    free(s->data);
    free(s);
}

double store_at(const Store *s, int slot, int64_t i) { return number_get(s->data[slot], store_type(s, slot), i); }

void store_put(Store *s, int slot, int64_t i, double value) { number_put(s->data[slot], store_type(s, slot), i, value); }

double store_number(const Store *s, int slot) { return store_at(s, slot, 0); }

void store_set(Store *s, int slot, double value) { store_put(s, slot, 0, value); }

/* ---- all of it ---- */

enum { PIECE = 1 << 20, NUMBERS = PIECE / sizeof(float) };              /* bytes, floats that a thread takes at a time */

typedef struct {
    char *to;
    const char *from;
    size_t bytes;
} Copy;

static void copy_piece(void *ctx, int64_t i) {
    const Copy *c = ctx;
    size_t at = (size_t)i * PIECE, left = c->bytes - at;
    memcpy(c->to + at, c->from + at, left < PIECE ? left : PIECE);
}

void store_copy(Store *to, const Store *from) {
    for (int i = 0; i < to->slots->all.n; i++) {
        size_t bytes = store_bytes(&to->slots->all.at[i], to->floats);
        if (to->data[i])
            parallel_for((int64_t)((bytes + PIECE - 1) / PIECE), copy_piece, &(Copy){to->data[i], from->data[i], bytes});
    }
}

typedef struct {
    const void *x;
    DType type; /* F32 or F64 */
    int64_t n;
    _Atomic bool wrong;
} Look;

/* An exponent of ones alone is a NaN's or an infinity's: one more, and it reaches the sign. */
static void look_at_piece(void *ctx, int64_t i) {
    enum { EXPONENT = 0x7f800000, ONE = 0x00800000 };
    Look *l = ctx;
    int64_t end = (i + 1) * NUMBERS < l->n ? (i + 1) * NUMBERS : l->n;
    uint32_t any = 0;
    for (int64_t k = i * NUMBERS; l->type == F64 && k < end; k++)
        if (!isfinite(((const double *)l->x)[k])) l->wrong = true;
    for (int64_t k = i * NUMBERS; l->type == F32 && k < end; k++) {
        uint32_t bits;
        memcpy(&bits, (const float *)l->x + k, sizeof bits);
        any |= (bits & EXPONENT) + ONE;
    }
    if (any >> 31) l->wrong = true;
}

bool store_finite(const Store *s, SlotKind kind, int *which) {
    for (int i = 0; i < s->slots->all.n; i++) {
        const Slot *d = &s->slots->all.at[i];
        if (d->kind != kind || d->type.dtype != F32) continue;
        Look look = {.x = s->data[i], .type = store_type(s, i), .n = shape_count(&d->type.shape)};
        parallel_for((look.n + NUMBERS - 1) / NUMBERS, look_at_piece, &look);
        if (!look.wrong) continue;
        *which = i;
        return false;
    }
    return true;
}
