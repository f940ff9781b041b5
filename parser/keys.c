#include "parser/keys.h"

#include "parser/value.h"

#include <string.h>

/* clang-format off */
#define KEY(name_, form_, doc_) {.name = name_, .type = F_FORM, .dflt = "", .choices = form_, .doc = doc_}
#define MUST(name_, form_, doc_) {.name = name_, .type = F_FORM, .dflt = NULL, .choices = form_, .doc = doc_}
#define ELSE(name_, form_, dflt_, doc_) {.name = name_, .type = F_FORM, .dflt = dflt_, .choices = form_, .doc = doc_}

const Field spec_keys[] = {
    KEY("include", "texts", "a file or a list of files, merged under this one: here a definition replaces theirs of the same name"),
    KEY("vars", "vars", "named numbers, lists, words and functions: constants, changed by --set vars.NAME=VALUE"),
    KEY("presets", "presets", "named sets of changes to single keys, chosen by --preset"),
    KEY("data", "sources", "named sources of samples"),
    KEY("functions", "functions", "named functions; a layer is a function called from a layer list"),
    KEY("networks", "networks", "named functions that own parameters"),
    KEY("optimizers", "optimizers", "named update rules"),
    MUST("players", "players", "who minimises what"),
    KEY("iteration", "definitions", "values computed once an iteration and shared by its turns"),
    MUST("schedule", "schedule", "who plays when, and for how long"),
    ELSE("precision", "precision", PRECISION_FP32, PRECISION_FP32 "; or " PRECISION_BF16 ": in turns and iteration values, convolutions and products of at least 16 in every "
         "direction round what they multiply to bfloat16; sums, parameters and all else stay in fp32; or " PRECISION_FP64
         ": everything in double, by the plain loops that kernels are tested against: slow, to compare with"),
    KEY("metrics", "metrics", "named values over held-out data"),
    KEY("outputs", "outputs", "pictures, plots, tables, files"),
    {0}};

const Field body_keys[] = {
    KEY("doc", "text", "what it does, in a sentence"),
    KEY("paper", "text", "where it comes from: authors, year, equation"),
    KEY("ranges", "ranges", "what the arguments may be: under a name a condition (rate >= 0 and rate < 1), one with advice ({holds: rate < 1, advice: '...'}), or a list of values"),
    KEY("state", "values", "running values, and where they start"),
    KEY("after", "after", "how running values move after the turn; a player's hook: what it assigns"),
    KEY("return", "definition", "the value"),
    KEY("example", "anything", "a use with concrete inputs: the tests run it, and differentiate it by each normal(...) in it"),
    {0}};

const Field advised_keys[] = {
    MUST("holds", "expression", "a condition on the arguments"),
    KEY("advice", "text", "what to write instead"),
    {0}};

const Field optimizer_keys[] = {
    KEY("doc", "text", "what it does, in a sentence"),
    KEY("paper", "text", "where it comes from: authors, year, equation"),
    KEY("ranges", "ranges", "what the arguments may be: under a name a condition (rate >= 0 and rate < 1), one with advice ({holds: rate < 1, advice: '...'}), or a list of values"),
    KEY("state", "values", "running values of each parameter, and where they start"),
    KEY("example", "anything", "a call, less p and g"),
    {0}};

const Field player_keys[] = {
    KEY("doc", "text", "what it does, in a line"),
    KEY("minimize", "definition", "the loss, one number"),
    KEY("maximize", "definition", "the same, the other way round"),
    ELSE("moves", "expression", "the network of the player's name", "networks, a list of them, or parameters(...)"),
    KEY("optimizer", "optimizer", "a call of an update rule; a mapping from networks or patterns to such calls; or OTHER.optimizer"),
    KEY("clip", "expression", "a function of all gradients together, before the optimiser, such as clip_norm(1)"),
    KEY("state", "values", "running values, and where they start"),
    KEY("after", "after", "what happens after the optimiser: assignments, calls that hold such, or a list of both"),
    ELSE("when", "expression", "true", "in this turn the player stands still where this is false"),
    KEY("log", "log", "more values to log: a mapping, or a list of local names; the loss always is"),
    {0}};

