/* Reverse-mode differentiation: builds nodes, knows no operator. */
#pragma once
#include "ir/ir.h"

/* gx[k] = gradient of <y, gy> with respect to x[k], in x[k]'s shape; NULL where y does not depend on it.
 * gy NULL means ones (the gradient of sum(y)). */
void gradient(Node *y, Node *gy, int n, Node *const *x, Node **gx);

/* unroll.c, for grad.c: the rule of an operator that REPEATS. gx[k] stays NULL where wanted[k] is not set. */
void gradient_of_loop(const Node *n, Node *gy, const bool *wanted, Node **gx);
