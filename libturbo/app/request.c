/* SPDX-License-Identifier: MIT */
#include "turbo/request.h"

#include <string.h>

#include "app/exchange.h"
#include "base/compat.h"
#include "base/error.h"
#include "base/str.h"
#include "codec/cookie.h"
#include "codec/host.h"
#include "codec/query.h"
#include "turbo/json.h"

enum { HTTP_PORT = 80, HTTPS_PORT = 443 }; /* RFC 9110 §4.2 */

turbo_str turbo_request_method(const turbo_request *request)
{
    return request->method;
}

turbo_str turbo_request_path(const turbo_request *request)
{
    return request->path;
}

turbo_str turbo_request_raw_path(const turbo_request *request)
{
    return request->raw_path;
}

turbo_str turbo_request_query(const turbo_request *request)
{
    return request->query;
}

int turbo_request_http_version(const turbo_request *request)
{
    return request->version;
}

/* NULL: the connection's own addresses hold. That is decided by one look at the connection, so that
 * a server without proxies before it pays for no more. */
static const turbo__client *told_client(const turbo_request *request)
{
    return turbo__likely(request->endpoints->trust == NULL) ? NULL : turbo__client_of(request);
}

turbo_str turbo_request_scheme(const turbo_request *request)
{
    const turbo__client *client = told_client(request); /* every stream is a plain one so far */
    return client != NULL ? client->scheme : TURBO_STR("http");
}

turbo_str turbo_request_host(const turbo_request *request, uint16_t *port)
{
    const turbo__client *client = told_client(request);
    turbo_str host = {NULL, 0};
    uint16_t number = 0;
    if (client != NULL) {
        host = client->host;
        number = client->host_port;
    }
    const turbo__field *own =
        host.len == 0 ? turbo__fields_find(&request->headers, TURBO_STR("host")) : NULL;
    uint16_t own_port = 0;
    if (own != NULL && turbo__host_split(own->value, &host, &own_port) && number == 0) {
        number = own_port;
    }
    if (number == 0) {
        number = turbo_request_scheme(request).len == sizeof("https") - 1 ? HTTPS_PORT : HTTP_PORT;
    }
    if (port != NULL) {
        *port = number;
    }
    return host;
}

size_t turbo_request_header_count(const turbo_request *request)
{
    return request->headers.count;
}

int turbo_request_header_at(const turbo_request *request, size_t index, turbo_str *name,
                            turbo_str *value)
{
    if (index >= request->headers.count) {
        return turbo__error_set(TURBO_ENOTFOUND, "the request has %zu header fields, not %zu",
                                request->headers.count, index + 1);
    }
    *name = request->headers.items[index].name;
    *value = request->headers.items[index].value;
    return 0;
}

/* Looking for what is not there is no failure worth a message: the code alone says it. */
int turbo_request_header(const turbo_request *request, turbo_str name, turbo_str *value)
{
    const turbo__field *field = turbo__fields_find(&request->headers, name);
    if (field == NULL) {
        return TURBO_ENOTFOUND;
    }
    *value = field->value;
    return 0;
}

/* The loop writes them before it says that the body has ended, under the lock. */
static const turbo__fields *trailers_of(const turbo_request *request)
{
    static const turbo__fields none = {NULL, 0, 0};
    if (request->body_whole) {
        return &request->trailers;
    }
    /* The lock is part of a const object's identity, not of its value. */
    turbo__pending *pending = (turbo__pending *)(uintptr_t)&request->pending;
    (void)pthread_mutex_lock(&pending->lock);
    bool ended = pending->body_end;
    (void)pthread_mutex_unlock(&pending->lock);
    return ended ? &request->trailers : &none;
}

size_t turbo_request_trailer_count(const turbo_request *request)
{
    return trailers_of(request)->count;
}

int turbo_request_trailer_at(const turbo_request *request, size_t index, turbo_str *name,
                             turbo_str *value)
{
    const turbo__fields *trailers = trailers_of(request);
    if (index >= trailers->count) {
        return turbo__error_set(TURBO_ENOTFOUND, "the request has %zu trailer fields, not %zu",
                                trailers->count, index + 1);
    }
    *name = trailers->items[index].name;
    *value = trailers->items[index].value;
    return 0;
}

int turbo_request_trailer(const turbo_request *request, turbo_str name, turbo_str *value)
{
    const turbo__field *field = turbo__fields_find(trailers_of(request), name);
    if (field == NULL) {
        return TURBO_ENOTFOUND;
    }
    *value = field->value;
    return 0;
}

size_t turbo_request_param_count(const turbo_request *request)
{
    return request->match.param_count;
}

int turbo_request_param_at(const turbo_request *request, size_t index, turbo_str *name,
                           turbo_str *value)
{
    if (index >= request->match.param_count) {
        return turbo__error_set(TURBO_ENOTFOUND, "the route has %zu parameters, not %zu",
                                request->match.param_count, index + 1);
    }
    *name = request->match.params[index].name;
    *value = request->match.params[index].value;
    return 0;
}

