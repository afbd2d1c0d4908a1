/* SPDX-License-Identifier: MIT */
#ifndef TURBO__APP_CORS_H
#define TURBO__APP_CORS_H

/*
 * Cross-origin resource sharing (the CORS protocol of the Fetch standard), answered as Starlette's
 * CORSMiddleware answers, header for header in the same order.
 */

#include "base/arena.h"
#include "codec/fields.h"
#include "turbo/route.h"

/** Compiled rules; immutable, so any number of threads may use them. */
typedef struct turbo__cors turbo__cors;

/** Bytes of an Origin that the regular expression is tried on; a longer one does not match it. */
enum { TURBO__CORS_MAX_ORIGIN = 2048 };

/** Compiles `options`; everything is copied. The caller owns `*out`. Errors: TURBO_EOPTION (unknown
 *  member, broken regular expression, text that no header can carry), TURBO_ENOMEM. */
int turbo__cors_new(const turbo_cors_options *options, turbo__cors **out);

/** NULL is ignored. */
void turbo__cors_free(turbo__cors *cors);

/** Whether the request asks for permission and not for the resource: OPTIONS with Origin and
 *  Access-Control-Request-Method. */
bool turbo__cors_is_preflight(turbo_str method, const turbo__fields *request);

/** Answers a preflight request: appends fields (not Content-Length) to the empty `response` and
 * sets status (200, 400) and text. Fields and text live in the arena or as long as `cors`. Returns
 * 0 or TURBO_ENOMEM. */
int turbo__cors_preflight(const turbo__cors *cors, const turbo__fields *request,
                          turbo__arena *arena, turbo__fields *response, int *status,
                          turbo_str *body);

/** Adds to the finished fields of any other response what its request is allowed, and Origin to
 *  Vary. Lifetimes and errors as above. */
int turbo__cors_decorate(const turbo__cors *cors, const turbo__fields *request, turbo__arena *arena,
                         turbo__fields *response);

#endif
