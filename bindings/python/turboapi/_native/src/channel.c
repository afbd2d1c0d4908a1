/* SPDX-License-Identifier: MIT */
#include "channel.h"

#include <stdlib.h>
#include <string.h>

#include "awaitable.h"
#include "module.h"

enum {
    COPY_MAX = 2048 /* bytes of a body that are cheaper to copy than to refer to */
};

typedef enum stage {
    STAGE_START, /* http.response.start is to come */
    STAGE_HEAD,  /* it came; nothing was sent yet */
    STAGE_STREAM,
    STAGE_DONE
} stage;

/* A receive() or send() that waits. Owned by the list it is in. */
typedef struct waiter {
    struct waiter *next;
    PyObject *future;
    PyObject *body; /* of a send() */
    bool last;      /* … and whether it is the last one */
} waiter;

typedef struct channel {
    PyObject_HEAD tp_slots *slots;
    tp_slot *slot;
    turbo_request *request; /* NULL once the response is finished */
    turbo_response *response;
    stage stage;
    bool body_given;   /* all of the request's body was received by the application */
    bool disconnected; /* the client is gone */
    bool watching;     /* on_close is registered */
    bool read_pending; /* turbo_request_read() was called and has not told anything yet */
    bool no_body;      /* HEAD: what the application sends is not checked against its length */
    bool head_refused; /* a header of it was not allowed: nothing of it is to be seen */
    bool ending;       /* the last part of the response was taken, and waits */
    int64_t length;    /* announced by the application, -1: not */
    int64_t sent;
    tp_job flush;      /* sends the head if no body came with it; holds a reference while queued */
    waiter *receivers; /* receive() calls that wait, oldest first */
    waiter *senders;   /* send() calls that wait, oldest first */
    PyObject *arrived; /* a message whose receive() was cancelled; the next one gets it */
} channel;

/* What a callback on a server's thread tells the loop's thread. */
typedef struct event {
    tp_job job;
    tp_slots *slots;
    tp_slot *slot;
    uint64_t number;
    enum { EVENT_BODY, EVENT_CLOSED, EVENT_WRITABLE } kind;
    int status;
    bool last;
    size_t len;
    char data[];
} event;

/* Where a callback finds its channel; in the request's memory, so it is there while callbacks run.
 */
typedef struct address {
    tp_slots *slots;
    tp_slot *slot;
    uint64_t number;
} address;

static PyTypeObject *channel_type;
static PyObject *key_type, *key_body, *key_more_body, *key_status, *key_headers;
static PyObject *text_request, *text_disconnect, *text_start, *text_body;
static PyObject *empty_bytes;
static PyObject *name_done, *name_set_result;

/* --- slots --------------------------------------------------------------------------------------
 */

