/* Measures every convolution method on the shapes that matter, so that the rule in runtime/kern/conv.c can be made from
 * numbers: one line a shape and direction, milliseconds a method, '*' at the fastest, '<' at the rule's choice. The last
 * column is no choice of the rule: sources rounded to bf16.
 *
 *   conv_rule [threads] [part of a shape's name]
 *
 * With one thread it counts processor time, not the clock's, so that other work on the machine disturbs it less.
 */
#include "measuring.h"
#include "ir/ir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { const char *name; ConvShape s; } Case;

#define CONV(N, H, C, P, K, kernel, stride, pad) \
    {N, H, H, C, K, kernel, kernel, P, P, stride, stride, 1, 1, pad, pad, (P - 1) * stride + kernel - H - pad, \
     (P - 1) * stride + kernel - H - pad, 1}

static const Case cases[] = {
    {"wgan16 critic 1", CONV(128, 40, 1, 20, 16, 3, 2, 0)},
    {"wgan16 critic 2", CONV(128, 20, 16, 10, 32, 3, 2, 0)},
    {"wgan16 critic 3", CONV(128, 11, 32, 6, 64, 3, 2, 1)},
    {"wgan16 critic 4", CONV(128, 6, 64, 6, 128, 3, 1, 1)},
    {"wgan128 critic 1", CONV(128, 40, 1, 20, 128, 3, 2, 0)},
    {"wgan128 critic 2", CONV(128, 20, 128, 10, 256, 3, 2, 0)},
    {"wgan128 critic 3", CONV(128, 11, 256, 6, 512, 3, 2, 1)},
    {"wgan128 critic 4", CONV(128, 6, 512, 6, 1024, 3, 1, 1)},
    {"poly generator 1", CONV(128, 20, 128, 20, 128, 3, 1, 1)},
    {"poly generator 2", CONV(128, 40, 64, 40, 128, 3, 1, 1)},
    {"poly generator 3", CONV(128, 40, 1, 40, 64, 3, 1, 1)},
    {"poly generator 1 in phases", CONV(128, 10, 128, 11, 512, 2, 1, 1)},
    {"to one channel", CONV(128, 40, 64, 40, 1, 3, 1, 1)},
    {"to one channel, stride 2", CONV(64, 16, 256, 8, 1, 5, 2, 2)},
    {"dcgan 1", CONV(128, 64, 3, 32, 64, 4, 2, 1)},
    {"dcgan 2", CONV(128, 32, 64, 16, 128, 4, 2, 1)},
    {"dcgan 3", CONV(128, 16, 128, 8, 256, 4, 2, 1)},
    {"dcgan 4", CONV(128, 8, 256, 4, 512, 4, 2, 1)},
    {"dcgan 5", CONV(128, 4, 512, 1, 1, 4, 1, 0)},
    {"dcgan from latent", CONV(128, 4, 512, 1, 100, 4, 1, 0)},
    {"mnist 5x5 1", CONV(64, 28, 1, 14, 64, 5, 2, 2)},
    {"mnist 5x5 2", CONV(64, 14, 64, 7, 128, 5, 2, 2)},
    {"mnist 5x5 3", CONV(64, 7, 128, 4, 256, 5, 2, 2)},
    {"mnist 4x4 1", CONV(128, 28, 1, 14, 64, 4, 2, 1)},
    {"mnist 4x4 2", CONV(128, 14, 64, 7, 128, 4, 2, 1)},
    {"rgb 3x3", CONV(64, 32, 3, 32, 64, 3, 1, 1)},
    {"to rgb 3x3", CONV(64, 32, 64, 32, 3, 3, 1, 1)},
    {"3x3, 16 channels", CONV(64, 32, 16, 32, 16, 3, 1, 1)},
    {"3x3, 32 channels", CONV(64, 16, 32, 16, 32, 3, 1, 1)},
    {"4x4 stride 2, 16 to 32", CONV(64, 32, 16, 16, 32, 4, 2, 1)},
    {"4x4 stride 2, 32 to 64", CONV(64, 32, 32, 16, 64, 4, 2, 1)},
    {"3x3 stride 2, 64 to 64", CONV(64, 32, 64, 16, 64, 3, 2, 1)},
    {"3x3 stride 2, 32 to 64", CONV(64, 32, 32, 16, 64, 3, 2, 1)},
    {"3x3 stride 2, 64 to 128", CONV(64, 32, 64, 16, 128, 3, 2, 1)},
    {"3x3 stride 2, 128 to 128", CONV(64, 16, 128, 8, 128, 3, 2, 1)},
    {"3x3 stride 2, 128 to 256", CONV(32, 32, 128, 16, 256, 3, 2, 1)},
    {"3x3 stride 2, 256 to 256", CONV(32, 16, 256, 8, 256, 3, 2, 1)},
    {"3x3 stride 2, 256 to 512", CONV(32, 16, 256, 8, 512, 3, 2, 1)},
    {"3x3 stride 2, 512 to 512", CONV(32, 16, 512, 8, 512, 3, 2, 1)},
    {"2x2, 64 channels", CONV(64, 16, 64, 15, 64, 2, 1, 0)},
    {"1x1", CONV(64, 16, 128, 16, 256, 1, 1, 0)},
    {"1x1, 64 to 64", CONV(64, 32, 64, 32, 64, 1, 1, 0)},
    {"1x1, 512 to 128", CONV(64, 8, 512, 8, 128, 1, 1, 0)},
    {"few to few", CONV(64, 32, 8, 32, 8, 3, 1, 1)},
};

