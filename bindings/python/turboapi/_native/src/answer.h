/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_ANSWER_H
#define TURBOAPI_ANSWER_H

#include "compat.h"

/** Adds `new_answer_handler(application, gate, status, body, headers) -> address`, a fixed answer
 * while the gate is open (404 and 405 of an application), the application's own otherwise.
 * `headers` is a tuple of (name, value), all bytes. -1 with an exception. */
int tp_answer_add_functions(PyObject *module);

#endif
