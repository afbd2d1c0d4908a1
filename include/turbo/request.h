/* SPDX-License-Identifier: MIT */
#ifndef TURBO_REQUEST_H
#define TURBO_REQUEST_H

#include <turbo/error.h>
#include <turbo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every view returned here is borrowed and lives as long as the request: until the handler returns
 * or, after TURBO_PENDING, until the response is finished. Thread word of all functions: handler,
 * unless said otherwise. */

/** The method token as sent, such as "GET" (RFC 9110 §9). */
TURBO_API turbo_str turbo_request_method(const turbo_request *request);

/** The path, percent-decoded once; what routes are matched against. */
TURBO_API turbo_str turbo_request_path(const turbo_request *request);

/** The path as sent, without query (RFC 9112 §3.2). */
TURBO_API turbo_str turbo_request_raw_path(const turbo_request *request);

/** The query string as sent, without the question mark; empty when there is none. */
TURBO_API turbo_str turbo_request_query(const turbo_request *request);

/** The protocol version: 10 for HTTP/1.0, 11 for HTTP/1.1. */
TURBO_API int turbo_request_http_version(const turbo_request *request);

/** "http" or "https": what the client spoke, as far as trusted proxies tell (see turbo_request_peer()). */
TURBO_API turbo_str turbo_request_scheme(const turbo_request *request);

/** The number of header fields, in the order received, duplicates kept. */
TURBO_API size_t turbo_request_header_count(const turbo_request *request);

/** The `index`-th field: name as sent, value without surrounding white space.
 *  Errors: TURBO_ENOTFOUND (index too large). */
TURBO_API int turbo_request_header_at(const turbo_request *request, size_t index, turbo_str *name,
                                      turbo_str *value);

/** The value of the first field called `name`, compared without case (RFC 9110 §5.1).
 *  Errors: TURBO_ENOTFOUND. */
TURBO_API int turbo_request_header(const turbo_request *request, turbo_str name, turbo_str *value);

/** The number of trailer fields (RFC 9110 §6.5), which came behind a chunked body. They are kept apart
 *  from the header fields, and none of them says anything about framing or routing: a request with
 *  Content-Length, Transfer-Encoding or Host among them is refused. 0 until the body is complete:
 *  when the handler is called, or with `stream_body` from the call with `last` on. Thread: any, while
 *  pending. */
TURBO_API size_t turbo_request_trailer_count(const turbo_request *request);

/** The `index`-th trailer field: name as sent, value without surrounding white space.
 *  Thread: any, while pending. Errors: TURBO_ENOTFOUND (index too large). */
TURBO_API int turbo_request_trailer_at(const turbo_request *request, size_t index, turbo_str *name,
                                       turbo_str *value);

/** The value of the first trailer field called `name`, compared without case.
 *  Thread: any, while pending. Errors: TURBO_ENOTFOUND. */
TURBO_API int turbo_request_trailer(const turbo_request *request, turbo_str name, turbo_str *value);

/** The number of path parameters that the route's pattern bound. */
TURBO_API size_t turbo_request_param_count(const turbo_request *request);

/** The `index`-th path parameter in pattern order. Errors: TURBO_ENOTFOUND. */
TURBO_API int turbo_request_param_at(const turbo_request *request, size_t index, turbo_str *name,
                                     turbo_str *value);

/** The path parameter called `name`, decoded. Errors: TURBO_ENOTFOUND. */
TURBO_API int turbo_request_param(const turbo_request *request, turbo_str name, turbo_str *value);

/** The last value of query parameter `name`, decoded as application/x-www-form-urlencoded ('+' is a
 *  space, broken escapes stay as they are, bytes that are not UTF-8 become U+FFFD).
 *  Errors: TURBO_ENOTFOUND, TURBO_ENOMEM. */
TURBO_API int turbo_request_query_param(turbo_request *request, turbo_str name, turbo_str *value);

/** The value of cookie `name` (RFC 6265 §5.4), surrounding quotes removed; the last one if it was
 *  sent twice. Errors: TURBO_ENOTFOUND. */
TURBO_API int turbo_request_cookie(const turbo_request *request, turbo_str name, turbo_str *value);

/** The whole body. For a route with `stream_body` or `stream_past` only if it was complete when the handler was called
 *  (turbo_request_body_complete()), else empty: turbo_request_read() then delivers all of it. */
TURBO_API turbo_str turbo_request_body(const turbo_request *request);

/** Whether the whole body was there when the handler was called; always true without `stream_body`
 *  and `stream_past`. */
TURBO_API bool turbo_request_body_complete(const turbo_request *request);

