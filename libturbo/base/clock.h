/* SPDX-License-Identifier: MIT */
#ifndef TURBO__BASE_CLOCK_H
#define TURBO__BASE_CLOCK_H

#include <stdint.h>

/** Milliseconds of a clock that never jumps; about 4 ms coarse, 5 ns to read. */
uint64_t turbo__clock_ms(void);

/** Nanoseconds of the same clock, exact. */
uint64_t turbo__clock_ns(void);

/** Seconds since 1970 of the calendar clock, coarse. */
int64_t turbo__clock_wall(void);

/** Microseconds since 1970-01-01 UTC, exact. */
uint64_t turbo__clock_wall_us(void);

struct timespec;

/** Sleeps about `ns` nanoseconds; less when a signal comes. */
void turbo__sleep_ns(uint64_t ns);

/** The moment `ms` milliseconds from now on the clock that never jumps (CLOCK_MONOTONIC), for timed
 * waits. */
void turbo__clock_deadline(uint32_t ms, struct timespec *out);

enum { TURBO__HTTP_DATE_LEN = 29 };

/** Writes `seconds` since 1970 as IMF-fixdate (RFC 9110 §5.6.7), 29 bytes without NUL. */
void turbo__http_date(int64_t seconds, char out[TURBO__HTTP_DATE_LEN]);

#endif
