/* SPDX-License-Identifier: MIT */
#include "base/options.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "turbo/error.h"

typedef struct options {
    size_t size;
    int first;
    int second;
    void *third;
} options;

Test(options, are_defaults_when_not_given)
{
    options out;
    memset(&out, 0xff, sizeof(out));
    cr_assert_eq(turbo__options_read("options", NULL, &out, sizeof(out)), 0);
    cr_assert_eq(out.first, 0);
    cr_assert_eq(out.second, 0);
    cr_assert_null(out.third);
}

Test(options, may_be_of_an_older_version)
{
    options given = {offsetof(options, second), 1, 2, &given};
    options out;
    memset(&out, 0xff, sizeof(out));
    cr_assert_eq(turbo__options_read("options", &given, &out, sizeof(out)), 0);
    cr_assert_eq(out.first, 1);
    cr_assert_eq(out.second, 0);
    cr_assert_null(out.third);
    given.size = sizeof(given.size);
    cr_assert_eq(turbo__options_read("options", &given, &out, sizeof(out)), 0);
    cr_assert_eq(out.first, 0);
}

Test(options, may_have_an_unknown_tail_of_zeros_only)
{
    struct {
        options known;
        unsigned char tail[16];
    } given;
    options out;
    for (size_t i = 0; i <= sizeof(given.tail); i++) {
        memset(&given, 0, sizeof(given));
        given.known.size = sizeof(given);
        given.known.first = 5;
        if (i < sizeof(given.tail)) {
            given.tail[i] = 1;
        }
        int expected = i < sizeof(given.tail) ? TURBO_EOPTION : 0;
        cr_assert_eq(turbo__options_read("options", &given, &out, sizeof(out)), expected);
        if (expected != 0) {
            char place[32];
            (void)snprintf(place, sizeof(place), "byte %zu", sizeof(options) + i);
            cr_assert_not_null(strstr(turbo_error_detail(), place), "%s", turbo_error_detail());
            cr_assert_not_null(strstr(turbo_error_detail(), "options"));
        }
    }
    cr_assert_eq(out.first, 5);
}

Test(options, must_have_a_sane_size)
{
    static const size_t sizes[] = {0, 1, sizeof(size_t) - 1, 4097, (size_t)-1};
    options out;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        options given = {sizes[i], 1, 2, NULL};
        cr_assert_eq(turbo__options_read("options", &given, &out, sizeof(out)), TURBO_EOPTION);
    }
}
