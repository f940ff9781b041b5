/* Fault: how a run ends before its time. One message and the program's exit code; library code fills it, cli prints. */
#pragma once
#include <stdbool.h>

enum {
    CODE_DONE = 0,
    CODE_FAILED = 1,                                  /* failed while running, or found differences */
    CODE_USAGE = 2,
    CODE_SPEC = 3,
    CODE_DATA = 4,                                    /* data or a checkpoint cannot be read */
    CODE_DIVERGED = 5,
    CODE_WRITE = 6,
    CODE_SIGNAL = 128,                                /* plus the signal's number */
};

typedef struct {
    int code;                                         /* CODE_DONE: nothing happened */
    char text[1400];
} Fault;

/* Fills f and gives false, so that `return fault(f, CODE_DATA, "...")` reads well. The first fault is kept. */
bool fault(Fault *f, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool fault_memory(Fault *f);                          /* out of memory */
