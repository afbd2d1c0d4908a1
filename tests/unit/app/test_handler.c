/* SPDX-License-Identifier: MIT */
#include "app/handler.h"

#include <string.h>

#include <criterion/criterion.h>

#include "base/mem.h"

static int released;

static void count_release(void *user_data)
{
    cr_assert_eq(user_data, &released);
    released++;
}

static int number(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request;
    (void)response;
    return *(int *)user_data;
}

Test(handler, calls_and_releases_once)
{
    turbo_handler *handler = NULL;
    released = 0;
    cr_assert_eq(turbo_handler_new_func(number, &released, count_release, &handler), 0);
    cr_assert_null(turbo__handler_static(handler));
    cr_assert_eq(turbo__handler_call(handler, NULL, NULL), 0);
    cr_assert_eq(turbo_handler_ref(handler), handler);
    turbo_handler_unref(handler);
    cr_assert_eq(released, 0);
    turbo_handler_unref(handler);
    cr_assert_eq(released, 1);
    turbo_handler_unref(NULL);
}

Test(handler, releases_nothing_on_errors)
{
    turbo_handler *handler = NULL;
    released = 0;
    cr_assert_eq(turbo_handler_new_func(NULL, &released, count_release, &handler), TURBO_EINVAL);
    (void)turbo__mem_fail_nth(1);
    cr_assert_eq(turbo_handler_new_func(number, &released, count_release, &handler), TURBO_ENOMEM);
    (void)turbo__mem_fail_nth(0);
    cr_assert_null(handler);
    cr_assert_eq(released, 0);
}

static void rendered(const turbo_static_options *options, const char *line, const char *head,
                     const char *body)
{
    turbo_handler *handler;
    cr_assert_eq(turbo_handler_new_static(options, &handler), 0);
    const turbo__static_answer *answer = turbo__handler_static(handler);
    cr_assert_not_null(answer);
    cr_expect(turbo_str_equal(answer->status_line, turbo_cstr(line)));
    turbo_str seen_head = {answer->tail.data, answer->tail_head};
    turbo_str seen_body = {answer->tail.data + answer->tail_head,
                           answer->tail.len - answer->tail_head};
    cr_expect(turbo_str_equal(seen_head, turbo_cstr(head)), "%.*s", (int)seen_head.len,
              seen_head.data);
    cr_expect(turbo_str_equal(seen_body, turbo_cstr(body)));
    turbo_handler_unref(handler);
}

Test(handler, renders_static_answers)
{
    turbo_str headers[] = {TURBO_STR("X-A"), TURBO_STR("1"), TURBO_STR("X-B"), TURBO_STR("2")};
    turbo_static_options options = {.size = sizeof(options)};
    rendered(&options, "HTTP/1.1 200 OK\r\n",
             "content-length: 0\r\ncontent-type: application/json\r\n\r\n", "");
    options.body = TURBO_STR("hello");
    options.content_type = TURBO_STR("text/plain");
    options.headers = headers;
    options.header_count = 2;
    options.status = 418;
    rendered(&options, "HTTP/1.1 418 I'm a Teapot\r\n",
             "content-length: 5\r\ncontent-type: text/plain\r\nX-A: 1\r\nX-B: 2\r\n\r\n", "hello");
    options.status = 204; /* RFC 9110 §8.6: no length, no content */
    options.header_count = 0;
    rendered(&options, "HTTP/1.1 204 No Content\r\n", "content-type: text/plain\r\n\r\n", "");
}

Test(handler, refuses_bad_static_answers)
{
    turbo_str split[] = {TURBO_STR("X"), TURBO_STR("a\r\nSet-Cookie: b")};
    turbo_str spaced[] = {TURBO_STR("X Y"), TURBO_STR("a")};
    static const int statuses[] = {-1, 1, 100, 199, 600};
    turbo_handler *handler = NULL;
    turbo_static_options options = {.size = sizeof(options)};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        options.status = statuses[i];
        cr_assert_eq(turbo_handler_new_static(&options, &handler), TURBO_EINVAL);
    }
    options.status = 0;
    options.headers = split;
    options.header_count = 1;
    cr_assert_eq(turbo_handler_new_static(&options, &handler), TURBO_EHEADER);
    options.headers = spaced;
    cr_assert_eq(turbo_handler_new_static(&options, &handler), TURBO_EHEADER);
    options.header_count = 0;
    options.content_type = TURBO_STR("a\nb");
    cr_assert_eq(turbo_handler_new_static(&options, &handler), TURBO_EHEADER);
    options.size = 0;
    cr_assert_eq(turbo_handler_new_static(&options, &handler), TURBO_EOPTION);
    cr_assert_null(handler);
}

Test(handler, survives_want_of_memory)
{
    static char body[10000];
    turbo_str headers[] = {TURBO_STR("X-A"), TURBO_STR("1")};
    turbo_static_options options = {.size = sizeof(options), .headers = headers, .header_count = 1};
    turbo_handler *handler = NULL;
    unsigned long nth = 0;
    int rc;
    options.body = (turbo_str){body, sizeof(body)};
    do {
        (void)turbo__mem_fail_nth(++nth);
        rc = turbo_handler_new_static(&options, &handler);
        (void)turbo__mem_fail_nth(0);
        cr_assert(rc == 0 || (rc == TURBO_ENOMEM && handler == NULL));
    } while (rc != 0);
    cr_assert_gt(nth, 3);
    turbo_handler_unref(handler);
}

Test(handler, refuses_framing_fields_in_static_answers)
{
    const char *names[] = {"Connection", "transfer-encoding", "Content-Length"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        turbo_str pair[] = {turbo_cstr(names[i]), TURBO_STR("1")};
        turbo_static_options options = {
            .size = sizeof(options), .headers = pair, .header_count = 1};
        turbo_handler *handler = NULL;
        cr_assert_eq(turbo_handler_new_static(&options, &handler), TURBO_EHEADER);
        cr_assert_null(handler);
    }
}

Test(handler, a_static_205_is_empty)
{
    turbo_static_options options = {
        .size = sizeof(options), .status = 205, .body = TURBO_STR("text")};
    rendered(&options, "HTTP/1.1 205 Reset Content\r\n",
             "content-length: 0\r\ncontent-type: application/json\r\n\r\n", "");
}
