/* The program as a shell sees it: what it prints where, how it ends, what a signal does, what it leaves
 * behind. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include <jansson.h>

#include "command.h"

static const char spec[] =
    "vars: {batch: 16, latent: 2, rate: 1e-3}\n"
    "presets: {short: {schedule: {steps: 40}}}\n"
    "data:\n"
    "  ring: {source: gaussians, layout: ring, count: 100, batch: batch}\n"
    "networks:\n"
    "  generator(z): [{dense: 16}, relu, {dense: 2}]\n"
    "  critic(x): [{dense: 16}, relu, {dense: 1}]\n"
    "players:\n"
    "  critic:\n"
    "    minimize: mean(critic(generator(normal(batch, latent)))) - mean(critic(ring.point))\n"
    "    optimizer: adam(rate)\n"
    "    after: clip_weights(critic, 0.1)\n"
    "  generator:\n"
    "    minimize: -mean(critic(generator(normal(batch, latent))))\n"
    "    optimizer: adam(rate)\n"
    "schedule:\n"
    "  steps: 1000000\n"
    "  each: [{critic: \"if(step % 5 == 0, 7, 3)\"}, generator]\n"
    "metrics:\n"
    "  spread: {mean: \"sum(ring.point^2, axes=1)\", over: ring, every: 10}\n"
    "outputs:\n"
    "  samples: {scatter: \"generator(normal(50, latent))\", every: 20, animate: true}\n"
    "  losses: {plot: [critic.minimize, generator.minimize]}\n";

static const char bad[] = /* log(0) from step 10 on */
    "data:\n  ring: {source: gaussians, batch: 16}\n"
    "networks:\n  net(x): [{dense: 1}]\n"
    "players:\n  net: {minimize: \"mean(net(ring.point)^2)*log(if(step == 10, 0.0, 1.0))\", optimizer: "
    "sgd(0.1)}\n"
    "schedule: {steps: 100, each: [net], checkpoint: {every: 4}}\n";

/* A command's line, its exit code, and what must stand on stdout and stderr. */
typedef struct {
    const char *line;
    int code;
    const char *out, *err;
} Line;

