/* Files of data sources: where they are found, and how a message about one reads. Knows no format. */
#include "datasets/kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool source_complain_at(const char *site, const DataSource *s, const char *file, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    const char *what = arena_vprintf(s->arena, fmt, ap);
    va_end(ap);
    diag_add(s->diags, site, DIAG_DATA, source_loc(s, "path"), "%s: %s: %s", s->name, file, what);
    return false;
}

void source_saw_file(DataSource *s, const char *name, int64_t size) {
    s->files++;
    s->file_bytes += size;
    s->file_hash = (s->file_hash ^ rng_hash(name)) * 0x9e3779b97f4a7c15u + (uint64_t)size;
}

int64_t file_size(const char *path) {
    struct stat at;
    return stat(path, &at) ? 0 : at.st_size;
}

bool file_exists(const char *path) {
    struct stat at;
    return !stat(path, &at);
}

bool file_is_folder(const char *path) {
    struct stat at;
    return !stat(path, &at) && S_ISDIR(at.st_mode);
}

static const char *data_folder(void) {
    const char *data = getenv("GRAPHRUN_DATA");
    return data && *data ? data : NULL;
}

const char *source_look(const DataSource *s, const char *path) {
    if (file_exists(path)) return path;
    int why = errno;
    const char *data = data_folder(), *there = data && *path != '/' ? arena_printf(s->arena, "%s/%s", data, path) : NULL;
    if (there && file_exists(there)) return there;
    errno = why;
    return NULL;
}

bool source_unreadable(const DataSource *s, const char *path) {
    return source_complain(s, path, "%s", errno ? strerror(errno) : "no memory to read it");
}

const char *source_find(const DataSource *s, const char *path, const char *advice) {
    const char *found = source_look(s, path), *data = data_folder();
    if (found) return found;
    if (errno != ENOENT && errno != ENOTDIR) return source_unreadable(s, path), NULL;
    const char *where = *path == '/' ? ""
                        : data       ? arena_printf(s->arena, " here or in %s (GRAPHRUN_DATA)", data)
                                     : " here, and GRAPHRUN_DATA, the folder to look in next, is not set";
    source_complain(s, path, "there is no such file or folder%s%s", where, advice);
    return NULL;
}

FILE *source_open_file(const DataSource *s, const char *path, int64_t *size) {
    struct stat at;
    errno = 0;
    FILE *f = fopen(path, "rb");
    if (!f || fstat(fileno(f), &at)) {
        source_unreadable(s, path);
        if (f) fclose(f);
        return NULL;
    }
    if (S_ISREG(at.st_mode) && at.st_size > 0) return *size = at.st_size, f;
    source_complain(s, path, S_ISDIR(at.st_mode)   ? "is a folder, not a file"
                             : S_ISREG(at.st_mode) ? "is empty"
                                                   : "is no regular file");
    fclose(f);
    return NULL;
}

void *source_room(const DataSource *s, const char *path, size_t bytes) {
    void *room = malloc(bytes + 1);
    if (!room) source_complain(s, path, "no memory for %zu bytes of it", bytes);
    return room;
}
