/* csv: tables as text (RFC 4180): a line a sample, cells between separators, a cell that holds one, a quote or a line end
 * in quotes. Opening reads the file once, for its lines; loading reads the numbers of the columns that the spec uses.
 * What is wrong is said at its line and column in the file. */
#include "base/vec.h"
#include "datasets/kind.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *path, *separator, *class;
    bool header;
    Names columns;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"path", F_TEXT, AT(path), NULL, 0, 0, NULL, "the file, UTF-8"},
    {"header", F_BOOL, AT(header), "true", 0, 0, NULL, "the first line names the columns; else they are c1, c2, ..."},
    {"separator", F_TEXT, AT(separator), ",", 0, 0, NULL, "one character, or 'tab'"},
    {"columns", F_NAMES, AT(columns), "", 0, 0, NULL,
     "columns that together are the field `features`, in this order; 'pixel*' stands for all that begin so"},
    {"class", F_TEXT, AT(class), "", 0, 0, NULL,
     "the column of classes: whole numbers, or words, which become 0, 1, ... in alphabetical order; left out: the "
     "column called label, where there is one"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
static const FieldRow fields[] = {
    {"features", F32, "[columns]", "with the key `columns`: their numbers"},
    {"label", I32, "", "the class, where there is a column of classes"},
    {"*", F32, "", "each other column by its name, signs that no name can hold as _; its cells must be numbers"},
    {NULL, 0, NULL, NULL},
};
/* clang-format on */

typedef struct {
    const char *name; /* as a field */
    int field, part;  /* part: which number of `features`, else 0; field -1: the file has too many columns for one each */
} Column;

typedef struct {
    const char *text, *end;
    uint32_t file; /* among the sources of messages */
    char separator;
    int n, label, features; /* columns; index of these fields, -1 */
    Column *column;
    float *number[DATA_FIELDS]; /* by field, after loading */
    char **word;                /* of the rows: the cells of the column of classes */
    int32_t *class;             /* and their classes */
} State;

/* ---- cells ---- */

typedef struct {
    const DataSource *s;
    const State *t;
    const char *at;
    Loc loc;     /* of `at` */
    Loc cell;    /* of the cell that was read */
    VEC(char) text; /* the cell, unquoted, ending in 0 */
    bool last;   /* it was its line's last */
} Reader;

static void reader_start(Reader *r, const DataSource *s) {
    const State *t = s->state;
    *r = (Reader){.s = s, .t = t, .at = t->text, .loc = {t->file, 1, 1}};
    if (t->end - t->text >= 3 && !memcmp(t->text, "\xEF\xBB\xBF", 3)) r->at += 3;      /* a byte order mark */
}

/* Gives false, with a message at a place of the file, and where the spec names it. */
#define wrong_cell(r, loc, ...) wrong_cell_at(DIAG_SITE, (r), (loc), __VA_ARGS__)
__attribute__((format(printf, 4, 5)))
static bool wrong_cell_at(const char *site, const Reader *r, Loc loc, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    diag_add(r->s->diags, site, DIAG_DATA, loc, "%s", arena_vprintf(r->s->arena, fmt, ap));
    va_end(ap);
    diag_note(r->s->diags, source_loc(r->s, "path"), "the source '%s' reads it", r->s->name);
    return false;
}

static void keep(Reader *r, char c) { vec_push(r->s->arena, &r->text, c); }

static void step(Reader *r) {
    if (*r->at == '\n') r->loc.line++, r->loc.col = 1;
    else if (((unsigned char)*r->at & 0xC0) != 0x80) r->loc.col++;
    r->at++;
}

static bool at_line_end(const Reader *r) {
    return r->at == r->t->end || *r->at == '\n' || (*r->at == '\r' && (r->at + 1 == r->t->end || r->at[1] == '\n'));
}

static bool is_text(Reader *r, bool quoted) {
    unsigned char c = (unsigned char)*r->at;
    if (c >= ' ' || c == '\t' || (quoted && (c == '\n' || c == '\r'))) return true;
    return wrong_cell(r, r->loc, "the byte 0x%02x stands here: this is no table of text", c);
}

static bool read_quoted(Reader *r) {
    step(r);
    for (;; step(r)) {
        if (r->at == r->t->end) return wrong_cell(r, r->cell, "this quote is never closed");
        if (*r->at == '"') {
            step(r);
            if (r->at == r->t->end || *r->at != '"') break;
        }
        if (!is_text(r, true)) return false;
        keep(r, *r->at);
    }
    while (r->at < r->t->end && *r->at == ' ') step(r);
    if (at_line_end(r) || *r->at == r->t->separator) return true;
    return wrong_cell(r, r->loc, "after a closing quote the cell ends; a quote inside quotes is doubled");
}

/* The next cell into r->text; blanks around it are dropped. False: reported. */
static bool read_cell(Reader *r) {
    while (r->at < r->t->end && *r->at == ' ') step(r);
    r->cell = r->loc;
    r->text.n = 0;
    if (r->at < r->t->end && *r->at == '"') {
        if (!read_quoted(r)) return false;
    } else {
        for (; !at_line_end(r) && *r->at != r->t->separator; step(r)) {
            if (!is_text(r, false)) return false;
            keep(r, *r->at);
        }
        while (r->text.n && strchr(" \t", r->text.at[r->text.n - 1])) r->text.n--;
    }
    r->last = at_line_end(r);
    if (r->last && r->at < r->t->end && *r->at == '\r') step(r);
    if (r->at < r->t->end) step(r);                   /* over the separator or the line's end */
    keep(r, 0);
    return true;
}

static void skip_empty_lines(Reader *r) {
    while (r->at < r->t->end && at_line_end(r)) step(r);
}

typedef bool CellFn(DataSource *s, const Reader *r, int column, int64_t row);

static bool read_row(DataSource *s, Reader *r, int64_t row, CellFn *f) {
    int n = r->t->n, column = 0;
    do {
        if (!read_cell(r)) return false;
        if (column == n) return wrong_cell(r, r->cell, "this line has more than the %d cells of the first line", n);
        if (f && !f(s, r, column, row)) return false;
        column++;
    } while (!r->last);
    return column == n || wrong_cell(r, r->cell, "with this cell the line ends: it has %d, the first line %d", column, n);
}

/* Reads at most so many rows, those of samples; gives how many there were, -1: reported. */
static int64_t read_rows(DataSource *s, int64_t most, CellFn *f) {
    const Options *o = s->options;
    Reader r;
    bool ok = true;
    int64_t rows = 0;
    reader_start(&r, s);
    skip_empty_lines(&r);
    if (o->header) ok = read_row(s, &r, 0, NULL);
    for (skip_empty_lines(&r); ok && r.at < r.t->end && rows < most; skip_empty_lines(&r), rows++)
        ok = read_row(s, &r, rows, f);
    return ok ? rows : -1;
}

/* ---- columns ---- */

static const char *field_name(Arena *a, const char *cell) {
    char *name = isdigit((unsigned char)*cell) || !*cell ? arena_printf(a, "c%s", cell) : arena_strdup(a, cell);
    for (char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) || (unsigned char)*p >= 0x80) *p = '_';
    return name;
}

