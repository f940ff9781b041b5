/* The reference that the program prints: every example of `help language` is a whole spec, which is compiled
 * without a word and trained for two turns of its schedule, or fails as it says; and every table that it
 * names is there. */
#include "parser/compile.h"
#include "out/out.h"
#include "base/str.h"
#include "base/vec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { WIDEST = 100 };

/* Stdout and stderr of the program together, and its exit code. */
static char *output(Arena *a, int *code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *line = NULL;
    assert_true(vasprintf(&line, fmt, ap) >= 0);
    va_end(ap);
    FILE *p = popen(arena_printf(a, "%s %s 2>&1", BINARY, line), "r");
    free(line);
    assert_non_null(p);
    Str s = {.arena = a};
    char part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, p));) str_addn(&s, part, n);
    int status = pclose(p);
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return s.text ? s.text : "";
}

static char *help(Arena *a, const char *topic) {
    int code;
    char *text = output(a, &code, "help %s", topic);
    assert_int_equal(code, 0);
    return text;
}

typedef struct {
    const char *name, *text, *error;
    int line;
} Example;
typedef VEC(Example) Examples;

/* ```yaml blocks: "# file: NAME" is the name under which others include it; "# error LINE:COL: TEXT" what is
 * said. */
static Examples examples_of(Arena *a, const char *text) {
    Examples out = {0};
    const char *start = NULL;
    int number = 0, first = 0;
    for (const char *p = text, *end; *p; p = *end ? end + 1 : end) {
        end = p + strcspn(p, "\n");
        number++;
        if (!start && !strncmp(p, "```yaml", 7)) {
            start = *end ? end + 1 : end, first = number;
        } else if (start && !strncmp(p, "```", 3)) {
            Example e = {.text = arena_strndup(a, start, (size_t)(p - start)), .line = first};
            const char *file = strstr(e.text, "# file: "), *error = strstr(e.text, "# error ");
            e.name = file ? arena_strndup(a, file + 8, strcspn(file + 8, "\n"))
                          : arena_printf(a, "example_%d.yaml", first);
            if (error) e.error = arena_strndup(a, error + 8, strcspn(error + 8, "\n"));
            vec_push(a, &out, e);
            start = NULL;
        }
    }
    assert_null(start);
    return out;
}

static void put(const Example *e) {
    FILE *f = fopen(e->name, "w");
    assert_non_null(f);
    fputs(e->text, f);
    fclose(f);
}

/* Nothing is said of it, not even a warning, and it trains. */
static bool works(Arena *a, const Example *e) {
    int code;
    char *said = output(a, &code, "check %s", e->name);
    if (!code && strstr(said, "warning:")) code = -1;
    if (!code) said = output(a, &code, "train --quiet --steps 2 --threads 1 --force --out run %s", e->name);
    if (code)
        print_error("the example in line %d of `help language` ends with %d:\n%s\n", e->line, code, said);
    return !code;
}

static bool fails(Arena *a, const Example *e) {
    int code;
    char *said = output(a, &code, "check %s", e->name);
    const char *colon = strchr(e->error, ' ');
    assert_non_null(colon);
    bool right = code == 3 && strstr(said, arena_printf(a, "%s:%.*s error: %s", e->name,
                                                        (int)(colon - e->error), e->error, colon + 1));
    if (!right)
        print_error("the example in line %d of `help language` ends with %d and says:\n%s\n", e->line, code,
                    said);
    return right;
}

static void every_example_does_what_it_says(void **state) {
    (void)state;
    Arena *a = arena_new();
    Examples all = examples_of(a, help(a, "language"));
    assert_true(all.n > 15);
    int wrong = 0;
    for (int i = 0; i < all.n; i++) {
        put(&all.at[i]);
        wrong += all.at[i].error ? !fails(a, &all.at[i]) : !works(a, &all.at[i]);
    }
    arena_free(a);
    assert_int_equal(wrong, 0);
}

/* ---- help outputs ---- */

