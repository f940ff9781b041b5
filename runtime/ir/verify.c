/* The type checker of the IR. Written against ir.h alone, so that it does not share a mistake with graph.c.
 */
#include "ir/ir.h"

static bool wrong(const Node *n, const char *what, char *why, size_t size) {
    snprintf(why, size, "%%%d %s: %s", n->id, n->op->name, what);
    return false;
}

static bool node_verify(const Graph *g, const Node *n, int id, char *why, size_t size) {
    if (n->id != id) return wrong(n, "its id is not its place", why, size);
    if (n->graph != g) return wrong(n, "belongs to another graph", why, size);
    if (n->poison) return wrong(n, "is poison", why, size);
    if (n->op->arity >= 0 && n->nsrc != n->op->arity)
        return wrong(n, "has the wrong number of sources", why, size);
    if (!n->attr != !n->op->attr_size) return wrong(n, "attributes are missing, or too many", why, size);
    for (int k = 0; k < n->nsrc; k++) {
        const Node *s = n->src[k];
        if (s->id >= id || s->id < 0 || g->node.at[s->id] != s)
            return wrong(n, "a source does not stand before it in this graph", why, size);
        if (n->op->traits & ELEMENTWISE && !shape_equal(&s->type.shape, &n->type.shape))
            return wrong(n, "elementwise, but of another shape than a source", why, size);
    }
    for (int i = 0; i < n->type.shape.rank; i++)
        if (n->type.shape.dim[i] < 1) return wrong(n, "an axis is empty", why, size);
    Tensor type;
    if (!n->op->infer(n, &type)) return wrong(n, "infer rejects it", why, size);
    if (!tensor_equal(&type, &n->type)) return wrong(n, "its type is not what infer says", why, size);
    return true;
}

bool graph_verify(const Graph *g, char *why, size_t size) {
    for (int i = 0; i < g->node.n; i++)
        if (!node_verify(g, g->node.at[i], i, why, size)) return false;
    return true;
}
