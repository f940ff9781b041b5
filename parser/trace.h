/* Where the numbers of a message come from: the mistake is often not where the numbers clash but where one of them was
 * written. */
#pragma once
#include "parser/doc.h"

/* Adds a note for each variable, source, iteration value and loop of the spec that the text at an error mentions, or
 * that what it mentions is made of; and for each block or layer that did nothing, of the definitions that the message leads
 * to. Only to errors that name a number. Beyond so many notes they are places further on the way. */
void trace_values(const Doc *spec, Diags *d);
