/* SPDX-License-Identifier: MIT */

#include "harness.h"

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

enum { CREW = 4, SLOW_RECORD = 100 };

static uint16_t port;
static uint64_t records;    /* the log thread's; the main thread's once the server was waited for */
static uint64_t lost;       /* as above */
static atomic_bool reading; /* somebody is to read the counters */

_Noreturn void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, turbo_error_detail());
    abort();
}

void pause_us(long us)
{
    struct timespec t = {0, us * 1000};
    nanosleep(&t, NULL);
}

/* --- servers ---------------------------------------------------------------- */

void add_route(turbo_server *server, const char *method, const char *pattern, turbo_handler_fn *fn,
               const turbo_route_options *options)
{
    turbo_handler *handler;
    if (turbo_handler_new_func(fn, NULL, NULL, &handler) != 0 ||
        turbo_route_add(server, method, pattern, handler, options, NULL) != 0) {
        die(pattern);
    }
    turbo_handler_unref(handler);
}

static void log_access(const turbo_access *access, void *user_data)
{
    (void)user_data;
    char line[4096];
    if (turbo_access_format(access, line, sizeof(line)) >= sizeof(line)) {
        die("access log");
    }
    records++;
    lost += access->dropped;
    if (records % SLOW_RECORD == 0) {
        pause_us(2000); /* the queue fills, and some are lost */
    }
}

turbo_server *make_server(uint32_t workers)
{
    turbo_server_options options = {.size = sizeof(options),
                                    .workers = workers,
                                    .offload_threads = 8,
                                    .stream_window = 16 * 1024,
                                    .access_log = log_access,
                                    .access_queue = 64};
    turbo_server *server;
    if (turbo_server_new(&options, &server) != 0) {
        die("turbo_server_new");
    }
    return server;
}

void listen_on_loopback(turbo_server *server)
{
    if (turbo_server_listen(server, "127.0.0.1", 0, &port) != 0) {
        die("turbo_server_listen");
    }
}

bool records_are_complete(const turbo_server *server)
{
    turbo_metrics metrics = {.size = sizeof(metrics)};
    if (turbo_server_metrics(server, &metrics) != 0) {
        die("turbo_server_metrics");
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

/* --- clients ---------------------------------------------------------------- */

int connect_client(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

bool send_text(int fd, const char *text)
{
    size_t length = strlen(text);
    while (length > 0) {
        ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        text += sent;
        length -= (size_t)sent;
    }
    return true;
}

static void *read_counters(void *arg)
{
    while (atomic_load_explicit(&reading, memory_order_relaxed)) {
        char *text;
        size_t length;
        if (turbo_server_metrics_text(arg, &text, &length) != 0 || strlen(text) != length) {
            die("turbo_server_metrics_text");
        }
        turbo_metrics_text_free(text);
        pause_us(500);
    }
    return NULL;
}

static void start_thread(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    if (pthread_create(thread, NULL, fn, arg) != 0) {
        die("pthread_create");
    }
}

void run_clients(turbo_server *server, void *(*client)(void *number),
                 void (*meanwhile)(turbo_server *server))
{
    pthread_t reader;
    pthread_t threads[CLIENTS];
    atomic_store_explicit(&reading, true, memory_order_relaxed);
    start_thread(&reader, read_counters, server);
    for (uintptr_t i = 0; i < CLIENTS; i++) {
        start_thread(&threads[i], client, (void *)i);
    }
    if (meanwhile != NULL) {
        meanwhile(server);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
    }
    atomic_store_explicit(&reading, false, memory_order_relaxed);
    pthread_join(reader, NULL);
}

/* --- the crew --------------------------------------------------------------- */

typedef struct job {
    struct job *next;
    job_fn *fn;
    void *arg;
} job;

/* A thread of the crew and its queue; lives from crew_start() to crew_end(). */
typedef struct hand {
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t given;
    job *first;
    job **end;
    bool ending;
} hand;

static hand crew[CREW];

static job *take(hand *self)
{
    pthread_mutex_lock(&self->lock);
    while (self->first == NULL && !self->ending) {
        pthread_cond_wait(&self->given, &self->lock);
    }
    job *taken = self->first;
    if (taken != NULL) {
        self->first = taken->next;
        if (self->first == NULL) {
            self->end = &self->first;
        }
    }
    pthread_mutex_unlock(&self->lock);
    return taken;
}

static void *work(void *arg)
{
    job *taken = take(arg);
    while (taken != NULL) {
        taken->fn(taken->arg);
        free(taken);
        taken = take(arg);
    }
    return NULL;
}

void crew_start(void)
{
    for (size_t i = 0; i < CREW; i++) {
        pthread_mutex_init(&crew[i].lock, NULL);
        pthread_cond_init(&crew[i].given, NULL);
        crew[i].first = NULL;
        crew[i].end = &crew[i].first;
        crew[i].ending = false;
        start_thread(&crew[i].thread, work, &crew[i]);
    }
}

void crew_give(size_t number, job_fn *fn, void *arg)
{
    hand *self = &crew[number % CREW];
    job *made = malloc(sizeof(*made));
    if (made == NULL) {
        die("out of memory");
    }
    *made = (job){.fn = fn, .arg = arg};
    pthread_mutex_lock(&self->lock);
    *self->end = made;
    self->end = &made->next;
    pthread_cond_signal(&self->given);
    pthread_mutex_unlock(&self->lock);
}

void crew_end(void)
{
    for (size_t i = 0; i < CREW; i++) {
        pthread_mutex_lock(&crew[i].lock);
        crew[i].ending = true;
        pthread_cond_signal(&crew[i].given);
        pthread_mutex_unlock(&crew[i].lock);
    }
    for (size_t i = 0; i < CREW; i++) {
        pthread_join(crew[i].thread, NULL);
        pthread_cond_destroy(&crew[i].given);
        pthread_mutex_destroy(&crew[i].lock);
    }
}
