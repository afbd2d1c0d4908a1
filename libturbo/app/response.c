/* SPDX-License-Identifier: MIT */
#include "turbo/response.h"

#include <string.h>

#include <sys/stat.h>

#include "app/exchange.h"
#include "base/compat.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "turbo/json.h"

int turbo_response_status(turbo_response *response, int status)
{
    if (status < 200 || status > 599) {
        return turbo__error_set(TURBO_EINVAL, "status %d is not between 200 and 599", status);
    }
    if (turbo__request_of(response)->pending.begun) {
        return turbo__error_set(TURBO_ESTATE, "the head was already sent");
    }
    response->status = status;
    return 0;
}

int turbo_response_get_status(const turbo_response *response)
{
    return response->status;
}

/* How much of a header's name an error message quotes. */
static int quoted(turbo_str name)
{
    enum { QUOTED_MAX = 100 };
    return name.len < QUOTED_MAX ? (int)name.len : QUOTED_MAX;
}

static int check_field(turbo_response *response, turbo_str name, turbo_str value)
{
    if (turbo__request_of(response)->pending.begun) {
        return turbo__error_set(TURBO_ESTATE, "the head was already sent");
    }
    if (!turbo__field_name_valid(name)) {
        response->spoiled = true;
        return turbo__error_set(TURBO_EHEADER, "header name is no token: '%.*s'", quoted(name),
                                name.data != NULL ? name.data : "");
    }
    if (!turbo__field_value_valid(value)) {
        response->spoiled = true;
        return turbo__error_set(TURBO_EHEADER, "header %.*s has a control character in its value",
                                quoted(name), name.data);
    }
    if (turbo__is_framing_field(name)) {
        return turbo__error_set(TURBO_EHEADER, "header %.*s belongs to the library", quoted(name),
                                name.data);
    }
    return 0;
}

/* Two lengths are an invitation to take the rest of the body for another message (RFC 9112 §6.3).
 */
static int check_length(const turbo_response *response, turbo_str name)
{
    turbo_str length = TURBO_STR("content-length");
    if (name.len != length.len || !turbo__str_equal_nocase(name, length) ||
        turbo__fields_find(&response->fields, length) == NULL) {
        return 0;
    }
    return turbo__error_set(TURBO_EHEADER, "header Content-Length was set already");
}

int turbo_response_header(turbo_response *response, turbo_str name, turbo_str value)
{
    int rc = check_field(response, name, value);
    rc = rc != 0 ? rc : check_length(response, name);
    if (rc != 0) {
        return rc;
    }
    turbo__arena *arena = &turbo__request_of(response)->arena;
    turbo_str copied_name;
    turbo_str copied_value;
    if (turbo__arena_copy(arena, name, &copied_name) != 0 ||
        turbo__arena_copy(arena, value, &copied_value) != 0) {
        return TURBO_ENOMEM;
    }
    rc = turbo__fields_add(&response->fields, arena, copied_name, copied_value);
    if (rc == 0 && turbo__str_equal_nocase(name, TURBO_STR("content-type"))) {
        response->has_content_type = true;
    }
    return rc;
}

int turbo_response_set_header(turbo_response *response, turbo_str name, turbo_str value)
{
    int rc = check_field(response, name, value);
    if (rc != 0) {
        return rc;
    }
    turbo__fields_remove(&response->fields, name);
    return turbo_response_header(response, name, value);
}

int turbo_response_reset(turbo_response *response)
{
    if (turbo__request_of(response)->pending.begun) {
        return turbo__error_set(TURBO_ESTATE, "the response is being streamed");
    }
    turbo__response_clear(response);
    return 0;
}

int turbo__response_spoiled(void)
{
    return turbo__error_set(TURBO_EHEADER, "it went on although a header was refused");
}

/* Lets go of an earlier body; its owner is told. */
static int replace_body(turbo_response *response)
{
    turbo_request *request = turbo__request_of(response);
    if (request->pending.begun) {
        return turbo__error_set(TURBO_ESTATE, "the response is being streamed");
    }
    if (response->kind == TURBO__BODY_MEMORY && response->release != NULL) {
        response->release(response->release_data);
    }
    response->kind = TURBO__BODY_NONE;
    response->release = NULL;
    response->in_arena = false;
    return 0;
}

