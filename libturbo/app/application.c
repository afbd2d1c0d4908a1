/* SPDX-License-Identifier: MIT */
#include "app/application.h"

#include <string.h>

#include "base/compat.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/str.h"
#include "turbo/schema.h"

enum { MAX_METHODS = 32, METHOD_MAX = 32 };

static void free_route(turbo_route *route)
{
    turbo_handler_unref(route->handler);
    turbo_schema_unref(route->body);
    turbo__cors_free(route->cors);
    turbo__free(route->name);
    turbo__free(route->pattern);
    turbo__free(route);
}

int turbo__application_init(turbo__application *app, const turbo_server_options *options)
{
    memset(app, 0, sizeof(*app));
    turbo__list_init(&app->routes);
    int rc = turbo__settings_init(&app->settings, options);
    if (rc == 0) {
        rc = turbo__router_new(&app->router);
    }
    if (rc == 0 && options->cors != NULL) {
        rc = turbo__cors_new(options->cors, &app->cors);
    }
    return rc;
}

void turbo__application_clear(turbo__application *app)
{
    turbo__router_free(app->router);
    turbo__cors_free(app->cors);
    while (!turbo__list_empty(&app->routes)) {
        turbo_route *route = turbo__container_of(app->routes.next, turbo_route, link);
        turbo__list_remove(&route->link);
        free_route(route);
    }
    turbo__settings_clear(&app->settings);
}

static int fill_route(turbo_route *route, const turbo__settings *settings, const char *pattern,
                      const turbo_route_options *options)
{
    const char *name = options->name != NULL ? options->name : pattern;
    route->pattern = turbo__strndup(pattern, strlen(pattern));
    route->name = turbo__strndup(name, strlen(name));
    if (route->pattern == NULL || route->name == NULL) {
        return TURBO_ENOMEM;
    }
    if (options->no_body_limit && !options->stream_body) {
        return turbo__error_set(TURBO_EOPTION, "no_body_limit needs stream_body");
    }
    route->max_body = options->max_body > 0 ? options->max_body : settings->max_body;
    if (options->no_body_limit) {
        route->max_body = UINT64_MAX;
    }
    route->stream_body = options->stream_body;
    route->offload = options->offload;
    if (options->body != NULL) {
        /* The reference count is the only part of a schema that changes. */
        route->body = turbo_schema_ref((turbo_schema *)(uintptr_t)options->body);
    }
    return options->cors != NULL ? turbo__cors_new(options->cors, &route->cors) : 0;
}

/* Splits "GET, POST" into `methods`, which point into `text`. Returns how many, or TURBO_EINVAL. */
static int split_methods(char *text, const char *methods[MAX_METHODS])
{
    int count = 0;
    char *at = text;
    while (at != NULL) {
        char *comma = strchr(at, ',');
        if (comma != NULL) {
            *comma = '\0';
        }
        turbo_str part = turbo__str_trim(turbo_cstr(at));
        if (part.len == 0 || count == MAX_METHODS) {
            return turbo__error_set(TURBO_EINVAL, "method list is empty in part or too long");
        }
        char *start = at + (part.data - at);
        start[part.len] = '\0';
        methods[count++] = start;
        at = comma != NULL ? comma + 1 : NULL;
    }
    return count;
}

static int register_route(turbo__application *app, const char *method, turbo_route *route)
{
    if (strchr(method, ',') == NULL) {
        return turbo__router_add(app->router, method, route->pattern, route);
    }
    char *copy = turbo__strndup(method, strlen(method));
    if (copy == NULL) {
        return TURBO_ENOMEM;
    }
    const char *methods[MAX_METHODS];
    int count = split_methods(copy, methods);
    int rc = count < 0 ? count
                       : turbo__router_add_group(app->router, methods, (size_t)count,
                                                 route->pattern, route);
    turbo__free(copy);
    return rc;
}

int turbo__application_add(turbo__application *app, const char *method, const char *pattern,
                           turbo_handler *handler, const turbo_route_options *options,
                           turbo_route **out)
{
    turbo_route_options known;
    if (method == NULL || pattern == NULL || handler == NULL) {
        return turbo__error_set(TURBO_EINVAL, "a route needs a method, a pattern and a handler");
    }
    int rc = turbo__options_read("turbo_route_options", options, &known, sizeof(known));
    if (rc != 0) {
        return rc;
    }
    turbo_route *route = turbo__calloc(1, sizeof(*route));
    if (route == NULL) {
        return TURBO_ENOMEM;
    }
    rc = fill_route(route, &app->settings, pattern, &known);
    if (rc == 0) {
        rc = register_route(app, method, route);
    }
    if (rc != 0) {
        free_route(route);
        return rc;
    }
    route->handler = turbo_handler_ref(handler);
    turbo__list_append(&app->routes, &route->link);
    if (out != NULL) {
        *out = route;
    }
    return 0;
}

const char *turbo_route_name(const turbo_route *route)
{
    return route->name;
}

const char *turbo_route_pattern(const turbo_route *route)
{
    return route->pattern;
}
