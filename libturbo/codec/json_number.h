/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_JSON_NUMBER_H
#define TURBO__CODEC_JSON_NUMBER_H

/*
 * Numbers between text and machine formats, exactly and whatever the locale is: the C library's
 * conversions are only given texts without a decimal point. Pure functions, any thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "turbo/types.h"

/** sign * digits * 10^exponent. No trailing zero in `digits`, unless it is 0 (with exponent 0). */
typedef struct turbo__decimal {
    uint64_t digits; /* at most 19 decimal digits */
    int exponent;
    bool negative;
} turbo__decimal;

/** The shortest decimal that reads back as the finite `value`; at most 17 digits. */
turbo__decimal turbo__decimal_from_real(double value);

turbo__decimal turbo__decimal_from_int(int64_t value);

/** Whether `value` is an integral multiple of `divisor`, exactly; false for a divisor of 0. */
bool turbo__decimal_multiple(turbo__decimal value, turbo__decimal divisor);

/** Reads the digits of `text`, which is an integer by the grammar of RFC 8259 §6. False when it is
 *  outside of 64 bits. */
bool turbo__number_read_int(turbo_str text, int64_t *out);

/** Reads `text`, which is a number by the grammar of RFC 8259 §6, as the nearest double, ties to
 * even; too small ones become zero. False when it is too large for a double. */
bool turbo__number_read_real(turbo_str text, double *out);

/** The integer that `value` is; false when it has a fraction or is outside of 64 bits. */
bool turbo__number_is_int(double value, int64_t *out);

/** Compares exactly, not by converting `a` to a double: < 0, 0, > 0. `b` is finite. */
int turbo__number_compare(int64_t a, double b);

#endif
