/* SPDX-License-Identifier: MIT */
#include "carrier.h"

#include <stddef.h>

typedef enum phase {
    PHASE_NEW,     /* its task has not made its first step */
    PHASE_PARKED,  /* its task waits for `idle` */
    PHASE_ADOPTED, /* has a suspended coroutine; the task does not know yet what it waits for */
    PHASE_RUNNING, /* is that coroutine's task */
    PHASE_ENDED
} phase;

/* The coroutine-like object inside a carrier's task. Owned by the task and, while parked, by the
 * loop. */
typedef struct carrier {
    PyObject_HEAD phase phase;
    tp_carriers *carriers; /* lives as long as the loop; NULL once the loop is gone */
    PyObject *task;
    PyObject *idle; /* the future that a parked task waits for */
    PyObject *coro;
    PyObject *context; /* the coroutine's */
    PyObject *awaited; /* what the coroutine yielded in its first step */
    bool marked;       /* … a future that was marked as awaited, not yielded by mistake */
    tp_done_fn *done;
    void *user_data;
} carrier;

static PyTypeObject *carrier_type;
static PyObject *task_class;
static PyObject *enter_task;
static PyObject *leave_task;
static PyObject *weakref_count;
static PyObject *name_blocking;
static PyObject *name_create_future;
static PyObject *name_set_result;
static PyObject *name_cancel;
static PyObject *name_cancelling;
static PyObject *name_callbacks;
static PyObject *name_done;
static PyObject *name_throw;
static PyObject *name_close;
static PyObject *name_loop;

/* --- steps of a coroutine -----------------------------------------------------------------------
 */

/* Turns a StopIteration that is set into the value that the coroutine returned. */
static int take_return_value(PyObject **result)
{
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) {
        return 0;
    }
    PyObject *stop = tp_take_exception();
    *result = stop != NULL ? Py_NewRef(((PyStopIterationObject *)stop)->value) : NULL;
    Py_XDECREF(stop);
    return *result != NULL;
}

/* One step in the coroutine's own context. `error` (borrowed): thrown in instead of sending None.
 */
static PySendResult step(carrier *self, PyObject *value, PyObject *error, PyObject **result)
{
    *result = NULL;
    if (PyContext_Enter(self->context) < 0) {
        return PYGEN_ERROR;
    }
    PySendResult state;
    if (error == NULL) {
        state = PyIter_Send(self->coro, value, result);
    } else {
        *result = PyObject_CallMethodOneArg(self->coro, name_throw, error);
        state = *result != NULL ? PYGEN_NEXT : PYGEN_ERROR;
        if (*result == NULL && take_return_value(result)) {
            state = PYGEN_RETURN;
        }
    }
    PyObject *raised = state == PYGEN_ERROR ? tp_take_exception() : NULL;
    if (PyContext_Exit(self->context) < 0) {
        PyErr_WriteUnraisable((PyObject *)self);
    }
    if (raised != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(raised), raised);
        Py_DECREF(raised);
    }
    return state;
}

/* The coroutine has ended: tells whoever started it and lets go of it. An exception is set if
 * `result` is NULL. */
static void conclude(carrier *self, PyObject *result)
{
    tp_done_fn *done = self->done;
    void *user_data = self->user_data;
    self->done = NULL;
    if (done != NULL) {
        done(user_data, result);
    }
    PyErr_Clear();
    Py_CLEAR(self->coro);
    Py_CLEAR(self->context);
    Py_CLEAR(self->awaited);
}

static void begin_step(carrier *self)
{
    if (self->carriers != NULL) {
        self->carriers->running++;
    }
}

static void end_step(carrier *self)
{
    tp_carriers *carriers = self->carriers;
    if (carriers != NULL) {
        carriers->running--;
        carriers->step_ended(carriers->user_data);
    }
}

/* A step of a coroutine whose task this carrier has become. */
static PySendResult step_as_task(carrier *self, PyObject *value, PyObject *error, PyObject **result)
{
    begin_step(self);
    PySendResult state = step(self, value, error, result);
    if (state == PYGEN_NEXT) {
        end_step(self);
        return state;
    }
    self->phase = PHASE_ENDED;
    conclude(self, state == PYGEN_RETURN ? *result : NULL);
    Py_XDECREF(*result);
    *result = Py_NewRef(Py_None); /* the task's own result is of no interest */
    Py_CLEAR(self->task);
    end_step(self);
    return PYGEN_RETURN;
}

