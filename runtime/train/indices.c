/* Data as indices: a label that names no row of its table. Where an index is a field itself, what the field holds is
 * compared with the table before the first turn; arithmetic on it is seen in the turn where it goes wrong, by the numbers
 * that it spoils. What an `if` on the same source leaves out, or a factor 0, spoils nothing and is not complained of. */
#include "train/machine.h"

#include "build.h"

#include <inttypes.h>
#include <string.h>

typedef struct { Loc loc; int source, field; int64_t places; } Told;
typedef struct { Training *t; bool fit; VEC(Told) told; } Search;

/* The field that a slot holds as the source gives it. */
static bool field_of(const Training *t, int slot, int *source, int *field) {
    for (int i = 0; i < t->nsource; i++) {
        const SourceUse *use = &t->source[i];
        for (int k = 0; use->source && k < use->source->nfield; k++) {
            if (use->field_slot[k] != slot && use->last_slot[k] != slot) continue;
            *source = i;
            *field = k;
            return !use->rework || use->rework->raw_slot[k] < 0;
        }
    }
    return false;
}

/* Through views that leave no element out. */
static bool straight_from(const Training *t, const Node *n, int *source, int *field) {
    while (n->op->traits & VIEW && NODE_COUNT(n) >= NODE_COUNT(n->src[0])) n = n->src[0];
    return n->op == &op_slot && field_of(t, ((const SlotAttr *)n->attr)->slot, source, field);
}

static bool is_of_source(const Training *t, const Node *n, int source) {
    int of = -1, field;
    if (n->op == &op_slot) field_of(t, ((const SlotAttr *)n->attr)->slot, &of, &field);
    return of == source;
}

enum { FROM = 1, SPOILT = 2, READS = 4 };             /* made of the node; perhaps spoilt by it; of the source's fields, not of the node */

static int mark_of(const Search *s, const Node *n, const unsigned char *mark, int source) {
    int from = 0, all = 0;
    for (int k = 0; k < n->nsrc; k++) all |= mark[n->src[k]->id];
    from = all & FROM;
    if (!from) return all & READS || is_of_source(s->t, n, source) ? READS : 0;
    bool chosen = n->op == &op_select && mark[n->src[0]->id] == READS;
    return FROM | (chosen || n->op == &op_mulz ? 0 : all & SPOILT);
}

/* Does what `at` makes reach a result or an effect other than by what may leave it out? */
static bool reaches_out(const Search *s, const Unit *u, const Node *at, int source) {
    unsigned char *mark = ARENA_ARRAY(s->t->arena, unsigned char, u->graph->node.n);
    bool reached = false;
    for (int i = 0; i < u->graph->node.n; i++) {
        const Node *n = u->graph->node.at[i];
        mark[i] = (unsigned char)(n == at ? FROM | SPOILT : mark_of(s, n, mark, source));
        reached = reached || (mark[i] & SPOILT && n->op->traits & EFFECT);
    }
    for (int i = 0; i < u->nresult; i++) reached = reached || mark[u->result[i]->id] & SPOILT;
    return reached;
}

static bool told_before(Search *s, Told now) {
    for (int i = 0; i < s->told.n; i++)
        if (!memcmp(&s->told.at[i], &now, sizeof now)) return true;
    vec_push(s->t->arena, &s->told, now);
    return false;
}

static const char *advice(Arena *a, const char *name, int64_t least, int64_t most, int64_t places) {
    if (least > 0 && most - least < places) return arena_printf(a, "write %s - %" PRId64, name, least);
    if (least < 0) return "leave those samples out, or choose by `if` before they are used";
    return arena_printf(a, "make them %" PRId64 ", or leave samples out by `classes` of the source", most + 1);
}

static void look_at(Search *s, const Unit *u, const Node *n) {
    int indices, source, field;
    int32_t least, most;
    Training *t = s->t;
    int64_t places = n->op->places(n, &indices);
    if (!straight_from(t, n->src[indices], &source, &field)) return;
    const DataSource *d = t->source[source].source;
    if (!source_range(d, field, &least, &most) || (least >= 0 && most < places)) return;
    Told now;
    memset(&now, 0, sizeof now);
    now.loc = n->loc, now.source = source, now.field = field, now.places = places;
    if (!reaches_out(s, u, n, source) || told_before(s, now)) return;
    const char *name = arena_printf(t->arena, "%s.%s", t->source[source].name, d->field[field].name);
    diag_error(t->diags, n->loc, "'%s' goes from %" PRId32 " to %" PRId32 ", and %s%s%s has %" PRId64 " places for it, 0 to %" PRId64 ": %s",
               name, least, most, n->path ? "'" : "", n->path ? n->path : n->op->name, n->path ? "'" : "", places, places - 1,
               advice(t->arena, name, least, most, places));
    diag_note(t->diags, t->source[source].loc, "'%s' is defined here", t->source[source].name);
    s->fit = false;
}

static bool look_at_unit(void *ctx, Unit *u) {
    for (int i = 0; u->graph && i < u->graph->node.n; i++) {
        const Node *n = u->graph->node.at[i];
        if (n->op->places && !n->role) look_at(ctx, u, n);
    }
    return true;
}

bool indices_fit(Training *t) {
    Search s = {.t = t, .fit = true};
    units_each(t, look_at_unit, &s);
    return s.fit;
}
