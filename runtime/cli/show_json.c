/* What `graphrun show --json` prints: the same as its texts, for programs. */
#include "cli/help.h"
#include "cli/show.h"
#include "parser/value.h"

#include <stdlib.h>
#include <string.h>

void put_json(json_t *all) {
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

json_t *players_json(const Training *t, const Turn *turn) {
    json_t *players = json_array();
    for (int k = 0; k < turn->nmove; k++) json_array_append_new(players, json_string(t->player[turn->move[k].player].name));
    return players;
}

/* ---- a spec ---- */

static json_t *shape_json(const Tensor *t) {
    json_t *shape = json_array();
    for (int i = 0; i < t->shape.rank; i++) json_array_append_new(shape, json_integer(t->shape.dim[i]));
    return shape;
}

static json_t *layers_json(const Training *t, const char *network) {
    json_t *all = json_array();
    for (int i = 0; i < t->nlayer; i++) {
        const LayerRow *row = &t->layer[i];
        if (strcmp(row->network, network)) continue;
        json_array_append_new(all, json_pack("{s:s, s:s, s:i, s:o, s:I, s:f}", "layer", row->layer, "path",
                                             row->path ? row->path : "", "depth", row->depth, "shape",
                                             shape_json(&row->type), "parameters",
                                             (json_int_t)row->parameters, "flops", row->flops));
    }
    return all;
}

/* Of a network, or all. */
static json_t *parameters_json(const Training *t, const char *only) {
    size_t n = only ? strlen(only) : 0;
    json_t *all = json_array();
    for (int i = 0; i < t->slots->all.n; i++) {
        const Slot *s = &t->slots->all.at[i];
        if (s->kind == SLOT_PARAM && (!only || (!strncmp(s->name, only, n) && s->name[n] == '/')))
            json_array_append_new(all,
                                  json_pack("{s:s, s:o}", "name", s->name, "shape", shape_json(&s->type)));
    }
    return all;
}

static json_t *schedule_json(const Training *t) {
    json_t *all = json_array();
    for (int s = 0; s < t->nstage; s++) {
        const Stage *stage = &t->stage[s];
        json_t *each = json_array();
        for (int i = 0; i < stage->nentry; i++)
            json_array_append_new(each, json_pack("{s:o, s:s}", "players", players_json(t, stage->entry[i].turn), "count",
                                                  stage->entry[i].text ? stage->entry[i].text : "1"));
        json_array_append_new(all,
                              json_pack("{s:s, s:I, s:f, s:o}", "stage", stage->name, "steps",
                                        (json_int_t)stage->steps, "epochs", stage->epochs, "each", each));
    }
    return all;
}

static json_t *move_json(const Training *t, const Move *move) {
    json_t *moves = json_array();
    for (int i = 0; i < move->nmoved; i++) json_array_append_new(moves, json_string(t->slots->all.at[move->moved[i]].name));
    return json_pack("{s:s, s:o, s:s?}", "name", t->player[move->player].name, "moves", moves, "optimizer", move->optimizer);
}

static json_t *all_moves_json(const Training *t, const char *only) {
    json_t *all = json_array();
    bool *shown = ARENA_ARRAY(t->arena, bool, t->nplayer + 1);
    for (int s = 0; s < t->nstage; s++)
        for (int i = 0; i < t->stage[s].nentry; i++) {
            const Turn *turn = t->stage[s].entry[i].turn;
            for (int k = 0; k < turn->nmove; k++) {
                int player = turn->move[k].player;
                if (!shown[player] && (!only || !strcmp(only, t->player[player].name)))
                    json_array_append_new(all, move_json(t, &turn->move[k]));
                shown[player] = true;
            }
        }
    return all;
}

json_t *show_json(const Training *t, const char *only) {
    json_t *networks = json_array();
    for (int i = 0; i < t->nnetwork; i++)
        if (!only || !strcmp(only, t->network[i].name)) json_array_append_new(networks, json_pack("{s:s, s:s, s:I, s:o}", "name", t->network[i].name, "head",
                                                  t->network[i].head, "parameters",
                                                  (json_int_t)t->network[i].parameters, "layers",
                                                  layers_json(t, t->network[i].name)));
    json_t *all = json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", t->name, "precision", precision_name(t), "networks", networks,
                            "players", all_moves_json(t, only), "parameters", parameters_json(t, only));
    if (!only) json_object_set_new(all, "schedule", schedule_json(t));
    return all;
}

/* ---- a graph ---- */

static json_t *attributes_json(const Graph *g, const Node *n) {
    json_t *all = json_object();
    for (const Field *f = n->attr ? n->op->attr : NULL; f && f->name; f++) {
        bool slot = !strcmp(f->name, "slot");
        const char *text = slot ? g->slots->all.at[((const SlotAttr *)n->attr)->slot].name : field_show(f, n->attr, g->arena);
        if (*text) json_object_set_new(all, f->name, json_string(text));
    }
    return all;
}

json_t *graph_json(const Graph *g) {
    json_t *all = json_array();
    for (int i = 0; i < g->node.n; i++) {
        const Node *n = g->node.at[i];
        json_t *sources = json_array();
        for (int k = 0; k < n->nsrc; k++) json_array_append_new(sources, json_integer(n->src[k]->id));
        json_array_append_new(all, json_pack("{s:i, s:s, s:o, s:o, s:s, s:o, s:s?, s:s?}", "id", n->id, "operator", n->op->name,
                                             "sources", sources, "attributes", attributes_json(g, n), "type", dtype_name(n->type.dtype),
                                             "shape", shape_json(&n->type), "path", n->path, "role", n->role));
    }
    return all;
}

/* ---- definitions ---- */

json_t *definition_json(const Definition *d) {
    char *text = definition_text(d);
    json_t *one = json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", d->name, "signature", d->head, "group", d->group, "doc",
                            definition_doc(d), "text", text ? text : "");
    free(text);
    return one;
}

json_t *operator_json(const char *name) {
    const Op *op = op_named(name);
    const Builtin *b = builtin_table;
    while (b->name && strcmp(b->name, name)) b++;
    bool known = op && op->call;
    if (!known && !b->name) return NULL;
    return json_pack("{s:s, s:s+++, s:s}", "name", name, "signature", name, "(", known ? op->call : b->call, ")", "doc",
                     known ? op->doc : b->doc);
}

json_t *definitions_json(const Definitions *all) {
    json_t *list = json_array();
    for (int i = 0; i < all->n; i++) json_array_append_new(list, definition_json(&all->at[i]));
    return list;
}
