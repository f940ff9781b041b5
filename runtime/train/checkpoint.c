/* Checkpoints as safetensors: 8 bytes of little-endian length, a JSON header padded to 8, raw numbers.
 * Tensors lie in the order of their element size, then of their names, so that every one is aligned.
 * This file knows slots and bytes; it must not know what the slots mean.
 */
#include "train/checkpoint.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <inttypes.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static const char *const type_name[] = {[F32] = "F32", [I32] = "I32", [U8] = "BOOL", [F64] = "F64"};

static bool is_kept(const Slot *s) { return s->kind != SLOT_BATCH && s->kind != SLOT_COLLECTED; }

size_t checkpoint_size(const Slots *slots, DType floats) {
    size_t bytes = 0;
    for (int i = 0; i < slots->all.n; i++)
        if (is_kept(&slots->all.at[i])) bytes += store_bytes(&slots->all.at[i], floats);
    return bytes;
}

/* The slots that a checkpoint holds, *n of them; to be freed. NULL: no memory. */
static int *kept_slots(const Slots *slots, int *n) {
    int *kept = calloc((size_t)slots->all.n + 1, sizeof *kept);
    *n = 0;
    for (int i = 0; kept && i < slots->all.n; i++)
        if (is_kept(&slots->all.at[i])) kept[(*n)++] = i;
    return kept;
}

Store *checkpoint_store(const Slots *slots, DType floats) {
    int n, *kept = kept_slots(slots, &n);
    Store *s = kept ? store_some(slots, floats, n, kept) : NULL;
    free(kept);
    return s;
}

/* ---- writing ---- */

static int by_size_and_name(const void *a, const void *b, void *store) {
    int x = *(const int *)a, z = *(const int *)b;
    size_t i = dtype_size(store_type(store, x)), k = dtype_size(store_type(store, z));
    const Slot *all = ((const Store *)store)->slots->all.at;
    return i != k ? (i < k) - (i > k) : strcmp(all[x].name, all[z].name);
}

/* CRC-32 of all numbers, in the order of the file: a safetensors file itself does not tell whether it is damaged. */
static unsigned long checksum(const Store *s, const int *kept, int n) {
    unsigned long sum = crc32(0, NULL, 0);
    for (int i = 0; i < n; i++) sum = crc32_z(sum, s->data[kept[i]], store_dense(s, kept[i]));
    return sum;
}

static json_t *metadata(const CheckpointInfo *info, unsigned long sum) {
    char seed[24], hash[24], step[24], threads[24], crc[24];
    snprintf(crc, sizeof crc, "%08lx", sum);
    snprintf(seed, sizeof seed, "%" PRIu64, info->seed);
    snprintf(hash, sizeof hash, "%016" PRIx64, info->hash);
    snprintf(step, sizeof step, "%" PRId64, info->step);
    snprintf(threads, sizeof threads, "%d", info->threads);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "crc32", crc, "format", "graphrun", "hash", hash, "seed",
                     seed, "step", step, "threads", threads, "version", info->version);
}

static char *header_text(const Store *s, const int *kept, int n, const CheckpointInfo *info) {
    json_t *top = json_object();
    json_object_set_new(top, "__metadata__", metadata(info, checksum(s, kept, n)));
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        const Slot *slot = &s->slots->all.at[kept[i]];
        json_t *shape = json_array();
        for (int k = 0; k < slot->type.shape.rank; k++)
            json_array_append_new(shape, json_integer(slot->type.shape.dim[k]));
        size_t end = at + store_dense(s, kept[i]);
        json_object_set_new(top, slot->name,
                            json_pack("{s:s, s:o, s:[I, I]}", "dtype", type_name[store_type(s, kept[i])], "shape", shape,
                                      "data_offsets", (json_int_t)at, (json_int_t)end));
        at = end;
    }
    char *text = json_dumps(top, JSON_COMPACT);
    json_decref(top);
    return text;
}

static bool write_all(int fd, const void *data, size_t size) {
    for (const char *p = data; size;) {
        ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        p += n;
        size -= (size_t)n;
    }
    return true;
}

static bool write_body(int fd, const Store *s, const int *kept, int n, const char *header) {
    unsigned char length[8];
    size_t used = strlen(header), padded = (used + 7) & ~(size_t)7;
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)padded >> (8 * i));
    if (!write_all(fd, length, 8) || !write_all(fd, header, used) || !write_all(fd, "       ", padded - used))
        return false;
    for (int i = 0; i < n; i++)
        if (!write_all(fd, s->data[kept[i]], store_dense(s, kept[i]))) return false;
    return fsync(fd) == 0;
}

