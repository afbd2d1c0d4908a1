/* SPDX-License-Identifier: MIT */
#include "asgi.h"

#include "compat.h"

#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "module.h"
#include "scope.h"

/* The C side of an Application. Plain memory that dies with the Python object; handlers keep that.
 */
struct tp_asgi {
    tp_loop *loop; /* a reference */
    PyObject *app;
    PyObject *root_path;
    PyObject *state; /* NULL: none */
    PyObject *template;
    tp_slots slots;
};

typedef struct application {
    PyObject_HEAD tp_asgi *asgi;
    PyObject *loop_object;
} application;

/* A request on its way to the loop; in the request's memory. */
typedef struct arrival {
    tp_job job;
    tp_asgi *asgi;
    turbo_request *request;
    turbo_response *response;
    PyObject *outcome;
} arrival;

static PyTypeObject *application_type;
static PyObject *key_outcome;

/* --- one request --------------------------------------------------------------------------------
 */

static void call_ended(void *user_data, PyObject *result)
{
    PyObject *channel = user_data;
    bool failed = result == NULL;
    if (failed) { /* logged first: whoever reads the answer finds the reason in the log */
        tp_log_exception("Exception in ASGI application");
    } else if (result != Py_None) {
        tp_log_message("ASGI callable should return None, but returned something else.");
    }
    tp_channel_end(channel, failed);
    Py_DECREF(channel);
}

/* The application's coroutine, or NULL with an exception set. */
static PyObject *call_app(tp_asgi *asgi, turbo_request *request, PyObject *channel,
                          PyObject *outcome)
{
    PyObject *scope = tp_scope_new(asgi->template, request, asgi->root_path, asgi->state);
    if (scope != NULL && outcome != NULL && PyDict_SetItem(scope, key_outcome, outcome) < 0) {
        Py_CLEAR(scope);
    }
    PyObject *receive = scope != NULL ? tp_channel_receive(channel) : NULL;
    PyObject *send = receive != NULL ? tp_channel_send(channel) : NULL;
    PyObject *coro = NULL;
    if (send != NULL) {
        PyObject *args[] = {scope, receive, send};
        coro = PyObject_Vectorcall(asgi->app, args, 3, NULL);
    }
    Py_XDECREF(scope);
    Py_XDECREF(receive);
    Py_XDECREF(send);
    return coro;
}

static void run_arrival(tp_job *job)
{
    arrival *got = (arrival *)(void *)job;
    tp_asgi *asgi = got->asgi;
    turbo_response *response = got->response;
    PyObject *outcome = got->outcome;
    PyObject *channel =
        asgi->app != NULL ? tp_channel_new(&asgi->slots, got->request, response) : NULL;
    if (channel == NULL) {
        Py_XDECREF(outcome);
        tp_log_exception("a request could not be handed to the application");
        turbo_response_abort(response);
        return;
    }
    PyObject *coro = call_app(asgi, got->request, channel, outcome);
    Py_XDECREF(outcome);
    if (coro == NULL) {
        call_ended(channel, NULL);
        return;
    }
    if (tp_loop_start(asgi->loop, coro, call_ended, channel) != 0) {
        PyErr_SetString(PyExc_RuntimeError, "the event loop takes no more work");
        call_ended(channel, NULL);
    }
}

int tp_asgi_submit(tp_asgi *asgi, turbo_request *request, turbo_response *response,
                   PyObject *outcome)
{
    arrival *got = turbo_request_alloc(request, sizeof(*got));
    int rc = TURBO_ENOMEM;
    if (got != NULL) {
        got->job.run = run_arrival;
        got->asgi = asgi;
        got->request = request;
        got->response = response;
        got->outcome = outcome;
        rc = tp_loop_submit(asgi->loop, &got->job);
    }
    if (rc != 0) {
        Py_XDECREF(outcome);
        return rc;
    }
    return TURBO_PENDING;
}

/* --- handlers -----------------------------------------------------------------------------------
 */

/* What a handler keeps: the Python object, and what its calls need of it. */
typedef struct kept {
    tp_asgi *asgi;
    PyObject *object;
} kept;

static int kept_handler(turbo_request *request, turbo_response *response, void *user_data)
{
    const kept *self = user_data;
    return tp_asgi_submit(self->asgi, request, response, NULL);
}

static void release_kept(void *user_data)
{
    kept *self = user_data;
    PyGILState_STATE state = PyGILState_Ensure(); /* the server is being freed: once per route */
    Py_DECREF(self->object);
    PyGILState_Release(state);
    free(self);
}

