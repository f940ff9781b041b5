/* matrix: a confusion matrix, counted from the true and the predicted class of each sample; or any matrix of numbers.
 * A picture with the numbers in its cells, coloured by each row's shares, and the numbers as .csv. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "out/canvas.h"
#include "out/span.h"

enum { SIDE_MAX = 200, SHARPNESS = 2 };

typedef struct {
    int matrix, truth;
    int64_t classes;
    Names labels;
    const char *title;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"matrix", F_EXPR, AT(matrix), NULL, 0, 0, NULL, "predicted classes, one int a sample, with `truth`; or a matrix [rows, columns]"},
    {"truth", F_EXPR, AT(truth), "", 0, 0, NULL, "true classes, one int a sample: counts how often each was taken for each"},
    {"classes", F_INT, AT(classes), "", 1, SIDE_MAX, NULL, "how many classes; left out: as many as `labels`, else up to the largest one seen"},
    {"labels", F_NAMES, AT(labels), "", 0, 0, NULL, "what the classes, or rows and columns, 0, 1, ... are called"},
    {"title", F_TEXT, AT(title), "", 0, 0, NULL, "the output's name and the step where left out"},
    {0},
};
/* clang-format on */

static bool check(const void *options_, int nvalue, const Tensor *value, Diags *d, Loc loc) {
    const Options *o = options_;
    (void)nvalue;
    const Tensor *m = &value[o->matrix], *truth = o->truth >= 0 ? &value[o->truth] : NULL;
    if (!truth) {
        bool fits = m->shape.rank == 2 && m->shape.dim[0] > 0 && m->shape.dim[1] > 0 && m->shape.dim[0] <= SIDE_MAX &&
                    m->shape.dim[1] <= SIDE_MAX;
        if (!fits)
            diag_error(d, loc, "matrix: a matrix is [rows, columns], at most %d each, not %s; for a confusion matrix give "
                               "the true classes by 'truth'",
                       SIDE_MAX, shape_show(&m->shape, d->arena));
        return fits;
    }
    if (m->dtype == F32 || truth->dtype == F32 || m->shape.rank != 1) {
        diag_error(d, loc, "matrix: with 'truth', classes are ints, one a sample (argmax(...)), not %s %s and %s %s",
                   dtype_name(m->dtype), shape_show(&m->shape, d->arena), dtype_name(truth->dtype),
                   shape_show(&truth->shape, d->arena));
        return false;
    }
    if (shape_equal(&m->shape, &truth->shape)) return true;
    diag_error(d, loc, "matrix: %s predicted classes for %s true ones", shape_show(&m->shape, d->arena),
               shape_show(&truth->shape, d->arena));
    return false;
}

typedef struct {
    const Options *o;
    char title[256], note[96];
    int64_t rows, columns;
    bool counts;
    double *cell;                                     /* [rows, columns] */
    Span span;                                        /* of the colours */
} Matrix;

static int64_t class_count(const OutputJob *job, const Options *o) {
    if (o->classes) return o->classes;
    int64_t most = o->labels.n ? o->labels.n - 1 : 0;
    const OutValue *v[2] = {&job->value[o->matrix], &job->value[o->truth]};
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < v[k]->type.shape.dim[0]; i++) {
            int64_t at = (int64_t)out_number(v[k], i);
            if (at > most) most = at;
        }
    return most < SIDE_MAX ? most + 1 : SIDE_MAX;
}

static bool count(Matrix *m, const OutputJob *job) {
    const OutValue *seen = &job->value[m->o->matrix], *truth = &job->value[m->o->truth];
    int64_t n = seen->type.shape.dim[0], right = 0, outside = 0;
    m->rows = m->columns = class_count(job, m->o);
    m->cell = calloc((size_t)(m->rows * m->columns), sizeof *m->cell);
    if (!m->cell) return false;
    for (int64_t i = 0; i < n; i++) {
        int64_t row = (int64_t)out_number(truth, i), column = (int64_t)out_number(seen, i);
        right += row == column;
        if (row < 0 || column < 0 || row >= m->rows || column >= m->columns)
            outside++;
        else
            m->cell[row * m->columns + column]++;
    }
    int at = snprintf(m->note, sizeof m->note, "%lld of %lld right, %.4g %%", (long long)right, (long long)n,
                      100 * (double)right / (double)n);
    if (outside) snprintf(m->note + at, sizeof m->note - (size_t)at, "; %lld of no class here", (long long)outside);
    return true;
}

