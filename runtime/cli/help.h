/* The parts of `graphrun help` and of `show function`. Everything is printed from the tables that the program runs on. */
#pragma once
#include "cli/cli.h"
#include "parser/doc.h"

/* text.c: lines as wide as the terminal, at least 72 and at most 100 columns; 88 where there is none. */
void text_wrap(const char *text, int indent, int hang);                 /* the first line's indent, that of the others */
void text_row(int indent, int column, const char *left, const char *text);   /* left, and the text from the column on */
int text_width(const char *text);                     /* characters, not bytes */

/* tables.c */
void help_keys(int indent, const Field *table, const Field *more);      /* more may be NULL */
int help_operators(const char *name);                 /* NULL: all; false: there is none of that name */
bool help_operator(const char *name);
bool help_builtin(const char *name);
void help_builtins(int indent);
int help_data(const char *name);
int help_outputs(const char *name);

/* language.c */
int help_language(const char *topic);

/* prelude.c: the prelude's definitions, in its order */
typedef struct {
    const char *group;                                /* what the comment above says: "layers" */
    const char *section;                              /* "functions", "optimizers" */
    const char *head;                                 /* "dense(x, units, bias=true)" */
    const char *name;
    const Doc *value;
    Loc loc;
} Definition;
typedef struct { Arena *arena; int n; Definition *at; } Definitions;
Definitions definitions_read(const char *name, const char *text, size_t size, Diags *d);
void help_prelude(int indent);                        /* head and documentation of all, by group */
