/* SPDX-License-Identifier: MIT */
#ifndef TURBO_SERVER_H
#define TURBO_SERVER_H

#include <turbo/access.h>
#include <turbo/metrics.h>
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

/** What is done with a request that has a header name with '_' in it. Programs behind the server that
 *  map '-' to '_' (CGI's rule) take Content_Length for Content-Length, so they want one of the
 *  last two. The library itself never does. */
typedef enum turbo_underscores {
    TURBO_UNDERSCORES_PASS = 0,   /**< the field is as good as any other */
    TURBO_UNDERSCORES_DROP = 1,   /**< the field is left out */
    TURBO_UNDERSCORES_REFUSE = 2  /**< 400 */
} turbo_underscores;

/** Which header fields of trusted proxies are believed. A proxy that writes one kind lets the other
 *  through as the client sent it, so name the kind that yours writes, or have it remove the other. */
typedef enum turbo_forwarding {
    TURBO_FORWARDING_X = 0,        /**< X-Forwarded-For, -Proto, -Host and -Port only: what most proxies write */
    TURBO_FORWARDING_STANDARD = 1, /**< Forwarded (RFC 7239) only */
    TURBO_FORWARDING_BOTH = 2,     /**< Forwarded if there is one, else X-Forwarded-* */
    TURBO_FORWARDING_NONE = 3      /**< neither: PROXY headers only */
} turbo_forwarding;

/*
 * Forks. A server that was only set up may be started by children of the process, each on its own (they
 * share its listeners). Once it was started it belongs to the process that started it: in a child every
 * function of it returns TURBO_EFORK, turbo_server_stop() does nothing, and turbo_server_free() closes the
 * child's copies of its descriptors and frees what no thread was changing; a thread that returns there
 * from a handler ends. turbo_response_*() and turbo_request_read() reach nobody. The parent is not affected.
 */

/** Options of turbo_server_new(). All memory is copied. */
typedef struct turbo_server_options {
    size_t size;                 /**< sizeof(turbo_server_options) */
    uint32_t workers;            /**< event loops; 0: 1 */
    uint32_t backlog;            /**< listen(2) backlog; 0: 2048 */
    uint32_t max_connections;    /**< open connections; 0: 80 % of the descriptor limit, at most 10,000. Past it clients wait in the
                                  *   backlog, and get 503 when no place was free for a second */
    uint32_t offload_threads;    /**< threads beyond the workers' own for slow handlers; 0: 40 */
    uint32_t offload_queue;      /**< requests waiting for such a thread, then 503; 0: 1024 */
    uint32_t max_pipelined;      /**< pipelined requests answered before others get their turn; 0: 16 */
    size_t max_request_line;     /**< bytes; 0: 8 KiB. Past it: 414 */
    size_t max_head;             /**< bytes of request line and headers; 0: 32 KiB. Past it: 431 */
    uint32_t max_headers;        /**< number of fields; 0: 100. Past it: 431 */
    uint64_t max_body;           /**< bytes; 0: 16 MiB. Past it: 413 */
    size_t stream_window;        /**< bytes of a streamed body in memory, per direction; 0: 64 KiB */
    uint32_t head_timeout;       /**< ms for a complete head; 0: 10,000. Past it: 408 */
    uint32_t body_timeout;       /**< ms that the server, or a handler that reads, waits for the next byte of a body; 0: 10,000. Past it: 408 */
    uint32_t idle_timeout;       /**< ms before the first request and between requests on a connection; 0: 5,000. Then it is closed */
    uint32_t write_timeout;      /**< ms in which a client takes nothing of its answer; 0: 30,000. Then the connection is closed */
    uint32_t grace;              /**< ms that requests in flight get when stopping; 0: 30,000 */
    uint32_t max_requests;       /**< requests per connection; 0: 10,000 */
    bool reuse_port;             /**< SO_REUSEPORT, for several processes on one port */
    bool redirect_slashes;       /**< 307 to the path with or without its last slash if that one has a route */
    bool allow_first;            /**< Allow of a 405 lists only the first route of that path (Starlette's answer) */
    bool strict_head;            /**< HEAD is answered only by routes registered for it (FastAPI's rule), not by those for GET */
    const char *server_header;   /**< value of the Server field, at most 100 bytes; NULL: "libturbo"; "": no field */
    const turbo_cors_options *cors;  /**< for every route; NULL: no CORS */
    const turbo_thread_hooks *hooks; /**< NULL: none */
    size_t max_header;           /**< bytes of one header field, name to end of value; 0: 8 KiB. Past it: 431 */
    size_t max_trailer;          /**< bytes of all trailer fields of a body; 0: 8 KiB. Past it: 431 */
    uint32_t max_trailers;       /**< number of trailer fields; 0: 32. Past it: 431 */
    uint32_t max_chunk_extension;  /**< bytes of the extensions of one chunk; 0: 1 KiB. Past it: 400 */
    uint32_t max_chunk_extensions; /**< bytes of all chunk extensions of a body; 0: 16 KiB. Past it: 400 */
    uint32_t body_rate;          /**< bytes per second that a body must come with on average, over the time in which it is waited for; checked
                                  *   once that is more than `body_timeout`; 0: 240. Below it: 408 */
    uint32_t retry_after;        /**< seconds told in Retry-After with a 503 of an overloaded server; 0: 1 */
    turbo_underscores underscores; /**< what is done with header names that hold '_'; 0: they pass */
    bool proxy_protocol;         /**< connections of trusted proxies must begin with a PROXY protocol header, version 1 or 2 */
    const char *trusted_proxies; /**< networks in CIDR notation, separated by commas, and "unix" for unix sockets,
                                  *   whose Forwarded, X-Forwarded-* and PROXY headers are believed; NULL: none */
    turbo_access_fn *access_log; /**< told of each answered request; NULL: nobody */
    void *access_data;           /**< handed to `access_log`; must outlive the server */
    uint32_t access_queue;       /**< records per worker that wait for `access_log`, 512 bytes on average, then they are dropped and counted; 0: 8,192 */
    turbo_forwarding forwarding; /**< which fields of trusted proxies are believed; 0: X-Forwarded-* */
} turbo_server_options;

