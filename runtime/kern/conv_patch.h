/* Patches: the part of x that each output of a convolution sees, laid out as a matrix, so that a convolution is a
 * matrix product. A patch has D = KH*KW*(C/groups) numbers, in the order of the weights' rows.
 *
 * Rows r0 .. r0+rows-1 of the outputs are taken (row r is row r % P of sample r / P), so M = rows*Q patches.
 * By rows the matrix is [M, D]; by planes it is [D, M], which is quicker for few channels and small kernels. */
#pragma once
#include "kern/kern.h"

void patch_gather(const ConvShape *s, bool planes, int64_t group, int64_t r0, int64_t rows, const float *x, float *U);
void patch_scatter_add(const ConvShape *s, bool planes, int64_t group, int64_t r0, int64_t rows, const float *U, float *x);
