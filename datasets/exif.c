/* The one thing of EXIF that changes a picture: its orientation, tag 0x0112 of the first directory of a TIFF header (CIPA
 * DC-008, Exif 2.32, 4.5 and 4.6.4). What is not as it should be is no orientation: pictures are read as they lie. */
#include "datasets/image.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY = 12, PLAIN = 1 };

typedef struct { const uint8_t *at; size_t n; bool little; } Tiff;

static unsigned two(const Tiff *t, size_t at) {
    return t->little ? t->at[at] | t->at[at + 1] << 8u : t->at[at] << 8u | t->at[at + 1];
}

static size_t four(const Tiff *t, size_t at) {
    size_t a = two(t, at), b = two(t, at + 2);
    return t->little ? a | b << 16 : a << 16 | b;
}

int exif_orientation(const uint8_t *segment, size_t n) {
    static const char mark[6] = "Exif\0";
    if (n < sizeof mark + 8 || memcmp(segment, mark, sizeof mark)) return PLAIN;
    Tiff t = {segment + sizeof mark, n - sizeof mark, segment[sizeof mark] == 'I'};
    if (memcmp(t.at, t.little ? "II" : "MM", 2) || two(&t, 2) != 42) return PLAIN;
    size_t at = four(&t, 4);
    if (at > t.n - 2) return PLAIN;
    for (unsigned left = two(&t, at); left && t.n - at >= 2 + ENTRY; left--, at += ENTRY) {
        size_t entry = at + 2;
        if (two(&t, entry) != TAG_ORIENTATION) continue;
        unsigned value = two(&t, entry + 8);
        return two(&t, entry + 2) == TYPE_SHORT && four(&t, entry + 4) == 1 && value >= 1 && value <= 8 ? (int)value : PLAIN;
    }
    return PLAIN;
}

bool exif_swaps(int orientation) { return orientation >= 5; }

void exif_turn(const uint8_t *from, int64_t height, int64_t width, int orientation, uint8_t *to) {
    static const struct { bool last_row, last_column; } first[] = {          /* where the top left corner lies */
        [1] = {false, false}, [2] = {false, true}, [3] = {true, true}, [4] = {true, false},
        [5] = {false, false}, [6] = {true, false}, [7] = {true, true}, [8] = {false, true}};
    bool swaps = exif_swaps(orientation);
    int64_t row = first[orientation].last_row ? -width : width, column = first[orientation].last_column ? -1 : 1;
    const uint8_t *corner = from + 4 * ((row < 0 ? (height - 1) * width : 0) + (column < 0 ? width - 1 : 0));
    int64_t down = swaps ? column : row, right = swaps ? row : column, high = swaps ? width : height, wide = swaps ? height : width;
    for (int64_t y = 0; y < high; y++)
        for (int64_t x = 0; x < wide; x++, to += 4) memcpy(to, corner + 4 * (y * down + x * right), 4);
}
