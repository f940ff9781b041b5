/* Checkpoints: the Store as a safetensors file, written so that a torn one is never seen under its name. */
#pragma once
#include "exec/store.h"
#include "train/fault.h"

typedef struct {
    char version[32];
    uint64_t seed, hash;                              /* hash: Training.hash */
    int64_t step;                                     /* total steps made */
    int threads;
} CheckpointInfo;

bool checkpoint_sound(const Store *s, Fault *f);      /* false (CODE_DIVERGED): a parameter or running value is not finite */
size_t checkpoint_size(const Slots *slots, DType floats);               /* bytes that checkpoint_store takes */
Store *checkpoint_store(const Slots *slots, DType floats);              /* of the slots that a checkpoint holds alone, all zero; NULL: no memory */
/* Everything but batch slots, which `s` need not have; floats as it keeps them, F32 or F64. On any thread. */
bool checkpoint_write(const char *path, const Store *s, const CheckpointInfo *info, Fault *f);
bool checkpoint_info(const char *path, CheckpointInfo *out, Fault *f);  /* reads the header only */
/* Strict: each slot must be there with its type and shape, and nothing else. Floats are read from F32 and F64 alike, and
 * become what the Store keeps. With `loose`, slots that fit are read and
 * the others keep what they have. The Store is unchanged where it fails before the first number is read. */
bool checkpoint_read(const char *path, Store *s, bool loose, CheckpointInfo *out, Fault *f);

/* A part of a file, which may be anybody's safetensors: these n slots must be there with their types and shapes; what else
 * is in it does not matter. `take` reads them, or changes nothing. */
bool checkpoint_fits(const char *path, const Slots *slots, int n, const int *slot, Fault *f);
bool checkpoint_take(const char *path, Store *s, int n, const int *slot, Fault *f);

/* The folder of checkpoints. 'step-000500.safetensors' is made between two iterations,
 * 'step-000500-turn-0003.safetensors' after three turns of the next one. */
void checkpoint_name(char *out, size_t size, const char *folder, int64_t step, int64_t turns);
bool checkpoint_newest(const char *folder, char *out, size_t size);     /* false: there is none */
void checkpoint_prune(const char *folder, int64_t keep);                /* all but the newest; torn ones too */
