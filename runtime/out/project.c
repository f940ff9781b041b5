/* Sets of points to one matrix, and what a projection makes of it back to the sets. */
#include "out/project.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "out/picture.h"

static OutValue *set_at(Sets s, int i) { return &s.value[s.set->at[i].value]; }

int64_t point_width(const Shape *s) {
    int64_t width = 1;
    for (int i = 1; i < s->rank; i++) width *= s->dim[i];
    return width;
}

int64_t sets_count(Sets s) {
    int64_t n = 0;
    for (int i = 0; i < s.set->n; i++) n += set_at(s, i)->type.shape.dim[0];
    return n;
}

static void replace(OutValue *v, Tensor type, const void *data) {
    free((void *)v->data);
    *v = (OutValue){type, data};
}

bool points_thin(OutValue *v, int64_t keep) {
    int64_t n = v->type.shape.dim[0];
    size_t row = (size_t)point_width(&v->type.shape) * dtype_size(v->type.dtype);
    char *data = malloc((size_t)keep * row + 1);
    if (!data) return false;
    for (int64_t i = 0; i < keep; i++) memcpy(data + (size_t)i * row, (const char *)v->data + (size_t)(i * n / keep) * row, row);
    Tensor type = v->type;
    type.shape.dim[0] = keep;
    replace(v, type, data);
    return true;
}

typedef struct {
    int64_t n, d;
    float *x;                                         /* [n, d] */
    bool *bad;                                        /* [n]: was not finite, its row is 0 */
} Matrix;

static bool gather(Sets s, Matrix *m) {
    *m = (Matrix){.n = sets_count(s), .d = point_width(&set_at(s, 0)->type.shape)};
    m->x = malloc((size_t)(m->n * m->d) * sizeof *m->x);
    m->bad = calloc((size_t)m->n, sizeof *m->bad);
    if (!m->x || !m->bad) return false;
    float *x = m->x;
    bool *bad = m->bad;
    for (int i = 0; i < s.set->n; i++) {
        const OutValue *v = set_at(s, i);
        for (int64_t row = 0; row < v->type.shape.dim[0]; row++, x += m->d, bad++) {
            for (int64_t k = 0; k < m->d; k++) *bad |= !isfinite(x[k] = (float)out_number(v, row * m->d + k));
            for (int64_t k = 0; *bad && k < m->d; k++) x[k] = 0;
        }
    }
    return true;
}

static void matrix_free(Matrix *m) {
    free(m->x);
    free(m->bad);
}

static bool give_back(Sets s, int64_t k, const float *out, const bool *bad) {
    for (int i = 0; i < s.set->n; i++) {
        int64_t n = set_at(s, i)->type.shape.dim[0];
        float *data = malloc((size_t)(n * k) * sizeof *data);
        if (!data) return false;
        for (int64_t j = 0; j < n * k; j++) data[j] = bad[j / k] ? NAN : out[j];
        replace(set_at(s, i), (Tensor){F32, SHAPE(n, k)}, data);
        out += n * k, bad += n;
    }
    return true;
}

bool sets_pca(Sets s, int64_t k, double *share) {
    Matrix m;
    bool ok = gather(s, &m);
    float *out = malloc((size_t)(m.n * k) * sizeof *out);
    ok = ok && out && pca(m.n, m.d, m.x, k, out, share) && give_back(s, k, out, m.bad);
    free(out);
    matrix_free(&m);
    return ok;
}

bool sets_tsne(Sets s, int k, double perplexity) {
    Matrix m;
    bool ok = gather(s, &m);
    double *place = malloc((size_t)(m.n * k) * sizeof *place);
    float *out = malloc((size_t)(m.n * k) * sizeof *out);
    ok = ok && place && out && tsne(m.n, m.d, m.x, perplexity, k, place);
    for (int64_t i = 0; ok && i < m.n * k; i++) out[i] = (float)place[i];
    ok = ok && give_back(s, k, out, m.bad);
    free(place);
    free(out);
    matrix_free(&m);
    return ok;
}
