/* Invariant: everything that batches_make writes, but `out`, is guarded by `lock`. It opens no parallel region where
 * batches_ahead holds and the calling thread has said par_alone(). */
#include "train/batches.h"

#include "exec/exec.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const double KEPT_MOST = 2147483648.0;         /* bytes a source and mode: fixed, so that the bits hang on no machine */

typedef struct {                                      /* one mode */
    const Program *program;                           /* NULL: no field has layers */
    bool keeps, tried;                                /* what it makes of a sample depends on that sample alone; so it was seen */
    uint8_t *have;                                    /* [total] */
    unsigned char *kept[DATA_FIELDS];                 /* by reworked field: [total] rows */
} Mode;

struct Batches {
    const SourceUse *use;
    const DataSource *source;
    const Rework *rework;
    const Slots *slots;
    uint64_t seed;
    bool ahead;
    Store *store;                                     /* of raw fields and the batch number */
    Exec *exec;
    pthread_mutex_t lock;
    int64_t *index, *missing;                         /* [batch] */
    Mode mode[MODES];
    Mode *of[MODES];                                  /* one for both where their layers do the same */
};

int64_t batches_size(const Batches *b) { return b->source->common.batch; }
bool batches_ahead(const Batches *b) { return b->ahead; }

static size_t slot_row(const Batches *b, int slot) {
    const Tensor *type = &b->slots->all.at[slot].type;
    return (size_t)(shape_count(&type->shape) / type->shape.dim[0]) * dtype_size(type->dtype);
}

size_t batches_row(const Batches *b, int field) {
    int slot = b->use->field_slot[field];
    return slot < 0 ? 0 : slot_row(b, slot);
}

size_t batches_bytes(const Batches *b, int field) { return store_bytes(&b->slots->all.at[b->use->field_slot[field]], F32); }

/* ---- making ---- */

/* Samples index[0..n-1] as the kind gives them: into `out`, field by field; NULL: not wanted. */
static bool gather(const Batches *b, int64_t n, const int64_t *index, void *const *out, const size_t *row, Fault *f) {
    void *at[DATA_FIELDS];
    Why why;
    for (int64_t i = 0; i < n; i++) {
        for (int k = 0; k < b->source->nfield; k++) at[k] = out[k] ? (char *)out[k] + (size_t)i * row[k] : NULL;
        if (!source_sample(b->source, index[i], at, &why)) return fault(f, CODE_DATA, "%s: %s", b->source->name, why.text);
    }
    return true;
}

static bool gather_raw(Batches *b, int64_t n, const int64_t *index, Fault *f) {
    void *raw[DATA_FIELDS] = {NULL};
    size_t row[DATA_FIELDS] = {0};
    for (int i = 0; i < b->rework->nfield; i++) {
        int field = b->rework->field[i], slot = b->rework->raw_slot[field];
        raw[field] = b->store->data[slot];
        row[field] = slot_row(b, slot);
    }
    return gather(b, n, index, raw, row, f);
}

static void run(Batches *b, const Mode *m, int64_t cursor) {
    store_set(b->store, b->rework->tick_slot, (double)cursor);
    exec_run(b->exec, m->program, NULL);
}

static const unsigned char *made_row(const Batches *b, const Mode *m, int i, int64_t row) {
    return (const unsigned char *)exec_result(b->exec, m->program, i) + (size_t)row * batches_row(b, b->rework->field[i]);
}

static bool room_to_keep(Batches *b, Mode *m) {
    if (m->have) return true;
    bool ok = (m->have = calloc((size_t)b->source->total, 1));
    for (int i = 0; ok && i < b->rework->nfield; i++)
        ok = (m->kept[i] = malloc((size_t)b->source->total * batches_row(b, b->rework->field[i])));
    if (ok) return true;
    free(m->have);
    m->have = NULL;
    m->keeps = false;
    return false;
}

