/* SPDX-License-Identifier: MIT */
#ifndef TURBO_RESPONSE_H
#define TURBO_RESPONSE_H

#include <turbo/error.h>
#include <turbo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A response starts as 200 without headers and body. The library adds Date, Content-Length or
 * Transfer-Encoding, and Connection; these framing fields are refused from handlers. Thread word of
 * all functions: handler, unless said otherwise. */

/** Sets the status code, 200–599 (RFC 9110 §15). Errors: TURBO_EINVAL, TURBO_ESTATE (already sent). */
TURBO_API int turbo_response_status(turbo_response *response, int status);

/** The status code set so far. */
TURBO_API int turbo_response_get_status(const turbo_response *response);

/** Adds a header field; both views are copied. The name is sent as given.
 *  Errors: TURBO_EHEADER (name is no token, value has CR, LF or NUL, or the field is one that the
 *  library writes: Connection, Transfer-Encoding; Content-Length is taken once, and only if it is right, see
 *  turbo_response_begin()), TURBO_ESTATE (head already sent), TURBO_ENOMEM.
 *  A name that is no token and a value with such a character are never sent in part either: unless the
 *  handler starts again with turbo_response_reset(), the answer is 500 and a log line, whatever the handler
 *  returns, and turbo_response_begin() fails. */
TURBO_API int turbo_response_header(turbo_response *response, turbo_str name, turbo_str value);

/** As turbo_response_header(), but removes earlier fields of that name. */
TURBO_API int turbo_response_set_header(turbo_response *response, turbo_str name, turbo_str value);

/** Takes everything back that was put into the response: status (200 again), fields, body. An owned body is
 *  released. Errors: TURBO_ESTATE (streaming has begun). */
TURBO_API int turbo_response_reset(turbo_response *response);

/** Sets the body; `data` is copied. Replaces an earlier body.
 *  Errors: TURBO_ENOMEM, TURBO_ESTATE (streaming has begun). */
TURBO_API int turbo_response_body(turbo_response *response, turbo_str data);

/** Sets the body to memory that never changes and outlives the server, such as a literal. Errors as
 *  turbo_response_body(). */
TURBO_API int turbo_response_body_static(turbo_response *response, turbo_str data);

/** Sets the body to memory that stays valid until the library calls `release` (not NULL) with
 *  `user_data`: nothing is copied. On error the memory stays the caller's and `release` is not called. Errors
 *  as turbo_response_body(), TURBO_EINVAL. */
TURBO_API int turbo_response_body_owned(turbo_response *response, turbo_str data,
                                        turbo_release_fn *release, void *user_data);

/** Sets the body to `length` bytes of the open file `fd` from `offset`, sent with sendfile(2). Taken: the
 *  library closes `fd`; on error it stays the caller's. Errors as turbo_response_body(),
 *  TURBO_EINVAL (the range is not inside the file). */
TURBO_API int turbo_response_file(turbo_response *response, int fd, uint64_t offset,
                                  uint64_t length);

/** Renders `json` as body, compact UTF-8, and sets Content-Type to "application/json" unless the
 *  handler set one. `json` is borrowed for the call. Errors as turbo_response_body(), TURBO_EHEADER. */
TURBO_API int turbo_response_json(turbo_response *response, const turbo_json *json);

/** Replaces what was put into the response by the library's own answer for `error`, a negative code: what a
 *  handler that returns it has sent. For handlers that have returned TURBO_PENDING; turbo_response_finish()
 *  is still to be called. What is answered with 500 or more is logged with turbo_error_detail().
 *  Errors: TURBO_EINVAL (no negative code), TURBO_ESTATE (streaming has begun), TURBO_ENOMEM (the answer
 *  lacks fields, but may be finished). */
TURBO_API int turbo_response_error(turbo_response *response, int error);

/** Finishes a response whose handler returned TURBO_PENDING. Neither request nor response may be
 *  used after it, whatever it returns. May be called before the handler has returned. For a streamed response it ends the
 *  stream. Thread: any. Errors: TURBO_ECANCELLED (the client is gone; nothing was sent). */
TURBO_API int turbo_response_finish(turbo_response *response);

/** Gives a pending response up: closes the connection without completing the answer, so that the
 *  client can tell (RFC 9112 §8). What a streamed response was given so far is sent first. If nothing was
 *  begun and the request's body was refused (see turbo_read_fn), the client gets the answer to that: 413,
 *  400, 408 or 503. Neither request nor response may be used after it. Thread: any. */
TURBO_API void turbo_response_abort(turbo_response *response);

/** Starts a streamed response: status and headers go out, the body follows with
 *  turbo_response_send_chunk(). `content_length` is the exact number of bytes to come, or -1 when it
 *  is not known (chunked coding, RFC 9112 §7.1; for HTTP/1.0 the connection's end). The handler must
 *  return TURBO_PENDING. Thread: any, while pending.
 *  Errors: TURBO_ESTATE (already begun, or a body is set), TURBO_ECANCELLED. */
TURBO_API int turbo_response_begin(turbo_response *response, int64_t content_length);

/** Sends a part of a streamed body. With `release` NULL the bytes are copied, otherwise they stay
 *  valid until `release(user_data)` is called. Nothing is taken when an error is returned. Empty
 *  `data` is allowed and sends nothing. Thread: any, while pending.
 *  Errors: TURBO_EAGAIN (more than the send window is still unsent; see turbo_response_on_writable()),
 *  TURBO_ECANCELLED, TURBO_ESTATE (not begun), TURBO_ELIMIT (more than content_length), TURBO_ENOMEM. */
TURBO_API int turbo_response_send_chunk(turbo_response *response, turbo_str data,
                                        turbo_release_fn *release, void *user_data);

/** Called once when a streamed response can take data again or the client is gone. Fires on the
 *  thread that drives the worker; must not block, may call turbo_response_send_chunk() and turbo_response_finish(). */
typedef void turbo_writable_fn(turbo_response *response, void *user_data);

/** Has `fn` called once, as soon as the unsent part of the stream has fallen below the send window.
 *  Thread: any, while pending. Errors: TURBO_ESTATE (one is already waiting), TURBO_EINVAL. */
TURBO_API int turbo_response_on_writable(turbo_response *response, turbo_writable_fn *fn,
                                         void *user_data);

#ifdef __cplusplus
}
#endif

#endif
