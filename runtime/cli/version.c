/* `graphrun version`: the program, its libraries, and what of this CPU it uses. */
#include "cli/cli.h"

#include "kern/kern.h"

#include <jansson.h>
#include <stdlib.h>

const char *program_version(void) { return GRAPHRUN_VERSION; }
const char *program_revision(void) { return GRAPHRUN_REVISION; }

static int run(const Options *o, int n, char **operand) {
    (void)n, (void)operand;
    if (!o->json) {
        printf("graphrun %s (%s)\nlibraries: %s\ninstructions: %s\ncores: %d\n", GRAPHRUN_VERSION,
               GRAPHRUN_REVISION, kern_libraries(), isa_name(), par_cores());
        return CODE_DONE;
    }
    json_t *v =
        json_pack("{s:s, s:s, s:s, s:s, s:i}", "version", GRAPHRUN_VERSION, "revision", GRAPHRUN_REVISION,
                  "libraries", kern_libraries(), "instructions", isa_name(), "cores", par_cores());
    json_dumpf(v, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(v);
    return CODE_DONE;
}

static const char *const examples[] = {"graphrun version", "graphrun version --json", NULL};
static const Option options[] = {OPTION_JSON, OPTIONS_END};
const Verb verb_version = {
    "version", "", "version, revision, libraries, CPU features in use", examples, options, 0, 0, run};