static const Line lines[] = {
    {"", 2, "", "graphrun models/wgan_poly.yaml"},
    {"--help", 0, "graphrun models/wgan_poly.yaml", ""},
    {"-h", 0, "  train ", ""},
    {"--version", 0, "graphrun 0.", ""},
    {"version --json", 0, "\"libraries\"", ""},
    {"version extra", 2, "", "does not know what to do with 'extra'"},
    {"trian ring.yaml", 2, "", "did you mean 'train'"},
    {"frobnicate", 2, "", "unknown verb 'frobnicate'"},
    {"train --see 3 ring.yaml", 2, "", "did you mean '--seed'"},
    {"train --frob ring.yaml", 2, "", "unknown option '--frob'"},
    {"train -z ring.yaml", 2, "", "unknown option '-z'"},
    {"train --seed", 2, "", "--seed wants N"},
    {"train --seed -1 ring.yaml", 2, "", "--seed: '-1' is not a whole number"},
    {"train --steps -1 ring.yaml", 2, "", "--steps: '-1' is not a whole number, 0 or more"},
    {"train --steps 1e3 ring.yaml", 2, "", "not a whole number"},
    {"train --steps +3 ring.yaml", 2, "", "not a whole number"},
    {"train --steps ' 3' ring.yaml", 2, "", "not a whole number"},
    {"train --threads 4294967297 ring.yaml", 2, "", "not a whole number from 1 to 1024"},
    {"train --time 0x10 ring.yaml", 2, "", "--time: '0x10' is not a time"},
    {"train --time nan ring.yaml", 2, "", "--time: 'nan' is not a time"},
    {"train --out '' ring.yaml", 2, "", "--out wants DIR"},
    {"train --out= ring.yaml", 2, "", "--out wants DIR"},
    {"train --time 5y ring.yaml", 2, "", "--time: '5y' is not a time"},
    {"train --force=1 ring.yaml", 2, "", "--force takes no value"},
    {"train --set rate ring.yaml", 2, "", "--set: 'rate' is not KEY.PATH=VALUE"},
    {"train --color blue ring.yaml", 2, "", "--color: 'blue'"},
    {"train", 2, "", "wants SPEC"},
    {"check", 2, "", "check: wants SPEC..."},
    {"train --help", 0, "  graphrun models/wgan_poly.yaml\n", ""},
    {"check ring.yaml", 0, "ring.yaml: ok, 2 networks, 147 parameters", ""},
    {"check ring.yaml wrong.yaml", 3, "wrong.yaml: wrong", "wrong.yaml:1:1: error: "},
    {"check -- ring.yaml", 0, "ok", ""},
    {"check nothing.yaml", 3, "", "nothing.yaml"},
    {"check --set vars.rat=1 ring.yaml", 3, "", "--set:1:6: error: "},
    {"wrong.yaml", 3, "", "wrong.yaml:1:1: error: "},
    {"schema", 0, "http://json-schema.org/draft-07/schema#", ""},
    {"schema ring.yaml", 2, "", "does not know what to do with 'ring.yaml'"},
    {"show function clamp", 0, "    return: if(x < low, low, if(x > high, high, x))\n", ""},
    {"show function", 0, "# initialisers: functions of the shape\n", ""},
    {"show function argmax", 0, "int [5, 7] -> int [5]", ""},
    {"show function rows", 0, "the size of the first axis", ""},
    {"show function ring.yaml generator", 0, "  generator(z): [{dense: 16}, relu, {dense: 2}]\n", ""},
    {"show function ring.yaml", 0, "# networks\n\ngenerator(z)\n", ""},
    {"show function ring.yaml clamp", 0, "clamp(x, low, high)", ""},
    {"show function ring.yaml generatr", 2, "", "did you mean 'generator'"},
    {"show function nothing.yaml x", 3, "", "nothing.yaml"},
    {"show function zzzzzzzz", 2, "", "'graphrun show function' lists what there is"},
    {"show function a b", 2, "", "does not know what to do with 'b'"},
    {"show ring.yaml", 0, "network generator(z): 82 parameters", ""},
    {"show ring.yaml", 0, "memory: workspace", ""},
    {"show - < ring.yaml", 0, "network generator(z): 82 parameters", ""},
    {"show ring.yaml critic", 0, "player critic: ", ""},
    {"show ring.yaml critc", 2, "", "did you mean 'critic'"},
    {"show --json ring.yaml", 0, "\"name\": \"generator/dense_1/weight\"", ""},
    {"show --json ring.yaml critic | grep generator", 1, "", ""},
    {"show --json ring.yaml", 0, "\"optimizer\": \"adam(rate)\"", ""},
    {"show prelude --json", 2, "", "'graphrun show function --json' lists the same"},
    {"show --plain wrong.yaml", 0, "network: {}", "error"},
    {"show prelude", 0, "batch_norm(", ""},
    {"show function dense", 0, "  dense(x, units", ""},
    {"show function dens", 2, "", "did you mean 'dense'"},
    {"show schedule ring.yaml --steps 6", 0, "     5  critic x 7  generator\n", ""},
    {"show graph ring.yaml --player critic", 0, "# turn critic\n", ""},
    {"show frob", 2, "", "'frob' is no spec"},
    {"help", 0, "  bench ", ""},
    {"help train", 0, "--resume", ""},
    {"help operators", 0, "its last bits may differ between numbers of threads", ""},
    {"help operators", 0, "float [37, 3], axes=0 -> float [3]", ""},
    {"show function dense", 0, "    ranges      x: {holds: length(shape(x)) >= 2, advice: 'its", ""},
    {"help operators max", 0, "max(2, 3) = 3; float, float -> float; int, int -> int; linear in pieces", ""},
    {"help operators rows", 0, "the size of the first axis", ""},
    {"help operators maxx", 2, "", "there is no operator 'maxx', did you mean 'max'"},
    {"help operators zzzzzzzz", 2, "", "'graphrun help operators' lists them"},
    {"help data", 0, "source: gaussians", ""},
    {"help data idx", 0, "        labels  ", ""},
    {"help conv", 0, "conv(x, filters, kernel, stride=1", ""},
    {"help convolve", 0, "x (NHWC) convolved with the kernel w", ""},
    {"help gaussians", 0, "source: gaussians", ""},
    {"help scatter", 0, "points in the plane or in space", ""},
    {"help clip", 0, "clip, a key of 'player': a function of all gradients", ""},
    {"help convv", 2, "", "nothing is known of 'convv', did you mean 'conv'"},
    {"help data idxx", 2, "", "did you mean 'idx'"},
    {"help data zzzzzzzz", 2, "", "'graphrun help data' lists them"},
    {"help outputs", 0, "every output takes", ""},
    {"help outputs scatter", 0, "        modes  ", ""},
    {"help language playrs", 2, "", "there is no topic 'playrs', did you mean 'players'"},
    {"help language zzzzzzzz", 2, "", "'graphrun help language' lists them"},
    {"help operator", 2, "", "did you mean 'operators'"},
    {"help zzzzzzzz", 2, "", "nothing is known of 'zzzzzzzz'"},
    {"bench --seconds 0.01 --json ring.yaml", 0, "\"median_ms\"", ""},
    {"bench --worth --seconds 0.01 ring.yaml", 0, "recompute", ""},
    {"bench --worth --seconds 0.01 --json ring.yaml", 0, "\"without\": \"fuse\"", ""},
    {"bench --player nobody ring.yaml", 2, "", "nobody in the schedule is named 'nobody'"},
    {"profile --seconds 0.01 ring.yaml", 0, "  critic/dense_1", ""},
    {"profile --seconds 0.01 --by instruction --player critic ring.yaml", 0, "matmul", ""},
    {"profile --seconds 0.01 --by line ring.yaml", 0, "ring.yaml:", ""},
    {"profile --seconds 0.01 --json ring.yaml", 0, "\"roofline\": ", ""},
    {"profile --by colour ring.yaml", 2, "", "'colour' is none of instruction, layer, line"},
    {"profile --player nobody ring.yaml", 2, "", "nobody in the schedule is named 'nobody'"},
    {"eval nowhere", 4, "", "nowhere: is no run folder"},
    {"train --resume nowhere", 4, "", "nowhere: there is no such run folder"},
    {"train ring.yaml --out /proc/nowhere/run", 6, "", "/proc/nowhere"},
};

