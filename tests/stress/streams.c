/* SPDX-License-Identifier: MIT */

/*
 * Streams on 64 connections and two workers: bodies up, bodies down and both at once, read and
 * written by other threads than the workers', against clients of which some go away midway; then
 * the same while the server stops, and with a server that another thread steps. Each part of a
 * stream that was handed over is given back, and every exchange ends.
 */

#include "harness.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ROUNDS = 10,
    EXCHANGES = CLIENTS * ROUNDS,
    BODY = 96 * 1024,  /* bytes of a body, up or down */
    PART = 3000,       /* bytes of a chunk that a client sends */
    PIECE = 8 * 1024,  /* bytes of a piece that a handler sends, and of a plain answer */
    PERIOD = 251,      /* of the byte pattern that all bodies have */
    LEAVE = 20 * 1024, /* bytes after which some clients leave */
    BEFORE_STOP = CLIENTS,
    PATIENCE = 20, /* looks whether the client is still there */
};

static atomic_size_t complete; /* exchanges that a client saw to the end, or left as it meant to */
static atomic_size_t broken;   /* that the server did not bring to an end */
static atomic_size_t given;    /* pieces that the library took */
static atomic_size_t released; /* pieces that it gave back */
static atomic_size_t began;    /* calls of handlers */
static atomic_size_t ended;    /* of these, finished or given up */
static atomic_size_t left;     /* of these, given up because the client had left */
static atomic_size_t told;     /* calls of on_close */
static atomic_size_t waited;   /* calls of on_writable */

