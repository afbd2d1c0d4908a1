/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_PARAMS_H
#define TURBO__CODEC_PARAMS_H

/*
 * Field values with parameters: `head; name=value; name="value"` (RFC 9110 §5.6.6), as in
 * Content-Type and Content-Disposition. Any thread.
 */

#include "base/arena.h"
#include "turbo/types.h"

typedef struct turbo__param {
    turbo_str name;  /* a token; compare it without case */
    turbo_str value; /* a token, or the inside of a quoted-string with its escapes as sent */
} turbo__param;

/** What stands before the first semicolon, trimmed. `*rest` gets what follows, for
 *  turbo__params_next(). Views into `field`. */
turbo_str turbo__params_begin(turbo_str field, turbo_str *rest);

/** Takes the next parameter off the front of `*rest`. Empty ones are skipped. Returns 1 with
 * `*out`, a view; 0 at the end; TURBO_EPROTOCOL when it is malformed (no detail: the caller knows
 * where). */
int turbo__params_next(turbo_str *rest, turbo__param *out);

/** The Content-Disposition of a part of multipart/form-data (RFC 7578 §4.2). */
typedef struct turbo__disposition {
    turbo_str name;
    turbo_str filename;
    bool has_filename;
} turbo__disposition;

/**
 * Reads the value of a Content-Disposition field of a form's part. Both texts come out in UTF-8:
 * bytes that are not UTF-8 are taken for Latin-1. In quoted strings `\"` and `\\` stand for the
 * second byte, any other backslash for itself, as Python's email package and Starlette read them
 * (file names may have been sent with raw backslashes); `%0A`, `%0D` and `%22` stand for LF, CR and
 * the quote, which is how browsers write them (the HTML standard, "multipart/form-data encoding
 * algorithm"). `filename*` (RFC 8187: UTF-8 or ISO-8859-1) is preferred to `filename`. `out` has
 * views into `field` and memory of `arena`. Returns 0, TURBO_ENOMEM, or TURBO_EPROTOCOL with a
 * static text in `*why` (no detail).
 */
int turbo__disposition_read(turbo__arena *arena, turbo_str field, turbo__disposition *out,
                            const char **why);

#endif
