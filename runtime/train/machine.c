/* The machine's beginning and end: its own slots, Store, executor, programs, sources, and the start of a run. */
#include "train/machine.h"

#include "kern/kern.h"

#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

int64_t get_int(const Machine *m, int slot) { return (int64_t)store_number(m->store, slot); }
void set_int(Machine *m, int slot, int64_t value) { store_set(m->store, slot, (double)value); }

MachineOptions machine_defaults(void) {
    return (MachineOptions){.passes = passes_all(), .plan = plan_all()};
}

/* ---- the trainer's own slots ---- */

static int own_slot(Slots *s, const char *name, DType type, double fill) {
    int at = slot_find(s, name);
    if (at >= 0) return at; /* a second machine on one Training */
    return slot_add(s, (Slot){.name = name, .type = {.dtype = type}, .kind = SLOT_COUNTER, .fill = fill});
}

static int *own_flags(Training *t, int n, const char *what, const char *(*name)(const Training *t, int i)) {
    int *slot = ARENA_ARRAY(t->arena, int, n + 1);
    for (int i = 0; i < n; i++)
        slot[i] = own_slot(t->slots, arena_printf(t->arena, "@trainer/%s/%s", what, name(t, i)), I32, 0);
    return slot;
}

static const char *iteration_name(const Training *t, int i) { return t->iteration[i].name; }
static const char *output_name(const Training *t, int i) { return t->output[i].name; }
static const char *source_name(const Training *t, int i) { return t->source[i].name; }

static void own_turns(Machine *m) {
    Training *t = m->t;
    m->own.played = ARENA_ARRAY(t->arena, int, m->nturn + 1);
    m->own.logged = ARENA_ARRAY(t->arena, int *, m->nturn + 1);
    for (int i = 0; i < m->nturn; i++) {
        const Unit *u = &m->turn[i]->unit;
        m->own.played[i] = own_slot(t->slots, arena_printf(t->arena, "@trainer/played/%d", i), I32, 0);
        m->own.logged[i] = ARENA_ARRAY(t->arena, int, u->nresult + 1);
        for (int k = 0; k < u->nresult; k++) {
            const char *name = u->result_name ? u->result_name[k] : NULL;
            if (name) name = arena_printf(t->arena, "@trainer/logged/%d/%s", i, name);
            m->own.logged[i][k] = name ? own_slot(t->slots, name, F32, 0) : -1;
        }
    }
}

static void own_make(Machine *m) {
    Training *t = m->t;
    m->own.count = own_slot(t->slots, "@trainer/count", I32, -1);
    m->own.turns = own_slot(t->slots, "@trainer/turns", I32, 0);
    m->own.best = own_slot(t->slots, "@trainer/best", F32, 0);
    m->own.best_known = own_slot(t->slots, "@trainer/best_known", I32, 0);
    m->own.log_lines = own_slot(t->slots, "@trainer/log_lines", I32, 0);
    m->own.epoch_start = own_slot(t->slots, "@trainer/epoch_start", I32, 0);
    m->own.epoch_before = own_slot(t->slots, "@trainer/epoch_before", I32, 0);
    m->own.computed = own_flags(t, t->niteration, "computed", iteration_name);
    m->own.delivered = own_flags(t, t->nsource, "delivered", source_name);
    m->own.drawn = own_flags(t, t->noutput, "drawn", output_name);
    own_turns(m);
}

static void turns_find(Machine *m) {
    int most = 0;
    for (int s = 0; s < m->t->nstage; s++) most += m->t->stage[s].nentry;
    m->turn = ARENA_ARRAY(m->t->arena, Turn *, most + 1);
    for (int s = 0; s < m->t->nstage; s++)
        for (int i = 0; i < m->t->stage[s].nentry; i++) {
            Turn *turn = m->t->stage[s].entry[i].turn;
            int k = 0;
            while (k < m->nturn && m->turn[k] != turn) k++;
            if (k == m->nturn) m->turn[m->nturn++] = turn;
        }
}

/* ---- making and freeing ---- */

