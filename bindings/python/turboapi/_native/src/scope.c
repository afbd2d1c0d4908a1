/* SPDX-License-Identifier: MIT */
#include "scope.h"

#include <string.h>

enum { NAME_TABLE = 256, LONGEST_NAME = 64 };

static PyObject *key_type, *key_asgi, *key_http_version, *key_server, *key_client, *key_scheme;
static PyObject *key_method, *key_root_path, *key_path, *key_raw_path, *key_query_string;
static PyObject *key_headers, *key_state;
static PyObject *text_http, *text_https, *text_10, *text_11;
static PyObject *empty_bytes;
static PyObject *method_texts[8];

static const char *const method_names[] = {"GET",     "POST",  "PUT",   "DELETE",
                                           "OPTIONS", "PATCH", "TRACE", "HEAD"};

static const char *const common_names[] = {"accept",
                                           "accept-charset",
                                           "accept-encoding",
                                           "accept-language",
                                           "access-control-request-headers",
                                           "access-control-request-method",
                                           "authorization",
                                           "cache-control",
                                           "connection",
                                           "content-encoding",
                                           "content-length",
                                           "content-type",
                                           "cookie",
                                           "date",
                                           "dnt",
                                           "expect",
                                           "forwarded",
                                           "from",
                                           "host",
                                           "if-match",
                                           "if-modified-since",
                                           "if-none-match",
                                           "if-range",
                                           "if-unmodified-since",
                                           "origin",
                                           "pragma",
                                           "priority",
                                           "range",
                                           "referer",
                                           "sec-ch-ua",
                                           "sec-ch-ua-mobile",
                                           "sec-ch-ua-platform",
                                           "sec-fetch-dest",
                                           "sec-fetch-mode",
                                           "sec-fetch-site",
                                           "sec-fetch-user",
                                           "te",
                                           "traceparent",
                                           "tracestate",
                                           "transfer-encoding",
                                           "upgrade",
                                           "upgrade-insecure-requests",
                                           "user-agent",
                                           "via",
                                           "x-forwarded-for",
                                           "x-forwarded-host",
                                           "x-forwarded-proto",
                                           "x-real-ip",
                                           "x-request-id",
                                           "x-requested-with"};

/* Open addressing; written while the module is made, then only read. */
static PyObject *name_table[NAME_TABLE];

static unsigned hash_name(const char *name, size_t len)
{
    unsigned hash = 2166136261u;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    }
    return hash % NAME_TABLE;
}

static void lower(char *out, turbo_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
}

/* The name in lower case as bytes; shared objects for the usual ones. New reference. */
static PyObject *name_bytes(turbo_str name)
{
    char text[LONGEST_NAME];
    if (name.len > LONGEST_NAME) {
        PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)name.len);
        if (bytes != NULL) {
            lower(PyBytes_AS_STRING(bytes), name);
        }
        return bytes;
    }
    lower(text, name);
    for (unsigned at = hash_name(text, name.len); name_table[at] != NULL;
         at = (at + 1) % NAME_TABLE) {
        PyObject *known = name_table[at];
        if ((size_t)PyBytes_GET_SIZE(known) == name.len &&
            memcmp(PyBytes_AS_STRING(known), text, name.len) == 0) {
            return Py_NewRef(known);
        }
    }
    return PyBytes_FromStringAndSize(text, (Py_ssize_t)name.len);
}

static PyObject *bytes_of(turbo_str text)
{
    return text.len > 0 ? PyBytes_FromStringAndSize(text.data, (Py_ssize_t)text.len)
                        : Py_NewRef(empty_bytes);
}

