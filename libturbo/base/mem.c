/* SPDX-License-Identifier: MIT */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "base/compat.h"
#include "base/error.h"

static turbo__atomic_u64 fail_at;
static turbo__atomic_u64 made;

static bool must_fail(void)
{
    uint64_t at = turbo__u64_load_relaxed(&fail_at);
    if (turbo__likely(at == 0)) {
        return false;
    }
    return atomic_fetch_add_explicit(&made.v, 1, memory_order_relaxed) + 1 == at;
}

static void *checked(void *ptr)
{
    if (turbo__unlikely(ptr == NULL)) {
        (void)turbo__error_set(TURBO_ENOMEM, "out of memory"); /* the caller returns the code */
    }
    return ptr;
}

void *turbo__alloc(size_t size)
{
    return checked(must_fail() ? NULL : malloc(size > 0 ? size : 1));
}

void *turbo__calloc(size_t count, size_t size)
{
    size_t total; /* not left to calloc(): some allocators end the process instead */
    if (!turbo__size_mul(count, size, &total)) {
        return checked(NULL);
    }
    return checked(must_fail() ? NULL : calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *turbo__realloc(void *ptr, size_t size)
{
    return checked(must_fail() ? NULL : realloc(ptr, size > 0 ? size : 1));
}

void turbo__free(void *ptr)
{
    free(ptr);
}

char *turbo__strndup(const char *text, size_t len)
{
    char *copy = len < SIZE_MAX ? turbo__alloc(len + 1) : NULL;
    if (copy == NULL) {
        return NULL;
    }
    if (len > 0) {
        memcpy(copy, text, len);
    }
    copy[len] = '\0';
    return copy;
}

bool turbo__size_add(size_t a, size_t b, size_t *sum)
{
    if (b > SIZE_MAX - a) {
        return false;
    }
    *sum = a + b;
    return true;
}

bool turbo__size_mul(size_t a, size_t b, size_t *product)
{
    if (b != 0 && a > SIZE_MAX / b) {
        return false;
    }
    *product = a * b;
    return true;
}

unsigned long turbo__mem_fail_nth(unsigned long n)
{
    uint64_t count = turbo__u64_exchange_acq_rel(&made, 0);
    turbo__u64_store_release(&fail_at, n);
    return (unsigned long)count;
}
