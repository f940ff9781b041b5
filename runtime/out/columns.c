/* Columns: [n] is one, [n, k] are k of them, NAME_0 to NAME_(k-1). A float is written with the digits that
 * give it back exactly: nine, or 17 in fp64. */
#include "out/columns.h"

#include <stdlib.h>
#include <string.h>

static int64_t width_of(const Shape *s) {
    int64_t width = 1;
    for (int i = 1; i < s->rank; i++) width *= s->dim[i];
    return width;
}

static int64_t rows_of(const Shape *s) { return s->rank ? s->dim[0] : 1; }

bool columns_fit(int n, const Tensor *value) {
    bool fit = n > 0;
    for (int i = 0; i < n; i++)
        fit = fit && !value[i].shape.rank == !value[0].shape.rank && rows_of(&value[i].shape) == rows_of(&value[0].shape) &&
              value[i].shape.rank <= 2;
    return fit;
}

bool columns_check(const char *who, const Exprs *of, const Tensor *value, Diags *d, Loc loc) {
    for (int i = 0; i < of->n; i++) {
        const Shape *first = &value[of->at[0].value].shape, *s = &value[of->at[i].value].shape;
        if (!s->rank == !first->rank && rows_of(s) == rows_of(first)) continue;
        diag_error(d, loc, "%s: all values are single numbers, or have the same number of rows; these are %s and %s", who,
                   shape_show(first, d->arena), shape_show(s, d->arena));
        return false;
    }
    return true;
}

static const char *item_name(const Exprs *of, int i, char *spare, size_t size) {
    if (of->at[i].name) return of->at[i].name;
    snprintf(spare, size, of->n > 1 ? "value_%d" : "value", i);
    return spare;
}

bool columns_of(Columns *c, const Exprs *of, const OutValue *value) {
    int64_t n = 0;
    for (int i = 0; i < of->n; i++) n += width_of(&value[of->at[i].value].type.shape);
    *c = (Columns){.rows = 1, .scalars = true, .at = calloc((size_t)n + 1, sizeof *c->at)};
    if (!c->at) return false;
    for (int i = 0; i < of->n; i++) {
        const OutValue *v = &value[of->at[i].value];
        int64_t width = width_of(&v->type.shape);
        char spare[24];
        const char *name = item_name(of, i, spare, sizeof spare);
        c->rows = rows_of(&v->type.shape);
        c->scalars = c->scalars && !v->type.shape.rank;
        for (int64_t k = 0; k < width; k++) {
            Column *to = &c->at[c->n++];
            *to = (Column){.value = v, .first = k, .step = width, .rows = c->rows};
            if (v->type.shape.rank > 1)
                snprintf(to->name, sizeof to->name, "%.70s_%lld", name, (long long)k);
            else
                snprintf(to->name, sizeof to->name, "%.90s", name);
        }
    }
    return true;
}

void columns_free(Columns *c) {
    free(c->at);
    *c = (Columns){0};
}

static void number_show(const Column *c, int64_t row, char *text, size_t size) {
    double v = out_number(c->value, c->first + row * c->step);
    DType type = c->value->type.dtype;
    if (dtype_float(type))
        snprintf(text, size, "%.*g", dtype_digits(type), v);
    else
        snprintf(text, size, "%lld", (long long)v);
}

static void add(Bytes *out, const char *text) { bytes_add(out, text, strlen(text)); }

/* A name with a comma or a quote in it stands in quotes (RFC 4180). */
static void add_name(Bytes *out, const char *name) {
    if (!strpbrk(name, ",\"\n")) {
        add(out, name);
        return;
    }
    add(out, "\"");
    for (const char *p = name; *p; p++) bytes_add(out, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
    add(out, "\"");
}

void columns_csv(const Columns *c, Bytes *out) {
    char text[40];
    if (c->scalars) add(out, "name,value\n");
    for (int i = 0; i < c->n; i++) {
        add_name(out, c->at[i].name);
        if (c->scalars) {
            number_show(&c->at[i], 0, text, sizeof text);
            add(out, ","), add(out, text);
        }
        add(out, c->scalars || i == c->n - 1 ? "\n" : ",");
    }
    for (int64_t row = 0; !c->scalars && row < c->rows; row++)
        for (int i = 0; i < c->n; i++) {
            number_show(&c->at[i], row, text, sizeof text);
            add(out, text), add(out, i == c->n - 1 ? "\n" : ",");
        }
}

static int widest(const Column *c) {
    int most = (int)strlen(c->name);
    char text[40];
    for (int64_t row = 0; row < c->rows; row++) {
        number_show(c, row, text, sizeof text);
        int n = (int)strlen(text);
        most = n > most ? n : most;
    }
    return most;
}

static void add_padded(Bytes *out, const char *text, int width, bool left) {
    int blanks = width - (int)strlen(text);
    for (int i = 0; !left && i < blanks; i++) add(out, " ");
    add(out, text);
    for (int i = 0; left && i < blanks; i++) add(out, " ");
}

void columns_text(const Columns *c, Bytes *out) {
    char text[40];
    int name = 0, *width = calloc((size_t)c->n + 1, sizeof *width);
    if (!width) {
        out->full = true;
        return;
    }
    for (int i = 0; i < c->n; i++) {
        width[i] = widest(&c->at[i]);
        int n = (int)strlen(c->at[i].name);
        name = n > name ? n : name;
    }
    for (int i = 0; c->scalars && i < c->n; i++) {
        number_show(&c->at[i], 0, text, sizeof text);
        add_padded(out, c->at[i].name, name, true);
        add(out, "  "), add(out, text), add(out, "\n");
    }
    for (int64_t row = -1; !c->scalars && row < c->rows; row++)
        for (int i = 0; i < c->n; i++) {
            if (row >= 0) number_show(&c->at[i], row, text, sizeof text);
            add_padded(out, row < 0 ? c->at[i].name : text, width[i], false);
            add(out, i == c->n - 1 ? "\n" : "  ");
        }
    free(width);
}
