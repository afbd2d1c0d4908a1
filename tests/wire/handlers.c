/* SPDX-License-Identifier: MIT */

/* Routes that answer by themselves. */

#include "server.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { TAG_SIZE = 64, BIG_STATIC = 8000000 };

static int text(turbo_response *response, turbo_str body)
{
    int error = turbo_response_header(response, TURBO_STR("content-type"), TURBO_STR("text/plain"));
    return error != 0 ? error : turbo_response_body(response, body);
}

static int hello(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request;
    (void)user_data;
    return text(response, TURBO_STR("hello"));
}

/* Bytes that repeat every 251, so that a part in the wrong place shows. */
static char *pattern_bytes(size_t size)
{
    char *bytes = malloc(size > 0 ? size : 1);
    if (bytes == NULL) {
        wire_die("out of memory");
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(i % 251);
    }
    return bytes;
}

static int big(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    size_t size = (size_t)wire_query_number(request, "size", 0);
    char *bytes = pattern_bytes(size);
    turbo_str body = {bytes, size};
    int error = turbo_response_body(response, body);
    free(bytes);
    return error;
}

/* A body that the library gives back; lives until then. */
typedef struct owned {
    char tag[TAG_SIZE];
    char *bytes;
} owned;

static void release_owned(void *user_data)
{
    owned *self = user_data;
    wire_event("released %s", self->tag);
    free(self->bytes);
    free(self);
}

static int owned_body(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    owned *self = malloc(sizeof(*self));
    if (self == NULL) {
        return TURBO_ENOMEM;
    }
    size_t size = (size_t)wire_query_number(request, "size", 0);
    wire_query_text(request, "tag", "owned", self->tag, sizeof(self->tag));
    self->bytes = pattern_bytes(size);
    turbo_str body = {self->bytes, size};
    int error = turbo_response_body_owned(response, body, release_owned, self);
    if (error != 0) {
        free(self->bytes);
        free(self);
        return error;
    }
    /* With `fail` the handler changes its mind: the body must be given back all the same. */
    return (int)wire_query_number(request, "fail", 0);
}

static int file_body(turbo_request *request, turbo_response *response, void *user_data)
{
    int fd = open(user_data, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return TURBO_EIO;
    }
    int error = turbo_response_file(response, fd, (uint64_t)wire_query_number(request, "offset", 0),
                                    (uint64_t)wire_query_number(request, "length", 0));
    if (error != 0) {
        (void)close(fd); /* it was only opened */
    }
    return error;
}

static int status(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    int error = turbo_response_status(response, (int)wire_query_number(request, "code", 200));
    return error != 0 ? error : turbo_response_body_static(response, TURBO_STR("body"));
}

/* Writes an answer and then fails: nothing of it may be sent. */
static int fail(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    int error = turbo_response_status(response, 201);
    if (error == 0) {
        error = turbo_response_header(response, TURBO_STR("x-leftover"), TURBO_STR("1"));
    }
    if (error == 0) {
        error = text(response, TURBO_STR("leftover"));
    }
    return error != 0 ? error : (int)wire_query_number(request, "code", TURBO_EHANDLER);
}

static int body(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    turbo_str type = TURBO_STR("application/octet-stream");
    int error = turbo_request_header(request, TURBO_STR("content-type"), &type);
    if (error != 0 && error != TURBO_ENOTFOUND) {
        return error;
    }
    error = turbo_response_header(response, TURBO_STR("content-type"), type);
    return error != 0 ? error : turbo_response_body(response, turbo_request_body(request));
}

static int json(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    turbo_json *document = NULL;
    int error = turbo_request_json(request, &document);
    if (error != 0) {
        return error;
    }
    error = turbo_response_json(response, document);
    turbo_json_unref(document);
    return error;
}

/* Sets the header that the query names, and fails as that fails. */
static int set_header(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    turbo_str name = TURBO_STR("x-name");
    turbo_str value = TURBO_STR("value");
    int error = turbo_request_query_param(request, TURBO_STR("name"), &name);
    if (error == 0 || error == TURBO_ENOTFOUND) {
        error = turbo_request_query_param(request, TURBO_STR("value"), &value);
    }
    if (error == 0 || error == TURBO_ENOTFOUND) {
        error = turbo_response_header(response, name, value);
    }
    long long action = wire_query_number(request, "then", 0); /* 1: go on, 2: start again */
    if (action == 2) {
        error = turbo_response_reset(response);
    }
    return error != 0 && action == 0 ? error : text(response, TURBO_STR("set"));
}

