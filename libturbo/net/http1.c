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
    bool copied = request->streams_body || conn->discard || request->body_buf.len > 0;
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
    case TURBO__CONN_LINGER:
        conn->in_len = 0;
        conn->in_pos = 0;
        return true;
    default:
        return room_for_head(conn);
    }
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
        return conn->out == NULL;
    case TURBO__CONN_HANDLER:
        return conn->request->streams_body && !conn->request->body_complete &&
               conn->request->body_buf.len < conn->loop->app->settings.stream_window;
    case TURBO__CONN_LINGER:
        return true;
    default:
        return false;
    }
}

/* --- the end of one message ---------------------------------------------- */

/* Called when the answer is written. Returns whether the connection goes on. */
static bool next_message(turbo__conn *conn)
{
    conn->discard = false;
    if (!conn->keep_alive || conn->broken) {
        turbo__conn_finish(conn);
        return false;
    }
    conn->state = TURBO__CONN_IDLE;
    if (conn->in_pos >= conn->in_len && conn->in != NULL) {
        turbo__conn_release_input(conn);
    }
    turbo__http1_next(&conn->parser, conn->in_pos);
    return true;
}

static step answer(turbo__conn *conn)
{
    if (!conn->request->body_complete) {
        conn->keep_alive = false; /* what follows is the rest of this body, not a request */
    }
    turbo__respond(conn);
    return next_message(conn) ? STEP_AGAIN : STEP_WAIT;
}

void turbo__http1_refuse(turbo__conn *conn, int status)
{
    turbo__loop *loop = conn->loop;
    turbo__u64_bump(&loop->counters.parse_errors, 1);
    if (conn->request == NULL) {
        conn->request = turbo__loop_take_request(loop);
    }
    if (conn->request == NULL) {
        turbo__conn_close(conn);
        return;
    }
    conn->request->method = TURBO_STR("GET");
    conn->keep_alive = false;
    conn->head.version = 11;
    if (turbo__exchange_error(conn->request, status) != 0) {
        conn->request->response.status = status; /* without a body then */
    }
    turbo__respond(conn);
    turbo__conn_finish(conn);
}

/* --- the handler --------------------------------------------------------- */

static step call_inline(turbo__conn *conn)
{
    turbo__loop *loop = conn->loop;
    turbo_request *request = conn->request;
    loop->current = conn;
    loop->running = request->match.route;
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
    if (turbo__exchange_error(conn->request, 503) != 0) {
        conn->request->response.status = 503; /* without a body then */
    }
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
    turbo__conn_no_timer(conn);
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
    if (conn->discard) {
        return 0;
    }
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

static uint64_t body_limit(const turbo__conn *conn)
{
    return conn->discard ? DRAIN_MAX : conn->request->route->max_body;
}

/* Tells a streaming handler that its body ended badly. */
static step fail_stream(turbo__conn *conn, int status)
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
    conn->body_error = status;
    if (read != NULL) {
        turbo_str none = {NULL, 0};
        read(request, none, false, status, data);
    }
    return STEP_WAIT;
}

static step fail_body(turbo__conn *conn, int error, int status)
{
    if (conn->state == TURBO__CONN_HANDLER) {
        return fail_stream(conn, error);
    }
    if (conn->discard) { /* its answer is ready; more of the body is not wanted */
        (void)answer(conn);
        return STEP_WAIT;
    }
    turbo__http1_refuse(conn, status);
    return STEP_WAIT;
}

