/* SPDX-License-Identifier: MIT */

/* From a response object to bytes. */

#include <string.h>

#include <unistd.h>

#include "app/dispatch.h"
#include "base/compat.h"
#include "base/log.h"
#include "base/str.h"
#include "net/conn.h"

static bool is_head(const turbo_request *request)
{
    return turbo_str_equal(request->method, TURBO_STR("HEAD"));
}

/* Whether a body is framed. 205 has one, but it is empty: RFC 9110 §15.3.6. */
static bool has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static turbo__connection connection_of(const turbo__conn *conn)
{
    if (!conn->keep_alive) {
        return TURBO__CONN_CLOSE;
    }
    return conn->head.version == 10 ? TURBO__CONN_KEEP_ALIVE : TURBO__CONN_DEFAULT;
}

/* Whether another request may come on this connection; decided when the head of the answer is
 * written. */
static void decide_keep_alive(turbo__conn *conn)
{
    const turbo__loop *loop = conn->loop;
    conn->served++;
    conn->keep_alive =
        conn->keep_alive && !loop->draining && conn->served < loop->app->settings.max_requests;
}

static uint64_t parse_length(turbo_str text, bool *valid)
{
    uint64_t value = 0;
    *valid = text.len > 0 && text.len < 20;
    for (size_t i = 0; i < text.len && *valid; i++) {
        *valid = text.data[i] >= '0' && text.data[i] <= '9';
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    return value;
}

/* A Content-Length of the handler's must be the truth; answers to HEAD and 304 may announce another
 * (RFC 9110 §8.6). */
static bool length_agrees(const turbo_request *request, uint64_t length)
{
    const turbo__field *field =
        turbo__fields_find(&request->response.fields, TURBO_STR("content-length"));
    if (field == NULL) {
        return true;
    }
    bool valid;
    uint64_t said = parse_length(field->value, &valid);
    bool free_to_say = is_head(request) || request->response.status == 304;
    return valid && (said == length || free_to_say);
}

static bool check_length(const turbo_request *request, uint64_t length)
{
    bool agrees = length_agrees(request, length);
    if (turbo__unlikely(!agrees)) {
        turbo__log(TURBO_LOG_ERROR, "%s: its Content-Length is not the length of the body",
                   request->route != NULL ? request->route->name : "(no route)");
    }
    return agrees;
}

static int write_head(turbo__conn *conn, turbo__framing framing, uint64_t length)
{
    turbo_request *request = conn->request;
    turbo_response *response = &request->response;
    if (turbo__unlikely(turbo__dispatch_decorate(conn->loop->app, request) != 0)) {
        conn->broken = true;
        return TURBO_ENOMEM;
    }
    turbo__buf *out = turbo__output_buffer(conn);
    if (out == NULL) {
        return TURBO_ECANCELLED;
    }
    turbo__http1_response head = {
        .status = response->status,
        .common = {conn->loop->common, conn->loop->common_len},
        .fields = &response->fields,
        .framing = framing,
        .length = length,
        .connection = connection_of(conn),
    };
    size_t before = out->len;
    int rc = turbo__http1_write_head(out, &head);
    if (rc != 0) {
        conn->broken = true;
    }
    request->sent += out->len - before;
    return rc;
}

static void end_exchange(turbo__conn *conn)
{
    turbo_request *request = conn->request;
    conn->request = NULL;
    turbo__loop_give_request(conn->loop, request);
}

static void send_body(turbo__conn *conn)
{
    turbo_response *response = &conn->request->response;
    if (response->kind == TURBO__BODY_FILE) {
        response->kind = TURBO__BODY_NONE; /* the descriptor goes to the output */
        turbo__output_file(conn, response->fd, response->file_offset, response->file_length);
        return;
    }
    if (response->in_arena) { /* it dies with the exchange, maybe before the bytes are sent */
        turbo__output_copy(conn, response->body);
        return;
    }
    turbo_release_fn *release = response->release;
    response->release = NULL;
    turbo__output_owned(conn, response->body, release, response->release_data);
}

void turbo__respond(turbo__conn *conn)
{
    turbo_request *request = conn->request;
    turbo_response *response = &request->response;
    uint64_t length =
        response->kind == TURBO__BODY_FILE ? response->file_length : (uint64_t)response->body.len;
    if (response->kind == TURBO__BODY_NONE) {
        length = 0;
    } else if (turbo__unlikely(response->status ==
                               205)) { /* nor is it as long as its handler says */
        turbo__fields_remove(&response->fields, TURBO_STR("content-length"));
        length = 0;
    }
    if (turbo__unlikely(!check_length(request, length))) {
        (void)turbo__exchange_error(request, 500); /* short of memory the fields stay out */
        length = response->body.len;
    }
    decide_keep_alive(conn);
    bool body = has_body(response->status);
    if (!body) {
        turbo__fields_remove(&response->fields, TURBO_STR("content-length"));
    }
    int rc = write_head(conn, body ? TURBO__FRAME_LENGTH : TURBO__FRAME_NONE, length);
    bool with_body = rc == 0 && body && length > 0 && !is_head(request);
    request->sent += with_body ? length : 0;
    turbo__account(conn, rc == 0 ? response->status : 0);
    if (with_body) {
        send_body(conn);
    }
    end_exchange(conn);
}

static const turbo_str close_line = {"connection: close\r\n", 19};
static const turbo_str keep_alive_line = {"connection: keep-alive\r\n", 24};

void turbo__respond_static(turbo__conn *conn, const turbo__static_answer *answer)
{
    decide_keep_alive(conn);
    turbo__connection connection = connection_of(conn);
    turbo_request *request = conn->request;
    turbo__output_copy(conn, answer->status_line);
    turbo_str common = {conn->loop->common, conn->loop->common_len};
    turbo__output_copy(conn, common);
    if (turbo__unlikely(connection == TURBO__CONN_CLOSE)) {
        turbo__output_copy(conn, close_line);
        request->sent += close_line.len;
    } else if (connection == TURBO__CONN_KEEP_ALIVE) {
        turbo__output_copy(conn, keep_alive_line);
        request->sent += keep_alive_line.len;
    }
    turbo__output_copy(conn, answer->tail);
    request->sent += answer->status_line.len + common.len + answer->tail.len;
    turbo__account(conn, answer->status);
    end_exchange(conn);
}

/* --- streams ------------------------------------------------------------- */

static void begin_stream(turbo__conn *conn, int64_t length)
{
    turbo_request *request = conn->request;
    turbo__framing framing = TURBO__FRAME_CLOSE;
    bool empty = request->response.status == 205;
    length = empty ? 0 : length;
    request->begun = true;
    if (!has_body(request->response.status)) {
        framing = TURBO__FRAME_NONE;
    } else if (length >= 0) {
        framing = TURBO__FRAME_LENGTH;
    } else if (conn->head.version >= 11) {
        framing = TURBO__FRAME_CHUNKED;
    } else {
        conn->keep_alive = false;
    }
    decide_keep_alive(conn);
    bool agrees = framing == TURBO__FRAME_LENGTH && check_length(request, (uint64_t)length);
    if (!agrees) {
        turbo__fields_remove(&request->response.fields, TURBO_STR("content-length"));
    }
    request->chunked = framing == TURBO__FRAME_CHUNKED;
    request->bodyless = framing == TURBO__FRAME_NONE || is_head(request) || empty;
    (void)write_head(conn, framing,
                     length >= 0 ? (uint64_t)length : 0); /* failing marks the connection broken */
}

static void emit_chunk(turbo__conn *conn, turbo__chunk *chunk)
{
    turbo_request *request = conn->request;
    if (request->bodyless || conn->broken) {
        turbo__chunk_free(chunk);
        return;
    }
    if (request->chunked) {
        turbo__buf *out = turbo__output_buffer(conn);
        size_t before = out != NULL ? out->len : 0;
        if (out != NULL && turbo__http1_write_chunk_start(out, chunk->data.len) != 0) {
            conn->broken = true;
        }
        request->sent += (out != NULL ? out->len - before : 0) + TURBO__CHUNK_END.len;
    }
    request->sent += chunk->data.len;
    if (chunk->release == NULL) {
        turbo__output_copy(conn, chunk->data);
        turbo__chunk_free(chunk);
    } else {
        turbo_release_fn *release = chunk->release;
        chunk->release = NULL;
        turbo__output_owned(conn, chunk->data, release, chunk->release_data);
        turbo__chunk_free(chunk);
    }
    if (request->chunked) {
        turbo__output_copy(conn, TURBO__CHUNK_END);
    }
}

/* What the loop takes out of the pending part at once. */
typedef struct news {
    turbo__chunk *chunks;
    turbo_writable_fn *writable;
    void *writable_data;
    int64_t length;
    uint64_t accepted;
    bool finished;
} news;

static bool take_news(turbo_request *request, news *out)
{
    turbo__pending *pending = &request->pending;
    (void)pthread_mutex_lock(&pending->lock);
    bool mine = !pending->queued; /* otherwise the inbox brings it */
    if (mine) {
        out->chunks = pending->chunks;
        out->writable = pending->writable;
        out->writable_data = pending->writable_data;
        out->length = pending->length;
        out->accepted = pending->accepted;
        out->finished = pending->finished;
        pending->chunks = NULL;
        pending->chunks_end = &pending->chunks;
        pending->unsent = 0;
        pending->writable = NULL;
    }
    (void)pthread_mutex_unlock(&pending->lock);
    return mine;
}

/* Puts a writable callback back that cannot fire yet: the socket took less than was given. */
static void keep_writable(turbo_request *request, const news *got)
{
    turbo__pending *pending = &request->pending;
    (void)pthread_mutex_lock(&pending->lock);
    pending->writable = got->writable;
    pending->writable_data = got->writable_data;
    (void)pthread_mutex_unlock(&pending->lock);
}

static void end_stream(turbo__conn *conn, const news *got)
{
    turbo_request *request = conn->request;
    bool complete = request->bodyless || got->length < 0 || got->accepted == (uint64_t)got->length;
    if (request->chunked && !request->bodyless) {
        turbo__output_copy(conn, TURBO__LAST_CHUNK);
        request->sent += TURBO__LAST_CHUNK.len;
    }
    turbo__account(conn, request->response.status);
    if (!complete) {
        turbo__log(TURBO_LOG_ERROR, "%s: streamed %llu bytes of %lld promised",
                   request->route->name, (unsigned long long)got->accepted, (long long)got->length);
        conn->keep_alive = false;
    }
    turbo__output_flush(conn);
    end_exchange(conn);
}

static void emit_chunks(turbo__conn *conn, news *got)
{
    while (got->chunks != NULL) {
        turbo__chunk *chunk = got->chunks;
        got->chunks = chunk->next;
        emit_chunk(conn, chunk);
    }
}

void turbo__respond_abort(turbo__conn *conn)
{
    news got;
    if (!take_news(conn->request, &got)) {
        turbo__conn_close(conn); /* there is more news, but nobody it could matter to */
        return;
    }
    conn->keep_alive = false;
    if (!conn->request->begun) {
        begin_stream(conn, got.length);
    }
    emit_chunks(conn, &got);
    turbo__account(conn, conn->request->response.status);
    end_exchange(conn);
    turbo__conn_finish(conn);
}

void turbo__respond_stream(turbo__conn *conn)
{
    turbo_request *request = conn->request;
    if (conn->out != NULL) {
        return; /* goes on when the socket has taken what is queued */
    }
    news got;
    if (!take_news(request, &got)) {
        return;
    }
    if (!request->begun) {
        begin_stream(conn, got.length);
    }
    emit_chunks(conn, &got);
    if (got.finished) {
        end_stream(conn, &got);
        return;
    }
    turbo__output_flush(conn);
    if (got.writable == NULL) {
        return;
    }
    if (conn->out != NULL && !conn->broken) {
        keep_writable(request, &got);
    } else {
        got.writable(&request->response, got.writable_data);
    }
}