int turbo_request_param(const turbo_request *request, turbo_str name, turbo_str *value)
{
    for (size_t i = 0; i < request->match.param_count; i++) {
        if (turbo_str_equal(request->match.params[i].name, name)) {
            *value = request->match.params[i].value;
            return 0;
        }
    }
    return TURBO_ENOTFOUND;
}

int turbo_request_query_param(turbo_request *request, turbo_str name, turbo_str *value)
{
    turbo_str rest = request->query;
    turbo_str key;
    turbo_str raw = {NULL, 0};
    turbo_str found = {NULL, 0};
    bool known = false;
    while (turbo__query_next(&rest, &key, &raw)) {
        if (turbo__query_name_is(key, name)) {
            found = raw;
            known = true;
        }
    }
    return known ? turbo__query_decode(&request->arena, found, value) : TURBO_ENOTFOUND;
}

int turbo_request_cookie(const turbo_request *request, turbo_str name, turbo_str *value)
{
    bool known = false;
    for (size_t i = 0; i < request->headers.count; i++) {
        const turbo__field *field = &request->headers.items[i];
        if (!turbo__str_equal_nocase(field->name, TURBO_STR("cookie"))) {
            continue;
        }
        turbo_str rest = field->value;
        turbo_str key;
        turbo_str text;
        while (turbo__cookie_next(&rest, &key, &text)) {
            if (turbo_str_equal(key, name)) {
                *value = text;
                known = true;
            }
        }
    }
    return known ? 0 : TURBO_ENOTFOUND;
}

turbo_str turbo_request_body(const turbo_request *request)
{
    return request->body;
}

bool turbo_request_body_complete(const turbo_request *request)
{
    return request->body_whole;
}

int turbo_request_read(turbo_request *request, turbo_read_fn *fn, void *user_data)
{
    if (fn == NULL) {
        return turbo__error_set(TURBO_EINVAL, "turbo_request_read() needs a function");
    }
    turbo__pending *pending = &request->pending;
    const turbo__transport *transport = request->transport;
    (void)pthread_mutex_lock(&pending->lock);
    bool busy = pending->read != NULL || pending->body_end || pending->finished;
    bool post = false;
    if (!busy) {
        pending->read = fn;
        pending->read_data = user_data;
        post = !pending->queued;
        pending->queued = true;
    }
    (void)pthread_mutex_unlock(&pending->lock);
    if (busy) {
        return turbo__error_set(TURBO_ESTATE,
                                "a read is already waiting, or the end was delivered");
    }
    if (post) {
        transport->post(request);
    }
    return 0;
}

int turbo_request_json(turbo_request *request, turbo_json **out)
{
    return turbo_json_parse(request->body, out, NULL);
}

static turbo_str endpoint_text(const turbo__endpoint *end, uint16_t *port)
{
    if (port != NULL) {
        *port = end->address.port;
    }
    turbo_str text = {end->text, end->text_len};
    return text;
}

turbo_str turbo_request_peer(const turbo_request *request, uint16_t *port)
{
    const turbo__client *client = told_client(request);
    if (client == NULL) {
        return endpoint_text(&request->endpoints->peer, port);
    }
    if (port != NULL) {
        *port = client->port;
    }
    return client->peer;
}

turbo_str turbo_request_socket_peer(const turbo_request *request, uint16_t *port)
{
    const turbo__endpoints *ends = request->endpoints;
    return endpoint_text(ends->relayed ? &ends->socket_peer : &ends->peer, port);
}

turbo_str turbo_request_local(const turbo_request *request, uint16_t *port)
{
    return endpoint_text(&request->endpoints->local, port);
}

const turbo_route *turbo_request_route(const turbo_request *request)
{
    return request->route;
}

void *turbo_request_alloc(turbo_request *request, size_t size)
{
    return turbo__arena_alloc(&request->arena, size);
}

bool turbo_request_cancelled(const turbo_request *request)
{
    /* The lock is part of a const object's identity, not of its value. */
    turbo__pending *pending = (turbo__pending *)(uintptr_t)&request->pending;
    (void)pthread_mutex_lock(&pending->lock);
    bool closed = pending->closed;
    (void)pthread_mutex_unlock(&pending->lock);
    return closed;
}

int turbo_request_on_close(turbo_request *request, turbo_close_fn *fn, void *user_data)
{
    turbo__pending *pending = &request->pending;
    const turbo__transport *transport = request->transport;
    (void)pthread_mutex_lock(&pending->lock);
    pending->close = fn;
    pending->close_data = user_data;
    bool post = fn != NULL && !pending->queued; /* the loop knows whether it is due at once */
    if (post) {
        pending->queued = true;
    }
    (void)pthread_mutex_unlock(&pending->lock);
    if (post) {
        transport->post(request);
    }
    return 0;
}

void turbo_request_lock_wait(turbo_request *request, bool waiting)
{
    request->transport->lock_wait(request, waiting);
}
