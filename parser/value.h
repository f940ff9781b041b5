/* Values, scopes and contexts: what the evaluator works on. The language is small, lazy and functional; it is
 * evaluated once, when the spec is compiled. Applying an operator to numbers folds; to nodes, it emits a node.
 * Nothing here, or in the .c files beside it, knows a layer, a loss or an optimiser by name.
 *
 *   Value   immutable; lives in the compile's arena
 *   Def     a named definition of a spec or the prelude: variable, function, network, optimiser, source, ...
 *   Scope   names and their thunks; the parent is where the text stands, never the caller
 *   Ctx     where evaluation stands: graph, network, path, mode. Handed down by value, never written upwards
 *   Build   what one unit of the Training collects while it is evaluated
 */
#pragma once
#include "parser/expr.h"
#include "parser/keys.h"
#include "base/inttable.h"
#include "train/training.h"

typedef struct Value Value;
typedef struct Function Function;
typedef struct Scope Scope;
typedef struct Local Local;
typedef struct Def Def;
typedef struct Eval Eval;
typedef struct Ctx Ctx;
typedef struct Build Build;
typedef struct Builtin Builtin;

typedef enum {
    V_POISON,                                         /* was reported; silent from here on */
    V_NONE,                                           /* what a function of assignments alone gives */
    V_NUMBER, V_BOOL, V_TEXT, V_LIST, V_RECORD, V_FUNCTION, V_NODE, V_SOURCE, V_PLAYER
} ValueKind;

struct Value {
    ValueKind kind;
    bool is_int;                                      /* V_NUMBER */
    bool collection;                                  /* V_RECORD: arithmetic maps over its parts */
    double number;                                    /* V_NUMBER, V_BOOL */
    const Node *sized;                                /* V_NUMBER: of which it is a size, or is made of one; V_LIST: of which
                                                         its length is one; or NULL ... */
    int axis;                                         /* ... and on which axis; -1: all */
    const char *text;                                 /* V_TEXT */
    int n;                                            /* V_LIST, V_RECORD */
    Value **item;
    const char **name;                                /* V_RECORD */
    const Function *function;
    Node *node;
    Def *def;                                         /* V_SOURCE, V_PLAYER */
};

typedef enum { FN_TEXT, FN_LAMBDA, FN_OPERATOR, FN_BUILTIN } FunctionKind;

struct Function {
    FunctionKind kind;
    const char *name;
    const Head *head;                                 /* FN_TEXT, FN_LAMBDA */
    const Doc *body;                                  /* FN_TEXT */
    const Expr *lambda;
    const Op *op;
    const Builtin *builtin;
    Scope *scope;                                     /* where the text stands */
    Def *def;                                         /* NULL for small functions, operators, builtins */
    const Ctx *place;                                 /* FN_LAMBDA: the context it was written in (unit-independent) */
};

struct Local {                                      /* a name in a scope; evaluated when first asked for */
    const char *name;
    Loc loc;
    const Doc *doc;                                   /* NULL where the value was given */
    const Expr *expr;                                 /* instead of doc */
    Value *value;
    const Ctx *ctx;                                   /* of the body it belongs to */
    Scope *scope;
    bool running, used, argument, exempt;             /* exempt: may stay unused */
    Local *asker;                                     /* while running: whose value asked for this one, or NULL */
    Local *next;
};

struct Scope {
    Scope *parent;
    Local *first;
    const Local *hidden;                            /* in its own value a local name means the outer one */
    Value *piped;                                     /* the first argument: where a local name's layer list starts */
    const struct Globals *globals;                    /* of the outermost scope */
};

typedef enum { DEF_VAR, DEF_FUNCTION, DEF_NETWORK, DEF_OPTIMIZER, DEF_SOURCE, DEF_ITERATION, DEF_PLAYER } DefKind;
enum { DEF_KINDS = DEF_PLAYER + 1 };

typedef VEC(int) SlotList;

