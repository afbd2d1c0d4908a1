/* SPDX-License-Identifier: MIT */
#ifndef TURBO_ERROR_H
#define TURBO_ERROR_H

#include <turbo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Error codes; negative, stable, listed with their texts in <turbo/errors.def>. */
typedef enum turbo_error {
    TURBO_OK = 0,
#define X(name, value, category, text) name = value,
#include <turbo/errors.def>
#undef X
} turbo_error;

/** Handler result: the response is finished later by turbo_response_finish(). Not an error. */
#define TURBO_PENDING 1

/** The constant text for `code` ("unknown error" for a value that is none). Static. Any thread. */
TURBO_API const char *turbo_error_text(int code);

/** The symbolic name of `code`, such as "TURBO_EINVAL"; "TURBO_EUNKNOWN" for a value that is none.
 *  Static. Any thread. */
TURBO_API const char *turbo_error_name(int code);

/** What exactly went wrong in the last libturbo call of this thread that returned an error: a
 *  NUL-terminated sentence naming the offending value and place, or "" if there was none. Borrowed
 *  until the next failing call of this thread. Any thread. */
TURBO_API const char *turbo_error_detail(void);

#ifdef __cplusplus
}
#endif

#endif