const Field schedule_keys[] = {
    KEY("stage", "text", "the stage's name, where the schedule is a list of stages"),
    KEY("steps", "expression", "how many iterations"),
    KEY("epochs", "expression", "or how many passes through the data"),
    ELSE("of", "text", "the one that the players read", "the source whose passes are the epochs"),
    KEY("load", "loads", "what the stage begins with: networks or patterns, and an earlier stage's name or a file"),
    KEY("freeze", "texts", "networks or patterns that no player moves in this stage; their running values stand still"),
    MUST("each", "entries", "one iteration: players in order, with counts or conditions"),
    ELSE("checkpoint", "checkpoint", "at the end", "when the run is saved, and how many checkpoints stay"),
    KEY("stop", "expression", "a condition that ends the stage"),
    {0}};

const Field checkpoint_keys[] = {
    ELSE("every", "every", "end", "a number of steps (500), of epochs (5 epochs), or end"),
    ELSE("keep", "expression", "3", "how many of the newest stay"),
    KEY("best", "expression", "the checkpoint where this number was highest stays too: metrics.accuracy, -metrics.error"),
    {0}};

const Field metric_keys[] = {
    KEY("mean", "expression", "one value a sample, averaged exactly over the whole source"),
    KEY("collect", "values", "named tensors, batch after batch, stacked until there are `count` rows"),
    ELSE("count", "expression", "all of the source of `over`", "how many rows `collect` gathers"),
    KEY("value", "expression", "one number; sees what was collected by name; with `over` and no `collect`: of each batch, averaged over the batches"),
    KEY("over", "text", "a source that is read once through, in order"),
    ELSE("every", "every", "end", "a number of steps (50), of epochs (5 epochs), or end"),
    KEY("stage", "text", "only in the stage of this name"),
    {0}};

const Field output_keys[] = {
    ELSE("every", "every", "end", "a number of steps (50), of epochs (5 epochs), or end"),
    KEY("when", "expression", "only where this condition holds"),
    KEY("stage", "text", "only in the stage of this name"),
    ELSE("animate", "flag", "false", "true: also one animation of all the pictures"),
    ELSE("montage", "flag", "false", "true: also one picture of all the pictures (of 25 of them), each under its step"),
    ELSE("name", "text", "the output's own", "the file's name"),
    KEY("over", "text", "a source that is read once through, in order; the rows of what is made of it are collected"),
    KEY("count", "expression", "how many rows to collect: batch after batch, draw after draw; with `over` the first so many"),
    {0}};

const Field source_keys[] = {
    MUST("source", "text", "the kind of source"),
    KEY("all", "layers", "layers for every image field; the draws of one sample are shared, so that a pair flips together"),
    {0}};

/* Items of a layer list that are no layers; the first key names them. */
const Field repeat_keys[] = {
    MUST("repeat", "expression", "how often"),
    MUST("layers", "layers", "the list that is run so often, each copy with its own parameters"),
    {0}};

const Field for_keys[] = {
    MUST("for", "text", "`f in [64, 128]` or `(a, b) in [[x, 0], [y, 1]]`"),
    MUST("layers", "layers", "the list that is run once for each, with its own parameters"),
    {0}};

const Field when_keys[] = {
    MUST("when", "expression", "a condition known when the spec is compiled"),
    MUST("layers", "layers", "the list that is run where it holds"),
    KEY("otherwise", "layers", "the list that is run where it does not"),
    {0}};

const Field loop_keys[] = {
    MUST("loop", "text", "`t in range(500)`: numbers known before the run, one a round"),
    MUST("layers", "layers", "the list that is compiled once and run for each, on what the round before left"),
    {0}};

const Field input_keys[] = {
    MUST("input", "expression", "what goes on from here, in place of what was piped; opens a list that does not start from the first argument"),
    {0}};

const Field call_keys[] = {
    ELSE("training", "expression", "true in a player's turn, false in metrics and outputs",
         "batch statistics and dropout, or running statistics and none; handed on to everything inside"),
    ELSE("update", "expression", "true where the turn moves a parameter of the network",
         "whether running values of the network move"),
    ELSE("parameters", "expression", "its own",
         "a collection of the network's form, used instead: a moving average, an unrolled step"),
    ELSE("name", "text", "the written name and a number", "what the call is called, in names of parameters and in messages"),
    {0}};

