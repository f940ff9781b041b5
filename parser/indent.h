/* Indentation, for messages: libyaml says of a line that it is wrong where only those above it were moved. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* The line at byte `at` should stand in one column with its neighbours: finds the first of them, at *first, where that
 * column is another. False where the columns agree, or where `at` is not the first character of its line. */
bool indent_differs(const char *text, size_t length, size_t at, size_t *first);

/* Whether the ':' at byte `at`, the first of its line, may stand in a text that began on a line above, with less indentation or
 * first below its key: YAML takes the lines in between for more of it. Finds where that line begins. */
bool line_goes_on(const char *text, size_t at, size_t *first);
