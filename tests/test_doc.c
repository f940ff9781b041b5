/* The document: where every byte stands in the file, what is refused and with which words, and the law that what
 * doc_print prints reads back to the same tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "messages.h"
#include "parser/doc.h"

static Doc *parse(Case *c, const char *text) { return doc_parse("t.yaml", text, strlen(text), c->d); }

/* ---- positions ---- */

typedef struct {
    const char *yaml;                                 /* a mapping with the key v, or a scalar */
    const char *text;                                 /* the value unescaped */
    size_t byte;
    uint32_t line, col;                               /* where that byte stands */
} Place;

static const Place places[] = {
    {"v: one two", "one two", 0, 1, 4},
    {"v: one two", "one two", 4, 1, 8},
    {"v: one two", "one two", 7, 1, 11},              /* the end */
    {"v:\n  one\n  two", "one two", 3, 2, 6},         /* a fold: the line break */
    {"v:\n  one\n  two", "one two", 4, 3, 3},
    {"v: one \t \n\n\n   two", "one\n\ntwo", 3, 2, 1},
    {"v: one \t \n\n\n   two", "one\n\ntwo", 4, 3, 1},
    {"v: one \t \n\n\n   two", "one\n\ntwo", 5, 4, 4},
    {"v: a  b", "a  b", 3, 1, 7},
    {"v: \xC3\xA9\xC3\xA9x", "\xC3\xA9\xC3\xA9x", 2, 1, 5},      /* columns count characters */
    {"v: \xC3\xA9\xC3\xA9x", "\xC3\xA9\xC3\xA9x", 4, 1, 6},
    {"k: \xE2\x82\xAC\nv: x", "x", 0, 2, 4},
    {"{\xC3\xA9: 1, v: [a, b]}", NULL, 0, 1, 11},     /* a list: its bracket */
    {"v: 'it''s x'", "it's x", 0, 1, 5},
    {"v: 'it''s x'", "it's x", 2, 1, 7},
    {"v: 'it''s x'", "it's x", 3, 1, 9},
    {"v: 'it''s x'", "it's x", 6, 1, 12},             /* the end: the closing quote */
    {"v: 'a\n   b'", "a b", 1, 1, 6},
    {"v: 'a\n   b'", "a b", 2, 2, 4},
    {"v: ''", "", 0, 1, 5},
    {"v: \"ab\\tc\"", "ab\tc", 2, 1, 7},
    {"v: \"ab\\tc\"", "ab\tc", 3, 1, 9},
    {"v: \"\\x41\\u00e9\\U0001F600z\"", "A\xC3\xA9\xF0\x9F\x98\x80z", 0, 1, 5},
    {"v: \"\\x41\\u00e9\\U0001F600z\"", "A\xC3\xA9\xF0\x9F\x98\x80z", 1, 1, 9},
    {"v: \"\\x41\\u00e9\\U0001F600z\"", "A\xC3\xA9\xF0\x9F\x98\x80z", 2, 1, 9},
    {"v: \"\\x41\\u00e9\\U0001F600z\"", "A\xC3\xA9\xF0\x9F\x98\x80z", 6, 1, 15},
    {"v: \"\\x41\\u00e9\\U0001F600z\"", "A\xC3\xA9\xF0\x9F\x98\x80z", 7, 1, 25},
    {"v: \"\\N\\_\\L\\P.\"", "\xC2\x85\xC2\xA0\xE2\x80\xA8\xE2\x80\xA9.", 10, 1, 13},
    {"v: \"\\\"\\\\\\/\\ \\e\\a\\b\\v\\f\\r\\n.\"", "\"\\/ \x1B\a\b\v\f\r\n.", 11, 1, 27},
    {"v: \"a \\\n  b\"", "a b", 2, 2, 3},             /* an escaped line break is nothing */
    {"v: \"a\\\n\n  b\"", "a\nb", 1, 2, 1},
    {"v: \"a \n  b\"", "a b", 1, 1, 7},
    {"v: \"a\n\n  b\"", "a\nb", 1, 2, 1},
    {"v: |\n  one\n   two\n", "one\n two\n", 0, 2, 3},
    {"v: |\n  one\n   two\n", "one\n two\n", 3, 2, 6},
    {"v: |\n  one\n   two\n", "one\n two\n", 4, 3, 3},
    {"v: |\n  one\n   two\n", "one\n two\n", 5, 3, 4},
    {"v: |\n\n\n  x\n", "\n\nx\n", 1, 3, 1},
    {"v: |\n\n\n  x\n", "\n\nx\n", 2, 4, 3},
    {"v: |-\n  x\n\n", "x", 0, 2, 3},
    {"v: |+\n  x\n\n\n", "x\n\n\n", 3, 4, 1},
    {"v: |2-\n    x\n", "  x", 0, 2, 3},
    {"v: |2-\n    x\n", "  x", 2, 2, 5},
    {"w:\n  v:\n    k: 1\nv: |1 # note\n   x\n  y", "  x\n y", 4, 6, 2},
    {"v: |2\n     \n   x\n", "   \n x\n", 5, 3, 4},
    {"v: >\n  one\n  two\n", "one two\n", 3, 2, 6},
    {"v: >\n  one\n  two\n", "one two\n", 4, 3, 3},
    {"v: >\n  one\n\n  two\n", "one\ntwo\n", 3, 3, 1},
    {"v: >\n  one\n\n  two\n", "one\ntwo\n", 4, 4, 3},
    {"v: >-\n  one\n    two\n  six", "one\n  two\nsix", 3, 2, 6},
    {"v: >-\n  one\n    two\n  six", "one\n  two\nsix", 6, 3, 5},
    {"v: >-\n  one\n    two\n  six", "one\n  two\nsix", 10, 4, 3},
    {"v: >+\n  one\n\n", "one\n\n", 4, 3, 1},
    {"v: |\r\n  one\r\n  two\r\n", "one\ntwo\n", 4, 3, 3},
    {"v: one\r\n  two\r\n", "one two", 4, 2, 3},
    {"\xEF\xBB\xBFv: one", "one", 0, 1, 4},           /* a byte order mark is no character */
    {"v: &here one", "one", 1, 1, 11},
    {"v: &here # note\n  'one'", "one", 1, 2, 5},
    {"v: &here\n  k: 1", NULL, 0, 2, 3},
    {"w: &here one\nv: *here", "one", 0, 1, 10},      /* an alias: what it stands for */
    {"v:", "", 0, 1, 3},
    {"{v}", "", 0, 1, 3},
    {"- one\n- v: two\n", NULL, 0, 1, 1},
};

