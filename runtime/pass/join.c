/* Products of different samples with the same weights become one product of all of them: where a critic scores real and
 * fake samples, and samples between them for a penalty, its weights are read (and transformed, and packed) once.
 *
 *   matmul(x, w), matmul(z, w)   ->   y = matmul(concat(x, z), w); rows of y
 *
 * Which nodes go together is decided on the graph as it is: `group` nodes do the same to different samples and do not
 * need each other, not even through other groups. Sources are grouped, too, as far as they can be, so that what is
 * between two products is done to all samples at once and nothing is copied; where they cannot, they are put side by
 * side. Then the graph is copied in an order in which the groups stand behind all they read.
 *
 * A product pays where its weights are at least half as many numbers as its samples (bench/README.md); others only go
 * along. Invariant: nothing here mixes samples, so each row keeps its value; sums may be made in another order. */
#include "pass/rules.h"

#include <string.h>

/* Bounds that keep compile time in proportion, WORK_MOST in nodes looked at: about 0.1 s. */
enum { MEMBERS_MOST = 8, REFUSED_MOST = 8, NODES_MOST = 20000, WORK_MOST = 20000000, DEPTH = 200, LINEAGE = 8 };

typedef struct {
    int n, member[MEMBERS_MOST]; /* old ids, in the order of their samples */
    Node *made;                  /* of all samples, in the new graph */
} Group;

typedef struct {
    const Graph *g;
    Graph *to;
    Arena *a;
    const bool *live;
    Node **copy;            /* by old id */
    VEC(Group) all;
    int *group, *place;     /* by old id: its group or -1, and which member it is */
    bool *turned;           /* by old id: its two sources, which commute, are taken the other way round */
    int *seen, stamp;       /* by old id */
    int *stack, top, work;
} Join;

static const Node *at(const Join *j, int id) { return j->g->node.at[id]; }
static int64_t rows_of(const Node *n) { return n->type.shape.dim[0]; }

/* Which source is the weights, if n is a product of samples (source 0, along axis 0) and weights; or -1. */
static int weights_of(const Node *n) {
    if (n->op == &op_convolve || n->op == &op_convolve_x) return 1;
    bool plain = n->op == &op_matmul && !((const MatmulAttr *)n->attr)->ta && n->src[0]->type.shape.rank == 2;
    return plain && n->src[1]->type.shape.rank == 2 ? 1 : -1;
}

/* A broadcast that repeats the same for every sample. */
static bool repeats(const Node *n) {
    return n->op == &op_broadcast && n->type.shape.rank && (repeated_axes(n) & 1 || n->src[0]->type.shape.rank < n->type.shape.rank);
}

/* Does sample i of the result come from sample i of the sources alone? */
static bool keeps_apart(const Node *n) {
    bool ok = true;
    if (!n->nsrc || !n->type.shape.rank || !n->src[0]->type.shape.rank || rows_of(n) != rows_of(n->src[0])) return false;
    if (weights_of(n) >= 0 || n->op == &op_reshape) return true;
    if (n->op == &op_broadcast) return !repeats(n) && n->src[0]->type.shape.rank == n->type.shape.rank;
    if (n->op == &op_permute) return ((const PermuteAttr *)n->attr)->order.at[0] == 0;
    if (n->op->traits & REDUCES)
        return !(axes_mask(&((const ReduceAttr *)n->attr)->axes, n->src[0]->type.shape.rank, &ok) & 1) && ok;
    return n->op->traits & ELEMENTWISE;
}

static bool same_way(const Node *u, const Node *v) {
    if (u->op != v->op || !tensor_equal(&u->type, &v->type) || u->nsrc != v->nsrc) return false;
    for (int k = 0; k < u->nsrc; k++)
        if (!tensor_equal(&u->src[k]->type, &v->src[k]->type)) return false;
    int w = weights_of(u);
    return (!u->op->attr_size || !memcmp(u->attr, v->attr, u->op->attr_size)) && (w < 0 || u->src[w] == v->src[w]);
}

/* ---- which nodes go together ---- */

static void visit(Join *j, int id) {
    if (j->seen[id] == j->stamp) return;
    j->seen[id] = j->stamp;
    j->stack[j->top++] = id;
    j->work++;
}

/* No member needs another, whatever is grouped so far. */
static bool apart(Join *j, const Group *t) {
    j->stamp++;
    j->top = 0;
    for (int k = 0; k < t->n; k++)
        for (int s = 0; s < at(j, t->member[k])->nsrc; s++) visit(j, at(j, t->member[k])->src[s]->id);
    while (j->top) {
        int id = j->stack[--j->top];
        for (int s = 0; s < at(j, id)->nsrc; s++) visit(j, at(j, id)->src[s]->id);
        for (int k = 0; j->group[id] >= 0 && k < j->all.at[j->group[id]].n; k++) visit(j, j->all.at[j->group[id]].member[k]);
    }
    for (int k = 0; k < t->n; k++)
        if (j->seen[t->member[k]] == j->stamp) return false;
    return true;
}

