/* Attributes of operators that other folders read, in their completed form (after build): every axis counted
 * from 0, every size a number. Each struct says which operators bear it. SlotAttr and ReduceAttr stand in ir.h;
 * a completed reduction names at least one axis, in ascending order, and does not keep. */
#pragma once
#include "ir/ir.h"

/* clang-format off */
typedef struct {                                      /* constant: `data`, or where NULL the scalar `fill` */
    double fill;
    const double *data;
    int64_t count, hash;                              /* of `data` */
    int dtype;                                        /* DType */
    Ints shape;
} ConstantAttr;

typedef struct { Ints shape; } ShapeAttr;             /* broadcast: the result's shape */
typedef struct { Ints shape; int64_t keep; } ReshapeAttr;         /* reshape; completed: keep = 0 and no -1 */
typedef struct { const char *path; } OwnAttr;         /* own: where it was written */
typedef struct { Ints order; } PermuteAttr;           /* permute: result axis i is source axis order[i] */
typedef struct { Ints start, step, size; } SliceAttr;             /* slice: y[i] = x[start + i*step] */
typedef struct { Ints start, step, shape; } PlaceAttr;            /* place: y[start + i*step] = x[i] */
typedef struct { Ints before, after; } PadAttr;       /* pad_axes */
typedef struct { int64_t axis; } AxisAttr;            /* concat, flip */
typedef struct { int64_t count; } CountAttr;          /* range, scatter_add, scatter_add_last, last_write */
typedef struct { bool ta, tb; } MatmulAttr;           /* matmul: which side is stored transposed */

typedef struct {                                      /* normal, uniform, bernoulli */
    const char *path;                                 /* for dumps; kernels use `stream` only */
    int64_t stream;                                   /* rng_hash(path) */
    Ints shape;
    double p;                                         /* bernoulli: chance of true */
} DrawAttr;

typedef struct {                                      /* convolve, convolve_x, convolve_w: the geometry of the
                                                         forward convolution x, w -> y (kern.h) */
    Ints stride, padding, dilation;                   /* [2], [top, bottom, left, right], [2] */
    int64_t groups;
    Ints size;                                        /* convolve_x: H, W of the result; convolve_w: KH, KW */
} ConvolveAttr;
/* clang-format on */

Ints ints_of_shape(const Shape *s);
Shape shape_of_ints(const Ints *v);
/* True where all elements are one known number: a constant, or one broadcast. */
bool node_number(const Node *n, double *value);

/* sizes.c, for messages: which axes of source k give n its size on `axis`, a bit an axis. Notes, behind the newest message,
 * of the lines of the spec that gave x its size on an axis, the last one first; its sizes from an axis on; or that changed
 * its shape on the way. The message has at most ten notes then, or four more than it had. */
unsigned size_axes(const Node *n, int axis, int k);
void note_size(Diags *d, const Node *x, int axis);
void note_sizes(Diags *d, const Node *x, int first);
void note_apart(Diags *d, const Node *const x[2], const int axis[2]);  /* of two calls of one text: what both share is left out;
                                                         axis -1: all but the first */
void note_shape(Diags *d, const Node *x);
