/* SPDX-License-Identifier: MIT */
#include "json_read.h"

#include <stdlib.h>
#include <string.h>

#include "json_text.h"

enum { FAILED = TP_JSON_FAILED, PASS_ON = TP_JSON_PASS_ON, READ = TP_JSON_DONE };

/* One text being read; on the stack of tp_json_read(). */
typedef struct reader {
    const char *at;
    const char *end;
    tp_thread *thread;
} reader;

static int read_value(reader *in, int depth, PyObject **out);

/* Turns the exception of a failed CPython call into a result: only memory errors are ours. */
static int call_failed(void)
{
    if (PyErr_ExceptionMatches(PyExc_MemoryError)) {
        return FAILED;
    }
    PyErr_Clear();
    return PASS_ON;
}

static int no_memory(void)
{
    PyErr_NoMemory();
    return FAILED;
}

static void skip_space(reader *in)
{
    while (in->at < in->end &&
           (*in->at == ' ' || *in->at == '\n' || *in->at == '\r' || *in->at == '\t')) {
        in->at++;
    }
}

/* Steps over `byte` and the white space after it. */
static bool take(reader *in, char byte)
{
    if (in->at == in->end || *in->at != byte) {
        return false;
    }
    in->at++;
    skip_space(in);
    return true;
}

/* --- strings --- */

static int read_hex4(reader *in, uint32_t *out)
{
    if (in->end - in->at < 4) {
        return PASS_ON;
    }
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)*in->at++;
        uint32_t digit;
        if (c >= '0' && c <= '9') {
            digit = c - (uint32_t)'0';
        } else {
            c |= 0x20;
            if (c < 'a' || c > 'f') {
                return PASS_ON;
            }
            digit = c - (uint32_t)'a' + 10;
        }
        value = value << 4 | digit;
    }
    *out = value;
    return READ;
}

/* The escape after a backslash, as a code point; two \u escapes may make one (RFC 8259 §7). */
static int read_escape(reader *in, uint32_t *out)
{
    static const char pairs[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    if (in->at == in->end) {
        return PASS_ON;
    }
    char c = *in->at++;
    for (size_t i = 0; i + 1 < sizeof(pairs); i += 2) {
        if (pairs[i] == c) {
            *out = (uint32_t)pairs[i + 1];
            return READ;
        }
    }
    if (c != 'u' || read_hex4(in, out) != READ) {
        return PASS_ON;
    }
    if (*out < 0xD800 || *out > 0xDBFF) {
        return READ; /* a lone low surrogate is found when it is to become UTF-8 */
    }
    uint32_t low;
    if (in->end - in->at < 2 || in->at[0] != '\\' || in->at[1] != 'u') {
        return PASS_ON;
    }
    in->at += 2;
    if (read_hex4(in, &low) != READ || low < 0xDC00 || low > 0xDFFF) {
        return PASS_ON;
    }
    *out = 0x10000 + ((*out - 0xD800) << 10) + (low - 0xDC00);
    return READ;
}

/* The rest of a string with escapes, from `start`; in->at is at the first one. */
static int read_escaped(reader *in, const char *start, PyObject **out)
{
    tp_buf *scratch = &in->thread->scratch;
    scratch->len = 0;
    for (;;) {
        size_t plain = (size_t)(in->at - start);
        if (tp_buf_reserve(scratch, plain + 4) < 0) {
            return no_memory();
        }
        memcpy(scratch->data + scratch->len, start, plain);
        scratch->len += plain;
        if (in->at == in->end || (*in->at != '"' && *in->at != '\\')) {
            return PASS_ON;
        }
        if (*in->at++ == '"') {
            break;
        }
        uint32_t c;
        if (read_escape(in, &c) != READ) {
            return PASS_ON;
        }
        char *end = tp_json_put_utf8(scratch->data + scratch->len, c);
        if (end == NULL) {
            return PASS_ON;
        }
        scratch->len = (size_t)(end - scratch->data);
        start = in->at;
        in->at += tp_json_plain_length(in->at, (size_t)(in->end - in->at));
    }
    *out = PyUnicode_DecodeUTF8(scratch->data, (Py_ssize_t)scratch->len, NULL);
    return *out != NULL ? READ : call_failed();
}

/* in->at is behind the opening quotation mark. A string without escapes is left in place: `*plain`
 * and
 * `*len`; of one with escapes `*out` is made. */
static int scan_string(reader *in, const char **plain, size_t *len, PyObject **out)
{
    const char *start = in->at;
    in->at += tp_json_plain_length(start, (size_t)(in->end - start));
    if (in->at == in->end) {
        return PASS_ON;
    }
    if (*in->at != '"') {
        *plain = NULL;
        return read_escaped(in, start, out);
    }
    *plain = start;
    *len = (size_t)(in->at - start);
    in->at++;
    return READ;
}

static int read_string(reader *in, PyObject **out)
{
    const char *plain;
    size_t len;
    int result = scan_string(in, &plain, &len, out);
    if (result != READ || plain == NULL) {
        return result;
    }
    *out = PyUnicode_DecodeUTF8(plain, (Py_ssize_t)len, NULL);
    return *out != NULL ? READ : call_failed();
}

/* FNV-1a, folded; names are short. Only the thread's own table depends on it. */
static size_t key_slot(const char *name, size_t len)
{
    uint32_t hash = UINT32_C(2166136261);
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)name[i]) * UINT32_C(16777619);
    }
    return (hash ^ hash >> 16) & (TP_KEY_SLOTS - 1);
}

