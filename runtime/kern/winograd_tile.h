/* Winograd's short convolutions of m outputs with r taps, for two axes at once (Winograd 1980; Lavin and Gray 2016).
 *
 * In one axis, with n = m + r - 1, there are matrices A [n, m], B [n, n] and G [n, r] such that for all x, w, y
 *
 *   sum over i, k of y[i] w[k] x[i + k]  =  sum over t of (A y)[t] (G w)[t] (B x)[t]
 *
 * n products do the work of m*r. Since this is the trilinear form itself, all three directions follow from it:
 * y = A' (G w . B x),  x = B' (G w . A y),  w = G' (A y . B x). */
#pragma once
#include <stdint.h>

enum { TILE_MAX = 6 * 6 };

/* Applies one of the matrices on both axes, to `channels` (a multiple of 8) numbers at each place. `from` and `to`
 * are the places, row by row; a NULL place reads as zero and is not written. */
typedef void TileMap(const float *const *from, float *const *to, int64_t channels);

typedef struct {
    int m, r, n;
    TileMap *x_in, *y_in, *w_in;                      /* B, A, G */
    TileMap *x_add, *y_out, *w_out;                   /* B', added to what is there; A'; G' */
} Tile;

enum { TILES = 7 };
const Tile *tile_at(int i);                           /* in 0..TILES-1, by n; compiled for this CPU */