/** One part of a streamed body. `data` is borrowed for the call. `status`: 0, or TURBO_ECANCELLED
 *  (client gone before the end), TURBO_ELIMIT (body larger than allowed), TURBO_EPROTOCOL
 *  (malformed chunk), TURBO_ETIMEOUT (too slow), TURBO_ENOMEM: `data` is empty then and nothing more
 *  will come. `last`: the body is complete. Of a `stream_past` route the first part is all that was
 *  collected. Fires on the thread that drives the worker; must not block. */
typedef void turbo_read_fn(turbo_request *request, turbo_str data, bool last, int status,
                           void *user_data);

/** Asks for the next part of a body that is streamed: `fn` is called once, when
 *  there is data, the end, or an error. Until then nothing more is read from the client than fits
 *  the receive window (back-pressure). `fn` is not called any more once the response was finished or aborted, but
 *  may be under way then on another thread. Thread: any, while pending.
 *  Errors: TURBO_ESTATE (a read is already waiting, or the end was delivered), TURBO_EINVAL. */
TURBO_API int turbo_request_read(turbo_request *request, turbo_read_fn *fn, void *user_data);

/** Parses the body as JSON (RFC 8259). `*out`: a new reference, the caller's.
 *  Errors: TURBO_EJSON with the byte offset in the detail, TURBO_ENOMEM. */
TURBO_API int turbo_request_json(turbo_request *request, turbo_json **out);

/**
 * The client's address in text ("192.0.2.1", "2001:db8::1", "" for a unix socket) and port (0: not
 * known); `port` may be NULL. An IPv4 address has that form also on an IPv6 socket.
 *
 * Where the connection comes from a network of the option `trusted_proxies`, it is the client that
 * the proxies tell of: first by a PROXY header (option `proxy_protocol`), then by Forwarded (RFC 7239)
 * or X-Forwarded-For, see the option `forwarding`. These lists are read from the right for as long as
 * the addresses in them are trusted proxies too; the first that is none is the client. A malformed
 * entry, or the end of the list, stops the reading: the last address holds. The client may be a name
 * then instead of an address: "unknown" or an obfuscated identifier such as "_gazonk" (RFC 7239 §6).
 */
TURBO_API turbo_str turbo_request_peer(const turbo_request *request, uint16_t *port);

/** The address and port that the connection itself comes from, whatever proxies say: that of the nearest
 *  proxy, or of the client. `port` may be NULL. Since 0.1. */
TURBO_API turbo_str turbo_request_socket_peer(const turbo_request *request, uint16_t *port);

/** The address and port that the client connected to, as far as the socket or a PROXY header tell;
 *  `port` may be NULL. */
TURBO_API turbo_str turbo_request_local(const turbo_request *request, uint16_t *port);

/** The host that the client addressed, an IPv6 address in brackets, and the port (the scheme's when none
 *  was given); `port` may be NULL. Where proxies are believed (see turbo_request_peer()) it is that
 *  of Forwarded or X-Forwarded-Host and -Port, else that of the request: the authority of its target or
 *  its Host. Empty when there is none. The client chose it freely: it is no proof of anything. Since 0.1. */
TURBO_API turbo_str turbo_request_host(const turbo_request *request, uint16_t *port);

/** The route that matched; borrowed from the server. */
TURBO_API const turbo_route *turbo_request_route(const turbo_request *request);

/** Memory that lives as long as the request; aligned for any object, not zeroed. NULL when out of
 *  memory. */
TURBO_API void *turbo_request_alloc(turbo_request *request, size_t size);

/** Whether the client is known to be gone. Any thread, while pending. */
TURBO_API bool turbo_request_cancelled(const turbo_request *request);

/** Called once when the client closed its side of the connection or reset it while the response was
 *  pending. Fires on the thread that drives the worker; must not block. */
typedef void turbo_close_fn(turbo_request *request, void *user_data);

/** Has `fn` called when the client goes away before the response is finished; at once, on the
 *  worker's thread, if it already went. Replaces an earlier one; NULL removes it. Thread: any, while pending.
 *  Errors: none today; 0. */
TURBO_API int turbo_request_on_close(turbo_request *request, turbo_close_fn *fn, void *user_data);

/** Says that this handler is about to wait (`waiting`) or no longer waits for a lock that all
 *  handlers of the process share, such as an interpreter lock. Such a wait is not slow work: at most one
 *  other thread takes the worker over, not one for each waiter. Thread: handler, synchronous part. */
TURBO_API void turbo_request_lock_wait(turbo_request *request, bool waiting);

#ifdef __cplusplus
}
#endif

#endif
