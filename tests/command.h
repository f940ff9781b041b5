/* graphrun as a user runs it, in the working folder; and what it said. */
#pragma once
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "readall.h"

static char out[1 << 20], err[1 << 18];               /* both streams of the last command, also in out.txt and err.txt */

static inline int sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline int sh(const char *fmt, ...) {          /* graphrun with these words: its exit code; -1: a signal ended it */
    char words[2000], command[3000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    snprintf(command, sizeof command, "%s %s >out.txt 2>err.txt", BINARY, words);
    int status = system(command);
    slurp("out.txt", out, sizeof out);
    slurp("err.txt", err, sizeof err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int into_folder(const char *path) {    /* the working folder from now on; not 0: it cannot be */
    mkdir(path, 0777);
    return chdir(path) || system("rm -rf *") ? -1 : 0;
}

static inline void put_both(const char *path, const char *head, const char *text) {        /* a file of the two */
    FILE *f = fopen(path, "w");
    if (!f) abort();
    fprintf(f, "%s%s", head, text);
    fclose(f);
}

static inline void put(const char *path, const char *text) { put_both(path, "", text); }