static void bytes_have_positions(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        Case c = begin();
        const Place *p = &places[i];
        Doc *d = parse(&c, p->yaml);
        if (!d) fail_msg("place %zu: %s", i, c.d->first ? c.d->first->text : "?");
        if (d->kind == DOC_MAP) d = doc_get(d, "v");
        Loc at = p->text ? doc_loc_at(d, p->byte) : d->loc;
        if (p->text && (d->length != strlen(p->text) || memcmp(d->text, p->text, d->length)))
            fail_msg("place %zu: text is '%s'", i, d->text);
        if (at.line != p->line || at.col != p->col) fail_msg("place %zu: %u:%u", i, at.line, at.col);
        end(&c);
    }
}

static void keys_have_positions(void **state) {
    (void)state;
    Case c = begin();
    Doc *d = parse(&c, "a: 1\n'b c': 2\n\"d\\x20e\": 3\n? f\n: 4\n");
    assert_non_null(d);
    assert_int_equal(d->n, 4);
    static const Loc want[] = {{0, 1, 1}, {0, 2, 2}, {0, 3, 2}, {0, 4, 3}};
    for (int i = 0; i < 4; i++) assert_memory_equal(&d->entry[i].loc, &want[i], sizeof(Loc));
    assert_string_equal(d->entry[2].key, "d e");
    assert_int_equal(doc_loc_at(d->entry[2].scalar, 2).col, 7);
    end(&c);
}

/* The byte at a line and column of the source. */
static const char *source_at(const Source *s, Loc at) {
    const char *p = s->text;
    for (uint32_t line = 1; line < at.line; line++) p = strchr(p, '\n') + 1;
    for (uint32_t col = 1; col < at.col; col++)
        do p++;
        while (((unsigned char)*p & 0xC0) == 0x80);
    return p;
}