typedef struct { const void *site; const char *written; Loc loc; int number, ordinal; } Site;       /* a call in a text */

struct Def {
    DefKind kind;
    const char *name;
    Def *same;                                        /* the next one of this name: a player and its network */
    int number;                                       /* in its Globals */
    Head head;
    const DocEntry *entry;
    struct Globals *globals;
    Function function;                                /* of functions, networks, optimisers */
    Value *value;                                     /* DEF_VAR, DEF_ITERATION (template of slots), memoised */
    bool running, used;
    VEC(Site) sites;                                  /* the calls of its text, in the order of the text */
    bool sites_done;
    enum { UNSEEN, OPEN, DONE } walked;               /* in the search for calls that lead back */
    bool recursive;                                   /* was reported */
    int index;                                        /* of source, iteration value, player in the Training */
    SlotList slots;                                   /* DEF_NETWORK: the parameters that it makes itself */
    SlotList states;                                  /* DEF_NETWORK: its running values */
    VEC(Def *) nested;                                /* DEF_NETWORK: networks it calls */
    bool called, shaped, traced;                      /* a call was tried; went through; made rows */
    bool updated, loaded;                             /* DEF_NETWORK: some turn moves running values; a file gives parameters */
    bool scheduled;                                   /* DEF_PLAYER */
    VEC(const char *) asked;                          /* DEF_PLAYER: names that others read as PLAYER.name */
    VEC(Value *) asked_type;                          /* their templates */
    Every every;
};

typedef struct Globals {                              /* one file's definitions (includes merged), or the prelude's */
    VEC(Def *) defs;
    NameTable names;                                  /* the first definition of a name; others follow by `same` */
    int count[DEF_KINDS];
    Loc section[DEF_KINDS];                           /* where each is headed */
    struct Globals *below;                            /* the spec's: the prelude; the prelude's: NULL */
    Scope scope;
} Globals;

typedef struct Chain {                                /* the calls that lead to a place: orders what happens after */
    const struct Chain *outer;
    int ordinal, copy, depth;
} Chain;

typedef struct {                                      /* a running value that moves at the end of the turn */
    const Value *state;                               /* template of its slots */
    int player;
    const Chain *chain;
    Def *network;                                     /* NULL outside networks */
    const Doc *next;                                  /* the expression of its next value */
    Scope *scope;
    const Ctx *ctx;
    const char *name;
} Pending;

typedef IntTable Marks;                               /* a set of slots, definitions, ... by index */
typedef struct { const Chain *from, *to; Loc loc; } Origin;       /* the calls from a network's own to what makes a slot */
typedef struct { int slot; Loc call; const Value *shape; } Shaped;    /* a parameter, the call of its network that gave it its
                                                         shape, and that */

typedef struct { const Def *network; const char *argument; Shape shape; Loc loc; bool said; } Given;      /* a tensor, in a call */

struct Build {
    Unit *unit;
    Graph *graph;
    VEC(int) sources;
    VEC(Node *) slopes;                               /* gradients by samples */
    VEC(int) partial;                                 /* sources that give their last batch, which is not full */
    VEC(int) iterations;
    VEC(Pending) pending;
    IntTable now;                                     /* values of parameters after the optimisers */
    IntTable assigned;                                /* values that `after` gives to parameters ... */
    VEC(int) assigned_slots;                          /* ... in order */
    int player;                                       /* whose text is being evaluated, -1 */
    bool turn;                                        /* running values may move */
    VEC(Given) given;                                 /* to networks, by the players' own calls */
};

typedef enum { UPDATE_BY_MOVES, UPDATE_NEVER, UPDATE_ALWAYS } UpdateMode;

