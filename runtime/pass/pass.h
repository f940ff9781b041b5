/* The passes: copies of a graph with substitutions. Nodes are never edited. Each has a switch, so that tests can run
 * every model with each one off. */
#pragma once
#include "ir/ir.h"

typedef struct {
    const char *name, *doc;
    bool exact;                                       /* agrees with itself switched off bit for bit */
    Node *(*rewrite)(Graph *g, const Node *old, Node *const *src);      /* NULL = copy as it is */
    /* Or the whole graph at once: copy[id] becomes the new node of each that is live. */
    void (*whole)(const Graph *g, Graph *to, const bool *live, Node **copy, Arena *scratch);
} Pass;

extern const Pass passes[];                           /* in order; ends with name NULL */
uint64_t passes_all(void);                            /* one bit a pass, all on */
/* Copies g through the passes that are on; keep[i] (results) are replaced by their new nodes. */
Graph *passes_run(const Graph *g, uint64_t on, int n, Node **keep);
