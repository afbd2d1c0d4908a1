/* SPDX-License-Identifier: MIT */
#include "turbo/metrics.h"

#include <string.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/turbo.h"

static void count_record(const turbo_access *access, void *user_data)
{
    (void)access;
    (*(int *)user_data)++;
}

/* A server with two workers, an access log that counts its records, and two routes. */
static turbo_server *make(int *records)
{
    turbo_server_options options = {
        .size = sizeof(options), .workers = 2, .access_log = count_record, .access_data = records};
    turbo_static_options answer = {.size = sizeof(answer), .body = TURBO_STR("x")};
    turbo_server *server;
    turbo_handler *handler;
    cr_assert_eq(turbo_server_new(&options, &server), 0);
    cr_assert_eq(turbo_handler_new_static(&answer, &handler), 0);
    cr_assert_eq(turbo_route_add(server, "GET", "/a", handler, NULL, NULL), 0);
    cr_assert_eq(turbo_route_add(server, "GET", "/b", handler, NULL, NULL), 0);
    turbo_handler_unref(handler);
    return server;
}

Test(server_metrics, are_zero_before_the_start)
{
    int records = 0;
    turbo_server *server = make(&records);
    turbo_metrics metrics = {.size = sizeof(metrics), .requests = 5};
    char *text;
    size_t length;
    cr_assert_eq(turbo_server_metrics(server, &metrics), 0);
    cr_assert_eq(metrics.requests, 0);
    cr_assert_eq(turbo_server_metrics_text(server, &text, &length), 0);
    cr_assert_eq(strlen(text), length);
    cr_assert_not_null(strstr(text, "\nturbo_connections_open 0\n"));
    turbo_metrics_text_free(text);
    cr_assert_eq(turbo_server_metrics_text(server, &text, NULL), 0);
    turbo_metrics_text_free(text);
    turbo_metrics_text_free(NULL);
    turbo_server_free(server);
}

Test(server_metrics, text_survives_want_of_memory)
{
    int records = 0;
    turbo_server *server = make(&records);
    cr_assert_eq(turbo_server_start(server), 0);
    unsigned long nth = 0;
    int rc;
    do {
        char *text = NULL;
        (void)turbo__mem_fail_nth(++nth);
        rc = turbo_server_metrics_text(server, &text, NULL);
        (void)turbo__mem_fail_nth(0);
        cr_assert(rc == 0 || (rc == TURBO_ENOMEM && text == NULL), "allocation %lu: %d", nth, rc);
        turbo_metrics_text_free(text);
    } while (rc != 0);
    cr_assert_gt(nth, 2);
    turbo_server_free(server);
}

Test(server_metrics, start_with_an_access_log_survives_want_of_memory)
{
    int records = 0;
    unsigned long nth = 0;
    int rc;
    do {
        turbo_server *server = make(&records);
        (void)turbo__mem_fail_nth(++nth);
        rc = turbo_server_start(server);
        (void)turbo__mem_fail_nth(0);
        cr_assert(rc == 0 || rc == TURBO_ENOMEM, "allocation %lu: %d", nth, rc);
        turbo_server_free(server);
    } while (rc != 0);
    cr_assert_gt(nth, 10);
    cr_assert_eq(records, 0);
}

Test(server_metrics, a_stepped_server_survives_want_of_memory)
{
    turbo_server_options options = {.size = sizeof(options), .access_log = count_record};
    unsigned long nth = 0;
    int rc;
    do {
        turbo_server *server;
        cr_assert_eq(turbo_server_new(&options, &server), 0);
        (void)turbo__mem_fail_nth(++nth);
        rc = turbo_server_pollfd(server);
        (void)turbo__mem_fail_nth(0);
        cr_assert(rc >= 0 || rc == TURBO_ENOMEM, "allocation %lu: %d", nth, rc);
        turbo_server_free(server);
    } while (rc < 0);
    cr_assert_gt(nth, 5);
}

Test(server_metrics, handler_wants_a_server_and_memory)
{
    int records = 0;
    turbo_handler *handler = NULL;
    cr_assert_eq(turbo_handler_new_metrics(NULL, &handler), TURBO_EINVAL);
    turbo_server *server = make(&records);
    (void)turbo__mem_fail_nth(1);
    cr_assert_eq(turbo_handler_new_metrics(server, &handler), TURBO_ENOMEM);
    (void)turbo__mem_fail_nth(0);
    cr_assert_null(handler);
    cr_assert_eq(turbo_handler_new_metrics(server, &handler), 0);
    cr_assert_eq(turbo_route_add(server, "GET", "/metrics", handler, NULL, NULL), 0);
    turbo_handler_unref(handler);
    turbo_server_free(server);
}
