/* Inside {} and [] YAML ends a plain scalar at each comma. An expression that was cut so is said once, with the quotes
 * that it needs, and put together again, so that the rest of the spec is checked as if it had them.
 */
#include "parser/doc.h"

#include <string.h>

/* How many round brackets a piece leaves open; text in single quotes has none. */
static int opened(const Doc *piece) {
    int depth = 0;
    bool text = false;
    for (const char *p = piece->text; *p; p++) {
        if (*p == '\'') text = !text;
        else if (!text) depth += (*p == '(') - (*p == ')');
    }
    return depth;
}

static bool is_plain(const Doc *d) { return d->kind == DOC_SCALAR && d->style == DOC_PLAIN; }

static size_t copy_piece(char *text, uint32_t *line, uint32_t *col, size_t at, const Doc *piece) {
    memcpy(text + at, piece->text, piece->length);
    memcpy(line + at, piece->line, (piece->length + 1)*sizeof *line);
    memcpy(col + at, piece->col, (piece->length + 1)*sizeof *col);
    return at + piece->length;
}

static Doc *joined(Arena *a, int n, Doc *const *piece) {
    size_t length = 0;
    for (int i = 0; i < n; i++) length += piece[i]->length + 2;
    char *text = ARENA_ARRAY(a, char, length + 1);
    uint32_t *line = ARENA_ARRAY(a, uint32_t, length + 1), *col = ARENA_ARRAY(a, uint32_t, length + 1);
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        at = copy_piece(text, line, col, at, piece[i]);
        if (i == n - 1) break;
        text[at] = ',', text[at + 1] = ' ';
        line[at + 1] = line[at], col[at + 1] = col[at] + 1;
        at += 2;
    }
    Doc *d = arena_copy(a, piece[0], sizeof *d);
    d->text = text;
    d->length = at;
    d->line = line;
    d->col = col;
    d->expr = NULL;
    return d;
}

/* The piece at place i: an item of a list; of a mapping the value of the first, then keys without values. */
static Doc *piece_at(const Doc *d, int i, bool first) {
    if (d->kind == DOC_LIST) return is_plain(d->item[i]) ? d->item[i] : NULL;
    Doc *value = d->entry[i].value, *key = d->entry[i].scalar;
    if (first) return is_plain(value) ? value : NULL;
    return is_plain(value) && !value->length && is_plain(key) ? key : NULL;
}

/* How many places the expression at place i was cut into; 1 where it was not. */
static int pieces(const Doc *d, int i) {
    const Doc *piece = piece_at(d, i, true);
    int depth = piece ? opened(piece) : 0, n = 1;
    for (; depth > 0 && i + n < d->n && (piece = piece_at(d, i + n, false)); n++) depth += opened(piece);
    return depth == 0 ? n : 1;
}

static void mend_at(Doc *d, int i, int n, Diags *diags) {
    Arena *a = diags->arena;
    Doc **piece = ARENA_ARRAY(a, Doc *, n);
    for (int k = 0; k < n; k++) piece[k] = piece_at(d, i + k, k == 0);
    Doc *whole = joined(a, n, piece);
    diag_error(diags, whole->loc, "an expression with a comma must be quoted inside %s: \"%s\"", d->kind == DOC_MAP ? "{}" : "[]",
               whole->text);
    d->n -= n - 1;
    if (d->kind == DOC_LIST) d->item[i] = whole;
    else d->entry[i].value = whole;
    for (int k = i + 1; k < d->n; k++) {
        if (d->kind == DOC_LIST) d->item[k] = d->item[k + n - 1];
        else d->entry[k] = d->entry[k + n - 1];
    }
}

void doc_mend(Doc *d, Diags *diags) {
    for (int i = 0; d->kind != DOC_SCALAR && i < d->n; i++) {
        int n = d->flow ? pieces(d, i) : 1;
        if (n > 1) mend_at(d, i, n, diags);
        doc_mend(d->kind == DOC_LIST ? d->item[i] : d->entry[i].value, diags);
    }
}