static tp_slot *take_slot(tp_slots *slots, PyObject *owner)
{
    tp_slot *slot = slots->free;
    if (slot != NULL) {
        slots->free = slot->next;
    } else {
        slot = calloc(1, sizeof(*slot));
        if (slot == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
    }
    slot->number++;
    slot->channel = owner;
    return slot;
}

static void give_slot(channel *self)
{
    tp_slot *slot = self->slot;
    if (slot != NULL) {
        self->slot = NULL;
        slot->channel = NULL;
        slot->number++;
        slot->next = self->slots->free;
        self->slots->free = slot;
    }
}

/* --- events from the server's threads -----------------------------------------------------------
 */

static void handle_event(tp_job *job);

static void post(const address *to, int kind, turbo_str data, bool last, int status)
{
    event *e = malloc(sizeof(*e) + data.len);
    if (e == NULL) {
        return; /* the write timeout or the client's leaving ends the request */
    }
    e->job.run = handle_event;
    e->slots = to->slots;
    e->slot = to->slot;
    e->number = to->number;
    e->kind = (kind == EVENT_BODY)   ? EVENT_BODY
              : kind == EVENT_CLOSED ? EVENT_CLOSED
                                     : EVENT_WRITABLE;
    e->status = status;
    e->last = last;
    e->len = data.len;
    if (data.len > 0) {
        memcpy(e->data, data.data, data.len);
    }
    if (tp_loop_submit(to->slots->loop, &e->job) != 0) {
        free(e);
    }
}

static void on_read(turbo_request *request, turbo_str data, bool last, int status, void *user_data)
{
    (void)request;
    post(user_data, EVENT_BODY, data, last, status);
}

static void on_close(turbo_request *request, void *user_data)
{
    (void)request;
    turbo_str none = {NULL, 0};
    post(user_data, EVENT_CLOSED, none, true, 0);
}

static void on_writable(turbo_response *response, void *user_data)
{
    (void)response;
    turbo_str none = {NULL, 0};
    post(user_data, EVENT_WRITABLE, none, false, 0);
}

static address *make_address(channel *self)
{
    address *to = turbo_request_alloc(self->request, sizeof(*to));
    if (to == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    to->slots = self->slots;
    to->slot = self->slot;
    to->number = self->slot->number;
    return to;
}

/* Whether nobody has resolved or cancelled `future` yet. */
static bool is_waiting(PyObject *future)
{
    PyObject *done = PyObject_CallMethodNoArgs(future, name_done);
    bool waiting = done != NULL && PyObject_IsTrue(done) == 0;
    Py_XDECREF(done);
    PyErr_Clear();
    return waiting;
}

static waiter *pop_waiter(waiter **list)
{
    waiter *first = *list;
    if (first != NULL) {
        *list = first->next;
    }
    return first;
}

static void free_waiter(waiter *waiting)
{
    Py_XDECREF(waiting->future);
    Py_XDECREF(waiting->body);
    free(waiting);
}

static void set_result(waiter *waiting, PyObject *value)
{
    if (is_waiting(waiting->future)) {
        PyObject *set = PyObject_CallMethodOneArg(waiting->future, name_set_result, value);
        Py_XDECREF(set);
        PyErr_Clear(); /* the asyncio loop is closed: nobody is left to hear it */
    }
    free_waiter(waiting);
}

/* Queues a waiter and gives what the application awaits, or NULL with an exception set. */
static PyObject *add_waiter(channel *self, waiter **list, PyObject *body, bool last)
{
    waiter *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return PyErr_NoMemory();
    }
    made->future = tp_loop_future(self->slots->loop);
    PyObject *awaited = made->future != NULL ? tp_awaitable_future(Py_NewRef(made->future)) : NULL;
    if (awaited == NULL) {
        free_waiter(made);
        return NULL;
    }
    made->body = Py_XNewRef(body);
    made->last = last;
    while (*list != NULL) {
        list = &(*list)->next;
    }
    *list = made;
    return awaited;
}

/* --- receive ------------------------------------------------------------------------------------
 */

static PyObject *disconnect_message(void)
{
    PyObject *message = PyDict_New();
    if (message != NULL && PyDict_SetItem(message, key_type, text_disconnect) < 0) {
        Py_CLEAR(message);
    }
    return message;
}

static PyObject *request_message(PyObject *body, bool more)
{
    PyObject *message = body != NULL ? PyDict_New() : NULL;
    if (message != NULL &&
        (PyDict_SetItem(message, key_type, text_request) < 0 ||
         PyDict_SetItem(message, key_body, body) < 0 ||
         PyDict_SetItem(message, key_more_body, more ? Py_True : Py_False) < 0)) {
        Py_CLEAR(message);
    }
    Py_XDECREF(body);
    return message;
}

/* Everybody who waits in receive() hears that nothing more will come. */
static void tell_disconnect(channel *self)
{
    waiter *waiting;
    while ((waiting = pop_waiter(&self->receivers)) != NULL) {
        PyObject *message = disconnect_message();
        if (message != NULL) {
            set_result(waiting, message);
            Py_DECREF(message);
        } else {
            PyErr_Clear();
            free_waiter(waiting);
        }
    }
}

static void note_disconnect(channel *self)
{
    self->disconnected = true;
    tell_disconnect(self);
}

/* Drops the waits that were cancelled; whether somebody still waits in receive(). */
static bool has_receiver(channel *self)
{
    while (self->receivers != NULL && !is_waiting(self->receivers->future)) {
        free_waiter(pop_waiter(&self->receivers));
    }
    return self->receivers != NULL;
}

static int ask_for_news(channel *self);
static void let_go(channel *self);

/* The body is malformed or did not come: as with uvicorn the server answers that by itself, unless
 * the application has begun to answer. */
static void refuse_body(channel *self)
{
    turbo_response *response = self->response;
    let_go(self);
    turbo_response_abort(response);
}

static void body_event(channel *self, const event *e)
{
    self->read_pending = false;
    PyObject *message = NULL;
    if (e->status == 0) {
        message = request_message(PyBytes_FromStringAndSize(e->data, (Py_ssize_t)e->len), !e->last);
        PyErr_Clear();
    }
    if (message == NULL) {
        note_disconnect(self);
        if (e->status != 0 && e->status != TURBO_ECANCELLED && self->stage == STAGE_START) {
            refuse_body(self);
        }
        return;
    }
    self->body_given = e->last;
    if (has_receiver(self)) {
        set_result(pop_waiter(&self->receivers), message);
        Py_DECREF(message);
    } else {
        self->arrived = message;
    }
    if (has_receiver(self) && ask_for_news(self) < 0) {
        PyErr_Clear();
        note_disconnect(self);
    }
}

static PyObject *already(turbo_str body)
{
    if (body.len == 0) {
        return Py_NewRef(empty_bytes);
    }
    return PyBytes_FromStringAndSize(body.data, (Py_ssize_t)body.len);
}

static PyObject *fail(int code)
{
    if (!PyErr_Occurred()) {
        PyErr_Format(code == TURBO_ENOMEM ? PyExc_MemoryError : PyExc_RuntimeError, "%s",
                     code == TURBO_ENOMEM ? "" : turbo_error_detail());
    }
    return tp_awaitable_error();
}

/* Has the server report the next part of the body or, after its end, that the client has gone. -1
 * with an exception set. */
static int ask_for_news(channel *self)
{
    if (self->body_given ? self->watching : self->read_pending) {
        return 0;
    }
    address *to = make_address(self);
    if (to == NULL) {
        return -1;
    }
    int rc = self->body_given ? turbo_request_on_close(self->request, on_close, to)
                              : turbo_request_read(self->request, on_read, to);
    if (rc != 0) {
        PyErr_SetString(PyExc_RuntimeError, turbo_error_detail());
        return -1;
    }
    *(self->body_given ? &self->watching : &self->read_pending) = true;
    return 0;
}

static PyObject *receive(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    channel *self = (channel *)object;
    if (self->disconnected || self->request == NULL) {
        return tp_awaitable_ready(disconnect_message());
    }
    if (self->arrived != NULL) {
        PyObject *message = self->arrived;
        self->arrived = NULL;
        return tp_awaitable_ready(message);
    }
    if (!self->body_given && turbo_request_body_complete(self->request) && !self->read_pending) {
        self->body_given = true;
        return tp_awaitable_ready(
            request_message(already(turbo_request_body(self->request)), false));
    }
    PyObject *waiting = add_waiter(self, &self->receivers, NULL, false);
    if (waiting != NULL && ask_for_news(self) < 0) {
        Py_DECREF(waiting);
        return tp_awaitable_error();
    }
    return waiting;
}

/* --- send ---------------------------------------------------------------------------------------
 */

static void let_go(channel *self)
{
    self->request = NULL;
    self->response = NULL;
    self->stage = STAGE_DONE;
    give_slot(self);
    tell_disconnect(self);
    waiter *waiting;
    while ((waiting = pop_waiter(&self->senders)) != NULL) {
        set_result(waiting, Py_None);
    }
}

static void finish(channel *self)
{
    turbo_response *response = self->response;
    let_go(self);
    if (turbo_response_finish(response) != 0) {
        self->disconnected = true;
    }
}

static turbo_str bytes_view(PyObject *bytes)
{
    turbo_str view = {PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)};
    return view;
}

