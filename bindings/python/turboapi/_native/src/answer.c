/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <stdlib.h>

#include <turbo/turbo.h>

#include "asgi.h"
#include "gate.h"
#include "thread.h"

/* A fixed answer: user data of its handler, which owns it. Immutable; any thread. */
typedef struct fixed_answer {
    tp_garbage garbage;
    PyObject *application; /* strong; keeps `asgi` alive */
    tp_asgi *asgi;
    PyObject *gate;    /* strong */
    PyObject *body;    /* bytes */
    PyObject *headers; /* tuple of tuples of two bytes */
    int status;
} fixed_answer;

static turbo_str view(PyObject *bytes)
{
    return (turbo_str){PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)};
}

static int send_fixed(turbo_response *response, const fixed_answer *fixed)
{
    int error = turbo_response_status(response, fixed->status);
    for (Py_ssize_t i = 0; error == 0 && i < PyTuple_GET_SIZE(fixed->headers); i++) {
        PyObject *header = PyTuple_GET_ITEM(fixed->headers, i);
        error = turbo_response_header(response, view(PyTuple_GET_ITEM(header, 0)),
                                      view(PyTuple_GET_ITEM(header, 1)));
    }
    /* The handler, and so the bytes, may go before the answer has left. */
    return error == 0 ? turbo_response_body(response, view(fixed->body)) : error;
}

static int run_fixed(turbo_request *request, turbo_response *response, void *user_data)
{
    const fixed_answer *fixed = user_data;
    if (tp_attach(request) < 0) {
        return TURBO_ENOMEM;
    }
    if (!tp_gate_is_open(fixed->gate)) {
        return tp_asgi_submit(fixed->asgi, request, response, NULL);
    }
    return send_fixed(response, fixed);
}

static void free_fixed(tp_garbage *garbage)
{
    fixed_answer *fixed = (fixed_answer *)garbage;
    Py_DECREF(fixed->application);
    Py_DECREF(fixed->gate);
    Py_DECREF(fixed->body);
    Py_DECREF(fixed->headers);
    free(fixed);
}

static void release_fixed(void *user_data)
{
    tp_garbage_drop(&((fixed_answer *)user_data)->garbage);
}

static bool are_headers(PyObject *headers)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(headers); i++) {
        PyObject *header = PyTuple_GET_ITEM(headers, i);
        if (!PyTuple_CheckExact(header) || PyTuple_GET_SIZE(header) != 2 ||
            !PyBytes_CheckExact(PyTuple_GET_ITEM(header, 0)) ||
            !PyBytes_CheckExact(PyTuple_GET_ITEM(header, 1))) {
            return false;
        }
    }
    return true;
}

static PyObject *new_answer_handler(PyObject *module, PyObject *args)
{
    (void)module;
    fixed_answer given = {.garbage = {.drop = free_fixed}};
    if (!PyArg_ParseTuple(args, "OOiSO!:new_answer_handler", &given.application, &given.gate,
                          &given.status, &given.body, &PyTuple_Type, &given.headers)) {
        return NULL;
    }
    given.asgi = tp_asgi_from_object(given.application);
    if (given.asgi == NULL) {
        return NULL;
    }
    if (!tp_gate_check(given.gate) || !are_headers(given.headers)) {
        PyErr_SetString(PyExc_TypeError, "a Gate and pairs of bytes are wanted");
        return NULL;
    }
    fixed_answer *made = malloc(sizeof(*made));
    if (made == NULL) {
        return PyErr_NoMemory();
    }
    *made = given;
    Py_INCREF(made->application);
    Py_INCREF(made->gate);
    Py_INCREF(made->body);
    Py_INCREF(made->headers);
    turbo_handler *handler;
    int error = turbo_handler_new_func(run_fixed, made, release_fixed, &handler);
    if (error != 0) {
        free_fixed(&made->garbage);
        return PyErr_NoMemory(); /* its only error for a given function */
    }
    return PyLong_FromVoidPtr(handler);
}

int tp_answer_add_functions(PyObject *module)
{
    static PyMethodDef functions[] = {
        {"new_answer_handler", new_answer_handler, METH_VARARGS,
         "new_answer_handler(application, gate, status, body, headers) -> address"},
        {0},
    };
    return PyModule_AddFunctions(module, functions);
}
