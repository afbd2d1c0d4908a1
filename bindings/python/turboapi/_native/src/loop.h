/* SPDX-License-Identifier: MIT */
#ifndef TP_LOOP_H
#define TP_LOOP_H

/*
 * The bridge between the threads that serve connections and one asyncio event loop.
 *
 * A `tp_loop` belongs to the Python object `Loop`, made on the thread that runs the asyncio loop.
 * Work reaches it from any thread as jobs; coroutines are driven on it without a task of their own
 * as long as they do not suspend. "Loop's thread" below means: the thread that runs the asyncio
 * loop, attached to the interpreter, no exception set.
 */

#include <Python.h>
#include <stdbool.h>

#include <turbo/turbo.h>

/** Embedded in whatever is to be done on the loop's thread. Owned by the submitter and borrowed by
 *  the loop until `run` is called, which may free it. */
typedef struct tp_job {
    struct tp_job *next;
    void (*run)(struct tp_job *job);
} tp_job;

/** One per asyncio loop that serves. Reference-counted; see tp_loop_ref(). */
typedef struct tp_loop tp_loop;

/** Called once when a coroutine given to tp_loop_start() has ended. `result` is borrowed; NULL: an
 *  exception is set and the callee takes it (PyErr_Fetch and the like). Must leave no exception
 * set. Loop's thread. */
typedef void tp_done_fn(void *user_data, PyObject *result);

/** The loop inside a Python `Loop` object, borrowed from it, or NULL with TypeError set.
 *  Attached thread. */
tp_loop *tp_loop_from_object(PyObject *object);

/** Takes or gives back a reference. The memory of a tp_loop outlives the Python object as long as
 *  references exist; jobs can then no longer be submitted. Any thread, attached or not. */
tp_loop *tp_loop_ref(tp_loop *loop);
void tp_loop_unref(tp_loop *loop);

/** Has `job->run` called on the loop's thread, in the order of submission. Lock-free; wakes the
 * loop only if nothing was waiting. Any thread, attached or not. Errors: TURBO_ESTATE (the loop was
 * closed: `job` stays the caller's). */
int tp_loop_submit(tp_loop *loop, tp_job *job);

/** Has `job->run` called on the loop's thread as soon as the running step of a coroutine has ended
 *  (suspended or finished), or in the next iteration of the loop when none is running. Loop's
 *  thread. Errors: TURBO_ENOMEM, TURBO_ESTATE: `job` stays the caller's, no exception is set. */
int tp_loop_defer(tp_loop *loop, tp_job *job);

/** Gives up a reference to `object` (taken) from a thread that is not attached, soon, on the loop's
 *  thread. `job` is memory for the purpose, see tp_loop_release_new(). */
typedef struct tp_loop_release tp_loop_release;

/** Makes the user data for tp_loop_release_run(), with a new reference to `object` and to `loop`.
 * Attached thread. NULL without exception when out of memory. */
tp_loop_release *tp_loop_release_new(tp_loop *loop, PyObject *object);

/** A turbo_release_fn: gives the references of a tp_loop_release back, on the loop's thread. Any
 *  thread. */
void tp_loop_release_run(void *release);

/** Undoes tp_loop_release_new() when the library refused the memory. Attached thread. */
void tp_loop_release_discard(tp_loop_release *release);

/** Runs `coro` (taken: a coroutine or another awaitable) until it ends and calls `done`. One that
 *  does not suspend ends, and has `done` called, before this returns. Inside,
 * asyncio.current_task() is a real asyncio.Task and the contextvars context is a fresh copy of the
 * one the `Loop` was made in. Loop's thread. Errors (`done` is not called, no exception is left
 * set): TURBO_ENOMEM, TURBO_ESTATE (loop closed), TURBO_EHANDLER (asyncio refused; the reason went
 * to sys.unraisablehook). */
int tp_loop_start(tp_loop *loop, PyObject *coro, tp_done_fn *done, void *user_data);

/** Whether the caller is on the loop's thread. Any thread. */
bool tp_loop_is_current(const tp_loop *loop);

/** The asyncio loop, borrowed. Loop's thread. */
PyObject *tp_loop_asyncio(const tp_loop *loop);

/** A new asyncio future of the loop, or NULL with an exception set. Loop's thread. */
PyObject *tp_loop_future(tp_loop *loop);

/** Adds type `Loop` to the extension module, once, while it is imported. -1 with an exception set
 *  on failure. */
int tp_loop_add_types(PyObject *module);

#endif
