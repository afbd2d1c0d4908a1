/* SPDX-License-Identifier: MIT */

/*
 * Every way a plain answer can come about, on 64 connections and two workers, out of a table of
 * many routes that all threads read; and a stop while all of it is going on.
 */

#include "harness.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUESTS = 60, ROUTES = 300, BEFORE_STOP = CLIENTS * 2 };

static atomic_size_t answered;
static atomic_size_t broken;
static atomic_size_t number; /* of the next answer that the crew gives */

static void count(atomic_size_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static size_t value(atomic_size_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* --- handlers --------------------------------------------------------------- */

static int fast(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    return turbo_response_body_static(response, TURBO_STR("fast"));
}

/* Blocks for longer than the monitor allows: the baton is handed over, then the route is offloaded.
 */
static int slow(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    pause_us(3000);
    return turbo_response_body(response, TURBO_STR("slow"));
}

static int parameter(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    turbo_str text;
    int error = turbo_request_param(request, TURBO_STR("id"), &text);
    return error != 0 ? error : turbo_response_body(response, text);
}

static void finish(void *arg)
{
    turbo_response *response = arg;
    if (turbo_response_body(response, TURBO_STR("later")) != 0) {
        die("turbo_response_body");
    }
    (void)turbo_response_finish(response); /* the client may be gone: then nobody is told */
}

static void finish_after_a_pause(void *arg)
{
    pause_us(200);
    finish(arg);
}

static void give_up(void *arg)
{
    turbo_response_abort(arg);
}

static int hand_to_crew(job_fn *fn, turbo_response *response)
{
    size_t which = atomic_fetch_add_explicit(&number, 1, memory_order_relaxed);
    crew_give(which, fn, response);
    return TURBO_PENDING;
}

static int later(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    return hand_to_crew(finish_after_a_pause, response);
}

/* The answer is often finished before the handler has returned. */
static int at_once(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    return hand_to_crew(finish, response);
}

static int aborted(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    return hand_to_crew(give_up, response);
}

/* --- clients ---------------------------------------------------------------- */

#define POST_JSON(body, length)                                                                    \
    "POST /item HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: " length  \
    "\r\n\r\n" body

/* `end`: how the answer ends; NULL: the connection closes without one. */
static const struct exchange {
    const char *request;
    const char *status;
    const char *end;
} exchanges[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "200", "fast"},
    {"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n", "200", "slow"},
    {"GET /later HTTP/1.1\r\nHost: a\r\n\r\n", "200", "later"},
    {"GET /at-once HTTP/1.1\r\nHost: a\r\n\r\n", "200", "later"},
    {"GET /offload HTTP/1.1\r\nHost: a\r\n\r\n", "200", "fast"},
    {"GET /route/7/x42 HTTP/1.1\r\nHost: a\r\n\r\n", "200", "x42"},
    {"GET /route/299/x43 HTTP/1.1\r\nHost: a\r\n\r\n", "200", "x43"},
    {"GET /route/300/x44 HTTP/1.1\r\nHost: a\r\n\r\n", "404", "}"},
    {POST_JSON("{\"n\": 1}", "8"), "200", "fast"},
    {POST_JSON("{\"n\": \"a\"}", "10"), "422", "}"},
    {"GET /abort HTTP/1.1\r\nHost: a\r\n\r\n", NULL, NULL},
};
enum { EXCHANGES = sizeof(exchanges) / sizeof(exchanges[0]) };

static bool is_answer(const char *data, size_t length, const struct exchange *expected)
{
    size_t end = strlen(expected->end);
    return strncmp(data, "HTTP/1.1 ", 9) == 0 && strncmp(data + 9, expected->status, 3) == 0 &&
           strstr(data, "\r\n\r\n") != NULL && length >= end &&
           strcmp(data + length - end, expected->end) == 0;
}

/* Reads until what came is the answer; false when the connection ends, or is full of something
 * else. */
static bool read_answer(int fd, const struct exchange *expected)
{
    char data[4096];
    size_t length = 0;
    while (length < sizeof(data) - 1) {
        ssize_t got = recv(fd, data + length, sizeof(data) - 1 - length, 0);
        if (got <= 0) {
            return length == 0 && got == 0 && expected->end == NULL;
        }
        length += (size_t)got;
        data[length] = '\0';
        if (expected->end != NULL && is_answer(data, length, expected)) {
            return true;
        }
    }
    return false;
}

static void *client(void *arg)
{
    size_t at = (uintptr_t)arg;
    int fd = connect_client();
    for (size_t i = 0; i < REQUESTS && fd >= 0; i++, at++) {
        const struct exchange *next = &exchanges[at % EXCHANGES];
        if (!send_text(fd, next->request) || !read_answer(fd, next)) {
            count(&broken);
            break;
        }
        count(&answered);
        if (next->end == NULL) {
            close(fd);
            fd = connect_client();
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return NULL;
}

/* --- runs ------------------------------------------------------------------- */

static turbo_server *start_server(void)
{
    turbo_schema *schema;
    if (turbo_schema_compile(TURBO_STR("{\"type\": \"object\", \"required\": [\"n\"],"
                                       " \"properties\": {\"n\": {\"type\": \"integer\"}}}"),
                             &schema) != 0) {
        die("turbo_schema_compile");
    }
    turbo_route_options offload = {.size = sizeof(offload), .offload = true};
    turbo_route_options item = {.size = sizeof(item), .body = schema};
    turbo_server *server = make_server(2);
    add_route(server, "GET", "/", fast, NULL);
    add_route(server, "GET", "/slow", slow, NULL);
    add_route(server, "GET", "/later", later, NULL);
    add_route(server, "GET", "/at-once", at_once, NULL);
    add_route(server, "GET", "/abort", aborted, NULL);
    add_route(server, "GET", "/offload", fast, &offload);
    add_route(server, "POST", "/item", fast, &item);
    for (int i = 0; i < ROUTES; i++) {
        char pattern[64];
        (void)snprintf(pattern, sizeof(pattern), "/route/%d/{id}", i);
        add_route(server, "GET", pattern, parameter, NULL);
    }
    turbo_schema_unref(schema);
    listen_on_loopback(server);
    if (turbo_server_start(server) != 0) {
        die("turbo_server_start");
    }
    return server;
}

static void stop_soon(turbo_server *server)
{
    while (value(&answered) < BEFORE_STOP) {
        pause_us(1000);
    }
    turbo_server_stop(server);
    turbo_server_stop(server);
}

static bool serve_all(void)
{
    turbo_server *server = start_server();
    run_clients(server, client, NULL);
    turbo_metrics metrics = {.size = sizeof(metrics)};
    if (turbo_server_metrics(server, &metrics) != 0) {
        die("turbo_server_metrics");
    }
    printf("answered %zu, broken %zu, handovers %llu, offloaded %llu\n", value(&answered),
           value(&broken), (unsigned long long)metrics.handovers,
           (unsigned long long)metrics.offloaded);
    bool ok = value(&broken) == 0 && value(&answered) == CLIENTS * REQUESTS &&
              metrics.requests == CLIENTS * REQUESTS && metrics.offloaded > 0;
    turbo_server_stop(server);
    turbo_server_wait(server, -1);
    ok = records_are_complete(server) && ok;
    turbo_server_free(server);
    return ok;
}

static bool stop_while_serving(void)
{
    atomic_store_explicit(&answered, 0, memory_order_relaxed);
    turbo_server *server = start_server();
    run_clients(server, client, stop_soon);
    turbo_server_wait(server, -1);
    bool ok = records_are_complete(server);
    turbo_server_free(server);
    printf("stopped while serving after %zu answers\n", value(&answered));
    return ok;
}

int main(void)
{
    crew_start();
    bool ok = serve_all();
    for (int i = 0; i < 3; i++) {
        ok = stop_while_serving() && ok;
    }
    crew_end();
    return ok ? 0 : 1;
}
