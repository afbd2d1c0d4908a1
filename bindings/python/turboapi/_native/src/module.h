/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_MODULE_H
#define TURBOAPI_MODULE_H

#include "compat.h"

/*
 * The Python module `turboapi._native._dataplane`. It has no import machinery of its own: the CFFI
 * module calls turboapi_dataplane_init() once, which makes it and puts it into sys.modules.
 *
 * Each part of the data plane adds its types and functions in a function `tp_<part>_init(module)`
 * that returns 0, or -1 with an exception; module.c calls them in order. Parts may keep
 * interned strings and imported objects in file-level variables that are written there only.
 */

/** Makes the module; safe to call again. Any thread, attached or not. Returns 0, or -1 when it
 * could not be made; the traceback then went to sys.stderr. */
int turboapi_dataplane_init(void);

int tp_thread_init(PyObject *module);
int tp_native_init(PyObject *module);

/** Logs `message` with the traceback of the current exception, which is taken, to the logger
 *  "turboapi.error". Never leaves an exception behind. Attached threads. */
void tp_log_exception(const char *message);

/** Logs `message` as an error to the logger "turboapi.error". Attached threads. */
void tp_log_message(const char *message);

/** As tp_log_exception(), for `exception` (borrowed). */
void tp_log_exception_object(const char *message, PyObject *exception);

#endif
