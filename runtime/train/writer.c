/* A ring of jobs: given by the trainer, made by the thread, taken back by the trainer, all in one order. The thread owns
 * jobs from `made` to `given`; `lock` guards the three numbers. */
#include "train/writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { ROOM = 4 };

struct Writer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ending;
    int64_t given, made, taken;
    OutputJob *job[ROOM];
};

static void *work(void *ctx) {
    Writer *w = ctx;
    pthread_mutex_lock(&w->lock);
    while (!w->ending || w->made < w->given) {
        if (w->made == w->given) {
            pthread_cond_wait(&w->changed, &w->lock);
            continue;
        }
        OutputJob *job = w->job[w->made % ROOM];
        pthread_mutex_unlock(&w->lock);
        job->done = job->kind->write(job, job->options);
        pthread_mutex_lock(&w->lock);
        w->made++;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

Writer *writer_new(void) {
    Writer *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    sigset_t all, old;
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    bool started = !pthread_create(&w->thread, NULL, work, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (started) return pthread_setname_np(w->thread, "writer"), w;
    free(w);
    return NULL;
}

void writer_free(Writer *w) {
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    for (int64_t i = w->taken; i < w->made; i++) job_free(w->job[i % ROOM]);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
    free(w);
}

bool writer_full(const Writer *w) { return w->given - w->taken == ROOM; }

void writer_give(Writer *w, OutputJob *job) {
    pthread_mutex_lock(&w->lock);
    w->job[w->given++ % ROOM] = job;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

OutputJob *writer_next(Writer *w, bool wait) {
    OutputJob *job = NULL;
    pthread_mutex_lock(&w->lock);
    while (wait && w->taken == w->made && w->made < w->given) pthread_cond_wait(&w->changed, &w->lock);
    if (w->taken < w->made) job = w->job[w->taken++ % ROOM];
    pthread_mutex_unlock(&w->lock);
    return job;
}
