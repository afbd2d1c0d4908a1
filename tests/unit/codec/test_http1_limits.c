/* SPDX-License-Identifier: MIT */

/* Each bound of a message: one below it, at it, one past it; whole and byte by byte. */

#include "codec/http1_parser.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/buf.h"
#include "turbo/error.h"

/* The server's defaults. */
static const turbo__http1_limits defaults = {.request_line = 8 * 1024,
                                             .head = 32 * 1024,
                                             .fields = 100,
                                             .field = 8 * 1024,
                                             .trailer = 8 * 1024,
                                             .trailers = 32,
                                             .extension = 1024,
                                             .extensions = 16 * 1024};

enum { LARGEST = 1 << 20, WHOLE = SIZE_MAX / 2 };

/* What a message came to: 0 if it was complete, 1 if it was not, else the answer's status. */
static int outcome(const turbo__http1_limits *limits, turbo_str message, size_t step)
{
    turbo__http1_parser parser;
    size_t from = 0;
    size_t to = 0;
    int event = TURBO__HTTP1_MORE;
    turbo__http1_init(&parser, limits);
    while (event >= 0 && event != TURBO__HTTP1_END && to < message.len) {
        to = message.len - to > step ? to + step : message.len;
        do {
            size_t consumed = 0;
            event = turbo__http1_parse(&parser, message.data, from, to, &consumed);
            from += event >= 0 ? consumed : 0;
        } while (event == TURBO__HTTP1_HEAD || event == TURBO__HTTP1_BODY);
    }
    int status = event < 0 ? turbo__http1_status(&parser) : event == TURBO__HTTP1_END ? 0 : 1;
    cr_assert(event >= 0 || event == TURBO_ELIMIT, "%s", turbo_error_detail());
    turbo__http1_clear(&parser);
    return status;
}

static void add(turbo__buf *out, const char *text)
{
    cr_assert_eq(turbo__buf_append_str(out, turbo_cstr(text)), 0);
}

static void fill(turbo__buf *out, char c, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(turbo__buf_append(out, &c, 1), 0);
    }
}

/* Appends a message that has exactly `size` of what is limited. */
typedef void build_fn(turbo__buf *out, size_t size);

static void check(const turbo__http1_limits *limits, build_fn *build, size_t limit, int status)
{
    for (int past = -1; past <= 1; past++) {
        turbo__buf message;
        turbo__buf_init(&message, SIZE_MAX / 2);
        build(&message, past < 0 ? limit - 1 : limit + (size_t)past);
        int expected = past > 0 ? status : 0;
        turbo_str text = turbo__buf_view(&message);
        cr_expect_eq(outcome(limits, text, WHOLE), expected, "%zu%+d whole", limit, past);
        cr_expect_eq(outcome(limits, text, 1), expected, "%zu%+d byte by byte", limit, past);
        cr_expect_eq(outcome(limits, text, 1000), expected, "%zu%+d in parts", limit, past);
        turbo__buf_clear(&message);
    }
}

