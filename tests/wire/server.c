/* SPDX-License-Identifier: MIT */

/* The wire tests' server: its command line, its servers and its commands. See server.h. */

#include "server.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_SERVERS = 4, MAX_LIST = 16, MAX_LINE = 4096, STEP_MS = 250 };

/* What the command line asked for; made by main(), then only read. */
typedef struct setup {
    turbo_server_options options;
    turbo_cors_options cors;
    turbo_str origins[MAX_LIST];
    turbo_str methods[MAX_LIST];
    turbo_str headers[MAX_LIST];
    turbo_str exposed[MAX_LIST];
    const char *routes[MAX_LIST];
    size_t route_count;
    const char *plugins[MAX_LIST];
    size_t plugin_count;
    const char *file;
    const char *host;
    const char *unix_path;
    uint32_t mode;  /* of the socket file */
    const char *fd; /* an inherited listener, instead of the above */
    bool env;       /* listeners that LISTEN_FDS tells of, instead of the above */
    uint16_t port;
    size_t servers;
    bool step; /* drive the server from this thread */
} setup;

/* One server of the process; used by the main thread, waited for by a thread of its own. */
typedef struct slot {
    size_t index;
    turbo_server *server;
    uint16_t port;
    pthread_t waiter;
    bool waiting;
} slot;

static pthread_mutex_t output_lock = PTHREAD_MUTEX_INITIALIZER; /* guards standard output */

void wire_event(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&output_lock);
    vprintf(format, arguments);
    putchar('\n');
    fflush(stdout);
    pthread_mutex_unlock(&output_lock);
    va_end(arguments);
}

void wire_die(const char *what)
{
    fprintf(stderr, "wire server: %s: %s\n", what, turbo_error_detail());
    exit(EXIT_FAILURE);
}

void wire_query_text(turbo_request *request, const char *name, const char *otherwise, char *out,
                     size_t size)
{
    turbo_str value;
    int error = turbo_request_query_param(request, turbo_cstr(name), &value);
    if (error == TURBO_ENOTFOUND) {
        value = turbo_cstr(otherwise);
    } else if (error != 0 || value.len >= size) {
        wire_die(name);
    }
    memcpy(out, value.data, value.len);
    out[value.len] = '\0';
}

long long wire_query_number(turbo_request *request, const char *name, long long otherwise)
{
    char text[32];
    wire_query_text(request, name, "", text, sizeof(text));
    return text[0] == '\0' ? otherwise : strtoll(text, NULL, 10);
}

void wire_route(turbo_server *server, const char *method, const char *pattern, turbo_handler_fn *fn,
                void *user_data, const turbo_route_options *options)
{
    turbo_handler *handler = NULL;
    if (turbo_handler_new_func(fn, user_data, NULL, &handler) != 0 ||
        turbo_route_add(server, method, pattern, handler, options, NULL) != 0) {
        wire_die(pattern);
    }
    turbo_handler_unref(handler);
}

static void log_line(turbo_log_level level, turbo_str line, void *user_data)
{
    (void)user_data;
    fprintf(stderr, "%.*s\n", (int)line.len, line.data);
    if (level >= TURBO_LOG_WARNING) {
        wire_event("log %.*s", (int)line.len, line.data);
    }
}

/* --- command line ---------------------------------------------------------- */

#define OPTION(name)                                                                               \
    {                                                                                              \
#name, offsetof(turbo_server_options, name), sizeof(((turbo_server_options *)0)->name)     \
    }

static const struct option {
    const char *name;
    size_t offset;
    size_t size;
} number_options[] = {
    OPTION(workers),
    OPTION(backlog),
    OPTION(max_connections),
    OPTION(offload_threads),
    OPTION(offload_queue),
    OPTION(max_pipelined),
    OPTION(max_request_line),
    OPTION(max_head),
    OPTION(max_headers),
    OPTION(max_body),
    OPTION(stream_window),
    OPTION(head_timeout),
    OPTION(body_timeout),
    OPTION(idle_timeout),
    OPTION(write_timeout),
    OPTION(grace),
    OPTION(max_requests),
    OPTION(reuse_port),
    OPTION(redirect_slashes),
    OPTION(strict_head),
    OPTION(allow_first),
    OPTION(proxy_protocol),
    OPTION(forwarding),
    OPTION(body_rate),
    OPTION(retry_after),
    OPTION(access_queue),
    OPTION(max_header),
    OPTION(max_trailer),
    OPTION(max_trailers),
    OPTION(max_chunk_extension),
    OPTION(max_chunk_extensions),
    OPTION(underscores),
};

