/* SPDX-License-Identifier: MIT */

/*
 * Answers that are held until a command on standard input says what becomes of them. Each request
 * names itself by ?tag=…; commands and events carry the tag.
 */

#include "server.h"

#include <pthread.h>
#include <stdlib.h>

enum { TAG_SIZE = 64, FILL_PIECE = 16 * 1024 };

/* One held answer. Made by the handler; used by the main thread and by callbacks on worker threads;
 * kept until the process ends, because a callback may run while the answer is being finished. */
typedef struct held {
    struct held *next;
    char tag[TAG_SIZE];
    turbo_request *request;
    turbo_response *response;
} held;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the list */
static held *first;

static held *find(const char *tag)
{
    pthread_mutex_lock(&lock);
    held *item = first; /* the newest of that name */
    while (item != NULL && strcmp(item->tag, tag) != 0) {
        item = item->next;
    }
    pthread_mutex_unlock(&lock);
    return item;
}

static void on_close(turbo_request *request, void *user_data)
{
    (void)request;
    const held *self = user_data;
    wire_event("closed %s", self->tag);
}

static int hold(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    held *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return TURBO_ENOMEM;
    }
    wire_query_text(request, "tag", "held", self->tag, sizeof(self->tag));
    self->request = request;
    self->response = response;
    int error = turbo_request_on_close(request, on_close, self);
    if (error != 0) {
        free(self);
        return error;
    }
    pthread_mutex_lock(&lock);
    self->next = first;
    first = self;
    pthread_mutex_unlock(&lock);
    wire_event("held %s", self->tag);
    return TURBO_PENDING;
}

void wire_add_held(turbo_server *server)
{
    turbo_route_options streamed = {.size = sizeof(streamed), .stream_body = true};
    turbo_route_options offload = {.size = sizeof(offload), .offload = true};
    turbo_route_options past = {.size = sizeof(past), .stream_past = 100000, .no_body_limit = true};
    wire_route(server, "GET", "/hold", hold, NULL, NULL);
    wire_route(server, "POST", "/hold", hold, NULL, NULL);
    wire_route(server, "GET", "/hold-offload", hold, NULL, &offload);
    wire_route(server, "POST", "/hold-upload", hold, NULL, &streamed);
    wire_route(server, "POST", "/hold-past", hold, NULL, &past);
}

void wire_held_clear(void)
{
    while (first != NULL) {
        held *next = first->next;
        free(first);
        first = next;
    }
}

/* A copy of `argument` that the library gives back. */
typedef struct piece {
    const held *owner;
    char bytes[];
} piece;

static void release_piece(void *user_data)
{
    piece *self = user_data;
    wire_event("released %s", self->owner->tag);
    free(self);
}

static piece *make_piece(const held *self, const char *argument, turbo_str *view)
{
    size_t length = strlen(argument);
    piece *made = malloc(sizeof(*made) + length + 1);
    if (made == NULL) {
        wire_die("out of memory");
    }
    made->owner = self;
    memcpy(made->bytes, argument, length + 1);
    view->data = made->bytes;
    view->len = length;
    return made;
}

static int set_body(held *self, const char *argument)
{
    turbo_str view;
    piece *made = make_piece(self, argument, &view);
    int error = turbo_response_body_owned(self->response, view, release_piece, made);
    if (error != 0) {
        free(made);
    }
    return error;
}

static int send_chunk(held *self, const char *argument)
{
    turbo_str view;
    piece *made = make_piece(self, argument, &view);
    int error = turbo_response_send_chunk(self->response, view, release_piece, made);
    if (error != 0) {
        free(made);
    }
    return error;
}

static int begin(held *self, const char *argument)
{
    return turbo_response_begin(self->response, strtoll(argument, NULL, 10));
}

static int finish(held *self, const char *argument)
{
    (void)argument;
    return turbo_response_finish(self->response);
}

static int give_up(held *self, const char *argument)
{
    (void)argument;
    turbo_response_abort(self->response);
    return 0;
}

/* Sends until the window is full; the event says how many bytes went in. */
static int fill(held *self, const char *argument)
{
    (void)argument;
    static const char bytes[FILL_PIECE];
    turbo_str data = {bytes, sizeof(bytes)};
    unsigned long taken = 0;
    int error = turbo_response_send_chunk(self->response, data, NULL, NULL);
    while (error == 0) {
        taken += sizeof(bytes);
        error = turbo_response_send_chunk(self->response, data, NULL, NULL);
    }
    wire_event("filled %s %lu", self->tag, taken);
    return error;
}

static void on_writable(turbo_response *response, void *user_data)
{
    (void)response;
    const held *self = user_data;
    wire_event("writable %s", self->tag);
}

static int await_writable(held *self, const char *argument)
{
    (void)argument;
    return turbo_response_on_writable(self->response, on_writable, self);
}

static void on_part(turbo_request *request, turbo_str data, bool last, int status, void *user_data)
{
    (void)request;
    const held *self = user_data;
    wire_event("data %s %zu %d %s", self->tag, data.len, last, turbo_error_name(status));
}

static int read_part(held *self, const char *argument)
{
    (void)argument;
    return turbo_request_read(self->request, on_part, self);
}

/* "trailers TAG COUNT NAME=VALUE…" */
static int tell_trailers(held *self, const char *argument)
{
    (void)argument;
    char text[256] = "";
    size_t used = 0;
    size_t count = turbo_request_trailer_count(self->request);
    for (size_t i = 0; i < count && used < sizeof(text); i++) {
        turbo_str name;
        turbo_str value;
        int error = turbo_request_trailer_at(self->request, i, &name, &value);
        if (error != 0) {
            return error;
        }
        used += (size_t)snprintf(text + used, sizeof(text) - used, " %.*s=%.*s", (int)name.len,
                                 name.data, (int)value.len, value.data);
    }
    wire_event("trailers %s %zu%s", self->tag, count, text);
    return 0;
}

static int cancelled(held *self, const char *argument)
{
    (void)argument;
    wire_event("cancelled %s %d", self->tag, turbo_request_cancelled(self->request));
    return 0;
}

static int set_status(held *self, const char *argument)
{
    return turbo_response_status(self->response, (int)strtol(argument, NULL, 10));
}

bool wire_held_command(const char *command, const char *tag, const char *argument)
{
    static const struct {
        const char *name;
        int (*run)(held *self, const char *argument);
    } commands[] = {
        {"abort", give_up},           {"begin", begin},
        {"body", set_body},           {"cancelled", cancelled},
        {"chunk", send_chunk},        {"fill", fill},
        {"finish", finish},           {"read", read_part},
        {"status", set_status},       {"trailers", tell_trailers},
        {"writable", await_writable},
    };
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, command) == 0) {
            held *self = find(tag);
            if (self == NULL) {
                wire_event("did %s %s no-such-tag", command, tag);
                return true;
            }
            int error = commands[i].run(self, argument);
            wire_event("did %s %s %s", command, tag, turbo_error_name(error));
            return true;
        }
    }
    return false;
}