struct Ctx {
    Eval *e;
    Build *build;
    Graph *graph;
    Def *network;                                     /* whose parameters a call makes; NULL outside */
    const char *path;                                 /* of parameters and running values: 'critic/conv_1' */
    const char *draw;                                 /* of draws: the whole chain of calls from the unit on */
    const Chain *chain, *entered;                     /* entered: the network's own call */
    Def *text;                                        /* the definition whose text is being evaluated: numbers its calls */
    bool training;
    UpdateMode update;
    const Value *parameters;                          /* `parameters=`: used instead of the network's own */
    bool after;                                       /* parameters have their new values */
    bool tracing;                                     /* the first call of a network: its layers make rows for `show` */
    bool probing;                                     /* finding the type of a running value: nothing is registered */
    bool constant;                                    /* only compile-time values: no graph */
    int tick;                                         /* slot that draws read as their tick; -1: 0 */
    Node *round;                                      /* in a loop: its round, which draws read; else NULL */
    Def *loop_network;                                /* the network whose text the loop stands in, or NULL */
    const Expr *whole;                                /* the expression that is a local name's whole value ... */
    const char *whole_name;                           /* ... and that name: for parameter(...) */
    int depth;                                        /* of calls: recursion is refused */
};

struct Eval {
    Arena *arena;
    Diags *diags;                                     /* while shaping: one that nobody sees */
    Diags *loud;                                      /* what is seen: for mistakes of the text alone, said once */
    Training *t;
    Globals *prelude, *spec;
    Graph *fold;                                      /* scratch graph in which numbers are folded */
    Build init;                                       /* the initialisers' unit */
    VEC(Unit) fixed;
    VEC(LayerRow) rows;
    VEC(Shaped) shaped;
    IntTable origin;                                   /* Origin of parameters and running values, by slot */
    VEC(Value *) kept;                                /* templates of state, fixed, iteration, latest values ... */
    NameTable kept_names;                             /* ... by name */
    Marks moved;                                      /* slots that some player moves */
    Marks initialised;                                /* slots that an initialiser already sets */
    SlotList frozen;                                  /* what the stage at hand freezes */
    bool logs_known;                                  /* nothing went wrong in the schedule: what is logged is known */
    Local *forcing;                                   /* whose value is being found, or NULL */
    bool shaping;                                     /* first pass: finds shapes; messages are dropped */
};

struct Builtin {                                      /* a language function in C: structure, not arithmetic */
    const char *name, *call, *doc;
    Value *(*apply)(const Ctx *c, int n, Value **arg, Loc loc, const Expr *site);
    bool lazy;                                        /* gets unevaluated arguments through site: `if`, `fixed`, `grad` */
    bool variadic;                                    /* the first argument takes all positional ones as a list */
};
extern const Builtin builtin_table[];                 /* ends with name NULL */

/* gradient.c: the builtin grad(y, x) */
void slopes_check(Eval *e, const Build *b);           /* warns of one norm for the slopes of all samples */
Value *do_grad(const Ctx *c, int n, Value **scope, Loc loc, const Expr *x);

/* value.c */
Value *value_poison(Eval *e);
Value *value_none(Eval *e);
Value *value_number(Eval *e, double x, bool is_int);
Value *value_bool(Eval *e, bool x);
Value *value_text(Eval *e, const char *text);
Value *value_list(Eval *e, int n, Value **item);
Value *value_record(Eval *e, int n, const char **name, Value **item, bool collection);
Value *value_function(Eval *e, const Function *f);
Value *value_node(Eval *e, Node *n);
Value *value_member(const Value *record, const char *name);             /* NULL if there is none */
const char *value_kind(const Value *v);               /* "a number", "a tensor of float [128, 1]", ... (static or arena) */
char *value_show(Eval *e, const Value *v);
char *path_join(Eval *e, const char *path, const char *part);            /* 'critic/conv_1'; path may be NULL */
bool value_whole(const Value *v, int64_t *out);       /* a whole number known at compile time */
bool value_wholes(const Value *v, Ints *out);         /* a whole number, or at most INTS_MAX in lists of them in any mix */
bool value_sizes(const Value *v, int64_t least, Shape *out);             /* the same as a shape, none below `least` */
Node *value_to_node(const Ctx *c, const Value *v, Loc loc);             /* numbers and lists become constants; NULL reported */
bool value_is_poison(const Value *v);                 /* itself or any part */
void note_value(Eval *e, const Value *v);             /* to a message about v: where the sizes in it come from */
Value *value_map(Eval *e, const Value *v, Value *(*f)(void *ctx, const Value *leaf), void *ctx);