static void every_line_ends_and_says_as_it_should(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        int code = sh("%s", lines[i].line);
        bool said = strstr(out, lines[i].out) && strstr(err, lines[i].err);
        if (code != lines[i].code || !said)
            fail_msg("graphrun %s\n  ended with %d, not %d\n  stdout: %.300s\n  stderr: %.300s",
                     lines[i].line, code, lines[i].code, out, err);
    }
}

/* `train --json`: each part of the run's time is there and none is below 0; turns and the end took some. */
static void its_time_is_told(void) {
    static const char *const parts[] = {"turns", "metrics", "outputs", "data", "files", "checkpoints", "rest", "end"};
    const char *at = strstr(out, "\"seconds\": {");
    assert_non_null(at);
    for (int i = 0; i < 8; i++) {
        char key[32];
        snprintf(key, sizeof key, "\"%s\": ", parts[i]);
        at = strstr(at, key);
        assert_non_null(at);
        double seconds = strtod(at + strlen(key), NULL);
        assert_true(seconds >= 0 && seconds < 600);
        if (!i || i == 7) assert_true(seconds > 0);
    }
}

static void a_run_leaves_its_folder_and_prints_its_path(void **state) {
    (void)state;
    assert_int_equal(sh("ring.yaml --preset short -o whole --seed 5"), 0);
    assert_string_equal(out, "whole\n");
    static const char *const files[] = {"spec.yaml",
                                        "resolved.yaml",
                                        "run.json",
                                        "log.jsonl",
                                        "timing.jsonl",
                                        "checkpoints/step-000040.safetensors",
                                        "samples/samples-000020.png",
                                        "samples/samples-000040.png",
                                        "samples/samples.png",
                                        "samples/samples.apng.png",
                                        "plots/losses.png",
                                        "plots/losses.svg"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[100];
        snprintf(path, sizeof path, "whole/%s", files[i]);
        if (access(path, R_OK)) fail_msg("%s is not there", path);
    }
    assert_int_equal(sh("ring.yaml --preset short -o whole"), 2);
    assert_non_null(strstr(err, "--force overwrites it"));
    assert_int_equal(sh("whole/resolved.yaml --seed 5 -o again -q --json"), 0);
    assert_string_equal(err, "");
    assert_non_null(strstr(out, "\"status\": \"finished\",\n  \"step\": 40,\n  \"checkpoint\": "
                                "\"again/checkpoints/step-000040.safetensors\""));
    its_time_is_told();
    assert_int_equal(system("cmp whole/log.jsonl again/log.jsonl"), 0);
    assert_int_equal(
        system("cmp whole/checkpoints/step-000040.safetensors again/checkpoints/step-000040.safetensors"), 0);
    assert_int_equal(sh("eval --json whole"), 0);
    assert_non_null(strstr(out, "\"spread\": 3.99"));
    assert_int_equal(sh("sample whole samples -o ."), 0);
    assert_string_equal(out, "./samples-000040.png\n");
    assert_int_equal(sh("sample whole sample"), 2);
    assert_int_equal(sh("sample whole -e 'generator(normal(9, latent))' --kind scatter -o ."), 0);
}

