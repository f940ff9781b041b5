/* A tree as canonical text: the fewest brackets, one spelling. expr_parse reads it back to the same tree. */
#include "parser/expr.h"

#include "base/str.h"
#include "parser/level.h"

#include <stdlib.h>
#include <string.h>

static int level_of(const Expr *e) {
    if (e->kind == EX_LAMBDA) return LAMBDA;
    if (e->kind == EX_UNARY) return e->text[0] == '-' ? NEGATE : NOT;
    return e->kind == EX_BINARY ? binary_level(e->text) : POSTFIX;
}

static void show(Str *s, const Expr *e);

/* As an operand where at least `level` is wanted. */
static void show_at(Str *s, const Expr *e, int level) {
    bool bracket = level_of(e) < level;
    if (bracket) str_add(s, "(");
    show(s, e);
    if (bracket) str_add(s, ")");
}

static void show_number(Str *s, const Expr *e) {
    if (e->is_int) {
        str_printf(s, "%.0f", e->number);
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, e->number);
        if (strtod(text, NULL) == e->number) break;
    }
    str_add(s, text);
    if (!strpbrk(text, ".e")) str_add(s, ".0");
}

static void show_text(Str *s, const char *text) {
    str_add(s, "'");
    for (; *text; text++) str_addn(s, *text == '\'' ? "''" : text, *text == '\'' ? 2 : 1);
    str_add(s, "'");
}

static void show_names(Str *s, const Expr *e) {
    if (e->n != 1) str_add(s, "(");
    for (int i = 0; i < e->n; i++) str_printf(s, "%s%s", i ? ", " : "", e->names[i]);
    if (e->n != 1) str_add(s, ")");
}

static void show_args(Str *s, const Expr *e, const char *open, const char *close) {
    str_add(s, open);
    for (int i = 0; i < e->n; i++) {
        if (i) str_add(s, ", ");
        if (e->kind == EX_CALL && e->names[i]) str_printf(s, "%s=", e->names[i]);
        show(s, e->args[i]);
    }
    str_add(s, close);
}

static void show_slice(Str *s, const Expr *e) {
    if (e->args[0]) show(s, e->args[0]);
    str_add(s, ":");
    if (e->args[1]) show(s, e->args[1]);
    if (!e->args[2]) return;
    str_add(s, ":");
    show(s, e->args[2]);
}

/* The right side of a power may be a negation: 2^-x. */
static void show_binary(Str *s, const Expr *e) {
    int level = level_of(e);
    bool power = level == POWER, tight = level == PRODUCT || power;
    show_at(s, e->callee, power || level == COMPARE ? level + 1 : level);
    str_printf(s, tight && e->text[0] != '@' && e->text[0] != '%' ? "%s" : " %s ", e->text);
    bool negated = power && e->right->kind == EX_UNARY && e->right->text[0] == '-';
    show_at(s, e->right, negated ? NEGATE : power ? POWER : level + 1);
}

static void show(Str *s, const Expr *e) {
    switch (e->kind) {
    case EX_ERROR: str_add(s, "?"); break;
    case EX_NUMBER: show_number(s, e); break;
    case EX_BOOL: str_add(s, e->truth ? "true" : "false"); break;
    case EX_TEXT: show_text(s, e->text); break;
    case EX_NAME: str_add(s, e->text); break;
    case EX_NEW: str_add(s, "new"); break;
    case EX_LIST: show_args(s, e, "[", "]"); break;
    case EX_SLICE: show_slice(s, e); break;
    case EX_CALL:
        show_at(s, e->callee, POSTFIX);
        show_args(s, e, "(", ")");
        break;
    case EX_INDEX:
        show_at(s, e->callee, POSTFIX);
        show_args(s, e, "[", "]");
        break;
    case EX_MEMBER:                                   /* a number's dot would be its decimal point */
        show_at(s, e->callee, e->callee->kind == EX_NUMBER ? POSTFIX + 1 : POSTFIX);
        str_printf(s, ".%s", e->text);
        break;
    case EX_LAMBDA:
        show_names(s, e);
        str_add(s, " -> ");
        show(s, e->callee);
        break;
    case EX_UNARY:
        str_add(s, e->text[0] == '-' ? "-" : "not ");
        show_at(s, e->callee, e->text[0] == '-' ? NEGATE : NOT);
        break;
    case EX_BINARY: show_binary(s, e); break;
    }
}

char *expr_show(const Expr *e, Arena *a) {
    Str s = {.arena = a};
    show(&s, e);
    return s.text;
}
