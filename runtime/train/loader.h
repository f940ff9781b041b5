/* The loader: a thread of its own that makes the players' next batches while a turn runs, layers of their fields included.
 * A batch is a function of the source and its number, so it never matters whether one was made ahead: only when. */
#pragma once
#include "train/batches.h"

typedef struct Loader Loader;

Loader *loader_new(int nsource);                      /* NULL: no memory or no thread; batches are then made when needed */
void loader_free(Loader *l);                          /* accepts NULL, as all of these do */
/* Asks for batch number `cursor`; the fields that `out` names are wanted. Forgets an older wish for this source. */
void loader_ask(Loader *l, int source, Batches *b, const DataSource *s, int64_t cursor, void *const *out);
/* Moves that batch into `out` and gives its samples; -1 where it was never asked for, or could not be made:
 * who then makes it hears why. */
int64_t loader_take(Loader *l, int source, int64_t cursor, void *const *out);