/* Announces lengths that may contradict what it then does, or its `status`. */
static int lengths(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    turbo_str value;
    int error = turbo_request_query_param(request, TURBO_STR("first"), &value);
    if (error == 0) {
        error = turbo_response_header(response, TURBO_STR("content-length"), value);
    }
    if (error == 0 && turbo_request_query_param(request, TURBO_STR("second"), &value) == 0) {
        error = turbo_response_header(response, TURBO_STR("Content-Length"), value);
    }
    long long status = wire_query_number(request, "status", 200);
    if (error == 0) {
        error = turbo_response_status(response, (int)status);
    }
    long long streamed = wire_query_number(request, "stream", -1);
    if (error != 0 || streamed < 0) {
        return error != 0 ? error : text(response, TURBO_STR("ok"));
    }
    error = turbo_response_begin(response, streamed);
    if (error == 0) {
        error = turbo_response_send_chunk(response, TURBO_STR("ok"), NULL, NULL);
    }
    if (error == 0) {
        (void)turbo_response_finish(response); /* a client that left is none of our business */
    }
    return error != 0 ? error : TURBO_PENDING;
}

/* The status of /status, with its body as a stream. */
static int stream_status(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    int error = turbo_response_status(response, (int)wire_query_number(request, "code", 200));
    if (error == 0) {
        error = turbo_response_begin(response, wire_query_number(request, "known", -1));
    }
    if (error == 0) {
        error = turbo_response_send_chunk(response, TURBO_STR("body"), NULL, NULL);
    }
    if (error == 0) {
        (void)turbo_response_finish(response); /* a client that left is none of our business */
    }
    return error != 0 ? error : TURBO_PENDING;
}

/* Tries to set each header of a list and answers with the names of the errors. */
static int headers(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request;
    (void)user_data;
    const struct {
        turbo_str name;
        turbo_str value;
    } tries[] = {
        {TURBO_STR("set-cookie"), TURBO_STR("a=1")},
        {TURBO_STR("set-cookie"), TURBO_STR("b=2")},
        {TURBO_STR("Location"), TURBO_STR("/elsewhere")},
        {TURBO_STR("x-split"), TURBO_STR("a\r\nx-injected: 1")},
        {TURBO_STR("x-lf"), TURBO_STR("a\nb")},
        {TURBO_STR("x-nul"), TURBO_STR("a\0b")},
        {TURBO_STR("x bad"), TURBO_STR("v")},
        {TURBO_STR("transfer-encoding"), TURBO_STR("chunked")},
        {TURBO_STR("connection"), TURBO_STR("close")},
        {TURBO_STR("x-high"), TURBO_STR("\xc3\xa9")},
    };
    char answer[512];
    size_t length = 0;
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        int error = turbo_response_header(response, tries[i].name, tries[i].value);
        int written =
            snprintf(answer + length, sizeof(answer) - length, "%s ", turbo_error_name(error));
        length += (size_t)written;
    }
    turbo_str whole = {answer, length - 1};
    int error = turbo_response_reset(response); /* refused fields would make it 500 */
    for (size_t i = 0; error == 0 && i < sizeof(tries) / sizeof(tries[0]); i++) {
        if (i < 3 || i == sizeof(tries) / sizeof(tries[0]) - 1) {
            error = turbo_response_header(response, tries[i].name, tries[i].value);
        }
    }
    return error != 0 ? error : turbo_response_body(response, whole);
}

/* The handlers that block do so until the command `open`. */
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER; /* guards gate_open */
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static bool gate_open;

void wire_open_gate(bool open)
{
    pthread_mutex_lock(&gate_lock);
    gate_open = open;
    pthread_cond_broadcast(&gate_changed);
    pthread_mutex_unlock(&gate_lock);
}

static int block(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    char tag[TAG_SIZE];
    wire_query_text(request, "tag", "block", tag, sizeof(tag));
    wire_event("entered %s", tag);
    pthread_mutex_lock(&gate_lock);
    while (!gate_open) {
        pthread_cond_wait(&gate_changed, &gate_lock);
    }
    pthread_mutex_unlock(&gate_lock);
    return text(response, turbo_cstr(tag));
}

/* Finishes before the handler returns. */
static int early(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request;
    (void)user_data;
    int error = text(response, TURBO_STR("early"));
    if (error != 0) {
        return error;
    }
    (void)turbo_response_finish(response); /* a client that left is none of our business */
    return TURBO_PENDING;
}

/* Blocks for `ms` milliseconds at least. */
static int nap(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    long ms = (long)wire_query_number(request, "ms", 0);
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0) {
    }
    return text(response, TURBO_STR("rested"));
}

static void *finish_on_thread(void *user_data)
{
    (void)turbo_response_finish(user_data); /* a client that left is none of our business */
    return NULL;
}

