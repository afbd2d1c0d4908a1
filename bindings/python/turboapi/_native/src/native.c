/* SPDX-License-Identifier: MIT */
#include "native.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <turbo/turbo.h>

#include "answer.h"
#include "asgi.h"
#include "gate.h"
#include "json_module.h"
#include "json_text.h"
#include "json_write.h"
#include "loop.h"
#include "module.h"
#include "plan.h"
#include "thread.h"

#define COPY_LIMIT 2048 /* bytes: a longer body is handed over instead of copied */
#define FEW_ARGUMENTS 8 /* kept on the stack */

/* A registered route: user data of its handler, which owns it. Immutable once made; run by any
 * thread; dropped when the handler goes. */
typedef struct native_route {
    tp_garbage garbage;
    tp_plan *plan;
    PyObject *application;    /* strong; keeps `asgi` alive */
    tp_asgi *asgi;            /* the Python executor */
    tp_loop *loop;            /* a reference; coroutines run there */
    PyObject *gate;           /* strong; closed: everything is the Python executor's */
    PyObject *context;        /* strong; requests start with a copy of it */
    PyObject *encode;         /* strong; jsonable_encoder() */
    PyObject *response_class; /* strong; instances are answers, not data */
} native_route;

/* One request to a coroutine endpoint; in the request's memory. Used by the loop's thread only,
 * once it was submitted. */
typedef struct native_call {
    tp_job job;
    const native_route *route;
    turbo_request *request;
    turbo_response *response;
} native_call;

/* --- passing on --- */

/* What became of the endpoint, for the Python executor to go on from: (kind, object). `object` is
 * stolen. NULL with an exception. */
static PyObject *outcome_of(const char *kind, PyObject *object)
{
    return Py_BuildValue("(sN)", kind, object);
}

static int submit_outcome(const native_route *route, turbo_request *request,
                          turbo_response *response, const char *kind, PyObject *object)
{
    PyObject *outcome = outcome_of(kind, object);
    if (outcome == NULL) {
        PyErr_Clear(); /* only memory can fail here */
        return TURBO_ENOMEM;
    }
    return tp_asgi_submit(route->asgi, request, response, outcome);
}

/* The endpoint, or the encoder, has raised. */
static int submit_exception(const native_route *route, turbo_request *request,
                            turbo_response *response)
{
    return submit_outcome(route, request, response, "raise", tp_take_exception());
}

/* --- calling --- */

/* Calls in a fresh copy of the base context, as a hop to a worker thread does: what the callee sets
 * there is seen by nobody else. */
static PyObject *call_in_context(const native_route *route, PyObject *callable,
                                 PyObject *const *args, size_t count, PyObject *names)
{
    PyObject *context = PyContext_Copy(route->context);
    if (context == NULL) {
        return NULL;
    }
    PyObject *result = NULL;
    if (PyContext_Enter(context) == 0) {
        result = PyObject_Vectorcall(callable, args, count, names);
        PyObject *exception = result == NULL ? tp_take_exception() : NULL;
        if (PyContext_Exit(context) < 0) {
            Py_CLEAR(result); /* the callee has left another context entered: its error */
        } else if (exception != NULL) {
            PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
        }
        Py_XDECREF(exception);
    }
    Py_DECREF(context);
    return result;
}

static PyObject *call_with_one(const native_route *route, PyObject *callable, PyObject *argument)
{
    PyObject *args[] = {argument};
    return call_in_context(route, callable, args, 1, NULL);
}

/* Reads the arguments and calls the endpoint. 1: `*result` is new, or NULL with an exception of the
 * endpoint's; 0: nothing was executed, the request is the Python executor's; -1 with MemoryError.
 */