/* --- the coroutine protocol, called by the task -------------------------------------------------
 */

static PySendResult park(carrier *self, PyObject **result)
{
    if (PyObject_SetAttr(self->idle, name_blocking, Py_True) < 0) {
        return PYGEN_ERROR;
    }
    self->phase = PHASE_PARKED;
    *result = Py_NewRef(self->idle);
    return PYGEN_NEXT;
}

static PySendResult adopt(carrier *self, PyObject **result)
{
    self->phase = PHASE_RUNNING;
    *result = self->awaited;
    self->awaited = NULL;
    if (self->marked && PyObject_SetAttr(*result, name_blocking, Py_True) < 0) {
        PyErr_Clear(); /* then the task says what it thinks of it */
    }
    return PYGEN_NEXT;
}

static PySendResult carrier_send(PyObject *object, PyObject *value, PyObject **result)
{
    carrier *self = (carrier *)object;
    switch (self->phase) {
    case PHASE_NEW:
        return park(self, result);
    case PHASE_ADOPTED:
        return adopt(self, result);
    case PHASE_RUNNING:
        return step_as_task(self, value, NULL, result);
    default: /* parked and woken: the loop is closing */
        self->phase = PHASE_ENDED;
        Py_CLEAR(self->task);
        *result = Py_NewRef(Py_None);
        return PYGEN_RETURN;
    }
}

/* The task was cancelled, with `error`, before it knew what its coroutine waits for: cancels that,
 * like a task would, and says whether the cancellation will come back from there. */
static int cancel_awaited(carrier *self, PyObject *error)
{
    PyObject *args = PyObject_GetAttrString(error, "args");
    PyObject *cancel = args != NULL ? PyObject_GetAttr(self->awaited, name_cancel) : NULL;
    PyObject *cancelled = cancel != NULL ? PyObject_CallObject(cancel, args) : NULL;
    Py_XDECREF(args); /* its message, if it has one */
    Py_XDECREF(cancel);
    if (cancelled == NULL) {
        PyErr_Clear(); /* something that cannot be cancelled */
        return 0;
    }
    int yes = PyObject_IsTrue(cancelled);
    Py_DECREF(cancelled);
    return yes > 0;
}

static PySendResult throw_in(carrier *self, PyObject *error, PyObject **result)
{
    switch (self->phase) {
    case PHASE_ADOPTED:
        if (self->awaited != Py_None && cancel_awaited(self, error)) {
            return adopt(self, result);
        }
        self->phase = PHASE_RUNNING;
        Py_CLEAR(self->awaited);
        return step_as_task(self, Py_None, error, result);
    case PHASE_RUNNING:
        return step_as_task(self, Py_None, error, result);
    default:
        if (self->carriers != NULL && self->carriers->parked == (PyObject *)self) {
            Py_CLEAR(self->carriers->parked); /* one reference is still the task's */
        }
        self->phase = PHASE_ENDED;
        Py_CLEAR(self->task);
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        return PYGEN_ERROR;
    }
}

static PyObject *as_iteration(PySendResult state, PyObject *result)
{
    if (state == PYGEN_RETURN) {
        PyErr_SetObject(PyExc_StopIteration, result != Py_None ? result : NULL);
        Py_XDECREF(result);
        return NULL;
    }
    return result;
}

static PyObject *method_send(PyObject *object, PyObject *value)
{
    PyObject *result = NULL;
    PySendResult state = carrier_send(object, value, &result);
    return as_iteration(state, result);
}

static PyObject *next_step(PyObject *object)
{
    return method_send(object, Py_None);
}

