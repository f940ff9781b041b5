/* The rest of `graphrun show`: JSON, the schedule played out, graphs, the prelude. */
#include "cli/help.h"
#include "cli/show.h"

#include <inttypes.h>
#include <string.h>

/* ---- JSON ---- */

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

static json_t *parameters_json(const Training *t) {
    json_t *all = json_array();
    for (int i = 0; i < t->slots->all.n; i++) {
        const Slot *s = &t->slots->all.at[i];
        if (s->kind == SLOT_PARAM)
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
        for (int i = 0; i < stage->nentry; i++) {
            json_t *players = json_array();
            const Turn *turn = stage->entry[i].turn;
            for (int k = 0; k < turn->nmove; k++)
                json_array_append_new(players, json_string(t->player[turn->move[k].player].name));
            json_array_append_new(each, json_pack("{s:o, s:s}", "players", players, "count",
                                                  stage->entry[i].text ? stage->entry[i].text : "1"));
        }
        json_array_append_new(all,
                              json_pack("{s:s, s:I, s:f, s:o}", "stage", stage->name, "steps",
                                        (json_int_t)stage->steps, "epochs", stage->epochs, "each", each));
    }
    return all;
}

json_t *show_json(const Training *t) {
    json_t *networks = json_array();
    for (int i = 0; i < t->nnetwork; i++)
        json_array_append_new(networks, json_pack("{s:s, s:s, s:I, s:o}", "name", t->network[i].name, "head",
                                                  t->network[i].head, "parameters",
                                                  (json_int_t)t->network[i].parameters, "layers",
                                                  layers_json(t, t->network[i].name)));
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", t->name, "precision", precision_name(t), "networks", networks,
                     "parameters", parameters_json(t), "schedule", schedule_json(t));
}

/* ---- the schedule, played out ---- */

typedef struct {
    const Training *t;
    const Stage *stage; /* of the last line */
    bool begun;
} PlayedOut;

static void print_entry(void *ctx, const Stage *stage, int64_t total_step, const Entry *e, int64_t count) {
    PlayedOut *p = ctx;
    if (p->t->nstage > 1 && stage != p->stage) printf("stage %s\n", stage->name);
    p->stage = stage;
    if (!p->begun) printf("%6" PRId64, total_step);
    p->begun = e != NULL;
    if (!e) putchar('\n');
    for (int k = 0; e && count && k < e->turn->nmove; k++)
        printf("%s%s", k ? "+" : "  ", p->t->player[e->turn->move[k].player].name);
    if (count > 1) printf(" x %" PRId64, count);
}

static bool counts_read_data(const Training *t) {
    bool any = false;
    for (int s = 0; s < t->nstage; s++) {
        any |= t->stage[s].stop && t->stage[s].stop->nsource;
        for (int i = 0; i < t->stage[s].nentry; i++)
            any |= t->stage[s].entry[i].count && t->stage[s].entry[i].count->nsource;
    }
    return any;
}

/* Nothing is trained: counts that read values of players or metrics see those of the start. */
int show_steps(const char *path, const Options *o) {
    Options mine = *o;
    mine.steps = 0;
    Spec s;
    Fault f = {0};
    int code = spec_open(&s, path, &mine);
    if (code) return code;
    MachineOptions options = machine_defaults();
    options.threads = 1;
    Machine *m = machine_new(s.t, &options, &f);
    PlayedOut p = {.t = s.t};
    if (!m || (counts_read_data(s.t) && !machine_load(m, &f)) ||
        !schedule_play(m, o->steps ? o->steps : 40, print_entry, &p, &f))
        code = spec_fault(&s, &f);
    machine_free(m);
    spec_close(&s);
    return code;
}

/* ---- graphs ---- */

static bool has_player(const Training *t, const Turn *turn, const char *player) {
    for (int i = 0; i < turn->nmove; i++)
        if (!player || !strcmp(player, t->player[turn->move[i].player].name)) return true;
    return false;
}

int show_graph(const char *path, const Options *o) {
    Spec s;
    int code = spec_open(&s, path, o), found = 0;
    if (code) return code;
    for (int i = 0; i < s.t->nstage; i++)
        for (int k = 0; k < s.t->stage[i].nentry; k++) {
            const Turn *turn = s.t->stage[i].entry[k].turn;
            if (!has_player(s.t, turn, o->player)) continue;
            printf("# %s\n", turn->unit.name);
            graph_dump(turn->unit.graph, stdout);
            found++;
        }
    if (!found) {
        complain("show graph: nobody in the schedule is named '%s'", o->player ? o->player : "");
        code = CODE_USAGE;
    }
    spec_close(&s);
    return code;
}

/* ---- the prelude ---- */

int show_prelude(void) {
    size_t size;
    const char *text = prelude_source(&size);
    fwrite(text, 1, size, stdout);
    return CODE_DONE;
}

/* The spec's sections as written (NULL: the prelude's alone), then the prelude's; the nearest name of all. */
static int show_definition(const char *path, const char *name, const Options *o, Diags *d) {
    SpecChanges changes = spec_changes(o);
    Definitions own = {.n = 0}, prelude = definitions_of_prelude(d);
    if (path) {
        const Doc *spec = spec_read(path, &changes, d);
        if (!spec) return CODE_SPEC;
        own = definitions_of(spec, d);
    }
    if (!name) {
        definitions_list(path ? &own : &prelude);
        return CODE_DONE;
    }
    Nearest nearest = nearest_to(name);
    const Definition *found = definition_named(&own, name, &nearest);
    if (!found) found = definition_named(&prelude, name, &nearest);
    if (found) definition_show(found);
    if (found || help_operator(name) || help_builtin(name)) return CODE_DONE;
    if (nearest.best) complain("show function: there is no '%s', did you mean '%s'?", name, nearest.best);
    else complain("show function: there is no '%s'; 'graphrun show function' lists what there is", name);
    return CODE_USAGE;
}

int show_function(const char *path, const char *name, const Options *o) {
    Arena *a = arena_new();
    if (!a) return CODE_FAILED;
    Diags *d = diags_new(a);
    int code = show_definition(path, name, o, d);
    diags_print(d, stderr, color_wanted(o));
    arena_free(a);
    return code;
}
