/* One change to one token of a shipped spec: a token deleted or doubled, two names swapped, a number changed,
 * a line indented otherwise. Each mutant, compiled and played in a process of its own, is either
 *
 *   refused    with an error within two lines of the change, or one whose notes lead there, or that names its very
 * line among the places behind the notes, or that quotes a token that was changed; harmless   it means the same: the resolved spec is the old one, or has keys in another order and does the same; effective  it means
 * something else and does something else: some unit's graph, the schedule, a source, a metric or an output
 * differs; and a turn of each entry can be played.
 *
 * A mutant that crashes, hangs, asks for memory that is not there without saying so, or is refused without
 * leading to the change, is a defect; so is one with swapped names or another number that is accepted and
 * changes nothing.
 *
 * What a preset alone reads (a source of photographs) is compared under each of the spec's presets, too.
 *
 *   test_mutations [COUNT [SEED [NAME]]]     so many of each spec (of NAME only)
 *
 * MUTANTS_TELL=1 says what each mutant came to; MUTANTS_KEEP=FOLDER keeps those that are defects there. Pictures that models
 * read are drawn where GRAPHRUN_DATA leads to none.
 */
#include "base/rng.h"
#include "readall.h"
#include "base/str.h"
#include "beside.h"
#include "parser/compile.h"
#include "train/machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { NEAR = 2, SECONDS = 20, WAITING = 400, USUAL = 25 }; /* of processor time; on the clock */

/* ---- tokens of a spec's text, comments aside ---- */

typedef enum { WORD, NUMBER, MARK } TokenKind;
typedef struct {
    TokenKind kind;
    size_t at, n;
    uint32_t line;
} Token;
typedef struct {
    const char *text;
    size_t size;
    VEC(Token) token;
    VEC(size_t) line;
} Given;

