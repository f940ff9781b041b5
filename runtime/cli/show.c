/* `graphrun show`: what a spec amounts to. Networks layer by layer, players, schedule, data, memory. */
#include "cli/show.h"

#include "kern/kern.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *every_text(Every e, char *out, size_t size) {
    if (e.kind == EVERY_STEPS)
        snprintf(out, size, "every %" PRId64, e.n);
    else if (e.kind == EVERY_EPOCHS)
        snprintf(out, size, "every %" PRId64 " epochs", e.n);
    else
        snprintf(out, size, "%s", e.kind == EVERY_END ? "at the end" : "");
    return out;
}

const char *count_text(double n, char *out, size_t size) {
    char plain[40];
    int length = snprintf(plain, sizeof plain, "%.0f", n), at = 0;
    for (int i = 0; i < length && at + 2 < (int)size; i++) {
        out[at++] = plain[i];
        if ((length - 1 - i) % 3 == 0 && i + 1 < length && plain[i] != '-') out[at++] = ' ';
    }
    out[at] = 0;
    return out;
}

/* 15 099 494 400 -> "15.1 GFLOP" */
static char *flops_text(const Training *t, double flops) {
    static const char *const unit[] = {"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"};
    int i = 0;
    for (; flops >= 999.5 && i < 4; i++) flops /= 1000;
    return arena_printf(t->arena, "%.3g %s", flops, unit[i]);
}

static char *type_text(const Training *t, const Tensor *type) {
    if (type->shape.rank < 0) return arena_strdup(t->arena, "");
    char *shape = shape_show(&type->shape, t->arena);
    return type->dtype == F32 ? shape : arena_printf(t->arena, "%s %s", dtype_name(type->dtype), shape);
}

static bool inside(const LayerRow *row, const LayerRow *outer) {
    size_t n = outer->path ? strlen(outer->path) : 0;
    return n && row->path && !strcmp(row->network, outer->network) && !strncmp(row->path, outer->path, n) &&
           row->path[n] == '/';
}

/* Of the layers that are part of no other layer: those count what is inside them. */
static double network_flops(const Training *t, const char *network) {
    double flops = 0;
    for (int i = 0; i < t->nlayer; i++) {
        bool counted = strcmp(t->layer[i].network, network) != 0;
        for (int k = 0; k < t->nlayer && !counted; k++) counted = inside(&t->layer[i], &t->layer[k]);
        if (!counted) flops += t->layer[i].flops;
    }
    return flops;
}

static void show_layers(const Training *t, const char *network) {
    char n[40];
    Table *table = table_new(4, "llrr");
    for (int i = 0; i < t->nlayer; i++) {
        const LayerRow *row = &t->layer[i];
        if (strcmp(row->network, network)) continue;
        table_add(table, "%*s%s\t%s\t%s\t%s", 2 * row->depth, "", row->layer, type_text(t, &row->type),
                  row->parameters ? count_text((double)row->parameters, n, sizeof n) : "",
                  row->flops > 0 ? flops_text(t, row->flops) : "");
    }
    table_print(table, stdout, "  ");
    table_free(table);
}

/* Parameters and running values as the checkpoint names them: `show SPEC NETWORK`. */
static void show_tensors(const Training *t, const char *network) {
    size_t n = strlen(network);
    Table *table = table_new(3, "lll");
    for (int i = 0; i < t->slots->all.n; i++) {
        const Slot *slot = &t->slots->all.at[i];
        bool own = slot->kind == SLOT_PARAM || slot->kind == SLOT_STATE;
        if (!own || strncmp(slot->name, network, n) || slot->name[n] != '/') continue;
        table_add(table, "%s\t%s\t%s", slot->name, type_text(t, &slot->type),
                  slot->kind == SLOT_STATE ? "running value" : slot->tag ? slot->tag : "");
    }
    printf("\n");
    table_print(table, stdout, "  ");
    table_free(table);
}

void show_networks(const Training *t, const char *only) {
    char n[40];
    for (int i = 0; i < t->nnetwork; i++) {
        const NetworkRow *net = &t->network[i];
        if (only && strcmp(only, net->name)) continue;
        printf("network %s: %s parameters, %s a call\n", net->head,
               count_text((double)net->parameters, n, sizeof n), flops_text(t, network_flops(t, net->name)));
        show_layers(t, net->name);
        if (only) show_tensors(t, net->name);
        putchar('\n');
    }
}

/* A definition of the resolved spec as it is written, four columns in. */
static void show_definition(const Doc *d) {
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to) return;
    doc_print(d, to);
    fclose(to);
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        printf("    %.*s\n", (int)n, line);
        line += n + (line[n] == '\n');
    }
    free(text);
}

