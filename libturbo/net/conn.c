/* SPDX-License-Identifier: MIT */
#include "net/conn.h"

#include <string.h>

#include "base/compat.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/proxy.h"

enum {
    LINGER_MS = 2000, /* how long a refused client that sends nothing may take to read its answer */
    LINGER_MAX_MS = 10000, /* … and one that goes on sending */
    END_LINGER_READS = 16, /* reads that a lingering connection gets when the server stops */
};

static uint32_t timer_ms(const turbo__loop *loop, turbo__timer timer)
{
    const turbo__settings *settings = &loop->app->settings;
    switch (timer) {
    case TURBO__TIMER_IDLE:
        return settings->idle_timeout;
    case TURBO__TIMER_HEAD:
        return settings->head_timeout;
    case TURBO__TIMER_BODY:
        return settings->body_timeout;
    case TURBO__TIMER_WRITE:
        return settings->write_timeout;
    default:
        return LINGER_MS;
    }
}

void turbo__conn_timer(turbo__conn *conn, turbo__timer timer)
{
    turbo__loop *loop = conn->loop;
    turbo__list_remove(&conn->timer_link);
    if (timer == TURBO__TIMER_WRITE) {
        conn->unsent = conn->stream.ops->unsent(&conn->stream);
    }
    conn->timer = timer;
    conn->deadline = loop->now + timer_ms(loop, timer);
    turbo__list_append(&loop->timers[timer], &conn->timer_link);
}

void turbo__conn_no_timer(turbo__conn *conn)
{
    conn->timer = TURBO__TIMER_NONE;
    turbo__list_remove(&conn->timer_link);
}

/* A client that does not take its answer is waited for first: nothing is read from it meanwhile. */
static turbo__timer timer_of_state(const turbo__conn *conn)
{
    if (conn->out != NULL) {
        return TURBO__TIMER_WRITE;
    }
    switch (conn->state) {
    case TURBO__CONN_IDLE:
        return TURBO__TIMER_IDLE;
    case TURBO__CONN_HEAD:
        return TURBO__TIMER_HEAD;
    case TURBO__CONN_BODY:
    case TURBO__CONN_DRAIN:
        return TURBO__TIMER_BODY;
    case TURBO__CONN_HANDLER:
        return conn->reader_waits ? TURBO__TIMER_BODY : TURBO__TIMER_NONE;
    case TURBO__CONN_LINGER:
        return TURBO__TIMER_LINGER;
    default:
        return TURBO__TIMER_NONE;
    }
}

void turbo__conn_arm(turbo__conn *conn)
{
    turbo__timer timer = timer_of_state(conn);
    if (timer == conn->timer && timer != TURBO__TIMER_IDLE) {
        return;
    }
    if (timer == TURBO__TIMER_NONE) {
        turbo__conn_no_timer(conn);
    } else {
        turbo__conn_timer(conn, timer);
    }
}

static turbo__conn *take_conn(turbo__loop *loop)
{
    turbo__conn *conn = loop->free_conns;
    if (conn != NULL) {
        loop->free_conns = conn->next_free;
        loop->free_conn_count--;
        return conn;
    }
    conn = turbo__calloc(1, sizeof(*conn));
    if (conn != NULL) {
        turbo__http1_init(&conn->parser, &loop->app->settings.head);
    }
    return conn;
}

static void give_conn(turbo__loop *loop, turbo__conn *conn)
{
    conn->next_free = loop->free_conns;
    loop->free_conns = conn;
    loop->free_conn_count++;
}

/* Not at once when it is given back: callers up the stack still look at its state. */
void turbo__conn_trim(turbo__loop *loop, uint32_t keep)
{
    while (loop->free_conn_count > keep) {
        turbo__conn *conn = take_conn(loop);
        turbo__http1_clear(&conn->parser);
        turbo__free(conn);
    }
}

static void reset_conn(turbo__conn *conn, turbo__loop *loop)
{
    turbo__http1_parser parser = conn->parser; /* its memory is worth keeping */
    memset(conn, 0, sizeof(*conn));
    conn->parser = parser;
    conn->watch = TURBO__WATCH_CONN;
    conn->state = TURBO__CONN_IDLE;
    conn->timer = TURBO__TIMER_NONE;
    conn->loop = loop;
    conn->out_end = &conn->out;
    turbo__list_init(&conn->link);
    turbo__list_init(&conn->timer_link);
    turbo__list_init(&conn->ready_link);
}

