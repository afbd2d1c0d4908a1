/* SPDX-License-Identifier: MIT */
#include "module.h"

#include <turbo/turbo.h>

#include "asgi.h"
#include "loop.h"

#define MODULE_NAME "turboapi._native._dataplane"

static PyObject *log_error; /* bound method error() of the logger "turboapi.error" */

/* --- logging --- */

void tp_log_exception_object(const char *message, PyObject *exception)
{
    PyObject *args = Py_BuildValue("(s)", message);
    PyObject *kwargs = Py_BuildValue("{sO}", "exc_info", exception);
    PyObject *done = NULL;
    if (args != NULL && kwargs != NULL) {
        done = PyObject_Call(log_error, args, kwargs);
    }
    if (done == NULL) {
        PyErr_WriteUnraisable(log_error); /* the last resort: a broken logging handler */
    }
    Py_XDECREF(done);
    Py_XDECREF(kwargs);
    Py_XDECREF(args);
}

void tp_log_message(const char *message)
{
    PyObject *done = PyObject_CallFunction(log_error, "s", message);
    if (done == NULL) {
        PyErr_WriteUnraisable(log_error); /* the last resort: a broken logging handler */
    }
    Py_XDECREF(done);
}

void tp_log_exception(const char *message)
{
    PyObject *exception = tp_take_exception();
    if (exception != NULL) {
        tp_log_exception_object(message, exception);
        Py_DECREF(exception);
    }
}

static int find_logger(void)
{
    PyObject *logging = PyImport_ImportModule("logging");
    if (logging == NULL) {
        return -1;
    }
    PyObject *logger = PyObject_CallMethod(logging, "getLogger", "s", "turboapi.error");
    Py_DECREF(logging);
    if (logger == NULL) {
        return -1;
    }
    log_error = PyObject_GetAttrString(logger, "error");
    Py_DECREF(logger);
    return log_error != NULL ? 0 : -1;
}

/* --- the module --- */

/* ERRORS: one tuple (name, code, category, text) for each entry of the library's registry. */
static int add_errors(PyObject *module)
{
#define X(name, value, category, text) {#name, value, #category, text},
    static const struct {
        const char *name;
        int code;
        const char *category;
        const char *text;
    } errors[] = {
#include <turbo/errors.def>
    };
#undef X
    Py_ssize_t count = (Py_ssize_t)(sizeof(errors) / sizeof(errors[0]));
    PyObject *list = PyTuple_New(count);
    if (list == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *entry = Py_BuildValue("(siss)", errors[i].name, errors[i].code,
                                        errors[i].category, errors[i].text);
        if (entry == NULL) {
            Py_DECREF(list);
            return -1;
        }
        PyTuple_SET_ITEM(list, i, entry);
    }
    int result = PyModule_AddObjectRef(module, "ERRORS", list);
    Py_DECREF(list);
    return result;
}

static PyObject *make_module(void)
{
    static PyModuleDef definition = {
        PyModuleDef_HEAD_INIT,
        .m_name = MODULE_NAME,
        .m_doc =
            "The data plane: what runs for each request. For the package turboapi._native only.",
        .m_size = -1,
    };
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL) {
        return NULL;
    }
    if (tp_module_without_gil(module) < 0 || find_logger() < 0 || add_errors(module) < 0 ||
        tp_thread_init(module) < 0 || tp_loop_add_types(module) < 0 ||
        tp_asgi_add_types(module) < 0 || tp_native_init(module) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}

static int publish_module(void)
{
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    PyObject *name = PyUnicode_FromString(MODULE_NAME);
    if (name == NULL) {
        return -1;
    }
    int result = PyDict_Contains(modules, name);
    if (result == 0) {
        PyObject *module = make_module();
        result = module != NULL ? PyDict_SetItem(modules, name, module) : -1;
        Py_XDECREF(module);
    }
    Py_DECREF(name);
    return result < 0 ? -1 : 0;
}

int turboapi_dataplane_init(void)
{
    PyGILState_STATE state = PyGILState_Ensure(); /* CFFI has detached the caller */
    int result = publish_module();
    if (result < 0) {
        PyErr_Print(); /* CFFI does not look for exceptions */
    }
    PyGILState_Release(state);
    return result;
}