static void show_player(const Training *t, const Move *move, const Doc *spec) {
    char n[40];
    double count = 0;
    for (int i = 0; i < move->nmoved; i++)
        count += (double)shape_count(&t->slots->all.at[move->moved[i]].type.shape);
    const char *name = t->player[move->player].name;
    printf("player %s: moves %s numbers in %d parameters by %s\n", name, count_text(count, n, sizeof n),
           move->nmoved, move->optimizer ? move->optimizer : "no optimizer");
    const Doc *players = spec ? doc_get(spec, "players") : NULL,
              *definition = players ? doc_get(players, name) : NULL;
    if (definition) show_definition(definition);
}

void show_players(const Training *t, const char *only) {
    const Doc *spec = doc_parse("resolved", t->resolved, strlen(t->resolved), t->diags);
    bool *shown = arena_alloc(t->arena, (size_t)t->nplayer + 1);
    for (int s = 0; s < t->nstage; s++)
        for (int i = 0; i < t->stage[s].nentry; i++) {
            const Turn *turn = t->stage[s].entry[i].turn;
            for (int k = 0; k < turn->nmove; k++) {
                int player = turn->move[k].player;
                if (shown[player] || (only && strcmp(only, t->player[player].name))) continue;
                show_player(t, &turn->move[k], spec);
                shown[player] = true;
            }
        }
}

void show_schedule(const Training *t) {
    char every[60];
    for (int s = 0; s < t->nstage; s++) {
        const Stage *stage = &t->stage[s];
        printf("\nschedule%s%s: ", *stage->name ? " " : "", stage->name);
        if (stage->steps)
            printf("%" PRId64 " steps of\n", stage->steps);
        else
            printf("%g epochs of\n", stage->epochs);
        for (int i = 0; i < stage->nload; i++) {
            const Load *l = &stage->load[i];
            printf("  load %s: %s%s\n", l->name, l->stage < 0 ? "" : "the end of ",
                   l->stage < 0 ? l->path : t->stage[l->stage].name);
        }
        for (int i = 0; i < stage->nfreeze; i++) printf("  freeze %s\n", stage->freeze[i]);
        for (int i = 0; i < stage->nentry; i++) {
            const Entry *e = &stage->entry[i];
            printf("  ");
            for (int k = 0; k < e->turn->nmove; k++)
                printf("%s%s", k ? " + " : "", t->player[e->turn->move[k].player].name);
            printf(e->text && *e->text ? ": %s\n" : "\n", e->text);
        }
        if (stage->checkpoint.kind != EVERY_NEVER)
            printf("  checkpoint %s, %" PRId64 " kept\n", every_text(stage->checkpoint, every, sizeof every),
                   stage->keep);
    }
}

void show_reports(const Training *t) {
    char every[60];
    putchar('\n');
    if (t->precision == BF16) printf("precision bf16: turns round what convolutions and products of at least %d multiply\n", BF16_LEAST);
    if (t->precision == FP64) printf("precision fp64: everything in double, by plain loops: slow, to compare with\n");
    for (int i = 0; i < t->nsource; i++) {
        const DataSource *s = t->source[i].source;
        if (!s || !t->source[i].used) continue;
        printf("data %s: %s, %" PRId64 " samples, batches of %" PRId64, s->name, s->kind->name, s->count,
               s->common.batch);
        for (int k = 0; k < s->nfield; k++)
            printf("%s %s %s", k ? "," : ";", s->field[k].name, type_text(t, &s->field[k].sample));
        putchar('\n');
    }
    for (int i = 0; i < t->nmetric; i++)
        printf("metric %s: %s\n", t->metric[i].name, every_text(t->metric[i].every, every, sizeof every));
    for (int i = 0; i < t->noutput; i++)
        printf("output %s: %s, %s%s\n", t->output[i].name, t->output[i].kind->name,
               every_text(t->output[i].every, every, sizeof every), t->output[i].animate ? ", animated" : "");
}

static double data_bytes(const Training *t) {
    double bytes = 0;
    for (int i = 0; i < t->nsource; i++)
        if (t->source[i].used) bytes += (double)t->source[i].source->bytes;
    return bytes;
}