static PyObject *method_throw(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "throw() needs an exception");
        return NULL;
    }
    PyObject *error = args[0]; /* throw(value), or the older throw(type, value, traceback) */
    PyObject *made = NULL;
    if (PyExceptionClass_Check(error)) {
        error = count > 1 && args[1] != Py_None ? args[1] : NULL;
        if (error == NULL || !PyExceptionInstance_Check(error)) {
            made =
                error == NULL ? PyObject_CallNoArgs(args[0]) : PyObject_CallOneArg(args[0], error);
            error = made;
        }
    }
    if (error == NULL || !PyExceptionInstance_Check(error)) {
        Py_XDECREF(made);
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "exceptions must derive from BaseException");
        }
        return NULL;
    }
    Py_INCREF(object); /* the task may let go of it meanwhile */
    PyObject *result = NULL;
    PySendResult state = throw_in((carrier *)object, error, &result);
    Py_XDECREF(made);
    result = as_iteration(state, result);
    Py_DECREF(object);
    return result;
}

static PyObject *method_close(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    carrier *self = (carrier *)object;
    self->phase = PHASE_ENDED;
    if (self->coro == NULL) {
        Py_RETURN_NONE;
    }
    PyObject *closed = PyObject_CallMethodNoArgs(self->coro, name_close);
    if (closed == NULL) {
        conclude(self, NULL);
        Py_RETURN_NONE;
    }
    Py_DECREF(closed);
    PyErr_SetString(PyExc_RuntimeError,
                    "the event loop was closed before the request was answered");
    conclude(self, NULL);
    Py_RETURN_NONE;
}

static PyObject *method_await(PyObject *object)
{
    return Py_NewRef(object);
}

static int carrier_traverse(PyObject *object, visitproc visit, void *arg)
{
    carrier *self = (carrier *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->task);
    Py_VISIT(self->idle);
    Py_VISIT(self->coro);
    Py_VISIT(self->context);
    Py_VISIT(self->awaited);
    return 0;
}

static int carrier_clear(PyObject *object)
{
    carrier *self = (carrier *)object;
    Py_CLEAR(self->task);
    Py_CLEAR(self->idle);
    Py_CLEAR(self->coro);
    Py_CLEAR(self->context);
    Py_CLEAR(self->awaited);
    return 0;
}

