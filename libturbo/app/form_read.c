/* SPDX-License-Identifier: MIT */

/* Forms from the bodies of requests: whole ones, and streams. */

#include <string.h>

#include "app/exchange.h"
#include "app/form.h"
#include "base/error.h"
#include "base/mem.h"
#include "turbo/request.h"

static turbo_str content_type(const turbo_request *request)
{
    turbo_str value = {"", 0};
    (void)turbo_request_header(request, TURBO_STR("content-type"), &value); /* it may be missing */
    return value;
}

int turbo_request_form(turbo_request *request, const turbo_form_options *options, turbo_form **out)
{
    if (!request->body_whole) {
        return turbo__error_set(TURBO_ESTATE, "the body is not complete: use turbo_form_read()");
    }
    turbo__form_builder builder;
    int rc = turbo__form_builder_init(&builder, content_type(request), options, true);
    if (rc != 0) {
        return rc;
    }
    rc = turbo__form_builder_feed(&builder, request->body, true);
    if (rc != 0) {
        turbo__form_builder_drop(&builder);
        return rc;
    }
    *out = turbo__form_builder_take(&builder);
    return 0;
}

/* A read under way. Made by turbo_form_read(), attached to the exchange, with which it dies if the
 * response is finished first; else freed by end_read(). Touched by the worker's thread, after the
 * handler's has handed it over with turbo_request_read(). */
typedef struct reader {
    turbo_request *request;
    turbo_form_fn *fn;
    void *user_data;
    turbo__form_builder builder;
} reader;

static void free_reader(void *user_data)
{
    reader *self = user_data;
    turbo__form_builder_drop(&self->builder);
    turbo__free(self);
}

/* Hands over the form, or the error when `error` is not 0. */
static void end_read(reader *self, int error)
{
    turbo_request *request = self->request;
    turbo_form_fn *fn = self->fn;
    void *user_data = self->user_data;
    turbo_form *form = error == 0 ? turbo__form_builder_take(&self->builder) : NULL;
    request->attached = NULL; /* first: the exchange may be gone after the call */
    free_reader(self);
    fn(request, form, error, user_data);
}

static bool is_finished(turbo_request *request)
{
    (void)pthread_mutex_lock(&request->pending.lock);
    bool finished = request->pending.finished;
    (void)pthread_mutex_unlock(&request->pending.lock);
    return finished;
}

/* Fires on the worker's thread. */
static void on_part(turbo_request *request, turbo_str data, bool last, int status, void *user_data)
{
    reader *self = user_data;
    if (status != 0) {
        end_read(self, turbo__error_set(status, "%s", turbo_error_text(status)));
        return;
    }
    int rc = turbo__form_builder_feed(&self->builder, data, last);
    if (rc != 0 || last) {
        end_read(self, rc);
        return;
    }
    rc = turbo_request_read(request, on_part, self);
    if (rc != 0 && !is_finished(request)) { /* finished: the exchange frees the reader */
        end_read(self, rc);
    }
}

int turbo_form_read(turbo_request *request, const turbo_form_options *options, turbo_form_fn *fn,
                    void *user_data)
{
    if (fn == NULL) {
        return turbo__error_set(TURBO_EINVAL, "turbo_form_read() needs a function");
    }
    if (request->attached != NULL) {
        return turbo__error_set(TURBO_ESTATE, "a form is being read already");
    }
    reader *self = turbo__alloc(sizeof(*self));
    if (self == NULL) {
        return TURBO_ENOMEM;
    }
    int rc = turbo__form_builder_init(&self->builder, content_type(request), options, false);
    if (rc != 0) {
        turbo__free(self);
        return rc;
    }
    self->request = request;
    self->fn = fn;
    self->user_data = user_data;
    if (request->body_whole) {
        end_read(self, turbo__form_builder_feed(&self->builder, request->body, true));
        return 0;
    }
    request->attached = self;
    request->attached_release = free_reader;
    rc = turbo_request_read(request, on_part, self);
    if (rc != 0) {
        request->attached = NULL;
        free_reader(self);
    }
    return rc;
}
