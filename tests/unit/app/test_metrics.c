/* SPDX-License-Identifier: MIT */
#include "app/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "base/ring.h"
#include "turbo/error.h"

static turbo_metrics sum_of(const turbo__counters *counters, const turbo__row *rows, size_t count)
{
    turbo_metrics sum;
    memset(&sum, 0, sizeof(sum));
    turbo__metrics_add(&sum, counters, rows, count);
    return sum;
}

/* The text of `loops` loops that have the same rows. */
static char *render(const turbo__row *rows, const char *const *names, size_t count, size_t loops)
{
    turbo_metrics sum;
    const turbo__row *each[4];
    turbo__buf buf;
    memset(&sum, 0, sizeof(sum));
    for (size_t i = 0; i < loops; i++) {
        each[i] = rows;
    }
    turbo__metrics_view view = {&sum, names, count, each, loops};
    turbo__buf_init(&buf, 1 << 20);
    cr_assert_eq(turbo__metrics_render(&view, &buf), 0);
    cr_assert_eq(turbo__buf_append(&buf, "", 1), 0);
    return buf.data;
}

static void expect_in(const char *text, const char *line)
{
    cr_assert_not_null(strstr(text, line), "no %s in\n%s", line, text);
}

Test(metrics, rows_have_cache_lines_of_their_own)
{
    for (size_t count = 1; count < 5; count++) {
        turbo__row *rows = turbo__rows_new(count);
        cr_assert_not_null(rows);
        cr_assert_eq((uintptr_t)rows % TURBO__CACHE_LINE, 0);
        for (size_t i = 0; i < count; i++) {
            turbo__row_count(&rows[i], TURBO_STR("GET"), 200, 0);
        }
        turbo__rows_free(rows);
    }
    turbo__rows_free(NULL);
    (void)turbo__mem_fail_nth(1);
    cr_assert_null(turbo__rows_new(1));
    (void)turbo__mem_fail_nth(0);
    cr_assert_null(turbo__rows_new(SIZE_MAX / 2));
}

Test(metrics, counts_by_status_class)
{
    static turbo__counters counters;
    turbo__row *rows = turbo__rows_new(2);
    static const int statuses[] = {0, 101, 200, 204, 301, 404, 422, 500, 503};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        turbo__row_count(&rows[i % 2], TURBO_STR("POST"), (unsigned)statuses[i], 0);
    }
    turbo__u64_bump(&counters.requests, 10);
    turbo_metrics sum = sum_of(&counters, rows, 2);
    static const uint64_t want[] = {1, 1, 2, 1, 2, 2};
    for (size_t i = 0; i < 6; i++) {
        cr_assert_eq(sum.responses[i], want[i]);
    }
    cr_assert_eq(sum.in_flight, 1);
    turbo__metrics_add(&sum, &counters, rows, 2);
    cr_assert_eq(sum.requests, 20);
    cr_assert_eq(sum.responses[2], 4);
    cr_assert_eq(sum.in_flight, 2);
    turbo__rows_free(rows);
}

Test(metrics, what_was_refused_unread_is_not_in_flight)
{
    static turbo__counters counters;
    turbo__row *rows = turbo__rows_new(1);
    turbo__row_count(rows, TURBO_STR(""), 400, 0);
    turbo__u64_bump(&counters.refused_heads, 1);
    turbo_metrics sum = sum_of(&counters, rows, 1);
    cr_assert_eq(sum.in_flight, 0);
    cr_assert_eq(sum.refused_heads, 1);
    turbo__row_count(rows, TURBO_STR("GET"), 200, 0); /* as if read between two stores */
    cr_assert_eq(sum_of(&counters, rows, 1).in_flight, 0);
    turbo__rows_free(rows);
}

Test(metrics, sorts_refusals_by_status)
{
    static turbo__counters counters;
    static const int statuses[] = {400, 408, 413, 414, 417, 431, 501, 505, TURBO__REFUSED_PROXY};
    for (size_t i = 0; i < 9; i++) {
        for (size_t n = 0; n <= i; n++) {
            turbo__metrics_refused(&counters, statuses[i]);
        }
    }
    turbo__metrics_refused(&counters, 503); /* says nothing of the message */
    turbo_metrics sum = sum_of(&counters, NULL, 0);
    cr_assert_eq(sum.parse_errors, 45);
    cr_assert_eq(sum.malformed, 1);
    cr_assert_eq(sum.timeouts, 2);
    cr_assert_eq(sum.large_bodies, 3);
    cr_assert_eq(sum.long_targets, 4);
    cr_assert_eq(sum.expectations, 5);
    cr_assert_eq(sum.large_heads, 6);
    cr_assert_eq(sum.unsupported, 7);
    cr_assert_eq(sum.versions, 8);
    cr_assert_eq(sum.bad_proxies, 9);
}