/* The path printed may be the only thing on stdout, and a full disk is an error of its own. */
static void a_full_disk_ends_with_6_and_a_closed_pipe_quietly(void **state) {
    (void)state;
    char command[2000];
    snprintf(command, sizeof command, "%s help operators >/dev/full 2>err.txt", BINARY);
    assert_int_equal(WEXITSTATUS(system(command)), 6);
    snprintf(command, sizeof command,
             "bash -c '%s help operators 2>err.txt | head -1 >/dev/null; exit ${PIPESTATUS[0]}'", BINARY);
    assert_int_equal(WEXITSTATUS(system(command)), 0);
    slurp("err.txt", err, sizeof err);
    assert_string_equal(err, "");
}

/* Starts a command and waits until the file is there. */
static pid_t start(const char *const *argument, const char *file) {
    pid_t child = fork();
    if (!child) {
        int null = open("/dev/null", O_WRONLY), to = open("err.txt", O_WRONLY | O_CREAT | O_TRUNC, 0666);
        dup2(null, 1), dup2(to, 2);
        execv(BINARY, (char *const *)(uintptr_t)argument);
        _exit(127);
    }
    for (int i = 0; i < 2000 && access(file, F_OK); i++)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    return child;
}

static int finish(pid_t child) {
    int status;
    waitpid(child, &status, 0);
    slurp("err.txt", err, sizeof err);
    return status;
}

static void no_steps_leave_the_initial_values_to_go_on_from(void **state) {
    (void)state;
    assert_int_equal(system("rm -rf none straight"), 0);
    assert_int_equal(sh("ring.yaml --steps 0 --seed 5 -o none --resume auto"), 0);
    assert_non_null(strstr(err, "--resume auto: its folder is not there; a new run begins"));
    assert_int_equal(access("none/checkpoints/step-000000.safetensors", F_OK), 0);
    assert_int_equal(sh("ring.yaml --steps 8 --resume none -q"), 0);
    assert_int_equal(sh("ring.yaml --steps 8 --seed 5 -o straight -q"), 0);
    assert_int_equal(system("cmp none/checkpoints/step-000008.safetensors straight/checkpoints/step-000008.safetensors"), 0);
    assert_int_equal(system("cmp none/log.jsonl straight/log.jsonl"), 0);
}

