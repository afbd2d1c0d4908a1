/* SPDX-License-Identifier: MIT */

/*
 * Output of a connection. Answers accumulate in the loop's one buffer, which belongs to the
 * connection being worked on, and leave in one write; what the socket does not take is queued on
 * the connection.
 */

#include <string.h>

#include <unistd.h>

#include "base/compat.h"
#include "base/mem.h"
#include "net/conn.h"

enum {
    COPY_MAX = 16384,      /* pieces up to this size are copied: cheaper than another part */
    FLUSH_AT = 256 * 1024, /* unsent bytes of pipelined answers that force a write */
    PARTS = 16,
    FILE_STEP = 1 << 20 /* bytes of a file per turn, so that others get theirs */
};

static void break_conn(turbo__conn *conn)
{
    conn->broken = true;
    conn->loop->out.len = 0;
}

turbo__buf *turbo__output_buffer(turbo__conn *conn)
{
    turbo__loop *loop = conn->loop;
    loop->current = conn;
    if (turbo__unlikely(loop->out.len > FLUSH_AT)) {
        turbo__output_flush(conn);
    }
    return conn->broken ? NULL : &loop->out;
}

void turbo__output_copy(turbo__conn *conn, turbo_str data)
{
    turbo__buf *buf = turbo__output_buffer(conn);
    if (buf != NULL && turbo__buf_append_str(buf, data) != 0) {
        break_conn(conn);
    }
}

static void free_out(turbo__out *out)
{
    if (out->fd >= 0) {
        (void)close(out->fd); /* read-only */
    }
    if (out->release != NULL) {
        out->release(out->release_data);
    }
    turbo__free(out);
}

static turbo__out *push(turbo__conn *conn, size_t inline_bytes)
{
    turbo__out *out = turbo__alloc(sizeof(*out) + inline_bytes);
    if (out == NULL) {
        break_conn(conn);
        return NULL;
    }
    memset(out, 0, sizeof(*out));
    out->fd = -1;
    *conn->out_end = out;
    conn->out_end = &out->next;
    return out;
}

static void push_copy(turbo__conn *conn, const char *data, size_t len)
{
    turbo__out *out = len > 0 ? push(conn, len) : NULL;
    if (out != NULL) {
        memcpy(out + 1, data, len);
        out->data = (turbo_str){(char *)(out + 1), len};
        conn->out_bytes += len;
    }
}

static void count_sent(turbo__conn *conn, size_t bytes)
{
    turbo__u64_bump(&conn->loop->counters.bytes_out, bytes);
}

/* Writes the loop's buffer and `extra` at once. Returns how many bytes of `extra` were sent. */
static size_t write_now(turbo__conn *conn, turbo_str extra)
{
    turbo__buf *buf = &conn->loop->out;
    struct iovec parts[2];
    int count = 0;
    if (buf->len > 0) {
        parts[count].iov_base = buf->data;
        parts[count++].iov_len = buf->len;
    }
    if (extra.len > 0) {
        parts[count].iov_base = (char *)(uintptr_t)extra.data; /* sendmsg() only reads it */
        parts[count++].iov_len = extra.len;
    }
    ssize_t sent = conn->stream.ops->write(&conn->stream, parts, count);
    if (sent == TURBO__STREAM_ERROR) {
        break_conn(conn);
        return extra.len;
    }
    size_t done = sent > 0 ? (size_t)sent : 0;
    count_sent(conn, done);
    if (turbo__likely(done >= buf->len)) {
        size_t of_extra = done - buf->len;
        buf->len = 0;
        return of_extra;
    }
    push_copy(conn, buf->data + done, buf->len - done);
    buf->len = 0;
    return 0;
}

void turbo__output_flush(turbo__conn *conn)
{
    turbo__buf *buf = &conn->loop->out;
    if (buf->len == 0 || conn->broken) {
        return;
    }
    if (conn->out != NULL) {
        push_copy(conn, buf->data, buf->len);
        buf->len = 0;
        return;
    }
    turbo_str none = {NULL, 0};
    (void)write_now(conn, none); /* there is no extra part whose count could matter */
}

