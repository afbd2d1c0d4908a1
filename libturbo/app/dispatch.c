/* SPDX-License-Identifier: MIT */
#include "app/dispatch.h"

#include <string.h>

#include "base/compat.h"
#include "base/error.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/json_write.h"
#include "turbo/json.h"
#include "turbo/schema.h"

static const turbo__cors *rules(const turbo__application *app, const turbo_request *request)
{
    return request->route != NULL && request->route->cors != NULL ? request->route->cors
                                                                  : app->cors;
}

/* The same path with its last slash added or taken away. */
static int toggle_slash(turbo_request *request, turbo_str path, turbo_str *out)
{
    if (path.len > 0 && path.data[path.len - 1] == '/') {
        while (path.len > 0 && path.data[path.len - 1] == '/') { /* all of them, as Starlette */
            path.len--;
        }
        *out = path;
        return 0;
    }
    char *longer = turbo__arena_alloc(&request->arena, path.len + 1);
    if (longer == NULL) {
        return TURBO_ENOMEM;
    }
    memcpy(longer, path.data, path.len);
    longer[path.len] = '/';
    *out = (turbo_str){longer, path.len + 1};
    return 0;
}

static int redirect(turbo_request *request, turbo_str path)
{
    turbo_str host = {NULL, 0};
    if (turbo_request_header(request, TURBO_STR("host"), &host) != 0) {
        host.len = 0; /* HTTP/1.0: the location is relative then */
    }
    turbo_str none = TURBO_STR("");
    turbo_str parts[] = {host.len > 0 ? turbo_request_scheme(request) : none,
                         host.len > 0 ? TURBO_STR("://") : none,
                         host,
                         path,
                         request->query.len > 0 ? TURBO_STR("?") : none,
                         request->query};
    size_t total = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        total += parts[i].len;
    }
    char *text = turbo__arena_alloc(&request->arena, total);
    if (text == NULL) {
        return TURBO_ENOMEM;
    }
    turbo_str location = {text, total};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].len > 0) {
            memcpy(text, parts[i].data, parts[i].len);
            text += parts[i].len;
        }
    }
    turbo_response *response = &request->response;
    response->status = 307;
    int rc = turbo_response_body_static(response, TURBO_STR(""));
    return rc != 0 ? rc : turbo_response_header(response, TURBO_STR("location"), location);
}

/* Starlette's rule: redirected when some route has the other path, whatever its method. */
static int try_redirect(const turbo__application *app, turbo_request *request)
{
    if (!app->settings.redirect_slashes || request->path.len < 2) {
        return 0;
    }
    turbo_str other;
    turbo_str raw_other;
    if (toggle_slash(request, request->path, &other) != 0) {
        return TURBO_ENOMEM;
    }
    if (!turbo__router_has_path(app->router, other)) {
        return 0;
    }
    int rc = toggle_slash(request, request->raw_path, &raw_other);
    rc = rc != 0 ? rc : redirect(request, raw_other);
    return rc != 0 ? rc : 1;
}

/* Finds `method` in a list such as "GET, POST". */
static bool find_method(turbo_str list, turbo_str method, size_t *at)
{
    for (size_t start = 0; start < list.len;) {
        size_t end = start;
        while (end < list.len && list.data[end] != ',') {
            end++;
        }
        if (turbo_str_equal(turbo__str_slice(list, start, end), method)) {
            *at = start;
            return true;
        }
        start = end + 2; /* behind the comma and the space */
    }
    return false;
}

/* Where GET routes answer HEAD too, Allow says so: "GET" becomes "GET, HEAD". */
static int add_head(turbo_request *request, turbo_str *allow)
{
    static const turbo_str head = {", HEAD", 6};
    size_t at;
    if (find_method(*allow, TURBO_STR("HEAD"), &at) ||
        !find_method(*allow, TURBO_STR("GET"), &at)) {
        return 0;
    }
    size_t before = at + 3;
    char *text = turbo__arena_alloc(&request->arena, allow->len + head.len);
    if (text == NULL) {
        return TURBO_ENOMEM;
    }
    memcpy(text, allow->data, before);
    memcpy(text + before, head.data, head.len);
    memcpy(text + before + head.len, allow->data + before, allow->len - before);
    *allow = (turbo_str){text, allow->len + head.len};
    return 0;
}

