/* SPDX-License-Identifier: MIT */
#include "codec/fields.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/error.h"

static turbo__arena arena;

static void add(turbo__fields *fields, const char *name, const char *value)
{
    cr_assert_eq(turbo__fields_add(fields, &arena, turbo_cstr(name), turbo_cstr(value)), 0);
}

Test(fields, keep_order_and_duplicates)
{
    turbo__fields fields = {NULL, 0, 0};
    char values[100][4];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(values[i], sizeof(values[i]), "%d", i);
        add(&fields, i % 2 == 0 ? "Even" : "odd", values[i]);
    }
    cr_assert_eq(fields.count, 100);
    for (int i = 0; i < 100; i++) {
        cr_assert(turbo_str_equal(fields.items[i].value, turbo_cstr(values[i])));
    }
    cr_assert_eq(turbo__fields_find(&fields, TURBO_STR("eVEN")), &fields.items[0]);
    cr_assert_eq(turbo__fields_find(&fields, TURBO_STR("Odd")), &fields.items[1]);
    cr_assert_null(turbo__fields_find(&fields, TURBO_STR("od")));
    turbo__fields_remove(&fields, TURBO_STR("EVEN"));
    cr_assert_eq(fields.count, 50);
    for (size_t i = 0; i < 50; i++) {
        cr_assert(turbo_str_equal(fields.items[i].value, turbo_cstr(values[2 * i + 1])));
    }
    turbo__fields_remove(&fields, TURBO_STR("none"));
    cr_assert_eq(fields.count, 50);
    turbo__arena_clear(&arena);
}

Test(fields, are_unchanged_when_memory_runs_out)
{
    turbo__fields fields = {NULL, 0, 0};
    (void)turbo__mem_fail_nth(1);
    cr_assert_eq(turbo__fields_add(&fields, &arena, TURBO_STR("a"), TURBO_STR("b")), TURBO_ENOMEM);
    cr_assert_eq(fields.count, 0);
    (void)turbo__mem_fail_nth(0);
    unsigned long nth = 1;
    int failures = 0;
    for (size_t want = 1; want <= 1000;) {
        (void)turbo__mem_fail_nth(nth);
        int rc = turbo__fields_add(&fields, &arena, TURBO_STR("a"), TURBO_STR("b"));
        (void)turbo__mem_fail_nth(0);
        if (rc == 0) {
            cr_assert_eq(fields.count, want++);
        } else {
            failures++;
            cr_assert_eq(rc, TURBO_ENOMEM);
            cr_assert_eq(fields.count, want - 1);
            add(&fields, "a", "b");
            want++;
        }
    }
    cr_assert_gt(failures, 0);
    turbo__arena_clear(&arena);
}

/* RFC 9110 §5.6.2 */
Test(fields, names_are_tokens)
{
    static const char tchars[] = "!#$%&'*+-.^_`|~0123456789"
                                 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int c = 0; c < 256; c++) {
        char text[] = {'a', (char)c, 'b'};
        turbo_str name = {text, sizeof(text)};
        bool expected = c != 0 && strchr(tchars, c) != NULL;
        cr_assert_eq(turbo__field_name_valid(name), expected, "byte %d", c);
    }
    cr_assert_not(turbo__field_name_valid(TURBO_STR("")));
}

/* RFC 9110 §5.5; bytes from 0x80 are obs-text. */
Test(fields, values_have_no_control_characters)
{
    for (int c = 0; c < 256; c++) {
        char text[] = {'a', (char)c, 'b'};
        turbo_str value = {text, sizeof(text)};
        bool expected = c == '\t' || (c >= 0x20 && c != 0x7f);
        cr_assert_eq(turbo__field_value_valid(value), expected, "byte %d", c);
    }
    cr_assert(turbo__field_value_valid(TURBO_STR("")));
}
