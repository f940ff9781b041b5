/* Outputs and metrics of a whole program run: what a spec makes, that it does not touch the training, that it is made again
 * byte for byte, by kind from a checkpoint, and what happens where it cannot be written. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

static const char players[] =
    "data:\n"
    "  ring: {source: gaussians, layout: ring, batch: 16, count: 50}\n"
    "  poly: {source: polynomials, count: 20, size: 8, batch: 8}\n"
    "networks:\n"
    "  generator(z): [{dense: 8}, relu, batch_norm, {dense: 2}]\n"
    "  critic(x): [{dense: 8}, relu, {dropout: 0.3}, {dense: 1}]\n"
    "  image(x): [flatten, {dense: 4}]\n"
    "players:\n"
    "  critic:\n"
    "    minimize: mean(critic(generator(normal(16, 2)))) - mean(critic(ring.point))\n"
    "    optimizer: adam(1e-3)\n"
    "  generator:\n"
    "    minimize: -mean(critic(generator(noise)))\n"
    "    optimizer: adam(1e-3)\n"
    "  image: {minimize: mean(image(poly.image)^2), optimizer: adam(1e-3)}\n"
    "iteration: {noise: \"normal(16, 2)\"}\n"
    "schedule: {steps: 20, each: [critic, generator, image], checkpoint: {every: 10}}\n";

static const char reports[] =
    "metrics:\n"
    "  label: {mean: ring.label, over: ring, every: 5}\n"
    "  wide: {mean: ring.point^2, over: ring, every: 5}\n"
    "  drawn: {collect: {real: ring.point, fake: \"generator(normal(16, 2))\"}, count: 40, value: mean(real) + mean(fake),\n"
    "          every: 5}\n"
    "  rows: {collect: {label: ring.label}, over: ring, value: \"sum(label)/50\"}\n"
    "  twice: {value: 2*metrics.label, every: 5}\n"
    "  plain: {value: mean(generator(noise)), every: 5}\n"
    "outputs:\n"
    "  real: {grid: poly.image, columns: 4, palette: viridis, every: 5, animate: true, montage: true}\n"
    "  both: {panel: [poly.image, 1 - poly.image], every: 10}\n"
    "  points: {scatter: {real: ring.point, fake: \"generator(normal(100, 2))\"}, modes: ring.centres, every: 5, animate: true}\n"
    "  coded: {scatter: image(poly.image), method: pca, over: poly, every: 10}\n"
    "  placed: {scatter: image(poly.image), method: tsne, over: poly}\n"
    "  weights: {histogram: parameters(critic), every: 5, animate: true}\n"
    "  confusion: {matrix: ring.label, truth: ring.label, over: ring}\n"
    "  values: {table: {label: metrics.label, norm: norm(parameters(critic))}, every: 5}\n"
    "  singles: {images: poly.image, every: 10}\n"
    "  rows: {file: {point: ring.point, label: ring.label}, format: csv, over: ring, every: 10}\n"
    "  fakes: {file: \"generator(normal(16, 2))\", count: 100, format: csv, every: 10}\n"
    "  kept: {file: \"normal(3)\", when: step == 10, every: 5, format: csv, name: of_ten}\n"
    "  losses: {plot: [critic.minimize, metrics.label, metrics.twice], every: 5}\n";

static void put(const char *path, const char *one, const char *two) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(one, f), fputs(two, f);
    fclose(f);
}

static char text[1 << 16];

static const char *slurp(const char *path) {
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return text;
}

static int sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int sh(const char *fmt, ...) {
    char command[3000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN BINARY " "

static int enter(void **state) {
    (void)state;
    if (sh("rm -rf test_outputs.out") || mkdir("test_outputs.out", 0777) || chdir("test_outputs.out")) return 1;
    put("all.yaml", players, reports);
    put("none.yaml", players, "");
    return sh(RUN "all.yaml --out whole --threads 1 -q >/dev/null");
}

static json_t *log_line(const char *run, int line) {
    char path[100];
    snprintf(path, sizeof path, "%s/log.jsonl", run);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (int i = 0; i < line; i++) assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    json_t *o = json_loads(text, 0, NULL);
    assert_non_null(o);
    return o;
}

static double value(json_t *o, const char *key) {
    json_t *v = json_object_get(o, key);
    assert_true(json_is_number(v));
    return json_number_value(v);
}

/* ---- what is made ---- */