static void count(atomic_size_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static size_t value(atomic_size_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static char pattern[PERIOD + BODY]; /* made by main(), then only read */

static void make_pattern(void)
{
    for (size_t i = 0; i < sizeof(pattern); i++) {
        pattern[i] = (char)(i % PERIOD);
    }
}

/* What a body has from `offset` on; BODY bytes of it. */
static const char *bytes_at(size_t offset)
{
    return pattern + offset % PERIOD;
}

/* --- handlers --------------------------------------------------------------- */

/*
 * One exchange. Its steps run one after the other, on a thread of the crew or, as callbacks, on the
 * worker's. Kept until its server is freed, since on_close() may be under way when it ends.
 */
typedef struct session {
    struct session *next;
    turbo_request *request;
    turbo_response *response;
    job_fn *step;  /* goes on once there is data of the client, or room for more */
    size_t number; /* which thread of the crew */
    size_t offset; /* bytes sent, or, of an upload, received */
    char *piece;   /* to be sent or looked at; NULL: none */
    size_t length; /* of it */
    int status;    /* of the last read */
    bool last;     /* that was the end of the client's body */
} session;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the list */
static session *sessions;

static session *make_session(turbo_request *request, turbo_response *response)
{
    session *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        die("out of memory");
    }
    made->request = request;
    made->response = response;
    made->number = atomic_fetch_add_explicit(&began, 1, memory_order_relaxed);
    pthread_mutex_lock(&lock);
    made->next = sessions;
    sessions = made;
    pthread_mutex_unlock(&lock);
    return made;
}

/* Has `first` run by the crew, and `step` whenever it goes on. */
static int hand_to_crew(turbo_request *request, turbo_response *response, job_fn *first,
                        job_fn *step)
{
    session *made = make_session(request, response);
    made->step = step;
    crew_give(made->number, first, made);
    return TURBO_PENDING;
}

static void free_sessions(void)
{
    while (sessions != NULL) {
        session *next = sessions->next;
        free(sessions);
        sessions = next;
    }
}

static void give_up(session *self, int error)
{
    if (error != TURBO_ECANCELLED) {
        fprintf(stderr, "exchange %zu: %s\n", self->number, turbo_error_name(error));
        abort();
    }
    free(self->piece);
    turbo_response_abort(self->response);
    count(&left);
    count(&ended);
}

static void finish(session *self)
{
    (void)turbo_response_finish(self->response); /* the client may be gone: then nobody is told */
    count(&ended);
}

/* A copy, to be given back by the library or by free(). */
static void take_piece(session *self, const char *bytes, size_t length)
{
    self->piece = malloc(length + 1);
    if (self->piece == NULL) {
        die("out of memory");
    }
    self->length = length;
    memcpy(self->piece, bytes, length);
}

static void release_piece(void *user_data)
{
    free(user_data);
    count(&released);
}

/* A plain answer of PIECE bytes. */
static void answer(void *arg)
{
    session *self = arg;
    take_piece(self, bytes_at(0), PIECE);
    turbo_str data = {self->piece, self->length};
    if (turbo_response_body_owned(self->response, data, release_piece, self->piece) != 0) {
        die("turbo_response_body_owned");
    }
    count(&given);
    finish(self);
}

static void on_writable(turbo_response *response, void *user_data)
{
    (void)response;
    session *self = user_data;
    count(&waited);
    crew_give(self->number, self->step, self);
}

/* Hands the piece over. Returns false when the exchange goes on with its step, or was given up. */
static bool send_piece(session *self)
{
    turbo_str data = {self->piece, self->length};
    int error = turbo_response_send_chunk(self->response, data, release_piece, self->piece);
    if (error == 0) {
        count(&given);
        self->piece = NULL;
        return true;
    }
    if (error == TURBO_EAGAIN) {
        error = turbo_response_on_writable(self->response, on_writable, self);
    }
    if (error != 0) {
        give_up(self, error);
    }
    return false;
}

static bool begin(session *self, int64_t length)
{
    int error = turbo_response_begin(self->response, length);
    if (error != 0) {
        give_up(self, error);
    }
    return error == 0;
}

static void send_down(void *arg)
{
    session *self = arg;
    while (self->offset < BODY) {
        if (self->piece == NULL) {
            take_piece(self, bytes_at(self->offset), PIECE);
        }
        size_t length = self->length;
        if (!send_piece(self)) {
            return;
        }
        self->offset += length;
    }
    finish(self);
}

static void begin_down(void *arg)
{
    session *self = arg;
    if (begin(self, self->number % 2 == 0 ? BODY : -1)) {
        send_down(self);
    }
}

static int down(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    return hand_to_crew(request, response, begin_down, send_down);
}

static void on_part(turbo_request *request, turbo_str data, bool last, int status, void *user_data)
{
    (void)request;
    session *self = user_data;
    take_piece(self, data.len > 0 ? data.data : "", data.len);
    self->status = status;
    self->last = last;
    crew_give(self->number, self->step, self);
}

static void read_on(void *arg)
{
    session *self = arg;
    int error = turbo_request_read(self->request, on_part, self);
    if (error != 0) {
        give_up(self, error);
    }
}

static void go_on(session *self)
{
    if (self->last) {
        finish(self);
    } else {
        read_on(self);
    }
}

static void send_back(void *arg)
{
    session *self = arg;
    if (self->status != 0) {
        give_up(self, self->status);
    } else if (send_piece(self)) {
        go_on(self);
    }
}

static void begin_echo(void *arg)
{
    session *self = arg;
    if (begin(self, -1)) {
        read_on(self);
    }
}

static int echo(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    return hand_to_crew(request, response, begin_echo, send_back);
}

static void look_at(void *arg)
{
    session *self = arg;
    if (self->length > BODY - self->offset ||
        memcmp(self->piece, bytes_at(self->offset), self->length) != 0) {
        die("an upload came in wrong");
    }
    self->offset += self->length;
    if (self->status != 0) {
        give_up(self, self->status);
        return;
    }
    free(self->piece);
    self->piece = NULL;
    if (!self->last) {
        read_on(self);
        return;
    }
    if (self->offset != BODY) {
        die("an upload came in short");
    }
    answer(self);
}

static int up(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    return hand_to_crew(request, response, read_on, look_at);
}

static void look_away(turbo_request *request, void *user_data)
{
    (void)request, (void)user_data;
}

/* Ends at about the moment when look_away() is called, if it is. */
static void wait_a_little(void *arg)
{
    session *self = arg;
    for (int i = 0; i < PATIENCE && !turbo_request_cancelled(self->request); i++) {
        pause_us(50);
    }
    answer(self);
}

static int await(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    int error = turbo_request_on_close(request, look_away, NULL);
    return error != 0 ? error : hand_to_crew(request, response, wait_a_little, NULL);
}

static void on_close(turbo_request *request, void *user_data)
{
    (void)request;
    session *self = user_data;
    count(&told);
    crew_give(self->number, answer, self);
}

/* Ends when its client has gone. */
static int hold(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    session *self = make_session(request, response);
    int error = turbo_request_on_close(request, on_close, self);
    return error != 0 ? error : TURBO_PENDING;
}

/* --- clients ---------------------------------------------------------------- */

static char upload[BODY * 2]; /* a whole chunked body; made by main(), then only read */
static size_t upload_length;

static void make_upload(void)
{
    size_t at = 0;
    for (size_t offset = 0; offset < BODY; offset += PART) {
        size_t length = BODY - offset < PART ? BODY - offset : PART;
        at += (size_t)snprintf(upload + at, sizeof(upload) - at, "%zx\r\n", length);
        memcpy(upload + at, bytes_at(offset), length);
        at += length;
        at += (size_t)snprintf(upload + at, sizeof(upload) - at, "\r\n");
    }
    upload_length = at + (size_t)snprintf(upload + at, sizeof(upload) - at, "0\r\n\r\n");
}

/* An answer as it comes in; the client's. */
typedef struct reader {
    enum { HEAD, SIZE, DATA, DATA_END, LAST, DONE, WRONG } state;
    char head[1024];
    size_t head_length;
    bool chunked;
    size_t left;   /* bytes of the body, or of this chunk */
    size_t offset; /* in the body */
} reader;

static void end_head(reader *self)
{
    const char *length = strstr(self->head, "\r\ncontent-length: ");
    self->chunked = strstr(self->head, "\r\ntransfer-encoding: chunked\r\n") != NULL;
    if (strncmp(self->head, "HTTP/1.1 200 ", 13) != 0 || (length != NULL) == self->chunked) {
        self->state = WRONG;
    } else if (self->chunked) {
        self->state = SIZE;
    } else {
        self->left = strtoul(length + 18, NULL, 10);
        self->state = DATA;
    }
}

static void read_head(reader *self, char byte)
{
    if (self->head_length == sizeof(self->head) - 1) {
        self->state = WRONG;
        return;
    }
    self->head[self->head_length++] = byte;
    if (self->head_length > 4 && memcmp(self->head + self->head_length - 4, "\r\n\r\n", 4) == 0) {
        end_head(self);
    }
}

static void read_size(reader *self, char byte)
{
    static const char digits[] = "0123456789abcdef";
    const char *digit = memchr(digits, byte, 16);
    if (byte == '\n') {
        self->state = self->left == 0 ? LAST : DATA;
    } else if (digit != NULL) {
        self->left = self->left * 16 + (size_t)(digit - digits);
    } else if (byte != '\r') {
        self->state = WRONG;
    }
}

/* Returns how many bytes were the body's. */
static size_t read_data(reader *self, const char *bytes, size_t length)
{
    size_t taken = length < self->left ? length : self->left;
    if (memcmp(bytes, bytes_at(self->offset), taken) != 0) {
        self->state = WRONG;
        return taken;
    }
    self->offset += taken;
    self->left -= taken;
    if (self->left == 0) {
        self->state = self->chunked ? DATA_END : DONE;
    }
    return taken;
}

static void read_byte(reader *self, char byte)
{
    switch (self->state) {
    case HEAD:
        read_head(self, byte);
        break;
    case SIZE:
        read_size(self, byte);
        break;
    case DATA_END:
        self->state = byte == '\n' ? SIZE : DATA_END;
        break;
    case LAST:
        self->state = byte == '\n' ? DONE : LAST;
        break;
    default:
        self->state = WRONG; /* more than was to come */
        break;
    }
}

static const struct exchange {
    const char *head;
    size_t length; /* of the answer's body; 0: there is none, the client leaves */
    bool uploads;
} exchanges[] = {
    {"GET /down HTTP/1.1\r\nHost: a\r\n\r\n", BODY, false},
    {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", BODY, true},
    {"POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", PIECE, true},
    {"POST /past HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", PIECE, true},
    {"GET /await HTTP/1.1\r\nHost: a\r\n\r\n", PIECE, false},
    {"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n", 0, false},
};

/* Reads what there is; false at the end of the connection. */
static bool receive(int fd, reader *in)
{
    char data[4096];
    ssize_t got = recv(fd, data, sizeof(data), 0);
    size_t length = got > 0 ? (size_t)got : 0;
    size_t at = 0;
    while (at < length) {
        if (in->state == DATA) {
            at += read_data(in, data + at, length - at);
        } else {
            read_byte(in, data[at++]);
        }
    }
    return got > 0;
}

/* Sends and reads at once until the answer is there, or, for one who leaves, until part of it is.
 * Returns whether all went as it should. */
static bool exchange_bodies(int fd, const struct exchange *what, bool leaves)
{
    reader in = {.state = HEAD};
    size_t sent = 0;
    size_t to_send = what->uploads ? upload_length : 0;
    while (in.state != DONE && in.state != WRONG) {
        if (leaves && (sent >= LEAVE || in.offset >= LEAVE || what->length + to_send < LEAVE)) {
            return true;
        }
        struct pollfd ready = {fd, (short)(POLLIN | (sent < to_send ? POLLOUT : 0)), 0};
        if (poll(&ready, 1, -1) != 1) {
            die("poll");
        }
        if ((ready.revents & POLLOUT) != 0) {
            size_t length = to_send - sent < PIECE ? to_send - sent : PIECE;
            ssize_t took = send(fd, upload + sent, length, MSG_NOSIGNAL | MSG_DONTWAIT);
            sent += took > 0 ? (size_t)took : 0;
        }
        if ((ready.revents & ~POLLOUT) != 0 && !receive(fd, &in)) {
            return false;
        }
    }
    return in.state == DONE && in.offset == what->length && sent == to_send;
}

static void *client(void *arg)
{
    size_t at = (uintptr_t)arg;
    int fd = connect_client();
    for (size_t i = 0; i < ROUNDS && fd >= 0; i++, at++) {
        const struct exchange *what = &exchanges[at % (sizeof(exchanges) / sizeof(exchanges[0]))];
        bool leaves = what->length == 0 || at % 4 == 3;
        bool ok = send_text(fd, what->head) && exchange_bodies(fd, what, leaves);
        count(ok ? &complete : &broken);
        if (!ok) {
            break;
        }
        if (leaves) {
            close(fd);
            fd = connect_client();
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return NULL;
}

/* --- runs ------------------------------------------------------------------- */

static turbo_server *make_streaming_server(uint32_t workers)
{
    turbo_route_options streamed = {.size = sizeof(streamed), .stream_body = true};
    turbo_route_options past = {.size = sizeof(past), .stream_past = BODY / 2};
    turbo_server *server = make_server(workers);
    add_route(server, "GET", "/down", down, NULL);
    add_route(server, "GET", "/await", await, NULL);
    add_route(server, "GET", "/hold", hold, NULL);
    add_route(server, "POST", "/echo", echo, &streamed);
    add_route(server, "POST", "/up", up, &streamed);
    add_route(server, "POST", "/past", up, &past);
    listen_on_loopback(server);
    return server;
}

/* Ends one run; the server has stopped. */
static bool end_run(turbo_server *server, const char *name)
{
    bool ok = records_are_complete(server);
    turbo_server_free(server);
    crew_end();
    free_sessions();
    printf("%s: complete %zu, broken %zu, left %zu, told %zu, waited %zu, pieces %zu\n", name,
           value(&complete), value(&broken), value(&left), value(&told), value(&waited),
           value(&given));
    ok = ok && value(&began) == value(&ended) && value(&given) == value(&released);
    atomic_size_t *const counters[] = {&complete, &broken, &given, &released, &began,
                                       &ended,    &left,   &told,  &waited};
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        atomic_store_explicit(counters[i], 0, memory_order_relaxed);
    }
    return ok;
}

static bool all_were_complete(void)
{
    return value(&complete) == EXCHANGES && value(&broken) == 0 && value(&left) > 0 &&
           value(&told) > 0 && value(&waited) > 0;
}

static bool serve_all(void)
{
    turbo_server *server = make_streaming_server(2);
    crew_start();
    if (turbo_server_start(server) != 0) {
        die("turbo_server_start");
    }
    run_clients(server, client, NULL);
    bool ok = all_were_complete();
    turbo_server_stop(server);
    turbo_server_wait(server, -1);
    return end_run(server, "served") && ok;
}

static void stop_soon(turbo_server *server)
{
    while (value(&complete) < BEFORE_STOP && value(&broken) < CLIENTS) {
        pause_us(1000);
    }
    turbo_server_stop(server);
    turbo_server_stop(server);
}

static bool stop_while_serving(void)
{
    turbo_server *server = make_streaming_server(2);
    crew_start();
    if (turbo_server_start(server) != 0) {
        die("turbo_server_start");
    }
    run_clients(server, client, stop_soon);
    turbo_server_wait(server, -1);
    return end_run(server, "stopped while serving");
}

static void step_until_all(turbo_server *server)
{
    while (value(&complete) + value(&broken) < EXCHANGES) {
        if (turbo_server_step(server, 10) != 1) {
            die("turbo_server_step");
        }
    }
}

static bool step_all(void)
{
    turbo_server *server = make_streaming_server(1);
    crew_start();
    if (turbo_server_pollfd(server) < 0) {
        die("turbo_server_pollfd");
    }
    run_clients(server, client, step_until_all);
    bool ok = all_were_complete();
    turbo_server_stop(server);
    while (turbo_server_step(server, 10) > 0) {
    }
    return end_run(server, "stepped") && ok;
}

int main(void)
{
    make_pattern();
    make_upload();
    bool ok = serve_all();
    for (int i = 0; i < 3; i++) {
        ok = stop_while_serving() && ok;
    }
    ok = step_all() && ok;
    return ok ? 0 : 1;
}
