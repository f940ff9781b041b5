/* What source.c and choose.c share; nobody else includes it. */
#pragma once
#include "datasets/kind.h"

bool choice_is_valid(const DataSource *s);            /* of the keys fraction, classes, relabel, labelled, only */
bool choose_samples(DataSource *s);                   /* after the kind's open: sets count, first, pick, marked */
int32_t class_of(const DataSource *s, int32_t label); /* its place in `classes`, -1 */
/* Where element i of 0..n-1 lies in a permutation that `draws` gives: computed alone, without memory or history. */
int64_t shuffled_place(Stream draws, int64_t n, int64_t i);
