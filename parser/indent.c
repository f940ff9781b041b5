/* Walks over lines; blank ones and comments do not count. */
#include "parser/indent.h"

#include <string.h>

typedef struct {
    size_t start, indent;
} Line; /* start: of its first character after the indentation */

static bool line_at(const char *text, size_t length, size_t from, Line *out) {
    size_t at = from;
    while (at < length && text[at] == ' ') at++;
    *out = (Line){at, at - from};
    return at < length && text[at] != '\n' && text[at] != '\r' && text[at] != '#';
}

bool indent_differs(const char *text, size_t length, size_t at, size_t *first) {
    size_t from = at, indent;
    while (from && text[from - 1] != '\n') from--;
    Line line, above = {0};
    if (!line_at(text, length, from, &line) || line.start != at) return false;
    indent = line.indent;
    bool any = false; /* a neighbour, or what stands deeper in one */
    while (from) {
        size_t end = --from;
        while (from && text[from - 1] != '\n') from--;
        if (!line_at(text, end, from, &line)) continue;
        if (line.indent < indent) break; /* the parent of all these */
        above = line;
        any = true;
    }
    *first = above.start;
    return any && above.indent != indent;
}

bool line_goes_on(const char *text, size_t at, size_t *first) {
    size_t from = at;
    while (from && text[from - 1] != '\n') from--;
    for (size_t i = from; i + 1 < at; i++)
        if (text[i] == ':' && text[i + 1] == ' ') return false; /* a second one in its own line */
    Line line, above;
    if (!line_at(text, at, from, &line)) return false;
    size_t below = line.start;
    while (from) {
        size_t end = --from;
        while (from && text[from - 1] != '\n') from--;
        if (!line_at(text, end, from, &above)) continue;
        if (above.indent >= line.indent) {
            below = above.start;
            continue;
        }
        bool key = text[end - 1] == ':';              /* whose own text begins in the line below it */
        *first = key ? below : above.start;
        return !key || (below != line.start && strncmp(text + below, "- ", 2));
    }
    return false;
}