static void every_output_has_its_files(void **state) {
    (void)state;
    static const char *const files[] = {
        "samples/real-000005.png", "samples/real.png", "samples/real.apng.png", "samples/real.montage.png",
        "samples/both-000010.png", "samples/points-000015.png", "samples/points.apng.png", "samples/coded-000010.png",
        "samples/placed.png", "samples/weights.apng.png", "samples/confusion.png", "samples/confusion.csv",
        "samples/values-000005.csv", "samples/values.txt", "samples/singles-000010/00007.png", "samples/singles/00000.png",
        "samples/rows-000010.csv", "samples/fakes.csv", "samples/of_ten-000010.csv", "plots/losses.png", "plots/losses.svg"};
    char path[200];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "whole/%s", files[i]);
        if (access(path, F_OK)) fail_msg("%s is missing", path);
    }
    assert_int_equal(access("whole/samples/real-000010.png", F_OK), -1);       /* the same images again */
    assert_int_equal(access("whole/samples/of_ten-000005.csv", F_OK), -1);     /* `when` */
    assert_int_equal(access("whole/samples/singles-000010/00008.png", F_OK), -1);
}

/* In `when` local names are what they are in the output: its draw, its fixed value. */
static void when_sees_local_names(void **state) {
    (void)state;
    put("when.yaml", players,
        "outputs:\n"
        "  gated: {z: \"normal(1)[0]\", limit: \"fixed(normal(1)[0])/10\", file: \"[z, limit]\", format: csv, when: z > limit, every: 1}\n");
    assert_int_equal(sh(RUN "when.yaml --out when --threads 1 -q >/dev/null"), 0);
    int made = 0;
    for (int step = 1; step <= 20; step++) {
        char path[100];
        double z, limit;
        snprintf(path, sizeof path, "when/samples/gated-%06d.csv", step);
        if (access(path, F_OK)) continue;
        assert_int_equal(sscanf(slurp(path), "name,value value_0,%lf value_1,%lf", &z, &limit), 2);
        assert_true(z > limit);
        made++;
    }
    assert_in_range(made, 1, 19);
}

/* Goes through rows.csv (point_0, point_1, label): what the metrics must give. */
static void metrics_average_every_sample_once(void **state) {
    (void)state;
    double labels = 0, squares = 0, x, y;
    int n = 0, label, at, counts[8] = {0};
    const char *p = strchr(slurp("whole/samples/rows.csv"), '\n') + 1;
    assert_memory_equal(text, "point_0,point_1,label\n", 22);
    for (; sscanf(p, "%lf,%lf,%d\n%n", &x, &y, &label, &at) == 3; p += at, n++)
        labels += label, squares += x * x + y * y, counts[label]++;
    assert_int_equal(n, 50);                          /* three batches of 16 and one of 2 */
    json_t *o = log_line("whole", 20);
    assert_true(fabs(value(o, "metrics.label") - labels / 50) < 1e-6);
    assert_true(fabs(value(o, "metrics.wide") - squares / 100) < 1e-6);
    assert_true(fabs(value(o, "metrics.twice") - labels / 25) < 1e-6);
    json_decref(o);
    o = log_line("whole", 21);                        /* what is due at the end only */
    assert_true(fabs(value(o, "metrics.rows") - labels / 50) < 1e-6);
    json_decref(o);
    p = slurp("whole/samples/confusion.csv");
    for (int row = 0; row < 8; row++)
        for (int column = 0; column < 8; column++, p += strcspn(p, ",\n") + 1)
            assert_int_equal(atoi(p), row == column ? counts[row] : 0);
}

/* A hundred rows from batches of 16: each batch has draws of its own. */
static void counted_rows_are_all_different(void **state) {
    (void)state;
    static double x[200];
    int n = 0, at;
    const char *p = strchr(slurp("whole/samples/fakes.csv"), '\n') + 1;
    for (; n < 200 && sscanf(p, "%lf,%*f\n%n", &x[n], &at) == 1; p += at, n++)
        for (int i = 0; i < n; i++) assert_true(x[i] != x[n]);
    assert_int_equal(n, 100);
}

