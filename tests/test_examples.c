/* Every function and update rule of the prelude has documentation and an example. Each example is built into a spec,
 * played by the float program, compared with the double references, and differentiated twice by its inputs: the
 * normal(...) of an example are parameters here. */
#include "world.h"
#include "base/vec.h"
#include "train/gradcheck.h"

/* What an example may name beside the prelude: `normal` is the spec's own, networks and a player stand ready. */
static const char *const world =
    "functions:\n"
    "  normal(a, b=[], c=[], d=[], e=[]): \"parameter(shape(zeros(a, b, c, d, e)), normal_init(0.8))\"\n"
    "  bent(v): mean(sqrt(1 + (v - 0.3)^2))\n"
    "networks:\n"
    "  critic(x): [{dense: 4}, tanh, {dense: 1}]\n";

typedef struct {
    const DocEntry *entry;
    bool rule;
} Case;

static const char *text_of(const Doc *d, const char *key) {
    const Doc *v = d->kind == DOC_MAP ? doc_get(d, key) : NULL;
    return v && v->kind == DOC_SCALAR && v->length ? v->text : NULL;
}

static char *quoted(Arena *a, const char *expression) {
    Str s = {.arena = a};
    for (const char *p = expression; *p; p++) str_printf(&s, "%s%c", *p == '"' || *p == '\\' ? "\\" : "", *p);
    return arena_printf(a, "\"%s\"", s.text);
}

/* A rule descends a curved loss; what only happens after a turn is a player's hook; all else is a value, bent, so that
 * its gradient's gradient is not zero. */
static char *spec_of(Arena *a, const Case *c, const char *example) {
    const Doc *body = c->entry->value;
    bool hook = !c->rule && doc_get(body, "after") && !doc_get(body, "return");
    const char *value = c->rule || hook ? "mean(critic(normal(2, 3)))" : example;
    Str s = {.arena = a};
    str_add(&s, world);
    str_printf(&s, "  example():\n    base: parameter([1], 1)\n    value: %s\n"
               "    return: bent(value) + sum(base^2)/2 + mean(critic(ones(2, 3))^2)\n",
               quoted(a, value));
    return arena_printf(a,
                        "%sschedule: {steps: 4, each: [player]}\nplayers:\n  player:\n    moves: example\n    minimize: example()\n    optimizer: %s\n%s%s%s",
                        s.text, c->rule ? quoted(a, example) : "sgd(0.01)", hook ? "    after: " : "",
                        hook ? quoted(a, example) : "", hook ? "\n" : "");
}

static void fails(const Case *c, const char *spec, const char *what) {
    print_error("%s: %s\n%s\n", c->entry->key, what, spec ? spec : "");
    fail();
}

static Training *compiled(Arena *a, const Case *c, const char *spec) {
    Training *t = compile_text(spec, a);
    if (!t) fails(c, spec, "its example does not compile");
    return t;
}

static void example_stands(void **state) {
    const Case *c = *state;
    const Doc *body = c->entry->value;
    const char *doc = text_of(body, "doc"), *example = text_of(body, "example");
    if (!doc || doc[strlen(doc) - 1] != '.') fails(c, NULL, "no sentence in 'doc'");
    if (!example) fails(c, NULL, "no 'example'");
    Arena *a = arena_new();
    const char *spec = spec_of(a, c, example);
    Training *t = compiled(a, c, spec);
    GradReport report = {0};
    Fault fault = {0};
    if (!gradcheck(t, 3, a, &report, &fault)) fails(c, spec, fault.text);
    for (int i = 0; i < report.grad.n; i++) {
        const GradRow *r = &report.grad.at[i];
        if (r->first >= gradcheck_tolerance || r->second >= gradcheck_tolerance)
            print_error("%s: %g at order 1, %g at order 2\n", r->parameter, r->first, r->second);
    }
    for (int i = 0; i < report.turn.n; i++) {
        const TurnRow *r = &report.turn.at[i];
        if (r->error > r->bound) print_error("%s: differs by %g, not below %g\n", r->what, r->error, r->bound);
    }
    if (report.worst >= gradcheck_tolerance) fails(c, spec, "its gradient is wrong");
    if (!report.agrees) fails(c, spec, "the program computes something else");
    compile_close(t);
    arena_free(a);
}

int main(void) {
    static const char *const sections[] = {"functions", "optimizers", NULL};
    Arena *a = arena_new();
    size_t size;
    const char *text = prelude_source(&size);
    const Doc *prelude = doc_parse("prelude", text, size, diags_new(a));
    VEC(struct CMUnitTest) test = {0};
    for (const char *const *s = sections; *s; s++) {
        const Doc *section = doc_get(prelude, *s);
        for (int i = 0; i < section->n; i++) {
            Case *c = ARENA_NEW(a, Case);
            *c = (Case){&section->entry[i], s != sections};
            const char *key = section->entry[i].key;
            struct CMUnitTest one = {arena_strndup(a, key, strcspn(key, "(")), example_stands, NULL, NULL, c};
            vec_push(a, &test, one);
        }
    }
    int failed = _cmocka_run_group_tests("examples", test.at, (size_t)test.n, NULL, NULL);
    arena_free(a);
    return failed;
}
