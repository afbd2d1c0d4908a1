/* SPDX-License-Identifier: MIT */
#ifndef TURBO__BASE_UTF8_H
#define TURBO__BASE_UTF8_H

/* UTF-8 (RFC 3629). Pure functions, any thread. */

#include <stdint.h>

#include "turbo/types.h"

enum { TURBO__UTF8_MAX = 4 };

/** Whether `text` is well-formed: no overlong form, no surrogate, nothing above U+10FFFF. `valid`
 * (may be NULL) gets the number of bytes before the first sequence that is not, or all. */
bool turbo__utf8_check(turbo_str text, size_t *valid);

/** The number of code points in the well-formed `text`. */
size_t turbo__utf8_length(turbo_str text);

/** Writes a code point that is no surrogate and not above U+10FFFF; returns its bytes, 1 to 4. */
size_t turbo__utf8_encode(uint32_t code_point, char out[TURBO__UTF8_MAX]);

#endif