/* A byte's position holds that byte, unless it comes from an escape or a fold: independent of place.c's rules. */
static void check_places(const Diags *d, const Doc *doc) {
    for (int i = 0; doc->kind != DOC_SCALAR && i < doc->n; i++) {
        if (doc->kind == DOC_MAP) check_places(d, doc->entry[i].scalar);
        check_places(d, doc->kind == DOC_MAP ? doc->entry[i].value : doc->item[i]);
    }
    if (doc->kind != DOC_SCALAR) return;
    size_t lead = 0;                                  /* bytes since the character started */
    for (size_t i = 0; i < doc->length; i++, lead++) {
        if (((unsigned char)doc->text[i] & 0xC0) != 0x80) lead = 0;
        const char *p = source_at(&d->sources[0], doc_loc_at(doc, i));
        if (*p == '\\' && doc->style == DOC_DOUBLE) continue;
        bool fold = doc->text[i] == ' ' && (*p == '\n' || *p == '\r');
        bool line_end = doc->text[i] == '\n' && *p == '\r';
        if (!fold && !line_end && p[lead] != doc->text[i])
            fail_msg("byte %zu of '%s' is said to stand at %u:%u", i, doc->text, doc->line[i], doc->col[i]);
    }
}

/* ---- refusals ---- */

typedef struct { const char *yaml, *error; uint32_t line, col; const char *note; uint32_t note_line, note_col; } Refusal;

static const Refusal refusals[] = {
    {"", "there is nothing here but space and comments", 1, 1, NULL, 0, 0},
    {"# note\n", "there is nothing here but space and comments", 2, 1, NULL, 0, 0},
    {"a: 1\nb: 2\na: 3\n", "key 'a' stands twice in one mapping", 3, 1, "the first is here", 1, 1},
    {"{a: 1, 'a': 3}", "key 'a' stands twice in one mapping", 1, 9, "the first is here", 1, 2},
    {"a: *b", "alias '*b': there is no anchor '&b' above" QUOTE_HINT, 1, 4, NULL, 0, 0},
    {"a: &base 1\nb: *bsae", "alias '*bsae': there is no anchor '&bsae' above, did you mean 'base'?", 2, 4, NULL, 0, 0},
    {"a: &x {b: *x}", "alias '*x' stands inside its own anchor", 1, 11, "'&x' is here", 1, 4},
    {"a: &x [1, [*x]]", "alias '*x' stands inside its own anchor", 1, 12, "'&x' is here", 1, 4},
    {"a: !foo 1", "tag '!foo': there are no tags here, and negation is 'not'" QUOTE_HINT, 1, 4, NULL, 0, 0},
    {"a: !!int 1", "tag 'int': there are no tags here, and negation is 'not'" QUOTE_HINT, 1, 4, NULL, 0, 0},
    {"? [a]\n: 1", "a key is a name or a head such as f(x), not a list" QUOTE_HINT, 1, 3, NULL, 0, 0},
    {"{a: 1}: 1", "a key is a name or a head such as f(x), not a mapping" QUOTE_HINT, 1, 1, NULL, 0, 0},
    {"\"a\\nb\": 1", "a key may hold no line breaks or control characters", 1, 3, NULL, 0, 0},
    {"a: \"x\\0y\"", "text may not hold the character \\0", 1, 6, NULL, 0, 0},
    {"a: 1\n---\nb: 2\n", "a second document starts here; a spec is one document", 2, 1, NULL, 0, 0},
    {"a: {<<: 3}", "'<<' merges mappings; it takes an alias such as *base, or a list of them", 1, 5, NULL, 0, 0},
    {"a: {<<: [3]}", "'<<' merges mappings; this is none", 1, 10, NULL, 0, 0},
    {"a: x\xFFy", "byte 0xFF is not UTF-8 text", 1, 5, NULL, 0, 0},
    {"a: \xC3\xA9\xC0\xAF", "byte 0xC0 is not UTF-8 text", 1, 5, NULL, 0, 0},
    {"a: \xED\xA0\x80", "byte 0xED is not UTF-8 text", 1, 4, NULL, 0, 0},
    {"a: \xE2\x82", "byte 0xE2 is not UTF-8 text", 1, 4, NULL, 0, 0},
    {"\xFF\xFE", "the text is UTF-16; save it as UTF-8", 1, 1, NULL, 0, 0},
    {"a: \x07", "control character U+0007 is not allowed", 1, 4, NULL, 0, 0},
    {"a: \xE2\x80\xA8", "control character U+2028 is not allowed", 1, 4, NULL, 0, 0},
    {"a: 1\rb: 2", "a carriage return without a line feed", 1, 5, NULL, 0, 0},
    {"a:\n\tb: 1", "YAML: found character that cannot start any token; indent with spaces, not with tabs", 2, 1, NULL, 0, 0},
    {"a: {b: 1\nc: 2\n", "YAML: did not find expected ',' or '}'" QUOTE_HINT, 2, 2,
     "while parsing a flow mapping that starts here", 1, 4},
    {"a: \"x\nb: 2\n", "YAML: found unexpected end of stream", 3, 1, "while scanning a quoted scalar that starts here", 1, 4},
    {"a: 'x' + y", "YAML: did not find expected key" QUOTE_HINT, 1, 8, "while parsing a block mapping that starts here", 1, 1},
    {"a: [b] + c", "YAML: did not find expected key" QUOTE_HINT, 1, 8, "while parsing a block mapping that starts here", 1, 1},
    {"a: b: c", "YAML: mapping values are not allowed in this context" QUOTE_HINT, 1, 5, NULL, 0, 0},
    {"a: @x", "YAML: found character that cannot start any token" QUOTE_HINT, 1, 4, NULL, 0, 0},
    {"a: %x", "YAML: found character that cannot start any token" QUOTE_HINT, 1, 4, NULL, 0, 0},
    {"a: \"\\q\"", "YAML: found unknown escape character", 1, 5, "while parsing a quoted scalar that starts here", 1, 4},
    {"a: &\n", "YAML: did not find expected alphabetic or numeric character" QUOTE_HINT, 1, 5,
     "while scanning an anchor that starts here", 1, 4},
};

