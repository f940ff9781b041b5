/* Tokens -> tree, by operator precedence (Pratt 1973, "Top down operator precedence"). Knows no names and no types.
 * An expression has at most one error: fail() leaves the parser at once, and the result is EX_ERROR.
 */
#include "parser/expr.h"

#include "base/vec.h"
#include "parser/level.h"
#include "parser/lex.h"

#include <setjmp.h>

enum { MOST_NESTED = 100 };

typedef struct {
    const Token *t;                                   /* the next token */
    Diags *diags;
    Arena *a;
    int nested;
    jmp_buf out;
} Parser;

typedef VEC(Expr *) Exprs;
typedef struct { VEC(const char *) text; VEC(Loc) loc; } Names;

_Noreturn static void leave(Parser *p) { longjmp(p->out, 1); }
#define fail(p, loc, ...) (diag_error((p)->diags, (loc), __VA_ARGS__), leave(p))

static bool is(const Parser *p, const char *op) { return token_is(p->t, op); }
static bool is_word(const Parser *p, const char *word) { return p->t->kind == T_NAME && !strcmp(p->t->text, word); }
static bool accept(Parser *p, const char *op) { return is(p, op) && (p->t++, true); }

/* How a message names the next token. */
static const char *shown(const Parser *p, const Token *t) {
    return t->kind == T_END ? "the end" : arena_printf(p->a, t->kind == T_TEXT ? "text '%s'" : "'%s'", t->text);
}

static Expr *bare(ExprKind kind, Loc loc, Arena *a) {
    Expr *e = ARENA_NEW(a, Expr);
    *e = (Expr){.kind = kind, .loc = loc, .start = loc, .height = 1};
    return e;
}

static Expr *make(Parser *p, ExprKind kind, Loc loc, Loc start) {
    Expr *e = bare(kind, loc, p->a);
    e->start = start;
    return e;
}

static Expr *over(Parser *p, Expr *e, const Expr *below) {
    if (below && below->height >= e->height) e->height = below->height + 1;
    if (e->height > EX_HEIGHT) fail(p, e->loc, "the expression is too deep; give parts of it local names");
    return e;
}

/* A whole value stands before this token, and the token cannot go on from it. */
_Noreturn static void unexpected(Parser *p) {
    const Token *t = p->t;
    if (is(p, ")") || is(p, "]")) fail(p, t->loc, "'%s' closes nothing" QUOTE_HINT, t->text);
    if (is(p, ",")) fail(p, t->loc, "',' stands outside of brackets; a list is written [a, b]");
    if (is(p, "=")) fail(p, t->loc, "'=' names an argument inside a call; to compare write '=='");
    if (is(p, ":")) fail(p, t->loc, "':' stands only inside an index, as in x[0:3]" QUOTE_HINT);
    if (is(p, "->")) fail(p, t->loc, "argument names stand before '->': x -> x*2, (x, i) -> x*i");
    if (is_word(p, "if") || is_word(p, "else")) fail(p, t->loc, "a choice is written if(condition, a, b)");
    fail(p, t->loc, "an operator is missing before %s", shown(p, t));
}

static void close_bracket(Parser *p, const Token *open, const char *with) {
    if (accept(p, with)) return;
    if (p->t->kind == T_END) fail(p, open->loc, "'%s' is not closed" QUOTE_HINT, open->text);
    if (!is(p, ")") && !is(p, "]")) unexpected(p);
    diag_error(p->diags, p->t->loc, "'%s' is expected, not '%s'", with, p->t->text);
    diag_note(p->diags, open->loc, "the '%s' is here", open->text);
    leave(p);
}

/* What stands in brackets, between commas: is there another one after the first n? Takes the comma or the closing bracket. */
static bool another(Parser *p, const Token *open, const char *close, int n) {
    if (n ? accept(p, ",") : !is(p, close)) return true;
    close_bracket(p, open, close);
    return false;
}

/* The next token is a name that is not among these yet; `what` it names, for messages. */
static void add_name(Parser *p, Names *to, const char *what) {
    const Token *t = p->t++;
    if (t->kind != T_NAME) fail(p, t->loc, "%s is expected here, not %s", what, shown(p, t));
    for (int i = 0; i < to->text.n; i++)
        if (to->text.at[i] && !strcmp(to->text.at[i], t->text)) fail(p, t->loc, "'%s' stands here twice", t->text);
    vec_push(p->a, &to->text, t->text);
    vec_push(p->a, &to->loc, t->loc);
}

static Expr *expression(Parser *p, int level);

