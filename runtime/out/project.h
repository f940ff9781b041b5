/* Points of many numbers to few: principal components, t-SNE. */
#pragma once
#include "out/out.h"

enum { PCA_MAX = 4096 };                              /* min(n, d) of a projection: the eigenproblem is that large */

/* Sets of points, [n, ...] each, among an output's values. They are projected together, and what comes of it takes their
 * place, [n, k] each. A point that is not finite counts as the middle, and becomes NaN. False: out of memory, or no result. */
typedef struct {
    OutValue *value;
    const Exprs *set;
} Sets;

int64_t point_width(const Shape *s);                  /* numbers a point of [n, ...] */
int64_t sets_count(Sets s);                           /* points of all sets */
bool points_thin(OutValue *v, int64_t keep);          /* keeps so many of the points, evenly */
bool sets_pca(Sets s, int64_t k, double *share);      /* see pca() */
bool sets_tsne(Sets s, int k, double perplexity);     /* see tsne() */

/* The k first principal components of the rows of x [n, d], which is centred in place: out [n, k], the one of most
 * variance first; each is turned so that its largest entry is positive. share [k]: parts of the whole variance.
 * False: out of memory, or no result. Runs on all cores: from the main thread only. */
bool pca(int64_t n, int64_t d, float *x, int64_t k, float *out, double *share);

/* Van der Maaten and Hinton (2008), exact: n points of d numbers to n of 2 or 3, started from the first components,
 * without a draw. Time and memory go with n^2. False: out of memory. */
bool tsne(int64_t n, int64_t d, const float *x, double perplexity, int dims, double *out);
