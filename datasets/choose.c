/* Which samples of a kind a source has: `classes`, then `fraction`, then `labelled` and `only`. Labels are read when the
 * source is opened where these keys need them. */
#include "datasets/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHUFFLE_ROUNDS = 10 };

/* Where sample `i` of an epoch lies: a permutation of 0..n-1 computed one element at a time, so that neither
 * memory nor history is needed. A Feistel network on i = left*b + right, with a*b just above n (Black and
 * Rogaway 2002, "Ciphers with arbitrary finite domains"); what falls outside n walks on until it comes back. */
int64_t shuffled_place(Stream draws, int64_t n, int64_t i) {
    int64_t a = (int64_t)ceil(sqrt((double)n)), b = (n + a - 1) / a;
    do {
        int64_t left = i / b, right = i % b;
        for (draws.round = 0; draws.round < SHUFFLE_ROUNDS; draws.round += 2) {
            Stream next = draws;
            next.round++;
            left = (left + (int64_t)rng_below(draws, (uint64_t)right, (uint64_t)a)) % a;
            right = (right + (int64_t)rng_below(next, (uint64_t)left, (uint64_t)b)) % b;
        }
        i = left * b + right;
    } while (i >= n);
    return i;
}

static void part_of(const DataSource *s, double *from, double *to) {
    const Floats *part = &s->common.fraction;
    *from = part->n == 2 ? part->at[0] : 0;
    *to = part->n == 2 ? part->at[1] : part->n == 1 ? part->at[0] : 1;
}

static bool part_is_valid(const DataSource *s) {
    int n = s->common.fraction.n;
    double from, to;
    part_of(s, &from, &to);
    Loc loc = source_loc(s, "fraction");
    if (n > 2) diag_error(s->diags, loc, "%s: fraction is one number or [from, to], not a list of %d", s->name, n);
    else if (!(from >= 0 && to <= 1))
        diag_error(s->diags, loc, "%s: fraction must lie in 0 to 1, not in %g to %g", s->name, from, to);
    else if (!(from < to)) diag_error(s->diags, loc, "%s: fraction from %g to %g holds no samples", s->name, from, to);
    else return true;
    return false;
}

int32_t class_of(const DataSource *s, int32_t label) {
    for (int i = 0; i < s->common.classes.n; i++)
        if (s->common.classes.at[i] == label) return i;
    return -1;
}

static bool classes_are_valid(const DataSource *s) {
    const Floats *classes = &s->common.classes;
    Loc loc = source_loc(s, "classes");
    for (int i = 0; i < classes->n; i++) {
        if (classes->at[i] != floor(classes->at[i])) {
            diag_error(s->diags, loc, "%s: classes are whole numbers, %g is none", s->name, classes->at[i]);
            return false;
        }
        if (class_of(s, (int32_t)classes->at[i]) == i) continue;
        diag_error(s->diags, loc, "%s: classes has %g twice", s->name, classes->at[i]);
        return false;
    }
    if (classes->n || !s->common.relabel) return true;
    diag_error(s->diags, source_loc(s, "relabel"), "%s: relabel numbers the labels by their place in `classes`: give these",
               s->name);
    return false;
}

bool choice_is_valid(const DataSource *s) {
    bool ok = part_is_valid(s);
    ok = classes_are_valid(s) && ok;
    if (s->common.only == ONLY_ALL || s->common.labelled) return ok;
    diag_error(s->diags, source_loc(s, "only"), "%s: `only` goes by `labelled`: say how many samples are", s->name);
    return false;
}

/* ---- after opening ---- */

static int32_t *labels_of(DataSource *s, const char *key) {
    if (s->label < 0) {
        diag_error(s->diags, source_loc(s, key), "%s: %s goes by the field 'label', one int a sample, and there is none",
                   s->name, key);
        return NULL;
    }
    int32_t *label = ARENA_ARRAY(s->arena, int32_t, s->total);
    if (s->kind->labels) return s->kind->labels(s, label) ? label : NULL;
    void *out[DATA_FIELDS] = {NULL};
    for (int64_t i = 0; i < s->total; i++) {
        out[s->label] = label + i;
        s->kind->sample(s, i, out);
    }
    return label;
}

