/* The rewrites, one function a pass: each tries its rules on one node whose sources are already rewritten,
 * and gives NULL where none fits. Private to pass/. A result must have the type of the old node. What a rule
 * allocates dies with the passes; attributes are copied, what they point at is not: so no rule makes a tensor
 * of constants (g_tensor). */
#pragma once
#include "build.h"
#include "ops/attrs.h"

Node *rule_views(Graph *g, const Node *old, Node *const *src); /* views.c */
Node *rule_hoist(Graph *g, const Node *old, Node *const *src);
Node *rule_identities(Graph *g, const Node *old, Node *const *src); /* algebra.c */
Node *rule_constants(Graph *g, const Node *old, Node *const *src);
Node *rule_choices(Graph *g, const Node *old, Node *const *src);
Node *rule_scales(Graph *g, const Node *old, Node *const *src);
Node *rule_sums(Graph *g, const Node *old, Node *const *src);     /* sums.c */
Node *rule_pad(Graph *g, const Node *old, Node *const *src);      /* pad.c */
Node *rule_upsample(Graph *g, const Node *old, Node *const *src); /* upsample.c */
Node *rule_terms(Graph *g, const Node *old, Node *const *src); /* join.c */
void join_samples(const Graph *g, Graph *to, const bool *live, Node **copy, Arena *scratch);
Node *rule_matmul(Graph *g, const Node *old, Node *const *src);   /* views.c */

unsigned repeated_axes(const Node *x); /* along which it repeats what a broadcast read: a mask; views.c */
/* An elementwise operator done before its sources are repeated; NULL where they repeat along no common axis.
 * views.c */
Node *hoisted(Graph *g, const Op *op, int nsrc, Node *const *src, const void *attr);

static inline bool is_number(const Node *x, double value) {
    double v;
    return node_number(x, &v) && v == value;
}
