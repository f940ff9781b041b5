/* Works on the document alone, after everything: from the position of a message to the row of text that
 * stands there, from its words to the definitions that bear them. Knows sections and the rows that bind
 * names, no values. */
#include "parser/trace.h"

#include "base/vec.h"
#include "parser/change.h"

#include <string.h>

enum { MOST_NOTES = 11, MOST_EMPTY = 13, MOST_IDLE = 2, IDLE_IN_ALL = 6, MOST_ROWS = 64, BRIEF = 24 };

typedef struct {
    const Doc *in;
    const DocEntry *entry;
    const Doc *value;
} Link; /* entry: NULL of a list's item */
typedef struct {
    int n;
    Link at[DOC_DEPTH + 1];
} Chain;

typedef struct {
    const Doc *spec;
    Diags *d;
    Diag *message; /* notes are added behind it */
    Chain chain;   /* from a section down to what stands at the message */
    int most; /* notes of the message, with those that it has */
    int nrow, nread, ncalled, nidle;
    const Doc *row[MOST_ROWS];         /* to be read, in this order: what a row says before what its names say */
    struct {
        const char *name;
        const DocEntry *result;
    } called[MOST_ROWS]; /* functions, by the rows */
} Trace;

/* ---- from a position to what stands there ---- */

static bool after(Loc x, Loc z) { return x.line > z.line || (x.line == z.line && x.col > z.col); }

static void look(const Doc *d, Loc target, Chain *now, Chain *best, Loc *best_loc) {
    if (d->kind == DOC_SCALAR || now->n == DOC_DEPTH) return;
    for (int i = 0; i < d->n; i++) {
        const DocEntry *e = d->kind == DOC_MAP ? &d->entry[i] : NULL;
        const Doc *value = e ? e->value : d->item[i];
        Loc loc = e ? e->loc : value->loc;
        now->at[now->n++] = (Link){d, e, value};
        if (loc.file == target.file && !after(loc, target) && !after(*best_loc, loc))
            *best = *now, *best_loc = loc;
        look(value, target, now, best, best_loc);
        now->n--;
    }
}

static Chain chain_to(const Doc *spec, Loc target) {
    Chain now = {0}, best = {0};
    Loc best_loc = {0};
    look(spec, target, &now, &best, &best_loc);
    return best;
}

/* ---- from words to definitions ---- */

static bool was_read(const Trace *t, const Doc *d) {
    for (int i = 0; i < t->nrow; i++)
        if (t->row[i] == d) return true;
    return false;
}

static void read_later(Trace *t, const Doc *d) {
    if (!was_read(t, d) && t->nrow < MOST_ROWS) t->row[t->nrow++] = d;
}

static bool is_row(const Link *l) { return !l->entry && l->value->kind == DOC_MAP; }

/* A note while there are few, then a place. */
static bool lead(Trace *t, Loc loc, const char *text, const char *brief) {
    Diag *last = t->message;
    if (loc_same_line(last->loc, loc) || diag_noted(last, loc)) return false;
    while (last->next && last->next->level == DIAG_NOTE) last = last->next;
    if (diag_notes(t->message) < t->most) diag_note_behind(t->d, last, loc, "%s", text);
    else diag_also(t->d, t->message, loc, "%s", brief);
    return true;
}

static void note(Trace *t, Loc loc, const char *form, const char *name, const Doc *value) {
    const char *shown = value->kind == DOC_SCALAR ? value->text : "defined here";
    const char *text = arena_printf(t->d->arena, "%s%s%s", name, form, shown);
    lead(t, loc, text, value->kind == DOC_SCALAR && value->length <= BRIEF ? text : name);
}

/* A local name: a key beside one of the chain's, or inside one of those (`collect:` of a metric); these are `among`, else NULL. */
static const DocEntry *find_local(const Trace *t, const char *word, bool unread, const Doc **among) {
    for (int i = t->chain.n - 1; i > 1; i--) {
        const Link *l = &t->chain.at[i];
        for (int k = -1; l->entry && k < l->in->n; k++) {
            const DocEntry *e = doc_entry(k < 0 ? l->in : l->in->entry[k].value, word);
            if (!e || (unread && was_read(t, e->value))) continue;     /* in its own value it means the outer one */
            *among = k < 0 ? NULL : l->in;
            return e;
        }
    }
    return NULL;
}

