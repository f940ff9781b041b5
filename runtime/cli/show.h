/* The parts of `graphrun show`. */
#pragma once
#include "cli/help.h"
#include <jansson.h>

void show_networks(const Training *t, const char *only);
void show_players(const Training *t, const char *only);
void show_schedule(const Training *t);
void show_reports(const Training *t);                 /* data, metrics, outputs */
bool show_memory(Spec *s, const Options *o, Fault *f);

/* show_json.c; `only` as above */
void put_json(json_t *all);                           /* prints it and lets it go */
json_t *show_json(const Training *t, const char *only);
json_t *players_json(const Training *t, const Turn *turn);
json_t *graph_json(const Graph *g);
json_t *definition_json(const Definition *d);
json_t *operator_json(const char *name);               /* NULL: there is none of that name */
json_t *definitions_json(const Definitions *all);

int show_steps(const char *path, const Options *o);   /* `show schedule SPEC --steps N` */
int show_graph(const char *path, const Options *o);   /* `show graph SPEC --player P` */
int show_prelude(const Options *o);
int show_function(const char *path, const char *name, const Options *o);    /* each may be NULL */

/* "50", "5 epochs", "end" */
const char *every_text(Every e, char *out, size_t size);
const char *count_text(double n, char *out, size_t size);               /* 1234567 -> "1 234 567"; thin groups of three */