static int add_conn(turbo__loop *loop, int fd, const turbo__endpoints *ends, turbo__conn **out)
{
    turbo__conn *conn = take_conn(loop);
    if (conn == NULL) {
        return TURBO_ENOMEM;
    }
    reset_conn(conn, loop);
    turbo__stream_init_plain(&conn->stream, fd);
    conn->ends = *ends;
    turbo__endpoints_judge(&conn->ends, &loop->app->trust);
    conn->proxy_due = loop->app->settings.proxy_protocol && conn->ends.trust != NULL;
    turbo__http1_next(&conn->parser, 0);
    conn->interest = TURBO__READABLE | TURBO__PEER_CLOSED;
    int rc = turbo__poller_add(&loop->poller, fd, conn->interest, false, conn);
    if (rc != 0) {
        give_conn(loop, conn);
        return rc;
    }
    turbo__list_append(&loop->conns, &conn->link);
    loop->conn_count++;
    *out = conn;
    return 0;
}

int turbo__conn_open(turbo__loop *loop, int fd, const turbo__endpoints *ends)
{
    turbo__conn *conn;
    int rc = add_conn(loop, fd, ends, &conn);
    if (rc == 0) {
        turbo__u64_bump(&loop->counters.connections, 1);
        turbo__u64_bump(&loop->counters.open_connections, 1);
        turbo__conn_arm(conn);
    }
    return rc;
}

int turbo__conn_turn_away(turbo__loop *loop, int fd, const turbo__endpoints *ends)
{
    turbo__conn *conn;
    int rc = add_conn(loop, fd, ends, &conn);
    if (rc == 0) {
        conn->surplus = true;
        conn->proxy_due = false; /* what it sends is not read */
        loop->surplus_count++;
        turbo__http1_fail(conn, 503);
    }
    return rc;
}

void turbo__conn_release_input(turbo__conn *conn)
{
    if (conn->in == NULL) {
        return;
    }
    if (conn->in_cap == TURBO__BLOCK_SIZE) {
        turbo__loop_give_block(conn->loop, conn->in);
    } else {
        turbo__free(conn->in);
    }
    conn->in = NULL;
    conn->in_cap = 0;
    conn->in_len = 0;
    conn->in_pos = 0;
}

void turbo__conn_tell_closed(turbo_request *request)
{
    turbo__pending *pending = &request->pending;
    (void)pthread_mutex_lock(&pending->lock);
    bool silent = pending->finished;
    turbo_read_fn *read = pending->read;
    turbo_writable_fn *writable = pending->writable;
    turbo_close_fn *close_fn = pending->close;
    void *read_data = pending->read_data;
    void *writable_data = pending->writable_data;
    void *close_data = pending->close_data;
    pending->closed = true;
    pending->read = NULL;
    pending->writable = NULL;
    pending->close = NULL;
    pending->body_end = pending->body_end || read != NULL;
    (void)pthread_mutex_unlock(&pending->lock);
    if (silent) {
        return;
    }
    turbo_str none = {NULL, 0};
    if (read != NULL) {
        read(request, none, false, TURBO_ECANCELLED, read_data);
    }
    if (writable != NULL) {
        writable(&request->response, writable_data);
    }
    if (close_fn != NULL) {
        close_fn(request, close_data);
    }
}

/* Whether the handler is done with the exchange and no news of it is on the way. */
static bool exchange_over(turbo_request *request)
{
    turbo__pending *pending = &request->pending;
    (void)pthread_mutex_lock(&pending->lock);
    bool over = pending->finished && !pending->queued;
    (void)pthread_mutex_unlock(&pending->lock);
    return over;
}

void turbo__conn_end_exchange(turbo__conn *conn)
{
    turbo__loop *loop = conn->loop;
    turbo_request *request = conn->request;
    conn->request = NULL;
    turbo__loop_give_request(loop, request);
    if (conn->state == TURBO__CONN_CLOSED) {
        turbo__conn_release_input(conn);
        loop->kept_count--;
        give_conn(loop, conn);
    }
}

void turbo__conn_close(turbo__conn *conn)
{
    turbo__loop *loop = conn->loop;
    bool pending = conn->state == TURBO__CONN_HANDLER;
    turbo__list_remove(&conn->link);
    turbo__conn_no_timer(conn);
    turbo__list_remove(&conn->ready_link);
    turbo__output_clear(conn);
    if (loop->current == conn) {
        loop->current = NULL;
        loop->out.len = 0;
    }
    loop->conn_count--;
    if (conn->surplus) {
        loop->surplus_count--;
    } else { /* one less, before the peer can see it */
        turbo__u64_bump(&loop->counters.open_connections, UINT64_MAX);
    }
    if (conn->state == TURBO__CONN_LINGER) {
        loop->linger_count--;
    }
    turbo__poller_remove(&loop->poller, conn->stream.fd);
    turbo__stream_close(&conn->stream);
    conn->state = TURBO__CONN_CLOSED;
    loop->kept_count++;
    turbo_request *request = conn->request;
    if (request != NULL) { /* the answer was not completed */
        turbo__account(conn, request->begun ? request->response.status : 0);
    }
    if (request != NULL && pending) {
        turbo__conn_tell_closed(request);
        if (!exchange_over(request)) {
            return; /* ends when its handler is done */
        }
    }
    if (request != NULL) {
        turbo__conn_end_exchange(conn);
        return;
    }
    loop->kept_count--;
    turbo__conn_release_input(conn);
    give_conn(loop, conn);
}