void turbo__output_owned(turbo__conn *conn, turbo_str data, turbo_release_fn *release,
                         void *release_data)
{
    turbo__loop *loop = conn->loop;
    if (data.len <= COPY_MAX || conn->broken) {
        turbo__output_copy(conn, data);
        if (release != NULL) {
            release(release_data);
        }
        return;
    }
    loop->current = conn;
    size_t sent = conn->out == NULL ? write_now(conn, data) : 0;
    if (conn->out != NULL && loop->out.len > 0) {
        push_copy(conn, loop->out.data, loop->out.len);
        loop->out.len = 0;
    }
    turbo__out *out = sent < data.len && !conn->broken ? push(conn, 0) : NULL;
    if (out == NULL) {
        if (release != NULL) {
            release(release_data);
        }
        return;
    }
    out->data = (turbo_str){data.data + sent, data.len - sent};
    out->release = release;
    out->release_data = release_data;
    conn->out_bytes += out->data.len;
}

void turbo__output_file(turbo__conn *conn, int fd, uint64_t offset, uint64_t length)
{
    turbo__output_flush(conn);
    turbo__out *out = length > 0 && !conn->broken ? push(conn, 0) : NULL;
    if (out == NULL) {
        (void)close(fd); /* read-only */
        return;
    }
    out->fd = fd;
    out->offset = offset;
    out->data.len = length;
    turbo__output_drain(conn);
}

static void pop(turbo__conn *conn)
{
    turbo__out *out = conn->out;
    conn->out = out->next;
    if (conn->out == NULL) {
        conn->out_end = &conn->out;
    }
    free_out(out);
}

static void consume(turbo__conn *conn, size_t bytes)
{
    conn->out_bytes -= bytes;
    while (bytes > 0) {
        turbo__out *out = conn->out;
        if (bytes < out->data.len) {
            out->data.data += bytes;
            out->data.len -= bytes;
            return;
        }
        bytes -= out->data.len;
        pop(conn);
    }
}

static ssize_t drain_memory(turbo__conn *conn)
{
    struct iovec parts[PARTS];
    int count = 0;
    for (turbo__out *out = conn->out; out != NULL && out->fd < 0 && count < PARTS;
         out = out->next) {
        parts[count].iov_base = (char *)(uintptr_t)out->data.data; /* sendmsg() only reads it */
        parts[count++].iov_len = out->data.len;
    }
    ssize_t sent = conn->stream.ops->write(&conn->stream, parts, count);
    if (sent > 0) {
        consume(conn, (size_t)sent);
    }
    return sent;
}

static ssize_t drain_file(turbo__conn *conn)
{
    turbo__out *out = conn->out;
    size_t step = out->data.len < FILE_STEP ? out->data.len : FILE_STEP;
    ssize_t sent = conn->stream.ops->send_file(&conn->stream, out->fd, out->offset, step);
    if (sent > 0) {
        out->offset += (uint64_t)sent;
        out->data.len -= (size_t)sent;
        if (out->data.len == 0) {
            pop(conn);
        }
    }
    return sent;
}

void turbo__output_drain(turbo__conn *conn)
{
    size_t moved = 0;
    conn->loop->tick_stale = true; /* this may be much */
    while (conn->out != NULL && moved < 4 * (size_t)FILE_STEP) {
        ssize_t sent = conn->out->fd >= 0 ? drain_file(conn) : drain_memory(conn);
        if (sent == TURBO__STREAM_AGAIN) {
            break;
        }
        if (sent < 0) {
            break_conn(conn);
            return;
        }
        moved += (size_t)sent;
        count_sent(conn, (size_t)sent);
    }
    if (moved > 0 && conn->out != NULL) {
        turbo__conn_timer(conn, TURBO__TIMER_WRITE);
    }
}

void turbo__output_rescue(turbo__loop *loop)
{
    if (loop->current != NULL && loop->out.len > 0) {
        turbo__output_flush(loop->current);
        turbo__conn_update(loop->current);
    }
    loop->current = NULL;
    loop->out.len = 0;
}

void turbo__output_clear(turbo__conn *conn)
{
    while (conn->out != NULL) {
        pop(conn);
    }
    conn->out_bytes = 0;
}
