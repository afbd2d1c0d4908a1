/* SPDX-License-Identifier: MIT */
#include "app/access.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/error.h"

static turbo_access example(void)
{
    turbo_access access = {
        .size = sizeof(access),
        .started = UINT64_C(971186136999999), /* 10 Oct 2000 13:55:36.999999 */
        .duration = 1234,
        .client = TURBO_STR("192.0.2.1"),
        .method = TURBO_STR("GET"),
        .target = TURBO_STR("/a?b=c"),
        .route = TURBO_STR("/a"),
        .referer = TURBO_STR("http://example.com/"),
        .user_agent = TURBO_STR("curl/8"),
        .bytes_in = 5,
        .bytes_out = 2326,
        .status = 200,
        .version = 11,
        .client_port = 50000,
    };
    return access;
}

/* Checks the record that it is given against the one it expects. */
static void compare(const turbo_access *got, void *user_data)
{
    const turbo_access *want = user_data;
    cr_assert_eq(got->size, sizeof(*got));
    cr_assert_eq(got->started, want->started);
    cr_assert_eq(got->duration, want->duration);
    cr_assert(turbo_str_equal(got->client, want->client));
    cr_assert(turbo_str_equal(got->method, want->method));
    cr_assert(turbo_str_equal(got->target, want->target));
    cr_assert(turbo_str_equal(got->route, want->route));
    cr_assert(turbo_str_equal(got->referer, want->referer));
    cr_assert(turbo_str_equal(got->user_agent, want->user_agent));
    cr_assert_eq(got->bytes_in, want->bytes_in);
    cr_assert_eq(got->bytes_out, want->bytes_out);
    cr_assert_eq(got->status, want->status);
    cr_assert_eq(got->version, want->version);
    cr_assert_eq(got->client_port, want->client_port);
    cr_assert_eq(got->dropped, want->dropped);
}

static void ignore(const turbo_access *got, void *user_data)
{
    (void)got;
    (void)user_data;
}

Test(access, goes_through_the_queue_unchanged)
{
    turbo__access_queue queue;
    turbo_access access = example();
    cr_assert_eq(turbo__access_init(&queue, 10), 0);
    cr_assert_not(turbo__access_waits(&queue));
    cr_assert_not(turbo__access_take(&queue, ignore, NULL));
    cr_assert(turbo__access_put(&queue, &access));
    cr_assert(turbo__access_waits(&queue));
    cr_assert(turbo__access_take(&queue, compare, &access));
    cr_assert_not(turbo__access_waits(&queue));
    turbo_access empty = {.size = sizeof(empty), .status = 400};
    cr_assert(turbo__access_put(&queue, &empty));
    cr_assert(turbo__access_take(&queue, compare, &empty));
    turbo__access_clear(&queue);
}

Test(access, cuts_what_is_long)
{
    static char text[2000];
    memset(text, 'x', sizeof(text));
    turbo_str all = {text, sizeof(text)};
    turbo_access access = example();
    access.client = access.method = access.target = access.referer = access.user_agent = all;
    turbo__access_queue queue;
    cr_assert_eq(turbo__access_init(&queue, 1), 0); /* the longest fits however small it is */
    for (int i = 0; i < 20; i++) {
        cr_assert(turbo__access_put(&queue, &access));
        turbo_access cut = access;
        cut.client.len = 64;
        cut.method.len = 32;
        cut.target.len = 1024;
        cut.referer.len = 256;
        cut.user_agent.len = 256;
        cr_assert(turbo__access_take(&queue, compare, &cut));
    }
    turbo__access_clear(&queue);
}

