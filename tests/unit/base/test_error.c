/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

Test(error, names_and_describes_every_code)
{
#define X(name, value, category, text)                                                             \
    cr_assert_eq(name, value);                                                                     \
    cr_assert_str_eq(turbo_error_name(name), #name);                                               \
    cr_assert_str_eq(turbo_error_text(name), text);
#include "turbo/errors.def"
#undef X
    cr_assert_str_eq(turbo_error_name(TURBO_OK), "TURBO_OK");
    cr_assert_str_eq(turbo_error_name(-9999), "TURBO_EUNKNOWN");
    cr_assert_str_eq(turbo_error_text(-9999), "unknown error");
    cr_assert_str_eq(turbo_error_name(TURBO_PENDING), "TURBO_EUNKNOWN");
}

Test(error, keeps_the_detail)
{
    cr_assert_eq(turbo__error_set(TURBO_EINVAL, "%s %d", "number", 7), TURBO_EINVAL);
    cr_assert_str_eq(turbo_error_detail(), "number 7");
}

Test(error, cuts_long_details)
{
    char text[2000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)turbo__error_set(TURBO_EINVAL, "%s", text);
    cr_assert_eq(strlen(turbo_error_detail()), 511);
    errno = ENOENT;
    (void)turbo__error_errno(TURBO_ESYSTEM, "%s", text);
    cr_assert_eq(strlen(turbo_error_detail()), 511);
}

Test(error, adds_the_systems_reason)
{
    char expected[200];
    errno = ENOENT;
    cr_assert_eq(turbo__error_errno(TURBO_ESYSTEM, "open %s", "f"), TURBO_ESYSTEM);
    (void)snprintf(expected, sizeof(expected), "open f: %s", strerror(ENOENT));
    cr_assert_str_eq(turbo_error_detail(), expected);
}

static void *other_thread(void *user_data)
{
    (void)user_data;
    cr_assert_str_eq(turbo_error_detail(), "");
    (void)turbo__error_set(TURBO_EIO, "theirs");
    return NULL;
}

Test(error, is_per_thread)
{
    pthread_t thread;
    (void)turbo__error_set(TURBO_EIO, "ours");
    cr_assert_eq(pthread_create(&thread, NULL, other_thread, NULL), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_str_eq(turbo_error_detail(), "ours");
}