static void group_add(Join *j, const Group *t) {
    for (int k = 0; k < t->n; k++) j->group[t->member[k]] = j->all.n, j->place[t->member[k]] = k;
    vec_push(j->a, &j->all, *t);
}

static Group sources_of(const Join *j, const Group *t, int s) {
    Group from = {.n = t->n};
    for (int k = 0; k < t->n; k++) from.member[k] = at(j, t->member[k])->src[j->turned[t->member[k]] ? 1 - s : s]->id;
    return from;
}

static bool akin(const Join *j, const Node *u, const Node *v) {
    return j->group[u->id] == j->group[v->id] && (j->group[u->id] >= 0 || u == v || same_way(u, v));
}

/* Sources that commute stand in the order of their ids: what corresponds may stand on different sides. */
static void turn(Join *j, const Group *t) {
    const Node *v = at(j, t->member[0]);
    for (int k = 1; k < t->n && v->op->traits & COMMUTES; k++) {
        const Node *u = at(j, t->member[k]);
        j->turned[u->id] = !akin(j, v->src[0], u->src[0]) && akin(j, v->src[0], u->src[1]);
    }
}

/* One behind the other in a group. */
static bool in_line(const Join *j, const Group *t) {
    int g = j->group[t->member[0]], from = j->place[t->member[0]];
    for (int k = 1; k < t->n; k++)
        if (j->group[t->member[k]] != g || j->place[t->member[k]] != from + k) return false;
    return g >= 0;
}

static bool all_repeat(const Join *j, const Group *t) {
    for (int k = 0; k < t->n; k++)
        if (!repeats(at(j, t->member[k]))) return false;
    return at(j, t->member[0])->type.shape.rank < RANK_MAX;
}

static bool alike(const Join *j, const Group *t) {
    for (int k = 0; k < t->n; k++) {
        const Node *u = at(j, t->member[k]);
        if (j->group[u->id] >= 0 || !same_way(at(j, t->member[0]), u)) return false;
        for (int i = 0; i < k; i++)
            if (t->member[i] == t->member[k]) return false;
    }
    return keeps_apart(at(j, t->member[0]));
}

/* Groups these nodes, and what they read, if that spares a copy of them; true where they are in line in the end. */
static bool extend(Join *j, const Group *t, int depth) {
    if (in_line(j, t)) return true;
    if (!depth || !alike(j, t)) return false;
    turn(j, t);
    const Node *v = at(j, t->member[0]);
    int w = weights_of(v), joined = 0;
    for (int s = 0; s < v->nsrc; s++) {
        Group from = sources_of(j, t, s);
        if (s == w || all_repeat(j, &from)) continue;
        if (extend(j, &from, depth - 1)) joined++;
        else if (w < 0 || NODE_COUNT(v->src[0]) > NODE_COUNT(v)) return false; /* rather a copy of the result */
    }
    bool view = v->op->traits & VIEW; /* of what repeats: costs nothing */
    if ((!joined && w < 0 && !view) || !alike(j, t) || !apart(j, t)) return false;
    group_add(j, t);
    return true;
}

/* The place that decides where a node's samples stand among the others: of the nearest member of a group behind it. */
static int lineage(const Join *j, int id, int depth) {
    if (j->group[id] >= 0) return j->place[id];
    int found = -1;
    for (int s = 0; s < at(j, id)->nsrc && depth && found < 0; s++) found = lineage(j, at(j, id)->src[s]->id, depth - 1);
    return found;
}

static void sort_by_lineage(const Join *j, Group *t) {
    for (int k = 1; k < t->n; k++)
        for (int i = k; i > 0 && lineage(j, t->member[i], LINEAGE) < lineage(j, t->member[i - 1], LINEAGE); i--) {
            int swap = t->member[i];
            t->member[i] = t->member[i - 1];
            t->member[i - 1] = swap;
        }
}

static bool pays(const Node *n) {
    int w = weights_of(n);
    return w >= 0 && keeps_apart(n) && 2 * NODE_COUNT(n->src[w]) >= NODE_COUNT(n->src[0]);
}

static void group_from(Join *j, int first) {
    Group t = {1, {first}, NULL};
    int refused = 0;
    for (int id = first + 1; id < j->g->node.n && t.n < MEMBERS_MOST && refused < REFUSED_MOST; id++) {
        if (!j->live[id] || j->group[id] >= 0 || !same_way(at(j, first), at(j, id))) continue;
        t.member[t.n++] = id;
        if (!apart(j, &t)) t.n--, refused++;
    }
    if (t.n < 2) return;
    sort_by_lineage(j, &t);
    Group from = sources_of(j, &t, 0);
    if (!all_repeat(j, &from)) extend(j, &from, DEPTH);
    if (alike(j, &t) && apart(j, &t)) group_add(j, &t);
}

