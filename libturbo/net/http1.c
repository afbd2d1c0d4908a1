/* SPDX-License-Identifier: MIT */

/*
 * The HTTP/1 state machine of a connection (RFC 9112): reads requests, has them answered, one after
 * the other. Pipelined requests are answered in order and their answers leave in one write.
 */

#include <string.h>

#include "app/dispatch.h"
#include "base/compat.h"
#include "base/error.h"
#include "base/mem.h"
#include "net/conn.h"

enum {
    BODY_ROOM = 4096,      /* free bytes behind a head, for its body */
    DRAIN_MAX = 64 * 1024, /* bytes of a body that nobody wants, read to keep the connection */
    HEAD_SLACK = 4096
};

/* What a step of the machine says about the next one. */
typedef enum step {
    STEP_LOST = TURBO__LOST,
    STEP_AGAIN = 10, /* there may be more to do */
    STEP_WAIT = 11   /* nothing to do until something happens */
} step;

/* --- room ---------------------------------------------------------------- */

static bool grow_input(turbo__conn *conn, size_t cap)
{
    char *in = turbo__realloc(conn->in, cap);
    if (in == NULL) {
        return false;
    }
    conn->in = in;
    conn->in_cap = cap;
    return true;
}

/* The unfinished head moves to the start of the buffer and is parsed again. */
static void compact(turbo__conn *conn)
{
    size_t start = conn->parser.head_start;
    memmove(conn->in, conn->in + start, conn->in_len - start);
    conn->in_len -= start;
    conn->in_pos = 0;
    turbo__http1_next(&conn->parser, 0);
}

static bool room_for_head(turbo__conn *conn)
{
    if (conn->in_len < conn->in_cap) {
        return true;
    }
    if (conn->parser.head_start > 0) {
        compact(conn);
        return true;
    }
    const turbo__http1_limits *limits = &conn->loop->app->settings.head;
    size_t most = limits->head + limits->request_line + HEAD_SLACK;
    size_t cap = conn->in_cap * 2 < most ? conn->in_cap * 2 : most;
    return cap > conn->in_cap && grow_input(conn, cap);
}

/* Puts the part of the body that was left in the receive buffer with the rest. */
static int move_body(turbo_request *request)
{
    if (request->body_buf.len > 0 || request->body.len == 0) {
        return 0;
    }
    return turbo__buf_append_str(&request->body_buf, request->body);
}

static bool room_for_body(turbo__conn *conn)
{
    turbo_request *request = conn->request;
    bool copied = request->streams_body || request->body_buf.len > 0;
    if (conn->in_len == conn->in_cap && !copied) {
        if (move_body(request) != 0) {
            return false;
        }
        copied = true;
    }
    if (copied && conn->in_pos == conn->in_len) {
        conn->in_pos = conn->head_end;
        conn->in_len = conn->head_end;
    }
    return conn->in_len < conn->in_cap;
}

bool turbo__http1_make_room(turbo__conn *conn)
{
    if (conn->in == NULL) {
        conn->in = turbo__loop_take_block(conn->loop);
        conn->in_cap = TURBO__BLOCK_SIZE;
        conn->in_len = 0;
        conn->in_pos = 0;
        return conn->in != NULL;
    }
    switch (conn->state) {
    case TURBO__CONN_BODY:
    case TURBO__CONN_HANDLER:
        return room_for_body(conn);
    case TURBO__CONN_DRAIN: /* nobody refers to what was parsed */
    case TURBO__CONN_LINGER:
        conn->in_len = 0;
        conn->in_pos = 0;
        return true;
    default:
        return room_for_head(conn);
    }
}

/* Reads ahead of the handler, as far as the window. */
static bool stream_wants_input(const turbo__conn *conn)
{
    const turbo_request *request = conn->request;
    return request->streams_body && !request->body_complete && conn->body_error == 0 &&
           request->body_buf.len < conn->loop->app->settings.stream_window;
}

bool turbo__http1_wants_input(const turbo__conn *conn)
{
    if (conn->close_after && conn->state != TURBO__CONN_LINGER) {
        return false;
    }
    switch (conn->state) {
    case TURBO__CONN_IDLE:
    case TURBO__CONN_HEAD:
    case TURBO__CONN_BODY:
    case TURBO__CONN_DRAIN:
        return conn->out == NULL;
    case TURBO__CONN_HANDLER:
        return stream_wants_input(conn);
    case TURBO__CONN_LINGER:
        return true;
    default:
        return false;
    }
}

