/* SPDX-License-Identifier: MIT */
#include "awaitable.h"

#include <stddef.h>

typedef struct awaitable {
    PyObject_HEAD PyObject *value; /* the result of a ready one */
    PyObject *error;               /* or the exception that it raises */
    PyObject *future;              /* or what it waits for … */
    PyObject *steps;               /* … and the iterator over that */
} awaitable;

static PyTypeObject *awaitable_type;
static PyObject *name_throw;
static PyObject *name_await;

static awaitable *make(void)
{
    awaitable *self = PyObject_GC_New(awaitable, awaitable_type);
    if (self != NULL) {
        self->value = NULL;
        self->error = NULL;
        self->future = NULL;
        self->steps = NULL;
        PyObject_GC_Track((PyObject *)self);
    }
    return self;
}

PyObject *tp_awaitable_ready(PyObject *value)
{
    awaitable *self = value != NULL ? make() : NULL;
    if (self == NULL) {
        Py_XDECREF(value);
        return NULL;
    }
    self->value = value;
    return (PyObject *)self;
}

PyObject *tp_awaitable_future(PyObject *future)
{
    awaitable *self = future != NULL ? make() : NULL;
    if (self == NULL) {
        Py_XDECREF(future);
        return NULL;
    }
    self->future = future;
    return (PyObject *)self;
}

PyObject *tp_awaitable_error(void)
{
    PyObject *error = tp_take_exception();
    awaitable *self = make();
    if (self == NULL) {
        Py_XDECREF(error);
        return NULL;
    }
    self->error = error;
    return (PyObject *)self;
}

static int open_steps(awaitable *self)
{
    if (self->steps == NULL && self->future != NULL) {
        self->steps = PyObject_CallMethodNoArgs(self->future, name_await);
        return self->steps != NULL ? 0 : -1;
    }
    return 0;
}

static PySendResult awaitable_send(PyObject *object, PyObject *value, PyObject **result)
{
    awaitable *self = (awaitable *)object;
    *result = NULL;
    if (self->value != NULL) {
        *result = self->value;
        self->value = NULL;
        return PYGEN_RETURN;
    }
    if (self->error != NULL) {
        PyObject *error = self->error;
        self->error = NULL;
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
        return PYGEN_ERROR;
    }
    if (open_steps(self) < 0) {
        return PYGEN_ERROR;
    }
    if (self->steps == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse an awaited receive() or send()");
        return PYGEN_ERROR;
    }
    return PyIter_Send(self->steps, value, result);
}

static PyObject *as_iteration(PySendResult state, PyObject *result)
{
    if (state == PYGEN_RETURN) {
        /* An instance, so that a result that is a tuple or an exception stays one value. */
        PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, result);
        Py_DECREF(result);
        if (stop != NULL) {
            PyErr_SetObject(PyExc_StopIteration, stop);
            Py_DECREF(stop);
        }
        return NULL;
    }
    return result;
}

static PyObject *method_send(PyObject *object, PyObject *value)
{
    PyObject *result = NULL;
    PySendResult state = awaitable_send(object, value, &result);
    return as_iteration(state, result);
}

static PyObject *next_step(PyObject *object)
{
    return method_send(object, Py_None);
}

static PyObject *method_throw(PyObject *object, PyObject *args)
{
    awaitable *self = (awaitable *)object;
    if (self->future != NULL && open_steps(self) == 0) {
        PyObject *throw = PyObject_GetAttr(self->steps, name_throw);
        PyObject *result = throw != NULL ? PyObject_Call(throw, args, NULL) : NULL;
        Py_XDECREF(throw);
        return result;
    }
    PyObject *error = PyTuple_GET_SIZE(args) > 0 ? PyTuple_GET_ITEM(args, 0) : NULL;
    if (error != NULL && PyExceptionInstance_Check(error)) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    } else if (error != NULL && PyExceptionClass_Check(error)) {
        PyErr_SetObject(error, PyTuple_GET_SIZE(args) > 1 ? PyTuple_GET_ITEM(args, 1) : NULL);
    } else {
        PyErr_SetString(PyExc_TypeError, "exceptions must derive from BaseException");
    }
    return NULL;
}

static PyObject *method_close(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    awaitable *self = (awaitable *)object;
    Py_CLEAR(self->value);
    Py_CLEAR(self->error);
    Py_CLEAR(self->steps);
    Py_CLEAR(self->future);
    Py_RETURN_NONE;
}

static PyObject *itself(PyObject *object)
{
    return Py_NewRef(object);
}

static int awaitable_traverse(PyObject *object, visitproc visit, void *arg)
{
    awaitable *self = (awaitable *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->value);
    Py_VISIT(self->error);
    Py_VISIT(self->future);
    Py_VISIT(self->steps);
    return 0;
}

static int awaitable_clear(PyObject *object)
{
    PyObject *none = method_close(object, NULL);
    Py_DECREF(none);
    return 0;
}

static void awaitable_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    (void)awaitable_clear(object); /* always 0 */
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef awaitable_methods[] = {
    {"send", method_send, METH_O, "Goes on; StopIteration carries the result."},
    {"throw", method_throw, METH_VARARGS, "Throws into what is waited for."},
    {"close", method_close, METH_NOARGS, "Gives up."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot awaitable_slots[] = {
    {Py_tp_doc, "The result of receive() or send(); await it once."},
    {Py_tp_dealloc, awaitable_dealloc},
    {Py_tp_traverse, awaitable_traverse},
    {Py_tp_clear, awaitable_clear},
    {Py_tp_methods, awaitable_methods},
    {Py_am_send, awaitable_send},
    {Py_am_await, itself},
    {Py_tp_iter, itself},
    {Py_tp_iternext, next_step},
    {0, NULL},
};

static PyType_Spec awaitable_spec = {
    .name = "turboapi._native._dataplane.Awaitable",
    .basicsize = sizeof(awaitable),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = awaitable_slots,
};

int tp_awaitable_init(void)
{
    if (awaitable_type != NULL) {
        return 0;
    }
    name_throw = PyUnicode_InternFromString("throw");
    name_await = PyUnicode_InternFromString("__await__");
    awaitable_type = (PyTypeObject *)PyType_FromSpec(&awaitable_spec);
    if (name_throw == NULL || name_await == NULL || awaitable_type == NULL) {
        return -1;
    }
    PyObject *module = PyImport_ImportModule("collections.abc");
    PyObject *base = module != NULL ? PyObject_GetAttrString(module, "Coroutine") : NULL;
    PyObject *done = base != NULL
                         ? PyObject_CallMethod(base, "register", "O", (PyObject *)awaitable_type)
                         : NULL;
    Py_XDECREF(module);
    Py_XDECREF(base);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}
