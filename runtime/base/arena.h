/* Arena: a bump allocator with one owner. Everything a compile makes lives in one arena and dies with it.
 *
 * arena_alloc never returns NULL. Out of memory jumps to the arena's escape (set by arena_guard), the one place
 * where a compile gives up; what the compile owns outside the arena must be released by a chained jump
 * (only parser/doc.c does that). Memory is zeroed and aligned to 16 bytes.
 * GRAPHRUN_FAIL_ALLOC=n, or arena_fail_after(n), makes the n-th block request from then on fail (tests/test_oom.c).
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Arena Arena;

Arena *arena_new(void);                               /* NULL when out of memory */
void arena_free(Arena *a);                            /* accepts NULL */
void arena_reset(Arena *a);                           /* all that is in it dies; its memory is kept for what comes */
void *arena_alloc(Arena *a, size_t size);             /* zeroed; never NULL */
void *arena_copy(Arena *a, const void *from, size_t size);
char *arena_strdup(Arena *a, const char *text);
char *arena_strndup(Arena *a, const char *text, size_t n);
char *arena_printf(Arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(Arena *a, const char *fmt, va_list ap);
size_t arena_used(const Arena *a);

/* The escape: `jmp_buf *old = arena_escape(a, &mine); if (setjmp(mine)) {...}`; put the old one back when done. */
jmp_buf *arena_escape(Arena *a, jmp_buf *to);
_Noreturn void arena_fail(Arena *a);                  /* gives up as an allocation failure would */

long arena_fail_after(long n);                        /* -1: none fails. Gives what was left to go; -1: it has failed */

#define ARENA_NEW(a, Type) ((Type *)arena_alloc((a), sizeof(Type)))
#define ARENA_ARRAY(a, Type, n) ((Type *)arena_alloc((a), arena_mul((a), sizeof(Type), (size_t)(n))))
size_t arena_mul(Arena *a, size_t x, size_t y);       /* x*y; gives up on overflow */