static int add_field(channel *self, PyObject *name, PyObject *value)
{
    if (!PyBytes_Check(name) || !PyBytes_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "header names and values must be bytes");
        return -1;
    }
    turbo_str field = bytes_view(name);
    turbo_str text = bytes_view(value);
    if (field.len == 14 && PyOS_strnicmp(field.data, "content-length", 14) == 0) {
        PyObject *number = PyLong_FromString(text.data, NULL, 10);
        self->length = number != NULL ? PyLong_AsLongLong(number) : -1;
        Py_XDECREF(number);
        if (PyErr_Occurred()) {
            return -1;
        }
    }
    if ((field.len == 17 && PyOS_strnicmp(field.data, "transfer-encoding", 17) == 0) ||
        (field.len == 10 && PyOS_strnicmp(field.data, "connection", 10) == 0)) {
        return 0; /* how the message is framed is the server's business */
    }
    int rc = turbo_response_header(self->response, field, text);
    if (rc != 0) {
        PyErr_SetString(PyExc_RuntimeError, turbo_error_detail());
        (void)turbo_response_reset(self->response); /* the application may start again */
        return -1;
    }
    return 0;
}

static int add_pair(channel *self, PyObject *pair)
{
    PyObject *items = PySequence_Fast(pair, "a header must be a pair of bytes");
    if (items == NULL) {
        return -1;
    }
    int rc = -1;
    if (PySequence_Fast_GET_SIZE(items) == 2) {
        rc =
            add_field(self, PySequence_Fast_GET_ITEM(items, 0), PySequence_Fast_GET_ITEM(items, 1));
    } else {
        PyErr_SetString(PyExc_ValueError, "a header must be a pair of bytes");
    }
    Py_DECREF(items);
    return rc;
}

