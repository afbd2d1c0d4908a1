/* SPDX-License-Identifier: MIT */
#include "json_write.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Results of every function here; see tp_json_write(). */
enum { FAILED = -1, PASS_ON = 0, WRITTEN = 1 };

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

/* --- strings ------------------------------------------------------------------------------------ */

/* Whether any of eight bytes is a control character, a quotation mark or a backslash. */
static bool needs_escape(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);
    uint64_t quote = word ^ (ones * '"');
    uint64_t slash = word ^ (ones * '\\');
    uint64_t found = ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) |
                     ((slash - ones) & ~slash);
    return (found & highs) != 0;
}

static bool is_plain_ascii(const char *data, size_t len)
{
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, sizeof(word));
        if (needs_escape(word)) {
            return false;
        }
    }
    for (; i < len; i++) {
        unsigned char byte = (unsigned char)data[i];
        if (byte < 0x20 || byte == '"' || byte == '\\') {
            return false;
        }
    }
    return true;
}

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

/* Room for four bytes is there. NULL for a surrogate, which has no UTF-8 form (RFC 3629 §3). */
static char *put_utf8(char *out, Py_UCS4 c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | (c >> 6));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        if (c >= 0xD800 && c <= 0xDFFF) {
            return NULL;
        }
        *out++ = (char)(0xE0 | (c >> 12));
        *out++ = (char)(0x80 | ((c >> 6) & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (char)(0xF0 | (c >> 18));
        *out++ = (char)(0x80 | ((c >> 12) & 0x3F));
        *out++ = (char)(0x80 | ((c >> 6) & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
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
        Py_UCS4 c = PyUnicode_READ(kind, data, i);
        out = c < 0x20 || c == '"' || c == '\\' ? put_escape(out, c) : put_utf8(out, c);
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
    if (!PyUnicode_IS_ASCII(text) || !is_plain_ascii(PyUnicode_DATA(text), length)) {
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

/* --- numbers ------------------------------------------------------------------------------------ */

/* int.__repr__ of an integer beyond 64 bits. It refuses more digits than sys.set_int_max_str_digits()
 * allows: the ValueError is for Python to raise. */
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

/* --- containers --------------------------------------------------------------------------------- */

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
    return PyUnicode_IS_ASCII(key) && PyUnicode_GET_LENGTH(key) >= 3 &&
           memcmp(PyUnicode_DATA(key), "_sa", 3) == 0;
}

static bool is_hidden_any(PyObject *key)
{
    return is_hidden(key) ||
           (!PyUnicode_IS_ASCII(key) && PyUnicode_GET_LENGTH(key) >= 3 &&
            PyUnicode_READ_CHAR(key, 0) == '_' && PyUnicode_READ_CHAR(key, 1) == 's' &&
            PyUnicode_READ_CHAR(key, 2) == 'a');
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
    if (text && is_hidden_any(key)) {
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