static const char *const methods[] = {"direct", "blocked", "winograd", "gemm", "swapped", "bf16"};   /* bf16: other numbers */
enum { CASES = sizeof cases / sizeof *cases, METHODS = sizeof methods / sizeof *methods };

/* The best of several runs; all of them together take about a fifth of a second. */
static double measure(const Conv *c, const float *a, const float *b, float *out, void *scratch) {
    double best = 1e9, spent = 0;
    conv_run(c, a, b, out, scratch);
    for (int i = 0; i < 200 && (i < 3 || spent < 0.2); i++) {
        double t = now();
        conv_run(c, a, b, out, scratch);
        t = now() - t, spent += t;
        if (t < best) best = t;
    }
    return best;
}

static void line(const Case *k, ConvWhich which, float *x, float *w, float *y) {
    const ConvShape *s = &k->s;
    const double flops = 2.0 * (double)(s->N * s->P * s->Q * s->K * s->KH * s->KW) * (double)(s->C / s->groups);
    double ms[METHODS], fastest = 1e9;
    unsetenv("GRAPHRUN_CONV");
    Conv *chosen = conv_new(which, s, false);
    for (int i = 0; i < METHODS; i++) {
        setenv("GRAPHRUN_CONV", methods[i], 1);
        Conv *c = conv_new(which, s, bf16_here() != BF16_NONE && !strcmp(methods[i], "bf16"));
        ms[i] = -1;
        if (c && !strcmp(conv_algorithm(c), methods[i])) {
            float *scratch = numbers((int64_t)(conv_scratch(c) / sizeof *scratch + 1));
            ms[i] = 1e3 * measure(c, which == CONV_X ? y : x, which == CONV_W ? y : w, which == CONV_Y ? y : which == CONV_X ? x : w, scratch);
            if (ms[i] < fastest) fastest = ms[i];
            free(scratch);
        }
        conv_free(c);
    }
    printf("%-27s %c %7.2f GFLOP ", k->name, "yxw"[which], flops * 1e-9);
    for (int i = 0; i < METHODS; i++) {
        const bool rule = chosen && !strcmp(conv_algorithm(chosen), methods[i]);
        if (ms[i] < 0) printf(" %18s", "-");
        else printf(" %8.2f (%5.1f)%c%c", ms[i], flops / ms[i] * 1e-6, ms[i] == fastest ? '*' : ' ', rule ? '<' : ' ');
    }
    printf("\n");
    fflush(stdout);
    conv_free(chosen);
}

int main(int argc, char **argv) {
    start_with_better_core(argv);
    par_threads(argc > 1 ? atoi(argv[1]) : par_cores());
    printf("%s, threads: %d; milliseconds (GFLOP/s); * fastest, < the rule's choice\n%-27s   %13s", kern_libraries(), par_count(), "shape and direction", "");
    for (int i = 0; i < METHODS; i++) printf(" %18s", methods[i]);
    printf("\n");
    for (int i = 0; i < CASES; i++) {
        const ConvShape *s = &cases[i].s;
        if (argc > 2 && !strstr(cases[i].name, argv[2])) continue;
        float *x = numbers(s->N * s->H * s->W * s->C), *w = numbers(s->KH * s->KW * s->C / s->groups * s->K), *y = numbers(s->N * s->P * s->Q * s->K);
        for (int which = CONV_Y; which <= CONV_W; which++) line(&cases[i], (ConvWhich)which, x, w, y);
        free(x), free(w), free(y);
    }
}