static void check_message(const Diag *m, const char *text, uint32_t line, uint32_t col, size_t i) {
    if (!m) fail_msg("refusal %zu: no message", i);
    else if (strcmp(m->text, text) || m->loc.line != line || m->loc.col != col)
        fail_msg("refusal %zu: %u:%u: %s", i, m->loc.line, m->loc.col, m->text);
}

static void wrong_text_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        Case c = begin();
        const Refusal *r = &refusals[i];
        assert_null(parse(&c, r->yaml));
        check_message(c.d->first, r->error, r->line, r->col, i);
        if (r->note) check_message(c.d->first->next, r->note, r->note_line, r->note_col, i);
        assert_int_equal(c.d->errors, 1);
        end(&c);
    }
}

static void refuse_built(Str *text, const char *error, uint32_t line) {
    Case c = begin();
    assert_null(doc_parse("t.yaml", text->text, text->n, c.d));
    assert_string_equal(c.d->first->text, error);
    assert_int_equal(c.d->first->loc.line, line);
    end(&c);
}

static void limits_are_kept(void **state) {
    (void)state;
    Arena *a = arena_new();
    Str deep = {.arena = a}, wide = {.arena = a}, laughs = {.arena = a}, large = {.arena = a}, anchors = {.arena = a};
    for (int i = 0; i < 65; i++) str_add(&deep, "[");
    refuse_built(&deep, "more than 64 levels of nesting", 1);
    for (int i = 0; i < 100000; i++) str_add(&wide, "- 1\n");
    refuse_built(&wide, "more than 100000 values, with aliases expanded", 100000);
    str_add(&laughs, "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1]\n");
    for (int i = 1; i < 20; i++)
        str_printf(&laughs, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    refuse_built(&laughs, "more than 100000 values, with aliases expanded", 7);
    for (int i = 0; i < 1001; i++) str_printf(&anchors, "- &a%d 1\n", i);
    refuse_built(&anchors, "more than 1000 anchors", 1001);
    for (int i = 0; i < 420000; i++) str_add(&large, "# comment\n");
    refuse_built(&large, "the text is larger than 4 MiB", 1);
    Str key = {.arena = a};
    for (int i = 0; i < 501; i++) str_add(&key, "k");
    str_add(&key, ": 1");
    refuse_built(&key, "a key of more than 500 bytes", 1);
    Str zero = {.arena = a};
    str_addn(&zero, "a: \0b", 5);
    refuse_built(&zero, "a NUL byte: this is no text file", 1);
    arena_free(a);
}

static void refuse_file(const char *path, const char *error) {
    Case c = begin();
    assert_null(doc_read(path, c.d));
    assert_string_equal(c.d->first->text, error);
    assert_int_equal(c.d->first->loc.line, 0);
    end(&c);
}

static void unreadable_files_are_errors(void **state) {
    (void)state;
    refuse_file("no/such.yaml", "cannot read 'no/such.yaml': No such file or directory");
    refuse_file("/", "cannot read '/': Is a directory");
}

static void merge_keys_are_resolved(void **state) {
    (void)state;
    Case c = begin();
    Doc *d = parse(&c, "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\n"
                       "one: {b: 9, <<: *x}\ntwo: {<<: [*y, *x], d: 5}\nthree: {'<<': 1}\n");
    Doc *want = parse(&c, "x: {a: 1, b: 2}\ny: {b: 3, c: 4}\n"
                          "one: {a: 1, b: 9}\ntwo: {a: 1, b: 3, c: 4, d: 5}\nthree: {'<<': 1}\n");
    assert_non_null(d);
    assert_true(doc_equal(d, want));
    assert_int_equal(doc_entry(doc_get(d, "one"), "a")->loc.line, 1);
    end(&c);
}

/* ---- printing ---- */

static Str printed(Arena *a, const Doc *d) {
    char *text;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    doc_print(d, f);
    fclose(f);
    Str s = {.arena = a};
    str_addn(&s, text, n);
    free(text);
    return s;
}

static void check_print(Case *c, const Doc *d) {
    Str text = printed(c->arena, d);
    Doc *again = doc_parse("printed", text.text, text.n, c->d);
    if (!again) fail_msg("%s\nin:\n%s", c->d->first->text, text.text);
    if (!doc_equal(d, again)) fail_msg("not equal:\n%s", text.text);
}

static const char *const printable[] = {
    "a: [1, {b: 'x', c: [], d: {}}, \"it's\"]\n",
    "a:\n- - 1\n  - 2\n- b: 1\n  c:\n  - 2\n  -\n    d: 3\n",
    "a: |\n  one\n    two\n\n  three\nb: |+\n  x\n\n\nc: |-\n  y\nd: >\n  f\n  g\n\n  h\n",
    "a: |\n \n  x\nb: |2\n    y\nc: \"x\\ty\\nz \\x07\\u2028\\\"\\\\\"\n",
    "a: 'it''s\n\n\n  two\n  lines'\nb: '\n\n  x'\nc: ' y '\nd: ''\n",
    "a: -x^2\nb: (x, i) -> x\nc: .5\nd: -1\ne: \"- x\"\nf: \"a: b\"\ng: \"a #b\"\nh: \"# x\"\ni: \"---\"\nj: \"a:\"\n",
    "a: {b: \"a, b\", c: \"[1]\", d: \"x: y\", e: \"?\", f: \"f(x)\"}\n",
    "\"\": 1\n\"<<\": 2\n\"a: b\": 3\nf(x, y=[1, 2]): 4\n\"- a\": 5\n\"\\\"q\\\"\": 6\n",
    "{\"f(x, y)\": 1, \"a{b}\": {c: }}",
    "a: &x [1, 2]\nb: *x\nc: {d: *x}\n",
    "a: multi\n  line\n\n  plain\nb:\n  \xC3\xA9\xE2\x82\xAC\n",
    "just a scalar", "'single'", "|\n a\n b\n", "[]", "{}", "- 1\n- 2\n",
};

static void what_is_printed_reads_back_the_same(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof printable / sizeof *printable; i++) {
        Case c = begin();
        Doc *d = parse(&c, printable[i]);
        if (!d) fail_msg("%zu: %s", i, c.d->first->text);
        check_print(&c, d);
        check_places(c.d, d);
        end(&c);
    }
}

