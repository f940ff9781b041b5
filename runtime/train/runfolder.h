/* The run folder: made once, locked while a run works in it, found again on resume. */
#pragma once
#include "train/fault.h"
#include "train/training.h"
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char path[512];
    int lock;                                         /* descriptor of the folder, which is locked; -1: none */
} RunFolder;

/* A new folder: `out`, or runs/NAME-DATE-TIME (-2, -3 where that is taken). One that exists is taken only where it is
 * empty, or with `force`: then the files of the old run in it go. */
bool runfolder_make(RunFolder *r, const char *out, const char *name, bool force, Fault *f);
bool runfolder_open(RunFolder *r, const char *path, Fault *f);          /* one that exists; locks it */
void runfolder_close(RunFolder *r);
bool runfolder_text(const RunFolder *r, const char *name, const char *text, Fault *f);  /* writes a small file whole */
/* The newest run of this spec in runs/ that did not finish; false: there is none. */
bool runfolder_unfinished(const char *name, char *out, size_t size);

typedef struct {                                      /* what run.json says */
    const char *version, *revision, *isa, *libraries, *status;          /* status: running, finished, stopped, diverged, failed */
    const char *spec;                                 /* path as given */
    const Training *training;                         /* for where its data were found */
    int threads, argc;
    char **argv;
    uint64_t seed, hash;
    int64_t step;
} RunFacts;
bool runfolder_facts(const RunFolder *r, const RunFacts *facts, Fault *f);              /* writes run.json; keeps when it began */
/* "" where run.json has no such text; `key` may lead to a part: "data.digits". */
void runfolder_fact(const char *path, const char *key, char *out, size_t size);
