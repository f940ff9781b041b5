/* A player's loss: the node, its gradient by what the player moves, and why it reaches nothing of a network. */
#include "parser/playing.h"

#include "build.h"
#include "grad/grad.h"
#include "ops/attrs.h"

#include <string.h>

/* An unknown key of the player that is meant for this one: it has been reported. */
bool is_misspelt(const Def *player, const char *key) {
    const Doc *body = player->entry->value;
    for (int i = 0; i < body->n; i++) {
        Nearest near = nearest_to(body->entry[i].key);
        nearest_add(&near, key);
        if (near.best && !field_find(player_keys, body->entry[i].key)) return true;
    }
    return false;
}

Node *loss_node(Playing *p) {
    Eval *e = p->ctx.e;
    const Doc *body = p->def->entry->value;
    const DocEntry *min = doc_entry(body, "minimize"), *max = doc_entry(body, "maximize");
    if (min && max) {
        diag_error(e->diags, max->loc, "the player '%s' has both 'minimize' and 'maximize': keep one", p->def->name);
        return NULL;
    }
    if (!p->goal) {
        if (!is_misspelt(p->def, "minimize") && !is_misspelt(p->def, "maximize"))
            diag_error(e->diags, p->def->entry->loc, "the player '%s' has neither 'minimize' nor 'maximize'", p->def->name);
        return NULL;
    }
    p->loss = binding_force(&p->ctx, own_binding(p->scope, p->goal->key));
    Node *y = value_to_node(&p->ctx, p->loss, p->goal->value->loc);
    if (!y) return NULL;
    if (y->type.shape.rank != 0 || y->type.dtype != F32) {
        diag_error(e->diags, p->goal->value->loc, "'%s' of '%s' is %s %s: a loss is one number, take mean(...) or sum(...)",
                   p->goal->key, p->def->name, dtype_name(y->type.dtype), shape_show(&y->type.shape, e->arena));
        note_shape(e->diags, y);
        p->loss = NULL;
        return NULL;
    }
    if (strcmp(p->goal->key, "maximize")) return y;
    Provenance old = graph_at(p->ctx.graph, p->goal->loc, NULL, NULL, p->def->name);
    y = g_neg(y);
    graph_back(p->ctx.graph, old);
    return y;
}

static bool is_parameter_of(const Eval *e, const Node *n, const char *net) {
    if (n->op != &op_slot) return false;
    const Slot *s = &e->t->slots->all.at[((const SlotAttr *)n->attr)->slot];
    size_t length = strlen(net);
    return s->kind == SLOT_PARAM && !strncmp(s->name, net, length) && s->name[length] == '/';
}

static bool graph_has(const Eval *e, const Graph *g, const char *net) {
    for (int i = 0; g && i < g->node.n; i++)
        if (is_parameter_of(e, g->node.at[i], net)) return true;
    return false;
}

/* What stands between a loss and a network: a value that is a constant to players, or an operator that passes no gradient. */
static const char *why_unreached(const Playing *p, const char *net) {
    Eval *e = p->ctx.e;
    Node *loss = value_to_node(&p->ctx, p->loss, p->goal->value->loc);
    int count = loss ? loss->id + 1 : 0;
    bool *seen = ARENA_ARRAY(e->arena, bool, count + 1), *from = ARENA_ARRAY(e->arena, bool, count + 1);
    const Node *stop = NULL;
    if (count) seen[loss->id] = true;
    for (int i = count - 1; i >= 0; i--)
        for (int k = 0; seen[i] && k < p->ctx.graph->node.at[i]->nsrc; k++) seen[p->ctx.graph->node.at[i]->src[k]->id] = true;
    for (int i = 0; i < count; i++) {
        const Node *n = p->ctx.graph->node.at[i];
        if (!seen[i]) continue;
        from[i] = is_parameter_of(e, n, net);
        for (int k = 0; k < n->nsrc; k++) from[i] = from[i] || from[n->src[k]->id];
        if (from[i] && n->nsrc && !stop && n->op->traits & STOPS_GRAD) stop = n;
        for (int v = 0; v < e->t->niteration; v++) {
            const IterationValue *it = &e->t->iteration[v];
            const char *name = n->op == &op_slot ? e->t->slots->all.at[((const SlotAttr *)n->attr)->slot].name : "";
            if (!strncmp(name, "@iteration/", 11) && !strncmp(name + 11, it->name, strlen(it->name)) && graph_has(e, it->unit.graph, net))
                return arena_printf(e->arena, ": '%s' under 'iteration' is a constant to players; write the call in the player", it->name);
        }
    }
    return stop ? arena_printf(e->arena, ": no gradient passes through %s", stop->op->name) : "";
}

