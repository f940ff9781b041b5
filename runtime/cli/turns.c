/* What the verbs that time turns share: a turn's name, and the choice of turns by --player. */
#include "cli/cli.h"

#include <string.h>

const char *turn_player(const Training *t, const Turn *turn) {
    static char name[200];
    *name = 0;
    for (int i = 0; i < turn->nmove; i++)
        snprintf(name + strlen(name), sizeof name - strlen(name), "%s%s", i ? "+" : "",
                 t->player[turn->move[i].player].name);
    return name;
}

bool plays(const Training *t, const Turn *turn, const char *player) {
    for (int i = 0; i < turn->nmove; i++)
        if (!player || !strcmp(t->player[turn->move[i].player].name, player)) return true;
    return false;
}

bool no_such_player(const Options *o, Fault *f) {
    return fault(f, CODE_USAGE, "--player: nobody in the schedule is named '%s'", o->player ? o->player : "");
}