static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n";
static const char post[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

static void request_line(turbo__buf *out, size_t size)
{
    add(out, "GET /");
    fill(out, 'x', size - strlen("GET / HTTP/1.1"));
    add(out, " HTTP/1.1\r\nHost: a\r\n\r\n");
}

static void field(turbo__buf *out, size_t size)
{
    add(out, get);
    add(out, "Name: ");
    fill(out, 'x', size - strlen("Name: "));
    add(out, "\r\n\r\n");
}

/* The name alone, and the white space in front of the value, count too. */
static void field_name(turbo__buf *out, size_t size)
{
    add(out, get);
    fill(out, 'x', size - strlen(":"));
    add(out, ":\r\n\r\n");
}

static void field_space(turbo__buf *out, size_t size)
{
    add(out, get);
    add(out, "Name:");
    fill(out, ' ', size - strlen("Name:"));
    add(out, "\r\n\r\n");
}

static void field_space_behind(turbo__buf *out, size_t size)
{
    add(out, get);
    add(out, "Name:v");
    fill(out, '\t', size - strlen("Name:v"));
    add(out, "\r\n\r\n");
}

static void head(turbo__buf *out, size_t size)
{
    add(out, get);
    while (size - out->len > 2000) {
        add(out, "Name: ");
        fill(out, 'x', 1000);
        add(out, "\r\n");
    }
    add(out, "Last: ");
    fill(out, 'x', size - out->len - 4);
    add(out, "\r\n\r\n");
    cr_assert_eq(out->len, size);
}

static void fields(turbo__buf *out, size_t size)
{
    add(out, get);
    for (size_t i = 1; i < size; i++) {
        add(out, "a:\r\n");
    }
    add(out, "\r\n");
}

static void extension(turbo__buf *out, size_t size)
{
    add(out, post);
    add(out, "1;");
    fill(out, 'x', size - 1);
    add(out, "\r\na\r\n0\r\n\r\n");
}

static void quoted_extension(turbo__buf *out, size_t size)
{
    add(out, post);
    add(out, "1;a=\"");
    fill(out, ';', size - strlen(";a=\"\""));
    add(out, "\"\r\na\r\n0\r\n\r\n");
}

static void last_extension(turbo__buf *out, size_t size)
{
    add(out, post);
    add(out, "0;");
    fill(out, 'x', size - 1);
    add(out, "\r\n\r\n");
}

static void extensions(turbo__buf *out, size_t size)
{
    add(out, post);
    for (; size > 1000; size -= 1000) {
        add(out, "1;");
        fill(out, 'x', 999);
        add(out, "\r\na\r\n");
    }
    add(out, "0;");
    fill(out, 'x', size - 1);
    add(out, "\r\n\r\n");
}

static void trailer(turbo__buf *out, size_t size)
{
    add(out, post);
    add(out, "0\r\na: b\r\nc: ");
    fill(out, 'x', size - strlen("a: b\r\nc: \r\n"));
    add(out, "\r\n\r\n");
}

static void trailers(turbo__buf *out, size_t size)
{
    add(out, post);
    add(out, "0\r\n");
    for (size_t i = 0; i < size; i++) {
        add(out, "a:\r\n");
    }
    add(out, "\r\n");
}

Test(http1_limits, defaults)
{
    check(&defaults, request_line, defaults.request_line, 414);
    check(&defaults, field, defaults.field, 431);
    check(&defaults, field_name, defaults.field, 431);
    check(&defaults, field_space, defaults.field, 431);
    check(&defaults, field_space_behind, defaults.field, 431);
    check(&defaults, head, defaults.head, 431);
    check(&defaults, fields, defaults.fields, 431);
    check(&defaults, extension, defaults.extension, 400);
    check(&defaults, quoted_extension, defaults.extension, 400);
    check(&defaults, last_extension, defaults.extension, 400);
    check(&defaults, extensions, defaults.extensions, 400);
    check(&defaults, trailer, defaults.trailer, 431);
    check(&defaults, trailers, defaults.trailers, 431);
}

/* http-parser has a limit of its own, 80 KiB, which must not show. */
Test(http1_limits, largest)
{
    turbo__http1_limits limits = defaults;
    limits.request_line = LARGEST;
    limits.head = LARGEST;
    limits.field = LARGEST / 2;
    limits.trailer = LARGEST;
    limits.extension = LARGEST / 2;
    limits.extensions = LARGEST / 2;
    limits.fields = 10000;
    limits.trailers = 10000;
    check(&limits, field, limits.field, 431);
    check(&limits, head, limits.head, 431);
    check(&limits, fields, limits.fields, 431);
    check(&limits, extension, limits.extension, 400);
    check(&limits, extensions, limits.extensions, 400);
    check(&limits, trailers, limits.trailers, 431);
    limits.request_line = LARGEST / 2;
    check(&limits, request_line, limits.request_line, 414);
    limits.field = LARGEST;
    check(&limits, trailer, limits.trailer, 431);
}

/* The smaller of two bounds decides, and which one that is does not depend on the pieces. */
Test(http1_limits, together)
{
    turbo__http1_limits limits = defaults;
    limits.request_line = LARGEST;
    check(&limits, request_line, limits.head - strlen("\r\nHost: a\r\n\r\n"), 431);
    limits = defaults;
    limits.field = LARGEST;
    check(&limits, field, limits.head - strlen(get) - 4, 431);
    limits.trailer = 50;
    limits.trailers = 1;
    check(&limits, trailers, limits.trailers, 431);
}

/* An unfinished message is refused as soon as its next byte cannot be allowed. */
Test(http1_limits, do_not_wait_for_the_end)
{
    static const struct {
        const char *start;
        size_t count;
        int status;
    } cases[] = {
        {"GET /", 8 * 1024 - 4, 414},
        {"GET / HTTP/1.1\r\nHost: a\r\nName: ", 8 * 1024 - 5, 431},
        {"GET / HTTP/1.1\r\nHost: a\r\n", 8 * 1024 + 1, 431},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;", 1024, 400},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer:",
         8 * 1024 - 7, 431},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo__buf message;
        turbo__buf_init(&message, LARGEST);
        add(&message, cases[i].start);
        fill(&message, 'x', cases[i].count - 1);
        cr_expect_eq(outcome(&defaults, turbo__buf_view(&message), WHOLE), 1, "%zu", i);
        fill(&message, 'x', 1);
        cr_expect_eq(outcome(&defaults, turbo__buf_view(&message), WHOLE), cases[i].status, "%zu",
                     i);
        turbo__buf_clear(&message);
    }
}
