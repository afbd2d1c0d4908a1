/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_JSON_WRITE_H
#define TURBO__CODEC_JSON_WRITE_H

/*
 * JSON values as text, byte for byte what Python's json.dumps(ensure_ascii=False) writes, because
 * that is what FastAPI answers with. One thread at a time per buffer.
 *
 * Every function appends to `buf` and returns 0, TURBO_ELIMIT (the buffer's maximum) or
 * TURBO_ENOMEM; the buffer is as before on error.
 */

#include <stdint.h>

#include "base/buf.h"

/** The end of the run from `p`, at most `end`, of bytes that stand for themselves between quotes:
 * all but the quote, the backslash and controls below 0x20. */
const char *turbo__json_plain_run(const char *p, const char *end);

/** Writes `utf8` as a quoted string. Escaped are the quote, the backslash and the controls below
 *  0x20 (RFC 8259 §7): \n \r \t \f \b by letter, others as \u00xx; all other bytes are copied, so
 * the caller vouches for UTF-8. */
int turbo__json_write_string(turbo__buf *buf, turbo_str utf8);

/** Writes `value` in decimal. */
int turbo__json_write_int(turbo__buf *buf, int64_t value);

/** Writes the finite `value` with the fewest digits that read back as the same double, always with
 * a fraction or an exponent, so that it stays a real: 1.0, 0.1, 1e-05, 1e+16. */
int turbo__json_write_real(turbo__buf *buf, double value);

#endif
