/* SPDX-License-Identifier: MIT */
#ifndef TURBO_ROUTE_H
#define TURBO_ROUTE_H

#include <turbo/error.h>
#include <turbo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Cross-origin rules (the Fetch standard's CORS protocol). All views are copied. */
typedef struct turbo_cors_options {
    size_t size;                      /**< sizeof(turbo_cors_options) */
    const turbo_str *origins;         /**< allowed origins; "*": any */
    size_t origin_count;
    const char *origin_regex;         /**< POSIX extended, must match the whole origin; NULL: none */
    const turbo_str *methods;         /**< allowed methods; none: GET; "*": all */
    size_t method_count;
    const turbo_str *headers;         /**< allowed request headers; "*": any */
    size_t header_count;
    const turbo_str *exposed_headers; /**< response headers scripts may read */
    size_t exposed_header_count;
    bool credentials;                 /**< allow cookies and authorization */
    uint32_t max_age;                 /**< seconds a preflight may be cached; 0: 600 */
} turbo_cors_options;

/** Options of turbo_route_add(). All memory is copied, handles get a reference. */
typedef struct turbo_route_options {
    size_t size;                    /**< sizeof(turbo_route_options) */
    const char *name;               /**< for logs and metrics; NULL: the pattern */
    const turbo_schema *body;       /**< JSON bodies are validated against it: 422 without calling the handler. Not with
                                     *   `stream_body` or `stream_past` */
    uint64_t max_body;              /**< bytes; 0: the server's */
    bool no_body_limit;             /**< no limit on the body's size; wants `stream_body` or `stream_past` */
    bool stream_body;               /**< call the handler at the head; it reads with turbo_request_read() */
    bool offload;                   /**< always run on an offload thread, never on the worker's */
    const turbo_cors_options *cors; /**< overrides the server's rules; NULL: the server's */
    size_t stream_past;             /**< bytes; 0: off. A body of up to this size is collected before the handler is called, a larger
                                     *   one is streamed as with `stream_body` (turbo_request_body_complete() tells
                                     *   which) */
} turbo_route_options;

/**
 * Registers a route: the only way in, for C functions, shared objects, static answers and bindings.
 *
 * `method` is a method name, several of them separated by commas ("GET, POST"), or "*" for every
 * method. `pattern` starts with a slash; it is made of
 * literal text and parameters: `{name}` (one or more bytes, no slash), `{name:str}` (the same),
 * `{name:int}`, `{name:float}`, `{name:uuid}`, `{name:path}` (any bytes but a line feed,
 * slashes included, also none) and `{name:any}` (the same with line feeds). A parameter may be followed by literal text (`/files/{name}.json`). `{{` and `}}` stand for
 * braces.
 *
 * Of all routes that match a request fully, the one registered first wins. When only the method
 * does not match the answer is 405 with Allow, when nothing matches 404.
 *
 * `options` may be NULL. The route takes a reference to `handler`. `out` may be NULL; the route is
 * borrowed from the server. Setup.
 * Errors: TURBO_EPATTERN (detail with the column), TURBO_ECONFLICT (same method and same pattern
 * registered before; detail names both), TURBO_EOPTION, TURBO_EINVAL, TURBO_ESTATE (server started),
 * TURBO_ENOMEM.
 */
TURBO_API int turbo_route_add(turbo_server *server, const char *method, const char *pattern,
                              turbo_handler *handler, const turbo_route_options *options,
                              turbo_route **out);

/** The route's name, or its pattern if it was given none. NUL-terminated; lives as long as the
 *  server. Any thread. */
TURBO_API const char *turbo_route_name(const turbo_route *route);

/** The pattern as registered. NUL-terminated; lives as long as the server. Any thread. */
TURBO_API const char *turbo_route_pattern(const turbo_route *route);

#ifdef __cplusplus
}
#endif

#endif