Test(access, tells_of_lost_records_with_the_next_one)
{
    turbo__access_queue queue;
    turbo_access access = example();
    cr_assert_eq(turbo__access_init(&queue, 3), 0);
    for (int i = 0; i < 3; i++) {
        cr_assert(turbo__access_put(&queue, &access));
    }
    cr_assert(turbo__access_pressing(&queue));
    cr_assert_not(turbo__access_put(&queue, &access));
    cr_assert_not(turbo__access_put(&queue, &access));
    cr_assert(turbo__access_take(&queue, compare, &access));
    cr_assert(turbo__access_put(&queue, &access));
    for (int i = 0; i < 2; i++) {
        cr_assert(turbo__access_take(&queue, compare, &access));
    }
    cr_assert_not(turbo__access_pressing(&queue));
    cr_assert(turbo__access_put(&queue, &access));
    access.dropped = 2;
    cr_assert(turbo__access_take(&queue, compare, &access));
    access.dropped = 0; /* told once */
    cr_assert(turbo__access_take(&queue, compare, &access));
    turbo__access_clear(&queue);
}

Test(access, is_without_memory)
{
    turbo__access_queue queue;
    (void)turbo__mem_fail_nth(1);
    cr_assert_eq(turbo__access_init(&queue, 10), TURBO_ENOMEM);
    (void)turbo__mem_fail_nth(0);
    turbo__access_clear(&queue);
    cr_assert_eq(turbo__access_init(&queue, SIZE_MAX), TURBO_ENOMEM);
    turbo__access_clear(&queue);
}

static void expect_line(const turbo_access *access, const char *want)
{
    char line[1024];
    size_t len = turbo_access_format(access, line, sizeof(line));
    cr_assert_str_eq(line, want);
    cr_assert_eq(len, strlen(want));
}

Test(access, is_written_in_the_combined_format)
{
    turbo_access access = example();
    expect_line(&access,
                "192.0.2.1 - - [10/Oct/2000:13:55:36 +0000] \"GET /a?b=c HTTP/1.1\" 200 2326"
                " \"http://example.com/\" \"curl/8\"");
    access.version = 10;
    access.client = access.referer = access.user_agent = TURBO_STR("");
    access.status = 0;
    access.started = 0;
    expect_line(&access,
                "- - - [01/Jan/1970:00:00:00 +0000] \"GET /a?b=c HTTP/1.0\" 499 2326 \"-\" \"-\"");
    access.method = access.target = TURBO_STR("");
    access.version = 0;
    access.status = 400;
    access.bytes_out = UINT64_MAX;
    expect_line(&access,
                "- - - [01/Jan/1970:00:00:00 +0000] \"-\" 400 18446744073709551615 \"-\" \"-\"");
}

Test(access, escapes_what_a_client_sent)
{
    turbo_access access = example();
    access.target = TURBO_STR("/\"\\\x7f\xc3\xa9");
    access.user_agent = TURBO_STR("a\r\n127.0.0.1 \x1b[2J\0z");
    access.referer = TURBO_STR("\" 200 0 \"");
    access.client = TURBO_STR("2001:db8::1");
    expect_line(
        &access,
        "2001:db8::1 - - [10/Oct/2000:13:55:36 +0000] \"GET /\\\"\\\\\\x7f\\xc3\\xa9 HTTP/1.1\""
        " 200 2326 \"\\\" 200 0 \\\"\" \"a\\x0d\\x0a127.0.0.1 \\x1b[2J\\x00z\"");
}

Test(access, is_cut_to_the_room_there_is)
{
    turbo_access access = example();
    char whole[1024];
    char part[1024];
    size_t len = turbo_access_format(&access, whole, sizeof(whole));
    cr_assert_eq(turbo_access_format(&access, NULL, 0), len);
    for (size_t size = 1; size <= len + 2; size++) {
        memset(part, 'Z', sizeof(part));
        cr_assert_eq(turbo_access_format(&access, part, size), len);
        size_t kept = size - 1 < len ? size - 1 : len;
        cr_assert_eq(memcmp(part, whole, kept), 0);
        cr_assert_eq(part[kept], '\0');
        cr_assert_eq(part[kept + 1], 'Z');
    }
}
