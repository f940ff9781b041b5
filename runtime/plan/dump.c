/* A Program as text, one instruction a line, the steps of a region under it. For people and for tests of
 * structure.
 *
 *   12  region   critic/conv_2  tasks 13
 *         x0 [128, 20, 20, 32]@4096  x1 'critic/conv_2/bias' period 32
 *         v2 = add x0 x1             v3 = max v2 x4 -> [128, 20, 20, 32]@4096
 */
#include "plan/plan.h"
#include "plan/region.h"

#include <inttypes.h>

static void show_tensor(const Tensor *t, FILE *to) {
    static const char *const letters[DTYPES] = {[F32] = "", [I32] = "int", [U8] = "bool"};
    fprintf(to, "%s[", letters[t->dtype]);
    for (int k = 0; k < t->shape.rank; k++) fprintf(to, "%s%" PRId64, k ? ", " : "", t->shape.dim[k]);
    fputs("]", to);
}

static void show_operand(const Operand *o, const Program *p, const Slots *slots, FILE *to) {
    show_tensor(&o->type, to);
    if (o->place == IN_WORKSPACE) {
        fprintf(to, "@%zu", o->offset);
    } else if (o->place == IN_SLOT) {
        fprintf(to, " '%s'", slots ? slots->all.at[o->slot].name : "?");
        if (o->offset) fprintf(to, "+%zu", o->offset);
    } else if (o->type.shape.rank == 0 && o->type.dtype == F32) {
        fprintf(to, " %.9g", (double)*(const float *)(const void *)(p->constants + o->offset));
    } else if (o->type.shape.rank == 0 && o->type.dtype == I32) {
        fprintf(to, " %" PRId32, *(const int32_t *)(const void *)(p->constants + o->offset));
    } else {
        fprintf(to, " constant %zu", o->offset);
    }
}

static void show_access(const Access *a, FILE *to) {
    if (a->offset) fprintf(to, " from %" PRId64, a->offset);
    if (a->kind == ACCESS_SCALAR) fputs(" scalar", to);
    if (a->kind == ACCESS_PERIOD) fprintf(to, " period %" PRId64, a->period);
    if (a->kind != ACCESS_GATHER) return;
    fputs(" strides", to);
    for (int k = 0; k < a->rank; k++)
        fprintf(to, "%s%" PRId64 ":%" PRId64, k ? ", " : " ", a->dim[k], a->stride[k]);
}

static void show_step(const Program *p, const Instr *i, const Region *r, const Step *s, const Slots *slots,
                      FILE *to) {
    int result = s->fold >= 0 ? s->out : r->value[s->out].result;
    if (s->fold >= 0)
        fprintf(to, "      r%d = %s", s->fold, s->op->name);
    else
        fprintf(to, "      v%d = %s", s->out, s->op ? s->op->name : "copy");
    for (int k = 0; k < s->nsrc; k++) fprintf(to, " %s%d", s->src[k] < r->nin ? "x" : "v", s->src[k]);
    for (int g = 0; g < r->nsegment && result >= 0; g++) {
        fputs(g ? " | " : " -> ", to);
        show_operand(&i->out[g * r->nout + result], p, slots, to);
    }
    if (s->path) fprintf(to, "    # %s", s->path);
    fputs("\n", to);
}

static void show_region(const Program *p, const Instr *i, const Slots *slots, FILE *to) {
    const Region *r = i->state;
    fprintf(to, "region  segments %d  tasks %d  buffers %d", r->nsegment, r->ntask, r->nbuffer);
    if (i->label) fprintf(to, "  %s", i->label);
    fputs("\n", to);
    for (int k = 0; k < r->nin; k++) {
        fprintf(to, "      x%d", k);
        for (int g = 0; g < r->nsegment; g++) {
            fputs(g ? " | " : " ", to);
            show_operand(&i->in[g * r->nin + k], p, slots, to);
            show_access(&r->segment[g].access[k], to);
        }
        fputs("\n", to);
    }
    for (int k = 0; k < r->nstep; k++) show_step(p, i, r, &r->step[k], slots, to);
}

static void show_kernel(const Program *p, const Instr *i, const Slots *slots, FILE *to) {
    fputs(i->op->name, to);
    for (int k = 0; k < i->nin; k++) fputs(k ? ", " : " ", to), show_operand(&i->in[k], p, slots, to);
    for (int k = 0; k < i->nout; k++) fputs(k ? ", " : " -> ", to), show_operand(&i->out[k], p, slots, to);
    if (i->scratch_size) fprintf(to, "  scratch %zu@%zu", i->scratch_size, i->scratch);
    if (i->label) fprintf(to, "  %s", i->label);
    fputs("\n", to);
}

void program_dump(const Program *p, const Slots *slots, FILE *to) {
    fprintf(to, "program '%s': %d instructions, workspace %zu bytes, %.6g flops\n", p->name, p->ninstr,
            p->workspace, p->flops);
    for (int k = 0; k < p->ninstr; k++) {
        if (p->instr[k].body) {
            fprintf(to, "%" PRId64 " times: ", p->instr[k].rounds);
            program_dump(p->instr[k].body, NULL, to);
        }
        fprintf(to, "%4d  ", k);
        if (p->instr[k].op)
            show_kernel(p, &p->instr[k], slots, to);
        else
            show_region(p, &p->instr[k], slots, to);
    }
    for (int k = 0; k < p->nresult; k++) {
        fprintf(to, "result %s: ", p->result[k].name ? p->result[k].name : "");
        show_operand(&p->result[k].at, p, slots, to);
        fputs("\n", to);
    }
}
