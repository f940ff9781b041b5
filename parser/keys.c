/* The keys of a spec's mappings, one row each: what the parser checks, what messages suggest, what help prints. */
#include "parser/value.h"

#include <string.h>

#define KEY(name_, doc_) {.name = name_, .type = F_LAYERS, .dflt = "", .doc = doc_}

const Field spec_keys[] = {
    KEY("include", "a file or a list of files, merged under this one"),
    KEY("vars", "named numbers, lists, words, functions: constants"),
    KEY("presets", "named sets of changes, chosen by --preset"),
    KEY("data", "named sources"),
    KEY("functions", "named functions; a layer is a function called from a layer list"),
    KEY("networks", "named functions that own parameters"),
    KEY("optimizers", "named update rules"),
    KEY("players", "who minimises what"),
    KEY("iteration", "values computed once an iteration and shared by its turns"),
    KEY("schedule", "who plays when, and for how long"),
    KEY("metrics", "named values over held-out data"),
    KEY("outputs", "pictures, plots, tables, files"),
    {0}};

const Field player_keys[] = {
    KEY("doc", "one line of documentation"),
    KEY("minimize", "the loss, one number"),
    KEY("maximize", "the same, the other way round"),
    KEY("moves", "networks or parameters(...); the network of the player's name if left out"),
    KEY("optimizer", "a call of an update rule, or a mapping from patterns to calls"),
    KEY("clip", "a function of all gradients, before the optimiser"),
    KEY("state", "running values and where they start"),
    KEY("after", "what happens after the optimiser"),
    KEY("when", "the player stands still where this is false"),
    KEY("log", "more values to log: a mapping, or a list of local names"),
    {0}};

const Field schedule_keys[] = {
    KEY("stage", "the stage's name"),
    KEY("steps", "how many iterations"),
    KEY("epochs", "or how many passes through the data"),
    KEY("of", "the source whose passes count"),
    KEY("each", "one iteration: players in order, with counts or conditions"),
    KEY("checkpoint", "{every: 500, keep: 3, best: metrics.accuracy}"),
    KEY("stop", "a condition that ends the stage"),
    {0}};

const Field checkpoint_keys[] = {
    KEY("every", "500, 5 epochs, or end"), KEY("keep", "how many of the newest stay"), KEY("best", "highest is kept"), {0}};

const Field metric_keys[] = {
    KEY("mean", "one value a sample, averaged over the source"),
    KEY("collect", "named tensors, batch after batch, stacked until `count`"),
    KEY("count", "rows to collect"),
    KEY("value", "one number, of what was collected"),
    KEY("over", "a source that is read once through, in order"),
    KEY("every", "50, 5 epochs, or end"),
    KEY("stage", "only in this stage"),
    {0}};

const Field output_keys[] = {
    KEY("every", "50, 5 epochs, or end (which is also what leaving it out means)"),
    KEY("when", "only where this condition holds"),
    KEY("stage", "only in this stage"),
    KEY("animate", "true: also one animation of all pictures"),
    KEY("name", "the file's name"),
    KEY("over", "a source that is read once through, results stacked"),
    {0}};

void key_check(Eval *e, const Doc *map, const char *where, const Field *keys, bool open) {
    for (int i = 0; i < map->n; i++) {
        const DocEntry *k = &map->entry[i];
        if (!field_find(keys, k->key)) {
            if (open) continue;
            Nearest near = nearest_to(k->key);
            field_nearest(keys, &near);
            diag_error(e->diags, k->loc, "unknown key '%s' in %s%s", k->key, where, nearest_hint(e->arena, &near));
        }
        if (k->value->kind == DOC_SCALAR && !k->value->length && k->value->style == DOC_PLAIN)
            diag_error(e->diags, k->loc, "'%s' has no value", k->key);
    }
}

bool every_from_doc(Eval *e, const Doc *d, Every *out) {
    *out = (Every){EVERY_END, 0};
    char unit[32] = "";
    long long n = 0;
    if (d->kind == DOC_SCALAR && !strcmp(d->text, "end")) return true;
    int got = d->kind == DOC_SCALAR ? sscanf(d->text, "%lld %31s", &n, unit) : 0;
    bool epochs = !strcmp(unit, "epoch") || !strcmp(unit, "epochs");
    bool steps = !*unit || !strcmp(unit, "steps") || !strcmp(unit, "step");
    if (got < 1 || n < 1 || (!epochs && !steps)) {
        diag_error(e->diags, d->loc, "'every' is a number of steps (50), of epochs (5 epochs), or end");
        return false;
    }
    *out = (Every){epochs ? EVERY_EPOCHS : EVERY_STEPS, n};
    return true;
}