static bool read_header(DataSource *s) {
    const Options *o = s->options;
    State *t = s->state;
    VEC(Column) columns = {0};
    Reader r;
    bool ok = true;
    reader_start(&r, s);
    skip_empty_lines(&r);
    if (r.at == t->end) ok = source_complain(s, s->path, "holds no line");
    for (r.last = !ok; ok && !r.last;) {
        ok = read_cell(&r);
        const char *name = !ok ? "" : o->header ? field_name(s->arena, r.text.at) : arena_printf(s->arena, "c%d", columns.n + 1);
        for (int i = 0; ok && i < columns.n; i++)
            if (!strcmp(columns.at[i].name, name)) ok = wrong_cell(&r, r.cell, "two columns are called '%s'", name);
        vec_push(s->arena, &columns, ((Column){.name = name, .field = -1}));
    }
    t->column = columns.at;
    t->n = columns.n;
    return ok;
}

static bool unknown_column(DataSource *s, const char *key, const char *name) {
    const State *t = s->state;
    Nearest near = nearest_to(name);
    for (int i = 0; i < t->n; i++) nearest_add(&near, t->column[i].name);
    diag_error(s->diags, source_loc(s, key), "%s: %s has no column '%s'%s", s->name, s->path, name,
               nearest_hint(s->arena, &near));
    return false;
}

