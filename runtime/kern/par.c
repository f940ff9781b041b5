/* The one thread pool, OpenMP's, and how many cores this process may use. OpenBLAS (OpenMP build) and oneDNN run on
 * the same pool. Knows no tensors. Invariant: a call with one thread, or one item, opens no parallel region. */
#include "base/measure.h"
#include "kern/kern.h"

#include <errno.h>
#include <cblas.h>
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE__
#include <immintrin.h>
#endif
#undef I                                              /* cblas.h brings in complex.h */

/* Results nearer to 0 than 1.2e-38 (subnormal numbers) are 0 from now on, on this thread and those that it starts. Adam's
 * moments of a unit that gets no gradient any more shrink into that range and stay there, and the processor needs a
 * hundred times as long for such a number. */
static void flush_subnormal(void) {
#ifdef __SSE__
    _MM_SET_FLUSH_ZERO_MODE(_MM_FLUSH_ZERO_ON);
#endif
}

static clockid_t *clocks;                             /* of the pool's threads */
static int nclock;

static void keep_clocks(int n) {
    clockid_t *more = realloc(clocks, (size_t)n * sizeof *clocks);
    nclock = more ? n : 0;
    clocks = more ? more : clocks;
}

void par_threads(int n) {
    if (n < 1) n = 1;
    omp_set_dynamic(0);
    omp_set_num_threads(n);
    openblas_set_num_threads(n);                      /* oneDNN asks OpenMP */
    keep_clocks(n);
#pragma omp parallel
    {
        flush_subnormal();
        if (nclock) pthread_getcpuclockid(pthread_self(), &clocks[omp_get_thread_num()]);
#pragma omp barrier
#pragma omp single
        if (nclock) nclock = omp_get_num_threads();   /* a limit of OpenMP's may leave fewer than asked for */
    }
}

/* Each thread's own clock: that of the process counts what another thread does now only every few milliseconds. */
double par_seconds(void) {
    double sum = nclock ? 0 : seconds_on(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < nclock; i++) sum += seconds_on(clocks[i]);
    return sum;
}

void par_alone(void) { omp_set_num_threads(1); }

int par_count(void) { return omp_get_max_threads(); }

void parallel_for(int64_t n, void (*body)(void *ctx, int64_t i), void *ctx) {
    if (n <= 1 || omp_get_max_threads() == 1) {
        for (int64_t i = 0; i < n; i++) body(ctx, i);
        return;
    }
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) body(ctx, i);
}

static int affinity(void) {
    for (unsigned cpus = 1024; cpus <= 1u << 20; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (!set) return 1;
        size_t size = CPU_ALLOC_SIZE(cpus);
        int failed = sched_getaffinity(0, size, set) ? errno : 0, n = failed ? 1 : CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (failed != EINVAL) return n;               /* EINVAL: the kernel knows more CPUs than the set holds */
    }
    return 1;
}

/* Lowers *cores to the quota in folder, if there is one. Version 2 has "QUOTA PERIOD" in one file, version 1 has two. */
static void read_quota(const char *folder, bool v2, int *cores) {
    char path[512 + 32];
    long long quota = 0, period = 0;
    snprintf(path, sizeof path, v2 ? "%s/cpu.max" : "%s/cpu.cfs_quota_us", folder);
    FILE *f = fopen(path, "r");
    if (!f) return;
    int got = v2 ? fscanf(f, "%lld %lld", &quota, &period) : fscanf(f, "%lld", &quota);
    fclose(f);
    if (!v2 && got == 1) {
        snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
        f = fopen(path, "r");
        if (!f) return;
        if (fscanf(f, "%lld", &period) == 1) got = 2;
        fclose(f);
    }
    if (got != 2 || quota <= 0 || period <= 0) return;   /* "max" or -1: no limit */
    long long n = (quota + period - 1) / period;
    if (n < *cores) *cores = (int)n;
}

/* The quota of a group holds for all below it: read every folder from the process's own up to the root. In a
 * container the path may name folders that only the host sees; they are not there, and the root's file counts. */
static void read_quotas(const char *root, char *group, bool v2, int *cores) {
    char folder[512];
    for (;;) {
        snprintf(folder, sizeof folder, "%s%s", root, group);
        read_quota(folder, v2, cores);
        char *slash = strrchr(group, '/');
        if (!slash) return;
        *slash = 0;
    }
}

int par_cores(void) {
    int cores = affinity();
    FILE *f = fopen("/proc/self/cgroup", "r");
    if (!f) return cores;
    char line[400];                                   /* "4:cpu,cpuacct:/group" or, version 2, "0::/group" */
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group) continue;
        *group++ = 0;
        controllers++;
        bool v2 = !*controllers;
        if (!v2 && strcmp(controllers, "cpu") && strncmp(controllers, "cpu,", 4) && !strstr(controllers, ",cpu,") &&
            !(strlen(controllers) > 4 && !strcmp(controllers + strlen(controllers) - 4, ",cpu")))
            continue;
        char root[128];
        snprintf(root, sizeof root, "/sys/fs/cgroup%s%.64s", v2 ? "" : "/", controllers);
        read_quotas(root, group, v2, &cores);
    }
    fclose(f);
    return cores < 1 ? 1 : cores;
}
