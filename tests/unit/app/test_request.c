/* SPDX-License-Identifier: MIT */
#include "turbo/request.h"

#include <string.h>

#include <criterion/criterion.h>

#include "app/exchange.h"
#include "codec/http1_parser.h"

static turbo_request request;

static void post(turbo_request *self)
{
    (void)self;
}

static const turbo__transport transport = {.post = post};

/* Leaves the trailers of a message in the request, as the connection does at the end of a body. */
static void take_trailers(void)
{
    static const turbo__http1_limits limits = {.request_line = 100,
                                               .head = 1000,
                                               .fields = 10,
                                               .field = 100,
                                               .trailer = 100,
                                               .trailers = 10,
                                               .extension = 10,
                                               .extensions = 10};
    static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "0\r\nA: 1\r\nB:\r\na: 2\r\n\r\n";
    turbo__http1_parser parser;
    size_t at = 0;
    int event;
    turbo__http1_init(&parser, &limits);
    do {
        size_t consumed = 0;
        event = turbo__http1_parse(&parser, text, at, sizeof(text) - 1, &consumed);
        at += consumed;
    } while (event == TURBO__HTTP1_HEAD);
    cr_assert_eq(event, TURBO__HTTP1_END);
    cr_assert_eq(turbo__http1_copy_trailers(&parser, &request.trailers), 0);
    turbo__http1_clear(&parser);
}

static void check_trailers(void)
{
    turbo_str name;
    turbo_str value;
    cr_assert_eq(turbo_request_trailer_count(&request), 3);
    cr_assert_eq(turbo_request_trailer_at(&request, 2, &name, &value), 0);
    cr_assert(turbo_str_equal(name, TURBO_STR("a")));
    cr_assert(turbo_str_equal(value, TURBO_STR("2")));
    cr_assert_eq(turbo_request_trailer_at(&request, 3, &name, &value), TURBO_ENOTFOUND);
    cr_assert_eq(turbo_request_trailer(&request, TURBO_STR("a"), &value), 0);
    cr_assert(turbo_str_equal(value, TURBO_STR("1")), "the first of its name, without case");
    cr_assert_eq(turbo_request_trailer(&request, TURBO_STR("b"), &value), 0);
    cr_assert_eq(value.len, 0);
    cr_assert_eq(turbo_request_trailer(&request, TURBO_STR("c"), &value), TURBO_ENOTFOUND);
}

static void check_none(void)
{
    turbo_str name;
    turbo_str value;
    cr_assert_eq(turbo_request_trailer_count(&request), 0);
    cr_assert_eq(turbo_request_trailer_at(&request, 0, &name, &value), TURBO_ENOTFOUND);
    cr_assert_eq(turbo_request_trailer(&request, TURBO_STR("a"), &value), TURBO_ENOTFOUND);
}

Test(request, has_trailers_once_the_body_is_whole)
{
    cr_assert_eq(turbo__exchange_init(&request, &transport, NULL), 0);
    check_none();
    take_trailers();
    check_none();
    request.body_whole = true;
    check_trailers();
    turbo__exchange_reset(&request);
    check_none();
    request.body_whole = true;
    check_none();
    turbo__exchange_destroy(&request);
}

Test(request, has_trailers_once_the_end_of_a_stream_was_delivered)
{
    cr_assert_eq(turbo__exchange_init(&request, &transport, NULL), 0);
    take_trailers();
    check_none();
    request.pending.body_end = true;
    check_trailers();
    turbo__exchange_destroy(&request);
}
