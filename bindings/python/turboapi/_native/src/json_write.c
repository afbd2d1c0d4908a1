/* SPDX-License-Identifier: MIT */
#include "json_write.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "json_text.h"

enum { FAILED = TP_JSON_FAILED, PASS_ON = TP_JSON_PASS_ON, WRITTEN = TP_JSON_DONE };

#define INT_TEXT 20 /* bytes of the longest 64-bit integer with its sign */

static int write_value(tp_buf *buf, PyObject *value, int depth);

static int no_memory(void)
{
    PyErr_NoMemory();
    return FAILED;
}

static int write_bytes(tp_buf *buf, const char *data, size_t len)
{
    if (tp_buf_reserve(buf, len) < 0) {
        return no_memory();
    }
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    return WRITTEN;
}

static int write_byte(tp_buf *buf, char byte)
{
    return write_bytes(buf, &byte, 1);
}

/* --- strings --- */

/* RFC 8259 §7; the short forms that json.dumps() prefers. Room for six bytes is there. */
static char *put_escape(char *out, Py_UCS4 c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c == 0 ? NULL : strchr("\"\"\\\\\nn\rr\tt\ff\bb", (int)c);
    *out++ = '\\';
    if (c == '"' || c == '\\') {
        *out++ = (char)c;
    } else if (found != NULL) {
        *out++ = found[1];
    } else {
        memcpy(out, "u00", 3);
        out[3] = digits[c >> 4];
        out[4] = digits[c & 15];
        out += 5;
    }
    return out;
}

static int write_any_text(tp_buf *buf, PyObject *text)
{
    enum { WORST = 6 }; /* bytes of one character: \u00XX */
    size_t length = (size_t)PyUnicode_GET_LENGTH(text);
    if (length > (SIZE_MAX - 2) / WORST || tp_buf_reserve(buf, length * WORST + 2) < 0) {
        return no_memory();
    }
    int kind = (int)PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    char *out = buf->data + buf->len;
    *out++ = '"';
    for (size_t i = 0; i < length; i++) {
        Py_UCS4 c = PyUnicode_READ(kind, data, (Py_ssize_t)i);
        out = c < 0x20 || c == '"' || c == '\\' ? put_escape(out, c) : tp_json_put_utf8(out, c);
        if (out == NULL) {
            return PASS_ON;
        }
    }
    *out++ = '"';
    buf->len = (size_t)(out - buf->data);
    return WRITTEN;
}

static int write_text(tp_buf *buf, PyObject *text)
{
    size_t length = (size_t)PyUnicode_GET_LENGTH(text);
    if (!PyUnicode_IS_ASCII(text) || tp_json_plain_length(PyUnicode_DATA(text), length) != length) {
        return write_any_text(buf, text);
    }
    if (tp_buf_reserve(buf, length + 2) < 0) {
        return no_memory();
    }
    char *out = buf->data + buf->len;
    *out++ = '"';
    memcpy(out, PyUnicode_DATA(text), length);
    out[length] = '"';
    buf->len += length + 2;
    return WRITTEN;
}

/* --- numbers --- */

/* int.__repr__ of an integer beyond 64 bits. It refuses more digits than
 * sys.set_int_max_str_digits() allows: the ValueError is for Python to raise. */
static int write_big_int(tp_buf *buf, PyObject *value)
{
    PyObject *text = PyObject_Repr(value);
    if (text == NULL) {
        if (PyErr_ExceptionMatches(PyExc_MemoryError)) {
            return FAILED;
        }
        PyErr_Clear();
        return PASS_ON;
    }
    int result = write_bytes(buf, PyUnicode_DATA(text), (size_t)PyUnicode_GET_LENGTH(text));
    Py_DECREF(text);
    return result;
}

static int write_int64(tp_buf *buf, long long value)
{
    char text[INT_TEXT];
    char *start = text + sizeof(text);
    unsigned long long rest = value < 0 ? 0 - (unsigned long long)value : (unsigned long long)value;
    do {
        *--start = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0) {
        *--start = '-';
    }
    return write_bytes(buf, start, (size_t)(text + sizeof(text) - start));
}

static int write_int(tp_buf *buf, PyObject *value)
{
    int overflow = 0;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    return overflow != 0 ? write_big_int(buf, value) : write_int64(buf, number);
}

