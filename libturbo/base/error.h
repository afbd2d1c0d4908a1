/* SPDX-License-Identifier: MIT */
#ifndef TURBO__BASE_ERROR_H
#define TURBO__BASE_ERROR_H

#include "turbo/error.h"

/** Records the detail message of an error of this thread (cut at 511 bytes) and returns `code`, so
 *  that `return turbo__error_set(TURBO_EINVAL, "…", …)` does both. Called where an error is found,
 * once. */
int turbo__error_set(int code, const char *format, ...) TURBO_PRINTF(2, 3);

/** The same for a failed system call: appends the text of errno. */
int turbo__error_errno(int code, const char *format, ...) TURBO_PRINTF(2, 3);

/** Forgets the detail of an earlier error of this thread: what fails next may have none of its own.
 */
void turbo__error_clear(void);

#endif