/* Sets the member called `name`; false when there is none. */
static bool set_number(turbo_server_options *options, const char *name, const char *value)
{
    uint64_t number = strtoull(value, NULL, 10);
    for (size_t i = 0; i < sizeof(number_options) / sizeof(number_options[0]); i++) {
        const struct option *option = &number_options[i];
        if (strcmp(option->name, name) != 0) {
            continue;
        }
        char *at = (char *)options + option->offset;
        uint32_t narrow = (uint32_t)number;
        bool flag = number != 0;
        const void *from = option->size == sizeof(bool)       ? (const void *)&flag
                           : option->size == sizeof(uint32_t) ? (const void *)&narrow
                                                              : (const void *)&number;
        memcpy(at, from, option->size);
        return true;
    }
    return false;
}

static void add_to(turbo_str *list, size_t *count, const char *value)
{
    if (*count == MAX_LIST) {
        wire_die("too many values");
    }
    list[(*count)++] = turbo_cstr(value);
}

static bool set_cors(setup *self, const char *name, const char *value)
{
    turbo_cors_options *cors = &self->cors;
    if (strncmp(name, "cors-", 5) != 0) {
        return false;
    }
    self->options.cors = cors;
    cors->size = sizeof(*cors);
    name += 5;
    if (strcmp(name, "origin") == 0) {
        add_to(self->origins, &cors->origin_count, value);
    } else if (strcmp(name, "method") == 0) {
        add_to(self->methods, &cors->method_count, value);
    } else if (strcmp(name, "header") == 0) {
        add_to(self->headers, &cors->header_count, value);
    } else if (strcmp(name, "expose") == 0) {
        add_to(self->exposed, &cors->exposed_header_count, value);
    } else if (strcmp(name, "regex") == 0) {
        cors->origin_regex = value;
    } else if (strcmp(name, "credentials") == 0) {
        cors->credentials = true;
    } else if (strcmp(name, "max-age") == 0) {
        cors->max_age = (uint32_t)strtoul(value, NULL, 10);
    } else {
        return false;
    }
    cors->origins = self->origins;
    cors->methods = self->methods;
    cors->headers = self->headers;
    cors->exposed_headers = self->exposed;
    return true;
}

static bool set_listener(setup *self, const char *name, const char *value)
{
    if (strcmp(name, "host") == 0) {
        self->host = value;
    } else if (strcmp(name, "unix") == 0) {
        self->unix_path = value;
    } else if (strcmp(name, "mode") == 0) {
        self->mode = (uint32_t)strtoul(value, NULL, 8);
    } else if (strcmp(name, "fd") == 0) {
        self->fd = value;
    } else if (strcmp(name, "env") == 0) {
        self->env = true;
    } else {
        return false;
    }
    return true;
}

/* Reads --name value pairs. */
static void read_arguments(setup *self, int argc, char **argv)
{
    self->options.size = sizeof(self->options);
    self->servers = 1;
    self->host = "127.0.0.1";
    for (int i = 1; i < argc; i += 2) {
        const char *name = argv[i] + 2;
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(name, "port") == 0) {
            self->port = (uint16_t)strtoul(value, NULL, 10);
        } else if (strcmp(name, "servers") == 0) {
            self->servers = strtoul(value, NULL, 10);
        } else if (strcmp(name, "step") == 0) {
            self->step = true;
        } else if (strcmp(name, "file") == 0) {
            self->file = value;
        } else if (strcmp(name, "server-header") == 0) {
            self->options.server_header = value;
        } else if (strcmp(name, "trusted_proxies") == 0) {
            self->options.trusted_proxies = value;
        } else if (set_listener(self, name, value)) {
            continue;
        } else if (strcmp(name, "access") == 0) {
            self->options.access_log = wire_log_access;
        } else if (strcmp(name, "route") == 0 && self->route_count < MAX_LIST) {
            self->routes[self->route_count++] = value;
        } else if (strcmp(name, "plugin") == 0 && self->plugin_count < MAX_LIST) {
            self->plugins[self->plugin_count++] = value;
        } else if (!set_cors(self, name, value) && !set_number(&self->options, name, value)) {
            wire_die(name);
        }
    }
    if (self->servers == 0 || self->servers > MAX_SERVERS) {
        wire_die("servers");
    }
}