/* A running value is in `state`, and again in `after`. */
static bool read_local(Trace *t, const char *word) {
    const Doc *among;
    const DocEntry *e = find_local(t, word, true, &among);
    if (!e) return false;
    note(t, e->loc, " is ", word, e->value);
    read_later(t, e->value);
    for (int k = 0; among && k < among->n; k++) {
        const DocEntry *again = doc_entry(among->entry[k].value, word);
        if (!again || again == e || was_read(t, again->value)) continue;
        note(t, again->loc, ": ", word, again->value);
        read_later(t, again->value);
    }
    return true;
}

/* A source's keys that are numbers, or variables: they size its fields. */
static void note_options(Trace *t, const Doc *source) {
    int most = t->most;
    t->most = 0;
    for (int i = 0; source->kind == DOC_MAP && i < source->n; i++) {
        const DocEntry *e = &source->entry[i];
        bool number = e->value->kind == DOC_SCALAR && e->value->text[strspn(e->value->text, "0123456789")] == 0;
        if (number || (e->value->kind == DOC_SCALAR && doc_entry(doc_get(t->spec, "vars"), e->value->text)))
            note(t, e->loc, " is ", e->key, e->value);
    }
    t->most = most;
}

static void read_global(Trace *t, const char *word) {
    static const char *const traced[] = {"vars", "data", "iteration", NULL};
    for (const char *const *section = traced; *section; section++) {
        const DocEntry *e = doc_entry(doc_get(t->spec, *section), word);
        if (!e) continue;
        note(t, strcmp(*section, "vars") ? e->loc : e->value->loc, " is ", word, e->value);
        read_later(t, e->value);
        if (!strcmp(*section, "data")) note_options(t, e->value);
    }
}