static bool is_word(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static size_t number_end(const char *p) {
    char *end;
    strtod(p, &end);
    return (size_t)(end - p);
}

static void tokenise(Arena *a, Given *s) {
    uint32_t line = 1;
    char quote = 0;
    bool begins = true; /* only space stands before it on its line */
    for (size_t i = 0; i < s->size;) {
        const char *p = s->text + i;
        if (begins && *p != ' ' && *p != '\n' && (!strncmp(p, "doc:", 4) || unread(s->text, line))) {
            i += strcspn(p, "\n"); /* text may say anything; so may what nothing reads */
            begins = false;
            continue;
        }
        if (begins && *p != ' ') {
            if (*p != '\n' && *p != '#') vec_push(a, &s->line, i);
            begins = false;
        }
        if (*p == '#' && !quote && (!i || p[-1] == ' ' || p[-1] == '\n')) {
            i += strcspn(p, "\n");
            continue;
        }
        if (*p == '\n') line++, begins = true;
        if (*p == ' ' || *p == '\n') {
            i++;
            continue;
        }
        if (*p == '"' || *p == '\'') quote = quote == *p ? 0 : quote ? quote : *p;
        Token t = {MARK, i, 1, line};
        if (is_word(*p)) {
            t.kind = WORD;
            while (is_word(p[t.n]) || is_digit(p[t.n])) t.n++;
        } else if (is_digit(*p)) {
            t.kind = NUMBER;
            t.n = number_end(p);
        }
        vec_push(a, &s->token, t);
        i += t.n;
    }
}

/* ---- mutants ---- */

typedef struct {
    char *text, *what;
    uint32_t line[2];     /* where the change is; both the same but for a swap */
    const char *token[2]; /* that were there; NULL */
    bool must;            /* change what the spec does, where it is accepted */
} Mutant;

static char *spliced(Arena *a, const Given *s, size_t at, size_t n, const char *with) {
    return arena_printf(a, "%.*s%s%s", (int)at, s->text, with, s->text + at + n);
}

static const char *text_of(Arena *a, const Given *s, const Token *t) {
    return arena_strndup(a, s->text + t->at, t->n);
}

static const char *other_number(Arena *a, const char *was, uint64_t which) {
    double x = strtod(was, NULL);
    switch (which % 9) {
    case 0: return x == 0 ? "1" : "0";
    case 1: return arena_printf(a, "-%s", was);
    case 2: return arena_printf(a, "%.17g", x + 1);
    case 3: return arena_printf(a, "%.17g", x > 1 ? x - 1 : x / 2);
    case 4: return arena_printf(a, "%.17g", 2 * x);
    case 5: return arena_printf(a, "%.17g", x + 0.5);
    case 6: return "1000000000";
    case 7: return "1e30";
    default: return arena_printf(a, "%s7", was);
    }
}

static Mutant indented(Arena *a, const Given *s, uint64_t r, uint64_t by) {
    size_t at = s->line.at[r % (uint64_t)s->line.n], start = at;
    while (start && s->text[start - 1] == ' ') start--;
    uint32_t line = 1;
    for (size_t i = 0; i < at; i++) line += s->text[i] == '\n';
    static const int steps[] = {1, 2, -1, -2};
    int step = steps[by % 4];
    size_t room = at - start, cut = step < 0 ? (size_t)-step : 0;
    if (cut > room) step = 2, cut = 0;
    Mutant m = {.line = {line, line}, .what = arena_printf(a, "line indented by %d", step)};
    m.text = spliced(a, s, start, cut, step == 1 ? " " : step == 2 ? "  " : "");
    return m;
}

/* In a definition's head, whose defaults all calls may give, or in a text that nobody evaluates. */
static bool may_be_idle(const Given *s, const Token *t) {
    size_t end = t->at + strcspn(s->text + t->at, "\n"), start = t->at;
    while (start && s->text[start - 1] != '\n') start--;
    bool head = end - t->at > 2 && s->text[end - 1] == ':' && s->text[end - 2] == ')';
    return head || !strncmp(s->text + start + strspn(s->text + start, " "), "doc:", 4);
}

/* Factors or terms in another order, `x + z` or `seen.x + seen.z`: the graph puts them into one. */
static bool commute(const Given *s, const Token *first, const Token *second) {
    const char *p = s->text + first->at + first->n, *end = s->text + second->at, *start = s->text + first->at;
    p += strspn(p, " ");
    if (*p != '*' && *p != '+') return false;
    p += 1 + strspn(p + 1, " ");
    size_t before = p < end ? (size_t)(end - p) : 0;   /* what stands before both */
    for (size_t i = 0; i < before; i++)
        if (!is_word(p[i]) && !is_digit(p[i]) && p[i] != '.') return false;
    return p <= end && first->at >= before && !memcmp(start - before, p, before);
}

/* What the spec's section of variables, a line each or in braces, gives a name, or "" where it gives none. */
static const char *variable(Arena *a, const Given *s, const char *name) {
    const char *p = strstr(s->text, "\nvars:"), *end = p ? p + 6 : "";
    if (*end == '\n')
        while (end[0] && end[1] == ' ') end += 1 + strcspn(end + 1, "\n");
    else end += strcspn(end, "\n");
    size_t n = strlen(name);
    for (p = p ? p + 6 : end; p < end; p++) {
        if (*p == '#') p += strcspn(p, "\n");
        if (!strchr(" {,", p[-1]) || strncmp(p, name, n) || p[n] != ':') continue;
        p += n + 1 + strspn(p + n + 1, " ");
        return arena_strndup(a, p, strcspn(p, ",} \n"));
    }
    return "";
}

/* Two variables of one value: each may stand for the other. */
static bool same_variables(Arena *a, const Given *s, const char *x, const char *y) {
    const char *value = variable(a, s, x);
    return *value && !strcmp(value, variable(a, s, y));
}

static Mutant swapped(Arena *a, const Given *s, const Token *t, uint64_t r) {
    const Token *near[64], *z;
    int n = 0;
    for (int i = 0; i < s->token.n && n < 64; i++) {
        z = &s->token.at[i];
        bool other = z->kind == WORD && (z->n != t->n || memcmp(s->text + z->at, s->text + t->at, t->n));
        if (other && z->line + 6 >= t->line && z->line <= t->line + 6) near[n++] = z;
    }
    if (!n) return (Mutant){0};
    z = near[r % (uint64_t)n];
    const Token *first = t->at < z->at ? t : z, *second = t->at < z->at ? z : t;
    const char *x = text_of(a, s, first), *y = text_of(a, s, second);
    Mutant m = {.line = {first->line, second->line}, .token = {x, y}};
    bool same = same_variables(a, s, x, y) || commute(s, first, second);
    same = same || (!strncmp(x, y, 5) && !strncmp(x, "epoch", 5)); /* `1 epoch` and `1 epochs` are the same */
    m.must = !same && !(may_be_idle(s, first) && may_be_idle(s, second)); /* names in heads that only layer lists read */
    m.what = arena_printf(a, "'%s' and '%s' swapped", x, y);
    m.text = arena_printf(a, "%.*s%s%.*s%s%s", (int)first->at, s->text, y,
                          (int)(second->at - first->at - first->n), s->text + first->at + first->n, x,
                          s->text + second->at + second->n);
    return m;
}

/* A size of reshape that becomes -1, what is left: it is what was left. */
static bool is_rest(const Given *s, const Token *t, const char *with) {
    size_t start = t->at;
    while (start && s->text[start - 1] != '\n') start--;
    const char *reshape = strstr(s->text + start, "reshape");
    return !strcmp(with, "-1") && reshape && reshape < s->text + t->at;
}

/* Inside of an index, x[...]: another place may hold the same, as 1 and -1 of two, or both sides of a square. */
static bool is_place(const Given *s, const Token *t) {
    int depth = 0;
    size_t at = t->at;
    for (; at && s->text[at] != '\n'; at--) {
        depth += (s->text[at] == ']') - (s->text[at] == '[');
        if (depth < 0) break;
    }
    return depth < 0 && at && (is_word(s->text[at - 1]) || s->text[at - 1] == ')');
}

/* An axis, counted from the other end: it may be the same one. */
static bool is_axis(const Given *s, const Token *t, const char *with) {
    size_t at = t->at;
    if (*with != '-') return false;
    while (at && strchr("0123456789, [", s->text[at - 1])) at--;
    return at >= 5 && (!strncmp(s->text + at - 5, "axis=", 5) || !strncmp(s->text + at - 5, "axes=", 5));
}

static Mutant mutate(Arena *a, const Given *s, Stream stream, uint64_t k) {
    uint64_t r[4];
    for (int i = 0; i < 4; i++) r[i] = rng_word(stream, 4 * k + (uint64_t)i);
    const Token *t = &s->token.at[r[1] % (uint64_t)s->token.n];
    if (r[0] % 5 == 4) return indented(a, s, r[1], r[2]);
    TokenKind wanted = r[0] % 5 == 3 ? NUMBER : WORD;
    for (uint64_t i = 1; r[0] % 5 >= 2 && t->kind != wanted; i++)
        t = &s->token.at[(r[1] + i) % (uint64_t)s->token.n];
    const char *was = text_of(a, s, t);
    Mutant m = {.line = {t->line, t->line}, .token = {was}};
    const char *with = "";
    switch (r[0] % 5) {
    case 0: m.what = arena_printf(a, "'%s' deleted", was); break;
    case 1:
        with = arena_printf(a, t->kind == MARK ? "%s%s" : "%s %s", was, was);
        m.what = arena_printf(a, "'%s' doubled", was);
        break;
    case 2: return swapped(a, s, t, r[2]);
    default:
        with = other_number(a, was, r[2]);
        m.must = strtod(with, NULL) != strtod(was, NULL) && !may_be_idle(s, t) && !is_rest(s, t, with) && !is_place(s, t) &&
                 !is_axis(s, t, with);
        m.what = arena_printf(a, "'%s' becomes '%s'", was, with);
    }
    m.text = spliced(a, s, t->at, t->n, with);
    return m;
}

/* ---- what a spec amounts to, as text: all that is not the same must show here ---- */

static bool describe_unit(void *ctx, Unit *u) {
    FILE *to = ctx;
    if (!u->graph) return true;
    fprintf(to, "unit %s %016llx", u->name, (unsigned long long)graph_hash(u->graph));
    for (int i = 0; i < u->nresult; i++)
        fprintf(to, " %d %s", u->result[i]->id, u->result_name && u->result_name[i] ? u->result_name[i] : "");
    fputc('\n', to);
    return true;
}

static void describe_fields(const Field *table, const void *from, Arena *a, FILE *to) {
    for (const Field *f = table; f && f->name; f++)
        if (f->type != F_EXPR && f->type != F_EXPRS && f->type != F_FORM)
            fprintf(to, " %s=%s", f->name, field_show(f, from, a));
    fputc('\n', to);
}

static void describe(Training *t, FILE *to) {
    units_each(t, describe_unit, to);
    for (int i = 0; i < t->slots->all.n; i++) {
        const Slot *s = &t->slots->all.at[i];
        fprintf(to, "slot %s %s %s %g\n", s->name, dtype_name(s->type.dtype),
                shape_show(&s->type.shape, t->arena), s->fill);
    }
    for (int i = 0; i < t->nsource; i++) {
        const DataSource *s = t->source[i].source;
        fprintf(to, "source %s", t->source[i].name);
        if (!s || !t->source[i].used) continue;
        fprintf(to, " %s", s->kind->name);
        describe_fields(s->kind->options, s->options, t->arena, to);
        describe_fields(source_options, &s->common, t->arena, to);
        for (int mode = 0; t->source[i].rework && mode < MODES; mode++)
            describe_unit(to, &t->source[i].rework->unit[mode]);
    }
    for (int i = 0; i < t->nstage; i++) {
        const Stage *s = &t->stage[i];
        fprintf(to, "stage %s %lld %g %d %d %lld %lld", s->name, (long long)s->steps, s->epochs, s->of,
                (int)s->checkpoint.kind, (long long)s->checkpoint.n, (long long)s->keep);
        for (int k = 0; k < s->nentry; k++)
            fprintf(to, " %s %s", s->entry[k].turn->unit.name, s->entry[k].text ? s->entry[k].text : "");
        fputc('\n', to);
    }
    for (int i = 0; i < t->nmetric; i++)
        fprintf(to, "metric %s %d %lld %d %d %lld\n", t->metric[i].name, (int)t->metric[i].every.kind,
                (long long)t->metric[i].every.n, t->metric[i].stage, t->metric[i].over,
                (long long)t->metric[i].count);
    for (int i = 0; i < t->noutput; i++) {
        const OutputUse *o = &t->output[i];
        fprintf(to, "output %s %s %d %lld %d %d %d", o->name, o->kind->name, (int)o->every.kind,
                (long long)o->every.n, o->animate, o->stage, o->over);
        describe_fields(o->kind->options, o->options, t->arena, to);
    }
}

/* ---- a mutant's fate, found in a process of its own ---- */

typedef enum { RUNNING, REFUSED, ACCEPTED, PLAYED } Reached;
typedef struct {
    Reached reached;
    bool near, noted, further, quoted; /* how a refusal leads to the change: see judge */
    uint64_t meaning, effect; /* hashes: of the resolved spec, of what it amounts to */
    uint64_t sense;           /* of the resolved spec, whatever the order of its keys */
    uint64_t presets;         /* of what it amounts to under its presets; 0: not asked for */
    int code;                 /* of the fault in which playing ended */
    char message[400];
} Fate;

static bool close_to(Loc loc, const Mutant *m, uint32_t near) {
    for (int i = 0; i < 2; i++)
        if (loc.file == 0 && loc.line + near >= m->line[i] && loc.line <= m->line[i] + near) return true;
    return false;
}

static bool quotes(const char *text, const char *token) {
    if (!token) return false;
    size_t n = strlen(token);
    for (const char *p = text; (p = strstr(p, token)); p++)
        if ((p == text || (!is_word(p[-1]) && !is_digit(p[-1]))) && !is_word(p[n]) && !is_digit(p[n]))
            return true;
    return false;
}

static void judge(const Diags *d, const Mutant *m, Fate *out) {
    for (const Diag *e = d->first; e; e = e->next) {
        if (e->level == DIAG_WARNING) continue;
        bool error = e->level == DIAG_ERROR, there = close_to(e->loc, m, NEAR);
        out->near = out->near || (error && there);
        out->noted = out->noted || there;
        for (const Further *p = e->also; p; p = p->next) out->further = out->further || close_to(p->loc, m, 0);
        for (int i = 0; error && i < 2; i++) out->quoted = out->quoted || quotes(e->text, m->token[i]);
        if (!*out->message && e->level == DIAG_ERROR)
            snprintf(out->message, sizeof out->message, "%u:%u: %.350s", e->loc.line, e->loc.col, e->text);
    }
}

static void play(Training *t, const Mutant *mutant, Fate *out) {
    MachineOptions options = machine_defaults();
    options.threads = 1;
    Fault f = {0};
    Machine *m = machine_new(t, &options, &f);
    bool good = m && machine_prepare(m, &f) && machine_load(m, &f) && machine_start(m, &f);
    for (int s = 0; good && s < t->nstage; s++)
        for (int i = 0; good && i < t->stage[s].nentry; i++) {
            Unit *u = &t->stage[s].entry[i].turn->unit;
            good = feed_players(m, u, &f) && unit_run(m, u, &f);
        }
    out->code = f.code;
    out->reached = PLAYED;
    if (!good) snprintf(out->message, sizeof out->message, "%.390s", f.text);
    machine_free(m);
    if (f.code != CODE_SPEC || !t->diags->errors) return;
    out->reached = REFUSED;                           /* by what the data hold: a label beyond its table */
    out->message[0] = 0;
    judge(t->diags, mutant, out);
}

static uint64_t sense_of(const Doc *d) {
    uint64_t all = (uint64_t)d->kind + 1;
    if (d->kind == DOC_SCALAR) return all ^ rng_hash(d->text);
    for (int i = 0; i < d->n; i++)
        all = d->kind == DOC_LIST ? 31 * all + sense_of(d->item[i]) : all + (sense_of(d->entry[i].value) ^ 7 * rng_hash(d->entry[i].key)) * 0x9e3779b97f4a7c15u;
    return 0x2545f4914f6cdd1du * all;
}

static uint64_t effect_of(Training *t) {
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    describe(t, to);
    fclose(to);
    if (getenv("MUTANTS_EFFECT")) fputs(text, stderr);
    uint64_t hash = rng_hash(text);
    free(text);
    return hash;
}

/* As written, then as its preset `tiny`, in which a turn takes no time. */
static void live(const char *path, const Mutant *m, bool tiny, Fate *out) {
    Arena *a = arena_new();
    Diags *d = diags_new(a);
    Training *t = compile(path, &(CompileOptions){.changes = {.npreset = tiny, .preset = (const char *const[]){"tiny"}}}, a, d);
    if (!t) {
        judge(d, m, out);
        out->reached = REFUSED;
    } else if (!tiny) {
        out->meaning = rng_hash(t->resolved);
        out->sense = sense_of(doc_parse("resolved", t->resolved, strlen(t->resolved), d));
        out->effect = effect_of(t);
        out->reached = ACCEPTED;
    } else {
        out->effect ^= 31 * effect_of(t);
        out->meaning ^= 31 * rng_hash(t->resolved);
        play(t, m, out);
    }
    if (t) compile_close(t);
    arena_free(a);
}

/* What each of the spec's presets makes of it. */
static uint64_t under_presets(const char *path, const Given *s) {
    uint64_t all = 1;
    const char *p = strstr(s->text, "\npresets:\n");
    for (p = p ? strchr(p + 1, '\n') + 1 : ""; *p == ' ' || *p == '\n' || *p == '#'; p += strcspn(p, "\n"), p += *p == '\n') {
        size_t n = strspn(p, " ");
        if (n != 2 || !is_word(p[2])) continue;
        Arena *a = arena_new();
        const char *name = arena_strndup(a, p + 2, strcspn(p + 2, ":"));
        Training *t = compile(path, &(CompileOptions){.changes = {.npreset = 1, .preset = &name}}, a, diags_new(a));
        all = 31 * all + (t ? effect_of(t) : 0);
        if (t) compile_close(t);
        arena_free(a);
    }
    return all;
}

static void in_child(const char *text, const Mutant *m, const Given *presets, Fate *out) {
#ifndef GRAPHRUN_ARENA_EACH /* AddressSanitizer reserves terabytes */
    const rlim_t most = (rlim_t)6 << 30;
    setrlimit(RLIMIT_AS, &(struct rlimit){most, most});
#endif
    setrlimit(RLIMIT_CPU, &(struct rlimit){SECONDS, SECONDS + 1});
    static const int faults[] = {SIGSEGV, SIGFPE, SIGILL, SIGBUS, SIGABRT}; /* cmocka would go on with the next test, here too */
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) signal(faults[i], SIG_DFL);
    alarm(WAITING);
    char path[100];
    snprintf(path, sizeof path, "%s/mutant.yaml", beside);
    FILE *f = fopen(path, "w");
    if (!f) _exit(1);
    fputs(text, f);
    fclose(f);
    live(path, m, false, out);
    bool other = false; /* another preset is called `tiny`: its turns may take long */
    for (int i = 0; i < 2; i++) other = other || (m->token[i] && !strcmp(m->token[i], "tiny"));
    if (presets) out->presets = under_presets(path, presets);
    else if (out->reached == ACCEPTED && !other) live(path, m, true, out);
    unlink(path);
    _exit(0);
}