static bool find_label(DataSource *s) {
    const Options *o = s->options;
    State *t = s->state;
    const char *name = o->class ? field_name(s->arena, o->class) : "label";
    for (int i = 0; i < t->n; i++)
        if (!strcmp(t->column[i].name, name)) {
            t->column[i].field = t->label = s->nfield;
            source_field(s, "label", (Shape){.rank = 0});
            return true;
        }
    return !o->class || unknown_column(s, "class", o->class);
}

static bool find_features(DataSource *s) {
    const Options *o = s->options;
    State *t = s->state;
    int n = 0;
    for (int k = 0; k < o->columns.n; k++) {
        int before = n;
        for (int i = 0; i < t->n; i++)
            if (t->column[i].field < 0 && !fnmatch(o->columns.at[k], t->column[i].name, 0))
                t->column[i].field = s->nfield, t->column[i].part = n++;
        if (n == before) return unknown_column(s, "columns", o->columns.at[k]);
    }
    if (!n) return true;
    t->features = s->nfield;
    source_field(s, "features", SHAPE(n));
    return true;
}

static bool add_columns(DataSource *s) {
    State *t = s->state;
    for (int i = 0; i < t->n; i++) {
        Column *c = &t->column[i];
        if (c->field >= 0) continue;
        if (t->features >= 0 && !strcmp(c->name, "features"))
            return source_complain(s, s->path, "has a column called features of its own: with the key `columns` there would be two");
        c->field = s->nfield;
        if (source_own_field(s, c->name, (Tensor){F32, {.rank = 0}})) continue;
        return source_complain(s, s->path, "has %d columns, and at most %d can be fields of their own: "
                                           "take some together, `columns: ['x*']`", t->n, DATA_FIELDS);
    }
    return true;
}

/* ---- numbers ---- */

static bool find_number(DataSource *s, const Reader *r, int column, int64_t row) {
    State *t = s->state;
    const Column *c = &t->column[column];
    if (c->field == t->label || !s->field[c->field].wanted) return true;
    char *end;
    double x = strtod(r->text.at, &end);
    if (!*r->text.at) return wrong_cell(r, r->cell, "an empty cell in the column '%s', which is read as numbers", c->name);
    if (*end) return wrong_cell(r, r->cell, "'%.40s' is no number, and the column '%s' is read as numbers", r->text.at, c->name);
    if (!isfinite((float)x)) return wrong_cell(r, r->cell, "'%.40s' in the column '%s' is no finite number below 3.4e38", r->text.at, c->name);
    const Shape *shape = &s->field[c->field].sample.shape;
    t->number[c->field][row * shape_count(shape) + c->part] = (float)x;
    return true;
}

static bool find_word(DataSource *s, const Reader *r, int column, int64_t row) {
    State *t = s->state;
    if (t->column[column].field != t->label) return true;
    if (!*r->text.at) return wrong_cell(r, r->cell, "an empty cell in the column '%s', which holds the classes", t->column[column].name);
    t->word[row] = arena_strdup(s->arena, r->text.at);
    return true;
}

