/* `graphrun bench SPEC --dump DIR`: one turn as numbers in a file, so that another program can be given the same and be
 * seen to come to the same. DIR/PLAYER.npz holds `loss/PLAYER` and `gradient/NAME` (before `clip`), and in the order of
 * the turn's graph `parameter/NAME` and `read/NAME` for what it reads (as before the turn) and `draw/PATH` for what it
 * draws. */
#include "cli/cli.h"
#include "ops/attrs.h"
#include "out/out.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    Arena *arena;
    VEC(ExprItem) item;
    VEC(OutValue) value;
    VEC(Node *) node;                                 /* of value[i] while there are no numbers yet; NULL: there are */
} Dump;

static void add(Dump *d, const char *kind, const char *name, Tensor type, const void *data, Node *node) {
    ExprItem item = {.value = d->value.n, .name = arena_printf(d->arena, "%s/%s", kind, name)};
    vec_push(d->arena, &d->item, item);
    vec_push(d->arena, &d->value, ((OutValue){type, data}));
    vec_push(d->arena, &d->node, node);
}

/* What the graph reads, as it is now, and what it draws. */
static void add_inputs(Dump *d, const Graph *g, const Store *s) {
    for (int i = 0; i < g->node.n; i++) {
        Node *n = g->node.at[i];
        if (n->op == op_named("slot")) {
            int slot = ((const SlotAttr *)n->attr)->slot;
            const Slot *of = &s->slots->all.at[slot];
            add(d, of->kind == SLOT_PARAM ? "parameter" : "read", of->name, (Tensor){store_type(s, slot), n->type.shape},
                arena_copy(d->arena, s->data[slot], store_dense(s, slot)), NULL);
        } else if (n->op->traits & RANDOM) {
            add(d, "draw", ((const DrawAttr *)n->attr)->path, n->type, NULL, n);
        }
    }
}

static void add_results(Dump *d, const Training *t, const Turn *turn) {
    for (int i = 0; i < turn->nmove; i++) {
        const Move *move = &turn->move[i];
        add(d, "loss", t->player[move->player].name, move->loss->type, NULL, move->loss);
        for (int k = 0; k < move->nmoved; k++)
            if (move->gradient[k])
                add(d, "gradient", t->slots->all.at[move->moved[k]].name, move->gradient[k]->type, NULL, move->gradient[k]);
    }
}

static bool write_file(const Dump *d, const char *folder, const char *name, Fault *f) {
    OutputJob job = {.kind = output_named("file"), .name = name, .samples = folder, .plots = folder, .at_end = true,
                     .nvalue = d->value.n, .value = d->value.at};
    unsigned char *options = arena_alloc(d->arena, job.kind->options_size);
    Exprs all = {d->item.n, 0, d->item.at};
    memcpy(options + job.kind->options[0].offset, &all, sizeof all);    /* the first option is the kind's own: what to write */
    job.done = job.kind->write(&job, options);
    return output_done(&job, f);
}

bool turn_dump(Machine *m, Turn *turn, const char *folder, Fault *f) {
    Dump d = {.arena = m->t->arena};
    if (mkdir(folder, 0777) && errno != EEXIST) return fault(f, CODE_WRITE, "%s: %s", folder, strerror(errno));
    if (!feed_players(m, &turn->unit, f)) return false;
    add_results(&d, m->t, turn);
    int nresult = d.node.n;
    Graph *g = graph_only(turn->unit.graph, nresult, d.node.at);
    add_inputs(&d, g, m->store);
    Unit u = {.name = turn->unit.name, .loc = turn->unit.loc, .graph = g};
    u.result = ARENA_ARRAY(d.arena, Node *, d.node.n + 1);
    for (int i = 0; i < d.node.n; i++)
        if (d.node.at[i]) u.result[u.nresult++] = d.node.at[i];
    bool done = unit_run(m, &u, f);
    for (int i = 0, k = 0; done && i < d.node.n; i++)
        if (d.node.at[i]) d.value.at[i] = (OutValue){u.program->result[k].at.type, exec_result(m->exec, u.program, k)}, k++;
    done = done && write_file(&d, folder, turn_player(m->t, turn), f);
    program_free(u.program);
    return done;
}
