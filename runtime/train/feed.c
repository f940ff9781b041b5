/* Feeding: batches into the Store's batch slots, and `iteration` values before the unit that needs them.
 *
 * A batch is a function of the source and a number, so reading one moves nothing: only players' turns move
 * cursors.
 */
#include "train/machine.h"

#include <string.h>

void feed_forget(Machine *m) {
    for (int i = 0; i < m->t->nsource; i++) m->feed[i].kind = FEED_NONE;
}

/* A batch that the loader made: its places become the Store's. -1: there is none. */
static int64_t take_made(Machine *m, int source, int64_t cursor) {
    Feed *feed = &m->feed[source];
    int64_t rows = loader_take(m->loader, source, cursor, feed->out);
    for (int k = 0; rows >= 0 && k < DATA_FIELDS; k++)
        if (feed->out[k]) m->store->data[m->t->source[source].field_slot[k]] = feed->out[k];
    return rows;
}

/* Gives the samples of the batch; -1: f. */
static int64_t fill(Machine *m, int source, FeedKind kind, int64_t cursor, Fault *f) {
    Feed *feed = &m->feed[source];
    if (feed->kind == kind && feed->cursor == cursor) return feed->rows;
    const DataSource *s = kind == FEED_THROUGH ? &feed->through : m->t->source[source].source;
    int64_t rows = kind == FEED_PLAYERS ? take_made(m, source, cursor) : -1;
    FieldMode mode = kind == FEED_PLAYERS ? MODE_TRAIN : MODE_EVAL;
    feed->kind = FEED_NONE;
    feed->rows = rows >= 0 ? rows : batches_make(feed->batches, s, mode, cursor, feed->out, f);
    if (feed->rows < 0) return -1;
    if (kind == FEED_PLAYERS && rows < 0) loader_ask(m->loader, source, feed->batches, s, cursor + 1, feed->out);
    feed->kind = kind;
    feed->cursor = cursor;
    return feed->rows;
}

/* The number of the batch that players see now: a new one, or with `fresh: iteration` the one of this iteration. */
static int64_t next_batch(Machine *m, int source) {
    const SourceUse *use = &m->t->source[source];
    int64_t cursor = get_int(m, use->cursor_slot);
    bool kept = use->source->common.fresh == FRESH_ITERATION;
    if (kept && get_int(m, m->own.delivered[source])) return cursor - 1;
    set_int(m, use->cursor_slot, cursor + 1);
    if (kept) set_int(m, m->own.delivered[source], 1);
    return cursor;
}

/* Marks the sources that u reads, by itself or through iteration values that are still to be computed. */
static void mark_more(Machine *m, const Unit *u) {
    for (int i = 0; i < u->nsource; i++) m->wanted[u->source[i]] = true;
    for (int i = 0; i < u->niteration; i++)
        if (!get_int(m, m->own.computed[u->iteration[i]]))
            mark_more(m, &m->t->iteration[u->iteration[i]].unit);
}

static void mark_sources(Machine *m, const Unit *u) {
    for (int i = 0; i < m->t->nsource; i++) m->wanted[i] = false;
    mark_more(m, u);
}

size_t feed_ahead(Machine *m) {
    size_t all = 0;
    for (int i = 0; i < m->t->nsource; i++) m->wanted[i] = false;
    for (int i = 0; i < m->nturn; i++) mark_more(m, &m->turn[i]->unit);
    for (int i = 0; i < m->t->nsource; i++) {
        size_t batch = 0;
        for (int k = 0; m->wanted[i] && k < DATA_FIELDS; k++)
            if (m->feed[i].out[k]) batch += store_bytes(&m->t->slots->all.at[m->t->source[i].field_slot[k]], F32);
        all += (size_t)loader_ahead(batch) * batch;
    }
    return all;
}

static bool compute_missing(Machine *m, const Unit *u, Fault *f) {
    for (int i = 0; i < u->niteration; i++) {
        int flag = m->own.computed[u->iteration[i]];
        Unit *value = &m->t->iteration[u->iteration[i]].unit;
        if (get_int(m, flag)) continue;
        if (!compute_missing(m, value, f) || !unit_run(m, value, f)) return false;
        set_int(m, flag, 1);
    }
    return true;
}

bool feed_players(Machine *m, const Unit *u, Fault *f) {
    TimeOf before = clock_to(&m->clock, TIME_DATA);
    bool done = true;
    mark_sources(m, u);
    for (int i = 0; i < m->t->nsource; i++)
        done = done && (!m->wanted[i] || fill(m, i, FEED_PLAYERS, next_batch(m, i), f) >= 0);
    clock_to(&m->clock, TIME_TURNS);
    done = done && compute_missing(m, u, f);
    clock_to(&m->clock, before);
    return done;
}

Unit *feed_turn(Machine *m, Turn *turn) {
    int which = 0;
    for (int i = 0; i < turn->npartial; i++) {
        const SourceUse *use = &m->t->source[turn->partial[i]];
        const Feed *feed = &m->feed[turn->partial[i]];
        if (feed->rows == use->source->common.batch) continue;
        which |= 1 << i;
        for (int k = 0; k < DATA_FIELDS; k++)
            if (use->last_slot[k] >= 0)
                memcpy(m->store->data[use->last_slot[k]], feed->out[k], (size_t)feed->rows * batches_row(feed->batches, k));
    }
    return which ? &turn->last[which] : &turn->unit;
}

static void mark_computed(Machine *m, const Unit *u) {
    for (int i = 0; i < u->niteration; i++) {
        set_int(m, m->own.computed[u->iteration[i]], 1);
        mark_computed(m, &m->t->iteration[u->iteration[i]].unit);
    }
}

void feed_skip(Machine *m, const Unit *u) {
    mark_sources(m, u);
    for (int i = 0; i < m->t->nsource; i++)
        if (m->wanted[i]) next_batch(m, i);
    mark_computed(m, u);
}

bool feed_first(Machine *m, const Unit *u, Fault *f) { return feed_through(m, u, -1, 0, NULL, f); }

bool feed_through(Machine *m, const Unit *u, int over, int64_t k, int64_t *rows, Fault *f) {
    mark_sources(m, u);
    if (over >= 0) {
        *rows = 0;
        if (k >= source_batches(&m->feed[over].through)) return true;
        if ((*rows = fill(m, over, FEED_THROUGH, k, f)) < 0) return false;
    }
    for (int i = 0; i < m->t->nsource; i++)
        if (m->wanted[i] && i != over && fill(m, i, FEED_FIRST, 0, f) < 0) return false;
    return compute_missing(m, u, f);
}

bool feed_each(Machine *m, const Unit *u, int64_t k, int64_t *rows, Fault *f) {
    mark_sources(m, u);
    *rows = -1;
    for (int i = 0; i < m->t->nsource; i++) {
        if (!m->wanted[i]) continue;
        int64_t n = k < source_batches(&m->feed[i].through) ? fill(m, i, FEED_THROUGH, k, f) : 0;
        if (n < 0) return false;
        if (*rows < 0 || n < *rows) *rows = n;
    }
    return compute_missing(m, u, f);
}
