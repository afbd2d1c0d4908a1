/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "json_text.h"

enum { FAILED = TP_JSON_FAILED, PASS_ON = TP_JSON_PASS_ON, READY = TP_JSON_DONE };

/* --- compiling --- */

/* An attribute of `source` that says one of a few words. -1 with an exception. */
static int word_attribute(PyObject *source, const char *name, const char *const *words)
{
    PyObject *word = PyObject_GetAttrString(source, name);
    if (word == NULL) {
        return -1;
    }
    int found = -1;
    for (int i = 0; words[i] != NULL && PyUnicode_Check(word); i++) {
        if (PyUnicode_CompareWithASCIIString(word, words[i]) == 0) {
            found = i;
        }
    }
    if (found < 0) {
        PyErr_Format(PyExc_ValueError, "%s of a plan is %R, which is not known", name, word);
    }
    Py_DECREF(word);
    return found;
}

static int bool_attribute(PyObject *source, const char *name)
{
    PyObject *value = PyObject_GetAttrString(source, name);
    if (value == NULL) {
        return -1;
    }
    int result = PyObject_IsTrue(value);
    Py_DECREF(value);
    return result;
}

static int compile_param(tp_param *param, PyObject *step)
{
    static const char *const locations[] = {"path", "query", "header", "cookie", NULL};
    static const char *const scalars[] = {"", "str", "int", "float", "bool", NULL};
    int location = word_attribute(step, "location", locations);
    int scalar = location < 0 ? -1 : word_attribute(step, "scalar", scalars);
    int required = scalar < 0 ? -1 : bool_attribute(step, "required");
    if (required < 0) {
        return -1;
    }
    param->location = (tp_location)location;
    param->scalar = (tp_scalar)scalar;
    param->alias_text = PyObject_GetAttrString(step, "alias");
    if (param->alias_text == NULL) {
        return -1;
    }
    Py_ssize_t len;
    const char *alias = PyUnicode_AsUTF8AndSize(param->alias_text, &len);
    if (alias == NULL) {
        return -1;
    }
    param->alias = (turbo_str){alias, (size_t)len};
    if (!required) {
        param->default_value = PyObject_GetAttrString(step, "default");
        return param->default_value != NULL ? 0 : -1;
    }
    return 0;
}

static int compile_params(tp_plan *plan, PyObject *steps)
{
    Py_ssize_t count = PyTuple_GET_SIZE(steps);
    plan->params = calloc((size_t)count + 1, sizeof(*plan->params));
    if (plan->params == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    plan->param_count = (size_t)count;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (compile_param(&plan->params[i], PyTuple_GET_ITEM(steps, i)) < 0) {
            return -1;
        }
        plan->reads_query |= plan->params[i].location == TP_QUERY;
    }
    return 0;
}

/* Interned, because CPython finds a keyword argument by identity first. */
static PyObject *argument_name(PyObject *step)
{
    PyObject *name = PyObject_GetAttrString(step, "name");
    if (name != NULL && !PyUnicode_CheckExact(name)) {
        PyErr_SetString(PyExc_TypeError, "the name of an argument must be a str");
        Py_CLEAR(name);
    }
    if (name != NULL) {
        PyUnicode_InternInPlace(&name);
    }
    return name;
}

static int compile_names(tp_plan *plan, PyObject *steps, PyObject *body)
{
    plan->names = PyTuple_New((Py_ssize_t)tp_plan_arguments(plan));
    if (plan->names == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(plan->names); i++) {
        bool param = (size_t)i < plan->param_count;
        PyObject *name = argument_name(param ? PyTuple_GET_ITEM(steps, i) : body);
        if (name == NULL) {
            return -1;
        }
        PyTuple_SET_ITEM(plan->names, i, name);
    }
    return 0;
}

/* A strong reference to an attribute, or NULL for None. */
static int optional_attribute(PyObject *source, const char *name, PyObject **out)
{
    PyObject *value = PyObject_GetAttrString(source, name);
    if (value == NULL) {
        return -1;
    }
    if (value == Py_None) {
        Py_CLEAR(value);
    }
    *out = value;
    return 0;
}

static int compile_flags(tp_plan *plan, PyObject *source)
{
    int coroutine = bool_attribute(source, "is_coroutine");
    int strict = coroutine < 0 ? -1 : bool_attribute(source, "strict_content_type");
    if (strict < 0) {
        return -1;
    }
    plan->is_coroutine = coroutine;
    plan->strict_content_type = strict;
    PyObject *status = PyObject_GetAttrString(source, "status_code");
    if (status == NULL) {
        return -1;
    }
    plan->status_code = (int)PyLong_AsLong(status);
    Py_DECREF(status);
    if (PyErr_Occurred() != NULL) {
        return -1;
    }
    if (plan->status_code < 200 || plan->status_code > 599) {
        PyErr_Format(PyExc_ValueError, "status %d cannot be sent", plan->status_code);
        return -1;
    }
    return 0;
}

