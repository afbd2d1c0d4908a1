/* SPDX-License-Identifier: MIT */
#include "turbo/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/turbo.h"

static turbo_server *make(const turbo_server_options *options, const char *body, uint16_t *port)
{
    turbo_server *server;
    turbo_handler *handler;
    turbo_static_options answer = {.size = sizeof(answer), .body = turbo_cstr(body)};
    cr_assert_eq(turbo_server_new(options, &server), 0);
    cr_assert_eq(turbo_handler_new_static(&answer, &handler), 0);
    cr_assert_eq(turbo_route_add(server, "GET", "/", handler, NULL, NULL), 0);
    turbo_handler_unref(handler);
    cr_assert_eq(turbo_server_listen(server, "127.0.0.1", 0, port), 0);
    return server;
}

static int ask(uint16_t port)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    struct sockaddr_in address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(send(fd, text, sizeof(text) - 1, 0), (ssize_t)sizeof(text) - 1);
    return fd;
}

/* Reads to the end of the connection and closes it. */
static void expect(int fd, const char *body)
{
    char text[2048];
    size_t len = 0;
    ssize_t count;
    while ((count = recv(fd, text + len, sizeof(text) - 1 - len, 0)) > 0) {
        len += (size_t)count;
    }
    text[len] = '\0';
    (void)close(fd);
    cr_assert_eq(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0, "%s", text);
    const char *end = strstr(text, "\r\n\r\n");
    cr_assert_not_null(end);
    cr_assert_str_eq(end + 4, body);
}

Test(server, refuses_bad_options)
{
    turbo_server *server = NULL;
    turbo_server_options options = {.size = 1};
    cr_assert_eq(turbo_server_new(&options, &server), TURBO_EOPTION);
    options = (turbo_server_options){.size = sizeof(options), .workers = 100000};
    cr_assert_eq(turbo_server_new(&options, &server), TURBO_EINVAL);
    turbo_thread_hooks hooks = {.size = 0};
    options = (turbo_server_options){.size = sizeof(options), .hooks = &hooks};
    cr_assert_eq(turbo_server_new(&options, &server), TURBO_EOPTION);
    cr_assert_null(server);
    turbo_server_free(NULL);
}

Test(server, goes_through_its_states)
{
    uint16_t port;
    turbo_handler *handler;
    turbo_static_options answer = {.size = sizeof(answer)};
    turbo_server *server = make(NULL, "x", &port);
    cr_assert_eq(turbo_server_step(server, 0), TURBO_ESTATE);
    cr_assert_eq(turbo_server_start(server), 0);
    cr_assert_eq(turbo_server_start(server), TURBO_ESTATE);
    cr_assert_eq(turbo_server_pollfd(server), TURBO_ESTATE);
    cr_assert_eq(turbo_server_step(server, 0), TURBO_ESTATE);
    cr_assert_eq(turbo_server_listen(server, "127.0.0.1", 0, NULL), TURBO_ESTATE);
    cr_assert_eq(turbo_server_listen_fd(server, 0), TURBO_ESTATE);
    cr_assert_eq(turbo_handler_new_static(&answer, &handler), 0);
    cr_assert_eq(turbo_route_add(server, "GET", "/late", handler, NULL, NULL), TURBO_ESTATE);
    turbo_handler_unref(handler);
    cr_assert_eq(turbo_server_wait(server, 1), TURBO_EAGAIN);
    expect(ask(port), "x");
    turbo_server_stop(server);
    cr_assert_eq(turbo_server_wait(server, -1), 0);
    cr_assert_eq(turbo_server_wait(server, 0), 0);
    turbo_server_free(server);
}

Test(server, may_be_freed_in_any_state)
{
    uint16_t port;
    turbo_server_free(make(NULL, "x", &port));
    turbo_server *running = make(NULL, "x", &port);
    cr_assert_eq(turbo_server_start(running), 0);
    turbo_server_free(running);
    turbo_server *stepped = make(NULL, "x", &port);
    cr_assert_geq(turbo_server_pollfd(stepped), 0);
    turbo_server_free(stepped);
}

Test(server, obeys_a_stop_before_the_start)
{
    uint16_t port;
    turbo_server *server = make(NULL, "x", &port);
    turbo_server_stop(server);
    cr_assert_eq(turbo_server_run(server), 0);
    turbo_server_free(server);
}

