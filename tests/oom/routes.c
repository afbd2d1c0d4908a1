/* SPDX-License-Identifier: MIT */

/* The routes of every scenario's server. A handler passes on what the library tells it. */

#include "oom.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

enum { JOBS = 16, PLAIN_MAX = 40 };

static atomic_int lent; /* bodies in the library's hands */

int oom_lent(void)
{
    return atomic_load(&lent);
}

static void take_back(void *user_data)
{
    (void)user_data;
    atomic_fetch_sub(&lent, 1);
}

static char big_bytes[OOM_BIG]; /* written before the first server */
static int file_fd = -1;

/* --- the thread that answers later ----------------------------------------- */

typedef void job_fn(void *data);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct {
    job_fn *fn;
    void *data;
} jobs[JOBS];
static size_t job_count;
static turbo_response *held;
static bool ending;
static pthread_t worker;

static void *work(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&lock);
    while (!ending || job_count > 0) {
        if (job_count == 0) {
            pthread_cond_wait(&changed, &lock);
            continue;
        }
        job_fn *fn = jobs[0].fn;
        void *data = jobs[0].data;
        memmove(jobs, jobs + 1, --job_count * sizeof(jobs[0]));
        pthread_mutex_unlock(&lock);
        fn(data);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

static int do_later(job_fn *fn, void *data)
{
    pthread_mutex_lock(&lock);
    if (job_count == JOBS) {
        oom_die("too many answers wait");
    }
    jobs[job_count].fn = fn;
    jobs[job_count++].data = data;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return TURBO_PENDING;
}

/* Answers with what `code` says, or with what was put in if it is 0. */
static void finish(turbo_response *response, int code)
{
    if (code != 0) {
        (void)turbo_response_error(response, code); /* may lack fields, is to be finished anyway */
    }
    (void)turbo_response_finish(response); /* a client that left is none of our business */
}

static void answer_later(void *data)
{
    turbo_response *response = data;
    int rc = turbo_response_header(response, TURBO_STR("x-when"), TURBO_STR("later"));
    finish(response, rc != 0 ? rc : turbo_response_body(response, TURBO_STR("later")));
}

static int later(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    return do_later(answer_later, response);
}

static int hold(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    pthread_mutex_lock(&lock);
    held = response;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return TURBO_PENDING;
}

void oom_wait_held(void)
{
    pthread_mutex_lock(&lock);
    while (held == NULL) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

void oom_let_go(void)
{
    pthread_mutex_lock(&lock);
    turbo_response *response = held;
    held = NULL;
    pthread_mutex_unlock(&lock);
    answer_later(response);
}

/* --- streamed answers ------------------------------------------------------ */

/* Kept in the request's memory; used by one thread after the other. */
typedef struct stream {
    turbo_response *response;
    int sent;
} stream;

static turbo_writable_fn send_on;

static int send_parts(stream *self)
{
    int rc = 0;
    while (rc == 0 && self->sent < OOM_STREAM_PARTS) {
        turbo_str part = {big_bytes + self->sent * OOM_STREAM_PART, OOM_STREAM_PART};
        bool lend = self->sent % 2 == 1;
        atomic_fetch_add(&lent, lend ? 1 : 0);
        rc = turbo_response_send_chunk(self->response, part, lend ? take_back : NULL, self);
        if (rc == 0) {
            self->sent++;
        } else {
            atomic_fetch_sub(&lent, lend ? 1 : 0);
        }
    }
    return rc;
}

static void send_on(turbo_response *response, void *user_data)
{
    int rc = send_parts(user_data);
    if (rc == TURBO_EAGAIN) {
        rc = turbo_response_on_writable(response, send_on, user_data);
        if (rc == 0) {
            return;
        }
    }
    if (rc == 0) {
        (void)turbo_response_finish(response); /* as in finish() */
    } else {
        turbo_response_abort(response);
    }
}

static void begin_stream(void *data)
{
    stream *self = data;
    int rc = turbo_response_begin(self->response, -1);
    if (rc != 0) {
        finish(self->response, rc);
        return;
    }
    send_on(self->response, self);
}

static int stream_answer(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    stream *self = turbo_request_alloc(request, sizeof(*self));
    if (self == NULL) {
        return TURBO_ENOMEM;
    }
    *self = (stream){response, 0};
    return do_later(begin_stream, self);
}

/* --- bodies that are read as they come ------------------------------------- */

/* Kept in the request's memory; used on the thread that drives the worker. */
typedef struct upload {
    turbo_response *response;
    unsigned long long bytes;
    unsigned long long sum;
} upload;

static int answer_numbers(turbo_response *response, unsigned long long bytes,
                          unsigned long long sum)
{
    char text[64];
    int size = snprintf(text, sizeof(text), "%llu bytes, sum %llu", bytes, sum);
    return turbo_response_body(response, (turbo_str){text, (size_t)size});
}

static unsigned long long sum_of(turbo_str data)
{
    unsigned long long sum = 0;
    for (size_t i = 0; i < data.len; i++) {
        sum += (unsigned char)data.data[i];
    }
    return sum;
}

static void read_part(turbo_request *request, turbo_str data, bool last, int status,
                      void *user_data)
{
    upload *self = user_data;
    self->bytes += data.len;
    self->sum += sum_of(data);
    if (status == 0 && !last) {
        status = turbo_request_read(request, read_part, self);
        if (status == 0) {
            return;
        }
    }
    finish(self->response,
           status != 0 ? status : answer_numbers(self->response, self->bytes, self->sum));
}

static int read_body(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    upload *self = turbo_request_alloc(request, sizeof(*self));
    if (self == NULL) {
        return TURBO_ENOMEM;
    }
    *self = (upload){response, 0, 0};
    int rc = turbo_request_read(request, read_part, self);
    return rc != 0 ? rc : TURBO_PENDING;
}

/* --- forms ----------------------------------------------------------------- */

/* Counts every byte of every part, wherever it is. */
static int answer_form(turbo_response *response, turbo_form *form)
{
    unsigned long long bytes = 0;
    unsigned long long sum = 0;
    int rc = 0;
    for (size_t i = 0; i < turbo_form_count(form) && rc == 0; i++) {
        const turbo_form_part *part;
        char buffer[4096];
        size_t got = 0;
        uint64_t at = 0;
        rc = turbo_form_at(form, i, &part);
        while (rc == 0 && at < turbo_form_part_size(part)) {
            rc = turbo_form_part_read(part, at, buffer, sizeof(buffer), &got);
            at += got;
            sum += rc == 0 ? sum_of((turbo_str){buffer, got}) : 0;
        }
        bytes += at;
    }
    turbo_form_free(form);
    return rc != 0 ? rc : answer_numbers(response, bytes, sum);
}

static int form(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    turbo_form *parsed;
    int rc = turbo_request_form(request, NULL, &parsed);
    return rc != 0 ? rc : answer_form(response, parsed);
}

static void got_form(turbo_request *request, turbo_form *parsed, int error, void *user_data)
{
    (void)request;
    turbo_response *response = user_data;
    finish(response, error != 0 ? error : answer_form(response, parsed));
}

static int read_form(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    turbo_form_options options = {.size = sizeof(options), .spool_past = 1000};
    int rc = turbo_form_read(request, &options, got_form, response);
    return rc != 0 ? rc : TURBO_PENDING;
}

/* --- plain ones ------------------------------------------------------------ */

/* Answers "<path parameter>|<query parameter>|<cookie>|<client>|<host>", each cut to PLAIN_MAX. */
static int plain(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    turbo_str parts[] = {TURBO_STR("-"), TURBO_STR("-"), TURBO_STR("-"),
                         turbo_request_peer(request, NULL), turbo_request_host(request, NULL)};
    (void)turbo_request_param(request, TURBO_STR("name"), &parts[0]);
    (void)turbo_request_cookie(request, TURBO_STR("c"), &parts[2]);
    int rc = turbo_request_query_param(request, TURBO_STR("q"), &parts[1]);
    if (rc != 0 && rc != TURBO_ENOTFOUND) {
        return rc;
    }
    char text[256];
    int size = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        int shown = parts[i].len < PLAIN_MAX ? (int)parts[i].len : PLAIN_MAX;
        size += snprintf(text + size, sizeof(text) - (size_t)size, "%.*s|", shown,
                         shown > 0 ? parts[i].data : "");
    }
    rc = turbo_response_header(response, TURBO_STR("content-type"), TURBO_STR("text/plain"));
    return rc != 0 ? rc : turbo_response_body(response, (turbo_str){text, (size_t)size});
}

static int json(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    turbo_json *document;
    int rc = turbo_request_json(request, &document);
    if (rc != 0) {
        return rc;
    }
    rc = turbo_response_json(response, document);
    turbo_json_unref(document);
    return rc;
}

/* Answers with the body and the trailer "t". */
static int collect(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    turbo_str value = TURBO_STR("-");
    (void)turbo_request_trailer(request, TURBO_STR("t"), &value); /* "-" without one */
    int rc = turbo_response_header(response, TURBO_STR("x-trailer"), value);
    return rc != 0 ? rc : turbo_response_body(response, turbo_request_body(request));
}

static int big(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    turbo_str body = {big_bytes, sizeof(big_bytes)};
    atomic_fetch_add(&lent, 1);
    int rc = turbo_response_body_owned(response, body, take_back, NULL);
    if (rc != 0) {
        atomic_fetch_sub(&lent, 1);
    }
    return rc;
}

static int copy(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    return turbo_response_body(response, (turbo_str){big_bytes, sizeof(big_bytes)});
}

static int file(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    int fd = dup(file_fd);
    if (fd < 0) {
        return TURBO_EIO;
    }
    int rc = turbo_response_file(response, fd, 0, sizeof(big_bytes));
    if (rc != 0) {
        (void)close(fd); /* only a copy */
    }
    return rc;
}

/* --- set-up ---------------------------------------------------------------- */

void oom_routes_begin(void)
{
    for (size_t i = 0; i < sizeof(big_bytes); i++) {
        big_bytes[i] = (char)(i % 251);
    }
    char path[] = "/tmp/turbo-oom-XXXXXX";
    file_fd = mkstemp(path);
    if (file_fd < 0 || unlink(path) != 0 ||
        write(file_fd, big_bytes, sizeof(big_bytes)) != (ssize_t)sizeof(big_bytes)) {
        oom_die("%s: %s", path, strerror(errno));
    }
    if (pthread_create(&worker, NULL, work, NULL) != 0) {
        oom_die("no thread");
    }
}

void oom_routes_end(void)
{
    pthread_mutex_lock(&lock);
    ending = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(worker, NULL);
    close(file_fd);
}

static int add(turbo_server *server, const char *method, const char *pattern, turbo_handler_fn *fn,
               const turbo_route_options *options)
{
    turbo_handler *handler;
    int rc = turbo_handler_new_func(fn, NULL, NULL, &handler);
    if (rc != 0) {
        return rc;
    }
    rc = turbo_route_add(server, method, pattern, handler, options, NULL);
    turbo_handler_unref(handler);
    return rc;
}

static int add_handler(turbo_server *server, const char *pattern, int made, turbo_handler *handler)
{
    if (made != 0) {
        return made;
    }
    int rc = turbo_route_add(server, "GET", pattern, handler, NULL, NULL);
    turbo_handler_unref(handler);
    return rc;
}

static int add_checked(turbo_server *server)
{
    static const char schema[] =
        "{\"type\":\"object\",\"required\":[\"name\",\"count\"],\"properties\":{"
        "\"name\":{\"type\":\"string\",\"minLength\":3},"
        "\"count\":{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}]}}}";
    turbo_schema *compiled;
    int rc = turbo_schema_compile(turbo_cstr(schema), &compiled);
    if (rc != 0) {
        return rc;
    }
    turbo_route_options options = {.size = sizeof(options), .body = compiled};
    rc = add(server, "POST", "/checked", json, &options);
    turbo_schema_unref(compiled);
    return rc;
}

static int add_others(turbo_server *server)
{
    turbo_static_options text = {.size = sizeof(text), .body = TURBO_STR("\"static\"")};
    turbo_handler *handler = NULL;
    int rc = turbo_handler_new_static(&text, &handler);
    rc = add_handler(server, "/static", rc, handler);
    if (rc == 0) {
        rc = turbo_handler_new_metrics(server, &handler);
        rc = add_handler(server, "/metrics", rc, handler);
    }
    return rc != 0 ? rc : add_checked(server);
}

int oom_add_routes(turbo_server *server)
{
    turbo_route_options streamed = {.size = sizeof(streamed), .stream_body = true};
    turbo_route_options offload = {.size = sizeof(offload), .offload = true};
    turbo_route_options past = {.size = sizeof(past), .stream_past = 1000};
    const struct {
        const char *method;
        const char *pattern;
        turbo_handler_fn *fn;
        const turbo_route_options *options;
    } routes[] = {
        {"GET", "/plain/{name}", plain, NULL},
        {"POST", "/json", json, NULL},
        {"POST", "/collect", collect, NULL},
        {"POST", "/upload", read_body, &streamed},
        {"POST", "/past", read_body, &past},
        {"GET", "/stream", stream_answer, NULL},
        {"GET", "/big", big, NULL},
        {"GET", "/copy", copy, NULL},
        {"GET", "/file", file, NULL},
        {"GET", "/offload/{name}", plain, &offload},
        {"GET", "/later", later, NULL},
        {"GET", "/hold", hold, NULL},
        {"POST", "/form", form, NULL},
        {"POST", "/form-read", read_form, &streamed},
        {"GET", "/slash/{name}/", plain, NULL},
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]) && rc == 0; i++) {
        rc = add(server, routes[i].method, routes[i].pattern, routes[i].fn, routes[i].options);
    }
    return rc != 0 ? rc : add_others(server);
}
