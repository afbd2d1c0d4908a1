/* SPDX-License-Identifier: MIT */
#ifndef TURBO_HANDLER_H
#define TURBO_HANDLER_H

#include <turbo/error.h>
#include <turbo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A request handler.
 *
 * Returns 0 when the response is complete, TURBO_PENDING when it will be finished later with
 * turbo_response_finish() from any thread, or a negative error: the library then answers 500 (413
 * for TURBO_ELIMIT, 400 for TURBO_EJSON and TURBO_EPROTOCOL, 408 for TURBO_ETIMEOUT, 415 for
 * TURBO_EMEDIA, 422 for TURBO_EINVALID, 507 for TURBO_ENOSPACE), whatever the handler had put into the
 * response.
 *
 * `request` and `response` are borrowed until the handler returns or, if it returned
 * TURBO_PENDING, until turbo_response_finish() or turbo_response_abort() is called.
 *
 * Runs on the thread that drives the worker. A handler that blocks for longer than about a
 * millisecond costs its connection only: another thread takes the worker over meanwhile (see
 * `offload_threads` in <turbo/server.h>). The same handler may thus run on several threads at once.
 */
typedef int turbo_handler_fn(turbo_request *request, turbo_response *response, void *user_data);

/** Makes a handler from a C function. `user_data` is kept as it is and handed to every call;
 *  `release` (may be NULL) gets it when the last reference to the handler goes.
 *  `*out`: a new reference, the caller's. Any thread.
 *  Errors: TURBO_EINVAL (no function), TURBO_ENOMEM; `release` is not called then. */
TURBO_API int turbo_handler_new_func(turbo_handler_fn *fn, void *user_data,
                                     turbo_release_fn *release, turbo_handler **out);

/** Options of turbo_handler_new_library(). */
typedef struct turbo_library_options {
    size_t size;        /**< sizeof(turbo_library_options) */
    const char *config; /**< handed to the object's init function; NULL: none. Borrowed for the call. */
} turbo_library_options;

/**
 * Makes a handler from a symbol of a shared object that includes <turbo/plugin.h>. The object is
 * checked (descriptor, ABI version), given its table of functions and kept open as long as the
 * handler lives. A `path` without a slash is searched like dlopen(3) does. `path`, `symbol` and
 * `options` (may be NULL) are borrowed for the call. Setup.
 * Errors, each with a detail naming file and symbol: TURBO_EPLUGIN (missing or unloadable file, or
 * its init function failed), TURBO_EABI (no descriptor, or another version), TURBO_ESYMBOL,
 * TURBO_EOPTION, TURBO_EINVAL, TURBO_ENOMEM. Nothing stays registered or loaded after an error.
 */
TURBO_API int turbo_handler_new_library(const char *path, const char *symbol,
                                        const turbo_library_options *options, turbo_handler **out);

/** Options of turbo_handler_new_static(). All views are copied. */
typedef struct turbo_static_options {
    size_t size;                /**< sizeof(turbo_static_options) */
    int status;                 /**< 0: 200 */
    turbo_str content_type;     /**< empty: "application/json" */
    turbo_str body;             /**< bytes of the answer */
    const turbo_str *headers;   /**< `header_count` pairs: name, value, name, value … */
    size_t header_count;        /**< number of pairs */
} turbo_static_options;

/** Makes a handler whose whole answer is rendered once, here; serving it allocates nothing.
 *  `options` is borrowed for the call. Any thread.
 *  Errors: TURBO_EINVAL (status outside 200–599), TURBO_EHEADER, TURBO_EOPTION, TURBO_ENOMEM. */
TURBO_API int turbo_handler_new_static(const turbo_static_options *options, turbo_handler **out);

/** Takes another reference; returns `handler`. Any thread. */
TURBO_API turbo_handler *turbo_handler_ref(turbo_handler *handler);

/** Gives a reference back; NULL is ignored. Any thread. */
TURBO_API void turbo_handler_unref(turbo_handler *handler);

#ifdef __cplusplus
}
#endif

#endif