static bool flush_folder(const char *path) {
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    bool done = fsync(fd) == 0 || errno == EINVAL; /* some file systems cannot flush a folder */
    close(fd);
    return done;
}

bool checkpoint_sound(const Store *s, Fault *f) {
    static const SlotKind kinds[] = {SLOT_PARAM, SLOT_STATE};
    for (int i = 0, which; i < 2; i++)
        if (!store_finite(s, kinds[i], &which))
            return fault(f, CODE_DIVERGED, "%s '%s' is not finite", i ? "running value" : "parameter",
                         s->slots->all.at[which].name);
    return true;
}

bool checkpoint_write(const char *path, const Store *s, const CheckpointInfo *info, Fault *f) {
    int n, *kept = kept_slots(s->slots, &n);
    if (kept) qsort_r(kept, (size_t)n, sizeof *kept, by_size_and_name, (void *)s);
    char *header = kept ? header_text(s, kept, n, info) : NULL, torn[4096];
    snprintf(torn, sizeof torn, "%s.tmp", path);
    bool done = false;
    if (header) {
        int fd = open(torn, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        done = fd >= 0 && write_body(fd, s, kept, n, header);
        if (fd >= 0) done = close(fd) == 0 && done;
        done = done && rename(torn, path) == 0 && flush_folder(path);
        if (!done) {
            fault(f, CODE_WRITE, "%s: cannot write the checkpoint: %s", path, strerror(errno));
            unlink(torn);
        }
    } else {
        fault_memory(f);
    }
    free(header);
    free(kept);
    return done;
}

/* ---- reading ---- */

typedef struct {
    const char *path;
    int fd;
    json_t *top;
    size_t data, size; /* where the numbers begin in the file, and how many bytes */
    Fault *fault;
} Reader;

static bool read_all(int fd, void *into, size_t size, size_t at) {
    for (char *p = into; size;) {
        ssize_t n = pread(fd, p, size, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        p += n;
        at += (size_t)n;
        size -= (size_t)n;
    }
    return true;
}

static bool bad(Reader *r, const char *why) { return fault(r->fault, CODE_DATA, "%s: %s", r->path, why); }

static bool reader_open(Reader *r) {
    enum { MOST = 100 << 20 }; /* safetensors' own limit of a header */
    struct stat st;
    r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0 || fstat(r->fd, &st)) return bad(r, strerror(errno));
    if (!S_ISREG(st.st_mode)) return bad(r, "is no file");
    unsigned char length[8];
    if (st.st_size < 8 || !read_all(r->fd, length, 8, 0)) return bad(r, "too short for a safetensors file");
    uint64_t n = 0;
    for (int i = 0; i < 8; i++) n |= (uint64_t)length[i] << (8 * i);
    if (n > MOST || n > (uint64_t)st.st_size - 8)
        return bad(r, "its header is longer than the file: it is torn or no safetensors");
    char *text = malloc(n + 1);
    if (!text) return fault_memory(r->fault);
    json_error_t where;
    r->top = read_all(r->fd, text, n, 8) ? json_loadb(text, n, JSON_REJECT_DUPLICATES, &where) : NULL;
    free(text);
    if (!json_is_object(r->top)) return bad(r, "its header is no JSON object");
    r->data = 8 + n;
    r->size = (size_t)st.st_size - r->data;
    return true;
}

static bool reader_close(Reader *r, bool done) {
    if (r->fd >= 0) close(r->fd);
    json_decref(r->top);
    return done;
}

/* The whole text is a number that does not exceed `most`. */
static bool read_number(const char *text, int base, uint64_t most, uint64_t *out) {
    char *end;
    errno = 0;
    *out = strtoull(text, &end, base);
    return !errno && isxdigit((unsigned char)*text) && !*end && *out <= most;
}

static bool read_info(Reader *r, CheckpointInfo *out) {
    const char *version, *seed, *hash, *step, *threads;
    uint64_t steps, count;
    json_t *m = json_object_get(r->top, "__metadata__");
    if (!m || json_unpack(m, "{s:s, s:s, s:s, s:s, s:s}", "version", &version, "seed", &seed, "hash", &hash,
                          "step", &step, "threads", &threads))
        return bad(r, "no metadata of graphrun in it: it is no checkpoint of a run");
    if (!read_number(seed, 10, UINT64_MAX, &out->seed) || !read_number(hash, 16, UINT64_MAX, &out->hash) ||
        !read_number(step, 10, INT64_MAX, &steps) || !read_number(threads, 10, INT_MAX, &count) || !count)
        return bad(r, "its metadata are damaged");
    out->step = (int64_t)steps;
    out->threads = (int)count;
    snprintf(out->version, sizeof out->version, "%s", version);
    return true;
}

/* The numbers are those that were written. A file from another tool need not say what they add up to. */
static bool undamaged(Reader *r) {
    enum { PIECE = 1 << 20 };
    const char *text = json_string_value(json_object_get(json_object_get(r->top, "__metadata__"), "crc32"));
    uint64_t wanted;
    if (!text) return true;
    unsigned char *piece = malloc(PIECE);
    if (!piece) return fault_memory(r->fault);
    unsigned long sum = crc32(0, NULL, 0);
    bool whole = read_number(text, 16, UINT32_MAX, &wanted);
    for (size_t at = 0, n; whole && at < r->size; at += n) {
        n = r->size - at < PIECE ? r->size - at : PIECE;
        whole = read_all(r->fd, piece, n, r->data + at);
        sum = crc32_z(sum, piece, n);
    }
    free(piece);
    return (whole && sum == wanted) || bad(r, "its numbers are not those that were written: it is damaged");
}

typedef struct {
    size_t at; /* in the file */
    DType type;
} Found;

/* A float is F32 or F64, whichever the run keeps. */
static bool type_of(const char *dtype, DType wanted, DType *type) {
    *type = wanted == F32 && !strcmp(dtype, type_name[F64]) ? F64 : wanted;
    return !strcmp(dtype, type_name[*type]);
}

/* A tensor of this slot's type; false with a message. */
static bool find_tensor(Reader *r, const Slot *slot, Found *out, Fault *f) {
    json_t *entry = json_object_get(r->top, slot->name), *shape;
    const char *dtype;
    json_int_t begin, end;
    if (!entry) return fault(f, CODE_DATA, "%s: '%s' is missing", r->path, slot->name);
    if (json_unpack(entry, "{s:s, s:o, s:[I, I]}", "dtype", &dtype, "shape", &shape, "data_offsets", &begin,
                    &end) ||
        !json_is_array(shape))
        return fault(f, CODE_DATA, "%s: '%s' is described wrongly", r->path, slot->name);
    bool same = type_of(dtype, slot->type.dtype, &out->type) && (int)json_array_size(shape) == slot->type.shape.rank;
    for (int k = 0; same && k < slot->type.shape.rank; k++)
        same = json_integer_value(json_array_get(shape, (size_t)k)) == slot->type.shape.dim[k];
    if (!same) {
        char *is = json_dumps(shape, JSON_COMPACT), want[200] = "";
        for (int k = 0; k < slot->type.shape.rank; k++)
            snprintf(want + strlen(want), sizeof want - strlen(want), "%s%lld", k ? "," : "",
                     (long long)slot->type.shape.dim[k]);
        fault(f, CODE_DATA, "%s: '%s' is %s %s, the spec wants %s [%s]", r->path, slot->name, dtype,
              is ? is : "?", dtype_name(slot->type.dtype), want);
        free(is);
        return false;
    }
    size_t bytes = (size_t)shape_count(&slot->type.shape) * dtype_size(out->type);
    if (begin < 0 || end < begin || (uint64_t)end > r->size || (size_t)(end - begin) != bytes)
        return fault(f, CODE_DATA, "%s: the numbers of '%s' lie outside the file: it is torn", r->path,
                     slot->name);
    out->at = r->data + (size_t)begin;
    return true;
}

/* Floats become what the Store keeps: F32 as they are, F64 rounded. */
static bool convert_tensor(Reader *r, Store *s, int slot, const Found *from) {
    enum { PIECE = 4096 };
    double piece[PIECE];
    const Slot *is = &s->slots->all.at[slot];
    size_t each = dtype_size(from->type);
    for (int64_t done = 0, all = shape_count(&is->type.shape), n; done < all; done += n) {
        n = all - done < PIECE ? all - done : PIECE;
        if (!read_all(r->fd, piece, (size_t)n * each, from->at + (size_t)done * each)) return bad(r, "cannot be read to its end");
        for (int64_t i = 0; i < n; i++) {
            double x = number_get(piece, from->type, i);
            store_put(s, slot, done + i, x);
            if (isfinite(x) && !isfinite(store_at(s, slot, done + i)))
                return fault(r->fault, CODE_DATA, "%s: '%s' holds %g, and fp32 ends at %g", r->path, is->name, x, (double)FLT_MAX);
        }
    }
    return true;
}

static bool read_tensor(Reader *r, Store *s, int slot, const Found *from) {
    if (from->type != store_type(s, slot)) return convert_tensor(r, s, slot, from);
    return read_all(r->fd, s->data[slot], store_dense(s, slot), from->at) || bad(r, "cannot be read to its end");
}

static bool nothing_more(Reader *r, const Slots *slots) {
    const char *name;
    json_t *entry;
    json_object_foreach(r->top, name, entry) {
        int slot = slot_find(slots, name);
        if (strcmp(name, "__metadata__") && (slot < 0 || !is_kept(&slots->all.at[slot])))
            return fault(r->fault, CODE_DATA, "%s: '%s' is nothing that the spec has", r->path, name);
    }
    return true;
}

/* These slots' tensors, in loose mode those that are there and fit. `into`: NULL only looks, so that the Store stays as it
 * is where something is wrong. */
static bool read_tensors(Reader *r, const Slots *slots, int n, const int *slot, bool loose, Store *into) {
    for (int i = 0; i < n; i++) {
        Found at;
        Fault unused = {0};
        bool found = find_tensor(r, &slots->all.at[slot[i]], &at, loose ? &unused : r->fault);
        if (!found && !loose) return false;
        if (found && into && !read_tensor(r, into, slot[i], &at)) return false;
    }
    return true;
}

bool checkpoint_info(const char *path, CheckpointInfo *out, Fault *f) {
    Reader r = {.path = path, .fd = -1, .fault = f};
    return reader_close(&r, reader_open(&r) && read_info(&r, out));
}

bool checkpoint_read(const char *path, Store *s, bool loose, CheckpointInfo *out, Fault *f) {
    Reader r = {.path = path, .fd = -1, .fault = f};
    int n, *kept = kept_slots(s->slots, &n);
    bool done = kept || fault_memory(f);
    done = done && reader_open(&r) && read_info(&r, out) && (loose || nothing_more(&r, s->slots)) &&
           read_tensors(&r, s->slots, n, kept, loose, NULL) && undamaged(&r) && read_tensors(&r, s->slots, n, kept, loose, s);
    free(kept);
    return reader_close(&r, done);
}

/* ---- a part of a file, of whoever wrote it ---- */

/* 'encoder, decoder': what the names in the file begin with. */
static void name_networks(const Reader *r, char *out, size_t size) {
    const char *name;
    json_t *entry;
    *out = 0;
    json_object_foreach(r->top, name, entry) {
        int n = (int)strcspn(name, "/");
        char word[100];
        snprintf(word, sizeof word, "'%.*s'", n, name);
        if (!name[n] || *name == '@' || strstr(out, word)) continue;
        snprintf(out + strlen(out), size - strlen(out), "%s%s", *out ? ", " : "", word);
    }
}

static bool has_some(Reader *r, const Slots *slots, int n, const int *slot) {
    for (int i = 0; i < n; i++)
        if (json_object_get(r->top, slots->all.at[slot[i]].name)) return true;
    char has[400];
    name_networks(r, has, sizeof has);
    return fault(r->fault, CODE_DATA, "%s: nothing in it is called '%s' or the like; it has %s", r->path, slots->all.at[slot[0]].name,
                 *has ? has : "no network");
}

bool checkpoint_fits(const char *path, const Slots *slots, int n, const int *slot, Fault *f) {
    Reader r = {.path = path, .fd = -1, .fault = f};
    return reader_close(&r, reader_open(&r) && has_some(&r, slots, n, slot) && read_tensors(&r, slots, n, slot, false, NULL));
}

bool checkpoint_take(const char *path, Store *s, int n, const int *slot, Fault *f) {
    Reader r = {.path = path, .fd = -1, .fault = f};
    return reader_close(&r, reader_open(&r) && has_some(&r, s->slots, n, slot) && read_tensors(&r, s->slots, n, slot, false, NULL) &&
                                read_tensors(&r, s->slots, n, slot, false, s));
}
