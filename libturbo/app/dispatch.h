/* SPDX-License-Identifier: MIT */
#ifndef TURBO__APP_DISPATCH_H
#define TURBO__APP_DISPATCH_H

/*
 * From a parsed request to a finished response: the one way every request goes, whatever kind of
 * handler its route has. No sockets here.
 */

#include "app/application.h"
#include "app/exchange.h"

/**
 * Finds the route of a request whose head is complete and sets `route` and `match`, or writes the
 * library's own answer (404, 405, redirect, CORS preflight). Returns 0 when a handler is to be
 * called, 1 when the response is complete, TURBO_ENOMEM, or TURBO_EPROTOCOL for a malformed target
 * (400).
 */
int turbo__dispatch_route(const turbo__application *app, turbo_request *request);

/**
 * Validates the body where the route asks for it, calls the handler and completes the response.
 * Returns 0 when the response is complete or TURBO_PENDING. Never fails: errors become answers.
 * After TURBO_PENDING the request must not be touched: it may be finished already.
 */
int turbo__dispatch_call(turbo_request *request);

/** Adds what the response to this request needs whatever answered it (CORS). The loop calls it
 * once, right before it writes a head. Returns 0 or TURBO_ENOMEM: an answer that lacks fields (Vary
 * for one) must not go out. */
int turbo__dispatch_decorate(const turbo__application *app, turbo_request *request);

/** The rendered answer that may be sent as it is, or NULL. */
const turbo__static_answer *turbo__dispatch_static(const turbo__application *app,
                                                   const turbo_request *request);

#endif