/** Makes a server. It opens nothing yet. `options` (NULL: all defaults) is borrowed for the call.
 *  `*out` is the caller's, see turbo_server_free(). Any thread.
 *  Errors: TURBO_EOPTION, TURBO_EINVAL (a limit out of range, a bad regex), TURBO_ENOMEM, TURBO_ESYSTEM. */
TURBO_API int turbo_server_new(const turbo_server_options *options, turbo_server **out);

/** Stops the server if it runs (as turbo_server_stop() with no grace left) and frees it with its routes. NULL is
 *  ignored. Not from a handler. */
TURBO_API void turbo_server_free(turbo_server *server);

/** Binds and listens on `host` and `port` (0: any free one). `host` is an IPv4 or IPv6 address, or a name, of
 *  whose addresses the first that can be had is taken; "::" takes IPv4 clients too, "0.0.0.0" those alone;
 *  NULL is "::", or "0.0.0.0" on a system without IPv6. Borrowed for the call. `bound` (may be NULL)
 *  receives the real port. May be called several times. Setup.
 *  Errors: TURBO_EADDRESS with the system's reason in the detail, TURBO_ESYSTEM, TURBO_ENOMEM, TURBO_ESTATE. */
TURBO_API int turbo_server_listen(turbo_server *server, const char *host, uint16_t port,
                                  uint16_t *bound);

/** Binds and listens on a unix socket at `path` (borrowed for the call; at most 107 bytes on Linux). A
 *  socket file there is replaced when nobody listens on it any more; two servers that do so in the same instant
 *  may both believe that they have it. `mode`: permission bits of the file, whatever the umask (0: 0600);
 *  clients need the bit to write. When the server stops the file is removed, if it is still its own.
 *  Such clients have no address: turbo_request_peer() is empty. Setup.
 *  Errors: TURBO_EADDRESS (path too long or taken, or the system's reason), TURBO_EINVAL (mode), TURBO_ESYSTEM,
 *  TURBO_ENOMEM, TURBO_ESTATE. Since 0.1. */
TURBO_API int turbo_server_listen_unix(turbo_server *server, const char *path, uint32_t mode);

/** Listens on an inherited TCP or unix stream socket that listens already; several processes may share it.
 *  Taken: the server closes it, and it gets FD_CLOEXEC and O_NONBLOCK; on error it stays the caller's. Setup.
 *  Errors: TURBO_EADDRESS (no such socket), TURBO_ENOMEM, TURBO_ESTATE. */
TURBO_API int turbo_server_listen_fd(turbo_server *server, int fd);

/** Listens on all sockets that the service manager passed to this process: the descriptors from 3 on, as
 *  LISTEN_PID and LISTEN_FDS in the environment tell (systemd's sd_listen_fds(3)); all or none. The only function
 *  that looks into the environment; it changes nothing there. Taken as by turbo_server_listen_fd(). Setup.
 *  Errors: TURBO_ENOTFOUND (nothing was passed to this process), else as turbo_server_listen_fd(). Since 0.1. */
TURBO_API int turbo_server_listen_env(turbo_server *server);

/** The descriptor of the `index`-th listener, in the order in which they were added; borrowed: closed
 *  when the server stops. For programs that have worker processes share it (turbo_server_listen_fd()).
 *  Setup. Errors: TURBO_ENOTFOUND (all negative; a descriptor is not). Since 0.1. */
TURBO_API int turbo_server_listener(const turbo_server *server, size_t index);

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
 *  is none of the server's. Returns 0, TURBO_EAGAIN when the time is over, or TURBO_EFORK. */
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

#ifdef __cplusplus
}
#endif

#endif
