/* SPDX-License-Identifier: MIT */

/* What is written down of each exchange when it is over: counters and the access log. */

#include "base/compat.h"
#include "net/conn.h"

enum { NS_PER_US = 1000 };

static turbo_str header_or_empty(const turbo_request *request, turbo_str name)
{
    turbo_str value;
    if (turbo_request_header(request, name, &value) != 0) {
        value = TURBO_STR("");
    }
    return value;
}

/* What is only known when the head was complete. */
static void describe_head(const turbo__conn *conn, turbo_access *access)
{
    const turbo_request *request = conn->request;
    access->client = turbo_request_peer(request, &access->client_port);
    access->method = request->method;
    access->target = request->target;
    access->referer = header_or_empty(request, TURBO_STR("referer"));
    access->user_agent = header_or_empty(request, TURBO_STR("user-agent"));
    access->bytes_in = conn->body_seen;
    access->version = request->version;
    if (request->route != NULL) {
        access->route = turbo_cstr(request->route->name);
    }
}

static TURBO__NOINLINE void log_access(turbo__conn *conn, int status, uint64_t spent)
{
    turbo__loop *loop = conn->loop;
    const turbo_request *request = conn->request;
    turbo_access access = {
        .duration = spent / NS_PER_US,
        .bytes_out = request->sent,
        .status = (uint16_t)status,
    };
    access.started = turbo__clock_wall_us() - access.duration;
    if (request->started != 0) {
        describe_head(conn, &access);
    } else {
        access.client = (turbo_str){conn->ends.peer.text, conn->ends.peer.text_len};
        access.client_port = conn->ends.peer.address.port;
    }
    if (!turbo__access_put(loop->access, &access)) {
        turbo__u64_bump(&loop->counters.access_dropped, 1);
    }
    if (turbo__access_pressing(loop->access)) {
        loop->ops->log_pressing(loop);
    }
}

void turbo__account_head(turbo__conn *conn)
{
    turbo__loop *loop = conn->loop;
    turbo__u64_bump(&loop->counters.requests, 1);
    conn->request->started = turbo__loop_tick(loop);
    if (turbo__unlikely(loop->access != NULL)) {
        /* Finds the client out and keeps it: later the request may be another thread's. */
        (void)turbo_request_peer(conn->request, NULL);
    }
}

/* A message that was refused before its head was complete. */
static TURBO__NOINLINE void account_refused(turbo__conn *conn, int status)
{
    turbo__loop *loop = conn->loop;
    turbo__row_count(&loop->rows[0], TURBO_STR(""), (unsigned)status, 0);
    turbo__u64_bump(&loop->counters.refused_heads, 1);
    if (loop->access != NULL) {
        log_access(conn, status, 0);
    }
}

void turbo__account(turbo__conn *conn, int status)
{
    turbo__loop *loop = conn->loop;
    turbo_request *request = conn->request;
    if (turbo__unlikely(request->started == 0)) {
        account_refused(conn, status);
        return;
    }
    const turbo_route *route = request->route;
    turbo__row *row = &loop->rows[route != NULL ? route->row : 0];
    uint64_t spent = turbo__loop_tick(loop) - request->started;
    turbo__row_count(row, request->method, (unsigned)status, spent);
    if (turbo__unlikely(loop->access != NULL)) {
        log_access(conn, status, spent);
    }
}
