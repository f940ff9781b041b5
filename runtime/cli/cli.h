/* What the verbs share: options, an opened spec, tables on stdout. Only this folder prints messages and ends the
 * process; stdout is data, stderr everything else. */
#pragma once
#include "parser/compile.h"
#include "train/trainer.h"

#include <jansson.h>

typedef enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } Color;

typedef struct { const char **at; int n; } Texts;     /* of an option that may be repeated */

typedef struct {                                      /* every option of every verb; tables say which verb takes which */
    const char *out, *resume, *player, *expression, *kind, *checkpoint, *by;
    Texts set, preset;
    int color, threads_given;
    int64_t seed, steps, threads;
    bool seed_given, steps_given;
    double seconds;
    bool force, allow_change, json, quiet, verbose, watch, plain, help, version, worth;
} Options;

typedef enum { O_FLAG, O_TEXT, O_INT, O_THREADS, O_SEED, O_STEPS, O_SECONDS, O_TEXTS, O_SETS, O_PRECISION, O_COLOR } OptionType;

typedef struct {                                      /* read by the parser and by the help; ends with name NULL */
    const char *name;
    char letter;                                      /* 0: none */
    OptionType type;
    size_t offset;                                    /* of the member of Options */
    const char *arg;                                  /* what its value is called; NULL: a flag */
    const char *doc;
} Option;

typedef struct {
    const char *name, *operands, *doc;
    const char *const *examples;                      /* lines; ends with NULL; the first two or three of the help */
    const Option *options;
    int least, most;                                  /* operands; most -1: any */
    int (*run)(const Options *o, int n, char **operand);                /* gives the exit code */
} Verb;

extern const Verb *const verbs[];                     /* ends with NULL */
const Verb *verb_named(const char *name);

/* options.c */
#define OPT(member) offsetof(Options, member)
#define OPTION_HELP  {"help", 'h', O_FLAG, OPT(help), NULL, "this text"}
#define OPTION_COLOR {"color", 0, O_COLOR, OPT(color), "WHEN", "auto, always or never"}
#define OPTION_JSON  {"json", 0, O_FLAG, OPT(json), NULL, "the result as JSON"}
#define OPTION_SEED  {"seed", 0, O_SEED, OPT(seed), "N", "one seed for everything; 0 where left out"}
#define OPTION_THREADS {"threads", 0, O_THREADS, OPT(threads), "N", "threads; all cores of this process where left out"}
#define OPTION_PRECISION \
    {"precision", 0, O_PRECISION, OPT(set), PRECISIONS, "the arithmetic: --set precision="}
#define OPTIONS_SPEC \
    {"set", 0, O_SETS, OPT(set), "KEY.PATH=VALUE", "changes one value of the spec; repeatable, left to right"}, \
    {"preset", 0, O_TEXTS, OPT(preset), "NAME", "takes the spec's named set of changes first; repeatable, left to right"}
#define OPTION_QUIET(doc) {"quiet", 'q', O_FLAG, OPT(quiet), NULL, doc}
#define OPTIONS_TIMED \
    {"player", 0, O_TEXT, OPT(player), "NAME", "only this player's turn"}, \
    {"seconds", 0, O_SECONDS, OPT(seconds), "S", "how long each turn is timed; 2 where left out"}
#define OPTIONS_TURNS OPTIONS_SPEC, OPTION_PRECISION, OPTION_SEED, OPTION_THREADS, OPTION_JSON, OPTION_QUIET("no messages")
#define OPTIONS_END OPTION_COLOR, OPTION_HELP, {NULL, 0, 0, 0, NULL, NULL}
/* Options may stand anywhere; '--' ends them. Operands are moved to the front of argv. False: a message was printed. */
bool options_parse(const Verb *v, int argc, char **argv, Options *out, int *noperand);
void options_free(Options *o);

/* spec.c */
typedef struct { Arena *arena; Diags *diags; Training *t; const Options *options; } Spec;
/* Compiles; messages go to stderr. CODE_DONE, or the code to end with (the Spec is closed then). */
int spec_open(Spec *s, const char *path, const Options *o);
int spec_open_data(Spec *s, const char *name, const char *text, const Options *o);    /* of sources alone: CompileOptions.data */
bool names_a_spec(const char *word);                  /* it has a '/', ends in .yaml, or is '-' */
void spec_close(Spec *s);
SpecChanges spec_changes(const Options *o);
int spec_messages(Spec *s);                           /* prints what is new; the code that its errors mean */
int spec_fault(Spec *s, const Fault *f);              /* prints messages and the fault; gives its code */
/* Ready to run: prepared, sources loaded. `plays`: turns too, so that bf16 matters. */
Machine *spec_machine(Spec *s, const Options *o, bool plays, Fault *f);

/* say.c */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));              /* "graphrun: ..." on stderr */
void say(const Options *o, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* stderr, not with -q */
bool color_wanted(const Options *o);

/* table.c: aligned columns; cells are copied. */
typedef struct Table Table;
Table *table_new(int columns, const char *right);     /* right: one character a column, 'r' aligns right */
void table_add(Table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));   /* cells separated by tabs */
void table_print(const Table *t, FILE *to, const char *indent);
void table_free(Table *t);

/* turns.c */
const char *turn_player(const Training *t, const Turn *turn);           /* "critic", "encoder+decoder"; static */
bool plays(const Training *t, const Turn *turn, const char *player);    /* NULL: anybody */
bool no_such_player(const Options *o, Fault *f);      /* a fault; gives false */

/* dump.c: plays the turn once and leaves folder/PLAYER.npz: what it read and drew, its losses and gradients. The folder is
 * made where there is none. */
bool turn_dump(Machine *m, Turn *turn, const char *folder, Fault *f);

/* preview.c: pictures of what sources hold */
typedef struct Preview Preview;
/* Of n samples of this type, batches come in turn; NULL: nothing that could be drawn, or no memory. */
Preview *preview_new(const char *name, const Tensor *sample, int64_t n);
void preview_add(Preview *p, int64_t rows, const void *batch);
/* Writes FOLDER/NAME.png; its path, NULL: a fault. */
const char *preview_write(Preview *p, const char *folder, Fault *f);
void preview_free(Preview *p);

/* run.c: a finished or interrupted run, opened again */
typedef struct { Spec spec; Machine *machine; CheckpointInfo info; char checkpoint[1024]; } Run;
int run_open(Run *r, const char *folder, const Options *o);             /* CODE_DONE or the code */
void run_close(Run *r);

/* worth.c: rows of `bench --worth` */
Table *worth_table(void);
bool worth_turn(Machine *m, Turn *turn, double seconds, Table *table, json_t *all, Fault *f);

/* version.c */
extern int program_argc;                              /* main's own, for run.json */
extern char **program_argv;
const char *program_version(void);
const char *program_revision(void);

/* help.c */
void help_verb(const Verb *v, FILE *to);
void help_short(FILE *to);
