/* The loader: one thread, one queue of batches a source. It calls nothing that starts threads. Invariant: the batches
 * [next, next + made) of a queue are the trainer's, the one behind them is the thread's while it is `making`; `lock`
 * guards the numbers. A batch's place changes hands with it, so that no batch is copied. */
#include "train/loader.h"

#include "exec/store.h"
#include "kern/kern.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* So many batches ahead as this many bytes hold. Many of a small source: threads are woken seldom, and turns of a
 * millisecond do not wait until the thread gets a core. Of big ones, whose turns are long, one to read and one to make. */
enum { AHEAD_BYTES = 4 << 20, AHEAD_LEAST = 2, AHEAD_MOST = 16 };

typedef struct {
    int64_t rows;
    void *field[DATA_FIELDS];                         /* places as the Store's; NULL where a field is not wanted */
} Made;

typedef struct {
    Batches *batches;
    const DataSource *source;
    int64_t next;                                     /* the batch that is taken next */
    int made, room;                                   /* room: 0 before the first wish, or without memory for it */
    bool going, making;                               /* going: not all that were asked for are made; none has failed */
    unsigned char *block;                             /* where the places lie that the ring began with */
    Made ring[AHEAD_MOST];                            /* batch k is at k % room */
} Queue;

struct Loader {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wanted, done;
    bool ending, idle;                                /* idle: the thread waits for `wanted` */
    int n;
    Queue *queue;
};

/* The one that has fewest batches ready. */
static Queue *most_wanted(Loader *l) {
    Queue *least = NULL;
    for (int i = 0; i < l->n; i++) {
        Queue *q = &l->queue[i];
        if (q->going && q->made < q->room && (!least || q->made < least->made)) least = q;
    }
    return least;
}

static void make_one(Loader *l, Queue *q) {
    int64_t cursor = q->next + q->made;
    Made *into = &q->ring[cursor % q->room];
    Fault unread = {0};
    q->making = true;
    pthread_mutex_unlock(&l->lock);
    into->rows = batches_make(q->batches, q->source, MODE_TRAIN, cursor, into->field, &unread);
    pthread_mutex_lock(&l->lock);
    q->making = false;
    if (into->rows < 0) q->going = false;
    else q->made++;
    pthread_cond_signal(&l->done);
}

static void *work(void *ctx) {
    Loader *l = ctx;
    par_alone();
    pthread_mutex_lock(&l->lock);
    while (!l->ending) {
        Queue *q = most_wanted(l);
        l->idle = !q;
        if (q) make_one(l, q);
        else pthread_cond_wait(&l->wanted, &l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

Loader *loader_new(int nsource) {
    Loader *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    l->n = nsource;
    l->queue = calloc((size_t)nsource + 1, sizeof *l->queue);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->wanted, NULL);
    pthread_cond_init(&l->done, NULL);
    sigset_t all, old;
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    bool started = l->queue && !pthread_create(&l->thread, NULL, work, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (started) return pthread_setname_np(l->thread, "loader"), l;
    free(l->queue);
    free(l);
    return NULL;
}

void loader_free(Loader *l) {
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->ending = true;
    pthread_cond_signal(&l->wanted);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    for (int i = 0; i < l->n; i++) free(l->queue[i].block);
    free(l->queue);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->wanted);
    pthread_cond_destroy(&l->done);
    free(l);
}

int loader_ahead(size_t batch) {
    size_t n = AHEAD_BYTES / (batch + 1);
    return n < AHEAD_LEAST ? AHEAD_LEAST : n > AHEAD_MOST ? AHEAD_MOST : (int)n;
}

/* Memory for the batches, made at the first wish; false where there is none. */
static bool make_room(Queue *q, const Batches *b, void *const *out) {
    size_t bytes = 0, at = 0;
    if (q->room) return true;
    for (int k = 0; k < DATA_FIELDS; k++)
        if (out[k]) bytes += batches_bytes(b, k);
    int room = loader_ahead(bytes);
    q->block = block_new((size_t)room * bytes);
    if (!q->block) return false;
    memset(q->block, 0, (size_t)room * bytes);
    for (int i = 0; i < room; i++)
        for (int k = 0; k < DATA_FIELDS; k++)
            if (out[k]) q->ring[i].field[k] = q->block + at, at += batches_bytes(b, k);
    q->room = room;
    return true;
}

void loader_ask(Loader *l, int source, Batches *b, const DataSource *s, int64_t cursor, void *const *out) {
    if (!l || !batches_ahead(b)) return;
    Queue *q = &l->queue[source];
    pthread_mutex_lock(&l->lock);
    if (!q->going || q->next != cursor) {
        q->going = false;
        while (q->making) pthread_cond_wait(&l->done, &l->lock);
        q->batches = b;
        q->source = s;
        q->next = cursor;
        q->made = 0;
        q->going = make_room(q, b, out);
        pthread_cond_signal(&l->wanted);
    }
    pthread_mutex_unlock(&l->lock);
}

int64_t loader_take(Loader *l, int source, int64_t cursor, void **out) {
    if (!l) return -1;
    Queue *q = &l->queue[source];
    int64_t rows = -1;
    pthread_mutex_lock(&l->lock);
    while (q->going && q->next == cursor && !q->made) pthread_cond_wait(&l->done, &l->lock);
    if (q->made && q->next == cursor) {
        Made *from = &q->ring[cursor % q->room];
        for (int k = 0; k < DATA_FIELDS; k++) {
            void *made = from->field[k];
            if (made) from->field[k] = out[k], out[k] = made;
        }
        rows = from->rows;
        q->next++;
        q->made--;
        if (l->idle && q->made <= q->room / 2) pthread_cond_signal(&l->wanted);
    }
    pthread_mutex_unlock(&l->lock);
    return rows;
}
