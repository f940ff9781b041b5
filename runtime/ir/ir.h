/* The IR: what a node, an operator and a graph are. Read this header first; everything else refers to it.
 *
 *   Shape, Tensor   a type: element type and sizes. Not a buffer: memory belongs to the Program and the Store.
 *   Node            an operator applied to nodes. Immutable, one result, hash-consed: equal nodes are one node.
 *   Op              all that is known of an operator: shape rule, gradient rule, kernels, double reference, samples.
 *   Graph           nodes in the order of their making. A source exists before its user, so ascending id is a schedule.
 *   Slot            a named value that outlives a program: parameter, running value, optimiser value, data field.
 *
 * Operators meet equal shapes and types only: the builders (g_add, ...) level their arguments with `broadcast` and
 * `to_float` / `to_int` nodes first, so `broadcast` and `sum_to` are each other's gradient and nothing else deals
 * with it. The IR is closed under differentiation: every gradient rule is made of these same builders.
 */
#pragma once
#include "base/arena.h"
#include "base/diag.h"
#include "base/field.h"
#include "base/names.h"
#include "base/vec.h"

enum { RANK_MAX = 8 };

/* The language's float, int, bool (one byte, 0 or 1). F64 is no node's type: it is how a run in fp64 keeps its floats, in
 * the Store, in what the host reads, and in files. */
typedef enum { F32, I32, U8, DTYPES, F64 } DType;
typedef struct { int rank; int64_t dim[RANK_MAX]; } Shape;
typedef struct { DType dtype; Shape shape; } Tensor;

typedef struct { Tensor type; const void *data; } Numbers;              /* dense */
enum { EXPLAINED = 4 };

typedef struct Node Node;
typedef struct Op Op;
typedef struct Graph Graph;
typedef struct { const Node *of; int axis; } SizeOf;  /* of: NULL where the size is of nothing */
typedef struct Instr Instr;                           /* ir/instr.h */

struct Node {
    const Op *op;
    Graph *graph;
    const void *attr;                                 /* op->attr_size bytes, or NULL */
    Tensor type;
    Loc loc;                                          /* the YAML it comes from */
    const Node *origin;                               /* the node it was derived from, or NULL */
    const char *role;                                 /* "gradient", "optimizer", ... or NULL */
    const char *path;                                 /* 'critic/conv_2', where it was made; or NULL */
    const Caller *calls;                              /* of the spec's functions that led to it; or NULL */
    const SizeOf *sizes;                              /* by axis: the size of another tensor that was asked for; or NULL */
    bool poison;                                      /* made of something wrong: silent, the graph is thrown away */
    int id, nsrc;
    Node *src[];
};

enum Trait {                                          /* all that a pass may know about an operator */
    ELEMENTWISE = 1 << 0,                             /* out[i] from in[..][i] only: has `map`; fusable, in place */
    LINEAR = 1 << 1,                                  /* linear in its sources together: second derivative zero */
    PIECEWISE = 1 << 2,                               /* linear but for kinks: second derivative zero where defined */
    VIEW = 1 << 3,                                    /* the same numbers, other strides: has `view` */
    REDUCES = 1 << 4,                                 /* has `reduce`: an end of a fused region */
    RANDOM = 1 << 5,                                  /* a draw: sources are scalars (tick, round); has `map` */
    EFFECT = 1 << 6,                                  /* writes the Store: never dropped, never shared */
    STOPS_GRAD = 1 << 7,                              /* has no gradient rule on purpose */
    THREADS_VARY = 1 << 8,                            /* its bits may differ between thread counts (OpenBLAS, oneDNN) */
    CHEAP = 1 << 9,                                   /* costs less than storing its result: may be computed again */
    COMMUTES = 1 << 10,                               /* f(x, z) = f(z, x): sources are put in order of id */
    LEAF = 1 << 11,                                   /* no sources; not computed: constant, slot */
    REPEATS = 1 << 12,                                /* runs a body several times: attributes are a LoopAttr; gradients
                                                         flow through its rounds, unrolled (grad/) */
};

/* One block of an elementwise operator: n contiguous elements, n > 0. Bit k of `numbers`: in[k] points at a single
 * number, which stands for all n. For RANDOM operators in[0] and in[1] point at one int32 each: tick and round, and
 * `start` is the index of the block's first element in the whole draw. */
typedef struct { const void *attr; uint64_t seed; int64_t start; unsigned numbers; } MapEnv;
typedef void Map(int64_t n, const void *const *in, void *out, const MapEnv *env);

enum { ISA_BASE, ISA_AVX2, ISA_AVX512, ISAS };        /* kern/isa.c chooses one at start */