/* Every sample of the batch that is not kept yet is made now. */
static bool keep(Batches *b, Mode *m, int64_t n, int64_t cursor, Fault *f) {
    int64_t missing = 0;
    for (int64_t i = 0; i < n; i++) {
        bool listed = m->have[b->index[i]];
        for (int64_t k = 0; k < missing && !listed && b->source->common.order == ORDER_REPLACEMENT; k++)
            listed = b->missing[k] == b->index[i];
        if (!listed) b->missing[missing++] = b->index[i];
    }
    if (!missing) return true;
    if (!gather_raw(b, missing, b->missing, f)) return false;
    run(b, m, cursor);
    for (int64_t k = 0; k < missing; k++) {
        for (int i = 0; i < b->rework->nfield; i++) {
            size_t row = batches_row(b, b->rework->field[i]);
            memcpy(m->kept[i] + (size_t)b->missing[k] * row, made_row(b, m, i, k), row);
        }
        m->have[b->missing[k]] = 1;
    }
    return true;
}

static bool rework(Batches *b, Mode *m, int64_t n, int64_t cursor, void *const *out, Fault *f) {
    bool kept = m->keeps && room_to_keep(b, m);
    if (!(kept ? keep(b, m, n, cursor, f) : gather_raw(b, n, b->index, f))) return false;
    if (!kept) run(b, m, cursor);
    for (int i = 0; i < b->rework->nfield; i++) {
        size_t row = batches_row(b, b->rework->field[i]);
        unsigned char *to = out[b->rework->field[i]];
        if (!kept && to) memcpy(to, made_row(b, m, i, 0), (size_t)n * row);
        for (int64_t k = 0; kept && to && k < n; k++) memcpy(to + (size_t)k * row, m->kept[i] + (size_t)b->index[k] * row, row);
    }
    return true;
}

/* ---- what may be kept ---- */

static bool draws(const Graph *g) {
    for (int i = 0; i < g->node.n; i++)
        if (g->node.at[i]->op->traits & RANDOM) return true;
    return false;
}

static bool calls_library(const Program *p) {
    for (int i = 0; i < p->ninstr; i++) {
        const Op *op = p->instr[i].op;
        if (op && (op->traits & THREADS_VARY || op->prepare)) return true;
    }
    return false;
}

/* All rows of the raw batch become its row `from`: does that change what is made of this row, or are the rows made of it
 * not alike to the last bit? */
static bool mixes_at(Batches *b, Mode *m, int64_t from) {
    Fault unread = {0};                               /* a batch that a run needs will say so */
    unsigned char *before[DATA_FIELDS] = {NULL};
    for (int64_t i = 0; i < batches_size(b); i++) b->index[i] = i % b->source->total;
    bool mixes = !gather_raw(b, batches_size(b), b->index, &unread);
    run(b, m, 0);
    for (int i = 0; i < b->rework->nfield; i++) {
        size_t row = batches_row(b, b->rework->field[i]);
        before[i] = malloc(row + 1);
        if (before[i]) memcpy(before[i], made_row(b, m, i, from), row);
    }
    for (int64_t i = 0; i < batches_size(b); i++) b->index[i] = from % b->source->total;
    mixes = !gather_raw(b, batches_size(b), b->index, &unread) || mixes;
    run(b, m, 0);
    for (int i = 0; i < b->rework->nfield; i++) {
        size_t row = batches_row(b, b->rework->field[i]);
        for (int64_t k = 0; k < batches_size(b); k++) mixes = mixes || !before[i] || memcmp(before[i], made_row(b, m, i, k), row);
        free(before[i]);
    }
    return mixes;
}

/* Bytes of all samples as the layers give them. */
static double kept_bytes(const Batches *b) {
    double each = 1;
    for (int i = 0; i < b->rework->nfield; i++) each += (double)batches_row(b, b->rework->field[i]);
    return each * (double)b->source->count;
}

/* Only what a sample alone decides, wherever it stands in a batch, can be kept: then a resumed run, which keeps other
 * samples at first, has the same bits. Layers without draws and without libraries, that mix no samples: this is tried with
 * the first batch. */
