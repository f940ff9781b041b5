/* The frames NAME-STEP.png of a folder, in order of their steps: what animations and montages are made of. */
#pragma once
#include "out/picture.h"

typedef struct {
    long long step;
    char *path;
} Frame;

typedef struct {
    int n;
    Frame *frame;
    bool color;                                       /* one of them is */
} Film;

/* All put a reason with its path into `why` and give false where something is wrong; none without frames either. */
bool film_find(Film *f, const char *folder, const char *name, char *why, size_t size);
bool frame_read(const Film *f, int i, int width, int height, Picture *out, char *why, size_t size);   /* of this size, but for the first */
bool film_say(char *why, size_t size, const char *path, const char *reason);                          /* false */
void film_free(Film *f);
