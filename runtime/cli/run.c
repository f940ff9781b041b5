/* A run, opened again from its folder: the resolved spec and the newest checkpoint. It is only read. */
#include "cli/cli.h"

#include <string.h>
#include <sys/stat.h>

static int read_checkpoint(Run *r, const char *folder, const Options *o, Fault *f) {
    char checkpoints[900];
    snprintf(checkpoints, sizeof checkpoints, "%s/checkpoints", folder);
    bool found = o->checkpoint || checkpoint_newest(checkpoints, r->checkpoint, sizeof r->checkpoint);
    if (!found) return fault(f, CODE_DATA, "%s: has no checkpoint yet", folder);
    if (o->checkpoint) snprintf(r->checkpoint, sizeof r->checkpoint, "%s", o->checkpoint);
    return checkpoint_info(r->checkpoint, &r->info, f);
}

static bool make_machine(Run *r, const Options *o, Fault *f) {
    Options mine = *o;
    bool more = o->expression != NULL; /* an expression may want values that no checkpoint holds */
    if (!mine.seed_given) mine.seed = (int64_t)r->info.seed;
    if (!mine.threads) mine.threads = r->info.threads;
    r->machine = spec_machine(&r->spec, &mine, false, f);
    if (!r->machine || (more && !machine_start(r->machine, f))) return false;
    return checkpoint_read(r->checkpoint, r->machine->store, more, &r->info, f);
}

int run_open(Run *r, const char *folder, const Options *o) {
    char path[1024];
    struct stat st;
    Fault f = {0};
    *r = (Run){0};
    snprintf(path, sizeof path, "%s/resolved.yaml", folder);
    if (stat(path, &st)) {
        complain("%s: is no run folder: there is no %s", folder, path);
        return CODE_DATA;
    }
    if (!read_checkpoint(r, folder, o, &f)) {
        complain("%s", f.text);
        return f.code;
    }
    int code = spec_open(&r->spec, path, o);
    if (code) return code;
    if (make_machine(r, o, &f)) return CODE_DONE;
    code = spec_fault(&r->spec, &f);
    run_close(r);
    return code;
}

void run_close(Run *r) {
    machine_free(r->machine);
    spec_close(&r->spec);
    r->machine = NULL;
}