Test(server, is_one_of_several)
{
    uint16_t ports[3];
    turbo_server *servers[3];
    static const char *const bodies[] = {"first", "second", "third"};
    turbo_server_options options = {.size = sizeof(options), .workers = 2};
    for (int i = 0; i < 3; i++) {
        servers[i] = make(&options, bodies[i], &ports[i]);
        cr_assert_eq(turbo_server_start(servers[i]), 0);
    }
    turbo_server_free(servers[1]);
    expect(ask(ports[0]), bodies[0]);
    expect(ask(ports[2]), bodies[2]);
    turbo_server_free(servers[0]);
    expect(ask(ports[2]), bodies[2]);
    turbo_server_free(servers[2]);
}

Test(server, is_stepped_by_its_owner)
{
    uint16_t port;
    turbo_metrics metrics = {.size = sizeof(metrics)};
    turbo_server *server = make(NULL, "stepped", &port);
    cr_assert_geq(turbo_server_pollfd(server), 0);
    cr_assert_eq(turbo_server_pollfd(server), TURBO_ESTATE);
    cr_assert_eq(turbo_server_step(server, 0), 1);
    int fd = ask(port);
    do {
        cr_assert_eq(turbo_server_step(server, 100), 1);
        cr_assert_eq(turbo_server_metrics(server, &metrics), 0);
    } while (metrics.responses[2] == 0 || metrics.bytes_out == 0);
    expect(fd, "stepped");
    turbo_server_stop(server);
    int rc;
    while ((rc = turbo_server_step(server, 100)) == 1) {
    }
    cr_assert_eq(rc, 0);
    turbo_server_free(server);
    turbo_server_options options = {.size = sizeof(options), .workers = 2};
    server = make(&options, "x", &port);
    cr_assert_eq(turbo_server_pollfd(server), TURBO_EINVAL);
    turbo_server_free(server);
}

Test(server, counts)
{
    uint16_t port;
    turbo_metrics metrics = {.size = sizeof(metrics)};
    turbo_server *server = make(NULL, "12345", &port);
    cr_assert_eq(turbo_server_metrics(server, &metrics), 0);
    cr_assert_eq(metrics.requests, 0);
    cr_assert_eq(turbo_server_start(server), 0);
    for (int i = 0; i < 3; i++) {
        expect(ask(port), "12345");
    }
    turbo_server_stop(server);
    cr_assert_eq(turbo_server_wait(server, -1), 0);
    cr_assert_eq(turbo_server_metrics(server, &metrics), 0);
    cr_assert_eq(metrics.requests, 3);
    cr_assert_eq(metrics.responses[2], 3);
    cr_assert_eq(metrics.connections, 3);
    cr_assert_eq(metrics.open_connections, 0);
    cr_assert_eq(metrics.parse_errors, 0);
    cr_assert_gt(metrics.bytes_in, 100);
    cr_assert_gt(metrics.bytes_out, 100);
    metrics.size = 0;
    cr_assert_eq(turbo_server_metrics(server, &metrics), TURBO_EOPTION);
    turbo_server_free(server);
}

Test(server, survives_want_of_memory_when_made)
{
    turbo_server *server = NULL;
    unsigned long nth = 0;
    int rc;
    do {
        (void)turbo__mem_fail_nth(++nth);
        rc = turbo_server_new(NULL, &server);
        (void)turbo__mem_fail_nth(0);
        cr_assert(rc == 0 || (rc == TURBO_ENOMEM && server == NULL), "allocation %lu: %d", nth, rc);
    } while (rc != 0);
    cr_assert_gt(nth, 2);
    turbo_server_free(server);
}

Test(server, survives_want_of_memory_when_started)
{
    unsigned long nth = 0;
    int rc;
    do {
        uint16_t port;
        turbo_server *server = make(NULL, "x", &port);
        (void)turbo__mem_fail_nth(++nth);
        rc = turbo_server_start(server);
        (void)turbo__mem_fail_nth(0);
        cr_assert(rc == 0 || rc == TURBO_ENOMEM, "allocation %lu: %d", nth, rc);
        turbo_server_free(server);
    } while (rc != 0);
    cr_assert_gt(nth, 1);
}
