/* What the operator files share: the row macro, levelling, small helpers. Private to ops/. */
#pragma once
#include "build.h"
#include "ir/instr.h"
#include "ops/attrs.h"

/* OP(name, ...): one operator. The name stands on the line on which OP( opens, in column 0 (registry). */
#define OP(id, ...) const Op op_##id = {.name = #id, __VA_ARGS__};

/* Op.map's entries of the variants that EACH_ISA made. */
#define MAPS(fn, D) [ISA_BASE][D] = fn##_BASE, [ISA_AVX2][D] = fn##_AVX2, [ISA_AVX512][D] = fn##_AVX512

#define FIELD(Struct, member, type_, default_, doc_) \
    { .name = #member, .type = type_, .offset = offsetof(Struct, member), .dflt = default_, .doc = doc_ }

/* level.c: conversions and broadcasts before an operator that wants equal types and shapes. level_common is
 * the nearest type that holds all sources and `least` (bool < int < float); level_shapes stretches the
 * sources to their common shape, or refuses, leaves poison in *out and gives false. */
Node *level_type(Node *x, DType to);
DType level_common(int n, Node *const *src, DType least);
bool level_shapes(Graph *g, const Op *op, int n, Node *const *src, Node **out);
Tensor tensor_of(DType t, Shape s);
const char *show(const Node *n, int k); /* shape of source k, for messages */
const char *show_of(const Node *x);     /* shape of x */

/* reductions.c: a value of x's shape less the masked axes, stretched over them again. */
Node *expand(Node *reduced, const Node *x, unsigned mask);

/* For a reference that needs memory: it frees this arena before it returns, since it may run every turn. */
Arena *scratch_for(const Node *n);

/* Sums of products, for references that are to take no hours: in double, in an order that depends on n alone. */
double dot_ref(int64_t n, const double *x, const double *z);
void add_times_ref(int64_t n, double *y, double x, const double *z);    /* y += x*z */

/* Row-major distances of a dense tensor, in elements. */
Strides dense(const Shape *s);
/* Steps an index to the next element in row-major order; false after the last. */
bool next_index(const Shape *s, int64_t *index);
int64_t index_offset(const Strides *s, int rank, const int64_t *index);
