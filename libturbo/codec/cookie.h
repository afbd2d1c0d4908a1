/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_COOKIE_H
#define TURBO__CODEC_COOKIE_H

#include "turbo/types.h"

/**
 * Takes the next cookie off the front of `*rest`, the value of a Cookie field; false when there is
 * none. As lenient as browsers and Starlette are (RFC 6265 §5.4 is what clients should send):
 * pieces end at ';', whitespace around names and values does not count, empty pieces are skipped, a
 * piece without '=' is a value with the empty name, one pair of double quotes around a value is
 * removed (escapes inside them stay as sent). Views into `*rest`. Any thread.
 */
bool turbo__cookie_next(turbo_str *rest, turbo_str *name, turbo_str *value);

#endif
