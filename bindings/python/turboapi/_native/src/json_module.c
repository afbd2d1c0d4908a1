/* SPDX-License-Identifier: MIT */
#include "json_module.h"

#include "json_read.h"
#include "json_text.h"
#include "json_write.h"
#include "thread.h"

static PyObject *json_read(PyObject *module, PyObject *data)
{
    (void)module;
    tp_thread *thread = tp_thread_self();
    if (thread == NULL) {
        return PyErr_NoMemory();
    }
    Py_buffer view;
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    PyObject *value = NULL;
    int result = tp_json_read(thread, view.buf, (size_t)view.len, &value);
    PyBuffer_Release(&view);
    return result == TP_JSON_PASS_ON ? Py_NewRef(Py_NotImplemented) : value;
}

static PyObject *json_write(PyObject *module, PyObject *value)
{
    (void)module;
    tp_buf buf = {0};
    int result = tp_json_write(&buf, value);
    PyObject *written = NULL;
    if (result == TP_JSON_PASS_ON) {
        written = Py_NewRef(Py_NotImplemented);
    } else if (result == TP_JSON_DONE) {
        written = PyBytes_FromStringAndSize(buf.data, (Py_ssize_t)buf.len);
    }
    tp_buf_free(&buf);
    return written;
}

int tp_json_add_functions(PyObject *module)
{
    static PyMethodDef functions[] = {
        {"json_read", json_read, METH_O, "json_read(data) -> value, or NotImplemented"},
        {"json_write", json_write, METH_O, "json_write(value) -> bytes, or NotImplemented"},
        {0},
    };
    return PyModule_AddFunctions(module, functions);
}