static void auto_finds_the_newest_unfinished_run_of_the_spec(void **state) {
    (void)state;
    assert_int_equal(system("rm -rf runs"), 0);
    assert_int_equal(sh("ring.yaml --preset short --resume auto -o runs/done"), 0);
    assert_int_equal(sh("bad.yaml --steps 3 -o runs/of_another -q"), 0);
    assert_int_equal(sh("ring.yaml --steps 3 --resume auto"), 0);
    assert_non_null(strstr(err, "--resume auto: there is no unfinished run of this spec in runs/; a new run begins"));
    assert_int_equal(strncmp(out, "runs/ring-", 10), 0);
    assert_int_equal(system("rm -rf runs/ring-*"), 0);
    assert_int_equal(sh("ring.yaml --time 0.001s -o runs/mine -q"), 0);
    assert_int_equal(sh("ring.yaml --time 0.001s --resume auto"), 0);
    assert_string_equal(out, "runs/mine\n");
    assert_null(strstr(err, "a new run begins"));
}

static void a_signal_ends_after_a_checkpoint_and_the_run_goes_on_the_same(void **state) {
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(system("rm -rf stopped"), 0);
        const char *const argument[] = {BINARY, "ring.yaml", "-o", "stopped", "--seed", "5", i ? "--steps" : NULL, "900", NULL};
        pid_t child = start(argument, "stopped/samples/samples-000020.png");
        kill(child, SIGHUP);
        kill(child, signals[i]);
        int status = finish(child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), signals[i]);
        assert_non_null(strstr(err, i ? "go on with: graphrun train --resume stopped --steps 900\n"
                                      : "go on with: graphrun train --resume stopped\n"));
        char run_json[4000];
        slurp("stopped/run.json", run_json, sizeof run_json);
        assert_non_null(strstr(run_json, "\"stopped\""));
        long step = strtol(strstr(run_json, "\"step\": ") + 8, NULL, 10), end = step + 30;
        assert_true(step >= 20);
        assert_int_equal(sh("ring.yaml --steps %ld --resume stopped -q", end), 0);
        assert_int_equal(sh("ring.yaml --steps %ld --seed 5 -o straight --force -q", end), 0);
        assert_int_equal(system("cmp straight/log.jsonl stopped/log.jsonl"), 0);
        char command[300];
        snprintf(command, sizeof command,
                 "cmp straight/checkpoints/step-%06ld.safetensors stopped/checkpoints/step-%06ld.safetensors",
                 end, end);
        assert_int_equal(system(command), 0);
        assert_int_equal(system("cmp straight/samples/samples.png stopped/samples/samples.png"), 0);
        assert_int_equal(system("cmp straight/plots/losses.svg stopped/plots/losses.svg"), 0);
    }
}

static void usr1_makes_a_checkpoint_and_goes_on(void **state) {
    (void)state;
    assert_int_equal(system("rm -rf asked"), 0);
    const char *const argument[] = {BINARY, "ring.yaml", "-o", "asked", "-v", NULL};
    pid_t child = start(argument, "asked/samples/samples-000020.png");
    kill(child, SIGUSR1);
    for (int i = 0; i < 2000 && !strstr(err, "checkpoint asked/checkpoints/step-"); i++) {
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        slurp("err.txt", err, sizeof err);
    }
    kill(child, SIGKILL);
    assert_true(WIFSIGNALED(finish(child)));
    assert_non_null(strstr(err, "checkpoint asked/checkpoints/step-"));
}

