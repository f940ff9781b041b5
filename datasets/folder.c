/* Image files under a folder, sorted by the bytes of their names, whatever the locale and the file system. Folders directly
 * beneath it are classes, numbered in that order. What begins with a dot is not looked at. */
#include "datasets/pictures.h"

#include <errno.h>
#include <fts.h>
#include <strings.h>
#include <sys/stat.h>

static const char *const ours[] = {"png", "jpg", "jpeg", NULL};
static const char *const others[] = {"webp", "gif", "bmp", "tif", "tiff", "avif", "heic", "ppm", "pgm", NULL};

static bool ends_in(const char *name, const char *const *endings) {
    const char *dot = strrchr(name, '.');
    for (const char *const *e = endings; dot && *e; e++)
        if (!strcasecmp(dot + 1, *e)) return true;
    return false;
}

static int by_name(const FTSENT **a, const FTSENT **b) { return strcmp((*a)->fts_name, (*b)->fts_name); }

typedef struct {
    DataSource *s;
    Folder *out;
    size_t root;                                      /* length of its path */
    int64_t ignored;                                  /* images in formats that are not read */
    const char *one_ignored;
    bool class_begun;                                 /* the class folder at hand has an image */
} Walk;

static void add_file(Walk *w, const FTSENT *e) {
    Arena *a = w->s->arena;
    const char *path = arena_strdup(a, e->fts_path), *name = e->fts_level ? path + w->root + 1 : e->fts_name;
    const char *dot = strrchr(e->fts_name, '.');
    size_t ending = dot ? strlen(dot) : 0;
    bool in_class = e->fts_level > 1;
    if (in_class && !w->class_begun) w->out->classes++;
    w->class_begun = w->class_begun || in_class;
    FolderFile f = {path, arena_strndup(a, name, strlen(name) - ending), in_class ? w->out->classes - 1 : -1};
    vec_push(a, &w->out->file, f);
    source_saw_file(w->s, name, e->fts_statp->st_size);
}

static bool visit(Walk *w, FTS *tree, FTSENT *e) {
    if (e->fts_level && e->fts_name[0] == '.') {
        fts_set(tree, e, FTS_SKIP);
        return true;
    }
    switch (e->fts_info) {
    case FTS_D:
        if (e->fts_level == 1) w->class_begun = false;
        return true;
    case FTS_DP:
        if (e->fts_level == 1 && !w->class_begun)
            diag_warn(w->s->diags, source_loc(w->s, "path"),
                      "%s: the folder %s holds no images: it is no class, and those after it are numbered without it", w->s->name,
                      e->fts_path);
        return true;
    case FTS_DC: return source_complain(w->s, e->fts_path, "a link leads back to a folder that it lies in");
    case FTS_DNR:
    case FTS_ERR:
        errno = e->fts_errno;
        return source_unreadable(w->s, e->fts_path);
    default: break;                                   /* a file, or a link to none: who opens it will say so */
    }
    if (!e->fts_level || ends_in(e->fts_name, ours)) add_file(w, e);
    else if (ends_in(e->fts_name, others) && !w->ignored++) w->one_ignored = arena_strdup(w->s->arena, e->fts_path);
    return true;
}

static bool walk(Walk *w, const char *path) {
    char *root = arena_strdup(w->s->arena, path);
    for (w->root = strlen(root); w->root > 1 && root[w->root - 1] == '/'; w->root--) root[w->root - 1] = 0;
    FTS *volatile tree = fts_open((char *const[]){root, NULL}, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!tree) return source_unreadable(w->s, path);
    jmp_buf mine, *old = arena_escape(w->s->arena, &mine);
    if (setjmp(mine)) {                               /* no memory: the tree is not the arena's */
        fts_close(tree);
        arena_escape(w->s->arena, old);
        arena_fail(w->s->arena);
    }
    volatile bool ok = true;
    for (FTSENT *e; ok && (e = fts_read(tree));) ok = visit(w, tree, e);
    fts_close(tree);
    arena_escape(w->s->arena, old);
    return ok;
}

bool folder_list(DataSource *s, const char *path, Folder *out) {
    Walk w = {.s = s, .out = out};
    *out = (Folder){0};
    if (!walk(&w, path)) return false;
    const char *such = w.ignored ? arena_printf(s->arena, " (%lld in other formats, such as %s)", (long long)w.ignored, w.one_ignored) : "";
    if (!out->file.n) return source_complain(s, path, "holds no .png, .jpg or .jpeg files%s", such);
    if (w.ignored)
        diag_warn(s->diags, source_loc(s, "path"), "%s: %s holds images that are not read%s: only PNG and JPEG are", s->name, path, such);
    return true;
}
