/* graphrun: verbs. `graphrun FILE.yaml` means train; everything else is in the file of its verb. */
#include "cli/cli.h"
#include "ir/ir.h"
#include "kern/kern.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

extern const Verb verb_train, verb_check, verb_show, verb_data, verb_sample, verb_eval, verb_gradcheck, verb_bench,
    verb_profile, verb_schema, verb_help, verb_version;

const Verb *const verbs[] = {&verb_train,     &verb_check, &verb_show, &verb_data, &verb_sample,  &verb_eval,
                             &verb_gradcheck, &verb_bench, &verb_profile, &verb_schema, &verb_help, &verb_version, NULL};

const Verb *verb_named(const char *name) {
    for (const Verb *const *v = verbs; *v; v++)
        if (!strcmp((*v)->name, name)) return *v;
    return NULL;
}

int program_argc;
char **program_argv;

static int unknown_verb(const char *word) {
    Nearest nearest = nearest_to(word);
    for (const Verb *const *v = verbs; *v; v++) nearest_add(&nearest, (*v)->name);
    if (nearest.best)
        complain("unknown verb '%s', did you mean '%s'?", word, nearest.best);
    else
        complain("unknown verb '%s'; a spec's name ends in .yaml; see 'graphrun help'", word);
    return CODE_USAGE;
}

static int run_verb(const Verb *v, int argc, char **argv) {
    Options o = {0};
    int n, code = CODE_USAGE;
    if (options_parse(v, argc, argv, &o, &n)) {
        if (o.help) help_verb(v, stdout);
        code = o.help ? CODE_DONE : v->run(&o, n, argv);
    }
    options_free(&o);
    return code;
}

static bool reader_left(void) {
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && out.revents & POLLERR;
}

/* stdout is data: what could not be written is an error, but a reader that went away is not. */
static int close_stdout(int code) {
    errno = 0;
    bool failed = ferror(stdout), broken = fflush(stdout) != 0;
    if (!(failed || broken) || errno == EPIPE || reader_left()) return code;
    complain("standard output: %s", errno ? strerror(errno) : "not all of it could be written");
    return code ? code : CODE_WRITE;
}

/* A stream that was closed before the start must not become the first file that is opened: it stands for something that
 * can be neither read nor written. */
static void keep_streams_apart(void) {
    static const int mode[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode[fd]) != fd) _exit(CODE_FAILED);
}

/* Two libraries read their settings from the environment when they are loaded, and choose badly on some machines:
 *   libgomp's waiting threads spin for milliseconds before they sleep, so on a machine that others use too they keep from the
 *     processor the very thread they wait for (seen: 50 times slower beside one busy process);
 *   OpenBLAS knows CPUs by model number, and one newer than itself gets kernels of 2004 (seen: 0.3.21 on an Emerald Rapids,
 *     products 5 times slower).
 * So the program starts itself anew with better settings, once. What the user has set stays. */
static void start_with_better_settings(char **argv) {
    bool changed = false;
    if (!getenv("GOMP_SPINCOUNT") && !getenv("OMP_WAIT_POLICY")) changed = !setenv("GOMP_SPINCOUNT", "3000", 1);
    const char *core = blas_core_isa(blas_core()) == ISA_BASE ? blas_core_for(isa_level()) : NULL;
    if (core && !getenv("OPENBLAS_CORETYPE")) changed |= !setenv("OPENBLAS_CORETYPE", core, 1);
    if (changed) execv("/proc/self/exe", argv);       /* where it fails, we just go on */
    prctl(PR_SET_NAME, "graphrun");                   /* else ps and top show "exe" */
}

/* What the environment asks of us and nobody understands. */
static bool environment_is_known(void) {
    const char *isa = getenv("GRAPHRUN_ISA"), *conv = getenv("GRAPHRUN_CONV");
    if (isa && *isa && !isa_known(isa)) return complain("GRAPHRUN_ISA: '%s' is not base, avx2 or avx512", isa), false;
    if (conv && *conv && !conv_known(conv))
        return complain("GRAPHRUN_CONV: '%s' is no way to convolve; see the column of `graphrun profile`", conv), false;
    return true;
}

int main(int argc, char **argv) {
    keep_streams_apart();
    start_with_better_settings(argv);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error like a full disk */
    program_argc = argc;
    program_argv = malloc((size_t)argc * sizeof *argv); /* a copy: parsing moves operands to the front */
    if (program_argv)
        memcpy(program_argv, argv, (size_t)argc * sizeof *argv);
    else
        program_argc = 0;
    if (!environment_is_known()) return CODE_USAGE;
    if (argc < 2) {
        help_short(stderr);
        return CODE_USAGE;
    }
    const char *word = argv[1];
    int code;
    if (!strcmp(word, "-h") || !strcmp(word, "--help"))
        code = (help_short(stdout), CODE_DONE);
    else if (!strcmp(word, "--version"))
        code = run_verb(&verb_version, argc - 2, argv + 2);
    else if (verb_named(word))
        code = run_verb(verb_named(word), argc - 2, argv + 2);
    else if (names_a_spec(word) || word[0] == '-')
        code = run_verb(&verb_train, argc - 1, argv + 1);
    else
        code = unknown_verb(word);
    free(program_argv);
    return close_stdout(code);
}