static int add_headers(channel *self, PyObject *headers)
{
    PyObject *items = PySequence_Fast(headers, "headers must be iterable");
    if (items == NULL) {
        return -1;
    }
    int rc = 0;
    for (Py_ssize_t i = 0; rc == 0 && i < PySequence_Fast_GET_SIZE(items); i++) {
        rc = add_pair(self, PySequence_Fast_GET_ITEM(items, i));
    }
    Py_DECREF(items);
    return rc;
}

static int wrong_type(const char *expected, PyObject *type)
{
    PyErr_Format(PyExc_RuntimeError, "Expected ASGI message '%s', but got '%S'.", expected, type);
    return -1;
}

static bool same_text(PyObject *a, PyObject *b)
{
    return a == b || (PyUnicode_Check(a) && PyUnicode_Compare(a, b) == 0);
}

/* Streaming starts: the head goes out. A code of turbo_response_begin(). */
static int begin(channel *self)
{
    self->stage = STAGE_STREAM;
    return turbo_response_begin(self->response, self->length);
}

/* The step of the application that started the response is over: if no body came in it, none may
 * come for long (server-sent events), so the client gets the head now. */
static void flush_head(tp_job *job)
{
    channel *self = (channel *)(void *)((char *)job - offsetof(channel, flush));
    if (self->stage == STAGE_HEAD && begin(self) != 0) {
        note_disconnect(self);
    }
    Py_DECREF(self);
}

static int flush_later(channel *self)
{
    self->flush.run = flush_head;
    Py_INCREF(self);
    if (tp_loop_defer(self->slots->loop, &self->flush) != 0) {
        Py_DECREF(self);
        PyErr_SetString(PyExc_RuntimeError, "the event loop takes no more work");
        return -1;
    }
    return 0;
}

static int take_start(channel *self, PyObject *message, PyObject *type)
{
    if (!same_text(type, text_start)) {
        return wrong_type("http.response.start", type);
    }
    PyObject *status = NULL;
    PyObject *headers = NULL;
    if (tp_dict_get(message, key_status, &status) <= 0) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_KeyError, "status");
        }
        return -1;
    }
    long code = PyLong_AsLong(status);
    Py_DECREF(status);
    if (code == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (turbo_response_status(self->response, (int)code) != 0) {
        PyErr_SetString(PyExc_RuntimeError, turbo_error_detail());
        return -1;
    }
    /* From here on the application cannot start again, as with uvicorn; but if a header is refused,
     * nothing was sent, and the client gets 500. */
    self->stage = STAGE_HEAD;
    self->no_body = self->no_body || code == 204 || code == 304;
    int found = tp_dict_get(message, key_headers, &headers);
    int rc = found > 0 ? add_headers(self, headers) : found;
    Py_XDECREF(headers);
    self->head_refused = rc != 0;
    return rc == 0 ? flush_later(self) : rc;
}

