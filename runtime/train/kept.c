/* The folder of checkpoints: names, the newest, and which are kept. */
#include "train/checkpoint.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 4096 };

typedef struct {
    int64_t step, turns;
    char name[64];
} Found;

void checkpoint_name(char *out, size_t size, const char *folder, int64_t step, int64_t turns) {
    int n = snprintf(out, size, "%s/step-%06" PRId64, folder, step);
    if (turns) n += snprintf(out + n, size - (size_t)n, "-turn-%04" PRId64, turns);
    snprintf(out + n, size - (size_t)n, ".safetensors");
}

static bool parse(const char *name, Found *out) {
    int end = 0;
    *out = (Found){0};
    if (strlen(name) >= sizeof out->name) return false;
    if (sscanf(name, "step-%" SCNd64 "-turn-%" SCNd64 ".safetensors%n", &out->step, &out->turns, &end) < 2 ||
        !end) {
        out->turns = 0;
        end = 0;
        if (sscanf(name, "step-%" SCNd64 ".safetensors%n", &out->step, &end) < 1 || !end) return false;
    }
    strcpy(out->name, name);
    return !name[end];
}

static int newest_first(const void *a, const void *b) {
    const Found *x = a, *z = b;
    if (x->step != z->step) return x->step < z->step ? 1 : -1;
    return (x->turns < z->turns) - (x->turns > z->turns);
}

static int list(const char *folder, Found *found) {
    DIR *dir = opendir(folder);
    if (!dir) return 0;
    int n = 0;
    for (struct dirent *e; n < MOST && (e = readdir(dir));)
        if (parse(e->d_name, &found[n])) n++;
    closedir(dir);
    qsort(found, (size_t)n, sizeof *found, newest_first);
    return n;
}

bool checkpoint_newest(const char *folder, char *out, size_t size) {
    Found *found = malloc(MOST * sizeof *found);
    int n = found ? list(folder, found) : 0;
    if (n) snprintf(out, size, "%s/%s", folder, found[0].name);
    free(found);
    return n > 0;
}

void checkpoint_prune(const char *folder, int64_t keep) {
    Found *found = malloc(MOST * sizeof *found);
    int n = found ? list(folder, found) : 0;
    char path[4096];
    for (int i = (int)keep; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, found[i].name);
        unlink(path);
    }
    free(found);
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        size_t length = strlen(e->d_name);
        if (length < 5 || strcmp(e->d_name + length - 4, ".tmp")) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        unlink(path);
    }
    if (dir) closedir(dir);
}