static PyObject *header_list(turbo_request *request)
{
    size_t count = turbo_request_header_count(request);
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list != NULL && i < count; i++) {
        turbo_str name = {NULL, 0};
        turbo_str value = {NULL, 0};
        PyObject *pair = PyTuple_New(2);
        if (pair == NULL || turbo_request_header_at(request, i, &name, &value) != 0) {
            Py_XDECREF(pair);
            Py_CLEAR(list);
            break;
        }
        PyTuple_SET_ITEM(pair, 0, name_bytes(name));
        PyTuple_SET_ITEM(pair, 1, bytes_of(value));
        PyList_SET_ITEM(list, (Py_ssize_t)i, pair);
        if (PyTuple_GET_ITEM(pair, 0) == NULL || PyTuple_GET_ITEM(pair, 1) == NULL) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *method_text(turbo_request *request)
{
    turbo_str method = turbo_request_method(request);
    for (size_t i = 0; i < sizeof(method_names) / sizeof(method_names[0]); i++) {
        if (strlen(method_names[i]) == method.len &&
            memcmp(method_names[i], method.data, method.len) == 0) {
            return Py_NewRef(method_texts[i]);
        }
    }
    return PyUnicode_DecodeLatin1(method.data, (Py_ssize_t)method.len, NULL);
}

static PyObject *address(turbo_str host, uint16_t port)
{
    if (host.len == 0) {
        return Py_NewRef(Py_None);
    }
    return Py_BuildValue("(s#H)", host.data, (Py_ssize_t)host.len, port);
}

static PyObject *server_address(turbo_request *request)
{
    uint16_t port = 0;
    turbo_str host = turbo_request_local(request, &port);
    return address(host, port);
}

static PyObject *client_address(turbo_request *request)
{
    uint16_t port = 0;
    turbo_str host = turbo_request_peer(request, &port);
    return address(host, port);
}

static PyObject *path_text(turbo_request *request, PyObject *root_path)
{
    turbo_str path = turbo_request_path(request);
    PyObject *text = PyUnicode_DecodeUTF8(path.data, (Py_ssize_t)path.len, "replace");
    if (text == NULL || PyUnicode_GET_LENGTH(root_path) == 0) {
        return text;
    }
    PyObject *full = PyUnicode_Concat(root_path, text);
    Py_DECREF(text);
    return full;
}

static PyObject *raw_path_bytes(turbo_request *request, PyObject *root_path)
{
    PyObject *raw = bytes_of(turbo_request_raw_path(request));
    if (raw == NULL || PyUnicode_GET_LENGTH(root_path) == 0) {
        return raw;
    }
    PyObject *full = PyUnicode_AsUTF8String(root_path);
    PyBytes_ConcatAndDel(&full, raw);
    return full;
}

/* Takes `value`; NULL is a failure that was reported before. */
static int put(PyObject *scope, PyObject *key, PyObject *value)
{
    int rc = value != NULL ? PyDict_SetItem(scope, key, value) : -1;
    Py_XDECREF(value);
    return rc;
}

static int fill(PyObject *scope, turbo_request *request, PyObject *root_path, PyObject *state)
{
    PyObject *version = turbo_request_http_version(request) == 10 ? text_10 : text_11;
    turbo_str scheme = turbo_request_scheme(request);
    if (put(scope, key_http_version, Py_NewRef(version)) < 0 ||
        put(scope, key_server, server_address(request)) < 0 ||
        put(scope, key_client, client_address(request)) < 0 ||
        put(scope, key_scheme, Py_NewRef(scheme.len == 5 ? text_https : text_http)) < 0 ||
        put(scope, key_method, method_text(request)) < 0 ||
        put(scope, key_path, path_text(request, root_path)) < 0 ||
        put(scope, key_raw_path, raw_path_bytes(request, root_path)) < 0 ||
        put(scope, key_query_string, bytes_of(turbo_request_query(request))) < 0 ||
        put(scope, key_headers, header_list(request)) < 0) {
        return -1;
    }
    return put(scope, key_state, state != NULL ? PyDict_Copy(state) : PyDict_New());
}

PyObject *tp_scope_new(PyObject *template, turbo_request *request, PyObject *root_path,
                       PyObject *state)
{
    PyObject *scope = PyDict_Copy(template);
    PyObject *asgi = scope != NULL ? PyDict_GetItemWithError(template, key_asgi) : NULL;
    if (scope != NULL && put(scope, key_asgi, asgi != NULL ? PyDict_Copy(asgi) : NULL) < 0) {
        Py_CLEAR(scope); /* what one request changes in it is no other request's business */
    }
    if (scope != NULL && fill(scope, request, root_path, state) < 0) {
        Py_CLEAR(scope);
    }
    return scope;
}

PyObject *tp_scope_template(PyObject *root_path)
{
    PyObject *keys[] = {key_http_version, key_server, key_client, key_scheme, key_method};
    PyObject *rest[] = {key_path, key_raw_path, key_query_string, key_headers, key_state};
    PyObject *scope = PyDict_New();
    if (scope == NULL || put(scope, key_type, Py_NewRef(text_http)) < 0 ||
        put(scope, key_asgi, Py_BuildValue("{ssss}", "version", "3.0", "spec_version", "2.3")) <
            0) {
        Py_XDECREF(scope);
        return NULL;
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < 5; i++) {
        rc = PyDict_SetItem(scope, keys[i], Py_None);
    }
    rc = rc == 0 ? PyDict_SetItem(scope, key_root_path, root_path) : rc;
    for (size_t i = 0; rc == 0 && i < 5; i++) {
        rc = PyDict_SetItem(scope, rest[i], Py_None);
    }
    if (rc < 0) {
        Py_CLEAR(scope);
    }
    return scope;
}

static int add_name(const char *text)
{
    size_t len = strlen(text);
    unsigned at = hash_name(text, len);
    while (name_table[at] != NULL) {
        at = (at + 1) % NAME_TABLE;
    }
    name_table[at] = PyBytes_FromStringAndSize(text, (Py_ssize_t)len);
    return name_table[at] != NULL ? 0 : -1;
}

int tp_scope_init(void)
{
    const struct {
        PyObject **place;
        const char *text;
    } names[] = {
        {&key_type, "type"},
        {&key_asgi, "asgi"},
        {&key_http_version, "http_version"},
        {&key_server, "server"},
        {&key_client, "client"},
        {&key_scheme, "scheme"},
        {&key_method, "method"},
        {&key_root_path, "root_path"},
        {&key_path, "path"},
        {&key_raw_path, "raw_path"},
        {&key_query_string, "query_string"},
        {&key_headers, "headers"},
        {&key_state, "state"},
        {&text_http, "http"},
        {&text_https, "https"},
        {&text_10, "1.0"},
        {&text_11, "1.1"},
    };
    if (empty_bytes != NULL) {
        return 0;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        *names[i].place = PyUnicode_InternFromString(names[i].text);
        if (*names[i].place == NULL) {
            return -1;
        }
    }
    for (size_t i = 0; i < sizeof(method_names) / sizeof(method_names[0]); i++) {
        method_texts[i] = PyUnicode_InternFromString(method_names[i]);
        if (method_texts[i] == NULL) {
            return -1;
        }
    }
    for (size_t i = 0; i < sizeof(common_names) / sizeof(common_names[0]); i++) {
        if (add_name(common_names[i]) < 0) {
            return -1;
        }
    }
    empty_bytes = PyBytes_FromStringAndSize(NULL, 0);
    return empty_bytes != NULL ? 0 : -1;
}
