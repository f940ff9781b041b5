/* Outputs that stand still: a picture of which nothing can move in a stage is drawn there once, when it is first due, and not
 * again. Read off the graphs: which slots the output reads, and which ones the stage's turns assign. */
#include "train/parts.h"

#include "build.h"

static int slot_of(const Node *n) { return ((const SlotAttr *)n->attr)->slot; }

static void mark_assigned(const Unit *u, bool *moves) {
    for (int i = 0; u->graph && i < u->graph->node.n; i++) {
        const Node *n = u->graph->node.at[i];
        if (n->op == &op_assign) moves[slot_of(n)] = true;
    }
}

/* By slot. Steps, ticks and what an iteration draws move in every stage; a source's first batch and `fixed` values in none. */
static bool *moved_in(const Training *t, int stage) {
    const Stage *s = &t->stage[stage];
    bool *moves = ARENA_ARRAY(t->arena, bool, t->slots->all.n);
    for (int i = 0; i < t->slots->all.n; i++) {
        SlotKind kind = t->slots->all.at[i].kind;
        moves[i] = kind == SLOT_COUNTER || kind == SLOT_ITERATION;
    }
    for (int i = 0; i < s->nentry; i++) {
        const Turn *turn = s->entry[i].turn;
        mark_assigned(&turn->unit, moves);
        for (int mask = 1; mask < 1 << turn->npartial; mask++) mark_assigned(&turn->last[mask], moves);
    }
    for (int i = 0; i < t->nmetric; i++)
        if (t->metric[i].stage < 0 || t->metric[i].stage == stage) moves[t->metric[i].value_slot] = true;
    return moves;
}

static bool stands_still(const Training *t, const Unit *u, const bool *moves) {
    if (!u->graph || !u->nresult) return false;       /* a plot: of the log */
    bool *needed = ARENA_ARRAY(t->arena, bool, u->graph->node.n), still = true;
    for (int i = 0; i < u->nresult; i++) needed[u->result[i]->id] = true;
    for (int i = u->graph->node.n - 1; i >= 0; i--) {
        const Node *n = u->graph->node.at[i];
        for (int k = 0; needed[i] && k < n->nsrc; k++) needed[n->src[k]->id] = true;
        if (needed[i] && n->op == &op_slot && moves[slot_of(n)]) still = false;
    }
    return still;
}

void still_find(Trainer *tr) {
    const Training *t = tr->m->t;
    tr->still = ARENA_ARRAY(t->arena, bool, (int64_t)t->nstage * t->noutput + 1);
    for (int s = 0; s < t->nstage; s++) {
        const bool *moves = moved_in(t, s);
        for (int i = 0; i < t->noutput; i++) tr->still[s * t->noutput + i] = stands_still(t, &t->output[i].unit, moves);
    }
}

static bool is_still(const Trainer *tr, int output) {
    const Training *t = tr->m->t;
    return tr->still && tr->still[get_int(tr->m, t->stage_slot) * t->noutput + output];
}

bool still_drawn(const Trainer *tr, int output) {
    return is_still(tr, output) && get_int(tr->m, tr->m->own.drawn[output]);
}

void still_note(Trainer *tr, int output) {
    if (is_still(tr, output)) set_int(tr->m, tr->m->own.drawn[output], 1);
}

void still_begin(Trainer *tr) {
    for (int i = 0; i < tr->m->t->noutput; i++)
        if (!is_still(tr, i) || stage_now(tr)->nload) set_int(tr->m, tr->m->own.drawn[i], 0);
}