static bool feeds_make(Machine *m) {
    Training *t = m->t;
    m->feed = calloc((size_t)t->nsource + 1, sizeof *m->feed);
    m->wanted = calloc((size_t)t->nsource + 1, sizeof *m->wanted);
    if (!m->feed || !m->wanted) return false;
    for (int i = 0; i < t->nsource; i++) {
        Feed *feed = &m->feed[i];
        feed->kind = FEED_NONE;
        const DataSource *s = t->source[i].source;
        for (int k = 0; s && k < s->nfield; k++) {
            int slot = t->source[i].field_slot[k];
            if (slot >= 0) feed->out[k] = m->store->data[slot];
        }
    }
    return true;
}

double memory_there_is(void) {
    double bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    static const int limits[] = {RLIMIT_AS, RLIMIT_DATA};
    for (int i = 0; i < 2; i++) {
        struct rlimit limit;
        if (!getrlimit((__rlimit_resource_t)limits[i], &limit) && limit.rlim_cur != RLIM_INFINITY)
            bytes = fmin(bytes, (double)limit.rlim_cur);
    }
    return bytes;
}

/* The largest tensor of a unit and the line of the spec that it comes from, or of what is kept and its name. */
static const char *largest(const Training *t, const Unit *u) {
    const Node *large = NULL;
    const Slot *kept = NULL;
    for (int i = 0; u && i < u->graph->node.n; i++) {
        const Node *n = u->graph->node.at[i];
        if (!(n->op->traits & (VIEW | LEAF)) && (!large || NODE_COUNT(n) > NODE_COUNT(large))) large = n;
    }
    for (int i = 0; !u && i < t->slots->all.n; i++) {
        const Slot *s = &t->slots->all.at[i];
        if (!kept || shape_count(&s->type.shape) > shape_count(&kept->type.shape)) kept = s;
    }
    if (kept) return arena_printf(t->arena, "; the largest tensor is '%s', %s", kept->name, shape_show(&kept->type.shape, t->arena));
    if (!large) return "";
    const char *file = large->loc.file < t->diags->nsource ? t->diags->sources[large->loc.file].name : "";
    return arena_printf(t->arena, "; the largest tensor is %s, of %s:%u:%u", shape_show(&large->type.shape, t->arena), file, large->loc.line, large->loc.col);
}

bool fault_room(Fault *f, const Training *t, const Unit *u, double bytes) {
    return fault(f, CODE_FAILED, "%s takes %.1f GB, and there are %.1f GB of memory: make a batch or a size smaller%s",
                 u ? u->name : "what is kept between turns", bytes / 1e9, memory_there_is() / 1e9, largest(t, u));
}

bool room_for(Fault *f, const Training *t, const Unit *u, double bytes) {
    return bytes <= memory_there_is() || fault_room(f, t, u, bytes);
}

Machine *machine_new(Training *t, const MachineOptions *options, Fault *f) {
    Machine *m = calloc(1, sizeof *m);
    if (!m) return fault_memory(f), NULL;
    m->t = t;
    m->options = *options;
    if (!m->options.threads) m->options.threads = par_cores();
    turns_find(m);
    own_make(m);
    DType floats = m->options.precision == FP64 ? F64 : F32;
    double store = store_size(t->slots, floats);
    if (!room_for(f, t, NULL, store)) {
        machine_free(m);
        return NULL;
    }
    m->store = store_new(t->slots, floats);
    if (!m->store) fault_room(f, t, NULL, store);
    if (m->store) m->exec = exec_new(m->store, m->options.seed, m->options.threads);
    if (!m->exec || !feeds_make(m)) {
        fault_memory(f);
        machine_free(m);
        return NULL;
    }
    return m;
}

static bool drop_program(void *ctx, Unit *u) {
    (void)ctx;
    if (u->program) program_free(u->program);
    u->program = NULL;
    return true;
}

void machine_plan(Machine *m, PlanOptions plan) {
    units_each(m->t, drop_program, NULL);
    m->options.plan = plan;
}

static void batches_end(Machine *m, int source) {
    Rework *r = m->t->source[source].rework;
    batches_free(m->feed[source].batches);
    for (int mode = 0; r && mode < MODES; mode++) drop_program(NULL, &r->unit[mode]);
}

