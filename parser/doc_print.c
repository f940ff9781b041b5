/* A tree as YAML that doc_parse reads back to an equal tree. What was in single quotes stays so, since quoting
 * decides between text and expression; plain, double-quoted and block scalars stand for each other. Collections keep
 * their brackets or their lines.
 */
#include "parser/doc.h"

#include <string.h>

enum { STEP = 2 };

static bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Whether YAML reads the bare text back as it is. Stricter than need be. */
static bool plain_is_safe(const char *text, size_t n, bool in_flow, bool key) {
    if (!n || text[0] == ' ' || text[n - 1] == ' ' || text[n - 1] == ':') return false;
    bool number = n > 1 && (text[0] == '-' || text[0] == '.') && (is_word(text[1]) || text[1] == '(');
    if (!is_word(text[0]) && text[0] != '(' && !number) return false;
    if (key && n == 2 && !memcmp(text, "<<", 2)) return false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c >= 0x7F) return false;
        if (c == ':' && (in_flow || text[i + 1] == ' ')) return false;
        if (c == '#' && text[i - 1] == ' ') return false;
        if (in_flow && strchr(",[]{}?", c)) return false;
    }
    return true;
}

static size_t decode(const char *text, size_t left, unsigned *code) {
    const unsigned char *s = (const unsigned char *)text;
    size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (n > left) n = left;
    *code = n == 1 ? s[0] : s[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) *code = *code << 6 | (s[i] & 0x3Fu);
    return n;
}

static bool must_escape(unsigned code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 || code == 0xFEFF ||
           code == 0xFFFE || code == 0xFFFF;
}

static void print_double(const char *text, size_t length, FILE *to) {
    fputc('"', to);
    for (size_t i = 0, n; i < length; i += n) {
        unsigned code;
        n = decode(text + i, length - i, &code);
        if (code == '"' || code == '\\') fprintf(to, "\\%c", (int)code);
        else if (code == '\n') fputs("\\n", to);
        else if (code == '\t') fputs("\\t", to);
        else if (must_escape(code)) fprintf(to, "\\u%04X", code);
        else fwrite(text + i, 1, n, to);
    }
    fputc('"', to);
}

static void print_indent(int indent, FILE *to) { fprintf(to, "%*s", indent, ""); }

/* A line break inside single quotes folds to a space, n + 1 of them to n. */
static void print_single(const Doc *d, int indent, FILE *to) {
    fputc('\'', to);
    for (size_t i = 0; i < d->length; i++) {
        char c = d->text[i];
        if (c == '\n' && (i == 0 || d->text[i - 1] != '\n')) fputc('\n', to);
        if (c == '\'') fputc('\'', to);
        fputc(c, to);
        if (c == '\n' && d->text[i + 1] != '\n') print_indent(indent, to);
    }
    fputc('\'', to);
}

/* Literal form shows lines as lines; only for text whose first line starts with a word. */
static bool literal_is_safe(const Doc *d) {
    if (d->style != DOC_BLOCK || !d->length || !is_word(d->text[0])) return false;
    for (size_t i = 0, n; i < d->length; i += n) {
        unsigned code;
        n = decode(d->text + i, d->length - i, &code);
        if (code != '\n' && must_escape(code)) return false;
    }
    return true;
}

static void print_literal(const Doc *d, int indent, FILE *to) {
    size_t breaks = 0;
    while (breaks < d->length && d->text[d->length - 1 - breaks] == '\n') breaks++;
    fputs(breaks == 0 ? "|-" : breaks == 1 ? "|" : "|+", to);
    size_t stop = d->length - (breaks ? 1 : 0);
    for (const char *p = d->text, *end = d->text + stop, *q; p <= end; p = q + 1) {
        q = memchr(p, '\n', (size_t)(end - p));
        if (!q) q = end;
        fputc('\n', to);
        if (q > p) print_indent(indent, to);
        fwrite(p, 1, (size_t)(q - p), to);
    }
}

static void print_scalar(const Doc *d, int indent, bool in_flow, FILE *to) {
    if (d->style == DOC_SINGLE) print_single(d, indent, to);
    else if (!in_flow && literal_is_safe(d)) print_literal(d, indent, to);
    else if (d->style != DOC_DOUBLE && plain_is_safe(d->text, d->length, in_flow, false)) fputs(d->text, to);
    else print_double(d->text, d->length, to);
}

static void print_key(const DocEntry *e, bool in_flow, FILE *to) {
    size_t n = strlen(e->key);
    if (plain_is_safe(e->key, n, in_flow, true)) fputs(e->key, to);
    else print_double(e->key, n, to);
}

static void print_flow(const Doc *d, int indent, FILE *to) {
    if (d->kind == DOC_SCALAR) {
        print_scalar(d, indent, true, to);
        return;
    }
    fputc(d->kind == DOC_MAP ? '{' : '[', to);
    for (int i = 0; i < d->n; i++) {
        if (i) fputs(", ", to);
        if (d->kind == DOC_MAP) {
            print_key(&d->entry[i], true, to);
            fputs(": ", to);
        }
        print_flow(d->kind == DOC_MAP ? d->entry[i].value : d->item[i], indent, to);
    }
    fputc(d->kind == DOC_MAP ? '}' : ']', to);
}

static bool on_lines(const Doc *d) { return d->kind != DOC_SCALAR && !d->flow && d->n; }

/* `indent` is the column of the keys or dashes; the first line's is already printed. Ends in a line break. */
static void print_lines(const Doc *d, int indent, FILE *to) {
    if (!on_lines(d)) {
        print_flow(d, indent, to);
        fputc('\n', to);
        return;
    }
    for (int i = 0; i < d->n; i++) {
        if (i) print_indent(indent, to);
        const Doc *value = d->kind == DOC_MAP ? d->entry[i].value : d->item[i];
        if (d->kind == DOC_MAP) {
            print_key(&d->entry[i], false, to);
            fputc(':', to);
        } else {
            fputc('-', to);
        }
        if (on_lines(value) && d->kind == DOC_MAP) {
            fputc('\n', to);
            print_indent(indent + STEP, to);
        } else {
            fputc(' ', to);
        }
        if (value->kind != DOC_SCALAR) {
            print_lines(value, indent + STEP, to);
        } else {
            print_scalar(value, indent + STEP, false, to);
            fputc('\n', to);
        }
    }
}

void doc_print(const Doc *d, FILE *to) {
    if (d->kind == DOC_SCALAR) {
        print_scalar(d, STEP, false, to);
        fputc('\n', to);
    } else {
        print_lines(d, 0, to);
    }
}

bool doc_equal(const Doc *a, const Doc *b) {
    if (a->kind != b->kind) return false;
    if (a->kind == DOC_SCALAR)
        return (a->style == DOC_SINGLE) == (b->style == DOC_SINGLE) && a->length == b->length &&
               !memcmp(a->text, b->text, a->length);
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++) {
        const Doc *other = a->kind == DOC_MAP ? doc_get(b, a->entry[i].key) : b->item[i];
        if (!other || !doc_equal(a->kind == DOC_MAP ? a->entry[i].value : a->item[i], other)) return false;
    }
    return true;
}
