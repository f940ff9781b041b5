/* The Store: memory for every slot. One block, made at start-up; nothing is allocated later. Between two runs of programs
 * a slot may be led to another place of store_bytes(), whose owner is somebody else.
 *
 * Floats are kept as F32, or, in a run in fp64, as F64: all but those of batches, which are what their source gives. */
#pragma once
#include "ir/ir.h"

typedef struct {
    const Slots *slots;
    DType floats;                                     /* F32 or F64 */
    void **data;                                      /* by slot; zero-filled, then Slot.fill and Slot.init */
    void *block;                                      /* where they lie */
    size_t bytes;
} Store;

/* Aligned to cache lines; a large one to huge pages, which the system is asked for. NULL when out of memory; for free(). */
void *block_new(size_t bytes);

size_t store_bytes(const Slot *slot, DType floats);   /* of a slot's place */
double store_size(const Slots *slots, DType floats);  /* bytes that store_new will take */
Store *store_new(const Slots *slots, DType floats);   /* NULL when out of memory */
Store *store_some(const Slots *slots, DType floats, int n, const int *which);    /* of these slots alone, all zero */
void store_free(Store *s);
DType store_type(const Store *s, int slot);           /* what its numbers are kept as */
size_t store_dense(const Store *s, int slot);         /* bytes of its numbers, which lie at the start of its place */
void store_reset(Store *s, int slot);                 /* to its initial value */
void store_copy(Store *to, const Store *from);        /* every slot that `to` has; on all threads */
double store_at(const Store *s, int slot, int64_t i);
void store_put(Store *s, int slot, int64_t i, double value);
double store_number(const Store *s, int slot);        /* of a scalar slot */
void store_set(Store *s, int slot, double value);
bool store_finite(const Store *s, SlotKind kind, int *which);           /* all floats of that kind are finite */
