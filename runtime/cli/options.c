/* Options: one table a verb, read here and by the help. Abbreviations are refused, the nearest known name is
 * suggested. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 1024 };

static const Option *option_named(const Option *table, const char *name, size_t n) {
    for (const Option *o = table; o->name; o++)
        if (strlen(o->name) == n && !strncmp(o->name, name, n)) return o;
    return NULL;
}

static const Option *option_lettered(const Option *table, char letter) {
    for (const Option *o = table; o->name; o++)
        if (o->letter == letter) return o;
    return NULL;
}

static bool unknown(const Verb *v, const char *given, size_t n) {
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(n < 60 ? n : 60), given);
    Nearest nearest = nearest_to(name);
    for (const Option *o = v->options; o->name; o++) {
        nearest_add(&nearest, o->name);
        if (n > 1 && !strncmp(o->name, name, n)) nearest.best = o->name; /* an abbreviation */
    }
    if (nearest.best)
        complain("%s: unknown option '--%s', did you mean '--%s'?", v->name, name, nearest.best);
    else
        complain("%s: unknown option '--%s'; see 'graphrun %s --help'", v->name, name, v->name);
    return false;
}

static bool not_a(const Option *o, const char *text, const char *what) {
    complain("--%s: '%s' is not %s", o->name, text, what);
    return false;
}

/* A number begins with a digit: strtod and strtoll would take space, signs and words such as `nan`. */
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool parse_seconds(const Option *o, const char *text, double *out) {
    static const struct {
        char unit;
        double seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    double total = 0;
    const char *p = text;
    while (*p) {
        char *end;
        double value = strtod(p, &end), unit = 1;
        if (!is_digit(*p) || p[1] == 'x' || p[1] == 'X') return not_a(o, text, "a time such as 90, 30m or 1h30m");
        if (*end) {
            size_t i = 0;
            while (i < 4 && units[i].unit != *end) i++;
            if (i == 4) return not_a(o, text, "a time such as 90, 30m or 1h30m");
            unit = units[i].seconds;
            end++;
        }
        total += value * unit;
        p = end;
    }
    *out = total;
    return total > 0 || not_a(o, text, "a time above 0");
}

static bool parse_int(const Option *o, const char *text, int64_t least, int64_t most, int64_t *out) {
    char *end, what[80];
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (is_digit(*text) && !*end && !errno && value >= least && value <= most) {
        *out = value;
        return true;
    }
    if (most < INT64_MAX) snprintf(what, sizeof what, "a whole number from %lld to %lld", (long long)least, (long long)most);
    else snprintf(what, sizeof what, "a whole number%s", least ? " above 0" : ", 0 or more");
    return not_a(o, text, what);
}

static bool add_text(Texts *to, const char *text) {
    const char **grown = realloc(to->at, (size_t)(to->n + 1) * sizeof *grown);
    if (!grown) {
        complain("out of memory");
        return false;
    }
    to->at = grown;
    to->at[to->n++] = text;
    return true;
}

static bool add_precision(Texts *to, const Option *o, const char *text) {
    static const char *const settings[] = {"precision=" PRECISION_FP32, "precision=" PRECISION_BF16, "precision=" PRECISION_FP64};
    int choice = field_choice(PRECISIONS, text);
    return choice < 0 ? not_a(o, text, PRECISIONS_OR) : add_text(to, settings[choice]);
}

static bool store(const Option *o, const char *text, Options *to) {
    char *at = (char *)to + o->offset;
    switch (o->type) {
    case O_FLAG: *(bool *)at = true; return true;
    case O_TEXT: *(const char **)at = text; return true;
    case O_INT: return parse_int(o, text, 1, INT64_MAX, (int64_t *)(void *)at);
    case O_THREADS: return parse_int(o, text, 1, MOST_THREADS, (int64_t *)(void *)at);
    case O_STEPS: to->steps_given = true; return parse_int(o, text, 0, INT64_MAX, (int64_t *)(void *)at);
    case O_SEED: to->seed_given = true; return parse_int(o, text, 0, INT64_MAX, (int64_t *)(void *)at);
    case O_SECONDS: return parse_seconds(o, text, (double *)(void *)at);
    case O_TEXTS: return add_text((Texts *)(void *)at, text);
    case O_SETS: return strchr(text, '=') ? add_text((Texts *)(void *)at, text) : not_a(o, text, "KEY.PATH=VALUE");
    case O_PRECISION: return add_precision((Texts *)(void *)at, o, text);
    case O_COLOR:
        *(int *)(void *)at = field_choice("auto|always|never", text);
        return *(int *)(void *)at >= 0 || not_a(o, text, "auto, always or never");
    }
    return false;
}

/* One word that starts with '-'. *next is what follows it in argv; it is set to NULL where it was used as a
 * value. */
static bool parse_word(const Verb *v, const char *word, const char **next, Options *to) {
    if (word[1] == '-') {
        size_t n = strcspn(word + 2, "=");
        const Option *o = option_named(v->options, word + 2, n);
        const char *value = word[2 + n] ? word + 3 + n : NULL;
        if (!o) return unknown(v, word + 2, n);
        if (!o->arg && value) return complain("--%s takes no value", o->name), false;
        if (o->arg && !value) value = *next, *next = NULL;
        if (o->arg && (!value || !*value)) return complain("--%s wants %s", o->name, o->arg), false;
        return store(o, value, to);
    }
    for (const char *p = word + 1; *p; p++) {
        const Option *o = option_lettered(v->options, *p);
        if (!o)
            return complain("%s: unknown option '-%c'; see 'graphrun %s --help'", v->name, *p, v->name),
                   false;
        if (!o->arg) {
            store(o, NULL, to);
            continue;
        }
        const char *value = p[1] ? p + 1 : *next;
        if (!p[1]) *next = NULL;
        if (!value || !*value) return complain("-%c wants %s", *p, o->arg), false;
        return store(o, value, to);
    }
    return true;
}

bool options_parse(const Verb *v, int argc, char **argv, Options *out, int *noperand) {
    bool ended = false;
    *noperand = 0;
    for (int i = 0; i < argc; i++) {
        if (ended || argv[i][0] != '-' || !argv[i][1]) {
            argv[(*noperand)++] = argv[i];
        } else if (!strcmp(argv[i], "--")) {
            ended = true;
        } else {
            const char *next = i + 1 < argc ? argv[i + 1] : NULL, *was = next;
            if (!parse_word(v, argv[i], &next, out)) return false;
            i += was && !next;
        }
    }
    if (out->help) return true;
    if (*noperand >= v->least && (v->most < 0 || *noperand <= v->most)) return true;
    if (*noperand < v->least)
        complain("%s: wants %s; see 'graphrun %s --help'", v->name, v->operands, v->name);
    else
        complain("%s: does not know what to do with '%s'; see 'graphrun %s --help'", v->name, argv[v->most],
                 v->name);
    return false;
}

void options_free(Options *o) {
    free(o->set.at);
    free(o->preset.at);
}
