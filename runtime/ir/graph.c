/* The graph: making nodes, sharing equal ones, refusing wrong ones. Knows no operator by name.
 *
 * Invariant: sources have smaller ids than their users, and no two nodes without effect have the same
 * operator, sources and attributes. */
#include "ir/ir.h"
#include "base/rng.h"

#include <assert.h>
#include <string.h>

static bool poison_infer(const Node *n, Tensor *out) {
    (void)n, (void)out;
    return false;
}
static const Op op_poison = {
    .name = "poison", .doc = "something refused", .traits = LEAF | STOPS_GRAD, .infer = poison_infer};

Graph *graph_new(Arena *a, Diags *d, Slots *s, const char *name) {
    Graph *g = ARENA_NEW(a, Graph);
    *g = (Graph){.arena = a, .diags = d, .slots = s, .name = arena_strdup(a, name), .limit = GRAPH_LIMIT};
    g->table_size = 256;
    g->table = ARENA_ARRAY(a, Node *, g->table_size);
    return g;
}

Provenance graph_at(Graph *g, Loc loc, const Node *origin, const char *role, const char *path) {
    Provenance old = {g->loc, g->origin, g->role, g->path};
    graph_back(g, (Provenance){loc, origin, role, path});
    return old;
}

void graph_back(Graph *g, Provenance old) {
    g->loc = old.loc;
    g->origin = old.origin;
    g->role = old.role;
    g->path = old.path;
}

/* Refusals: the message at `loc`, then a note for each node that led to it. */
static void complain(Graph *g, const char *site, Loc loc, const char *who, const Node *origin,
                     const char *role, const char *text) {
    if (!g->diags) return;
    diag_add(g->diags, site, DIAG_ERROR, loc, "%s: %s", who, text);
    diag_calls(g->diags);
    enum { MOST = 4 };
    for (int i = 0; origin && i < MOST; i++, role = origin->role, origin = origin->origin)
        diag_note(g->diags, origin->loc, "in the %s of '%s' (%s)", role ? role : "graph",
                  origin->path ? origin->path : origin->op->name, origin->op->name);
}

bool reject_at(const char *site, const Node *n, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    complain(n->graph, site, n->loc, n->op->name, n->origin, n->role,
             arena_vprintf(n->graph->arena, fmt, ap));
    va_end(ap);
    return false;
}

Node *refuse_at(const char *site, Graph *g, const Op *op, Tensor type, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    complain(g, site, g->loc, op->name, g->origin, g->role, arena_vprintf(g->arena, fmt, ap));
    va_end(ap);
    return poison(g, type);
}

static uint64_t stir(uint64_t h, uint64_t x) {
    h = (h ^ x) * 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

/* Attributes are compared and hashed by their fields: the rows name every member that makes a difference. */
static uint64_t ints_hash(const Ints *v, uint64_t h) {
    h = stir(h, (uint64_t)v->n);
    for (int i = 0; i < v->n; i++) h = stir(h, (uint64_t)v->at[i]);
    return h;
}

static uint64_t double_hash(double x, uint64_t h) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return stir(h, bits);
}

static uint64_t field_hash(const Field *f, const void *attr, uint64_t h) {
    const void *at = (const char *)attr + f->offset;
    const char *text;
    switch (f->type) {
    case F_INT: return stir(h, (uint64_t) * (const int64_t *)at);
    case F_FLOAT: return double_hash(*(const double *)at, h);
    case F_BOOL: return stir(h, *(const bool *)at);
    case F_TEXT: text = *(const char *const *)at; return stir(h, text ? rng_hash(text) : 0);
    case F_CHOICE:
    case F_EXPR: return stir(h, (uint64_t) * (const int *)at);
    case F_INTS: return ints_hash(at, h);
    case F_EXPRS:
    case F_FLOATS:
    case F_NAMES:
    case F_PATHS:
    case F_LOGGED:
    case F_EVERY:
    case F_FORM: break;
    }
    assert(!"an operator's attribute of this type");
    return h;
}

static bool ints_equal(const Ints *a, const Ints *b) {
    for (int i = 0; i < a->n; i++)
        if (a->n != b->n || a->at[i] != b->at[i]) return false;
    return a->n == b->n;
}