void turbo__conn_finish(turbo__conn *conn)
{
    turbo__output_flush(conn);
    if (conn->broken) {
        turbo__conn_close(conn);
        return;
    }
    conn->close_after = true;
    if (conn->out == NULL && conn->peer_closed) {
        turbo__conn_close(conn);
        return;
    }
    if (conn->out == NULL) {
        conn->stream.ops->shut_down(&conn->stream);
        conn->state = TURBO__CONN_LINGER;
        conn->loop->linger_count++;
        conn->linger_until = conn->loop->now + LINGER_MAX_MS;
        conn->in_pos = 0;
        conn->in_len = 0;
    }
    turbo__conn_arm(conn);
    turbo__conn_update(conn);
}

void turbo__conn_update(turbo__conn *conn)
{
    if (conn->state == TURBO__CONN_CLOSED) {
        return;
    }
    uint32_t want = conn->fin_seen || conn->peer_closed ? 0u : (uint32_t)TURBO__PEER_CLOSED;
    if (!conn->peer_closed && turbo__http1_wants_input(conn)) {
        want |= TURBO__READABLE;
    }
    if (conn->out != NULL) {
        want |= TURBO__WRITABLE;
    }
    if (want == conn->interest) {
        return;
    }
    conn->interest = want;
    if (turbo__poller_change(&conn->loop->poller, conn->stream.fd, want, conn) != 0) {
        conn->broken = true; /* no event may ever come: it is closed in the turn's last part */
        turbo__list_remove(&conn->ready_link);
        turbo__list_append(&conn->loop->ready, &conn->ready_link);
    }
}

/* The kernel's buffer is large: a client may read for long before it has room for more. */
static bool takes_answer(const turbo__conn *conn)
{
    return conn->stream.ops->unsent(&conn->stream) < conn->unsent;
}

void turbo__conn_expired(turbo__conn *conn, turbo__timer timer)
{
    if (timer != timer_of_state(conn)) {
        return; /* a thread that lost the baton had no time to stop it */
    }
    switch (timer) {
    case TURBO__TIMER_HEAD:
        turbo__http1_refuse(conn, 408);
        return;
    case TURBO__TIMER_BODY:
        turbo__http1_body_late(conn);
        return;
    case TURBO__TIMER_WRITE:
        if (takes_answer(conn)) {
            turbo__conn_timer(conn, timer);
            return;
        }
        turbo__conn_close(conn);
        return;
    default:
        turbo__conn_close(conn);
    }
}

/* Reads once. Returns false when the connection was closed. */
static bool read_some(turbo__conn *conn)
{
    if (!turbo__http1_make_room(conn)) {
        turbo__conn_close(conn);
        return false;
    }
    ssize_t got =
        conn->stream.ops->read(&conn->stream, conn->in + conn->in_len, conn->in_cap - conn->in_len);
    if (got > 0) {
        conn->in_len += (size_t)got;
        turbo__u64_bump(&conn->loop->counters.bytes_in, (uint64_t)got);
        return true;
    }
    if (got == 0) {
        conn->peer_closed = true;
    } else if (got == TURBO__STREAM_ERROR) {
        turbo__conn_close(conn);
        return false;
    }
    return true;
}

void turbo__conn_linger(turbo__conn *conn)
{
    bool got = conn->in_len > 0;
    conn->in_len = 0;
    conn->in_pos = 0;
    if (conn->peer_closed) {
        turbo__conn_close(conn);
    } else if (got && conn->loop->now + LINGER_MS < conn->linger_until) {
        turbo__conn_timer(conn, TURBO__TIMER_LINGER);
    }
}

void turbo__conn_end_linger(turbo__conn *conn)
{
    for (int i = 0; i < END_LINGER_READS && !conn->peer_closed; i++) {
        conn->in_len = 0;
        if (!read_some(conn)) {
            return;
        }
        if (conn->in_len == 0) {
            break;
        }
    }
    turbo__conn_close(conn);
}