static int on_thread(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request;
    (void)user_data;
    int error = text(response, TURBO_STR("thread"));
    if (error != 0) {
        return error;
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, finish_on_thread, response) != 0) {
        return TURBO_ESYSTEM;
    }
    pthread_detach(thread);
    return TURBO_PENDING;
}

/* A stream that is pumped by on_writable alone, on the worker's thread. Freed when it ends. */
typedef struct stream {
    uint64_t left;
    uint64_t sent;
    size_t piece;
    bool owned;
} stream;

static void release_piece(void *user_data)
{
    free(user_data);
}

static int send_piece(turbo_response *response, stream *self)
{
    size_t size = self->left < self->piece ? (size_t)self->left : self->piece;
    char *bytes = malloc(size);
    if (bytes == NULL) {
        return TURBO_ENOMEM;
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)((self->sent + i) % 251);
    }
    turbo_str data = {bytes, size};
    int error =
        turbo_response_send_chunk(response, data, self->owned ? release_piece : NULL, bytes);
    if (error != 0 || !self->owned) {
        free(bytes);
    }
    if (error == 0) {
        self->left -= size;
        self->sent += size;
    }
    return error;
}

static void pump(turbo_response *response, void *user_data)
{
    stream *self = user_data;
    int error = 0;
    while (error == 0 && self->left > 0) {
        error = send_piece(response, self);
    }
    if (error == TURBO_EAGAIN) {
        error = turbo_response_on_writable(response, pump, self);
        if (error == 0) {
            return;
        }
    }
    if (error == 0) {
        (void)turbo_response_finish(response); /* a client that left is none of our business */
    } else {
        turbo_response_abort(response);
    }
    free(self);
}

static int stream_body(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    stream *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return TURBO_ENOMEM;
    }
    self->left = (uint64_t)wire_query_number(request, "size", 0);
    self->piece = (size_t)wire_query_number(request, "piece", 1000);
    self->owned = wire_query_number(request, "owned", 0) != 0;
    bool known = wire_query_number(request, "known", 0) != 0;
    int error = turbo_response_begin(response, known ? (int64_t)self->left : -1);
    if (error != 0) {
        free(self);
        return error;
    }
    pump(response, self);
    return TURBO_PENDING;
}

/* Gives up before the worker could see that it had begun. */
static int begin_and_abort(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    int error = turbo_response_begin(response, wire_query_number(request, "length", -1));
    if (error == 0) {
        error = turbo_response_send_chunk(response, TURBO_STR("part"), NULL, NULL);
    }
    if (error != 0) {
        return error;
    }
    turbo_response_abort(response);
    return TURBO_PENDING;
}

/* An upload that is read part by part. Freed when it ends. */
typedef struct upload {
    turbo_response *response;
    uint64_t length;
    uint64_t sum;
} upload;

static void finish_upload(upload *self, int status_code)
{
    char answer[96];
    int length = snprintf(answer, sizeof(answer), "%" PRIu64 " %" PRIu64 " %s", self->length,
                          self->sum, turbo_error_name(status_code));
    turbo_str whole = {answer, (size_t)length};
    wire_event("uploaded %s", answer);
    if (status_code == 0 && text(self->response, whole) == 0) {
        (void)turbo_response_finish(self->response); /* a client that left is nobody's business */
    } else {
        turbo_response_abort(self->response);
    }
    free(self);
}

static void on_part(turbo_request *request, turbo_str data, bool last, int error, void *user_data)
{
    upload *self = user_data;
    for (size_t i = 0; i < data.len; i++) {
        self->sum += (unsigned char)data.data[i];
    }
    self->length += data.len;
    if (error == 0 && !last) {
        error = turbo_request_read(request, on_part, self);
        if (error == 0) {
            return;
        }
    }
    finish_upload(self, error);
}

static int read_upload(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    upload *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return TURBO_ENOMEM;
    }
    self->response = response;
    int error = turbo_request_read(request, on_part, self);
    if (error != 0) {
        free(self);
        return error;
    }
    return TURBO_PENDING;
}

/* Says whether the whole body was there, and reads it if not. */
static int read_either(turbo_request *request, turbo_response *response, void *user_data)
{
    if (!turbo_request_body_complete(request)) {
        wire_event("streaming");
        return read_upload(request, response, user_data);
    }
    wire_event("collected %zu", turbo_request_body(request).len);
    return body(request, response, user_data);
}

/* Reads again and finishes in the same breath: the second read must not be answered. */
static void on_late_part(turbo_request *request, turbo_str data, bool last, int error,
                         void *user_data)
{
    (void)request;
    (void)last;
    (void)user_data;
    wire_event("part-after-finish %zu %d", data.len, error);
}

