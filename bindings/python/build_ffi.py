"""Emits the C source of the extension module ``turboapi._native._turbo`` (CFFI, API mode).

Usage: ``build_ffi.py OUTPUT.c``. Only the control plane is declared here: what is called to set a
server up, start, stop and count. What runs for each request is C in ``turboapi/_native/src``.
"""

import sys

from cffi import FFI

DECLARATIONS = """
typedef struct turbo_str { const char *data; size_t len; } turbo_str;
typedef struct turbo_server turbo_server;
typedef struct turbo_handler turbo_handler;
typedef struct turbo_route turbo_route;
typedef struct turbo_schema turbo_schema;

typedef struct turbo_cors_options {
    size_t size;
    const turbo_str *origins;
    size_t origin_count;
    const char *origin_regex;
    const turbo_str *methods;
    size_t method_count;
    const turbo_str *headers;
    size_t header_count;
    const turbo_str *exposed_headers;
    size_t exposed_header_count;
    bool credentials;
    uint32_t max_age;
} turbo_cors_options;

typedef struct turbo_route_options {
    size_t size;
    const char *name;
    const turbo_schema *body;
    uint64_t max_body;
    bool no_body_limit;
    bool stream_body;
    bool offload;
    const turbo_cors_options *cors;
    size_t stream_past;
} turbo_route_options;

typedef struct turbo_thread_hooks { size_t size; ...; } turbo_thread_hooks;

typedef struct turbo_access turbo_access;
typedef void turbo_access_fn(const turbo_access *access, void *user_data);

typedef struct turbo_server_options {
    size_t size;
    uint32_t workers;
    uint32_t backlog;
    uint32_t max_connections;
    uint32_t offload_threads;
    uint32_t offload_queue;
    uint32_t max_pipelined;
    size_t max_request_line;
    size_t max_head;
    uint32_t max_headers;
    uint64_t max_body;
    size_t stream_window;
    uint32_t head_timeout;
    uint32_t body_timeout;
    uint32_t idle_timeout;
    uint32_t write_timeout;
    uint32_t grace;
    uint32_t max_requests;
    bool reuse_port;
    bool redirect_slashes;
    bool allow_first;
    bool strict_head;
    const char *server_header;
    const turbo_cors_options *cors;
    const turbo_thread_hooks *hooks;
    size_t max_header;
    size_t max_trailer;
    uint32_t max_trailers;
    uint32_t max_chunk_extension;
    uint32_t max_chunk_extensions;
    uint32_t body_rate;
    uint32_t retry_after;
    uint32_t underscores;
    bool proxy_protocol;
    const char *trusted_proxies;
    uint32_t forwarding;
    turbo_access_fn *access_log;
    void *access_data;
    uint32_t access_queue;
    ...;
} turbo_server_options;

typedef struct turbo_static_options {
    size_t size;
    int status;
    turbo_str content_type;
    turbo_str body;
    const turbo_str *headers;
    size_t header_count;
} turbo_static_options;

typedef struct turbo_metrics {
    size_t size;
    uint64_t requests;
    uint64_t responses[6];
    uint64_t connections;
    uint64_t open_connections;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t parse_errors;
    uint64_t handovers;
    uint64_t offloaded;
    uint64_t refused_connections;
    uint64_t refused_heads;
    uint64_t in_flight;
    uint64_t pipelined;
    uint64_t queued;
    uint64_t queue_full;
    uint64_t access_dropped;
    uint64_t malformed;
    uint64_t timeouts;
    uint64_t large_bodies;
    uint64_t long_targets;
    uint64_t expectations;
    uint64_t large_heads;
    uint64_t unsupported;
    uint64_t versions;
    uint64_t bad_proxies;
} turbo_metrics;

const char *turbo_version(void);
const char *turbo_error_detail(void);

int turbo_handler_new_library(const char *path, const char *symbol, const void *options,
                              turbo_handler **out);
int turbo_handler_new_static(const turbo_static_options *options, turbo_handler **out);
void turbo_handler_unref(turbo_handler *handler);
int turbo_route_add(turbo_server *server, const char *method, const char *pattern,
                    turbo_handler *handler, const turbo_route_options *options, turbo_route **out);

int turbo_server_new(const turbo_server_options *options, turbo_server **out);
void turbo_server_free(turbo_server *server);
int turbo_server_listen(turbo_server *server, const char *host, uint16_t port, uint16_t *bound);
int turbo_server_listen_unix(turbo_server *server, const char *path, uint32_t mode);
int turbo_server_listen_fd(turbo_server *server, int fd);
int turbo_server_listener(const turbo_server *server, size_t index);
int turbo_server_start(turbo_server *server);
void turbo_server_stop(turbo_server *server);
int turbo_server_wait(turbo_server *server, int timeout_ms);
int turbo_server_metrics(const turbo_server *server, turbo_metrics *metrics);
int turbo_server_metrics_text(const turbo_server *server, char **text, size_t *length);
void turbo_metrics_text_free(char *text);
int turbo_handler_new_metrics(const turbo_server *server, turbo_handler **out);

int turboapi_dataplane_init(void);
const turbo_thread_hooks *turboapi_thread_hooks(void);

typedef struct turboapi_access turboapi_access;
#define TURBOAPI_ACCESS_ROOM ...
turboapi_access *turboapi_access_new(void);
void turboapi_access_free(turboapi_access *queue);
void turboapi_access_log(const turbo_access *access, void *user_data);
size_t turboapi_access_read(turboapi_access *queue, char *out, size_t size);
void turboapi_access_close(turboapi_access *queue);
"""

SOURCE = """
#include <turbo/turbo.h>
#include "access.h"
int turboapi_dataplane_init(void);
const turbo_thread_hooks *turboapi_thread_hooks(void);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
ffi.set_source("turboapi._native._turbo", SOURCE)

if __name__ == "__main__":
    ffi.emit_c_code(sys.argv[1])