static int call_endpoint(const native_route *route, turbo_request *request, bool in_context,
                         PyObject **result)
{
    const tp_plan *plan = route->plan;
    PyObject *few[FEW_ARGUMENTS];
    PyObject **args = few;
    size_t count = tp_plan_arguments(plan);
    if (count > FEW_ARGUMENTS) {
        args = turbo_request_alloc(request, count * sizeof(*args));
        if (args == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    int collected = tp_plan_collect(plan, request, args);
    if (collected != TP_JSON_DONE) {
        return collected;
    }
    PyObject *names = count > 0 ? plan->names : NULL;
    *result = in_context ? call_in_context(route, plan->endpoint, args, 0, names)
                         : PyObject_Vectorcall(plan->endpoint, args, 0, names);
    for (size_t i = 0; i < count; i++) {
        Py_DECREF(args[i]);
    }
    return 1;
}

/* --- answering --- */

static int set_head(const native_route *route, turbo_response *response)
{
    if (route->plan->status_code != 200) {
        int error = turbo_response_status(response, route->plan->status_code);
        if (error != 0) {
            return error;
        }
    }
    return turbo_response_header(response, TURBO_STR("content-type"),
                                 TURBO_STR("application/json"));
}

/* Gives the JSON in the thread's buffer to the response: a short one is copied, a long one leaves
 * with the memory it is in. */
static int send_scratch(turbo_response *response, tp_buf *scratch)
{
    turbo_str body = {scratch->data, scratch->len};
    if (body.len < COPY_LIMIT) {
        return turbo_response_body(response, body);
    }
    int error = turbo_response_body_owned(response, body, free, scratch->data);
    if (error == 0) {
        *scratch = (tp_buf){0};
    }
    return error;
}

/* Gives `bytes` (stolen) to the response. */
static int send_bytes(turbo_response *response, PyObject *bytes)
{
    turbo_str body = {PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)};
    int error;
    if (body.len < COPY_LIMIT) {
        error = turbo_response_body(response, body);
        Py_DECREF(bytes);
        return error;
    }
    tp_hold *hold = tp_hold_new(bytes);
    if (hold == NULL) {
        Py_DECREF(bytes);
        return TURBO_ENOMEM;
    }
    error = turbo_response_body_owned(response, body, tp_hold_release, hold);
    if (error != 0) {
        tp_hold_release(hold);
    }
    return error;
}

/* With a response model: pydantic validates and writes. */
static int answer_model(const native_route *route, turbo_request *request, turbo_response *response,
                        PyObject *value)
{
    PyObject *bytes = call_with_one(route, route->plan->serialize, value);
    if (bytes == NULL || !PyBytes_CheckExact(bytes)) {
        Py_XDECREF(bytes);
        PyErr_Clear(); /* found again, and reported, by the Python executor */
        return submit_outcome(route, request, response, "return", Py_NewRef(value));
    }
    int error = set_head(route, response);
    if (error != 0) {
        Py_DECREF(bytes);
        return error;
    }
    return send_bytes(response, bytes);
}

/* Writes `value` into the thread's buffer; results as tp_json_write(), memory errors as
 * TURBO_ENOMEM. */
static int write_scratch(tp_thread *thread, PyObject *value)
{
    thread->scratch.len = 0;
    int written = tp_json_write(&thread->scratch, value);
    if (written == TP_JSON_FAILED) {
        PyErr_Clear();
        return TURBO_ENOMEM;
    }
    return written;
}

/* Data that is not plain: jsonable_encoder() makes it so. It may consume what it encodes, so from
 * here on its result is what counts. */
static int answer_encoded(const native_route *route, tp_thread *thread, turbo_request *request,
                          turbo_response *response, PyObject *value)
{
    PyObject *encoded = call_with_one(route, route->encode, value);
    if (encoded == NULL) {
        return submit_exception(route, request, response);
    }
    int result = write_scratch(thread, encoded);
    if (result == TP_JSON_PASS_ON) {
        return submit_outcome(route, request, response, "return", encoded);
    }
    Py_DECREF(encoded);
    if (result == TP_JSON_DONE) {
        result = set_head(route, response);
    }
    return result == 0 ? send_scratch(response, &thread->scratch) : result;
}

/* Turns what the endpoint returned (borrowed) into the answer. 0, TURBO_PENDING (passed on) or an
 * error. */
static int answer(const native_route *route, turbo_request *request, turbo_response *response,
                  PyObject *value)
{
    tp_thread *thread = tp_thread_self();
    if (thread == NULL) {
        return TURBO_ENOMEM;
    }
    if (PyObject_TypeCheck(value, (PyTypeObject *)route->response_class)) {
        return submit_outcome(route, request, response, "return", Py_NewRef(value));
    }
    if (route->plan->serialize != NULL) {
        return answer_model(route, request, response, value);
    }
    int result = write_scratch(thread, value);
    if (result == TP_JSON_PASS_ON) {
        return answer_encoded(route, thread, request, response, value);
    }
    if (result == TP_JSON_DONE) {
        result = set_head(route, response);
    }
    return result == 0 ? send_scratch(response, &thread->scratch) : result;
}

/* --- plain functions: on the thread that drives the worker --- */

static int run_function(turbo_request *request, turbo_response *response, void *user_data)
{
    const native_route *route = user_data;
    if (tp_attach(request) < 0) {
        return TURBO_ENOMEM;
    }
    if (!tp_gate_is_open(route->gate)) {
        return tp_asgi_submit(route->asgi, request, response, NULL);
    }
    PyObject *value;
    int called = call_endpoint(route, request, true, &value);
    if (called < 0) {
        PyErr_Clear();
        return TURBO_ENOMEM;
    }
    if (called == 0) {
        return tp_asgi_submit(route->asgi, request, response, NULL);
    }
    if (value == NULL) {
        return submit_exception(route, request, response);
    }
    int result = answer(route, request, response, value);
    Py_DECREF(value);
    return result;
}

/* --- coroutine functions: on the loop's thread --- */

/* Ends a pending response: with what it holds, or with 500 when `error` is one. */
static void finish(turbo_response *response, int error)
{
    if (error == TURBO_PENDING) {
        return; /* the Python executor has it */
    }
    if (error < 0 &&
        (turbo_response_reset(response) != 0 || turbo_response_status(response, 500) != 0 ||
         turbo_response_header(response, TURBO_STR("content-type"),
                                   TURBO_STR("text/plain; charset=utf-8")) != 0 ||
         turbo_response_body_static(response, TURBO_STR("Internal Server Error")) != 0)) {
        turbo_response_abort(response);
        return;
    }
    (void)turbo_response_finish(response); /* fails only when the client is gone */
}

static void coroutine_done(void *user_data, PyObject *result)
{
    native_call *call = user_data;
    const native_route *route = call->route;
    int error = result != NULL ? answer(route, call->request, call->response, result)
                               : submit_exception(route, call->request, call->response);
    finish(call->response, error);
}

static int start_coroutine(native_call *call)
{
    const native_route *route = call->route;
    PyObject *coroutine;
    int called = 0;
    if (tp_gate_is_open(route->gate)) {
        called = call_endpoint(route, call->request, false, &coroutine);
    }
    if (called < 0) {
        PyErr_Clear();
        return TURBO_ENOMEM;
    }
    if (called == 0) {
        return tp_asgi_submit(route->asgi, call->request, call->response, NULL);
    }
    if (coroutine == NULL) {
        return submit_exception(route, call->request, call->response);
    }
    int error = tp_loop_start(route->loop, coroutine, coroutine_done, call);
    return error == 0 ? TURBO_PENDING : error; /* coroutine_done() finishes it */
}

static void run_call(tp_job *job)
{
    native_call *call = (native_call *)job;
    turbo_response *response = call->response;
    finish(response, start_coroutine(call));
}

static int run_coroutine(turbo_request *request, turbo_response *response, void *user_data)
{
    const native_route *route = user_data;
    native_call *call = turbo_request_alloc(request, sizeof(*call));
    if (call == NULL) {
        return TURBO_ENOMEM;
    }
    *call = (native_call){
        .job = {.run = run_call}, .route = route, .request = request, .response = response};
    int error = tp_loop_submit(route->loop, &call->job);
    return error == 0 ? TURBO_PENDING : error;
}

/* --- handlers --- */

static void free_route(tp_garbage *garbage)
{
    native_route *route = (native_route *)garbage;
    tp_plan_free(route->plan);
    tp_loop_unref(route->loop);
    Py_XDECREF(route->application);
    Py_XDECREF(route->gate);
    Py_XDECREF(route->context);
    Py_XDECREF(route->encode);
    Py_XDECREF(route->response_class);
    free(route);
}

static void release_route(void *user_data)
{
    tp_garbage_drop(&((native_route *)user_data)->garbage);
}

static PyObject *handler_address(int error, turbo_handler *handler)
{
    if (error != 0) {
        PyErr_SetString(error == TURBO_ENOMEM ? PyExc_MemoryError : PyExc_RuntimeError,
                        turbo_error_text(error));
        return NULL;
    }
    return PyLong_FromVoidPtr(handler);
}

static int fill_route(native_route *route, PyObject *plan, PyObject *loop)
{
    tp_loop *inner = tp_loop_from_object(loop);
    route->asgi = tp_asgi_from_object(route->application);
    if (inner == NULL || route->asgi == NULL) {
        return -1;
    }
    route->loop = tp_loop_ref(inner);
    if (!tp_gate_check(route->gate) || !PyType_Check(route->response_class)) {
        PyErr_SetString(PyExc_TypeError, "a Gate and a class are wanted");
        return -1;
    }
    route->context = PyContext_CopyCurrent();
    return route->context != NULL ? tp_plan_new(plan, &route->plan) : -1;
}

static PyObject *new_plan_handler(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *plan;
    PyObject *loop;
    native_route *route = calloc(1, sizeof(*route));
    if (route == NULL) {
        return PyErr_NoMemory();
    }
    route->garbage.drop = free_route;
    if (!PyArg_ParseTuple(args, "OOOOOO:new_plan_handler", &plan, &route->application, &loop,
                          &route->gate, &route->encode, &route->response_class)) {
        free(route);
        return NULL;
    }
    Py_INCREF(route->application);
    Py_INCREF(route->gate);
    Py_INCREF(route->encode);
    Py_INCREF(route->response_class);
    if (fill_route(route, plan, loop) < 0) {
        free_route(&route->garbage);
        return NULL;
    }
    turbo_handler *handler;
    int error = turbo_handler_new_func(route->plan->is_coroutine ? run_coroutine : run_function,
                                       route, release_route, &handler);
    if (error != 0) {
        free_route(&route->garbage);
        return handler_address(error, NULL);
    }
    return handler_address(0, handler);
}

static PyObject *new_asgi_handler(PyObject *module, PyObject *application)
{
    (void)module;
    turbo_handler *handler;
    int error = tp_asgi_new_handler(application, &handler);
    return handler_address(error, error == 0 ? handler : NULL);
}

static PyObject *drain(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    tp_garbage_drain();
    Py_RETURN_NONE;
}

int tp_native_init(PyObject *module)
{
    static PyMethodDef functions[] = {
        {"new_plan_handler", new_plan_handler, METH_VARARGS,
         "new_plan_handler(plan, application, loop, gate, encode, response_class) -> address"},
        {"drain", drain, METH_NOARGS, "Drops what was released by threads that were not attached."},
        {"new_asgi_handler", new_asgi_handler, METH_O, "new_asgi_handler(application) -> address"},
        {0},
    };
    return tp_gate_add_types(module) < 0 || tp_answer_add_functions(module) < 0 ||
                   tp_json_add_functions(module) < 0
               ? -1
               : PyModule_AddFunctions(module, functions);
}
