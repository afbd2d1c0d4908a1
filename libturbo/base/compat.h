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
#else
#define turbo__likely(x) (x)
#define turbo__unlikely(x) (x)
#define TURBO__THREAD_LOCAL _Thread_local
#define TURBO__NOINLINE
#define TURBO__UNUSED
#endif

/** The struct of type `type` whose member `member` is at `ptr`. */
#define turbo__container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
