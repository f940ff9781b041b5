/* program_check: proves a finished Program sound from its operands alone; shares no code with the planner.
 * Each value has one writer. Between the writer and every reader of a value, no other instruction may write,
 * as result or as scratch, over the bytes that it lies in; a slot's old value is written by nobody. O(n^2) on
 * purpose: no cleverness that could be wrong in the same way as the planner's. */
#include "plan/plan.h"
#include "plan/region.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct {
    Place place;
    int slot;
    size_t from, to;
} Span;
typedef struct {
    const Program *p;
    char *why;
    size_t size;
} Check;

static bool wrong(const Check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(const Check *c, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->why, c->size, fmt, ap);
    va_end(ap);
    return false;
}

static Span span_of(const Operand *o) {
    size_t bytes = dtype_size(o->type.dtype);
    for (int k = 0; k < o->type.shape.rank; k++) bytes *= (size_t)o->type.shape.dim[k];
    return (Span){o->place, o->place == IN_SLOT ? o->slot : 0, o->offset, o->offset + bytes};
}

static bool meet(Span a, Span b) {
    return a.place == b.place && a.slot == b.slot && a.from < b.to && b.from < a.to;
}

static bool within(const Check *c, Span s, const char *what, int at) {
    size_t end = s.place == IN_WORKSPACE   ? c->p->workspace
                 : s.place == IN_CONSTANTS ? c->p->nconstants
                                           : s.to;
    return s.to <= end || wrong(c, "instruction %d: %s reaches beyond its memory", at, what);
}

static bool scratch_meets(const Instr *i, Span s) {
    return i->scratch_size && meet((Span){IN_WORKSPACE, 0, i->scratch, i->scratch + i->scratch_size}, s);
}

/* May result `out` of region i lie over operand `in`? Only if element i of the operand is not read after
 * element i of the result is written, in a block, and no other element ever. */
static bool in_place(const Instr *i, int out, int in) {
    if (i->op) return false;
    const Region *r = i->state;
    int segment = in / r->nin, input = in % r->nin, writer = -1, reader = -1;
    const Operand *a = &i->in[in], *b = &i->out[out];
    if (out / r->nout != segment || a->offset != b->offset) return false;
    Span sa = span_of(a), sb = span_of(b);
    const Access *x = &r->segment[segment].access[input];
    if (sa.to != sb.to || x->kind != ACCESS_SAME || x->offset || r->value[input].raw) return false;
    if (dtype_size(a->type.dtype) != dtype_size(b->type.dtype)) return false;
    for (int k = 0; k < r->nstep; k++) {
        const Step *s = &r->step[k];
        if (s->fold < 0 && r->value[s->out].result == out % r->nout) writer = k;
        for (int j = 0; j < s->nsrc; j++)
            if (s->src[j] == input) reader = k;
    }
    return writer >= 0 && reader <= writer;
}

static bool writes(const Instr *i, int out, Span s) { return meet(span_of(&i->out[out]), s); }

/* The instruction that makes a value, or -1: it was there before the program. */
static int writer_of(const Program *p, int value, const Operand **at) {
    for (int t = 0; t < p->ninstr; t++)
        for (int k = 0; k < p->instr[t].nout; k++)
            if (p->instr[t].out[k].value == value) {
                *at = &p->instr[t].out[k];
                return t;
            }
    return -1;
}

/* From behind its writer to before instruction `end`, nobody writes over operand o. */
static bool survives(const Check *c, const Operand *o, int end, const char *reader) {
    const Program *p = c->p;
    const Operand *made = NULL;
    int from = writer_of(p, o->value, &made);
    Span s = span_of(o);
    if (o->place == IN_WORKSPACE && from < 0)
        return wrong(c, "%s %d reads value %d, which nobody makes", reader, end, o->value);
    if (from >= end)
        return wrong(c, "%s %d reads value %d, made by instruction %d", reader, end, o->value, from);
    if (from >= 0) {
        Span m = span_of(made);
        if (m.place != s.place || m.slot != s.slot || s.from < m.from || s.to > m.to)
            return wrong(c, "%s %d reads value %d elsewhere than instruction %d made it", reader, end,
                         o->value, from);
    }
    for (int t = from + 1; t < end; t++) {
        if (scratch_meets(&p->instr[t], s))
            return wrong(c, "%s %d: scratch of instruction %d lies over value %d", reader, end, t, o->value);
        for (int k = 0; k < p->instr[t].nout; k++)
            if (writes(&p->instr[t], k, s))
                return wrong(c, "%s %d: instruction %d has overwritten value %d", reader, end, t, o->value);
    }
    return true;
}

static bool instr_sound(const Check *c, int t) {
    const Instr *i = &c->p->instr[t];
    for (int k = 0; k < i->nin; k++) {
        Span s = span_of(&i->in[k]);
        if (!within(c, s, "an operand", t) || !survives(c, &i->in[k], t, "instruction")) return false;
        if (i->op && s.from % 64)
            return wrong(c, "instruction %d: operand %d of a kernel is not aligned", t, k);
        if (scratch_meets(i, s)) return wrong(c, "instruction %d: its scratch lies over operand %d", t, k);
        for (int o = 0; o < i->nout; o++)
            if (writes(i, o, s) && !in_place(i, o, k))
                return wrong(c, "instruction %d: result %d lies over operand %d", t, o, k);
    }
    for (int k = 0; k < i->nout; k++) {
        Span s = span_of(&i->out[k]);
        if (s.place == IN_CONSTANTS) return wrong(c, "instruction %d writes a constant", t);
        if (!within(c, s, "a result", t)) return false;
        if (s.from % 64) return wrong(c, "instruction %d: result %d is not aligned", t, k);
        if (scratch_meets(i, s)) return wrong(c, "instruction %d: its scratch lies over result %d", t, k);
        for (int o = 0; o < k; o++)
            if (writes(i, o, s)) return wrong(c, "instruction %d: results %d and %d meet", t, o, k);
    }
    if (i->body && (i->scratch_size < 64 + i->body->workspace || !program_check(i->body, c->why, c->size))) return false;
    size_t end = i->scratch_size ? i->scratch + i->scratch_size : 0;
    return end <= c->p->workspace || wrong(c, "instruction %d: its scratch reaches beyond the workspace", t);
}

bool program_check(const Program *p, char *why, size_t size) {
    Check c = {p, why, size};
    for (int t = 0; t < p->ninstr; t++)
        if (!instr_sound(&c, t)) return false;
    for (int k = 0; k < p->nresult; k++)
        if (!within(&c, span_of(&p->result[k].at), "a result of the program", p->ninstr) ||
            !survives(&c, &p->result[k].at, p->ninstr, "result of the program"))
            return false;
    return true;
}
