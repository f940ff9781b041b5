/* Groups in order -> instructions without places: micro-programs with their segments, own kernels with
 * attributes, scratch and library state. memory.c fills in where operands are. Invariant: nothing here points
 * into the graph; attributes and texts are copied into the Program's arena. */
#include "plan/parts.h"

#include <malloc.h>
#include <string.h>

static char *text_copy(Arena *a, const char *text) { return text ? arena_strdup(a, text) : NULL; }

static const void *attr_copy(Arena *a, const Op *op, const void *attr) {
    if (!attr || !op || !op->attr_size) return NULL;
    char *copy = arena_copy(a, attr, op->attr_size);
    for (const Field *f = op->attr; f && f->name; f++) {
        char **text = (char **)(void *)(copy + f->offset);
        if (f->type == F_TEXT) *text = text_copy(a, *text);
    }
    return copy;
}

static size_t line_up(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

/* Inputs that are not read in place keep a block buffer all along; the others share by lifetime. */
static void give_buffers(Plan *p, Region *r) {
    int *last = ARENA_ARRAY(p->scratch, int, r->nvalue + 1);
    bool *taken = ARENA_ARRAY(p->scratch, bool, r->nvalue + 1);
    for (int k = 0; k < r->nstep; k++)
        for (int s = 0; s < r->step[k].nsrc; s++)
            r->value[r->step[k].src[s]].spread |= !r->step[k].op || r->step[k].fold >= 0;
    for (int v = 0; v < r->nin; v++) {
        bool needed = false;
        for (int s = 0; s < r->nsegment; s++) {
            AccessKind kind = r->segment[s].access[v].kind;
            needed |= kind != ACCESS_SAME && (kind != ACCESS_SCALAR || r->value[v].spread);
        }
        if (needed && !r->value[v].raw) taken[r->nbuffer] = true, r->value[v].buffer = r->nbuffer++;
    }
    for (int k = 0; k < r->nstep; k++)
        for (int s = 0; s < r->step[k].nsrc; s++) last[r->step[k].src[s]] = k;
    for (int k = 0; k < r->nstep; k++) {
        const Step *step = &r->step[k];
        if (step->fold < 0 && r->value[step->out].result < 0) {
            int b = 0;
            while (taken[b]) b++;
            taken[b] = true;
            r->value[step->out].buffer = b;
            if (b >= r->nbuffer) r->nbuffer = b + 1;
        }
        for (int s = 0; s < step->nsrc; s++) { /* read for the last time: free for the next step */
            int v = step->src[s];
            if (v >= r->nin && last[v] == k && r->value[v].buffer >= 0) taken[r->value[v].buffer] = false;
        }
    }
}

static size_t give_sums(const Step *step, Fold *f, int64_t ntask, size_t at) {
    size_t planes = (size_t)step->op->reduce[step->type]->planes * sizeof(float);
    f->whole = at;
    at += line_up(planes * (size_t)f->results);
    f->parts = at;
    if (ntask > 1) at += line_up(planes * (size_t)f->width) * (size_t)(ntask + 1); /* one more to merge in */
    return at;
}

static void add_segment(Plan *p, Instr *i, Region *r, const Group *g) {
    const Draft *d = g->draft;
    Segment *s = &r->segment[r->nsegment++];
    *s = (Segment){.count = g->count, .first_task = r->ntask};
    s->access = arena_copy(p->arena, d->access, (size_t)d->nin * sizeof *d->access);
    s->fold = arena_copy(p->arena, d->fold, (size_t)d->nfold * sizeof *d->fold);
    s->task = task_size(g->count, d->nfold, s->fold);
    int64_t ntask = task_count(s->count, s->task);
    r->ntask += (int)ntask;
    r->work += (double)s->count * (d->nstep + 1);
    for (int k = 0; k < r->nstep; k++)
        if (r->step[k].fold >= 0)
            i->scratch_size = give_sums(&r->step[k], &s->fold[r->step[k].fold], ntask, i->scratch_size);
    for (int k = 0; k < d->nin; k++) p->reads[p->program->ninstr][i->nin++] = d->in[k];
    for (int k = 0; k < d->nout; k++) p->outs[p->program->ninstr][i->nout++] = d->out[k];
    i->flops += (double)s->count * d->nstep;
}

static void build_region(Plan *p, Instr *i, const Group *g) {
    const Draft *d = g->draft;
    Region *r = ARENA_NEW(p->arena, Region);
    *r = (Region){.nin = d->nin,
                  .nout = d->nout,
                  .nvalue = d->nvalue,
                  .nstep = d->nstep,
                  .nfold = d->nfold,
                  .value = arena_copy(p->arena, d->value, (size_t)d->nvalue * sizeof *d->value),
                  .step = arena_copy(p->arena, d->step, (size_t)d->nstep * sizeof *d->step),
                  .segment = ARENA_ARRAY(p->arena, Segment, g->segments.n + 1)};
    for (int k = 0; k < r->nstep; k++) {
        r->step[k].attr = attr_copy(p->arena, r->step[k].op, r->step[k].attr);
        r->step[k].path = text_copy(p->arena, r->step[k].path);
    }
    int n = g->segments.n + 1;
    p->reads[p->program->ninstr] = ARENA_ARRAY(p->scratch, Read, n * d->nin + 1);
    p->outs[p->program->ninstr] = ARENA_ARRAY(p->scratch, int, n * d->nout + 1);
    for (int k = -1; k < g->segments.n; k++)
        add_segment(p, i, r, k < 0 ? g : &p->group.at[g->segments.at[k]]);
    give_buffers(p, r);
    i->state = r;
}

/* A loop's body becomes a program of its own, in the loop's scratch; false: some kernel of it cannot run. */
static bool build_loop(Plan *p, Instr *i, const Node *n) {
    const LoopAttr *a = n->attr;
    i->rounds = a->rounds;
    i->body = plan_make(a->body, 0, NULL, NULL, p->options);
    if (!i->body) return false;
    i->scratch_size = 64 + i->body->workspace;
    i->flops = i->body->flops * (double)i->rounds;
    p->program->library += i->body->library;
    return true;
}

static void build_kernel(Plan *p, Instr *i, int item) {
    const Item *it = &p->item.at[item];
    i->op = it->op;
    i->bf16 = p->options.bf16;
    i->attr = it->op->traits & REPEATS ? NULL : attr_copy(p->arena, it->op, it->node->attr);
    i->nin = it->nsrc;
    i->nout = 1;
    i->flops = it->op->flops ? it->op->flops(it->node) : (double)it->count;
    p->reads[p->program->ninstr] = it->src;
    p->outs[p->program->ninstr] = arena_copy(p->scratch, &item, sizeof item);
}

/* Bytes that malloc has given away: what grows while kernels are prepared is the library's. Asking takes long. */
static size_t allocated(void) {
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static const Node *node_of(const Plan *p, const Group *g) {
    return p->item.at[g->items.at[g->items.n - 1]].node;
}

static bool prepare(Plan *p) {
    size_t before = allocated();
    Instr *i = p->program->instr;
    for (int g = p->first; g >= 0; g = p->group.at[g].next, i++)
        if (i->op && i->op->prepare && !i->op->prepare(i))
            return reject(node_of(p, &p->group.at[g]), "no kernel can run these shapes");
    size_t after = allocated();
    if (after > before) p->program->library += after - before;
    return true;
}

static bool build(Plan *p, const Group *g) {
    Program *q = p->program;
    const Node *n = node_of(p, g);
    Instr *i = &q->instr[q->ninstr];
    i->loc = n->loc;
    i->label = text_copy(p->arena, n->path);
    i->role = text_copy(p->arena, n->role);
    if (g->kernel)
        build_kernel(p, i, g->items.at[0]);
    else
        build_region(p, i, g);
    i->in = ARENA_ARRAY(p->arena, Operand, i->nin + 1);
    i->out = ARENA_ARRAY(p->arena, Operand, i->nout + 1);
    for (int s = 0; s < i->nin; s++) {
        const Read *r = &p->reads[q->ninstr][s];
        i->in[s].type = g->kernel ? r->type : p->item.at[r->item].type;
    }
    for (int s = 0; s < i->nout; s++) i->out[s].type = p->item.at[p->outs[q->ninstr][s]].type;
    q->ninstr++; /* a loop's body is freed with the rest, whatever happens */
    if (i->op && i->op->traits & REPEATS && !build_loop(p, i, n)) return false;
    q->flops += i->flops;
    return true;
}

bool program_build(Plan *p) {
    p->program->instr = ARENA_ARRAY(p->arena, Instr, p->running + 1);
    p->reads = ARENA_ARRAY(p->scratch, Read *, p->running + 1);
    p->outs = ARENA_ARRAY(p->scratch, int *, p->running + 1);
    for (int g = p->first; g >= 0; g = p->group.at[g].next)
        if (!build(p, &p->group.at[g])) return false;
    return prepare(p);
}