/* constant.c: what is known when the spec is compiled */
DType number_type(const Value *v);                    /* in a tensor: ints have 32 bits, a whole number beyond them is float */
bool value_constant(const Value *v, Tensor *out);     /* a number, or nested lists of numbers of one shape: their type */
double *constant_data(Eval *e, const Value *v, const Tensor *t);         /* its numbers, in order */
Value *constant_value(Eval *e, const Tensor *t, const double *data);     /* the other way round */
Value *constant_apply(const Ctx *c, const Op *op, int n, Value *const *src, const void *attr, Loc loc);

/* apply.c: operators on values */
Value *apply_op(const Ctx *c, const Op *op, int n, Value *const *pos, int nnamed, const char *const *names,
                Value *const *named, Loc loc);
Value *apply_nodes(const Ctx *c, const Op *op, int n, Value *const *src, const void *attr, Loc loc);
Value *apply_index(const Ctx *c, Value *v, const Expr *index, Scope *s);                /* index.c */
bool call_takes(const char *call, const char *name);   /* whether "x, axes=, keep=" has that name */
void refuse_keyword(Eval *e, const char *who, const char *call, const char *name, Loc loc);     /* no argument of `call` */
const Op *op_meant(const Op *op, int n);               /* `max` of one argument is the reduction */
bool field_from_value(const Ctx *c, const Field *f, void *into, const Value *v, Loc loc, const char *who);

/* scope.c: names */
Local *bind_value(Eval *e, Scope *s, const char *name, Loc loc, Value *v);
Local *bind_doc(Eval *e, Scope *s, const DocEntry *entry, const Ctx *c);
Scope *scope_new(Eval *e, Scope *parent);
Value *scope_get(const Ctx *c, Scope *s, const char *name, Loc loc, bool called);      /* poison, reported, if unknown */
Local *scope_find(Scope *s, const char *name, bool *hidden);
Value *operator_value(Eval *e, const char *name);       /* of an operator or builtin; NULL if there is none */
void unknown_name(Eval *e, const Globals *g, Nearest *near, Loc loc, bool called);     /* says so; near: has the local ones */
bool is_choice_word(const Ctx *c, Scope *s, const Doc *d, const char *choices);       /* a bare word for a declared choice */
bool is_choice_name(Scope *s, const Expr *x, const char *choices);
Value *binding_force(const Ctx *c, Local *b);
Def *def_find(const Globals *g, const char *name, unsigned kinds);      /* kinds: bits 1 << DefKind; in g and below */

/* unused.c: names that nothing uses */
bool check_unused(Eval *e, const Doc *body, const char *const *skip, const Field *keys, const char *what);
void check_arguments(Eval *e, const Head *h, int from, const Doc *body, const Field *keys);       /* from: those before are given anyway */

/* eval.c: expressions, layer lists, bodies, calls */
Value *eval_expr(const Ctx *c, Scope *s, const Expr *x);
Value *eval_doc(const Ctx *c, Scope *s, const Doc *d);                  /* an expression field: scalar or list of values */
Value *eval_definition(const Ctx *c, Scope *s, const Doc *d, Value *piped);            /* layer list, body, record or expression */
Value *call_value(const Ctx *c, const Site *site, const Value *f, int n, Value **arg, Loc loc);      /* positional; site: the
                                                         call whose part of a path it bears, or NULL */
