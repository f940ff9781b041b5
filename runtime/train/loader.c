/* The loader: one thread, one wish a source. It calls nothing that starts threads. Invariant: a Wish is the
 * thread's while it is WANTED or MAKING, the trainer's otherwise; `lock` guards the states. */
#include "train/loader.h"

#include "kern/kern.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

typedef enum { IDLE, WANTED, MAKING, MADE } State;

typedef struct {
    State state;
    Batches *batches;
    const DataSource *source;
    int64_t cursor, rows;
    void *into[DATA_FIELDS]; /* our own memory; NULL where a field is not wanted */
} Wish;

struct Loader {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ending;
    int n;
    Wish *wish;
};

static Wish *next_wish(Loader *l) {
    for (int i = 0; i < l->n; i++)
        if (l->wish[i].state == WANTED) return &l->wish[i];
    return NULL;
}

static void *work(void *ctx) {
    Loader *l = ctx;
    par_alone();
    pthread_mutex_lock(&l->lock);
    while (!l->ending) {
        Wish *w = next_wish(l);
        if (!w) {
            pthread_cond_wait(&l->changed, &l->lock);
            continue;
        }
        w->state = MAKING;
        pthread_mutex_unlock(&l->lock);
        Fault unread = {0};
        int64_t rows = batches_make(w->batches, w->source, MODE_TRAIN, w->cursor, w->into, &unread);
        pthread_mutex_lock(&l->lock);
        w->rows = rows;
        w->state = MADE;
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

Loader *loader_new(int nsource) {
    Loader *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    l->n = nsource;
    l->wish = calloc((size_t)nsource + 1, sizeof *l->wish);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    sigset_t all, old;
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    bool started = l->wish && !pthread_create(&l->thread, NULL, work, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (started) return pthread_setname_np(l->thread, "loader"), l;
    free(l->wish);
    free(l);
    return NULL;
}

void loader_free(Loader *l) {
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->ending = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    for (int i = 0; i < l->n; i++)
        for (int k = 0; k < DATA_FIELDS; k++) free(l->wish[i].into[k]);
    free(l->wish);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->changed);
    free(l);
}

/* Memory for a batch, made at the first wish; false where there is none. */
static bool make_room(Wish *w, const Batches *b, void *const *out) {
    for (int k = 0; k < DATA_FIELDS; k++) {
        if (!out[k] || w->into[k]) continue;
        w->into[k] = malloc((size_t)batches_size(b) * batches_row(b, k) + 1);
        if (!w->into[k]) return false;
    }
    return true;
}

static void wait_for(Loader *l, Wish *w) {
    while (w->state == WANTED || w->state == MAKING) pthread_cond_wait(&l->changed, &l->lock);
}

void loader_ask(Loader *l, int source, Batches *b, const DataSource *s, int64_t cursor, void *const *out) {
    if (!l || !batches_ahead(b)) return;
    Wish *w = &l->wish[source];
    pthread_mutex_lock(&l->lock);
    wait_for(l, w);
    w->state = IDLE;
    if (make_room(w, b, out)) {
        w->batches = b;
        w->source = s;
        w->cursor = cursor;
        w->state = WANTED;
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
}

int64_t loader_take(Loader *l, int source, int64_t cursor, void *const *out) {
    if (!l) return -1;
    Wish *w = &l->wish[source];
    pthread_mutex_lock(&l->lock);
    wait_for(l, w);
    bool here = w->state == MADE && w->cursor == cursor && w->rows >= 0;
    w->state = IDLE;
    pthread_mutex_unlock(&l->lock);
    if (!here) return -1;
    for (int k = 0; k < DATA_FIELDS; k++) {
        if (w->into[k]) memcpy(out[k], w->into[k], batches_row(w->batches, k) * (size_t)w->rows);
    }
    return w->rows;
}
