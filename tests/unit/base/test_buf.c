/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdint.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/error.h"

Test(buf, grows_and_keeps_its_bytes)
{
    turbo__buf buf;
    turbo__buf_init(&buf, 5000);
    for (unsigned i = 0; i < 5000; i++) {
        char c = (char)(i % 251);
        cr_assert_eq(turbo__buf_append(&buf, &c, 1), 0);
    }
    cr_assert_eq(buf.len, 5000);
    for (unsigned i = 0; i < 5000; i++) {
        cr_assert_eq(buf.data[i], (char)(i % 251));
    }
    turbo__buf_clear(&buf);
    cr_assert_eq(buf.len, 0);
    cr_assert_eq(turbo__buf_append_str(&buf, TURBO_STR("again")), 0);
    cr_assert(turbo_str_equal(turbo__buf_view(&buf), TURBO_STR("again")));
    turbo__buf_clear(&buf);
}

Test(buf, never_passes_its_maximum)
{
    static const size_t maxima[] = {0, 1, 255, 256, 257, 1000};
    static const char zeros[1001];
    for (size_t i = 0; i < sizeof(maxima) / sizeof(maxima[0]); i++) {
        turbo__buf buf;
        turbo__buf_init(&buf, maxima[i]);
        cr_assert_eq(turbo__buf_append(&buf, zeros, maxima[i]), 0);
        cr_assert_leq(buf.cap, maxima[i]);
        cr_assert_eq(turbo__buf_append(&buf, zeros, 1), TURBO_ELIMIT);
        cr_assert_eq(turbo__buf_reserve(&buf, SIZE_MAX), TURBO_ELIMIT);
        cr_assert_eq(buf.len, maxima[i]);
        cr_assert_eq(turbo__buf_append(&buf, NULL, 0), 0);
        turbo__buf_clear(&buf);
    }
}

Test(buf, consumes_from_the_front)
{
    turbo__buf buf;
    turbo__buf_init(&buf, 100);
    turbo__buf_consume(&buf, 1);
    cr_assert_eq(turbo__buf_append_str(&buf, TURBO_STR("abcdef")), 0);
    turbo__buf_consume(&buf, 0);
    turbo__buf_consume(&buf, 2);
    cr_assert(turbo_str_equal(turbo__buf_view(&buf), TURBO_STR("cdef")));
    turbo__buf_consume(&buf, 5);
    cr_assert_eq(buf.len, 0);
    turbo__buf_clear(&buf);
}

Test(buf, is_unchanged_when_memory_runs_out)
{
    static const char zeros[1000];
    turbo__buf buf;
    turbo__buf_init(&buf, 10000);
    cr_assert_eq(turbo__buf_append_str(&buf, TURBO_STR("kept")), 0);
    (void)turbo__mem_fail_nth(1);
    cr_assert_eq(turbo__buf_append(&buf, zeros, sizeof(zeros)), TURBO_ENOMEM);
    (void)turbo__mem_fail_nth(0);
    cr_assert(turbo_str_equal(turbo__buf_view(&buf), TURBO_STR("kept")));
    cr_assert_eq(turbo__buf_append(&buf, zeros, sizeof(zeros)), 0);
    cr_assert_eq(buf.len, 1004);
    turbo__buf_clear(&buf);
}