const Expr *doc_expr(Eval *e, const Doc *d);          /* parsed once */
enum { FIRST_SIDE = 1, OTHER_SIDE = 2 };              /* of `if`, `and`, `or`, `when` */
void choose(const Expr *x, int sides);                /* notes that evaluation took these sides of x */
typedef struct {                                      /* a call as written: site gives its path part */
    const void *site;
    const char *written;
    Loc loc;
    int n;                                            /* positional */
    Value **arg;
    Loc *arg_loc;
    int nnamed;
    const char **name;
    Value **named;
    Loc *name_loc;
    const Expr *expr;                                 /* for lazy builtins; NULL from a layer list */
    Scope *scope;
} Call;
Value *call_function(const Ctx *c, const Function *f, const Call *call);
void note_head(Eval *e, const Head *h);                /* where it is defined, if not in the prelude */
void refuse_argument(Eval *e, const Head *h, bool of_network, const char *name, Loc loc);
const char *argument_choices(Eval *e, const Function *f, int npos, int position, const char *name);    /* as choices_of */
int metric_named(Eval *e, const char *name, Loc loc); /* its index; -1: reported */
bool reserved_argument(const char *name);             /* what every call takes besides its arguments: `training`, ... */
int head_position(const Head *h, const char *name);      /* -1: no argument */
void refuse_recursion(Eval *e, Def *d);
void refuse_circle(Eval *e, const Def *d, Loc loc);   /* says that d calls itself */
Ctx copy_ctx(const Ctx *c, int number);               /* for a copy of a repeated list: a place of its own */
const Site *site_of(Eval *e, Def *text, const void *site);
const Site *site_here(const Ctx *c);                  /* the call of a builtin that is being applied */
Value *run_loop(const Ctx *c, Scope *s, const Doc *item, const Doc *layers, Value *piped);      /* loop.c */
Value *eval_layers(const Ctx *c, Scope *s, const Doc *list, Value *piped);
const Field *block_keys(const Doc *item);             /* of `repeat`, `for`, ... in a layer list; NULL: it is none of these */
bool block_keys_hold(Eval *e, const Doc *item, const Field *keys);      /* or reported */
const Doc *map_get(const Doc *map, const char *key);
/* Rows for `show`, of what the reader's own text calls: made before the layer runs, so that a row stands before those of
 * the layer's own layers. `called`: in an expression; it stays where it has parameters. */
bool traces(const Ctx *c);
int trace_begin(const Ctx *c, const char *path, const char *layer, bool called, Loc loc);
void trace_end(const Ctx *c, int row, int first_node, const Value *v);
bool is_body(const Doc *d);                           /* a mapping of local names, with `return` or `after`; no record */

/* choices.c: which words an argument may be */
const char *choices_of(Eval *e, const Function *f, int param, int depth);              /* "same|valid" or NULL */

/* ranges.c: what arguments may be */
void ranges_read(Eval *e, const Head *h, const Doc *ranges);
const char *ranges_choices(Eval *e, const Doc *ranges, const char *argument);          /* "zero|edge" or NULL */
/* value: by argument, NULL where the default stands; loc too. `text`: the scope of the definition. */
bool ranges_hold(const Ctx *c, const Head *h, Scope *text, const Doc *ranges, Value *const *value, const Loc *loc);

