/* SPDX-License-Identifier: MIT */
#include "app/application.h"

#include <stdlib.h>
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
    if (rc == 0) {
        rc = turbo__trust_init(&app->trust, options->trusted_proxies, app->settings.forwarding);
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
    turbo__free(app->row_names);
    app->row_names = NULL;
    turbo__trust_clear(&app->trust);
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
    bool streams = options->stream_body || options->stream_past > 0;
    if (options->no_body_limit && !streams) {
        return turbo__error_set(TURBO_EOPTION, "no_body_limit needs stream_body or stream_past");
    }
    if (options->body != NULL && streams) {
        return turbo__error_set(TURBO_EOPTION,
                                "a body that is validated cannot be streamed: no stream_body and "
                                "no stream_past with a schema");
    }
    route->max_body = options->max_body > 0 ? options->max_body : settings->max_body;
    if (options->no_body_limit) {
        route->max_body = UINT64_MAX;
    }
    route->stream_body = options->stream_body;
    route->stream_past = options->stream_past > 0 ? options->stream_past : UINT64_MAX;
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
    app->route_count++;
    if (out != NULL) {
        *out = route;
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const turbo_route *const *left = a;
    const turbo_route *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static void number_sorted(turbo__application *app, turbo_route *const *sorted)
{
    app->row_names[0] = "";
    app->row_count = 1;
    for (size_t i = 0; i < app->route_count; i++) {
        turbo_route *route = sorted[i];
        if (strcmp(route->name, app->row_names[app->row_count - 1]) != 0) {
            app->row_names[app->row_count++] = route->name;
        }
        route->row = app->row_count - 1;
    }
}

int turbo__application_number(turbo__application *app)
{
    turbo__free(app->row_names); /* of a start that failed */
    turbo_route **sorted = turbo__calloc(app->route_count + 1, sizeof(turbo_route *));
    app->row_names = turbo__calloc(app->route_count + 1, sizeof(*app->row_names));
    if (sorted == NULL || app->row_names == NULL) {
        turbo__free(sorted);
        return TURBO_ENOMEM;
    }
    size_t count = 0;
    for (turbo__list *node = app->routes.next; node != &app->routes; node = node->next) {
        sorted[count++] = turbo__container_of(node, turbo_route, link);
    }
    qsort(sorted, count, sizeof(turbo_route *), by_name);
    number_sorted(app, sorted);
    turbo__free(sorted);
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
