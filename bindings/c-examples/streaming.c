/* cc streaming.c $(pkg-config --cflags --libs turbo) -o streaming */

/*
 * A streamed answer, produced by another thread, with back-pressure:
 *
 *     ./streaming 8000 &
 *     curl -N 'http://127.0.0.1:8000/count?to=1000000'
 *
 * The handler starts a thread and returns TURBO_PENDING. The thread sends one line at a time; when
 * the client reads more slowly than that, turbo_response_send_chunk() says TURBO_EAGAIN and the
 * thread sleeps until turbo_response_on_writable() wakes it, so the memory used stays within the
 * send window whatever the client does.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <turbo/turbo.h>

/* One answer being produced. Made by the handler, owned and freed by the producing thread;
 * `writable` is set on the worker's thread. */
typedef struct stream {
    turbo_response *response;
    uint64_t to;
    pthread_mutex_t lock; /* guards `writable` */
    pthread_cond_t changed;
    bool writable;
} stream;

/* Fires on the worker's thread. */
static void wake(turbo_response *response, void *user_data)
{
    (void)response;
    stream *self = user_data;
    pthread_mutex_lock(&self->lock);
    self->writable = true;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

/* Sleeps until the stream takes data again or the client is gone. */
static int wait_writable(stream *self)
{
    self->writable = false; /* nobody else looks at it before the call below */
    int error = turbo_response_on_writable(self->response, wake, self);
    if (error != 0) {
        return error;
    }
    pthread_mutex_lock(&self->lock);
    while (!self->writable) {
        pthread_cond_wait(&self->changed, &self->lock);
    }
    pthread_mutex_unlock(&self->lock);
    return 0;
}

static int send_line(stream *self, uint64_t number)
{
    char line[32];
    int length = snprintf(line, sizeof(line), "%" PRIu64 "\n", number);
    turbo_str data = {line, (size_t)length};
    int error = turbo_response_send_chunk(self->response, data, NULL, NULL);
    while (error == TURBO_EAGAIN) {
        error = wait_writable(self);
        if (error == 0) {
            error = turbo_response_send_chunk(self->response, data, NULL, NULL);
        }
    }
    return error;
}

static void *produce(void *user_data)
{
    stream *self = user_data;
    int error = turbo_response_begin(self->response, -1);
    for (uint64_t number = 1; error == 0 && number <= self->to; number++) {
        error = send_line(self, number);
    }
    if (error == 0) {
        /* It fails when the client left meanwhile; there is nobody to tell. */
        (void)turbo_response_finish(self->response);
    } else {
        turbo_response_abort(self->response);
    }
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self);
    return NULL;
}

/* The number in query parameter `to`; 10 without one. */
static int read_limit(turbo_request *request, uint64_t *limit)
{
    turbo_str text;
    char copy[24] = "10";
    int error = turbo_request_query_param(request, TURBO_STR("to"), &text);
    if (error == 0 && text.len < sizeof(copy)) {
        memcpy(copy, text.data, text.len);
        copy[text.len] = '\0';
    } else if (error != TURBO_ENOTFOUND) {
        return error != 0 ? error : TURBO_EINVALID;
    }
    *limit = strtoull(copy, NULL, 10);
    return 0;
}

static int count(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    uint64_t to;
    int error = read_limit(request, &to);
    if (error == 0) {
        error = turbo_response_header(response, TURBO_STR("content-type"),
                                      TURBO_STR("text/plain; charset=utf-8"));
    }
    if (error != 0) {
        return error;
    }
    stream *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return TURBO_ENOMEM;
    }
    self->response = response;
    self->to = to;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    pthread_t thread;
    if (pthread_create(&thread, NULL, produce, self) != 0) {
        pthread_cond_destroy(&self->changed);
        pthread_mutex_destroy(&self->lock);
        free(self);
        return TURBO_ESYSTEM;
    }
    pthread_detach(thread);
    return TURBO_PENDING;
}

static int serve(turbo_server *server, uint16_t port)
{
    turbo_handler *handler = NULL;
    int error = turbo_handler_new_func(count, NULL, NULL, &handler);
    if (error != 0) {
        return error;
    }
    error = turbo_route_add(server, "GET", "/count", handler, NULL, NULL);
    turbo_handler_unref(handler); /* the route has its own reference */
    if (error == 0) {
        error = turbo_server_listen(server, "127.0.0.1", port, &port);
    }
    if (error != 0) {
        return error;
    }
    printf("http://127.0.0.1:%" PRIu16 "/count\n", port);
    fflush(stdout);
    return turbo_server_run(server);
}

int main(int argc, char **argv)
{
    uint16_t port = (uint16_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 0);
    turbo_server *server = NULL;
    int error = turbo_server_new(NULL, &server);
    if (error == 0) {
        error = serve(server, port);
    }
    if (error != 0) {
        fprintf(stderr, "streaming: %s: %s\n", turbo_error_text(error), turbo_error_detail());
    }
    turbo_server_free(server);
    return error != 0;
}
