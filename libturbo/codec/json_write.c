/* SPDX-License-Identifier: MIT */
#include "codec/json_write.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/compat.h"
#include "codec/json_number.h"

enum {
    INT_TEXT_MAX = 20,  /* "-9223372036854775808" */
    REAL_TEXT_MAX = 40, /* sign, 17 digits, point, and 16 zeros or an exponent */
    FIXED_MIN = -4,     /* decimal exponents that Python writes without an exponent */
    FIXED_MAX = 16
};

static bool must_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* A bit set for each of eight bytes that is below 0x20, a quote or a backslash. Borrows make the
 * bits above a true one unreliable, but zero always means none. */
static uint64_t escapes_in_word(const char *p)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    uint64_t quote = word ^ (ones * '"');
    uint64_t slash = word ^ (ones * '\\');
    uint64_t found =
        ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
    return found & (ones * 0x80);
}

const char *turbo__json_plain_run(const char *p, const char *end)
{
    while (end - p >= 8 && escapes_in_word(p) == 0) {
        p += 8;
    }
    while (p < end && !must_escape((unsigned char)*p)) {
        p++;
    }
    return p;
}

static size_t escape(unsigned char c, char out[6])
{
    static const char letters[] = "\"\"\\\\\nn\rr\tt\ff\bb";
    static const char hex[] = "0123456789abcdef";
    out[0] = '\\';
    for (size_t i = 0; i < sizeof(letters) - 1; i += 2) {
        if ((unsigned char)letters[i] == c) {
            out[1] = letters[i + 1];
            return 2;
        }
    }
    memcpy(out + 1, "u00", 3);
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

static int write_quoted(turbo__buf *buf, turbo_str utf8)
{
    const char *p = utf8.data;
    const char *end = p + utf8.len;
    int rc = turbo__buf_append(buf, "\"", 1);
    while (rc == 0 && p < end) {
        const char *stop = turbo__json_plain_run(p, end);
        rc = turbo__buf_append(buf, p, (size_t)(stop - p));
        if (rc == 0 && stop < end) {
            char text[6];
            size_t len = escape((unsigned char)*stop++, text);
            rc = turbo__buf_append(buf, text, len);
        }
        p = stop;
    }
    return rc != 0 ? rc : turbo__buf_append(buf, "\"", 1);
}

int turbo__json_write_string(turbo__buf *buf, turbo_str utf8)
{
    size_t before = buf->len;
    int rc = utf8.len > 0 ? write_quoted(buf, utf8) : turbo__buf_append(buf, "\"\"", 2);
    if (rc != 0) {
        buf->len = before;
    }
    return rc;
}

/* Writes `value` before `end`; returns where it starts. */
static char *digits_before(char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return end;
}

int turbo__json_write_int(turbo__buf *buf, int64_t value)
{
    char text[INT_TEXT_MAX];
    char *end = text + sizeof(text);
    char *start = digits_before(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    if (value < 0) {
        *--start = '-';
    }
    return turbo__buf_append(buf, start, (size_t)(end - start));
}

static char *put(char *to, const char *from, size_t len)
{
    memcpy(to, from, len);
    return to + len;
}

static char *zeros(char *to, int count)
{
    for (; count > 0; count--) {
        *to++ = '0';
    }
    return to;
}

/* `point` digits stand before the decimal point; it may be outside of the digits. */
static char *write_fixed(char *to, const char *digits, int count, int point)
{
    if (point <= 0) {
        to = zeros(put(to, "0.", 2), -point);
        return put(to, digits, (size_t)count);
    }
    if (point >= count) {
        to = zeros(put(to, digits, (size_t)count), point - count);
        return put(to, ".0", 2);
    }
    to = put(put(to, digits, (size_t)point), ".", 1);
    return put(to, digits + point, (size_t)(count - point));
}

static char *write_scientific(char *to, const char *digits, int count, int exponent)
{
    to = put(to, digits, 1);
    if (count > 1) {
        to = put(put(to, ".", 1), digits + 1, (size_t)count - 1);
    }
    *to++ = 'e';
    *to++ = exponent < 0 ? '-' : '+';
    char text[INT_TEXT_MAX];
    char *end = text + sizeof(text);
    char *start = digits_before(end, (uint64_t)(exponent < 0 ? -exponent : exponent));
    if (end - start < 2) {
        *to++ = '0';
    }
    return put(to, start, (size_t)(end - start));
}

int turbo__json_write_real(turbo__buf *buf, double value)
{
    turbo__decimal decimal = turbo__decimal_from_real(value);
    char digits[INT_TEXT_MAX];
    char *end = digits + sizeof(digits);
    char *start = digits_before(end, decimal.digits);
    int count = (int)(end - start);
    int point = count + decimal.exponent;
    char text[REAL_TEXT_MAX];
    char *to = text;
    if (signbit(value)) {
        *to++ = '-';
    }
    to = point > FIXED_MIN && point <= FIXED_MAX ? write_fixed(to, start, count, point)
                                                 : write_scientific(to, start, count, point - 1);
    return turbo__buf_append(buf, text, (size_t)(to - text));
}