static void killed_runs_resume_by_themselves(void **state) {
    (void)state;
    assert_int_equal(system("rm -rf killed"), 0);
    const char *const argument[] = {
        BINARY,   "ring.yaml", "-o",      "killed", "--resume", "auto",
        "--seed", "5",         "--steps", "300",    "--set",    "schedule.checkpoint={every: 20, keep: 2}",
        "-q",     NULL};
    for (int i = 1; i <= 6; i++) {
        char file[100];
        snprintf(file, sizeof file, "killed/checkpoints/step-%06d.safetensors%s", 40 * i,
                 i % 2 ? ".tmp" : "");
        pid_t child = start(argument, file);
        kill(child, SIGKILL);
        finish(child);
        if (!access("killed/checkpoints/step-000300.safetensors", F_OK)) break;
    }
    assert_int_equal(finish(start(argument, "killed/checkpoints/step-000300.safetensors")), 0);
    assert_int_equal(sh("ring.yaml --steps 300 --seed 5 -o straight --force -q --set "
                        "'schedule.checkpoint={every: 20, keep: 2}'"),
                     0);
    assert_int_equal(system("cmp straight/log.jsonl killed/log.jsonl"), 0);
    assert_int_equal(
        system("cmp straight/checkpoints/step-000300.safetensors killed/checkpoints/step-000300.safetensors"),
        0);
}

static void a_changed_spec_is_refused_and_shown(void **state) {
    (void)state;
    assert_int_equal(
        sh("ring.yaml --preset short --resume whole --set players.critic.optimizer=sgd\\(0.1\\)"), 4);
    assert_non_null(strstr(err, "was:     optimizer: adam(rate)"));
    assert_non_null(strstr(err, "--allow-change"));
    assert_int_equal(sh("ring.yaml --preset short --resume whole --seed 6"), 2);
    assert_int_equal(
        sh("ring.yaml --steps 45 --resume whole --allow-change --set players.critic.optimizer=sgd\\(0.1\\)"),
        0);
}

static void a_torn_checkpoint_is_refused(void **state) {
    (void)state;
    assert_int_equal(sh("ring.yaml --preset short -o torn -q"), 0);
    assert_int_equal(truncate("torn/checkpoints/step-000040.safetensors", 3000), 0);
    assert_int_equal(sh("eval torn"), 4);
    assert_non_null(strstr(err, "torn"));
}

/* Layers that expressions call are listed where they have parameters; what the prelude's layers are made of is not. */
static void show_lists_what_the_reader_calls(void **state) {
    (void)state;
    put("calls.yaml", "data: {ring: {source: gaussians, batch: 4}}\n"
                      "functions:\n  block(x): relu(dense(x, 3))\n"
                      "networks:\n  net(x):\n    z: [{input: \"reshape(dense(x, 16), [4, 4, 1])\"}, {mean_pool: 2}, flatten]\n"
                      "    return: dense(block(x), 1) + dense(z, 1)\n"
                      "players:\n  net: {minimize: mean(net(ring.point)), optimizer: sgd(0.1)}\n"
                      "schedule: {steps: 3, each: [net]}\n");
    assert_int_equal(sh("show calls.yaml net --plain"), 0);
    static const char *const listed[] = {"  dense(block(x), 1) ", "  block(x) ", "    dense(x, 3) ", "  dense(x, 16) ", "  mean_pool: 2 "};
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
        if (!strstr(out, listed[i])) fail_msg("'%s' is not in:\n%s", listed[i], out);
    assert_null(strstr(out, "item"));                 /* of mean_pool's own text */
    assert_null(strstr(out, "reshape("));
}

