/* The log: lines out, series in memory, and both back from the file on resume. */
#include "train/log.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    double *step, *value;
    int64_t n, cap;
    double newest; /* of the step at hand, where `given` */
    bool given;
} Column;

struct Log {
    int n, digits; /* of a value in the file */
    char **name;
    Column *column;
    Series *series;
    FILE *log, *timing; /* NULL: only in memory */
    char *log_path, *timing_path;
    int64_t step;
    int *order, ngiven; /* of the step at hand: columns, as their values came */
    char *line, *nonfinite; /* of the step at hand; open_memstream */
    size_t line_size, nonfinite_size;
    FILE *line_to, *nonfinite_to;
    bool broken; /* out of memory on the way */
};

Log *log_new(int nname, const char *const *name, int digits) {
    Log *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    l->n = nname;
    l->digits = digits;
    l->name = calloc((size_t)nname + 1, sizeof *l->name);
    l->column = calloc((size_t)nname + 1, sizeof *l->column);
    l->series = calloc((size_t)nname + 1, sizeof *l->series);
    l->order = calloc((size_t)nname + 1, sizeof *l->order);
    bool whole = l->name && l->column && l->series && l->order;
    for (int i = 0; whole && i < nname; i++) whole = (l->name[i] = strdup(name[i])) != NULL;
    if (whole) return l;
    log_free(l);
    return NULL;
}

static void line_drop(Log *l) {
    if (l->line_to) fclose(l->line_to);
    if (l->nonfinite_to) fclose(l->nonfinite_to);
    free(l->line);
    free(l->nonfinite);
    l->line_to = l->nonfinite_to = NULL;
    l->line = l->nonfinite = NULL;
}

void log_free(Log *l) {
    if (!l) return;
    line_drop(l);
    if (l->log) fclose(l->log);
    if (l->timing) fclose(l->timing);
    for (int i = 0; i < l->n; i++) {
        if (l->name) free(l->name[i]);
        if (l->column) free(l->column[i].step), free(l->column[i].value);
    }
    free(l->name);
    free(l->column);
    free(l->series);
    free(l->order);
    free(l->log_path);
    free(l->timing_path);
    free(l);
}

/* ---- series ---- */

static void remember(Log *l, int i, int64_t step, double value) {
    Column *c = &l->column[i];
    if (c->n == c->cap) {
        int64_t cap = c->cap ? 2 * c->cap : 256;
        double *at = realloc(c->step, (size_t)cap * sizeof *at);
        if (at) c->step = at;
        double *to = at ? realloc(c->value, (size_t)cap * sizeof *to) : NULL;
        if (to) c->value = to;
        if (!to) {
            l->broken = true;
            return;
        }
        c->cap = cap;
    }
    c->step[c->n] = (double)step;
    c->value[c->n++] = value;
}

static int column_of(const Log *l, const char *name) {
    for (int i = 0; i < l->n; i++)
        if (!strcmp(l->name[i], name)) return i;
    return -1;
}

const Series *log_series(const Log *l, int *n) {
    for (int i = 0; i < l->n; i++)
        l->series[i] = (Series){l->name[i], l->column[i].n, l->column[i].step, l->column[i].value};
    *n = l->n;
    return l->series;
}

const char *log_name(const Log *l, int i) { return l->name[i]; }

/* ---- resuming ---- */

static bool reload(Log *l, const char *text, int64_t line, Fault *f) {
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    int64_t step = json_integer_value(json_object_get(o, "step"));
    if (!step) {
        json_decref(o);
        return fault(f, CODE_DATA, "%s:%" PRId64 ": no object with a step", l->log_path, line);
    }
    for (int i = 0; i < l->n; i++) {
        json_t *v = json_object_get(o, l->name[i]);
        if (v) remember(l, i, step, json_is_number(v) ? json_number_value(v) : NAN);
    }
    json_decref(o);
    return true;
}

/* Reads so many lines; each goes to reload() where `keep`. */
static bool read_lines(Log *l, FILE *file, const char *path, int64_t lines, bool keep, Fault *f) {
    char *text = NULL;
    size_t size = 0;
    bool done = true;
    for (int64_t i = 1; done && i <= lines; i++) {
        if (getline(&text, &size, file) < 0)
            done = fault(f, CODE_DATA, "%s: has fewer lines than the checkpoint counted (%" PRId64 ")", path,
                         lines);
        else if (keep)
            done = reload(l, text, i, f);
    }
    free(text);
    return done;
}

static bool cut(FILE *file, const char *path, Fault *f) {
    if (!ftruncate(fileno(file), ftell(file)) && !fseek(file, 0, SEEK_END)) return true;
    return fault(f, CODE_WRITE, "%s: cannot be cut: %s", path, strerror(errno));
}