static void players_see_nothing_of_metrics_and_outputs(void **state) {
    (void)state;
    assert_int_equal(sh(RUN "none.yaml --out none --threads 1 -q >/dev/null"), 0);
    for (int line = 1; line <= 20; line++) {
        json_t *a = log_line("whole", line), *b = log_line("none", line);
        static const char *const names[] = {"critic.minimize", "generator.minimize", "image.minimize", "epoch"};
        for (int k = 0; k < 4; k++) assert_true(value(a, names[k]) == value(b, names[k]));
        json_decref(a), json_decref(b);
    }
}

static void a_resumed_run_makes_the_same_files(void **state) {
    (void)state;
    assert_int_equal(sh(RUN "all.yaml --out part --threads 1 -q --steps 10 >/dev/null"), 0);
    assert_int_equal(sh(RUN "train all.yaml --resume part --threads 1 -q >/dev/null"), 0);
    assert_int_equal(sh("diff -r whole/samples part/samples && diff -r whole/plots part/plots && "
                        "cmp whole/log.jsonl part/log.jsonl && diff -r whole/checkpoints part/checkpoints"), 0);
}

/* ---- from a checkpoint ---- */

static void samples_of_every_kind_equal_the_runs(void **state) {
    (void)state;
    static const struct { const char *name; int step; } drawn[] = {{"real", 5}, {"both", 10}, {"coded", 20}, {"weights", 20}};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sh(RUN "sample whole %s -o . --threads 1 -q >made.txt", drawn[i].name), 0);
        assert_int_equal(sh("cmp $(cat made.txt) whole/samples/%s-%06d.png", drawn[i].name, drawn[i].step), 0);
    }
    assert_int_equal(sh(RUN "sample whole singles -o . -q >made.txt && diff -r $(cat made.txt) whole/samples/singles"), 0);
    assert_int_equal(sh(RUN "sample whole fakes -o . -q >made.txt && cmp $(cat made.txt) whole/samples/fakes.csv"), 0);
    assert_int_equal(sh(RUN "sample whole losses -o . -q >made.txt && cmp $(cat made.txt) whole/plots/losses.png"), 0);
}