/* --- the end of one message ---------------------------------------------- */

static bool expects_body(const turbo__conn *conn)
{
    return conn->head.chunked || conn->head.content_length > 0;
}

/* Whether the rest of a body that nobody reads is little enough to read it and keep the connection.
 * A client that waits for 100 Continue may send it or not: RFC 9110 §10.1.1. */
static bool can_drain(const turbo__conn *conn)
{
    if (conn->continue_due || conn->body_error != 0) {
        return false;
    }
    return conn->head.chunked || conn->head.content_length - conn->body_seen <= DRAIN_MAX;
}

/* Called when the answer is written. Returns whether the connection goes on. */
static bool next_message(turbo__conn *conn)
{
    if (!conn->keep_alive || conn->broken) {
        turbo__conn_finish(conn);
        return false;
    }
    if (conn->body_due) {
        conn->state = TURBO__CONN_DRAIN;
        conn->drained = 0;
        return true;
    }
    conn->state = TURBO__CONN_IDLE;
    if (conn->in_pos < conn->in_len) {
        turbo__u64_bump(&conn->loop->counters.pipelined, 1);
    } else if (conn->in != NULL) {
        turbo__conn_release_input(conn);
    }
    turbo__http1_next(&conn->parser, conn->in_pos);
    return true;
}

static step answer(turbo__conn *conn)
{
    if (conn->body_due && !can_drain(conn)) {
        conn->keep_alive = false; /* what follows is the rest of this body, not a request */
    }
    turbo__respond(conn);
    return next_message(conn) ? STEP_AGAIN : STEP_WAIT;
}

static void set_error(turbo_request *request, int status)
{
    if (turbo__exchange_error(request, status) != 0) {
        request->response.status = status; /* without a body then */
    }
}

void turbo__http1_fail(turbo__conn *conn, int status)
{
    if (conn->request == NULL) {
        conn->request = turbo__loop_take_request(conn->loop);
    }
    if (conn->request == NULL) {
        turbo__conn_close(conn);
        return;
    }
    if (conn->request->method.len == 0) { /* no head was read: the answer may have a body */
        conn->request->method = TURBO_STR("GET");
        conn->head.version = 11;
    }
    conn->keep_alive = false;
    set_error(conn->request, status);
    turbo__respond(conn);
    turbo__conn_finish(conn);
}

void turbo__http1_refuse(turbo__conn *conn, int status)
{
    turbo__metrics_refused(&conn->loop->counters, status);
    turbo__http1_fail(conn, status);
}

/* --- the handler --------------------------------------------------------- */

static step call_inline(turbo__conn *conn)
{
    turbo__loop *loop = conn->loop;
    turbo_request *request = conn->request;
    loop->current = conn;
    loop->running = request->match.route;
    loop->tick_stale = true; /* from the next line on the loop may be another's */
    uint64_t ticket = turbo__loop_enter_call(loop);
    request->ticket = ticket;
    int rc = turbo__dispatch_call(request);
    if (turbo__unlikely(!turbo__loop_leave_call(loop, ticket))) {
        if (rc != TURBO_PENDING) {
            (void)turbo__exchange_finish(request, false); /* a client that left is no news here */
        }
        return STEP_LOST;
    }
    loop->running = NULL;
    return rc == TURBO_PENDING ? STEP_WAIT : answer(conn);
}

static step call_elsewhere(turbo__conn *conn)
{
    turbo__loop *loop = conn->loop;
    if (loop->ops->offload(loop, conn->request) == 0) {
        turbo__u64_bump(&loop->counters.offloaded, 1);
        return STEP_WAIT;
    }
    turbo__u64_bump(&loop->counters.queue_full, 1);
    set_error(conn->request, 503);
    return answer(conn);
}

static step call_handler(turbo__conn *conn)
{
    turbo__loop *loop = conn->loop;
    turbo_request *request = conn->request;
    const turbo__static_answer *ready = turbo__dispatch_static(loop->app, request);
    if (ready != NULL && request->body_complete) {
        turbo__respond_static(conn, ready);
        return next_message(conn) ? STEP_AGAIN : STEP_WAIT;
    }
    conn->state = TURBO__CONN_HANDLER;
    request->body_whole = request->body_complete;
    const turbo_route *route = request->route;
    if (route->offload || turbo__u32_load_relaxed(&route->slow) > 0) {
        return call_elsewhere(conn);
    }
    return call_inline(conn);
}

