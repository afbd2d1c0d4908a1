/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_COMPAT_H
#define TURBOAPI_COMPAT_H

/*
 * The one place that knows what differs between CPython 3.11 and 3.14, with and without the GIL.
 * Every file of the data plane includes this instead of <Python.h>; public CPython headers only.
 */

#ifndef PY_SSIZE_T_CLEAN
#define PY_SSIZE_T_CLEAN
#endif
#include <Python.h>

#ifdef Py_GIL_DISABLED
#define TP_FREE_THREADED 1
#else
#define TP_FREE_THREADED 0
#endif

/* Guards the insides of a built-in container. Nothing on a build with a GIL. The guarded block may
 * lose the lock for a moment whenever it waits (another critical section, a detach): re-check after
 * that. */
#if TP_FREE_THREADED
#define TP_BEGIN_CRITICAL_SECTION(object) Py_BEGIN_CRITICAL_SECTION(object);
#define TP_END_CRITICAL_SECTION() Py_END_CRITICAL_SECTION()
#else
#define TP_BEGIN_CRITICAL_SECTION(object) {
#define TP_END_CRITICAL_SECTION() }
#endif

/** Element `index` of an exact list as a new reference; NULL, without exception, when the list has
 *  become shorter. Attached threads. */
static inline PyObject *tp_list_item(PyObject *list, Py_ssize_t index)
{
#if TP_FREE_THREADED
    PyObject *item = PyList_GetItemRef(list, index);
    if (item == NULL) {
        PyErr_Clear();
    }
    return item;
#else
    return index < PyList_GET_SIZE(list) ? Py_NewRef(PyList_GET_ITEM(list, index)) : NULL;
#endif
}

/** Looks `key` up in `dict`: 1 and a new reference in `*value`, 0 when it is missing, -1 with an
 *  exception. */
static inline int tp_dict_get(PyObject *dict, PyObject *key, PyObject **value)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyDict_GetItemRef(dict, key, value);
#else
    PyObject *found = PyDict_GetItemWithError(dict, key);
    *value = Py_XNewRef(found);
    return found != NULL ? 1 : PyErr_Occurred() != NULL ? -1 : 0;
#endif
}

/** Takes the current exception, normalised and with its traceback attached, off the thread; NULL
 * when there is none. New reference. */
static inline PyObject *tp_take_exception(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *traceback = NULL;
    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL) {
        return NULL;
    }
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) {
        (void)PyException_SetTraceback(value, traceback); /* fails for non-traceback objects only */
    }
    Py_XDECREF(traceback);
    Py_DECREF(type);
    return value;
#endif
}

/** Declares that `module` does not rely on the GIL, so that importing it leaves the GIL off. */
static inline int tp_module_without_gil(PyObject *module)
{
#if TP_FREE_THREADED
    return PyUnstable_Module_SetGIL(module, Py_MOD_GIL_NOT_USED);
#else
    (void)module;
    return 0;
#endif
}

#endif