static bool texts_equal(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

static bool field_equal(const Field *f, const void *a, const void *b) {
    const void *x = (const char *)a + f->offset, *z = (const char *)b + f->offset;
    switch (f->type) {
    case F_INT: return *(const int64_t *)x == *(const int64_t *)z;
    case F_FLOAT: return !memcmp(x, z, sizeof(double)); /* 0 and -0 differ, NaN equals itself */
    case F_BOOL: return *(const bool *)x == *(const bool *)z;
    case F_TEXT: return texts_equal(*(const char *const *)x, *(const char *const *)z);
    case F_CHOICE:
    case F_EXPR: return *(const int *)x == *(const int *)z;
    default: return ints_equal(x, z);
    }
}

static uint64_t node_key(const Op *op, int nsrc, Node *const *src, const void *attr) {
    uint64_t h = stir((uintptr_t)op, (uint64_t)nsrc);
    for (int k = 0; k < nsrc; k++) h = stir(h, (uint64_t)src[k]->id);
    for (const Field *f = op->attr; f && f->name; f++) h = field_hash(f, attr, h);
    return h;
}

static bool same_node(const Node *n, const Op *op, int nsrc, Node *const *src, const void *attr) {
    if (n->op != op || n->nsrc != nsrc) return false;
    for (int k = 0; k < nsrc; k++)
        if (n->src[k] != src[k]) return false;
    for (const Field *f = op->attr; f && f->name; f++)
        if (!field_equal(f, n->attr, attr)) return false;
    return true;
}

static Node **table_find(Graph *g, const Op *op, int nsrc, Node *const *src, const void *attr) {
    size_t mask = (size_t)g->table_size - 1, at = (size_t)node_key(op, nsrc, src, attr) & mask;
    while (g->table[at] && !same_node(g->table[at], op, nsrc, src, attr)) at = (at + 1) & mask;
    return &g->table[at];
}

static void table_grow(Graph *g) {
    Node **old = g->table;
    int size = g->table_size;
    g->table_size = 2 * size;
    g->table = ARENA_ARRAY(g->arena, Node *, g->table_size);
    for (int i = 0; i < size; i++)
        if (old[i]) *table_find(g, old[i]->op, old[i]->nsrc, old[i]->src, old[i]->attr) = old[i];
}

static Node *node_new(Graph *g, const Op *op, int nsrc, Node *const *src, const void *attr) {
    Node *n = arena_alloc(g->arena, sizeof *n + (size_t)nsrc * sizeof *src);
    n->op = op;
    n->graph = g;
    n->loc = g->loc;
    n->origin = g->origin;
    n->role = g->role;
    n->path = g->path;
    n->nsrc = nsrc;
    for (int k = 0; k < nsrc; k++) n->src[k] = src[k];
    if (op->attr_size && attr) n->attr = arena_copy(g->arena, attr, op->attr_size);
    return n;
}

/* Beyond the limit nodes still get a type, so that their makers can go on, but they are not part of the
 * graph. */
static void node_add(Graph *g, Node *n) {
    n->id = g->node.n;
    if (g->node.n >= g->limit) {
        g->full = true;
        n->poison = true;
        return;
    }
    vec_push(g->arena, &g->node, n);
}

Node *poison(Graph *g, Tensor type) {
    Node *n = node_new(g, &op_poison, 0, NULL, NULL);
    n->type = type;
    n->poison = true;
    node_add(g, n);
    return n;
}

static const Node *poisoned(int nsrc, Node *const *src) {
    for (int k = 0; k < nsrc; k++)
        if (src[k]->poison) return src[k];
    return NULL;
}

/* No axis is empty, and the number of bytes is one that arithmetic bears. */
static bool sizes_fit(const Node *n) {
    const Shape *s = &n->type.shape;
    for (int i = 0; i < s->rank; i++)
        if (s->dim[i] < 1)
            return reject(n, "gives an empty tensor: axis %d has size %lld", i, (long long)s->dim[i]);
    return shape_bounded(s) || reject(n, "gives a tensor of more than 2^40 numbers: %s", shape_show(s, n->graph->arena));
}

Node *emit(Graph *g, const Op *op, int nsrc, Node *const *src, const void *attr) {
    assert((op->arity < 0 || op->arity == nsrc) && op->infer);
    if (poisoned(nsrc, src)) return poison(g, src[0]->type);
    Node *swapped[2];
    if (op->traits & COMMUTES && src[0]->id > src[1]->id) {
        swapped[0] = src[1];
        swapped[1] = src[0];
        src = swapped;
    }
    if (!attr && op->attr_size) {
        void *filled = arena_alloc(g->arena, op->attr_size);
        field_defaults(op->attr, filled, g->arena);
        attr = filled;
    }
    Node **at = table_find(g, op, nsrc, src, attr);
    if (*at && !(op->traits & EFFECT)) return *at;
    Node *n = node_new(g, op, nsrc, src, attr);
    if (!op->infer(n, &n->type) || !sizes_fit(n)) return poison(g, nsrc ? src[0]->type : (Tensor){0});
    if (g->diags) n->calls = g->diags->caller, n->loc = diags_reader(g->diags, g->loc); /* only now: what infer says tells of the prelude's line too */
    node_add(g, n);
    if (n->poison || op->traits & EFFECT) return n;
    *at = n;
    if (2 * g->node.n > g->table_size) table_grow(g);
    return n;
}

int node_readers(const Node *n) {
    Graph *g = n->graph;
    if (g->counted != g->node.n) {
        g->readers = ARENA_ARRAY(g->arena, int, g->node.n);
        for (int i = 0; i < g->node.n; i++)
            for (int k = 0; k < g->node.at[i]->nsrc; k++) g->readers[g->node.at[i]->src[k]->id]++;
        g->counted = g->node.n;
    }
    return g->readers[n->id];
}

Node *op_apply(Graph *g, const Op *op, int nsrc, Node *const *src, const void *attr) {
    if (poisoned(nsrc, src)) return poison(g, src[0]->type);
    Tensor none = {0};
    if (op->arity >= 0 && op->arity != nsrc)
        return refuse(g, op, nsrc ? src[0]->type : none, "takes %d tensor%s, not %d", op->arity,
                      op->arity == 1 ? "" : "s", nsrc);
    if (op->arity < 0 && nsrc == 0) return refuse(g, op, none, "takes at least one tensor");
    if (!attr && op->attr_size) {
        void *filled = arena_alloc(g->arena, op->attr_size);
        field_defaults(op->attr, filled, g->arena);
        attr = filled;
    }
    return op->build ? op->build(g, nsrc, src, attr) : emit(g, op, nsrc, src, attr);
}

const Op *op_named(const char *name) {
    for (const Op *const *op = op_table; *op; op++)
        if (!strcmp((*op)->name, name)) return *op;
    return NULL;
}

/* A slot's index is a detail of one compile: what graph_hash takes is its name. */
static bool slot_field(const Field *f) { return !strcmp(f->name, "slot"); }
static const char *slot_name(const Graph *g, const Node *n) {
    return g->slots->all.at[((const SlotAttr *)n->attr)->slot].name;
}

uint64_t graph_hash(const Graph *g) {
    uint64_t h = 0;
    for (int i = 0; i < g->node.n; i++) {
        const Node *n = g->node.at[i];
        h = stir(h, rng_hash(n->op->name));
        h = stir(h, (uint64_t)n->type.dtype);
        for (int d = 0; d < n->type.shape.rank; d++) h = stir(h, (uint64_t)n->type.shape.dim[d]);
        for (int k = 0; k < n->nsrc; k++) h = stir(h, (uint64_t)n->src[k]->id);
        for (const Field *f = n->op->attr; f && f->name; f++)
            h = slot_field(f) && g->slots ? stir(h, rng_hash(slot_name(g, n))) : field_hash(f, n->attr, h);
    }
    return h;
}

/* What keep[0..n-1] need, and the effects where asked: by id. */
static bool *find_live(const Graph *g, int n, Node *const *keep, bool effects) {
    bool *live = ARENA_ARRAY(g->arena, bool, g->node.n + 1);
    for (int i = 0; i < n; i++) live[keep[i]->id] = true;
    for (int i = g->node.n - 1; i >= 0; i--) {
        const Node *v = g->node.at[i];
        live[i] |= effects && (v->op->traits & EFFECT);
        for (int k = 0; live[i] && k < v->nsrc; k++) live[v->src[k]->id] = true;
    }
    return live;
}

static void copy_live(Graph *to, const Graph *from, const bool *live, Node *const *slot, int n, Node **keep) {
    Node **copy = ARENA_ARRAY(to->arena, Node *, from->node.n + 1);
    Provenance old = {to->loc, to->origin, to->role, to->path};
    for (int i = 0; i < from->node.n; i++) {
        const Node *v = from->node.at[i];
        if (!live[i]) continue;
        if (slot && v->op->traits & LEAF && !v->op->ref) { /* its value is not in the graph: a slot */
            copy[i] = slot[((const SlotAttr *)v->attr)->slot];
            continue;
        }
        Node **src = ARENA_ARRAY(to->arena, Node *, v->nsrc + 1);
        for (int k = 0; k < v->nsrc; k++) src[k] = copy[v->src[k]->id];
        graph_at(to, v->loc, v->origin, v->role, v->path);
        copy[i] = v->poison ? poison(to, v->type) : emit(to, v->op, v->nsrc, src, v->attr);
    }
    graph_back(to, old);
    for (int i = 0; i < n; i++) keep[i] = copy[keep[i]->id];
}

Graph *graph_only(const Graph *g, int n, Node **keep) {
    Graph *to = graph_new(g->arena, g->diags, g->slots, g->name);
    to->limit = g->limit;
    copy_live(to, g, find_live(g, n, keep, true), NULL, n, keep);
    return to;
}

void graph_replay(Graph *to, const Graph *from, Node *const *slot, int n, Node **keep) {
    copy_live(to, from, find_live(from, n, keep, false), slot, n, keep);
}

int slot_add(Slots *s, Slot slot) {
    vec_push(s->arena, &s->all, slot);
    names_add(s->arena, &s->names, slot.name, s->all.n - 1);
    return s->all.n - 1;
}

int slot_find(const Slots *s, const char *name) { return names_find(&s->names, name); }
