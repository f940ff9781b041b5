/* The run folder. Whatever depends on the host and the clock is in run.json (and timing.jsonl), nowhere else. */
#include "train/runfolder.h"

#include "out/out.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const subfolders[] = {"checkpoints", "samples", "plots"};
static const char *const files[] = {"spec.yaml", "resolved.yaml", "run.json", "log.jsonl", "timing.jsonl"};
enum { SUBFOLDERS = 3, FILES = 5, PATH = 4096 };

/* ---- making and locking ---- */

static bool make_parents(const char *path) {
    char part[PATH];
    snprintf(part, sizeof part, "%s", path);
    for (char *p = part + 1; *p; p++) {
        if (*p != '/') continue;
        *p = 0;
        if (mkdir(part, 0777) && errno != EEXIST) return false;
        *p = '/';
    }
    return true;
}

static bool is_empty(const char *path) {
    DIR *dir = opendir(path);
    int n = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    if (dir) closedir(dir);
    return n == 0;
}

/* The lock is on the folder itself: it goes with the process, and leaves no file. */
static bool lock_it(RunFolder *r, Fault *f) {
    r->lock = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->lock < 0) return fault(f, CODE_WRITE, "%s: %s", r->path, strerror(errno));
    if (!flock(r->lock, LOCK_EX | LOCK_NB)) return true;
    runfolder_close(r);
    return fault(f, CODE_FAILED, "%s: another run works in this folder", r->path);
}

static bool make_subfolders(const RunFolder *r, Fault *f) {
    for (int i = 0; i < SUBFOLDERS; i++) {
        char path[PATH];
        snprintf(path, sizeof path, "%s/%s", r->path, subfolders[i]);
        if (mkdir(path, 0777) && errno != EEXIST)
            return fault(f, CODE_WRITE, "%s: %s", path, strerror(errno));
    }
    return true;
}

/* Removes what an earlier run left; files that no run makes are left alone. */
static void sweep(const RunFolder *r) {
    char path[PATH];
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", r->path, files[i]);
        unlink(path);
    }
    for (int i = 0; i < SUBFOLDERS; i++) {
        snprintf(path, sizeof path, "%s/%s", r->path, subfolders[i]);
        DIR *dir = opendir(path);
        for (struct dirent *e; dir && (e = readdir(dir));)
            if (e->d_name[0] != '.') unlinkat(dirfd(dir), e->d_name, 0);
        if (dir) closedir(dir);
    }
}

static bool make_default(RunFolder *r, const char *name, Fault *f) {
    time_t now = time(NULL);
    struct tm day;
    char stamp[32];
    localtime_r(&now, &day);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &day);
    for (int i = 1; i < 1000; i++) {
        snprintf(r->path, sizeof r->path, i == 1 ? "runs/%.200s-%s" : "runs/%.200s-%s-%d", name, stamp, i);
        if (!make_parents(r->path)) break;
        if (!mkdir(r->path, 0777)) return true;
        if (errno != EEXIST) break;
    }
    return fault(f, CODE_WRITE, "%s: %s", r->path, strerror(errno));
}

bool runfolder_make(RunFolder *r, const char *out, const char *name, bool force, Fault *f) {
    *r = (RunFolder){.lock = -1};
    if (!out) return make_default(r, name, f) && lock_it(r, f) && make_subfolders(r, f);
    if (strlen(out) >= sizeof r->path) return fault(f, CODE_USAGE, "--out: the path is too long");
    snprintf(r->path, sizeof r->path, "%s", out);
    if (!make_parents(r->path)) return fault(f, CODE_WRITE, "%s: %s", r->path, strerror(errno));
    if (mkdir(r->path, 0777)) {
        if (errno != EEXIST) return fault(f, CODE_WRITE, "%s: %s", r->path, strerror(errno));
        if (!is_empty(r->path) && !force)
            return fault(f, CODE_USAGE, "%s: is there already; --force overwrites it, --resume %s goes on",
                         r->path, r->path);
    }
    if (!lock_it(r, f)) return false;
    if (force) sweep(r);
    return make_subfolders(r, f);
}

bool runfolder_open(RunFolder *r, const char *path, Fault *f) {
    *r = (RunFolder){.lock = -1};
    struct stat st;
    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return fault(f, CODE_DATA, "%s: there is no such run folder", path);
    snprintf(r->path, sizeof r->path, "%s", path);
    for (size_t n = strlen(r->path); n > 1 && r->path[n - 1] == '/'; n--) r->path[n - 1] = 0;
    return lock_it(r, f) && make_subfolders(r, f);
}

void runfolder_close(RunFolder *r) {
    if (r->lock >= 0) close(r->lock);
    r->lock = -1;
}