/* The body of a message as bytes: a new reference. */
static PyObject *body_of(PyObject *message)
{
    PyObject *body = NULL;
    int found = tp_dict_get(message, key_body, &body);
    if (found < 0) {
        return NULL;
    }
    if (found == 0) {
        return Py_NewRef(empty_bytes);
    }
    if (PyBytes_CheckExact(body)) {
        return body;
    }
    PyObject *bytes = PyBytes_FromObject(body);
    Py_DECREF(body);
    return bytes;
}

static int more_of(PyObject *message)
{
    PyObject *more = NULL;
    int found = tp_dict_get(message, key_more_body, &more);
    if (found <= 0) {
        return found;
    }
    int truth = PyObject_IsTrue(more);
    Py_DECREF(more);
    return truth;
}

static int count_body(channel *self, Py_ssize_t size, bool last)
{
    self->sent += size;
    if (self->length < 0 || self->no_body) {
        return 0;
    }
    if (self->sent > self->length) {
        PyErr_SetString(PyExc_RuntimeError, "Response content longer than Content-Length");
        return -1;
    }
    if (last && self->sent < self->length) {
        PyErr_SetString(PyExc_RuntimeError, "Response content shorter than Content-Length");
        return -1;
    }
    return 0;
}

static int send_whole(channel *self, PyObject *body)
{
    turbo_str view = bytes_view(body);
    int rc;
    if (view.len <= COPY_MAX || self->no_body) {
        rc = turbo_response_body(self->response, view);
    } else {
        tp_loop_release *release = tp_loop_release_new(self->slots->loop, body);
        rc = release != NULL
                 ? turbo_response_body_owned(self->response, view, tp_loop_release_run, release)
                 : TURBO_ENOMEM;
        if (rc != 0 && release != NULL) {
            tp_loop_release_discard(release);
        }
    }
    if (rc == 0) {
        finish(self);
    }
    return rc;
}

/* Returns 0, TURBO_EAGAIN or another error. */
static int send_part(channel *self, PyObject *body)
{
    turbo_str view = bytes_view(body);
    if (view.len == 0) {
        return 0;
    }
    if (view.len <= COPY_MAX) {
        return turbo_response_send_chunk(self->response, view, NULL, NULL);
    }
    tp_loop_release *release = tp_loop_release_new(self->slots->loop, body);
    if (release == NULL) {
        return TURBO_ENOMEM;
    }
    int rc = turbo_response_send_chunk(self->response, view, tp_loop_release_run, release);
    if (rc != 0) {
        tp_loop_release_discard(release);
    }
    return rc;
}

static PyObject *nothing(void)
{
    return tp_awaitable_ready(Py_NewRef(Py_None));
}

static PyObject *gone(channel *self, bool last)
{
    self->disconnected = true;
    if (last) {
        finish(self);
    }
    return nothing();
}

/* Has the server report when it takes data again. */
static int ask_for_room(channel *self)
{
    address *to = make_address(self);
    if (to == NULL) {
        return TURBO_ENOMEM;
    }
    return turbo_response_on_writable(self->response, on_writable, to);
}

static PyObject *wait_writable(channel *self, PyObject *body, bool last)
{
    bool first = self->senders == NULL;
    PyObject *waiting = add_waiter(self, &self->senders, body, last);
    if (waiting == NULL) {
        return NULL;
    }
    int rc = first ? ask_for_room(self) : 0;
    if (rc != 0) {
        Py_DECREF(waiting);
        free_waiter(pop_waiter(&self->senders));
        return fail(rc);
    }
    self->ending = last;
    return waiting;
}

static PyObject *stream(channel *self, PyObject *body, bool last)
{
    int rc = self->stage == STAGE_HEAD ? begin(self) : 0;
    if (rc == 0 && !self->no_body) {
        rc = self->senders == NULL ? send_part(self, body) : TURBO_EAGAIN;
    }
    if (rc == TURBO_EAGAIN) {
        return wait_writable(self, body, last);
    }
    if (rc == TURBO_ECANCELLED) {
        return gone(self, last);
    }
    if (rc != 0) {
        return fail(rc);
    }
    if (last) {
        finish(self);
    }
    return nothing();
}