static void on_first_part(turbo_request *request, turbo_str data, bool last, int error,
                          void *user_data)
{
    (void)last;
    wire_event("part %zu %d", data.len, error);
    (void)turbo_request_read(request, on_late_part, NULL); /* it may have been the last part */
    (void)turbo_response_finish(user_data); /* a client that left is none of our business */
}

static int read_and_finish(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    int error = turbo_request_read(request, on_first_part, response);
    return error != 0 ? error : TURBO_PENDING;
}

static void add_big_static(turbo_server *server)
{
    char *bytes = calloc(1, BIG_STATIC);
    if (bytes == NULL) {
        wire_die("out of memory");
    }
    turbo_static_options options = {.size = sizeof(options), .body = {bytes, BIG_STATIC}};
    turbo_handler *handler = NULL;
    if (turbo_handler_new_static(&options, &handler) != 0 ||
        turbo_route_add(server, "GET", "/static-big", handler, NULL, NULL) != 0) {
        wire_die("static route");
    }
    turbo_handler_unref(handler);
    free(bytes);
}

static void add_static(turbo_server *server)
{
    turbo_str pairs[] = {TURBO_STR("x-static"), TURBO_STR("yes")};
    turbo_static_options options = {.size = sizeof(options),
                                    .body = TURBO_STR("{\"status\":\"ok\"}"),
                                    .headers = pairs,
                                    .header_count = 1};
    turbo_handler *handler = NULL;
    if (turbo_handler_new_static(&options, &handler) != 0 ||
        turbo_route_add(server, "GET", "/static", handler, NULL, NULL) != 0) {
        wire_die("static route");
    }
    turbo_handler_unref(handler);
}

void wire_add_handlers(turbo_server *server, const char *file)
{
    turbo_route_options offload = {.size = sizeof(offload), .offload = true};
    turbo_route_options streamed = {.size = sizeof(streamed), .stream_body = true};
    turbo_route_options unlimited = {
        .size = sizeof(unlimited), .stream_body = true, .no_body_limit = true};
    turbo_route_options past = {
        .size = sizeof(past), .stream_past = 1000, .max_body = 2000000, .name = "past"};
    turbo_route_options small = {.size = sizeof(small), .max_body = 10, .name = "small-body"};
    wire_route(server, "GET", "/", hello, NULL, NULL);
    wire_route(server, "GET", "/big", big, NULL, NULL);
    wire_route(server, "GET", "/owned", owned_body, NULL, NULL);
    wire_route(server, "GET", "/status", status, NULL, NULL);
    wire_route(server, "GET", "/fail", fail, NULL, NULL);
    wire_route(server, "POST", "/body", body, NULL, NULL);
    wire_route(server, "PUT", "/body", body, NULL, NULL);
    wire_route(server, "POST", "/small-body", body, NULL, &small);
    wire_route(server, "POST", "/json", json, NULL, NULL);
    wire_route(server, "GET", "/headers", headers, NULL, NULL);
    wire_route(server, "GET", "/set-header", set_header, NULL, NULL);
    wire_route(server, "GET", "/lengths", lengths, NULL, NULL);
    wire_route(server, "GET", "/stream-status", stream_status, NULL, NULL);
    wire_route(server, "POST", "/past", read_either, NULL, &past);
    wire_route(server, "GET", "/block", block, NULL, NULL);
    wire_route(server, "GET", "/block-offload", block, NULL, &offload);
    wire_route(server, "GET", "/nap", nap, NULL, NULL);
    wire_route(server, "GET", "/early", early, NULL, NULL);
    wire_route(server, "GET", "/thread", on_thread, NULL, NULL);
    wire_route(server, "GET", "/stream", stream_body, NULL, NULL);
    wire_route(server, "GET", "/begin-and-abort", begin_and_abort, NULL, NULL);
    wire_route(server, "POST", "/upload", read_upload, NULL, &streamed);
    wire_route(server, "POST", "/upload-unlimited", read_upload, NULL, &unlimited);
    wire_route(server, "POST", "/read-and-finish", read_and_finish, NULL, &streamed);
    wire_route(server, "*", "/echo", wire_describe, NULL, NULL);
    wire_route(server, "*", "/echo/{rest:path}", wire_describe, NULL, NULL);
    add_static(server);
    add_big_static(server);
    if (file != NULL) {
        /* The path belongs to argv, which outlives the server. */
        wire_route(server, "GET", "/file", file_body, (void *)(uintptr_t)file, NULL);
    }
}
