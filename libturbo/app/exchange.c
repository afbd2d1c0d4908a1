/* SPDX-License-Identifier: MIT */
#include "app/exchange.h"

#include <stdio.h>
#include <string.h>

#include <unistd.h>

#include "base/compat.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "turbo/route.h"

static void release_body(turbo_response *response)
{
    if (response->kind == TURBO__BODY_FILE) {
        (void)close(response->fd); /* read-only: nothing can be lost */
    } else if (response->kind == TURBO__BODY_MEMORY && response->release != NULL) {
        response->release(response->release_data);
    }
    response->kind = TURBO__BODY_NONE;
    response->body.len = 0;
    response->release = NULL;
    response->in_arena = false;
}

void turbo__chunk_free(turbo__chunk *chunk)
{
    if (chunk->release != NULL) {
        chunk->release(chunk->release_data);
    }
    turbo__free(chunk);
}

static void reset_pending(turbo__pending *pending)
{
    while (pending->chunks != NULL) {
        turbo__chunk *chunk = pending->chunks;
        pending->chunks = chunk->next;
        turbo__chunk_free(chunk);
    }
    pending->chunks_end = &pending->chunks;
    pending->queued = false;
    pending->finished = false;
    pending->aborted = false;
    pending->begun = false;
    pending->closed = false;
    pending->body_end = false;
    pending->length = -1;
    pending->accepted = 0;
    pending->unsent = 0;
    pending->read = NULL;
    pending->writable = NULL;
    pending->close = NULL;
}

void turbo__response_clear(turbo_response *response)
{
    release_body(response);
    response->status = 200;
    response->has_content_type = false;
    response->spoiled = false;
    memset(&response->fields, 0, sizeof(response->fields));
}

int turbo__exchange_init(turbo_request *request, const turbo__transport *transport, void *loop)
{
    memset(request, 0, sizeof(*request));
    request->pending.chunks_end = &request->pending.chunks;
    turbo__arena_init(&request->arena);
    turbo__buf_init(&request->body_buf, SIZE_MAX / 2);
    request->transport = transport;
    request->loop = loop;
    request->response.status = 200;
    if (pthread_mutex_init(&request->pending.lock, NULL) != 0) {
        return turbo__error_set(TURBO_ESYSTEM, "no mutex could be made");
    }
    return 0;
}

void turbo__exchange_destroy(turbo_request *request)
{
    turbo__exchange_reset(request);
    turbo__buf_clear(&request->body_buf);
    turbo__arena_clear(&request->arena);
    (void)pthread_mutex_destroy(&request->pending.lock); /* nobody holds it: we own the exchange */
}

void turbo__exchange_reset(turbo_request *request)
{
    turbo__response_clear(&request->response);
    reset_pending(&request->pending);
    if (turbo__unlikely(request->attached != NULL)) {
        request->attached_release(request->attached);
        request->attached = NULL;
    }
    request->method.len = 0;
    memset(&request->headers, 0, sizeof(request->headers));
    if (request->trailers.items != NULL) {
        turbo__free(request->trailers.items);
        memset(&request->trailers, 0, sizeof(request->trailers));
    }
    memset(&request->match, 0, sizeof(request->match));
    request->route = NULL;
    request->body.len = 0;
    if (request->body_buf.cap > 0) {
        turbo__buf_clear(&request->body_buf);
    }
    request->body_complete = false;
    request->body_whole = false;
    request->streams_body = false;
    request->begun = false;
    request->chunked = false;
    request->bodyless = false;
    request->ticket = 0;
    request->lock_waiting = false;
    request->preflight = false;
    request->started = 0;
    request->sent = 0;
    request->conn = NULL;
    request->client.known = false;
    turbo__arena_reset(&request->arena);
}

bool turbo__is_framing_field(turbo_str name)
{
    return turbo__str_equal_nocase(name, TURBO_STR("connection")) ||
           turbo__str_equal_nocase(name, TURBO_STR("transfer-encoding"));
}

int turbo__exchange_target(turbo_request *request, const turbo__url *url)
{
    request->raw_path = url->path;
    request->query = url->query;
    if (!url->escaped) {
        request->path = url->path;
        return 0;
    }
    return turbo__url_decode_path(&request->arena, url->path, &request->path);
}