static int compile_arguments(tp_plan *plan, PyObject *source, PyObject *steps)
{
    PyObject *body = NULL;
    if (!PyTuple_Check(steps) || PyTuple_GET_SIZE(steps) >= TP_PLAN_PARAMS) {
        PyErr_Format(PyExc_ValueError, "a plan takes fewer than %d parameters", TP_PLAN_PARAMS);
        return -1;
    }
    if (compile_params(plan, steps) < 0 || optional_attribute(source, "body", &body) < 0) {
        return -1;
    }
    int result = 0;
    if (body != NULL) {
        plan->validate = PyObject_GetAttrString(body, "validate");
        result = plan->validate != NULL ? 0 : -1;
    }
    if (result == 0) {
        result = compile_names(plan, steps, body);
    }
    Py_XDECREF(body);
    return result;
}

static int compile(tp_plan *plan, PyObject *source)
{
    plan->endpoint = PyObject_GetAttrString(source, "endpoint");
    if (plan->endpoint == NULL || compile_flags(plan, source) < 0 ||
        optional_attribute(source, "serialize", &plan->serialize) < 0) {
        return -1;
    }
    PyObject *steps = PyObject_GetAttrString(source, "params");
    if (steps == NULL) {
        return -1;
    }
    int result = compile_arguments(plan, source, steps);
    Py_DECREF(steps);
    return result;
}

