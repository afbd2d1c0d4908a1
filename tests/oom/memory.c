/* SPDX-License-Identifier: MIT */

/*
 * malloc and its kin for the whole process: what the executable defines, every library calls. Each
 * passes on to the real allocator, which under a sanitizer is the sanitizer's.
 */

#include "oom.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZER 1
#define REAL(name) __interceptor_##name
#else
#define SANITIZER 0
#define REAL(name) __libc_##name
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *ptr, size_t size);

/* Seen by the libraries. */
TURBO_API void *malloc(size_t size);
TURBO_API void *calloc(size_t count, size_t size);
TURBO_API void *realloc(void *ptr, size_t size);

static atomic_ulong fail_at;
static atomic_bool fail_all;
static atomic_ulong made;
/* Whether this thread's allocations neither count nor fail. A sanitizer allocates in each thread
 * before it runs what it was made for, and ends the process if that fails. */
static _Thread_local bool spared = SANITIZER;

/* Called before a sanitizer has begun its work: not to be instrumented. */
#define EARLY __attribute__((no_sanitize("thread")))

EARLY static bool must_fail(void)
{
    unsigned long at = atomic_load_explicit(&fail_at, memory_order_relaxed);
    if (at == 0 || spared) {
        return false;
    }
    unsigned long number = atomic_fetch_add_explicit(&made, 1, memory_order_relaxed) + 1;
    bool all = atomic_load_explicit(&fail_all, memory_order_relaxed);
    if (number < at || (number > at && !all)) {
        return false;
    }
    errno = ENOMEM;
    return true;
}

EARLY void *malloc(size_t size)
{
    return must_fail() ? NULL : REAL(malloc)(size);
}

EARLY void *calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : REAL(calloc)(count, size);
}

EARLY void *realloc(void *ptr, size_t size)
{
    return must_fail() ? NULL : REAL(realloc)(ptr, size);
}

unsigned long oom_process_fail_nth(unsigned long n, bool all)
{
    spared = false; /* the main thread */
    unsigned long count = atomic_exchange(&made, 0);
    atomic_store(&fail_all, all);
    atomic_store(&fail_at, n);
    return count;
}

#if SANITIZER

int REAL(pthread_create)(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *),
                         void *arg);
TURBO_API int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                             void *(*fn)(void *), void *arg);

typedef struct thread_start {
    void *(*fn)(void *);
    void *arg;
} thread_start;

static void *run_thread(void *arg)
{
    thread_start start = *(thread_start *)arg;
    free(arg);
    spared = false;
    void *result = start.fn(start.arg);
    spared = true;
    return result;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *),
                   void *arg)
{
    thread_start *start = REAL(malloc)(sizeof(*start));
    if (start == NULL) {
        return EAGAIN;
    }
    *start = (thread_start){fn, arg};
    int rc = REAL(pthread_create)(thread, attributes, run_thread, start);
    if (rc != 0) {
        free(start);
    }
    return rc;
}

#endif