static bool word_start(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool word_part(char c) { return word_start(c) || (c >= '0' && c <= '9'); }

static size_t name_length(const char *text) {
    size_t n = 0;
    while (word_part(text[n])) n++;
    return n;
}

/* The row that says what the spec's function or network of this name gives. */
static const DocEntry *result_of(const Trace *t, const char *name, size_t n) {
    static const char *const callable[] = {"functions", "networks", NULL};
    for (const char *const *section = callable; n && *section; section++) {
        const Doc *all = doc_get(t->spec, *section);
        for (int i = 0; all && all->kind == DOC_MAP && i < all->n; i++) {
            if (strncmp(all->entry[i].key, name, n) || all->entry[i].key[n] != '(') continue;
            const DocEntry *result = doc_entry(all->entry[i].value, "return");
            return result ? result : &all->entry[i];
        }
    }
    return NULL;
}

/* The name before the bracket that p, a closing one, closes. */
static const char *called_before(const char *text, const char *p, size_t *n) {
    int depth = 0;
    do depth += (*p == ')') - (*p == '(');
    while (depth && p-- > text);
    const char *end = p;
    while (p > text && word_part(p[-1])) p--;
    *n = depth ? 0 : (size_t)(end - p);
    return p;
}

/* `judged.score`, `draw(n).z`: the row of the record where that part is given. `word` is the one before the dot, or NULL. */
static void read_member(Trace *t, const char *text, const char *dot, const char *word) {
    const Doc *among;
    const DocEntry *local = word ? find_local(t, word, false, &among) : NULL;
    if (local && local->value->kind != DOC_SCALAR) return;
    const char *call = local ? local->value->text : text;
    const char *end = local ? strchr(call, 0) : dot;
    size_t n;
    if ((word && !local) || end == call || end[-1] != ')') return;
    call = called_before(call, end - 1, &n);
    const DocEntry *result = result_of(t, call, n);
    const char *part = arena_strndup(t->d->arena, dot + 1, name_length(dot + 1));
    const DocEntry *e = result ? doc_entry(result->value, part) : NULL;
    if (e) note(t, e->loc, " is ", arena_printf(t->d->arena, ".%s", part), e->value);
    else if (result) note(t, result->loc, result->value->kind == DOC_SCALAR ? " gives " : " is ", arena_strndup(t->d->arena, call, n), result->value);
}

static void read_scalar(Trace *t, const char *whole) {
    const char *text = whole;
    while (*text) {
        if (*text == ')' && text[1] == '.' && word_start(text[2])) read_member(t, whole, text + 1, NULL);
        if (!word_start(*text)) {
            text += 1;
            continue;
        }
        size_t n = name_length(text);
        const char *word = arena_strndup(t->d->arena, text, n);
        if (text[n] == '.' && word_start(text[n + 1])) read_member(t, whole, text + n, word);
        const DocEntry *result = text[n] == '(' ? result_of(t, word, n) : NULL;
        if (result && result->value->kind == DOC_SCALAR && t->ncalled < MOST_ROWS)
            t->called[t->ncalled].name = word, t->called[t->ncalled++].result = result;
        else if (!read_local(t, word)) read_global(t, word);
        text += n;
    }
}

static void read_row(Trace *t, const Doc *d) {
    if (d->kind == DOC_SCALAR) read_scalar(t, d->text);
    for (int i = 0; d->kind != DOC_SCALAR && i < d->n; i++) {
        const DocEntry *e = d->kind == DOC_MAP ? &d->entry[i] : NULL;
        const Doc *value = e ? e->value : d->item[i];
        bool elsewhere = e && (value->loc.file != e->loc.file || value->loc.line < e->loc.line);
        if (elsewhere && value->kind == DOC_SCALAR) note(t, value->loc, " is ", e->key, value); /* a preset's, or --set */
        read_later(t, value);
    }
}

/* The row at the message, then what the rows around it say besides their own rows: `for`, `repeat`, `when`.
 */
static void read_rows(Trace *t) {
    bool found = false;
    for (int i = t->chain.n - 1; i >= 0; i--) {
        const Link *l = &t->chain.at[i];
        bool whole = !found && (is_row(l) || i <= 2);
        if (whole) read_later(t, l->value);
        for (int k = 0; found && is_row(l) && k < l->value->n; k++) {
            const DocEntry *e = &l->value->entry[k];
            if (e->value->kind != DOC_SCALAR) continue;
            note(t, e->loc, ": ", e->key, e->value);
            read_later(t, e->value);
        }
        found = found || whole;
    }
    while (t->nread < t->nrow) read_row(t, t->row[t->nread++]);
}

/* Or the shape of one, []. */
static bool names_number(const char *text) {
    bool quoted = false;
    if (strstr(text, "[]")) return true;
    for (const char *p = text; *p; p++) {
        quoted ^= *p == '\'';
        bool named = p > text && word_part(p[-1]); /* as in `size2` */
        if (!quoted && *p >= '0' && *p <= '9' && !named) return true;
    }
    return false;
}

/* A key that the message stands at and speaks of, where the same definition has it again: a line may have lost its place. */
static void note_again(Trace *t, const Doc *in, const DocEntry *at) {
    if (in->kind == DOC_SCALAR) return;
    for (int i = 0; i < in->n; i++) {
        const DocEntry *e = in->kind == DOC_MAP ? &in->entry[i] : NULL;
        if (e && e != at && !strcmp(e->key, at->key)) lead(t, e->loc, arena_printf(t->d->arena, "'%s' stands here", e->key), e->key);
        note_again(t, e ? e->value : in->item[i], at);
    }
}

static void trace_key(Trace *t) {
    t->chain = chain_to(t->spec, t->message->loc);
    const DocEntry *at = t->chain.n > 2 ? t->chain.at[t->chain.n - 1].entry : NULL;
    bool here = at && at->loc.line == t->message->loc.line && at->loc.col == t->message->loc.col;
    if (here && strstr(t->message->text, arena_printf(t->d->arena, "'%s' is no", at->key))) note_again(t, t->chain.at[1].value, at);
}

/* Loops that went through nothing, in the layer lists that the message or its notes lead to. */
static void note_empty(Trace *t) {
    for (int i = 0; i < t->chain.n; i++) {
        const Doc *in = t->chain.at[i].in;
        for (int k = 0; in->kind == DOC_LIST && k < in->n; k++)
            if (in->item[k]->item_state == ITEM_EMPTY)
                note(t, in->item[k]->loc, " goes through nothing: ", in->item[k]->entry[0].key, in->item[k]->entry[0].value);
    }
}

/* Layers in it, or conditions, that gave what they were given. */
static void note_idle(Trace *t, const Doc *in, bool conditions) {
    if (t->nidle == IDLE_IN_ALL) return;
    if (in->kind == DOC_MAP && in->item_state == ITEM_IDLE && !doc_entry(in, "when") == !conditions) {
        const char *text = arena_printf(t->d->arena, "'%s' changes nothing here", in->entry[0].key);
        if (t->nidle >= MOST_IDLE) t->most = 0;
        t->nidle += lead(t, in->loc, text, text);
    }
    for (int i = 0; in->kind != DOC_SCALAR && i < in->n; i++)
        note_idle(t, in->kind == DOC_MAP ? in->entry[i].value : in->item[i], conditions);
}

static void each_place(Trace *t, int n, const Loc *place, bool conditions) {
    for (int i = 0; i < n; i++) {
        t->chain = chain_to(t->spec, place[i]);
        if (!conditions) note_empty(t);
        int most = t->most;
        if (t->chain.n > 1) note_idle(t, t->chain.at[1].value, conditions);
        t->most = most;
    }
}

/* The head of the definition that the place is in: its arguments may have changed places, or a default its value. */
static void note_head_of(Trace *t, Loc place) {
    t->chain = chain_to(t->spec, place);
    const DocEntry *e = t->chain.n > 1 ? t->chain.at[1].entry : NULL;
    if (!e || !strchr(e->key, '(') || !strpbrk(e->key, ",=")) return;
    t->most = 0;
    lead(t, e->loc, e->key, strlen(e->key) <= 2 * BRIEF ? e->key : arena_strndup(t->d->arena, e->key, strcspn(e->key, "(")));
}

/* Of each call that led to the message, where no note says so. */
static void trace_calls(Trace *t) {
    enum { MOST = 4 };
    int n = 0;
    t->most = 0;
    for (const Caller *c = t->message->caller; c && n < MOST; c = c->outer)
        if (!caller_in_foreign_text(c))
            n += lead(t, c->loc, "", arena_printf(t->d->arena, "'%s'", c->who));
}

static void trace(Trace *t, int n, const Loc *place) {
    t->most = MOST_EMPTY;
    each_place(t, n, place, false);
    t->most = MOST_NOTES;
    for (int i = 0; i < n; i++) {
        t->chain = chain_to(t->spec, place[i]);
        read_rows(t);
    }
    for (int i = 0; i < t->ncalled; i++)
        note(t, t->called[i].result->loc, " gives ", t->called[i].name, t->called[i].result->value);
    trace_calls(t);
    for (int i = 0; i < n; i++) note_head_of(t, place[i]);
    each_place(t, n, place, true);
}

void trace_values(const Doc *spec, Diags *d) {
    enum { MOST = 32 };
    for (Diag *e = d->first, *next; e; e = next) {
        next = e->next;
        while (next && next->level == DIAG_NOTE) next = next->next;
        if (e->level != DIAG_ERROR) continue;
        Trace t = {.spec = spec, .d = d, .message = e, .most = MOST_NOTES};
        trace_key(&t);
        if (!names_number(e->text)) {
            trace_calls(&t);
            continue;
        }
        Loc place[MOST] = {e->loc};
        int n = 1;
        for (const Diag *k = e->next; k != next && n < MOST; k = k->next) place[n++] = k->loc;
        for (const Further *k = e->also; k && n < MOST; k = k->next) place[n++] = k->loc;
        trace(&t, n, place);
    }
}
