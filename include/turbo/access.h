/* SPDX-License-Identifier: MIT */
#ifndef TURBO_ACCESS_H
#define TURBO_ACCESS_H

#include <turbo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One request that was answered or broken off, or one message that was refused before its head was
 *  complete (`method` and `target` are empty then). Views are borrowed for the call. */
typedef struct turbo_access {
    size_t size;            /**< sizeof(turbo_access) of the library; members beyond the caller's own are ignored */
    uint64_t started;       /**< when the head was complete: microseconds since 1970-01-01 UTC */
    uint64_t duration;      /**< microseconds from there until the answer was handed to the connection; 0 where no handler was called */
    turbo_str client;       /**< the client's address in text, as turbo_request_peer() */
    turbo_str method;       /**< cut to 32 bytes */
    turbo_str target;       /**< as sent, cut to 1,024 bytes */
    turbo_str route;        /**< name of the route; empty when none matched */
    turbo_str referer;      /**< cut to 256 bytes; empty when not sent */
    turbo_str user_agent;   /**< cut to 256 bytes; empty when not sent */
    uint64_t bytes_in;      /**< bytes of the body that were read, decoded */
    uint64_t bytes_out;     /**< bytes of the answer, head included, as handed to the connection */
    uint16_t status;        /**< 0: broken off without an answer */
    uint16_t version;       /**< 10, 11 */
    uint16_t client_port;   /**< the client's port, as turbo_request_peer(); 0 when it has none */
    uint64_t dropped;       /**< records lost since the last call, because the queue was full */
} turbo_access;

/** Receives access records, one at a time; those of one worker in the order in which its requests
 *  ended. Fires on a thread of the library's own that does nothing else, so it may write to a file;
 *  must not call into libturbo but for turbo_access_format(). All records have been handed over when
 *  turbo_server_wait() returns 0 and when turbo_server_step() does. */
typedef void turbo_access_fn(const turbo_access *access, void *user_data);

/**
 * Writes a record as a line of the Combined Log Format, without its line end:
 *
 *     client - - [10/Oct/2000:13:55:36 +0000] "GET /path HTTP/1.1" 200 2326 "referer" "user agent"
 *
 * Times are UTC, the size is `bytes_out`. What is not known is "-"; a request that was broken off has
 * status 499. Quotes and backslashes get a backslash, control bytes and those above 0x7e are written as \xHH.
 * `out` gets at most `size` bytes, a NUL included; `size` may be 0. Returns the bytes of the whole
 * line without the NUL: if that is `size` or more, the line was cut. Thread: any.
 */
TURBO_API size_t turbo_access_format(const turbo_access *access, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
