/* A player in a turn: what player.c, after.c and turn.c share. Private to these three. */
#pragma once
#include "parser/value.h"

typedef struct {
    Def *def;
    Ctx ctx;
    Scope *scope;
    const DocEntry *goal;                             /* minimize or maximize */
    Value *loss;
    Node *gate;
    VEC(Moved) moved;
    Marks named, moves;                               /* slots of `moved`; those that are not frozen */
    const Doc **after;                                /* expressions and mappings of `after`, in order */
    int nafter;
} Playing;

/* player.c: a player's names, loss and running values in a scope of their own. */
Playing open_player(Eval *e, Build *b, Def *d);
Local *own_binding(Scope *s, const char *name);
/* after.c: what happens after the optimisers. */
void run_after(Playing *p);
void run_pending(const Ctx *c, Build *b, Playing *p);
bool moves_network(const Playing *p, const Def *net);
