/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_SCOPE_H
#define TURBOAPI_SCOPE_H

/* Builds the ASGI connection scope of a request. Attached threads. */

#include "compat.h"

#include <turbo/turbo.h>

/** A template for scopes: every key in its place, with the values that never change. New reference,
 * or NULL with an exception set. */
PyObject *tp_scope_template(PyObject *root_path);

/** The scope of `request`: a copy of `template` filled in. `root_path` is prepended to the path, as
 *  uvicorn does. `state` (may be NULL) is copied. New reference, or NULL with an exception set. */
PyObject *tp_scope_new(PyObject *template, turbo_request *request, PyObject *root_path,
                       PyObject *state);

/** Interns keys and common header names; once per process. -1 with an exception set. */
int tp_scope_init(void);

#endif
