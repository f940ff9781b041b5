/* Which compiled variant of our own loops runs here, and what libraries stand beside them. The two libraries choose
 * their own code by the CPU; their choice is part of kern_libraries(), since the bits of a run depend on it. */
#include "kern/kern.h"
#include "ir/ir.h"

#include <cblas.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#undef I                                              /* cblas.h brings in complex.h */

static const char *const names[ISAS] = {"base", "avx2", "avx512"};

static int detect(void) {
    int level = ISA_BASE;
#ifdef __x86_64__
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) level = ISA_AVX2;
    if (level == ISA_AVX2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        level = ISA_AVX512;
#endif
    const char *cap = getenv("GRAPHRUN_ISA");
    for (int i = 0; cap && i < level; i++)
        if (!strcmp(cap, names[i])) level = i;
    return level;
}

bool isa_known(const char *name) {
    for (int i = 0; i < ISAS; i++)
        if (!strcmp(name, names[i])) return true;
    return false;
}

int isa_level(void) {
    static _Atomic int known = -1;
    int level = atomic_load_explicit(&known, memory_order_relaxed);
    if (level < 0) atomic_store_explicit(&known, level = detect(), memory_order_relaxed);
    return level;
}

const char *isa_name(void) { return names[isa_level()]; }

const char *blas_core(void) { return openblas_get_corename(); }

int blas_core_isa(const char *core) {
    static const struct {
        const char *core;
        int isa;
    } known[] = {{"Haswell", ISA_AVX2},     {"Zen", ISA_AVX2},          {"Excavator", ISA_AVX2},
                 {"SkylakeX", ISA_AVX512}, {"Cooperlake", ISA_AVX512}, {"Sapphirerapids", ISA_AVX512}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcasecmp(core, known[i].core)) return known[i].isa;
    return ISA_BASE;
}

const char *blas_core_for(int isa) {
    static const char *const core[ISAS] = {[ISA_AVX2] = "Haswell", [ISA_AVX512] = "SkylakeX"};
    return core[isa];
}

static const char *dnnl_isa(void) {
    switch ((int)dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41: return "sse41";
    case dnnl_cpu_isa_avx: return "avx";
    case dnnl_cpu_isa_avx2: return "avx2";
    case dnnl_cpu_isa_avx2_vnni: return "avx2_vnni";
    case dnnl_cpu_isa_avx512_core: return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni: return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16: return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx: return "avx512_core_amx";
    default: return "generic";
    }
}

Bf16 bf16_here(void) {
    const int isa = (int)dnnl_get_effective_cpu_isa(), vectors = dnnl_cpu_isa_avx512_core_bf16, tiles = dnnl_cpu_isa_avx512_core_amx;
    return (isa & tiles) == tiles ? BF16_TILES : (isa & vectors) == vectors ? BF16_VECTORS : BF16_NONE;
}

char *kern_libraries(void) {
    static char text[160];
    const char *config = openblas_get_config();       /* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..." */
    const char *number = strchr(config, ' ');
    int length = number ? (int)(number - config + 1 + (long)strcspn(number + 1, " ")) : (int)strlen(config);
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "%.*s %s, oneDNN %d.%d.%d %s", length, config, blas_core(), v->major,
             v->minor, v->patch, dnnl_isa());
    return text;
}