/* Between stop and resume: the files, or what the spec says of them. */
static void changed_data_are_refused_and_shown(void **state) {
    (void)state;
    put("draw.yaml", "data:\n  poly: {source: polynomials, size: 8, count: 12, batch: 8}\n"
                     "networks:\n  net(x): [flatten, {dense: 1}]\n"
                     "players:\n  net: {minimize: mean(net(poly.image)), optimizer: sgd(0.1)}\n"
                     "schedule: {steps: 1, each: [net]}\noutputs: {faces: {images: poly.image}}\n");
    assert_int_equal(sh("draw.yaml -o drawn --force"), 0);
    put("table.csv", "x,y\n1,2\n3,4\n5,6\n");
    put("change.yaml", "data:\n  faces: {source: images, path: faces, batch: 4}\n  table: {source: csv, path: table.csv, batch: 2}\n"
                       "networks:\n  net(x): [flatten, {dense: 1}]\n"
                       "players:\n  net: {minimize: mean(net(faces.image)) + mean(table.x), optimizer: sgd(0.1)}\n"
                       "schedule: {steps: 20, each: [net]}\n");
    static const struct { const char *change, *option, *said; } rows[] = {
        {"true", "", NULL},
        {"mv faces elsewhere && mkdir -p away && mv elsewhere away/faces", "--set data.faces.path=away/faces", NULL},
        {"true", "--set schedule.steps=30", NULL},
        {"cp away/faces/00001.png away/faces/more.png", "", "the data 'faces' are not those of this run: they were 8 samples, 8 files, "},
        {"mv away/faces/more.png away/faces/00003.png", "--set data.table.order=sequential", "the data 'table' are not those of this run: they were 3 samples, 1 file, "},
        {"mv away/faces/00000.png away/faces/10000.png", "", "the data 'faces' are not"},
        {"mv away/faces/10000.png away/faces/00000.png && printf 'x,y\\n1,2\\n3,4\\n5,7\\n' > table.csv", "", "the data 'table' are not"}};
    assert_int_equal(system("rm -rf faces away && cp -r drawn/samples/faces faces"), 0);
    assert_int_equal(sh("change.yaml -o changing --force --steps 2"), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(system(rows[i].change), 0);
        int code = sh("train --resume changing --steps %d %s", (int)i + 3, rows[i].option);
        if (code != (rows[i].said ? 4 : 0) || !strstr(err, rows[i].said ? rows[i].said : "")) fail_msg("%d: ended with %d: %s", (int)i, code, err);
        assert_true(!rows[i].said || strstr(err, "--allow-change goes on with them"));
    }
    assert_int_equal(sh("train --resume changing --steps 10 --allow-change"), 0);
    assert_non_null(strstr(err, "the data 'table' are not those of this run"));
    assert_int_equal(sh("train --resume changing --steps 11"), 0);
    assert_null(strstr(err, "are not those"));
}

/* What says that it prints JSON does, in each of its forms. */
static void json_is_json(void **state) {
    (void)state;
    static const char *const commands[] = {
        "version --json", "schema", "show ring.yaml --json", "show ring.yaml generator --json", "show schedule ring.yaml --steps 3 --json",
        "show graph ring.yaml --json", "show graph ring.yaml --player critic --json", "show function --json",
        "show function ring.yaml --json", "show function clamp --json", "show function argmax --json", "show function rows --json",
        "data ring.yaml --json -o previews", "data moons count=10 --json -o previews", "gradcheck ring.yaml --json",
        "bench ring.yaml --seconds 0.01 --json", "bench ring.yaml --worth --seconds 0.01 --json",
        "profile ring.yaml --seconds 0.01 --json", "profile ring.yaml --by line --seconds 0.01 --json",
        "train ring.yaml --steps 1 -o as_json --json", "eval as_json --json"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        json_error_t why;
        assert_int_equal(sh("%s", commands[i]), 0);
        json_t *all = json_loads(out, 0, &why);
        if (!all) fail_msg("%s: %s at line %d of\n%.300s", commands[i], why.text, why.line, out);
        json_decref(all);
    }
    assert_int_equal(sh("show schedule ring.yaml --steps 6 --json"), 0);
    json_t *steps = json_loads(out, 0, NULL), *last = json_array_get(steps, 5);
    json_int_t step, count;
    const char *player;
    assert_int_equal(json_array_size(steps), 6);
    assert_int_equal(json_unpack(last, "{s:I, s:[{s:[s], s:I}, {}!]}", "step", &step, "turns", "players", &player, "count", &count), 0);
    assert_true(step == 5 && count == 7 && !strcmp(player, "critic"));
    json_decref(steps);
}