/* A network of which the loss reaches nothing is an error, a single parameter a warning. */
static void check_reach(const Playing *p) {
    Eval *e = p->ctx.e;
    NameTable reached = {0};
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < p->moved.n; i++) {
            if (p->moved.at[i].frozen) continue;
            const char *name = e->t->slots->all.at[p->moved.at[i].slot].name;
            const char *net = arena_strndup(e->arena, name, strcspn(name, "/"));
            bool reaches = p->moved.at[i].gradient != NULL;
            if (pass == 0 && reaches) names_add(e->arena, &reached, net, 1);
            if (pass == 0 || reaches) continue;
            int known = names_find(&reached, net);
            if (known < 0) {
                diag_error(e->diags, p->goal->value->loc, "the loss of '%s' reaches nothing of the network '%s' that it moves%s",
                           p->def->name, net, why_unreached(p, net));
                names_add(e->arena, &reached, net, 0);
            } else if (known) {
                diag_warn(e->diags, p->goal->value->loc, "the loss of '%s' does not reach '%s': it stands still", p->def->name,
                          name);
            }
        }
}

void differentiate(Playing *p, Node *loss, Move *move) {
    Eval *e = p->ctx.e;
    *move = (Move){.player = p->def->index, .loss = loss, .moved = ARENA_ARRAY(e->arena, int, p->moved.n + 1), .gate = -1};
    Node **x = ARENA_ARRAY(e->arena, Node *, p->moved.n + 1), **gx = ARENA_ARRAY(e->arena, Node *, p->moved.n + 1);
    for (int i = 0; i < p->moved.n; i++) {
        if (p->moved.at[i].frozen) continue;
        x[move->nmoved] = g_slot(p->ctx.graph, p->moved.at[i].slot);
        move->moved[move->nmoved++] = p->moved.at[i].slot;
    }
    Provenance old = graph_at(p->ctx.graph, p->goal->loc, NULL, "gradient", p->def->name);
    gradient(loss, NULL, move->nmoved, x, gx);
    graph_back(p->ctx.graph, old);
    move->gradient = gx;
    for (int i = 0, k = 0; i < p->moved.n; i++)
        if (!p->moved.at[i].frozen) p->moved.at[i].gradient = gx[k++];
    const Doc *optimizer = doc_get(p->def->entry->value, "optimizer");
    move->optimizer = optimizer && optimizer->kind == DOC_SCALAR ? optimizer->text : "groups";
    if (!e->shaping) check_reach(p);
}

/* `clip`: a function of the whole gradient collection. */
void clip_gradients(Playing *p) {
    Eval *e = p->ctx.e;
    const Doc *clip = doc_get(p->def->entry->value, "clip");
    if (!clip) return;
    int n = 0;
    const char **name = ARENA_ARRAY(e->arena, const char *, p->moved.n + 1);
    Value **item = ARENA_ARRAY(e->arena, Value *, p->moved.n + 1);
    for (int i = 0; i < p->moved.n; i++)
        if (p->moved.at[i].gradient) {
            name[n] = e->t->slots->all.at[p->moved.at[i].slot].name;
            item[n++] = value_node(e, p->moved.at[i].gradient);
        }
    Value *all = value_record(e, n, name, item, true), *f = eval_doc(&p->ctx, p->scope, clip);
    if (f->kind != V_FUNCTION && f->kind != V_POISON) {
        diag_error(e->diags, clip->loc, "'clip' is %s; this is %s", field_find(player_keys, "clip")->doc, value_show(e, f));
        return;
    }
    Value *out = call_value(&p->ctx, NULL, f, 1, &all, clip->loc);
    if (value_is_poison(out)) return;
    if (out->kind != V_RECORD || out->n != n) {
        diag_error(e->diags, clip->loc, "'clip' gives a collection of the gradients' form, this is %s", value_show(e, out));
        return;
    }
    for (int i = 0, k = 0; i < p->moved.n; i++)
        if (p->moved.at[i].gradient) {
            Node *g = value_to_node(&p->ctx, out->item[k++], clip->loc);
            if (g) p->moved.at[i].gradient = g;
        }
}
