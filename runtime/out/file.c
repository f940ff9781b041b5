/* Whole files: read into memory, or written so that either the old or the new one is found under the name,
 * never a torn one: temporary name in the same folder, flush, rename, flush of the folder. */
#include "out/out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "out/bytes.h"

void bytes_add(Bytes *b, const void *data, size_t n) {
    if (b->full || !n) return;
    if (n > b->cap - b->n) {
        size_t cap = 2 * b->cap + n + 4096;
        uint8_t *grown = realloc(b->at, cap);
        if (!grown) {
            b->full = true;
            return;
        }
        b->at = grown;
        b->cap = cap;
    }
    memcpy(b->at + b->n, data, n);
    b->n += n;
}

void bytes_big32(Bytes *b, uint32_t v) {
    bytes_add(b, (uint8_t[]){(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v}, 4);
}

void bytes_free(Bytes *b) {
    free(b->at);
    *b = (Bytes){0};
}

bool bytes_read_file(Bytes *b, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    char part[65536];
    ssize_t n;
    while ((n = read(fd, part, sizeof part)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0) bytes_add(b, part, (size_t)n);
    int error = n < 0 ? errno : b->full ? ENOMEM : 0;
    close(fd);
    errno = error;
    return !error;
}

static bool write_all(int fd, const char *data, size_t size) {
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

static bool flush_folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!folder) return false;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0) return false;
    bool ok = fsync(fd) == 0 || errno == EINVAL; /* EINVAL: a file system that has no such thing */
    int error = errno;
    close(fd);
    errno = error;
    return ok;
}

bool file_write_whole(const char *path, const void *data, size_t size) {
    char *temporary;
    if (asprintf(&temporary, "%s.tmp", path) < 0) {
        errno = ENOMEM;
        return false;
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool ok = fd >= 0 && write_all(fd, data, size) && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0 && close(fd) < 0 && ok) error = errno, ok = false;
    if (ok && rename(temporary, path) < 0) error = errno, ok = false;
    if (!ok && fd >= 0) unlink(temporary);
    free(temporary);
    if (ok) return flush_folder_of(path);
    errno = error;
    return false;
}
