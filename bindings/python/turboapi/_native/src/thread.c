/* SPDX-License-Identifier: MIT */
#include "thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "module.h"

#define BUF_MINIMUM 512 /* bytes of the first allocation of a buffer */

struct tp_hold {
    tp_garbage garbage;
    PyObject *object;
};

static _Thread_local tp_thread *self;
static pthread_once_t signals_noted = PTHREAD_ONCE_INIT;
static sigset_t usual_signals;      /* blocked on the thread that made the first server */
static pthread_key_t end_of_thread; /* runs thread_ended() for a slot that is left */
static _Atomic(tp_garbage *) queue; /* a stack: pushed by any thread, emptied as a whole */

int tp_buf_reserve(tp_buf *buf, size_t more)
{
    if (more <= buf->cap - buf->len) {
        return 0;
    }
    size_t cap = buf->cap > BUF_MINIMUM ? buf->cap : BUF_MINIMUM;
    while (cap - buf->len < more) {
        if (cap > SIZE_MAX / 2) {
            return -1;
        }
        cap *= 2;
    }
    char *data = realloc(buf->data, cap);
    if (data == NULL) {
        return -1;
    }
    buf->data = data;
    buf->cap = cap;
    return 0;
}

void tp_buf_free(tp_buf *buf)
{
    free(buf->data);
    *buf = (tp_buf){0};
}

/* --- what must wait for an attached thread --- */

static void enqueue(tp_garbage *garbage)
{
    garbage->next = atomic_load_explicit(&queue, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&queue, &garbage->next, garbage,
                                                  memory_order_release, memory_order_relaxed)) {
    }
}

void tp_garbage_drop(tp_garbage *garbage)
{
    if (tp_attached()) {
        garbage->drop(garbage);
    } else {
        enqueue(garbage);
    }
}

void tp_garbage_drain(void)
{
    if (atomic_load_explicit(&queue, memory_order_relaxed) == NULL) {
        return;
    }
    tp_garbage *garbage = atomic_exchange_explicit(&queue, NULL, memory_order_acquire);
    while (garbage != NULL) {
        tp_garbage *next = garbage->next;
        garbage->drop(garbage);
        garbage = next;
    }
}

static void drop_hold(tp_garbage *garbage)
{
    tp_hold *hold = (tp_hold *)garbage;
    Py_DECREF(hold->object);
    free(hold);
}

tp_hold *tp_hold_new(PyObject *object)
{
    tp_hold *hold = malloc(sizeof(*hold));
    if (hold != NULL) {
        *hold = (tp_hold){.garbage = {.drop = drop_hold}, .object = object};
    }
    return hold;
}

void tp_hold_release(void *hold)
{
    tp_garbage_drop(&((tp_hold *)hold)->garbage);
}

/* --- slots --- */

static void free_slot(tp_garbage *garbage)
{
    tp_thread *thread = (tp_thread *)garbage;
    for (size_t i = 0; thread->keys != NULL && i < TP_KEY_SLOTS; i++) {
        Py_XDECREF(thread->keys[i].text);
    }
    free(thread->keys);
    tp_buf_free(&thread->scratch);
    free(thread);
}

/* A thread that Python made has ended. It is no longer attached, and cannot be. */
static void thread_ended(void *slot)
{
    tp_thread *thread = slot;
    enqueue(&thread->garbage);
}

tp_thread *tp_thread_self(void)
{
    if (self != NULL) {
        return self;
    }
    tp_thread *thread = calloc(1, sizeof(*thread));
    if (thread == NULL) {
        return NULL;
    }
    thread->garbage.drop = free_slot;
    if (pthread_setspecific(end_of_thread, thread) != 0) {
        free(thread);
        return NULL;
    }
    self = thread;
    return thread;
}

/* --- attaching --- */

bool tp_attached(void)
{
    return self != NULL && self->attached;
}

/* PyGILState_Ensure() makes the state; it is never released before the thread stops, so the costly
 * part happens once. Afterwards the state is only swapped in and out. */
static void swap_in(tp_thread *thread)
{
    if (thread->state != NULL) {
        PyEval_RestoreThread(thread->state);
    } else {
        (void)PyGILState_Ensure(); /* unlocked before: see stop_hook() */
        thread->state = PyThreadState_Get();
    }
    thread->attached = true;
    thread->attaches++;
}

int tp_attach(turbo_request *request)
{
    tp_thread *thread = tp_thread_self();
    if (thread == NULL) {
        return -1;
    }
    if (thread->attached) {
        return 0;
    }
    if (request != NULL) {
        turbo_request_lock_wait(request, true);
    }
    swap_in(thread);
    if (request != NULL) {
        turbo_request_lock_wait(request, false);
    }
    tp_garbage_drain();
    return 0;
}

void tp_detach(void)
{
    if (tp_attached()) {
        self->attached = false;
        (void)PyEval_SaveThread(); /* the same state again: it is kept in the slot */
    }
}

/* libturbo's threads block all signals, and processes that a handler starts would inherit that:
 * none could be terminated. Python's handlers only set a flag, so they may run on any thread. */
static void start_hook(void *user_data)
{
    (void)user_data;
    (void)pthread_sigmask(SIG_SETMASK, &usual_signals, NULL); /* a mask that was valid before */
}

static void note_signals(void)
{
    (void)pthread_sigmask(SIG_SETMASK, NULL, &usual_signals); /* only reads it */
}

static void before_wait_hook(void *user_data)
{
    (void)user_data;
    tp_detach();
}

static void stop_hook(void *user_data)
{
    (void)user_data;
    tp_thread *thread = self;
    if (thread == NULL) {
        return;
    }
    if (thread->state != NULL) {
        if (!thread->attached) {
            swap_in(thread);
        }
        tp_garbage_drain();
        (void)pthread_setspecific(end_of_thread, NULL); /* can only fail when setting a value */
        self = NULL;
        free_slot(&thread->garbage);
        PyGILState_Release(PyGILState_UNLOCKED); /* the last one: deletes the state */
    }
}

const turbo_thread_hooks *turboapi_thread_hooks(void)
{
    static const turbo_thread_hooks hooks = {
        .size = sizeof(turbo_thread_hooks),
        .start = start_hook,
        .before_wait = before_wait_hook,
        .stop = stop_hook,
    };
    (void)pthread_once(&signals_noted, note_signals); /* fails for an invalid argument only */
    return &hooks;
}

int tp_thread_init(PyObject *module)
{
    (void)module;
    if (pthread_key_create(&end_of_thread, thread_ended) != 0) {
        PyErr_SetString(PyExc_RuntimeError, "no thread-specific key is left in this process");
        return -1;
    }
    return 0;
}
