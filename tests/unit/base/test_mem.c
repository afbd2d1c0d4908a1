/* SPDX-License-Identifier: MIT */
#include "base/mem.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include <criterion/criterion.h>

#include "turbo/error.h"

Test(mem, allocates)
{
    char *ptr = turbo__calloc(3, 5);
    for (size_t i = 0; i < 15; i++) {
        cr_assert_eq(ptr[i], 0);
    }
    ptr[14] = 'x';
    ptr = turbo__realloc(ptr, 1000);
    cr_assert_eq(ptr[14], 'x');
    turbo__free(ptr);
    turbo__free(NULL);
    ptr = turbo__alloc(0);
    cr_assert_not_null(ptr, "no bytes are no failure");
    turbo__free(ptr);
    /* The product overflows; volatile keeps the compiler from seeing it. */
    volatile size_t huge = SIZE_MAX / 2;
    cr_assert_null(turbo__calloc(huge, 3));
    cr_assert_str_eq(turbo_error_detail(), "out of memory");
}

Test(mem, copies_text)
{
    char *copy = turbo__strndup("abcdef", 3);
    cr_assert_str_eq(copy, "abc");
    turbo__free(copy);
    copy = turbo__strndup(NULL, 0);
    cr_assert_str_eq(copy, "");
    turbo__free(copy);
    cr_assert_null(turbo__strndup("a", SIZE_MAX));
}

Test(mem, checks_sums_and_products)
{
    size_t out = 7;
    cr_assert(turbo__size_add(SIZE_MAX - 1, 1, &out));
    cr_assert_eq(out, SIZE_MAX);
    cr_assert_not(turbo__size_add(SIZE_MAX, 1, &out));
    cr_assert(turbo__size_mul(SIZE_MAX, 1, &out));
    cr_assert_eq(out, SIZE_MAX);
    cr_assert(turbo__size_mul(SIZE_MAX, 0, &out));
    cr_assert_eq(out, 0);
    cr_assert_not(turbo__size_mul(SIZE_MAX / 2 + 1, 2, &out));
}

Test(mem, fails_the_nth_allocation_only)
{
    void *parts[4];
    (void)turbo__mem_fail_nth(2);
    parts[0] = turbo__alloc(1);
    parts[1] = turbo__alloc(1);
    parts[2] = turbo__calloc(1, 1);
    parts[3] = turbo__realloc(NULL, 1);
    cr_assert_not_null(parts[0]);
    cr_assert_null(parts[1]);
    cr_assert_not_null(parts[2]);
    cr_assert_not_null(parts[3]);
    cr_assert_eq(turbo__mem_fail_nth(1), 4);
    cr_assert_null(turbo__realloc(parts[0], 100));
    *(char *)parts[0] = 'x'; /* still ours */
    cr_assert_eq(turbo__mem_fail_nth(ULONG_MAX), 1);
    turbo__free(turbo__alloc(1));
    cr_assert_eq(turbo__mem_fail_nth(0), 1);
    for (size_t i = 0; i < 4; i++) {
        turbo__free(parts[i]);
    }
}
