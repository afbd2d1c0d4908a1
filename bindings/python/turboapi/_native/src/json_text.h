/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_JSON_TEXT_H
#define TURBOAPI_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TP_JSON_DEPTH 200 /* levels of nesting that are read and written in C */

/* Results of the functions that read and write JSON: failed with MemoryError; not for us, ask
 * Python; done. */
enum { TP_JSON_FAILED = -1, TP_JSON_PASS_ON = 0, TP_JSON_DONE = 1 };

/** Whether `byte` stands for itself inside a JSON string (RFC 8259 §7). */
static inline bool tp_json_is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\';
}

/** The number of leading bytes that stand for themselves, eight at a time. */
static inline size_t tp_json_plain_length(const char *data, size_t len)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);
    size_t i = 0;
    for (; i + sizeof(uint64_t) <= len; i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, data + i, sizeof(word));
        uint64_t quote = word ^ (ones * '"');
        uint64_t slash = word ^ (ones * '\\');
        uint64_t found =
            ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
        if ((found & highs) != 0) {
            break; /* one of these eight, or a false alarm: the loop below tells */
        }
    }
    while (i < len && tp_json_is_plain((unsigned char)data[i])) {
        i++;
    }
    return i;
}

/** Writes `c` as UTF-8 (RFC 3629 §3) to `out`, which has room for four bytes. Returns the end, or
 * NULL for a surrogate, which has no UTF-8 form. */
static inline char *tp_json_put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xC0 | (c >> 6));
    } else {
        if (c < 0x10000) {
            if (c >= 0xD800 && c <= 0xDFFF) {
                return NULL;
            }
            *out++ = (char)(0xE0 | (c >> 12));
        } else {
            *out++ = (char)(0xF0 | (c >> 18));
            *out++ = (char)(0x80 | ((c >> 12) & 0x3F));
        }
        *out++ = (char)(0x80 | ((c >> 6) & 0x3F));
    }
    *out++ = (char)(0x80 | (c & 0x3F));
    return out;
}

#endif