/* ---- the copy ---- */

static Node *rows(Node *x, int64_t from, int64_t count) {
    Ints start = {.n = x->type.shape.rank}, step = start, size = ints_of_shape(&x->type.shape);
    if (count == rows_of(x)) return x;
    for (int k = 0; k < step.n; k++) step.at[k] = 1;
    start.at[0] = from;
    size.at[0] = count;
    return g_slice(x, &start, &step, &size);
}

/* What each repeats for its samples, one behind the other: [a], [b] -> [2, 1, ...] -> [2, N, ...] -> [2N, ...] */
static Node *repeated(Join *j, const Group *t) {
    Node *part[MEMBERS_MOST];
    const Shape *whole = &at(j, t->member[0])->type.shape;
    Shape flat = *whole;
    bool same = true;
    flat.dim[0] *= t->n;
    for (int k = 1; k < t->n; k++)
        same &= j->copy[at(j, t->member[k])->src[0]->id] == j->copy[at(j, t->member[0])->src[0]->id];
    if (same) return g_broadcast(j->copy[at(j, t->member[0])->src[0]->id], &flat);
    for (int k = 0; k < t->n; k++) {
        Node *x = j->copy[at(j, t->member[k])->src[0]->id];
        Shape s = {.rank = whole->rank + 1};
        for (int i = 0; i < s.rank; i++) {
            int from = i - (s.rank - x->type.shape.rank);
            s.dim[i] = from < 0 ? 1 : x->type.shape.dim[from];
        }
        part[k] = g_reshape(x, &s);
    }
    for (int k = 1; k < t->n; k++)
        if (!tensor_equal(&part[0]->type, &part[k]->type)) return NULL;
    Shape s = {.rank = whole->rank + 1, .dim = {t->n}};
    memcpy(&s.dim[1], whole->dim, sizeof whole->dim[0] * (size_t)whole->rank);
    return g_reshape(g_broadcast(g_concat(j->to, t->n, part, 0), &s), &flat);
}

static Node *side_by_side(Join *j, const Group *t) {
    Node *part[MEMBERS_MOST], *y = NULL;
    if (in_line(j, t)) {
        int64_t n = rows_of(at(j, t->member[0]));
        return rows(j->all.at[j->group[t->member[0]]].made, n * j->place[t->member[0]], n * t->n);
    }
    if (all_repeat(j, t)) y = repeated(j, t);
    for (int k = 0; k < t->n; k++) part[k] = j->copy[t->member[k]];
    return y ? y : g_concat(j->to, t->n, part, 0);
}

static void make_group(Join *j, Group *t) {
    const Node *v = at(j, t->member[0]);
    int w = weights_of(v);
    Node **src = ARENA_ARRAY(j->a, Node *, v->nsrc);
    for (int s = 0; s < v->nsrc; s++) {
        Group from = sources_of(j, t, s);
        src[s] = s == w ? j->copy[v->src[s]->id] : side_by_side(j, &from);
    }
    Shape to = v->type.shape;
    to.dim[0] *= t->n;
    graph_at(j->to, v->loc, v->origin, v->role, v->path);
    t->made = v->op == &op_reshape     ? g_reshape(src[0], &to)
              : v->op == &op_broadcast ? g_broadcast(src[0], &to)
                                       : emit(j->to, v->op, v->nsrc, src, v->attr);
    for (int k = 0; k < t->n; k++) j->copy[t->member[k]] = rows(t->made, k * rows_of(v), rows_of(v));
}

static void make(Join *j, int id) {
    const Node *v = at(j, id);
    if (j->group[id] >= 0) {
        make_group(j, &j->all.at[j->group[id]]);
        return;
    }
    Node **src = ARENA_ARRAY(j->a, Node *, v->nsrc + 1);
    for (int s = 0; s < v->nsrc; s++) src[s] = j->copy[v->src[s]->id];
    graph_at(j->to, v->loc, v->origin, v->role, v->path);
    j->copy[id] = v->poison ? poison(j->to, v->type) : emit(j->to, v->op, v->nsrc, src, v->attr);
}

/* Something that id, or its group, reads and that is not there yet; or -1. */
static int missing(const Join *j, int id) {
    const Group alone = {1, {id}, NULL}, *t = j->group[id] >= 0 ? &j->all.at[j->group[id]] : &alone;
    for (int k = 0; k < t->n; k++)
        for (int s = 0; s < at(j, t->member[k])->nsrc; s++)
            if (!j->copy[at(j, t->member[k])->src[s]->id]) return at(j, t->member[k])->src[s]->id;
    return -1;
}

