/* SPDX-License-Identifier: MIT */

/* Answers with everything that the request functions say about a request. */

#include "server.h"

static int set_text(turbo_json *object, const char *name, turbo_str text)
{
    turbo_json *value = NULL;
    int error = turbo_json_new_string(text, &value);
    return error != 0 ? error : turbo_json_set(object, turbo_cstr(name), value);
}

static int set_number(turbo_json *object, const char *name, int64_t number)
{
    turbo_json *value = NULL;
    int error = turbo_json_new_int(number, &value);
    return error != 0 ? error : turbo_json_set(object, turbo_cstr(name), value);
}

/* Appends the pair [name, value]. */
static int append_pair(turbo_json *array, turbo_str name, turbo_str value)
{
    turbo_str texts[] = {name, value};
    turbo_json *pair = NULL;
    int error = turbo_json_new_array(&pair);
    for (size_t i = 0; error == 0 && i < 2; i++) {
        turbo_json *text = NULL;
        error = turbo_json_new_string(texts[i], &text);
        if (error == 0) {
            error = turbo_json_append(pair, text);
        }
    }
    if (error != 0) {
        turbo_json_unref(pair);
        return error;
    }
    return turbo_json_append(array, pair);
}

typedef int get_at(const turbo_request *request, size_t index, turbo_str *name, turbo_str *value);

static int set_pairs(turbo_json *object, const char *name, const turbo_request *request,
                     size_t count, get_at *get)
{
    turbo_json *array = NULL;
    int error = turbo_json_new_array(&array);
    for (size_t i = 0; error == 0 && i < count; i++) {
        turbo_str key;
        turbo_str value;
        error = get(request, i, &key, &value);
        if (error == 0) {
            error = append_pair(array, key, value);
        }
    }
    if (error != 0) {
        turbo_json_unref(array);
        return error;
    }
    return turbo_json_set(object, turbo_cstr(name), array);
}

static int fill(turbo_json *answer, turbo_request *request)
{
    uint16_t peer_port = 0;
    uint16_t local_port = 0;
    uint16_t socket_port = 0;
    uint16_t host_port = 0;
    turbo_str peer = turbo_request_peer(request, &peer_port);
    turbo_str local = turbo_request_local(request, &local_port);
    turbo_str socket_peer = turbo_request_socket_peer(request, &socket_port);
    turbo_str host = turbo_request_host(request, &host_port);
    const struct {
        const char *name;
        turbo_str text;
    } texts[] = {
        {"method", turbo_request_method(request)},
        {"path", turbo_request_path(request)},
        {"raw_path", turbo_request_raw_path(request)},
        {"query", turbo_request_query(request)},
        {"scheme", turbo_request_scheme(request)},
        {"peer", peer},
        {"local", local},
        {"socket_peer", socket_peer},
        {"host", host},
        {"body", turbo_request_body(request)},
        {"route", turbo_cstr(turbo_route_name(turbo_request_route(request)))},
        {"pattern", turbo_cstr(turbo_route_pattern(turbo_request_route(request)))},
    };
    int error = 0;
    for (size_t i = 0; error == 0 && i < sizeof(texts) / sizeof(texts[0]); i++) {
        error = set_text(answer, texts[i].name, texts[i].text);
    }
    if (error == 0) {
        error = set_number(answer, "version", turbo_request_http_version(request));
    }
    if (error == 0) {
        error = set_number(answer, "peer_port", peer_port);
    }
    if (error == 0) {
        error = set_number(answer, "local_port", local_port);
    }
    if (error == 0) {
        error = set_number(answer, "socket_port", socket_port);
    }
    if (error == 0) {
        error = set_number(answer, "host_port", host_port);
    }
    if (error == 0) {
        error = set_pairs(answer, "headers", request, turbo_request_header_count(request),
                          turbo_request_header_at);
    }
    if (error == 0) {
        error = set_pairs(answer, "trailers", request, turbo_request_trailer_count(request),
                          turbo_request_trailer_at);
    }
    return error != 0 ? error
                      : set_pairs(answer, "params", request, turbo_request_param_count(request),
                                  turbo_request_param_at);
}

int wire_describe(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    turbo_json *answer = NULL;
    int error = turbo_json_new_object(&answer);
    if (error != 0) {
        return error;
    }
    error = fill(answer, request);
    if (error == 0) {
        error = turbo_response_json(response, answer);
    }
    turbo_json_unref(answer);
    return error;
}
