/* SPDX-License-Identifier: MIT */
#ifndef TURBO__BASE_ATOMIC_H
#define TURBO__BASE_ATOMIC_H

/*
 * Atomics with the order spelled out in the name. The only file that includes <stdatomic.h>.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct turbo__atomic_u32 {
    _Atomic uint32_t v;
} turbo__atomic_u32;
typedef struct turbo__atomic_u64 {
    _Atomic uint64_t v;
} turbo__atomic_u64;
typedef struct turbo__atomic_ptr {
    _Atomic(void *) v;
} turbo__atomic_ptr;

#define TURBO__ATOMIC_OPS(suffix, type)                                                            \
    static inline type turbo__##suffix##_load_relaxed(const turbo__atomic_##suffix *a)             \
    {                                                                                              \
        return atomic_load_explicit(&a->v, memory_order_relaxed);                                  \
    }                                                                                              \
    static inline type turbo__##suffix##_load_acquire(const turbo__atomic_##suffix *a)             \
    {                                                                                              \
        return atomic_load_explicit(&a->v, memory_order_acquire);                                  \
    }                                                                                              \
    static inline void turbo__##suffix##_store_relaxed(turbo__atomic_##suffix *a, type value)      \
    {                                                                                              \
        atomic_store_explicit(&a->v, value, memory_order_relaxed);                                 \
    }                                                                                              \
    static inline void turbo__##suffix##_store_release(turbo__atomic_##suffix *a, type value)      \
    {                                                                                              \
        atomic_store_explicit(&a->v, value, memory_order_release);                                 \
    }                                                                                              \
    static inline type turbo__##suffix##_exchange_acq_rel(turbo__atomic_##suffix *a, type value)   \
    {                                                                                              \
        return atomic_exchange_explicit(&a->v, value, memory_order_acq_rel);                       \
    }                                                                                              \
    static inline type turbo__##suffix##_exchange_seq_cst(turbo__atomic_##suffix *a, type value)   \
    {                                                                                              \
        return atomic_exchange_explicit(&a->v, value, memory_order_seq_cst);                       \
    }                                                                                              \
    static inline bool turbo__##suffix##_cas_acq_rel(turbo__atomic_##suffix *a, type *expected,    \
                                                     type desired)                                 \
    {                                                                                              \
        return atomic_compare_exchange_strong_explicit(                                            \
            &a->v, expected, desired, memory_order_acq_rel, memory_order_acquire);                 \
    }                                                                                              \
    static inline bool turbo__##suffix##_cas_seq_cst(turbo__atomic_##suffix *a, type *expected,    \
                                                     type desired)                                 \
    {                                                                                              \
        return atomic_compare_exchange_strong_explicit(                                            \
            &a->v, expected, desired, memory_order_seq_cst, memory_order_acquire);                 \
    }                                                                                              \
    static inline type turbo__##suffix##_load_seq_cst(const turbo__atomic_##suffix *a)             \
    {                                                                                              \
        return atomic_load_explicit(&a->v, memory_order_seq_cst);                                  \
    }

TURBO__ATOMIC_OPS(u32, uint32_t)
TURBO__ATOMIC_OPS(u64, uint64_t)
TURBO__ATOMIC_OPS(ptr, void *)

/** Adds and returns the value before. */
static inline uint32_t turbo__u32_add_acq_rel(turbo__atomic_u32 *a, uint32_t n)
{
    return atomic_fetch_add_explicit(&a->v, n, memory_order_acq_rel);
}

/** Subtracts and returns the value before. */
static inline uint32_t turbo__u32_sub_acq_rel(turbo__atomic_u32 *a, uint32_t n)
{
    return atomic_fetch_sub_explicit(&a->v, n, memory_order_acq_rel);
}

/** Adds to a counter that only its owner writes and anybody may read. */
static inline void turbo__u64_bump(turbo__atomic_u64 *a, uint64_t n)
{
    atomic_store_explicit(&a->v, atomic_load_explicit(&a->v, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

#endif
