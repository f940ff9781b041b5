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

/* definitions.c */
typedef struct {
    const char *group;                                /* what the comment above says: "layers"; else the section */
    const char *section;                              /* "functions", "networks", "optimizers" */
    const char *head;                                 /* "dense(x, units, bias=true)" */
    const char *name;
    const DocEntry *entry;
    const Source *source;                             /* the file */
} Definition;
typedef struct { Arena *arena; int n; Definition *at; } Definitions;
Definitions definitions_of(const Doc *spec, const Diags *d);            /* d: what the spec was read with */
Definitions definitions_of_prelude(Diags *d);
const Definition *definition_named(const Definitions *all, const char *name, Nearest *near);    /* NULL if there is none */
const char *definition_doc(const Definition *d);      /* "" where it has none */
char *definition_text(const Definition *d);           /* as written; to be freed; NULL: no memory */
void definitions_list(const Definitions *all);        /* heads and documentation, by group */
void definition_show(const Definition *d);
void help_prelude(int indent);                        /* the prelude's heads, by group */
