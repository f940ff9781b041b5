/* Colours: viridis for amounts, Okabe and Ito's eight for kinds (both readable with the common colour
 * blindnesses). */
#include <math.h>

#include "out/picture.h"

/* Every eighth of matplotlib's 256 colours (CC0, Smith and van der Walt 2015); between them at most 1.8
 * levels off. */
static const Color viridis[] = {
    {68, 1, 84},    {71, 13, 96},   {72, 24, 106},  {72, 35, 116},  {71, 45, 123},  {69, 54, 129},
    {66, 64, 134},  {63, 73, 137},  {59, 82, 139},  {55, 90, 141},  {51, 99, 141},  {47, 106, 142},
    {44, 114, 142}, {41, 122, 142}, {38, 129, 142}, {35, 137, 142}, {33, 144, 140}, {31, 152, 139},
    {31, 159, 136}, {33, 166, 133}, {40, 174, 128}, {49, 181, 123}, {62, 188, 116}, {76, 194, 108},
    {93, 201, 99},  {110, 206, 88}, {130, 211, 76}, {150, 216, 63}, {171, 220, 50}, {192, 223, 36},
    {213, 226, 26}, {234, 229, 26}, {253, 231, 37},
};
enum { STEPS = sizeof viridis / sizeof *viridis - 1 };

static uint8_t between(uint8_t a, uint8_t b, double t) { return (uint8_t)lround((1 - t) * a + t * b); }

Color color_viridis(double t) {
    double at = (t > 0 ? t < 1 ? t : 1 : 0) * STEPS;
    int i = at < STEPS ? (int)at : STEPS - 1;
    const Color *a = &viridis[i], *b = a + 1;
    double part = at - i;
    return (Color){between(a->r, b->r, part), between(a->g, b->g, part), between(a->b, b->b, part)};
}

Color color_of(int64_t k) {
    static const Color okabe_ito[8] = {{0, 114, 178}, {213, 94, 0},   {0, 158, 115},  {204, 121, 167},
                                       {230, 159, 0}, {86, 180, 233}, {240, 228, 66}, {0, 0, 0}};
    Color c = okabe_ito[((k % 8) + 8) % 8];
    double dark = pow(0.65, (double)(k > 0 ? (k / 8) % 4 : 0));
    return (Color){between(0, c.r, dark), between(0, c.g, dark), between(0, c.b, dark)};
}

void color_use(cairo_t *c, Color color, double alpha) {
    cairo_set_source_rgba(c, color.r / 255.0, color.g / 255.0, color.b / 255.0, alpha);
}