void machine_free(Machine *m) {
    if (!m) return;
    units_each(m->t, drop_program, NULL);
    loader_free(m->loader);
    for (int i = 0; m->feed && i < m->t->nsource; i++) batches_end(m, i);
    free(m->feed);
    free(m->wanted);
    if (m->exec) exec_free(m->exec);
    if (m->store) store_free(m->store);
    free(m);
}

/* ---- before the first step ---- */

typedef struct {
    Machine *m;
    Fault *f;
} Preparing;

static bool prepare_one(void *ctx, Unit *u) {
    Preparing *p = ctx;
    return unit_ready(p->m, u, p->f);
}

bool machine_prepare(Machine *m, Fault *f) {
    bool done = units_each(m->t, prepare_one, &(Preparing){m, f});
    malloc_trim(0);                                   /* what planning took is not needed again */
    return done;
}

static bool add_library(void *ctx, Unit *u) {
    if (u->program) *(size_t *)ctx += u->program->library;
    return true;
}

static bool add_compiled(void *ctx, Unit *u) {
    if (u->program) *(size_t *)ctx += arena_used(u->program->arena);
    return true;
}

size_t machine_compiled(const Machine *m) {
    size_t bytes = arena_used(m->t->arena);
    units_each(m->t, add_compiled, &bytes);
    return bytes;
}

size_t machine_library(const Machine *m) {
    size_t bytes = kern_code();
    units_each(m->t, add_library, &bytes);
    return bytes;
}

/* Do the layers of a source's fields do the same in both modes? */
static bool alike(const Rework *r) {
    const Unit *x = &r->unit[MODE_EVAL], *z = &r->unit[MODE_TRAIN];
    bool same = graph_hash(x->graph) == graph_hash(z->graph);
    for (int i = 0; i < r->nfield; i++) same = same && x->result[i]->id == z->result[i]->id;
    return same;
}

/* Each mode's program is made before anything runs in another thread. */
static bool batches_begin(Machine *m, int source, Fault *f) {
    Rework *r = m->t->source[source].rework;
    Program *program[MODES] = {NULL};
    if (m->feed[source].batches) return true;
    for (int mode = 0; r && mode < MODES; mode++) {
        Unit *u = &r->unit[alike(r) ? MODE_EVAL : mode];
        if (!u->program && !(u->program = unit_program(m, u, f))) return false;
        program[mode] = u->program;
    }
    m->feed[source].batches = batches_new(m->t, source, program, m->options.seed, m->options.threads, f);
    return m->feed[source].batches != NULL;
}

bool machine_batches(Machine *m, double *bytes, Fault *f) {
    *bytes = (double)feed_ahead(m);
    for (int i = 0; i < m->t->nsource; i++) {
        if (!m->t->source[i].used) continue;
        if (!batches_begin(m, i, f)) return false;
        *bytes += batches_memory(m->feed[i].batches);
    }
    return true;
}

bool machine_load(Machine *m, Fault *f) {
    if (m->loaded) return true;
    for (int i = 0; i < m->t->nsource; i++) {
        DataSource *s = m->t->source[i].source;
        if (!m->t->source[i].used) continue;
        if (!s->loaded && !source_load(s)) return fault(f, CODE_DATA, "source '%s' cannot be read", s->name);
        m->feed[i].through = *s;
        m->feed[i].through.common.order = ORDER_SEQUENTIAL;
        m->feed[i].through.common.last = LAST_KEEP;
        if (!batches_begin(m, i, f)) return false;
    }
    if (!indices_fit(m->t)) return fault(f, CODE_SPEC, "the data do not fit the spec");
    m->loader = loader_new(m->t->nsource);
    m->loaded = true;
    return true;
}

bool machine_start(Machine *m, Fault *f) {
    for (int i = 0; i < m->t->slots->all.n; i++) store_reset(m->store, i);
    feed_forget(m);
    if (!feed_first(m, &m->t->init, f) || !unit_run(m, &m->t->init, f)) return false;
    for (int i = 0; i < m->t->nfixed; i++)
        if (!feed_first(m, &m->t->fixed[i], f) || !unit_run(m, &m->t->fixed[i], f)) return false;
    return true;
}