static bool keep_classes(DataSource *s, const int32_t *label) {
    const Floats *classes = &s->common.classes;
    int64_t times[FLOATS_MAX] = {0};
    s->pick = ARENA_ARRAY(s->arena, uint32_t, s->total);
    s->count = 0;
    for (int64_t i = 0; i < s->total; i++) {
        int k = classes->n ? class_of(s, label[i]) : 0;
        if (k < 0) continue;
        times[k]++;
        s->pick[s->count++] = (uint32_t)i;
    }
    for (int k = 0; k < classes->n; k++) {
        if (times[k]) continue;
        diag_error(s->diags, source_loc(s, "classes"), "%s: of the %lld samples none has the label %g", s->name,
                   (long long)s->total, classes->at[k]);
        return false;
    }
    return true;
}

/* pick, or first and count, are cut down to the part of `fraction`. */
static bool keep_part(DataSource *s) {
    double from, to;
    part_of(s, &from, &to);
    int64_t all = s->count, first = llround(from * (double)all);
    s->count = llround(to * (double)all) - first;
    if (s->pick) s->pick += first;
    else s->first = first;
    if (s->count > 0) return true;
    diag_error(s->diags, source_loc(s, "fraction"), "%s: fraction from %g to %g of %lld samples holds none", s->name, from,
               to, (long long)all);
    return false;
}

static int by_number(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, z = *(const int32_t *)b;
    return (x > z) - (x < z);
}

/* The labels that occur, sorted, in `out`; gives their number. */
static int64_t distinct_labels(const DataSource *s, const int32_t *label, int32_t *out) {
    int64_t n = 1;
    for (int64_t i = 0; i < s->count; i++) out[i] = label[s->pick[i]];
    qsort(out, (size_t)s->count, sizeof *out, by_number);
    for (int64_t i = 1; i < s->count; i++)
        if (out[i] != out[n - 1]) out[n++] = out[i];
    return n;
}

/* Of each class equally many, the first ones of a shuffle by the source's own seed: two sources of the same samples, one
 * with only: labelled, one with only: rest, share none. */
static bool mark_labelled(DataSource *s, const int32_t *label) {
    int32_t *class = ARENA_ARRAY(s->arena, int32_t, s->count);
    int64_t n = distinct_labels(s, label, class), *left = ARENA_ARRAY(s->arena, int64_t, n), want = s->common.labelled;
    for (int64_t k = 0; k < n; k++) left[k] = want / n + (k < want % n);
    s->marked = ARENA_ARRAY(s->arena, uint8_t, s->total);
    Stream draws = rng_stream((uint64_t)s->common.seed, rng_hash("/labelled"), 0, 0);
    for (int64_t i = 0; i < s->count; i++) {
        uint32_t index = s->pick[shuffled_place(draws, s->count, i)];
        int32_t *at = bsearch(&label[index], class, (size_t)n, sizeof *class, by_number);
        if (left[at - class]) left[at - class]--, s->marked[index] = 1;
    }
    for (int64_t k = 0; k < n; k++) {
        if (!left[k]) continue;
        long long share = want / n + (k < want % n);
        diag_error(s->diags, source_loc(s, "labelled"),
                   "%s: labelled: %lld of %lld classes are %lld of the class %d, and only %lld samples have that label",
                   s->name, (long long)want, (long long)n, share, (int)class[k], share - (long long)left[k]);
        return false;
    }
    return true;
}

static bool keep_only(DataSource *s) {
    int64_t n = 0;
    if (s->common.only == ONLY_ALL) return true;
    for (int64_t i = 0; i < s->count; i++)
        if (s->marked[s->pick[i]] == (s->common.only == ONLY_LABELLED)) s->pick[n++] = s->pick[i];
    s->count = n;
    if (n) return true;
    diag_error(s->diags, source_loc(s, "only"), "%s: all %lld samples are labelled: there is no rest", s->name,
               (long long)s->common.labelled);
    return false;
}

bool choose_samples(DataSource *s) {
    bool classes = s->common.classes.n > 0, labelled = s->common.labelled > 0;
    s->first = 0;
    s->count = s->total;
    if (!classes && !labelled) return keep_part(s);
    const int32_t *label = labels_of(s, classes ? "classes" : "labelled");
    if (!label || !keep_classes(s, label) || !keep_part(s)) return false;
    return !labelled || (mark_labelled(s, label) && keep_only(s));
}
