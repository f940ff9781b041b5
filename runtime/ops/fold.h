/* How reductions run: see Reduce in ir.h. */
#pragma once
#include "ir/ir.h"

extern const Reduce fold_sum, fold_sum_int, fold_sum_bool;
extern const Reduce fold_max, fold_max_int, fold_min, fold_min_int;
extern const Reduce fold_variance, fold_log_sum_exp;