bool runfolder_text(const RunFolder *r, const char *name, const char *text, Fault *f) {
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", r->path, name);
    return file_write_whole(path, text, strlen(text)) ||
           fault(f, CODE_WRITE, "%s: %s", path, strerror(errno));
}

/* ---- run.json ---- */

static json_t *facts_load(const char *folder) {
    char path[PATH];
    snprintf(path, sizeof path, "%.4000s/run.json", folder);
    return json_load_file(path, 0, NULL);
}

void runfolder_fact(const char *folder, const char *key, char *out, size_t size) {
    json_t *facts = facts_load(folder), *part = facts;
    for (size_t n; *key; key += n + (key[n] == '.')) n = strcspn(key, "."), part = json_object_getn(part, key, n);
    const char *text = json_string_value(part);
    snprintf(out, size, "%s", text ? text : "");
    json_decref(facts);
}

static void cpu_name(char *out, size_t size) {
    FILE *f = fopen("/proc/cpuinfo", "re");
    char line[256];
    snprintf(out, size, "unknown");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (!colon || (strncmp(line, "model name", 10) && strncmp(line, "CPU part", 8))) continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(out, size, "%.200s", colon + 2);
        break;
    }
    if (f) fclose(f);
}

static void time_text(char *out, size_t size) {
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

bool runfolder_facts(const RunFolder *r, const RunFacts *facts, Fault *f) {
    char host[128] = "", cpu[256], now[32], began[32], hash[24];
    gethostname(host, sizeof host - 1);
    cpu_name(cpu, sizeof cpu);
    time_text(now, sizeof now);
    runfolder_fact(r->path, "began", began, sizeof began);
    snprintf(hash, sizeof hash, "%016" PRIx64, facts->hash);
    json_t *arguments = json_array();
    for (int i = 0; i < facts->argc; i++) {
        json_t *one = json_string(facts->argv[i]); /* NULL where it is no UTF-8 */
        json_array_append_new(arguments, one ? one : json_string("?"));
    }
    json_t *data = json_object(), *identity = json_object();
    for (int i = 0; i < facts->training->nsource; i++) {
        const SourceUse *u = &facts->training->source[i];
        char is[IDENTITY_SIZE];
        if (u->used && u->source->path) json_object_set_new(data, u->name, json_string(u->source->path));
        if (!u->used) continue;
        source_identity(u->source, is, sizeof is);
        json_object_set_new(identity, u->name, json_string(is));
    }
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:s, s:s, s:I, s:o, s:o, s:o, s:s, s:s, s:s}",
                          "version", facts->version, "revision", facts->revision, "host", host, "cpu", cpu,
                          "isa", facts->isa, "libraries", facts->libraries, "spec", facts->spec, "threads",
                          facts->threads, "seed", (json_int_t)facts->seed, "hash", hash, "status",
                          facts->status, "step", (json_int_t)facts->step, "arguments", arguments, "data", data, "samples", identity, "began",
                          *began ? began : now, "changed", now, "precision",
                          precision_name(facts->training));
    char *text = o ? json_dumps(o, JSON_INDENT(2)) : NULL;
    json_decref(o);
    bool done = text ? runfolder_text(r, "run.json", text, f) : fault_memory(f);
    free(text);
    return done;
}

/* ---- finding one to go on with ---- */

/* NAME-DATE-TIME, or a folder of another name in which this spec was begun. */
static bool is_run_of(const char *folder, const char *path, const char *name) {
    size_t n = strlen(name);
    if (!strncmp(folder, name, n) && folder[n] == '-' && strspn(folder + n + 1, "0123456789-") == strlen(folder + n + 1)) return true;
    char spec[600] = "";
    runfolder_fact(path, "spec", spec, sizeof spec);
    const char *slash = strrchr(spec, '/'), *base = slash ? slash + 1 : spec;
    return strcspn(base, ".") == n && !strncmp(base, name, n);
}

bool runfolder_unfinished(const char *name, char *out, size_t size) {
    DIR *dir = opendir("runs");
    char newest[256] = "", newest_began[32] = "", path[PATH], status[32], began[32];
    for (struct dirent *e; dir && (e = readdir(dir));) {
        snprintf(path, sizeof path, "runs/%s", e->d_name);
        *status = *began = 0;
        if (*e->d_name == '.' || !is_run_of(e->d_name, path, name)) continue;
        runfolder_fact(path, "status", status, sizeof status);
        runfolder_fact(path, "began", began, sizeof began);
        int order = strcmp(newest_began, began);
        if (!*status || !strcmp(status, "finished") || order > 0 || (!order && strcmp(newest, e->d_name) > 0)) continue;
        snprintf(newest, sizeof newest, "%s", e->d_name);
        snprintf(newest_began, sizeof newest_began, "%s", began);
    }
    if (dir) closedir(dir);
    if (*newest) snprintf(out, size, "runs/%s", newest);
    return *newest;
}
