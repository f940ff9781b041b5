/* A graph as text, one node a line: what golden tests compare and people read.
 *
 *   %3 = matmul(%1, %2) tb=true : float [128, 64]  critic/dense_1
 */
#include "ir/ir.h"

#include <string.h>

static void dump_attr(const Graph *g, const Node *n, FILE *to) {
    for (const Field *f = n->op->attr; f && f->name; f++) {
        if (!strcmp(f->name, "slot") && g->slots) {
            fprintf(to, " %s", g->slots->all.at[((const SlotAttr *)n->attr)->slot].name);
            continue;
        }
        const char *text = field_show(f, n->attr, g->arena);
        if (*text && !(f->dflt && !strcmp(text, f->dflt))) fprintf(to, " %s=%s", f->name, text);
    }
}

void graph_dump(const Graph *g, FILE *to) {
    for (int i = 0; i < g->node.n; i++) {
        const Node *n = g->node.at[i];
        fprintf(to, "%%%d = %s(", n->id, n->op->name);
        for (int k = 0; k < n->nsrc; k++) fprintf(to, "%s%%%d", k ? ", " : "", n->src[k]->id);
        fputs(")", to);
        if (n->attr) dump_attr(g, n, to);
        fprintf(to, " : %s %s", dtype_name(n->type.dtype), shape_show(&n->type.shape, g->arena));
        if (n->path) fprintf(to, "  %s", n->path);
        if (n->role) fprintf(to, "  (%s)", n->role);
        fputc('\n', to);
    }
}
