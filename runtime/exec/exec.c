/* Runs programs: resolves each instruction's operands to addresses and calls its kernel or the region engine.
 * One workspace serves all programs; it and the threads' block buffers are reserved before the first run.
 * Invariant: the addresses of an instruction are resolved anew at every run, so a workspace may grow between
 * runs. */
#include "exec/exec.h"

#include "base/measure.h"
#include "exec/run.h"
#include "kern/kern.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Exec {
    Store *store;
    uint64_t seed;
    int threads;
    unsigned char *workspace, *thread;
    size_t nworkspace, nthread; /* bytes; of each thread */
    unsigned char **address;    /* of one instruction's operands */
    int naddress;
};

enum { LINE = 64 };

Exec *exec_new(Store *store, uint64_t seed, int threads) {
    Exec *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    *e = (Exec){.store = store, .seed = seed, .threads = threads < 1 ? 1 : threads};
    par_threads(e->threads);
    return e;
}

void exec_free(Exec *e) {
    if (!e) return;
    free(e->workspace);
    free(e->thread);
    free(e->address);
    free(e);
}

static bool grow(unsigned char **block, size_t *have, size_t need, size_t times) {
    need = (need + LINE - 1) & ~(size_t)(LINE - 1);
    if (need <= *have) return true;
    free(*block);
    *block = block_new(need * times);
    *have = *block ? need : 0;
    return *block != NULL;
}

/* What the instructions of a program need of the executor, those of loops' bodies included. */
typedef struct {
    size_t thread; /* bytes of each worker */
    int address;   /* operands at a time */
} Need;

static Need need_of(const Program *p) {
    Need all = {0};
    for (int k = 0; k < p->ninstr; k++) {
        const Instr *i = &p->instr[k];
        Need one = {i->op ? 0 : region_thread_bytes(i->state), i->nin + i->nout};
        if (i->body) {
            Need inner = need_of(i->body);
            one = (Need){inner.thread, one.address + i->nin + 1 + inner.address};
        }
        if (one.thread > all.thread) all.thread = one.thread;
        if (one.address > all.address) all.address = one.address;
    }
    return all;
}

bool exec_reserve(Exec *e, const Program *p) {
    Need need = need_of(p);
    if (!grow(&e->workspace, &e->nworkspace, p->workspace, 1)) return false;
    if (!grow(&e->thread, &e->nthread, need.thread, (size_t)e->threads)) return false;
    if (need.address > e->naddress) {
        free(e->address);
        e->address = calloc((size_t)need.address, sizeof *e->address);
        e->naddress = e->address ? need.address : 0;
    }
    return need.address <= e->naddress;
}

/* Where a program runs: a loop's body has a workspace and slots of its own. */
typedef struct {
    unsigned char *workspace;
    void *const *slot;
    unsigned char **address; /* room for the operands of one instruction, and of what runs inside it */
} Frame;

static Frame outermost(const Exec *e) { return (Frame){e->workspace, e->store->data, e->address}; }

static unsigned char *address_of(const Program *p, const Frame *f, const Operand *o) {
    unsigned char *base = o->place == IN_WORKSPACE ? f->workspace
                          : o->place == IN_SLOT    ? f->slot[o->slot]
                                                   : p->constants;
    return base + o->offset;
}

static bool run_program(Exec *e, const Program *p, const Frame *f, Watched *watched);

/* The rounds of a loop. Behind the addresses of its operands stand those of its body's slots. */
static bool run_loop(Exec *e, const Instr *i, unsigned char **in, unsigned char **out, unsigned char *scratch,
                     Watched *watched) {
    unsigned char **slot = out + i->nout;
    slot[LOOP_CARRIED] = out[0];
    slot[LOOP_ROUND] = scratch;
    for (int k = 1; k < i->nin; k++) slot[k + 1] = in[k];
    memcpy(out[0], in[0], (size_t)shape_count(&i->out[0].type.shape) * dtype_size(i->out[0].type.dtype));
    Frame inner = {scratch + LINE, (void *const *)slot, slot + i->nin + 1};
    for (int64_t r = 0; r < i->rounds; r++) {
        *(int32_t *)(void *)scratch = (int32_t)r;
        if (!run_program(e, i->body, &inner, watched)) return false;
    }
    return true;
}

static bool run_instr(Exec *e, const Program *p, const Instr *i, const Frame *f, Watched *watched) {
    unsigned char **in = f->address, **out = f->address + i->nin, *scratch = f->workspace + i->scratch;
    for (int k = 0; k < i->nin; k++) in[k] = address_of(p, f, &i->in[k]);
    for (int k = 0; k < i->nout; k++) out[k] = address_of(p, f, &i->out[k]);
    if (i->body) return run_loop(e, i, in, out, scratch, watched);
    if (i->op) {
        i->op->eval(i, (const void *const *)in, (void *const *)out, scratch);
        return true;
    }
    RegionRun run = {
        i->state, (const unsigned char *const *)in, out, scratch, e->thread, e->nthread, e->threads, e->seed};
    region_run(&run);
    return true;
}

/* The addresses of its operands are still there. */
static void explain(const Instr *i, const Frame *f, Watched *watched) {
    Numbers in[EXPLAINED];
    if (!i->op || !i->op->explain) return;
    for (int k = 0; k < i->nin; k++) in[k] = (Numbers){i->in[k].type, f->address[k]};
    i->op->explain(in, watched->element, watched->why, sizeof watched->why);
}

static bool all_finite(const Program *p, const Instr *i, const Frame *f, Watched *watched) {
    for (int k = 0; k < i->nout; k++) {
        if (i->out[k].type.dtype != F32) continue;
        const float *x = (const float *)(const void *)address_of(p, f, &i->out[k]);
        int64_t n = shape_count(&i->out[k].type.shape);
        for (int64_t j = 0; j < n; j++)
            if (!isfinite(x[j])) {
                *watched = (Watched){i->loc, i->op ? i->op->name : NULL, i->label, i->role, i->out[k].type.shape, j, x[j], ""};
                explain(i, f, watched);
                return false;
            }
    }
    return true;
}

static bool run_program(Exec *e, const Program *p, const Frame *f, Watched *watched) {
    for (int k = 0; k < p->ninstr; k++)
        if (!run_instr(e, p, &p->instr[k], f, watched) || (watched && !all_finite(p, &p->instr[k], f, watched)))
            return false;
    return true;
}

bool exec_run(Exec *e, const Program *p, Watched *watched) {
    assert(p->workspace <= e->nworkspace);
    if (p->reference) return reference_run(p, e->store, e->seed, e->workspace, watched);
    Frame f = outermost(e);
    return run_program(e, p, &f, watched);
}

const void *exec_result(const Exec *e, const Program *p, int result) {
    Frame f = outermost(e);
    return address_of(p, &f, &p->result[result].at);
}

double exec_number(const Exec *e, const Program *p, int result) {
    return number_get(exec_result(e, p, result), p->result[result].at.type.dtype, 0);
}

size_t exec_workspace(const Exec *e) { return e->nworkspace + e->nthread * (size_t)e->threads; }

void exec_profile(Exec *e, const Program *p, InstrTime *times) {
    assert(!p->reference);
    Frame f = outermost(e);
    for (int k = 0; k < p->ninstr; k++) {
        double begun = seconds_now(), cpu = par_seconds(), start = seconds_now();
        run_instr(e, p, &p->instr[k], &f, NULL);
        double end = seconds_now();
        times[k].cpu += par_seconds() - cpu;
        times[k].seconds += end - start;
        times[k].span += end - begun;
        times[k].calls++;
    }
}