static bool copy(Matrix *m, const OutputJob *job) {
    const OutValue *v = &job->value[m->o->matrix];
    m->rows = v->type.shape.dim[0], m->columns = v->type.shape.dim[1];
    m->cell = calloc((size_t)(m->rows * m->columns), sizeof *m->cell);
    for (int64_t i = 0; m->cell && i < m->rows * m->columns; i++) {
        m->cell[i] = out_number(v, i);
        span_add(&m->span, m->cell[i]);
    }
    m->counts = !dtype_float(v->type.dtype);
    return m->cell != NULL;
}

/* ---- drawing ---- */

static const char *label(const Names *labels, int64_t i, char *spare, size_t size) {
    if (i < labels->n) return labels->at[i];
    snprintf(spare, size, "%lld", (long long)i);
    return spare;
}

static double label_width(cairo_t *c, const Names *labels, int64_t n) {
    double most = 0;
    char spare[24];
    for (int64_t i = 0; i < n; i++) most = fmax(most, text_extent(c, 11, false, label(labels, i, spare, sizeof spare)));
    return most;
}

/* Of counts the share of the row, so that a rare class is as visible as a common one; else the place in the range. */
static double unit_of(const Matrix *m, int64_t row, int64_t column) {
    double v = m->cell[row * m->columns + column], all = 0;
    if (m->o->truth < 0) return span_unit(m->span, v);
    for (int64_t k = 0; k < m->columns; k++) all += m->cell[row * m->columns + k];
    return all > 0 ? v / all : 0;
}

/* White to blue for shares, viridis for other numbers; the text is the one that stands out. */
static Color fill_of(const Matrix *m, double unit) {
    if (m->o->truth < 0) return color_viridis(unit);
    double t = sqrt(unit);                            /* a few mistakes show */
    return (Color){(uint8_t)lround(255 - 247 * t), (uint8_t)lround(255 - 207 * t), (uint8_t)lround(255 - 148 * t)};
}

static void draw_cell(cairo_t *c, const Matrix *m, int64_t row, int64_t column, double x, double y, double side) {
    double v = m->cell[row * m->columns + column];
    Color fill = isfinite(v) ? fill_of(m, unit_of(m, row, column)) : (Color){255, 255, 255};
    char text[24];
    cairo_new_path(c);
    cairo_rectangle(c, x, y, side, side);
    color_use(c, fill, 1);
    cairo_fill(c);
    snprintf(text, sizeof text, m->counts || !isfinite(v) ? "%.9g" : "%.3g", v);
    bool zero = m->o->truth >= 0 && v == 0;
    double size = fmin(11, side * 0.42), wide = text_extent(c, size, false, text);
    if (wide > side - 4) size *= (side - 4) / wide;
    if (size < 5 || zero) return;
    bool dark = 0.3 * fill.r + 0.59 * fill.g + 0.11 * fill.b < 140;
    text_paint(c, x + 0.5 * side, y + 0.5 * side + 0.36 * size, 0.5, size, dark ? (Color){255, 255, 255} : (Color){40, 40, 40},
               text);
}

typedef struct { double side, left, top, width, height; } Layout;

static Layout layout_of(cairo_t *c, const Matrix *m) {
    int64_t most = m->rows > m->columns ? m->rows : m->columns;
    bool truth = m->o->truth >= 0;
    double names = label_width(c, &m->o->labels, m->rows), across = label_width(c, &m->o->labels, m->columns);
    Layout l = {.side = fmax(6, fmin(44, 520.0 / (double)most))};
    l.left = names + 18 + (truth ? 22 : 0);
    l.top = *m->note ? 62 : 42;
    l.width = fmax(l.left + l.side * (double)m->columns + 20, 260);
    l.height = l.top + l.side * (double)m->rows + (across > l.side - 4 ? across * 0.75 + 18 : 20) + (truth ? 22 : 8);
    return l;
}

