/* Field rows: one row describes one named setting, and is read by the parser, the range check, "did you mean",
 * the help, the schema and the dump. Operators' attributes, data sources, outputs and spec keys are all such tables.
 * A table ends with a row whose name is NULL.
 */
#pragma once
#include "base/diag.h"

enum { INTS_MAX = 8, FLOATS_MAX = 256 };

typedef struct {
    int n;                                            /* how many; negative: the word choices[-1 - n] was given */
    int64_t at[INTS_MAX];
} Ints;

typedef enum {
    F_INT,                                            /* int64_t */
    F_FLOAT,                                          /* double */
    F_BOOL,                                           /* bool */
    F_TEXT,                                           /* const char *; any quoting */
    F_CHOICE,                                         /* int: index into choices */
    F_INTS,                                           /* Ints: a number, a list, or one of the words in choices */
    F_FLOATS,                                         /* Floats */
    F_EXPR,                                           /* int: index of an expression in the spec (see out/out.h), -1 = not given */
    F_EXPRS,                                          /* Exprs: one value, a list of values, or named values */
    F_NAMES,                                          /* Names: one text or a list of texts: of columns, of classes */
    F_PATHS,                                          /* Names: one path or a list of paths; any quoting */
    F_LOGGED,                                         /* Names: names of logged values: one or a list */
    F_EVERY,                                          /* Every: `50`, `5 epochs`, `end` */
    F_FORM,                                           /* a part of a spec that only the evaluator reads; `choices` names its
                                                         form (parser/keys.h) */
} FieldType;

typedef struct { int n; const char *const *at; } Names;

typedef struct {
    int value;                                        /* index of an expression, as F_EXPR's */
    const char *name;                                 /* 'fake', 'critic/conv_1/weight'; NULL where it has none */
    int set;                                          /* all tensors of one collection are one set */
    const char *set_name;                             /* 'fake', 'critic'; NULL where it has none */
} ExprItem;
typedef struct { int n, nset; const ExprItem *at; } Exprs;

typedef struct { int n; double at[FLOATS_MAX]; } Floats;
typedef enum { EVERY_NEVER, EVERY_STEPS, EVERY_EPOCHS, EVERY_END } EveryKind;
typedef struct { EveryKind kind; int64_t n; } Every;

typedef struct Field {
    const char *name;
    FieldType type;
    size_t offset;                                    /* of the member in the struct that the table describes */
    const char *dflt;                                 /* as text ("1", "same", "true"); NULL = must be given; "" = left zero */
    double min, max;                                  /* allowed range; both 0 = any */
    const char *choices;                              /* "same|valid" */
    const char *doc;
} Field;

const Field *field_find(const Field *table, const char *name);             /* NULL if there is none */
int field_choice(const char *choices, const char *word);                   /* index in "a|b|c", -1 if none */
void field_defaults(const Field *table, void *into, Arena *a);             /* sets every member that has a default */
bool field_in_range(const Field *f, double value);
char *field_show(const Field *f, const void *from, Arena *a);              /* the member's value as text */
void field_nearest(const Field *table, Nearest *n);                        /* adds every name as a candidate */
void field_choices_nearest(const char *choices, Nearest *n, Arena *a);     /* adds each of "same|valid" */
