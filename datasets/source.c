/* What all data sources share: ranges, fractions, batches, the order of samples. Knows no kind of data and no
 * file. Invariant: batch number `cursor` depends on the run's seed, the source's name and the cursor alone.
 * Batches of an epoch cover each sample at most once (last: keep: exactly once). */
#include "datasets/dataset.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"

enum { SHUFFLE_ROUNDS = 10 };

#define AT(member) offsetof(SourceOptions, member)
/* clang-format off */
const Field source_options[] = {
    {"batch", F_INT, AT(batch), "64", 1, 1 << 24, NULL, "samples a batch"},
    {"count", F_INT, AT(count), "", 1, 4294967295.0, NULL, "at most so many samples; all there are where left out"},
    {"order", F_CHOICE, AT(order), "shuffle", 0, 0, "shuffle|replacement|sequential",
     "a new shuffle each epoch, independent draws, or as stored"},
    {"last", F_CHOICE, AT(last), "drop", 0, 0, "drop|keep", "an epoch's last batch, where it is not full"},
    {"fresh", F_CHOICE, AT(fresh), "turn", 0, 0, "turn|iteration", "when the next batch comes"},
    {"fraction", F_FLOATS, AT(fraction), "", 0, 1, NULL,
     "a part of the samples, before shuffling: 0.8 for the first 80 %, [0.8, 1] for the rest"},
    {"seed", F_INT, AT(seed), "0", 0, 9007199254740992.0, NULL, "of data that is made; the run's seed leaves it alone"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

const Dataset *dataset_named(const char *name) {
    for (const Dataset *const *d = dataset_table; *d; d++)
        if (!strcmp((*d)->name, name)) return *d;
    return NULL;
}

bool source_given(const DataSource *s, const char *key) {
    return s->loc_of && s->spec_node && s->loc_of(s->spec_node, key).line;
}

Loc source_loc(const DataSource *s, const char *key) {
    return source_given(s, key) ? s->loc_of(s->spec_node, key) : s->loc;
}

/* A member that is left zero by default may be zero only where the spec does not give it. */
static bool number_in_range(const DataSource *s, const Field *f, double value) {
    bool unset = value == 0 && f->dflt && !*f->dflt && !source_given(s, f->name);
    if (unset || field_in_range(f, value)) return true;
    diag_error(s->diags, source_loc(s, f->name), "%s: %s must be from %.16g to %.16g, not %.16g", s->name,
               f->name, f->min, f->max, value);
    return false;
}

static bool in_ranges(const DataSource *s, const Field *table, const void *options) {
    bool ok = true;
    for (const Field *f = table; f && f->name; f++) {
        const char *at = (const char *)options + f->offset;
        if (f->type == F_INT) ok = number_in_range(s, f, (double)*(const int64_t *)(const void *)at) && ok;
        if (f->type == F_FLOAT) ok = number_in_range(s, f, *(const double *)(const void *)at) && ok;
    }
    return ok;
}

static bool part_is_valid(const DataSource *s, double *from, double *to) {
    const Floats *part = &s->common.fraction;
    *from = part->n == 2 ? part->at[0] : 0;
    *to = part->n == 2 ? part->at[1] : part->n == 1 ? part->at[0] : 1;
    Loc loc = source_loc(s, "fraction");
    if (part->n > 2) {
        diag_error(s->diags, loc, "%s: fraction is one number or [from, to], not a list of %d", s->name,
                   part->n);
        return false;
    }
    if (!(*from >= 0 && *to <= 1)) {
        diag_error(s->diags, loc, "%s: fraction must lie in 0 to 1, not in %g to %g", s->name, *from, *to);
        return false;
    }
    if (!(*from < *to)) {
        diag_error(s->diags, loc, "%s: fraction from %g to %g holds no samples", s->name, *from, *to);
        return false;
    }
    return true;
}

bool source_open(DataSource *s) {
    double from, to;
    bool ok = in_ranges(s, source_options, &s->common);
    ok = in_ranges(s, s->kind->options, s->options) && ok;
    ok = part_is_valid(s, &from, &to) && ok;
    if (!ok || !s->kind->open(s)) return false;

    s->first = llround(from * (double)s->total);
    s->count = llround(to * (double)s->total) - s->first;
    if (s->count < 1) {
        diag_error(s->diags, source_loc(s, "fraction"),
                   "%s: fraction from %g to %g of %lld samples holds none", s->name, from, to,
                   (long long)s->total);
        return false;
    }
    if (s->common.batch > s->count) {
        const char *key = source_given(s, "batch") || !source_given(s, "count") ? "batch" : "count";
        diag_error(s->diags, source_loc(s, key),
                   "%s: a batch of %lld is more than the %lld sample%s there are", s->name,
                   (long long)s->common.batch, (long long)s->count, s->count == 1 ? "" : "s");
        return false;
    }
    return true;
}

bool source_load(DataSource *s) {
    if (s->loaded) return true;
    if (s->kind->load && !s->kind->load(s)) return false;
    s->loaded = true;
    return true;
}

void source_close(DataSource *s) {
    if (s->kind && s->kind->close) s->kind->close(s);
    s->state = NULL;
    s->loaded = false;
}

int64_t source_batches(const DataSource *s) {
    int64_t batch = s->common.batch;
    return s->common.last == LAST_KEEP ? (s->count + batch - 1) / batch : s->count / batch;
}

double source_epoch(const DataSource *s, int64_t cursor) {
    return (double)cursor / (double)source_batches(s);
}

/* Where sample `i` of an epoch lies: a permutation of 0..n-1 computed one element at a time, so that neither
 * memory nor history is needed. A Feistel network on i = left*b + right, with a*b just above n (Black and
 * Rogaway 2002, "Ciphers with arbitrary finite domains"); what falls outside n walks on until it comes back. */
static int64_t shuffled(Stream draws, int64_t n, int64_t i) {
    int64_t a = (int64_t)ceil(sqrt((double)n)), b = (n + a - 1) / a;
    do {
        int64_t left = i / b, right = i % b;
        for (draws.round = 0; draws.round < SHUFFLE_ROUNDS; draws.round += 2) {
            Stream next = draws;
            next.round++;
            left = (left + (int64_t)rng_below(draws, (uint64_t)right, (uint64_t)a)) % a;
            right = (right + (int64_t)rng_below(next, (uint64_t)left, (uint64_t)b)) % b;
        }
        i = left * b + right;
    } while (i >= n);
    return i;
}

/* Which sample comes at `place` of batch number `cursor`, which starts at `start` in its epoch. */
static int64_t sample_at(const DataSource *s, Stream draws, int64_t start, int64_t place) {
    switch ((DataOrder)s->common.order) {
    case ORDER_SHUFFLE: return shuffled(draws, s->count, start + place);
    case ORDER_REPLACEMENT: return (int64_t)rng_below(draws, (uint64_t)place, (uint64_t)s->count);
    case ORDER_SEQUENTIAL: break;
    }
    return start + place;
}

int64_t source_batch(const DataSource *s, uint64_t seed, int64_t cursor, void *const *out) {
    assert(s->loaded && cursor >= 0);
    int64_t batches = source_batches(s), epoch = cursor / batches, start = cursor % batches * s->common.batch;
    bool replaced = s->common.order == ORDER_REPLACEMENT;
    int64_t n = !replaced && s->count - start < s->common.batch ? s->count - start : s->common.batch;
    uint64_t path = rng_hash(s->name) ^ rng_hash("/order");
    Stream draws = rng_stream(seed, path, (uint64_t)(replaced ? cursor : epoch), 0);

    char *at[DATA_FIELDS];
    size_t step[DATA_FIELDS];
    for (int f = 0; f < s->nfield; f++) {
        const Tensor *type = &s->field[f].sample;
        at[f] = out[f];
        step[f] = dtype_size(type->dtype) * (size_t)shape_count(&type->shape);
    }
    for (int64_t i = 0; i < n; i++) {
        s->kind->sample(s, s->first + sample_at(s, draws, start, i), (void *const *)at);
        for (int f = 0; f < s->nfield; f++) at[f] = at[f] ? at[f] + step[f] : NULL;
    }
    return n;
}
