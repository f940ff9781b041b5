/* Text on stdout, wrapped to the terminal. What stands between backticks stays on one line. */
#include "cli/help.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { NARROW = 72, WIDE = 100, USUAL = 88, LONGEST = 60 };

static int columns(void) {
    struct winsize w;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_col) return USUAL;
    return w.ws_col < NARROW ? NARROW : w.ws_col > WIDE ? WIDE : w.ws_col;
}

static int width_of(const char *text, size_t n) {
    int w = 0;
    for (size_t i = 0; i < n; i++) w += ((unsigned char)text[i] & 0xC0) != 0x80;
    return w;
}

int text_width(const char *text) { return width_of(text, strlen(text)); }

static bool is_space(char c) { return c == ' ' || c == '\n'; }

/* Up to the next space that is not between backticks (unless what they hold is long). */
static size_t word_length(const char *p) {
    size_t n = 0;
    while (p[n] && !is_space(p[n])) {
        size_t span = p[n] == '`' ? strcspn(p + n + 1, "`") : 0;
        n += span && p[n + 1 + span] && span < LONGEST && !memchr(p + n, '\n', span) ? span + 2 : 1;
    }
    return n;
}

/* From a column on; lines after the first start at `hang`. */
static void wrap_from(const char *text, int at, int hang) {
    int most = columns();
    bool first = true;
    for (const char *p = text; *p;) {
        while (is_space(*p)) p++;
        size_t n = word_length(p);
        int w = width_of(p, n);
        if (!n) break;
        if (!first && at + 1 + w > most) {
            printf("\n%*s", hang, "");
            at = hang;
        } else if (!first) {
            putchar(' ');
            at++;
        }
        fwrite(p, 1, n, stdout);
        at += w;
        p += n;
        first = false;
    }
    putchar('\n');
}

void text_wrap(const char *text, int indent, int hang) {
    printf("%*s", indent, "");
    wrap_from(text, indent, hang);
}

void text_row(int indent, int column, const char *left, const char *text) {
    int at = indent + text_width(left);
    printf("%*s%s", indent, "", left);
    if (!*text) {
        putchar('\n');
        return;
    }
    if (at + 2 > column)
        printf("\n%*s", column, "");
    else
        printf("%*s", column - at, "");
    wrap_from(text, column, column);
}
