/* What the kinds of outputs share: their table, the names of their files, their failures, numbers of any
 * type. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "out/picture.h"

const Output *output_named(const char *name) {
    for (const Output *const *o = output_table; *o; o++)
        if (!strcmp((*o)->name, name)) return *o;
    return NULL;
}

const Output *output_suiting(int n, const Tensor *value, bool named) {
    const Output *best = NULL;
    int most = 0;
    for (const Output *const *o = output_table; *o; o++) {
        int how = (*o)->suits ? (*o)->suits(n, value, named) : 0;
        if (how > most) most = how, best = *o;
    }
    return best;
}

void job_free(OutputJob *job) {
    if (!job) return;
    for (int i = 0; i < job->nvalue; i++) free((void *)job->value[i].data);
    free(job->value);
    free((void *)job->series);
    free(job->prepared);
    free(job);
}

double out_number(const OutValue *v, int64_t i) { return number_get(v->data, v->type.dtype, i); }

bool out_fail(OutputJob *job, const char *path, const char *reason) {
    snprintf(job->why, sizeof job->why, "%s: %s", path, reason);
    return false;
}

bool out_path(OutputJob *job, bool in_plots, const char *ending, char *path, size_t size) {
    const char *folder = in_plots ? job->plots : job->samples;
    int n = in_plots || job->at_end
                ? snprintf(path, size, "%s/%s%s", folder, job->name, ending)
                : snprintf(path, size, "%s/%s-%06lld%s", folder, job->name, (long long)job->step, ending);
    if (n >= 0 && (size_t)n < size) return true;
    return out_fail(job, folder, strerror(ENAMETOOLONG));
}

bool out_picture(OutputJob *job, const Picture *p) {
    char path[OUT_PATH];
    if (!out_path(job, false, ".png", path, sizeof path)) return false;
    if (!picture_write(p, path)) return out_fail(job, path, strerror(errno));
    snprintf(job->made, sizeof job->made, "%s", path);
    return true;
}

bool out_file(OutputJob *job, const char *path, const Bytes *file, bool main) {
    if (file->full) return out_fail(job, path, "no memory for the file");
    if (!file_write_whole(path, file->at, file->n)) return out_fail(job, path, strerror(errno));
    if (main) snprintf(job->made, sizeof job->made, "%s", path);
    return true;
}
