/* What one stage of a schedule takes from elsewhere (`load`) and holds still (`freeze`): networks by name, or patterns over
 * the names of parameters and running values. What it leaves behind is plain data: slots.
 */
#include "parser/value.h"

#include "train/checkpoint.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_slot(Eval *e, SlotList *out, int slot) {
    for (int i = 0; i < out->n; i++)
        if (out->at[i] == slot) return;
    vec_push(e->arena, out, slot);
}

/* A network's parameters and running values, those of the networks that it calls included. */
static void add_network(Eval *e, SlotList *out, const Def *d, int depth) {
    for (int i = 0; i < d->slots.n; i++) add_slot(e, out, d->slots.at[i]);
    for (int i = 0; i < d->states.n; i++) add_slot(e, out, d->states.at[i]);
    for (int i = 0; depth < 64 && i < d->nested.n; i++) add_network(e, out, d->nested.at[i], depth + 1);
}

/* The slots that a name of `load` or `freeze` means; none: reported. */
static SlotList slots_named(Eval *e, const char *key, const char *name, Loc loc) {
    SlotList all = {0}, out = {0};
    Nearest near = nearest_to(name);
    for (int i = 0; i < e->spec->defs.n; i++) {
        const Def *d = e->spec->defs.at[i];
        if (d->kind != DEF_NETWORK) continue;
        nearest_add(&near, d->name);
        add_network(e, strcmp(d->name, name) ? &all : &out, d, 0);
        if (strcmp(d->name, name)) continue;
        if (!out.n && d->called && !e->shaping) diag_error(e->diags, loc, "'%s': the network '%s' has neither parameters nor running values", key, name);
        if (!d->called && !e->shaping) diag_error(e->diags, loc, "'%s': the network '%s' is called nowhere", key, name);
        return out;
    }
    for (int i = 0; i < all.n; i++) {
        const char *full = e->t->slots->all.at[all.at[i]].name, *inner = strchr(full, '/');
        nearest_add(&near, full);
        if (name_matches(name, full) || (inner && name_matches(name, inner + 1))) add_slot(e, &out, all.at[i]);
    }
    if (!out.n && !e->shaping)
        diag_error(e->diags, loc, "'%s': '%s' is no network, nor a pattern of a parameter or running value%s", key, name,
                   nearest_hint(e->arena, &near));
    return out;
}

/* ---- freeze ----------------------------------------------------------------------------------------------------------- */

SlotList freeze_from_doc(Eval *e, const Doc *d, Stage *s) {
    SlotList out = {0};
    int n = !d ? 0 : d->kind == DOC_LIST ? d->n : 1;
    s->freeze = ARENA_ARRAY(e->arena, const char *, n + 1);
    for (int i = 0; i < n; i++) {
        const Doc *item = d->kind == DOC_LIST ? d->item[i] : d;
        if (item->kind != DOC_SCALAR) {
            diag_error(e->diags, item->loc, "'freeze' is a network or a pattern, or a list of them: freeze: [encoder, 'head/*']");
            continue;
        }
        s->freeze[s->nfreeze++] = item->text;
        SlotList one = slots_named(e, "freeze", item->text, item->loc);
        for (int k = 0; k < one.n; k++) add_slot(e, &out, one.at[k]);
    }
    return out;
}

bool is_frozen(const Eval *e, int slot) {
    for (int i = 0; i < e->frozen.n; i++)
        if (e->frozen.at[i] == slot) return true;
    return false;
}

/* ---- load ------------------------------------------------------------------------------------------------------------- */

/* As data are found: in the working directory, else in GRAPHRUN_DATA. NULL: in neither. */
static const char *find_file(Eval *e, const char *path) {
    const char *data = getenv("GRAPHRUN_DATA");
    if (!access(path, F_OK)) return path;
    if (*path == '/' || !data || !*data) return NULL;
    const char *there = arena_printf(e->arena, "%s/%s", data, path);
    return access(there, F_OK) ? NULL : there;
}