/* The socket has taken what was queued: what waits may go now, in order. A part whose send() was
 * cancelled goes too: its bytes are counted already. */
static void writable_event(channel *self)
{
    int rc = 0;
    while (self->senders != NULL && self->response != NULL) {
        rc = self->disconnected ? TURBO_ECANCELLED : send_part(self, self->senders->body);
        if (rc == TURBO_EAGAIN) {
            rc = ask_for_room(self);
            if (rc == 0) {
                return;
            }
        }
        self->disconnected = self->disconnected || rc != 0;
        waiter *sent = pop_waiter(&self->senders);
        bool last = sent->last;
        set_result(sent, Py_None);
        if (last) {
            finish(self);
        }
    }
    if (rc != 0) {
        note_disconnect(self);
    }
}

static PyObject *send_body(channel *self, PyObject *message, PyObject *type)
{
    if (!same_text(type, text_body)) {
        (void)wrong_type("http.response.body", type); /* its exception is what counts */
        return tp_awaitable_error();
    }
    int more = more_of(message);
    PyObject *body = more >= 0 ? body_of(message) : NULL;
    if (body == NULL || count_body(self, PyBytes_GET_SIZE(body), more == 0) < 0) {
        Py_XDECREF(body);
        return tp_awaitable_error();
    }
    PyObject *result;
    if (self->disconnected) { /* the client is gone: what is sent goes nowhere, as with uvicorn */
        result = gone(self, more == 0);
    } else if (more == 0 && self->stage == STAGE_HEAD) {
        int rc = send_whole(self, body);
        result = rc == 0 ? nothing() : fail(rc);
    } else {
        result = stream(self, body, more == 0);
    }
    Py_DECREF(body);
    return result;
}

static PyObject *send(PyObject *object, PyObject *message)
{
    channel *self = (channel *)object;
    PyObject *type = NULL;
    PyObject *result;
    if (!PyDict_Check(message) || tp_dict_get(message, key_type, &type) <= 0) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_KeyError, "type");
        }
        return tp_awaitable_error();
    }
    if (self->stage == STAGE_DONE || self->ending) {
        if (self->disconnected) {
            result = nothing();
        } else {
            PyErr_Format(PyExc_RuntimeError,
                         "Unexpected ASGI message '%S' sent, after response already completed.",
                         type);
            result = tp_awaitable_error();
        }
    } else if (self->stage == STAGE_START) {
        result = take_start(self, message, type) == 0 ? nothing() : tp_awaitable_error();
    } else {
        result = send_body(self, message, type);
    }
    Py_DECREF(type);
    return result;
}

/* --- events, on the loop's thread ---------------------------------------------------------------
 */

static void handle_event(tp_job *job)
{
    event *e = (event *)(void *)job;
    if (e->slot->number == e->number && e->slot->channel != NULL) {
        channel *self = (channel *)Py_NewRef(e->slot->channel);
        switch (e->kind) {
        case EVENT_BODY:
            body_event(self, e);
            break;
        case EVENT_CLOSED:
            note_disconnect(self);
            break;
        case EVENT_WRITABLE:
            writable_event(self);
            break;
        }
        Py_DECREF(self);
    }
    free(e);
}

/* --- the end ------------------------------------------------------------------------------------
 */

static void answer_500(channel *self)
{
    turbo_response *response = self->response;
    int rc = turbo_response_reset(response);
    rc = rc != 0 ? rc : turbo_response_status(response, 500);
    rc = rc != 0 ? rc
                 : turbo_response_header(response, TURBO_STR("content-type"),
                                         TURBO_STR("text/plain; charset=utf-8"));
    rc = rc != 0 ? rc : turbo_response_body_static(response, TURBO_STR("Internal Server Error"));
    if (rc == 0) {
        finish(self);
        return;
    }
    let_go(self);
    turbo_response_abort(response);
}

