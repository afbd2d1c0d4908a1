/* SPDX-License-Identifier: MIT */

/*
 * A plain executable for ThreadSanitizer (Criterion's runner aborts under it): many connections,
 * two workers, every way an answer can come about, and a stop while all of it is going on; an
 * access log and somebody who reads the counters all the time.
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <turbo/turbo.h>

enum { CLIENTS = 64, REQUESTS = 60, CHUNKS = 20 };

static atomic_int answered;
static atomic_int broken;
static atomic_int helpers; /* threads that answer later */
static uint16_t port;
static uint64_t
    records; /* the log thread's, then, once the server was waited for, the main thread's */
static uint64_t lost;
static atomic_bool reading; /* somebody is to read the counters */

static void log_access(const turbo_access *access, void *user_data)
{
    (void)user_data;
    char line[4096];
    if (turbo_access_format(access, line, sizeof(line)) >= sizeof(line)) {
        abort();
    }
    records++;
    lost += access->dropped;
}

static void pause_us(long us)
{
    struct timespec t = {0, us * 1000};
    nanosleep(&t, NULL);
}

static int fast(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    return turbo_response_body_static(response, TURBO_STR("fast"));
}

static int slow(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    pause_us(3000);
    return turbo_response_body(response, TURBO_STR("slow"));
}

static void *finish_later(void *arg)
{
    turbo_response *response = arg;
    pause_us(200);
    if (turbo_response_body(response, TURBO_STR("later")) != 0) {
        abort();
    }
    turbo_response_finish(response);
    atomic_fetch_sub(&helpers, 1);
    return NULL;
}

static void *stream_later(void *arg)
{
    turbo_response *response = arg;
    int rc = turbo_response_begin(response, -1);
    for (int i = 0; i < CHUNKS && rc == 0; i++) {
        do {
            rc = turbo_response_send_chunk(response, TURBO_STR("chunk of a stream\n"), NULL, NULL);
            if (rc == TURBO_EAGAIN) {
                pause_us(100);
            }
        } while (rc == TURBO_EAGAIN);
    }
    turbo_response_finish(response);
    atomic_fetch_sub(&helpers, 1);
    return NULL;
}

static int start_helper(void *(*fn)(void *), turbo_response *response)
{
    pthread_t thread;
    atomic_fetch_add(&helpers, 1);
    if (pthread_create(&thread, NULL, fn, response) != 0) {
        abort();
    }
    pthread_detach(thread);
    return TURBO_PENDING;
}

static int later(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    return start_helper(finish_later, response);
}

static int stream(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    return start_helper(stream_later, response);
}

static void add(turbo_server *server, const char *pattern, turbo_handler_fn *fn)
{
    turbo_handler *handler;
    if (turbo_handler_new_func(fn, NULL, NULL, &handler) != 0 ||
        turbo_route_add(server, "GET", pattern, handler, NULL, NULL) != 0) {
        fprintf(stderr, "%s\n", turbo_error_detail());
        abort();
    }
    turbo_handler_unref(handler);
}