/* Names come again in every request: the same str object, with its hash computed, saves making it
 * and speeds up every look-up of it. */
static int known_key(reader *in, const char *name, size_t len, PyObject **out)
{
    tp_thread *thread = in->thread;
    if (thread->keys == NULL) {
        thread->keys = calloc(TP_KEY_SLOTS, sizeof(*thread->keys));
        if (thread->keys == NULL) {
            return no_memory();
        }
    }
    tp_key *key = &thread->keys[key_slot(name, len)];
    if (key->text == NULL || key->len != len || memcmp(key->bytes, name, len) != 0) {
        PyObject *text = PyUnicode_DecodeUTF8(name, (Py_ssize_t)len, NULL);
        if (text == NULL) {
            return call_failed();
        }
        Py_XSETREF(key->text, text);
        key->len = (uint8_t)len;
        memcpy(key->bytes, name, len);
    }
    *out = Py_NewRef(key->text);
    return READ;
}

static int read_key(reader *in, PyObject **out)
{
    const char *plain;
    size_t len;
    if (in->at == in->end || *in->at != '"') {
        return PASS_ON;
    }
    in->at++;
    int result = scan_string(in, &plain, &len, out);
    if (result != READ || plain == NULL) {
        return result;
    }
    if (len <= TP_KEY_LENGTH) {
        return known_key(in, plain, len, out);
    }
    *out = PyUnicode_DecodeUTF8(plain, (Py_ssize_t)len, NULL);
    return *out != NULL ? READ : call_failed();
}

/* --- numbers --- */

static size_t count_digits(const char *at, const char *end)
{
    const char *start = at;
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    return (size_t)(at - start);
}

/* CPython's converters want a terminating NUL. */
static int copy_number(reader *in, const char *start, size_t len)
{
    tp_buf *scratch = &in->thread->scratch;
    scratch->len = 0;
    if (tp_buf_reserve(scratch, len + 1) < 0) {
        return no_memory();
    }
    memcpy(scratch->data, start, len);
    scratch->data[len] = '\0';
    return READ;
}

static int read_big_int(reader *in, const char *start, size_t len, PyObject **out)
{
    int result = copy_number(in, start, len);
    if (result != READ) {
        return result;
    }
    *out = PyLong_FromString(in->thread->scratch.data, NULL, 10);
    return *out != NULL ? READ
                        : call_failed(); /* too many digits: ValueError is Python's to raise */
}

static int read_int(reader *in, const char *start, size_t digits, PyObject **out)
{
    enum { SAFE_DIGITS = 18 }; /* always fit 63 bits */
    if (digits > SAFE_DIGITS) {
        return read_big_int(in, start, (size_t)(in->at - start), out);
    }
    long long value = 0;
    bool negative = *start == '-';
    for (const char *at = start + negative; at < in->at; at++) {
        value = value * 10 + (*at - '0');
    }
    *out = PyLong_FromLongLong(negative ? -value : value);
    return *out != NULL ? READ : FAILED;
}

/* Exact when digits and power of ten are both represented exactly by a double (Clinger's fast
 * path): then one correctly rounded operation gives the correctly rounded result. */
static bool quick_float(const char *at, const char *end, double *out)
{
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    enum { EXACT_DIGITS = 15 };
    bool negative = *at == '-';
    at += negative;
    long long digits = 0;
    size_t fraction = 0;
    size_t count = 0;
    bool point = false;
    for (; at < end; at++) {
        if (*at == '.') {
            point = true;
        } else if (*at < '0' || *at > '9' || ++count > EXACT_DIGITS) {
            return false;
        } else {
            digits = digits * 10 + (*at - '0');
            fraction += point;
        }
    }
    double value = (double)digits / powers[fraction];
    *out = negative ? -value : value;
    return true;
}

static int read_float(reader *in, const char *start, PyObject **out)
{
    double value;
    if (!quick_float(start, in->at, &value)) {
        int result = copy_number(in, start, (size_t)(in->at - start));
        if (result != READ) {
            return result;
        }
        value = PyOS_string_to_double(in->thread->scratch.data, NULL, NULL);
        if (value == -1.0 && PyErr_Occurred() != NULL) {
            return call_failed();
        }
    }
    *out = PyFloat_FromDouble(value);
    return *out != NULL ? READ : FAILED;
}