/* A label that no row belongs to is the cause, and not the numbers that it leads to. */
static void a_label_outside_is_named(void **state) {
    (void)state;
    static const struct { const char *layer; int code; const char *why; } rows[] = {
        {"embedding(ring.label, 5, 2)", 3, "outside.yaml:4:20: error: 'ring.label' goes from 0 to 7, and 'table/embedding_1' has 5 places"},
        {"one_hot(ring.label, 6)", 3, "'table/one_hot_1' has 6 places for it, 0 to 5"},
        {"embedding(ring.label + 1, 8, 2)", 5, "4:20: error: turn net: gather: the index 8 lies outside the 8 rows, 0 to 7, at step 1"},
        {"one_hot(ring.label + 3, 8)", 5, "an index outside its table at step 1, in 'turn net'"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[600];
        snprintf(text, sizeof text,
                 "data: {ring: {source: gaussians, modes: 8, batch: 64, order: sequential}}\n"
                 "networks:\n  net(x): dense(x, 1)\n  table(x): \"dense(%s, 1)\"\n"
                 "players:\n  net: {minimize: mean(net(ring.point)) + mean(table(ring.point)^2), moves: [net, table], optimizer: sgd(0.1)}\n"
                 "schedule: {steps: 3, each: [net]}\n", rows[i].layer);
        put("outside.yaml", text);
        assert_int_equal(sh("outside.yaml -o outside --force"), rows[i].code);
        assert_non_null(strstr(err, rows[i].why));
        assert_null(strstr(err, "nan is made here"));
        assert_int_equal(sh("check outside.yaml"), rows[i].code == 3 ? 3 : 0);
    }
}

static void a_divergence_names_node_and_step(void **state) {
    (void)state;
    static const char *const more[] = {"", "--watch"};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sh("bad.yaml -o bad --force %s", more[i]), 5);
        assert_non_null(strstr(err, "bad.yaml:6:44: error: turn net: -inf is made here first, at step 11"));
        assert_non_null(strstr(err, "diverged at step 11"));
        assert_non_null(strstr(err, "the last good checkpoint is bad/checkpoints/step-000008.safetensors"));
    }
}

static int prepare(void **state) {
    (void)state;
    setenv("LSAN_OPTIONS", "print_suppressions=0", 0);
    if (into_folder("test_cli.out")) return -1;
    put("ring.yaml", spec);
    put("bad.yaml", bad);
    put("wrong.yaml", "network: {}\n");
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_ends_and_says_as_it_should),
        cmocka_unit_test(a_run_leaves_its_folder_and_prints_its_path),
        cmocka_unit_test(a_full_disk_ends_with_6_and_a_closed_pipe_quietly),
        cmocka_unit_test(no_steps_leave_the_initial_values_to_go_on_from),
        cmocka_unit_test(a_signal_ends_after_a_checkpoint_and_the_run_goes_on_the_same),
        cmocka_unit_test(usr1_makes_a_checkpoint_and_goes_on),
        cmocka_unit_test(killed_runs_resume_by_themselves),
        cmocka_unit_test(a_changed_spec_is_refused_and_shown),
        cmocka_unit_test(a_torn_checkpoint_is_refused),
        cmocka_unit_test(auto_finds_the_newest_unfinished_run_of_the_spec),
        cmocka_unit_test(show_lists_what_the_reader_calls),
        cmocka_unit_test(changed_data_are_refused_and_shown),
        cmocka_unit_test(json_is_json),
        cmocka_unit_test(a_label_outside_is_named),
        cmocka_unit_test(a_divergence_names_node_and_step),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