static void use_memory(turbo_response *response, turbo_str data, turbo_release_fn *release,
                       void *user_data)
{
    response->kind = TURBO__BODY_MEMORY;
    response->body = data;
    response->release = release;
    response->release_data = user_data;
}

int turbo_response_body(turbo_response *response, turbo_str data)
{
    turbo_str copy;
    if (turbo__arena_copy(&turbo__request_of(response)->arena, data, &copy) != 0) {
        return TURBO_ENOMEM;
    }
    int rc = turbo_response_body_static(response, copy);
    response->in_arena = rc == 0;
    return rc;
}

int turbo_response_body_static(turbo_response *response, turbo_str data)
{
    int rc = replace_body(response);
    if (rc == 0) {
        use_memory(response, data, NULL, NULL);
    }
    return rc;
}

int turbo_response_body_owned(turbo_response *response, turbo_str data, turbo_release_fn *release,
                              void *user_data)
{
    if (release == NULL) {
        return turbo__error_set(TURBO_EINVAL, "an owned body needs a release function");
    }
    int rc = replace_body(response);
    if (rc == 0) {
        use_memory(response, data, release, user_data);
    }
    return rc;
}

int turbo_response_file(turbo_response *response, int fd, uint64_t offset, uint64_t length)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return turbo__error_errno(TURBO_EINVAL, "file descriptor %d", fd);
    }
    uint64_t size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    if (!S_ISREG(st.st_mode) || offset > size || length > size - offset) {
        return turbo__error_set(
            TURBO_EINVAL, "range %llu+%llu is not inside a regular file of %llu bytes",
            (unsigned long long)offset, (unsigned long long)length, (unsigned long long)size);
    }
    int rc = replace_body(response);
    if (rc != 0) {
        return rc;
    }
    response->kind = TURBO__BODY_FILE;
    response->fd = fd;
    response->file_offset = offset;
    response->file_length = length;
    return 0;
}

static void free_text(void *text)
{
    turbo_json_text_free(text);
}

int turbo_response_json(turbo_response *response, const turbo_json *json)
{
    char *text;
    size_t length;
    int rc = turbo_json_render(json, &text, &length);
    if (rc != 0) {
        return rc;
    }
    if (!response->has_content_type) {
        rc = turbo_response_header(response, TURBO_STR("content-type"),
                                   TURBO_STR("application/json"));
    }
    if (rc == 0) {
        turbo_str view = {text, length};
        rc = turbo_response_body_owned(response, view, free_text, text);
    }
    if (rc != 0) {
        turbo_json_text_free(text);
    }
    return rc;
}

int turbo_response_error(turbo_response *response, int error)
{
    turbo_request *request = turbo__request_of(response);
    if (error >= 0) {
        return turbo__error_set(TURBO_EINVAL, "%d is no error", error);
    }
    if (request->pending.begun) {
        return turbo__error_set(TURBO_ESTATE, "the response is being streamed");
    }
    return turbo__exchange_fail(request, error);
}

int turbo_response_finish(turbo_response *response)
{
    turbo_request *request = turbo__request_of(response);
    if (turbo__unlikely(response->spoiled)) {
        (void)turbo__exchange_fail(request,
                                   turbo__response_spoiled()); /* a bare 500 without memory */
    }
    return turbo__exchange_finish(request, false);
}

void turbo_response_abort(turbo_response *response)
{
    (void)turbo__exchange_finish(turbo__request_of(response), true); /* gone either way */
}

int turbo_response_begin(turbo_response *response, int64_t content_length)
{
    turbo_request *request = turbo__request_of(response);
    turbo__pending *pending = &request->pending;
    const turbo__transport *transport = request->transport;
    if (content_length < -1) {
        return turbo__error_set(TURBO_EINVAL, "content_length is %lld", (long long)content_length);
    }
    if (response->kind != TURBO__BODY_NONE) {
        return turbo__error_set(TURBO_ESTATE, "the response has a body already");
    }
    if (response->spoiled) {
        return turbo__response_spoiled();
    }
    (void)pthread_mutex_lock(&pending->lock);
    bool closed = pending->closed;
    bool wrong = pending->begun || pending->finished;
    bool post = false;
    if (!closed && !wrong) {
        pending->begun = true;
        pending->length = content_length;
        post = !pending->queued;
        pending->queued = true;
    }
    (void)pthread_mutex_unlock(&pending->lock);
    if (wrong) {
        return turbo__error_set(TURBO_ESTATE, "the response has already begun");
    }
    if (closed) {
        return turbo__error_set(TURBO_ECANCELLED, "the client is gone");
    }
    if (post) {
        transport->post(request);
    }
    return 0;
}

