/* Instr and Program: what the planner leaves behind and the executor runs. Self-contained: nodes may die.
 *
 * An operand is a place: an offset in the one workspace that all programs share, a slot of the Store, or bytes of
 * constants that the program owns. Operands of an operator's own kernel are dense and 64-byte aligned; views
 * (strided, broadcast) exist only in regions, whose inputs carry strides.
 */
#pragma once
#include "ir/ir.h"

typedef enum { IN_WORKSPACE, IN_SLOT, IN_CONSTANTS } Place;

typedef struct {
    Place place;
    size_t offset;                                    /* bytes: in the workspace, the constants, or the slot */
    int slot;                                         /* IN_SLOT */
    Tensor type;
    int value;                                        /* which value it holds: what program_check goes by */
} Operand;

typedef struct Program Program;
typedef struct Reference Reference;                   /* exec/reference.c */

struct Instr {
    const Op *op;                                     /* NULL: a region (state is a Region, plan/region.h) */
    const void *attr;
    int nin, nout;
    Operand *in, *out;
    size_t scratch_size;                              /* bytes, set by prepare */
    size_t scratch;                                   /* offset in the workspace, set by the planner */
    void *state;                                      /* made by prepare, freed by release */
    bool bf16;                                        /* set before prepare: round sources to bf16 (kern.h) */
    const char *kernel;                               /* how it is computed, set by prepare; NULL: op has one way */
    Program *body;                                    /* of a loop: run `rounds` times. in[0] is where the carried value
                                                         starts, out[0] holds it; its slots are LoopAttr's. Scratch: the
                                                         round, on 64 bytes, then the body's workspace */
    int64_t rounds;
    double flops;
    Loc loc;
    const char *label;                                /* 'critic/conv_2', for profiles and messages */
    const char *role;
};

typedef struct {                                      /* a value the host reads after a run */
    const char *name;
    Operand at;
} Result;

struct Program {
    Arena *arena;                                     /* owns everything below */
    const char *name;
    int ninstr;
    Instr *instr;
    int nresult;
    Result *result;
    size_t workspace;                                 /* bytes */
    unsigned char *constants;                         /* aligned; NULL if none */
    size_t nconstants;
    size_t library;                                   /* bytes that libraries took while kernels were prepared */
    double flops;
    Reference *reference;                             /* of a run in fp64, which has no instructions; else NULL */
};
