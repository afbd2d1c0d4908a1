/* SPDX-License-Identifier: MIT */
#include "app/settings.h"

#include <string.h>

#include <sys/resource.h>

#include "base/error.h"
#include "base/mem.h"

enum {
    MAX_WORKERS = 1024,
    MAX_THREADS = 4096,
    MAX_CONNECTIONS_DEFAULT = 10000,
    MIN_WINDOW = 4096,
    MAX_HEAD = 1 << 20,
    MAX_TIMEOUT = 24 * 3600 * 1000,
    MAX_RETRY_AFTER = 24 * 3600,
    MAX_ACCESS_QUEUE = 1 << 20
};

/* 80 % of what the process may open leaves room for files, upstreams and the log. */
static uint32_t default_connections(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return MAX_CONNECTIONS_DEFAULT;
    }
    rlim_t share = limit.rlim_cur / 5 * 4;
    return share < MAX_CONNECTIONS_DEFAULT ? (uint32_t)share : MAX_CONNECTIONS_DEFAULT;
}

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value > 0 ? value : fallback;
}

static size_t size_or_default(size_t value, size_t fallback)
{
    return value > 0 ? value : fallback;
}

static int check(const turbo__settings *settings)
{
    const struct {
        const char *name;
        uint64_t value;
        uint64_t max;
    } bounds[] = {
        {"workers", settings->workers, MAX_WORKERS},
        {"offload_threads", settings->offload_threads, MAX_THREADS},
        {"max_request_line", settings->head.request_line, MAX_HEAD},
        {"max_head", settings->head.head, MAX_HEAD},
        {"max_headers", settings->head.fields, 10000},
        {"head_timeout", settings->head_timeout, MAX_TIMEOUT},
        {"body_timeout", settings->body_timeout, MAX_TIMEOUT},
        {"idle_timeout", settings->idle_timeout, MAX_TIMEOUT},
        {"write_timeout", settings->write_timeout, MAX_TIMEOUT},
        {"grace", settings->grace, MAX_TIMEOUT},
        {"backlog", settings->backlog, 65535},
        {"max_header", settings->head.field, MAX_HEAD},
        {"max_trailer", settings->head.trailer, MAX_HEAD},
        {"max_trailers", settings->head.trailers, 10000},
        {"max_chunk_extension", settings->head.extension, MAX_HEAD},
        {"max_chunk_extensions", settings->head.extensions, MAX_HEAD},
        {"retry_after", settings->retry_after, MAX_RETRY_AFTER},
        {"access_queue", settings->access_queue, MAX_ACCESS_QUEUE},
        {"underscores", (uint64_t)settings->head.underscores, TURBO_UNDERSCORES_REFUSE},
        {"forwarding", (uint64_t)settings->forwarding, TURBO_FORWARDING_NONE},
    };
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        if (bounds[i].value > bounds[i].max) {
            return turbo__error_set(TURBO_EINVAL, "option %s is %llu, at most %llu is allowed",
                                    bounds[i].name, (unsigned long long)bounds[i].value,
                                    (unsigned long long)bounds[i].max);
        }
    }
    return 0;
}

static int render_server(turbo__settings *out, const char *name)
{
    turbo_str value = name != NULL ? turbo_cstr(name) : TURBO_STR("libturbo");
    if (!turbo__field_value_valid(value)) {
        return turbo__error_set(TURBO_EINVAL, "option server_header has a control character");
    }
    if (value.len > TURBO__SERVER_HEADER_MAX) {
        return turbo__error_set(TURBO_EINVAL, "option server_header is longer than %d bytes",
                                TURBO__SERVER_HEADER_MAX);
    }
    static const char prefix[] = "server: ";
    size_t size = sizeof(prefix) + value.len + 2;
    out->server_lines = turbo__calloc(1, size);
    if (out->server_lines == NULL) {
        return TURBO_ENOMEM;
    }
    if (value.len > 0) {
        memcpy(out->server_lines, prefix, sizeof(prefix) - 1);
        memcpy(out->server_lines + sizeof(prefix) - 1, value.data, value.len);
        memcpy(out->server_lines + sizeof(prefix) - 1 + value.len, "\r\n", 2);
    }
    return 0;
}

int turbo__settings_init(turbo__settings *out, const turbo_server_options *options)
{
    memset(out, 0, sizeof(*out));
    out->workers = or_default(options->workers, 1);
    out->backlog = or_default(options->backlog, 2048);
    out->max_connections = or_default(options->max_connections, default_connections());
    out->offload_threads = or_default(options->offload_threads, 40);
    out->offload_queue = or_default(options->offload_queue, 1024);
    out->max_pipelined = or_default(options->max_pipelined, 16);
    out->max_requests = or_default(options->max_requests, 10000);
    out->head.request_line = size_or_default(options->max_request_line, 8 * 1024);
    out->head.head = size_or_default(options->max_head, 32 * 1024);
    out->head.fields = or_default(options->max_headers, 100);
    out->max_body = options->max_body > 0 ? options->max_body : UINT64_C(16) << 20;
    out->stream_window = size_or_default(options->stream_window, 64 * 1024);
    if (out->stream_window < MIN_WINDOW) {
        out->stream_window = MIN_WINDOW;
    }
    out->head_timeout = or_default(options->head_timeout, 10000);
    out->body_timeout = or_default(options->body_timeout, 10000);
    out->idle_timeout = or_default(options->idle_timeout, 5000);
    out->write_timeout = or_default(options->write_timeout, 30000);
    out->grace = or_default(options->grace, 30000);
    out->head.field = size_or_default(options->max_header, 8 * 1024);
    out->head.trailer = size_or_default(options->max_trailer, 8 * 1024);
    out->head.trailers = or_default(options->max_trailers, 32);
    out->head.extension = or_default(options->max_chunk_extension, 1024);
    out->head.extensions = or_default(options->max_chunk_extensions, 16 * 1024);
    out->body_rate = or_default(options->body_rate, 240);
    out->retry_after = or_default(options->retry_after, 1);
    out->access_queue = or_default(options->access_queue, 8192);
    out->head.underscores = options->underscores;
    out->access_log = options->access_log;
    out->access_data = options->access_data;
    out->proxy_protocol = options->proxy_protocol;
    out->forwarding = options->forwarding;
    out->reuse_port = options->reuse_port;
    out->redirect_slashes = options->redirect_slashes;
    out->strict_head = options->strict_head;
    out->allow_first = options->allow_first;
    int rc = check(out);
    return rc != 0 ? rc : render_server(out, options->server_header);
}

void turbo__settings_clear(turbo__settings *settings)
{
    turbo__free(settings->server_lines);
    settings->server_lines = NULL;
}