static int connect_client(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

/* Reads one answer; `end` is how it ends. */
static int read_answer(int fd, const char *end)
{
    char data[4096];
    size_t len = 0;
    while (len < sizeof(data) - 1) {
        ssize_t got = recv(fd, data + len, sizeof(data) - 1 - len, 0);
        if (got <= 0) {
            return -1;
        }
        len += (size_t)got;
        data[len] = '\0';
        if (strstr(data, "\r\n\r\n") != NULL && len >= strlen(end) &&
            strcmp(data + len - strlen(end), end) == 0) {
            return 0;
        }
    }
    return -1;
}

static void *client(void *arg)
{
    static const char *const paths[] = {"/", "/slow", "/later", "/stream", "/x/42"};
    static const char *const ends[] = {"fast", "slow", "later", "0\r\n\r\n", "fast"};
    size_t number = (size_t)arg;
    int fd = connect_client();
    for (size_t i = 0; i < REQUESTS && fd >= 0; i++) {
        size_t which = (i + number) % 5;
        char text[128];
        int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", paths[which]);
        if (send(fd, text, (size_t)len, MSG_NOSIGNAL) != len || read_answer(fd, ends[which]) != 0) {
            atomic_fetch_add(&broken, 1);
            break;
        }
        atomic_fetch_add(&answered, 1);
    }
    if (fd >= 0) {
        close(fd);
    }
    return NULL;
}

static turbo_server *make_server(void)
{
    turbo_server_options options = {.size = sizeof(options),
                                    .workers = 2,
                                    .offload_threads = 8,
                                    .access_log = log_access,
                                    .access_queue = 64};
    turbo_server *server;
    if (turbo_server_new(&options, &server) != 0) {
        abort();
    }
    add(server, "/", fast);
    add(server, "/slow", slow);
    add(server, "/later", later);
    add(server, "/stream", stream);
    add(server, "/x/{id:int}", fast);
    if (turbo_server_listen(server, "127.0.0.1", 0, &port) != 0 ||
        turbo_server_start(server) != 0) {
        fprintf(stderr, "%s\n", turbo_error_detail());
        abort();
    }
    return server;
}

static void *read_counters(void *arg)
{
    while (atomic_load(&reading)) {
        char *text;
        size_t length;
        if (turbo_server_metrics_text(arg, &text, &length) != 0 || strlen(text) != length) {
            abort();
        }
        turbo_metrics_text_free(text);
        pause_us(500);
    }
    return NULL;
}

/* Once the server was waited for: every answer has its record, or was told to be lost. */
static bool records_are_complete(const turbo_server *server)
{
    turbo_metrics metrics = {.size = sizeof(metrics)};
    if (turbo_server_metrics(server, &metrics) != 0) {
        abort();
    }
    uint64_t answers = 0;
    for (int i = 0; i < 6; i++) {
        answers += metrics.responses[i];
    }
    printf("%llu answers, %llu records, %llu lost, %llu of them told\n",
           (unsigned long long)answers, (unsigned long long)records,
           (unsigned long long)metrics.access_dropped, (unsigned long long)lost);
    bool ok = metrics.in_flight == 0 && records + metrics.access_dropped == answers &&
              lost <= metrics.access_dropped;
    records = 0;
    lost = 0;
    return ok;
}

static void run_clients(turbo_server *server, bool stop_while_serving)
{
    pthread_t reader;
    atomic_store(&reading, true);
    if (pthread_create(&reader, NULL, read_counters, server) != 0) {
        abort();
    }
    pthread_t threads[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        if (pthread_create(&threads[i], NULL, client, (void *)i) != 0) {
            abort();
        }
    }
    if (stop_while_serving) {
        while (atomic_load(&answered) < CLIENTS * 2) {
            pause_us(1000);
        }
        turbo_server_stop(server);
        turbo_server_stop(server);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
    }
    atomic_store(&reading, false);
    pthread_join(reader, NULL);
}

int main(void)
{
    turbo_server *server = make_server();
    run_clients(server, false);
    turbo_metrics metrics = {.size = sizeof(metrics)};
    if (turbo_server_metrics(server, &metrics) != 0) {
        abort();
    }
    printf("answered %d, broken %d, requests %llu, handovers %llu, offloaded %llu\n",
           atomic_load(&answered), atomic_load(&broken), (unsigned long long)metrics.requests,
           (unsigned long long)metrics.handovers, (unsigned long long)metrics.offloaded);
    bool ok = atomic_load(&broken) == 0 && atomic_load(&answered) == CLIENTS * REQUESTS &&
              metrics.offloaded > 0;
    turbo_server_stop(server);
    turbo_server_wait(server, -1);
    ok = records_are_complete(server) && ok;
    turbo_server_free(server);

    atomic_store(&answered, 0);
    server = make_server();
    run_clients(server, true);
    turbo_server_wait(server, -1);
    ok = records_are_complete(server) && ok;
    turbo_server_free(server);
    while (atomic_load(&helpers) > 0) {
        pause_us(1000);
    }
    printf("stopped while serving after %d answers\n", atomic_load(&answered));
    return ok ? 0 : 1;
}