int tp_plan_new(PyObject *source, tp_plan **out)
{
    tp_plan *plan = calloc(1, sizeof(*plan));
    if (plan == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (compile(plan, source) < 0) {
        tp_plan_free(plan);
        return -1;
    }
    *out = plan;
    return 0;
}

void tp_plan_free(tp_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (size_t i = 0; i < plan->param_count; i++) {
        Py_XDECREF(plan->params[i].alias_text);
        Py_XDECREF(plan->params[i].default_value);
    }
    free(plan->params);
    Py_XDECREF(plan->endpoint);
    Py_XDECREF(plan->names);
    Py_XDECREF(plan->validate);
    Py_XDECREF(plan->serialize);
    free(plan);
}

size_t tp_plan_arguments(const tp_plan *plan)
{
    return plan->param_count + (plan->validate != NULL);
}

/* --- scalars --- */

/* Results of CPython calls that make the value: NULL is a memory error, or a decoding error, which
 * is Python's to report. */
static int made(PyObject *value, PyObject **out)
{
    if (value != NULL) {
        *out = value;
        return READY;
    }
    if (PyErr_ExceptionMatches(PyExc_MemoryError)) {
        return FAILED;
    }
    PyErr_Clear();
    return PASS_ON;
}

static size_t count_digits(const char *at, const char *end)
{
    const char *start = at;
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    return (size_t)(at - start);
}

/* Decimal digits without superfluous zeros. pydantic takes more spellings (spaces, underscores,
 * "+1", "1.0"): those are its own to read. */
static int convert_int(turbo_str text, PyObject **out)
{
    enum { SAFE_DIGITS = 18 }; /* always fit 63 bits */
    if (text.len == 0) {
        return PASS_ON;
    }
    const char *end = text.data + text.len;
    bool negative = *text.data == '-';
    const char *first = text.data + negative;
    size_t digits = count_digits(first, end);
    if (first + digits != end || digits == 0 || digits > SAFE_DIGITS ||
        (*first == '0' && text.len > 1)) {
        return PASS_ON;
    }
    long long value = 0;
    for (const char *at = first; at < end; at++) {
        value = value * 10 + (*at - '0');
    }
    return made(PyLong_FromLongLong(negative ? -value : value), out);
}

/* [-]digits[.digits]; exponents and names of special values are pydantic's to read. */
static int convert_float(turbo_str text, PyObject **out)
{
    char copy[64];
    if (text.len == 0 || text.len >= sizeof(copy)) {
        return PASS_ON;
    }
    const char *end = text.data + text.len;
    const char *at = text.data + (*text.data == '-');
    size_t digits = count_digits(at, end);
    at += digits;
    if (digits != 0 && at < end && *at == '.') {
        size_t fraction = count_digits(at + 1, end);
        digits = fraction;
        at += 1 + fraction;
    }
    if (digits == 0 || at != end) {
        return PASS_ON;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    double value = PyOS_string_to_double(copy, NULL, NULL);
    if (value == -1.0 && PyErr_Occurred() != NULL) {
        return made(NULL, out);
    }
    return isfinite(value) ? made(PyFloat_FromDouble(value), out) : PASS_ON;
}

static int convert_bool(turbo_str text, PyObject **out)
{
    static const char *const yes[] = {"true", "1", "yes", "on", "t", "y", NULL};
    static const char *const no[] = {"false", "0", "no", "off", "f", "n", NULL};
    for (int i = 0; yes[i] != NULL; i++) {
        if (turbo_str_equal(text, turbo_cstr(yes[i]))) {
            *out = Py_NewRef(Py_True);
            return READY;
        }
        if (turbo_str_equal(text, turbo_cstr(no[i]))) {
            *out = Py_NewRef(Py_False);
            return READY;
        }
    }
    return PASS_ON;
}

static bool is_ascii(turbo_str text)
{
    unsigned char seen = 0;
    for (size_t i = 0; i < text.len; i++) {
        seen |= (unsigned char)text.data[i];
    }
    return seen < 0x80;
}

/* Paths and queries are UTF-8 once decoded; headers and cookies are what ASGI makes of them,
 * Latin-1. Where the library has put U+FFFD for broken UTF-8, Python counts the broken bytes its
 * own way. */
static int convert_str(turbo_str text, tp_location location, PyObject **out)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    if (is_ascii(text)) {
        return made(PyUnicode_DecodeUTF8(text.data, (Py_ssize_t)text.len, NULL), out);
    }
    if (location == TP_HEADER || location == TP_COOKIE) {
        return made(PyUnicode_DecodeLatin1(text.data, (Py_ssize_t)text.len, NULL), out);
    }
    for (size_t i = 0; i + 3 <= text.len; i++) {
        if (memcmp(text.data + i, replacement, 3) == 0) {
            return PASS_ON;
        }
    }
    return made(PyUnicode_DecodeUTF8(text.data, (Py_ssize_t)text.len, NULL), out);
}

static int convert(const tp_param *param, turbo_str text, PyObject **out)
{
    switch (param->scalar) {
    case TP_STR:
        return convert_str(text, param->location, out);
    case TP_INT:
        return convert_int(text, out);
    case TP_FLOAT:
        return convert_float(text, out);
    case TP_BOOL:
        return convert_bool(text, out);
    case TP_OPAQUE:
        break;
    }
    return PASS_ON;
}

/* --- the request --- */

/* Python undoes quoting inside cookie values by rules of its own. */
static bool is_plain_cookie(turbo_request *request)
{
    turbo_str cookies;
    return turbo_request_header(request, TURBO_STR("cookie"), &cookies) != 0 ||
           (memchr(cookies.data, '"', cookies.len) == NULL &&
            memchr(cookies.data, '\\', cookies.len) == NULL);
}

static int find(const tp_param *param, turbo_request *request, turbo_str *text)
{
    switch (param->location) {
    case TP_PATH:
        return turbo_request_param(request, param->alias, text);
    case TP_QUERY:
        return turbo_request_query_param(request, param->alias, text);
    case TP_HEADER:
        return turbo_request_header(request, param->alias, text);
    case TP_COOKIE:
        break;
    }
    return is_plain_cookie(request) ? turbo_request_cookie(request, param->alias, text)
                                    : TURBO_EINVAL;
}

static int read_param(const tp_param *param, turbo_request *request, PyObject **out)
{
    turbo_str text;
    int found = find(param, request, &text);
    if (found == 0) {
        return convert(param, text, out);
    }
    if (found != TURBO_ENOTFOUND || param->default_value == NULL) {
        return PASS_ON;
    }
    *out = Py_NewRef(param->default_value);
    return READY;
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* "application/json", alone or with parameters. FastAPI also reads other types as JSON; it does so
 * itself then. */
static bool is_json_request(const tp_plan *plan, turbo_request *request)
{
    static const char json[] = "application/json";
    const size_t len = sizeof(json) - 1;
    turbo_str type;
    if (turbo_request_header(request, TURBO_STR("content-type"), &type) != 0) {
        return !plan->strict_content_type;
    }
    if (type.len < len || (type.len > len && type.data[len] != ';')) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (lower(type.data[i]) != (unsigned char)json[i]) {
            return false;
        }
    }
    return true;
}

/* What validation finds wrong is found again, and answered, by the Python executor. */
static int read_body(const tp_plan *plan, turbo_request *request, PyObject **out)
{
    turbo_str body = turbo_request_body(request);
    if (body.len == 0 || !turbo_request_body_complete(request) || !is_json_request(plan, request)) {
        return PASS_ON;
    }
    tp_thread *thread = tp_thread_self();
    if (thread == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    PyObject *value;
    int result = tp_json_read(thread, body.data, body.len, &value);
    if (result != READY) {
        return result;
    }
    result = made(PyObject_CallOneArg(plan->validate, value), out);
    Py_DECREF(value);
    return result;
}

/* Bytes that should have been escaped are read as Latin-1 by Python, as UTF-8 by the library. */
static bool is_plain_query(turbo_request *request)
{
    return is_ascii(turbo_request_query(request));
}

int tp_plan_collect(const tp_plan *plan, turbo_request *request, PyObject **args)
{
    if (plan->reads_query && !is_plain_query(request)) {
        return PASS_ON;
    }
    size_t count = 0;
    int result = READY;
    while (result == READY && count < plan->param_count) {
        result = read_param(&plan->params[count], request, &args[count]);
        count += result == READY;
    }
    if (result == READY && plan->validate != NULL) {
        result = read_body(plan, request, &args[count]);
        count += result == READY;
    }
    while (result != READY && count > 0) {
        Py_DECREF(args[--count]);
    }
    return result;
}
