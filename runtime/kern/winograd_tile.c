/* The matrices of Winograd's short convolutions, and the loops that apply them. They come from polynomial products
 * evaluated at n-1 points and infinity: A and G hold powers of the points, B the transposed inverse, made whole by
 * factors moved to G. Points 0, 1, -1, then 2 (n = 5) or 1/2, -2 (n = 6, less rounding than 2, -2).
 *
 * Relative error (root mean square, 128 channels): 0.4e-6 for n = 3 and 4, as direct sums; 1.6e-6 for n = 5 and 6. */
#include "kern/winograd_tile.h"
#include "ir/ir.h"
#include "kern/kern.h"
#include "kern/simd.h"

#include <string.h>

enum { LANES = 8 };
typedef float Lanes __attribute__((vector_size(4 * LANES)));

/* F(m, r) is for m outputs, r taps; B depends on n alone. */
static const float B3[3][3] = {{1, -1, 0}, {0, 1, 0}, {0, -1, 1}};
static const float B4[4][4] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}};
static const float B5[5][5] = {{2, -1, -2, 1, 0}, {0, 2, 1, -1, 0}, {0, -2, 3, -1, 0}, {0, -1, 0, 1, 0}, {0, 2, -1, -2, 1}};
static const float B6[6][6] = {{2, -3, -4, 3, 2, 0}, {0, -2, 1, 5, 2, 0}, {0, -2, 5, -1, -2, 0},
                               {0, 2, 1, -2, -1, 0}, {0, 1, -2, -1, 2, 0}, {0, 2, -3, -4, 3, 2}};

static const float A22[3][2] = {{1, 0}, {1, 1}, {0, 1}};
static const float G22[3][2] = {{1, 0}, {1, 1}, {0, 1}};
static const float A23[4][2] = {{1, 0}, {1, 1}, {1, -1}, {0, 1}};
static const float G23[4][3] = {{1, 0, 0}, {1 / 2.f, 1 / 2.f, 1 / 2.f}, {1 / 2.f, -1 / 2.f, 1 / 2.f}, {0, 0, 1}};
static const float A32[4][3] = {{1, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 1}};
static const float G32[4][2] = {{1, 0}, {1 / 2.f, 1 / 2.f}, {1 / 2.f, -1 / 2.f}, {0, 1}};
static const float A42[5][4] = {{1, 0, 0, 0}, {1, 1, 1, 1}, {1, -1, 1, -1}, {1, 2, 4, 8}, {0, 0, 0, 1}};
static const float G42[5][2] = {{1 / 2.f, 0}, {1 / 2.f, 1 / 2.f}, {1 / 6.f, -1 / 6.f}, {1 / 6.f, 1 / 3.f}, {0, 1}};
static const float A33[5][3] = {{1, 0, 0}, {1, 1, 1}, {1, -1, 1}, {1, 2, 4}, {0, 0, 1}};
static const float G33[5][3] = {{1 / 2.f, 0, 0}, {1 / 2.f, 1 / 2.f, 1 / 2.f}, {1 / 6.f, -1 / 6.f, 1 / 6.f},
                                {1 / 6.f, 1 / 3.f, 2 / 3.f}, {0, 0, 1}};
static const float A52[6][5] = {{1, 0, 0, 0, 0}, {1, 1, 1, 1, 1}, {1, -1, 1, -1, 1},
                                {1, 1 / 2.f, 1 / 4.f, 1 / 8.f, 1 / 16.f}, {1, -2, 4, -8, 16}, {0, 0, 0, 0, 1}};
static const float G52[6][2] = {{1 / 2.f, 0}, {1 / 6.f, 1 / 6.f}, {1 / 6.f, -1 / 6.f}, {16 / 15.f, 8 / 15.f},
                                {1 / 30.f, -1 / 15.f}, {0, 1 / 2.f}};
static const float A43[6][4] = {{1, 0, 0, 0}, {1, 1, 1, 1}, {1, -1, 1, -1}, {1, 1 / 2.f, 1 / 4.f, 1 / 8.f}, {1, -2, 4, -8},
                                {0, 0, 0, 1}};
static const float G43[6][3] = {{1 / 2.f, 0, 0}, {1 / 6.f, 1 / 6.f, 1 / 6.f}, {1 / 6.f, -1 / 6.f, 1 / 6.f},
                                {16 / 15.f, 8 / 15.f, 4 / 15.f}, {1 / 30.f, -1 / 15.f, 2 / 15.f}, {0, 0, 1 / 2.f}};

