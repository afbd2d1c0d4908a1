/* SPDX-License-Identifier: MIT */
#include "codec/http1_writer.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/error.h"

static turbo__field two_fields[] = {
    {{"a", 1}, {"1", 1}},
    {{"set-cookie", 10}, {"x=y", 3}},
};
static turbo__field own_length[] = {{{"Content-Length", 14}, {"7", 1}}};
static const turbo__fields none = {NULL, 0, 0};
static const turbo__fields two = {two_fields, 2, 2};
static const turbo__fields one_length = {own_length, 1, 1};

static void check(const turbo__http1_response *response, const char *expected)
{
    turbo__buf buf;
    turbo__buf_init(&buf, 4096);
    cr_assert_eq(turbo__buf_append_str(&buf, TURBO_STR("before|")), 0);
    cr_assert_eq(turbo__http1_write_head(&buf, response), 0);
    cr_assert_eq(turbo__buf_append(&buf, "", 1), 0);
    cr_assert_str_eq(buf.data, expected);
    turbo__buf_clear(&buf);
}

Test(http1_writer, writes_heads)
{
    turbo__http1_response response = {200, {NULL, 0},          &none, TURBO__FRAME_LENGTH,
                                      0,   TURBO__CONN_DEFAULT};
    check(&response, "before|HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    response.fields = &two;
    response.common = TURBO_STR("date: now\r\n");
    response.length = UINT64_MAX;
    check(&response,
          "before|HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 18446744073709551615\r\n"
          "a: 1\r\nset-cookie: x=y\r\n\r\n");
    response.framing = TURBO__FRAME_CHUNKED;
    response.connection = TURBO__CONN_CLOSE;
    check(&response, "before|HTTP/1.1 200 OK\r\ndate: now\r\na: 1\r\nset-cookie: x=y\r\n"
                     "transfer-encoding: chunked\r\nconnection: close\r\n\r\n");
    response.framing = TURBO__FRAME_NONE;
    response.status = 204;
    response.fields = &none;
    response.common.len = 0;
    response.connection = TURBO__CONN_KEEP_ALIVE;
    check(&response, "before|HTTP/1.1 204 No Content\r\nconnection: keep-alive\r\n\r\n");
    response.framing = TURBO__FRAME_CLOSE;
    response.status = 599;
    response.connection = TURBO__CONN_DEFAULT;
    check(&response, "before|HTTP/1.1 599 \r\n\r\n");
}

Test(http1_writer, leaves_a_length_of_the_fields_alone)
{
    turbo__http1_response response = {200, {NULL, 0},          &one_length, TURBO__FRAME_LENGTH,
                                      3,   TURBO__CONN_DEFAULT};
    check(&response, "before|HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
}

Test(http1_writer, writes_status_lines)
{
    char line[TURBO__STATUS_LINE_MAX];
    for (int status = 100; status <= 999; status++) {
        turbo_str text = turbo__http1_status_line(status, line);
        char start[16];
        (void)snprintf(start, sizeof(start), "HTTP/1.1 %d ", status);
        cr_assert_geq(text.len, strlen(start) + 2);
        cr_assert_eq(memcmp(text.data, start, strlen(start)), 0);
        cr_assert_eq(memcmp(text.data + text.len - 2, "\r\n", 2), 0);
    }
    /* RFC 9110 §15 */
    cr_assert(turbo_str_equal(turbo__http1_status_line(413, line),
                              TURBO_STR("HTTP/1.1 413 Content Too Large\r\n")));
    cr_assert(turbo_str_equal(turbo__http1_status_line(422, line),
                              TURBO_STR("HTTP/1.1 422 Unprocessable Content\r\n")));
    cr_assert(turbo_str_equal(turbo__http1_status_line(299, line), TURBO_STR("HTTP/1.1 299 \r\n")));
}

Test(http1_writer, frames_chunks)
{
    static const struct {
        size_t size;
        const char *text;
    } cases[] = {{1, "1\r\n"},
                 {10, "a\r\n"},
                 {255, "ff\r\n"},
                 {4096, "1000\r\n"},
                 {SIZE_MAX, "ffffffffffffffff\r\n"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo__buf buf;
        turbo__buf_init(&buf, 100);
        cr_assert_eq(turbo__http1_write_chunk_start(&buf, cases[i].size), 0);
        cr_assert(turbo_str_equal(turbo__buf_view(&buf), turbo_cstr(cases[i].text)));
        turbo__buf_clear(&buf);
    }
    cr_assert(turbo_str_equal(TURBO__LAST_CHUNK, TURBO_STR("0\r\n\r\n")));
}

Test(http1_writer, changes_nothing_on_errors)
{
    turbo__http1_response response = {200, {NULL, 0},          &two, TURBO__FRAME_LENGTH,
                                      0,   TURBO__CONN_DEFAULT};
    turbo__buf buf;
    turbo__buf_init(&buf, 20);
    cr_assert_eq(turbo__http1_write_head(&buf, &response), TURBO_ELIMIT);
    cr_assert_eq(buf.len, 0);
    turbo__buf_init(&buf, 2000);
    (void)turbo__mem_fail_nth(1);
    cr_assert_eq(turbo__http1_write_head(&buf, &response), TURBO_ENOMEM);
    (void)turbo__mem_fail_nth(1);
    cr_assert_eq(turbo__http1_write_chunk_start(&buf, 5), TURBO_ENOMEM);
    (void)turbo__mem_fail_nth(0);
    cr_assert_eq(buf.len, 0);
    turbo__buf_clear(&buf);
}