/* RFC 8259 §6. */
static int read_number(reader *in, PyObject **out)
{
    const char *start = in->at;
    const char *first = start + (*start == '-');
    size_t digits = count_digits(first, in->end);
    if (digits == 0 || (digits > 1 && *first == '0')) {
        return PASS_ON;
    }
    in->at = first + digits;
    bool real = false;
    if (in->at < in->end && *in->at == '.') {
        size_t fraction = count_digits(in->at + 1, in->end);
        if (fraction == 0) {
            return PASS_ON;
        }
        in->at += 1 + fraction;
        real = true;
    }
    if (in->at < in->end && (*in->at == 'e' || *in->at == 'E')) {
        const char *exponent = in->at + 1;
        exponent += exponent < in->end && (*exponent == '+' || *exponent == '-');
        size_t count = count_digits(exponent, in->end);
        if (count == 0) {
            return PASS_ON;
        }
        in->at = exponent + count;
        real = true;
    }
    return real ? read_float(in, start, out) : read_int(in, start, digits, out);
}

/* --- values --- */

static int read_member(reader *in, int depth, PyObject *dict)
{
    PyObject *key;
    int result = read_key(in, &key);
    if (result != READ) {
        return result;
    }
    skip_space(in);
    PyObject *value;
    result = take(in, ':') ? read_value(in, depth, &value) : PASS_ON;
    if (result == READ) {
        result = PyDict_SetItem(dict, key, value) < 0 ? FAILED : READ; /* the last of equals wins */
        Py_DECREF(value);
    }
    Py_DECREF(key);
    return result;
}

static int read_object(reader *in, int depth, PyObject **out)
{
    PyObject *dict = PyDict_New();
    if (dict == NULL) {
        return FAILED;
    }
    int result = READ;
    if (!take(in, '}')) {
        do {
            result = read_member(in, depth, dict);
        } while (result == READ && take(in, ','));
        if (result == READ && !take(in, '}')) {
            result = PASS_ON;
        }
    }
    if (result != READ) {
        Py_DECREF(dict);
        return result;
    }
    *out = dict;
    return READ;
}

static int read_array(reader *in, int depth, PyObject **out)
{
    PyObject *list = PyList_New(0);
    if (list == NULL) {
        return FAILED;
    }
    int result = READ;
    if (!take(in, ']')) {
        do {
            PyObject *item;
            result = read_value(in, depth, &item);
            if (result == READ) {
                result = PyList_Append(list, item) < 0 ? FAILED : READ;
                Py_DECREF(item);
            }
        } while (result == READ && take(in, ','));
        if (result == READ && !take(in, ']')) {
            result = PASS_ON;
        }
    }
    if (result != READ) {
        Py_DECREF(list);
        return result;
    }
    *out = list;
    return READ;
}

static int read_literal(reader *in, const char *text, PyObject *value, PyObject **out)
{
    size_t len = strlen(text);
    if ((size_t)(in->end - in->at) < len || memcmp(in->at, text, len) != 0) {
        return PASS_ON;
    }
    in->at += len;
    *out = Py_NewRef(value);
    return READ;
}

static int read_container(reader *in, int depth, PyObject **out)
{
    if (depth == 0) {
        return PASS_ON;
    }
    char open = *in->at++;
    skip_space(in);
    return open == '{' ? read_object(in, depth - 1, out) : read_array(in, depth - 1, out);
}

static int read_bare(reader *in, int depth, PyObject **out)
{
    if (in->at == in->end) {
        return PASS_ON;
    }
    switch (*in->at) {
    case '{':
    case '[':
        return read_container(in, depth, out);
    case '"':
        in->at++;
        return read_string(in, out);
    case 't':
        return read_literal(in, "true", Py_True, out);
    case 'f':
        return read_literal(in, "false", Py_False, out);
    case 'n':
        return read_literal(in, "null", Py_None, out);
    default:
        return read_number(in, out);
    }
}

/* A value and the white space after it. */
static int read_value(reader *in, int depth, PyObject **out)
{
    int result = read_bare(in, depth, out);
    if (result == READ) {
        skip_space(in);
    }
    return result;
}

int tp_json_read(tp_thread *thread, const char *data, size_t len, PyObject **out)
{
    reader in = {.at = data, .end = data + len, .thread = thread};
    PyObject *value;
    skip_space(&in);
    int result = read_value(&in, TP_JSON_DEPTH, &value);
    if (result == READ && in.at != in.end) {
        Py_DECREF(value);
        result = PASS_ON;
    }
    if (result == READ) {
        *out = value;
    }
    return result;
}
