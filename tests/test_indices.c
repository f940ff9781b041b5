/* Labels beyond their tables: what is said before the first turn, and of what nothing is said. */
#include "train/machine.h"
#include "world.h"

enum { OPEN, LOADED };                                /* when it is known */

typedef struct {
    const char *name, *loss;                          /* of four samples whose labels are 1, 4, -1, 2 in a csv, 0 to 7 of a ring */
    int when;
    const char *said;                                 /* NULL: nothing */
} Case;

#define RING "'ring.label' goes from 0 to 7, and "
#define TABLE "'table.label' goes from -1 to 4, and "
static const Case cases[] = {
    {"one_hot", "sum(one_hot(ring.label, 5)*net(ring.point))", OPEN,
     RING "'net/one_hot_1' has 5 places for it, 0 to 4: make them 8, or leave samples out by `classes` of the source"},
    {"one_hot, wide enough", "sum(one_hot(ring.label, 8)*sum(net(ring.point)))", OPEN, NULL},
    {"cross_entropy", "mean(cross_entropy(net(ring.point), ring.label))", OPEN, RING "'net/cross_entropy_1/one_hot_1' has 5 places"},
    {"embedding", "sum(row(ring.label))", OPEN, RING "'row/embedding_1' has 6 places"},
    {"gather_last", "sum(gather_last(net(ring.point), ring.label[:, new]))", OPEN, RING "'net' has 5 places"},
    {"scatter", "sum(scatter(net(ring.point)[0:5, :], ring.label, net(ring.point)))", OPEN, RING "'net' has 5 places"},
    {"scatter_add", "sum(scatter_add(ring.label, net(ring.point), 7)^2)", OPEN, RING "'net' has 7 places"},
    {"scatter_add_last", "sum(scatter_add_last(ring.label[:, new], net(ring.point)[:, 0:1], 7)^2)", OPEN, RING "'net' has 7 places"},
    {"classes", "mean(cross_entropy(net(few.point), few.label))", OPEN, NULL},
    {"relabelled", "mean(cross_entropy(net(again.point), again.label))", OPEN, NULL},
    {"reworked", "mean(cross_entropy(net(less.point), less.label))", OPEN, NULL},
    {"arithmetic", "mean(cross_entropy(net(ring.point), ring.label % 5))", OPEN, NULL},
    {"starts at 1", "mean(cross_entropy(net(ones.point), ones.label))", OPEN,
     "'ones.label' goes from 2 to 6, and 'net/cross_entropy_1/one_hot_1' has 5 places for it, 0 to 4: write ones.label - 2"},
    {"chosen by an if", "mean(if(ring.label < 5, 2*row5(ring.label)[:, 0], 0))", OPEN, NULL},
    {"an if that is too late", "mean(if(ring.label < 5, net(row5(ring.label))[:, 0], 0))", OPEN, RING "'row5/embedding_1' has 5 places"},
    {"an if of something else", "mean(if(normal(8) < 5, row5(ring.label)[:, 0], 0))", OPEN, RING},
    {"a file", "mean(cross_entropy(net(table.x[:, new]*ones(1, 2)), table.label))", LOADED,
     TABLE "'net/cross_entropy_1/one_hot_1' has 5 places for it, 0 to 4: leave those samples out, or choose by `if` before they are used"},
};

static char table_file[] = "/tmp/indices-XXXXXX";

static World *open_case(const Case *c) {
    char text[3000];
    snprintf(text, sizeof text,
             "data:\n"
             "  ring: {source: gaussians, layout: ring, batch: 8}\n"
             "  few: {source: gaussians, layout: ring, batch: 8, classes: [1, 4]}\n"
             "  again: {source: gaussians, layout: ring, batch: 8, classes: [1, 7], relabel: true}\n"
             "  ones: {source: gaussians, layout: ring, batch: 8, classes: [2, 3, 4, 5, 6]}\n"
             "  less: {source: gaussians, layout: ring, batch: 8, label: [\"l -> l %% 5\"]}\n"
             "  table: {source: csv, path: '%s', batch: 4}\n"
             "networks:\n"
             "  net(x): [{dense: 5}]\n"
             "  row(l): embedding(l, 6, 2)\n"
             "  row5(l): embedding(l, 5, 2)\n"
             "players:\n"
             "  net:\n"
             "    moves: [net, row, row5]\n"
             "    idle: sum(row([0])) + sum(row5([0])) + sum(net(normal(8, 2)))\n"
             "    minimize: \"%s + 0*idle\"\n"
             "    optimizer: sgd(0.1)\n"
             "schedule: {steps: 1, each: [net]}\n",
             table_file, c->loss);
    return open_text(text);
}

/* What was said, "" for nothing; gives whether the data fit. */
static bool look(const World *w, const char **said) {
    const Diag *const *from = (const Diag *const *)w->t->diags->last;
    bool fit = indices_fit(w->t);
    *said = *from ? (*from)->text : "";
    assert_true(!*from || ((*from)->next->level == DIAG_NOTE && !(*from)->next->next));   /* once, with where the source is, whatever how many turns read it */
    return fit;
}

static void labels_beyond_their_tables(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Case *c = &cases[i];
        World *w = open_case(c);
        const char *said;
        for (int when = OPEN; when <= (c->said ? c->when : LOADED); when++) {
            if (when == LOADED)
                for (int k = 0; k < w->t->nsource; k++)
                    if (w->t->source[k].used) assert_true(source_load(w->t->source[k].source));
            bool fit = look(w, &said), expected = !c->said || when < c->when;
            if (fit == expected && (expected ? !*said : strstr(said, c->said) == said)) continue;
            print_error("%s: '%s'\n", c->name, said);
            fail();
        }
        close_world(w);
    }
}

int main(void) {
    int fd = mkstemp(table_file);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f) return 1;
    fputs("x,label\n0.5,1\n0.1,4\n0.2,-1\n0.4,2\n", f);
    fclose(f);
    const struct CMUnitTest tests[] = {cmocka_unit_test(labels_beyond_their_tables)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(table_file);
    return failed;
}