static bool could_keep(const Batches *b, FieldMode mode) {
    return kept_bytes(b) <= KEPT_MOST && !calls_library(b->mode[mode].program) && !draws(b->rework->unit[mode].graph);
}

static void try_to_keep(Batches *b, Mode *m) {
    if (m->keeps && !m->tried) m->keeps = !mixes_at(b, m, 0) && !mixes_at(b, m, batches_size(b) - 1);
    m->tried = true;
}

/* ---- batches ---- */

int64_t batches_make(Batches *b, const DataSource *view, FieldMode mode, int64_t cursor, void *const *out, Fault *f) {
    void *plain[DATA_FIELDS] = {NULL};
    size_t row[DATA_FIELDS] = {0};
    for (int k = 0; k < b->source->nfield; k++) {
        bool reworked = b->rework && b->rework->raw_slot[k] >= 0;
        plain[k] = reworked ? NULL : out[k];
        row[k] = batches_row(b, k);
    }
    pthread_mutex_lock(&b->lock);
    Mode *m = b->of[mode];
    if (m->program) try_to_keep(b, m);
    int64_t n = source_order(view, b->seed, cursor, b->index);
    bool ok = gather(b, n, b->index, plain, row, f) &&
              (!m->program || rework(b, m, n, cursor, out, f));
    pthread_mutex_unlock(&b->lock);
    return ok ? n : -1;
}

static bool layers_new(Batches *b, Program *const program[MODES], int threads) {
    int which[DATA_FIELDS + 1], n = 0;
    for (int i = 0; i < b->rework->nfield; i++) which[n++] = b->rework->raw_slot[b->rework->field[i]];
    which[n++] = b->rework->tick_slot;
    b->store = store_some(b->slots, F32, n, which);
    b->exec = b->store ? exec_new(b->store, b->seed, threads) : NULL;
    if (!b->exec) return false;
    for (int mode = 0; mode < MODES; mode++) {
        if (!exec_reserve(b->exec, program[mode])) return false;
        b->mode[mode].program = program[mode];
        b->ahead = b->ahead && !calls_library(program[mode]);
    }
    for (int mode = 0; mode < MODES; mode++) b->mode[mode].keeps = could_keep(b, mode);
    if (program[MODE_TRAIN] == program[MODE_EVAL]) b->of[MODE_TRAIN] = b->of[MODE_EVAL];
    return true;
}

Batches *batches_new(Training *t, int source, Program *const program[MODES], uint64_t seed, int threads, Fault *f) {
    const SourceUse *use = &t->source[source];
    size_t batch = (size_t)use->source->common.batch;
    Batches *b = calloc(1, sizeof *b);
    if (!b) return fault_memory(f), NULL;
    *b = (Batches){.use = use, .source = use->source, .rework = use->rework, .slots = t->slots, .seed = seed, .ahead = true};
    pthread_mutex_init(&b->lock, NULL);
    for (int mode = 0; mode < MODES; mode++) b->of[mode] = &b->mode[mode];
    b->index = malloc(batch * sizeof *b->index);
    b->missing = malloc(batch * sizeof *b->missing);
    if (b->index && b->missing && (!b->rework || layers_new(b, program, threads))) return b;
    fault_memory(f);
    batches_free(b);
    return NULL;
}

double batches_memory(const Batches *b) {
    double bytes = 2.0 * sizeof *b->index * (double)batches_size(b);
    if (!b->rework) return bytes;
    for (int mode = 0; mode < MODES; mode++)
        if (b->of[mode] == &b->mode[mode] && b->mode[mode].keeps) bytes += kept_bytes(b);
    return bytes + (double)b->store->bytes + (double)exec_workspace(b->exec);
}

void batches_free(Batches *b) {
    if (!b) return;
    for (int mode = 0; mode < MODES; mode++) {
        free(b->mode[mode].have);
        for (int i = 0; i < DATA_FIELDS; i++) free(b->mode[mode].kept[i]);
    }
    exec_free(b->exec);
    store_free(b->store);
    pthread_mutex_destroy(&b->lock);
    free(b->index);
    free(b->missing);
    free(b);
}
