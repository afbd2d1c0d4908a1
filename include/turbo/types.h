/* SPDX-License-Identifier: MIT */
#ifndef TURBO_TYPES_H
#define TURBO_TYPES_H

/*
 * Types shared by every libturbo header.
 *
 * Conventions that hold for the whole API:
 *
 *  - Handles are opaque. Who owns one, and how long a borrowed one lives, is said where it is made.
 *  - A fallible function returns 0 or a negative code of <turbo/error.h>; the object comes first,
 *    out-pointers last, and an out-pointer is written only on success.
 *  - Thread words: "setup" = before turbo_server_start(), one thread at a time per server;
 *    "handler" = inside the handler call, or, after it returned TURBO_PENDING, one thread at a
 *    time until the response is finished; "any" = any thread at any time.
 *  - Strings are (pointer, length) views in bytes, not NUL-terminated.
 *  - Options structs start with their own size. Zero in any other member means "the default";
 *    bytes beyond the size that the library knows must be zero, otherwise the call fails with
 *    TURBO_EOPTION instead of ignoring what the caller asked for.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__) || defined(__clang__)
#define TURBO_API __attribute__((visibility("default")))
#define TURBO_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define TURBO_API
#define TURBO_PRINTF(fmt, args)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** A borrowed run of bytes. `data` may be NULL only when `len` is 0. Never NUL-terminated. */
typedef struct turbo_str {
    const char *data;
    size_t len; /**< bytes */
} turbo_str;

/** A view of a string literal: TURBO_STR("text"). */
#define TURBO_STR(literal) ((turbo_str){(literal), sizeof(literal) - 1})

/** A view of a NUL-terminated string; NULL gives the empty view. The bytes stay the caller's. */
static inline turbo_str turbo_cstr(const char *text)
{
    turbo_str view = {text, text != NULL ? strlen(text) : 0};
    return view;
}

/** Bytewise equality. */
static inline bool turbo_str_equal(turbo_str a, turbo_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/** Called once when the library no longer needs memory or an object that was handed to it. May run
 *  on any of the server's threads; must not call back into the object it came with. */
typedef void turbo_release_fn(void *user_data);

typedef struct turbo_server turbo_server;
typedef struct turbo_handler turbo_handler;
typedef struct turbo_route turbo_route;
typedef struct turbo_request turbo_request;
typedef struct turbo_response turbo_response;
typedef struct turbo_json turbo_json;
typedef struct turbo_schema turbo_schema;

#ifdef __cplusplus
}
#endif

#endif