int turbo__exchange_answer(turbo_request *request, int status, turbo_str type, turbo_str text)
{
    turbo_response *response = &request->response;
    turbo__response_clear(response);
    response->status = status;
    response->kind = TURBO__BODY_MEMORY;
    response->in_arena = true; /* it may be */
    response->body = text;
    response->has_content_type = true;
    return turbo__fields_add(&response->fields, &request->arena, TURBO_STR("content-type"), type);
}

static turbo_str error_text(int status)
{
    switch (status) {
    case 400:
        return TURBO_STR("{\"detail\":\"Bad Request\"}");
    case 404:
        return TURBO_STR("{\"detail\":\"Not Found\"}");
    case 405:
        return TURBO_STR("{\"detail\":\"Method Not Allowed\"}");
    case 408:
        return TURBO_STR("{\"detail\":\"Request Timeout\"}");
    case 413:
        return TURBO_STR("{\"detail\":\"Content Too Large\"}");
    case 414:
        return TURBO_STR("{\"detail\":\"URI Too Long\"}");
    case 415:
        return TURBO_STR("{\"detail\":\"Unsupported Media Type\"}");
    case 417:
        return TURBO_STR("{\"detail\":\"Expectation Failed\"}");
    case 422:
        return TURBO_STR("{\"detail\":\"Unprocessable Content\"}");
    case 431:
        return TURBO_STR("{\"detail\":\"Request Header Fields Too Large\"}");
    case 501:
        return TURBO_STR("{\"detail\":\"Not Implemented\"}");
    case 503:
        return TURBO_STR("{\"detail\":\"Service Unavailable\"}");
    case 505:
        return TURBO_STR("{\"detail\":\"HTTP Version Not Supported\"}");
    case 507:
        return TURBO_STR("{\"detail\":\"Insufficient Storage\"}");
    default:
        return TURBO_STR("{\"detail\":\"Error\"}");
    }
}

static int add_retry_after(turbo_request *request)
{
    char text[16];
    int length = snprintf(text, sizeof(text), "%u", (unsigned)request->retry_after);
    turbo_str digits = {text, (size_t)length};
    turbo_str value;
    int rc = turbo__arena_copy(&request->arena, digits, &value);
    return rc != 0 ? rc
                   : turbo__fields_add(&request->response.fields, &request->arena,
                                       TURBO_STR("retry-after"), value);
}

int turbo__exchange_error(turbo_request *request, int status)
{
    if (status == 500) {
        return turbo__exchange_answer(request, status, TURBO_STR("text/plain; charset=utf-8"),
                                      TURBO_STR("Internal Server Error"));
    }
    int rc =
        turbo__exchange_answer(request, status, TURBO_STR("application/json"), error_text(status));
    if (rc == 0 && status == 503) {
        rc = add_retry_after(request);
    }
    return rc;
}

static int status_of(int error)
{
    switch (error) {
    case TURBO_ELIMIT:
        return 413;
    case TURBO_EJSON:
    case TURBO_EPROTOCOL:
        return 400;
    case TURBO_ETIMEOUT:
        return 408;
    case TURBO_EMEDIA:
        return 415;
    case TURBO_EINVALID:
        return 422;
    case TURBO_ENOSPACE:
        return 507;
    default:
        return 500;
    }
}

int turbo__exchange_fail(turbo_request *request, int error)
{
    int status = status_of(error);
    if (status >= 500) {
        turbo__log(TURBO_LOG_ERROR, "handler of %s failed: %s %s", turbo_route_name(request->route),
                   turbo_error_name(error), turbo_error_detail());
    }
    return turbo__exchange_error(request, status);
}

int turbo__exchange_finish(turbo_request *request, bool abort)
{
    turbo__pending *pending = &request->pending;
    const turbo__transport *transport = request->transport;
    (void)pthread_mutex_lock(&pending->lock);
    bool post = !pending->queued;
    bool closed = pending->closed;
    pending->queued = true;
    pending->finished = true;
    pending->aborted = abort;
    (void)pthread_mutex_unlock(&pending->lock);
    if (post) {
        transport->post(request);
    }
    return closed ? TURBO_ECANCELLED : 0;
}
