/* Values as columns of numbers with names: what tables and .csv files are made of. */
#pragma once
#include "out/picture.h"

typedef struct {
    const OutValue *value;
    int64_t first, step, rows;                        /* element of row 0, and from row to row */
    char name[96];
} Column;

typedef struct { int n; int64_t rows; bool scalars; Column *at; } Columns;   /* scalars: every value is one number */

/* Whether the values stand side by side: all single numbers, or all with the same number of rows. */
bool columns_check(const char *who, const Exprs *of, const Tensor *value, Diags *d, Loc loc);
bool columns_fit(int n, const Tensor *value);
bool columns_of(Columns *c, const Exprs *of, const OutValue *value);      /* false: out of memory */
void columns_free(Columns *c);
void columns_csv(const Columns *c, Bytes *out);       /* a header and a line a row; of scalars: name,value */
void columns_text(const Columns *c, Bytes *out);      /* the same, aligned for eyes */