void tp_channel_end(PyObject *object, bool failed)
{
    channel *self = (channel *)object;
    if (self->response == NULL) {
        return;
    }
    bool unstarted = self->stage == STAGE_START;
    if (!failed && !self->disconnected) { /* before the client can see anything */
        tp_log_message(unstarted ? "ASGI callable returned without starting response."
                                 : "ASGI callable returned without completing response.");
    }
    if (unstarted || (self->stage == STAGE_HEAD && self->head_refused)) {
        answer_500(self);
        return;
    }
    if (self->stage == STAGE_HEAD) {
        (void)begin(self); /* the head was accepted, so the client sees it, as from uvicorn */
    }
    turbo_response *response = self->response;
    let_go(self);
    turbo_response_abort(response);
}

/* --- the object ---------------------------------------------------------------------------------
 */

static PyMethodDef receive_method = {"receive", receive, METH_NOARGS, "The ASGI receive callable."};
static PyMethodDef send_method = {"send", send, METH_O, "The ASGI send callable."};

PyObject *tp_channel_receive(PyObject *object)
{
    return PyCFunction_New(&receive_method, object);
}

PyObject *tp_channel_send(PyObject *object)
{
    return PyCFunction_New(&send_method, object);
}

PyObject *tp_channel_new(tp_slots *slots, turbo_request *request, turbo_response *response)
{
    channel *self = PyObject_GC_New(channel, channel_type);
    if (self == NULL) {
        return NULL;
    }
    size_t head = offsetof(channel, slots);
    memset((char *)self + head, 0, sizeof(*self) - head);
    self->slots = slots;
    self->length = -1;
    PyObject_GC_Track((PyObject *)self);
    self->slot = take_slot(slots, (PyObject *)self);
    if (self->slot == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    self->request = request;
    self->response = response;
    turbo_str method = turbo_request_method(request);
    self->no_body = method.len == 4 && memcmp(method.data, "HEAD", 4) == 0;
    return (PyObject *)self;
}

static int channel_traverse(PyObject *object, visitproc visit, void *arg)
{
    channel *self = (channel *)object;
    Py_VISIT(Py_TYPE(object));
    for (const waiter *at = self->receivers; at != NULL; at = at->next) {
        Py_VISIT(at->future);
    }
    for (const waiter *at = self->senders; at != NULL; at = at->next) {
        Py_VISIT(at->future);
        Py_VISIT(at->body);
    }
    Py_VISIT(self->arrived);
    return 0;
}

static int channel_clear(PyObject *object)
{
    channel *self = (channel *)object;
    while (self->receivers != NULL) {
        free_waiter(pop_waiter(&self->receivers));
    }
    while (self->senders != NULL) {
        free_waiter(pop_waiter(&self->senders));
    }
    Py_CLEAR(self->arrived);
    return 0;
}

static void channel_dealloc(PyObject *object)
{
    channel *self = (channel *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    give_slot(self);
    (void)channel_clear(object); /* always 0 */
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Slot channel_slots[] = {
    {Py_tp_doc, "What receive() and send() of one request share."},
    {Py_tp_dealloc, channel_dealloc},
    {Py_tp_traverse, channel_traverse},
    {Py_tp_clear, channel_clear},
    {0, NULL},
};

static PyType_Spec channel_spec = {
    .name = "turboapi._native._dataplane.Channel",
    .basicsize = sizeof(channel),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = channel_slots,
};

static int intern_all(void)
{
    const struct {
        PyObject **place;
        const char *text;
    } names[] = {
        {&key_type, "type"},
        {&key_body, "body"},
        {&key_more_body, "more_body"},
        {&key_status, "status"},
        {&key_headers, "headers"},
        {&text_request, "http.request"},
        {&text_disconnect, "http.disconnect"},
        {&text_start, "http.response.start"},
        {&text_body, "http.response.body"},
        {&name_done, "done"},
        {&name_set_result, "set_result"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        *names[i].place = PyUnicode_InternFromString(names[i].text);
        if (*names[i].place == NULL) {
            return -1;
        }
    }
    empty_bytes = PyBytes_FromStringAndSize(NULL, 0);
    return empty_bytes != NULL ? 0 : -1;
}

int tp_channel_init(void)
{
    if (channel_type != NULL) {
        return 0;
    }
    if (tp_awaitable_init() < 0 || intern_all() < 0) {
        return -1;
    }
    channel_type = (PyTypeObject *)PyType_FromSpec(&channel_spec);
    return channel_type != NULL ? 0 : -1;
}
