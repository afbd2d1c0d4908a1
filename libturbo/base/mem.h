/* SPDX-License-Identifier: MIT */
#ifndef TURBO__BASE_MEM_H
#define TURBO__BASE_MEM_H

/*
 * All heap allocation of the library goes through here, so that tests can make any single one fail.
 * Every function may be called on any thread.
 */

#include <stdbool.h>
#include <stddef.h>

/** `size` bytes, not zeroed; NULL when out of memory (the detail message is set). */
void *turbo__alloc(size_t size);

/** `count * size` zeroed bytes; NULL when out of memory or when the product overflows. */
void *turbo__calloc(size_t count, size_t size);

/** Resizes; NULL when out of memory, `ptr` stays valid then. */
void *turbo__realloc(void *ptr, size_t size);

/** NULL is ignored. */
void turbo__free(void *ptr);

/** A NUL-terminated copy of `len` bytes. */
char *turbo__strndup(const char *text, size_t len);

/** `*sum = a + b`; false on overflow. */
bool turbo__size_add(size_t a, size_t b, size_t *sum);

/** `*product = a * b`; false on overflow. */
bool turbo__size_mul(size_t a, size_t b, size_t *product);

/** Test hook: the `n`-th allocation from now (1 = the next) fails, all threads counted together,
 * and every later one works again. 0 turns it off, and counting with it. Returns how many
 * allocations were made since the last call. */
unsigned long turbo__mem_fail_nth(unsigned long n);

#endif