static int write_float(tp_buf *buf, PyObject *value)
{
    double number = PyFloat_AS_DOUBLE(value);
    if (!isfinite(number)) {
        return PASS_ON; /* allow_nan=False raises ValueError */
    }
    const double exact = 1e15; /* below it, repr() of a whole number is its digits and ".0" */
    if (number < exact && number > -exact && number == (double)(long long)number &&
        (number != 0 || !signbit(number))) {
        int result = write_int64(buf, (long long)number);
        return result == WRITTEN ? write_bytes(buf, ".0", 2) : result;
    }
    char *text = PyOS_double_to_string(number, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    if (text == NULL) {
        return FAILED;
    }
    int result = write_bytes(buf, text, strlen(text));
    PyMem_Free(text);
    return result;
}

/* --- containers --- */

/* None, True and False. PASS_ON: something else. */
static int write_constant(tp_buf *buf, PyObject *value)
{
    if (value == Py_None) {
        return write_bytes(buf, "null", 4);
    }
    if (value == Py_True) {
        return write_bytes(buf, "true", 4);
    }
    return value == Py_False ? write_bytes(buf, "false", 5) : PASS_ON;
}

/* jsonable_encoder() leaves such keys out. */
static bool is_hidden(PyObject *key)
{
    return PyUnicode_GET_LENGTH(key) >= 3 && PyUnicode_READ_CHAR(key, 0) == '_' &&
           PyUnicode_READ_CHAR(key, 1) == 's' && PyUnicode_READ_CHAR(key, 2) == 'a';
}

/* A key that is no str: its JSON form between quotation marks. */
static int write_other_key(tp_buf *buf, PyObject *key)
{
    int result = write_byte(buf, '"');
    if (result == WRITTEN) {
        if (PyLong_CheckExact(key)) {
            result = write_int(buf, key);
        } else if (PyFloat_CheckExact(key)) {
            result = write_float(buf, key);
        } else {
            result = write_constant(buf, key);
        }
    }
    return result == WRITTEN ? write_byte(buf, '"') : result;
}

static int write_member(tp_buf *buf, PyObject *key, PyObject *value, bool *first, int depth)
{
    bool text = PyUnicode_CheckExact(key);
    if (text && is_hidden(key)) {
        return WRITTEN;
    }
    if (!*first && write_byte(buf, ',') == FAILED) {
        return FAILED;
    }
    *first = false;
    int result = text ? write_text(buf, key) : write_other_key(buf, key);
    if (result == WRITTEN) {
        result = write_byte(buf, ':');
    }
    return result == WRITTEN ? write_value(buf, value, depth) : result;
}

/* The caller holds the critical section of `dict`. It may be lost for a moment inside, so what is
 * being written is held; a dict whose size changed meanwhile is Python's to complain about. */
static int write_members(tp_buf *buf, PyObject *dict, int depth)
{
    Py_ssize_t size = PyDict_Size(dict);
    Py_ssize_t position = 0;
    PyObject *key;
    PyObject *value;
    bool first = true;
    int result = WRITTEN;
    while (result == WRITTEN && PyDict_Next(dict, &position, &key, &value)) {
#if TP_FREE_THREADED
        Py_INCREF(key);
        Py_INCREF(value);
#endif
        result = write_member(buf, key, value, &first, depth);
#if TP_FREE_THREADED
        Py_DECREF(key);
        Py_DECREF(value);
#endif
        if (PyDict_Size(dict) != size) {
            return PASS_ON;
        }
    }
    return result;
}

static int write_dict(tp_buf *buf, PyObject *dict, int depth)
{
    if (write_byte(buf, '{') == FAILED) {
        return FAILED;
    }
    int result;
    TP_BEGIN_CRITICAL_SECTION(dict)
    result = write_members(buf, dict, depth);
    TP_END_CRITICAL_SECTION()
    return result == WRITTEN ? write_byte(buf, '}') : result;
}

static int write_list(tp_buf *buf, PyObject *list, int depth)
{
    int result = write_byte(buf, '[');
    Py_ssize_t size = PyList_Size(list);
    for (Py_ssize_t i = 0; result == WRITTEN && i < size; i++) {
        PyObject *item = tp_list_item(list, i);
        if (item == NULL) {
            return PASS_ON; /* another thread has shortened it */
        }
        if (i > 0) {
            result = write_byte(buf, ',');
        }
        if (result == WRITTEN) {
            result = write_value(buf, item, depth);
        }
        Py_DECREF(item);
    }
    return result == WRITTEN ? write_byte(buf, ']') : result;
}

static int write_tuple(tp_buf *buf, PyObject *tuple, int depth)
{
    int result = write_byte(buf, '[');
    Py_ssize_t size = PyTuple_GET_SIZE(tuple);
    for (Py_ssize_t i = 0; result == WRITTEN && i < size; i++) {
        if (i > 0) {
            result = write_byte(buf, ',');
        }
        if (result == WRITTEN) {
            result = write_value(buf, PyTuple_GET_ITEM(tuple, i), depth);
        }
    }
    return result == WRITTEN ? write_byte(buf, ']') : result;
}

static int write_container(tp_buf *buf, PyObject *value, int depth)
{
    if (depth == 0) {
        return PASS_ON;
    }
    if (PyDict_CheckExact(value)) {
        return write_dict(buf, value, depth - 1);
    }
    if (PyList_CheckExact(value)) {
        return write_list(buf, value, depth - 1);
    }
    return PyTuple_CheckExact(value) ? write_tuple(buf, value, depth - 1) : PASS_ON;
}

static int write_value(tp_buf *buf, PyObject *value, int depth)
{
    if (PyUnicode_CheckExact(value)) {
        return write_text(buf, value);
    }
    if (PyLong_CheckExact(value)) {
        return write_int(buf, value);
    }
    if (PyFloat_CheckExact(value)) {
        return write_float(buf, value);
    }
    int result = write_constant(buf, value);
    return result != PASS_ON ? result : write_container(buf, value, depth);
}

int tp_json_write(tp_buf *buf, PyObject *value)
{
    return write_value(buf, value, TP_JSON_DEPTH);
}
