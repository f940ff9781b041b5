/* Runs programs: resolves each instruction's operands to addresses and calls its kernel or the region engine.
 * One workspace serves all programs; it and the threads' block buffers are reserved before the first run.
 * Invariant: the addresses of an instruction are resolved anew at every run, so a workspace may grow between
 * runs. */
#include "exec/exec.h"
#include "exec/run.h"
#include "kern/kern.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    *block = aligned_alloc(LINE, need * times);
    *have = *block ? need : 0;
    return *block != NULL;
}

bool exec_reserve(Exec *e, const Program *p) {
    size_t thread = 0;
    int address = 0;
    for (int k = 0; k < p->ninstr; k++) {
        const Instr *i = &p->instr[k];
        if (!i->op && region_thread_bytes(i->state) > thread) thread = region_thread_bytes(i->state);
        if (i->nin + i->nout > address) address = i->nin + i->nout;
    }
    if (!grow(&e->workspace, &e->nworkspace, p->workspace, 1)) return false;
    if (!grow(&e->thread, &e->nthread, thread, (size_t)e->threads)) return false;
    if (address > e->naddress) {
        free(e->address);
        e->address = calloc((size_t)address, sizeof *e->address);
        e->naddress = e->address ? address : 0;
    }
    return address <= e->naddress;
}

static unsigned char *address_of(const Exec *e, const Program *p, const Operand *o) {
    unsigned char *base = o->place == IN_WORKSPACE ? e->workspace
                          : o->place == IN_SLOT    ? e->store->data[o->slot]
                                                   : p->constants;
    return base + o->offset;
}

static void run_instr(Exec *e, const Program *p, const Instr *i) {
    unsigned char **in = e->address, **out = e->address + i->nin, *scratch = e->workspace + i->scratch;
    for (int k = 0; k < i->nin; k++) in[k] = address_of(e, p, &i->in[k]);
    for (int k = 0; k < i->nout; k++) out[k] = address_of(e, p, &i->out[k]);
    if (i->op) {
        i->op->eval(i, (const void *const *)in, (void *const *)out, scratch);
        return;
    }
    RegionRun run = {
        i->state, (const unsigned char *const *)in, out, scratch, e->thread, e->nthread, e->threads, e->seed};
    region_run(&run);
}

static bool all_finite(const Exec *e, const Program *p, const Instr *i, Watched *watched) {
    for (int k = 0; k < i->nout; k++) {
        if (i->out[k].type.dtype != F32) continue;
        const float *x = (const float *)(const void *)address_of(e, p, &i->out[k]);
        int64_t n = shape_count(&i->out[k].type.shape);
        for (int64_t j = 0; j < n; j++)
            if (!isfinite(x[j])) {
                *watched = (Watched){i, k, j, x[j]};
                return false;
            }
    }
    return true;
}

bool exec_run(Exec *e, const Program *p, Watched *watched) {
    assert(p->workspace <= e->nworkspace);
    for (int k = 0; k < p->ninstr; k++) {
        run_instr(e, p, &p->instr[k]);
        if (watched && !all_finite(e, p, &p->instr[k], watched)) return false;
    }
    return true;
}

const void *exec_result(const Exec *e, const Program *p, int result) {
    return address_of(e, p, &p->result[result].at);
}

double exec_number(const Exec *e, const Program *p, int result) {
    const void *x = exec_result(e, p, result);
    switch (p->result[result].at.type.dtype) {
    case F32: return *(const float *)x;
    case I32: return *(const int32_t *)x;
    default: return *(const uint8_t *)x;
    }
}

size_t exec_workspace(const Exec *e) { return e->nworkspace + e->nthread * (size_t)e->threads; }

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void exec_profile(Exec *e, const Program *p, InstrTime *times) {
    for (int k = 0; k < p->ninstr; k++) {
        double cpu = now(CLOCK_PROCESS_CPUTIME_ID), start = now(CLOCK_MONOTONIC);
        run_instr(e, p, &p->instr[k]);
        times[k].seconds += now(CLOCK_MONOTONIC) - start;
        times[k].cpu += now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        times[k].calls++;
    }
}
