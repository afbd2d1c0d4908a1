/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_QUERY_H
#define TURBO__CODEC_QUERY_H

/*
 * application/x-www-form-urlencoded, in queries and in bodies. Reads it as Python's
 * parse_qsl(text.decode("latin-1"), keep_blank_values=True) does, which FastAPI uses: '&' is the
 * only separator, empty pieces are skipped, '+' is a space, broken escapes stay as they are,
 * escaped bytes that are not UTF-8 become U+FFFD, bytes above ASCII that are not escaped are
 * Latin-1. Any thread.
 */

#include "base/arena.h"
#include "turbo/types.h"

/** Takes the next pair, still encoded, off the front of `*rest`; false when there is none. A name
 *  without '=' has the empty value. Views into `*rest`. */
bool turbo__query_next(turbo_str *rest, turbo_str *name, turbo_str *value);

/** Decodes a name or value into UTF-8. `out` is `raw` itself when nothing changes, else in the
 *  arena. Returns 0 or TURBO_ENOMEM. */
int turbo__query_decode(turbo__arena *arena, turbo_str raw, turbo_str *out);

/** Whether the encoded `raw_name` stands for `name`. Allocates nothing. */
bool turbo__query_name_is(turbo_str raw_name, turbo_str name);

#endif
