/* `graphrun gradcheck SPEC`: are the gradients right, first and second order, and does the program compute them? */
#include "cli/cli.h"

#include "train/gradcheck.h"

static int run(const Options *o, int n, char **operand) {
    (void)n;
    Spec s;
    Fault f = {0};
    int code = spec_open(&s, operand[0], o);
    if (code) return code;
    if (s.t->precision) say(o, "note: 'precision: %s' is left aside: gradients are checked in double, programs in fp32", precision_name(s.t));
    code = gradcheck_run(s.t, (uint64_t)o->seed, stdout, o->json, &f);
    if (f.code) code = spec_fault(&s, &f);
    spec_close(&s);
    return code;
}

static const char *const examples[] = {"graphrun gradcheck models/wgan_gp_poly.yaml --preset tiny",
                                       "graphrun gradcheck --json models/ring8.yaml", NULL};
static const Option options[] = {OPTIONS_SPEC, OPTION_SEED, OPTION_JSON, OPTION_QUIET("no messages"),
                                 OPTIONS_END};
const Verb verb_gradcheck = {"gradcheck", "SPEC", "compares gradients with finite differences in double; exit 1 where they differ",
                             examples, options, 1, 1, run};
