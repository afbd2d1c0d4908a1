/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_JSON_MODULE_H
#define TURBOAPI_JSON_MODULE_H

#include "compat.h"

/** Adds `json_read(data) -> value` and `json_write(value) -> bytes`, which give NotImplemented for
 * what is left to Python's json module: the data plane's reader and writer, to be compared with it.
 * -1 with an exception. */
int tp_json_add_functions(PyObject *module);

#endif
