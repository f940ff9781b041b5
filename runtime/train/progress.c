/* Progress: rate and time left from the steps of the last half minute or so. */
#include "train/progress.h"

#include "train/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct Progress {
    FILE *to;
    bool terminal, drawn; /* drawn: the terminal's line holds our text */
    Verbosity verbosity;
    double last_draw;
    double mark_time, mark_share; /* where the window for the rate begins */
    int64_t mark_step;
    double rate, share_rate; /* per second; 0 until known */
};

Progress *progress_new(FILE *to, bool terminal, Verbosity verbosity) {
    Progress *p = calloc(1, sizeof *p);
    if (p)
        *p = (Progress){
            .to = to, .terminal = terminal, .verbosity = verbosity, .last_draw = -1e9, .mark_time = -1};
    return p;
}

static void clear(Progress *p) {
    if (p->drawn) fputs("\r\033[K", p->to);
    p->drawn = false;
}

void progress_free(Progress *p) {
    if (p && p->drawn) fputc('\n', p->to);
    free(p);
}

bool progress_due(const Progress *p) {
    return p && p->verbosity != PROGRESS_QUIET && seconds_now() - p->last_draw >= (p->terminal ? 0.1 : 5);
}

static void measure(Progress *p, int64_t step, double share, double now) {
    enum { WINDOW = 20 };
    if (p->mark_time < 0 || step < p->mark_step) {
        p->mark_time = now, p->mark_step = step, p->mark_share = share;
        return;
    }
    double passed = now - p->mark_time;
    if (passed <= 0 || step == p->mark_step) return;
    p->rate = (double)(step - p->mark_step) / passed;
    p->share_rate = (share - p->mark_share) / passed;
    if (passed > WINDOW) p->mark_time = now, p->mark_step = step, p->mark_share = share;
}

static void put_time(FILE *to, double seconds) {
    int64_t s = (int64_t)(seconds + 0.5);
    if (s >= 3600)
        fprintf(to, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
    else if (s >= 60)
        fprintf(to, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
    else
        fprintf(to, "%" PRId64 "s", s);
}

static int width_of(FILE *to) {
    struct winsize w;
    return ioctl(fileno(to), TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col - 1 : 79;
}

static void put_line(const Progress *p, FILE *to, int64_t step, double share, int n, const Shown *values) {
    fprintf(to, "step %" PRId64, step);
    if (share >= 0) fprintf(to, "  %.0f%%", 100 * share);
    if (p->rate > 0)
        fprintf(to,
                p->rate < 0.1  ? "  %.3f steps/s"
                : p->rate < 10 ? "  %.2f steps/s"
                               : "  %.0f steps/s",
                p->rate);
    if (share >= 0 && p->share_rate > 0) fputs("  left ", to), put_time(to, (1 - share) / p->share_rate);
    for (int i = 0; i < n; i++) fprintf(to, "  %s %.4g", values[i].name, values[i].value);
}

void progress_step(Progress *p, int64_t step, double share, int n, const Shown *values) {
    if (!p || p->verbosity == PROGRESS_QUIET) return;
    double now = seconds_now();
    measure(p, step, share, now);
    p->last_draw = now;
    char *text = NULL;
    size_t size;
    FILE *line = open_memstream(&text, &size);
    if (!line) return;
    put_line(p, line, step, share, n, values);
    fclose(line);
    clear(p);
    if (p->terminal)
        fprintf(p->to, "%.*s", width_of(p->to), text);
    else
        fprintf(p->to, "%s\n", text);
    p->drawn = p->terminal;
    fflush(p->to);
    free(text);
}

static void say(Progress *p, const char *fmt, va_list ap) {
    clear(p);
    vfprintf(p->to, fmt, ap);
    fputc('\n', p->to);
    fflush(p->to);
}

void progress_say(Progress *p, const char *fmt, ...) {
    if (!p || p->verbosity == PROGRESS_QUIET) return;
    va_list ap;
    va_start(ap, fmt);
    say(p, fmt, ap);
    va_end(ap);
}

void progress_detail(Progress *p, const char *fmt, ...) {
    if (!p || p->verbosity != PROGRESS_VERBOSE) return;
    va_list ap;
    va_start(ap, fmt);
    say(p, fmt, ap);
    va_end(ap);
}
