/* The words of an expression. The lexer turns the whole scalar into tokens at once, so that the parser can look ahead.
 * It knows the spellings of other languages, to say what ours is.
 */
#pragma once
#include "parser/doc.h"

typedef enum { T_END, T_NUMBER, T_TEXT, T_NAME, T_OP } TokenKind;      /* true, false, and, or, not are T_OP */

typedef struct {
    TokenKind kind;
    Loc loc, end;                                     /* end: just after the last character */
    const char *text;                                 /* operator, name, text without quotes, number as written */
    double number;
    bool is_int;
} Token;

/* Tokens with a T_END at the end; NULL after a message. */
Token *lex(const Doc *scalar, Diags *diags, Arena *a);
bool token_is(const Token *t, const char *op);
