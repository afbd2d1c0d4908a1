/* SPDX-License-Identifier: MIT */

/* Routes that read forms, whole and as streams. */

#include "server.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { TEXT_SIZE = 64 * 1024, PATH_SIZE = 512, READ_SIZE = 64 * 1024 };

/* A streamed form on its way; lives until it is answered. */
typedef struct reading {
    turbo_response *response;
    bool echo; /* answer with the data of part "f" */
} reading;

/* The limits that the query asks for; `directory` is the memory for that text. */
static turbo_form_options read_options(turbo_request *request, char directory[PATH_SIZE])
{
    turbo_form_options options = {.size = sizeof(options)};
    options.max_fields = (uint32_t)wire_query_number(request, "max_fields", 0);
    options.max_files = (uint32_t)wire_query_number(request, "max_files", 0);
    options.max_field = (size_t)wire_query_number(request, "max_field", 0);
    options.max_file = (uint64_t)wire_query_number(request, "max_file", 0);
    options.max_total = (uint64_t)wire_query_number(request, "max_total", 0);
    options.max_memory = (size_t)wire_query_number(request, "max_memory", 0);
    options.spool_past = (size_t)wire_query_number(request, "spool_past", 0);
    wire_query_text(request, "directory", "", directory, PATH_SIZE);
    options.directory = directory[0] != '\0' ? directory : NULL;
    return options;
}

static int sum_of(const turbo_form_part *part, uint64_t *sum)
{
    uint64_t offset = 0;
    size_t got = 0;
    unsigned char *buffer = malloc(READ_SIZE);
    if (buffer == NULL) {
        return TURBO_ENOMEM;
    }
    *sum = 0;
    int error = 0;
    do {
        error = turbo_form_part_read(part, offset, buffer, READ_SIZE, &got);
        for (size_t i = 0; error == 0 && i < got; i++) {
            *sum += buffer[i];
        }
        offset += got;
    } while (error == 0 && got > 0);
    free(buffer);
    return error;
}

/* A line for each part: name, file name, type, size, sum of the bytes, where they are. */
static int describe(const turbo_form *form, turbo_response *response)
{
    char *text = malloc(TEXT_SIZE);
    size_t length = 0;
    int error = text == NULL ? TURBO_ENOMEM : 0;
    for (size_t i = 0; error == 0 && i < turbo_form_count(form); i++) {
        const turbo_form_part *part = NULL;
        uint64_t sum = 0;
        int fd;
        uint64_t offset;
        error = turbo_form_at(form, i, &part);
        error = error != 0 ? error : sum_of(part, &sum);
        if (error != 0) {
            break;
        }
        turbo_str name = turbo_form_part_name(part);
        turbo_str filename = turbo_form_part_filename(part);
        turbo_str type = turbo_form_part_content_type(part);
        int written = snprintf(
            text + length, TEXT_SIZE - length, "%.*s|%s%.*s|%.*s|%" PRIu64 "|%" PRIu64 "|%s\n",
            (int)name.len, name.data, turbo_form_part_is_file(part) ? "@" : "", (int)filename.len,
            filename.data, (int)type.len, type.data, turbo_form_part_size(part), sum,
            turbo_form_part_file(part, &fd, &offset) == 0 ? "file" : "memory");
        length += (size_t)written;
        error = length < TEXT_SIZE ? 0 : TURBO_ELIMIT;
    }
    if (error == 0) {
        turbo_str whole = {text, length};
        error = turbo_response_body(response, whole);
    }
    free(text);
    return error;
}

/* Answers with the data of part "f", from the temporary file if it is there. */
static int echo(const turbo_form *form, turbo_response *response)
{
    const turbo_form_part *part = NULL;
    turbo_str data;
    int fd;
    uint64_t offset;
    int error = turbo_form_find(form, TURBO_STR("f"), &part);
    if (error != 0) {
        return error;
    }
    if (turbo_form_part_data(part, &data) == 0) {
        return turbo_response_body(response, data);
    }
    error = turbo_form_part_file(part, &fd, &offset);
    int copy = error == 0 ? dup(fd) : -1;
    if (copy < 0) {
        return error != 0 ? error : TURBO_ESYSTEM;
    }
    error = turbo_response_file(response, copy, offset, turbo_form_part_size(part));
    if (error != 0) {
        (void)close(copy); /* only the descriptor: the form has the file */
    }
    return error;
}