static int refuse(const turbo__application *app, turbo_request *request)
{
    if (request->match.path_known) {
        turbo_str allow =
            app->settings.allow_first ? request->match.allow_first : request->match.allow;
        if (!app->settings.strict_head && add_head(request, &allow) != 0) {
            return TURBO_ENOMEM;
        }
        int rc = turbo__exchange_error(request, 405);
        if (rc == 0) {
            rc = turbo__fields_add(&request->response.fields, &request->arena, TURBO_STR("allow"),
                                   allow);
        }
        return rc;
    }
    int rc = try_redirect(app, request);
    if (rc != 0) {
        return rc < 0 ? rc : 0;
    }
    return turbo__exchange_error(request, 404);
}

static int preflight(const turbo__application *app, turbo_request *request)
{
    int status = 200;
    turbo_str body = {NULL, 0};
    turbo_response *response = &request->response;
    int rc = turbo__cors_preflight(rules(app, request), &request->headers, &request->arena,
                                   &response->fields, &status, &body);
    if (rc != 0) {
        return rc;
    }
    response->status = status;
    request->preflight = true;
    return turbo_response_body_static(response, body);
}

static int match(const turbo__application *app, turbo_request *request)
{
    int rc = turbo__router_match(app->router, &request->arena, request->method, request->path,
                                 &request->match);
    if (rc == TURBO_ENOTFOUND && !app->settings.strict_head &&
        turbo_str_equal(request->method, TURBO_STR("HEAD"))) {
        /* RFC 9110 §9.3.2: HEAD is GET without the content. */
        rc = turbo__router_match(app->router, &request->arena, TURBO_STR("GET"), request->path,
                                 &request->match);
    }
    if (rc == 0) {
        request->route = request->match.route;
    }
    return rc;
}

int turbo__dispatch_route(const turbo__application *app, turbo_request *request)
{
    int rc = match(app, request);
    if (rc != 0 && rc != TURBO_ENOTFOUND) {
        return rc;
    }
    bool found = rc == 0;
    if (rules(app, request) != NULL &&
        turbo__cors_is_preflight(request->method, &request->headers)) {
        rc = preflight(app, request);
        return rc != 0 ? rc : 1;
    }
    if (found) {
        return 0;
    }
    rc = refuse(app, request);
    return rc != 0 ? rc : 1;
}

/* `{"detail":[…]}` with FastAPI's 422 entries: "body" goes in front of each location. */
static int answer_invalid(turbo_request *request, turbo_json *errors)
{
    turbo_json *answer = NULL;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < turbo_json_size(errors); i++) {
        turbo_json *entry;
        turbo_json *loc;
        turbo_json *full = NULL;
        turbo_json *head = NULL;
        rc = turbo_json_at(errors, i, &entry);
        rc = rc != 0 ? rc : turbo_json_member(entry, TURBO_STR("loc"), &loc);
        rc = rc != 0 ? rc : turbo_json_new_array(&full);
        rc = rc != 0 ? rc : turbo_json_new_string(TURBO_STR("body"), &head);
        rc = rc != 0 ? rc : turbo_json_append(full, head);
        for (size_t n = 0; rc == 0 && n < turbo_json_size(loc); n++) {
            turbo_json *step;
            rc = turbo_json_at(loc, n, &step);
            rc = rc != 0 ? rc : turbo_json_append(full, turbo_json_ref(step));
        }
        if (rc == 0) {
            rc = turbo_json_set(entry, TURBO_STR("loc"), full);
        } else {
            turbo_json_unref(full);
        }
    }
    rc = rc != 0 ? rc : turbo_json_new_object(&answer);
    rc = rc != 0 ? rc : turbo_json_set(answer, TURBO_STR("detail"), turbo_json_ref(errors));
    request->response.status = 422;
    rc = rc != 0 ? rc : turbo_response_json(&request->response, answer);
    turbo_json_unref(answer);
    return rc;
}

