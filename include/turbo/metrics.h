/* SPDX-License-Identifier: MIT */
#ifndef TURBO_METRICS_H
#define TURBO_METRICS_H

#include <turbo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a server has done since it was started. Each worker counts for itself, without locks; the
 * counts are added up when they are asked for, so that those of one call may be a few requests
 * apart from each other while the server works. They stay readable until turbo_server_free(). "Any"
 * thread may ask, but not while another is still inside turbo_server_start() or turbo_server_pollfd(). */

/** The counters of all workers, added up when called. */
typedef struct turbo_metrics {
    size_t size;                /**< sizeof(turbo_metrics), set by the caller */
    uint64_t requests;          /**< requests whose head was complete */
    uint64_t responses[6];      /**< answers by status class; [0]: broken off without answer */
    uint64_t connections;       /**< accepted since the start */
    uint64_t open_connections;  /**< now */
    uint64_t bytes_in;          /**< read from sockets */
    uint64_t bytes_out;         /**< written to sockets */
    uint64_t parse_errors;      /**< messages refused as malformed, too large or too slow; the sum of the nine at the end */
    uint64_t handovers;         /**< times a slow handler made another thread take a worker over */
    uint64_t offloaded;         /**< requests run on an offload thread */
    uint64_t refused_connections; /**< turned away: no memory, or too many open */
    uint64_t refused_heads;     /**< answers without a complete head, 503 to a connection too many included: in `responses`, not in `requests` */
    uint64_t in_flight;         /**< requests neither answered nor broken off, now */
    uint64_t pipelined;         /**< messages that had begun to come before the one in front was answered */
    uint64_t queued;            /**< requests waiting for an offload thread, now */
    uint64_t queue_full;        /**< requests answered with 503 because too many waited */
    uint64_t access_dropped;    /**< access records lost because their queue was full */
    uint64_t malformed;         /**< messages refused with 400 */
    uint64_t timeouts;          /**< … 408: head or body too slow */
    uint64_t large_bodies;      /**< … 413 */
    uint64_t long_targets;      /**< … 414 */
    uint64_t expectations;      /**< … 417 */
    uint64_t large_heads;       /**< … 431, trailers included */
    uint64_t unsupported;       /**< … 501: a transfer coding or method that is not known */
    uint64_t versions;          /**< … 505 */
    uint64_t bad_proxies;       /**< connections closed without an answer for their PROXY header */
} turbo_metrics;

/** Fills `metrics`, whose `size` the caller has set. A caller built with an older header gets the
 *  members that it knows; with a newer one, those that this library does not know become 0. Thread: any.
 *  Errors: TURBO_EOPTION (`size` was not set). */
TURBO_API int turbo_server_metrics(const turbo_server *server, turbo_metrics *metrics);

/**
 * Renders the counters as text in Prometheus' exposition format, version 0.0.4: those of
 * turbo_server_metrics(), and for each route that was asked for
 *
 *  - turbo_http_requests_total by `route` (its name, "" where none matched; routes of one name count together),
 *    `method` ("other" for all but GET, HEAD, POST, PUT, DELETE, PATCH and OPTIONS) and `status` ("0" for
 *    requests broken off without an answer). A route has 16 pairs of method and status; what comes after
 *    those is counted with method "other" and status "0xx" to "5xx".
 *  - turbo_http_request_duration_seconds, a histogram of the time from the complete head until the
 *    answer was handed to its connection, bodies that had to be waited for included. It is measured
 *    where a handler was called, to about 20 microseconds; answers of the library itself count as 0.
 *
 * `*text` is NUL-terminated and freed with turbo_metrics_text_free(); `length` (may be NULL) gets its
 * bytes without the NUL. Thread: any. Errors: TURBO_ENOMEM.
 */
TURBO_API int turbo_server_metrics_text(const turbo_server *server, char **text, size_t *length);

/** Frees a text of turbo_server_metrics_text(). NULL is ignored. Thread: any. */
TURBO_API void turbo_metrics_text_free(char *text);

/**
 * Makes a handler that answers with turbo_server_metrics_text(), for a route such as GET /metrics.
 * `server` is borrowed: it must live as long as the handler is used, as it does if the route is its own.
 * `*out` is a new reference, the caller's; see turbo_handler_unref(). Setup.
 * Errors: TURBO_EINVAL (no server), TURBO_ENOMEM.
 */
TURBO_API int turbo_handler_new_metrics(const turbo_server *server, turbo_handler **out);

#ifdef __cplusplus
}
#endif

#endif
