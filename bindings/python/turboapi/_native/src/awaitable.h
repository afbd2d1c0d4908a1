/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_AWAITABLE_H
#define TURBOAPI_AWAITABLE_H

/*
 * What receive() and send() of an ASGI application return: an object that can be awaited once, and
 * that asyncio also takes as a coroutine (create_task()). Loop's thread.
 */

#include "compat.h"

/** Ready: awaiting it gives `value` (taken) without suspending. NULL with an exception set when out
 * of memory or when `value` is NULL. */
PyObject *tp_awaitable_ready(PyObject *value);

/** Waits for `future` (taken), an asyncio future, and gives its result. */
PyObject *tp_awaitable_future(PyObject *future);

/** Raises the exception that is set, taken, when it is awaited. */
PyObject *tp_awaitable_error(void);

/** Makes the type; once per process. -1 with an exception set. */
int tp_awaitable_init(void);

#endif