static void put_bytes(const char *path, const unsigned char *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

/* 32 images of 8 by 8 pixels and their classes, as MNIST's files hold them. */
static void put_digits(void) {
    enum { COUNT = 32, PIXELS = 64 };
    unsigned char image[16 + COUNT * PIXELS] = {0, 0, 8, 3, 0, 0, 0, COUNT, 0, 0, 0, 8, 0, 0, 0, 8};
    unsigned char label[8 + COUNT] = {0, 0, 8, 1, 0, 0, 0, COUNT};
    for (int i = 0; i < COUNT * PIXELS; i++) image[16 + i] = (unsigned char)(i * 37);
    for (int i = 0; i < COUNT; i++) label[8 + i] = (unsigned char)(i % 10);
    assert_int_equal(mkdir("digits", 0777), 0);
    put_bytes("digits/train-images-idx3-ubyte", image, sizeof image);
    put_bytes("digits/train-labels-idx1-ubyte", label, sizeof label);
}

static const char world[] =
    "vars: {latent: 4}\n"
    "data: {digits: {source: idx, path: digits, batch: 8}}\n"
    "networks:\n"
    "  generator(z): [{dense: 64}, {reshape: [8, 8, 1]}]\n"
    "  critic(x): [flatten, {dense: 1}]\n"
    "  encoder(x): [flatten, {dense: 2}]\n"
    "  decoder(z): [{dense: 64}, {reshape: [8, 8, 1]}]\n"
    "  classifier(x): [flatten, {dense: 10}]\n"
    "players:\n"
    "  critic: {minimize: mean(critic(digits.image)), optimizer: sgd(1e-3)}\n"
    "  generator: {minimize: \"mean(generator(normal(8, latent)))\", optimizer: sgd(1e-3)}\n"
    "  coder:\n"
    "    moves: [encoder, decoder]\n"
    "    minimize: mean((decoder(encoder(digits.image)) - digits.image)^2)\n"
    "    optimizer: sgd(1e-3)\n"
    "  classifier: {minimize: \"mean(cross_entropy(classifier(digits.image), digits.label))\", optimizer: sgd(1e-3)}\n"
    "schedule: {steps: 2, each: [critic, generator, coder, classifier]}\n"
    "outputs:\n";

static void every_output_has_an_example_that_runs(void **state) {
    (void)state;
    Arena *a = arena_new();
    char *shown = help(a, "outputs");
    Str text = {.arena = a};
    int n = 0;
    put_digits();
    str_add(&text, world);
    for (const Output *const *o = output_table; *o; o++, n++) {
        assert_non_null((*o)->example);
        str_printf(&text, "  example_%d: %s\n", n, (*o)->example);
        if (!strstr((*o)->example, (*o)->name)) fail_msg("the example of %s is of another kind", (*o)->name);
        assert_non_null(strstr(shown, arena_printf(a, "\n%s\n", (*o)->name)));
    }
    Example e = {.name = "world.yaml", .text = text.text};
    put(&e);
    assert_true(n > 5);
    assert_true(works(a, &e));
    arena_free(a);
}

static int columns(const char *line) {
    int n = 0;
    for (; *line && *line != '\n'; line++) n += ((unsigned char)*line & 0xC0) != 0x80;
    return n;
}

/* No line is too wide, and none is a directive that nothing replaced. */
static void lines_are_in_order(void **state) {
    (void)state;
    static const char *const topics[] = {"language", "operators", "data", "outputs", NULL};
    Arena *a = arena_new();
    for (const char *const *t = topics; *t; t++)
        for (const char *p = help(a, *t); *p; p += strcspn(p, "\n"), p += *p == '\n') {
            if (*p == '@') fail_msg("nothing knows this table: %.*s", columns(p), p);
            if (columns(p) > WIDEST)
                fail_msg("help %s: %d columns: %.*s", *t, columns(p), (int)strcspn(p, "\n"), p);
        }
    arena_free(a);
}

static void a_topic_is_a_part_of_the_whole(void **state) {
    (void)state;
    Arena *a = arena_new();
    char *all = help(a, "language");
    int n = 0;
    for (const char *p = strstr(all, "\n## "); p; p = strstr(p + 1, "\n## ")) {
        char *name = arena_strndup(a, p + 4, strcspn(p + 4, ":"));
        char *part = help(a, arena_printf(a, "language %s", name));
        if (!strstr(all, part)) fail_msg("help language %s is no part of help language", name);
        assert_non_null(
            strstr(all, arena_printf(a, "\n    %s  ", name))); /* it stands in the list of topics */
        n++;
    }
    assert_true(n > 10);
    arena_free(a);
}

int main(void) {
    char folder[] = "/tmp/graphrun_help_XXXXXX";
    if (!mkdtemp(folder) || chdir(folder)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_does_what_it_says),
        cmocka_unit_test(every_output_has_an_example_that_runs),
        cmocka_unit_test(lines_are_in_order),
        cmocka_unit_test(a_topic_is_a_part_of_the_whole),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) ? 1 : failed;
}
