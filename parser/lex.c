/* Characters -> tokens. Positions come from the scalar's table, so they are right in every quoting. */
#include "parser/lex.h"

#include "base/vec.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    const Doc *d;
    const char *s;                                    /* the text; ends in 0 */
    size_t at;
    Diags *diags;
    Arena *a;
    bool failed;
} Lexer;

/* Spellings that are none of ours, longest first, and what to write. */
static const struct { const char *text, *advice; } foreign[] = {
    {"===", "write '=='"},
    {"!==", "write '!='"},
    {"**", "a power is written '^'"},
    {"&&", "write 'and'"},
    {"||", "write 'or'"},
    {"//", "write floor(a/b)"},
    {"<>", "write '!='"},
    {"=<", "write '<='"},
    {"=>", "write '>=' to compare, '->' for a small function"},
    {":=", "a local name is a key of its own"},
    {"+=", "write the new value: x + 1"},
    {"-=", "write the new value: x - 1"},
    {"*=", "write the new value: x*2"},
    {"/=", "write the new value: x/2; to compare, '!='"},
    {"++", "write the new value: x + 1"},
    {"&", "write 'and'"},
    {"|", "write 'or'"},
    {"!", "write 'not'"},
    {"?", "a choice is written if(condition, a, b)"},
    {"{", "a record is written as a YAML mapping"},
    {"}", "a record is written as a YAML mapping"},
    {"\"", "text stands in single quotes: 'same'"},
    {"`", "text stands in single quotes: 'same'"},
    {";", "an expression is one value"},
    {"$", "names are made of letters, digits and '_'"},
    {"\xE2\x88\x92", "the minus sign is '-'"},
    {"\xE2\x80\x93", "the minus sign is '-'"},
    {"\xC3\x97", "write '*'"},
    {"\xC2\xB7", "write '*'"},
    {"\xE2\x80\x98", "quotes are straight: 'same'"},
    {"\xE2\x80\x99", "quotes are straight: 'same'"},
    {"\xE2\x80\x9C", "quotes are straight: 'same'"},
    {"\xE2\x80\x9D", "quotes are straight: 'same'"},
    {"\xE2\x89\xA4", "write '<='"},
    {"\xE2\x89\xA5", "write '>='"},
    {"\xE2\x89\xA0", "write '!='"},
    {"\xCF\x80", "write 'pi'"},
};

static const char *const operators[] = {"->", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "@",
                                        "^",  "=",  "(",  ")",  "[",  "]", ",", ":", "."};
static const char *const word_operators[] = {"and", "or", "not", "true", "false"};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool starts(const char *s, const char *with) { return !strncmp(s, with, strlen(with)); }

static Token token(Lexer *l, TokenKind kind, size_t from) {
    return (Token){.kind = kind, .loc = doc_loc_at(l->d, from), .end = doc_loc_at(l->d, l->at),
                   .text = arena_strndup(l->a, l->s + from, l->at - from)};
}

static Token lex_number(Lexer *l) {
    size_t from = l->at;
    bool whole = true;
    while (is_digit(l->s[l->at])) l->at++;
    if (l->s[l->at] == '.') {
        whole = false;
        do l->at++;
        while (is_digit(l->s[l->at]));
    }
    size_t e = l->at;
    if (l->s[e] == 'e' || l->s[e] == 'E') {
        e += l->s[e + 1] == '+' || l->s[e + 1] == '-' ? 2 : 1;
        if (is_digit(l->s[e])) {
            whole = false;
            while (is_digit(l->s[e])) e++;
            l->at = e;
        }
    }
    Token t = token(l, T_NUMBER, from);
    t.number = strtod(t.text, NULL);
    t.is_int = whole;
    l->failed = true;
    if (is_letter(l->s[l->at])) {
        while (is_letter(l->s[l->at]) || is_digit(l->s[l->at])) l->at++;
        const char *word = token(l, T_NAME, from).text;
        const char *way = strchr(word, '_') ? "numbers have no '_'" : "write 2*x for a product, 1e-4 for a power of ten";
        diag_error(l->diags, t.loc, "'%s' is no number and no name: %s", word, way);
    } else if (l->s[l->at] == '.') {
        diag_error(l->diags, t.loc, "'%s.': a number has one decimal point", t.text);
    } else if (!isfinite(t.number)) {
        diag_error(l->diags, t.loc, "number %s is too large", t.text);
    } else if (whole && t.number >= 9007199254740992.0) {
        diag_error(l->diags, t.loc, "whole number %s is not below 2^53; write it with a decimal point", t.text);
    } else {
        l->failed = false;
    }
    return t;
}

