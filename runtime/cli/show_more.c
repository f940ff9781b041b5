/* The rest of `graphrun show`: the schedule played out, graphs, the prelude. */
#include "cli/help.h"
#include "cli/show.h"

#include <inttypes.h>
#include <string.h>

/* ---- the schedule, played out ---- */

typedef struct {
    const Training *t;
    const Stage *stage; /* of the last line */
    bool begun;
    json_t *all, *turns; /* with --json: every step; the turns of the step at hand */
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

static void collect_entry(void *ctx, const Stage *stage, int64_t total_step, const Entry *e, int64_t count) {
    PlayedOut *p = ctx;
    if (!p->turns) p->turns = json_array();
    if (e && count)
        json_array_append_new(p->turns, json_pack("{s:o, s:I}", "players", players_json(p->t, e->turn), "count", (json_int_t)count));
    if (e) return;
    json_array_append_new(p->all, json_pack("{s:I, s:s, s:o}", "step", (json_int_t)total_step, "stage", stage->name, "turns", p->turns));
    p->turns = NULL;
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
    options.precision = s.t->precision;
    Machine *m = machine_new(s.t, &options, &f);
    PlayedOut p = {.t = s.t, .all = o->json ? json_array() : NULL};
    if (!m || (counts_read_data(s.t) && !machine_load(m, &f)) ||
        !schedule_play(m, o->steps ? o->steps : 40, o->json ? collect_entry : print_entry, &p, &f))
        code = spec_fault(&s, &f);
    else if (o->json) put_json(p.all);
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
    json_t *all = o->json ? json_array() : NULL;
    for (int i = 0; i < s.t->nstage; i++)
        for (int k = 0; k < s.t->stage[i].nentry; k++) {
            const Turn *turn = s.t->stage[i].entry[k].turn;
            if (!has_player(s.t, turn, o->player)) continue;
            found++;
            if (o->json) {
                json_array_append_new(all, json_pack("{s:o, s:o}", "players", players_json(s.t, turn), "nodes", graph_json(turn->unit.graph)));
                continue;
            }
            printf("# %s\n", turn->unit.name);
            graph_dump(turn->unit.graph, stdout);
        }
    if (!found) {
        complain("show graph: nobody in the schedule is named '%s'", o->player ? o->player : "");
        code = CODE_USAGE;
    } else if (o->json) {
        put_json(all);
    }
    spec_close(&s);
    return code;
}

/* ---- the prelude ---- */

int show_prelude(const Options *o) {
    size_t size;
    if (o->json) {
        complain("show prelude: prints YAML; 'graphrun show function --json' lists the same as JSON");
        return CODE_USAGE;
    }
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
        if (o->json) put_json(definitions_json(path ? &own : &prelude));
        else definitions_list(path ? &own : &prelude);
        return CODE_DONE;
    }
    Nearest nearest = nearest_to(name);
    const Definition *found = definition_named(&own, name, &nearest);
    if (!found) found = definition_named(&prelude, name, &nearest);
    if (found && o->json) put_json(definition_json(found));
    else if (found) definition_show(found);
    json_t *operator = found || !o->json ? NULL : operator_json(name);
    if (operator) put_json(operator);
    if (found || operator || (!o->json && (help_operator(name) || help_builtin(name)))) return CODE_DONE;
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