static void expressions_become_what_shows_them(void **state) {
    (void)state;
    static const struct {
        const char *expression, *kind, *made;
    } cases[] = {{"generator(normal(64, 2))", "", ".png"},
                 {"[ring.point, generator(normal(64, 2))]", "", ".png"},
                 {"poly.image", "", ".png"},
                 {"[poly.image, 1 - poly.image]", "", ".png"},
                 {"{loss: mean(ring.point), label: metrics.label}", "", ".csv"},
                 {"mean(ring.point)", "", ".csv"},
                 {"parameters(critic)", "", ".npz"},
                 {"image(poly.image)", "", ".npy"},
                 {"image(poly.image)", "--kind histogram", ".png"},
                 {"image(poly.image)", "--kind matrix", ".png"},
                 {"poly.image", "--kind images", "expression-000020"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sh(RUN "sample whole -e '%s' %s -o . -q >made.txt", cases[i].expression, cases[i].kind), 0);
        if (!strstr(slurp("made.txt"), cases[i].made)) fail_msg("%s made %s", cases[i].expression, text);
    }
    static const struct {
        const char *arguments, *says;
    } wrong[] = {{"-e 'nosuch(3)'", "-e:1:1: error: unknown name 'nosuch'"},
                 {"-e '{}'", "-e:1:1: error: there is nothing to show of an empty list"},
                 {"-e 3 --kind hist", "-e:1:1: error: no kind of output is called 'hist'; there are file, grid, histogram"},
                 {"-e 3 --kind tabel", "-e:1:1: error: no kind of output is called 'tabel', did you mean 'table'?; there are"},
                 {"-e ring.point --kind grid", "-e:1:1: error: grid: images must be [n, height, width, 1 or 3], not [16, 2]"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(sh(RUN "sample whole %s -o . -q 2>err.txt", wrong[i].arguments), 3);
        if (!strstr(slurp("err.txt"), wrong[i].says)) fail_msg("%s", text);
    }
}

static void eval_gives_the_runs_last_metrics(void **state) {
    (void)state;
    assert_int_equal(sh(RUN "eval whole --json -q >eval.json"), 0);
    json_t *o = json_load_file("eval.json", 0, NULL), *all = json_object_get(o, "metrics"), *log = log_line("whole", 20);
    static const char *const names[] = {"label", "wide", "drawn", "twice"};
    for (int i = 0; i < 4; i++) {
        char key[40];
        snprintf(key, sizeof key, "metrics.%s", names[i]);
        assert_true(value(all, names[i]) == value(log, key));
    }
    assert_int_equal(json_integer_value(json_object_get(o, "step")), 20);
    json_decref(o), json_decref(log);
    assert_int_equal(sh(RUN "eval whole -q >eval.txt"), 0);
    assert_non_null(strstr(slurp("eval.txt"), "label"));
}

/* ---- where it cannot be written ---- */

static void what_cannot_be_written_is_named_and_ends_with_6(void **state) {
    (void)state;
    static const char *const limits[] = {"1", "4", "12", "30"};     /* of a file, in blocks of 512 bytes or 1024 */
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sh("ulimit -f %s; " RUN "all.yaml --out limited%d --threads 1 -q >/dev/null 2>err.txt", limits[i], i), 6);
        if (!strstr(slurp("err.txt"), ": File too large")) fail_msg("%s", text);
        char path[100];
        snprintf(path, sizeof path, ": limited%d/", i);
        if (i && !strstr(text, path)) fail_msg("%s", text);
        assert_int_equal(sh("test -z \"$(find limited%d -name '*.tmp')\"", i), 0);
    }
    assert_int_equal(sh("cp -r whole hurt && cp hurt/samples/real.png before.png && cp hurt/samples/points.png hurt/points.png"), 0);
    assert_int_equal(sh("ulimit -f 8; " RUN "train all.yaml --resume hurt --steps 30 --set schedule.steps=30 --threads 1 -q "
                        ">/dev/null 2>err.txt"), 6);
    assert_int_equal(sh("cmp hurt/samples/points.png hurt/points.png && cmp hurt/samples/real.png before.png"), 0);
    assert_int_equal(sh(RUN "train all.yaml --resume hurt --threads 1 -q >/dev/null 2>err.txt"), 0);
    assert_int_equal(sh("rm -rf hurt/samples && touch hurt/samples"), 0);
    assert_int_equal(sh(RUN "sample hurt real -q 2>err.txt"), 6);
    assert_non_null(strstr(slurp("err.txt"), "output 'real': hurt/samples/real-000020.png: Not a directory"));
    assert_int_equal(sh(RUN "sample whole real -q -o . >/dev/full 2>err.txt"), 6);
    assert_int_equal(sh(RUN "eval whole -q >/dev/full 2>err.txt"), 6);
}

/* A source ends before there are as many rows as were asked for. */
static void too_few_rows_are_said(void **state) {
    (void)state;
    put("few.yaml", players, "outputs:\n  few: {file: poly.image, count: 30, every: 5}\n");
    assert_int_equal(sh(RUN "few.yaml --out few --threads 1 -q >/dev/null 2>err.txt"), 1);
    assert_non_null(strstr(slurp("err.txt"), "output 'few': wants 30 rows, its data have 20"));
    put("few.yaml", players, "metrics:\n  few: {collect: {a: poly.image}, count: 30, value: mean(a), every: 5}\n");
    assert_int_equal(sh(RUN "few.yaml --out few2 --threads 1 -q >/dev/null 2>err.txt"), 1);
    assert_non_null(strstr(slurp("err.txt"), "metric 'few': wants 30 rows, its data have 20"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_output_has_its_files), cmocka_unit_test(when_sees_local_names),
        cmocka_unit_test(metrics_average_every_sample_once),
        cmocka_unit_test(counted_rows_are_all_different),
        cmocka_unit_test(players_see_nothing_of_metrics_and_outputs),
        cmocka_unit_test(a_resumed_run_makes_the_same_files),
        cmocka_unit_test(samples_of_every_kind_equal_the_runs),
        cmocka_unit_test(expressions_become_what_shows_them),
        cmocka_unit_test(eval_gives_the_runs_last_metrics),
        cmocka_unit_test(what_cannot_be_written_is_named_and_ends_with_6),
        cmocka_unit_test(too_few_rows_are_said),
    };
    return cmocka_run_group_tests(tests, enter, NULL);
}