/* out = M in, for M [rows, cols] with strides (a transposed matrix is one with its strides exchanged). All bounds and
 * M are constants at the call: what remains is additions, and products where an entry is not 1 or -1. */
INLINE void apply(const float *M, int rows, int cols, int row_stride, int col_stride, const Lanes *in, Lanes *out) {
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        Lanes sum = {0};
        bool started = false;
#pragma GCC unroll 6
        for (int j = 0; j < cols; j++) {
            const float f = M[i * row_stride + j * col_stride];
            if (f == 0) continue;
            if (f == -1 && started) sum -= in[j];
            else if (started) sum += f == 1 ? in[j] : f * in[j];
            else sum = f == 1 ? in[j] : f * in[j];
            started = true;
        }
        out[i] = sum;
    }
}

INLINE void both_axes(const float *M, int rows, int cols, int row_stride, int col_stride, bool add, const float *const *from,
                      float *const *to, int64_t channels) {
    for (int64_t c = 0; c < channels; c += LANES) {
        Lanes middle[6][6];                           /* [cols][rows]: the first axis done */
        for (int j = 0; j < cols; j++) {
            Lanes in[6];
#pragma GCC unroll 6
            for (int i = 0; i < cols; i++) {
                const float *p = from[i * cols + j];
                if (p) memcpy(&in[i], p + c, sizeof in[i]);
                else in[i] = (Lanes){0};
            }
            apply(M, rows, cols, row_stride, col_stride, in, middle[j]);
        }
        for (int i = 0; i < rows; i++) {
            Lanes in[6], out[6];
#pragma GCC unroll 6
            for (int j = 0; j < cols; j++) in[j] = middle[j][i];
            apply(M, rows, cols, row_stride, col_stride, in, out);
#pragma GCC unroll 6
            for (int j = 0; j < rows; j++) {
                float *p = to[i * rows + j];
                if (!p) continue;
                if (add) {
                    Lanes old;
                    memcpy(&old, p + c, sizeof old);
                    out[j] += old;
                }
                memcpy(p + c, &out[j], sizeof out[j]);
            }
        }
    }
}

#define MAP(isa, name, M, rows, cols, row_stride, col_stride, add)                                                     \
    TARGET_##isa static void isa##_##name(const float *const *from, float *const *to, int64_t channels) {              \
        both_axes(&(M)[0][0], rows, cols, row_stride, col_stride, add, from, to, channels);                            \
    }
#define TILE(isa, m, r, n)                                                                                             \
    MAP(isa, x_in_##m##r, B##n, n, n, n, 1, false)                                                                     \
    MAP(isa, x_add_##m##r, B##n, n, n, 1, n, true)                                                                     \
    MAP(isa, y_in_##m##r, A##m##r, n, m, m, 1, false)                                                                  \
    MAP(isa, y_out_##m##r, A##m##r, m, n, 1, m, false)                                                                 \
    MAP(isa, w_in_##m##r, G##m##r, n, r, r, 1, false)                                                                  \
    MAP(isa, w_out_##m##r, G##m##r, r, n, 1, r, false)
#define ROW(isa, m, r, n)                                                                                              \
    {m, r, n, isa##_x_in_##m##r, isa##_y_in_##m##r, isa##_w_in_##m##r, isa##_x_add_##m##r, isa##_y_out_##m##r, isa##_w_out_##m##r}
#define ISA(isa)                                                                                                       \
    TILE(isa, 2, 2, 3) TILE(isa, 2, 3, 4) TILE(isa, 3, 2, 4) TILE(isa, 4, 2, 5) TILE(isa, 3, 3, 5)                    \
    TILE(isa, 5, 2, 6) TILE(isa, 4, 3, 6)                                                                              \
    static const Tile isa##_tiles[TILES] = {ROW(isa, 2, 2, 3), ROW(isa, 2, 3, 4), ROW(isa, 3, 2, 4), ROW(isa, 4, 2, 5), \
                                            ROW(isa, 3, 3, 5), ROW(isa, 5, 2, 6), ROW(isa, 4, 3, 6)};

ISA(BASE)
ISA(AVX2)

const Tile *tile_at(int i) { return isa_level() >= ISA_AVX2 ? &AVX2_tiles[i] : &BASE_tiles[i]; }
