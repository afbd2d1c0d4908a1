/* SPDX-License-Identifier: MIT */
#ifndef TURBO__APP_APPLICATION_H
#define TURBO__APP_APPLICATION_H

/*
 * What a server answers with: its routes, rules and limits. Filled in setup, then only read, by all
 * workers at once.
 */

#include "app/client.h"
#include "app/cors.h"
#include "app/handler.h"
#include "app/router.h"
#include "app/settings.h"
#include "base/list.h"
#include "turbo/route.h"

typedef struct turbo__application {
    turbo__settings settings;
    turbo__router *router;
    turbo__cors *cors; /* NULL: none */
    turbo__trust trust;
    turbo__list routes;
    size_t route_count;
    const char *
        *row_names; /* names of routes, sorted, each once; [0] is "". NULL before numbering */
    size_t row_count;
} turbo__application;

/** A route whose handler was seen blocking runs on offload threads until this many calls in a row
 * were quick again. */
enum { TURBO__SLOW_CALLS = 16 };

/** Made by turbo_route_add(), owned by the application, dies with it. Only `slow` changes while
 * serving. */
struct turbo_route {
    turbo__list link;
    char *name;
    char *pattern;
    turbo_handler *handler;
    turbo_schema *body;
    turbo__cors *cors; /* the route's own, or NULL */
    size_t row;        /* in the counters of a loop; routes of one name share it */
    uint64_t max_body; /* UINT64_MAX: no limit */
    bool stream_body;
    uint64_t stream_past; /* UINT64_MAX: off */
    bool offload;
    turbo__atomic_u32 slow; /* > 0: its handler was seen blocking; run it on an offload thread */
};

/** Initialises; `options` complete. Returns 0 or an error; call clear in either case. */
int turbo__application_init(turbo__application *app, const turbo_server_options *options);

void turbo__application_clear(turbo__application *app);

/** Gives every route its row in the counters. Once, when all routes are there. Returns 0 or
 * TURBO_ENOMEM. */
int turbo__application_number(turbo__application *app);

/** See turbo_route_add(). */
int turbo__application_add(turbo__application *app, const char *method, const char *pattern,
                           turbo_handler *handler, const turbo_route_options *options,
                           turbo_route **out);

#endif
