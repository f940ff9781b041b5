/* One loop, compiled for several instruction sets: TARGET_* before a function names the set, and the
 * compiler's vectoriser does the rest. EACH_ISA(M, ...) writes M once for each variant; kern/isa.c says which
 * one this CPU runs.
 *
 * SIMD before a loop promises that no iteration depends on another, so that a kernel may work in place. */
#pragma once

#if defined(__x86_64__)
#define TARGET_BASE
#define TARGET_AVX2 __attribute__((target("avx2,fma")))
#define TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#else
#define TARGET_BASE
#define TARGET_AVX2
#define TARGET_AVX512
#endif

#define EACH_ISA(M, ...) M(BASE, __VA_ARGS__) M(AVX2, __VA_ARGS__) M(AVX512, __VA_ARGS__)
#define SIMD _Pragma("omp simd")
#define INLINE static inline __attribute__((always_inline))
