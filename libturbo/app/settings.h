/* SPDX-License-Identifier: MIT */
#ifndef TURBO__APP_SETTINGS_H
#define TURBO__APP_SETTINGS_H

/*
 * A server's options with the defaults filled in: every limit that a peer can run into, by name.
 */

#include "codec/http1_parser.h"
#include "turbo/server.h"

enum { TURBO__SERVER_HEADER_MAX = 100 }; /* bytes of the Server field's value */

/** Part of the application object; written in setup, then only read. */
typedef struct turbo__settings {
    uint32_t workers;
    uint32_t backlog;
    uint32_t max_connections;
    uint32_t offload_threads;
    uint32_t offload_queue;
    uint32_t max_pipelined;
    uint32_t max_requests;
    turbo__http1_limits head; /* what bounds a head, chunks and trailers */
    uint64_t max_body;
    size_t stream_window;
    uint32_t head_timeout; /* all times in ms */
    uint32_t body_timeout;
    uint32_t idle_timeout;
    uint32_t write_timeout;
    uint32_t grace;
    uint32_t body_rate;   /* bytes per second */
    uint32_t retry_after; /* seconds */
    uint32_t access_queue;
    turbo_access_fn *access_log; /* NULL: none */
    void *access_data;
    turbo_forwarding forwarding;
    bool proxy_protocol;
    bool reuse_port;
    bool redirect_slashes;
    bool strict_head;
    bool allow_first;
    char *server_lines; /* "server: …\r\n" or ""; owned */
} turbo__settings;

/** Fills `out` from `options` (complete, see turbo__options_read()). Returns 0, TURBO_EINVAL,
 * TURBO_ENOMEM. */
int turbo__settings_init(turbo__settings *out, const turbo_server_options *options);

void turbo__settings_clear(turbo__settings *settings);

#endif
