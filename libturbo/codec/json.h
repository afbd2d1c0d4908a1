/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_JSON_H
#define TURBO__CODEC_JSON_H

/*
 * JSON values in memory: what a turbo_json is made of is known in json.c alone.
 */

#include "base/buf.h"
#include "turbo/json.h"

/** Appends compact text (see json_write.h) of `json`. Returns 0, TURBO_EINVAL (nested deeper than
 *  TURBO__JSON_DEPTH_MAX), TURBO_ELIMIT (the buffer's maximum), TURBO_ENOMEM; on error the buffer
 * is as before. */
int turbo__json_write(turbo__buf *buf, const turbo_json *json);

/** Appends bytes that are the same for values that are equal in the sense of JSON Schema, and only
 * for those: 1 and 1.0 are equal, members of objects have no order. Errors as turbo__json_write().
 */
int turbo__json_key(turbo__buf *buf, const turbo_json *json);

#endif
