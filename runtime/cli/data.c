/* `graphrun data SPEC|SOURCE`: what the sources of a spec hold, or one that stands alone, read once through as metrics and
 * outputs see it: samples, ranges, pictures. */
#include "cli/cli.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct { double least, most, sum, n; } Range;

typedef struct {                                      /* one field of one source */
    const DataSource *source;
    const char *name;                                 /* "digits.image" */
    const Tensor *batch;
    Range range;
    Preview *preview;
} Seen;

static void widen(Range *r, DType t, const void *data, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        double x = number_get(data, t, i);
        r->least = fmin(r->least, x);
        r->most = fmax(r->most, x);
        r->sum += x;
    }
    r->n += (double)n;
}

static Tensor sample_of(const Tensor *batch) {
    Tensor sample = {batch->dtype, {.rank = batch->shape.rank - 1}};
    memcpy(sample.shape.dim, batch->shape.dim + 1, sizeof(int64_t) * (size_t)sample.shape.rank);
    return sample;
}

static Seen seen_new(Machine *m, int source, int field) {
    const SourceUse *use = &m->t->source[source];
    const char *name = arena_printf(m->t->arena, "%s.%s", use->name, use->source->field[field].name);
    const Tensor *batch = &m->t->slots->all.at[use->field_slot[field]].type;
    Tensor sample = sample_of(batch);
    return (Seen){use->source, name, batch, {INFINITY, -INFINITY, 0, 0}, preview_new(name, &sample, use->source->count)};
}

/* Reads a source once through; gives the fields that it adds to `out`, -1: a fault. */
static int see_source(Machine *m, int source, Seen *out, Fault *f) {
    const Feed *feed = &m->feed[source];
    const void *from[DATA_FIELDS];
    int n = 0;
    for (int k = 0; k < m->t->source[source].source->nfield; k++)
        if (feed->out[k]) {
            from[n] = feed->out[k];
            out[n++] = seen_new(m, source, k);
        }
    for (int64_t b = 0; b < source_batches(&feed->through); b++) {
        int64_t rows = batches_make(feed->batches, &feed->through, MODE_EVAL, b, feed->out, f);
        for (int i = 0; rows >= 0 && i < n; i++) {
            const Tensor *type = out[i].batch;
            widen(&out[i].range, type->dtype, from[i], rows * (shape_count(&type->shape) / type->shape.dim[0]));
            preview_add(out[i].preview, rows, from[i]);
        }
        if (rows < 0) return -n - 1;
    }
    return n;
}

/* ---- printing ---- */

static void print_table(const Machine *m, const Seen *seen, int n) {
    Table *table = table_new(7, "lrllrrr");
    table_add(table, "field\tbatch of samples\ttype\tshape\tleast\tmean\tmost");
    for (int i = 0; i < n; i++) {
        const Range *r = &seen[i].range;
        table_add(table, "%s\t%lld of %lld\t%s\t%s\t%.6g\t%.6g\t%.6g", seen[i].name, (long long)seen[i].source->common.batch,
                  (long long)seen[i].source->count, dtype_name(seen[i].batch->dtype), shape_show(&seen[i].batch->shape, m->t->arena),
                  r->least, r->sum / r->n, r->most);
    }
    table_print(table, stdout, "");
    table_free(table);
}

static json_t *field_json(const Seen *s, const char *picture) {
    const struct { const char *name; double value; } numbers[] = {
        {"least", s->range.least}, {"mean", s->range.sum / s->range.n}, {"most", s->range.most}};
    json_t *shape = json_array();
    for (int i = 1; i < s->batch->shape.rank; i++) json_array_append_new(shape, json_integer(s->batch->shape.dim[i]));
    json_t *field = json_pack("{s:s, s:s, s:I, s:I, s:s, s:o, s:s?, s:s?}", "field", s->name, "kind", s->source->kind->name, "samples",
                              (json_int_t)s->source->count, "batch", (json_int_t)s->source->common.batch, "type",
                              dtype_name(s->batch->dtype), "shape", shape, "path", s->source->path, "picture", picture);
    for (int i = 0; i < 3; i++)
        json_object_set_new(field, numbers[i].name, isfinite(numbers[i].value) ? json_real(numbers[i].value) : json_null());
    return field;
}

