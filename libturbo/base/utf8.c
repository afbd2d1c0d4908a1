/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <string.h>

static const char *ascii_run(const char *p, const char *end)
{
    const uint64_t high = 0x8080808080808080u;
    while (end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        if ((word & high) != 0) {
            break;
        }
        p += 8;
    }
    while (p < end && (unsigned char)*p < 0x80) {
        p++;
    }
    return p;
}

static bool is_between(unsigned char c, unsigned char low, unsigned char high)
{
    return c >= low && c <= high;
}

/* The length of the well-formed sequence of more than one byte at `p`, or 0. RFC 3629 §4 gives the
 * second byte a narrower range after four of the lead bytes. */
static size_t sequence(const char *p, const char *end)
{
    unsigned char lead = (unsigned char)p[0];
    size_t len = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (!is_between(lead, 0xC2, 0xF4) || (size_t)(end - p) < len) {
        return 0;
    }
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (!is_between((unsigned char)p[1], low, high)) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (!is_between((unsigned char)p[i], 0x80, 0xBF)) {
            return 0;
        }
    }
    return len;
}

bool turbo__utf8_check(turbo_str text, size_t *valid)
{
    const char *p = text.data;
    const char *end = text.len > 0 ? p + text.len : p;
    while (p < end) {
        p = ascii_run(p, end);
        size_t len = p < end ? sequence(p, end) : 0;
        if (len == 0) {
            break;
        }
        p += len;
    }
    if (valid != NULL) {
        *valid = text.len > 0 ? (size_t)(p - text.data) : 0;
    }
    return p == end;
}

size_t turbo__utf8_length(turbo_str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    }
    return count;
}

size_t turbo__utf8_encode(uint32_t code_point, char out[TURBO__UTF8_MAX])
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t len = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    out[0] = (char)(leads[len] | code_point);
    return len;
}
