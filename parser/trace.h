/* Where the numbers of a message come from: the mistake is often not where the numbers clash but where one of them was
 * written. */
#pragma once
#include "parser/doc.h"

/* Adds a note for each variable, source, iteration value and loop of the spec that the text at an error mentions, or
 * that what it mentions is made of; and for each of the `idle` blocks beside it, which did nothing. Only to errors that name a number. */
void trace_values(const Doc *spec, int nidle, const Doc *const *idle, Diags *d);