/* FastAPI's answer to a body that is no JSON. */
static int answer_broken(turbo_request *request, size_t offset)
{
    turbo_json *error = NULL;
    turbo_json *errors = NULL;
    turbo_json *loc = NULL;
    turbo_json *text = NULL;
    turbo_json *context = NULL;
    int rc = turbo_json_new_object(&error);
    rc = rc != 0 ? rc : turbo_json_new_string(TURBO_STR("json_invalid"), &text);
    rc = rc != 0 ? rc : turbo_json_set(error, TURBO_STR("type"), text);
    rc = rc != 0 ? rc : turbo_json_new_array(&loc);
    rc = rc != 0 ? rc : turbo_json_new_int((int64_t)offset, &text);
    rc = rc != 0 ? rc : turbo_json_append(loc, text);
    rc = rc != 0 ? rc : turbo_json_set(error, TURBO_STR("loc"), turbo_json_ref(loc));
    rc = rc != 0 ? rc : turbo_json_new_string(TURBO_STR("JSON decode error"), &text);
    rc = rc != 0 ? rc : turbo_json_set(error, TURBO_STR("msg"), text);
    rc = rc != 0 ? rc : turbo_json_new_object(&text);
    rc = rc != 0 ? rc : turbo_json_set(error, TURBO_STR("input"), text);
    rc = rc != 0 ? rc : turbo_json_new_object(&context);
    rc = rc != 0 ? rc : turbo_json_new_string(turbo_cstr(turbo_error_detail()), &text);
    rc = rc != 0 ? rc : turbo_json_set(context, TURBO_STR("error"), text);
    rc = rc != 0 ? rc : turbo_json_set(error, TURBO_STR("ctx"), turbo_json_ref(context));
    rc = rc != 0 ? rc : turbo_json_new_array(&errors);
    rc = rc != 0 ? rc : turbo_json_append(errors, turbo_json_ref(error));
    rc = rc != 0 ? rc : answer_invalid(request, errors);
    turbo_json_unref(error);
    turbo_json_unref(errors);
    turbo_json_unref(loc);
    turbo_json_unref(context);
    return rc;
}

/* Returns 0 to go on to the handler, 1 when the answer is written, or a negative error. */
static int validate(turbo_request *request)
{
    turbo_json *document;
    turbo_json *errors = NULL;
    size_t offset = 0;
    int rc = turbo_json_parse(request->body, &document, &offset);
    if (rc == TURBO_EJSON) {
        rc = answer_broken(request, offset);
        return rc != 0 ? rc : 1;
    }
    if (rc != 0) {
        return rc;
    }
    rc = turbo_schema_validate(request->route->body, document, &errors);
    if (rc == TURBO_EINVALID) {
        rc = answer_invalid(request, errors);
        rc = rc != 0 ? rc : 1;
    }
    turbo_json_unref(errors);
    turbo_json_unref(document);
    return rc;
}

int turbo__dispatch_decorate(const turbo__application *app, turbo_request *request)
{
    const turbo__cors *cors = rules(app, request);
    if (turbo__likely(cors == NULL) || request->preflight) {
        return 0;
    }
    return turbo__cors_decorate(cors, &request->headers, &request->arena,
                                &request->response.fields);
}

int turbo__dispatch_call(turbo_request *request)
{
    int rc = request->route->body != NULL ? validate(request) : 0;
    if (rc == 1) {
        return 0;
    }
    if (rc == 0) {
        turbo__error_clear(); /* else the log would give this handler another's reason */
        rc = turbo__handler_call(request->route->handler, request, &request->response);
        if (rc > 0 && rc != TURBO_PENDING) {
            rc = turbo__error_set(TURBO_EHANDLER, "it returned %d", rc);
        }
        if (rc == 0 && turbo__unlikely(request->response.spoiled)) {
            rc = turbo__response_spoiled();
        }
    }
    if (rc < 0) {
        if (turbo__exchange_fail(request, rc) != 0) {
            request->response.status = 500; /* no memory for fields: a bare 500 still goes out */
        }
        return 0;
    }
    return rc;
}

const turbo__static_answer *turbo__dispatch_static(const turbo__application *app,
                                                   const turbo_request *request)
{
    if (rules(app, request) != NULL || request->route->body != NULL ||
        turbo_str_equal(request->method, TURBO_STR("HEAD"))) {
        return NULL;
    }
    return turbo__handler_static(request->route->handler);
}