void turbo__conn_retire(turbo__conn *conn)
{
    if (conn->state == TURBO__CONN_DRAIN) {
        turbo__conn_finish(conn);
        return;
    }
    if (conn->proxy_due) { /* not even the first header of the proxy is complete */
        turbo__conn_close(conn);
        return;
    }
    bool idle =
        conn->state == TURBO__CONN_IDLE && conn->out == NULL && conn->in_pos == conn->in_len;
    if (!idle || !read_some(conn)) {
        return;
    }
    if (conn->in_pos < conn->in_len) {
        turbo__list_append(&conn->loop->ready, &conn->ready_link);
    } else {
        turbo__conn_close(conn);
    }
}

void turbo__conn_note_peer_closed(turbo__conn *conn)
{
    turbo_request *request = conn->request;
    if (request == NULL) { /* its answer is complete, though not sent */
        return;
    }
    turbo__pending *pending = &request->pending;
    (void)pthread_mutex_lock(&pending->lock);
    turbo_close_fn *fn = pending->finished ? NULL : pending->close;
    void *data = pending->close_data;
    pending->close = NULL;
    (void)pthread_mutex_unlock(&pending->lock);
    if (fn != NULL) {
        fn(request, data);
    }
}

/* Whether the handler has begun a stream. Its head may not be written yet: it waits for earlier
 * answers to be sent. */
static bool streams(turbo_request *request)
{
    turbo__pending *pending = &request->pending;
    (void)pthread_mutex_lock(&pending->lock);
    bool begun = pending->begun;
    (void)pthread_mutex_unlock(&pending->lock);
    return begun;
}

static int handle_output(turbo__conn *conn)
{
    turbo__output_drain(conn);
    if (conn->broken) {
        turbo__conn_close(conn);
        return 0;
    }
    if (conn->out != NULL) {
        return 0;
    }
    if (conn->close_after) {
        turbo__conn_finish(conn);
        return 0;
    }
    if (conn->state == TURBO__CONN_HANDLER && streams(conn->request)) {
        return turbo__http1_continue_stream(conn);
    }
    return turbo__http1_advance(conn);
}

/* Takes the PROXY header off the start of the input. A peer that sends none or a malformed one gets
 * no answer: it is a proxy, and would hand it to a client that asked nothing. Returns false when
 * the header is not complete yet, or the connection was closed. */
static bool read_proxy(turbo__conn *conn)
{
    turbo_str input = {conn->in, conn->in_len};
    turbo__proxy header;
    size_t used = 0;
    int rc = turbo__proxy_parse(input, &header, &used);
    if (rc == TURBO_EAGAIN && !conn->peer_closed) {
        return false;
    }
    if (rc != 0) {
        if (conn->in_len > 0) { /* a connection without any byte was a probe */
            turbo__log(TURBO_LOG_WARNING, "connection from %.*s closed: %s",
                       conn->ends.peer.text_len, conn->ends.peer.text,
                       rc == TURBO_EAGAIN ? "its PROXY header is not complete"
                                          : turbo_error_detail());
            turbo__metrics_refused(&conn->loop->counters, TURBO__REFUSED_PROXY);
        }
        turbo__conn_close(conn);
        return false;
    }
    conn->proxy_due = false;
    if (header.relayed) {
        turbo__endpoints_relay(&conn->ends, header.source, header.destination,
                               &conn->loop->app->trust);
    }
    conn->in_pos = used;
    if (used == conn->in_len) {
        turbo__conn_release_input(conn);
    }
    turbo__http1_next(&conn->parser, conn->in_pos);
    return true;
}

static int handle_input(turbo__conn *conn)
{
    if (!turbo__http1_wants_input(conn)) {
        turbo__conn_update(conn); /* stop asking */
        return 0;
    }
    if (!read_some(conn)) {
        return 0;
    }
    if (turbo__unlikely(conn->proxy_due) && !read_proxy(conn)) {
        return 0;
    }
    return turbo__http1_advance(conn);
}

int turbo__conn_event(turbo__conn *conn, uint32_t events)
{
    if ((events & TURBO__BROKEN) != 0) {
        turbo__conn_close(conn);
        return 0;
    }
    if ((events & TURBO__WRITABLE) != 0 && conn->out != NULL) {
        return handle_output(conn); /* input shows again in the next turn */
    }
    if ((events & TURBO__PEER_CLOSED) != 0 && !turbo__http1_wants_input(conn)) {
        conn->fin_seen = true; /* else the poller would report it again and again */
        turbo__conn_note_peer_closed(conn);
        turbo__conn_update(conn);
        return 0;
    }
    if ((events & (TURBO__READABLE | TURBO__PEER_CLOSED)) != 0) {
        return handle_input(conn);
    }
    return 0;
}