static void add_arg(Parser *p, Expr *e, Exprs *args, Expr *arg) {
    over(p, e, arg);
    vec_push(p->a, args, arg);
    e->args = args->at;
    e->n = args->n;
}

/* f(a, b, name=c); the bracket is the next token. */
static Expr *call(Parser *p, Expr *callee) {
    const Token *open = p->t++;
    bool named = callee->kind == EX_NAME || callee->kind == EX_MEMBER;
    Expr *e = over(p, make(p, EX_CALL, named ? callee->loc : open->loc, callee->start), callee);
    e->callee = callee;
    Exprs args = {0};
    Names names = {0};
    const char *last_name = NULL;
    while (another(p, open, ")", args.n)) {
        const Token *first = p->t;
        if (first->kind == T_NAME && token_is(first + 1, "=")) {
            last_name = first->text;
            add_name(p, &names, "a name");
            p->t++;
        } else if (last_name) {
            fail(p, first->loc, "an argument without a name stands after '%s='; name it or put it first", last_name);
        } else {
            vec_push(p->a, &names.text, NULL);
            vec_push(p->a, &names.loc, first->loc);
        }
        add_arg(p, e, &args, expression(p, LAMBDA));
    }
    e->names = names.text.at;
    e->name_locs = names.loc.at;
    return e;
}

/* One place of an index: an expression, `new`, or a slice a:b:c with any part left out. */
static Expr *place(Parser *p) {
    const Token *first = p->t;
    if (is_word(p, "new") && (token_is(p->t + 1, ",") || token_is(p->t + 1, "]"))) {
        p->t++;
        return make(p, EX_NEW, first->loc, first->loc);
    }
    Expr *part[3] = {0};
    if (!is(p, ":")) part[0] = expression(p, LAMBDA);
    if (!is(p, ":")) return part[0];
    Expr *e = make(p, EX_SLICE, p->t->loc, first->loc);
    for (int i = 1; i < 3 && accept(p, ":"); i++)
        if (!is(p, ":") && !is(p, ",") && !is(p, "]")) part[i] = expression(p, LAMBDA);
    if (is(p, ":")) fail(p, p->t->loc, "a slice has at most three parts: from:to:step");
    e->args = arena_copy(p->a, part, sizeof part);
    e->n = 3;
    for (int i = 0; i < 3; i++) over(p, e, part[i]);
    return e;
}

static Expr *index_of(Parser *p, Expr *of) {
    const Token *open = p->t++;
    Expr *e = over(p, make(p, EX_INDEX, open->loc, of->start), of);
    e->callee = of;
    if (is(p, "]")) fail(p, open->loc, "an index is missing inside '[]'");
    Exprs args = {0};
    while (another(p, open, "]", args.n)) add_arg(p, e, &args, place(p));
    return e;
}

static Expr *member(Parser *p, Expr *of) {
    const Token *dot = p->t++;
    if (p->t->kind != T_NAME) fail(p, dot->loc, "a name is expected after '.', not %s", shown(p, p->t));
    Expr *e = over(p, make(p, EX_MEMBER, p->t->loc, of->start), of);
    e->callee = of;
    e->text = p->t++->text;
    return e;
}

static Expr *list(Parser *p) {
    const Token *open = p->t++;
    Expr *e = make(p, EX_LIST, open->loc, open->loc);
    Exprs args = {0};
    while (another(p, open, "]", args.n)) add_arg(p, e, &args, expression(p, LAMBDA));
    return e;
}

/* Whether `x ->` or `(x, i) ->` starts here. */
static bool lambda_ahead(const Token *t) {
    if (t->kind == T_NAME) return token_is(t + 1, "->");
    if (!token_is(t, "(")) return false;
    do {
        if ((++t)->kind != T_NAME) return false;
        t++;
    } while (token_is(t, ","));
    return token_is(t, ")") && token_is(t + 1, "->");
}

/* x, or (x, i): the names that a small function or `for` binds. */
static Names bound_names(Parser *p) {
    Names names = {0};
    const Token *open = p->t;
    bool bracket = accept(p, "(");
    do add_name(p, &names, "a name");
    while (bracket && another(p, open, ")", names.text.n));
    return names;
}

static Expr *lambda(Parser *p, int level) {
    Loc start = p->t->loc;
    if (level > LAMBDA) fail(p, start, "a small function inside an operation stands in brackets: (x -> ...)");
    Names names = bound_names(p);
    Expr *e = make(p, EX_LAMBDA, p->t->loc, start);
    p->t++;
    e->n = names.text.n;
    e->names = names.text.at;
    e->name_locs = names.loc.at;
    e->callee = expression(p, LAMBDA);
    return over(p, e, e->callee);
}