static int whole(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    char directory[PATH_SIZE];
    turbo_form_options options = read_options(request, directory);
    turbo_form *form = NULL;
    int error = turbo_request_form(request, &options, &form);
    if (error == 0) {
        error = describe(form, response);
        turbo_form_free(form);
    } else {
        wire_event("form %s %s", turbo_error_name(error), turbo_error_detail());
    }
    return error;
}

static void on_form(turbo_request *request, turbo_form *form, int error, void *user_data)
{
    (void)request;
    reading *self = user_data;
    turbo_response *response = self->response;
    if (error != 0) {
        wire_event("form %s %s", turbo_error_name(error), turbo_error_detail());
    } else {
        error = self->echo ? echo(form, response) : describe(form, response);
    }
    turbo_form_free(form);
    free(self);
    if (error != 0 && turbo_response_error(response, error) != 0) {
        wire_die("turbo_response_error");
    }
    (void)turbo_response_finish(response); /* a client that left is none of our business */
}

static int streamed(turbo_request *request, turbo_response *response, void *user_data)
{
    char directory[PATH_SIZE];
    turbo_form_options options = read_options(request, directory);
    reading *self = malloc(sizeof(*self));
    if (self == NULL) {
        return TURBO_ENOMEM;
    }
    self->response = response;
    self->echo = user_data != NULL;
    int error = turbo_form_read(request, &options, on_form, self);
    if (error != 0) {
        wire_event("form %s %s", turbo_error_name(error), turbo_error_detail());
        free(self);
        return error;
    }
    return TURBO_PENDING;
}

static void never(turbo_request *request, turbo_form *form, int error, void *user_data)
{
    (void)request;
    (void)form;
    (void)error;
    (void)user_data;
    wire_die("a form of a finished response was handed over");
}

static pthread_mutex_t waiting_lock = PTHREAD_MUTEX_INITIALIZER; /* guards waiting_response */
static turbo_response *waiting_response;

/* Reads a form that is never waited for: GET /give-up aborts the response, or, with `now`, the
 * handler. */
static int impatient(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    char directory[PATH_SIZE];
    turbo_form_options options = read_options(request, directory);
    int error = turbo_form_read(request, &options, never, NULL);
    if (error != 0) {
        return error;
    }
    if (wire_query_number(request, "now", 0) != 0) {
        turbo_response_abort(response);
        return TURBO_PENDING;
    }
    pthread_mutex_lock(&waiting_lock);
    waiting_response = response;
    pthread_mutex_unlock(&waiting_lock);
    return TURBO_PENDING;
}

static int give_up(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request;
    (void)user_data;
    pthread_mutex_lock(&waiting_lock);
    turbo_response *other = waiting_response;
    waiting_response = NULL;
    pthread_mutex_unlock(&waiting_lock);
    if (other == NULL) {
        return TURBO_ESTATE;
    }
    turbo_response_abort(other);
    return turbo_response_body_static(response, TURBO_STR("gave up"));
}

void wire_add_forms(turbo_server *server)
{
    static char yes[] = "yes";
    turbo_route_options stream = {
        .size = sizeof(stream), .stream_body = true, .no_body_limit = true};
    turbo_route_options limited = {.size = sizeof(limited), .stream_body = true, .max_body = 2000};
    turbo_route_options late = {.size = sizeof(late), .stream_past = 2000};
    turbo_route_options offload = {.size = sizeof(offload), .stream_body = true, .offload = true};
    wire_route(server, "POST", "/form", whole, NULL, NULL);
    wire_route(server, "POST", "/form-stream", streamed, NULL, &stream);
    wire_route(server, "POST", "/form-limited", streamed, NULL, &limited);
    wire_route(server, "POST", "/form-late", streamed, NULL, &late);
    wire_route(server, "POST", "/form-offload", streamed, NULL, &offload);
    wire_route(server, "POST", "/form-echo", streamed, yes, &stream);
    wire_route(server, "POST", "/form-impatient", impatient, NULL, &stream);
    wire_route(server, "GET", "/give-up", give_up, NULL, NULL);
}
