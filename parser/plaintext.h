/* A spec's bytes: UTF-8 without control characters, no larger than a spec may be. */
#pragma once
#include "base/diag.h"

enum { MOST_BYTES = 4 << 20 };                        /* of a spec */

bool is_plain_text(Diags *d, Loc start, const char *text, size_t length);      /* or a message at the byte that is not */
