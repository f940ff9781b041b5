/* What all data sources share: ranges, fractions, batches, the order of samples. Knows no kind of data and no
 * file. Invariant: batch number `cursor` depends on the run's seed, the source's name and the cursor alone.
 * Batches of an epoch cover each sample at most once (last: keep: exactly once). */
#include "datasets/kind.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/parts.h"

#define AT(member) offsetof(SourceOptions, member)
/* clang-format off */
const Field source_options[] = {
    {"batch", F_INT, AT(batch), "64", 1, 1 << 24, NULL, "samples a batch"},
    {"count", F_INT, AT(count), "", 1, 4294967295.0, NULL,
     "at most so many samples, the first ones; left out: all of the files, or what the kind makes"},
    {"order", F_CHOICE, AT(order), "shuffle", 0, 0, "shuffle|replacement|sequential",
     "a new shuffle each epoch, independent draws, or as stored"},
    {"last", F_CHOICE, AT(last), "drop", 0, 0, "drop|keep", "an epoch's last batch, where it is not full"},
    {"fresh", F_CHOICE, AT(fresh), "turn", 0, 0, "turn|iteration", "when the next batch comes"},
    {"classes", F_FLOATS, AT(classes), "", -2147483648.0, 2147483647, NULL, "only samples of these labels: [0, 1]"},
    {"relabel", F_BOOL, AT(relabel), "false", 0, 0, NULL, "a label becomes its place in `classes`, from 0"},
    {"fraction", F_FLOATS, AT(fraction), "", 0, 1, NULL,
     "a part of the samples, of `classes` where given, before shuffling: 0.8 for the first 80 %, [0.8, 1] for the rest"},
    {"labelled", F_INT, AT(labelled), "", 1, 4294967295.0, NULL,
     "adds the field `labelled`, true for so many samples, equally many of each class, chosen by `seed`"},
    {"only", F_CHOICE, AT(only), "all", 0, 0, "all|labelled|rest", "all samples, those that are labelled, or the others"},
    {"seed", F_INT, AT(seed), "0", 0, 9007199254740992.0, NULL,
     "of data that are made, and of `labelled`; the run's seed leaves them alone"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
const FieldRow source_fields[] = {
    {"labelled", U8, "", "with the key `labelled`: whether the label may be used"},
    {NULL, 0, NULL, NULL},
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

/* ---- fields ---- */

static const FieldRow *row_of(const FieldRow *table, const char *name) {
    for (const FieldRow *r = table; r && r->name; r++)
        if (!strcmp(r->name, name)) return r;
    return NULL;
}

static DataField *add_field(DataSource *s, const char *name, Tensor sample) {
    if (s->nfield == DATA_FIELDS) return NULL;
    if (!strcmp(name, "label") && sample.dtype == I32 && !sample.shape.rank) s->label = s->nfield;
    s->field[s->nfield] = (DataField){.name = name, .sample = sample, .early = !s->kind->load};
    return &s->field[s->nfield++];
}

void source_field(DataSource *s, const char *name, Shape sample) {
    const FieldRow *row = row_of(s->kind->fields, name);
    assert(row);
    add_field(s, name, (Tensor){row->dtype, sample});
}

bool source_open_points(DataSource *s) {
    enum { DEFAULT_COUNT = 20000 };
    s->total = s->common.count ? s->common.count : DEFAULT_COUNT;
    source_field(s, "point", SHAPE(2));
    source_field(s, "label", (Shape){.rank = 0});
    return true;
}

DataField *source_own_field(DataSource *s, const char *name, Tensor sample) {
    assert(row_of(s->kind->fields, "*"));
    return add_field(s, name, sample);
}

void source_constant(DataSource *s, const char *name, Tensor type, const double *value) {
    assert(row_of(s->kind->constants, name) && s->nconstant < DATA_FIELDS);
    s->constant[s->nconstant++] = (DataConstant){name, type, value};
}

/* A shuffled sample is in no cache: all of it is asked for at once, not line after line. */
void grey_values(float *restrict out, const uint8_t *restrict byte, int64_t n) {
    enum { LINE = 64, MOST = 64 * LINE };
    for (int64_t i = 0; i < n && i < MOST; i += LINE) __builtin_prefetch(byte + i);
    for (int64_t i = 0; i < n; i++) out[i] = (float)byte[i] / 255;
}

bool source_want(DataSource *s, int field, Loc loc) {
    DataField *f = &s->field[field];
    f->wanted = true;
    if (!f->unusable) return true;
    diag_add(s->diags, DIAG_SITE, DIAG_DATA, loc, "%s: the field '%s' cannot be read: %s", s->name, f->name, f->unusable);
    return false;
}

Stream source_draws(const DataSource *s, int64_t index, uint32_t round) {
    return rng_stream((uint64_t)s->common.seed, rng_hash(s->kind->name), (uint64_t)index, round);
}

/* ---- opening ---- */

static bool batch_fits(const DataSource *s) {
    if (s->common.batch <= s->count || s->common.order == ORDER_REPLACEMENT) return true;
    const char *key = source_given(s, "batch") || !source_given(s, "count") ? "batch" : "count";
    diag_error(s->diags, source_loc(s, key),
               "%s: a batch of %lld is more than the %lld sample%s there are; `order: replacement` would draw them again",
               s->name, (long long)s->common.batch, (long long)s->count, s->count == 1 ? "" : "s");
    return false;
}

static bool add_labelled(DataSource *s) {
    const FieldRow *row = source_fields;
    int before = s->nfield;
    if (!s->marked) return true;
    s->labelled = before;
    for (int i = 0; i < before; i++)
        if (!strcmp(s->field[i].name, row->name)) s->labelled = -1;
    if (s->labelled >= 0 && add_field(s, row->name, (Tensor){row->dtype, {.rank = 0}})) return true;
    return source_complain(s, s->path, s->labelled < 0 ? "has a field 'labelled' of its own: with the key `labelled` there would be two"
                                                       : "has so many fields that there is no room for `labelled`");
}

/* ---- samples that are made, not read ---- */

enum { MADE_KEPT = 1 << 24 };                         /* bytes a source */

static size_t sample_bytes(const DataSource *s, int field) {
    const Tensor *t = &s->field[field].sample;
    return (size_t)shape_count(&t->shape) * dtype_size(t->dtype);
}

static void forget(DataSource *s) {
    for (int k = 0; k < DATA_FIELDS; k++) free(s->made[k]), s->made[k] = NULL;
    free(s->have);
    s->have = NULL;
}

/* Samples of points cost more to make than to remember, and come again each epoch. */
static void plan_to_keep(DataSource *s) {
    size_t each = 1;
    for (int k = 0; k < s->nfield; k++) each += sample_bytes(s, k);
    if (!s->kind->load && !s->kind->read && (double)s->total * (double)each <= MADE_KEPT) s->bytes = (size_t)s->total * each;
}

/* Without memory each is made again. */
static void begin_to_keep(DataSource *s) {
    bool whole = (s->have = calloc((size_t)s->total, 1));
    for (int k = 0; whole && k < s->nfield; k++)
        if (s->field[k].wanted && k != s->labelled) whole = (s->made[k] = malloc((size_t)s->total * sample_bytes(s, k)));
    if (!whole) forget(s);
}

/* False: a field is asked for that nothing wanted when the source was loaded. */
static bool sample_kept(const DataSource *s, int64_t index, void *const *out) {
    void *at[DATA_FIELDS];
    for (int k = 0; k < s->nfield; k++) {
        at[k] = s->made[k] ? s->made[k] + (size_t)index * sample_bytes(s, k) : NULL;
        if (out[k] && !at[k] && k != s->labelled) return false;
    }
    if (!s->have[index]) s->kind->sample(s, index, at);
    s->have[index] = 1;
    for (int k = 0; k < s->nfield; k++)
        if (out[k] && at[k]) memcpy(out[k], at[k], sample_bytes(s, k));
    return true;
}

bool source_open(DataSource *s) {
    s->label = s->labelled = -1;
    bool ok = in_ranges(s, source_options, &s->common);
    ok = in_ranges(s, s->kind->options, s->options) && ok;
    ok = choice_is_valid(s) && ok;
    if (!ok || !s->kind->open(s)) return false;
    plan_to_keep(s);
    if (!choose_samples(s)) return false;
    return add_labelled(s) && batch_fits(s);
}

bool source_load(DataSource *s) {
    if (s->loaded) return true;
    if (s->kind->load && !s->kind->load(s)) return false;
    if (s->bytes && !s->kind->load && !s->kind->read) begin_to_keep(s);
    s->loaded = true;
    return true;
}

void source_close(DataSource *s) {
    if (s->kind && s->kind->close) s->kind->close(s);
    forget(s);
    s->state = NULL;
    s->loaded = false;
}

/* What the keys say, but for places of files. */
static uint64_t keys_hash(const DataSource *s) {
    const struct { const Field *table; const void *from; } options[] = {{s->kind->options, s->options}, {source_options, &s->common}};
    uint64_t h = rng_hash(s->kind->name);
    for (int i = 0; i < 2; i++)
        for (const Field *f = options[i].table; f && f->name; f++)
            if (f->type != F_TEXT && f->type != F_PATHS)
                h = (h ^ rng_hash(field_show(f, options[i].from, s->arena))) * 0x9e3779b97f4a7c15u + rng_hash(f->name);
    return h;
}

void source_identity(const DataSource *s, char *out, size_t size) {
    char files[100] = "";
    if (s->files)
        snprintf(files, sizeof files, ", %lld file%s, %lld bytes, their names %08x", (long long)s->files, s->files == 1 ? "" : "s",
                 (long long)s->file_bytes, (unsigned)(s->file_hash >> 32));
    snprintf(out, size, "%lld samples%s, keys %08x", (long long)s->count, files, (unsigned)(keys_hash(s) >> 32));
}

bool source_range(const DataSource *s, int field, int32_t *least, int32_t *most) {
    enum { LOOKED_AT = 1 << 24, MADE = 1 << 18 };     /* numbers, of samples in memory; samples that are made to be looked at */
    const DataField *f = &s->field[field];
    int64_t size = shape_count(&f->sample.shape), n = s->loaded ? LOOKED_AT / (size + 1) + 1 : MADE;
    if (f->sample.dtype != I32 || (!s->loaded && !f->early)) return false;
    int32_t *value = malloc((size_t)size * sizeof *value + 1);
    void *out[DATA_FIELDS] = {NULL};
    bool known = (out[field] = value) != NULL;
    Why unread;                                       /* the batch that needs the sample will say why */
    *least = INT32_MAX;
    *most = INT32_MIN;
    for (int64_t i = 0; known && i < s->count && i < n; i++) {
        known = source_sample(s, s->pick ? s->pick[i] : s->first + i, out, &unread);
        for (int64_t k = 0; known && k < size; k++) {
            *least = value[k] < *least ? value[k] : *least;
            *most = value[k] > *most ? value[k] : *most;
        }
    }
    free(value);
    return known;
}

int64_t source_batches(const DataSource *s) {
    int64_t batch = s->common.batch, full = s->count / batch;
    if (full * batch < s->count && s->common.last == LAST_KEEP) full++;
    return full ? full : 1;                           /* drawn again and again, a batch may be larger than the source */
}

int64_t source_rest(const DataSource *s) {
    bool keeps = s->common.last == LAST_KEEP && s->common.order != ORDER_REPLACEMENT;
    return keeps ? s->count % s->common.batch : 0;
}

double source_epoch(const DataSource *s, int64_t cursor) {
    return (double)cursor / (double)source_batches(s);
}

/* Which sample comes at `place` of batch number `cursor`, which starts at `start` in its epoch. */
static int64_t sample_at(const DataSource *s, Stream draws, int64_t start, int64_t place) {
    switch ((DataOrder)s->common.order) {
    case ORDER_SHUFFLE: return shuffled_place(draws, s->count, start + place);
    case ORDER_REPLACEMENT: return (int64_t)rng_below(draws, (uint64_t)place, (uint64_t)s->count);
    case ORDER_SEQUENTIAL: break;
    }
    return start + place;
}

bool source_sample(const DataSource *s, int64_t index, void *const *out, Why *why) {
    if (s->kind->read) {
        if (!s->kind->read(s, index, out, why)) return false;
    } else if (!s->have || !sample_kept(s, index, out)) {
        s->kind->sample(s, index, out);
    }
    if (s->labelled >= 0 && out[s->labelled]) *(uint8_t *)out[s->labelled] = s->marked[index];
    if (s->common.relabel && out[s->label]) *(int32_t *)out[s->label] = class_of(s, *(int32_t *)out[s->label]);
    return true;
}

int64_t source_order(const DataSource *s, uint64_t seed, int64_t cursor, int64_t *index) {
    assert(s->loaded && cursor >= 0);
    int64_t batches = source_batches(s), epoch = cursor / batches, start = cursor % batches * s->common.batch;
    bool replaced = s->common.order == ORDER_REPLACEMENT;
    int64_t n = !replaced && s->count - start < s->common.batch ? s->count - start : s->common.batch;
    uint64_t path = rng_hash(s->name) ^ rng_hash("/order");
    Stream draws = rng_stream(seed, path, (uint64_t)(replaced ? cursor : epoch), 0);
    for (int64_t i = 0; i < n; i++) {
        int64_t place = sample_at(s, draws, start, i);
        index[i] = s->pick ? s->pick[place] : s->first + place;
    }
    return n;
}