static void quotes_are_part_of_the_meaning(void **state) {
    (void)state;
    Case c = begin();
    assert_true(doc_equal(parse(&c, "a: \"x\""), parse(&c, "a: x")));
    assert_false(doc_equal(parse(&c, "a: 'x'"), parse(&c, "a: x")));
    assert_true(doc_equal(parse(&c, "{a: 1, b: 2}"), parse(&c, "b: 2\na: 1")));
    assert_false(doc_equal(parse(&c, "{a: 1, b: 2}"), parse(&c, "a: 1")));
    assert_false(doc_equal(parse(&c, "[1, 2]"), parse(&c, "[2, 1]")));
    assert_false(doc_equal(parse(&c, "[1]"), parse(&c, "{a: 1}")));
    end(&c);
}

/* ---- mutations: whatever the text, no crash; and what is accepted keeps the laws ---- */

static const char *const pieces[] = {"'", "\"", "{", "}", "[", "]", ": ", ", ", "\n", "\n  ", "- ", "#", "&a ", "*a", "|\n", ">",
                                     "<<: ", "\\", "\t", "\r\n", "!", "? ", "\xC3\xA9", "\xF0\x9F\x98\x80", "(", ")", "  ", "|2-\n"};
static const char seed_text[] =
    "# seed\nvars: {a: &a {b: 1, c: [x, 'y z']}, d: *a}\nfunctions:\n  f(x, y=2):\n    - conv: {filters: 64, kernel: 3}\n"
    "    - \"a, \\\"b\\\" \\u00e9 \\\n      c\"\n  doc: >\n    folded\n     more\n\n    end\n  text: |+\n    literal\n\n"
    "  plain: one\n    two\n\n    three\nlast:\n  <<: *a\n  e: 'it''s\n\n    two'\n";

