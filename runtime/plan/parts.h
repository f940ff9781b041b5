/* What the parts of the planner share while they make one Program; none of it outlives plan_make.
 *
 *   views.c     graph -> items. Views disappear: an item reads other items through strides.
 *   group.c     items -> groups, in an order of execution. A group of map and fold items becomes a region.
 *   order.c     that order
 *   slots.c     assignments: straight into the slot, or copied at the end
 *   draft.c     a group -> its micro-program; segments.c joins groups of one micro-program, to run in one
 * instruction build.c     groups -> instructions        region.c  geometry (region.h) memory.c    lifetimes,
 * offsets, results in place check.c, dump.c   read finished programs only
 */
#pragma once
#include "plan/plan.h"
#include "plan/region.h"

typedef enum { ITEM_SLOT, ITEM_CONSTANT, ITEM_MAP, ITEM_FOLD, ITEM_KERNEL } ItemKind;

typedef struct {
    int item;
    Tensor type;
    Strides at;
} Read; /* the reader's index space, and where it lies in the item */

typedef VEC(int) Indices;

typedef struct { /* a value that is computed or found somewhere */
    ItemKind kind;
    const Op *op;     /* NULL: a copy */
    const Node *node; /* whose attributes and provenance it has */
    Tensor type;      /* of the result, which is dense */
    Shape space;      /* of a map or fold: what its reads run over */
    int64_t count;    /* elements of the space */
    int64_t task;     /* of a fold: the task size that its bits need */
    int nsrc;
    Read *src;
    int slot;          /* ITEM_SLOT; or -1 */
    int group;         /* -1 for slots and constants */
    Indices copies;    /* items that hold it, or a part of it, densely: to share them */
    Indices users;     /* items that must not run before it: they read it, or write a slot that it reads */
    bool again;        /* made again in another group than its first */
    bool used, stored; /* at all; outside its group: it needs a place */
    Operand at;        /* its place */
    int64_t buffer;    /* memory.c: which buffer, or -1 */
} Item;

typedef struct {
    int slot;
    Read value;
    const Node *node;
} Write; /* an assignment */

typedef struct { /* a group as a micro-program, before it has memory */
    int nin, nout, nvalue, nstep, nfold;
    Value *value;
    Step *step;
    Read *in;
    int *out;       /* items */
    Access *access; /* of the inputs */
    Fold *fold;
} Draft;

typedef struct {
    Indices items;       /* in an order in which they can run */
    Indices behind;      /* items that must run earlier: readers of a slot it writes */
    Indices segments;    /* further groups that run in the same instruction */
    int64_t count, task; /* of a region; task 0: no fold asks for one */
    bool kernel, gone;   /* an own kernel, alone; merged into another */
    int prev, next;      /* in the order; -1: none */
    int64_t at;          /* its label there: larger than those before */
    Draft *draft;
} Group;

typedef struct {
    const Graph *graph;
    PlanOptions options;
    Arena *scratch, *arena; /* dies with plan_make; the Program's own */
    Read *node;             /* by node id: where its numbers are */
    VEC(Item) item;
    VEC(Write) write;
    int *write_of; /* by slot: its write's index + 1; 0: none */
    VEC(Read) result;
    VEC(Group) group;
    int first, last, running; /* groups as they run: ends of the list, how many */
    Indices mark, found[2];   /* order.c: by group, the search that found it; of the present one */
    int stamp;
    Indices needs; /* group.c: of the present join */
    Program *program;
    Read **reads; /* by instruction: where its operands come from, */
    int **outs;   /* and which items it makes */
} Plan;

bool read_same(const Read *r);                         /* element i is element i of the item */
bool read_dense(const Read *r);                        /* contiguous, from any offset */
int item_copy(Plan *p, const Read *r);                 /* the item that holds r densely; made once */
bool views_make(Plan *p, int n, Node *const *results); /* false: a kernel is missing, message given */

void order_append(Plan *p, int g); /* each group once */
void order_remove(Plan *p, int g);
/* Moves groups so that g stands behind those of these items (its own does not count), and, if that is not much to move,
 * behind group `place` (-1: none), which is not asked. false: one of them needs g, or it would take too long to tell. */
bool order_behind(Plan *p, int g, const Indices *items, int place);

int group_new(Plan *p, int item); /* at the end of the order, with this item */
void item_needs(Plan *p, int item, int other); /* other must run no later than item */
void groups_make(Plan *p);
void groups_finish(Plan *p); /* what is used, what is stored; empty groups leave the order */
typedef enum { JOIN_NOT, JOIN_NEEDS, JOIN_DONE } Join;    /* NEEDS: the later one needs the earlier one */
Join groups_join(Plan *p, int a, int b, bool as_segment); /* b becomes part of a, or the other way: the one
                                                             that is left has the later place */
void segments_merge(Plan *p);
void slots_assign(Plan *p);
Draft *draft_make(Plan *p, const Group *g);
bool program_build(Plan *p);

typedef struct Room Room;
Room *room_new(Arena *a, int times);
/* Where `size` bytes go from time `from` to time `to`, both included: the smallest gap that is free all along. */
size_t room_take(Room *r, int from, int to, size_t size);
void memory_plan(Plan *p);
