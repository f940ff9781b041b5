/* What a kind of source is written with: its fields, its draws, its files and what is wrong with them. */
#pragma once
#include "base/rng.h"
#include "datasets/dataset.h"
#include <stdio.h>

Loc source_loc(const DataSource *s, const char *key); /* of a key of the spec, else of the source */
bool source_given(const DataSource *s, const char *key);                /* the spec itself has this key */
void source_field(DataSource *s, const char *name, Shape sample);       /* a field of the kind's table */
bool source_open_points(DataSource *s);               /* an `open`: fields point [2] and label, 20,000 samples without a count */
DataField *source_own_field(DataSource *s, const char *name, Tensor sample);           /* one that the file names, "*"; NULL: too many */
void grey_values(float *restrict out, const uint8_t *restrict byte, int64_t n);        /* bytes to 0..1 */
void source_constant(DataSource *s, const char *name, Tensor type, const double *value);

/* The draws of made sample `index`: a stream for each round. */
Stream source_draws(const DataSource *s, int64_t index, uint32_t round);

/* files.c: paths, and what is wrong with files. source_complain gives false; its message stands at the key `path`. */
#define source_complain(s, file, ...) source_complain_at(DIAG_SITE, (s), (file), __VA_ARGS__)
bool source_complain_at(const char *site, const DataSource *s, const char *file, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* A relative path is looked for in the working directory, then in GRAPHRUN_DATA. NULL: reported by source_find; source_look
 * is silent. */
const char *source_look(const DataSource *s, const char *path);
const char *source_find(const DataSource *s, const char *path, const char *advice);   /* "; install ..." or "" */
bool source_unreadable(const DataSource *s, const char *path);          /* complains of errno */
void *source_room(const DataSource *s, const char *path, size_t bytes); /* malloc for what is in a file; NULL: reported */
FILE *source_open_file(const DataSource *s, const char *path, int64_t *size);         /* a regular, not empty one; NULL: reported */
/* The source's samples come from this file; `name`: less its folder, so that the folder may move. */
void source_saw_file(DataSource *s, const char *name, int64_t size);
int64_t file_size(const char *path);                  /* 0 where there is none */
bool file_exists(const char *path);
bool file_is_folder(const char *path);
