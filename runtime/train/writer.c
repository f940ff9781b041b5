/* A ring of tasks: given by the trainer, made by the thread, taken back by the trainer, all in one order. The thread owns
 * tasks from `made` to `given`; `lock` guards the three numbers. */
#include "train/writer.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>

enum { ROOM = 4 };

struct Writer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool alone, ending, failed; /* alone: there is no thread */
    int64_t given, made, taken;
    Task *task[ROOM];
};

/* Only who makes tasks reads and sets `failed`. */
static void make(Writer *w, Task *t) {
    t->end = w->failed ? TASK_LEFT : t->make(t) ? TASK_MADE : TASK_FAILED;
    w->failed = w->failed || t->end == TASK_FAILED;
}

static void *work(void *ctx) {
    Writer *w = ctx;
    pthread_mutex_lock(&w->lock);
    while (!w->ending) {
        if (w->made == w->given) {
            pthread_cond_wait(&w->changed, &w->lock);
            continue;
        }
        Task *t = w->task[w->made % ROOM];
        pthread_mutex_unlock(&w->lock);
        make(w, t);
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
    w->alone = pthread_create(&w->thread, NULL, work, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!w->alone) pthread_setname_np(w->thread, "writer");
    return w;
}

void writer_free(Writer *w) {
    if (!w) return;
    assert(w->taken == w->given);
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    if (!w->alone) pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
    free(w);
}

bool writer_full(Writer *w) { return w->given - w->taken == ROOM; }

void writer_give(Writer *w, Task *t) {
    pthread_mutex_lock(&w->lock);
    w->task[w->given++ % ROOM] = t;
    if (w->alone) make(w, t), w->made++;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

Task *writer_next(Writer *w, bool wait) {
    Task *t = NULL;
    pthread_mutex_lock(&w->lock);
    while (wait && w->taken == w->made && w->made < w->given) pthread_cond_wait(&w->changed, &w->lock);
    if (w->taken < w->made) t = w->task[w->taken++ % ROOM];
    pthread_mutex_unlock(&w->lock);
    return t;
}
