/* Images of random polynomials in two variables. Sample i is made from (seed, i) when it is asked for:
 * nothing is stored, and a source takes no memory however large it is. */
#include "datasets/kind.h"

#include <math.h>

enum { DEGREE_MAX = 16, SIDE_MAX = 1024, DEFAULT_COUNT = 20000 };
enum { ROUND_COEFFICIENTS, ROUND_DEGREE };
enum { SCALE_ROW, SCALE_IMAGE };

typedef struct {
    int64_t size, max_degree;
    int scale;
} Options;

#define AT(member) offsetof(Options, member)
/* clang-format off */
static const Field options[] = {
    {"size", F_INT, AT(size), "40", 1, SIDE_MAX, NULL, "pixels a side"},
    {"max_degree", F_INT, AT(max_degree), "4", 0, DEGREE_MAX, NULL, "each image's degree is uniform in 0 to this"},
    {"scale", F_CHOICE, AT(scale), "row", 0, 0, "row|image",
     "row: each row over its own L2 norm; image: the image over its largest absolute value"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};
static const FieldRow fields[] = {
    {"image", F32, "[size, size, 1]", "the polynomial's values, x = column/size, y = row/size"},
    {NULL, 0, NULL, NULL},
};
/* clang-format on */

static bool open(DataSource *s) {
    const Options *o = s->options;
    s->total = s->common.count ? s->common.count : DEFAULT_COUNT;
    source_field(s, "image", SHAPE(o->size, o->size, 1));
    return true;
}

static double largest(const float *x, int64_t n) {
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs((double)x[i]));
    return most;
}

static double norm(const float *x, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

static void divide(float *x, int64_t n, double by) {
    if (by == 0) return;
    for (int64_t i = 0; i < n; i++) x[i] = (float)((double)x[i] / by);
}

/* value(x, y) = sum of c_ij x^i y^j over i + j <= d, with x = column/size, y = row/size, c_ij from N(0, 1). A
 * row's y is fixed: it is a polynomial in x alone, evaluated by Horner's rule. */
static void sample(const DataSource *s, int64_t index, void *const *out) {
    const Options *o = s->options;
    Stream normals = source_draws(s, index, ROUND_COEFFICIENTS);
    Stream degrees = source_draws(s, index, ROUND_DEGREE);
    int64_t size = o->size, d = (int64_t)rng_below(degrees, 0, (uint64_t)o->max_degree + 1);
    float *image = out[0];
    if (!image) return;

    double c[DEGREE_MAX + 1][DEGREE_MAX + 1], x[SIDE_MAX];
    uint64_t draw = 0;
    for (int64_t column = 0; column < size; column++) x[column] = (double)column / (double)size;
    for (int64_t i = 0; i <= d; i++)
        for (int64_t j = 0; i + j <= d; j++) c[i][j] = rng_normal(normals, draw++);

    for (int64_t row = 0; row < size; row++) {
        double y = (double)row / (double)size, p[DEGREE_MAX + 1], value[SIDE_MAX];
        float *line = image + row * size;
        for (int64_t i = 0; i <= d; i++) {
            p[i] = 0;
            for (int64_t j = d - i; j >= 0; j--) p[i] = p[i] * y + c[i][j];
        }
        for (int64_t column = 0; column < size; column++) value[column] = p[d];
        for (int64_t i = d - 1; i >= 0; i--)
            for (int64_t column = 0; column < size; column++)
                value[column] = value[column] * x[column] + p[i];
        for (int64_t column = 0; column < size; column++) line[column] = (float)value[column];
        if (o->scale == SCALE_ROW) divide(line, size, norm(line, size));
    }
    if (o->scale == SCALE_IMAGE) divide(image, size * size, largest(image, size * size));
}

DATASET(polynomials, .doc = "images of random polynomials in two variables, made here",
        .example = "{source: polynomials, count: 20000, size: 40, max_degree: 4, batch: 128}",
        .options_size = sizeof(Options), .options = options, .fields = fields, .open = open, .sample = sample)
