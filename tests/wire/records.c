/* SPDX-License-Identifier: MIT */

/* What the server wrote down: its counters, and access records as events. */

#include "server.h"

#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>

#define COUNT(label, member)                                                                       \
    {                                                                                              \
        label, offsetof(turbo_metrics, member)                                                     \
    }

static const struct {
    const char *label;
    size_t offset;
} counts[] = {
    COUNT("requests", requests),
    COUNT("broken", responses[0]),
    COUNT("1xx", responses[1]),
    COUNT("2xx", responses[2]),
    COUNT("3xx", responses[3]),
    COUNT("4xx", responses[4]),
    COUNT("5xx", responses[5]),
    COUNT("connections", connections),
    COUNT("open", open_connections),
    COUNT("bytes_in", bytes_in),
    COUNT("bytes_out", bytes_out),
    COUNT("parse_errors", parse_errors),
    COUNT("handovers", handovers),
    COUNT("offloaded", offloaded),
    COUNT("refused_connections", refused_connections),
    COUNT("refused_heads", refused_heads),
    COUNT("in_flight", in_flight),
    COUNT("pipelined", pipelined),
    COUNT("queued", queued),
    COUNT("queue_full", queue_full),
    COUNT("access_dropped", access_dropped),
    COUNT("malformed", malformed),
    COUNT("timeouts", timeouts),
    COUNT("large_bodies", large_bodies),
    COUNT("long_targets", long_targets),
    COUNT("expectations", expectations),
    COUNT("large_heads", large_heads),
    COUNT("unsupported", unsupported),
    COUNT("versions", versions),
    COUNT("bad_proxies", bad_proxies),
};

void wire_report_metrics(const turbo_server *server)
{
    turbo_metrics metrics = {.size = sizeof(metrics)};
    if (turbo_server_metrics(server, &metrics) != 0) {
        wire_die("turbo_server_metrics");
    }
    char line[2048];
    size_t length = 0;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        uint64_t value;
        memcpy(&value, (const char *)&metrics + counts[i].offset, sizeof(value));
        int more =
            snprintf(line + length, sizeof(line) - length, " %s=%" PRIu64, counts[i].label, value);
        length += (size_t)more;
    }
    wire_event("metrics%s", line);
}

void wire_add_metrics(turbo_server *server)
{
    turbo_handler *handler = NULL;
    if (turbo_handler_new_metrics(server, &handler) != 0 ||
        turbo_route_add(server, "GET", "/metrics", handler, NULL, NULL) != 0) {
        wire_die("metrics");
    }
    turbo_handler_unref(handler);
}

/* The log's thread waits while it is shut. */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER; /* guards log_shut */
static pthread_cond_t log_changed = PTHREAD_COND_INITIALIZER;
static bool log_shut;

void wire_shut_log(bool shut)
{
    pthread_mutex_lock(&log_lock);
    log_shut = shut;
    pthread_cond_broadcast(&log_changed);
    pthread_mutex_unlock(&log_lock);
}

void wire_log_access(const turbo_access *access, void *user_data)
{
    (void)user_data;
    char line[4096];
    pthread_mutex_lock(&log_lock);
    while (log_shut) {
        pthread_cond_wait(&log_changed, &log_lock);
    }
    pthread_mutex_unlock(&log_lock);
    if (turbo_access_format(access, line, sizeof(line)) >= sizeof(line)) {
        wire_die("a record is too long");
    }
    wire_event("access port=%u route=%.*s version=%u status=%u in=%" PRIu64 " out=%" PRIu64
               " started=%" PRIu64 " duration=%" PRIu64 " dropped=%" PRIu64 " | %s",
               (unsigned)access->client_port, (int)access->route.len, access->route.data,
               (unsigned)access->version, (unsigned)access->status, access->bytes_in,
               access->bytes_out, access->started, access->duration, access->dropped, line);
}