static void print_json(const Seen *seen, int n, const char *const *picture) {
    json_t *all = json_array();
    for (int i = 0; i < n; i++) json_array_append_new(all, field_json(&seen[i], picture[i]));
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

static bool write_all(const Machine *m, const Seen *seen, int n, const Options *o, Fault *f) {
    const char *folder = o->out ? o->out : arena_printf(m->t->arena, "runs/%s-data", m->t->name), **made;
    made = ARENA_ARRAY(m->t->arena, const char *, n + 1);
    if (!o->out) mkdir("runs", 0777);
    for (int i = 0; i < n; i++)
        if (seen[i].preview && !(made[i] = preview_write(seen[i].preview, folder, f))) return false;
    if (o->json) print_json(seen, n, made);
    else print_table(m, seen, n);
    for (int i = 0; i < n && !o->json; i++)
        if (made[i]) puts(made[i]);
    return true;
}

static bool see_all(Machine *m, const Options *o, Fault *f) {
    int room = 0, n = 0;
    for (int i = 0; i < m->t->nsource; i++) room += m->t->source[i].used ? m->t->source[i].source->nfield : 0;
    Seen *seen = ARENA_ARRAY(m->t->arena, Seen, room + 1);
    bool ok = true;
    for (int i = 0; ok && i < m->t->nsource; i++) {
        int added = m->t->source[i].used ? see_source(m, i, seen + n, f) : 0;
        ok = added >= 0;
        n += ok ? added : -added - 1;
    }
    ok = ok && write_all(m, seen, n, o, f);
    for (int i = 0; i < n; i++) preview_free(seen[i].preview);
    return ok;
}

/* ---- a source alone ---- */

static int no_such_source(const char *word) {
    Nearest near = nearest_to(word);
    for (const Dataset *const *d = dataset_table; *d; d++) nearest_add(&near, (*d)->name);
    complain("data: '%s' is no kind of source%s%s%s; the name of a spec ends in .yaml or has a '/'", word,
             near.best ? ", did you mean '" : "", near.best ? near.best : "", near.best ? "'" : "");
    return CODE_USAGE;
}

/* `moons noise=0.1` as a spec has it. NULL: a word without '='. */
static char *spec_text(int n, char **word) {
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f) return NULL;
    bool batch = false;
    fprintf(f, "data:\n  %s:\n    source: %s\n", word[0], word[0]);
    for (int i = 1; i < n; i++) {
        int key = (int)strcspn(word[i], "=");
        batch = batch || !strncmp(word[i], "batch=", 6);
        fprintf(f, "    %.*s: %s\n", key, word[i], word[i] + key + 1);
    }
    if (!batch) fputs("    batch: 1\n", f);
    fclose(f);
    return text;
}

static int open_source(Spec *s, const Options *o, int n, char **word) {
    if (!dataset_named(word[0])) return no_such_source(word[0]);
    for (int i = 1; i < n; i++) {
        if (strchr(word[i], '=')) continue;
        complain("data: '%s' is no key=value", word[i]);
        return CODE_USAGE;
    }
    if (o->set.n || o->preset.n) {
        complain("data: --set and --preset change a spec; a source alone takes key=value");
        return CODE_USAGE;
    }
    char *text = spec_text(n, word);
    int code = text ? spec_open_data(s, word[0], text, o) : CODE_FAILED;
    free(text);
    return code;
}

static int run(const Options *o, int n, char **operand) {
    Spec s;
    Fault f = {0};
    bool spec = names_a_spec(operand[0]);
    if (spec && n > 1) {
        complain("data: '%s': keys of a spec are changed with --set data.NAME.KEY=VALUE", operand[1]);
        return CODE_USAGE;
    }
    int code = spec ? spec_open(&s, operand[0], o) : open_source(&s, o, n, operand);
    if (code) return code;
    Machine *m = spec_machine(&s, o, false, &f);
    if (!m || !see_all(m, o, &f)) code = spec_fault(&s, &f);
    machine_free(m);
    spec_close(&s);
    return code;
}

static const char *const examples[] = {"graphrun data models/ring8.yaml", "graphrun data moons noise=0.1 count=500",
                                       "graphrun data images path=faces size=64 -o previews", NULL};
static const Option options[] = {
    {"out", 'o', O_TEXT, OPT(out), "DIR", "where the pictures go; runs/NAME-data where left out"},
    OPTION_JSON,
    OPTION_QUIET("no warnings"),
    OPTIONS_SPEC,
    OPTION_SEED,
    OPTION_THREADS,
    OPTIONS_END};
const Verb verb_data = {"data", "SPEC|SOURCE", "the fields that a spec reads, or a source has: samples, ranges, pictures", examples, options, 1, -1, run};
