/* Fault: the one way in which the trainer fails. */
#include "train/fault.h"

#include <stdarg.h>
#include <stdio.h>

bool fault(Fault *f, int code, const char *fmt, ...) {
    if (f->code != CODE_DONE) return false;
    f->code = code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
    return false;
}

bool fault_memory(Fault *f) { return fault(f, CODE_FAILED, "out of memory"); }