/* Gives 0, or the signal that ended it. presets: of this spec, are looked at alone; or NULL. */
static int fate_of(const char *text, const Mutant *m, const Given *presets, Fate *out) {
    Fate *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    *shared = (Fate){0};
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) in_child(text, m, presets, shared);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    *out = *shared;
    munmap(shared, sizeof *shared);
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) ? -WEXITSTATUS(status) : 0;
}

/* ---- the verdict ---- */

typedef struct {
    int refused, near, noted, quoted, further, harmless, same, effective, failed;
} Tally;

static const char *defect(const Fate *was, const Fate *is, int signal, bool must, Tally *tally) {
    if (signal) return signal == SIGALRM || signal == SIGXCPU ? "hangs" : "crashes";
    tally->near += is->near;
    tally->noted += is->noted && !is->near;
    tally->quoted += is->quoted && !is->near && !is->noted;
    tally->further += is->further && !is->near && !is->noted && !is->quoted;
    if (is->reached == REFUSED)
        return tally->refused++, is->near || is->noted || is->quoted || is->further ? NULL : "is refused elsewhere";
    if (is->code && is->code != CODE_DIVERGED && !strstr(is->message, "of memory"))
        return "fails while running";
    if (is->meaning == was->meaning)
        return tally->harmless++,
               is->effect == was->effect ? NULL : "means the same and does not do the same";
    if (is->sense == was->sense && is->effect == was->effect) return tally->harmless++, NULL;
    if (is->effect == was->effect) return tally->same++, must ? "changes nothing" : NULL;
    return tally->effective++, NULL;
}

