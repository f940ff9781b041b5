/* Many numbers a point to a few: principal components, t-SNE. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { PCA_MAX = 4096 };                              /* min(n, d) of a projection: the eigenproblem is that large */

/* The k first principal components of the rows of x [n, d], which is centred in place: out [n, k], the one of most
 * variance first; each is turned so that its largest entry is positive. share [k]: parts of the whole variance.
 * False: out of memory, or no result. Runs on all cores: from the main thread only. */
bool pca(int64_t n, int64_t d, float *x, int64_t k, float *out, double *share);

/* Van der Maaten and Hinton (2008), exact: n points of d numbers to n of 2 or 3, started from the first components,
 * without a draw. Time and memory go with n^2. False: out of memory. */
bool tsne(int64_t n, int64_t d, const float *x, double perplexity, int dims, double *out);
