/* The loader: a thread of its own that makes the players' next batches while turns run, layers of their fields included.
 * A batch is a function of the source and its number, so it never matters whether one was made ahead: only when. */
#pragma once
#include "train/batches.h"

typedef struct Loader Loader;

Loader *loader_new(int nsource);                      /* NULL: no memory or no thread; batches are then made when needed */
void loader_free(Loader *l);                          /* accepts NULL, as all of these do */
/* Asks for batch number `cursor` and those after it; the fields that `out` names are wanted, the same ones each time.
 * Forgets what was asked of this source before, unless this batch is the next of it. */
void loader_ask(Loader *l, int source, Batches *b, const DataSource *s, int64_t cursor, void *const *out);
/* Exchanges out's places (of batches_bytes) for those of that batch, which last as long as the loader, and gives its samples; -1 where it is not the next
 * that was asked for, or could not be made: who then makes it hears why. */
int64_t loader_take(Loader *l, int source, int64_t cursor, void **out);
int loader_ahead(size_t batch);                       /* how many batches of so many bytes it makes ahead */