/* A reduction as the region engine runs it. An accumulator has `planes` values a result, plane by plane; `block`
 * folds [rows, inner] contiguous elements into `inner` results; `merge` adds the accumulator of a later part. */
typedef struct Reduce {
    int planes;
    void (*start)(float *acc, int64_t n);
    void (*block)(float *acc, int64_t n, const void *x, int64_t rows, int64_t inner);  /* n: plane stride */
    void (*merge)(float *acc, const float *later, int64_t n);
    void (*finish)(const float *acc, void *out, int64_t n, int64_t count);             /* count: numbers per result */
} Reduce;

typedef struct { int64_t offset, stride[RANK_MAX]; } Strides;          /* in elements, one stride an axis */

/* The attributes that planner, passes and references read; all others are private to the operator's file. */
typedef struct { int slot; } SlotAttr;                /* of `slot`; of `assign`, whose only source is the new value */
typedef struct { Ints axes; bool keep; } ReduceAttr;  /* the attributes of every REDUCES operator begin so; axes as
                                                         axes_mask reads them, over the source's axes */

/* Of `loop`. The body is a graph with slots of its own: 0 the value that is carried from round to round, which it assigns;
 * 1 the round, an int; k + 1 what source k of the loop is, the same in all rounds. Source 0 is the carried value's start. */
typedef struct { int64_t rounds, hash; const Graph *body; } LoopAttr;
enum { LOOP_CARRIED, LOOP_ROUND, LOOP_SLOTS };

typedef struct {                                      /* a case that tests run; tables end with name NULL */
    const char *name;
    int nsrc;
    Tensor src[4];
    const void *attr;
    double low, high;                                 /* domain of random inputs */
} Sample;

struct Op {
    const char *name, *doc;                           /* the language's name; one line */
    const char *call;                                 /* how the language calls it: "x, z"; "x, axes=, keep=false";
                                                         NULL: not callable. Names that are no attribute are sources */
    int arity;                                        /* -1 = any */
    unsigned traits;
    size_t attr_size;
    const Field *attr;                                /* rows for what the language may give, and for dumps */
    Node *(*build)(Graph *g, int nsrc, Node *const *src, const void *attr);
                                                      /* levels arguments, completes attributes, emits; NULL = emit() */
    bool (*infer)(const Node *n, Tensor *out);        /* false = it called reject() */
    void (*grad)(const Node *n, Node *gy, Node **gx); /* vector-Jacobian product, as nodes; gx[k] stays NULL where
                                                         nothing flows */
    bool (*view)(const Node *n, const Strides *in, Strides *out);      /* VIEW: false = cannot be strided, copy first */
    Map *map[ISAS][DTYPES];                           /* by the type of the last source (of the result where none);
                                                         NULL = not for that type */
    const Reduce *reduce[DTYPES];                     /* REDUCES: by the type of the source */
    bool (*prepare)(Instr *i);                        /* once: scratch size, library state; false = cannot run */
    void (*release)(Instr *i);                        /* frees what prepare made */
    void (*eval)(const Instr *i, const void *const *in, void *const *out, void *scratch);
    void (*explain)(const Numbers *in, int64_t element, char *to, size_t size);
                                                      /* why this element of what it made of `in` is no number; NULL: as
                                                         computed. Of at most EXPLAINED sources */
    int64_t (*places)(const Node *n, int *indices);   /* which source holds indices; gives how many places they may name */
    void (*ref)(const Node *n, const double *const *in, double *out);  /* naive, in double */
    double (*flops)(const Node *n);                   /* multiplications and additions; NULL = one an element */
    const Sample *samples;
    const Sample *large;                              /* one of a model's size, for bench/ops: too large for the reference.
                                                         NULL: elementwise and draws, which it makes longer itself */
    double golden[4];                                 /* UNARY: {x, y}; BINARY: {x, z, y} from a table, so that a wrong
                                                         formula cannot pass both kernel and reference */
};

extern const Op *const op_table[];                    /* generated; ends with NULL */
const Op *op_named(const char *name);                 /* NULL if there is none */

typedef enum {
    SLOT_PARAM,                                       /* network parameters */
    SLOT_STATE,                                       /* running values of networks, players, functions */
    SLOT_OPTIMIZER, SLOT_FIXED, SLOT_ITERATION,
    SLOT_LATEST,                                      /* PLAYER.name that others read */
    SLOT_COUNTER,                                     /* step, epoch, turns, cursors: int, written by the trainer */
    SLOT_BATCH,                                       /* a data field: filled by the trainer, in no checkpoint */
    SLOT_COLLECTED,                                   /* rows that a metric collects: so too */
    SLOT_KINDS
} SlotKind;

