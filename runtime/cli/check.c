/* `graphrun check SPEC...`: everything that can be known before data are read, and that the data are there. */
#include "cli/cli.h"

static int64_t parameters(const Training *t) {
    int64_t n = 0;
    for (int i = 0; i < t->slots->all.n; i++)
        if (t->slots->all.at[i].kind == SLOT_PARAM) n += shape_count(&t->slots->all.at[i].type.shape);
    return n;
}

static int check_one(const char *path, const Options *o) {
    Spec s;
    int code = spec_open(&s, path, o);
    if (!code && !indices_fit(s.t)) {
        code = spec_messages(&s);
        spec_close(&s);
    }
    if (code) {
        printf("%s: %s\n", path, code == CODE_DATA ? "data" : "wrong");
        return code;
    }
    printf("%s: ok, %d networks, %lld parameters, %d players, %d outputs\n", path, s.t->nnetwork,
           (long long)parameters(s.t), s.t->nplayer, s.t->noutput);
    spec_close(&s);
    return CODE_DONE;
}

static int run(const Options *o, int n, char **operand) {
    int worst = CODE_DONE;
    for (int i = 0; i < n; i++) {
        int code = check_one(operand[i], o);
        if (!worst || code == CODE_SPEC) worst = code ? code : worst;
    }
    return worst;
}

static const char *const examples[] = {"graphrun check models/*.yaml",
                                       "graphrun check --preset tiny models/ring8.yaml", NULL};
static const Option options[] = {
    OPTIONS_SPEC, OPTION_QUIET("no warnings"), OPTIONS_END};
const Verb verb_check = {
    "check",  "SPEC...", "finds every mistake of a spec that can be known before data are read",
    examples, options,   1,
    -1,       run};