static uint64_t seed = 1;
static int count = USUAL;
static bool tell;

/* Changes nothing that a run without a preset, or with `tiny`, would do; nor any other preset. */
static bool idle(const Given *s, const Mutant *m) {
    Fate was, is;
    if (fate_of(s->text, m, s, &was) || fate_of(m->text, m, s, &is)) return true;
    return was.presets == is.presets;
}

static void keep(const char *path, const Mutant *m, int number) {
    const char *folder = getenv("MUTANTS_KEEP");
    if (!folder) return;
    char to[1000];
    snprintf(to, sizeof to, "%s/%llu_%d_%s", folder, (unsigned long long)seed, number, strrchr(path, '/') + 1);
    FILE *f = fopen(to, "w");
    if (!f) return;
    fputs(m->text, f);
    fclose(f);
}

static void every_mutant(void **state) {
    const char *path = *state;
    Arena *a = arena_new();
    Given s = {0};
    s.text = read_all(a, path, &s.size);
    tokenise(a, &s);
    assert_true(s.token.n > 20);
    Fate was;
    Tally tally = {0};
    assert_int_equal(fate_of(s.text, &(Mutant){0}, NULL, &was), 0);
    assert_true(was.reached == PLAYED && !was.code);
    Stream stream = rng_stream(seed, rng_hash(strrchr(path, '/')), 0, 0);
    for (int k = 0; k < count; k++) {
        Mutant m = mutate(a, &s, stream, (uint64_t)k);
        if (!m.text || !strcmp(m.text, s.text)) continue;
        Fate is;
        int signal = fate_of(m.text, &m, NULL, &is);
        const char *wrong = defect(&was, &is, signal, m.must, &tally);
        if (wrong && !signal && is.reached == PLAYED && is.effect == was.effect && !idle(&s, &m)) wrong = NULL;
        if (wrong) keep(path, &m, k);
        tally.failed += wrong != NULL;
        if (wrong || tell)
            print_message("%s:%u: %s: %s (%s; %d)\n", path, m.line[0], m.what,
                          wrong                   ? wrong
                          : is.reached == REFUSED ? "refused"
                                                  : "accepted",
                          is.message, signal ? signal : is.code);
    }
    print_message("%s: %d refused (%d at the change, %d with a note of it, %d quoting it, %d naming its line), %d mean the same, "
                  "%d do the same, %d do otherwise, %d defects\n",
                  path, tally.refused, tally.near, tally.noted, tally.quoted, tally.further, tally.harmless, tally.same,
                  tally.effective, tally.failed);
    arena_free(a);
    assert_int_equal(tally.failed, 0);
}