static void draw_names(cairo_t *c, const Matrix *m, const Layout *l) {
    char spare[24];
    double bottom = l->top + l->side * (double)m->rows, across = label_width(c, &m->o->labels, m->columns);
    int64_t each = (int64_t)ceil(12 / l->side);       /* small cells: each second, third... has its name */
    bool slanted = across > l->side * (double)each - 4;
    for (int64_t i = 0; i < m->rows; i += each)
        text_draw(c, l->left - 7, l->top + (i + 0.5) * l->side + 4, 1, 11, false, label(&m->o->labels, i, spare, sizeof spare));
    for (int64_t i = 0; i < m->columns; i += each) {
        cairo_save(c);
        cairo_translate(c, l->left + (i + 0.5) * l->side + (slanted ? 4 : 0), bottom + (slanted ? 12 : 16));
        if (slanted) cairo_rotate(c, -0.75);
        text_draw(c, 0, 0, slanted ? 1 : 0.5, 11, false, label(&m->o->labels, i, spare, sizeof spare));
        cairo_restore(c);
    }
    if (m->o->truth < 0) return;
    text_draw(c, l->left + 0.5 * l->side * (double)m->columns, l->height - 8, 0.5, 11, true, "predicted");
    text_upright(c, 16, l->top + 0.5 * l->side * (double)m->rows, true, "true");
}

static void draw(cairo_t *c, void *matrix) {
    const Matrix *m = matrix;
    Layout l = layout_of(c, m);
    text_draw(c, 16, 24, 0, 15, true, m->title);
    text_draw(c, 16, 44, 0, 11, false, m->note);
    for (int64_t row = 0; row < m->rows; row++)
        for (int64_t column = 0; column < m->columns; column++)
            draw_cell(c, m, row, column, l.left + column * l.side, l.top + row * l.side, l.side);
    cairo_new_path(c);
    cairo_rectangle(c, l.left, l.top, l.side * (double)m->columns, l.side * (double)m->rows);
    color_use(c, (Color){120, 120, 120}, 1);
    cairo_set_line_width(c, 1);
    cairo_stroke(c);
    draw_names(c, m, &l);
}

static bool write_picture(OutputJob *job, Matrix *m) {
    cairo_surface_t *none = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);     /* to measure the names */
    cairo_t *c = canvas_context(none);
    Layout l = layout_of(c, m);
    double title = text_extent(c, 15, true, m->title) + 32;
    cairo_destroy(c);
    cairo_surface_destroy(none);
    return canvas_png(job, &(Canvas){fmax(l.width, title), l.height, SHARPNESS, false, draw, m});
}

static bool write_csv(OutputJob *job, const Matrix *m) {
    char path[OUT_PATH], text[40];
    Bytes file = {0};
    if (!out_path(job, false, ".csv", path, sizeof path)) return false;
    for (int64_t i = 0; i < m->rows * m->columns; i++) {
        bool last = i % m->columns == m->columns - 1;
        int n = snprintf(text, sizeof text, "%.9g%s", m->cell[i], last ? "\n" : ",");
        bytes_add(&file, text, (size_t)n);
    }
    bool ok = out_file(job, path, &file, false);
    bytes_free(&file);
    return ok;
}

static bool write(OutputJob *job, const void *options_) {
    Matrix m = {.o = options_, .counts = true, .span = SPAN_NONE};
    snprintf(m.title, sizeof m.title, "%s, step %lld", job->name, (long long)job->step);
    if (m.o->title && *m.o->title) snprintf(m.title, sizeof m.title, "%s", m.o->title);
    bool ok = m.o->truth >= 0 ? count(&m, job) : copy(&m, job);
    if (!ok) return out_fail(job, job->name, "no memory for the matrix");
    ok = write_csv(job, &m) && write_picture(job, &m);
    free(m.cell);
    return ok;
}

OUTPUT(matrix, .doc = "a confusion matrix, or any matrix, as a picture and .csv",
       .example = "{matrix: argmax(classifier(digits.image)), truth: digits.label, over: digits}",
       .options_size = sizeof(Options),
       .options = options, .animates = true, .check = check, .write = write)