Test(metrics, are_given_to_structs_of_any_size)
{
    turbo_metrics sum;
    memset(&sum, 0, sizeof(sum));
    sum.requests = 7;
    sum.offloaded = 8;
    sum.bad_proxies = 9;
    turbo_metrics whole = {.size = sizeof(whole)};
    cr_assert_eq(turbo__metrics_give(&sum, &whole), 0);
    cr_assert_eq(whole.size, sizeof(whole));
    cr_assert_eq(whole.bad_proxies, 9);

    turbo_metrics old;
    memset(&old, 0x55, sizeof(old));
    old.size = offsetof(turbo_metrics, refused_connections);
    cr_assert_eq(turbo__metrics_give(&sum, &old), 0);
    cr_assert_eq(old.offloaded, 8);
    cr_assert_eq(old.refused_connections, UINT64_C(0x5555555555555555));

    struct {
        turbo_metrics known;
        uint64_t later[2];
    } newer;
    memset(&newer, 0x55, sizeof(newer));
    newer.known.size = sizeof(newer);
    cr_assert_eq(turbo__metrics_give(&sum, &newer.known), 0);
    cr_assert_eq(newer.known.size, sizeof(newer));
    cr_assert_eq(newer.known.bad_proxies, 9);
    cr_assert_eq(newer.later[0] | newer.later[1], 0);

    turbo_metrics unset = {.size = 0};
    cr_assert_eq(turbo__metrics_give(&sum, &unset), TURBO_EOPTION);
    unset.size = 1 << 20;
    cr_assert_eq(turbo__metrics_give(&sum, &unset), TURBO_EOPTION);
}

Test(metrics, text_tells_methods_and_statuses_apart)
{
    static const char *const names[] = {"", "/a"};
    static const char *const methods[] = {"GET",   "HEAD",    "POST",  "PUT", "DELETE",
                                          "PATCH", "OPTIONS", "TRACE", "get", ""};
    turbo__row *rows = turbo__rows_new(2);
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        turbo__row_count(&rows[1], turbo_cstr(methods[i]), 200, 0);
    }
    turbo__row_count(&rows[1], TURBO_STR("GET"), 404, 0);
    turbo__row_count(&rows[0], TURBO_STR("GET"), 404, 0);
    char *text = render(rows, names, 2, 2); /* twice each: two loops */
    for (size_t i = 0; i < 7; i++) {
        char line[128];
        (void)snprintf(line, sizeof(line),
                       "turbo_http_requests_total{route=\"/a\",method=\"%s\",status=\"200\"} 2\n",
                       methods[i]);
        expect_in(text, line);
    }
    expect_in(text, "turbo_http_requests_total{route=\"/a\",method=\"other\",status=\"200\"} 6\n");
    expect_in(text, "turbo_http_requests_total{route=\"/a\",method=\"GET\",status=\"404\"} 2\n");
    expect_in(text, "turbo_http_requests_total{route=\"\",method=\"GET\",status=\"404\"} 2\n");
    free(text);
    turbo__rows_free(rows);
}

Test(metrics, pairs_beyond_the_table_are_counted_by_class)
{
    static const char *const names[] = {"/a"};
    static turbo__counters counters;
    turbo__row *rows = turbo__rows_new(1);
    for (unsigned status = 200; status < 216; status++) {
        turbo__row_count(rows, TURBO_STR("GET"), status, 0);
    }
    turbo__row_count(rows, TURBO_STR("GET"), 216, 0);
    turbo__row_count(rows, TURBO_STR("GET"), 500, 0);
    turbo__row_count(rows, TURBO_STR("PUT"), 599, 0);
    turbo__row_count(rows, TURBO_STR("PUT"), 999, 0); /* no class of its own */
    turbo__row_count(rows, TURBO_STR("PUT"), 0, 0);
    turbo__row_count(rows, TURBO_STR("GET"), 215, 0); /* has its place */
    turbo_metrics sum = sum_of(&counters, rows, 1);
    cr_assert_eq(sum.responses[2], 18);
    cr_assert_eq(sum.responses[5], 3);
    cr_assert_eq(sum.responses[0], 1);
    char *text = render(rows, names, 1, 1);
    expect_in(text, "{route=\"/a\",method=\"GET\",status=\"215\"} 2\n");
    expect_in(text, "{route=\"/a\",method=\"other\",status=\"2xx\"} 1\n");
    expect_in(text, "{route=\"/a\",method=\"other\",status=\"5xx\"} 3\n");
    expect_in(text, "{route=\"/a\",method=\"other\",status=\"0xx\"} 1\n");
    cr_assert_null(strstr(text, "status=\"216\""));
    free(text);
    turbo__rows_free(rows);
}