/* --- bodies -------------------------------------------------------------- */

static int keep_part(turbo__conn *conn, turbo_str part)
{
    turbo_request *request = conn->request;
    if (request->streams_body || request->body_buf.len > 0) {
        return turbo__buf_append_str(&request->body_buf, part);
    }
    if (request->body.len == 0) {
        request->body = part;
        return 0;
    }
    if (request->body.data + request->body.len == part.data) {
        request->body.len += part.len;
        return 0;
    }
    int rc = move_body(request);
    return rc != 0 ? rc : turbo__buf_append_str(&request->body_buf, part);
}

/* The body has become too large to be collected: the handler reads what came and the rest. */
static int begin_streaming(turbo__conn *conn)
{
    turbo_request *request = conn->request;
    int rc = move_body(request);
    request->body.len = 0;
    request->streams_body = true;
    return rc;
}

/* What a part of the body does to the request. Returns 0, TURBO_ELIMIT or TURBO_ENOMEM. */
static int take_part(turbo__conn *conn, turbo_str part)
{
    turbo_request *request = conn->request;
    const turbo_route *route = request->route;
    conn->continue_due = false; /* the client did not wait, or no longer does */
    conn->body_seen += part.len;
    if (conn->body_seen > route->max_body) {
        return TURBO_ELIMIT;
    }
    int rc = keep_part(conn, part);
    if (rc == 0 && !request->streams_body && conn->body_seen > route->stream_past) {
        rc = begin_streaming(conn);
    }
    return rc;
}

/* Bytes of a body have come: the wait for them is over. */
static void end_wait(turbo__conn *conn)
{
    if (conn->timer == TURBO__TIMER_BODY) {
        uint64_t allowed = conn->loop->app->settings.body_timeout;
        conn->waited += conn->loop->now - (conn->deadline - allowed);
        turbo__conn_no_timer(conn);
    }
}

/* The rate counts from the first wait on, and only time in which the server wanted to read; a body
 * that is here within one timeout is never too slow. */
static bool too_slow(const turbo__conn *conn)
{
    const turbo__settings *settings = &conn->loop->app->settings;
    return conn->waited > settings->body_timeout &&
           conn->body_seen * 1000 < settings->body_rate * conn->waited;
}

/* Tells a streaming handler that its body ended badly. */
static step fail_stream(turbo__conn *conn, int error, int status)
{
    turbo_request *request = conn->request;
    turbo__pending *pending = &request->pending;
    (void)pthread_mutex_lock(&pending->lock);
    turbo_read_fn *read = pending->finished ? NULL : pending->read;
    void *data = pending->read_data;
    pending->read = NULL;
    pending->body_end = pending->body_end || read != NULL;
    (void)pthread_mutex_unlock(&pending->lock);
    conn->keep_alive = false;
    conn->body_error = error;
    conn->body_status = status;
    conn->reader_waits = false;
    if (read != NULL) {
        turbo_str none = {NULL, 0};
        read(request, none, false, error, data);
    }
    return STEP_WAIT;
}

static step fail_body(turbo__conn *conn, int error, int status)
{
    if (conn->state == TURBO__CONN_HANDLER) {
        return fail_stream(conn, error, status);
    }
    turbo__http1_refuse(conn, status);
    return STEP_WAIT;
}

static step body_done(turbo__conn *conn)
{
    turbo_request *request = conn->request;
    if (turbo__unlikely(turbo__http1_has_trailers(&conn->parser)) &&
        turbo__http1_copy_trailers(&conn->parser, &request->trailers) != 0) {
        return fail_body(conn, TURBO_ENOMEM, 503);
    }
    request->body_complete = true;
    conn->body_due = false;
    if (request->body_buf.len > 0 && !request->streams_body) {
        request->body = turbo__buf_view(&request->body_buf);
    }
    if (conn->state == TURBO__CONN_HANDLER) {
        turbo__http1_deliver(conn);
        return STEP_WAIT;
    }
    if (request->streams_body) {
        request->body = turbo__buf_view(&request->body_buf);
    }
    return call_handler(conn);
}

/* The body is wanted: RFC 9110 §10.1.1. */
static void invite_body(turbo__conn *conn)
{
    if (conn->continue_due) {
        conn->continue_due = false;
        turbo__output_copy(conn, TURBO_STR("HTTP/1.1 100 Continue\r\n\r\n"));
    }
}