const Field ambient_keys[] = {
    KEY("step", "expression", "iterations of this stage so far, an int that changes during the run"),
    KEY("epoch", "expression", "passes of the stage's source so far, an int that changes during the run"),
    KEY("turn", "expression", "the player's own turns in this stage so far, an int that changes during the run"),
    KEY("total_step", "expression", "iterations of the whole run so far"),
    KEY("training", "expression", "true in a player's turn, false in metrics and outputs; known when the spec is compiled"),
    KEY("pi", "expression", "3.14159..."),
    KEY("true", "expression", "the bool"),
    KEY("false", "expression", "the bool"),
    {0}};

#define SCALAR "{\"type\": [\"string\", \"number\", \"boolean\"]}"
#define REF(name) "{\"$ref\": \"#/$defs/" name "\"}"

/* How definitions are written: with their arguments, or without. */
#define CALLED "{\"propertyNames\": {\"pattern\": \"^[A-Za-z_][A-Za-z0-9_]* *[(].*[)] *$\"}}"
#define BARE "{\"propertyNames\": {\"pattern\": \"^[A-Za-z_][A-Za-z0-9_]*$\"}}"

const Form form_table[] = {
    {"spec", "a model: networks, losses, schedule, data, outputs", spec_keys, NULL, NULL,
     "{\"required\": [], \"anyOf\": [{\"required\": [\"include\"]}, {\"required\": [\"players\", \"schedule\"]}]}"},
    {"vars", "named constants", NULL, "expression", NULL, BARE},
    {"sources", "named sources", NULL, "source", NULL, BARE},
    {"functions", "named functions, written with their arguments: down(x, filters): ...", NULL, "definition", NULL, CALLED},
    {"networks", "named networks, written with their arguments: critic(x): ...", NULL, "definition", NULL, CALLED},
    {"optimizers", "named update rules, written with their arguments: sgd(p, g, lr=0.1): ...", NULL, "rule", NULL, CALLED},
    {"players", "named players", NULL, "player", NULL, BARE},
    {"definitions", "named values", NULL, "definition", NULL, BARE},
    {"metrics", "named metrics", NULL, "metric", NULL, NULL},
    {"outputs", "named outputs", NULL, "output", NULL, NULL},
    {"presets", "named sets of changes", NULL, "preset", NULL, NULL},
    {"preset", "changes to single keys of this spec", NULL, "anything", NULL, NULL},
    {"player", "a loss, what moves, and by which rule; any other key is a local name", player_keys, "definition", NULL,
     "{\"oneOf\": [{\"required\": [\"minimize\"]}, {\"required\": [\"maximize\"]}]}"},
    {"source", "samples, batch by batch; a key that is one of the source's fields holds layers that rework it", source_keys, "layers", NULL, NULL},
    {"output", "a picture, plot, table or file; any other key is a local name", output_keys, "definition", NULL, NULL},
    {"metric", "a value over held-out data; any other key is a local name", metric_keys, "definition", NULL,
     "{\"oneOf\": [{\"required\": [\"mean\"]}, {\"required\": [\"value\"]}]}"},
    {"rule", "an update rule; any other key is a new value of p or of a running value, or a local name", optimizer_keys, "expression", NULL, NULL},
    {"schedule", "one stage, or a list of stages", NULL, NULL,
     "{\"anyOf\": [" REF("stage") ", {\"type\": \"array\", \"items\": " REF("stage") ", \"minItems\": 1}]}", NULL},
    {"stage", "who plays when, and for how long", schedule_keys, NULL, NULL,
     "{\"oneOf\": [{\"required\": [\"steps\"]}, {\"required\": [\"epochs\"]}]}"},
    {"loads", "networks or patterns, each with the name of an earlier stage or the path of a checkpoint .safetensors", NULL, "text", NULL, NULL},
    {"checkpoint", "when the run is saved", checkpoint_keys, NULL, NULL, NULL},
    {"entries", "players in the order of their turns: critic, `critic: 5`, `critic: step > 100`, `together: [a, b]`", NULL, NULL,
     "{\"type\": \"array\", \"minItems\": 1, \"items\": {\"anyOf\": [{\"type\": \"string\"}, " REF("entry") "]}}", NULL},
    {"entry", "a player and its count, or its condition", NULL, NULL,
     "{\"type\": \"object\", \"minProperties\": 1, \"maxProperties\": 1, \"properties\": {\"together\": {\"type\": \"array\", "
     "\"minItems\": 1, \"items\": {\"type\": \"string\"}, \"description\": \"players that move at once, from the same values\"}}, "
     "\"additionalProperties\": " REF("expression") "}", NULL},
    {"body", "local names and a `return`; or a record of named parts", body_keys, "definition", NULL, NULL},
    {"definition", "an expression, a list of layers, or a body of local names with `return`", NULL, NULL,
     "{\"anyOf\": [" SCALAR ", " REF("layers") ", " REF("body") "]}", NULL},
    {"expression", "a value: 2*width, mean(critic(x)); a list is a list of values; single quotes make text", NULL, NULL,
     "{\"anyOf\": [" SCALAR ", {\"type\": \"array\", \"items\": " REF("expression") "}]}", NULL},
    {"layers", "a list of layers: names, names with arguments, blocks", NULL, NULL, "{\"type\": \"array\", \"items\": " REF("layer") "}", NULL},
    {"ranges", "conditions on arguments, by name", NULL, "range", NULL, NULL},
    {"range", "a condition, one with advice, or a list of values", advised_keys, NULL, "{\"anyOf\": [" REF("expression") "]}", NULL},
    {"repeat", "a list so many times", repeat_keys, NULL, NULL, NULL},
    {"for", "a list once for each", for_keys, NULL, NULL, NULL},
    {"when", "a list or another", when_keys, NULL, NULL, NULL},
    {"loop", "a list run at run time", loop_keys, NULL, NULL, NULL},
    {"input", "another input", input_keys, NULL, NULL, NULL},
    {"values", "names and their values", NULL, "expression", NULL, NULL},
    {"optimizer", "an expression, or a mapping from networks or patterns to expressions", NULL, "expression", SCALAR, NULL},
    {"after", "assignments by name, a call of a function with `after`, or a list of both", NULL, "expression",
     "{\"anyOf\": [" SCALAR ", {\"type\": \"array\", \"items\": " REF("after") "}]}", NULL},
    {"log", "names and values, or a list of local names", NULL, "expression",
     "{\"type\": \"array\", \"items\": {\"type\": \"string\"}}", NULL},
    {"every", "a number of steps (50), of epochs (5 epochs), or end", NULL, NULL,
     "{\"anyOf\": [{\"type\": \"integer\", \"minimum\": 1}, {\"type\": \"string\", \"pattern\": "
     "\"^(end|0*[1-9][0-9]*( (steps?|epochs?))?)$\"}]}", NULL},
    {"precision", "a kind of arithmetic", NULL, NULL, "{\"enum\": [\"" PRECISION_FP32 "\", \"" PRECISION_BF16 "\", \"" PRECISION_FP64 "\"]}", NULL},
    {"flag", "true or false", NULL, NULL, "{\"type\": \"boolean\"}", NULL},
    {"text", "text", NULL, NULL, SCALAR, NULL},
    {"texts", "text, or a list of texts", NULL, NULL,
     "{\"anyOf\": [" SCALAR ", {\"type\": \"array\", \"items\": " SCALAR ", \"minItems\": 1}]}", NULL},
    {"anything", "anything", NULL, NULL, "{\"not\": {\"type\": \"null\"}}", NULL},
    {0}};
