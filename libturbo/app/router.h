/* SPDX-License-Identifier: MIT */
#ifndef TURBO__APP_ROUTER_H
#define TURBO__APP_ROUTER_H

/*
 * From method and path to the route that was registered first of all that match (FastAPI's rule).
 * Pattern syntax: turbo_route_add() in <turbo/route.h>. Values are those that Starlette's regular
 * expressions bind: str [^/]+, int [0-9]+, float [0-9]+(\.[0-9]+)?, uuid (hex digits 8-4-4-4-12,
 * each dash optional), path any bytes but newline; greedy from left to right; and as Python's `$`
 * does, the end of a pattern also matches before one last newline.
 *
 * Adding is for one thread (setup); matching writes nothing to the router: any number of threads.
 */

#include "app/pattern.h"
#include "base/arena.h"
#include "turbo/types.h"

typedef struct turbo__router turbo__router;

/** Makes an empty router; the caller owns it. Returns 0 or TURBO_ENOMEM. */
int turbo__router_new(turbo__router **out);

/** NULL is ignored. Views that matches handed out (names, allow_first) end. */
void turbo__router_free(turbo__router *router);

/** Registers `route`, any pointer but NULL, which stays the caller's, under one method; "*" is
 * every method. The strings are copied. Errors: TURBO_EPATTERN (detail with the column, from 1),
 *  TURBO_ECONFLICT (same method, and same pattern up to the names of parameters; detail names
 * both), TURBO_EINVAL, TURBO_ENOMEM. After an error the router matches what it matched before. */
int turbo__router_add(turbo__router *router, const char *method, const char *pattern, void *route);

/** The same for one route with several methods, in any order, which count as one registration. */
int turbo__router_add_group(turbo__router *router, const char *const *methods, size_t count,
                            const char *pattern, void *route);

typedef struct turbo__match {
    void *route;                /* NULL when nothing matched fully */
    const turbo__param *params; /* in pattern order, in the arena; names live as the router */
    size_t param_count;
    turbo_str allow; /* no full match: methods of all routes with this path, "GET, POST": in order
                        of registration, sorted within a route; in the arena */
    turbo_str allow_first; /* no full match: methods of the first of them, sorted; as the router */
    bool path_known;       /* some route has this path: 405, not 404 */
} turbo__match;

/** Finds the route for `path` (decoded). `out` is written unless memory runs out. Takes time
 *  O(bytes of the patterns that share a beginning with the path * length of the path) at worst.
 *  Returns 0, TURBO_ENOTFOUND (no full match, see `path_known`; no detail is set), TURBO_ENOMEM. */
int turbo__router_match(const turbo__router *router, turbo__arena *arena, turbo_str method,
                        turbo_str path, turbo__match *out);

/** Whether any route has this path, whatever its method. Needs memory only for paths with hundreds
 *  of ways to match, and says false when there is none. */
bool turbo__router_has_path(const turbo__router *router, turbo_str path);

#endif