static void carrier_dealloc(PyObject *object)
{
    carrier *self = (carrier *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->done != NULL) { /* never finished, never closed: the starter must still hear of it */
        PyErr_SetString(PyExc_RuntimeError, "the coroutine was dropped before it finished");
        conclude(self, NULL);
    }
    (void)carrier_clear(object); /* always 0 */
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef carrier_methods[] = {
    {"send", method_send, METH_O, "Goes on with the coroutine that is carried."},
    {"throw", (PyCFunction)(void (*)(void))method_throw, METH_FASTCALL, "Throws into it."},
    {"close", method_close, METH_NOARGS, "Closes it."},
    {NULL, NULL, 0, NULL},
};

static PyObject *get_busy(PyObject *object, void *closure)
{
    (void)closure;
    const carrier *self = (carrier *)object;
    return PyBool_FromLong(self->phase == PHASE_ADOPTED || self->phase == PHASE_RUNNING);
}

static PyGetSetDef carrier_members[] = {
    {"busy", get_busy, NULL, "Whether a coroutine that has suspended is carried.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot carrier_slots[] = {
    {Py_tp_doc, "The coroutine inside a carrier task."},
    {Py_tp_dealloc, carrier_dealloc},
    {Py_tp_traverse, carrier_traverse},
    {Py_tp_clear, carrier_clear},
    {Py_tp_methods, carrier_methods},
    {Py_tp_getset, carrier_members},
    {Py_am_send, carrier_send},
    {Py_am_await, method_await},
    {Py_tp_iter, method_await},
    {Py_tp_iternext, next_step},
    {0, NULL},
};

static PyType_Spec carrier_spec = {
    .name = "turboapi._native._dataplane.Carrier",
    .basicsize = sizeof(carrier),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = carrier_slots,
};

/* --- making and keeping carriers ----------------------------------------------------------------
 */

static PyObject *make_task(PyObject *coroutine, PyObject *asyncio_loop)
{
    PyObject *args[] = {coroutine, asyncio_loop};
    PyObject *names = PyTuple_Pack(1, name_loop);
    if (names == NULL) {
        return NULL;
    }
    PyObject *task = PyObject_Vectorcall(task_class, args, 1, names);
    Py_DECREF(names);
    return task;
}

static carrier *new_carrier(tp_carriers *carriers)
{
    carrier *self = PyObject_GC_New(carrier, carrier_type);
    if (self == NULL) {
        return NULL;
    }
    size_t head = offsetof(carrier, phase);
    memset((char *)self + head, 0, sizeof(*self) - head);
    self->carriers = carriers;
    PyObject_GC_Track((PyObject *)self);
    self->idle = PyObject_CallMethodNoArgs(carriers->asyncio_loop, name_create_future);
    if (self->idle != NULL) {
        self->task = make_task((PyObject *)self, carriers->asyncio_loop);
    }
    if (self->task == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return self;
}

static carrier *take_carrier(tp_carriers *carriers)
{
    carrier *self = (carrier *)carriers->parked;
    carriers->parked = NULL;
    return self != NULL ? self : new_carrier(carriers);
}

/* What can be seen of a task from outside; compared before and after a coroutine ran on it. */
typedef struct traces {
    Py_ssize_t references;
    long weak_references;
} traces;

static int look(const carrier *self, traces *out)
{
    PyObject *count = PyObject_CallOneArg(weakref_count, self->task);
    if (count == NULL) {
        return -1;
    }
    out->weak_references = PyLong_AsLong(count);
    Py_DECREF(count);
    out->references = Py_REFCNT(self->task);
    return 0;
}

static int is_zero(PyObject *number)
{
    if (number == NULL) {
        return -1;
    }
    int truth = PyObject_IsTrue(number);
    Py_DECREF(number);
    return truth < 0 ? -1 : truth == 0;
}

/* Whether the coroutine that just finished left nothing behind on the task: no reference, weak
 * reference, cancellation or callback that the next coroutine would inherit. */
static int is_clean(carrier *self, const traces *before)
{
    traces after;
    if (look(self, &after) < 0) {
        return -1;
    }
    if (after.references != before->references ||
        after.weak_references != before->weak_references) {
        return 0;
    }
    int clean = is_zero(PyObject_CallMethodNoArgs(self->task, name_cancelling));
    if (clean == 1) {
        clean = is_zero(PyObject_CallMethodNoArgs(self->idle, name_done));
    }
    if (clean == 1) {
        clean = is_zero(PyObject_GetAttr(self->task, name_callbacks));
    }
    return clean;
}

static void wake(carrier *self)
{
    PyObject *done = PyObject_CallMethodOneArg(self->idle, name_set_result, Py_None);
    if (done == NULL) { /* cancelled already: the task wakes up all the same */
        PyErr_Clear();
    }
    Py_XDECREF(done);
}

/* Its task ends; nobody will be carried by it again. */
static void retire(carrier *self)
{
    if (self->phase == PHASE_PARKED) {
        self->phase = PHASE_ENDED;
        wake(self);
    } else {
        self->phase = PHASE_ENDED;
    }
}

static void keep_or_retire(tp_carriers *carriers, carrier *self, const traces *before)
{
    int clean = is_clean(self, before);
    if (clean < 0) {
        PyErr_Clear(); /* cannot tell: not worth the risk */
    }
    if (clean == 1 && carriers->parked == NULL) {
        carriers->parked = (PyObject *)self;
        return;
    }
    retire(self);
    Py_DECREF(self);
}

static int call_with_task(PyObject *function, const tp_carriers *carriers, const carrier *self)
{
    PyObject *args[] = {carriers->asyncio_loop, self->task};
    PyObject *done = PyObject_Vectorcall(function, args, 2, NULL);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}

/* The first step, with the carrier's task as the current one. */
static PySendResult first_step(tp_carriers *carriers, carrier *self, PyObject **result)
{
    if (call_with_task(enter_task, carriers, self) < 0) {
        return PYGEN_ERROR;
    }
    carriers->running++;
    PySendResult state = step(self, Py_None, NULL, result);
    carriers->running--;
    PyObject *raised = state == PYGEN_ERROR ? tp_take_exception() : NULL;
    if (call_with_task(leave_task, carriers, self) < 0) {
        PyErr_WriteUnraisable(self->task);
    }
    if (raised != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(raised), raised);
        Py_DECREF(raised);
    }
    return state;
}

static int fail_start(carrier *self, PyObject *coro)
{
    PyErr_WriteUnraisable(coro);
    if (self != NULL) {
        self->done = NULL;
        Py_CLEAR(self->coro);
        Py_CLEAR(self->context);
        retire(self);
        Py_DECREF(self);
    }
    return TURBO_EHANDLER;
}

/* Takes the mark off that asyncio's `await` put on a future, so that others may await it meanwhile.
 * Whether there was one. */
static bool unmark(PyObject *future)
{
    PyObject *mark = future != Py_None ? PyObject_GetAttr(future, name_blocking) : NULL;
    bool marked = mark == Py_True && PyObject_SetAttr(future, name_blocking, Py_False) == 0;
    Py_XDECREF(mark);
    PyErr_Clear();
    return marked;
}

int tp_carrier_run(tp_carriers *carriers, PyObject *coro, tp_done_fn *done, void *user_data)
{
    carrier *self = take_carrier(carriers);
    traces before;
    if (self == NULL || look(self, &before) < 0) {
        int error = fail_start(self, coro);
        Py_DECREF(coro);
        return error;
    }
    self->coro = coro;
    self->done = done;
    self->user_data = user_data;
    self->context = PyContext_Copy(carriers->context);
    if (self->context == NULL) {
        return fail_start(self, coro);
    }
    PyObject *result = NULL;
    PySendResult state = first_step(carriers, self, &result);
    if (state == PYGEN_NEXT) {
        int parked = self->phase == PHASE_PARKED;
        self->awaited = result;
        self->marked = unmark(result);
        self->phase = PHASE_ADOPTED;
        if (parked) {
            wake(self);
        }
        Py_DECREF(self); /* its task keeps it */
    } else {
        conclude(self, state == PYGEN_RETURN ? result : NULL);
        Py_XDECREF(result);
        keep_or_retire(carriers, self, &before);
    }
    carriers->step_ended(carriers->user_data);
    return 0;
}

void tp_carriers_clear(tp_carriers *carriers)
{
    carrier *self = (carrier *)carriers->parked;
    carriers->parked = NULL;
    if (self != NULL) {
        retire(self);
        self->carriers = NULL;
        Py_DECREF(self);
    }
    Py_CLEAR(carriers->context);
}

/* --- set-up -------------------------------------------------------------------------------------
 */

static int intern(PyObject **name, const char *text)
{
    *name = PyUnicode_InternFromString(text);
    return *name != NULL ? 0 : -1;
}

static int intern_all(void)
{
    return intern(&name_blocking, "_asyncio_future_blocking") |
           intern(&name_create_future, "create_future") | intern(&name_set_result, "set_result") |
           intern(&name_cancel, "cancel") | intern(&name_cancelling, "cancelling") |
           intern(&name_callbacks, "_callbacks") | intern(&name_done, "done") |
           intern(&name_throw, "throw") | intern(&name_close, "close") | intern(&name_loop, "loop");
}

static PyObject *import_from(const char *module, const char *name)
{
    PyObject *imported = PyImport_ImportModule(module);
    PyObject *value = imported != NULL ? PyObject_GetAttrString(imported, name) : NULL;
    Py_XDECREF(imported);
    return value;
}

/* asyncio takes only what is registered as a Coroutine. */
static int register_type(void)
{
    PyObject *base = import_from("collections.abc", "Coroutine");
    PyObject *done =
        base != NULL ? PyObject_CallMethod(base, "register", "O", (PyObject *)carrier_type) : NULL;
    Py_XDECREF(base);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}

int tp_carrier_init(void)
{
    if (carrier_type != NULL) {
        return 0;
    }
    if (intern_all() != 0) {
        return -1;
    }
    task_class = import_from("asyncio", "Task");
    enter_task = import_from("asyncio.tasks", "_enter_task");
    leave_task = import_from("asyncio.tasks", "_leave_task");
    weakref_count = import_from("weakref", "getweakrefcount");
    if (task_class == NULL || enter_task == NULL || leave_task == NULL || weakref_count == NULL) {
        return -1;
    }
    carrier_type = (PyTypeObject *)PyType_FromSpec(&carrier_spec);
    return carrier_type != NULL ? register_type() : -1;
}