static step body_done(turbo__conn *conn)
{
    turbo_request *request = conn->request;
    request->body_complete = true;
    if (conn->discard) {
        return answer(conn);
    }
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

/* The input is used up: a streaming handler starts with what there is. */
static step body_more(turbo__conn *conn)
{
    turbo_request *request = conn->request;
    if (conn->peer_closed) { /* it will never be complete */
        turbo__conn_close(conn);
        return STEP_WAIT;
    }
    if (!request->streams_body || conn->discard) {
        return STEP_WAIT;
    }
    if (conn->state == TURBO__CONN_HANDLER) {
        turbo__http1_deliver(conn);
        return STEP_WAIT;
    }
    return call_handler(conn);
}

static bool window_full(const turbo__conn *conn)
{
    return conn->request->streams_body && !conn->discard &&
           conn->request->body_buf.len >= conn->loop->app->settings.stream_window;
}

static step feed_body(turbo__conn *conn)
{
    while (conn->in_pos < conn->in_len) {
        if (window_full(conn)) {
            break;
        }
        size_t used = 0;
        int event = turbo__http1_parse(&conn->parser, conn->in, conn->in_pos, conn->in_len, &used);
        if (event < 0) {
            return fail_body(conn, event, turbo__http1_status(&conn->parser));
        }
        conn->in_pos += used;
        if (event == TURBO__HTTP1_END) {
            return body_done(conn);
        }
        if (event == TURBO__HTTP1_BODY) {
            turbo_str part = turbo__http1_body(&conn->parser);
            conn->body_seen += part.len;
            if (conn->body_seen > body_limit(conn)) {
                return fail_body(conn, TURBO_ELIMIT, 413);
            }
            if (keep_part(conn, part) != 0) {
                return fail_body(conn, TURBO_ENOMEM, 503);
            }
        }
    }
    return body_more(conn);
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
    turbo_read_fn *read = pending->read;
    void *data = pending->read_data;
    if (due) {
        pending->read = NULL;
        pending->body_end = pending->body_end || (read != NULL && (last || status != 0));
    }
    (void)pthread_mutex_unlock(&pending->lock);
    if (read == NULL) {
        return;
    }
    if (!due) {
        if (conn->continue_due) { /* the body is wanted: RFC 9110 §10.1.1 */
            conn->continue_due = false;
            turbo__output_copy(conn, TURBO_STR("HTTP/1.1 100 Continue\r\n\r\n"));
            turbo__output_flush(conn);
        }
        return;
    }
    request->body_buf.len = 0;
    read(request, part, last, status, data);
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
    return 0;
}

static bool expects_body(const turbo__conn *conn)
{
    return conn->head.chunked || conn->head.content_length > 0;
}

/* The answer is made before the body came; read the body only if that is cheap. */
static step answer_early(turbo__conn *conn)
{
    bool cheap = !conn->head.expect_continue && conn->head.content_length <= DRAIN_MAX;
    if (expects_body(conn) && !cheap) {
        return answer(conn);
    }
    conn->discard = true;
    conn->state = TURBO__CONN_BODY;
    return STEP_AGAIN;
}

static step refuse_early(turbo__conn *conn, int status)
{
    if (turbo__exchange_error(conn->request, status) != 0) {
        conn->request->response.status = status; /* without a body then */
    }
    return answer(conn);
}

/* Room behind the head, so that the body can be read; the head's views are made again. */
static int room_behind_head(turbo__conn *conn)
{
    conn->head_end = conn->in_pos + 1; /* the parser stands on the head's last byte */
    if (!expects_body(conn) || conn->in_cap - conn->head_end >= BODY_ROOM) {
        return 0;
    }
    if (!grow_input(conn, conn->head_end + BODY_ROOM + TURBO__BLOCK_SIZE)) {
        return TURBO_ENOMEM;
    }
    memset(&conn->request->headers, 0, sizeof(conn->request->headers));
    return fill_request(conn);
}

static step accept_body(turbo__conn *conn)
{
    turbo_request *request = conn->request;
    request->streams_body = request->route->stream_body;
    if (conn->head.has_length && conn->head.content_length > request->route->max_body) {
        return refuse_early(conn, 413);
    }
    conn->continue_due = conn->head.expect_continue && conn->in_len == conn->head_end;
    if (conn->continue_due && !request->streams_body && expects_body(conn)) {
        conn->continue_due = false;
        turbo__output_copy(conn, TURBO_STR("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    conn->state = TURBO__CONN_BODY;
    return STEP_AGAIN;
}

static step begin_request(turbo__conn *conn)
{
    turbo__loop *loop = conn->loop;
    conn->request = turbo__loop_take_request(loop);
    if (conn->request == NULL) {
        turbo__http1_refuse(conn, 503);
        return STEP_WAIT;
    }
    turbo__u64_bump(&loop->counters.requests, 1);
    conn->body_seen = 0;
    conn->body_error = 0;
    int rc = fill_request(conn);
    if (rc == 0) {
        rc = room_behind_head(conn);
    }
    if (rc != 0) {
        bool malformed = rc == TURBO_EPROTOCOL;
        turbo__http1_refuse(conn, malformed ? turbo__http1_status(&conn->parser) : 503);
        return STEP_WAIT;
    }
    conn->keep_alive = conn->head.keep_alive;
    rc = turbo__dispatch_route(loop->app, conn->request);
    if (rc < 0) {
        return refuse_early(conn, rc == TURBO_EPROTOCOL ? 400 : 503);
    }
    return rc == 0 ? accept_body(conn) : answer_early(conn);
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
        conn->state = TURBO__CONN_HEAD;
        turbo__conn_timer(conn, TURBO__TIMER_HEAD);
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
    case TURBO__CONN_HANDLER:
        if (conn->request->streams_body && !conn->request->body_complete && conn->body_error == 0) {
            return feed_body(conn);
        }
        return STEP_WAIT;
    case TURBO__CONN_LINGER:
        conn->in_len = 0;
        conn->in_pos = 0;
        if (conn->peer_closed) {
            turbo__conn_close(conn);
        }
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
    if (conn->out != NULL) {
        if (turbo__list_empty(&conn->timer_link)) {
            turbo__conn_timer(conn, TURBO__TIMER_WRITE);
        }
    } else if (conn->state == TURBO__CONN_IDLE) {
        turbo__conn_timer(conn, TURBO__TIMER_IDLE);
    } else if (conn->state == TURBO__CONN_BODY) {
        turbo__conn_timer(conn, TURBO__TIMER_BODY);
    }
    if (conn->loop->draining && conn->state == TURBO__CONN_IDLE && conn->in_len == 0 &&
        conn->out == NULL) {
        turbo__conn_finish(conn);
        return;
    }
    if (conn->out != NULL || conn->interest != (TURBO__READABLE | TURBO__PEER_CLOSED)) {
        turbo__conn_update(conn);
    }
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
        turbo__conn_close(conn);
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
        if (!request->begun && !request->body_complete) {
            conn->keep_alive = false;
        }
        return turbo__http1_continue_stream(conn);
    }
    if (now.finished) {
        (void)answer(conn); /* as above */
    }
    return turbo__http1_advance(conn);
}
