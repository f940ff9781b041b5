/* Attributes of operators that other folders read, in their completed form (after build): every axis counted
 * from 0, every size a number. SlotAttr and ReduceAttr (completed: at least one axis, ascending, keep =
 * false) stand in ir.h. Which struct belongs to which operator: */
#pragma once
#include "ir/ir.h"

typedef struct { /* constant: `data` where not NULL, else `fill` (a scalar) */
    double fill;
    const double *data;
    int64_t count, hash; /* of `data` */
    int dtype;           /* DType */
    Ints shape;
} ConstantAttr;

typedef struct {
    Ints shape;
} ShapeAttr; /* broadcast: the result's */
typedef struct {
    Ints shape;
    int64_t keep;
} ReshapeAttr; /* reshape; completed: keep = 0, no -1 */
typedef struct {
    Ints order;
} PermuteAttr; /* permute: result axis i is source axis order[i] */
typedef struct {
    Ints start, step, size;
} SliceAttr; /* slice: y[i] = x[start + i*step] */
typedef struct {
    Ints start, step, shape;
} PlaceAttr; /* place: y[start + i*step] = x[i] */
typedef struct {
    Ints before, after;
} PadAttr; /* pad: zeros, for each axis */
typedef struct {
    int64_t axis;
} AxisAttr; /* concat */
typedef struct {
    int64_t count;
} CountAttr;          /* range, scatter_add, scatter_add_last, last_write */
typedef struct {      /* normal, uniform, bernoulli */
    const char *path; /* for dumps; NULL in a Program: kernels use `stream` only */
    int64_t stream;   /* rng_hash(path) */
    Ints shape;
    double p; /* bernoulli: chance of true */
} DrawAttr;
typedef struct {
    bool ta, tb;
} MatmulAttr;                       /* matmul: a, b are stored transposed */
typedef struct {                    /* convolve, convolve_x, convolve_w: one geometry, that of the
                                       forward convolution x, w -> y (kern.h) */
    Ints stride, padding, dilation; /* [2], [top, bottom, left, right], [2] */
    int64_t groups;
    Ints size; /* of the result, convolve_x: [H, W]; convolve_w: [KH, KW] */
} ConvolveAttr;

Ints ints_of_shape(const Shape *s);
Shape shape_of_ints(const Ints *v);
bool node_number(const Node *n,
                 double *value); /* a constant, or one broadcast: true where all elements are equal */