static Expr *unary(Parser *p, int level) {
    const Token *op = p->t++;
    Expr *e = make(p, EX_UNARY, op->loc, op->loc);
    e->text = op->text;
    e->callee = expression(p, level);
    return over(p, e, e->callee);
}

static Expr *bracketed(Parser *p) {
    const Token *open = p->t++;
    if (is(p, ")")) fail(p, open->loc, "an expression is missing inside '()'");
    Expr *e = expression(p, LAMBDA);
    if (is(p, ",")) fail(p, p->t->loc, "a list is written [a, b]; (a, b) is only for the arguments of '->'");
    close_bracket(p, open, ")");
    e->start = open->loc;
    return e;
}

_Noreturn static void no_operand(Parser *p) {
    const Token *t = p->t, *before = t - 1;
    if (t->kind == T_END) fail(p, before->loc, "a value is missing after '%s'" QUOTE_HINT, before->text);
    if (is(p, ")") || is(p, "]")) fail(p, t->loc, "a value is missing before '%s'" QUOTE_HINT, t->text);
    if (is(p, "+")) fail(p, t->loc, "a value cannot start with '+'; leave it out");
    if (is(p, "->")) fail(p, t->loc, "argument names stand before '->': x -> x*2, (x, i) -> x*i");
    fail(p, t->loc, "a value is expected before '%s'", t->text);
}

static Expr *operand(Parser *p, int level) {
    const Token *t = p->t;
    if (lambda_ahead(t)) return lambda(p, level);
    if (is(p, "-")) return unary(p, NEGATE);
    if (is(p, "(")) return bracketed(p);
    if (is(p, "[")) return list(p);
    if (is(p, "not")) {
        if (level > NOT) fail(p, t->loc, "'not' binds looser than the operator before it; write (not ...)");
        return unary(p, NOT);
    }
    bool truth = is(p, "true");
    if (t->kind == T_END || (t->kind == T_OP && !truth && !is(p, "false"))) no_operand(p);
    static const ExprKind kind[] = {[T_NUMBER] = EX_NUMBER, [T_TEXT] = EX_TEXT, [T_NAME] = EX_NAME, [T_OP] = EX_BOOL};
    Expr *e = make(p, kind[t->kind], t->loc, t->loc);
    e->text = t->text;
    e->number = t->number;
    e->is_int = t->is_int;
    e->truth = truth;
    p->t++;
    return e;
}

static Expr *postfix(Parser *p, int level) {
    Expr *e = operand(p, level);
    for (;;) {
        bool literal = e->kind == EX_NUMBER || e->kind == EX_BOOL || e->kind == EX_TEXT;
        if (is(p, "(") && literal) fail(p, p->t->loc, "'%s' is no function; a product is written 2*(x)", e->text);
        if (is(p, "(")) e = call(p, e);
        else if (is(p, "[")) e = index_of(p, e);
        else if (is(p, ".")) e = member(p, e);
        else return e;
    }
}

static const struct { const char *op; int level; } binary[] = {
    {"or", OR},        {"and", AND},      {"==", COMPARE},   {"!=", COMPARE},  {"<", COMPARE},
    {"<=", COMPARE},   {">", COMPARE},    {">=", COMPARE},   {"+", SUM},       {"-", SUM},
    {"*", PRODUCT},    {"/", PRODUCT},    {"%", PRODUCT},    {"@", PRODUCT},   {"^", POWER},
};

int binary_level(const char *op) {
    for (size_t i = 0; i < sizeof binary / sizeof *binary; i++)
        if (!strcmp(binary[i].op, op)) return binary[i].level;
    return 0;
}

_Noreturn static void chained(Parser *p, const Expr *e, const Token *second) {
    const char *a = expr_show(e->callee, p->a), *b = expr_show(e->right, p->a);
    p->t = second + 1;
    const char *c = expr_show(expression(p, SUM), p->a);
    fail(p, second->loc, "comparisons do not chain; write %s %s %s and %s %s %s", a, e->text, b, b, second->text, c);
}