static void copy_all(Join *j) {
    for (int i = 0; i < j->g->node.n; i++) {
        j->top = 0;
        if (j->live[i] && !j->copy[i]) j->stack[j->top++] = i;
        while (j->top) {
            int id = j->stack[j->top - 1], next = missing(j, id);
            if (next >= 0) {
                j->stack[j->top++] = next;
            } else {
                make(j, id);
                j->top--;
            }
        }
    }
}

/* Effects keep their order only where nothing reads them. */
static bool fits(const Join *j) {
    for (int i = 0; i < j->g->node.n; i++)
        for (int s = 0; j->live[i] && s < at(j, i)->nsrc; s++)
            if (at(j, i)->src[s]->op->traits & EFFECT) return false;
    return j->g->node.n <= NODES_MOST;
}

void join_samples(const Graph *g, Graph *to, const bool *live, Node **copy, Arena *scratch) {
    Join j = {.g = g, .to = to, .a = scratch, .live = live, .copy = copy};
    int n = g->node.n;
    j.group = ARENA_ARRAY(scratch, int, n + 1);
    j.turned = ARENA_ARRAY(scratch, bool, n + 1);
    j.place = ARENA_ARRAY(scratch, int, n + 1);
    j.seen = ARENA_ARRAY(scratch, int, n + 1);
    j.stack = ARENA_ARRAY(scratch, int, n + 1);
    for (int i = 0; i < n; i++) j.group[i] = -1;
    bool small = fits(&j);
    for (int i = 0; i < n && small && j.work < WORK_MOST; i++)
        if (live[i] && !g->node.at[i]->poison && j.group[i] < 0 && pays(g->node.at[i])) group_from(&j, i);
    copy_all(&j);
}

/* ---- what becomes of sums over the samples ---- */

typedef struct {
    Node *of;
    int64_t from, count;
} Part;

/* Samples from .. from+count of `of`. */
static bool part_of(Node *x, Part *out) {
    if (x->op != &op_slice) return false;
    const SliceAttr *a = x->attr;
    for (int k = 0; k < a->size.n; k++)
        if (a->step.at[k] != 1 || (k && a->size.at[k] != x->src[0]->type.shape.dim[k])) return false;
    *out = (Part){x->src[0], a->start.at[0], a->size.at[0]};
    return true;
}

/* Is n a sum over samples, axis 0 of all its sources? */
static bool over_samples(const Node *n) {
    bool ok;
    if (n->op == &op_convolve_w) return true;
    if (n->op == &op_sum) return axes_mask(&((const ReduceAttr *)n->attr)->axes, n->src[0]->type.shape.rank, &ok) & 1;
    return n->op == &op_matmul && ((const MatmulAttr *)n->attr)->ta && !((const MatmulAttr *)n->attr)->tb &&
           n->src[0]->type.shape.rank == 2 && n->src[1]->type.shape.rank == 2;
}

/* f(rows p..q of x, of z) + f(rows q..r of x, of z) -> f(rows p..r of x, of z) */
static Node *one_sum(Graph *g, const Node *a, const Node *b) {
    Node *src[2];
    if (a->op != b->op || !over_samples(a) || !over_samples(b)) return NULL;
    if (a->op->attr_size && memcmp(a->attr, b->attr, a->op->attr_size)) return NULL;
    for (int s = 0; s < a->nsrc; s++) {
        Part p, q;
        if (!part_of(a->src[s], &p) || !part_of(b->src[s], &q) || p.of != q.of || p.from + p.count != q.from) return NULL;
        src[s] = rows(p.of, p.from, p.count + q.count);
    }
    return emit(g, a->op, a->nsrc, src, a->attr);
}

static void take_terms(Node *n, Node **term, int *count, int most) {
    if (n->op == &op_add && *count + 2 <= most) {
        take_terms(n->src[0], term, count, most - 1);
        take_terms(n->src[1], term, count, most);
    } else {
        term[(*count)++] = n;
    }
}

Node *rule_terms(Graph *g, const Node *old, Node *const *src) {
    enum { TERMS = 16 };
    Node *term[TERMS], *y = NULL;
    int n = 0;
    bool found = false;
    if (old->op != &op_add) return NULL;
    take_terms(src[0], term, &n, TERMS - 1);
    take_terms(src[1], term, &n, TERMS);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++) {
            Node *both = i != k && term[i] && term[k] ? one_sum(g, term[i], term[k]) : NULL;
            if (both) term[i] = both, term[k] = NULL, found = true, k = -1;
        }
    for (int i = 0; i < n && found; i++)
        if (term[i]) y = y ? g_add(y, term[i]) : term[i];
    return y;
}