/* clang-format on */

const Form *form_named(const char *name) {
    for (const Form *f = form_table; f->name; f++)
        if (!strcmp(f->name, name)) return f;
    return NULL;
}

bool is_text_key(const char *key) {
    static const char *const texts[] = {"doc", "paper", "ranges", "example", NULL};
    for (const char *const *t = texts; *t; t++)
        if (!strcmp(key, *t)) return true;
    return false;
}

bool form_is_block(const Form *f) {                   /* it has the name of its first key, which must be given */
    return f->keys && !f->others && !f->keys->dflt && !strcmp(f->keys->name, f->name);
}

bool is_binding_key(const char *key) { return !strcmp(key, for_keys->name) || !strcmp(key, loop_keys->name); }

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
    char more;
    int got = d->kind == DOC_SCALAR ? sscanf(d->text, "%lld %31s %c", &n, unit, &more) : 0;
    bool epochs = !strcmp(unit, "epoch") || !strcmp(unit, "epochs");
    bool steps = !*unit || !strcmp(unit, "steps") || !strcmp(unit, "step");
    if (got < 1 || got > 2 || n < 1 || (!epochs && !steps)) {
        diag_error(e->diags, d->loc, "'every' is a number of steps (50), of epochs (5 epochs), or end");
        return false;
    }
    *out = (Every){epochs ? EVERY_EPOCHS : EVERY_STEPS, n};
    return true;
}
