/* SPDX-License-Identifier: MIT */
#ifndef TURBO_SERVER_H
#define TURBO_SERVER_H

#include <turbo/route.h>
#include <turbo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Called around the waits of threads that run handlers, for bindings that keep per-thread state.
 *  All may be NULL. Each fires on the thread it speaks of; none may block for long. */
typedef struct turbo_thread_hooks {
    size_t size;                        /**< sizeof(turbo_thread_hooks) */
    void (*start)(void *user_data);     /**< a thread of the library will run handlers */
    void (*before_wait)(void *user_data); /**< the thread is about to block */
    void (*stop)(void *user_data);      /**< the thread will run no more handlers */
    void *user_data;                    /**< must outlive the server */
} turbo_thread_hooks;

/** Options of turbo_server_new(). All memory is copied. */
typedef struct turbo_server_options {
    size_t size;                 /**< sizeof(turbo_server_options) */
    uint32_t workers;            /**< event loops; 0: 1 */
    uint32_t backlog;            /**< listen(2) backlog; 0: 2048 */
    uint32_t max_connections;    /**< open connections; 0: 80 % of the descriptor limit, at most 10,000 */
    uint32_t offload_threads;    /**< threads beyond the workers' own for slow handlers; 0: 40 */
    uint32_t offload_queue;      /**< requests waiting for such a thread, then 503; 0: 1024 */
    uint32_t max_pipelined;      /**< pipelined requests answered before others get their turn; 0: 16 */
    size_t max_request_line;     /**< bytes; 0: 8 KiB. Past it: 414 */
    size_t max_head;             /**< bytes of request line and headers; 0: 32 KiB. Past it: 431 */
    uint32_t max_headers;        /**< number of fields; 0: 100. Past it: 431 */
    uint64_t max_body;           /**< bytes; 0: 16 MiB. Past it: 413 */
    size_t stream_window;        /**< bytes of a streamed body in memory, per direction; 0: 64 KiB */
    uint32_t head_timeout;       /**< ms for a complete head; 0: 10,000. Past it: 408 */
    uint32_t body_timeout;       /**< ms between two reads of a body; 0: 10,000. Past it: 408 */
    uint32_t idle_timeout;       /**< ms between requests on a kept connection; 0: 5,000 */
    uint32_t write_timeout;      /**< ms without progress in sending; 0: 30,000 */
    uint32_t grace;              /**< ms that requests in flight get when stopping; 0: 30,000 */
    uint32_t max_requests;       /**< requests per connection; 0: 10,000 */
    bool reuse_port;             /**< SO_REUSEPORT, for several processes on one port */
    bool redirect_slashes;       /**< 307 to the path with or without its last slash if that one has a route */
    bool allow_first;            /**< Allow of a 405 lists only the first route of that path (Starlette's answer) */
    bool strict_head;            /**< HEAD is answered only by routes registered for it (FastAPI's rule), not by those for GET */
    const char *server_header;   /**< value of the Server field; NULL: "libturbo"; "": no field */
    const turbo_cors_options *cors;  /**< for every route; NULL: no CORS */
    const turbo_thread_hooks *hooks; /**< NULL: none */
} turbo_server_options;

/** Makes a server. It opens nothing yet. `options` (NULL: all defaults) is borrowed for the call.
 *  `*out` is the caller's, see turbo_server_free(). Any thread.
 *  Errors: TURBO_EOPTION, TURBO_EINVAL (a limit out of range, a bad regex), TURBO_ENOMEM, TURBO_ESYSTEM. */
TURBO_API int turbo_server_new(const turbo_server_options *options, turbo_server **out);

/** Stops the server if it runs (as turbo_server_stop() with no grace left) and frees it with its routes. NULL is
 *  ignored. Not from a handler. */
TURBO_API void turbo_server_free(turbo_server *server);

/** Binds and listens on `host` (a name or address; NULL: all) and `port` (0: any free one).
 *  `bound` (may be NULL) receives the real port. Setup.
 *  Errors: TURBO_EADDRESS with the system's reason in the detail, TURBO_ESYSTEM, TURBO_ENOMEM, TURBO_ESTATE. */
TURBO_API int turbo_server_listen(turbo_server *server, const char *host, uint16_t port,
                                  uint16_t *bound);

/** Listens on an inherited socket that is bound already. Taken: the server closes it; on error
 *  it stays the caller's. Setup. Errors: TURBO_EADDRESS (no listening socket), TURBO_ENOMEM, TURBO_ESTATE. */
TURBO_API int turbo_server_listen_fd(turbo_server *server, int fd);

/** Starts the server's own threads and returns; requests are answered from now on. Signals are left
 *  to the program: the threads block them all. Setup, once.
 *  Errors: TURBO_ESTATE, TURBO_ESYSTEM (no thread), TURBO_ENOMEM. Nothing runs after an error. */
TURBO_API int turbo_server_start(turbo_server *server);

/** turbo_server_start(), then waits until turbo_server_stop() was called and all is done. Errors as
 *  turbo_server_start(). */
TURBO_API int turbo_server_run(turbo_server *server);

/** Asks the server to stop: it accepts nothing more, closes idle connections, lets requests in
 *  flight finish within the grace option, then closes what is left. Called again it closes at once. Returns
 *  immediately. Any thread; async-signal-safe. */
TURBO_API void turbo_server_stop(turbo_server *server);

/** Waits until the server has stopped, at most `timeout_ms` (negative: for ever). Any thread that
 *  is none of the server's. Returns 0, or TURBO_EAGAIN when the time is over. */
TURBO_API int turbo_server_wait(turbo_server *server, int timeout_ms);

/**
 * For a program with an event loop of its own, instead of turbo_server_start(): prepares the one
 * worker and returns a descriptor that is readable whenever turbo_server_step() has work. Handlers
 * then run inside turbo_server_step(), on the calling thread only (routes with `offload` excepted).
 * The descriptor is borrowed from the server. Setup, once. Wants `workers` 1.
 * Errors: TURBO_ESTATE, TURBO_EINVAL, TURBO_ESYSTEM, TURBO_ENOMEM (all negative; a descriptor is not).
 */
TURBO_API int turbo_server_pollfd(turbo_server *server);

/** Does what there is to do, waiting at most `timeout_ms` (0: not at all, negative: until something
 *  happens) for it. Call it whenever the descriptor is readable and at least every 500 ms, for the
 *  timeouts. One thread at a time. Returns 1 while the server lives, 0 once it has stopped, or a
 *  negative error: TURBO_ESTATE, TURBO_ESYSTEM. */
TURBO_API int turbo_server_step(turbo_server *server, int timeout_ms);

/** The counters of all workers, added up when called. */
typedef struct turbo_metrics {
    size_t size;                /**< sizeof(turbo_metrics), set by the caller */
    uint64_t requests;          /**< requests whose head was complete */
    uint64_t responses[6];      /**< answers by status class; [0]: broken off without answer */
    uint64_t connections;       /**< accepted since the start */
    uint64_t open_connections;  /**< now */
    uint64_t bytes_in;          /**< read from sockets */
    uint64_t bytes_out;         /**< written to sockets */
    uint64_t parse_errors;      /**< messages refused as malformed or too large */
    uint64_t handovers;         /**< times a slow handler made another thread take a worker over */
    uint64_t offloaded;         /**< requests run on an offload thread */
} turbo_metrics;

/** Fills `metrics` (its `size` set by the caller). Any thread. Errors: TURBO_EOPTION. */
TURBO_API int turbo_server_metrics(const turbo_server *server, turbo_metrics *metrics);

#ifdef __cplusplus
}
#endif

#endif
