/* SPDX-License-Identifier: MIT */
#include "gate.h"

#include "thread.h"

typedef struct gate_object {
    PyObject_HEAD PyObject *watches; /* tuple of tuples, checked when it was made */
} gate_object;

static PyTypeObject *gate_type;

static bool holds(PyObject *watch)
{
    PyObject *value;
    if (tp_dict_get(PyTuple_GET_ITEM(watch, 0), PyTuple_GET_ITEM(watch, 1), &value) != 1) {
        PyErr_Clear(); /* a name that vanished, or memory: the Python executor copes with either */
        return false;
    }
    bool same = value == PyTuple_GET_ITEM(watch, 2);
    Py_DECREF(value);
    return same;
}

static bool ask(const gate_object *gate)
{
    Py_ssize_t count = PyTuple_GET_SIZE(gate->watches);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!holds(PyTuple_GET_ITEM(gate->watches, i))) {
            return false;
        }
    }
    return true;
}

bool tp_gate_is_open(PyObject *gate)
{
    tp_thread *thread = tp_thread_self();
    if (thread == NULL || !thread->attached) {
        return ask((gate_object *)gate);
    }
    if (thread->gate != gate || thread->gate_attach != thread->attaches) {
        thread->gate_open = ask((gate_object *)gate);
        thread->gate = gate;
        thread->gate_attach = thread->attaches;
    }
    return thread->gate_open;
}

static bool is_watch(PyObject *watch)
{
    return PyTuple_CheckExact(watch) && PyTuple_GET_SIZE(watch) == 3 &&
           PyDict_Check(PyTuple_GET_ITEM(watch, 0)) &&
           PyUnicode_CheckExact(PyTuple_GET_ITEM(watch, 1));
}

static PyObject *gate_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *watches;
    if ((kwargs != NULL && PyDict_Size(kwargs) != 0) ||
        !PyArg_ParseTuple(args, "O!:Gate", &PyTuple_Type, &watches)) {
        if (PyErr_Occurred() == NULL) {
            PyErr_SetString(PyExc_TypeError, "Gate() takes no keyword arguments");
        }
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(watches); i++) {
        if (!is_watch(PyTuple_GET_ITEM(watches, i))) {
            PyErr_SetString(PyExc_TypeError, "a watch is a tuple (dict, str, object)");
            return NULL;
        }
    }
    gate_object *gate = (gate_object *)PyType_GenericAlloc(type, 0);
    if (gate != NULL) {
        gate->watches = Py_NewRef(watches);
    }
    return (PyObject *)gate;
}

static int gate_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((gate_object *)object)->watches);
    return 0;
}

static int gate_clear(PyObject *object)
{
    (void)object; /* the watches stay: a gate that is being collected may still be asked */
    return 0;
}

static void gate_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_DECREF(((gate_object *)object)->watches);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *gate_open(PyObject *object, void *closure)
{
    (void)closure;
    return PyBool_FromLong(ask((gate_object *)object));
}

int tp_gate_add_types(PyObject *module)
{
    static PyGetSetDef members[] = {
        {"open", gate_open, NULL, "Whether every watched name still means the same object.", NULL},
        {0},
    };
    static PyType_Slot slots[] = {
        {Py_tp_doc, (char *)"Gate(watches): open while every dict[name] is the same object."},
        {Py_tp_new, gate_new},
        {Py_tp_traverse, gate_traverse},
        {Py_tp_clear, gate_clear},
        {Py_tp_dealloc, gate_dealloc},
        {Py_tp_getset, members},
        {0, NULL},
    };
    static PyType_Spec spec = {
        .name = "turboapi._native._dataplane.Gate",
        .basicsize = sizeof(gate_object),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
        .slots = slots,
    };
    gate_type = (PyTypeObject *)PyType_FromSpec(&spec);
    return gate_type != NULL ? PyModule_AddObjectRef(module, "Gate", (PyObject *)gate_type) : -1;
}

bool tp_gate_check(PyObject *object)
{
    return Py_TYPE(object) == gate_type;
}