int tp_asgi_new_handler(PyObject *object, turbo_handler **out)
{
    tp_asgi *asgi = tp_asgi_from_object(object);
    if (asgi == NULL) {
        PyErr_Clear();
        return TURBO_EINVAL;
    }
    kept *self = malloc(sizeof(*self));
    if (self == NULL) {
        return TURBO_ENOMEM;
    }
    self->asgi = asgi;
    self->object = Py_NewRef(object);
    int rc = turbo_handler_new_func(kept_handler, self, release_kept, out);
    if (rc != 0) {
        Py_DECREF(object);
        free(self);
    }
    return rc;
}

/* --- the object ---------------------------------------------------------------------------------
 */

tp_asgi *tp_asgi_from_object(PyObject *object)
{
    if (!PyObject_TypeCheck(object, application_type)) {
        PyErr_Format(PyExc_TypeError, "expected an Application, got %.100s",
                     Py_TYPE(object)->tp_name);
        return NULL;
    }
    return ((application *)object)->asgi;
}

static int fill_application(application *self, PyObject *loop, PyObject *app, PyObject *root_path,
                            PyObject *state)
{
    tp_loop *inner = tp_loop_from_object(loop);
    if (inner == NULL) {
        return -1;
    }
    tp_asgi *asgi = calloc(1, sizeof(*asgi));
    if (asgi == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->asgi = asgi;
    self->loop_object = Py_NewRef(loop);
    asgi->loop = tp_loop_ref(inner);
    asgi->slots.loop = inner;
    asgi->app = Py_NewRef(app);
    asgi->state = state != Py_None ? Py_NewRef(state) : NULL;
    asgi->root_path = Py_NewRef(root_path);
    asgi->template = tp_scope_template(root_path);
    return asgi->template != NULL ? 0 : -1;
}

static PyObject *application_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"loop", "app", "root_path", "state", NULL};
    PyObject *loop;
    PyObject *app;
    PyObject *root_path = NULL;
    PyObject *state = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|$UO", names, &loop, &app, &root_path,
                                     &state)) {
        return NULL;
    }
    if (state != Py_None && !PyDict_Check(state)) {
        PyErr_SetString(PyExc_TypeError, "state must be a dict or None");
        return NULL;
    }
    PyObject *root = root_path != NULL ? Py_NewRef(root_path) : PyUnicode_FromString("");
    application *self = root != NULL ? (application *)type->tp_alloc(type, 0) : NULL;
    if (self != NULL && fill_application(self, loop, app, root, state) < 0) {
        Py_CLEAR(self);
    }
    Py_XDECREF(root);
    return (PyObject *)self;
}

static int application_traverse(PyObject *object, visitproc visit, void *arg)
{
    application *self = (application *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->loop_object);
    if (self->asgi != NULL) {
        Py_VISIT(self->asgi->app);
        Py_VISIT(self->asgi->state);
        Py_VISIT(self->asgi->template);
    }
    return 0;
}

static int application_clear(PyObject *object)
{
    application *self = (application *)object;
    Py_CLEAR(self->loop_object);
    if (self->asgi != NULL) {
        Py_CLEAR(self->asgi->app);
        Py_CLEAR(self->asgi->state);
        Py_CLEAR(self->asgi->template);
    }
    return 0;
}

static void free_slots(tp_slots *slots)
{
    while (slots->free != NULL) {
        tp_slot *slot = slots->free;
        slots->free = slot->next;
        free(slot);
    }
}

static void application_dealloc(PyObject *object)
{
    application *self = (application *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    (void)application_clear(object); /* always 0 */
    if (self->asgi != NULL) {
        Py_XDECREF(self->asgi->root_path);
        free_slots(&self->asgi->slots);
        tp_loop_unref(self->asgi->loop);
        free(self->asgi);
    }
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Slot application_slots[] = {
    {Py_tp_doc,
     "Application(loop, app, *, root_path='', state=None): an ASGI 3 application on a Loop."},
    {Py_tp_new, application_new},
    {Py_tp_dealloc, application_dealloc},
    {Py_tp_traverse, application_traverse},
    {Py_tp_clear, application_clear},
    {0, NULL},
};

static PyType_Spec application_spec = {
    .name = "turboapi._native._dataplane.Application",
    .basicsize = sizeof(application),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = application_slots,
};

int tp_asgi_add_types(PyObject *module)
{
    key_outcome = PyUnicode_InternFromString("turboapi.outcome");
    if (key_outcome == NULL || tp_channel_init() < 0 || tp_scope_init() < 0) {
        return -1;
    }
    application_type = (PyTypeObject *)PyType_FromSpec(&application_spec);
    return application_type != NULL ? PyModule_AddType(module, application_type) : -1;
}
