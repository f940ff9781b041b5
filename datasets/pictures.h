/* What `images` and `pairs` share: a set of samples of one or two image files each, brought into one form. Headers are
 * read when a source is opened; pixels when a batch asks for them, in whatever thread that is, and then kept in memory
 * where all of them fit into PICTURES_KEPT. */
#pragma once
#include "base/vec.h"
#include "datasets/image.h"
#include "datasets/kind.h"

enum { SIDES_MAX = 2 };
static const int64_t PICTURES_KEPT = INT64_C(1) << 31;                  /* bytes */

typedef struct {
    Ints size;
    int64_t channels;
    int fit;
    Floats background;
    bool skip_bad;
} PictureKeys;

#define PICTURE_KEYS(Options, member)                                                                                          \
    {"size", F_INTS, offsetof(Options, member.size), "", 1, 8192, NULL,                                                        \
     "a side, or [height, width]; left out: the files' own, which must then be the same"},                                     \
    {"channels", F_INT, offsetof(Options, member.channels), "", 1, 4, NULL,                                                    \
     "1 (grey), 3 (colour) or 4 (with alpha); left out: 3, or 1 where all files are grey"},                                    \
    {"fit", F_CHOICE, offsetof(Options, member.fit), "crop", 0, 0, "crop|stretch|pad",                                         \
     "how another proportion comes to `size`: its middle, squeezed, or with `background` around it"},                          \
    {"background", F_FLOATS, offsetof(Options, member.background), "", 0, 1, NULL,                                             \
     "what shows through where a file is transparent, and around `pad`: grey or [red, green, blue], in 0..1; left out: white"}, \
    {"skip_bad", F_BOOL, offsetof(Options, member.skip_bad), "false", 0, 0, NULL,                                              \
     "leaves out files that cannot be read, with a warning; all are then decoded at the start"}

typedef struct {
    const char *path;
    int part;                                         /* PART_... */
    ImageHead head;                                   /* of the file */
} Picture;

typedef struct {
    ImageForm form;
    int64_t pixels;                                   /* bytes of an image in form */
    int sides;                                        /* images a sample: 1, 2 */
    int64_t n;                                        /* samples */
    Picture *at;                                      /* [n, sides] */
    int64_t *number;                                  /* [n]: a sample's place in the list that was given */
    uint8_t *kept, *have;                             /* [n, sides, pixels], [n, sides]; NULL: decoded each time */
    uint8_t *buffer;                                  /* [pixels] */
} Pictures;

/* Of the n samples in p->at, whose paths and parts are set: reads headers, leaves out what is bad where that is wished,
 * settles the form, sets s->total and s->bytes. `what`: "images" or "pairs", for messages. */
bool pictures_open(DataSource *s, Pictures *p, const PictureKeys *keys, const char *what);
void pictures_load(const DataSource *s, Pictures *p);
bool pictures_read(Pictures *p, int64_t sample, int side, float *out, Why *why);      /* out[height, width, channels] in 0..1 */
void pictures_close(Pictures *p);

/* folder.c: image files under a folder, by name; a single file is a folder of one. */
typedef struct {
    const char *path, *name;                          /* name: beneath the folder, without its ending */
    int32_t label;                                    /* of its class folder, -1: it lies in none */
} FolderFile;
typedef struct { VEC(FolderFile) file; int classes; } Folder;
bool folder_list(DataSource *s, const char *path, Folder *out);
