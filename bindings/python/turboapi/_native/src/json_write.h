/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_JSON_WRITE_H
#define TURBOAPI_JSON_WRITE_H

#include "compat.h"
#include "thread.h"

/**
 * Appends `value` (borrowed) to `buf` as the bytes of
 * json.dumps(jsonable_encoder(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")).
 * Runs no Python code. Returns 1 when written; 0 when it is made of anything but exact dict, list,
 * tuple, str, int, float, bool and None, is nested deeper than TP_JSON_DEPTH (json_text.h), or has
 * no JSON form (NaN, infinity, lone surrogates): the caller lets Python decide; -1 with
 * MemoryError. After 0 and -1 the contents of `buf` beyond its former length are undefined.
 * Attached threads.
 */
int tp_json_write(tp_buf *buf, PyObject *value);

#endif