/* --- one server ------------------------------------------------------------ */

/* "METHOD pattern" */
static void add_route(turbo_server *server, const char *text)
{
    char method[32];
    int end = 0;
    if (sscanf(text, "%31s %n", method, &end) != 1 || end == 0) {
        wire_die(text);
    }
    wire_route(server, method, text + end, wire_describe, NULL, NULL);
}

/* "pattern path symbol [config]"; an error is an event. */
static void add_plugin(turbo_server *server, const char *text)
{
    char pattern[128];
    char path[1024];
    char symbol[128];
    char config[128] = "";
    if (sscanf(text, "%127s %1023s %127s %127s", pattern, path, symbol, config) < 3) {
        wire_die(text);
    }
    turbo_library_options options = {.size = sizeof(options),
                                     .config = config[0] != '\0' ? config : NULL};
    turbo_handler *handler = NULL;
    int error = turbo_handler_new_library(path, symbol, &options, &handler);
    if (error != 0) {
        wire_event("plugin %s %s %s", pattern, turbo_error_name(error), turbo_error_detail());
        return;
    }
    if (turbo_route_add(server, "*", pattern, handler, NULL, NULL) != 0) {
        wire_die(pattern);
    }
    turbo_handler_unref(handler);
    wire_event("plugin %s TURBO_OK", pattern);
}

static void listen_on(const setup *wanted, slot *self)
{
    uint16_t port = self->port != 0 ? self->port : wanted->port;
    int error;
    if (wanted->env) {
        error = turbo_server_listen_env(self->server);
    } else if (wanted->fd != NULL) {
        error = turbo_server_listen_fd(self->server, (int)strtol(wanted->fd, NULL, 10));
    } else if (wanted->unix_path != NULL) {
        error = turbo_server_listen_unix(self->server, wanted->unix_path, wanted->mode);
    } else {
        error = turbo_server_listen(self->server, wanted->host, port, &self->port);
    }
    if (error != 0) {
        wire_die(turbo_error_name(error));
    }
}

static void make_server(const setup *wanted, slot *self)
{
    if (turbo_server_new(&wanted->options, &self->server) != 0) {
        wire_die("turbo_server_new");
    }
    wire_add_handlers(self->server, wanted->file);
    wire_add_held(self->server);
    wire_add_metrics(self->server);
    wire_add_forms(self->server);
    for (size_t i = 0; i < wanted->route_count; i++) {
        add_route(self->server, wanted->routes[i]);
    }
    for (size_t i = 0; i < wanted->plugin_count; i++) {
        add_plugin(self->server, wanted->plugins[i]);
    }
    listen_on(wanted, self);
}

/* Waits for one server's end and reports it. */
static void *wait_for_end(void *user_data)
{
    slot *self = user_data;
    int error = turbo_server_wait(self->server, -1);
    wire_event("stopped %zu %s", self->index, turbo_error_name(error));
    return NULL;
}

static void start(slot *self)
{
    if (turbo_server_start(self->server) != 0) {
        wire_die("turbo_server_start");
    }
    if (pthread_create(&self->waiter, NULL, wait_for_end, self) != 0) {
        wire_die("thread");
    }
    self->waiting = true;
    wire_event("listening %zu %" PRIu16, self->index, self->port);
}

static void end(slot *self)
{
    turbo_server_stop(self->server);
    turbo_server_stop(self->server);
    if (self->waiting) {
        pthread_join(self->waiter, NULL);
        self->waiting = false;
    }
    turbo_server_free(self->server);
    self->server = NULL;
}

/* --- commands -------------------------------------------------------------- */

