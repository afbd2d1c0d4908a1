/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <string.h>
#include <time.h>

#include <criterion/criterion.h>

/* Golden values from Python's email.utils.format_datetime(usegmt=True); the first is RFC 9110's
 * example. */
Test(clock, writes_http_dates)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {951868800, "Wed, 01 Mar 2000 00:00:00 GMT"},
        {1709164800, "Thu, 29 Feb 2024 00:00:00 GMT"},
        {2147483647, "Tue, 19 Jan 2038 03:14:07 GMT"},
        {2147483648, "Tue, 19 Jan 2038 03:14:08 GMT"},
        {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
        {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[TURBO__HTTP_DATE_LEN + 1];
        text[TURBO__HTTP_DATE_LEN] = '#';
        turbo__http_date(cases[i].seconds, text);
        cr_assert_eq(text[TURBO__HTTP_DATE_LEN], '#', "wrote past its 29 bytes");
        text[TURBO__HTTP_DATE_LEN] = '\0';
        cr_assert_str_eq(text, cases[i].text);
    }
}

Test(clock, never_runs_backwards)
{
    uint64_t ns = turbo__clock_ns();
    uint64_t ms = turbo__clock_ms();
    for (int i = 0; i < 10000; i++) {
        uint64_t next_ns = turbo__clock_ns();
        uint64_t next_ms = turbo__clock_ms();
        cr_assert_geq(next_ns, ns);
        cr_assert_geq(next_ms, ms);
        ns = next_ns;
        ms = next_ms;
    }
    cr_assert_leq(ms, ns / 1000000u, "the coarse clock is never ahead");
}

Test(clock, knows_the_calendar)
{
    int64_t before = (int64_t)time(NULL) - 1; /* coarse clocks lag */
    int64_t wall = turbo__clock_wall();
    cr_assert_geq(wall, before);
    cr_assert_leq(wall, (int64_t)time(NULL) + 1);
}

Test(clock, sleeps)
{
    uint64_t before = turbo__clock_ns();
    turbo__sleep_ns(2000000);
    cr_assert_geq(turbo__clock_ns() - before, 2000000);
}

Test(clock, sets_deadlines)
{
    static const uint32_t delays[] = {0, 1, 999, 1000, 1999, UINT32_MAX};
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        struct timespec at;
        uint64_t before = turbo__clock_ns();
        turbo__clock_deadline(delays[i], &at);
        uint64_t after = turbo__clock_ns();
        uint64_t moment = (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
        cr_assert_lt(at.tv_nsec, 1000000000L);
        cr_assert_geq(moment, before + (uint64_t)delays[i] * 1000000u);
        cr_assert_leq(moment, after + (uint64_t)delays[i] * 1000000u);
    }
}