static turbo__chunk *make_chunk(turbo_str data, turbo_release_fn *release, void *user_data)
{
    size_t size = sizeof(turbo__chunk);
    if (release == NULL && !turbo__size_add(size, data.len, &size)) {
        return NULL;
    }
    turbo__chunk *chunk = turbo__alloc(size);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->next = NULL;
    chunk->data = data;
    chunk->release = release;
    chunk->release_data = user_data;
    if (release == NULL) {
        chunk->data.data = (char *)(chunk + 1);
        memcpy(chunk + 1, data.data, data.len);
    }
    return chunk;
}

/* Whether a chunk of `size` bytes may be taken now. Called with the lock held. */
static int admit(const turbo__pending *pending, size_t size)
{
    if (!pending->begun || pending->finished) {
        return TURBO_ESTATE;
    }
    if (pending->closed) {
        return TURBO_ECANCELLED;
    }
    if (pending->length >= 0 && size > (uint64_t)pending->length - pending->accepted) {
        return TURBO_ELIMIT;
    }
    return pending->unsent > 0 && pending->unsent + size > pending->window ? TURBO_EAGAIN : 0;
}

static int push_chunk(turbo_request *request, turbo__chunk *chunk)
{
    turbo__pending *pending = &request->pending;
    const turbo__transport *transport = request->transport;
    bool post = false;
    (void)pthread_mutex_lock(&pending->lock);
    int rc = admit(pending, chunk->data.len);
    if (rc == 0) {
        *pending->chunks_end = chunk;
        pending->chunks_end = &chunk->next;
        pending->unsent += chunk->data.len;
        pending->accepted += chunk->data.len;
        post = !pending->queued;
        pending->queued = true;
    }
    (void)pthread_mutex_unlock(&pending->lock);
    if (post) {
        transport->post(request);
    }
    return rc;
}

int turbo_response_send_chunk(turbo_response *response, turbo_str data, turbo_release_fn *release,
                              void *user_data)
{
    turbo_request *request = turbo__request_of(response);
    if (data.len == 0) {
        (void)pthread_mutex_lock(&request->pending.lock);
        int rc = admit(&request->pending, 0);
        (void)pthread_mutex_unlock(&request->pending.lock);
        rc = rc == TURBO_EAGAIN ? 0 : rc;
        if (rc == 0 && release != NULL) {
            release(user_data);
        }
        return rc == 0 ? 0 : turbo__error_set(rc, "%s", turbo_error_text(rc));
    }
    turbo__chunk *chunk = make_chunk(data, release, user_data);
    if (chunk == NULL) {
        return TURBO_ENOMEM;
    }
    int rc = push_chunk(request, chunk);
    if (rc != 0) {
        turbo__free(chunk); /* not taken: the caller keeps the data */
        return rc == TURBO_EAGAIN ? rc : turbo__error_set(rc, "%s", turbo_error_text(rc));
    }
    return 0;
}

int turbo_response_on_writable(turbo_response *response, turbo_writable_fn *fn, void *user_data)
{
    turbo_request *request = turbo__request_of(response);
    turbo__pending *pending = &request->pending;
    const turbo__transport *transport = request->transport;
    if (fn == NULL) {
        return turbo__error_set(TURBO_EINVAL, "turbo_response_on_writable() needs a function");
    }
    (void)pthread_mutex_lock(&pending->lock);
    bool busy = pending->writable != NULL || pending->finished;
    bool post = false;
    if (!busy) {
        pending->writable = fn;
        pending->writable_data = user_data;
        post = !pending->queued;
        pending->queued = true;
    }
    (void)pthread_mutex_unlock(&pending->lock);
    if (busy) {
        return turbo__error_set(TURBO_ESTATE, "one is already waiting");
    }
    if (post) {
        transport->post(request);
    }
    return 0;
}
