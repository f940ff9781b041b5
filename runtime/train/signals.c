/* Signals. The first SIGINT or SIGTERM asks for an orderly end; a second SIGINT leaves at once. */
#include "train/signals.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stop, sample;

static void on_stop(int number) {
    if (stop && number == SIGINT) {
        signal(number, SIG_DFL);
        raise(number);
    }
    stop = number;
}

static void on_sample(int number) {
    (void)number;
    sample = 1;
}

static void catch_signal(int number, void (*handler)(int)) {
    struct sigaction old, mine;
    memset(&mine, 0, sizeof mine);
    mine.sa_handler = handler;
    mine.sa_flags = SA_RESTART;
    sigemptyset(&mine.sa_mask);
    if (!sigaction(number, NULL, &old) && old.sa_handler == SIG_IGN) return; /* nohup, background jobs */
    sigaction(number, &mine, NULL);
}

void signals_install(void) {
    catch_signal(SIGINT, on_stop);
    catch_signal(SIGTERM, on_stop);
    catch_signal(SIGUSR1, on_sample);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

int signals_stop(void) { return stop; }

bool signals_sample(void) {
    bool came = sample;
    sample = 0;
    return came;
}

_Noreturn void signals_die(int number) {
    signal(number, SIG_DFL);
    sigset_t all;
    sigemptyset(&all);
    sigaddset(&all, number);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    raise(number);
    exit(128 + number);
}
