/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include "compat.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "carrier.h"

struct tp_loop {
    _Atomic unsigned references;
    _Atomic(tp_job *) inbox; /* newest first; CLOSED once nothing is taken any more */
    int wake_fd;
    unsigned long thread; /* that runs the asyncio loop */
    PyObject *asyncio_loop;
    PyObject *call_soon;
    PyObject *run_deferred; /* what call_soon is given */
    tp_job *deferred;
    tp_job **deferred_end;
    tp_carriers carriers;
};

/* The Python object; made on the loop's thread. */
typedef struct loop_object {
    PyObject_HEAD tp_loop *loop;
} loop_object;

struct tp_loop_release {
    tp_job job;
    tp_loop *loop;
    PyObject *object;
};

static tp_job closed_mark;
#define CLOSED (&closed_mark)

static PyTypeObject *loop_type;

/* --- references ---------------------------------------------------------------------------------
 */

tp_loop *tp_loop_ref(tp_loop *loop)
{
    atomic_fetch_add_explicit(&loop->references, 1, memory_order_relaxed);
    return loop;
}

/* Python's part is given up when the Python object closes; what is left is plain memory. */
void tp_loop_unref(tp_loop *loop)
{
    if (loop == NULL ||
        atomic_fetch_sub_explicit(&loop->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    (void)close(loop->wake_fd); /* an eventfd has nothing to lose */
    free(loop);
}

/* --- jobs ---------------------------------------------------------------------------------------
 */

int tp_loop_submit(tp_loop *loop, tp_job *job)
{
    tp_job *head = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    do {
        if (head == CLOSED) {
            return TURBO_ESTATE;
        }
        job->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&loop->inbox, &head, job, memory_order_acq_rel,
                                                    memory_order_relaxed));
    if (head == NULL) {
        uint64_t one = 1;
        ssize_t written = write(loop->wake_fd, &one, sizeof(one));
        (void)written; /* EAGAIN: it is readable already */
    }
    return 0;
}

static tp_job *reversed(tp_job *newest)
{
    tp_job *oldest = NULL;
    while (newest != NULL) {
        tp_job *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void run_jobs(tp_job *job)
{
    while (job != NULL) {
        tp_job *next = job->next;
        job->run(job);
        job = next;
    }
}

static void run_deferred(tp_loop *loop)
{
    tp_job *job = loop->deferred;
    loop->deferred = NULL;
    loop->deferred_end = &loop->deferred;
    run_jobs(job);
}

static void step_ended(void *user_data)
{
    tp_loop *loop = user_data;
    if (loop->deferred != NULL && loop->carriers.running == 0) {
        run_deferred(loop);
    }
}

static int ask_for_deferred(tp_loop *loop)
{
    PyObject *handle = PyObject_CallOneArg(loop->call_soon, loop->run_deferred);
    if (handle == NULL) {
        PyErr_Clear();
        return TURBO_ENOMEM;
    }
    Py_DECREF(handle);
    return 0;
}

int tp_loop_defer(tp_loop *loop, tp_job *job)
{
    if (loop->asyncio_loop == NULL) {
        return TURBO_ESTATE;
    }
    if (loop->carriers.running == 0 && loop->deferred == NULL && ask_for_deferred(loop) != 0) {
        return TURBO_ENOMEM;
    }
    job->next = NULL;
    *loop->deferred_end = job;
    loop->deferred_end = &job->next;
    return 0;
}

/* --- releasing objects from elsewhere -----------------------------------------------------------
 */

static void free_release(tp_loop_release *release)
{
    Py_DECREF(release->object);
    tp_loop_unref(release->loop);
    free(release);
}

static void release_job(tp_job *job)
{
    free_release((tp_loop_release *)(void *)((char *)job - offsetof(tp_loop_release, job)));
}

tp_loop_release *tp_loop_release_new(tp_loop *loop, PyObject *object)
{
    tp_loop_release *release = malloc(sizeof(*release));
    if (release != NULL) {
        release->job.run = release_job;
        release->loop = tp_loop_ref(loop);
        release->object = Py_NewRef(object);
    }
    return release;
}

void tp_loop_release_run(void *user_data)
{
    tp_loop_release *release = user_data;
    if (tp_loop_submit(release->loop, &release->job) == 0 || !Py_IsInitialized()) {
        return;
    }
    PyGILState_STATE state = PyGILState_Ensure(); /* the loop is closed: rare, so this may cost */
    free_release(release);
    PyGILState_Release(state);
}

void tp_loop_release_discard(tp_loop_release *release)
{
    free_release(release);
}

/* --- coroutines ---------------------------------------------------------------------------------
 */

int tp_loop_start(tp_loop *loop, PyObject *coro, tp_done_fn *done, void *user_data)
{
    if (loop->asyncio_loop == NULL) {
        Py_DECREF(coro);
        return TURBO_ESTATE;
    }
    return tp_carrier_run(&loop->carriers, coro, done, user_data);
}

bool tp_loop_is_current(const tp_loop *loop)
{
    return loop->thread == PyThread_get_thread_ident();
}

PyObject *tp_loop_asyncio(const tp_loop *loop)
{
    return loop->asyncio_loop;
}

PyObject *tp_loop_future(tp_loop *loop)
{
    return PyObject_CallMethod(loop->asyncio_loop, "create_future", NULL);
}

/* --- the Python object --------------------------------------------------------------------------
 */

/* asyncio calls it when the wake descriptor is readable. */
static PyObject *loop_drain(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    tp_loop *loop = ((loop_object *)object)->loop;
    uint64_t count;
    ssize_t got = read(loop->wake_fd, &count, sizeof(count));
    (void)got; /* EAGAIN: somebody read it already */
    tp_job *newest = atomic_load_explicit(&loop->inbox, memory_order_acquire);
    while (newest != CLOSED && newest != NULL &&
           !atomic_compare_exchange_weak_explicit(&loop->inbox, &newest, NULL, memory_order_acq_rel,
                                                  memory_order_acquire)) {
    }
    if (newest != CLOSED && newest != NULL) {
        run_jobs(reversed(newest));
    }
    Py_RETURN_NONE;
}

static PyObject *loop_deferred(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    tp_loop *loop = ((loop_object *)object)->loop;
    if (loop->carriers.running == 0) {
        run_deferred(loop);
    }
    Py_RETURN_NONE;
}

static void forget_python(tp_loop *loop)
{
    tp_carriers_clear(&loop->carriers);
    Py_CLEAR(loop->asyncio_loop);
    Py_CLEAR(loop->call_soon);
    Py_CLEAR(loop->run_deferred);
}

static PyObject *loop_close(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    tp_loop *loop = ((loop_object *)object)->loop;
    tp_job *newest = atomic_exchange_explicit(&loop->inbox, CLOSED, memory_order_acq_rel);
    if (newest == CLOSED) {
        Py_RETURN_NONE;
    }
    PyObject *removed =
        PyObject_CallMethod(loop->asyncio_loop, "remove_reader", "i", loop->wake_fd);
    if (removed == NULL) {
        PyErr_Clear(); /* the asyncio loop is closed already */
    }
    Py_XDECREF(removed);
    run_jobs(reversed(newest)); /* each finds its own end: the loop starts nothing any more */
    run_deferred(loop);
    forget_python(loop);
    Py_RETURN_NONE;
}

static int make_callbacks(loop_object *self)
{
    tp_loop *loop = self->loop;
    loop->call_soon = PyObject_GetAttrString(loop->asyncio_loop, "call_soon");
    /* Bound methods would keep the object alive through the loop: a cycle that close() breaks. */
    loop->run_deferred = PyObject_GetAttrString((PyObject *)self, "_run_deferred");
    PyObject *drain = PyObject_GetAttrString((PyObject *)self, "_drain");
    PyObject *added = NULL;
    if (loop->call_soon != NULL && loop->run_deferred != NULL && drain != NULL) {
        added = PyObject_CallMethod(loop->asyncio_loop, "add_reader", "iO", loop->wake_fd, drain);
    }
    Py_XDECREF(drain);
    Py_XDECREF(added);
    return added != NULL ? 0 : -1;
}

static int fill_loop(loop_object *self, PyObject *asyncio_loop)
{
    tp_loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0) {
        free(loop);
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    atomic_store_explicit(&loop->references, 1, memory_order_relaxed);
    loop->thread = PyThread_get_thread_ident();
    loop->deferred_end = &loop->deferred;
    loop->asyncio_loop = Py_NewRef(asyncio_loop);
    loop->carriers.asyncio_loop = loop->asyncio_loop;
    loop->carriers.step_ended = step_ended;
    loop->carriers.user_data = loop;
    self->loop = loop;
    loop->carriers.context = PyContext_CopyCurrent();
    return loop->carriers.context != NULL ? make_callbacks(self) : -1;
}

static PyObject *loop_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"loop", NULL};
    PyObject *asyncio_loop;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", names, &asyncio_loop)) {
        return NULL;
    }
    loop_object *self = (loop_object *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    if (fill_loop(self, asyncio_loop) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int loop_traverse(PyObject *object, visitproc visit, void *arg)
{
    tp_loop *loop = ((loop_object *)object)->loop;
    Py_VISIT(Py_TYPE(object));
    if (loop != NULL) {
        Py_VISIT(loop->asyncio_loop);
        Py_VISIT(loop->call_soon);
        Py_VISIT(loop->run_deferred);
        Py_VISIT(loop->carriers.context);
        Py_VISIT(loop->carriers.parked);
    }
    return 0;
}

static int loop_clear(PyObject *object)
{
    tp_loop *loop = ((loop_object *)object)->loop;
    if (loop != NULL) {
        atomic_store_explicit(&loop->inbox, CLOSED, memory_order_release);
        forget_python(loop);
    }
    return 0;
}

static void loop_dealloc(PyObject *object)
{
    loop_object *self = (loop_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    (void)loop_clear(object); /* always 0 */
    tp_loop_unref(self->loop);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef loop_methods[] = {
    {"close", loop_close, METH_NOARGS,
     "Takes no more work; what waits is given up. Call it on the loop's thread before the asyncio "
     "loop closes."},
    {"_drain", loop_drain, METH_NOARGS, "Runs what other threads submitted."},
    {"_run_deferred", loop_deferred, METH_NOARGS, "Runs what was put off."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot loop_slots[] = {
    {Py_tp_doc,
     "Loop(loop): lets server threads run coroutines on an asyncio event loop. Make it on "
     "the thread that runs the loop."},
    {Py_tp_new, loop_new},
    {Py_tp_dealloc, loop_dealloc},
    {Py_tp_traverse, loop_traverse},
    {Py_tp_clear, loop_clear},
    {Py_tp_methods, loop_methods},
    {0, NULL},
};

static PyType_Spec loop_spec = {
    .name = "turboapi._native._dataplane.Loop",
    .basicsize = sizeof(loop_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = loop_slots,
};

tp_loop *tp_loop_from_object(PyObject *object)
{
    if (!PyObject_TypeCheck(object, loop_type)) {
        PyErr_Format(PyExc_TypeError, "expected a Loop, got %.100s", Py_TYPE(object)->tp_name);
        return NULL;
    }
    return ((loop_object *)object)->loop;
}

int tp_loop_add_types(PyObject *module)
{
    if (tp_carrier_init() < 0) {
        return -1;
    }
    loop_type = (PyTypeObject *)PyType_FromSpec(&loop_spec);
    return loop_type != NULL ? PyModule_AddType(module, loop_type) : -1;
}
