/* Convolutions: the rule that picks a method, and the calls. The rule looks at the shape alone, never at a clock, so
 * that a run's bits do not depend on how busy the machine was. Knows no library; methods are in conv_*.c. */
#include "kern/conv.h"
#include "ir/ir.h"

#include <stdlib.h>
#include <string.h>

static const ConvMethod *const methods[] = {&conv_direct, &conv_blocked, &conv_winograd, &conv_gemm, &conv_swapped};
enum { METHODS = sizeof methods / sizeof *methods };

static size_t out_count(ConvWhich which, const ConvShape *s) {
    return (size_t)(which == CONV_Y   ? s->N * s->P * s->Q * s->K
                    : which == CONV_X ? s->N * s->H * s->W * s->C
                                      : s->KH * s->KW * (s->C / s->groups) * s->K);
}

static bool empty(const ConvShape *s) {
    return !(s->N && s->H && s->W && s->C && s->K && s->KH && s->KW && s->P && s->Q);
}

/* Nothing to sum: the result, if it has any elements, is zero. */
static bool start_empty(Conv *c) { return empty(&c->s); }
static void stop_empty(Conv *c) { (void)c; }
static void run_empty(const Conv *c, const float *a, const float *b, float *out, char *scratch) {
    (void)a, (void)b, (void)scratch;
    memset(out, 0, out_count(c->which, &c->s) * sizeof *out);
}
static const ConvMethod conv_empty = {"empty", start_empty, run_empty, stop_empty};

/* Where Winograd does not pay, the first row that fits decides. Made from bench/conv_rule.c's measurements, kept in
 * bench/conv_rule.txt (an AVX2 core) and bench/conv_rule_avx512.txt. The two differ where the gain was clear on several
 * shapes: with AVX-512, oneDNN gains more on OpenBLAS's products over patches than with AVX2. Where two methods came
 * within a twentieth of each other, the one with less scratch. */
enum { ON_Y = 1 << CONV_Y, ON_X = 1 << CONV_X, ON_W = 1 << CONV_W, ALL = ON_Y | ON_X | ON_W, MANY = 1 << 30 };

typedef struct {
    int which;
    int64_t c_most, k_most, c_least, ck_least;        /* channels of x at most, of y at most; ...; C*K at least */
    int64_t stride_least, stride_most, outputs_most;  /* outputs: P*Q */
    int isa_most;
    const ConvMethod *method;
} Row;

static const Row rows[] = {
    {ALL,  MANY, MANY, 1,   1,    1, MANY, 1,    ISA_AVX512, &conv_gemm},    /* the kernel covers the image: plain products */
    {ON_Y | ON_W, MANY, 4, 5, 1,  1, 1,    MANY, ISA_AVX512, &conv_swapped}, /* to one or three channels */
    {ON_X, 4,    MANY, 1,   1,    1, MANY, MANY, ISA_AVX512, &conv_gemm},    /* back to them */
    {ON_W, MANY, MANY, 32,  2048, 1, MANY, MANY, ISA_AVX2,   &conv_gemm},
    {ON_Y, MANY, MANY, 128, 1,    2, MANY, MANY, ISA_AVX2,   &conv_gemm},
    {ALL,  MANY, MANY, 1,   1,    1, MANY, MANY, ISA_AVX512, &conv_direct},
};

static bool fits(const Row *r, ConvWhich which, const ConvShape *s) {
    const int64_t stride = s->sh > s->sw ? s->sh : s->sw;
    return r->which >> which & 1 && s->C <= r->c_most && s->K <= r->k_most && s->C >= r->c_least &&
           s->C * s->K >= r->ck_least && stride >= r->stride_least && stride <= r->stride_most &&
           s->P * s->Q <= r->outputs_most && isa_level() <= r->isa_most;
}

/* Narrower layers, or a smaller saving of products, do not pay for the transforms. With AVX-512 a saving of a quarter
 * pays for weights and forward in wide layers only; the input's gradient came out alike from 128 channels to 512. */
static bool winograd_pays(ConvWhich which, const ConvShape *s) {
    const double saving = conv_winograd_saving(s);
    if (s->C >= 32 && s->K >= 32 && saving >= 1.5) return true;
    if (s->C < 64 || s->K < 64 || saving < 1.25) return false;
    return isa_level() < ISA_AVX512 || (which == CONV_W && s->C * s->K >= 8192) || (which == CONV_Y && s->C * s->K >= 32768);
}

static const ConvMethod *rule(ConvWhich which, const ConvShape *s) {
    if (empty(s)) return &conv_empty;
    if (winograd_pays(which, s)) return &conv_winograd;
    if (s->groups > 1) return &conv_direct;
    const Row *r = rows;
    while (!fits(r, which, s)) r++;
    return r->method;
}

static bool start_as(Conv *c, const ConvMethod *method) {
    c->method = method, c->scratch = 0, c->state = NULL;
    if (method->start(c)) return true;
    method->stop(c);
    return false;
}

/* Does every tap of the kernel's axis meet data somewhere, and not only padding? */
static bool taps_meet(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t before) {
    for (int64_t tap = 0; tap < kernel; tap++) {
        bool met = false;
        for (int64_t o = 0; o < out && !met; o++) met = o * stride + tap * dilation >= before && o * stride + tap * dilation < before + in;
        if (!met) return false;
    }
    return true;
}

/* Narrow layers fill no vector of pairs, and oneDNN 2.6.3 leaves the gradient of a tap that meets nothing unwritten. */
static bool rounds(const ConvShape *s) {
    return s->groups == 1 && s->C >= BF16_LEAST && s->K >= BF16_LEAST && !empty(s) &&
           taps_meet(s->H, s->P, s->KH, s->sh, s->dh, s->top) && taps_meet(s->W, s->Q, s->KW, s->sw, s->dw, s->left);
}

Conv *conv_new(ConvWhich which, const ConvShape *s, bool bf16) {
    Conv *c = malloc(sizeof *c);
    if (!c) return NULL;
    *c = (Conv){.which = which, .s = *s};
    if (bf16 && rounds(s) && start_as(c, &conv_bf16)) return c;
    const char *wanted = getenv("GRAPHRUN_CONV");
    for (int i = 0; wanted && !empty(s) && i < METHODS; i++)
        if (!strcmp(wanted, methods[i]->name) && start_as(c, methods[i])) return c;
    if (start_as(c, rule(which, s)) || start_as(c, &conv_gemm)) return c;
    free(c);
    return NULL;
}

bool conv_known(const char *name) {
    for (int i = 0; i < METHODS; i++)
        if (!strcmp(name, methods[i]->name)) return true;
    return false;
}

void conv_free(Conv *c) {
    if (c) c->method->stop(c);
    free(c);
}

size_t conv_scratch(const Conv *c) { return c->scratch; }
const char *conv_algorithm(const Conv *c) { return c->method->name; }
void conv_run(const Conv *c, const float *a, const float *b, float *out, void *scratch) {
    c->method->run(c, a, b, out, scratch);
}