static bool window_full(const turbo__conn *conn)
{
    return conn->request->streams_body &&
           conn->request->body_buf.len >= conn->loop->app->settings.stream_window;
}

/* The input is used up, or the window full: a streaming handler starts with what there is. */
static step body_more(turbo__conn *conn)
{
    turbo_request *request = conn->request;
    if (conn->peer_closed && !window_full(conn)) { /* it will never be complete */
        turbo__conn_close(conn);
        return STEP_WAIT;
    }
    if (too_slow(conn)) {
        return fail_body(conn, TURBO_ETIMEOUT, 408);
    }
    if (!request->streams_body) {
        return STEP_WAIT;
    }
    if (conn->state == TURBO__CONN_HANDLER) {
        bool full = window_full(conn);
        turbo__http1_deliver(conn);
        /* What the full window kept in the receive buffer is next: no event would tell of it. */
        return full && !window_full(conn) ? STEP_AGAIN : STEP_WAIT;
    }
    return call_handler(conn);
}

static step feed_body(turbo__conn *conn)
{
    conn->loop->tick_stale = true; /* bodies may be big */
    if (conn->in_pos < conn->in_len) {
        end_wait(conn);
    }
    while (!window_full(conn)) {
        size_t used = 0;
        int event = turbo__http1_parse(&conn->parser, conn->in, conn->in_pos, conn->in_len, &used);
        if (event < 0) {
            return fail_body(conn, event, turbo__http1_status(&conn->parser));
        }
        conn->in_pos += used;
        if (event == TURBO__HTTP1_END) {
            return body_done(conn);
        }
        if (event == TURBO__HTTP1_MORE) {
            break;
        }
        if (event == TURBO__HTTP1_BODY) {
            int rc = take_part(conn, turbo__http1_body(&conn->parser));
            if (rc != 0) {
                return fail_body(conn, rc, rc == TURBO_ELIMIT ? 413 : 503);
            }
        }
    }
    return body_more(conn);
}

/* Reads the rest of a body whose request is answered, so that it is not taken for a request. */
static step drain_body(turbo__conn *conn)
{
    if (conn->in_pos < conn->in_len) {
        end_wait(conn);
    }
    for (;;) {
        size_t used = 0;
        int event = turbo__http1_parse(&conn->parser, conn->in, conn->in_pos, conn->in_len, &used);
        if (event == TURBO__HTTP1_BODY) {
            size_t size = turbo__http1_body(&conn->parser).len;
            conn->body_seen += size;
            conn->drained += size;
        }
        if (event < 0 || conn->drained > DRAIN_MAX) {
            turbo__conn_finish(conn);
            return STEP_WAIT;
        }
        conn->in_pos += used;
        if (event == TURBO__HTTP1_END) {
            conn->body_due = false;
            return next_message(conn) ? STEP_AGAIN : STEP_WAIT;
        }
        if (event == TURBO__HTTP1_MORE) {
            break;
        }
    }
    if (conn->peer_closed || too_slow(conn)) {
        turbo__conn_finish(conn);
    }
    return STEP_WAIT;
}

/* Bodies of usual size keep their buffer for the next part. */
static void shrink_body(turbo__conn *conn)
{
    turbo__buf *buf = &conn->request->body_buf;
    if (buf->cap > 4 * conn->loop->app->settings.stream_window) {
        turbo__buf_clear(buf);
    }
}

void turbo__http1_deliver(turbo__conn *conn)
{
    turbo_request *request = conn->request;
    turbo__pending *pending = &request->pending;
    bool last = request->body_complete;
    turbo_str part = turbo__buf_view(&request->body_buf);
    int status = conn->body_error;
    bool due = part.len > 0 || last || status != 0;
    (void)pthread_mutex_lock(&pending->lock);
    turbo_read_fn *read = pending->finished ? NULL : pending->read;
    void *data = pending->read_data;
    if (due) {
        pending->read = NULL;
        pending->body_end = pending->body_end || (read != NULL && (last || status != 0));
    }
    (void)pthread_mutex_unlock(&pending->lock);
    conn->reader_waits = read != NULL && !due;
    if (read == NULL) {
        return;
    }
    if (!due) {
        if (!request->begun) { /* else the final answer is what the client waits for */
            invite_body(conn);
            turbo__output_flush(conn);
        }
        return;
    }
    request->body_buf.len = 0;
    read(request, part, last, status, data);
    shrink_body(conn);
}

/* --- heads --------------------------------------------------------------- */

