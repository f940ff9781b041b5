/* The frames of an output: its files NAME-STEP.png, found in their folder. */
#include "out/film.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool film_say(char *why, size_t size, const char *path, const char *reason) {
    if (size) snprintf(why, size, "%s: %s", path, reason);
    return false;
}

static int by_step(const void *a, const void *b) {
    const Frame *x = a, *z = b;
    return (x->step > z->step) - (x->step < z->step);
}

void film_free(Film *f) {
    for (int i = 0; i < f->n; i++) free(f->frame[i].path);
    free(f->frame);
}

/* The step of a file called NAME-STEP.png, else -1. */
static long long step_of(const char *file, const char *name) {
    size_t n = strlen(name);
    if (strncmp(file, name, n) || file[n] != '-') return -1;
    const char *digits = file + n + 1;
    size_t count = strspn(digits, "0123456789");
    return count && count < 19 && !strcmp(digits + count, ".png") ? atoll(digits) : -1;
}

static bool film_add(Film *f, long long step, const char *folder, const char *file) {
    Frame *grown = realloc(f->frame, (size_t)(f->n + 1) * sizeof *grown);
    if (!grown) return false;
    f->frame = grown;
    if (asprintf(&grown[f->n].path, "%s/%s", folder, file) < 0) return false;
    grown[f->n++].step = step;
    return true;
}

bool film_find(Film *f, const char *folder, const char *name, char *why, size_t size) {
    DIR *d = opendir(folder);
    if (!d) return film_say(why, size, folder, strerror(errno));
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(d));) {
        long long step = step_of(e->d_name, name);
        if (step >= 0) ok = film_add(f, step, folder, e->d_name);
    }
    closedir(d);
    if (!ok) return film_say(why, size, folder, "no memory for its frames");
    if (!f->n) return film_say(why, size, folder, "no frames");
    qsort(f->frame, (size_t)f->n, sizeof *f->frame, by_step);
    for (int i = 0; i < f->n && !f->color; i++)
        if (!picture_is_color(f->frame[i].path, &f->color))
            return film_say(why, size, f->frame[i].path, errno == EILSEQ ? "not a PNG file" : strerror(errno));
    return true;
}

bool frame_read(const Film *f, int i, int width, int height, Picture *out, char *why, size_t size) {
    const char *path = f->frame[i].path;
    if (!picture_read(out, path, f->color))
        return film_say(why, size, path, errno == EILSEQ ? "not a PNG file" : strerror(errno));
    if (i == 0 || (out->width == width && out->height == height)) return true;
    picture_free(out);
    return film_say(why, size, path, "has another size than the first frame");
}