static bool is_class(const char *word) {
    char *end;
    errno = 0;
    long long x = strtoll(word, &end, 10);
    return !*end && !errno && x >= INT32_MIN && x <= INT32_MAX;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Whole numbers stay themselves; else each word becomes its place in the alphabet of all. */
static void number_words(DataSource *s) {
    State *t = s->state;
    bool numbers = true;
    int64_t n = 0;
    for (int64_t i = 0; i < s->total; i++) numbers = numbers && is_class(t->word[i]);
    char **sorted = ARENA_ARRAY(s->arena, char *, s->total);
    memcpy(sorted, t->word, (size_t)s->total * sizeof *sorted);
    qsort(sorted, (size_t)s->total, sizeof *sorted, by_name);
    for (int64_t i = 0; i < s->total; i++)
        if (!n || strcmp(sorted[n - 1], sorted[i])) sorted[n++] = sorted[i];
    t->class = ARENA_ARRAY(s->arena, int32_t, s->total);
    for (int64_t i = 0; i < s->total; i++)
        t->class[i] = numbers ? (int32_t)strtoll(t->word[i], NULL, 10)
                              : (int32_t)((char **)bsearch(&t->word[i], sorted, (size_t)n, sizeof *sorted, by_name) - sorted);
}

static bool read_labels(DataSource *s) {
    State *t = s->state;
    if (t->class) return true;
    t->word = ARENA_ARRAY(s->arena, char *, s->total);
    if (read_rows(s, s->total, find_word) < 0) return false;
    number_words(s);
    return true;
}

/* ---- the row ---- */

static bool open(DataSource *s) {
    const Options *o = s->options;
    State *t = ARENA_NEW(s->arena, State);
    int64_t size;
    *t = (State){.label = -1, .features = -1};
    s->state = t;
    bool tab = o->separator && !strcmp(o->separator, "tab");
    t->separator = tab ? '\t' : *o->separator;
    if (!tab && (strlen(o->separator) != 1 || strchr("\"\n\r", t->separator))) {
        diag_error(s->diags, source_loc(s, "separator"), "%s: separator is one character or 'tab', not '%s'", s->name, o->separator);
        return false;
    }
    s->path = source_find(s, o->path, "");
    FILE *f = s->path ? source_open_file(s, s->path, &size) : NULL;
    if (!f) return false;
    char *text = arena_alloc(s->arena, (size_t)size + 1);
    bool whole = fread(text, 1, (size_t)size, f) == (size_t)size;
    fclose(f);
    if (!whole) return source_unreadable(s, s->path);
    source_saw_file(s, text, size);                   /* it is here: its contents count */
    t->text = text;
    t->end = text + size;
    t->file = diags_source(s->diags, s->path, text, (size_t)size);
    if (!read_header(s) || !find_label(s) || !find_features(s) || !add_columns(s)) return false;
    s->total = read_rows(s, s->common.count ? s->common.count : INT64_MAX, NULL);
    if (s->total == 0) source_complain(s, s->path, "holds no line after its header");
    s->bytes = (size_t)s->total * (size_t)t->n * sizeof(float);
    return s->total > 0;
}

static bool load(DataSource *s) {
    State *t = s->state;
    bool numbers = false;
    for (int i = 0; i < s->nfield; i++) {
        if (!s->field[i].wanted || i == t->label || i == s->labelled) continue;
        size_t each = (size_t)shape_count(&s->field[i].sample.shape) * sizeof(float);
        if (!t->number[i]) t->number[i] = source_room(s, s->path, (size_t)s->total * each);
        if (!t->number[i]) return false;
        numbers = true;
    }
    if (numbers && read_rows(s, s->total, find_number) < 0) return false;
    return t->label < 0 || !s->field[t->label].wanted || read_labels(s);
}

static bool labels(DataSource *s, int32_t *out) {
    const State *t = s->state;
    if (!read_labels(s)) return false;
    memcpy(out, t->class, (size_t)s->total * sizeof *out);
    return true;
}

static void sample(const DataSource *s, int64_t index, void *const *out) {
    const State *t = s->state;
    for (int i = 0; i < s->nfield; i++) {
        if (!out[i] || i == s->labelled) continue;
        int64_t n = shape_count(&s->field[i].sample.shape);
        if (i == t->label) *(int32_t *)out[i] = t->class[index];
        else memcpy(out[i], t->number[i] + index * n, (size_t)n * sizeof(float));
    }
}

static void release(DataSource *s) {
    State *t = s->state;
    for (int i = 0; t && i < DATA_FIELDS; i++) free(t->number[i]);
}

DATASET(csv, .doc = "tables as text, a line a sample", .example = "{source: csv, path: 'points.csv', columns: ['x', 'y'], batch: 64}",
        .options_size = sizeof(Options), .options = options, .fields = fields, .open = open, .load = load,
        .labels = labels, .sample = sample, .close = release)