static int fill_request(turbo__conn *conn)
{
    turbo_request *request = conn->request;
    int rc = turbo__http1_read_head(&conn->parser, conn->in, &request->arena, &conn->head);
    if (rc != 0) {
        return rc;
    }
    request->method = conn->head.method;
    request->target = conn->head.target;
    request->headers = conn->head.fields;
    request->version = (uint8_t)conn->head.version;
    request->endpoints = &conn->ends;
    request->conn = conn;
    return turbo__exchange_target(request, &conn->head.url);
}

/* Room behind the head, so that the body can be read; the head's views are made again. */
static int room_behind_head(turbo__conn *conn)
{
    conn->head_end = conn->in_pos;
    if (!expects_body(conn) || conn->in_cap - conn->head_end >= BODY_ROOM) {
        return 0;
    }
    if (!grow_input(conn, conn->head_end + BODY_ROOM + TURBO__BLOCK_SIZE)) {
        return TURBO_ENOMEM;
    }
    return fill_request(conn);
}

static step accept_body(turbo__conn *conn)
{
    turbo_request *request = conn->request;
    const turbo_route *route = request->route;
    uint64_t length = conn->head.content_length;
    if (length > route->max_body) {
        turbo__http1_refuse(conn, 413);
        return STEP_WAIT;
    }
    request->streams_body = route->stream_body || length > route->stream_past;
    if (!request->streams_body) {
        invite_body(conn);
    }
    conn->state = TURBO__CONN_BODY;
    return expects_body(conn) ? STEP_AGAIN : body_done(conn);
}

static step begin_request(turbo__conn *conn)
{
    turbo__loop *loop = conn->loop;
    conn->request = turbo__loop_take_request(loop);
    if (conn->request == NULL) {
        turbo__http1_refuse(conn, 503);
        return STEP_WAIT;
    }
    conn->body_seen = 0;
    conn->body_error = 0;
    conn->waited = 0;
    conn->reader_waits = false;
    int rc = fill_request(conn);
    if (rc == 0) {
        rc = room_behind_head(conn);
    }
    if (rc != 0) {
        turbo__http1_refuse(conn, 503);
        return STEP_WAIT;
    }
    turbo__account_head(conn);
    conn->keep_alive = conn->head.keep_alive;
    conn->body_due = expects_body(conn);
    conn->continue_due =
        conn->head.expect_continue && expects_body(conn) && conn->in_len == conn->head_end;
    rc = turbo__dispatch_route(loop->app, conn->request);
    if (rc < 0) {
        turbo__http1_refuse(conn, 503);
        return STEP_WAIT;
    }
    return rc == 0 ? accept_body(conn) : answer(conn);
}

static step read_head(turbo__conn *conn, uint32_t *budget)
{
    if (conn->in_pos >= conn->in_len) {
        if (conn->peer_closed) {
            turbo__conn_finish(conn);
        }
        return STEP_WAIT;
    }
    if (conn->state == TURBO__CONN_IDLE && *budget == 0) {
        turbo__list_remove(&conn->ready_link);
        turbo__list_append(&conn->loop->ready, &conn->ready_link);
        return STEP_WAIT;
    }
    size_t used = 0;
    int event = turbo__http1_parse(&conn->parser, conn->in, conn->in_pos, conn->in_len, &used);
    if (event < 0) {
        turbo__http1_refuse(conn, turbo__http1_status(&conn->parser));
        return STEP_WAIT;
    }
    conn->in_pos += used;
    if (event == TURBO__HTTP1_HEAD) {
        (*budget)--;
        return begin_request(conn);
    }
    if (conn->peer_closed) {
        turbo__conn_close(conn);
        return STEP_WAIT;
    }
    if (conn->state == TURBO__CONN_IDLE) {
        conn->state = TURBO__CONN_HEAD; /* its time counts from here: total, not per read */
    }
    return STEP_WAIT;
}

/* --- the machine --------------------------------------------------------- */

static step take_step(turbo__conn *conn, uint32_t *budget)
{
    bool ending = conn->close_after && conn->state != TURBO__CONN_LINGER;
    if (conn->broken || ending) {
        return STEP_WAIT;
    }
    switch (conn->state) {
    case TURBO__CONN_IDLE:
        if (conn->out != NULL) { /* a client that does not read is not served further */
            return STEP_WAIT;
        }
        return read_head(conn, budget);
    case TURBO__CONN_HEAD:
        return read_head(conn, budget);
    case TURBO__CONN_BODY:
        return feed_body(conn);
    case TURBO__CONN_DRAIN:
        return drain_body(conn);
    case TURBO__CONN_HANDLER:
        if (conn->request->streams_body && !conn->request->body_complete && conn->body_error == 0) {
            return feed_body(conn);
        }
        return STEP_WAIT;
    case TURBO__CONN_LINGER:
        turbo__conn_linger(conn);
        return STEP_WAIT;
    default:
        return STEP_WAIT;
    }
}

