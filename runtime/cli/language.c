/* `graphrun help language`: the text of parser/language.md, its paragraphs wrapped to the terminal. A line
 * that starts with @ is replaced by what the tables say: keys, operators, sources, outputs, the prelude.
 */
#include "cli/help.h"

#include "base/str.h"
#include "parser/keys.h"
#include "parser/value.h"

#include <stdlib.h>
#include <string.h>

extern const char language_text[];
extern const size_t language_text_size;

static bool is_topic(const char *line) { return !strncmp(line, "## ", 3); }

static size_t topic_length(const char *line) { return strcspn(line + 3, ":\n"); }

static const char *next_line(const char *p) {
    p += strcspn(p, "\n");
    return p + (*p == '\n');
}

/* ---- what stands for a line with @ ---- */

static void put_topics(const char *arg) {
    (void)arg;
    puts("`graphrun help language TOPIC` prints one part:\n");
    for (const char *p = language_text; *p; p = next_line(p)) {
        char name[32], title[80];
        if (!is_topic(p)) continue;
        size_t n = topic_length(p), from = 3 + n + 2;
        snprintf(name, sizeof name, "%.*s", (int)n, p + 3);
        snprintf(title, sizeof title, "%.*s", (int)(strcspn(p, "\n") - from), p + from);
        text_row(4, 18, name, title);
    }
}

static void put_keys(const char *form) {
    const Form *f = form_named(form);
    if (f && f->keys)
        help_keys(4, f->keys, NULL);
    else
        printf("@%s\n", form);
}

static void put_names(const char *arg) { (void)arg, help_keys(4, ambient_keys, NULL); }
static void put_call(const char *arg) { (void)arg, help_keys(4, call_keys, NULL); }
static void put_builtins(const char *arg) { (void)arg, help_builtins(4); }
static void put_prelude(const char *arg) { (void)arg, help_prelude(4); }

static void put_blocks(const char *arg) {
    (void)arg;
    bool first = true;
    for (const Form *f = form_table; f->name; f++) {
        if (!form_is_block(f)) continue;
        if (!first) putchar('\n');
        help_keys(4, f->keys, NULL);
        first = false;
    }
}

static void put_sources(const char *arg) {
    (void)arg;
    for (const Dataset *const *d = dataset_table; *d; d++) text_row(4, 18, (*d)->name, (*d)->doc);
}

static void put_outputs(const char *arg) {
    (void)arg;
    for (const Output *const *o = output_table; *o; o++) text_row(4, 18, (*o)->name, (*o)->doc);
}

static const struct {
    const char *name;
    void (*put)(const char *arg);
} tables[] = {{"topics", put_topics},   {"keys", put_keys},         {"names", put_names},
              {"call", put_call},       {"builtins", put_builtins}, {"blocks", put_blocks},
              {"sources", put_sources}, {"outputs", put_outputs},   {"prelude", put_prelude}};

static void put_table(const char *line, size_t n) {
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(n - 1 < 60 ? n - 1 : 60), line + 1);
    char *arg = strchr(name, ' ');
    if (arg) *arg++ = 0;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (!strcmp(tables[i].name, name)) {
            tables[i].put(arg);
            return;
        }
    printf("%.*s\n", (int)n, line); /* a test looks for these */
}

/* ---- the text ---- */

typedef struct {
    Str text;
    int hang;
} Paragraph;

static void flush(Paragraph *p) {
    if (p->text.n) text_wrap(p->text.text, 0, p->hang);
    p->text.n = 0;
}

static void put_lines(const char *from, const char *to, Arena *a) {
    Paragraph p = {.text = {.arena = a}};
    bool fenced = false;
    for (const char *line = from; line < to; line = next_line(line)) {
        size_t n = strcspn(line, "\n");
        bool fence = !strncmp(line, "```", 3), item = !strncmp(line, "- ", 2);
        bool plain = fenced || fence || !n || *line == '#' || *line == '@' || !strncmp(line, "    ", 4);
        if (plain || item) flush(&p);
        if (fence) fenced = !fenced;
        if (*line == '@' && !fenced)
            put_table(line, n);
        else if (plain)
            printf("%.*s\n", (int)n, line);
        if (plain) continue;
        if (!p.text.n)
            p.hang = item ? 2 : 0;
        else
            str_add(&p.text, " ");
        str_addn(&p.text, line, n);
    }
    flush(&p);
}

int help_language(const char *topic) {
    const char *from = language_text, *to = language_text + language_text_size, *near = NULL;
    size_t length = topic ? strlen(topic) : 0;
    Nearest nearest = nearest_to(topic ? topic : "");
    char word[32], best[32];
    bool found = !topic;
    for (const char *p = language_text; topic && *p && !near; p = next_line(p)) {
        if (!is_topic(p)) continue;
        if (found) near = to = p;
        size_t n = topic_length(p);
        snprintf(word, sizeof word, "%.*s", (int)n, p + 3);
        nearest_add(&nearest, word);
        if (nearest.best == word) nearest.best = strcpy(best, word);
        if (!found && n == length && !strncmp(p + 3, topic, n)) from = p, found = true;
    }
    if (!found) {
        if (nearest.best)
            complain("help language: there is no topic '%s', did you mean '%s'?", topic, nearest.best);
        else
            complain("help language: there is no topic '%s'; 'graphrun help language' lists them", topic);
        return CODE_USAGE;
    }
    Arena *a = arena_new();
    if (!a) return CODE_FAILED;
    put_lines(from, to, a);
    arena_free(a);
    return CODE_DONE;
}