typedef struct {
    const char *name;                                 /* unique; 'critic/conv_1/weight'; '@...' for all but
                                                         parameters and running values */
    Tensor type;
    SlotKind kind;
    const char *tag;                                  /* what the layer declared: 'weight', 'bias', ...; or NULL */
    Loc loc;
    double fill;                                      /* the value every element has at the start of a run */
    const Node *maker;                                /* in another graph: what its value is made by, if that is known */
    const double *init;                               /* or all of its elements; NULL: fill (an init program may follow) */
} Slot;

typedef struct { Arena *arena; VEC(Slot) all; NameTable names; } Slots;
int slot_add(Slots *s, Slot slot);                    /* gives its index */
int slot_find(const Slots *s, const char *name);      /* -1 if there is none */

struct Graph {
    Arena *arena;
    Diags *diags;
    Slots *slots;
    const char *name;                                 /* 'turn critic': for messages and dumps */
    VEC(Node *) node;
    Node **table;                                     /* hash-consing */
    int table_size;
    Loc loc;                                          /* provenance of what is emitted next: graph_at */
    const Node *origin;
    const char *role, *path;
    int *readers, counted;                            /* node_readers: by node; for how many nodes it holds */
    int limit;                                        /* most nodes allowed; beyond it graph_full is set */
    bool full;
};

enum { GRAPH_LIMIT = 400000 };

Graph *graph_new(Arena *a, Diags *d, Slots *s, const char *name);
typedef struct { Loc loc; const Node *origin; const char *role, *path; } Provenance;
Provenance graph_at(Graph *g, Loc loc, const Node *origin, const char *role, const char *path); /* gives the old one */
void graph_back(Graph *g, Provenance old);
Node *emit(Graph *g, const Op *op, int nsrc, Node *const *src, const void *attr);
Node *op_apply(Graph *g, const Op *op, int nsrc, Node *const *src, const void *attr);   /* op->build or emit */
/* reject: error at n->loc, gives false. refuse, for builders: error at g->loc with op's name, gives poison. */
#define reject(n, ...) reject_at(DIAG_SITE, (n), __VA_ARGS__)
#define refuse(g, op, type, ...) refuse_at(DIAG_SITE, (g), (op), (type), __VA_ARGS__)
bool reject_at(const char *site, const Node *n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
Node *refuse_at(const char *site, Graph *g, const Op *op, Tensor type, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
int node_readers(const Node *n);                      /* how often n is read in its graph; best asked when that is complete */
Node *poison(Graph *g, Tensor type);                  /* stands for something refused; silent from here on */
void graph_dump(const Graph *g, FILE *to);            /* one node a line: what golden tests compare */
bool graph_verify(const Graph *g, char *why, size_t size);              /* the type checker of the IR */
uint64_t graph_hash(const Graph *g);                  /* of structure, types, attributes and slot names; no positions */
Graph *graph_only(const Graph *g, int n, Node **keep);/* a copy of what `keep` and effects need; keep[i] is replaced */
/* Copies what `keep` needs of `from` into `to`, with slot[k] in the place of slot k; keep[i] is replaced. No effects. */
void graph_replay(Graph *to, const Graph *from, Node *const *slot, int n, Node **keep);

/* shapes.c */
Shape shape_of(int rank, const int64_t *dim);
#define SHAPE(...) shape_of((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
bool shape_equal(const Shape *a, const Shape *b);
bool tensor_equal(const Tensor *a, const Tensor *b);
int64_t shape_count(const Shape *s);
bool shape_bounded(const Shape *s);                   /* at most 2^40 numbers: sizes of 1 or more that arithmetic bears */
char *shape_show(const Shape *s, Arena *a);           /* "[128, 40, 40, 1]" */
bool shape_broadcast(const Shape *a, const Shape *b, Shape *out);       /* NumPy's, less the refusal of language.md */
unsigned axes_mask(const Ints *axes, int rank, bool *ok);               /* negative ones from the end; n = 0: all */
size_t dtype_size(DType t);
const char *dtype_name(DType t);                      /* "float", "int", "bool" */
bool dtype_float(DType t);                            /* F32 or F64 */
int dtype_digits(DType t);                            /* decimal digits that give back each such float, for %.*g */
double number_get(const void *data, DType t, int64_t i);                /* element i of dense numbers; bool is 0 or 1 */
void number_put(void *data, DType t, int64_t i, double value);          /* rounded to what t holds */

#define NODES(...) ((Node *[]){__VA_ARGS__})
#define NODE_COUNT(n) shape_count(&(n)->type.shape)
