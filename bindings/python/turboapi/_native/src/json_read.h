/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_JSON_READ_H
#define TURBOAPI_JSON_READ_H

#include "compat.h"
#include "thread.h"

/**
 * Reads a JSON text (RFC 8259, UTF-8) into new Python objects, equal to what json.loads() gives for
 * it. Returns 1 with a new reference in `*out`; 0 when the text is malformed or unusual (byte order
 * mark, UTF-16, NaN, lone surrogates, integers that int() refuses, nesting beyond TP_JSON_DEPTH):
 * json.loads() then decides; -1 with MemoryError. Attached threads.
 */
int tp_json_read(tp_thread *thread, const char *data, size_t len, PyObject **out);

#endif
