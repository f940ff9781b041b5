/* compile(): a spec file to a Training. The only entrance to the language; everything it makes is in `a`. */
#pragma once
#include "parser/doc.h"
#include "train/training.h"

typedef struct {
    SpecChanges changes;
    const char *expression;                           /* `-e`: one more output of this expression, named 'expression' */
    const char *expression_kind;                      /* "grid", "file", ...; NULL: chosen by its shape */
    const char *data;                                 /* in place of a file: the text of a spec of sources alone, which are read
                                                         with all their fields; NULL: a whole spec */
    const char *prelude;                              /* another prelude's text; NULL: the one that is built in */
    int64_t steps;                                    /* `--steps`: replaces the first stage's steps; 0 = as written */
} CompileOptions;

/* NULL with messages in d (errors, or out of memory: then d->errors stays 0). Warnings alone do not fail. Opens the
 * data sources that are read (headers only); `source_close` them when done. */
Training *compile(const char *path, const CompileOptions *options, Arena *a, Diags *d);
void compile_close(Training *t);                      /* closes the sources; the arena is the caller's */

const char *prelude_source(size_t *size);             /* the prelude's text */