static FILE *open_one(const char *folder, const char *name, const char *mode, char **path, Fault *f) {
    if (asprintf(path, "%s/%s", folder, name) < 0) {
        *path = NULL;
        fault_memory(f);
        return NULL;
    }
    FILE *file = fopen(*path, mode);
    if (file)
        rewind(file);
    else
        fault(f, *mode == 'r' ? CODE_DATA : CODE_WRITE, "%s: %s", *path, strerror(errno));
    return file;
}

bool log_open(Log *l, const char *folder, int64_t lines, int64_t steps, Fault *f) {
    l->log = open_one(folder, "log.jsonl", "a+e", &l->log_path, f);
    if (l->log) l->timing = open_one(folder, "timing.jsonl", "a+e", &l->timing_path, f);
    if (!l->timing) return false;
    return read_lines(l, l->log, l->log_path, lines, true, f) && cut(l->log, l->log_path, f) &&
           read_lines(l, l->timing, l->timing_path, steps, false, f) && cut(l->timing, l->timing_path, f);
}

bool log_load(Log *l, const char *folder, int64_t lines, Fault *f) {
    FILE *file = open_one(folder, "log.jsonl", "re", &l->log_path, f);
    bool done = file && read_lines(l, file, l->log_path, lines, true, f);
    if (file) fclose(file);
    return done;
}

/* ---- one line ---- */

static void put_text(FILE *to, const char *text) {
    fputc('"', to);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', to);
        if ((unsigned char)*text < ' ')
            fprintf(to, "\\u%04x", *text);
        else
            fputc(*text, to);
    }
    fputc('"', to);
}

void log_begin(Log *l, int64_t step, double epoch, const char *stage) {
    line_drop(l);
    l->step = step;
    l->line_to = open_memstream(&l->line, &l->line_size);
    l->nonfinite_to = open_memstream(&l->nonfinite, &l->nonfinite_size);
    if (!l->line_to || !l->nonfinite_to) {
        l->broken = true;
        return;
    }
    fprintf(l->line_to, "{\"step\": %" PRId64 ", \"epoch\": %.6g", step, epoch);
    if (stage) fputs(", \"stage\": ", l->line_to), put_text(l->line_to, stage);
}

void log_value(Log *l, const char *name, double value) {
    int i = column_of(l, name);
    if (l->broken || !l->line_to || i < 0) return;
    Column *c = &l->column[i];
    if (!c->given) l->order[l->ngiven++] = i;
    c->given = true;
    c->newest = value;
}

static void put_value(Log *l, int i) {
    double value = l->column[i].newest;
    char text[40];
    snprintf(text, sizeof text, "%.*g", l->digits, value);
    fputs(", ", l->line_to);
    put_text(l->line_to, l->name[i]);
    fprintf(l->line_to, ": %s", isfinite(value) ? text : "null");
    if (!isfinite(value)) {
        if (ftell(l->nonfinite_to) > 0) fputs(", ", l->nonfinite_to);
        put_text(l->nonfinite_to, l->name[i]);
    }
    remember(l, i, l->step, isfinite(value) ? strtod(text, NULL) : NAN);
}

/* A player that stands in several entries logs a name more than once in a step: the newest value counts. */
static void put_values(Log *l) {
    for (int k = 0; k < l->ngiven; k++) {
        if (l->line_to && !l->broken) put_value(l, l->order[k]);
        l->column[l->order[k]].given = false;
    }
    l->ngiven = 0;
}

void log_mark(Log *l, const char *key) {
    put_values(l);
    if (l->line_to) fputs(", ", l->line_to), put_text(l->line_to, key), fputs(": true", l->line_to);
}

bool log_end(Log *l, Fault *f) {
    put_values(l);
    if (l->line_to) fflush(l->line_to), fflush(l->nonfinite_to);
    if (l->broken || !l->line_to) return fault_memory(f);
    if (l->nonfinite_size) fprintf(l->line_to, ", \"nonfinite\": [%s]", l->nonfinite);
    fputs("}\n", l->line_to);
    fflush(l->line_to);
    bool done = !l->log || (fwrite(l->line, 1, l->line_size, l->log) == l->line_size && !fflush(l->log));
    if (!done) fault(f, CODE_WRITE, "%s: %s", l->log_path, strerror(errno));
    line_drop(l);
    return done;
}

bool log_seconds(Log *l, int64_t step, double seconds, Fault *f) {
    if (!l->timing) return true;
    if (fprintf(l->timing, "{\"step\": %" PRId64 ", \"seconds\": %.6f}\n", step, seconds) < 0 ||
        fflush(l->timing))
        return fault(f, CODE_WRITE, "%s: %s", l->timing_path, strerror(errno));
    return true;
}

bool log_flush(Log *l, Fault *f) {
    if (l->log && fsync(fileno(l->log)) && errno != EINVAL)
        return fault(f, CODE_WRITE, "%s: %s", l->log_path, strerror(errno));
    if (l->timing && fsync(fileno(l->timing)) && errno != EINVAL)
        return fault(f, CODE_WRITE, "%s: %s", l->timing_path, strerror(errno));
    return true;
}
