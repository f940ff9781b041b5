/* Expressions: text -> tree, by a Pratt parser. Every token has the position it has in the file, whatever the
 * scalar's quoting. Nothing here knows names or types.
 */
#pragma once
#include "parser/doc.h"

typedef enum {
    EX_ERROR,                                         /* was reported; evaluates to poison */
    EX_NUMBER,                                        /* number; integer where is_int */
    EX_BOOL, EX_TEXT, EX_NAME,
    EX_LIST,                                          /* args */
    EX_CALL,                                          /* callee(args), names[i] NULL for positional */
    EX_MEMBER,                                        /* callee.text */
    EX_INDEX,                                         /* callee[args]; each arg an expression, EX_SLICE or EX_NEW */
    EX_SLICE,                                         /* args[0]:args[1]:args[2], each may be NULL */
    EX_NEW,                                           /* the word `new` inside an index */
    EX_LAMBDA,                                        /* names = parameters, callee = body */
    EX_UNARY,                                         /* op: '-', 'not' */
    EX_BINARY                                         /* op: "or and == != < <= > >= + - * / % @ ^" */
} ExprKind;

typedef struct Expr Expr;
struct Expr {
    ExprKind kind;
    Loc loc;                                          /* of the token that names it: operator, name, opening bracket */
    Loc start;                                        /* of its first token */
    double number;
    bool is_int, truth;
    const char *text;                                 /* name, text, member, operator */
    Expr *callee;                                     /* callee, operand on the left, lambda body */
    Expr *right;                                      /* EX_BINARY */
    int n;
    Expr **args;
    const char **names;                               /* of call arguments or lambda parameters */
    Loc *name_locs;
    unsigned char sides;                              /* of a choice: those that evaluation took, by bits; set through choose() */
    int height;                                       /* of the tree; at most EX_HEIGHT, so recursion over it is safe */
};
enum { EX_HEIGHT = 400 };

/* A plain or double-quoted scalar as an expression; a single-quoted one as EX_TEXT; a YAML list as EX_LIST of
 * expressions. A mapping is an error here. Never NULL. */
Expr *expr_parse(const Doc *d, Diags *diags, Arena *a);
char *expr_show(const Expr *e, Arena *a);             /* canonical text, for messages and `show` */

/* The head of a definition: `down(x, filters, norm=true)` in a key. Defaults are expressions; NULL = required. */
typedef struct {
    const char *name;
    int n;
    const char **arg;
    Expr **dflt;
    Loc loc, *arg_loc;
    bool called;                                      /* false: a bare name without brackets */
} Head;
bool head_parse(const DocEntry *entry, Head *out, Diags *diags, Arena *a);

/* What `for:` and `loop:` say: `f in list`, `(a, b) in pairs`. */
typedef struct { int n; const char **name; Loc *name_loc; Expr *in; } Binding;
bool binding_parse(const Doc *d, Binding *out, Diags *diags, Arena *a);
