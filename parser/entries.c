/* The entries of a mapping: keys are checked, `<<` takes in those of others, two of one name are refused. */
#include "parser/entries.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_KEY = 500 };                              /* libyaml's simple keys end at 1024 characters, escapes included */

static int by_key(const void *x, const void *y) {
    const Ranked *a = x, *b = y;
    int c = strcmp(a->entry.key, b->entry.key);
    if (!c) c = a->rank - b->rank;
    return c ? c : a->order - b->order;
}

static int by_order(const void *x, const void *y) { return ((const Ranked *)x)->order - ((const Ranked *)y)->order; }

static void push(Entries *all, DocEntry entry, int rank) {
    vec_push(all->d->arena, &all->all, ((Ranked){entry, rank, all->all.n}));
}

static void merge(Entries *all, const Doc *from, Loc loc) {
    if (from->kind == DOC_LIST) {
        for (int i = 0; i < from->n; i++) {
            const Doc *one = from->item[i];
            if (one->kind == DOC_MAP) merge(all, one, loc);
            else diag_error(all->d, one->loc, "'<<' merges mappings; this is none");
        }
    } else if (from->kind == DOC_MAP) {
        all->merged++;
        for (int i = 0; i < from->n; i++) push(all, from->entry[i], all->merged);
    } else {
        diag_error(all->d, loc, "'<<' merges mappings; it takes an alias such as *base, or a list of them");
    }
}

/* Lines that stand too far left or right make keys meet that stand apart otherwise: one between the two is left empty. */
static void note_empty(const Entries *all, int done, int from, const Ranked *first, const Ranked *second) {
    for (int i = 0; i < all->all.n; i++) {
        const Ranked *one = &all->all.at[i];
        const Doc *v = one->entry.value;
        bool between = (i < done || i >= from) && !one->rank && one->order > first->order && one->order < second->order;
        if (between && v->kind == DOC_SCALAR && !v->length && v->style == DOC_PLAIN)
            diag_note(all->d, one->entry.loc, "nothing stands under '%s': are these lines indented as they should be?", one->entry.key);
    }
}

/* The first of each key stays; of two with rank 0 one is an error. */
void entries_settle(Entries *all, Doc *map) {
    Ranked *at = all->all.at;
    if (all->all.n) qsort(at, (size_t)all->all.n, sizeof *at, by_key);
    int n = 0;
    for (int i = 0; i < all->all.n; i++) {
        const Ranked *kept = n ? &at[n - 1] : NULL, *one = &at[i];
        if (!kept || strcmp(kept->entry.key, one->entry.key)) {
            at[n++] = *one;
        } else if (!one->rank) {
            diag_error(all->d, one->entry.loc, "key '%s' stands twice in one mapping", one->entry.key);
            diag_note(all->d, kept->entry.loc, "the first is here");
            note_empty(all, n, i, kept, one);
        }
    }
    if (n) qsort(at, (size_t)n, sizeof *at, by_order);
    map->n = n;
    map->entry = ARENA_ARRAY(all->d->arena, DocEntry, n);
    for (int i = 0; i < n; i++) map->entry[i] = at[i].entry;
}

static bool is_key(Diags *d, const Doc *key) {
    if (key->kind != DOC_SCALAR) {
        diag_error(d, key->loc, "a key is a name or a head such as f(x), not a %s" QUOTE_HINT,
                   key->kind == DOC_LIST ? "list" : "mapping");
        return false;
    }
    if (key->style == DOC_PLAIN && key->length && key->text[key->length - 1] == ':')
        diag_error(d, doc_loc_at(key, key->length - 1), "one ':' ends a key");
    if (key->length > MOST_KEY) diag_error(d, key->loc, "a key of more than %d bytes", MOST_KEY);
    for (size_t i = 0; i < key->length; i++)
        if ((unsigned char)key->text[i] < 0x20 || key->text[i] == 0x7F) {
            diag_error(d, doc_loc_at(key, i), "a key may hold no line breaks or control characters");
            return false;
        }
    return true;
}

void entries_add(Entries *all, Doc *key, Doc *value) {
    if (!is_key(all->d, key)) return;
    if (key->style == DOC_PLAIN && !strcmp(key->text, "<<")) merge(all, value, key->loc);
    else push(all, (DocEntry){key->text, key->loc, key, value}, 0);
}