/* Runs one line: COMMAND [TAG-OR-INDEX [ARGUMENT]]. */
static void run_command(const setup *wanted, slot *slots, char *line)
{
    char command[32] = "";
    char tag[64] = "0";
    int at = 0;
    (void)sscanf(line, "%31s %63s%n", command, tag, &at); /* the tag may be missing */
    const char *argument = at > 0 && line[at] == ' ' ? line + at + 1 : "";
    slot *chosen = &slots[strtoul(tag, NULL, 10) % wanted->servers];
    if (wire_held_command(command, tag, argument)) {
        return;
    }
    if (strcmp(command, "open") == 0) {
        wire_open_gate(true);
    } else if (strcmp(command, "shut") == 0) {
        wire_open_gate(false);
    } else if (strcmp(command, "stop") == 0) {
        turbo_server_stop(chosen->server);
    } else if (strcmp(command, "metrics") == 0) {
        wire_report_metrics(chosen->server);
    } else if (strcmp(command, "log-shut") == 0) {
        wire_shut_log(true);
    } else if (strcmp(command, "log-open") == 0) {
        wire_shut_log(false);
    } else if (strcmp(command, "restart") == 0) {
        end(chosen);
        make_server(wanted, chosen);
        start(chosen);
    } else {
        wire_die(command);
    }
}

/* Bytes of standard input that make no whole line yet; the main thread's. */
typedef struct input {
    char bytes[MAX_LINE];
    size_t length;
} input;

/* Reads what there is and runs the complete lines. Returns false at the end of the input. */
static bool read_commands(const setup *wanted, slot *slots, input *in)
{
    ssize_t got = read(STDIN_FILENO, in->bytes + in->length, sizeof(in->bytes) - in->length);
    if (got <= 0) {
        return got < 0 && errno == EINTR;
    }
    in->length += (size_t)got;
    char *line = in->bytes;
    char *stop = memchr(line, '\n', in->length);
    while (stop != NULL) {
        *stop = '\0';
        run_command(wanted, slots, line);
        line = stop + 1;
        stop = memchr(line, '\n', in->length - (size_t)(line - in->bytes));
    }
    in->length -= (size_t)(line - in->bytes);
    memmove(in->bytes, line, in->length);
    if (in->length == sizeof(in->bytes)) {
        wire_die("a line is too long");
    }
    return true;
}

/* Everything on this thread: one server, stepped whenever its descriptor is readable. */
static void run_stepped(const setup *wanted, slot *slots)
{
    input in = {.length = 0};
    int fd = turbo_server_pollfd(slots[0].server);
    if (fd < 0) {
        wire_die("turbo_server_pollfd");
    }
    wire_event("listening 0 %" PRIu16, slots[0].port);
    struct pollfd watched[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = fd, .events = POLLIN}};
    int alive = 1;
    while (alive > 0) {
        if (poll(watched, 2, STEP_MS) < 0 && errno != EINTR) {
            wire_die("poll");
        }
        if (watched[0].revents != 0 && !read_commands(wanted, slots, &in)) {
            return;
        }
        alive = turbo_server_step(slots[0].server, 0);
    }
    wire_event("stopped 0 %s", turbo_error_name(alive));
    while (read_commands(wanted, slots, &in)) {
    }
}

int main(int argc, char **argv)
{
    static setup wanted;
    slot slots[MAX_SERVERS];
    memset(slots, 0, sizeof(slots));
    read_arguments(&wanted, argc, argv);
    turbo_log_set_sink(log_line, TURBO_LOG_INFO, NULL);
    for (size_t i = 0; i < wanted.servers; i++) {
        slots[i].index = i;
        make_server(&wanted, &slots[i]);
        if (!wanted.step) {
            start(&slots[i]);
        }
    }
    if (wanted.step) {
        run_stepped(&wanted, slots);
    } else {
        input in = {.length = 0};
        while (read_commands(&wanted, slots, &in)) {
        }
    }
    wire_open_gate(true);
    wire_shut_log(false);
    for (size_t i = 0; i < wanted.servers; i++) {
        end(&slots[i]);
    }
    wire_held_clear();
    return EXIT_SUCCESS;
}
