/* SPDX-License-Identifier: MIT */
#ifndef TURBO__BASE_COMPAT_H
#define TURBO__BASE_COMPAT_H

/* The only place for compiler extensions. */

#if defined(__GNUC__) || defined(__clang__)
#define turbo__likely(x) __builtin_expect(!!(x), 1)
#define turbo__unlikely(x) __builtin_expect(!!(x), 0)
#define TURBO__THREAD_LOCAL __thread
#define TURBO__NOINLINE __attribute__((noinline))
#define TURBO__UNUSED __attribute__((unused))
/** The place of the lowest bit that is set; `x` is not 0. */
#define turbo__lowest_bit(x) ((unsigned)__builtin_ctz(x))
#else
#define turbo__likely(x) (x)
#define turbo__unlikely(x) (x)
#define TURBO__THREAD_LOCAL _Thread_local
#define TURBO__NOINLINE
#define TURBO__UNUSED
static inline unsigned turbo__lowest_bit(unsigned x)
{
    unsigned place = 0;
    while ((x >> place & 1U) == 0) {
        place++;
    }
    return place;
}
#endif

/** The struct of type `type` whose member `member` is at `ptr`. */
#define turbo__container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