/* Sends what accumulated and sets timers and poller for the state that was reached. */
static void settle(turbo__conn *conn)
{
    if (conn->state == TURBO__CONN_CLOSED) {
        return;
    }
    turbo__output_flush(conn);
    if (conn->broken) {
        turbo__conn_close(conn);
        return;
    }
    if (conn->loop->draining && conn->state == TURBO__CONN_IDLE && conn->in_len == 0 &&
        conn->out == NULL) {
        turbo__conn_finish(conn);
        return;
    }
    turbo__conn_arm(conn);
    if (conn->out != NULL || conn->interest != (TURBO__READABLE | TURBO__PEER_CLOSED)) {
        turbo__conn_update(conn);
    }
}

void turbo__http1_body_late(turbo__conn *conn)
{
    if (conn->state == TURBO__CONN_DRAIN) {
        turbo__conn_finish(conn);
        return;
    }
    (void)fail_body(conn, TURBO_ETIMEOUT, 408); /* settle() does what follows from it */
    settle(conn);
}

int turbo__http1_advance(turbo__conn *conn)
{
    uint32_t budget = conn->loop->app->settings.max_pipelined;
    step next;
    do {
        next = take_step(conn, &budget);
    } while (next == STEP_AGAIN);
    if (next == STEP_LOST) {
        return TURBO__LOST;
    }
    settle(conn);
    return 0;
}

/* --- answers that come later --------------------------------------------- */

/* A snapshot of what happened to a pending exchange. */
typedef struct state {
    bool finished;
    bool aborted;
    bool begun;
    bool reads;
    bool watches; /* an on_close callback waits */
} state;

static state take_state(turbo_request *request)
{
    turbo__pending *pending = &request->pending;
    (void)pthread_mutex_lock(&pending->lock);
    pending->queued = false;
    state now = {pending->finished, pending->aborted, pending->begun, pending->read != NULL,
                 pending->close != NULL};
    (void)pthread_mutex_unlock(&pending->lock);
    return now;
}

/* The client left before; only the handler's end is waited for. */
static void news_of_closed(turbo__conn *conn, const state *now)
{
    if (now->finished) {
        turbo__conn_end_exchange(conn);
    } else {
        turbo__conn_tell_closed(conn->request);
    }
}

/* The handler has given up. What was accepted of its answer is sent, so that the client can tell
 * that the rest is missing (RFC 9112 §8); where its body was refused, that is the answer. */
static void abort_answer(turbo__conn *conn, const state *now)
{
    if (now->begun) {
        turbo__respond_abort(conn);
    } else if (conn->body_error != 0) {
        turbo__http1_refuse(conn, conn->body_status);
    } else {
        turbo__conn_close(conn);
    }
}

int turbo__http1_continue_stream(turbo__conn *conn)
{
    turbo__respond_stream(conn);
    if (conn->request == NULL) {
        (void)next_message(conn); /* advance sees what became of it */
    }
    return turbo__http1_advance(conn);
}

int turbo__http1_news(turbo_request *request)
{
    turbo__conn *conn = request->conn;
    state now = take_state(request);
    if (conn->state == TURBO__CONN_CLOSED) {
        news_of_closed(conn, &now);
        return 0;
    }
    conn->loop->current = conn;
    if (now.aborted) {
        abort_answer(conn, &now);
        return 0;
    }
    if (now.watches && !now.finished && (conn->fin_seen || conn->peer_closed)) {
        turbo__conn_note_peer_closed(conn); /* it closed before the handler asked */
    }
    if (now.reads && !now.finished) {
        turbo__http1_deliver(conn);
        if (conn->state != TURBO__CONN_HANDLER) {
            return 0;
        }
    }
    if (now.begun) {
        if (!request->begun && conn->body_due && !can_drain(conn)) {
            conn->keep_alive = false;
        }
        return turbo__http1_continue_stream(conn);
    }
    if (now.finished) {
        (void)answer(conn); /* as above */
    }
    return turbo__http1_advance(conn);
}