Test(metrics, buckets_hold_what_is_at_most_their_bound)
{
    static const uint64_t ns[] = {0,
                                  100000,
                                  100001,
                                  250000,
                                  2500000,
                                  2500001,
                                  1000000000,
                                  UINT64_C(10000000000),
                                  UINT64_C(10000000001)};
    static const char *const names[] = {"/a"};
    turbo__row *rows = turbo__rows_new(1);
    for (size_t i = 0; i < sizeof(ns) / sizeof(ns[0]); i++) {
        turbo__row_count(rows, TURBO_STR("GET"), 200, ns[i]);
    }
    char *text = render(rows, names, 1, 1);
    expect_in(text, "_bucket{route=\"/a\",le=\"0.0001\"} 2\n");
    expect_in(text, "_bucket{route=\"/a\",le=\"0.00025\"} 4\n");
    expect_in(text, "_bucket{route=\"/a\",le=\"0.001\"} 4\n");
    expect_in(text, "_bucket{route=\"/a\",le=\"0.0025\"} 5\n");
    expect_in(text, "_bucket{route=\"/a\",le=\"0.005\"} 6\n");
    expect_in(text, "_bucket{route=\"/a\",le=\"0.5\"} 6\n");
    expect_in(text, "_bucket{route=\"/a\",le=\"1\"} 7\n");
    expect_in(text, "_bucket{route=\"/a\",le=\"10\"} 8\n");
    expect_in(text, "_bucket{route=\"/a\",le=\"+Inf\"} 9\n");
    expect_in(text, "turbo_http_request_duration_seconds_sum{route=\"/a\"} 21.005450003\n");
    expect_in(text, "turbo_http_request_duration_seconds_count{route=\"/a\"} 9\n");
    free(text);
    turbo__rows_free(rows);
}

Test(metrics, text_escapes_names_and_leaves_out_what_nobody_asked_for)
{
    static const char *const names[] = {"", "a\"b\\c\nd", "gr\xc3\xbc\xc3\x9f", "bad\xff",
                                        "/unused"};
    turbo__row *rows = turbo__rows_new(5);
    for (size_t i = 1; i < 4; i++) {
        turbo__row_count(&rows[i], TURBO_STR("GET"), 200, 0);
    }
    char *text = render(rows, names, 5, 1);
    expect_in(text, "{route=\"a\\\"b\\\\c\\nd\",method=\"GET\",status=\"200\"} 1\n");
    expect_in(text, "{route=\"gr\xc3\xbc\xc3\x9f\",method=\"GET\",status=\"200\"} 1\n");
    expect_in(text, "{route=\"bad?\",method=\"GET\",status=\"200\"} 1\n");
    cr_assert_null(strstr(text, "/unused"));
    cr_assert_null(strstr(text, "route=\"\""));
    free(text);
    turbo__rows_free(rows);
}

Test(metrics, text_survives_every_failing_allocation)
{
    static const char *const names[] = {"/a"};
    turbo__row *rows = turbo__rows_new(1);
    turbo_metrics sum;
    memset(&sum, 0, sizeof(sum));
    turbo__row_count(rows, TURBO_STR("GET"), 200, 0);
    const turbo__row *each[] = {rows};
    turbo__metrics_view view = {&sum, names, 1, each, 1};
    unsigned long failed = 0;
    int rc = TURBO_ENOMEM;
    for (unsigned long n = 1; rc != 0; n++) {
        turbo__buf buf;
        turbo__buf_init(&buf, 1 << 20);
        (void)turbo__mem_fail_nth(n);
        rc = turbo__metrics_render(&view, &buf);
        (void)turbo__mem_fail_nth(0);
        cr_assert(rc == 0 || rc == TURBO_ENOMEM);
        failed += rc != 0;
        turbo__buf_clear(&buf);
    }
    cr_assert_geq(failed, 3);
    turbo__rows_free(rows);
}
