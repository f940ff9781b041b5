/* A player in a turn: what player.c, loss.c, after.c and turn.c share. Private to these. */
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
/* loss.c: the loss and its gradient. */
bool is_misspelt(const Def *player, const char *key); /* an unknown key is meant for this one: it has been reported */
Node *loss_node(Playing *p);                          /* what is minimised; NULL: reported */
void differentiate(Playing *p, Node *loss, Move *move);                    /* gradients into p->moved and *move */
void clip_gradients(Playing *p);                      /* `clip`: a function of the whole gradient collection */
/* after.c: what happens after the optimisers. */
void run_after(Playing *p);
void run_pending(const Ctx *c, Build *b, Playing *p);
bool moves_network(const Playing *p, const Def *net);
