/* SPDX-License-Identifier: MIT */
#ifndef TP_ASGI_H
#define TP_ASGI_H

/*
 * Hosting of ASGI 3 applications: turns a request into scope, receive and send, on an asyncio loop.
 *
 * Python sees the type `Application(loop, app, *, root_path="", state=None)`; it is immutable once
 * made and any number of routes and servers may share it.
 */

#include <Python.h>

#include <turbo/turbo.h>

#include "loop.h"

/** An ASGI application and the loop it runs on: the C side of the Python object `Application`. */
typedef struct tp_asgi tp_asgi;

/** The entry inside an `Application` object, borrowed from it, or NULL with TypeError set. It lives
 *  as long as the object. Attached thread. */
tp_asgi *tp_asgi_from_object(PyObject *object);

/** Makes a handler that keeps a reference to `object`, an `Application`. Register it with
 *  `stream_body` and `no_body_limit`, so that the application reads the body at its own pace.
 *  Attached thread. Returns 0 or a negative TURBO_E* code; no exception is set.
 *  Errors: TURBO_EINVAL (no Application), TURBO_ENOMEM. */
int tp_asgi_new_handler(PyObject *object, turbo_handler **out);

/** Hands a request over to the application, with `scope["turboapi.outcome"] = outcome` when
 * `outcome` (taken, whatever is returned) is not NULL. Callable from a handler, or while its
 * response is pending, before anything of the body was read or of the response was sent; status,
 * headers and body that were put into `response` are ignored only if none were: leave it untouched.
 *  Any thread; attached when `outcome` is not NULL.
 *  Returns TURBO_PENDING: request and response are the application's now; or an error, and they
 *  stay the caller's: TURBO_ENOMEM, TURBO_ESTATE (loop closed). */
int tp_asgi_submit(tp_asgi *entry, turbo_request *request, turbo_response *response,
                   PyObject *outcome);

/** Adds type `Application` to the extension module, once, while it is imported. -1 with an
 *  exception set on failure. */
int tp_asgi_add_types(PyObject *module);

#endif
