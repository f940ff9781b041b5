/* What libyaml would read otherwise than an editor shows it. */
#include "parser/plaintext.h"

#include "parser/place.h"

#include <string.h>

static int utf8_size_at(const unsigned char *s, size_t left) {
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    int n = s[0] < 0x80 ? 1 : s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (n == 1) return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4 || (size_t)n > left) return 0;
    unsigned code = s[0] & (0x7Fu >> n);
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        code = code << 6 | (s[i] & 0x3Fu);
    }
    return code < least[n] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? 0 : n;
}

/* NULL if the character may stand in a spec. Line breaks other than '\n' and "\r\n" would shift line numbers. */
static const char *bad_character(Arena *a, const unsigned char *s, size_t left) {
    int n = utf8_size_at(s, left);
    if (!n) return arena_printf(a, "byte 0x%02X is not UTF-8 text", s[0]);
    if (s[0] == 0) return "a NUL byte: this is no text file";
    if (s[0] == '\r' && (left < 2 || s[1] != '\n')) return "a carriage return without a line feed";
    if (n == 1) {
        bool fine = (s[0] >= 0x20 && s[0] < 0x7F) || s[0] == '\t' || s[0] == '\n' || s[0] == '\r';
        return fine ? NULL : arena_printf(a, "control character U+%04X is not allowed", s[0]);
    }
    unsigned code = s[0] & (0x7Fu >> n);
    for (int i = 1; i < n; i++) code = code << 6 | (s[i] & 0x3Fu);
    bool bad = code < 0xA0 || code == 0x2028 || code == 0x2029 || code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
    return bad ? arena_printf(a, "control character U+%04X is not allowed", code) : NULL;
}

bool is_plain_text(Diags *d, Loc start, const char *text, size_t length) {
    if (length > MOST_BYTES) {
        diag_error(d, start, "the text is larger than %d MiB", MOST_BYTES >> 20);
        return false;
    }
    if (length >= 2 && (!memcmp(text, "\xFF\xFE", 2) || !memcmp(text, "\xFE\xFF", 2))) {
        diag_error(d, start, "the text is UTF-16; save it as UTF-8");
        return false;
    }
    for (Cursor c = cursor_start(text, length, start); c.byte < length; cursor_step(&c)) {
        const char *why = bad_character(d->arena, (const unsigned char *)text + c.byte, length - c.byte);
        if (!why) continue;
        diag_error(d, ((Loc){start.file, c.line, c.col}), "%s", why);
        return false;
    }
    return true;
}