/* What binds looser than `level` ends it: an operand is parsed with the level of its operator. */
static Expr *expression(Parser *p, int level) {
    if (++p->nested > MOST_NESTED) fail(p, p->t->loc, "more than %d levels of nesting in an expression", MOST_NESTED);
    Expr *e = postfix(p, level);
    bool compared = false;
    while (p->t->kind == T_OP) {
        const Token *op = p->t;
        int its = binary_level(op->text);
        if (!its || its < level) break;
        if (its == COMPARE && compared) chained(p, e, op);
        compared = its == COMPARE;
        p->t++;
        Expr *both = make(p, EX_BINARY, op->loc, e->start);
        both->text = op->text;
        both->callee = e;
        both->right = expression(p, its == POWER ? POWER : its + 1);
        e = over(p, over(p, both, e), both->right);
    }
    p->nested--;
    return e;
}

/* ---- what others call ---- */

static Parser *parser_new(const Token *first, Diags *diags, Arena *a) {
    Parser *p = ARENA_NEW(a, Parser);
    *p = (Parser){.t = first, .diags = diags, .a = a};
    return p;
}

/* NULL: text that makes no tokens, which was said. */
static Parser *parser_of(const Doc *scalar, Diags *diags, Arena *a) {
    const Token *first = lex(scalar, diags, a);
    return first ? parser_new(first, diags, a) : NULL;
}

static Expr *parse_scalar(const Doc *d, Diags *diags, Arena *a) {
    Parser *p = parser_of(d, diags, a);
    if (!p || setjmp(p->out)) return bare(EX_ERROR, d->loc, a);
    if (p->t->kind == T_END) fail(p, d->loc, "a value is missing here" QUOTE_HINT);
    Expr *e = expression(p, LAMBDA);
    if (p->t->kind != T_END) unexpected(p);
    return e;
}

static Expr *parse_list(const Doc *d, Diags *diags, Arena *a) {
    Parser *p = parser_new(NULL, diags, a);
    if (setjmp(p->out)) return bare(EX_ERROR, d->loc, a);
    Expr *e = bare(EX_LIST, d->loc, a);
    Exprs args = {0};
    for (int i = 0; i < d->n; i++) add_arg(p, e, &args, expr_parse(d->item[i], diags, a));
    return e;
}

Expr *expr_parse(const Doc *d, Diags *diags, Arena *a) {
    if (d->kind == DOC_LIST) return parse_list(d, diags, a);
    if (d->kind == DOC_MAP) {
        diag_error(diags, d->loc, "a mapping stands where an expression is expected" QUOTE_HINT);
        return bare(EX_ERROR, d->loc, a);
    }
    if (d->style != DOC_SINGLE) return parse_scalar(d, diags, a);
    Expr *e = bare(EX_TEXT, d->loc, a);
    e->text = d->text;
    return e;
}

/* name, name(), name(x, y=default) */
static void parse_head(Parser *p, Head *out) {
    const Token *name = p->t, *open = p->t + 1;
    if (name->kind != T_NAME) fail(p, name->loc, "a definition starts with its name, not with %s", shown(p, name));
    p->t++;
    Names names = {0};
    Exprs dflts = {0};
    const bool called = accept(p, "(");
    while (called && another(p, open, ")", names.text.n)) {
        add_name(p, &names, "an argument's name");
        Expr *dflt = accept(p, "=") ? expression(p, LAMBDA) : NULL;
        vec_push(p->a, &dflts, dflt);
    }
    if (p->t->kind != T_END)
        fail(p, p->t->loc, "a definition's head is name or name(arguments); %s does not belong to it", shown(p, p->t));
    *out = (Head){.name = name->text, .loc = name->loc, .called = called, .n = names.text.n, .arg = names.text.at,
                  .arg_loc = names.loc.at, .dflt = dflts.at};
}

bool head_parse(const DocEntry *entry, Head *out, Diags *diags, Arena *a) {
    Parser *p = parser_of(entry->scalar, diags, a);
    if (!p || setjmp(p->out)) return false;
    parse_head(p, out);
    return true;
}

bool binding_parse(const Doc *d, Binding *out, Diags *diags, Arena *a) {
    if (d->kind != DOC_SCALAR || d->style == DOC_SINGLE) {
        diag_error(diags, d->loc, "write: name in list" QUOTE_HINT);
        return false;
    }
    Parser *p = parser_of(d, diags, a);
    if (!p || setjmp(p->out)) return false;
    if (p->t->kind == T_END) fail(p, d->loc, "write: name in list");
    Names names = bound_names(p);
    *out = (Binding){.n = names.text.n, .name = names.text.at, .name_loc = names.loc.at};
    if (!is_word(p, "in")) fail(p, p->t->loc, "'in' is expected, as in: x in list, (x, y) in pairs");
    p->t++;
    out->in = expression(p, LAMBDA);
    if (p->t->kind != T_END) unexpected(p);
    return true;
}
