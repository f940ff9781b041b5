/* Signals. The first SIGINT or SIGTERM asks for an orderly end; a second SIGINT leaves at once.
 *
 * A thread of their own waits for them; all others have them blocked. No handler ever runs on top of a computation:
 * oneDNN's sgemm keeps its stack pointer in a buffer on the heap for a while, and a handler's frame would overwrite
 * what lies below. */
#include "train/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static _Atomic int stop, sample;

/* Threads that are started from here on inherit the mask. */
static void mask(int how, int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(how, &set, NULL);
}

static void *wait_for_signals(void *ctx) {
    int number;
    while (!sigwait(ctx, &number)) {
        if (number == SIGUSR1) sample = 1;
        else if (stop && number == SIGINT) signals_die(number);
        else stop = number;
    }
    return NULL;
}

void signals_install(void) {
    static const int noted[] = {SIGINT, SIGTERM, SIGUSR1};
    static sigset_t set;
    sigset_t before;
    pthread_t thread;
    struct sigaction now;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof noted / sizeof *noted; i++)
        if (sigaction(noted[i], NULL, &now) || now.sa_handler != SIG_IGN) sigaddset(&set, noted[i]); /* nohup, background jobs */
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    if (pthread_create(&thread, NULL, wait_for_signals, &set)) pthread_sigmask(SIG_SETMASK, &before, NULL);
    else pthread_detach(thread);                      /* without it they end the process, as they do by default */
}

int signals_stop(void) { return stop; }

bool signals_sample(void) { return atomic_exchange(&sample, 0); }

_Noreturn void signals_die(int number) {
    signal(number, SIG_DFL);
    mask(SIG_UNBLOCK, number);
    raise(number);
    exit(128 + number);
}
