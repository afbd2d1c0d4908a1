/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_GATE_H
#define TURBOAPI_GATE_H

#include "compat.h"

#include <stdbool.h>

/*
 * Python's `Gate(watches)`: whether an application still is what its native routes were compiled
 * from. `watches` is a tuple of (dict, name, value): the gate is open as long as dict[name] is that
 * very object in each. Immutable; any thread may ask.
 */

/** Adds type `Gate` to the module. -1 with an exception. */
int tp_gate_add_types(PyObject *module);

/** Whether `object` is a Gate. Attached threads. */
bool tp_gate_check(PyObject *object);

/** Asks a Gate. Never leaves an exception. On threads of libturbo the answer is kept for the batch,
 * until the thread attaches again. Attached threads. */
bool tp_gate_is_open(PyObject *gate);

#endif