bool show_memory(Spec *s, const Options *o, Fault *f) {
    MachineOptions options = machine_defaults();
    options.threads = (int)o->threads;
    options.precision = s->t->precision == BF16 && bf16_here() == BF16_NONE ? FP32 : s->t->precision;
    Machine *m = machine_new(s->t, &options, f);
    double batches;
    bool done = m && machine_prepare(m, f) && machine_batches(m, &batches, f);
    if (done) {
        double work = (double)exec_workspace(m->exec), store = (double)m->store->bytes,
               copy = (double)checkpoint_size(s->t->slots, m->store->floats), data = data_bytes(s->t),
               compiled = (double)machine_compiled(m), library = (double)machine_library(m);
        printf("\nmemory: workspace %.1f MB, store %.1f MB, its copy for checkpoints %.1f MB, data %.1f MB, batches and kept "
               "samples %.1f MB, compiled %.1f MB, libraries %.1f MB; %.1f MB in all\n",
               work / 1e6, store / 1e6, copy / 1e6, data / 1e6, batches / 1e6, compiled / 1e6, library / 1e6,
               (work + store + copy + batches + data + compiled + library) / 1e6);
    }
    machine_free(m);
    return done;
}

/* A spec that does not compile still shows something: its own text, as `git diff` wants. */
static void show_text(const char *path) {
    FILE *f = fopen(path, "re");
    for (int c; f && (c = getc(f)) != EOF;) putchar(c);
    if (f) fclose(f);
}

static bool known(const Training *t, const char *name) {
    Nearest nearest = nearest_to(name);
    for (int i = 0; i < t->nnetwork; i++) {
        if (!strcmp(t->network[i].name, name)) return true;
        nearest_add(&nearest, t->network[i].name);
    }
    for (int i = 0; i < t->nplayer; i++) {
        if (!strcmp(t->player[i].name, name)) return true;
        nearest_add(&nearest, t->player[i].name);
    }
    complain("show: no network or player is named '%s'%s", name, nearest_hint(t->arena, &nearest));
    return false;
}

static int show_spec(const char *path, const char *only, const Options *o) {
    Spec s;
    Fault f = {0};
    int code = spec_open(&s, path, o);
    if (code && o->plain) show_text(path);
    if (code) return o->plain ? CODE_DONE : code;
    if (only && !known(s.t, only)) {
        code = CODE_USAGE;
    } else if (o->json) {
        put_json(show_json(s.t, only));
    } else {
        show_networks(s.t, only);
        show_players(s.t, only);
        if (!only) show_schedule(s.t), show_reports(s.t);
        if (!only && !o->plain && !show_memory(&s, o, &f)) code = spec_fault(&s, &f);
    }
    spec_close(&s);
    return code;
}

static int run(const Options *o, int n, char **operand) {
    const char *first = operand[0];
    bool of_spec = !strcmp(first, "function") && n > 1 && names_a_spec(operand[1]);
    if (n > 2 && !of_spec) {
        complain("show: does not know what to do with '%s'", operand[2]);
        return CODE_USAGE;
    }
    if (names_a_spec(first)) return show_spec(first, n > 1 ? operand[1] : NULL, o);
    if (!strcmp(first, "prelude")) return show_prelude(o);
    if (of_spec) return show_function(operand[1], n > 2 ? operand[2] : NULL, o);
    if (!strcmp(first, "function")) return show_function(NULL, n > 1 ? operand[1] : NULL, o);
    if (n == 2 && !strcmp(first, "schedule")) return show_steps(operand[1], o);
    if (n == 2 && !strcmp(first, "graph")) return show_graph(operand[1], o);
    complain("show: '%s' is no spec (a name with '/' or '.yaml'), nor 'prelude', 'function [SPEC] [NAME]', 'schedule "
             "SPEC', 'graph SPEC'",
             first);
    return CODE_USAGE;
}

static const char *const examples[] = {
    "graphrun show models/wgan_poly.yaml                      layers, shapes, parameters, memory",
    "graphrun show models/wgan_poly.yaml critic               one network or player",
    "graphrun show schedule models/wgan_poly.yaml --steps 40  which player plays at each step",
    "graphrun show graph models/ring8.yaml --player critic    a player's turn, node by node",
    "graphrun show function gradient_penalty                  a definition; of a spec: show function SPEC NAME",
    "graphrun show function                                   all that come with graphrun",
    "graphrun show prelude                                    their text", NULL};
static const Option options[] = {
    {"plain", 0, O_FLAG, OPT(plain), NULL, "the same on every machine, for diffs"},
    {"steps", 0, O_INT, OPT(steps), "N", "of `show schedule`: so many steps; 40 where left out"},
    {"player", 0, O_TEXT, OPT(player), "NAME", "of `show graph`: only this player's turn"},
    OPTIONS_SPEC,
    OPTION_PRECISION,
    OPTION_THREADS,
    OPTION_JSON,
    OPTION_QUIET("no warnings"),
    OPTIONS_END};
const Verb verb_show = {
    "show",
    "SPEC [NAME]",
    "layers, shapes, parameters, schedule, memory; also definitions, graphs",
    examples,
    options,
    1,
    3,
    run};
