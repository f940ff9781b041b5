/* Signals are only noted; the trainer looks at them after each turn. */
#pragma once
#include <stdbool.h>

void signals_install(void);                           /* INT, TERM, USR1 are noted; HUP and PIPE are ignored */
int signals_stop(void);                               /* SIGINT or SIGTERM, once one came; else 0 */
bool signals_sample(void);                            /* whether SIGUSR1 came since the last call */
_Noreturn void signals_die(int number);               /* ends the process as that signal does by default */