/* network.c: parameters, running values, fixed values */
bool made_once(const Ctx *c, int slot, const char *what, Loc loc);      /* false, reported: another call of the network's makes it */
Value *make_parameter(const Ctx *c, Value *shape, Value *init, const char *kind, const char *name, Loc loc);
void make_states(const Ctx *c, Scope *s, const Doc *state, const Doc *after);          /* binds them in s */
Value *make_fixed(const Ctx *c, Scope *s, const Expr *call);            /* fixed(expression) */
bool is_fixed(const Expr *x);
Value *network_parameters(const Ctx *c, Value *nets, const char *pattern, const char *kind, Loc loc);
bool parameters_fit(const Ctx *c, const Def *network, const Value *given, Loc loc);       /* of `parameters=`; or said */
bool is_marked(const Marks *m, int i);
Node *slot_node(const Ctx *c, int slot);              /* its value now: new in `after`, overridden by `parameters=` */
bool name_matches(const char *pattern, const char *name);
Value *slot_template(const Ctx *c, const char *prefix, const Value *v, SlotKind kind, Loc loc);  /* slots for every leaf */
Value *template_load(const Ctx *c, const Value *template);
/* Assigns v to the slots, where `gate` holds (NULL: always); false: reported. */
bool template_store(const Ctx *c, const Value *template, const Value *v, Node *gate, Loc loc);
Node *stretched(const Ctx *c, Node *n, const Tensor *to, Loc loc, const char *name);    /* NULL: reported */
Value *kept_find(Eval *e, const char *name);
bool mark(Arena *a, Marks *m, int i);                 /* whether it was marked before */
void kept_add(Eval *e, const char *name, Value *template);
Unit *initial_unit(Eval *e);                          /* one more unit to run at the start, in order */

/* data.c: sources and their fields */
void data_check_unread(Eval *e, const Def *source);   /* keys of one that nothing reads */
void data_define(Eval *e, Def *source);              /* one source: options; it is opened when first read */
bool data_open(Eval *e, Def *source);
Value *data_member(const Ctx *c, Def *source, const char *name, Loc loc);

/* turn.c, optimizer.c: players */
Value *player_member(const Ctx *c, Def *player, const char *name, Loc loc);
bool player_has(Eval *e, const Def *player, const char *name, Loc loc);      /* a local name, loss, state; or reported */
Def *rule_named(Eval *e, const Expr *call, Scope *s); /* NULL: reported */
Turn *turn_make(Eval *e, int n, Def **players, Loc loc);
Value *iteration_value(const Ctx *c, Def *d, Loc loc);
void after_entry(const Ctx *c, Scope *s, const DocEntry *entry);        /* an assignment or call in a player's `after` */

typedef struct { int slot; bool frozen; Node *gradient; } Moved;      /* NULL: the loss does not reach it */
/* New values of the moved parameters by `optimizer:`; optimiser values are assigned, new parameters go to b->now. */
void optimizer_run(const Ctx *c, Scope *s, Def *player, const Doc *optimizer, int n, Moved *moved, Node *gate);

/* stage.c: what a stage freezes and loads */
SlotList freeze_from_doc(Eval *e, const Doc *freeze, Stage *s);         /* NULL: nothing */
bool is_frozen(const Eval *e, int slot);
void load_from_doc(Eval *e, const Doc *load, Stage *s);                 /* s: one of e->t->stage; NULL: nothing */
void loads_finish(Eval *e);                           /* once all turns are made: the optimisers' values too */

void names_check(Eval *e);                            /* names.c: unknown names in texts that evaluation did not meet */

/* schedule.c, output.c: the rest of a spec */
void schedule_define(Eval *e, const Doc *schedule, int64_t steps);
void metrics_define(Eval *e, const Doc *metrics);
void outputs_define(Eval *e, const Doc *outputs);
void output_expression(Eval *e, const char *text, const char *kind);

/* definitions.c */
Globals *globals_from_doc(Eval *e, const Doc *spec, Globals *below);   /* below: the prelude's, or NULL */
void check_players(Eval *e, const Doc *spec);         /* local names that nothing uses, and unknown keys */

/* compile.c */
Build build_new(Eval *e, Unit *u, const char *name, Loc loc);
Ctx ctx_new(Eval *e, Build *b, const char *draw, Def *text, bool training, int tick);
void build_done(Eval *e, Build *b, int nresult, Node **result, const char **names);
int counter_slot(Eval *e, const char *name, DType t);
bool every_from_doc(Eval *e, const Doc *d, Every *out);
void key_check(Eval *e, const Doc *map, const char *where, const Field *keys, bool open);
