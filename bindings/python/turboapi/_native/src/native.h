/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_NATIVE_H
#define TURBOAPI_NATIVE_H

#include "compat.h"

/*
 * The native executor: runs plans. What Python sees:
 *
 *   new_plan_handler(plan, application, loop, gate, encode, response_class) -> int
 *   new_answer_handler(application, gate, status, body, headers) -> int
 *   new_asgi_handler(application) -> int
 *   drain() -> None
 *
 * Each `new_…` returns the address of a new turbo_handler, whose one reference is the caller's. A
 * request that a handler cannot answer exactly as the Python executor would goes to `application`.
 */

/** Adds the functions above (answer.c has the second one) and type `Gate` to the module. -1 with an
 * exception. */
int tp_native_init(PyObject *module);

#endif