static void load_from_stage(Eval *e, int here, int from, const Doc *d, Load *out) {
    if (from < here) out->stage = from;
    else
        diag_error(e->diags, d->loc, from == here ? "the stage '%s' cannot load its own end" : "the stage '%s' comes later: a stage loads the end of an earlier one, or a file", d->text);
}

static void load_from_file(Eval *e, const Doc *d, Load *out) {
    Fault f = {0};
    out->path = find_file(e, d->text);
    if (!out->path) {
        Nearest near = nearest_to(d->text);
        for (int i = 0; i < e->t->nstage; i++) nearest_add(&near, e->t->stage[i].name);
        bool file = strchr(d->text, '/') || strchr(d->text, '.');
        if (file) diag_data(e->diags, d->loc, "%s: there is no such file, here or in GRAPHRUN_DATA", d->text);
        else diag_error(e->diags, d->loc, "there is no stage '%s', and no file of that name%s", d->text, nearest_hint(e->arena, &near));
    } else if (!e->shaping && out->nslot && !checkpoint_fits(out->path, e->t->slots, out->nslot, out->slot, &f)) {
        diag_data(e->diags, d->loc, "%s", f.text);
    }
}

static void mark_loaded(Eval *e, const Load *l) {
    for (int i = 0; i < e->spec->defs.n; i++) {
        Def *d = e->spec->defs.at[i];
        for (int k = 0; d->kind == DEF_NETWORK && k < d->slots.n; k++)
            for (int s = 0; s < l->nslot; s++) d->loaded |= l->path && l->slot[s] == d->slots.at[k];
    }
}

void load_from_doc(Eval *e, const Doc *d, Stage *s) {
    if (!d) return;
    if (d->kind != DOC_MAP) {
        diag_error(e->diags, d->loc, "'load' is a mapping from networks or patterns to a stage or a file: {encoder: 'pretrain'}");
        return;
    }
    s->load = ARENA_ARRAY(e->arena, Load, d->n);
    for (int i = 0; i < d->n; i++) {
        const DocEntry *k = &d->entry[i];
        if (k->value->kind != DOC_SCALAR) {
            diag_error(e->diags, k->value->loc, "'load' takes a stage's name or a file, a checkpoint .safetensors");
            continue;
        }
        SlotList slots = slots_named(e, "load", k->key, k->loc);
        Load *l = &s->load[s->nload++];
        *l = (Load){.name = k->key, .stage = -1, .nslot = slots.n, .slot = slots.at, .loc = k->loc};
        int from = 0;
        while (from < e->t->nstage && strcmp(e->t->stage[from].name, k->value->text)) from++;
        if (from < e->t->nstage && *k->value->text) load_from_stage(e, (int)(s - e->t->stage), from, k->value, l);
        else load_from_file(e, k->value, l);
        mark_loaded(e, l);
    }
}

/* '@optimizer/PLAYER/PARAMETER/STATE' is of this parameter. */
static bool is_optimizer_of(const char *name, const char *parameter) {
    const char *owner = strchr(name, '/'), *p = owner ? strchr(owner + 1, '/') : NULL;
    size_t n = strlen(parameter);
    return p && !strncmp(p + 1, parameter, n) && p[1 + n] == '/' && !strchr(p + 2 + n, '/');
}

void loads_finish(Eval *e) {
    Training *t = e->t;
    for (int s = 0; s < t->nstage; s++)
        for (int i = 0; i < t->stage[s].nload; i++) {
            Load *l = &t->stage[s].load[i];
            SlotList all = {0};
            for (int k = 0; k < l->nslot; k++) vec_push(e->arena, &all, l->slot[k]);
            for (int o = 0; o < t->slots->all.n; o++)
                for (int k = 0; t->slots->all.at[o].kind == SLOT_OPTIMIZER && k < l->nslot; k++)
                    if (is_optimizer_of(t->slots->all.at[o].name, t->slots->all.at[l->slot[k]].name)) add_slot(e, &all, o);
            l->slot = all.at;
            l->nslot = all.n;
        }
}