/* 'text'; two quotes inside stand for one. */
static Token lex_text(Lexer *l) {
    size_t from = l->at++, n = 0;
    char *text = arena_alloc(l->a, l->d->length - from + 1);
    bool closed = false;
    while (l->s[l->at] && !closed) {
        char c = l->s[l->at++];
        if (c == '\'' && l->s[l->at] == '\'') l->at++;
        else closed = c == '\'';
        if (!closed) text[n++] = c;
    }
    Token t = token(l, T_TEXT, from);
    t.text = text;
    if (closed) return t;
    diag_error(l->diags, t.loc, "this text has no closing quote" QUOTE_HINT);
    l->failed = true;
    return t;
}

static Token lex_foreign(Lexer *l) {
    Token t = {.kind = T_END, .loc = doc_loc_at(l->d, l->at)};
    l->failed = true;
    const char *s = l->s + l->at;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (!starts(s, foreign[i].text)) continue;
        diag_error(l->diags, t.loc, "'%s' means nothing here: %s", foreign[i].text, foreign[i].advice);
        return t;
    }
    int n = 1;
    while (((unsigned char)s[n] & 0xC0) == 0x80) n++;
    const char *way = *s == '#' ? "a comment needs a space before its '#', and cannot stand inside quotes"
                                : "names are made of letters a to z, digits and '_'";
    diag_error(l->diags, t.loc, "unknown character '%.*s': %s", n, s, way);
    return t;
}

static Token lex_operator(Lexer *l) {
    const char *s = l->s + l->at;
    size_t length = 0;
    for (size_t i = 0; i < sizeof operators / sizeof *operators && !length; i++)
        if (starts(s, operators[i])) length = strlen(operators[i]);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (strlen(foreign[i].text) > length && starts(s, foreign[i].text)) return lex_foreign(l);
    if (!length) return lex_foreign(l);
    size_t from = l->at;
    l->at += length;
    return token(l, T_OP, from);
}

static Token lex_word(Lexer *l) {
    size_t from = l->at;
    while (is_letter(l->s[l->at]) || is_digit(l->s[l->at])) l->at++;
    Token t = token(l, T_NAME, from);
    for (size_t i = 0; i < sizeof word_operators / sizeof *word_operators; i++)
        if (!strcmp(t.text, word_operators[i])) t.kind = T_OP;
    return t;
}

Token *lex(const Doc *scalar, Diags *diags, Arena *a) {
    Lexer l = {.d = scalar, .s = scalar->text, .diags = diags, .a = a};
    VEC(Token) tokens = {0};
    Loc end = doc_loc_at(scalar, 0);
    for (;;) {
        while (l.s[l.at] && strchr(" \t\r\n", l.s[l.at])) l.at++;
        char c = l.s[l.at];
        if (!c) break;
        Token t = is_digit(c) || (c == '.' && is_digit(l.s[l.at + 1])) ? lex_number(&l)
                  : is_letter(c)                                       ? lex_word(&l)
                  : c == '\''                                          ? lex_text(&l)
                                                                       : lex_operator(&l);
        if (l.failed) return NULL;
        vec_push(a, &tokens, t);
        end = t.end;
    }
    Token last = {.kind = T_END, .loc = end, .end = end, .text = ""};
    vec_push(a, &tokens, last);
    return tokens.at;
}

bool token_is(const Token *t, const char *op) { return t->kind == T_OP && !strcmp(t->text, op); }
