/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/error.h"

Test(arena, hands_out_aligned_memory_that_does_not_overlap)
{
    turbo__arena arena;
    unsigned char *parts[600];
    turbo__arena_init(&arena);
    for (size_t i = 0; i < 600; i++) {
        parts[i] = turbo__arena_alloc(&arena, i);
        cr_assert_not_null(parts[i]);
        cr_assert_eq((uintptr_t)parts[i] % alignof(max_align_t), 0);
        memset(parts[i], (int)(i & 0xff), i);
    }
    for (size_t i = 0; i < 600; i++) {
        for (size_t n = 0; n < i; n++) {
            cr_assert_eq(parts[i][n], i & 0xff);
        }
    }
    turbo__arena_clear(&arena);
}

Test(arena, keeps_its_first_block_over_a_reset)
{
    turbo__arena arena;
    turbo__arena_init(&arena);
    turbo__arena_reset(&arena); /* empty: harmless */
    void *first = turbo__arena_alloc(&arena, 100);
    cr_assert_not_null(turbo__arena_alloc(&arena, 100000));
    turbo__arena_reset(&arena);
    (void)turbo__mem_fail_nth(1); /* the kept block needs no allocation */
    cr_assert_eq(turbo__arena_alloc(&arena, 100), first);
    cr_assert_eq(turbo__mem_fail_nth(0), 0);
    turbo__arena_clear(&arena);
    cr_assert_not_null(turbo__arena_alloc(&arena, 1));
    turbo__arena_clear(&arena);
}

Test(arena, copies_text)
{
    turbo__arena arena;
    turbo__arena_init(&arena);
    char text[] = "text";
    turbo_str copy;
    cr_assert_eq(turbo__arena_copy(&arena, turbo_cstr(text), &copy), 0);
    text[0] = 'n';
    cr_assert(turbo_str_equal(copy, TURBO_STR("text")));
    turbo_str none = {NULL, 0};
    cr_assert_eq(turbo__arena_copy(&arena, none, &copy), 0);
    cr_assert_eq(copy.len, 0);
    turbo__arena_clear(&arena);
}

Test(arena, reports_want_of_memory)
{
    turbo__arena arena;
    turbo__arena_init(&arena);
    turbo_str copy = {"old", 3};
    (void)turbo__mem_fail_nth(1);
    cr_assert_eq(turbo__arena_copy(&arena, TURBO_STR("text"), &copy), TURBO_ENOMEM);
    cr_assert(turbo_str_equal(copy, TURBO_STR("old")));
    (void)turbo__mem_fail_nth(0);
    cr_assert_not_null(turbo__arena_alloc(&arena, 4000));
    (void)turbo__mem_fail_nth(1);
    cr_assert_null(turbo__arena_alloc(&arena, 4000));
    (void)turbo__mem_fail_nth(0);
    cr_assert_not_null(turbo__arena_alloc(&arena, 4000));
    cr_assert_null(turbo__arena_alloc(&arena, SIZE_MAX));
    cr_assert_null(turbo__arena_alloc(&arena, SIZE_MAX - 15));
    turbo__arena_clear(&arena);
}
