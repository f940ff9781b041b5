/* What the convolution methods share. A method says whether it can do a shape, how much scratch it wants, and runs. */
#pragma once
#include "kern/kern.h"

typedef struct ConvMethod {
    const char *name;                                 /* also what GRAPHRUN_CONV takes */
    bool (*start)(Conv *c);                           /* sets c->state and c->scratch; false: not this shape, or OOM */
    void (*run)(const Conv *c, const float *a, const float *b, float *out, char *scratch);
    void (*stop)(Conv *c);                            /* accepts a start that failed half way */
} ConvMethod;

struct Conv {
    ConvWhich which;
    ConvShape s;
    const ConvMethod *method;
    size_t scratch;
    void *state;
};

extern const ConvMethod conv_direct;                  /* oneDNN, activations as they are */
extern const ConvMethod conv_blocked;                 /* oneDNN, activations reordered into blocks of channels and back */
extern const ConvMethod conv_bf16;                    /* oneDNN, sources rounded to bf16: other numbers, so no choice of
                                                         the rule */
extern const ConvMethod conv_winograd;                /* fewer products, by short convolutions: 2 or 3 taps a stride */
extern const ConvMethod conv_gemm;                    /* products over patches of x; does every shape */
extern const ConvMethod conv_swapped;                 /* the same over patches of y: stride 1, one group */

/* Products of the definition over those of Winograd's method; 0 where it cannot do the shape. */
double conv_winograd_saving(const ConvShape *s);

static inline size_t conv_align(size_t bytes) { return (bytes + 63) & ~(size_t)63; }