static unsigned next_random(unsigned *state) { return *state = *state * 1664525u + 1013904223u, *state >> 8; }

static Str mutated(Arena *a, unsigned *r) {
    Str s = {.arena = a};
    str_add(&s, seed_text);
    int changes = 1 + (int)(next_random(r) % 4);
    for (int i = 0; i < changes; i++) {
        size_t at = next_random(r) % s.n, cut = next_random(r) % 4;
        if (cut > s.n - at) cut = s.n - at;
        Str t = {.arena = a};
        str_addn(&t, s.text, at);
        if (next_random(r) % 3) str_add(&t, pieces[next_random(r) % (sizeof pieces / sizeof *pieces)]);
        str_add(&t, s.text + at + (next_random(r) % 2 ? cut : 0));
        s = t;
    }
    return s;
}

static void mutations_keep_the_laws(void **state) {
    (void)state;
    unsigned r = 1;
    int accepted = 0;
    for (int i = 0; i < 3000; i++) {
        Case c = begin();
        Str text = mutated(c.arena, &r);
        Doc *d = doc_parse("t.yaml", text.text, text.n, c.d);
        assert_true((d == NULL) == (c.d->errors > 0));
        if (d) {
            accepted++;
            check_places(c.d, d);
            check_print(&c, d);
        }
        end(&c);
    }
    assert_true(accepted > 300);
}

/* Out of memory at any request: the parser gives up through the arena's escape, and nothing is left behind. */
static void memory_may_run_out(void **state) {
    (void)state;
    bool done = false;
    for (int n = 0; !done && n < 100000; n += 1 + n / 8) {
        pid_t child = fork();
        if (!child) {
            char number[16];
            snprintf(number, sizeof number, "%d", n);
            setenv("GRAPHRUN_FAIL_ALLOC", number, 1);
            Arena *a = arena_new();
            jmp_buf here;
            if (a) arena_escape(a, &here);
            if (!a || setjmp(here)) {
                arena_free(a);
                exit(1);
            }
            bool good = doc_parse("t.yaml", seed_text, strlen(seed_text), diags_new(a)) != NULL;
            arena_free(a);
            exit(good ? 0 : 2);
        }
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        done = WEXITSTATUS(status) == 0;
    }
    assert_true(done);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_have_positions),
        cmocka_unit_test(keys_have_positions),
        cmocka_unit_test(wrong_text_is_refused),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(unreadable_files_are_errors),
        cmocka_unit_test(merge_keys_are_resolved),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(quotes_are_part_of_the_meaning),
        cmocka_unit_test(mutations_keep_the_laws),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