int main(int argc, char **argv) {
    enum { MOST = 64 };
    Arena *a = arena_new();
    if (argc > 1) count = atoi(argv[1]);
    if (argc > 2) seed = (uint64_t)atoll(argv[2]);
    tell = getenv("MUTANTS_TELL") != NULL;
    struct CMUnitTest *test = ARENA_ARRAY(a, struct CMUnitTest, MOST);
    struct dirent **entry;
    int n = 0, found = scandir(SOURCE_DIR "/models", &entry, NULL, alphasort);
    for (int i = 0; i < found; i++) {
        const char *name = entry[i]->d_name;
        size_t length = strlen(name);
        bool wanted =
            length > 5 && !strcmp(name + length - 5, ".yaml") && (argc < 4 || !strcmp(argv[3], name));
        if (wanted && n < MOST)
            test[n++] = (struct CMUnitTest){arena_strdup(a, name), every_mutant, NULL, NULL,
                                            arena_printf(a, SOURCE_DIR "/models/%s", name)};
        free(entry[i]);
    }
    if (found >= 0) free(entry);
    beside_make(SOURCE_DIR "/models");
    if (!getenv("GRAPHRUN_DATA")) {
        const char *pictures = arena_printf(a, "%s/pictures", beside);
        if (system(arena_printf(a, "%s %s", DRAW_PICTURES, pictures))) return 1;
        setenv("GRAPHRUN_DATA", pictures, 1);
    }
    int failed = n ? _cmocka_run_group_tests("mutations", test, (size_t)n, NULL, NULL) : 1;
    beside_drop();
    arena_free(a);
    return failed;
}
