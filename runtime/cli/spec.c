/* A spec, compiled: the one place where a compile is guarded against running out of memory and its messages
 * printed. */
#include "cli/cli.h"

#include "kern/kern.h"

#include <string.h>

SpecChanges spec_changes(const Options *o) {
    return (SpecChanges){.npreset = o->preset.n, .preset = o->preset.at, .nset = o->set.n, .set = o->set.at};
}

static CompileOptions compile_options(const Options *o) {
    return (CompileOptions){.changes = spec_changes(o),
                            .expression = o->expression,
                            .expression_kind = o->kind,
                            .steps = o->steps};
}

/* What is wrong is the data, unless the spec is wrong too. */
static int code_of(const Diags *d) {
    bool spec = false, data = false;
    for (const Diag *e = d->first; e; e = e->next) {
        data = data || e->level == DIAG_DATA;
        spec = spec || e->level == DIAG_ERROR;
    }
    return spec ? CODE_SPEC : data ? CODE_DATA : d->errors ? CODE_SPEC : CODE_DONE;
}

int spec_messages(Spec *s) {
    Diags *d = s->diags;
    int code = code_of(d);
    if (!s->options->quiet || code) diags_print(d, stderr, color_wanted(s->options));
    d->first = NULL;
    d->last = &d->first;
    d->errors = d->warnings = 0;
    return code;
}

int spec_fault(Spec *s, const Fault *f) {
    spec_messages(s);
    if (f->code) complain("%s", f->text);
    return f->code;
}

static Training *compile_guarded(Spec *s, const char *path, const CompileOptions *c) {
    jmp_buf give_up;
    jmp_buf *old = arena_escape(s->arena, &give_up);
    if (setjmp(give_up)) return NULL;
    s->diags = diags_new(s->arena);
    Training *t = compile(path, c, s->arena, s->diags);
    arena_escape(s->arena, old);
    return t;
}

static int open_once(Spec *s, const char *path, const CompileOptions *c, const Options *o) {
    *s = (Spec){.arena = arena_new(), .options = o};
    if (s->arena) s->t = compile_guarded(s, path, c);
    if (s->diags) {
        int code = spec_messages(s);
        if (s->t && !code) return CODE_DONE;
        spec_close(s);
        if (code) return code;
    }
    complain("%s: out of memory while compiling", path);
    spec_close(s);
    return CODE_FAILED;
}

/* `--steps` replaces the steps of a spec without stages. Of one with stages it is a total: only the trainer
 * stops. */
int spec_open(Spec *s, const char *path, const Options *o) {
    CompileOptions c = compile_options(o);
    int code = open_once(s, path, &c, o);
    if (code || !c.steps || s->t->nstage < 2) return code;
    spec_close(s);
    c.steps = 0;
    return open_once(s, path, &c, o);
}

int spec_open_data(Spec *s, const char *name, const char *text, const Options *o) {
    return open_once(s, name, &(CompileOptions){.data = text}, o);
}

bool names_a_spec(const char *word) {
    size_t n = strlen(word);
    return strchr(word, '/') || (n > 5 && !strcmp(word + n - 5, ".yaml")) || !strcmp(word, "-");
}

void spec_close(Spec *s) {
    if (s->t) compile_close(s->t);
    arena_free(s->arena);
    *s = (Spec){0};
}

Machine *spec_machine(Spec *s, const Options *o, bool plays, Fault *f) {
    MachineOptions options = machine_defaults();
    options.precision = s->t->precision == BF16 && !plays ? FP32 : s->t->precision;
    options.seed = (uint64_t)o->seed;
    options.threads = (int)o->threads;
    if (options.precision == BF16 && bf16_here() == BF16_VECTORS)
        say(o, "note: this CPU has bf16 but no AMX; such CPUs may be faster in fp32: compare with graphrun bench --precision fp32");
    Machine *m = machine_new(s->t, &options, f);
    if (m && machine_prepare(m, f) && machine_load(m, f)) return m;
    machine_free(m);
    return NULL;
}
